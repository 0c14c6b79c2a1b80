"""Student versions: solutions and outputs gone, every stub reported, nothing crashes or lost."""

import ast
import contextlib
import io
import json
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from diffenc_lite.__main__ import main
from diffenc_lite.course.exercises import EXERCISES
from diffenc_lite.course.exercises.student import (
    BEGIN,
    END,
    is_solution,
    student_version,
    write_student_versions,
)


def solution(source: str):
    metadata = {"tags": ["solution"], "jupyter": {"source_hidden": True}}
    return new_code_cell(f"{BEGIN}\n{source}\n{END}", metadata=metadata)


def stub(number: str = "04.4"):
    return new_code_cell(f'answer = ...  # your answer here\ncheck("{number}", answer)')


def solved(number: str = "04.4", answer: str = "1 + sigma**2"):
    return solution(f'answer = {answer}\ncheck("{number}", answer)')


def lesson():
    """A formula answered by SymPy, one by a function, a number; and a lesson that goes on after."""
    return new_notebook(
        cells=[
            new_markdown_cell("# A lesson"),
            new_code_cell(
                "import sympy as sp\nfrom diffenc_lite.course.exercises import ask, check\n"
                "sigma = sp.Symbol('sigma')"
            ),
            new_code_cell('ask("04.4")', outputs=[new_output("stream", text="old")]),
            stub(),
            solved(),
            new_code_cell(
                'def c(step):\n    ...  # your code here\n\ncheck("01.2", c)', execution_count=7
            ),
            solution(
                "import math\ndef c(step):\n    return -math.expm1(-step)\n\ncheck('01.2', c)"
            ),
            stub("00.2"),
            solved("00.2", "13.3 / 18.3"),
            new_code_cell("answer = 2\nprint(sigma**answer)"),
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
    for number in ("04.4", "01.2", "00.2"):
        expected.append(f"Exercise {number}: not yet answered.")
    found = printed(student)
    assert [line[: len(start)] for line, start in zip(found, expected, strict=False)] == expected
    assert found[3:] == ["sigma**2"]

    found = printed(lesson())
    assert [line for line in found if line.endswith("right.")] == [
        f"Exercise {number}: right." for number in ("04.4", "01.2", "00.2")
    ]
    assert len(found) == 7


def test_student_version_keeps_the_lesson_and_drops_the_rest():
    notebook = lesson()
    before = json.dumps(notebook)
    student = student_version(notebook, "lesson")
    assert json.dumps(notebook) == before, "the notebook given stays as it is"
    kept = [cell for cell in notebook.cells if not is_solution(cell)]
    assert [cell.source for cell in student.cells] == [cell.source for cell in kept]
    assert [cell.id for cell in student.cells] == [cell.id for cell in kept]
    code = [cell for cell in student.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert "SOLUTION" not in json.dumps(student) and "widgets" not in student.metadata


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


UNTAGGED = new_code_cell(f'{BEGIN}\nanswer = 1\ncheck("04.4", answer)\n{END}')
NO_END = new_code_cell(f'{BEGIN}\ncheck("04.4", 1)', metadata={"tags": ["solution"]})
BARE = new_code_cell('check("04.4", 1)', metadata={"tags": ["solution"]})
MORE = new_code_cell(
    f'{BEGIN}\nanswer = 1\n{END}\ncheck("04.4", answer)', metadata={"tags": ["solution"]}
)
EMPTY = new_code_cell("", metadata={"tags": ["solution"]})
TEXT = new_markdown_cell(f"{BEGIN}\nsee the book\n{END}", metadata={"tags": ["solution"]})


@pytest.mark.parametrize(
    "cells, words",
    [
        ([stub(), UNTAGGED], "cell 2: a solution must have the tag"),
        ([stub(), NO_END], "cell 2: all of a solution must stand between"),
        ([stub(), BARE], "all of a solution must stand between"),
        ([stub(), MORE], "all of a solution must stand between"),
        ([stub(), EMPTY], "all of a solution must stand between"),
        ([stub(), TEXT], "must be a code cell"),
        ([solved()], "its stub, must each call check once"),
        ([new_markdown_cell("Think."), solved()], "must each call check once"),
        ([new_code_cell("answer = ..."), solved()], "must each call check once"),
        ([stub("04.1"), solved("04.4")], r"the stub checks \[\"'04.1'\"\], the solution"),
        ([stub(), solution("answer = 3")], "must each call check once"),
        ([stub(), solved(), new_code_cell("print(answer)")], "cell 3: uses answer, last bound"),
        (
            [new_code_cell("answer = 2"), stub(), solved(), new_code_cell("f(1, [answer])")],
            "cell 4: uses answer",
        ),
        (
            [stub(), solved(), new_code_cell("def f():\n    return answer")],
            "cell 3: uses answer",
        ),
        (
            [stub(), solution('import math\ncheck("04.4", 1)'), new_code_cell("math.pi")],
            "uses math.*(or import)",
        ),
        ([new_code_cell("x = = 1")], "cell 1: not Python"),
    ],
)
def test_a_broken_rule_is_named_with_its_cell(cells, words):
    with pytest.raises(ValueError, match=words) as error:
        student_version(new_notebook(cells=cells), "04.ipynb")
    assert str(error.value).startswith("04.ipynb, cell ")


@pytest.mark.parametrize(
    "source",
    [
        "answer = 2\nprint(answer)",
        "def f(answer):\n    return answer",
        "[answer for answer in range(3)]",
        "%matplotlib inline\nx = 1",
        "!echo hello",
        'check("04.4", 3)  # a wrong answer, to see what is said',
    ],
)
def test_what_a_lesson_may_do_after_an_exercise(source):
    cells = [stub(), solved(), new_code_cell(source)]
    assert len(student_version(new_notebook(cells=cells), "04.ipynb").cells) == 2


def test_a_name_is_free_again_once_a_lesson_cell_has_bound_it():
    cells = [stub(), solved(), new_code_cell("answer = 2"), new_code_cell("print(answer)")]
    assert len(student_version(new_notebook(cells=cells), "04.ipynb").cells) == 3


# --- the notebooks of the course ------------------------------------------------------------------

LESSONS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_exercises_of_the_notebooks(path):
    """All exercises of the registry, in order; stored outputs, which nbval compares with a run, say
    that every solution is right; and every stub is reported when run, with the lesson's imports."""
    notebook = nbformat.read(path, as_version=4)
    student = student_version(notebook, path.name)
    solutions = [index for index, cell in enumerate(notebook.cells) if is_solution(cell)]
    own = [number for number in EXERCISES if number.startswith(path.stem[:2] + ".")]
    stored = [
        "".join(out.get("text", "") for out in notebook.cells[index].outputs) for index in solutions
    ]
    assert stored == [f"Exercise {number}: right.\n" for number in own]

    cells = [cell.source for cell in student.cells if cell.cell_type == "code"]
    code = [ast.parse(TransformerManager().transform_cell(source)) for source in cells]
    nodes = [node for tree in code for node in tree.body]
    imports = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    names: dict[str, object] = {}
    exec(compile(ast.Module(imports, []), path.name, "exec"), names)
    for number, index in zip(own, solutions, strict=True):
        with contextlib.redirect_stdout(io.StringIO()) as said:
            exec(notebook.cells[index - 1].source, names)
        assert said.getvalue().startswith(f"Exercise {number}: not yet answered.")
