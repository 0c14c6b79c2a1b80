"""How much noise there is at depth t: gamma(t) = -log SNR, and all that follows from it.

alpha^2 = sigmoid(-gamma), sigma^2 = sigmoid(gamma): variance preserving, SNR = exp(-gamma).

A schedule of your own is one method:

    class Quadratic(Schedule):
        def gamma(self, t):  # from gamma_min at t = 0 to gamma_max at t = 1, increasing
            return self.gamma_min + (self.gamma_max - self.gamma_min) * t.square()

    model = DiffEnc(denoiser, schedule=Quadratic(schedule.gamma_min_for(256), 5), levels=256)

Any function t -> Noise is a schedule too. gamma(t) consists of differentiable torch operations,
since its slope follows from them, and does not jump. For one by name add a class here and a line to
`SCHEDULES`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .arguments import as_real, as_whole, has_bool_or_complex, in_shape_of

GAMMA_MIN, GAMMA_MAX = -13.3, 5.0  # at t = 0 and t = 1, as in the paper's code, for 256 levels


def gamma_min_for(levels: int) -> float:
    """-13.3 + 2 ln(256 / levels), where a schedule for so many levels begins: what counts is the
    noise at t = 0 beside half a level, exp(gamma_min / 2) levels, which stays 0.33. Below it the
    levels are told apart already; to learn that is hard, and earns nothing."""
    return GAMMA_MIN + 2 * math.log(256 / as_whole("levels", levels, 2, 256))


@dataclass(frozen=True)
class Noise:
    """The noise level at one depth per example: gamma, alpha, sigma and rate = dgamma/dt, of one
    shape, mostly (B,); `noise.like(x)` brings them to the shape of the data."""

    gamma: Tensor
    alpha: Tensor
    sigma: Tensor
    rate: Tensor

    @classmethod
    def from_gamma(cls, gamma: Tensor, rate: Tensor | float = 1.0) -> Noise:
        """Args: rate, dgamma/dt, a tensor or number; by default 1, gamma itself being the depth."""
        rate = torch.ones_like(gamma) * rate
        return cls(gamma, torch.sigmoid(-gamma).sqrt(), torch.sigmoid(gamma).sqrt(), rate)

    def like(self, x: Tensor) -> Noise:
        """(B,) -> (B, 1, ..., 1), as many axes as x has."""
        shape = (-1,) + (1,) * (x.dim() - 1)
        return Noise(*(value.reshape(shape) for value in vars(self).values()))


def step_c(at_s: Noise, at_t: Noise) -> Tensor:
    """c(s, t) = 1 - SNR(t)/SNR(s) = -expm1(gamma_s - gamma_t), between 0 and 1."""
    return -torch.expm1(at_s.gamma - at_t.gamma)


def value_and_slope(function: Callable[[Tensor], Tensor], at: Tensor) -> tuple[Tensor, Tensor]:
    """f(a) and df/da, by forward-mode differentiation; each f depends on its own a alone."""
    at = at.clone()  # jvp refuses an expanded tensor, and of a scalar it gives a float64 slope
    value, slope = torch.func.jvp(function, (at,), (torch.ones_like(at),))  # type: ignore[misc]
    return value, slope.to(value.dtype)


class Schedule(nn.Module):
    """schedule(t) -> Noise, in the shape and dtype of t in [0, 1]; `gamma` is all it needs. Raises
    ValueError unless gamma_min < gamma_max, both finite, and for a t outside [0, 1]."""

    gamma_min: float | Tensor
    gamma_max: float | Tensor

    def __init__(self, gamma_min: float = GAMMA_MIN, gamma_max: float = GAMMA_MAX):
        super().__init__()
        low = as_real("gamma_min", gamma_min)
        above = f"a finite number above gamma_min, {low:g}"
        self._keep_ends(low, as_real("gamma_max", gamma_max, above, lambda end: bool(end > low)))

    def _keep_ends(self, gamma_min: float, gamma_max: float) -> None:
        self.gamma_min, self.gamma_max = gamma_min, gamma_max

    def gamma(self, t: Tensor) -> Tensor:
        """gamma(t), from gamma_min at t = 0 to gamma_max at t = 1, in the shape of t."""
        raise NotImplementedError(f"{type(self).__name__} must have a method gamma(t)")

    def gamma_and_rate(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """gamma and dgamma/dt, by forward-mode differentiation; a formula, if given, is faster."""
        return value_and_slope(lambda t: in_shape_of("gamma(t)", self.gamma(t), t, "t"), t)

    def forward(self, t: Tensor) -> Noise:
        if not isinstance(t, Tensor) or has_bool_or_complex(t):
            raise TypeError(f"t must be a tensor of numbers; got {t!r}")
        if not bool(((t >= 0) & (t <= 1)).all()):
            raise ValueError(f"t must lie in [0, 1]; got {t.min():g} to {t.max():g}")
        return Noise.from_gamma(*self.gamma_and_rate(t))


class LinearSchedule(Schedule):
    """gamma(t) = gamma_min + (gamma_max - gamma_min) t, with fixed end points."""

    def gamma(self, t: Tensor) -> Tensor:
        return self.gamma_and_rate(t)[0]

    def gamma_and_rate(self, t: Tensor) -> tuple[Tensor, Tensor]:
        width = self.gamma_max - self.gamma_min
        return self.gamma_min + width * t, torch.ones_like(t) * width


class LearnedSchedule(LinearSchedule):
    """The linear schedule with trained end points. The parameters are gamma_min and
    ln(gamma_max - gamma_min), so gamma increases with t whatever the optimiser does."""

    def _keep_ends(self, gamma_min: float, gamma_max: float) -> None:
        self.gamma_min = nn.Parameter(torch.tensor(gamma_min))
        self.log_width = nn.Parameter(torch.tensor(gamma_max - gamma_min).log())

    @property
    def gamma_max(self) -> Tensor:  # type: ignore[override]
        return self.gamma_min + self.log_width.exp()


class CosineSchedule(Schedule):
    """alpha = cos(angle), sigma = sin(angle), the angle linear in t: gamma = 2 ln tan(angle), with
    the given end points, and steep at both.
    Source: Nichol and Dhariwal, Improved denoising diffusion probabilistic models, 2021."""

    def gamma(self, t: Tensor) -> Tensor:
        first, last = (math.atan(math.exp(end / 2)) for end in (self.gamma_min, self.gamma_max))
        return 2 * (first + (last - first) * t).tan().log()


SCHEDULES: dict[str, Callable[..., Schedule]] = {
    "linear": LinearSchedule,
    "learned": LearnedSchedule,
    "cosine": CosineSchedule,
}
AnySchedule = Callable[[Tensor], Noise]  # t -> Noise, in its shape


def end_points(schedule: AnySchedule, like: Tensor) -> tuple[Tensor | float, Tensor | float]:
    """(gamma(0), gamma(1)) as they are now. Networks see gamma as a fraction of the way between."""
    if isinstance(schedule, Schedule):
        return schedule.gamma_min, schedule.gamma_max
    gamma = schedule(torch.tensor([0.0, 1.0]).to(like)).gamma
    return gamma[0], gamma[1]
