"""The ledger refuses what is wrong, says where it is wrong, and says so when it cannot tell."""

import dataclasses
from collections.abc import Callable
from types import ModuleType

import pytest
from diffenc_lite.course.ledger._decide import Differs, Vanishes, decide
from sympy import (
    Derivative,
    Eq,
    Expr,
    Function,
    Ge,
    Integral,
    Limit,
    Order,
    Rational,
    Sum,
    Symbol,
    Tuple,
    cosh,
    exp,
    log,
    oo,
    pi,
    sech,
    sin,
    sinh,
    sqrt,
    symbols,
    tanh,
)
from sympy.codegen.cfunctions import expm1, log1p

from diffenc_lite.course import ledger
from diffenc_lite.course.ledger import LEDGER, Row, Step, reduced
from diffenc_lite.course.ledger import notation as n

h, t = symbols("h t", positive=True)
f = Function("f", real=True)
i = Symbol("i", integer=True)


# --- what is a claim -----------------------------------------------------------------------------


def test_refusal_gives_a_point_and_what_is_left_over() -> None:
    with pytest.raises(ledger.Wrong, match=r"F1, variance: wrong, for example at gamma_t = ") as e:
        LEDGER["F1"].prove({"variance": 2 * n.sigma_t**2})
    assert e.value.difference == -(n.sigma_t**2)
    assert float(e.value.point["gamma_t"]) == pytest.approx(2.6)
    assert e.value.value.real == pytest.approx(-1 / (1 + float(exp(-e.value.point["gamma_t"]))))
    assert (e.value.tag, e.value.form) == ("F1", "variance")


def test_a_whole_equation_has_the_left_side_of_the_form() -> None:
    left = LEDGER["F3"].claim["variance"].lhs
    LEDGER["F3"].prove({"variance": Eq(left, n.sigma_s**2 * n.c)})
    LEDGER["F3"].prove(Eq(left, n.sigma_s**2 * n.c))  # which form it is can be seen
    LEDGER["E2"].prove({"change": Eq(-(n.x_s - n.x_t), LEDGER["E2"].form("change"))})
    for wrong in (2 * left, left / n.sigma_s**2, n.sigma_Q, n.z_t):
        with pytest.raises(ledger.Unclear, match="its left side has to be sigma_Q"):
            LEDGER["F3"].prove({"variance": Eq(wrong, n.sigma_s**2 * n.c)})
    for tag, form, left in (
        ("E2", "change", n.x_s - n.x_t),
        ("G4", "v", -n.v),
        ("X7", "shift", n.x - n.x_t),
    ):
        with pytest.raises(ledger.Unclear, match="left side"):
            LEDGER[tag].prove({form: n.equation(left, LEDGER[tag].form(form))})


UNCLEAR = [  # tag, what is given, what the refusal says
    ("F1", {"variance": Eq(n.sigma_t**2, n.sigma_t**2, evaluate=False)}, "says nothing"),
    ("F1", {"variance": Eq(n.sigma_t, -n.sigma_t)}, "has to be a formula for .*got False"),
    ("F1", {"variance": "sigma_t**2"}, "has to be a formula"),
    ("F1", {"variance": n.sigma_t < 1}, "has to be"),
    ("F1", {"variance": Symbol("h") * n.sigma_t}, "h is not a symbol of F1; .*sigma_t.*symbols"),
    ("F1", {"variance": n.sigma_t * f(n.gamma_t)}, "f is not a function of F1"),
    ("F1", {"variance": n.sigma_t**2 / (n.x - n.x)}, "divides by 0"),
    ("F1", {"variance": log(n.x - n.x)}, "divides by 0 or takes the logarithm of 0"),
    ("F1", {"variance": oo}, "is infinite"),
    ("F1", {"variance": Derivative(n.alpha_t, n.gamma_t)}, "work out Derivative"),
    ("F1", n.sigma_t**2, r"say which of \['mean', 'variance', 'normaliser'\].*F1.prove"),
    ("F1", 3, "say which of"),
    ("G4", {"x_t": n.x_t * (n.alpha_t**2 + n.sigma_t**2)}, "says nothing"),
    ("G4", {"error": n.xhat - n.alpha_t * n.z_t + n.sigma_t * n.v}, "xhat stands on the left"),
    ("F2", {"c": 2 * n.c - 1 + exp(n.gamma_s - n.gamma_t)}, "says nothing|stands on the left"),
    ("W5", {"sign": 0}, "argued in words"),
]


@pytest.mark.parametrize(("tag", "given", "said"), UNCLEAR)
def test_claims_that_cannot_be_compared_are_refused_in_one_line(
    tag: str, given: object, said: str
) -> None:
    with pytest.raises(ledger.Unclear, match=said) as refusal:
        LEDGER[tag].prove(given)
    assert "\n" not in str(refusal.value)


def test_row_with_one_form_takes_a_formula() -> None:
    assert "kl (yours)" in repr(LEDGER["KL"].prove(LEDGER["KL"].form("kl")))


def test_singular_claim_is_wrong_somewhere() -> None:
    m = LEDGER["W1"].symbols["m"]
    for claim in (log(m - 1), log(m - 1) / (m - 1), LEDGER["W1"].form("cost") / (m - 1)):
        with pytest.raises(ledger.Wrong, match="for example at"):
            LEDGER["W1"].prove({"cost": claim})


def sigmoid(x: Expr) -> Expr:
    return 1 / (1 + exp(-x))


g_s, g_t, g_1 = n.gamma_s, n.gamma_t, n.gamma_1
x, x_t, x_s, z_t, v, vhat, d = n.x, n.x_t, n.x_s, n.z_t, n.v, n.vhat, n.d
m = LEDGER["W1"].form("ratio").free_symbols.pop()
REWRITTEN = [
    ("F1", "variance", (1 + tanh(g_t / 2)) / 2),
    ("F1", "normaliser", -log(n.sigma_t) - log(2) / 2 - log(pi) / 2),
    ("F1", "normaliser", log1p(exp(-g_t)) / 2 - log(2 * pi) / 2),
    ("F2", "variance", 2 * n.sigma_t**2 * sinh(n.Delta / 2) * exp(-n.Delta / 2)),
    ("F2", "c", 2 * tanh(n.Delta / 2) / (1 + tanh(n.Delta / 2))),
    ("F3", "variance", 1 / (n.alpha_ts**2 / (n.sigma_t**2 * n.c) + 1 / n.sigma_s**2)),
    ("F3", "mean", n.alpha_s * ((1 - n.c) * (z_t / n.alpha_t - x_t) + x_s)),
    ("E2", "slope", sech(g_t / 2) ** 2 / 4),
    ("E2", "slope", 1 / (4 * cosh(n.lambda_t / 2) ** 2)),
    ("E2", "change", (tanh(g_s / 2) - tanh(g_t / 2)) / 2 * x),
    ("L0", "one_dimension", sigmoid(-g_1) * (n.x_1**2 - 1) / 2 + log1p(exp(-g_1)) / 2),
    ("L3", "step_in_epsilon", expm1(g_t - g_s) / 2 * (n.epsilonhat - n.epsilon) ** 2),
    ("L4", "residual_E2", (2 - n.alpha_t**2) * v - (2 - n.alpha_t**2) * vhat),
    ("W1", "cost", d * log1p(m) / 2),
]  # fmt: skip


@pytest.mark.parametrize(("tag", "form", "written"), REWRITTEN)
def test_correct_rewriting_is_accepted(tag: str, form: str, written: Expr) -> None:
    LEDGER[tag].prove({form: written})
    with pytest.raises(ledger.Wrong):
        LEDGER[tag].prove({form: written + Rational(1, 10**9)})


def test_symbol_with_the_same_name_and_other_assumptions_is_told() -> None:
    with pytest.raises(ledger.Unclear, match="sigma_t is not the ledger's sigma_t.*symbols"):
        LEDGER["F1"].prove({"variance": Symbol("sigma_t") ** 2})
    with pytest.raises(ledger.Unclear, match="positive"):
        LEDGER["W1"].prove({"ratio": 1 / (1 + Symbol("m", positive=True))})


def test_what_cannot_be_decided_is_neither_proved_nor_called_wrong() -> None:
    one = (sqrt(2) + sqrt(3)) / sqrt(5 + 2 * sqrt(6))  # it is 1, but the normal form is not
    with pytest.raises(ledger.Undecided, match="could not decide: agrees at 6 points"):
        LEDGER["F1"].prove({"variance": one * n.sigma_t**2})
    with pytest.raises(ledger.Wrong):
        LEDGER["F1"].prove({"variance": (one + Rational(1, 10**9)) * n.sigma_t**2})


# --- what is a line ------------------------------------------------------------------------------

A, B = n.name("A"), n.name("B")
WHAT = {"sign": n.equation(A, n.x)}


def proved(*steps: Step, claim: dict = WHAT, **given: object) -> ledger.Proof:
    return Row("Z", "", "", claim, lambda: iter(steps), "00", **given).prove()


def line(left: Expr, right: Expr, name: str = "line", **more: object) -> Step:
    return Step(name, "", n.equation(left, right), **more)


ARRIVES = Step("sign", "", n.equation(A, n.x))


def test_lines_that_hold() -> None:
    meant = line(B, 2 * n.x, "b", means=n.x + n.x)
    proved(meant, ARRIVES, line(B, 2 * A))
    assert meant._repr_latex_().count("=") == 1  # SymPy adds up on the spot
    assert repr(proved(ARRIVES, where={A: n.x})) == "Z proved: sign in 1 steps"
    proved(ARRIVES, line(2 * A, n.x + n.x))
    proved(line(B, 2 * n.x, "b"), ARRIVES, line(B, 2 * A))
    proved(ARRIVES, Step("square", "", Ge(A**2, 0)))
    remark = repr(proved(ARRIVES, line(A, n.y, in_words=True)))
    assert remark == "Z defined: sign in 2 steps; remarks in words: line"
    for_sign = Step("no", "", in_words=True, for_=("sign",))
    assert repr(proved(ARRIVES, for_sign)) == "Z in words: sign in 2 steps (no)"
    assert repr(proved(ARRIVES, defined=("sign",))) == "Z defined: sign in 1 steps"
    assert repr(proved(ARRIVES)) == "Z defined: sign in 1 steps"  # nothing else says what A is


def test_a_step_without_an_expression_states_its_form_and_is_held_to_the_definitions() -> None:
    stated = Step("sign", "")
    assert repr(proved(stated, where={A: n.x})) == "Z proved: sign in 1 steps"
    with pytest.raises(ledger.Wrong):
        proved(stated, where={A: n.y})
    with pytest.raises(ledger.Loose, match="nothing but the claim says what"):
        proved(stated)


BOTH = Tuple(n.equation(A, n.x), n.equation(A, n.y))
WRONG_LINES = {
    "a wrong line": (ledger.Wrong, (ARRIVES, line(A, n.y))),
    "one of two": (ledger.Wrong, (ARRIVES, Step("both", "", BOTH))),
    "another formula": (ledger.Wrong, (Step("sign", "", n.equation(A, n.y)),)),
    "a wrong meaning": (ledger.Wrong, (ARRIVES, line(B, n.y, means=n.x))),
    "a second meaning": (ledger.Loose, (ARRIVES, line(A, n.x, means=n.x))),
    "an inequality": (ledger.ProofError, (ARRIVES, Step("no", "", Ge(A, 0)))),
    "a name that stands alone": (ledger.Loose, (line(B, n.y), ARRIVES)),
    "no name": (ledger.Loose, (ARRIVES, line(A, n.x, ""))),
    "a name twice": (ledger.Loose, (ARRIVES, ARRIVES)),
    "two meanings": (ledger.Loose, (ARRIVES, line(A, n.x, defines=True))),
    "two lines for a form": (ledger.Loose, (Step("sign", "", BOTH),)),
    "no arrival": (ledger.Loose, (line((n.x + 1) ** 2, n.x**2 + 2 * n.x + 1),)),
}


@pytest.mark.parametrize("what", WRONG_LINES)
def test_lines_that_do_not_hold(what: str) -> None:
    error, steps = WRONG_LINES[what]
    with pytest.raises(error):
        proved(*steps)


def test_meanings_are_looked_through_to_the_bottom() -> None:
    proved(ARRIVES, line(n.x, 2 * n.z_t + 1), where={n.x: n.y + 1, n.y: 2 * n.z_t})
    with pytest.raises(ledger.Loose, match="defined by itself"):
        proved(ARRIVES, where={n.x: n.x + 1})


def test_special_case_of_a_line_before() -> None:
    square = line((n.x + h) ** 2, n.x**2 + 2 * h * n.x + h**2, "general")
    case = line((n.x + 1) ** 2, n.x**2 + 2 * n.x + 1, case_of=("general", {h: 1}))
    proved(ARRIVES, square, case)
    with pytest.raises(ledger.Wrong):
        proved(ARRIVES, square, dataclasses.replace(case, expression=n.equation(n.x**2, n.x)))


def test_form_that_must_not_be_negative_is_refused_if_it_may_be() -> None:
    with pytest.raises(ledger.ProofError, match="may be negative"):
        proved(ARRIVES, nonnegative=("sign",))


@pytest.mark.parametrize(
    ("claimed", "value", "error", "holds"),
    [
        ("0.123", 0.12349, 1e-9, True),
        ("0.123", 0.12351, 1e-9, False),
        ("0.123", 0.1232, 0.1, False),  # the quadrature does not know that digit
        ("5.5e-6", 5.46e-6, 1e-12, True),
        ("5.5e-6", 5.4e-6, 1e-12, False),
        ("120", 120.4, 0.0, True),
    ],
)
def test_numbers_hold_to_the_digits_claimed(
    claimed: str, value: float, error: float, holds: bool
) -> None:
    number = ledger.Number("x", claimed, value, error)
    assert number.holds is holds
    step = Step("number", "", numbers=(number,))
    if holds:
        assert "computed: 1 numbers" in repr(proved(ARRIVES, step))
    else:
        with pytest.raises(ledger.ProofError, match="x is "):
            proved(ARRIVES, step)


# --- the judge -----------------------------------------------------------------------------------

SAME = [
    (n.alpha_t**4, (1 - n.sigma_t**2) ** 2),
    (exp(n.gamma_s - n.gamma_t), 1 - n.c),
    (exp(-n.gamma_t / 2), n.alpha_t / n.sigma_t),
    (n.sigma_Q**3, n.sigma_Q * n.sigma_s**2 * n.c),
    (1 / n.sigma_Q, n.sigma_Q / (n.sigma_s**2 * n.c)),
    (log(n.sigma_t**2 / n.w), 2 * log(n.sigma_t) - log(n.w)),
    (log(n.sigma_Q), log(n.sigma_s) + log(n.c) / 2),
    (log(n.alpha_t**2 / n.sigma_t**2), -n.gamma_t),
    (sqrt(n.c), sqrt(1 - exp(n.gamma_s - n.gamma_t))),
    (tanh(n.Delta / 2), n.c / (2 - n.c)),
    (Sum(2 * n.j + 3, (n.j, 1, n.d)), 2 * Sum(n.j, (n.j, 1, n.d)) + 3 * n.d),
    (Sum(i, (i, 1, n.T)), n.T * (n.T + 1) / 2),
    (Sum(f(i) - f(i - 1), (i, 1, n.T)), f(n.T) - f(0)),
    (n.lambda_s - n.lambda_t, n.gamma_t - n.gamma_s),
    (Derivative(f(t) ** 2, t), 2 * f(t) * Derivative(f(t), t)),
    (Integral(exp(-(t**2)), (t, -oo, oo)), sqrt(pi)),
    (Limit(sin(t) / t, t, 0), 1),
    (Integral(f(t).diff(t) * f(t), (t, 0, h)), (f(h) ** 2 - f(0) ** 2) / 2),
    (exp(h) + Order(h**3), 1 + h + h**2 / 2),
    (f(t + h) + Order(h**2), f(t) + h * f(t).diff(t)),
    (1 / (1 - exp(-h)) + Order(h), 1 / h + Rational(1, 2)),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_equal_things_are_equal_and_others_are_not(one: Expr, other: Expr) -> None:
    assert isinstance(decide(one - other), Vanishes)
    assert isinstance(decide(one - 2 * other), Differs)
    assert isinstance(decide(one + n.sigma_s - other), Differs)
    assert isinstance(decide(one - other * (1 + Rational(1, 10**6))), Differs)


def test_series_is_held_to_every_order_below_and_no_further() -> None:
    assert isinstance(decide(exp(h) - 1 - h - h**2 / 3 + Order(h**3)), Differs)
    assert isinstance(decide(exp(h) - 1 - h - h**2 / 3 + Order(h**2)), Vanishes)


def test_normal_form_does_not_divide_by_what_may_be_0() -> None:
    assert reduced(n.x / n.x) == 1 and reduced(0 * n.x) == 0
    assert isinstance(decide(sqrt(n.x**2) - n.x), Differs)  # x may be negative
    assert isinstance(decide(log(n.x**2) - 2 * log(n.x)), Differs)


# --- slips ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mutate(load_tool: Callable[[str], ModuleType]) -> ModuleType:
    return load_tool("mutate_ledger")


@pytest.mark.parametrize(
    ("kinds", "every"),
    [
        (("left sides", "right sides"), 60),
        (("lines",), 150),
        (("code",), 50),
        (("definitions",), 70),
    ],
)
def test_slips_are_refused(mutate: object, kinds: tuple[str, ...], every: int) -> None:
    """A sample; `python tools/mutate_ledger.py` tries them all."""
    counts = mutate.run(every, kinds=kinds)
    for kind, count in counts.items():
        assert count.made - count.same > 12, kind
        assert not [slip for slip in count.survivors if not mutate.reasons(slip)]


def test_slips_that_are_let_through_are_listed(mutate: object) -> None:
    count = mutate.Count()
    mutate.try_one(count, lambda: "a slip", lambda: False, lambda: None)
    mutate.try_one(count, lambda: "no slip", lambda: True, lambda: None)
    mutate.try_one(count, lambda: "stopped", lambda: False, lambda: 1 / 0)
    wrong = {"variance": n.sigma_t}
    mutate.try_one(
        count, lambda: "refused", lambda: False, lambda: mutate.LEDGER["F1"].prove(wrong)
    )
    assert (count.made, count.same, count.survivors) == (4, 1, ["a slip"])
    assert (count.refused, count.stopped) == (1, 1)
    assert count.share == 0.5
    assert mutate.reasons("E3, y_s = 2*y(lambda_s)") and not mutate.reasons("a slip")


def test_slips_are_slips(mutate: object) -> None:
    versions = list(mutate.wrong_versions(n.sigma_s**2 * n.c + n.x))
    assert n.sigma_t**2 * n.c + n.x in versions
    assert n.sigma_s**2 * n.c - n.x in versions
    assert n.sigma_s**3 * n.c + n.x in versions
    changed = [what for what, _ in mutate.slips_of_code(LEDGER["F3"].derivation)]
    assert len(changed) > 30 and any("operator" in what for what in changed)
