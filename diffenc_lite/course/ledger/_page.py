"""One derivation as it is held, line after line; what it rests on; and the ways to fail."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from sympy import Basic, Derivative, Eq, Expr, Ge, Integral, Limit, Order, Symbol, factor
from sympy.core.relational import Relational

from . import _decide
from ._decide import Differs
from ._decide import Undecided as NoAnswer
from ._step import Step
from .normal_form import reduced

if TYPE_CHECKING:
    from ._row import Row

PROVED, DEFINED, IN_WORDS, ON_TRUST = WORDS = "proved", "defined", "in words", "on trust"


class ProofError(Exception):
    """A row, with the line or the form of its claim that failed, and why."""

    def __init__(self, tag: str, where: str, reason: str):
        super().__init__(f"{tag}, {where}: {reason}")
        self.tag, self.form, self.reason = tag, where, reason


class Wrong(ProofError):
    """The two sides differ: `point` is where, `value` by how much, `difference` in general."""

    def __init__(self, tag: str, where: str, answer: Differs, expression: Expr):
        super().__init__(tag, where, f"wrong, for example {answer}")
        self.point, self.value, self.expression = answer.point, answer.value, expression

    @cached_property
    def difference(self) -> Expr:
        whole = self.expression
        return whole if whole.has(Order) else factor(reduced(whole))

    def __str__(self) -> str:
        return f"{super().__str__()}; derived - claimed is not 0: {self.difference}"


class Undecided(ProofError):
    """Numbers agree, algebra does not show it: neither proved nor refuted."""

    def __init__(self, tag: str, where: str, answer: NoAnswer):
        self.difference = answer.rest
        agrees = f"agrees at {answer.points} points, left over {answer.rest}"
        super().__init__(tag, where, f"could not decide: {agrees}")


class Loose(ProofError):
    """A line that is compared with nothing."""


class Unclear(ProofError):
    """A claim of a reader that cannot be compared with the form, and what could be."""


def judge(tag: str, where: str, difference: Expr) -> None:
    """Raises Wrong or Undecided unless the difference is 0."""
    answer = _decide.decide(difference)
    if isinstance(answer, Differs):
        raise Wrong(tag, where, answer, difference)
    if isinstance(answer, NoAnswer):
        raise Undecided(tag, where, answer)


def opaque(expression: Expr) -> Expr:
    """Limits, derivatives and integrals as single symbols: the claim is to be the same equation,
    not another one that is true as well."""
    return expression.replace(
        lambda e: isinstance(e, Limit | Derivative | Integral), lambda e: Symbol(str(e))
    )


def is_name(symbol: Basic) -> bool:
    """Whether it was made by `notation.name`"""
    return isinstance(symbol, Symbol) and symbol.name.startswith("{")


class Page:
    """The lines so far: what they give a meaning to, the forms that they arrive at, and what each
    rests on."""

    def __init__(self, row: Row):
        self.row, self.tag = row, row.tag
        self.values: dict[Basic, Any] = {}
        for short, long in row.where.items():
            self.values[short] = self.in_full(long)
        self.steps: dict[str, Step] = {}
        self.arrived: dict[str, Relational] = {}
        self.named: dict[Basic, str] = {}  # symbol -> the step that gives it a meaning
        self.read: set[Basic] = set()  # the symbols, down to the bottom, of the lines compared
        self.within: dict[Basic, set[Basic]] = {}  # symbol -> those that its meaning is made of
        self.symbols: set[Basic] = set(self.values)
        self.asked: set[tuple[Row, str]] = set(row.asked)
        self.borrowed_so_far: set[tuple[str, str]] = set()  # words of the forms asked for, rows
        self.borrowed: dict[str, set[tuple[str, str]]] = {}  # the same when a form was arrived at

    @property
    def lines(self) -> list[Basic]:
        """All formulas of the row"""
        of_steps = [line for step in self.steps.values() for line in step.lines]
        return [*self.row.claim.values(), *self.values.values(), *of_steps]

    @property
    def meanings(self) -> dict[Basic, Basic]:
        """What each symbol of the row stands for, as it is written"""
        said = {line.lhs: line.rhs for step in self.steps.values() for line in step.lines}
        return {short: self.row.where.get(short, said.get(short)) for short in self.values}

    def in_full(self, expression: Basic) -> Basic:
        """With all that has a meaning replaced by what it stands for, down to the bottom"""
        for _ in range(10):
            before, expression = expression, expression.xreplace(self.values)
            if expression == before:
                return expression
        raise Loose(self.tag, str(expression), "defined by itself")

    def take(self, step: Step, asked: set[tuple[Row, str]]) -> None:
        """Hold every line of a step, or take it as the meaning of a new name.

        `asked`: the forms of other rows that were asked for to write the step.
        """
        if not step.name or step.name in self.steps:
            raise Loose(self.tag, step.name or "a step", "each step needs a name of its own")
        arrives = step.name in self.row.claim
        if arrives and not isinstance(step.expression, Ge if step.in_words else Eq):
            raise Loose(self.tag, step.name, "what proves a form has to be one equation")
        for number in step.numbers:
            if not number.holds:
                reason = f"{number.what} is {number.computed}, not {number.claimed}"
                raise ProofError(self.tag, step.name, reason)
        asked = {(row, form) for row, form in asked if row.tag != self.tag}
        self.asked |= asked
        borrowed = {(row.words[form], row.tag) for row, form in asked}
        if not step.in_words:  # nothing is computed from a line in words
            self.borrowed_so_far |= borrowed
        for line in () if step.in_words else step.lines:
            self._hold(step, line)
        self.steps[step.name] = step
        if arrives:
            self.arrived[step.name] = step.expression
            self.borrowed[step.name] = self.borrowed_so_far | borrowed

    def _hold(self, step: Step, line: Relational) -> None:
        if line.lhs == line.rhs:
            raise Loose(self.tag, step.name, f"says nothing: {line}")
        left, right = line.lhs, line.rhs
        self.symbols |= line.free_symbols
        if (is_name(left) and left not in self.values) or step.defines:
            if left in self.values or not isinstance(left, Symbol):
                raise Loose(self.tag, step.name, f"{left} has a meaning already")
            meaning = right if step.means is None else step.means
            self.named[left] = step.name
            self.within[left] = self._bottom(meaning)
            self.values[left] = self.in_full(meaning)
            if step.means is None:
                if line is self.row.claim.get(step.name):
                    raise Loose(self.tag, step.name, f"nothing but the claim says what {left} is")
                return
        elif step.means is not None:
            raise Loose(self.tag, step.name, f"{left} has a meaning already")
        self.read |= self._bottom(left) | self._bottom(right)
        if isinstance(line, Ge):
            if not self.in_full(left - right).is_nonnegative:
                raise ProofError(self.tag, step.name, f"may be negative: {left - right}")
        elif step.case_of:
            general, case = step.case_of
            known: Any = self.steps[general].expression
            known = known.subs(case)
            judge(self.tag, step.name, opaque(left - right) - opaque(known.lhs - known.rhs))
        else:
            judge(self.tag, step.name, self.in_full(left) - self.in_full(right))

    def _bottom(self, expression: Basic) -> set[Basic]:
        symbols = set(expression.free_symbols)
        return symbols.union(*(self.within.get(symbol, set()) for symbol in symbols))

    def close(self) -> None:
        """Every name has to lead somewhere: to a form, or to a line that is compared with it."""
        forms = {symbol for e in self.row.claim.values() for symbol in self._bottom(e.lhs - e.rhs)}
        for symbol, step in self.named.items():
            if symbol not in self.read | forms:
                raise Loose(self.tag, step, f"nothing is compared with {symbol}")

    # --- what is said of the proof ---------------------------------------------------------------

    def word(self, form: str) -> tuple[str, list[str]]:
        """What a form is: proved, defined, in words, or on trust; and by which step or row"""
        reasons = {
            ON_TRUST: [name for name, forms in self.row.trust.items() if form in forms],
            IN_WORDS: [
                s.name for s in self.steps.values() if form in (s.in_words and s.name, *s.for_)
            ],
        }
        for word, origins in reasons.items():
            origins += sorted(tag for borrowed, tag in self.borrowed[form] if borrowed == word)
            if origins:
                return word, [reason for reason in origins if reason != form]
        left = self.arrived[form].lhs
        only_named = self.named.get(left) == form and left not in self.read
        return (DEFINED, []) if form in self.row.defined or only_named else (PROVED, [])

    def summary(self, yours: set[str]) -> str:
        """The line of a proof: its forms by their words, what it rests on"""
        by_word: dict[str, list[str]] = {word: [] for word in WORDS}
        because: dict[str, dict[str, None]] = {word: {} for word in WORDS}
        for form in self.row.claim:
            word, reasons = self.word(form)
            by_word[word].append(f"{form} (yours)" if form in yours else form)
            because[word] |= dict.fromkeys(reasons)
        parts: list[str] = []
        for word, forms in by_word.items():
            if forms:
                steps = "" if parts else f" in {len(self.steps)} steps"
                why = f" ({'; '.join(because[word])})" if because[word] else ""
                parts.append(f"{word}: {', '.join(forms)}{steps}{why}")
        in_words = (s for s in self.steps.values() if s.in_words and not s.for_)
        if remarks := [step.name for step in in_words if step.name not in self.row.claim]:
            parts.append(f"remarks in words: {', '.join(remarks)}")
        if numbers := sum(len(step.numbers) for step in self.steps.values()):
            parts.append(f"computed: {numbers} numbers, to the digits shown")
        if rows := sorted({row.tag for row, _ in self.asked}):
            parts.append(f"rests on {', '.join(rows)}")
        return "; ".join(parts)
