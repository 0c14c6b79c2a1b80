"""A reader's claims: false ones are never accepted, true ones in another writing always are.

`python tools/mutate_ledger.py --claims` tries all of them; here are samples, and by name those that
an earlier judge accepted.
"""

import dataclasses
from collections.abc import Callable
from types import ModuleType

import pytest
from sympy import Eq, Expr, Lambda, Sum, Symbol, log, sqrt

from diffenc_lite.course import ledger
from diffenc_lite.course.ledger import LEDGER
from diffenc_lite.course.ledger import notation as n


@pytest.fixture(scope="module")
def mutate(load_tool: Callable[[str], ModuleType]) -> ModuleType:
    return load_tool("mutate_ledger")


a2, s2, g = n.alpha_t**2, n.sigma_t**2, n.gamma_t
ONCE_ACCEPTED = {
    "a root with the wrong sign at gamma < 0": (
        "E2", "acceleration", s2 * a2 * sqrt(1 - 4 * a2 * s2) * n.x,
    ),
    "a root with the wrong sign at gamma < -10": (
        "F1", "variance", s2 * sqrt(g**2 + 20 * g + 100) / (g + 10),
    ),
    "a true equation about x": ("X5", "i_mmse", Eq((n.x + 1) ** 2, n.x**2 + 2 * n.x + 1)),
    "a true equation about the noise": ("F1", "variance", n.equation(a2 + s2, 1)),
    "the mean for the variance": ("F1", "variance", LEDGER["F1"].claim["mean"]),
    "a slip in the tenth digit": ("F1", "mean", 1.0000000001 * n.alpha_t * n.x_t),
    "not quite a third": ("X4", "end", 1.33333333333333),
    "a function": ("F1", "mean", Lambda(n.x, n.x)),
    "the logarithm of a difference": ("W1", "cost", log(LEDGER["W1"].symbols["m"] - 1)),
}  # fmt: skip


@pytest.mark.parametrize("what", ONCE_ACCEPTED)
def test_what_was_once_accepted_is_refused(what: str) -> None:
    tag, form, claim = ONCE_ACCEPTED[what]
    with pytest.raises((ledger.Wrong, ledger.Unclear)):
        LEDGER[tag].prove({form: claim})


@pytest.mark.parametrize("written", [4 / 3, 1 + 1 / 3, (0.1 + 0.2) * 40 / 9])
def test_a_fraction_may_be_written_as_a_float(written: float) -> None:
    assert LEDGER["X4"].prove({"end": written}).yours == ("end",)


@pytest.mark.parametrize("tag, form", [("L2", "step"), ("L0", "prior"), ("G2", "softmax")])
def test_an_index_may_have_another_name_and_another_start(tag: str, form: str) -> None:
    k, right = Symbol("other"), LEDGER[tag].claim[form].rhs

    def over(shift: int, by_mistake: int = 0) -> Expr:
        return right.replace(
            Sum,
            lambda f, ijk: Sum(
                f.subs(ijk[0], k + shift), (k, *(e - shift + by_mistake for e in ijk[1:]))
            ),
        )

    for shift in (0, 1, -2):
        assert LEDGER[tag].prove({form: over(shift)}).yours == (form,)
        with pytest.raises(ledger.Wrong):
            LEDGER[tag].prove({form: over(shift, 1)})


def test_wrong_depth_in_a_line_that_names_its_left_side_is_refused() -> None:
    steps = [LEDGER["G3"][name] for name in LEDGER["G3"].steps]
    slip = steps[0].expression.subs(n.x_t, n.x_s)
    steps[0] = dataclasses.replace(steps[0], expression=slip)
    with pytest.raises(ledger.Wrong, match="posterior"):
        dataclasses.replace(LEDGER["G3"], derivation=lambda: iter(steps)).prove()


def test_lies_are_false_at_some_point(mutate: ModuleType) -> None:
    """Each factor |f| / f that makes a lie is -1 somewhere on the schedule, and 1 elsewhere."""
    for f in mutate.BOTH_SIGNS:
        signs = {_at(f, s, t) > 0 for s, t in ((-13, -12), (-5, -4.5), (-1, 4), (4, 4.5))}
        assert signs == {True, False}, f


def _at(f: Expr, gamma_s: float, gamma_t: float) -> float:
    return float(n.in_gamma(f).subs({n.gamma_s: gamma_s, n.gamma_t: gamma_t}))


def test_no_lie_is_accepted(mutate: ModuleType) -> None:
    assert sum(1 for tag in ("F2", "L2", "W1", "X4") for _ in mutate.lies(LEDGER[tag])) > 500
    answers = mutate.judged(mutate.lies, every=140)
    assert not answers["accepted"]
    assert len(answers["refused"]) > 60 and len(answers["undecided"]) <= 2


def test_true_rewritings_are_accepted(mutate: ModuleType) -> None:
    answers = mutate.judged(mutate.rewritings, every=12)
    assert len(answers["accepted"]) > 50
    assert not answers["refused"] and len(answers["undecided"]) <= 1
