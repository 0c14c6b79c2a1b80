"""A lesson through nbgrader and otter-grader themselves: what students get, and their scores."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from hand_ins import answered, solutions

from diffenc_lite.course.exercises import EXERCISES
from diffenc_lite.course.exercises.student import (
    is_solution,
    student_version,
    write_student_versions,
)
from diffenc_lite.course.lessons import notebooks_in

missing = [name for name in ("nbgrader", "otter") if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(
    bool(missing),
    reason=f"{' and '.join(missing)} not installed: pip install -e '.[coursework]'",
)

ROOT = Path(__file__).resolve().parent.parent
NAME = "06_the_noise_variance_ratio"
LESSON = nbformat.read(ROOT / "notebooks" / f"{NAME}.ipynb", as_version=4)
SOLUTIONS = solutions(LESSON)
NAMES = list(SOLUTIONS)
LESSONS = notebooks_in(ROOT / "notebooks")


def call(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    beside = str(Path(sys.executable).parent)  # nbgrader calls another program that lies there
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=cwd, capture_output=True, text=True, timeout=600,
        env={**os.environ, "PATH": beside + os.pathsep + os.environ["PATH"]},
    )  # fmt: skip


def run(*command: str, cwd: Path) -> str:
    """What a command says; it must end well."""
    done = call(*command, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


# What is handed in, with the points of each exercise. A crash costs only its own point.
CLASS = {
    "right": (SOLUTIONS, [1, 1, 1, 1]),
    "mixed": (
        {NAMES[0]: SOLUTIONS[NAMES[0]], NAMES[1]: f"{NAMES[1]} = 3", NAMES[3]: f"{NAMES[3]} = 'x'"},
        [1, 0, 0, 0],
    ),
    "empty": ({}, [0, 0, 0, 0]),
    "crashing": (
        {**SOLUTIONS, NAMES[1]: "1 / 0", NAMES[2]: f"def {NAMES[2]}(m):\n    raise KeyError(m)"},
        [1, 0, 0, 1],
    ),
}


def assert_holds_no_solution(notebook, lesson=LESSON) -> None:
    """No mark is left, and no line of a solution but what the lesson itself shows."""
    assert "SOLUTION" not in json.dumps(notebook)
    shown = "\n".join(cell.source for cell in lesson.cells if not is_solution(cell))
    lines = {line.strip() for code in solutions(lesson).values() for line in code.splitlines()}
    telling = [line for line in lines if len(line) > 12 and line not in shown]
    assert telling
    left = json.dumps(notebook, ensure_ascii=False)  # with the tests in its metadata
    assert not [line for line in telling if json.dumps(line, ensure_ascii=False)[1:-1] in left]


def assert_is_the_lesson_with_stubs(notebook) -> None:
    stubs = [cell.source for cell in notebook.cells if "...  # your " in cell.source]
    assert [re.search(r"answer_\d\d_\d+", stub)[0] for stub in stubs] == NAMES
    assert not any(cell.get("outputs") for cell in notebook.cells)


# ---- nbgrader ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """nbgrader's folder, with an assignment generated, handed in, graded and given feedback on."""
    folder = tmp_path_factory.mktemp("course")
    lessons = folder / "lessons"
    lessons.mkdir()
    nbformat.write(LESSON, lessons / f"{NAME}.ipynb")
    write_student_versions(lessons, folder / "nbgrader", "nbgrader", exercises_only=True)
    folder = folder / "nbgrader"
    run("nbgrader", "generate_assignment", NAME, cwd=folder)
    released = nbformat.read(folder / "release" / NAME / f"{NAME}.ipynb", as_version=4)
    for student, (answers, _) in CLASS.items():
        handed_in = folder / "submitted" / student / NAME
        handed_in.mkdir(parents=True)
        nbformat.write(answered(released, answers), handed_in / f"{NAME}.ipynb")
    run("nbgrader", "autograde", NAME, cwd=folder)
    run("nbgrader", "generate_feedback", NAME, cwd=folder)
    return folder


def test_nbgrader_releases_the_lesson_without_solutions(course):
    released = nbformat.read(course / "release" / NAME / f"{NAME}.ipynb", as_version=4)
    assert_holds_no_solution(released)
    assert_is_the_lesson_with_stubs(released)


@pytest.mark.parametrize("student", CLASS)
def test_nbgrader_scores_as_expected(course, student):
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
        submission = book.find_submission_notebook(NAME, NAME, student)
        scores = {grade.name: (grade.score, grade.max_score) for grade in submission.grades}
    expected = {
        f"test_{name}": (points, EXERCISES[name[7:].replace("_", ".")].points)
        for name, points in zip(NAMES, CLASS[student][1], strict=True)
    }
    assert scores == expected


def test_nbgrader_gives_feedback_in_our_words(course):
    page = (course / "feedback" / "mixed" / NAME / f"{NAME}.html").read_text(encoding="utf-8")
    assert "this is a string. Expected: 2 numbers" in page
    assert "not yet answered" in page


def test_nbgrader_refuses_a_lesson_itself(course, tmp_path):
    source = tmp_path / "source" / NAME
    source.mkdir(parents=True)
    nbformat.write(LESSON, source / f"{NAME}.ipynb")
    done = call("nbgrader", "generate_assignment", NAME, cwd=tmp_path)
    assert done.returncode != 0
    assert "Solution region detected in a non-solution cell" in done.stdout + done.stderr
    assert not list(tmp_path.glob("release/**/*.ipynb"))


HIDDEN = """
### BEGIN HIDDEN TESTS
from diffenc_lite.course.exercises import Exercise, Number, judge

exercise = Exercise("A.1", "How much is 2 + 2?", Number(), lambda: 4.0, "count")
assert judge(exercise, answer_A_1).right
### END HIDDEN TESTS
"""


def test_a_private_exercise_in_a_hidden_test(tmp_path):
    """As the page for instructors says; students see neither the exercise nor its answer."""

    def cell(source, **metadata):
        metadata = {"schema_version": 3, "task": False, "locked": False, **metadata}
        return nbformat.v4.new_code_cell(source, metadata={"nbgrader": metadata})

    stub = "### BEGIN SOLUTION\nanswer_A_1 = 4\n### END SOLUTION"
    cells = [
        cell(stub, grade=False, solution=True, grade_id="answer_A_1"),
        cell(HIDDEN, grade=True, solution=False, locked=True, grade_id="test_A_1", points=2),
    ]
    source = tmp_path / "source" / "own"
    source.mkdir(parents=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), source / "own.ipynb")
    run("nbgrader", "generate_assignment", "own", cwd=tmp_path)
    released = nbformat.read(tmp_path / "release" / "own" / "own.ipynb", as_version=4)
    assert "4.0" not in json.dumps(released)
    for student, answer in {"ada": "2 + 2", "bob": "5"}.items():
        handed_in = tmp_path / "submitted" / student / "own"
        handed_in.mkdir(parents=True)
        released.cells[0].source = f"answer_A_1 = {answer}"
        nbformat.write(released, handed_in / "own.ipynb")
    run("nbgrader", "autograde", "own", cwd=tmp_path)
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{tmp_path / 'gradebook.db'}") as book:
        scores = [book.find_submission("own", student).score for student in ("ada", "bob")]
    assert scores == [2, 0]


# ---- otter-grader --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def assigned(tmp_path_factory):
    """The folder that otter assign wrote; it has run the tests against our solutions."""
    folder = tmp_path_factory.mktemp("otter")
    lessons = folder / "lessons"
    lessons.mkdir()
    nbformat.write(LESSON, lessons / f"{NAME}.ipynb")
    write_student_versions(lessons, folder / "otter", "otter", exercises_only=True)
    run("otter", "assign", f"otter/source/{NAME}.ipynb", "dist", cwd=folder)
    return folder / "dist"


def test_otter_releases_the_lesson_without_solutions(assigned):
    released = nbformat.read(assigned / "student" / f"{NAME}.ipynb", as_version=4)
    assert_holds_no_solution(released)
    assert_is_the_lesson_with_stubs(released)


@pytest.mark.parametrize("student", CLASS)
def test_otter_scores_as_expected(assigned, student, tmp_path):
    released = nbformat.read(assigned / "student" / f"{NAME}.ipynb", as_version=4)
    answers, points = CLASS[student]
    nbformat.write(answered(released, answers), tmp_path / f"{NAME}.ipynb")
    (grader,) = (assigned / "autograder").glob("*.zip")
    run("otter", "run", "-a", str(grader), "-o", ".", f"{NAME}.ipynb", cwd=tmp_path)
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["tests"]
    scores = {test["name"]: test["score"] for test in results if "score" in test}
    assert scores == {
        name.replace("answer", "q"): point for name, point in zip(NAMES, points, strict=True)
    }


def test_otter_drops_the_solutions_of_a_lesson_itself(tmp_path):
    nbformat.write(LESSON, tmp_path / f"{NAME}.ipynb")
    said = run("otter", "assign", "--no-run-tests", f"{NAME}.ipynb", "dist", cwd=tmp_path)
    assert "no" in said.lower()
    released = nbformat.read(tmp_path / "dist" / "student" / f"{NAME}.ipynb", as_version=4)
    assert_holds_no_solution(released)


# ---- every lesson --------------------------------------------------------------------------------


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_no_student_gets_a_solution_by_any_way(path, tmp_path):
    """The whole lesson, through the parts of the two graders that take solutions out."""
    from nbgrader.preprocessors import ClearSolutions
    from otter.assign import main as assign

    lesson = nbformat.read(path, as_version=4)
    if not any(map(is_solution, lesson.cells)):
        pytest.skip("no exercises in it")
    assert_holds_no_solution(student_version(lesson, path.name), lesson)

    version = student_version(lesson, path.name, "nbgrader")
    released, _ = ClearSolutions().preprocess(version, {})
    assert_holds_no_solution(released, lesson)

    master = tmp_path / path.name
    nbformat.write(student_version(lesson, path.name, "otter"), master)
    assign(str(master), str(tmp_path / "dist"), no_run_tests=True)
    released = nbformat.read(tmp_path / "dist" / "student" / path.name, as_version=4)
    assert_holds_no_solution(released, lesson)
