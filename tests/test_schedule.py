"""gamma(t), and alpha, sigma and the rate that follow from it."""

import math
import warnings
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from draws import F64
from hypothesis import given
from hypothesis import strategies as st

from diffenc_lite import (
    MLP,
    CosineSchedule,
    DiffEnc,
    LearnedSchedule,
    LinearSchedule,
    Noise,
    Schedule,
    evaluate,
    sample,
)
from diffenc_lite.course.worlds import reconstruction_by_level
from diffenc_lite.model import ModelConfig, build
from diffenc_lite.schedule import end_points, gamma_min_for
from diffenc_lite.smooth import check_schedule
from diffenc_lite.training import TrainConfig, train, train_steps

T = torch.linspace(0, 1, 33, dtype=F64)


@pytest.mark.parametrize("made", [LinearSchedule, CosineSchedule, LearnedSchedule])
@pytest.mark.parametrize("ends", [(-13.3, 5.0), (-6.0, 3.0), (-2.0, -1.0)])
def test_a_schedule_goes_from_end_to_end_with_its_own_rate(made, ends):
    schedule, t = made(*ends).double(), T.clone().requires_grad_()
    n = schedule(t)
    (slope,) = torch.autograd.grad(n.gamma.sum(), t)
    torch.testing.assert_close(n.rate, slope)
    assert bool((n.gamma.diff() > 0).all())
    assert n.gamma[[0, -1]].tolist() == pytest.approx(ends, abs=1e-6)
    if made is not CosineSchedule:
        torch.testing.assert_close(n.gamma, torch.lerp(*n.gamma[[0, -1]], T), rtol=0, atol=1e-9)
    low = schedule.float()(T.float()).gamma.double()
    torch.testing.assert_close(low, n.gamma, rtol=1e-5, atol=1e-5)


def test_from_gamma_takes_gamma_itself_as_the_depth():
    n = Noise.from_gamma(torch.tensor([-1.0, 0.0, 2.0]))
    assert n.rate.tolist() == [1.0, 1.0, 1.0]
    assert n.alpha[1].item() == n.sigma[1].item() == pytest.approx(math.sqrt(0.5))


@given(st.floats(-30, 30), st.floats(-6, 5))
def test_learned_gamma_increases_whatever_the_parameters(gamma_min, log_width):
    schedule = LearnedSchedule().double()
    with torch.no_grad():
        schedule.gamma_min.fill_(gamma_min)
        schedule.log_width.fill_(log_width)
    n = schedule(T)
    assert bool((n.gamma.diff() > 0).all()) and bool((n.rate > 0).all())


def test_the_last_gamma_is_above_the_first():
    for made in (LinearSchedule, CosineSchedule, LearnedSchedule):
        for low, high in ((1.0, 1.0), (2, -1), (0.0, math.inf), (np.float32(3), np.float32(2))):
            with pytest.raises(ValueError, match="^gamma_max must"):
                made(low, high)
        with pytest.raises(ValueError, match="^gamma_min must"):
            made(math.nan, 1.0)


def test_the_end_points_of_a_function_are_where_it_starts_and_ends():
    assert end_points(lambda t: Noise.from_gamma(3 * t - 1), torch.zeros(())) == (-1, 2)


def refuses(schedule, words):
    with pytest.raises(ValueError, match=words):
        check_schedule(schedule, torch.zeros((), dtype=F64))


@pytest.mark.parametrize("at", [0, 500, 1000])
@pytest.mark.parametrize("field, most", [("alpha", 1e-3), ("sigma", 1e-3), ("rate", 1e-2)])
def test_all_that_follows_from_gamma_is_checked_at_every_depth(field, most, at):
    def off_by(change):
        def schedule(t):
            noise = Noise.from_gamma(9 * t - 6, 9)
            there = torch.arange(len(t)) == at
            value = getattr(noise, field)
            return replace(noise, **{field: torch.where(there, value + change, value)})

        return schedule

    for change in (most, -most):
        check_schedule(off_by(0.5 * change), torch.zeros((), dtype=F64))
    for change in (3 * most, -3 * most, math.nan, math.inf):
        refuses(off_by(change), f"the {field} that follows .* near t = {at / 1000:.3f}")


def test_a_rate_is_finite_at_both_ends():
    schedule = Schedule()
    schedule.gamma = lambda t: -13.3 + 18.3 * t.sqrt()  # dgamma/dt is inf at 0
    refuses(schedule, "the rate that follows .* near t = 0.000 it is inf")


def test_gamma_is_checked_to_be_finite_and_to_increase_everywhere():
    for bend in (
        lambda g: g.clamp(min=-5.98),
        lambda g: -g,
        lambda g: g.masked_fill(g > 2.9, torch.inf),
    ):
        refuses(lambda t, bend=bend: Noise.from_gamma(bend(9 * t - 6), 9), "gamma must increase")
    short = "schedule.t..gamma must have the shape of t, .1001"
    refuses(lambda t: Noise.from_gamma((9 * t - 6)[1:], 9), short)


@pytest.mark.parametrize("low, high", [(0.01, 0), (0, 0.01), (-0.01, 0), (0, -0.01)])
def test_a_schedule_keeps_its_end_points(low, high):
    schedule = Schedule()
    schedule.gamma = lambda t: -13.3 + 18.3 * t + low * (1 - t) + high * t
    refuses(schedule, "must increase from -13.3 to 5; got")
    schedule.gamma = lambda t: -13.3 + 18.3 * t + (low * (1 - t) + high * t) / 100
    check_schedule(schedule, torch.zeros((), dtype=F64))


def test_a_schedule_returns_noise_of_tensors():
    for wrong in (LinearSchedule, 3.0, lambda t: t, lambda t: (t, t, t, t)):
        with pytest.raises(TypeError, match="schedule must be a Schedule"):
            check_schedule(wrong, torch.zeros(()))
    with pytest.raises(TypeError, match="schedule.t..rate must be a tensor"):
        check_schedule(lambda t: Noise(t, t, t, 1.0), torch.zeros(()))


def test_a_schedule_of_ones_own_says_gamma_of_t():
    own = Schedule()
    for gamma, error in (
        (lambda t: 3.0, TypeError), (lambda t: t[:1], ValueError), (lambda t: t.sum(), ValueError)
    ):  # fmt: skip
        own.gamma = gamma
        with pytest.raises(error, match="^gamma.t. must"):
            own(T)
    with pytest.raises(NotImplementedError, match="Schedule must have a method gamma"):
        Schedule()(T)
    with pytest.raises(TypeError, match="^Schedule must have a method gamma"):
        check_schedule(Schedule(), T)


@pytest.mark.parametrize("name", ["linear", "learned", "cosine"])
def test_a_model_may_be_built_and_used_in_inference_mode(name):
    with torch.inference_mode():
        model = build(ModelConfig("identity", "tiny", name, shape=(2,)))
        assert sample(model, 3, 2).shape == (3, 2)
    check_schedule(model.schedule, T)  # outside, its parameters are of that mode


# --- where it begins ------------------------------------------------------------------------------


def first_gamma(model):
    return model.schedule(torch.zeros(())).gamma.item()


@pytest.mark.parametrize("levels", [256, 64, 17])
def test_gamma_min_keeps_the_price_of_a_level(levels):
    """An interior level costs 0.010453 bits, an end level half of it."""
    bits = reconstruction_by_level(gamma_min_for(levels), levels) / math.log(2)
    torch.testing.assert_close(bits[1:-1], torch.full_like(bits[1:-1], 0.010453), rtol=0, atol=5e-7)
    torch.testing.assert_close(bits[[0, -1]], bits[1:3] / 2, rtol=1e-6, atol=0)


@pytest.mark.parametrize("levels", [256, 64, 17, 2])
def test_without_a_schedule_gamma_begins_where_the_levels_say(levels):
    wanted = -13.3 + 2 * math.log(256 / levels)
    config = ModelConfig("scaling", "tiny", shape=(2,), levels=levels)
    assert config.gamma_min == pytest.approx(wanted) and ModelConfig(**asdict(config)) == config
    built = build(config)
    assert first_gamma(DiffEnc(MLP(8, 1), levels=levels)) == pytest.approx(wanted, rel=1e-6)
    assert first_gamma(built) == pytest.approx(wanted, rel=1e-6)
    assert built.denoiser.embed.end_points(torch.zeros(()))[0] == config.gamma_min
    for own in (LinearSchedule(), CosineSchedule(-9, 3)):  # taken as it is
        assert DiffEnc(MLP(8, 1), schedule=own, levels=levels).schedule is own
    assert build(replace(config, gamma_min=-13.3)).schedule.gamma_min == -13.3


def warned(model, top=None):
    """What train alone warns of, each time at the line that calls it."""
    top = model.levels - 1 if top is None else top
    points = torch.tensor([[0, top], [top, 1]], dtype=torch.uint8)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        evaluate(model, points)
        assert not seen
        train(model, points, TrainConfig(1, batch=4))
        *_, _ = train_steps(model, points, TrainConfig(1, batch=4))
    told = [warning for warning in seen if warning.category is UserWarning]
    assert {warning.filename for warning in told} <= {__file__}
    texts = [str(warning.message) for warning in told]
    assert texts[: len(texts) // 2] == texts[len(texts) // 2 :]
    return texts[: len(texts) // 2]


def test_train_warns_of_ends_that_do_not_fit():
    def made(low, levels=17, reads=None):
        schedule = LinearSchedule(low)
        return DiffEnc(
            MLP(8, 1, schedule=schedule if reads is None else reads), None, schedule, levels
        )

    right = gamma_min_for(17)
    for fits in (made(right), made(right + 0.99), made(right - 0.99), made(-13.3, 256)):
        assert warned(fits) == []
    for low in (right - 1.01, right + 1.01):
        (told,) = warned(made(low))
        assert f"gamma = {low:.4g}; for 17 levels {right:.4g}" in told
    (told,) = warned(DiffEnc(MLP(8, 1), levels=17))
    assert f"reads gamma from -13.3 to 5, and the schedule goes from {right:.4g} to 5" in told
    assert len(warned(made(-13.3, reads=LinearSchedule(-12)))) == 2


def test_train_warns_of_images_with_far_fewer_levels_than_the_model():
    for levels in (256, 64):
        model = DiffEnc(MLP(8, 1, schedule=LinearSchedule(gamma_min_for(levels))), levels=levels)
        assert warned(model, levels // 4 - 1) == []
        (told,) = warned(model, levels // 4 - 2)
        assert f"levels 0 to {levels // 4 - 2} of {levels}: is " in told
        assert f"levels={levels // 4 - 1} meant" in told
