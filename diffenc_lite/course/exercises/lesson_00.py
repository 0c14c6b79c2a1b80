"""Exercises of notebook 00, Ten-minute tour."""

from __future__ import annotations

import math

from .forms import ANY, Exercise, Formula, Number

EXERCISES = [
    Exercise(
        "00.1",
        "A bound says that one digit of $28 \\times 28$ pixels costs 1000 nats. "
        "How many **bits per dimension** is that?",
        Number(),
        lambda: 1000 / (784 * math.log(2)),
        "divide by the number of dimensions, and remember how many nats make a bit",
    ),
    Exercise(
        "00.2",
        "$\\gamma(t)$ runs linearly from $-13.3$ at $t=0$ to $5$ at $t=1$. "
        "At which $t$ do signal and noise have equal shares, $\\alpha_t^2 = \\sigma_t^2$?",
        Number(),
        lambda: 13.3 / 18.3,
        "equal shares mean a signal-to-noise ratio of 1; which gamma is that?",
    ),
    Exercise(
        "00.3",
        "Write the noisy latent $z_t$ in terms of the encoded data $x_t$, the noise $\\epsilon$ "
        "and $\\gamma_t$: a function `z(x_t, eps, gamma)`.",
        Formula({"x_t": (-1.0, 1.0), "eps": ANY, "gamma": (-10.0, 5.0)}),
        "x_t / sqrt(1 + exp(gamma)) + eps / sqrt(1 + exp(-gamma))",
        "the squares of alpha and sigma are the logistic sigmoids of minus gamma and of gamma",
    ),
]
