"""Paired comparisons with few pairs: confidence intervals and p values for a mean difference.

A run with an encoder and a run without it form a pair if they have the same seed: they see the same
images and the same draws of eps. So chance affects both in a similar way, and their difference
varies less from seed to seed than either value. A claim should be based on the mean difference.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

Interval = tuple[float, float]

LEVEL = 0.95  # of the intervals


@dataclass(frozen=True)
class Comparison:
    """One row of a table: mean and standard deviation of n differences, intervals, p values.

    Each of the two p values is also given corrected for the number of rows (Holm).
    """

    name: str
    n: int
    mean: float
    sd: float
    bootstrap: Interval
    student: Interval
    p_flip: float
    p_t: float
    p_flip_holm: float
    p_t_holm: float

    @property
    def seen(self) -> bool:
        """True if the corrected t test finds a difference at the 5 % level."""
        return self.p_t_holm < 0.05


def compare(differences: Mapping[str, ArrayLike]) -> list[Comparison]:
    """A row for each entry, with p values corrected for the number of entries (Holm).

    Args: differences by name, one number for each pair.
    Raises ValueError for fewer than 2 pairs.
    """
    data = {name: _checked(values) for name, values in differences.items()}
    flips = [sign_flip_p(values) for values in data.values()]
    ts = [t_test_p(values) for values in data.values()]
    return [
        Comparison(
            name, len(values), float(values.mean()), float(values.std(ddof=1)),
            bootstrap_interval(values), t_interval(values), p_flip, p_t, flip, t,
        )
        for (name, values), p_flip, p_t, flip, t in zip(
            data.items(), flips, ts, holm(flips), holm(ts), strict=True
        )
    ]  # fmt: skip


# ---- intervals -----------------------------------------------------------------------------------


def bootstrap_interval(differences: ArrayLike) -> Interval:
    """The percentile bootstrap interval of the mean: pairs are drawn again with replacement.

    With up to 8 pairs all possible draws are counted, so the result is exact; with more, there are
    20,000 draws with a fixed seed. With few pairs the interval is too short: see `t_interval`.
    """
    values = _checked(differences)
    n = len(values)
    if n <= 8:
        times, weight = _all_draws(n)
        means = times @ values / n
    else:
        draws = np.random.default_rng(0).integers(n, size=(20_000, n))
        means, weight = values[draws].mean(1), np.full(20_000, 1 / 20_000)
    order = np.argsort(means)
    means, cumulative = means[order], np.cumsum(weight[order])
    tail = (1 - LEVEL) / 2
    low, high = np.searchsorted(cumulative, [tail, 1 - tail])
    return float(means[low]), float(means[high])


def _all_draws(n: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """All results of n draws from n items with replacement, and their probabilities (draws,).

    A result is how often each item is drawn, (draws, n); its probability is
    n! / (k_1! ... k_n! n^n).
    """
    chosen = itertools.combinations_with_replacement(range(n), n)
    times = np.array([np.bincount(draw, minlength=n) for draw in chosen])
    factorial = np.array([math.factorial(k) for k in range(n + 1)], dtype=float)
    return times, factorial[n] / factorial[times].prod(1) / float(n) ** n


def t_interval(differences: ArrayLike) -> Interval:
    """mean -+ t* s / sqrt(n): exact for normally distributed differences, even for 2 pairs."""
    values = _checked(differences)
    reach = t_quantile((1 + LEVEL) / 2, len(values) - 1) * _standard_error(values)
    return float(values.mean() - reach), float(values.mean() + reach)


# ---- p values ------------------------------------------------------------------------------------


def sign_flip_p(differences: ArrayLike) -> float:
    """The exact two-sided p value of the sign flip test.

    If each difference had either sign with probability 1/2, how likely would the mean be at least
    as far from 0? All 2^n sign patterns are counted, and at least two have such a mean, so p is at
    least 2^(1-n): 1/16 for five pairs. Raises ValueError for more than 20 pairs.
    """
    values = _checked(differences)
    if len(values) > 20:
        raise ValueError(
            f"differences must be at most 20: all sign patterns are counted; got {len(values)}"
        )
    signs = np.array(list(itertools.product((1.0, -1.0), repeat=len(values) - 1)))
    sums = np.abs(values[0] + signs @ values[1:])  # the other half is symmetric
    return float(np.mean(sums >= abs(values.sum()) - 1e-12 * np.abs(values).sum()))


def t_test_p(differences: ArrayLike) -> float:
    """The two-sided p value of mean / (s / sqrt(n)), for normally distributed differences."""
    values = _checked(differences)
    error = _standard_error(values)
    if error == 0:
        return 1.0 if values.mean() == 0 else 0.0
    return 2 * t_tail(abs(values.mean()) / error, len(values) - 1)


def two_sample_p(means: Interval, sds: Interval, n: tuple[int, int], equal: bool = True) -> float:
    """The two-sided p value of an unpaired difference, from two means and standard deviations.

    Args: n, the number of values in each of the two; equal, whether their variances are assumed to
        be equal: then it is Student's t test, else Welch's.
    """
    square = [sd**2 / k for sd, k in zip(sds, n, strict=True)]
    freedom = [k - 1 for k in n]
    if equal:
        pooled = sum(f * sd**2 for f, sd in zip(freedom, sds, strict=True)) / sum(freedom)
        error, df = math.sqrt(pooled * sum(1 / k for k in n)), float(sum(freedom))
    else:
        error = math.sqrt(sum(square))
        df = sum(square) ** 2 / sum(s**2 / f for s, f in zip(square, freedom, strict=True))
    return 2 * t_tail(abs(means[0] - means[1]) / error, df)


def holm(ps: ArrayLike) -> list[float]:
    """Holm's correction of m p values: the smallest times m, the next times m - 1, and so on.

    A corrected value is never less than the one before it, nor more than 1. The probability that at
    least one true null hypothesis is rejected is then at most the level of the tests.
    """
    p = np.asarray(ps, dtype=float)
    order = np.argsort(p)
    raised = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(raised, 1)
    return corrected.tolist()


# ---- power ---------------------------------------------------------------------------------------


def power(shift: float, df: int) -> float:
    """The probability that Student's 95 % interval leaves out 0.

    Args: shift, the true difference in standard errors of its estimate: sqrt(n) d / s with n pairs,
        sqrt(n / 2) d / s with two groups of n; df, their n - 1 or 2 n - 2 degrees of freedom.
    Integrated over r, the estimated standard deviation divided by the true one.
    """
    r = (1 + 6 / math.sqrt(df)) * (np.arange(4000) + 0.5) / 4000
    log_density = (df - 1) * np.log(r) - df * r**2 / 2
    density = np.exp(log_density - log_density.max())
    limit = t_quantile((1 + LEVEL) / 2, df) * r
    seen = torch.special.ndtr(torch.from_numpy(np.stack([shift - limit, -shift - limit]))).sum(0)
    return float((density * seen.numpy()).sum() / density.sum())


# ---- Student's t ---------------------------------------------------------------------------------

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(200)


def t_tail(t: float, df: float) -> float:
    """P(T > t) for t >= 0 and df >= 1, where df need not be an integer.

    With T = sqrt(df) tan(a), the density of a is cos(a)^(df - 1) up to a constant. This function is
    smooth and the interval of a is short.
    """
    if not (t >= 0 and df >= 1):
        raise ValueError(f"t must be >= 0 and df >= 1; got {t} and {df}")
    half = math.atan2(math.sqrt(df), t) / 2  # of the interval from atan(t / sqrt(df)) to pi / 2
    from_end = half * (1 + _NODES)  # pi / 2 - a
    constant = math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(math.pi)
    return float(constant * half * (_WEIGHTS * np.sin(from_end) ** (df - 1)).sum())


def t_quantile(probability: float, df: float) -> float:
    """The t with P(T < t) = probability, for a probability in [1/2, 1)."""
    if not 0.5 <= probability < 1:
        raise ValueError(f"probability must be in [1/2, 1); got {probability}")
    low, high = 0.0, 1.0
    while t_tail(high, df) > 1 - probability:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if t_tail(middle, df) > 1 - probability else (low, middle)
    return (low + high) / 2


# ---- arguments -----------------------------------------------------------------------------------


def _checked(differences: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(differences, dtype=float)
    if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
        raise ValueError(
            f"differences must be at least 2 finite numbers, one for each pair; got {differences!r}"
        )
    return values


def _standard_error(values: NDArray[np.float64]) -> float:
    return float(values.std(ddof=1)) / math.sqrt(len(values))
