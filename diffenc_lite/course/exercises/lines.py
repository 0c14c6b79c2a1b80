"""How a line of a proof level is judged: numbers first, then algebra.

Both sides are computed at points with gamma_s < gamma_t all over the schedule, with 50 digits. If
they differ anywhere, the first such point is the reply. Else the ledger's normal form has to show
that the difference is 0; if it can't, the line counts as undecided, not as right.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from . import expressions, writing
from .comparing import Wrong, WrongForm, describe
from .levels import MEANS, SYMBOLS

if TYPE_CHECKING:
    from sympy import Expr, Symbol

Values = dict[str, Any]  # name -> number

POINTS = 12
DIGITS = 50
SCHEDULE = (-13.3, 5.0)


def prepare(answer: str, names: tuple[str, ...], seed: str) -> Callable[[Any], None]:
    """A function that returns nothing for a right line, and else raises Wrong or WrongForm."""
    import mpmath

    right = _expression(answer, names)
    points = _points(names, seed)
    symbols = [_symbols()[name] for name in names]
    value_of = _function(right, symbols)
    expected = [value_of(*(point[name] for name in names)) for point in points]
    if None in expected:
        raise ValueError(f"its answer, {answer}, has no value at some point")

    def compare(given: Any) -> None:
        line = _expression(given, names)
        value_of = _function(line, symbols)
        for point, value in zip(points, expected, strict=True):
            other = value_of(*(point[name] for name in names))
            if other is None or abs(other - value) > 1e-20 * (1 + abs(value)):
                where = ", ".join(f"{name} = {float(point[name]):.4g}" for name in names)
                digits = 4 if other is None or abs(other - value) > 1e-3 * abs(value) else 20
                told = "has no value" if other is None else f"is {mpmath.nstr(other, digits)}"
                wanted = mpmath.nstr(value, digits)
                raise Wrong(f", for example at {where}: it {told}, not {wanted}")
        if _reduced(line - right) != 0:
            raise WrongForm(
                "could not decide: it agrees at every point that was tried, but the algebra does "
                "not show it; write it in fewer steps"
            )

    return compare


# --- what was given -------------------------------------------------------------------------------


def _expression(given: Any, names: tuple[str, ...]) -> Expr:
    """In the ledger's symbols, finite, with no functions but those of `writing`."""
    import sympy

    if isinstance(given, str):
        try:
            tree = writing.read(given)
            _check_names(writing.names_in(tree), names)
            expression = writing.to_sympy(tree, _symbols())
        except writing.Unreadable as why:
            raise WrongForm(str(why)) from None
    else:
        expression = _in_symbols_of_the_ledger(given, names)
    if expression.has(sympy.zoo, sympy.nan, sympy.oo, -sympy.oo, sympy.I):
        raise WrongForm("it is not finite and real: look for a division by 0 or a root of -1")
    from ..ledger import notation

    return notation.without_floats(expression)


def _check_names(used: set[str], names: tuple[str, ...]) -> None:
    if strange := sorted(used - set(names)):
        are = "is not a name" if len(strange) == 1 else "are not names"
        raise WrongForm(
            f"{', '.join(strange)} {are} of this level; use {', '.join(names)}, numbers and "
            f"{', '.join(writing.FUNCTIONS)}"
        )


def _in_symbols_of_the_ledger(given: Any, names: tuple[str, ...]) -> Expr:
    """Symbols by their names, whatever was assumed of them"""
    import sympy

    if isinstance(given, int | float) and not isinstance(given, bool):
        given = sympy.sympify(given)
    try:
        expression = expressions.expression_of(given)
        if expression is None:
            raise WrongForm(f"this is {describe(given)}")
        known = {symbol.name: name for name, symbol in _symbols().items()} | {n: n for n in names}
        _check_names({known.get(name, name) for name in expression.names}, names)
        symbols = {key: _symbols()[name] for key, name in known.items() if name in names}
        return expression.to_sympy(symbols, writing.HIGHEST)
    except expressions.Unknown as why:
        raise WrongForm(str(why)) from None


# --- numbers --------------------------------------------------------------------------------------


def _points(names: tuple[str, ...], seed: str) -> list[Values]:
    """A number for each name, the same in every run: the noise follows from gamma, the rest is
    drawn. First points near gamma = 0, then all over the schedule."""
    import mpmath

    from ..ledger import notation

    gammas = (notation.gamma_s, notation.gamma_t)
    formulas = {name: notation.in_gamma(_in_full(_symbols()[name])) for name in names}
    noise = {n: _function(f, gammas) for n, f in formulas.items() if f.free_symbols <= {*gammas}}
    dice = random.Random(seed)
    points = []
    for i in range(POINTS):
        low, high = (-2.0, 2.0) if i < POINTS // 2 else SCHEDULE
        middle = (low + high) / 2
        depths = [mpmath.mpf(dice.uniform(*ends)) for ends in ((low, middle), (middle, high))]
        drawn = {name: _drawn(_symbols()[name], dice) for name in names if name not in noise}
        points.append(drawn | {name: formula(*depths) for name, formula in noise.items()})
    return points


def _drawn(symbol: Symbol, dice: random.Random) -> Any:
    import mpmath

    if symbol.is_integer:
        return mpmath.mpf(dice.randrange(1, 9))
    return mpmath.mpf(dice.uniform(0.2 if symbol.is_nonnegative else -3.0, 3.0))


def _function(expression: Expr, symbols: Sequence[Symbol]) -> Callable[..., Any]:
    """Computes with 50 digits; None where there is no finite real value."""
    import mpmath
    import sympy

    compiled = sympy.lambdify(symbols, expression, "mpmath")

    def value(*numbers: Any) -> Any:
        with mpmath.workdps(DIGITS):
            try:
                number = mpmath.mpmathify(compiled(*numbers))
            except (ZeroDivisionError, ValueError, OverflowError):
                return None
            real = mpmath.isfinite(number) and abs(mpmath.im(number)) < 1e-30
            return mpmath.re(number) if real else None

    return value


# --- the door to the ledger -----------------------------------------------------------------------


@cache
def _symbols() -> dict[str, Symbol]:
    """Those of the ledger's notation, and those that the levels add"""
    import sympy

    from ..ledger import notation

    ours = {n: sympy.Symbol(n, positive=True) for n in SYMBOLS["positive"].split()}
    ours |= {n: sympy.Symbol(n, real=True) for n in SYMBOLS["real"].split()}
    return ours | {n: s for n, s in vars(notation).items() if isinstance(s, sympy.Symbol)}


def _in_full(expression: Expr) -> Expr:
    """Without the abbreviations of the levels"""
    meanings = {_symbols()[n]: text for n, text in MEANS.items()}
    return expression.xreplace(
        {s: writing.to_sympy(writing.read(text), _symbols()) for s, text in meanings.items()}
    )


def _reduced(difference: Expr) -> Expr:
    from ..ledger import reduced

    return reduced(_in_full(difference))
