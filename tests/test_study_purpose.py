"""The study of what an encoder is for: X5's bounds of its gain where known, and what is stored."""

import math

import numpy as np
import pytest
import torch
from draws import F64
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from diffenc_lite import pixels, process
from diffenc_lite.course.studies import fork, load_arrays, load_results, purpose
from diffenc_lite.course.studies.allowance import allowance
from diffenc_lite.data import load_named
from diffenc_lite.evaluation import evaluate
from diffenc_lite.gaussian import kl_to_standard
from diffenc_lite.pretrained import load_model, read_card
from diffenc_lite.schedule import Noise

IMAGES = torch.tensor([[50, 60, 200], [50, 200, 90], [200, 180, 100]], dtype=torch.uint8)


@pytest.mark.parametrize("gamma", [5.0, 1.0])
def test_three_images_many_times(gamma):
    """All moments are known exactly; levels are correlated, and there is more than one batch."""
    x = pixels.to_unit(IMAGES, dtype=F64)
    c, alpha2 = x.mean(0), 1 / (1 + math.exp(gamma))
    found = allowance(IMAGES.repeat(3000, 1), gamma)
    assert found.mean == pytest.approx(alpha2 * c.square().sum().item() / 2, rel=1e-12)
    given_x = Normal(alpha2**0.5 * x, (1 - alpha2) ** 0.5)
    prior = kl_divergence(given_x, Normal(0.0, 1.0)).sum(1).mean().item()
    assert found.prior == pytest.approx(prior, rel=1e-9)
    eye = torch.eye(3, dtype=F64)
    covariance = alpha2 * x.T.cov(correction=0) + (1 - alpha2) * eye
    q, p = MultivariateNormal(alpha2**0.5 * c, covariance), MultivariateNormal(0 * c, eye)
    assert found.normal == pytest.approx(kl_divergence(q, p).item(), rel=1e-9)
    assert found.mean < found.normal < found.prior
    in_bits = found.in_bits()
    assert in_bits.prior * 3 * math.log(2) == pytest.approx(found.prior)
    assert in_bits.mean / in_bits.normal == pytest.approx(found.mean / found.normal)


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
