"""The forms that an answer may have, each on an exercise made here."""

import re
import sys

import numpy as np
import pytest
import sympy as sp
import torch

from diffenc_lite.course.exercises import (
    Choice,
    Exercise,
    ExerciseError,
    Formula,
    Number,
    Program,
    check,
    judge,
)


def exercise(form, answer):
    return Exercise("T.1", "A question.", form, answer, "a hint")


def said(exercise, answer) -> str:
    verdict = judge(exercise, answer)
    assert verdict.right == verdict.text.endswith("T.1: right.")
    return verdict.text.removeprefix("Exercise T.1: ")


# --- numbers near 0, and vectors ------------------------------------------------------------------


def test_near_0_an_absolute_tolerance_counts():
    exact, near = exercise(Number(), lambda: 0.0), exercise(Number(absolute=1e-6), lambda: 0.0)
    assert said(exact, 0) == "right." and said(exact, 1e-9) == "not right. Hint: a hint."
    assert said(near, 9e-7) == said(near, -9e-7) == "right."
    assert "not right" in said(near, 1.1e-6)


def test_a_formula_may_vanish_within_an_absolute_tolerance():
    form = Formula({"x": (-1.0, 1.0)}, absolute=1e-3)
    assert said(exercise(form, "0*x"), lambda x: 9e-4) == "right."
    assert "not right" in said(exercise(form, "0*x"), lambda x: 1.1e-3)
    assert "not right" in said(exercise(Formula(form.ranges), "0*x"), lambda x: 9e-4)


THREE = exercise(Number(count=3), lambda: [1.0, 2.0, 4.0])


@pytest.mark.parametrize(
    "answer",
    [
        (1, 2.0, sp.Integer(4)),
        np.array([1, 2, 4], dtype=np.float32),
        torch.tensor([[1.0], [2], [4]], requires_grad=True),
        [torch.tensor(1.0), torch.tensor(2.0), torch.tensor(4.0)],
        sp.Matrix([1, 2, 4]),
    ],
)
def test_a_vector_may_come_from_any_library(answer):
    assert said(THREE, answer) == "right."


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ([1, 2, 4.1], "not right, for example at index 2. Hint: a hint."),
        ([1, 2, float("nan")], "not right, for example at index 2"),
        ([1, 2], "this is an array of shape (2,). Expected"),
        (["1", "2", "4"], "this is an object of type list"),
        ([[1], [2, 3]], "this is an object of type list"),
        ({1, 2, 4}, "this is an object of type set"),
        (torch.zeros(3, dtype=torch.cfloat), "this is an array of shape (3,)"),
        (None, "not yet answered"),
    ],
)
def test_another_vector_is_told_what_is_wrong(answer, words):
    assert said(THREE, answer).startswith(words)


def test_the_noise_of_one_depth_is_one_number_in_a_formula_too():
    form = Formula({"alpha": (0.05, 0.95), "sigma": (0.05, 0.95)}, noise=True)
    noise = exercise(form, "sigma**2")
    alpha = sp.Symbol("alpha")
    assert said(noise, 1 - alpha**2) == "right."
    assert said(noise, lambda a, s: 1 - a**2) == "right."
    near = said(noise, lambda a, s: s**2 if a > 0.4 else 2 * s**2)
    assert "not right" in near and "close" not in near  # only where all points are
    assert "but close (float64?)" in said(noise, lambda a, s: s**2 * 1.0001)


# --- choices --------------------------------------------------------------------------------------

ONE = exercise(Choice({"a": "it rises", "b": "it falls", "c": "neither"}), "b")
MANY = exercise(Choice(ONE.form.options, many=True), "ac")


@pytest.mark.parametrize(
    ("asked", "answer", "words"),
    [
        (ONE, " B ", "right."),
        (ONE, "a", "not right. Hint"),
        (ONE, "ab", 'this is "ab". Expected'),
        (ONE, 2, "this is a number. Expected"),
        (ONE, ..., "not yet answered"),
        (MANY, {"a", "c"}, "right."),
        (MANY, "a", "not right"),
        (MANY, "abc", "not right"),
        (MANY, "x", 'this is "x". Expected'),
    ],
)
def test_choices(asked, answer, words):
    assert said(asked, answer).startswith(words)


# --- programs -------------------------------------------------------------------------------------


def rows(generator):
    return torch.randn(5, 3, generator=generator), torch.rand(5, 1, generator=generator)


def weighted(z, w):
    return (w * z).sum(0)


MEAN = exercise(Program("z (n, d), w (n, 1)", "a tensor (d,)", rows), weighted)


def test_a_program_is_right_however_it_is_written():
    def loops(z, w):
        return [sum(float(w[i, 0]) * float(z[i, j]) for i in range(5)) for j in range(3)]

    for right in (
        weighted,
        loops,
        lambda z, w: z.T.double() @ w.double().squeeze(1),
        lambda z, w: (z.numpy() * w.numpy()).sum(axis=0),
        lambda z, w: z.mul_(w).sum(0),  # changes its input
    ):
        assert said(MEAN, right) == "right."


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda z, w: (w * z).mean(0), "not right, for example in the output at index 0. Hint"),
        (lambda z, w: weighted(z, w) * torch.tensor([1, 1, 1.001]), "not right, for example in"),
        (lambda z, w: w * z, "not right, an output has shape (5, 3) in place of (3,)"),
        (lambda z, w: w @ z, "not right, the function raised RuntimeError: "),
        (lambda z, w: (z, w), "the function returned an object of type tuple"),
        (lambda z, w: torch.full((3,), torch.nan), "not right"),
        (torch.zeros(3), "this is an array of shape (3,). Expected: a function"),
        (None, "not yet answered"),
    ],
)
def test_another_program_is_told_what_is_wrong(answer, words):
    assert said(MEAN, answer).startswith(words)


# --- what an answer prints, and exercises with mistakes -------------------------------------------


def test_judge_says_nothing_and_check_lets_answers_speak(capfd):
    def loud(z, w):
        print("out")
        print("err", file=sys.stderr)
        np.log(np.zeros(1))  # warns
        return weighted(z, w)

    assert judge(MEAN, loud).right
    assert capfd.readouterr() == ("", "")
    check(MEAN, loud)
    assert capfd.readouterr().out == "out\n" * 3 + "Exercise T.1: right.\n"


def test_the_stop_button_ends_an_endless_answer():
    def stopped(z, w):
        raise KeyboardInterrupt

    for judged in (check, judge):
        with pytest.raises(KeyboardInterrupt):
            judged(MEAN, stopped)


@pytest.mark.parametrize(
    "form, answer, words",
    [
        (Number(), lambda: 1 / 0, "ZeroDivisionError"),
        (Number(), lambda: "x", "1 finite number"),
        (Number(count=2), lambda: [1.0], "2 finite numbers"),
        (Formula({"x": (0, 1)}), "x + y", "other symbols"),
        (Formula({"x": (-1, 1)}), "log(x)", "no finite real value"),
        (Choice({"a": "", "b": ""}), "ab", "one letter"),
        (MEAN.form, lambda z, w: "x", "return numbers"),
    ],
)
def test_a_mistake_of_the_exercise_is_not_laid_to_the_answer(form, answer, words, capsys):
    wrong = exercise(form, answer)
    with pytest.raises(ExerciseError, match="T.1 itself has a mistake.*" + words):
        judge(wrong, 1.0)
    check(wrong, 1.0)
    assert re.search("itself has a mistake.*" + words, capsys.readouterr().out)
