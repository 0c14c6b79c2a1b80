"""A data distribution of two dimensions, noised, guessed from, and one step back (00)."""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ... import process
from ...schedule import LinearSchedule, Noise
from ..worlds import Mixture, World
from .drawing import COLOURS
from .explorers import Explorer, buttons, slider
from .plots import BLACK, Array, Picture, subplots

REACH, SPAN = 2.4, 4.0  # of the plane; of the step, in standard deviations of the truth
ANGLES = torch.arange(24, dtype=torch.float64) * (2 * math.pi / 24)
RING = 0.8 * torch.stack([ANGLES.cos(), ANGLES.sin()], 1)
DEPTHS = np.arange(2, 21) / 20
CHOSEN = {"A": (18, (0.2, 0.9)), "B": (3, (0.8, 0.3))}  # two draws: a point, and its noise eps
STEPS = (10, 50)


def at(t: float) -> Noise:
    return LinearSchedule()(torch.tensor(t, dtype=torch.float64))


def guess(world: World, z: Tensor, t: Noise) -> Tensor:
    """E[x | z_t] for z (N, 2), the perfect denoiser of a VDM"""
    return world.posterior_mean(z / t.sigma, (t.alpha / t.sigma).square().expand(len(z)))


class StepBack(NamedTuple):
    """The true reverse q(z_s | z_t), a mixture of equal bells; lengths in units of sigma_Q."""

    shares: Tensor  # q(x_k | z_t), (K,)
    centres: Tensor  # mu_Q of each x_k less mu_P, (K, 2)
    m: float  # the mean squared gap for this z_t

    def density(self, line: Tensor) -> Tensor:
        """The true reverse on the square grid of `line` (n,) about mu_P, (n, n)."""
        first, second = torch.exp(-0.5 * (line[:, None, None] - self.centres).square()).unbind(2)
        return (self.shares * first) @ second.T / (2 * math.pi)


def reverse_from(points: Tensor, z_t: Tensor, s: Noise, t: Noise) -> StepBack:
    """F3 and Bayes' rule for data that are one of `points` (K, 2), and z_t (2,)."""
    shares = (-0.5 * ((z_t - t.alpha * points) / t.sigma).square().sum(1)).softmax(0)
    mean, variance = process.posterior(z_t, points, torch.zeros(()), s, t)
    middle, _ = process.generative_step(z_t, shares @ points, 0.0, s, t)
    centres = (mean - middle) / variance.sqrt()
    return StepBack(shares, centres, float(shares @ centres.square().mean(1)))


def plane_explorer() -> Explorer:
    """Slide t: a ring of 24 points dissolves, the perfect guess, and one step back from a dot.

    Right: the true reverse (grey) and the bell of the posterior's width (black), a circle of two
    standard deviations. Its frame is four standard deviations of the truth.
    """
    world = Mixture([(float(a), float(b)) for a, b in RING], [0.0] * len(RING))
    generator = torch.Generator().manual_seed(0)
    x = world.draw(300, generator)
    eps = torch.randn(x.shape, dtype=x.dtype, generator=generator)
    for row, (k, noise) in enumerate(CHOSEN.values()):
        x[row], eps[row] = RING[k], torch.tensor(noise)

    figure, (left, middle, right) = subplots(1, 3, size=(9.6, 3.5))
    for ax, title in ((left, " "), (middle, r"perfect guess $\mathrm{E}[x|z_t]$")):
        ax.plot(*RING.T, "o", color=COLOURS["x"], ms=3)
        ax.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal", title=title)
        ax.set(xticks=[-2, 0, 2], yticks=[-2, 0, 2])
    (dots,) = left.plot(*x.T, "o", color=COLOURS["z_t"], ms=2.5, zorder=1)
    names = [left.text(0, 0, name, weight="bold") for name in CHOSEN]
    (chosen,) = left.plot([0, 0], [0, 0], "o", color=COLOURS["z_t"], mec=BLACK, ms=7)
    few = slice(0, 24)
    arrows = middle.quiver(
        *x[few].T, *x[few].T, angles="xy", scale_units="xy", scale=1, width=0.007,
        color=[BLACK] * 2 + [COLOURS["p"]] * 22,
    )  # fmt: skip
    extent = (-SPAN, SPAN, -SPAN, SPAN)
    image = right.imshow(
        np.eye(2), origin="lower", extent=extent, cmap="Greys", interpolation="none"
    )
    circle = np.exp(2j * np.pi * np.linspace(0, 1, 100))
    (pinned,) = right.plot(circle.real, circle.imag, color=BLACK, ls="-")
    right.set(xticks=[], yticks=[], title=" ")
    right.grid(False)
    corner = {"transform": right.transAxes, "fontsize": 12}
    right.text(0.02, 0.03, "next latent", color="0.45", **corner)
    right.text(0.98, 0.03, "model", ha="right", color=BLACK, **corner)

    def draw(t: float, which: int, steps: int) -> Picture:
        s = t - 1 / STEPS[steps]
        noise = at(t)
        z = process.add_noise(x, eps, noise)
        dots.set_data(*z.T)
        chosen.set_data(*z[:2].T)
        for name, place in zip(names, z, strict=False):
            name.set_position((float(place[0]) + 0.1, float(place[1]) + 0.1))
        arrows.XY = z[few].numpy()
        arrows.set_offsets(arrows.XY)
        arrows.set_UVC(*(guess(world, z[few], noise) - z[few]).T)
        step = reverse_from(RING, z[which], at(s), noise)
        deviation = math.sqrt(1 + step.m)
        shown: Array = step.density(torch.linspace(-SPAN, SPAN, 121).double() * deviation).numpy()
        image.set_data(np.round(shown.T / shown.max(), 1))
        pinned.set_data(2 * circle.real / deviation, 2 * circle.imag / deviation)
        left.set_title(f"300 draws of $z_t$, $t={t:.2f}$")
        right.set_title(f"{'AB'[which]} steps back to $s={s:.2f}$")
        return figure

    controls = buttons("dot", list(CHOSEN)), buttons("steps", [f"{n}" for n in STEPS])
    stills = [(12, 0, 0), (12, 0, 1), (18, 0, 0)]
    return Explorer(draw, slider("t", DEPTHS, start=0.1), *controls, stills=stills)
