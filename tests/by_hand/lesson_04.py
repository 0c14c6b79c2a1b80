"""Answers of notebook 04, derived a second time: by hand, in Python or as a figure."""

import math

import torch
from by_hand.tools import alpha2, sigma2


def sampler(**slips):
    """Number by number; a slip takes the place of a part"""

    def sample(z, noise):
        z, noise = z * slips.get("start", 1), noise[:: slips.get("every", 1)]
        width = (5 - slips.get("first", -13.3)) / len(noise)
        for k, eps in enumerate(noise):
            g_t = 5 - k * width
            g_s = g_t - width
            a_s, a_t, c = alpha2(g_s), alpha2(g_t), slips.get("c", lambda s: -math.expm1(-s))(width)
            x_hat = a_t ** slips.get("power", 2.5) * z / (a_t**3 + sigma2(g_t))
            factor = slips.get("factor", lambda c, step, s2: c)(c, width, sigma2(g_t))
            kept = math.sqrt(a_t / a_s) * (sigma2(g_s) / sigma2(g_t)) ** slips.get("kept", 1)
            mean = kept * z + math.sqrt(a_s) ** slips.get("shrunk", 1) * factor * x_hat
            variance = slips.get("variance", lambda s, t, c: s * c)(sigma2(g_s), sigma2(g_t), c)
            last = k == len(noise) - 1 and slips.get("last", 1) == 0
            z = mean + (0 if last else math.sqrt(variance)) * eps
        return z

    return sample


def loss(x, y, ydot, eps, v_hat, gamma, counterterm=1.0, square=True):
    """With v_hat and u apart, as on the lesson's page."""
    alpha, sigma = torch.sigmoid(-gamma).sqrt()[:, None], torch.sigmoid(gamma).sqrt()[:, None]
    x_t = alpha**2 * x + sigma**2 * y
    x_hat = alpha * (alpha * x_t + sigma * eps) - sigma * v_hat
    r = alpha * eps - sigma * x_t - v_hat - sigma * (x_t - y + ydot - counterterm * x_hat)
    return ((alpha * r) ** 2).sum(1) / 2 if square else (alpha * r**2).sum(1) / 2


RIGHT = {"04.4": loss, "04.5": sampler()}
WRONG = {
    "04.4": [
        lambda *given: loss(*given, counterterm=0.0),
        lambda *given: loss(*given, square=False),
    ],
    "04.5": [
        sampler(factor=lambda c, step, s2: c + step * s2),  # G3
        sampler(factor=lambda c, step, s2: c * (1 + s2)),  # the folded form
        sampler(start=1.1),
        sampler(every=2),  # half of the steps
        sampler(first=-13.0),
        sampler(c=lambda step: step),
        sampler(power=3),
        sampler(kept=0),
        sampler(kept=2),
        sampler(shrunk=0),
        sampler(variance=lambda s, t, c: t * c),
        sampler(variance=lambda s, t, c: s * c**2),
        sampler(variance=lambda s, t, c: s),
        sampler(last=0),
        lambda z, noise: sampler()(z, noise.flip(0)),
        lambda z, noise: sampler()(z, noise[:1].expand_as(noise)),
        lambda z, noise: sampler()(z, noise) / math.sqrt(alpha2(-13.3)) * 1.001,
        lambda z, noise: math.sqrt(0.9) * z,  # no sampler at all
        lambda z, noise: noise[-1],
    ],
}
