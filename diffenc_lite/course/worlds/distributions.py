"""Distributions of data about which everything is known: mixtures of Gaussians in noise.

z = sqrt(snr) x + eps. Two functions of the signal-to-noise ratio carry all the rest: the smallest
possible squared error of a denoiser, `mmse`, and the `information` I(x; z), whose slope is half the
first. All is float64, by quadrature, in nats for one example.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from .integrals import normal_mean


class World:
    """Data drawn from a mixture of Gaussians N(mean_k, variance_k I), in 1-D or 2-D.

    Variances of 0 make the data discrete. A world of one dimension also serves data of any shape
    whose dimensions are independent copies of it; the figures are then per dimension.
    """

    @property
    def components(self) -> tuple[Tensor, Tensor, Tensor]:
        """weights (K,), means (K, d) and variances (K,), float64"""
        raise NotImplementedError

    @property
    def dims(self) -> int:
        return self.components[1].shape[1]

    @property
    def tolerance(self) -> float:
        """of every mean over the noise; integrals over gamma are good to 100 times as much"""
        return 1e-10 if self.dims == 1 else 1e-7

    def _normal_mean(self, f: Callable[[Tensor], Tensor]) -> Tensor:
        return normal_mean(f, self.dims, self.tolerance)

    @property
    def second_moment(self) -> float:
        """E ||x||^2"""
        weights, means, variances = self.components
        return float(weights @ (means.square().sum(1) + self.dims * variances))

    @property
    def entropy(self) -> float:
        """H(x) in nats; the differential entropy where the data are continuous                X5"""
        weights, means, variances = self.components
        if not bool(variances.any()):
            return float(-(weights * weights.log()).sum())

        def surprise(eps: Tensor) -> Tensor:
            x = means[:, None] + variances[:, None, None].sqrt() * eps  # (K, N, d)
            return -weights[:, None] * self.log_density(x)

        return float(self._normal_mean(surprise).sum())

    def log_density(self, x: Tensor) -> Tensor:
        """ln p(x) for x (..., d): (...), in nats. Not for discrete data."""
        if not bool(self.components[2].all()):
            raise ValueError("log_density needs continuous data; this world has variances of 0")
        _, means, variances = self.components
        z = x.double().movedim(-1, 0)  # (d, ...)
        return self._log_joint(z - _column(means, z[0]), _column(variances, z[0])).logsumexp(0)

    # Inside, axes run components, dimensions, then whatever z has: (K, d, ...). Torch sums and
    # normalises over leading axes many times faster than over short trailing ones.

    def _log_joint(self, gap: Tensor, spread: Tensor) -> Tensor:
        """ln(weight_k N(gap_k; 0, spread_k I)), gaps (K, d, ...), spreads (K, ...): (K, ...)"""
        weights = _column(self.components[0], spread[0])
        distance = gap.square().sum(1) / spread
        return weights.log() - 0.5 * (distance + self.dims * (2 * math.pi * spread).log())

    def _channel(self, z: Tensor, snr: Tensor) -> tuple[Tensor, Tensor]:
        """For z = sqrt(snr) x + eps, z (d, ...) and snr (...): z less its mean under every
        component (K, d, ...), and the variances about it (K, ...)."""
        _, means, variances = self.components
        return z - snr.sqrt() * _column(means, snr), 1 + snr * _column(variances, snr)

    def _posterior(self, z: Tensor, snr: Tensor) -> tuple[Tensor, Tensor]:
        """E[x | z] (d, ...) and the trace of Var[x | z] (...), for z (d, ...) as in `_channel`."""
        _, means, variances = self.components
        gap, spread = self._channel(z, snr)
        share = self._log_joint(gap, spread).softmax(0)  # (K, ...)
        own = _column(variances, snr) / spread
        each = _column(means, snr) + (snr.sqrt() * own)[:, None] * gap  # (K, d, ...)
        mean = (share[:, None] * each).sum(0)
        between = (each - mean).square().sum(1)
        return mean, (share * (self.dims * own + between)).sum(0)

    def posterior_mean(self, z: Tensor, snr: Tensor) -> Tensor:
        """E[x | z] for z = sqrt(snr) x + eps, z (..., d), snr (...): the exact denoiser."""
        return self._posterior(z.movedim(-1, 0), snr)[0].movedim(0, -1)

    def mmse(self, snr: Tensor) -> Tensor:
        """E ||x - E[x | z]||^2 at every signal-to-noise ratio, (M,) -> (M,)"""
        # Times 1 + snr it is of order 1 everywhere, so that the tolerance is a relative one.
        scaled = self._mean_over_z(lambda z, part: (1 + part) * self._posterior(z, part)[1], snr)
        return scaled / (1 + snr)

    def information(self, snr: Tensor) -> Tensor:
        """I(x; z) in nats at every signal-to-noise ratio, (M,) -> (M,): the entropy of z less that
        of its noise"""
        surprise = self._mean_over_z(
            lambda z, part: -self._log_joint(*self._channel(z, part)).logsumexp(0), snr
        )
        return surprise - 0.5 * self.dims * (1 + math.log(2 * math.pi))

    def _mean_over_z(self, f: Callable[[Tensor, Tensor], Tensor], snr: Tensor) -> Tensor:
        """The mean of f(z (d, M, N), snr (M, N)) -> (M, N) over z = sqrt(snr) x + eps, (M,)"""
        weights, means, variances = self.components

        def over_components(part: Tensor, eps: Tensor) -> Tensor:
            snr = part[:, None].expand(-1, len(eps))
            total = torch.zeros_like(snr)
            for weight, mean, variance in zip(weights, means, variances, strict=True):
                z = snr.sqrt() * _column(mean, snr) + (1 + snr * variance).sqrt() * eps.T[:, None]
                total = total + weight * f(z, snr)
            return total

        # A few ratios at a time, to stay in the cache: in 2-D there are tens of thousands of nodes.
        parts = snr.double().split(64 if self.dims == 1 else 1)
        return torch.cat([self._normal_mean(partial(over_components, part)) for part in parts])

    def draw(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n examples, (n, d), float64"""
        weights, means, variances = self.components
        k = torch.multinomial(weights, n, replacement=True, generator=generator)
        eps = torch.randn(n, self.dims, dtype=torch.float64, generator=generator)
        return means[k] + variances[k, None].sqrt() * eps


def _column(a: Tensor, like: Tensor) -> Tensor:
    """(K, ...) -> (K, ..., 1, ..., 1), with as many more axes as `like` has."""
    return a.reshape(*a.shape, *[1] * like.dim())


def _rows(*columns: Sequence[float] | Sequence[Sequence[float]]) -> tuple[Tensor, ...]:
    return tuple(torch.tensor(column, dtype=torch.float64) for column in columns)


@dataclass(frozen=True)
class Gaussian(World):
    """N(0, variance), one dimension                                                           X2"""

    variance: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.variance < math.inf:
            raise ValueError(f"variance must be positive and finite; got {self.variance}")

    @property
    def components(self) -> tuple[Tensor, Tensor, Tensor]:
        weights, means, variances = _rows([1.0], [[0.0]], [self.variance])
        return weights, means, variances


@dataclass(frozen=True)
class PlusMinus(World):
    """+value or -value with equal odds, one dimension                                         X3"""

    value: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.value < math.inf:
            raise ValueError(f"value must be positive and finite; got {self.value}")

    @property
    def components(self) -> tuple[Tensor, Tensor, Tensor]:
        weights, means, variances = _rows([0.5, 0.5], [[-self.value], [self.value]], [0.0, 0.0])
        return weights, means, variances


@dataclass(frozen=True)
class Mixture(World):
    """sum_k weight_k N(mean_k, variance_k I) in 1-D or 2-D

    Args: means, one row of 1 or 2 numbers for each component; variances, all positive or (for
    discrete data at distinct points) all 0; weights, positive, summing to 1, equal if not given.
    """

    means: Sequence[Sequence[float]]
    variances: Sequence[float]
    weights: Sequence[float] | None = None

    def __post_init__(self) -> None:
        rows = [tuple(row) for row in self.means]
        if not rows or len({len(row) for row in rows}) != 1 or len(rows[0]) not in (1, 2):
            raise ValueError(f"means must be rows of 1 or of 2 numbers; got {self.means}")
        given = self.variances
        if len(given) != len(rows) or not (all(v > 0 for v in given) or all(v == 0 for v in given)):
            raise ValueError(
                f"variances must be {len(rows)} numbers, all positive or all 0; got {given}"
            )
        if not any(given) and len(set(rows)) < len(rows):
            raise ValueError(f"means must be distinct where the variances are 0; got {self.means}")
        odds = self.weights
        if odds is not None and (
            len(odds) != len(rows) or min(odds) <= 0 or abs(sum(odds) - 1) > 1e-9
        ):
            raise ValueError(
                f"weights must be {len(rows)} positive numbers that sum to 1; got {odds}"
            )

    @property
    def components(self) -> tuple[Tensor, Tensor, Tensor]:
        odds = [1 / len(self.means)] * len(self.means) if self.weights is None else self.weights
        weights, means, variances = _rows(odds, self.means, self.variances)
        return weights, means, variances
