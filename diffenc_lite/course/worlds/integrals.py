"""Quadrature in float64: nodes and weights, and two integrals refined until they converge."""

from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from torch import Tensor

_REACH = 8.0  # farther from 0 a normal distribution has less than 1e-13 of its mass, in 1-D and 2-D


@cache
def legendre_nodes(n: int) -> tuple[Tensor, Tensor]:
    """Nodes (n,) and weights (n,) of Gauss and Legendre for an integral over [-1, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return torch.from_numpy(nodes), torch.from_numpy(weights)


@cache
def normal_nodes(spacing: float, dims: int = 1) -> tuple[Tensor, Tensor]:
    """Nodes (N, dims) and weights (N,) for means over eps ~ N(0, I); the weights have the sum 1.

    This is the trapezoidal rule. For a smooth function times a Gaussian its error decreases faster
    than any power of the spacing.
    """
    half = round(_REACH / spacing)
    line = torch.arange(-half, half + 1, dtype=torch.float64) * spacing
    nodes = torch.cartesian_prod(*[line] * dims).reshape(-1, dims)
    squared = nodes.square().sum(1)
    nodes, squared = nodes[squared <= _REACH**2], squared[squared <= _REACH**2]
    weights = torch.exp(-0.5 * squared)
    return nodes, weights / weights.sum()


def mean_over_normal(
    f: Callable[[Tensor], Tensor], dims: int = 1, tolerance: float = 1e-10
) -> Tensor:
    """E f(eps) for eps ~ N(0, I) in `dims` dimensions.

    Args: f maps nodes (N, dims) to values (M, N), for M means at the same time. Returns (M,).
    The spacing is halved until no mean changes by more than tolerance * (1 + |mean|).
    Raises ArithmeticError if this takes more than five halvings.
    """
    spacing, last = 0.4, None
    for _ in range(6):
        nodes, weights = normal_nodes(spacing, dims)
        mean = f(nodes) @ weights
        if last is not None and bool(((mean - last).abs() <= tolerance * (1 + mean.abs())).all()):
            return mean
        spacing, last = spacing / 2, mean
    raise ArithmeticError(
        f"f must be smooth: its mean did not converge to {tolerance:g}; got {mean.tolist()}"
    )


def integrate(
    f: Callable[[Tensor], Tensor], low: float, high: float, tolerance: float = 1e-8
) -> float:
    """The integral of f from low to high; f maps nodes (N,) to values (N,).

    Gauss-Legendre quadrature on panels. A panel is halved until the sum of its halves differs from
    the whole by less than its part of the tolerance. Raises ArithmeticError if this takes more than
    30 halvings.
    """
    edges = torch.linspace(low, high, 9, dtype=torch.float64)
    left, right = edges[:-1], edges[1:]
    whole = _panels(f, left, right)
    total = 0.0
    for _ in range(30):
        middle = (left + right) / 2
        left, right = torch.stack([left, middle], 1), torch.stack([middle, right], 1)
        halves = _panels(f, left.flatten(), right.flatten()).reshape(-1, 2)
        share = tolerance * (right[:, 1] - left[:, 0]) / (high - low)
        bad = (halves.sum(1) - whole).abs() > share
        total += float(halves[~bad].sum())
        if not bool(bad.any()):
            return total
        left, right, whole = left[bad].flatten(), right[bad].flatten(), halves[bad].flatten()
    raise ArithmeticError(
        f"f must be smooth: its integral from {low:g} to {high:g} did not converge to "
        f"{tolerance:g}, because of values near {float(left[0]):g}"
    )


def _panels(f: Callable[[Tensor], Tensor], left: Tensor, right: Tensor) -> Tensor:
    """The integral over every panel by 12 Gauss-Legendre nodes: (P,), (P,) -> (P,)."""
    nodes, weights = legendre_nodes(12)
    half = (right - left) / 2
    points = ((left + right) / 2)[:, None] + half[:, None] * nodes
    return half * (f(points.flatten()).reshape(points.shape) @ weights)
