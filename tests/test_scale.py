"""The scale of the mean (G5, W7): in the bound, in samples, fitted, and in the grid."""

import itertools
import math

import pytest
import torch
from draws import even, seeded, some_images

from diffenc_lite import (
    Chain,
    DiffEnc,
    LearnedEncoder,
    Noise,
    best_time_grid,
    bound,
    cheapest_path,
    constant_ratio,
    edge_costs,
    elbo,
    evaluate,
    fit,
    load_fitted,
    load_pretrained,
    optimal_ratio,
    optimal_step,
    pixels,
    read_card,
    sample,
    sample_steps,
    squared_gaps,
)
from diffenc_lite.course.worlds import SCALING, VDM, Exact, Gaussian, PlusMinus
from diffenc_lite.pretrained import checkpoint
from diffenc_lite.schedule import step_c

KINDS = ("identity", "scaling", "learned")
F64 = torch.float64


def whole(model, images, steps, ratio=1.0, scale=None, **options):
    """The mean bound with all steps, each with noise of its own from one seed."""
    given = {"every_step": True, "generator": seeded(1), "noise_0": torch.zeros(images.shape)}
    return elbo(model, images, steps, ratio, scale=scale, **given, **options).total.mean()


def ends(model, steps: int) -> tuple[Noise, Noise]:
    """The noise at the two ends of every step, each (T,)."""
    at = model.schedule(even(steps))
    return Noise.from_gamma(at.gamma[:-1]), Noise.from_gamma(at.gamma[1:])


# --- the mean of a step ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_named_mean_is_a_number(kind, small_model):
    """G5: G3 is A = c + (gamma_t - gamma_s) sigma_t^2 and folded A = c (1 + sigma_t^2), or A = c
    where there is no counterterm: in the bound, and in samples."""
    model, images = small_model(kind), some_images(5)
    s, t = ends(model, 3)
    c, moves = step_c(s, t), kind != "identity"
    paper = 1 + moves * (t.gamma - s.gamma) * t.sigma**2 / c
    folded = 1 + moves * t.sigma**2
    for name, number in ((None, paper), ("folded", folded)):
        found, expected = (whole(model, images, 3, scale=a) for a in (name, number))
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=0)
        with torch.no_grad():
            by_name, by_number = (
                [step.z for step in sample_steps(model, 4, 3, 0.7, seeded(2), scale=a)]
                for a in (name, number)
            )
        torch.testing.assert_close(by_name, by_number, rtol=1e-9, atol=1e-9)
    if moves:
        assert (whole(model, images, 3) - whole(model, images, 3, scale="folded")).abs() > 1e-3


def test_a_vdm_has_one_mean(small_model):
    model, images = small_model("identity"), some_images(5)
    one = whole(model, images, 4)
    assert whole(model, images, 4, scale="folded") == one
    assert whole(model, images, 4, scale=1.0) == one
    assert torch.equal(sample(model, 9, 4, generator=seeded(1), scale="folded"),
                       sample(model, 9, 4, generator=seeded(1)))  # fmt: skip


def test_row_i_of_the_scale_belongs_to_step_i(small_model):
    model, images = small_model("learned"), some_images(3)
    x, eps = pixels.to_unit(images, dtype=F64), torch.randn(3, 2, generator=seeded(2), dtype=F64)
    scale = torch.tensor([0.3, 0.9, 1.7], dtype=F64)
    for i in range(3):
        at = torch.full((3,), (i + 0.5) / 3)
        found = elbo(model, images, 3, t=at, noise=eps, scale=scale).diffusion
        s, t = (torch.full((3,), j / 3, dtype=F64) for j in (i, i + 1))
        expected = 3 * bound.step_loss(model, x, s, t, eps, scale=float(scale[i]))
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=0)
    with torch.no_grad():
        steps = list(sample_steps(model, 3, 3, 1e16, seeded(0), scale=scale))
    for i, (here, there) in zip((2, 1, 0), itertools.pairwise(steps), strict=True):
        s, t = (model.schedule(torch.full((3,), j / 3, dtype=F64)).like(x) for j in (i, i + 1))
        kept = (t.alpha / s.alpha) * (s.sigma / t.sigma) ** 2 * here.z
        mean = kept + s.alpha * step_c(s, t) * scale[i] * here.x_hat
        torch.testing.assert_close(there.z, mean, rtol=1e-5, atol=1e-6)


class AsVDM(torch.nn.Module):
    """v_hat' = (v_hat + alpha sigma z) / (1 + sigma^2) of a denoiser (X6)."""

    def __init__(self, denoiser):
        super().__init__()
        self.denoiser, self.shape = denoiser, (2,)

    def forward(self, z, gamma):
        n = Noise.from_gamma(gamma).like(z)
        return (self.denoiser(z, gamma) + n.alpha * n.sigma * z) / (1 + n.sigma**2)


class SamePicture(torch.nn.Module):
    def forward(self, x, gamma):
        return x


def test_x6_folded_with_y_equal_to_x_is_the_vdm(small_model):
    """As a function: every step of the bound and every sample, at every depth; with G3 not."""
    vdm, images = small_model("identity"), some_images(6)
    model = DiffEnc(AsVDM(vdm.denoiser), LearnedEncoder(SamePicture()), vdm.schedule)
    x = pixels.to_unit(images, dtype=F64)
    for steps in (1, 2, 5, 40):
        gaps, ours, paper = (
            squared_gaps(m, [x], Chain.equal(steps, scale=a), seeded(1))[0]
            for m, a in ((vdm, None), (model, "folded"), (model, None))
        )
        torch.testing.assert_close(ours, gaps, rtol=1e-7, atol=1e-9)
        assert paper.mean() > 1.01 * gaps.mean()
        drawn = [
            sample(m, 20, steps, generator=seeded(3), scale=a)
            for m, a in ((vdm, None), (model, "folded"))
        ]
        assert torch.equal(*drawn)
    limits = [elbo(m, images, generator=seeded(4)).diffusion for m in (vdm, model)]
    torch.testing.assert_close(*limits, rtol=1e-9, atol=0)


@pytest.mark.parametrize("kind", ["scaling", "learned"])
def test_all_scales_have_one_limit(kind, small_model):
    """L4 is untouched (G5): the difference falls as 1/T."""
    model, images = small_model(kind), some_images(20)
    apart = [
        (whole(model, images, steps) - whole(model, images, steps, scale="folded")).item()
        for steps in (200, 400)
    ]
    assert abs(apart[1]) > 1e-4 and apart[0] / apart[1] == pytest.approx(2, rel=0.1)
    dropped = whole(model, images, 400, scale=1.0) - whole(model, images, 400)
    assert abs(dropped) > 20 * abs(apart[1])  # A = c has another limit


@pytest.mark.parametrize("scale", ["folded", 1.1])
@pytest.mark.parametrize("shape", [(2,), (1, 3, 2)])
def test_shapes_and_dtypes(shape, scale, small_model):
    totals = []
    for dtype in (torch.float32, F64):
        model, images = small_model("learned", shape, dtype), some_images(4, shape)
        noise = torch.randn(images.shape, generator=seeded(1), dtype=torch.float32)
        given = {"noise": noise, "noise_0": noise, "every_step": True, "scale": scale}
        totals.append(elbo(model, images, 4, **given).total)
        assert sample(model, 3, 2, scale=scale).shape == (3, *shape)
        fitted = optimal_step(model, images, 3, seeded(1))
        parts = fitted.scale, fitted.ratio, fitted.scale_error, fitted.ratio_error
        assert all(part.shape == (3,) and part.dtype == dtype for part in parts)
    torch.testing.assert_close(totals[0].double(), totals[1], rtol=1e-4, atol=0)


# --- worlds ---------------------------------------------------------------------------------------


def test_x2_the_table_of_the_scaling_encoder():
    """Gaussian data, E2: the gap to the entropy in nats per dimension; monotone at its best."""
    exact = Exact(Gaussian(1.0), SCALING)
    table = {
        1: (298590.1386, 298590.0701, 0.000011, 0.000011),
        2: (9341.5974, 4802.6553, 0.333915, 0.000063),
        5: (64.3665, 55.9023, 0.180327, 0.007239),
        10: (12.3826, 12.0829, 0.071627, 0.025916),
        100: (0.699764, 0.699195, 0.058210, 0.057738),
        10000: (0.067466, 0.067466, 0.061427, 0.061427),
    }
    for steps, expected in table.items():
        found = [
            exact.total(steps, ratio, scale) - exact.entropy
            for ratio, scale in itertools.product((1.0, "optimal"), (None, "optimal"))
        ]
        assert found[:2] == pytest.approx(expected[:2], rel=5e-6)  # the digits of the table
        assert found[2:] == pytest.approx(expected[2:], abs=6e-7)
    best = [exact.total(steps, "optimal", "optimal") for steps in range(1, 60)]
    paper = [exact.total(steps, "optimal") for steps in range(1, 60)]
    assert sorted(best) == best and sorted(paper) != paper


def test_the_best_scale_of_a_world():
    """G5: for E2 the exact scale 1 + sigma_t^2 alpha_s^2 / alpha_t^2; for a VDM 1."""
    s, t = even(6)[:-1], even(6)[1:]
    for world in (Gaussian(0.3), PlusMinus()):
        assert Exact(world, VDM).best_scale(s, t).tolist() == pytest.approx([1] * 6, rel=1e-12)
        at_s, at_t = ends(Exact(world).model(), 6)
        expected = 1 + (at_t.sigma * at_s.alpha / at_t.alpha) ** 2
        torch.testing.assert_close(Exact(world, SCALING).best_scale(s, t), expected)


@pytest.mark.parametrize("encoder", [VDM, SCALING], ids=["identity", "scaling"])
@pytest.mark.parametrize("world, gamma_0", [(PlusMinus(0.5), -2.0), (Gaussian(0.04), -13.3)])
@pytest.mark.parametrize("steps", [1, 2, 6])
def test_the_step_of_a_world_is_found(encoder, world, gamma_0, steps):
    """The exact scale and the ratio that belongs to it, within four standard errors. With E2 all
    but nothing of the data is left at t = 1, and the error says so."""
    exact, levels = Exact(world, encoder, gamma_0), 256 if gamma_0 < -10 else 2
    images = pixels.to_levels(world.draw(6000, seeded(3)), levels)
    fitted = optimal_step(exact.model(levels), images, steps, seeded(4))
    s, t = even(steps)[:-1], even(steps)[1:]
    ratio = 1 / (1 + exact.mean_squared_gap(s, t, "optimal"))
    assert bool(((fitted.scale - exact.best_scale(s, t)).abs() < 4 * fitted.scale_error).all())
    assert bool(((fitted.ratio - ratio).abs() < 4 * fitted.ratio_error + 1e-6).all())
    assert bool((fitted.ratio_error < 0.02).all()) and (steps < 6 or fitted.scale_error[0] < 0.03)


def test_gaussian_data_with_the_fitted_step_are_bound_as_tightly_as_x2_says():
    """E2 at T = 2, with what was fitted on other 8-bit data."""
    exact = Exact(Gaussian(0.1), SCALING)
    model = exact.model()
    drawn = exact.world.draw(40_000, seeded(1)).clamp(-0.999, 0.999)
    images = pixels.to_levels(drawn)
    fitted = fit(model, images[:20_000], 2, generator=seeded(2), batch=20_000)
    options = {"generator": seeded(3), "every_step": True, "batch": 20_000}
    loss = evaluate(model, images[20_000:], fitted, **options).diffusion
    best, paper = (exact.diffusion(2, "optimal", scale) for scale in ("optimal", None))
    assert loss * math.log(2) == pytest.approx(best, abs=0.02) and paper > best + 0.04


def test_a_scale_stays_positive():
    """If x_hat points the wrong way, the best mean ignores it, and so do the edges."""
    model = DiffEnc(Multiple(-1), shape=(2,))
    images = some_images(20)
    fitted = optimal_step(model, images, 1, seeded(1))
    assert fitted.scale.tolist() == pytest.approx([1e-6])
    found = edge_costs(model, images, 1, "optimal", seeded(1), scale="optimal")[0, 1]
    assert float(found) == pytest.approx(-math.log(fitted.ratio), rel=1e-4)
    assert elbo(model, images, 1, fitted.ratio, scale=fitted.scale).total.isfinite().all()


class Multiple(torch.nn.Module):
    """x_hat = factor alpha z"""

    def __init__(self, factor):
        super().__init__()
        self.factor = torch.nn.Parameter(torch.tensor(factor, dtype=F64))

    def forward(self, z, gamma):
        n = Noise.from_gamma(gamma).like(z)
        return (1 - self.factor) * n.alpha * z / n.sigma


# --- the fit is least squares ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("grid", [None, torch.tensor([0, 0.3, 0.8, 1], dtype=F64)])
def test_the_fit_is_a_minimum(kind, grid, small_model):
    """W7 on the images fitted: brute force over scale and ratio of every step."""
    model, images = small_model(kind, seed=3), some_images(40)
    fitted = optimal_step(model, images, 3, seeded(1), grid)

    def bound_with(ratio, scale):
        return whole(model, images, 3, ratio, scale, grid=grid)

    assert bool((fitted.scale > 1e-5).all())
    least = bound_with(fitted.ratio, fitted.scale)
    for row, down in itertools.product(range(3), (0.98, 1, 1.02)):
        for other in (0.98, 1, 1.02):
            ratio, scale = fitted.ratio.clone(), fitted.scale.clone()
            ratio[row] *= down
            scale[row] *= other
            if (down, other) != (1, 1):
                assert bound_with(ratio, scale) > least
    scale = fitted.scale.clone().requires_grad_()
    (slope,) = torch.autograd.grad(bound_with(fitted.ratio, scale), scale)
    assert bool((slope.abs() < 1e-6 * least).all())
    for name in (None, "folded", 1.0):
        ratio = optimal_ratio(model, images, 3, seeded(1), grid, scale=name)
        assert least <= bound_with(ratio, name)
    again = fit(model, images, fitted, scale=False, generator=seeded(1))
    torch.testing.assert_close(again.ratio, fitted.ratio, rtol=1e-9, atol=0)
    torch.testing.assert_close(again.ratio_error, fitted.ratio_error, rtol=1e-6, atol=0)


def test_batches_join(small_model):
    """Unequal parts: least squares over all examples together."""
    model, images, noise = small_model("learned", seed=10), some_images(9), seeded(1)
    fitted, parts = fit(model, images, 1, generator=seeded(1), batch=4), []
    for x in pixels.to_unit(images, dtype=F64).split(4):
        ends = torch.zeros(len(x), dtype=F64), torch.ones(len(x), dtype=F64)
        eps = torch.randn(x.shape, generator=noise, dtype=F64)
        parts.append(bound.scale_gap(model, x, *ends, eps))
    g, h = (torch.cat(part).detach() for part in zip(*parts, strict=True))
    by = torch.linalg.lstsq(h.reshape(-1, 1), -g.reshape(-1, 1)).solution.squeeze()
    torch.testing.assert_close(fitted.scale[0], 1 + by, rtol=1e-9, atol=0)
    torch.testing.assert_close(1 / fitted.ratio[0] - 1, (g + by * h).square().mean())


def test_the_standard_errors_are_the_spread_of_the_fits(small_model):
    """Also where A*/c is about 2, so that the spread of ||x_hat||^2 counts."""
    model, noise, fits = DiffEnc(Multiple(0.5), small_model("scaling").encoder), seeded(1), []
    grid = torch.tensor([0, 0.5, 0.6, 1], dtype=F64)
    for _ in range(400):
        images = torch.randint(0, 256, (100, 2), generator=noise).to(torch.uint8)
        fits.append(optimal_step(model, images, 3, noise, grid))
    for value, error in (("scale", "scale_error"), ("ratio", "ratio_error")):
        seen = torch.stack([getattr(chain, value) for chain in fits])[
            :, :2
        ]  # far from the least scale
        expected = (
            torch.stack([getattr(chain, error) for chain in fits])[:, :2].square().mean(0).sqrt()
        )
        spread = seen.std(0)
        torch.testing.assert_close(spread, expected, rtol=5 / math.sqrt(800), atol=0)


def test_several_draws_make_the_errors_smaller(small_model):
    model, images = small_model("learned"), some_images(400)
    one, many = (fit(model, images, 2, generator=seeded(1), draws=n) for n in (1, 16))
    assert bool((many.scale_error < one.scale_error).all())
    assert bool(((many.scale - one.scale).abs() < 5 * one.scale_error).all())


def test_w1c_is_the_best_of_the_constant_ratios(small_model):
    model, images, steps, d = small_model("scaling"), some_images(30), 5, 2
    given = {"every_step": True, "generator": seeded(1), "noise_0": torch.zeros(30, 2)}
    loss = elbo(model, images, steps, **given).diffusion.mean().detach()
    w = constant_ratio(loss, steps, d)
    least = whole(model, images, steps, w)
    assert least < min(whole(model, images, steps, w * f) for f in (0.99, 1.01))
    rest = whole(model, images, steps) - loss
    m = 2 * loss / (steps * d)
    torch.testing.assert_close(least - rest, steps * d / 2 * (1 + m).log(), rtol=1e-9, atol=0)
    assert whole(model, images, steps, optimal_ratio(model, images, steps, seeded(1))) < least


# --- edges ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [None, "folded", 1.3, "optimal"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype, rtol", [(F64, 1e-8), (torch.float32, 2e-3)])
def test_edge_costs_are_those_of_the_steps(kind, scale, dtype, rtol, small_model):
    """Every edge against a chain of one step with the same noise, fitted by `optimal_step`."""
    model, images, n = small_model(kind, (1, 3), dtype, seed=3), some_images(8, (1, 3)), 5
    found = edge_costs(model, images, n, 0.8, seeded(5), scale=scale)
    x, noise = pixels.to_unit(images, dtype=dtype), seeded(5)
    for j in range(1, n + 1):
        eps = torch.randn(x.shape, generator=noise, dtype=dtype)
        for i in range(j):
            s, t = (torch.full((8,), node / n, dtype=dtype) for node in (i, j))
            own = scale
            if scale == "optimal":
                g, h = bound.scale_gap(model, x, s, t, eps)
                own = max(1 - float((g * h).sum() / (h * h).sum()), 1e-6)
            expected = bound.step_loss(model, x, s, t, eps, 0.8, own).mean()
            torch.testing.assert_close(found[i, j], expected.double(), rtol=rtol, atol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_the_optimal_edge_costs_are_those_of_optimal_step(kind, small_model):
    """Of the same mean: one edge, 0 to 1, where both draw the same noise."""
    model, images = small_model(kind), some_images(50)
    fitted = optimal_step(model, images, 1, seeded(5))
    cost = edge_costs(model, images, 1, "optimal", seeded(5), scale="optimal")[0, 1]
    torch.testing.assert_close(cost, -math.log(fitted.ratio) * torch.ones((), dtype=F64))


def every_path(last: int, steps: int):
    for inner in itertools.combinations(range(1, last), steps - 1):
        yield torch.tensor([0, *inner, last])


@pytest.mark.parametrize("scale", ["folded", "optimal"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_best_grid_given_the_mean_is_the_best_of_all(kind, scale, small_model):
    model, images = small_model(kind), some_images(20)
    costs = edge_costs(model, images, 8, "optimal", seeded(1), scale=scale)
    for steps in (1, 3, 8):
        grid = best_time_grid(model, images, steps, 8, "optimal", seeded(1), scale=scale)
        path = (8 * grid).round().long()
        assert torch.equal(path, cheapest_path(costs, steps))
        best = min(float(costs[p[:-1], p[1:]].sum()) for p in every_path(8, steps))
        assert float(costs[path[:-1], path[1:]].sum()) == pytest.approx(best, rel=1e-12)
    upward = costs.isfinite()
    paper = edge_costs(model, images, 8, "optimal", seeded(1))
    if scale == "optimal":
        assert bool((costs[upward] <= paper[upward] + 1e-12).all())


def test_the_costs_of_a_world():
    exact = Exact(Gaussian(1.0), SCALING)
    x = exact.world.draw(40_000, seeded(2))
    for scale in (None, "folded"):
        found, _ = squared_gaps(exact.model(), [x], Chain.equal(3, scale=scale), seeded(3))
        expected = exact.mean_squared_gaps(even(3), scale)
        torch.testing.assert_close(found, expected, rtol=4 * math.sqrt(4 / 40_000), atol=0)


# --- what ships -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mnist-vdm", "mnist-scaling", "mnist-learned"])
def test_fitted_steps_ship_with_the_models(name):
    for steps in (4, 8, 16, 32, 64):
        chain = load_fitted(name, steps)
        assert chain.steps == steps and chain.grid.tolist() == Chain.equal(steps).grid.tolist()
        assert bool((chain.ratio <= 1).all()) and chain.scale_error.shape == (steps,)
        if name == "mnist-vdm" and steps >= 8:
            assert bool(((chain.scale - 1).abs() < 0.1).all())
    model, images = load_pretrained(name), some_images(2, (1, 28, 28))
    assert sample(model, 2, load_fitted(name, 4)).shape == (2, 1, 28, 28)
    assert elbo(model, images, load_fitted(name, 4)).total.isfinite().all()


def test_fitted_steps_are_refused_for_other_weights(monkeypatch):
    with pytest.raises(ValueError, match="mnist-vdm.*T = 4, 8.*got 'mnist-vdm' with T = 5"):
        load_fitted("mnist-vdm", 5)
    with pytest.raises(ValueError, match="got 'nothing' with T = 4"):
        load_fitted("nothing", 4)
    card = read_card("mnist-vdm") | {"sha256": "another"}
    monkeypatch.setattr(checkpoint, "read_card", lambda _: card)
    with pytest.raises(ValueError, match="for other weights of mnist-vdm"):
        load_fitted("mnist-vdm", 4)


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda m, x: optimal_ratio(m, x, 2, scale="optimal"), "scale must be.*fit"),
        (lambda m, x: edge_costs(m, x, 2, scale="best"), "scale must.*got 'best'"),
        (lambda m, x: edge_costs(m, x, 2, scale=torch.ones(2)), "scale must.*a positive number"),
        (lambda m, x: edge_costs(m, x, 2, scale=-1.0), "scale must.*got -1"),
        (lambda m, x: best_time_grid(m, x, 2, 4, scale=math.inf), "scale must.*got inf"),
        (lambda m, x: optimal_step(m, x[:, :1], 2), r"\(B, 2\).*got \(5, 1\)"),
        (lambda m, x: constant_ratio(1.0, 0, 2), "steps must be.*got 0"),
        (lambda m, x: constant_ratio(1.0, 2, 0), "dims must be.*got 0"),
        (lambda m, x: Exact(Gaussian(1.0)).total(scale="folded"), "scale must be None at infinite"),
        (lambda m, x: Exact(Gaussian(1.0)).total(2, scale="best"), "scale must be None"),
    ],
)  # fmt: skip
def test_bad_input(call, words, small_model):
    with pytest.raises(ValueError, match=words):
        call(small_model(dtype=torch.float32), some_images(5))


def test_one_scale_serves_all_dimensions_and_then_each_has_its_ratio(small_model):
    """W5: better than one ratio for all; W1c: worse than one for each step."""
    model, images = small_model("learned"), some_images(50)
    step, each, one = (
        fit(model, images, 2, ratio=kind, generator=seeded(1))
        for kind in ("step", "dimension", "constant")
    )
    assert torch.equal(step.scale, each.scale) and torch.equal(step.scale, one.scale)
    after = fit(model, images, step, scale=False, ratio="dimension", generator=seeded(7))
    assert each.ratio.shape == after.ratio.shape == (2, 2) and len(set(one.ratio.tolist())) == 1
    exact = fit(model, images, step, scale=False, ratio="dimension", generator=seeded(1))
    torch.testing.assert_close((1 / exact.ratio).mean(1), 1 / step.ratio, rtol=1e-9, atol=0)
    totals = [whole(model, images, 2, c.ratio, c.scale) for c in (exact, step)]
    assert totals[0] < totals[1]
    loss = (1 / fit(model, images, step, scale=False, generator=seeded(2)).ratio - 1).sum()
    again = fit(model, images, step, scale=False, ratio="constant", generator=seeded(2))
    assert float(again.ratio[0]) == pytest.approx(1 / (1 + float(loss) / 2), rel=1e-9)


def test_a_fit_with_a_resolution_has_the_best_grid(small_model):
    model, images = small_model("learned"), some_images(20)
    for scale, kind in ((True, "optimal"), (False, None)):
        grid = best_time_grid(model, images, 3, 8, generator=seeded(1), batch=250, scale=kind)
        chain = fit(model, images, 3, scale=scale, resolution=8, generator=seeded(1))
        assert torch.equal(chain.grid, grid) and (chain.scale is None) == (not scale)
