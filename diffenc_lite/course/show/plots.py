"""Plots of the course, all in one style. The functions take arrays and return a Figure.

The colours are those of Okabe and Ito, which colour-blind people can tell apart. Lines also differ
in their dashes, and the text is large enough for a projector. Nothing here uses pyplot: a figure
that is the last line of a notebook's cell is shown, and no figure stays open. `plots.begin()` gives
your own figures the same style.
"""

import base64
import io
import os
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
import torch
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure, FigureBase
from matplotlib.image import AxesImage
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from ...training import keep_freed_memory
from . import page
from .painting import PALETTE, pixels, png
from .reading import describe

Array = NDArray[Any]
Table = Sequence[Sequence[ArrayLike] | NDArray[Any]] | NDArray[Any]  # images[row][column]

BLUE, ORANGE, GREEN, RED, PURPLE, SKY, BLACK, YELLOW = PALETTE.values()

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
    "axes.axisbelow": True,  # under bars and fills
    "grid.alpha": 0.3,
    "axes.prop_cycle": cycler(color=[BLUE, RED, GREEN, PURPLE, ORANGE, BLACK])
    + cycler(linestyle=["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1))]),
}
styled = matplotlib.rc_context(STYLE)  # a decorator

SIGNED = "RdBu_r"  # red above zero, white at zero, blue below


def begin() -> None:
    """Begin a lesson: figures in STYLE, freed memory kept for the next tensors, and PyTorch on one
    thread, unless OMP_NUM_THREADS is set: for small tensors more gain nothing, and they wait for
    each other where the machine is busy."""
    matplotlib.rcParams.update(STYLE)
    keep_freed_memory()
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(1)


class Picture(Figure):
    """A Figure that a notebook shows if it is the last line of a cell, with a description."""

    varies = False  # what it shows, from one machine to another: then its words have no numbers

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        said = describe(self)  # first: what is drawn may change what stands in the axes
        moving = page.still(self) if page.exporting() else None
        drawn = {"text/plain": said, "image/png": base64.b64encode(png(pixels(self))).decode()}
        return drawn | ({"text/html": moving} if moving else {})


@styled
def subplots(
    rows: int = 1, columns: int = 1, size: tuple[float, float] = (8, 3.6), **options: Any
) -> Any:
    """(Picture, axes), as in pyplot, with its options. `size` is in inches of 100 pixels."""
    figure = Picture(figsize=size, layout="constrained")
    return figure, figure.subplots(rows, columns, **options)


def plain_ticks(axis: Axis, ticks: Sequence[float]) -> None:
    """These ticks, written as numbers, and no others: for a logarithmic axis."""
    axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.set_ticks([], minor=True)


def apart(heights: Mapping[str, float], gap: float) -> dict[str, float]:
    """Heights for names beside lines, the lowest first: those given, moved up to be `gap` apart."""
    found: dict[str, float] = {}
    for name, height in sorted(heights.items(), key=lambda item: item[1]):
        found[name] = max([height, *(lower + gap for lower in found.values())])
    return found


def name_rows(ax: Axes, names: Sequence[str], room: float = 0.5) -> None:
    """Rows 0, 1, ... by name, the first on top with this much above it; no lines across."""
    ax.set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.5, -room))
    ax.grid(axis="y", visible=False)


# --- curves --------------------------------------------------------------------------------------


@styled
def curves(
    x: ArrayLike, ys: Mapping[str, ArrayLike], xlabel: str, ylabel: str, title: str = ""
) -> Picture:
    """One line for each entry of `ys`, with a legend of their names."""
    figure, ax = subplots()
    for name, y in ys.items():
        ax.plot(x, y, label=name)
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    ax.legend()
    return figure


@styled
def bars(values: Mapping[str, float], xlabel: str, title: str = "") -> Picture:
    """One bar for each entry, the first on top, with its value in three digits beside it."""
    figure, ax = subplots(size=(8, 0.8 + 0.5 * len(values)))
    drawn = ax.barh(list(values), list(values.values()), color=BLUE)
    ax.bar_label(drawn, [f"{value:#.3g}".rstrip(".") for value in values.values()], padding=4)
    ax.invert_yaxis()
    ax.margins(x=0.12)
    ax.set(xlabel=xlabel, title=title)
    ax.grid(axis="y", visible=False)
    return figure


@styled
def forest(
    values: Mapping[str, ArrayLike],
    intervals: Mapping[str, Sequence[tuple[float, float]]],
    xlabel: str,
    colours: Sequence[str] | None = None,
    title: str = "",
) -> Picture:
    """One row for each entry, the first on top: its values, their mean, and intervals of the mean.

    Values are open circles, the mean is a diamond. The intervals of the same name are horizontal
    bars, the first thin, the next ones thicker.
    """
    figure, ax = subplots(size=(8, 1.1 + 0.45 * len(values)))
    ax.axvline(0, color="0.4", lw=1.2, ls="-")
    for row, (name, single) in enumerate(values.items()):
        colour = BLUE if colours is None else colours[row]
        for k, (low, high) in enumerate(intervals[name]):
            ax.plot([low, high], [row, row], color=colour, lw=1.6 + 3.4 * k, ls="-", alpha=0.75)
        points = np.asarray(single, dtype=float)
        above = np.full(len(points), row - 0.26)
        ax.plot(points, above, "o", mfc="none", ms=4.5, mew=1, color="0.35")
        ax.plot(points.mean(), row, "D", ms=7.5, color=colour, mec="white", mew=1)
    ax.set(xlabel=xlabel, title=title)
    name_rows(ax, list(values), room=0.6)
    return figure


# --- images --------------------------------------------------------------------------------------


def show_image(
    ax: Axes, image: ArrayLike, signed: float | None = None, levels: int = 256
) -> AxesImage:
    """One image on axes without ticks. `.set_data(as_pixels(other))` replaces the image.

    Args: image (H, W), (1, H, W) or (3, H, W). -1 is black and 1 is white, of uint8 0 and
        `levels` - 1; values beyond are clipped. With `signed`, an image of one channel is red at
        +signed and blue at -signed. Raises ValueError for uint8 that is not below `levels`.
    """
    cmap, limit = ("gray", 1.0) if signed is None else (SIGNED, signed)
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
    ax.spines[:].set(visible=True, color="0.6")
    shown = as_pixels(image, levels)
    return ax.imshow(shown, cmap=cmap, vmin=-limit, vmax=limit, interpolation="none")


def as_pixels(image: ArrayLike, levels: int = 256) -> NDArray[Any]:
    """An image in the form that imshow takes: (H, W), or (H, W, 3) in [0, 1] if it has colours."""
    array = np.asarray(image)
    if array.dtype == np.uint8 and array.max() >= levels:
        raise ValueError(f"images must have levels 0 to {levels - 1}; got {array.max()}")
    array = array / ((levels - 1) / 2) - 1 if array.dtype == np.uint8 else array.astype(float)
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
    levels: int = 256,
) -> Picture:
    """A table of images, each `size` inches wide; arguments and errors as in `fill_grid`.

    Images uint8 (N, C, H, W), as from `sample` or of an ImageSet, are one row. Those of a model
    with fewer than 256 levels: `image_grid(sample(model, 16, 50), levels=model.levels)`.
    """
    if not isinstance(images, Sequence) and images.ndim == 4 and "uint8" in str(images.dtype):
        images = images if images.shape[1] not in (1, 3) else [images]
    width = len(images[0]) * size + (rows is not None)
    height = len(images) * size + 0.4 * (columns is not None)
    figure = Picture(figsize=(width, height), layout="constrained")
    fill_grid(figure, images, columns, rows, signed, levels)
    return figure


@styled
def fill_grid(
    figure: FigureBase,
    images: Table,
    columns: Sequence[str] | None = None,
    rows: Sequence[str] | None = None,
    signed: Sequence[float | None] | None = None,
    levels: int = 256,
) -> None:
    """Draw images[row][column] into a figure or a subfigure, each as in `show_image`.

    Args: columns, a title for each column; rows, a label for each row; signed, for each row;
        levels, of images in uint8. Raises ValueError if the rows differ in length, if the number of
        titles, labels or entries of `signed` is wrong, and for uint8 that is not below `levels`.
    """
    n, m, lengths = len(images), len(images[0]), [len(row) for row in images]
    if set(lengths) != {m}:
        raise ValueError(f"images must be rows of one length; got lengths {lengths}")
    given = {"columns": (columns, m), "rows": (rows, n), "signed": (signed, n)}
    for argument, (entries, expected) in given.items():
        if entries is not None and len(entries) != expected:
            raise ValueError(f"{argument} must have {expected} entries; got {len(entries)}")
    axes = figure.subplots(n, m, squeeze=False)
    for row, row_axes, limit in zip(images, axes, signed or [None] * n, strict=True):
        for ax, image in zip(row_axes, row, strict=True):
            show_image(ax, image, limit, levels)
    for ax, name in zip(axes[0], columns or [""] * m, strict=True):
        ax.set_title(name)
    for ax, name in zip(axes[:, 0], rows or [""] * n, strict=True):
        ax.set_ylabel(name, rotation=0, ha="right", va="center")


# --- moving pictures -----------------------------------------------------------------------------


def moving(frames: Sequence[NDArray[np.uint8]], milliseconds: Sequence[int]) -> bytes:
    """Frames (H, W, 3), and for how long each is shown -> the bytes of a WebP that repeats."""
    first, *others = (Image.fromarray(frame) for frame in frames)
    buffer = io.BytesIO()
    times = {"duration": list(milliseconds), "loop": 0}
    small: Any = {"lossless": True, "quality": 50, "method": 1}  # other methods gain nothing
    first.save(buffer, "WEBP", save_all=True, append_images=others, **times, **small)
    return buffer.getvalue()
