"""The evidence for each claim of claims.toml, the entries that follow from it, and their table."""

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from . import evidence as of
from .findings import Finding, Verdict, verdict

Evidence = Callable[[], Finding | None]  # None: nothing is stored


@dataclass(frozen=True)
class Claim:
    """What is claimed; where, and in which of EDITIONS it was read; what would change the verdict.

    note: says what a reader should know beside the verdict.
    """

    name: str
    words: str
    place: str
    edition: str
    falls: str
    note: str = ""


_DATA = tomllib.loads(Path(__file__).with_name("claims.toml").read_text(encoding="utf-8"))
EDITIONS: dict[str, str] = _DATA["editions"]
THEORY, RESULTS, OURS = (
    tuple(Claim(**row) for row in _DATA[group]) for group in ("theory", "results", "ours")
)
CLAIMS = (*THEORY, *RESULTS, *OURS)

limit = partial(of.proof, "L4", of.SMOOTH)
gap = partial(partial, of.measured)  # a difference of two arms of a study
photographs = partial(gap, "purpose", "learned", "image", data="photos")

EVIDENCE: dict[str, tuple[Evidence, ...]] = {
    "marginals": (*(partial(of.proof, tag) for tag in ("F1", "F2", "F3")), of.two_steps),
    "loss": (
        *(partial(of.proof, "L2"), partial(of.proof, "L3"), limit),
        *(of.coin_total, of.limit_of_the_loss),
    ),
    "counterterm": (partial(of.proof, "X6"), limit, of.order_of_the_left_over),
    "v-form": (partial(of.proof, "G4"), limit, of.residual_by_hand),
    "variance": (partial(of.proof, "W1", of.AVERAGES), of.tight_in_one_step),
    "w = 1": (partial(of.proof, "W2", of.AVERAGES), of.price_of_a_half),
    "weights": (partial(of.proof, "W3", "a fixed gamma"), of.same_gradient),
    "schedule": (
        partial(of.proof, "W4", "prices from some images, between the depths of a fine grid"),
        of.grid_on_mnist,
    ),
    "larger class": (
        partial(of.proof, "X6", "infinite depth, or the folded mean"),
        of.starts_as_a_vdm,
    ),
    "sampling": (
        partial(of.calls_in_sampling, "encoder.network", 0),
        partial(of.calls_in_sampling, "denoiser", 4),
    ),
    "CIFAR-10, large": (of.printed_p,),
    "CIFAR-10, small": (partial(of.printed, "CIFAR-10, small"),),
    "ImageNet32": (partial(of.printed, "ImageNet32"),),
    "MNIST": (partial(of.printed, "MNIST"),),
    "samples": (partial(of.printed, "FID"),),
    "digits, forks": (gap("fork", "learned", "matched"), gap("fork", "learned", "vdm")),
    "digits, from scratch": (gap("encoders", "learned", "VDM"),),
    "digits, equal time": (gap("purpose", "learned", "image", data="mnist"),),
    "photographs, equal time": (photographs(),),
    "latent loss, digits": tuple(
        gap("fork", "learned", "vdm", term) for term in ("prior", "diffusion")
    ),
    "latent loss, photographs": (photographs("prior"), photographs("diffusion")),
    "scaling, perfect": (
        partial(of.proof, "X4", "equal marginals and errors"),
        partial(of.scaling_in_a_world, "coin"),
        partial(of.scaling_in_a_world, "Gaussian"),
    ),
    "scaling, trained": (gap("encoders", "scaling", "VDM", "diffusion", "above"),),
    "learned > scaling": (gap("encoders", "learned", "scaling"),),
    "long training": (gap("fork", "learned", "matched", claimed="above", updates=300),),
    "length and order": (
        gap("fork", "learned", "image", claimed="above", updates=600),
        gap("fork", "learned", "image", updates=9600),
    ),
    "acts over t": (partial(of.least, "new at t = 1 since 0.6", of.turned, 0.1),),
    "local to global": (partial(of.least, "coarse share, t = 1 less t = 0.6", of.coarser),),
}


@dataclass(frozen=True)
class Entry:
    """A claim, what was found, and the verdict."""

    claim: Claim
    findings: tuple[Finding, ...]
    verdict: Verdict


def look(name: str) -> Entry:
    """Gather the evidence of one claim, now, and decide. Raises KeyError for another name."""
    by_name = {claim.name: claim for claim in CLAIMS}
    if name not in by_name:
        raise KeyError(f"name must be one of {', '.join(by_name)}; got {name!r}")
    gathered = (gather() for gather in EVIDENCE[name])
    findings = tuple(finding for finding in gathered if finding is not None)
    return Entry(by_name[name], findings, verdict(findings))


def look_at_all() -> list[Entry]:
    """The whole audit, about 10 seconds."""
    return [look(claim.name) for claim in CLAIMS]


def table(entries: Sequence[Entry]) -> str:
    """The claims table, in Markdown."""
    head = ("claim", "where", "read in", "verdict", "evidence", "would change if")
    lines = ["| " + " | ".join(head) + " |", "|--" * len(head) + "|"]
    for entry in entries:
        claim, status = entry.claim, f"**{entry.verdict.status}**"
        if entry.verdict.status == "proved under":
            status += f" {entry.verdict.because}"
        findings = "; ".join(map(str, entry.findings))
        findings += f" *({claim.note})*" if claim.note else ""
        words = f"**{claim.name}.** {claim.words}"
        cells = (words, claim.place, claim.edition, status, findings, claim.falls)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)
