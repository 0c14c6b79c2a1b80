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

A wrong u gives a wrong bound and no error. Test yours once: `check_encoder(encoder, x)`.
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

    x has shape (B, ...), gamma (B,). `shift` is used where the derivative is not needed.

    Two more are optional. `counterterm`: True, the default, if the generative process uses x_hat in
    the place of u; False if it uses 0 (G3). `change(x, gamma_s, gamma_t) -> (x_t, x_t - x_s)`: a
    formula for the difference that loses no digits (see `DiffEnc.change`).
    """

    def __call__(self, x: Tensor, gamma: Tensor, /) -> Encoding: ...

    def shift(self, x: Tensor, gamma: Tensor, /) -> Tensor: ...


def has_counterterm(encoder: Encoder) -> bool:
    """True if the generative process uses x_hat in the place of u, False if it uses 0 (G3)."""
    return getattr(encoder, "counterterm", True)


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

    dy/dlambda = -dy/dgamma is exact: forward-mode differentiation (`torch.func.jvp`) computes it in
    the same pass as y, with the same dropout mask, and gradients flow through it.
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
        return predict(self.network, x, gamma, "the encoder's network", "x")

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


# --- what networks and encoders of your own return ------------------------------------------------


def in_shape_of(x: Tensor, name: str, returned: object, what: str) -> Tensor:
    """What was returned, if it is a tensor in the shape of x. Args: name of x, for the message.

    Raises TypeError if it is no tensor, ValueError if it has another shape."""
    if isinstance(returned, Tensor) and returned.shape == x.shape:
        return returned
    expected = f"{what} must be a tensor in the shape of {name}, {tuple(x.shape)}; got "
    if isinstance(returned, Tensor):
        raise ValueError(f"{expected}shape {tuple(returned.shape)}")
    raise TypeError(expected + type(returned).__name__)


def predict(network: nn.Module, x: Tensor, gamma: Tensor, what: str, name: str) -> Tensor:
    """network(x, gamma), checked to have the shape of x. Args: what and name, for the message.

    Raises ValueError if the network fails on this input, and what `in_shape_of` raises."""
    try:
        returned = network(x, gamma)
    except RuntimeError as error:
        if type(error) is not RuntimeError:  # out of memory, say
            raise
        raise ValueError(
            f"{what}({name}, gamma) failed on {name} {tuple(x.shape)} and gamma "
            f"{tuple(gamma.shape)}: {error}" + shape_hint(tuple(x.shape))
        ) from error
    return in_shape_of(x, name, returned, f"{what}({name}, gamma)")


def shape_hint(given: tuple[int, ...], shape: tuple[int, ...] | None = None) -> str:
    """What to write instead, for the most common mistakes. Args: shape, that of one example."""
    if given == shape:
        return ". For one image write images[None]"
    first = given[3:] + given[1:3]  # channels first
    if len(given) == 4 and (first[0] in (1, 3) if shape is None else first == shape):
        return ". Channels come first: write images.permute(0, 3, 1, 2)"
    if len(given) == 3 and (shape is None or (1, *given[1:]) == shape):
        return ". For grey images write images[:, None]"
    return ""


@torch.no_grad()
def check_encoder(encoder: Encoder, x: Tensor) -> None:
    """Check x_t = x + shift, dx_t/dlambda = sigma_t^2 u and, if there is one, `change`.

    Args: x (B, ...), any data; example i is encoded at the i-th of B values of gamma, from 4 to -8.
    An encoder with dropout must be in eval mode. Raises ValueError, saying what is wrong.
    """
    gamma = torch.linspace(4, -8, len(x)).to(x)
    x_t, u = encoder(x, gamma)
    shifted, slope = torch.func.jvp(  # type: ignore[misc]
        lambda g: x + encoder.shift(x, g), (gamma,), (torch.ones_like(gamma),)
    )
    sigma2 = Noise.from_gamma(gamma).like(x).sigma.square()
    claims = [
        ("x_t = x + shift(x, gamma)", x_t, shifted),
        ("dx_t/dlambda = sigma_t^2 u", sigma2 * u, -slope),  # lambda = -gamma
    ]
    if (formula := getattr(encoder, "change", None)) is not None:
        returned = formula(x, gamma - 1, gamma)
        pair = shifted, shifted - x - encoder.shift(x, gamma - 1)
        claims.append(("change -> (x_t, x_t - x_s)", torch.stack(returned), torch.stack(pair)))
    for claim, left, right in claims:
        off = float((left - right).abs().max())
        if not off <= 1e-3 * (1 + float(right.abs().max())):
            raise ValueError(f"encoder must have {claim}; the two sides differ by up to {off:.3g}")
