"""A companion, in notebooks/further, is found by everything that works on the lessons."""

import shutil
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numbers_in_prose
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from test_notebook_tools import COPIED, run

from diffenc_lite.course import lessons
from diffenc_lite.course.exercises.student import BEGIN, END, IGNORE, write_student_versions

ROOT = Path(__file__).resolve().parent.parent
PLACES = ["00_lesson.ipynb", "further/00_more.ipynb"]
RIGHT = {"00.1": "13.3 / 18.3", "00.3": "1.84017"}
LINKS = ["further/00_more.ipynb", "../00_lesson.ipynb"]


@pytest.fixture
def project(tmp_path):
    """A lesson and its companion, each with an exercise and a link to the other."""
    for name in [*COPIED, "tools/badges.py", "diffenc_lite/course/lessons.py"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "diffenc_lite" / "__init__.py", tmp_path / "diffenc_lite")
    for number, (place, link) in enumerate(zip(PLACES, LINKS, strict=True), 1):
        exercise, answer = f"00.{2 * number - 1}", f"answer_00_{2 * number - 1}"
        check = f'check("{exercise}", {answer})'
        solution = f"{IGNORE}\n{BEGIN}\n{answer} = {RIGHT[exercise]}\n{check}\n{END}"
        cells = [
            new_markdown_cell(f"# 00 · Part {number}\n\nWords of [the other]({link})."),
            new_code_cell("from diffenc_lite.course.exercises import ask, check"),
            new_code_cell(f'ask("{exercise}")'),
            new_code_cell(f"{answer} = ...\n{check}"),
            new_code_cell(solution, metadata={"tags": ["solution"]}),
            new_code_cell(
                "import sys; print('Python', sys.version.split()[0])",
                execution_count=5,
                outputs=[new_output("stream", text="Python 3.99.1\n")],
            ),
        ]
        path = tmp_path / "notebooks" / place
        path.parent.mkdir(exist_ok=True)
        nbformat.write(new_notebook(cells=cells), path)
    return tmp_path


def test_the_core_comes_first(project):
    paths = lessons.notebooks_in(project / "notebooks")
    assert paths == [project / "notebooks" / place for place in PLACES]
    assert [lessons.place(path).as_posix() for path in paths] == PLACES


@pytest.mark.parametrize("folder, arguments", [(".", ["notebooks"]), ("notebooks", [])])
def test_nbval_runs_it_by_the_same_policy(project, folder, arguments):
    done = run(project / folder, "-m", "pytest", "--nbval", *arguments)
    assert "10 passed" in done.stdout, done.stdout


def test_it_is_executed_into_a_folder_of_its_own(project):
    assert run(project, "tools/run_notebooks.py").returncode == 0
    for place in PLACES:
        assert (project / "build" / "executed" / place).is_file()
        assert (project / "build" / "notebooks" / place).is_file()
        assert (project / "build" / "notebooks" / place).with_suffix(".html").is_file()


def test_its_links_lead_to_its_place(project):
    (project / "README.md").write_text("# Title\n")
    (project / "CITATION.cff").write_text("version: 0\nrepository-code: x\n")
    assert run(project, "tools/badges.py").returncode == 0
    core, text = ((project / "notebooks" / place).read_text("utf-8") for place in PLACES)
    assert "[Symbols and terms](further/00_index.ipynb)" in core
    assert "[Symbols and terms](00_index.ipynb)" in text
    assert "/notebooks/further/00_more.ipynb)" in text
    assert "labpath=notebooks%2Ffurther%2F00_more.ipynb)" in text


def test_students_get_it(project, tmp_path):
    out = tmp_path / "class"
    written = write_student_versions(project / "notebooks", out)
    assert written == [out / place for place in PLACES]
    assert "answer_00_3 = ..." in (out / PLACES[1]).read_text()


def test_it_is_a_page_of_the_site_below_its_lesson(project, monkeypatch):
    pytest.importorskip("sphinx")
    import make_site

    paths = lessons.notebooks_in(project / "notebooks")
    for name, value in {
        "NOTEBOOKS": paths,
        "CORE": {"00": paths[0]},
        "PAGES": project / "pages",
        "executed": lambda path: nbformat.read(path, as_version=4),
        "ProcessPoolExecutor": lambda workers: nullcontext(SimpleNamespace(map=map)),
        "TITLES": {"00": "00 · Part 1"},
    }.items():
        monkeypatch.setattr(make_site, name, value)
    make_site.write_lessons()
    core, companion = (
        nbformat.read(project / "pages" / "lessons" / place, as_version=4).cells for place in PLACES
    )
    assert core[-1].source == "```{toctree}\n:hidden:\n\nfurther/00_more\n```"
    assert "](../00_lesson.ipynb)" in companion[0].source


def test_numbers_in_its_prose_are_looked_at(project, monkeypatch):
    monkeypatch.setattr(numbers_in_prose, "ROOT", project)
    path = project / "notebooks" / PLACES[1]
    path.write_text(path.read_text().replace("Words of", "A loss of 0.77:"))
    assert numbers_in_prose.main() == 1
