"""How a step is checked: what it uses is put in, and nothing else; then both sides are compared.

Besides the zero test it knows that an average E is linear, passes through sums, and lets out what
is a number; and when an expression is seen to be at least 0.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import sympy as sp
from sympy import Basic, Eq, Expr, Ge, Indexed, Symbol
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational

from . import notation as n
from . import zero
from .notation import CONSTANTS, DEPTHS, NOISE, Delta, E, in_gamma, lambda_s, lambda_t


class ProofError(Exception):
    """A row, with the line or the form of its claim that failed, and why."""

    def __init__(self, tag: str, where: str, reason: str):
        super().__init__(f"{tag}, {where}: {reason}")
        self.tag, self.form, self.reason = tag, where, reason


class Wrong(ProofError):
    """The two sides differ: `answer` has the point and both values."""

    def __init__(self, tag: str, where: str, answer: zero.Differs):
        super().__init__(tag, where, f"wrong, {answer}")
        self.answer = answer


class Undecided(ProofError):
    """Neither proved nor refuted: numbers agree and algebra does not show it, or there are none."""

    def __init__(self, tag: str, where: str, why: str):
        super().__init__(tag, where, f"could not decide: {why}")


class Loose(ProofError):
    """A line that is compared with nothing."""


def hold(
    tag: str, where: str, one: Expr, other: Expr, shown: tuple = (), order: Expr = zero.ZERO
) -> None:
    """Raises Wrong or Undecided unless the two are the same, up to this order."""
    answer = zero.decide(one, other, shown, order)
    if isinstance(answer, zero.Differs):
        raise Wrong(tag, where, answer)
    if isinstance(answer, zero.Agrees):
        why = f"agrees at {answer.points} points, left over {answer.rest}"
        raise Undecided(tag, where, why)


BINDING = *zero.CALCULUS, sp.Sum
ASSUMED = "positive", "nonnegative", "integer", "real"
AT_S, AT_T = {*DEPTHS[0], lambda_s}, {*DEPTHS[1], lambda_t}
BOTH = set(n.ABBREVIATIONS)
MOVING = {  # the noise that moves with a variable
    Delta: AT_S | BOTH - {lambda_t}, lambda_t: AT_T | BOTH, lambda_s: AT_S | BOTH,
    **{depth[2]: {*depth} for depth in DEPTHS[2:]}, n.gamma_s: AT_S | BOTH, n.gamma_t: AT_T | BOTH,
}
MEANINGS: dict[Basic, tuple[Expr, ...]] = {}  # of all rows: symbol -> what it was said to be


# --- an equation as a rule -----------------------------------------------------------------------


def is_handle(left: Basic) -> bool:
    """Whether it may be given a meaning"""
    if isinstance(left, Symbol):
        return left not in NOISE
    bound = isinstance(left, AppliedUndef | Indexed) and left.func != E
    return bound or isinstance(left, sp.Derivative | sp.Integral | sp.Limit | E)


def is_free(line: Relational, values: Mapping[Basic, Expr]) -> bool:
    """Whether a premise or a definition may be used at other values: one of a symbol or a function
    may; an inequality, an average or an integral was given for its symbols alone"""
    if not isinstance(line, Eq):
        return all(symbol.is_integer and symbol not in CONSTANTS for symbol in values)
    handle, _ = rule(line)
    return isinstance(handle, Symbol | AppliedUndef | Indexed) and handle.func != E


def rule(line: Relational) -> tuple[Basic, Expr]:
    """What is to be replaced by what. A power is turned into its base; in a sum one symbol is left
    alone; a slope at a place says where that is."""
    left, right = line.lhs, line.rhs
    places: Sequence[Basic] = ()
    if isinstance(left, sp.Subs):
        left, places = left.doit().expand(), left.point
    if left.is_Pow and is_handle(left.base) and (left.exp == -1 or left.base.is_positive):
        return left.base, right ** (1 / left.exp)
    if left.is_Add:
        alone = sorted((a for a in left.args if is_handle(a)), key=str)
        named = sorted((s for s in left.free_symbols if str(s).startswith("{")), key=str)
        for symbol, power in product(places or (*alone, *named), (1, -1)):
            factor = left.coeff(symbol, power)
            rest = right - (left - factor * symbol**power).expand()
            if factor != 0 and not (factor.has(symbol) or rest.has(symbol)):
                return symbol, (rest / factor) ** power
    return left, right


def put(expression: Any, handle: Basic, meaning: Expr) -> Any:
    bound = {limit[0] for part in meaning.atoms(sp.Sum, sp.Integral) for limit in part.limits}

    def at(places: Sequence[Basic], values: Sequence[Basic]) -> Expr:
        if taken := bound & set().union(*(value.free_symbols for value in values)):
            raise Loose("a row", str(meaning)[:60], f"{taken} would be caught by a sum")
        return meaning.subs(list(zip(places, values, strict=True)))

    if isinstance(handle, Indexed) and handle.indices[0].is_Symbol:
        rank = len(handle.indices)
        return expression.replace(
            lambda e: isinstance(e, Indexed) and e.base == handle.base and len(e.indices) == rank,
            lambda e: at(handle.indices, e.indices),
        )
    if isinstance(handle, AppliedUndef) and handle.func != E:
        if all(a.is_Symbol and a not in CONSTANTS for a in handle.args):  # f(i), and not f(T)
            return expression.replace(handle.func, lambda *e: at(handle.args, e))
    return outside_indexed(expression, lambda e: e.xreplace({handle: meaning}), handle)


def outside_indexed(
    expression: Any, change: Callable[[Any], Any], handle: Basic | None = None
) -> Any:
    """A change that leaves what has an index as it is: the name of m_i is no m. So are derivatives
    by the `handle`, which would be by what it means."""
    held = {e: sp.Dummy() for e in expression.atoms(Indexed)}
    by_it = (e for e in expression.atoms(sp.Derivative) if handle in e.variables)
    held |= {e: sp.Dummy() for e in by_it}
    if not held:
        return change(expression)
    return change(expression.xreplace(held)).xreplace({dummy: e for e, dummy in held.items()})


def in_full(expression: Any, rules: Mapping[Basic, Expr]) -> Any:
    """With the rules applied until nothing changes"""
    for _ in range(20):
        before = expression
        for handle, meaning in rules.items():
            expression = put(expression, handle, meaning)
        if expression == before:
            return expression
    raise Loose("a row", str(expression)[:60], "defined by itself")


def of_its_sign(handle: Basic, meaning: Expr) -> bool:
    """Whether what is assumed of a symbol or a function is seen of what it means"""
    if handle.is_negative or (handle.is_integer and not meaning.is_integer):
        return False
    if handle.is_positive:
        return bool(meaning.is_positive) or zero.sign(meaning) == 1
    return not handle.is_nonnegative or seen(meaning, ())


# --- instances -----------------------------------------------------------------------------------


def unlike(values: Mapping[Basic, Expr]) -> tuple[Basic, Expr] | None:
    """A symbol and a value that is not of its kind: of its sign, or of noise at one whole depth"""
    for symbol, value in values.items():
        for assumed in ASSUMED:
            has = f"is_{assumed}"
            if getattr(symbol, has) and not getattr(sp.factor(value), has):
                return symbol, value
    noise = set(values) & NOISE
    for depth in DEPTHS:
        named = {s for s in depth if s in values}
        if named and (len(named) < 3 or tuple(values[s] for s in depth) not in DEPTHS):
            return depth[0], values.get(depth[0])
        noise -= named
    return (noise.pop(), sp.nan) if noise else None


def moved(line: Any, values: Mapping[Basic, Expr]) -> Any:
    """With these values in it, everything at once; what is integrated over gets another name"""
    for part in line.atoms(sp.Integral):
        bound = {s: values[s] for s in part.variables if s in values}
        if not part.free_symbols & set(bound.values()):
            line = line.xreplace(bound)
    if set(values) & NOISE:
        for short, long in n.ABBREVIATIONS.items():
            line = line.xreplace({short: long})

    def change(side: Expr) -> Expr:
        return side.subs(values, simultaneous=True) if side.has(*BINDING) else side.xreplace(values)

    indices = any(symbol.is_integer for symbol in values)
    sides = (side.xreplace({e: values[e] for e in values if isinstance(e, Indexed)})
        for side in (line.lhs, line.rhs))
    moved = (change(side) if indices else outside_indexed(side, change) for side in sides)
    return line.func(*moved, evaluate=False)


def in_each(lines: Sequence[Relational], index: Symbol) -> dict[Basic, Basic]:
    """Every symbol that these lines tie together, as that of one dimension, draw or step (which has
    its own noise, too)"""
    symbols = {s for line in lines for s in line.free_symbols if isinstance(s, Symbol)}
    shared = CONSTANTS - NOISE if index == n.i else CONSTANTS
    own = {s for s in symbols - shared if not s.is_integer}
    more = {e: e.base[(*e.indices, index)] for line in lines for e in line.atoms(Indexed)}
    return more | {s: sp.IndexedBase(s.name, **s._assumptions_orig)[index] for s in own}


# --- what may hide -------------------------------------------------------------------------------


def note(handle: Basic, meaning: Expr) -> None:
    """Take down that a symbol was said to be this, in whatever row"""
    MEANINGS[handle] = (*MEANINGS.get(handle, ()), meaning)


def depends(symbol: Basic, on: Basic, seen: frozenset = frozenset()) -> bool:
    """Whether some row gives the symbol a meaning with the other one in it"""
    tied, seen = {on, *MOVING.get(on, ())}, seen | {symbol}
    at = (e.point if isinstance(e, sp.Subs) and {on} <= {*e.variables} - {*MOVING} else e
        for e in MEANINGS.get(symbol, ()))
    inside = [meaning.free_symbols for meaning in at]
    return any(
        symbols & tied or any(depends(s, on, seen) for s in symbols - seen) for symbols in inside
    )


def hidden(expression: Expr) -> str:
    """A symbol under a derivative, an integral, a sum or a limit that depends on its variable; the
    rest of an O(h^n), which depends on all, has a place in limits at h = 0 only"""
    for part in expression.atoms(*BINDING, E):
        variables = getattr(part, "variables", part.args[1:2])  # a limit has the one
        at_0 = isinstance(part, sp.Limit) and part.args[2] == 0
        for symbol in part.args[0].free_symbols.difference(variables):
            if symbol.is_Dummy and not (at_0 and symbol.name == f"O(1) in {variables[0]}"):
                return f"{symbol} may depend on anything"
            for variable in variables:
                if variable in NOISE and variable not in MOVING:
                    return f"{variable} does not move alone"
                if depends(symbol, variable):
                    return f"{symbol} depends on {variable}: say how"
    return ""


def spelled_out(expression: Expr) -> Expr:
    """Noise under a derivative or a limit in gamma, lambda or Delta, written in these"""
    for part in sorted(expression.atoms(*BINDING), key=sp.default_sort_key):
        inside, *limits = part.args
        for variable in MOVING.keys() & getattr(part, "variables", part.args[1:2]):
            if inside.free_symbols & (NOISE - {variable}):
                part_in_it = part.func(_noise_in(variable, inside), *limits)
                expression = expression.xreplace({part: part_in_it})
    return expression


def _noise_in(variable: Basic, inside: Expr) -> Expr:
    if variable == Delta:
        return inside.subs(zero.IN_DELTA)
    inside = in_gamma(inside)
    if variable in (lambda_s, lambda_t):
        return inside.xreplace({n.gamma_s: -lambda_s, n.gamma_t: -lambda_t})
    return inside


# --- averages ------------------------------------------------------------------------------------


def linear(expression: Expr) -> Expr:
    """Averages taken apart: an average is linear, and only what is a number comes out"""
    return expression.replace(E, _average)


def _average(inside: Expr) -> Expr:
    inside, total = zero.worked_out(inside, (sp.Subs,)), sp.Integer(0)
    for term in sp.Add.make_args(sp.expand(inside, log=True)):
        numbers: list[Any] = []
        rest: list[Any] = []
        for factor in sp.Mul.make_args(term):
            number = factor.free_symbols <= CONSTANTS and not factor.has(AppliedUndef)
            (numbers if number else rest).append(factor)
        if len(rest) == 1 and isinstance(rest[0], sp.Sum):
            rest = [sp.Sum(_average(rest[0].function), *rest[0].limits)]
        elif rest:
            rest = [E(sp.Mul(*rest))]
        total += sp.Mul(*numbers, *rest)
    return total


# --- the two kinds of steps ----------------------------------------------------------------------


def hold_step(step: Any, lines: Sequence[Relational]) -> None:
    """Raises ProofError unless the step follows from these lines."""
    rules: dict[Basic, Expr] = {}
    slacks = []
    for line in lines:
        if line.lhs.has(sp.Order):
            raise Loose(step.tag, step.name, f"an order stands on the right side: {line}")
        if isinstance(line, Ge):
            slacks.append(line.lhs - line.rhs)
            continue
        if line.lhs.has(E):
            line = Eq(linear(line.lhs), line.rhs, evaluate=False)
        right, order = zero.without_order(line.rhs)
        if order:
            rest = order.expr * sp.Dummy(f"O(1) in {order.variables[0]}", real=True)
            line = Eq(line.lhs, right + rest, evaluate=False)
        handle, meaning = rule(line)
        if handle in rules:
            raise Loose(step.tag, step.name, f"{handle} is said to be two things: use one of them")
        rules[handle] = meaning

    def whole(expression: Expr) -> Expr:
        for _ in range(3):  # averages that are taken apart may be replaced in turn
            before, expression = expression, in_full(expression, rules)
            if why := hidden(expression):
                raise Loose(step.tag, step.name, why)
            expression = linear(spelled_out(expression))
            if expression == before:
                break
        return expression

    left, (right, order) = step.line.lhs, zero.without_order(step.line.rhs)
    if isinstance(step.line, Eq):
        one, other = whole(left), whole(right)
        if order and (why := hidden(sp.Limit(one - other, order.variables[0], 0))):
            raise Loose(step.tag, step.name, why)
        hold(step.tag, step.name, one, other, (), order)
        return
    witness = left - right if step.witness is None else step.witness
    if step.witness is not None:
        hold(step.tag, step.name, whole(left - right), whole(witness))
    if not seen(witness, slacks):
        raise ProofError(step.tag, step.name, f"not seen to be at least 0: {witness}")


def follows(step: Any, lines: Sequence[Relational]) -> bool:
    try:
        hold_step(step, lines)
        return True
    except ProofError:
        return False


def seen(e: Expr, slacks: Sequence[Expr]) -> bool:
    """Whether it is at least 0 on sight: by its signs, as an inequality that is used, or as a sum,
    a product, an average or an integral of what is"""
    if e.is_nonnegative or e in slacks:
        return True
    if isinstance(e, sp.Integral):
        ((s, low, high),) = e.limits
        if low == -sp.oo:
            return seen(e.function, slacks)
        k = sp.Dummy(positive=True)
        between = low + k if high == sp.oo else low + (high - low) * k / (1 + k)
        forward = high == sp.oo or seen(high - low, slacks)
        return forward and seen(sp.factor(e.function.subs(s, between)), slacks)
    if isinstance(e, sp.Sum | E) or (e.is_Pow and e.exp == -1):
        return seen(e.args[0], slacks)
    return (e.is_Mul or e.is_Add) and all(seen(part, slacks) for part in e.args)
