"""SymPy expressions as plain data, so that a judge never touches an object of the student's.

An `Expression` is a tree of lists: ["Symbol", "gamma"], ["Number", "-3", "4"] for -3/4,
["Float", "5", "-1"] for 5 * 2^-1, ["Constant", "pi"], and [NAME, arguments...] for the operations
named here. Its value is computed by mpmath, whose numbers have a fixed length: no expression,
however it is nested, can make that long.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

DIGITS = 60  # of the computation; what cancels leaves more than enough
HIGHEST = 1e6  # |x| of e^x: beyond, nothing is finite that an exercise asks for
NODES = 20_000
TRUTHS = {"BooleanTrue": True, "BooleanFalse": False}
INFINITE = {"NaN": "nan", "ComplexInfinity": "nan", "Infinity": "inf", "NegativeInfinity": "ninf"}
CONSTANTS = {"Pi": "pi", "Exp1": "e", "EulerGamma": "euler", "GoldenRatio": "phi",
             "Catalan": "catalan", "ImaginaryUnit": "j", **INFINITE}  # fmt: skip
FUNCTIONS = {name: name for name in (
    "exp log sin cos tan cot sec csc sinh cosh tanh coth sech csch asin acos atan atan2 asinh "
    "acosh atanh erf erfc erfi erfinv gamma loggamma sign floor"
).split()} | {"Abs": "fabs", "ceiling": "ceil", "re": "re", "im": "im"}  # fmt: skip
RELATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "Equality": operator.eq, "Unequality": operator.ne,
    "StrictLessThan": operator.lt, "LessThan": operator.le,
    "StrictGreaterThan": operator.gt, "GreaterThan": operator.ge,
}  # fmt: skip
LOGIC = {"And": all, "Or": any, "Not": lambda values: not values[0]}
OPERATIONS = {"Add", "Mul", "Pow", "Max", "Min", "Piecewise", "ExprCondPair",
              *FUNCTIONS, *RELATIONS, *LOGIC}  # fmt: skip


class Unknown(ValueError):
    """Something that cannot be part of an expression here; the text names it."""


class NoValue(ValueError):
    """It has no finite real value at this point."""


@dataclass(frozen=True)
class Expression:
    tree: Any

    @property
    def names(self) -> set[str]:
        return _names(self.tree)

    def value(self, point: Mapping[str, Any]) -> Any:
        """The value where each name has this number, an mpf. Raises NoValue, KeyError."""
        import mpmath

        with mpmath.workdps(DIGITS):
            try:
                value = mpmath.mpmathify(_value(self.tree, point, mpmath.mp))
                real = mpmath.re(value)
                rounding = abs(real) * mpmath.mpf(10) ** -30
                if mpmath.isfinite(value) and abs(mpmath.im(value)) <= rounding:
                    return real
            except (ZeroDivisionError, ValueError, OverflowError, TypeError, RecursionError):
                pass
        raise NoValue("it has no finite real value at some input")

    def to_sympy(self, symbols: Mapping[str, Any], highest: int) -> Any:
        """In these symbols, of sums, products, powers up to `highest`, exp and log alone.

        Raises Unknown for anything else, KeyError for a name without a symbol.
        """
        return _to_sympy(self.tree, symbols, highest)


def is_expression(given: Any) -> bool:
    """Whether it is an Expression or one of SymPy, and no function."""
    import sympy

    return isinstance(given, Expression | sympy.Expr) and not isinstance(given, sympy.Lambda)


def expression_of(given: Any) -> Expression | None:
    """Of an Expression or a SymPy expression; None of anything else. Raises Unknown."""
    if isinstance(given, Expression):
        return given
    if not is_expression(given):
        return None
    try:
        return Expression(_tree(given))
    except Unknown:
        return Expression(_tree(given.doit()))  # as of an integral


def read(tree: Any) -> Expression:
    """An expression of a tree that anybody may have written. Raises Unknown."""
    count = [0]
    _check(tree, count)
    return Expression(tree)


def _tree(given: Any) -> Any:
    import sympy

    kind = type(given).__name__
    if isinstance(given, sympy.Symbol):
        return ["Symbol", given.name]
    if isinstance(given, sympy.Rational):
        return ["Number", str(given.p), str(given.q)]
    if isinstance(given, sympy.Float):
        sign, mantissa, exponent, _ = given._mpf_
        return ["Float", str(-int(mantissa) if sign else int(mantissa)), str(exponent)]
    if kind in {*CONSTANTS, *TRUTHS}:
        return ["Constant", kind]
    if kind in OPERATIONS:
        return [kind, *map(_tree, given.args)]
    raise Unknown(f"{kind} cannot be part of it; evaluate it, as with .doit()")


def _check(tree: Any, count: list[int]) -> None:
    count[0] += 1
    if not isinstance(tree, list) or not tree or count[0] > NODES:
        raise Unknown("it is no expression, or too long")
    match tree:
        case ["Symbol", str(name)] if len(name) <= 100:
            pass
        case ["Number" | "Float", str(a), str(b)] if max(len(a), len(b)) <= 1000:
            int(a), int(b)
        case ["Constant", str(name)] if name in {*CONSTANTS, *TRUTHS}:
            pass
        case [str(name), *arguments] if name in OPERATIONS:
            for argument in arguments:
                _check(argument, count)
        case _:
            raise Unknown(f"{str(tree[0])[:40]} cannot be part of it")


def _names(tree: Any) -> set[str]:
    if tree[0] == "Symbol":
        return {tree[1]}
    return set().union(*(_names(branch) for branch in tree[1:] if isinstance(branch, list)))


def _value(tree: Any, point: Mapping[str, Any], mp: Any) -> Any:
    match tree:
        case ["Symbol", name]:
            return mp.mpf(point[name])
        case ["Number", above, below]:
            return mp.mpf(int(above)) / int(below)
        case ["Float", mantissa, exponent]:
            return mp.ldexp(mp.mpf(int(mantissa)), max(-(10**6), min(10**6, int(exponent))))
        case ["Constant", name]:
            return TRUTHS[name] if name in TRUTHS else +getattr(mp, CONSTANTS[name])
        case ["Piecewise", *cases]:
            for _, value, condition in cases:
                if _value(condition, point, mp):
                    return _value(value, point, mp)
            raise ValueError("no case")
    name, *values = tree[0], *(_value(branch, point, mp) for branch in tree[1:])
    if name == "Add":
        return mp.fsum(values)
    if name == "Mul":
        return mp.fprod(values)
    if name == "Pow":
        return _power(mp, *values)
    if name in RELATIONS:
        return RELATIONS[name](*map(mp.re, values))
    if name in LOGIC:
        return LOGIC[name](values)
    if name in ("Max", "Min"):
        return (max if name == "Max" else min)(mp.re(value) for value in values)
    if any(abs(value) > HIGHEST for value in values) and name not in ("log", "Abs", "sign"):
        if name not in ("tanh", "coth", "atan", "erf", "re", "im"):
            raise OverflowError(name)
    function: Callable[..., Any] = getattr(mp, FUNCTIONS[name])
    return function(*values)


def _power(mp: Any, base: Any, exponent: Any) -> Any:
    if base != 0 and abs(exponent * mp.log(abs(base))) > HIGHEST:
        raise OverflowError("power")
    if mp.im(exponent) == 0 and mp.isint(exponent) and abs(exponent) < 10**6:
        return base ** int(mp.re(exponent))
    return mp.power(base, exponent)


def _to_sympy(tree: Any, symbols: Mapping[str, Any], highest: int) -> Any:
    import sympy

    match tree:
        case ["Symbol", name]:
            return symbols[name]
        case ["Number", above, below] if len(above) + len(below) <= 100 and int(below):
            return sympy.Rational(int(above), int(below))
        case ["Float", mantissa, exponent] if len(mantissa) <= 100 and abs(int(exponent)) <= 400:
            exact = sympy.Rational(int(mantissa)) * sympy.Rational(2) ** int(exponent)
            return sympy.Float(exact, precision=53)
        case ["Constant", "Pi" | "Exp1" as name]:
            return getattr(sympy.S, name)
        case ["Add" | "Mul" | "exp" | "log" as name, *arguments]:
            return getattr(sympy, name)(*(_to_sympy(a, symbols, highest) for a in arguments))
        case ["Pow", base, exponent]:
            power = _to_sympy(exponent, symbols, highest)
            if power.is_number and not abs(power) <= highest:
                raise Unknown(f"the power {str(power)[:20]} is too high")
            return _to_sympy(base, symbols, highest) ** power
        case ["Constant", name] if name in INFINITE or name == "ImaginaryUnit":
            raise Unknown("it is not finite and real: look for a division by 0 or a root of -1")
    raise Unknown(f"{tree[0]} cannot be part of it: only sqrt, exp, log")
