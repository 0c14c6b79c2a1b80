"""Pictures: maps of the ratio, and the figure of the README."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

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
    for ax, model in zip(axes, MODELS, strict=True):
        bounds = [row for row in rows if row["part"] == "bound" and row["model"] == model]
        for line in LINES:
            own = [r for r in bounds if (r["scale"], r["ratio"], r["grid"]) == line]
            excess, error = ([row[key] for row in own] for key in ("excess", "excess_error"))
            error_bars(ax, own, line, excess, error)
        ax.set(yscale="log", title=model, ylim=(2e-3, 1e4))
    axes[0].set_ylabel("bits/dim above infinite depth")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def error_bars(
    ax: Axes, rows: list[Row], line: tuple[str, str, str], values: ArrayLike, errors: ArrayLike
) -> None:
    """Values of one choice against T, which the rows give, with two standard errors."""
    colour, dashes = LINES[line]
    style: Any = {"color": colour, "ls": dashes, "marker": "o", "ms": 4, "lw": 1.8, "capsize": 2}
    label = ", ".join(line[: 2 if line[2] == EQUAL else 3]).replace("paper", "paper's mean")
    steps = [row["steps"] for row in rows]
    ax.errorbar(steps, values, 2 * np.asarray(errors), label=label, **style)
    ax.set(xscale="log", xlabel="steps T")
    ticks = [steps for steps in STEPS if steps not in (32, 128)]  # no room for their labels
    ax.set_xticks(ticks, [str(steps) for steps in ticks])
    ax.minorticks_off()
