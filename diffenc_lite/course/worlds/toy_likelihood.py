"""The exact probability of every pair of levels of a two-dimensional toy, by quadrature.

The toys of data/toys.py are points in the plane, rounded to the nearest level. Both are mixtures of
Gaussians with variance s^2 I: "mixture" of four, "swirl" of one for every angle of the spiral. The
probability of a square cell under such a Gaussian is a product of two differences of the normal
distribution function. So P is a table of 256 x 256 numbers, exact up to rounding. It gives H(x),
the lowest value that a bound can have on average (X5).

From P follow the exact denoiser E[x | z] and the information I(x; z) for z = alpha x + sigma eps.
The noise is independent in the two coordinates, so both are products of matrices.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ... import data, pixels
from ...arguments import check_one_of
from ...gaussian import kl_to_standard
from ...model import DiffEnc
from ...schedule import LinearSchedule, Noise
from .exact import KnownDenoiser, reconstruction_by_level
from .integrals import integrate, legendre_nodes

TOYS = ("mixture", "swirl")
_PANELS = 400  # of the spiral's angle, each about one standard deviation long


@dataclass(frozen=True, eq=False, repr=False)
class Likelihood:
    """P(k_1, k_2) of one toy: a float64 table (K, K) with sum 1."""

    name: str
    probability: Tensor

    @property
    def levels(self) -> int:
        return len(self.probability)

    @cached_property
    def entropy(self) -> float:
        """H(x) = -sum P ln P, in nats for one point (X5)."""
        p = self.probability
        return float(-torch.xlogy(p, p).sum())

    @cached_property
    def x(self) -> Tensor:
        """The values of the levels in (-1, 1), (K,)."""
        every = torch.arange(self.levels, dtype=torch.uint8)
        return pixels.to_unit(every, self.levels, torch.float64)

    @property
    def _share(self) -> Tensor:
        """The probability of each level, summed over both coordinates: (K,)."""
        return self.probability.sum(0) + self.probability.sum(1)

    def posterior_mean(self, z: Tensor, noise: Noise) -> Tensor:
        """E[x | z] for z = alpha x + sigma eps: the exact denoiser of a VDM (F1, X5).

        Args: z (N, 2); noise of one depth or of N. Returns float64 (N, 2).
        """
        alpha, sigma = (a.double()[:, None, None] for a in (noise.alpha, noise.sigma))
        away = (z.double()[:, :, None] - alpha * self.x) / sigma  # (N, 2, K)
        first, second = (-0.5 * away.square()).softmax(2).unbind(1)  # (N, K)
        rows = first @ self.probability  # (N, K)
        weight = (rows * second).sum(1)
        mean = (((first * self.x) @ self.probability) * second).sum(1), (rows * second) @ self.x
        return torch.stack(mean, 1) / weight[:, None]

    def information(self, noise: Noise) -> float:
        """I(x; z) = h(z) - h(sigma eps) in nats, for z = alpha x + sigma eps."""
        kernel, area = self._kernel(noise)
        entropy = 0.0
        for chunk in kernel.split(256):  # to save memory
            density = chunk @ self.probability @ kernel.T
            entropy -= float(torch.xlogy(density, density).sum()) * area
        return entropy - (1 + math.log(2 * math.pi) + 2 * math.log(float(noise.sigma)))

    def mmse(self, noise: Noise) -> float:
        """E||x - E[x | z]||^2, the smallest mean squared error at this noise level."""
        kernel, area = self._kernel(noise)
        known = 0.0  # E||E[x | z]||^2
        for chunk in kernel.split(256):
            rows = chunk @ self.probability
            first = (chunk * self.x) @ self.probability @ kernel.T
            second = rows @ (kernel * self.x).T
            density = (rows @ kernel.T).clamp(min=1e-300)
            known += float(((first.square() + second.square()) / density).sum()) * area
        return float(self._share @ self.x.square()) - known

    def _kernel(self, noise: Noise) -> tuple[Tensor, float]:
        """N(z; alpha x, sigma^2) for z on a grid and every level x, (G, K); and the area of a cell.

        p(z) on the grid in the plane is kernel @ P @ kernel.T. The grid is for the trapezoidal rule
        and has three points per sigma. For a smooth density the error of this rule decreases faster
        than any power of the spacing.
        """
        alpha, sigma = float(noise.alpha), float(noise.sigma)
        points = 3 * math.ceil(2 * (alpha / sigma + 9)) + 1
        z = torch.linspace(-1, 1, points, dtype=torch.float64) * (alpha + 9 * sigma)
        away = (z[:, None] - alpha * self.x) / sigma
        kernel = torch.exp(-0.5 * away.square()) / (sigma * math.sqrt(2 * math.pi))
        return kernel, float(z[1] - z[0]) ** 2

    def perfect_vdm(self, schedule: LinearSchedule) -> tuple[float, float, float]:
        """Prior, reconstruction and diffusion of the exact VDM, in nats (L0, L1, X5).

        Their sum is larger than H(x) by two terms. The first is KL(q(z_1) || N(0, I)), the most
        that an encoder can save. The second comes from p(x | z_0), which treats the two coordinates
        as independent.
        """
        at_0, at_1 = (schedule(torch.full((1,), t, dtype=torch.float64)) for t in (0.0, 1.0))
        costs = kl_to_standard(at_1.alpha * self.x[:, None], at_1.sigma.square())
        by_level = reconstruction_by_level(float(at_0.gamma), self.levels)
        diffusion = self.information(at_0) - self.information(at_1)
        return float(self._share @ costs), float(self._share @ by_level), diffusion

    def scaling_price(self, schedule: LinearSchedule) -> float:
        """(1/2) int eta sigma^4 mmse(eta) dgamma with eta = SNR alpha^4, in nats (X4).

        This is the diffusion loss of the scaling encoder with its exact denoiser, minus that of a
        VDM with the same marginals q(z_t | x). The integral starts at gamma = -8: below it sigma^4
        is so small that the first seven digits do not change.
        """

        def rate(gamma: Tensor) -> Tensor:
            log_snr = -gamma + 2 * torch.nn.functional.logsigmoid(-gamma)
            errors = [self.mmse(Noise.from_gamma(-level)) for level in log_snr]
            mmse = torch.tensor(errors, dtype=torch.float64)
            return 0.5 * log_snr.exp() * gamma.sigmoid().square() * mmse

        low, high = max(-8.0, float(schedule.gamma_min)), float(schedule.gamma_max)
        return integrate(rate, low, high, 1e-6)

    def model(self) -> DiffEnc:
        """The VDM with the exact denoiser in float64, for `elbo` and `sample`."""
        denoiser = KnownDenoiser(self.posterior_mean, (2,))
        return DiffEnc(denoiser, schedule=LinearSchedule(), levels=self.levels)


def likelihood(name: str, levels: int = 256) -> Likelihood:
    """The table of one toy. Raises ValueError if the name is not "mixture" or "swirl"."""
    check_one_of("name", name, TOYS)
    if name == "mixture":
        rows = (data.MIXTURE_WEIGHTS, data.MIXTURE_MEANS, data.MIXTURE_STDS)
        weights, means, stds = (torch.tensor(row, dtype=torch.float64) for row in rows)
    else:
        weights, means, stds = _swirl()
    first, second = (_in_cells(means[:, i], stds, levels) for i in (0, 1))
    return Likelihood(name, first.T @ (weights[:, None] * second))


def _in_cells(mean: Tensor, std: Tensor, levels: int) -> Tensor:
    """The probability that N(mean, std^2) is rounded to each level: (N,), (N,) -> (N, K).

    Cell k goes from 2 k / K - 1 to 2 (k + 1) / K - 1; the first and the last include the tails.
    A difference is computed in the tail where both its terms are small: without cancellation.
    """
    edges = torch.linspace(-1, 1, levels + 1, dtype=torch.float64)
    edges[0], edges[-1] = -math.inf, math.inf
    z = (edges - mean[:, None]) / std[:, None]
    low, high = z[:, :-1], z[:, 1:]
    flip = low > 0
    low, high = torch.where(flip, -high, low), torch.where(flip, -low, high)
    return 0.5 * (torch.special.erfc(-high / 2**0.5) - torch.special.erfc(-low / 2**0.5))


def _swirl() -> tuple[Tensor, Tensor, Tensor]:
    """The spiral as a mixture of many Gaussians, by Gauss-Legendre quadrature over its angle.

    The angle is 3 pi sqrt(u) with u uniform, so its density is 2 angle / (3 pi)^2.
    """
    end = 3 * math.pi
    nodes, weights = legendre_nodes(12)
    half = end / _PANELS / 2
    middle = half * (2 * torch.arange(_PANELS, dtype=torch.float64) + 1)
    angle = (middle[:, None] + half * nodes).flatten()
    weight = (half * weights).repeat(_PANELS) * 2 * angle / end**2
    return weight, data.swirl_mean(angle.double()), torch.full_like(angle, data.SWIRL_STD)
