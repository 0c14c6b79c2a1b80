"""The closed forms of Gaussians against torch.distributions.                              L0, L2"""

import math

import pytest
import torch
from draws import F64
from torch.distributions import Normal, kl_divergence

from diffenc_lite.gaussian import (
    best_cost,
    best_ratio,
    best_scale,
    gap_with_scale,
    kl_ratio,
    kl_to_standard,
    ratio_price,
    sum_dims,
)


def test_kl_to_standard(normal):
    mean, sd = normal(5, 3), normal(5, 3).exp()
    expected = kl_divergence(Normal(mean, sd), Normal(torch.zeros_like(mean), 1.0)).sum(1)
    torch.testing.assert_close(kl_to_standard(mean, sd**2), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("ratio", [0.2, 1.0, 3.0])
def test_kl_ratio(ratio, normal):
    mean_q, mean_p, sd_q = normal(5, 3), normal(5, 3), normal(5, 1).exp().expand(5, 3)
    p = Normal(mean_p, sd_q / math.sqrt(ratio))
    expected = kl_divergence(Normal(mean_q, sd_q), p).sum(1)
    squared = sum_dims(((mean_p - mean_q) / sd_q) ** 2)
    torch.testing.assert_close(kl_ratio(squared, ratio, 3), expected, rtol=1e-12, atol=1e-12)
    w = torch.tensor(ratio, dtype=F64)
    torch.testing.assert_close(ratio_price(w), kl_ratio(0 * w, w))  # W2


@pytest.mark.parametrize("w", [1e-9, 1e-7, 1e-5, 1e-3, 0.1, 0.999, 1.0, 1.001, 3.0])
def test_kl_ratio_in_float32(w):
    """A chain of one or two steps has tiny ratios; near 1 the terms cancel."""
    w32 = torch.tensor(w, dtype=torch.float32)
    for gap in (0.0, 1.0):
        nats = kl_ratio(torch.tensor(gap), w32).double()
        exact = kl_ratio(torch.tensor(gap, dtype=F64), w32.double())
        torch.testing.assert_close(nats, exact, rtol=1e-6, atol=1e-7)


def test_best_ratio_is_the_minimum_and_costs_the_logarithm():
    """W1: no other w is cheaper, w* <= 1, and the step then costs (d/2) ln(1 + m)."""
    m, dims = torch.tensor([1e-6, 0.3, 1.0, 40.0], dtype=F64), 5
    best = kl_ratio(dims * m, best_ratio(m), dims)
    assert bool((best_ratio(m) <= 1).all())
    torch.testing.assert_close(best, best_cost(m, dims), rtol=1e-9, atol=0)
    for factor in (0.5, 0.99, 1.01, 2.0):
        assert bool((kl_ratio(dims * m, factor * best_ratio(m), dims) > best).all())


def test_the_best_scale_is_the_minimum(normal):
    """W7: of the mean of (g + (A/c - 1) h)^2, and at least 1e-6."""
    g, h = normal(2, 4, 50)
    products = torch.stack([g * g, g * h, h * h], 1).mean(2)  # (T, 3)
    best = best_scale(products)
    least = gap_with_scale(products, best)
    torch.testing.assert_close(least, (g + (best - 1)[:, None] * h).square().mean(1))
    for off in (-0.1, 0.1):
        assert bool((gap_with_scale(products, best + off) > least).all())
    assert best_scale(torch.tensor([[1.0, 5.0, 1.0]])).item() == pytest.approx(1e-6)
