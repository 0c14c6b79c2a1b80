"""The normal form that decides whether two formulas are the same.

All noise at one depth is one number, so it is written in g = sigma / alpha and h = 1 / alpha with
the two facts exp(gamma) = g^2 and h^2 = 1 + g^2. Logarithms and roots are taken apart into those of
factors that cannot be factored further, and a sum into one sum for each term.
"""

from collections.abc import Iterator

from sympy import (
    Abs,
    Add,
    Basic,
    Derivative,
    Dummy,
    Expr,
    Function,
    Indexed,
    Integer,
    Min,
    Mul,
    Pow,
    Rational,
    Subs,
    Sum,
    Symbol,
    Tuple,
    exp,
    expand,
    expand_power_exp,
    factor_list,
    factorint,
    fraction,
    log,
    sign,
    symbols,
    together,
)
from sympy.codegen.cfunctions import expm1, log1p
from sympy.core.function import AppliedUndef
from sympy.functions.elementary.hyperbolic import HyperbolicFunction

from .notation import ABBREVIATIONS, DEPTHS, gamma_0, gamma_1, gamma_s, gamma_t

G = {gamma: Symbol(gamma.name.replace("gamma", "g"), positive=True) for _, _, gamma in DEPTHS}
H = {gamma: Symbol(gamma.name.replace("gamma", "h"), positive=True) for _, _, gamma in DEPTHS}
NOISE = {alpha: 1 / H[gamma] for alpha, _, gamma in DEPTHS}
NOISE |= {sigma: G[gamma] / H[gamma] for _, sigma, gamma in DEPTHS}
BACK = {H[gamma]: 1 / alpha for alpha, _, gamma in DEPTHS}
BACK |= {G[gamma]: sigma / alpha for alpha, sigma, gamma in DEPTHS}
# Each gamma, and each g, as the one before and a positive number more.
_FIRST, _MORE = Symbol("first", real=True), symbols("more_:7", positive=True)
IN_ORDER = {}
for _n, _gamma in enumerate((gamma_0, gamma_s, gamma_t, gamma_1)):
    IN_ORDER[_gamma] = Add(_FIRST, *_MORE[:_n])
    IN_ORDER[G[_gamma]] = Add(*_MORE[3 : 4 + _n])


def reduced(expression: Expr) -> Expr:
    """A normal form over one denominator: the result is 0 exactly if the expression vanishes
    identically, as a rational function of the symbols, their exponentials, logarithms, roots and
    sums."""
    expression = expression.replace(log1p, lambda e: log(1 + e))
    expression = expression.replace(expm1, lambda e: exp(e) - 1)
    if expression.has(HyperbolicFunction):
        expression = expression.rewrite(exp)
    expression = expression.replace(Subs, _derivative_there).replace(Derivative, _derivative)
    for short, long in ABBREVIATIONS.items():
        expression = expression.xreplace({short: long})
    numerator, denominator = fraction(together(_normal(expression)))
    numerator = _without_powers_of_h(numerator)
    if numerator == 0:
        return numerator
    return (numerator / denominator).xreplace(BACK)


def _derivative(function: Expr, *orders: Tuple) -> Expr:
    """The derivative of a function that is not specified is another such function."""
    ((variable, order),) = orders
    if isinstance(function, AppliedUndef) and function.args == (variable,):
        return Function(f"{function.func.__name__}^({order})")(variable)
    return Derivative(function, *orders)


def _derivative_there(derivative: Expr, variables: Tuple, point: Tuple) -> Expr:
    if isinstance(derivative, Derivative):
        return _derivative(*derivative.args).subs(variables[0], point[0])
    return Subs(derivative, variables, point)


def sum_apart(whole: Sum) -> Expr:
    """A sum is linear: one sum for each term, with what is constant in front."""
    index, low, high = whole.limits[0]
    parts = 0
    for term in expand(whole.function).as_ordered_terms():
        constant, rest = term.as_independent(index, as_Add=False)
        parts += constant * (high - low + 1 if rest == 1 else Sum(rest, (index, low, high)))
    return parts


def _normal(e: Basic) -> Basic:
    """From the leaves up: noise in g and h; exponentials, logarithms, roots and sums apart."""
    if isinstance(e, Symbol):
        return NOISE.get(e, e)
    if isinstance(e, Sum):
        summand, (index, low, high) = e.args
        return sum_apart(Sum(expand(_normal(summand)), (index, _normal(low), _normal(high))))
    if not e.args or isinstance(e, Indexed):
        return e
    if not isinstance(e, Abs | Add | Mul | Pow | exp | log | Min | AppliedUndef):
        return e
    args = [_normal(part) for part in e.args]
    if isinstance(e, AppliedUndef):
        return e.func(*map(expand, args))
    if isinstance(e, exp):
        return _exp(args[0])
    if isinstance(e, log):
        return _log(args[0])
    if isinstance(e, Abs):
        known, _ = _signed_factors(args[0])
        return known * args[0] if known else Abs(args[0])
    if isinstance(e, Pow) and e.exp.is_Rational and not e.exp.is_Integer:
        return _root(args[0], e.exp)
    result = e.func(*args)
    return _into_min(result) if isinstance(result, Add) and result.has(Min) else result


def _into_min(total: Add) -> Expr:
    """a + min(b, c) = min(a + b, a + c)"""
    rest, least = total.as_independent(Min, as_Add=True)
    return Min(*(rest + part for part in least.args)) if isinstance(least, Min) else total


def _exp(exponent: Expr) -> Expr:
    """exp(k gamma / 2) = g^k; the rest of the exponent stays, term by term."""
    result = expand_power_exp(exp(expand(exponent)))
    for gamma, g in G.items():
        result = result.replace(
            lambda e, gamma=gamma: (
                isinstance(e, exp)
                and e.args[0].coeff(gamma).is_Rational
                and e.args[0] == e.args[0].coeff(gamma) * gamma
            ),
            lambda e, gamma=gamma, g=g: g ** (2 * e.args[0].coeff(gamma)),
        )
    return result


def _log(argument: Expr) -> Expr:
    known, factors = _signed_factors(argument)
    if known != 1:
        return log(argument)
    gammas = {g: gamma / 2 for gamma, g in G.items()}
    result = 0
    for factor, power in factors:
        if isinstance(factor, exp):
            result += power * factor.args[0]
        elif isinstance(factor, Pow):
            result += power * factor.exp * _log(factor.base)
        else:
            result += power * gammas.get(factor, log(factor))
    return expand(result)


def _root(base: Expr, power: Rational) -> Expr:
    known, factors = _signed_factors(base)
    if known != 1:
        return base**power
    return Mul(*(factor ** (n * power) for factor, n in factors))


def _signed_factors(product: Expr) -> tuple[int, list[tuple[Expr, int]]]:
    """The sign of a product, 0 if the assumptions do not give it; its irreducible factors, each
    with its sign turned so that it is positive, and their powers"""
    powers: dict[Expr, int] = {}
    total = 1
    for part, direction in zip(fraction(together(product)), (1, -1), strict=True):
        for factor, power in _factors(_without_powers_of_h(part)):
            positive = _sign(factor)
            total *= positive**power
            for piece, n in _in_h(positive * factor):
                powers[piece] = powers.get(piece, 0) + direction * n * power
    return total, list(powers.items())


def _factors(polynomial: Expr) -> Iterator[tuple[Expr, int]]:
    """The irreducible factors of a polynomial in symbols, roots, logarithms and so on"""
    atoms = polynomial.atoms(exp, log, Indexed, AppliedUndef, Sum)
    roots = (p for p in polynomial.atoms(Pow) if not p.exp.is_Integer)
    held = {part: Dummy() for part in atoms.union(roots)}
    polynomial = polynomial.xreplace(held)
    number, factors = (polynomial, []) if polynomial.is_number else factor_list(polynomial)
    back = {dummy: part for part, dummy in held.items()}
    yield from ((factor.xreplace(back), power) for factor, power in factors)
    if number.is_Rational:
        yield sign(number), 1
        yield from ((Integer(p), n) for p, n in factorint(abs(number.p)).items())
        yield from ((Integer(p), -n) for p, n in factorint(number.q).items())
    else:
        yield number, 1


def _in_h(factor: Expr) -> Iterator[tuple[Expr, int]]:
    """1 + g^2 is h^2."""
    for gamma, g in G.items():
        if factor == 1 + g**2:
            yield H[gamma], 2
            return
    yield factor, 1


def _sign(factor: Expr) -> int:
    """1 or -1 if the assumptions give the factor that sign, with gamma_0 < gamma_s < gamma_t <
    gamma_1; else 0."""
    spread = expand(factor.xreplace(IN_ORDER))
    return 1 if spread.is_positive else -1 if spread.is_negative else 0


def _without_powers_of_h(polynomial: Expr) -> Expr:
    """h^2 = 1 + g^2, so that h is left with the powers 0 and 1 only."""
    polynomial = expand(polynomial)
    for gamma, h in H.items():
        if polynomial.has(h):
            polynomial = expand(
                polynomial.replace(
                    lambda e, h=h: e.is_Pow and e.base == h and e.exp.is_Integer,
                    lambda e, h=h, g=G[gamma]: (1 + g**2) ** (e.exp // 2) * h ** (e.exp % 2),
                )
            )
    return polynomial
