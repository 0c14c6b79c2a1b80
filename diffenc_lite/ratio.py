"""Ratio and scale of the steps, fitted to data, for a trained model (W1, W5, W7).

    chain = fit(model, training_images, 8)                  # scale and ratio of eight equal steps
    evaluate(model, test_images, chain)                     # never fitted on what it is scored on

    chain = fit(model, training_images, 8, resolution=128)  # and the best of the grids (W4)
    chain = fit(model, training_images, 8, scale=False)     # the paper's mean, the best ratios

Everything follows from one number, the mean squared gap m = E||mu_P - mu_Q||^2 / (d sigma_Q^2) of a
step, which by L2 costs (d/2)(w - 1 - ln w + w m) nats: (d/2) m if w = 1, (d/2) ln(1 + m) at best.
With a mean of the form A x_hat (G5), m is a parabola in A.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from .arguments import one_of, whole
from .bound import gap_and_slope, step_gap
from .chain import Chain, Step, finite_chain
from .gaussian import best_ratio, best_scale, gap_with_scale, standard_normal
from .grid import cheapest_path, edge_costs, unit_batches
from .model import DiffEnc, evaluating


def fit(
    model: DiffEnc,
    images: Tensor,
    steps: Chain | int,
    *,
    scale: bool = True,
    ratio: str = "step",
    resolution: int | None = None,
    generator: torch.Generator | None = None,
    batch: int = 250,
) -> Chain:
    """W1, W7: the chain with the best scale and ratio of every step, and their standard errors

    A* = E<x_hat, tau> / E||x_hat||^2, tau = c x_t + (x_s - x_t), is the best mean of the form
    A x_hat (G5); given it, w* = 1 / (1 + m). No encoder is needed to use them. For a VDM with a
    perfect denoiser A* = c. The errors are over images, to first order; NaN for one image.

    Args:
        images: uint8 (N, ...). Never those that the chain is scored on.
        steps: to fit, a `Chain` or a number T of equal steps.
        scale: False keeps the scale of the chain.
        ratio: "step", one for each step (W1); "constant", one for all (W1c); "dimension", one for
            each step and dimension (W5), for which many images are needed.
        resolution: N replaces the grid by the best T of the depths i / N (W4).
        batch: images at a time.

    Raises TypeError for images that are not uint8; ValueError for images that do not fit the
    model, for a batch below 1, a resolution below T, and what `Chain` refuses.
    """
    chain = finite_chain(steps)
    batches = unit_batches(model, images, batch)
    one_of("scale", scale, (True, False))
    one_of("ratio", ratio, ("step", "constant", "dimension"))
    if resolution is not None:
        whole("resolution", resolution, chain.steps)
        kind = "optimal" if scale else chain.scale  # None or "folded": one for all steps
        costs = edge_costs(model, images, resolution, "optimal", generator, batch, kind)
        nodes = cheapest_path(costs, chain.steps)
        grid = Chain.equal(resolution).grid.to(model.dtype)[nodes]
        chain = Chain(grid, chain.ratio, None if scale else chain.scale)
    if scale:
        chain = _scale_and_ratio(model, batches, chain, generator)
        if ratio == "step":
            return chain
        batches = unit_batches(model, images, batch)
    m, error = squared_gaps(model, batches, chain, generator, ratio == "dimension")
    w = best_ratio(m.mean() if ratio == "constant" else m)
    w_error = None if ratio == "constant" else (w.square() * error).to(model.device, model.dtype)
    w = w.to(model.device, model.dtype)
    return Chain(chain.grid, w, chain.scale, w_error, chain.scale_error)


def _scale_and_ratio(
    model: DiffEnc, batches: Iterable[Tensor], chain: Chain, generator: torch.Generator | None
) -> Chain:
    """W7, W1: in units of sigma_Q the gap is g + (A/c - 1) h, so m is a parabola in A. All
    dimensions share A and w."""
    parts: list[list[Tensor]] = [[] for _ in range(chain.steps)]
    with evaluating(model):
        for i, x, step, eps in _each_step(batches, chain, generator):
            g, h = gap_and_slope(model, x, step.s, step.t, eps)
            products = torch.stack([g * g, g * h, h * h], 1).flatten(2).mean(2)  # (B, 3)
            parts[i].append(products.cpu().double())
    of_images = torch.stack([torch.cat(part) for part in parts])  # (T, N, 3)
    means, n = of_images.mean(1), of_images.shape[1]
    scale, h2 = best_scale(means), means[:, 2]
    extra = scale - 1
    # first order: how one image moves A*/c, and m (through A it does not: there m is least)
    ones, zeros = torch.ones_like(extra), torch.zeros_like(extra)
    on_scale = torch.stack([zeros, -1 / h2, -extra / h2], 1)
    on_m = torch.stack([ones, 2 * extra, extra.square()], 1)
    moved = of_images @ torch.stack([on_scale, on_m], 2)  # (T, N, 2)
    errors = moved.std(1) / n**0.5 if n > 1 else torch.full_like(moved[:, 0], torch.nan)
    scale_error, m_error = errors.unbind(1)
    w = best_ratio(gap_with_scale(means, scale))
    fitted = w, scale, w.square() * m_error, scale_error  # dw/dm = -w^2
    return Chain(chain.grid, *(values.to(model.device, model.dtype) for values in fitted))


def squared_gaps(
    model: DiffEnc,
    batches: Iterable[Tensor],
    steps: Chain | int,
    generator: torch.Generator | None = None,
    per_dimension: bool = False,
) -> tuple[Tensor, Tensor]:
    """The mean squared gap m of every step of a chain (L2, W1), and its standard error over
    examples

    Args: batches of x (B, ...), floats, so that data need not be 8-bit.
    Returns two tensors (T,), with per_dimension (T, ...), in float64.
    """
    chain = finite_chain(steps)
    sums: list[Tensor | float] = [0.0] * chain.steps  # of the gap and of its square
    n = 0
    with evaluating(model):
        for i, x, step, eps in _each_step(batches, chain, generator):
            squared = step_gap(model, x, step.s, step.t, eps, step.scale)
            n += len(squared) * (i == 0)
            squared = squared if per_dimension else squared.flatten(1).mean(1)
            squared = squared.cpu().double()
            sums[i] = sums[i] + torch.stack([squared.sum(0), squared.square().sum(0)])
    mean, square = torch.stack([torch.as_tensor(of_step) for of_step in sums], 1) / n
    return mean, ((square - mean.square()).clamp(min=0) / (n - 1)).sqrt()


def _each_step(
    batches: Iterable[Tensor], chain: Chain, generator: torch.Generator | None
) -> Iterator[tuple[int, Tensor, Step, Tensor]]:
    """i, x, step and eps, for every batch and step."""
    for x in batches:
        for i in range(chain.steps):
            step = chain.step(i, x)
            s, t = step.s.expand(len(x)), step.t.expand(len(x))
            yield i, x, step._replace(s=s, t=t), standard_normal(x.shape, x, generator)
