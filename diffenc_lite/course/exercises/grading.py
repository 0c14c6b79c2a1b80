"""Marks a folder of notebooks that were handed in: a row a student, a column an exercise.

Each notebook runs in a process of its own (`marking.py`), in an empty folder, and is watched: one
that takes too long, takes too much memory or ends of itself is stopped, and costs its own marks
only. The exercise that it was at counts as wrong, and a new process goes on with the next one.
"""

from __future__ import annotations

import csv
import io
import json
import os
import queue
import runpy
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...files import write_whole
from .levels import LEVELS
from .registry import EXERCISES

START = 180.0  # seconds that Python and the imports may take: some on a busy machine
NOTEBOOK = 6  # times the limit of a cell: what a whole notebook may take


@dataclass(frozen=True)
class Limits:
    seconds: float = 20.0  # for the cells of one exercise, and its answer
    memory: float = 4.0  # GB of a notebook's process


@dataclass
class Marks:
    """Of one notebook, or of all of one student."""

    right: dict[str, bool] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)  # why not
    faults: dict[str, str] = field(default_factory=dict)  # mistakes of exercises themselves
    complaints: list[str] = field(default_factory=list)  # about whole files
    peak: int = 0  # bytes, the largest process

    def add(self, other: Marks) -> None:
        """The better of two answers to one exercise counts."""
        for number, right in other.right.items():
            if right or number not in self.right:
                self.right[number] = right
                self.texts[number] = other.texts[number]
        self.faults |= other.faults
        self.complaints += other.complaints
        self.peak = max(self.peak, other.peak)


def grade(
    folder: str | Path,
    marks_file: str | Path,
    own: str | Path | None = None,
    limits: Limits = Limits(),
    jobs: int = 2,
    show: Callable[[str], None] = print,
) -> dict[str, Marks]:
    """Mark all notebooks under a folder, and write the marks as CSV.

    What lies in a subfolder is by the student of its name, what lies in the folder itself by that
    of the file's name. Columns are the exercises of each notebook of the course (and of `own`, a
    Python file that registers further ones) of which an answer was found anywhere. Several files
    of a student count together. Of the proof levels, only those that anybody answered have columns.

    Raises FileNotFoundError where there are no notebooks, ExerciseError before marking for an own
    exercise with a mistake, RuntimeError after it for one that showed only then.
    """
    handed_in = hand_ins(Path(folder))
    if own:
        runpy.run_path(str(own))
    done = 0
    lock = threading.Lock()

    def one(item: tuple[str, Path]) -> Marks:
        nonlocal done
        start = time.monotonic()
        marks = mark(item[1], own, limits)
        with lock:
            done += 1
            took, right = time.monotonic() - start, sum(marks.right.values())
            show(
                f"[{done}/{len(handed_in)}] {item[0]}, {item[1].name}: {right} of "
                f"{len(marks.right)} right ({took:.0f} s)"
            )
        return marks

    pool = ThreadPoolExecutor(jobs)
    try:
        each = list(pool.map(one, handed_in))
    finally:
        pool.shutdown(cancel_futures=True)  # after an interrupt, those at work are finished
    students: dict[str, Marks] = {}
    for (student, _), marks in zip(handed_in, each, strict=True):
        students.setdefault(student, Marks()).add(marks)
    write_whole(Path(marks_file), table(students).encode("utf-8"))
    faults = {number: text for marks in students.values() for number, text in marks.faults.items()}
    if faults:
        raise RuntimeError("marks are written, without these: " + "; ".join(faults.values()))
    return students


def hand_ins(folder: Path) -> list[tuple[str, Path]]:
    """Students and their notebooks. Raises FileNotFoundError where there are none."""
    found = [
        (path.stem if path.parent == folder else path.relative_to(folder).parts[0], path.resolve())
        for path in sorted(folder.rglob("*.ipynb"))
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    if not found:
        raise FileNotFoundError(f"FOLDER must hold notebooks (*.ipynb); got {folder}")
    return found


def table(students: dict[str, Marks]) -> str:
    """The CSV: student, a column an exercise with its points or 0, the sum, and why not."""
    found = {number for marks in students.values() for number in marks.right | marks.faults}
    parts = {number.split(".")[0] for number in found}
    columns = [
        number
        for number in EXERCISES
        if number in found or (number.split(".")[0] in parts and number not in LEVELS)
    ]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["student", *columns, "sum", "notes"])
    for student, marks in students.items():
        points = [EXERCISES[n].points * marks.right.get(n, False) for n in columns]
        shown = ["" if n in marks.faults else p for n, p in zip(columns, points, strict=True)]
        notes = [*marks.complaints, *(f"{n}: {text}" for n, text in _reasons(columns, marks))]
        row = [student, *shown, sum(points), " | ".join(notes)]
        writer.writerow([_harmless(value) for value in row])
    return text.getvalue()


def _reasons(columns: list[str], marks: Marks) -> list[tuple[str, str]]:
    texts = {n: marks.faults.get(n, marks.texts.get(n, "no answer of that name")) for n in columns}
    return [(n, text) for n, text in texts.items() if not marks.right.get(n, False)]


def _harmless(value: Any) -> Any:
    """A text that no spreadsheet takes for a formula."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t")):
        return "'" + value
    return value


# --- one notebook ---------------------------------------------------------------------------------


def mark(path: Path, own: str | Path | None = None, limits: Limits = Limits()) -> Marks:
    """Start the process again after each exercise that brings it down, until all are marked."""
    marks = Marks()
    until = time.monotonic() + START + NOTEBOOK * limits.seconds
    while True:
        reason, at = _run(path, own, limits, marks, until)
        if at is None:
            if reason:
                marks.complaints.append(f"{path.name}: {reason}")
            return marks
        marks.right[at], marks.texts[at] = False, reason
        if time.monotonic() > until:  # of the whole notebook
            marks.complaints.append(f"{path.name}: the rest was left out, its time was over")
            return marks


def _run(
    path: Path, own: str | Path | None, limits: Limits, marks: Marks, until: float
) -> tuple[str, str | None]:
    """Adds to the marks; why it ended, empty if all is done, and the exercise that it was at."""
    spec = {
        "notebook": str(path),
        "own": str(Path(own).resolve()) if own else None,
        "done": [*marks.right, *marks.faults],
    }
    at: str | None = None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as empty:
        process = _start(spec, empty)
        lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=_pass_on, args=(process, lines), daemon=True).start()
        deadline = time.monotonic() + START
        late = f"not marked, Python and the imports took longer than {START:g} s"
        try:
            while True:
                memory = _memory(process.pid)
                marks.peak = max(marks.peak, memory)
                if memory > limits.memory * 1e9:
                    return f"stopped, it took more than {limits.memory:g} GB", at
                if time.monotonic() > min(deadline, until):
                    return late, at
                try:
                    line = lines.get(timeout=0.1)
                except queue.Empty:
                    continue
                if not line:
                    return f"it ended the program (exit code {process.wait()})", at
                message = json.loads(line)
                deadline = time.monotonic() + limits.seconds
                late = f"stopped, it took longer than {limits.seconds:g} s"
                if "start" in message:
                    at = message["start"]
                elif "verdict" in message:
                    at = None
                    _note(marks, message)
                else:
                    return message.get("unreadable", ""), None
        finally:
            _kill(process)


def _note(marks: Marks, message: dict[str, Any]) -> None:
    number = message["verdict"]
    if "fault" in message:
        marks.faults[number] = message["fault"]
    else:
        marks.right[number], marks.texts[number] = message["right"], message["text"]


def _start(spec: dict[str, Any], folder: str) -> subprocess.Popen[str]:
    package = str(Path(__file__).resolve().parents[3])  # to be found from another folder
    before = os.environ.get("PYTHONPATH")
    environment = {
        **os.environ,
        "PYTHONPATH": package + (os.pathsep + before if before else ""),
        "MPLBACKEND": "Agg",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "diffenc_lite.course.exercises.marking", json.dumps(spec)],
        cwd=folder, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8",
    )  # fmt: skip


def _pass_on(process: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)
    lines.put("")  # it has ended


def _memory(pid: int) -> int:
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def _kill(process: subprocess.Popen[str]) -> None:
    """With all that it has started."""
    import psutil

    try:
        family = psutil.Process(process.pid).children(recursive=True)
    except psutil.Error:
        family = []
    for child in family:
        try:
            child.kill()
        except psutil.Error:
            pass
    process.kill()
    process.wait()
