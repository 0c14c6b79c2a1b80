"""Schedules and encoders of one's own: the examples of the documentation, and what must hold."""

import copy
import math
import re

import pytest
import torch
from draws import F64, POINTS, module_of, same, weights
from torch import nn

import diffenc_lite
from diffenc_lite import MLP, DiffEnc, edge_costs, elbo, encoder, evaluate, fit, sample, schedule
from diffenc_lite.encoder import LearnedEncoder
from diffenc_lite.model import ModelConfig, build, eval_mode
from diffenc_lite.pretrained import load_model, save_model
from diffenc_lite.schedule import CosineSchedule, LearnedSchedule, LinearSchedule, Noise
from diffenc_lite.training import TrainConfig, train, train_steps


def example(module):
    """The names that the example in the docstring of a module defines."""
    code = "\n".join(re.findall(r"^    (.*)$|^$", module.__doc__, re.MULTILINE))
    code = code.replace("torch.zeros(1, 28, 28)", "torch.zeros(2)")
    names = {"torch": torch, "nn": nn, "denoiser": MLP(8, 1), **vars(diffenc_lite)}
    exec(code, names)
    return names


def test_the_schedule_of_the_documentation():
    names = example(schedule)
    t = torch.linspace(0, 1, 9, dtype=F64, requires_grad=True)
    noise = names["Quadratic"](-13, 5)(t)
    torch.testing.assert_close(noise.gamma, -13 + 18 * t**2)
    torch.testing.assert_close(noise.rate, 36 * t)
    model = names["model"]
    assert torch.isfinite(elbo(model, POINTS).total).all() and sample(model, 3, 2).shape == (3, 2)
    assert train(model, POINTS, TrainConfig(2, batch=8)).update == 2


def test_the_encoder_of_the_documentation():
    names = example(encoder)
    m, gamma = torch.tensor([0.3, -0.2], dtype=F64), torch.linspace(-4, 3, 5, dtype=F64)
    own = DiffEnc(nn.Identity(), names["MeanShift"](m))
    u = own.encode(torch.zeros(5, 2, dtype=F64), gamma).u
    torch.testing.assert_close(u, -torch.sigmoid(-gamma)[:, None] * m)  # -alpha_t^2 m
    model = names["model"]
    before = model.encoder.m.clone()
    assert train(model, POINTS, TrainConfig(3, batch=8)).update == 3
    assert not torch.equal(before, model.encoder.m)


def test_parts_of_ones_own_by_name(monkeypatch):
    """A factory of an encoder gets the configuration: what it needs may be the shape."""
    mean_shift, quadratic = example(encoder)["MeanShift"], example(schedule)["Quadratic"]
    monkeypatch.setitem(
        encoder.ENCODERS, "mean", lambda network, config: mean_shift(torch.zeros(config.shape))
    )
    monkeypatch.setitem(schedule.SCHEDULES, "quadratic", quadratic)
    model = build(ModelConfig("mean", "tiny", "quadratic", shape=(2,)))
    assert model.encoder.m.shape == (2,) and isinstance(model.schedule, quadratic)


def test_a_subclass_is_trained_saved_and_loaded_as_one(tmp_path):
    class Sevens(DiffEnc):
        def v_hat(self, z, gamma):
            return 0 * super().v_hat(z, gamma) + 7

    def make():
        parts = build(ModelConfig("learned", "tiny", shape=(1, 8, 8)))
        return Sevens(parts.denoiser, parts.encoder, parts.schedule)

    images = torch.randint(256, (20, 1, 8, 8)).byte()
    totals = []
    for bf16 in (True, False):
        torch.manual_seed(0)
        last = train(make(), images, TrainConfig(1, batch=8, bf16=bf16))
        totals.append(last.total)
    assert totals[0] == pytest.approx(totals[1], rel=1e-4) and isinstance(last.model, Sevens)
    save_model(last.model, tmp_path / "sevens", {})
    assert isinstance(load_model(tmp_path / "sevens", model=make()), Sevens)


def test_both_ends_of_a_step_see_the_same_dropout():
    torch.manual_seed(0)
    x, gamma, dropout = torch.randn(50, 2), torch.linspace(-3, 3, 50), nn.Dropout(0.5)

    def half(x, gamma):
        return dropout(x) / 2

    halves = module_of(dropout=dropout, forward=half, shift=half)
    for part in (LearnedEncoder(halves), halves):
        model = DiffEnc(nn.Identity(), part).train()
        x_t, x_change = model.encode_step(x, gamma, gamma)
        assert not x_change.any() and not torch.equal(x_t, model.encode_step(x, gamma, gamma)[0])


def test_other_parts_make_another_model():
    vdm = build(ModelConfig("identity", "tiny", shape=(1, 8, 8)))
    other = vdm.with_parts(encoder=encoder.ScalingEncoder())
    assert other.config is None and vdm.config is not None
    assert isinstance(vdm.encoder, encoder.IdentityEncoder) and other.denoiser is vdm.denoiser


def test_the_cosine_schedule_is_a_cosine():
    made, t = CosineSchedule(), torch.linspace(0, 1, 11, dtype=F64)
    noise = made(t)
    first, last = math.atan(math.exp(-13.3 / 2)), math.atan(math.exp(5 / 2))
    torch.testing.assert_close(noise.alpha, (first + (last - first) * t).cos())
    torch.testing.assert_close(noise.sigma, (first + (last - first) * t).sin())


def test_eval_mode_gives_every_module_its_mode_back():
    model = build(ModelConfig("learned", "tiny", shape=(1, 8, 8)))
    model.denoiser.eval()
    model.encoder.network.middle.eval()
    modes = [module.training for module in model.modules()]
    assert len(set(modes)) == 2
    with pytest.raises(RuntimeError), eval_mode(model):
        assert not any(module.training for module in model.modules())
        raise RuntimeError
    assert [module.training for module in model.modules()] == modes


# --- own models on disk and in a run folder -------------------------------------------------------


class Net(nn.Module):
    """A network that does not say what shape it takes."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, z, gamma):
        return self.layer(torch.cat([z, gamma[:, None] / 10], 1))


def straight(t):
    return Noise.from_gamma(9 * t - 6, 9)


def own_model(schedule=straight, counterterm=True, levels=256):
    return DiffEnc(Net(), LearnedEncoder(Net(), counterterm), schedule, levels, (2,))


def test_weights_do_not_go_into_a_model_that_reads_them_otherwise(tmp_path):
    """No weight tells levels, counterterm or schedule. So a file and a run say what they are."""
    file, run = tmp_path / "own", tmp_path / "run"
    config, points = TrainConfig(2, batch=8), POINTS // 16
    with_a_number, with_a_number_inside, with_another_net, with_a_tensor = (
        own_model() for _ in range(4)
    )
    with_a_tensor.denoiser.frequencies = torch.ones(3)  # no buffer: not among the weights
    with_a_number.encoder.k = 3
    with_a_number_inside.encoder.network.slope = with_another_net.denoiser.slope = 0.1
    save_model(own_model(), file, {"seed": 3})
    train(own_model(), points, config, run)
    gammas = r"gamma \[-6.0, -3.3, -1.5, 3.0\] there, \[-13.3, -7.81, -4.15, 5.0\] here"
    e3 = ".LearnedEncoder with .* there, .LearnedEncoder"
    for other, words in (
        (own_model(levels=16), "levels 256 there, 16 here"),
        (own_model(counterterm=False), "counterterm True there, False here"),
        (own_model(LinearSchedule()), gammas),
        (own_model(CosineSchedule(-6, 3)), "gamma .* there"),
        (with_a_number, f"encoder {e3} ..k.: 3. with .* here"),
        (with_a_number_inside, f"encoder {e3} with .* here"),
        (with_a_tensor, r"denoiser .Net with .* there, .Net ..frequencies.: .'1.732', '3'"),
        (with_another_net, "denoiser .Net with .* there, .Net ..slope.: 0.1. with .* here"),
    ):
        before = weights(other)
        with pytest.raises(ValueError, match=words):
            load_model(file, model=other)
        with pytest.raises(ValueError, match="other settings .*" + words):
            train(other, points, config, run)
        assert same(weights(other), before)
    other = DiffEnc(MLP(8, 1), LearnedEncoder(Net()), straight, shape=(2,))
    with pytest.raises(ValueError, match="the model given"):
        load_model(file, model=other)
    with pytest.raises(ValueError, match="weight_shapes "):
        train(other, points, config, run)
    with pytest.raises(ValueError, match="own.json has no configuration"):
        load_model(file)
    again = own_model(LinearSchedule(-6, 3))  # the same gamma
    assert load_model(file, model=again).card["seed"] == 3
    assert not any(module.training for module in again.modules())
    assert train(again, points, config, run).update == 2


def test_a_network_reads_gamma_between_the_ends_that_it_was_saved_with(tmp_path):
    schedule = LinearSchedule(-9, 2)
    saved = DiffEnc(MLP(8, 1, schedule=schedule), schedule=schedule)
    save_model(saved, tmp_path / "own")
    with pytest.raises(ValueError, match="ends .-9.0, 2.0. there, .-13.3, 5.0. here"):
        load_model(tmp_path / "own", model=DiffEnc(MLP(8, 1), schedule=schedule))
    load_model(tmp_path / "own", model=saved)


def test_a_model_from_before_gamma_min_followed_the_levels(tmp_path):
    """It has no schedule of its own to say where gamma begins: the error says how to make it."""

    def made(*schedule, levels=64):
        return DiffEnc(Net(), None, *schedule, levels=levels, shape=(2,))

    save_model(made(LinearSchedule()), tmp_path / "old")
    with pytest.raises(ValueError, match=r"gamma .* give schedule=LinearSchedule\(\)"):
        load_model(tmp_path / "old", model=made())
    load_model(tmp_path / "old", model=made(LinearSchedule()))
    for other in (made(LinearSchedule(-9)), made(levels=256)):
        with pytest.raises(ValueError, match="does not fit") as error:
            load_model(tmp_path / "old", model=other)
        assert "LinearSchedule()" not in str(error.value)


def test_a_trained_schedule_is_loaded_and_a_network_in_two_roles(tmp_path):
    def made(**options):
        net = Net()
        return DiffEnc(net, LearnedEncoder(net), LearnedSchedule(**options))

    model = made(gamma_min=-6, gamma_max=3)
    save_model(model, tmp_path / "own", {})
    again = load_model(tmp_path / "own", model=made())
    assert same(weights(again), weights(model)) and again.encoder.network is again.denoiser
    bent = made()
    bent.schedule.gamma_and_rate = CosineSchedule(-6, 3).gamma_and_rate
    with pytest.raises(ValueError, match="gamma .* there"):
        load_model(tmp_path / "own", model=bent)


def test_a_schedule_that_was_exchanged_is_checked_where_it_is_used():
    model, points = own_model(), POINTS // 16
    model.schedule = lambda t: Noise.from_gamma(3 - 9 * t, -9)
    for use in (
        lambda: elbo(model, points),
        lambda: evaluate(model, points),
        lambda: fit(model, points, 2),
        lambda: sample(model, 2, 2),
        lambda: train(model, points, TrainConfig(1, batch=4)),
    ):
        with pytest.raises(ValueError, match="gamma must increase"):
            use()


class Bent(schedule.Schedule):
    """With one trained number, and ends that are not trained."""

    def __init__(self, low):
        super().__init__(low, 3)
        self.bend = torch.nn.Parameter(torch.tensor(0.5))

    def gamma(self, t):
        width = self.gamma_max - self.gamma_min
        return self.gamma_min + width * t + self.bend * t * (1 - t)


def test_a_schedule_that_training_has_turned_round_gives_no_number():
    model, points = own_model(Bent(-6)), POINTS // 16
    reports = train_steps(model, points, TrainConfig(3, batch=4, log_every=1))
    assert next(reports).update == 1 and torch.isfinite(elbo(model, points).total).all()
    torch.nn.init.constant_(model.schedule.bend, 10)  # 9 and less are right
    for use in (
        lambda: next(reports),
        lambda: train(model, points, TrainConfig(1, batch=4)),
        lambda: elbo(model, points),
        lambda: elbo(model, points, 2),
        lambda: elbo(model, points, 2, every_step=True),
        lambda: evaluate(model, points, 2),
        lambda: fit(model, points, 2),
        lambda: edge_costs(model, points, 2),
        lambda: sample(model, 2, 2),
    ):
        with pytest.raises(ValueError, match="gamma must increase from -6 to 3; .* t = 0.95"):
            use()


def test_a_run_with_a_trained_schedule_goes_on_and_with_another_it_does_not(tmp_path):
    config = TrainConfig(2, batch=8)
    for k, moving in enumerate((LearnedSchedule(-6, 3), Bent(-6))):
        model = own_model(moving)
        for _ in range(2):  # the second time it has moved
            assert train(model, POINTS, config, tmp_path / str(k)).update == 2
    with pytest.raises(ValueError, match="another schedule"):
        train(own_model(Bent(-5)), POINTS, config, tmp_path / "1")


@pytest.mark.parametrize("given", [{}, {"scale": "keep"}, {"ratio": "constant"}])
def test_a_fitted_chain_has_no_gradient(given):
    """Of a trained schedule: it is a constant in a training, and can be copied."""
    chain = fit(own_model(LearnedSchedule(-6, 3)), POINTS, 3, **given)
    assert not chain.ratio.requires_grad and not copy.deepcopy(chain).ratio.requires_grad
