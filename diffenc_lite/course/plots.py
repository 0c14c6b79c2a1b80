"""Pictures of the course: arrays in, a matplotlib Figure out, in one style.

The colours are those of Okabe and Ito, which people who are colour-blind tell apart; lines differ
in their dashes too, and the letters are large enough for a projector. Nothing here uses pyplot: a
figure that ends a cell of a notebook shows itself, and nothing is left open behind it. For figures
of your own, `plt.style.use(plots.STYLE)` gives the same style.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imsave
from numpy.typing import ArrayLike, NDArray

BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE, SKY, BLACK = "#CC79A7", "#56B4E9", "#000000"
# One meaning per colour throughout the course.
ENCODER_COLOURS = {"identity": BLUE, "scaling": ORANGE, "learned": GREEN}

STYLE: Any = {
    "figure.dpi": 100,
    "savefig.dpi": "figure",
    "font.size": 13,
    "axes.titlesize": 13,
    "axes.labelsize": 13,
    "xtick.labelsize": 12,
    "ytick.labelsize": 12,
    "legend.fontsize": 12,
    "legend.frameon": False,
    "lines.linewidth": 2.2,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "axes.prop_cycle": cycler(color=[BLUE, RED, GREEN, PURPLE, ORANGE, BLACK])
    + cycler(linestyle=["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1))]),
}
styled = matplotlib.rc_context(STYLE)  # a decorator

GREYS = "gray"
SIGNED = "RdBu_r"  # red above zero, white at zero, blue below


class Picture(Figure):
    """A Figure that a notebook shows when it ends a cell."""

    def _repr_png_(self) -> bytes:
        return png(pixels(self))


@styled
def subplots(rows: int = 1, columns: int = 1, size: tuple[float, float] = (8, 3.6)) -> Any:
    """(Picture, axes) like pyplot's, of `size` inches at 100 pixels to the inch."""
    figure = Picture(figsize=size, layout="constrained")
    return figure, figure.subplots(rows, columns)


def pixels(figure: Figure) -> NDArray[np.uint8]:
    """The figure as it looks, (H, W, 3). The first time settles the layout: drawing the figure
    again with other data is then quick, and its axes stay where they are."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    figure.set_layout_engine("none")
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def png(picture: NDArray[np.uint8]) -> bytes:
    """(H, W, 3) -> the bytes of a PNG file."""
    buffer = io.BytesIO()
    imsave(buffer, picture, format="png", pil_kwargs={"compress_level": 2})
    return buffer.getvalue()


# --- curves --------------------------------------------------------------------------------------


@styled
def curves(
    x: ArrayLike, ys: Mapping[str, ArrayLike], xlabel: str, ylabel: str, title: str = ""
) -> Picture:
    """One line per entry of `ys`, named in a legend."""
    figure, ax = subplots()
    for name, y in ys.items():
        ax.plot(x, y, label=name)
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    ax.legend()
    return figure


# --- images --------------------------------------------------------------------------------------


def show_image(ax: Axes, image: ArrayLike, signed: float | None = None) -> Any:
    """One image on axes without ticks; returns what `set_data` of `as_pixels` changes.

    Args: image (H, W), (1, H, W) or (3, H, W), black at -1 and white at 1, cut off beyond; or, with
        `signed`, red at +signed and blue at -signed, of the mean over the channels.
    """
    limit = 1.0 if signed is None else signed
    shown = ax.imshow(
        as_pixels(image, signed),
        cmap=GREYS if signed is None else SIGNED,
        vmin=-limit,
        vmax=limit,
        interpolation="nearest",
    )
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
    ax.spines[:].set_visible(True)
    ax.spines[:].set_color("0.6")
    return shown


def as_pixels(image: ArrayLike, signed: float | None = None) -> NDArray[Any]:
    """(H, W), (1, H, W) or (3, H, W) in [-1, 1] -> what imshow takes: (H, W), or (H, W, 3) in
    [0, 1]. With `signed`, channels are averaged."""
    array = np.asarray(image, dtype=float)
    if array.ndim == 3:
        array = array.mean(0) if signed is not None or len(array) == 1 else np.moveaxis(array, 0, 2)
    if array.ndim == 3:
        array = np.clip((array + 1) / 2, 0, 1)
    return array


@styled
def image_grid(
    images: Sequence[Sequence[ArrayLike]],
    columns: Sequence[str] = (),
    rows: Sequence[str] = (),
    signed: float | None = None,
    size: float = 1.0,
) -> Picture:
    """A table of images[row][column], each as in `show_image` and `size` inches wide, with a name
    above each column and beside each row."""
    n, m = len(images), len(images[0])
    figure, axes = subplots(n, m, (m * size + 1.2 * bool(rows), n * size + 0.4 * bool(columns)))
    axes = np.asarray(axes).reshape(n, m)
    for ax, image in zip(axes.flat, (image for row in images for image in row), strict=True):
        show_image(ax, image, signed)
    for ax, name in zip(axes[0], columns, strict=False):
        ax.set_title(name)
    for ax, name in zip(axes[:, 0], rows, strict=False):
        ax.set_ylabel(name, rotation=0, ha="right", va="center")
    return figure
