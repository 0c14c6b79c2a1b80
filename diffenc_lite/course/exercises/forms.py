"""What an exercise is, and the forms that its answer may have.

A value counts as right when |value - right| <= tolerance * |right| + absolute; `absolute` matters
where the right value is near 0.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

# ranges that many formulas share
POSITIVE = (0.1, 3.0)
ANY = (-2.0, 2.0)
UNIT = (0.05, 0.95)


@dataclass(frozen=True)
class Number:
    """One number, or `count` in a list, an array or a tensor. Exercise.answer: a function without
    arguments that computes them."""

    tolerance: float = 1e-3
    absolute: float = 0.0
    count: int = 1

    def describe(self) -> str:
        percent = f"{100 * self.tolerance:.3g} %" if self.tolerance else ""
        absolute = f"{self.absolute:.3g}" if self.absolute else ""
        near = f"to within {' and '.join(filter(None, (percent, absolute))) or 'rounding'}"
        if self.count == 1:
            return f"one number, {near}"
        return f"{self.count} numbers, as a list, an array or a tensor, each {near}"


@dataclass(frozen=True)
class Formula:
    """A formula in these names, each tried between its two bounds (log-uniformly where they are
    positive and more than a factor of 1000 apart). `noise`: alpha and sigma are those of one gamma.
    Exercise.answer: SymPy text."""

    ranges: dict[str, tuple[float, float]]
    absolute: float = 0.0
    noise: bool = False

    def describe(self) -> str:
        names = ", ".join(self.ranges)
        if len(self.ranges) == 1:
            return f"a function of {names}, or a SymPy expression in the symbol {names}"
        return f"a function of ({names}) in this order, or a SymPy expression in these symbols"


@dataclass(frozen=True)
class Choice:
    """One letter of those offered, or with `many` all that apply. Exercise.answer: the letter, or
    the letters in one string."""

    options: dict[str, str]
    many: bool = False

    def describe(self) -> str:
        letters = ", ".join(self.options)
        if self.many:
            return f'all letters that apply, of {letters}, in one string such as "ab"'
        return f'one letter of {letters}, as a string such as "a"'


@dataclass(frozen=True)
class Program:
    """A function of tensors, or of whatever `inputs` draws, tried on several draws of a fixed seed.

    takes: its arguments with their shapes, as the student reads them: "z (n, d), gamma (n, 1)".
    returns: what comes out, likewise: "a tensor (n, d)". Several results come as a tuple.
    inputs: torch.Generator -> the tuple of arguments, drawn anew for each try.
    Exercise.answer: the right function, of the same arguments.
    """

    takes: str
    returns: str
    inputs: Callable[[Any], tuple[Any, ...]]
    tolerance: float = 1e-4
    absolute: float = 1e-6
    tries: int = 3

    def describe(self) -> str:
        return f"a function of {self.takes} that returns {self.returns}"


@dataclass(frozen=True)
class RightSide:
    """The right side of a line of a derivation, in these symbols of the ledger: typed as text, or a
    SymPy expression. It must equal the answer by algebra. `leading`: the name whose leading power
    is asked for, if it is. Exercise.answer: text, see `writing`."""

    names: tuple[str, ...]
    leading: str = ""

    def describe(self) -> str:
        return f"a formula in {', '.join(self.names)}, as text or a SymPy expression"


Form = Number | Formula | Choice | Program | RightSide


@dataclass(frozen=True, eq=False)
class Exercise:
    """number "NN.n" (NN is the notebook), question in Markdown, form, answer, hint.

    What `answer` must be, the form says; it computes rather than quotes, and hints never contain
    it. hint: one, or several from where to look to nearly the step; `check` prints the first, so
    its formulas read well without dollars and backslashes.
    """

    number: str
    question: str
    form: Form
    answer: str | Callable[..., Any]
    hint: str | tuple[str, ...]

    @property
    def hints(self) -> tuple[str, ...]:
        """All of them, as sentences"""
        given = (self.hint,) if isinstance(self.hint, str) else self.hint
        return tuple(text if text.endswith((".", "?")) else f"{text}." for text in given)

    @property
    def printed_hint(self) -> str:
        """What `check` prints after a wrong answer"""
        return re.sub(r"[$\\]", "", self.hints[0])


def exercises(lesson: Any) -> Iterator[Exercise]:
    """Those of lesson_NN.py. QUESTIONS has the questions, each after its number, "04.2: ...", with
    its options, "a: ...", and hints, "Hint: ..."; lines of a paragraph are joined, but not those of
    tables, lists and code. The answer is called as in a notebook, answer_04_2, and its form
    form_04_2; with options it is a Choice, of many if several are right.
    """
    for entry in re.split(r"\n+(?=\d\d\.\d+: )", lesson.QUESTIONS.strip()):
        question, *rest = re.split(r"\n(?=(?:[a-z]|Hint): )", entry)
        number, _, question = question.partition(": ")
        paragraphs = [
            paragraph if paragraph.startswith(("|", "```", "1. ")) else paragraph.replace("\n", " ")
            for paragraph in question.split("\n\n")
        ]
        parts = [part.replace("\n", " ").partition(": ") for part in rest]
        hints = tuple(said for name, _, said in parts if name == "Hint")
        options = {name: said for name, _, said in parts if name != "Hint"}
        name = answer_name(number)
        right, form_name = getattr(lesson, name), name.replace("answer", "form")
        form = Choice(options, many=len(right) > 1) if options else getattr(lesson, form_name)
        yield Exercise(number, "\n\n".join(paragraphs), form, right, hints)


def answer_name(number: str) -> str:
    """What the answer is called in a notebook: answer_04_2 for the number "04.2"."""
    return "answer_" + number.replace(".", "_")
