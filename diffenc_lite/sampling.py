"""Ancestral sampling from the generative process (G1-G3, G5). The encoder is never called."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral
from typing import NamedTuple

import torch
from torch import Tensor

from . import pixels, process
from .gaussian import standard_normal
from .model import DiffEnc
from .process import Scale


class Step(NamedTuple):
    """The state of the sampler: depth t, the latent z_t (n, ...), the prediction x_hat (n, ...)."""

    t: float
    z: Tensor
    x_hat: Tensor


def sample_steps(
    model: DiffEnc,
    n: int,
    steps: int,
    ratio: float | Tensor = 1.0,
    generator: torch.Generator | None = None,
    grid: Tensor | None = None,
    scale: Scale = None,
) -> Iterator[Step]:
    """G1, G3: z_1 ~ N(0, I), then z_s ~ p(z_s | z_t) = N(mu_P, (sigma_Q^2 / w) I), T times

    Yields steps + 1 times, at t = 1, ..., 0; x_hat is the prediction from z_t, and z_0 / alpha_0
    at t = 0. Run it under torch.no_grad().
    Args: ratio w > 0, a number, (T,) with row i for the i-th step counted from t = 0, or
        (T, *shape), one for each dimension; grid, increasing (steps+1,) from 0 to 1, equal steps
        if not given; scale of the mean (G5), None for the paper's, "folded", or A / c as a number
        or (T,).
    """
    if not isinstance(n, Integral) or n < 1:
        raise ValueError(f"n must be a whole number of images, at least 1; got {n!r}")
    if model.shape is None:
        raise ValueError(
            "sampling needs the shape of an image: DiffEnc(..., shape=(1, 28, 28)), for example"
        )
    like = torch.empty((n, *model.shape), device=model.device, dtype=model.dtype)
    chain = process.chain(steps, ratio, grid, like, scale)

    z = standard_normal(like.shape, like, generator)
    for i in range(steps, 0, -1):
        s, t = chain.grid[i - 1], chain.grid[i]
        at_s, at_t = model.schedule(s.expand(n)), model.schedule(t.expand(n))
        n_s, n_t = at_s.like(z), at_t.like(z)
        x_hat = process.x_from_v(z, model.v_hat(z, at_t.gamma), n_t)
        yield Step(float(t), z, x_hat)
        ratio_i, scale_i = chain.ratio[i - 1], process.scale_of(chain.scale, i - 1)
        p = process.generative_step(z, x_hat, model.u_hat(x_hat), n_s, n_t, ratio_i, scale_i)
        z = p.mean + p.variance.sqrt() * standard_normal(like.shape, like, generator)
    yield Step(0.0, z, z / model.schedule(chain.grid[0].expand(n)).like(z).alpha)


@torch.no_grad()
def sample(
    model: DiffEnc,
    n: int,
    steps: int,
    ratio: float | Tensor = 1.0,
    generator: torch.Generator | None = None,
    grid: Tensor | None = None,
    scale: Scale = None,
) -> Tensor:
    """G1-G3: n images, uint8 (n, *shape): `sample_steps` to the end, then x ~ p(x | z_0)

    Raises ValueError for n or steps below 1, a ratio or scale that is not positive or not of length
    `steps`, a grid that does not increase from 0 to 1, and a model whose shape is not known.
    """
    z = None
    for step in sample_steps(model, n, steps, ratio, generator, grid, scale):
        z = step.z
    assert z is not None
    at_0 = model.schedule(z.new_zeros(n)).like(z)
    return pixels.draw_levels(z, at_0, model.levels, generator)
