"""The three encoders (E1-E3). x_t is *encoded* data, never noisy data; dx_t/dlambda = sigma_t^2 u.

An encoder does not need the noise z_t. It is used for the bound only: sampling never calls it.

An encoder of your own is one method. With a trained picture m, x_t = x + sigma_t^2 m:

    class MeanShift(nn.Module):
        counterterm = False  # its u is not near x

        def __init__(self, m):
            super().__init__()
            self.m = nn.Parameter(m)

        def shift(self, x, gamma):  # x_t - x
            return Noise.from_gamma(gamma).like(x).sigma.square() * self.m.expand_as(x)

    model = DiffEnc(denoiser, encoder=MeanShift(torch.zeros(1, 28, 28)))

u = -dx_t/dgamma / sigma_t^2 follows from it. For one by name add a class here and a line to
`ENCODERS`: of this one, "mean": lambda network, config: MeanShift(torch.zeros(config.shape)).
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.dropout import _DropoutNd

from .arguments import check_one_of, in_shape_of
from .schedule import Noise, step_c, value_and_slope

RIGHT_NORMS = "no norm but GroupNorm or RMSNorm, as GroupNorm(1, C) in place of LayerNorm"


class Encoding(NamedTuple):
    """x_t, and u with dx_t/dlambda = sigma_t^2 u; both in the shape of x."""

    x_t: Tensor
    u: Tensor


class Encoder(Protocol):
    """shift(x, gamma) -> x_t - x; x (B, ...), gamma (B,). With weights it must be an nn.Module:
    others are neither trained nor saved.

    The shift of an example depends on its own x and gamma alone, on no mean over the batch. B is
    another in every call. It is at most 0.3 (rms) at t = 0, and does not jump with gamma. What
    drops drops by nn.Dropout modules: x_t and x_s of a step need one mask. The rest is optional:

    u(x, gamma): a formula for u, where one is at hand; `check_parts` holds it against the shift.
    encode(x, gamma) -> Encoding(x_t, u): both at once, where that saves time.
    change(x, gamma_s, gamma_t) -> x_t - x_s: a formula that loses no digits in short steps.
    encode_step(x, gamma_s, gamma_t) -> (x_t, x_t - x_s): both at once.
    counterterm: in the place of u the generative process uses x_hat, which is right for an encoder
        with u near x, as two of the paper's; or 0 if this is False (G3). Either gives a bound.
    """

    def shift(self, x: Tensor, gamma: Tensor, /) -> Tensor: ...


def has_counterterm(encoder: Encoder) -> bool:
    """True if the generative process uses x_hat in the place of u, False if it uses 0 (G3). Raises
    ValueError if the encoder says anything else."""
    counterterm: bool = getattr(encoder, "counterterm", True)
    check_one_of("counterterm", counterterm, (True, False))
    return counterterm


class IdentityEncoder(nn.Module):
    """x_t = x, u = 0: the variational diffusion model, VDM (E1)."""

    counterterm = False

    def shift(self, x: Tensor, gamma: Tensor) -> Tensor:
        return torch.zeros_like(x)

    u = shift  # 0 too


class ScalingEncoder(nn.Module):
    """x_t = alpha_t^2 x, u = x_t: nothing to train (E2; DiffEnc-nt in the paper)."""

    counterterm = True

    def shift(self, x: Tensor, gamma: Tensor) -> Tensor:
        return -Noise.from_gamma(gamma).like(x).sigma.square() * x

    def u(self, x: Tensor, gamma: Tensor) -> Tensor:
        return x + self.shift(x, gamma)

    def change(self, x: Tensor, gamma_s: Tensor, gamma_t: Tensor) -> Tensor:
        at_s, at_t = Noise.from_gamma(gamma_s).like(x), Noise.from_gamma(gamma_t).like(x)
        return -_sigma2_change(at_s, at_t) * x


class LearnedEncoder(nn.Module):
    """x_t = alpha_t^2 x + sigma_t^2 y(x, gamma_t), u = x_t - y + dy/dlambda (E3).

    dy/dlambda = -dy/dgamma is exact: forward-mode differentiation (`torch.func.jvp`) computes it in
    the same pass as y, with the same dropout mask, and gradients flow through it.
    Args: network, any nn.Module with network(x, gamma) -> y in the shape of x; counterterm, as of
        any `Encoder`. Raises what `RefusedNorms` does.
    """

    def __init__(self, network: nn.Module, counterterm: bool = True):
        super().__init__()
        if not isinstance(network, nn.Module):
            raise TypeError(f"network must be an nn.Module; got {type(network).__name__}")
        for module in network.modules():
            if isinstance(module, nn.LayerNorm | _NormBase):
                raise ValueError(f"network must have {RIGHT_NORMS}; got {module}")
        self.network, self.counterterm = network, counterterm
        has_counterterm(self)

    def y(self, x: Tensor, gamma: Tensor) -> Tensor:
        """The network's output, checked to have the shape of x."""
        return in_shape_of("the encoder's network(x, gamma)", self.network(x, gamma), x, "x")

    def shift(self, x: Tensor, gamma: Tensor) -> Tensor:
        return Noise.from_gamma(gamma).like(x).sigma.square() * (self.y(x, gamma) - x)

    def encode(self, x: Tensor, gamma: Tensor) -> Encoding:
        y, dy_dgamma = value_and_slope(lambda g: self.y(x, g), gamma)
        x_t = x + Noise.from_gamma(gamma).like(x).sigma.square() * (y - x)
        return Encoding(x_t, x_t - y - dy_dgamma)

    def encode_step(self, x: Tensor, gamma_s: Tensor, gamma_t: Tensor) -> tuple[Tensor, Tensor]:
        at_s, at_t = Noise.from_gamma(gamma_s).like(x), Noise.from_gamma(gamma_t).like(x)
        y_s, y_t = at_both(self.y, self.network, x, gamma_s, gamma_t)
        x_change = _sigma2_change(at_s, at_t) * (y_t - x) + at_s.sigma.square() * (y_t - y_s)
        return x + at_t.sigma.square() * (y_t - x), x_change


def drops(part: Any) -> bool:
    """Whether it has dropout that is switched on."""
    modules = part.modules() if isinstance(part, nn.Module) else ()
    return any(isinstance(m, _DropoutNd) and m.training and m.p > 0 for m in modules)


def at_both(
    function: Callable[[Tensor, Tensor], Tensor], part: Any, x: Tensor, *gammas: Tensor
) -> tuple[Tensor, ...]:
    """function(x, gamma) for two gammas, in one call, and with the same dropout if `part` drops."""
    if drops(part):
        of_x = torch.func.vmap(lambda gamma: function(x, gamma), randomness="same")
        return of_x(torch.stack(gammas)).unbind()
    return function(torch.cat([x, x]), torch.cat(gammas)).chunk(2)


def _sigma2_change(at_s: Noise, at_t: Noise) -> Tensor:
    """sigma_t^2 - sigma_s^2 = alpha_s^2 sigma_t^2 c(s, t), without a difference"""
    return (at_s.alpha * at_t.sigma).square() * step_c(at_s, at_t)


# By name, made of a function that makes the network y, for those that need it, and a ModelConfig.
ENCODERS: dict[str, Callable[..., Encoder]] = {
    "identity": lambda *_: IdentityEncoder(),
    "scaling": lambda *_: ScalingEncoder(),
    "learned": lambda network, *_: LearnedEncoder(network()),
}
