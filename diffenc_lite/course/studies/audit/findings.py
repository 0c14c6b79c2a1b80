"""What the evidence for a claim may be, and the rule that makes a verdict of it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Proof:
    """A row of the ledger: does its proof close, what does it say, what does it suppose?"""

    tag: str
    holds: bool
    says: str  # the ledger's own summary, or why it refused
    line: str  # the formula at the end, in TeX
    under: tuple[str, ...] = ()

    def __str__(self) -> str:  # without the names of the forms
        return re.sub(r"proved: .*? in (\d+) steps", r"proved in \1 steps", self.says)


@dataclass(frozen=True)
class Check:
    """A number found, and the one expected: do so many significant digits agree?"""

    what: str
    found: float
    expected: float
    digits: float  # infinite: they must be equal

    @property
    def holds(self) -> bool:
        return abs(self.found - self.expected) <= 10.0**-self.digits * abs(self.expected)

    def __str__(self) -> str:
        if self.holds:
            return f"{self.what}: {self.expected:.{min(self.digits, 7)}g}, {exactness(self.digits)}"
        return f"{self.what}: {self.found:.7g} in place of {self.expected:.7g}"


@dataclass(frozen=True)
class Measured:
    """A mean with its 95 % interval: does all of it lie on the side that is claimed?"""

    what: str
    mean: float
    low: float
    high: float
    claimed: str  # "below" or "above" ...
    than: float = 0.0

    @property
    def holds(self) -> bool:
        return self.high < self.than if self.claimed == "below" else self.low > self.than

    def __str__(self) -> str:
        return (
            f"{self.what}: {self.mean:+.4f} ({self.low:+.4f} to {self.high:+.4f}), "
            f"claimed {self.claimed} {self.than:g}"
        )


@dataclass(frozen=True)
class Counterexample:
    """A case in which the claim allows `most`, and the exact value is `found`."""

    what: str
    found: float
    most: float

    @property
    def stands(self) -> bool:
        return self.found > self.most + 1e-6

    def __str__(self) -> str:
        return f"{self.what}: {self.found:.6f}, claimed at most {self.most:g}"


def exactness(digits: float) -> str:
    """6 -> to 6 digits"""
    return f"to {digits} digits" if math.isfinite(digits) else "exactly"


Finding = Proof | Check | Measured | Counterexample


@dataclass(frozen=True)
class Verdict:
    """A status, and what belongs to it: the conditions, the digits, the interval, the reason."""

    status: str
    because: str = ""

    def __str__(self) -> str:
        return self.status + (f": {self.because}" if self.because else "")


def verdict(findings: Sequence[Finding]) -> Verdict:
    """What the findings say about a claim: the first of these rules that applies."""
    for case in findings:
        if isinstance(case, Counterexample) and case.stands:
            return Verdict("refuted as stated", str(case))
    for failed in findings:
        if isinstance(failed, Proof | Check) and not failed.holds:
            return Verdict("open", str(failed))
    measured = [found for found in findings if isinstance(found, Measured)]
    for unseen in measured:
        if not unseen.holds:
            return Verdict("not seen", str(unseen))
    if proofs := [found for found in findings if isinstance(found, Proof)]:
        under = [condition for proof in proofs for condition in proof.under]
        return Verdict("proved under", "; ".join(under)) if under else Verdict("proved")
    if measured:
        return Verdict("seen on MNIST", "; ".join(map(str, measured)))
    if checks := [found for found in findings if isinstance(found, Check)]:
        return Verdict("checked", exactness(min(check.digits for check in checks)))
    return Verdict("open", "there is no evidence")
