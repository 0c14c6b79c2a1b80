"""tools/badges.py: the links to Colab and Binder, the cell for Colab, the version."""

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from diffenc_lite import __version__

ROOT = Path(__file__).resolve().parent.parent


def badges(*arguments):
    command = [sys.executable, str(ROOT / "tools" / "badges.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def lesson(path: Path, *cells) -> Path:
    nbformat.write(
        new_notebook(cells=[new_markdown_cell("# 00 · A lesson\n\nText."), *cells]), path
    )
    return path


def read(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def run_once(source: str, count: int):
    text = {"text/plain": "2"}
    output = new_output("execute_result", text, execution_count=count)
    return new_code_cell(source, execution_count=count, outputs=[output])


def test_every_file_has_the_links_of_this_version():
    done = badges("--check")
    assert done.returncode == 0, f"run python tools/badges.py:\n{done.stdout}{done.stderr}"


def test_a_lesson_gets_links_below_its_title_and_the_cell_for_colab(tmp_path):
    path = lesson(tmp_path / "00_x.ipynb", new_markdown_cell("More."))
    assert badges(path).returncode == 0
    title, install, more = read(path)
    lines = "".join(title["source"]).split("\n")
    assert lines[0] == "# 00 · A lesson" and lines[1] == lines[3] == "" and lines[4] == "Text."
    assert f"/blob/v{__version__}/notebooks/00_x.ipynb) · [" in lines[2]
    assert f"/v{__version__}?labpath=notebooks%2F00_x.ipynb)" in lines[2]
    assert f"%pip install -q diffenc_lite=={__version__}" in "".join(install["source"])
    assert more["source"] == ["More."]
    nbformat.validate(nbformat.read(path, as_version=4))


def test_twice_is_once(tmp_path):
    path = lesson(tmp_path / "00_x.ipynb", run_once("1 + 1", 1))
    assert badges("--check", path).returncode == 1
    badges(path)
    once = path.read_bytes()
    assert badges(path).stdout == ""
    assert path.read_bytes() == once
    assert badges("--check", path).returncode == 0


def test_an_old_version_is_replaced_and_marks_of_the_cell_stay(tmp_path):
    path = lesson(tmp_path / "00_x.ipynb")
    badges(path)
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[1].metadata["slideshow"] = {"slide_type": "skip"}
    nbformat.write(notebook, path)
    badges(path)
    new = path.read_text(encoding="utf-8")
    path.write_text(new.replace(__version__, "0.0.9"), encoding="utf-8")
    badges(path)
    assert path.read_text(encoding="utf-8") == new


@pytest.mark.parametrize(("before", "after"), [([1, 2], [1, 2, 3]), ([2, 1], [None, 2, 1])])
def test_counts_go_on_if_the_lesson_was_run_in_order(tmp_path, before, after):
    path = lesson(tmp_path / "00_x.ipynb", *(run_once("1 + 1", count) for count in before))
    badges(path)
    code = read(path)[1:]
    assert [cell["execution_count"] for cell in code] == after
    assert [cell["outputs"][0]["execution_count"] for cell in code[1:]] == after[1:]


def test_a_lesson_begins_with_its_title(tmp_path):
    path = tmp_path / "00_x.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("1")]), path)
    before = path.read_bytes()
    done = badges(path)
    assert done.returncode != 0 and "first cell must be Markdown" in done.stderr
    assert path.read_bytes() == before


@pytest.mark.parametrize("on_colab", [True, False])
def test_only_colab_installs(tmp_path, monkeypatch, on_colab):
    from IPython.core.interactiveshell import InteractiveShell

    path = lesson(tmp_path / "00_x.ipynb")
    badges(path)
    asked, shell = [], InteractiveShell()
    shell.register_magic_function(asked.append, magic_name="pip")
    monkeypatch.delitem(sys.modules, "google.colab", raising=False)
    if on_colab:
        monkeypatch.setitem(sys.modules, "google.colab", sys)
    assert shell.run_cell("".join(read(path)[1]["source"])).success
    assert asked == ([f"install -q diffenc_lite=={__version__}"] if on_colab else [])
