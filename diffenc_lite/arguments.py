"""Checks of arguments that many functions share: whole numbers, and generators."""

import operator
from typing import Any

import torch
from torch import Tensor


def whole(name: str, given: Any, least: int = 1, most: int | None = None) -> int:
    """The argument as an int. Integers of NumPy, SymPy and torch are whole numbers too.

    Raises ValueError, naming the argument, for a bool, a float (2.0 too), and out of range."""
    try:
        truth = isinstance(given, bool) or getattr(given, "dtype", None) is torch.bool
        number = None if truth else operator.index(given)
    except TypeError:
        number = None
    if number is None or number < least or (most is not None and number > most):
        accepted = f"at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} must be a whole number, {accepted}; got {given!r}")
    return number


def device_of_draws(generator: torch.Generator | None, like: Tensor) -> torch.device:
    """Where to draw: on the generator's device, so that one on the CPU serves every device with the
    same draws; with none, on that of `like`."""
    if generator is None:
        return like.device
    if not isinstance(generator, torch.Generator):
        wanted = "None or a torch.Generator, such as torch.Generator().manual_seed(0)"
        raise TypeError(f"generator must be {wanted}; got {generator!r}")
    return generator.device
