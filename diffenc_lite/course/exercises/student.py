"""Student versions of the notebooks: the same lessons without solutions and outputs.

What a notebook must keep to (the three cells of an exercise are shown in `checking.py`):

- A solution is a code cell with the tag `solution`, and all that is in it stands between the lines
  `### BEGIN SOLUTION` and `### END SOLUTION`. Hide its input (metadata jupyter.source_hidden), so
  that the reader of the lesson meets the stub first.
- The cell before it is its stub. It runs as it stands (`answer = ...`, or a function whose body is
  `...`), and both call `check` with the same number.
- No later cell uses a name that was last bound by a stub or a solution: in the student version that
  name would be missing or `...`.

In the student version the solution cell is gone; the stub stays and reports "not yet answered".
nbgrader and otter-grader know the same markers (`nbgrader generate_assignment --no-metadata`).
Each of these rules is checked, for all notebooks, before a file is written.
"""

from __future__ import annotations

import ast
import copy
import symtable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"


def write_student_versions(notebooks_dir: str | Path, out_dir: str | Path) -> list[Path]:
    """Write the student version of every notebook in notebooks_dir to out_dir, by the same name.

    Returns the paths written. Nothing is overwritten, nor written if one notebook is wrong.
    Raises FileNotFoundError where there are no notebooks, FileExistsError for a file in the way,
    ValueError for an out_dir in the folder of the notebooks and for a notebook that breaks a rule.
    """
    source, target = Path(notebooks_dir).resolve(), Path(out_dir).resolve()
    notebooks = sorted(source.glob("*.ipynb"))
    if not notebooks:
        raise FileNotFoundError(f"notebooks_dir must hold notebooks (*.ipynb); got {source}")
    if target.is_relative_to(source):
        raise ValueError(
            f"out_dir must lie outside the folder of the notebooks, {source}; got {target}"
        )
    if target.exists() and not target.is_dir():
        raise FileExistsError(f"out_dir must be a folder, new or not; {target} is a file")
    written = [target / path.name for path in notebooks]
    there = [path.name for path in written if path.exists()]
    if there:
        raise FileExistsError(
            f"out_dir already holds {', '.join(there)}, perhaps with somebody's answers; nothing "
            f"is overwritten, so give another folder than {target}"
        )

    import nbformat

    versions = [student_version(_read(path), path.name) for path in notebooks]
    target.mkdir(parents=True, exist_ok=True)
    for version, path in zip(versions, written, strict=True):
        nbformat.write(version, path)
    return written


def _read(path: Path) -> Any:
    import nbformat

    try:
        return nbformat.read(path, as_version=4)
    except (ValueError, KeyError, AttributeError, TypeError, nbformat.ValidationError) as error:
        why = str(error).partition("\n")[0]  # not JSON, not UTF-8, or no cells
        raise ValueError(f"{path.name} is not a notebook that can be read: {why}") from error


def student_version(notebook: Any, name: str) -> Any:
    """A copy without solutions, outputs and counts. Raises ValueError where a rule is broken."""
    _check_rules(notebook.cells, name)
    student = copy.deepcopy(notebook)
    student.cells = [cell for cell in student.cells if not is_solution(cell)]
    student.metadata.pop("widgets", None)
    for cell in student.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            cell.metadata.pop("execution", None)
    return student


def is_solution(cell: Any) -> bool:
    return "solution" in cell.metadata.get("tags", [])


# --- the rules -----------------------------------------------------------------------------------


def _check_rules(cells: list[Any], name: str) -> None:
    unreliable: set[str] = set()  # names last bound by a stub or a solution
    for index, cell in enumerate(cells):
        where = f"{name}, cell {index + 1}"
        if not is_solution(cell) and (BEGIN in cell.source or END in cell.source):
            raise ValueError(f"{where}: a solution must have the tag `solution`")
        if cell.cell_type != "code":
            if is_solution(cell):
                raise ValueError(f"{where}: a solution must be a code cell")
            continue
        made, used = _names(cell.source, where)
        if is_solution(cell):
            _check_solution(cell, cells[index - 1] if index else None, where)
            unreliable |= made
        elif index + 1 < len(cells) and is_solution(cells[index + 1]):
            unreliable |= made
        else:
            missing = sorted((used - made) & unreliable)
            if missing:
                raise ValueError(
                    f"{where}: uses {', '.join(missing)}, last bound by a stub or a solution; "
                    "students have no solutions, so bind (or import) it in a cell of the lesson"
                )
            unreliable -= made


def _check_solution(cell: Any, stub: Any, where: str) -> None:
    lines = [line.strip() for line in cell.source.strip().splitlines()]
    if lines[:1] != [BEGIN] or lines[-1:] != [END]:
        raise ValueError(f"{where}: all of a solution must stand between `{BEGIN}` and `{END}`")
    numbers = _checked(cell.source, where)
    stubbed = _checked(stub.source, where) if stub is not None and stub.cell_type == "code" else []
    if len(numbers) != 1 or numbers != stubbed:
        raise ValueError(
            f"{where}: a solution and the cell before it, its stub, must each call check once with "
            f"the same number; the stub checks {stubbed}, the solution {numbers}"
        )


def _checked(source: str, where: str) -> list[str]:
    """The numbers of the exercises that a cell checks."""
    calls = [node for node in ast.walk(_parse(source, where)) if isinstance(node, ast.Call)]
    return [
        ast.unparse(call.args[0])
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id == "check" and len(call.args) == 2
    ]


def _names(source: str, where: str) -> tuple[set[str], set[str]]:
    """The names that a cell binds, and those it uses, as far as they are of the notebook."""
    table = symtable.symtable(ast.unparse(_parse(source, where)), where, "exec")
    made = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
    used = {s.get_name() for s in table.get_symbols() if s.is_referenced()}
    for inner in _descendants(table):
        used |= {s.get_name() for s in inner.get_symbols() if s.is_global() and s.is_referenced()}
    return made, used


def _descendants(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _descendants(child)


def _parse(source: str, where: str) -> ast.Module:
    from IPython.core.inputtransformer2 import TransformerManager  # for magics, %time and the like

    try:
        return ast.parse(TransformerManager().transform_cell(source))
    except SyntaxError as error:
        raise ValueError(f"{where}: not Python: {error.msg}") from error
