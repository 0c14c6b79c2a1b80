"""A figure in words: its titles and axes, and what is drawn in them, with numbers.

Notebooks store the words as the text of a picture, where `pytest --nbval` compares them; pages give
them to readers who do not see it. They are read from what stands in the axes.
"""

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.category import StrCategoryFormatter
from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.colors import to_hex, to_rgba_array
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Patch, Rectangle
from matplotlib.quiver import Quiver
from matplotlib.spines import Spine
from matplotlib.text import Annotation
from matplotlib.ticker import FixedFormatter, FuncFormatter

from .painting import PALETTE

Write = Callable[[float], str]  # a number along an axis
DASHES = {"--": "dashed ", "-.": "dash-dotted ", ":": "dotted "}
NUMBER = r"[-+±]?\b\d(?:[\d.,]*\d)?(?:e[-+]\d+)?"


def describe(figure: Figure) -> str:
    """A sentence, then a line for each axes and for all things of one look in it. Of a figure that
    `varies` from machine to machine, as what is trained on the page does, without numbers."""
    parts = (figure, *figure.subfigs)
    heads = [part.get_suptitle() for part in parts] + [figure.get_supxlabel()]
    titles = [ax.get_title() for ax in figure.axes]
    called = plain("; ".join(filter(None, heads if any(heads) or len(titles) > 4 else titles)))
    lines = [f"{called or 'A picture'}.", *(line for ax in figure.axes for line in _panel(ax))]
    text = "\n".join(filter(None, lines))
    return re.sub(NUMBER, "#", text) if getattr(figure, "varies", False) else text


def number(value: float, unit: float | None = None) -> str:
    """In whole units, or to two figures. A half, and what is nearly one, is rounded up: so no round
    number stands where the last bits of a machine decide."""
    if not math.isfinite(value):
        return str(value)
    unit = unit or (10.0 ** (math.floor(math.log10(abs(value))) - 1) if value else 1.0)
    steps = math.floor(abs(value) / unit + 0.5286)
    return f"{math.copysign(steps * unit, value):.6g}" if steps else "0"


def _axis(axis: Axis, limits: tuple[float, float]) -> tuple[str, Write]:
    """What an axis is, and how numbers along it are written: about a hundredth of it is a unit; if
    it is logarithmic, to two figures."""
    kind, least = axis.get_scale(), getattr(axis.get_transform(), "linthresh", 0) / 100
    unit = _hundredth(limits) if kind == "linear" else None

    def write(value: float) -> str:
        return number(value if abs(value) > least else 0, unit)

    ticks, formatter = axis.get_majorticklocs(), axis.get_major_formatter()
    named = isinstance(formatter, FixedFormatter | FuncFormatter | StrCategoryFormatter)
    names = zip(ticks, formatter.format_ticks(list(ticks)) if named else [], strict=False)
    label, low, high = axis.get_label_text(), *map(write, limits)
    said = [f"{label} {low} to {high}" + " (logarithmic)" * (unit is None)]
    said += [f"{write(at)} {name}" for at, name in names if name not in ("", f"{at:g}")]
    return (plain(", ".join(said)) if label or len(ticks) else ""), write


def _hundredth(limits: tuple[float, float]) -> float:
    return 10.0 ** math.floor(math.log10((abs(limits[1] - limits[0]) or 1) / 87.3))


def _panel(ax: Axes) -> Iterator[str]:
    """The axes, then a line for all things of one look; of more than 24, for their points."""
    (across, x), (up, y) = _axis(ax.xaxis, ax.get_xlim()), _axis(ax.yaxis, ax.get_ylim())
    title = ax.get_title() if len(ax.figure.axes) > 1 else ""
    things = dict[str, list[Any]]()
    for look, thing in _things(ax, x, y) if ax.axison else _canvas(ax):
        things.setdefault(look, []).append(thing)
    if list(things) == ["image"]:  # and nothing else
        name = plain(", ".join(filter(None, (title, ax.get_ylabel()))))
        yield f"{name or 'image'}: {things['image'][0]}"
        return
    yield "; ".join(filter(None, (plain(title), across, up))) if ax.axison else ""
    for look, each in things.items():
        if len(each) > 24 and not isinstance(each[0], str):
            each = [np.concatenate(each)]
        said = (thing if isinstance(thing, str) else _points(thing, x, y) for thing in each)
        yield f"- {look}: {'; '.join(said)}"


def _things(ax: Axes, x: Write, y: Write) -> Iterator[tuple[str, Any]]:
    """How each looks, and its points, or what is said of it"""
    for each in ax.get_children():
        label = plain(str(each.get_label() or ""))
        name = f" ({label})" if label and label[0] != "_" else ""
        if isinstance(each, Line2D) and each.get_marker() not in ("|", "_"):  # of error bars
            line = "dots" if each.get_linestyle() == "None" else "line"
            dashes = DASHES.get(str(each.get_linestyle()), "")
            points = (each.get_transform() - ax.transData).transform(each.get_xydata())
            yield f"{_colour(each.get_color())} {dashes}{line}{name}", points
        elif isinstance(each, LineCollection):
            look, ends = _colour(each.get_color()), [part[[0, -1]] for part in each.get_segments()]
            if len(ends) > 24:
                yield f"{look} lines{name}", np.concatenate(ends)
            for pair in ends if len(ends) < 25 else ():
                (a, b), half = pair.mean(0), float(np.abs(np.diff(pair, axis=0)).max() / 2)
                yield f"{look} intervals{name}", f"({x(a)}, {y(b)}) ±{number(half)}"
        elif isinstance(each, PathCollection):  # of scatter
            yield f"{_colour(each.get_facecolor())} dots{name}", each.get_offsets()
        elif isinstance(each, Quiver):
            yield "arrows from", each.XY
            yield "arrows to", each.XY + np.c_[each.U, each.V] / (each.scale or 1)
        elif isinstance(each, PolyCollection):
            for path in each.get_paths():
                yield f"{_colour(each.get_facecolor())} area{name}", path.vertices
                across, up = (ax.transData - ax.transAxes).transform(path.vertices).clip(0, 1).T
                share = abs(across @ np.roll(up, 1) - up @ np.roll(across, 1)) / 2
                yield "its share of the axes", number(share if share > 1e-9 else 0)
        elif isinstance(each, AxesImage):
            yield "image", _image(each)
        elif isinstance(each, Annotation) and each.arrow_patch and not each.get_text():
            yield "arrow", [each.xyann, each.xy]
        elif isinstance(each, Patch) and not isinstance(each, Spine) and each is not ax.patch:
            path = each.get_patch_transform().transform_path(each.get_path())
            corners: Any = path.vertices
            some = corners[[0, 2]] if isinstance(each, Rectangle) else corners
            yield f"{_colour(each.get_facecolor())} shape{name}", some
    if words := _words(ax):
        yield "written", "; ".join(said for said, _ in words)


def _canvas(ax: Axes) -> Iterator[tuple[str, Any]]:
    """The words of a drawing, and from which word to which its arrows lead"""
    words = _words(ax)
    boxes = [each.get_bbox() for each in ax.patches if isinstance(each, FancyBboxPatch)]
    boxed = [word for word in words if any(box.contains(*word[1]) for box in boxes)] or words
    yield "written", "; ".join(said for said, _ in words)
    for each in ax.patches:
        if isinstance(each, FancyArrowPatch):
            ends: Any = each._posA_posB  # type: ignore[attr-defined]
            near = (min(boxed, key=lambda word: math.dist(word[1], at))[0] for at in ends)
            yield f"{_colour(each.get_edgecolor())} arrows", " → ".join(near)


def _words(ax: Axes) -> list[tuple[str, Any]]:
    """The texts, with their colours, as one reads them: from the top down; and their places"""
    found = []
    height = 5 * ax.figure.bbox.height / ax.figure.dpi  # in lines of a fifth of an inch
    for text in ax.texts:
        if said := plain(text.get_text()):
            place, transform = text.get_position(), text.get_transform()
            if isinstance(text, Annotation):
                transform = ax.transData
                place = place if text.anncoords == "data" else text.xy
            across, up = (transform - ax.transAxes).transform(place)
            colour = _colour(text.get_color())
            shown = said if colour == "black" else f"{said} ({colour})"
            found.append((-round(height * up), across, shown, place))
    return [(said, place) for _, _, said, place in sorted(found, key=lambda each: each[:2])]


def _points(xy: Any, x: Write, y: Write) -> str:
    """Up to five points; of more the first, the middle one and the last, and the extremes"""
    points: Any = np.ma.filled(np.ma.asarray(xy, float), np.nan).reshape(-1, 2)
    points = points[np.isfinite(points).all(1)]
    n = len(points)
    said = " ".join(f"({x(a)}, {y(b)})" for a, b in (points if n < 6 else points[[0, n // 2, -1]]))
    if n < 6:
        return said or "only in the legend"
    (left, low), (right, high) = points.min(0), points.max(0)
    return f"{n} points {said}, least ({x(left)}, {y(low)}), most ({x(right)}, {y(high)})"


def _image(image: AxesImage) -> str:
    """Its pixels and scale, and the means of its quarters, to a tenth of the scale"""
    values: Any = np.ma.filled(np.ma.asarray(image.get_array(), float), np.nan)
    low, high = image.get_clim() if values.ndim == 2 else (0, 1)
    halves = np.array_split(values[:: -1 if image.origin == "lower" else 1], 2)
    quarters = [part for half in halves for part in np.array_split(half, 2, axis=1)]
    ends = np.nanmin(values), np.nanmax(values)
    known = [part[np.isfinite(part)] for part in quarters]
    means = [part.mean() if part.size else 0.0 for part in known]
    said = [number(float(value), 10 * _hundredth((low, high))) for value in (*ends, *means)]
    size, scale = "x".join(map(str, values.shape[:2])), f"{number(low)} to {number(high)}"
    extremes = f"least {said[0]}, most {said[1]}, quarters {' '.join(said[2:])}"
    return f"{size}, {image.get_cmap().name} {scale}, {extremes}"


def _colour(colour: Any) -> str:
    """As the palette calls it, or a grey from 0 to 1, or in hexadecimal digits; pale, if so"""
    red, green, blue, alpha = map(float, next(iter(to_rgba_array(colour)), (0, 0, 0, 0)))
    shade = to_hex((red, green, blue))
    names = {hexed.lower(): name for name, hexed in PALETTE.items()} | {"#ffffff": "white"}
    grey = f"grey {red:.2g}" if red == green == blue else shade
    return "pale " * (alpha < 0.5) + names.get(shade, grey)


SIGNS = {"pm": "±", "leftarrow": "←", "rightarrow": "→", "mathbb": "", "mathcal": "", "mathrm": ""}


def plain(text: str) -> str:
    """Without the signs of TeX and line breaks: $\\hat x_t\\pm2\\sigma$ -> hat x_t ±2 sigma"""

    def word(command: re.Match[str]) -> str:
        return SIGNS.get(command[1], command[1] + " " * len(command[2]))

    apart = re.sub(r"(?<=[\w}])(?=\\[a-zA-Z])", " ", text.replace("\\ ", " "))
    words = re.sub(r"\\([a-zA-Z]+)(\{?)", word, apart)
    return " ".join(re.sub(r"\\[,;!]|[$\\{}]", "", words).split())
