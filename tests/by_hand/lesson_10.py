"""Answers of notebook 10, derived a second time: by hand, in Python or as a figure."""

import math

from by_hand.tools import alpha2, kl

RIGHT = {
    "10.1": lambda c, g: kl(math.sqrt(alpha2(g)) * c, 0.7, 0, 1) - kl(0, 0.7, 0, 1),
    "10.2": lambda rho: math.sqrt(2 - 2 * rho) / math.sqrt(2),
    "10.3": 9,  # 1/256 < 1/160 < 1/128
    "10.4": 3.1305,  # 21 / sqrt(45)
}
