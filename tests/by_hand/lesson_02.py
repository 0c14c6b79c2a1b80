"""Answers of notebook 02, derived a second time: by hand, in Python or as a figure."""

import math

from by_hand.tools import kl, step_cost

RIGHT = {
    "02.1": lambda a, x: kl(a * x, 1 - a**2, 0, 1),
    "02.2": 784 * 0.005227,
    "02.3": step_cost,
    "02.4": lambda z, a, s: (
        (math.exp(-((z - a) ** 2) / (2 * s**2)) - math.exp(-((z + a) ** 2) / (2 * s**2)))
        / (math.exp(-((z - a) ** 2) / (2 * s**2)) + math.exp(-((z + a) ** 2) / (2 * s**2)))
    ),
    "02.5": lambda s2, snr: 1 / (1 / s2 + snr),
}
