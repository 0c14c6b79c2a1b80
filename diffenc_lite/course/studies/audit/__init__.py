"""The audit of the paper: its claims as data, the evidence as functions, one rule for the verdicts.

    from diffenc_lite.course.studies import audit

    entry = audit.look("weights")  # gathers the evidence of one claim and decides
    print(entry.verdict, *entry.findings, sep="\\n")
    print(audit.table(audit.look_at_all()))

`verdict` decides from the findings and from nothing else. So whoever changes a formula, a world, a
file of results or a quoted figure changes the table; `break_it(name)` does so for each claim that
has evidence.
"""

from . import evidence
from .breaks import BREAKS, break_it
from .claims import CLAIMS, EDITIONS, OURS, RESULTS, THEORY, look, look_at_all, table
from .evidence import QUOTED, READINGS
from .findings import Check, Counterexample, Measured, Proof, Quoted, across, verdict

__all__ = [
    "BREAKS", "CLAIMS", "EDITIONS", "OURS", "QUOTED", "READINGS", "RESULTS", "THEORY", "Check",
    "Counterexample", "Measured", "Proof", "Quoted", "across", "break_it", "evidence", "look",
    "look_at_all", "table", "verdict",
]  # fmt: skip
