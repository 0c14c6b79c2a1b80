"""Pictures of lesson 06: one step of three processes, the surplus, samples, where a mean lands."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ...schedule import GAMMA_MAX, GAMMA_MIN
from .drawing import COLOURS, arrow, box, canvas, words
from .explorers import Explorer, buttons, slider
from .plots import BLACK, BLUE, GREEN, RED, Array, Picture, subplots

TRUTH = "0.80"  # the grey of the true reverse
RATIOS = {"$w=1$": BLACK, "one constant": GREEN, "$w^*$": BLUE}


def sigmoid(gamma: float) -> float:
    return 1 / (1 + math.exp(-gamma))


def bell(z: Array, mean: float, deviation: float) -> Array:
    scaled = (z - mean) / deviation
    return np.asarray(np.exp(-0.5 * scaled**2) / (deviation * math.sqrt(2 * math.pi)))


class ReverseStep(NamedTuple):
    """A step of a VDM from z_t: the mean of the model, sigma_Q, the densities at the places z of
    the posteriors (of x = 1 and -1) and of the true reverse, and the best ratio for this z_t."""

    mean: float
    deviation: float
    posteriors: list[Array]
    true_reverse: Array
    ratio: float


def _gamma(t: Any) -> Any:
    return GAMMA_MIN + (GAMMA_MAX - GAMMA_MIN) * t


def step_from(z_t: float, world: str, z: Array) -> ReverseStep:
    """F3 and Bayes' rule from t = 0.7 to s = 0.55, in two worlds: "coin", x = 1 or -1, and
    "Gaussian", x ~ N(0, 1)."""
    gamma_s, gamma_t = (_gamma(depth) for depth in (0.55, 0.7))
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
    return ReverseStep(kept + by_x * guess, deviation, posteriors, truth, ratio)


def one_step(ratio: float) -> Picture:
    """A step of a VDM for x = 1 or -1: the posteriors and their mixture, the model with w = 1 and
    with w = `ratio`. Densities stand sideways, at the place of z_s."""
    z, z_t = np.linspace(-1.75, 2.25, 500), 0.57
    step = step_from(z_t, "coin", z)
    figure, ax = canvas(8, 4.0)
    level = lambda value: 1.7 + 0.77 * value  # noqa: E731
    box(ax, (0.5, level(z_t)), "$z_t$", COLOURS["z_t"], 0.7, 0.5)
    narrow = bell(z, step.mean, step.deviation)
    broad = bell(z, step.mean, step.deviation / math.sqrt(ratio))
    for left, title, colour, curves in (
        (2.0, "posterior\nknows $x$", COLOURS["q"], step.posteriors),
        (4.2, "model\n$w=1$", BLACK, [narrow]),
        (6.4, f"model\n$w^*={ratio:.2f}$", BLUE, [broad]),
    ):
        words(ax, (left + 0.65, 3.68), title, colour)
        ax.plot([left, left], [level(-1.75), level(2.25)], color="0.5", lw=1, ls="-")
        words(ax, (left - 0.2, level(2.1)), "$z_s$", "0.5", 12)
        ax.fill_betweenx(level(z), left, left + 0.6 * step.true_reverse, color=TRUTH, lw=0)
        for density in curves:
            ax.plot(left + 0.6 * density, level(z), color=colour, ls="-")
    for x, density in zip((1, -1), step.posteriors, strict=True):
        place = level(z[density.argmax()])
        arrow(ax, (0.9, level(z_t)), (1.9, place), "", "0.5")
        words(ax, (1.2, place + 0.1 * x), f"$x={x:+d}$", COLOURS["q"], 12)
    words(ax, (4.3, 0.17), "grey: true reverse $q(z_s|z_t)$, which does not know $x$", "0.35", 12)
    return figure


def landings(t: float, s: float) -> dict[str, tuple[float, float]]:
    """Of a step of E2 from depth t to s for x = 1 with x_hat = x_t, by scale: A / c, and how far
    from its target the mean lands, in units of sigma_Q."""
    gamma_s, gamma_t = _gamma(s), _gamma(t)
    c, noise = -math.expm1(gamma_s - gamma_t), sigmoid(gamma_t)
    scales = {
        "exact": 1 + noise / (1 - c * noise),
        "folded": 1 + noise,
        "paper": 1 + (gamma_t - gamma_s) * noise / c,
    }
    unit = math.exp(-gamma_s / 2) * math.sqrt(c) * (1 - noise)  # alpha_s c x_t / sigma_Q
    return {name: (scale, (scale - scales["exact"]) * unit) for name, scale in scales.items()}


def landing_places(steps: Sequence[tuple[float, float]]) -> Picture:
    """Where the mean of a step lands with three scales A / c, in units of sigma_Q from its target.

    The encoder is E2 and the prediction is right, x_hat = x_t, for x = 1. Args: steps, the depths
    (t, s) of each, one panel a step.
    """
    figure, axes = subplots(1, len(steps), size=(9.2, 3.4))
    z = np.linspace(-13, 13, 400)
    looks = {"exact": (BLACK, 1.1), "folded": (GREEN, 0.86), "paper": (RED, 0.86)}
    for ax, (t, s) in zip(axes, steps, strict=True):
        ax.fill_between(z, np.exp(-(z**2) / 2), color=COLOURS["q"], alpha=0.3, lw=0)
        ax.plot(z, np.exp(-(z**2) / 2), color=COLOURS["q"], ls="-")
        for name, (scale, place) in landings(t, s).items():
            colour, height = looks[name]
            ax.plot([place, place], [0, height + 0.12], color=colour, ls="-")
            side = "right" if name == "folded" else "left"  # away from the others
            text = f" {name}: $A/c={scale:.2f}$ "
            words(ax, (place, height + 0.12), text, colour, 12, ha=side, va="bottom")
        ax.set(xlim=(-13, 13), ylim=(0, 1.5), yticks=[], xticks=[-8, -4, 0, 4, 8])
        ax.set_xlabel(r"distance from the target, in $\sigma_Q$")
        words(ax, (-5.8, 0.1), "posterior", COLOURS["q"], 12)
        ax.set_title(f"step from $t={t:g}$ to $s={s:g}$")
    return figure


# --- plots and explorers --------------------------------------------------------------------------


def step_explorer(shared: Mapping[str, float]) -> Explorer:
    """Slide z_t: the true reverse, the model with w = 1 and with w*. Args: w* by world."""
    z, worlds = np.linspace(-3, 3, 601), list(shared)
    figure, ax = subplots(size=(5.1, 3.1))
    (area,) = ax.fill(z, 0 * z, color=TRUTH, label="true reverse")
    (narrow,) = ax.plot(z, 0 * z, color=BLACK, ls="-", label="$w=1$")
    (broad,) = ax.plot(z, 0 * z, color=BLUE, ls="-", label="$w^*$")
    ax.set(xlabel="$z_s$", yticks=[], xlim=(-2.5, 2.5), ylim=(0, 2.6), title=" ")
    ax.legend(loc="upper left", fontsize=11)

    def draw(z_t: float, which: int) -> Picture:
        step, w = step_from(z_t, worlds[which], z), shared[worlds[which]]
        area.set_xy(np.stack([z, step.true_reverse], 1))
        narrow.set_ydata(bell(z, step.mean, step.deviation))
        broad.set_ydata(bell(z, step.mean, step.deviation / math.sqrt(w)))
        ax.set_title(f"$w^*={w:.2f}$, $w^*(z_t)={step.ratio:.2f}$")
        return figure

    z_slider = slider("z_t", np.arange(-20, 21, 2) / 10, start=2.0, text="{:.1f}")
    stills = [(10, 0), (15, 0), (10, 1), (15, 1)]  # z_t = 0 and 1, in both worlds
    return Explorer(draw, z_slider, buttons("world", worlds), stills=stills)


def surplus_lines(counts: Sequence[int], surpluses: Mapping[str, Array]) -> Picture:
    """The surplus against T for the ratios of `RATIOS`. Args: nats by world, (len(counts), 3)."""
    figure, axes = subplots(1, len(surpluses), size=(9.6, 3.6))
    for ax, (world, rows) in zip(axes, surpluses.items(), strict=True):
        for (label, colour), row in zip(RATIOS.items(), np.maximum(rows.T, 0), strict=True):
            ax.plot(counts, row, color=colour, ls="-")
            if ax is axes[0]:
                ax.text(1.2 * counts[-1], row[-1], label, color=colour, va="center")
        ax.set(xscale="log", xlabel="number of steps $T$", title=world, xlim=(1, counts[-1]))
        ax.set_yscale("symlog", linthresh=1e-4)  # a logarithm, but with a place for zero
        ax.set(ylim=(-3e-5, 1e6), yticks=[0, 1e-2, 1, 1e2, 1e4])
    axes[0].set_ylabel("surplus, nats (linear to $10^{-4}$)", fontsize=12)
    return figure


def sample_shapes(samples: Mapping[int, Sequence[ArrayLike]]) -> Picture:
    """Histograms of samples, a line for each ratio, against N(0, 1). Args: samples by T."""
    figure, axes = subplots(1, len(samples), size=(9.6, 3.2))
    x = np.linspace(-5, 5, 201)
    for ax, (T, drawn) in zip(axes, samples.items(), strict=True):
        ax.fill_between(x, bell(x, 0, 1), color="0.85", lw=0)
        for k, ((label, colour), values) in enumerate(zip(RATIOS.items(), drawn, strict=True)):
            values = np.asarray(values)
            look = {"histtype": "step", "color": colour, "lw": 2, "ls": "-"}
            weights = np.full(len(values), 6 / len(values))  # a density: six bins to a unit
            ax.hist(values, bins=60, range=(-5, 5), weights=weights, **look)
            outside = float((abs(values) > 5).mean())
            text = f"{label}: sd {values.std():.2f}" + f"\n{outside:.0%} outside" * (outside > 0.01)
            place = {"ha": "right", "va": "top", "transform": ax.transAxes}
            ax.text(0.99, 0.97 - 0.17 * k, text, color=colour, fontsize=12, **place)
        ax.set(title=f"T = {T}; grey: the data", xlabel="sample", yticks=[], ylim=(0, None))
    return figure


def ratio_explorer(
    counts: Sequence[int], tries: ArrayLike, nats: Mapping[str, Array], m: Mapping[str, list[Array]]
) -> Explorer:
    """Slide T and w: the surplus against T, and w* of every step against your w.

    Args: counts of steps; tries of w, the middle one 1; by world, the surplus (len(tries) + 1,
        len(counts)), the last row with w*, and m of every step, (T,), for each T.
    """
    ws, worlds = np.asarray(tries), list(nats)
    figure, (above, below) = subplots(2, 1, size=(5.1, 5.0))
    (of_one,) = above.plot(counts, counts, color=BLACK, ls="-", lw=1.5, label="$w=1$")
    (of_best,) = above.plot(counts, counts, color=BLUE, ls="-", label="$w^*$")
    (yours,) = above.plot(counts, counts, color=RED, ls="-", label="your $w$")
    (dot,) = above.plot([1], [1], "o", color=RED, ms=9)
    above.set_yscale("symlog", linthresh=1e-4)
    above.set(xscale="log", ylim=(-3e-5, 1e7), yticks=[0, 1e-2, 1, 1e2, 1e4])
    above.set(xlabel="steps $T$", ylabel="surplus, nats (linear to $10^{-4}$)", title=" ")
    above.yaxis.label.set_size(11)
    above.legend(ncols=3, fontsize=10, loc="upper right")
    (w_best,) = below.plot([0, 1], [1, 1], color=BLUE, ls="-", drawstyle="steps-pre")
    (w_mine,) = below.plot([0, 1], [1, 1], color=RED, ls="-")
    below.set(yscale="log", ylim=(0.03, 10), xlabel="depth $t$ of the step", ylabel="ratio")

    def draw(T: int, w: float, which: int) -> Picture:
        i, k, rows = counts.index(T), int(np.abs(ws - w).argmin()), nats[worlds[which]]
        of_one.set_ydata(rows[len(ws) // 2])
        yours.set_ydata(rows[k])
        of_best.set_ydata(rows[-1])
        dot.set_data([T], [rows[k, i]])
        of_steps = m[worlds[which]][i]
        w_best.set_data(np.arange(T + 1) / T, 1 / (1 + np.append(of_steps[0], of_steps)))
        w_mine.set_ydata([w, w])
        numbers = rows[k, i], rows[len(ws) // 2, i], rows[-1, i]
        mine, one, best = (f"{v:,.0f}" if v > 1e3 else f"{v:.3f}" for v in numbers)
        above.set_title(f"surplus {mine} (w = 1: {one}, w*: {best})", fontsize=12)
        return figure

    sliders = slider("T", counts, start=10, text="{:d}"), slider("w", ws, start=1.0)
    stills = [(3, 5, 0), (9, 17, 0), (4, 19, 1), (9, 19, 1)]
    return Explorer(draw, *sliders, buttons("world", worlds), stills=stills)
