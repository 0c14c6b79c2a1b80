"""Pictures of lesson 10, Does the encoder help?, and its explorer of power."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import plots
from .drawing import COLOURS, arrow, box, canvas, words
from .explorers import Explorer, slider
from .plots import BLACK, BLUE, GREEN, ORANGE, PURPLE, RED, SKY, Picture

Interval = Callable[[ArrayLike], tuple[float, float]]  # of a mean, from its values

PRIOR, DIFFUSION = COLOURS["prior"], COLOURS["diffusion"]
ARM_COLOURS = {
    "vdm": BLUE, "vdm at 5": BLACK, "image": ORANGE, "fade": PURPLE, "affine": RED,
    "learned": GREEN, "skip": SKY, "unbounded": "0.35", "inert": "0.65",
}  # fmt: skip


def by_picture(differences: Mapping[str, ArrayLike], interval: Interval, margin: float) -> Picture:
    """A row for each comparison: a dot for each picture, the mean and its interval; the margin."""
    figure, ax = plots.subplots(size=(8, 1.2 + 0.9 * len(differences)))
    ax.axvspan(-margin, margin, color="0.88", lw=0)
    ax.axvline(0, color="0.4", lw=1.2, ls="-")
    for row, values in enumerate(map(np.asarray, differences.values())):
        heights = row - 0.14 - 0.09 * (np.argsort(np.argsort(values)) % 3)  # dots side by side
        ax.plot(values, heights, "o", mfc="none", ms=5, mew=1.2, color="0.35")
        ax.plot(interval(values), [row + 0.15] * 2, color=BLUE, lw=4, ls="-")
        ax.plot(values.mean(), row + 0.15, "D", color=BLUE, ms=8, mec="white")
    plots.name_rows(ax, list(differences), room=0.7)
    ax.set_xlabel("bits per dimension; left of 0 the first is better; grey: the margin")
    ax.set_title("A circle is a picture, the diamond their mean")
    return figure


def allowances(bounds: Mapping[str, Mapping[str, float]]) -> Picture:
    """X5's upper bound as a bar of length 1: what one image can take, what is left to others at
    least, and at most; the three numbers beside it.

    Args: prior, normal and mean, in bits per dimension, by data set.
    """
    figure, ax = plots.subplots(size=(9, 0.9 + 0.55 * len(bounds)))
    for k, row in enumerate(bounds.values()):
        share, least = row["mean"] / row["prior"], row["normal"] / row["prior"]
        ax.barh(k, share, color=ORANGE)
        ax.barh(k, least - share, left=share, color=GREEN, alpha=0.6)
        ax.barh(k, 1 - least, left=least, color=GREEN, alpha=0.2)
        rest = f"{row['normal'] - row['mean']:.4f} to {row['prior'] - row['mean']:.4f}"
        ax.text(1.01, k, f"{row['mean']:.4f}, then {rest}", va="center")
    plots.name_rows(ax, list(bounds))
    ax.set(xticks=[], xlim=(0, 1))
    ax.set_title("One image (gold); the rest of the start: surely (green), perhaps (pale)")
    return figure


def forks(pictures: Sequence[int]) -> Picture:
    """Folds of so many pictures: a VDM trained on two of them, its forks scored on the third."""
    figure, ax = canvas(8, 3.9)
    words(ax, (1.2, 3.65), f"{sum(pictures)} pictures", size=12)
    for k, y in enumerate((2.9, 1.8, 0.7)):
        for fold, count in enumerate(pictures):
            colour = RED if fold == k else "0.6"
            box(ax, (0.5 + 0.7 * fold, y), f"{count}", colour, 0.6, 0.5)
        arrow(ax, (2.3, y), (2.9, y))
        box(ax, (3.4, y), "VDM", BLUE, 0.9, 0.5)
        for line, arm in enumerate(("image", "fade", "learned", "vdm at 5")):
            side, colour = 0.39 - 0.26 * line, ARM_COLOURS[arm]
            ax.plot([3.9, 4.3, 5.7], [y, y + side, y + side], color=colour, lw=2, ls="-")
            words(ax, (5.8, y + side), arm, colour, 11, ha="left")
        arrow(ax, (6.65, y), (7.15, y), colour=RED)
        words(ax, (7.55, y), f"{pictures[k]}\nnumbers", RED, 11)
    words(ax, (1.2, 0.06), "grey: trained on", "0.35", 11)
    words(ax, (4.4, 0.06), "forks start as one function", "0.35", 11)
    words(ax, (7.0, 0.06), "scored on the orange", RED, 11)
    return figure


def to_the_end(
    first: int,
    bits: Mapping[str, Sequence[float]],
    cost: Mapping[str, float],
    by_vdm: Mapping[str, Sequence[float]],
    margin: float,
) -> Picture:
    """Bounds of arms: those minus the vdm's at equal updates; all against time; two, VDM by VDM.

    Args: first, updates of the first score; bits, by arm, each after twice as many as the one
        before; cost, of an update of an arm, in those of a VDM; by_vdm, learned minus fade after
        as many as bits, second seeds named so; margin, of this difference.
    """
    vdm, updates = bits["vdm"], dict.fromkeys([*bits, *by_vdm], 1.0)
    minus = {arm: np.subtract(values[: len(vdm)], vdm) for arm, values in bits.items()}
    colours = ARM_COLOURS | dict(zip(by_vdm, 2 * ("0.0", "0.35", "0.65"), strict=False))
    panels = (
        (
            "Minus vdm: the network is slow",
            minus,
            updates,
            "updates; the ended keep their score",
            0.0016,
        ),
        ("The bound above depth 0.6", bits, cost, "time, in updates of a VDM", 0.0019),
        ("Learned minus fade, by VDM", by_vdm, updates, "updates; dashed: second seed", 0.0007),
    )
    figure, axes = plots.subplots(1, 3, size=(11, 4.3))
    for ax, (title, shown, unit, label, gap) in zip(axes, panels, strict=True):
        ends = {name: float(values[-1]) for name, values in shown.items() if "seed" not in name}
        heights, right = plots.apart(ends, gap), 1.0
        for name, values in shown.items():
            x = first * unit[name] * 2.0 ** np.arange(len(values))
            ax.plot(x, values, "-o" if name in ends else "--o", color=colours[name], ms=4)
            right = max(right, 1.8 * x[-1])
        for name in ends:
            end = first * unit[name] * 2.0 ** (len(shown[name]) - 1), ends[name]
            to = 0.93 * right, heights[name]
            ax.plot(*zip(end, to, strict=True), color=colours[name], lw=0.8, ls=":")
            ax.text(right, heights[name], name, color=colours[name], va="center")
        ax.set(xscale="log", xlabel=label, title=title, xlim=(None, 15 * right))
        plots.plain_ticks(ax.xaxis, [200, 3200, 51_200])
    axes[2].axhspan(-margin, margin, color="0.94", lw=0)
    return figure


def power_explorer(
    allowed: Mapping[str, float], spreads: Sequence[float], power: Callable[[float, int], float]
) -> Explorer:
    """How likely n pairs with this spread show a difference, against its size.

    Args: allowed, sizes to be marked, by name; spreads, the positions of that slider; power, of a
        difference in standard errors and the degrees of freedom.
    """
    counts, shifts = [2, 3, 5, 10, 29, 50, 200], np.linspace(0, 30, 121)
    tables = {n: np.array([power(shift, n - 1) for shift in shifts]) for n in counts}
    sizes = np.geomspace(1e-4, 0.1, 200)
    figure, ax = plots.subplots(size=(5.1, 3.9))
    (line,) = ax.plot(sizes, sizes, color=BLACK, ls="-")
    for (name, size), colour in zip(allowed.items(), (ORANGE, GREEN), strict=True):
        ax.plot([size, size], [0, 1.02], color=colour, lw=1.6, ls="--")
        ax.text(size, 1.05, name, color=colour, ha="center")
    ax.axhline(0.8, color="0.6", lw=1, ls=":")
    ax.set(xscale="log", ylim=(0, 1.15), xlabel="true difference, bits/dim", title=" ")
    ax.set_ylabel("share of studies that see it")
    ax.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1])

    def draw(n: int, spread: float) -> Picture:
        seen = np.interp(sizes * np.sqrt(n) / spread, shifts, tables[n])
        line.set_ydata(seen)
        shares = {name: np.interp(size, sizes, seen) for name, size in allowed.items()}
        ax.set_title(", ".join(f"{name} {share:.0%}" for name, share in shares.items()))
        return figure

    controls = slider("pictures", counts, 3, "{:d}"), slider("spread", spreads, spreads[0], "{:g}")
    return Explorer(draw, *controls, stills=[(4, 4), (6, 4)])


def arms(
    over_vdm: Mapping[str, Mapping[str, Mapping[str, NDArray[np.float64]]]], interval: Interval
) -> Picture:
    """What each arm takes from the prior loss and pays in the diffusion loss, and the total.

    Args: over_vdm, losses minus those of the VDM trained on for as long, an array over the VDMs, by
        name, by arm, by data set; interval, of the total.
    """
    figure, axes = plots.subplots(1, len(over_vdm), size=(9, 4.4))
    for ax, (data, by_arm) in zip(axes, over_vdm.items(), strict=True):
        ax.axvline(0, color="0.4", lw=1.2, ls="-")
        for k, losses in enumerate(by_arm.values()):
            ax.barh(k, losses["prior"].mean(), 0.6, color=PRIOR)
            ax.barh(k, losses["diffusion"].mean(), 0.6, color=DIFFUSION)
            ax.plot(interval(losses["total"]), [k, k], color=BLACK, lw=2, ls="-")
            ax.plot(losses["total"].mean(), k, "D", color=BLACK, ms=7, mec="white")
        ax.set_title(data)
        plots.name_rows(ax, list(by_arm))
        ax.locator_params(axis="x", nbins=5)
    label = "minus vdm, bits/dim: prior loss (blue), diffusion loss (grey), total (black)"
    figure.supxlabel(label, fontsize="medium")
    return figure


def false_alarms(looks: ArrayLike, peeking: ArrayLike, once: ArrayLike) -> Picture:
    """Share of studies of nothing that announce an effect, against the number of pairs."""
    figure, ax = plots.subplots(size=(8, 3))
    ax.plot(looks, np.asarray(peeking), "-o", color=RED)
    ax.plot(looks, np.asarray(once), "-s", color=BLUE)
    ax.text(8, 0.205, "looking after every pair", color=RED, ha="right")
    ax.text(12, 0.07, "looking once, at the end", color=BLUE, ha="right")
    ax.set(xlabel="pairs so far", ylabel="false alarms", ylim=(0, 0.27))
    ax.set_title("Every look is one more chance to be wrong")
    return figure
