"""Slides of lessons: a deck is one HTML file that loads nothing, and prints as a PDF.

Which cell is which slide is given by rule (`mark`), so a lesson that has changed is a deck again by
the same command. A slide is 1280 x 720. In the browser, content that does not fit is made smaller,
by a third at most; what still does not fit goes on to a further slide.
"""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from ..files import write_whole

HEADING = r"(?m)^(?=#{1,3} )"
BEGINS = ("slide", "subslide")  # the types of cells that begin a slide
SHORT = 45  # words of a text that shares a slide with the cell after it
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")


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
        shares = cell.cell_type == "markdown" and kind in BEGINS and _words(cell) <= SHORT


def split(notebook: Any) -> None:
    """Make each text a cell a heading. (No text has a line of code that begins like a heading.)"""
    import nbformat

    pieces = []
    for cell in notebook.cells:
        texts = re.split(HEADING, cell.source) if cell.cell_type == "markdown" else [cell.source]
        for number, text in enumerate(filter(None, (text.strip("\n") for text in texts))):
            piece = nbformat.from_dict({**cell, "source": text})
            piece.id = cell.id if number == 0 else f"{cell.id}-{number + 1}"
            pieces.append(piece)
    notebook.cells = pieces


def _kind(cell: Any, following: Any) -> str:
    source = cell.source.lstrip()
    if cell.cell_type == "code":
        stub = following is not None and _is_about_solutions(following)
        skipped = stub or _is_about_solutions(cell) or not _shows(cell)
        return "skip" if skipped else "subslide"
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


def mathjax() -> Path | None:
    """MathJax 3 in one file that loads no other, if sphinx-mathjax-offline is installed."""
    try:
        files = importlib.metadata.files("sphinx-mathjax-offline") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    return next(Path(str(f.locate())) for f in files if f.match("static/mathjax/tex-svg.js"))


def without_remote_pictures(text: str) -> str:
    """Markdown with the words of a picture in place of one that a page would fetch from the net."""
    return re.sub(r"!\[([^\]]*)\]\(https?://[^)\s]+\)", r"\1", text)


def write_deck(source: str | Path, out_dir: str | Path) -> Path:
    """Write OUT/NAME.slides.html. Raises ModuleNotFoundError without MathJax."""
    import nbformat
    from pygments.formatters import HtmlFormatter

    script = mathjax()
    if script is None:
        raise ModuleNotFoundError('decks need MathJax: pip install "diffenc_lite[coursework]"')
    source = Path(source)
    notebook = nbformat.read(source, as_version=4)
    split(notebook)
    mark(notebook)
    slides = "\n".join(_slide(cells, source.parent) for cells in _groups(notebook))
    page = _PAGE.format(
        title=source.stem,
        style=_STYLE + HtmlFormatter().get_style_defs(".highlight"),
        slides=slides,
        behaviour=_BEHAVIOUR,
        mathjax=script.read_text(encoding="utf-8").replace("</script", "<\\/script"),
    )
    deck = Path(out_dir, f"{source.stem}.slides.html")
    write_whole(deck, page.encode("utf-8"))
    return deck


def write_pdf(deck: Path) -> Path:
    """Print a deck beside itself, a page a slide. Raises FileNotFoundError without a browser."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise FileNotFoundError(f"a PDF needs a browser, one of {', '.join(BROWSERS)}")
    target = deck.with_suffix(".pdf")
    subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer",
         "--virtual-time-budget=60000", f"--print-to-pdf={target}", deck.resolve().as_uri()],
        check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    return target


def _groups(notebook: Any) -> list[list[Any]]:
    """The cells of each slide"""
    groups: list[list[Any]] = []
    for cell in notebook.cells:
        kind = cell.metadata.slideshow.slide_type
        if kind in BEGINS:
            groups.append([cell])
        elif kind != "skip" and groups:
            groups[-1].append(cell)
    return groups


def _slide(cells: list[Any], folder: Path) -> str:
    notes = [cell for cell in cells if cell.metadata.slideshow.slide_type == "notes"]
    shown = [cell for cell in cells if cell not in notes]
    aside = f'<aside class="notes">{_html(notes, folder)}</aside>' if notes else ""
    return f'<section><div class="room">{_html(shown, folder)}</div>{aside}</section>'


def _html(cells: list[Any], folder: Path) -> str:
    from nbformat.v4 import new_notebook

    for cell in cells:
        if cell.cell_type == "markdown":
            cell.source = without_remote_pictures(cell.source)
        elif cell.metadata.get("jupyter", {}).get("source_hidden") or _asks(cell):
            cell.source = ""
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if len(data) > 1:  # there is a still beside the widget
                data.pop("application/vnd.jupyter.widget-view+json", None)
    resources = {"metadata": {"name": "slides", "path": str(folder)}}
    body: str = _exporter().from_notebook_node(new_notebook(cells=cells), resources)[0]
    return body


def _asks(cell: Any) -> bool:
    """Nothing but the call that shows a question"""
    return re.fullmatch(r'(ask|play)\("[^"]*"[^()]*\)', cell.source.strip()) is not None


@cache
def _exporter() -> Any:
    from nbconvert import HTMLExporter

    return HTMLExporter(
        template_name="basic", embed_images=True, exclude_input_prompt=True,
        exclude_output_prompt=True, exclude_anchor_links=True,
    )  # fmt: skip


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>{style}</style></head>
<body><main>{slides}</main><p id="where"></p>
<script>MathJax = {{
  tex: {{inlineMath: [["$", "$"], ["\\\\(", "\\\\)"]], processEscapes: true, tags: "ams"}},
  options: {{enableMenu: false, enableAssistiveMml: false}},
  svg: {{fontCache: "local"}}
}};</script>
<script>{mathjax}</script>
<script>{behaviour}</script>
</body></html>
"""

_STYLE = """
@page { size: 1280px 720px; margin: 0 }
* { box-sizing: border-box }
body { margin: 0; background: #fff; color: #1b1f24; overflow: hidden;
  font: 26px/1.4 "Helvetica Neue", Arial, "DejaVu Sans", sans-serif }
main { position: absolute; width: 1280px; height: 720px; transform-origin: 0 0 }
section { position: absolute; inset: 0; padding: 34px 56px 30px; overflow: hidden;
  visibility: hidden }
section.now { visibility: visible }
h1 { font-size: 1.8em } h2 { font-size: 1.45em } h3 { font-size: 1.2em }
h1, h2, h3 { line-height: 1.15; margin: 0 0 .5em; color: #0b3d64 }
p, ul, ol { margin: 0 0 .6em }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: .2em 0; font: 19px/1.3 monospace }
code { font-size: .85em }
.room > *, .room img, .room svg, .room video { max-width: 100% }
.room img, .room > svg { max-height: 560px; width: auto; height: auto; display: block;
  margin: 0 auto }
.jp-CodeCell .highlight, .highlight { background: #f6f8fa; border-radius: 6px; padding: 4px 14px }
table { border-collapse: collapse; font-size: .85em; margin: .3em 0 }
th, td { padding: .15em .7em; border-bottom: 1px solid #d0d7de; text-align: left }
mjx-container[display="true"] { margin: .4em 0 !important; overflow: visible }
details > * { font-size: .9em }
.notes { display: none }
body.notes section.now .notes { display: block; position: absolute; inset: auto 0 0 0; z-index: 1;
  max-height: 60%; overflow: auto; padding: 16px 56px; background: #fffbe6; font-size: 18px;
  border-top: 2px solid #b08800 }
#where { position: fixed; right: 12px; bottom: 4px; margin: 0; font-size: 13px; color: #6e7781 }
@media print {
  body { overflow: visible; background: none } #where { display: none }
  main { position: static; height: auto; transform: none !important }
  section { position: relative; inset: auto; width: 1280px; height: 720px; visibility: visible;
    break-after: page }
}
"""

_BEHAVIOUR = """
const main = document.querySelector("main");
const slides = () => [...main.children];
const ROOM = {width: 1280 - 112, height: 720 - 64}, SMALLEST = 0.67;
let now = 0;

function size(room) {
  const box = room.getBoundingClientRect(), scale = main.getBoundingClientRect().width / 1280;
  const parts = [...room.querySelectorAll("img, svg, pre, table, mjx-container, video, canvas")];
  const seen = parts.filter(part => part.checkVisibility());  // not what is folded
  const ends = [box, ...seen.map(part => part.getBoundingClientRect())];
  return {width: (Math.max(...ends.map(end => end.right)) - box.left) / scale,
          height: (Math.max(...ends.map(end => end.bottom)) - box.top) / scale};
}
function fits(room) {
  const {width, height} = size(room);
  return width <= ROOM.width + 1 && height <= ROOM.height + 1;
}
function shrink(room, smallest) {  // whether it fits then
  for (let zoom = 1; zoom > smallest - 0.001; zoom -= 0.03) {
    room.style.zoom = zoom;
    if (fits(room)) return true;
  }
  return false;
}
function flatten(room) {  // to what a slide may be cut between
  const wrappers = ".jp-Cell, .jp-Cell-inputWrapper, .jp-InputArea, .jp-Cell-outputWrapper, "
    + ".jp-OutputArea, .jp-OutputArea-child, .jp-MarkdownOutput, .jp-RenderedHTMLCommon, "
    + ".cell, .inner_cell, .input, .output_wrapper, .output, .output_area, .text_cell_render";
  for (let found; found = [...room.children].find(child => child.matches(wrappers)
      && child.children.length && !child.matches(".jp-RenderedText")); )
    found.replaceWith(...found.childNodes);
  for (const empty of [...room.children])
    if (!empty.textContent.trim() && !empty.matches("img, svg, video, canvas")
        && !empty.querySelector("img, svg, video, canvas")) empty.remove();
}
function arrange(section) {
  const room = section.querySelector(".room");
  flatten(room);
  if (shrink(room, SMALLEST)) return;
  room.style.zoom = 0.8;
  const rest = document.createElement("section");
  rest.innerHTML = '<div class="room"></div>';
  const further = rest.firstChild;
  while (room.children.length > 1 && !fits(room)) further.prepend(room.lastElementChild);
  while (room.children.length > 1 && /^H[1-6]$/.test(room.lastElementChild.tagName))
    further.prepend(room.lastElementChild);  // no heading at the end
  if (!further.children.length || !shrink(room, SMALLEST)) halve(room, further);
  if (further.children.length) {
    section.after(rest);
    arrange(rest);
  }
}
function halve(room, further) {  // one part that is too large: lines, items, rows; else smaller
  const part = room.lastElementChild;
  const list = part.matches("ul, ol") ? part : part.querySelector("tbody");
  if (list && list.children.length > 3 && room.children.length === 1) {
    const copy = part.cloneNode(true);
    const other = copy.matches("ul, ol") ? copy : copy.querySelector("tbody");
    const count = Math.ceil(list.children.length / 2);
    [...list.children].slice(count).forEach(child => child.remove());
    [...other.children].slice(0, count).forEach(child => child.remove());
    if (part.matches("ol")) copy.start = (part.start || 1) + count;
    further.prepend(copy);
    if (shrink(room, SMALLEST)) return;
    halve(room, further);
  } else if (!shrink(room, 0.3)) room.style.zoom = 0.3;
}
function show(index) {
  now = Math.max(0, Math.min(slides().length - 1, index));
  slides().forEach((slide, i) => slide.classList.toggle("now", i === now));
  document.getElementById("where").textContent = `${now + 1} / ${slides().length}`;
  history.replaceState(null, "", `#${now + 1}`);
}
function resize() {
  const scale = Math.min(innerWidth / 1280, innerHeight / 720);
  main.style.transform = `translate(${(innerWidth - 1280 * scale) / 2}px, `
    + `${(innerHeight - 720 * scale) / 2}px) scale(${scale})`;
}
addEventListener("resize", resize);
addEventListener("keydown", event => {
  const step = {ArrowRight: 1, ArrowDown: 1, PageDown: 1, " ": 1,
                ArrowLeft: -1, ArrowUp: -1, PageUp: -1}[event.key];
  if (step) { event.preventDefault(); show(now + step); }
  if (event.key === "Home") show(0);
  if (event.key === "End") show(slides().length - 1);
  if (event.key === "s") document.body.classList.toggle("notes");
});
addEventListener("click", event => {
  if (!event.target.closest("a, details, button, input, video"))
    show(now + (event.clientX < innerWidth / 4 ? -1 : 1));
});
addEventListener("hashchange", () => show(parseInt(location.hash.slice(1)) - 1 || 0));
window.arranged = (async () => {
  await MathJax.startup.promise;
  await Promise.all([...document.images].map(image => image.decode().catch(() => 0)));
  for (const section of slides()) arrange(section);
  resize();
  show(parseInt(location.hash.slice(1)) - 1 || 0);
})();
"""
