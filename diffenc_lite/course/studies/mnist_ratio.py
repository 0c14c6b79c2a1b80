"""Ratio and scale of a step on MNIST: bound and samples of the shipped models (L3, G5, W1-W7).

All is fitted on training images and scored on test images. With the mean A x_hat (G5) the gap of a
step is g + (A/c - 1) h, so its mean square is known for every scale from three numbers, the means
of g^2, g h and h^2: the products. All scales and ratios on one grid are scored on the same
products: the same images, steps and draws of eps. So the errors of their differences are much
smaller than those of their values.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from ... import encoder
from ...bound import elbo, end_losses, scale_gap
from ...data import load_mnist
from ...gaussian import best_cost, best_ratio, kl_ratio
from ...model import DiffEnc
from ...pixels import bits_per_dim, to_levels
from ...pretrained import load_pretrained
from ...process import add_noise, chain, check_grid, motion, v_from_x, x_from_v
from ...ratio import (
    best_scale,
    cheapest_path,
    constant_ratio,
    gap_with_scale,
    squared_gap_table,
)
from ...sampling import sample_steps
from ...schedule import Noise, low_discrepancy, step_c
from ...training import fast, keep_freed_memory
from ..show import plots
from .classifier import classify, frechet_distance, kernel_distance, load_classifier
from .runner import Job, Options, Results, Row, Study, load_arrays

MODELS = ("mnist-vdm", "mnist-scaling", "mnist-learned")
STEPS = (2, 4, 8, 16, 32, 64, 128, 256, 1000)
SAMPLED = (4, 8, 16, 32, 64)
PAPER, FOLDED, FITTED = SCALES = ("paper", "folded", "fitted")
ONE, CONSTANT, BEST, PIXELS = "w = 1", "constant w", "w*", "w* per pixel"
EQUAL, CHEAPEST = "equal steps", "best grid"
RESOLUTION = 256  # of the table from which the best grid is taken
GRID_UP_TO, PIXELS_UP_TO = 128, 16  # steps; with more there is no best grid, no ratio per pixel
SHOWN = 64  # with at most so many steps, the results contain the fits; above 16, the fitted scale's
PARTS = 128  # with more steps, those of each part of the depth share a fit
DRAWN = (1.0, BEST, 2.0, 0.5, 1.5, 3.0)  # ratios of the samples, the first three first
WHY = ("folded first 1", "folded first 2", "folded first 4", "paper clipped", "folded clipped")
SEEDS, SHEET = 8, 3  # of the samples; in a row and in a column of a sheet
OVERFIT_STEPS, OVERFIT_MODEL = 8, "mnist-learned"
BATCH = 125


# --- products at drawn steps ---------------------------------------------------------------------


@torch.no_grad()
def drawn_products(
    model: DiffEnc, images: Tensor, grid: Tensor, draws: int, generator: torch.Generator
) -> Iterator[tuple[int, Tensor, Tensor]]:
    """g^2, g h and h^2 of every image at `draws` of the T steps, or at all if there are fewer.

    The steps of an image are evenly spread, and all steps are equally likely. Yields `draws` times
    for each batch: the index of its first image, the steps (B,), and the products (B, 3, ...).
    """
    steps = len(grid) - 1
    draws = min(draws, steps)
    for start in range(0, len(images), BATCH):
        x = model.to_unit(images[start : start + BATCH])
        first = chain(steps, 1.0, grid, x).step_of(low_discrepancy(len(x), x, generator))
        for k in range(draws):
            index = (first + k * steps // draws) % steps
            eps = torch.randn(x.shape, generator=generator)
            g, h = scale_gap(model, x, grid[index], grid[index + 1], eps)
            yield start, index, torch.stack([g * g, g * h, h * h], 1)


def named_scale(model: DiffEnc, grid: Tensor, name: str | None) -> Tensor:
    """A/c of every step, for the paper's mean (None) or the folded one: (T,)."""
    gamma = model.schedule(grid.double()).gamma
    s, t = Noise.from_gamma(gamma[:-1]), Noise.from_gamma(gamma[1:])
    counter = float(encoder.has_counterterm(model.encoder))
    return 1 + motion(1.0, counter, s, t, name) / step_c(s, t)


class Fit(NamedTuple):
    """For a grid of T steps, by name: A/c of every step (T,), and the ratio by scale and name, a
    number, (T,) or (T, ...)."""

    grid: Tensor
    scale: dict[str, Tensor]
    ratio: dict[tuple[str, str], Tensor]


def fit(
    model: DiffEnc, images: Tensor, grid: Tensor, draws: int, generator: torch.Generator
) -> Fit:
    """Scale (W7) and ratios (W1, W1c, W5) from the products of these images.

    With more than 128 steps, those in each of 128 parts of the depth share their mean products.
    """
    steps, d = len(grid) - 1, images[0].numel()
    parts = min(steps, PARTS)
    shape = (parts, 3, *images.shape[1:]) if steps <= PIXELS_UP_TO else (parts, 3)
    total, count = torch.zeros(shape, dtype=torch.float64), torch.zeros(parts, dtype=torch.float64)
    for _, index, products in drawn_products(model, images, grid, draws, generator):
        part = index * parts // steps
        each = products if steps <= PIXELS_UP_TO else products.flatten(2).mean(2)
        total.index_add_(0, part, each.double())
        count.index_add_(0, part, torch.ones(len(index), dtype=torch.float64))
    each = total / count.reshape(-1, *[1] * (total.dim() - 1))
    mean = each.flatten(2).mean(2) if each.dim() > 2 else each
    mean = mean[torch.arange(steps) * parts // steps]  # (T, 3)
    scale = {
        PAPER: named_scale(model, grid, None),
        FOLDED: named_scale(model, grid, "folded"),
        FITTED: best_scale(mean),
    }
    ratio: dict[tuple[str, str], Tensor] = {}
    for name, a in scale.items():
        m = gap_with_scale(mean, a)
        ratio[name, ONE] = torch.ones(())
        ratio[name, CONSTANT] = torch.tensor(constant_ratio(d / 2 * m.sum().item(), steps, d))
        ratio[name, BEST] = best_ratio(m)
        if steps <= PIXELS_UP_TO:
            ratio[name, PIXELS] = best_ratio(gap_with_scale(each, a[:, None, None, None]))
    return Fit(grid, scale, ratio)


class Score(NamedTuple):
    """The diffusion loss of every image (L3), nats (N,), by scale and ratio; and for each scale
    what it would be on average with w* fitted on these same images."""

    nats: dict[tuple[str, str], Tensor]
    if_fitted_here: dict[str, float]


def score(
    model: DiffEnc, images: Tensor, fitted: Fit, draws: int, generator: torch.Generator
) -> Score:
    """All scales and ratios of a fit on the same images, steps and draws of eps."""
    steps, d = len(fitted.grid) - 1, images[0].numel()
    nats = {name: torch.zeros(len(images), dtype=torch.float64) for name in fitted.ratio}
    total, count = torch.zeros(steps, 3, dtype=torch.float64), torch.zeros(steps)
    for start, index, products in drawn_products(model, images, fitted.grid, draws, generator):
        products = products.double()
        mean = products.flatten(2).mean(2)
        for (scale, name), ratio in fitted.ratio.items():
            a = fitted.scale[scale][index]
            if name == PIXELS:
                gap = gap_with_scale(products, a[:, None, None, None])
                loss = kl_ratio(gap, ratio[index].double()).flatten(1).sum(1)
            else:
                w = (ratio[index] if ratio.dim() else ratio).double()
                loss = kl_ratio(d * gap_with_scale(mean, a), w, d)
            nats[scale, name][start : start + len(index)] += loss * steps / min(draws, steps)
        total.index_add_(0, index, mean)
        count.index_add_(0, index, torch.ones(len(index)))
    mean = total / count[:, None]
    here = {k: best_cost(gap_with_scale(mean, a), d).sum().item() for k, a in fitted.scale.items()}
    return Score(nats, here)


# --- what is loaded, drawn or fitted once --------------------------------------------------------


@cache
def _loaded(name: str) -> DiffEnc:
    """The model, with its denoiser in bf16 if that is faster on this machine."""
    keep_freed_memory()
    return fast(load_pretrained(name)).eval()


@cache
def _images(split: str, root: str | None) -> Tensor:
    """The images in random order: the first half of MNIST's test set is easier than the second."""
    images = load_mnist(split, "full", root).images
    return images[torch.randperm(len(images), generator=_seeded(6))]


@cache
def _ends(name: str, root: str | None, images: int) -> Tensor:
    """Prior plus reconstruction of every test image, which depend on no step."""
    generator, sums = _seeded(2, 0), []
    with torch.no_grad():
        for part in _images("test", root)[:images].split(BATCH):
            eps_0 = torch.randn(part.shape, generator=generator)
            prior, reconstruction = end_losses(_loaded(name), part, eps_0)
            sums.append(prior + reconstruction)
    return torch.cat(sums).double()


@cache
def _limit(name: str, root: str | None, images: int) -> Tensor:
    """Bits per dimension of every test image at infinite depth, the mean of two passes."""
    model, generator, bits = _loaded(name), _seeded(2), []
    with torch.no_grad():
        for part in _images("test", root)[:images].split(BATCH):
            bounds = [elbo(model, part, generator=generator) for _ in range(2)]
            bits.append(torch.stack([bound.bits_per_dim() for bound in bounds]).mean(0))
    return torch.cat(bits).double()


@cache
def _fit(name: str, root: str | None, steps: int, images: int) -> Fit:
    """The fit on equal steps."""
    grid, train = check_grid(None, steps, torch.empty(0)), _images("train", root)[:images]
    return fit(_loaded(name), train, grid, 2 * draws_of(steps), _seeded(1, steps))


@cache
def _costs(name: str, root: str | None, images: int) -> Tensor:
    """The cost with fitted scale and w* of every step between two depths i / RESOLUTION (W7)."""
    model, chosen = _loaded(name), _images("train", root)[:images]
    batches = (model.to_unit(part) for part in chosen.split(16))
    times = torch.arange(RESOLUTION + 1) / RESOLUTION
    table = squared_gap_table(model, batches, times, _seeded(0), "optimal")
    return best_cost(table, chosen[0].numel())


def draws_of(steps: int) -> int:
    """How many steps are drawn for each test image: 2 if T <= 8, else 1. A fit draws twice as many
    for each training image, so with T <= 4 it uses all steps."""
    return 2 if steps <= 8 else 1


def _seeded(*numbers: int) -> torch.Generator:
    seed = np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(seed))


# --- the jobs ------------------------------------------------------------------------------------


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
        "infinite": _infinite, "bound": _bound, "overfit": _overfit, "real": _real,
        "latents": _latents, "samples": _samples, "why": _why,
    }  # fmt: skip
    found = parts[job["part"]](job, options)
    return Results(
        [{name: _short(value) for name, value in row.items()} for row in found.rows], found.arrays
    )


def _infinite(job: Job, options: Options) -> Results:
    """One row: bits per dimension at infinite depth, with the standard error over images."""
    bits = _limit(job["model"], options.root, options.budget["test"])
    value, error = _mean(bits)
    return Results([{**job, "bits": value, "error": error, "n": len(bits)}], {})


def _bound(job: Job, options: Options) -> Results:
    """Rows for every choice of scale, ratio and grid: bits per dimension; the paired differences to
    infinite depth (excess) and to the paper's mean with w = 1 (gain); their standard errors.

    Further rows have the fitted scales and ratios. At T = 8 there is an array too: 255 w of every
    step and pixel.
    """
    name, steps, root, budget = job["model"], job["steps"], options.root, options.budget
    model, draws = _loaded(name), draws_of(steps)
    train, test = _images("train", root)[: budget["fit"]], _images("test", root)[: budget["test"]]
    d, ends = test[0].numel(), _ends(name, root, len(test))
    limit = _limit(name, root, len(test))
    fits: list[tuple[str, tuple[str, ...], Fit]] = [
        (EQUAL, SCALES, _fit(name, root, steps, budget["fit"]))
    ]
    if steps <= GRID_UP_TO:
        path = cheapest_path(_costs(name, root, budget["table"]), steps)
        own = fit(model, train, path / RESOLUTION, 2 * draws, _seeded(1, steps))
        fits.append((CHEAPEST, (FITTED,), own))
    rows: list[Row] = []
    arrays: dict[str, NDArray[Any]] = {}
    base = torch.empty(0)
    for grid, scales, fitted in fits:
        scored = score(model, test, fitted, draws, _seeded(3, steps))
        for (scale, ratio), nats in scored.nats.items():
            if scale not in scales or (grid == CHEAPEST and ratio != BEST):
                continue
            bits = bits_per_dim(ends + nats, d)
            row = {**job, "scale": scale, "ratio": ratio, "grid": grid, "n": len(test)}
            if not rows:  # the paper's mean with w = 1
                base = bits
            row["bits"], row["error"] = _mean(bits)
            row["excess"], row["excess_error"] = _mean(bits - limit)
            row["gain"], row["gain_error"] = _mean(bits - base)
            if ratio == BEST:
                here = bits_per_dim(torch.tensor(scored.if_fitted_here[scale]), d).item()
                row["lost"] = _mean(bits_per_dim(nats, d))[0] - here
            rows.append(row)
        if grid == EQUAL and steps == 8:
            w = fitted.ratio[FITTED, PIXELS][:, 0]
            arrays[f"map_{name}"] = (255 * w).round().to(torch.uint8).numpy()
    if steps <= SHOWN:
        rows += [
            {
                "part": "fit", "model": name, "steps": steps, "scale": scale, "grid": grid,
                "t": _rounded(fitted.grid), "w": _rounded(fitted.ratio[scale, BEST]),
                "A": _rounded(fitted.scale[scale]),
            }
            for grid, scales, fitted in fits
            for scale in (scales if steps <= PIXELS_UP_TO else (FITTED,))
        ]  # fmt: skip
    return Results(rows, arrays)


def _overfit(job: Job, options: Options) -> Results:
    """Rows for n training images: the diffusion loss at T = 8 in bits per dimension, on the images
    fitted and on test images, and `lost`: the latter less what a fit on those would give."""
    name, root, steps = OVERFIT_MODEL, options.root, OVERFIT_STEPS
    model, grid = _loaded(name), check_grid(None, steps, torch.empty(0))
    most, numbers = options.budget["fit"], [4**k for k in range(1, 6)]
    numbers = [n for n in numbers if n < most] + [most]

    def mean_products(images: Tensor, seed: int) -> Tensor:
        """(T, 3, ...)"""
        total = torch.zeros(steps, 3, *images.shape[1:], dtype=torch.float64)
        for _, index, products in drawn_products(model, images, grid, steps, _seeded(7, seed)):
            total.index_add_(0, index, products.double())
        return total / len(images)

    test, train, rows = _images("test", root)[:most], _images("train", root), []
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
        images = _images(split, options.root)[:n]
        batches = (model.to_unit(part) for part in images.split(16))
        return squared_gap_table(model, batches, times, _seeded(8), "optimal")

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


# --- samples -------------------------------------------------------------------------------------


def _real(job: Job, options: Options) -> Results:
    """Rows of real test images in the place of samples: what perfect samples would give.

    No image is in two sets, nor in the reference, so there are few sets.
    """
    n, others = options.budget["n"], _images("test", options.root)[1::2]
    sets = [images for images in others.split(n) if len(images) == n][:10]
    return Results([{**job, **_judged(images, options)} for images in sets], {})


def _samples(job: Job, options: Options) -> Results:
    """A row, and one array: a sheet of samples. A seed gives the same draws of eps for all."""
    fitted = _fit(job["model"], options.root, job["steps"], options.budget["fit"])
    scale, ratio = job["scale"], job["ratio"]
    w = fitted.ratio[scale, BEST] if ratio == BEST else ratio
    row, images = _drawn(job, options, _loaded(job["model"]), w, fitted.scale[scale])
    name = f"sheet_{job['model']}_{job['steps']}_{scale}_{ratio}"
    return Results([row], {name: sheet(images[: SHEET**2]).numpy()})


def _why(job: Job, options: Options) -> Results:
    """As `_samples`, half as many, at T = 8 with w = 1, for other means: folded in the first steps
    only, the paper's in the rest; the two with x_hat kept in [-1, 1]; G5's exact one for E2."""
    model, (mean, *rest) = _loaded(job["model"]), job["mean"].split()
    fitted = _fit(job["model"], options.root, 8, options.budget["fit"])
    scale = fitted.scale[PAPER if mean == "paper" else FOLDED].clone()
    if mean == "exact":
        gamma = model.schedule(fitted.grid.double()).gamma
        s, t = Noise.from_gamma(gamma[:-1]), Noise.from_gamma(gamma[1:])
        scale = 1 + (t.sigma * s.alpha / t.alpha).square()
    elif rest[0] == "first":
        steps = int(rest[1])
        scale[:-steps] = fitted.scale[PAPER][:-steps]
    else:
        model = DiffEnc(
            Clipped(model.denoiser), model.encoder, model.schedule, model.levels, model.shape
        )
    row, _ = _drawn({**job, "steps": 8}, options, model, 1.0, scale, share=2)
    return Results([row], {})


class Clipped(nn.Module):
    """A denoiser whose x_hat is kept in [-1, 1]."""

    def __init__(self, denoiser: nn.Module):
        super().__init__()
        self.denoiser = denoiser

    def forward(self, z: Tensor, gamma: Tensor) -> Tensor:
        t = Noise.from_gamma(gamma).like(z)
        return v_from_x(z, x_from_v(z, self.denoiser(z, gamma), t).clamp(-1, 1), t)


@torch.no_grad()
def _drawn(
    job: Job, options: Options, model: DiffEnc, ratio: float | Tensor, scale: Tensor, share: int = 1
) -> tuple[Row, Tensor]:
    """A row, with lists for the eight seeds, and the samples.

    They are rounded to the nearest level, where `sample` would draw the level: at gamma_0 = -13.3
    the two hardly differ, and drawing takes as long as several steps.
    """
    each = options.budget["n"] // share // SEEDS
    sets, z2 = [], torch.zeros(job["steps"] + 1)
    for seed in range(SEEDS):
        chain_of = sample_steps(model, each, job["steps"], ratio, _seeded(5, seed), scale=scale)
        for i, step in enumerate(chain_of):  # from t = 1 to t = 0
            z2[i] += step.z.square().mean() / SEEDS
        sets.append(to_levels(step.x_hat))
    images = torch.cat(sets)
    row = {**job, **_judged(images, options)}
    if job["steps"] <= PIXELS_UP_TO:
        row["z2"] = _rounded(z2.flip(0))  # from t = 0 to t = 1
    return row, images


def _latents(job: Job, options: Options) -> Results:
    """One row: what `_drawn` measures of z in samples at T = 8, for q(z_t | x) with test images:
    the mean squares at t = 0, 1/8, ..., 1."""
    model, generator = _loaded(job["model"]), _seeded(9)
    x = model.to_unit(_images("test", options.root)[: options.budget["n"] // 4])
    z2 = []
    with torch.no_grad():
        for i in range(9):
            at = model.schedule(torch.full((len(x),), i / 8))
            x_t = x + encoder.shift(model.encoder, x, at.gamma)
            z = add_noise(x_t, torch.randn(x.shape, generator=generator), at.like(x))
            z2.append(z.square().mean().item())
    return Results([{**job, "z2": _rounded(z2)}], {})


def _judged(images: Tensor, options: Options) -> Row:
    """The distances of all images; and lists for the eight sets of which they consist: the kernel
    distance of each, and the Frechet distance of all others, since it has a bias in small sets."""
    found, reference = classify(load_classifier(), images), _reference(options.root)
    sets = found.features.chunk(SEEDS)
    others = (torch.cat(sets[:k] + sets[k + 1 :]) for k in range(SEEDS))
    return {
        "n": len(images),
        "frechet": frechet_distance(found.features, reference),
        "kernel": kernel_distance(found.features, reference),
        "kernels": _rounded([kernel_distance(own, reference) for own in sets]),
        "frechets_of_others": _rounded([frechet_distance(rest, reference) for rest in others]),
        "imbalance": found.imbalance,
    }


@cache
def _reference(root: str | None) -> Tensor:
    """The features of every second test image."""
    return classify(load_classifier(), _images("test", root)[::2]).features


def _mean(values: Tensor) -> tuple[float, float]:
    """The mean over images, and its standard error from the means of the batches.

    Single images would give too large an error: the steps are evenly spread within a batch, so its
    mean varies less than the mean of independent images would.
    """
    means = torch.stack([batch.mean() for batch in values.split(BATCH)])
    return values.mean().item(), means.std().item() / math.sqrt(len(means))


def _rounded(values: Any) -> list[float]:
    return [float(f"{value:.4g}") for value in torch.as_tensor(values).tolist()]


def _short(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float) else value


# --- arrays --------------------------------------------------------------------------------------


def sheet(images: Tensor) -> Tensor:
    """(n^2, 1, H, W) -> one image (n H, n W)"""
    n = math.isqrt(len(images))
    return images[:, 0].unflatten(0, (n, n)).transpose(1, 2).flatten(2).flatten(0, 1)


def shipped_sheet(model: str, steps: int, scale: str, ratio: float | str) -> NDArray[np.uint8]:
    """Nine samples in one image, from the package."""
    return _shipped()[f"sheet_{model}_{steps}_{scale}_{ratio}"]


def shipped_maps() -> NDArray[np.uint8]:
    """255 w of every pixel at T = 8, from the package: [model, step, H, W]."""
    return np.stack([_shipped()[f"map_{model}"] for model in MODELS])


_shipped = cache(lambda: load_arrays("mnist_ratio"))


# --- the figure of the README ---------------------------------------------------------------------

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
    figure, axes = plots.subplots(1, len(MODELS), size=(10.6, 4.2))
    for ax, model in zip(axes, MODELS, strict=True):
        bounds = [row for row in rows if row["part"] == "bound" and row["model"] == model]
        for line in LINES:
            own = [r for r in bounds if (r["scale"], r["ratio"], r["grid"]) == line]
            excess, error = ([row[key] for row in own] for key in ("excess", "excess_error"))
            error_bars(ax, own, line, excess, error)
        ax.set(yscale="log", title=model, ylim=(2e-3, 1e4))
    axes[0].set_ylabel("bits/dim above infinite depth")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def error_bars(
    ax: Axes, rows: list[Row], line: tuple[str, str, str], values: ArrayLike, errors: ArrayLike
) -> None:
    """Values of one choice against T, which the rows give, with two standard errors."""
    colour, dashes = LINES[line]
    style: Any = {"color": colour, "ls": dashes, "marker": "o", "ms": 4, "lw": 1.8, "capsize": 2}
    label = ", ".join(line[: 2 if line[2] == EQUAL else 3]).replace("paper", "paper's mean")
    steps = [row["steps"] for row in rows]
    ax.errorbar(steps, values, 2 * np.asarray(errors), label=label, **style)
    ax.set(xscale="log", xlabel="steps T")
    ticks = [steps for steps in STEPS if steps != 128]  # no room for its label
    ax.set_xticks(ticks, [str(steps) for steps in ticks])
    ax.minorticks_off()


BUDGET = {"test": 1500, "fit": 300, "table": 32, "n": 2000, "jobs": 1000}
STUDY = Study(jobs, run, budget=BUDGET)
