"""The study of the two-dimensional toys: its models, its training, its score."""

import copy

import numpy as np
import pytest
import torch
from draws import seeded, shaken

from diffenc_lite import elbo, toy
from diffenc_lite.course.studies import load_results, options, parameters, toys
from diffenc_lite.course.worlds import TOYS, likelihood


def stirred(name: str, width: int = 8, seed: int = 0):
    """A model whose last layers are not zero, so that nothing is hidden."""
    return shaken(toys.make(name, width, seed), seed, 0.1)


def test_models_of_one_seed_are_paired():
    """The same first denoiser whatever the encoder; another one from another seed."""
    first = toys.make("vdm", 8, seed=3).denoiser.state_dict()
    for name in set(toys.MODELS) - {"matched"}:
        same = toys.make(name, 8, seed=3).denoiser.state_dict()
        assert all(torch.equal(first[key], same[key]) for key in first)
    other = toys.make("vdm", 8, seed=4).denoiser.state_dict()
    assert not torch.equal(first["stem.weight"], other["stem.weight"])
    for width in toys.WIDTHS:  # one has the parameters of the learned model, without its encoder
        learned, matched = (parameters(toys.make(name, width)) for name in ("learned", "matched"))
        assert abs(matched / learned - 1) < 0.04


@pytest.mark.parametrize("name", ["vdm", "learned", "learned-off"])
def test_training_together_is_training_apart(name):
    """The first of two comes out as if it had been alone: the stacked weights do not mix."""
    config = toys.train_config(5, 16)
    points = torch.stack([toy("mixture", 80, generator=seeded(seed)) for seed in (0, 1)])
    both = [toys.make(name, 8, seed) for seed in (0, 1)]
    alone = [toys.make(name, 8, 0)]
    before = copy.deepcopy(alone[0].state_dict())
    toys.train_together(both, points, config)
    toys.train_together(alone, points[:1], config)
    for key, weight in alone[0].state_dict().items():
        torch.testing.assert_close(both[0].state_dict()[key], weight, rtol=1e-3, atol=1e-5)
        assert not torch.equal(weight, before[key]) or "embed" in key or "encoder" in key


def test_a_score_is_the_bound_up_to_the_luck_of_the_draws():
    model = stirred("scaling")
    n = 2100  # more than one part
    found, (perfect, mean) = toys.score(model, "mixture", n), toys.perfect_terms("mixture", n)
    test = toys.draws("mixture", n)
    bound = elbo(model, test.points, t=test.t, noise=test.eps, noise_0=test.eps_0)
    luck = float((perfect.mean(1, keepdim=True) - mean).sum())
    assert found["total"] == pytest.approx(bound.bits_per_dim().mean().item() - luck, abs=1e-4)
    named = found["prior"] + found["reconstruction"] + found["diffusion"]
    assert found["total"] == pytest.approx(named, abs=3e-6)


def test_each_seed_of_the_test_is_scored_on_draws_of_its_own(monkeypatch):
    monkeypatch.setattr(toys, "score", lambda model, name, n, seed: {"draws": seed})
    given = options(toys.STUDY, budget={"updates": 3, "batch": 16, "points": 64})
    job = {"toy": "mixture", "model": "vdm", "width": 8, "seeds": 2}
    runs = [toys.STUDY.run({**job, "first": first}, given) for first in (0, toys.FRESH)]
    scored = [[row["draws"] for row in rows] for rows in runs]
    assert scored == [[0, 1], [toys.FRESH, toys.FRESH + 1]]
    first, second = (toys.draws("mixture", 8, seed) for seed in scored[1])
    assert not torch.equal(first.points, second.points) and not torch.equal(first.eps, second.eps)


def test_stored_totals_are_sums_and_gaps_what_they_are_above_the_entropy():
    entropy = {name: likelihood(name).entropy / (2 * np.log(2)) for name in TOYS}
    for row in load_results("toys"):
        total = sum(row[term] for term in ("prior", "reconstruction", "diffusion"))
        found = row["total"], row["gap"]
        assert found == pytest.approx((total, total - entropy[row["toy"]]), abs=2e-6)


def test_the_statistic_pools_widths_within_seeds():
    """Two seeds whose learned gaps are 2 and 8 times the VDM's on average of the logarithm."""
    factor = {100: (1, 2, 2, 4), 101: (8, 8, 4, 16)}
    gaps = {}
    for seed, factors in factor.items():
        for width, times in zip(toys.WIDTHS, factors, strict=True):
            gaps["swirl", "vdm", width, seed] = 0.1 * width
            gaps["swirl", "learned", width, seed] = 0.1 * width * times
            gaps["swirl", "vdm", width, seed - 100] = 1.0
            gaps["swirl", "learned", width, seed - 100] = 1.0
            gaps["mixture", "learned", width, seed] = 5.0
    names = ("toy", "model", "width", "seed")
    rows = [{**dict(zip(names, key, strict=True)), "gap": gap} for key, gap in gaps.items()]
    np.testing.assert_allclose(toys.pooled(rows, "swirl", *toys.TESTED, fresh=True), [1, 3])
    np.testing.assert_allclose(toys.pooled(rows, "swirl", *toys.TESTED), [0, 0])
    narrow = toys.pooled(rows, "swirl", *toys.TESTED, fresh=True, widths=toys.WIDTHS[1:])
    np.testing.assert_allclose(narrow, [4 / 3, 3])
