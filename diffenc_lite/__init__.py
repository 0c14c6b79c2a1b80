"""Variational diffusion with a time-dependent encoder (DiffEnc), small enough to read."""

from .bound import Bound, elbo
from .data import load_mnist, toy
from .encoder import Encoding, IdentityEncoder, LearnedEncoder, ScalingEncoder
from .evaluation import Evaluation, evaluate
from .model import DiffEnc, ModelConfig, build
from .pretrained import load_pretrained
from .ratio import RatioEstimate, best_time_grid, edge_costs, estimate_ratio, optimal_ratio
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
    "RatioEstimate",
    "ScalingEncoder",
    "Step",
    "TrainConfig",
    "best_time_grid",
    "build",
    "edge_costs",
    "elbo",
    "estimate_ratio",
    "evaluate",
    "load_mnist",
    "load_pretrained",
    "optimal_ratio",
    "sample",
    "sample_steps",
    "show",
    "toy",
    "train",
]
