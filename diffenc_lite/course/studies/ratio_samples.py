"""Does the bound's best ratio also draw better digits? w* in all steps, or in half of them.

ratio_samples.md has what was declared before the runs, and what was changed afterwards.
"""

import math
from functools import cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...chain import Chain
from ...pixels import to_levels
from ...sampling import sample_steps
from . import mnist_fits
from .classifier import features_of, frechet_distance, kernel_distance, load_classifier
from .mnist_fits import BEST, FITTED, MODELS, PIXELS, fit_of, generator_from, rounded
from .purpose import BASES
from .statistics import holm, t_quantile, t_tail
from .study import Job, Options, Results, Row, Study

TRAINED = {  # (kind, training): name or path of the weights
    ("mnist-vdm", 0): "mnist-vdm",
    ("mnist-scaling", 0): "mnist-scaling",
    ("mnist-learned", 0): "mnist-learned",
    ("mnist-vdm", 1): str(BASES / "mnist-1"),
    ("mnist-vdm", 2): str(BASES / "mnist-2"),
    ("mnist-scaling", 1): "mnist-scaling-medium",
    ("mnist-learned", 1): "mnist-learned-medium",
    ("mnist-scaling", 2): str(BASES / "mnist-scaling-1"),
    ("mnist-learned", 2): str(BASES / "mnist-learned-1"),
}
MEDIUM, SECOND = 1, 2  # beside the first training of each model with an encoder
SMALL = [(kind, k) for kind, k in TRAINED if kind == MODELS[0] or k != MEDIUM]
ONE, ALL, NOISY, DATA, EACH = ARMS = ("w = 1", "all steps", "noisy half", "near the data", PIXELS)
QUARTER, REAL = "a quarter of the noise", "real digits"
KEYS = ("model", "training", "steps", "arm")
Place = tuple[Any, ...]  # a value of each of the KEYS
SEEDS, SHEET = 8, 3  # sets of samples; images in a row and in a column of a sheet


def _jobs(options: Options) -> list[Job]:
    """Every arm for every model, but a ratio for each pixel for the first trainings only; then what
    was declared later."""
    first = [
        (model, training, steps, arm)
        for model, training in TRAINED
        for steps in (4, 8)
        for arm in ARMS
        if arm != EACH or training == 0
    ]
    later = [(T, arm) for T in (16, 64) for arm in (ONE, ALL)] + [(T, QUARTER) for T in (4, 8, 16)]
    places = [*first, *((*small, *run) for small in SMALL for run in later), (REAL, 0, 0, REAL)]
    return [dict(zip(KEYS, place, strict=True)) for place in places]


def _run(job: Job, options: Options) -> Results:
    """A row and, for the first training of a kind, a sheet of nine samples."""
    from torchvision.utils import make_grid

    if job["arm"] == REAL:
        images = mnist_fits.shuffled_mnist("test")[1::2][: options.budget["n"]]
        return Results([{**job, **judged(images)}], {})
    name = TRAINED[job["model"], job["training"]]
    steps, budget = job["steps"], options.budget
    fitted = fit_of(name, steps, budget["fit"])
    best = fitted.ratio[FITTED, PIXELS if job["arm"] == EACH else BEST]
    if job["arm"] == QUARTER:
        best = 1 / (1 + (1 / best - 1) / 4)
    chosen = {ONE: [], NOISY: range(steps // 2, steps), DATA: range(steps // 2)}
    ratio = torch.ones_like(best)
    for step in chosen.get(job["arm"], range(steps)):
        ratio[step] = best[step]
    chain = Chain.equal(steps, ratio, fitted.scale[FITTED])
    model, sets = mnist_fits.loaded(name), []
    for seed in range(SEEDS):
        with torch.no_grad():
            generator = generator_from(10, MODELS.index(job["model"]), job["training"], seed)
            *_, last = sample_steps(model, budget["n"] // SEEDS, chain, generator=generator)
        sets.append(to_levels(last.x_hat))
    images, arrays = torch.cat(sets), {}
    if job["training"] == 0 and steps <= 8 and job["arm"] in ARMS:
        sheet, *_ = make_grid(images[: SHEET**2], SHEET, padding=0)
        arrays = {sheet_name(job["model"], steps, job["arm"]): sheet.numpy()}
    return Results([{**job, **judged(images)}], arrays)


def judged(images: Tensor) -> Row:
    """The distances of all images and, for an interval, the Frechet distance of all but each of the
    eight sets of which they consist."""
    features, real = features_of(images, load_classifier()), reference()
    sets = features.chunk(SEEDS)
    others = (torch.cat(sets[:k] + sets[k + 1 :]) for k in range(SEEDS))
    return {
        "n": len(images),
        "frechet": frechet_distance(features, real),
        "kernel": kernel_distance(features, real),
        "frechets_of_others": rounded([frechet_distance(rest, real) for rest in others]),
    }


@cache
def reference() -> Tensor:
    """The features of every second test image."""
    return features_of(mnist_fits.shuffled_mnist("test")[::2], load_classifier())


def sheet_name(model: str, steps: int, arm: str) -> str:
    return f"sheet_{model}_{steps}_{arm}"


# ---- outcomes ------------------------------------------------------------------------------------


class Change(NamedTuple):
    """ln(distance / distance with w = 1), half of its 95 % interval and, of a primary comparison,
    the p value corrected for all six."""

    mean: float
    half: float
    p: float = math.nan


def distance_changes(rows: list[Row]) -> dict[Place, Change]:
    """Of each model, training, steps and arm. The interval is that of the draws: a jackknife
    over the eight sets, which are paired, with Student's t."""
    by_place = {tuple(row[k] for k in KEYS): row for row in rows}
    by_arm = {}
    for place, row in by_place.items():
        if place[-1] not in (ONE, REAL):
            base = by_place[*place[:-1], ONE]
            others = np.subtract(*(np.log(r["frechets_of_others"]) for r in (row, base)))
            error = math.sqrt((SEEDS - 1) / SEEDS * ((others - others.mean()) ** 2).sum())
            change = math.log(row["frechet"] / base["frechet"])
            by_arm[place] = Change(change, t_quantile(0.975, SEEDS - 1) * error)
    return by_arm


def kinds(changes: dict[Place, Change], steps: int, arm: str) -> dict[str, list[float]]:
    """By kind of model the changes of its small trainings, as fractions of the distance."""
    found: dict[str, list[float]] = {}
    for kind, k in SMALL:
        found.setdefault(kind, []).append(math.expm1(changes[kind, k, steps, arm].mean))
    return found


def outcomes(rows: list[Row], beside: int = SECOND) -> dict[tuple[int, str], Change]:
    """The six primary comparisons by steps and arm. Beside the first trainings of the models with
    an encoder are the SECOND ones, as declared, or the MEDIUM ones."""
    compared, single = {}, distance_changes(rows)
    trained = [(m, k) for m, k in TRAINED if m == MODELS[0] or k in (0, beside)]
    for place in product((4, 8), (ALL, NOISY, DATA)):
        kinds = [[single[m, k, *place].mean for m, k in trained if m == model] for model in MODELS]
        squares = sum(float(np.var(kind)) * len(kind) for kind in kinds)
        freedom = sum(map(len, kinds)) - len(kinds)
        mean = float(np.mean([np.mean(kind) for kind in kinds]))
        error = math.sqrt(squares / freedom * sum(1 / len(kind) for kind in kinds)) / len(kinds)
        p = 2 * t_tail(abs(mean) / error, freedom)
        compared[place] = Change(mean, t_quantile(0.975, freedom) * error, p)
    corrected = holm([change.p for change in compared.values()])
    return {k: c._replace(p=p) for (k, c), p in zip(compared.items(), corrected, strict=True)}


STUDY = Study(_jobs, _run, budget={"fit": 1000, "n": 2000})
