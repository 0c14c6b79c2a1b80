"""One judge, for the lines of the ledger, for a reader's claims, and for the proof levels.

Two formulas are compared in full: with every symbol that has a meaning replaced by it. A reader may
use the symbols that the row ties together, and no others: one that is left free could take a value
that the row rules out, and refute what is true.
"""

from collections.abc import Mapping
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational

from . import reading, zero
from .checking import ProofError, Undecided, Wrong, hold, in_full, rule
from .notation import NOISE, Delta, without_floats

CALCULUS = *zero.CALCULUS, sp.Order


class Unclear(ProofError):
    """A claim of a reader that cannot be compared with the form, and what could be."""


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
    if not given or not isinstance(given, Mapping):
        example = f"ledger.{tag}.prove({{{next(iter(forms))!r}: ...}})"
        raise Unclear(tag, "claim", f"say which of {list(forms)} it is: {example}")
    for form in given:
        if form not in forms:
            raise KeyError(f"form of {tag} must be one of {list(forms)}; got {form!r}")
    return dict(given)


def hold_claim(row: Any, form: str, given: Any) -> None:
    """Hold a reader's claim, text or an expression for the right side, or a whole equation, against
    a form of a row.

    A whole equation must have the left side of the form. The right side must be equal to that of
    the form, by what the form rests on, and may not speak of the left side.
    """
    claimed, meanings, known = row.claim[form], row.meanings(form), row.symbols

    def unless(holds: Any, why: str) -> None:
        if not holds:
            raise Unclear(row.tag, form, why) from None

    def by_name(expression: sp.Expr) -> sp.Expr:
        """With the ledger's symbols for others of the same name, whatever was assumed"""
        symbols = {s for s in expression.free_symbols if isinstance(s, sp.Symbol)}
        symbols -= {label for e in expression.atoms(sp.Indexed) for label in e.base.free_symbols}
        return expression.xreplace({s: ours(s.name) for s in symbols if not s.is_Dummy})

    def ours(name: str) -> sp.Basic:
        usable = f"{_listed(claimed.free_symbols)}, or of what ledger.{row.tag}.symbols has"
        unless(name in known, f"{name} is not a symbol of {row.tag}; {form} is made of {usable}")
        return known[name]

    unless(isinstance(claimed, sp.Eq), f"{claimed} is an inequality: it takes no claim")
    if isinstance(given, str):
        try:  # as the proof levels take it
            tree = reading.read(given, known)
            given = reading.to_sympy(tree, {name: ours(name) for name in reading.names_in(tree)})
        except reading.Unreadable as why:
            unless(False, str(why))
    if isinstance(given, Relational):
        unless(isinstance(given, sp.Eq), f"has to be an equation, or its right side; got {given}")
        unless(given.lhs != given.rhs, f"says nothing: {given}")
        fits = zero.same(opaque(by_name(given.lhs)), opaque(claimed.lhs))
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
    given, up_to = zero.without_order(by_name(without_floats(given)))
    right, order = zero.without_order(claimed.rhs)
    unless(up_to == order, f"say up to which order it holds: + {order}")
    strange = {e.func for e in given.atoms(AppliedUndef)} - row.functions
    unless(not strange, f"{_listed(strange)} is not a function of {row.tag}")
    left = opaque(claimed.lhs)
    speaks = zero.same(opaque(given), left) and not zero.same(opaque(claimed.rhs), left)
    unless(not speaks and given != claimed.lhs, f"says nothing: {given} is the left side")
    left_only = claimed.lhs.free_symbols - claimed.rhs.free_symbols - (NOISE - {Delta})
    circular = _listed(given.free_symbols & left_only)
    unless(not circular, f"{circular} stands on the left side; the right side has to do without")
    every = row.meanings(*row.claim) | meanings
    for symbol in given.free_symbols - claimed.rhs.free_symbols:
        meaning = every.get(symbol, zero.ZERO)
        unless(not meaning.free_symbols & left_only, f"says nothing: {symbol} means {meaning}")
    mine = sp.Tuple(claimed, *(line for _, line in row[form].roots))
    for source, line in (root for each in row.claim for root in row[each].roots):
        if source.kind == "definition" and isinstance(handle := rule(line)[0], sp.Symbol):
            if not mine.has(handle):  # a name: it does not narrow the form, as E1's path would
                meanings.setdefault(handle, every[handle])
    one, other = in_full(given, meanings), in_full(right, meanings)
    factors = zero.divided_by(one) - zero.divided_by(other)
    for factor in factors:
        if not isinstance(zero.decide(factor), zero.Differs):
            raise Undecided(row.tag, form, f"divides by {factor}")
    if not zero.same(opaque(right), opaque(given)):
        cases = [{s: every[s]} for s in every] + [row.meanings(each) for each in row.claim]
        _compare(row.tag, form, one, other, cases, order)
    for factor in factors:
        defined = zero.sign(factor) != 0 or factor.is_nonzero
        unless(defined, f"has no value where {factor} = 0, and the form has one")


def _compare(
    tag: str, form: str, one: sp.Expr, other: sp.Expr, cases: Any, order: sp.Expr
) -> None:
    """Raises Wrong, Undecided or Unclear unless the two right sides are the same, up to this order;
    the last if they are by more meanings, those of one of these cases."""
    symbols = sorted((s for s in one.free_symbols | other.free_symbols), key=str)
    shown = tuple((str(s), s) for s in symbols if isinstance(s, sp.Symbol))
    try:
        hold(tag, form, one, other, shown, order)
    except Wrong:
        for case in cases:
            more = {s: meaning for s, meaning in case.items() if (one + other).has(_name(s))}
            if more and zero.same(*(in_full(e, case) for e in (one, other))):
                where = " and ".join(f"{s} = {meaning}" for s, meaning in more.items())
                why = f"holds only where {where}; the form holds without that"
                raise Unclear(tag, form, why) from None
        raise
    except ProofError:
        raise
    except Exception:  # nobody knows what a reader writes, nor where SymPy gives up on it
        raise Undecided(tag, form, str(one)) from None


def _name(handle: sp.Basic) -> Any:
    return handle.func if isinstance(handle, AppliedUndef) else handle


def _listed(things: Any) -> str:
    return ", ".join(sorted(map(str, things)))
