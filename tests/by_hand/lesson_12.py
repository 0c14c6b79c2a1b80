"""Answers of notebook 12, derived a second time: by hand, in Python or as a figure."""

import itertools
import math

import torch
from by_hand.tools import alpha2, step_cost


def threshold(n):
    """By bisection of the two costs, in bits."""

    def saved(bits):
        m = 2 * bits * math.log(2) / n
        return n * (step_cost(1.0, m, 1) - step_cost(0.5, m, 1))

    low, high = 0.0, 10.0 * n
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if saved(middle) < 0 else (low, middle)
    return low


def distance(a, b, same=False, factor=2):
    def k(x, y):
        return (float(x @ y) / len(x) + 1) ** 3

    def within(s):
        pairs = itertools.product(s, s) if same else itertools.permutations(s, 2)
        values = [k(x, y) for x, y in pairs]
        return sum(values) / len(values)

    across = [k(x, y) for x, y in itertools.product(a, b)]
    return torch.tensor(within(a) + within(b) - factor * sum(across) / len(across))


S, T = -13.3 + 18.3 * 0.75, 5.0
RIGHT = {
    "12.1": threshold,
    "12.2": 0.103759,  # 1/2 - (1/4) 1.584963, the logarithm of 3 to the base 2
    "12.3": distance,
    # tau / (c x_t): c x_t + (alpha_s^2 - alpha_t^2) x in units of c alpha_t^2 x
    "12.4": (1 + (alpha2(S) / alpha2(T) - 1) / -math.expm1(S - T)) / (2 - alpha2(T)),
}
WRONG = {
    "12.3": [
        lambda a, b: distance(a, b, same=True),
        lambda a, b: distance(a, b, factor=1),
    ],
}
