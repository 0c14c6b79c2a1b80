"""Answers of notebook 13, derived a second time: by hand, in Python or as a figure."""

import math

import torch
from by_hand.tools import alpha2, sigma2

# --- 13.4: a difference quotient of fourth order --------------------------------------------------


def _variance(denoise, z, snr):
    h = 1e-5
    rise = denoise(z - 2 * h) - 8 * denoise(z - h) + 8 * denoise(z + h) - denoise(z + 2 * h)
    return rise / (12 * h) / snr**0.5


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
    "13.2": [
        _pale,
        lambda z, x_hat, gamma_s, gamma_t: (gamma_s.sigmoid() / gamma_t.sigmoid()).sqrt() * z,
    ],
    "13.4": [
        lambda denoise, z, snr: _variance(denoise, z, snr) * snr**0.5,  # the slope itself
        lambda denoise, z, snr: 1 - denoise(z) ** 2,  # the coin's
        lambda denoise, z, snr: torch.ones_like(z) / (1 + snr),  # the standard normal's
    ],
}
