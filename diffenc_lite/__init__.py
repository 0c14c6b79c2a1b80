"""Variational diffusion with a time-dependent encoder (DiffEnc), small enough to read."""

from .bound import Bound, elbo
from .encoder import Encoding, IdentityEncoder, LearnedEncoder, ScalingEncoder
from .model import DiffEnc
from .sampling import Step, sample, sample_steps
from .schedule import LearnedSchedule, LinearSchedule, Noise

__version__ = "0.1.0"

__all__ = [
    "Bound",
    "DiffEnc",
    "Encoding",
    "IdentityEncoder",
    "LearnedEncoder",
    "LearnedSchedule",
    "LinearSchedule",
    "Noise",
    "ScalingEncoder",
    "Step",
    "elbo",
    "sample",
    "sample_steps",
]
