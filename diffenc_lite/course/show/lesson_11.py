"""Drawings and plots of lesson 11, What did the encoder learn?, and its explorer of patches."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from .drawing import COLOURS, arrow, canvas, words
from .explorers import Explorer, buttons, slider
from .plots import BLACK, BLUE, GREEN, ORANGE, RED, Picture, as_pixels, show_image, subplots

ENCODERS = (GREEN, "#5fd3ae", "#00563f")  # three greens, of the encoders of photographs


# ---- drawings ------------------------------------------------------------------------------------


def between_x_and_y(sigma2: Mapping[float, float]) -> Picture:
    """x_t on the way from x to y, at some depths; sigma_t^2 by t."""
    figure, ax = canvas(8, 2.9)
    left, right = 1.6, 7.2
    words(ax, (left, 2.65), "$x$", size=16)
    words(ax, (right, 2.65), "$y$", COLOURS["learned"], 16)
    for (t, share), y in zip(sigma2.items(), (2.1, 1.3, 0.5), strict=True):
        at = left + share * (right - left)
        words(ax, (0.7, y), f"$t={t:g}$")
        ax.plot([left, right], [y, y], color="0.75", lw=2, ls="-", zorder=0)
        ax.plot([left, right], [y, y], "o", color="0.75", ms=9, zorder=0)
        if at - left > 0.2:
            arrow(ax, (left, y), (at, y), colour=RED)
        ax.plot(at, y, "o", color=COLOURS["x_t"], ms=11)
        words(ax, (at, y - 0.3), "$x_t$", COLOURS["x_t"])
    words(ax, (3.9, 1.55), r"the change (E3), $\sigma_t^2\,(y-x)$", RED)
    return figure


def two_directions(cases: Sequence[tuple[float, float, float, str]]) -> Picture:
    """z_1 along directions of Gaussian data, before and after the best encoder, and pure noise.

    Args: cases of (variance of z_1, the same after, half width of the panel, title).
    """
    figure, axes = subplots(1, len(cases), size=(9, 3.1))
    for ax, (before, after, reach, title) in zip(axes, cases, strict=True):
        z = np.linspace(-reach, reach, 300)
        for v, colour, dash in ((1.0, "0.45", ":"), (before, BLUE, "-"), (after, GREEN, "--")):
            density = np.exp(-(z**2) / (2 * v)) / math.sqrt(2 * math.pi * v)
            ax.plot(z, density, color=colour, ls=dash)
        ax.set(title=title, xlabel="$z_1$ along the direction", yticks=[], ylim=(0, 0.5))
        ax.spines["left"].set_visible(False)
    labels = {"VDM": (0.45, BLUE), "best encoder": (0.39, GREEN), "noise": (0.33, "0.45")}
    for text, (y, colour) in labels.items():
        axes[0].text(-cases[0][2], y, text, color=colour)
    return figure


# ---- plots ---------------------------------------------------------------------------------------


def freedom(
    t: ArrayLike, allowed: ArrayLike, typical: Mapping[str, ArrayLike], largest: ArrayLike
) -> Picture:
    """X7's bound, and how much of it two encoders use, on a logarithmic scale."""
    figure, ax = subplots(size=(8, 3.4))
    ax.fill_between(t, allowed, 3, color="0.85", lw=0)
    ax.text(0.02, 0.6, "forbidden by X7", color="0.35")
    ax.plot(t, largest, color=GREEN, ls=":")
    for sizes, colour in zip(typical.values(), (ORANGE, GREEN), strict=True):
        ax.plot(t, sizes, color=colour, ls="-")
    ax.axhline(2 / 256, color=BLACK, lw=1, ls="-")
    ax.text(0.02, 2 / 256 * 1.2, "one grey level")
    ax.text(0.76, 0.3, "scaling", color=ORANGE, va="center", fontsize=12)
    ax.text(0.45, 6e-4, "small, mean\n(dotted: largest)", color=GREEN, va="top")
    ax.set(yscale="log", ylim=(1e-5, 3), xlim=(0, 1), xlabel="depth $t$", ylabel="$|x_t-x|$")
    ax.set_title("Before $t=0.4$, not one grey level")
    return figure


def slopes(
    s: ArrayLike,
    measured: Sequence[ArrayLike],
    once: Sequence[tuple[float, float]],
    grid: ArrayLike,
    theory: ArrayLike,
    start: ArrayLike,
) -> Picture:
    """Factors f_1 of directions against their variance: dots for each VDM, those that one direction
    had earlier, the theory's curve and that of the start alone."""
    figure, ax = subplots(size=(8, 4.0))
    ax.axhline(1, color="0.5", lw=1.2, ls="-")
    ax.axvline(1, color="0.5", lw=1.2, ls=":")
    for colour, marker, factors in zip(ENCODERS, "os^", measured, strict=True):
        ax.plot(s, factors, marker, color=colour, ms=6, alpha=0.8)
    ax.plot(*zip(*once, strict=True), "o", mfc="none", color=GREEN, ms=7)
    ax.plot(grid, start, color=ORANGE, ls="-", lw=1.4)
    ax.plot(grid, theory, color=RED, ls="-", lw=2.8)
    ax.text(0.002, 1.19, "theory: stretched a little", color=RED)
    ax.text(11, 0.59, "theory", color=RED)
    ax.text(3.6, 0.38, "start alone", color=ORANGE, ha="right")
    ax.text(75, 0.27, "grey of the\nwhole patch", fontsize=12)
    ax.text(34, 0.5, "blue against\nyellow; hollow:\nbefore long\ntraining", fontsize=12)
    ax.text(2.2, 1.03, "green against magenta", fontsize=12)
    ax.text(5.0, 0.58, "ramps", ha="right", fontsize=12)
    ax.text(1.35, 0.77, "next three", ha="right", fontsize=12)
    ax.text(0.002, 0.08, "marks: encoders 1 to 3", color="0.3")
    ax.set(xscale="log", ylim=(0, 1.3), xlabel="variance $s$ of the direction")
    ax.set(ylabel="factor $f_1$", title="What is left of each direction at the last depth")
    return figure


def grey_by_depth(
    t: ArrayLike, theory: ArrayLike, measured: Sequence[ArrayLike], gate: ArrayLike
) -> Picture:
    """How much the grey direction is dimmed, by depth."""
    figure, ax = subplots(size=(8, 3.2))
    ax.plot(t, theory, color=RED, ls="-", lw=2.8)
    for colour, dimmed in zip(ENCODERS, measured, strict=True):
        ax.plot(t, dimmed, color=colour, ls="-", lw=1.6)
    ax.plot(t, gate, color=BLACK, ls=":", lw=1.6)
    ax.text(0.655, 0.4, "theory", color=RED, ha="right")
    ax.text(0.715, 0.22, "dotted: the gate of a pixel", color=BLACK)
    ax.text(0.838, 0.66, "three\nencoders", color=ENCODERS[0], va="center")
    ax.set_xlim(0.595, 0.9)
    ax.set(xlabel="depth $t$", ylabel="$1-f$", ylim=(0, 0.9))
    ax.set_title("To the right end, but later than in theory")
    return figure


def rivals(scores: Mapping[str, Sequence[float]], sizes: Mapping[str, Sequence[float]]) -> Picture:
    """R^2 of the change from each explanation, and slopes beyond the grey; a dot for each VDM."""
    figure, axes = subplots(1, 2, size=(9, 0.9 + 0.5 * len(scores)))
    labels = "$R^2$", "slope beyond the grey; 1 is right"
    for ax, found, label in zip(axes, (scores, sizes), labels, strict=True):
        for row, values in enumerate(found.values()):
            ax.barh(row, np.mean(values), color=GREEN, alpha=0.3)
            ax.plot(values, [row] * len(values), "o", color=GREEN, ms=6)
            ax.text(0.03, row, f"{np.mean(values):.2f}", va="center")
        ax.axvline(1, color="0.5", lw=1.2, ls=":")
        ax.set(xlim=(0, 1.2), ylim=(len(scores) - 0.5, -0.5), xlabel=label)
        ax.set_yticks(range(len(scores)), list(scores) if ax is axes[0] else len(scores) * [""])
        ax.grid(axis="y", visible=False)
    axes[0].set_title("Every story explains much")
    axes[1].set_title("Which has the right size?")
    return figure


def agreement(names: Sequence[str], matrices: Mapping[str, ArrayLike]) -> Picture:
    """How alike encoders are: a matrix for each part of the change, its values written in."""
    figure, axes = subplots(1, len(matrices), size=(9.2, 4.6))
    for ax, (title, matrix) in zip(axes, matrices.items(), strict=True):
        values = np.asarray(matrix)
        ax.imshow(values, cmap="Greens", vmin=0, vmax=1)
        for (i, j), value in np.ndenumerate(values):
            ax.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=10,
                    color="white" if value > 0.7 else "black")  # fmt: skip
        ax.set_title(title)
        ax.set_xticks(range(len(names)), names, rotation=40, ha="right")
        ax.set_yticks(range(len(names)), names if ax is axes[0] else [])
        ax.grid(False)
    return figure


# ---- the explorer --------------------------------------------------------------------------------


def patch_explorer(
    patches: NDArray[np.float32],
    encodings: Mapping[str, NDArray[np.float32]],
    depths: Sequence[float],
) -> Explorer:
    """Slide t, choose a patch: its encodings above, the changes below (grey: none).

    Args: patches (N, 3, H, W); encodings, (depths, N, 3, H, W) by name.
    """
    figure, axes = subplots(2, 1 + len(encodings), size=(4.9, 2.5))
    axes[1, 0].set_axis_off()
    panels = [show_image(axes[0, 0], patches[0])]
    axes[0, 0].set_title("$x$")
    for column, (name, path) in enumerate(encodings.items(), start=1):
        panels += [show_image(ax, path[0, 0]) for ax in axes[:, column]]
        axes[0, column].set_title(name)
    axes[0, 1].set_ylabel("$x_t$")
    axes[1, 1].set_ylabel("$x_t-x$")

    def draw(t: float, patch: int) -> Figure:
        depth = list(depths).index(t)
        shown = [patches[patch]]
        for path in encodings.values():
            shown += [path[depth, patch], path[depth, patch] - patches[patch]]
        for panel, image in zip(panels, shown, strict=True):
            panel.set_data(as_pixels(image))
        return figure

    names, last = [str(k + 1) for k in range(len(patches))], len(depths) - 1
    stills = [(last // 2, 0), (last, 0), (last, 1), (last, 2)]
    return Explorer(draw, slider("t", depths), buttons("patch", names), stills=stills)
