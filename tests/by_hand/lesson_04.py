"""Answers of notebook 04, derived a second time: by hand, in Python or as a figure."""

import math

import torch
from by_hand.tools import alpha2, sigma2


def sampler(factor):
    def sample(n, generator):
        gamma = torch.linspace(-13.3, 5, 201, dtype=torch.float64)
        z = torch.randn(n, generator=generator, dtype=torch.float64)
        for g_s, g_t in zip(gamma[:-1].flip(0).tolist(), gamma[1:].flip(0).tolist(), strict=True):
            a_s, a_t, c = alpha2(g_s), alpha2(g_t), -math.expm1(g_s - g_t)
            x_hat = a_t * z * a_t**1.5 / (a_t**3 + sigma2(g_t))
            mean = math.sqrt(a_t / a_s) * sigma2(g_s) / sigma2(g_t) * z
            mean = mean + math.sqrt(a_s) * factor(c, g_t - g_s, sigma2(g_t)) * x_hat
            noise = torch.randn(n, generator=generator, dtype=torch.float64)
            z = mean + math.sqrt(sigma2(g_s) * c) * noise
        return z

    return sample


def loss(x, y, ydot, eps, v_hat, gamma, counterterm=1.0, square=True):
    """With v_hat and u apart, as on the lesson's page."""
    alpha, sigma = torch.sigmoid(-gamma).sqrt()[:, None], torch.sigmoid(gamma).sqrt()[:, None]
    x_t = alpha**2 * x + sigma**2 * y
    x_hat = alpha * (alpha * x_t + sigma * eps) - sigma * v_hat
    r = alpha * eps - sigma * x_t - v_hat - sigma * (x_t - y + ydot - counterterm * x_hat)
    return ((alpha * r) ** 2).sum(1) / 2 if square else (alpha * r**2).sum(1) / 2


RIGHT = {"04.4": loss, "04.5": sampler(lambda c, step, s2: c)}
WRONG = {
    "04.4": [
        lambda *given: loss(*given, counterterm=0.0),
        lambda *given: loss(*given, square=False),
    ],
    "04.5": [sampler(lambda c, step, s2: c + step * s2), sampler(lambda c, step, s2: c * (1 + s2))],
}
