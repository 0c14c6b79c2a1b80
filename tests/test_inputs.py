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
    UNet,
    UNetConfig,
    best_time_grid,
    bound,
    build,
    check_encoder,
    constant_ratio,
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
NAN = math.nan
X, S, T = torch.zeros(2, 2), torch.tensor([0.1, 0.2]), torch.tensor([0.5, 0.7])


def refuses(error, words, call, *arguments, **options):
    """The call raises `error`; its message has the words, which bars separate, in this order."""
    with pytest.raises(error) as raised:
        call(*arguments, **options)
    pattern = ".*".join(map(re.escape, words.split(" | ")))
    assert re.search(pattern, str(raised.value), re.DOTALL), raised.value


@pytest.fixture
def model(small_model):
    return small_model(dtype=torch.float32)


def blank(*shape):
    return torch.zeros(shape, dtype=torch.uint8)


class Returns(nn.Module):
    """A network, or an encoder, that returns whatever it is told."""

    def __init__(self, returned=None, shift=0.0):
        super().__init__()
        self.returned, self.shifted = returned, shift

    def shift(self, x, gamma):
        return self.shifted

    def forward(self, x, gamma):
        return self.returned


class Cut(nn.Module):
    """Returns one dimension too few."""

    def forward(self, z, gamma):
        return z[:, :1]


class Convolution(nn.Module):
    """A denoiser of one's own, which does not say what shape it takes."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, z, gamma):
        return self.layer(z)


# --- images ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call, name",
    [
        (elbo, "images"),
        (evaluate, "images"),
        (lambda model, images: optimal_ratio(model, images, 2), "images"),
        (lambda model, images: best_time_grid(model, images, 2, 4), "images"),
        (lambda model, images: train(model, images, TrainConfig(1)), "images"),
        (lambda model, images: train(model, IMAGES, TrainConfig(1), held_out=images), "held_out"),
    ],
)
def test_images(call, name, small_model):
    model, coarse = small_model(dtype=torch.float32), small_model(dtype=torch.float32, levels=16)
    for images, words in (
        (IMAGES.float(), "uint8 | 0 to 255 | float32"),
        (torch.full((3, 2), NAN), "uint8 | float32 | NaN"),
        (IMAGES.numpy(), "uint8 | got ndarray"),
        ((IMAGES, IMAGES), "uint8 | got tuple"),
        (load_mnist("test", "bundled"), "uint8 | got ImageSet | .images"),
    ):
        refuses(TypeError, f"{name} must | {words}", call, model, images)
    for shape in ((3, 3), (3, 1, 2), (3, 1)):
        refuses(ValueError, f"{name} must | (B, 2) | {shape}", call, model, blank(*shape))
    for shape in ((2,), (0, 2)):
        refuses(ValueError, f"{name} must | (B, ...) | {shape}", call, model, blank(*shape))
    if name == "images":
        refuses(ValueError, "images must | 0 to 15 | levels=16 | 255", call, coarse, IMAGES)


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
    model = build(ModelConfig(size="tiny", shape=(1, 8, 8)))
    refuses(ValueError, f"images | (B, 1, 8, 8) | {shape} | {hint}", elbo, model, blank(*shape))


@pytest.mark.parametrize("shape, hint", [((4, 8, 8), "[:, None]"), ((4, 8, 8, 1), ".permute(0, 3")])
@pytest.mark.parametrize(
    "encoder, failed",
    [
        (None, "denoiser(z, gamma) failed on z"),
        (LearnedEncoder(Convolution()), "encoder's network(x, gamma) failed on x"),
    ],
)
def test_a_network_of_ones_own_that_fails_says_on_what(encoder, failed, shape, hint):
    words = f"{failed} | {shape} | images{hint}"
    refuses(ValueError, words, elbo, DiffEnc(Convolution(), encoder), blank(*shape))


# --- numbers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("t", [-0.1, 1.0001, NAN, math.inf])
def test_t_outside_the_unit_interval(t, model):
    depths = torch.tensor([0.5, t, 0.2])
    for steps in (None, 3):
        refuses(ValueError, "t must | [0, 1] | got", elbo, model, IMAGES, steps, t=depths)
    refuses(ValueError, "t must | [0, 1] | got", model.schedule, depths)


@pytest.mark.parametrize("name", ["t", "noise", "noise_0"])
def test_draws_of_another_shape(name, model):
    wanted = "(3,)" if name == "t" else "(3, 2)"
    for shape in ((), (1,), (2,), (3, 1), (1, 2), (3, 2, 1)):
        words, given = f"{name} must | {wanted} | {shape}", {name: torch.full(shape, 0.5)}
        for options in ({}, {"steps": 2}, {"steps": 2, "every_step": True}):
            refuses(ValueError, words, elbo, model, IMAGES, **given, **options)


@pytest.mark.parametrize("schedule", [LinearSchedule, LearnedSchedule, CosineSchedule])
@pytest.mark.parametrize("low, high", [(1.0, 1.0), (2.0, -1.0), (NAN, 1.0), (0.0, math.inf)])
def test_gamma_min_must_be_smaller(schedule, low, high):
    refuses(ValueError, f"gamma_min | smaller | gamma_max | ={low} | ={high}", schedule, low, high)


@pytest.mark.parametrize(
    "call, name",
    [
        (lambda m, n: sample(m, n, 2), "n"),
        (lambda m, n: sample(m, 2, n), "steps"),
        (lambda m, n: evaluate(m, IMAGES, passes=n), "passes"),
        (lambda m, n: evaluate(m, IMAGES, batch=n), "batch"),
        (lambda m, n: evenly(IMAGES, n), "n"),
        (lambda m, n: fit(m, IMAGES, 2, draws=n), "draws"),
        (lambda m, n: fit(m, IMAGES, 2, batch=n), "batch"),
        (lambda m, n: edge_costs(m, IMAGES, n), "resolution"),
        (lambda m, n: best_time_grid(m, IMAGES, n, 4), "steps"),
        (lambda m, n: constant_ratio(1.0, n, 2), "steps"),
        (lambda m, n: constant_ratio(1.0, 2, n), "dims"),
        (lambda m, n: TrainConfig(n), "updates"),
        (lambda m, n: TrainConfig(5, batch=n), "batch"),
    ],
)
def test_whole_numbers(call, name, model):
    """Of NumPy, SymPy and torch too; no bool, no float, however whole."""
    for n in (0, -2, 1.5, 2.0, True, "3", None, np.float64(2)):
        if (name, n) != ("steps", None):  # infinite depth
            refuses(ValueError, f"{name} must be a whole number | {n!r}", call, model, n)
    for n in (np.int64(2), sympy.Integer(2), torch.tensor(2), json.loads("2")):
        call(model, n)


BAD_FIELDS = {
    "lr": ["1e-3", math.inf, NAN, 0],
    "ema": [1.0, -0.1, None],
    "weight_decay": [-1],
    "ends": [0],
    "steps": [0, 1.5, "8"],
    "evaluate_images": [1],
    **dict.fromkeys(["seed", "warmup"], [-1]),
    **dict.fromkeys(["log_every", "evaluate_every", "checkpoint_every"], [0, 5.5]),
}


@pytest.mark.parametrize("field", BAD_FIELDS)
def test_a_training_is_told_numbers(field):
    for given in BAD_FIELDS[field]:
        options = {"updates": 2, "batch": 16, field: given}
        refuses(ValueError, f"{field} must be", TrainConfig, **options)


def test_numbers_of_sympy_become_floats():
    assert LinearSchedule(sympy.Integer(-3), 2).gamma_min == -3.0


# --- one row a mistake ----------------------------------------------------------------------------

VALUES = [
    (lambda m: DiffEnc(Cut(), levels=1), "levels must be | from 2 to 256 | 1"),
    (lambda m: DiffEnc(Cut(), levels=257), "levels must be | from 2 to 256 | 257"),
    (lambda m: DiffEnc(Cut(), levels=2.5), "levels must be | from 2 to 256 | 2.5"),
    (lambda m: pixels.to_levels(torch.tensor([0.0, NAN])), "x | NaN"),
    (lambda m: evaluate(m, IMAGES[:1]), "images must be at least 2 | 1"),
    (lambda m: train(m, IMAGES, TrainConfig(1), held_out=IMAGES[:1]), "held_out | at least 2 | 1"),
    (lambda m: elbo(m, IMAGES, t=0.5), "t must | (3,) | 0.5"),
    (lambda m: elbo(m, IMAGES, noise=[1.0]), "noise | (3, 2) | (1,)"),
    (lambda m: elbo(m, IMAGES, 2, every_step="no"), "True or False | 'no'"),
    (lambda m: bound.step_loss(m, X, S, torch.tensor([0.2, 0.2]), X), "s must | smaller than t"),
    *[(lambda m, w=w: bound.step_loss(m, X, S, T, X, w), f"ratio | positive | {w}")
      for w in (0.0, -1.0, NAN)],
    (lambda m: elbo(DiffEnc(Cut()), IMAGES), "denoiser | shape of z | (3, 2) | (3, 1)"),
    (lambda m: elbo(DiffEnc(Cut()), IMAGES, 3), "denoiser | shape of z | (3, 2) | (3, 1)"),
    (lambda m: sample(DiffEnc(Cut(), shape=(2,)), 3, 2), "denoiser | shape of z | (3, 1)"),
    (lambda m: LearnedEncoder(Cut())(X, S), "network | shape of x | (2, 2) | (2, 1)"),
    (lambda m: LearnedEncoder(Cut()).shift(X, S), "network | shape of x | (2, 2) | (2, 1)"),
    (lambda m: sample(DiffEnc(Cut()), 2, 2), "shape | (1, 28, 28)"),
    *[(lambda m, made=made, given=shape: made(shape=given), "shape must be")
      for shape in (2, (), "ab", (1, 0, 4), (2.0,))
      for made in (ModelConfig, lambda shape: DiffEnc(Cut(), shape=shape))],
    (lambda m: ModelConfig(shape=(28, 28)), "shape must be (C, H, W) or (D,) | (28, 28)"),
    (lambda m: ModelConfig("none"), "encoder must be | identity, scaling, learned | 'none'"),
    (lambda m: ModelConfig(size="huge"), "size must be | tiny, small | 'huge'"),
    (lambda m: ModelConfig(schedule="square"), "schedule must be | fixed, learned | 'square'"),
    (lambda m: ModelConfig(dropout="a"), "dropout must be in [0, 1) | 'a'"),
    (lambda m: LinearSchedule("a", 5), "gamma_min must be | 'a'"),
    (lambda m: UNet(UNetConfig((8,), (1,)), (1, 8, 8))(X, S), "(B, 1, 8, 8) | got (2, 2)"),
    (lambda m: UNet(UNetConfig((8, 8), (1,))), "one entry per resolution"),
]  # fmt: skip
TYPES = [
    (lambda m: pixels.to_unit(IMAGES.long()), "images | uint8 | 0 to 255 | int64"),
    (lambda m: m.schedule(0.5), "t must be a tensor | 0.5"),
    (lambda m: DiffEnc(lambda z, gamma: z), "denoiser | nn.Module | function"),
    (lambda m: DiffEnc(Cut(), Convolution()), "LearnedEncoder(network) | Convolution | no shift"),
    (lambda m: DiffEnc(Cut(), ScalingEncoder), "encoder must be | ScalingEncoder | a class"),
    (lambda m: DiffEnc(Cut(), 3), "encoder must be | got int | no __call__ and no shift"),
    (lambda m: LearnedEncoder(torch.tanh), "network | nn.Module | builtin"),
    (lambda m: train(m, IMAGES, 200), "config | got 200 | TrainConfig(200)"),
    (lambda m: train(Cut(), IMAGES, TrainConfig(1)), "DiffEnc | got Cut"),
    (lambda m: build("learned"), "config must be a ModelConfig | 'learned'"),
    *[(lambda m, f=f, given=given: f(Cut(), *given), "model must be a DiffEnc | got Cut")
      for f, given in {elbo: (IMAGES,), evaluate: (IMAGES,), sample: (2, 3), fit: (IMAGES, 3),
                       squared_gaps: ([IMAGES / 9], 3), edge_costs: (IMAGES, 3)}.items()],
    *[(lambda m, f=f, given=given: f(m, *given, generator=0), "generator | manual_seed | got 0")
      for f, given in {elbo: (IMAGES,), sample: (2, 3), optimal_ratio: (IMAGES, 3)}.items()],
]  # fmt: skip


@pytest.mark.parametrize("call, words", VALUES)
def test_values(call, words, model):
    refuses(ValueError, words, call, model)


@pytest.mark.parametrize("call, words", TYPES)
def test_types(call, words, model):
    refuses(TypeError, words, call, model)


# --- parts of one's own ---------------------------------------------------------------------------


@pytest.mark.parametrize("returned, name", [(None, "NoneType"), ((IMAGES, IMAGES), "tuple")])
def test_a_network_returns_a_tensor(returned, name, model):
    words = f"must be a tensor in the shape of | (3, 2) | got {name}"
    refuses(TypeError, f"denoiser(z | {words}", elbo, DiffEnc(Returns(returned)), IMAGES)
    learned = DiffEnc(model.denoiser, LearnedEncoder(Returns(returned)))
    refuses(TypeError, f"network(x | {words}", elbo, learned, IMAGES)


@pytest.mark.parametrize("steps", [None, 2])
def test_an_encoder_returns_an_encoding_and_a_shift(steps, model):
    for encoding, error, words in (
        (X, TypeError, "Encoding | got Tensor"),  # of two examples, as if it were x_t and u
        (Encoding(X[:, :1], X), ValueError, "(2, 2) | (2, 1)"),
    ):
        wrong = DiffEnc(model.denoiser, Returns(encoding))
        refuses(error, f"encoder(x, gamma) | {words}", wrong.encode, X, S)
    for shift, error, got in ((0.0, TypeError, "float"), (X[:, :1], ValueError, "(2, 1)")):
        wrong = DiffEnc(model.denoiser, Returns(Encoding(X, X), shift))
        words = f"encoder.shift(x, gamma) | shape of x | {got}"
        refuses(error, words, elbo, wrong, IMAGES[:2], steps)


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


class Scaled(ScalingEncoder):
    """The scaling encoder with factors on its formula for the change of an encoding."""

    def __init__(self, *factors):
        super().__init__()
        self.factors = factors

    def change(self, *arguments):
        return tuple(map(operator.mul, self.factors, super().change(*arguments)))


@pytest.mark.parametrize("n", [1, 5])
def test_an_encoder_can_be_checked(n):
    x = torch.linspace(-1, 1, 3 * n).reshape(n, 3) + 0.1
    learned = LearnedEncoder(MLP(8, 1, (3,), encoder=True))
    for right in (Halved(), ScalingEncoder(), learned, Scaled(1, 1)):
        check_encoder(right, x)
    for wrong, words in (
        (Halved(x_t=1.1), "x_t = x + shift | differ"),
        *[(Halved(u=u), "sigma_t^2 u | differ") for u in (0.0, -1.0, 2.0)],
        (Scaled(1, -1), "encoder must have change"),
        (Scaled(1.1, 1), "encoder must have change"),
    ):
        refuses(ValueError, words, check_encoder, wrong, x)


@pytest.mark.parametrize(
    "layer", [nn.BatchNorm2d(4), nn.InstanceNorm2d(4, track_running_stats=True)]
)
def test_running_averages_do_not_go_with_forward_mode(layer):
    network = nn.Sequential(nn.Conv2d(1, 4, 3), layer)
    refuses(ValueError, f"{type(layer).__name__} | '1' | GroupNorm", LearnedEncoder, network)
    assert LearnedEncoder(nn.Sequential(nn.Conv2d(1, 4, 3), nn.GroupNorm(2, 4)))


@pytest.mark.parametrize(
    "schedule, error, words",
    [
        (lambda t: t, TypeError, "schedule(t) -> Noise | which returned Tensor"),
        (LinearSchedule, TypeError, "LinearSchedule() | type"),
        ("fixed", TypeError, "Linear | str"),
        (lambda t: Noise.from_gamma(9 * t), ValueError, "rate = dgamma/dt | = 9 | got 1"),
        (lambda t: Noise.from_gamma(-t, -1), ValueError, "increases with t | gamma(1) = -1"),
        (lambda t: Noise.from_gamma(t.log(), 1 / t), ValueError, "finite gamma | -inf"),
        (lambda t: Noise.from_gamma(t[:1]), ValueError, ".gamma must | (1001,) | (1,)"),
        (lambda t: Noise(t, t, t, 1.0), TypeError, ".rate must | (1001,) | 1.0"),
        (lambda t: Noise(t, 0 * t + 1, t.exp(), 0 * t + 1), ValueError, "variance | alpha"),
    ],
)
def test_what_is_no_schedule(schedule, error, words):
    refuses(error, f"schedule | {words}", DiffEnc, Cut(), schedule=schedule)


def test_a_rate_may_be_a_number():
    t = torch.linspace(0, 1, 5)
    torch.testing.assert_close(Noise.from_gamma(9 * t, 9).rate, torch.full((5,), 9.0))
    assert DiffEnc(Cut(), schedule=lambda t: Noise.from_gamma(9 * t - 6, 9))
