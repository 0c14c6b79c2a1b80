"""W3: a weighted loss is a bound. Training at finite depth with a ratio for each step."""

import pytest
import torch
from draws import F64, KINDS, POINTS, best_ratios, even, seeded

from diffenc_lite import Chain, TrainConfig, bound, elbo, evaluate, train
from diffenc_lite.model import ModelConfig, build
from diffenc_lite.pixels import to_unit

WEIGHTS = (0.3, 1.0, 2.5, 0.8)


def same_gradients(one, other, model, rtol=1e-9):
    parameters = list(model.parameters())
    first, second = (torch.autograd.grad(a, parameters, allow_unused=True) for a in (one, other))
    compared = [pair for pair in zip(first, second, strict=True) if pair != (None, None)]
    assert compared
    for a, b in compared:
        assert a.abs().max() > 0
        torch.testing.assert_close(a, b, rtol=rtol, atol=rtol * float(b.abs().max()))


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
    given = {"every_step": True, "noise": noise, "noise_0": noise_0}
    in_the_bound = elbo(model, images, Chain.equal(4, w), **given).diffusion.mean()
    same_gradients(weighted, in_the_bound, model)


@pytest.mark.parametrize("ratio", [None, 1.0, 0.6, WEIGHTS])
def test_the_loss_is_the_bound(ratio, small_model, normal):
    """Diffusion of all images, prior and reconstruction of the first three; None: infinite depth"""
    model, x = small_model("learned"), to_unit(POINTS[:8], 256, F64)
    noise, noise_0, step = normal(8, 2), normal(3, 2), torch.arange(8) // 2
    uniform = ((step + 0.3) / 4).double()
    chain = None if ratio is None else Chain.equal(4, ratio)
    terms = bound.bound_at(model, POINTS[:8], uniform, noise, noise_0, chain)
    if ratio is None:
        diffusion = bound.diffusion_loss(model, x, uniform, noise)
    else:
        w, s = chain.ratio[step], step.double() / 4
        diffusion = 4 * bound.step_loss(model, x, s, s + 1 / 4, noise, w)
    torch.testing.assert_close(terms.diffusion, diffusion, rtol=1e-12, atol=0)
    torch.testing.assert_close(terms.prior, bound.prior_loss(model, x[:3]), rtol=1e-6, atol=0)
    reconstruction = bound.end_losses(model, POINTS[:3], noise_0)[1]
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
    after = evaluate(last.model, POINTS[:100], chain, generator=seeded())
    assert last.evaluation.total == pytest.approx(after.total, abs=5 * after.standard_error)
    assert last.evaluation.total < 0.75 * before.total


def test_a_weight_turns_the_capacity_towards_its_step():
    """The more a step weighs, the smaller its error becomes, at the expense of the other."""

    def errors(ratio):
        torch.manual_seed(1)
        model = build(ModelConfig("identity", "tiny", shape=(2,)))
        config = TrainConfig(100, lr=3e-3, warmup=10, ema=0.9, steps=Chain.equal(2, ratio))
        model = train(model, POINTS, config).model
        return 1 / best_ratios(model, POINTS, 2) - 1

    low, high = errors((30.0, 0.03)), errors((0.03, 30.0))
    assert low[0] < 0.9 * high[0] and high[1] < 0.9 * low[1]
