"""X5's bounds of what an encoder may gain, on data where they are known."""

import itertools
import math

import pytest
import torch

from diffenc_lite import pixels
from diffenc_lite.course.studies.allowance import allowance


def test_two_levels_in_every_combination():
    """x = c +- a in each of three dimensions, independent: all moments are known exactly."""
    images = torch.tensor(list(itertools.product((50, 200), repeat=3)), dtype=torch.uint8)
    low, high = pixels.to_unit(torch.tensor([50, 200], dtype=torch.uint8), dtype=torch.float64)
    c, variance = (low + high).item() / 2, (high - low).item() ** 2 / 4
    for gamma in (5.0, 1.0):
        alpha2 = 1 / (1 + math.exp(gamma))
        found, sigma2 = allowance(images, gamma), 1 - alpha2
        assert math.isclose(found.mean, 1.5 * alpha2 * c**2, rel_tol=1e-12)
        expected = 1.5 * (alpha2 * (c**2 + variance) + sigma2 - 1 - math.log(sigma2))
        assert math.isclose(found.prior, expected, rel_tol=1e-9)
        total = alpha2 * variance + sigma2
        expected = found.mean + 1.5 * (total - 1 - math.log(total))
        assert math.isclose(found.normal, expected, rel_tol=1e-9)
        in_bits = found.in_bits()
        assert math.isclose(in_bits.prior * 3 * math.log(2), found.prior)
        assert math.isclose(in_bits.mean / in_bits.normal, found.mean / found.normal)


@pytest.mark.parametrize("gamma", [5.0, 2.0])
def test_correlated_normal_data_pay_what_a_normal_pays(gamma):
    """For normal data KL(q(z_1) || N(0, I)) is known, and equal to its lower bound."""
    generator = torch.Generator().manual_seed(0)
    mixed = torch.tensor([[0.2, 0.0], [0.15, 0.1]], dtype=torch.float64)
    mean = torch.tensor([0.3, -0.2], dtype=torch.float64)
    x = mean + torch.randn(200_000, 2, generator=generator, dtype=torch.float64) @ mixed.T
    found = allowance(pixels.to_levels(x), gamma)
    alpha2 = 1 / (1 + math.exp(gamma))
    covariance = alpha2 * mixed @ mixed.T + (1 - alpha2) * torch.eye(2)
    q = torch.distributions.MultivariateNormal(alpha2**0.5 * mean, covariance)
    standard = torch.distributions.MultivariateNormal(
        torch.zeros(2).double(), torch.eye(2).double()
    )
    exact = torch.distributions.kl_divergence(q, standard).item()
    assert math.isclose(found.normal, exact, rel_tol=0.01)
    assert found.mean < found.normal < found.prior
