"""The exercises of the notebooks: `ask("04.2")` shows one, `check("04.2", answer)` judges it.

An answer is a number, a function or a SymPy expression, as the exercise says. The verdict is right,
not right (with a hint), not yet answered, or which form is expected; the answer itself is never
printed. Whatever is given, `check` prints a verdict and raises nothing.

A function is tried on inputs drawn from a fixed seed, so that the text is the same in every run. An
expression counts as equal to the answer when the two agree to 12 digits, computed with 30, at the
same inputs: unlike a call of `simplify` this needs no luck with the form, and a wrong formula does
not survive it. Symbols are matched by name, so their assumptions do not matter.

In a notebook, and in the versions for students that `student.py` makes, an exercise is three cells:

    ask("04.2")                                     a cell that shows the question

    answer = ...  # your answer here                the stub
    check("04.2", answer)

    ### BEGIN SOLUTION                              the solution, tagged `solution`
    answer = 3 * sympy.Symbol("gamma")
    check("04.2", answer)
    ### END SOLUTION
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .forms import Exercise, Formula, Number
from .registry import EXERCISES

_TRIES = 24


@dataclass(frozen=True)
class Verdict:
    """Whether an answer is right, and the sentence that `check` prints."""

    right: bool
    text: str


class _Unanswered(Exception):
    """The answer is still the stub."""


class _WrongForm(Exception):
    """Not something that could be an answer; the text says what it is."""


class _Wrong(Exception):
    """Of the right form, but not right; the text, which may be empty, says where."""


def ask(number: str) -> None:
    """Show the question as Markdown. Raises ValueError for a number that does not exist."""
    from IPython.display import Markdown, display

    exercise = _find(number)
    display(
        Markdown(
            f"**Exercise {number}.** {exercise.question}\n\n*Expected: {exercise.form.describe()}.*"
        )
    )


def check(number: str, answer: Any) -> None:
    """Print the verdict on an answer. Raises ValueError for a number that does not exist."""
    print(judge(number, answer).text)


def judge(number: str, answer: Any) -> Verdict:
    """The verdict on an answer, for graders. Raises ValueError for an unknown number only."""
    exercise = _find(number)
    expected = f"Expected: {exercise.form.describe()}."
    try:
        if isinstance(exercise.form, Number):
            _judge_number(exercise, exercise.form, answer)
        else:
            _judge_formula(exercise, exercise.form, answer)
    except _Unanswered:
        return Verdict(False, f"Exercise {number}: not yet answered. {expected}")
    except _WrongForm as form:
        return Verdict(False, f"Exercise {number}: {form}. {expected}")
    except _Wrong as where:
        hint = exercise.hint if exercise.hint.endswith("?") else f"{exercise.hint}."
        return Verdict(False, f"Exercise {number}: not right{where}. Hint: {hint}")
    except (Exception, SystemExit) as error:  # an answer may be an object that breaks in any way
        return Verdict(
            False, f"Exercise {number}: looking at it raised {type(error).__name__}. {expected}"
        )
    return Verdict(True, f"Exercise {number}: right.")


def _find(number: str) -> Exercise:
    try:
        return EXERCISES[number]
    except (KeyError, TypeError):
        raise ValueError(
            f"number must be that of an exercise, one of {', '.join(EXERCISES)}; got {number!r}"
        ) from None


# --- numbers -------------------------------------------------------------------------------------


def _judge_number(exercise: Exercise, form: Number, answer: Any) -> None:
    if _is_stub(answer):
        raise _Unanswered
    value = _as_number(answer)
    if value is None:
        raise _WrongForm(f"this is {_describe(answer)}")
    assert callable(exercise.answer)
    right = exercise.answer()
    if not abs(value - right) <= form.tolerance * abs(right):
        raise _Wrong("")


def _is_stub(answer: Any) -> bool:
    return answer is None or answer is ...


def _as_number(value: Any) -> float | None:
    """One real number from Python, numpy, torch or SymPy as a float; None for anything else."""
    try:
        if hasattr(value, "item"):  # numpy and torch; refused if it holds more than one
            value = value.item()
        if isinstance(value, (bool, str, bytes)):
            return None
        return float(value)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return None


def _describe(answer: Any) -> str:
    shape = getattr(answer, "shape", None)
    if isinstance(shape, tuple):
        return f"an array of shape {tuple(shape)}"
    if _as_number(answer) is not None:
        return "a number"
    if callable(answer):
        return "a function"
    names = {"str": "a string", "bool": "True or False", "complex": "a complex number"}
    kind = type(answer).__name__
    return names.get(kind, f"an object of type {kind}")


# --- formulas ------------------------------------------------------------------------------------


def _judge_formula(exercise: Exercise, form: Formula, answer: Any) -> None:
    if _is_stub(answer):
        raise _Unanswered
    assert isinstance(exercise.answer, str)
    inputs = _draw_inputs(exercise.number, form)
    right = _parse(exercise.answer, list(form.ranges))
    outputs: Iterable[Any]
    if _is_expression(answer):
        _check_names(answer, list(form.ranges))
        outputs = (_evaluate(answer, point) for point in inputs)
        digits = 1e-12
    elif callable(answer):
        outputs = _try_function(answer, inputs)
        digits = 1e-6
    else:
        raise _WrongForm(f"this is {_describe(answer)}")
    for point, output in zip(inputs, outputs, strict=True):
        expected = _evaluate(right, point)
        if isinstance(
            output, float
        ):  # of a function; it may be infinite, which SymPy cannot compare
            expected = float(expected)
        if not abs(output - expected) <= digits * abs(expected):
            where = ", ".join(f"{name} = {value:.4g}" for name, value in point.items())
            raise _Wrong(f", for example at {where}")


def _draw_inputs(seed: str, form: Formula) -> list[dict[str, float]]:
    """The same inputs in every run, on every machine and in every version of Python."""
    numbers = random.Random(seed)

    def draw(low: float, high: float) -> float:
        if low > 0 and high > 1000 * low:
            return math.exp(math.log(low) + (math.log(high) - math.log(low)) * numbers.random())
        return low + (high - low) * numbers.random()

    return [{name: draw(*ends) for name, ends in form.ranges.items()} for _ in range(_TRIES)]


def _is_expression(answer: Any) -> bool:
    import sympy

    return isinstance(answer, sympy.Expr) and not isinstance(answer, sympy.Lambda)


def _parse(text: str, names: list[str]) -> Any:
    import sympy

    return sympy.sympify(text, locals={name: sympy.Symbol(name) for name in names})


def _check_names(expression: Any, names: list[str]) -> None:
    strange = sorted({symbol.name for symbol in expression.free_symbols} - set(names))
    if strange:
        raise _WrongForm(f"the expression has other symbols, {', '.join(strange)}")


def _evaluate(expression: Any, point: dict[str, float]) -> Any:
    """The value at a point, with 30 digits. Raises _Wrong where it has no finite real value."""
    import sympy

    values = {s: sympy.Float(point[s.name], 30) for s in expression.free_symbols}
    value = expression.subs(values).doit().evalf(30)
    if not value.is_finite or not value.is_real:
        raise _Wrong(": it has no finite real value at some input")
    return value


def _try_function(f: Callable[..., Any], inputs: list[dict[str, float]]) -> list[float]:
    """The outputs on floats, or on torch tensors if f cannot take floats.

    Raises _Unanswered for a stub, _WrongForm for outputs that are not numbers, _Wrong if f raises.
    """
    try:
        try:
            outputs = [f(*point.values()) for point in inputs]
        except (TypeError, AttributeError):  # as torch.exp(0.5) or (0.5).exp() would raise
            outputs = [f(*map(_to_torch, point.values())) for point in inputs]
    except NotImplementedError:
        raise _Unanswered from None
    except (Exception, SystemExit) as error:
        complaint = f"{type(error).__name__}: {error}".splitlines()[0].rstrip(": ")
        raise _Wrong(f", the function raised {complaint}") from None
    if all(map(_is_stub, outputs)):
        raise _Unanswered
    values = []
    for output in outputs:
        value = _as_number(output)
        if value is None:
            raise _WrongForm(f"the function returned {_describe(output)}")
        values.append(value)
    return values


def _to_torch(value: float) -> Any:
    import torch

    return torch.tensor(value, dtype=torch.float64)
