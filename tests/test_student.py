"""Student versions: solutions and outputs gone, every stub reported, nothing crashes or lost."""

import ast
import contextlib
import io
import json
import re
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from diffenc_lite.__main__ import main
from diffenc_lite.course.exercises import EXERCISES, cells
from diffenc_lite.course.exercises.forms import answer_name
from diffenc_lite.course.exercises.levels import LEVELS
from diffenc_lite.course.exercises.student import (
    BEGIN,
    END,
    GRADERS,
    IGNORE,
    is_solution,
    student_version,
    write_student_versions,
)
from diffenc_lite.course.lessons import notebooks_in

# Exercises for the lessons made here: a formula answered by SymPy, one by a function, a number.
OWN = """
from diffenc_lite.course.exercises import Exercise, Formula, Number, register

register(
    Exercise("T.1", "", Formula({"sigma": (0.1, 0.9)}), "1 + sigma**2", "a hint"),
    Exercise("T.2", "", Formula({"step": (1e-12, 10.0)}), "1 - exp(-step)", "a hint"),
    Exercise("T.3", "", Number(), lambda: 13.3 / 18.3, "a hint"),
)
"""


@pytest.fixture(autouse=True)
def own_exercises(monkeypatch):
    """Known here too, since a version for a grader has their points."""
    known = dict(EXERCISES)
    monkeypatch.setattr("diffenc_lite.course.exercises.registry.EXERCISES", known)
    exec(OWN, {})


def solution(source: str):
    metadata = {"tags": ["solution"], "jupyter": {"source_hidden": True}}
    return new_code_cell(f"{IGNORE}\n{BEGIN}\n{source}\n{END}", metadata=metadata)


def asked(number: str = "T.1"):
    return new_code_cell(f'ask("{number}")', outputs=[new_output("stream", text="old")])


def stub(number: str = "T.1"):
    name = answer_name(number)
    return new_code_cell(f'{name} = ...  # your answer here\ncheck("{number}", {name})')


def solved(number: str = "T.1", answer: str = "1 + sigma**2"):
    name = answer_name(number)
    return solution(f'{name} = {answer}\ncheck("{number}", {name})')


def lesson():
    """A formula answered by SymPy, one by a function, a number; and a lesson that goes on after."""
    return new_notebook(
        cells=[
            new_markdown_cell("# A lesson"),
            new_code_cell(
                "import sympy as sp\nfrom diffenc_lite.course.exercises import ask, check\n"
                "sigma = sp.Symbol('sigma')\n" + OWN
            ),
            new_markdown_cell("Solutions are folded away.", metadata={"tags": ["solution"]}),
            asked("T.1"),
            stub("T.1"),
            solved("T.1", 'sp.Symbol("sigma")**2 + 1'),
            asked("T.2"),
            new_code_cell(
                'def answer_T_2(step):\n    ...  # your code here\n\n\ncheck("T.2", answer_T_2)',
                execution_count=7,
            ),
            solution(
                "import math\n\n\ndef answer_T_2(step):\n    return -math.expm1(-step)\n\n\n"
                'check("T.2", answer_T_2)'
            ),
            asked("T.3"),
            stub("T.3"),
            solved("T.3", "13.3 / 18.3"),
            new_code_cell("power = 2\nprint(sigma**power)"),
        ],
        metadata={"widgets": {"state": {}}},
    )


def write(folder, notebook, name="01_lesson.ipynb"):
    folder.mkdir(exist_ok=True)
    nbformat.write(notebook, folder / name)
    return folder


def printed(notebook) -> list[str]:
    """All lines that the cells print when run in order. (One print may arrive in two pieces.)"""
    NotebookClient(notebook, kernel_name="python3", timeout=120).execute()
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", [])]
    return "".join(out.text for out in outputs if out.get("name") == "stdout").splitlines()


def test_lesson_and_student_version_both_run(tmp_path):
    """In one the checks are all right after their stubs; in the other every stub is reported."""
    source = write(tmp_path / "notebooks", lesson())
    (path,) = write_student_versions(source, tmp_path / "students")
    student = nbformat.read(path, as_version=4)
    expected = []
    for number in ("T.1", "T.2", "T.3"):
        expected.append(f"Exercise {number}: not yet answered.")
    found = printed(student)
    assert [line[: len(start)] for line, start in zip(found, expected, strict=False)] == expected
    assert found[3:] == ["sigma**2"]

    found = printed(lesson())
    assert [line for line in found if line.endswith("right.")] == [
        f"Exercise {number}: right." for number in ("T.1", "T.2", "T.3")
    ]
    assert len(found) == 7


def test_student_version_keeps_the_lesson_and_drops_the_rest():
    notebook = lesson()
    before = json.dumps(notebook)
    student = student_version(notebook, "lesson")
    assert json.dumps(notebook) == before, "the notebook given stays as it is"
    kept = [cell for cell in notebook.cells if "solution" not in cell.metadata.get("tags", [])]
    assert [cell.source for cell in student.cells] == [cell.source for cell in kept]
    assert [cell.id for cell in student.cells] == [cell.id for cell in kept]
    code = [cell for cell in student.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert "solution" not in json.dumps(student).lower() and "widgets" not in student.metadata


def test_all_notebooks_are_written_by_their_names(tmp_path):
    source = write(write(tmp_path / "a", lesson(), "b.ipynb"), lesson(), "a.ipynb")
    written = write_student_versions(str(source), str(tmp_path / "deep" / "out"))
    assert [path.name for path in written] == ["a.ipynb", "b.ipynb"]
    for path in written:
        nbformat.validate(nbformat.read(path, as_version=4))


def test_command_line(tmp_path, capsys):
    source, out = write(tmp_path / "lessons", lesson()), tmp_path / "out"
    command = ["student", str(out), "--notebooks", str(source)]
    assert main(command) == 0
    assert capsys.readouterr().out == f"{out}: 1 notebooks without solutions and outputs\n"
    assert not any(map(is_solution, nbformat.read(out / "01_lesson.ipynb", as_version=4).cells))
    assert main(command) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: out_dir already holds 01_lesson.ipynb")
    assert error.count("\n") == 1


# --- what is refused, before anything is written --------------------------------------------------


def test_source_folder_is_not_overwritten(tmp_path):
    source = write(tmp_path / "notebooks", lesson())
    before = (source / "01_lesson.ipynb").read_bytes()
    for target in (source, source / "students", tmp_path / "x" / ".." / "notebooks"):
        with pytest.raises(ValueError, match="out_dir must lie outside"):
            write_student_versions(source, target)
    assert [path.name for path in source.iterdir()] == ["01_lesson.ipynb"]
    assert (source / "01_lesson.ipynb").read_bytes() == before


def test_answers_of_students_are_not_overwritten(tmp_path):
    source, out = write(tmp_path / "notebooks", lesson()), tmp_path / "out"
    write(source, lesson(), "02_more.ipynb")
    out.mkdir()
    (out / "02_more.ipynb").write_text("my answers")
    with pytest.raises(FileExistsError, match="02_more.ipynb"):
        write_student_versions(source, out)
    assert (out / "02_more.ipynb").read_text() == "my answers"
    assert not (out / "01_lesson.ipynb").exists()


def test_missing_folders_and_files_in_the_way(tmp_path):
    for folder in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(FileNotFoundError, match="must hold notebooks"):
            write_student_versions(folder, tmp_path / "out")
    source = write(tmp_path / "notebooks", lesson())
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileExistsError, match="is a file"):
        write_student_versions(source, tmp_path / "file")


@pytest.mark.parametrize("content", [b"not json", b"{}", b"\xff\xfe\x00", b'{"nbformat": 4}', b"3"])
def test_a_damaged_notebook_is_named_and_nothing_written(tmp_path, content):
    source = write(tmp_path / "notebooks", lesson())
    (source / "02_bad.ipynb").write_bytes(content)
    with pytest.raises(ValueError, match="02_bad.ipynb is not a notebook"):
        write_student_versions(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


UNTAGGED = new_code_cell(f'{BEGIN}\nanswer_T_1 = 1\ncheck("T.1", answer_T_1)\n{END}')
TAGS = {"tags": ["solution"]}
NO_END = new_code_cell(f'{IGNORE}\n{BEGIN}\ncheck("T.1", answer_T_1)', metadata=TAGS)
BARE = new_code_cell('check("T.1", answer_T_1)', metadata=TAGS)
MORE = new_code_cell(f'{solved().source}\ncheck("T.1", answer_T_1)', metadata=TAGS)
READ = new_code_cell(solved().source.removeprefix(f"{IGNORE}\n"), metadata=TAGS)
EMPTY = new_code_cell("", metadata=TAGS)
TEXT = new_markdown_cell(f"{BEGIN}\nsee the book\n{END}", metadata=TAGS)


@pytest.mark.parametrize(
    "cells, words",
    [
        ([asked(), stub(), UNTAGGED], "cell 3: a solution must be a code cell with the tag"),
        ([asked(), stub(), TEXT], "cell 3: a solution must be a code cell"),
        ([asked(), stub(), NO_END], "cell 3: all of a solution must stand between"),
        ([asked(), stub(), BARE], "all of a solution must stand between"),
        ([asked(), stub(), MORE], "all of a solution must stand between"),
        ([asked(), stub(), READ], "after the line `# Ignore this cell"),
        ([asked(), stub(), EMPTY], "all of a solution must stand between"),
        ([solved()], "its stub, must each end in a call"),
        ([new_markdown_cell("Think."), solved()], "must each end in a call"),
        ([asked(), new_code_cell("answer_T_1 = ..."), solved()], "the stub checks nothing"),
        ([asked(), stub("T.2"), solved("T.1")], "the stub checks T.2, the solution T.1"),
        ([asked(), stub(), solution("answer_T_1 = 3")], "the solution nothing"),
        ([asked(), stub(), solution('check("T.1", 3)')], "the solution nothing"),
        ([asked(), stub(), solution('answer = 3\ncheck("T.1", answer)')], "the solution nothing"),
        (
            [asked(), stub(), solution('check("T.1", answer_T_1)\nanswer_T_1 = 3')],
            "the solution nothing",
        ),
        ([stub(), solved()], 'no cell before it has ask."T.1"'),
        ([asked("T.2"), stub(), solved()], 'no cell before it has ask."T.1"'),
        (
            [asked(), stub(), solved(), new_code_cell("print(answer_T_1)")],
            "cell 4: uses answer_T_1, last bound",
        ),
        (
            [
                new_code_cell("answer_T_1 = 2"),
                asked(), stub(), solved(),
                new_code_cell("f(1, [answer_T_1])"),
            ],
            "cell 5: uses answer_T_1",
        ),
        (
            [asked(), stub(), solved(), new_code_cell("def f():\n    return answer_T_1")],
            "cell 4: uses answer_T_1",
        ),
        (
            [
                asked(),
                stub(),
                solution('import math\nanswer_T_1 = 1\ncheck("T.1", answer_T_1)'),
                new_code_cell("math.pi"),
            ],
            "uses math.*(or import)",
        ),
        ([new_code_cell("x = = 1")], "cell 1: not Python"),
    ],
)  # fmt: skip
def test_a_broken_rule_is_named_with_its_cell(cells, words):
    with pytest.raises(ValueError, match=words) as error:
        student_version(new_notebook(cells=cells), "04.ipynb")
    assert str(error.value).startswith("04.ipynb, cell ")


@pytest.mark.parametrize(
    "source",
    [
        "answer_T_1 = 2\nprint(answer_T_1)",
        "def f(answer_T_1):\n    return answer_T_1",
        "[answer_T_1 for answer_T_1 in range(3)]",
        "%matplotlib inline\nx = 1",
        "!echo hello",
        'check("T.1", 3)  # a wrong answer, to see what is said',
    ],
)
def test_what_a_lesson_may_do_after_an_exercise(source):
    cells = [asked(), stub(), solved(), new_code_cell(source)]
    assert len(student_version(new_notebook(cells=cells), "04.ipynb").cells) == 3


def test_a_name_is_free_again_once_a_lesson_cell_has_bound_it():
    again = new_code_cell("answer_T_1 = 2"), new_code_cell("print(answer_T_1)")
    cells = [asked(), stub(), solved(), *again]
    assert len(student_version(new_notebook(cells=cells), "04.ipynb").cells) == 4


# --- for graders, and exercises alone -------------------------------------------------------------


def test_nbgrader_gets_ids_points_and_tests_that_assert():
    version = student_version(lesson(), "01.ipynb", "nbgrader")
    marked = [cell for cell in version.cells if "nbgrader" in cell.metadata]
    ids = [cell.metadata.nbgrader.grade_id for cell in marked]
    names = ["answer_T_1", "answer_T_2", "answer_T_3"]
    assert ids == [prefix + name for name in names for prefix in ("", "test_")]
    for answer, test in zip(marked[::2], marked[1::2], strict=True):
        assert answer.metadata.nbgrader.solution and not answer.metadata.nbgrader.locked
        assert test.metadata.nbgrader.grade and test.metadata.nbgrader.locked
        assert test.metadata.nbgrader.points == 1
        assert f", {answer.metadata.nbgrader.grade_id})" in test.source
        assert "assert verdict.right" in test.source
    first, *region, last = marked[0].source.split("### ")
    assert first + last.removeprefix("END SOLUTION\n") == stub("T.1").source + ""
    assert region == ['BEGIN SOLUTION\nanswer_T_1 = sp.Symbol("sigma")**2 + 1\n']


def test_what_graders_get_runs_with_every_answer_right(tmp_path):
    for grader in ("nbgrader", "otter"):
        version = student_version(lesson(), "01.ipynb", grader)
        assert "folded away" not in json.dumps(version)
        version.cells = [cell for cell in version.cells if cell.cell_type != "raw"]
        assert [line for line in printed(version) if line.startswith("Exercise")] == [
            f"Exercise {number}: right." for number in ("T.1", "T.2", "T.3")
        ]


def test_otter_gets_questions_with_points():
    version = student_version(lesson(), "01_lesson.ipynb", "otter")
    raw = [cell.source for cell in version.cells if cell.cell_type == "raw"]
    assert raw[0].startswith("# ASSIGNMENT CONFIG\nname: 01_lesson\n")
    assert raw[1] == "# BEGIN QUESTION\nname: q_T_1\npoints: 1\ncheck_cell: false"
    assert [len(raw), raw[2:6]] == [
        1 + 3 * 6,
        ["# BEGIN SOLUTION", "# END SOLUTION", "# BEGIN TESTS", "# END TESTS"],
    ]


def test_exercises_alone_are_imports_questions_and_stubs():
    sheet = student_version(lesson(), "01_lesson.ipynb", exercises_only=True)
    assert [cell.source for cell in sheet.cells] == [
        "# Exercises of 01_lesson",
        "import sympy as sp\n"
        "from diffenc_lite.course.exercises import ask, check\n"
        "from diffenc_lite.course.exercises import Exercise, Formula, Number, register\n"
        "import math",
        asked("T.1").source,
        stub("T.1").source,
        asked("T.2").source,
        lesson().cells[7].source,
        asked("T.3").source,
        stub("T.3").source,
    ]
    bare = new_notebook(cells=[new_markdown_cell("# No exercises")])
    assert student_version(bare, "14.ipynb", exercises_only=True) is None


def test_each_grader_has_its_folders(tmp_path, capsys):
    source = write(tmp_path / "lessons", lesson())
    expected = {
        "plain": ["01_lesson.ipynb"],
        "nbgrader": ["nbgrader_config.py", "source/01_lesson/01_lesson.ipynb"],
        "otter": ["source/01_lesson.ipynb"],
    }
    for grader in GRADERS:
        out = tmp_path / grader
        assert main(["student", str(out), "--notebooks", str(source), "--for", grader]) == 0
        files = sorted(path for path in out.rglob("*") if path.is_file())
        assert [path.relative_to(out).as_posix() for path in files] == expected[grader]
        said = capsys.readouterr().out
        assert ("WITH their solutions" in said) == (grader != "plain")
        with pytest.raises(FileExistsError):
            write_student_versions(source, out, grader)
    with pytest.raises(ValueError, match="grader must be one of plain, nbgrader, otter; got 'x'"):
        write_student_versions(source, tmp_path / "x", "x")


# --- the notebooks of the course ------------------------------------------------------------------

LESSONS = notebooks_in(Path(__file__).parent.parent / "notebooks")


def exercises_of(notebook) -> list[str]:
    """The numbers of the exercises that its solutions check, in order."""
    sources = "\n".join(cell.source for cell in notebook.cells if is_solution(cell))
    return re.findall(r'^check\("([\w.]+)"', sources, re.MULTILINE)


def test_every_exercise_stands_in_one_notebook():
    found = [n for path in LESSONS for n in exercises_of(nbformat.read(path, as_version=4))]
    assert sorted(set(found) - set(LEVELS)) == [n for n in EXERCISES if n not in LEVELS]
    assert len(found) == len(set(found))


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_exercises_of_the_notebooks(path):
    """Stored outputs, which nbval compares with a run, say that every solution is right. Stubs and
    solutions run after the imports of the lesson alone."""
    notebook = nbformat.read(path, as_version=4)
    solutions = [index for index, cell in enumerate(notebook.cells) if is_solution(cell)]
    own = exercises_of(notebook)
    assert all(n.startswith(path.stem[:2] + ".") or n in LEVELS for n in own)
    stored = [
        "".join(out.get("text", "") for out in notebook.cells[index].outputs) for index in solutions
    ]
    assert stored == [f"Exercise {number}: right.\n" for number in own]

    cells = [
        cell.source for cell in notebook.cells if cell.cell_type == "code" and not is_solution(cell)
    ]
    code = [ast.parse(TransformerManager().transform_cell(source)) for source in cells]
    nodes = [node for tree in code for node in tree.body]
    imports = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    for number, index in zip(own, solutions, strict=True):
        for cell, verdict in (
            (notebook.cells[index - 1], "not yet answered."),
            (notebook.cells[index], "right."),
        ):
            names: dict[str, object] = {}
            exec(compile(ast.Module(imports, []), path.name, "exec"), names)
            with contextlib.redirect_stdout(io.StringIO()) as said:
                exec(cell.source, names)
            assert said.getvalue().startswith(f"Exercise {number}: {verdict}")


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_students_get_no_solution_and_no_word_of_one(path):
    notebook = nbformat.read(path, as_version=4)
    for exercises_only in (False, True):
        student = student_version(notebook, path.name, exercises_only=exercises_only)
        if student is None:
            continue
        text = "\n".join(cell.source for cell in student.cells)
        for cell in filter(is_solution, notebook.cells):
            lines = [line.strip() for line in cell.source.splitlines()]
            telling = [line for line in lines if len(line) > 12 and "check(" not in line]
            assert not [line for line in telling if line.startswith("answer_") and line in text]
        for words in (
            "BEGIN SOLUTION",
            "folded away",
            "hidden cell",
            "a solution is",
            "solution below",
        ):
            assert words not in text


@pytest.mark.parametrize(
    "path", notebooks_in(Path(__file__).parent.parent / "notebooks"), ids=lambda path: path.stem
)
def test_a_sheet_defines_what_it_uses(path):
    """Before it is used: no question, stub or solution of any sheet misses a name of the lesson."""
    notebook = nbformat.read(path, as_version=4)
    sheet = student_version(notebook, path.name, "nbgrader", exercises_only=True)
    if sheet is None:
        pytest.skip("no exercises in it")
    bound = {"answer", *dir(__builtins__), *__builtins__}
    for cell in sheet.cells:
        if cell.cell_type == "code":
            for statement in cells.statements(cells.python(cell.source)):
                made, used = cells.names(statement)
                assert used <= bound | made, (cell.source, used - bound - made)
                bound |= made
