"""`elbo`: what is drawn and what is given, ratios and grids, gradients, shapes.            L0-L4"""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diffenc_lite import ModelConfig, bound, build, elbo, evaluate, pixels
from diffenc_lite.evaluation import each_image

KINDS = ("identity", "scaling", "learned")
F64 = torch.float64


# --- the depths that are drawn --------------------------------------------------------------------


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


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [{}, {"steps": 5}, {"steps": 5, "every_step": True}])
def test_elbo_is_a_function_of_what_is_given(kind, options, small_model, pictures, generator):
    """With t, noise and noise_0 given nothing is drawn."""
    model, (images, noise, noise_0) = small_model(kind), pictures
    given = {"noise": noise, "noise_0": noise_0, **options}
    if "every_step" not in options:
        given["t"] = torch.tensor([0.1, 0.5, 0.9])
    before = generator.get_state()
    first = elbo(model, images, generator=generator, **given)
    assert torch.equal(generator.get_state(), before)
    assert torch.equal(elbo(model, images, **given).total, first.total)


def test_elbo_draws_from_its_generator_only(small_model, pictures):
    model, images = small_model("learned"), pictures[0]
    state = torch.get_rng_state()

    def total(seed, **options):
        return elbo(model, images, generator=torch.Generator().manual_seed(seed), **options).total

    for options in ({}, {"steps": 4}, {"steps": 4, "every_step": True}):
        assert torch.equal(total(1, **options), total(1, **options))
        assert bool((total(1, **options) != total(2, **options)).all())
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("levels", [16, 256])
@pytest.mark.parametrize("kind", KINDS)
def test_elbo_is_made_of_its_pieces(kind, levels, small_model, pictures):
    model, (images, noise, noise_0) = small_model(kind, levels=levels), pictures
    images = images // (256 // levels)
    x, t = pixels.to_unit(images, levels, F64), torch.tensor([0.2, 0.5, 0.95], dtype=F64)
    found = elbo(model, images, t=t, noise=noise, noise_0=noise_0)
    prior, reconstruction = bound.end_losses(model, images, noise_0)
    assert torch.equal(found.prior, prior) and torch.equal(found.reconstruction, reconstruction)
    assert torch.equal(found.diffusion, bound.diffusion_loss(model, x, t, noise))
    total = prior + reconstruction + found.diffusion
    assert torch.equal(found.total, total)
    torch.testing.assert_close(found.bits_per_dim(), total / (2 * math.log(2)), rtol=1e-12, atol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_every_step_is_the_mean_of_single_steps(kind, small_model, pictures):
    """t in the middle of step i, or at its upper end, picks step i, which counts T times."""
    model, (images, noise, noise_0) = small_model(kind), pictures
    ratio = torch.tensor([0.5, 1.0, 2.0, 0.8], dtype=F64)
    given = {"steps": 4, "ratio": ratio, "noise": noise, "noise_0": noise_0}
    whole = elbo(model, images, every_step=True, **given).diffusion
    for place in (0.5, 1.0):
        t = [torch.full((3,), (i + place) / 4) for i in range(4)]
        single = torch.stack([elbo(model, images, t=t_i, **given).diffusion for t_i in t])
        torch.testing.assert_close(single.mean(0), whole, rtol=1e-12, atol=0)


def test_drawn_steps_are_spread_evenly(small_model, pictures):
    """As many equal images as steps: each step is drawn once, so the mean is the whole sum."""
    model, (images, noise, _) = small_model("learned"), pictures
    images, noise = images[:1].expand(6, -1), noise[:1].expand(6, -1)
    whole = elbo(model, images, steps=6, every_step=True, noise=noise).diffusion
    for _ in range(3):
        drawn = elbo(model, images, steps=6, noise=noise).diffusion
        torch.testing.assert_close(drawn.mean(), whole[0], rtol=1e-10, atol=0)


def test_row_i_of_the_ratio_belongs_to_step_i(small_model, pictures):
    model, (images, noise, _) = small_model("scaling"), pictures
    x = pixels.to_unit(images, dtype=F64)
    ratio = [0.3, 0.9, 1.7]
    for i, w in enumerate(ratio):
        t = torch.full((3,), (i + 0.5) / 3)
        found = elbo(model, images, steps=3, ratio=torch.tensor(ratio), t=t, noise=noise)
        s, end = torch.full((3,), i / 3, dtype=F64), torch.full((3,), (i + 1) / 3, dtype=F64)
        expected = 3 * bound.step_loss(model, x, s, end, noise, w)
        torch.testing.assert_close(found.diffusion, expected, rtol=1e-6, atol=0)


def test_a_grid_of_equal_steps_changes_nothing_and_another_does(small_model, pictures):
    model, (images, noise, noise_0) = small_model("learned"), pictures
    given = {"steps": 4, "every_step": True, "noise": noise, "noise_0": noise_0}
    plain = elbo(model, images, **given).diffusion
    equal = elbo(model, images, grid=torch.linspace(0, 1, 5, dtype=F64), **given).diffusion
    assert torch.equal(plain, equal)
    grid = torch.tensor([0, 0.1, 0.4, 0.7, 1], dtype=F64)
    x = pixels.to_unit(images, dtype=F64)
    by_hand = sum(
        bound.step_loss(model, x, s.expand(3), t.expand(3), noise)
        for s, t in zip(grid[:-1], grid[1:], strict=True)
    )
    found = elbo(model, images, grid=grid, **given).diffusion
    torch.testing.assert_close(found, by_hand, rtol=1e-12, atol=0)
    assert bool((found != plain).all())


# --- gradients ------------------------------------------------------------------------------------

MODES = {
    "infinite": {},
    "one step": {"steps": 4, "ratio": torch.tensor([0.5, 1.0, 2.0, 0.8], dtype=F64)},
    "every step": {"steps": 3, "every_step": True, "ratio": 0.7},
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_gradient_of_the_bound_in_every_parameter(kind, mode, small_model, pictures):
    """Against central differences: denoiser, encoder network and both end points of gamma."""
    model, (images, noise, noise_0) = small_model(kind, learned_schedule=True), pictures
    given = {"noise": noise, "noise_0": noise_0, **MODES[mode]}
    if "every_step" not in given:
        given["t"] = torch.tensor([0.15, 0.45, 0.8], dtype=F64)

    def loss():
        return elbo(model, images, **given).total.mean()

    parameters = dict(model.named_parameters())
    assert {"schedule.gamma_min", "schedule.log_width"} < parameters.keys()
    gradients = torch.autograd.grad(loss(), list(parameters.values()))
    with torch.no_grad():
        for (name, parameter), gradient in zip(parameters.items(), gradients, strict=True):
            values, expected, h = (
                parameter.view(-1),
                torch.zeros(parameter.numel(), dtype=F64),
                1e-5,
            )
            for i in range(len(values)):
                kept = values[i].clone()
                values[i] = kept + h
                above = loss()
                values[i] = kept - h
                expected[i] = (above - loss()) / (2 * h)
                values[i] = kept
            torch.testing.assert_close(
                gradient.view(-1), expected, rtol=1e-5, atol=1e-5, msg=lambda m, n=name: f"{n}: {m}"
            )
            assert bool((gradient != 0).all()), name


# --- shapes, dtypes, float32 ----------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    shape=st.sampled_from([(2,), (1, 28, 28), (3, 32, 32), (28, 28, 1)]),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    batch=st.integers(1, 3),
    levels=st.sampled_from([2, 16, 256]),
    options=st.sampled_from(
        [{}, {"steps": 1}, {"steps": 3, "every_step": True}, {"steps": 3, "ratio": 0.5}]
    ),
)
def test_shapes_and_dtypes(small_model, kind, shape, dtype, batch, levels, options):
    """Any shape gives what the flattened data give, per example, in the dtype of the model."""
    g = torch.Generator().manual_seed(0)
    images = torch.randint(0, levels, (batch, *shape), generator=g).to(torch.uint8)
    model = small_model(kind, shape, dtype, levels=levels)
    flat = small_model(kind, (images[0].numel(),), dtype, levels=levels)
    a = elbo(model, images, generator=torch.Generator().manual_seed(1), **options)
    b = elbo(flat, images.flatten(1), generator=torch.Generator().manual_seed(1), **options)
    for name in ("prior", "reconstruction", "diffusion", "total"):
        term = getattr(a, name)
        assert term.shape == (batch,) and term.dtype == dtype and bool(term.isfinite().all())
        torch.testing.assert_close(term, getattr(b, name), rtol=1e-4, atol=0)
    assert a.bits_per_dim().shape == (batch,) and a.dims == images[0].numel()


@pytest.mark.parametrize("depth", [{}, {"steps": 1, "ratio": 1e-8}, {"steps": 7}])
@pytest.mark.parametrize("kind", KINDS)
def test_float32_terms_agree_with_float64(kind, depth, small_model, generator):
    """With one step and a moving encoder w* is about 1e-8."""
    images = torch.randint(0, 256, (200, 2), generator=generator).to(torch.uint8)
    noise, noise_0 = (torch.randn(200, 2, generator=generator) for _ in range(2))
    given = {"t": torch.linspace(0, 1, 200), "noise": noise, "noise_0": noise_0, **depth}
    low = elbo(small_model(kind, dtype=torch.float32), images, **given)
    high = elbo(small_model(kind, dtype=torch.float32).double(), images, **given)
    for name in ("prior", "reconstruction", "diffusion", "total"):
        assert getattr(low, name).dtype == torch.float32
        torch.testing.assert_close(
            getattr(low, name).double(), getattr(high, name), rtol=1e-3, atol=0, msg=name
        )


# --- a set of images ------------------------------------------------------------------------------


def test_an_evaluation_has_the_means_over_images():
    torch.manual_seed(0)
    model = build(ModelConfig("scaling", "tiny", shape=(3,)))
    images = torch.randint(256, (7, 3), dtype=torch.uint8)

    def of(function):
        draws = torch.Generator().manual_seed(0)
        return function(model, images, passes=2, batch=3, generator=draws)

    found, each = of(evaluate), of(each_image)
    assert each.shape == (3, 7)
    means = [found.prior, found.reconstruction, found.diffusion]
    assert each.mean(1).tolist() == pytest.approx(means, rel=1e-12)
    total = each.sum(0)
    assert total.mean().item() == pytest.approx(found.total, rel=1e-12)
    assert total.std().item() / math.sqrt(7) == pytest.approx(found.standard_error, rel=1e-12)
