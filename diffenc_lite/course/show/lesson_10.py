"""Pictures of lesson 10, Does the encoder help?, and its explorer of power."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import plots
from .drawing import COLOURS, arrow, box, canvas, words
from .explorers import Explorer, slider
from .plots import BLACK, BLUE, GREEN, ORANGE, RED, Picture

Interval = Callable[[ArrayLike], tuple[float, float]]  # of a mean, from its values

PRIOR, DIFFUSION = COLOURS["prior"], COLOURS["diffusion"]
NAMES = {"mnist": "digits", "photos": "photographs"}
SIDES = {"mnist": (-0.0034, 0.0015), "photos": (-0.036, 0.004)}  # of the axis of bits


def answer(
    found: Sequence[Mapping[str, Any]],
    errors: Mapping[str, Sequence[float]],
    shares: Mapping[str, float],
    predicted: Mapping[str, tuple[float, float]],
) -> Picture:
    """Learned minus image of each VDM, and their mean, in the predicted band.

    Args: found, rows of `purpose.comparisons`; by data: errors, the half width over test images of
        each difference; shares, that of the mean; predicted, the ends of the band.
    """
    figure, axes = plots.subplots(len(found), 1, size=(8, 0.4 + 2.6 * len(found)))
    for ax, row in zip(np.atleast_1d(axes), found, strict=True):
        data, differences = row["data"], row["differences"]
        low, high = SIDES[data]
        ends = np.clip(predicted[data], low, high)
        ax.axvspan(*ends, color=GREEN, alpha=0.16, lw=0)
        ax.text(ends.mean(), -0.8, "predicted", color=GREEN, ha="center", va="center")
        ax.axvline(0, color="0.4", lw=1.2, ls="-")
        ax.axvline(-row["left"], color=RED, lw=1.6, ls="--")
        label = " left to a network"
        ax.text(-row["left"], 4.75, label, color=RED, va="center", fontsize=11)
        ax.barh(3.9, -shares[data], 0.5, color=PRIOR)
        for k, (value, half) in enumerate(zip(differences, errors[data], strict=True)):
            ax.errorbar(value, k, xerr=half, fmt="o", color=BLACK, ms=6, capsize=3, lw=1.5)
        bar = [[row["mean"] - row["low"]], [row["high"] - row["mean"]]]
        ax.errorbar(row["mean"], 2.95, xerr=bar, fmt="D", color=BLUE, ms=8, capsize=5, lw=3)
        ahead = "the image" if row["mean"] > 0 else "the network"
        ax.set(xlim=(low, high), ylim=(5.2, -1.3), title=f"{NAMES[data]}: {ahead} is ahead")
        labels = [f"VDM {k}" for k in range(len(differences))]
        ax.set_yticks([0, 1, 2, 2.95, 3.9], [*labels, "their mean", "image's share"])
        ax.grid(axis="y", visible=False)
    ax.set_xlabel("learned minus image, bits per dimension")
    return figure


def allowances(bounds: Mapping[str, Mapping[str, float]]) -> Picture:
    """X5's ceiling as a bar of length 1: what one image can take, and the rest.

    Args: prior and mean, in bits per dimension, by data set.
    """
    figure, ax = plots.subplots(size=(8, 0.9 + 0.55 * len(bounds)))
    for k, row in enumerate(bounds.values()):
        share = row["mean"] / row["prior"]
        ax.barh(k, share, color=PRIOR)
        ax.barh(k, 1 - share, left=share, color=GREEN, alpha=0.35)
        rest = f"{row['prior'] - row['mean']:.4f}"
        ax.text(share / 2, k, f"{row['mean']:.4f}", ha="center", va="center")
        ax.text((share + 1) / 2, k, rest, ha="center", va="center")
    plots.name_rows(ax, list(bounds))
    ax.set(xticks=[], xlim=(0, 1))
    ax.set_title("What one image can take (blue), what is left to a network (green)")
    return figure


def forks(updates: Mapping[str, int]) -> Picture:
    """Three VDMs, two forks of each in the same time, three differences, one interval."""
    figure, ax = canvas(8, 4.2)
    colours = {"image": ORANGE, "learned": GREEN}
    words(ax, (3.45, 3.95), "the same seconds, the same images and noise", size=12)
    for k, y in enumerate((3.2, 2.0, 0.8)):
        box(ax, (0.9, y), f"VDM {k}", BLUE, 1.2, 0.6)
        words(ax, (6.2, y), "learned\n− image", size=11)
        for arm, side in (("image", 0.25), ("learned", -0.25)):
            arrow(ax, (1.55, y), (2.3, y + side), colour=colours[arm])
            ax.plot([2.35, 4.6], [y + side] * 2, color=colours[arm], lw=2, ls="-")
            ticks = np.linspace(2.35, 4.6, updates[arm] // 25)
            ax.plot(ticks, [y + side] * len(ticks), "|", color=colours[arm], ms=8)
            words(ax, (4.7, y + side), f"{arm}\n{updates[arm]:,}", colours[arm], 11, ha="left")
        arrow(ax, (6.6, y), (7.15, 2.0 + 0.3 * (y - 2.0)))
    words(ax, (7.57, 2.0), "mean,\ninterval", size=12)
    words(ax, (0.9, 0.2), "trained\nseparately", "0.35", 11)
    words(ax, (3.45, 0.2), "a tick: 25 updates", "0.35", 11)
    words(ax, (6.2, 0.2), "3 numbers", "0.35", 11)
    return figure


def power_explorer(
    allowed: Mapping[str, float], spreads: Sequence[float], power: Callable[[float, int], float]
) -> Explorer:
    """How likely n VDMs with this spread show a difference, against its size.

    Args: allowed, sizes to be marked, by name; spreads, the positions of that slider; power, of a
        difference in standard errors and the degrees of freedom.
    """
    counts, shifts = [2, 3, 5, 10, 20, 50, 200], np.linspace(0, 30, 121)
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

    controls = slider("VDMs", counts, 3, "{:d}"), slider("spread", spreads, 0.0002, "{:g}")
    return Explorer(draw, *controls, stills=[(1, 1), (1, 3), (1, 6), (5, 6)])


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
        ax.set_title(NAMES[data])
        plots.name_rows(ax, list(by_arm))
        ax.locator_params(axis="x", nbins=5)
    label = "minus vdm, bits/dim: prior loss (blue), diffusion loss (grey), total (black)"
    figure.supxlabel(label, fontsize="medium")
    return figure


def doses(
    gains: Mapping[tuple[str, float], ArrayLike],
    left: Mapping[tuple[str, float], float],
    interval: Interval,
) -> Picture:
    """What learned gains beyond image, for each VDM, in units of what X5 leaves to a network.

    Args: gains and what is left, bits per dimension, by data set and gamma_1; interval, of a gain.
    """
    figure, ax = plots.subplots(size=(8, 3.6))
    ax.axhline(0, color="0.4", lw=1.2, ls="-")
    ax.axhline(1, color=RED, lw=1.6, ls="--")
    ax.text(-0.4, 0.97, "the most that is left", color=RED, va="top")
    places = sorted(gains, key=lambda place: left[place])
    for k, place in enumerate(places):
        share = np.asarray(gains[place]) / left[place]
        ax.plot(np.linspace(k - 0.06, k + 0.06, len(share)), share, "o", color=BLACK, ms=5)
        if len(share) > 1:
            ax.plot([k + 0.16, k + 0.16], interval(share), color=BLUE, lw=3, ls="-")
        ax.plot(k + 0.16, share.mean(), "D", color=BLUE, ms=7)
    labels = [
        f"{NAMES[place[0]]}\n$\\gamma_1={place[1]:g}$\n{left[place]:.4f} left" for place in places
    ]
    ax.set_xticks(range(len(places)), labels)
    ax.set(xlim=(-0.5, len(places) - 0.5), ylim=(None, 1.1), ylabel="share taken")
    ax.set_title("The network's gain beyond one image, as a share of the most left")
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
