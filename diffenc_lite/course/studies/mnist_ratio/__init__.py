"""Ratio and scale of a step on MNIST: the bound of the shipped models (L3, G5, W1-W7).

All is fitted on training images and scored on test images. With the mean A x_hat (G5) the gap of a
step is g + (A/c - 1) h, so its mean square is known for every scale from three numbers, the means
of g^2, g h and h^2: the products. All scales and ratios on one grid are scored on the same
products: the same images, steps and draws of eps. So the errors of their differences are much
smaller than those of their values.
"""

from __future__ import annotations

from typing import Any

from ..runner import Job, Options, Results, Study
from . import bounds
from .inputs import (
    BEST,
    CHEAPEST,
    CONSTANT,
    EQUAL,
    FITTED,
    FOLDED,
    MODELS,
    ONE,
    PAPER,
    PIXELS,
    SCALES,
    STEPS,
)  # fmt: skip
from .pictures import excess_figure, shipped_maps

__all__ = [
    "BEST", "CHEAPEST", "CONSTANT", "EQUAL", "FITTED", "FOLDED", "MODELS", "ONE", "PAPER", "PIXELS",
    "SCALES", "STEPS", "STUDY", "excess_figure", "shipped_maps",
]  # fmt: skip


def jobs(options: Options) -> list[Job]:
    listed: list[Job] = [{"part": "infinite", "model": model} for model in MODELS]
    return listed + [{"part": "bound", "model": m, "steps": t} for t in STEPS for m in MODELS]


def run(job: Job, options: Options) -> Results:
    found = {"infinite": bounds.infinite, "bound": bounds.bound}[job["part"]](job, options)
    rows = [{name: _short(name, value) for name, value in row.items()} for row in found.rows]
    return Results(rows, found.arrays)


def _short(name: str, value: Any) -> Any:
    digits = 3 if name.endswith("error") else 6
    return float(f"{value:.{digits}g}") if isinstance(value, float) else value


STUDY = Study(jobs, run, budget={"test": 10_000, "fit": 1000, "table": 64})
