"""Statistics of few pairs, against SciPy."""

import math

import numpy as np
import pytest
from scipy import stats

from diffenc_lite.course.studies import statistics

FIVE = [0.4, 0.1, 0.3, -0.1, 0.5]


@pytest.mark.parametrize("df", [1, 2, 3.7, 6, 40, 1e6])
def test_t_against_scipy(df):
    for t in (0.0, 0.3, 1.0, 4.0, 60.0):
        assert statistics.t_tail(t, df) == pytest.approx(stats.t.sf(t, df), rel=1e-6, abs=1e-12)
    for probability in (0.5, 0.9, 0.975, 0.9999):
        expected = stats.t.ppf(probability, df)
        assert statistics.t_quantile(probability, df) == pytest.approx(expected, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("df", [1, 2, 4, 11, 400])
def test_power_against_scipy(df):
    """P(|T| > t*) of the noncentral t"""
    limit = stats.t.ppf(0.975, df)
    for shift in (0.0, 0.5, 2.5, 6.0):
        missed = stats.nct.cdf(limit, df, shift) - np.nan_to_num(stats.nct.cdf(-limit, df, shift))
        assert statistics.power(shift, df) == pytest.approx(1 - missed, abs=5e-4)


def test_one_sample_against_scipy():
    test = stats.ttest_1samp(FIVE, 0)
    assert statistics.t_test_p(FIVE) == pytest.approx(test.pvalue)
    assert statistics.t_interval(FIVE) == pytest.approx(tuple(test.confidence_interval(0.95)))
    assert statistics.t_test_p([0.2, 0.2]) == 0 and statistics.t_test_p([0.0, 0.0]) == 1


@pytest.mark.parametrize("n", [2, 5, 6, 29])
def test_signed_ranks_against_scipy(n):
    values = np.random.default_rng(n).normal(0.4, 1, n)
    for given in (values, -values, abs(values)):
        expected = stats.wilcoxon(given, method="exact").pvalue
        assert statistics.signed_rank_p(given) == pytest.approx(expected, rel=1e-9)
    for bad in ([0.1, -0.1, 0.2], [0.0, 1.0]):
        with pytest.raises(ValueError, match="differences must have different sizes other than 0"):
            statistics.signed_rank_p(bad)


@pytest.mark.parametrize("equal", [True, False])
def test_two_samples_against_scipy(equal):
    for sds, n in (((0.5, 0.5), (4, 4)), ((0.5, 0.1), (4, 9)), ((0.5, 0.0), (4, 9))):
        test = stats.ttest_ind_from_stats(3, sds[0], n[0], 2, sds[1], n[1], equal)
        assert statistics.two_sample_p((3, 2), sds, n, equal) == pytest.approx(test.pvalue)


def test_holm():
    # Holm (1979): the smallest times 4, then 3, 2, 1, and never below the one before
    assert statistics.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert statistics.holm([0.5, 0.6]) == [1.0, 1.0]
    assert statistics.holm([]) == []


@pytest.mark.parametrize("bad", [[1.0], [1.0, math.nan]])
def test_bad_differences(bad):
    with pytest.raises(ValueError, match="^differences"):
        statistics.t_interval(bad)
