"""Bad input gets one clear error: it names the argument, what was given and what is accepted."""

import math
import re

import pytest
import torch
from torch import nn

from diffenc_lite import (
    CosineSchedule,
    DiffEnc,
    Encoding,
    LearnedEncoder,
    LearnedSchedule,
    LinearSchedule,
    ModelConfig,
    Noise,
    ScalingEncoder,
    TrainConfig,
    bound,
    build,
    elbo,
    pixels,
    sample,
    train,
)

IMAGES = torch.tensor([[0, 255], [100, 200], [3, 4]], dtype=torch.uint8)
NAN = float("nan")


class Cut(nn.Module):
    """Returns one dimension too few."""

    def forward(self, z, gamma):
        return z[:, :1]


@pytest.fixture
def model(small_model):
    return small_model(dtype=torch.float32)


def refuses(call, error, *words):
    """`call` raises `error`, and its message has each of the words, in this order."""
    with pytest.raises(error) as raised:
        call()
    assert re.search(".*".join(map(re.escape, words)), str(raised.value), re.DOTALL), raised.value


class Convolution(nn.Module):
    """A denoiser of one's own, which does not say what shape it takes."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, z, gamma):
        return self.layer(z)


# --- images ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "images, words",
    [
        (IMAGES.float(), ["uint8", "0 to 255", "float32"]),
        (IMAGES.long(), ["uint8", "0 to 255", "int64"]),
        (torch.full((3, 2), NAN), ["uint8", "float32", "NaN"]),
    ],
)
def test_images_of_another_dtype(images, words, model):
    refuses(lambda: elbo(model, images), TypeError, "images", *words)
    refuses(lambda: pixels.to_unit(images), TypeError, "images", *words)


def test_images_out_of_range_of_the_levels(small_model):
    model = small_model(levels=16)
    refuses(lambda: elbo(model, IMAGES), ValueError, "images", "0 to 15", "levels=16", "255")
    elbo(model, IMAGES // 16)


@pytest.mark.parametrize("shape", [(3, 3), (3, 1, 2), (3, 1)])
def test_images_of_another_shape_than_the_model(shape, model):
    images = torch.zeros(shape, dtype=torch.uint8)
    refuses(lambda: elbo(model, images), ValueError, "images", "(B, 2)", str(shape))


def test_what_is_no_tensor(model):
    refuses(lambda: elbo(model, IMAGES.numpy()), TypeError, "images", "uint8", "ndarray")
    refuses(lambda: elbo(model, IMAGES, t=0.5), ValueError, "t must", "(3,)", "0.5")
    refuses(lambda: elbo(model, IMAGES, noise=[1.0]), ValueError, "noise", "(3, 2)", "(1,)")
    refuses(lambda: model.schedule(0.5), TypeError, "t must be a tensor", "0.5")
    refuses(lambda: DiffEnc(Cut(), schedule="fixed"), TypeError, "schedule", "Linear", "str")


@pytest.mark.parametrize("shape", [(2,), (0, 2)])
def test_images_without_a_batch(shape, model):
    images = torch.zeros(shape, dtype=torch.uint8)
    refuses(lambda: elbo(model, images), ValueError, "images", "(B, ...)", str(shape))


@pytest.mark.parametrize(
    "shape, hint",
    [
        ((1, 8, 8), "write images[None]"),
        ((4, 8, 8, 1), "write images.permute(0, 3, 1, 2)"),
        ((4, 8, 8), "write images[:, None]"),
        ((4, 1, 9, 8), ""),
    ],
)
def test_a_shape_that_is_often_given_gets_a_hint(shape, hint):
    images = torch.zeros(shape, dtype=torch.uint8)
    model = build(ModelConfig(size="tiny", shape=(1, 8, 8)))
    refuses(lambda: elbo(model, images), ValueError, "images", "(B, 1, 8, 8)", str(shape), hint)
    refuses(lambda: train(model, images, TrainConfig(1)), ValueError, "images", str(shape), hint)


@pytest.mark.parametrize(
    "shape, hint", [((4, 8, 8), "images[:, None]"), ((4, 8, 8, 1), "images.permute(0, 3, 1, 2)")]
)
def test_a_denoiser_of_ones_own_that_fails_says_on_what(shape, hint):
    images = torch.zeros(shape, dtype=torch.uint8)
    refuses(
        lambda: elbo(DiffEnc(Convolution()), images),
        ValueError, "denoiser(z, gamma) failed on z", str(shape), hint,
    )  # fmt: skip


@pytest.mark.parametrize("levels", [1, 0, 257, 2.5])
def test_levels(levels):
    refuses(lambda: DiffEnc(Cut(), levels=levels), ValueError, "levels", "2 to 256", str(levels))


def test_nan_does_not_become_a_level():
    refuses(lambda: pixels.to_levels(torch.tensor([0.0, NAN])), ValueError, "x", "NaN")


# --- depth and schedule ---------------------------------------------------------------------------


@pytest.mark.parametrize("t", [-0.1, 1.0001, NAN, math.inf])
def test_t_outside_the_unit_interval(t, model):
    depths = torch.tensor([0.5, t, 0.2])
    refuses(lambda: elbo(model, IMAGES, t=depths), ValueError, "t must", "[0, 1]", "got")
    refuses(lambda: elbo(model, IMAGES, steps=3, t=depths), ValueError, "t must", "[0, 1]", "got")
    refuses(lambda: model.schedule(depths), ValueError, "t must", "[0, 1]", "got")


@pytest.mark.parametrize("shape", [(), (1,), (2,), (3, 1)])
def test_t_of_another_shape(shape, model):
    t = torch.full(shape, 0.5)
    refuses(lambda: elbo(model, IMAGES, t=t), ValueError, "t must", "(3,)", str(shape))


@pytest.mark.parametrize("schedule", [LinearSchedule, LearnedSchedule])
@pytest.mark.parametrize("ends", [(1.0, 1.0), (2.0, -1.0), (NAN, 1.0), (0.0, math.inf)])
def test_gamma_min_must_be_smaller(schedule, ends):
    refuses(
        lambda: schedule(*ends), ValueError, "gamma_min", "smaller", "gamma_max", f"={ends[0]}",
        f"={ends[1]}",
    )  # fmt: skip


def test_a_step_must_go_down(model):
    x, s, t = torch.zeros(2, 2), torch.tensor([0.1, 0.5]), torch.tensor([0.2, 0.5])
    refuses(lambda: bound.step_loss(model, x, s, t, x), ValueError, "s must", "smaller than t")


# --- steps, ratio, grid ---------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [0, -1, 1.5, 3.0, True, "3"])
def test_steps_must_be_a_whole_number(steps, model):
    words = ["steps must", ">= 1", repr(steps)]
    refuses(lambda: elbo(model, IMAGES, steps=steps), ValueError, *words)
    refuses(lambda: sample(model, 2, steps), ValueError, *words)


def test_steps_may_come_from_numpy(model):
    steps = pytest.importorskip("numpy").int64(3)
    assert elbo(model, IMAGES, steps=steps, every_step=True).total.shape == (3,)
    assert sample(model, 2, steps).shape == (2, 2)


@pytest.mark.parametrize("ratio", [0.0, -1.0, NAN, math.inf, torch.tensor([1.0, 0.0, 2.0])])
def test_ratio_must_be_positive(ratio, model):
    words = ["ratio", "positive", "got"]
    refuses(lambda: elbo(model, IMAGES, steps=3, ratio=ratio), ValueError, *words)
    refuses(lambda: sample(model, 2, 3, ratio), ValueError, *words)


@pytest.mark.parametrize("ratio", [0.0, -1.0, NAN])
def test_ratio_of_a_single_step_must_be_positive(ratio, model):
    x, s, t = torch.zeros(1, 2), torch.tensor([0.1]), torch.tensor([0.5])
    words = ["ratio", "positive", str(ratio)]
    refuses(lambda: bound.step_loss(model, x, s, t, x, ratio), ValueError, *words)


@pytest.mark.parametrize("shape", [(2,), (4,), (3, 1)])
def test_ratio_has_one_entry_per_step(shape, model):
    ratio, words = torch.ones(shape), ["ratio", "(3,)", str(shape)]
    refuses(lambda: elbo(model, IMAGES, steps=3, ratio=ratio), ValueError, *words)
    refuses(lambda: sample(model, 2, 3, ratio), ValueError, *words)


@pytest.mark.parametrize("ratio", [0.5, 2.0, torch.tensor([1.0, 0.9]), "optimal"])
def test_ratio_other_than_one_at_infinite_depth(ratio, model):
    """The error explains W2 and what to do."""
    words = ["ratio must be 1", "infinite depth", str(ratio), "T (d/2)(w - 1 - ln w)", "steps=T"]
    refuses(lambda: elbo(model, IMAGES, ratio=ratio), ValueError, *words)


def test_ratio_by_an_unknown_name(model):
    refuses(
        lambda: elbo(model, IMAGES, steps=2, ratio="best"), ValueError, "ratio", '"optimal"', "best"
    )


def test_sampling_needs_a_fitted_ratio(model):
    refuses(lambda: sample(model, 2, 3, "optimal"), ValueError, "ratio", "(3,)", "optimal")


@pytest.mark.parametrize(
    "grid",
    [
        [0, 0.5, 0.5, 1],
        [0, 0.7, 0.5, 1],
        [1, 0.7, 0.5, 0],
        [0.1, 0.5, 0.7, 1],
        [0, 0.5, 0.7, 0.9],
        [0, NAN, 0.7, 1],
    ],
)
def test_grid_must_increase_from_0_to_1(grid, model):
    grid, words = torch.tensor(grid), ["grid must increase from 0 to 1", "got"]
    refuses(lambda: elbo(model, IMAGES, steps=3, grid=grid), ValueError, *words)
    refuses(lambda: sample(model, 2, 3, grid=grid), ValueError, *words)


def test_grid_has_one_end_more_than_steps(model):
    grid, words = torch.linspace(0, 1, 4), ["grid", "(5,)", "4 steps", "(4,)"]
    refuses(lambda: elbo(model, IMAGES, steps=4, grid=grid), ValueError, *words)
    refuses(lambda: sample(model, 2, 4, grid=grid), ValueError, *words)


@pytest.mark.parametrize("options", [{"every_step": True}, {"grid": torch.linspace(0, 1, 3)}])
def test_infinite_depth_has_no_steps(options, model):
    refuses(lambda: elbo(model, IMAGES, **options), ValueError, "every_step and grid", "steps=T")


# --- noise, networks, sampling --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["noise", "noise_0"])
@pytest.mark.parametrize("shape", [(3, 1), (1, 2), (2,), (3, 2, 1)])
def test_noise_of_another_shape(name, shape, model):
    given = {name: torch.zeros(shape)}
    for options in ({}, {"steps": 2}, {"steps": 2, "every_step": True, "ratio": "optimal"}):
        refuses(
            lambda o=options: elbo(model, IMAGES, **given, **o),
            ValueError, name, "(3, 2)", str(shape),
        )  # fmt: skip


def test_denoiser_that_returns_another_shape():
    model, words = DiffEnc(Cut(), shape=(2,)), ["denoiser", "shape of z", "(3, 2)", "(3, 1)"]
    refuses(lambda: elbo(model, IMAGES), ValueError, *words)
    refuses(lambda: elbo(model, IMAGES, steps=3), ValueError, *words)
    refuses(lambda: sample(model, 3, 2), ValueError, *words)


def test_encoder_network_that_returns_another_shape(model):
    encoder = LearnedEncoder(Cut())
    x, gamma, words = (
        torch.zeros(3, 2),
        torch.zeros(3),
        ["network", "shape of x", "(3, 2)", "(3, 1)"],
    )
    refuses(lambda: encoder(x, gamma), ValueError, *words)
    refuses(lambda: encoder.shift(x, gamma), ValueError, *words)
    refuses(lambda: elbo(DiffEnc(model.denoiser, encoder), IMAGES), ValueError, "network")


def test_something_else_as_an_encoder():
    refuses(lambda: DiffEnc(Cut(), Cut()), TypeError, "encoder must be", "LearnedEncoder", "Cut")


@pytest.mark.parametrize("n", [0, -2, 1.5])
def test_number_of_images_to_sample(n, model):
    refuses(lambda: sample(model, n, 2), ValueError, "n must be", "at least 1", str(n))


def test_sampling_without_a_known_shape():
    refuses(lambda: sample(DiffEnc(Cut()), 2, 2), ValueError, "shape", "(1, 28, 28)")


# --- parts of one's own ---------------------------------------------------------------------------


def test_what_is_no_denoiser():
    refuses(lambda: DiffEnc(lambda z, gamma: z), TypeError, "denoiser", "nn.Module", "function")


@pytest.mark.parametrize(
    "encoder, words",
    [
        (Convolution(), ["LearnedEncoder(network)", "got Convolution", "no shift"]),
        (ScalingEncoder, ["ScalingEncoder", "a class"]),
        (3, ["got int", "no __call__ and no shift"]),
    ],
)
def test_what_is_no_encoder(encoder, words):
    refuses(lambda: DiffEnc(Cut(), encoder), TypeError, "encoder must be", *words)


class Short(nn.Module):
    """An encoder that loses a dimension."""

    def shift(self, x, gamma):
        return torch.zeros_like(x)

    def forward(self, x, gamma):
        return Encoding(x[:, :1], x)


def test_an_encoder_of_another_shape(model):
    short = DiffEnc(model.denoiser, Short())
    refuses(lambda: elbo(short, IMAGES), ValueError, "encoder(x, gamma)", "(3, 2)", "(3, 1)")


@pytest.mark.parametrize(
    "layer", [nn.BatchNorm2d(4), nn.InstanceNorm2d(4, track_running_stats=True)]
)
def test_running_averages_do_not_go_with_forward_mode(layer):
    network = nn.Sequential(nn.Conv2d(1, 4, 3), layer)
    refuses(lambda: LearnedEncoder(network), ValueError, type(layer).__name__, "'1'", "GroupNorm")
    assert LearnedEncoder(nn.Sequential(nn.Conv2d(1, 4, 3), nn.GroupNorm(2, 4)))


def test_a_learned_encoder_needs_a_network():
    refuses(lambda: LearnedEncoder(torch.tanh), TypeError, "network", "nn.Module", "builtin")


@pytest.mark.parametrize(
    "schedule, error, words",
    [
        (lambda t: t, TypeError, ["schedule(t) -> Noise", "which returned Tensor"]),
        (LinearSchedule, TypeError, ["LinearSchedule()", "type"]),
        (lambda t: Noise.from_gamma(9 * t), ValueError, ["rate = dgamma/dt", "= 9", "got 1"]),
        (lambda t: Noise.from_gamma(-t, -1 + 0 * t), ValueError, ["increases with t", "-1 to"]),
        (lambda t: Noise.from_gamma(t.log(), 1 / t), ValueError, ["finite gamma", "-inf"]),
        (lambda t: Noise.from_gamma(t[:1]), ValueError, ["(1001,)", "(1,)"]),
    ],
)
def test_what_is_no_schedule(schedule, error, words):
    refuses(lambda: DiffEnc(Cut(), schedule=schedule), error, "schedule", *words)


def test_a_cosine_schedule_has_end_points_too():
    refuses(lambda: CosineSchedule(3.0, 3.0), ValueError, "gamma_min must be smaller", "3.0")


# --- training -------------------------------------------------------------------------------------


def test_a_number_is_no_configuration(model):
    refuses(lambda: train(model, IMAGES, 200), TypeError, "config", "got 200", "TrainConfig(200)")


def test_a_small_batch_has_small_ends():
    assert TrainConfig(5, batch=8).first == 8 and TrainConfig(5).first == 16
    assert TrainConfig(5, batch=8, ends=2).first == 2
    refuses(lambda: TrainConfig(5, batch=8, ends=9), ValueError, "ends", "8", "9")


def test_a_training_that_nobody_loops_over_says_so(model):
    with pytest.warns(RuntimeWarning, match="never looped over.*run()"):
        train(model, IMAGES, TrainConfig(2, batch=2))


def test_a_training_runs_and_says_where_it_stands(model):
    run = train(model, IMAGES, TrainConfig(2, batch=2))
    assert repr(run) == "train(update 0 of 2; it goes on while it is looped over, or by .run())"
    last = run.run()
    assert last.update == 2 and "update 2 of 2" in repr(run)
    assert "\n" not in repr(last) and repr(last).startswith("Progress(update 2 of 2: ")
