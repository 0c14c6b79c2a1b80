"""Break the ledger on purpose, one slip at a time, and count the slips that a proof lets through.

    python tests/by_hand/mutate_ledger.py --every 20 --rows F2 W1   # one in twenty, of these rows

Slips are made in the steps, and in the premises, definitions and words, each of which has to break
by name every step that uses it. In vain is a slip that leaves the formula as it was; a step that
need not mind one is spared, and listed with the reason. (That a step fails with one entry less in
what it uses, `prove` itself tries.)
"""

import argparse
import dataclasses
import signal
import sys
from collections import Counter
from functools import cache, partial
from pathlib import Path

import sympy
from sympy import Add, Derivative, Eq, Ge, Integral, Limit, Order
from sympy.core.function import AppliedUndef

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from diffenc_lite.course.ledger import LEDGER, checking, row
from diffenc_lite.course.ledger import notation as n
from diffenc_lite.course.ledger.row import instance
from diffenc_lite.course.ledger.zero import same

AT_S = (n.alpha_s, n.sigma_s, n.gamma_s, n.lambda_s, n.x_s, n.y_s, n.z_s)
AT_T = (n.alpha_t, n.sigma_t, n.gamma_t, n.lambda_t, n.x_t, n.y_t, n.z_t)
OTHER_DEPTH = dict(zip(AT_S + AT_T, AT_T + AT_S, strict=True))
LIMIT = 10  # seconds of the processor for one slip
# --- slips ----------------------------------------------------------------------------------------


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


def wrong_lines(line):
    """(the line with a slip on its right side, or on the left one of an inequality)"""
    for wrong in wrong_versions(line.lhs if isinstance(line, Ge) else line.rhs):
        sides = (wrong, line.rhs) if isinstance(line, Ge) else (line.lhs, wrong)
        changed = line.func(*sides, evaluate=False)
        yield changed, partial(same_line, line, changed)


def same_line(one, other):
    """Up to an order x_s is x_t, in what gets through."""
    near = {n.x_s: n.x_t} if one.has(Order) else {}
    one, other = one.xreplace(near), other.xreplace(near)
    return one == other or same(one.lhs - one.rhs, other.lhs - other.rhs)


def lines_of(step, key=None, wrong=None):
    """What a step uses; of the entry `key` this line, or nothing"""
    lines = []
    for use in step.uses:
        if use.key != key:
            lines.append(instance(use)[0])
        elif wrong is not None:
            lines.append(checking.moved(wrong, dict(use.values)) if use.values else wrong)
    return lines


def users_of(key):
    """Each step that uses the entry"""
    steps = (e for row in LEDGER.values() for e in row.derive() if e.kind == "step")
    return [step for step in steps if any(use.key == key for use in step.uses)]


def broken_by(key, wrong):
    """Each step that uses the entry -> whether it fails with this line in its place"""
    return {user.key: fails(user, key, wrong) for user in users_of(key)}


def fails(step, key=None, wrong=None):
    return not checking.follows(step, lines_of(step, key, wrong))


# --- the kinds: (what was changed; whether in vain; whether it is refused) ------------------------


def steps(row):
    for step in (e for e in row.derive() if e.kind == "step"):
        for wrong, is_same in wrong_lines(step.line):
            broken = dataclasses.replace(step, line=wrong)
            if isinstance(wrong, Ge) and step.witness is None:
                continue
            yield f"{step.key}: {wrong}", is_same, partial(fails, broken)


def roots(row):
    """Premises, definitions and words: with a slip in it each step that uses it has to fail, or the
    sign of its symbol is not seen."""
    for root in (e for e in row.derive() if e.kind != "step"):
        for wrong, is_same in wrong_lines(root.line):
            for user in users_of(root.key):
                what = f"{root.key}: {root.line} -> {wrong} in {user.key}"
                rest = (root, wrong, user)
                yield what, is_same, partial(breaks, *rest), partial(spared, *rest)


@cache
def sign_is_seen(root, wrong):
    return row.sign_is_seen(dataclasses.replace(root, line=wrong))


def breaks(root, wrong, user):
    return not sign_is_seen(root, wrong) or fails(user, root.key, wrong)


def spared(root, wrong, user):
    """Why this user need not mind the slip, or nothing"""
    if isinstance(root.line, Ge):
        return "says more" * checking.seen(root.line.lhs, [wrong.lhs])
    before, after, others = root.line.rhs, wrong.rhs, lines_of(user, root.key)
    handle, _ = checking.rule(root.line)
    rules = dict(checking.rule(line) for line in others if isinstance(line, Eq))
    change = checking.in_full(after - before, rules)
    named, bound = (handle.func, handle.args) if isinstance(handle, AppliedUndef) else (handle, ())
    sides = [checking.in_full(side, rules) for line in (user.line, *others) for side in line.args]
    slopes = {e for side in sides for e in side.atoms(Derivative) if e.has(named)}
    if same(change, sympy.S.Zero):
        return "says the same, by what else is used"
    if same(after**2, before**2):
        return "enters by its square"
    if any(change.diff(*(bound * len(e.variables) or e.variables)) == 0 for e in slopes):
        return "is lost in a slope"
    if any(e.has(named) for side in sides for e in side.atoms(Limit)):
        return "is lost in a limit"
    over = [e for side in sides for e in side.atoms(sympy.log) if isinstance(e.args[0], Integral)]
    if any(e.has(named) and not change.has(*e.args[0].variables) for e in over):
        return "is lost in a normaliser"
    if sum(use.key == root.key for use in user.uses) > 1:
        return "is used twice, and cancels"
    if isinstance(user.line, Ge):
        return "leaves the sign"
    return "is beyond the order" if user.line.has(Order) else ""


KINDS = {kind.__name__: kind for kind in (steps, roots)}


# --- the run --------------------------------------------------------------------------------------


def tried(what, is_same, refused, spared=lambda: ""):
    """How it ends: one of ENDS, and of what is spared or let through, what it was, and why"""

    def late(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT)
    try:
        if refused():
            return "refused", ""
        signal.setitimer(signal.ITIMER_VIRTUAL, 10 * LIMIT)
        if is_same():
            return "in vain", ""
        why = spared()
        return ("spared", f"{what} ({why})") if why else ("let through", what)
    except Exception:
        return "stopped", what
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def run(every=1, tags=tuple(LEDGER), kinds=tuple(KINDS)):
    """Try one slip in `every`: kind -> how each ended, and what it was"""
    return {
        kind: [
            tried(*slip)
            for tag in tags
            for number, slip in enumerate(KINDS[kind](LEDGER[tag]))
            if (number + sum(map(ord, tag))) % every == 0
        ]
        for kind in kinds
    }


ENDS = "refused", "stopped", "in vain", "spared", "let through"


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--every", type=int, default=1, help="try one slip in so many")
    arguments.add_argument("--rows", nargs="*", choices=list(LEDGER), default=list(LEDGER))
    arguments.add_argument("--kinds", nargs="*", choices=list(KINDS), default=list(KINDS))
    given = arguments.parse_args()
    found = run(given.every, given.rows, given.kinds)
    print("kind", *ENDS, sep=" | ")
    for kind, slips in found.items():
        counts = Counter(end for end, _ in slips)
        print(kind, *(counts[end] for end in ENDS), sep=" | ")
    told = [f"{end}: {what}" for slips in found.values() for end, what in slips if what]
    print(*told, sep="\n")
    sys.exit(any(end == "let through" for slips in found.values() for end, _ in slips))


if __name__ == "__main__":
    main()
