"""Pictures: maps of the ratio, and the figure of the README."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...show import plots
from ..runner import Row, load_arrays
from .inputs import BEST, CHEAPEST, EQUAL, FITTED, MODELS, ONE, PAPER, STEPS


def shipped_maps() -> NDArray[np.uint8]:
    """255 w of every pixel at T = 8, from the package: [model, step, H, W]."""
    arrays = load_arrays("mnist_ratio")
    return np.stack([arrays[f"map_{model}"] for model in MODELS])


LINES = {  # (scale, ratio, grid): colour, dashes
    (PAPER, ONE, EQUAL): (plots.BLACK, "-"),
    (PAPER, BEST, EQUAL): (plots.BLUE, "--"),
    (FITTED, ONE, EQUAL): (plots.SKY, "-"),
    (FITTED, BEST, EQUAL): (plots.GREEN, "-"),
    (FITTED, BEST, CHEAPEST): (plots.RED, (0, (5, 1, 1, 1))),
}


@plots.styled
def excess_figure(rows: list[Row]) -> plots.Picture:
    """Bits per dimension above infinite depth against T with two standard errors, one panel for
    each model."""
    figure, axes = plots.subplots(1, len(MODELS), size=(9.6, 4.2))
    style: Any = {"marker": "o", "ms": 4, "lw": 1.8, "capsize": 2}
    ticks = [steps for steps in STEPS if steps not in (32, 128)]  # no room for their labels
    for ax, model in zip(axes, MODELS, strict=True):
        bounds = [row for row in rows if row["part"] == "bound" and row["model"] == model]
        for choice, (colour, dashes) in LINES.items():
            shown = [r for r in bounds if (r["scale"], r["ratio"], r["grid"]) == choice]
            points = [(row["steps"], row["excess"], 2 * row["excess_error"]) for row in shown]
            words = choice[: 2 if choice[2] == EQUAL else 3]
            label = ", ".join(words).replace("paper", "paper's mean")
            ax.errorbar(*np.transpose(points), color=colour, ls=dashes, label=label, **style)
        ax.set(xscale="log", yscale="log", xlabel="steps T", ylim=(2e-3, 1e4))
        ax.set_title(model.removeprefix("mnist-"))
        ax.set_xticks(ticks, [str(steps) for steps in ticks])
        ax.set_xticks([], minor=True)
    axes[0].set_ylabel("bits/dim above infinite depth")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure
