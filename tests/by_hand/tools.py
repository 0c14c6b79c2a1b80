"""Formulas that several answers need, written without the package."""

import math


def alpha2(gamma):
    return 1 / (1 + math.exp(gamma))


def sigma2(gamma):
    return 1 / (1 + math.exp(-gamma))


def kl(m, v, n, u):
    """KL(N(m, v) || N(n, u)) in nats."""
    return 0.5 * math.log(u / v) + ((m - n) ** 2 + v) / (2 * u) - 0.5


def step_cost(w, m, d):
    """A step with the ratio w and the mean squared gap m, in d dimensions."""
    return d * (0.5 * math.log(1 / w) + (1 + m) * w / 2 - 0.5)
