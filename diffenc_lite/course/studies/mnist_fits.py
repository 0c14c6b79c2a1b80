"""Scales, ratios and grids on MNIST, fitted on some images and scored on others (L3, W1-W7).

With the mean A x_hat (G5) the gap of a step is g + (A/c - 1) h, so its mean square is known for
every scale from three numbers, the means of g^2, g h and h^2: the products.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...bound import gap_and_slope
from ...chain import Chain, low_discrepancy
from ...data import load_mnist
from ...gaussian import best_cost, best_ratio, best_scale, kl_ratio, squared_gap_from
from ...model import DiffEnc
from ...pretrained import load_model
from ...ratio import mean_squared_gap_table, scales_of
from ...training import bf16_if_faster, keep_freed_memory

MODELS = ("mnist-vdm", "mnist-scaling", "mnist-learned")
STEPS = (2, 4, 8, 16, 32, 64, 128, 256, 1000)
PAPER, FOLDED, FITTED = SCALES = ("paper", "folded", "fitted")
ONE, CONSTANT, BEST, PIXELS = "w = 1", "constant w", "w*", "w* per pixel"
EQUAL, CHEAPEST = "equal steps", "best grid"
RESOLUTION = 256  # of the table from which the best grid is taken
GRID_UP_TO, PIXELS_UP_TO = 128, 16  # steps; with more there is no best grid, no ratio per pixel
SHOWN = 64  # with at most so many steps, the results contain the fits; above 16, the fitted scale's
PARTS = 128  # with more steps, those of each part of the depth share a fit
BATCH = 125


@cache
def loaded(name: str) -> DiffEnc:
    """The model of this name or path, its denoiser in bf16 if that is faster on this machine."""
    keep_freed_memory()
    return bf16_if_faster(load_model(name)).eval()


@cache
def shuffled_mnist(split: str) -> Tensor:
    """The images in random order: the first half of MNIST's test set is easier than the second."""
    images = load_mnist(split, "full").images
    return images[torch.randperm(len(images), generator=generator_from(6))]


def generator_from(*numbers: int) -> torch.Generator:
    seed = np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(seed))


def rounded(values: Any) -> list[float]:
    return [float(f"{value:.4g}") for value in torch.as_tensor(values).tolist()]


# ---- fits and scores -----------------------------------------------------------------------------


@torch.no_grad()
def drawn_products(
    model: DiffEnc, images: Tensor, grid: Tensor, draws: int, generator: torch.Generator
) -> Iterator[tuple[int, Tensor, Tensor]]:
    """g^2, g h and h^2 of every image at `draws` of the T steps, or at all if there are fewer.

    The steps of an image are evenly spread, and all steps are equally likely. Yields `draws` times
    for each batch: the index of its first image, the steps (B,), and the products (B, ..., 3).
    """
    steps = len(grid) - 1
    draws = min(draws, steps)
    for start in range(0, len(images), BATCH):
        x = model.to_unit(images[start : start + BATCH])
        first = Chain(grid).drawn_index(low_discrepancy(len(x), x, generator))
        for k in range(draws):
            index = (first + k * steps // draws) % steps
            eps = torch.randn(x.shape, generator=generator)
            at_s, at_t = model.schedule(grid[index]), model.schedule(grid[index + 1])
            g, h = gap_and_slope(model, x, at_s, at_t, eps)
            yield start, index, torch.stack([g * g, g * h, h * h], -1)


class Fit(NamedTuple):
    """For a grid of T steps, by name: A/c of every step (T,), and the ratio by scale and name, a
    number, (T,) or (T, ...)."""

    grid: Tensor
    scale: dict[str, Tensor]
    ratio: dict[tuple[str, str], Tensor]


def fit_ratios(
    model: DiffEnc, images: Tensor, grid: Tensor, draws: int, generator: torch.Generator
) -> Fit:
    """Scale (W7) and ratios (W1, W1c, W5) from the products of these images.

    With more than 128 steps, those in each of 128 parts of the depth share their mean products.
    """
    steps, d = len(grid) - 1, images[0].numel()
    parts, by_pixel = min(steps, PARTS), steps <= PIXELS_UP_TO
    total = torch.zeros(parts, *(images.shape[1:] if by_pixel else ()), 3, dtype=torch.float64)
    count = torch.zeros(parts, dtype=torch.float64)
    for _, index, products in drawn_products(model, images, grid, draws, generator):
        number = index * parts // steps  # of the part
        products = products if by_pixel else products.flatten(1, -2).mean(1)
        total.index_add_(0, number, products.double())
        count.index_add_(0, number, torch.ones(len(index), dtype=torch.float64))
    means = total / count.reshape(-1, *[1] * (total.dim() - 1))
    mean = means.flatten(1, -2).mean(1) if by_pixel else means
    mean = mean[torch.arange(steps) * parts // steps]  # (T, 3)
    scale = {
        PAPER: scales_of(model, Chain(grid)),
        FOLDED: scales_of(model, Chain(grid, scale="folded")),
        FITTED: best_scale(mean),
    }
    ratio: dict[tuple[str, str], Tensor] = {}
    for name, a in scale.items():
        m = squared_gap_from(mean, a)
        ratio[name, ONE] = torch.ones(())
        ratio[name, CONSTANT] = torch.tensor(constant_ratio(d / 2 * m.sum().item(), steps, d))
        ratio[name, BEST] = best_ratio(m)
        if by_pixel:
            ratio[name, PIXELS] = best_ratio(squared_gap_from(means, a[:, None, None, None]))
    return Fit(grid, scale, ratio)


def constant_ratio(loss: float, steps: int, dims: int) -> float:
    """W1c: w = 1 / (1 + 2 L / (T d)), the best ratio for all T steps, W1 for the chain as a whole

    Args: loss L, the diffusion loss with w = 1 in nats per example; steps T; dims d.
    """
    return float(best_ratio(torch.tensor(2 * float(loss) / (steps * dims), dtype=torch.float64)))


def score_fit(
    model: DiffEnc, images: Tensor, fitted: Fit, draws: int, generator: torch.Generator
) -> dict[tuple[str, str], Tensor]:
    """The diffusion loss of every image (L3), nats (N,), by scale and ratio: all those of a fit on
    the same images, steps and draws of eps."""
    steps, d = len(fitted.grid) - 1, images[0].numel()
    nats = {name: torch.zeros(len(images), dtype=torch.float64) for name in fitted.ratio}
    for start, index, products in drawn_products(model, images, fitted.grid, draws, generator):
        products = products.double()
        mean = products.flatten(1, -2).mean(1)
        for (scale, name), ratio in fitted.ratio.items():
            a = fitted.scale[scale][index]
            if name == PIXELS:
                gap = squared_gap_from(products, a[:, None, None, None])
                loss = kl_ratio(gap, ratio[index].double()).flatten(1).sum(1)
            else:
                w = (ratio[index] if ratio.dim() else ratio).double()
                loss = kl_ratio(d * squared_gap_from(mean, a), w, d)
            nats[scale, name][start : start + len(index)] += loss * steps / min(draws, steps)
    return nats


def steps_drawn(steps: int) -> int:
    """How many steps are drawn for each test image: 2 if T <= 8, else 1. A fit draws twice as many
    for each training image, so with T <= 4 it uses all steps."""
    return 2 if steps <= 8 else 1


@cache
def fit_of(name: str, steps: int, images: int) -> Fit:
    """The fit on equal steps."""
    grid, train = Chain.equal(steps).grid.float(), shuffled_mnist("train")[:images]
    return fit_ratios(loaded(name), train, grid, 2 * steps_drawn(steps), generator_from(1, steps))


@cache
def costs_of(name: str, images: int) -> Tensor:
    """The cost with fitted scale and w* of every step between two depths i / RESOLUTION (W7)."""
    model, chosen = loaded(name), shuffled_mnist("train")[:images]
    batches = (model.to_unit(batch) for batch in chosen.split(16))
    times = torch.arange(RESOLUTION + 1) / RESOLUTION
    table = mean_squared_gap_table(model, batches, times, generator_from(0), "best")
    return best_cost(table, chosen[0].numel())
