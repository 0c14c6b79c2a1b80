"""Training: `train(model, images, TrainConfig(...))`; `train_steps` yields its progress."""

from .config import TrainConfig, learning_rate
from .loop import State, minimise, seed, updates
from .memory import keep_freed_memory
from .precision import cpu_has_bf16, fast
from .run import Progress, train, train_steps, with_bar

__all__ = [
    "Progress",
    "State",
    "TrainConfig",
    "cpu_has_bf16",
    "fast",
    "keep_freed_memory",
    "learning_rate",
    "minimise",
    "seed",
    "train",
    "train_steps",
    "updates",
    "with_bar",
]
