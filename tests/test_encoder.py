"""The three encoders and one's own: x_t, and u with dx_t / dlambda = sigma_t^2 u.         E1-E3"""

import pytest
import torch
from draws import F64, KINDS, module_of, seeded, some_images
from torch import nn

from diffenc_lite import DiffEnc, Noise, TrainConfig, elbo, evaluate, fit, train
from diffenc_lite.checks import check_parts
from diffenc_lite.encoder import IdentityEncoder, LearnedEncoder, ScalingEncoder, has_counterterm


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
    detached = module_of(shift=lambda x, g: e.shift(x, g.detach()))
    yield detached, "u that .* no gamma detached"  # u would be 0
    half_detached = module_of(shift=lambda x, g: (e.shift(x, g.detach()) + e.shift(x, g)) / 2)
    yield half_detached, "u that .* no gamma detached"  # half of it
    yield twice_u(e), "u that"
    yield FromZero(), "u that"
    nan = module_of(shift=lambda x, g: e.shift(x, g) * torch.where(g > 0, torch.nan, 1.0)[:, None])
    yield nan, "x_t that .* nan"
    halved = module_of(shift=lambda x, g: e.shift(x, g) / 2, encode=e.encode, change=e.change)
    yield halved, "x_t that follows"
    of_a_batch = module_of(shift=lambda x, g: sigma2(x, g) * (x.mean(0) - x))
    yield of_a_batch, "same shift for an example alone"
    yield module_of(shift=e.shift, change=lambda x, s, t: 0 * x), "change that follows"
    both = module_of(shift=e.shift, encode_step=lambda x, s, t: (x, e.change(x, s, t)))
    yield both, "encode_step that follows"


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
