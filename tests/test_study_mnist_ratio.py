"""The study of the ratio: drawing, fitting and scoring, and one small run of every job."""

import numpy as np
import pytest
import torch
from draws import seeded

from diffenc_lite import (
    ModelConfig,
    Noise,
    build,
    constant_ratio,
    fit,
    load_mnist,
    process,
    sample_steps,
)
from diffenc_lite.bound import step_gap
from diffenc_lite.course.studies import SHIPPED, load_arrays, load_results, options
from diffenc_lite.course.studies import mnist_ratio as study
from diffenc_lite.course.studies.mnist_ratio import bounds, fits, inputs, pictures, samples
from diffenc_lite.gaussian import best_ratio, kl_ratio
from diffenc_lite.pixels import to_levels
from diffenc_lite.ratio import cheapest_path, gap_with_scale


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    built = build(ModelConfig("scaling", "tiny")).eval()
    with torch.no_grad():
        for parameter in built.parameters():
            parameter += 0.05 * torch.randn(parameter.shape)
    return built


@pytest.fixture(scope="module")
def images():
    return load_mnist("train", "bundled").images[:40]


def equal_grid(steps: int) -> torch.Tensor:
    return torch.arange(steps + 1) / steps


# --- drawing, fitting, scoring --------------------------------------------------------------------


@pytest.mark.parametrize("steps, draws", [(4, 4), (3, 4), (9, 4), (50, 2)])
def test_steps_are_evenly_spread_and_all_taken_if_there_are_few(model, images, steps, draws):
    taken = torch.zeros(len(images), steps, dtype=torch.int64)
    drawn = fits.drawn_products(model, images, equal_grid(steps), draws, seeded())
    for start, index, products in drawn:
        assert products.shape == (len(index), 3, 1, 28, 28)
        taken[start + torch.arange(len(index)), index] += 1
    assert (taken.sum(1) == min(draws, steps)).all() and taken.max() == 1
    if steps <= draws:
        assert (taken == 1).all()
    even = len(images) * min(draws, steps) / steps
    assert (taken.sum(0) - even).abs().max() <= min(draws, steps)


@pytest.mark.parametrize("scale", [None, "folded", 1.3])
def test_products_give_the_gap_of_every_scale(model, images, scale):
    grid = torch.tensor([0, 0.2, 0.7, 1.0])
    ((_, index, products),) = fits.drawn_products(model, images, grid, 1, seeded())
    generator = seeded()
    torch.rand(1, generator=generator)
    noise = torch.randn(images.shape, generator=generator)
    ends = grid[index], grid[index + 1]
    expected = step_gap(model, model.to_unit(images), *ends, noise, scale).detach()
    named = scale is None or scale == "folded"
    a = fits.named_scale(model, grid, scale) if named else torch.full((3,), scale)
    found = gap_with_scale(products.double(), a[index][:, None, None, None])
    torch.testing.assert_close(found, expected.double(), rtol=1e-3, atol=1e-2)


def gaps_by_step(model, images, steps, draws, scale):
    found = [[] for _ in range(steps)]
    drawn = fits.drawn_products(model, images, equal_grid(steps), draws, seeded())
    for _, index, products in drawn:
        gaps = gap_with_scale(products.double(), scale[index][:, None, None, None])
        for i, one in zip(index.tolist(), gaps, strict=True):
            found[i].append(one)
    return [torch.stack(gaps) for gaps in found]


def test_every_ratio_is_best_for_the_gaps_of_its_scale(model, images):
    fitted = fits.fit(model, images, equal_grid(4), 4, seeded())
    assert list(fitted.scale) == list(study.SCALES)
    for name, scale in fitted.scale.items():
        gaps = gaps_by_step(model, images, 4, 4, scale)
        m = torch.stack([gap.mean() for gap in gaps])
        expected = {
            study.ONE: 1.0,
            study.CONSTANT: constant_ratio(784 / 2 * m.sum().item(), 4, 784),
            study.BEST: best_ratio(m),
            study.PIXELS: torch.stack([best_ratio(gap.mean(0)) for gap in gaps]),
        }
        for ratio, value in expected.items():
            found = fitted.ratio[name, ratio].double()
            torch.testing.assert_close(found, torch.as_tensor(value).double(), rtol=1e-5, atol=0)


def test_the_fitted_scale_is_least_squares(model, images):
    fitted = fits.fit(model, images, equal_grid(4), 4, seeded())
    scale = fitted.scale[study.FITTED]
    least = [gap.mean() for gap in gaps_by_step(model, images, 4, 4, scale)]
    for factor in (0.99, 1.01):
        other = [gap.mean() for gap in gaps_by_step(model, images, 4, 4, factor * scale)]
        assert all(a < b for a, b in zip(least, other, strict=True))
    library = fit(model, images, 4, generator=seeded(2), draws=4)
    assert ((scale - library.scale).abs() < 6 * library.scale_error).all()


def test_with_many_steps_a_part_of_the_depth_shares_its_fit(model, images, monkeypatch):
    monkeypatch.setattr(fits, "PARTS", 6)
    monkeypatch.setattr(fits, "PIXELS_UP_TO", 4)
    fitted = fits.fit(model, images, equal_grid(12), 4, seeded())
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


def test_a_score_is_the_sum_of_l2_over_the_steps(model, images):
    fitted = fits.fit(model, images[:20], equal_grid(3), 4, seeded(1))
    scores = fits.score(model, images, fitted, 4, seeded())
    for (scale, name), ratio in fitted.ratio.items():
        gaps = gaps_by_step(model, images, 3, 4, fitted.scale[scale])
        rows = ratio.double() if ratio.dim() else ratio.double().expand(3)
        terms = [kl_ratio(gap, w).sum((1, 2, 3)) for gap, w in zip(gaps, rows, strict=True)]
        expected = torch.cat(terms).sum().item()
        # the order of the images within a step is that of the batches, so compare the sums
        assert scores.nats[scale, name].sum().item() == pytest.approx(expected, rel=1e-5)
        if name == study.BEST:
            here = sum(392 * torch.log1p(gap.mean()).item() for gap in gaps)
            assert scores.if_fitted_here[scale] == pytest.approx(here, rel=1e-5)


def test_drawing_some_of_the_steps_is_unbiased(model, images):
    many = images[:2].repeat(60, 1, 1, 1)
    fitted = fits.fit(model, images, equal_grid(6), 2, seeded(2))
    best = study.FITTED, study.BEST
    few = fits.score(model, many, fitted, 2, seeded()).nats[best]
    all_steps = fits.score(model, many, fitted, 6, seeded(1)).nats[best]
    error = (few.var() / len(few) + all_steps.var() / len(few)).sqrt()
    assert (few.mean() - all_steps.mean()).abs() < 4 * error


def test_what_is_fitted_on_the_images_is_best_on_them(model, images):
    """Paper, folded, fitted; within a scale w = 1, the constant one, w*, and one per pixel."""
    fitted = fits.fit(model, images, equal_grid(4), 4, seeded())
    nats = fits.score(model, images, fitted, 4, seeded()).nats
    for scale in study.SCALES:
        costs = [
            nats[scale, name].sum()
            for name in (study.PIXELS, study.BEST, study.CONSTANT, study.ONE)
        ]
        assert costs == sorted(costs) and costs[0] < costs[-1]
        for name in (study.ONE, study.BEST):
            assert nats[study.FITTED, name].sum() <= nats[scale, name].sum()


# --- arrays ---------------------------------------------------------------------------------------


def test_a_sheet_has_its_images_in_rows():
    images = torch.arange(4, dtype=torch.uint8)[:, None, None, None].expand(4, 1, 2, 3)
    expected = [[0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 1], [2, 2, 2, 3, 3, 3], [2, 2, 2, 3, 3, 3]]
    assert pictures.sheet(images).tolist() == expected


# --- every job, with a few images ----------------------------------------------------------------


CACHED = (bounds.ends, bounds.limit, fits.costs_of, fits.fit_of, samples.reference)


@pytest.fixture
def small(monkeypatch, model, images):
    """The jobs on bundled images and an untrained network."""
    monkeypatch.setattr(inputs, "RESOLUTION", 8)
    monkeypatch.setattr(inputs, "BATCH", 10)
    monkeypatch.setattr(samples, "SEEDS", 2)
    monkeypatch.setattr(inputs, "loaded", lambda name: model)
    monkeypatch.setattr(inputs, "images", lambda split, root: images)
    for cached in CACHED:
        cached.cache_clear()
    yield options(study.STUDY, budget={"test": 30, "fit": 10, "table": 4, "n": 50})
    for cached in CACHED:
        cached.cache_clear()


def test_jobs_cover_every_model_and_number_of_steps(small):
    jobs = study.jobs(small)
    assert len({tuple(job.items()) for job in jobs}) == len(jobs)
    listed = [(job["model"], job["steps"]) for job in jobs if job["part"] == "bound"]
    assert len(listed) == len(set(listed)) == len(study.MODELS) * len(study.STEPS)
    samples = {tuple(job.values())[1:] for job in jobs if job["part"] == "samples"}
    expected = {
        (model, steps, scale, ratio)
        for model in study.MODELS
        for steps in study.SAMPLED
        for scale in (study.SCALES if model != "mnist-vdm" else (study.PAPER,))
        for ratio in study.DRAWN
    }
    assert samples == expected


def test_bounds_of_one_job(small):
    rows, arrays = study.run({"part": "bound", "model": "mnist-vdm", "steps": 4}, small)
    assert arrays == {}
    by_choice = {
        (row["scale"], row["ratio"], row["grid"]): row for row in rows if row["part"] == "bound"
    }
    ratios = (study.ONE, study.CONSTANT, study.BEST, study.PIXELS)
    equal = {(a, w, study.EQUAL) for a in study.SCALES for w in ratios}
    assert set(by_choice) == equal | {(study.FITTED, study.BEST, study.CHEAPEST)}
    one = by_choice[study.PAPER, study.ONE, study.EQUAL]
    assert one["gain"] == one["gain_error"] == 0
    limit = bounds.limit("mnist-vdm", None, 30).mean().item()
    for row in by_choice.values():
        assert row["bits"] - row["excess"] == pytest.approx(limit, rel=1e-5, abs=1e-3)
        assert row["bits"] - row["gain"] == pytest.approx(one["bits"], rel=1e-5)
        assert row["ratio"] != study.BEST or row["lost"] >= 0
    shown = {(row["scale"], row["grid"]): row for row in rows if row["part"] == "fit"}
    assert shown[study.PAPER, study.EQUAL]["t"] == [0, 0.25, 0.5, 0.75, 1]
    costs = fits.costs_of("mnist-vdm", None, 4)
    best = shown[study.FITTED, study.CHEAPEST]
    assert best["t"] == (cheapest_path(costs, 4) / 8).tolist() and len(best["A"]) == 4


def test_with_eight_steps_the_ratio_of_every_pixel_is_an_array(small):
    arrays = study.run({"part": "bound", "model": "mnist-vdm", "steps": 8}, small).arrays
    fitted = fits.fit_of("mnist-vdm", None, 8, 10).ratio[study.FITTED, study.PIXELS]
    assert list(arrays) == ["map_mnist-vdm"] and arrays["map_mnist-vdm"].dtype == np.uint8
    assert np.abs(arrays["map_mnist-vdm"] - 255 * fitted[:, 0].numpy()).max() <= 0.5


def test_overfitting_of_a_job(small):
    rows = study.run({"part": "overfit"}, small).rows
    for what in ("ratio", "scale and ratio", "per pixel", "grid"):
        own = [row for row in rows if row["what"] == what]
        assert len(own) >= 2 and all(row["lost"] >= -1e-6 for row in own)
    fewest = {row["what"]: row for row in rows if row["n"] == 4}
    assert fewest["per pixel"]["own"] < fewest["scale and ratio"]["own"] < fewest["ratio"]["own"]


@pytest.mark.parametrize("ratio", [0.5, study.BEST])
@pytest.mark.parametrize("scale", study.SCALES)
def test_samples_of_one_job(small, model, scale, ratio):
    job = {"part": "samples", "model": "mnist-vdm", "steps": 1, "scale": scale, "ratio": ratio}
    (whole,), arrays = study.run(job, small)
    assert whole["n"] == 50 and len(whole["kernels"]) == len(whole["frechets_of_others"]) == 2
    assert len(whole["z2"]) == 2 and whole["z2"][1] == pytest.approx(1, abs=0.1)
    ((name, picture),) = arrays.items()
    assert name == f"sheet_mnist-vdm_1_{scale}_{ratio}" and picture.shape == (84, 84)
    fitted = fits.fit_of("mnist-vdm", None, 1, 10)
    w = fitted.ratio[scale, study.BEST] if ratio == study.BEST else ratio
    with torch.no_grad():
        *_, last = sample_steps(model, 25, 1, w, inputs.seeded(5, 0), scale=fitted.scale[scale])
    assert np.array_equal(picture, pictures.sheet(to_levels(last.x_hat)[:9]).numpy())


def test_the_other_jobs(small, model):
    (infinite,) = study.run({"part": "infinite", "model": "mnist-vdm"}, small).rows
    assert infinite["n"] == 30 and infinite["bits"] > 0
    (latents,) = study.run({"part": "latents", "model": "mnist-scaling"}, small).rows
    assert len(latents["z2"]) == 9
    drawn = {}
    for job in study.jobs(small):
        if job["part"] == "why" and job["model"] == "mnist-scaling":
            (drawn[job["mean"]],) = study.run(job, small).rows
    assert len({str(row["kernels"]) for row in drawn.values()}) == len(study.WHY) + 1


def test_sets_of_real_digits_share_no_image(small, monkeypatch, images):
    names, judged = torch.arange(90), []
    monkeypatch.setattr(inputs, "images", lambda split, root: names)
    monkeypatch.setattr(samples, "judged", lambda part, options: judged.append(part) or {})
    small.budget["n"] = 20
    assert study.run({"part": "real"}, small).rows == [{"part": "real"}] * 2  # of 45: 20 and 20
    assert len(torch.cat([*judged, names[::2]]).unique()) == 40 + 45  # nor with the reference


def test_a_clipped_denoiser_keeps_its_prediction_in_range(model):
    z, gamma = 3 * torch.randn(4, 1, 28, 28, generator=seeded()), torch.zeros(4)
    t = Noise.from_gamma(gamma).like(z)
    with torch.no_grad():
        plain = process.x_from_v(z, model.denoiser(z, gamma), t)
        clipped = process.x_from_v(z, samples.Clipped(model.denoiser)(z, gamma), t)
    assert plain.abs().max() > 1
    torch.testing.assert_close(clipped, plain.clamp(-1, 1), rtol=1e-5, atol=1e-5)


# --- what comes with the package -----------------------------------------------------------------


def test_shipped_results_are_whole_and_small():
    rows, arrays = load_results("mnist_ratio"), load_arrays("mnist_ratio")
    for model in study.MODELS:
        for steps in study.STEPS:
            own = {"part": "bound", "model": model, "steps": steps}
            found = {
                (row["scale"], row["ratio"], row["grid"])
                for row in rows
                if own.items() <= row.items()
            }
            ratios = (study.ONE, study.CONSTANT, study.BEST)
            assert found >= {(a, w, study.EQUAL) for a in study.SCALES for w in ratios}
    for row in rows:
        if row["part"] == "samples":
            sheet = study.shipped_sheet(*(row[k] for k in ("model", "steps", "scale", "ratio")))
            assert sheet.shape == (84, 84) and row["n"] == 2000
    assert study.shipped_maps().shape == (len(study.MODELS), 8, 28, 28)
    assert len(arrays) > 3
    assert (SHIPPED / "mnist_ratio.json").stat().st_size < 200_000
    assert (SHIPPED / "mnist_ratio.npz").stat().st_size < 800_000
