"""How notebooks are compared (notebooks/conftest.py, sanitize.cfg) and executed (tools/)."""

import base64
import io
import re
import shutil
import sys

import nbformat
import numpy as np
import pytest
import run_notebooks as tool
from draws import ROOT, run_python
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

COPIED = [
    "conftest.py", "pyproject.toml", "notebooks/conftest.py", "notebooks/sanitize.cfg",
    "tools/run_notebooks.py",
]  # fmt: skip
PLACES = ["00_lesson.ipynb", "further/00_more.ipynb"]
EXPLORER = """\
import os
class Explorer:
    def _repr_mimebundle_(self, **kwargs):
        html = {"text/html": "<b>moves</b>"} if os.environ.get("DIFFENC_LITE_EXPORT") == "1" else {}
        return {"text/plain": "Explorer of t", "image/png": ""} | html
Explorer()"""

PICTURE = """\
from PIL import Image
class Square:
    def _repr_mimebundle_(self, **kwargs):
        return {"text/plain": "a square", "image/png": Image.new("L", (40, 30))._repr_png_()}
Square()"""


def picture(grey):
    return base64.b64encode(Image.new("L", (40, 30), grey)._repr_png_()).decode()


@pytest.fixture
def project(tmp_path):
    """A small project with this one's policy: a lesson that varies where it may, a companion."""
    for name in COPIED:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    noise = "import sys; from IPython.display import HTML; print('0.3 it/s', file=sys.stderr)"
    lesson = new_notebook(metadata={"kernelspec": {"name": "elsewhere", "display_name": ""}})
    lesson.cells = [
        new_markdown_cell("# A lesson"),
        stored(noise, new_output("stream", name="stderr", text="0.2 it/s\n")),
        stored("HTML('<b>1</b>')", result({"text/html": "<b>1</b>"})),
        stored("print('Python', sys.version.split()[0])", stream("Python 3.99.1\n")),
        stored("print(f'{1 / 3:.4f}')", stream("0.3333\n")),
        stored(PICTURE, result({"text/plain": "a square", "image/png": picture(0)})),
        stored(PICTURE.replace("a square", "# greys"),  # as of a model that the page has trained
               result({"text/plain": "# greys", "image/png": picture(60)})),
    ]  # fmt: skip
    companion = new_notebook(cells=[stored("print(1)", stream("1\n"))])
    (tmp_path / "notebooks" / "further").mkdir()
    for place, notebook in zip(PLACES, (lesson, companion), strict=True):
        nbformat.write(notebook, tmp_path / "notebooks" / place)
    return tmp_path


def stored(source, *outputs):
    return new_code_cell(source, outputs=list(outputs), execution_count=1)


def stream(text):
    return new_output("stream", name="stdout", text=text)


def result(data):
    data = {"text/plain": "<IPython.core.display.HTML object>"} | data
    return new_output("execute_result", data, execution_count=2)


@pytest.fixture
def run(project, monkeypatch):
    """run(*arguments) -> the exit status of tools/run_notebooks.py on the small project"""
    monkeypatch.setattr(tool, "OUT", project / "build" / "notebooks")
    monkeypatch.setenv("DIFFENC_LITE_EXPORT", "")  # which the tool sets
    monkeypatch.chdir(project)
    return lambda *arguments: monkeypatch.setattr(sys, "argv", ["", *arguments]) or tool.main()


def edit(project, number, **changes):
    path = project / "notebooks" / PLACES[0]
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[number].update(changes)
    nbformat.write(notebook, path)


def test_a_wrong_value_is_found_and_nothing_that_may_vary(project):
    """From the folder itself, where a copy of the lessons is run"""
    edit(project, 2, outputs=[result({"text/html": "<b>2</b>"})])
    edit(project, 4, outputs=[stream("0.3334\n")])
    edit(project, 5, outputs=[result({"text/plain": "a square", "image/png": picture(10)})])
    done = run_python("-m", "pytest", "--nbval", cwd=project / "notebooks")
    assert done.returncode == 1
    assert "3 failed, 4 passed" in done.stdout


def test_only_what_is_never_a_result_is_replaced():
    file = (ROOT / "notebooks" / "sanitize.cfg").read_text()
    rules = re.findall("^regex: (.*)$\n^replace: (.*)$", file, re.MULTILINE)  # as nbval does
    for text, clean in [
        ("torch 2.13.0+cpu, Python 3.13.5", "torch VERSION, Python VERSION"),
        ("<object object at 0x7fde88d9a520>", "<object object at ADDRESS>"),
        ("  40%|####      | 12/30 [00:01<00:02,  9.1it/s]", "PROGRESS"),
        ("trained at 361.5 images/s, took 12.3 s", "trained at RATE, took DURATION"),
        ("a step of 31 ms; 4.5 minutes in all", "a step of DURATION; DURATION in all"),
        # results, which stay: exact values, formulas in which s is the earlier depth
        ("ln 2 = 0.693147 nats", "ln 2 = 0.693147 nats"),
        (r"$\displaystyle 2 s - \gamma_{s} + 3 \min(s, t)$",) * 2,
        ("t = 0.35 s = 0.25, T = 10", "t = 0.35 s = 0.25, T = 10"),
    ]:
        for regex, replacement in rules:
            text = re.sub(regex, replacement, text)
        assert text == clean


def test_executed_copies_and_pages_go_to_a_folder_of_their_own(project):
    edit(project, 4, source=EXPLORER)
    originals = [(project / "notebooks" / place).read_bytes() for place in PLACES]
    done = run_python("tools/run_notebooks.py", cwd=project)
    out = project / "build" / "notebooks"
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith(str(out))
    assert originals == [(project / "notebooks" / place).read_bytes() for place in PLACES]
    for place in PLACES:
        assert (project / "build" / "executed" / place).is_file()
        assert (out / place).is_file() and (out / place).with_suffix(".html").is_file()
    cells = nbformat.read(out / PLACES[0], as_version=4).cells
    assert cells[3].outputs[0].text == f"Python {sys.version.split()[0]}\n"
    assert set(cells[4].outputs[0].data) == {"text/plain", "image/png"}  # a picture of the explorer
    assert "<b>moves</b>" in (out / "00_lesson.html").read_text(encoding="utf-8")


def test_outputs_are_regenerated_in_place_on_request(project, run):
    edit(project, 2, source=EXPLORER)
    edit(project, 4, source="import ipywidgets\nipywidgets.IntSlider()")
    assert run("--in-place", "notebooks/00_lesson.ipynb") == 0
    notebook = nbformat.read(project / "notebooks" / "00_lesson.ipynb", as_version=4)
    assert set(notebook.cells[2].outputs[0].data) == {"text/plain", "image/png"}
    assert notebook.cells[3].outputs[0].text == f"Python {sys.version.split()[0]}\n"
    assert "widgets" not in notebook.metadata
    assert "version" not in notebook.metadata.language_info


def test_a_failing_notebook_is_named(project, run, capsys):
    edit(project, 3, source="1 / 0")
    assert run("notebooks/00_lesson.ipynb") == 1
    said = capsys.readouterr().err
    assert "ZeroDivisionError" in said and "00_lesson.ipynb failed" in said


def test_a_change_of_a_cell_or_of_the_package_is_executed_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    (tmp_path / "diffenc_lite").mkdir()
    seen = set()
    for file in ("a = 1", "a = 2"):
        (tmp_path / "diffenc_lite" / "a.py").write_text(file)
        seen |= {tool.fingerprint(new_notebook(cells=[new_code_cell(x)])) for x in "pq"}
    assert len(seen) == 4


def test_packed_pictures_look_the_same():
    random = np.random.default_rng(0)
    many, few = random.integers(0, 256, (2, 40, 60, 3), np.uint8)
    for pixels in (many, few // 85 * 85):
        drawn = base64.b64encode(Image.fromarray(pixels)._repr_png_()).decode()
        notebook = new_notebook(cells=[new_code_cell("1", outputs=[result({"image/png": drawn})])])
        tool.shrink_pictures(notebook)
        packed = notebook.cells[0].outputs[0].data["image/png"]
        seen = Image.open(io.BytesIO(base64.b64decode(packed))).convert("RGB")
        assert np.sqrt(np.square(np.asarray(seen, float) - pixels).mean((0, 1))).max() <= 0.5
        assert len(packed) <= len(drawn)


def test_with_mathjax_a_page_asks_for_nothing(tmp_path, monkeypatch):
    script = tmp_path / "tex-svg.js"
    script.write_text("window.typeset = 1;")
    monkeypatch.setattr(tool, "mathjax", lambda: script)
    text = "$x$ ![Open](https://example.org/badge.svg)"
    notebook = new_notebook(cells=[new_markdown_cell(text)])
    target = tmp_path / "page.html"
    tool.write_html(notebook, tmp_path / "page.ipynb", target)
    page = target.read_text(encoding="utf-8")
    assert "window.typeset = 1;" in page
    assert not re.findall(r'(?:src|href)="https?:[^"]*"', page)
    assert notebook.cells[0].source == text
