"""Answers of notebook 03, derived a second time: by hand, in Python or as a figure."""

import torch


def by_differences(gamma, rate, t, h=1e-6, back=1.0):
    slope = (gamma(t + h) - gamma(t - back * h)) / ((1 + back) * h)
    return (slope * rate(gamma(t))).mean()


def slope_of(f, t):
    return torch.func.jvp(f, (t,), (torch.ones_like(t),))[1]


RIGHT = {"03.3": by_differences}
WRONG = {
    "03.3": [
        lambda gamma, rate, t: (18.3 * rate(gamma(t))).mean(),
        lambda gamma, rate, t: by_differences(gamma, rate, t) * torch.ones_like(t),
        lambda gamma, rate, t: (slope_of(gamma, t) * (rate(gamma(t)) + rate(gamma(t))) / 2).mean(),
        lambda gamma, rate, t: by_differences(gamma, rate, t, h=0.1),  # right for a parabola
        lambda gamma, rate, t: by_differences(gamma, rate, t, h=1e-3, back=0.0),
        lambda gamma, rate, t: slope_of(gamma, t).mean() * rate(gamma(t)).mean(),
    ],
}
