"""Statistics of few pairs, against enumeration, tables and simulation."""

import math

import numpy as np
import pytest

from diffenc_lite.course.show import plots
from diffenc_lite.course.studies import statistics

FIVE = [0.4, 0.1, 0.3, -0.1, 0.5]


def test_t_tail_where_it_has_a_closed_form():
    for t in (0.0, 0.3, 1.0, 4.0, 60.0):
        assert statistics.t_tail(t, 1) == pytest.approx(0.5 - math.atan(t) / math.pi, rel=1e-10)
        two = 0.5 - t / (2 * math.sqrt(2 + t * t))
        assert statistics.t_tail(t, 2) == pytest.approx(two, abs=1e-12)
        assert statistics.t_tail(t, 1e6) == pytest.approx(math.erfc(t / math.sqrt(2)) / 2, abs=1e-6)


@pytest.mark.parametrize("df, tabled", [(1, 12.706), (2, 4.303), (4, 2.776), (6, 2.447)])
def test_t_quantile_as_in_every_table(df, tabled):
    assert statistics.t_quantile(0.975, df) == pytest.approx(tabled, abs=6e-4)


@pytest.mark.parametrize("n, size", [(2, 9.0), (3, 3.3), (5, 1.0), (12, 0.5)])
def test_power_of_pairs_against_a_simulation(n, size):
    data = np.random.default_rng(3).normal(size, size=(20_000, n))
    seen = data.mean(1) * math.sqrt(n) / data.std(1, ddof=1)
    share = np.mean(np.abs(seen) > statistics.t_quantile(0.975, n - 1))
    assert statistics.power(size * math.sqrt(n), n - 1) == pytest.approx(share, abs=0.012)


def test_power_without_an_effect_is_the_level_and_with_many_pairs_normal():
    for df in (1, 2, 8, 2000):
        assert statistics.power(0.0, df) == pytest.approx(0.05, abs=5e-4)
    normal = 0.5 * math.erfc((1.959964 - 2.5) / math.sqrt(2))
    assert statistics.power(2.5, 5000) == pytest.approx(normal, abs=1e-3)
    assert round(statistics.power(3.3 * math.sqrt(3), 2), 1) == 0.8  # as in purpose.md


def test_t_test_by_hand():
    # mean 0.24, s = sqrt(0.232 / 4), t = 0.24 / (s / sqrt 5) = 2.228344
    t = 0.24 / math.sqrt(0.232 / 4 / 5)
    assert statistics.t_test_p(FIVE) == pytest.approx(2 * statistics.t_tail(t, 4))
    low, high = statistics.t_interval(FIVE)
    assert (low + high) / 2 == pytest.approx(0.24)
    assert (high - low) / 2 == pytest.approx(2.77645 * 0.24 / t, rel=1e-5)
    assert statistics.t_test_p([0.2, 0.2]) == 0 and statistics.t_test_p([0.0, 0.0]) == 1


def test_the_interval_leaves_out_zero_exactly_when_p_is_below():
    for shift in np.linspace(-0.3, 0.1, 30):
        moved = np.array(FIVE) + shift
        low, high = statistics.t_interval(moved)
        assert (low > 0 or high < 0) == (statistics.t_test_p(moved) < 0.05)


def test_holm():
    # Holm (1979): the smallest times 4, then 3, 2, 1, and never below the one before
    assert statistics.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert statistics.holm([0.5, 0.6]) == [1.0, 1.0]
    assert statistics.holm([]) == []


def test_two_samples_by_hand():
    # equal n and sd: both tests agree; t = 1 / (sd sqrt(2 / n)), 2 (n - 1) degrees of freedom
    student = statistics.two_sample_p((3.0, 2.0), (0.5, 0.5), (4, 4))
    assert student == pytest.approx(2 * statistics.t_tail(1 / (0.5 * math.sqrt(0.5)), 6))
    assert statistics.two_sample_p((3.0, 2.0), (0.5, 0.5), (4, 4), equal=False) == pytest.approx(
        student
    )
    # one exact sample: Welch has the other's degrees of freedom
    welch = statistics.two_sample_p((3.0, 2.0), (0.5, 0.0), (4, 9), equal=False)
    assert welch == pytest.approx(2 * statistics.t_tail(4, 3))


def test_compare():
    below = [-1.0, -1.1, -1.2, -1.05, -1.15]
    a, b = statistics.compare({"a": FIVE, "b": below})
    assert (a.name, b.name) == ("a", "b") and a.mean == pytest.approx(0.24)
    assert a.p == statistics.t_test_p(FIVE) and b.p == 2 * statistics.t_test_p(below)
    assert b.student == statistics.t_interval(below) and b.seen and not a.seen


@pytest.mark.parametrize("bad", [[1.0], [1.0, math.nan]])
def test_bad_differences(bad):
    with pytest.raises(ValueError, match="at least 2 finite numbers"):
        statistics.compare({"bad": bad})


def test_forest_shows_values_means_and_intervals():
    rows = {"a": FIVE, "b": [-1.0, -1.2]}
    intervals = {name: (statistics.t_interval(row), (0.1, 0.4)) for name, row in rows.items()}
    figure = plots.forest(rows, intervals, "bits", [plots.BLUE, plots.GREEN])
    (ax,) = figure.axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first on top
    lines = [(np.asarray(line.get_xdata()), line.get_color()) for line in ax.get_lines()[1:]]
    thin, thick, circles, mean = (x for x, _ in lines[:4])
    assert tuple(thin) == intervals["a"][0] and tuple(thick) == intervals["a"][1]
    assert circles.tolist() == FIVE and mean.item() == pytest.approx(0.24)
    assert lines[4][1] == plots.GREEN
