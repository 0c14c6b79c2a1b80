"""Answers of notebook 14, derived a second time: by hand, in Python or as a figure."""

import math

from by_hand.tools import alpha2, kl, sigma2


def two_sided_8(t):
    """P(|T| > t) with 8 degrees of freedom, by the finite series for an even number of them"""
    theta = math.atan(t / math.sqrt(8))
    square = math.cos(theta) ** 2
    series = 1 + square / 2 + 3 * square**2 / 8 + 15 * square**3 / 48
    return 1 - math.sin(theta) * series


def rise(s2, gamma):
    """Prior loss of the VDM, less its floor, less what the VDM lies above the entropy"""
    a, s = alpha2(gamma), sigma2(gamma)
    mean_of_kl = kl(0, s, 0, 1) + a * s2 / 2  # E over x of KL(N(alpha x, sigma^2) || N(0, 1))
    return mean_of_kl - kl(0, s, 0, 1) - kl(0, a * s2 + s, 0, 1)


RIGHT = {
    "14.1": "ab",
    "14.2": [
        two_sided_8(12 / math.sqrt((25 + 16) / 5)),  # standard deviations
        two_sided_8(12 / math.sqrt(25 + 16)),  # standard errors
    ],
    "14.3": rise,
}

WRONG = {
    "14.1": ["a", "abd", "abe"],
    "14.2": [
        [two_sided_8(12 / math.sqrt(25 + 16)), two_sided_8(12 / math.sqrt((25 + 16) / 5))],
        [0.0015, 0.0489],  # one-sided
    ],
}
