"""The jobs of the study: the bound at infinite depth and with T steps."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from ....bound import elbo, end_losses
from ....pixels import bits_per_dim
from ....ratio import cheapest_path
from ..runner import Job, Options, Results, Row
from . import inputs
from .fits import Fit, costs_of, draws_of, fit, fit_of, score
from .inputs import (
    BEST,
    CHEAPEST,
    EQUAL,
    FITTED,
    GRID_UP_TO,
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
        for (scale, ratio), nats in scored.items():
            if scale not in scales or (grid == CHEAPEST and ratio != BEST):
                continue
            bits = bits_per_dim(of_ends + nats, d)
            row = {**job, "scale": scale, "ratio": ratio, "grid": grid, "n": len(test)}
            if not rows:  # the paper's mean with w = 1
                base = bits
            row["bits"], row["error"] = mean(bits)
            row["excess"], row["excess_error"] = mean(bits - of_limit)
            row["gain"], row["gain_error"] = mean(bits - base)
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


def mean(values: Tensor) -> tuple[float, float]:
    """The mean over images, and its standard error from the means of the batches.

    Single images would give too large an error: the steps are evenly spread within a batch, so its
    mean varies less than the mean of independent images would.
    """
    means = torch.stack([batch.mean() for batch in values.split(inputs.BATCH)])
    return values.mean().item(), means.std().item() / math.sqrt(len(means))
