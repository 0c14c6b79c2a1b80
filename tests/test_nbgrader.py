"""Sheets of exercises through nbgrader itself: what students get, and their marks."""

import copy
import csv
import os
import re
import shutil
import sys
from functools import cache
from pathlib import Path

import nbformat
import pytest
from draws import NOTEBOOKS, ROOT, run_python

from diffenc_lite.course.exercises.student import _parts, is_solution, write_student_versions

pytest.importorskip("nbgrader", reason="pip install -e '.[coursework]'")

LESSONS = {path.stem: nbformat.read(path, 4) for path in NOTEBOOKS}
SHEET, COMPANION = "06_the_noise_variance_ratio", "04_which_mean"


def exercises_in(stem):
    cells = LESSONS[stem].cells
    return [_parts(cells, i, stem) for i, cell in enumerate(cells) if is_solution(cell)]


A, B, C = (exercise.solution for exercise in exercises_in(SHEET))
LOOP = """out = []
for part in (best_of_half(L_1), best_of_half(L_2)):
    out.append(part)
answer_06_1 = sum(out)"""

STUBBORN = """while True:
    try:
        while True:
            pass
    except KeyboardInterrupt:
        pass"""
LOUD = """for line in range(300_000):
    print(line)
"""


def index_of(notebook, name):
    names = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in notebook.cells]
    return names.index(name)


def copied(notebook):
    """A test, and an answer that is then spoilt, both with their metadata"""
    for name, place in (("test_answer_06_1", 4), ("answer_06_2", len(notebook.cells) + 1)):
        twin = copy.deepcopy(notebook.cells[index_of(notebook, name)])
        twin.source, twin.id = twin.source.replace("1 / (1 + m)", "0 * m"), f"{twin.id}-copy"
        notebook.cells.insert(place, twin)


def deleted(notebook):
    for name in ("imports", "test_answer_06_1", "answer_06_2"):
        del notebook.cells[index_of(notebook, name)]


def renamed_and_moved(notebook):
    """An answer with a name of its own, a test without any, a test before its answer, on top"""
    notebook.cells[index_of(notebook, "answer_06_1")].metadata.nbgrader.grade_id = "mine"
    notebook.cells[index_of(notebook, "test_answer_06_2")].metadata.nbgrader = {}
    for name in ("answer_06_3", "test_answer_06_3"):
        notebook.cells.insert(0, notebook.cells.pop(index_of(notebook, name)))


def answered_elsewhere(notebook):
    own = nbformat.v4.new_code_cell(f"{B}\nimport os\nos._exit(1)")
    notebook.cells.insert(index_of(notebook, "answer_06_2") + 1, own)


def beside(where, source):
    """06.2, or what it needs, in a cell of one's own: above its cell (0), or near the end (-1)"""

    def spoil(notebook):
        own = nbformat.v4.new_code_cell(source)
        notebook.cells.insert(where if where < 0 else index_of(notebook, "answer_06_2"), own)

    return spoil


def in_its_test(notebook):
    notebook.cells[index_of(notebook, "test_answer_06_2")].source = B


# What is handed in, its marks, and how it is broken: whatever happens in one exercise, the others
# keep theirs, and so do other students. The first in the alphabet would stop all the others.
CLASS = {
    SHEET: {
        "a copy": ([A, B, C], [1, 1, 1], copied),
        "a deletion": ([A, B, C], [1, None, 1], deleted),
        "a move": ([A, B, C], [1, 1, 1], renamed_and_moved),
        "a death": ([A, "import os\nos._exit(1)", C], [1, None, 1]),
        "an exit": ([A, f"{B}\nexit()", C], [1, 1, 1]),
        "a death in a cell of one's own": ([A, None, C], [1, None, 1], answered_elsewhere),
        "a loop": ([STUBBORN, B, C], [None, 1, 1]),
        "a lot of output": (
            [A.rpartition("\n")[0] + "\n" + LOOP, f"{LOUD}{B}", f"answer_06_1 = out = None\n{C}"],
            [1, 1, 1],
        ),
        "wrong": (["answer_06_1 = 3", "answer_06_2 = 3", C], [0, 0, 1]),
        "an error": (["1 / 0", B, C], [None, 1, 1]),
        "answered above": ([A, None, C], [1, None, 1], beside(0, B)),
        "answered at the end": ([A, None, C], [1, None, 1], beside(-1, B)),
        "a stub touched": ([A, "def answer_06_2(gaps):\n    pass", C], [1, None, 1], beside(-1, B)),
        "a key bound below": (
            [A, "own = {}\nanswer_06_2 = lambda gaps: own[1](gaps)", C],
            [1, None, 1],
            beside(-1, "own[1] = lambda gaps: 1 / (1 + gaps.square().mean((1, 2)))"),
        ),
        "answered in its test": ([A, None, C], [1, None, 1], in_its_test),
        "a helper below": (
            [A, "answer_06_2 = lambda gaps: help_me(gaps)", C],
            [1, None, 1],
            beside(-1, "def help_me(gaps):\n    return 1 / (1 + gaps.square().mean((1, 2)))"),
        ),
        "an own sum": ([f"{A}\nsum = 0", "answer_06_2 = lambda gaps: sum(gaps)", C], [1, None, 1]),
        "imports overwritten": ([f"{A}\ntorch = check = 3", B, C], [1, 1, 1]),
    },
    COMPANION: {"right": ([exercises_in(COMPANION)[0].solution], [1]), "untouched": ([None], [0])},
}


def run(*command, cwd):
    beside = str(Path(sys.executable).parent)  # nbgrader calls another program that lies there
    path = beside + os.pathsep + os.environ["PATH"]
    done = run_python("-m", "nbgrader", *command, cwd=cwd, PATH=path)
    assert done.returncode == 0, done.stdout + done.stderr


def hand_in(course, name, student, sources, spoil=lambda notebook: None):
    """The released notebook, with these sources in place of its answers, None for the stub."""
    notebook = nbformat.read(course / "release" / name / f"{name}.ipynb", 4)
    cells = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("solution")]
    for cell, source in zip(cells, sources, strict=True):
        cell.source = cell.source if source is None else source
    spoil(notebook)
    folder = course / "submitted" / student / name
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / f"{name}.ipynb")


def marks(course, name, student):
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
        grades = book.find_submission_notebook(name, name, student).grades
        return {grade.name: (grade.score, grade.max_score) for grade in grades}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nbgrader") / "course"
    write_student_versions(ROOT / "notebooks", folder, nbgrader=True, exercises_only=True)
    return folder


@cache
def autograde(course, name):
    """Released unless it is, handed in and marked, once; and the rows of the table of marks"""
    if name in CLASS:
        run("generate_assignment", name, cwd=course)
        for student, (sources, _, *spoil) in CLASS[name].items():
            hand_in(course, name, student, sources, *spoil)
    handed_in = {path: path.read_bytes() for path in course.glob("submitted/**/*.ipynb")}
    run("autograde", name, cwd=course)
    run("export", cwd=course)
    assert all(path.read_bytes() == content for path, content in handed_in.items())
    with open(course / "grades.csv", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["assignment"] == name]
    return {row["student_id"]: row for row in rows}


def has_its_marks(course, name, student):
    names = [f"test_answer_{e.number.replace('.', '_')}" for e in exercises_in(name)]
    wanted, row = CLASS[name][student][1], autograde(course, name)[student]
    expected = {n: (m or 0, 1) for n, m in zip(names, wanted, strict=True)}
    assert marks(course, name, student) == expected
    assert float(row["score"]) == sum(m or 0 for m in wanted)
    told = [n.removeprefix("test_") for n, m in zip(names, wanted, strict=True) if m is None]
    assert re.findall(r"answer_\d\d_\d", row["not_marked"]) == told  # and never 0


class TestSheet:  # a class, so that another process can take the others
    @pytest.mark.parametrize("student", CLASS[SHEET])
    def test_marks(self, course, student):
        has_its_marks(course, SHEET, student)

    def test_what_is_given_by_hand_counts(self, course):
        from nbgrader.api import Gradebook

        assert autograde(course, SHEET)["a death"]["not_marked"].startswith("answer_06_2")
        with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
            grade = book.find_grade("test_answer_06_2", SHEET, SHEET, "a death")
            grade.manual_score = 0.5
            book.db.commit()
        run("export", cwd=course)
        assert f"{SHEET},a death,2.5,3.0,\n" in (course / "grades.csv").read_text("utf-8")

    def test_feedback_is_in_the_words_of_check(self, course):
        autograde(course, SHEET)
        run("generate_feedback", SHEET, "--student", "wrong", cwd=course)
        page = course / "feedback" / "wrong" / SHEET / f"{SHEET}.html"
        assert "Exercise 06.2: this is a number. Expected: a function" in page.read_text("utf-8")


class TestCompanion:
    @pytest.mark.parametrize("student", CLASS[COMPANION])
    def test_marks(self, course, student):
        has_its_marks(course, COMPANION, student)

    def test_who_was_not_marked_at_all_is_told(self, course):
        """Of a file that is no notebook, and where autograde has not run."""
        autograde(course, COMPANION)  # the others, as the file would stop it
        folder = course / "submitted" / "nobody" / COMPANION
        folder.mkdir(parents=True)
        (folder / f"{COMPANION}.ipynb").write_text("<html>")
        run("export", cwd=course)
        last = (course / "grades.csv").read_text("utf-8")
        assert f"{COMPANION},nobody,,1.0,{COMPANION}: autograde failed or has not run\n" in last
        (folder / f"{COMPANION}.ipynb").rename(folder / "mine.ipynb")
        run("export", cwd=course)
        last = (course / "grades.csv").read_text("utf-8")
        assert f"nobody,,1.0,{COMPANION}: no file {COMPANION}.ipynb in its folder\n" in last
        folder.rename(folder.with_name("mine"))
        run("export", cwd=course)
        last = (course / "grades.csv").read_text("utf-8")
        assert ",nobody,,,mine: no folder of an assignment\n" in last
        (course / "submitted" / "right" / "06").mkdir()
        (course / "submitted" / "untouched" / COMPANION / "again.ipynb").write_text("{}")
        marked = course / "submitted" / "right" / COMPANION / f"{COMPANION}.ipynb"
        marked.write_bytes(marked.read_bytes() + b"\n")
        os.utime(marked, (0, 0))  # as from an archive
        run("export", cwd=course)
        last = (course / "grades.csv").read_text("utf-8")
        assert ",right,,,06: no folder of an assignment\n" in last
        assert f"right,1.0,1.0,{COMPANION}: changed since it was marked\n" in last
        assert "not answered in its cell, but there is again.ipynb beside it" in last
        marked.write_text("<html>")
        shutil.rmtree(course / "submitted" / "untouched" / COMPANION)
        run("export", cwd=course)
        last = (course / "grades.csv").read_text("utf-8")
        assert f"right,1.0,1.0,{COMPANION}: changed since it was marked\n" in last
        assert f"untouched,0.0,1.0,{COMPANION}: not in submitted/ any more" in last

    def test_the_own_exercise_of_the_guide(self, course, monkeypatch):
        """Students get neither the exercise nor its answer, and marks are right."""
        page = (ROOT / "docs" / "instructors.md").read_text(encoding="utf-8")
        _, code = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
        monkeypatch.chdir(course)
        exec(code, {})
        run("generate_assignment", "own", cwd=course)
        released = (course / "release" / "own" / "own.ipynb").read_text("utf-8")
        assert "answer_1 = ..." in released and "**2" not in released
        right = "answer_1 = lambda s_2, alpha, sigma: s_2 * alpha**2 + sigma**2"
        for student, source in {"ada": right, "bob": right.replace("+", "-"), "eve": None}.items():
            hand_in(course, "own", student, [source])
        run("autograde", "own", cwd=course)
        scores = [marks(course, "own", student)["test_1"] for student in ("ada", "bob", "eve")]
        assert scores == [(2, 2), (0, 2), (0, 2)]


# --- the lab for marks ----------------------------------------------------------------------------

LAB = "15_build_it_yourself"
POINTS = [2, 2, 2, 4, 2, 3, 3, 2, 1, 5]
PIECES = [exercise.solution for exercise in exercises_in(LAB)]
SKIPPED = "answer_15_1 = noise_at"
NEAR = PIECES[3].replace("alpha**2 * (v", "alpha * (v")
BY_ANSWER = PIECES[3].replace("noise_at(", "answer_15_1(")  # which is wrong there
WRONG = PIECES[0].replace("256 / levels", "256 / 17")
RENAMED = PIECES[1].replace("answer_15_2", "turned")
SPOILT = "turn, chain = 0.5, [1, 2]\ntorch.set_grad_enabled(False)"


def in_disorder(notebook):
    """Imports gone, a test above them twice, an answer below them; pieces, modules and gradients
    overwritten; the question by hand answered in a cell of one's own."""
    twin = copy.deepcopy(notebook.cells[index_of(notebook, "test_answer_15_4")])
    notebook.cells[index_of(notebook, "w15-01")] = twin
    moved = notebook.cells.pop(index_of(notebook, "answer_15_7"))
    notebook.cells.insert(index_of(notebook, "w15-02") + 1, moved)
    own = nbformat.v4.new_code_cell(SPOILT)
    notebook.cells.insert(index_of(notebook, "answer_15_3"), own)
    notebook.cells[-1] = nbformat.v4.new_markdown_cell("It gains nothing.")


def answered_below(notebook):
    notebook.cells.append(nbformat.v4.new_markdown_cell("It gains nothing."))


BY_HAND = "answer_by_hand: to be marked by hand"
LEFT = "not answered in its cell, but there is a cell of the student's own"
RENAMED_IS = "answer_15_2: there is no answer of that name"
BUILT = {  # answers, and marks as above
    "right": ([*PIECES, "It gains nothing."], [2, 2, 2, 4, 2, 3, 3, 2, 1, None]),
    "near": ([SKIPPED, *PIECES[1:3], NEAR, *PIECES[4:], None], [0, 2, 2, 0, 2, 3, 3, 2, 1, 0]),
    "by the answer's name": (
        [WRONG, *PIECES[1:3], BY_ANSWER, *PIECES[4:], None], [0, 2, 2, 4, 2, 3, 3, 2, 1, 0]
    ),
    "untouched": ([None] * 10, [0] * 10),
    "in disorder": (
        [PIECES[0], RENAMED, *PIECES[2:], None], [2, None, 2, 4, 2, 3, 3, 2, 1, None], in_disorder
    ),
    "below": ([*PIECES[:8], None, None], [2, 2, 2, 4, 2, 3, 3, 2, None, None], answered_below),
}  # fmt: skip


def without_training(notebook):
    """Imports, what is marked, and the line that takes a piece; the rest runs for minutes."""
    kept = []
    for cell in notebook.cells:
        taken = re.search(r"^\w+ = take.*", cell.source, re.MULTILINE)
        locked = cell.metadata.get("nbgrader", {"locked": False})["locked"]
        if locked and cell.id.startswith("w15") and cell.id not in ("w15-01", "w15-02"):
            cell.source = taken[0] if taken else ""
        if "nbgrader" in cell.metadata or cell.cell_type == "markdown":
            kept.append(cell)
    notebook.cells = kept


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab") / "course"
    (source,) = write_student_versions(ROOT / "notebooks", folder, nbgrader=True, lab=True)
    assert source.stem == LAB
    solved = nbformat.read(source, 4)
    without_training(solved)
    nbformat.write(solved, source)
    run("generate_assignment", LAB, cwd=folder)
    for student, (sources, _, *spoil) in BUILT.items():
        hand_in(folder, LAB, student, sources, *spoil)
    path = folder / "submitted" / "solutions" / LAB / f"{LAB}.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(solved, path)
    return folder


class TestLab:
    @pytest.mark.parametrize("student", [*BUILT, "solutions"])
    def test_marks_of_the_lab(self, lab, student):
        """A skip and a near miss cost their own points; by hand is not 0 before it is marked."""
        wanted, row = BUILT.get(student, BUILT["right"])[1], autograde(lab, LAB)[student]
        expected = [(m or 0, most) for m, most in zip(wanted, POINTS, strict=True)]
        assert list(marks(lab, LAB, student).values()) == expected
        assert float(row["score"]) == sum(m or 0 for m in wanted)
        told = {"right": BY_HAND, "solutions": BY_HAND, "in disorder": f"{RENAMED_IS}; {BY_HAND}",
                "below": f"answer_15_9: {LEFT}; answer_by_hand: {LEFT}"}  # fmt: skip
        assert row["not_marked"] == told.get(student, "")

    def test_students_get_no_hidden_test(self, lab):
        text = (lab / "release" / LAB / f"{LAB}.ipynb").read_text("utf-8")
        assert "HIDDEN" not in text and "exercises.lab" not in text and "SOLUTION" not in text
        assert "The library's `elbo`" in text and "A perfect encoder" not in text
        assert "at most the prior" not in text  # a point of the question by hand
