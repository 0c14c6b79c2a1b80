"""An explorer as one HTML page that moves without a kernel and without a network.

The page has a picture for each position of its controls. Where they have too many positions, the
sliders get fewer, and the page says so. Set the environment variable DIFFENC_LITE_EXPORT to 1
before the kernel starts: explorers then show themselves in this form (`make notebooks` and
`make site` do that).
"""

from __future__ import annotations

import base64
import html
import io
import itertools
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

TEMPLATE = Path(__file__).with_name("explorer.html")
VARIABLE = "DIFFENC_LITE_EXPORT"
MAX_FRAMES = 300
MAX_BYTES = 1_500_000  # of one page, about
SAMPLE = 15  # frames from which sizes are estimated and the base is made

Index = tuple[int, ...]
Pixels = NDArray[np.uint8]


class Control(NamedTuple):
    label: str
    names: Sequence[str]  # of its positions
    start: int
    slides: bool  # a slider, which may get fewer positions; buttons keep all


def page(
    controls: Sequence[Control], pixels: Callable[[Index], Pixels], words: Callable[[Index], str]
) -> str:
    """The page. Its sliders have fewer positions where it would be longer than MAX_BYTES.

    Args: pixels, the picture of one position of the controls, (H, W, 3); words, what it shows, for
        readers who do not see it.
    """
    order = list(itertools.product(*thin(controls, MAX_FRAMES)))
    sample = [pixels(index) for index in order[:: len(order) // SAMPLE + 1]]
    base = np.median(sample, axis=0).astype(np.uint8)
    length = sum(len(_base64(_difference(picture, base))) for picture in sample) / len(sample)
    fits = int(0.95 * MAX_BYTES / length)  # the rest is for words and the base
    kept = thin(controls, min(MAX_FRAMES, fits))
    order = list(itertools.product(*kept))
    frames = [_base64(_difference(pixels(index), base)) for index in order]
    return _fill(controls, kept, frames, [words(index) for index in order], base)


def thin(controls: Sequence[Control], most: int) -> list[list[int]]:
    """The positions that each control keeps, so that there are at most `most` combinations.

    The slider with the most positions loses one at a time, down to two. Both ends stay, and so does
    the start if three or more positions are left.
    """
    sizes = [len(control.names) for control in controls]
    while math.prod(sizes) > most:
        longest = max((i for i, c in enumerate(controls) if c.slides), key=sizes.__getitem__)
        if sizes[longest] <= 2:
            break
        sizes[longest] -= 1
    return [_spread(control, size) for control, size in zip(controls, sizes, strict=True)]


def _spread(control: Control, size: int) -> list[int]:
    kept = np.linspace(0, len(control.names) - 1, size).round().astype(int)
    if size > 2 and control.start not in kept:
        kept[1:-1][np.abs(kept[1:-1] - control.start).argmin()] = control.start
    return kept.tolist()


def _difference(picture: Pixels, base: Pixels) -> Image.Image:
    """What to lay over the base to get the picture; transparent where they agree."""
    differs = (picture != base).any(axis=-1, keepdims=True)
    return Image.fromarray(np.concatenate([picture * differs, differs * np.uint8(255)], axis=-1))


def _base64(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", lossless=True, quality=30, method=2)
    return base64.b64encode(buffer.getvalue()).decode()


def _fill(
    controls: Sequence[Control],
    kept: Sequence[Sequence[int]],
    frames: Sequence[str],
    words: Sequence[str],
    base: Pixels,
) -> str:
    names = [[c.names[i] for i in k] for c, k in zip(controls, kept, strict=True)]
    starts = [
        int(np.abs(np.asarray(k) - c.start).argmin()) for c, k in zip(controls, kept, strict=True)
    ]
    first = int(np.ravel_multi_index(starts, [len(k) for k in kept]))
    fewer = [
        f"{len(k)} of {len(c.names)} positions of {c.label}"
        for c, k in zip(controls, kept, strict=True)
        if len(k) < len(c.names)
    ]
    note = f"Here are {', '.join(fewer)}. The notebook has all." if fewer else ""
    data = json.dumps({"positions": names, "frames": frames, "words": words}, ensure_ascii=False)
    fields = {
        "TITLE": html.escape(title(controls)),
        "WIDTH": str(base.shape[1]),
        "HEIGHT": str(base.shape[0]),
        "CONTROLS": "\n".join(map(_control, range(len(controls)), controls, names, starts)),
        "ALT": html.escape(words[first]),
        "NOTE": f"<p>{html.escape(note)}</p>" if note else "",
        "BASE": _base64(Image.fromarray(base)),
        "FIRST": frames[first],
        "DATA": data.replace("<", "\\u003c"),
    }
    text = TEMPLATE.read_text(encoding="utf-8")
    for name, value in fields.items():
        text = text.replace(f"@{name}@", value)
    return text


def title(controls: Sequence[Control]) -> str:
    return f"Explorer of {', '.join(control.label for control in controls)}"


def _control(number: int, control: Control, names: Sequence[str], start: int) -> str:
    label = html.escape(control.label)
    if control.slides:
        name = html.escape(names[start])
        return (
            f'<div class="control"><label for="c{number}">{label}</label>'
            f'<input data-control id="c{number}" type="range" min="0" max="{len(names) - 1}" '
            f'value="{start}" aria-valuetext="{name}"><output for="c{number}">{name}</output></div>'
        )
    choices = "".join(
        f'<label><input type="radio" name="c{number}" value="{i}"{" checked" * (i == start)}>'
        f"<span>{html.escape(name)}</span></label>"
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
