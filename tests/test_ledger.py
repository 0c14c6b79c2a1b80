"""The ledger proves what it claims, and refuses what is wrong."""

import ast
import dataclasses
import graphlib
import inspect
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import sympy
from sympy import Add, Dummy, Eq, Expr, Integer, exp, log, sqrt

from diffenc_lite.course import ledger
from diffenc_lite.course.ledger import LEDGER, TAGS, Identity, Proof, ProofError, Step
from diffenc_lite.course.ledger import notation as n

FORMS = [(tag, form) for tag, row in LEDGER.items() for form in row.claim]
THE_LEDGER_OF_THE_PAPER = """
    F1 F2 F3 G1 G2 G3 G4 E1 E2 E3 L0 L1 L2 L3 L4 W1 W2 W3 W5 X4 X6 X7
""".split()


# --- the proofs ----------------------------------------------------------------------------------


def test_every_tag_has_a_row_and_every_row_a_tag() -> None:
    assert tuple(LEDGER) == TAGS
    assert set(TAGS) == {"KL", *THE_LEDGER_OF_THE_PAPER}


@pytest.mark.parametrize("tag", TAGS)
def test_row_is_proved(tag: str) -> None:
    proof = LEDGER[tag].prove()
    assert isinstance(proof, Proof)
    assert proof.tag == tag
    assert all(form in proof.how for form in LEDGER[tag].claim)


def test_prove_all_goes_through_the_ledger_in_order() -> None:
    assert tuple(ledger.prove_all()) == TAGS


@pytest.mark.parametrize("tag", TAGS)
def test_each_form_is_arrived_at_once_by_a_step_that_shows_it(tag: str) -> None:
    steps = list(LEDGER[tag].derive())
    arrivals = [step for step in steps if step.proves is not None]
    assert sorted(step.proves for step in arrivals) == sorted(LEDGER[tag].claim)
    assert all(isinstance(step.expression, Eq) for step in arrivals)
    assert all(step.text for step in steps)


def test_no_derivation_looks_at_its_own_claim_nor_in_a_circle() -> None:
    uses = {tag: _rows_used_by(LEDGER[tag].derivation) for tag in TAGS}
    assert uses["F3"] == {"F2"}  # the search does find them
    for tag in TAGS:
        assert tag not in uses[tag]
    graphlib.TopologicalSorter(uses).prepare()  # raises CycleError


def _rows_used_by(function: object) -> set[str]:
    """Tags of the rows that a derivation, or a helper that it calls, takes formulas from."""
    rows: set[str] = set()
    for name in function.__code__.co_names:  # type: ignore[attr-defined]
        value = function.__globals__.get(name)  # type: ignore[attr-defined]
        if isinstance(value, Identity):
            rows.add(value.tag)
        elif inspect.isfunction(value) and value.__module__.startswith(ledger.__name__):
            rows |= _rows_used_by(value)
    return rows


# --- the refusals --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def derived() -> dict[str, Identity]:
    """The ledger with each derivation run once: many wrong claims are held against it."""
    once = {tag: tuple(row.derive()) for tag, row in LEDGER.items()}
    return {
        tag: dataclasses.replace(row, derivation=lambda steps=once[tag]: iter(steps))
        for tag, row in LEDGER.items()
    }


def swapped(expression: Expr) -> Expr:
    """s and t exchanged, everywhere."""
    expression = expression.subs(n.sigma_Q, n.sigma_s * sqrt(n.c)).subs(n.ABBREVIATIONS)
    pairs = [
        (n.alpha_s, n.alpha_t),
        (n.sigma_s, n.sigma_t),
        (n.gamma_s, n.gamma_t),
        (n.x_s, n.x_t),
        (n.z_s, n.z_t),
    ]
    held = [(s, Dummy(positive=s.is_positive), t) for s, t in pairs]
    expression = expression.subs({s: dummy for s, dummy, _ in held})
    expression = expression.subs({t: s for s, _, t in held})
    return expression.subs({dummy: t for _, dummy, t in held})


def wrong_versions(right: Expr) -> Iterator[Expr]:
    """One slip of the pen each: a sign, a factor, a term too many, s and t swapped."""
    yield right + 1
    if right != 0:
        yield -right
        yield 2 * right
    yield swapped(right)
    for part in sympy.preorder_traversal(right):
        if isinstance(part, Add):  # a sign, a factor: within
            for term in part.args:
                yield right.xreplace({part: part - 2 * term})
                yield right.xreplace({part: part + term})
        if part.is_Pow and part.exp.is_Integer:  # a power
            yield right.xreplace({part: part * part.base})


def value(expression: Expr, seed: int) -> float:
    """A numeric value at one point; only used to see whether a slip has changed anything."""
    expression = n.in_gamma(expression.subs({n.T: 3, n.d: 2}).doit())
    leaves = sorted(
        expression.atoms(sympy.Indexed)
        | expression.atoms(sympy.core.function.AppliedUndef)
        | expression.atoms(sympy.Derivative),
        key=str,
    )
    expression = expression.subs({leaf: Dummy(f"a{i}") for i, leaf in enumerate(leaves)})
    free = sorted(expression.free_symbols, key=lambda symbol: symbol.name)
    points = {a: 0.3 + math.modf((i + 1) * (seed + 1) * 0.618)[0] for i, a in enumerate(free)}
    return complex(expression.subs(points).evalf()).real


@pytest.mark.parametrize(("tag", "form"), FORMS)
def test_wrong_formula_is_refused(derived: dict[str, Identity], tag: str, form: str) -> None:
    row, right = derived[tag], LEDGER[tag].form(form)
    refused = 0
    for wrong in wrong_versions(right):
        if math.isclose(value(wrong, 1), value(right, 1), rel_tol=1e-9, abs_tol=1e-12):
            continue  # no slip: the same formula, written otherwise
        with pytest.raises(ProofError) as refusal:
            row.prove({form: wrong})
        assert (refusal.value.tag, refusal.value.form) == (tag, form)
        assert refusal.value.difference != 0
        refused += 1
    assert refused > 0


def test_swapping_s_and_t_is_a_slip_wherever_both_are(derived: dict[str, Identity]) -> None:
    with_both = {
        (tag, form)
        for tag, form in FORMS
        if swapped(LEDGER[tag].form(form)) != LEDGER[tag].form(form)
        and {n.gamma_s, n.gamma_t} <= n.in_gamma(LEDGER[tag].form(form)).free_symbols
    }
    assert {tag for tag, _ in with_both} >= {"F2", "F3", "G3", "L2", "L3", "W1", "W3", "X6"}
    for tag, form in with_both:
        with pytest.raises(ProofError):
            derived[tag].prove({form: swapped(LEDGER[tag].form(form))})


def test_refusal_shows_what_is_left_over() -> None:
    with pytest.raises(ProofError, match="F1, variance.*is not 0: -sigma_t\\*\\*2"):
        LEDGER["F1"].prove({"variance": 2 * n.sigma_t**2})


def test_wrong_derivation_is_refused_too() -> None:
    def misled() -> Iterator[Step]:
        yield Step("The counterterm is forgotten.", n.equation(n.r, n.v - n.vhat), "residual")

    with pytest.raises(ProofError, match="residual"):
        dataclasses.replace(LEDGER["L4"], derivation=misled).prove()


def test_form_that_no_step_arrives_at_is_refused() -> None:
    row = dataclasses.replace(LEDGER["F1"], derivation=lambda: iter(()))
    with pytest.raises(ProofError, match="no step arrives at it"):
        row.prove()


def test_form_that_must_not_be_negative_is_refused_if_it_may_be() -> None:
    def derivation() -> Iterator[Step]:
        yield Step("", n.equation(n.y, n.x), "sign")

    row = Identity("Z", "", "", {"sign": n.equation(n.y, n.x)}, derivation, "00", ("sign",))
    with pytest.raises(ProofError, match="may be negative"):
        row.prove()


@pytest.mark.parametrize(
    ("tag", "form"), [(row.tag, form) for row in LEDGER.values() for form in row.nonnegative]
)
def test_what_must_not_be_negative_is_not(tag: str, form: str) -> None:
    assert LEDGER[tag].form(form).is_nonnegative is True


# --- the normal form -----------------------------------------------------------------------------


@pytest.mark.parametrize("depth", n.DEPTHS)
def test_facts_about_the_noise_that_the_normal_form_uses(depth: tuple) -> None:
    alpha, sigma, gamma = depth
    assert sympy.simplify(n.in_gamma(alpha**2 + sigma**2 - 1)) == 0
    assert sympy.simplify(n.in_gamma(exp(gamma) - sigma**2 / alpha**2)) == 0
    assert sympy.simplify(n.in_gamma(alpha**2) - 1 / (1 + exp(gamma))) == 0  # sigmoid(-gamma)


def test_abbreviations_mean_the_same_in_alpha_and_in_gamma() -> None:
    for short, long in n.ABBREVIATIONS.items():
        assert sympy.simplify(n.in_gamma(short) - n.in_gamma(long)) == 0
    assert sympy.simplify(n.in_gamma(n.sigma_Q**2 - n.sigma_s**2 * n.c)) == 0


SAME = [
    (n.alpha_t**4, (1 - n.sigma_t**2) ** 2),
    (exp(n.gamma_s - n.gamma_t), 1 - n.c),
    (exp(-n.gamma_t / 2), n.alpha_t / n.sigma_t),
    (n.sigma_Q**3, n.sigma_Q * n.sigma_s**2 * n.c),
    (1 / n.sigma_Q, n.sigma_Q / (n.sigma_s**2 * n.c)),
    (log(n.sigma_t**2 / n.w), 2 * log(n.sigma_t) - log(n.w)),
    (sympy.Sum(2 * n.j + 3, (n.j, 1, n.d)), 2 * sympy.Sum(n.j, (n.j, 1, n.d)) + 3 * n.d),
    (n.lambda_s - n.lambda_t, n.gamma_t - n.gamma_s),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_normal_form_of_equal_things_is_equal(one: Expr, other: Expr) -> None:
    assert n.reduced(one - other) == 0
    assert n.reduced(one - 2 * other) != 0
    assert n.reduced(one + n.sigma_s - other) != 0


# --- what a reader sees --------------------------------------------------------------------------


@pytest.mark.parametrize("tag", TAGS)
def test_what_is_shown_is_what_is_proved(tag: str) -> None:
    row = LEDGER[tag]
    statement = row._repr_latex_()
    assert f"\\tag{{{tag}}}" in statement
    assert statement.count("&=") == len(row.claim)
    shown = ledger.show(tag)
    assert f"{tag} proved" in shown._repr_latex_()
    assert f"{tag} proved" in repr(shown)
    for step in row.derive():
        assert step._repr_latex_() in shown._repr_latex_()


@pytest.mark.parametrize("tag", TAGS)
def test_latex_is_well_formed(tag: str) -> None:
    for text in [LEDGER[tag]._repr_latex_(), *(s._repr_latex_() for s in LEDGER[tag].derive())]:
        assert text.count("$") % 2 == 0
        assert text.count("{") == text.count("}")
        assert text.count(r"\left") == text.count(r"\right")
        assert not any(raw in text for raw in ("xhat", "uhat", "ydot", "prime_", "Derivative("))


def test_differences_are_written_with_the_positive_term_first() -> None:
    assert r"x_{s} - x_{t}" in LEDGER["F3"].latex()


def test_steps_come_one_by_one() -> None:
    steps = LEDGER["F3"].derive()
    assert "Bayes" in next(steps).text
    assert "precision" in next(steps).text


def test_proof_prints_the_same_every_time() -> None:
    assert repr(LEDGER["G4"].prove()) == repr(LEDGER["G4"].prove())


# --- numbers -------------------------------------------------------------------------------------


def test_lambdified_form_takes_the_symbols_by_name() -> None:
    residual = LEDGER["L4"].lambdify("residual")
    value = residual(v=1.0, vhat=0.5, u=0.3, uhat=0.1, gamma_t=0.0)
    assert value == pytest.approx(0.5 - math.sqrt(0.5) * 0.2, abs=1e-15)
    assert "gamma_t, u, uhat, v, vhat" in residual.__doc__


def test_lambdified_sum_takes_arrays() -> None:
    prior = LEDGER["L0"].lambdify("prior", "math")
    one = LEDGER["L0"].lambdify("one_dimension", "math")
    whole = prior(d=3, x_1=[0.1, -0.2, 0.3], gamma_1=1.0)
    assert whole == pytest.approx(sum(one(x_1=a, gamma_1=1.0) for a in (0.1, -0.2, 0.3)))


def test_names_that_do_not_exist_are_refused_with_those_that_do() -> None:
    with pytest.raises(KeyError, match="F1, F2.*got 'F9'"):
        ledger.show("F9")
    with pytest.raises(KeyError, match="mean.*got 'median'"):
        LEDGER["F3"].form("median")
    with pytest.raises(KeyError, match="mean.*got 'median'"):
        LEDGER["F3"].prove({"median": Integer(0)})
    with pytest.raises(ValueError, match="ends.*cannot be computed"):
        LEDGER["L3"].lambdify("ends")


# --- the house -----------------------------------------------------------------------------------


def test_imports_sympy_and_nothing_else_that_is_not_python() -> None:
    for path in Path(ledger.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                modules = [node.module or ""]
            elif isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            else:
                continue
            for module in modules:
                top = module.split(".")[0]
                assert top in {"sympy", "collections", "dataclasses", "time", "__future__"}, path
