"""Exercises of notebook 01."""

import math

from by_hand.tools import alpha2, answer, sigma2

stretch = answer("01.1")


def usual_step_without_noise(z_s, x_s, x_t, gamma_s, gamma_t):
    shrink = ((1 + gamma_s.exp()) / (1 + gamma_t.exp())).sqrt()
    return shrink * z_s + (x_t - x_s) / (1 + gamma_t.exp()).sqrt()


RIGHT = {"01.2": lambda step: alpha2(step - 1) ** 0.5 / sigma2(step - 1) ** 0.5 / math.exp(0.5)}
WRONG = {
    "01.1": [
        usual_step_without_noise,
        lambda z_s, x_s, x_t, gamma_s, gamma_t: stretch(z_s, x_s, x_s, gamma_s, gamma_t),
    ],
}
