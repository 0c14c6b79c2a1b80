"""The classifier: distances against closed forms, the shipped weights against their card."""

import json

import pytest
import torch

from diffenc_lite import load_mnist
from diffenc_lite.course.studies import classifier as module
from diffenc_lite.course.studies.classifier import (
    ASSET,
    classify,
    frechet_distance,
    kernel_distance,
    load_classifier,
)


def draws(n: int, dims: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, dims, generator=generator, dtype=torch.float64)


# --- the distance --------------------------------------------------------------------------------


def test_covariances_that_do_not_commute():
    """In the plane tr sqrt(M) = sqrt(tr M + 2 sqrt(det M)), and M has the trace of C_a C_b."""
    f, g = torch.tensor([[1.0, 0.0], [0.8, 0.5]]), torch.tensor([[2.0, -0.3], [-0.3, 0.4]])
    a, b = 4 + draws(40, 2, 0) @ f.double(), draws(60, 2, 1) @ g.double()
    m, c, e = a.mean(0) - b.mean(0), torch.cov(a.T), torch.cov(b.T)
    root = ((c @ e).trace() + 2 * (c.det() * e.det()).sqrt()).sqrt()
    expected = m.square().sum() + c.trace() + e.trace() - 2 * root
    assert frechet_distance(a, b) == pytest.approx(expected.item())


# --- the classifier itself -----------------------------------------------------------------------


def test_the_shipped_classifier_is_the_one_of_its_card():
    classifier, card = load_classifier(), json.loads(ASSET.with_suffix(".json").read_bytes())
    assert not classifier.training and card["accuracy"] > 0.985
    assert card["parameters"] == sum(p.numel() for p in classifier.parameters())


def test_it_reads_digits(monkeypatch):
    data = load_mnist("test", "bundled")
    classifier = load_classifier()
    at_once = classify(classifier, data.images[:200])
    assert (at_once.probabilities.argmax(1) == data.labels[:200]).double().mean() > 0.97
    monkeypatch.setattr(module, "BATCH", 7)
    in_parts = classify(classifier, data.images[:200])
    assert torch.allclose(at_once.features, in_parts.features, atol=1e-5)
    assert at_once.features.shape == (200, 64) and at_once.features.dtype == torch.float64


# --- the kernel distance --------------------------------------------------------------------------


def test_kernel_distance_by_loops():
    a, b = draws(5, 3, 0), draws(4, 3, 1) + 1

    def k(x, y):
        return (x @ y / 3 + 1) ** 3

    within = [
        sum(k(x, y) for i, x in enumerate(s) for j, y in enumerate(s) if i != j)
        / (len(s) * (len(s) - 1))
        for s in (a, b)
    ]
    across = sum(k(x, y) for x in a for y in b) / 20
    expected = (sum(within) - 2 * across).item()
    assert kernel_distance(a, b) == pytest.approx(expected, rel=1e-6)
    assert kernel_distance(b, a) == pytest.approx(expected, rel=1e-6)
