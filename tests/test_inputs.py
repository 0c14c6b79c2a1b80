"""Bad input gets one clear error, which names the argument."""

import copy
import json
import math
import re
from types import SimpleNamespace

import numpy as np
import pytest
import sympy
import torch
import torch.nn.functional as F
from draws import module_of
from torch import nn

from diffenc_lite import (
    MLP,
    Chain,
    DiffEnc,
    LearnedEncoder,
    LinearSchedule,
    ModelConfig,
    ScalingEncoder,
    Schedule,
    TrainConfig,
    UNet,
    UNetConfig,
    bound,
    build,
    cheapest_path,
    edge_costs,
    elbo,
    evaluate,
    evenly_chosen,
    fit,
    kl_ratio,
    load_fitted,
    load_mnist,
    load_model,
    load_named,
    load_pretrained,
    pixels,
    process,
    sample,
    save_model,
    start_from,
    toy,
    train,
    train_steps,
)

IMAGES = torch.tensor([[0, 255], [100, 200], [3, 4]], dtype=torch.uint8)
NAN = math.nan
X, S, T = torch.zeros(2, 2), torch.tensor([0.1, 0.2]), torch.tensor([0.5, 0.7])
NOISES = [LinearSchedule()(depths).like(X) for depths in (S, T)]
WORDS = '"folded", "best", "keep"'


def refuses(error, words, call, *arguments, **options):
    """The call raises `error`; its message has the words, which bars separate, in this order.
    "NAME must" stands at its beginning."""
    with pytest.raises(error) as raised:
        call(*arguments, **options)
    pattern = ".*".join(map(re.escape, words.split(" | ")))
    find = re.match if " must" in words else re.search
    assert find(pattern, str(raised.value), re.DOTALL), raised.value


@pytest.fixture
def model(small_model):
    return small_model(dtype=torch.float32)


def blank(*shape):
    return torch.zeros(shape, dtype=torch.uint8)


class Own(Schedule):
    def __init__(self, gamma):
        super().__init__(-9.0, 5.0)
        self.gamma = gamma


class Overridden(LinearSchedule):
    """Its gamma would be heard nowhere."""

    def gamma(self, t):
        return super().gamma(t.square())


CUT = module_of(forward=lambda z, gamma: z[:, :1])  # one dimension too few
IN_PLACE = module_of(forward=lambda z, gamma: z.mul_(0.5))  # z is used again
MIXING = module_of(forward=lambda z, gamma: z - z.mean(0))  # no bound
MIXING_DATA = module_of(forward=lambda z, g: z - torch.sigmoid(-8 - g)[:, None] * z.mean(0))
ADDING = module_of(forward=lambda z, gamma: z + gamma)  # (B, ...) and (B,)
UNTOLD = [{"weights": X.clone().requires_grad_()}]
HIDING = nn.Sequential(module_of(layers=[nn.Linear(2, 2)]))  # PyTorch sees no list


def normed(norm):
    return module_of(norm=norm, shift=lambda x, gamma: 0 * gamma[:, None] * norm(x))


NOT_FINITE = module_of(forward=lambda z, gamma: NAN * z)


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
        (lambda m, n: Chain.equal(n), "steps"),
        (lambda m, n: evaluate(m, IMAGES, batch=n), "batch"),
        (lambda m, n: evaluate(m, IMAGES, passes=n), "passes"),
        (lambda m, n: evenly_chosen(IMAGES, n), "n"),
        (lambda m, n: fit(m, IMAGES, 2, batch=n), "batch"),
        (lambda m, n: edge_costs(m, IMAGES, n), "resolution"),
        (lambda m, n: edge_costs(m, IMAGES, 2, batch=n), "batch"),
        (lambda m, n: TrainConfig(5, batch=n), "batch"),
        (lambda m, n: TrainConfig(n), "updates"),
    ],
)
def test_whole_numbers(call, name, model):
    """Of NumPy, SymPy and torch too; no bool, no float, however whole."""
    for n in (0, -2, 1.5, 2.0, True, "3", None, np.float64(2)):
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
        "loss_steps": [0, 1.5, "8", True],
        "evaluate_images": [1],
        "bf16": ["no", 1, 1.0],
        **dict.fromkeys(["seed", "warmup"], [-1]),
        **dict.fromkeys(["log_every", "evaluate_every", "checkpoint_every"], [0, 5.5]),
    }.items():
        for given in values:
            options = {"updates": 2, "batch": 16, field: given}
            refuses(ValueError, f"{field} must", TrainConfig, **options)
    config = TrainConfig(np.int64(2), lr=np.float64(1e-3))  # as they come back from a folder
    assert type(config.updates) is int and type(config.lr) is float


# By error: the words that name what is wrong, and the call.
MISTAKES = {
    TypeError: [
        ("DiffEnc", lambda m: save_model(CUT, "never", {})),
        ("DiffEnc", lambda m: load_model("mnist-vdm", model=CUT)),
        ("DiffEnc", lambda m: elbo(CUT, IMAGES)),
        ("t must", lambda m: elbo(m, IMAGES, t=0.5)),
        ("t must", lambda m: elbo(m, IMAGES, t=IMAGES[:, 0] > 99)),
        ("noise must", lambda m: elbo(m, IMAGES, noise=IMAGES > 99)),
        *[
            (f"{name} must", lambda m, given={name: value}: elbo(m, IMAGES, **given))
            for name in ("noise", "noise_0")
            for value in ("8", IMAGES.to(torch.complex64))  # which would lose a part
        ],
        ("t must", lambda m: m.schedule(0.5)),
        ("t must", lambda m: m.schedule(torch.tensor([True]))),
        *[
            (f"{part} must", lambda m, given={part: value}: m.with_parts(**given))
            for part in ("denoiser", "encoder", "schedule")
            for value in (None, "8", True)
        ],
        ("images", lambda m: pixels.to_unit(IMAGES.long())),
        ("generator must", lambda m: toy("swirl", 2, generator=True)),
        ("encoder", lambda m: DiffEnc(CUT, ScalingEncoder)),
        ("schedule", lambda m: DiffEnc(CUT, schedule=lambda t: t)),
        ("config", lambda m: train(m, IMAGES, 200)),
        *[
            ("generator must", lambda m, f=f, given=given: f(m, given, 2, generator=0))
            for f, given in ((sample, 3), *((f, IMAGES) for f in (elbo, evaluate, fit, edge_costs)))
        ],
        ("encoder.u must", lambda m: DiffEnc(CUT, SimpleNamespace(shift=max, u=3))),
        ("folder must", lambda m: train(m, IMAGES, TrainConfig(1), IMAGES)),
        ("folder must", lambda m: train(m, IMAGES, TrainConfig(1), "")),
        ("LearnedEncoder(network)", lambda m: DiffEnc(CUT, CUT)),
        ("shift(x, gamma)", lambda m: DiffEnc(CUT, SimpleNamespace(shift=None))),
        ("denoiser", lambda m: elbo(DiffEnc(module_of(forward=lambda *_: None)), IMAGES)),
        *[  # nothing would train or save its weights
            (f"{part} must be an nn.Module", lambda m, given={part: holding}: DiffEnc(CUT, **given))
            for part in ("encoder", "schedule")
            for holding in (
                SimpleNamespace(shift=len, held=held)
                for held in (nn.Parameter(X), nn.Linear(2, 2), [nn.Parameter(X)], UNTOLD)
            )
        ],
        ("denoiser must be an nn.Module, and lists", lambda m: DiffEnc(HIDING)),
        ("model must", lambda m: start_from(CUT, "mnist-vdm")),
    ],
    FloatingPointError: [
        ("not finite", lambda m: evaluate(DiffEnc(NOT_FINITE), IMAGES)),
        ("not finite", lambda m: fit(DiffEnc(NOT_FINITE), IMAGES, 2)),
        ("t = 1", lambda m: sample(DiffEnc(NOT_FINITE), 2, 3, shape=(2,))),
    ],
    RuntimeError: [
        ("cpu, cuda | gpu", lambda m: load_pretrained("mnist-vdm", "gpu")),
        ("cpu, cuda | gpu", lambda m: load_named("bundled", device="gpu")),
    ],
    AttributeError: [("encodr", lambda m: m.with_parts(encodr=ScalingEncoder()))],
    ValueError: [
        ("levels", lambda m: DiffEnc(CUT, levels=2.5)),
        ("levels must", lambda m: m.with_parts(levels=999)),
        ("shape must", lambda m: m.with_parts(shape=2)),
        ("schedule(t).gamma must", lambda m: m.with_parts(schedule=Own(lambda t: 5 - 14 * t))),
        *[
            ("dropout must", lambda m, shape=shape, p=p: ModelConfig(shape=shape, dropout=p))
            for shape in ((1, 8, 8), (2,))
            for p in (True, "0.1", NAN, 1.0, -0.1, None)
        ],
        ("dropout must be 0 for points", lambda m: ModelConfig(shape=(2,), dropout=0.1)),
        ("NaN", lambda m: pixels.to_levels(torch.tensor([0.0, NAN]))),
        ("images", lambda m: evaluate(m, IMAGES[:1])),
        ("held_out", lambda m: train(m, IMAGES, TrainConfig(1), held_out=IMAGES[:1])),
        ("clusters", lambda m: evaluate(m, IMAGES, clusters=torch.zeros(len(IMAGES)))),
        ("clusters", lambda m: evaluate(m, IMAGES, clusters=torch.arange(1))),
        ("clusters must", lambda m: evaluate(m, IMAGES, clusters=["a", "b", "b"])),
        ("clusters must", lambda m: evaluate(m, IMAGES, clusters=[0.0, 1.0, NAN])),
        *[
            ("clusters must", lambda m, g=given: next(train_steps(m, IMAGES, TrainConfig(1), *g)))
            for given in (
                (None, None, False, torch.arange(3)),
                (None, IMAGES, False, torch.arange(2)),
                (None, IMAGES, False, torch.zeros(3)),
            )
        ],
        ("shape must | (8, 8)", lambda m: UNet(UNetConfig((8,), (1,)), (8, 8))),
        ("shape must | (3, 8, 8)", lambda m: MLP(8, 1, (3, 8, 8))),
        ("shape", lambda m: DiffEnc(CUT, shape=(1, 0, 4))),
        ("shape must | (2,)", lambda m: DiffEnc(MLP(8, 1), shape=(3,))),
        ("shape", lambda m: build(ModelConfig(shape=(28, 28)))),
        ("channels", lambda m: UNet(UNetConfig((8, 8), (1,)))),
        ("none below 0", lambda m: UNet(UNetConfig((8, 8), (-1, 1)))),
        *[
            ("dropout must", lambda m, p=p: UNetConfig((8,), (1,), dropout=p))
            for p in (1, -0.1, NAN, True, "0.1", None)
        ],
        *[
            (f"{name} must", lambda m, given={name: given}: UNetConfig((8,), (1,), **given))
            for name in ("pool", "attention", "bilinear")
            for given in ("no", 1, None)
        ],
        *[("layers must", lambda m, n=n: MLP(8, n)) for n in (-1, 1.5, True, None)],
        *[
            ("for_y must", lambda m, given=given: MLP(8, 1, (2,), given))
            for given in (LinearSchedule(), 1, None)  # a schedule in its place
        ],
        ("download must", lambda m: load_named("full", download="no")),
        ("name must be one of", lambda m: load_fitted("vdm", 8)),
        *[
            ("steps must be one of | 64", lambda m, steps=steps: load_fitted("mnist-vdm", steps))
            for steps in (5, "8", 8.0, None)
        ],
        ("levels must", lambda m: pixels.to_levels(X, 300)),
        ("model must", lambda m: train(DiffEnc(nn.Identity()), IMAGES, TrainConfig(1))),
        ("dtype of the weights", lambda m: DiffEnc(nn.Linear(2, 2).bfloat16())),
        ("dtype of the weights", lambda m: elbo(copy.deepcopy(m).half(), IMAGES)),
        ("dtype of the weights", lambda m: sample(copy.deepcopy(m).half(), 2, 2)),
        # --- steps
        ("Chain.equal", lambda m: Chain(4)),
        ("steps must be a Chain or a whole number", lambda m: elbo(m, IMAGES, [0, 0.5, 1])),
        ("steps must be a Chain or a whole number", lambda m: sample(m, 3, None)),
        *[
            ("steps must be a Chain or a whole number", lambda m, f=f, n=n: f(m, IMAGES, n))
            for f in (evaluate, fit)
            for n in (0, 1.5, "8", True)
        ],
        *[
            ("every_step must", lambda m, f=f, given=given: f(m, IMAGES, 2, every_step=given))
            for f in (elbo, evaluate)
            for given in ("no", 1, None)
        ],
        ("every_step needs steps", lambda m: evaluate(m, IMAGES, every_step=True)),
        ("every_step needs | no t", lambda m: elbo(m, IMAGES, 2, every_step=True, t=S)),
        *[
            ("shape must be a tuple", lambda m, shape=shape: sample(m, 3, 2, shape=shape))
            for shape in (True, "8", 2, ())
        ],
        ("s must", lambda m: bound.step_loss(m, X, S, torch.tensor([0.2, 0.2]), X)),
        ("ratio", lambda m: bound.step_loss(m, X, S, T, X, -1.0)),
        ("ratio must", lambda m: fit(m, IMAGES, 2, ratio="best")),
        *[
            (f"scale must be None, {WORDS} or numbers", lambda m, a=a: fit(m, IMAGES, 2, scale=a))
            for a in ("optimal", True, False, torch.tensor(True), [True, 1.0])
        ],
        *[
            ("scale must", lambda m, at=at, a=a: fit(m, IMAGES, at, scale=a, resolution=4))
            for at, a in ((2, 1.5), (Chain.equal(2, 1, 1.5), "keep"))
        ],
        *[
            ("resolution must | at least 5", lambda m, n=n: fit(m, IMAGES, 5, resolution=n))
            for n in (4, 5.0, "8", True)
        ],
        *[
            (f"{name} must", lambda m, f=f, given={name: value}: f(m, X, S, T, X, **given))
            for value in ("best", True, torch.tensor([True, False, True]))
            for f, name in [
                (bound.squared_gap, "scale"),
                (bound.step_loss, "scale"),
                (bound.step_loss, "ratio"),
            ]
        ],
        *[
            ("scale must", lambda m, a=a: process.generative_step(X, X, X, *NOISES, scale=a))
            for a in ("best", True, torch.tensor(True))
        ],
        ("ratio must", lambda m: kl_ratio(X, True)),
        *[
            ("levels must", lambda m, levels=levels: pixels.to_unit(IMAGES, levels))
            for levels in (True, "256", 256.5, NAN)
        ],
        ("dtype must", lambda m: pixels.to_unit(IMAGES, 256, torch.uint8)),  # 2 * 255 + 1 is -1
        *[
            (f"{name} must", lambda m, given={name: value}: edge_costs(m, IMAGES, 2, **given))
            for name in ("ratio", "scale")
            for value in ("optimal", torch.ones(2), np.ones(2), -1.0, math.inf, True)
        ],
        ("ratio must", lambda m: edge_costs(m, IMAGES, 2, None)),
        ("costs must", lambda m: cheapest_path(torch.ones(2, 3), 1)),
        ("costs must", lambda m: cheapest_path([[1.0]], 1)),
        *[
            ("costs must", lambda m, bad=bad: cheapest_path(torch.full((3, 3), bad), 2))
            for bad in (NAN, -math.inf)
        ],
        *[
            ("costs must be numbers", lambda m, costs=costs: cheapest_path(costs, 1))
            for costs in ("8", None, torch.ones(3, 3) > 0)
        ],
        ("steps must", lambda m: cheapest_path(torch.ones(3, 3), 3)),
        # --- parts of a model
        ("denoiser", lambda m: elbo(DiffEnc(CUT), IMAGES)),
        ("denoiser", lambda m: sample(DiffEnc(CUT, shape=(2,)), 3, 2)),
        ("denoiser must | alone", lambda m: evaluate(DiffEnc(MIXING), IMAGES)),
        ("denoiser must | alone", lambda m: evaluate(DiffEnc(MIXING_DATA), IMAGES)),
        ("denoiser must leave its input", lambda m: evaluate(DiffEnc(IN_PLACE), IMAGES)),
        ("denoiser must work on z (B, ...)", lambda m: evaluate(DiffEnc(ADDING), IMAGES)),
        ("network", lambda m: elbo(DiffEnc(m.denoiser, LearnedEncoder(CUT)), IMAGES)),
        *[  # forward mode does not go through them, or not rightly
            ("network must | Norm", lambda m, e=layer: LearnedEncoder(nn.Sequential(e)))
            for layer in (nn.BatchNorm2d(4), nn.InstanceNorm2d(4), nn.LayerNorm(4))
        ],
        ("counterterm must", lambda m: LearnedEncoder(CUT, LinearSchedule())),
        *[  # 0.5 would be half a mean
            ("counterterm must", lambda m, c=c: DiffEnc(CUT, module_of(shift=max, counterterm=c)))
            for c in (0.5, "False", None, 1)
        ],
        ("encoder | identity, scaling, learned", lambda m: ModelConfig("none")),
        *[
            (f"encoder must {words}", lambda m, e=wrong: evaluate(DiffEnc(m.denoiser, e), IMAGES))
            for words, wrong in (
                ("| calls batch_norm", normed(nn.BatchNorm1d(2))),
                ("| calls layer_norm", normed(lambda x: F.layer_norm(x, (2,)))),
                ("| calls instance_norm", normed(lambda x: F.instance_norm(x[:, None])[:, 0])),
                ("work | .like(x)", SimpleNamespace(shift=lambda x, gamma: gamma * x)),
                ("have a shift near 0", SimpleNamespace(shift=lambda x, gamma: x)),  # that is x_t
            )
        ],
        ("gamma_min", lambda m: LinearSchedule("a", 5)),
        ("gamma that follows from gamma(t)", lambda m: DiffEnc(CUT, schedule=Overridden())),
        *[  # a bound of the first five would be far too low
            (words, lambda m, gamma=gamma: DiffEnc(CUT, schedule=Own(gamma)))
            for words, gamma in (
                ("gamma that follows | of each t alone", lambda t: -9 + 14 * t / t.detach().max()),
                ("schedule(t).rate", lambda t: -9 + 14 * t.detach()),
                ("schedule(t).rate", lambda t: torch.where(t < 0.5, -9 + 6 * t, -3 + 8 * t)),
                ("schedule(t).rate", lambda t: -9 + 4 * t + 10 * (t > 0.5)),
                ("schedule(t).rate", lambda t: -9 + 9 * t + 5 * (4321 * t).round() / 4321),
                ("torch operations", lambda t: torch.from_numpy(t.numpy())),
            )
        ],
    ],
}


@pytest.mark.parametrize("error", MISTAKES)
def test_a_mistake_is_named(error, model):
    for words, call in MISTAKES[error]:
        refuses(error, words, call, model)


def test_an_encoder_of_ones_own_keeps_the_shape(model):
    def refused(error, words, steps, **encoder):
        wrong = DiffEnc(model.denoiser, module_of(**{"shift": len, **encoder}))
        refuses(error, words, elbo, wrong, IMAGES[:2], steps)

    for pair in ((X[:, :1], X), (X, X[:, :1])):
        refused(ValueError, "of the encoder", None, encode=lambda *_, pair=pair: pair)
        refused(ValueError, "shape of x", 2, encode_step=lambda *_, pair=pair: pair)
    for given, error in ((X[:, :1], ValueError), ((X, X), TypeError)):  # once it was the pair
        still = {"shift": lambda x, _: 0 * x, "change": lambda *_, given=given: given}
        refused(error, "encoder.change, x_t - x_s alone", 2, **still)
    for shift, error in ((0.5, TypeError), (X[:, :1], ValueError)):
        for steps in (None, 2):
            words = "encoder.shift(x, gamma) must"
            refused(error, words, steps, shift=lambda *_, shift=shift: shift)
