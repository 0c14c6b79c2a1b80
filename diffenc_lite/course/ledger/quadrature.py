"""Integrals as numbers, with an error that was measured: for the rows that state numbers.

The rule of equal steps (trapezoids). For smooth functions that die out at both ends it is exact to
rounding as soon as the steps are short; at ends where they do not, Simpson's combination is used.
The error is the change when the steps are halved.
"""

import math
from collections.abc import Callable

GAMMA_0, GAMMA_1 = -13.3, 5.0  # the ends of the schedule, in a straight line
REACH = 12.0  # standard deviations of a normal: what lies beyond weighs less than 1e-31
ROUNDING = 1e-13


def normal_mean(f: Callable[[float], float], steps: int = 192) -> tuple[float, float]:
    """(E[f(epsilon)], error) over epsilon ~ N(0, 1)"""

    def weighted(epsilon: float) -> float:
        return f(epsilon) * math.exp(-(epsilon**2) / 2) / math.sqrt(2 * math.pi)

    coarse, fine = (_trapezoids(weighted, -REACH, REACH, n) for n in (steps, 2 * steps))
    return fine, abs(fine - coarse) + ROUNDING * (1 + abs(fine))


def integral(
    f: Callable[[float], float], low: float, high: float, steps: int = 256
) -> tuple[float, float]:
    """(integral of f from low to high, error) by Simpson's rule"""
    first, second, third = (_trapezoids(f, low, high, n * steps) for n in (1, 2, 4))
    coarse, fine = second + (second - first) / 3, third + (third - second) / 3
    return fine, abs(fine - coarse) + ROUNDING * (1 + abs(fine))


def _trapezoids(f: Callable[[float], float], low: float, high: float, steps: int) -> float:
    width = (high - low) / steps
    inner = math.fsum(f(low + width * n) for n in range(1, steps))
    return width * (inner + (f(low) + f(high)) / 2)
