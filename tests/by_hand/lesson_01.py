"""Answers of notebook 01, derived a second time: by hand, in Python or as a figure."""

import math

from by_hand.tools import kl

RIGHT = {
    "01.1": kl,
    "01.2": lambda step: -math.expm1(-step),
    "01.3": lambda a_s, s_s, a_t, s_t: (
        1 / (1 / s_s**2 + (a_t / a_s) ** 2 / (s_t**2 - (a_t / a_s * s_s) ** 2))
    ),
    "01.4": lambda a_s, a_t, x_s, x_t: a_t / a_s * (a_s * x_s),
}
