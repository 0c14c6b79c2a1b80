"""The three encoders. x_t is *encoded* data, never noisy data; dx_t / dlambda = sigma_t^2 u.

An encoder never needs the noise z_t and is used for the bound only: sampling never calls it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from .schedule import Noise, step_c


class Encoding(NamedTuple):
    """x_t, and u with dx_t / dlambda = sigma_t^2 u; both in the shape of x."""

    x_t: Tensor
    u: Tensor


class Encoder(nn.Module):
    """`encoder(x, gamma) -> Encoding(x_t, u)` for x (B, ...) and gamma (B,).

    `encoder.shift(x, gamma)` is x_t - x alone: cheaper where the derivative is not needed.
    `encoder.change(x, gamma_s, gamma_t)` is (x_t, x_t - x_s); where sigma^2 scales the shift, the
    difference is free of cancellation by sigma_t^2 - sigma_s^2 = alpha_s^2 sigma_t^2 c(s, t).
    `counterterm` says what the generative process puts for u: x_hat if true, else 0 (G3).
    """

    counterterm = True

    def shift(self, x: Tensor, gamma: Tensor) -> Tensor:
        raise NotImplementedError

    def change(self, x: Tensor, gamma_s: Tensor, gamma_t: Tensor) -> tuple[Tensor, Tensor]:
        both = self.shift(torch.cat([x, x]), torch.cat([gamma_s, gamma_t]))
        shift_s, shift_t = both.chunk(2)
        return x + shift_t, shift_t - shift_s

    def forward(self, x: Tensor, gamma: Tensor) -> Encoding:
        raise NotImplementedError


class IdentityEncoder(Encoder):
    """x_t = x, u = 0: the variational diffusion model (VDM).                                E1"""

    counterterm = False

    def shift(self, x: Tensor, gamma: Tensor) -> Tensor:
        return torch.zeros_like(x)

    def forward(self, x: Tensor, gamma: Tensor) -> Encoding:
        return Encoding(x, torch.zeros_like(x))


class ScalingEncoder(Encoder):
    """x_t = alpha_t^2 x, u = x_t: nothing to train (DiffEnc-nt in the paper).                E2"""

    def shift(self, x: Tensor, gamma: Tensor) -> Tensor:
        return -Noise.from_gamma(gamma).like(x).sigma.square() * x

    def change(self, x: Tensor, gamma_s: Tensor, gamma_t: Tensor) -> tuple[Tensor, Tensor]:
        s, t = Noise.from_gamma(gamma_s).like(x), Noise.from_gamma(gamma_t).like(x)
        return x + self.shift(x, gamma_t), -(s.alpha * t.sigma).square() * step_c(s, t) * x

    def forward(self, x: Tensor, gamma: Tensor) -> Encoding:
        x_t = x + self.shift(x, gamma)
        return Encoding(x_t, x_t)


class LearnedEncoder(Encoder):
    """x_t = alpha_t^2 x + sigma_t^2 y(x, gamma_t), u = x_t - y + dy/dlambda.                  E3

    Args: network, any nn.Module with network(x, gamma) -> y in the shape of x.

    dy/dlambda = -dy/dgamma is exact, by forward mode through the same pass that gives y
    (`torch.func.jvp`), and can be trained through. One pass means one dropout mask for both.
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def y(self, x: Tensor, gamma: Tensor) -> Tensor:
        """The network's output, checked to have the shape of x."""
        y = self.network(x, gamma)
        if y.shape != x.shape:
            raise ValueError(
                f"the encoder's network(x, gamma) must return the shape of x, {tuple(x.shape)}; "
                f"got {tuple(y.shape)}"
            )
        return y

    def shift(self, x: Tensor, gamma: Tensor) -> Tensor:
        return Noise.from_gamma(gamma).like(x).sigma.square() * (self.y(x, gamma) - x)

    def change(self, x: Tensor, gamma_s: Tensor, gamma_t: Tensor) -> tuple[Tensor, Tensor]:
        s, t = Noise.from_gamma(gamma_s).like(x), Noise.from_gamma(gamma_t).like(x)
        y_s, y_t = self.y(torch.cat([x, x]), torch.cat([gamma_s, gamma_t])).chunk(2)
        by_sigma = (s.alpha * t.sigma).square() * step_c(s, t) * (y_t - x)
        return x + t.sigma.square() * (y_t - x), by_sigma + s.sigma.square() * (y_t - y_s)

    def forward(self, x: Tensor, gamma: Tensor) -> Encoding:
        y, dy_dgamma = torch.func.jvp(  # type: ignore[misc]
            lambda g: self.y(x, g), (gamma,), (torch.ones_like(gamma),)
        )
        sigma2 = Noise.from_gamma(gamma).like(x).sigma.square()
        x_t = x + sigma2 * (y - x)
        return Encoding(x_t, x_t - y - dy_dgamma)
