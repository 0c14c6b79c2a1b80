"""How much do pictures x tell about other pictures y? Fits on some examples, judged on others.

Each fit takes x and y of the examples it may learn from, and x of new ones; it returns a guess at
their y, which `explained` holds against the truth (R^2). What they look at grows: one pixel of x
(`pixelwise`), its surroundings (`patchwise`), all of x (`whole_image`). `by_class` sees the label.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def explained(y_new: Tensor, guess: Tensor, y: Tensor) -> float:
    """R^2 = 1 - ||y_new - guess||^2 / ||y_new - mean y||^2: the share of what differs from picture
    to picture that the guess gets right. 1 is all, 0 is no better than always guessing the mean
    picture of the examples y, and below 0 is worse.

    Raises ValueError if the pictures do not differ from that mean.
    """
    spread = (y_new - y.mean(0)).square().sum()
    if spread == 0:
        raise ValueError("y_new must differ from the mean of y: with no spread there is no R^2")
    return 1 - ((y_new - guess).square().sum() / spread).item()


def pixelwise(x: Tensor, y: Tensor, x_new: Tensor) -> Tensor:
    """A straight line for each pixel, from that pixel of x: (N, C, H, W) -> as x_new.

    A pixel that is the same in all examples of x gets a slope of 0.
    """
    dx, dy = x - x.mean(0), y - y.mean(0)
    variance = dx.square().sum(0)
    slope = (dx * dy).sum(0) / torch.where(variance > 0, variance, 1)
    return y.mean(0) + slope * (x_new - x.mean(0))


def local_kernel(x: Tensor, y: Tensor, size: int = 5) -> Tensor:
    """The one (size, size) filter that best makes y of x, both less their mean picture: least
    squares over all pixels, black ones beyond the border.

    Args: x, y (N, 1, H, W); size odd.
    """
    if size % 2 == 0:
        raise ValueError(f"size must be odd, so that a patch has a middle; got {size}")
    gram, moment = x.new_zeros(size**2, size**2), x.new_zeros(size**2, 1)
    for dx, dy in zip((x - x.mean(0)).split(250), (y - y.mean(0)).split(250), strict=True):
        patches = _patches(dx, size)  # large: that is why not all at once
        gram, moment = gram + patches.T @ patches, moment + patches.T @ dy.reshape(-1, 1)
    return torch.linalg.lstsq(gram, moment).solution.reshape(size, size)


def patchwise(x: Tensor, y: Tensor, x_new: Tensor, size: int = 5) -> Tensor:
    """A line from the size x size pixels round each pixel, the same everywhere: `local_kernel`."""
    patches = _patches(x_new - x.mean(0), size)
    return y.mean(0) + (patches @ local_kernel(x, y, size).flatten()).reshape(x_new.shape)


def _patches(x: Tensor, size: int) -> Tensor:
    """(N, 1, H, W) -> (N H W, size^2)"""
    return F.unfold(x, size, padding=size // 2).transpose(1, 2).flatten(0, 1)


def whole_image(x: Tensor, y: Tensor, x_new: Tensor, penalty: float = 0.01) -> Tensor:
    """A line from all pixels to each pixel. (N, ...) -> as x_new.

    Ridge regression: the squared weights count too, `penalty` times the number of examples.
    """
    dx, dy = (x - x.mean(0)).flatten(1), (y - y.mean(0)).flatten(1)
    gram = dx.T @ dx + penalty * len(x) * torch.eye(dx.shape[1], dtype=x.dtype, device=x.device)
    weights = torch.linalg.solve(gram, dx.T @ dy)
    return y.mean(0) + ((x_new - x.mean(0)).flatten(1) @ weights).reshape(x_new.shape)


def by_class(labels: Tensor, y: Tensor, labels_new: Tensor) -> Tensor:
    """The mean picture of the class: (N,), (N, ...), (M,) -> (M, ...).

    Raises ValueError if a new example is of a class that has no example to learn from.
    """
    unknown = sorted(set(labels_new.tolist()) - set(labels.tolist()))
    if unknown:
        raise ValueError(f"labels must contain every class of labels_new; missing {unknown}")
    guess = torch.empty(len(labels_new), *y.shape[1:], dtype=y.dtype, device=y.device)
    for label in labels_new.unique():
        guess[labels_new == label] = y[labels == label].mean(0)
    return guess
