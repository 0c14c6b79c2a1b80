"""The noise variance ratio and the time grid: W1, W4, W5, each against what it must be."""

import itertools
import math

import pytest
import torch
from draws import (
    F64,
    KINDS,
    even,
    guessing,
    seeded,
    some_images,
)

from diffenc_lite import (
    Chain,
    DiffEnc,
    bound,
    edge_costs,
    elbo,
    fit,
    pixels,
    sample_steps,
)
from diffenc_lite.course.worlds import Exact, Gaussian
from diffenc_lite.gaussian import best_ratio, kl_ratio

# --- the gaps of the steps ------------------------------------------------------------------------


@pytest.mark.parametrize("per_dimension", [True, False])
@pytest.mark.parametrize("scale", [None, "folded", 1.3])
@pytest.mark.parametrize("kind", KINDS)
def test_the_fitted_ratio_is_that_of_the_mean_gap_of_all_images(
    kind, scale, per_dimension, small_model
):
    """Of unequal batches together."""
    model, images, noise, batches = small_model(kind), some_images(7), seeded(1), []
    grid = torch.tensor([0, 0.1, 0.5, 1], dtype=F64)
    given = {"ratio": "dimension" if per_dimension else "step", "generator": seeded(1), "batch": 4}
    fitted = fit(model, images, Chain(grid, scale=scale), scale=False, **given)
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


# --- what the optimal ratio is for any model ------------------------------------------------------


@pytest.mark.filterwarnings("error")
def test_one_image_tells_nothing_of_the_error(small_model):
    chain = fit(small_model(dtype=torch.float32), some_images(1), 2)
    assert bool((chain.ratio <= 1).all()) and bool((chain.scale > 0).all())
    assert bool(chain.ratio_error.isnan().all()) and bool(chain.scale_error.isnan().all())
    assert chain.ratio.dtype == chain.scale.dtype == torch.float32


def test_networks_are_asked_in_small_batches_without_dropout_or_gradient(small_model):
    model, images = small_model("learned").train(), some_images(10)
    denoised, encoded = [], []
    for network, sizes in ((model.denoiser, denoised), (model.encoder.network, encoded)):

        def watch(module, arguments, _, sizes=sizes):
            assert not torch.is_grad_enabled() and not module.training
            sizes.append(len(arguments[0]))

        network.register_forward_hook(watch)
    chain = fit(model, images, 3, scale=False, batch=4)
    assert not chain.ratio.requires_grad and model.training
    assert denoised[2:] == [4] * 3 + [4] * 3 + [2] * 3  # after the check of the parts
    denoised.clear()
    edge_costs(model, images, 5, batch=4)
    assert denoised[2:] == [4] * 5 + [4] * 5 + [2] * 5  # not one for each of the 15 pairs
    assert encoded[-18:] == [4] * 6 + [4] * 6 + [2] * 6  # after that check too
    assert model.training


# --- edge costs -----------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [None, "folded", 1.3, "optimal"])
@pytest.mark.parametrize("ratio", [0.4, "optimal"])
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
            if scale == "optimal":
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
        w = best_ratio(m) if ratio == "optimal" else ratio
        torch.testing.assert_close(costs[edge], kl_ratio(6 * m, w, 6), rtol=1e-8, atol=0)
    assert int(costs.isfinite().sum()) == len(edges) and bool((costs > 0).all())


@pytest.mark.parametrize("dtype, rtol", [(F64, 1e-9), (torch.float32, 1e-3)])
@pytest.mark.parametrize("kind", KINDS)
def test_the_smallest_steps_of_a_fine_grid_add_up_to_the_diffusion_loss(
    kind, dtype, rtol, small_model
):
    """L3 at T = 200: the costs beside the diagonal, where all that could cancel does."""
    model, images = small_model(kind, dtype=dtype), some_images(20)
    costs = edge_costs(model, images, 200, 1.0, seeded(1))
    noise_0 = torch.zeros(20, 2)
    given = {"noise_0": noise_0, "generator": seeded(1), "every_step": True}
    expected = elbo(model, images, 200, **given).diffusion.mean()
    torch.testing.assert_close(costs.diagonal(1).sum(), expected.double(), rtol=rtol, atol=0)


# --- where a ratio goes ---------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 3])
def test_samples_have_the_variance_of_each_dimension(steps):
    """With the ratio of each dimension exactly (X2); with one for both neither is right."""
    variance, n = torch.tensor([0.04, 0.5], dtype=F64), 20_000

    def perfect(z, n):
        return n.alpha * variance * z / (n.alpha**2 * variance + n.sigma**2)

    model = DiffEnc(guessing(perfect), shape=(2,))
    m = torch.stack(
        [Exact(Gaussian(v)).mean_squared_gaps(even(steps)) for v in variance.tolist()], 1
    )

    def away(ratio):
        """In standard errors of a sample variance."""
        with torch.no_grad():
            *_, last = sample_steps(model, n, Chain.equal(steps, ratio), generator=seeded(9))
        truth = variance + math.exp(-13.3)
        return (last.x_hat.var(0) - truth) / (truth * math.sqrt(2 / n))

    assert bool((away(best_ratio(m)).abs() < 4).all())
    assert bool((away(best_ratio(m.mean(1))).abs() > 20).all())
