"""`elbo`: what is drawn and what is given, ratios and grids, gradients, shapes.            L0-L4"""

import math

import pytest
import torch
from draws import F64, KINDS, seeded, some_images
from hypothesis import given, settings
from hypothesis import strategies as st

from diffenc_lite import Chain, bound, elbo, pixels
from diffenc_lite.checks import check_slope


def test_low_discrepancy_covers_the_unit_interval(generator):
    like = torch.zeros(1, dtype=F64)
    for n in (1, 2, 7, 128):
        t = bound.low_discrepancy(n, like, generator).sort().values
        assert t.shape == (n,) and t.min() >= 0 and t.max() < 1
        around = torch.cat([t, t[:1] + 1]).diff()
        torch.testing.assert_close(around, torch.full_like(around, 1 / n), rtol=1e-9, atol=0)


def test_each_depth_is_uniform_by_itself(generator):
    """Kolmogorov-Smirnov at 0.1% for each coordinate."""
    like, draws = torch.zeros(1, dtype=F64), 4000
    t = torch.stack([bound.low_discrepancy(4, like, generator) for _ in range(draws)])
    ranks = torch.arange(draws, dtype=F64)[:, None] / draws
    assert (t.sort(0).values - ranks).abs().max() < 1.95 / math.sqrt(draws)


def test_elbo_draws_from_its_generator_only(small_model, pictures):
    model, images = small_model("learned"), pictures[0]
    state = torch.get_rng_state()

    def total(seed, **options):
        return elbo(model, images, generator=seeded(seed), **options).total

    for options in ({}, {"steps": 4}, {"steps": 4, "every_step": True}):
        assert torch.equal(total(1, **options), total(1, **options))
        assert bool((total(1, **options) != total(2, **options)).all())
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("kind", KINDS)
def test_elbo_is_made_of_its_pieces(kind, small_model, pictures, generator, levels=16):
    """And draws nothing where all is given."""
    model, (images, noise, noise_0) = small_model(kind, levels=levels), pictures
    images = images // (256 // levels)
    x, t = pixels.to_unit(images, levels, F64), torch.tensor([0.2, 0.5, 0.95], dtype=F64)
    before = generator.get_state()
    terms = elbo(model, images, t=t, noise=noise, noise_0=noise_0, generator=generator)
    assert torch.equal(generator.get_state(), before)
    prior, reconstruction = bound.end_losses(model, images, noise_0)
    assert torch.equal(terms.prior, prior) and torch.equal(terms.reconstruction, reconstruction)
    assert torch.equal(terms.diffusion, bound.diffusion_loss(model, x, t, noise))
    total = prior + reconstruction + terms.diffusion
    assert torch.equal(terms.total, total)
    torch.testing.assert_close(terms.bits_per_dim(), total / (2 * math.log(2)), rtol=1e-12, atol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_row_i_of_grid_ratio_and_scale_belongs_to_step_i(kind, small_model, pictures):
    """t in the middle of step i, or at its upper end, picks step i, which counts T times."""
    model, (images, noise, noise_0) = small_model(kind), pictures
    grid, ratio, scale = torch.tensor(
        [[0, 0.1, 0.4, 0.7, 1], [0.5, 1, 2, 0.8, 0], [0.3, 0.9, 1.7, 1, 0]], dtype=F64
    )
    chain = Chain(grid, ratio[:-1], scale[:-1])
    x, given = pixels.to_unit(images, dtype=F64), {"noise": noise, "noise_0": noise_0}
    losses = []
    for s, t, w, a in zip(grid[:-1], grid[1:], ratio, scale, strict=False):
        losses.append(bound.step_loss(model, x, s.expand(3), t.expand(3), noise, w, a))
        for depth in ((s + t) / 2, t):
            one = elbo(model, images, chain, t=depth.expand(3), **given).diffusion
            torch.testing.assert_close(one, 4 * losses[-1], rtol=1e-12, atol=0)
    whole = elbo(model, images, chain, every_step=True, **given).diffusion
    torch.testing.assert_close(whole, sum(losses), rtol=1e-12, atol=0)


def test_drawn_steps_are_spread_evenly(small_model, pictures):
    """As many equal images as steps: each step is drawn once, so the mean is the whole sum."""
    model, (images, noise, _) = small_model("learned"), pictures
    images, noise = images[:1].expand(6, -1), noise[:1].expand(6, -1)
    whole = elbo(model, images, steps=6, every_step=True, noise=noise).diffusion
    for _ in range(3):
        drawn = elbo(model, images, steps=6, noise=noise).diffusion
        torch.testing.assert_close(drawn.mean(), whole[0], rtol=1e-10, atol=0)


def test_the_encoder_runs_once_for_both_ends_and_once_for_the_rest(small_model, pictures):
    model, batches = small_model("learned"), []
    check_slope(model, pictures[0])
    model.encoder.network.register_forward_hook(lambda _, args, out: batches.append(len(args[0])))
    elbo(model, pictures[0])
    assert batches == [3, 6]


MODES = {
    "infinite": {},
    "one step": {"steps": Chain.equal(4, torch.tensor([0.5, 1.0, 2.0, 0.8], dtype=F64))},
    "every step": {"steps": Chain.equal(3, 0.7), "every_step": True},
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_gradient_of_the_bound_in_every_parameter(kind, mode, small_model, pictures):
    """Against central differences: denoiser, encoder network and both end points of gamma."""
    model, (images, noise, noise_0) = small_model(kind, learned_schedule=True), pictures
    given = {"noise": noise, "noise_0": noise_0, **MODES[mode]}
    if "every_step" not in given:
        given["t"] = torch.tensor([0.15, 0.45, 0.8], dtype=F64)

    parameters = dict(model.named_parameters())
    assert {"schedule.gamma_min", "schedule.log_width"} < parameters.keys()
    weights = tuple(parameters.values())

    def loss(*_):  # of the weights, which `gradcheck` moves in place
        return elbo(model, images, **given).total.mean()

    assert torch.autograd.gradcheck(loss, weights, eps=1e-5, atol=1e-5, rtol=1e-5)
    for name, gradient in zip(parameters, torch.autograd.grad(loss(), weights), strict=True):
        assert bool((gradient != 0).all()), name


@settings(max_examples=25, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    shape=st.sampled_from([(2,), (1, 28, 28), (3, 32, 32), (28, 28, 1)]),
    dtype=st.sampled_from([torch.float32, F64]),
    batch=st.integers(1, 3),
    levels=st.sampled_from([2, 16, 256]),
    options=st.sampled_from(
        [{}, {"steps": 3, "every_step": True}, {"steps": Chain.equal(3, 1.0, "folded")}]
    ),
)
def test_shapes_and_dtypes(small_model, kind, shape, dtype, batch, levels, options):
    """Any shape gives what the flattened data give, per example, in the dtype of the model."""
    images = some_images(batch, shape, levels)
    model = small_model(kind, shape, dtype, levels=levels)
    flat = small_model(kind, (images[0].numel(),), dtype, levels=levels)
    a = elbo(model, images, generator=seeded(1), **options)
    b = elbo(flat, images.flatten(1), generator=seeded(1), **options)
    for name in ("prior", "reconstruction", "diffusion", "total"):
        term = getattr(a, name)
        assert term.shape == (batch,) and term.dtype == dtype and bool(term.isfinite().all())
        torch.testing.assert_close(term, getattr(b, name), rtol=1e-4, atol=0)
    assert a.bits_per_dim().shape == (batch,) and a.dims == images[0].numel()
