"""Two-dimensional toys: points in the plane, rounded to levels as pictures are."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..arguments import as_whole, check_one_of, device_of_draws
from ..pixels import to_levels

# In units of x in (-1, 1). The border is at least five standard deviations away from every mean, so
# what is cut off there is negligible.
GAUSSIAN_STD = 0.2
MIXTURE_MEANS = ((-0.4, -0.4), (0.5, -0.5), (-0.2, 0.5), (0.4, 0.3))
MIXTURE_STDS = (0.12, 0.05, 0.08, 0.1)  # each component is isotropic
MIXTURE_WEIGHTS = (0.4, 0.3, 0.2, 0.1)
SWIRL_STD = 0.25 / 32  # around the spiral


def toy(
    name: str,
    n: int,
    levels: int = 256,
    generator: torch.Generator | None = None,
    device: torch.device | str = "cpu",
) -> Tensor:
    """n points of a two-dimensional distribution, rounded to levels: uint8 (n, 2).

    Args:
        name: "swirl", a spiral with a little noise: the 8-bit example published with "Variational
            Diffusion Models" (Kingma et al., 2021); "mixture", of four Gaussians; "plus_minus_one",
            each coordinate at the lowest or the highest level with equal odds; "gaussian",
            N(0, `GAUSSIAN_STD`^2 I).
        levels: K of each coordinate, 2 to 256.

    Raises ValueError for another name, n < 1, or levels that do not fit in 8 bits.
    """
    check_one_of("name", name, _TOYS)
    n = as_whole("n", n)
    where = device_of_draws(generator, torch.empty(0, device="cpu"))
    points = _TOYS[name](n, {"generator": generator, "device": where})
    return to_levels(points, levels).to(device)


def _swirl(n: int, source: dict[str, Any]) -> Tensor:
    angle = 3 * math.pi * torch.rand(n, **source).sqrt()
    return swirl_mean(angle) + SWIRL_STD * torch.randn(n, 2, **source)


def swirl_mean(angle: Tensor) -> Tensor:
    """The spiral without its noise, (n,) -> (n, 2), for angles from 0 to 3 pi."""
    spiral = torch.stack([angle.cos(), angle.sin()], 1) * (2 * angle + math.pi)[:, None]  # (n, 2)
    # The published example takes the level floor(4 (point + 30)) of 256; in units of x:
    return (spiral + 30) / 32 - 1


def _mixture(n: int, source: dict[str, Any]) -> Tensor:
    rows = (MIXTURE_WEIGHTS, MIXTURE_MEANS, MIXTURE_STDS)
    weights, means, stds = (torch.tensor(row, device=source["device"]) for row in rows)
    chosen = torch.multinomial(weights, n, replacement=True, generator=source["generator"])
    return means[chosen] + stds[chosen, None] * torch.randn(n, 2, **source)


_TOYS: dict[str, Callable[[int, dict[str, Any]], Tensor]] = {
    "swirl": _swirl,
    "mixture": _mixture,
    "plus_minus_one": lambda n, source: 2 * torch.randint(2, (n, 2), **source).float() - 1,
    "gaussian": lambda n, source: GAUSSIAN_STD * torch.randn(n, 2, **source),
}
