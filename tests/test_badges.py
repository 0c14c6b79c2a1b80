"""tools/badges.py: the links to Colab and Binder, the cell for Colab, the version."""

import json
import sys
from pathlib import Path

import nbformat
import pytest
from draws import ROOT, run_python
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from diffenc_lite import __version__


def test_every_file_has_the_links_of_this_version():
    done = run_python("tools/badges.py", "--check")
    assert done.returncode == 0, f"run python tools/badges.py:\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("published", [False, True])
def test_a_lesson_gets_its_links_once_and_an_old_version_is_replaced(published, monkeypatch):
    import badges

    monkeypatch.setattr(badges, "PUBLISHED", published)
    cells = [new_markdown_cell("# 00 · A lesson\n\nText."), new_markdown_cell("More.")]
    notebook = badges.with_colab(new_notebook(cells=cells), Path("00_x.ipynb"))
    title, install, more = notebook["cells"]
    lines = "".join(title["source"]).split("\n")
    assert lines[0] == "# 00 · A lesson" and lines[1] == lines[3] == "" and lines[4] == "Text."
    assert (f"/blob/v{__version__}/notebooks/00_x.ipynb) · [" in lines[2]) is published
    assert (f"/v{__version__}?labpath=notebooks%2F00_x.ipynb)" in lines[2]) is published
    assert lines[2].endswith("[Symbols and terms](further/00_index.ipynb)")
    assert f"%pip install -q diffenc_lite=={__version__}" in "".join(install["source"])
    assert more["source"] == "More."
    once = json.dumps(notebook)
    old = json.loads(once.replace(__version__, "0.0.9"))
    assert json.dumps(badges.with_colab(old, Path("00_x.ipynb"))) == once
    nbformat.validate(badges.with_colab(old, Path("00_x.ipynb")))


def test_a_lesson_begins_with_its_title(tmp_path):
    path = tmp_path / "00_x.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("1")]), path)
    done = run_python("tools/badges.py", path)
    assert done.returncode != 0 and "first cell must be Markdown" in done.stderr


def test_only_colab_installs(monkeypatch):
    from IPython.core.interactiveshell import InteractiveShell

    asked, shell = [], InteractiveShell()
    shell.register_magic_function(asked.append, magic_name="pip")
    install = nbformat.read(ROOT / "notebooks" / "00_ten_minute_tour.ipynb", 4).cells[1].source
    monkeypatch.delitem(sys.modules, "google.colab", raising=False)
    assert shell.run_cell(install).success and not asked
    monkeypatch.setitem(sys.modules, "google.colab", sys)
    assert shell.run_cell(install).success
    assert asked == [f"install -q diffenc_lite=={__version__}"]
