"""Answers of notebook 03, derived a second time: by hand, in Python or as a figure."""

import torch


def one_by_one(gamma, rate, t):
    h, total = 1e-6, 0.0
    for depth in t:
        total += (gamma(depth + h) - gamma(depth - h)) / (2 * h) * rate(gamma(depth))
    return total / len(t)


RIGHT = {"03.3": one_by_one}
WRONG = {
    "03.3": [
        lambda gamma, rate, t: (18.3 * rate(gamma(t))).mean(),
        lambda gamma, rate, t: rate(gamma(t)).mean(),
        lambda gamma, rate, t: one_by_one(gamma, rate, t) * torch.ones_like(t),
    ],
}
