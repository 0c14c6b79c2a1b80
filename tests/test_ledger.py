"""The ledger proves what it claims; what it is made of and what a reader sees."""

import graphlib
import io
import json
import re

from draws import NOTEBOOKS, README, ROOT

from diffenc_lite.course.ledger import LEDGER, TAGS
from diffenc_lite.course.show import blueprint

# --- the proofs ----------------------------------------------------------------------------------

NOT_PROVED = {  # by the machine alone
    "defined": "G1.log_density G3.mean G3.variance E3.x_t",
    "in words": """
        L0.prior L1.never_negative L1.bound L1.three_terms L2.step L4.integrand L4.integrand_E1
        W1.ratio W1.curvature W1.variance W1.cost W1.below_one
        W1c.cost W1c.ratio W1c.best W1c.more W1c.below_one
        W2.excess W2.linear W2.power W2.root W2.best
        W5.gain W5.sign W6.pointwise W6.mean W6.sign W7.E1
        X2.diffusion X2.gap X3.rate_E1 X3.rate_E2 X4.vdm X4.scaling X4.ratio X4.excess X4.end
        X5.i_mmse X5.prior X5.reconstruction X5.rate X5.diffusion X5.total X5.entropy
        X5.above_entropy X5.above_mismatch X5.advantage
    """,
}


def test_every_row_is_proved_and_every_form_that_is_not_is_listed_here():
    found = {"proved": [], "defined": [], "in words": []}
    for tag, row in LEDGER.items():
        for form, word in row.prove().words.items():
            found[word].append(f"{tag}.{form}")
    proved, every = len(found.pop("proved")), sum(len(row.claim) for row in LEDGER.values())
    assert found == {word: forms.split() for word, forms in NOT_PROVED.items()}
    assert f"Of {every} formulas SymPy proves {proved};" in " ".join(README.split())


# --- what rests on what --------------------------------------------------------------------------

RESTS_ON = {  # where a typed formula once hid what a row needs; more in test_ledger_judge.py
    "E3": "E2",
    "L2": "F3 G3 G4 KL",
    "W4": "F3 G5",
    "X5": "F1 G1 L0 L1 L3 L4",
}


def test_rows_rest_on_those_that_they_were_passed():
    rests_on = {tag: row.rests_on for tag, row in LEDGER.items()}
    assert {tag: " ".join(rests_on[tag]) for tag in RESTS_ON} == RESTS_ON
    graphlib.TopologicalSorter(rests_on).prepare()  # or CycleError


def cited(path):
    """Tags in docstrings, comments, messages and cells"""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        text = "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
    every = {*TAGS, *(f"{letter}{number}" for letter in "FGELWX" for number in range(10))}
    return every.intersection(re.findall(r"\b(?:KL|[FGELWX]\d[a-z]?)\b", text))


def test_every_tag_that_is_cited_has_a_row():
    sources = [ROOT / "README.md", *(ROOT / "diffenc_lite").rglob("*.py"), *NOTEBOOKS]
    found = {tag: path.name for path in sources for tag in cited(path)}
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
