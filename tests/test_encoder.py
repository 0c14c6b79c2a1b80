"""The three encoders and one's own: x_t, and u with dx_t / dlambda = sigma_t^2 u.         E1-E3"""

import copy
import re
from functools import partial
from itertools import pairwise, product

import pytest
import torch
from draws import F64, KINDS, module_of, seeded, some_images
from torch import nn

from diffenc_lite import (
    DiffEnc,
    LinearSchedule,
    ModelConfig,
    Noise,
    TrainConfig,
    build,
    checks,
    edge_costs,
    elbo,
    evaluate,
    fit,
    load_pretrained,
    train,
)
from diffenc_lite.checks import check_parts, check_slope
from diffenc_lite.course.studies import fork
from diffenc_lite.encoder import IdentityEncoder, LearnedEncoder, ScalingEncoder, has_counterterm
from diffenc_lite.pretrained import pretrained_names
from diffenc_lite.process import v_from_x
from diffenc_lite.smooth import CUTS, find_jump


def encode(encoder, x, gamma):
    return DiffEnc(nn.Identity(), encoder).encode(x, gamma)


GAMMA = torch.linspace(-13.3, 5, 12, dtype=F64)
Y_OF_ZEROS = module_of(forward=lambda x, gamma: torch.zeros_like(x))


@pytest.mark.parametrize("encoder", [ScalingEncoder(), LearnedEncoder(Y_OF_ZEROS)])
def test_change_does_not_cancel_in_float32(encoder, normal):
    """Over one of a thousand steps near gamma = 5, where x_t hardly moves any more."""
    x, gamma_t = normal(50, 2).float(), torch.linspace(4, 5, 50)
    gamma_s = gamma_t - 0.0183
    model = DiffEnc(nn.Identity(), encoder)
    low = model.encode_step(x, gamma_s, gamma_t)[1].double()
    high = model.encode_step(x.double(), gamma_s.double(), gamma_t.double())[1]
    torch.testing.assert_close(low, high, rtol=1e-5, atol=0)


# --- one's own: one method ------------------------------------------------------------------------


def only_shift(encoder):
    """The encoder without its formulas."""
    return module_of(encoder=encoder, shift=encoder.shift)


def twice_u(encoder):
    return module_of(shift=encoder.shift, u=lambda x, gamma: 2 * encode(encoder, x, gamma).u)


@pytest.mark.parametrize("dtype, rtol", [(F64, 1e-12), (torch.float32, 2e-5)])
@pytest.mark.parametrize("kind", KINDS)
def test_u_follows_from_the_shift_alone(kind, dtype, rtol, small_model, normal):
    """In float32 to a few of its digits at all of 500 depths, and far closer on average."""
    built_in, x = small_model(kind, dtype=dtype).encoder, normal(500, 2).to(dtype)
    gamma = torch.linspace(-13.3, 5, 500, dtype=dtype)
    x_t, u = encode(only_shift(built_in), x, gamma)
    expected = encode(built_in, x, gamma)
    torch.testing.assert_close(x_t, expected.x_t, rtol=rtol, atol=rtol)
    torch.testing.assert_close(u, expected.u, rtol=rtol, atol=rtol)
    off = (u - expected.u).square().mean().sqrt() / expected.u.square().mean().sqrt().clamp(min=1)
    assert off < (5e-7 if dtype == torch.float32 else 1e-14)


@pytest.mark.parametrize("steps", [None, 3])
@pytest.mark.parametrize("kind", ["scaling", "learned"])
def test_one_method_makes_an_encoder(kind, steps, small_model):
    built_in, images = small_model(kind), some_images(8)
    own = DiffEnc(built_in.denoiser, only_shift(built_in.encoder))
    totals = [elbo(model, images, steps, generator=seeded(1)).total for model in (own, built_in)]
    torch.testing.assert_close(*totals, rtol=1e-9, atol=1e-9)


def test_what_an_encoder_gives_is_used(small_model, normal):
    built_in, x = small_model("learned").encoder, normal(len(GAMMA), 2)
    assert torch.equal(encode(twice_u(built_in), x, GAMMA).u, 2 * encode(built_in, x, GAMMA).u)
    assert has_counterterm(only_shift(built_in)) and has_counterterm(ScalingEncoder())
    assert not has_counterterm(IdentityEncoder())


# --- what is checked before an encoder is used ----------------------------------------------------


def sigma2(x, gamma):
    return Noise.from_gamma(gamma).like(x).sigma.square()


class FromZero(nn.Module):
    """x_t = x before it is trained, when a wrong u is 0 as the right one."""

    def __init__(self):
        super().__init__()
        self.m = nn.Parameter(torch.zeros(()))

    def shift(self, x, gamma):
        return sigma2(x, gamma) * self.m * torch.ones_like(x)

    def u(self, x, gamma):
        return 5 * self.m * torch.ones_like(x)


class Dropping(nn.Module):
    """No two masks are alike, and u = 0 is right."""

    def __init__(self):
        super().__init__()
        self.weight, self.drop = nn.Parameter(torch.ones(())), nn.Dropout(0.5)

    def shift(self, x, gamma):
        return 0.1 * self.weight * self.drop(x)


class Root(nn.Module):
    """With a weight that must be positive."""

    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.full((9, 2), 0.05, dtype=F64))

    def shift(self, x, gamma):
        return sigma2(x, gamma) * self.a[0].sqrt() * x


def first_uses(model, images):
    """Where an encoder is checked: before an evaluation, a fit and a training."""
    yield lambda: evaluate(model, images, generator=seeded(1))
    yield lambda: fit(model, images, 2, generator=seeded(1))
    yield lambda: train(model, images, TrainConfig(1, batch=4))


def made_wrong(e):
    """What a right encoder e becomes by a mistake, and what the error says of it."""

    def change(x, s, t):
        return e.shift(x, t) - e.shift(x, s)

    detached = module_of(shift=lambda x, g: e.shift(x, g.detach()))
    yield detached, "u that .* no gamma detached"  # u would be 0
    half_detached = module_of(shift=lambda x, g: (e.shift(x, g.detach()) + e.shift(x, g)) / 2)
    yield half_detached, "u that .* no gamma detached"  # half of it
    yield twice_u(e), "u that"
    yield FromZero(), "u that"
    nan = module_of(shift=lambda x, g: e.shift(x, g) * torch.where(g > 0, torch.nan, 1.0)[:, None])
    yield nan, "x_t that .* nan"
    formulas = {"encode": partial(encode, e), "change": change}
    halved = module_of(shift=lambda x, g: e.shift(x, g) / 2, **formulas)
    yield halved, "x_t that follows"
    of_a_batch = module_of(shift=lambda x, g: sigma2(x, g) * (x.mean(0) - x))
    yield of_a_batch, "same shift for an example alone"
    yield module_of(shift=e.shift, change=lambda x, s, t: 0 * x), "change that follows"
    by_slope = module_of(
        shift=e.shift,
        change=lambda x, s, t: -sigma2(x, s) * encode(e, x, s).u * (t - s).reshape(-1, 1),
    )
    yield by_slope, "change that follows"  # as it is in short steps
    both = module_of(shift=e.shift, encode_step=lambda x, s, t: (x, change(x, s, t)))
    yield both, "encode_step that follows"


class Mixing(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros((), dtype=F64))

    def forward(self, z, gamma):
        return self.weight * z.mean(0) + 0 * z


def test_a_denoiser_that_will_mix_images_is_refused_before_it_does():
    with pytest.raises(ValueError, match="^denoiser must have the same v_hat for an example alone"):
        evaluate(DiffEnc(Mixing()), some_images(8))


class Seen(nn.Module):
    """An encoder that keeps what it has seen, which a denoiser must not be told."""

    counterterm, x = False, torch.empty(0)

    def shift(self, x, gamma):
        self.x = x
        return torch.zeros_like(x)


class SeenInEncode(Seen):
    def shift(self, x, gamma):
        return torch.zeros_like(x)

    def encode(self, x, gamma):
        self.x = x
        return x, torch.zeros_like(x)


@pytest.mark.parametrize("encoder", [Seen(), SeenInEncode()])
def test_a_denoiser_that_is_told_the_data_is_refused(encoder, small_model):
    """Its diffusion loss would be 0."""
    weight = nn.Parameter(torch.zeros((), dtype=F64))

    def told(z, gamma):
        x = encoder.x if encoder.x.shape == z.shape else z
        return weight + v_from_x(z, x, Noise.from_gamma(gamma).like(z))

    model = DiffEnc(module_of(weight=weight, forward=told), encoder)
    for use in first_uses(model, some_images(8)):
        with pytest.raises(ValueError, match="^denoiser must have the same v_hat"):
            use()


@pytest.mark.parametrize("kind", ["scaling", "learned"])
def test_an_encoder_that_would_make_a_wrong_bound_is_refused(kind, small_model):
    model = small_model(kind)
    for wrong, words in made_wrong(model.encoder):
        model.encoder = wrong
        for use in first_uses(model, some_images(8)):
            with pytest.raises(ValueError, match=f"^encoder must have the {words}"):
                use()


def fast_shift(x, gamma):
    """Sines of 1,000 gamma turn in a hundredth of gamma."""
    n = Noise.from_gamma(gamma).like(x)
    return n.sigma.square() * (1000 * n.gamma).sin() * x


LEGAL = [Dropping(), Root(), module_of(shift=fast_shift), only_shift(IdentityEncoder())]


@pytest.mark.parametrize("encoder", LEGAL)
def test_a_legal_encoder_is_used_and_its_check_draws_nothing(encoder, small_model):
    model, images = DiffEnc(small_model().denoiser, encoder).train(), some_images(8)
    before = torch.get_rng_state()
    check_parts(model, images)
    assert torch.equal(torch.get_rng_state(), before) and model.training
    for use in first_uses(model, images):
        use()


# --- jumps: only the slope counts at infinite depth -----------------------------------------------

PICTURES = some_images(2, (1, 28, 28))


def vdm_with(encoder, dtype=F64):
    weight = nn.Parameter(torch.zeros(1, dtype=dtype))
    return DiffEnc(module_of(weight=weight, forward=lambda z, gamma: 0 * z), encoder)


def dimmed(f):
    """x_t = (1 - f(gamma)) x"""
    return module_of(shift=lambda x, g: -f(g).reshape(-1, *[1] * (x.dim() - 1)) * x)


def stairs(fineness):
    return dimmed(lambda g: torch.sigmoid((g * fineness).round() / fineness))


def ramp(width):
    return dimmed(lambda g: 0.25 + 0.25 * torch.tanh((g + 4) / width))


def in_one_pixel(x, gamma):
    there = torch.zeros(28, 28, dtype=x.dtype)
    there[14, 14] = 0.1
    return (there * (gamma > 0.7)[:, None, None, None] - sigma2(x, gamma)) * x


class FromNothing(nn.Module):
    """A jump whose height is trained, from 0."""

    def __init__(self):
        super().__init__()
        self.height = nn.Parameter(torch.zeros(()))

    def shift(self, x, gamma):
        return self.height * x * (gamma > -2)[:, None, None, None]


class Rounded(nn.Module):
    """A network that sees gamma in whole numbers, and starts at y = 0."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(1, 1)
        nn.init.zeros_(self.layer.weight)
        nn.init.zeros_(self.layer.bias)

    def forward(self, x, gamma):
        return self.layer(gamma.round()[:, None])[:, :, None, None].tanh() * x


def detached_above_2(g):
    return torch.sigmoid(torch.where(g > 2, g.detach(), g))


JUMPING = {  # and between which gammas
    "once": (dimmed(lambda g: 0.5 * (g > -4)), -4.001, -3.999),
    "a little": (dimmed(lambda g: torch.sigmoid(g) + 0.005 * (g > 3)), 2.999, 3.001),
    "there and back": (dimmed(lambda g: 0.3 * ((g > -4) & (g < -3.7))), -4.001, -3.699),
    "beside a ramp": (
        dimmed(lambda g: torch.tanh((g + 4) / 0.005) / 5 + 0.2 + 0.1 * (g > 1)), 0.999, 1.001
    ),
    "in one pixel": (module_of(shift=in_one_pixel), 0.699, 0.701),
    "by a weight": (FromNothing(), -2.001, -1.999),
    "in a network": (LearnedEncoder(Rounded()), -13.3, 5),
    "by whole numbers": (stairs(1), -0.501, 0.501),
    "by hundredths": (stairs(100), -1, 1),
    "by 1/10,000": (stairs(1e4), -1, 1),
    "a little, often": (
        dimmed(lambda g: torch.sigmoid(0.97 * g + 0.03 * (100 * g).floor() / 100)), -13.3, 5
    ),
    "not at all, u is wrong": (dimmed(detached_above_2), 2, 5),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [F64, torch.float32])
@pytest.mark.parametrize("how", JUMPING)
def test_an_encoder_that_jumps_is_refused_and_the_error_says_where(how, dtype):
    encoder, low, high = JUMPING[how]
    model = vdm_with(copy.deepcopy(encoder).to(dtype), dtype)
    with pytest.raises(ValueError, match="^encoder must have the u .* not jump") as error:
        check_slope(model, PICTURES)
    assert low <= float(re.search("near gamma = ([-.e0-9]+)", str(error.value))[1]) <= high


def test_whoever_scores_an_encoder_that_jumps_is_told():
    """Its bound at infinite depth would be that of no encoder; in T steps it is what it costs."""
    model, images = vdm_with(dimmed(lambda g: 0.5 * (g > -4))), some_images(8, (1, 4, 4))
    for use in (
        *first_uses(model, images),
        lambda: elbo(model, images),
        lambda: evaluate(model, images, 10_000),
        lambda: edge_costs(model, images, 2),
    ):
        with pytest.raises(ValueError, match="not jump"):
            use()
    costs = [
        elbo(model, images, steps, every_step=True, generator=seeded(1)).diffusion.mean()
        - elbo(vdm_with(None), images, steps, every_step=True, generator=seeded(1)).diffusion.mean()
        for steps in (100, 400)
    ]
    assert 3 < costs[1] / costs[0] < 5


class Kinked(nn.Module):
    """With ReLU, which turns at many gammas, and may jump."""

    def __init__(self, seed, jump=0.0):
        super().__init__()
        torch.manual_seed(seed)
        sizes, self.jump = (3, 64, 64, 2), jump
        self.layers = nn.ModuleList(nn.Linear(*each) for each in pairwise(sizes))

    def forward(self, x, gamma):
        h = torch.cat([x, gamma[:, None]], 1)
        for layer in self.layers[:-1]:
            h = layer(h).relu()
        return self.layers[-1](h) + self.jump * (gamma > 0.5)[:, None]


@pytest.mark.parametrize("dtype", [F64, torch.float32])
def test_an_encoder_with_kinks_is_smooth_and_a_jump_among_them_is_seen(dtype):
    for seed in range(12):
        check_slope(vdm_with(LearnedEncoder(Kinked(seed).to(dtype)), dtype), some_images(2, (2,)))
        jumping = vdm_with(LearnedEncoder(Kinked(seed, 0.5).to(dtype)), dtype)
        with pytest.raises(ValueError, match="near gamma = 0.[45]"):
            check_slope(jumping, some_images(2, (2,)))


def cuts(model, monkeypatch):
    """How many looks at the encoder its check takes."""
    calls = []

    def counted(curve, *given):
        return find_jump(lambda gamma: calls.append(gamma) or curve(gamma), *given)

    with monkeypatch.context() as patch:
        patch.setattr(checks, "find_jump", counted)
        check_slope(model, PICTURES)
    return len(calls)


@pytest.mark.parametrize("dtype", [F64, torch.float32])
@pytest.mark.parametrize("width", [0.3, 0.1, 0.05, 0.02, 0.005, 0.001])
def test_a_steep_encoder_is_smooth(width, dtype, monkeypatch):
    assert cuts(vdm_with(ramp(width), dtype), monkeypatch) <= 6


def test_a_fast_encoder_is_cut_twelve_times_at_most(monkeypatch):
    assert cuts(vdm_with(module_of(shift=fast_shift), F64), monkeypatch) == CUTS


SIZES = ("tiny", "small", "small-fine", "medium")
ARMS = ("learned", "image", "fade", "affine", "inert", "skip", "unbounded")
THERE_ARE = {  # and the most looks that each takes
    **{f"{k}, {s}": (partial(build, ModelConfig(k, s)), 1) for k, s in product(KINDS, SIZES)},
    **{name: (partial(load_pretrained, name), 1) for name in pretrained_names()},
    **{f"fork, {arm}": (partial(fork.make_fork, arm), 2) for arm in ARMS},
}


@pytest.mark.parametrize("name", THERE_ARE)
def test_every_encoder_there_is_is_smooth_at_the_first_look(name, monkeypatch):
    make, most = THERE_ARE[name]
    model = make()
    monkeypatch.setattr(f"{__name__}.PICTURES", some_images(2, model.shape))
    assert 1 <= cuts(model, monkeypatch) <= most


def test_an_encoder_is_looked_at_once(monkeypatch):
    """Copies have it in common, and another encoder or range of gamma has not."""
    model = vdm_with(ramp(0.3))
    assert cuts(model, monkeypatch) > 0
    for same in (model, copy.deepcopy(model), model.with_parts(schedule=LinearSchedule(-13, 4.5))):
        assert cuts(same, monkeypatch) == 0
    for other in (
        model.with_parts(encoder=ramp(0.3)), model.with_parts(schedule=LinearSchedule(-13, 7))
    ):  # fmt: skip
        assert cuts(other, monkeypatch) > 0
