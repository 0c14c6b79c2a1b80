"""Training: `train(model, images, TrainConfig(...))`; `train_steps` yields its progress."""

from .config import TrainConfig, learning_rate
from .folder import load_resume
from .loop import Progress, State, draw, seed, train, train_steps
from .speed import fast, keep_freed_memory
