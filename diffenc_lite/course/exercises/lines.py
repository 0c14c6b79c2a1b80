"""How a line of a proof level is judged: by the judge of the ledger, in symbols of the level."""

from __future__ import annotations

import random
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

import mpmath
import sympy
from sympy import Expr, Symbol

from ..ledger import notation, zero
from . import writing
from .answers import NotRight, WrongForm, as_expression, kind_of
from .forms import Exercise, RightSide
from .levels import MEANS, SYMBOLS

FAR = 1e20  # how large T is, or how small a step, where only the leading power counts


def prepare(level: Exercise, form: RightSide) -> Callable[[Any], None]:
    """A function that returns nothing for a right line, and else raises NotRight or WrongForm."""
    names, leading = form.names, form.leading
    right = _in_full(_expression(level.answer, names))
    shown = tuple((name, _in_full(SYMBOLS[name])) for name in names)

    def compare(given: Any) -> None:
        line = _in_full(_expression(given, names))
        verdict = zero.decide(line, right, shown)
        if isinstance(verdict, zero.Differs):
            if leading and _same_in_the_limit(line, right, SYMBOLS[leading]):
                raise WrongForm(f"exact, or nearly so: keep the leading power of {leading} only")
            raise NotRight(f", {verdict}")
        if isinstance(verdict, zero.Agrees):
            raise WrongForm(
                "could not decide: it agrees at every point that was tried, but the algebra does "
                "not show it; write it in fewer steps"
            )

    return compare


def _same_in_the_limit(line: Expr, right: Expr, small: Symbol) -> bool:
    """Whether their quotient tends to 1; small is a step, or T, which is large"""
    dice = random.Random(0)
    symbols = sorted((line.free_symbols | right.free_symbols) - {small}, key=str)
    values = {symbol: mpmath.mpf(dice.uniform(0.3, 2)) for symbol in symbols}
    values[small] = mpmath.mpf(FAR if small.is_integer else 1 / FAR)
    with mpmath.workdps(zero.DIGITS[0]):
        one, other = (zero.value_at(e, values) for e in (line, right))
    return None not in (one, other) and abs(one - other) < 1e-9 * abs(other)


def _expression(given: Any, names: tuple[str, ...]) -> Expr:
    """In the ledger's symbols, finite, with no functions but those of `writing`."""
    if isinstance(given, str):
        try:
            tree = writing.read(given)
            _check_names(writing.names_in(tree), names)
            expression = writing.to_sympy(tree, SYMBOLS)
        except writing.Unreadable as why:
            raise WrongForm(str(why)) from None
    else:
        expression = _by_name(given, names)
    if expression.has(sympy.zoo, sympy.nan, sympy.oo, -sympy.oo, sympy.I):
        raise WrongForm("it is not finite and real: look for a division by 0 or a root of -1")
    return notation.without_floats(expression)


def _check_names(used: set[str], names: tuple[str, ...]) -> None:
    if strange := sorted(used - set(names)):
        are = "is not a name" if len(strange) == 1 else "are not names"
        near = [get_close_matches(name, names, 2, 0.8) for name in strange]
        near += [[n for n in names if n.lower() == name.lower()] for name in strange]
        meant = [one for one, *more in filter(None, near) if not more]
        raise WrongForm(
            f"{', '.join(strange)} {are} of this level; use {', '.join(names)}, numbers and "
            f"{', '.join(writing.FUNCTIONS)}" + f"; did you mean {', '.join(meant)}?" * bool(meant)
        )


def _by_name(given: Any, names: tuple[str, ...]) -> Expr:
    """A SymPy expression or a number; its symbols by their names, whatever was assumed of them"""
    if isinstance(given, int | float) and not isinstance(given, bool):
        given = sympy.sympify(given)
    if (expression := as_expression(given)) is None:
        raise WrongForm(f"this is {kind_of(given)}")
    if expression.has(sympy.Derivative, sympy.Integral, sympy.Limit):
        expression = expression.doit()
    known = {symbol.name: name for name, symbol in SYMBOLS.items()} | {n: n for n in names}
    called = {s: known.get(s.name, s.name) for s in expression.free_symbols}
    _check_names(set(called.values()), names)
    simple = sympy.Add | sympy.Mul | sympy.Pow | sympy.exp | sympy.log | sympy.Symbol
    for part in sympy.preorder_traversal(expression):
        if not isinstance(part, simple) and not part.is_number:
            raise WrongForm(f"{type(part).__name__} cannot be part of it: only sqrt, exp, log")
        if part.is_Pow and part.exp.is_number and not abs(part.exp) <= writing.HIGHEST:
            raise WrongForm(f"the power {str(part.exp)[:20]} is too high")
    return expression.xreplace({s: SYMBOLS[name] for s, name in called.items()})


def _in_full(expression: Expr) -> Expr:
    """Without the abbreviations of the levels"""
    texts = {SYMBOLS[name]: text for name, text in MEANS.items()}
    return expression.xreplace(
        {s: writing.to_sympy(writing.read(text), SYMBOLS) for s, text in texts.items()}
    )
