"""Ancestral sampling from the generative process (G1-G3, G5). The encoder is never called."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from . import pixels, process
from .arguments import as_shape, as_whole
from .chain import Chain, as_chain
from .gaussian import standard_normal
from .model import DiffEnc, check_model, eval_mode
from .smooth import check_schedule


class SampleStep(NamedTuple):
    """The state of the sampler: depth t, the latent z_t (n, ...), the prediction x_hat (n, ...)."""

    t: float
    z: Tensor
    x_hat: Tensor


@torch.no_grad()
def sample_steps(
    model: DiffEnc,
    n: int,
    steps: Chain | int,
    *,
    shape: tuple[int, ...] | None = None,
    generator: torch.Generator | None = None,
) -> Iterator[SampleStep]:
    """G1, G3: z_1 ~ N(0, I), then z_s ~ p(z_s | z_t) = N(mu_P, (sigma_Q^2 / w) I), T times

    Yields T + 1 times, at t = 1, ..., 0, where x_hat is z_0 / alpha_0. Arguments and errors as in
    `sample`; FloatingPointError if x_hat is not finite.
    """
    check_model(model)
    check_schedule(model.schedule, model.like_weights)
    chain = as_chain(steps)
    shape = model.shape if shape is None else as_shape(shape)
    if shape is None or model.shape not in (None, shape):
        raise ValueError(f"shape must be {model.shape or 'given, as (1, 28, 28)'}; got {shape}")
    z = standard_normal((as_whole("n", n), *shape), model.like_weights, generator)
    for i in reversed(range(chain.steps)):
        s, t, ratio, scale = chain.step(i, z)
        at_s, at_t = model.schedule(s.expand(n)), model.schedule(t.expand(n))
        with eval_mode(model):
            x_hat = process.x_from_v(z, model.v_hat(z, at_t.gamma), at_t.like(z))
        if not bool(x_hat.isfinite().all()):
            raise FloatingPointError(f"x_hat is not finite at t = {float(t):g}")
        yield SampleStep(float(t), z, x_hat)
        at_s, at_t = at_s.like(z), at_t.like(z)
        p = process.generative_step(z, x_hat, model.u_hat(x_hat), at_s, at_t, ratio, scale)
        z = p.mean + p.variance.sqrt() * standard_normal(z.shape, z, generator)
    yield SampleStep(0.0, z, z / at_s.alpha)


def sample(
    model: DiffEnc,
    n: int,
    steps: Chain | int,
    *,
    shape: tuple[int, ...] | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """G1-G3: n images, uint8 (n, *shape): `sample_steps` to the end, then x ~ p(x | z_0)

        sample(model, 16, 50)                                # 50 equal steps
        sample(model, 16, load_fitted("mnist-learned", 8))   # 8 steps, fitted

    Args: steps, a `Chain` or a number T of equal steps; shape of an example, if the model has none.
    Raises ValueError for n or steps below 1, for what `Chain` refuses, and without a shape.
    """
    for step in sample_steps(model, n, steps, shape=shape, generator=generator):
        last = step
    with torch.no_grad():
        at_0 = model.schedule(last.z.new_zeros(n)).like(last.z)
    return pixels.draw_levels(last.z, at_0, model.levels, generator)
