"""W3: a weighted loss is a bound. Training at finite depth with a ratio for each step."""

import json
import math
from dataclasses import replace

import pytest
import torch

from diffenc_lite import (
    Chain,
    TrainConfig,
    bound,
    elbo,
    evaluate,
    optimal_ratio,
    process,
    train,
    train_steps,
)
from diffenc_lite import __main__ as cli
from diffenc_lite.data import toy
from diffenc_lite.model import ENCODERS, ModelConfig, build
from diffenc_lite.pixels import to_unit
from diffenc_lite.training.loop import EVALUATION, generator, loss_terms

F64 = torch.float64
KINDS = ("identity", "scaling", "learned")
WEIGHTS = (0.3, 1.0, 2.5, 0.8)
POINTS = toy("gaussian", 2000, generator=torch.Generator().manual_seed(0))
SHORT = TrainConfig(
    updates=12, batch=16, ends=4, log_every=4, evaluate_every=6, checkpoint_every=5, steps=4,
    ratio=WEIGHTS,
)  # fmt: skip


def gradients(loss, model):
    parameters = list(model.parameters())
    return torch.autograd.grad(loss, parameters, allow_unused=True)


def same_gradients(one, other, model, rtol=1e-9):
    pairs = zip(gradients(one, model), gradients(other, model), strict=True)
    compared = [(a, b) for a, b in pairs if a is not None or b is not None]
    assert compared
    for a, b in compared:
        assert a.abs().max() > 0
        torch.testing.assert_close(a, b, rtol=rtol, atol=rtol * float(b.abs().max()))


# --- gradients ------------------------------------------------------------------------------------


def denoising_errors(model, x, noise, steps):
    """||eps - eps_hat||^2, ||v - v_hat||^2 and alpha_t of every step, each (T, B) or (T,)."""
    eps, v, alpha = [], [], []
    for i in range(steps):
        at = model.schedule(torch.full((len(x),), (i + 1) / steps, dtype=F64)).like(x)
        z = process.add_noise(x, noise, at)
        v_hat = model.v_hat(z, at.gamma.flatten())
        eps.append((noise - process.eps_from_v(z, v_hat, at)).square().sum(1))
        v.append((process.v_from_eps(x, noise, at) - v_hat).square().sum(1))
        alpha.append(at.alpha.flatten()[0])
    return torch.stack(eps), torch.stack(v), torch.stack(alpha)


@pytest.mark.parametrize("of", ["eps", "v"])
def test_a_weighted_loss_has_the_gradient_of_the_bound(of, small_model, pictures):
    """Any positive weights rho_i on the errors of a VDM: w_i = rho_i over what L3 has there."""
    model, (images, noise, noise_0) = small_model("identity"), pictures
    rho = torch.tensor([0.7, 0.01, 3.0, 0.2], dtype=F64)
    eps, v, alpha = denoising_errors(model, to_unit(images, dtype=F64), noise, 4)
    in_the_bound = 0.5 * math.expm1(18.3 / 4) * (1 if of == "eps" else alpha.square())
    loss = (rho[:, None] * (eps if of == "eps" else v)).sum(0).mean()
    given = {"steps": 4, "every_step": True, "noise": noise, "noise_0": noise_0}
    whole = elbo(model, images, ratio=rho / in_the_bound, **given).total.mean()
    same_gradients(loss, whole, model)


def test_the_unweighted_eps_loss_is_the_bound_up_to_a_factor(small_model, pictures):
    """With gamma linear in t and equal steps; the v-loss is not."""
    model, (images, noise, noise_0) = small_model("identity"), pictures
    given = {"steps": 5, "every_step": True, "noise": noise, "noise_0": noise_0}

    def compare(which):
        errors = denoising_errors(model, to_unit(images, dtype=F64), noise, 5)[which]
        loss, whole = errors.sum(0).mean(), elbo(model, images, **given).diffusion.mean()
        factor = 0.5 * math.expm1(18.3 / 5) if which == 0 else (whole / loss).detach()
        same_gradients(factor * loss, whole, model)

    compare(0)
    with pytest.raises(AssertionError, match="not close"):
        compare(1)


@pytest.mark.parametrize("kind", KINDS)
def test_for_every_encoder_the_ratio_is_a_weight(kind, small_model, pictures):
    """The diffusion loss with w has, in all parameters, the gradient of the weighted gaps."""
    model, (images, noise, noise_0) = small_model(kind, learned_schedule=True), pictures
    x, w = to_unit(images, dtype=F64), torch.tensor(WEIGHTS, dtype=F64)
    grid = torch.arange(5, dtype=F64) / 4
    gaps = [
        bound.step_gap(model, x, grid[i].expand(3), grid[i + 1].expand(3), noise).sum(1)
        for i in range(4)
    ]
    weighted = 0.5 * (w[:, None] * torch.stack(gaps)).sum(0).mean()
    given = {"steps": 4, "every_step": True, "noise": noise, "noise_0": noise_0}
    same_gradients(weighted, elbo(model, images, ratio=w, **given).diffusion.mean(), model)


# --- training -------------------------------------------------------------------------------------


@pytest.mark.parametrize("ratio", [1.0, 0.6, WEIGHTS])
def test_the_loss_is_the_bound_of_one_step_each(ratio, small_model, normal):
    model = small_model("learned")
    images, noise, noise_0 = POINTS[:8], normal(8, 2), normal(3, 2)
    config, step = TrainConfig(1, batch=8, steps=4, ratio=ratio), torch.arange(8) // 2
    u = (step + 0.3) / 4
    terms = loss_terms(model, config)(images, u, noise, noise_0, config.chain)
    x = to_unit(images, 256, F64)
    w = config.chain.ratio
    losses = bound.step_loss(model, x, step.double() / 4, (step.double() + 1) / 4, noise, w[step])
    torch.testing.assert_close(terms.diffusion, 4 * losses, rtol=1e-12, atol=0)
    torch.testing.assert_close(terms.prior, bound.prior_loss(model, x[:3]), rtol=1e-6, atol=0)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_it_learns(encoder):
    """The bound at its own depth and ratio falls; evaluations are of that bound."""
    torch.manual_seed(1)
    model = build(ModelConfig(encoder, "tiny", shape=(2,)))
    config = TrainConfig(150, lr=3e-3, warmup=10, ema=0.9, evaluate_every=150, steps=4, ratio=0.5)
    before = evaluate(model, POINTS[:100], 4, 0.5, generator=torch.Generator().manual_seed(0))
    last = train(model, POINTS, config, held_out=POINTS[:100])
    draws = generator(model, config, EVALUATION)
    assert last.evaluation == evaluate(last.model, POINTS[:100], 4, 0.5, generator=draws)
    assert last.evaluation.total < 0.75 * before.total


def test_a_weight_turns_the_capacity_towards_its_step():
    """The more a step weighs, the smaller its error becomes, at the expense of the other."""

    def errors(ratio):
        torch.manual_seed(1)
        model = build(ModelConfig("identity", "tiny", shape=(2,)))
        config = TrainConfig(100, lr=3e-3, warmup=10, ema=0.9, steps=2, ratio=ratio)
        model = train(model, POINTS, config).model
        return 1 / optimal_ratio(model, POINTS, 2, torch.Generator().manual_seed(3)) - 1

    low, high = errors((30.0, 0.03)), errors((0.03, 30.0))
    assert low[0] < 0.9 * high[0] and high[1] < 0.9 * low[1]


def test_a_stopped_run_goes_on_bit_by_bit(tmp_path):
    def run(folder, stop=None):
        torch.manual_seed(1)
        model = build(ModelConfig("learned", "tiny", "learned", shape=(2,)))
        for progress in train_steps(model, POINTS, SHORT, folder, POINTS[:50]):
            if progress.update == stop:
                break
        return progress

    whole = run(tmp_path / "a")
    run(tmp_path / "b", stop=6)
    parts = run(tmp_path / "b")
    for one, other in zip(whole.model.parameters(), parts.model.parameters(), strict=True):
        assert torch.equal(one, other)
    metrics = [(tmp_path / name / "metrics.jsonl").read_bytes() for name in "ab"]
    assert metrics[0] == metrics[1]
    for chain in (Chain.equal(3), Chain.equal(4, (0.3, 1.0, 2.5, 0.9)), None):
        model = build(ModelConfig("learned", "tiny", "learned", shape=(2,)))
        with pytest.raises(ValueError, match="other settings"):
            train(model, POINTS, replace(SHORT, chain=chain), tmp_path / "a", POINTS[:50])


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options, words",
    [
        ({"ratio": 0.5}, r"ratio must be 1 at infinite depth.*got 0.5.*W2.*steps=T"),
        ({"ratio": (1.0, 0.5)}, "ratio must be 1 at infinite depth"),
        ({"steps": 0}, "steps must be a whole number, at least 1; got 0"),
        ({"steps": 3, "ratio": (1.0, 2.0)}, r"each step, shape \(3,\).*got shape \(2,\)"),
        ({"steps": 2, "ratio": (1.0, -2.0)}, "ratio must be positive"),
    ],
)
def test_bad_configuration(options, words):
    with pytest.raises(ValueError, match=words):
        TrainConfig(10, **options)


# --- the command line -----------------------------------------------------------------------------


def test_train_with_depth_and_ratio(tmp_path, monkeypatch, capsys):
    def few(*arguments, load=cli.load_named):
        found = load(*arguments)
        return replace(found, images=found.images[:20], labels=found.labels[:20])

    monkeypatch.setattr(cli, "load_named", few)
    quick = "--updates 2 --size tiny --encoder identity --data bundled --batch 4 --ends 2".split()
    options = [*quick, "--device", "cpu", "--steps", "3", "--ratio"]
    assert cli.main(["train", str(tmp_path / "a"), *options, "0.5", "1", "0.7"]) == 0
    card = json.loads((tmp_path / "a" / "model.json").read_text())
    assert card["evaluated_on"] == (
        "mnist-bundled test, 20 images, Chain.equal(3, ratio=[0.5, 1, 0.7])"
    )
    assert Chain(**card["training"]["chain"]).ratio.tolist() == [0.5, 1, 0.7]
    assert cli.main(["train", str(tmp_path / "b"), *options, "0.5"]) == 0
    card = json.loads((tmp_path / "b" / "model.json").read_text())
    assert card["evaluated_on"].endswith("Chain.equal(3, ratio=0.5)")
    capsys.readouterr()
    assert cli.main(["train", str(tmp_path / "c"), *options, "0.5", "1"]) == 2
    assert (
        "error: ratio must be a number or have one entry for each step" in capsys.readouterr().err
    )
