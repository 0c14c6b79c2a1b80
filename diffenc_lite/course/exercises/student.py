"""Versions of the notebooks for students: to read and work in, or made for a grader.

What a lesson must keep to (the three cells of an exercise are shown in `checking.py`):

- A solution is a code cell with the tag `solution`, and all that is in it stands between the lines
  `### BEGIN SOLUTION` and `### END SOLUTION`, after the line `# Ignore this cell until ...`. Hide
  its input (metadata jupyter.source_hidden), so that the reader meets the stub first.
- The cell before it is its stub. It runs as it stands (`answer_04_2 = ...`, or a function whose
  body is `...`). Both bind the name of the answer and end in `check("04.2", answer_04_2)`.
- No later cell uses a name that was last bound by a stub or a solution: in the student version that
  name would be missing or `...`.
- A text about solutions is a Markdown cell with the tag `solution`: it goes with them.

`plain` is the lesson without solutions and outputs: the stub stays, and reports "not yet answered".
`nbgrader` and `otter` are what those two graders make the students' version of: with solutions,
each between the marks that this grader knows, and with tests. The lessons themselves are for
neither. nbgrader refuses them; otter-grader would hand them out as they are, but for the solutions,
which it drops since their first line begins with "# Ignore".

Each rule is checked, for all notebooks, before a file is written.
"""

from __future__ import annotations

import ast
import copy
from pathlib import Path
from typing import Any

from ..lessons import notebooks_in, place
from . import cells as cells_of
from .cells import BEGIN, END
from .forms import answer_name
from .graders import NBGRADER_CONFIG, for_nbgrader, for_otter, otter_config

IGNORE = "# Ignore this cell until you have tried yourself."
GRADERS = ("plain", "nbgrader", "otter")


def write_student_versions(
    notebooks_dir: str | Path,
    out_dir: str | Path,
    grader: str = "plain",
    exercises_only: bool = False,
) -> list[Path]:
    """Write a version of every notebook in notebooks_dir for students, or for a grader.

    plain: OUT/NAME.ipynb, and OUT/further/NAME.ipynb for companions. otter: OUT/source/NAME.ipynb.
    nbgrader: OUT/source/NAME/NAME.ipynb and OUT/nbgrader_config.py. With exercises_only a version
    has the imports and the exercises, without the lesson, and notebooks without exercises are left
    out: it runs in seconds.

    Returns the paths of the notebooks written. Nothing is overwritten, nor written if one notebook
    is wrong. Raises FileNotFoundError where there are no notebooks, FileExistsError for a file in
    the way, ValueError for an unknown grader, for an out_dir in the folder of the notebooks and for
    a notebook that breaks a rule.
    """
    import nbformat

    if grader not in GRADERS:
        raise ValueError(f"grader must be one of {', '.join(GRADERS)}; got {grader!r}")
    source, target = Path(notebooks_dir).resolve(), Path(out_dir).resolve()
    notebooks = notebooks_in(source)
    if not notebooks:
        raise FileNotFoundError(f"notebooks_dir must hold notebooks (*.ipynb); got {source}")
    if target.is_relative_to(source):
        raise ValueError(
            f"out_dir must lie outside the folder of the notebooks, {source}; got {target}"
        )
    if target.exists() and not target.is_dir():
        raise FileExistsError(f"out_dir must be a folder, new or not; {target} is a file")
    files: dict[Path, str] = {}
    for path in notebooks:
        notebook = student_version(_read(path), path.name, grader, exercises_only)
        if notebook is not None:
            files[target / _place(path, grader)] = nbformat.writes(notebook) + "\n"
    written = list(files)
    if grader == "nbgrader":
        files[target / "nbgrader_config.py"] = NBGRADER_CONFIG
    there = [path.name for path in files if path.exists()]
    if there:
        raise FileExistsError(
            f"out_dir already holds {', '.join(there)}, perhaps with somebody's answers; nothing "
            f"is overwritten, so give another folder than {target}"
        )
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return written


def _place(path: Path, grader: str) -> Path:
    if grader == "nbgrader":
        return Path("source", path.stem, path.name)
    return Path("source", path.name) if grader == "otter" else place(path)


def _read(path: Path) -> Any:
    import nbformat

    try:
        return nbformat.read(path, as_version=4)
    except (ValueError, KeyError, AttributeError, TypeError, nbformat.ValidationError) as error:
        why = str(error).partition("\n")[0]  # not JSON, not UTF-8, or no cells
        raise ValueError(f"{path.name} is not a notebook that can be read: {why}") from error


def student_version(
    notebook: Any, name: str, grader: str = "plain", exercises_only: bool = False
) -> Any:
    """A copy without outputs and counts, its solutions gone or marked for the grader; None if only
    exercises are wanted and there are none. Raises ValueError where a rule is broken."""
    _check_rules(notebook.cells, name)
    student = copy.deepcopy(notebook)
    student.metadata.pop("widgets", None)
    for cell in student.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            cell.metadata.pop("execution", None)
    cells = student.cells
    if exercises_only:
        cells = _sheet(cells, name)
    exercises = sum(map(is_solution, cells))
    if exercises_only and not exercises:
        return None
    student.cells = [otter_config(Path(name).stem)] if grader == "otter" and exercises else []
    for index, cell in enumerate(cells):
        if is_solution(cell) or (cell.cell_type == "markdown" and _is_about_solutions(cell)):
            continue
        if index + 1 == len(cells) or not is_solution(cells[index + 1]) or grader == "plain":
            student.cells.append(cell)
            continue
        (number,) = _checked(cell.source, name)
        stub, call = _before_check(cell.source)
        solution, _ = _before_check("\n".join(cells[index + 1].source.strip().splitlines()[2:-1]))
        make = for_nbgrader if grader == "nbgrader" else for_otter
        student.cells += make(number, stub, solution, call)
    return student


def is_solution(cell: Any) -> bool:
    return cell.cell_type == "code" and "solution" in cell.metadata.get("tags", [])


def _is_about_solutions(cell: Any) -> bool:
    return "solution" in cell.metadata.get("tags", [])


def _before_check(source: str) -> tuple[str, str]:
    """What stands before the last statement, which is the call of check, and that call."""
    lines = source.rstrip().splitlines()
    start = ast.parse(source).body[-1].lineno - 1
    return "\n".join(lines[:start]).rstrip(), "\n".join(lines[start:])


def _sheet(cells: list[Any], name: str) -> list[Any]:
    """A title, the imports of the lesson in one cell, what of the lesson the questions use in
    another, and the exercises, each from `ask` on."""
    from nbformat.v4 import new_code_cell, new_markdown_cell

    before: list[str] = []  # statements of the lesson, which an exercise may need
    wanted: set[str] = set()
    shown: list[Any] = []
    imports: list[str] = []
    for index, cell in enumerate(cells):
        if cell.cell_type != "code":
            continue
        code = [ast.unparse(s) for s in _parse(cell.source, name).body]
        imports += [s for s in code if cells_of.is_import(s)]
        if is_solution(cell):
            (number,) = _checked(cell.source, name)
            first = max(i for i in range(index) if f'ask("{number}")' in cells[i].source)
            shown += cells[first : index + 1]
            for asking in cells[first:index]:
                if asking.cell_type == "code":
                    made, used = _names(asking.source, name)
                    wanted |= used - made
        else:
            before += [s for s in code if not cells_of.is_import(s)]
    given = cells_of.needed(before, wanted)
    sheet = [
        new_markdown_cell(f"# Exercises of {Path(name).stem}", id="title"),
        new_code_cell("\n".join(dict.fromkeys(imports)), id="imports"),
    ]
    if given:
        sheet.append(new_code_cell("\n".join(dict.fromkeys(given)), id="given"))
    return sheet + shown


# --- the rules -----------------------------------------------------------------------------------


def _check_rules(cells: list[Any], name: str) -> None:
    unreliable: set[str] = set()  # names last bound by a stub or a solution
    asked: set[str] = set()
    for index, cell in enumerate(cells):
        where = f"{name}, cell {index + 1}"
        if not is_solution(cell) and (BEGIN in cell.source or END in cell.source):
            raise ValueError(f"{where}: a solution must be a code cell with the tag `solution`")
        if cell.cell_type != "code":
            continue
        made, used = _names(cell.source, where)
        if is_solution(cell):
            _check_solution(cell, cells[index - 1] if index else None, asked, where)
            unreliable |= made
        elif index + 1 < len(cells) and is_solution(cells[index + 1]):
            unreliable |= made
        else:
            asked |= set(_calls("ask", cell.source, where))
            missing = sorted((used - made) & unreliable)
            if missing:
                raise ValueError(
                    f"{where}: uses {', '.join(missing)}, last bound by a stub or a solution; "
                    "students have no solutions, so bind (or import) it in a cell of the lesson"
                )
            unreliable -= made


def _check_solution(cell: Any, stub: Any, asked: set[str], where: str) -> None:
    lines = [line.strip() for line in cell.source.strip().splitlines()]
    if lines[:2] != [IGNORE, BEGIN] or lines[-1:] != [END]:
        raise ValueError(
            f"{where}: all of a solution must stand between `{BEGIN}` and `{END}`, after the "
            f"line `{IGNORE}`"
        )
    numbers = _checked(cell.source, where)
    stubbed = _checked(stub.source, where) if stub is not None and stub.cell_type == "code" else []
    if len(numbers) != 1 or numbers != stubbed:
        raise ValueError(
            f"{where}: a solution and the cell before it, its stub, must each end in a call of "
            f"check with the same number and the answer's name, answer_04_2 for 04.2; the stub "
            f"checks {', '.join(stubbed) or 'nothing'}, the solution "
            f"{', '.join(numbers) or 'nothing'}"
        )
    if numbers[0] not in asked:
        raise ValueError(f'{where}: no cell before it has ask("{numbers[0]}")')


def _checked(source: str, where: str) -> list[str]:
    """The number of the exercise that a cell checks with its last statement, under its name."""
    numbers = _calls("check", source, where)
    last = ast.unparse(_parse(source, where).body[-1]) if numbers else ""
    proper = [n for n in numbers if last == f"check({n!r}, {answer_name(n)})"]
    return numbers if numbers == proper else []


def _calls(function: str, source: str, where: str) -> list[str]:
    """The first arguments of the calls of ask or check in a cell: numbers of exercises."""
    return [
        str(node.args[0].value)
        for node in ast.walk(_parse(source, where))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == function
        and node.args
        and isinstance(node.args[0], ast.Constant)
    ]


def _names(source: str, where: str) -> tuple[set[str], set[str]]:
    """The names that a cell binds, and those it uses, as far as they are of the notebook."""
    return cells_of.names(ast.unparse(_parse(source, where)))


def _parse(source: str, where: str) -> ast.Module:
    try:
        return ast.parse(cells_of.python(source))
    except SyntaxError as error:
        raise ValueError(f"{where}: not Python: {error.msg}") from error
