"""An explorer as one HTML page that moves without a kernel and without a network.

The page has the drawing of each position of its controls, as SVG; what several positions have in
common it has once. Set the environment variable DIFFENC_LITE_EXPORT to 1 before the kernel starts:
explorers then show themselves in this form (`make notebooks` and `make site` do that).
"""

from __future__ import annotations

import base64
import gzip
import html
import itertools
import json
import os
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ipywidgets
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from . import plots
from .scene import Scene

TEMPLATE = Path(__file__).with_name("explorer.html").read_text(encoding="utf-8")
STYLE = Path(__file__).with_name("panels.css").read_text(encoding="utf-8")
VARIABLE = "DIFFENC_LITE_EXPORT"
MARGIN = 4  # pixels round a panel
MOST_PANELS, MOST_BYTES = 4, 200_000  # of a figure in a page; else it is an image

Index = tuple[int, ...]  # the position of each control


def exporting() -> bool:
    return os.environ.get(VARIABLE) == "1"


class Slot:
    """A part of the page that may change: what is in it at each position, each text once."""

    def __init__(self) -> None:
        self.texts: dict[str, int] = {}
        self.at: list[int] = []

    def put(self, text: str, position: int) -> None:
        if (missed := position - len(self.at)) > 0:  # positions with fewer artists
            self.at += [self.texts.setdefault("", len(self.texts))] * missed
        self.at.append(self.texts.setdefault(text, len(self.texts)))

    def get(self, position: int) -> str:
        return list(self.texts)[self.at[position]] if position < len(self.at) else ""

    def data(self) -> list[list[str] | list[int]]:
        return [list(self.texts), self.at if len(self.texts) > 1 else []]


def page(controls: Sequence[Any], drawn: Callable[[Index], Figure]) -> str:
    """The page.

    Args: controls, of ipywidgets; drawn, the figure at one position of the controls, which may be
        the same one.
    """
    words, panels = Slot(), dict[int, list[Slot]]()
    clips: dict[str, str] = {}
    boxes: dict[int, Bbox] = {}
    scene: Scene | None = None
    places = list(itertools.product(*(range(len(control.options)) for control in controls)))
    for position, index in enumerate(places):
        figure = drawn(index)
        if scene is None or scene.figure is not figure:
            scene = Scene(figure, clips)
        words.put(plots.describe(figure), position)
        for panel, parts in scene.panels().items():
            slots = panels.setdefault(panel, [])
            slots += [Slot() for _ in parts[len(slots) :]]
            for slot, part in zip(slots, parts, strict=False):
                slot.put(part, position)
        for panel, box in scene.boxes.items():
            boxes[panel] = Bbox.union([box, boxes.get(panel, box)])
    first = places.index(tuple(control.index for control in controls))
    order = sorted(panels)
    data = {
        "positions": [names_of(control) for control in controls],
        "words": words.data(),
        "slots": [slot.data() for panel in order for slot in panels[panel]],
    }
    shown = [(boxes[p], [slot.get(first) for slot in panels[p]], p < 0) for p in order]
    labels = ", ".join(control.description for control in controls)
    packed = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    fields = {
        "TITLE": html.escape(f"Explorer of {labels}"),
        "STYLE": STYLE,
        "CONTROLS": "\n".join(map(_control, range(len(controls)), controls)),
        "PICTURE": _picture(words.get(first), clips, shown),
        "DATA": base64.b64encode(gzip.compress(packed, mtime=0)).decode(),
    }
    text = TEMPLATE
    for name, value in fields.items():
        text = text.replace(f"@{name}@", value)
    return text


def still(figure: Figure) -> str | None:
    """A figure as HTML, panel by panel; None for one of many panels, which is better an image."""
    if len(figure.axes) > MOST_PANELS:
        return None
    clips: dict[str, str] = {}
    scene = Scene(figure, clips)
    panels = scene.panels()
    shown = [(scene.boxes[p], panels[p], p < 0) for p in sorted(panels)]
    picture = _picture(plots.describe(figure), clips, shown)
    name = f"{zlib.crc32(picture.encode()):08x}"  # a page has many figures
    picture = picture.replace('id="clip', f'id="{name}-').replace("url(#clip", f"url(#{name}-")
    return f"<style>\n{STYLE}</style>\n{picture}" if len(picture) < MOST_BYTES else None


def _picture(
    words: str, clips: dict[str, str], panels: Sequence[tuple[Bbox, Sequence[str], bool]]
) -> str:
    areas = "".join(f'<clipPath id="{name}">{area}</clipPath>' for area, name in clips.items())
    drawn = "\n".join(_panel(*panel) for panel in panels)
    return (
        f'<div class="picture" role="img" aria-label="{html.escape(words)}">\n'
        f'<svg class="clips" aria-hidden="true"><defs>{areas}</defs></svg>\n{drawn}\n</div>'
    )


def _panel(box: Bbox, parts: Sequence[str], wide: bool) -> str:
    x, y = box.x0 - MARGIN, box.y0 - MARGIN
    width, height = box.width + 2 * MARGIN, box.height + 2 * MARGIN
    look = "wide" if wide else "image" if any("<image" in part for part in parts) else "curves"
    groups = "".join(f"<g>{part}</g>" for part in parts)
    view = f'viewBox="{x:.0f} {y:.0f} {width:.0f} {height:.0f}"'
    return f'<svg class="{look}" {view} style="--width: {width:.0f}px">{groups}</svg>'


def names_of(control: Any) -> list[str]:
    """Of the positions of a slider or of buttons."""
    return [name for name, _ in control.options]


def _control(number: int, control: Any) -> str:
    label, names = html.escape(control.description), list(map(html.escape, names_of(control)))
    if isinstance(control, ipywidgets.SelectionSlider):
        name = names[control.index]
        return (
            f'<div class="control"><label for="c{number}">{label}</label>'
            f'<input data-control id="c{number}" type="range" min="0" max="{len(names) - 1}" '
            f'value="{control.index}" aria-valuetext="{name}">'
            f'<output for="c{number}">{name}</output></div>'
        )
    choices = "".join(
        f'<label><input type="radio" name="c{number}" value="{i}"'
        f"{' checked' * (i == control.index)}><span>{name}</span></label>"
        for i, name in enumerate(names)
    )
    return f"<fieldset data-control><legend>{label}</legend>{choices}</fieldset>"


def frame(document: str, heading: str) -> str:
    """The page inside another page: an iframe, which grows to the height of what it holds."""
    return (
        f'<iframe class="explorer" title="{html.escape(heading)}" srcdoc="{html.escape(document)}" '
        'style="width: 100%; height: 600px; border: 0"></iframe>\n'
        "<script>addEventListener('message', event => {"
        "for (const frame of document.querySelectorAll('iframe.explorer'))"
        " if (frame.contentWindow === event.source && event.data.explorerHeight)"
        " frame.style.height = `${event.data.explorerHeight + 2}px`; });</script>"
    )
