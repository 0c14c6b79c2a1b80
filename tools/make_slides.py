"""Slides of the lessons.

    python tools/make_slides.py                          # decks of all, into build/slides
    python tools/make_slides.py notebooks/05_*.ipynb     # of some
    python tools/make_slides.py --mark                   # write the slide types into the notebooks

The types are given by rule, so a lesson that has changed is marked again by the same command. The
decks are those of `jupyter nbconvert --to slides NOTEBOOK`, with two differences: a text with
several headings is several slides, and where nbconvert takes reveal.js and MathJax from the
network, these have both beside them, from npm.
"""

from __future__ import annotations

import argparse
import base64
import math
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbconvert import SlidesExporter

from diffenc_lite.course.lessons import notebooks_in

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "build" / "slides"
PACKAGES = ("reveal.js@4", "requirejs@2", "jquery@3", "mathjax@2")
FROM_THEM = {
    "reveal_url_prefix": "reveal.js",
    "require_js_url": "requirejs/require.js",
    "jquery_url": "jquery/dist/jquery.min.js",
    "mathjax_url": "mathjax/MathJax.js?config=TeX-AMS_CHTML-full,Safe",
}
HEADING = r"(?m)^(?=#{1,3} )"
SHORT = 45  # words of a text that shares a slide with the cell after it
WIDTH, HEIGHT = 960, 700  # of nbconvert's slides, in pixels
LETTER = 11.6  # pixels of code
ZOOMS = [1 - i / 20 for i in range(11)]  # below one half nothing can be read


# --- which cell is which slide --------------------------------------------------------------------


def mark(notebook: Any) -> None:
    """Give each cell its slide type.

    - A text with a heading begins a slide; if it begins with ###, one below it.
    - A short text shares a slide with the cell after it; another one goes to the speaker's notes,
      unless it shows a formula, a table or a picture, which gets a slide of its own.
    - Code that shows something is a slide; code that only prepares is left out.
    - An exercise is its question; stub and solution are left out.
    - What is larger than a slide is made smaller, and scrolls if it would be too small to read.
    """
    cells = notebook.cells
    shares = False  # whether the cell before is a text that waits for this one
    for cell, following in zip(cells, [*cells[1:], None], strict=True):
        kind = _kind(cell, following)
        if shares and kind == "subslide" and cell.cell_type == "code":
            kind = "-"
        cell.metadata["slideshow"] = {"slide_type": kind}
        shares = cell.cell_type == "markdown" and kind != "notes" and _words(cell) <= SHORT
    for slide in _slides(cells):
        zoom = next((z for z in ZOOMS if _fits(slide, z)), ZOOMS[-1])
        if zoom < 1:
            slideshow = slide[0].metadata["slideshow"]
            if slideshow["slide_type"] == "slide":
                zoom **= 0.5  # nbconvert writes it twice: at the stack of slides and at its first
            style = f"zoom: {zoom:.3g}; max-height: 100%; overflow-y: auto"
            # nbconvert gives a slide the attributes "data-" + key, so this is one more: a style.
            slideshow["data"] = {"fit style": style}


def split(notebook: Any) -> None:
    """Make each text a cell a heading. (No text has a line of code that begins like a heading.)"""
    parts = []
    for cell in notebook.cells:
        texts = re.split(HEADING, cell.source) if cell.cell_type == "markdown" else [cell.source]
        for number, text in enumerate(filter(None, (text.strip("\n") for text in texts))):
            part = nbformat.from_dict({**cell, "source": text})
            part.id = cell.id if number == 0 else f"{cell.id}-{number + 1}"
            parts.append(part)
    notebook.cells = parts


def _kind(cell: Any, following: Any) -> str:
    source = cell.source.lstrip()
    if cell.cell_type == "code":
        stub = following is not None and _is_about_solutions(following)
        if stub or _is_about_solutions(cell) or not _shows(cell):
            return "skip"
        return "slide" if source.startswith("ask(") else "subslide"
    if _is_about_solutions(cell):
        return "skip"
    if re.search(HEADING, source):
        return "subslide" if source.startswith("### ") else "slide"
    shown = "$$" in source or "\n|" in source or "![" in source
    return "subslide" if shown or _words(cell) <= SHORT else "notes"


def _slides(cells: Any) -> list[list[Any]]:
    """The cells of each slide."""
    slides: list[list[Any]] = []
    for cell in cells:
        kind = cell.metadata["slideshow"]["slide_type"]
        if kind in ("slide", "subslide"):
            slides.append([cell])
        elif kind == "-":
            slides[-1].append(cell)
    return slides


def _fits(cells: list[Any], zoom: float) -> bool:
    """Whether the cells fit a slide; the sizes were measured on the slides of the lessons."""
    room = WIDTH / zoom - 180  # beside the prompts
    lines = [line for cell in cells if cell.cell_type == "code" for line in cell.source.split("\n")]
    wide = LETTER * max(map(len, lines), default=0)
    high = sum(_height_of_cell(cell, room) for cell in cells) + 20
    return wide <= room and zoom * high <= 0.95 * HEIGHT


def _height_of_cell(cell: Any, room: float) -> float:
    if cell.cell_type == "markdown":
        return _height_of_text(cell.source, room)
    height = 25.0 * len(cell.source.splitlines()) + 30
    for output in cell.outputs:
        data = output.get("data", {})
        if "image/png" in data:
            wide, high = struct.unpack(">II", base64.b64decode(data["image/png"][:32])[16:24])
            height += high * min(1, room / wide) + 30
        elif formulas := data.get("text/latex") or data.get("text/markdown"):
            height += _height_of_text(formulas, room)
        elif table := data.get("text/html"):
            height += 41 * table.count("<tr")
        else:
            text = output.get("text") or data.get("text/plain", "")
            height += 25 * _lines(text, 0.9 * room / LETTER) + 10
    return height


def _height_of_text(text: str, room: float) -> float:
    height = 0.0
    for formula in re.findall(r"\$\$(.+?)\$\$", text, re.DOTALL):
        height += 75 + 58 * (formula.count(r"\\") + formula.count(r"\begin{"))
    text = re.sub(r"\$\$.+?\$\$", "\n\n", text, flags=re.DOTALL)
    text = re.sub(r"\\[a-zA-Z]+", "x", text)  # a symbol
    text = re.sub(r"(?m)^> ?|\]\([^)]*\)|[${}^_`*]", "", text)  # not seen
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        items = re.sub(r"\n(?![-|#0-9])", " ", paragraph)
        each = 41 if items.startswith("|") else 31
        height += each * _lines(items, room / 10) + 28 * (1 + items.startswith("#"))
    return height


def _lines(text: str, room: float) -> int:
    return sum(max(1, math.ceil(len(line) / room)) for line in text.splitlines())


def _is_about_solutions(cell: Any) -> bool:
    return "solution" in cell.metadata.get("tags", [])


def _shows(cell: Any) -> bool:
    """A picture, a formula, a widget, or lines of text beyond a report of versions."""
    return any(
        output.output_type in ("display_data", "execute_result")
        or (output.get("name") == "stdout" and "diffenc_lite" not in output.text)
        for output in cell.outputs
    )


def _words(cell: Any) -> int:
    return len(cell.source.split())


# --- decks ----------------------------------------------------------------------------------------


def write_deck(source: Path, urls: dict[str, str]) -> Path:
    notebook = nbformat.read(source, as_version=4)
    split(notebook)
    mark(notebook)
    exporter = SlidesExporter(embed_images=True, **urls)
    resources = {"metadata": {"name": source.stem, "path": str(source.parent)}}
    page, _ = exporter.from_notebook_node(notebook, resources)
    target = OUT / f"{source.stem}.slides.html"
    target.write_text(page, encoding="utf-8")
    return target


def _local_urls() -> dict[str, str]:
    """Where a deck finds what it loads; nothing, said in one line, where there is no npm."""
    folder = OUT / "node_modules"
    if not folder.is_dir():
        if (npm := shutil.which("npm")) is None:
            print("npm is not there: these decks load reveal.js and MathJax from the network")
            return {}
        command = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(OUT)]
        subprocess.run([*command, *PACKAGES], check=True)
    return {option: f"{folder.name}/{path}" for option, path in FROM_THEM.items()}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all")
    parser.add_argument("--mark", action="store_true", help="write the types, make no deck")
    arguments = parser.parse_args()
    sources = arguments.notebooks or notebooks_in(ROOT / "notebooks")
    if arguments.mark:
        for source in sources:
            notebook = nbformat.read(source, as_version=4)
            mark(notebook)
            nbformat.write(notebook, source)
        return 0
    OUT.mkdir(parents=True, exist_ok=True)
    urls = _local_urls()
    for source in sources:
        print(write_deck(source, urls))
    return 0


if __name__ == "__main__":
    sys.exit(main())
