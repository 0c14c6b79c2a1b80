"""A line of a derivation, and how it is written on the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import mpmath
from sympy import Basic, Expr, Tuple
from sympy.core.relational import Relational
from sympy.printing.latex import LatexPrinter

from .notation import epsilon, epsilonhat


@dataclass(frozen=True)
class Number:
    """A number that is claimed to the digits written down, and what was computed.

    `error` bounds what the computation itself may be off by (of a quadrature, its estimate).
    """

    what: str
    claimed: str
    computed: mpmath.mpf
    error: mpmath.mpf = mpmath.mpf(0)

    @property
    def shown(self) -> str:
        digits, _, power = self.claimed.partition("e")
        return rf"{digits}\cdot10^{{{power}}}" if power else digits

    @property
    def half_a_digit(self) -> mpmath.mpf:
        return mpmath.mpf(10) ** Decimal(self.claimed).as_tuple().exponent / 2

    @property
    def holds(self) -> bool:
        """Whether the computed number, give or take its error, rounds to the claimed one."""
        off = abs(self.computed - mpmath.mpf(self.claimed))
        return bool(off <= self.half_a_digit + self.error and self.error <= self.half_a_digit)


@dataclass(frozen=True)
class Step:
    """One line of a derivation: why, and what comes of it.

    Attributes:
        name: how to find it: `row["name"]`. Unique in its row. A step that bears the name of a form
            of the claim arrives at it.
        text: why, in words.
        expression: an equation, or a tuple of them; or an inequality `>= 0`. `prove` holds it
            against the definitions and the lines before. If the left side is a name that no line
            before has, the line gives it its meaning, and later lines have to agree with it.
            Without one, a step that arrives at a form states it, and is held like any other.

        defines: the left side is a symbol, and the line says what it stands for from here on.
        case_of: the name of a line before, and what to put in it, to get this one.
        means: what a new left side stands for, where the right side is to be compared with it:
            the line reads left = means = right.
        in_words: the machine does not check this line, and the page says so.
        for_: the forms that need this step in words, besides the one that it arrives at.
        numbers: what the line computes.
    """

    name: str
    text: str
    expression: Basic | None = None
    defines: bool = False
    case_of: tuple[str, Mapping[Basic, Expr]] | None = None
    means: Expr | None = None
    in_words: bool = False
    for_: tuple[str, ...] = ()
    numbers: tuple[Number, ...] = ()

    @property
    def lines(self) -> tuple[Relational, ...]:
        """The equations and inequalities that it states"""
        if self.expression is None:
            return ()
        return tuple(self.expression) if isinstance(self.expression, Tuple) else (self.expression,)

    @property
    def _said(self) -> str:
        return f"(in words) {self.text}" if self.in_words else self.text

    def _repr_latex_(self) -> str:
        if self.numbers:
            rows = " \\\\ ".join(f"{n.what} & {n.shown}" for n in self.numbers)
            return f"{self._said}\n$$\\begin{{array}}{{lr}}{rows}\\end{{array}}$$"
        if self.expression is None:
            return self._said
        shown = latex(self.expression)
        if self.means is not None and self.means != self.lines[0].rhs:
            left, right = latex(self.lines[0].lhs), latex(self.lines[0].rhs)
            shown = f"{left} = {latex(self.means)} = {right}"
        return f"{self._said}\n$$\\displaystyle {shown}$$"

    def __repr__(self) -> str:
        shown = [f"{n.what}: {n.claimed}" for n in self.numbers]
        shown += [] if self.expression is None else [str(self.expression)]
        return "\n    ".join([self._said, *shown])


NAMES = {epsilon: r"\varepsilon", epsilonhat: r"\hat{\varepsilon}"}  # as in the prose


class _Printer(LatexPrinter):
    """LaTeX as one would write it by hand: x_t - x_s rather than -x_s + x_t."""

    def _as_ordered_terms(self, expr: Expr, order: str | None = None) -> list[Expr]:
        terms = super()._as_ordered_terms(expr, order)
        return sorted(terms, key=lambda term: bool(term.could_extract_minus_sign()))

    def _print_Tuple(self, expr: Tuple) -> str:
        printed = [self._print(part) for part in expr]
        if sum(map(len, printed)) < 300:
            return r",\qquad ".join(printed)
        below = r" \\ ".join(printed)
        return rf"\begin{{gathered}}{below}\end{{gathered}}"


def latex(expression: Basic) -> str:
    return _Printer({"ln_notation": True, "symbol_names": NAMES}).doprint(expression)
