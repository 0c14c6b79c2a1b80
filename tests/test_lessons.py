"""The lessons as files: a copy of them to work in, from a checkout."""

import subprocess
import sys
from pathlib import Path

import pytest

from diffenc_lite.__main__ import main
from diffenc_lite.course import lessons
from diffenc_lite.course.lessons import copy_lessons, lessons_folder, notebooks_in, place

ROOT = Path(__file__).resolve().parent.parent
NAMES = {place(path) for path in notebooks_in(ROOT / "notebooks")} | {
    Path("conftest.py"), Path("sanitize.cfg"),
}  # fmt: skip


def files_in(folder):
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


def test_the_lessons_of_a_checkout_are_at_its_top():
    assert lessons_folder() == ROOT / "notebooks"


def test_a_copy_has_every_lesson_byte_for_byte(tmp_path):
    """In a new folder, and in one that holds other files."""
    (tmp_path / "notes.txt").write_text("mine")
    for folder in (tmp_path / "a" / "new" / "folder", tmp_path):
        assert {path.relative_to(folder) for path in copy_lessons(folder)} == NAMES
        for name in NAMES:
            assert (folder / name).read_bytes() == (ROOT / "notebooks" / name).read_bytes()
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_nothing_is_overwritten_and_nothing_else_written(tmp_path):
    mine = tmp_path / "further" / "00_index.ipynb"
    mine.parent.mkdir()
    mine.write_text("my answers")
    with pytest.raises(FileExistsError, match=f"already holds {mine.name}, perhaps with your"):
        copy_lessons(tmp_path)
    assert mine.read_text() == "my answers"
    assert files_in(tmp_path) == {mine.relative_to(tmp_path)}


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(FileExistsError, match="out_dir must be a folder"):
        copy_lessons(tmp_path / "out")


def test_a_package_without_lessons_says_where_it_looked(tmp_path, monkeypatch):
    monkeypatch.setattr(lessons, "__file__", str(tmp_path / "diffenc_lite/course/lessons.py"))
    with pytest.raises(FileNotFoundError, match="neither in the package"):
        lessons_folder()


def test_the_command_says_how_to_go_on(tmp_path, capsys):
    out = tmp_path / "lessons"
    assert main(["notebooks", str(out)]) == 0
    assert f"jupyter lab {out}" in capsys.readouterr().out
    assert files_in(out) == NAMES
    assert main(["notebooks", str(out)]) == 2
    assert "nothing is overwritten" in capsys.readouterr().err


def test_a_copy_is_compared_like_the_original(tmp_path):
    """Beside its conftest and sanitize.cfg a notebook that varies where it may is green."""
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("nbval")
    copy_lessons(tmp_path)
    for path in notebooks_in(tmp_path):
        path.unlink()
    new = nbformat.v4
    cells = [
        new.new_code_cell(
            "import sys; print('Python', sys.version.split()[0]); print('x', file=sys.stderr)",
            execution_count=1,
            outputs=[
                new.new_output("stream", name="stdout", text="Python 3.99.1\n"),
                new.new_output("stream", name="stderr", text="y\n"),
            ],
        ),
        new.new_code_cell("1 + 1", execution_count=2, outputs=[result(new, "2")]),
    ]
    for stored, layer, green in (("2", "", True), ("2", "further", True), ("3", "further", False)):
        cells[1].outputs = [result(new, stored)]
        nbformat.write(new.new_notebook(cells=cells), tmp_path / layer / "lesson.ipynb")
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "--nbval", "-q"], cwd=tmp_path, capture_output=True
        )
        assert (done.returncode == 0) is green, done.stdout.decode()


def result(new, text):
    return new.new_output("execute_result", {"text/plain": text}, execution_count=2)
