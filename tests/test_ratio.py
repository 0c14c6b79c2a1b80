"""Fitted steps: the noise variance ratio, the scale of the mean, the grid.    W1, W4, W5, W7, G5"""

import itertools
import json
import math
from functools import partial

import pytest
import torch
from draws import F64, KINDS, even, guessing, seeded, some_images

from diffenc_lite import Chain, DiffEnc, LinearSchedule, bound, elbo, load_mnist, pixels, process
from diffenc_lite.course.worlds import SCALING, VDM, Exact, Gaussian, PlusMinus
from diffenc_lite.gaussian import best_ratio, kl_ratio
from diffenc_lite.pretrained import FITTED, load_fitted, load_pretrained, read_card
from diffenc_lite.ratio import cheapest_path, edge_costs, fit


def of_every_step(model, images, steps):
    """The bound, each step with noise of its own: the noise that a fit with `seeded(1)` draws."""
    given = {"every_step": True, "generator": seeded(1), "noise_0": torch.zeros(images.shape)}
    return elbo(model, images, steps, **given)


@pytest.mark.parametrize("per_dimension", [True, False])
@pytest.mark.parametrize("scale", [None, "folded", 1.3])
@pytest.mark.parametrize("kind", KINDS)
def test_the_fitted_ratio_is_that_of_the_mean_gap(kind, scale, per_dimension, small_model):
    """Of all images, in unequal batches."""
    model, images, noise, batches = small_model(kind), some_images(7), seeded(1), []
    grid = torch.tensor([0, 0.1, 0.5, 1], dtype=F64)
    given = {"ratio": "dimension" if per_dimension else "step", "generator": seeded(1), "batch": 4}
    fitted = fit(model, images, Chain(grid, scale=scale), scale="keep", **given)
    for batch in model.to_unit(images).split(4):
        gaps = torch.zeros(3, len(batch), 2, dtype=F64)
        for i, (s, t) in enumerate(itertools.pairwise(grid)):
            ends = s.expand(len(batch)), t.expand(len(batch))
            eps = torch.randn(batch.shape, generator=noise, dtype=F64)
            gaps[i] = bound.squared_gap(model, batch, *ends, eps, scale).detach()
        batches.append(gaps if per_dimension else gaps.mean(2))
    gaps = torch.cat(batches, 1)  # (T, N) or (T, N, 2)
    ratio, error = best_ratio(gaps.mean(1)), gaps.std(1) / math.sqrt(7)
    torch.testing.assert_close(fitted.ratio, ratio, rtol=1e-9, atol=0)
    torch.testing.assert_close(fitted.ratio_error, ratio.square() * error, rtol=1e-6, atol=0)


@pytest.mark.filterwarnings("error")
def test_one_image_tells_nothing_of_the_error(small_model):
    chain = fit(small_model(dtype=torch.float32), some_images(1), 2)
    assert bool((chain.ratio <= 1).all()) and bool((chain.scale > 0).all())
    assert bool(chain.ratio_error.isnan().all()) and bool(chain.scale_error.isnan().all())
    assert chain.ratio.dtype == chain.scale.dtype == torch.float32


def test_networks_are_asked_in_small_batches_without_dropout_or_gradient(small_model):
    model, images, sizes = small_model("learned").train(), some_images(10), []

    def watch(module, arguments, _):
        assert not torch.is_grad_enabled() and not module.training
        sizes.extend([len(arguments[0])] * (module is model.denoiser))

    for network in (model.denoiser, model.encoder.network):
        network.register_forward_hook(watch)
    for asked in (partial(fit, scale="keep"), edge_costs):
        sizes.clear()
        asked(model, images, 5, batch=4)
        assert sizes[2:] and max(sizes[2:]) == 4 and model.training  # after the check of the parts
    assert len(sizes) < 3 * 15  # none for each of the 15 pairs


@pytest.mark.parametrize("scale", [None, "folded", 1.3, "best"])
@pytest.mark.parametrize("ratio", [0.4, "best"])
@pytest.mark.parametrize("kind", KINDS)
def test_edge_costs_are_l2(kind, ratio, scale, small_model, dtype=F64):
    """Every step against `bound.squared_gap` and `bound.gap_and_slope` with the same noise."""
    shape, edges = (1, 2, 3), list(itertools.combinations(range(7), 2))
    model, images = small_model(kind, shape, dtype, seed=3), some_images(7, shape)
    costs = edge_costs(model, images, 6, ratio, seeded(5), batch=4, scale=scale)
    assert costs.shape == (7, 7) and costs.dtype == F64
    noise, gaps = seeded(5), {edge: [] for edge in edges}
    for batch in images.split(4):
        x = pixels.to_unit(batch, dtype=dtype)
        eps = [torch.randn(x.shape, generator=noise, dtype=dtype) for _ in range(6)]
        for i, j in edges:
            s, t = (torch.full((len(x),), node / 6, dtype=dtype) for node in (i, j))
            if scale == "best":
                noises = model.schedule(s), model.schedule(t)
                gap = torch.stack(bound.gap_and_slope(model, x, *noises, eps[j - 1]), 1)
            else:
                gap = bound.squared_gap(model, x, s, t, eps[j - 1], scale).sqrt()[:, None]
            gaps[i, j].append(gap.detach().double())
    for edge in edges:
        gap, *h = torch.cat(gaps[edge]).unbind(1)
        if h:  # g + (A / c - 1) h
            gap = gap + max(-(gap * h[0]).sum() / h[0].square().sum(), 1e-6 - 1) * h[0]
        m = gap.square().mean()
        w = best_ratio(m) if ratio == "best" else ratio
        torch.testing.assert_close(costs[edge], kl_ratio(6 * m, w, 6), rtol=1e-8, atol=0)
    assert int(costs.isfinite().sum()) == len(edges) and bool((costs > 0).all())


@pytest.mark.parametrize("dtype, rtol", [(F64, 1e-9), (torch.float32, 1e-3)])
@pytest.mark.parametrize("kind", KINDS)
def test_the_smallest_steps_add_up_to_the_diffusion_loss(kind, dtype, rtol, small_model):
    """L3 at T = 200: the costs beside the diagonal, where all that could cancel does."""
    model, images = small_model(kind, dtype=dtype), some_images(20)
    costs = edge_costs(model, images, 200, 1.0, seeded(1))
    expected = of_every_step(model, images, 200).diffusion.mean()
    torch.testing.assert_close(costs.diagonal(1).sum(), expected.double(), rtol=rtol, atol=0)


@pytest.mark.parametrize("word", [None, "folded"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_word_for_the_scale_is_its_number(kind, word, small_model, normal):
    """A / c of G3 and of the folded mean, written out, wherever a scale is taken."""
    model, images, x = small_model(kind, seed=3), some_images(7), normal(7, 2)
    grid = torch.tensor([0, 0.1, 0.5, 1], dtype=F64)
    gamma = model.schedule(grid).gamma
    c, sigma2 = 1 - torch.exp(-gamma.diff()), torch.sigmoid(gamma[1:])
    number = 1 + sigma2 if word else (c + gamma.diff() * sigma2) / c
    number = torch.ones(3) if kind == "identity" else number
    same = partial(torch.testing.assert_close, rtol=1e-9, atol=1e-12)
    for i, (s, t) in enumerate(itertools.pairwise(grid)):
        s, t, a = s.expand(7), t.expand(7), float(number[i])
        for scale in (a, number[i].expand(7)):
            gaps = (bound.squared_gap(model, x, s, t, x.flip(0), given) for given in (word, scale))
            same(*gaps)
        s, t = (model.schedule(end).like(x) for end in (s, t))
        u_hat, z = model.u_hat(x), x.flip(0)
        step = process.generative_step(z, x, u_hat, s, t, 0.7, word)
        same(step, process.generative_step(z, x, u_hat, s, t, 0.7, a))
        same(step.mean, process.generative_step(z, 0 * x, 0.0, s, t).mean + s.alpha * c[i] * a * x)
    fits = [
        fit(model, images, Chain(grid, scale=chain), scale=scale, generator=seeded(1)).ratio
        for chain, scale in ((word, "keep"), (2.0, word), (2.0, number), (number, "keep"))
    ]
    for ratio in fits[1:]:
        same(ratio, fits[0])
    one = model.with_parts(schedule=LinearSchedule(*gamma[:2].tolist()))  # its first step
    words = word, float(number[0])
    same(*(edge_costs(one, images, 1, 0.7, seeded(1), scale=a)[0, 1] for a in words))


@pytest.mark.parametrize("encoder", [VDM, SCALING], ids=["identity", "scaling"])
@pytest.mark.parametrize("world, gamma_0", [(PlusMinus(0.5), -2.0), (Gaussian(0.04), -13.3)])
@pytest.mark.parametrize("steps", [1, 6])
@pytest.mark.parametrize("scale", ["keep", "best"])
def test_the_step_of_a_world_is_found(encoder, world, gamma_0, steps, scale):
    """The exact scale and the ratio that belongs to it, within four standard errors. With E2 all
    but nothing of the data is left at t = 1, and the error says so."""
    exact, levels = Exact(world, encoder, gamma_0), 256 if gamma_0 < -10 else 2
    images = pixels.to_levels(world.draw(6000, seeded(3)), levels)
    fitted = fit(exact.model(levels), images, steps, scale=scale, generator=seeded(4))
    s, t = even(steps)[:-1], even(steps)[1:]
    ratio = 1 / (1 + exact.mean_squared_gap(s, t, "best" if scale == "best" else None))
    assert bool(((fitted.ratio - ratio).abs() < 4 * fitted.ratio_error + 1e-6).all())
    assert bool((fitted.ratio_error < 0.02).all())
    if scale == "best":
        assert bool(((fitted.scale - exact.best_scale(s, t)).abs() < 4 * fitted.scale_error).all())
        assert steps < 6 or fitted.scale_error[0] < 0.03


def test_a_scale_stays_positive():
    """If x_hat points the wrong way, the best mean ignores it, and so do the edges."""
    model = DiffEnc(guessing(lambda z, n: -n.alpha * z), shape=(2,))
    images = some_images(20)
    fitted = fit(model, images, 1, generator=seeded(1))
    assert fitted.scale.tolist() == pytest.approx([1e-6])
    cost = edge_costs(model, images, 1, "best", seeded(1), scale="best")[0, 1]
    assert float(cost) == pytest.approx(-math.log(fitted.ratio), rel=1e-4)
    assert elbo(model, images, fitted).total.isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_fit_is_a_minimum(kind, small_model):
    """W7 on the images fitted: brute force over scale and ratio of every step."""
    model, images = small_model(kind, seed=3), some_images(40)
    grid = torch.tensor([0, 0.3, 0.8, 1], dtype=F64)
    fitted = fit(model, images, Chain(grid), generator=seeded(1))
    for values in (fitted.scale, fitted.ratio, fitted.scale_error, fitted.ratio_error):
        assert values.shape == (3,) and values.dtype == F64

    def bound_with(ratio, scale):
        return of_every_step(model, images, Chain(grid, ratio, scale)).total.mean()

    assert bool((fitted.scale > 1e-5).all())
    least = bound_with(fitted.ratio, fitted.scale)
    for row, on_ratio, on_scale in itertools.product(range(3), *[(0.98, 1, 1.02)] * 2):
        ratio, scale = fitted.ratio.clone(), fitted.scale.clone()
        ratio[row] *= on_ratio
        scale[row] *= on_scale
        if (on_ratio, on_scale) != (1, 1):
            assert bound_with(ratio, scale) > least
    for name in (None, "folded", 1.0):
        kept = fit(model, images, Chain(grid, 1.0, name), scale="keep", generator=seeded(1))
        assert least <= bound_with(kept.ratio, name)
    again = fit(model, images, fitted, scale="keep", generator=seeded(1))
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
    for name in ("scale", "ratio"):  # of the first two steps, above the least scale
        values = torch.stack([getattr(chain, name) for chain in fits])[:, :2]
        errors = torch.stack([getattr(chain, f"{name}_error") for chain in fits])[:, :2]
        expected = errors.square().mean(0).sqrt()
        torch.testing.assert_close(values.std(0), expected, rtol=5 / math.sqrt(800), atol=0)


def test_one_scale_serves_all_dimensions_and_then_each_has_its_ratio(small_model):
    """W5: better than one ratio for all; W1c: worse than one for each step."""
    model, images = small_model("learned"), some_images(50)
    kinds = ("step", "dimension", "constant")
    step, dimension, one = (fit(model, images, 2, ratio=k, generator=seeded(1)) for k in kinds)
    assert torch.equal(step.scale, dimension.scale) and torch.equal(step.scale, one.scale)
    after = fit(model, images, step, scale="keep", ratio="dimension", generator=seeded(7))
    assert dimension.ratio.shape == after.ratio.shape == (2, 2)
    assert len(set(one.ratio.tolist())) == 1
    exact = fit(model, images, step, scale="keep", ratio="dimension", generator=seeded(1))
    torch.testing.assert_close((1 / exact.ratio).mean(1), 1 / step.ratio, rtol=1e-9, atol=0)
    totals = [of_every_step(model, images, chain).total.mean() for chain in (exact, step)]
    assert totals[0] < totals[1]
    loss = (1 / fit(model, images, step, scale="keep", generator=seeded(2)).ratio - 1).sum()
    again = fit(model, images, step, scale="keep", ratio="constant", generator=seeded(2))
    assert float(again.ratio[0]) == pytest.approx(1 / (1 + float(loss) / 2), rel=1e-9)


def test_a_fit_with_a_resolution_has_the_best_grid(small_model):
    model, images = small_model("learned"), some_images(20)
    for scale in ("best", None, "folded"):
        costs = edge_costs(model, images, 8, "best", seeded(1), scale=scale)
        chain = fit(model, images, 3, scale=scale, resolution=8, generator=seeded(1))
        assert torch.equal(chain.grid, cheapest_path(costs, 3) / 8.0)
        assert isinstance(chain.scale, torch.Tensor) if scale == "best" else chain.scale == scale


@pytest.mark.parametrize("name", ["mnist-vdm", "mnist-scaling", "mnist-learned"])
def test_fitted_steps_ship_with_the_models_and_come_out_again(name):
    """On a fifth as many of the bundled images, so with errors more than twice as large."""
    for steps in (4, 8, 16, 32, 64):
        chain = load_fitted(name, steps)
        assert chain.grid.tolist() == Chain.equal(steps).grid.tolist()
        assert bool((chain.ratio <= 1).all()) and chain.scale_error.shape == (steps,)
    shipped = load_fitted(name, 4)
    found = fit(
        load_pretrained(name), load_mnist("train", "bundled").images[:100], 4, generator=seeded()
    )
    for part in ("scale", "ratio"):
        value, error = (getattr(shipped, part + kind) for kind in ("", "_error"))
        assert ((getattr(found, part) - value).abs() < 5 * 6**0.5 * error).all(), part
        ratio = getattr(found, f"{part}_error") / error / 5**0.5
        assert (0.5 < ratio).all() and (ratio < 2).all(), part


def test_fitted_steps_are_those_of_the_weights_that_ship():
    for name, fits in json.loads(FITTED.read_bytes())["models"].items():
        assert fits["sha256"] == read_card(name)["sha256"]
