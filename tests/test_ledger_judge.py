"""The judge of the ledger refuses lines that do not hold, premises in disguise and false claims of
readers, and no true claim, however it is written."""

import pytest
import sympy as sp
from by_hand import mutate_ledger as mutate
from sympy import Derivative, Eq, Function, Order, Rational, Sum, Symbol, exp, log, oo, pi, sqrt
from sympy.codegen.cfunctions import expm1, log1p

from diffenc_lite.course import ledger
from diffenc_lite.course.ledger import LEDGER, Define, Line, Numbers, Row, Words
from diffenc_lite.course.ledger import notation as n
from diffenc_lite.course.ledger.zero import Differs, Same, decide, reduced

h, t = sp.symbols("h t", positive=True)
f = Function("f", real=True)
i = Symbol("i", integer=True)
A, B, equation = n.name("A"), n.name("B"), n.equation
a2, s2, (m,) = n.alpha_t**2, n.sigma_t**2, LEDGER["W1"].form("ratio").free_symbols
WHAT = {"sign": n.equation(A, n.x)}


# --- lines ---------------------------------------------------------------------------------------


def proved(*steps, claim=WHAT, **given):
    return repr(Row("Z", "", "00", "", claim, lambda: iter(steps), **given).prove())


def line(left, right, name="line", **more):
    return Line(name, "", n.equation(left, right), **more)


ARRIVES = line(A, n.x, "sign")


def test_lines_that_hold():
    meant = line(B, 2 * n.x, "b", means=n.x + n.x)
    proved(meant, ARRIVES, line(B, 2 * A))
    assert meant._repr_latex_().count("=") == 1  # SymPy adds up on the spot
    proved(ARRIVES, line(2 * A, n.x + n.x))
    proved(ARRIVES, Line("square", "", sp.Ge(A**2, 0)))
    remark = proved(ARRIVES, Words("line", "", n.equation(A, n.y)))
    assert remark == "Z defined: sign in 2 steps; remarks in words: line"
    for_sign = Words("no", "", for_=("sign",))
    assert proved(ARRIVES, for_sign) == "Z partly in words: sign in 2 steps (no)"
    special = line((n.x + h) ** 2, n.x**2 + 2 * h * n.x + h**2, "general")
    proved(ARRIVES, special, line((n.x + 1) ** 2, n.x**2 + 2 * n.x + 1, case={h: 1}))


def test_a_definition_is_never_called_proved():
    defined = "Z defined: sign in 1 steps"
    assert proved(ARRIVES) == defined  # nothing else says what A is
    assert proved(Define({A: n.x}, "sign")) == defined
    assert proved(Define({A: n.x}), Line("sign", "")) == defined
    assert proved(Define({A: n.y, n.y: n.x}), Line("sign", "")) == defined
    computed = line(A, (2 * n.x).diff(n.x) * n.x / 2, "sign")
    assert proved(Define({A: n.x}), computed) == defined.replace("defined", "proved")
    with pytest.raises(ledger.Wrong):
        proved(Define({A: n.y}), Line("sign", ""))
    with pytest.raises(ledger.Loose, match="nothing but the claim says what"):
        proved(Line("sign", ""))


BOTH = sp.Tuple(n.equation(A, n.x), n.equation(A, n.y))
WRONG_LINES = {
    "a wrong line": (ledger.Wrong, (ARRIVES, line(A, n.y))),
    "one of two": (ledger.Wrong, (ARRIVES, Line("both", "", BOTH))),
    "another formula": (ledger.Wrong, (line(A, n.y, "sign"),)),
    "a wrong meaning": (ledger.Wrong, (ARRIVES, line(B, n.y, means=n.x))),
    "a wrong case": (ledger.Wrong, (ARRIVES, line(h * A, h * n.x, "b"), line(A, n.y, case={h: 1}))),
    "a second meaning": (ledger.Loose, (ARRIVES, line(A, n.x, means=n.x))),
    "an inequality": (ledger.ProofError, (ARRIVES, Line("no", "", sp.Ge(A, 0)))),
    "a name that stands alone": (ledger.Loose, (line(B, n.y), ARRIVES)),
    "no name": (ledger.Loose, (ARRIVES, line(A, n.x, ""))),
    "a name twice": (ledger.Loose, (ARRIVES, ARRIVES)),
    "two meanings": (ledger.Loose, (ARRIVES, line(A, n.x, gives=True))),
    "two lines for a form": (ledger.Loose, (Line("sign", "", BOTH),)),
    "no arrival": (ledger.Loose, (line((n.x + 1) ** 2, n.x**2 + 2 * n.x + 1),)),
    "defined by itself": (ledger.Loose, (Define({n.x: n.x + 1}), ARRIVES)),
}


@pytest.mark.parametrize("what", WRONG_LINES)
def test_lines_that_do_not_hold(what):
    error, steps = WRONG_LINES[what]
    with pytest.raises(error):
        proved(*steps)


def test_form_that_must_not_be_negative_is_refused_if_it_may_be():
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
    ],
)
def test_numbers_hold_to_the_digits_claimed(claimed, value, error, holds):
    step = Numbers("number", "", numbers=(ledger.Digits("x", claimed, value, error),))
    if holds:
        assert "computed: 1 numbers" in proved(ARRIVES, step)
    else:
        with pytest.raises(ledger.ProofError, match="x is "):
            proved(ARRIVES, step)


# --- premises ------------------------------------------------------------------------------------


PREMISES = [  # row, what it rests on, a wrong form of that: each once went unseen
    ("W1c", "W1", "ratio", 1 / (1 + 3 * m)),
    ("L4", "E2", "u", -a2 * n.x),
    ("L4", "E3", "u", a2 * n.x + s2 * n.y + n.y + n.ydot),
    ("L4", "E1", "u", n.x),
    ("F3", "F1", "variance", 2 * s2),
    ("G1", "F1", "mean", n.x_t),
    ("G2", "F1", "variance", n.sigma_t),
    ("L0", "G1", "variance", Rational(2)),
    ("W7", "W1", "ratio", 1 / (2 + m)),
    ("X2", "E2", "mean", n.alpha_t**2 * n.x),
    ("X2", "W1", "cost", n.d * log(1 + 2 * m) / 2),
]


@pytest.mark.parametrize(("tag", "other", "form", "wrong"), PREMISES)
def test_a_row_falls_with_what_it_rests_on(tag, other, form, wrong):
    changed = {form: n.equation(LEDGER[other].claim[form].lhs, wrong)}
    with pytest.raises(ledger.ProofError):
        mutate.proof_on(LEDGER[tag], other, changed)()


def test_a_premise_typed_twice_is_called_defined():
    """W1c as it once was: any minimiser, typed in a definition and in the claim."""
    best, mbar = n.name("w^*"), Symbol("mbar", nonnegative=True)

    def derivation():
        yield Define({best: 1 / (1 + 3 * mbar)})
        yield Line("ratio", "so that W1 has the best ratio")

    claim = {"ratio": n.equation(best, 1 / (1 + 3 * mbar))}
    row = Row("Z", "", "00", "", claim, derivation)
    assert row.prove().words == {"ratio": "defined"}
    slips = list(mutate.collusion(row))
    assert len(slips) > 3
    for _, is_same, broken in slips:
        broken.prove()
        assert is_same()  # nothing that was changed is called proved


def test_no_form_that_is_called_proved_is_carried_by_a_typed_line():
    typed = [(row, form) for row in LEDGER.values() for form in mutate.typed_forms(row)]
    assert [(row.tag, form) for row, form in typed if row.words[form] == "proved"] == []

    def derivation():
        best = 1 / (1 + 3 * m)
        yield Line("ratio", "so that W1 has the best ratio", equation(A, best))

    row = Row("Z", "", "00", "", {"ratio": equation(A, 1 / (1 + 3 * m))}, derivation)
    assert list(mutate.typed_forms(row)) == ["ratio"]


# --- the zero test -------------------------------------------------------------------------------

SAME = [
    (n.alpha_t**4, (1 - s2) ** 2),
    (exp(n.gamma_s - n.gamma_t), 1 - n.c),
    (n.sigma_Q**3, n.sigma_Q * n.sigma_s**2 * n.c),
    (log(s2 / n.w), 2 * log(n.sigma_t) - log(n.w)),
    (log(n.sigma_Q), log(n.sigma_s) + log(n.c) / 2),
    (log(a2 / s2), -n.gamma_t),
    (sqrt(n.c), sqrt(1 - exp(n.gamma_s - n.gamma_t))),
    (sp.tanh(n.Delta / 2), n.c / (2 - n.c)),
    (Sum(2 * n.j + 3, (n.j, 1, n.d)), 2 * Sum(n.j, (n.j, 1, n.d)) + 3 * n.d),
    (Sum(i, (i, 1, n.T)), n.T * (n.T + 1) / 2),
    (Sum(f(i) - f(i - 1), (i, 1, n.T)), f(n.T) - f(0)),
    (n.lambda_s - n.lambda_t, n.gamma_t - n.gamma_s),
    (Derivative(f(t) ** 2, t), 2 * f(t) * Derivative(f(t), t)),
    (sp.Integral(exp(-(t**2)), (t, -oo, oo)), sqrt(pi)),
    (sp.Limit(sp.sin(t) / t, t, 0), 1),
    (sp.Integral(f(t).diff(t) * f(t), (t, 0, h)), (f(h) ** 2 - f(0) ** 2) / 2),
    (exp(h) + Order(h**3), 1 + h + h**2 / 2),
    (f(t + h) + Order(h**2), f(t) + h * f(t).diff(t)),
    (1 / (1 - exp(-h)) + Order(h), 1 / h + Rational(1, 2)),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_equal_things_are_equal_and_others_are_not(one, other):
    assert isinstance(decide(one - other), Same)
    assert isinstance(decide(one - 2 * other), Differs)
    assert isinstance(decide(one + n.sigma_s - other), Differs)
    assert isinstance(decide(one - other * (1 + Rational(1, 10**6))), Differs)


def test_zero_over_zero_and_points_without_a_value_are_not_equal_to_anything():
    nothing = (a2 + s2 - 1) ** 2 / (n.alpha_s**2 + n.sigma_s**2 - 1)
    for singular in (nothing, n.x * nothing, log(n.x - sqrt(n.x**2)), 1 / (n.x * nothing)):
        assert not isinstance(decide(s2 + singular, s2), Same)
    with pytest.raises(ZeroDivisionError):
        reduced(nothing)
    assert reduced(n.x / n.x) == 1 and reduced(0 * n.x) == 0
    assert isinstance(decide(sqrt(n.x**2), n.x), Differs)  # x may be negative
    assert isinstance(decide(log(n.x**2), 2 * log(n.x)), Differs)


def test_large_numbers_that_cancel_are_no_difference():
    assert not isinstance(decide(exp(n.w * log(n.w)) + n.x, n.w**n.w + n.x), Differs)


# --- a reader's claims ---------------------------------------------------------------------------

a_s, a_t, s_s, s_t = n.alpha_s, n.alpha_t, n.sigma_s, n.sigma_t
g_s, g_t, c, d = n.gamma_s, n.gamma_t, n.c, n.d
x, x_s, x_t, z_t, xhat, uhat, v, vhat = n.x, n.x_s, n.x_t, n.z_t, n.xhat, n.uhat, n.v, n.vhat
u, y, ydot, eps, epshat = n.u, n.y, n.ydot, n.epsilon, n.epsilonhat
kappa = Symbol("kappa", real=True)
mu_p, mu_q, p, q = sorted(LEDGER["KL"].form("kl").free_symbols, key=str)
move, kept = n.Delta * s2 * uhat, n.alpha_ts * s_s**2 / s2 * z_t
one = a2 + s2

FALSE = [  # kind, tag, form, claim
    ("sign", "F3", "mean", kept + a_s * c * x_t - a_s * (x_s - x_t)),
    ("hidden zero", "F1", "variance", s2 + x_t * (one - 1) ** 2 / (a_s**2 + s_s**2 - 1)),
    ("hidden zero", "F1", "variance", s2 * (one - 1) / (a_s**2 + s_s**2 - 1)),
    ("hidden zero", "W1", "ratio", (1 / (1 + m)) ** (1 + m - m * one) + sqrt(one - 2)),
    ("branch", "E2", "acceleration", s2 * a2 * sqrt(1 - 4 * a2 * s2) * x),
    ("branch", "F1", "variance", s2 * sqrt(g_t**2 + 20 * g_t + 100) / (g_t + 10)),
    ("branch", "W1", "cost", log(m - 1)),
    ("branch", "E1", "mean", a_t * x * abs(g_t) / g_t),
    ("limit", "G5", "G3_limit", 1 + s2 / 2),
    ("float", "F1", "mean", 1.0000000001 * a_t * x_t),
    ("float", "X4", "end", 1.33333333333333),
    ("bump", "F1", "variance", s2 + exp(-((10**4 * (g_t - Rational(1, 3))) ** 2))),
    ("bump", "W1", "ratio", 1 / (1 + m) + exp(-((10**4 * (m - pi)) ** 2))),
    ("hidden zero", "W1", "cost", d / 2 * log(1 + m) + log(one) / log(a_s**2 + s_s**2)),
    ("branch", "F3", "variance", s_s**2 * abs(c - 1) / (c - 1) * -c * abs(g_t) / g_t),
    ("limit", "W2", "power", d * kappa**2 / 4),
    ("beside the point", "F1", "variance", n.equation(one, 1)),
    ("beside the point", "F1", "variance", LEDGER["F1"].claim["mean"]),
    ("beside the point", "F1", "mean", sp.Lambda(x, x)),
]


@pytest.mark.parametrize(("kind", "tag", "form", "claim"), FALSE)
def test_no_false_claim_is_accepted(kind, tag, form, claim):
    with pytest.raises(ledger.ProofError) as refusal:
        LEDGER[tag].prove({form: claim})
    assert isinstance(refusal.value, ledger.Undecided) is (kind == "bump")
    assert "\n" not in str(refusal.value)


TRUE = [
    # what the row ties together, G4 among it: once called wrong at points that G4 rules out
    ("L4", "residual", (xhat - x_t) / s_t - s_t * (u - uhat)),
    ("L4", "residual_E2", (1 + s2) * (xhat - x_t) / s_t),
    ("L4", "residual_E3", (1 + s2) * (xhat - x_t) / s_t + s_t * (y - ydot)),
    ("L3", "step", (exp(-g_s) - exp(-g_t)) * s2 * (eps - epshat) ** 2 / a2 / 2),
    ("L3", "step_in_epsilon", (exp(g_t - g_s) - 1) * a2 * (v - vhat) ** 2 / 2),
    ("G3", "mean", kept + a_s * c * (a_t * z_t - s_t * vhat) + a_s * move),
    # written otherwise
    ("F1", "variance", (1 + sp.tanh(g_t / 2)) / 2),
    ("F2", "variance", 2 * s2 * sp.sinh(n.Delta / 2) * exp(-n.Delta / 2)),
    ("F3", "variance", 1 / (n.alpha_ts**2 / (s2 * c) + 1 / s_s**2)),
    ("F3", "mean", a_s * ((1 - c) * (z_t / a_t - x_t) + x_s)),
    ("E2", "slope", sp.sech(g_t / 2) ** 2 / 4),
    ("L3", "step_in_epsilon", expm1(g_t - g_s) / 2 * (epshat - eps) ** 2),
    ("W1", "cost", d * log1p(m) / 2),
    ("W1", "ratio", exp(-log(1 + m))),
    ("X4", "end", (0.1 + 0.2) * 40 / 9),
    ("KL", "kl", log(p / q) - Rational(1, 2) + (q / p) ** 2 / 2 + (mu_p - mu_q) ** 2 / p**2 / 2),
    ("L2", "gap", a_s * (c * s_t * (v - vhat) + move - (x_s - x_t))),
    ("L4", "integrand_E1", n.gammaprime_t * a2 * (v - vhat) ** 2 / 2),
    ("X4", "ratio", (2 - a2) ** 2 / (3 - 2 * a2)),
]


@pytest.mark.parametrize(("tag", "form", "claim"), TRUE)
def test_no_true_claim_is_refused(tag, form, claim):
    assert LEDGER[tag].prove({form: claim}).yours == (form,)


@pytest.mark.parametrize("tag, form", [("L2", "step"), ("G2", "softmax")])
def test_an_index_may_have_another_name_and_another_start(tag, form):
    k, right = Symbol("other"), LEDGER[tag].claim[form].rhs

    def over(shift, by_mistake=0):
        return right.replace(
            Sum,
            lambda f, ijk: Sum(
                f.subs(ijk[0], k + shift), (k, *(e - shift + by_mistake for e in ijk[1:]))
            ),
        )

    for shift in (0, -2):
        assert LEDGER[tag].prove({form: over(shift)}).yours == (form,)
        with pytest.raises(ledger.Wrong):
            LEDGER[tag].prove({form: over(shift, 1)})


def test_refusal_gives_a_point_both_values_and_the_difference():
    with pytest.raises(ledger.Wrong, match=r"F1, variance: wrong, for example at sigma_t") as e:
        LEDGER["F1"].prove({"variance": 2 * s2})
    assert e.value.difference == -s2 and (e.value.tag, e.value.form) == ("F1", "variance")
    spread = float(e.value.answer.point["sigma_t"])
    assert float(e.value.answer.one) == pytest.approx(2 * spread**2)
    said = f"at sigma_t = {spread:.4}: yours gives {2 * spread**2:.4}, right is {spread**2:.4}"
    assert said in str(e.value)


def test_a_whole_equation_has_the_left_side_of_the_form():
    left = LEDGER["F3"].claim["variance"].lhs
    LEDGER["F3"].prove(Eq(left, s_s**2 * c))  # which form it is can be seen
    LEDGER["E2"].prove({"change": Eq(-(x_s - x_t), LEDGER["E2"].form("change"))})
    for wrong in (2 * left, left / s_s**2, n.sigma_Q, z_t):
        with pytest.raises(ledger.Unclear, match="its left side has to be sigma_Q"):
            LEDGER["F3"].prove({"variance": Eq(wrong, s_s**2 * c)})


UNCLEAR = [  # tag, what is given, what the refusal says
    ("F1", {"variance": Eq(s2, s2, evaluate=False)}, "says nothing"),
    ("F1", {"variance": Eq(s_t, -s_t)}, "has to be a formula for .*got False"),
    ("F1", {"variance": Symbol("h") * s_t}, "h is not a symbol of F1; .*sigma_t.*symbols"),
    ("F1", {"variance": s_t * Function("f")(g_t)}, "f is not a function of F1"),
    ("F1", {"variance": s2 / (x - x)}, "divides by 0"),
    ("F1", {"variance": oo}, "is infinite"),
    ("F1", {"variance": Derivative(a_t, g_t)}, "work out Derivative"),
    ("F1", s2, r"say which of \['mean', 'variance', 'normaliser'\].*F1.prove"),
    ("F1", {"variance": Symbol("sigma_t") ** 2}, "sigma_t is not the ledger's sigma_t.*symbols"),
    ("G4", {"x_t": x_t * one}, "says nothing"),
    ("G4", {"error": xhat - a_t * z_t + s_t * v}, "xhat stands on the left"),
    ("W5", {"sign": 0}, "argued in words"),
]


@pytest.mark.parametrize(("tag", "given", "said"), UNCLEAR)
def test_claims_that_cannot_be_compared_are_refused_in_one_line(tag, given, said):
    with pytest.raises(ledger.Unclear, match=said) as refusal:
        LEDGER[tag].prove(given)
    assert "\n" not in str(refusal.value)


def test_what_cannot_be_decided_is_neither_proved_nor_called_wrong():
    is_one = (sqrt(2) + sqrt(3)) / sqrt(5 + 2 * sqrt(6))  # but the normal form is not
    with pytest.raises(ledger.Undecided, match="could not decide: agrees at 6 points"):
        LEDGER["F1"].prove({"variance": is_one * s2})
    with pytest.raises(ledger.Wrong):
        LEDGER["F1"].prove({"variance": (is_one + Rational(1, 10**9)) * s2})


@pytest.mark.parametrize(
    ("kind", "every"),
    [("claims", 300), ("lines", 400), ("code", 140), ("definitions", 70), ("collusion", 37)],
)
def test_slips_are_refused(kind, every):
    """A sample; `python tests/by_hand/mutate_ledger.py` tries them all."""
    count = mutate.run(every, kinds=(kind,))[kind]
    assert set(count) <= set(mutate.ENDS)
    assert count["refused"] > 4
