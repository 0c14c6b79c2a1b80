"""The evidence of a claim as a picture: last lines of proofs, numbers, intervals."""

from __future__ import annotations

import textwrap

from matplotlib.axes import Axes
from matplotlib.mathtext import MathTextParser

from ...show import plots
from .claims import Entry
from .findings import Check, Counterexample, Finding, Measured, Proof
from .pictures import PICTURES

COLOURS = {
    "proved": plots.GREEN,
    "proved under": plots.GREEN,
    "checked": plots.BLUE,
    "seen on MNIST": plots.PURPLE,
    "not seen": "0.45",
    "refuted as stated": plots.RED,
    "open": plots.ORANGE,
}


@plots.styled
def card(entry: Entry) -> plots.Picture:
    """One claim: what it says, where, the verdict, a strip for each finding, and a picture."""
    figure = plots.Picture(figsize=(10.4, 6.0))
    claim, verdict = entry.claim, entry.verdict
    figure.suptitle(f"{claim.name}: {verdict.status}", x=0.02, y=0.975, ha="left", va="top",
                    color=COLOURS[verdict.status], fontsize=19, weight="bold")  # fmt: skip
    words = [claim.words, f"({claim.place}; rows {claim.tags})"]
    if verdict.status == "proved under":
        words.append(f"Condition: {verdict.because}")
    above = [line for part in words for line in textwrap.wrap(part, 105)]
    figure.text(0.02, 0.90, "\n".join(above), va="top", fontsize=11.5, linespacing=1.35)
    aside = f"Beside it: {entry.beside}. " if entry.beside else ""
    below = textwrap.wrap(f"{aside}What would change the verdict: {claim.changes}.", 125)
    figure.text(0.02, 0.02, "\n".join(below), va="bottom", fontsize=10.5, color="0.3")
    draw = PICTURES.get(claim.name)
    height = min(0.14, 0.56 / len(entry.findings))
    for row, finding in enumerate(entry.findings):
        place = (0.03, 0.70 - (row + 0.55) * height, 0.57 if draw else 0.93, 0.3 * height)
        _strip(figure.add_axes(place), finding)
    if draw:
        ax = figure.add_axes((0.73, 0.25, 0.25, 0.43))
        draw(ax)
        if ax.get_legend_handles_labels()[1]:
            ax.legend(fontsize=10)
    return figure


def _strip(ax: Axes, finding: Finding) -> None:
    """One finding in words, and below them what there is to look at."""
    words = textwrap.fill(str(finding).partition("; on trust")[0], 74)
    ax.set_title(words, x=0, ha="left", fontsize=10, weight="bold")
    ax.set(yticks=[], ylim=(-1, 1))
    ax.spines[:].set_visible(False)
    ax.grid(False)
    if isinstance(finding, Measured):
        low, high = min(finding.low, finding.than), max(finding.high, finding.than)
        edges = (low - 0.25 * (high - low), high + 0.25 * (high - low))
        side = (edges[0], finding.than) if finding.claimed == "below" else (finding.than, edges[1])
        ax.set_xlim(edges)
        ax.axvspan(*side, color=plots.GREEN, alpha=0.15, lw=0)
        ax.axvline(finding.than, color="0.4", lw=1.2, ls="-")
        ax.plot([finding.low, finding.high], [0, 0], color=plots.PURPLE, lw=3, ls="-")
        ax.plot(finding.mean, 0, "D", color=plots.PURPLE, ms=8, mec="white")
        ax.tick_params(labelsize=9)
        return
    ax.set(xticks=[], xlim=(0, 1))
    if isinstance(finding, Counterexample):
        ax.set_xlim(0, max(finding.found, 0.06))
        ax.barh(0, finding.found, 1.2, color=plots.RED)
    elif isinstance(finding, Check):
        text = f"found {finding.found:.9g}    expected {finding.expected:.9g}"
        ax.text(0, 0, text, va="center", family="monospace")
    elif isinstance(finding, Proof) and (line := _in_mathtext(finding.line)):
        ax.text(0, 0, line, va="center", fontsize=min(15.0, 1600 / len(line)))


def _in_mathtext(line: str) -> str:
    """A line of TeX as matplotlib can draw it, or nothing."""
    line = line.replace(r"\mathbb E", r"\mathbb{E}").replace(r"\int\limits", r"\int")
    try:
        MathTextParser("agg").parse(f"${line}$")
    except ValueError:
        return ""
    return f"${line}$"
