"""The studies of the ratio, in the bound and in samples: fits, scores, every job on few images."""

import math
from itertools import product

import numpy as np
import pytest
import torch
from draws import even, seeded, shaken

from diffenc_lite import Chain, ModelConfig, build, load_mnist, sample_steps
from diffenc_lite.bound import squared_gap
from diffenc_lite.course.studies import mnist_fits as fits
from diffenc_lite.course.studies import mnist_ratio as study
from diffenc_lite.course.studies import options
from diffenc_lite.course.studies import ratio_samples as samples
from diffenc_lite.course.studies.mnist_fits import constant_ratio
from diffenc_lite.course.studies.statistics import t_tail
from diffenc_lite.gaussian import best_ratio, kl_ratio, squared_gap_from
from diffenc_lite.pixels import to_levels
from diffenc_lite.ratio import cheapest_path


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return shaken(build(ModelConfig("scaling", "tiny")).eval(), size=0.05)


@pytest.fixture(scope="module")
def images():
    return load_mnist("train", "bundled").images[:40]


# --- drawing, fitting, scoring --------------------------------------------------------------------


@pytest.mark.parametrize("steps, draws", [(4, 4), (3, 4), (9, 4), (50, 2)])
def test_steps_are_evenly_spread_and_all_taken_if_there_are_few(model, images, steps, draws):
    taken = torch.zeros(len(images), steps, dtype=torch.int64)
    drawn = fits.drawn_products(model, images, even(steps).float(), draws, seeded())
    for start, index, products in drawn:
        assert products.shape == (len(index), 1, 28, 28, 3)
        taken[start + torch.arange(len(index)), index] += 1
    assert (taken.sum(1) == min(draws, steps)).all() and taken.max() == 1
    if steps <= draws:
        assert (taken == 1).all()
    each = len(images) * min(draws, steps) / steps
    assert (taken.sum(0) - each).abs().max() <= min(draws, steps)


@pytest.mark.parametrize("scale", [None, "folded", 1.3])
def test_products_give_the_gap_of_every_scale(model, images, scale):
    grid = torch.tensor([0, 0.2, 0.7, 1.0])
    ((_, index, products),) = fits.drawn_products(model, images, grid, 1, seeded())
    generator = seeded()
    torch.rand(1, generator=generator)
    noise = torch.randn(images.shape, generator=generator)
    ends = grid[index], grid[index + 1]
    expected = squared_gap(model, model.to_unit(images), *ends, noise, scale).detach()
    a = fits.scales_of(model, Chain(grid, scale=scale))
    found = squared_gap_from(products.double(), a[index][:, None, None, None])
    torch.testing.assert_close(found, expected.double(), rtol=1e-3, atol=1e-2)


def gaps_by_step(model, images, steps, draws, scale):
    found = [[] for _ in range(steps)]
    drawn = fits.drawn_products(model, images, even(steps).float(), draws, seeded())
    for _, index, products in drawn:
        gaps = squared_gap_from(products.double(), scale[index][:, None, None, None])
        for i, one in zip(index.tolist(), gaps, strict=True):
            found[i].append(one)
    return [torch.stack(gaps) for gaps in found]


def test_every_ratio_is_best_for_the_gaps_of_its_scale(model, images):
    fitted = fits.fit_ratios(model, images, even(4).float(), 4, seeded())
    assert list(fitted.scale) == list(study.SCALES)
    for name, scale in fitted.scale.items():
        gaps = gaps_by_step(model, images, 4, 4, scale)
        m = torch.stack([gap.mean() for gap in gaps])
        expected = {
            study.ONE: 1.0,
            fits.CONSTANT: constant_ratio(784 / 2 * m.sum().item(), 4, 784),
            study.BEST: best_ratio(m),
            study.PIXELS: torch.stack([best_ratio(gap.mean(0)) for gap in gaps]),
        }
        for ratio, value in expected.items():
            found = fitted.ratio[name, ratio].double()
            torch.testing.assert_close(found, torch.as_tensor(value).double(), rtol=1e-5, atol=0)


def test_with_many_steps_a_part_of_the_depth_shares_its_fit(model, images, monkeypatch):
    monkeypatch.setattr(fits, "PARTS", 6)
    monkeypatch.setattr(fits, "PIXELS_UP_TO", 4)
    fitted = fits.fit_ratios(model, images, even(12).float(), 4, seeded())
    scale = fitted.scale[study.FITTED]
    assert (study.FITTED, study.PIXELS) not in fitted.ratio
    gaps = gaps_by_step(model, images, 12, 4, scale)
    for step in range(12):
        part = step // 2
        m = torch.cat(gaps[2 * part : 2 * part + 2]).mean()
        found = fitted.ratio[study.FITTED, study.BEST][step].item()
        assert found == pytest.approx(best_ratio(m).item(), rel=1e-5)
        assert scale[step] == scale[2 * part]


@pytest.mark.parametrize("steps, draws", [(3, 4), (6, 2)])
def test_a_score_is_the_sum_of_l2_over_the_steps(model, images, steps, draws):
    """Of those drawn, which stand for all."""
    fitted = fits.fit_ratios(model, images[:20], even(steps).float(), 4, seeded(1))
    scores = fits.score_fit(model, images, fitted, draws, seeded())
    for (scale, name), ratio in fitted.ratio.items():
        gaps = gaps_by_step(model, images, steps, draws, fitted.scale[scale])
        rows = ratio.double() if ratio.dim() else ratio.double().expand(steps)
        terms = [kl_ratio(gap, w).sum((1, 2, 3)) for gap, w in zip(gaps, rows, strict=True)]
        expected = torch.cat(terms).sum().item() * steps / min(draws, steps)
        # the order of the images within a step is that of the batches, so compare the sums
        assert scores[scale, name].sum().item() == pytest.approx(expected, rel=1e-5)


# --- every job, with a few images ----------------------------------------------------------------


@pytest.fixture
def small(monkeypatch, model, images):
    """The jobs on bundled images and an untrained network: small(study, **budget) -> options."""
    monkeypatch.setattr(fits, "RESOLUTION", 8)
    monkeypatch.setattr(fits, "BATCH", 10)
    monkeypatch.setattr(fits, "loaded", lambda name: model)
    monkeypatch.setattr(fits, "shuffled_mnist", lambda split: images)
    cached = {study: ("_ends", "_limit"), fits: ("costs_of", "fit_of")}
    for module, names in (cached | {samples: ("fit_of", "reference")}).items():
        for name in names:
            monkeypatch.setattr(module, name, getattr(module, name).__wrapped__)
    return lambda of, **budget: options(of.STUDY, budget=budget)


def test_bounds_of_one_job(small):
    given = small(study, test=30, fit=10, table=4)
    rows, arrays = study.STUDY.run({"part": "bound", "model": "mnist-vdm", "steps": 4}, given)
    assert arrays == {}
    by_choice = {
        (row["scale"], row["ratio"], row["grid"]): row for row in rows if row["part"] == "bound"
    }
    ratios = (study.ONE, fits.CONSTANT, study.BEST, study.PIXELS)
    equal = {(a, w, study.EQUAL) for a in study.SCALES for w in ratios}
    assert set(by_choice) == equal | {(study.FITTED, study.BEST, study.CHEAPEST)}
    one = by_choice[study.PAPER, study.ONE, study.EQUAL]
    assert one["gain"] == one["gain_error"] == 0
    (infinite,) = study.STUDY.run({"part": "infinite", "model": "mnist-vdm"}, given).rows
    assert infinite["n"] == 30
    for row in by_choice.values():
        assert row["bits"] - row["excess"] == pytest.approx(infinite["bits"], rel=1e-5, abs=1e-3)
        assert row["bits"] - row["gain"] == pytest.approx(one["bits"], rel=1e-5)
    shown = {(row["scale"], row["grid"]): row for row in rows if row["part"] == "fit"}
    assert shown[study.PAPER, study.EQUAL]["t"] == [0, 0.25, 0.5, 0.75, 1]
    costs = fits.costs_of("mnist-vdm", 4)
    best = shown[study.FITTED, study.CHEAPEST]
    assert best["t"] == (cheapest_path(costs, 4) / 8).tolist() and len(best["A"]) == 4


# --- samples -------------------------------------------------------------------------------------


@pytest.mark.parametrize("arm", (*samples.ARMS, samples.QUARTER))
def test_an_arm_has_the_best_ratio_in_its_steps(small, model, monkeypatch, arm):
    given, chains = small(samples, fit=10, n=16), []

    def record(model, n, chain, generator):
        chains.append(chain)
        return sample_steps(model, n, chain, generator=generator)

    monkeypatch.setattr(samples, "sample_steps", record)
    job = {"model": "mnist-vdm", "training": 0, "steps": 4, "arm": arm}
    rows, arrays = samples.STUDY.run(job, given)
    fitted = samples.fit_of("mnist-vdm", 4, 10)
    name = samples.PIXELS if arm == samples.EACH else samples.BEST
    best = fitted.ratio["fitted", name].clone()
    ones = {samples.ONE: [0, 1, 2, 3], samples.NOISY: [0, 1], samples.DATA: [2, 3]}.get(arm, [])
    best[ones] = 1
    if arm == samples.QUARTER:
        best = 1 / (1 + (1 / best - 1) / 4)
    assert len(chains) == samples.SEEDS and rows[0]["n"] == 16
    for chain in chains:
        torch.testing.assert_close(chain.ratio, best)
        torch.testing.assert_close(chain.scale, fitted.scale["fitted"])
    generator = fits.generator_from(10, 0, 0, 0)
    with torch.no_grad():
        *_, last = sample_steps(model, 2, chains[0], generator=generator)
    if arm == samples.QUARTER:
        return  # it has no sheet
    (sheet,) = arrays.values()
    assert np.array_equal(sheet[:28, :56], torch.cat(list(to_levels(last.x_hat)[:, 0]), 1))


def test_real_digits_are_no_arm_of_a_model(small, monkeypatch):
    """And none of them is among those that they are compared with."""
    job, shown, features = {"model": samples.REAL, "arm": samples.REAL}, [], samples.features_of
    note = lambda images, network: shown.append(images) or features(images, network)  # noqa: E731
    monkeypatch.setattr(samples, "features_of", note)
    (row,), arrays = samples.STUDY.run(job, small(samples, fit=10, n=16))
    real, reference = ({one.numpy().tobytes() for one in each} for each in shown)
    assert len(real) == 16 and len(reference) == 20 and not real & reference
    assert row["n"] == 16 and not arrays
    place = {"training": 0, "steps": 0}
    assert samples.distance_changes([{**row, **place}]) == {}


def rows_with(changes):
    """Rows whose distances change by these logarithms, by model, training and arm, at both T."""
    rows, shares = [], {samples.ONE: 0, samples.ALL: 1, samples.NOISY: 1, samples.DATA: -0.1}
    for steps, (model, training), (arm, share) in product((4, 8), samples.TRAINED, shares.items()):
        factor = math.exp(share * changes[model, training])
        place = {"model": model, "training": training, "steps": steps, "arm": arm}
        others = factor * (5 + 0.1 * np.arange(8))
        rows.append({**place, "frechet": factor * 5, "frechets_of_others": others})
    return rows


@pytest.mark.parametrize("beside", (samples.MEDIUM, samples.SECOND))
def test_the_declared_estimate_is_the_mean_of_the_kinds_with_the_spread_within_them(beside):
    values = {("mnist-vdm", 0): 0.1, ("mnist-vdm", 1): 0.2, ("mnist-vdm", 2): 0.15}
    values |= {("mnist-scaling", 0): 0.3, ("mnist-scaling", beside): 0.5}
    values |= {("mnist-learned", 0): 0.0, ("mnist-learned", beside): 0.2}
    rows = rows_with(dict.fromkeys(samples.TRAINED, 9.0) | values)
    found = samples.outcomes(rows, beside)
    variance = (2 * 0.05**2 + 2 * 0.1**2 + 2 * 0.1**2) / (7 - 3)
    error = math.sqrt(variance * (1 / 3 + 1 / 2 + 1 / 2)) / 3
    for steps in (4, 8):
        change = found[steps, samples.ALL]
        assert change.mean == pytest.approx((0.15 + 0.4 + 0.1) / 3)
        assert change.half == pytest.approx(2.7764 * error, rel=1e-4)  # t, 4 degrees of freedom
        assert found[steps, samples.DATA].mean == pytest.approx(-0.1 * change.mean)
    # the six p values are equal, so Holm makes each six times as large
    alone = 2 * t_tail((0.65 / 3) / error, 4)
    assert found[4, samples.NOISY].p == pytest.approx(6 * alone)


def test_the_interval_of_a_model_is_a_jackknife_over_its_sets():
    rows = rows_with(dict.fromkeys(samples.TRAINED, 0.1))
    shifts = 0.001 * np.arange(8)
    for row in rows:
        if row["arm"] == samples.ALL:
            row["frechets_of_others"] *= np.exp(shifts)
    change = samples.distance_changes(rows)["mnist-vdm", 0, 4, samples.ALL]
    squares = ((shifts - shifts.mean()) ** 2).sum()
    assert change.mean == pytest.approx(0.1)
    assert change.half == pytest.approx(2.3646 * math.sqrt(7 / 8 * squares), rel=1e-4)
