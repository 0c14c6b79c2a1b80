"""Answers of notebook 07, derived a second time: by hand, in Python or as a figure."""

import itertools
import math

import torch


def every_path(costs, price):
    """Brute force: all sets of inner nodes."""
    last = len(costs) - 1
    inner = itertools.chain.from_iterable(
        itertools.combinations(range(1, last), k) for k in range(last)
    )
    paths = ([0, *some, last] for some in inner)
    sums = (sum(float(costs[i, j]) + price for i, j in itertools.pairwise(p)) for p in paths)
    return min(sums)


def by_regression(x_hat, x_t, x_s, gamma_s, gamma_t):
    """A / c by least squares, w* from the variance of a step: sigma_P^2 = sigma_Q^2 + gap^2."""
    alpha2, sigma2 = torch.sigmoid(-gamma_s), torch.sigmoid(gamma_s)
    c = 1 - torch.exp(-gamma_t) / torch.exp(-gamma_s)
    tau = c * x_t + x_s - x_t
    A = torch.linalg.lstsq(x_hat.reshape(-1, 1), tau.reshape(-1, 1)).solution.squeeze()
    gap2 = alpha2 * (A * x_hat - tau).square().mean()
    return A / c, sigma2 * c / (sigma2 * c + gap2)


def broken_step(x_hat, x_t, x_s, gamma_s, gamma_t, moves=False, means=False):
    c = -torch.expm1(gamma_s - gamma_t)
    tau = c * x_t + (x_s - x_t if moves else 0)
    A = (tau * x_hat).mean() / (x_hat**2).mean() if means else (tau / x_hat).mean()
    m = torch.exp(-gamma_s) / c * (A * x_hat - tau).square().mean()
    return A / c, 1 / (1 + m)


def node_between(S_s, S_t):
    """ln(1 + SNR) of the node is the mean of those beside it: each step reveals as much."""
    return math.expm1((math.log1p(S_s) + math.log1p(S_t)) / 2)


RIGHT = {
    "07.1": node_between,
    "07.2": "acd",
    "07.3": every_path,
    "07.4": by_regression,
}

WRONG = {
    "07.2": ["abcd", "a", "ad"],
    "07.3": [lambda costs, price: float(costs.diagonal(1).sum()) + price * (len(costs) - 1)],
    "07.4": [
        broken_step,
        lambda *given: broken_step(*given, moves=True),
        lambda *given: broken_step(*given, means=True),
    ],
}
