"""Ratio and scale of a step on MNIST: the bound of the shipped models (L3, G5, W1-W7).

All is fitted on training images and scored on test images. With the mean A x_hat (G5) the gap of a
step is g + (A/c - 1) h, so its mean square is known for every scale from three numbers, the means
of g^2, g h and h^2: the products. All scales and ratios on one grid are scored on the same
products: the same images, steps and draws of eps. So the errors of their differences are much
smaller than those of their values.
"""

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
from ..runner import Job, Options, Results, Row, Study
from . import inputs
from .fits import Fit, costs_of, draws_of, fit, fit_of, score
from .inputs import (
    BEST,
    CHEAPEST,
    CONSTANT,
    EQUAL,
    FITTED,
    FOLDED,
    GRID_UP_TO,
    MODELS,
    ONE,
    PAPER,
    PIXELS,
    PIXELS_UP_TO,
    SCALES,
    SHOWN,
    STEPS,
    rounded,
    seeded,
)
from .pictures import excess_figure, shipped_maps

__all__ = [
    "BEST", "CHEAPEST", "CONSTANT", "EQUAL", "FITTED", "FOLDED", "MODELS", "ONE", "PAPER", "PIXELS",
    "SCALES", "STEPS", "STUDY", "excess_figure", "shipped_maps",
]  # fmt: skip


def jobs(options: Options) -> list[Job]:
    listed: list[Job] = [{"part": "infinite", "model": model} for model in MODELS]
    return listed + [{"part": "bound", "model": m, "steps": t} for t in STEPS for m in MODELS]


def run(job: Job, options: Options) -> Results:
    rows, arrays = (infinite if job["part"] == "infinite" else bound)(job, options)
    return Results([{k: _short(k, value) for k, value in row.items()} for row in rows], arrays)


def _short(name: str, value: Any) -> Any:
    digits = 3 if name.endswith("error") else 6
    return float(f"{value:.{digits}g}") if isinstance(value, float) else value


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
    of_ends, of_limit = ends(name, root, len(test)), limit(name, root, len(test))
    fits: list[tuple[str, tuple[str, ...], Fit]] = [
        (EQUAL, SCALES, fit_of(name, root, steps, budget["fit"]))
    ]
    if steps <= GRID_UP_TO:
        path = cheapest_path(costs_of(name, root, budget["table"]), steps)
        grid_fit = fit(model, train, path / inputs.RESOLUTION, 2 * draws, seeded(1, steps))
        fits.append((CHEAPEST, (FITTED,), grid_fit))
    rows: list[Row] = []
    arrays: dict[str, NDArray[Any]] = {}
    base = torch.empty(0)
    for grid, scales, fitted in fits:
        scored = score(model, test, fitted, draws, seeded(3, steps))
        for (scale, ratio), nats in scored.items():
            if scale not in scales or (grid == CHEAPEST and ratio != BEST):
                continue
            bits = bits_per_dim(of_ends + nats, test[0].numel())
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


@cache
def ends(name: str, root: str | None, images: int) -> Tensor:
    """Prior plus reconstruction of every test image, which depend on no step."""
    generator, sums = seeded(2, 0), []
    with torch.no_grad():
        for batch in inputs.images("test", root)[:images].split(inputs.BATCH):
            eps_0 = torch.randn(batch.shape, generator=generator)
            prior, reconstruction = end_losses(inputs.loaded(name), batch, eps_0)
            sums.append(prior + reconstruction)
    return torch.cat(sums).double()


@cache
def limit(name: str, root: str | None, images: int) -> Tensor:
    """Bits per dimension of every test image at infinite depth, the mean of two passes."""
    model, generator, bits = inputs.loaded(name), seeded(2), []
    with torch.no_grad():
        for batch in inputs.images("test", root)[:images].split(inputs.BATCH):
            bounds = [elbo(model, batch, generator=generator) for _ in range(2)]
            bits.append(torch.stack([bound.bits_per_dim() for bound in bounds]).mean(0))
    return torch.cat(bits).double()


def mean(values: Tensor) -> tuple[float, float]:
    """The mean over images, and its standard error from the means of the batches.

    Single images would give too large an error: the steps are evenly spread within a batch, so its
    mean varies less than the mean of independent images would.
    """
    means = torch.stack([batch.mean() for batch in values.split(inputs.BATCH)])
    return values.mean().item(), means.std().item() / math.sqrt(len(means))


STUDY = Study(jobs, run, budget={"test": 10_000, "fit": 1000, "table": 64})
