"""Exercises of notebook 07."""

import torch


def broken_step(x_hat, x_t, x_s, gamma_s, gamma_t, moves=False, means=False):
    c = -torch.expm1(gamma_s - gamma_t)
    tau = c * x_t + (x_s - x_t if moves else 0)
    A = (tau * x_hat).mean() / (x_hat**2).mean() if means else (tau / x_hat).mean()
    m = torch.exp(-gamma_s) / c * (A * x_hat - tau).square().mean()
    return A / c, 1 / (1 + m)


WRONG = {
    "07.4": [lambda costs, price: float(costs.diagonal(1).sum()) + price * (len(costs) - 1)],
    "07.5": [
        broken_step,
        lambda *given: broken_step(*given, moves=True),
        lambda *given: broken_step(*given, means=True),
    ],
}
