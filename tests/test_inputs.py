"""Bad input gets one clear error, which names the argument."""

import json
import math
import re

import numpy as np
import pytest
import sympy
import torch
from torch import nn

from diffenc_lite import (
    MLP,
    Chain,
    DiffEnc,
    LearnedEncoder,
    LinearSchedule,
    ModelConfig,
    ScalingEncoder,
    TrainConfig,
    UNet,
    UNetConfig,
    bound,
    build,
    cheapest_path,
    elbo,
    evaluate,
    evenly_chosen,
    fit,
    load_mnist,
    load_model,
    load_named,
    load_pretrained,
    pixels,
    sample,
    save_model,
    train,
)
from diffenc_lite.encoder import Encoding

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

    def __init__(self, returned=None, shift=None):
        super().__init__()
        self.returned, self.shifted = returned, shift

    def shift(self, x, gamma):
        return self.shifted

    def forward(self, x, gamma):
        return self.returned

    encode = forward


class Times(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, z, gamma):
        return self.factor * z


class Overridden(LinearSchedule):
    """Its gamma would be heard nowhere."""

    def gamma(self, t):
        return super().gamma(t.square())


class Unlike:
    """Forgets `.like(x)`."""

    def shift(self, x, gamma):
        return gamma.sigmoid() * x


class Cut(nn.Module):
    """Returns one dimension too few."""

    def forward(self, z, gamma):
        return z[:, :1]


@pytest.mark.parametrize(
    "call, name",
    [
        (elbo, "images"),
        (evaluate, "images"),
        (lambda model, images: fit(model, images, 2), "images"),
        (lambda model, images: train(model, images, TrainConfig(1)), "images"),
        (lambda model, images: train(model, IMAGES, TrainConfig(1), held_out=images), "held_out"),
    ],
)
def test_images(call, name, small_model):
    model, coarse = small_model(dtype=torch.float32), small_model(dtype=torch.float32, levels=16)
    for images in (IMAGES.float(), IMAGES.numpy(), load_mnist("test", "bundled")):
        refuses(TypeError, f"{name} must | uint8", call, model, images)
    for images in (blank(3, 3), blank(3, 1, 2), blank(3, 1), blank(2), blank(0, 2)):
        refuses(ValueError, f"{name} must | {tuple(images.shape)}", call, model, images)
    if name == "images":
        refuses(ValueError, "images must | 0 to 15 | 255", call, coarse, IMAGES)


def test_t_outside_the_unit_interval(model):
    for t in (-0.1, 1.0001, NAN, math.inf):
        depths = torch.tensor([0.5, t, 0.2])
        for steps in (None, 3):
            refuses(ValueError, "t must | [0, 1]", elbo, model, IMAGES, steps, t=depths)
        refuses(ValueError, "t must | [0, 1]", model.schedule, depths)


@pytest.mark.parametrize("name", ["t", "noise", "noise_0"])
def test_draws_of_another_shape(name, model):
    """They would be broadcast, to a wrong number."""
    for shape in ((), (1,), (2,), (3, 1), (1, 2), (3, 2, 1)):
        given = {name: torch.full(shape, 0.5)}
        for steps in (None, 2):
            refuses(ValueError, f"{name} must | {shape}", elbo, model, IMAGES, steps, **given)


@pytest.mark.parametrize(
    "call, name",
    [
        (lambda m, n: sample(m, n, 2), "n"),
        (lambda m, n: sample(m, 2, n), "steps"),
        (lambda m, n: evaluate(m, IMAGES, batch=n), "batch"),
        (lambda m, n: evenly_chosen(IMAGES, n), "n"),
        (lambda m, n: fit(m, IMAGES, 2, batch=n), "batch"),
        (lambda m, n: TrainConfig(5, batch=n), "batch"),
    ],
)
def test_whole_numbers(call, name, model):
    """Of NumPy, SymPy and torch too; no bool, no float, however whole."""
    for n in (0, -2, 1.5, 2.0, True, "3", None, np.float64(2)):
        if (name, n) != ("steps", None):  # infinite depth
            refuses(ValueError, f"{name} must | {n!r}", call, model, n)
    for n in (np.int64(2), sympy.Integer(2), torch.tensor(2), json.loads("2")):
        call(model, n)


def test_settings_of_a_training():
    for field, values in {
        "lr": ["1e-3", math.inf, NAN, 0],
        "ema": [1.0, -0.1, None],
        "weight_decay": [-1],
        "optimizer": ["sgd"],
        "ends": [0],
        "steps": [0, 1.5, "8"],
        "evaluate_images": [1],
        "fast": ["no", 2],
        **dict.fromkeys(["seed", "warmup"], [-1]),
        **dict.fromkeys(["log_every", "evaluate_every", "checkpoint_every"], [0, 5.5]),
    }.items():
        for given in values:
            options = {"updates": 2, "batch": 16, field: given}
            refuses(ValueError, f"{field} must", TrainConfig, **options)


# One row a mistake: the call, the error, and the word that names what is wrong.
MISTAKES = [
    (lambda m: DiffEnc(Cut(), levels=2.5), ValueError, "levels"),
    (lambda m: pixels.to_levels(torch.tensor([0.0, NAN])), ValueError, "NaN"),
    (lambda m: evaluate(m, IMAGES[:1]), ValueError, "images"),
    (lambda m: train(m, IMAGES, TrainConfig(1), held_out=IMAGES[:1]), ValueError, "held_out"),
    (lambda m: evaluate(m, IMAGES, clusters=torch.zeros(len(IMAGES))), ValueError, "clusters"),
    (lambda m: evaluate(m, IMAGES, clusters=torch.arange(1)), ValueError, "clusters"),
    (lambda m: UNet(UNetConfig((8,), (1,)), (8, 8)), ValueError, "shape must | (8, 8)"),
    (lambda m: MLP(8, 1, (3, 8, 8)), ValueError, "shape must | (3, 8, 8)"),
    (lambda m: UNet(UNetConfig((8, 8), (1,))), ValueError, "channels"),
    (lambda m: Chain(4), ValueError, "Chain.equal"),
    (lambda m: evaluate(DiffEnc(m.denoiser, Unlike()), IMAGES), ValueError, "encoder must work"),
    (lambda m: cheapest_path([[1.0]], 1), ValueError, "costs"),
    (lambda m: m.with_parts(encodr=ScalingEncoder()), AttributeError, "encodr"),
    (lambda m: DiffEnc(nn.Linear(2, 2).bfloat16()), ValueError, "dtype of the weights"),
    (lambda m: evaluate(DiffEnc(Times(NAN)), IMAGES), FloatingPointError, "not finite"),
    (
        lambda m: DiffEnc(m.denoiser, schedule=Overridden()),
        ValueError,
        "gamma that follows from gamma(t)",
    ),
    (lambda m: train(DiffEnc(nn.Identity()), IMAGES, TrainConfig(1)), ValueError, "model must"),
    (lambda m: sample(DiffEnc(Times(NAN)), 2, 3, shape=(2,)), FloatingPointError, "t = 1"),
    (lambda m: save_model(Cut(), "never", {}), TypeError, "DiffEnc"),
    (lambda m: load_model("mnist-vdm", model=Cut()), TypeError, "DiffEnc"),
    (lambda m: load_pretrained("mnist-vdm", "gpu"), RuntimeError, "cpu, cuda | gpu"),
    (lambda m: load_named("bundled", device="gpu"), RuntimeError, "cpu, cuda | gpu"),
    (lambda m: elbo(m, IMAGES, [0, 0.5, 1]), ValueError, "steps must be a Chain or a whole number"),
    (lambda m: sample(m, 3, None), ValueError, "steps must be a Chain or a whole number"),
    (lambda m: elbo(m, IMAGES, t=0.5), TypeError, "t must"),
    (lambda m: elbo(m, IMAGES, 2, every_step="no"), ValueError, "every_step"),
    (lambda m: bound.step_loss(m, X, S, torch.tensor([0.2, 0.2]), X), ValueError, "s must"),
    (lambda m: bound.step_loss(m, X, S, T, X, -1.0), ValueError, "ratio"),
    (lambda m: elbo(DiffEnc(Cut()), IMAGES), ValueError, "denoiser"),
    (lambda m: sample(DiffEnc(Cut(), shape=(2,)), 3, 2), ValueError, "denoiser"),
    (lambda m: elbo(DiffEnc(m.denoiser, LearnedEncoder(Cut())), IMAGES), ValueError, "network"),
    (lambda m: DiffEnc(Cut(), shape=(1, 0, 4)), ValueError, "shape"),
    (lambda m: build(ModelConfig(shape=(28, 28))), ValueError, "shape"),
    (lambda m: ModelConfig("none"), ValueError, "encoder | identity, scaling, learned"),
    (lambda m: LinearSchedule("a", 5), ValueError, "gamma_min"),
    (lambda m: pixels.to_unit(IMAGES.long()), TypeError, "images"),
    (lambda m: m.schedule(0.5), TypeError, "t must"),
    (lambda m: DiffEnc(Cut(), ScalingEncoder), TypeError, "encoder"),
    (lambda m: DiffEnc(Cut(), schedule=lambda t: t), TypeError, "schedule"),
    (lambda m: train(m, IMAGES, 200), TypeError, "config"),
    (lambda m: elbo(Cut(), IMAGES), TypeError, "DiffEnc"),
    (lambda m: elbo(m, IMAGES, generator=0), TypeError, "generator"),
    (lambda m: elbo(DiffEnc(Returns(None)), IMAGES), TypeError, "denoiser"),
]


def test_a_mistake_is_named(model):
    for call, error, words in MISTAKES:
        refuses(error, words, call, model)


def test_an_encoder_of_ones_own_keeps_the_shape(model):
    for returned in (Encoding(X[:, :1], X), Encoding(X, X[:, :1])):
        wrong = DiffEnc(model.denoiser, Returns(returned))
        refuses(ValueError, "of the encoder", elbo, wrong, IMAGES[:2])
    wrong = DiffEnc(model.denoiser, Returns(Encoding(X, X), X[:, :1]))
    refuses(ValueError, "encoder.shift(x, gamma)", elbo, wrong, IMAGES[:2], 2)
    for shift, error in ((0.5, TypeError), (X[:, :1], ValueError)):
        own = Returns(shift=shift)
        own.encode = None
        for steps in (None, 2):
            wrong = DiffEnc(model.denoiser, own)
            refuses(error, "encoder.shift(x, gamma) must", elbo, wrong, IMAGES[:2], steps)
    for change in ((X[:, :1], X), (X, X[:, :1])):
        own.change = lambda x, gamma_s, gamma_t: change  # noqa: B023
        refuses(ValueError, "encoder.change | shape of x", elbo, wrong, IMAGES[:2], 2)


def test_running_averages_do_not_go_with_forward_mode():
    for layer in (nn.BatchNorm2d(4), nn.InstanceNorm2d(4, track_running_stats=True)):
        network = nn.Sequential(nn.Conv2d(1, 4, 3), layer)
        refuses(ValueError, type(layer).__name__, LearnedEncoder, network)
    assert LearnedEncoder(nn.Sequential(nn.Conv2d(1, 4, 3), nn.GroupNorm(2, 4)))
