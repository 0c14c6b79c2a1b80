"""Exercises of notebook 06, The noise variance ratio."""

from __future__ import annotations

import math

from .forms import POSITIVE, Exercise, Formula, Number


def _ratio_that_costs_a_nat() -> float:
    low, high = 1.0, 2.0
    for _ in range(60):
        w = (low + high) / 2
        low, high = (w, high) if 1000 * (w - 1 - math.log(w)) / 2 < 1 else (low, w)
    return low


EXERCISES = [
    Exercise(
        "06.1",
        "The data are $N(0, s_2)$, the encoder is the identity and the denoiser is exact. What is "
        "the best ratio $w^*$ of the step from $t$ down to $s$? A formula in "
        "`s_2, gamma_s, gamma_t`.",
        Formula({"s_2": POSITIVE, "gamma_s": (-5.0, 0.0), "gamma_t": (0.5, 5.0)}),
        "(1 + s_2*exp(-gamma_t))/(1 + s_2*exp(-gamma_s))",
        "m is twice what 03.1 charges for the error of 02.5; then W1",
    ),
    Exercise(
        "06.2",
        "How much does the best ratio save in one step against $w=1$, in nats per dimension? A "
        "formula in `m`, the mean squared gap in units of $d\\,\\sigma_Q^2$.",
        Formula({"m": (1e-2, 1e3)}),
        "(m - log(1 + m))/2",
        "take the cost of the step at both ratios, and the difference; for small m it must go like "
        "the square of m",
    ),
    Exercise(
        "06.3",
        "A chain has 1000 steps. Which constant ratio $w > 1$ adds exactly **one nat per "
        "dimension** by the price of its variance alone, $T\\,\\frac12(w-1-\\ln w)$?",
        Number(),
        _ratio_that_costs_a_nat,
        "W2 with kappa = 2 comes near, but not within a thousandth of w - 1: solve the equation "
        "itself",
    ),
    Exercise(
        "06.4",
        "Two dimensions have gaps $m_1$ and $m_2$ in one step. How many nats does a ratio for each "
        "of them save against the best shared one (W5)? A formula in `m_1, m_2`.",
        Formula({"m_1": POSITIVE, "m_2": POSITIVE}),
        "log(1 + (m_1 + m_2)/2) - log(1 + m_1)/2 - log(1 + m_2)/2",
        "the shared ratio sees the mean of the two, and d = 2; if the two are equal nothing is "
        "saved",
    ),
]
