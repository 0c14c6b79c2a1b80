"""Pictures of lesson 12, The ratio on MNIST, and of its companions on samples and on files."""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .drawing import COLOURS, arrow, canvas, words
from .explorers import Explorer, buttons, slider
from .lesson_06 import bell
from .plots import BLACK, BLUE, GREEN, RED, SKY, Picture, plain_ticks, show_image, subplots

KINDS = {"mnist-vdm": "identity", "mnist-scaling": "scaling", "mnist-learned": "learned"}
MEANS = {"paper": BLACK, "folded": RED, "fitted": SKY}
Dots = Mapping[str, tuple[Sequence[float], Sequence[float]]]  # values and standard errors, by label


def colour_of(model: str) -> str:
    return COLOURS[KINDS[model]]


# ---- drawings ------------------------------------------------------------------------------------


def two_levers() -> Picture:
    """The posterior, and the model three times: with the paper's mean, moved, and widened."""
    figure, ax = canvas(8, 3.7, "two ways to pay less: move the mean, widen the step")
    z = np.linspace(-1.2, 6.2, 400)
    rows = (
        ("paper's mean,\n$w=1$", 4.6, 1.0, BLACK, "far off, and certain: expensive"),
        ("fitted mean,\n$w=1$", 2.0, 1.0, SKY, "moved: the scale"),
        ("fitted mean,\n$w^*$", 2.0, 2.2, GREEN, "widened: the ratio"),
    )
    for row, (title, mean, spread, colour, effect) in enumerate(rows):
        base = 2.25 - 0.98 * row
        for centre, width, shade in ((0.0, 1.0, COLOURS["q"]), (mean, spread, colour)):
            bell = np.exp(-0.5 * ((z - centre) / (0.45 * width)) ** 2) / width
            ax.fill_between(2.6 + 0.55 * z, base, base + 0.72 * bell, color=shade, alpha=0.5, lw=0)
        ax.plot([1.9, 6.0], [base, base], color="0.4", lw=1, ls="-")
        words(ax, (0.9, base + 0.3), title, colour)
        words(ax, (7.0, base + 0.3), effect.replace(": ", ":\n"), colour, 12)
    words(ax, (2.6, 3.13), "posterior", COLOURS["q"], 12)
    words(ax, (5.1, 3.13), "model", BLACK, 12)
    return figure


def bits_back() -> Picture:
    """One stack of bits at four moments: the sender goes through them from left to right, the
    receiver from right to left."""
    figure, ax = canvas(8, 5)
    floor, lent, x, z = 1.65, 1.5, 0.35, 1.45
    moments = (
        ("before:\nother bits", {"z_t": lent}),
        ("$z$ popped\nwith $q$", {"z_t": lent - 1.1}),
        ("$x$ pushed\nwith $p(x|z)$", {"z_t": lent - 1.1, "x": x}),
        ("$z$ pushed\nwith $p(z)$", {"z_t": lent - 1.1, "x": x, "p": z}),
    )
    for place, (title, parts) in enumerate(moments):
        left, base = 1.1 + 1.9 * place, floor
        words(ax, (left, 1.3), title, size=12)
        for name, height in parts.items():
            ax.bar(left, height, 0.9, base, color=COLOURS[name], alpha=0.45, edgecolor="0.3")
            base += height
    ax.plot([0.65, 7.4], [floor + lent] * 2, color="0.5", lw=1.2, ls="--")
    arrow(ax, (7.45, floor + lent), (7.45, floor + lent - 1.1 + x + z), colour=BLACK)
    words(ax, (7.75, 3.5), "net", size=12)
    words(ax, (3.0, 2.6), "lent:\n$-\\log_2 q$", COLOURS["q"], 12)
    words(ax, (6.8, 2.8), "$-\\log_2 p(z)$", COLOURS["p"], 12)
    words(ax, (4.9, 2.65), "$-\\log_2 p(x|z)$", size=12)
    ax.bar(3.0, 1.1, 0.9, floor + lent - 1.1, fill=False, edgecolor=COLOURS["q"], ls="--")
    arrow(ax, (1.1, 4.45), (7.4, 4.45), "the sender knows $x$", COLOURS["q"])
    pushes = "the receiver pops what was pushed, pushes what was popped"
    arrow(ax, (6.9, 0.5), (0.6, 0.5), pushes, COLOURS["p"])
    body = np.array([-15, 0, 15, 0, 0, 0, -20, 20]), np.array([-40, -15, -40, -15, 15, 3, 3, 3])
    for (left, base), colour in (((0.6, 4.45), COLOURS["q"]), ((7.4, 0.5), COLOURS["p"])):
        ax.plot(left + body[0] / 100, base + body[1] / 100, color=colour, lw=3, ls="-")
        ax.plot(left, base + 0.3, "o", ms=13, color=colour)
    return figure


def widths(nets: Mapping[float, float]) -> Picture:
    """q, one sigma_Q beside the mean of p, and p with each w, with its net bits a dimension."""
    figure, axes = subplots(1, len(nets), size=(9.6, 2.7), sharey=True)
    z = np.linspace(-4, 4, 200)
    for ax, (w, net) in zip(axes, nets.items(), strict=True):
        for name, mean, width in (("q", 1.0, 1.0), ("p", 0.0, w**-0.5)):
            ax.fill_between(z, bell(z, mean, width), color=COLOURS[name], alpha=0.4, lw=0)
            left = np.array(mean - 1.5 * width if name == "p" else 2.2)
            ax.text(left, bell(left, mean, width) + 0.03, f"${name}$", color=COLOURS[name])
        ax.set(title=f"$w={w:g}$: net {net:.2f} bits", xlabel=r"$\sigma_Q$ from $\mu_P$")
    return figure


def stack_height(heights: Mapping[str, Sequence[float]]) -> Picture:
    """Bits per dimension on a stack after every push and pop, image by image, by their names."""
    figure, ax = subplots(size=(8, 3.3))
    start = 0
    for name, values in heights.items():
        ax.plot(range(start, start + len(values)), values, color=BLUE, ls="-")
        ax.axvline(start, color="0.7", lw=1, ls=":")
        ax.text(start + len(values) / 2, 3, name, ha="center", color="0.3")
        start += len(values) - 1
    ax.axhline(0, color="0.4", lw=1.2, ls="-")
    deep = int(np.argmin(first := next(iter(heights.values()))))
    ax.annotate("", (deep, first[deep]), (deep, 0), arrowprops={"arrowstyle": "<->"})
    ax.text(deep + 0.4, first[deep] / 6, "first bits")
    title = "the first digit borrows from nothing, the next from those before"
    ax.set(xlabel="pops and pushes", ylabel="pushed less popped, bits/dim", title=title)
    ax.set_ylim(None, 9)
    return figure


def bound_and_samples(bits: Mapping[str, float], sheets: Mapping[str, ArrayLike]) -> Picture:
    """Bars of the bound in bits/dim, and two sheets of samples, by their titles."""
    figure, axes = subplots(1, 3, size=(9.6, 3.3))
    bars = axes[0].barh(list(bits), list(bits.values()), color=[SKY, GREEN])
    axes[0].bar_label(bars, [f"{value:.1f}" for value in bits.values()], padding=4)
    axes[0].set(xlim=(0, 125), xlabel="bits/dim", title="the bound: lower is better")
    axes[0].invert_yaxis()
    axes[0].grid(axis="y", visible=False)
    for ax, (title, sheet) in zip(axes[1:], sheets.items(), strict=True):
        show_image(ax, sheet)
        ax.set_title(title)
    return figure


# ---- the bound -----------------------------------------------------------------------------------


def dots(
    panels: Mapping[str, Dots], steps: Sequence[int], ylabel: str, colours: Sequence[str]
) -> Picture:
    """Values with two standard errors for a few numbers of steps, on a logarithmic axis."""
    figure, axes = subplots(1, len(panels), size=(9.6, 3.4), sharey=True)
    for ax, (title, series) in zip(axes, panels.items(), strict=True):
        for k, (label, (values, errors)) in enumerate(series.items()):
            x = np.arange(len(steps)) + 0.14 * (k - (len(series) - 1) / 2)
            bars = 2 * np.asarray(errors)
            ax.errorbar(x, values, bars, fmt="o", ms=8, color=colours[k], label=label, capsize=3)
        ax.set(yscale="log", title=title.removeprefix("mnist-"), xticks=range(len(steps)))
        ax.set_xticklabels([f"T = {T}" for T in steps])
        low, high = ax.get_ylim()
        ticks = (0.01, 0.1, 1, 2, 5, 10, 20, 100)
        plain_ticks(ax.yaxis, [tick for tick in ticks if low < tick < high])
    axes[0].set_ylabel(ylabel)
    axes[-1].legend()
    return figure


def pencil(
    steps: Sequence[int], saved: Mapping[str, Sequence[float]], floor: Sequence[float]
) -> Picture:
    """What w* saves in each model at these steps, and the predicted line."""
    figure, ax = subplots(size=(8, 3.6))
    ax.loglog(steps, floor, color="0.5", ls="--")
    ax.text(60, 0.006, r"$\ln2\cdot L^2/T$", color="0.4", ha="right", va="top")
    for model, values in saved.items():
        ax.loglog(steps, values, "o-", color=colour_of(model), label=model.removeprefix("mnist-"))
    ax.set(xlabel="steps T", ylabel="bits/dim", title="what $w^*$ saves, and the predicted line")
    ax.set_xticks([4, 16, 64, 256, 1000], ["4", "16", "64", "256", "1000"])
    ax.minorticks_off()
    ax.legend()
    return figure


def chain_explorer(fits: Mapping[Any, Any], bits: Mapping[Any, float]) -> Explorer:
    """Choose T, mean and model: the scale and the ratio of every step, and the bound.

    Args: fits, by (model, T, mean), rows with "t", "A" and "w"; bits, by (model, T, mean, ratio).
    """
    models, steps = list(KINDS)[::-1], [2, 4, 8, 16]
    figure, (left, right) = subplots(2, 1, size=(5.1, 4.4))
    (scale,) = left.plot([], [], "o-", color=BLUE)
    (ratio,) = right.plot([], [], "o-", color=GREEN)
    left.set(yscale="log", xlim=(0, 1.03), ylim=(0.5, 20), ylabel="scale $A/c$", title=" ")
    plain_ticks(left.yaxis, [0.5, 1, 2, 5, 10, 20])
    right.set(xlim=(0, 1.03), ylim=(0, 1.03), ylabel="ratio $w^*$", title=" ")
    right.set_xlabel("depth $t$ where the step begins")

    def draw(T: int, mean: int, which: int) -> Picture:
        place = models[which], T, list(MEANS)[mean]
        row = fits[place]
        scale.set_data(row["t"][1:], row["A"])
        ratio.set_data(row["t"][1:], row["w"])
        for ax, w in ((left, "w = 1"), (right, "w*")):
            ax.set_title(f"${w}$: {bits[*place, w]:.4g} bits/dim".replace("w*", "w^*"))
        return figure

    names = [model.removeprefix("mnist-") for model in models]
    return Explorer(
        draw, slider("T", steps, 8, "{:d}"), buttons("mean", list(MEANS)), buttons("model", names),
        stills=[(2, 0, 0), (2, 2, 0), (1, 2, 0), (2, 2, 2), (2, 2, 1), (3, 2, 0)],
    )  # fmt: skip


# ---- samples -------------------------------------------------------------------------------------


def sample_changes(
    single: Mapping[tuple[str, int, int, str], Any],
    mean: Mapping[tuple[int, str], Any],
    arms: Sequence[str],
    outside: Collection[tuple[str, int]] = (),
) -> Picture:
    """The change of the Frechet distance against w = 1, in per cent: every model with its interval
    and, as a diamond, the mean of the kinds with its own.

    Args: changes with .mean and .half, in logarithms: of (model, training, steps, arm), and of
        (steps, arm); outside, each (model, training) that the mean leaves out, drawn hollow.
    """
    figure, axes = subplots(1, 2, size=(9.6, 1.3 + 0.75 * len(arms)))
    models = list(dict.fromkeys(place[:2] for place in single))
    models.sort(key=lambda place: list(KINDS).index(place[0]))
    for ax, steps in zip(axes, (4, 8), strict=True):
        ax.axvline(0, color="0.4", lw=1.2, ls="-")
        for row, arm in enumerate(arms):
            for k, (model, training) in enumerate(models):
                if change := single.get((model, training, steps, arm)):
                    y = row - 0.35 + 0.6 * k / (len(models) - 1)
                    face = "white" if (model, training) in outside else None
                    interval(ax, y, change, colour_of(model), "o", 5, face)
            if (steps, arm) in mean:
                interval(ax, row + 0.38, mean[steps, arm], BLACK, "D", 8)
        ax.set(title=f"T = {steps}", xlabel="change of the distance, %", yticks=range(len(arms)))
        ax.set_yticklabels([arm.replace("w*", "$w^*$") for arm in arms] if steps == 4 else [])
        ax.set_ylim(len(arms) - 0.4, -0.6)
        ax.grid(axis="y", visible=False)
    for model in KINDS:
        axes[0].plot([], [], "o", color=colour_of(model), label=model.removeprefix("mnist-"))
    if mean:
        axes[0].plot([], [], "D", color=BLACK, label="mean of the kinds")
    if outside:
        axes[0].plot([], [], "o", color="0.4", mfc="white", label="wider, not in the mean")
    figure.legend(loc="outside upper center", ncols=5)
    return figure


def interval(
    ax: Any, y: float, change: Any, colour: str, marker: str, size: float, face: str | None = None
) -> None:
    """A value and its interval at one height, both from logarithms to per cent."""
    middle, low, high = (100 * math.expm1(change.mean + side * change.half) for side in (0, -1, 1))
    ax.plot([low, high], [y, y], color=colour, lw=2, ls="-", alpha=0.7)
    ax.plot(middle, y, marker, ms=size, color=colour, mfc=face or colour)


def drawn(variances: ArrayLike, shares: Mapping[str, Mapping[str, ArrayLike]]) -> Picture:
    """Which share of its variance each direction gets, a panel for each denoiser.

    Args: variances, of the directions; shares, by ratio, by denoiser.
    """
    figure, axes = subplots(1, len(shares), size=(9.6, 3.4), sharey=True)
    for ax, (title, by_ratio) in zip(axes, shares.items(), strict=True):
        ax.axhline(1, color="0.5", lw=1.2, ls="-")
        looks = ((SKY, 0.25), (GREEN, 1.5))  # a label below the first, one above the second
        for (name, values), (colour, away) in zip(by_ratio.items(), looks, strict=True):
            ax.plot(variances, values, ".", color=colour, ms=4)
            if ax is axes[0]:
                height = away * np.interp(1e-3, np.asarray(variances), np.asarray(values))
                ax.text(1e-3, height, name, color=colour)
        ax.set(xscale="log", yscale="log", xlabel="true variance", title=title)
    axes[0].set_ylabel("drawn / true")
    return figure


def noise_added(starts: ArrayLike, levels: ArrayLike, ratio: ArrayLike) -> Picture:
    """Standard deviation of the noise of each step in grey levels, with w = 1 and with `ratio`."""
    figure, ax = subplots(size=(8, 3.2))
    x, one = np.asarray(starts), np.asarray(levels)
    series = (("$w=1$", one, BLACK, 1), ("$w^*$", one / np.sqrt(np.asarray(ratio)), GREEN, -1))
    for name, values, colour, side in series:
        ax.semilogy(x, values, "o-", color=colour, label=name)
        for at, value in zip(x, values, strict=True):
            text = f"{value:.0f}" if value > 9 else f"{value:.2g}"
            place = {"xytext": (8 * side, -5 - 6 * side), "textcoords": "offset points"}
            ax.annotate(text, (at, value), **place, ha="left" if side > 0 else "right")
    ax.hlines(1, 0.27, 1.07, color="0.5", lw=1.2, ls=":")
    ax.text(1.05, 1.1, "one grey level", color="0.4", ha="right")
    ax.set(xlabel="depth $t$ where the step begins", ylabel="grey levels", ylim=(0.05, 900))
    ax.set(title="noise that a step adds: four steps, VDM", xlim=(0.16, 1.07))
    ax.legend(loc="upper left")
    return figure
