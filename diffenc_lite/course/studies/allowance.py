"""What an encoder may gain over a VDM with a perfect denoiser, before anything is trained (X5)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ... import pixels
from ...encoder import Encoder, IdentityEncoder
from ...gaussian import kl_to_standard

STILL = IdentityEncoder()  # of a VDM


@dataclass(frozen=True)
class Allowance:
    """X5: What an encoder may gain is KL(q(z_1) || N(0, I)), between `normal` and `prior`.

    prior: E KL(q(z_1|x) || N(0, I)), the prior loss (L0) of the VDM.
    normal: the KL of the normal distribution with the mean and covariance of q(z_1).
    mean: alpha_1^2 ||c||^2 / 2 of both, c the mean image: what one image for each depth can take.
    width: (s - 1 - ln s) / 2 for each dimension, s = sigma_1^2: the same for all data.
    All in bits per dimension.
    """

    prior: float
    normal: float
    mean: float
    width: float

    @property
    def directions(self) -> float:
        """The rest of `normal`: for the few directions in which the data vary."""
        return self.normal - self.mean - self.width


def allowance(images: Tensor, gamma_1: float = 5.0) -> Allowance:
    """X5: The bounds for these images, uint8 (N, ...), with the noise ending at gamma_1.

    Mean and covariance are those of the N images. The covariance makes `normal` too large by about
    (alpha_1^2 tr Cov)^2 / (4 N). Raises what `pixels.to_unit` raises.
    """
    dims, (c, covariance) = images[0].numel(), _moments(images, gamma_1, STILL)
    alpha2 = torch.sigmoid(torch.tensor(-gamma_1, dtype=torch.float64))
    mean = 0.5 * alpha2 * c.square().sum()
    # The KLs are quadratic in z_1 but for the variance's logarithm, so these moments suffice.
    width = kl_to_standard(torch.zeros(1, dims, dtype=torch.float64), 1 - alpha2).squeeze()
    prior = width + 0.5 * alpha2 * covariance.trace() + mean
    excess = alpha2 * (torch.linalg.eigvalsh(covariance) - 1)
    normal = mean + 0.5 * (excess - torch.log1p(excess)).sum()
    parts = prior, normal, mean, width
    return Allowance(*(pixels.bits_per_dim(nats, dims).item() for nats in parts))


def with_width(priors: ArrayLike, others: ArrayLike, gamma_1: float) -> NDArray[np.float64]:
    """Prior losses with p(z_1) = N(0, v I), from those with N(0, I); bits per dimension.

    v is the best for `others`, losses with N(0, I) too. With s = sigma_1^2 and d dimensions a prior
    loss of N(0, I) tells the square of the signal: S / d = 2 prior - (s - 1 - ln s), in nats.
    """
    s = 1 / (1 + math.exp(-gamma_1))
    square, square_of_others = (
        2 * math.log(2) * np.asarray(bits) - (s - 1 - math.log(s)) for bits in (priors, others)
    )
    v = s + square_of_others.mean()
    return ((s + square) / v - 1 - math.log(s / v)) / (2 * math.log(2))


def saved_by_normal_prior(
    images: Tensor,
    others: Tensor,
    gamma_1: float = 5.0,
    encoder: Encoder = STILL,
    directions: Sequence[int] = (0,),
) -> Tensor:
    """How much of the prior loss (L0) of `others` is saved by a normal p(z_1), not N(0, I), with
    this encoder: it has the mean that z_1 has for `images`, its variances along the so many
    directions of largest variance, and along all others their mean variance, the width.

    In bits per dimension, a row for each number of directions, (K, N). With all of them the mean
    for `images` themselves is `allowance(...).normal`.
    """
    c, covariance = _moments(images, gamma_1, encoder)
    alpha2 = torch.sigmoid(torch.tensor(-gamma_1, dtype=torch.float64))
    values, vectors = (part.flip(-1) for part in torch.linalg.eigh(covariance))
    x = _moved(others, gamma_1, encoder)
    now = (1 - alpha2 + alpha2 * x.square()).sum(1)
    along = 1 - alpha2 + alpha2 * ((x - c) @ vectors).square()
    saved = []
    for k in directions:
        variance = 1 + alpha2 * (values - 1)  # of z_1 along each, 1 - alpha2 given x
        variance[k:] = variance[k:].mean()
        saved.append(0.5 * (now - (along / variance + variance.log()).sum(1)))
    return pixels.bits_per_dim(torch.stack(saved), len(c))


def _moved(images: Tensor, gamma_1: float, encoder: Encoder) -> Tensor:
    """x_t where the noise ends, (N, D)."""
    x = pixels.to_unit(images.cpu())
    with torch.no_grad():
        return (x.double() + encoder.shift(x, torch.full((len(x),), gamma_1))).flatten(1)


def _moments(images: Tensor, gamma_1: float, encoder: Encoder) -> tuple[Tensor, Tensor]:
    """Of x_t where the noise ends: the mean image (D,), and the covariance (D, D)."""
    dims = images[0].numel()
    total = torch.zeros(dims, dtype=torch.float64)
    products = torch.zeros(dims, dims, dtype=torch.float64)
    for batch in images.split(5000):
        x = _moved(batch, gamma_1, encoder)
        total += x.sum(0)
        products += x.T @ x
    c = total / len(images)
    return c, products / len(images) - torch.outer(c, c)
