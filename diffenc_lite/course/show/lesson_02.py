"""Drawings of notebook 02, The bound."""

from itertools import pairwise

from .drawing import COLOURS, arrow, box, canvas, words
from .plots import BLACK, Picture


def two_chains() -> Picture:
    """The encoder process and the model, both from noise to data, and the three terms between."""
    figure, ax = canvas(8, 4.1)
    q, p = COLOURS["q"], COLOURS["p"]
    places = {"$z_1$": 7.4, "$z_t$": 5.5, "$z_s$": 3.6, "$z_0$": 1.9}
    for row, colour in ((3.0, q), (0.85, p)):
        for name, x in places.items():
            box(ax, (x, row), name, colour, width=0.7)
        for start, end in pairwise(places.values()):
            arrow(ax, (start - 0.38, row), (end + 0.38, row), colour=colour)
            ax.patches[-1].set_linestyle("-" if start == 5.5 else "--")
    box(ax, (0.5, 0.85), "$x$", COLOURS["x"], width=0.6)
    arrow(ax, (1.52, 0.85), (0.83, 0.85), colour=p)
    words(ax, (4.0, 3.8), "the posterior $q$ knows $x$", q, size=14)
    words(ax, (4.0, 0.15), "the model $p$ does not", p, size=14)
    words(ax, (7.4, 3.5), "$q(z_1|x)$", q)
    words(ax, (4.55, 3.27), "$q(z_s|z_t,x)$", q, size=12)
    words(ax, (7.4, 0.36), "$p(z_1)$", p)
    words(ax, (4.55, 0.58), "$p(z_s|z_t)$", p, size=12)
    words(ax, (1.18, 0.36), "$p(x|z_0)$", p)
    terms = (
        (7.25, "prior\nL0", "prior", 1.2, (2.66, 1.19), 7.4),
        (4.55, "diffusion: every\nstep of this kind, L2", "diffusion", 2.6, (2.66, 1.19), 4.55),
        (1.3, "reconstruction", "reconstruction", 2.0, (None, 0.95), 1.18),
    )
    for x, text, name, width, (top, bottom), line in terms:
        box(ax, (x, 1.93), text, COLOURS[name], width=width, height=0.75)
        if top:
            ax.plot([line, line], [2.31, top], color=BLACK, ls=":", lw=1.5)
        ax.plot([line, line], [1.55, bottom], color=BLACK, ls=":", lw=1.5)
    return figure


def three_steps() -> Picture:
    """Between the posterior and the model's step: the best step of one who does not know x."""
    figure, ax = canvas(8, 2.55)
    steps = (
        (1.25, "$q(z_s|z_t,x)$", "the posterior:\nknows $x$", COLOURS["q"]),
        (4.0, "$q(z_s|z_t)$", "the best step\nwithout $x$: a mixture", BLACK),
        (6.75, "$p(z_s|z_t)$", "the model:\na Gaussian", COLOURS["p"]),
    )
    for x, name, text, colour in steps:
        box(ax, (x, 1.2), name, colour, width=1.7)
        words(ax, (x, 0.45), text, colour, size=12)
    arrow(ax, (2.15, 1.2), (3.1, 1.2), "gained", COLOURS["q"])
    arrow(ax, (4.9, 1.2), (5.85, 1.2), "surplus", COLOURS["p"])
    arrow(ax, (1.25, 1.55), (6.75, 1.55), "cost", BLACK, bend=-0.18)
    return figure
