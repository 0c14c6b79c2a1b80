"""The process that runs a student's notebook and yields its answers. It judges nothing.

    python -m diffenc_lite.course.exercises.answering

`grading.py` starts it and asks over standard input and output (`wire.py`): which exercises the
notebook has an answer to, for the answer to one of them, and for what an answer that is a function
returns for given arguments. Whatever the notebook itself prints is dropped.

Only import statements and the cells of exercises run, with what these use of the cells before.
Cells run as in Jupyter, with magics and with `await`.
"""

from __future__ import annotations

import builtins
import contextlib
import ctypes
import os
import sys
from typing import Any

from . import cells
from .checking import Nowhere
from .wire import TEXT, Peer

FILE_BYTES = 100 * 10**6  # of a file that a cell writes


class Answers:
    """What may be asked of a notebook"""

    def open(self, text: str, pairs: list[Any]) -> tuple[list[str], int]:
        """The numbers of the exercises that are in it, of these numbers and names of answers; and
        how many cells of solutions are left out. Runs the imports."""
        self.notebook = cells.Handed(text)
        self.names = dict(pairs)
        self.cells = self.notebook.of_exercises(self.names)
        self.shell = _shell()
        for statement in self.notebook.imports():  # the cell that needs it says what went wrong
            self._run(statement)
        return [*self.cells], self.notebook.solutions

    def answer(self, number: str) -> tuple[Any, str]:
        """The value of its name when the cells of this exercise have run; and what they raised."""
        indices = self.cells[number]
        code = "\n".join(s for i in indices for s in self.notebook.statements[i])
        complaint = ""
        with contextlib.suppress(SyntaxError):  # as of a top-level await
            made, used = cells.names(code)
            known = {*self.shell.user_ns, *vars(builtins)}
            before = [s for s in self.notebook.before(indices) if not cells.is_import(s)]
            for statement in cells.needed(before, used - made - known):
                self._run(statement)
        for i in indices:
            complaint = self._run(self.notebook.sources[i]) or complaint
        return self.shell.user_ns.get(self.names[number]), complaint

    def _run(self, source: str) -> str:
        """What it raised, in words"""
        result = self.shell.run_cell(source, store_history=False, silent=True)
        error = result.error_before_exec or result.error_in_exec
        return f"its cell raised {type(error).__name__}: {error}"[:TEXT] if error else ""


def _shell() -> Any:
    """That of Jupyter, without its files, its colours and its windows"""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    from diffenc_lite.course import exercises

    def nothing(*arguments: Any, **options: Any) -> None:
        pass

    class Shell(InteractiveShell):
        enable_gui = showtraceback = showsyntaxerror = ask_exit = nothing

    exercises.ask = exercises.check = nothing
    config = Config({"HistoryManager": {"enabled": False}})
    return Shell.instance(config=config, user_ns={"ask": nothing, "check": nothing})


def main() -> None:
    answers = Answers()
    with _pipes() as (read, write):
        Peer(read, write, {"open": answers.open, "answer": answers.answer}).serve()


@contextlib.contextmanager
def _pipes() -> Any:
    """Where questions come from and answers go; what is printed from now on is dropped."""
    questions = os.fdopen(os.dup(0), "r", encoding="utf-8")
    pipe = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    sys.stdout = sys.stderr = Nowhere()
    with contextlib.suppress(ImportError, ValueError, OSError):  # not on Windows
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    with contextlib.suppress(OSError, AttributeError):  # Linux
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # children of children stay ours
        ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)  # and this ends with the grader

    def write(text: str) -> None:
        pipe.write(text)
        pipe.flush()

    yield questions.readline, write


if __name__ == "__main__":
    main()
    os._exit(0)  # whatever threads the notebook has left
