"""The bound on a whole set of images, with its standard error."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .arguments import as_floats, as_whole
from .bound import TERMS, elbo
from .chain import Chain, as_chain
from .checks import check_parts
from .model import DiffEnc, check_images, eval_mode
from .pixels import bits_per_dim


@dataclass(frozen=True)
class Evaluation:
    """Means over n images in bits per dimension, and the standard error of the total. Without a
    model a dimension costs log2(levels)."""

    prior: float
    reconstruction: float
    diffusion: float
    total: float
    standard_error: float
    n: int
    levels: int = 256

    def __str__(self) -> str:
        terms = ", ".join(f"{name} {getattr(self, name):.4f}" for name in TERMS)
        total = f"{self.total:.4f} +- {self.standard_error:.4f} bits/dim"
        text, without = f"{total} on {self.n:,} examples ({terms})", math.log2(self.levels)
        return text if self.total < without else f"{text}, no better than no model, {without:.4f}"


def evaluate(
    model: DiffEnc,
    images: Tensor,
    steps: Chain | int | None = None,
    *,
    clusters: Tensor | None = None,
    passes: int = 1,
    batch: int = 250,
    generator: torch.Generator | None = None,
    every_step: bool = False,
) -> Evaluation:
    """L0-L4: The bound on all images, at infinite depth or in steps

    The standard error is that of images and noise; the depths of a batch are equally spaced.
    Args: images uint8 (N, ...) with N >= 2, unsorted (neighbours have neighbouring depths) unless
        clusters say what belongs together: (N,), the number of the group that an image was sampled
        with, such as the picture of a patch; steps, fitted on other images if at all, generator and
        every_step as in `elbo`; passes, draws of t and noise.
    Raises TypeError for what is no model or no tensor; ValueError for fewer images or clusters than
    2, passes or batch below 1, parts that `check_parts` refuses, and what `elbo` raises.
    """
    check_images(model, images)
    passes, batch, n = as_whole("passes", passes), as_whole("batch", batch), len(images)
    numbers = check_clusters(clusters, images)
    check_parts(model, images)
    if clusters is not None:  # neighbours get neighbouring depths, and a cluster must have all
        order = torch.randperm(n, generator=torch.Generator().manual_seed(0))
        images, numbers = images[order.to(images.device)], numbers[order]
    terms = torch.zeros(passes, 3, n, dtype=torch.float64)
    depth_draws = torch.zeros(passes, n, dtype=torch.float64)
    with eval_mode(model):
        for terms_of_pass, draws_of_pass in zip(terms, depth_draws, strict=True):
            for start in range(0, n, batch):
                rows = slice(start, start + batch)
                bound = elbo(model, images[rows], steps, every_step=every_step, generator=generator)
                nats = torch.stack([getattr(bound, name) for name in TERMS])
                terms_of_pass[:, rows] = bits_per_dim(nats, bound.dims).cpu()
                if bound.depth_draws is not None:
                    draws_of_pass[rows] = bound.depth_draws.cpu()
    choices = None if steps is None else 1 if every_step else as_chain(steps).steps
    error = standard_error(terms, depth_draws, batch, numbers, choices)
    if not math.isfinite(error):
        raise FloatingPointError("the bound of some image is not finite")
    by_image = terms.sum(0) / passes
    prior, reconstruction, diffusion = by_image.mean(1).tolist()
    total = by_image.sum(0).mean().item()
    return Evaluation(prior, reconstruction, diffusion, total, error, n, model.levels)


def check_clusters(clusters: Tensor | None, images: Tensor, name: str = "images") -> Tensor:
    """The number of each image's cluster, (N,) on the CPU; by default a cluster an image. Raises
    ValueError for what are not as many numbers as images, and fewer clusters than 2."""
    n = len(images)
    numbers = torch.arange(n) if clusters is None else as_floats("clusters", clusters).cpu()
    if numbers.shape != (n,):
        raise ValueError(f"clusters must be {n} numbers, one an image; got {tuple(numbers.shape)}")
    if bool(numbers.isnan().any()):
        raise ValueError("clusters must be numbers; got NaN")
    if len(numbers.unique()) < 2:
        raise ValueError(f"{name if clusters is None else 'clusters'} must be at least 2; got 1")
    return numbers


def standard_error(
    terms: Tensor, depth_draws: Tensor, batch: int, clusters: Tensor, choices: int | None
) -> float:
    """N^2 error^2 = sum_g S_g^2 / (1 - (1 + (K - 1)/P)/G) + sum_b L_b^2, of the mean total

    From each diffusion loss we subtract the mean curve over depth, one mean in each of K bins. The
    rest of image i, averaged over P passes, plus its prior and reconstruction, minus the mean over
    all N images, is R_i, and S_g is the sum of R_i over cluster g of G; the divisor corrects for
    the means that were fitted. Where the depths of batch b fill the bins unevenly, the curve adds
    L_b, the sum over the batch of how far the curve lies above its own mean.
    Args: terms (P, 3, N), prior, reconstruction and diffusion; depth_draws (P, N), where each depth
        was drawn in [0, 1); batch, images in one; clusters (N,), their numbers; choices, how many
        steps a draw chooses from, None at infinite depth.
    """
    passes, _, n = terms.shape
    names, cluster_of = clusters.unique(return_inverse=True)
    bins = 1 if choices == 1 else max(1, min(batch, len(names) // 4, 50))
    if choices is not None and choices <= bins:
        bins -= bins % choices  # no bin has parts of two steps
    bin_of = (depth_draws * bins).long()
    sums = bin_of.flatten().bincount(terms[:, 2].flatten(), bins)
    curve = sums / bin_of.flatten().bincount(minlength=bins)
    rest = (terms.sum(1) - curve[bin_of]).mean(0)
    cluster_sums = cluster_of.bincount(rest - rest.mean())
    squares = cluster_sums.square().sum() / (1 - (1 + (bins - 1) / passes) / len(cluster_sums))
    uneven = ((curve - curve.mean())[bin_of] / passes).split(batch, 1)
    squares += torch.stack([in_batch.sum(1) for in_batch in uneven]).square().sum()
    return math.sqrt(squares.item()) / n


def evenly_chosen(rows: Tensor, n: int) -> Tensor:
    """n >= 1 of the rows, evenly spaced, or all if there are fewer. Not the first n: the first half
    of MNIST's test images was written by other people than the second, and is easier."""
    n = min(as_whole("n", n), len(rows))
    return rows[torch.arange(n, device=rows.device) * len(rows) // n]
