"""Answers of notebook 03, derived a second time: by hand, in Python or as a figure."""

import math

RIGHT = {
    "03.1": lambda g_s, g_t: math.exp(-g_s) * -math.expm1(g_s - g_t) / 2,
    "03.2": lambda a: 1 / a,
    "03.3": lambda s2, g0, g1: (
        0.5 * math.log1p(s2 * math.exp(-g0)) - 0.5 * math.log1p(s2 * math.exp(-g1))
    ),
    "03.4": 18.3 / 4 * (13.3 - 0.006715 - 0.993307),  # (18.3 / 4) integral of sigmoid(-gamma)^2
}
