"""Break the ledger on purpose, one slip at a time, and count the slips that a proof lets through.

    python tests/by_hand/mutate_ledger.py --every 20 --rows F2 W1   # one in twenty, of these rows

Slips are made in the claims, in the lines that a derivation shows, in its code, and in what symbols
are said to stand for; a premise is what a row takes from another one. Collusion is a definition
and the claims that say what its symbol is, changed together: nothing but a typed definition carries
such a form, and it must not be called proved. What is the same formula after all is no slip.
"""

import argparse
import ast
import dataclasses
import inspect
import signal
import sys
import textwrap
from collections import Counter
from functools import partial, wraps
from pathlib import Path
from unittest import mock

import sympy
from sympy import Add, Eq, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from diffenc_lite.course.ledger import LEDGER, Define, Line, Numbers, ProofError
from diffenc_lite.course.ledger import notation as n
from diffenc_lite.course.ledger.judge import in_full
from diffenc_lite.course.ledger.row import ROWS
from diffenc_lite.course.ledger.zero import same

AT_S = (n.alpha_s, n.sigma_s, n.gamma_s, n.lambda_s, n.x_s, n.y_s, n.z_s)
AT_T = (n.alpha_t, n.sigma_t, n.gamma_t, n.lambda_t, n.x_t, n.y_t, n.z_t)
OTHER_DEPTH = dict(zip(AT_S + AT_T, AT_T + AT_S, strict=True))
OTHER_NAME = {a.name: b.name for a, b in OTHER_DEPTH.items()}
OPERATORS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
LIMIT = 30  # seconds of the processor for one slip
EXPLAINED = {  # what is let through, and why it may be
    "F3, bayes": "the constant is any number",
    "F3, code, forward + before": "the constant is any number",
    "KL, code, 3": "one more integral, also true",
    "L1, code, 0": "in a line in words, which is not held",
    "W2, code, 1 + kappa * h": "kappa may be negative",
    "W1c, code, T * step_cost": "1 over the cost is flat at the same place",
    "X4, vdm_step": "one step further on, the same to first order",
    "delta = -mu_P + mu_Q": "it enters by its square",
    "E2, code, x_t": "x_t has that meaning anyway",
    "L3, z_t = ": "what is read of it, v - vhat, is free of it",
    "L3, xhat = ": "the error enters by its square",
    "xddot_t = Derivative(x(lambda_s)": "at s or at t, the same to that order",
    "u = Derivative(x(lambda_s)": "at s or at t, the same to that order",
    "G3, first_order": "c is of first order, so x_s or x_t is the same to that order",
    "G5, target": "x_s or x_t is the same to that order",
    "E3, y_s = ": "y at s is any number: E3 says how x_t - x_s depends on it",
    "E1, u = ": "for E1 that derivative is 0, whatever it is multiplied by",
}

# --- slips of formulas and of code ----------------------------------------------------------------


def wrong_versions(expression):
    """One slip of the pen each"""
    yield from (expression + 1, -expression, 2 * expression, expression.xreplace(OTHER_DEPTH))
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


def wrong_equations(line):
    """(the equation with a slip on one side, whether in vain)"""
    for side in ("lhs", "rhs"):
        for wrong in wrong_versions(getattr(line, side)):
            sides = {"lhs": line.lhs, "rhs": line.rhs} | {side: wrong}
            changed = line.func(sides["lhs"], sides["rhs"], evaluate=False)
            yield changed, partial(same_equation, line, changed)


def same_equation(one, other):
    """Whether both sides are the same, or all of it is multiplied by -1, 2 or 3"""
    left, right = one.lhs - one.rhs, other.lhs - other.rhs
    return any(same(factor * left, right) for factor in (1, -1, 2, 3))


def places(tree):
    """(node, attribute, its new value) of a program"""
    for node in ast.walk(tree):
        match node:
            case ast.BinOp(op=op) if type(op) in OPERATORS:
                yield node, "op", OPERATORS[type(op)]()
            case ast.UnaryOp(op=ast.USub()):
                yield node, "op", ast.UAdd()
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                yield node, "value", value + 1
            case ast.Name(id=name) if name in OTHER_NAME:
                yield node, "id", OTHER_NAME[name]


def slips_of_code(function):
    """(what was changed, the function with that change), for every place in its source"""

    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    tree.body[0].decorator_list = []
    for node, attribute, value in list(places(tree)):
        right, what, space = getattr(node, attribute), ast.unparse(node), dict(function.__globals__)
        setattr(node, attribute, value)
        exec(compile(ast.fix_missing_locations(tree), "slip", "exec"), space)
        yield f"{what}: {ast.unparse(node)}", space[function.__name__]
        setattr(node, attribute, right)


# --- the kinds: (what was changed, as a function; whether in vain; the broken row) ----------------


def with_steps(row, change):
    """The row with its steps changed on the way; the rows that it rests on stay"""

    @wraps(row.derivation)
    def derivation(*premises):
        yield from map(change, row.derivation(*premises))

    return dataclasses.replace(row, derivation=derivation)


def claims(row):
    for form, line in row.claim.items():
        for wrong, is_same in wrong_equations(line) if isinstance(line, Eq) else ():
            broken = dataclasses.replace(row, claim={**row.claim, form: wrong})
            yield partial("{}, {}".format, form, wrong), is_same, broken


def lines(row):
    """What a derivation shows, the rest of it being as it should"""
    for step in row.derive():
        for wrong, is_same in wrong_steps(step):
            broken = with_steps(row, lambda s, wrong=wrong: wrong if s.name == wrong.name else s)
            yield partial("{}, {!r}".format, step.name, wrong), is_same, broken


def wrong_steps(step):
    if isinstance(step, Line):
        for place, line in enumerate(step.lines):
            for wrong, is_same in wrong_equations(line):
                whole = (*step.lines[:place], wrong, *step.lines[place + 1 :])
                expression = Tuple(*whole) if len(whole) > 1 else wrong
                yield dataclasses.replace(step, expression=expression), is_same
        for meaning in [] if step.means is None else wrong_versions(step.means):
            yield dataclasses.replace(step, means=meaning), partial(same, meaning, step.means)
    for place, number in enumerate(step.numbers if isinstance(step, Numbers) else ()):
        last = max(k for k, letter in enumerate(number.claimed) if letter.isdigit())
        digit = str((int(number.claimed[last]) + 2) % 10)
        claimed = number.claimed[:last] + digit + number.claimed[last + 1 :]
        changed = list(step.numbers)
        changed[place] = dataclasses.replace(number, claimed=claimed)
        yield dataclasses.replace(step, numbers=tuple(changed)), lambda: False


def said(row):
    """All equations of its steps, and what new left sides mean"""
    steps = list(row.derive())
    meant = [Eq(0, getattr(step, "means", None) or 0, evaluate=False) for step in steps]
    return [line for step in steps for line in step.lines] + meant


def code(row):
    before = said(row)

    def in_vain(broken):
        after = said(broken)
        return len(before) == len(after) and all(map(same_equation, before, after))

    for what, derivation in slips_of_code(row.derivation):
        broken = dataclasses.replace(row, derivation=derivation)
        yield partial("code, {}".format, what), partial(in_vain, broken), broken


def redefined(row):
    """(symbol, its meaning, a wrong one, the row with that)"""
    for step in row.run([]):
        for symbol, meaning in step.meanings.items() if isinstance(step, Define) else ():
            for wrong in wrong_versions(sympy.sympify(meaning)):

                def change(other, symbol=symbol, wrong=wrong):
                    if not isinstance(other, Define) or symbol not in other.meanings:
                        return other
                    return Define({**other.meanings, symbol: wrong}, other.name, other.text)

                yield symbol, meaning, wrong, with_steps(row, change)


def definitions(row):
    steps = list(row.run([]))
    read = [m for s in steps if isinstance(s, Define) for m in s.meanings.values()]
    read += [line for s in steps if not isinstance(s, Define) for line in s.lines]
    for symbol, meaning, wrong, broken in redefined(row):
        if Tuple(*read).has(symbol):
            what = partial("{} = {}".format, symbol, wrong)
            yield what, partial(same, wrong, meaning), broken


def collusion(row):
    before = row._page.meanings
    for symbol, meaning, wrong, broken in redefined(row):
        after, changed = {**before, symbol: wrong}, {}
        for form, line in row.claim.items():
            if isinstance(line, Eq) and line.lhs.free_symbols == symbol.free_symbols:
                moved = in_full(line.lhs - line.rhs, after) - in_full(line.lhs - line.rhs, before)
                changed[form] = Eq(line.lhs, line.rhs + moved, evaluate=False)
        broken = dataclasses.replace(broken, claim={**row.claim, **changed})

        def harmless(broken=broken, forms=tuple(changed), slip=(wrong, meaning)):
            return "proved" not in {broken.words[form] for form in forms} or same(*slip)

        if changed:
            yield partial("collusion, {} = {}".format, symbol, wrong), harmless, broken


def proof_on(row, tag, forms):
    """The proof of a row, with these forms in the place of those of another one"""
    changed = dataclasses.replace(LEDGER[tag], claim={**LEDGER[tag].claim, **forms})
    changed.__dict__["_page"] = LEDGER[tag]._page  # its words stay
    return mock.patch.dict(ROWS, {tag: changed})(dataclasses.replace(row).prove)


def premises(row):
    """Every form of a row that this one was passed, changed"""
    for tag in row.rests_on:
        claim = LEDGER[tag].claim
        twice = {f: Eq(e.lhs, 2 * e.rhs + 1, evaluate=False) for f, e in claim.items()}
        proof = proof_on(row, tag, twice)
        yield partial("premise, {}".format, tag), lambda: False, mock.Mock(prove=proof)


KINDS = {kind.__name__: kind for kind in (claims, lines, code, definitions, collusion, premises)}
TYPED = set("equation name sqrt log exp Rational Integer Sum Symbol Tuple Min".split())


def typed_forms(row):
    """Forms whose line is typed: it has neither a row in it, nor a call that computes anything"""
    function, given = ast.parse(textwrap.dedent(inspect.getsource(row.derivation))).body[0], {}
    for node in ast.walk(function):
        for target in node.targets if isinstance(node, ast.Assign) else ():
            for part in ast.walk(target):
                given.setdefault(getattr(part, "id", None), []).append(node.value)

    def computed(node, seen=()):
        for part in ast.walk(node):
            match part:
                case ast.Name(name):
                    values = () if name in seen else given.get(name, ())
                    if name in row.rests_on or any(computed(v, (*seen, name)) for v in values):
                        return True
                case ast.Call(func=f) if getattr(f, "id", None) not in TYPED:
                    return True
        return False

    for node in ast.walk(function):
        match node:
            case ast.Call(ast.Name("Line"), [ast.Constant(str(form)), _, *rest], keywords):
                rest += [word.value for word in keywords if word.arg == "means"]
                if form in row.claim and rest and not any(map(computed, rest)):
                    yield form


# --- the run --------------------------------------------------------------------------------------


def tried(what, is_same, broken):
    """In vain, refused by the proof, stopped by an error of its own or the time, explained; or else
    what was let through"""

    def late(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT)
    try:
        broken.prove()
        signal.setitimer(signal.ITIMER_VIRTUAL, 10 * LIMIT)
        through = "explained" if any(part in what for part in EXPLAINED) else what
        return "in vain" if is_same() else through
    except ProofError:
        return "refused"
    except Exception:
        return "stopped"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def run(every=1, tags=tuple(LEDGER), kinds=tuple(KINDS)):
    """Try one slip in `every`: kind -> how many ended how"""
    counts = {kind: Counter() for kind in kinds}
    for tag in tags:
        for kind, count in counts.items():
            for number, (what, *slip) in enumerate(KINDS[kind](LEDGER[tag])):
                if (number + sum(map(ord, tag))) % every == 0:
                    count[tried(f"{tag}, {what()}", *slip)] += 1
    return counts


ENDS = "refused", "stopped", "explained", "in vain"


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--every", type=int, default=1, help="try one slip in so many")
    arguments.add_argument("--rows", nargs="*", choices=list(LEDGER), default=list(LEDGER))
    given = arguments.parse_args()
    counts = run(given.every, given.rows)
    print("kind", *ENDS, "let through", sep=" | ")
    for kind, count in counts.items():
        through = [what for what in count if what not in ENDS]
        print(kind, *(count[end] for end in ENDS), len(through), *through, sep=" | ")
    typed = [(row.tag, f) for row in LEDGER.values() for f in typed_forms(row)]
    called = [(tag, form) for tag, form in typed if LEDGER[tag].words[form] == "proved"]
    print("forms that a typed line carries:", typed, "; called proved:", called)
    sys.exit(bool(called) or any(set(count) - set(ENDS) for count in counts.values()))


if __name__ == "__main__":
    main()
