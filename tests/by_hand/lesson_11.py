"""Answers of notebook 11, derived a second time: by hand, in Python or as a figure."""

from by_hand.tools import alpha2, sigma2

RIGHT = {
    "11.1": 0.38599,  # ln 511 = 6.236370
    "11.2": lambda x, g_s, g_t: (sigma2(g_s) - sigma2(g_t)) * x / (g_t / 18.3 - g_s / 18.3),
    "11.3": lambda x, x_t, g: (x_t - alpha2(g) * x) / sigma2(g),
    "11.4": lambda m, k, s: (m + s * s * (m + k)) / (1 + s * s),
}
