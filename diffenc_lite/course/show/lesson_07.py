"""Drawings of lesson 07: what is free about a step, and how the cheapest path is found."""

from __future__ import annotations

from .drawing import COLOURS, arrow, box, canvas, words
from .plots import BLUE, GREEN, RED, Picture, styled

GREY = COLOURS["z_t"]


@styled
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
    words(ax, (5.4, 2.4), "1  what weight\nhas a step? $w$", RED)
    arrow(ax, (places[1] + 0.12, 1.35), (places[1] + 0.75, 1.35), "", BLUE)
    arrow(ax, (places[1] - 0.12, 1.35), (places[1] - 0.75, 1.35), "", BLUE)
    words(ax, (places[1], 0.5), "2  where is a node? $t$", BLUE)
    arrow(ax, (places[1] - 0.06, 1.5), (places[0] + 0.06, 1.5), "", GREEN, bend=0.45)
    words(ax, (1.75, 2.4), "3  how far goes\nthe mean? $A/c$", GREEN)
    return figure


@styled
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
