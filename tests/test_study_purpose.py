"""The study of what an encoder is for: its jobs, its pilot, its comparison."""

import math

import numpy as np
import pytest
import torch

from diffenc_lite import pixels, process
from diffenc_lite.course.studies import fork, load_arrays, load_results, options, purpose
from diffenc_lite.data import load_mnist, load_named, photos
from diffenc_lite.evaluation import evaluate
from diffenc_lite.gaussian import kl_to_standard
from diffenc_lite.pretrained import load_model, read_card
from diffenc_lite.schedule import Noise

SMALL = {"updates": 6, "batch": 4, "images": 30, "rounds": 1}
SECONDS = dict.fromkeys((*purpose.ARMS, *purpose.OTHERS), 0.1) | {"learned": 0.15}
RATES = dict.fromkeys((*purpose.ARMS, *purpose.OTHERS), 0.001)


@pytest.fixture
def small(monkeypatch):
    """MNIST from the package, and one VDM of each; updates and rates that are known."""
    monkeypatch.setattr(purpose, "load_mnist", lambda *_, **__: load_mnist("test", "bundled"))
    monkeypatch.setattr(purpose, "VALIDATION", 100)
    monkeypatch.setattr(purpose, "SECONDS", dict.fromkeys(purpose.GAMMA_MAX, SECONDS))
    monkeypatch.setattr(purpose, "RATES", dict.fromkeys(purpose.GAMMA_MAX, RATES))
    cached = purpose.images_of, purpose._scored
    for function in cached:
        function.cache_clear()
    yield
    for function in cached:
        function.cache_clear()


def test_arms_get_the_same_time(small):
    for job in purpose.STUDY.jobs(options(purpose.STUDY)):
        if "updates" in job:
            seconds = job["updates"] * SECONDS[job["arm"]]
            length = 200 if job["part"] == "rate" else 600
            assert math.isclose(seconds, length * SECONDS["learned"], rel_tol=0.01)


def test_the_pilot_sees_no_pixel_of_the_test_photos(small, monkeypatch):
    """Seen with pictures whose pixels are their own addresses."""

    def addresses():
        for number, picture in enumerate(load().values()):
            row, column = np.indices(picture.shape[:2])
            yield str(number), np.stack([row, column % 256, column // 256 + 2 * number], 2)

    load = photos.pictures
    monkeypatch.setattr(photos, "pictures", lambda _: {k: v.astype("u1") for k, v in addresses()})
    pixels = {}
    for split in ("train", "rest", "validation", "test"):
        images = purpose.images_of("photos", split, "cpu").long()
        address = images.permute(0, 2, 3, 1).reshape(-1, 3) @ torch.tensor([1 << 16, 1 << 8, 1])
        pixels[split] = set(address.unique().tolist())
    assert pixels["rest"] | pixels["validation"] <= pixels["train"]
    assert pixels["rest"] and pixels["validation"] and not pixels["rest"] & pixels["validation"]
    assert not pixels["train"] & pixels["test"]


def test_jobs_of_the_study(small, monkeypatch):
    given = options(purpose.STUDY, budget=SMALL)
    place = {"data": "mnist", "gamma_max": 5.0}
    run = purpose.STUDY.run
    bounds = run({"part": "allowance", **place}, given)
    assert bounds["mean"] < bounds["normal"] < bounds["prior"]
    with monkeypatch.context() as patch:
        patch.setattr(purpose, "OTHERS", ())  # no more than two arms to time
        timed = run({"part": "time", "data": "mnist"}, given)
    assert [row["arm"] for row in timed] == list(purpose.ARMS)
    jobs = [j for j in purpose.STUDY.jobs(given) if j["part"] == "primary" and j["vdm"] == 0]
    done = [run(job, given) for job in jobs if job["data"] == "mnist"]
    image, learned = (results.rows[0] for results in done)
    assert (image["updates"], learned["updates"]) == (9, 6)
    (difference,) = purpose.differences([image, learned], "primary", "mnist", 5.0)
    assert difference == learned["total"] - image["total"] != 0
    encoder = fork.load_encoder(done[1].arrays["encoder_mnist_0"], start=purpose.START)
    assert encoder.move(torch.zeros(1, 1, 28, 28), torch.tensor([3.0])).any()


def test_a_shipped_vdm_has_the_bound_of_its_card():
    card, model = read_card(purpose.base("photos", 1)), load_model(purpose.base("photos", 1))
    assert model.dtype == torch.float32 and model.shape == (3, 16, 16)
    test, g = load_named("photos", "test").images, torch.Generator().manual_seed(0)
    patches = test[torch.randperm(len(test), generator=g)[:200]]  # in no order of pictures
    found = evaluate(model, patches, generator=g)
    assert abs(found.total - card["bits_per_dim"]) < 5 * found.standard_error


def test_outcomes_are_of_complete_comparisons_only():
    def row(data, vdm, arm, total):
        cell = {"part": "primary", "data": data, "gamma_max": purpose.GAMMA_MAX[data]}
        return {**cell, "vdm": vdm, "arm": arm, "total": total}

    rows = [{"part": "allowance", "data": "photos", "gamma_max": 2.0, "prior": 0.4, "mean": 0.1}]
    rows += [row("photos", vdm, "image", 1.0 + vdm) for vdm in range(3)]
    rows += [row("photos", vdm, "learned", 0.9 + 1.1 * vdm) for vdm in range(3)]
    rows += [row("mnist", 0, arm, 1.0) for arm in purpose.ARMS]
    (found,) = purpose.comparisons(rows)
    assert found["data"] == "photos" and np.allclose(found["differences"], [-0.1, 0.0, 0.1])
    assert abs(found["mean"]) < 1e-12 and math.isclose(found["left"], -0.3)
    half = 4.302653 * 0.1 / math.sqrt(3)  # Student's t with two degrees of freedom
    assert math.isclose(found["high"], half, rel_tol=1e-6) and math.isclose(
        found["low"], -half, rel_tol=1e-6
    )


def test_a_shipped_encoder_scores_what_its_row_says():
    rows, weights = load_results("purpose"), load_arrays("purpose")["encoder_photos_2"]
    wanted = {"part": "primary", "data": "photos", "vdm": 2, "arm": "learned"}
    (row,) = (row for row in rows if wanted.items() <= row.items())
    encoder = fork.load_encoder(weights, purpose.base("photos", 2), purpose.START)
    x = pixels.to_unit(load_named("photos", "test").images)
    gamma = torch.full((len(x),), 2.0)
    q = process.marginal(x + encoder.shift(x, gamma), Noise.from_gamma(gamma).like(x))
    prior = pixels.bits_per_dim(kl_to_standard(q.mean, q.variance).mean(), 768).item()
    assert math.isclose(prior, row["prior"], abs_tol=2e-6)
