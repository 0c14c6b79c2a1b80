"""Answers of notebook 08, derived a second time: by hand, in Python or as a figure."""

import math

RIGHT = {
    "08.1": lambda n: math.log2(n) / 2,
    "08.2": 8.954962e-5,  # that of the mixture before rounding, by the quadrature of exact.py
    "08.3": lambda q, a, b: sum(0.5 * math.exp(-g) * q * math.exp(g) for g in (a, b)) / 2 * (b - a),
    "08.4": lambda m, s: m + s * s * m,  # E[x_t + sigma^2 u | z_t]
}
