"""X5's bounds of what an encoder may gain, on data where they are known."""

import math

import pytest
import torch
from draws import F64
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from diffenc_lite import pixels
from diffenc_lite.course.studies.allowance import allowance

IMAGES = torch.tensor([[50, 60, 200], [50, 200, 90], [200, 180, 100]], dtype=torch.uint8)


@pytest.mark.parametrize("gamma", [5.0, 1.0])
def test_three_images_many_times(gamma):
    """All moments are known exactly; levels are correlated, and there is more than one batch."""
    x = pixels.to_unit(IMAGES, dtype=F64)
    c, alpha2 = x.mean(0), 1 / (1 + math.exp(gamma))
    found = allowance(IMAGES.repeat(3000, 1), gamma)
    assert found.mean == pytest.approx(alpha2 * c.square().sum().item() / 2, rel=1e-12)
    given_x = Normal(alpha2**0.5 * x, (1 - alpha2) ** 0.5)
    prior = kl_divergence(given_x, Normal(0.0, 1.0)).sum(1).mean().item()
    assert found.prior == pytest.approx(prior, rel=1e-9)
    eye = torch.eye(3, dtype=F64)
    covariance = alpha2 * x.T.cov(correction=0) + (1 - alpha2) * eye
    q, p = MultivariateNormal(alpha2**0.5 * c, covariance), MultivariateNormal(0 * c, eye)
    assert found.normal == pytest.approx(kl_divergence(q, p).item(), rel=1e-9)
    assert found.mean < found.normal < found.prior
    in_bits = found.in_bits()
    assert in_bits.prior * 3 * math.log(2) == pytest.approx(found.prior)
    assert in_bits.mean / in_bits.normal == pytest.approx(found.mean / found.normal)
