"""Claims: the ledger's, held against the line that arrives at them, and a reader's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sympy import (
    Basic,
    Derivative,
    Eq,
    Expr,
    Integral,
    Lambda,
    Limit,
    Order,
    Subs,
    Sum,
    Symbol,
    nan,
    oo,
    sympify,
    zoo,
)
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational

from . import notation
from ._decide import Answer, Differs, Vanishes, decide
from ._decide import Undecided as NoAnswer
from ._page import Loose, Page, ProofError, Unclear, Undecided, Wrong, judge, opaque

if TYPE_CHECKING:
    from ._row import Row

CALCULUS = Derivative, Integral, Limit, Subs, Order


def hold(row: Row, form: str, page: Page) -> None:
    """Hold one form of the ledger, both sides, against the line that arrives at it."""
    claim = row.claim[form]
    if form not in page.arrived:
        raise Loose(row.tag, form, f"no step arrives at it: {claim}")
    line = page.arrived[form]
    if type(line) is not type(claim):
        raise ProofError(row.tag, form, f"{line} arrives at it")
    if claim.lhs == claim.rhs:
        raise Loose(row.tag, form, f"says nothing: {claim}")
    judge(row.tag, form, opaque(claim.lhs - claim.rhs) - opaque(line.lhs - line.rhs))


def understood(row: Row, given: Any) -> dict[str, Any]:
    """What a reader gave, as form -> claim. Raises Unclear, and says what could be given."""
    if given is None:
        return {}
    if isinstance(given, Mapping):
        for form in given:
            row.form(form)
        return dict(given)
    forms = list(row.claim)
    if isinstance(given, Eq):
        forms = [form for form in forms if _same(given.lhs, row.claim[form].lhs)]
    if len(forms) == 1:
        return {forms[0]: given}
    example = f"ledger.{row.tag}.prove({{{next(iter(row.claim))!r}: ...}})"
    raise Unclear(row.tag, "claim", f"say which of {list(row.claim)} it is: {example}")


def compare(row: Row, form: str, given: Any, page: Page) -> None:
    """Hold a reader's claim, an expression for the right side or a whole equation, against a form.

    A whole equation must have the left side of the form. The right side must be equal to that of
    the form, by algebra or by the meanings of the row, and may not speak of the left side.
    """
    claimed = row.claim[form]
    if not isinstance(claimed, Eq):
        why = f"{claimed} is argued in words: nothing can be compared with it"
        raise Unclear(row.tag, form, why)
    right = _right_side(row, form, given, claimed)
    _check_symbols(row, form, right, page)
    difference = opaque(claimed.rhs) - opaque(right)
    answer = _decided(difference)
    if not isinstance(answer, Vanishes) and not _same_in_full(page, claimed.rhs, right):
        if isinstance(answer, Differs):
            raise Wrong(row.tag, form, answer, difference)
        raise Undecided(row.tag, form, answer)
    if right == claimed.lhs or (_same(right, claimed.lhs) and not _same(claimed.rhs, claimed.lhs)):
        raise Unclear(row.tag, form, f"says nothing: {right} is the left side")
    only_left = claimed.lhs.free_symbols - claimed.rhs.free_symbols - (NOISE - {claimed.lhs})
    if circular := right.free_symbols & only_left:
        said = f"{_listed(circular)} stands on the left side; the right side has to do without"
        raise Unclear(row.tag, form, said)


def _same_in_full(page: Page, one: Expr, other: Expr) -> bool:
    return isinstance(_decided(page.in_full(one) - page.in_full(other)), Vanishes)


def _right_side(row: Row, form: str, given: Any, claimed: Eq) -> Expr:
    if isinstance(given, Relational) and not isinstance(given, Eq):
        raise Unclear(row.tag, form, f"has to be an equation, or its right side; got {given}")
    if isinstance(given, Eq):
        _check_closed(row, form, given.lhs, claimed)
        if given.lhs == given.rhs:
            raise Unclear(row.tag, form, f"says nothing: {given}")
        if not _same(given.lhs, claimed.lhs):
            raise Unclear(row.tag, form, f"its left side has to be {claimed.lhs}; got {given.lhs}")
        given = given.rhs
    if isinstance(given, int | float) and not isinstance(given, bool):
        given = sympify(given)
    if not isinstance(given, Expr) or given.has(
        Lambda
    ):  # SymPy decides an Eq(...) on the spot if it can
        wanted = f"a formula for {claimed.lhs}, or ledger.notation.equation(left, right)"
        raise Unclear(row.tag, form, f"has to be {wanted}; got {given}")
    _check_closed(row, form, given, claimed)
    given = given.replace(Sum, lambda *parts: _renamed(Sum(*parts), claimed.rhs.atoms(Sum)))
    return notation.without_floats(given)


def _renamed(given: Sum, sums: set[Sum]) -> Sum:
    """A sum of f(k + 1) for k from 0 to T - 1 as one of f(j) for j from 1 to T, if the form's sums
    are over that j"""
    summand, (k, first, last) = given.function, given.limits[0]
    for j, low, high in {limits for sum in sums for limits in sum.limits}:
        free = j == k or j not in summand.free_symbols
        if free and high - low == last - first and not (given.limits[1:] or summand.has(Sum)):
            return Sum(summand.subs(k, j + first - low), (j, low, high))
    return given


def _check_closed(row: Row, form: str, side: Expr, claimed: Eq) -> None:
    """No division by 0, nothing infinite, and no limit, derivative or integral to be worked out"""
    if side.has(zoo, nan):
        raise Unclear(row.tag, form, f"divides by 0 or takes the logarithm of 0: {side}")
    open_parts = side.atoms(*CALCULUS) - claimed.atoms(*CALCULUS)
    if open_parts:
        raise Unclear(row.tag, form, f"work out {_listed(open_parts)} first")
    if opaque(side).has(oo, -oo):
        raise Unclear(row.tag, form, f"is infinite: {side}")


def _check_symbols(row: Row, form: str, side: Expr, page: Page) -> None:
    known = row.symbols | {s.name: s for s in page.symbols if isinstance(s, Symbol)}
    for symbol in sorted((s for s in side.free_symbols if isinstance(s, Symbol)), key=str):
        ours = known.get(symbol.name)
        if ours is None:
            usable = _listed(row.claim[form].rhs.free_symbols | row.claim[form].lhs.free_symbols)
            said = f"{symbol} is not a symbol of {row.tag}; {form} is made of {usable}, or of what "
            raise Unclear(row.tag, form, f"{said}ledger.{row.tag}.symbols has")
        if ours != symbol:
            assumed = symbol._assumptions_orig, ours._assumptions_orig
            raise Unclear(
                row.tag,
                form,
                f"{symbol} is not the ledger's {ours}: it is assumed {assumed[0]}, the ledger's "
                f"{assumed[1]}; take it from ledger.{row.tag}.symbols",
            )
    functions = {e.func for e in side.atoms(AppliedUndef)}
    known_functions = {e.func for part in page.lines for e in part.atoms(AppliedUndef)}
    if unknown := functions - known_functions:
        raise Unclear(row.tag, form, f"{_listed(unknown)} is not a function of {row.tag}")


NOISE = {symbol for depth in notation.DEPTHS for symbol in depth} | set(notation.ABBREVIATIONS)
NOISE -= {notation.sigma_Q, notation.Delta}


def _same(one: Expr, other: Expr) -> bool:
    return isinstance(_decided(opaque(one) - opaque(other)), Vanishes)


def _decided(difference: Expr) -> Answer:
    try:
        return decide(difference)
    except Exception:  # nobody knows what a reader writes, nor where SymPy gives up on it
        return NoAnswer(0, difference)


def _listed(things: set[Basic]) -> str:
    return ", ".join(sorted(map(str, things)))
