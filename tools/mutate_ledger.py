"""Break the ledger on purpose, one slip at a time, and count the slips that a proof lets through.

    python tools/mutate_ledger.py                  # every slip (the time it took is printed)
    python tools/mutate_ledger.py --every 20       # one in twenty
    python tools/mutate_ledger.py --rows F2 W1
    python tools/mutate_ledger.py --claims         # a reader's false claims, and true rewritings

Five kinds: the left sides and the right sides of the claims; the lines that a derivation shows;
the code of the derivations; and what the symbols of a row are said to stand for. A slip is a sign,
a factor, a term too many or too few, a power, a number, or s for t. What is still the same formula,
written otherwise, is no slip: it is counted, but not as a survivor.
"""

import argparse
import ast
import dataclasses
import inspect
import itertools
import signal
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import sympy
from sympy import Add, Basic, Dummy, Eq, Expr, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from diffenc_lite.course.ledger import LEDGER, ProofError, Row, Step, Undecided, _decide
from diffenc_lite.course.ledger import notation as n

PAIRS = [
    (n.alpha_s, n.alpha_t),
    (n.sigma_s, n.sigma_t),
    (n.gamma_s, n.gamma_t),
    (n.lambda_s, n.lambda_t),
    (n.x_s, n.x_t),
    (n.y_s, n.y_t),
    (n.z_s, n.z_t),
]
OTHER_DEPTH = {a: b for pair in PAIRS for a, b in (pair, pair[::-1])}
SWAPS = {a.name: b.name for pair in PAIRS for a, b in (pair, pair[::-1])}
LIMIT = 30  # seconds of the processor for one slip
EXPLAINED = {  # what is let through, and why it may be
    "F3, bayes": "the constant is any number",
    "F3, code, forward + at_s": "the constant is any number",
    "KL, code, 3: number": "one more integral, also true",
    "L1, code, 0: number": "in a line in words, which is not held",
    "W2, code, 1 + kappa * h": "kappa may be negative",
    "X4, vdm_step": "one step further on, the same to first order",
    "sigma_P = -sigma_Q": "it enters by its square",
    "delta = -mu_P + mu_Q": "it enters by its square",
    "L3, xhat = ": "the error enters by its square",
    "xddot_t = Derivative(x(lambda_s)": "at s or at t, the same to that order",
    "u = Derivative(x(lambda_s)": "at s or at t, the same to that order",
    "G3, first_order": "c is of first order, so x_s or x_t is the same to that order",
    "G5, target": "x_s or x_t is the same to that order",
    "E3, y_s = ": "y at s is any number: E3 says how x_t - x_s depends on it",
    "E1, u = ": "for E1 that derivative is 0, whatever it is multiplied by",
}


@dataclasses.dataclass
class Count:
    """Slips of one kind: made, the same after all, refused by a proof, stopped by an error of their
    own (broken code often does), not answered in time, let through."""

    made: int = 0
    same: int = 0
    refused: int = 0
    stopped: int = 0
    late: int = 0
    survivors: list[str] = dataclasses.field(default_factory=list)

    @property
    def share(self) -> float:
        """Of the slips that a proof could judge, those that it refused"""
        judged = self.refused + len(self.survivors)
        return self.refused / judged if judged else 1.0


# --- slips of formulas ---------------------------------------------------------------------------


def swapped(expression: Basic) -> Basic:
    """s and t exchanged, everywhere"""
    held = {s: Dummy(positive=s.is_positive, real=True) for s, _ in PAIRS}
    expression = expression.xreplace(held)
    expression = expression.xreplace({t: s for s, t in PAIRS})
    return expression.xreplace({held[s]: t for s, t in PAIRS})


def wrong_versions(expression: Expr) -> Iterator[Expr]:
    """One slip of the pen each"""
    yield expression + 1
    yield -expression
    yield 2 * expression
    yield swapped(expression)
    for symbol in sorted(expression.free_symbols & set(OTHER_DEPTH), key=str):
        yield expression.xreplace({symbol: OTHER_DEPTH[symbol]})
    for part in sympy.preorder_traversal(expression):
        if isinstance(part, Add):
            for term in part.args:
                yield expression.xreplace({part: part - 2 * term})  # the sign of a term
                yield expression.xreplace({part: part + term})  # twice
                yield expression.xreplace({part: part - term})  # left out
        elif part.is_Pow and part.exp.is_Integer:
            yield expression.xreplace({part: part * part.base})
        elif part.is_Rational and part not in (0, 1, -1):
            yield expression.xreplace({part: part + 1})


def same(one: Expr, other: Expr) -> bool:
    """Whether a slip has changed nothing"""
    try:
        return one == other or isinstance(_decide.decide(one - other), _decide.Vanishes)
    except Exception:
        return False


# --- slips of code -------------------------------------------------------------------------------

OPERATORS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}


class Slip(ast.NodeTransformer):
    """Change the place with the given number, and no other"""

    def __init__(self, chosen: int):
        self.chosen, self.places, self.what = chosen, 0, ""

    def here(self, what: str) -> bool:
        self.places += 1
        if self.places - 1 == self.chosen:
            self.what = what
        return self.places - 1 == self.chosen

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if type(node.op) in OPERATORS and self.here(f"{ast.unparse(node)}: operator"):
            return ast.BinOp(node.left, OPERATORS[type(node.op)](), node.right)
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.USub) and self.here(f"{ast.unparse(node)}: sign"):
            return node.operand
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, int | float) and not isinstance(node.value, bool):
            if not self.here(f"{node.value}: number"):
                return node
            return ast.Constant(node.value + 1)
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in SWAPS and self.here(f"{node.id}: {SWAPS[node.id]}"):
            return ast.Name(SWAPS[node.id], node.ctx)
        return node


def slips_of_code(function: Callable) -> Iterator[tuple[str, Callable]]:
    """(what was changed, the function with that change), for every place in its source"""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    tree.body[0].decorator_list = []  # type: ignore[attr-defined]
    counter = Slip(-1)
    counter.visit(ast.parse(ast.unparse(tree)))
    for place in range(counter.places):
        slip = Slip(place)
        changed = ast.fix_missing_locations(slip.visit(ast.parse(ast.unparse(tree))))
        space = dict(function.__globals__)
        exec(compile(changed, str(inspect.getsourcefile(function)), "exec"), space)
        yield slip.what, space[function.__name__]


# --- the five kinds ------------------------------------------------------------------------------


# What was changed, in words; whether it is the same after all; the proof that should fail
Slips = tuple[Callable[[], str], Callable[[], bool], Callable[[], Any]]


def said(*parts: Any) -> str:
    return ", ".join(map(str, parts))


def equations(row: Row) -> list[tuple[str, Eq]]:
    """The forms that are equations; what is argued in words cannot be compared"""
    return [(form, line) for form, line in row.claim.items() if isinstance(line, Eq)]


def claims(row: Row, side: str) -> Iterator[Slips]:
    """Slips in a left or right side of what is claimed"""
    for form, equation in equations(row):
        for wrong in wrong_versions(getattr(equation, side)):
            sides = {"lhs": equation.lhs, "rhs": equation.rhs} | {side: wrong}
            claim = Eq(sides["lhs"], sides["rhs"], evaluate=False)
            yield (
                partial(said, row.tag, form, claim),
                partial(same_equation, equation, claim),
                dataclasses.replace(row, claim={**row.claim, form: claim}).prove,
            )


def lines(row: Row) -> Iterator[Slips]:
    """Slips in what a derivation shows, the rest of it being as it should"""
    steps = row[row.steps]
    for place, step in enumerate(steps):
        for wrong in [] if step.in_words else wrong_steps(step):
            changed = (*steps[:place], wrong, *steps[place + 1 :])
            yield (
                partial(said, row.tag, step.name, wrong.numbers or wrong.expression),
                partial(same_lines, step, wrong),
                dataclasses.replace(row, derivation=partial(iter, changed)).prove,
            )


def wrong_steps(step: Step) -> Iterator[Step]:
    for place, line in enumerate(step.lines):
        for side in ("lhs", "rhs"):
            for wrong in wrong_versions(getattr(line, side)):
                sides = {"lhs": line.lhs, "rhs": line.rhs} | {side: wrong}
                changed = line.func(sides["lhs"], sides["rhs"], evaluate=False)
                whole = (*step.lines[:place], changed, *step.lines[place + 1 :])
                expression = Tuple(*whole) if len(whole) > 1 else changed
                yield dataclasses.replace(step, expression=expression)
    for wrong in [] if step.means is None else wrong_versions(step.means):
        yield dataclasses.replace(step, means=wrong)
    for place, number in enumerate(step.numbers):
        digits = [k for k, letter in enumerate(number.claimed) if letter.isdigit()][-1]
        claimed = list(number.claimed)
        claimed[digits] = str((int(claimed[digits]) + 2) % 10)
        changed = dataclasses.replace(number, claimed="".join(claimed))
        whole = (*step.numbers[:place], changed, *step.numbers[place + 1 :])
        yield dataclasses.replace(step, numbers=whole)


def same_lines(one: Step, other: Step) -> bool:
    """Whether two steps state the same equations"""
    if len(one.lines) != len(other.lines) or one.numbers != other.numbers:
        return False
    if one.means != other.means and not same(one.means, other.means):
        return False
    return all(map(same_equation, one.lines, other.lines))


def same_equation(one: Basic, other: Basic) -> bool:
    """Whether both sides are the same, or all of it is multiplied by -1 or 2"""
    left, right = one.lhs - one.rhs, other.lhs - other.rhs
    return any(same(factor * left, right) for factor in (1, -1, 2))


def code(row: Row) -> Iterator[Slips]:
    """Slips in the source of a derivation"""
    steps = row[row.steps]

    def no_effect(changed: Row) -> bool:
        derived = tuple(changed.derive())
        return len(derived) == len(steps) and all(map(same_lines, steps, derived))

    for what, derivation in slips_of_code(row.derivation):
        changed = dataclasses.replace(row, derivation=derivation)
        yield partial(said, row.tag, "code", what), partial(no_effect, changed), changed.prove


def definitions(row: Row) -> Iterator[Slips]:
    """Slips in what the symbols of a row stand for"""
    read = [line for step in row[row.steps] for line in step.lines]
    read += [sympy.sympify(meaning) for meaning in row.where.values()]
    for symbol, meaning in row.where.items():
        if not any(part.has(symbol) for part in read):
            continue
        for wrong in wrong_versions(sympy.sympify(meaning)):
            where = dict(row.where) | {symbol: wrong}
            yield (
                partial(said, row.tag, f"{symbol} = {wrong}"),
                partial(same, wrong, meaning),
                dataclasses.replace(row, where=where).prove,
            )


# --- a reader's claims ---------------------------------------------------------------------------

BOTH_SIGNS = (  # each is negative somewhere between gamma = -13.3 and 5, and positive elsewhere
    n.gamma_t,
    n.gamma_t + 10,
    n.gamma_s + 3,
    n.alpha_t**2 - n.sigma_t**2,
    n.gamma_t - n.gamma_s - 1,
)
ALWAYS_TRUE = (
    n.equation(n.alpha_t**2 + n.sigma_t**2, 1),
    n.equation((n.x + 1) ** 2, n.x**2 + 2 * n.x + 1),
    n.equation(sympy.exp(n.gamma_t), n.sigma_t**2 / n.alpha_t**2),
)


def lies(row: Row) -> Iterator[tuple[str, str, Eq | Expr]]:
    """(what, form, claim): false by construction, or true and beside the point"""
    others = [line for _, line in equations(row)]
    others += [line for tag in ("F1", "L2", "W1") for _, line in equations(LEDGER[tag])]
    for form, line in equations(row):
        left, right = line.lhs, line.rhs
        for f in BOTH_SIGNS:
            root = sympy.sqrt(sympy.expand(f**2))  # |f|, as an unsuspecting root
            if right != 0:
                yield "sign of a root", form, right * root / f
                yield "absolute value", form, right * abs(f) / f
            yield "equal on one side only", form, right + root - f
            yield "equal on one side only", form, right + (abs(f) + f) * (abs(f) - f - 1) / 2
        for true in ALWAYS_TRUE:
            yield "true, of something else", form, true
        for true in others:
            if true.lhs != left:
                yield "another form", form, true
                yield "wrong left side", form, n.equation(true.lhs, right)
        for wrong in (-left, 2 * left, left + 1, left**2):
            yield "wrong left side", form, n.equation(wrong, right)
        yield "true, but twice", form, n.equation(2 * left, 2 * right)


def rewritings(row: Row) -> Iterator[tuple[str, str, Eq | Expr]]:
    """(what, form, claim): the form in another writing"""
    root = sympy.sqrt(1 / (1 + sympy.exp(-n.gamma_t)))
    for form, line in equations(row):
        left, right = line.lhs, line.rhs
        written = {
            "expanded": sympy.expand(right),
            "factored": sympy.factor(right),
            "one fraction": sympy.together(right),
            "times one": right * (n.alpha_t**2 + n.sigma_t**2),
            "plus nothing": right + sympy.log(n.alpha_t / n.sigma_t) + n.gamma_t / 2,
            "in gamma": n.in_gamma(right) if right.free_symbols & set(OTHER_DEPTH) else right,
            "sigma from alpha": right.subs(n.sigma_t, sympy.sqrt(1 - n.alpha_t**2)),
            "alpha from sigma": right.subs(n.alpha_t**2, 1 - n.sigma_t**2),
            "sigma from gamma": right.subs(n.sigma_t, root),
            "c from gamma": right.subs(n.c, 1 - sympy.exp(n.gamma_s - n.gamma_t)),
        }
        for what, claim in written.items():
            if claim not in (left, right):
                yield what, form, claim
        yield "the whole equation", form, n.equation(sympy.expand(left), right)


def judged(
    claims: Callable[[Row], Iterator[tuple[str, str, Eq | Expr]]], every: int = 1
) -> dict[str, list[str]]:
    """ "accepted", undecided, refused -> the claims that were, one in `every` tried"""
    answers: dict[str, list[str]] = {"accepted": [], "undecided": [], "refused": []}
    tried = ((row, claim) for row in LEDGER.values() for claim in claims(row))
    for row, (what, form, claim) in itertools.islice(tried, 0, None, every):
        try:
            row.prove({form: claim})
            answer = "accepted"
        except Undecided:
            answer = "undecided"
        except ProofError:
            answer = "refused"
        answers[answer].append(said(row.tag, form, what, claim))
    return answers


KINDS: dict[str, Callable[[Row], Iterator[Slips]]] = {
    "left sides": partial(claims, side="lhs"),
    "right sides": partial(claims, side="rhs"),
    "lines": lines,
    "code": code,
    "definitions": definitions,
}


# --- the run -------------------------------------------------------------------------------------


class Late(Exception):
    pass


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise Late

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def run(every: int = 1, rows: list[str] | None = None, kinds: tuple = tuple(KINDS)) -> dict:
    """Try one slip in `every`, and count them by kind"""
    counts = {kind: Count() for kind in kinds}
    for tag in rows or LEDGER:
        for kind, count in counts.items():
            for number, slip in enumerate(KINDS[kind](LEDGER[tag])):
                if (number + sum(map(ord, tag))) % every == 0:
                    try_one(count, *slip)
    return counts


def try_one(count: Count, what: Callable, is_same: Callable, proof: Callable) -> None:
    count.made += 1
    try:
        with at_most(LIMIT):
            proof()
    except Late:
        count.late += 1
        return
    except ProofError:
        count.refused += 1
        return
    except Exception:
        count.stopped += 1
        return
    with at_most(10 * LIMIT):
        unchanged = is_same()
    if unchanged:
        count.same += 1
    else:
        count.survivors.append(what())


def reasons(survivor: str) -> list[str]:
    return [reason for part, reason in EXPLAINED.items() if part in survivor]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--every", type=int, default=1, help="try one slip in so many")
    arguments.add_argument("--rows", nargs="*", choices=list(LEDGER), help="only these rows")
    arguments.add_argument("--claims", action="store_true", help="lies and rewritings of a reader")
    given, start = arguments.parse_args(), time.perf_counter()
    if given.claims:
        for claims, wrong in (
            (lies, ("accepted", "undecided")),
            (rewritings, ("undecided", "refused")),
        ):
            answers = judged(claims, given.every)
            print(claims.__name__, {answer: len(found) for answer, found in answers.items()})
            print("\n".join(f"  {answer}: {one}" for answer in wrong for one in answers[answer]))
        print(f"{time.perf_counter() - start:.0f} seconds")
        return
    counts = run(given.every, given.rows)
    print("| kind | slips | refused | stopped by an error | late | let through | share refused |")
    print("|---|---|---|---|---|---|---|")
    for kind, count in counts.items():
        slips = count.made - count.same
        print(
            f"| {kind} | {slips} | {count.refused} | {count.stopped} | {count.late} "
            f"| {len(count.survivors)} | {count.share:.2%} |"
        )
    for kind, count in counts.items():
        for survivor in count.survivors:
            why = "; ".join(reasons(survivor)) or "not explained"
            print(f"let through ({kind}): {survivor} ({why})")
    print(f"{time.perf_counter() - start:.0f} seconds")


if __name__ == "__main__":
    main()
