"""Training: `train(model, images, TrainConfig(...))`; `train_steps` yields its progress."""

from .config import TrainConfig, learning_rate
from .folder import load_resume
from .loop import Progress, State, draw, seed, train, train_steps
from .speed import cpu_has_bf16, fast, keep_freed_memory

__all__ = [
    "Progress",
    "State",
    "TrainConfig",
    "cpu_has_bf16",
    "draw",
    "fast",
    "keep_freed_memory",
    "learning_rate",
    "load_resume",
    "seed",
    "train",
    "train_steps",
]
