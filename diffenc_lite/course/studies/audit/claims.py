"""The evidence for each claim of claims.toml, the entries that follow from it, and their table."""

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from . import evidence as of
from .findings import Finding, Verdict, verdict

Evidence = Callable[[], Finding]


@dataclass(frozen=True)
class Claim:
    """What is claimed, in which of EDITIONS it was read, and what would change the verdict.

    note: says what a reader should know beside the verdict.
    """

    name: str
    words: str
    edition: str
    falls: str
    note: str = ""


_DATA = tomllib.loads(Path(__file__).with_name("claims.toml").read_text(encoding="utf-8"))
EDITIONS: dict[str, str] = _DATA["editions"]
THEORY, RESULTS, OURS = (
    tuple(Claim(**row) for row in _DATA[group]) for group in ("theory", "results", "ours")
)
CLAIMS = (*THEORY, *RESULTS, *OURS)

proof, quoted, least = (partial(partial, gather) for gather in (of.proof, of.quoted, of.least))
gap = partial(partial, of.measured)  # a difference of two arms of a study
photographs = partial(partial, of.over_pictures, "learned-2")
limit = proof("L4", of.SMOOTH)

EVIDENCE: dict[str, tuple[Evidence, ...]] = {
    "marginals": (proof("F1"), proof("F2"), proof("F3"), of.two_steps),
    "loss": (proof("L2"), proof("L3"), limit, of.coin_total, of.limit_of_the_loss),
    "counterterm": (proof("X6"), limit, of.order_of_the_left_over),
    "v-form": (proof("G4"), limit, of.residual_by_hand),
    "variance": (proof("W1"), of.tight_in_one_step),
    "w = 1": (proof("W2", "a ratio that does not depend on T"), of.price_of_a_half),
    "weights": (proof("W3", "a fixed gamma"), of.same_gradient),
    "schedule": (
        proof("W4", "prices from some images, between the depths of a fine grid"),
        of.grid_on_mnist,
    ),
    "larger class": (
        proof("X6", "infinite depth, or the folded mean; networks that can be y = x and v_hat'"),
        of.starts_as_a_vdm,
    ),
    "sampling": (
        partial(of.calls_in_sampling, "encoder.network", 0),
        partial(of.calls_in_sampling, "denoiser", 4),
    ),
    "CIFAR-10, large": (of.quoted_p,),
    "split of the gain": (
        quoted("CIFAR-10, large", -0.021),
        quoted("CIFAR-10, large, diffusion", -0.020),
    ),
    "CIFAR-10, small": (quoted("CIFAR-10, small"), quoted("CIFAR-10, small, diffusion")),
    "ImageNet32": (quoted("ImageNet32"),),
    "MNIST": (),
    "digits, forks": (gap("fork", "learned", "matched"), gap("fork", "learned", "vdm")),
    "digits, from scratch": (gap("encoders", "learned", "VDM"),),
    "digits, equal time": (gap("purpose", "learned", "vdm"),),
    "digits, image": (gap("purpose", "learned", "image"),),
    "photographs, forks": (photographs("vdm-2"),),
    "photographs, image": (photographs("image-2"),),
    "photographs, fade": (photographs("fade-2"),),
    "photographs, noise": (of.best_encoder_and_noise,),
    "photographs, affine": (photographs("affine-2"),),
    "latent loss, digits": tuple(
        gap("fork", "learned", "vdm", term) for term in ("prior", "diffusion")
    ),
    "latent loss, equal time": tuple(
        gap("purpose", "learned", "vdm", term) for term in ("prior", "diffusion")
    ),
    "latent loss, photographs": (photographs("vdm-2", "prior"), photographs("vdm-2", "diffusion")),
    "scaling, perfect": (
        proof("X4", "equal marginals and errors"),
        partial(of.scaling_in_a_world, "coin"),
        partial(of.scaling_in_a_world, "Gaussian"),
    ),
    "scaling, trained": (gap("encoders", "scaling", "VDM", "diffusion", "above"),),
    "learned > scaling": (gap("encoders", "learned", "scaling"),),
    "long training": (),
    "length and order": (
        gap("fork", "learned", "image", claimed="above", updates=600),
        gap("fork", "learned", "image", updates=9600),
    ),
    "acts over t": (least("new at t = 1 since 0.6", of.turned, 0.1),),
    "global near the end": (
        least("coarse share, t = 1 less t = 0.6", partial(of.coarser, at=1.0)),
    ),
    "local to global": (least("coarse share, t = 0.8 less t = 0.6", partial(of.coarser, at=0.8)),),
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
    findings = tuple(gather() for gather in EVIDENCE[name])
    return Entry(by_name[name], findings, verdict(findings))


def look_at_all() -> list[Entry]:
    """The whole audit, about 10 seconds."""
    return [look(claim.name) for claim in CLAIMS]


def table(entries: Sequence[Entry]) -> str:
    """The claims table, in Markdown."""
    head = ("claim", "read in", "verdict", "evidence", "would change if")
    lines = ["| " + " | ".join(head) + " |", "|--" * len(head) + "|"]
    for entry in entries:
        claim, status = entry.claim, f"**{entry.verdict.status}**"
        if entry.verdict.status in ("proved under", "argued"):
            status += f" {entry.verdict.because}"
        findings = "; ".join(map(str, entry.findings))
        findings += f" *({claim.note})*" if claim.note else ""
        cells = (f"**{claim.name}.** {claim.words}", claim.edition, status, findings, claim.falls)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)
