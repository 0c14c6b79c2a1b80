"""Exercises of notebook 10, Does the encoder help?."""

from __future__ import annotations

import math

from .forms import Exercise, Formula, Number

EXERCISES = [
    Exercise(
        "10.1",
        "A pixel has the mean $c$ over all images. By how many nats does the bound of a VDM with a "
        "**perfect** denoiser fall when the data is centred, $x-c$ in place of $x$? A formula in "
        "`c, gamma_1`.",
        Formula({"c": (-1.0, 1.0), "gamma_1": (-2.0, 5.0)}),
        "c**2/(2*(1 + exp(gamma_1)))",
        "by X5 it is the fall of KL(q(z_1) || N(0, 1)); all that changes in q(z_1) is its mean",
    ),
    Exercise(
        "10.2",
        "The totals of two models have the same standard deviation over seeds, and the correlation "
        "$\\rho$ when both have the same seed. By which factor does pairing shrink the standard "
        "deviation of their difference? A formula in `rho`, below 1 when pairing helps.",
        Formula({"rho": (-0.9, 0.99)}),
        "sqrt(1 - rho)",
        "Var(a - b) = Var(a) + Var(b) - 2 Cov(a, b), once with and once without the last term",
    ),
    Exercise(
        "10.3",
        "Eight differences are tested by flipping signs, and corrected by Holm. How many pairs "
        "must each have **at least** before the first of them can come below 5 %?",
        Number(),
        lambda: next(n for n in range(1, 99) if 8 * 2 ** (1 - n) < 0.05),
        "n pairs have 2^n sign patterns, of which two are as extreme as can be; Holm multiplies "
        "the smallest p value by eight",
    ),
    Exercise(
        "10.4",
        "The paper reports $2.641\\pm0.003$ and $2.620\\pm0.006$ bits per dimension, three seeds "
        "each. Suppose that $\\pm$ is the **standard error** of the mean. What is $t$?",
        Number(),
        lambda: (2.641 - 2.620) / math.hypot(0.003, 0.006),
        "the difference over its standard error; the squares of the two errors add up",
    ),
]
