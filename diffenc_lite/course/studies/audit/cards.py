"""The evidence of a claim as a picture: last lines of proofs, numbers, intervals."""

from __future__ import annotations

import textwrap

from matplotlib.axes import Axes

from ...show import plots
from .claims import Entry
from .findings import Check, Counterexample, Finding, Measured, Proof

COLOURS = {
    "proved": plots.GREEN,
    "proved under": plots.SKY,
    "checked": plots.BLUE,
    "seen on MNIST": plots.PURPLE,
    "not seen": "0.45",
    "refuted as stated": plots.RED,
    "open": plots.ORANGE,
}


@plots.styled
def card(entry: Entry) -> plots.Picture:
    """One claim: what it says, where, the verdict, and a strip for each finding."""
    n = len(entry.findings)
    figure = plots.Picture(figsize=(10.4, 6.2))
    claim, verdict = entry.claim, entry.verdict
    figure.suptitle(f"{claim.name}: {verdict.status}", x=0.02, y=0.975, ha="left", va="top",
                    color=COLOURS[verdict.status], fontsize=19, weight="bold")  # fmt: skip
    words = [claim.words, f"({claim.place}; rows {claim.tags})", verdict.because]
    lines = [line for part in words for line in textwrap.wrap(part, 105)]
    figure.text(0.02, 0.90, "\n".join(lines), va="top", fontsize=11.5, linespacing=1.35)
    aside = f"Beside it: {entry.beside}. " if entry.beside else ""
    below = textwrap.wrap(f"{aside}What would change the verdict: {claim.changes}", 110)
    figure.text(0.02, 0.02, "\n".join(below), va="bottom", fontsize=10.5, color="0.3")
    grid = figure.add_gridspec(n, 1, left=0.03, right=0.97, top=0.66, bottom=0.15, hspace=1.1)
    for row, finding in enumerate(entry.findings):
        _strip(figure.add_subplot(grid[row]), finding)
    return figure


def _strip(ax: Axes, finding: Finding) -> None:
    """One finding in words, and below them what there is to look at."""
    words = textwrap.shorten(str(finding).partition("; on trust")[0], 108, placeholder=" ...")
    ax.set_title(words, x=0, ha="left", fontsize=11, weight="bold")
    ax.set(yticks=[], ylim=(-1, 1))
    ax.spines[:].set_visible(False)
    ax.grid(False)
    if isinstance(finding, Measured):
        low, high = (min(finding.low, finding.than), max(finding.high, finding.than))
        edge = 0.25 * (high - low)
        ax.set_xlim(low - edge, high + edge)
        side = (
            (low - edge, finding.than)
            if finding.claimed == "below"
            else (finding.than, high + edge)
        )
        ax.axvspan(*side, color=plots.GREEN, alpha=0.15, lw=0)
        ax.axvline(finding.than, color="0.4", lw=1.2, ls="-")
        ax.plot([finding.low, finding.high], [0, 0], color=plots.PURPLE, lw=3, ls="-")
        ax.plot(finding.mean, 0, "D", color=plots.PURPLE, ms=8, mec="white")
        return
    ax.set_xticks([])
    if isinstance(finding, Counterexample):
        ax.set_xlim(0, max(finding.found, 0.01))
        ax.barh(0, finding.found, 0.9, color=plots.RED)
    elif isinstance(finding, Check):
        ax.set_xlim(0, 1)
        ax.text(
            0,
            0,
            f"found {finding.found:.12g}    expected {finding.expected:.12g}",
            va="center",
            family="monospace",
        )
    elif isinstance(finding, Proof) and (line := _in_mathtext(finding.line)):
        ax.set_xlim(0, 1)
        ax.text(0, 0, line, va="center", fontsize=min(15.0, 2600 / len(line)))


def _in_mathtext(line: str) -> str:
    """A line of TeX as matplotlib can draw it, or nothing."""
    from matplotlib.mathtext import MathTextParser

    line = line.replace(r"\mathbb E", r"\mathbb{E}").replace(r"\int\limits", r"\int")
    try:
        MathTextParser("agg").parse(f"${line}$")
    except ValueError:
        return ""
    return f"${line}$"
