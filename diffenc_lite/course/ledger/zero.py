"""Are two formulas the same, identically? First numbers, then algebra.

Both are computed with 60 digits and more at random points: where they differ, or one has no value,
is a counterexample. Else their difference is brought to a normal form. All noise at one depth is
one number, written in g = sigma / alpha and h = 1 / alpha with the two facts gamma = 2 ln g and
h^2 = 1 + g^2; logarithms and roots are taken apart into those of irreducible factors, and a sum
into one for each term. A fraction vanishes if its numerator does and its denominator does not.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import mpmath
import sympy as sp
from sympy.codegen.cfunctions import expm1, log1p
from sympy.core.function import AppliedUndef
from sympy.functions.elementary.hyperbolic import HyperbolicFunction
from sympy.ntheory import factorrat

from . import notation as n
from .notation import ABBREVIATIONS, DEPTHS, NOISE, Delta, T, c, in_gamma

DIGITS, ZERO = (60, 200, 1000, 5000), sp.Integer(0)
TAKEN_APART = (sp.Abs, sp.Add, sp.Mul, sp.Pow, sp.exp, sp.log, AppliedUndef)
CALCULUS = (sp.Subs, sp.Derivative, sp.Integral, sp.Limit)
# Where gamma is drawn from, in tenths, point by point: two in the middle, then all that a schedule
# from -13.3 to 5 can reach, and its two ends. Two are tried before the algebra, four after it.
RANGES = ((-30, 46), (-30, 46), (-133, 50), (-133, 50), (-133, -100), (0, 50))


@dataclass(frozen=True)
class Same:
    """They are equal, identically."""


@dataclass(frozen=True)
class Differs:
    """At this point the one and the other have these values; None where there is none."""

    point: dict[str, Any]
    one: Any
    other: Any

    def __str__(self) -> str:
        near = None not in (self.one, self.other)
        near = near and abs(self.one - self.other) < 1e-3 * abs(self.other)
        one, other = (_shown(value, 4) for value in (self.one, self.other))
        if near:
            one = f"that, but for {mpmath.nstr(mpmath.re(self.one - self.other), 2)}"
        where = ", ".join(f"{name} = {_shown(value, 4)}" for name, value in self.point.items())
        return f"for example at {where}: yours gives {one}, right is {other}"


@dataclass(frozen=True)
class Agrees:
    """They agree at so many points, but `rest` is what algebra leaves of the difference."""

    points: int
    rest: sp.Expr


Shown = tuple[tuple[str, sp.Expr], ...]
Drawn = dict[sp.Symbol, sp.Rational]


def _shown(value: Any, digits: int) -> str:
    if value is None or abs(mpmath.im(value)) > 1e-12 * abs(value):
        return "no real value"
    return mpmath.nstr(mpmath.re(value), digits)


@cache
def decide(
    one: sp.Expr, other: sp.Expr = ZERO, shown: Shown = (), order: sp.Expr = ZERO
) -> Same | Differs | Agrees:
    """Whether two formulas are the same, up to this O(h^n); if not, a point where they differ.
    `shown`: what the point is to be told in, by name; else all that was drawn."""
    (one, first), (other, second) = without_order(one), without_order(other)
    one, other = worked_out(one, (sp.Limit,)), worked_out(other, (sp.Limit,))
    if order := order or first or second:
        return of_order(order, one - other)
    one, other = worked_out(one), worked_out(other)
    if one == other and not one.has(sp.zoo, sp.nan):
        return Same()
    agreed, rest = 0, None
    for seed in range(len(RANGES)):
        if seed == 2 and (rest := _left_of(one - other)) == 0:
            return Same()
        point, values = _apart(seed, one, other, shown)
        if point is not None:
            return Differs(point, *values)
        agreed += values is not None
    return Agrees(agreed, rest)


def _apart(seed: int, one: sp.Expr, other: sp.Expr, shown: Shown) -> tuple[Any, Any]:
    """The point and both values if they differ there; else no point, and no values if neither has
    one. Large numbers may cancel: two precisions have to agree on the difference."""
    before, difference = None, one - other
    drawn, gammas, whole = draw(seed, one, other, *(e for _, e in shown))
    for digits in DIGITS:
        with mpmath.workdps(digits):
            exact = {symbol: mpmath.mpf(v.p) / v.q for symbol, v in (drawn | gammas).items()}
            values = exact | _noise(whole.free_symbols & NOISE, exact)
            first, second, *more = (value_at(e, values) for e in whole)
            told = {name: v for (name, _), v in zip(shown, more, strict=True) if v is not None}
            point = told or {symbol.name: exact[symbol] for symbol in drawn}
            if first is None or second is None:
                apart = (first is None) != (second is None)
                return point if apart else None, (first, second) if apart else None
            if abs(first - second) <= 1e-30 * (1 + abs(second)):
                return None, (first, second)
            stable = before is not None and abs(before - (first - second)) < 1e-6 * abs(before)
            if stable or difference.has(sp.Integral):  # quadrature is slow, and its numbers tame
                return point, (first, second)
            before = first - second
    return None, None


def same(one: sp.Expr, other: sp.Expr) -> bool:
    """Whether they are, as far as can be told"""
    try:
        return isinstance(decide(one, other), Same)
    except Exception:  # nobody knows what a reader writes, nor where SymPy gives up on it
        return False


def _left_of(difference: sp.Expr) -> sp.Expr:
    """What algebra leaves; by induction where there are sums up to T"""
    try:
        rest = reduced(difference)
        sums = rest.has(sp.Sum) and T in rest.free_symbols
        return by_induction(difference) if sums else rest
    except ZeroDivisionError:
        return sp.nan


# --- algebra -------------------------------------------------------------------------------------

G = {gamma: sp.Symbol(gamma.name.replace("gamma", "g"), positive=True) for _, _, gamma in DEPTHS}
H = {gamma: sp.Symbol(gamma.name.replace("gamma", "h"), positive=True) for _, _, gamma in DEPTHS}
IN_G = {alpha: 1 / H[gamma] for alpha, _, gamma in DEPTHS}
IN_G |= {sigma: G[gamma] / H[gamma] for _, sigma, gamma in DEPTHS}
BACK = {H[gamma]: 1 / alpha for alpha, _, gamma in DEPTHS}
BACK |= {G[gamma]: sigma / alpha for alpha, sigma, gamma in DEPTHS}
# gamma_0 < gamma_s < gamma_t < gamma_1, so g and h too, with h > 1: each as the one before and more
ORDER = [DEPTHS[n][2] for n in (2, 0, 1, 3)]
MORE = sp.symbols("more_:12", positive=True)  # of gamma, of g and of h, which grow by their own
IN_ORDER = {
    of[gamma]: start + sp.Add(*MORE[k : k + n + 1])
    for of, start, k in (
        ({g: g for g in ORDER}, sp.Symbol("first", real=True), 0),
        (G, 0, 4),
        (H, 1, 8),
    )
    for n, gamma in enumerate(ORDER)
}

# What moves with Delta, for a given t
(alpha_s, sigma_s, gamma_s), (alpha_t, _, gamma_t), *_ = DEPTHS
IN_DELTA = {gamma_s: gamma_t - Delta, n.lambda_s: n.lambda_t + Delta, c: 1 - sp.exp(-Delta)}
IN_DELTA |= {s: in_gamma(s).xreplace(IN_DELTA) for s in (alpha_s, sigma_s)}
IN_DELTA[n.alpha_ts] = alpha_t / IN_DELTA[alpha_s]


def reduced(expression: sp.Expr) -> sp.Expr:
    """0 if the expression vanishes identically, as a rational function of the symbols, their
    exponentials, logarithms, roots and sums; else what is left of it, over one denominator.

    Raises ZeroDivisionError if it divides by what vanishes identically.
    """
    expression = expression.rewrite((HyperbolicFunction, expm1), sp.exp).rewrite(log1p, sp.log)
    expression = expression.replace(sp.Derivative, _derivative)
    expression = expression.replace(
        sp.Subs, lambda e, at, put: e.subs(dict(zip(at, put, strict=True)))
    )
    for short, long in ABBREVIATIONS.items():
        expression = expression.xreplace({short: long})
    numerator, denominator = sp.fraction(sp.together(_normal(expression)))
    for part in sp.Mul.make_args(denominator):
        if _powers_of_h(part) == 0:
            raise ZeroDivisionError(expression)
    numerator = _powers_of_h(numerator)
    if numerator.has(sp.zoo, sp.nan):
        raise ZeroDivisionError(expression)
    return numerator if numerator == 0 else (numerator / denominator).xreplace(BACK)


def _derivative(function: sp.Expr, *orders: sp.Tuple) -> sp.Expr:
    """The derivative of a function that is not specified is another such function."""
    ((variable, order),) = orders
    if isinstance(function, AppliedUndef) and function.args == (variable,):
        return sp.Function(f"{function.func.__name__}^({order})")(variable)
    return sp.Derivative(function, *orders)


def sign(expression: sp.Expr) -> int:
    """1 or -1 by the signs of the symbols and the order of the depths; 0 if they do not say"""
    for short, long in ABBREVIATIONS.items():
        expression = expression.xreplace({short: long})
    return _factors(_normal(expression))[0]


def divided_by(expression: sp.Expr) -> set[sp.Expr]:
    """The factors that it divides by"""
    powers = (p for p in expression.atoms(sp.Pow) if p.exp.could_extract_minus_sign())
    bases = (sp.expand(sp.fraction(sp.together(p.base))[0]) for p in powers)
    return {f for base in bases for f, _ in _irreducible(base) if not f.is_number}


def _sum_apart(summand: sp.Expr, limits: sp.Tuple) -> sp.Expr:
    """A sum is linear: one for each term, from 1 on, with what is constant in front."""
    (index, low, high), parts, any_ = limits, ZERO, sp.Dummy(integer=True)
    count, summand = high - low + 1, _normal(summand.subs(index, any_ + low - 1))
    for term in sp.expand(summand).as_ordered_terms():
        constant, rest = term.as_independent(any_, as_Add=False)
        k = sp.Symbol(f"k_{len(rest.atoms(sp.Sum))}", integer=True)
        parts += constant * (count if rest == 1 else sp.Sum(rest.subs(any_, k), (k, 1, count)))
    return parts


def _normal(e: sp.Basic) -> sp.Basic:
    """From the leaves up: noise in g and h; exponentials, logarithms, roots and sums apart."""
    if isinstance(e, sp.Symbol):
        return IN_G.get(e, e)
    if isinstance(e, sp.Sum):
        return _sum_apart(*e.args)
    if not isinstance(e, TAKEN_APART):
        return e
    args = [_normal(part) for part in e.args]
    if isinstance(e, AppliedUndef):
        return e.func(*map(sp.expand, args))
    if isinstance(e, sp.exp):  # exp(k gamma / 2) = g^k; the rest stays, term by term
        in_logs = {gamma: 2 * sp.log(g) for gamma, g in G.items()}
        return sp.expand_power_exp(sp.exp(sp.expand(args[0].xreplace(in_logs))))
    is_root = isinstance(e, sp.Pow) and e.exp.is_number and not e.exp.is_Integer
    if is_root or isinstance(e, sp.log | sp.Abs):
        sign, factors = _factors(args[0])
        if isinstance(e, sp.Abs):
            return sign * args[0] if sign else sp.Abs(args[0])
        if sign != 1:
            return e.func(*args)
        if is_root:
            return sp.Mul(*(factor ** (n * e.exp) for factor, n in factors))
        return sp.expand(sp.Add(*(n * _log(factor) for factor, n in factors)))
    return e.func(*args)


def _log(factor: sp.Expr) -> sp.Expr:
    if isinstance(factor, sp.exp):
        return factor.args[0]
    if isinstance(factor, sp.Pow):
        return factor.exp * _log(factor.base)
    return {g: gamma / 2 for gamma, g in G.items()}.get(factor, sp.log(factor))


def _factors(product: sp.Expr) -> tuple[int, list[tuple[sp.Expr, int]]]:
    """The sign of a product, 0 if the assumptions do not give it; its irreducible factors, each
    turned so that it is positive, and their powers"""
    powers: dict[sp.Expr, int] = {}
    total = 1
    for part, direction in zip(sp.fraction(sp.together(product)), (1, -1), strict=True):
        for factor, power in _irreducible(_powers_of_h(part)):
            spread = sp.expand(factor.xreplace(IN_ORDER))
            sign = 1 if spread.is_positive else -1 if spread.is_negative else 0
            total *= sign**power
            of_h = [h for gamma, h in H.items() if factor == 1 + G[gamma] ** 2]
            piece, n = (of_h[0], 2) if of_h else (sign * factor, 1)
            powers[piece] = powers.get(piece, 0) + direction * n * power
    return total, list(powers.items())


def _irreducible(polynomial: sp.Expr) -> list[tuple[sp.Expr, int]]:
    """The factors of a polynomial in symbols, roots, logarithms and so on"""
    atoms = polynomial.atoms(sp.exp, sp.log, sp.Indexed, AppliedUndef, sp.Sum)
    roots = (p for p in polynomial.atoms(sp.Pow) if not p.exp.is_Integer)
    held = {part: sp.Dummy() for part in atoms.union(roots)}
    polynomial = polynomial.xreplace(held)
    number, factors = (polynomial, []) if polynomial.is_number else sp.factor_list(polynomial)
    back = {dummy: part for part, dummy in held.items()}
    found = [(factor.xreplace(back), power) for factor, power in factors]
    if not number.is_Rational or number == 0:
        return [*found, (number, 1)]
    return found + [(sp.Integer(prime), n) for prime, n in factorrat(number).items()]


def _powers_of_h(polynomial: sp.Expr) -> sp.Expr:
    """h^2 = 1 + g^2, so that h is left with the powers 0 and 1 only."""
    polynomial = sp.expand(polynomial)
    for gamma, h in H.items():
        powers = [p for p in polynomial.atoms(sp.Pow) if p.base == h and p.exp.is_Integer]
        low = {p: (1 + G[gamma] ** 2) ** (p.exp // 2) * h ** (p.exp % 2) for p in powers}
        polynomial = sp.expand(polynomial.xreplace(low)) if low else polynomial
    return polynomial


# --- calculus, orders and sums -------------------------------------------------------------------


def worked_out(expression: sp.Expr, kinds: tuple[type, ...] = CALCULUS) -> sp.Expr:
    """Derivatives, integrals and limits carried out; sums stay."""
    for kind in kinds if expression.has(*kinds) else ():
        expression = expression.replace(
            lambda e, k=kind: isinstance(e, k) and not (k is sp.Integral and e.has(AppliedUndef)),
            lambda e: _over_a_bell(e) or e.doit(),
        )
    return expression


def _over_a_bell(e: sp.Basic) -> sp.Expr | None:
    """The integral over the line of a polynomial in x times exp(a x^2 + b x + c), by the moments of
    the bell around its top; None if it is none"""
    if not isinstance(e, sp.Integral) or e.limits[0][1:] != (-sp.oo, sp.oo) or e.limits[1:]:
        return None
    x, (rest, bell) = e.limits[0][0], e.function.as_independent(sp.exp, as_Add=False)
    if not isinstance(bell, sp.exp):
        return None
    rest, exponent = (sp.expand(part, log=True) for part in (rest, bell.args[0]))
    if not (rest.is_polynomial(x) and exponent.is_polynomial(x) and sp.degree(exponent, x) == 2):
        return None
    a, b, c_ = sp.Poly(exponent, x).all_coeffs()
    if a.is_positive:
        return sp.nan  # it opens upwards
    top, spread = -b / (2 * a), sp.sqrt(-1 / (2 * a))
    total = sum(
        factor * spread**power * sp.factorial2(power - 1) if power % 2 == 0 else 0
        for (power,), factor in sp.Poly(rest.subs(x, x + top), x).terms()
    )
    return total * spread * sp.sqrt(2 * sp.pi) * sp.exp(sp.expand(sp.cancel(c_ - b**2 / (4 * a))))


def without_order(e: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """The rest, and the O(h^n) in it or 0: SymPy would let it swallow what is O(h^n) for fixed c"""
    order = sp.Add(*(term for term in sp.Add.make_args(e) if isinstance(term, sp.Order)))
    return e.xreplace({order: ZERO}) if order else e, order


def of_order(order: sp.Expr, difference: sp.Expr) -> Same | Differs | Agrees:
    """Whether it is O(h^n): a fraction of analytic functions is, if m coefficients of the one below
    vanish, the next does not, and n + m of the one above do."""
    h, undecided = order.variables[0], Agrees(0, difference)
    power = order.expr.as_base_exp()[1] if order.expr.has(h) else 0
    unknown = difference.atoms(sp.Function) - difference.atoms(sp.exp, sp.log, AppliedUndef)
    if unknown or order != sp.Order(h**power) or power not in range(20):
        return undecided
    difference = difference.subs(IN_DELTA) if h == Delta else difference
    above, below = sp.fraction(sp.together(worked_out(difference)))

    def at_0(function: sp.Expr) -> Same | Differs | Agrees:
        return decide(worked_out(worked_out(function).subs(h, 0)))

    powers = {p for p in sp.Tuple(above, below).atoms(sp.Pow) if not p.exp.is_Integer or p.exp < 0}
    for base in (e.args[0] for e in powers | sp.Tuple(above, below).atoms(sp.log)):
        if not isinstance(at_0(base), Differs):
            return undecided
    while isinstance(answer := at_0(below), Same) and power < 20:
        below, power = below.diff(h), power + 1
    if not isinstance(answer, Differs):
        return undecided
    for _ in range(power):
        if not isinstance(answer := at_0(above), Same):
            return answer
        above = above.diff(h)
    return Same()


def by_induction(expression: sp.Expr) -> sp.Expr:
    """What is left of a claim on sums up to T: of the case T = 1, or of the step to T + 1."""
    start = reduced(expression.subs(T, 1).doit())
    if start != 0:
        return start

    def last_apart(*arguments: sp.Expr) -> sp.Expr:
        summand, (index, low, high) = arguments
        if high == T + 1:
            return sp.Sum(summand, (index, low, T)) + summand.subs(index, T + 1)
        return sp.Sum(*arguments)

    return reduced(expression.subs(T, T + 1).replace(sp.Sum, last_apart) - expression)


# --- numbers -------------------------------------------------------------------------------------

compiled, through_gamma = cache(sp.lambdify), cache(in_gamma)  # slow, and often of the same formula


def draw(seed: int, *expressions: sp.Expr) -> tuple[Drawn, Drawn, sp.Tuple]:
    """What was drawn, all gammas, and the expressions with nothing to be worked out in them.

    Symbols keep their assumptions, gamma_0 < gamma_s < gamma_t < gamma_1, and all noise follows
    from gamma. Functions that are not specified become waves, what has an index becomes numbers.
    """
    dice, whole = random.Random(seed), sp.Tuple(*expressions)
    wide = seed > 1 and not whole.has(sp.Integral)  # quadrature is for tame numbers
    integers = sorted((s for s in whole.free_symbols if s.is_integer), key=str)
    drawn: Drawn = {s: sp.Integer(2 + dice.randrange(9 if wide else 3)) for s in integers}
    whole = whole.subs(drawn)
    for function in sorted({f.func for f in whole.atoms(AppliedUndef)}, key=str):
        whole = whole.replace(function, _wave(dice))
    whole = worked_out(whole, (sp.Subs, sp.Derivative, sp.Limit)).replace(sp.Sum, _term_by_term)
    leaves = sorted(whole.atoms(sp.Indexed), key=str)
    whole = whole.xreplace({leaf: _number(leaf, dice, wide) for leaf in leaves})
    gammas = _gammas(dice, *RANGES[seed])
    noise = whole.free_symbols & NOISE
    drawn |= {s: _number(s, dice, wide) for s in sorted(whole.free_symbols - noise, key=str)}
    depths = {gamma for symbol in noise for gamma in through_gamma(symbol).free_symbols}
    return drawn | {g: value for g, value in gammas.items() if g in depths}, gammas, whole


def _term_by_term(summand: sp.Expr, limits: sp.Tuple) -> sp.Expr:
    index, low, high = limits
    return sp.Add(*(summand.subs(index, k) for k in range(int(low), int(high) + 1)))


def value_at(expression: sp.Expr, values: dict[Any, Any]) -> Any:
    """A number to the digits that mpmath works with; None if there is no finite value."""
    if expression.has(sp.zoo, sp.nan):
        return None
    symbols = tuple(sorted(expression.free_symbols, key=str))
    try:
        function = compiled(symbols, expression, "mpmath")
        value = mpmath.mpmathify(function(*(values[symbol] for symbol in symbols)))
        return value if mpmath.isfinite(value) else None
    except (ArithmeticError, ValueError, TypeError):
        return None


def _gammas(dice: random.Random, low: int, high: int) -> dict[sp.Symbol, sp.Rational]:
    """gamma_0 < gamma_s < gamma_t < gamma_1, in tenths between low and high"""
    levels = sorted(dice.sample(range(low, high + 1), 4))
    return {gamma: sp.Rational(n, 10) for gamma, n in zip(ORDER, levels, strict=True)}


def _noise(symbols: set[sp.Symbol], gammas: dict[sp.Symbol, Any]) -> dict[sp.Symbol, Any]:
    """The values of symbols of noise; of c to all digits, however short the step"""
    exact = dict(gammas)
    for alpha, sigma, gamma in DEPTHS:
        exact[alpha] = 1 / mpmath.sqrt(1 + mpmath.exp(exact[gamma]))
        exact[sigma] = 1 / mpmath.sqrt(1 + mpmath.exp(-exact[gamma]))
    exact[c] = -mpmath.expm1(exact[gamma_s] - exact[gamma_t])
    return {s: exact[s] if s in exact else value_at(ABBREVIATIONS[s], exact) for s in symbols}


def _number(symbol: sp.Expr, dice: random.Random, wide: bool) -> sp.Rational:
    """Of either sign unless the symbol has one; if wide, of any order from 0.01 to 100"""
    number = sp.Rational(dice.randrange(2, 30), 10)
    positive = symbol.is_nonnegative or dice.random() < 0.5
    if wide:
        number *= sp.Rational(10) ** dice.randrange(-2, 3)
    return number if positive else -number


def _wave(dice: random.Random) -> Callable[..., sp.Expr]:
    """A smooth function with nothing special about it; positive"""
    a, b, shift = (sp.Rational(dice.randrange(3, 15), 10) for _ in range(3))

    def wave(*arguments: sp.Expr) -> sp.Expr:
        total = sum(n * argument for n, argument in enumerate(arguments, start=1))
        return 2 + a + (b * total) ** 2 / 20 + sp.sin(a * total + shift)

    return wave
