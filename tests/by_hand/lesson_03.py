"""Answers of notebook 03, derived a second time: by hand, in Python or as a figure."""

import math

import torch

FIRST, LAST = math.atan(math.exp(-6.65)), math.atan(math.exp(2.5))


def coin_mmse(snr):
    """1 - E tanh(snr + sqrt(snr) eps), by plain summation."""
    total = 0.0
    for k in range(-160, 161):
        eps = k / 20
        total += 0.05 * math.exp(-(eps**2) / 2) * (1 - math.tanh(snr + math.sqrt(snr) * eps))
    return total / math.sqrt(2 * math.pi)


def first_order(gamma_of, steps=400):
    """(1/2) integral of gamma'^2 (G' + G'') dt, G' = SNR mmse / 2: what T times the surplus is"""

    def rate(gamma):
        return 0.5 * math.exp(-gamma) * coin_mmse(math.exp(-gamma)) if gamma > -5 else 0.0

    total = 0.0
    for i in range(steps):
        t, h = (i + 0.5) / steps, 1e-4
        gamma = gamma_of(t)
        slope = (gamma_of(t + h) - gamma_of(t - h)) / (2 * h)
        bend = (rate(gamma + 1e-3) - rate(gamma - 1e-3)) / 2e-3
        total += 0.5 * slope**2 * (rate(gamma) + bend) / steps
    return total


def one_by_one(gamma, rate, t):
    h, total = 1e-6, 0.0
    for depth in t:
        total += (gamma(depth + h) - gamma(depth - h)) / (2 * h) * rate(gamma(depth))
    return total / len(t)


RIGHT = {
    "03.1": "c",
    "03.2": lambda s2, g0, g1: (
        0.5 * math.log1p(s2 * math.exp(-g0)) - 0.5 * math.log1p(s2 * math.exp(-g1))
    ),
    "03.3": one_by_one,
    "03.4": first_order(lambda t: 2 * math.log(math.tan(FIRST + (LAST - FIRST) * t))),
    "03.5": 1269,
}
WRONG = {
    "03.1": ["a", "b", "d"],
    "03.3": [
        lambda gamma, rate, t: (18.3 * rate(gamma(t))).mean(),
        lambda gamma, rate, t: rate(gamma(t)).mean(),
        lambda gamma, rate, t: one_by_one(gamma, rate, t) * torch.ones_like(t),
    ],
}
