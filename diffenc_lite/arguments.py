"""The one check of whole numbers, for every argument that counts something."""

import operator
from typing import Any


def whole(name: str, given: Any, least: int = 1, most: int | None = None) -> int:
    """The argument as an int. Integers of NumPy, SymPy and torch are whole numbers too.

    Raises ValueError, naming the argument, for a bool, a float (2.0 too), and out of range.
    """
    try:
        number = None if isinstance(given, bool) else operator.index(given)
    except TypeError:
        number = None
    if number is None or number < least or (most is not None and number > most):
        accepted = f"at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} must be a whole number, {accepted}; got {given!r}")
    return number
