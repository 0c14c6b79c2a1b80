"""A class hands in what students hand in, and what they should not; every mark is right."""

import csv
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from hand_ins import answered, solutions

from diffenc_lite.__main__ import main
from diffenc_lite.course.exercises.cells import Handed, needed
from diffenc_lite.course.exercises.grading import Limits, grade, hand_ins, mark
from diffenc_lite.course.exercises.reports import write_reports
from diffenc_lite.course.exercises.student import student_version

NAME = "06_the_noise_variance_ratio.ipynb"
LESSON = nbformat.read(Path(__file__).parent.parent / "notebooks" / NAME, as_version=4)
VERSION = student_version(LESSON, NAME)
SOLVED = solutions(LESSON)
ONE, TWO, THREE, FOUR = SOLVED  # answer_06_1 ...
NUMBERS = ["06.1", "06.2", "06.3", "06.4"]


def notebook(answers=SOLVED, **more):
    codes = {**answers, **{globals()[name]: code for name, code in more.items()}}
    return answered(VERSION, {name: _checked(name, code) for name, code in codes.items()})


def _checked(name, code):
    return code if name in code else f'{code}\ncheck("06.{name[-1]}", {name})'


def without(word):
    """A notebook from which the cells with this word were deleted."""
    changed = notebook()
    changed.cells = [cell for cell in changed.cells if word not in cell.source]
    return changed


def bound(**values):
    return notebook(**{name: f"{globals()[name]} = {code}" for name, code in values.items()})


FUNCTIONS = {
    ONE: f"def {ONE}(L_1, L_2, T, d):\n"
    "    n = T * d / 4\n"
    "    return n * (np.log(1 + L_1 / n) + np.log(1 + L_2 / n))",
    TWO: f"{TWO} = lambda gaps: 1 / (1 + gaps.square().mean((1, 2)))",
    THREE: SOLVED[THREE],
    FOUR: f"differences = (32.4241, 0.484582)\n{FOUR} = differences",
}
LOOP = "while True:\n    pass"
FLOOD = "for _ in range(1000):\n    print('x' * 10**6)"
DESCRIPTORS = "import os\nfor _ in range(1000):\n    os.write(1, b'x' * 10**6)"
HOARD = "hoard = []\nwhile True:\n    hoard.append(b'x' * 10**8)"
BIG_FILE = "with open('big', 'wb') as f:\n    for _ in range(300):\n        f.write(b'x' * 10**6)"
LEFT = "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'while True: pass'])"
DAEMON = (
    "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'import os, time; "
    "os.fork() and os._exit(0); os.setsid(); os.fork() and os._exit(0); time.sleep(999)'])"
)
HOARDING_CHILD = (
    "import subprocess, sys\nsubprocess.run([sys.executable, '-c', "
    "'a = [bytes([1]) * 10**8 for _ in range(100)]; input()'])"
)
THREAD = (
    "import threading\n"
    "threading.Thread(target=lambda: [0 for _ in iter(int, 1)], daemon=True).start()"
)
EMPTIED = "import os, shutil\nshutil.rmtree(os.getcwd())"
LOCKED = "import os\nos.makedirs('a/b')\nos.chmod('a', 0)"
WHOLE = (1, 1, 1, 1)
PIPED = "wrote to the grader's pipe, which changed nothing"
LOOK = "look at it, its code has "


def piped(text: bytes) -> str:
    """Code that writes to all that is open"""
    return (
        f"import os\nfor fd in range(3, 64):\n    try:\n        os.write(fd, {text!r})\n"
        "    except OSError:\n        pass"
    )


FORGED = b'\n{"reply": 3, "value": {"right": true}}\n'
GARBAGE = (
    b'{"verdict": "06.2", "right": true}\n\xff\xfe garbage \x00\n{}\n[]\n3\n' + b"[" * 20000
    + b'\n{"call": 1, "to": "open", "with": []}\n{"reply": '
)  # fmt: skip
UNREAD = piped(b'\n{"call": "' + b"x" * 10**6 + b'", "to": 0, "with": []}\n')


def source(*codes: str):
    cells = [nbformat.v4.new_code_cell(code) for code in codes]
    return nbformat.v4.new_notebook(cells=cells)


def first(code: str):
    """Code before the answer to 06.1, all else right"""
    return notebook(ONE=f"{code}\n{SOLVED[ONE]}")


PATCHES = {
    "the judge": "c.judge = c.verdict_of = c.check = lambda *a, **k: c.Verdict(True, 'right', 1.0)",
    "the verdict": "c.Verdict.__init__ = lambda s, *a: s.__dict__.update(right=True, text='')",
    "the comparison": "from diffenc_lite.course.exercises import comparing as m\n"
    "m.prepared = lambda exercise: lambda answer: None",
    "the registry": "from diffenc_lite.course.exercises import registry as r\n"
    "for e in r.EXERCISES.values(): object.__setattr__(e, 'answer', 'T')",
    "the wire": "from diffenc_lite.course.exercises import wire\n"
    "wire.Peer.encode = lambda s, v, d=0: {'right': True}",
    "json": "import json\njson.dumps = lambda m: '{\"right\": true}'",
}
PATCH = "import diffenc_lite.course.exercises.checking as c\n"
EXPRESSIONS = {
    "a tower": "sp.Pow(9, sp.Pow(9, sp.Pow(9, 9, evaluate=False), evaluate=False), evaluate=False)",
    "exponentials": "sp.exp(sp.exp(sp.exp(sp.exp(sp.exp(sp.Symbol('T'))))))",
    "a deep one": "__import__('functools').reduce(lambda a, _: sp.sin(a), range(500), "
    "sp.Symbol('T'))",
    "a long number": "sp.Integer(10) ** 30000 * sp.Symbol('T')",
}
OBJECTS = {
    "equal to all": "type('E', (), {'__eq__': lambda s, o: True, '__float__': lambda s: 1.0})()",
    "in itself": "(lambda a: a.append(a) or a)([])",
    "a class": "type('C', (), {})",
    "a module": "__import__('os')",
    "breaks": "type('B', (), {'__getattr__': lambda s, n: 1 / 0})()",
    "exits": "type('X', (), {'__getattr__': lambda s, n: __import__('os')._exit(7)})()",
    "a sparse tensor": "torch.eye(3).to_sparse()",
    "large": "torch.zeros(10**7)",
    "text": "'x' * 10**7",
}

# a name, the notebook (or the text of the file), the marks, words of the notes
CLASS = [
    ("right", notebook(), WHOLE, ""),
    ("functions", notebook(FUNCTIONS), WHOLE, ""),
    ("an untouched copy", LESSON, (0, 0, 0, 0), "cells of solutions were not run"),
    ("stubs above the answers", first(f"{ONE} = ..."), WHOLE, ""),
    ("no check", notebook({n: c.rpartition("check")[0] for n, c in SOLVED.items()}), WHOLE, ""),
    ("magics", first("%%time\n%matplotlib inline\n!ls"), WHOLE, ""),
    ("a question mark", first("sp.log?"), WHOLE, ""),
    ("timed", notebook(THREE=f"if True:\n    %time x = 1\n{SOLVED[THREE]}"), WHOLE, ""),
    ("await", first("import asyncio\nawait asyncio.sleep(0.01)"), WHOLE, ""),
    ("half", notebook({n: SOLVED[n] for n in (ONE, TWO)}), (1, 1, 0, 0), "06.3: not yet answered"),
    ("one wrong", bound(ONE="sp.Symbol('L_1')"), (0, 1, 1, 1), "06.1: not right, for"),
    ("near", bound(FOUR="[32.4, 0.4943]"), (1, 1, 1, 0), "06.4: not right"),
    ("empty", VERSION, (0, 0, 0, 0), "06.1: not yet answered"),
    ("a string", bound(ONE="'=1+1'"), (0, 1, 1, 1), "06.1: this is a string"),
    ("a list", bound(THREE="[1.06]"), (1, 1, 0, 1), "type list. Expected: a func"),
    ("an argument missing", bound(TWO="lambda: 1"), (1, 0, 1, 1), "raised TypeError"),
    ("an exception", notebook(ONE="1 / 0"), (0, 1, 1, 1), "its cell raised ZeroDivisionError"),
    ("a surrogate", notebook(ONE="raise ValueError('\\ud800')"), (0, 1, 1, 1), "ValueError: ?"),
    ("an exception after", notebook(ONE=SOLVED[ONE] + "\n1 / 0"), WHOLE, ""),
    ("not Python", notebook(TWO=f"{TWO} = = 3"), (1, 0, 1, 1), "06.2: its cell raised SyntaxError"),
    ("an endless loop", notebook(TWO=f"{LOOP}\n{TWO} = 3"), (1, 0, 1, 1), "longer than 5 s"),
    (
        "an endless function",
        notebook(TWO=f"def {TWO}(gaps):\n    while True: pass"),
        (1, 0, 1, 1),
        "06.2: stopped, it took longer than 5 s",
    ),
    ("asleep", notebook(ONE="import time\ntime.sleep(10**6)"), (0, 1, 1, 1), "longer than 5 s"),
    ("lets nothing run", bound(ONE="sum(range(10**13))"), (0, 1, 1, 1), "06.1: stopped, it took"),
    ("a deleted cell", without(f", {THREE})"), (1, 1, 0, 1), "06.3: no answer of that name"),
    ("no questions", without("ask("), WHOLE, ""),
    ("sys.exit", notebook(ONE="import sys\nsys.exit(3)"), (0, 1, 1, 1), "raised SystemExit: 3"),
    ("os._exit", notebook(ONE="import os\nos._exit(3)"), (0, 1, 1, 1), "program (exit code 3)"),
    ("no address", notebook(ONE="import ctypes\nctypes.string_at(0)"), (0, 1, 1, 1), "it ended"),
    ("1 GB printed", first(FLOOD), WHOLE, ""),
    ("1 GB to the system", first(DESCRIPTORS), WHOLE, LOOK),
    ("all memory", notebook(TWO=f"{HOARD}\n{TWO} = 3"), (1, 0, 1, 1), "took more than 1.5 GB"),
    ("a child's memory", notebook(ONE=HOARDING_CHILD), (0, 1, 1, 1), "took more than 1.5 GB"),
    ("a process left behind", first(LEFT), WHOLE, ""),
    ("a daemon", first(DAEMON), WHOLE, LOOK),
    ("its folder emptied", first(EMPTIED), WHOLE, LOOK + "rmtree"),
    ("its folder locked", first(LOCKED), WHOLE, ""),
    ("an endless thread", first(THREAD), WHOLE, ""),
    ("an empty file", "", (0, 0, 0, 0), "not a notebook that can be read"),
    ("a deep file", "[" * 10**6, (0, 0, 0, 0), "not a notebook that can be read"),
    ("another type", '{"cells": {"a": 3}}', (0, 0, 0, 0), "not a notebook that can be read"),
    ("no sources", '{"cells": [{"cell_type": "code"}]}', (0, 0, 0, 0), "not a notebook"),
    ("another notebook", nbformat.v4.new_notebook(), (0, 0, 0, 0), "no answer of any exercise"),
    ("a deep cell", source(f"{ONE} = {'(' * 5000}1{')' * 5000}"), (0, 0, 0, 0), "06.1: its cell"),
    ("=SUM(A1:A9)", notebook(ONE="name = input()"), (0, 1, 1, 1), "06.1: its cell raised"),
    ("forged marks", notebook({ONE: piped(FORGED * 9)}), (0, 0, 0, 0), PIPED),
    ("garbage", first(piped(GARBAGE)), WHOLE, PIPED),
    ("unread replies", notebook(ONE=f"{UNREAD}\n{LOOP}"), (0, 1, 1, 1), PIPED),
    ("no pipe", notebook(ONE="import os\nos.closerange(3, 64)"), (0, 1, 1, 1), "06.1: it "),
    *(
        (f"patched: {what}", notebook({ONE: f"{PATCH}{code}\n{ONE} = 3"}), (0, 0, 0, 0), LOOK)
        for what, code in PATCHES.items()
    ),
    *((f"expression: {w}", bound(ONE=c), (0, 1, 1, 1), "06.1: ") for w, c in EXPRESSIONS.items()),
    *((f"object: {what}", bound(FOUR=c), (1, 1, 1, 0), "06.4: ") for what, c in OBJECTS.items()),
    (
        "a function that exits",
        notebook(TWO=f"import os\ndef {TWO}(gaps):\n    os._exit(5)"),
        (1, 0, 1, 1),
        "06.2: it ended the program (exit code 5)",
    ),
    (
        "a function that returns itself",
        notebook(TWO=f"def {TWO}(gaps):\n    return {TWO}"),
        (1, 0, 1, 1),
        "06.2: the function returned a function",
    ),
]


def hand_in(folder, name, what, file="06 (1) renamed.ipynb"):
    (folder / name).mkdir(parents=True, exist_ok=True)
    text = what if isinstance(what, str) else nbformat.writes(what)
    (folder / name / file).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def marked(tmp_path_factory):
    """The rows of marks.csv by student, and the lines shown."""
    folder = tmp_path_factory.mktemp("class")
    for name, what, *_ in CLASS:
        hand_in(folder / "handed-in", name, what)
    shown: list[str] = []
    start = time.monotonic()
    students = grade(folder / "handed-in", limits=Limits(5.0, 1.5), show=shown.append)
    write_reports(students, folder / "marks.csv")
    peak = max(marks.peak for marks in students.values()) / 1e9
    print(f"{len(students)} students: {time.monotonic() - start:.0f} s, at most {peak:.1f} GB")
    with open(folder / "marks.csv", encoding="utf-8", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}, shown


def test_every_student_is_a_row(marked):
    rows, shown = marked
    assert len(CLASS) == len(rows) == len(shown) >= 60
    assert shown[-1].startswith(f"[{len(CLASS)}/{len(CLASS)}] ")
    assert all(list(row) == ["student", *NUMBERS, "sum", "notes"] for row in rows.values())


@pytest.mark.parametrize("student", CLASS, ids=lambda student: student[0])
def test_each_has_the_marks_that_are_due(marked, student):
    name, _, points, words = student
    row = marked[0]["'" + name if name.startswith("=") else name]
    assert [int(row[number]) for number in NUMBERS] == list(points), row["notes"]
    assert int(row["sum"]) == sum(points)
    assert words in row["notes"] and bool(words) == bool(row["notes"])


def test_a_cell_cannot_fill_the_disk(tmp_path):
    pytest.importorskip("resource", reason="not on Windows")
    hand_in(tmp_path / "in", "ada", notebook(ONE=BIG_FILE))
    marks = grade(tmp_path / "in", show=lambda line: None)["ada"]
    assert marks.texts["06.1"].startswith("its cell raised OSError")
    assert [path.name for path in tmp_path.rglob("big")] == []


# --- who handed in what ---------------------------------------------------------------------------


def test_students_are_subfolders_or_files(tmp_path):
    for name in ("ada/a.ipynb", "ada/deep/b.ipynb", "bob.ipynb", "ada/.ipynb_checkpoints/a.ipynb"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    for name in ("cyd/a.ipynb.txt", "dan/a.pdf", "eve.ipynb.txt", "ada/picture.png", "roster.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    found = [(student, path.name) for student, path in hand_ins(tmp_path)]
    assert sorted(found) == [
        ("ada", "a.ipynb"), ("ada", "b.ipynb"), ("bob", "bob.ipynb"), ("cyd", "a.ipynb.txt"),
        ("dan", "a.pdf"), ("eve", "eve.ipynb.txt"),
    ]  # fmt: skip
    with pytest.raises(FileNotFoundError, match="FOLDER must hold notebooks"):
        hand_ins(tmp_path / "bob.ipynb")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="not on Windows")
def test_only_files_are_read(tmp_path):
    (tmp_path / "ada.ipynb").write_text("{}")
    (tmp_path / "bob.ipynb").symlink_to(tmp_path / "ada.ipynb")
    os.mkfifo(tmp_path / "cyd.ipynb")
    for name in ("bob.ipynb", "cyd.ipynb"):
        (complaint,) = mark("", tmp_path / name, Limits()).complaints
        assert "not a file, or a link" in complaint


def test_what_is_timed_in_a_cell_before_counts():
    cells = ["%%time\nimport math\nk = 4", "%time m = math.floor(k)", "answer_06_1 = m"]
    handed = Handed(nbformat.writes(source(*cells)))
    assert handed.imports() == ["import math"]
    assert needed(handed.before([2]), {"m"})[1:] == ["k = 4", "m = math.floor(k)"]


def test_several_files_of_a_student_count_together(tmp_path):
    first, second = {ONE: SOLVED[ONE]}, {ONE: f"{ONE} = 1", FOUR: SOLVED[FOUR]}
    for file, answers in (("a.ipynb", first), ("b.ipynb", second)):
        hand_in(tmp_path / "in", "ada", answered(VERSION, answers), file)
    marks = grade(tmp_path / "in", show=lambda line: None)["ada"]
    assert marks.right == {"06.1": True, "06.2": False, "06.3": False, "06.4": True}


# --- where notebooks run --------------------------------------------------------------------------


def test_a_command_that_starts_nothing_is_told_before_marking(tmp_path):
    hand_in(tmp_path / "in", "ada", notebook())
    with pytest.raises(RuntimeError, match="notebooks cannot be run by false: it ended"):
        grade(tmp_path / "in", limits=Limits(inside=["false"]))


OFFLINE = ["unshare", "--map-root-user", "--net"]
CALL = "import socket\nsocket.create_connection(('127.0.0.1', {}), 2).send(b'x')"


@pytest.mark.skipif(sys.platform == "win32", reason="no shell")
def test_a_container_calls_its_own_python(tmp_path):
    docker = tmp_path / "docker"
    docker.write_text(f'#!/bin/sh\nshift\nexec "{sys.executable}" "$@"\n')
    docker.chmod(0o755)
    hand_in(tmp_path / "in", "ada", notebook(ONE=SOLVED[ONE]))
    limits = Limits(inside=["env", str(docker), "image"])  # as `sudo docker run image`
    assert grade(tmp_path / "in", limits=limits, show=lambda line: None)["ada"].right["06.1"]


@pytest.mark.skipif(
    not shutil.which("unshare") or subprocess.run([*OFFLINE, "true"]).returncode != 0,
    reason="no network namespaces here",
)
def test_inside_of_a_command_there_may_be_no_network(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = CALL.format(server.getsockname()[1]) + f"\n{SOLVED[ONE]}"
        hand_in(tmp_path / "in", "ada", notebook(ONE=code))
        open_to_all = grade(tmp_path / "in", show=lambda line: None)["ada"]
        limits = Limits(inside=OFFLINE)
        closed = grade(tmp_path / "in", limits=limits, show=lambda line: None)["ada"]
    assert open_to_all.right["06.1"]
    assert list(closed.right.values()) == [False, True, True, True]


# --- exercises of one's own -----------------------------------------------------------------------

OWN = """
from diffenc_lite.course.exercises import Exercise, Number, register

register(
    Exercise("A.1", "How much is 2 + 2?", Number(), lambda: 4.0, "count", points=3),
    Exercise("A.2", "How much is 1 / x?", Number(), {answer}, "count"),
)
"""


def test_own_exercises_are_marked_from_a_private_file(tmp_path, own_numbers, capsys):
    cells = [nbformat.v4.new_code_cell(f"answer_A_{n} = {v}") for n, v in ((1, 4), (2, 3))]
    hand_in(tmp_path / "in", "ada", nbformat.v4.new_notebook(cells=cells))
    (tmp_path / "own.py").write_text(OWN.format(answer="lambda: 0.5"))
    command = ["grade", str(tmp_path / "in"), "--csv", str(tmp_path / "marks.csv")]
    assert main([*command, "--exercises", str(tmp_path / "own.py")]) == 0
    assert capsys.readouterr().out.startswith("[1/1] ada, 06 (1) renamed.ipynb: 1 of 2 right")
    assert (tmp_path / "marks.csv").read_text().splitlines() == [
        "student,A.1,A.2,sum,notes",
        "ada,3,0,3,A.2: not right. Hint: count.",
    ]


def test_a_mistake_in_an_own_exercise_is_told_before_marking(tmp_path, own_numbers, capsys):
    hand_in(tmp_path / "in", "ada", notebook())
    (tmp_path / "own.py").write_text(OWN.format(answer="lambda: 1 / 0"))
    command = ["grade", str(tmp_path / "in"), "--csv", str(tmp_path / "marks.csv")]
    assert main([*command, "--exercises", str(tmp_path / "own.py")]) == 2
    assert "error: Exercise A.2 itself has a mistake" in capsys.readouterr().err
    assert not (tmp_path / "marks.csv").exists()


LATE = """
from diffenc_lite.course.exercises import Exercise, Number
from diffenc_lite.course.exercises.registry import EXERCISES

EXERCISES["A.1"] = Exercise("A.1", "How much?", Number(), lambda: 4.0, "count", points=3)
EXERCISES["A.2"] = Exercise("A.2", "How much?", Number(), lambda: 1 / 0, "count")
"""


def test_a_mistake_that_shows_only_when_marking_leaves_its_column_empty(
    tmp_path, own_numbers, capsys
):
    cells = [nbformat.v4.new_code_cell(f"answer_A_{n} = 4") for n in (1, 2)]
    hand_in(tmp_path / "in", "ada", nbformat.v4.new_notebook(cells=cells))
    (tmp_path / "own.py").write_text(LATE)  # not by register, which would have tried
    command = ["grade", str(tmp_path / "in"), "--csv", str(tmp_path / "marks.csv")]
    assert main([*command, "--exercises", str(tmp_path / "own.py")]) == 2
    assert "marks are written, without these: Exercise A.2" in capsys.readouterr().err
    assert (tmp_path / "marks.csv").read_text().splitlines()[1].startswith('ada,3,,3,"A.2: Exer')


def test_the_help_says_that_it_runs_the_code_of_others(capsys):
    with pytest.raises(SystemExit):
        main(["grade", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "RUNS OTHER PEOPLE'S CODE, as you" in said
    assert "let it run --inside a container" in said
