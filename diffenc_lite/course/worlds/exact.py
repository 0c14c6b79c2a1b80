"""Worlds in which every term of the bound is known exactly (X2-X5), for lessons and for tests.

A world is a distribution of data: `Gaussian`, `PlusMinus` or `Mixture` (distributions.py).
`Exact(world, encoder)` is the diffusion model with the exact denoiser for it. The encoder has the
form x_t = c(lambda) x: `VDM` (c = 1), `SCALING` (c = alpha^2), or `stretch(c)` for any other c. All
values are float64, in nats for one example, averaged over the data.

They are known because with such an encoder z_t has the same information about x as
z = sqrt(eta_t) x + eps, where eta_t = SNR(t) c_t^2.

    Exact(Gaussian(1.0)).total(steps=100, ratio=0.5)
    Exact(PlusMinus(), SCALING).total() - math.log(2)
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from ... import process
from ...chain import Chain
from ...encoder import Encoder, IdentityEncoder, LearnedEncoder, ScalingEncoder, has_counterterm
from ...gaussian import best_ratio, kl_ratio
from ...model import DiffEnc
from ...schedule import GAMMA_MAX, GAMMA_MIN, LinearSchedule, Noise, step_c, value_and_slope
from .distributions import World
from .integrals import integrate, mean_over_normal

Ratio = float | Tensor | str

# --- reconstruction ------------------------------------------------------------------------------


def reconstruction_by_level(
    gamma_0: float = GAMMA_MIN, levels: int = 256, scale: float = 1.0
) -> Tensor:
    """E[-log p(x | z_0)] for every level l_k of x (L1), where
    z_0 / alpha_0 = scale l_k + exp(gamma_0 / 2) eps.

    Returns nats per dimension, (levels,). Args: scale, c of the encoder at t = 0: 1 for E1,
    alpha_0^2 for E2. It does not depend on any network.
    """
    grid = (2 * torch.arange(levels, dtype=torch.float64) + 1) / levels - 1
    # exp(-gamma_0 / 2) (z_0 / alpha_0 - l_j) - eps; row k is the true level, column j is l_j
    away = math.exp(-gamma_0 / 2) * (scale * grid[:, None] - grid)

    def cost(eps: Tensor) -> Tensor:
        logits = -0.5 * (away[:, None, :] + eps).square()  # (levels, N, levels)
        return logits.logsumexp(-1) - logits.diagonal(dim1=0, dim2=2).T

    return mean_over_normal(
        lambda eps: torch.cat([cost(chunk) for chunk in eps.split(64)], 1), tolerance=1e-9
    )


# --- encoders -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stretch:
    """An encoder x_t = c(lambda) x.

    c: a positive function of tensors; encoder: the same as an encoder of the library.
    """

    c: Callable[[Tensor], Tensor]
    encoder: Encoder

    def at(self, gamma: Tensor) -> tuple[Tensor, Tensor]:
        """c and a = d ln c / d lambda at lambda = -gamma. Raises ValueError unless c > 0."""
        c, slope = value_and_slope(self.c, -gamma.double())
        if not bool((c > 0).all()):
            raise ValueError(f"c(lambda) must be positive; got {float(c.min()):g}")
        return c, slope / c

    def snr(self, gamma: Tensor) -> Tensor:
        """eta = SNR c^2: the signal-to-noise ratio for x in z_t (that for x_t is SNR)."""
        return torch.exp(-gamma.double()) * self.at(gamma)[0].square()

    def gain(self, gamma: Tensor) -> Tensor:
        """x_hat / E[x | z_t] of the denoiser that minimises L4 (X6)."""
        c, a = self.at(gamma)
        return c * (1 + a) / (1 + has_counterterm(self.encoder) * torch.sigmoid(gamma))


VDM = Stretch(torch.ones_like, IdentityEncoder())  # E1
SCALING = Stretch(torch.sigmoid, ScalingEncoder())  # E2, c = alpha^2


class _StretchNetwork(nn.Module):
    """y(x, gamma) such that x_t of E3 is c x: alpha^2 x + sigma^2 y = c x."""

    def __init__(self, c: Callable[[Tensor], Tensor]):
        super().__init__()
        self.c = c

    def forward(self, x: Tensor, gamma: Tensor) -> Tensor:
        k = (self.c(-gamma) - torch.sigmoid(-gamma)) / torch.sigmoid(gamma)
        return k.reshape(-1, *[1] * (x.dim() - 1)) * x


def stretch(c: Callable[[Tensor], Tensor]) -> Stretch:
    """E3 with the y that gives x_t = c(lambda) x, for a smooth positive function c of tensors."""
    return Stretch(c, LearnedEncoder(_StretchNetwork(c)))


# --- the exact model ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Exact:
    """The diffusion model with the exact denoiser and a linear gamma(t), in a known world.

    The denoiser is the one that minimises L4, at finite depth too. For encoders with a counterterm
    it is x_hat = ((1 + a) / (1 + sigma^2)) E[x_t | z_t], for E2 just E[x_t | z_t] (X6).
    The reconstruction is that of the best p(x | z_0), the posterior q(x | z_0).
    """

    world: World
    encoder: Stretch = VDM
    gamma_min: float = GAMMA_MIN
    gamma_max: float = GAMMA_MAX

    @property
    def entropy(self) -> float:
        """H(x): no bound is lower (X5)."""
        return self.world.entropy

    @property
    def prior(self) -> float:
        """E KL(q(z_1 | x) || N(0, I)) (L0)."""
        gamma = torch.tensor(self.gamma_max, dtype=torch.float64)
        c, alpha2, sigma2 = self.encoder.at(gamma)[0], torch.sigmoid(-gamma), torch.sigmoid(gamma)
        spread = self.world.dims * (-alpha2 - torch.log(sigma2))
        return 0.5 * float(alpha2 * c.square() * self.world.second_moment + spread)

    @property
    def prior_gap(self) -> float:
        """KL(q(z_1) || N(0, I)) = prior - I(x; z_1) (X5): the most that an encoder can save.

        That is in comparison with a VDM that has the exact denoiser.
        """
        return self.prior - self._information(self.gamma_max)

    @property
    def reconstruction(self) -> float:
        """E[-log q(x | z_0)] = H(x) - I(x; z_0) (L1)."""
        return self.entropy - self._information(self.gamma_min)

    def _information(self, gamma: float) -> float:
        snr = self.encoder.snr(torch.tensor(gamma, dtype=torch.float64))
        return float(self.world.information(snr))

    def diffusion_rate(self, gamma: Tensor) -> Tensor:
        """(1/2) eta (1 + a)^2 mmse(eta), the diffusion loss a unit of gamma (L4), at each gamma."""
        a, eta = self.encoder.at(gamma)[1], self.encoder.snr(gamma)
        return 0.5 * eta * (1 + a).square() * self.world.mmse(eta)

    def mean_squared_gaps(self, grid: Tensor, scale: process.Scale = None) -> Tensor:
        """m = E||mu_P - mu_Q||^2 / (d sigma_Q^2) of every step of a grid (L2, W1).

        Args: grid (T+1,), increasing; scale as in `mean_squared_gap`. Returns (T,).
        """
        return self.mean_squared_gap(grid[:-1], grid[1:], scale)

    def mean_squared_gap(self, s: Tensor, t: Tensor, scale: process.Scale = None) -> Tensor:
        """m of the steps from t down to s, s < t of one shape (L2, W1), in that shape.

        Linear in x - E[x|z] and E[x|z], which are uncorrelated; x_hat is a multiple of the latter.
        Args: scale of the mean of p (G5): None is the paper's, "folded", A / c as a number or as a
            tensor, or "best", that of `best_scale`.
        """
        at_s, at_t, c_s, c_t, x_hat = self._step(s, t)
        if isinstance(scale, str) and scale == "best":
            scale = self.best_scale(s, t)
        u_hat = float(has_counterterm(self.encoder.encoder))
        extra = process.added_to_x_hat(1.0, u_hat, at_s, at_t, scale)
        gap = partial(process.gap, x_change=c_t - c_s, at_s=at_s, at_t=at_t)
        on_error = gap(-c_t / at_t.sigma)
        on_mean = gap((x_hat - c_t) / at_t.sigma) + extra * process.gap_slope(x_hat, at_s, at_t)
        error = self.world.mmse(self.encoder.snr(at_t.gamma))
        known = self.world.second_moment - error  # E ||E[x|z]||^2
        return (on_error.square() * error + on_mean.square() * known) / self.world.dims

    def best_scale(self, s: Tensor, t: Tensor) -> Tensor:
        """A / c of the best mean of the form A x_hat (W7; for E2 it is G5's exact scale), for which
        A x_hat = (c c_t + c_s - c_t) E[x|z], in the shape of s < t."""
        at_s, at_t, c_s, c_t, x_hat = self._step(s, t)
        removed = step_c(at_s, at_t)
        return (removed * c_t + (c_s - c_t)) / (removed * x_hat)

    def _step(self, s: Tensor, t: Tensor) -> tuple[Noise, Noise, Tensor, Tensor, Tensor]:
        """The noise at s and t, c_s, c_t, and x_hat / E[x|z]."""
        width = self.gamma_max - self.gamma_min
        at_s, at_t = (Noise.from_gamma(self.gamma_min + width * depth.double()) for depth in (s, t))
        c_s, c_t = (self.encoder.at(noise.gamma)[0] for noise in (at_s, at_t))
        return at_s, at_t, c_s, c_t, self.encoder.gain(at_t.gamma)

    def diffusion(
        self, steps: int | None = None, ratio: Ratio = 1.0, scale: process.Scale = None
    ) -> float:
        """The diffusion loss: L4 at infinite depth (steps=None), L3 with `steps` equal steps.

        Args: ratio, w: a number, a tensor (steps,), or "best" (W1); 1 at infinite depth; scale
            as in `mean_squared_gap`, None at infinite depth.
        Raises ValueError for a ratio or scale that is none of these.
        """
        best_w, best_a = (isinstance(v, str) and v == "best" for v in (ratio, scale))
        if steps is None:
            if best_w or scale is not None or bool((torch.as_tensor(ratio) != 1).any()):
                raise ValueError(f"steps=None needs ratio 1 (W2), no scale; got {ratio}, {scale}")
            tolerance = 100 * self.world.tolerance
            return integrate(self.diffusion_rate, self.gamma_min, self.gamma_max, tolerance)
        chain = Chain.equal(steps, 1.0 if best_w else ratio, None if best_a else scale)
        gaps = self.mean_squared_gaps(chain.grid, scale if best_a else chain.scale)
        w = best_ratio(gaps) if best_w else chain.ratio
        return float(kl_ratio(self.world.dims * gaps, w, self.world.dims).sum())

    def total(
        self, steps: int | None = None, ratio: Ratio = 1.0, scale: process.Scale = None
    ) -> float:
        """prior + reconstruction + diffusion, at least the entropy (X5)."""
        return self.prior + self.reconstruction + self.diffusion(steps, ratio, scale)

    def model(self, levels: int = 256) -> DiffEnc:
        """The same as a model of the library, for `elbo`, `sample` and the terms of the bound.

        It computes in float64, for data (B, d), or of any shape if d = 1. `elbo` and `sample` need
        a world whose values are levels: `Exact(PlusMinus(0.5)).model(levels=2)`.
        """
        schedule = LinearSchedule(self.gamma_min, self.gamma_max)
        denoiser = KnownDenoiser(self._x_hat, (self.world.dims,))
        return DiffEnc(denoiser, self.encoder.encoder, schedule, levels)

    def _x_hat(self, z: Tensor, noise: Noise) -> Tensor:
        """The x_hat that minimises L4 (X6), for noise (B,)."""
        d = self.world.dims
        if z.shape[1:] != (d,) and d > 1:
            raise ValueError(f"z must have shape (B, {d}); got {tuple(z.shape)}")
        points = z if z.shape[1:] == (d,) else z[..., None]  # (B, ..., d)
        at = noise.like(points)
        snr = self.encoder.snr(at.gamma)[..., 0].expand(points.shape[:-1])
        mean = self.world.posterior_mean(points / at.sigma, snr).reshape(z.shape)
        return self.encoder.gain(noise.like(z).gamma) * mean


class KnownDenoiser(nn.Module):
    """v_hat(z, gamma) = (alpha z - x_hat) / sigma (G4), in float64, for a function x_hat(z, noise)
    of examples of this shape."""

    def __init__(self, x_hat: Callable[[Tensor, Noise], Tensor], shape: tuple[int, ...]):
        super().__init__()
        self.x_hat, self.shape = x_hat, shape
        # It is not trained: the library takes the dtype from parameters.
        self.dtype = nn.Parameter(torch.zeros(1, dtype=torch.float64), requires_grad=False)

    def forward(self, z: Tensor, gamma: Tensor) -> Tensor:
        noise = Noise.from_gamma(gamma)
        return process.v_from_x(z, self.x_hat(z, noise), noise.like(z))
