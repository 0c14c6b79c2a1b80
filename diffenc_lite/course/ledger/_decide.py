"""Does an expression vanish identically? Three answers: yes; no, for example here; undecided.

First numbers, then algebra. The expression is computed with 60 digits at random points: if it is
not 0 at one of them, that point is a counterexample. Else it is brought to its normal form. If that
is not 0 either, nothing is claimed.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Any

import mpmath
import sympy
from sympy import (
    Basic,
    Derivative,
    Dummy,
    Expr,
    Indexed,
    Integral,
    Limit,
    Order,
    Rational,
    Subs,
    Sum,
    Symbol,
    fraction,
    nan,
    sin,
    together,
    zoo,
)
from sympy.core.function import AppliedUndef

from .normal_form import reduced
from .notation import (
    DEPTHS,
    Delta,
    T,
    alpha_ts,
    c,
    gamma_0,
    gamma_1,
    gamma_s,
    gamma_t,
    lambda_s,
    lambda_t,
    sigma_Q,
)

# Where gamma is drawn from, in tenths, point by point: two in the middle, then all that a schedule
# from -13.3 to 5 can reach, and its two ends.
RANGES = ((-30, 46), (-30, 46), (-133, 50), (-133, 50), (-133, -100), (0, 50))
SOME, OTHERS = (0, 2), (1, 3, 4, 5)  # the points tried before the algebra, and after it
DIGITS = 60
CARRIED_OUT = (Derivative, Subs, Integral, Limit)


@dataclass(frozen=True)
class Vanishes:
    """The expression is 0, identically."""


@dataclass(frozen=True)
class Differs:
    """At this point it has this value, which is not 0."""

    point: dict[str, Rational]
    value: complex

    def __str__(self) -> str:
        shown = ", ".join(f"{name} = {float(value):g}" for name, value in self.point.items())
        parts, small = (self.value.real, self.value.imag), 1e-12 * abs(self.value)
        value = complex(*(part if abs(part) > small else 0.0 for part in parts))
        value = value if value.imag else value.real
        return f"at {shown}: difference = {value:.6g}" if shown else f"difference = {value:.6g}"


@dataclass(frozen=True)
class Undecided:
    """It is 0 at all points that were tried, but `rest` is what the normal form has left."""

    points: int
    rest: Expr


Answer = Vanishes | Differs | Undecided


@cache
def decide(expression: Expr) -> Answer:
    """Whether an expression vanishes identically; if it does not, a point where it differs."""
    if expression.has(Order):
        answers = map(decide, lower_orders(expression))
        return next((a for a in answers if not isinstance(a, Vanishes)), Vanishes())
    expression = evaluated(expression)
    if expression == 0:
        return Vanishes()
    agreed = 0
    for seeds in (SOME, OTHERS):
        for seed in seeds:
            sample = value_at_random(expression, seed)
            if sample is not None and abs(sample[1]) > 1e-30:
                return Differs(sample[0], complex(sample[1]))
            agreed += sample is not None
        if seeds is SOME:
            rest = _without_sums_and_integrals(expression)
            if rest == 0:
                return Vanishes()
    return Undecided(agreed, rest)


def _without_sums_and_integrals(expression: Expr) -> Expr:
    rest = reduced(expression)
    if rest != 0 and rest.has(Sum) and T in rest.free_symbols:
        rest = by_induction(expression)
    if rest != 0 and rest.has(Integral):
        rest = by_slope(expression)
    return rest


def evaluated(expression: Expr, kinds: tuple[type, ...] = CARRIED_OUT) -> Expr:
    """Derivatives, integrals and limits carried out; sums stay."""
    expression = expression.replace(_by_a_function, _as_subs)
    for kind in kinds:
        if expression.has(kind):
            expression = expression.replace(
                lambda e, kind=kind: (
                    isinstance(e, kind) and not (kind is Integral and e.has(AppliedUndef))
                ),
                lambda e: e.doit(),
            )
    return expression


def _by_a_function(e: Basic) -> bool:
    """A derivative of F(gamma(t)) in gamma(t)"""
    return isinstance(e, Derivative) and isinstance(e.variables[0], AppliedUndef)


def _as_subs(derivative: Derivative) -> Expr:
    inner, dummy = derivative.variables[0], Dummy()
    return Subs(Derivative(derivative.expr.subs(inner, dummy), dummy), dummy, inner)


# --- orders and sums -----------------------------------------------------------------------------


def lower_orders(expression: Expr) -> list[Expr]:
    """What has to vanish if a series is to hold up to its O(h^n): the coefficients below n."""
    (order,) = expression.atoms(Order)
    variable = order.variables[0]
    power = int(sympy.degree(order.expr, variable))
    expression = expression.subs(order, 0)
    if variable == Delta:
        expression = expression.subs({lambda_s: lambda_t + Delta, c: 1 - sympy.exp(-Delta)})
    expression = evaluated(expression)
    numerator, denominator = fraction(together(expression))
    while evaluated(denominator.subs(variable, 0)).expand() == 0:
        denominator, power = denominator.diff(variable), power + 1
    return [
        evaluated(evaluated(numerator.diff(variable, n)).subs(variable, 0)) for n in range(power)
    ]


def by_induction(expression: Expr) -> Expr:
    """What is left of a claim on sums up to T: of the case T = 1, or of the step to T + 1."""
    start = reduced(expression.subs(T, 1).doit())
    if start != 0:
        return start

    def last_apart(*arguments: Expr) -> Expr:
        summand, (index, low, high) = arguments
        if high == T + 1:
            return Sum(summand, (index, low, T)) + summand.subs(index, T + 1)
        return Sum(*arguments)

    return reduced(expression.subs(T, T + 1).replace(Sum, last_apart) - expression)


def by_slope(expression: Expr) -> Expr:
    """What is left of a claim on an integral from a to b: of the case b = a, or of the slope in b.

    The slope of the integral is the integrand at b: the fundamental theorem.
    """
    integral = max(expression.atoms(Integral), key=str)
    _, low, high = integral.limits[0]
    if not isinstance(high, Symbol):
        return expression
    start = reduced(evaluated(expression.subs(integral, 0).subs(high, low)))
    return start if start != 0 else reduced(evaluated(expression.diff(high)))


# --- numbers -------------------------------------------------------------------------------------


def value_at_random(expression: Expr, seed: int) -> tuple[dict[str, Rational], Any] | None:
    """(point, value) at a random point; None if there is no value there.

    Symbols keep their assumptions, gamma_0 < gamma_s < gamma_t < gamma_1, and all noise follows
    from gamma. Functions that are not specified become waves, what has an index becomes numbers.
    """
    dice, (low, high) = random.Random(seed), RANGES[seed]
    wide = seed > 1 and not expression.has(Integral)  # quadrature is for tame numbers
    integers = sorted((s for s in expression.free_symbols if s.is_integer), key=str)
    point = {symbol: sympy.Integer(2 + dice.randrange(9 if wide else 3)) for symbol in integers}
    expression = expression.subs(point).replace(_by_a_function, _as_subs)
    for function in sorted({f.func for f in expression.atoms(AppliedUndef)}, key=str):
        expression = expression.replace(function, _wave(dice))
    expression = evaluated(expression, (Derivative, Subs, Limit)).replace(
        Sum, lambda *a: Sum(*a).doit()
    )
    leaves = sorted(expression.atoms(Indexed), key=str)
    expression = expression.xreplace({leaf: _number(leaf, dice, wide) for leaf in leaves})
    if expression.has(zoo, nan):
        return None
    gammas = _gammas(dice, low, high)
    with mpmath.workdps(DIGITS):
        noise = _noise(gammas)
        values = {}
        for symbol in sorted(expression.free_symbols, key=str):
            if symbol in noise:
                values[symbol], depends = noise[symbol]
                point |= {g: gammas[g] for g in depends}
            else:
                point[symbol] = _number(symbol, dice, wide)
                values[symbol] = mpmath.mpf(point[symbol].p) / point[symbol].q
        try:
            value = sympy.lambdify(list(values), expression, "mpmath")(*values.values())
            value = mpmath.mpmathify(value)
        except (ArithmeticError, ValueError, TypeError):
            return None
    named = {symbol.name: number for symbol, number in point.items()}
    return (named, value) if mpmath.isfinite(value) else None


def _gammas(dice: random.Random, low: int, high: int) -> dict[Symbol, Rational]:
    """gamma_0 < gamma_s < gamma_t < gamma_1, in tenths between low and high"""
    if (low, high) == RANGES[0]:  # in small steps
        steps = [dice.randrange(low, 0), *(dice.randrange(1, 20) for _ in range(4))]
        levels = list(accumulate(steps))[1:]
    else:
        levels = sorted(dice.sample(range(low, high + 1), 4))
    order = (gamma_0, gamma_s, gamma_t, gamma_1)
    return {gamma: Rational(level, 10) for gamma, level in zip(order, levels, strict=True)}


def _number(symbol: Expr, dice: random.Random, wide: bool) -> Rational:
    """Of either sign unless the symbol has one; if wide, of any order from 0.01 to 100"""
    number = Rational(dice.randrange(2, 30), 10)
    positive = symbol.is_nonnegative or dice.random() < 0.5
    if wide:
        number *= Rational(10) ** dice.randrange(-2, 3)
    return number if positive else -number


def _wave(dice: random.Random) -> Callable[..., Expr]:
    """A smooth function with nothing special about it; positive"""
    a, b, shift = (Rational(dice.randrange(3, 15), 10) for _ in range(3))

    def wave(*arguments: Expr) -> Expr:
        total = sum(n * argument for n, argument in enumerate(arguments, start=1))
        return 2 + a + (b * total) ** 2 / 20 + sin(a * total + shift)

    return wave


def _noise(gammas: dict[Symbol, Rational]) -> dict[Symbol, tuple[Any, tuple[Symbol, ...]]]:
    """The value of each symbol of noise, and the gammas that it depends on"""
    exact = {g: mpmath.mpf(value.p) / value.q for g, value in gammas.items()}
    values: dict[Symbol, tuple[Any, tuple[Symbol, ...]]] = {}
    for alpha, sigma, gamma in DEPTHS:
        values[gamma] = exact[gamma], (gamma,)
        values[alpha] = 1 / mpmath.sqrt(1 + mpmath.exp(exact[gamma])), (gamma,)
        values[sigma] = 1 / mpmath.sqrt(1 + mpmath.exp(-exact[gamma])), (gamma,)
    (alpha_s, sigma_s, gamma_s), (alpha_t, _, gamma_t) = DEPTHS[:2]
    both = (gamma_s, gamma_t)
    share = -mpmath.expm1(exact[gamma_s] - exact[gamma_t])
    values[c] = share, both
    values[sigma_Q] = values[sigma_s][0] * mpmath.sqrt(share), both
    values[alpha_ts] = values[alpha_t][0] / values[alpha_s][0], both
    values[Delta] = exact[gamma_t] - exact[gamma_s], both
    values[lambda_s] = -exact[gamma_s], (gamma_s,)
    values[lambda_t] = -exact[gamma_t], (gamma_t,)
    return values
