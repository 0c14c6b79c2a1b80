"""The study of what an encoder is for: X5's bounds of its gain where known, and what is stored."""

import math

import pytest
import torch
from draws import F64, module_of
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from diffenc_lite import pixels, process
from diffenc_lite.course.studies import fork, load_arrays, load_results, purpose, rivals
from diffenc_lite.course.studies.allowance import (
    STILL,
    allowance,
    saved_by_normal_prior,
    with_width,
)
from diffenc_lite.course.worlds import Exact, Gaussian
from diffenc_lite.evaluation import evaluate
from diffenc_lite.gaussian import kl_to_standard
from diffenc_lite.pretrained import load_model, read_card
from diffenc_lite.schedule import Noise

IMAGES = torch.tensor([[50, 60, 200], [50, 200, 90], [200, 180, 100]], dtype=torch.uint8)


@pytest.mark.parametrize("gamma", [5.0, 1.0])
def test_three_images_many_times(gamma):
    """All moments are known exactly; levels are correlated, and there is more than one batch."""
    x = pixels.to_unit(IMAGES, dtype=F64)
    c, alpha2, unit = x.mean(0), 1 / (1 + math.exp(gamma)), 3 * math.log(2)  # nats of a bit/dim
    found = allowance(IMAGES.repeat(3000, 1), gamma)
    assert found.mean * unit == pytest.approx(alpha2 * c.square().sum().item() / 2, rel=1e-12)
    given_x = Normal(alpha2**0.5 * x, (1 - alpha2) ** 0.5)
    prior = kl_divergence(given_x, Normal(0.0, 1.0)).sum(1).mean().item()
    assert found.prior * unit == pytest.approx(prior, rel=1e-9)
    eye = torch.eye(3, dtype=F64)
    covariance = alpha2 * x.T.cov(correction=0) + (1 - alpha2) * eye
    q, p = MultivariateNormal(alpha2**0.5 * c, covariance), MultivariateNormal(0 * c, eye)
    assert found.normal * unit == pytest.approx(kl_divergence(q, p).item(), rel=1e-9)
    assert found.mean < found.normal < found.prior
    # a direction with no variance pays the width, and each as normal data of its variance does
    s = 1 - alpha2
    assert found.width * unit == pytest.approx(3 * (s - 1 - math.log(s)) / 2, rel=1e-12)
    along = torch.linalg.eigvalsh(x.T.cov(correction=0)).clamp(min=1e-9).tolist()
    paid = sum(Exact(Gaussian(variance), gamma_max=gamma).prior_gap for variance in along)
    assert (found.width + found.directions) * unit == pytest.approx(paid, rel=1e-7)
    # another p(z_1): the same covariance, and the KL of z_1 given x from it
    other = torch.tensor([[0, 9, 255], [90, 80, 70]], dtype=torch.uint8)
    mean = alpha2**0.5 * pixels.to_unit(other, dtype=F64)
    given = MultivariateNormal(mean, (1 - alpha2) * eye)
    saved = kl_divergence(given, p) - kl_divergence(given, q)
    width, one, bits = saved_by_normal_prior(IMAGES.repeat(3000, 1), other, gamma, STILL, (0, 1, 3))
    torch.testing.assert_close(bits, saved / unit)
    of_itself = saved_by_normal_prior(IMAGES, IMAGES, gamma, STILL, (3,)).mean().item()
    assert of_itself == pytest.approx(found.normal, rel=1e-9)
    # one variance for all directions, or for all but the largest
    values, vectors = torch.linalg.eigh(covariance)
    for found_bits, free in ((width, values[:0]), (one, values[2:])):
        shared = torch.full((3 - len(free),), values[: 3 - len(free)].mean().item()).double()
        root = vectors * torch.cat([shared, free]).sqrt()
        fewer = MultivariateNormal(alpha2**0.5 * c, root @ root.T)
        expected = kl_divergence(given, p) - kl_divergence(given, fewer)
        torch.testing.assert_close(found_bits, expected / unit)


def test_a_width_from_prior_losses_alone():
    """of two pictures' latents, N(m, s I), with the best v of two others."""
    m, s = (
        torch.tensor([[3.0, -1.0, 0.5, 0.1], [0.2, 0.3, -0.1, 0.9]], dtype=F64),
        1 / (1 + math.e**-2),
    )
    others = torch.tensor([[1.0, 2.0, -0.5, 0.3], [0.4, -0.3, 1.1, 0.2]], dtype=F64)

    def losses(means, v):
        given = Normal(means, s**0.5)
        return kl_divergence(given, Normal(0 * means, v**0.5)).mean(1).numpy() / math.log(2)

    best = s + others.square().mean().item()
    found = with_width(losses(m, 1.0), losses(others, 1.0), 2.0)
    assert found == pytest.approx(losses(m, best), rel=1e-12)
    assert all(losses(others, best).mean() < losses(others, best * f).mean() for f in (0.9, 1.1))


def test_a_prior_of_the_encoders_own_last_latents():
    """Three images whose encodings are known: the same as for images that look so (x / 2 each)."""
    halves = torch.tensor([[64, 127, 191], [127, 64, 100], [191, 80, 120]], dtype=torch.uint8)
    half_of = module_of(shift=lambda x, gamma: pixels.to_unit(halves)[: len(x)] - x)
    saved = saved_by_normal_prior(IMAGES, IMAGES, 2.0, half_of, (1,))
    expected = saved_by_normal_prior(halves, halves, 2.0, STILL, (1,))
    torch.testing.assert_close(saved, expected, rtol=1e-5, atol=0)


def test_a_shipped_vdm_has_the_bound_of_its_card():
    name = rivals.vdm_of(1)
    card, model = read_card(name), load_model(name)
    assert model.dtype == torch.float32 and model.shape == (3, 16, 16)
    assert card["pictures"] == rivals.split_of(1)[0]
    patches, numbers = rivals.scored_patches(rivals.split_of(1)[2])
    g = torch.Generator().manual_seed(0)
    found = evaluate(model, patches, clusters=numbers, generator=g)
    assert abs(found.total - card["bits_per_dim"]) < 1e-4


def test_totals_are_by_vdm():
    def row(part, arm, vdm, total):
        return {"part": part, "arm": arm, "vdm": vdm, "total": total, "prior": total / 2}

    rows = [row("primary", "image", vdm, 1.0 + vdm) for vdm in (2, 0, 1)]
    rows += [row("rate", "image", 0, 7.0), row("control", "vdm", 0, 3.0)]
    assert purpose.by_vdm(rows, "image").tolist() == [1.0, 2.0, 3.0]
    assert purpose.by_vdm(rows, "image", "prior").tolist() == [0.5, 1.0, 1.5]


@pytest.mark.parametrize("name", ["encoder", "late"])
@pytest.mark.parametrize("seed", rivals.SEEDS)
@pytest.mark.parametrize("fold", rivals.FOLDS)
def test_a_shipped_encoder_scores_what_its_row_says(name, fold, seed):
    rows, weights = load_results("rivals"), load_arrays("rivals")[f"{name}_{fold}_{seed}"]
    wanted = {"part": "arm", "fold": fold, "seed": seed, "arm": "learned"}
    (row,) = (row for row in rows if wanted.items() <= row.items())
    encoder = fork.load_encoder(weights, rivals.vdm_of(fold), rivals.START)
    images, numbers = rivals.scored_patches(row["scored"])
    x, gamma = pixels.to_unit(images), torch.full((len(images),), 2.0)
    q = process.marginal(x + encoder.shift(x, gamma), Noise.from_gamma(gamma).like(x))
    prior = pixels.bits_per_dim(kl_to_standard(q.mean, q.variance), 768)
    score = (row["curve"] if name == "late" else rivals.scores(row))[-1]
    for number, found in enumerate(score["priors"]):
        assert math.isclose(prior[numbers == number].mean(), found, abs_tol=1e-5)
