"""Answers of notebook 01, derived a second time: by hand, in Python or as a figure."""

import math

from by_hand.tools import alpha2, sigma2


def stretch(z_s, x_s, x_t, gamma_s, gamma_t):
    """The noise in z_s, as it is, put on the other encoding."""
    noise = (z_s - x_s / (1 + gamma_s.exp()).sqrt()) * (1 + (-gamma_s).exp()).sqrt()
    return x_t / (1 + gamma_t.exp()).sqrt() + noise / (1 + (-gamma_t).exp()).sqrt()


RIGHT = {
    "01.1": stretch,
    "01.2": lambda step: alpha2(step - 1) ** 0.5 / sigma2(step - 1) ** 0.5 / math.exp(0.5),
    "01.3": "b",
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
    "01.3": ["a", "c", "d"],
}
