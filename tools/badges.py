"""Write where to run a lesson without installing anything, and the version, wherever they stand.

    python tools/badges.py          # after a change of version or address, and for a new notebook
    python tools/badges.py --check  # change nothing; end with 1, naming the files that would change

Each notebook gets a line of links below its title (the index of symbols and, once the version is
published, Colab and Binder) and, as its second cell, the one that installs the course on Colab.
README gets the links with pictures once published, CITATION.cff version and address. The version is
that of diffenc_lite/__init__.py, the address `Repository` in pyproject.toml. Links lead to the tag
of the version, and Colab installs that version, so that an old copy of a lesson still finds what it
was written for.
"""

import json
import re
import runpy
import sys
import tomllib
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT, TOOL = SETTINGS["project"], SETTINGS["tool"]
INIT = (ROOT / "diffenc_lite" / "__init__.py").read_text(encoding="utf-8")
# Without importing the package, which may not be installed:
(VERSION,) = re.findall(r'^__version__ = "(.*)"$', INIT, re.MULTILINE)
LESSONS = runpy.run_path(str(ROOT / "diffenc_lite" / "course" / "lessons.py"))
# Whether the version is on PyPI and its tag on GitHub: see docs/publishing.md.
PUBLISHED = TOOL["diffenc_lite"]["published"]
REPOSITORY = PROJECT["urls"]["Repository"]
OWNER_AND_NAME = REPOSITORY.removeprefix("https://github.com/")
COLAB = "https://colab.research.google.com/github"
BINDER = "https://mybinder.org/v2/gh"

# Colab has PyTorch, matplotlib, ipywidgets and SymPy. pip keeps what satisfies our lower bounds.
COLAB_CELL = f"""\
# On Colab, this installs the course beside Colab's own PyTorch; elsewhere it does nothing.
import sys

if "google.colab" in sys.modules:
    %pip install -q {PROJECT["name"]}=={VERSION}"""
COLAB_ID = "colab"
INDEX = Path("further", "00_index.ipynb")
TERMS = "[Symbols and terms]"


def links(lesson: Path, colab: str, binder: str) -> str:
    """One line of Markdown: the notebook `lesson` on Colab and on Binder, under these labels."""
    path = f"notebooks/{lesson.as_posix()}"
    on_colab = f"{COLAB}/{OWNER_AND_NAME}/blob/v{VERSION}/{path}"
    on_binder = f"{BINDER}/{OWNER_AND_NAME}/v{VERSION}?labpath={quote(path, safe='')}"
    return f"[{colab}]({on_colab}) · [{binder}]({on_binder})"


def with_links(text: str, line: str) -> str:
    """The text with this line, if it is not empty, below its title, in place of its old links."""
    title, *rest = text.split("\n")
    if len(rest) > 1 and (COLAB in rest[1] or rest[1].startswith(TERMS)):
        rest = rest[2:]
    return "\n".join([title, *(["", line] if line else []), *rest])


def with_colab(notebook: dict[str, Any], lesson: Path) -> dict[str, Any]:
    """The notebook with its links and the cell for Colab."""
    title, *cells = notebook["cells"]
    if title["cell_type"] != "markdown" or not "".join(title["source"]).startswith("# "):
        raise ValueError(f"{lesson}: the first cell must be Markdown that begins with a title")
    parts = [links(lesson, "Open in Colab", "Open in Binder")] if PUBLISHED else []
    if lesson != INDEX:
        here = INDEX.name if lesson.parent == INDEX.parent else INDEX.as_posix()
        parts.append(f"{TERMS}({here})")
    text = with_links("".join(title["source"]), " · ".join(parts))
    title["source"] = text.splitlines(keepends=True)
    new: dict[str, Any] = {
        "cell_type": "code",
        "execution_count": None,
        "id": COLAB_ID,
        "metadata": {"tags": ["remove-cell"]},  # not shown on the course's site
        "outputs": [],
    }
    install = next((cell for cell in cells if cell.get("id") == COLAB_ID), new)
    install["source"] = COLAB_CELL.splitlines(keepends=True)
    notebook["cells"] = [title, install, *(cell for cell in cells if cell is not install)]
    return notebook


def wanted(path: Path) -> str:
    """What this file should hold."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        notebook = with_colab(json.loads(text), LESSONS["place"](path))
        return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    if path.name == "README.md":
        colab = "![Open the tour in Colab](figures/colab.svg)"
        binder = "![Open the tour in Binder](figures/binder.svg)"
        line = links(Path("00_ten_minute_tour.ipynb"), colab, binder)
        return with_links(text, line if PUBLISHED else "")
    text = re.sub(r"^version: .*$", f"version: {VERSION}", text, flags=re.MULTILINE)
    address = f"repository-code: {REPOSITORY}"
    return re.sub(r"^repository-code: .*$", address, text, flags=re.MULTILINE)


def main() -> int:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    default = [*LESSONS["notebooks_in"](ROOT / "notebooks"), ROOT / "README.md"]
    default += [ROOT / "CITATION.cff"]
    parser.add_argument("files", nargs="*", type=Path, default=default, help="default: all")
    parser.add_argument("--check", action="store_true", help="change nothing")
    arguments = parser.parse_args()
    texts = {path: wanted(path) for path in arguments.files}
    stale = [path for path, text in texts.items() if path.read_text(encoding="utf-8") != text]
    for path in stale:
        print(path.name, "must be changed" if arguments.check else "changed")
        if not arguments.check:
            path.write_text(texts[path], encoding="utf-8", newline="\n")
    return int(arguments.check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
