"""Drawings of lesson 06: one step of three processes, and where the mean of a step lands."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from .drawing import COLOURS, arrow, box, canvas, words
from .plots import BLACK, BLUE, GREEN, RED, Picture, styled, subplots

Array = NDArray[np.float64]
TRUTH = "0.80"  # the grey of the true reverse


def sigmoid(gamma: float) -> float:
    return 1 / (1 + math.exp(-gamma))


def bell(z: Array, mean: float, deviation: float) -> Array:
    scaled = (z - mean) / deviation
    return np.asarray(np.exp(-0.5 * scaled**2) / (deviation * math.sqrt(2 * math.pi)))


class Step(NamedTuple):
    """A step of a VDM from z_t: the mean of the model, sigma_Q, the densities at the places z of
    the posteriors (of x = 1 and -1) and of the true reverse, and the best ratio for this z_t."""

    mean: float
    deviation: float
    posteriors: list[Array]
    true_reverse: Array
    ratio: float


def step_from(z_t: float, world: str, z: Array, s: float = 0.55, t: float = 0.7) -> Step:
    """F3 and Bayes' rule in two worlds: "coin", x = 1 or -1, and "Gaussian", x ~ N(0, 1)."""
    gamma_s, gamma_t = (-13.3 + 18.3 * depth for depth in (s, t))
    c = -math.expm1(gamma_s - gamma_t)
    alpha_s, alpha_t = (math.sqrt(sigmoid(-gamma)) for gamma in (gamma_s, gamma_t))
    variance_s, variance_t = sigmoid(gamma_s), sigmoid(gamma_t)
    kept = alpha_t / alpha_s * variance_s / variance_t * z_t
    deviation, by_x = math.sqrt(variance_s * c), alpha_s * c
    posteriors = [bell(z, kept + by_x * x, deviation) for x in (1, -1)]
    if world == "coin":
        guess = math.tanh(alpha_t * z_t / variance_t)
        spread = 1 - guess**2
        truth = (1 + guess) / 2 * posteriors[0] + (1 - guess) / 2 * posteriors[1]
    else:
        guess, spread = alpha_t * z_t, variance_t
        truth = bell(z, kept + by_x * guess, math.hypot(deviation, by_x * math.sqrt(spread)))
    ratio = 1 / (1 + by_x**2 * spread / deviation**2)
    return Step(kept + by_x * guess, deviation, posteriors, truth, ratio)


@styled
def one_step(ratio: float, z_t: float = 0.2) -> Picture:
    """A step of a VDM for x = 1 or -1: the posteriors and their mixture, the model with w = 1 and
    with w = `ratio`. Densities stand sideways, at the place of z_s."""
    z = np.linspace(-1.75, 1.8, 500)
    step = step_from(z_t, "coin", z)
    figure, ax = canvas(8, 4.0)
    level = lambda value: 1.85 + 0.85 * value  # noqa: E731
    box(ax, (0.5, level(z_t)), "$z_t$", COLOURS["z_t"], 0.7, 0.5)
    narrow = bell(z, step.mean, step.deviation)
    broad = bell(z, step.mean, step.deviation / math.sqrt(ratio))
    for left, title, colour, curves in (
        (2.0, "posterior\nknows $x$", COLOURS["q"], step.posteriors),
        (4.2, "model\n$w=1$", BLACK, [narrow]),
        (6.4, f"model\n$w^*={ratio:.2f}$", BLUE, [broad]),
    ):
        words(ax, (left + 0.65, 3.68), title, colour)
        ax.plot([left, left], [level(-1.75), level(1.8)], color="0.5", lw=1, ls="-")
        ax.fill_betweenx(level(z), left, left + 0.6 * step.true_reverse, color=TRUTH, lw=0)
        for density in curves:
            ax.plot(left + 0.6 * density, level(z), color=colour, ls="-")
    for x, density in zip((1, -1), step.posteriors, strict=True):
        place = level(z[density.argmax()])
        arrow(ax, (0.9, level(z_t)), (1.9, place), "", "0.5")
        words(ax, (1.2, place + 0.1 * x), f"$x={x:+d}$", COLOURS["q"], 12)
    words(ax, (4.3, 0.17), "grey: true reverse $q(z_s|z_t)$, which does not know $x$", "0.35", 12)
    return figure


@styled
def landing_places(steps: ArrayLike) -> Picture:
    """Where the mean of a step lands with three scales A / c, in units of sigma_Q from its target.

    The encoder is E2 and the prediction is right, x_hat = x_t, for x = 1. Args: steps, the depths
    (t, s) of each, one panel a step.
    """
    pairs = np.asarray(steps, dtype=float)
    figure, axes = subplots(1, len(pairs), size=(9.2, 3.4))
    for ax, (t, s) in zip(np.atleast_1d(axes), pairs.tolist(), strict=True):
        _land(ax, -13.3 + 18.3 * s, -13.3 + 18.3 * t)
        ax.set_title(f"step from $t={t:g}$ to $s={s:g}$")
    return figure


def _land(ax: Axes, gamma_s: float, gamma_t: float) -> None:
    c, noise = -math.expm1(gamma_s - gamma_t), sigmoid(gamma_t)
    exact = 1 + noise / (1 - c * noise)
    scales = {
        "exact": (exact, BLACK, 1.1),
        "folded": (1 + noise, GREEN, 0.86),
        "paper": (1 + (gamma_t - gamma_s) * noise / c, RED, 0.86),
    }
    unit = math.exp(-gamma_s / 2) * math.sqrt(c) * (1 - noise)  # alpha_s c x_t / sigma_Q
    z = np.linspace(-10.5, 10.5, 400)
    ax.fill_between(z, np.exp(-(z**2) / 2), color=COLOURS["q"], alpha=0.3, lw=0)
    ax.plot(z, np.exp(-(z**2) / 2), color=COLOURS["q"], ls="-")
    for name, (scale, colour, height) in scales.items():
        place = (scale - exact) * unit
        ax.plot([place, place], [0, height + 0.12], color=colour, ls="-")
        side = "right" if name == "folded" else "left"  # away from the others
        text = f" {name}: $A/c={scale:.2f}$ "
        words(ax, (place, height + 0.12), text, colour, 12, ha=side, va="bottom")
    ax.set(xlim=(-10.5, 10.5), ylim=(0, 1.5), yticks=[], xticks=[-8, -4, 0, 4, 8])
    ax.set_xlabel(r"distance from the target, in $\sigma_Q$")
    words(ax, (-5.8, 0.1), "posterior", COLOURS["q"], 12)
