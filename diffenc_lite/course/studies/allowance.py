"""What an encoder may gain over a VDM with a perfect denoiser, before anything is trained (X5)."""

from dataclasses import dataclass

import torch
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
    All in bits per dimension.
    """

    prior: float
    normal: float
    mean: float


def allowance(images: Tensor, gamma_1: float = 5.0) -> Allowance:
    """X5: The bounds for these images, uint8 (N, ...), with the noise ending at gamma_1.

    Mean and covariance are those of the N images. The covariance makes `normal` too large by about
    (alpha_1^2 tr Cov)^2 / (4 N). Raises what `pixels.to_unit` raises.
    """
    dims, (c, covariance) = images[0].numel(), _moments(images, gamma_1, STILL)
    alpha2 = torch.sigmoid(torch.tensor(-gamma_1, dtype=torch.float64))
    mean = 0.5 * alpha2 * c.square().sum()
    # The KLs are quadratic in z_1 but for the variance's logarithm, so these moments suffice.
    nothing = torch.zeros(1, dims, dtype=torch.float64)
    prior = kl_to_standard(nothing, 1 - alpha2).squeeze() + 0.5 * alpha2 * covariance.trace() + mean
    excess = alpha2 * (torch.linalg.eigvalsh(covariance) - 1)
    normal = mean + 0.5 * (excess - torch.log1p(excess)).sum()
    return Allowance(*(pixels.bits_per_dim(nats, dims).item() for nats in (prior, normal, mean)))


def saved_by_normal_prior(
    images: Tensor, others: Tensor, gamma_1: float = 5.0, encoder: Encoder = STILL
) -> Tensor:
    """How much of the prior loss (L0) of `others` is saved if p(z_1) is the normal distribution
    with the mean and covariance that z_1 has for `images`, in place of N(0, I), with this encoder.

    In bits per dimension, (N,). For `images` themselves the mean is `allowance(...).normal`.
    """
    c, covariance = _moments(images, gamma_1, encoder)
    alpha2 = torch.sigmoid(torch.tensor(-gamma_1, dtype=torch.float64))
    values, directions = torch.linalg.eigh(covariance)
    variance = 1 + alpha2 * (values - 1)  # of z_1 in these directions, 1 - alpha2 given x
    x = _moved(others, gamma_1, encoder)
    now = 1 - alpha2 + alpha2 * x.square()
    then = (1 - alpha2 + alpha2 * ((x - c) @ directions).square()) / variance + variance.log()
    return pixels.bits_per_dim(0.5 * (now - then).sum(1), len(c))


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
