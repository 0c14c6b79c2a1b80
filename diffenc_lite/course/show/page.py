"""An explorer as a piece of HTML that moves without a kernel and without a network.

It holds the drawing of each position of the controls as matplotlib's own SVG, artist by artist;
what several positions have in common it holds once. Set DIFFENC_LITE_EXPORT to 1 in the environment
before the kernel starts: explorers and figures then show themselves in this form (`make notebooks`
and `make site` do that).
"""

import base64
import gzip
import html
import io
import itertools
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import ipywidgets
import matplotlib
from matplotlib.artist import Artist
from matplotlib.axis import Axis
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.figure import Figure
from matplotlib.transforms import IdentityTransform

from .painting import pixels
from .reading import describe

TEMPLATE = Path(__file__).with_name("explorer.html").read_text(encoding="utf-8")
CSS = Path(__file__).with_name("explorer.css").read_text(encoding="utf-8")
WORDS: Any = {"svg.fonttype": "none", "svg.hashsalt": "diffenc_lite"}  # text stays text
MOST_PANELS, MOST_BYTES = 4, 200_000  # of a figure in a page; else it is an image

Index = tuple[int, ...]  # the position of each control


def exporting() -> bool:
    return os.environ.get("DIFFENC_LITE_EXPORT") == "1"


class _Renderer(RendererSVG):
    """matplotlib's, without the points that lie on straight lines between others, nearly."""

    def draw_path(self, gc: Any, path: Any, transform: Any, rgbFace: Any = None) -> None:
        if len(path) > 100:
            path = path.cleaned(transform, remove_nans=True, simplify=True, curves=True)
            transform = IdentityTransform()
        super().draw_path(gc, path, transform, rgbFace)


class Drawing:
    """The artists of a figure as SVG; what has not changed is not drawn again."""

    def __init__(self, figure: Figure):
        pixels(figure)  # fixes the layout
        self.figure, self.known = figure, dict[Artist, str]()

    def parts(self) -> list[str]:
        """The SVG of each artist as it is now, from bottom to top, at 72 pixels an inch."""
        shown, dpi = [], self.figure.dpi
        self.figure.dpi = 72  # of matplotlib's SVG
        with matplotlib.rc_context(WORDS):
            for layer in _layers(self.figure):
                changed = [artist for artist in layer if _has_changed(artist)]
                if any(isinstance(artist, Axis) for artist in changed):
                    changed = layer  # other limits: everything in these axes moves
                for artist in layer[1:]:  # without the background
                    if artist not in self.known or artist in changed:
                        self.known[artist] = self._svg(artist)
                    shown.append(self.known[artist])
        self.figure.dpi = dpi
        return shown

    def _svg(self, artist: Artist) -> str:
        buffer = io.StringIO()
        width, height = 72 * self.figure.get_size_inches()
        renderer = _Renderer(width, height, buffer, metadata={"Date": None})
        artist.draw(renderer)
        renderer.finalize()
        for part in artist.findobj():
            part.stale = False
        text = buffer.getvalue().partition("</style>\n </defs>\n")[2].removesuffix("</svg>\n")
        text = re.sub(r"<!--.*?-->\s*|\n\s*| id=\"(?:image|text)\w*\"", "", text, flags=re.DOTALL)
        same = r"; font-family: 'DejaVu Sans'[^;\"]*| transform=\"rotate\(-?0 [^\"]*\""
        text = re.sub(same, "", text)  # the letters of CSS, not turned
        return re.sub(r' (?:d|x|y)="[^"]*"', lambda m: re.sub(r"(\.\d)\d+", r"\1", m[0]), text)


def _layers(figure: Figure) -> Iterator[list[Artist]]:
    """The artists of each axes, then those of the figure itself, each from the background up."""
    for ax in figure.axes:
        _ = ax.viewLim  # computes the limits now, if they follow from the data
        hidden = (ax.patch, *([] if ax.axison else [ax.xaxis, ax.yaxis, *ax.spines.values()]))
        shown = [artist for artist in ax.get_children() if artist not in hidden]
        yield [ax.patch, *sorted(shown, key=lambda artist: artist.zorder)]
    rest = [a for a in figure.get_children() if a not in (*figure.axes, figure.patch)]
    yield [figure.patch, *sorted(rest, key=lambda artist: artist.zorder)]


def _has_changed(artist: Artist) -> bool:
    # An Axis is itself stale when one of its children is.
    children = [] if isinstance(artist, Axis) else artist.get_children()
    return artist.stale or any(map(_has_changed, children))


def page(controls: Sequence[Any], drawn: Callable[[Index], Figure]) -> str:
    """The explorer.

    Args: controls, of ipywidgets; drawn, the figure at one position of the controls, which may be
        the same one.
    """
    rows: list[list[str]] = []  # for each position what it shows, in words and by artist
    drawing: Drawing | None = None
    places = list(itertools.product(*(range(len(control.options)) for control in controls)))
    for index in places:
        figure = drawn(index)
        if drawing is None or drawing.figure is not figure:
            drawing = Drawing(figure)
        rows.append([describe(figure), *drawing.parts()])
    slots = []  # the different texts of each part, and which of them stands at each position
    for column in itertools.zip_longest(*rows, fillvalue=""):
        texts = list(dict.fromkeys(column))
        number = {text: i for i, text in enumerate(texts)}
        slots.append([texts, [number[text] for text in column] if len(texts) > 1 else []])
    positions = [[name for name, _ in control.options] for control in controls]
    data = {"positions": positions, "slots": slots}
    packed = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    words, *parts = rows[places.index(tuple(control.index for control in controls))]
    fields = {
        "STYLE": CSS,
        "CONTROLS": "\n".join(map(_control, controls)),
        "PICTURE": _picture(figure, words, parts),
        "DATA": base64.b64encode(gzip.compress(packed, mtime=0)).decode(),
    }
    return re.sub("@([A-Z]+)@", lambda field: fields[field[1]], TEMPLATE)


def still(figure: Figure) -> str | None:
    """A figure as HTML; None for one of many panels or long, which is better an image."""
    if len(figure.axes) > MOST_PANELS:
        return None
    picture = _picture(figure, describe(figure), Drawing(figure).parts())
    return f"<style>\n{CSS}</style>\n{picture}" if len(picture) < MOST_BYTES else None


def _picture(figure: Figure, words: str, parts: Sequence[str]) -> str:
    width, height = 72 * figure.get_size_inches()
    groups = "".join(f"<g>{part}</g>" for part in parts)
    look = f'viewBox="0 0 {width:g} {height:g}" style="max-width: {1.6 * width:.0f}px"'
    return (
        f'<div class="picture" role="img" aria-label="{html.escape(words)}">'
        f'<svg xmlns:xlink="http://www.w3.org/1999/xlink" {look}>{groups}</svg></div>'
    )


def _control(control: Any) -> str:
    label = html.escape(control.description)
    names = [html.escape(name) for name, _ in control.options]
    if isinstance(control, ipywidgets.SelectionSlider):
        name = names[control.index]
        return (
            f'<label data-control><span>{label}</span><input type="range" max="{len(names) - 1}" '
            f'value="{control.index}" aria-valuetext="{name}"><output>{name}</output></label>'
        )
    choices = "".join(
        f'<label><input type="radio" name="{label}" value="{i}"'
        f"{' checked' * (i == control.index)}><span>{name}</span></label>"
        for i, name in enumerate(names)
    )
    return f"<fieldset data-control><legend>{label}</legend>{choices}</fieldset>"
