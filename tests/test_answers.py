"""Answers as students give them: right in other forms, wrong but close."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
import torch

from diffenc_lite.course.exercises import EXERCISES, Choice, Formula, Number, Program, Vector, judge
from diffenc_lite.course.exercises.levels import LEVELS

HAND = [
    import_module(f"by_hand.{path.stem}")
    for path in sorted((Path(__file__).parent / "by_hand").glob("lesson_*.py"))
]
RIGHT = {n: a for lesson in HAND for n, a in lesson.RIGHT.items()}
WRONG = {n: given for lesson in HAND for n, given in getattr(lesson, "WRONG", {}).items()}


def symbolic(exercise, **assumptions):
    names = {n: sp.Symbol(n, **assumptions) for n in exercise.form.ranges}
    return sp.sympify(exercise.answer, locals=names), list(names.values())


def returning(function, change):
    def answer(*arguments):
        output = function(*arguments)
        return tuple(map(change, output)) if isinstance(output, tuple) else change(output)

    return answer


def bracketed(value):
    return value if np.ndim(value) else torch.as_tensor(value).reshape(1)


def right_in_other_forms(number):
    exercise, answer = EXERCISES[number], RIGHT[number]
    yield "by hand", answer
    match exercise.form:
        case Number():
            yield "tensor", torch.tensor(float(answer), dtype=torch.float64)
            yield "list", [np.float32(answer)]
            yield "sympy", sp.Float(float(answer), 20)
        case Vector():
            flat = [float(v) for v in np.ravel(answer)]
            yield "column", torch.tensor(flat).reshape(-1, 1)
            yield "tuple of tensors", tuple(torch.tensor(v) for v in flat)
            yield "sympy", sp.Matrix(flat)
        case Choice():
            yield "capital", answer.upper()
            yield "list", list(answer[::-1])
            yield "spaced", ", ".join(answer) + " "
        case Formula():
            expression, symbols = symbolic(exercise, real=True)
            yield "expanded", sp.expand(symbolic(exercise)[0])
            yield "rewritten", expression.rewrite(sp.exp).together()
            yield "Lambda", sp.Lambda(tuple(symbols), expression)
            yield "compiled", sp.lambdify(symbols, expression, "numpy")
        case Program():
            if not callable(exercise.answer):
                return
            yield "numpy", returning(exercise.answer, np.asarray)
            yield "lists", returning(exercise.answer, lambda v: torch.as_tensor(v).tolist())
            yield "bracketed", returning(exercise.answer, bracketed)


def wrong_but_close(number):
    exercise = EXERCISES[number]
    for given in WRONG.get(number, []):
        yield "near miss", given
    match exercise.form:
        case Number():
            yield "outside", RIGHT[number] * (1 + 3 * exercise.form.tolerance)
            yield "sign", [-RIGHT[number]]
        case Vector():
            flat = [float(v) for v in np.ravel(RIGHT[number])]
            outside = 1 + 3 * (exercise.form.tolerance or 0.01)
            yield "one outside", [flat[0] * outside, *flat[1:]]
        case Formula():
            expression, symbols = symbolic(exercise)
            yield "a thousandth", expression * sp.Rational(1001, 1000)
            yield "as a function", sp.lambdify(symbols, expression * (1 + 1e-5), "numpy")
        case Program() if callable(exercise.answer):
            yield "a thousandth", returning(exercise.answer, lambda v: torch.as_tensor(v) * 1.001)


NUMBERS = [number for number in RIGHT if number not in LEVELS]
RIGHT_ONES = [(n, how, a) for n in NUMBERS for how, a in right_in_other_forms(n)]
WRONG_ONES = [(n, how, a) for n in NUMBERS for how, a in wrong_but_close(n)]


def named(entry):
    return f"{entry[0]} {entry[1]}"


def test_there_are_more_than_150_answers():
    assert len(RIGHT_ONES) > 150 and len(WRONG_ONES) > 100


@pytest.mark.parametrize("entry", RIGHT_ONES, ids=named)
def test_right_ones_are_right(entry):
    verdict = judge(entry[0], entry[2])
    assert verdict.right, verdict.text


@pytest.mark.parametrize("entry", WRONG_ONES, ids=named)
def test_wrong_ones_are_not(entry):
    assert not judge(entry[0], entry[2]).right
