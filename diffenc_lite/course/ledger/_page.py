"""The lines of one derivation as they are held, one after the other; and the ways to fail."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from sympy import Basic, Derivative, Eq, Expr, GreaterThan, Integral, Limit, Order, Symbol, factor
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanAtom

from . import _decide, notation
from ._decide import Differs, Vanishes
from ._decide import Undecided as NoAnswer
from ._step import Step
from .normal_form import reduced

if TYPE_CHECKING:
    from ._row import Row


class ProofError(Exception):
    """A row, with the line or the form of its claim that failed, and why."""

    def __init__(self, tag: str, where: str, reason: str):
        super().__init__(f"{tag}, {where}: {reason}")
        self.tag, self.form, self.reason = tag, where, reason


class Wrong(ProofError):
    """The two sides differ: `point` is where, `value` by how much, `difference` in general."""

    def __init__(self, tag: str, where: str, found: Differs, expression: Expr):
        super().__init__(tag, where, f"wrong, for example {found}")
        self.point, self.value, self.expression = found.point, found.value, expression

    @cached_property
    def difference(self) -> Expr:
        whole = self.expression
        return whole if whole.has(Order) else factor(reduced(whole))

    def __str__(self) -> str:
        return f"{super().__str__()}; derived - claimed is not 0: {self.difference}"


class Undecided(ProofError):
    """Numbers agree, algebra does not show it: neither proved nor refuted."""

    def __init__(self, tag: str, where: str, found: NoAnswer):
        self.difference = found.rest
        super().__init__(
            tag, where, f"could not decide: agrees at {found.points} points, left over {found.rest}"
        )


class Loose(ProofError):
    """A line that is compared with nothing."""


class OtherSymbol(ProofError):
    """A symbol of the claim has the name of one in the ledger, but is not the same."""


def is_name(symbol: Basic) -> bool:
    """Whether it was made by `notation.name`"""
    return isinstance(symbol, Symbol) and symbol.name.startswith("{")


class Page:
    """What the lines so far have given a meaning to, and the forms that they have arrived at."""

    def __init__(self, row: Row):
        self.tag = row.tag
        self.values: dict[Symbol, Any] = {}
        self.unused: dict[Symbol, str] = {}
        for short, long in row.where.items():
            self.values[short] = self.in_full(long)
        self.arrived: dict[str, Eq] = {}
        self.steps: dict[str, Step] = {}
        self.symbols: set[Symbol] = set(self.values)
        self.held: set[str] = set()  # the forms whose own claim has been compared

    def in_full(self, expression: Basic) -> Basic:
        """With all that has a meaning replaced by what it stands for, down to the bottom"""
        for _ in range(10):
            before, expression = expression, expression.xreplace(self.values)
            if expression == before:
                return expression
        raise Loose(self.tag, str(expression), "defined by itself")

    def take(self, step: Step) -> None:
        """Hold every line of a step, or take it as the meaning of a new name."""
        if not step.name or step.name in self.steps:
            raise Loose(self.tag, step.name or "a step", "each step needs a name of its own")
        if step.proves and (len(step.lines) != 1 or not isinstance(step.expression, Eq)):
            raise Loose(self.tag, step.name, "what proves a form has to be one equation")
        for number in step.numbers:
            if not number.holds:
                reason = f"{number.what} is {number.computed}, not {number.claimed}"
                raise ProofError(self.tag, step.name, reason)
        if not step.in_words:
            for line in step.lines:
                self._hold(step, line)
        self.steps[step.name] = step
        if step.proves:
            self.arrived[step.proves] = step.expression

    def _hold(self, step: Step, line: Relational) -> None:
        if line.lhs == line.rhs:
            raise Loose(self.tag, step.name, f"says nothing: {line}")
        self.symbols |= line.free_symbols
        for symbol in line.free_symbols & set(self.unused):
            del self.unused[symbol]
        left = line.lhs
        if (is_name(left) and left not in self.values) or step.defines:
            if left in self.values or not isinstance(left, Symbol):
                raise Loose(self.tag, step.name, f"{left} has a meaning already")
            self.values[left] = self.in_full(line.rhs)
            if not step.proves:
                self.unused[left] = step.name
            return
        if isinstance(line, GreaterThan):
            if not self.in_full(left - line.rhs).is_nonnegative:
                raise ProofError(self.tag, step.name, f"may be negative: {left - line.rhs}")
            return
        if step.case_of:
            general, case = step.case_of
            known: Any = self.steps[general].expression
            known = known.subs(case)
            difference = _opaque(left - line.rhs) - _opaque(known.lhs - known.rhs)
            judge(self.tag, step.name, difference)
            return
        difference = self.in_full(left) - self.in_full(line.rhs)
        judge(self.tag, step.name, difference)

    def close(self) -> None:
        for symbol, name in self.unused.items():
            raise Loose(self.tag, name, f"nothing is compared with {symbol}")

    def summary(self, row: Row) -> str:
        words = [step.name for step in self.steps.values() if step.in_words]
        numbers = sum(len(step.numbers) for step in self.steps.values())
        parts = []
        if row.claim:
            parts.append(f"proved: {', '.join(row.claim)} in {len(self.steps)} steps")
        if words:
            parts.append(f"in words: {', '.join(words)}")
        if numbers:
            parts.append(f"computed: {numbers} numbers, to the digits shown")
        if row.trust:
            parts.append(f"on trust: {'; '.join(row.trust)}")
        return "; ".join(parts)


def judge(tag: str, where: str, difference: Expr) -> None:
    """Raises Wrong or Undecided unless the difference is 0."""
    answer = _decide.decide(difference)
    if isinstance(answer, Differs):
        raise Wrong(tag, where, answer, difference)
    if isinstance(answer, NoAnswer):
        raise Undecided(tag, where, answer)


def compare(row: Row, form: str, claimed: Expr | Eq, page: Page) -> None:
    """Hold one form of a claim, both sides, against the line that arrives at it."""
    if form not in page.arrived:
        raise Loose(row.tag, form, f"no step arrives at it: {claimed}")
    if isinstance(claimed, BooleanAtom):  # SymPy decided an Eq(...) on the spot, by its signs
        raise ProofError(row.tag, form, "says nothing" if claimed else "can never hold")
    derived, own = page.arrived[form], row.claim[form]
    claimed = claimed if isinstance(claimed, Eq) else notation.equation(own.lhs, claimed)
    _same_symbols(row, form, claimed, page)
    given, line = (side.lhs - side.rhs for side in (claimed, derived))
    if given == 0:
        raise Loose(row.tag, form, f"says nothing: {claimed}")
    difference = _opaque(given) - _opaque(line)
    if isinstance(_decide.decide(difference), Vanishes):
        return
    if claimed != own and isinstance(_decide.decide(page.in_full(given)), Vanishes):
        return  # a claim that was given: not the derived line, but as true by the definitions
    judge(row.tag, form, difference)


def _opaque(expression: Expr) -> Expr:
    """Limits, derivatives and integrals as single symbols: the claim is to be the same equation,
    not another one that is true as well."""
    return expression.replace(
        lambda e: isinstance(e, Limit | Derivative | Integral),
        lambda e: Symbol(str(e)),
    )


def _same_symbols(row: Row, form: str, claimed: Eq, page: Page) -> None:
    known = page.symbols | {s for e in row.claim.values() for s in e.free_symbols}
    known |= {value for value in vars(notation).values() if isinstance(value, Symbol)}
    by_name = {symbol.name: symbol for symbol in known if isinstance(symbol, Symbol)}
    for symbol in claimed.free_symbols - known:
        if isinstance(symbol, Symbol) and symbol.name in by_name:
            ours = by_name[symbol.name]
            raise OtherSymbol(
                row.tag,
                form,
                f"{symbol} is not the ledger's {symbol}: it is assumed {symbol._assumptions_orig}, "
                f"the ledger's {ours._assumptions_orig}; take it from ledger.notation",
            )
