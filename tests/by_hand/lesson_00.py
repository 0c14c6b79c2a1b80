"""Answers of notebook 00, derived a second time: by hand, in Python or as a figure."""

import math

from by_hand.tools import alpha2, sigma2

RIGHT = {
    "00.1": 1.84017,
    "00.2": 0.726776,
    "00.3": lambda x, eps, g: math.sqrt(alpha2(g)) * x + math.sqrt(sigma2(g)) * eps,
}
