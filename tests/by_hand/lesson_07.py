"""Answers of notebook 07, derived a second time: by hand, in Python or as a figure."""

import math

from by_hand.tools import alpha2

RIGHT = {
    "07.1": lambda g_s, g_t: 1 / (0.5 * math.expm1(g_t - g_s) * alpha2(g_t)),
    "07.2": 0.363275,  # SNR 774.4, the root of 597,196.6 * 1.006738, less 1
    "07.3": lambda s, t, mse: 1 / (1 + 2 * (0.5 * (s - t) * mse)),
    "07.4": lambda s, u, at_u, at_t: (
        # the one from t to s, less the two: SNR(t) cancels, so any value will do
        0.5 * (s - 0.01) * at_t - 0.5 * (s - u) * at_u - 0.5 * (u - 0.01) * at_t
    ),
}
