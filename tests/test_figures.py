"""What figures of the lessons show: the numbers against the library, then where they stand."""

import itertools
import math
import re
from itertools import pairwise
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
import torch
from draws import F64, KINDS, ROOT, module_of
from matplotlib.colors import to_hex
from scipy import stats

from diffenc_lite import LinearSchedule, ScalingEncoder, bound, process
from diffenc_lite.course.ledger import Row
from diffenc_lite.course.show import (
    in_the_plane,
    lesson_00,
    lesson_01,
    lesson_04,
    lesson_05,
    lesson_06,
    lesson_07,
    lesson_08,
    lesson_09,
    lesson_10,
    lesson_11,
    lesson_12,
    lesson_13,
    lesson_14,
    plots,
)
from diffenc_lite.course.show.drawing import COLOURS
from diffenc_lite.course.worlds import Exact, Gaussian, Mixture, PlusMinus, likelihood, stretch
from diffenc_lite.course.worlds.integrals import integrate
from diffenc_lite.encoder import ENCODERS
from diffenc_lite.gaussian import kl_ratio

COIN = PlusMinus()


def noise(t):
    return LinearSchedule()(torch.tensor(t, dtype=F64))


def line(ax, colour, style="-"):
    """The data of the only line of this colour and style"""
    (found,) = [
        each for each in ax.lines
        if to_hex(each.get_color()) == to_hex(colour) and each.get_linestyle() == style
    ]  # fmt: skip
    return np.asarray(found.get_data(), dtype=float)


def curves(ax):
    """(x, y) of the lines by what a reader reads beside them: legend, or text of the same colour"""
    texts = {to_hex(text.get_color()): text.get_text() for text in ax.texts}
    bars = {each.lines[0]: each.get_label() for each in ax.containers if hasattr(each, "has_xerr")}
    found = {}
    for curve in ax.lines:
        label = bars.get(curve, curve.get_label())
        if label.startswith("_"):
            label = texts.get(to_hex(curve.get_color()), label)
        if curve.get_marker() not in ("|", "_"):  # the ends of error bars
            found.setdefault(label, []).append(np.asarray(curve.get_data(), dtype=float))
    return found


def positions(explorer):
    """Every figure of an explorer, with the values of its controls"""
    for index in itertools.product(*(range(len(c.options)) for c in explorer.controls)):
        values = [c.options[i][1] for c, i in zip(explorer.controls, index, strict=True)]
        yield explorer.drawn(index).axes, *values


def true_reverse(world, z_t, s, t, z_s):
    """q(z_s | z_t) ~ q(z_s) q(z_t | z_s) at equal distances, by Bayes' rule"""
    weights, means, variances = (part.numpy().ravel() for part in world.components)
    spread = np.sqrt(s.alpha.item() ** 2 * variances + s.sigma.item() ** 2)
    at_s = stats.norm(s.alpha.item() * means, spread).pdf(z_s[:, None]) @ weights
    gain, width = process.transition(torch.tensor(z_s), torch.zeros(()), s, t)
    joint = at_s * stats.norm(gain, width.sqrt()).pdf(z_t)
    return joint / (joint.sum() * (z_s[1] - z_s[0]))


@pytest.fixture
def cells():
    """cells(lesson, *beginnings): what its imports and the cells which begin so leave behind"""

    def run(lesson, *beginnings):
        path = ROOT / "notebooks" / f"{lesson}.ipynb"
        codes = [cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
        chosen = [next(code for code in codes if "plots.begin()" in code)]
        chosen += [next(c for c in codes if c.startswith(start)) for start in beginnings]
        world = {}
        for code in chosen:
            exec(re.sub(r"^(\S*xplorer\()", r"explorer = \1", code, flags=re.M), world)
        return world

    before = torch.get_default_dtype()
    yield run
    torch.set_default_dtype(before)


@pytest.mark.parametrize("z_t", [(0.1, -0.05), (0.8, 0.6)])
def test_00_a_step_back_in_the_plane_is_bayes_rule(z_t):
    """Against q(z_s) q(z_t | z_s) on a grid, and its divergence from a bell, by Riemann sums"""
    s, t, seen, ring = noise(0.6), noise(0.7), torch.tensor(z_t, dtype=F64), in_the_plane.RING
    step = in_the_plane.reverse_from(ring, seen, s, t)
    line_of = torch.linspace(-9, 9, 241, dtype=F64)
    guess = in_the_plane.guess(in_the_plane.Mixture(ring.tolist(), [0.0] * 24), seen[None], t)
    middle, variance = process.generative_step(seen, guess[0], 0.0, s, t)
    z_s = torch.cartesian_prod(line_of, line_of) * variance.sqrt() + middle
    at_s = torch.exp(-(z_s[:, None] - s.alpha * ring).square().sum(2) / (2 * s.sigma**2)).sum(1)
    forth, spread = process.transition(z_s, torch.zeros(()), s, t)
    joint = at_s * torch.exp(-(seen - forth).square().sum(1) / (2 * spread))
    cell = (line_of[1] - line_of[0]) ** 2
    q = joint / (joint.sum() * cell)
    torch.testing.assert_close(step.density(line_of).flatten(), q, atol=1e-5, rtol=0)
    from_middle = torch.cartesian_prod(line_of, line_of).square().sum(1)
    assert step.m == pytest.approx((q * from_middle).sum().item() * cell.item() / 2 - 1, abs=1e-4)
    pinned = -from_middle / 2 - math.log(2 * math.pi)  # the bell with w = 1
    surplus = (torch.xlogy(q, q) - q * pinned).sum() * cell
    narrow, shape = step.surplus()
    assert narrow + shape == pytest.approx(surplus.item(), abs=1e-4)
    assert narrow == pytest.approx(step.m - math.log1p(step.m)) and shape > 0.05


def test_00_the_plane_shows_its_position():
    ring, position = in_the_plane.RING, (12, 1, 0)  # t = 0.7, dot B, ten steps
    left, middle, right = in_the_plane.plane_explorer().drawn(position).axes
    dots = torch.as_tensor(np.transpose(left.lines[1].get_data()))
    (arrows,) = [each for each in middle.collections if hasattr(each, "U")]
    np.testing.assert_allclose(arrows.XY, dots[:24])
    at, eps = noise(0.7), torch.tensor([(0.2, 0.9), (0.8, 0.3)], dtype=F64)
    torch.testing.assert_close(dots[:2], process.add_noise(ring[[18, 3]], eps, at))
    away = (dots[:24, None] - at.alpha * ring).square().sum(2)
    guess = (-away / (2 * at.sigma**2)).softmax(1) @ ring
    tips = arrows.XY + np.stack([arrows.U, arrows.V], 1)
    np.testing.assert_allclose(tips, guess, atol=1e-9)
    step = in_the_plane.reverse_from(ring, dots[1], noise(0.6), at)
    radii = [np.hypot(*curve.get_data()).max() for curve in right.lines]
    assert (radii[0] / radii[1]) ** 2 == pytest.approx(1 / (1 + step.m))
    words = "too narrow {:.2f}\n+ wrong shape {:.2f} nats".format(*step.surplus())
    assert words in [text.get_text() for text in right.texts]


def test_01_the_drawn_posterior_is_the_product_of_the_other_two():
    *curves, _ = lesson_01.two_sources().axes[0].lines
    expected, seen, both = (np.log(each.get_ydata() - 0.4) for each in curves)
    middle = slice(150, 250)  # a product is a sum of logarithms, up to a constant
    rest = (both - expected - seen)[middle]
    np.testing.assert_allclose(rest, rest[0], atol=0.03)


def test_01_every_position_shows_the_divergence(cells):
    begin = ("z_axis, width =", "def draw(gap")
    for (left, right), gap, width in positions(cells("01_gaussian_toolbox", *begin)["explorer"]):
        q, p = (torch.distributions.Normal(*given) for given in ((0.0, 1.0), (gap, width)))
        kl = torch.distributions.kl_divergence(q, p).item()
        z, density = left.lines[1].get_data()
        np.testing.assert_allclose(density, stats.norm(gap, width).pdf(z), atol=1e-6)
        np.testing.assert_allclose(np.ravel(right.lines[1].get_data()), [width, kl], atol=1e-5)
        assert float(left.get_title().split()[2]) == pytest.approx(kl, abs=0.0051)
        widths, costs = right.lines[0].get_data()
        assert np.interp(math.log(width), np.log(widths), costs) == pytest.approx(kl, abs=0.02)


def test_02_every_position_shows_the_best_guess_and_its_error(cells):
    begin = ("worlds = {  # all of mean 0", "names = list(worlds)")
    blurred = Mixture([[-math.sqrt(0.99)], [math.sqrt(0.99)]], [0.01, 0.01])
    for (upper, lower), gamma, which in positions(cells("02_the_bound", *begin)["explorer"]):
        world, snr = (blurred, COIN, Gaussian(1.0))[which], torch.tensor([math.exp(-gamma)])
        seen, guess = map(torch.as_tensor, upper.lines[0].get_data())
        best = world.posterior_mean(snr.sqrt() * seen[:, None], snr.expand(len(seen)))
        np.testing.assert_allclose(np.ravel(guess), best[:, 0], atol=1e-5)
        dot = np.ravel(lower.lines[-1].get_data())
        np.testing.assert_allclose(dot, [snr.item(), world.mmse(snr).item()])


def test_03_every_position_shows_rectangles_that_leave_the_surplus(cells):
    begin = (
        "blur = ", "axis, counts", "grid = straight", "def slow_start", "tried, ",
        "def draw(which, how",
    )  # fmt: skip
    world = cells("03_finite_to_infinite_depth", *begin)
    exacts, bends = list(world["worlds"].values()), list(world["schedules"].values())
    diffusion = [exact.diffusion() for exact in exacts]
    for (upper, lower), which, how, steps in positions(world["explorer"]):
        exact, grid = exacts[which], bends[how](torch.linspace(0, 1, steps + 1, dtype=F64)).gamma
        snr = torch.exp(-grid)
        paid = 0.5 * ((snr[:-1] - snr[1:]) * exact.world.mmse(snr[1:])).sum().item()
        (stairs,) = upper.patches
        heights, edges, _ = stairs.get_data()
        np.testing.assert_allclose(edges, grid)
        assert (heights * np.diff(edges)).sum() == pytest.approx(paid)
        area = np.trapezoid(*upper.lines[0].get_data()[::-1])
        assert area == pytest.approx(diffusion[which], rel=1e-3)
        surplus = paid - diffusion[which]
        assert upper.get_title() == f"{surplus:,.3f} nats too many"
        np.testing.assert_allclose(np.ravel(lower.lines[1].get_data()), [steps, surplus])
        x, course = lower.lines[0].get_data()
        assert course[list(x).index(steps)] == pytest.approx(surplus)


CONSTANT = module_of(forward=lambda x, g: torch.full_like(x, lesson_04.Y) + 0 * g[:, None])


@pytest.mark.parametrize("name", KINDS)
def test_04_one_pixel_goes_where_the_librarys_encoder_takes_it(name):
    x, at = torch.full((200, 1), lesson_04.X, dtype=F64), noise(lesson_04.DEPTHS)
    x_t, u = ENCODERS[name](lambda: CONSTANT)(x, at.gamma)
    x_t, speed = x_t[:, 0], at.sigma.square() * torch.as_tensor(u).expand(200, 1)[:, 0]
    (encoded,), (target,) = lesson_04.three_encoders().axes, lesson_04.targets().axes
    drawn = [curve.get_ydata() for curve in encoded.lines if curve.get_color() == COLOURS[name]]
    np.testing.assert_allclose(drawn[0], x_t, atol=1e-9)
    np.testing.assert_allclose(line(target, COLOURS[name], ":")[1], x_t, atol=1e-9)
    np.testing.assert_allclose(line(target, COLOURS[name])[1], x_t + speed, atol=1e-7)


def test_04_every_position_shows_the_digit_its_change_its_motion_and_its_latent():
    x = torch.randn(1, 1, 28, 28, generator=torch.Generator().manual_seed(0), dtype=F64)
    eps = torch.randn(x.shape, generator=torch.Generator().manual_seed(6), dtype=F64)
    for axes, t in positions(lesson_04.moving_digit(x)):
        x_t, earlier = (lesson_04.blurring(x, eps, depth)[0] for depth in (t, t - 1e-7))
        motion = (earlier - x_t) / (1e-7 * 18.3)
        expected = x_t, x_t - x, motion, process.add_noise(x_t, eps, noise(t))
        for ax, image in zip(axes, expected, strict=True):
            np.testing.assert_allclose(ax.images[0].get_array(), image[0, 0], atol=1e-6)


def drawn_factor(heights, gamma_1):
    """f of lambda: 1, then in straight lines of t to the heights at the knots"""

    def f(lam):
        t = (13.3 - lam) / (13.3 + gamma_1)
        rises = [(5 * (t - knot)).clamp(0, 1) for knot in lesson_05.KNOTS[:-1]]
        return 1 + sum(step * rise for step, rise in zip(steps, rises, strict=True))

    steps = np.diff([1.0, *heights])
    return f


@pytest.mark.parametrize("end, gamma_1", [(0, 5.0), (1, -1.0)])
def test_05_a_drawn_encoder_shows_the_bills_of_the_exact_bound(end, gamma_1):
    """Start and motion are what Exact's bound is above the entropy; its encoder has the same f."""
    drawn = lesson_05.Drawn(COIN)
    explorer = lesson_05.drawn_explorer(drawn)
    for heights in ((1.0, 1.0, 1.0), (0.9, 0.5, 0.2), (1.5, 1.0, 0.8)):
        f = drawn_factor(heights, gamma_1)
        model = Exact(COIN, stretch(f), gamma_max=gamma_1)
        corners = [-13.3 + (gamma_1 + 13.3) * knot for knot in (0.0, *lesson_05.KNOTS)]
        diffusion = sum(integrate(model.diffusion_rate, *pair, 1e-6) for pair in pairwise(corners))
        start, motion, prior, rate = drawn.bills(heights, gamma_1)
        assert prior == pytest.approx(model.prior, abs=1e-9)
        assert start == pytest.approx(model.prior_gap, abs=1e-5)
        above = model.prior + model.reconstruction + diffusion - COIN.entropy
        assert start + motion == pytest.approx(above, abs=2e-3)
        assert rate.mean() == pytest.approx(motion)

        left, right = explorer.drawn((end, *map(lesson_05.HEIGHTS.index, heights))).axes
        sums = f"start {start:.4f} + motion {motion:.4f} = {start + motion:.4f}"
        assert left.get_title() == f"{sums}\nprior loss {prior:.4f}"
        np.testing.assert_allclose(right.patches[0].get_xy()[1:-2, 1], rate)
        t, factor = line(left, "#E69F00")
        np.testing.assert_allclose(factor, f(13.3 - (13.3 + gamma_1) * torch.tensor(t)))


def test_06_a_mean_lands_where_the_librarys_gap_says():
    for t, s in ((0.75, 0.5), (0.5, 0.25)):
        at_s, at_t, x = noise(s), noise(t), torch.ones(1, 1, dtype=F64)
        x_t = ScalingEncoder()(x, at_t.gamma[None]).x_t
        change = x_t - ScalingEncoder()(x, at_s.gamma[None])[0]
        for name, (scale, place) in lesson_06.landings(t, s).items():
            given = {"paper": None, "folded": "folded", "exact": scale}[name]
            extra = process.scale_minus_one(1.0, at_s, at_t, given)
            slope = process.gap_slope(x_t, at_s, at_t)
            gap = process.gap(0.0, change, at_s, at_t) + extra * slope
            assert place == pytest.approx(gap.item(), abs=1e-9)


def test_06_the_explorer_shows_the_gap_of_your_ratio():
    counts, tries = list(range(1, 11)), np.geomspace(0.5, 2, 21)
    rows = np.arange(220.0).reshape(22, 10)
    m, gaps = [np.arange(1.0, T + 1) for T in counts], {"a": rows, "b": rows + 300}
    explorer = lesson_06.ratio_explorer(counts, tries, gaps, {"a": m, "b": m})
    above, below = explorer.drawn((3, 2, 1)).axes
    assert above.get_title() == "surplus 323.000 (w = 1: 403.000, w*: 513.000)"
    np.testing.assert_allclose(above.lines[3].get_data(), [[4], [323]])
    for k, curve in ((10, above.lines[0]), (21, above.lines[1]), (2, above.lines[2])):
        np.testing.assert_allclose(curve.get_ydata(), rows[k] + 300)
    np.testing.assert_allclose(below.lines[0].get_ydata()[1:], 1 / (1 + m[3]))


def test_06_every_position_shows_a_step_by_bayes_rule():
    """The model has the mean of the true reverse, and sigma_Q, or sigma_Q over the root of w*."""
    s, t, axis = noise(0.55), noise(0.7), np.linspace(-6, 6, 6001)
    _, variance = process.generative_step(torch.zeros(1), torch.zeros(1), 0.0, s, t)
    for (ax,), z_t, which in positions(lesson_06.step_explorer({"coin": 0.5, "Gaussian": 0.9})):
        name, world, w = (("coin", COIN, 0.5), ("Gaussian", Gaussian(1.0), 0.9))[which]
        truth = true_reverse(world, z_t, s, t, axis)
        mean = np.average(axis, weights=truth)
        for label, ratio in (("$w=1$", 1.0), ("$w^*$", w)):
            ((z, density),) = curves(ax)[label]
            expected = stats.norm(mean, math.sqrt(variance / ratio)).pdf(z)
            np.testing.assert_allclose(density, expected, atol=1e-9)
        shade = ax.patches[0].get_xy()[: len(z), 1]
        np.testing.assert_allclose(shade, np.interp(z, axis, truth), atol=2e-4)
        own = lesson_06.step_from(z_t, name, z).ratio
        spread = np.average((axis - mean) ** 2, weights=truth)
        assert own == pytest.approx(variance.item() / spread, rel=1e-3)
        assert ax.get_title() == f"$w^*={w:.2f}$; for this $z_t$ alone {own:.2f}"


def test_07_the_stairs_have_the_areas_of_the_losses():
    nodes, vdm = torch.linspace(-6, 5, 9, dtype=F64), Exact(COIN, gamma_min=-6.0)
    ax, _ = lesson_07.staircases(COIN.mmse, {"a": nodes, "b": nodes}).axes
    gamma, curve = ax.lines[0].get_data()
    assert np.trapezoid(curve, gamma) == pytest.approx(vdm.diffusion(), abs=1e-4)
    snr = torch.exp(-nodes)
    costs = 0.5 * (snr[:-1] - snr[1:]) * COIN.mmse(snr[1:])
    assert costs.sum().item() == pytest.approx(vdm.diffusion(8))  # L3, in the library
    for shape, cost, ends in zip(ax.collections[::2], costs, pairwise(nodes.tolist()), strict=True):
        low, height = shape.get_paths()[0].vertices.T  # once round the stair
        assert (low.min(), low.max()) == ends
        assert abs(np.trapezoid(height, low)) == pytest.approx(cost.item(), rel=2e-3)


def tables():
    """Four costs that differ, of 4 steps: with the paper's scale and the best, w = 1 and w*"""
    costs = np.full((5, 5), np.inf)
    costs[np.triu_indices(5, 1)] = np.arange(1.0, 11.0)
    return {(s, r): costs + 100 * s + 10 * r for s, r in itertools.product((0, 1), repeat=2)}


def test_07_the_explorer_takes_the_table_of_its_buttons():
    coin = tables()
    data = {"coin": list(coin.values()), "other": [table + 1000 for table in coin.values()]}
    explorer = lesson_07.grid_explorer(
        data, lambda costs, T: [0, 1, 4], lambda T: np.arange(0, 5, 4 // T)
    )
    for (scale, ratio), costs in coin.items():
        upper, lower = explorer.drawn((0, ratio, scale, 0)).axes
        best, even = costs[0, 1] + costs[1, 4], costs[0, 2] + costs[2, 4]
        assert upper.get_title() == f"best {best:,.2f} nats, equal {even:,.2f}"
        depths, prices = lower.lines[1].get_data()
        assert prices.tolist() == [costs[0, 1]] * 2 + [costs[1, 4]] * 2
        assert np.asarray(depths).tolist() == [0, 0.25, 0.25, 1]


def test_07_a_price_table_shows_its_own_costs_and_paths():
    one, other, *_ = tables().values()
    figure = lesson_07.price_tables({"a": (one, [0, 1, 4]), "b": (other, [0, 3, 4])}, [0, 2, 4], 4)
    for ax, costs, best in zip(figure.axes, (one, other), (0.25, 0.75), strict=False):
        shown = np.ma.filled(ax.images[0].get_array(), np.nan)
        above = np.triu_indices(5, 1)
        np.testing.assert_allclose(shown[above], np.log10(costs[above]))
        assert ax.images[0].origin == "lower"
        assert line(ax, "k")[1].tolist() == [0, best] and line(ax, "w")[1].tolist() == [0, 0.5]


def test_07_margins_stand_at_their_nodes():
    figure = lesson_07.margins([1.0, 2.0, 4.0], [5.0, 6.0], [7.0, 8.0])
    heights = [[bar.get_height() for bar in bars] for ax in figure.axes for bars in ax.containers]
    assert heights == [[1, 2, 4], [5, 6], [7, 8]]


def test_08_every_position_shows_the_field_of_its_toy():
    toys = {name: likelihood(name, 32) for name in ("mixture", "swirl")}
    few = slice(None, None, 33)  # of the pixels
    line_of = torch.linspace(-lesson_08.REACH, lesson_08.REACH, 200, dtype=F64)[few]
    z = torch.cartesian_prod(line_of, line_of)
    for (ax,), which, t in positions(lesson_08.field_explorer(toys)):
        exact, at = list(toys.values())[which], noise([t])
        (arrows,) = (each for each in ax.collections if hasattr(each, "U"))
        foot = torch.as_tensor(arrows.XY)
        pull = at.alpha * exact.posterior_mean(foot, at) - foot
        known = pull.isfinite().all(1).numpy()  # far from a thread all probabilities underflow
        assert known.mean() > 0.5
        np.testing.assert_allclose(np.c_[arrows.U, arrows.V][known], pull[known])
        away = z[:, None] - at.alpha * torch.cartesian_prod(exact.x, exact.x)
        q = torch.exp(-away.square().sum(2) / (2 * at.sigma**2)) @ exact.probability.flatten()
        shown = ax.images[0].get_array()[few, few].T.flatten()  # rows are the second coordinate
        np.testing.assert_allclose(shown / shown.max(), (q / q.max()).sqrt(), atol=1e-12)


def test_08_guesses_of_a_perfect_denoiser_are_the_perfect_guesses():
    exact = likelihood("mixture", 32)
    best, guess = lesson_08.guesses(exact.model(), exact, -2.0)
    torch.testing.assert_close(best, guess)


def test_08_intervals_and_ratios():
    gaps = torch.tensor([0.1, 0.2, 0.3, 0.2])
    (ax,) = lesson_08.three_ways({"a": gaps}).axes
    error = gaps.std().item()  # two standard errors of a mean of four
    assert ax.texts[0].get_text() == f"{gaps.mean().item():.4f} ± {error:.4f}"
    (ax,) = lesson_08.by_width({"a": [(1, 2, 4)], "b": [(3, 4, 5)]}, [8]).axes
    spans = [bars.get_segments()[0][:, 1].tolist() for bars in ax.collections]
    assert spans == [[1, 4], [3, 5]]


def test_09_every_position_shows_the_guess_and_what_it_costs(small_model, generator):
    model = small_model("identity", (1, 3, 3), torch.float32)
    images = {
        name: torch.randint(256, (1, 3, 3), generator=generator).byte() for name in ("5", "6")
    }
    for (left, middle, right), gamma, which in positions(lesson_09.microscope(model, images)):
        t, image = torch.tensor([(gamma + 13.3) / 18.3]), list(images.values())[which]
        x, at = model.to_unit(image[None]), model.schedule(t)
        eps = torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
        z = process.add_noise(x, eps, at.like(x))
        guess = process.x_from_v(z, model.v_hat(z, at.gamma), at.like(x)).detach()
        for ax, part in ((left, z), (middle, guess)):
            shown = ax.images[0].get_array()
            np.testing.assert_allclose(shown, plots.as_pixels(part[0, 0].numpy()), atol=1e-5)
        draws = torch.randn((8, 1, 3, 3), generator=torch.Generator().manual_seed(5))
        nats = bound.diffusion_loss(model, x.expand(8, 1, 3, 3), t.expand(8), draws)
        bits = right.images[0].get_array()
        assert bits.sum() == pytest.approx(nats.mean().item() / math.log(2), rel=1e-4)
        assert right.get_title() == f"{bits.mean():.2f} bits"


def test_09_the_digit_is_named_by_bayes_rule(generator):
    world = SimpleNamespace(
        images=torch.tensor([[[[0]]], [[[120]]], [[[255]]]]).byte(), labels=torch.tensor([0, 1, 0])
    )
    x, seen = torch.tensor([-1 + 1 / 256, -1 + 241 / 256, 1 - 1 / 256]), 3
    alpha, sigma = (torch.sigmoid(torch.tensor(sign * 1.0)).sqrt() for sign in (-1, 1))
    z = alpha * x + sigma * torch.randn(3, 1, generator=torch.Generator().manual_seed(7))[:, 0]
    weights = stats.norm(alpha * x[None], sigma).pdf(z[:, None])
    right = [row[world.labels == label].sum() / row.sum()
             for row, label in zip(weights, world.labels, strict=True)]  # fmt: skip
    assert lesson_09.chance_of_right(world, world, 1.0, seen) == pytest.approx(np.mean(right))


def test_10_every_position_shows_the_parts_of_the_start():
    parts = {"a": lambda end: [1.0, end, 3.0], "b": lambda end: [end, 1.0, 0.5]}
    for (ax,), end in positions(lesson_10.start_explorer(parts, [5, 3, 2, 1])):
        for k, (name, of_data) in enumerate(parts.items()):
            widths = [bar.get_width() for bar in ax.patches[3 * k : 3 * k + 3]]
            assert widths == pytest.approx(np.divide(of_data(end), sum(of_data(end))))
            assert ax.get_yticklabels()[k].get_text() == name
            told = [float(number) for number in re.findall(r"[\d.]+", ax.texts[k].get_text())]
            assert told == pytest.approx([*of_data(end), sum(of_data(end))])
        assert [text.get_text() for text in ax.get_legend().texts] == list(lesson_10.PARTS)
        assert f"={end:g}" in ax.get_title()


def test_10_each_picture_is_a_circle_beside_their_mean():
    gaps = {"a - b": [0.1, -0.3, 0.2], "c - d": [0.4, 0.5, 0.9]}
    (ax,) = lesson_10.by_picture(gaps, lambda v: (min(v), max(v)), 1, "it").axes
    circles, red, bars, means = (ax.lines[k::4] for k in (1, 2, 3, 4))
    for values, *drawn in zip(gaps.values(), circles, red, bars, means, strict=True):
        of_all, of_named, of_bar, of_mean = (mark.get_xdata() for mark in drawn)
        assert of_all.tolist() == values and of_named.tolist() == [values[1]]
        assert of_bar.tolist() == [min(values), max(values)]
        assert of_mean.tolist() == pytest.approx([np.mean(values)])
    assert [label.get_text() for label in ax.get_yticklabels()] == list(gaps)


def test_10_curves_of_pictures_begin_at_their_first_score():
    bits = {"a": [[1.0, 3.0], [0.5, 3.5], [0.0, 4.5]], "b": [[1.0, 1.0], [0.0, 1.0]]}
    image = np.zeros((2, 2, 3), np.uint8)
    _, *axes = lesson_10.curves_by_picture(image, [200, 400, 800], bits, 1, "it").axes
    for ax, scores in zip(axes, bits.values(), strict=True):
        moved = np.subtract(scores, scores[0])
        first, named, mean = (each.get_xydata() for each in ax.lines)
        for drawn, expected in ((first, moved[:, 0]), (named, moved[:, 1]), (mean, moved.mean(1))):
            np.testing.assert_allclose(drawn, np.c_[[200, 400, 800][: len(moved)], expected])
        assert to_hex(ax.lines[1].get_color()) == to_hex(plots.RED)


def test_11_every_position_shows_its_patch_and_its_depth(generator):
    patches = (torch.rand(3, 3, 4, 4, generator=generator) - 0.5).numpy()
    paths = {name: np.stack([patches * f for f in (0.9, k)]) for k, name in enumerate("ab")}
    for axes, t, which in positions(lesson_11.patch_explorer(patches, paths, [0.6, 1.0])):
        x, *above, _, first, second = axes
        depth = [0.6, 1.0].index(t)
        shown = [x, *above, first, second]
        encoded = [paths[name][depth, which] for name in "ab"]
        expected = [patches[which], *encoded, *(x_t - patches[which] for x_t in encoded)]
        for ax, image in zip(shown, expected, strict=True):
            np.testing.assert_allclose(ax.images[0].get_array(), plots.as_pixels(image))


def test_11_agreement_writes_what_it_shows():
    matrix = np.array([[1.0, 0.25], [0.75, 1.0]])
    (ax,) = np.atleast_1d(lesson_11.agreement(["a", "b"], {"c": matrix, "d": matrix}).axes)[:1]
    np.testing.assert_allclose(ax.images[0].get_array(), matrix)
    for text in ax.texts:
        column, row = text.get_position()
        assert text.get_text() == f"{matrix[row, column]:.2f}"


def test_12_every_position_shows_its_chain_and_its_two_bounds():
    places = list(itertools.product(lesson_12.KINDS, (2, 4, 8, 16), lesson_12.MEANS))
    fits, bits = {}, {}
    for k, (model, T, mean) in enumerate(places):
        t = np.linspace(0, 1, T + 1)
        fits[model, T, mean] = {"t": t, "A": 1 + t[1:] + k, "w": (1 + t[1:]) / (k + 2)}
        bits |= {(model, T, mean, "w = 1"): 100.0 + k, (model, T, mean, "w*"): 10.0 + k}
    models = ["mnist-learned", "mnist-scaling", "mnist-vdm"]
    for axes, T, mean, which in positions(lesson_12.chain_explorer(fits, bits)):
        place = models[which], T, list(lesson_12.MEANS)[mean]
        fit = fits[place]
        for ax, drawn, w in zip(axes, (fit["A"], fit["w"]), ("w = 1", "w*"), strict=True):
            np.testing.assert_allclose(ax.lines[0].get_data(), [fit["t"][1:], drawn])
            assert f"{bits[*place, w]:.4g} " in ax.get_title()


def test_12_a_change_is_in_per_cent():
    change = SimpleNamespace(mean=math.log(0.9), half=math.log(1.1))
    (ax, _) = lesson_12.sample_changes({("mnist-vdm", 0, 4, "w*"): change,
        ("mnist-learned", 0, 4, "w*"): change}, {(4, "w*"): change}, ["w*"]).axes  # fmt: skip
    for bar, dot in (ax.lines[1:3], ax.lines[3:5], ax.lines[5:7]):
        np.testing.assert_allclose(bar.get_xdata(), [100 * (0.9 / 1.1 - 1), 100 * (0.99 - 1)])
        np.testing.assert_allclose(dot.get_xdata(), [-10])


def test_13_every_position_shows_bayes_rule_and_the_methods(cells):
    """Each method's density has the mean of the truth; the truth and OCM have its variance."""
    world = cells("13_neighbours", "def step(z", "coin, axis =")
    for (ax,), z_t, s in positions(world["explorer"]):
        z, axis = np.asarray(ax.lines[0].get_xdata()), np.linspace(-7, 7, 5601)
        truth, *methods = (np.asarray(each.get_ydata()) for each in ax.lines[:4])
        density = true_reverse(COIN, z_t, noise(s), noise(0.8), axis)
        np.testing.assert_allclose(truth, np.interp(z, axis, density), atol=1e-4)
        mean = np.average(axis, weights=density)
        variances = []
        for bell in methods:  # its logarithm is a parabola
            seen = bell > 1e-100
            bend, slope, _ = np.polyfit(z[seen], np.log(bell[seen]), 2)
            assert -slope / (2 * bend) == pytest.approx(mean, abs=1e-5)
            variances.append(-1 / (2 * bend))
        narrow, on_average, ocm = variances
        assert ocm == pytest.approx(np.average((axis - mean) ** 2, weights=density), abs=1e-5)
        assert narrow <= min(on_average, ocm) + 1e-9


def test_14_every_position_shows_students_test(cells):
    """Against SciPy: three runs with and three without, from means and standard errors."""
    explorer = cells("14_auditing_the_paper", "readings = {}", "def draw(error)")["explorer"]
    for (ax,), error in positions(explorer):
        deviations = (3**0.5 * 0.003, 3**0.5 * error)
        test = stats.ttest_ind_from_stats(2.641, deviations[0], 3, 2.620, deviations[1], 3)
        reach = stats.t(4).ppf(0.975) * math.hypot(0.003, error)
        low, high = -0.021 - reach, -0.021 + reach
        said = f"p = {test.pvalue:.3f}; DiffEnc - VDM: {low:+.3f} to {high:+.3f}"
        assert ax.get_title() == said
        spans = [bars.get_segments()[0][:, 0] for bars in ax.collections]
        np.testing.assert_allclose(spans, [[2.638, 2.644], [2.62 - error, 2.62 + error]])


def test_14_bars_and_labels_stand_where_their_numbers_say():
    (ax,) = lesson_14.readings({"a": (0.01, 0.02, 0.028), "b": (0.04, 0.05, 0.06)}).axes
    (one, dot, other, _, _) = ax.lines
    assert [list(each.get_xdata()) for each in (one, dot, other)] == [
        [0.01, 0.028], [0.02], [0.04, 0.06],
    ]  # fmt: skip
    changes = [(-0.2, 0.1), (0.3, 0.1), (0.1, 0.2)]
    ax, _ = lesson_14.losses({"a": changes, "b": changes[::-1]}).axes
    assert [bar.get_height() for bar in ax.patches] == [-0.2, 0.3, 0.1]
    claims = [("claim", "proved", "what", "open"), ("b", "open", "c", "refuted")]
    written = lesson_14.broken(claims)
    heights = {}
    for text in written.axes[0].texts[4:]:
        heights.setdefault(round(text.get_position()[1], 3), []).append(text.get_text())
    assert list(map(tuple, heights.values())) == claims


# ---- plots whose labels are the names of what is given -------------------------------------------

X, A, B, C = np.array([[1.0, 2.0, 4.0], [0.1, 0.2, 0.4], [0.5, 0.6, 0.8], [0.9, 0.7, 0.3]])
O = np.zeros(3)  # noqa: E741  # an error bar
LEVELS = np.arange(256) / 1e5


def at_x(ys):
    return list(zip(X, ys, strict=True))


PLACES = {"paper": [90, 30, 5, 4], "folded": [20, 11, 4, 3], "VDM": [9, 8, 3, 2]}
PLOTS = {  # what is drawn, and for each of its axes the lines and bars that are read there
    lambda: lesson_00.changes(X, A, {"learned": B, "scaling": C}): [
        {"no more is possible": [A], "learned": [B], "scaling": [C]}
    ],
    lambda: lesson_05.dimming(X, A, B): [{"the prior loss": [A], "the bound": [B]}],
    lambda: lesson_07.twelve_places({4: PLACES, 8: PLACES}, 1.0): [
        {name: [places] for name, places in PLACES.items()}, {},
    ],
    lambda: lesson_08.by_width({"a": np.c_[A, B, X], "b": np.c_[O, A, B]}, X): [
        {"a": [B], "b": [A]}
    ],
    lambda: lesson_09.price_lists(LEVELS, 2 * LEVELS, 3 * LEVELS): [
        {}, {"prior": [2 * LEVELS], "reconstruction": [3 * LEVELS]},
    ],
    lambda: lesson_09.training(dict(at_x(A)), dict(at_x(zip(B, C, strict=True))), {}): [
        {"training batches": [A], "held out": [B]}
    ],
    lambda: lesson_09.per_grey_pixel(X, C, {"a": (A, O), "b": (B, O)}): [
        {"a": [A], "b": [B], "knowing how often greys occur": [C]}
    ],
    lambda: lesson_09.altered(X, {"a": A, "b": B}): [{"a": [A], "b": [B]}],
    lambda: lesson_10.false_alarms(X, A, B): [
        {"looking after every pair": [A], "looking once": [B]}
    ],
    lambda: lesson_11.freedom(X, X, {"scaling": A, "small": B}, C): [
        {"scaling": [A], "small, mean\n(dotted: largest)": [C, B]}
    ],
    lambda: lesson_11.slopes(X, [B, B, C], [(1.0, 0.9)], X, A, C): [
        {"theory": [A], "start alone": [C]}
    ],
    lambda: lesson_11.grey_by_depth(X, A, [B, X, X], C): [{"theory": [A], "three": [B]}],
    lambda: lesson_12.dots(
        {"p": {"a": (A, X), "b": (B, X)}, "q": {"a": (C, X)}}, [4, 8, 16], "", ["r", "b"]
    ): [{"a": [A], "b": [B]}, {"a": [C]}],
    lambda: lesson_12.pencil(X, {"mnist-vdm": A, "mnist-learned": B}, C): [
        {"vdm": [A], "learned": [B]}
    ],
    lambda: lesson_12.noise_added(X, A, B): [{"$w=1$": [A], "$w^*$": [A / np.sqrt(B)]}],
    lambda: lesson_13.variances(X, np.c_[A, B, C], np.c_[C, A, B]): [
        {"VDM, $w=1$": [A], "OCM": [C]}, {"VDM, $w=1$": [C], "and OCM": [B]},
    ],
    lambda: lesson_13.means(X, {"DiffEnc": np.c_[A, B], "NDM": np.c_[C, X]}, 3.0): [
        {"DiffEnc": [A, B], "NDM": [C, X]}
    ],
    lambda: lesson_13.paths(X, {"right": A, "wrong": B, "told the mean": C}): [
        {}, {"right, or consistently wrong": [A, B], "told only": [C]},
    ],
    lambda: lesson_09.ladder([("a", 1, "ours"), ("b", 2.5, "code"), ("c", 2, "published")]): [
        {"b": [2.5], "c": [2], "a": [1]}
    ],
    lambda: lesson_14.coarse_shares([1, 2, 3], {"d": {"a": A, "b": B}, "e": {"a": C, "b": A}}): [
        {"a": [A], "b": [B]}, {"a": [C], "b": [A]},
    ],
    lambda: lesson_11.rivals({"a": A, "b": B}, {"a": B, "b": C}): [
        {"a": [A.mean()], "b": [B.mean()]}, {"": [B.mean(), C.mean()]},
    ],
    lambda: lesson_12.bound_and_samples(
        {"a": 3.0, "b": 2.0, "c": 1.0}, {"d": np.zeros((2, 2)), "e": np.ones((2, 2))}
    ): [{"a": [3], "b": [2], "c": [1]}, {}, {}],
}  # fmt: skip


def rows(ax):
    """The length of each horizontal bar by the name of its row"""
    names = dict(zip(ax.get_yticks(), (t.get_text() for t in ax.get_yticklabels()), strict=True))
    found = {}
    for bar in ax.patches:
        name = names.get(round(bar.get_y() + bar.get_height() / 2, 6))
        found.setdefault(name, []).append(bar.get_width())
    return found


def named(draw):
    return ".".join(draw.__code__.co_names[:2])


@pytest.mark.parametrize("draw, expected", PLOTS.items(), ids=map(named, PLOTS))
def test_lines_and_bars_stand_beside_their_own_names(draw, expected):
    for ax, given in zip(draw().axes, expected, strict=True):
        found = rows(ax) if ax.patches else curves(ax)
        for label, wanted in given.items():
            (shown,) = [each for text, each in found.items() if text.startswith(label)]
            shown = shown if ax.patches else [y for _, y in shown]
            np.testing.assert_allclose(shown, wanted, err_msg=label)


# ---- companions ----------------------------------------------------------------------------------

NORMAL = stats.norm()


def level_127(seen, levels, odds):
    """By Bayes' rule with the noise of gamma = -13.3; seen and levels in levels, 1/128 apart"""
    fits = odds * NORMAL.pdf((np.asarray(seen)[:, None] - levels) / 128 / math.exp(-13.3 / 2))
    return fits[:, list(levels).index(0)] / fits.sum(1)


def jump(T):
    """The step over gamma = 0, where x_t falls by 0.1"""
    low = -13.3 + 18.3 * math.floor(13.3 * T / 18.3) / T
    return 0.005 * math.exp(-low) / -math.expm1(-18.3 / T)


SHORT = (1 / (1 + math.exp(-0.5))) / (0.7 / (1 + math.exp(0.5)) + 1 / (1 + math.exp(-0.5)))


def one_step(k):
    """m, and the w of Analytic-DPM, if the prediction is k times the perfect one"""
    real, believed = (math.expm1(1.5) * (1 + s * SHORT) for s in (k**2 - 2 * k, -(k**2)))
    return torch.tensor(real), torch.tensor(1 / (1 + believed))


COMPANIONS = [  # notebook, beginnings of cells, and for axes the curves by label: y of (x, world)
    ("02_how_to_be_fooled_by_bits_per_dimension", ["width = torch"], [{
        "average": lambda x, _: -np.log2(NORMAL.pdf(0) / x / 2 + stats.norm(1, x).pdf(0) / 2),
    }]),
    ("02_what_if_the_decoder_is_not_the_posterior", ["noise = Exact(pixel"], [{
        "posterior": lambda x, _: level_127(x, np.arange(2), np.array([0.9, 0.1])),
        "decoder": lambda x, _: level_127(x, np.arange(-127, 129), np.ones(256)),
    }]),
    ("03_the_jump_that_breaks_the_limit", ["def ramp", "for x, y, text"], [{
        "width 2": lambda x, _: np.interp(x, [-1, 1], [0, 0.1]),
        "width 0.2": lambda x, _: np.interp(x, [-0.1, 0.1], [0, 0.1]),
    }, {"jump": lambda x, _: list(map(jump, x))}]),
    ("06_forgotten_information", ["counts =", "def forgotten"], [{
        "scale: exact": lambda x, world: [
            world["moving"].prior_gap + world["forgotten"](int(T)) for T in x
        ],
    }]),
    ("13_noise_by_pixel", ["ratios ="], [{
        "still": lambda x, _: (x + 1 / x + 2) / 4,
        "scaling encoder": lambda x, _: (x + 4 / x + 4) / 8,
    }]),
    ("13_optimal_covariances", ["z, s, t ="], [{}, {
        "for this": lambda x, _: [lesson_06.step_from(z, "coin", np.zeros(1)).ratio for z in x],
    }]),
    ("13_optimal_covariances", ["k_step,", "figure, (left, right)"], [{
        "VDM": lambda x, _: one_step(x)[0] / 2,
        "NPR-DPM": lambda x, _: np.log1p(one_step(x)[0]) / 2,
        "Analytic-DPM": lambda x, _: kl_ratio(*one_step(x)),
    }]),
]  # fmt: skip


@pytest.mark.parametrize("lesson, begin, expected", COMPANIONS, ids=lambda part: str(part)[:20])
def test_a_companions_curves_are_those_of_their_names(cells, monkeypatch, lesson, begin, expected):
    monkeypatch.setattr(Row, "prove", lambda *_: None)  # nbval proves it
    world = cells(f"further/{lesson}", *begin)
    for ax, given in zip(world["figure"].axes, expected, strict=False):
        found = curves(ax)
        for label, wanted in given.items():
            x, y = next(lines[-1] for text, lines in found.items() if text.startswith(label))
            np.testing.assert_allclose(y, wanted(x, world), rtol=2e-3, atol=2e-5)
