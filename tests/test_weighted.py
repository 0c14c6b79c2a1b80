"""W3: a weighted loss is a bound. Training at finite depth with a ratio for each step."""

import math

import pytest
import torch
from draws import F64, KINDS, POINTS, even, seeded

from diffenc_lite import Chain, TrainConfig, bound, elbo, evaluate, optimal_ratio, process, train
from diffenc_lite.model import ModelConfig, build
from diffenc_lite.pixels import to_unit
from diffenc_lite.training.loop import EVALUATION, generator

WEIGHTS = (0.3, 1.0, 2.5, 0.8)


def same_gradients(one, other, model, rtol=1e-9):
    parameters = list(model.parameters())
    first, second = (torch.autograd.grad(a, parameters, allow_unused=True) for a in (one, other))
    compared = [pair for pair in zip(first, second, strict=True) if pair != (None, None)]
    assert compared
    for a, b in compared:
        assert a.abs().max() > 0
        torch.testing.assert_close(a, b, rtol=rtol, atol=rtol * float(b.abs().max()))


# --- gradients ------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", ["eps", "v"])
def test_a_weighted_loss_has_the_gradient_of_the_bound(error, small_model, pictures):
    """Any positive weights rho_i on the errors of a VDM: w_i = rho_i over what L3 has there."""
    model, (images, noise, noise_0) = small_model("identity"), pictures
    rho = torch.tensor([0.7, 0.01, 3.0, 0.2], dtype=F64)
    x, eps = to_unit(images, dtype=F64).repeat(4, 1), noise.repeat(4, 1)  # every step
    at = model.schedule(even(4)[1:].repeat_interleave(3)).like(x)
    z = process.add_noise(x, eps, at)
    v_hat = model.v_hat(z, at.gamma.flatten())
    if error == "eps":
        errors, alpha2 = eps - process.eps_from_v(z, v_hat, at), 1
    else:
        errors, alpha2 = process.v_from_eps(x, eps, at) - v_hat, at.alpha[::3, 0].square()
    in_the_bound = 0.5 * math.expm1(18.3 / 4) * alpha2
    loss = (rho[:, None] * errors.square().sum(1).reshape(4, 3)).sum(0).mean()
    given = {"steps": 4, "every_step": True, "noise": noise, "noise_0": noise_0}
    whole = elbo(model, images, ratio=rho / in_the_bound, **given).total.mean()
    same_gradients(loss, whole, model)


@pytest.mark.parametrize("kind", KINDS)
def test_for_every_encoder_the_ratio_is_a_weight(kind, small_model, pictures):
    """The diffusion loss with w has, in all parameters, the gradient of the weighted gaps."""
    model, (images, noise, noise_0) = small_model(kind, learned_schedule=True), pictures
    x, w = to_unit(images, dtype=F64), torch.tensor(WEIGHTS, dtype=F64)
    grid = even(4)
    gaps = [
        bound.step_gap(model, x, grid[i].expand(3), grid[i + 1].expand(3), noise).sum(1)
        for i in range(4)
    ]
    weighted = 0.5 * (w[:, None] * torch.stack(gaps)).sum(0).mean()
    given = {"steps": 4, "every_step": True, "noise": noise, "noise_0": noise_0}
    same_gradients(weighted, elbo(model, images, ratio=w, **given).diffusion.mean(), model)


# --- training -------------------------------------------------------------------------------------


@pytest.mark.parametrize("ratio", [None, 1.0, 0.6, WEIGHTS])
def test_the_loss_is_the_bound(ratio, small_model, normal):
    """Diffusion of all images, prior and reconstruction of the first three; None: infinite depth"""
    model, x = small_model("learned"), to_unit(POINTS[:8], 256, F64)
    noise, noise_0, step = normal(8, 2), normal(3, 2), torch.arange(8) // 2
    u = ((step + 0.3) / 4).double()
    chain = ratio and Chain.equal(4, ratio)
    terms = bound.terms(model, POINTS[:8], u, noise, noise_0, chain)
    if ratio is None:
        diffusion = bound.diffusion_loss(model, x, u, noise)
    else:
        w, s = chain.ratio[step], step.double() / 4
        diffusion = 4 * bound.step_loss(model, x, s, s + 1 / 4, noise, w)
    torch.testing.assert_close(terms.diffusion, diffusion, rtol=1e-12, atol=0)
    torch.testing.assert_close(terms.prior, bound.prior_loss(model, x[:3]), rtol=1e-6, atol=0)
    reconstruction = bound.reconstruction_loss(model, POINTS[:3], noise_0)
    torch.testing.assert_close(terms.reconstruction, reconstruction, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("encoder", KINDS)
def test_it_learns(encoder):
    """The bound at its own depth and ratio falls; evaluations are of that bound."""
    torch.manual_seed(1)
    model = build(ModelConfig(encoder, "tiny", shape=(2,)))
    chain = Chain.equal(4, 0.5)
    config = TrainConfig(150, lr=3e-3, warmup=10, ema=0.9, evaluate_every=150, steps=chain)
    before = evaluate(model, POINTS[:100], chain, generator=seeded())
    last = train(model, POINTS, config, held_out=POINTS[:100])
    draws = generator(model.device, config, EVALUATION)
    assert last.evaluation == evaluate(last.model, POINTS[:100], chain, generator=draws)
    assert last.evaluation.total < 0.75 * before.total


def test_a_weight_turns_the_capacity_towards_its_step():
    """The more a step weighs, the smaller its error becomes, at the expense of the other."""

    def errors(ratio):
        torch.manual_seed(1)
        model = build(ModelConfig("identity", "tiny", shape=(2,)))
        config = TrainConfig(100, lr=3e-3, warmup=10, ema=0.9, steps=Chain.equal(2, ratio))
        model = train(model, POINTS, config).model
        return 1 / optimal_ratio(model, POINTS, 2, seeded(3)) - 1

    low, high = errors((30.0, 0.03)), errors((0.03, 30.0))
    assert low[0] < 0.9 * high[0] and high[1] < 0.9 * low[1]
