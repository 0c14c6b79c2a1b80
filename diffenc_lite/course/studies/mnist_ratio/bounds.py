"""The jobs of the bound: at infinite depth, with few steps, and what is lost by overfitting."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from ....bound import elbo, end_losses
from ....chain import Chain
from ....gaussian import best_cost, best_ratio, kl_ratio
from ....model import DiffEnc
from ....pixels import bits_per_dim
from ....ratio import best_scale, cheapest_path, gap_with_scale, squared_gap_table
from ..runner import Job, Options, Results, Row
from . import inputs
from .fits import Fit, costs_of, drawn_products, draws_of, fit, fit_of, named_scale, score
from .inputs import (
    BEST,
    CHEAPEST,
    EQUAL,
    FITTED,
    GRID_UP_TO,
    OVERFIT_MODEL,
    OVERFIT_STEPS,
    PIXELS,
    PIXELS_UP_TO,
    SCALES,
    SHOWN,
    rounded,
    seeded,
)


@cache
def ends(name: str, root: str | None, images: int) -> Tensor:
    """Prior plus reconstruction of every test image, which depend on no step."""
    generator, sums = seeded(2, 0), []
    with torch.no_grad():
        for part in inputs.images("test", root)[:images].split(inputs.BATCH):
            eps_0 = torch.randn(part.shape, generator=generator)
            prior, reconstruction = end_losses(inputs.loaded(name), part, eps_0)
            sums.append(prior + reconstruction)
    return torch.cat(sums).double()


@cache
def limit(name: str, root: str | None, images: int) -> Tensor:
    """Bits per dimension of every test image at infinite depth, the mean of two passes."""
    model, generator, bits = inputs.loaded(name), seeded(2), []
    with torch.no_grad():
        for part in inputs.images("test", root)[:images].split(inputs.BATCH):
            bounds = [elbo(model, part, generator=generator) for _ in range(2)]
            bits.append(torch.stack([bound.bits_per_dim() for bound in bounds]).mean(0))
    return torch.cat(bits).double()


def infinite(job: Job, options: Options) -> Results:
    """One row: bits per dimension at infinite depth, with the standard error over images."""
    bits = limit(job["model"], options.root, options.budget["test"])
    value, error = mean(bits)
    return Results([{**job, "bits": value, "error": error, "n": len(bits)}], {})


def bound(job: Job, options: Options) -> Results:
    """Rows for every choice of scale, ratio and grid: bits per dimension; the paired differences to
    infinite depth (excess) and to the paper's mean with w = 1 (gain); their standard errors.

    Further rows have the fitted scales and ratios. At T = 8 there is an array too: 255 w of every
    step and pixel.
    """
    name, steps, root, budget = job["model"], job["steps"], options.root, options.budget
    model, draws = inputs.loaded(name), draws_of(steps)
    train = inputs.images("train", root)[: budget["fit"]]
    test = inputs.images("test", root)[: budget["test"]]
    d, of_ends = test[0].numel(), ends(name, root, len(test))
    of_limit = limit(name, root, len(test))
    fits: list[tuple[str, tuple[str, ...], Fit]] = [
        (EQUAL, SCALES, fit_of(name, root, steps, budget["fit"]))
    ]
    if steps <= GRID_UP_TO:
        path = cheapest_path(costs_of(name, root, budget["table"]), steps)
        own = fit(model, train, path / inputs.RESOLUTION, 2 * draws, seeded(1, steps))
        fits.append((CHEAPEST, (FITTED,), own))
    rows: list[Row] = []
    arrays: dict[str, NDArray[Any]] = {}
    base = torch.empty(0)
    for grid, scales, fitted in fits:
        scored = score(model, test, fitted, draws, seeded(3, steps))
        for (scale, ratio), nats in scored.nats.items():
            if scale not in scales or (grid == CHEAPEST and ratio != BEST):
                continue
            bits = bits_per_dim(of_ends + nats, d)
            row = {**job, "scale": scale, "ratio": ratio, "grid": grid, "n": len(test)}
            if not rows:  # the paper's mean with w = 1
                base = bits
            row["bits"], row["error"] = mean(bits)
            row["excess"], row["excess_error"] = mean(bits - of_limit)
            row["gain"], row["gain_error"] = mean(bits - base)
            if ratio == BEST:
                here = bits_per_dim(torch.tensor(scored.if_fitted_here[scale]), d).item()
                row["lost"] = mean(bits_per_dim(nats, d))[0] - here
            rows.append(row)
        if grid == EQUAL and steps == 8:
            w = fitted.ratio[FITTED, PIXELS][:, 0]
            arrays[f"map_{name}"] = (255 * w).round().to(torch.uint8).numpy()
    if steps <= SHOWN:
        rows += [
            {
                "part": "fit", "model": name, "steps": steps, "scale": scale, "grid": grid,
                "t": rounded(fitted.grid), "w": rounded(fitted.ratio[scale, BEST]),
                "A": rounded(fitted.scale[scale]),
            }
            for grid, scales, fitted in fits
            for scale in (scales if steps <= PIXELS_UP_TO else (FITTED,))
        ]  # fmt: skip
    return Results(rows, arrays)


def overfit(job: Job, options: Options) -> Results:
    """Rows for n training images: the diffusion loss at T = 8 in bits per dimension, on the images
    fitted and on test images, and `lost`: the latter less what a fit on those would give."""
    name, root, steps = OVERFIT_MODEL, options.root, OVERFIT_STEPS
    model, grid = inputs.loaded(name), Chain.equal(steps).grid.float()
    most, numbers = options.budget["fit"], [4**k for k in range(1, 6)]
    numbers = [n for n in numbers if n < most] + [most]

    def mean_products(images: Tensor, seed: int) -> Tensor:
        """(T, 3, ...)"""
        total = torch.zeros(steps, 3, *images.shape[1:], dtype=torch.float64)
        for _, index, products in drawn_products(model, images, grid, steps, seeded(7, seed)):
            total.index_add_(0, index, products.double())
        return total / len(images)

    test, train, rows = inputs.images("test", root)[:most], inputs.images("train", root), []
    d, others = test[0].numel(), mean_products(test, 0)
    own = torch.zeros_like(others)

    def cost(fitted: Tensor, scored: Tensor, scaled: bool, each: bool) -> float:
        """Of a chain with what is fitted on the one, scored on the other."""
        shared = fitted.flatten(2).mean(2)
        a = best_scale(shared) if scaled else named_scale(model, grid, None)
        m, m_there = (gap_with_scale(p, a[:, None, None, None]) for p in (fitted, scored))
        w = best_ratio(m if each else m.flatten(1).mean(1)[:, None, None, None])
        return bits_per_dim(kl_ratio(m_there, w).sum(), d).item()

    kinds = {"ratio": (False, False), "scale and ratio": (True, False), "per pixel": (True, True)}
    before = 0
    for n in numbers:
        own = (own * before + mean_products(train[before:n], n) * (n - before)) / n
        before = n
        for what, kind in kinds.items():
            there = cost(own, others, *kind)
            row = {"what": what, "n": n, "own": cost(own, own, *kind), "others": there}
            rows.append({**job, **row, "lost": there - cost(others, others, *kind)})
    return Results(rows + _overfit_grids(job, options, model), {})


def _overfit_grids(job: Job, options: Options, model: DiffEnc) -> list[Row]:
    """The same for the best of the grids of 64 equal steps, with the fitted mean and w*."""
    times, d, rows = torch.arange(65) / 64, 784, list[Row]()

    def table(split: str, n: int) -> Tensor:
        images = inputs.images(split, options.root)[:n]
        batches = (model.to_unit(part) for part in images.split(16))
        return squared_gap_table(model, batches, times, seeded(8), "optimal")

    there = table("test", 2 * options.budget["table"])

    def cost(grid: Tensor, m: Tensor, w: Tensor) -> float:
        edges = grid[:-1], grid[1:]
        return bits_per_dim(kl_ratio(d * m[edges], w[edges], d).sum(), d).item()

    best = cheapest_path(best_cost(there, d), OVERFIT_STEPS)
    least = cost(best, there, best_ratio(there))
    for n in (1, 4, 16, options.budget["table"]):
        own = table("train", n)
        grid = cheapest_path(best_cost(own, d), OVERFIT_STEPS)
        w = best_ratio(own)
        others = cost(grid, there, w)
        row = {"what": "grid", "n": n, "own": cost(grid, own, w), "others": others}
        rows.append({**job, **row, "lost": others - least})
    return rows


def mean(values: Tensor) -> tuple[float, float]:
    """The mean over images, and its standard error from the means of the batches.

    Single images would give too large an error: the steps are evenly spread within a batch, so its
    mean varies less than the mean of independent images would.
    """
    means = torch.stack([batch.mean() for batch in values.split(inputs.BATCH)])
    return values.mean().item(), means.std().item() / math.sqrt(len(means))
