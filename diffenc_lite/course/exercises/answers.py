"""What an answer can be found to be, and the ways not to be right."""

import inspect
from typing import Any

import numpy as np
import sympy
import torch


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


def as_array(value: Any) -> np.ndarray | None:
    """Real numbers from lists, numpy, torch or SymPy as an array (True is 1), else None."""
    try:
        if isinstance(value, list | tuple) and any(isinstance(v, torch.Tensor) for v in value):
            value = [as_array(v) for v in value]
        array = np.array(value.tolist() if hasattr(value, "tolist") else value)
        if array.dtype.kind == "O":  # as of SymPy
            array = np.array([float(v) for v in array.ravel()]).reshape(array.shape)
        return array.astype(np.float64) if array.dtype.kind in "iufb" else None
    except (TypeError, ValueError, RuntimeError, OverflowError, RecursionError):
        return None


def as_number(value: Any) -> float | None:
    """One of them, alone or in a list, as a float, else None."""
    array = None if isinstance(value, bool) else as_array(value)
    return None if array is None or array.size != 1 else float(array.item())


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


def refuse_stub(found: Any, f: Any = None) -> None:
    """Raises Unanswered for a stub, or what it returns; NotRight if f does more than a stub."""
    if found is None and inspect.isfunction(f) and f.__code__.co_names:
        raise NotRight(": it returns nothing; its `return` is missing")
    if found is None or found is ...:
        raise Unanswered


def as_expression(given: Any) -> Any:
    """A SymPy expression, and no function; else None"""
    return given if isinstance(given, sympy.Expr) and not isinstance(given, sympy.Lambda) else None
