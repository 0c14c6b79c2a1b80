"""Slides of the lessons.

    python tools/make_slides.py                          # decks of all, into build/slides
    python tools/make_slides.py notebooks/05_*.ipynb     # of some
    python tools/make_slides.py --mark                   # write the slide types into the notebooks

The types are given by rule, so a lesson that has changed is marked again by the same command. The
decks are those of `jupyter nbconvert --to slides NOTEBOOK`, with three differences: a text with
several headings is several slides, what is larger than a slide is made smaller in the browser, and
where nbconvert takes reveal.js and MathJax from the network, these have both beside them, from npm.
"""

from __future__ import annotations

import argparse
import re
import shutil
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
# A slide that is larger than its room is made smaller, and scrolls below one half, where nothing
# could be read. Formulas and pictures change the size after the slide is shown, hence the observer.
FIT = """<style>.reveal section.fitted { max-height: 100%; overflow: hidden auto; }</style>
<script>
  let shown;
  const observer = new ResizeObserver(() => shown && fit(shown));
  function fit(slide) {
    const room = document.querySelector(".reveal .slides");
    slide.style.zoom = 1;
    slide.classList.remove("fitted");
    const zoom = Math.min(0.95 * room.offsetHeight / slide.scrollHeight,
                          room.offsetWidth / slide.scrollWidth);
    if (zoom < 1) {
      slide.style.zoom = Math.max(0.5, zoom);
      slide.classList.add("fitted");
    }
  }
  for (const name of ["ready", "slidechanged"])
    document.addEventListener(name, event => {
      if (!event.currentSlide) return;
      observer.disconnect();
      shown = event.currentSlide;
      for (const part of shown.children) observer.observe(part);
    });
</script>
</body>"""


# --- which cell is which slide --------------------------------------------------------------------


def mark(notebook: Any) -> None:
    """Give each cell its slide type.

    - A text with a heading begins a slide; if it begins with ###, one below it.
    - A short text shares a slide with the cell after it; another one goes to the speaker's notes,
      unless it shows a formula, a table or a picture, which gets a slide of its own.
    - Code that shows something is a slide; code that only prepares is left out.
    - An exercise is its question; stub and solution are left out.
    """
    cells = notebook.cells
    shares = False  # whether the cell before is a text that waits for this one
    for cell, following in zip(cells, [*cells[1:], None], strict=True):
        kind = _kind(cell, following)
        if shares and kind == "subslide" and cell.cell_type == "code":
            kind = "-"
        cell.metadata["slideshow"] = {"slide_type": kind}
        shares = cell.cell_type == "markdown" and kind != "notes" and _words(cell) <= SHORT


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
    target.write_text(page.replace("</body>", FIT), encoding="utf-8")
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
