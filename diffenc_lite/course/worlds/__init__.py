"""Worlds: data for which every term of the bound is known exactly, for lessons and for tests."""

from .best_motion import best_motion, direction_bills
from .distributions import Gaussian, Mixture, PlusMinus, World
from .exact import SCALING, VDM, Exact, ExactDenoiser, Stretch, reconstruction_by_level, stretch
from .integrals import integrate, normal_mean, normal_nodes
from .toy_likelihood import TOYS, Likelihood, likelihood

__all__ = [
    "SCALING",
    "TOYS",
    "VDM",
    "Exact",
    "ExactDenoiser",
    "Gaussian",
    "Likelihood",
    "Mixture",
    "PlusMinus",
    "Stretch",
    "World",
    "best_motion",
    "direction_bills",
    "integrate",
    "likelihood",
    "normal_mean",
    "normal_nodes",
    "reconstruction_by_level",
    "stretch",
]
