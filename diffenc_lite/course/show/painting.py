"""Figures as pixels and in words."""

import io
import re
import textwrap

import numpy as np
from matplotlib.axes import Axes
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
