"""Paired comparisons with few pairs: intervals and p values for a mean difference.

A run with the encoder and one without it, from the same seed, see the same images and the same
noise, so much of what luck does to one it does to the other. Their difference is less noisy than
either, and its mean over the seeds is what a claim must rest on.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Interval = tuple[float, float]


@dataclass(frozen=True)
class Comparison:
    """One row of a table: the mean difference over n pairs, its standard deviation (of one pair),
    two intervals, and two p values with their corrections for the number of rows."""

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
        """Whether there is evidence of a difference: the corrected t test at 5 %."""
        return self.p_t_holm < 0.05


def compare(differences: Mapping[str, ArrayLike], level: float = 0.95) -> list[Comparison]:
    """A row for each entry, the p values corrected for all of them together (Holm).

    Args: differences by name, one number for each pair. Raises ValueError for fewer than 2 pairs.
    """
    data = {name: _checked(values) for name, values in differences.items()}
    flips = [sign_flip_p(values) for values in data.values()]
    ts = [t_test_p(values) for values in data.values()]
    return [
        Comparison(
            name, len(values), float(values.mean()), float(values.std(ddof=1)),
            bootstrap_interval(values, level), t_interval(values, level), p_flip, p_t, flip, t,
        )
        for (name, values), p_flip, p_t, flip, t in zip(
            data.items(), flips, ts, holm(flips), holm(ts), strict=True
        )
    ]  # fmt: skip


# ---- intervals -----------------------------------------------------------------------------------


def bootstrap_interval(differences: ArrayLike, level: float = 0.95) -> Interval:
    """The percentile bootstrap of the mean: what it would be if the pairs were drawn again, with
    replacement, from those there are.

    Up to 8 pairs all possible draws are counted, so nothing in it is random; beyond, 20,000 draws
    from a fixed seed. With few pairs it is too short: see `t_interval`.
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
    tail = (1 - level) / 2
    low, high = np.searchsorted(cumulative, [tail, 1 - tail])
    return float(means[low]), float(means[high])


def _all_draws(n: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """How often each of n things is drawn in n draws with replacement, (draws, n), and how likely
    that is, (draws,): n! / (k_1! ... k_n! n^n)."""
    chosen = itertools.combinations_with_replacement(range(n), n)
    times = np.array([np.bincount(draw, minlength=n) for draw in chosen])
    factorial = np.array([math.factorial(k) for k in range(n + 1)], dtype=float)
    return times, factorial[n] / factorial[times].prod(1) / float(n) ** n


def t_interval(differences: ArrayLike, level: float = 0.95) -> Interval:
    """mean -+ t* s / sqrt(n), which has its level for normal differences, however few."""
    values = _checked(differences)
    reach = t_quantile((1 + level) / 2, len(values) - 1) * _standard_error(values)
    return float(values.mean() - reach), float(values.mean() + reach)


# ---- p values ------------------------------------------------------------------------------------


def sign_flip_p(differences: ArrayLike) -> float:
    """Two-sided and exact: if the difference could as well have been the other way round in every
    pair, how often would the mean be at least as far from 0? Of 2^n sign patterns at least two are,
    so p is never below 2^(1-n): 1/16 for five pairs. Raises ValueError above 20 pairs."""
    values = _checked(differences)
    if len(values) > 20:
        raise ValueError(f"all sign patterns are counted for up to 20 pairs; got {len(values)}")
    signs = np.array(list(itertools.product((1.0, -1.0), repeat=len(values) - 1)))
    sums = np.abs(values[0] + signs @ values[1:])  # the other half of the patterns mirrors this one
    return float(np.mean(sums >= abs(values.sum()) - 1e-12 * np.abs(values).sum()))


def t_test_p(differences: ArrayLike) -> float:
    """Two-sided p of mean / (s / sqrt(n)): as if the differences were normal."""
    values = _checked(differences)
    error = _standard_error(values)
    if error == 0:
        return 1.0 if values.mean() == 0 else 0.0
    return 2 * t_tail(abs(values.mean()) / error, len(values) - 1)


def two_sample_p(means: Interval, sds: Interval, n: tuple[int, int], equal: bool = True) -> float:
    """Two-sided p of a difference that is not paired, from published means and standard deviations
    of n values each: Student's if the variances are taken as equal, else Welch's."""
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
    """p values corrected for how many there are, so that the chance of even one false alarm among
    them stays below the level: the smallest times m, the next times m - 1, ..., never falling."""
    p = np.asarray(ps, dtype=float)
    order = np.argsort(p)
    raised = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(raised, 1)
    return corrected.tolist()


# ---- Student's t ---------------------------------------------------------------------------------

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(200)


def t_tail(t: float, df: float) -> float:
    """P(T > t) for t >= 0 and df >= 1, which need not be whole.

    With T = sqrt(df) tan(a) the density of a is cos(a)^(df - 1), up to a constant: smooth, and on a
    short interval.
    """
    if not (t >= 0 and df >= 1):
        raise ValueError(f"t must be >= 0 and df >= 1; got {t} and {df}")
    half = math.atan2(math.sqrt(df), t) / 2  # of the interval from atan(t / sqrt(df)) to pi / 2
    from_end = half * (1 + _NODES)  # pi / 2 - a
    constant = math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(math.pi)
    return float(constant * half * (_WEIGHTS * np.sin(from_end) ** (df - 1)).sum())


def t_quantile(probability: float, df: float) -> float:
    """The t that T stays below with this probability, 1/2 or more."""
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
