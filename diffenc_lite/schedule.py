"""How much noise there is at depth t: gamma(t) = -log SNR, and all that follows from it.

alpha^2 = sigmoid(-gamma), sigma^2 = sigmoid(gamma): variance preserving, SNR = exp(-gamma).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Noise:
    """The noise at one depth per example: gamma, alpha, sigma and rate = d gamma / dt, all of one
    shape, mostly (B,). Bring it to the shape of the data by `noise.like(x)`, and only so."""

    gamma: Tensor
    alpha: Tensor
    sigma: Tensor
    rate: Tensor

    @classmethod
    def from_gamma(cls, gamma: Tensor, rate: Tensor | None = None) -> Noise:
        """alpha = sqrt(sigmoid(-gamma)), sigma = sqrt(sigmoid(gamma)); the rate is 1 if not given
        (then gamma itself is the depth)."""
        rate = torch.ones_like(gamma) if rate is None else rate
        return cls(gamma, torch.sigmoid(-gamma).sqrt(), torch.sigmoid(gamma).sqrt(), rate)

    def like(self, x: Tensor) -> Noise:
        """(B,) -> (B, 1, ..., 1), as many axes as x has."""
        shape = (-1,) + (1,) * (x.dim() - 1)
        return Noise(*(getattr(self, name).reshape(shape) for name in self.__dataclass_fields__))


def step_c(s: Noise, t: Noise) -> Tensor:
    """c(s, t) = 1 - SNR(t)/SNR(s) = -expm1(gamma_s - gamma_t), between 0 and 1."""
    return -torch.expm1(s.gamma - t.gamma)


def _check_end_points(gamma_min: float, gamma_max: float) -> None:
    if not (math.isfinite(gamma_min) and math.isfinite(gamma_max) and gamma_min < gamma_max):
        raise ValueError(
            f"gamma_min must be smaller than gamma_max, both finite (gamma increases with t); "
            f"got gamma_min={gamma_min}, gamma_max={gamma_max}"
        )


class LinearSchedule(nn.Module):
    """gamma(t) = gamma_min + (gamma_max - gamma_min) t, fixed.

    `schedule(t) -> Noise` for t in [0, 1] of any shape. Raises ValueError if t leaves [0, 1] or
    gamma_min >= gamma_max. The defaults are those of the paper (section 5).
    """

    gamma_min: float | Tensor
    gamma_max: float | Tensor

    def __init__(self, gamma_min: float = -13.3, gamma_max: float = 5.0):
        super().__init__()
        _check_end_points(gamma_min, gamma_max)
        self._set(float(gamma_min), float(gamma_max))

    def _set(self, gamma_min: float, gamma_max: float) -> None:
        self.gamma_min, self.gamma_max = gamma_min, gamma_max

    def forward(self, t: Tensor) -> Noise:
        """t in [0, 1] -> Noise, in the shape and dtype of t."""
        if not isinstance(t, Tensor):
            raise TypeError(f"t must be a tensor; got {t!r}")
        if not bool(((t >= 0) & (t <= 1)).all()):
            raise ValueError(
                f"t must lie in [0, 1]; got values from {t.min().item():g} to {t.max().item():g}"
            )
        width = self.gamma_max - self.gamma_min
        gamma = self.gamma_min + width * t
        return Noise.from_gamma(gamma, torch.ones_like(t) * width)

    def normalise(self, gamma: Tensor) -> Tensor:
        """gamma -> [0, 1] by the end points as they are now; what networks are conditioned on."""
        return (gamma - self.gamma_min) / (self.gamma_max - self.gamma_min)

    def extra_repr(self) -> str:
        low, high = (torch.as_tensor(end).item() for end in (self.gamma_min, self.gamma_max))
        return f"gamma_min={low:g}, gamma_max={high:g}"


class LearnedSchedule(LinearSchedule):
    """The linear schedule with trained end points: gamma_min, and gamma_max = gamma_min + width
    with ln(width) as the parameter, so that gamma stays increasing whatever the optimiser does.
    """

    def _set(self, gamma_min: float, gamma_max: float) -> None:
        self.gamma_min = nn.Parameter(torch.tensor(gamma_min))
        self.log_width = nn.Parameter(torch.tensor(gamma_max - gamma_min).log())

    @property
    def gamma_max(self) -> Tensor:  # type: ignore[override]
        return self.gamma_min + self.log_width.exp()
