"""The audit of the paper: whoever breaks a piece of the evidence changes the verdict."""

import dataclasses
import math
import re

import numpy as np
import pytest
import torch
from sympy import Eq

from diffenc_lite.course import ledger
from diffenc_lite.course.show import plots
from diffenc_lite.course.studies import audit, read_results
from diffenc_lite.course.studies.audit import Check, Counterexample, Measured, Proof, evidence

STATUSES = {
    "marginals": {"proved"},
    "loss": {"proved under"},
    "counterterm": {"proved under"},
    "v-form": {"proved under"},
    "variance": {"proved"},
    "w = 1": {"proved"},
    "weights": {"proved under"},
    "schedule": {"proved under"},
    "latent loss": {"refuted as stated"},
    "learned > scaling": {"seen on MNIST", "not seen"},  # as the stored study has it
    "likelihood": {"seen on MNIST", "not seen"},
    "acts over t": {"seen on MNIST"},
    "sampling": {"checked"},
}


def status(name: str) -> str:
    return audit.look(name).verdict.status


@pytest.mark.parametrize("name", STATUSES)
def test_the_verdicts_as_they_stand(name):
    entry = audit.look(name)
    assert entry.verdict.status in STATUSES[name]
    assert audit.table([entry]).count("\n") == 2 and entry.claim.words[:10] in audit.table([entry])


def test_there_is_a_verdict_for_each_of_the_thirteen_claims():
    assert [claim.name for claim in audit.CLAIMS] == list(STATUSES) and len(STATUSES) == 13
    with pytest.raises(KeyError, match="name must be one of marginals"):
        audit.look("a claim of another paper")


# ---- the rule ------------------------------------------------------------------------------------

CLOSED, REFUSED = Proof("F1", True, "F1 proved", "a"), Proof("F1", False, "F1: wrong", "a")
UNDER = Proof("L4", True, "L4 proved", "a", ("bounded data",))
HIT, MISSED = Check("a", 1.0, 1.0001, 3), Check("a", 1.0, 1.01, 3)
SHOWN = Measured("a", -2.0, -3.0, -1.0, "below")
UNSHOWN = Measured("a", -2.0, -4.1, 0.1, "below")
STANDS, FALLEN = Counterexample("a", 0.05, 0.0), Counterexample("a", 0.0, 0.0)


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ([CLOSED, HIT], "proved"),
        ([CLOSED, UNDER, HIT], "proved under: bounded data"),
        ([HIT, Check("b", 2, 2, math.inf)], "checked: to 3 digits"),
        ([Check("b", 2, 2, math.inf)], "checked: exactly"),
        ([SHOWN, HIT], "seen on MNIST: a: -2.0000 (-3.0000 to -1.0000), claimed below 0"),
        ([SHOWN, UNSHOWN], "not seen: a: -2.0000 (-4.1000 to +0.1000), claimed below 0"),
        ([CLOSED, UNSHOWN], "not seen: a: -2.0000 (-4.1000 to +0.1000), claimed below 0"),
        ([CLOSED, MISSED], "open: a: 1 in place of 1.01"),
        ([REFUSED, SHOWN], "open: F1: wrong"),
        ([CLOSED, UNSHOWN, STANDS], "refuted as stated: a: 0.050000, claimed at most 0"),
        ([CLOSED, FALLEN], "proved"),
        ([FALLEN], "open: there is no evidence"),
        ([], "open: there is no evidence"),
    ],
)
def test_the_rule(findings, expected):
    assert str(audit.verdict(findings)) == expected


def test_a_side_can_be_claimed_above():
    assert Measured("a", 0.5, 0.2, 0.8, "above", 0.1).holds
    assert not Measured("a", 0.5, 0.05, 0.8, "above", 0.1).holds


# ---- breaking evidence ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tag", "form", "claim"), [("F2", "mean", "marginals"), ("L4", "integrand", "loss")]
)
def test_a_wrong_formula_opens_what_was_proved(monkeypatch, tag, form, claim):
    row = ledger.LEDGER[tag]
    wrong = dict(row.claim)
    wrong[form] = Eq(wrong[form].lhs, 2 * wrong[form].rhs, evaluate=False)
    monkeypatch.setitem(ledger.LEDGER, tag, dataclasses.replace(row, claim=wrong))
    entry = audit.look(claim)
    assert entry.verdict.status == "open" and tag in entry.verdict.because


def test_a_condition_of_a_row_is_a_condition_of_the_verdict(monkeypatch):
    row = dataclasses.replace(ledger.LEDGER["W1"], trust={"a thing nobody proved": ("ratio",)})
    monkeypatch.setitem(ledger.LEDGER, "W1", row)
    assert str(audit.look("variance").verdict) == "proved under: a thing nobody proved"


def test_a_wrong_number_opens_what_was_proved(monkeypatch):
    monkeypatch.setattr(evidence.Exact, "prior_gap", 1e-3)
    assert status("variance") == "open"


def test_a_sampler_that_calls_the_encoder_opens_what_was_checked(monkeypatch):
    def curious(model, n, steps, generator):
        model.encoder.shift(torch.zeros(1, 1, 28, 28), torch.zeros(1))
        return sample(model, n, steps, generator=generator)

    sample = evidence.sample
    monkeypatch.setattr(evidence, "sample", curious)
    assert status("sampling") == "open"


def test_an_encoder_that_does_the_same_at_all_depths_is_not_seen(monkeypatch):
    load = evidence.load_pretrained
    monkeypatch.setattr(evidence, "load_pretrained", lambda name: load("mnist-scaling"))
    assert status("acts over t") == "not seen"


def test_a_world_in_which_prior_loss_is_free_ends_the_refutation(monkeypatch):
    monkeypatch.setattr(evidence.Exact, "diffusion", lambda self, *_: 0.69)
    monkeypatch.setattr(evidence.Exact, "prior_gap", property(lambda self: self.prior))
    assert status("latent loss") == "proved under"  # what X5 takes on trust


def with_numbers(change):
    """read_results with every row changed"""

    def read(name):
        found = read_results(name)
        return {**found, "rows": [change(dict(row)) for row in found["rows"]]}

    return read


@pytest.mark.parametrize(("gain", "expected"), [(0.5, "seen on MNIST"), (-0.5, "not seen")])
@pytest.mark.parametrize("claim", ["learned > scaling", "likelihood"])
def test_the_verdict_follows_the_numbers_of_a_study(monkeypatch, claim, gain, expected):
    def change(row):
        if "learned" in (row.get("variant"), row.get("arm")) and "total" in row:
            row["total"] -= gain
        return row

    monkeypatch.setattr(evidence, "read_results", with_numbers(change))
    assert status(claim) == expected


def test_a_grid_that_costs_more_is_not_seen(monkeypatch):
    def change(row):
        if "grid" in str((row.get("choice"), row.get("grid"))) and "bits" in row:
            row["bits"] += 1
        return row

    monkeypatch.setattr(evidence, "read_results", with_numbers(change))
    assert not evidence.grid_on_mnist().holds
    assert audit.verdict([CLOSED, evidence.grid_on_mnist()]).status == "not seen"


def test_bounds_are_those_with_the_mean_of_the_paper(monkeypatch):
    common = {"part": "bound", "model": "mnist-vdm", "steps": 4, "ratio": "w*"}
    rows = [
        {**common, "scale": "paper", "grid": "equal steps", "bits": 1},
        {**common, "scale": "fitted", "grid": "equal steps", "bits": 2},
        {**common, "scale": "fitted", "grid": "best grid", "bits": 3},
        {**common, "steps": 8, "scale": "paper", "grid": "equal steps", "bits": 4},
    ]
    monkeypatch.setattr(evidence, "read_results", lambda _: {"rows": rows})
    found = evidence.on_mnist("vdm", 4)
    assert {choice: row["bits"] for choice, row in found.items()} == {"w*": 1, "w* and grid": 3}


def test_the_grid_that_is_best_for_the_bound_is_not_best_for_samples():
    times = re.search(r"at least (\d+) times", evidence.samples_of_the_grid()).group(1)
    assert int(times) >= 2


def test_forks_come_before_trainings_from_scratch(monkeypatch, tmp_path):
    arms = (("primary", "learned", 1.0), ("primary", "matched", 1.5), ("control", "vdm", 2.0))
    rows = [
        {"part": part, "arm": arm, "seed": seed, "total": total + seed}
        for seed in range(3)
        for part, arm, total in arms
    ]
    monkeypatch.setattr(evidence, "SHIPPED", tmp_path)
    scratch = evidence.pairs("learned", "VDM")
    assert evidence.rival() == "VDM" and not evidence.from_scratch()
    (tmp_path / "fork.json").touch()
    stored = {"fork": {"rows": rows}, "encoders": read_results("encoders")}
    monkeypatch.setattr(evidence, "read_results", stored.__getitem__)
    assert len(scratch) == 5 and np.allclose(evidence.pairs("learned", "VDM"), -1)
    assert evidence.rival() == "VDM" and "5 pairs from scratch" in evidence.from_scratch()
    assert len(evidence.pairs("learned", "scaling")) == 5  # no fork has it

    each = np.random.default_rng(0).normal(size=10_000)
    changes = {
        f"change_{arm}_{k}": np.zeros(10_000) for arm in ("learned", "vdm") for k in range(3)
    }
    monkeypatch.setattr(evidence, "load_arrays", lambda _: changes)
    assert np.allclose(
        (evidence.paired("learned", "VDM").low, evidence.paired("learned", "VDM").high), -1
    )
    changes |= {f"change_learned_{k}": each for k in range(3)}
    found = evidence.paired("learned", "VDM")
    assert math.isclose(found.high - found.mean, 0.0196, rel_tol=0.03) and "forks" in found.what

    stored["fork"]["rows"] = rows[:-1]  # a control that was not run for all seeds
    assert np.array_equal(evidence.pairs("learned", "VDM"), scratch)
    assert np.allclose(evidence.pairs("learned", "matched"), -0.5)
    assert evidence.rival() == "matched" and evidence.against_a_vdm() is None


def test_the_refuted_law_is_also_judged_as_the_report_that_it_is(monkeypatch):
    for losses, word in ((SHOWN, "seen on MNIST"), (UNSHOWN, "not seen")):
        monkeypatch.setattr(evidence, "paired", lambda *_, losses=losses: losses)
        entry = audit.look("latent loss")
        assert f"as a report on trained networks it is {word}" in audit.table([entry])


# ---- the figures printed in the paper ------------------------------------------------------------


def test_which_reading_of_the_printed_figures_gives_their_p():
    fits = {
        (error, equal): low < 0.035 and high > 0.025
        for error in (False, True)
        for equal in (False, True)
        for low, high in [evidence.p_range(error, equal)]
    }
    assert [reading for reading, fit in fits.items() if fit] == [(True, True)]


def test_other_printed_figures_open_the_claim(monkeypatch):
    monkeypatch.setitem(evidence.PRINTED, "DiffEnc-32-4", (2.620, 0.002))
    monkeypatch.setattr(evidence, "paired", lambda *_: SHOWN)
    assert not evidence.printed_p().holds


# ---- the pictures --------------------------------------------------------------------------------


@pytest.mark.parametrize("findings", [(CLOSED, HIT), (UNSHOWN,), (STANDS, SHOWN), (REFUSED,)])
def test_a_card_shows_the_verdict_and_each_finding(findings):
    claim = audit.CLAIMS[0]
    entry = audit.Entry(claim, findings, audit.verdict(findings))
    card = audit.card(entry)
    assert entry.verdict.status in card.get_suptitle() and claim.name in card.get_suptitle()
    titles = [" ".join(ax.get_title().split()) for ax in card.axes]
    assert titles == [str(finding) for finding in findings]


def test_every_picture_belongs_to_a_claim_and_can_be_drawn():
    from diffenc_lite.course.studies.audit.pictures import PICTURES

    assert PICTURES.keys() <= STATUSES.keys()
    for draw in set(PICTURES.values()):
        _, ax = plots.subplots()
        draw(ax)
        assert ax.has_data() and ax.get_xlabel()
