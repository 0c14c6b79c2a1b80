"""Pictures of lesson 00: training and sampling as a flow; how much encoders change a digit."""

from collections.abc import Mapping

from torch import Tensor

from .drawing import COLOURS, arrow, box, canvas, words
from .plots import BLACK, Picture, subplots


def training_and_sampling() -> Picture:
    """What is computed from what: above in training, below in sampling."""
    figure, ax = canvas(8, 4.6)
    encoder, denoiser = COLOURS["learned"], COLOURS["p"]
    words(ax, (0.15, 4.3), "Training: the data are there", size=14, ha="left", weight="bold")
    box(ax, (0.6, 3.3), "data\n$x$", COLOURS["x"], 0.9, 0.8)
    box(ax, (2.1, 3.3), "encoder", encoder, 1.2, 0.8)
    box(ax, (3.6, 3.3), "clean\n$x_t$", COLOURS["x_t"], 0.9, 0.8)
    box(ax, (5.3, 3.3), "noisy\n$z_t$", COLOURS["z_t"], 0.9, 0.8)
    box(ax, (6.9, 3.3), "denoiser", denoiser, 1.25, 0.8)
    for start, end in ((1.05, 1.5), (2.7, 3.15), (5.75, 6.275), (4.05, 4.85)):
        arrow(ax, (start, 3.3), (end, 3.3))
    words(ax, (4.45, 3.5), "noise")
    arrow(ax, (6.9, 2.9), (6.1, 2.45))
    words(ax, (7.15, 2.55), "guess $\\hat{x}$", denoiser)
    arrow(ax, (3.6, 2.9), (4.4, 2.45))
    box(ax, (5.25, 2.35), "compare: loss", BLACK, 1.7, 0.5)

    words(ax, (0.15, 1.65), "Sampling: there are no data yet", size=14, ha="left", weight="bold")
    box(ax, (2.1, 0.9), "", "#D0D0D0", 1.2, 0.8)
    words(ax, (2.1, 0.9), "encoder:\ncalled?", "#8A8A8A")
    box(ax, (3.6, 0.9), "noisy\n$z_t$", COLOURS["z_t"], 0.9, 0.8)
    box(ax, (4.95, 0.9), "denoiser", denoiser, 1.15, 0.8)
    box(ax, (6.3, 0.9), "less noisy\n$z_s$", COLOURS["z_t"], 1.1, 0.8)
    box(ax, (7.5, 0.9), "digit\n$x$", COLOURS["x"], 0.8, 0.8)
    for start, end in ((4.05, 4.375), (5.525, 5.75), (6.85, 7.1)):
        arrow(ax, (start, 0.9), (end, 0.9))
    arrow(ax, (6.3, 0.48), (3.6, 0.48), bend=-0.12)
    words(ax, (4.95, 0.13), "again, $T$ times; the first $z_t$ is pure noise")
    return figure


def changes(depths: Tensor, limit: Tensor, mean_change: Mapping[str, Tensor]) -> Picture:
    """The mean change |x_t - x| of encoders at each depth, below the limit of X7."""
    figure, ax = subplots(size=(8, 3.4))
    for name, values in {"no more is possible": limit, **mean_change}.items():
        colour = COLOURS.get(name, BLACK)
        ax.plot(depths, values, ":" if values is limit else "-", color=colour, lw=2.5)
        ax.text(1.01, values[-1], name, color=colour, va="center", fontsize=13)
    ax.set(xlim=(0, 1.38), xlabel="depth $t$", ylabel="mean $|x_t-x|$", xticks=[0, 0.5, 0.8, 1])
    ax.set_title("Early, no encoder can change much; at 0.8 the learned one still waits")
    return figure
