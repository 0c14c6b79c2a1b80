"""What is in a notebook: cells as Python, the names they bind and use, those of each exercise."""

from __future__ import annotations

import ast
import json
import re
import symtable
from collections.abc import Iterable, Iterator
from typing import Any

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"


def python(source: str) -> str:
    """A cell as Python, with its magics as Jupyter turns them into calls."""
    from IPython.core.inputtransformer2 import TransformerManager

    return TransformerManager().transform_cell(source)


def names(code: str) -> tuple[set[str], set[str]]:
    """The names that code binds at its top, and those it uses there or as globals."""
    table = symtable.symtable(code, "cell", "exec")
    made = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
    used = {s.get_name() for s in table.get_symbols() if s.is_referenced()}
    for inner in _descendants(table):
        used |= {s.get_name() for s in inner.get_symbols() if s.is_global() and s.is_referenced()}
    return made, used


def _descendants(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _descendants(child)


def statements(code: str) -> list[str]:
    return [ast.unparse(statement) for statement in ast.parse(code).body]


def is_import(statement: str) -> bool:
    return isinstance(ast.parse(statement).body[0], ast.Import | ast.ImportFrom)


def needed(before: Iterable[str], wanted: set[str]) -> list[str]:
    """Of these statements those that bind the wanted names, or a name that such a one uses."""
    wanted, chosen = set(wanted), []
    for statement in reversed(list(before)):
        made, used = names(statement)
        if made & wanted:
            chosen.append(statement)
            wanted |= used
    return chosen[::-1]


def _is_test(metadata: dict[str, Any]) -> bool:
    """Of nbgrader"""
    nbgrader = metadata.get("nbgrader", {})
    return bool(nbgrader.get("grade") and not nbgrader.get("solution"))


class Handed:
    """A notebook that was handed in. Cells of solutions are left out.

    Raises ValueError for a text that is no notebook.
    """

    def __init__(self, text: str) -> None:
        try:
            cells = [
                cell
                for cell in json.loads(text)["cells"]
                if cell["cell_type"] == "code" and not _is_test(cell.get("metadata", {}))
            ]
            sources = ["".join(cell["source"]) for cell in cells]
            solved = [
                "solution" in cell.get("metadata", {}).get("tags", []) or BEGIN in source
                for cell, source in zip(cells, sources, strict=True)
            ]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(type(error).__name__) from None
        self.solutions = sum(solved)
        self.sources = [s for s, left_out in zip(sources, solved, strict=True) if not left_out]
        self.statements = [self._statements(source) for source in self.sources]

    @staticmethod
    def _statements(source: str) -> list[str]:
        """None of a cell that is not Python: running it tells why. What is timed counts too."""
        timed = r"(?m)^%%(?:time|capture)\b.*\n|^([ \t]*)%time "
        try:
            return statements(python(re.sub(timed, r"\1", source)))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return []

    def imports(self) -> list[str]:
        return [s for cell in self.statements for s in cell if is_import(s)]

    def of_exercises(self, names: dict[str, str]) -> dict[str, list[int]]:
        """For each exercise, by the name of its answer: the cells that have that name, and what
        stands between its question and the last of them."""
        asking = [i for i, source in enumerate(self.sources) if re.search(r"(?m)^ask\(", source)]
        chosen = {}
        for number, name in names.items():
            word = re.compile(rf"\b{re.escape(name)}\b")
            naming = [i for i, source in enumerate(self.sources) if word.search(source)]
            if naming:
                first = max((i for i in asking if i < naming[-1]), default=naming[0])
                chosen[number] = sorted({*naming, *range(first, naming[-1] + 1)})
        return chosen

    def before(self, cells: list[int]) -> list[str]:
        """The statements that come before these cells and are in none of them."""
        return [s for i in range(max(cells)) if i not in cells for s in self.statements[i]]
