"""The ledger proves what it claims; what it is made of and what a reader sees."""

import graphlib
import io
import json
import re

import pytest
from draws import NOTEBOOKS, README, ROOT

from diffenc_lite.course import ledger
from diffenc_lite.course.ledger import LEDGER, TAGS, zero
from diffenc_lite.course.ledger.checking import rule
from diffenc_lite.course.ledger.laws import LAWS
from diffenc_lite.course.ledger.row import check_line
from diffenc_lite.course.show import blueprint

# --- the proofs ----------------------------------------------------------------------------------

NOT_PROVED = {  # what is a choice, and what rests on an argument in words
    "defined": "G1.log_density G3.mean G3.variance G5.mean L4.neglected X6.vhat_E3",
    "argued": """
        L4.loss W2.best
        X4.vdm X4.ratio X4.excess X4.end X5.total X5.advantage
    """,
}


def test_every_row_is_proved_and_every_form_that_is_not_is_listed_here():
    found = {"proved": [], "defined": [], "argued": []}
    for tag, row in LEDGER.items():
        assert row.prove()
        for form, word in row.words.items():
            found[word].append(f"{tag}.{form}")
    proved, every = len(found.pop("proved")), sum(len(row.claim) for row in LEDGER.values())
    assert found == {word: forms.split() for word, forms in NOT_PROVED.items()}
    said = f"Of {every} formulas SymPy proves {proved} from stated premises;"
    assert said in " ".join(README.split())


def test_a_form_tells_what_it_is_proved_from():
    assert repr(LEDGER["F3"]).endswith("proved from: Bayes' rule, change of variables")
    exchange = "argued: the limit of the sum over steps and of the average"
    assert LEDGER["L4"].told["loss"] == exchange
    for tag, form in (("X4", "ratio"), ("X5", "total"), ("W2", "best")):  # that rest on the loss
        assert LEDGER[tag].told[form].startswith(exchange)
    assert LEDGER["L1"].told["never_negative"] == "proved from: the notation"
    equal = LEDGER["F1"].prove({"mean": "alpha_t*x_t"})
    assert repr(equal) == "equal to F1.mean; proved from: change of variables"


# --- the premises --------------------------------------------------------------------------------


def test_each_law_stands_once_with_its_instances_and_no_premise_is_unshown():
    page = repr(ledger.laws())
    used = ledger.laws().of_kind("given")
    assert set(used) == set(LAWS) and len(LAWS) <= 25
    for row in LEDGER.values():
        for name in row.steps:
            if row[name].kind != "step":
                assert page.count(f"\n    {row.tag}.{name}: ") == 1
    for law, says in LAWS.items():
        assert page.count(f"{law}: {says}\n") == 1


def test_what_is_supposed_of_the_noise_and_of_pixels_is_told_by_name():
    assert LEDGER["L3"].told["gain"] == "proved from: the notation"
    assert LEDGER["W4"].told["no_cheaper"] == "proved from: a minimum"
    assert LEDGER["X7"].told["most"] == "proved from: definitions, supposing x, y in [-1, 1]"
    assert LEDGER["X6"].told["second_order"].endswith(", supposing a perfect denoiser")
    assert LEDGER["X4"].told["ratio"].endswith(", supposing u_hat = x_hat, equal marginals")


def test_what_the_notation_assumes_is_told_of_each_row_and_on_the_page_of_laws():
    told = {tag: repr(row).split("\n")[1] for tag, row in LEDGER.items()}
    assert all(said.startswith("by the notation: ") for said in told.values())
    assert " gamma_s < gamma_t; " in told["F2"] and "alpha_t, c, sigma_s" in told["F2"]
    assert told["L4"].endswith("gamma(t), x(lambda_t), y(lambda_t) smooth")
    assert told["X3"] == "by the notation: eta > 0"
    assert "sigma_Q" not in told["F3"]  # its sign is not assumed, but seen of what it is
    assert "gammaprime" not in str(told)  # a schedule may fall
    page = repr(ledger.laws()).rpartition("the notation: ")[2]
    assert "gamma_0 < gamma_s < gamma_t < gamma_1; " in page and "Eq(c, 1 - " in page
    for e in (e for row in LEDGER.values() for e in map(row.__getitem__, row.claim)):
        known = {handle for handle, _ in (rule(line) for _, line in e.roots if line.is_Equality)}
        signs = {s for s in e.line.free_symbols if getattr(s, "is_nonnegative", False)} - known
        assert all(str(s) in told[e.tag] for s in signs if not hasattr(s, "indices")), e.key


def test_the_order_of_the_depths_is_used_where_a_logarithm_is_taken_apart(monkeypatch):
    """gamma_s < gamma_t is in the notation, as that c > 0: nothing else rests on it in silence."""
    monkeypatch.setattr(zero, "IN_ORDER", {})
    zero.decide.cache_clear()
    entries = [LEDGER[tag][name] for tag in TAGS for name in LEDGER[tag].steps]
    failed = {one.key for one in entries if not holds(one)}
    zero.decide.cache_clear()
    assert failed == {"F2.missing", "F3.density", "X2.cost"}  # two for the sign of a symbol


def holds(one):
    try:
        check_line(one)
    except ledger.ProofError:
        return False
    return True


def test_nothing_stands_in_the_ledger_that_nothing_uses():
    entries = [e for row in LEDGER.values() for e in row.derive() if e.kind != "argued"]
    used = {use.key for row in LEDGER.values() for e in row.derive() for use in e.uses}
    forms = {f"{row.tag}.{form}" for row in LEDGER.values() for form in row.claim}
    assert {e.key for e in entries} <= used | forms


# --- what rests on what --------------------------------------------------------------------------

RESTS_ON = {
    "F3": "F1 F2",
    "L1": "F1 F3 G2",
    "L2": "F3 G3 G4 KL",
    "L4": "E1 E2 E3 F1 F3 G4 L2 L3",
    "W1": "F3 L1 L2",
}


def test_rows_rest_on_those_that_their_entries_use():
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
    for text in [*(row._repr_latex_() for row in rows), *steps, ledger.laws()._repr_markdown_()]:
        assert text.count("$") % 2 == 0
        assert text.count("{") == text.count("}")
        assert text.count(r"\left") == text.count(r"\right") + text.count(r"\leftarrow")
        assert not any(raw in text for raw in ("xhat", "uhat", "{ydot", "prime_", "Derivative("))


def test_blueprint_has_a_linked_box_for_each_row():
    svg = io.StringIO()
    blueprint.picture("{}.html").savefig(svg, format="svg")
    assert set(re.findall(r'xlink:href="(\w+)\.html"', svg.getvalue())) == set(TAGS)
    assert LEDGER["X4"].word() == "argued" and LEDGER["F3"].word() == "proved"


@pytest.mark.parametrize("tag", ["F3", "L1"])
def test_a_whole_row_can_be_looked_at(tag):
    shown = repr(ledger.show(tag))
    assert all(repr(LEDGER[tag][name]) in shown for name in LEDGER[tag].steps)
