"""The study of the ratio: drawing, fitting and scoring, and one small run of every job."""

import pytest
import torch
from draws import even, seeded, shaken

from diffenc_lite import Chain, ModelConfig, build, load_mnist
from diffenc_lite.bound import squared_gap
from diffenc_lite.course.studies import mnist_fits as fits
from diffenc_lite.course.studies import mnist_ratio as study
from diffenc_lite.course.studies import options
from diffenc_lite.course.studies.mnist_fits import constant_ratio
from diffenc_lite.gaussian import best_ratio, kl_ratio, squared_gap_from
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
        assert fitted.ratio[study.FITTED, study.BEST][step].item() == pytest.approx(
            best_ratio(m).item(), rel=1e-5
        )
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
    """The jobs on bundled images and an untrained network."""
    monkeypatch.setattr(fits, "RESOLUTION", 8)
    monkeypatch.setattr(fits, "BATCH", 10)
    monkeypatch.setattr(fits, "loaded", lambda name: model)
    monkeypatch.setattr(fits, "shuffled_mnist", lambda split: images)
    for module, name in ((study, "_ends"), (study, "_limit"), (fits, "costs_of"), (fits, "fit_of")):
        monkeypatch.setattr(module, name, getattr(module, name).__wrapped__)  # without a cache
    return options(study.STUDY, budget={"test": 30, "fit": 10, "table": 4})


def test_bounds_of_one_job(small):
    rows, arrays = study.STUDY.run({"part": "bound", "model": "mnist-vdm", "steps": 4}, small)
    assert arrays == {}
    by_choice = {
        (row["scale"], row["ratio"], row["grid"]): row for row in rows if row["part"] == "bound"
    }
    ratios = (study.ONE, fits.CONSTANT, study.BEST, study.PIXELS)
    equal = {(a, w, study.EQUAL) for a in study.SCALES for w in ratios}
    assert set(by_choice) == equal | {(study.FITTED, study.BEST, study.CHEAPEST)}
    one = by_choice[study.PAPER, study.ONE, study.EQUAL]
    assert one["gain"] == one["gain_error"] == 0
    (infinite,) = study.STUDY.run({"part": "infinite", "model": "mnist-vdm"}, small).rows
    assert infinite["n"] == 30
    for row in by_choice.values():
        assert row["bits"] - row["excess"] == pytest.approx(infinite["bits"], rel=1e-5, abs=1e-3)
        assert row["bits"] - row["gain"] == pytest.approx(one["bits"], rel=1e-5)
    shown = {(row["scale"], row["grid"]): row for row in rows if row["part"] == "fit"}
    assert shown[study.PAPER, study.EQUAL]["t"] == [0, 0.25, 0.5, 0.75, 1]
    costs = fits.costs_of("mnist-vdm", 4)
    best = shown[study.FITTED, study.CHEAPEST]
    assert best["t"] == (cheapest_path(costs, 4) / 8).tolist() and len(best["A"]) == 4
