"""The noise variance ratio and the time grid: W1, W4, W5, each against what it must be."""

import itertools
import math

import pytest
import torch
from draws import even, seeded, some_images
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from diffenc_lite import (
    Chain,
    DiffEnc,
    Noise,
    best_time_grid,
    bound,
    edge_costs,
    elbo,
    evaluate,
    fit,
    optimal_ratio,
    pixels,
    sample_steps,
)
from diffenc_lite.course.worlds import SCALING, VDM, Exact, Gaussian, PlusMinus
from diffenc_lite.gaussian import best_ratio, kl_ratio
from diffenc_lite.ratio import cheapest_path, squared_gap_table, squared_gaps

KINDS = ("identity", "scaling", "learned")
F64 = torch.float64


# --- the optimal ratio, where it is known ---------------------------------------------------------


# Where the noise is small, an exact denoiser of +1 or -1 errs so rarely that no sample shows how
# much; so gamma begins at -2 there.
@pytest.mark.parametrize("encoder", [VDM, SCALING], ids=["identity", "scaling"])
@pytest.mark.parametrize(
    "world, gamma_0", [(Gaussian(1.0), -13.3), (Gaussian(0.2), -13.3), (PlusMinus(), -2.0)]
)
@pytest.mark.parametrize("steps", [1, 3, 12])
def test_gaps_are_those_of_the_world(encoder, world, gamma_0, steps):
    """Within four standard errors of the closed form (or, for +-1, of the quadrature)."""
    exact, x = Exact(world, encoder, gamma_0), world.draw(6000, seeded(2))
    mean, error = squared_gaps(exact.model(), x.split(2500), Chain(even(steps)), seeded(3))
    assert mean.shape == error.shape == (steps,)
    assert bool(((mean - exact.mean_squared_gaps(even(steps))).abs() < 4 * error).all())
    assert bool((error < 0.1 * mean).all())


@pytest.mark.parametrize("encoder", [VDM, SCALING], ids=["identity", "scaling"])
@pytest.mark.parametrize("steps", [1, 2, 8])
def test_the_optimal_ratio_of_images(encoder, steps):
    """8-bit data: two levels, at -1/2 and 1/2."""
    exact = Exact(PlusMinus(0.5), encoder, -2.0)
    images = some_images(4000, (1,), 2)
    found = fit(exact.model(2), images, steps, scale=False, generator=seeded(4))
    expected = 1 / (1 + exact.mean_squared_gaps(even(steps)))
    assert bool(((found.ratio - expected).abs() < 4 * found.ratio_error).all())
    again = optimal_ratio(exact.model(2), images, steps, seeded(4))
    assert torch.equal(again, found.ratio)


def test_the_standard_error_is_the_spread_of_the_estimate(small_model, normal):
    model, noise = small_model("learned"), seeded(1)
    found = [squared_gaps(model, [normal(50, 2)], Chain.equal(3), noise) for _ in range(400)]
    means, errors = (torch.stack(part) for part in zip(*found, strict=True))
    expected = errors.square().mean(0).sqrt()
    torch.testing.assert_close(means.std(0), expected, rtol=4 / math.sqrt(800), atol=0)


def test_the_error_of_the_ratio_is_that_of_the_gap_to_first_order(small_model):
    """dw*/dm = -w*^2, by moving m."""
    model, images = small_model("learned"), some_images(50)
    x = pixels.to_unit(images, dtype=F64)
    found = fit(model, images, 4, scale=False, generator=seeded(1))
    mean, error = squared_gaps(model, [x], Chain.equal(4), seeded(1))
    torch.testing.assert_close(found.ratio, 1 / (1 + mean), rtol=1e-12, atol=0)
    h = 1e-4 * error
    moved = (1 / (1 + mean - h) - 1 / (1 + mean + h)) / 2e-4
    torch.testing.assert_close(found.ratio_error, moved, rtol=1e-5, atol=0)


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_x2_a_fitted_ratio_is_tight_on_other_data(steps):
    """N(0, 1): the bound is the entropy at every T, within its sampling error; w = 1 is far off."""
    exact = Exact(Gaussian(1.0))
    model, grid = exact.model(), even(steps)
    seen, test = exact.world.draw(20_000, seeded(5)), exact.world.draw(4000, seeded(6))
    w = best_ratio(squared_gaps(model, [seen], Chain(grid), seeded(7))[0])

    def gap(ratio):
        """The bound less the entropy, and its standard error"""
        eps = torch.randn(steps, *test.shape, generator=seeded(8), dtype=F64)
        losses = sum(
            bound.step_loss(model, test, s.expand(4000), t.expand(4000), eps[i], ratio[i])
            for i, (s, t) in enumerate(zip(grid[:-1], grid[1:], strict=True))
        )
        total = exact.prior + exact.reconstruction + float(losses.mean())
        return total - exact.entropy, float(losses.std()) / math.sqrt(4000)

    excess, error = gap(w)
    assert abs(excess) < 4 * error + 1e-3 and error < 0.1  # the fit itself costs second order
    assert gap(torch.ones(steps))[0] > 5


# --- what the optimal ratio is for any model ------------------------------------------------------


def with_the_noise_of_the_fit(model, images, steps, ratio, **options):
    """The mean bound on the images and the noise that the ratio was fitted on."""
    noise_0 = torch.zeros(images.shape, dtype=F64)
    given = {"noise_0": noise_0, "generator": seeded(1), "every_step": True, **options}
    return elbo(model, images, steps, ratio, **given).total.mean()


@pytest.mark.parametrize("kind", KINDS)
def test_every_row_is_a_minimum(kind, small_model):
    """Moving any one ratio up or down raises the bound, by what W1 says of its curvature."""
    model, images = small_model(kind), some_images(40)
    w = optimal_ratio(model, images, 3, seeded(1))
    least = with_the_noise_of_the_fit(model, images, 3, w)
    for row, factor in itertools.product(range(3), (0.99, 1.01)):
        moved = w.clone()
        moved[row] *= factor
        price = kl_ratio(torch.zeros((), dtype=F64), factor, 2)  # (d/2)(f - 1 - ln f)
        found = with_the_noise_of_the_fit(model, images, 3, moved) - least
        torch.testing.assert_close(found, price, rtol=1e-5, atol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_ratio_for_each_dimension_is_better(kind, small_model):
    """W5: (1/2) sum_j ln(1 + m_j) <= (d/2) ln(1 + m) <= (d/2) m, step by step in the sum."""
    model, images = small_model(kind, (1, 3)), some_images(60, (1, 3))
    shared = optimal_ratio(model, images, 4, seeded(1))
    options = {"scale": False, "ratio": "dimension", "generator": seeded(1)}
    each = fit(model, images, 4, **options).ratio
    assert shared.shape == (4,) and each.shape == (4, 1, 3)
    torch.testing.assert_close((1 / each).mean((1, 2)), 1 / shared, rtol=1e-12, atol=0)
    bounds = [with_the_noise_of_the_fit(model, images, 4, w) for w in (each, shared, 1.0)]
    saved = 0.5 * (each.log().sum((1, 2)) - 3 * shared.log()).sum()
    assert saved > 1e-3
    torch.testing.assert_close(bounds[1] - bounds[0], saved, rtol=1e-9, atol=0)
    assert bounds[1] < bounds[2]
    for j in range(3):  # each is a minimum of its own
        moved = each.clone()
        moved[2, 0, j] *= 1.02
        assert with_the_noise_of_the_fit(model, images, 4, moved) > bounds[0]


@settings(max_examples=20, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    seed=st.integers(0, 100),
    steps=st.integers(1, 6),
    n=st.integers(1, 5),
    per_dimension=st.booleans(),
    dtype=st.sampled_from([torch.float32, F64]),
)
def test_no_ratio_is_above_one(small_model, kind, seed, steps, n, per_dimension, dtype):
    model, images = small_model(kind, (1, 2), dtype, seed=seed), some_images(n, (1, 2))
    kind = "dimension" if per_dimension else "step"
    w = fit(model, images, steps, scale=False, ratio=kind, generator=seeded(seed)).ratio
    assert w.shape == ((steps, 1, 2) if per_dimension else (steps,)) and w.dtype == dtype
    assert bool(((w > 0) & (w <= 1)).all())


def test_row_i_belongs_to_step_i_of_the_grid(small_model):
    model, images = small_model("learned"), some_images(30)
    x, grid = pixels.to_unit(images, dtype=F64), torch.tensor([0, 0.1, 0.5, 1], dtype=F64)
    w, noise = optimal_ratio(model, images, 3, seeded(3), grid), seeded(3)
    for i in range(3):
        eps = torch.randn(x.shape, generator=noise, dtype=F64)
        gap = bound.step_gap(model, x, grid[i].expand(30), grid[i + 1].expand(30), eps)
        torch.testing.assert_close(w[i], 1 / (1 + gap.mean()), rtol=1e-12, atol=0)


@pytest.mark.parametrize("per_dimension", [False, True])
def test_batches_join(per_dimension, small_model, normal):
    """Mean and error of unequal parts are those of all examples together."""
    model, x, parts = small_model("scaling"), normal(7, 2), []
    options = {"per_dimension": per_dimension}
    found = squared_gaps(model, x.split(4), Chain.equal(2), seeded(1), **options)
    noise = seeded(1)
    for part in x.split(4):
        gaps = []
        for s, t in ((0.0, 0.5), (0.5, 1.0)):
            eps = torch.randn(part.shape, generator=noise, dtype=F64)
            ends = (torch.full((len(part),), end, dtype=F64) for end in (s, t))
            gaps.append(bound.step_gap(model, part, *ends, eps))
        parts.append(torch.stack(gaps))
    gaps = torch.cat(parts, 1)  # (T, N, 2)
    gaps = gaps if per_dimension else gaps.mean(2)
    torch.testing.assert_close(found[0], gaps.mean(1), rtol=1e-12, atol=0)
    torch.testing.assert_close(found[1], gaps.std(1) / math.sqrt(7), rtol=1e-9, atol=0)


def test_several_draws_of_noise(small_model, normal):
    """They are averaged for each example before the error over examples is taken."""
    model, x, noise = small_model("learned"), normal(50, 2), seeded(1)
    found = squared_gaps(model, [x], Chain.equal(1), seeded(1), draws=3)
    ends = (torch.full((50,), end, dtype=F64) for end in (0, 1))
    s, t = ends
    gaps = [
        bound.step_gap(model, x, s, t, torch.randn(x.shape, generator=noise, dtype=F64)).mean(1)
        for _ in range(3)
    ]
    gap = torch.stack(gaps).mean(0)
    torch.testing.assert_close(found[0], gap.mean()[None], rtol=1e-12, atol=0)
    torch.testing.assert_close(found[1], gap.std()[None] / math.sqrt(50), rtol=1e-9, atol=0)


def test_one_image_tells_nothing_of_the_error(small_model):
    found = fit(small_model(), some_images(1), 2, scale=False)
    assert bool((found.ratio <= 1).all()) and bool(found.ratio_error.isnan().all())


class Watching(nn.Module):
    """A denoiser of zeros that remembers how it was called."""

    def __init__(self):
        super().__init__()
        self.dropout, self.weight = nn.Dropout(0.5), nn.Parameter(torch.ones(1))
        self.seen: list[int] = []

    def forward(self, z, gamma):
        assert not torch.is_grad_enabled() and not self.training
        self.seen.append(len(z))
        return self.dropout(self.weight * torch.zeros_like(z))


def test_networks_are_asked_in_small_batches_without_dropout_or_gradient():
    denoiser = Watching()
    model, images = DiffEnc(denoiser).train(), some_images(10)
    chain = fit(model, images, 3, scale=False, draws=2, batch=4)
    assert not chain.ratio.requires_grad and model.training
    assert denoiser.seen == [4] * 6 + [4] * 6 + [2] * 6
    denoiser.seen.clear()
    edge_costs(model, images, 5, batch=4)
    assert denoiser.seen == [4] * 5 + [4] * 5 + [2] * 5  # not one for each of the 15 pairs
    assert model.training


def test_the_encoder_is_asked_once_for_each_depth(small_model):
    model, calls = small_model("learned"), []
    model.encoder.network.register_forward_hook(lambda *_: calls.append(1))
    edge_costs(model, some_images(8), 6)
    assert len(calls) == 7


# --- edge costs -----------------------------------------------------------------------------------


@pytest.mark.parametrize("ratio", [1.0, 0.4, "optimal"])
@pytest.mark.parametrize("dtype, rtol", [(F64, 1e-9), (torch.float32, 1e-3)])
@pytest.mark.parametrize("shape", [(2,), (1, 2, 3)])
@pytest.mark.parametrize("kind", KINDS)
def test_edge_costs_are_l2(kind, shape, dtype, rtol, ratio, small_model):
    """Every step against `bound.step_gap` with the same noise."""
    model, images = small_model(kind, shape, dtype, seed=3), some_images(7, shape)
    found = edge_costs(model, images, 6, ratio, seeded(5), batch=4)
    assert found.shape == (7, 7) and found.dtype == F64
    noise, gaps = seeded(5), torch.zeros(7, 7, 2, dtype=F64)
    for b, part in enumerate(images.split(4)):
        x = pixels.to_unit(part, dtype=dtype)
        for j in range(1, 7):
            eps = torch.randn(x.shape, generator=noise, dtype=dtype)
            for i in range(j):
                ends = (torch.full((len(x),), node / 6, dtype=dtype) for node in (i, j))
                gaps[i, j, b] = bound.step_gap(model, x, *ends, eps).double().sum()
    d = images[0].numel()
    m = gaps.sum(2) / (7 * d)
    w = best_ratio(m) if ratio == "optimal" else ratio
    upward = torch.ones(7, 7, dtype=torch.bool).triu(1)
    torch.testing.assert_close(found[upward], kl_ratio(d * m, w, d)[upward], rtol=rtol, atol=0)
    assert bool((found[~upward] == torch.inf).all())


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


@pytest.mark.parametrize("encoder", [VDM, SCALING], ids=["identity", "scaling"])
def test_edge_costs_are_those_of_the_world(encoder):
    exact = Exact(Gaussian(1.0), encoder)
    x = exact.world.draw(40_000, seeded(2))
    found = squared_gap_table(exact.model(), x.split(10_000), even(5), seeded(3))
    for i, j in itertools.combinations(range(6), 2):
        expected = float(exact.mean_squared_gaps(even(5)[[i, j]])[0])
        assert float(found[i, j]) == pytest.approx(expected, rel=4 * math.sqrt(4 / 40_000))


# --- the cheapest path ----------------------------------------------------------------------------


def every_path(last: int, steps: int):
    for inner in itertools.combinations(range(1, last), steps - 1):
        yield torch.tensor([0, *inner, last])


def cost_of(costs, path):
    return float(costs[path[:-1], path[1:]].sum())


@pytest.mark.parametrize("last", range(1, 12))
def test_the_cheapest_path_is_that_of_brute_force(last):
    """All grids of up to 12 nodes, every number of steps, random costs, a fifth of them inf."""
    generator = seeded(last)
    for steps in range(1, last + 1):
        for _ in range(3):
            costs = torch.rand(last + 1, last + 1, generator=generator, dtype=F64)
            costs[torch.rand(costs.shape, generator=generator) < 0.2] = torch.inf
            least = min(cost_of(costs, path) for path in every_path(last, steps))
            if math.isinf(least):
                with pytest.raises(ValueError, match=f"no path of {steps} steps"):
                    cheapest_path(costs, steps)
                continue
            path = cheapest_path(costs, steps)
            assert path.shape == (steps + 1,) and path[0] == 0 and path[-1] == last
            assert bool((path.diff() > 0).all())
            assert cost_of(costs, path) == pytest.approx(least, rel=1e-12)


@pytest.mark.parametrize("ratio", [1.0, "optimal"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_best_grid_is_the_best_of_all(kind, ratio, small_model):
    model, images = small_model(kind), some_images(20)
    costs = edge_costs(model, images, 9, ratio, seeded(1))
    for steps in (1, 4, 9):
        grid = best_time_grid(model, images, steps, 9, ratio, seeded(1))
        assert grid.shape == (steps + 1,) and grid.dtype == F64
        assert grid[0] == 0 and grid[-1] == 1 and bool((grid.diff() > 0).all())
        path = (9 * grid).round().long()
        torch.testing.assert_close(path / 9, grid, rtol=1e-6, atol=0, check_dtype=False)
        best = min(cost_of(costs, path) for path in every_path(9, steps))
        assert cost_of(costs, path) == pytest.approx(best, rel=1e-12)


def exact_costs(exact: Exact, resolution: int, ratio: float | str) -> torch.Tensor:
    """`edge_costs` of a world, without sampling error."""
    s, t = torch.triu_indices(resolution + 1, resolution + 1, 1)
    m = exact.mean_squared_gap(even(resolution)[s], even(resolution)[t])
    costs = torch.full((resolution + 1, resolution + 1), torch.inf, dtype=F64)
    costs[s, t] = kl_ratio(m, best_ratio(m) if ratio == "optimal" else ratio)
    return costs


@pytest.mark.parametrize("ratio", [1.0, "optimal"])
@pytest.mark.parametrize("encoder", [VDM, SCALING], ids=["identity", "scaling"])
def test_the_best_grid_is_nearly_that_of_the_world(encoder, ratio):
    """Found from 4000 images, it saves 95% of what the best grid saves over equal steps."""
    exact, images = Exact(PlusMinus(0.5), encoder, -2.0), some_images(4000, (1,), 2)
    costs = exact_costs(exact, 24, ratio)
    found = edge_costs(exact.model(2), images, 24, ratio, seeded(1), batch=4000)
    for steps in (3, 4):
        equal = cost_of(costs, torch.arange(0, 25, 24 // steps))
        best = cost_of(costs, cheapest_path(costs, steps))
        assert equal - best > 0.015
        assert equal - cost_of(costs, cheapest_path(found, steps)) > 0.95 * (equal - best)


def test_gaussian_data_and_the_best_ratio_leave_nothing_to_a_grid():
    """X2: every path is tight, so all cost the same; with w = 1 they do not."""
    tight, loose = (exact_costs(Exact(Gaussian(1.0)), 36, ratio) for ratio in ("optimal", 1.0))
    for steps in (2, 4, 12):
        equal = torch.arange(0, 37, 36 // steps)
        saved = [cost_of(c, equal) - cost_of(c, cheapest_path(c, steps)) for c in (tight, loose)]
        assert saved[0] == pytest.approx(0, abs=1e-9)
        assert saved[1] > 0.1


# --- where a ratio goes ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("every_step", [False, True])
def test_a_ratio_for_each_dimension_that_is_the_same_is_a_shared_one(kind, every_step, small_model):
    model, images = small_model(kind, (1, 2)), some_images(6, (1, 2))
    w = torch.tensor([0.5, 1.0, 1.5], dtype=F64)

    def total(ratio):
        options = {"every_step": every_step, "generator": seeded(1)}
        return elbo(model, images, 3, ratio, **options).total

    each = w[:, None, None].expand(3, 1, 2)
    torch.testing.assert_close(total(each), total(w), rtol=1e-12, atol=0)
    assert bool((total(each.clone().index_fill_(2, torch.tensor([1]), 0.7)) != total(w)).all())


def test_kl_of_each_dimension_is_exact_near_one_in_float32():
    """w - 1 - ln w = e^2 / 2 - e^3 / 3 for w = 1 + e; no digit is lost to 1."""
    w = 1 + torch.tensor([2.0**-12, -(2.0**-13), 2.0**-16])
    e = w.double() - 1
    found = kl_ratio(torch.zeros(3), w)
    torch.testing.assert_close(found.double(), e**2 / 4 - e**3 / 6, rtol=1e-3, atol=0)


class TwoGaussians(nn.Module):
    """The exact denoiser of two independent dimensions of different variances."""

    def __init__(self, variance):
        super().__init__()
        self.variance = nn.Parameter(torch.tensor(variance, dtype=F64), requires_grad=False)
        self.shape = self.variance.shape

    def forward(self, z, gamma):
        n = Noise.from_gamma(gamma).like(z)
        x_hat = n.alpha * self.variance * z / (n.alpha**2 * self.variance + n.sigma**2)
        return (n.alpha * z - x_hat) / n.sigma


@pytest.mark.parametrize("steps", [1, 3])
def test_samples_have_the_variance_of_each_dimension(steps):
    """With the ratio of each dimension exactly (X2); with one for both neither is right."""
    variance, n = [0.04, 0.5], 20_000
    model = DiffEnc(TwoGaussians(variance))
    m = torch.stack([Exact(Gaussian(v)).mean_squared_gaps(even(steps)) for v in variance], 1)

    def away(ratio):
        """In standard errors of a sample variance."""
        with torch.no_grad():
            *_, last = sample_steps(model, n, steps, ratio, seeded(9))
        truth = torch.tensor(variance, dtype=F64) + math.exp(-13.3)
        return (last.x_hat.var(0) - truth) / (truth * math.sqrt(2 / n))

    assert bool((away(best_ratio(m)).abs() < 4).all())
    assert bool((away(best_ratio(m.mean(1))).abs() > 20).all())


def test_evaluate_with_grid_ratio_and_every_step(small_model):
    """On held-out images, with what was fitted on others."""
    model, train, test = small_model("learned"), some_images(60)[:40], some_images(60)[40:]
    grid = best_time_grid(model, train, 3, 12, generator=seeded(1))
    options = {"scale": False, "ratio": "dimension", "generator": seeded(2)}
    chain = fit(model, train, Chain(grid), **options)
    found = evaluate(model, test, chain, generator=seeded(3), every_step=True)
    expected = elbo(model, test, chain, generator=seeded(3), every_step=True).bits_per_dim()
    assert found.total == pytest.approx(expected.mean().item(), rel=1e-9)
    plain = evaluate(model, test, 3, chain.ratio, generator=seeded(3), every_step=True)
    assert plain.total != found.total


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda m, x: optimal_ratio(m, x.float(), 2), TypeError, "images must be.*uint8"),
        (lambda m, x: optimal_ratio(m, x[:0], 2), ValueError, r"at least one example; got \(0, 2"),
        (lambda m, x: optimal_ratio(m, x[:, :1], 2), ValueError, r"\(B, 2\).*got \(5, 1\)"),
        (lambda m, x: fit(m, x, 2, draws=0), ValueError, "draws must be.*got 0"),
        (lambda m, x: fit(m, x, 2, batch=0), ValueError, "batch must be.*got 0"),
        (lambda m, x: fit(m, x, 2, ratio="best"), ValueError, "ratio must be one of step.*best"),
        (lambda m, x: fit(m, x, 5, resolution=4), ValueError, "steps must be.*from 1 to 4; got 5"),
        (
            lambda m, x: fit(m, x, Chain.equal(2, 1, [1.0, 2]), scale=False, resolution=4),
            ValueError, "scale must be one for all steps",
        ),
        (lambda m, x: edge_costs(m, x.float(), 2), TypeError, "images must be.*uint8"),
        (lambda m, x: edge_costs(m, x, 0), ValueError, "resolution must be.*got 0"),
        (lambda m, x: edge_costs(m, x, 2.5), ValueError, "resolution must be.*got 2.5"),
        (lambda m, x: edge_costs(m, x, 2, "best"), ValueError, "ratio must.*optimal.*got 'best'"),
        (lambda m, x: edge_costs(m, x, 2, torch.ones(2)), ValueError, "ratio must.*got tensor"),
        (lambda m, x: edge_costs(m, x, 2, None), ValueError, "ratio must.*got None"),
        (lambda m, x: edge_costs(m, x, 2, -1.0), ValueError, "ratio must be a positive.*got -1"),
        (lambda m, x: edge_costs(m, x, 2, math.inf), ValueError, "ratio must be a positive"),
        (lambda m, x: best_time_grid(m, x, 0, 4), ValueError, "steps must be.*from 1 to 4; got 0"),
        (
            lambda m, x: best_time_grid(m, x, 5, 4),
            ValueError, "steps must be.*from 1 to 4; got 5",
        ),
        (lambda m, x: best_time_grid(m, x, 2, 0), ValueError, "resolution must be.*got 0"),
        (lambda m, x: best_time_grid(m, x, 2, 4, 0.0), ValueError, "ratio must be a positive"),
        (lambda m, x: cheapest_path(torch.ones(2, 3), 1), ValueError, r"\(N\+1, N\+1\).*\(2, 3\)"),
        (lambda m, x: cheapest_path(torch.ones(1, 1), 1), ValueError, r"got \(1, 1\)"),
        (lambda m, x: cheapest_path(torch.ones(3, 3), 3), ValueError, "from 1 to 2; got 3"),
        (lambda m, x: cheapest_path(torch.ones(3, 3) * math.nan, 2), ValueError, "NaN"),
    ],
)  # fmt: skip
def test_bad_input(call, error, words, small_model):
    with pytest.raises(error, match=words):
        call(small_model(dtype=torch.float32), some_images(5))
