"""The lessons as files: a copy of them to work in, from a checkout."""

from pathlib import Path

import pytest
from draws import NOTEBOOKS, ROOT

from diffenc_lite.__main__ import main
from diffenc_lite.course.lessons import copy_lessons, lessons_folder, place

PLACES = [place(path) for path in NOTEBOOKS]
NAMES = {*PLACES, Path("conftest.py"), Path("sanitize.cfg")}


def files_in(folder):
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


def test_the_core_comes_first():
    assert lessons_folder() == ROOT / "notebooks"
    core = [name for name in PLACES if name.parent == Path()]
    assert PLACES == sorted(core) + sorted(name for name in PLACES if name not in core)
    assert core[0].name.startswith("00_") and len(core) < len(PLACES)


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
    with pytest.raises(FileExistsError, match=mine.name):
        copy_lessons(tmp_path)
    assert mine.read_text() == "my answers"
    assert files_in(tmp_path) == {mine.relative_to(tmp_path)}
    with pytest.raises(FileExistsError, match="out_dir"):
        copy_lessons(mine)


def test_the_command_says_how_to_go_on(tmp_path, capsys):
    out = tmp_path / "lessons"
    assert main(["notebooks", str(out)]) == 0
    assert f"jupyter lab {out}" in capsys.readouterr().out
    assert files_in(out) == NAMES
