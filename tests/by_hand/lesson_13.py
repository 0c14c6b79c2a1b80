"""Answers of notebook 13, derived a second time: by hand, in Python or as a figure."""

import math

import torch
from by_hand.tools import alpha2, sigma2

# --- 13.4: backwards, and by differences ----------------------------------------------------------


def _variance(denoise, z, snr):
    z = z.clone().requires_grad_()
    return torch.autograd.grad(denoise(z).sum(), z)[0] / snr**0.5


def _by_differences(h):
    """Of the fourth order"""

    def variance(denoise, z, snr):
        near, far = (denoise(z + k * h) - denoise(z - k * h) for k in (1, 2))
        return (8 * near - far) / (12 * h) / snr**0.5

    return variance


# --- 13.2: by the angle, as a rotation ------------------------------------------------------------


def _rotated(z, x_hat, gamma_s, gamma_t):
    """z = cos x_hat + sin eps_hat; turn the angle from t to s."""
    th_s, th_t = (math.atan(math.exp(float(g) / 2)) for g in (gamma_s, gamma_t))
    eps_hat = (z - math.cos(th_t) * x_hat) / math.sin(th_t)
    return math.cos(th_s) * x_hat + math.sin(th_s) * eps_hat


def _pale(z, x_hat, gamma_s, gamma_t):
    g_s, g_t = float(gamma_s), float(gamma_t)
    keep = math.sqrt(alpha2(g_t) / alpha2(g_s)) * sigma2(g_s) / sigma2(g_t)
    return keep * z + math.sqrt(alpha2(g_s)) * -math.expm1(g_s - g_t) * x_hat


RIGHT = {
    # true: 1 - R + v, believed: 1 - (R + v), both times k
    "13.1": lambda v, g_t, g_s: math.expm1(g_t - g_s) * ((1 - 0.4 + v) - (1 - (0.4 + v))),
    "13.2": _rotated,
    "13.4": _variance,
}

WRONG = {
    "13.2": [_pale],
    "13.4": [
        *(_by_differences(10.0**-k) for k in range(1, 5)),
        lambda denoise, z, snr: _variance(denoise, z, snr) * snr**0.5,  # the slope itself
        lambda denoise, z, snr: 1 - denoise(z) ** 2,  # the coin's
        lambda denoise, z, snr: denoise(z) / z / snr**0.5,  # of a straight line
    ],
}
