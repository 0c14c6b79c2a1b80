"""Answers of notebook 13, derived a second time: by hand, in Python or as a figure."""

import math

import torch
from by_hand.tools import alpha2, sigma2

# --- 13.4: backwards, and by differences ----------------------------------------------------------


def _variance(denoise, z, snr):
    z = z.clone().requires_grad_()
    return torch.autograd.grad(denoise(z).sum(), z)[0] / snr**0.5


def _by_differences(h, order):
    """Of order 1, 2 or 4"""

    def variance(denoise, z, snr):
        near, far = (denoise(z + k * h) - denoise(z - k * h) for k in (1, 2))
        one_sided = (denoise(z + h) - denoise(z)) / h
        rise = {1: one_sided, 2: near / (2 * h), 4: (8 * near - far) / (12 * h)}[order]
        return rise / snr**0.5

    return variance


# --- 13.3: the curl of (e_1 eta_1, e_2 eta_2) in (gamma_1, gamma_2), by differences ---------------

CORRELATION = 0.6


def _posterior_mean(corr, eta):
    """K with E[x|z] = K z, for z = sqrt(eta) x + eps, the inverse of a 2 x 2 matrix written out."""
    (e1, e2), r = eta, corr
    s1, s2 = math.sqrt(e1), math.sqrt(e2)
    a, b, d = 1 + e1, s1 * s2 * r, 1 + e2  # the covariance of z
    det = a * d - b * b
    cross = [[s1, r * s2], [r * s1, s2]]  # E x z'
    inverse = [[d / det, -b / det], [-b / det, a / det]]
    return [[sum(row[k] * inverse[k][j] for k in (0, 1)) for j in (0, 1)] for row in cross]


def _errors(K, eta):
    s = [math.sqrt(e) for e in eta]
    result = []
    for j in (0, 1):
        on_x = [(1.0 if i == j else 0.0) - K[j][i] * s[i] for i in (0, 1)]
        spread = on_x[0] ** 2 + on_x[1] ** 2 + 2 * CORRELATION * on_x[0] * on_x[1]
        result.append(spread + K[j][0] ** 2 + K[j][1] ** 2)
    return result


def _curl(denoiser):
    def field(g1, g2):
        eta = (math.exp(-g1), math.exp(-g2))
        return [e * n for e, n in zip(_errors(denoiser(eta), eta), eta, strict=True)]

    h, g1, g2 = 1e-4, 0.7, -0.9
    across = field(g1 + h, g2)[1] - field(g1 - h, g2)[1]
    return (across - field(g1, g2 + h)[0] + field(g1, g2 - h)[0]) / (2 * h)


def _scaled(eta):
    return [[0.8 * k for k in row] for row in _posterior_mean(CORRELATION, eta)]


def _told_the_mean(eta):
    return _posterior_mean(CORRELATION, [math.sqrt(eta[0] * eta[1])] * 2)


_DENOISERS = {
    "a": lambda eta: _posterior_mean(CORRELATION, eta),
    "b": _scaled,
    "c": lambda eta: _posterior_mean(0.0, eta),
    "d": _told_the_mean,
}

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
    "13.3": "".join(letter for letter, of in _DENOISERS.items() if abs(_curl(of)) < 1e-6),
    "13.4": _variance,
}

WRONG = {
    "13.2": [
        _pale,
        lambda z, x_hat, gamma_s, gamma_t: (gamma_s.sigmoid() / gamma_t.sigmoid()).sqrt() * z,
    ],
    "13.3": ["a", "ab", "ac", "abcd"],
    "13.4": [
        *(_by_differences(10.0**-k, order) for order in (1, 2, 4) for k in range(1, 9)),
        lambda denoise, z, snr: _variance(denoise, z, snr) * snr**0.5,  # the slope itself
        lambda denoise, z, snr: _variance(denoise, z, snr) / snr**0.5,
        lambda denoise, z, snr: _variance(denoise, z, snr).mean() * torch.ones_like(z),
        lambda denoise, z, snr: 1 - denoise(z) ** 2,  # the coin's
        lambda denoise, z, snr: torch.ones_like(z) / (1 + snr),  # the standard normal's
        lambda denoise, z, snr: denoise(z) / z / snr**0.5,  # of a straight line
    ],
}
