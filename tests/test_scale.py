"""The scale of the mean (G5, W7): in the bound, in samples, fitted, and in the grid."""

import itertools
import json
import math

import pytest
import torch
from draws import F64, KINDS, even, guessing, mean_bound, seeded, some_images

from diffenc_lite import (
    Chain,
    DiffEnc,
    cheapest_path,
    edge_costs,
    elbo,
    fit,
    load_fitted,
    pixels,
    read_card,
)
from diffenc_lite.course.worlds import SCALING, VDM, Exact, Gaussian, PlusMinus
from diffenc_lite.pretrained import FITTED

# --- worlds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoder", [VDM, SCALING], ids=["identity", "scaling"])
@pytest.mark.parametrize("world, gamma_0", [(PlusMinus(0.5), -2.0), (Gaussian(0.04), -13.3)])
@pytest.mark.parametrize("steps", [1, 6])
@pytest.mark.parametrize("scale", [False, True])
def test_the_step_of_a_world_is_found(encoder, world, gamma_0, steps, scale):
    """The exact scale and the ratio that belongs to it, within four standard errors. With E2 all
    but nothing of the data is left at t = 1, and the error says so."""
    exact, levels = Exact(world, encoder, gamma_0), 256 if gamma_0 < -10 else 2
    images = pixels.to_levels(world.draw(6000, seeded(3)), levels)
    fitted = fit(exact.model(levels), images, steps, scale=scale, generator=seeded(4))
    s, t = even(steps)[:-1], even(steps)[1:]
    ratio = 1 / (1 + exact.mean_squared_gap(s, t, "optimal" if scale else None))
    assert bool(((fitted.ratio - ratio).abs() < 4 * fitted.ratio_error + 1e-6).all())
    assert bool((fitted.ratio_error < 0.02).all())
    if scale:
        assert bool(((fitted.scale - exact.best_scale(s, t)).abs() < 4 * fitted.scale_error).all())
        assert steps < 6 or fitted.scale_error[0] < 0.03


def test_a_scale_stays_positive():
    """If x_hat points the wrong way, the best mean ignores it, and so do the edges."""
    model = DiffEnc(guessing(lambda z, n: -n.alpha * z), shape=(2,))
    images = some_images(20)
    fitted = fit(model, images, 1, generator=seeded(1))
    assert fitted.scale.tolist() == pytest.approx([1e-6])
    cost = edge_costs(model, images, 1, "optimal", seeded(1), scale="optimal")[0, 1]
    assert float(cost) == pytest.approx(-math.log(fitted.ratio), rel=1e-4)
    assert elbo(model, images, fitted).total.isfinite().all()


# --- the fit is least squares ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_fit_is_a_minimum(kind, small_model):
    """W7 on the images fitted: brute force over scale and ratio of every step."""
    model, images = small_model(kind, seed=3), some_images(40)
    grid = torch.tensor([0, 0.3, 0.8, 1], dtype=F64)
    fitted = fit(model, images, Chain(grid), generator=seeded(1))
    for values in (fitted.scale, fitted.ratio, fitted.scale_error, fitted.ratio_error):
        assert values.shape == (3,) and values.dtype == F64

    def bound_with(ratio, scale):
        return mean_bound(model, images, 3, ratio, scale, grid=grid)

    assert bool((fitted.scale > 1e-5).all())
    least = bound_with(fitted.ratio, fitted.scale)
    for row, on_ratio, on_scale in itertools.product(range(3), *[(0.98, 1, 1.02)] * 2):
        ratio, scale = fitted.ratio.clone(), fitted.scale.clone()
        ratio[row] *= on_ratio
        scale[row] *= on_scale
        if (on_ratio, on_scale) != (1, 1):
            assert bound_with(ratio, scale) > least
    for name in (None, "folded", 1.0):
        kept = fit(model, images, Chain(grid, 1.0, name), scale=False, generator=seeded(1))
        assert least <= bound_with(kept.ratio, name)
    again = fit(model, images, fitted, scale=False, generator=seeded(1))
    torch.testing.assert_close(again.ratio, fitted.ratio, rtol=1e-9, atol=0)
    torch.testing.assert_close(again.ratio_error, fitted.ratio_error, rtol=1e-6, atol=0)


def test_the_standard_errors_are_the_spread_of_the_fits(small_model):
    """Also where A*/c is about 2, so that the spread of ||x_hat||^2 counts."""
    half = guessing(lambda z, n: 0.5 * n.alpha * z)
    model, noise, fits = DiffEnc(half, small_model("scaling").encoder), seeded(1), []
    grid = torch.tensor([0, 0.5, 0.6, 1], dtype=F64)
    for _ in range(400):
        images = torch.randint(0, 256, (100, 2), generator=noise).to(torch.uint8)
        fits.append(fit(model, images, Chain(grid), generator=noise))
    for value, error in (("scale", "scale_error"), ("ratio", "ratio_error")):
        values, errors = (
            torch.stack([getattr(chain, name) for chain in fits])[:, :2]  # above the least scale
            for name in (value, error)
        )
        expected = errors.square().mean(0).sqrt()
        torch.testing.assert_close(values.std(0), expected, rtol=5 / math.sqrt(800), atol=0)


# --- what ships -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mnist-vdm", "mnist-scaling", "mnist-learned"])
def test_fitted_steps_ship_with_the_models(name):
    for steps in (4, 8, 16, 32, 64):
        chain = load_fitted(name, steps)
        assert chain.grid.tolist() == Chain.equal(steps).grid.tolist()
        assert bool((chain.ratio <= 1).all()) and chain.scale_error.shape == (steps,)
        if name == "mnist-vdm" and steps >= 8:
            assert bool(((chain.scale - 1).abs() < 0.1).all())


def test_fitted_steps_are_those_of_the_weights_that_ship():
    for name, fits in json.loads(FITTED.read_bytes())["models"].items():
        assert fits["sha256"] == read_card(name)["sha256"]
    for name, steps in (("mnist-vdm", 5), ("nothing", 4)):
        with pytest.raises(ValueError, match=f"{name}.*T = {steps}"):
            load_fitted(name, steps)


def test_one_scale_serves_all_dimensions_and_then_each_has_its_ratio(small_model):
    """W5: better than one ratio for all; W1c: worse than one for each step."""
    model, images = small_model("learned"), some_images(50)
    step, dimension, one = (
        fit(model, images, 2, ratio=kind, generator=seeded(1))
        for kind in ("step", "dimension", "constant")
    )
    assert torch.equal(step.scale, dimension.scale) and torch.equal(step.scale, one.scale)
    after = fit(model, images, step, scale=False, ratio="dimension", generator=seeded(7))
    assert (
        dimension.ratio.shape == after.ratio.shape == (2, 2) and len(set(one.ratio.tolist())) == 1
    )
    exact = fit(model, images, step, scale=False, ratio="dimension", generator=seeded(1))
    torch.testing.assert_close((1 / exact.ratio).mean(1), 1 / step.ratio, rtol=1e-9, atol=0)
    totals = [mean_bound(model, images, 2, c.ratio, c.scale) for c in (exact, step)]
    assert totals[0] < totals[1]
    loss = (1 / fit(model, images, step, scale=False, generator=seeded(2)).ratio - 1).sum()
    again = fit(model, images, step, scale=False, ratio="constant", generator=seeded(2))
    assert float(again.ratio[0]) == pytest.approx(1 / (1 + float(loss) / 2), rel=1e-9)


def test_a_fit_with_a_resolution_has_the_best_grid(small_model):
    model, images = small_model("learned"), some_images(20)
    for scale, kind in ((True, "optimal"), (False, None)):
        costs = edge_costs(model, images, 8, "optimal", seeded(1), scale=kind)
        chain = fit(model, images, 3, scale=scale, resolution=8, generator=seeded(1))
        assert torch.equal(chain.grid, cheapest_path(costs, 3) / 8.0)
        assert (chain.scale is None) == (not scale)
