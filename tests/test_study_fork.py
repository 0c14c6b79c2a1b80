"""The study of the fork: what its arms are at the start, and what they can't do."""

import math

import pytest
import torch
from draws import module_of, seeded, shaken

from diffenc_lite import DiffEnc, LearnedEncoder, bound, build, pixels
from diffenc_lite.course.studies import fork
from diffenc_lite.data import load_mnist
from diffenc_lite.model import ModelConfig
from diffenc_lite.training import TrainState

ARMS = ("vdm", "learned", "inert", "image", "fade", "affine", "unbounded")


@pytest.fixture(scope="module")
def images():
    return load_mnist("test", "bundled").images[:40]


def test_all_arms_start_as_the_same_function(images):
    totals = [fork.score_fork(fork.make_fork(arm, 3), images, 1.0, 1)[1] for arm in ARMS]
    assert all(torch.equal(total, totals[0]) for total in totals[1:])


@pytest.mark.parametrize("arm", ARMS[1:])
def test_encoders_are_encoders_and_do_nothing_below_the_start(arm, images):
    model = fork.make_fork(arm).double()
    encoder = shaken(model.encoder, size=0.02)
    x = pixels.to_unit(images, dtype=torch.float64)
    gamma, h = model.schedule(torch.linspace(0.45, 0.95, len(x), dtype=torch.float64)).gamma, 1e-5
    slope = (encoder.shift(x, gamma + h) - encoder.shift(x, gamma - h)) / (2 * h)
    expected = -slope / torch.sigmoid(gamma).view(-1, 1, 1, 1)
    torch.testing.assert_close(model.encode(x, gamma).u, expected, rtol=1e-6, atol=1e-8)
    below = model.schedule(torch.linspace(0, fork.START, len(x), dtype=torch.float64)).gamma
    x_t, u = model.encode(x, below - 1e-9)
    assert torch.equal(x_t, x) and not u.any() and not encoder.shift(x, below - 1e-9).any()
    just_above = model.schedule(torch.full((len(x),), fork.START + 1e-4, dtype=torch.float64))
    assert 0 < encoder.shift(x, just_above.gamma).abs().max() < 1e-4  # no jump


def test_inert_is_the_identity_again_where_its_part_ends(images):
    model = fork.make_fork("inert")
    shaken(model.encoder, size=0.02)
    x = pixels.to_unit(images)
    high = model.schedule(torch.linspace(fork.START + fork.INERT, 1, len(x))).gamma
    assert not model.encoder.shift(x, high + 1e-4).any()
    between = model.schedule(torch.full((len(x),), 0.45)).gamma
    assert 0 < model.encoder.shift(x, between).abs().max() < 0.02


def test_a_fork_is_e3_with_the_converted_output(images):
    """X6: with y and v_hat' as in maths, and G3's counterterm, L4 is the same at every depth."""
    model = fork.make_fork("learned").double()
    move, denoiser = shaken(model.encoder, size=0.02).move, model.denoiser
    a = torch.sigmoid(model.schedule(torch.tensor([fork.START]).double()).gamma)

    def y(x, gamma):
        return x + (1 - a / torch.sigmoid(gamma)).view(-1, 1, 1, 1) * move(x, gamma)

    def converted(z, gamma):
        sigma2 = torch.sigmoid(gamma).view(-1, 1, 1, 1)
        alpha_sigma = (sigma2 * (1 - sigma2)).sqrt()
        return (denoiser(z, gamma) + alpha_sigma * z) / (1 + sigma2)

    encoder = LearnedEncoder(module_of(forward=y))
    paper = DiffEnc(module_of(forward=converted), encoder, model.schedule)
    x = pixels.to_unit(images, dtype=torch.float64)
    t = torch.linspace(fork.START + 1e-6, 1, len(x), dtype=torch.float64)
    eps = torch.randn(x.shape, dtype=torch.float64, generator=seeded())
    with torch.no_grad():
        ours, theirs = (bound.diffusion_loss(m, x, t, eps) for m in (model, paper))
    assert (model.encoder.shift(x, model.schedule(t).gamma)[-1]).abs().max() > 0.01
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


def test_noise_that_ends_earlier(images, monkeypatch):
    base = fork.make_fork("vdm")
    end = fork.depth_of(2.0, base)
    assert math.isclose(end, 15.3 / 18.3) and fork.depth_of(5.0, base) == 1.0
    short = build(ModelConfig("identity", "tiny", gamma_max=2.0))
    x = pixels.to_unit(images)
    expected = pixels.bits_per_dim(bound.prior_loss(short, x), 784)
    levels = []
    base.denoiser.register_forward_hook(lambda _, inputs, output: levels.append(inputs[1]))
    prior, _ = fork.score_fork(base, images, end, 1)
    torch.testing.assert_close(prior.float(), expected, rtol=1e-5, atol=0)
    lowest = base.schedule(torch.tensor(fork.START)).gamma
    assert lowest <= torch.cat(levels).min() and torch.cat(levels).max() < 2.0
    ones, known = torch.ones(len(images)), iter((2.0, 4.0))
    monkeypatch.setattr(fork, "_losses", lambda *_: (ones, next(known) * ones))
    _, total = fork.score_fork(base, images, end, 2)  # of two passes
    assert total.tolist() == pytest.approx([1 + 3 * (end - fork.START)] * len(images))


def test_a_steep_update_is_clipped(images, monkeypatch):
    model, losses = fork.make_fork("image"), fork._losses
    monkeypatch.setattr(fork, "_losses", lambda *given: [1e4 * loss for loss in losses(*given)])
    state = TrainState(model, fork.fork_config(9, 4, 0))
    fork.update(state, model, images, 1.0, fork.START)
    gradients = [weight.grad for weight in state.weights if weight.grad is not None]
    assert torch.nn.utils.get_total_norm(gradients).item() == pytest.approx(1.0, rel=1e-3)


def test_an_encoder_is_kept_in_16_bits(images):
    model = fork.make_fork("learned", 1)
    shaken(model.encoder, size=0.02)
    x, gamma = pixels.to_unit(images), torch.full((len(images),), 3.0)
    again = fork.load_encoder(fork.packed(model))
    torch.testing.assert_close(
        again.shift(x, gamma), model.encoder.shift(x, gamma), rtol=0, atol=1e-2
    )
