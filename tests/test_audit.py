"""The audit of the paper: whoever breaks a piece of the evidence changes the verdict."""

import itertools
import math
import re
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
import torch
from scipy import stats

from diffenc_lite.course import ledger
from diffenc_lite.course.show.blueprint import SAID
from diffenc_lite.course.show.lesson_14 import STATUS
from diffenc_lite.course.studies import audit, load_arrays, read_results
from diffenc_lite.course.studies.audit import Check, Counterexample, Measured, Proof, Quoted
from diffenc_lite.course.studies.audit import evidence as of

ROOT = Path(__file__).resolve().parent.parent
look = cache(audit.look)
CLAIMS = {claim.name: claim for claim in audit.CLAIMS}


@pytest.mark.parametrize("name", CLAIMS)
def test_each_verdict_falls_with_its_evidence(name):
    """Lesson 14 shows what each verdict is, and `pytest --nbval` compares it."""
    if look(name).findings:
        assert audit.break_it(name).verdict.status != look(name).verdict.status
        assert audit.look(name) == look(name)  # the break has left nothing behind
    else:
        assert name not in audit.BREAKS


@pytest.mark.parametrize("check, part", [("two_steps", "step_c"), ("same_gradient", "kl_ratio")])
def test_a_check_is_no_number_beside_itself(check, part, monkeypatch):
    assert getattr(of, check)().holds
    whole = getattr(of, part)
    monkeypatch.setattr(of, part, lambda *given: 1.1 * whole(*given))
    assert not getattr(of, check)().holds


# ---- words ---------------------------------------------------------------------------------------


def test_no_row_cites_a_part_of_the_paper_that_was_not_read():
    for claim in audit.CLAIMS:
        assert set(claim.edition.split("; ")) <= set(audit.EDITIONS)
        said = " ".join((claim.words, claim.falls, claim.note))
        assert not re.search(r"(Section|Table|Figure|Appendix) \w", said)
        if claim in audit.RESULTS:
            assert claim.edition.endswith("quoted by readers, not read by us")


def test_the_words_of_a_row_and_its_verdict_follow_the_quoted_figures(monkeypatch):
    assert "2.641 ± 0.003 to 2.620 ± 0.006, 3 seeds, p = 0.03 " in audit.table(
        [audit.look("CIFAR-10, large")]
    )
    monkeypatch.setitem(audit.QUOTED, "CIFAR-10, large", ("2.641", "2.638"))
    entry = audit.look("CIFAR-10, large")
    assert entry.verdict.status == "open" and "to 2.638 ± 0.006" in audit.table([entry])
    assert audit.look("split of the gain").verdict.status == "open"
    assert audit.look("CIFAR-10, small").verdict.status == "as quoted"
    monkeypatch.setitem(audit.QUOTED, "ImageNet32", (3.46, 3.46))
    with pytest.raises(TypeError, match="ImageNet32 must be text"):
        audit.look("ImageNet32")


def test_lesson_14_sets_the_figures_that_the_package_quotes(monkeypatch):
    cells = nbformat.read(ROOT / "notebooks" / "14_auditing_the_paper.ipynb", 4).cells
    (cell,) = (cell.source for cell in cells if cell.source.startswith("# As quoted"))
    before = dict(audit.QUOTED)
    monkeypatch.setattr(of, "QUOTED", {})
    exec(cell.split("lesson_14")[0], {"audit": SimpleNamespace(QUOTED=of.QUOTED)})
    assert before == of.QUOTED


def test_the_number_in_a_note_is_the_prior_loss_of_digits():
    rows = read_results("purpose")["rows"]
    ceiling = next(r for r in rows if r["part"] == "allowance" and r["gamma_max"] == 5)["prior"]
    assert "0.0045 over" in CLAIMS["from scratch"].note and 0.0044 < ceiling < 0.0045


@pytest.mark.parametrize("reading", audit.READINGS)
def test_p_values_are_those_of_scipy_in_every_reading(reading):
    spread, test, sides = reading
    root = 3**0.5 if spread == "error" else 1.0
    alternative = "greater" if sides == "one-sided" else "two-sided"

    def p_of(more, *spreads):
        sds = [root * value for value in spreads]
        of_vdm, of_ours = (2.641 + more, sds[0], 3), (2.620 - more, sds[1], 3)
        return stats.ttest_ind_from_stats(
            *of_vdm, *of_ours, equal_var=test == "Student", alternative=alternative
        ).pvalue

    corners = [
        p_of(more, *spreads)
        for more in (-0.001 / 2, 0.001 / 2)
        for spreads in itertools.product((0.0025, 0.0035), (0.0055, 0.0065))
    ]
    expected = min(corners), p_of(0, 0.003, 0.006), max(corners)
    assert of.p_values(*reading) == pytest.approx(expected, rel=1e-6)


def test_one_sided_p_values_know_which_model_is_better(monkeypatch):
    p = of.p_values("error", "Welch", "one-sided")[1]
    assert round(p, 3) == 0.027
    monkeypatch.setitem(audit.QUOTED, "CIFAR-10, large", ("2.620", "2.641"))
    assert of.p_values("error", "Welch", "one-sided")[1] == pytest.approx(1 - p)


# ---- the rule ------------------------------------------------------------------------------------

CLOSED, REFUSED = Proof("F1", True, "F1 proved; 6 steps checked"), Proof("F1", False, "F1: wrong")
UNDER = Proof("L4", True, "L4 proved; 2 steps checked", "proved", ("bounded data",))
WORDS = Proof("L4 loss", True, "L4 argued; 2 steps", "argued", ("bounded data",), ("a limit",))
CHOICE = Proof("G3 mean", True, "G3 defined; 1 steps checked", "defined")
HIT, MISSED = Check("a", 1.0, 1.0009, 3), Check("a", 1.0, 1.002, 3)
SHOWN, UNSHOWN = Measured("a", -2.0, -3.0, -1.0), Measured("a", -2.0, -4.1, 0.1)
OTHER_SIDE = Measured("a", 2.0, 1.0, 3.0)
STANDS, FALLEN = Counterexample("a", 0.05), Counterexample("a", 0.0)
INSIDE, OUTSIDE = Quoted("p", 0.02, 0.05, 0.03), Quoted("p", 0.02, 0.025, 0.03)


@pytest.mark.parametrize(
    ("findings", "says"),
    [
        ([CLOSED, HIT], "proved"),
        ([CLOSED, UNDER, UNDER, HIT, INSIDE], "proved under: bounded data"),
        ([CLOSED, WORDS, HIT], "argued: a limit; bounded data"),
        ([CHOICE, HIT], "defined"),
        ([CHOICE, CLOSED], "proved"),
        ([HIT, INSIDE], "checked"),
        ([SHOWN, HIT], "seen here"),
        ([INSIDE], "as quoted"),
        ([SHOWN, UNSHOWN], "not seen here: a: -2.0000 (-4.1000 to +0.1000), claimed below 0"),
        ([CLOSED, UNSHOWN], "not seen here: a: -2.0000 (-4.1000 to +0.1000), claimed below 0"),
        ([UNSHOWN, OTHER_SIDE], "opposite here: a: +2.0000 (+1.0000 to +3.0000), claimed below 0"),
        ([CLOSED, MISSED, OTHER_SIDE], "open: a: 1 in place of 1.002"),
        ([CLOSED, MISSED, UNSHOWN], "open: a: 1 in place of 1.002"),
        ([SHOWN, REFUSED], "open: F1: wrong"),
        ([SHOWN, OUTSIDE], "open: p: 0.03 is not in 0.020 to 0.025"),
        ([CLOSED, UNSHOWN, STANDS], "refuted: a: 0.05000, claimed at most 0"),
        ([CLOSED, FALLEN], "proved"),
        ([FALLEN], "not refuted"),
        ([], "not tested"),
    ],
)
def test_the_rule(findings, says):
    assert str(audit.verdict(findings)) == says


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"a": [SHOWN, HIT], "b": [SHOWN, OTHER_SIDE]}, "depends on the set-up: yes: a; no: b"),
        ({"a": [UNSHOWN], "b": [SHOWN]}, "depends on the set-up: yes: b; no: a"),
        ({"a": [SHOWN], "b": [SHOWN]}, "seen here"),
        ({"a": [UNSHOWN], "b": [OTHER_SIDE]}, f"opposite here: {OTHER_SIDE}"),
        ({"": []}, "not tested"),
    ],
)
def test_several_settings(settings, says):
    assert str(audit.across("set-up", settings)) == says


def test_the_law_that_nobody_stated_is_refuted_unless_prior_loss_is_free(monkeypatch):
    assert audit.verdict(of.law_of_the_latent_loss()).status == "refuted"
    scaling = of.Exact(of.PlusMinus(), of.SCALING)
    floor = 0.5 * (1 / (1 + math.exp(-5)) + math.log1p(math.exp(-5)) - 1)  # of any prior loss
    assert 1.1e-5 < floor <= scaling.prior < 1.2e-5  # so the class of encoders is not empty
    monkeypatch.setattr(of.Exact, "diffusion", lambda self, *_: 0.69)
    monkeypatch.setattr(of.Exact, "prior_gap", property(lambda self: self.prior))
    assert audit.verdict(of.law_of_the_latent_loss()).status == "not refuted"


# ---- numbers of the table, computed a second time ------------------------------------------------
#
# A `Check` has been computed twice already, and its verdict is "open" if the two disagree.


def interval(values, more=0.0):
    mean, of_pairs = np.mean(values), stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    reach = math.hypot(of_pairs, more)
    return [mean, mean - reach, mean + reach]


def forks(second):
    """Of five pairs, with the error over the images in quadrature"""
    rows, a = read_results("fork")["rows"], load_arrays("fork")
    bits = {(r["arm"], r["seed"]): r["total"] for r in rows
            if (r["gamma_max"], r["updates"]) == (5.0, 600)}  # fmt: skip
    sums = sum(a[f"change_learned_{k}"].astype(float) - a[f"change_{second}_{k}"] for k in range(5))
    of_images = 1.96 * np.std(sums / 5, ddof=1) / 100
    return interval([bits["learned", k] - bits[second, k] for k in range(5)], of_images)


def changes(model, depths):
    x = of.digits(model, 64)
    gammas = [-13.3 + 18.3 * t for t in depths]
    with torch.no_grad():
        return [model.shift(x, torch.full((64,), g))[:, 0].double().numpy() for g in gammas]


def new_share(model):
    a, b = changes(model, (0.6, 1.0))
    return 1 - (a * b).sum((1, 2)) ** 2 / ((a * a).sum((1, 2)) * (b * b).sum((1, 2)))


def coarse_share(model, start, stop):
    n, i = 28, np.arange(28)
    wave = np.exp(-2j * np.pi * np.outer((-1, 0, 1), i) / n)  # at most one cycle each way
    shares = []
    for end in (start, stop):
        first, last = changes(model, (end - 0.1, end))
        move = last - first
        move -= move.mean((1, 2), keepdims=True)
        low = np.einsum("ki,bij,lj->bkl", wave, move, wave)
        shares.append((abs(low) ** 2).sum((1, 2)) / n**2 / (move**2).sum((1, 2)))
    return shares[1] - shares[0]


def least(measure):
    return interval(min((measure(model) for model in of.encoders().values()), key=np.mean))


AGAIN = {
    "likelihood": lambda: forks("matched") + forks("vdm"),
    "acts over t": lambda: least(new_share),
    "global near the end": lambda: least(partial(coarse_share, start=0.6, stop=1.0)),
    "local to global": lambda: [
        number
        for start, stop in ((0.6, 0.8), (0.7, 0.9))
        for number in least(partial(coarse_share, start=start, stop=stop))
    ],
}


@pytest.mark.parametrize("name", AGAIN)
def test_numbers_come_out_again_by_other_code(name):
    expected = AGAIN[name]()
    numbers = [
        number
        for finding in look(name).findings
        for number in (finding.mean, finding.low, finding.high)
    ]
    assert np.allclose(numbers[: len(expected)], expected, rtol=2e-4, atol=1e-6)


def test_the_verdict_of_a_proof_is_the_ledgers_own_word():
    """Of the forms that the claim needs, whatever else stands in the row"""
    words = {}
    for name in audit.CLAIMS:
        rows = [found.row.split() for found in look(name.name).findings if isinstance(found, Proof)]
        said = [ledger.LEDGER[tag].word(*forms) for tag, *forms in rows]
        if rows and (status := look(name.name).verdict.status) != "not seen here":
            words[name.name] = ledger.weakest(said)
            assert status.startswith(words[name.name])
    assert words["w = 1"] == words["counterterm"] == "proved"
    assert words["loss"] == words["v-form"] == words["scaling, perfect"] == "argued"
    assert ledger.LEDGER["W2"].word() == ledger.LEDGER["L4"].word() == "argued"
    assert {STATUS[word] for word in ledger.WORDS} == set(SAID.values())
