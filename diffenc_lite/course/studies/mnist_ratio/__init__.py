"""Ratio and scale of a step on MNIST: bound and samples of the shipped models (L3, G5, W1-W7).

All is fitted on training images and scored on test images. With the mean A x_hat (G5) the gap of a
step is g + (A/c - 1) h, so its mean square is known for every scale from three numbers, the means
of g^2, g h and h^2: the products. All scales and ratios on one grid are scored on the same
products: the same images, steps and draws of eps. So the errors of their differences are much
smaller than those of their values.
"""

from __future__ import annotations

from typing import Any

from ..runner import Job, Options, Results, Study
from . import bounds, samples
from .inputs import (
    BEST,
    CHEAPEST,
    CONSTANT,
    DRAWN,
    EQUAL,
    FITTED,
    FOLDED,
    MODELS,
    ONE,
    PAPER,
    PIXELS,
    SAMPLED,
    SCALES,
    STEPS,
    WHY,
)
from .pictures import excess_figure, shipped_maps, shipped_sheet

__all__ = [
    "BEST", "CHEAPEST", "CONSTANT", "DRAWN", "EQUAL", "FITTED", "FOLDED", "MODELS", "ONE", "PAPER",
    "PIXELS", "SAMPLED", "SCALES", "STEPS", "STUDY", "WHY", "excess_figure", "shipped_maps",
    "shipped_sheet",
]  # fmt: skip


def jobs(options: Options) -> list[Job]:
    """What matters most comes first; the budget `jobs` takes the first so many."""
    listed: list[Job] = [{"part": "infinite", "model": model} for model in MODELS]
    few, many = [t for t in STEPS if t <= 64], [t for t in STEPS if t > 64]
    listed += [{"part": "bound", "model": m, "steps": steps} for steps in few for m in MODELS]
    listed += [{"part": "overfit"}]
    listed += [{"part": "bound", "model": m, "steps": steps} for steps in many for m in MODELS]
    listed += [{"part": "real"}, *({"part": "latents", "model": model} for model in MODELS)]
    listed += _sample_jobs(8, DRAWN[:3]) + _sample_jobs(4, DRAWN[:1])
    listed += [{"part": "why", "model": m, "mean": mean} for m in MODELS[1:] for mean in WHY]
    listed += [{"part": "why", "model": "mnist-scaling", "mean": "exact"}]
    listed += _sample_jobs(4, DRAWN[1:3]) + _sample_jobs(16, DRAWN[:3])
    listed += _sample_jobs(8, DRAWN[3:]) + _sample_jobs(4, DRAWN[3:])
    listed += _sample_jobs(32, DRAWN[:3]) + _sample_jobs(16, DRAWN[3:])
    listed += _sample_jobs(64, DRAWN) + _sample_jobs(32, DRAWN[3:])
    return listed[: options.budget["jobs"]]


def _sample_jobs(steps: int, ratios: tuple[float | str, ...]) -> list[Job]:
    """For a VDM, paper and folded are one mean, and the fitted one is nearly the same."""
    return [
        {"part": "samples", "model": m, "steps": steps, "scale": scale, "ratio": ratio}
        for ratio in ratios
        for scale in SCALES
        for m in MODELS
        if scale == PAPER or m != MODELS[0]
    ]


def run(job: Job, options: Options) -> Results:
    parts = {
        "infinite": bounds.infinite, "bound": bounds.bound, "overfit": bounds.overfit,
        "real": samples.real, "latents": samples.latents, "samples": samples.samples,
        "why": samples.why,
    }  # fmt: skip
    found = parts[job["part"]](job, options)
    rows = [{name: _short(name, value) for name, value in row.items()} for row in found.rows]
    return Results(rows, found.arrays)


def _short(name: str, value: Any) -> Any:
    digits = 3 if name.endswith("error") else 6
    return float(f"{value:.{digits}g}") if isinstance(value, float) else value


BUDGET = {"test": 10_000, "fit": 1000, "table": 64, "n": 2000, "jobs": 1000}
STUDY = Study(jobs, run, budget=BUDGET)
