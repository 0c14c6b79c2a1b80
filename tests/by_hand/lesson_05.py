"""Answers of notebook 05, derived a second time: by hand, in Python or as a figure."""

from by_hand.tools import alpha2, kl, sigma2

RIGHT = {
    "05.1": lambda s: (1 + s**2) ** 2 / (1 + 2 * s**2),
    "05.2": lambda p: p / 2,
    "05.3": lambda s2, g: kl(0, alpha2(g) * s2 + sigma2(g), 0, 1),
    "05.4": 0.050976,
}
