"""nbgrader so that no hand-in costs another its mark, and whoever was not marked is told apart.

Three parts of nbgrader's in other words, which its configuration names (`student.py` writes it): a
copied, deleted, renamed or moved cell is put right before the notebook runs; a cell that ends the
kernel or goes on for too long is left out, and the notebook runs again without it; the table of
marks says who was not marked. The hand-ins themselves stay as they are.
"""

import csv
import hashlib
import io
import re
from collections.abc import Iterator
from glob import glob
from pathlib import Path
from typing import Any

import nbformat
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.api import Gradebook
from nbgrader.plugins import ExportPlugin
from nbgrader.preprocessors import Execute, NbGraderPreprocessor
from traitlets import Bool, List, Unicode

from ...files import write_whole

STOPPED = "raise RuntimeError('Not marked: "  # how a cell begins that was left out
OTHERS = re.compile(r"NameError|\w+: .* is not callable")  # another cell's doing, mostly
MISSING = "This answer is missing. Look for it in the other cells."
_MAKE = {"code": new_code_cell, "markdown": new_markdown_cell}


class PutRight(NbGraderPreprocessor):
    """Each cell of the exercises counts once, in the order in which they were released.

    What else students have written moves with the cell before it. Cells that are missing come back
    if they are locked, or marked by hand, since the Formgrader has no box without one; another
    answer does not, for it may stand elsewhere.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        about, file = resources["nbgrader"], resources["metadata"]
        nb.metadata["handed_in"] = _digest(Path(file["path"], f"{file['name']}.ipynb"))
        with Gradebook(about["db_url"]) as book:
            notebook = book.find_notebook(about["notebook"], about["assignment"])
            points = {cell.name: cell.max_score for cell in notebook.grade_cells}
            answers = {cell.name for cell in notebook.solution_cells}
            released = {
                cell.name: _MAKE[cell.cell_type](cell.source, metadata={"nbgrader": {
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
            by_hand = name in points and name in answers
            if name not in parts and (cell.metadata.nbgrader.locked or by_hand):
                if nb.nbformat_minor < 5:
                    del cell["id"]
                cell.source = MISSING if by_hand else cell.source
                parts[name] = [cell]
        nb.cells = [cell for name in ("", *released) for cell in parts.get(name, [])]
        return nb, resources


class GoOn(Execute):
    """Runs the notebook again without a cell that ends the kernel, or does not end in time."""

    interrupt_on_timeout = Bool(False)  # a loop may catch it, and then no other cell would run
    imports = ""  # of a sheet
    # `exit()` does nothing: the kernel would end in one of the next cells, and so blame that
    extra_arguments = List(Unicode(), ["--IPKernelApp.exec_lines=get_ipython().ask_exit = str"])

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        while True:
            try:
                return super().preprocess(nb, resources)
            except (DeadKernelError, CellTimeoutError) as error:
                cell = self.running
                if cell.source.startswith(STOPPED):
                    raise  # without a kernel nothing can be marked
                why = "the kernel died" if isinstance(error, DeadKernelError) else "it did not end"
                lines = [f"{STOPPED}{why} in this cell')", *cell.source.splitlines()]
                cell.source = "\n# ".join(lines)

    def preprocess_cell(self, cell: Any, resources: Any, index: int) -> tuple[Any, Any]:
        self.running, about = cell, cell.metadata.get("nbgrader", {})
        if about.get("grade_id") == "imports":
            self.imports = cell.source
        elif about.get("solution") and self.imports:  # another cell may have overwritten them
            self.kc.execute(self.imports, silent=True)
        return super().preprocess_cell(cell, resources, index)


class Marks(ExportPlugin):
    """`nbgrader export`: a row for each hand-in, with what in it was not marked."""

    def export(self, gradebook: Gradebook) -> None:
        with io.StringIO(newline="") as file:
            table = csv.writer(file)
            table.writerow(["assignment", "student_id", "score", "max_score", "not_marked"])
            for row in (*self._hand_ins(gradebook), *self._lost(gradebook)):
                table.writerow(row)
                if row[-1]:
                    self.log.warning("%s, %s, not marked: %s", row[0], row[1], row[-1])
            write_whole(Path(self.to or "grades.csv"), file.getvalue().encode())

    def _hand_ins(self, gradebook: Gradebook) -> Iterator[list[Any]]:
        """Of whoever is in submitted/ or autograded/."""
        course = self.parent.coursedir
        both = course.submitted_directory, course.autograded_directory
        for assignment in gradebook.assignments:
            name = assignment.name
            released = Path(course.format_path(course.release_directory, ".", name))
            found = (glob(course.format_path(where, "*", name)) for where in both)
            for student in sorted({Path(path).parent.name for paths in found for path in paths}):
                folder, graded = (Path(course.format_path(where, student, name)) for where in both)
                scores, left = [], []
                for notebook in assignment.notebooks:
                    handed_in = folder / f"{notebook.name}.ipynb"
                    marks = _marks(gradebook, notebook, handed_in, released, graded)
                    for exercise, score, why in marks:
                        scores += [] if why else [score]
                        left += [f"{exercise}: {why}"] if why else []
                total = sum(scores) if scores else ""
                yield [name, student, total, assignment.max_score, "; ".join(left)]

    def _lost(self, gradebook: Gradebook) -> Iterator[list[str]]:
        """Of what lies in submitted/ and is no assignment."""
        course, names = self.parent.coursedir, {one.name for one in gradebook.assignments}
        for entry in sorted(Path(course.root, course.submitted_directory).glob("[!.]*")):
            for lost in sorted(entry.glob("[!.]*")) or [entry]:
                if not lost.is_dir() or lost.name not in names:
                    yield ["", entry.name, "", "", f"{lost.name}: no folder of an assignment"]


def _marks(
    gradebook: Gradebook, notebook: Any, handed_in: Path, released: Path, graded: Path
) -> Iterator[tuple[str, float, str]]:
    """Of a hand-in: each mark, and why it is none."""
    path, student = graded / handed_in.name, handed_in.parent.parent.name
    if not path.exists():
        failed = "autograde failed or has not run"
        why = failed if handed_in.exists() else f"no file {path.name} in its folder"
        yield notebook.name, 0.0, why
        return
    marked = nbformat.read(path, 4)
    if not handed_in.exists():
        yield notebook.name, 0.0, "not in submitted/ any more"
    elif marked.metadata.get("handed_in") != _digest(handed_in):
        yield notebook.name, 0.0, "changed since it was marked"
    cells = marked.cells
    left_out = any(cell.source.startswith(STOPPED) for cell in cells)
    names = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in cells]
    found = dict(zip(names, cells, strict=True))
    assignment = notebook.assignment.name
    submission = gradebook.find_submission_notebook(notebook.name, assignment, student)
    grades, answers = {g.name: g for g in submission.grades}, {*map(_name, notebook.solution_cells)}
    stubs = {cell.name: cell.source.strip() for cell in notebook.source_cells}
    answer, more = "", _more(handed_in, released / handed_in.name, answers)
    for name in stubs:
        answer = name if name in answers else answer
        if name not in grades:
            continue
        why, parts, none = "", [found.get(answer), found.get(name)], grades[name].score == 0
        stopped = [cell.source for cell in parts if cell and cell.source.startswith(STOPPED)]
        (failed, _), (error, said) = map(_error, parts)
        stub = found[answer].source.strip() if answer in found else ""
        if grades[name].needs_manual_grade:
            why = "to be marked by hand"
        elif grades[name].manual_score is not None:
            why = ""  # what was given by hand counts
        elif none and answer not in found:
            why = "its answer is missing"
        elif none and more and (stub == stubs[answer] or "not yet answered" in said):
            why = f"not answered in its cell, but there is {more}"
        elif stopped:
            why = stopped[0].removeprefix(STOPPED).partition(" in this cell")[0]
        elif error.startswith("NameError"):
            why = "there is no answer of that name" + f": its cell ended in {failed}" * bool(failed)
        elif none and left_out and name != answer:
            why = "a cell was left out, on which it may rest"
        elif error and not error.startswith("AssertionError"):
            why = f"its test ended in {error}; did a cell change a library?"
        elif (blame := re.search(r"raised (.*)", said)) and (more or OTHERS.match(blame[1])):
            why = f"does it need something of another cell? It raised {blame[1]}"
        yield name.removeprefix("test_"), grades[name].score, why


def _more(handed_in: Path, given: Path, answers: set[str]) -> str:
    """What a hand-in has beside its answers, if anything"""
    if others := sorted({path.name for path in handed_in.parent.glob("*.ipynb")} - {given.name}):
        return f"{others[0]} beside it"
    try:
        cells = nbformat.read(handed_in, 4).cells
    except (OSError, ValueError):  # taken away, or no notebook any more: told already
        return ""
    released = nbformat.read(given, 4).cells if given.exists() else []
    old, left = {"", *(cell.source.strip() for cell in released)}, set(answers)
    for cell in cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name not in left and cell.source.strip() not in old:
            return "a cell of the student's own"
        left -= {name}
    return ""


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _name(cell: Any) -> str:
    return str(cell.name)


def _error(cell: Any) -> tuple[str, str]:
    """The name of the error in which a cell ended, if in any, and its text"""
    outputs = cell.get("outputs", []) if cell else []
    errors = [(out.ename, out.evalue) for out in outputs if out.output_type == "error"]
    return errors[0] if errors else ("", "")
