"""Marks notebooks that were handed in, away from the code in them.

Each notebook runs in a process of its own (`answering.py`), in an empty folder, and yields answers:
values, expressions, and functions that this process may call. It is never told what is right; the
judging is done here, on data (`wire.py`). So whatever a notebook does to the judge that it has, or
writes to the pipe, changes no mark; it is noted.

The process is watched: one that takes too long, takes too much memory or ends of itself is stopped,
and costs its own marks only. The exercise that it was at counts as wrong, and a new process goes on
with the next one.
"""

from __future__ import annotations

import ctypes
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from .checking import Verdict, verdict_of
from .comparing import ExerciseError, is_stub, prepared
from .forms import Exercise
from .limit import within
from .registry import EXERCISES
from .wire import LONGEST, TEXT, Peer, Remote

START = 180.0  # seconds that Python and the imports may take: some on a busy machine
NOTEBOOK = 24  # times the limit of an exercise: what a whole notebook may take
CALLED = 10.0  # seconds that a notebook may keep the judge busy with one call
FLOOD = 10 * LONGEST  # letters on the pipe of a notebook
LONGEST_NOTE = 1000  # letters on an exercise
BYTES = 50 * 10**6  # of a notebook's file
# Words in the code of a notebook that the lecturer may want to look at
SUSPICIOUS = re.compile(
    r"\b(?:Verdict|EXERCISES|_getframe|get_objects|ctypes|rmtree|killpg?)\b|\bjudge\s*[(=]"
    r"|\bexercises\.[a-z]\w*|\bos\.(?:write|dup2?|kill|fork)\b|/proc/"
)


@dataclass(frozen=True)
class Limits:
    seconds: float = 20.0  # of a processor, for the cells of one exercise, and its answer
    memory: float = 4.0  # GB of a notebook's process, and of those that it starts
    inside: Sequence[str] = ()  # a command that starts the process elsewhere: in a container


@dataclass
class Marks:
    """Of one notebook, or of all of one student."""

    shares: dict[str, float] = field(default_factory=dict)  # 1 is right
    texts: dict[str, str] = field(default_factory=dict)  # why not
    faults: dict[str, str] = field(default_factory=dict)  # mistakes of exercises themselves
    complaints: list[str] = field(default_factory=list)  # about whole files
    suspicions: list[str] = field(default_factory=list)  # for the lecturer alone
    handed_in: float | None = None  # when the last file was written
    peak: int = 0  # bytes, the largest process

    @property
    def right(self) -> dict[str, bool]:
        return {number: share == 1 for number, share in self.shares.items()}

    def note(self, number: str, verdict: Verdict) -> None:
        share = verdict.share if EXERCISES[number].partial else float(verdict.right)
        self.shares[number] = share
        self.texts[number] = verdict.text.removeprefix(f"Exercise {number}: ")[:LONGEST_NOTE]

    def add(self, other: Marks) -> None:
        """The better of two answers to one exercise counts."""
        for number, share in other.shares.items():
            if share > self.shares.get(number, -1):
                self.shares[number] = share
                self.texts[number] = other.texts[number]
        self.faults |= other.faults
        self.complaints += other.complaints
        self.suspicions += other.suspicions
        self.handed_in = max(filter(None, (self.handed_in, other.handed_in)), default=None)
        self.peak = max(self.peak, other.peak)


def grade(
    folder: str | Path,
    exercises: str | Path | None = None,
    limits: Limits = Limits(),
    jobs: int = 2,
    show: Callable[[str], None] = print,
    student_of: Callable[[str], str] = str,
) -> dict[str, Marks]:
    """The marks of all notebooks under a folder, by student.

    What lies in a subfolder is by the student of its name, what lies in the folder itself by that
    of the file's name. Several files of a student count together. exercises: a Python file that
    registers exercises; then these count and no others. student_of: the name of a hand-in -> that
    of the student.

    Raises FileNotFoundError where there are no notebooks, ExerciseError before marking where one of
    `exercises` has a mistake, RuntimeError where no process can be started.
    """
    handed_in = [(student_of(name), path) for name, path in hand_ins(Path(folder))]
    numbers = {*EXERCISES}
    if exercises:
        runpy.run_path(str(exercises))
        numbers = {*EXERCISES} - numbers
    _try_out(limits)
    with suppress(OSError, AttributeError):  # Linux: no other program may look into this one
        ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
    pool = ThreadPoolExecutor(jobs)
    try:
        futures = {pool.submit(_mark_safely, *entry, limits, numbers): entry for entry in handed_in}
        for done, future in enumerate(as_completed(futures), 1):
            (student, path), (marks, seconds) = futures[future], future.result()
            show(
                f"[{done}/{len(handed_in)}] {student}, {path.name}: {sum(marks.right.values())} of "
                f"{len(marks.right)} right ({seconds:.0f} s)"
            )
    finally:
        pool.shutdown(cancel_futures=True)  # after an interrupt, those at work are finished
    students: dict[str, Marks] = {}
    for future, (student, _) in futures.items():
        students.setdefault(student, Marks()).add(future.result()[0])
    return students


def _mark_safely(
    student: str, path: Path, limits: Limits, numbers: set[str]
) -> tuple[Marks, float]:
    """The marks of a notebook, whatever happens, and the seconds that they took."""
    start = time.monotonic()
    try:
        marks = mark(student, path, limits, numbers)
    except Exception as error:
        why = f"{path.name}: not marked, {type(error).__name__}: {error}"
        marks = Marks(complaints=[why])
    return marks, time.monotonic() - start


def _try_out(limits: Limits) -> None:
    """So that nobody has 0 points for a fault of the machine"""
    process = Process(limits, time.monotonic() + START)
    try:
        process.open('{"cells": []}', [])
    except Stopped as stopped:
        command = " ".join(limits.inside) or "this Python"
        raise RuntimeError(f"notebooks cannot be run by {command}: {stopped}") from None
    finally:
        process.end()


def hand_ins(folder: Path) -> list[tuple[str, Path]]:
    """Students and their notebooks, sheet.ipynb.txt too; of a subfolder without one all files,
    since something was handed in. Raises FileNotFoundError where there are no notebooks."""
    files: dict[str, list[Path]] = {}
    for file in sorted(folder.rglob("*")):
        path = file.relative_to(folder)
        if not file.is_dir() and not any(name.startswith(".") for name in path.parts):
            name = path.parts[0] if path.parent.name else path.stem.removesuffix(".ipynb")
            files.setdefault(name, []).append(path)
    notebooks = {
        name: [path for path in paths if ".ipynb" in path.name.lower()]
        for name, paths in files.items()
    }
    if not any(notebooks.values()):
        raise FileNotFoundError(f"FOLDER must hold notebooks (*.ipynb); got {folder}")
    return [
        (name, folder / path)
        for name, paths in files.items()
        for path in notebooks[name] or [path for path in paths if path.parent.name]
    ]


# --- one notebook ---------------------------------------------------------------------------------


def mark(student: str, path: Path, limits: Limits, numbers: set[str]) -> Marks:
    """Start the process again after each exercise that brings it down, until all are marked."""
    marks = Marks()
    try:
        if path.is_symlink() or not path.is_file():
            raise ValueError("not a file, or a link")
        marks.handed_in = path.stat().st_mtime
        if path.stat().st_size > BYTES:
            raise ValueError("larger than 50 MB")
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        marks.complaints.append(f"{path.name}: not a notebook that can be read ({error})")
        return marks
    if words := sorted({*SUSPICIOUS.findall(text)}):
        marks.suspicions.append(f"{path.name}: look at it, its code has {', '.join(words[:5])}")
    until = time.monotonic() + START + NOTEBOOK * limits.seconds
    while True:
        process = Process(limits, until)
        number: str | None = None
        try:
            pairs = [(n, exercise.name) for n, exercise in EXERCISES.items() if n in numbers]
            try:
                answered, solutions = process.open(text, pairs)
            except Exception as error:
                why = f"not a notebook that can be read ({error})"
                marks.complaints.append(f"{path.name}: {why}")
                return marks
            if not answered:
                marks.complaints.append(f"{path.name}: no answer of any exercise is in it")
            for number in answered:
                if number not in marks.shares and number not in marks.faults:
                    exercise = EXERCISES[number].for_student(student)
                    try:
                        prepared(exercise)  # in nobody's time
                        marks.note(number, process.watch(limits.seconds, _judge, exercise, process))
                    except ExerciseError as error:
                        marks.faults[number] = str(error)
            if solutions:
                marks.complaints.append(
                    f"{path.name}: {solutions} cells of solutions were not run, the answer to an "
                    "exercise stands above them"
                )
            return marks
        except Stopped as stopped:
            if number is None:
                marks.complaints.append(f"{path.name}: not marked, {stopped}")
                return marks
            marks.note(number, Verdict(False, str(stopped)))
            if time.monotonic() > until:  # of the whole notebook
                marks.complaints.append(f"{path.name}: the rest was left out, its time was over")
                return marks
        finally:
            process.end()
            marks.peak = max(marks.peak, process.peak)
            if process.strays:
                note = f"{path.name}: it wrote to the grader's pipe, which changed nothing"
                marks.suspicions += [note] * (note not in marks.suspicions)


def _judge(exercise: Exercise, process: Process) -> Verdict:
    try:
        answer, complaint = process.peer.call("answer", exercise.number)
    except Exception as error:
        expected = f"Expected: {exercise.form.describe()}."
        return Verdict(False, f"looking at it raised {type(error).__name__}. {expected}")
    if is_stub(answer) and isinstance(complaint, str) and complaint:
        return Verdict(False, complaint[:TEXT])
    # the time of a function is that of its process
    return verdict_of(exercise, answer, limited=not isinstance(answer, Remote))


# --- its process ----------------------------------------------------------------------------------


class Stopped(BaseException):
    """The process is no more; the text says why. Not an Exception: no answer's mistake."""


class Process:
    """Runs one notebook, as far as it goes."""

    def __init__(self, limits: Limits, until: float) -> None:
        self.limits, self.until = limits, until
        self.folder = tempfile.mkdtemp()
        self.sign = uuid.uuid4().hex
        self.process = _start(limits, self.folder, self.sign)
        self.letters = self.strays = self.peak = 0
        self.family: dict[int, Any] = {}
        self.peer = Peer(self._read, self._write, stray=self._stray, run=partial(within, CALLED))

    def open(self, text: str, pairs: list[tuple[str, str]]) -> Any:
        return self.watch(START, self.peer.call, "open", text, pairs)

    def watch(self, seconds: float, call: Callable[..., Any], *arguments: Any) -> Any:
        """What the call returns; it may take so many seconds of the notebook's processes. They are
        watched all the while, whether the judge reads, writes, or is busy itself."""
        try:
            return within(seconds, call, *arguments, clock=self._look)
        except TimeoutError:
            raise Stopped(f"stopped, it took longer than {seconds:g} s") from None

    def _look(self) -> float:
        """Processor time until now; the memory is checked"""
        memory = used = 0.0
        with suppress(psutil.Error):
            root = psutil.Process(self.process.pid)
            for member in [root, *root.children(recursive=True)]:
                self.family[member.pid] = member
                with suppress(psutil.Error):
                    times = member.cpu_times()
                    used += times.user + times.system
                    memory += member.memory_info().rss
        self.peak = max(self.peak, int(memory))
        if memory > self.limits.memory * 1e9:
            raise Stopped(f"stopped, it took more than {self.limits.memory:g} GB")
        if time.monotonic() > self.until:
            raise Stopped("stopped, the time of the whole notebook was over")
        return used

    def _read(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline(LONGEST)
        self.letters += len(line)
        if self.letters > FLOOD or (len(line) == LONGEST and line[-1] != "\n"):
            raise Stopped("stopped, it flooded the grader's pipe")
        if not line:
            raise Stopped(self._why())
        return line

    def _why(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            return f"it ended the program (exit code {self.process.wait(5)})"
        return "it closed the grader's pipe"

    def _write(self, text: str) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(text)
            self.process.stdin.flush()
        except OSError:
            raise Stopped(self._why()) from None

    def _stray(self, line: str) -> None:
        self.strays += 1

    def end(self) -> None:
        """With all that it has started, and its folder."""
        with suppress(Stopped):
            self._look()
        if self.limits.inside:  # a container's client hands this on
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(3)
        with suppress(OSError, AttributeError):  # all at once, on Windows one by one
            os.killpg(self.process.pid, signal.SIGKILL)
        for member in [*self.family.values(), *_signed(self.sign)]:
            with suppress(psutil.Error):
                member.kill()
        self.process.kill()
        self.process.wait()
        _remove(self.folder)


def _start(limits: Limits, folder: str, sign: str) -> subprocess.Popen[str]:
    package = str(Path(__file__).resolve().parents[3])  # to be found from another folder
    before = os.environ.get("PYTHONPATH")
    environment = {
        **os.environ,
        "PYTHONPATH": package + (os.pathsep + before if before else ""),
        "IPYTHONDIR": folder,
        "MPLBACKEND": "Agg",
        "DIFFENC_LITE_NOTEBOOK": sign,
    }
    container = {"docker", "podman"} & {Path(word).stem for word in limits.inside}
    python = [] if container else [sys.executable]  # a container calls its own
    return subprocess.Popen(
        [*limits.inside, *python, "-m", "diffenc_lite.course.exercises.answering"],
        cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, encoding="utf-8", errors="replace",
        start_new_session=True,
    )  # fmt: skip


def _signed(sign: str) -> list[Any]:
    """Processes that this notebook started, and that have left its family"""
    signed = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.environ().get("DIFFENC_LITE_NOTEBOOK") == sign:
                signed.append(process)
    return signed


def _remove(folder: str) -> None:
    """Whatever was done to it"""
    for root, folders, _ in os.walk(folder):
        for name in folders:
            with suppress(OSError):
                os.chmod(os.path.join(root, name), 0o700)
    shutil.rmtree(folder, ignore_errors=True)
