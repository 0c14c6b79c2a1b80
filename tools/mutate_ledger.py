"""Break the ledger on purpose, one slip at a time, and count the slips that a proof lets through.

    python tools/mutate_ledger.py                  # every slip (the time it took is printed)
    python tools/mutate_ledger.py --every 20       # one in twenty
    python tools/mutate_ledger.py --rows F2 W1

Slips are made in the claims, in the lines that a derivation shows, in its code, and in what symbols
are said to stand for; a premise is what a row takes from another one. Collusion is a definition
and the claims that say what its symbol is, changed together: where that is let through, nothing
but a typed definition carries the form, and it must not be called proved. What is still the same
formula, written otherwise, is no slip.
"""

import argparse
import ast
import dataclasses
import inspect
import signal
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from functools import partial, wraps
from pathlib import Path
from typing import Any
from unittest import mock

import sympy
from sympy import Add, Basic, Eq, Expr, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from diffenc_lite.course.ledger import LEDGER, Define, Line, Numbers, ProofError, Row, Step
from diffenc_lite.course.ledger import notation as n
from diffenc_lite.course.ledger.judge import in_full
from diffenc_lite.course.ledger.row import ROWS
from diffenc_lite.course.ledger.zero import same

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
LIMIT = 30  # seconds of the processor for one slip
EXPLAINED = {  # what is let through, and why it may be
    "F3, bayes": "the constant is any number",
    "F3, code, forward + before": "the constant is any number",
    "KL, code, 3: number": "one more integral, also true",
    "L1, code, 0: number": "in a line in words, which is not held",
    "W2, code, 1 + kappa * h": "kappa may be negative",
    "X4, vdm_step": "one step further on, the same to first order",
    "delta = -mu_P + mu_Q": "it enters by its square",
    "L3, xhat = ": "the error enters by its square",
    "xddot_t = Derivative(x(lambda_s)": "at s or at t, the same to that order",
    "u = Derivative(x(lambda_s)": "at s or at t, the same to that order",
    "G3, first_order": "c is of first order, so x_s or x_t is the same to that order",
    "G5, target": "x_s or x_t is the same to that order",
    "E3, y_s = ": "y at s is any number: E3 says how x_t - x_s depends on it",
    "E1, u = ": "for E1 that derivative is 0, whatever it is multiplied by",
}
# What was changed, written out for survivors only; whether in vain; the broken row
Slip = tuple[Callable[[], str], Callable[[], bool], Any]


# --- slips of formulas and of code ---------------------------------------------------------------


def wrong_versions(expression: Expr) -> Iterator[Expr]:
    """One slip of the pen each"""
    yield from (expression + 1, -expression, 2 * expression)
    yield expression.xreplace(OTHER_DEPTH)
    for symbol in sorted(expression.free_symbols & set(OTHER_DEPTH), key=str):
        yield expression.xreplace({symbol: OTHER_DEPTH[symbol]})
    for part in sympy.preorder_traversal(expression):
        if isinstance(part, Add):
            for term in part.args:  # its sign, twice, left out
                yield from (expression.xreplace({part: part + k * term}) for k in (-2, 1, -1))
        elif part.is_Pow and part.exp.is_Integer:
            yield expression.xreplace({part: part * part.base})
        elif part.is_Rational and part not in (0, 1, -1):
            yield expression.xreplace({part: part + 1})


OPERATORS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
SWAPS = {a.name: b.name for a, b in OTHER_DEPTH.items()}


def slips_of_code(function: Callable) -> Iterator[tuple[str, Callable]]:
    """(what was changed, the function with that change), for every place in its source"""
    source = textwrap.dedent(inspect.getsource(function))

    def body() -> tuple[ast.Module, list[tuple[ast.AST, str]]]:
        tree = ast.parse(source)
        tree.body[0].decorator_list = []  # type: ignore[attr-defined]
        places: list[tuple[ast.AST, str]] = []
        for node in ast.walk(tree):
            match node:
                case ast.BinOp(op=op) if type(op) in OPERATORS:
                    places.append((node, f"{ast.unparse(node)}: operator"))
                case ast.UnaryOp(op=ast.USub()):
                    places.append((node, f"{ast.unparse(node)}: sign"))
                case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                    places.append((node, f"{value}: number"))
                case ast.Name(id=name) if name in SWAPS:
                    places.append((node, f"{name}: {SWAPS[name]}"))
        return tree, places

    for k in range(len(body()[1])):
        tree, places = body()
        node, what = places[k]
        match node:
            case ast.BinOp():
                node.op = OPERATORS[type(node.op)]()
            case ast.UnaryOp():
                node.op = ast.UAdd()
            case ast.Constant():
                node.value += 1  # type: ignore[operator]
            case ast.Name():
                node.id = SWAPS[node.id]
        space = dict(function.__globals__)
        exec(compile(ast.fix_missing_locations(tree), "slip", "exec"), space)
        yield what, space[function.__name__]


# --- the kinds -----------------------------------------------------------------------------------


def with_steps(row: Row, change: Callable[[Step], Step]) -> Row:
    """The row with its steps changed on the way; the rows that it rests on stay"""

    @wraps(row.derivation)
    def derivation(*premises: Any) -> Iterator[Step]:
        yield from map(change, row.derivation(*premises))

    return dataclasses.replace(row, derivation=derivation)


def claims(row: Row) -> Iterator[Slip]:
    """Slips in a left or right side of what is claimed"""
    for form, line in row.claim.items():
        for wrong, is_same in wrong_equations(line) if isinstance(line, Eq) else ():
            broken = dataclasses.replace(row, claim={**row.claim, form: wrong})
            yield partial("{}, {}, {}".format, row.tag, form, wrong), is_same, broken


def wrong_equations(line: Basic) -> Iterator[tuple[Basic, Callable[[], bool]]]:
    for side in ("lhs", "rhs"):
        for wrong in wrong_versions(getattr(line, side)):
            sides = {"lhs": line.lhs, "rhs": line.rhs} | {side: wrong}
            changed = line.func(sides["lhs"], sides["rhs"], evaluate=False)
            yield changed, partial(same_equation, line, changed)


def same_equation(one: Basic, other: Basic) -> bool:
    """Whether both sides are the same, or all of it is multiplied by -1 or 2"""
    left, right = one.lhs - one.rhs, other.lhs - other.rhs
    return any(same(factor * left, right) for factor in (1, -1, 2))


def lines(row: Row) -> Iterator[Slip]:
    """Slips in what a derivation shows, the rest of it being as it should"""
    for step in row.derive():
        for wrong, is_same in wrong_steps(step):
            broken = with_steps(row, partial(in_place, wrong))
            yield partial("{}, {}, {!r}".format, row.tag, step.name, wrong), is_same, broken


def in_place(wrong: Step, step: Step) -> Step:
    return wrong if step.name == wrong.name else step


def wrong_steps(step: Step) -> Iterator[tuple[Step, Callable[[], bool]]]:
    if isinstance(step, Line):
        for place, line in enumerate(step.lines):
            for wrong, is_same in wrong_equations(line):
                whole = (*step.lines[:place], wrong, *step.lines[place + 1 :])
                expression = Tuple(*whole) if len(whole) > 1 else wrong
                yield dataclasses.replace(step, expression=expression), is_same
        for meaning in [] if step.means is None else wrong_versions(step.means):
            yield dataclasses.replace(step, means=meaning), partial(same, meaning, step.means)
    elif isinstance(step, Numbers):
        for place, number in enumerate(step.numbers):
            last = [k for k, letter in enumerate(number.claimed) if letter.isdigit()][-1]
            digit = str((int(number.claimed[last]) + 2) % 10)
            claimed = number.claimed[:last] + digit + number.claimed[last + 1 :]
            changed = list(step.numbers)
            changed[place] = dataclasses.replace(number, claimed=claimed)
            yield dataclasses.replace(step, numbers=tuple(changed)), lambda: False


def code(row: Row) -> Iterator[Slip]:
    """Slips in the source of a derivation"""
    before = list(row.derive())

    def no_effect(broken: Row) -> bool:
        after = list(broken.derive())
        said = [
            [
                (*step.lines, *[Eq(0, getattr(step, "means", None) or 0, evaluate=False)])
                for step in steps
            ]
            for steps in (before, after)
        ]
        return all(
            len(one) == len(other) and all(map(same_equation, one, other))
            for one, other in zip(*said, strict=True)
        )

    for what, derivation in slips_of_code(row.derivation):
        broken = dataclasses.replace(row, derivation=derivation)
        yield partial("{}, code, {}".format, row.tag, what), partial(no_effect, broken), broken


def definitions(row: Row) -> Iterator[Slip]:
    """Slips in what the symbols of a row stand for"""
    steps = list(row.run([]))
    read = Tuple(
        *(line for step in steps if not isinstance(step, Define) for line in step.lines),
        *(m for step in steps if isinstance(step, Define) for m in step.meanings.values()),
    )
    for symbol, meaning, wrong, broken in redefined(row):
        if read.has(symbol):
            said = partial("{}, {} = {}".format, row.tag, symbol, wrong)
            yield said, partial(same, wrong, meaning), broken


def redefined(row: Row) -> Iterator[tuple[Basic, Expr, Expr, Row]]:
    """(symbol, its meaning, a wrong one, the row with that)"""
    for step in row.run([]):
        for symbol, meaning in step.meanings.items() if isinstance(step, Define) else ():
            for wrong in wrong_versions(sympy.sympify(meaning)):

                def change(other: Step, symbol: Basic = symbol, wrong: Expr = wrong) -> Step:
                    if not isinstance(other, Define) or symbol not in other.meanings:
                        return other
                    return Define({**other.meanings, symbol: wrong}, other.name, other.text)

                yield symbol, meaning, wrong, with_steps(row, change)


def collusion(row: Row) -> Iterator[Slip]:
    """A definition and the claims that say what its symbol is, changed alike"""
    before = row._page.meanings
    for symbol, meaning, wrong, broken in redefined(row):
        after, changed = {**before, symbol: wrong}, {}
        for form, line in row.claim.items():
            if isinstance(line, Eq) and line.lhs.free_symbols == symbol.free_symbols:
                moved = in_full(line.lhs - line.rhs, after) - in_full(line.lhs - line.rhs, before)
                changed[form] = Eq(line.lhs, line.rhs + moved, evaluate=False)
        if changed:
            broken = dataclasses.replace(broken, claim={**row.claim, **changed})
            said = partial("{}, collusion, {} = {}".format, row.tag, symbol, wrong)
            yield said, partial(harmless, broken, list(changed), wrong, meaning), broken


def harmless(broken: Row, forms: list[str], wrong: Expr, meaning: Expr) -> bool:
    """Whether nothing that was changed is called proved"""
    return "proved" not in {broken.words[form] for form in forms} or same(wrong, meaning)


def premises(row: Row) -> Iterator[Slip]:
    """Every form of a row that this one was passed, changed"""
    for tag in row.premises:
        other = LEDGER[tag]
        twice = {f: Eq(e.lhs, 2 * e.rhs + 1, evaluate=False) for f, e in other.claim.items()}
        changed = dataclasses.replace(other, claim=twice)
        changed.__dict__["_page"] = other._page  # its words stay
        yield partial("{}, premise, {}".format, row.tag, tag), lambda: False, OnOther(row, changed)


@dataclasses.dataclass
class OnOther:
    """A row that is passed another one in the place of what it rests on"""

    row: Row
    other: Row

    def prove(self) -> None:
        with mock.patch.dict(ROWS, {self.other.tag: self.other}):
            dataclasses.replace(self.row).prove()


TYPED = set("equation name sqrt log exp Rational Integer Sum Symbol Tuple Min".split())


def typed_forms(row: Row) -> Iterator[str]:
    """Forms whose line is typed: it has neither a row in it, nor a call that computes anything"""
    function = ast.parse(textwrap.dedent(inspect.getsource(row.derivation))).body[0]
    given: dict[str, list[ast.expr]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            for part in (part for target in node.targets for part in ast.walk(target)):
                if isinstance(part, ast.Name):
                    given.setdefault(part.id, []).append(node.value)

    def computed(node: ast.AST, seen: tuple[str, ...] = ()) -> bool:
        for part in ast.walk(node):
            match part:
                case ast.Name(id=name):
                    met, said = (*seen, name), [] if name in seen else given.get(name, [])
                    if name in row.premises or any(computed(value, met) for value in said):
                        return True
                case ast.Call(func=ast.Attribute()):
                    return True
                case ast.Call(func=ast.Name(id=name)) if name not in TYPED:
                    return True
        return False

    for node in ast.walk(function):
        match node:
            case ast.Call(ast.Name("Line"), [ast.Constant(str(form)), _, *rest], keywords):
                rest += [word.value for word in keywords if word.arg == "means"]
                if form in row.claim and rest and not any(map(computed, rest)):
                    yield form


KINDS: dict[str, Callable[[Row], Iterator[Slip]]] = {
    kind.__name__: kind for kind in (claims, lines, code, definitions, collusion, premises)
}


# --- the run -------------------------------------------------------------------------------------


@dataclasses.dataclass
class Count:
    """Slips of one kind: made, the same after all, refused by a proof, stopped by an error of their
    own (broken code often does) or by the time limit, let through."""

    made: int = 0
    same: int = 0
    refused: int = 0
    stopped: int = 0
    survivors: list[str] = dataclasses.field(default_factory=list)


def run(every: int = 1, tags: list[str] | None = None, kinds: tuple = tuple(KINDS)) -> dict:
    """Try one slip in `every`, and count them by kind"""
    counts = {kind: Count() for kind in kinds}
    for tag in tags or LEDGER:
        for kind, count in counts.items():
            for number, slip in enumerate(KINDS[kind](LEDGER[tag])):
                if (number + sum(map(ord, tag))) % every == 0:
                    try_one(count, *slip)
    return counts


def try_one(
    count: Count, said: Callable[[], str], is_same: Callable[[], bool], broken: Any
) -> None:
    def late(*_: object) -> None:
        raise TimeoutError

    count.made += 1
    before = signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT)
    try:
        broken.prove()
        signal.setitimer(signal.ITIMER_VIRTUAL, 10 * LIMIT)
        if is_same():
            count.same += 1
        else:
            count.survivors.append(said())
    except ProofError:
        count.refused += 1
    except Exception:
        count.stopped += 1
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def unexplained(count: Count) -> list[str]:
    return [slip for slip in count.survivors if not any(part in slip for part in EXPLAINED)]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--every", type=int, default=1, help="try one slip in so many")
    arguments.add_argument("--rows", nargs="*", choices=list(LEDGER), help="only these rows")
    given, start = arguments.parse_args(), time.perf_counter()
    counts = run(given.every, given.rows)
    print("| kind | slips | refused | stopped by an error | let through | unexplained |")
    print("|---|---|---|---|---|---|")
    for kind, count in counts.items():
        made, left = count.made - count.same, unexplained(count)
        through = f"{len(count.survivors)} | {len(left)}"
        print(f"| {kind} | {made} | {count.refused} | {count.stopped} | {through} |")
    for row in LEDGER.values():
        for form in typed_forms(row):
            print(f"typed: {row.tag}, {form}, {row.words[form]}")
    for kind, count in counts.items():
        for slip in count.survivors:
            why = "; ".join(why for part, why in EXPLAINED.items() if part in slip)
            print(f"let through ({kind}): {slip} ({why or 'not explained'})")
    print(f"{time.perf_counter() - start:.0f} seconds")
    sys.exit(any(map(unexplained, counts.values())))


if __name__ == "__main__":
    main()
