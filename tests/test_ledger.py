"""The ledger proves what it claims; what it is made of and what a reader sees."""

import ast
import graphlib
import inspect
import json
import math
import re
from pathlib import Path

import pytest
import sympy
from sympy import Eq

from diffenc_lite.course import ledger
from diffenc_lite.course.ledger import LEDGER, TAGS, Proof, Row
from diffenc_lite.course.ledger import notation as n
from diffenc_lite.course.lessons import notebooks_in

ROOT = Path(__file__).resolve().parent.parent
THE_LEDGER = """
    F1 F2 F3 G1 G2 G3 G4 G5 E1 E2 E3 L0 L1 L2 L3 L4 W1 W1c W2 W3 W4 W5 W6 W7 X1 X2 X3 X4 X5 X6 X7
""".split()


# --- the proofs ----------------------------------------------------------------------------------


def test_every_tag_has_a_row_and_every_row_a_tag() -> None:
    assert tuple(LEDGER) == TAGS == ("KL", *THE_LEDGER)
    assert all(getattr(ledger, tag) is row for tag, row in LEDGER.items())


@pytest.fixture(scope="module")
def proofs() -> dict[str, Proof]:
    return ledger.prove_all()


def test_prove_all_goes_through_the_ledger_in_order(proofs: dict[str, Proof]) -> None:
    assert tuple(proofs) == TAGS
    assert sum(proof.seconds for proof in proofs.values()) < 60


@pytest.mark.parametrize("tag", TAGS)
def test_proof_says_what_it_is(tag: str, proofs: dict[str, Proof]) -> None:
    row, said = LEDGER[tag], repr(proofs[tag])
    assert said.startswith(f"{tag} proved: {', '.join(row.claim)} in {len(row.steps)} steps")
    words = [name for name in row.steps if row[name].in_words]
    assert ("in words: " + ", ".join(words) in said) is bool(words)
    numbers = sum(len(row[name].numbers) for name in row.steps)
    assert (f"computed: {numbers} numbers" in said) is bool(numbers)
    assert all(trust in said for trust in row.trust)


def test_what_is_not_the_machines_is_named(proofs: dict[str, Proof]) -> None:
    assert "in words: riemann, dominated" in repr(proofs["L4"])
    assert "on trust: " in repr(proofs["X5"]) and "Guo" in repr(proofs["X5"])
    assert "computed: 39 numbers, to the digits shown" in repr(proofs["X2"])
    assert repr(proofs["G4"]) == "G4 proved: x_t, epsilon, v, error in 6 steps"


@pytest.mark.parametrize("tag", TAGS)
def test_each_form_is_arrived_at_once_by_a_step_that_shows_it(tag: str) -> None:
    steps = [LEDGER[tag][name] for name in LEDGER[tag].steps]
    arrivals = [step for step in steps if step.proves is not None]
    assert sorted(step.proves for step in arrivals) == sorted(LEDGER[tag].claim)
    assert all(isinstance(step.expression, Eq) for step in arrivals)
    assert all(step.text and step.name for step in steps)
    assert all(step.in_words or step.lines or step.numbers for step in steps)


def test_no_derivation_looks_at_its_own_claim_nor_in_a_circle() -> None:
    uses = {tag: _rows_used_by(LEDGER[tag].derivation) for tag in TAGS}
    assert uses["F3"] == {"F2"}  # the search does find them
    for tag in TAGS:
        # X1, X2, X3 compute numbers with the forms that they have derived
        assert tag not in uses[tag] or LEDGER[tag].derivation.__name__ in {"X1", "X2", "X3"}
    graphlib.TopologicalSorter({t: u - {t} for t, u in uses.items()}).prepare()  # or CycleError


def _rows_used_by(function: object) -> set[str]:
    """Tags of the rows that a derivation, or a helper that it calls, takes formulas from."""
    rows: set[str] = set()
    for name in function.__code__.co_names:  # type: ignore[attr-defined]
        value = function.__globals__.get(name)  # type: ignore[attr-defined]
        value = inspect.unwrap(value) if callable(value) else value
        if isinstance(value, Row):
            rows.add(value.tag)
        elif inspect.isfunction(value) and value.__module__.startswith(ledger.__name__):
            rows |= _rows_used_by(value)
    return rows


CITED = r"\b(?:KL|[FGELWX]\d[a-z]?)\b"


def cited(path: Path) -> set[str]:
    """Tags in docstrings, comments, messages and cells"""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        text = "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
    return set(re.findall(CITED, text)) & {*TAGS, *(f"{c}{k}" for c in "FGELWX" for k in range(10))}


SOURCES = [
    ROOT / "README.md",
    *sorted((ROOT / "diffenc_lite").rglob("*.py")),
    *notebooks_in(ROOT / "notebooks"),
]


def test_every_tag_that_is_cited_has_a_row() -> None:
    found = {tag: path.name for path in SOURCES for tag in cited(path)}
    assert set(found) <= set(TAGS), {t: f for t, f in found.items() if t not in TAGS}
    assert {"F1", "W4", "X5"} <= set(found)  # the search does find them


@pytest.mark.parametrize(
    ("tag", "form"), [(row.tag, form) for row in LEDGER.values() for form in row.nonnegative]
)
def test_what_must_not_be_negative_is_not(tag: str, form: str) -> None:
    assert LEDGER[tag].form(form).is_nonnegative is True


@pytest.mark.parametrize("depth", n.DEPTHS)
def test_facts_about_the_noise_that_the_normal_form_uses(depth: tuple) -> None:
    alpha, sigma, gamma = depth
    assert sympy.simplify(n.in_gamma(alpha**2 + sigma**2 - 1)) == 0
    assert sympy.simplify(n.in_gamma(sympy.exp(gamma) - sigma**2 / alpha**2)) == 0
    assert sympy.simplify(n.in_gamma(alpha**2) - 1 / (1 + sympy.exp(gamma))) == 0


def test_abbreviations_mean_the_same_in_alpha_and_in_gamma() -> None:
    for short, long in n.ABBREVIATIONS.items():
        assert sympy.simplify(n.in_gamma(short) - n.in_gamma(long)) == 0
    assert sympy.simplify(n.in_gamma(n.sigma_Q**2 - n.sigma_s**2 * n.c)) == 0


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
    for name in row.steps:
        assert row[name]._repr_latex_() in shown._repr_latex_()
        assert row[name]._repr_latex_().startswith("(in words)") is row[name].in_words
        assert repr(row[name]).startswith("(in words)") is row[name].in_words


@pytest.mark.parametrize("tag", TAGS)
def test_latex_is_well_formed(tag: str) -> None:
    row = LEDGER[tag]
    for text in [row._repr_latex_(), *(row[name]._repr_latex_() for name in row.steps)]:
        assert text.count("$") % 2 == 0
        assert text.count("{") == text.count("}")
        assert text.count(r"\left") == text.count(r"\right") + text.count(r"\leftarrow")
        assert not any(raw in text for raw in ("xhat", "uhat", "ydot", "prime_", "Derivative("))


def test_differences_are_written_with_the_positive_term_first() -> None:
    assert r"x_{s} - x_{t}" in LEDGER["F3"].latex()


def test_steps_come_one_by_one_and_by_name() -> None:
    steps = LEDGER["F3"].derive()
    assert "Bayes" in next(steps).text
    assert "precision" in next(steps).text
    assert LEDGER["F3"]["bayes"].text == next(LEDGER["F3"].derive()).text
    mean, variance = LEDGER["F3"]["mean", "variance"]
    assert (mean.proves, variance.proves) == ("mean", "variance")
    with pytest.raises(KeyError, match="bayes.*got 'Bayes'"):
        LEDGER["F3"]["Bayes"]


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
        LEDGER["F3"].prove({"median": sympy.Integer(0)})
    with pytest.raises(ValueError, match="ends.*cannot be computed"):
        LEDGER["L3"].lambdify("ends")


# --- the house -----------------------------------------------------------------------------------


def test_files_are_short_and_import_little() -> None:
    for path in Path(ledger.__file__).parent.glob("*.py"):
        source = path.read_text(encoding="utf-8")
        assert source.count("\n") <= 340, path
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom) and node.level > 0:
                assert node.level == 1, path  # nothing of the course beside the ledger
