"""The noise variance ratio on MNIST: bound and samples of the shipped models (W1-W5, L3).

Six choices of ratio and grid are compared. They are fitted on training images and scored on the
test images. All choices on one grid use the same gaps, since L2 depends on the model only through
its squared gap. So the choices see the same images, steps and draws of eps, and the standard errors
of their differences are much smaller than those of their values.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ...bound import elbo, end_losses, step_gap
from ...data import load_mnist
from ...gaussian import best_cost, best_ratio, kl_ratio, sum_dims
from ...model import DiffEnc
from ...pixels import bits_per_dim, to_levels
from ...pretrained import load_pretrained
from ...process import chain, check_grid, check_ratio
from ...ratio import cheapest_path, squared_gap_table
from ...sampling import sample_steps
from ...schedule import low_discrepancy
from ...training import fast, keep_freed_memory
from ..show import plots
from .classifier import classify, frechet_distance, load_classifier
from .runner import Job, Options, Results, Row, Study, load_arrays

MODELS = ("mnist-vdm", "mnist-scaling", "mnist-learned")
STEPS = (2, 4, 8, 16, 32, 64, 128, 256, 1000)
SAMPLED = (4, 8, 16, 32, 64)
ONE, HALF, TWO, BEST, PIXELS, GRID = CHOICES = (
    "w = 1", "w = 0.5", "w = 2", "w*", "w* per pixel", "w* and grid",
)  # fmt: skip
RESOLUTION = 256  # of the table from which the best grid is taken; 2 T if that is more
SHOWN = 128  # with at most so many steps, the results contain the grids and ratios
PARTS, PATTERNS = 128, 16  # at most so many values of m, and patterns of pixels, in a fit
SHEET = 4  # samples in a row and in a column of a sheet
BATCH = 250


# --- gaps at drawn steps -------------------------------------------------------------------------


@torch.no_grad()
def drawn_gaps(
    model: DiffEnc, images: Tensor, grid: Tensor, draws: int, generator: torch.Generator
) -> Iterator[tuple[int, Tensor, Tensor]]:
    """`step_gap` of every image at `draws` of the T steps, or at all steps if there are fewer.

    The steps of an image are evenly spread, and all steps are equally likely. Yields `draws` times
    for each batch: the index of its first image, the steps (B,), and the gaps (B, ...).
    """
    steps = len(grid) - 1
    draws = min(draws, steps)
    for start in range(0, len(images), BATCH):
        x = model.to_unit(images[start : start + BATCH])
        first = chain(steps, 1.0, grid, x).step_of(low_discrepancy(len(x), x, generator))
        for k in range(draws):
            index = (first + k * steps // draws) % steps
            eps = torch.randn(x.shape, generator=generator)
            yield start, index, step_gap(model, x, grid[index], grid[index + 1], eps)


class Fit(NamedTuple):
    """Ratios fitted on training images for a grid of T steps: w* (T,), and per pixel (T, ...)."""

    grid: Tensor
    optimal: Tensor
    per_pixel: Tensor


def fit(
    model: DiffEnc, images: Tensor, grid: Tensor, draws: int, generator: torch.Generator
) -> Fit:
    """w* of every step (W1), and of every step and pixel (W5).

    With more than 16 steps, each is drawn for too few images to estimate m_j for each pixel j. So
    the depth is divided into 16 parts, and the steps of a part share a pattern r_j = m_j / m, taken
    from all their gaps. Pixel j of a step with mean squared gap m then has w = 1 / (1 + m r_j).
    With more than 128 steps, the steps in each of 128 parts share m too.
    """
    steps = len(grid) - 1
    parts, patterns = min(steps, PARTS), min(steps, PATTERNS)
    mean, count = torch.zeros(2, parts, dtype=torch.float64)
    pattern = torch.zeros(patterns, *images.shape[1:], dtype=torch.float64)
    for _, index, gap in drawn_gaps(model, images, grid, draws, generator):
        _add(mean, count, index * parts // steps, gap)
        pattern.index_add_(0, index * patterns // steps, gap.double())
    step = torch.arange(steps)
    m = (mean / count)[step * parts // steps]
    pattern /= pattern.mean((1, 2, 3), keepdim=True)
    per_pixel = best_ratio(m[:, None, None, None] * pattern[step * patterns // steps])
    return Fit(grid, best_ratio(m).float(), per_pixel.float())


def _add(total: Tensor, count: Tensor, index: Tensor, gap: Tensor) -> None:
    """Add the mean of each gap over its pixels to total[index], and 1 to count[index]."""
    total.index_add_(0, index, gap.flatten(1).mean(1).double())
    count.index_add_(0, index, torch.ones(len(index), dtype=torch.float64))


class Score(NamedTuple):
    """Scores on N images.

    nats: by name of the ratio, the diffusion loss of every image (L3), (N,); gap: the mean squared
    gap of every step, (T,).
    """

    nats: dict[str, Tensor]
    gap: Tensor


def score(
    model: DiffEnc,
    images: Tensor,
    grid: Tensor,
    ratios: Mapping[str, float | Tensor],
    draws: int,
    generator: torch.Generator,
) -> Score:
    """The scores of all ratios on the same images, steps and draws of eps."""
    steps = len(grid) - 1
    rows = {name: check_ratio(ratio, steps, images.float()) for name, ratio in ratios.items()}
    nats = {name: torch.zeros(len(images), dtype=torch.float64) for name in ratios}
    mean, count = torch.zeros(2, steps, dtype=torch.float64)
    for start, index, gap in drawn_gaps(model, images, grid, draws, generator):
        for name, w in rows.items():
            loss = sum_dims(kl_ratio(gap, w[index])).double() * steps / min(draws, steps)
            nats[name][start : start + len(index)] += loss
        _add(mean, count, index, gap)
    return Score(nats, mean / count)


# --- what is fitted once for each model and T ----------------------------------------------------


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
    """Prior plus reconstruction of every test image, which do not depend on T and w."""
    generator, sums = _seeded(2, 0), []
    with torch.no_grad():
        for part in _images("test", root)[:images].split(BATCH):
            eps_0 = torch.randn(part.shape, generator=generator)
            prior, reconstruction = end_losses(_loaded(name), part, eps_0)
            sums.append(prior + reconstruction)
    return torch.cat(sums).double()


@cache
def _costs(name: str, root: str | None, images: int, resolution: int) -> Tensor:
    """(d/2) ln(1 + m), the cost with w* of every step between two depths i / resolution (W1)."""
    model, chosen = _loaded(name), _images("train", root)[:images]
    batches = (model.to_unit(part) for part in chosen.split(16))
    table = squared_gap_table(model, batches, torch.arange(resolution + 1) / resolution, _seeded(0))
    return best_cost(table, chosen[0].numel())


@cache
def _fits(name: str, root: str | None, steps: int, images: int, table_images: int) -> list[Fit]:
    """The fits on the grid of equal steps and on the best grid."""
    model, train = _loaded(name), _images("train", root)[:images]
    resolution = max(RESOLUTION, 2 * steps)
    best = cheapest_path(_costs(name, root, table_images, resolution), steps) / resolution
    grids = [check_grid(None, steps, torch.empty(0)), best]
    return [fit(model, train, grid, 2 * draws_of(steps), _seeded(1, steps)) for grid in grids]


def draws_of(steps: int) -> int:
    """How many steps are drawn for each test image: 2 if T <= 8, else 1.

    A fit draws twice as many for each training image, so with T <= 4 it uses all steps.
    """
    return 2 if steps <= 8 else 1


def _seeded(*numbers: int) -> torch.Generator:
    seed = np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(seed))


def _setup(job: Job, options: Options) -> tuple[DiffEnc, dict[str, tuple[Tensor, float | Tensor]]]:
    """The model, and grid and ratio by choice."""
    budget, root = options.budget, options.root
    equal, best = _fits(job["model"], root, job["steps"], budget["fit"], budget["table"])
    choices: dict[str, tuple[Tensor, float | Tensor]] = {
        ONE: (equal.grid, 1.0),
        HALF: (equal.grid, 0.5),
        TWO: (equal.grid, 2.0),
        BEST: (equal.grid, equal.optimal),
        PIXELS: (equal.grid, equal.per_pixel),
        GRID: (best.grid, best.optimal),
    }
    return _loaded(job["model"]), choices


# --- the jobs ------------------------------------------------------------------------------------


def jobs(options: Options) -> list[Job]:
    listed: list[Job] = [{"part": "infinite", "model": model} for model in MODELS]
    listed += [{"part": "bound", "model": m, "steps": steps} for m in MODELS for steps in STEPS]
    listed += [{"part": "real"}]
    return listed + [{"part": "samples", "model": m, "steps": t} for t in SAMPLED for m in MODELS]


def run(job: Job, options: Options) -> Results:
    parts = {"infinite": _infinite, "bound": _bound, "real": _real, "samples": _samples}
    return parts[job["part"]](job, options)


def _infinite(job: Job, options: Options) -> Results:
    """One row: bits per dimension at infinite depth, with the standard error over images."""
    test, model = _images("test", options.root)[: options.budget["test"]], _loaded(job["model"])
    generator, bits = _seeded(2), []
    with torch.no_grad():
        for part in test.split(BATCH):
            bounds = [elbo(model, part, generator=generator) for _ in range(2)]
            bits.append(torch.stack([bound.bits_per_dim() for bound in bounds]).mean(0))
    value, error = _mean(torch.cat(bits).double())
    return Results([{**job, "bits": value, "error": error, "n": len(test)}], {})


def _bound(job: Job, options: Options) -> Results:
    """Rows for every choice: bits per dimension, and the paired difference to w = 1.

    Both have standard errors over images. Further rows have the fitted ratios. At T = 8 there is an
    array too: 255 w of every step and pixel.
    """
    model, choices = _setup(job, options)
    steps, draws = job["steps"], draws_of(job["steps"])
    test = _images("test", options.root)[: options.budget["test"]]
    ends = _ends(job["model"], options.root, len(test))
    equal = {name: ratio for name, (_, ratio) in choices.items() if name != GRID}
    scores = score(model, test, choices[ONE][0], equal, draws, _seeded(3, steps))
    grid, w = choices[GRID]  # the same images and eps, at other depths
    nats = {**scores.nats, **score(model, test, grid, {GRID: w}, draws, _seeded(3, steps)).nats}
    d = test[0].numel()
    bits = {name: bits_per_dim(ends + loss, d) for name, loss in nats.items()}
    rows: list[Row] = []
    for name, of_images in bits.items():
        gain, gain_error = _mean(of_images - bits[ONE])
        value, error = _mean(of_images)
        measured = {"bits": value, "error": error, "gain": gain, "gain_error": gain_error}
        rows.append({**job, "choice": name, **measured, "n": len(test)})
    # the bound if w* were fitted on the test images themselves
    lost = bits_per_dim(best_cost(scores.gap, d).sum(), d).item()
    rows[list(bits).index(BEST)]["diffusion"] = _mean(bits_per_dim(nats[BEST], d))[0]
    rows[list(bits).index(BEST)]["diffusion_if_fitted_on_test"] = lost
    if steps <= SHOWN:
        for name in (BEST, GRID):
            shown = {"t": _rounded(choices[name][0]), "w": _rounded(choices[name][1])}
            rows.append({"part": "ratio", **_without_part(job), "choice": name, **shown})
    arrays = {}
    if steps == 8:
        w = torch.as_tensor(choices[PIXELS][1])[:, 0]
        arrays[f"map_{job['model']}"] = (255 * w).round().to(torch.uint8).numpy()
    return Results(rows, arrays)


def _real(job: Job, options: Options) -> Results:
    """Rows of real test images in the place of samples: what perfect samples would give."""
    n, others = options.budget["n"], _images("test", options.root)[1::2]
    rows = []
    for seed in range(10):
        chosen = torch.randperm(len(others), generator=_seeded(4, seed))[:n]
        rows.append({**job, "seed": seed, **_classified(others[chosen], options)})
    return Results(rows, {})


def _samples(job: Job, options: Options) -> Results:
    """Rows for every choice and seed, and one array: a sheet of samples for every choice.

    A seed gives the same draws of eps for every choice.
    """
    model, choices = _setup(job, options)
    n, rows, sheets = options.budget["n"], [], []
    for name, (grid, ratio) in choices.items():
        for seed in range(options.budget["repeats"]):
            images = _drawn(model, n, job["steps"], ratio, _seeded(5, seed), grid)
            rows.append({**job, "choice": name, "seed": seed, **_classified(images, options)})
            if seed == 0:
                sheets.append(sheet(images[: SHEET**2]).numpy())
    return Results(rows, {f"sheets_{job['model']}_{job['steps']}": np.stack(sheets)})


@torch.no_grad()
def _drawn(
    model: DiffEnc,
    n: int,
    steps: int,
    ratio: float | Tensor,
    generator: torch.Generator,
    grid: Tensor,
) -> Tensor:
    """Samples rounded to the nearest level, where `sample` would draw the level.

    At gamma_0 = -13.3 the two hardly differ, and drawing takes as long as several steps.
    """
    for step in sample_steps(model, n, steps, ratio, generator, grid):
        x = step.x_hat
    return to_levels(x)


def _classified(images: Tensor, options: Options) -> Row:
    found = classify(load_classifier(), images)
    return {
        "n": len(images),
        "frechet": frechet_distance(found.features, _reference(options.root)),
        "imbalance": found.imbalance,
        "confidence": found.confidence,
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


def _rounded(values: float | Tensor) -> list[float]:
    return [float(f"{value:.4g}") for value in torch.as_tensor(values).tolist()]


def _without_part(job: Job) -> Job:
    return {name: value for name, value in job.items() if name != "part"}


# --- arrays --------------------------------------------------------------------------------------


def sheet(images: Tensor) -> Tensor:
    """(n^2, 1, H, W) -> one image (n H, n W)"""
    n = math.isqrt(len(images))
    return images[:, 0].unflatten(0, (n, n)).transpose(1, 2).flatten(2).flatten(0, 1)


def shipped_sheets() -> NDArray[np.uint8]:
    """16 samples in one image, from the package: [model, T of SAMPLED, choice, H, W]."""
    arrays = load_arrays("mnist_ratio")
    return np.stack([[arrays[f"sheets_{m}_{steps}"] for steps in SAMPLED] for m in MODELS])


def shipped_maps() -> NDArray[np.uint8]:
    """255 w of every pixel at T = 8, from the package: [model, step, H, W]."""
    arrays = load_arrays("mnist_ratio")
    return np.stack([arrays[f"map_{model}"] for model in MODELS])


# --- the figure of the README ---------------------------------------------------------------------

COLOURS = dict(
    zip(
        CHOICES,
        (plots.BLACK, plots.SKY, plots.PURPLE, plots.BLUE, plots.GREEN, plots.RED),
        strict=True,
    )
)
DASHES = dict(zip(CHOICES, ("-", "--", ":", "-", "-.", (0, (5, 1, 1, 1))), strict=True))


@plots.styled
def bits_figure(rows: list[Row]) -> plots.Picture:
    """Bits per dimension against T with two standard errors, one panel for each model."""
    figure, axes = plots.subplots(1, len(MODELS), size=(10.6, 4.2))
    for ax, model in zip(axes, MODELS, strict=True):
        (limit,) = [r["bits"] for r in rows if r["part"] == "infinite" and r["model"] == model]
        bounds = [row for row in rows if row["part"] == "bound" and row["model"] == model]
        for choice in CHOICES:
            own = [row for row in bounds if row["choice"] == choice]
            error_bars(ax, own, choice, [row["bits"] for row in own], [row["error"] for row in own])
        ax.axhline(limit, color="0.5", lw=1.2, ls="-", zorder=0)
        ax.set(yscale="log", title=model, ylim=(0.5, 20_000))
        ax.set_yticks([1, 2, 5, 10, 100, 1000, 10_000], ["1", "2", "5", "10", "100", "1000", "10⁴"])
        ax.minorticks_off()
    axes[0].set_ylabel("bits per dimension")
    axes[0].text(2, 0.6, "grey line: infinite depth", color="0.4", size=12)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=7)
    return figure


def error_bars(
    ax: Axes, rows: list[Row], choice: str, values: ArrayLike, errors: ArrayLike
) -> None:
    """Values of one choice against T, which the rows give, with two standard errors."""
    style: Any = {"color": COLOURS[choice], "ls": DASHES[choice], "marker": "o", "ms": 4}
    steps = [row["steps"] for row in rows]
    ax.errorbar(steps, values, 2 * np.asarray(errors), capsize=2, lw=1.8, label=choice, **style)
    ax.set(xscale="log", xlabel="steps T")
    ax.set_xticks(
        [2, 4, 8, 16, 32, 64, 128, 256, 1000], ["2", "4", "8", "", "32", "", "128", "", "1000"]
    )
    ax.minorticks_off()


STUDY = Study(jobs, run, budget={"test": 10_000, "fit": 1000, "table": 64, "n": 200, "repeats": 3})
