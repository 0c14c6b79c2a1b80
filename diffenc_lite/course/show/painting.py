"""Figures as pixels, and the colours of the course."""

import io

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

# Of Okabe and Ito, which colour-blind people can tell apart.
PALETTE = {
    "blue": "#0072B2", "orange": "#E69F00", "green": "#009E73", "red": "#D55E00",
    "purple": "#CC79A7", "sky": "#56B4E9", "black": "#000000", "yellow": "#B8A900",
}  # fmt: skip


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
