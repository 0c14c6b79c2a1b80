"""Break the ledger on purpose, one slip at a time, and count the slips that a proof lets through.

    python tests/by_hand/mutate_ledger.py --every 20 --rows F2 W1   # one in twenty, of these rows

Slips are made in the steps; in the premises, definitions and words, each of which has to break by
name every step that uses it; and in what a step says that it uses. What is the same formula after
all, or one that the step can't tell apart, is listed.
"""

import argparse
import dataclasses
import signal
import sys
from collections import Counter
from functools import partial
from pathlib import Path

import sympy
from sympy import Add, Eq, Ge

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from diffenc_lite.course.ledger import LEDGER, checking
from diffenc_lite.course.ledger import notation as n
from diffenc_lite.course.ledger.row import Loose, check_line, instance
from diffenc_lite.course.ledger.zero import same

AT_S = (n.alpha_s, n.sigma_s, n.gamma_s, n.lambda_s, n.x_s, n.y_s, n.z_s)
AT_T = (n.alpha_t, n.sigma_t, n.gamma_t, n.lambda_t, n.x_t, n.y_t, n.z_t)
OTHER_DEPTH = dict(zip(AT_S + AT_T, AT_T + AT_S, strict=True))
LIMIT = 30  # seconds of the processor for one slip
EXPLAINED = {  # what is let through, and why it may be
    "-mu_P + mu_Q": "delta enters by its square",
    "E3.path, Eq(x(lambda), y(lambda) + 1 + ": "a constant goes in the derivative",
    "X2.bayes": "only the dependence on x is used: a constant goes in the derivative",
    "F3.curvature, Eq(sigma_Q, -sqrt(": "the steps use its square",
    "W7.m_best": "enters by its square",
    "G5.target": "x_s is x_t to this order",
    "G3.first_order": "x_s is x_t to this order",
}

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
    side = "lhs" if isinstance(line, Ge) else "rhs"
    for wrong in wrong_versions(getattr(line, side)):
        sides = {"lhs": line.lhs, "rhs": line.rhs} | {side: wrong}
        changed = line.func(sides["lhs"], sides["rhs"], evaluate=False)
        yield changed, partial(same_line, line, changed)


def same_line(one, other):
    return same(one.lhs - one.rhs, other.lhs - other.rhs)


def lines_of(step, key=None, wrong=None):
    """What a step uses; of the entry `key` this line, or nothing"""
    lines = []
    for use in step.uses:
        if use.key != key:
            lines.append(instance(use)[0])
        elif wrong is not None:
            lines.append(checking.moved(wrong, dict(use.values)) if use.values else wrong)
    return lines


def broken_by(key, wrong):
    """Each step that uses the entry -> whether it fails with this line in its place"""
    users = (e for row in LEDGER.values() for e in row.derive())
    users = [e for e in users if any(use.key == key for use in e.uses) and e.kind == "step"]
    return {e.key: not checking.follows(e, lines_of(e, key, wrong)) for e in users}


# --- the kinds: (what was changed; whether in vain; whether it is refused) ------------------------


def steps(row):
    for step in (e for e in row.derive() if e.kind == "step"):
        for wrong, is_same in wrong_lines(step.line):
            broken = dataclasses.replace(step, line=wrong)
            if isinstance(wrong, Ge) and step.witness is None:
                continue
            yield f"{step.key}, {wrong}", is_same, partial(fails, broken)


def fails(step):
    return not checking.follows(step, lines_of(step))


def roots(row):
    """Premises, definitions and words: with a slip in it a step that uses it has to fail, or the
    sign of its symbol is not seen. (Another step may not mind: a factor is nothing to a sign.)"""
    for root in (e for e in row.derive() if e.kind != "step" and isinstance(e.line, Eq)):
        for wrong, is_same in wrong_lines(root.line):
            yield f"{root.key}, {wrong}", is_same, partial(shows, root, wrong)


def shows(root, wrong):
    if root.kind != "argued":
        check_line(dataclasses.replace(root, line=wrong))  # raises Loose
    return any(broken_by(root.key, wrong).values())


def uses(row):
    for step in (e for e in row.derive() if e.kind == "step"):
        for use in step.uses:
            rest = [instance(other)[0] for other in step.uses if other is not use]
            yield (
                f"{step.key}, without {use}",
                lambda: False,
                partial(lambda step, rest: not checking.follows(step, rest), step, rest),
            )


KINDS = {kind.__name__: kind for kind in (steps, roots, uses)}


# --- the run --------------------------------------------------------------------------------------


def tried(what, is_same, refused):
    """In vain, refused, stopped by an error of its own or the time, explained; or else what was let
    through"""

    def late(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT)
    try:
        if refused():
            return "refused"
        signal.setitimer(signal.ITIMER_VIRTUAL, 10 * LIMIT)
        through = "explained" if any(part in what for part in EXPLAINED) else what
        return "in vain" if is_same() else through
    except Loose:
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
            for number, slip in enumerate(KINDS[kind](LEDGER[tag])):
                if (number + sum(map(ord, tag))) % every == 0:
                    count[tried(*slip)] += 1
    return counts


ENDS = "refused", "stopped", "explained", "in vain"


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--every", type=int, default=1, help="try one slip in so many")
    arguments.add_argument("--rows", nargs="*", choices=list(LEDGER), default=list(LEDGER))
    arguments.add_argument("--kinds", nargs="*", choices=list(KINDS), default=list(KINDS))
    given = arguments.parse_args()
    counts = run(given.every, given.rows, given.kinds)
    print("kind", *ENDS, "let through", sep=" | ")
    for kind, count in counts.items():
        through = [what for what in count if what not in ENDS]
        print(kind, *(count[end] for end in ENDS), len(through), *through, sep=" | ")
    sys.exit(any(set(count) - set(ENDS) for count in counts.values()))


if __name__ == "__main__":
    main()
