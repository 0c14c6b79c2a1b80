"""Checks of arguments that many functions share: numbers, shapes and generators."""

import math
import operator
from collections.abc import Callable, Iterable
from numbers import Real
from typing import Any

import torch
from torch import Tensor


def has_bool_or_complex(given: Any) -> bool:
    """Whether it is, or has in it, a bool, which as a number would be 1 or 0, or a complex number,
    which would lose a part."""
    if isinstance(given, list | tuple):
        return any(has_bool_or_complex(value) for value in given)
    kind = str(getattr(given, "dtype", type(given).__name__)).removeprefix("torch.")
    return kind.startswith(("bool", "complex"))


def as_whole(
    name: str, given: Any, least: int = 1, most: int | None = None, kind: str = "a whole number"
) -> int:
    """The argument as an int. Integers of NumPy, SymPy and torch are whole numbers too.

    Raises ValueError, naming the argument, for a bool, a float (2.0 too), and out of range."""
    try:
        number = None if has_bool_or_complex(given) else operator.index(given)
    except TypeError:
        number = None
    if number is None or number < least or (most is not None and number > most):
        accepted = f"at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} must be {kind}, {accepted}; got {given!r}")
    return number


def as_real(
    name: str,
    given: Any,
    accepted: str = "a finite number",
    fits: Callable[[Any], bool] = math.isfinite,
) -> float:
    """The argument as a float; ValueError, naming it, if it is no finite number that fits."""
    number = isinstance(given, Real) and not isinstance(given, bool)
    if not number or not math.isfinite(given) or not fits(given):
        raise ValueError(f"{name} must be {accepted}; got {given!r}")
    return float(given)


def as_floats(name: str, given: Any, accepted: str = "numbers") -> Tensor:
    """A copy of a float tensor; other numbers in float64, so that no digit is lost. Raises
    ValueError, naming the argument, for what are no numbers, as bools."""
    if isinstance(given, Tensor) and given.is_floating_point():
        return given.clone()
    try:
        if not has_bool_or_complex(given):
            return torch.as_tensor(given, dtype=torch.float64).clone()
    except (TypeError, ValueError, RuntimeError):
        pass
    raise ValueError(f"{name} must be {accepted}; got {given!r}")


def check_one_of(name: str, given: Any, accepted: Iterable[Any]) -> None:
    """Raise ValueError, naming the argument, for what is not accepted."""
    known = list(accepted)
    if not any(isinstance(given, type(one)) and given == one for one in known):  # 1.0 is not True
        raise ValueError(f"{name} must be one of {', '.join(map(str, known))}; got {given!r}")


def in_shape_of(name: str, given: Any, other: Tensor, of: str) -> Tensor:
    """What was given or returned, if it is a tensor in the shape of the other. Args: name and of,
    of the two, for the message. Raises TypeError if it is no tensor of real numbers, ValueError for
    another shape."""
    if not isinstance(given, Tensor) or has_bool_or_complex(given):
        got = given.dtype if isinstance(given, Tensor) else type(given).__name__
        raise TypeError(f"{name} must be a tensor of numbers; got {got}")
    if given.shape != other.shape:
        wanted = f"the shape of {of}, {tuple(other.shape)}"
        raise ValueError(f"{name} must have {wanted}; got {tuple(given.shape)}")
    return given


def as_shape(given: Any) -> tuple[int, ...]:
    """The argument `shape` as a tuple of whole numbers, at least one of them."""
    if not isinstance(given, tuple | list) or not given:
        raise ValueError(f"shape must be a tuple such as (1, 28, 28); got {given!r}")
    return tuple(as_whole("shape", length) for length in given)


def brief(values: Tensor) -> str:
    """A tensor in a message: at most nine of its numbers, or one if all are alike."""
    numbers = [f"{value:.4g}" for value in values.flatten().tolist()]
    if len(set(numbers)) == 1:
        return numbers[0]
    return "[" + ", ".join(numbers if len(numbers) <= 9 else [*numbers[:8], "..."]) + "]"


def device_of_draws(generator: torch.Generator | None, like: Tensor) -> torch.device:
    """Where to draw: on the generator's device, so that one on the CPU serves every device with the
    same draws; with none, on that of `like`."""
    if generator is None:
        return like.device
    if not isinstance(generator, torch.Generator):
        raise TypeError(f"generator must be None or a torch.Generator; got {generator!r}")
    return generator.device
