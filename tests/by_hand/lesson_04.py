"""Answers of notebook 04, derived a second time: by hand, in Python or as a figure."""

import math

import torch
from by_hand.tools import alpha2, sigma2


def sampler(z, noise, first=-13.3, last=True, A=lambda c, step, s2: c):
    """Number by number"""
    step = (5 - first) / len(noise)
    c = -math.expm1(-step)
    for k, eps in enumerate(noise):
        gamma = 5 - k * step
        (a_s, s_s), (a_t, s_t) = ((alpha2(g), sigma2(g)) for g in (gamma - step, gamma))
        x_hat = a_t**2.5 * z / (a_t**3 + s_t)
        kept = math.sqrt(a_t / a_s) * s_s / s_t
        mean = kept * z + math.sqrt(a_s) * A(c, step, s_t) * x_hat
        z = mean + math.sqrt(s_s * c) * eps * (last or k < len(noise) - 1)
    return z


def loss(x, y, ydot, eps, v_hat, gamma, counterterm=1.0, square=True):
    """With v_hat and u apart, as on the lesson's page."""
    alpha, sigma = torch.sigmoid(-gamma).sqrt()[:, None], torch.sigmoid(gamma).sqrt()[:, None]
    x_t = alpha**2 * x + sigma**2 * y
    x_hat = alpha * (alpha * x_t + sigma * eps) - sigma * v_hat
    r = alpha * eps - sigma * x_t - v_hat - sigma * (x_t - y + ydot - counterterm * x_hat)
    return ((alpha * r) ** 2).sum(1) / 2 if square else (alpha * r**2).sum(1) / 2


RIGHT = {"04.4": loss, "04.5": sampler}
WRONG = {
    "04.4": [
        lambda *given: loss(*given, counterterm=0.0),
        lambda *given: loss(*given, square=False),
    ],
    "04.5": [
        lambda z, noise: sampler(z, noise, A=lambda c, step, s2: c + step * s2),  # G3
        lambda z, noise: sampler(z, noise, A=lambda c, step, s2: c * (1 + s2)),  # the folded form
        lambda z, noise: sampler(z, noise, A=lambda c, step, s2: step),
        lambda z, noise: sampler(1.1 * z, noise),
        lambda z, noise: sampler(z, noise[::2]),  # half of the steps
        lambda z, noise: sampler(z, noise, first=-13.0),
        lambda z, noise: sampler(z, noise, last=False),
    ],
}
