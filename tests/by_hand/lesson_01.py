"""Answers of notebook 01, derived a second time: by hand, in Python or as a figure."""

import math

import torch
from by_hand.tools import alpha2, sigma2


def stretch(z_s, x_s, x_t, gamma_s, gamma_t):
    """The noise in z_s, as it is, put on the other encoding."""
    noise = (z_s - x_s / (1 + gamma_s.exp()).sqrt()) * (1 + (-gamma_s).exp()).sqrt()
    return x_t / (1 + gamma_t.exp()).sqrt() + noise / (1 + (-gamma_t).exp()).sqrt()


def walk(n, generator, same_noise=False, jump=False, variance_for_sd=False):
    """By F1 and F2 with variances written as differences, not with c."""
    gammas = torch.linspace(-4, 2, 7).tolist()
    noise = torch.randn(n, generator=generator)
    path = [alpha2(gammas[0]) ** 0.5 + sigma2(gammas[0]) ** 0.5 * noise]
    for s, t in zip(gammas[:-1], gammas[1:], strict=True):
        shrink = 0.0 if jump else math.sqrt(alpha2(t) / alpha2(s))
        added = sigma2(t) - shrink**2 * sigma2(s)
        fresh = noise if same_noise else torch.randn(n, generator=generator)
        shift = alpha2(t) ** 0.5 - shrink * alpha2(s) ** 0.5
        path.append(shrink * path[-1] + shift + (added if variance_for_sd else added**0.5) * fresh)
    return torch.stack(path)


RIGHT = {
    "01.1": stretch,
    "01.2": lambda step: -math.expm1(-step),
    "01.3": walk,
    "01.4": "b",
    "01.5": 79_206,
}


def usual_step_without_noise(z_s, x_s, x_t, gamma_s, gamma_t):
    shrink = ((1 + gamma_s.exp()) / (1 + gamma_t.exp())).sqrt()
    return shrink * z_s + (x_t - x_s) / (1 + gamma_t.exp()).sqrt()


WRONG = {
    "01.1": [
        usual_step_without_noise,
        lambda z_s, x_s, x_t, gamma_s, gamma_t: stretch(z_s, x_s, x_s, gamma_s, gamma_t),
        lambda z_s, x_s, x_t, gamma_s, gamma_t: stretch(z_s, x_s, x_t, gamma_t, gamma_s),
    ],
    "01.3": [
        lambda n, generator: walk(n, generator, same_noise=True),
        lambda n, generator: walk(n, generator, jump=True),
        lambda n, generator: walk(n, generator, variance_for_sd=True),
    ],
    "01.4": ["a", "c", "d"],
}
