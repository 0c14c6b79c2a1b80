"""Drawings of notebook 01, A Gaussian toolbox."""

import numpy as np

from .drawing import COLOURS, arrow, canvas, words
from .plots import BLACK, Picture


def shrink_add_shift() -> Picture:
    """A step from s to t as three moves of a bell: shrink, add noise, shift."""
    figure, ax = canvas(8, 4.6)
    z = np.linspace(-2.6, 2.6, 400)
    rows = (  # mean and standard deviation of z on the way, and what is written beside it
        (1.3, 0.42, r"$z_s$: mean $\alpha_s x_s$, standard deviation $\sigma_s$"),
        (0.85, 0.27, r"shrink by $\alpha_{t|s}=\alpha_t/\alpha_s$"),
        (0.85, 0.62, r"add noise of variance $\sigma_t^2c$"),
        (-0.75, 0.62, r"shift by $\alpha_t(x_t-x_s)$"),
    )
    for k, (mean, spread, text) in enumerate(rows):
        colour = COLOURS["z_t"] if k in (0, 3) else BLACK
        bottom = 3.65 - 1.1 * k
        bell = 0.24 / spread * np.exp(-(((z - mean) / spread) ** 2) / 2)
        ax.fill_between(2.2 + 0.75 * z, bottom, bottom + bell, color=colour, alpha=0.3, lw=0)
        ax.plot(2.2 + 0.75 * z, bottom + bell, color=colour, lw=1.8, ls="-")
        ax.plot([0.2, 4.2], [bottom, bottom], color="0.7", lw=1, ls="-")
        words(ax, (4.55, bottom + 0.3), text, ha="left")
        if k < 3:
            arrow(ax, (4.35, bottom + 0.2), (4.35, bottom - 0.6))
    middle = 2.2 + 0.75 * rows[3][0]
    arrow(ax, (2.2 + 0.75 * rows[2][0] - 0.1, 0.62), (middle + 0.1, 0.62), colour=COLOURS["x_t"])
    words(ax, (4.55, 0.3), r"$z_t$: mean $\alpha_t x_t$, standard deviation $\sigma_t$", ha="left")
    return figure


def two_sources() -> Picture:
    """What F1 expects of z_s, what the z_t that is seen says of it, and both together."""
    figure, ax = canvas(8, 2.9)
    z = np.linspace(-3, 3, 400)
    bells = (
        (-0.7, 0.9, COLOURS["x_t"], "expected (F1)", (1.45, 1.6)),
        (1.0, 1.2, COLOURS["z_t"], r"likely to lead to $z_t$ (F2)", (6.5, 1.75)),
        (-0.09, 0.72, COLOURS["q"], "both: the posterior (F3)", (4.0, 2.5)),
    )
    for mean, spread, colour, text, place in bells:
        bell = 1.35 / spread * np.exp(-(((z - mean) / spread) ** 2) / 2)
        ax.fill_between(4 + 1.2 * z, 0.4, 0.4 + bell, color=colour, alpha=0.2, lw=0)
        ax.plot(4 + 1.2 * z, 0.4 + bell, color=colour, ls="-")
        words(ax, place, text, colour)
    ax.plot([0.4, 7.6], [0.4, 0.4], color="0.7", lw=1, ls="-")
    words(ax, (7.5, 0.2), "$z_s$")
    return figure
