"""A picture for the claims that have one: what the evidence looks like, drawn into given axes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes

from ....pretrained import load_pretrained
from ...show import plots
from ...worlds import SCALING, Exact, Gaussian, PlusMinus
from . import evidence as of

MANY = (10, 30, 100, 300, 1000)


def loss(ax: Axes) -> None:
    world = Exact(PlusMinus(), SCALING)
    gaps = [world.diffusion(steps) - world.diffusion() for steps in MANY]
    ax.loglog(MANY, gaps, "o-", color=plots.BLUE, label="L3 - L4, coin, E2")
    ax.loglog(MANY, 10 / np.array(MANY), color="0.5", ls=":", label="10/T")
    ax.set(xlabel="steps T", ylabel="nats")


def counterterm(ax: Axes) -> None:
    lengths = np.logspace(-3, 0, 7)
    found = [abs(of.left_over(1 - length, 1.0)) for length in lengths]
    ax.loglog(lengths, found, "o-", color=plots.BLUE, label="left over, E2")
    ax.loglog(lengths, found[0] * (lengths / lengths[0]) ** 2, color="0.5", ls=":", label="square")
    ax.set(xlabel=r"$\gamma_t-\gamma_s$", ylabel=r"of $\hat x$, in $\sigma_s$")


def variance(ax: Axes) -> None:
    world = Exact(Gaussian(0.3))
    for ratio, name in ((1.0, "w = 1"), ("optimal", "w*")):
        above = [world.total(steps, ratio) - world.entropy for steps in MANY]
        ax.loglog(MANY, above, "o-", label=name)
    ax.set(xlabel="steps T", ylabel="nats above the entropy")


def ratio_one(ax: Axes) -> None:
    world = Exact(Gaussian(1.0))
    for w in (0.5, 2.0, 1.0):
        ax.loglog(MANY, [world.total(T, w) - world.entropy for T in MANY], "o-", label=f"w = {w:g}")
    ax.set(xlabel="steps T", ylabel="nats above the entropy")


def weights(ax: Axes) -> None:
    ends = np.linspace(2, 8, 61)
    hidden = 0.2 / np.expm1((ends + 13.3) / 100)  # of an unweighted loss, T = 100
    ax.plot(ends, 50 * (hidden - 1 - np.log(hidden)), color=plots.BLUE)
    ax.set(xlabel=r"end of the noise, $\gamma_1$", ylabel="hidden price, nats per dim")


def schedule(ax: Axes) -> None:
    for place, grid in enumerate((np.linspace(0, 1, 9), of.best_grid().numpy())):
        ax.plot(grid, np.full(9, place), "|", ms=28, mew=2.5, color=plots.RED)
    ax.set(yticks=(0, 1), yticklabels=("equal", "best"), ylim=(-0.6, 1.6))
    ax.set(xlabel="depth t of the steps, T = 8", ylabel="grid")


def latent_loss(ax: Axes) -> None:
    vdm, scaling = Exact(PlusMinus()), Exact(PlusMinus(), SCALING)
    changes = {
        "prior": scaling.prior - vdm.prior,
        "diffusion": scaling.diffusion() - vdm.diffusion(),
        "total": scaling.total() - math.log(2),
    }
    bars = ax.bar(
        list(changes), list(changes.values()), color=[plots.GREEN, plots.RED, plots.BLACK]
    )
    ax.bar_label(bars, [f"{value:+.4f}" for value in changes.values()], padding=2)
    ax.axhline(0, color="0.4", lw=1, ls="-")
    ax.margins(y=0.2)
    ax.set(xlabel="a coin, scaling encoder", ylabel="nats, minus the VDM's")


def seeds(ax: Axes) -> None:
    others = ("VDM", "matched", "scaling")
    for place, other in enumerate(others):
        values = of.pairs("learned", other)
        ax.plot(np.full(len(values), place), values, "o", mfc="none", color=plots.PURPLE)
        ax.plot(place, values.mean(), "D", color=plots.PURPLE)
    ax.axhline(0, color="0.4", lw=1, ls="-")
    kinds = ["forks" if of.forked("learned", other) else "scratch" for other in others]
    names = [f"{other}\n({kind})" for other, kind in zip(others, kinds, strict=True)]
    ax.set(xticks=range(3), xticklabels=names, xlim=(-0.5, 2.5))
    ax.tick_params(axis="x", labelsize=9)
    ax.set(xlabel="learned minus", ylabel="bits per dimension")


def pushes(ax: Axes) -> None:
    model = load_pretrained("mnist-learned")
    depths = (0.6, 0.8, 0.9, 1.0)
    drawn = [of.push(model, of.digits(model, 4)[3:], t).reshape(28, 28) for t in depths]
    both = [np.hstack(drawn[:2]), np.hstack(drawn[2:])]
    plots.show_image(ax, np.vstack(both), signed=2.0)
    ax.set_xlabel("$y-x$ at t = 0.6, 0.8, 0.9, 1")


PICTURES: dict[str, Callable[[Axes], None]] = {
    "loss": loss,
    "counterterm": counterterm,
    "variance": variance,
    "w = 1": ratio_one,
    "weights": weights,
    "schedule": schedule,
    "latent loss": latent_loss,
    "learned > scaling": seeds,
    "likelihood": seeds,
    "acts over t": pushes,
}
