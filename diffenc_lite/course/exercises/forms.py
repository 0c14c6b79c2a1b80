"""What an exercise is, and the forms that its answer may have.

A value counts as right when |value - right| <= tolerance * |right| + absolute; `absolute` matters
where the right value is near 0.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .writing import to_text

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
    Exercise.answer: text, as a student types it."""

    ranges: dict[str, tuple[float, float]]
    absolute: float = 0.0
    noise: bool = False

    def describe(self) -> str:
        names = ", ".join(self.ranges)
        return f"a formula in {names}: text, a function of ({names}), or a SymPy expression"


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
    inputs: torch.Generator -> the tuple of arguments, drawn anew for each try: tensors, networks,
        functions, also the generator itself. PyTorch's own generator is seeded too.
    measure: where many answers are right, measure(answer, *arguments) -> the number to compare, or
        several; it may raise NotRight, with what is wrong.
    outputs: the names of several results -> where to look if those before it are right.
    Exercise.answer: the right function, of the same arguments.
    """

    takes: str
    returns: str
    inputs: Callable[[Any], tuple[Any, ...]]
    tolerance: float = 1e-4
    absolute: float = 1e-6
    tries: int = 3
    measure: Callable[..., Any] | None = None
    outputs: Mapping[str, str] = field(default_factory=dict)

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
    """A question in Markdown, the form of its answer, the right answer, hints and known mistakes.

    answer: what it must be, the form says; it computes rather than quotes.
    hints: from where to look to nearly the step, none with the answer. `check` prints the next one
        after each try whose mistake it can't name, without dollars and backslashes. One that begins
        with the name of an output and a colon is for that output alone.
    mistakes: what `check` says in place of a hint -> what an answer with that mistake is, in the
        form of `answer`:

            mistakes={"the error falls with the root of their number": lambda d: d.std() / len(d)}

    number: "04.2" for the second of lesson 04; EXERCISES gives it.
    """

    question: str
    form: Form
    answer: str | Callable[..., Any] | None = None
    hints: Sequence[str] = ()
    mistakes: Mapping[str, str | Callable[..., Any]] = field(default_factory=dict)
    number: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "question", inspect.cleandoc(self.question))
        if isinstance(self.hints, str):
            raise TypeError("hints must be a list of texts")

    @property
    def name(self) -> str:
        return f"Exercise {self.number}".rstrip()

    def printed_hint(self, tries: int, output: str = "") -> str:
        """What `check` prints after so many tries with this output wrong, hints for it alone
        first; in the end nothing, nor where what is wrong is no output"""
        outputs, alone = getattr(self.form, "outputs", ()), f"{output}: "
        others = {*outputs} - {output}
        hints = [hint for hint in self.hints if hint.partition(": ")[0] not in others]
        hints = hints if output or not outputs else []
        hints.sort(key=lambda hint: not hint.startswith(alone))
        return f" Hint: {to_text(hints[tries - 1])}" if tries <= len(hints) else ""


# The exercises of a lesson by number. Each is made by a call of its own, so that a mistake in one
# breaks that one.
Lesson = dict[str, Callable[[], Exercise]]


def answer_name(number: str) -> str:
    """What the answer is called in a notebook: answer_04_2 for the number "04.2"."""
    return "answer_" + number.replace(".", "_")
