"""What the evidence for a claim may be, and the rule that makes a verdict of it."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...ledger import weakest


@dataclass(frozen=True)
class Proof:
    """A row of the ledger: does its proof close, what does it say, what does it suppose?"""

    row: str  # its tag, and the forms that the claim needs, if not all
    holds: bool
    says: str  # the ledger's own summary, or why it refused
    word: str = "proved"  # the ledger's, of these forms
    under: tuple[str, ...] = ()
    argued: tuple[str, ...] = ()  # what the ledger says is argued, not proved

    def __str__(self) -> str:  # how long the proof is; not the names of its forms
        steps = re.search(r"(\d+) steps", self.says)
        tag, *forms = self.row.split()
        named = f"{tag} ({', '.join(forms)})" if forms else tag
        return f"{named}: {steps[1]} steps" if self.holds and steps else self.says


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
        if not self.holds:
            return f"{self.what}: {self.found:.7g} in place of {self.expected:.7g}"
        exact = f"to {self.digits} digits" if math.isfinite(self.digits) else "exactly"
        return f"{self.what}: {self.expected:.{min(self.digits, 7)}g}, {exact}"


@dataclass(frozen=True)
class Measured:
    """A mean with its 95 % interval: does all of it lie on the side that is claimed?"""

    what: str
    mean: float
    low: float
    high: float
    claimed: str = "below"  # or "above" ...
    than: float = 0.0

    @property
    def holds(self) -> bool:
        return self.high < self.than if self.claimed == "below" else self.low > self.than

    @property
    def opposite(self) -> bool:
        """All of it lies on the other side."""
        return self.low > self.than if self.claimed == "below" else self.high < self.than

    def __str__(self) -> str:
        interval = f" ({self.low:+.4f} to {self.high:+.4f})" if self.low < self.high else ""
        return f"{self.what}: {self.mean:+.4f}{interval}, claimed {self.claimed} {self.than:g}"


@dataclass(frozen=True)
class Quoted:
    """What figures quoted from the paper allow, as they are rounded: is what is said in it?"""

    what: str
    low: float
    high: float
    said: float

    @property
    def holds(self) -> bool:
        return self.low <= self.said <= self.high

    def __str__(self) -> str:
        place = "in" if self.holds else "not in"
        return f"{self.what}: {self.said:g} is {place} {self.low:.3f} to {self.high:.3f}"


@dataclass(frozen=True)
class Counterexample:
    """A case in which the claim allows at most 0, and the exact value is `found`."""

    what: str
    found: float

    @property
    def holds(self) -> bool:
        """Of the claim: the case does not refute it."""
        return self.found <= 1e-6

    def __str__(self) -> str:
        return f"{self.what}: {self.found:.5f}, claimed at most 0"


Finding = Proof | Check | Measured | Quoted | Counterexample


@dataclass(frozen=True)
class Verdict:
    """A status, and what belongs to it: a condition, or the test that failed."""

    status: str
    because: str = ""

    def __str__(self) -> str:
        return self.status + (f": {self.because}" if self.because else "")


def verdict(findings: Sequence[Finding]) -> Verdict:
    """What all tests of a claim together say: the first of these rules that applies."""
    if not findings:
        return Verdict("not tested")
    failed = [found for found in findings if not found.holds]
    for kinds, status in ((Counterexample, "refuted"), (Proof | Check | Quoted, "open")):
        for found in failed:
            if isinstance(found, kinds):
                return Verdict(status, str(found))
    measured = [found for found in failed if isinstance(found, Measured)]
    if opposite := [found for found in measured if found.opposite]:
        return Verdict("opposite here", str(opposite[0]))
    if measured:
        return Verdict("not seen here", str(measured[0]))
    if proofs := [found for found in findings if isinstance(found, Proof)]:
        under = dict.fromkeys(condition for proof in proofs for condition in proof.under)
        word = weakest(proof.word for proof in proofs)
        if argued := dict.fromkeys(words for proof in proofs for words in proof.argued):
            return Verdict(word, "; ".join((*argued, *under)))
        return Verdict(f"{word} under", "; ".join(under)) if under else Verdict(word)
    for kind, status in ((Measured, "seen here"), (Check, "checked"), (Quoted, "as quoted")):
        if any(isinstance(found, kind) for found in findings):
            return Verdict(status)
    return Verdict("not refuted")


def across(varied: str, settings: Mapping[str, Sequence[Finding]]) -> Verdict:
    """What tests in several set-ups, or by several measures, say: which of the two, in `varied`."""
    kept = [name for name, found in settings.items() if all(test.holds for test in found)]
    if 0 < len(kept) < len(settings):
        lost = [name for name in settings if name not in kept]
        return Verdict(f"depends on the {varied}", f"yes: {', '.join(kept)}; no: {', '.join(lost)}")
    return verdict([test for found in settings.values() for test in found])
