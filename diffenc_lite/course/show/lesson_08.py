"""Drawings of lesson 08, Two-dimensional toys, and its explorer of the perfect denoiser."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from torch import Tensor

from ... import process
from ...data import toy
from ...model import DiffEnc
from ...pixels import to_unit
from ...schedule import LinearSchedule, Noise
from ..worlds import Likelihood
from .drawing import COLOURS, canvas, words
from .explorers import Explorer, buttons, slider
from .plots import BLACK, BLUE, RED, Picture, plain_ticks, subplots

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
    for (a, b), (c, d), colour in ((x, best, BLUE), (best, guess, RED), (x, guess, BLACK)):
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
    words(ax, (0.65, 1.6), "unavoidable", BLUE, 13)
    words(ax, (3.8, 0.4), "the network's mistake", RED, 14)
    words(ax, (6.9, 2.8), "(not to scale)", "0.4", 12)
    return figure


def pulled(exact: Likelihood, t: float, z: Tensor) -> Tensor:
    """Where the perfect denoiser pulls latents z (N, 2) at depth t: alpha_t E[x|z_t] - z_t."""
    noise = LinearSchedule()(torch.tensor([t], dtype=torch.float64))
    return noise.alpha * exact.posterior_mean(z, noise) - z


def density(exact: Likelihood, t: float, line: Tensor) -> Tensor:
    """q(z_t) at depth t on the square grid of `line` (n,), (n, n), up to a factor."""
    noise = LinearSchedule()(torch.tensor([t], dtype=torch.float64))
    away = (line[:, None] - noise.alpha * exact.x) / noise.sigma
    kernel = torch.exp(-0.5 * away.square()) / noise.sigma
    return kernel @ exact.probability @ kernel.T


def field_explorer(tables: Mapping[str, Likelihood]) -> Explorer:
    """A toy and a depth: how the perfect denoiser pulls z_t back. It starts near the data."""
    figure, ax = subplots(size=(3.45, 3.4))
    plane(ax, "arrows: towards the perfect guess", REACH)
    coarse, fine = (torch.linspace(-REACH, REACH, n, dtype=torch.float64) for n in (13, 200))
    grid, extent = torch.cartesian_prod(coarse, coarse), (-REACH, REACH, -REACH, REACH)
    image = ax.imshow(
        np.zeros((200, 200)), origin="lower", extent=extent, cmap="Greys", vmin=0, vmax=1.6
    )
    arrows = ax.quiver(
        *grid.T, *grid.T, angles="xy", scale_units="xy", scale=2.5, width=0.007, color=COLOURS["p"]
    )

    def draw(which: int, t: float) -> Figure:
        exact = list(tables.values())[which]
        q = density(exact, t, fine)
        image.set_data((q / q.max()).sqrt().T)
        arrows.set_UVC(*pulled(exact, t, grid).T)
        return figure

    depth = slider("t", np.linspace(0.4, 0.9, 6), start=0.5, text="{:.1f}")
    stills = [(0, 1), (0, 2), (0, 3), (1, 0), (1, 1), (1, 2)]  # t = 0.5, 0.6, 0.7; 0.4, 0.5, 0.6
    return Explorer(draw, buttons("toy", list(tables)), depth, stills=stills)


def three_ways(estimates: Mapping[str, Tensor]) -> Picture:
    """Estimates of one gap, each from the values of all points (n,): mean and two errors."""
    figure, ax = subplots(size=(8, 2.6))
    for row, gaps in enumerate(estimates.values()):
        mean, error = gaps.mean().item(), gaps.std().item() / len(gaps) ** 0.5
        ax.errorbar(mean, row, xerr=2 * error, fmt="o", color=BLUE, capsize=4, lw=2)
        ax.text(0.29, row, f"{mean:.4f} ± {2 * error:.4f}", va="center")
    ax.set(yticks=range(len(estimates)), yticklabels=list(estimates), xlim=(-0.26, 0.46))
    ax.set(ylim=(len(estimates) - 0.5, -0.5), xlabel="bits per dimension")
    ax.set(title="One gap, measured in three ways (bars: two standard errors)")
    return figure


def by_noise(
    gammas: ArrayLike,
    means: Sequence[ArrayLike],
    bars: Sequence[ArrayLike],
    perfect: tuple[ArrayLike, ArrayLike],
) -> Picture:
    """What the perfect VDM pays and the network's mistake at each noise (2, n), with error bars.

    Args: perfect, the exact price at each gamma.
    """
    figure, axes = subplots(1, 2, size=(10, 3.4))
    for ax, mean, bar, colour in zip(axes, means, bars, (BLACK, RED), strict=True):
        look = "o" if colour == BLACK else "o-"  # the exact price is drawn through the dots
        ax.errorbar(gammas, mean, bar, color=colour, fmt=look, ms=4, capsize=3)
        ax.set(xlabel=r"$\gamma$ (data … noise)", ylim=(0, None), xticks=[-12, -8, -4, 0, 4])
    axes[0].plot(*perfect, color=BLACK, ls="-")
    axes[0].set(title="What the perfect VDM pays", ylabel="bits/dim per unit of γ")
    axes[1].set(title="The network's mistake")
    axes[1].axvspan(-2.2, 5, color="0.9", zorder=0)
    axes[1].text(1.4, 0.8 * axes[1].get_ylim()[1], r"$\sigma^2>0.1$", ha="center")
    return figure


def by_width(ratios: Mapping[str, ArrayLike], widths: Sequence[int]) -> Picture:
    """Ratios of two gaps for each toy: low, middle and high (widths, 3)."""
    figure, ax = subplots(size=(8, 3.4))
    looks = (BLUE, 0.97), (RED, 1.03)
    for (name, values), (colour, shift) in zip(ratios.items(), looks, strict=True):
        low, middle, high = np.transpose(values)
        bars = [middle - low, high - middle]
        ax.errorbar(np.multiply(widths, shift), middle, bars, fmt="o-", color=colour, capsize=4)
        ax.text(72, middle[-1] + 0.07, name, color=colour)
    ax.axhline(1, color="0.4", lw=1.2, ls="-")
    ax.set(xscale="log", xlim=(7, 100), xlabel="width of the denoiser", ylabel="gap: learned / VDM")
    plain_ticks(ax.xaxis, widths)
    ax.set(title="Above 1 the learned encoder is farther from the truth (bars: 95 %)")
    return figure


@torch.no_grad()
def guesses(model: DiffEnc, exact: Likelihood, gamma: float) -> tuple[Tensor, Tensor]:
    """The perfect guess and the network's, (300, 2), at latents of data points at one noise."""
    generator = torch.Generator().manual_seed(6)
    x = to_unit(toy(exact.name, 300, generator=generator), dtype=torch.float64)
    eps = torch.randn(x.shape, generator=generator, dtype=torch.float64)
    at = Noise.from_gamma(torch.full((len(x),), gamma, dtype=torch.float64))
    z = process.add_noise(x, eps, at.like(x))
    return exact.posterior_mean(z, at), process.x_from_v(z, model.v_hat(z, at.gamma), at.like(z))


def mistakes(model: DiffEnc, exact: Likelihood, gammas: Sequence[float]) -> Picture:
    """From the perfect guess to the network's, at latents of data points, one panel a noise."""
    figure, axes = subplots(1, len(gammas), size=(4 * len(gammas), 4))
    for ax, gamma in zip(axes, gammas, strict=True):
        best, guess = guesses(model, exact, gamma)
        ax.imshow(
            exact.probability.sqrt().T, origin="lower", extent=(-1, 1, -1, 1), cmap="Greys",
            vmax=2 * float(exact.probability.max()) ** 0.5,
        )  # fmt: skip
        ax.plot(*best.T, "o", color=BLUE, ms=3)
        segments: Any = torch.stack([best, guess], 1).numpy()
        ax.add_collection(LineCollection(segments, colors=RED, linewidths=1.8))
        plane(ax, f"$\\gamma$ = {gamma:g}", 0.8)
        ax.set(xticks=[-0.5, 0, 0.5], yticks=[-0.5, 0, 0.5], xlim=(-0.8, 0.8), ylim=(-0.8, 0.8))
    figure.varies = True  # trained on the page
    return figure


def encoded_explorer(model: DiffEnc, exact: Likelihood) -> Explorer:
    """Points x and their encodings x_t at a depth t, with the mean length of the way between."""
    figure, ax = subplots(size=(3.6, 3.6))
    x = to_unit(
        toy(exact.name, 300, generator=torch.Generator().manual_seed(6)), dtype=torch.float64
    )
    ax.plot(*x.T, "o", color=COLOURS["x"], ms=3)
    (dots,) = ax.plot([], [], "o", color=COLOURS["x_t"], ms=3)
    ways = ax.add_collection(LineCollection([], colors=COLOURS["x_t"], linewidths=0.8))
    plane(ax, " ", 0.8)
    figure.varies = True  # trained on the page

    @torch.no_grad()
    def draw(t: float) -> Figure:
        gamma = model.schedule(torch.full((len(x),), t, dtype=torch.float64)).gamma
        moved = x + model.shift(x, gamma)
        segments: Any = torch.stack([x, moved], 1).numpy()
        ways.set_segments(segments)
        dots.set_data(*moved.T)
        ax.set_title(f"moved by {(moved - x).norm(dim=1).mean():.3f} on average")
        return figure

    depth = slider("t", np.linspace(0, 1, 11), start=0.7, text="{:.1f}")
    return Explorer(draw, depth, stills=[(5,), (6,), (7,), (10,)])
