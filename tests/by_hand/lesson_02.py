"""Answers of notebook 02, derived a second time: by hand, in Python or as a figure."""

import math

import torch


def three_values(z, a, s):
    weights = {x: math.exp(-((z - a * x) ** 2) / (2 * s**2)) for x in (-1, 0, 1)}
    return (weights[1] - weights[-1]) / sum(weights.values())


def one_by_one(mmse, gamma):
    total = 0.0
    for g_s, g_t in zip(gamma[:-1], gamma[1:], strict=True):
        gain = math.exp(-g_s) - math.exp(-g_t)
        total += gain * mmse(torch.exp(-g_t)[None]).item() / 2
    return total


def other_end(mmse, gamma):
    snr = torch.exp(-gamma)
    return 0.5 * ((snr[:-1] - snr[1:]) * mmse(snr[:-1])).sum()


RIGHT = {"02.1": three_values, "02.2": one_by_one, "02.3": "cda"}
WRONG = {
    "02.2": [
        other_end,
        lambda mmse, gamma: 2 * one_by_one(mmse, gamma),
        lambda mmse, gamma: one_by_one(mmse, -gamma.flip(0)),
    ],
    "02.3": ["ac", "abcd", "acde"],
}
