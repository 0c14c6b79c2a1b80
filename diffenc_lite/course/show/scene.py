"""A figure as SVG, artist by artist, so that a page can draw each position of an explorer anew.

Curves become paths and words stay words; only images, and formulas in words, become shapes. Each
axes is a panel of its own, so that panels stand below each other where a screen is narrow.
"""

from __future__ import annotations

import base64
import html
import io
import re
import unicodedata
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axis import Axis
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.path import Path
from matplotlib.spines import Spine
from matplotlib.transforms import Affine2D, Bbox
from numpy.typing import NDArray
from PIL import Image

from . import plots

LETTERS = {Path.MOVETO: "m", Path.LINETO: "l", Path.CURVE3: "q", Path.CURVE4: "c"}
TOKENS = re.compile(r"\\([a-zA-Z]+|[,;! ])\s*|([_^])(\{[^{}]*\}|\\[a-zA-Z]+|.)|(.)")
SIGNS = {"mathdefault": "", "mathrm": "", "pm": "±", "infty": "∞", "times": "×", "cdot": "·"}
SIGNS |= {"to": "→", "rightarrow": "→", "ln": "ln ", "log": "log ", "!": ""}
SIGNS |= dict.fromkeys(",; ", " ")
FAR = 20_000  # pixels; what lies beyond is not seen
NEAR = 0.05  # pixels by which a point may be off a straight line


class Recorder(RendererBase):
    """Takes what artists draw and keeps it as SVG, in pixels from the upper left corner."""

    def __init__(self, figure: Figure, clips: dict[str, str]):
        super().__init__()
        self.clips = clips  # a rectangle as SVG -> its id
        self.metrics: Any = FigureCanvasAgg(figure).get_renderer()
        self.width, self.height, self.scale = *figure.bbox.size, figure.dpi / 72
        self.flip = Affine2D().scale(1, -1).translate(0, self.height)
        self.parts: list[str] = []
        self.boxes: list[tuple[float, float, float, float]] = []  # x0, y0, x1, y1 of what is drawn

    def get_canvas_width_height(self) -> tuple[float, float]:
        return self.width, self.height

    def points_to_pixels(self, points: Any) -> Any:
        return points * self.scale

    def get_text_width_height_descent(self, s: str, prop: Any, ismath: Any) -> Any:
        return self.metrics.get_text_width_height_descent(s, prop, ismath)

    def draw_path(self, gc: Any, path: Path, transform: Any, rgbFace: Any = None) -> None:
        shape: Any = path.cleaned(transform + self.flip, remove_nans=True, curves=True)
        if len(shape.vertices) < 3:  # the last one is only where it ends
            return
        shape = _thinned(Path(np.clip(shape.vertices[:-1], -FAR, FAR), shape.codes[:-1]))
        self._note(shape.vertices[shape.codes != Path.CLOSEPOLY], gc)
        stroke = gc.get_linewidth() * self.scale
        style = f'fill="{to_hex(rgbFace[:3])}"' if rgbFace is not None else 'fill="none"'
        style += _neutral(rgbFace if rgbFace is not None else gc.get_rgb())
        if rgbFace is not None and (alpha := self._alpha(gc, rgbFace)) < 1:
            style += f' fill-opacity="{alpha:.3g}"'
        if stroke > 0 and gc.get_rgb()[3] > 0:
            style += f' stroke="{to_hex(gc.get_rgb()[:3])}" stroke-width="{stroke:.3g}"'
            if (alpha := self._alpha(gc, gc.get_rgb())) < 1:
                style += f' stroke-opacity="{alpha:.3g}"'
            offset, dashes = gc.get_dashes()
            if dashes is not None:
                lengths = " ".join(f"{self.scale * dash:.3g}" for dash in dashes)
                style += f' stroke-dasharray="{lengths}"'
        self.parts.append(f'<path {style}{self._clip(gc)} d="{_outline(shape)}"/>')

    def draw_image(self, gc: Any, x: float, y: float, im: Any, transform: Any = None) -> None:
        height, width = im.shape[:2]
        buffer = io.BytesIO()
        pixels = Image.fromarray(np.ascontiguousarray(im[::-1]))
        pixels.save(buffer, "WEBP", lossless=True, quality=50, method=4)
        data = base64.b64encode(buffer.getvalue()).decode()
        top = self.height - y - height
        self._note(np.array([[x, top], [x + width, top + height]]), gc)
        self.parts.append(
            f'<image x="{x:g}" y="{top:g}" width="{width}" height="{height}" '
            f'href="data:image/webp;base64,{data}"/>'
        )

    def draw_text(
        self, gc: Any, x: float, y: float, s: str, prop: Any, angle: float, ismath: Any = False,
        mtext: Any = None,
    ) -> None:  # fmt: skip
        words = _math_in(s) if ismath else html.escape(s)
        if words is None:  # fractions, hats: as shapes
            gc.set_linewidth(0)
            super().draw_text(gc, x, y, s, prop, angle, ismath, mtext)
            return
        width, height, _ = self.get_text_width_height_descent(s, prop, ismath)
        across = np.array([[0, 0], [width, -height]])
        self._note(Affine2D().rotate_deg(-angle).transform(across) + (x, y), gc)
        # Placed as in the figure whatever the width of the reader's letters.
        side = {"left": 0.0, "center": 0.5, "right": 1.0}[mtext.get_ha() if mtext else "left"]
        anchor = {0.0: "", 0.5: ' text-anchor="middle"', 1.0: ' text-anchor="end"'}[side]
        x, y = Affine2D().rotate_deg(-angle).transform((width * side, 0)) + (x, y)
        turned = f' transform="rotate({-angle:g} {x:.1f} {y:.1f})"' if angle else ""
        size = prop.get_size_in_points() * self.scale
        bold = ' font-weight="bold"' if prop.get_weight() in ("bold", 700) else ""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:.3g}" '
            f'fill="{to_hex(gc.get_rgb()[:3])}"{_neutral(gc.get_rgb())}{bold}{anchor}{turned}>{words}</text>'
        )

    def _alpha(self, gc: Any, colour: Any) -> float:
        opacity = colour[3] if len(colour) == 4 else 1.0
        return float(gc.get_alpha() if gc.get_forced_alpha() else opacity)

    def _clip(self, gc: Any) -> str:
        box = gc.get_clip_rectangle()
        if box is None:
            return ""
        top = self.height - box.y1
        where = f'x="{box.x0:.1f}" y="{top:.1f}" width="{box.width:.1f}" height="{box.height:.1f}"'
        name = self.clips.setdefault(f"<rect {where}/>", f"clip{len(self.clips)}")
        return f' clip-path="url(#{name})"'

    def _note(self, points: NDArray[np.float64], gc: Any) -> None:
        """Extend what the panel has to show by these points, as far as they are not cut off."""
        (x0, y0), (x1, y1) = points.min(0), points.max(0)
        if (box := gc.get_clip_rectangle()) is not None:
            top, bottom = self.height - box.y1, self.height - box.y0
            x0, x1 = np.clip([x0, x1], box.x0, box.x1)
            y0, y1 = np.clip([y0, y1], top, bottom)
        self.boxes.append((x0, y0, x1, y1))


def _neutral(colour: Any) -> str:
    """The mark of a black or a grey, which is inverted in the dark."""
    return ' class="n"' if len({*colour[:3]}) == 1 else ""


def _math_in(text: str) -> str | None:
    """Words with simple formulas between dollars, as what stands in <text>; None for others."""
    parts: list[str | None] = re.split(r"(?<!\\)\$", text)
    for i, part in enumerate(parts):
        assert part is not None
        parts[i] = _formula(part) if i % 2 else html.escape(part.replace(r"\$", "$"))
    return None if None in parts else "".join(filter(None, parts))


def _formula(tex: str) -> str | None:
    out = []
    for command, script, scripted, letter in TOKENS.findall(tex):
        if script:
            inner = _formula(scripted)
            if inner is None:
                return None
            rise = 0.3 if script == "_" else -0.5  # em of the script, which is the smaller
            out.append(f'<tspan dy="{rise}em" font-size="70%">{inner}</tspan>')
            out.append(f'<tspan dy="{-0.7 * rise:.2f}em">\u200b</tspan>')
        elif command in SIGNS:
            out.append(SIGNS[command])
        elif command:
            greek = command.replace("lambda", "lamda").upper()
            try:
                out.append(unicodedata.lookup(f"GREEK SMALL LETTER {greek}"))
            except KeyError:
                return None
        elif letter.isalpha():
            out.append(f'<tspan font-style="italic">{letter}</tspan>')
        elif letter not in "{}":
            out.append(html.escape(letter.replace("-", "\u2212")))
    return "".join(out)


def _thinned(shape: Path) -> Path:
    """The path without points that lie on straight lines between others, nearly; curves stay."""
    points: Any = shape.vertices
    codes: Any = shape.codes
    first, drops = 0, True
    while drops or first:  # by turns the odd and the even points, so that no two neighbours go
        a, b, c = points[:-2], points[1:-1], points[2:]
        along, offset = c - a, b - a
        length = np.maximum((along**2).sum(1), 1e-12)
        share = np.clip((along * offset).sum(1) / length, 0, 1)
        off = np.hypot(*(offset - share[:, None] * along).T)
        straight = codes == Path.LINETO
        drop = (codes[:-2] <= Path.LINETO) & straight[1:-1] & straight[2:] & (off < NEAR)
        drop[first::2] = False
        kept = np.concatenate([[True], ~drop, [True]])
        points, codes, drops, first = points[kept], codes[kept], bool(drop.any()), 1 - first
    return Path(points, codes)


def _outline(shape: Any) -> str:
    """The d of a path, in tenths of a pixel from point to point, which makes it short."""
    ints = np.round(10 * shape.vertices).astype(int)
    out, at, last = [], np.zeros(2, int), ""
    i = 0
    while i < len(ints):
        code = shape.codes[i]
        if code == Path.CLOSEPOLY:
            out.append("z")
            last, i = "z", i + 1
            continue
        letter, n = LETTERS[code], {Path.CURVE3: 2, Path.CURVE4: 3}.get(code, 1)
        steps = ints[i : i + n] - at
        if last == "z" or not out:  # after z a path goes on where it began: so be absolute
            letter, steps = letter.upper(), ints[i : i + n]
        out.append(" " if letter == last != "m" else letter)
        out.append(" ".join(f"{a / 10:g} {b / 10:g}" for a, b in steps.tolist()))
        at, last, i = ints[i + n - 1], letter, i + n
    return "".join(out).replace(" -", "-")


class Scene:
    """The panels of a figure as they are now; what has not changed is not recorded again."""

    def __init__(self, figure: Figure, clips: dict[str, str]):
        plots.pixels(figure)  # fixes the layout
        self.figure, self.recorder = figure, Recorder(figure, clips)
        self.known: dict[Any, str] = {}
        self.views: dict[Any, tuple[float, ...]] = {}
        self.boxes: dict[int, Bbox] = {}
        self.panel_of = _panels_of(figure)

    def panels(self) -> dict[int, list[str]]:
        """Panel -> the SVG of each of its artists, from bottom to top."""
        shown: dict[int, list[str]] = {}
        axes = [*self.figure.axes, None]
        for ax, panel, layer in zip(axes, self.panel_of, plots.layers(self.figure), strict=True):
            view = tuple(ax.viewLim.extents) if ax is not None else ()
            if self.views.get(ax) != view:
                self.views[ax] = view
                for artist in layer:
                    self.known.pop(artist, None)
            self.recorder.boxes = []
            hidden: tuple[type, ...] = (Axis, Spine) if ax is not None and not ax.axison else ()
            background = (self.figure if ax is None else ax).patch
            artists = [a for a in layer if a is not background and not isinstance(a, hidden)]
            parts = [self._svg(artist) for artist in artists]
            shown.setdefault(panel, []).extend(parts)
            if self.recorder.boxes:
                x0, y0, x1, y1 = np.array(self.recorder.boxes).T
                box = Bbox([[x0.min(), y0.min()], [x1.max(), y1.max()]])
                self.boxes[panel] = Bbox.union([box, self.boxes.get(panel, box)])
        return {panel: parts for panel, parts in shown.items() if any(parts)}

    def _svg(self, artist: Artist) -> str:
        key: Any = artist
        if isinstance(artist, Axis):  # what it shows follows from these
            label = artist.get_label_text()
            key = artist, tuple(artist.get_view_interval()), tuple(artist.get_ticklocs()), label
        if key not in self.known or (key is artist and plots.has_changed(artist)):
            artist.draw(self.recorder)
            for part in artist.findobj():
                part.stale = False
            self.known[key] = "".join(self.recorder.parts)
            self.recorder.parts.clear()
        return self.known[key]


def _panels_of(figure: Figure) -> list[int]:
    """The panel of each axes, and -1 for what belongs to the figure.

    Axes in the same place, as of twinx, share one; a colour bar stands with the axes left of it.
    """
    places = [ax.get_position() for ax in figure.axes]
    panels: list[int] = []
    for i, (ax, place) in enumerate(zip(figure.axes, places, strict=True)):
        beside = [j for j in range(i) if places[j].y0 < place.y1 and places[j].y1 > place.y0]
        if ax.get_label() == "<colorbar>" and (
            left := [j for j in beside if places[j].x1 < place.x1]
        ):
            panels.append(panels[max(left, key=lambda j: places[j].x1)])
        else:
            same = (panels[j] for j in range(i) if places[j].overlaps(place))
            panels.append(next(same, i))
    return [*panels, -1]
