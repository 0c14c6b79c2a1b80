"""Training: `train(model, images, TrainConfig(...))`; `train_steps` yields its progress."""

from .config import TrainConfig, learning_rate
from .folder import load_resume
from .loop import Progress, State, draw_batch, seed_for, train, train_steps
from .speed import in_bf16, keep_freed_memory
