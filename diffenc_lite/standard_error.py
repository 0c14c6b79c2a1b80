"""How far the mean of a bound is from what all images and all draws would give."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def standard_error(
    terms: Tensor, uniform: Tensor, batch: int, clusters: Tensor | None, steps: int | None
) -> float:
    """N^2 error^2 = sum_g S_g^2 / (1 - (1 + (K - 1)/P)/G) + sum_b L_b^2, of the mean total

    From each diffusion loss we subtract the mean curve over depth, one mean in each of K bins. The
    rest of image i, averaged over P passes, plus its prior and reconstruction, minus the mean over
    all N images, is R_i, and S_g is the sum of R_i over cluster g of G; the divisor corrects for
    the means that were fitted. Where the depths of batch b fill the bins unevenly, the curve adds
    L_b, the sum over the batch of how far the curve lies above its own mean.
    Args: terms (P, 3, N), prior, reconstruction and diffusion; uniform (P, N), where each draw of a
        depth lay in [0, 1); batch, images in one; clusters (N,), their numbers, None if each image
        is one; steps, how many a draw chooses from, None at infinite depth.
    """
    passes, _, n = terms.shape
    groups = torch.arange(n) if clusters is None else clusters.cpu()
    found, cluster_of = groups.unique(return_inverse=True)
    bins = 1 if steps == 1 else max(1, min(batch, len(found) // 4, 50))
    bins = bins - bins % (steps or 1) or bins  # one step in a bin, if there are so many bins
    bin_of = (uniform * bins).long()
    sums = bin_of.flatten().bincount(terms[:, 2].flatten(), bins)
    curve = sums / bin_of.flatten().bincount(minlength=bins)
    left = (terms.sum(1) - curve[bin_of]).mean(0)
    of_clusters = cluster_of.bincount(left - left.mean())
    squares = of_clusters.square().sum() / (1 - (1 + (bins - 1) / passes) / len(of_clusters))
    uneven = ((curve - curve.mean())[bin_of] / passes).split(batch, 1)
    squares += torch.stack([part.sum(1) for part in uneven]).square().sum()
    return math.sqrt(squares.item()) / n
