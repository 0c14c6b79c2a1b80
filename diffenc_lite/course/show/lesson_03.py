"""Drawings of notebook 03, From finite to infinite depth."""

from typing import Any

import numpy as np

from .drawing import COLOURS, arrow, canvas, words
from .plots import BLACK, BLUE, ORANGE, Picture


def one_rectangle() -> Picture:
    """One step: the guess is made at its noisy end and counted for all of its width."""
    figure, ax = canvas(8, 3.6)

    def half_error(snr: Any) -> Any:
        return 0.75 + 2.6 * np.exp(-(snr - 0.8) / 2.6)

    snr, inside = np.linspace(0.8, 7.6, 200), np.linspace(2.2, 5.2, 100)
    top = half_error(2.2)
    ax.fill_between(inside, 0.75, half_error(inside), color=COLOURS["diffusion"], alpha=0.25, lw=0)
    ax.fill_between(inside, half_error(inside), top, color=ORANGE, alpha=0.5, lw=0)
    ax.plot(snr, half_error(snr), color=BLUE, ls="-")
    ax.plot([2.2, 2.2, 5.2, 5.2], [0.75, top, top, 0.75], color=ORANGE, ls="-", lw=2)
    arrow(ax, (0.8, 0.75), (7.7, 0.75))
    words(ax, (1.3, 3.25), "½ mmse", BLUE, ha="left")
    words(ax, (4.1, 1.98), "surplus", BLACK)
    words(ax, (3.2, 1.15), "gained", "0.3")
    words(ax, (3.7, top + 0.2), "cost: the whole rectangle", BLACK)
    words(ax, (2.2, 0.45), "SNR($t$)\nthe guess is made", BLACK, size=12)
    words(ax, (5.2, 0.45), "SNR($s$)\nit counts up to here", BLACK, size=12)
    words(ax, (7.5, 0.5), "SNR", BLACK)
    return figure
