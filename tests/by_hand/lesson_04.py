"""Answers of notebook 04, derived a second time: by hand, in Python or as a figure."""

import math

from by_hand.tools import alpha2, sigma2

RIGHT = {
    "04.1": lambda a, x: a * (a**2 * x),
    "04.2": lambda g: math.exp(-g) * alpha2(g) ** 2,
    "04.3": lambda x, g: (alpha2(g) + sigma2(g) * g) * x - g * x - x,
    "04.4": lambda s: 1 + s * s,
    "04.5": lambda g_s, g_t: (
        (alpha2(g_s) - alpha2(g_t)) / ((g_t - g_s) * sigma2(g_t) * alpha2(g_t))
    ),
}
