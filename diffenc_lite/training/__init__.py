"""Training: `train(model, images, TrainConfig(...))`; `train_steps` yields its progress."""

from .config import OPTIMIZERS, TrainConfig, learning_rate
from .draws import draw_batch, seed_for
from .folder import load_resume
from .loop import train, train_steps
from .run import Progress
from .speed import bf16_if_faster, keep_freed_memory
from .state import TrainState
