"""Two-dimensional toys: points in the plane, rounded to levels as pictures are."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..arguments import whole
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
            Diffusion Models" (Kingma et al., 2021); "mixture", of four Gaussians (`MIXTURE_MEANS`,
            `MIXTURE_STDS`, `MIXTURE_WEIGHTS`); "plus_minus_one", each coordinate at the lowest or
            the highest level with equal odds; "gaussian", N(0, `GAUSSIAN_STD`^2 I).
        levels: grey levels K per coordinate, 2 to 256.
        generator: draws are made on its device, then moved to `device`.

    Raises ValueError for another name, n < 1, or levels that do not fit in 8 bits.
    """
    if name not in _TOYS:
        raise ValueError(f"name must be one of {', '.join(_TOYS)}; got {name!r}")
    n, levels = whole("n", n), whole("levels", levels, 2, 256)
    return to_levels(_TOYS[name](n, generator), levels).to(device)


def _source(generator: torch.Generator | None) -> torch.device:
    return generator.device if generator is not None else torch.device("cpu")


def _normal(n: int, generator: torch.Generator | None) -> Tensor:
    return torch.randn(n, 2, generator=generator, device=_source(generator))


def _swirl(n: int, generator: torch.Generator | None) -> Tensor:
    uniform = torch.rand(n, generator=generator, device=_source(generator))
    return swirl_mean(3 * math.pi * uniform.sqrt()) + SWIRL_STD * _normal(n, generator)


def swirl_mean(angle: Tensor) -> Tensor:
    """The spiral without its noise, (n,) -> (n, 2), for angles from 0 to 3 pi."""
    spiral = torch.stack([angle.cos(), angle.sin()], 1) * (2 * angle + math.pi)[:, None]  # (n, 2)
    # The published example takes the level floor(4 (point + 30)) of 256; in units of x:
    return (spiral + 30) / 32 - 1


def _mixture(n: int, generator: torch.Generator | None) -> Tensor:
    device = _source(generator)
    weights = torch.tensor(MIXTURE_WEIGHTS, device=device)
    chosen = torch.multinomial(weights, n, replacement=True, generator=generator)
    means = torch.tensor(MIXTURE_MEANS, device=device)
    stds = torch.tensor(MIXTURE_STDS, device=device)
    return means[chosen] + stds[chosen, None] * _normal(n, generator)


def _plus_minus_one(n: int, generator: torch.Generator | None) -> Tensor:
    return 2 * torch.randint(2, (n, 2), generator=generator, device=_source(generator)).float() - 1


def _gaussian(n: int, generator: torch.Generator | None) -> Tensor:
    return GAUSSIAN_STD * _normal(n, generator)


_TOYS: dict[str, Callable[[int, torch.Generator | None], Tensor]] = {
    "swirl": _swirl,
    "mixture": _mixture,
    "plus_minus_one": _plus_minus_one,
    "gaussian": _gaussian,
}
