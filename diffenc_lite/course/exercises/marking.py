"""nbgrader so that no hand-in costs another its mark, and whoever was not marked is told apart.

Three parts of nbgrader's in other words, which its configuration names (`student.py` writes it): a
copied, deleted, renamed or moved cell is put right before the notebook runs; a cell that ends the
kernel or goes on for too long is left out, and the notebook runs again without it; the table of
marks says who was not marked. The hand-ins themselves stay as they are.
"""

import csv
from collections.abc import Iterator
from glob import glob
from pathlib import Path
from typing import Any

import nbformat
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat.v4 import new_code_cell
from nbgrader.api import Gradebook
from nbgrader.plugins import ExportPlugin
from nbgrader.preprocessors import Execute, NbGraderPreprocessor
from traitlets import Bool, List, Unicode

STOPPED = "raise RuntimeError('Not marked: "  # how a cell begins that was left out


class PutRight(NbGraderPreprocessor):
    """Each cell of the exercises counts once, in the order in which they were released.

    What else students have written moves with the cell before it. Locked cells that are missing
    come back; a missing answer does not, for it may stand elsewhere.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        about = resources["nbgrader"]
        with Gradebook(about["db_url"]) as book:
            notebook = book.find_notebook(about["notebook"], about["assignment"])
            points = {cell.name: cell.max_score for cell in notebook.grade_cells}
            answers = {cell.name for cell in notebook.solution_cells}
            released = {
                cell.name: new_code_cell(cell.source, metadata={"nbgrader": {
                    "schema_version": 3, "grade_id": cell.name, "locked": cell.locked,
                    "grade": cell.name in points, "solution": cell.name in answers, "task": False,
                } | ({"points": points[cell.name]} if cell.name in points else {})})
                for cell in notebook.source_cells
            }  # fmt: skip
        name, parts = "", dict[str, list[Any]]({"": []})
        for cell in nb.cells:
            given = cell.metadata.pop("nbgrader", None) or {}
            found = str(given.get("grade_id"))
            if found in released and found not in parts:
                name, parts[found] = found, []
                cell.metadata["nbgrader"] = released[found].metadata.nbgrader
            parts[name].append(cell)
        for name, cell in released.items():
            if name not in parts and cell.metadata.nbgrader.locked:
                if nb.nbformat_minor < 5:
                    del cell["id"]
                parts[name] = [cell]
        nb.cells = [cell for name in ("", *released) for cell in parts.get(name, [])]
        return nb, resources


class GoOn(Execute):
    """Runs the notebook again without a cell that ends the kernel, or does not end in time."""

    interrupt_on_timeout = Bool(False)  # a loop may catch it, and then no other cell would run
    # `exit()` does nothing: the kernel would end in one of the next cells, and so blame that
    extra_arguments = List(Unicode(), ["--IPKernelApp.exec_lines=get_ipython().ask_exit = str"])

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        while True:
            try:
                return super().preprocess(nb, resources)
            except (DeadKernelError, CellTimeoutError) as error:
                cell, kind = self.running, self.running.metadata.get("nbgrader", {})
                if cell.source.startswith(STOPPED) or kind.get("locked") and not kind["grade"]:
                    raise  # without a kernel or its imports nothing can be marked
                why = "the kernel died" if isinstance(error, DeadKernelError) else "it did not end"
                lines = [f"{STOPPED}{why} in this cell')", *cell.source.splitlines()]
                cell.source = "\n# ".join(lines)

    def preprocess_cell(self, cell: Any, resources: Any, index: int) -> tuple[Any, Any]:
        self.running = cell
        return super().preprocess_cell(cell, resources, index)


class Marks(ExportPlugin):
    """`nbgrader export`: a row for each hand-in, with what in it was not marked."""

    def export(self, gradebook: Gradebook) -> None:
        course = self.parent.coursedir
        with open(self.to or "grades.csv", "w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["assignment", "student_id", "score", "max_score", "not_marked"])
            for assignment in gradebook.assignments:
                name = assignment.name
                for folder in sorted(
                    glob(course.format_path(course.submitted_directory, "*", name))
                ):
                    student = Path(folder).parent.name
                    graded = Path(course.format_path(course.autograded_directory, student, name))
                    scores, left = [], []
                    for notebook in assignment.notebooks:
                        for exercise, score, why in _marks(gradebook, notebook, student, graded):
                            scores += [] if why else [score]
                            left += [f"{exercise}: {why}"] if why else []
                    total, out = sum(scores) if scores else "", "; ".join(left)
                    table.writerow([name, student, total, assignment.max_score, out])
                    if left:
                        self.log.warning("%s, %s, not marked: %s", name, student, out)


def _marks(
    gradebook: Gradebook, notebook: Any, student: str, graded: Path
) -> Iterator[tuple[str, float, str]]:
    """Of a hand-in: each mark, and why it is none."""
    path = graded / f"{notebook.name}.ipynb"
    if not path.exists():
        yield notebook.name, 0.0, "autograde failed or has not run"
        return
    cells = nbformat.read(path, 4).cells
    left_out = any(cell.source.startswith(STOPPED) for cell in cells)
    cells = [cell for cell in cells if "nbgrader" in cell.metadata]
    sources = {cell.metadata.nbgrader.grade_id: cell.source for cell in cells}
    assignment = notebook.assignment.name
    found = gradebook.find_submission_notebook(notebook.name, assignment, student)
    grades, answers = {g.name: g for g in found.grades}, {c.name for c in notebook.solution_cells}
    answer = ""
    for name in [cell.name for cell in notebook.source_cells]:
        answer = name if name in answers else answer
        if name in grades:
            why, parts = "", [sources.get(answer, ""), sources.get(name, "")]
            if grades[name].needs_manual_grade:
                why = "to be marked by hand"
            elif grades[name].score == 0 and answer not in sources:
                why = "its answer is missing"
            elif stopped := [part for part in parts if part.startswith(STOPPED)]:
                why = stopped[0].removeprefix(STOPPED).partition(" in this cell")[0]
            elif grades[name].score == 0 and left_out:
                why = "a cell was left out, on which it may rest"
            yield name.removeprefix("test_"), grades[name].score, why
