"""Pictures of lesson 09: price lists, a training, and where the bits of a digit go."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike
from torch import Tensor
from torch.nn.functional import one_hot

from ... import bound
from ...data import ImageSet
from ...model import DiffEnc
from ...pixels import bits_per_dim, to_unit
from ...schedule import GAMMA_MAX, GAMMA_MIN, Noise
from . import plots
from .drawing import COLOURS, arrow, box, canvas, words
from .explorers import Explorer, buttons, encode_and_noise, slider
from .plots import BLACK, BLUE, GREEN, RED, Array, Picture, subplots

MOST = 20  # bits a pixel and unit of t: the end of the colour bar
NOISE = r"$\gamma$: data left, noise right"
PIXELS = {"paper": "0.1", "grey": "0.6", "ink": "1.0"}  # and their greys


def _map(ax: Axes, bits: ArrayLike) -> Any:
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
    return ax.imshow(bits, vmin=0, vmax=MOST, cmap="viridis")


def outlines(images: Sequence[ArrayLike], maps: Sequence[ArrayLike]) -> Picture:
    """Digits, and below each what its pixels cost."""
    figure, axes = subplots(2, len(images), size=(8, 4.2))
    for image, bits, (upper, lower) in zip(images, maps, axes.T, strict=True):
        plots.show_image(upper, image)
        shown = _map(lower, bits)
        upper.set_title(f"{len(np.unique(image))} levels")
    figure.colorbar(shown, ax=axes, shrink=0.8, extend="max", label="bits per pixel and unit of t")
    return figure


def price_path() -> Picture:
    """The path from image to noise; two bills are price lists, one is the network's."""
    figure, ax = canvas(8, 3.1)
    places = {"$x$": 0.7, "$z_0$": 2.6, "$z_t$": 4.3, "$z_1$": 6.0}
    for name, x in places.items():
        box(ax, (x, 2.3), name, COLOURS["x" if name == "$x$" else "z_t"], 0.7)
    words(ax, (7.4, 2.3), "pure\nnoise", COLOURS["p"])
    bills = (
        ((1.05, 2.25), 1.65, "reconstruction", "a price for\neach grey level", "#857900"),
        ((2.95, 5.65), 4.3, "diffusion", "the network's guess\nat the noise", BLACK),
        ((6.35, 6.95), 6.65, "prior", "a price for\neach grey level", BLUE),
    )
    for (start, end), middle, name, text, colour in bills:
        if name != "diffusion":
            arrow(ax, (end, 2.3), (start, 2.3), "", colour)
        words(ax, (middle, 1.45), name, colour, 14, weight="bold")
        words(ax, (middle, 0.95), text, colour, 12)
    for start, end in ((3.95, 2.95), (5.65, 4.65)):
        arrow(ax, (start, 2.3), (end, 2.3), "", BLACK)
    words(ax, (1.65, 0.35), "known today", "#857900", 12)
    words(ax, (4.3, 0.35), "this is what training is about", BLACK, 12)
    words(ax, (6.9, 0.35), "known today", BLUE, 12)
    return figure


def price_lists(frequency: ArrayLike, prior: ArrayLike, reconstruction: ArrayLike) -> Picture:
    """How often each level is bought, and its price at both ends, each (256,)."""
    figure, (left, right) = subplots(1, 2, size=(9.6, 3.2))
    left.bar(range(256), frequency, width=1, color="0.4")
    left.set(yscale="log", xlabel="grey level", ylabel="share of all pixels")
    left.set_title("how often a level is bought")
    levels = np.arange(256)
    right.plot(levels, prior, color=BLUE, ls="-")
    right.plot(levels, reconstruction, ".", color="#857900", ms=4)
    right.text(128, 0.0113, "reconstruction", color="#857900", ha="center")
    right.text(128, 0.0012, "prior", color=BLUE, ha="center")
    right.set(xlabel="grey level", ylabel="bits", ylim=(0, 0.0128), title="what it costs")
    return figure


def ignorance(gammas: ArrayLike, price: ArrayLike) -> Picture:
    """What a grey pixel costs if nothing is known of it but its noisy value."""
    figure, ax = subplots(size=(8, 2.9))
    ax.fill_between(gammas, price, color="0.85", lw=0)
    ax.plot(gammas, price, color=BLACK, ls=":")
    ax.text(-9, 0.22, "area: nearly the entropy\nof a grey level", ha="center")
    to = {"arrowstyle": "-"}
    ax.annotate("rounding helps", (-12.7, 0.2), (-12.4, 0.03), fontsize=12, arrowprops=to)
    ax.text(0.6, 0.3, "no grey lies beyond\nblack or white", fontsize=12)
    ax.set(xlabel=NOISE, ylabel=r"nats per unit of $\gamma$", ylim=(0, 0.58))
    ax.set(title="The price of knowing nothing about a grey pixel")
    return figure


def training(
    batches: Mapping[int, float], held_out: Mapping[int, tuple[float, float]],
    levels: Mapping[str, float],
) -> Picture:  # fmt: skip
    """Loss by update, on batches and (mean, standard error) held out; levels to pass."""
    figure, ax = subplots(size=(8, 3.8))
    last, beside = max(batches), {"one histogram": "bottom", "independent pixels": "top"}
    for name, bits in levels.items():
        ax.plot([0, last], [bits, bits], color="0.55", lw=1.2, ls=":")
        ax.text(1.01 * last, bits, name, va=beside.get(name, "center"), color="0.3", fontsize=12)
    ax.plot(list(batches), list(batches.values()), color=BLUE, ls="-")
    means, errors = np.array(list(held_out.values())).T
    ax.errorbar(list(held_out), means, 2 * errors, fmt="s", ms=4, color=RED, capsize=3)
    ax.text(0.2 * last, 5.0, "training batches", color=BLUE)
    ax.text(0.5 * last, 3.6, "held out, averaged weights\n(bars: two standard errors)", color=RED)
    ax.set(yscale="log", xlabel="updates", ylabel="bits per pixel", xlim=(0, 1.32 * last))
    plots.plain_ticks(ax.yaxis, [1, 2, 4, 8, 16])
    ax.set(title="A tiny network passes the histogram", ylim=(0.9, 22))
    figure.varies = True  # trained on the page
    return figure


def by_depth(gammas: ArrayLike, parts: Mapping[str, ArrayLike], chance: Mapping[int, float]) -> Any:
    """Bits by noise, a layer for each kind of pixel; below, how sure the digit is."""
    figure, (upper, lower) = subplots(2, 1, (8, 5), sharex=True, height_ratios=(3, 1.4))
    look = {"colors": [PIXELS[name] for name in parts], "edgecolor": BLACK}
    upper.stackplot(gammas, *parts.values(), **look)
    upper.text(-8, 0.9, "grey pixels", ha="center", size=15)
    to = {"arrowstyle": "-"}
    upper.annotate("ink", (-4.6, 1.42), (-2.6, 1.65), arrowprops=to)
    upper.annotate("paper", (0.2, 0.03), (1.2, 0.95), arrowprops=to)
    upper.set(ylabel="bits per pixel\nand unit of t", ylim=(0, 2.05))
    upper.set(title="The bits are spent at low noise, on grey pixels …")
    lower.plot(list(chance), list(chance.values()), "o-", color=GREEN)
    lower.set(xlabel=NOISE, ylim=(0, 1), ylabel="chance of the\nright digit")
    lower.set(title="… where the digit has long been decided")
    return figure


def per_grey_pixel(
    gammas: ArrayLike, price: ArrayLike, costs: Mapping[str, tuple[Array, Array]]
) -> Picture:
    """Models' costs of a grey pixel (mean, standard error) beside the price of knowing nothing."""
    figure, ax = subplots(size=(8, 3.6))
    for (name, (mean, error)), colour in zip(costs.items(), (RED, BLUE), strict=True):
        ax.plot(gammas, mean, color=colour, ls="-", label=name)
        ax.fill_between(gammas, mean - 2 * error, mean + 2 * error, color=colour, alpha=0.25, lw=0)
    ax.plot(gammas, price, color=BLACK, ls=":", label="knowing how often greys occur")
    ax.set(xlabel=NOISE, ylabel=r"nats per unit of $\gamma$", ylim=(0, None))
    ax.set(title="What one grey pixel costs (bands: two standard errors)")
    ax.legend()
    return figure


def altered(gammas: Array, costs: Mapping[str, ArrayLike]) -> Picture:
    """Two models' losses by noise, (noises, ...), and what lies between them."""
    figure, ax = subplots(size=(8, 3.2))
    means = [np.reshape(loss, (len(gammas), -1)).mean(1) for loss in costs.values()]
    (one, other), (ours, theirs) = costs, means
    ax.fill_between(gammas, ours, theirs, color="0.9", lw=0)
    ax.plot(gammas, ours, color=RED, ls="-")
    ax.plot(gammas, theirs, color=BLACK, ls="--")
    ax.text(-9.3, 1.7, one, color=RED)
    ax.text(-9.3, 4.1, other, color=BLACK)
    ax.set(xlabel=NOISE, ylabel="bits per pixel\nand unit of t", ylim=(0, None))
    ax.set(title="One thing altered, and where it shows")
    return figure


@torch.no_grad()
def loss_map(model: DiffEnc, image: Tensor, t: float, draws: int = 24) -> Array:
    """L4: What each pixel of an image (1, H, W) costs at depth t, in bits per unit of t, (H, W)"""
    x = to_unit(image).expand(draws, *image.shape)
    eps = torch.randn(x.shape, generator=torch.Generator().manual_seed(5))
    nats = bound.diffusion_loss(model, x, x.new_full((draws,), t), eps, True)
    return bits_per_dim(nats.mean((0, 1)), 1).numpy()


def chance_of_right(train: ImageSet, test: ImageSet, gamma: float, seen: int = 400) -> float:
    """Of the right digit, given z_t of test images, if the training images are all that exist."""
    noise = Noise.from_gamma(torch.tensor(float(gamma)))
    world, asked = (to_unit(data.images).flatten(1) for data in (train, test))
    eps = torch.randn(seen, world.shape[1], generator=torch.Generator().manual_seed(7))
    z = noise.alpha * asked[:seen] + noise.sigma * eps
    fit = -(torch.cdist(z, noise.alpha * world) / noise.sigma).square() / 2
    digits = torch.softmax(fit, 1) @ one_hot(train.labels).float()
    return digits.gather(1, test.labels[:seen, None]).mean().item()


def microscope(model: DiffEnc, images: Mapping[str, Tensor]) -> Explorer:
    """Slide the noise, choose a digit: z_t, the guess at x, and what each pixel costs."""
    gammas = [-13.0, -12.0, -10.0, -8.0, -6.0, -4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 5.0]
    depths = [(gamma - GAMMA_MIN) / (GAMMA_MAX - GAMMA_MIN) for gamma in gammas]
    frames = []  # of each digit, at each noise
    for image in images.values():
        path = encode_and_noise(model, image[None], depths, torch.Generator().manual_seed(1))
        costs = [loss_map(model, image, t, 8) for t in depths]
        frames.append(list(zip(path.z_t[:, 0], path.x_hat[:, 0], costs, strict=True)))
    figure, axes = subplots(1, 3, size=(5.1, 2.3))
    first = frames[0][0]
    shown = [plots.show_image(ax, part) for ax, part in zip(axes[:2], first[:2], strict=True)]
    shown.append(_map(axes[2], first[2]))
    for ax, title in zip(axes, ("$z_t$", r"$\hat x$", " "), strict=True):
        ax.set_title(title)

    def draw(gamma: float, which: int) -> Figure:
        z, guess, bits = frames[which][gammas.index(gamma)]
        for panel, part in zip(shown[:2], (z, guess), strict=True):
            panel.set_data(plots.as_pixels(part))
        shown[2].set_data(bits)
        axes[2].set_title(f"{np.mean(bits):.2f} bits")
        return figure

    stills = [(gammas.index(g), k) for k, g in ((0, -10), (0, -4), (0, 1), (1, -10))]
    controls = slider("γ", gammas, start=-10, text="{:g}"), buttons("digit", list(images))
    return Explorer(draw, *controls, stills=stills)


# --- the companion --------------------------------------------------------------------------------


def four_neighbours() -> Picture:
    """The pixel to be named, and the four that are known already."""
    figure, ax = canvas(8, 2.7)
    shades = ((0.05, 0.4, 0.9, 1.0), (0.05, 0.3, None, None), (None,) * 4)
    for row, line in enumerate(shades):
        for column, shade in enumerate(line):
            at = (0.6 + 0.75 * column, 1.8 - 0.75 * row)
            face = "#DDEBF5" if shade is None else str(shade)
            ax.add_patch(Rectangle(at, 0.75, 0.75, facecolor=face, edgecolor="0.7"))
    for column, row in ((1, 0), (2, 0), (3, 0), (1, 1)):
        corner = (0.6 + 0.75 * column, 1.8 - 0.75 * row)
        ax.add_patch(Rectangle(corner, 0.75, 0.75, fill=False, edgecolor=RED, lw=3))
    words(ax, (0.6 + 2.5 * 0.75, 1.05 + 0.375), "?", RED, 20)
    words(ax, (4.0, 1.9), "four neighbours that are known", RED, 13, ha="left")
    words(ax, (4.0, 1.4), "→ 7 classes each, so 2,401 contexts", BLACK, 13, ha="left")
    words(ax, (4.0, 0.9), "→ a histogram for each context", BLACK, 13, ha="left")
    words(ax, (4.0, 0.4), "not known yet: light blue", "#5A8FB8", 13, ha="left")
    return figure


def ladder(rows: Sequence[tuple[str, float, str]]) -> Picture:
    """(name, bits per dimension, kind) of all rungs, the dearest on top."""
    colours = {"code": "0.55", "ours": BLUE, "published": plots.ORANGE}
    rows = sorted(rows, key=lambda row: -row[1])
    figure, ax = subplots(size=(8, 0.9 + 0.3 * len(rows)))
    places = range(len(rows))
    drawn = ax.barh(places, [row[1] for row in rows], color=[colours[row[2]] for row in rows])
    ax.bar_label(drawn, [f"{row[1]:.3f}" for row in rows], padding=4, fontsize=12)
    ax.set_yticks(places, [row[0] for row in rows])
    ax.set(ylim=(len(rows) - 0.4, -0.6), xlim=(0, 3.25), xlabel="bits per dimension")
    for k, (kind, text) in enumerate(
        (("code", "no network"), ("ours", "this package"), ("published", "published, not re-run"))
    ):
        ax.text(3.2, len(rows) - 1 - 0.9 * k, text, color=colours[kind], ha="right", weight="bold")
    ax.grid(axis="y", visible=False)
    ax.set(title="What an 8-bit digit of MNIST costs")
    return figure
