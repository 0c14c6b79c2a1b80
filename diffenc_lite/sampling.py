"""Ancestral sampling from the generative process. The encoder is never called.             G1-G3"""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral
from typing import NamedTuple

import torch
from torch import Tensor

from . import pixels, process
from .model import DiffEnc


class Step(NamedTuple):
    """Where the sampler stands: depth t, the latent z_t (n, ...), and the prediction x_hat made
    from it (n, ...)."""

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
) -> Iterator[Step]:
    """z_1 ~ N(0, I), then z_s ~ p(z_s | z_t) = N(mu_P, (sigma_Q^2 / w) I), T times          G1, G3

    Yields steps + 1 times, at t = 1, ..., 0; x_hat at t is what the denoiser sees in z_t, and
    z_0 / alpha_0 at the end, where it is called no more. Run it under torch.no_grad().
    Args: ratio w > 0, a number, (T,) with row i for the i-th step counted from t = 0, or
        (T, *shape), one for each dimension; grid, increasing (steps+1,) from 0 to 1, equal steps
        if not given.
    """
    if not isinstance(n, Integral) or n < 1:
        raise ValueError(f"n must be a whole number of images, at least 1; got {n!r}")
    if model.shape is None:
        raise ValueError("sampling needs model.shape; give DiffEnc(..., shape=(1, 28, 28))")
    like = torch.empty((n, *model.shape), device=model.device, dtype=model.dtype)
    grid = process.check_grid(grid, steps, like)
    w = process.check_ratio(ratio, steps, like)

    def noise() -> Tensor:
        return torch.randn(like.shape, generator=generator, device=like.device, dtype=like.dtype)

    z = noise()
    if model.centre is not None:  # p(z_1) = N(alpha_1 c, I)
        z = z + model.schedule(grid[-1].expand(n)).like(z).alpha * model.centre
    for i in range(steps, 0, -1):
        at_s, at_t = model.schedule(grid[i - 1].expand(n)), model.schedule(grid[i].expand(n))
        n_s, n_t = at_s.like(z), at_t.like(z)
        x_hat = process.x_from_v(z, model.v_hat(z, at_t.gamma), n_t)
        yield Step(float(grid[i]), z, x_hat)
        p = process.generative_step(z, x_hat, model.u_hat(x_hat), n_s, n_t, w[i - 1])
        z = p.mean + p.variance.sqrt() * noise()
    yield Step(0.0, z, z / model.schedule(grid[0].expand(n)).like(z).alpha)


@torch.no_grad()
def sample(
    model: DiffEnc,
    n: int,
    steps: int,
    ratio: float | Tensor = 1.0,
    generator: torch.Generator | None = None,
    grid: Tensor | None = None,
) -> Tensor:
    """n images, uint8 (n, *shape): `sample_steps` to the end, then x ~ p(x | z_0)          G1-G3

    Raises ValueError for n or steps below 1, a ratio that is not positive or not of length
    `steps`, a grid that does not increase from 0 to 1, and a model whose shape is not known.
    """
    z = None
    for step in sample_steps(model, n, steps, ratio, generator, grid):
        z = step.z
    assert z is not None
    noise_0 = model.schedule(z.new_zeros(n)).like(z)
    return pixels.draw_levels(z, noise_0, model.levels, generator)
