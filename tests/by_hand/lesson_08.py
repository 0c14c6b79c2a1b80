"""Answers of notebook 08, derived a second time: by hand, in Python or as a figure."""

import math

import numpy as np


def by_difference(scores, perfect, truth):
    """The mean difference of the two models, on top of the known mean of the perfect one."""
    apart = (scores - perfect).numpy()
    return truth + apart.mean(), apart.std(ddof=1) / len(apart) ** 0.5


def by_logarithms(first, second):
    own = np.log(first.numpy()).mean(1) - np.log(second.numpy()).mean(1)
    error = math.sqrt(((own - own.mean()) ** 2).sum() / 9 / 10)
    return tuple(math.exp(own.mean() + k * 2.685 * error) for k in (0, -1, 1))


def broken_control(scores, perfect, truth, known=False, root=False):
    better = scores - (perfect - (truth if known else perfect.mean()))
    return better.mean(), better.std() / len(better) ** (0.5 if root else 1)


def of_all_forty(first, second):
    """Every run for itself, as if the widths of a seed were independent"""
    logs = (first / second).log2().flatten()
    reach = 2.685 * logs.std() / math.sqrt(len(logs))
    return 2 ** logs.mean(), 2 ** (logs.mean() - reach), 2 ** (logs.mean() + reach)


RIGHT = {
    "08.1": by_difference,
    "08.2": 8.954962e-5,  # that of the mixture before rounding, by the quadrature of exact.py
    "08.3": by_logarithms,
    "08.4": "c",
}

WRONG = {
    "08.1": [
        broken_control,
        lambda *given: broken_control(*given, known=True),
        lambda *given: broken_control(*given, root=True),
    ],
    "08.3": [of_all_forty],
    "08.4": ["b", "d"],
}
