"""The three encoders (E1-E3). x_t is *encoded* data, never noisy data; dx_t/dlambda = sigma_t^2 u.

An encoder does not need the noise z_t. It is used for the bound only: sampling never calls it.

An encoder is anything with the two methods of `Encoder`. One of your own, with a trained picture m:

    class MeanShift(nn.Module):  # x_t = x + sigma_t^2 m, so dx_t/dlambda = -alpha_t^2 sigma_t^2 m
        def __init__(self, m):
            super().__init__()
            self.m = nn.Parameter(m)

        def shift(self, x, gamma):
            return Noise.from_gamma(gamma).like(x).sigma.square() * self.m

        def forward(self, x, gamma):
            u = -Noise.from_gamma(gamma).like(x).alpha.square() * self.m.expand_as(x)
            return Encoding(x + self.shift(x, gamma), u)

    model = DiffEnc(denoiser, encoder=MeanShift(torch.zeros(1, 28, 28)))
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from .schedule import Noise, step_c


class Encoding(NamedTuple):
    """x_t, and u with dx_t/dlambda = sigma_t^2 u; both in the shape of x."""

    x_t: Tensor
    u: Tensor


class Encoder(Protocol):
    """encoder(x, gamma) -> Encoding(x_t, u), and encoder.shift(x, gamma) -> x_t - x.

    x has shape (B, ...), gamma (B,). `shift` is for where the derivative is not needed.

    Two more, if there are any: `counterterm`, whether the generative process puts x_hat for u (G3;
    True if the encoder does not say), or 0; and `change(x, gamma_s, gamma_t) -> (x_t, x_t - x_s)`,
    if the encoder can tell the difference without cancellation (see the function of that name).
    """

    def __call__(self, x: Tensor, gamma: Tensor, /) -> Encoding: ...

    def shift(self, x: Tensor, gamma: Tensor, /) -> Tensor: ...


def has_counterterm(encoder: Encoder) -> bool:
    """Whether the generative process puts x_hat for u, or 0 (G3)."""
    return getattr(encoder, "counterterm", True)


def change(encoder: Encoder, x: Tensor, gamma_s: Tensor, gamma_t: Tensor) -> tuple[Tensor, Tensor]:
    """(x_t, x_t - x_s), by the encoder's own `change` if it has one.

    Else x_t - x_s is the difference of two shifts, which in float32 loses digits for small steps.
    """
    if (own := getattr(encoder, "change", None)) is not None:
        return own(x, gamma_s, gamma_t)
    both = encoder.shift(torch.cat([x, x]), torch.cat([gamma_s, gamma_t]))
    shift_s, shift_t = both.chunk(2)
    return x + shift_t, shift_t - shift_s


class IdentityEncoder(nn.Module):
    """x_t = x, u = 0: the variational diffusion model, VDM (E1)."""

    counterterm = False

    def shift(self, x: Tensor, gamma: Tensor) -> Tensor:
        return torch.zeros_like(x)

    def forward(self, x: Tensor, gamma: Tensor) -> Encoding:
        return Encoding(x, torch.zeros_like(x))


class ScalingEncoder(nn.Module):
    """x_t = alpha_t^2 x, u = x_t: nothing to train (E2; DiffEnc-nt in the paper)."""

    def shift(self, x: Tensor, gamma: Tensor) -> Tensor:
        return -Noise.from_gamma(gamma).like(x).sigma.square() * x

    def change(self, x: Tensor, gamma_s: Tensor, gamma_t: Tensor) -> tuple[Tensor, Tensor]:
        s, t = Noise.from_gamma(gamma_s).like(x), Noise.from_gamma(gamma_t).like(x)
        # sigma_t^2 - sigma_s^2 = alpha_s^2 sigma_t^2 c(s, t)
        return x + self.shift(x, gamma_t), -(s.alpha * t.sigma).square() * step_c(s, t) * x

    def forward(self, x: Tensor, gamma: Tensor) -> Encoding:
        x_t = x + self.shift(x, gamma)
        return Encoding(x_t, x_t)


class LearnedEncoder(nn.Module):
    """x_t = alpha_t^2 x + sigma_t^2 y(x, gamma_t), u = x_t - y + dy/dlambda (E3).

    Args: network, any nn.Module with network(x, gamma) -> y in the shape of x.

    dy/dlambda = -dy/dgamma is exact, by forward mode through the same pass that gives y
    (`torch.func.jvp`), and can be trained through. One pass means one dropout mask for both.
    Raises ValueError for a network with BatchNorm: forward mode does not go through it.
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        if not isinstance(network, nn.Module):
            raise TypeError(
                "network must be an nn.Module with network(x, gamma) -> y; "
                f"got {type(network).__name__}"
            )
        for name, module in network.named_modules():
            if getattr(module, "running_mean", None) is not None:
                raise ValueError(
                    f"network must have no running averages: in training, forward mode "
                    f"(torch.func.jvp, for dy/dgamma) does not go through {type(module).__name__}, "
                    f"here {name!r}. Use nn.GroupNorm or nn.LayerNorm"
                )
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
        # sigma_t^2 - sigma_s^2 = alpha_s^2 sigma_t^2 c(s, t)
        by_sigma = (s.alpha * t.sigma).square() * step_c(s, t) * (y_t - x)
        return x + t.sigma.square() * (y_t - x), by_sigma + s.sigma.square() * (y_t - y_s)

    def forward(self, x: Tensor, gamma: Tensor) -> Encoding:
        y, dy_dgamma = torch.func.jvp(  # type: ignore[misc]
            lambda g: self.y(x, g), (gamma,), (torch.ones_like(gamma),)
        )
        sigma2 = Noise.from_gamma(gamma).like(x).sigma.square()
        x_t = x + sigma2 * (y - x)
        return Encoding(x_t, x_t - y - dy_dgamma)
