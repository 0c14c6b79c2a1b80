"""Training: `train(model, images, TrainConfig(...))` yields its progress, `show` adds a bar."""

from .config import TrainConfig, learning_rate
from .loop import State, updates
from .memory import keep_freed_memory
from .precision import cpu_has_bf16, fast
from .run import Progress, show, train

__all__ = [
    "Progress",
    "State",
    "TrainConfig",
    "cpu_has_bf16",
    "fast",
    "keep_freed_memory",
    "learning_rate",
    "show",
    "train",
    "updates",
]
