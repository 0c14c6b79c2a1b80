"""8-bit data <-> (-1, 1), and the cost of finding the level again from z_0 (G2).

Level k of K sits at 2 (k + 1/2) / K - 1, so the extreme levels stay inside (-1, 1).
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import softplus

from .arguments import as_whole, check_one_of, device_of_draws
from .gaussian import sum_dims
from .schedule import Noise

FLOATS = (torch.float32, torch.float64, torch.float16, torch.bfloat16)


def to_unit(images: Tensor, levels: int = 256, dtype: torch.dtype | None = None) -> Tensor:
    """uint8 levels -> x = 2 (k + 1/2) / K - 1 in (-1, 1), any shape; errors as `check_levels`."""
    check_levels(images, levels)
    check_one_of("dtype", dtype, (None, *FLOATS))
    return _value(images.to(dtype or torch.get_default_dtype()), levels)


def _value(level: Tensor, levels: int) -> Tensor:
    return (2 * level + 1) / levels - 1


def _nearest(x: Tensor, levels: int) -> Tensor:
    """The level with the nearest value, as a float."""
    return ((x + 1) * (levels / 2) - 0.5).round().clamp(0, levels - 1)


def check_levels(images: Tensor, levels: int, name: str = "images") -> None:
    """Raise TypeError if the images are not uint8; ValueError if a level is not below `levels`."""
    as_whole("levels", levels, 2, 256)
    if not isinstance(images, Tensor) or images.dtype != torch.uint8:
        got = images.dtype if isinstance(images, Tensor) else type(images).__name__
        cure = f"; floats in 0..1 are ({levels - 1} * x).round().byte()" * ("float" in str(got))
        raise TypeError(f"{name} must be a tensor of uint8 levels; got {got}{cure}")
    if levels < 256 and images.numel() and int(images.max()) >= levels:
        raise ValueError(f"{name} must have levels 0 to {levels - 1}; got {int(images.max())}")


def to_levels(x: Tensor, levels: int = 256) -> Tensor:
    """x -> the nearest level as uint8, the inverse of `to_unit`. Raises ValueError for NaN."""
    as_whole("levels", levels, 2, 256)
    if bool(x.isnan().any()):
        raise ValueError("x must be numbers to have a nearest level; got NaN")
    return _nearest(x, levels).to(torch.uint8)


def level_logits(z_0: Tensor, at_0: Noise, levels: int = 256) -> Tensor:
    """G2: -(1/2) exp(-gamma_0) (z_0 / alpha_0 - l_k)^2 for every level k: (B, ...) -> (B, ..., K)

    p(x | z_0) is the softmax of it. Args: at_0, the noise level at t = 0, broadcastable to z_0."""
    seen, precision = (z_0 / at_0.alpha)[..., None], torch.exp(-at_0.gamma)[..., None]
    return _logits(seen, torch.arange(levels, device=z_0.device), precision, levels)


def reconstruction_nats(images: Tensor, z_0: Tensor, at_0: Noise, levels: int = 256) -> Tensor:
    """G2, L1: -log p(x | z_0), summed over dimensions: (B, ...) -> nats (B,)

    Args: images uint8 (B, ...); z_0 (B, ...); at_0 as in `level_logits`.
    Computed as ln(1 + sum over the other levels): float32 would lose most pixels' cost in a
    difference of two logits. Levels with less than e^-40 of the sum are left out.
    """
    seen, precision = (z_0 / at_0.alpha)[..., None], torch.exp(-at_0.gamma)[..., None]
    chosen = images.long()[..., None]
    index = _levels_near(seen, precision, levels)
    other = (index != chosen) & (index >= 0) & (index < levels)
    logits = _logits(seen, index, precision, levels).masked_fill(~other, -math.inf)
    odds = _logsumexp(logits) - _logits(seen, chosen, precision, levels)[..., 0]
    return sum_dims(softplus(odds))


def _logits(seen: Tensor, level: Tensor, precision: Tensor, levels: int) -> Tensor:
    return -0.5 * precision * (seen - _value(level.to(seen.dtype), levels)).square()


def _levels_near(seen: Tensor, precision: Tensor, levels: int) -> Tensor:
    """The levels k that count: in a window around the nearest, or all of them where the noise is
    strong. The window may reach below 0 and above K - 1. (B, ..., 1) -> (B, ..., window)"""
    reach = math.ceil(levels / 2 * math.sqrt(100 / float(precision.detach().min()))) + 2
    if 2 * reach + 1 >= levels:
        return torch.arange(levels, device=seen.device)
    window = torch.arange(-reach, reach + 1, device=seen.device)
    return _nearest(seen.detach(), levels).long() + window


def _logsumexp(a: Tensor) -> Tensor:
    """Over the last axis. torch.logsumexp takes nine times as long where most terms underflow."""
    top, index = a.max(-1, keepdim=True)
    return (top - a.log_softmax(-1).gather(-1, index))[..., 0]


def draw_levels(
    z_0: Tensor, at_0: Noise, levels: int = 256, generator: torch.Generator | None = None
) -> Tensor:
    """G2: x ~ p(x | z_0), uint8 in the shape of z_0; in pieces, as p has K numbers a dimension"""
    seen = (z_0 / at_0.alpha).reshape(-1, 1)
    precision = torch.exp(-at_0.gamma).expand_as(z_0).reshape(-1, 1)
    device, every = device_of_draws(generator, z_0), torch.arange(levels, device=z_0.device)
    drawn = []
    for piece in zip(*(values.split(2**22 // levels) for values in (seen, precision)), strict=True):
        p = _logits(piece[0], every, piece[1], levels).softmax(-1)
        drawn.append(torch.multinomial(p.to(device), 1, generator=generator))
    return torch.cat(drawn).reshape(z_0.shape).to(z_0.device, torch.uint8)


def bits_per_dim(nats: Tensor, dims: int) -> Tensor:
    """nats per example -> bits per dimension: nats / (d ln 2)"""
    return nats / (dims * math.log(2))
