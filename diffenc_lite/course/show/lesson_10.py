"""Pictures of lesson 10, Does the encoder help?, and its explorer of the start."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import plots
from .drawing import arrow, box, canvas, words
from .explorers import Explorer, slider
from .plots import BLACK, BLUE, GREEN, ORANGE, PURPLE, RED, SKY, Picture

Interval = Callable[[ArrayLike], tuple[float, float]]  # of a mean, from its values

ARMS = {"noise to 5": BLACK, "VDM at 2": BLUE, "image, number, affine": PURPLE, "network": GREEN}
PARTS = {"mean": ORANGE, "width": SKY, "directions": GREEN}  # of the start


def by_picture(
    differences: Mapping[str, NDArray[np.float64]], interval: Interval, folds: Sequence[int],
    named: int, name: str,
) -> Picture:  # fmt: skip
    """A row for each comparison, with a line of dots for each VDM, a dot a picture, and a tick at
    their mean; then the mean of all pictures and its interval.

    Args: folds, the number of the VDM that scores each picture; named, the position of a picture
        whose dots are filled, and its name.
    """
    figure, ax = plots.subplots(size=(8, 1.2 + 0.65 * len(differences)))
    ax.axvline(0, color="0.4", lw=1.2, ls="-")
    for row, values in enumerate(differences.values()):
        heights = row - 0.34 + 0.13 * np.array(folds)
        ax.plot(values, heights, "o", mfc="none", ms=5, mew=1.2, color="0.35", label="pictures")
        ax.plot(values[named], heights[named], "o", ms=6, color=RED, label=name)
        means = {y: values[heights == y].mean() for y in heights}
        ax.plot(means.values(), means.keys(), "|", color=BLUE, ms=9, mew=3, label="mean of a VDM")
        ax.plot(interval(values), [row + 0.15] * 2, color=BLUE, lw=4, ls="-", label="interval")
        ax.plot(values.mean(), row + 0.15, "D", color=BLUE, ms=8, mec="white", label="mean")
    ax.text(1, 0.02, name, color=RED, ha="right", transform=ax.transAxes)
    plots.name_rows(ax, list(differences), room=0.7)
    ax.set_xlabel("minus noise to 5, bits per dimension")
    ax.set_title("A circle is a picture, a line of circles a VDM, a tick its mean")
    return figure


def start_explorer(
    parts: Mapping[str, Callable[[float], Sequence[float]]], ends: Sequence[float]
) -> Explorer:
    """The shares of mean, width and directions in the start, against the end of the noise.

    Args: parts, by data set, the three in bits per dimension as a function of gamma_1.
    """
    found = {name: {end: of_data(end) for end in ends} for name, of_data in parts.items()}
    figure, ax = plots.subplots(size=(5.2, 2.5))

    def draw(end: float) -> Picture:
        ax.clear()
        for k, of_data in enumerate(found.values()):
            left, start = 0.0, sum(of_data[end])
            for (part, colour), bits in zip(PARTS.items(), of_data[end], strict=True):
                ax.barh(k, bits / start, 0.5, left, color=colour, label=part if k == 0 else None)
                left += bits / start
            words = " + ".join(f"{bits:.4f}" for bits in of_data[end])
            ax.text(0, k - 0.28, f"{words} = {start:.4f}", va="bottom", fontsize=11)
        plots.name_rows(ax, list(found), room=0.8)
        ax.set(xticks=[], xlim=(0, 1), title=f"$\\gamma_1={end:g}$: mean + width + directions")
        ax.legend(ncols=3, loc="upper center", bbox_to_anchor=(0.4, 0.02), fontsize=11)
        return figure

    stills = [(list(ends).index(end),) for end in (5, 3, 2, 1)]
    return Explorer(draw, slider("gamma_1", ends, 2, "{:g}"), stills=stills)


def curves_by_picture(
    image: NDArray[np.uint8],
    updates: Sequence[int],
    bits: Mapping[str, Sequence[ArrayLike]],
    named: int,
    name: str,
) -> Picture:
    """A photograph, and for each arm how every picture's bound has moved since its first score.

    Args: bits, by arm, for each number of updates one number a picture; named, the position of the
        photograph among them, and its name.
    """
    figure, (left, *axes) = plots.subplots(1, 1 + len(bits), size=(9.5, 3.2))
    left.imshow(image)
    left.set(xticks=[], yticks=[], title=name)
    left.grid(visible=False)
    for ax, (arm, scores) in zip(axes, bits.items(), strict=True):
        moved = np.array(scores) - np.array(scores[0])
        x = updates[: len(moved)]
        for k, curve in enumerate(moved.T):
            label, colour = (name, RED) if k == named else ("another picture", "0.7")
            ax.plot(x, curve, color=colour, lw=1.5, ls="-", label=label)
        ax.plot(x, moved.mean(1), "-D", color=BLUE, ms=4, label="mean")
        ax.text(x[-1], moved.mean(1)[-1], " mean", color=BLUE, va="top", ha="right")
        ax.text(x[-1], moved[-1, named], f"{name} ", color=RED, va="bottom", ha="right")
        ax.margins(y=0.15)  # room for the name above its curve
        ax.set(xscale="log", title=arm, xlabel="updates")
        plots.plain_ticks(ax.xaxis, [200, 3200, 51_200])
    axes[0].set_ylabel("moved by, bits/dim")
    return figure


def forks(pictures: Sequence[int]) -> Picture:
    """Folds of so many pictures: a VDM trained on two of them, its forks scored on the third."""
    figure, ax = canvas(8, 3.9)
    words(ax, (1.2, 3.65), f"{sum(pictures)} pictures", size=12)
    for k, y in enumerate((2.95, 1.87, 0.79)):
        for fold, count in enumerate(pictures):
            colour = RED if fold == k else "0.6"
            box(ax, (0.5 + 0.7 * fold, y), f"{count}", colour, 0.6, 0.5)
        arrow(ax, (2.3, y), (2.9, y))
        box(ax, (3.4, y), "VDM", BLUE, 0.9, 0.5)
        for line, (arm, colour) in enumerate(ARMS.items()):
            side = 0.39 - 0.26 * line
            ax.plot([3.9, 4.3, 4.95], [y, y + side, y + side], color=colour, lw=2, ls="-")
            words(ax, (5.05, y + side), arm, colour, 11, ha="left")
        arrow(ax, (6.85, y), (7.15, y), colour=RED)
        words(ax, (7.55, y), f"{pictures[k]}\nnumbers", RED, 11)
    words(ax, (1.2, 0.12), "grey: trained on", "0.35", 11)
    words(ax, (4.4, 0.12), "forks start as one function", "0.35", 11)
    words(ax, (7.0, 0.12), "scored on the orange", RED, 11)
    return figure
