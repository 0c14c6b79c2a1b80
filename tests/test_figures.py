"""What figures of lessons 00 to 08 show: the numbers against the library, then where they stand."""

import math

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex

from diffenc_lite import (
    IdentityEncoder,
    LearnedEncoder,
    LinearSchedule,
    ScalingEncoder,
    process,
)
from diffenc_lite.course.show import (
    lesson_00,
    lesson_04,
    lesson_05,
    lesson_06,
    lesson_07,
    lesson_08,
)
from diffenc_lite.course.show.drawing import COLOURS
from diffenc_lite.course.worlds import Exact, Gaussian, PlusMinus, integrate, likelihood, stretch

F64 = torch.float64
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


def area(heights, at):
    return torch.trapezoid(torch.as_tensor(heights), torch.as_tensor(at)).item()


# ---- 00 ------------------------------------------------------------------------------------------


def test_00_each_encoder_has_its_own_line():
    depths, limit = torch.linspace(0, 1, 3), torch.tensor([0.1, 1.0, 2.0])
    changes = {"learned": limit / 4, "scaling": limit / 2}
    (ax,) = lesson_00.changes(depths, limit, changes).axes
    for name, values in changes.items():
        np.testing.assert_allclose(line(ax, COLOURS[name]), np.stack([depths, values]))
    np.testing.assert_allclose(line(ax, "black", ":")[1], limit)


# ---- 04 ------------------------------------------------------------------------------------------


class Constant(torch.nn.Module):
    def forward(self, x, gamma):
        return torch.full_like(x, lesson_04.Y) + 0 * gamma[:, None]


ENCODERS = {
    "identity": IdentityEncoder(),
    "scaling": ScalingEncoder(),
    "learned": LearnedEncoder(Constant()),
}


@pytest.mark.parametrize("name", ENCODERS)
def test_04_one_pixel_is_where_the_librarys_encoder_takes_it(name):
    x = torch.full((4, 1), lesson_04.X, dtype=F64)
    at = noise([0.4, 0.6, 0.8, 1.0])
    x_t, u = ENCODERS[name](x, at.gamma)
    ours = np.array([lesson_04.one_pixel(name, t) for t in (0.4, 0.6, 0.8, 1.0)])
    np.testing.assert_allclose(ours[:, 0], x_t[:, 0], atol=1e-9)
    speed = at.sigma.square() * torch.as_tensor(u).expand(4, 1)[:, 0]  # dx_t/dlambda
    np.testing.assert_allclose(ours[:, 1], speed, atol=1e-7)


def test_04_pictures_of_one_pixel():
    encoded, target = lesson_04.three_encoders().axes[0], lesson_04.targets().axes[0]
    for name in ENCODERS:
        x_t, speed = np.transpose([lesson_04.one_pixel(name, t) for t in lesson_04.DEPTHS])
        drawn = [curve for curve in encoded.lines if curve.get_color() == COLOURS[name]]
        np.testing.assert_allclose(drawn[0].get_ydata(), x_t)
        np.testing.assert_allclose(line(target, COLOURS[name])[1], x_t + speed)
        np.testing.assert_allclose(line(target, COLOURS[name], ":")[1], x_t)


def test_04_a_digit_moves_by_its_derivative():
    x, eps = torch.randn(2, 1, 1, 9, 9, generator=torch.Generator().manual_seed(0), dtype=F64)
    x_t, change, motion, z_t = lesson_04.blurring(x, eps, 0.8)
    at, step = noise(0.8), 1e-5
    later, earlier = (lesson_04.blurring(x, eps, 0.8 + h)[0] for h in (step, -step))
    torch.testing.assert_close(change, x_t - x)
    torch.testing.assert_close(motion, (earlier - later) / (2 * step * 18.3), atol=1e-6, rtol=0)
    torch.testing.assert_close(z_t, process.add_noise(x_t, eps, at))


# ---- 05 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("heights", [(1.0, 1.0, 1.0), (0.9, 0.2, 0.1), (1.5, 1.0, 0.6)])
@pytest.mark.parametrize("end", [5.0, -1.0])
def test_05_the_bills_of_a_drawn_encoder_are_the_exact_bound(heights, end):
    """Start and motion are what Exact's bound is above the entropy; its encoder has the same f."""
    steps = np.diff([1.0, *heights])

    def f(lam):
        t = (13.3 - lam) / (13.3 + end)
        rises = [(5 * (t - knot)).clamp(0, 1) for knot in lesson_05.KNOTS[:-1]]
        return 1 + sum(step * rise for step, rise in zip(steps, rises, strict=True))

    model = Exact(COIN, stretch(f), gamma_max=end)
    corners = [-13.3 + (end + 13.3) * knot for knot in (0.0, *lesson_05.KNOTS)]
    pairs = zip(corners[:-1], corners[1:], strict=True)
    diffusion = sum(integrate(model.diffusion_rate, *pair, 1e-6) for pair in pairs)
    start, motion, prior, rate = lesson_05.Drawn(COIN).bills(heights, end)
    assert prior == pytest.approx(model.prior, abs=1e-9)
    assert start == pytest.approx(model.prior_gap, abs=1e-5)
    above = model.prior + model.reconstruction + diffusion - COIN.entropy
    assert start + motion == pytest.approx(above, abs=2e-3)
    assert rate.mean() == pytest.approx(motion)


def test_05_dimming_has_each_curve_under_its_own_name():
    priors, above = [3.0, 2.0, 1.0], [0.1, 0.2, 0.4]
    (ax,) = lesson_05.dimming([0, 1, 2], priors, above).axes
    assert line(ax, COLOURS["prior"])[1].tolist() == priors
    assert line(ax, "black")[1].tolist() == above
    said = {text.get_text(): to_hex(text.get_color()) for text in ax.texts}
    assert said["the prior loss"] == to_hex(COLOURS["prior"])
    assert next(colour for text, colour in said.items() if "bound" in text) == "#000000"


def test_05_the_explorer_says_the_bills_of_its_position():
    drawn = lesson_05.Drawn(COIN)
    explorer = lesson_05.drawn_explorer(drawn)
    heights = lesson_05.HEIGHTS[1], lesson_05.HEIGHTS[5], lesson_05.HEIGHTS[3]
    start, motion, prior, rate = drawn.bills(heights, -1.0)
    left, right = explorer.drawn((1, 1, 5, 3)).axes
    assert left.get_title() == f"bound − H = {start + motion:.4f}, prior loss {prior:.4f}"
    assert right.get_title() == f"start {start:.4f}, motion {motion:.4f}"
    np.testing.assert_allclose(right.patches[0].get_xy()[1:-2, 1], rate)
    np.testing.assert_allclose(line(left, "#E69F00")[1], lesson_05.factor(heights)[0])


# ---- 06 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("z_t", [-0.7, 0.2, 1.3])
@pytest.mark.parametrize("world", [COIN, Gaussian(1.0)], ids=["coin", "Gaussian"])
def test_06_a_step_is_the_librarys_and_bayes_rule(world, z_t):
    s, t, z = noise(0.55), noise(0.7), np.linspace(-4, 4, 4001)
    name = "coin" if world is COIN else "Gaussian"
    step, seen = lesson_06.step_from(z_t, name, z), torch.tensor([[z_t]], dtype=F64)
    x_hat = world.posterior_mean(seen / t.sigma, (t.alpha / t.sigma).square()[None])
    mean, variance = process.generative_step(seen, x_hat, 0.0, s, t)
    assert step.mean == pytest.approx(mean.item()) and step.deviation**2 == pytest.approx(variance)
    for x, density in zip((1.0, -1.0), step.posteriors, strict=True):
        mean, variance = process.posterior(seen, torch.tensor(x), torch.zeros(()), s, t)
        expected = np.exp(-((z - mean.item()) ** 2) / (2 * variance.item()))
        np.testing.assert_allclose(density, expected / density_of(variance), atol=1e-12)
    # q(z_s | z_t) ~ q(z_s) q(z_t | z_s), with q(z_s) a mixture and the step a Gaussian
    weights, means, variances = world.components
    centres, widths = (
        s.alpha.item() * means.numpy().ravel(),
        s.alpha.item() ** 2 * variances.numpy(),
    )
    spread = widths.ravel() + s.sigma.item() ** 2
    at_s = (weights.numpy() * lesson_06.bell(z[:, None], centres, np.sqrt(spread))).sum(1)
    gain, width = process.transition(torch.tensor(z), torch.zeros(()), s, t)
    joint = at_s * np.exp(-((z_t - gain.numpy()) ** 2) / (2 * width.item()))
    np.testing.assert_allclose(step.true_reverse, joint / (joint.sum() * 0.002), atol=2e-4)
    variance_of_truth = (joint * (z - step.mean) ** 2).sum() / joint.sum()
    assert step.ratio == pytest.approx(step.deviation**2 / variance_of_truth, rel=1e-3)


def density_of(variance):
    return math.sqrt(2 * math.pi * variance.item())


def test_06_a_mean_lands_where_the_librarys_gap_says():
    for t, s in ((0.75, 0.5), (0.5, 0.25)):
        at_s, at_t, x = noise(s), noise(t), torch.ones(1, 1, dtype=F64)
        x_t, u = ScalingEncoder()(x, at_t.gamma[None])
        change = x_t - ScalingEncoder()(x, at_s.gamma[None])[0]
        for name, (scale, place) in lesson_06.landings(t, s).items():
            given = {"paper": None, "folded": "folded", "exact": scale}[name]
            gap = process.mean_gap(0.0, x_t, u, change, at_s, at_t, given)
            assert place == pytest.approx(gap.item(), abs=1e-9)


def test_06_the_explorer_shows_the_gap_of_your_ratio():
    counts, tries = list(range(1, 11)), np.geomspace(0.5, 2, 21)
    rows = np.arange(220.0).reshape(22, 10)
    m, gaps = [np.arange(1.0, T + 1) for T in counts], {"a": rows, "b": rows + 300}
    explorer = lesson_06.ratio_explorer(counts, tries, gaps, {"a": m, "b": m})
    above, below = explorer.drawn((3, 2, 1)).axes
    assert above.get_title() == "gap 323.000 (w = 1: 403.000, w*: 513.000)"
    np.testing.assert_allclose(above.lines[3].get_data(), [[4], [323]])
    for k, curve in ((10, above.lines[0]), (21, above.lines[1]), (2, above.lines[2])):
        np.testing.assert_allclose(curve.get_ydata(), rows[k] + 300)
    np.testing.assert_allclose(below.lines[0].get_ydata()[1:], 1 / (1 + m[3]))


# ---- 07 ------------------------------------------------------------------------------------------


def test_07_the_stairs_have_the_areas_of_the_losses():
    nodes = torch.linspace(-13.3, 5, 9, dtype=F64)
    gamma = np.linspace(-13.3, 5, 4001)
    curve, steps = lesson_07.stairs(COIN.mmse, nodes, gamma)
    vdm = Exact(COIN)
    assert area(curve, gamma) == pytest.approx(vdm.diffusion(), abs=1e-4)
    snr = torch.exp(-nodes)
    costs = 0.5 * (snr[:-1] - snr[1:]) * COIN.mmse(snr[1:])
    assert costs.sum().item() == pytest.approx(vdm.diffusion(8))  # L3, in the library
    for (stretch_of, stair), cost, low in zip(steps, costs, nodes, strict=False):
        assert stretch_of[0] == low.item()
        assert area(stair, stretch_of) == pytest.approx(cost.item(), rel=2e-3)


def test_07_the_picture_has_these_stairs():
    nodes = np.linspace(-5, 4, 4)
    (ax,) = np.atleast_1d(lesson_07.staircases(COIN.mmse, {"a": nodes, "b": nodes}).axes)[:1]
    _, steps = lesson_07.stairs(COIN.mmse, nodes, nodes)
    shapes = [each.get_paths()[0].vertices for each in ax.collections[::2]]
    for (stretch_of, stair), shape in zip(steps, shapes, strict=True):
        assert shape[:, 1].max() == pytest.approx(stair.max())
        assert (shape[:, 0].min(), shape[:, 0].max()) == (stretch_of[0], stretch_of[-1])


def tables():
    """Four costs that differ, of 4 steps: with the paper's scale and the best, w = 1 and w*"""
    costs = np.full((5, 5), np.inf)
    above = np.triu_indices(5, 1)
    costs[above] = np.arange(1.0, 11.0)
    return {
        (scale, ratio): costs + 100 * scale + 10 * ratio for scale in (0, 1) for ratio in (0, 1)
    }


def test_07_the_explorer_takes_the_table_of_its_buttons():
    named, equal = tables(), lambda T: np.arange(0, 5, 4 // T)
    explorer = lesson_07.grid_explorer(
        {"coin": list(named.values()), "other": [t + 1000 for t in named.values()]},
        lambda costs, T: [0, 1, 4],
        equal,
    )
    for (scale, ratio), costs in named.items():
        upper, lower = explorer.drawn((0, ratio, scale, 0)).axes
        best, even = costs[0, 1] + costs[1, 4], costs[0, 2] + costs[2, 4]
        assert upper.get_title() == f"best {best:,.2f} nats, equal {even:,.2f}"
        depths, prices = lower.lines[1].get_data()
        assert prices.tolist() == [costs[0, 1]] * 2 + [costs[1, 4]] * 2
        assert np.asarray(depths).tolist() == [0, 0.25, 0.25, 1]


def test_07_a_price_table_shows_its_own_costs_and_paths():
    (one, _), (other, _) = [(table, None) for table in list(tables().values())[:2]]
    figure = lesson_07.price_tables({"a": (one, [0, 1, 4]), "b": (other, [0, 3, 4])}, [0, 2, 4], 4)
    for ax, costs, best in zip(figure.axes, (one, other), (0.25, 0.75), strict=False):
        shown = np.ma.filled(ax.images[0].get_array(), np.nan)
        above = np.triu_indices(5, 1)
        np.testing.assert_allclose(shown[above], np.log10(costs[above]))
        assert ax.images[0].origin == "lower"
        assert line(ax, "k")[1].tolist() == [0, best] and line(ax, "w")[1].tolist() == [0, 0.5]


def test_07_margins_and_places_stand_beside_their_names():
    figure = lesson_07.margins([1.0, 2.0, 4.0], [5.0, 6.0], [7.0, 8.0])
    heights = [[bar.get_height() for bar in bars] for ax in figure.axes for bars in ax.containers]
    assert heights == [[1, 2, 4], [5, 6], [7, 8]]
    rows = {"paper": [90, 30, 5, 4], "folded": [20, 11, 4, 3], "VDM": [9, 8, 3, 2]}
    (ax,) = np.atleast_1d(lesson_07.twelve_places({4: rows, 8: rows}, 1.0).axes)[:1]
    for rule, values in rows.items():
        (dots,) = [each for each in ax.lines if each.get_label() == rule]
        assert (
            dots.get_ydata().tolist() == values if hasattr(dots.get_ydata(), "tolist") else values
        )


# ---- 08 ------------------------------------------------------------------------------------------


def test_08_arrows_lead_to_the_perfect_guess():
    exact, t = likelihood("mixture", 32), 0.6
    at, z = noise([t]), torch.tensor([[0.3, -0.4], [1.0, 0.2]], dtype=F64)
    points = torch.cartesian_prod(exact.x, exact.x)
    fit = -(z[:, None] - at.alpha * points).square().sum(2) / (2 * at.sigma**2)
    weights = exact.probability.flatten() * fit.exp()
    mean = (weights[:, :, None] * points).sum(1) / weights.sum(1, keepdim=True)
    torch.testing.assert_close(lesson_08.pulled(exact, t, z), at.alpha * mean - z)
    line_of = torch.tensor([0.3, -0.4], dtype=F64)
    q = lesson_08.density(exact, t, line_of)
    assert (q[0, 1] / q[1, 0]).item() == pytest.approx(
        (weights.sum(1)[0] / (exact.probability.flatten() * swapped(at, points)).sum()).item()
    )


def swapped(at, points):
    away = torch.tensor([[-0.4, 0.3]], dtype=F64) - at.alpha * points
    return (-away.square().sum(1) / (2 * at.sigma**2)).exp()


def test_08_guesses_of_a_perfect_denoiser_are_the_perfect_guesses():
    exact = likelihood("mixture", 32)
    best, guess = lesson_08.guesses(exact.model(), exact, -2.0)
    torch.testing.assert_close(best, guess)


def test_08_intervals_and_ratios():
    gaps = torch.tensor([0.1, 0.2, 0.3, 0.2])
    (ax,) = lesson_08.three_ways({"a": gaps}).axes
    error = gaps.std().item() / 2
    assert ax.texts[0].get_text() == f"{gaps.mean().item():.4f} ± {error:.4f}"
    (ax,) = lesson_08.by_width({"a": [(1, 2, 4)], "b": [(3, 4, 5)]}, [8]).axes
    spans = [bars.get_segments()[0][:, 1].tolist() for bars in ax.collections]
    assert spans == [[1, 4], [3, 5]]
