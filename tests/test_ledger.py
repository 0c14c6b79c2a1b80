"""The ledger proves what it claims; what it is made of and what a reader sees."""

import graphlib
import io
import json
import math
import re
from pathlib import Path

import pytest
import sympy

from diffenc_lite.course import ledger
from diffenc_lite.course.ledger import LEDGER, TAGS, WORDS, Numbers, Proof, Words
from diffenc_lite.course.ledger import notation as n
from diffenc_lite.course.lessons import notebooks_in
from diffenc_lite.course.show import blueprint, drawing

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
    assert sum(proof.seconds for proof in proofs.values()) < 30  # of one core; 11 when left alone


@pytest.mark.parametrize("tag", TAGS)
def test_proof_says_which_forms_are_proved_and_what_they_rest_on(
    tag: str, proofs: dict[str, Proof]
) -> None:
    row, proof = LEDGER[tag], proofs[tag]
    assert dict(proof.words) == row.words and list(proof.words) == list(row.claim)
    for word in WORDS:
        forms = [form for form in row.claim if proof.words[form] == word]
        assert (f"{word}: {', '.join(forms)}" in repr(proof)) or not forms
    numbers = sum(len(s.numbers) for s in row[row.steps] if isinstance(s, Numbers))
    assert (f"computed: {numbers} numbers" in repr(proof)) is bool(numbers)
    assert f"in {len(row.steps)} steps" in repr(proof)
    assert all(theorem in repr(proof) for theorem in row.trust)
    assert not row.rests_on.rows or repr(proof).endswith(f"on {', '.join(row.rests_on.rows)}")


NOT_PROVED = {  # by the machine alone
    ("G1", "log_density"): "defined",
    ("G3", "mean"): "defined",
    ("G3", "variance"): "defined",
    ("E3", "x_t"): "defined",
    ("L0", "prior"): "in words",
    ("L2", "step"): "in words",
    ("L1", "never_negative"): "in words",
    ("L1", "bound"): "in words",
    ("L1", "three_terms"): "in words",
    ("L4", "integrand"): "in words",
    ("L4", "integrand_E1"): "in words",
    ("W2", "power"): "in words",
    ("W2", "best"): "in words",
    ("W5", "sign"): "in words",
    ("W6", "sign"): "in words",
    ("W7", "E1"): "in words",
    **{("X3", form): "in words" for form in ("rate_E1", "rate_E2")},
    **{("X4", form): "in words" for form in ("vdm", "scaling", "ratio", "excess", "end")},
    **{("X5", form): "in words" for form in ("rate", "above_entropy", "above_mismatch")},
    **{("X5", form): "on trust" for form in ("i_mmse", "diffusion", "total", "advantage")},
}


def test_every_form_that_is_not_proved_is_listed_here() -> None:
    words = {(tag, form): word for tag in TAGS for form, word in LEDGER[tag].words.items()}
    assert {form: word for form, word in words.items() if word != "proved"} == NOT_PROVED


def test_what_a_proof_prints(proofs: dict[str, Proof]) -> None:
    assert repr(proofs["G4"]) == "G4 proved: x_t, epsilon, v, error in 6 steps"
    assert "in words: power, best (bounded; leading; L4)" in repr(proofs["W2"])
    yours = LEDGER["F2"].prove({"variance": LEDGER["F2"].form("variance")})
    assert repr(yours).startswith("F2 proved: mean, variance (yours), c in 13 steps")
    assert yours.yours == ("variance",)


# --- what rests on what --------------------------------------------------------------------------

RESTS_ON = {  # where a typed formula once hid what a row needs
    "F3": "F1 F2",
    "G1": "F1",
    "G2": "F1",
    "E3": "E2",
    "L0": "F1 G1 KL",
    "L2": "F3 G3 G4 KL",
    "L4": "E1 E2 E3 F3 G4 L2",
    "W1c": "L2 W1",
    "W7": "G5 W1",
    "X2": "E2 G5 KL L0 L3 W1",
    "X5": "F1 G1 L0 L1 L3 L4",
}


def test_rows_rest_on_those_that_they_were_passed() -> None:
    rests_on = {tag: set(LEDGER[tag].rests_on.rows) for tag in TAGS}
    assert {tag: " ".join(sorted(rests_on[tag])) for tag in RESTS_ON} == RESTS_ON
    assert rests_on["KL"] == rests_on["W4"] == set() and rests_on["E1"] == {"F1"}
    graphlib.TopologicalSorter(rests_on).prepare()  # or CycleError


def test_basis_has_definitions_words_and_trust() -> None:
    basis = LEDGER["X5"].rests_on
    assert "Guo" in repr(basis) and "integrated" in basis.in_words
    assert n.x_t in {line.lhs for line in LEDGER["L2"].rests_on.definitions}
    assert repr(LEDGER["E1"].rests_on).startswith("E1 rests on F1; definitions: x_t,")
    assert repr(LEDGER["W4"].rests_on).startswith("W4 rests on no other row")


def test_a_form_in_words_makes_what_is_computed_from_it_in_words() -> None:
    assert LEDGER["L4"].words["integrand"] == "in words"
    for form in ("vdm", "scaling", "ratio"):  # X4 takes the integrand from L4
        assert LEDGER["X4"]._page.word(form) == ("in words", ["L4"])


RELATIVE = r"^\s*from \.(?: import )?(\w+)"  # inside functions, too


def test_no_file_of_the_ledger_or_of_the_exercises_is_in_a_circle() -> None:
    for room in ("ledger", "exercises"):
        folder = ROOT / "diffenc_lite/course" / room
        files = {path.stem: path.read_text("utf-8") for path in folder.glob("*.py")}
        imports = {
            name: set(re.findall(r"\w+", " ".join(re.findall(RELATIVE, text, re.M)))) & set(files)
            for name, text in files.items()
        }
        graphlib.TopologicalSorter(imports).prepare()


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


@pytest.mark.parametrize("depth", n.DEPTHS)
def test_facts_about_the_noise_that_the_normal_form_uses(depth: tuple) -> None:
    alpha, sigma, gamma = depth
    assert sympy.simplify(n.in_gamma(alpha**2 + sigma**2 - 1)) == 0
    assert sympy.simplify(n.in_gamma(sympy.exp(gamma) - sigma**2 / alpha**2)) == 0
    assert sympy.simplify(n.in_gamma(alpha**2) - 1 / (1 + sympy.exp(gamma))) == 0


def test_abbreviations_mean_the_same_in_alpha_and_in_gamma() -> None:
    for short, long in n.ABBREVIATIONS.items():
        assert sympy.simplify(n.in_gamma(short) - n.in_gamma(long)) == 0


# --- what a reader sees --------------------------------------------------------------------------


@pytest.mark.parametrize("tag", TAGS)
def test_what_is_shown_is_what_is_proved(tag: str) -> None:
    row = LEDGER[tag]
    statement = row._repr_latex_()
    assert f"\\tag{{{tag}}}" in statement
    assert statement.count("&=") + statement.count(r"&\ge") == len(row.claim)
    shown = ledger.show(tag)
    assert repr(shown.proof) in shown._repr_latex_() and repr(shown.proof) in repr(shown)
    for step in map(row.__getitem__, row.steps):
        in_words = isinstance(step, Words)
        assert step.text and (in_words or step.lines or isinstance(step, Numbers))
        assert step._repr_latex_() in shown._repr_latex_()
        assert step._repr_latex_().startswith("(in words)") is in_words
        assert repr(step).startswith("(in words)") is in_words


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
    assert [next(steps), next(steps)] == list(LEDGER["F3"]["bayes", "precision"])
    mean, variance = LEDGER["F3"]["mean", "variance"]
    assert (mean.name, variance.name) == ("mean", "variance")
    with pytest.raises(KeyError, match="bayes.*got 'Bayes'"):
        LEDGER["F3"]["Bayes"]


def test_blueprint_has_a_linked_box_for_each_row_and_every_arrow_leads_to_the_right() -> None:
    svg = io.StringIO()
    blueprint.picture("{}.html").savefig(svg, format="svg")
    assert set(re.findall(r'xlink:href="(\w+)\.html"', svg.getvalue())) == set(TAGS)
    nodes = blueprint.rests_on()
    where = blueprint.places(nodes, 10, 6)
    assert len(set(where.values())) == len(TAGS)
    assert all(where[b][0] < where[tag][0] for tag, below in nodes.items() for b in below)
    kept = drawing.shortest(nodes)
    assert kept["L2"] == {"G3", "G4", "KL"} and "F3" in nodes["L2"]  # G3 rests on F3
    assert "20 proved, 1 defined, 10 in words, 1 on trust" in blueprint.in_words()
    assert blueprint.word(LEDGER["X5"]) == "on trust" and blueprint.word(LEDGER["G1"]) == "proved"


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
