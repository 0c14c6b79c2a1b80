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
from matplotlib.figure import Figure, FigureBase
from matplotlib.image import AxesImage, imsave
from numpy.typing import ArrayLike, NDArray

Table = Sequence[Sequence[ArrayLike] | NDArray[Any]] | NDArray[Any]  # images[row][column]

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


@styled
def bars(values: Mapping[str, float], xlabel: str, title: str = "") -> Picture:
    """One bar per entry, the first on top, each with its number (three digits) at its end."""
    figure, ax = subplots(size=(8, 0.8 + 0.5 * len(values)))
    drawn = ax.barh(list(values), list(values.values()), color=BLUE)
    ax.bar_label(drawn, [f"{value:.3g}" for value in values.values()], padding=4)
    ax.invert_yaxis()
    ax.margins(x=0.12)
    ax.set(xlabel=xlabel, title=title)
    ax.grid(axis="y", visible=False)
    return figure


# --- images --------------------------------------------------------------------------------------


def show_image(ax: Axes, image: ArrayLike, signed: float | None = None) -> AxesImage:
    """One image on axes without ticks. To change it: `.set_data(as_pixels(other))`.

    Args: image (H, W), (1, H, W) or (3, H, W), black at -1 and white at 1, cut off beyond; or, with
        `signed` and one channel, red at +signed and blue at -signed.
    """
    cmap, limit = (GREYS, 1.0) if signed is None else (SIGNED, signed)
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
    ax.spines[:].set(visible=True, color="0.6")
    return ax.imshow(as_pixels(image), cmap=cmap, vmin=-limit, vmax=limit, interpolation="nearest")


def as_pixels(image: ArrayLike) -> NDArray[Any]:
    """What imshow takes: (H, W) for one channel, (H, W, 3) in [0, 1] for three."""
    array = np.asarray(image, dtype=float)
    if array.ndim == 3 and len(array) == 1:
        return array[0]
    return np.clip((np.moveaxis(array, 0, 2) + 1) / 2, 0, 1) if array.ndim == 3 else array


@styled
def image_grid(
    images: Table,
    columns: Sequence[str] | None = None,
    rows: Sequence[str] | None = None,
    signed: Sequence[float | None] | None = None,
    size: float = 1.0,
) -> Picture:
    """A table of images, `size` inches each; see `fill_grid`."""
    width = len(images[0]) * size + (rows is not None)
    height = len(images) * size + 0.4 * (columns is not None)
    figure = Picture(figsize=(width, height), layout="constrained")
    fill_grid(figure, images, columns, rows, signed)
    return figure


@styled
def fill_grid(
    figure: FigureBase,
    images: Table,
    columns: Sequence[str] | None = None,
    rows: Sequence[str] | None = None,
    signed: Sequence[float | None] | None = None,
) -> None:
    """images[row][column] in a figure or a part of one, each as in `show_image`, with a name above
    each column and beside each row, and `signed` for each row.

    Raises ValueError if the rows differ in length or what is given for them is of another length.
    """
    n, m = len(images), len(images[0])
    if {len(row) for row in images} != {m}:
        raise ValueError(
            f"images must be rows of one length; got lengths {[len(row) for row in images]}"
        )
    given = {"columns": (columns, m), "rows": (rows, n), "signed": (signed, n)}
    for argument, (entries, expected) in given.items():
        if entries is not None and len(entries) != expected:
            raise ValueError(f"{argument} must have {expected} entries; got {len(entries)}")
    axes = figure.subplots(n, m, squeeze=False)
    for row, row_axes, limit in zip(images, axes, signed or [None] * n, strict=True):
        for ax, image in zip(row_axes, row, strict=True):
            show_image(ax, image, limit)
    for ax, name in zip(axes[0], columns or [""] * m, strict=True):
        ax.set_title(name)
    for ax, name in zip(axes[:, 0], rows or [""] * n, strict=True):
        ax.set_ylabel(name, rotation=0, ha="right", va="center")


@styled
def encoding_panels(images: Sequence[ArrayLike], limit: float) -> tuple[Picture, list[AxesImage]]:
    """x_t, x_t - x (red and blue up to `limit`), z_t and x_hat of one image side by side; returns
    the four pictures too, to be changed by `set_data`."""
    figure, axes = subplots(1, 4, (9.6, 2.7))
    titles = (
        "$x_t$: encoded",
        "$x_t - x$: the change",
        "$z_t$: with noise",
        r"$\hat x$: the guess at $x_t$",
    )
    shown: list[AxesImage] = []
    for ax, title, image in zip(axes, titles, images, strict=True):
        shown.append(show_image(ax, image, limit if len(shown) == 1 else None))
        ax.set_title(title)
    figure.colorbar(shown[1], ax=axes[1], shrink=0.8)
    return figure, shown
