"""Copies for students: solutions and outputs gone, nothing else lost, every broken rule named."""

import ast
import builtins
import contextlib
import io
import json
import re

import nbformat
import pytest
from draws import NOTEBOOKS
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from diffenc_lite.__main__ import main
from diffenc_lite.course.exercises import EXERCISES, lab, student
from diffenc_lite.course.exercises.forms import answer_name
from diffenc_lite.course.exercises.levels import LEVELS
from diffenc_lite.course.exercises.student import BEGIN, END, IGNORE, is_solution, student_version

TAGS = {"tags": ["solution"]}
EXERCISES_ONLY = "from math import log\nfrom diffenc_lite.course.exercises import ask, check"
IMPORTS = EXERCISES_ONLY.replace("log", "log, pi").replace("ask, check", "EXERCISES, ask, check")
FIRST, SECOND = "13.3 / 18.3", "given * 1.84017 / 2"  # the answers of 00.1 and 00.3


def solution(source):
    return new_code_cell(f"{IGNORE}\n{BEGIN}\n{source}\n{END}", metadata=TAGS)


def call(number):
    return f'check("{number}", {answer_name(number)})'


def asked(number="00.1"):
    return new_code_cell(f'ask("{number}")', outputs=[new_output("stream", text="old")])


def stub(number="00.1"):
    return new_code_cell(f"{answer_name(number)} = ...  # your answer here\n{call(number)}")


def solved(number="00.1", answer=FIRST):
    return solution(f"{answer_name(number)} = {answer}\n{call(number)}")


def lesson():
    """Two exercises in a lesson that imports more than they use."""
    return new_notebook(
        cells=[
            new_markdown_cell("# A lesson"),
            new_code_cell(IMPORTS, execution_count=7),
            new_markdown_cell("Solutions are folded away.", metadata=TAGS),
            new_code_cell("half = 1\nother = 2\ngiven = 2 * half"),
            asked(),
            stub(),
            solved(),
            asked("00.3"),
            stub("00.3"),
            solution(f"given = round(log(8))\n{answer_name('00.3')} = {SECOND}\n{call('00.3')}"),
            new_code_cell("print(pi)"),
        ],
        metadata={"widgets": {"state": {}}},
    )


def write(folder, notebook, name="01_lesson.ipynb"):
    folder.mkdir(exist_ok=True)
    nbformat.write(notebook, folder / name)
    return folder


def said(notebook):
    """What its cells print about exercises, run in order in one namespace."""
    names: dict[str, object] = {}
    with contextlib.redirect_stdout(io.StringIO()) as out:
        for cell in notebook.cells:
            if cell.cell_type == "code":
                exec(cell.source, names)
    return re.findall(r"^Exercise (00\.\d: [\w ]+)\.", out.getvalue(), re.MULTILINE)


RIGHT = ["00.1: right", "00.3: right"]
OPEN = ["00.1: not yet answered", "00.3: not yet answered"]


def test_a_copy_keeps_the_lesson_and_drops_its_solutions():
    notebook = lesson()
    before = json.dumps(notebook)
    copy = student_version(notebook, "lesson")
    assert json.dumps(notebook) == before, "the notebook given stays as it is"
    kept = [cell.source for cell in notebook.cells if "tags" not in cell.metadata]
    assert [cell.source for cell in copy.cells] == kept
    code = [cell for cell in copy.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert "solution" not in json.dumps(copy).lower() and "widgets" not in copy.metadata
    assert said(copy) == OPEN
    assert said(notebook) == [OPEN[0], RIGHT[0], OPEN[1], RIGHT[1]]


@pytest.mark.parametrize("exercises_only", [False, True])
def test_nbgrader_gets_answers_and_locked_tests(exercises_only):
    version = student_version(lesson(), "01.ipynb", True, exercises_only)
    marked = [cell for cell in version.cells if "nbgrader" in cell.metadata]
    if exercises_only:  # the imports, which a hand-in gets back
        imports, *marked = marked
        assert imports.metadata.nbgrader.grade_id == "imports" and imports.metadata.nbgrader.locked
    ids = [cell.metadata.nbgrader.grade_id for cell in marked]
    assert ids == ["answer_00_1", "test_answer_00_1", "answer_00_3", "test_answer_00_3"]
    for answer, test in zip(marked[::2], marked[1::2], strict=True):
        assert answer.metadata.nbgrader.solution and not answer.metadata.nbgrader.locked
        assert test.metadata.nbgrader.grade and test.metadata.nbgrader.locked
        assert test.metadata.nbgrader.points == 1
    text, region = marked[0].source, f"{BEGIN}\nanswer_00_1 = {FIRST}\n{END}\n"
    assert text.replace(region, "") == stub().source
    assert said(version) == RIGHT
    marked[0].source = f"answer_00_1 = 0\n{call('00.1')}"
    with pytest.raises(AssertionError, match="Exercise 00.1: not right"):
        said(version)


def test_a_sheet_has_the_lessons_name_the_imports_that_it_needs_and_exercises():
    cells = lesson().cells
    sheet = student_version(lesson(), "01_lesson.ipynb", exercises_only=True)
    title, *rest = (cell.source for cell in sheet.cells)
    assert title == f"# Exercises: A lesson\n\n{student.NOTATION}"
    assert rest == [EXERCISES_ONLY, *(cells[i].source for i in (4, 5, 7, 8))]


def test_no_question_or_hint_needs_what_is_not_on_its_sheet():
    elsewhere = r"\b(?:panel|drawing|cell|box|figure|printed|bill|this lesson|above\W*[,.:])"
    for number, exercise in EXERCISES.items():
        if number not in LEVELS:
            assert not re.findall(elsewhere, " ".join([exercise.question, *exercise.hints])), number


def test_the_command_writes_what_it_says(tmp_path, capsys):
    source = write(tmp_path / "lessons", lesson())
    write(source / "further", lesson(), "01_more.ipynb")
    expected = {
        "": ["01_lesson.ipynb", "further/01_more.ipynb"],
        "--for nbgrader": [
            "nbgrader_config.py",
            "source/01_lesson/01_lesson.ipynb",
            "source/01_more/01_more.ipynb",
        ],
    }
    for words, names in expected.items():
        out = tmp_path / f"out{words}"
        command = ["student", str(out), "--notebooks", str(source), *words.split()]
        assert main(command) == 0
        files = sorted(path for path in out.rglob("*") if path.is_file())
        assert [path.relative_to(out).as_posix() for path in files] == names
        assert ("WITH their solutions" in capsys.readouterr().out) == bool(words)
        files[-1].write_text("my answers")
        assert main(command) == 2
        assert "OUT_DIR already holds" in capsys.readouterr().err
        assert files[-1].read_text() == "my answers"


def test_lessons_are_not_overwritten_nor_missed(tmp_path):
    source = write(tmp_path / "notebooks", lesson())
    for target in (source, source / "students", tmp_path / "x" / ".." / "notebooks"):
        with pytest.raises(ValueError, match="^out_dir"):
            student.write_student_versions(source, target)
    with pytest.raises(FileNotFoundError, match="^notebooks_dir"):
        student.write_student_versions(tmp_path, tmp_path / "out")
    write(source, new_notebook(cells=[new_code_cell("x = = 1")]), "02_bad.ipynb")
    with pytest.raises(ValueError, match="02_bad.ipynb, cell 1"):
        student.write_student_versions(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


UNTAGGED = new_code_cell(f"{BEGIN}\nanswer_00_1 = 1\n{call('00.1')}\n{END}")
NO_END = new_code_cell(f"{IGNORE}\n{BEGIN}\n{call('00.1')}", metadata=TAGS)
UNNAMED = "answer = 3\ncheck('00.1', answer)".replace("'", '"')
HIDDEN = solution(f"import statistics\nanswer_00_1 = 1\n{call('00.1')}")


@pytest.mark.parametrize(
    "cells, words",
    [
        ([asked(), stub(), UNTAGGED], "cell 3: a solution must be a code cell with the tag"),
        ([asked(), stub(), NO_END], "cell 3: all of a solution must stand between"),
        ([solved()], "must end in the same call"),
        ([asked(), stub("00.3"), solved()], "must end in the same call"),
        ([asked(), new_code_cell(UNNAMED), solution(UNNAMED)], "must end in the same call"),
        ([asked("00.3"), stub(), solved()], 'must be ask."00.1"'),
        ([new_code_cell('given = 1\nask("00.1")'), stub(), solved()], 'must be ask."00.1"'),
        (
            [asked(), stub(), solved(), new_code_cell("def f():\n    return answer_00_1")],
            "cell 4: uses answer_00_1",
        ),
        ([asked(), stub(), HIDDEN, new_code_cell("statistics.mean")], "uses statistics.*or import"),
    ],
)
def test_a_broken_rule_is_named_with_its_cell(cells, words):
    with pytest.raises(ValueError, match=words) as error:
        student_version(new_notebook(cells=cells), "04.ipynb")
    assert str(error.value).startswith("04.ipynb, cell ")


# --- the notebooks of the course ------------------------------------------------------------------

LESSONS = {path.stem: nbformat.read(path, as_version=4) for path in NOTEBOOKS}
WITH = {stem: nb for stem, nb in LESSONS.items() if any(map(is_solution, nb.cells))}


def exercises_of(notebook):
    """The numbers of the exercises that its solutions check, in order."""
    sources = "\n".join(cell.source for cell in notebook.cells if is_solution(cell))
    return re.findall(r'^check\("([\w.]+)"', sources, re.MULTILINE)


def test_every_exercise_stands_in_one_notebook_of_its_lesson():
    found = [(n, stem) for stem, notebook in LESSONS.items() for n in exercises_of(notebook)]
    numbers = sorted(n for n, _ in found if n not in LEVELS)
    assert numbers == [n for n in EXERCISES if n not in LEVELS]
    assert all(n in LEVELS or n[:2] == stem[:2] for n, stem in found)


@pytest.mark.parametrize("stem", WITH)
def test_solutions_are_folded_and_right_and_need_only_the_imports(stem):
    """Stored outputs, which nbval compares with a run, say so too."""
    cells = WITH[stem].cells
    solutions = [index for index, cell in enumerate(cells) if is_solution(cell)]
    assert all(cells[index].metadata["jupyter"]["source_hidden"] for index in solutions)
    stored = ["".join(out.get("text", "") for out in cells[index].outputs) for index in solutions]
    numbers = exercises_of(WITH[stem])
    assert stored == [f"Exercise {number}: right.\n" for number in numbers]

    lesson = [cell.source for cell in cells if cell.cell_type == "code" and not is_solution(cell)]
    nodes = [node for source in lesson for node in ast.parse(student._python(source)).body]
    imports = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    for number, index in zip(numbers, solutions, strict=True):
        for cell, verdict in ((cells[index - 1], "not yet answered."), (cells[index], "right.")):
            names: dict[str, object] = {}
            exec(compile(ast.Module(imports, []), stem, "exec"), names)
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(cell.source, names)
            assert out.getvalue().startswith(f"Exercise {number}: {verdict}")


@pytest.mark.parametrize("exercises_only", [False, True])
@pytest.mark.parametrize("nbgrader", [False, True])
@pytest.mark.parametrize("stem", WITH)
def test_students_get_no_word_of_a_solution(stem, nbgrader, exercises_only):
    version = student_version(WITH[stem], stem, nbgrader, exercises_only)
    text = "\n".join(cell.source for cell in version.cells)
    if nbgrader:  # it takes that out
        text = re.sub(f"{BEGIN}.*?{END}", "", text, flags=re.DOTALL)
    shown = "\n".join(cell.source for cell in WITH[stem].cells if not is_solution(cell))
    solutions = "\n".join(cell.source for cell in WITH[stem].cells if is_solution(cell))
    telling = [line for line in solutions.splitlines() if len(line) > 12 and line not in shown]
    assert telling and not [line for line in telling if line in text]
    assert "BEGIN SOLUTION" not in text and "folded away" not in text


@pytest.mark.parametrize("stem", WITH)
def test_a_sheet_defines_what_it_uses(stem):
    """Before it is used, and imports no more: no stub or solution misses a name of the lesson."""
    cells = student_version(WITH[stem], stem, True, True).cells
    imports, *sources = [cell.source for cell in cells if cell.cell_type == "code"]
    imported, _ = student._names(imports)
    bound, needed = {*dir(builtins)} | imported, set()
    for source in sources:
        for statement in ast.parse(source).body:
            made, used = student._names(ast.unparse(statement))
            assert used <= bound | made, (source, used - bound - made)
            bound, needed = bound | made, needed | used
    assert imported <= needed


def test_a_hidden_test_draws_from_its_own_seed():
    seen = []
    for seed in (1, 1, 2, 0):  # that of `check` is 0
        lab.mark("15.1", lambda t, levels: seen.append((levels, *t.tolist())), {}, seed)
    assert seen[0] == seen[1] and len({*seen}) == 3
