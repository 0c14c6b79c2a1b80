"""Answers of notebook 11, derived a second time: by hand, in Python or as a figure."""

import numpy as np


def least_squares(x, x_t, _):
    """The slope by NumPy's least squares, and R^2 as a squared correlation."""
    x, moved = (np.asarray(v - v.mean(0)).ravel() for v in (x, x_t - x))
    slope = np.linalg.lstsq(x[:, None], moved, rcond=None)[0][0]
    share = (x @ moved) ** 2 / (x @ x) / (moved @ moved)  # no intercept: both have the mean 0
    return slope, share


def with_means(x, x_t, _):
    """The mean picture left in."""
    moved = x_t - x
    slope = (moved * x).sum() / x.square().sum()
    return slope, 1 - (moved - slope * x).square().sum() / moved.square().sum()


RIGHT = {"11.1": least_squares}
WRONG = {"11.1": [with_means]}
