"""Answers of notebook 06, derived a second time: by hand, in Python or as a figure."""

import math

import torch
from by_hand.tools import alpha2, sigma2, step_cost


def cost_of_half(loss, steps, d):
    m = 2 * loss / (steps / 2 * d)
    return steps / 2 * step_cost(1 / (1 + m), m, d)


def every_latent(z, gamma_s, gamma_t):
    """Bayes' rule for three values, one latent at a time."""
    a, v = alpha2(gamma_t.item()), sigma2(gamma_t.item())
    rows = []
    for seen in z.tolist():
        weight = {x: math.exp(-((seen - math.sqrt(a) * x) ** 2) / (2 * v)) for x in (-1, 0, 1)}
        total = sum(weight.values())
        mean = sum(x * p for x, p in weight.items()) / total
        spread = sum((x - mean) ** 2 * p for x, p in weight.items()) / total
        gain = math.exp(-gamma_s.item()) - math.exp(-gamma_t.item())
        rows.append(1 / (1 + gain * spread))
    return torch.tensor(rows, dtype=torch.float64)


def useless_counterterm():
    """From the slopes of mu_P and of E[mu_Q | z_t] in z_t, whose variance is 1."""
    totals = [0.0, 0.0]
    for i in range(4):
        g_s, g_t = -13.3 + 4.575 * i, -13.3 + 4.575 * (i + 1)
        a, v, c = alpha2(g_t), sigma2(g_t), 1 - math.exp(-4.575)
        variance_q = sigma2(g_s) * c
        slopes = [A * math.sqrt(a) * math.sqrt(alpha2(g_s)) for A in (c, (c + 4.575 * v) / (1 + v))]
        spread = alpha2(g_s) * c**2 * v
        m = [(spread + (slope - slopes[0]) ** 2) / variance_q for slope in slopes]
        totals[0] += step_cost(1, m[1], 1) - step_cost(1, m[0], 1)
        totals[1] += step_cost(1 / (1 + m[1]), m[1], 1) - step_cost(1 / (1 + m[0]), m[0], 1)
    return totals


RIGHT = {
    "06.1": lambda L_1, L_2, T, d: cost_of_half(L_1, T, d) + cost_of_half(L_2, T, d),
    "06.2": lambda gaps: 1 / (1 + gaps.square().flatten(1).mean(1)),
    "06.3": every_latent,
    "06.4": useless_counterterm(),
}
WRONG = {
    "06.2": [
        lambda gaps: (1 / (1 + gaps.square().sum(2))).mean(1),
        lambda gaps: (1 / (1 + gaps.square().mean(2))).mean(1),
        lambda gaps: 1 / (1 + gaps.square().sum(2).mean(1)),
    ],
    "06.3": [
        lambda z, gamma_s, gamma_t: every_latent(z, gamma_s, gamma_t).mean().expand(len(z)),
        lambda z, gamma_s, gamma_t: 1 / (1 + (gamma_t - gamma_s) + 0 * z),
    ],
    "06.4": [[0.0, 0.0], useless_counterterm()[::-1]],
}
