"""Training: `train(model, images, TrainConfig(...))` yields its progress, `show` adds a bar."""

from .loop import TrainConfig, Trainer, fast, learning_rate
from .memory import keep_freed_memory
from .run import Progress, show, train

__all__ = [
    "Progress",
    "TrainConfig",
    "Trainer",
    "fast",
    "keep_freed_memory",
    "learning_rate",
    "show",
    "train",
]
