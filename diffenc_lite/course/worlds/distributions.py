"""Distributions of data that are known exactly: mixtures of Gaussians, observed with noise.

For z = sqrt(snr) x + eps, two functions of the signal-to-noise ratio give everything else: `mmse`,
the smallest possible mean squared error of a denoiser, and `information`, I(x; z), whose derivative
is mmse / 2. Both are computed by quadrature in float64. Information is in nats for one example.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import torch
from torch import Tensor

from ...arguments import as_real
from .integrals import mean_over_normal

Components = tuple[Tensor, Tensor, Tensor]


class World:
    """Data from a mixture of Gaussians N(mean_k, variance_k I), in 1-D or 2-D.

    If all variances are 0, the data are discrete. A world of one dimension also stands for data of
    any shape whose dimensions are independent copies of it; its numbers are then per dimension.
    """

    @property
    def components(self) -> Components:
        """Weights (K,), means (K, d) and variances (K,), float64."""
        raise NotImplementedError

    @property
    def dims(self) -> int:
        return self.components[1].shape[1]

    @property
    def tolerance(self) -> float:
        """The error allowed in a mean over eps; that of an integral over gamma is 100 times it."""
        return 1e-10 if self.dims == 1 else 1e-7

    def _normal_mean(self, f: Callable[[Tensor], Tensor]) -> Tensor:
        return mean_over_normal(f, self.dims, self.tolerance)

    @property
    def second_moment(self) -> float:
        """E||x||^2"""
        weights, means, variances = self.components
        return float(weights @ (means.square().sum(1) + self.dims * variances))

    @property
    def entropy(self) -> float:
        """H(x) in nats (X5); for continuous data it is the differential entropy."""
        weights, means, variances = self.components
        if not bool(variances.any()):
            return float(-(weights * weights.log()).sum())

        def surprise(eps: Tensor) -> Tensor:
            x = means[:, None] + variances[:, None, None].sqrt() * eps  # (K, N, d)
            return -weights[:, None] * self.log_density(x)

        return float(self._normal_mean(surprise).sum())

    def log_density(self, x: Tensor) -> Tensor:
        """ln p(x) in nats, for x (..., d): (...). Raises ValueError for discrete data."""
        if not bool(self.components[2].all()):
            raise ValueError("log_density needs continuous data; this world has variances of 0")
        _, means, variances = self.components
        z = x.double().movedim(-1, 0)  # (d, ...)
        return self._log_joint(z - _column(means, z[0]), _column(variances, z[0])).logsumexp(0)

    # In the methods below the axes are components, dimensions, then those of z: (K, d, ...). Torch
    # sums and normalises over the first axes much faster than over short last ones.

    def _log_joint(self, gap: Tensor, spread: Tensor) -> Tensor:
        """ln(weight_k N(gap_k; 0, spread_k I)), for gap (K, d, ...), spread (K, ...): (K, ...)."""
        weights = _column(self.components[0], spread[0])
        distance = gap.square().sum(1) / spread
        return weights.log() - 0.5 * (distance + self.dims * (2 * math.pi * spread).log())

    def _channel(self, z: Tensor, snr: Tensor) -> tuple[Tensor, Tensor]:
        """z - E[z | k] (K, d, ...) and Var[z | k] (K, ...) for every component k.

        z = sqrt(snr) x + eps is (d, ...), snr is (...).
        """
        _, means, variances = self.components
        return z - snr.sqrt() * _column(means, snr), 1 + snr * _column(variances, snr)

    def _posterior(self, z: Tensor, snr: Tensor) -> tuple[Tensor, Tensor]:
        """E[x | z] (d, ...) and the trace of Var[x | z] (...); arguments as in `_channel`."""
        _, means, variances = self.components
        gap, spread = self._channel(z, snr)
        share = self._log_joint(gap, spread).softmax(0)  # (K, ...)
        within = _column(variances, snr) / spread  # Var[x | z, k], of one coordinate
        centre = _column(means, snr) + (snr.sqrt() * within)[:, None] * gap  # E[x | z, k]
        mean = (share[:, None] * centre).sum(0)
        between = (centre - mean).square().sum(1)
        return mean, (share * (self.dims * within + between)).sum(0)

    def posterior_mean(self, z: Tensor, snr: Tensor) -> Tensor:
        """E[x | z], the exact denoiser, for z = sqrt(snr) x + eps: z (..., d) and snr (...)."""
        return self._posterior(z.movedim(-1, 0), snr)[0].movedim(0, -1)

    def mmse(self, snr: Tensor) -> Tensor:
        """E||x - E[x | z]||^2 at every signal-to-noise ratio, in the shape of snr."""
        # (1 + snr) mmse is of order 1 for every snr, so the tolerance acts as a relative one.
        scaled = self._mean_over_z(lambda z, eta: (1 + eta) * self._posterior(z, eta)[1], snr)
        return scaled / (1 + snr)

    def information(self, snr: Tensor) -> Tensor:
        """I(x; z) = h(z) - h(eps) in nats at every signal-to-noise ratio, in the shape of snr."""
        surprise = self._mean_over_z(
            lambda z, eta: -self._log_joint(*self._channel(z, eta)).logsumexp(0), snr
        )
        return surprise - 0.5 * self.dims * (1 + math.log(2 * math.pi))

    def _mean_over_z(self, f: Callable[[Tensor, Tensor], Tensor], snr: Tensor) -> Tensor:
        """E f(z, snr) over z = sqrt(snr) x + eps, in the shape of snr.

        f maps z (d, M, N) and snr (M, N) to (M, N).
        """
        weights, means, variances = self.components

        def over_components(chunk: Tensor, eps: Tensor) -> Tensor:
            snr = chunk[:, None].expand(-1, len(eps))
            total = torch.zeros_like(snr)
            for weight, mean, variance in zip(weights, means, variances, strict=True):
                z = snr.sqrt() * _column(mean, snr) + (1 + snr * variance).sqrt() * eps.T[:, None]
                total = total + weight * f(z, snr)
            return total

        # A few values of snr at a time, to stay in the cache: in 2-D there are over 10,000 nodes.
        chunks = snr.double().flatten().split(64 if self.dims == 1 else 1)
        means_over_z = [self._normal_mean(partial(over_components, chunk)) for chunk in chunks]
        return torch.cat(means_over_z).reshape(snr.shape)

    def draw(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n examples, (n, d), float64."""
        weights, means, variances = self.components
        k = torch.multinomial(weights, n, replacement=True, generator=generator)
        eps = torch.randn(n, self.dims, dtype=torch.float64, generator=generator)
        return means[k] + variances[k, None].sqrt() * eps


def _column(a: Tensor, like: Tensor) -> Tensor:
    """(K, ...) -> (K, ..., 1, ..., 1): one more axis for each axis of `like`."""
    return a.reshape(*a.shape, *[1] * like.dim())


def _components(*rows: Sequence[float] | Sequence[Sequence[float]]) -> Components:
    weights, means, variances = (torch.tensor(row, dtype=torch.float64) for row in rows)
    return weights, means, variances


@dataclass(frozen=True)
class Gaussian(World):
    """N(0, variance), in one dimension (X2)."""

    variance: float = 1.0

    def __post_init__(self) -> None:
        as_real("variance", self.variance, "positive and finite", lambda given: given > 0)

    @cached_property
    def components(self) -> Components:
        return _components([1.0], [[0.0]], [self.variance])


@dataclass(frozen=True)
class PlusMinus(World):
    """+value or -value, each with probability 1/2, in one dimension (X3)."""

    value: float = 1.0

    def __post_init__(self) -> None:
        as_real("value", self.value, "positive and finite", lambda given: given > 0)

    @cached_property
    def components(self) -> Components:
        return _components([0.5, 0.5], [[-self.value], [self.value]], [0.0, 0.0])


@dataclass(frozen=True)
class Mixture(World):
    """sum_k weight_k N(mean_k, variance_k I) in 1-D or 2-D.

    Args: means, a row of 1 or 2 numbers for each component; variances, all positive, or all 0 for
        discrete data at different points; weights, positive with sum 1, equal if not given.
    """

    means: Sequence[Sequence[float]]
    variances: Sequence[float]
    weights: Sequence[float] | None = None

    def __post_init__(self) -> None:
        rows = [tuple(row) for row in self.means]
        if not rows or len({len(row) for row in rows}) != 1 or len(rows[0]) not in (1, 2):
            raise ValueError(
                f"means must be rows of 1 number, or rows of 2 numbers; got {self.means}"
            )
        n, given, weights = len(rows), self.variances, self._weights
        if len(given) != n or not (all(v > 0 for v in given) or all(v == 0 for v in given)):
            raise ValueError(f"variances must be {n} numbers, all positive or all 0; got {given}")
        if not any(given) and len(set(rows)) < n:
            raise ValueError(f"means must differ if the variances are 0; got {self.means}")
        if len(weights) != n or min(weights) <= 0 or abs(sum(weights) - 1) > 1e-9:
            raise ValueError(f"weights must be {n} positive numbers with sum 1; got {weights}")

    @property
    def _weights(self) -> Sequence[float]:
        n = len(self.means)
        return [1 / n] * n if self.weights is None else self.weights

    @cached_property
    def components(self) -> Components:
        return _components(self._weights, self.means, self.variances)
