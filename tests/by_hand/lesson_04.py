"""Answers of notebook 04, derived a second time: by hand, in Python or as a figure."""

import math

import torch
from by_hand.tools import alpha2, sigma2


def encoder(x, gamma):
    """x_t differentiated as a whole, by hand; u is that over sigma^2."""
    a, s = torch.sigmoid(-gamma)[:, None], torch.sigmoid(gamma)[:, None]
    y = torch.sin(x + gamma[:, None])
    slope = a * s * (x - y) - s * torch.cos(x + gamma[:, None])
    return a * x + s * y, slope / s


def encoder_with_wrong_sign(x, gamma):
    x_t, u = encoder(x, gamma)
    return x_t, u + 2 * torch.cos(x + gamma[:, None])


def encoder_squared_twice(x, gamma):
    a, s = torch.sigmoid(-gamma)[:, None] ** 2, torch.sigmoid(gamma)[:, None] ** 2
    y = torch.sin(x + gamma[:, None])
    x_t = a * x + s * y
    return x_t, x_t - y - torch.cos(x + gamma[:, None])


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


RIGHT = {
    "04.1": [math.log(1 / 2), 4 * (2 / 3) ** 3 - 4 * (2 / 3) ** 2 + 1],
    "04.2": lambda g: math.exp(-g) * alpha2(g) ** 2,
    "04.3": encoder,
    "04.4": sampler(lambda c, step, s2: c),
    "04.5": "b",
}
WRONG = {
    "04.1": [[0.0, 0.5], [math.log(2), 11 / 27]],
    "04.3": [encoder_with_wrong_sign, encoder_squared_twice],
    "04.4": [sampler(lambda c, step, s2: c + step * s2), sampler(lambda c, step, s2: c * (1 + s2))],
    "04.5": ["a", "c", "d"],
}
