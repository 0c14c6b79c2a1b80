"""The three encoders and one's own: x_t, and u with dx_t / dlambda = sigma_t^2 u.         E1-E3"""

import pytest
import torch
from draws import F64, KINDS, seeded, some_images
from torch import nn

from diffenc_lite import (
    DiffEnc,
    IdentityEncoder,
    LearnedEncoder,
    Noise,
    ScalingEncoder,
    TrainConfig,
    elbo,
    evaluate,
    fit,
    train,
)
from diffenc_lite.encoder import has_counterterm
from diffenc_lite.evaluation import check_encoder


def encode(encoder, x, gamma):
    return DiffEnc(nn.Identity(), encoder).encode(x, gamma)


GAMMA = torch.linspace(-13.3, 5, 12, dtype=F64)


class Zero(nn.Module):
    def forward(self, x, gamma):
        return torch.zeros_like(x)


@pytest.mark.parametrize("encoder", [ScalingEncoder(), LearnedEncoder(Zero())])
def test_change_does_not_cancel_in_float32(encoder, normal):
    """Over one of a thousand steps near gamma = 5, where x_t hardly moves any more."""
    x, gamma_t = normal(50, 2).float(), torch.linspace(4, 5, 50)
    gamma_s = gamma_t - 0.0183
    model = DiffEnc(nn.Identity(), encoder)
    low = model.change(x, gamma_s, gamma_t)[1].double()
    high = model.change(x.double(), gamma_s.double(), gamma_t.double())[1]
    torch.testing.assert_close(low, high, rtol=1e-5, atol=0)


# --- one's own: one method ------------------------------------------------------------------------


class OnlyShift(nn.Module):
    """The shift of another encoder, and nothing else."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder

    def shift(self, x, gamma):
        return self.encoder.shift(x, gamma)


class WithU(OnlyShift):
    def u(self, x, gamma):
        return 2 * encode(self.encoder, x, gamma).u


@pytest.mark.parametrize("dtype, rtol", [(F64, 1e-12), (torch.float32, 2e-5)])
@pytest.mark.parametrize("kind", KINDS)
def test_u_follows_from_the_shift_alone(kind, dtype, rtol, small_model, normal):
    """In float32 to a few of its digits at all of 500 depths, and far closer on average."""
    built_in, x = small_model(kind, dtype=dtype).encoder, normal(500, 2).to(dtype)
    gamma = torch.linspace(-13.3, 5, 500, dtype=dtype)
    x_t, u = encode(OnlyShift(built_in), x, gamma)
    expected = encode(built_in, x, gamma)
    torch.testing.assert_close(x_t, expected.x_t, rtol=rtol, atol=rtol)
    torch.testing.assert_close(u, expected.u, rtol=rtol, atol=rtol)
    off = (u - expected.u).square().mean().sqrt() / expected.u.square().mean().sqrt().clamp(min=1)
    assert off < (5e-7 if dtype == torch.float32 else 1e-14)


@pytest.mark.parametrize("steps", [None, 3])
@pytest.mark.parametrize("kind", ["scaling", "learned"])
def test_one_method_makes_an_encoder(kind, steps, small_model):
    built_in, images = small_model(kind), some_images(8)
    own = DiffEnc(built_in.denoiser, OnlyShift(built_in.encoder))
    totals = [elbo(model, images, steps, generator=seeded(1)).total for model in (own, built_in)]
    torch.testing.assert_close(*totals, rtol=1e-9, atol=1e-9)


def test_what_an_encoder_gives_is_used(small_model, normal):
    built_in, x = small_model("learned").encoder, normal(len(GAMMA), 2)
    assert torch.equal(encode(WithU(built_in), x, GAMMA).u, 2 * encode(built_in, x, GAMMA).u)
    assert has_counterterm(OnlyShift(built_in)) and has_counterterm(ScalingEncoder())
    assert not has_counterterm(IdentityEncoder())


class Detached(OnlyShift):
    def shift(self, x, gamma):
        return super().shift(x, gamma.detach())


class HalfDetached(OnlyShift):
    def shift(self, x, gamma):
        return (super().shift(x, gamma.detach()) + super().shift(x, gamma)) / 2


class Nan(OnlyShift):
    def shift(self, x, gamma):
        return super().shift(x, gamma) * torch.where(gamma > 0, torch.nan, 1.0)[:, None]


class OwnShift(nn.Module):
    """Its `encode` is that of another encoder, as if it were inherited."""

    def __init__(self, other):
        super().__init__()
        self.other, self.encode, self.change = other, other.encode, other.change

    def shift(self, x, gamma):
        return self.other.shift(x, gamma) / 2


class OfABatch(nn.Module):
    """Each example is moved by the others."""

    def __init__(self, other):
        super().__init__()

    def shift(self, x, gamma):
        return Noise.from_gamma(gamma).like(x).sigma.square() * (x.mean(0) - x)


class FromZero(nn.Module):
    """x_t = x before it is trained, when a wrong u is 0 as the right one."""

    def __init__(self, other):
        super().__init__()
        self.m = nn.Parameter(torch.zeros(()))

    def shift(self, x, gamma):
        return Noise.from_gamma(gamma).like(x).sigma.square() * self.m * torch.ones_like(x)

    def u(self, x, gamma):
        return 5 * self.m * torch.ones_like(x)


class OwnChange(OwnShift):
    def __init__(self, other):
        super().__init__(other)
        self.change = lambda x, s, t: (x + self.shift(x, t), 0 * x)

    def shift(self, x, gamma):
        return self.other.shift(x, gamma)


class Dropping(nn.Module):
    """Legal: no two masks are alike, and u = 0 is right."""

    def __init__(self):
        super().__init__()
        self.weight, self.drop = nn.Parameter(torch.ones(())), nn.Dropout(0.5)

    def shift(self, x, gamma):
        return self.weight * self.drop(x)


def first_uses(model, images):
    """Where an encoder is checked: before an evaluation, a fit and a training."""
    yield lambda: evaluate(model, images, generator=seeded(1))
    yield lambda: fit(model, images, 2, generator=seeded(1))
    yield lambda: train(model, images, TrainConfig(1, batch=4))


@pytest.mark.parametrize("kind", ["scaling", "learned"])
@pytest.mark.parametrize(
    "wrong, words",
    [
        (Detached, "must have the u that .* no gamma detached"),  # u would be 0
        (HalfDetached, "must have the u that .* no gamma detached"),  # half of it
        (WithU, "must have the u that"),  # twice
        (FromZero, "must have the u that"),
        (Nan, "must have the x_t that .* nan"),
        (OwnShift, "must have the x_t that follows"),
        (OfABatch, "must have the same shift for an example alone"),
        (OwnChange, "must have the change that follows"),
    ],
)
def test_an_encoder_that_would_make_a_wrong_bound_is_refused(kind, wrong, words, small_model):
    model = small_model(kind)
    model.encoder = wrong(model.encoder)
    for use in first_uses(model, some_images(8)):
        with pytest.raises(ValueError, match=f"^encoder {words}"):
            use()


def test_a_legal_encoder_is_used_and_its_check_draws_nothing(small_model):
    denoiser, images = small_model().denoiser, some_images(8)
    for encoder in (Dropping(), Detached(IdentityEncoder())):
        model = DiffEnc(denoiser, encoder).train()
        before = torch.get_rng_state()
        check_encoder(model, images)
        assert torch.equal(torch.get_rng_state(), before) and model.training
        for use in first_uses(model, images):
            use()


class Fast(nn.Module):
    """Sines of 1,000 times the depth, as in other networks, turn in a hundredth of gamma."""

    def shift(self, x, gamma):
        n = Noise.from_gamma(gamma).like(x)
        return n.sigma.square() * (1000 * n.gamma / 18.3).sin() * x


class Root(nn.Module):
    """With a weight that must be positive."""

    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.full((9, 2), 0.05, dtype=F64))

    def shift(self, x, gamma):
        return Noise.from_gamma(gamma).like(x).sigma.square() * self.a[0].sqrt() * x


@pytest.mark.parametrize("encoder", [Fast(), Root()])
def test_an_encoder_of_another_kind_is_legal(encoder, small_model):
    check_encoder(DiffEnc(small_model().denoiser, encoder), some_images(8))


class Weighty:
    """An encoder with weights that nothing would train or save."""

    def __init__(self, held):
        self.held = held

    def shift(self, x, gamma):
        return 0 * x


def test_an_encoder_with_weights_is_a_module():
    for held in (nn.Parameter(torch.zeros(())), nn.Linear(2, 2)):
        with pytest.raises(TypeError, match="^encoder must be an nn.Module"):
            DiffEnc(nn.Identity(), Weighty(held))
    assert DiffEnc(nn.Identity(), Weighty(3.0)).encoder.held == 3.0
