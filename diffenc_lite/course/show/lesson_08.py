"""Drawings of lesson 08, Two-dimensional toys, and its explorer of the perfect denoiser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from torch import Tensor

from ... import process
from ...data import toy
from ...model import DiffEnc
from ...pixels import to_unit
from ...schedule import LinearSchedule, Noise
from ..worlds import Likelihood
from . import plots
from .drawing import COLOURS, canvas, words
from .explorers import FrameExplorer, buttons, slider
from .plots import BLACK, BLUE, RED, Picture

REACH = 1.5  # of z, in pictures of the plane


def plane(ax: Axes, title: str = "", reach: float = 1.0) -> None:
    """Square axes from -reach to reach in both coordinates."""
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", title=title)
    ax.set(xticks=[-1, 0, 1], yticks=[-1, 0, 1])
    ax.grid(False)


def pythagoras() -> Picture:
    """The loss charges the long side; the perfect denoiser pays one short side."""
    figure, ax = canvas(8, 3.2)
    x, best, guess = (1.4, 2.5), (1.4, 0.7), (5.9, 0.7)
    sides = ((x, best, BLUE), (best, guess, RED), (x, guess, BLACK))
    for (a, b), (c, d), colour in sides:
        ax.plot([a, c], [b, d], color=colour, lw=3, ls="-", zorder=1)
    ax.plot([1.4, 1.62, 1.62], [0.92, 0.92, 0.7], color="0.6", lw=1, ls="-")
    corners = (
        (x, (1.4, 2.8), "$x$"),
        (best, (1.0, 0.4), r"$\mathbb{E}[x|z_t]$"),
        (guess, (6.2, 0.7), r"$\hat x$"),
    )
    for at, label, text in corners:
        ax.plot(*at, "o", color=BLACK, ms=8)
        words(ax, label, text, size=16)
    words(ax, (4.4, 1.95), "charged", BLACK, 14)
    words(ax, (0.65, 1.6), "nobody\navoids it", BLUE, 13)
    words(ax, (3.8, 0.4), "the network's mistake", RED, 14)
    return figure


def _density(exact: Likelihood, noise: Noise, z: Tensor) -> Tensor:
    """The density of z_t on a square grid: z (G,) -> (G, G)."""
    away = (z[:, None] - noise.alpha * exact.x) / noise.sigma
    kernel = torch.exp(-0.5 * away.square()) / noise.sigma
    return kernel @ exact.probability @ kernel.T


class _Field:
    """One panel: the density of z_t, and arrows from z_t towards the perfect guess."""

    def __init__(self, ax: Axes):
        self.ax, self.line = ax, torch.linspace(-REACH, REACH, 13, dtype=torch.float64)
        self.grid = torch.cartesian_prod(self.line, self.line)
        plane(ax, " ", REACH)
        extent = (-REACH, REACH, -REACH, REACH)
        self.image = ax.imshow(
            np.zeros((200, 200)), origin="lower", extent=extent, cmap="Greys", vmin=0, vmax=1.6
        )
        self.arrows = ax.quiver(
            *self.grid.T, *self.grid.T, angles="xy", scale_units="xy", scale=2.5, width=0.007,
            color=COLOURS["p"],
        )  # fmt: skip

    def show(self, exact: Likelihood, t: float) -> None:
        noise = LinearSchedule()(torch.tensor([t], dtype=torch.float64))
        z = torch.linspace(-REACH, REACH, 200, dtype=torch.float64)
        density = _density(exact, noise, z)
        self.image.set_data((density / density.max()).sqrt().T)
        guess = noise.alpha * exact.posterior_mean(self.grid, noise)
        self.arrows.set_UVC(*(guess - self.grid).T)
        self.ax.set_title(f"{exact.name}, t = {t:g}")


@plots.styled
def field_explorer(tables: Mapping[str, Likelihood], depths: Sequence[float]) -> FrameExplorer:
    """Choose a toy and a depth: how the perfect denoiser pulls z_t back."""
    figure, ax = plots.subplots(size=(4.6, 4.4))
    field, exact = _Field(ax), list(tables.values())

    def draw(which: int, t: float) -> Figure:
        field.show(exact[which], t)
        return figure

    return FrameExplorer(
        draw, buttons("toy", list(tables)), slider("t", depths, start=0.5, text="{:.1f}")
    )


def fields(tables: Mapping[str, Likelihood], depths: Sequence[float]) -> Picture:
    """A row for each toy, a column for each depth: the fields of its perfect denoiser."""
    figure, axes = plots.subplots(len(tables), len(depths), size=(10, 2.7 * len(tables)))
    for row, exact in zip(np.atleast_2d(axes), tables.values(), strict=True):
        for ax, t in zip(row, depths, strict=True):
            _Field(ax).show(exact, t)
    return figure


@torch.no_grad()
def mistakes(model: DiffEnc, exact: Likelihood, gammas: Sequence[float]) -> Picture:
    """From the perfect guess to the network's, at latents of data points, one panel a noise."""
    figure, axes = plots.subplots(1, len(gammas), size=(10, 3.5))
    generator = torch.Generator().manual_seed(6)
    x = to_unit(toy(exact.name, 300, generator=generator), dtype=torch.float64)
    eps = torch.randn(x.shape, generator=generator, dtype=torch.float64)
    for ax, gamma in zip(axes, gammas, strict=True):
        at = Noise.from_gamma(torch.full((len(x),), gamma, dtype=torch.float64))
        z = process.add_noise(x, eps, at.like(x))
        best = exact.posterior_mean(z, at)
        guess = process.x_from_v(z, model.v_hat(z, at.gamma), at.like(z))
        plane(ax, f"$\\gamma$ = {gamma:g}")
        ax.imshow(
            exact.probability.sqrt().T, origin="lower", extent=(-1, 1, -1, 1), cmap="Greys",
            vmax=2 * float(exact.probability.max()) ** 0.5,
        )  # fmt: skip
        ax.plot(*best.T, "o", color=BLUE, ms=2)
        segments: Any = torch.stack([best, guess], 1).numpy()
        ax.add_collection(LineCollection(segments, colors=RED, linewidths=1.4))
    return figure
