"""How well can images y be predicted from images x? Fitted on some examples, tested on others.

`pixelwise` takes x and y of the examples to fit, and x of new examples. It returns a prediction of
their y, from the same pixel of x; `explained` gives its R^2.
"""

import torch
from torch import Tensor


def explained(y_new: Tensor, guess: Tensor, y: Tensor) -> float:
    """R^2 = 1 - ||y_new - guess||^2 / ||y_new - mean y||^2, the explained part of the variance.

    1 is a perfect prediction. 0 is as good as the mean of y, the examples of the fit; below 0 is
    worse than that. Raises ValueError if y_new is equal to the mean of y.
    """
    spread = (y_new - y.mean(0)).square().sum()
    if spread == 0:
        raise ValueError(
            "y_new must differ from the mean of y, or R^2 is not defined; got the mean itself"
        )
    return 1 - ((y_new - guess).square().sum() / spread).item()


def pixelwise(x: Tensor, y: Tensor, x_new: Tensor) -> Tensor:
    """Linear regression of each pixel of y on the same pixel of x; (N, C, H, W) -> shape of x_new.

    If a pixel of x is the same in all examples, its slope is 0.
    """
    dx, dy = x - x.mean(0), y - y.mean(0)
    variance = dx.square().sum(0)
    slope = (dx * dy).sum(0) / torch.where(variance > 0, variance, 1)
    return y.mean(0) + slope * (x_new - x.mean(0))
