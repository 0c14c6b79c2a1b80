"""Pictures of lesson 14: how a claim is tested, verdicts, the quoted p, two losses."""

import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from .blueprint import SAID
from .drawing import COLOURS, arrow, box, canvas, words
from .plots import BLACK, BLUE, GREEN, PURPLE, RED, SKY, Picture, apart, subplots

STATUS = {
    **SAID,  # the colours of the ledger's words
    "proved under": SAID["proved"],
    "checked": BLUE,
    "seen here": PURPLE,
    "as quoted": SKY,
    "not seen here": "#c9a800",
    "opposite here": RED,
    "depends on the set-up": "#8a5a00",
    "depends on the depths": "#8a5a00",
    "not tested": "0.6",
    "open": "0.35",
    "refuted": RED,
}


def how_a_claim_is_tested() -> Picture:
    """A claim goes through all of its tests, each of which can fail, and one rule decides."""
    figure, ax = canvas(8, 4)
    box(ax, (0.8, 2), "claim", BLACK, 1.2)
    tests = {
        "proof": ("the ledger", GREEN),
        "check": ("an exact number", BLUE),
        "measured": ("a study", PURPLE),
        "quoted": ("readers' figures", SKY),
        "counterexample": ("an exact case", RED),
    }
    for row, (name, (source, colour)) in enumerate(tests.items()):
        y = 3.6 - 0.8 * row
        box(ax, (3.1, y), f"{name}\n{source}", colour, 2.0, 0.64)
        arrow(ax, (1.42, 2), (2.05, y), "", "0.6")
        arrow(ax, (4.15, y), (5.15, 2 + 0.1 * (2 - row)), "", "0.6")
    box(ax, (5.75, 2), "one rule", BLACK, 1.15)
    arrow(ax, (6.35, 2), (6.75, 2))
    words(ax, (7.35, 2), "verdict", BLACK, 15, weight="bold")
    words(ax, (6.7, 0.35), "break a test:\nthe verdict must change", BLACK, 13)
    arrow(ax, (5.55, 0.25), (4.2, 0.25))
    return figure


def _pill(ax: Axes, x: float, y: float, status: str) -> None:
    text = {"boxstyle": "round,pad=0.25", "fc": STATUS[status], "alpha": 0.25, "ec": "none"}
    words(ax, (x, y), status, BLACK, 11, bbox=text)


def verdicts(groups: Mapping[str, Mapping[str, str]]) -> Picture:
    """The claims of each group, their statuses as coloured labels; the last group on the right."""
    *stacked, right = groups.items()
    columns = (stacked, [right])
    rows = max(sum(len(group) + 1 for _, group in column) for column in columns)
    figure, ax = canvas(8, 0.2 + 0.36 * rows)
    for left, column in zip((0.1, 4.0), columns, strict=True):
        y = 0.36 * rows
        for title, group in column:
            words(ax, (left, y), title, BLACK, 14, ha="left", weight="bold")
            for row, (name, status) in enumerate(group.items(), start=1):
                words(ax, (left, y - 0.36 * row), name, BLACK, 12.5, ha="left")
                _pill(ax, left + (2.4 if left < 1 else 3.0), y - 0.36 * row, status)
            y -= 0.36 * (len(group) + 1)
    return figure


def readings(
    ranges: Mapping[str, tuple[float, float, float]],
    quoted: tuple[float, float],
    fits: Collection[str],
) -> Picture:
    """The p values that rounded figures allow, a bar each; diamond: as they stand."""
    figure, ax = subplots(size=(8, 3.9))
    for row, (name, (low, as_is, high)) in enumerate(ranges.items()):
        colour = GREEN if name in fits else "0.6"
        ax.plot([low, high], [row, row], color=colour, lw=7, ls="-", solid_capstyle="butt")
        ax.plot(as_is, row, "D", color=BLACK, ms=6)
    ax.axvspan(*quoted, color=RED, alpha=0.2, lw=0)
    ax.text(quoted[1], -0.9, " quoted p", color=RED, va="center")
    ax.set(yticks=range(len(ranges)), yticklabels=list(ranges), ylim=(len(ranges) - 0.5, -1.4))
    ax.set(xlabel="p", title="Diamonds: as the figures stand; bars: what rounding allows")
    return figure


def two_groups(means: Sequence[float], errors: Sequence[float], title: str) -> Picture:
    """Runs with and without the encoder: their means, one standard error each way."""
    figure, ax = subplots(size=(8, 2.6))
    colours = (COLOURS["identity"], COLOURS["learned"])
    for row, (mean, error, name) in enumerate(zip(means, errors, ("VDM", "DiffEnc"), strict=True)):
        ax.errorbar(mean, row, xerr=error, fmt="D", color=colours[row], capsize=6, lw=3, ls="none")
        ax.text(mean, row - 0.3, name, color=colours[row], ha="center")
    ax.set(ylim=(1.5, -0.7), yticks=[], xlabel="bits per dimension; bars: one standard error")
    ax.set_xlim(min(means) - 0.02, max(means) + 0.02)
    ax.set_title(title, fontsize=14)
    return figure


def coarse_shares(t: Sequence[float], measures: Mapping[str, Mapping[str, ArrayLike]]) -> Picture:
    """How coarse the changes of each encoder are at each depth, a panel for each measure."""
    figure, axes = subplots(1, len(measures), size=(9, 3.2), sharey=True)
    for ax, (title, shares) in zip(axes, measures.items(), strict=True):
        colours = dict(zip(shares, (GREEN, SKY, PURPLE), strict=False))
        for name, values in shares.items():
            ax.plot(t, values, "-o", color=colours[name], ms=4)
        ends = {name: float(np.asarray(values)[-1]) for name, values in shares.items()}
        for name, height in apart(ends, 0.1).items():
            ax.text(t[-1] + 0.02, height, name, va="center", color=colours[name])
        ax.set(title=title, xlabel="depth $t$", ylim=(0, 1.1), xticks=t)
        ax.set_xlim(t[0] - 0.02, t[-1] + 0.16)
    axes[0].set_ylabel("coarse share")
    return figure


def losses(cases: Mapping[str, Sequence[tuple[float, float]]]) -> Picture:
    """A panel for each case: the changes of prior and diffusion loss and total, 95 % intervals."""
    figure, axes = subplots(1, len(cases), size=(11, 3.6))
    colours = (COLOURS["prior"], COLOURS["diffusion"], BLACK)
    for ax, (title, changes) in zip(axes, cases.items(), strict=True):
        values, reach = zip(*changes, strict=True)
        ax.bar(("prior", "diffusion", "total"), values, color=colours)
        ax.errorbar(range(3), values, yerr=reach, fmt="none", ecolor=RED, capsize=4, lw=1.5)
        room = 0.06 * (max(*values, 0) - min(*values, 0))
        for at, (value, half) in enumerate(changes):
            end = value + math.copysign(half + room, value)
            ax.text(at, end, f"{value:+.4f}", ha="center", va="center", fontsize=11)
        ax.axhline(0, color=BLACK, lw=1, ls="-")
        ax.set_title(title, fontsize=12.5)
        ax.margins(y=0.25)
        ax.locator_params(axis="y", nbins=4)
        ax.tick_params(axis="x", labelsize=11)
    return figure
