"""Pictures of lesson 07: what is free about a step, staircases, prices, the cheapest path."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from .drawing import COLOURS, arrow, box, canvas, words
from .explorers import Explorer, buttons, slider
from .plots import BLUE, GREEN, ORANGE, RED, Array, Picture, plain_ticks, subplots

GREY = COLOURS["z_t"]
MEANS_OF_STEP = {"paper": RED, "folded": GREEN, "VDM": BLUE}  # of the mean
WAYS = ["equal\n$w=1$", "best\n$w=1$", "equal\n$w^*$", "best\n$w^*$"]


def three_choices() -> Picture:
    """A chain of four steps: the weight of a step, the place of a node, the scale of a mean."""
    figure, ax = canvas(8, 3.0)
    places = [0.7, 2.6, 4.6, 6.2, 7.3]
    ax.plot([places[0], places[-1]], [1.35, 1.35], color="0.6", lw=1.5, ls="-", zorder=0)
    for i, x in enumerate(places):
        ax.plot(x, 1.35, "o", color=GREY, ms=11)
        words(ax, (x, 1.0), f"$t_{i}$", GREY)
    words(ax, (places[0], 0.65), "data", "0.35", 12)
    words(ax, (places[-1], 0.65), "noise", "0.35", 12)
    for s, t in zip(places[:-1], places[1:], strict=True):
        arrow(ax, (t - 0.06, 1.5), (s + 0.06, 1.5), "", "0.6", bend=0.45)
    arrow(ax, (places[3] - 0.06, 1.5), (places[2] + 0.06, 1.5), "", RED, bend=0.45)
    words(ax, (5.4, 2.4), "1  how much does\na step weigh?", RED)
    arrow(ax, (places[1] + 0.12, 1.35), (places[1] + 0.75, 1.35), "", BLUE)
    arrow(ax, (places[1] - 0.12, 1.35), (places[1] - 0.75, 1.35), "", BLUE)
    words(ax, (places[1], 0.5), "2  where is a node? $t$", BLUE)
    arrow(ax, (places[1] - 0.06, 1.5), (places[0] + 0.06, 1.5), "", GREEN, bend=0.45)
    words(ax, (1.75, 2.4), "3  how far does\nthe mean go? $A/c$", GREEN)
    return figure


def last_step() -> Picture:
    """Bellman's recursion: the cheapest path to node 5 in k steps ends in one of these steps."""
    figure, ax = canvas(8, 2.7)
    at = {i: 0.8 + 1.3 * i for i in range(6)}
    for i, x in at.items():
        box(ax, (x, 1.0), str(i), BLUE if i == 5 else GREY, 0.55, 0.5)
    for i, x in at.items():
        if 0 < i < 5:
            words(ax, (x, 0.4), f"$B_{{k-1}}({i})$", GREY, 12)
            arrow(ax, (x, 1.3), (at[5] - 0.05 * (5 - i), 1.3), "", GREEN, bend=-0.3)
    words(ax, (at[5], 0.4), "$B_k(5)$", BLUE)
    words(ax, (2.9, 2.35), "cost$(i,5)$", GREEN)
    return figure


# --- plots and explorers --------------------------------------------------------------------------


def stairs(
    mmse: Callable[[Tensor], Tensor], nodes: ArrayLike, gamma: Array
) -> tuple[Array, list[tuple[Array, Array]]]:
    """L4's integrand at gamma, and L3's in each step between nodes (gammas), as (gamma, height).

    Args: mmse, E||x - x_hat||^2 as a function of SNR: that of a step is taken at its noisy end.
    """

    def height(at: Array, guessed: Array) -> Array:
        return 0.5 * np.exp(-at) * np.asarray(mmse(torch.as_tensor(np.exp(-guessed))))

    stretches = [np.linspace(low, high, 80) for low, high in pairwise(np.asarray(nodes).tolist())]
    return height(gamma, gamma), [(each, height(each, each[-1:])) for each in stretches]


def staircases(mmse: Callable[[Tensor], Tensor], grids: Mapping[str, ArrayLike]) -> Picture:
    """L3 against L4: stairs over the curve of the error, against gamma, areas in nats.

    Args: mmse as in `stairs`; the gammas of the nodes, by title.
    """
    gamma = np.linspace(-6, 5, 600)
    figure, axes = subplots(1, len(grids), size=(9.6, 3.4))
    for ax, (title, nodes) in zip(axes, grids.items(), strict=True):
        curve, steps = stairs(mmse, nodes, gamma)
        for stretch, stair in steps:
            ax.fill_between(stretch, stair, color=ORANGE, alpha=0.4, lw=0)
            ax.vlines(stretch[0], 0, stair[0], color=ORANGE, lw=1)
        ax.plot(gamma, curve, color=BLUE, ls="-")
        ax.set(xlim=(-6, 5), ylim=(0, 2.2), xlabel=r"$\gamma$: data left, noise right", title=title)
    axes[0].set_ylabel(r"nats per unit of $\gamma$")
    return figure


def twelve_places(bits: Mapping[int, Mapping[str, Sequence[float]]], infinite: float) -> Picture:
    """Bits/dim by T and rule of the mean in the four `WAYS`, between a uniform byte and L4."""
    figure, axes = subplots(1, len(bits), size=(9.6, 3.8))
    for ax, (T, rows) in zip(axes, bits.items(), strict=True):
        for k, (rule, colour) in enumerate(MEANS_OF_STEP.items()):
            places = np.arange(4) + 0.12 * k - 0.12
            ax.semilogy(places, rows[rule], "o", color=colour, label=rule, ms=8)
        ax.axhline(8, color="0.3", ls="--", lw=1.2)
        ax.axhline(infinite, color="0.3", ls=":", lw=1.2)
        ax.set(title=f"T = {T}", ylim=(0.75, 130))
        plain_ticks(ax.yaxis, [1, 8, 100])
        ax.set_xticks(range(4), WAYS)
    axes[0].set_ylabel("bits/dim")
    axes[-1].text(3.4, 9.2, "8 bits: a uniform byte", ha="right", fontsize=11)
    axes[-1].text(3.4, 0.9, "infinite depth", ha="right", va="center", fontsize=11)
    axes[-1].legend(ncols=2, fontsize=11)
    return figure


def grid_explorer(
    tables: Mapping[str, Sequence[Array]],
    cheapest: Callable[[Array, int], ArrayLike],
    equal: Callable[[int], ArrayLike],
) -> Explorer:
    """Choose T, ratio, scale and data: the best nodes, and what each step costs.

    Args: by data, costs (N+1, N+1) with the paper's scale at w = 1 and w*, with the best at w = 1
        and w*; cheapest(costs, T) and equal(T), paths of nodes.
    """
    names = list(tables)
    figure, (upper, lower) = subplots(2, 1, size=(5.1, 4.0), height_ratios=[1, 4])
    (dots,) = upper.plot([], [], "o", color=GREEN, ls="")
    (ticks,) = upper.plot([], [], "o", color="0.6", ls="")
    upper.set(xlim=(-0.03, 1.03), ylim=(-0.7, 1.7), title=" ", xticks=[])
    upper.set_yticks([0, 1], ["equal", "best"])
    (grey,) = lower.plot([], [], color="0.6", ls="-", label="equal, nats")
    (green,) = lower.plot([], [], color=GREEN, ls="-", label="best, nats")
    lower.set(xlabel="depth $t$", xlim=(-0.03, 1.03))
    lower.legend(loc="upper left", ncols=2, fontsize=11)

    def draw(T: int, best_ratio: int, best_scale: int, which: int) -> Picture:
        costs = tables[names[which]][2 * best_scale + best_ratio]
        sums = []
        for line, marks, path in ((green, dots, cheapest(costs, T)), (grey, ticks, equal(T))):
            nodes = np.asarray(path)
            depths, prices = nodes / (len(costs) - 1), costs[nodes[:-1], nodes[1:]]
            line.set_data(np.repeat(depths, 2)[1:-1], np.repeat(prices, 2))
            marks.set_data(depths, np.full(nodes.shape, 1.0 if line is green else 0.0))
            sums.append(prices.sum())
        lower.set_ylim(0, 1.35 * max(line.get_ydata().max() for line in (grey, green)))
        digits = 2 if sums[1] < 100 else 0  # of thousands the last ones differ between machines
        upper.set_title(f"best {sums[0]:,.{digits}f} nats, equal {sums[1]:,.{digits}f}")
        return figure

    choices = buttons("w", ["1", "w*"]), buttons("scale", ["paper", "best"])
    steps = slider("T", [2, 3, 4, 6, 8, 12, 16, 24], start=4, text="{:d}")
    stills = [(2, 0, 0, 0), (2, 0, 1, 0), (2, 0, 1, 1), (2, 1, 1, 1)]
    return Explorer(draw, steps, *choices, buttons("data", names), stills=stills)
