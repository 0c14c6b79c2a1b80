"""Explorers of the lessons against the library, at every position: of their start, and of all other
figures, `pytest --nbval` holds what is drawn."""

import itertools
import math
import re
from itertools import pairwise
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
import torch
from draws import F64, ROOT
from scipy import stats

from diffenc_lite import LinearSchedule, bound, process
from diffenc_lite.course.show import (
    in_the_plane,
    lesson_04,
    lesson_05,
    lesson_06,
    lesson_07,
    lesson_08,
    lesson_09,
    lesson_10,
    lesson_11,
    lesson_12,
    plots,
)
from diffenc_lite.course.worlds import Exact, Gaussian, Mixture, PlusMinus, likelihood, stretch
from diffenc_lite.course.worlds.integrals import integrate

COIN = PlusMinus()


def noise(t):
    return LinearSchedule()(torch.tensor(t, dtype=F64))


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
    """Against q(z_s) q(z_t | z_s) on a grid"""
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
    (bell,) = right.lines  # two of the model's deviations; the frame, four of the truth's
    radius, frame = np.hypot(*bell.get_data()).max(), right.get_xlim()[1]
    assert (2 * radius / frame) ** 2 == pytest.approx(1 / (1 + step.m))


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
        top = heights.max()
        cut = f" (orange: up to {top:,.1f})" if top > upper.get_ylim()[1] else ""
        assert upper.get_xlabel() == f"γ{cut}"
        np.testing.assert_allclose(np.ravel(lower.lines[1].get_data()), [steps, surplus])
        x, course = lower.lines[0].get_data()
        assert course[list(x).index(steps)] == pytest.approx(surplus)


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
        t, factor = left.lines[0].get_data()
        np.testing.assert_allclose(factor, f(13.3 - (13.3 + gamma_1) * torch.tensor(t)))


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
        for curve, ratio in zip(ax.lines, (1.0, w), strict=True):
            z, density = curve.get_data()
            expected = stats.norm(mean, math.sqrt(variance / ratio)).pdf(z)
            np.testing.assert_allclose(density, expected, atol=1e-9)
        shade = ax.patches[0].get_xy()[: len(z), 1]
        np.testing.assert_allclose(shade, np.interp(z, axis, truth), atol=2e-4)
        own = lesson_06.step_from(z_t, name, z).ratio
        spread = np.average((axis - mean) ** 2, weights=truth)
        assert own == pytest.approx(variance.item() / spread, rel=1e-3)
        assert ax.get_title() == f"$w^*={w:.2f}$, $w^*(z_t)={own:.2f}$"


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
        said = re.fullmatch(r"best (.*) nats, equal (.*)", upper.get_title()).groups()
        assert [float(nats) for nats in said] == pytest.approx([best, even], rel=5e-3)
        depths, prices = lower.lines[1].get_data()
        assert prices.tolist() == [costs[0, 1]] * 2 + [costs[1, 4]] * 2
        assert np.asarray(depths).tolist() == [0, 0.25, 0.25, 1]


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


def test_14_every_position_shows_both_tests(cells):
    """Against SciPy: three runs with and three without, from means and standard errors."""
    explorer = cells("14_auditing_the_paper", "# As quoted", "means, errors")["explorer"]
    for (ax,), error in positions(explorer):
        runs = (2.641, 3**0.5 * 0.003, 3), (2.620, 3**0.5 * error, 3)
        student = stats.ttest_ind_from_stats(*runs[0], *runs[1]).pvalue
        welch = stats.ttest_ind_from_stats(
            *runs[0], *runs[1], equal_var=False, alternative="greater"
        ).pvalue
        said = f"p = {student:.3f} (Student, two-sided), {welch:.3f} (Welch, one-sided)"
        assert ax.get_title() == said
        spans = [bars.get_segments()[0][:, 0] for bars in ax.collections]
        np.testing.assert_allclose(spans, [[2.638, 2.644], [2.62 - error, 2.62 + error]])


def test_09_error_bars_and_bands_of_what_is_trained_on_the_page_are_two_standard_errors():
    """The words of these figures have no numbers."""
    bars = lesson_09.training({0: 5.0, 9: 3.0}, {9: (3.0, 0.25)}, {})
    bars.varies = False
    assert "red intervals: (9, 3) ±0.5" in plots.describe(bars)
    x, still = np.array([1.0, 2.0]), (np.array([4.0, 4.0]), np.zeros(2))
    bands = lesson_09.per_grey_pixel(x, x, {"a": (still[0], np.array([0.25, 0.25])), "b": still})
    (low, high), *_ = (
        np.ptp(each.get_paths()[0].vertices, 0) for each in bands.axes[0].collections
    )
    assert (low, high) == (1, 1)  # from one standard error to the other, twice
