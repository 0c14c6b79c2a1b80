"""A model with a centre c is the same model on x - c, seen from x."""

import pytest
import torch

from diffenc_lite.bound import diffusion_loss, elbo, prior_loss, reconstruction_loss, step_loss
from diffenc_lite.encoder import LearnedEncoder, ScalingEncoder
from diffenc_lite.model import DiffEnc, ModelConfig, build
from diffenc_lite.pretrained import load_model, save_model
from diffenc_lite.sampling import sample, sample_steps
from diffenc_lite.training.loop import TrainConfig, Trainer

SHAPE = (1, 3, 4)


class Bent(torch.nn.Module):
    """A denoiser that is not linear, in float64."""

    def __init__(self):
        super().__init__()
        draws = torch.Generator().manual_seed(0)
        self.bias = torch.nn.Parameter(torch.randn(SHAPE, generator=draws, dtype=torch.float64))

    def forward(self, z, gamma):
        return (z + self.bias).sin() * gamma.reshape(-1, 1, 1, 1)


@pytest.fixture
def pair():
    """(centred, plain, c, x, t, noise)"""
    draws = torch.Generator().manual_seed(1)
    c, x, noise = (
        torch.randn((n, *SHAPE), generator=draws, dtype=torch.float64) for n in (1, 5, 5)
    )
    t = torch.tensor([0.0, 0.3, 0.5, 0.9, 1.0], dtype=torch.float64)
    denoiser = Bent()
    plain = DiffEnc(denoiser, shape=SHAPE)
    return DiffEnc(denoiser, shape=SHAPE, centre=c[0]), plain, c[0], x, t, noise


def test_losses_are_those_of_the_shifted_data(pair):
    centred, plain, c, x, t, noise = pair
    for loss, more in (
        (prior_loss, ()),
        (diffusion_loss, (t, noise)),
        (step_loss, (0.9 * t, 0.05 + 0.95 * t, noise, 0.7)),
    ):
        here, there = loss(centred, x, *more), loss(plain, x - c, *more)
        torch.testing.assert_close(here, there, rtol=1e-11, atol=1e-11)
        assert not torch.allclose(here, loss(plain, x, *more))


def test_reconstruction_knows_no_centre(pair):
    centred, plain, _, _, _, noise = pair
    images = torch.randint(256, (5, *SHAPE), dtype=torch.uint8)
    here, there = (reconstruction_loss(model, images, noise) for model in (centred, plain))
    assert torch.equal(here, there)


def test_a_centre_of_zero_changes_nothing(pair):
    _, plain, c, _, t, noise = pair
    zero = DiffEnc(plain.denoiser, centre=torch.zeros_like(c))
    none = DiffEnc(plain.denoiser)
    images = torch.randint(256, (5, *SHAPE), dtype=torch.uint8)
    here, there = (elbo(m, images, t=t, noise=noise, noise_0=noise).total for m in (zero, none))
    torch.testing.assert_close(here, there)


def test_the_prior_of_the_mean_itself_is_least(pair):
    centred, plain, c, *_ = pair
    at_centre = prior_loss(centred, c[None])
    torch.testing.assert_close(at_centre, prior_loss(plain, torch.zeros_like(c)[None]))


def test_samples_are_those_of_the_plain_model_shifted(pair):
    centred, plain, c, *_ = pair
    runs = [
        sample_steps(model, 3, 4, generator=torch.Generator().manual_seed(2))
        for model in (centred, plain)
    ]
    with torch.no_grad():
        for here, there in zip(*runs, strict=True):
            alpha = plain.schedule(torch.tensor([here.t], dtype=torch.float64)).like(c[None]).alpha
            torch.testing.assert_close(here.z, there.z + alpha * c)
            torch.testing.assert_close(here.x_hat, there.x_hat + c)


def test_saved_and_loaded(tmp_path):
    torch.manual_seed(0)
    model = build(ModelConfig("identity", "tiny", centred=True)).eval()
    assert model.centre is not None and not model.centre.any()
    model.centre.copy_(torch.linspace(-1, 1, 784).reshape(1, 28, 28))
    save_model(model, tmp_path / "model", {})
    again = load_model(tmp_path / "model")
    assert again.config == model.config and torch.equal(again.centre, model.centre)
    drawn = [sample(m, 2, 2, generator=torch.Generator().manual_seed(0)) for m in (model, again)]
    assert torch.equal(*drawn)


@pytest.mark.parametrize("encoder", [ScalingEncoder(), LearnedEncoder(torch.nn.Identity())])
def test_a_moving_encoder_takes_no_centre(encoder):
    with pytest.raises(ValueError, match=f"centre needs IdentityEncoder.*{type(encoder).__name__}"):
        DiffEnc(Bent(), encoder, centre=torch.zeros(SHAPE))


def test_training_keeps_the_centre():
    """In the fast copy of the model too, and in its average: its prior is that of centred data."""
    torch.manual_seed(0)
    images = torch.randint(100, 256, (50, 1, 28, 28), dtype=torch.uint8)
    model = build(ModelConfig("identity", "tiny", centred=True))
    c = (2 * images.float() + 1).mean(0) / 256 - 1
    model.centre.copy_(c)
    trainer = Trainer(model, images, TrainConfig(2, batch=50, ends=50))
    prior, *_ = trainer.advance()
    plain = build(ModelConfig("identity", "tiny"))
    priors = [
        prior_loss(m, (2 * images.float() + 1) / 256 - 1).mean().item() / 784 / 0.6931
        for m in (model, plain)
    ]
    assert priors[0] < 0.7 * priors[1]
    assert prior == pytest.approx(priors[0], rel=0.1)
    assert torch.equal(model.centre, c) and torch.equal(trainer.averaged.centre, c)


def test_matched_size_has_the_parameters_of_the_learned_encoder():
    def parameters(*config):
        return sum(weight.numel() for weight in build(ModelConfig(*config)).parameters())

    assert parameters("identity", "small-matched") == pytest.approx(parameters("learned"), rel=0.02)
    assert parameters("identity") < 0.91 * parameters("learned")
