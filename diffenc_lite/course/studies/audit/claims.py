"""What the paper claims, in our words, with the evidence for each claim; the table of verdicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from . import evidence as of
from .findings import Finding, Verdict, verdict


@dataclass(frozen=True)
class Claim:
    """What the paper says, in our words; where; the rows of the ledger; what would change our mind.

    beside: says what the verdict does not rest on, but a reader should know.
    """

    name: str
    words: str
    place: str
    tags: str
    evidence: tuple[Callable[[], Finding | None], ...]  # None: nothing comparable is stored
    changes: str
    beside: Callable[[], str] | None = None


CLAIMS: tuple[Claim, ...] = (
    Claim(
        "marginals",
        "The encoder process has the marginals q(z_t|x) = N(alpha_t x_t, sigma_t^2 I).",
        "Section 3 and its appendix",
        "F1, F2, F3",
        (
            partial(of.proof, "F1", "mean"),
            partial(of.proof, "F2", "mean"),
            partial(of.proof, "F3", "mean"),
            of.two_steps,
        ),
        "a z_t, drawn by way of z_s, with another mean or variance",
    ),
    Claim(
        "loss",
        "The encoder changes the diffusion loss; with ever more steps it becomes an integral.",
        "Section 3",
        "L2, L3, L4",
        (
            partial(of.proof, "L2", "one_dimension"),
            partial(of.proof, "L3", "step"),
            partial(of.proof, "L4", "integrand", of.SMOOTH),
            of.coin_total,
            of.limit_of_the_loss,
        ),
        "a network or an encoder, outside of these conditions, for which sum and integral differ",
    ),
    Claim(
        "counterterm",
        "For the scaling encoder the counterterm cancels the movement exactly in the limit.",
        "Section 4",
        "X6, L4, G5",
        (
            partial(of.proof, "X6", "left_over_E2"),
            partial(of.proof, "L4", "residual_E2", of.SMOOTH),
            partial(of.proof, "G5", "G3_limit"),
            of.order_of_the_left_over,
        ),
        "a term of first order in the length of a step that is left over",
        of.counterterm_at_few_steps,
    ),
    Claim(
        "v-form",
        "The loss of every encoder can be written with a network that predicts v.",
        "Section 4",
        "G4, L4",
        (
            partial(of.proof, "G4", "error"),
            partial(of.proof, "L4", "residual_E3", of.SMOOTH),
            of.residual_by_hand,
        ),
        "an encoder for which L4 needs more of the network than v_hat",
    ),
    Claim(
        "variance",
        "The best variance of a generative step is sigma_Q^2 + E||mu_P - mu_Q||^2/d.",
        "Section 3; Appendix F",
        "W1",
        (partial(of.proof, "W1", "variance"), of.tight_in_one_step),
        "nothing, for one variance for all data and pixels; with more freedom W5 and W6 are better",
    ),
    Claim(
        "w = 1",
        "With infinitely many steps a fixed ratio of the two variances must be 1.",
        "Section 3, Infinite-depth limit; Appendix G",
        "W2",
        (partial(of.proof, "W2", "linear"), of.price_of_a_half),
        "a fixed w other than 1 whose bound stays finite",
    ),
    Claim(
        "weights",
        "At finite depth a weighted diffusion loss is the ELBO of a model with other variances.",
        "abstract; Section 3",
        "W3",
        (partial(of.proof, "W3", "gradient", of.FIXED), of.same_gradient),
        "a weight that depends on the data or on what is trained",
    ),
    Claim(
        "schedule",
        "At finite depth the ELBO can choose a noise schedule for inference.",
        "abstract",
        "W4",
        (partial(of.proof, "W4", "three", of.TABLE), of.grid_on_mnist),
        "a cheaper grid with as many steps; for samples, a measure by which this grid is not worse",
        of.samples_of_the_grid,
    ),
    Claim(
        "latent loss",
        "As a law: an encoder gets a better latent loss without harm to the diffusion loss.",
        "README of the paper's code; Section 5 (there a report on a trained encoder)",
        "X3, X5",
        (
            of.any_encoder_must_pay,
            of.coin_moves_money,
            partial(of.proof, "X5", "advantage"),
        ),
        "as a law, nothing; as a report, other pairs of trained networks",
        of.latent_loss_as_a_report,
    ),
    Claim(
        "learned > scaling",
        "The learned encoder is better than the scaling one (the paper: CIFAR-10; here: MNIST).",
        "Section 5, Table 3",
        "X4",
        (partial(of.paired, "learned", "scaling"),),
        "pairs whose interval says otherwise; for CIFAR-10, pairs that are trained on it",
    ),
    Claim(
        "likelihood",
        "The learned encoder improves the likelihood (the paper: CIFAR-10, p = 0.03; here: MNIST).",
        "abstract; Section 5, Table 1",
        "X5",
        (
            partial(of.paired, "learned", "matched"),
            of.against_a_vdm,
            of.printed_p,
        ),
        "pairs whose intervals say otherwise; for CIFAR-10, pairs that are trained on it",
        of.other_pairs,
    ),
    Claim(
        "acts over t",
        "The encoder does different things at different depths.",
        "Section 5, Figure 2",
        "X7",
        (of.acts_differently, of.scaling_does_not),
        "a trained encoder whose change is the same at all depths, but for the factor",
    ),
    Claim(
        "sampling",
        "Sampling costs nothing extra: the encoder is not used.",
        "Section 1",
        "G3",
        (
            partial(of.calls_in_sampling, "encoder.network", 0),
            partial(of.calls_in_sampling, "denoiser", 4),
        ),
        "a sampler that needs x_t",
        of.costs,
    ),
)


@dataclass(frozen=True)
class Entry:
    """A claim, what was found, and the verdict."""

    claim: Claim
    findings: tuple[Finding, ...]
    verdict: Verdict
    beside: str = ""


def look(name: str) -> Entry:
    """Gather the evidence of one claim, now, and decide. Raises KeyError for another name."""
    by_name = {claim.name: claim for claim in CLAIMS}
    if name not in by_name:
        raise KeyError(f"name must be one of {', '.join(by_name)}; got {name!r}")
    claim = by_name[name]
    findings = tuple(found for evidence in claim.evidence if (found := evidence()) is not None)
    return Entry(claim, findings, verdict(findings), claim.beside() if claim.beside else "")


def look_at_all() -> list[Entry]:
    """The whole audit, about 10 seconds."""
    return [look(claim.name) for claim in CLAIMS]


def table(entries: Sequence[Entry]) -> str:
    """The claims table, in Markdown."""
    head = ("", "claim", "where", "rows", "verdict", "evidence", "what would change it")
    lines = ["| " + " | ".join(head) + " |", "|--" * len(head) + "|"]
    for number, entry in enumerate(entries, start=1):
        claim = entry.claim
        status = f"**{entry.verdict.status}** {entry.verdict.because}"
        found = "; ".join(str(finding).partition("; ")[0] for finding in entry.findings)
        found += f"; beside it: {entry.beside}" if entry.beside else ""
        cells = (str(number), claim.words, claim.place, claim.tags, status, found, claim.changes)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)
