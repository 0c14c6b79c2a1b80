"""Answers of notebook 02, derived a second time: by hand, in Python or as a figure."""

import math

import torch


def three_values(z, a, s):
    weights = {x: math.exp(-((z - a * x) ** 2) / (2 * s**2)) for x in (-1, 0, 1)}
    return (weights[1] - weights[-1]) / sum(weights.values())


def price(gamma_0):
    """Bits of an interior level, by plain summation: the other levels stand at 2 k / 256."""
    spacing, total = 2 / 256 * math.exp(-gamma_0 / 2), 0.0
    for n in range(-140, 141):
        eps = n / 20
        odds = sum(math.exp(-0.5 * k * spacing * (k * spacing + 2 * eps)) for k in range(-20, 21))
        total += math.exp(-(eps**2) / 2) / math.sqrt(2 * math.pi) * 0.05 * math.log2(odds)
    return total


def bisected():
    low, high = -12.0, -11.0
    while high - low > 1e-3:
        middle = (low + high) / 2
        low, high = (middle, high) if price(middle) < 1 else (low, middle)
    return low


def one_by_one(mmse, gamma):
    total = 0.0
    for g_s, g_t in zip(gamma[:-1], gamma[1:], strict=True):
        gain = math.exp(-g_s) - math.exp(-g_t)
        total += gain * mmse(torch.exp(-g_t)[None]).item() / 2
    return total


def other_end(mmse, gamma):
    snr = torch.exp(-gamma)
    return 0.5 * ((snr[:-1] - snr[1:]) * mmse(snr[:-1])).sum()


RIGHT = {"02.1": three_values, "02.2": bisected(), "02.3": one_by_one, "02.4": "cda"}
WRONG = {
    "02.3": [
        other_end,
        lambda mmse, gamma: 2 * one_by_one(mmse, gamma),
        lambda mmse, gamma: one_by_one(mmse, -gamma.flip(0)),
    ],
    "02.4": ["ac", "abcd", "acde"],
}
