"""Run the notebooks in order; write copies with outputs, and HTML pages, into build/notebooks.

    python tools/run_notebooks.py                         # all notebooks; they do not change
    python tools/run_notebooks.py notebooks/00_*.ipynb    # only these
    python tools/run_notebooks.py --in-place              # store the outputs in the notebooks

The last line of the output says where the files are.
"""

import argparse
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter
from nbconvert.preprocessors import CoalesceStreamsPreprocessor
from nbformat import NotebookNode
from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "build" / "notebooks"


def execute(notebook: NotebookNode, folder: Path, name: str) -> None:
    """Run every cell in `folder`, with a progress bar over the code cells.

    Raises CellExecutionError at the first cell that fails; the outputs of earlier cells are kept.
    """
    cells = sum(cell.cell_type == "code" and bool(cell.source.strip()) for cell in notebook.cells)
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


def write_html(notebook: NotebookNode, source: Path, target: Path) -> None:
    """Write the notebook as one HTML page that contains its pictures."""
    exporter = HTMLExporter(embed_images=True)
    resources = {"metadata": {"name": source.stem, "path": str(source.parent)}}
    page, _ = exporter.from_notebook_node(notebook, resources)
    target.write_text(page, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: notebooks/*.ipynb")
    parser.add_argument("--in-place", action="store_true", help="overwrite the originals, no HTML")
    arguments = parser.parse_args()
    sources = arguments.notebooks or sorted((ROOT / "notebooks").glob("*.ipynb"))
    missing = [str(source) for source in sources if not source.is_file()]
    if missing or not sources:
        parser.error(f"no such notebook: {', '.join(missing) or ROOT / 'notebooks' / '*.ipynb'}")

    OUT.mkdir(parents=True, exist_ok=True)
    for source in (path.resolve() for path in sources):
        notebook = nbformat.read(source, as_version=4)
        copy = OUT / source.name
        try:
            execute(notebook, source.parent, source.name)
        except CellExecutionError as error:
            nbformat.write(notebook, copy)
            print(error, file=sys.stderr)
            print(f"{source.name} failed; the outputs of the cells before: {copy}", file=sys.stderr)
            return 1
        if arguments.in_place:
            nbformat.write(notebook, source)
        else:
            nbformat.write(notebook, copy)
            write_html(notebook, source, copy.with_suffix(".html"))
    where = "in their own files" if arguments.in_place else f"and HTML pages are in {OUT}"
    print(f"Done: executed notebooks {where}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
