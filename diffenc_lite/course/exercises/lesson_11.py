"""Exercises of notebook 11, What did the encoder learn?."""

from __future__ import annotations

import math

from .forms import UNIT, Exercise, Formula, Number

GAMMA_S = (-12.0, -1.0)
GAMMA_T = (0.0, 5.0)

EXERCISES = [
    Exercise(
        "11.1",
        "$\\gamma(t)$ runs linearly from $-13.3$ to $5$. Up to which $t$ is it certain, whatever "
        "the network $y$ with $|y|\\le1$, that the learned encoder moves no pixel by more than "
        "half a grey level ($1/256$ in units of $x$)?",
        Number(),
        lambda: (13.3 - math.log(511)) / 18.3,
        "X7 says how far a pixel can move at most; which sigma^2 makes that 1/256, and which gamma "
        "makes that sigma^2?",
    ),
    Exercise(
        "11.2",
        "What does the heat map $(x_t - x_s)/(t - s)$ of the **scaling** encoder show for a pixel "
        "$x$? $\\gamma$ is linear with $\\gamma'(t) = 18.3$. A formula in `x, gamma_s, gamma_t`.",
        Formula({"x": (-1.0, 1.0), "gamma_s": GAMMA_S, "gamma_t": GAMMA_T}),
        "183*x/10*(1/(1 + exp(gamma_t)) - 1/(1 + exp(gamma_s)))/(gamma_t - gamma_s)",
        "x_t is sigmoid(-gamma_t) times x; and how much depth lies between two values of gamma?",
    ),
    Exercise(
        "11.3",
        "From $x$ and its encoding $x_t$ at $\\gamma$ one can tell what the network of a learned "
        "encoder must have said. Give $y$ as a formula in `x, x_t, gamma`.",
        Formula({"x": (-1.0, 1.0), "x_t": (-1.0, 1.0), "gamma": (-4.0, 5.0)}),
        "x + (x_t - x)*(1 + exp(-gamma))",
        "solve E3 for y; it is a sum of x and something that vanishes when x_t = x",
    ),
    Exercise(
        "11.4",
        "The learned encoder, infinite depth. Suppose that $z_t$ tells the network the means "
        "$m = E[x_t\\,|\\,z_t]$ and $k = E[dy/d\\lambda - y\\,|\\,z_t]$ of one pixel. Which "
        "$\\hat x$ makes the loss smallest? A formula in `m, k, sigma`.",
        Formula({"m": (-1.0, 1.0), "k": (-1.0, 1.0), "sigma": UNIT}),
        "m + sigma**2*k/(1 + sigma**2)",
        "a perfect network says the mean of x_t + sigma^2 u, over 1 + sigma^2; write u with x_t",
    ),
]
