"""How an answer of each form is compared with the right one.

`prepared(exercise)` works out what is right, and returns a function of an answer that returns
nothing if it is right and else raises one of three exceptions. So a mistake of the exercise shows
before an answer is looked at.

A formula counts as equal to the answer when the two agree at inputs drawn from a fixed seed, an
expression to 12 digits and a function to 6: unlike a call of `simplify` this needs no luck with the
form, and a wrong formula does not survive it. Symbols are matched by name, so their assumptions do
not matter.
"""

import inspect
import math
import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache, partial
from typing import Any

import mpmath
import numpy as np
import sympy
import torch

from ..ledger import zero
from . import levels
from .answers import (
    ExerciseError,
    NotRight,
    Unanswered,
    WrongForm,
    as_array,
    as_expression,
    as_number,
    kind_of,
    refuse_stub,
)
from .forms import Choice, Exercise, Form, Formula, Number, Program, RightSide
from .mistakes import simple_mistake
from .writing import expression

Compare = Callable[[Any], None]

_TRIES = 24


@cache
def prepared(exercise: Exercise) -> Compare:
    """The function that compares an answer. Raises ExerciseError if it can't be made."""
    try:
        return _PREPARE[type(exercise.form)](exercise, exercise.form)
    except Exception as error:
        raise ExerciseError(
            f"{exercise.name} itself has a mistake, whatever the answer: "
            f"{type(error).__name__}: {str(error).lstrip(': ')}"
        ) from error


def named_mistake(exercise: Exercise, answer: Any) -> str:
    """What the exercise says of a wrong answer: the mistake that leads to the same; or nothing."""
    for sentence in exercise.mistakes:
        with suppress(NotRight, WrongForm, Unanswered):
            _prepared_mistake(exercise, sentence)(answer)
            return sentence
    return ""


@cache
def _prepared_mistake(exercise: Exercise, sentence: str) -> Compare:
    return prepared(replace(exercise, answer=exercise.mistakes[sentence]))


# --- numbers -------------------------------------------------------------------------------------


def _prepare_numbers(exercise: Exercise, form: Number) -> Compare:
    if not callable(exercise.answer):
        raise ValueError("its answer must be a function without arguments")
    right = as_array(exercise.answer())
    if right is None or right.size != form.count or not np.isfinite(right).all():
        raise ValueError(f"its answer must compute {form.count} finite numbers")

    def compare(answer: Any) -> None:
        values = as_array(answer)
        if values is None or isinstance(answer, bool):
            raise WrongForm(f"this is {kind_of(answer)}")
        if values.squeeze().shape != right.squeeze().shape:  # a row is as good as a list
            raise WrongForm(f"this is an array of shape {values.shape}")
        values = values.reshape(right.shape)
        _check_close(values, right, form, [values.ravel(), right.ravel()])

    return compare


# --- choices -------------------------------------------------------------------------------------


def _prepare_choice(exercise: Exercise, form: Choice) -> Compare:
    letters, right = {letter.lower() for letter in form.options}, str(exercise.answer).lower()
    if not set(right) <= letters:
        raise ValueError(f"its answer must be of the letters {', '.join(form.options)}")
    if len(right) != 1 and not form.many:
        raise ValueError("its answer must be one letter, or its form have many=True")

    def compare(answer: Any) -> None:
        if isinstance(answer, (list, tuple, set)) and all(isinstance(a, str) for a in answer):
            answer = "".join(answer)
        if not isinstance(answer, str):
            raise WrongForm(f"this is {kind_of(answer)}")
        chosen = set(re.sub(r"[\s,]", "", answer.lower()))
        if not chosen <= letters or (len(chosen) != 1 and not form.many):
            raise WrongForm(f'this is "{answer[:20]}"')
        if chosen != set(right):
            raise NotRight("")

    return compare


# --- formulas ------------------------------------------------------------------------------------


def _prepare_formula(exercise: Exercise, form: Formula) -> Compare:
    if not isinstance(exercise.answer, str):
        raise ValueError("its answer must be text")
    symbols = {name: sympy.Symbol(name) for name in form.ranges}
    formula, inputs = expression(exercise.answer, symbols), _draw_inputs(exercise.number, form)
    right = [_value(formula, point) for point in inputs]

    def compare(answer: Any) -> None:
        exact = expression(answer, symbols)
        if exact is not None:
            outputs, digits = [_value(exact, point) for point in inputs], 1e-12
        elif callable(answer):
            outputs, digits = _try_function(answer, inputs), 1e-6
        else:
            raise WrongForm(f"this is {kind_of(answer)}")
        pairs = list(zip(outputs, right, strict=True))
        slack = 1e-5 * max(map(abs, right))  # what single precision loses where numbers cancel
        near = digits == 1e-6 and all(abs(a - b) <= 1e-3 * abs(b) + slack for a, b in pairs)
        for point, (value, expected) in zip(inputs, pairs, strict=True):
            if not abs(value - expected) <= digits * abs(expected) + form.absolute:
                where = ", ".join(f"{name} = {value:.4g}" for name, value in point.items())
                named = "" if near else simple_mistake(outputs, right)
                raise NotRight(f", for example at {where}{near * ', but close (float64?)'}", named)

    return compare


def _draw_inputs(seed: str, form: Formula) -> list[dict[str, float]]:
    """The same inputs in every run, on every machine and in every version of Python."""
    numbers = random.Random(seed)

    def draw(low: float, high: float) -> float:
        if low > 0 and high > 1000 * low:
            return math.exp(math.log(low) + (math.log(high) - math.log(low)) * numbers.random())
        return low + (high - low) * numbers.random()

    points = [{name: draw(*ends) for name, ends in form.ranges.items()} for _ in range(_TRIES)]
    for point in points if form.noise else []:
        snr = math.exp(4 - 8 * numbers.random())  # so gamma is drawn
        point |= {"alpha": math.sqrt(snr / (1 + snr)), "sigma": math.sqrt(1 / (1 + snr))}
    return points


def _value(expression: Any, point: dict[str, float]) -> Any:
    values = {symbol: mpmath.mpf(point[symbol.name]) for symbol in expression.free_symbols}
    with mpmath.workdps(zero.DIGITS[0]):
        value = zero.value_at(expression, values)
    if value is None or abs(mpmath.im(value)) > 1e-30 * abs(value):
        raise NotRight(": it has no finite real value at some input")
    return mpmath.re(value)


def _try_function(f: Callable[..., Any], inputs: list[dict[str, float]]) -> list[Any]:
    """The outputs on floats, or on torch tensors if f cannot take floats.

    Raises Unanswered for a stub, WrongForm for outputs that are not numbers, NotRight if f raises.
    """
    floats = [tuple(point.values()) for point in inputs]
    with _judged():
        try:
            outputs = [f(*point) for point in floats]
        except (TypeError, AttributeError):  # as torch.exp(0.5) or (0.5).exp() would raise
            tensors = [torch.tensor(point, dtype=torch.float64) for point in floats]
            outputs = [f(*point.unbind()) for point in tensors]
    if all(output is None or output is ... for output in outputs):
        raise Unanswered
    values = [as_number(output) for output in outputs]
    if None in values:
        raise WrongForm(f"the function returned {kind_of(outputs[values.index(None)])}")
    return values


@contextmanager
def _judged() -> Iterator[None]:
    """What a function raises turned into a verdict"""
    try:
        yield
    except (NotRight, Unanswered):
        raise
    except (Exception, SystemExit) as error:
        if type(error) is NotImplementedError and not error.args:  # with a text it is PyTorch's
            raise Unanswered from None
        complaint = f"{type(error).__name__}: {error}".splitlines()[0].rstrip(": ")
        raise NotRight(f", the function raised {complaint}") from None


# --- programs ------------------------------------------------------------------------------------


def _prepare_program(exercise: Exercise, form: Program) -> Compare:
    if not callable(exercise.answer):
        raise ValueError("its answer must be a function")
    arguments_of = inspect.signature(exercise.answer).parameters

    def run(f: Callable[..., Any], i: int) -> Any:  # on new objects each time: f may change them
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(i)
            arguments = form.inputs(torch.Generator().manual_seed(i))
            return f(*arguments) if form.measure is None else form.measure(f, *arguments)

    outputs = [run(exercise.answer, i) for i in range(form.tries)]
    count = len(outputs[0]) if isinstance(outputs[0], tuple) else 1
    unnamed = [f"output {k + 1}" for k in range(count)] if count > 1 else ["the output"]
    right = [_parts(output, count) for output in outputs]
    if any(part is None for parts in right for part in parts):
        raise ValueError("its answer must return numbers")

    def compare(answer: Any) -> None:
        if not callable(answer) or as_expression(answer) is not None:
            raise WrongForm(f"this is {kind_of(answer)}")
        tried = []
        for i, expected in enumerate(right):
            with _judged():
                output = run(answer, i)
            refuse_stub(output, answer)
            tried.append(_parts(output, count))
            if len(tried[i]) != len(expected) or any(part is None for part in tried[i]):
                raise WrongForm(f"the function returned {kind_of(output)}")
        for k, name in zip(range(count), form.outputs or unnamed, strict=True):
            flat = [np.concatenate([one[k].ravel() for one in side]) for side in (tried, right)]
            for i, (parts, expected) in enumerate(zip(tried, right, strict=True)):
                _check_close(parts[k], expected[k], form, flat, name, partial(small_inputs, i))

    def small_inputs(i: int) -> str:
        with torch.random.fork_rng(devices=[]):
            given = form.inputs(torch.Generator().manual_seed(i))
        arrays = zip(arguments_of, map(as_array, given), strict=False)
        small = [(name, v) for name, v in arrays if v is not None and 0 < v.size < 4]
        shown = [f"{name} = {np.round(v, 4) if v.ndim else f'{v:.4g}'}" for name, v in small]
        return f", for {', '.join(shown)}" if shown else ""

    return compare


def _check_close(
    values: Any,
    right: Any,
    form: Number | Program,
    flat: list[Any],
    output: str = "",
    inputs: Callable[[], str] = str,
) -> None:
    """Raises NotRight where values and right ones differ, with both if they are an output; `flat`
    has those of all tries. A number in brackets is a number."""
    if values.size == right.size == 1:
        values = values.reshape(right.shape)
    if values.shape != right.shape:
        raise NotRight(f": {output} has shape {values.shape} in place of {right.shape}")
    close = np.isclose(values, right, form.tolerance, form.absolute, equal_nan=True)
    if close.all():
        return
    error = np.where(close, -1, abs(values - right) / (abs(right) + abs(right).mean() / 9 + 1e-9))
    index = tuple(map(int, np.unravel_index(error.argmax(), error.shape)))
    place = f" at index {index[0] if len(index) == 1 else index}" if index else ""
    named = simple_mistake(flat[0], flat[1], max(form.tolerance, 1e-6))
    if isinstance(form, Number):
        raise NotRight(f", for example{place}" * bool(place), named)
    found = f": {output} is {values[index]:.5g} in place of {right[index]:.5g}{place}{inputs()}"
    look = form.outputs.get(output)
    told = f"{output}: {named}" if output != "the output" else named
    raise NotRight(found + f". {look}" * bool(look), told if named else "", output)


def _parts(output: Any, count: int) -> list[Any]:
    """The outputs as arrays: so many in a tuple, a list or the rows of one array."""
    if count == 1:
        return [as_array(output[0] if isinstance(output, tuple) and len(output) == 1 else output)]
    if not isinstance(output, list | tuple):
        output = as_array(output)
        output = [None] if output is None or output.ndim == 0 else list(output)
    return [as_array(part) for part in output]


_PREPARE: dict[type[Form], Callable[[Exercise, Any], Compare]] = {
    Number: _prepare_numbers,
    Formula: _prepare_formula,
    Choice: _prepare_choice,
    Program: _prepare_program,
    RightSide: levels.prepare,
}
