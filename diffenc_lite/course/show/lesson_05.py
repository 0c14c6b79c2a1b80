"""Drawings of lesson 05, What an encoder can buy, and its explorer of drawn encoders."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from ...schedule import GAMMA_MIN
from ..worlds import World
from .drawing import COLOURS, arrow, box, canvas, words
from .explorers import Explorer, buttons, slider
from .plots import BLACK, BLUE, ORANGE, RED, Picture, subplots

BILLS = {"data": BLACK, "start": COLOURS["prior"], "motion": RED}


# ---- drawings ------------------------------------------------------------------------------------


def chain_of_information() -> Picture:
    """What each link of a perfect VDM's chain costs: all information about x cancels."""
    figure, ax = canvas(8, 2.9)
    nodes = {0.8: "$x$", 3.0: "$z_0$", 5.2: "$z_1$", 7.2: r"$\mathcal{N}(0,I)$"}
    for at, text in nodes.items():
        box(ax, (at, 1.6), text, COLOURS["x" if at < 1 else "z_t"], 0.8 if at < 7 else 1.2)
    costs = (
        ("reconstruction", "$H-I_0+M$", "reconstruction", 2.6, 1.2),
        ("diffusion", "$I_0-I_1$", "diffusion", 4.8, 3.4),
        ("prior", r"$I_1+\mathrm{KL}$", "prior", 6.6, 5.6),
    )
    for name, cost, colour, start, end in costs:
        arrow(ax, (start, 1.6), (end, 1.6), colour=COLOURS[colour])
        words(ax, ((start + end) / 2, 2.25), cost, COLOURS[colour], 15)
        words(ax, ((start + end) / 2, 1.1), name, COLOURS[colour], 12)
    words(ax, (4, 0.35), r"sum:  $H+M+\mathrm{KL}(q(z_1)\,\|\,\mathcal{N}(0,I))$", size=15)
    return figure


def unknown_motion() -> Picture:
    """Two values that shrink together: where their bands overlap, z_t does not tell the motion."""
    figure, ax = canvas(8, 3.7)
    depth = np.linspace(0, 1, 200)
    noise, path = 0.1 + 0.9 * depth**1.6, 1.05 * (1 - 0.9 * depth**1.5)
    x, slope = 0.7 + 6.7 * depth, -1.05 * 0.9 * 1.5 * depth**0.5 / 6.7
    for sign in (1, -1):
        y = np.add(1.85, sign * path)
        ax.fill_between(x, y - noise, y + noise, color=COLOURS["z_t"], alpha=0.18, lw=0)
        ax.plot(x, y, color=COLOURS["x_t"], lw=2.5, ls="-", zorder=0.5)
        words(ax, (0.35, float(y[0])), f"${sign:+d}$")
        for at in (50, 140):
            arrow(ax, (x[at], y[at]), (x[at] - 1.2, y[at] - 1.2 * sign * slope[at]), colour=RED)
    for at, height in ((50, 2.85), (140, 1.85)):
        ax.plot(x[at], height, "o", color=BLACK, ms=7, zorder=5)
        words(ax, (float(x[at]), height + 0.25), "$z_t$")
    words(ax, (2.2, 3.5), "apart: $z_t$ tells the motion")
    words(ax, (6.0, 3.5), "mixed: up or down?", RED)
    arrow(ax, (4.8, 0.2), (3.2, 0.2))
    words(ax, (2.7, 0.2), "data", size=12)
    words(ax, (5.35, 0.2), "noise", size=12)
    return figure


def three_bills(models: dict[str, tuple[float, float, float]]) -> Picture:
    """A receipt for each of two models: data, start and motion in nats, and their sum."""
    figure, ax = canvas(8, 3.2)
    columns = (2.1, BLUE), (5.9, ORANGE)
    for (centre, colour), (name, amounts) in zip(columns, models.items(), strict=True):
        box(ax, (centre, 1.6), "", colour, 3.3, 3.0)
        words(ax, (centre, 2.78), name, colour, 15, weight="bold")
        for row, (item, amount) in enumerate(zip(BILLS, amounts, strict=True)):
            y = 2.25 - 0.45 * row
            words(ax, (centre - 1.4, y), f"the {item}", BILLS[item], ha="left")
            words(ax, (centre + 1.4, y), f"{max(amount, 0.0):.4f}", BILLS[item], ha="right")
        ax.plot([centre - 1.4, centre + 1.4], [1.02, 1.02], color=BLACK, lw=1.2, ls="-")
        words(ax, (centre - 1.4, 0.7), "the bound", ha="left")
        words(ax, (centre + 1.4, 0.7), f"{sum(amounts):.4f} nats", ha="right", weight="bold")
    return figure


def dimming(powers: ArrayLike, priors: Sequence[float], above: Sequence[float]) -> Picture:
    """What the prior loss and the bound do, in the same unit, as f = alpha^p dims the data more."""
    figure, ax = subplots(size=(8, 3.2))
    ax.plot(powers, above, "o-", color=BLACK)
    ax.plot(powers, priors, "o-", color=COLOURS["prior"])
    ax.text(1.1, 0.035, r"the bound above $\ln2$", ha="right")
    ax.text(1.35, 0.005, "the prior loss", color=COLOURS["prior"])
    ax.set_xticks([0, 1, 2], ["p = 0\n(VDM)", "p = 1", "p = 2\n(scaling)"])
    ax.set(ylabel="nats", title="Here, the lower the prior loss, the worse the model")
    return figure


# ---- encoders drawn by hand ----------------------------------------------------------------------

# depths between which the factor is a straight line; 1 up to the first
KNOTS = (0.4, 0.6, 0.8, 1.0)
MIDDLES = (np.arange(600) + 0.5) / 600
TOPS = (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)  # of the axis of a motion
HEIGHTS = (0, 0.2, 0.5, 0.8, 0.9, 1, 1.2, 1.5)  # of the sliders


def factor(heights: Sequence[float]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The factor f and its slope in t at MIDDLES; heights, f at t = 0.6, 0.8 and 1."""
    corners = [1.0, *heights]
    slopes = np.append(0.0, np.diff(corners) / np.diff(KNOTS))
    return np.interp(MIDDLES, KNOTS, corners), slopes[np.searchsorted(KNOTS, MIDDLES)]


class Drawn:
    """Bills of the perfect model with x_t = f x in a one-dimensional world, for any drawn f.

    Information and error of the world are tabulated once, so that `bills` takes no time.
    """

    def __init__(self, world: World):
        self.second_moment = world.second_moment
        self.log_eta = np.linspace(-25, 14, 3001)  # eta = SNR f^2, the SNR about x
        eta = torch.from_numpy(self.log_eta).exp()
        self.information, self.mmse = world.information(eta).numpy(), world.mmse(eta).numpy()

    def _look_up(self, table: NDArray[Any], eta: ArrayLike) -> NDArray[Any]:
        return np.interp(np.log(np.maximum(eta, 1e-11)), self.log_eta, table)

    def bills(
        self, heights: Sequence[float], gamma_1: float = 5.0
    ) -> tuple[float, float, float, NDArray[Any]]:
        """Start, motion and prior loss in nats, and the motion per unit of t at MIDDLES."""
        width = gamma_1 - GAMMA_MIN
        f, slope = factor(heights)
        snr = np.exp(-GAMMA_MIN - width * MIDDLES)
        speed = -slope / width  # df/dlambda
        rate = width * 0.5 * snr * speed**2 * self._look_up(self.mmse, snr * f**2)
        alpha2, last = 1 / (1 + math.exp(gamma_1)), heights[-1] ** 2
        prior = 0.5 * (alpha2 * (last * self.second_moment - 1) - math.log(1 - alpha2))  # L0
        start = prior - float(self._look_up(self.information, math.exp(-gamma_1) * last))
        return max(start, 0.0), float(rate.mean()), prior, rate


def drawn_explorer(drawn: Drawn) -> Explorer:
    """Buttons for the end of the noise; sliders for f at t = 0.6, 0.8 and 1; the red area is the
    bill of the motion. It starts at the VDM."""
    figure, ax = subplots(size=(5.1, 3.3))
    (line,) = ax.plot(MIDDLES, np.ones_like(MIDDLES), color=ORANGE, ls="-")
    (dots,) = ax.plot(KNOTS[1:], [1] * 3, "o", color=ORANGE)
    ax.set(xlabel="depth $t$", xlim=(0, 1.02), ylim=(0, 1.6), title="\n")
    ax.set_ylabel("factor $f$", color=ORANGE)
    right = ax.twinx()
    (area,) = right.fill([0, 1, 1], [0, 0, 0], color=RED, alpha=0.5, lw=0)
    right.set(ylim=(0, TOPS[0]))
    right.set_ylabel("motion, nats / $t$", color=RED)
    ends = {"5": 5.0, "−1": -1.0}

    def draw(which: int, *heights: float) -> Picture:
        start, motion, prior, rate = drawn.bills(heights, list(ends.values())[which])
        line.set_ydata(factor(heights)[0])
        dots.set_ydata(heights)
        area.set_xy(np.column_stack([[0, *MIDDLES, 1], [0, *rate, 0]]))
        right.set_ylim(0, next(top for top in TOPS if rate.max() < top))
        sums = f"start {start:.4f} + motion {motion:.4f} = {start + motion:.4f}"
        ax.set_title(f"{sums}\nprior loss {prior:.4f}", fontsize=12)
        return figure

    sliders = [slider(f"f({t:g})", HEIGHTS, start=1, text="{:.1f}") for t in KNOTS[1:]]
    shapes = (0, (1, 1, 0)), (0, (0.5, 1, 1)), (0, (1.5, 1, 1)), (1, (0.8, 0.8, 0.8))
    stills = [(end, *map(HEIGHTS.index, heights)) for end, heights in shapes]
    return Explorer(draw, buttons("γ(1)", list(ends)), *sliders, stills=stills)
