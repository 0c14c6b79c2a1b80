"""How much noise there is at depth t: gamma(t) = -log SNR, and all that follows from it.

alpha^2 = sigmoid(-gamma), sigma^2 = sigmoid(gamma): variance preserving, SNR = exp(-gamma).

A schedule is anything with `schedule(t) -> Noise` for t in [0, 1], with gamma increasing in t:

    def quadratic(t):
        return Noise.from_gamma(-13 + 18 * t.square(), rate=36 * t)  # the rate is dgamma/dt

    model = DiffEnc(denoiser, schedule=quadratic)

A schedule with trainable parameters is an `nn.Module` with this as its forward. For one by name add
a class here and a line to `SCHEDULES`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from .arguments import in_shape_of, real


@dataclass(frozen=True)
class Noise:
    """The noise level at one depth per example: gamma, alpha, sigma and rate = dgamma/dt.

    All have one shape, mostly (B,). Bring them to the shape of the data by `noise.like(x)`.
    """

    gamma: Tensor
    alpha: Tensor
    sigma: Tensor
    rate: Tensor

    @classmethod
    def from_gamma(cls, gamma: Tensor, rate: Tensor | float = 1.0) -> Noise:
        """alpha = sqrt(sigmoid(-gamma)), sigma = sqrt(sigmoid(gamma)).

        Args: rate, dgamma/dt, a tensor or one number. If it is not given, gamma itself takes the
        place of the depth.
        """
        rate = torch.ones_like(gamma) * rate
        return cls(gamma, torch.sigmoid(-gamma).sqrt(), torch.sigmoid(gamma).sqrt(), rate)

    def like(self, x: Tensor) -> Noise:
        """(B,) -> (B, 1, ..., 1), as many axes as x has."""
        shape = (-1,) + (1,) * (x.dim() - 1)
        return Noise(*(getattr(self, name).reshape(shape) for name in self.__dataclass_fields__))


class Schedule(Protocol):
    """schedule(t) -> Noise, in the shape of t; t in [0, 1]."""

    def __call__(self, t: Tensor, /) -> Noise: ...


def step_c(s: Noise, t: Noise) -> Tensor:
    """c(s, t) = 1 - SNR(t)/SNR(s) = -expm1(gamma_s - gamma_t), between 0 and 1."""
    return -torch.expm1(s.gamma - t.gamma)


# --- the schedules that come with the library ----------------------------------------------------

GAMMA_MIN, GAMMA_MAX = -13.3, 5.0  # at t = 0 and t = 1, as in the paper's code


class _BetweenEndPoints(nn.Module):
    """From gamma_min at t = 0 to gamma_max at t = 1; `gamma` says how.

    `schedule(t) -> Noise` in the shape and dtype of t, which must lie in [0, 1], else ValueError.
    Raises ValueError unless gamma_min < gamma_max, both finite: gamma increases with t.
    """

    gamma_min: float | Tensor
    gamma_max: float | Tensor
    gamma: Callable[[Tensor], tuple[Tensor, Tensor]]  # t -> gamma(t), dgamma/dt, in its shape

    def __init__(self, gamma_min: float = GAMMA_MIN, gamma_max: float = GAMMA_MAX):
        super().__init__()
        self.gamma_min, self.gamma_max = _increasing(gamma_min, gamma_max)

    def forward(self, t: Tensor) -> Noise:
        if not isinstance(t, Tensor):
            raise TypeError(f"t must be a tensor; got {t!r}")
        if not bool(((t >= 0) & (t <= 1)).all()):
            raise ValueError(f"t must lie in [0, 1]; got {t.min():g} to {t.max():g}")
        return Noise.from_gamma(*self.gamma(t))

    def extra_repr(self) -> str:
        low, high = (torch.as_tensor(end).item() for end in (self.gamma_min, self.gamma_max))
        return f"gamma_min={low:g}, gamma_max={high:g}"


def _increasing(gamma_min: float, gamma_max: float) -> tuple[float, float]:
    low = real("gamma_min", gamma_min)
    above = f"finite and above gamma_min, {low:g}"
    return low, real("gamma_max", gamma_max, above, lambda end: bool(end > low))


class LinearSchedule(_BetweenEndPoints):
    """gamma(t) = gamma_min + (gamma_max - gamma_min) t, with fixed end points."""

    def gamma(self, t: Tensor) -> tuple[Tensor, Tensor]:
        width = self.gamma_max - self.gamma_min
        return self.gamma_min + width * t, torch.ones_like(t) * width


class LearnedSchedule(_BetweenEndPoints):
    """The linear schedule with trained end points.

    The parameters are gamma_min and ln(gamma_max - gamma_min), so gamma increases with t whatever
    the optimiser does.
    """

    gamma = LinearSchedule.gamma

    def __init__(self, gamma_min: float = GAMMA_MIN, gamma_max: float = GAMMA_MAX):
        nn.Module.__init__(self)
        low, high = _increasing(gamma_min, gamma_max)
        self.gamma_min = nn.Parameter(torch.tensor(low))
        self.log_width = nn.Parameter(torch.tensor(high - low).log())

    @property
    def gamma_max(self) -> Tensor:  # type: ignore[override]
        return self.gamma_min + self.log_width.exp()


class CosineSchedule(_BetweenEndPoints):
    """alpha = cos(angle), sigma = sin(angle), the angle linear in t: gamma = 2 ln tan(angle).

    The angle goes from arctan(exp(gamma_min / 2)) to arctan(exp(gamma_max / 2)), so that gamma has
    the given end points. In between it is not linear: it is steep at both ends.
    Source: Nichol and Dhariwal, Improved denoising diffusion probabilistic models, 2021.
    """

    def gamma(self, t: Tensor) -> tuple[Tensor, Tensor]:
        first, last = (math.atan(math.exp(end / 2)) for end in (self.gamma_min, self.gamma_max))
        angle = first + (last - first) * t
        return 2 * angle.tan().log(), 4 * (last - first) / (2 * angle).sin()


SCHEDULES: dict[str, Callable[..., Schedule]] = {
    "fixed": LinearSchedule,
    "learned": LearnedSchedule,
    "cosine": CosineSchedule,
}


# --- any schedule --------------------------------------------------------------------------------


def end_points(schedule: Schedule, like: Tensor) -> tuple[Tensor | float, Tensor | float]:
    """(gamma(0), gamma(1)) as they are now. Networks see gamma as a fraction of the way between."""
    if isinstance(schedule, _BetweenEndPoints):
        return schedule.gamma_min, schedule.gamma_max
    gamma = schedule(torch.tensor([0.0, 1.0]).to(like)).gamma
    return gamma[0], gamma[1]


@torch.no_grad()
def check_schedule(schedule: Schedule, like: Tensor) -> None:
    """Call the schedule once, on all of [0, 1].

    Args: like, a tensor in the dtype and on the device to call it with.
    Raises TypeError if it does not return a Noise of tensors; ValueError if one of them has another
    shape than t, if gamma is not finite or does not increase, if alpha and sigma do not follow from
    it, or if the rate is not dgamma/dt: between two depths the slope of gamma must lie between the
    rates at the two (mean value theorem), give or take a tenth.
    """
    t = torch.linspace(0, 1, 1001).to(like)
    usable = callable(schedule) and not isinstance(schedule, type)
    noise = schedule(t) if usable else schedule
    if not usable or not isinstance(noise, Noise):
        raise TypeError(f"schedule must be schedule(t) -> Noise; got {type(noise).__name__}")
    for name, value in vars(noise).items():
        in_shape_of(value, t, f"schedule(t).{name}", "t")
    gamma, expected = noise.gamma, Noise.from_gamma(noise.gamma)
    if not bool(gamma.isfinite().all() & (gamma.diff() > 0).all()):
        shown = ", ".join(f"{value:g}" for value in gamma[::250].tolist())
        raise ValueError(f"schedule(t) must have a finite, increasing gamma; got {shown}")
    for name in ("alpha", "sigma"):
        if not torch.allclose(getattr(noise, name), getattr(expected, name), rtol=0, atol=1e-3):
            raise ValueError(f"schedule(t) must have the {name} of Noise.from_gamma(gamma, rate)")
    slope, rates = gamma.diff() / t.diff(), torch.stack([noise.rate[:-1], noise.rate[1:]])
    rounding = 4 * torch.finfo(t.dtype).eps * gamma.abs().max() / t[1]
    low, high = 0.9 * rates.amin(0) - rounding, 1.1 * rates.amax(0) + rounding
    if bool((wrong := ~((low <= slope) & (slope <= high))).any()):
        i = int(wrong.nonzero()[0])
        raise ValueError(
            f"schedule(t) must have rate = dgamma/dt; near t = {t[i]:.3f} gamma has the slope "
            f"{slope[i]:g}, and rate is {noise.rate[i]:g}"
        )
