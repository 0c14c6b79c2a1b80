"""The evidence for each claim of claims.toml, the entries that follow from it, and their table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from . import evidence as of
from .findings import Finding, Verdict, across

Evidence = Callable[[], Finding]


@dataclass(frozen=True)
class Claim:
    """What is claimed, in which of EDITIONS it was read, and what would change the verdict.

    words: with figures of QUOTED in braces; note: what a reader should know beside the verdict;
    varied: what differs between the settings in which the claim is tested, if there are several.
    """

    name: str
    words: str
    edition: str
    falls: str
    note: str = ""
    varied: str = ""


EDITIONS: dict[str, str] = of.DATA["editions"]
THEORY, RESULTS, OURS = (
    tuple(Claim(**row) for row in of.DATA[group]) for group in ("theory", "results", "ours")
)
CLAIMS = (*THEORY, *RESULTS, *OURS)

proof, same, least = (partial(partial, gather) for gather in (of.proof, of.no_gain, of.least))
gap = partial(partial, of.measured)  # a difference of two arms of a study
photographs = partial(partial, of.over_pictures, "learned-2")
limit, LOSSES = proof("L4 loss", of.SMOOTH), ("prior", "diffusion")

EVIDENCE: dict[str, tuple[Evidence, ...] | dict[str, tuple[Evidence, ...]]] = {
    "marginals": (proof("F1"), proof("F2"), proof("F3"), of.two_steps),
    "loss": (proof("L2"), proof("L3"), limit, of.coin_total, of.limit_of_the_loss),
    "counterterm": (
        proof("X6 second_order"),
        proof("L4 residual_E2"),
        of.order_of_the_left_over,
    ),
    "v-form": (proof("G4"), limit, of.residual_by_hand),
    "variance": (proof("W1 average variance least"), of.tight_in_one_step),
    "w = 1": (proof("W2 excess root", "a ratio that does not depend on T"), of.price_of_a_half),
    "weights": (proof("W3 constant gradient", "a fixed schedule"), of.same_gradient),
    "schedule": (proof("W4", "prices of some images, paths on a fine grid"), of.grid_on_mnist),
    "larger class": (
        proof(
            "X6 residual_E3 folded_E3",
            "infinite depth or the folded mean; networks that hold this $y$ and a scaled VDM",
        ),
        of.starts_as_a_vdm,
    ),
    "sampling": (
        partial(of.calls_in_sampling, "encoder.network", 0),
        partial(of.calls_in_sampling, "denoiser", 4),
    ),
    "CIFAR-10, large": (of.quoted_p,),
    "split of the gain": (same("CIFAR-10, large", "CIFAR-10, large, diffusion"),),
    "CIFAR-10, small": (same("CIFAR-10, small"), same("CIFAR-10, small, diffusion")),
    "ImageNet32": (same("ImageNet32"),),
    "likelihood": {
        "digits at equal updates": (
            gap("fork", "learned", "matched"),
            gap("fork", "learned", "vdm"),
        ),
        "digits at equal time": (gap("purpose", "learned", "vdm"),),
        "photographs": (photographs("vdm-2"),),
    },
    "from scratch": (
        gap("encoders", "learned", "VDM"),
        gap("encoders", "learned", "scaling"),
        gap("encoders", "scaling", "VDM", "diffusion", "above"),
    ),
    "one image": {
        "digits at equal time": (gap("purpose", "learned", "image"),),
        "digits after 600 updates": (gap("fork", "learned", "image", updates=600),),
        "digits after 9600 updates": (gap("fork", "learned", "image", updates=9600),),
        "photographs": (photographs("image-2"),),
    },
    "simpler rivals": {
        "one number": (photographs("fade-2"),),
        "an affine encoder": (photographs("affine-2"),),
        "longer noise": (of.best_encoder_and_noise,),
    },
    "latent loss": {
        "digits at equal updates": tuple(gap("fork", "learned", "vdm", term) for term in LOSSES),
        "digits at equal time": tuple(gap("purpose", "learned", "vdm", term) for term in LOSSES),
        "photographs": tuple(photographs("vdm-2", term) for term in LOSSES),
    },
    "scaling, perfect": (
        proof("X4 ratio excess", "equal errors"),
        partial(of.scaling_in_a_world, "coin"),
        partial(of.scaling_in_a_world, "Gaussian"),
    ),
    "long training": (),
    "acts over t": (least("new at t = 1 since 0.6", of.turned, 0.1),),
    "global near the end": (
        least("coarse share, t = 1 less t = 0.6", partial(of.coarser, start=0.6, end=1.0)),
    ),
    "local to global": {
        f"t = {a} to {b}": (
            least(f"coarse share, t = {b} less t = {a}", partial(of.coarser, start=a, end=b)),
        )
        for a, b in ((0.6, 0.8), (0.7, 0.9))
    },
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
    evidence, claim = EVIDENCE[name], by_name[name]
    settings = evidence if isinstance(evidence, dict) else {"": evidence}
    found = {setting: tuple(test() for test in tests) for setting, tests in settings.items()}
    return Entry(claim, sum(found.values(), ()), across(claim.varied, found))


def look_at_all() -> list[Entry]:
    """The whole audit, about 10 seconds."""
    return [look(claim.name) for claim in CLAIMS]


def table(entries: Sequence[Entry]) -> str:
    """The claims and their verdicts in Markdown, the evidence in a fold beneath."""
    verdicts, evidence = [], []
    for entry in entries:
        claim, status = entry.claim, f"**{entry.verdict.status}**"
        if entry.verdict.status.startswith(("proved under", "depends")):
            status += f" {entry.verdict.because}"
        words = claim.words.format_map(of.QUOTED)
        verdicts.append((f"**{claim.name}.** {words}", claim.edition, status))
        findings = "; ".join(map(str, entry.findings))
        findings += f" *({claim.note})*" if claim.note else ""
        if entry.verdict.status == "argued":
            findings += f"; in words or assumed: {entry.verdict.because}"
        evidence.append((claim.name, findings, claim.falls))
    summary = "<summary>The evidence, row by row, and what would change a verdict</summary>"
    folded = _rows(("claim", "evidence", "would change if"), evidence)
    shown = _rows(("claim", "read in", "verdict"), verdicts)
    return f"{shown}\n\n<details>{summary}\n\n{folded}\n\n</details>"


def _rows(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|--" * len(head) + "|"]
    for row in rows:
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |")
    return "\n".join(lines)
