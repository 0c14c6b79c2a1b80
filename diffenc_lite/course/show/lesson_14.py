"""Pictures of lesson 14: how a claim is tested, verdicts, the quoted p, two losses."""

import math
from collections.abc import Mapping, Sequence

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
    "not tested": "0.6",
    "open": "0.35",
    "refuted": RED,
}


def how_a_claim_is_tested() -> Picture:
    """A claim goes through all of its tests, each of which can fail, and one rule decides."""
    figure, ax = canvas(8, 3.3)
    box(ax, (0.8, 1.75), "claim", BLACK, 1.2)
    tests = {
        "proof": ("the ledger", GREEN),
        "check": ("an exact number", BLUE),
        "measured": ("a study", PURPLE),
        "quoted": ("readers' figures", SKY),
    }
    for row, (name, (source, colour)) in enumerate(tests.items()):
        y = 2.95 - 0.8 * row
        box(ax, (3.1, y), f"{name}\n{source}", colour, 1.9, 0.64)
        arrow(ax, (1.42, 1.75), (2.1, y), "", "0.6")
        arrow(ax, (4.1, y), (5.15, 1.75 + 0.1 * (1.5 - row)), "", "0.6")
    box(ax, (5.75, 1.75), "one rule", BLACK, 1.15)
    arrow(ax, (6.35, 1.75), (6.75, 1.75))
    words(ax, (7.35, 1.75), "verdict", BLACK, 15, weight="bold")
    words(ax, (6.7, 0.45), "break a test:\nthe verdict must change", RED, 13)
    arrow(ax, (5.75, 0.5), (4.15, 0.5), "", RED)
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
                _pill(ax, left + (2.4 if left < 1 else 3.3), y - 0.36 * row, status)
            y -= 0.36 * (len(group) + 1)
    return figure


def broken(rows: Sequence[tuple[str, str, str, str]]) -> Picture:
    """For each claim: its name, its status, what is broken, and its status then."""
    figure, ax = canvas(8, 0.55 + 0.33 * len(rows))
    top = 0.3 + 0.33 * len(rows)
    for x, head in ((0.1, "claim"), (3.05, "verdict"), (3.85, "break"), (7.35, "then")):
        words(ax, (x, top), head, BLACK, 12, ha="left" if x in (0.1, 3.85) else "center")
    for row, (name, before, what, after) in enumerate(rows, start=1):
        y = top - 0.33 * row
        words(ax, (0.1, y), name, BLACK, 11.5, ha="left")
        _pill(ax, 3.05, y, before)
        words(ax, (3.85, y), what, "0.35", 11.5, ha="left")
        _pill(ax, 7.35, y, after)
    return figure


def readings(ranges: Mapping[str, tuple[float, float, float]]) -> Picture:
    """The p values that rounded figures allow, a bar each; diamond: as they stand."""
    figure, ax = subplots(size=(8, 2.9))
    for row, (low, as_is, high) in enumerate(ranges.values()):
        colour = GREEN if low < 0.035 and high > 0.025 else "0.6"
        ax.plot([low, high], [row, row], color=colour, lw=7, ls="-", solid_capstyle="butt")
        ax.plot(as_is, row, "D", color=BLACK, ms=6)
    ax.axvline(0.03, color=RED, ls="--")
    ax.text(0.031, -0.75, "quoted: p = 0.03", color=RED, va="center")
    ax.set(yticks=range(len(ranges)), yticklabels=list(ranges), ylim=(len(ranges) - 0.5, -1.1))
    ax.set(xlabel="two-sided p", title="One of these four readings fits")
    return figure


def two_groups(error: float, p: float, interval: tuple[float, float]) -> Picture:
    """Three seeds with and three without the encoder: means, errors, and what the test says."""
    figure, ax = subplots(size=(8, 2.5))
    for row, (mean, reach, name) in enumerate(((2.641, 0.003, "VDM"), (2.620, error, "DiffEnc"))):
        colour = (COLOURS["identity"], COLOURS["learned"])[row]
        ax.errorbar(mean, row, xerr=reach, fmt="D", color=colour, capsize=6, lw=3, ls="none")
        ax.text(mean, row - 0.3, name, color=colour, ha="center")
    ax.set(xlim=(2.6, 2.65), ylim=(1.5, -0.7), yticks=[], xlabel="bits per dimension")
    said = f"p = {p:.3f}; DiffEnc - VDM: {interval[0]:+.3f} to {interval[1]:+.3f}"
    ax.set_title(said, fontsize=14)
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
    """A panel for each case: the change of prior and diffusion loss and total, with half widths."""
    figure, axes = subplots(1, len(cases), size=(11, 3.4))
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
