"""Ratio and scale of a step on MNIST: the bound of the shipped models (L3, G5, W1-W7).

All is fitted on training images and scored on test images. All scales and ratios on one grid are
scored on the same products (mnist_fits.py): the same images, steps and draws of eps. So the errors
of their differences are much smaller than those of their values.
"""

import math
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...bound import elbo, end_losses
from ...pixels import bits_per_dim
from ...ratio import cheapest_path
from ..show import plots
from . import mnist_fits as fits
from .mnist_fits import BEST, CHEAPEST, EQUAL, FITTED, MODELS, ONE, PAPER, PIXELS, SCALES, STEPS
from .study import Job, Options, Results, Row, Study, load_arrays


def _jobs(options: Options) -> list[Job]:
    listed: list[Job] = [{"part": "infinite", "model": model} for model in MODELS]
    return listed + [{"part": "bound", "model": m, "steps": t} for t in STEPS for m in MODELS]


def _run(job: Job, options: Options) -> Results:
    rows, arrays = (_infinite if job["part"] == "infinite" else _bound)(job, options)
    return Results([{k: _short(k, value) for k, value in row.items()} for row in rows], arrays)


def _short(name: str, value: Any) -> Any:
    digits = 3 if name.endswith("error") else 6
    return float(f"{value:.{digits}g}") if isinstance(value, float) else value


def _infinite(job: Job, options: Options) -> Results:
    """One row: bits per dimension at infinite depth, with the standard error over images."""
    bits = _limit(job["model"], options.budget["test"])
    value, error = _mean(bits)
    return Results([{**job, "bits": value, "error": error, "n": len(bits)}], {})


def _bound(job: Job, options: Options) -> Results:
    """Rows for every choice of scale, ratio and grid: bits per dimension; the paired differences to
    infinite depth (excess) and to the paper's mean with w = 1 (gain); their standard errors.

    Further rows have the fitted scales and ratios. At T = 8 there is an array too: 255 w of every
    step and pixel.
    """
    name, steps, budget = job["model"], job["steps"], options.budget
    model, draws = fits.loaded(name), fits.steps_drawn(steps)
    train = fits.shuffled_mnist("train")[: budget["fit"]]
    test = fits.shuffled_mnist("test")[: budget["test"]]
    of_ends, of_limit = _ends(name, len(test)), _limit(name, len(test))
    fitted = {EQUAL: fits.fit_of(name, steps, budget["fit"])}
    if steps <= fits.GRID_UP_TO:
        path = cheapest_path(fits.costs_of(name, budget["table"]), steps)
        grid, draws_of_fit = path / fits.RESOLUTION, fits.generator_from(1, steps)
        fitted[CHEAPEST] = fits.fit_ratios(model, train, grid, 2 * draws, draws_of_fit)
    bits: dict[tuple[str, str, str], Tensor] = {}
    for grid_name, fit in fitted.items():
        scored = fits.score_fit(model, test, fit, draws, fits.generator_from(3, steps))
        for (scale, ratio), nats in scored.items():
            if grid_name == EQUAL or (scale, ratio) == (FITTED, BEST):
                bits[scale, ratio, grid_name] = bits_per_dim(of_ends + nats, test[0].numel())
    rows: list[Row] = []
    for (scale, ratio, grid_name), of_images in bits.items():
        row = {**job, "scale": scale, "ratio": ratio, "grid": grid_name, "n": len(test)}
        row["bits"], row["error"] = _mean(of_images)
        row["excess"], row["excess_error"] = _mean(of_images - of_limit)
        row["gain"], row["gain_error"] = _mean(of_images - bits[PAPER, ONE, EQUAL])
        rows.append(row)
    if steps <= fits.SHOWN:
        rows += [
            {
                "part": "fit", "model": name, "steps": steps, "scale": scale, "grid": grid_name,
                "t": fits.rounded(fit.grid), "w": fits.rounded(fit.ratio[scale, BEST]),
                "A": fits.rounded(fit.scale[scale]),
            }
            for grid_name, fit in fitted.items()
            for scale in SCALES
            if scale == FITTED or (grid_name == EQUAL and steps <= fits.PIXELS_UP_TO)
        ]  # fmt: skip
    if steps != 8:
        return Results(rows, {})
    w = fitted[EQUAL].ratio[FITTED, PIXELS][:, 0]
    return Results(rows, {f"map_{name}": (255 * w).round().to(torch.uint8).numpy()})


@cache
@torch.no_grad()
def _ends(name: str, images: int) -> Tensor:
    """Prior plus reconstruction of every test image, which depend on no step."""
    model, generator = fits.loaded(name), fits.generator_from(2, 0)
    batches = fits.shuffled_mnist("test")[:images].split(fits.BATCH)
    ends = (end_losses(model, b, torch.randn(b.shape, generator=generator)) for b in batches)
    return torch.cat([prior + reconstruction for prior, reconstruction in ends]).double()


@cache
@torch.no_grad()
def _limit(name: str, images: int) -> Tensor:
    """Bits per dimension of every test image at infinite depth, the mean of two passes."""
    model, generator, bits = fits.loaded(name), fits.generator_from(2), []
    for batch in fits.shuffled_mnist("test")[:images].split(fits.BATCH):
        bounds = [elbo(model, batch, generator=generator) for _ in range(2)]
        bits.append(torch.stack([bound.bits_per_dim() for bound in bounds]).mean(0))
    return torch.cat(bits).double()


def _mean(values: Tensor) -> tuple[float, float]:
    """The mean over images, and its standard error from the means of the batches.

    Single images would give too large an error: the steps are evenly spread within a batch, so its
    mean varies less than the mean of independent images would.
    """
    means = torch.stack([batch.mean() for batch in values.split(fits.BATCH)])
    return values.mean().item(), means.std().item() / math.sqrt(len(means))


STUDY = Study(_jobs, _run, budget={"test": 10_000, "fit": 1000, "table": 64})


# ---- pictures ------------------------------------------------------------------------------------


def shipped_maps() -> NDArray[np.uint8]:
    """255 w of every pixel at T = 8, from the package: [model, step, H, W]."""
    arrays = load_arrays("mnist_ratio")
    return np.stack([arrays[f"map_{model}"] for model in MODELS])


LINES = {  # (scale, ratio, grid): colour, dashes
    (PAPER, ONE, EQUAL): (plots.BLACK, "-"),
    (PAPER, BEST, EQUAL): (plots.BLUE, "--"),
    (FITTED, ONE, EQUAL): (plots.SKY, "-"),
    (FITTED, BEST, EQUAL): (plots.GREEN, "-"),
    (FITTED, BEST, CHEAPEST): (plots.RED, (0, (5, 1, 1, 1))),
}


@plots.styled
def excess_figure(rows: list[Row]) -> plots.Picture:
    """Bits per dimension above infinite depth against T with two standard errors, one panel for
    each model."""
    figure, axes = plots.subplots(1, len(MODELS), size=(9.6, 4.2))
    style: Any = {"marker": "o", "ms": 4, "lw": 1.8, "capsize": 2}
    ticks = [steps for steps in STEPS if steps not in (32, 128)]  # no room for their labels
    for ax, model in zip(axes, MODELS, strict=True):
        bounds = [row for row in rows if row["part"] == "bound" and row["model"] == model]
        for choice, (colour, dashes) in LINES.items():
            shown = [r for r in bounds if (r["scale"], r["ratio"], r["grid"]) == choice]
            points = [(row["steps"], row["excess"], 2 * row["excess_error"]) for row in shown]
            words = choice[: 2 if choice[2] == EQUAL else 3]
            label = ", ".join(words).replace("paper", "paper's mean")
            ax.errorbar(*np.transpose(points), color=colour, ls=dashes, label=label, **style)
        ax.set(xscale="log", yscale="log", xlabel="steps T", ylim=(2e-3, 1e4))
        ax.set_title(model.removeprefix("mnist-"))
        plots.plain_ticks(ax.xaxis, ticks)
    axes[0].set_ylabel("bits/dim above infinite depth")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure
