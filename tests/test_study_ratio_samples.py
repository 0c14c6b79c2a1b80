"""The study of the ratio in samples: its jobs, its arms, its sheets."""

import math
from itertools import product

import numpy as np
import pytest
import torch

from diffenc_lite import ModelConfig, build, load_mnist, sample_steps
from diffenc_lite.course.studies import mnist_fits, options
from diffenc_lite.course.studies import ratio_samples as study
from diffenc_lite.course.studies.statistics import t_tail
from diffenc_lite.pixels import to_levels


@pytest.fixture
def small(monkeypatch):
    """The jobs on bundled images and an untrained network."""
    torch.manual_seed(0)
    model = build(ModelConfig("scaling", "tiny")).eval()
    images = load_mnist("train", "bundled").images[:40]
    monkeypatch.setattr(mnist_fits, "loaded", lambda name: model)
    monkeypatch.setattr(mnist_fits, "shuffled_mnist", lambda split: images)
    for name in ("fit_of", "reference"):
        monkeypatch.setattr(study, name, getattr(study, name).__wrapped__)  # without a cache
    return options(study.STUDY, budget={"fit": 10, "n": 16}), model


@pytest.mark.parametrize("arm", (*study.ARMS, study.QUARTER))
def test_an_arm_has_the_best_ratio_in_its_steps(small, monkeypatch, arm):
    given, chains = small[0], []

    def record(model, n, chain, generator):
        chains.append(chain)
        return sample_steps(model, n, chain, generator=generator)

    monkeypatch.setattr(study, "sample_steps", record)
    job = {"model": "mnist-vdm", "training": 0, "steps": 4, "arm": arm}
    rows, arrays = study.STUDY.run(job, given)
    fitted = study.fit_of("mnist-vdm", 4, 10)
    name = study.PIXELS if arm == study.EACH else study.BEST
    best = fitted.ratio["fitted", name].clone()
    ones = {study.ONE: [0, 1, 2, 3], study.NOISY: [0, 1], study.DATA: [2, 3]}.get(arm, [])
    best[ones] = 1
    if arm == study.QUARTER:
        best = 1 / (1 + (1 / best - 1) / 4)
    assert len(chains) == study.SEEDS and rows[0]["n"] == 16
    for chain in chains:
        torch.testing.assert_close(chain.ratio, best)
        torch.testing.assert_close(chain.scale, fitted.scale["fitted"])
    generator = mnist_fits.generator_from(10, 0, 0, 0)
    with torch.no_grad():
        *_, last = sample_steps(small[1], 2, chains[0], generator=generator)
    if arm == study.QUARTER:
        return  # it has no sheet
    (sheet,) = arrays.values()
    assert np.array_equal(sheet[:28, :56], torch.cat(list(to_levels(last.x_hat)[:, 0]), 1))


def test_real_digits_are_no_arm_of_a_model(small):
    (row,), arrays = study.STUDY.run({"model": study.REAL, "arm": study.REAL}, small[0])
    assert row["n"] == 16 and not arrays
    place = {"training": 0, "steps": 0}
    assert study.distance_changes([{**row, **place}]) == {}


def rows_with(changes):
    """Rows whose distances change by these logarithms, by model, training and arm, at both T."""
    rows, shares = [], {study.ONE: 0, study.ALL: 1, study.NOISY: 1, study.DATA: -0.1}
    for steps, (model, training), (arm, share) in product((4, 8), study.TRAINED, shares.items()):
        factor = math.exp(share * changes[model, training])
        place = {"model": model, "training": training, "steps": steps, "arm": arm}
        others = [factor * (5 + 0.1 * k) for k in range(8)]
        rows.append({**place, "frechet": factor * 5, "frechets_of_others": others})
    return rows


@pytest.mark.parametrize("beside", (study.MEDIUM, study.SECOND))
def test_the_declared_estimate_is_the_mean_of_the_kinds_with_the_spread_within_them(beside):
    values = {("mnist-vdm", 0): 0.1, ("mnist-vdm", 1): 0.2, ("mnist-vdm", 2): 0.15}
    values |= {("mnist-scaling", 0): 0.3, ("mnist-scaling", beside): 0.5}
    values |= {("mnist-learned", 0): 0.0, ("mnist-learned", beside): 0.2}
    rows = rows_with(dict.fromkeys(study.TRAINED, 9.0) | values)
    found = study.outcomes(rows, beside)
    variance = (2 * 0.05**2 + 2 * 0.1**2 + 2 * 0.1**2) / (7 - 3)
    error = math.sqrt(variance * (1 / 3 + 1 / 2 + 1 / 2)) / 3
    for steps in (4, 8):
        change = found[steps, study.ALL]
        assert change.mean == pytest.approx((0.15 + 0.4 + 0.1) / 3)
        assert change.half == pytest.approx(2.7764 * error, rel=1e-4)  # t, 4 degrees of freedom
        assert found[steps, study.DATA].mean == pytest.approx(-0.1 * change.mean)
    # the six p values are equal, so Holm makes each six times as large
    alone = 2 * t_tail((0.65 / 3) / error, 4)
    assert found[4, study.NOISY].p == pytest.approx(6 * alone)


def test_the_interval_of_a_model_is_a_jackknife_over_its_sets():
    rows = rows_with(dict.fromkeys(study.TRAINED, 0.1))
    shifts = [0.001 * k for k in range(8)]
    for row in rows:
        if row["arm"] == study.ALL:
            others = row["frechets_of_others"]
            row["frechets_of_others"] = [
                d * math.exp(shift) for d, shift in zip(others, shifts, strict=True)
            ]
    change = study.distance_changes(rows)["mnist-vdm", 0, 4, study.ALL]
    squares = sum((shift - 0.0035) ** 2 for shift in shifts)
    assert change.mean == pytest.approx(0.1)
    assert change.half == pytest.approx(2.3646 * math.sqrt(7 / 8 * squares), rel=1e-4)
