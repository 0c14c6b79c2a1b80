"""Answers of notebook 12, derived a second time: by hand, in Python or as a figure."""

import math

from by_hand.tools import step_cost

RIGHT = {
    "12.1": lambda w, n, D: n / math.log(2) * step_cost(w, 2 * D * math.log(2) / n, 1),
    "12.2": lambda n, L: n * step_cost(1 / (1 + 2 * L / n), 2 * L / n, 1),
    "12.3": 0.103759,  # 1/2 - (1/4) 1.584963, the logarithm of 3 to the base 2
    "12.4": lambda m: math.hypot(1, math.sqrt(m)),  # the gap on top of sigma_Q^2
}
