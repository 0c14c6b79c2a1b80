"""Marks one notebook, in a process of its own that `grading.py` starts and watches.

    python -m diffenc_lite.course.exercises.marking SPEC

SPEC is a JSON object: notebook, a path; own, the path of a file that registers further exercises,
or null; done, the numbers of exercises that are not to be looked at again. What is found goes to
standard output, as a line of JSON each: the start and the verdict of each exercise, and the end.
Whatever the notebook itself prints is dropped.

Only import statements and the cells of exercises run: those that name the answer, and whatever code
stands between `ask` and the last of them.
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
import re
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .checking import Nowhere, judge
from .comparing import ExerciseError, is_stub
from .registry import EXERCISES

FILE_BYTES = 100 * 10**6  # of a file that a cell writes


def main(spec: dict[str, Any]) -> None:
    send = _channel()
    if spec["own"]:
        runpy.run_path(spec["own"])
    try:
        cells = code_cells(Path(spec["notebook"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        send({"unreadable": f"not a notebook that can be read ({type(error).__name__})"})
        return
    exercises = exercise_cells(cells)
    if not exercises:
        send({"unreadable": "no answer of any exercise is in it"})
        return
    names: dict[str, Any] = {"__name__": "__main__"}
    for statement in imports(cells):
        with contextlib.suppress(Exception, SystemExit):  # the cell that needs it will say so
            _execute([statement], names)
    for number, trees in exercises.items():
        if number not in spec["done"]:
            send({"start": number})
            send({"verdict": number, **_mark(number, trees, names)})
    send({"end": True})


def _mark(number: str, trees: list[ast.Module], names: dict[str, Any]) -> dict[str, Any]:
    """right and text, or fault: a mistake of the exercise itself."""
    exercise = EXERCISES[number]
    complaint = ""
    for tree in trees:
        try:
            _execute(tree.body, names)
        except (Exception, SystemExit) as error:  # the rest may do without
            complaint = f"its cell raised {type(error).__name__}: {error}"[:300]
    answer = names.get(exercise.name)
    if complaint and is_stub(answer):
        return {"right": False, "text": complaint}
    try:
        verdict = judge(exercise, answer)
    except ExerciseError as error:
        return {"fault": str(error)}
    return {"right": verdict.right, "text": verdict.text.removeprefix(f"Exercise {number}: ")}


def _execute(statements: list[ast.stmt], names: dict[str, Any]) -> None:
    """Without the calls of ask and check, which would only take time."""
    kept = [s for s in statements if not _calls(s, "ask", "check")]
    exec(compile(ast.Module(kept, []), "<answer>", "exec"), names)


# --- what is in a notebook ------------------------------------------------------------------------


def code_cells(path: Path) -> list[ast.Module]:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return [
        _parse("".join(cell["source"])) for cell in notebook["cells"] if cell["cell_type"] == "code"
    ]


def _parse(source: str) -> ast.Module:
    """Without magics. What is not Python raises SyntaxError when run, before it binds a name."""
    lines = ["pass" if line.startswith(("%", "!")) else line for line in source.splitlines()]
    try:
        return ast.parse("\n".join(lines))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        names = sorted(set(re.findall(r"\banswer_\w+", source)))
        why = f"raise SyntaxError({getattr(error, 'msg', 'not Python')!r})"
        return ast.parse("\n".join([why, *(f"{name} = ..." for name in names)]))


def imports(cells: list[ast.Module]) -> list[ast.stmt]:
    return [s for cell in cells for s in cell.body if isinstance(s, ast.Import | ast.ImportFrom)]


def exercise_cells(cells: list[ast.Module]) -> dict[str, list[ast.Module]]:
    """The cells of each exercise whose answer the notebook names, in the order of the course."""
    found = {}
    for number, exercise in EXERCISES.items():
        naming = [i for i, cell in enumerate(cells) if exercise.name in _names(cell)]
        if not naming:
            continue
        asked = [i for i, cell in enumerate(cells) if any(_calls(s, "ask") for s in cell.body)]
        first = max((i for i in asked if i < naming[-1]), default=naming[0])
        found[number] = [cells[i] for i in sorted({*naming, *range(first, naming[-1] + 1)})]
    return found


def _names(cell: ast.Module) -> set[str]:
    functions = {node.name for node in ast.walk(cell) if isinstance(node, ast.FunctionDef)}
    return functions | {node.id for node in ast.walk(cell) if isinstance(node, ast.Name)}


def _calls(statement: ast.stmt, *functions: str) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Call)
        and isinstance(statement.value.func, ast.Name)
        and statement.value.func.id in functions
    )


# --- the process ----------------------------------------------------------------------------------


def _channel() -> Callable[[dict[str, Any]], None]:
    """A function that sends to the parent; whatever else is printed from now on goes nowhere."""
    pipe = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    sys.stdout = sys.stderr = Nowhere()
    with contextlib.suppress(ImportError, ValueError, OSError):  # not on Windows
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))

    def send(message: dict[str, Any]) -> None:
        pipe.write(json.dumps(message) + "\n")
        pipe.flush()

    return send


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
    os._exit(0)  # whatever threads the notebook has left
