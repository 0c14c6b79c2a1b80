"""The classifier: distances against closed forms, the shipped weights against their card."""

import json
from itertools import permutations

import numpy as np
import pytest
import torch

from diffenc_lite import load_mnist
from diffenc_lite.course.studies import classifier, parameters


def test_covariances_that_do_not_commute(normal):
    """In the plane tr sqrt(M) = sqrt(tr M + 2 sqrt(det M)), and M has the trace of C_a C_b."""
    f, g = torch.tensor([[1.0, 0.0], [0.8, 0.5]]), torch.tensor([[2.0, -0.3], [-0.3, 0.4]])
    a, b = 4 + normal(40, 2) @ f.double(), normal(60, 2) @ g.double()
    m, c, e = a.mean(0) - b.mean(0), torch.cov(a.T), torch.cov(b.T)
    root = ((c @ e).trace() + 2 * (c.det() * e.det()).sqrt()).sqrt()
    expected = m.square().sum() + c.trace() + e.trace() - 2 * root
    assert classifier.frechet_distance(a, b) == pytest.approx(expected.item())


def test_the_shipped_classifier_is_the_one_of_its_card():
    card = json.loads(classifier.ASSET.with_suffix(".json").read_bytes())
    network = classifier.load_classifier()
    assert not network.training and card["accuracy"] > 0.985
    assert card["parameters"] == parameters(network)


def test_it_reads_digits(monkeypatch):
    data, network = load_mnist("test", "bundled"), classifier.load_classifier()
    at_once = classifier.features_of(data.images[:200], network)
    guessed = network.out(at_once.float()).argmax(1)
    assert (guessed == data.labels[:200]).double().mean() > 0.97
    monkeypatch.setattr(classifier, "BATCH", 7)
    in_parts = classifier.features_of(data.images[:200], network)
    assert torch.allclose(at_once, in_parts, atol=1e-5)
    assert at_once.shape == (200, 64) and at_once.dtype == torch.float64


def test_kernel_distance_by_loops(normal):
    a, b = normal(5, 3), normal(4, 3) + 1

    def k(x, y):
        return (x @ y / 3 + 1) ** 3

    within = sum(np.mean([k(x, y) for x, y in permutations(rows, 2)]) for rows in (a, b))
    expected = within - 2 * np.mean([k(x, y) for x in a for y in b])
    assert classifier.kernel_distance(a, b) == pytest.approx(expected, rel=1e-6)
    assert classifier.kernel_distance(b, a) == pytest.approx(expected, rel=1e-6)
