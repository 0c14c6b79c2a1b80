"""The study of the ratio in samples: its jobs, its arms, its sheets."""

import numpy as np
import pytest
import torch

from diffenc_lite import ModelConfig, build, load_mnist, sample_steps
from diffenc_lite.course.studies import options
from diffenc_lite.course.studies import ratio_samples as study
from diffenc_lite.course.studies.mnist_ratio import fits, inputs
from diffenc_lite.pixels import to_levels


@pytest.fixture
def small(monkeypatch):
    """The jobs on bundled images and an untrained network."""
    torch.manual_seed(0)
    model = build(ModelConfig("scaling", "tiny")).eval()
    images = load_mnist("train", "bundled").images[:40]
    monkeypatch.setattr(inputs, "loaded", lambda name: model)
    monkeypatch.setattr(inputs, "images", lambda split, root: images)
    for cached in (fits.fit_of, study.reference):
        cached.cache_clear()
    yield options(study.STUDY, budget={"fit": 10, "n": 16}), model
    for cached in (fits.fit_of, study.reference):
        cached.cache_clear()


def test_each_training_has_every_arm_of_the_primary_comparisons(small):
    jobs = [tuple(job.values()) for job in study.jobs(small[0])]
    assert len(set(jobs)) == len(jobs)
    for model, training in study.TRAINED:
        for steps in (4, 8):
            assert {(model, training, steps, arm) for arm in study.ARMS[:4]} <= set(jobs)


@pytest.mark.parametrize("arm", study.ARMS)
def test_an_arm_has_the_best_ratio_in_its_steps(small, monkeypatch, arm):
    given, chains = small[0], []

    def record(model, n, chain, generator):
        chains.append(chain)
        return sample_steps(model, n, chain, generator=generator)

    monkeypatch.setattr(study, "sample_steps", record)
    job = {"model": "mnist-vdm", "training": 0, "steps": 4, "arm": arm}
    rows, arrays = study.run(job, given)
    fitted = fits.fit_of("mnist-vdm", None, 4, 10)
    name = study.PIXELS if arm == study.EACH else study.BEST
    best = fitted.ratio["fitted", name].clone()
    ones = {study.ONE: [0, 1, 2, 3], study.NOISY: [0, 1], study.DATA: [2, 3]}.get(arm, [])
    best[ones] = 1
    assert len(chains) == study.SEEDS and rows[0]["n"] == 16
    for chain in chains:
        torch.testing.assert_close(chain.ratio, best)
        torch.testing.assert_close(chain.scale, fitted.scale["fitted"])
    generator = inputs.seeded(10, 0, 0, 0)
    with torch.no_grad():
        *_, last = sample_steps(small[1], 2, chains[0], generator=generator)
    (sheet,) = arrays.values()
    assert np.array_equal(sheet[:28, :56], torch.cat(list(to_levels(last.x_hat)[:, 0]), 1))


def test_a_sheet_has_its_images_in_rows():
    images = torch.arange(4, dtype=torch.uint8)[:, None, None, None].expand(4, 1, 2, 3)
    expected = [[0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 1], [2, 2, 2, 3, 3, 3], [2, 2, 2, 3, 3, 3]]
    assert study.sheet(images).tolist() == expected
