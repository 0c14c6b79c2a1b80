"""Variational diffusion with a time-dependent encoder (DiffEnc), small enough to read."""

from .bound import Bound, elbo
from .checkpoint import load_pretrained
from .data import load_mnist, toy
from .encoder import Encoding, IdentityEncoder, LearnedEncoder, ScalingEncoder
from .evaluation import Evaluation, evaluate
from .model import DiffEnc, ModelConfig, build
from .sampling import Step, sample, sample_steps
from .schedule import LearnedSchedule, LinearSchedule, Noise
from .training import TrainConfig, show, train

__version__ = "0.1.0"

__all__ = [
    "Bound",
    "DiffEnc",
    "Encoding",
    "Evaluation",
    "IdentityEncoder",
    "LearnedEncoder",
    "LearnedSchedule",
    "LinearSchedule",
    "ModelConfig",
    "Noise",
    "ScalingEncoder",
    "Step",
    "TrainConfig",
    "build",
    "elbo",
    "evaluate",
    "load_mnist",
    "load_pretrained",
    "sample",
    "sample_steps",
    "show",
    "toy",
    "train",
]
