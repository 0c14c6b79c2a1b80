"""Drawings of ideas: boxes, arrows and words on an empty canvas, in the style of the course.

    figure, ax = canvas(8, 3)
    box(ax, (1, 1.5), "$x$", COLOURS["x"])
    arrow(ax, (1.6, 1.5), (3.4, 1.5), "encode", COLOURS["x_t"])

Coordinates are in inches of the figure, so that text and boxes keep their sizes: a drawing 8 inches
wide fits the page, and its text is legible on a phone. The drawings of lesson NN stand in
`lesson_NN.py` beside the lesson's other pictures, one function each, and return the Picture.
"""

from graphlib import TopologicalSorter
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from .plots import BLACK, BLUE, GREEN, ORANGE, PURPLE, RED, SKY, YELLOW, Picture, styled

Point = tuple[float, float]
Nodes = dict[str, set[str]]  # a name -> the names that it rests on

GREY = "#7F7F7F"
# One colour a thing through the whole course.
COLOURS = {
    "x": BLACK,
    "x_t": GREEN,  # encoded, clean
    "z_t": GREY,  # noisy
    "q": PURPLE,  # the encoder process and its posterior, which know x
    "p": RED,  # the generative process, which does not
    "identity": BLUE,
    "scaling": ORANGE,
    "learned": GREEN,
    "prior": SKY,
    "reconstruction": YELLOW,
    "diffusion": GREY,
}


@styled
def canvas(width: float = 8, height: float = 3, title: str = "") -> tuple[Picture, Axes]:
    """An empty picture of this many inches, and its axes, whose coordinates are those inches."""
    figure = Picture(figsize=(width, height))
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, width), ylim=(0, height))
    ax.set_axis_off()
    if title:
        words(ax, (width / 2, height - 0.25), title, size=14)
    return figure, ax


def words(ax: Axes, at: Point, text: str, colour: str = BLACK, size: float = 13, **kw: Any) -> None:
    """Text, centred at a point; keywords as in `Axes.text`."""
    ax.text(*at, text, **{"ha": "center", "va": "center", "color": colour, "fontsize": size, **kw})


def box(
    ax: Axes, at: Point, text: str, colour: str = BLACK, width: float = 1.0, height: float = 0.6
) -> None:
    """A rounded box round a text, centred at a point, tinted in its colour."""
    corner = (at[0] - width / 2, at[1] - height / 2)
    shape = "round,pad=0,rounding_size=0.12"
    for face, alpha in ((colour, 0.12), ("none", 1.0)):
        ax.add_patch(
            FancyBboxPatch(
                corner, width, height, boxstyle=shape, facecolor=face, alpha=alpha,
                edgecolor=colour, linewidth=1.8,
            )
        )  # fmt: skip
    words(ax, at, text)


def arrow(
    ax: Axes, start: Point, end: Point, text: str = "", colour: str = BLACK, bend: float = 0.0
) -> None:
    """An arrow with a label above its middle; bend, its curvature (negative bends upwards)."""
    ax.add_patch(
        FancyArrowPatch(
            start, end, arrowstyle="-|>", mutation_scale=16, linewidth=2, color=colour,
            shrinkA=0, shrinkB=0, connectionstyle=f"arc3,rad={bend}",
        )
    )  # fmt: skip
    if text:
        rise = 0.22 - bend * (end[0] - start[0]) / 2
        words(ax, ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + rise), text, colour)


def shortest(nodes: Nodes) -> Nodes:
    """Without the arrows that a longer chain implies"""
    everything: Nodes = {}
    for name in TopologicalSorter(nodes).static_order():
        everything[name] = nodes[name].union(*(everything[below] for below in nodes[name]))
    return {
        name: below - set[str]().union(*(everything[other] for other in below))
        for name, below in nodes.items()
    }
