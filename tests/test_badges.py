"""tools/badges.py: the links to Colab and Binder, the cell for Colab, the version."""

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell, new_notebook

from diffenc_lite import __version__

ROOT = Path(__file__).resolve().parent.parent


def badges(*arguments):
    command = [sys.executable, str(ROOT / "tools" / "badges.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.fixture
def lesson(tmp_path):
    cells = [new_markdown_cell("# 00 · A lesson\n\nText."), new_markdown_cell("More.")]
    nbformat.write(new_notebook(cells=cells), tmp_path / "00_x.ipynb")
    return tmp_path / "00_x.ipynb"


def cells_of(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def test_every_file_has_the_links_of_this_version():
    done = badges("--check")
    assert done.returncode == 0, f"run python tools/badges.py:\n{done.stdout}{done.stderr}"


def test_a_lesson_gets_its_links_once_and_an_old_version_is_replaced(lesson):
    assert badges("--check", lesson).returncode == 1
    assert badges(lesson).returncode == 0
    title, install, more = cells_of(lesson)
    lines = "".join(title["source"]).split("\n")
    assert lines[0] == "# 00 · A lesson" and lines[1] == lines[3] == "" and lines[4] == "Text."
    assert f"/blob/v{__version__}/notebooks/00_x.ipynb) · [" in lines[2]
    assert f"/v{__version__}?labpath=notebooks%2F00_x.ipynb)" in lines[2]
    assert f"%pip install -q diffenc_lite=={__version__}" in "".join(install["source"])
    assert more["source"] == ["More."]
    nbformat.validate(nbformat.read(lesson, as_version=4))
    once = lesson.read_text(encoding="utf-8")
    lesson.write_text(once.replace(__version__, "0.0.9"), encoding="utf-8")
    badges(lesson)
    assert lesson.read_text(encoding="utf-8") == once
    assert badges("--check", lesson).returncode == 0


def test_only_colab_installs(monkeypatch):
    from IPython.core.interactiveshell import InteractiveShell

    asked, shell = [], InteractiveShell()
    shell.register_magic_function(asked.append, magic_name="pip")
    install = "".join(cells_of(ROOT / "notebooks" / "00_ten_minute_tour.ipynb")[1]["source"])
    monkeypatch.delitem(sys.modules, "google.colab", raising=False)
    assert shell.run_cell(install).success and not asked
    monkeypatch.setitem(sys.modules, "google.colab", sys)
    assert shell.run_cell(install).success
    assert asked == [f"install -q diffenc_lite=={__version__}"]
