"""The study of the ratio: drawing, fitting and scoring, and one small run of every job."""

import numpy as np
import pytest
import torch

from diffenc_lite import ModelConfig, build, load_mnist
from diffenc_lite.bound import step_gap
from diffenc_lite.course.studies import SHIPPED, load_results, options
from diffenc_lite.course.studies import mnist_ratio as study
from diffenc_lite.gaussian import best_ratio, kl_ratio
from diffenc_lite.ratio import cheapest_path


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


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
    for start, index, gap in study.drawn_gaps(model, images, equal_grid(steps), draws, seeded()):
        assert gap.shape == (len(index), 1, 28, 28)
        taken[start + torch.arange(len(index)), index] += 1
    assert (taken.sum(1) == min(draws, steps)).all() and taken.max() == 1
    if steps <= draws:
        assert (taken == 1).all()
    even = len(images) * min(draws, steps) / steps
    assert (taken.sum(0) - even).abs().max() <= min(draws, steps)


def test_a_gap_is_that_of_its_image_and_step(model, images):
    grid = torch.tensor([0, 0.2, 0.7, 1.0])
    ((_, index, gap),) = study.drawn_gaps(model, images, grid, 1, seeded())
    generator = seeded()
    torch.rand(1, generator=generator)
    noise = torch.randn(images.shape, generator=generator)
    expected = step_gap(model, model.to_unit(images), grid[index], grid[index + 1], noise)
    assert torch.allclose(gap, expected.detach())


def gaps_by_step(model, images, steps, draws):
    found = [[] for _ in range(steps)]
    for _, index, gap in study.drawn_gaps(model, images, equal_grid(steps), draws, seeded()):
        for i, one in zip(index.tolist(), gap, strict=True):
            found[i].append(one.double())
    return [torch.stack(gaps) for gaps in found]


def test_with_few_steps_every_ratio_is_best_for_its_own_gaps(model, images):
    fitted = study.fit(model, images, equal_grid(4), 4, seeded())
    gaps = gaps_by_step(model, images, 4, 4)
    optimal = torch.stack([best_ratio(gap.mean()) for gap in gaps])
    per_pixel = torch.stack([best_ratio(gap.mean(0)) for gap in gaps])
    assert torch.allclose(fitted.optimal, optimal.float(), rtol=1e-5)
    assert torch.allclose(fitted.per_pixel, per_pixel.float(), rtol=1e-4)


def test_with_many_steps_a_part_of_the_depth_shares_m_and_pattern(model, images, monkeypatch):
    monkeypatch.setattr(study, "PARTS", 6)
    monkeypatch.setattr(study, "PATTERNS", 2)
    fitted = study.fit(model, images, equal_grid(12), 4, seeded())
    gaps = gaps_by_step(model, images, 12, 4)
    for step in range(12):
        part, half = step // 2, step // 6
        m = torch.cat(gaps[2 * part : 2 * part + 2]).mean()
        together = torch.cat(gaps[6 * half : 6 * half + 6]).mean(0)
        expected = best_ratio(m * together / together.mean())
        assert fitted.optimal[step].item() == pytest.approx(best_ratio(m).item(), rel=1e-5)
        assert torch.allclose(fitted.per_pixel[step], expected.float(), rtol=1e-4)


def test_a_score_is_the_sum_of_l2_over_the_steps(model, images):
    gaps = gaps_by_step(model, images, 3, 4)  # images in order within each step
    w = torch.tensor([0.3, 0.6, 0.9])
    scores = study.score(model, images, equal_grid(3), {"one": 1.0, "w": w}, 4, seeded())
    for name, ratio in (("one", torch.ones(3)), ("w", w)):
        terms = [
            kl_ratio(gap, one.double()).sum((1, 2, 3)) for gap, one in zip(gaps, ratio, strict=True)
        ]
        # the order of the images within a step is that of the batches, so compare the sums
        assert scores.nats[name].sum().item() == pytest.approx(sum(terms).sum().item(), rel=1e-5)
    assert torch.allclose(scores.gap, torch.stack([gap.mean() for gap in gaps]))


def test_drawing_some_of_the_steps_is_unbiased(model, images):
    many = images[:2].repeat(60, 1, 1, 1)
    few = study.score(model, many, equal_grid(6), {"w": 0.7}, 2, seeded()).nats["w"]
    all_steps = study.score(model, many, equal_grid(6), {"w": 0.7}, 6, seeded(1)).nats["w"]
    error = (few.var() / len(few) + all_steps.var() / len(few)).sqrt()
    assert (few.mean() - all_steps.mean()).abs() < 4 * error


def test_what_is_fitted_on_the_images_is_best_on_them(model, images):
    grid = equal_grid(4)
    fitted = study.fit(model, images, grid, 4, seeded())
    ratios = {"one": 1.0, "w*": fitted.optimal, "pixels": fitted.per_pixel}
    scores = study.score(model, images, grid, ratios, 4, seeded()).nats
    assert scores["pixels"].sum() < scores["w*"].sum() < scores["one"].sum()
    for factor in (0.9, 1.1):
        other = study.score(model, images, grid, {"": factor * fitted.optimal}, 4, seeded())
        assert other.nats[""].sum() > scores["w*"].sum()


# --- arrays ---------------------------------------------------------------------------------------


def test_a_sheet_has_its_images_in_rows():
    images = torch.arange(4, dtype=torch.uint8)[:, None, None, None].expand(4, 1, 2, 3)
    expected = [[0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 1], [2, 2, 2, 3, 3, 3], [2, 2, 2, 3, 3, 3]]
    assert study.sheet(images).tolist() == expected


# --- every job, with a few images ----------------------------------------------------------------


@pytest.fixture
def small(monkeypatch, model, images):
    """The jobs on bundled images and an untrained network."""
    monkeypatch.setattr(study, "RESOLUTION", 8)
    monkeypatch.setattr(study, "BATCH", 10)
    monkeypatch.setattr(study, "_loaded", lambda name: model)
    monkeypatch.setattr(study, "_images", lambda split, root: images)
    for cached in (study._ends, study._costs, study._fits, study._reference):
        cached.cache_clear()
    yield options(study.STUDY, budget={"test": 30, "fit": 10, "table": 4, "n": 25, "repeats": 2})
    for cached in (study._ends, study._costs, study._fits, study._reference):
        cached.cache_clear()


def test_jobs_cover_every_model_and_number_of_steps(small):
    jobs = study.jobs(small)
    assert len({tuple(job.items()) for job in jobs}) == len(jobs) == 3 + 27 + 1 + 15
    assert {job.get("steps") for job in jobs if job["part"] == "bound"} == set(study.STEPS)


def test_bounds_of_one_job(small):
    rows, arrays = study.run({"part": "bound", "model": "mnist-vdm", "steps": 4}, small)
    assert arrays == {}
    bounds = {row["choice"]: row for row in rows if row["part"] == "bound"}
    assert list(bounds) == list(study.CHOICES)
    one, half, two = (bounds[name] for name in (study.ONE, study.HALF, study.TWO))
    assert one["gain"] == one["gain_error"] == 0
    # by L2 the bound is linear in w but for T (w - 1 - ln w) / 2 nats per dimension
    extra = {w: 4 * (w - 1 - np.log(w)) / (2 * np.log(2)) for w in (0.5, 2)}
    assert two["gain"] - extra[2] == pytest.approx(-2 * (half["gain"] - extra[0.5]), rel=1e-5)
    shown = {row["choice"]: row for row in rows if row["part"] == "ratio"}
    assert shown[study.BEST]["t"] == [0, 0.25, 0.5, 0.75, 1] and len(shown[study.GRID]["w"]) == 4
    best = cheapest_path(study._costs("mnist-vdm", None, 4, 8), 4) / 8
    assert shown[study.GRID]["t"] == best.tolist() != shown[study.BEST]["t"]
    assert bounds[study.BEST]["diffusion"] >= bounds[study.BEST]["diffusion_if_fitted_on_test"]


def test_many_steps_take_a_finer_table_and_are_not_shown(small, monkeypatch):
    monkeypatch.setattr(study, "SHOWN", 8)
    rows, _ = study.run({"part": "bound", "model": "mnist-vdm", "steps": 9}, small)
    assert [row["choice"] for row in rows] == list(study.CHOICES)
    best = study._fits("mnist-vdm", None, 9, 10, 4)[1].grid
    assert len(best) == 10 and (best.diff() > 0).all()
    assert torch.allclose(best * 18, (best * 18).round(), atol=1e-5)


def test_with_eight_steps_the_ratio_of_every_pixel_is_an_array(small):
    job = {"part": "bound", "model": "mnist-vdm", "steps": 8}
    arrays = study.run(job, small).arrays
    fitted = study._fits("mnist-vdm", None, 8, 10, 4)[0].per_pixel
    assert list(arrays) == ["map_mnist-vdm"] and arrays["map_mnist-vdm"].dtype == np.uint8
    assert np.abs(arrays["map_mnist-vdm"] - 255 * fitted[:, 0].numpy()).max() <= 0.5


def test_samples_of_one_job(small):
    rows, arrays = study.run({"part": "samples", "model": "mnist-vdm", "steps": 1}, small)
    assert [(row["choice"], row["seed"]) for row in rows] == [
        (name, seed) for name in study.CHOICES for seed in (0, 1)
    ]
    assert all(row["n"] == 25 and row["frechet"] > 0 for row in rows)
    (sheets,) = arrays.values()
    assert list(arrays) == ["sheets_mnist-vdm_1"]
    assert sheets.shape == (len(study.CHOICES), 112, 112) and sheets.dtype == np.uint8
    drawn = study._drawn(study._loaded(""), 25, 1, 0.5, study._seeded(5, 0), equal_grid(1))
    assert np.array_equal(sheets[study.CHOICES.index(study.HALF)], study.sheet(drawn[:16]).numpy())


def test_the_other_jobs(small):
    (infinite,) = study.run({"part": "infinite", "model": "mnist-vdm"}, small).rows
    assert infinite["n"] == 30 and infinite["bits"] > 0
    assert len(study.run({"part": "real"}, small).rows) == 10


# --- what comes with the package -----------------------------------------------------------------


def test_shipped_results_are_whole_and_small():
    rows = load_results("mnist_ratio")
    budget = options(study.STUDY)
    for job in study.jobs(budget):
        own = [row for row in rows if job.items() <= row.items()]
        expected = {"infinite": 1, "real": 10, "samples": 18, "bound": len(study.CHOICES)}
        assert len(own) == expected[job["part"]], job
    models, choices = len(study.MODELS), len(study.CHOICES)
    sheets = study.shipped_sheets()
    assert sheets.shape == (models, len(study.SAMPLED), choices, 112, 112)
    assert study.shipped_maps().shape == (models, 8, 28, 28)
    assert (SHIPPED / "mnist_ratio.json").stat().st_size < 200_000
    assert (SHIPPED / "mnist_ratio.npz").stat().st_size < 500_000
