"""Ancestral sampling, in a world where every marginal is known.                           G1-G3"""

import math

import pytest
import torch
from draws import F64, KINDS, module_of, seeded, shaken

from diffenc_lite import Chain, DiffEnc, LinearSchedule, ModelConfig, build, elbo, pixels, process
from diffenc_lite.sampling import sample, sample_steps


@pytest.mark.parametrize("kind", KINDS)
def test_reproducible_by_generator(kind, small_model):
    model, state = small_model(kind), torch.get_rng_state()
    first = sample(model, 50, 3, generator=seeded(1))
    assert torch.equal(sample(model, 50, 3, generator=seeded(1)), first)
    assert not torch.equal(sample(model, 50, 3, generator=seeded(2)), first)
    assert torch.equal(torch.get_rng_state(), state)


def test_never_calls_the_encoder(small_model):
    encoder = module_of(shift=len)  # which cannot be called so
    model = DiffEnc(small_model().denoiser, encoder, shape=(2,))
    assert sample(model, 4, 3).shape == (4, 2)


Z_ITSELF = module_of(forward=lambda z, gamma: z)


def test_a_model_made_for_no_shape_takes_any():
    for shape in ((3,), (1, 4, 4)):
        model, other = DiffEnc(Z_ITSELF), torch.zeros(2, 5, dtype=torch.uint8)
        images = torch.zeros(2, *shape, dtype=torch.uint8)
        assert elbo(model, images).dims == math.prod(shape) and elbo(model, other).dims == 5
        with pytest.raises(ValueError, match="^shape"):
            sample(model, 2, 1)
        assert sample(model, 2, 1, shape=shape).shape == (2, *shape)
        assert model.shape is None
        with pytest.raises(ValueError, match="^shape"):
            sample(DiffEnc(Z_ITSELF, shape=shape), 2, 1, shape=(5,))


@pytest.mark.parametrize("scale", [None, torch.tensor([0.3, 0.9, 1.7], dtype=F64)])
@pytest.mark.parametrize("kind", KINDS)
def test_steps_tell_where_the_sampler_stands(kind, scale, small_model):
    """t from 1 to 0; x_hat is what the denoiser sees in z; each mean is that of G3 or G5."""
    model, chain = small_model(kind), Chain([0, 0.2, 0.7, 1], 1e16, scale)  # all but no noise
    with torch.no_grad():
        steps = list(sample_steps(model, 3, chain, generator=seeded(0)))
        assert [step.t for step in steps] == pytest.approx([1, 0.7, 0.2, 0])
        for i, here, there in zip((2, 1, 0), steps[:-1], steps[1:], strict=True):
            s, t = (model.schedule(torch.full((3,), step.t, dtype=F64)) for step in (there, here))
            v_hat = model.denoiser(here.z, t.gamma)
            s, t = s.like(here.z), t.like(here.z)
            x_hat = t.alpha * here.z - t.sigma * v_hat
            torch.testing.assert_close(here.x_hat, x_hat, rtol=1e-12, atol=1e-12)
            u_hat = 0.0 if kind == "identity" else x_hat
            scale_i = None if scale is None else scale[i]
            mean = process.generative_step(here.z, x_hat, u_hat, s, t, scale=scale_i).mean
            torch.testing.assert_close(there.z, mean, rtol=1e-5, atol=1e-6)
        alpha_0 = math.sqrt(1 / (1 + math.exp(-13.3)))
        torch.testing.assert_close(steps[-1].x_hat, steps[-1].z / alpha_0, rtol=1e-12, atol=0)


def test_levels_are_drawn_from_the_softmax_and_not_the_nearest(small_model):
    """G2, with so much noise at t = 0 that the two differ."""
    denoiser, schedule = small_model().denoiser, LinearSchedule(-1.0, 5.0)
    model = DiffEnc(denoiser, schedule=schedule, levels=4, shape=(2,))
    with torch.no_grad():
        *_, last = sample_steps(model, 5000, Chain.equal(2, 1e16), generator=seeded(4))
    n = schedule(torch.zeros(5000, dtype=F64)).like(last.z)
    expected = pixels.level_logits(last.z, n, 4).softmax(-1).mean((0, 1))
    drawn = sample(model, 5000, Chain.equal(2, 1e16), generator=seeded(4))
    assert drawn.dtype == torch.uint8 and drawn.shape == (5000, 2)

    def far_from_expected(levels):
        """In standard errors."""
        seen = levels.flatten().bincount(minlength=4) / 10000
        return ((seen - expected).abs() / (expected * (1 - expected) / 10000).sqrt()).max()

    assert far_from_expected(drawn) < 4
    assert far_from_expected(pixels.to_levels(last.x_hat, 4)) > 10


def test_a_sample_has_no_dropout_and_keeps_the_mode():
    """Twice the same by one seed, also of a model that is being trained."""
    model = shaken(build(ModelConfig("identity", "tiny", shape=(1, 8, 8), dropout=0.5))).train()
    drawn = [sample(model, 4, 5, generator=seeded(1)) for _ in range(2)]
    assert torch.equal(*drawn) and all(module.training for module in model.modules())
    first, *_, last = sample_steps(model, 4, 5, generator=seeded(1))
    assert not first.x_hat.requires_grad
    *_, again = sample_steps(model.eval(), 4, 5, generator=seeded(1))
    assert torch.equal(last.z, again.z)
