"""A reader's claims: no false one is accepted, and no true one, however written, called wrong."""

import pytest
from sympy import (
    Derivative,
    Eq,
    Function,
    Lambda,
    Rational,
    Sum,
    Symbol,
    exp,
    log,
    oo,
    pi,
    sech,
    sinh,
    sqrt,
    tanh,
)
from sympy.codegen.cfunctions import expm1, log1p

from diffenc_lite.course import ledger
from diffenc_lite.course.ledger import LEDGER
from diffenc_lite.course.ledger import notation as n

a_s, a_t, s_s, s_t = n.alpha_s, n.alpha_t, n.sigma_s, n.sigma_t
g_s, g_t, c, d = n.gamma_s, n.gamma_t, n.c, n.d
x, x_s, x_t, z_t, xhat, uhat, v, vhat = n.x, n.x_s, n.x_t, n.z_t, n.xhat, n.uhat, n.v, n.vhat
u, y, ydot, eps, epshat = n.u, n.y, n.ydot, n.epsilon, n.epsilonhat
m, kappa = Symbol("m", nonnegative=True), Symbol("kappa", real=True)
mu_q, mu_p, q, p = (LEDGER["KL"].symbols[k] for k in ("mu_q", "mu_p", "sigma_q", "sigma_p"))
a2, s2 = a_t**2, s_t**2
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
    ("beside the point", "F1", "mean", Lambda(x, x)),
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
    ("F1", "variance", (1 + tanh(g_t / 2)) / 2),
    ("F2", "variance", 2 * s2 * sinh(n.Delta / 2) * exp(-n.Delta / 2)),
    ("F3", "variance", 1 / (n.alpha_ts**2 / (s2 * c) + 1 / s_s**2)),
    ("F3", "mean", a_s * ((1 - c) * (z_t / a_t - x_t) + x_s)),
    ("E2", "slope", sech(g_t / 2) ** 2 / 4),
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
