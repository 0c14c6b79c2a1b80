"""The audit of the paper: its claims as data, the evidence as functions, one rule for the verdicts.

    from diffenc_lite.course.studies import audit

    entry = audit.look("weights")  # gathers the evidence of one claim and decides
    print(entry.verdict, *entry.findings, sep="\\n")
    print(audit.table(audit.look_at_all()))

`verdict` decides from the findings and from nothing else. So whoever changes a formula, a world or
a file of results changes the table.
"""

from . import evidence
from .cards import COLOURS, card
from .claims import CLAIMS, Claim, Entry, look, look_at_all, table
from .findings import Check, Counterexample, Finding, Measured, Proof, Verdict, verdict

__all__ = [
    "CLAIMS",
    "COLOURS",
    "Check",
    "Claim",
    "Counterexample",
    "Entry",
    "Finding",
    "Measured",
    "Proof",
    "Verdict",
    "card",
    "evidence",
    "look",
    "look_at_all",
    "table",
    "verdict",
]
