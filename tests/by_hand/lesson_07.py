"""Answers of notebook 07, derived a second time: by hand, in Python or as a figure."""

import itertools
import math

import numpy as np
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
    """A by least squares, w* from the variance of a step: sigma_P^2 = sigma_Q^2 + gap^2."""
    alpha2, sigma2 = torch.sigmoid(-gamma_s), torch.sigmoid(gamma_s)
    c = 1 - torch.exp(-gamma_t) / torch.exp(-gamma_s)
    tau = c * x_t + x_s - x_t
    A = torch.linalg.lstsq(x_hat.reshape(-1, 1), tau.reshape(-1, 1)).solution.squeeze()
    gap2 = alpha2 * (A * x_hat - tau).square().mean()
    return A, sigma2 * c / (sigma2 * c + gap2)


def broken_step(x_hat, x_t, x_s, gamma_s, gamma_t, moves=False, means=False):
    c = -torch.expm1(gamma_s - gamma_t)
    tau = c * x_t + (x_s - x_t if moves else 0)
    A = (tau * x_hat).mean() / (x_hat**2).mean() if means else (tau / x_hat).mean()
    m = torch.exp(-gamma_s) / c * (A * x_hat - tau).square().mean()
    return A, 1 / (1 + m)


def node_of_two_steps(cost):
    """The t with the least sum of two steps of the coin: x_hat = tanh(snr x + sqrt(snr) eps)."""
    eps, weights = np.polynomial.hermite_e.hermegauss(200)

    def error(snr):
        return 1 - (np.tanh(snr + math.sqrt(snr) * eps) ** 2 @ weights) / math.sqrt(2 * math.pi)

    def both(t):
        snr_0, snr, snr_1 = (math.exp(13.3 - 18.3 * depth) for depth in (0, t, 1))
        return cost((snr_0 - snr) * error(snr)) + cost((snr - snr_1) * error(snr_1))

    return min(np.linspace(0.4, 0.7, 3001), key=both)


RIGHT = {
    "07.1": "acd",
    "07.2": every_path,
    "07.3": by_regression,
    "07.4": [node_of_two_steps(lambda m: m), node_of_two_steps(math.log1p)],
}

WRONG = {
    "07.1": ["abcd", "a", "ad"],
    "07.2": [lambda costs, price: float(costs.diagonal(1).sum()) + price * (len(costs) - 1)],
    "07.3": [
        broken_step,
        lambda *given: broken_step(*given, moves=True),
        lambda *given: broken_step(*given, means=True),
    ],
    "07.4": [[0.5, 0.5]],
}
