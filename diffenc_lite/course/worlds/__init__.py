"""Worlds: data for which every term of the bound is known exactly, for lessons and for tests."""

from .best_motion import best_fade, best_motion, direction_bills
from .distributions import Gaussian, Mixture, PlusMinus, World
from .exact import SCALING, VDM, Exact, reconstruction_by_level, stretch
from .integrals import integrate, legendre_nodes, normal_nodes
from .pictures import PerfectDenoiser, drawn_variances
from .toy_likelihood import TOYS, Likelihood, likelihood

__all__ = [
    "SCALING", "TOYS", "VDM", "Exact", "Gaussian", "Likelihood", "Mixture", "PerfectDenoiser",
    "PlusMinus", "World", "best_fade", "best_motion", "direction_bills", "drawn_variances",
    "integrate", "legendre_nodes", "likelihood", "normal_nodes", "reconstruction_by_level",
    "stretch",
]  # fmt: skip
