"""Paired comparisons with few pairs: confidence intervals and p values for a mean difference.

A run with an encoder and a run without it form a pair if they have the same seed: they see the same
images and the same draws of eps. So chance affects both in a similar way, and their difference
varies less from seed to seed than either value. A claim should be based on the mean difference.
"""

import math
from functools import cache

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from ..worlds import legendre_nodes

Interval = tuple[float, float]

LEVEL = 0.95  # of the intervals


def t_interval(differences: ArrayLike) -> Interval:
    """mean -+ t* s / sqrt(n): exact for normally distributed differences, even for 2 pairs."""
    values = _checked(differences)
    reach = t_quantile((1 + LEVEL) / 2, len(values) - 1) * _standard_error(values)
    return float(values.mean() - reach), float(values.mean() + reach)


def t_test_p(differences: ArrayLike) -> float:
    """The two-sided p value of mean / (s / sqrt(n)), for normally distributed differences."""
    values = _checked(differences)
    error = _standard_error(values)
    if error == 0:
        return 1.0 if values.mean() == 0 else 0.0
    return 2 * t_tail(abs(values.mean()) / error, len(values) - 1)


def signed_rank_p(differences: ArrayLike) -> float:
    """The two-sided p value of Wilcoxon's signed-rank test, exact: of the median of a symmetric
    distribution, so that one far value counts no more than its rank.

    Raises ValueError for sizes that are 0 or occur twice, too.
    """
    values = _checked(differences)
    sizes, n = np.abs(values), len(values)
    if len(np.unique(sizes)) < n or not sizes.all():
        raise ValueError(f"differences must have different sizes other than 0; got {differences!r}")
    ways = np.ones(1)  # of choosing signs, by the sum of the ranks with a plus
    for rank in range(1, n + 1):
        ways = np.pad(ways, (0, rank)) + np.pad(ways, (rank, 0))
    of_plus = int((1 + np.argsort(np.argsort(sizes)))[values > 0].sum())
    tail = ways[: min(of_plus, n * (n + 1) // 2 - of_plus) + 1].sum() / 2.0**n
    return min(1.0, 2 * float(tail))


def two_sample_p(means: Interval, sds: Interval, n: tuple[int, int], equal: bool = True) -> float:
    """The two-sided p value of an unpaired difference, from two means and standard deviations.

    Args: n, the number of values in each of the two; equal, whether their variances are assumed to
        be equal: then it is Student's t test, else Welch's.
    """
    counts, variances = np.array(n), np.square(sds)
    freedom, squares = counts - 1, variances / counts
    if equal:
        df = freedom.sum()
        square = (freedom * variances).sum() / df * (1 / counts).sum()
    else:
        square = squares.sum()
        df = square**2 / (squares**2 / freedom).sum()
    return 2 * t_tail(abs(means[0] - means[1]) / math.sqrt(square), float(df))


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
    nodes, weights = (values.numpy() for values in legendre_nodes(200))
    r = (1 + 6 / math.sqrt(df)) * (1 + nodes) / 2
    log_density = (df - 1) * np.log(r) - df * r**2 / 2
    density = weights * np.exp(log_density - log_density.max())
    limit = t_quantile((1 + LEVEL) / 2, df) * r
    seen = torch.special.ndtr(torch.from_numpy(np.stack([shift - limit, -shift - limit]))).sum(0)
    return float((density * seen.numpy()).sum() / density.sum())


# ---- Student's t ---------------------------------------------------------------------------------


def t_tail(t: float, df: float) -> float:
    """P(T > t) for t >= 0 and df >= 1, where df need not be an integer.

    With T = sqrt(df) tan(a), the density of a is cos(a)^(df - 1) up to a constant. This function is
    smooth and the interval of a is short.
    """
    if not (t >= 0 and df >= 1):
        raise ValueError(f"t must be >= 0 and df >= 1; got {t} and {df}")
    half = math.atan2(math.sqrt(df), t) / 2  # of the interval from atan(t / sqrt(df)) to pi / 2
    nodes, weights = (values.numpy() for values in legendre_nodes(200))
    from_end = half * (1 + nodes)  # pi / 2 - a
    constant = math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(math.pi)
    return float(constant * half * (weights * np.sin(from_end) ** (df - 1)).sum())


@cache
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
