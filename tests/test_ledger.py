"""The ledger proves what it claims; what it is made of and what a reader sees."""

import graphlib
import io
import json
import re
from pathlib import Path

from by_hand.levels import ARRIVES

from diffenc_lite.course import ledger
from diffenc_lite.course.exercises.levels import LEVELS
from diffenc_lite.course.ledger import LEDGER, TAGS
from diffenc_lite.course.lessons import notebooks_in
from diffenc_lite.course.show import blueprint

ROOT = Path(__file__).resolve().parent.parent
THE_LEDGER = """
    F1 F2 F3 G1 G2 G3 G4 G5 E1 E2 E3 L0 L1 L2 L3 L4 W1 W1c W2 W3 W4 W5 W6 W7 X1 X2 X3 X4 X5 X6 X7
""".split()


# --- the proofs ----------------------------------------------------------------------------------


def test_every_tag_has_a_row_and_every_row_a_tag():
    assert tuple(LEDGER) == TAGS == ("KL", *THE_LEDGER)
    assert all(getattr(ledger, tag) is row for tag, row in LEDGER.items())


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
    **{("W1", form): "in words" for form in LEDGER["W1"].claim},  # an average, and L2.step
    **{("W1c", form): "in words" for form in LEDGER["W1c"].claim},
    **{("W2", form): "in words" for form in LEDGER["W2"].claim},
    **{("W5", form): "in words" for form in ("gain", "sign")},
    **{("W6", form): "in words" for form in ("pointwise", "mean", "sign")},
    ("W7", "E1"): "in words",
    **{("X2", form): "in words" for form in ("diffusion", "gap")},
    **{("X3", form): "in words" for form in ("rate_E1", "rate_E2")},
    **{("X4", form): "in words" for form in ("vdm", "scaling", "ratio", "excess", "end")},
    **{("X5", form): "in words" for form in {*LEDGER["X5"].claim} - {"heat", "score", "parts"}},
}


def test_every_row_is_proved_and_every_form_that_is_not_is_listed_here():
    proofs = ledger.prove_all()
    assert tuple(proofs) == TAGS
    words = {(tag, form): word for tag in TAGS for form, word in proofs[tag].words.items()}
    assert all(list(proofs[tag].words) == list(LEDGER[tag].claim) for tag in TAGS)
    assert {form: word for form, word in words.items() if word != "proved"} == NOT_PROVED
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert f"Of {len(words)} formulas SymPy proves {len(words) - len(NOT_PROVED)};" in readme


def test_a_level_says_proved_only_where_the_ledger_does():
    for chain, forms in ARRIVES.items():
        for place, form in forms.items():
            tag, form = form.split(".") if "." in form else (chain, form)
            word = LEDGER[tag].words[form]
            assert LEVELS[f"{chain}.{place}"].word == word, (chain, place)


# --- what rests on what --------------------------------------------------------------------------

RESTS_ON = {  # where a typed formula once hid what a row needs; more in test_ledger_lines.py
    "E3": "E2",
    "L2": "F3 G3 G4 KL",
    "W4": "F3 G5",
    "X5": "F1 G1 L0 L1 L3 L4",
}


def test_rows_rest_on_those_that_they_were_passed():
    rests_on = {tag: set(LEDGER[tag].rests_on) for tag in TAGS}
    assert {tag: " ".join(sorted(rests_on[tag])) for tag in RESTS_ON} == RESTS_ON
    assert rests_on["KL"] == rests_on["G4"] == set() and rests_on["E1"] == {"F1"}
    graphlib.TopologicalSorter(rests_on).prepare()  # or CycleError


def test_a_form_in_words_makes_what_is_computed_from_it_in_words():
    assert LEDGER["L4"].words["integrand"] == "in words"
    for form in ("vdm", "scaling", "ratio"):  # X4 takes the integrand from L4
        assert LEDGER["X4"]._page.word(form) == ("in words", ["L4"])


CITED = r"\b(?:KL|[FGELWX]\d[a-z]?)\b"


def cited(path):
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


def test_every_tag_that_is_cited_has_a_row():
    found = {tag: path.name for path in SOURCES for tag in cited(path)}
    assert set(found) <= set(TAGS), {t: f for t, f in found.items() if t not in TAGS}
    assert {"F1", "W4", "X5"} <= set(found)  # the search does find them


# --- what a reader sees --------------------------------------------------------------------------


def test_latex_is_well_formed_and_shows_every_form():
    rows = LEDGER.values()
    steps = [row[name]._repr_latex_() for row in rows for name in row.steps]
    assert all(row[name].text in repr(row[name]) for row in rows for name in row.steps)
    for row in rows:
        statement = row._repr_latex_()
        assert statement.count("&=") + statement.count(r"&\ge") == len(row.claim)
    for text in [*(row._repr_latex_() for row in rows), *steps]:
        assert text.count("$") % 2 == 0
        assert text.count("{") == text.count("}")
        assert text.count(r"\left") == text.count(r"\right") + text.count(r"\leftarrow")
        assert not any(raw in text for raw in ("xhat", "uhat", "ydot", "prime_", "Derivative("))


def test_blueprint_has_a_linked_box_for_each_row():
    svg = io.StringIO()
    blueprint.picture("{}.html").savefig(svg, format="svg")
    assert set(re.findall(r'xlink:href="(\w+)\.html"', svg.getvalue())) == set(TAGS)
    assert blueprint.word(LEDGER["X5"]) == "in words" and blueprint.word(LEDGER["G1"]) == "proved"
