"""Figures as pixels, drawn again fast while some of their artists change, and figures in words."""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image


def pixels(figure: Figure) -> NDArray[np.uint8]:
    """The figure as pixels, (H, W, 3).

    The first call fixes the layout: later the axes stay in their places, and drawing is faster.
    """
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    figure.set_layout_engine("none")
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def png(picture: NDArray[np.uint8]) -> bytes:
    """(H, W, 3) -> the bytes of a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", compress_level=3)  # 6, the default, is slower
    return buffer.getvalue()


def read_png(content: bytes) -> NDArray[np.uint8]:
    """The bytes of a PNG file -> (H, W, 3)."""
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


class Painter:
    """Draws one figure many times while some of its artists change.

    Artists that do not change are drawn once and kept as pixels. These are usually the axes and
    their text, which take most of the time. An artist that changes is drawn again, and so are the
    artists above it in the same axes, to keep the order. If the limits of axes change, all of these
    axes is drawn again.
    """

    def __init__(self, figure: Figure):
        self.figure = figure
        self._moving: set[Artist] = set()  # artists that have changed at least once
        self._still: set[Artist] = set()  # artists in the background
        self._background: Any = None

    def pixels(self) -> NDArray[np.uint8]:
        """The figure as it is now, as pixels (H, W, 3)."""
        if self._background is None:  # the first call: nothing has changed yet
            pixels(self.figure)  # fixes the layout
            self._mark_fresh()
        drawn: list[Artist] = []  # from bottom to top
        still: set[Artist] = set()
        for layer in layers(self.figure):
            self._moving.update(filter(has_changed, layer))
            moving = [i for i, artist in enumerate(layer) if artist in self._moving]
            first = moving[0] if moving else len(layer)
            if any(isinstance(layer[i], Axis) for i in moving):
                first = 0
            drawn += layer[first:]
            still.update(layer[:first])
        self._moving.intersection_update(drawn)  # without the removed ones
        canvas = FigureCanvasAgg(self.figure)
        renderer = canvas.get_renderer()
        if self._background is None or still != self._still:
            for artist in drawn:
                artist.set_animated(True)  # left out by draw()
            canvas.draw()
            self._still, self._background = still, canvas.copy_from_bbox(self.figure.bbox)
            for artist in drawn:
                artist.set_animated(False)
            self._mark_fresh()
        canvas.restore_region(self._background)
        for artist in drawn:
            artist.draw(renderer)
        return np.asarray(canvas.buffer_rgba())[..., :3].copy()

    def _mark_fresh(self) -> None:
        for artist in self.figure.findobj():
            artist.stale = False  # every later change sets it to True


def layers(figure: Figure) -> Iterator[list[Artist]]:
    """The artists of each axes, then those of the figure itself, each from the background up."""
    for ax in figure.axes:
        _ = ax.viewLim  # computes the limits now, if they follow from the data
        hidden = (ax.patch, *([] if ax.axison else [ax.xaxis, ax.yaxis, *ax.spines.values()]))
        shown = [artist for artist in ax.get_children() if artist not in hidden]
        yield [ax.patch, *sorted(shown, key=lambda artist: artist.zorder)]
    rest = [a for a in figure.get_children() if a not in (*figure.axes, figure.patch)]
    yield [figure.patch, *sorted(rest, key=lambda artist: artist.zorder)]


def has_changed(artist: Artist) -> bool:
    # An Axis is itself stale when one of its children is.
    children = [] if isinstance(artist, Axis) else artist.get_children()
    return artist.stale or any(map(has_changed, children))


# --- in words ---------------------------------------------------------------------------------


def describe(figure: Figure) -> str:
    """What a figure shows, in words: its titles, axes and legends, or else the words drawn in it.

    Pages give it to readers who do not see the figure.
    """
    heading = figure.get_suptitle().strip()
    sentences = [f"{heading}." if heading else "", *map(_describe_axes, figure.axes)]
    if described := _plain(" ".join(filter(None, dict.fromkeys(sentences)))):
        return described
    drawn = dict.fromkeys(_plain(text.get_text()) for ax in figure.axes for text in ax.texts)
    words = textwrap.shorten(", ".join(filter(None, drawn)), 300, placeholder=" ...")
    return f"Drawing: {words}." if words else "A figure."


def _describe_axes(ax: Axes) -> str:
    if ax.images and not ax.lines:
        names = [name for name in (ax.get_title(), ax.get_ylabel()) if name.strip()]
        return f"Image: {', '.join(names)}." if names else "Images."
    names = [ax.get_title(), f"{ax.get_ylabel()} against {ax.get_xlabel()}"]
    if not (ax.get_xlabel() and ax.get_ylabel()):
        names[1] = ax.get_xlabel() or ax.get_ylabel()
    shown = ", ".join(ax.get_legend_handles_labels()[1])
    names += [f"shown are {shown}"] if shown else []
    text = "; ".join(name for name in names if name.strip())
    return f"{'Plot: ' if ax.has_data() else ''}{text}." if text else ""


SIGNS = {"pm": "±", "leftarrow": "←", "rightarrow": "→", "mathbb": "", "mathcal": "", "mathrm": ""}


def _plain(text: str) -> str:
    """Without the signs of TeX and line breaks: $\\hat x_t\\pm2\\sigma$ -> hat x_t ±2 sigma"""

    def word(command: re.Match[str]) -> str:
        return SIGNS.get(command[1], command[1] + " " * len(command[2]))

    apart = re.sub(r"(?<=[\w}])(?=\\[a-zA-Z])", " ", text.replace("\\ ", " "))
    words = re.sub(r"\\([a-zA-Z]+)(\{?)", word, apart)
    return " ".join(re.sub(r"\\[,;!]|[$\\{}]", "", words).split())
