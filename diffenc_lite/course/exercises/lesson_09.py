"""Exercises of notebook 09, Training on MNIST."""

from __future__ import annotations

import math

from .forms import Exercise, Number


def _prior_of_black() -> float:
    x, alpha2 = 1 - 1 / 256, 1 / (1 + math.exp(5.0))
    sigma2 = 1 - alpha2
    return 0.5 * (alpha2 * x**2 + sigma2 - math.log(sigma2) - 1) / math.log(2)


def _untrained_diffusion() -> float:
    softplus = [math.log1p(math.exp(-gamma)) for gamma in (-13.3, 5.0)]
    return softplus[0] - softplus[1]


EXERCISES = [
    Exercise(
        "09.1",
        "Before training: what will the prior loss (L0) of a VDM be on a black pixel (level 0 of "
        "256) with $\\gamma_1 = 5$, in bits?",
        Number(),
        _prior_of_black,
        "use 02.1 with x = 1/256 - 1, and turn nats into bits",
    ),
    Exercise(
        "09.2",
        "Before training the network adds nothing, so $\\hat v = z$. What diffusion loss does that "
        "VDM have at infinite depth for a pixel with $x^2 = 1$, in **nats** "
        "($\\gamma$ from $-13.3$ to $5$)?",
        Number(),
        _untrained_diffusion,
        "v - z = (alpha - sigma) eps - (alpha + sigma) x: square it, take the mean over eps, and "
        "integrate over gamma",
    ),
    Exercise(
        "09.3",
        "The averaged weights keep $0.9999$ of themselves at each update. After how many updates "
        "is half of their content newer than the start?",
        Number(),
        lambda: math.log(2) / -math.log(0.9999),
        "after n updates the share of the start is 0.9999 to the power n",
    ),
]
