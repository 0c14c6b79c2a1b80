"""Run the notebooks in order; write copies with outputs, and HTML pages, into build/notebooks.

    python tools/run_notebooks.py                         # all notebooks; they do not change
    python tools/run_notebooks.py notebooks/00_*.ipynb    # only these
    python tools/run_notebooks.py --in-place              # store the outputs in the notebooks

The last line of the output says where the files are. The pages need no network: their formulas are
typeset by a copy of MathJax inside them, and their explorers move without a kernel. (MathJax is
there if the extra `site` is installed, as `make notebooks` does; else it comes from the net.)
"""

import base64
import copy
import hashlib
import html
import importlib.metadata
import inspect
import io
import os
import re
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from importlib import import_module
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter
from nbconvert.preprocessors import CoalesceStreamsPreprocessor
from nbformat import NotebookNode
from PIL import Image, ImageChops, ImageStat
from tqdm import tqdm

from diffenc_lite.course.lessons import notebooks_in, place

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "build" / "notebooks"
KEPT = ROOT / "build" / "executed"  # with explorers that move, for pages
FILM = "A film: a digit is encoded and noised; then out of noise the model writes digits."

# Formulas between dollars, as in notebooks. No menu: it would have to load more files.
MATHJAX_CONFIG = r"""
window.MathJax = {
  tex: {inlineMath: [["$", "$"], ["\\(", "\\)"]], processEscapes: true},
  options: {enableMenu: false}
};
"""


def execute(notebook: NotebookNode, folder: Path, name: str, export: bool) -> None:
    """Run every cell in `folder`, with a progress bar over the code cells.

    With `export`, explorers give a page that moves without a kernel, in place of widgets.
    Raises CellExecutionError at the first cell that fails; the outputs of earlier cells are kept.
    """
    cells = sum(cell.cell_type == "code" and bool(cell.source.strip()) for cell in notebook.cells)
    os.environ["DIFFENC_LITE_EXPORT"] = "1" if export else ""  # the kernel has it too
    with tqdm(total=cells, desc=name, unit="cell", file=sys.stdout) as bar:
        client = NotebookClient(
            notebook,
            kernel_name="python3",
            resources={"metadata": {"path": str(folder)}},
            # If the state were stored, the HTML page would not have the still picture of a widget.
            store_widget_state=False,
            record_timing=False,
            extra_arguments=["--log-level=ERROR"],  # without warnings about the connection
            on_cell_executed=lambda **_: bar.update(),
        )
        client.execute()
    CoalesceStreamsPreprocessor().preprocess(notebook, {})  # independent of how the lines arrived
    notebook.metadata.get("language_info", {}).pop("version", None)  # differs between machines


def executed(source: Path) -> NotebookNode:
    """The notebook executed for export; from build/executed if nothing has changed since."""
    kept = KEPT / place(source)
    notebook = nbformat.read(source, as_version=4)
    if kept.is_file():
        before = nbformat.read(kept, as_version=4)
        if before.metadata.get("fingerprint") == fingerprint(notebook):
            return before
    execute(notebook, source.parent, source.name, export=True)
    keep(notebook, source)
    return notebook


def keep(notebook: NotebookNode, source: Path) -> None:
    """Store an executed notebook where `executed` looks for it."""
    kept = KEPT / place(source)
    kept.parent.mkdir(parents=True, exist_ok=True)
    marked = copy.deepcopy(notebook)
    marked.metadata["fingerprint"] = fingerprint(notebook)
    nbformat.write(marked, kept)


def outputs(notebook: NotebookNode) -> list[NotebookNode]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def shrink_pictures(notebook: NotebookNode) -> None:
    """Pack the PNGs well: with 256 colours where nobody could see it, else with the same pixels."""
    for output in outputs(notebook):
        if stored := output.get("data", {}).get("image/png"):
            drawn = Image.open(io.BytesIO(base64.b64decode(stored)))
            if getattr(drawn, "is_animated", False):
                continue  # a film stays one
            picture = drawn.convert("RGB")
            few = picture.quantize(dither=Image.Dither.NONE)
            difference = ImageChops.difference(few.convert("RGB"), picture)
            invisible = max(ImageStat.Stat(difference).rms) <= 0.5  # of 255
            buffer = io.BytesIO()
            (few if invisible else picture).save(buffer, "PNG", optimize=True)
            packed = base64.b64encode(buffer.getvalue()).decode()
            output.data["image/png"] = min(stored, packed, key=len)


def explorers(notebook: NotebookNode) -> list[NotebookNode]:
    """The outputs that are explorers."""
    texts = ((output, output.get("data", {}).get("text/plain", "")) for output in outputs(notebook))
    return [output for output, text in texts if text.startswith("Explorer of")]


def fingerprint(notebook: NotebookNode) -> str:
    """Of all that the outputs depend on: the cells' sources and the package's files."""
    digest = hashlib.sha256("\0".join(cell.source for cell in notebook.cells).encode())
    for path in sorted((ROOT / "diffenc_lite").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(path.read_bytes())
    return digest.hexdigest()


def mathjax() -> Path | None:
    """MathJax 3 in one file that loads no other, if sphinx-mathjax-offline is installed."""
    try:
        files = importlib.metadata.files("sphinx-mathjax-offline") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    return next(Path(str(f.locate())) for f in files if f.match("static/mathjax/tex-svg.js"))


def pictures(cell: NotebookNode) -> list[NotebookNode]:
    return [o for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]


def caption(code: str, output: NotebookNode) -> str:
    """What a picture shows: the first sentence of what draws it, or of its own words."""
    called = re.match(r"(lesson_\d\d|main_line|blueprint)\.(\w+)\(", code.strip().splitlines()[-1])
    if called:
        module = import_module(f"diffenc_lite.course.show.{called[1]}")
        text = " ".join((inspect.getdoc(getattr(module, called[2])) or "").replace("`", "").split())
        text = re.sub(r",?(?: each)? \((?:[\dnBT]+, ?)+[\dnBT]*\)", "", text)  # shapes of arrays
        return re.split(r"(?<=\w\.)\s| Args:", text)[0].rstrip(".") + "."
    first = output.data["text/plain"].partition("\n")[0]
    if first.startswith("<"):  # of an Image, without words
        return FILM
    return "" if first == "A picture." or first.startswith("Explorer of") else first


def description(code: str, output: NotebookNode) -> str:
    """A picture's caption and its own words, for readers who do not see it."""
    says, said = caption(code, output), output.data["text/plain"].removeprefix("A picture.\n")
    return said if said.startswith(says) else says if says == FILM else f"{says}\n{said}"


def without_remote_pictures(text: str) -> str:
    """Markdown with the words of a picture in place of one that a page would fetch from the net."""
    return re.sub(r"!\[([^\]]*)\]\(https?://[^)\s]+\)", r"\1", text)


def write_html(notebook: NotebookNode, source: Path, target: Path) -> None:
    """Write the notebook as one HTML page that contains its pictures and MathJax."""
    notebook, said = copy.deepcopy(notebook), list[str]()
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = without_remote_pictures(cell.source)
        images = [each for each in pictures(cell) if "text/html" not in each.data]
        said += [html.escape(description(cell.source, each)) for each in images]
    exporter = HTMLExporter(embed_images=True)
    resources = {"metadata": {"name": source.stem, "path": str(source.parent)}}
    page, _ = exporter.from_notebook_node(notebook, resources)
    page = re.sub("No description has been provided for this image", lambda _: said.pop(0), page)
    if script := mathjax():
        loaded = f"<script>{MATHJAX_CONFIG}{script.read_text(encoding='utf-8')}</script>"
        before, begins, rest = page.partition("<!-- Load mathjax -->")
        _, ended, after = rest.partition("<!-- End of mathjax configuration -->")
        before = re.sub(r'<script src="https://[^"]*require[^"]*"></script>', "", before)
        page = before + loaded + after if begins and ended else page
    target.write_text(page, encoding="utf-8")


def main() -> int:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all")
    parser.add_argument("--in-place", action="store_true", help="overwrite the originals, no HTML")
    arguments = parser.parse_args()
    sources = arguments.notebooks or notebooks_in(ROOT / "notebooks")
    if missing := [str(source) for source in sources if not source.is_file()]:
        parser.error(f"no such notebook: {', '.join(missing)}")
    for source in (path.resolve() for path in sources):
        notebook = nbformat.read(source, as_version=4)
        target = OUT / place(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            execute(notebook, source.parent, source.name, export=not arguments.in_place)
        except CellExecutionError as error:
            nbformat.write(notebook, target)
            print(error, file=sys.stderr)
            print(f"{source.name} failed; outputs of the cells before: {target}", file=sys.stderr)
            return 1
        if arguments.in_place:
            shrink_pictures(notebook)
            nbformat.write(notebook, source)
        else:
            keep(notebook, source)
            write_html(notebook, source, target.with_suffix(".html"))
            for output in outputs(notebook):
                if "image/png" in output.get("data", {}):
                    output.data.pop("text/html", None)  # an editor may refuse it; the picture stays
            nbformat.write(notebook, target)
    where = "in their own files" if arguments.in_place else f"and HTML pages are in {OUT}"
    print(f"Done: executed notebooks {where}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
