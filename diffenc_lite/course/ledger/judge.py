"""One judge, for the lines of the ledger, for a reader's claims, and for the proof levels.

Two formulas are compared in full: with every symbol that has a meaning replaced by it. A reader may
use the symbols that the row ties together, and no others: one that is left free could take a value
that the row rules out, and refute what is true.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational

from . import zero
from .notation import NOISE, Delta, sigma_Q, without_floats

CALCULUS = sp.Derivative, sp.Integral, sp.Limit, sp.Subs, sp.Order
Meanings = Mapping[sp.Basic, sp.Expr]


class ProofError(Exception):
    """A row, with the line or the form of its claim that failed, and why."""

    def __init__(self, tag: str, where: str, reason: str):
        super().__init__(f"{tag}, {where}: {reason}")
        self.tag, self.form, self.reason = tag, where, reason


class Wrong(ProofError):
    """The two sides differ: `answer` has the point and both values, `difference` the general."""

    def __init__(self, tag: str, where: str, answer: zero.Differs, expression: sp.Expr):
        super().__init__(tag, where, f"wrong, {answer}")
        self.answer, self.expression = answer, expression

    @cached_property
    def difference(self) -> sp.Expr:
        given = self.expression
        return given if given.has(sp.Order) else sp.factor(zero.reduced(given))


class Undecided(ProofError):
    """Numbers agree, algebra does not show it: neither proved nor refuted."""

    def __init__(self, tag: str, where: str, answer: zero.Agrees):
        agrees = f"agrees at {answer.points} points, left over {answer.rest}"
        super().__init__(tag, where, f"could not decide: {agrees}")


class Loose(ProofError):
    """A line that is compared with nothing."""


class Unclear(ProofError):
    """A claim of a reader that cannot be compared with the form, and what could be."""


def hold(tag: str, where: str, one: sp.Expr, other: sp.Expr, shown: tuple = ()) -> None:
    """Raises Wrong or Undecided unless the two are the same."""
    answer = zero.decide(one, other, shown)
    if isinstance(answer, zero.Differs):
        raise Wrong(tag, where, answer, other - one)
    if isinstance(answer, zero.Agrees):
        raise Undecided(tag, where, answer)


def in_full(expression: Any, meanings: Meanings, seen: set[sp.Basic] | None = None) -> Any:
    """With all that has a meaning replaced by what it stands for, down to the bottom. With `seen`:
    the symbols met on the way, in place of the expression."""
    met: set[sp.Basic] = set()
    for _ in range(12):
        met |= expression.free_symbols
        before, expression = expression, expression.xreplace(meanings)
        if expression == before:
            return expression if seen is None else met
    raise Loose("a row", str(expression)[:60], "defined by itself")


def opaque(expression: sp.Expr) -> sp.Expr:
    """Limits, derivatives and integrals as single symbols: the claim is to be the same equation,
    not another one that is true as well."""
    return expression.replace(
        lambda e: isinstance(e, sp.Limit | sp.Derivative | sp.Integral), lambda e: sp.Symbol(str(e))
    )


# --- a reader's claims ---------------------------------------------------------------------------


def understood(tag: str, forms: Mapping[str, Relational], given: Any) -> dict[str, Any]:
    """What a reader gave, as form -> claim. Raises Unclear, and says what could be given."""
    if given is None:
        return {}
    if isinstance(given, Mapping):
        for form in given:
            if form not in forms:
                raise KeyError(f"form of {tag} must be one of {list(forms)}; got {form!r}")
        return dict(given)
    fitting = list(forms)
    if isinstance(given, sp.Eq):
        fitting = [form for form in forms if zero.same(opaque(given.lhs), opaque(forms[form].lhs))]
    if len(fitting) == 1:
        return {fitting[0]: given}
    example = f"ledger.{tag}.prove({{{next(iter(forms))!r}: ...}})"
    raise Unclear(tag, "claim", f"say which of {list(forms)} it is: {example}")


def hold_claim(
    tag: str, form: str, given: Any, claimed: Relational,
    meanings: Meanings, known: Mapping[str, sp.Symbol], lines: Sequence[sp.Basic],
) -> None:
    """Hold a reader's claim, an expression for the right side or a whole equation, against a form.

    A whole equation must have the left side of the form. The right side must be equal to that of
    the form, by the meanings of the row, and may not speak of the left side.
    """

    def unless(holds: Any, why: str) -> None:
        if not holds:
            raise Unclear(tag, form, why)

    why = f"{claimed} is argued in words: nothing can be compared with it"
    unless(isinstance(claimed, sp.Eq), why)
    if isinstance(given, Relational):
        unless(isinstance(given, sp.Eq), f"has to be an equation, or its right side; got {given}")
        unless(given.lhs != given.rhs, f"says nothing: {given}")
        fits = zero.same(opaque(given.lhs), opaque(claimed.lhs))
        unless(fits, f"its left side has to be {claimed.lhs}; got {given.lhs}")
        given = given.rhs
    if isinstance(given, int | float) and not isinstance(given, bool):
        given = sp.sympify(given)
    # SymPy decides an Eq(...) on the spot if it can
    wanted = f"a formula for {claimed.lhs}, or ledger.notation.equation(left, right)"
    formula = isinstance(given, sp.Expr) and not given.has(sp.Lambda)
    unless(formula, f"has to be {wanted}; got {given}")
    unless(not given.has(sp.zoo, sp.nan), f"divides by 0 or takes the logarithm of 0: {given}")
    to_do = given.atoms(*CALCULUS) - claimed.atoms(*CALCULUS)
    unless(not to_do, f"work out {_listed(to_do)} first")
    unless(not opaque(given).has(sp.oo, -sp.oo), f"is infinite: {given}")
    sums = claimed.rhs.atoms(sp.Sum)
    given = without_floats(given.replace(sp.Sum, lambda *e: _renamed(sp.Sum(*e), sums)))
    for symbol in sorted((s for s in given.free_symbols if isinstance(s, sp.Symbol)), key=str):
        ours, usable = known.get(symbol.name), _listed(claimed.free_symbols)
        said = f"{symbol} is not a symbol of {tag}; {form} is made of {usable}, or of what "
        unless(ours is not None, f"{said}ledger.{tag}.symbols has")
        unless(
            ours == symbol,
            f"{symbol} is not the ledger's {ours}: it is assumed {symbol._assumptions_orig}, the "
            f"ledger's {ours and ours._assumptions_orig}; take it from ledger.{tag}.symbols",
        )
    functions = {e.func for line in lines for e in line.atoms(AppliedUndef)}
    strange = {e.func for e in given.atoms(AppliedUndef)} - functions
    unless(not strange, f"{_listed(strange)} is not a function of {tag}")
    right = opaque(claimed.rhs), opaque(given)
    if not zero.same(*right):
        names = sorted((s for s in given.free_symbols | claimed.rhs.free_symbols), key=str)
        shown = tuple((str(s), in_full(s, meanings)) for s in names if isinstance(s, sp.Symbol))
        try:
            hold(tag, form, in_full(given, meanings), in_full(claimed.rhs, meanings), shown)
        except ProofError:
            raise
        except Exception:  # nobody knows what a reader writes, nor where SymPy gives up on it
            raise Undecided(tag, form, zero.Agrees(0, given)) from None
    left = opaque(claimed.lhs)
    speaks = zero.same(right[1], left) and not zero.same(right[0], left)
    unless(not speaks and given != claimed.lhs, f"says nothing: {given} is the left side")
    free = NOISE - {sigma_Q, Delta, claimed.lhs}
    circular = given.free_symbols & (claimed.lhs.free_symbols - claimed.rhs.free_symbols - free)
    said = f"{_listed(circular)} stands on the left side; the right side has to do without"
    unless(not circular, said)


def _renamed(given: sp.Sum, sums: set[sp.Sum]) -> sp.Sum:
    """A sum of f(k + 1) for k from 0 to T - 1 as one of f(j) for j from 1 to T, if the form's sums
    are over that j"""
    summand, (k, first, last) = given.function, given.limits[0]
    for j, low, high in {limits for sum in sums for limits in sum.limits}:
        free = j == k or j not in summand.free_symbols
        if free and high - low == last - first and not (given.limits[1:] or summand.has(sp.Sum)):
            return sp.Sum(summand.subs(k, j + first - low), (j, low, high))
    return given


def _listed(things: Any) -> str:
    return ", ".join(sorted(map(str, things)))
