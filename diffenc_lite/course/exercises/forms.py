"""What an exercise is, and the forms that its answer may have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# ranges that many formulas share
POSITIVE = (0.1, 3.0)
ANY = (-2.0, 2.0)
UNIT = (0.05, 0.95)


@dataclass(frozen=True)
class Number:
    """The answer is one number, right within this relative tolerance."""

    tolerance: float = 1e-3

    def describe(self) -> str:
        return "one number"


@dataclass(frozen=True)
class Formula:
    """The answer is a formula in these names, each tried between its two bounds (log-uniformly
    where they are positive and more than a factor of 1000 apart)."""

    ranges: dict[str, tuple[float, float]]

    def describe(self) -> str:
        names = ", ".join(self.ranges)
        if len(self.ranges) == 1:
            return f"a function of {names}, or a SymPy expression in the symbol {names}"
        return f"a function of ({names}) in this order, or a SymPy expression in these symbols"


@dataclass(frozen=True)
class Exercise:
    """number "NN.n" (NN is the notebook), question in Markdown, form, answer, hint.

    The answer to a Number is a function that computes it, so that no answer is a figure copied
    from somewhere; to a Formula it is SymPy text in its names. Hints never contain the answer.
    """

    number: str
    question: str
    form: Number | Formula
    answer: str | Callable[[], float]
    hint: str
