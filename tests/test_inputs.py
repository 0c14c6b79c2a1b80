"""Bad input gets one clear error: it names the argument, what was given and what is accepted."""

import json
import math
import operator
import re

import numpy as np
import pytest
import sympy
import torch
from torch import nn

from diffenc_lite import (
    MLP,
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
    best_time_grid,
    bound,
    build,
    check_encoder,
    edge_costs,
    elbo,
    evaluate,
    evenly,
    fit,
    load_mnist,
    optimal_ratio,
    pixels,
    sample,
    squared_gaps,
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


@pytest.mark.parametrize(
    "shape, hint", [((4, 8, 8), "images[:, None]"), ((4, 8, 8, 1), "images.permute(0, 3, 1, 2)")]
)
def test_so_does_the_network_of_an_encoder(shape, hint):
    images = torch.zeros(shape, dtype=torch.uint8)
    model = DiffEnc(Convolution(), LearnedEncoder(Convolution()))
    refuses(
        lambda: elbo(model, images),
        ValueError, "encoder's network(x, gamma) failed on x", str(shape), hint,
    )  # fmt: skip


@pytest.mark.parametrize(
    "call",
    [
        elbo,
        evaluate,
        lambda model, images: optimal_ratio(model, images, 2),
        lambda model, images: best_time_grid(model, images, 2, 4),
        lambda model, images: train(model, images, TrainConfig(1)),
        lambda model, images: train(model, IMAGES, TrainConfig(1), held_out=images),
    ],
)
def test_what_is_no_tensor_of_images(call, model):
    data = load_mnist("test", "bundled")
    refuses(lambda: call(model, data), TypeError, "uint8", "got ImageSet", ".images")
    refuses(lambda: call(model, IMAGES.numpy()), TypeError, "uint8", "got ndarray")
    refuses(lambda: call(model, (IMAGES, IMAGES)), TypeError, "uint8", "got tuple")


@pytest.mark.parametrize("levels", [1, 0, 257, 2.5])
def test_levels(levels):
    refuses(
        lambda: DiffEnc(Cut(), levels=levels),
        ValueError,
        "levels must be",
        "from 2 to 256",
        str(levels),
    )


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


# --- whole numbers --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call, name",
    [
        (lambda m, n: sample(m, n, 2), "n"),
        (lambda m, n: sample(m, 2, n), "steps"),
        (lambda m, n: evaluate(m, IMAGES, passes=n), "passes"),
        (lambda m, n: evaluate(m, IMAGES, batch=n), "batch"),
        (lambda m, n: evenly(IMAGES, n), "n"),
        (lambda m, n: fit(m, IMAGES, 2, draws=n), "draws"),
        (lambda m, n: edge_costs(m, IMAGES, n), "resolution"),
        (lambda m, n: TrainConfig(n), "updates"),
        (lambda m, n: TrainConfig(5, batch=n), "batch"),
    ],
)
def test_whole_numbers(call, name, model):
    """Of NumPy, SymPy and torch too; no bool, no float, however whole."""
    for n in (0, -2, 1.5, 2.0, True, "3", None, np.float64(2)):
        if (name, n) == ("steps", None):
            continue
        refuses(lambda n=n: call(model, n), ValueError, f"{name} must be a whole number", repr(n))
    for n in (np.int64(2), sympy.Integer(2), torch.tensor(2), json.loads("2")):
        call(model, n)


# --- ratio ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ratio", [0.0, -1.0, NAN])
def test_ratio_of_a_single_step_must_be_positive(ratio, model):
    x, s, t = torch.zeros(1, 2), torch.tensor([0.1]), torch.tensor([0.5])
    words = ["ratio", "positive", str(ratio)]
    refuses(lambda: bound.step_loss(model, x, s, t, x, ratio), ValueError, *words)


# --- noise, networks, sampling --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["noise", "noise_0"])
@pytest.mark.parametrize("shape", [(3, 1), (1, 2), (2,), (3, 2, 1)])
def test_noise_of_another_shape(name, shape, model):
    given = {name: torch.zeros(shape)}
    for options in ({}, {"steps": 2}, {"steps": 2, "every_step": True}):
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


class Returns(nn.Module):
    """A network, or an encoder, that returns whatever it is told."""

    def __init__(self, returned, shift=0.0):
        super().__init__()
        self.returned, self.shifted = returned, shift

    def shift(self, x, gamma):
        return self.shifted

    def forward(self, x, gamma):
        return self.returned


@pytest.mark.parametrize("returned, name", [(None, "NoneType"), ((IMAGES, IMAGES), "tuple")])
def test_a_network_returns_a_tensor(returned, name, model):
    words = ["must be a tensor in the shape of", "(3, 2)", f"got {name}"]
    refuses(lambda: elbo(DiffEnc(Returns(returned)), IMAGES), TypeError, "denoiser(z", *words)
    encoder = LearnedEncoder(Returns(returned))
    refuses(lambda: elbo(DiffEnc(model.denoiser, encoder), IMAGES), TypeError, "network(x", *words)


@pytest.mark.parametrize("steps", [None, 2])
def test_an_encoder_returns_an_encoding_and_a_shift(steps, model):
    x = torch.zeros(2, 2)  # two examples: a tensor of them could be taken for x_t and u
    no_encoding = DiffEnc(model.denoiser, Returns(x, shift=torch.zeros_like))
    refuses(
        lambda: no_encoding.encode(x, x[0]),
        TypeError,
        "encoder(x, gamma)",
        "Encoding",
        "got Tensor",
    )
    for shift, error, got in ((0.0, TypeError, "float"), (x[:, :1], ValueError, "(2, 1)")):
        wrong = DiffEnc(model.denoiser, Returns(Encoding(x, x), shift))
        refuses(
            lambda m=wrong: elbo(m, IMAGES[:2], steps),
            error, "encoder.shift(x, gamma)", "shape of x", got,
        )  # fmt: skip


class Halved(nn.Module):
    """x_t = x - sigma_t^2 x / 2, so u = alpha_t^2 x / 2; or something else for either."""

    def __init__(self, x_t=1.0, u=1.0):
        super().__init__()
        self.factors = x_t, u

    def shift(self, x, gamma):
        return -0.5 * Noise.from_gamma(gamma).like(x).sigma.square() * x

    def forward(self, x, gamma):
        x_t, u = self.factors
        alpha2 = Noise.from_gamma(gamma).like(x).alpha.square()
        return Encoding(x_t * (x + self.shift(x, gamma)), u * 0.5 * alpha2 * x)


@pytest.mark.parametrize("n", [1, 5])
def test_an_encoder_can_be_checked(n):
    x = torch.linspace(-1, 1, 3 * n).reshape(n, 3) + 0.1
    for right in (Halved(), ScalingEncoder(), LearnedEncoder(MLP(8, 1, (3,), encoder=True))):
        check_encoder(right, x)
    refuses(lambda: check_encoder(Halved(x_t=1.1), x), ValueError, "x_t = x + shift", "differ")
    for u in (0.0, -1.0, 2.0):
        refuses(lambda u=u: check_encoder(Halved(u=u), x), ValueError, "sigma_t^2 u", "differ")


def test_a_formula_for_the_change_of_an_encoding_is_checked_too():
    class Scaled(ScalingEncoder):
        def __init__(self, *factors):
            super().__init__()
            self.factors = factors

        def change(self, *arguments):
            return tuple(map(operator.mul, self.factors, super().change(*arguments)))

    x = torch.linspace(-1, 1, 12).reshape(4, 3)
    check_encoder(Scaled(1, 1), x)
    for wrong in (Scaled(1, -1), Scaled(1.1, 1)):
        refuses(lambda e=wrong: check_encoder(e, x), ValueError, "encoder must have change")


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
        (
            lambda t: Noise.from_gamma(-t, -1),
            ValueError,
            ["increases with t", "gamma(0) = ", "gamma(1) = -1"],
        ),
        (lambda t: Noise.from_gamma(t.log(), 1 / t), ValueError, ["finite gamma", "-inf"]),
        (lambda t: Noise.from_gamma(t[:1]), ValueError, [".gamma must", "(1001,)", "(1,)"]),
        (lambda t: Noise(t, t, t, 1.0), TypeError, [".rate must", "(1001,)", "1.0"]),
        (lambda t: Noise(t, 0 * t + 1, t.exp(), 0 * t + 1), ValueError, ["variance", "alpha"]),
    ],
)
def test_what_is_no_schedule(schedule, error, words):
    refuses(lambda: DiffEnc(Cut(), schedule=schedule), error, "schedule", *words)


def test_a_rate_may_be_a_number():
    t = torch.linspace(0, 1, 5)
    torch.testing.assert_close(Noise.from_gamma(9 * t, 9).rate, torch.full((5,), 9.0))
    assert DiffEnc(Cut(), schedule=lambda t: Noise.from_gamma(9 * t - 6, 9))


def test_a_cosine_schedule_has_end_points_too():
    refuses(lambda: CosineSchedule(3.0, 3.0), ValueError, "gamma_min must be smaller", "3.0")


# --- training -------------------------------------------------------------------------------------


def test_a_number_is_no_configuration(model):
    refuses(lambda: train(model, IMAGES, 200), TypeError, "config", "got 200", "TrainConfig(200)")


def test_a_small_batch_has_small_ends():
    assert TrainConfig(5, batch=8).first == 8 and TrainConfig(5).first == 16
    assert TrainConfig(5, batch=8, ends=2).first == 2
    refuses(lambda: TrainConfig(5, batch=8, ends=9), ValueError, "ends", "8", "9")


@pytest.mark.parametrize(
    "field, given, accepted",
    [
        ("lr", "1e-3", "a number above 0; got '1e-3'"),
        ("lr", math.inf, "a number above 0; got inf"),
        ("lr", 0, "a number above 0; got 0"),
        ("ema", 1.0, "a number in [0, 1); got 1.0"),
        ("ema", None, "a number in [0, 1); got None"),
        ("weight_decay", -1, "a number of at least 0; got -1"),
        ("betas", 0.9, "two numbers in [0, 1); got 0.9"),
        ("betas", (0.9,), "two numbers in [0, 1); got (0.9,)"),
        ("betas", (0.9, 1.0), "two numbers in [0, 1); got 1.0"),
    ],
)
def test_a_training_is_told_numbers(field, given, accepted):
    fields = {"updates": 2, field: given}
    refuses(lambda: TrainConfig(**fields), ValueError, f"{field} must be {accepted}")


def test_numbers_of_sympy_become_floats():
    config = TrainConfig(2, lr=sympy.Rational(1, 4), betas=(sympy.Float(0.5), 0.9))
    assert type(config.lr) is type(config.betas[0]) is float
    assert LinearSchedule(sympy.Integer(-3), 2).gamma_min == -3.0


def test_a_network_is_no_model():
    calls = {
        elbo: (IMAGES,), evaluate: (IMAGES,), sample: (2, 3), fit: (IMAGES, 3),
        squared_gaps: ([IMAGES / 9], 3), edge_costs: (IMAGES, 3),
    }  # fmt: skip
    for call, arguments in calls.items():
        refuses(lambda: call(Cut(), *arguments), TypeError, "model must be a DiffEnc", "got Cut")  # noqa: B023


def test_shapes_and_ends_are_told(model):
    for shape in (2, (), "ab", (1, 0, 4), (2.0,)):
        refuses(lambda: DiffEnc(Cut(), shape=shape), ValueError, "shape must be")  # noqa: B023
        refuses(lambda: ModelConfig(shape=shape), ValueError, "shape must be")  # noqa: B023
    refuses(lambda: ModelConfig(dropout="a"), ValueError, "dropout must be in [0, 1)", "'a'")
    refuses(lambda: LinearSchedule("a", 5), ValueError, "gamma_min must be", "'a'")
    refuses(lambda: elbo(model, IMAGES, 2, every_step="no"), ValueError, "True or False", "'no'")


def test_a_training_needs_a_model_and_enough_images(model):
    refuses(lambda: train(Cut(), IMAGES, TrainConfig(1)), TypeError, "DiffEnc", "got Cut")
    config = TrainConfig(1)
    refuses(
        lambda: train(model, IMAGES, config, held_out=IMAGES[:1]),
        ValueError, "held_out must have at least 2 images", "got 1",
    )  # fmt: skip


def test_a_name_is_no_model_configuration():
    refuses(lambda: build("learned"), TypeError, "config must be a ModelConfig", "'learned'")


@pytest.mark.parametrize("call", [elbo, sample, optimal_ratio])
def test_a_seed_is_no_generator(call, model):
    what = {elbo: (IMAGES,), sample: (2, 3), optimal_ratio: (IMAGES, 3)}[call]
    model.shape = (2,)
    refuses(lambda: call(model, *what, generator=0), TypeError, "generator", "manual_seed", "got 0")
