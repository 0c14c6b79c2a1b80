"""Pictures of lesson 04: a digit that moves, three encoders, a step of the way back."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor
from torch.nn.functional import avg_pool2d

from ...model import DiffEnc
from ...schedule import GAMMA_MAX, GAMMA_MIN, LinearSchedule
from .drawing import COLOURS, arrow, canvas, words
from .explorers import Explorer, slider
from .lesson_06 import sigmoid
from .plots import BLACK, PURPLE, SKY, Picture, show_image, subplots


def blurring(x: Tensor, eps: Tensor, t: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """x_t = x + sigma_t^4 (blurred - x) of images at depth t: x_t, x_t - x, dx_t/dlambda, z_t."""
    blurred = avg_pool2d(x + 1, 7, stride=1, padding=3) - 1  # the surroundings are black, -1

    def encoding(lam: Tensor) -> Tensor:
        return x + torch.sigmoid(-lam) ** 2 * (blurred - x)

    noise = LinearSchedule()(x.new_tensor(t))
    lam = -noise.gamma.detach()
    x_t, motion = torch.func.jvp(encoding, (lam,), (torch.ones_like(lam),))  # type: ignore[misc]
    return x_t, x_t - x, motion, (noise.alpha * x_t + noise.sigma * eps).detach()


def moving_digit(x: Tensor) -> Explorer:
    """A digit (1, 1, 28, 28) under an encoder that blurs it. x_t = x + sigma_t^4 (blurred - x)."""
    eps = torch.randn(x.shape, generator=torch.Generator().manual_seed(6), dtype=x.dtype)
    figure, axes = subplots(1, 4, size=(5.1, 1.6))
    parts = {"encoded, $x_t$": None, "change, ±1.5": 1.5, "motion, ±0.5": 0.5}
    parts["latent, $z_t$"] = None
    shown = []
    for ax, (title, limit) in zip(axes, parts.items(), strict=True):
        shown.append(show_image(ax, x[0, 0], limit))
        ax.set_title(title, fontsize=11)

    def draw(t: float) -> Picture:
        for artist, image in zip(shown, blurring(x, eps, t), strict=True):
            artist.set_data(image[0, 0].numpy())
        return figure

    depths = slider("t", [0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.9, 1.0], start=0.4)
    return Explorer(draw, depths, stills=[(0,), (4,), (6,), (8,)])


WIDTH = GAMMA_MAX - GAMMA_MIN
X, Y = 0.8, -0.6  # a pixel, and the output of the learned encoder's network at every depth
PULLED_TO = {"identity": X, "scaling": 0.0, "learned": Y}  # y: x_t = alpha_t^2 x + sigma_t^2 y
LABELS = {"identity": "E1, identity", "scaling": "E2, scaling", "learned": "E3, learned"}


def one_pixel(encoder: str, t: float) -> tuple[float, float]:
    """x_t of the pixel X at depth t, and dx_t/dlambda."""
    alpha2, y = sigmoid(-(GAMMA_MIN + WIDTH * t)), PULLED_TO[encoder]
    return y + alpha2 * (X - y), alpha2 * (1 - alpha2) * (X - y)


DEPTHS = np.linspace(0.4, 1, 200)


def three_encoders() -> Picture:
    """Where each encoder takes one pixel, with tangents towards the data."""
    title = "One pixel under three encoders; arrows: how it moves on the way back"
    figure, ax = _pixel_axes("encoded pixel $x_t$", title, 3.8)
    for name in PULLED_TO:
        _labelled(ax, name, [one_pixel(name, t)[0] for t in DEPTHS])
        for t in (0.7, 0.85) if name != "identity" else ():  # which does not move
            at, speed = one_pixel(name, t)
            ax.plot(t, at, "o", color=COLOURS[name], ms=7)
            _arrow(ax, (t, at), (t - 0.08, at + 0.08 * WIDTH * speed), BLACK, 16)
    ax.axhline(Y, color="0.75", ls=":", xmax=0.72)
    ax.text(0.41, Y + 0.05, "the network's output, $y$", color="0.35", fontsize=12)
    return figure


def targets() -> Picture:
    """The target x_t + dx_t/dlambda of each encoder, and the encoding itself, dotted."""
    title = "The target, $x_t+\\dot{x}_t$, leads the encoding (dotted) towards the data"
    figure, ax = _pixel_axes("pixel", title, 3.6)
    for name in PULLED_TO:
        pairs = [one_pixel(name, t) for t in DEPTHS]
        ax.plot(DEPTHS, [x_t for x_t, _ in pairs], ":", color=COLOURS[name], lw=1.8)
        _labelled(ax, name, [sum(pair) for pair in pairs], ls="-")
    return figure


def _pixel_axes(ylabel: str, title: str, height: float) -> tuple[Picture, Axes]:
    figure, ax = subplots(size=(8, height))
    ax.set(xlim=(0.4, 1.22), ylim=(-0.75, 1.15), xlabel="depth $t$", ylabel=ylabel, title=title)
    ax.set_xticks([0.4, 0.6, 0.8, 1.0])
    return figure, ax


def _labelled(ax: Axes, name: str, curve: Sequence[float], **look: Any) -> None:
    ax.plot(DEPTHS, curve, color=COLOURS[name], lw=2.5, **look)
    ax.text(1.01, curve[-1], LABELS[name], color=COLOURS[name], va="center", fontsize=13)


def _arrow(
    ax: Axes, start: tuple[float, float], end: tuple[float, float], colour: str, head: float
) -> None:
    look = {"arrowstyle": "-|>", "color": colour, "lw": 2, "mutation_scale": head}
    ax.annotate("", end, start, arrowprops=look)


def side_by_side(
    models: Mapping[str, DiffEnc],
    losses: Mapping[str, Sequence[float]],
    floors: Mapping[str, float],
    values: Tensor,
) -> Picture:
    """Losses of trained models, one every 50 updates, and where each encoder takes the values."""
    figure, axes = subplots(2, 3, size=(8, 5.2))
    depths = torch.linspace(0, 1, 100)
    for (above, below), (name, model) in zip(axes.T, models.items(), strict=True):
        style = {"color": COLOURS[name], "ls": "-"}
        above.plot(50 * np.arange(len(losses[name])), losses[name], marker="o", ms=4, **style)
        if name in floors:
            above.axhline(floors[name], color=COLOURS[name], ls=":", lw=2)
            above.text(60, floors[name] - 0.012, "a perfect network", fontsize=11, va="top")
        above.text(230, 2.27, f"(from {losses[name][0]:.1f})", fontsize=11, va="top")
        above.set(title=name, ylim=(1.75, 2.3), xlabel="updates", xticks=[0, 300, 600])
        gamma = model.schedule(depths).gamma
        for value in values.tolist():
            with torch.no_grad():
                paths = model.encode(torch.full((100, 1), value), gamma).x_t
            below.plot(depths, paths, lw=1.6, **style)
        below.set(ylim=(-1, 1), xlabel="depth $t$", xticks=[0, 0.5, 1])
    axes[0, 0].set_ylabel("diffusion loss, nats")
    axes[1, 0].set_ylabel("eight levels, $x_t$")
    return figure


def step_back() -> Picture:
    """One step of the way back along an encoding that moves: path, tangent, what is left over."""
    figure, ax = subplots(size=(8, 4.0))
    end, x_t, x_s = _path_of_step(ax, -2.0, 2.0)
    reached = x_t + _move(ax, -2.0, 2.0, 2.0, COLOURS["p"])
    ax.plot([end, end], [reached, x_s], "--", color=BLACK, lw=1.5)
    ax.text(end + 0.07, (reached + x_s) / 2, "left over", va="center", fontsize=13)
    ax.text(end + 0.07, x_t, "standing still", color="0.35", va="center", fontsize=13)
    label = "counterterm,\nalong the tangent"
    ax.text(-1.45, 0.33, label, color=COLOURS["p"], fontsize=13, ha="center")
    ax.set(xlim=(-2.8, end + 1.0), ylabel="encoded pixel")
    ax.set_title("A step of the way back must follow an encoding that moves")
    return figure


def two_mistakes() -> Picture:
    """The residual as the gap between aim and target, one unit of lambda along both tangents."""
    title = "Two mistakes make one gap, $\\sigma_t\\,r$, between aim and target"
    figure, ax = canvas(8, 3.7, title)
    left, right, x_t, x_hat, sigma2 = 1.2, 4.9, 1.1, 1.8, 0.6  # the scaling encoder: u is x_t
    truth, guess = COLOURS["x_t"], COLOURS["p"]
    target, wrong_place, guessed = x_t + sigma2 * x_t, x_hat + sigma2 * x_t, x_hat * (1 + sigma2)
    arrow(ax, (left, x_t), (right, target), colour=truth)
    arrow(ax, (left, x_hat), (right, guessed), colour=guess)
    ax.plot([left, right], [x_hat, wrong_place], ":", color="0.4", lw=1.8)
    for height, colour, name in ((x_t, truth, "$x_t$"), (x_hat, guess, "$\\hat{x}$")):
        ax.plot(left, height, "o", color=colour, ms=8)
        words(ax, (left - 0.3, height), name, colour, 15)
    words(ax, (right, target - 0.28), "target $x_t+\\sigma_t^2u$", truth)
    words(ax, (right, guessed + 0.28), "aim $\\hat{x}+\\sigma_t^2\\hat{u}$", guess)
    words(ax, (left + 1.7, x_hat + 0.02), "$\\hat{x}+\\sigma_t^2u$", "0.35", 12)
    words(ax, (left, 0.35), "$\\lambda_t$")
    words(ax, (right, 0.35), "$\\lambda_t+1$")
    for low, high, name in (
        (target, wrong_place, "where it is: $\\hat{x}-x_t$"),
        (wrong_place, guessed, "where it goes: $\\sigma_t^2(\\hat{u}-u)$"),
    ):
        ax.plot([right + 0.12] * 2, [low + 0.03, high - 0.03], color=BLACK, ls="-", lw=3)
        words(ax, (right + 0.25, (low + high) / 2), name, ha="left")
    return figure


def where_rules_land() -> Picture:
    """A long step by the paper's and by the folded rule, from the noisy end and near the data."""
    figure, axes = subplots(1, 2, size=(8, 3.8))
    starts = {"where there is much noise": -2.0, "nearer to the data": 0.5}
    for ax, (place, start) in zip(axes, starts.items(), strict=True):
        step = 2.2
        end, x_t, _ = _path_of_step(ax, start, step)
        for rule, long in (("paper", step), ("folded", 1 - np.exp(-step))):
            reached = x_t + _move(ax, start, step, long, RULES[rule])
            ax.text(end + 0.1, reached, rule, color=RULES[rule], va="center", fontsize=13)
        ax.set(xlim=(start - 0.5, end + 1.0), ylim=(x_t - 0.1, x_t + 0.62), title=place)
    axes[0].set_ylabel("encoded pixel")
    return figure


RULES = {"paper": COLOURS["p"], "folded": PURPLE, "exact": BLACK, "dropped": SKY}


def _path_of_step(ax: Axes, start: float, step: float) -> tuple[float, float, float]:
    """Draw the scaling encoder's path of a pixel x = 1; returns lambda_s, x_t and x_s."""
    end, x_t, x_s = start + step, sigmoid(start), sigmoid(start + step)
    lams = np.linspace(start - 0.5, end + 0.4, 100)
    ax.plot(lams, [sigmoid(lam) for lam in lams], color=COLOURS["x_t"], ls="-", lw=2.5)
    ax.plot([start, end], [x_t, x_t], ":", color="0.4", lw=1.8)
    ax.plot([start, end], [x_t, x_s], "o", color=COLOURS["x_t"], ms=8)
    ax.text(start, x_t + 0.05, "$x_t$", color=COLOURS["x_t"], ha="right", fontsize=15)
    ax.text(end, x_s + 0.05, "$x_s$", color=COLOURS["x_t"], ha="right", fontsize=15)
    ax.set_xlabel("$\\lambda$, growing towards the data")
    ax.set_xticks([start, end], ["$\\lambda_t$", "$\\lambda_s$"])
    return end, x_t, x_s


def _move(ax: Axes, start: float, step: float, long: float, colour: str) -> float:
    """Draw an arrow over the step that moves as far as the tangent does in `long`; returns that."""
    x_t = sigmoid(start)
    moved = long * sigmoid(-start) * x_t
    _arrow(ax, (start, x_t), (start + step, x_t + moved), colour, 18)
    return moved
