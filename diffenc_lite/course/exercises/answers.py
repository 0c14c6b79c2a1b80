"""What an answer can be found to be, and the ways not to be right."""

from typing import Any

import sympy


class Unanswered(Exception):
    """The answer is still the stub."""


class WrongForm(Exception):
    """Not something that could be an answer; the text says what it is."""


class NotRight(Exception):
    """Of the right form, but not right; the texts, which may be empty, say where, the mistake if it
    has a name, and which output."""

    def __init__(self, where: str = "", mistake: str = "", output: str = ""):
        super().__init__(where)
        self.mistake, self.output = mistake, output


class ExerciseError(ValueError):
    """The exercise is at fault, not the answer."""


def as_number(value: Any) -> float | None:
    """One real number, alone or in a list, from Python, numpy, torch or SymPy as a float, else
    None."""
    try:
        while isinstance(value, list | tuple) and len(value) == 1:
            (value,) = value
        if hasattr(value, "item"):  # numpy and torch; refused if it holds more than one
            value = value.item()
        if isinstance(value, (bool, str, bytes)):
            return None
        return float(value)
    except (TypeError, ValueError, RuntimeError, OverflowError, RecursionError):
        return None


def kind_of(answer: Any) -> str:
    shape = getattr(answer, "shape", None)
    if isinstance(shape, tuple):
        return f"an array of shape {tuple(shape)}"
    if not isinstance(answer, list | tuple) and as_number(answer) is not None:
        return "a number"
    if as_expression(answer) is not None:
        return "a SymPy expression"
    if callable(answer):
        return "a function"
    names = {"str": "a string", "bool": "True or False", "complex": "a complex number"}
    kind = type(answer).__name__
    return names.get(kind, f"an object of type {kind}")


def as_expression(given: Any) -> Any:
    """A SymPy expression, and no function; else None"""
    return given if isinstance(given, sympy.Expr) and not isinstance(given, sympy.Lambda) else None
