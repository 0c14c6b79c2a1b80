"""Copies of the notebooks for students: lessons to work in, or the source of an nbgrader course.

An exercise is three cells in a row: its question, a stub, and a solution (`checking.py` shows
them). For nbgrader stub and solution become an answer, out of which it takes the solution, and a
locked test. The test runs right after the answer, so nothing that comes later changes a mark.

What a notebook must keep to:

- A solution is a code cell with the tag `solution`. All of it stands between `### BEGIN SOLUTION`
  and `### END SOLUTION`, after the line `# Ignore this cell until ...`.
- The question is `ask("04.2")` alone, and says all that it needs.
- Stub and solution end in the same `check("04.2", answer_04_2)`. The stub runs as it stands, and
  both need nothing of the lesson but its imports.
- No later cell uses a name that a stub or a solution has bound: students may have anything there.
- A text about solutions is a Markdown cell with the tag `solution`: it goes with them.
"""

import ast
import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbformat.v4 import new_code_cell, new_markdown_cell

from ..lessons import notebooks_in, place, write_new
from .forms import answer_name
from .lab import ANSWER, BY_HAND, POINTS, QUESTION, RULES, hidden_test
from .own import names_of

IGNORE = "# Ignore this cell until you have tried yourself."
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
NEEDED = re.compile(r"^(import|from) |^\w+ = take\(", re.MULTILINE)  # in cells that tests rest on

NOTATION = r"""The latent is $z_t=\alpha_tx_t+\sigma_t\varepsilon$ (F1), with
$\alpha_t^2=\mathrm{sigmoid}(-\gamma_t)$ and $\sigma_t^2=\mathrm{sigmoid}(\gamma_t)$. Its
signal-to-noise ratio is $\mathrm{SNR}(t)=e^{-\gamma_t}$; $\lambda=-\gamma$. A step leads from $t$
down to $s$, with $c=1-e^{\gamma_s-\gamma_t}$. The lesson has the formulas of tags such as F1."""

NBGRADER_CONFIG = '''\
"""Call nbgrader from the folder that holds this file: it is the course."""

from diffenc_lite.course.exercises import marking
from nbgrader import preprocessors as steps

c = get_config()  # noqa: F821
c.ClearSolutions.code_stub = {{"python": ""}}  # the stub stands before the solution already
c.ExecutePreprocessor.timeout = {seconds}  # seconds a cell; a longer one is stopped
c.ExecutePreprocessor.iopub_timeout = {seconds}  # for its output
c.Autograde.sanitize_preprocessors = [
    steps.ClearOutput, marking.PutRight, steps.OverwriteKernelspec, steps.OverwriteCells,
    steps.CheckCellMetadata,
]
c.Autograde.autograde_preprocessors = [
    marking.GoOn, steps.LimitOutput, steps.SaveAutoGrades, steps.AssignLatePenalties,
    steps.CheckCellMetadata,
]
c.ExportApp.plugin_class = marking.Marks
'''

TEST = """from diffenc_lite.course.exercises import judge

verdict = judge("{number}", {answer})
assert verdict.right, verdict.text"""


class Parts(NamedTuple):
    """Of an exercise"""

    number: str
    stub: str
    solution: str
    check: str  # the call


def write_student_versions(
    notebooks_dir: str | Path,
    out_dir: str | Path,
    nbgrader: bool = False,
    exercises_only: bool = False,
    lab: bool = False,
) -> list[Path]:
    """Write a student's version of every notebook in notebooks_dir, or the source of a course.

    Writes OUT/NAME.ipynb and, for companions, OUT/further/NAME.ipynb. For nbgrader it writes
    OUT/source/NAME/NAME.ipynb, which hold the solutions, and OUT/nbgrader_config.py. With
    exercises_only a version has the exercises and the imports that they use, so it runs in seconds;
    notebooks without exercises are left out. With lab it is lesson 15 alone, for marks: see `lab`.

    Returns the paths of the notebooks written. Nothing is overwritten, nor written if one notebook
    is wrong. Raises FileNotFoundError where there are no notebooks, FileExistsError for a file in
    the way, ValueError for an out_dir in the folder of the notebooks and for a notebook that breaks
    a rule, and for a lab that is not for nbgrader.
    """
    if lab and not nbgrader:
        raise ValueError("lab must be for nbgrader, whose hidden tests it has")
    source, target = Path(notebooks_dir).resolve(), Path(out_dir).resolve()
    notebooks = [p for p in notebooks_in(source) if not lab or p.stem.startswith("15_")]
    if not notebooks:
        raise FileNotFoundError(f"notebooks_dir must hold notebooks (*.ipynb); got {source}")
    if target.is_relative_to(source):
        raise ValueError(f"out_dir must lie outside the notebooks' folder, {source}; got {target}")
    files: dict[Path, bytes] = {}
    for path in notebooks:
        lesson = nbformat.read(path, as_version=4)
        version = student_version(lesson, path.name, nbgrader, exercises_only, lab)
        if version is not None:
            there = Path("source", path.stem, path.name) if nbgrader else place(path)
            files[there] = f"{nbformat.writes(version)}\n".encode()
    written = len(files)
    if nbgrader:
        config = NBGRADER_CONFIG.format(seconds=60 if exercises_only else 300)
        files[Path("nbgrader_config.py")] = config.encode()
    return write_new(target, files)[:written]


def student_version(
    notebook: Any,
    name: str,
    nbgrader: bool = False,
    exercises_only: bool = False,
    lab: bool = False,
) -> Any:
    """A copy without outputs, its solutions gone, or marked for nbgrader. None if only exercises
    are wanted and there are none. Raises ValueError where a rule is broken."""
    version = copy.deepcopy(notebook)
    version.metadata.pop("widgets", None)
    cells = version.cells
    _check_names(cells, name)
    exercises = {i: _parts(cells, i, name) for i, c in enumerate(cells) if is_solution(c)}
    version.cells = []
    for i, cell in enumerate(cells):
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            cell.metadata.pop("execution", None)
        if i + 1 in exercises and nbgrader:
            version.cells += _graded(exercises[i + 1], lab)
        elif not {"solution", *["self-study"] * lab} & {*cell.metadata.get("tags", [])} and (
            not exercises_only or {i + 1, i + 2} & exercises.keys()
        ):
            rests = lab and cell.cell_type == "code" and NEEDED.search(cell.source)
            kind = {"grade": False, "solution": False, "locked": True}
            version.cells.append(_marked(cell, **kind) if rests else cell)
    if exercises_only:
        version.cells[:0] = _head(cells, exercises, nbgrader)
    if lab:
        version.cells.insert(1, new_markdown_cell(RULES, id="rules"))
        answer = new_markdown_cell(ANSWER, id="answer_by_hand")
        version.cells += [
            new_markdown_cell(QUESTION, id="by_hand"),
            _marked(answer, grade=True, solution=True, locked=False, points=BY_HAND),
        ]
    return version if exercises or not exercises_only else None


def is_solution(cell: Any) -> bool:
    return cell.cell_type == "code" and "solution" in cell.metadata.get("tags", [])


def _parts(cells: list[Any], index: int, name: str) -> Parts:
    """Those of the exercise whose solution is this cell."""
    where = f"{name}, cell {index + 1}"
    whole = f"{IGNORE}\n{BEGIN}\n(.*)\n{END}"
    solution = re.fullmatch(whole, cells[index].source.strip(), re.DOTALL)
    if solution is None:
        raise ValueError(
            f"{where}: all of a solution must stand between `{BEGIN}` and `{END}`, after the line "
            f"`{IGNORE}`"
        )
    asking, stub = cells[index - 2 : index] if index > 1 else [cells[0], cells[0]]
    call = re.compile(r'(.*)\n(check\("(\w+\.\d+)", (\w+)\))(?: +#[^\n]*)?', re.DOTALL)
    stubbed, solved = call.fullmatch(stub.source.strip()), call.fullmatch(solution[1].strip())
    if not stubbed or not solved or stubbed[2] != solved[2] or solved[4] != answer_name(solved[3]):
        raise ValueError(
            f"{where}: a solution and the cell before it, its stub, must end in the same call of "
            'check with the name of the answer, check("04.2", answer_04_2)'
        )
    number = solved[3]
    if asking.source.strip() != f'ask("{number}")':
        raise ValueError(f'{where}: the cell before the stub must be ask("{number}")')
    return Parts(number, stubbed[1].rstrip(), solved[1].rstrip(), solved[2])


def _graded(exercise: Parts, lab: bool) -> Iterator[Any]:
    """The answer, with a region that nbgrader takes out, and a locked test, worth one point but in
    the lab."""

    number, stub, solution, check = exercise
    answer = answer_name(number)
    text = f"{stub}\n{BEGIN}\n{solution}\n{END}\n{check}"
    cell = new_code_cell(text, id=answer)
    yield _marked(cell, grade=False, solution=True, locked=False)
    test = hidden_test(number) if lab else TEST.format(number=number, answer=answer)
    cell = new_code_cell(test, id=f"test_{answer}")
    points = POINTS[number] if lab else 1
    yield _marked(cell, grade=True, solution=False, locked=True, points=points)


def _marked(cell: Any, **kind: Any) -> Any:
    """With what nbgrader has to know of it"""
    cell.metadata.nbgrader = {"schema_version": 3, "grade_id": cell.id, "task": False, **kind}
    return cell


# --- names ----------------------------------------------------------------------------------------


def _head(cells: list[Any], exercises: dict[int, Parts], nbgrader: bool) -> Iterator[Any]:
    """Of a sheet: the lesson's name, the notation, and those of its imports that exercises use."""
    lesson = next(c.source.splitlines()[0].lstrip("# ") for c in cells if c.source.startswith("# "))
    yield new_markdown_cell(f"# Exercises: {lesson}\n\n{NOTATION}", id="title")
    wanted: set[str] = set()
    for i in exercises:
        wanted = wanted.union(*(_names(cell.source)[1] for cell in cells[i - 2 : i + 1]))
    imports: list[str] = []
    for cell in cells:
        body = ast.parse(_python(cell.source)).body if cell.cell_type == "code" else []
        for statement in body if not is_solution(cell) else []:
            if isinstance(statement, ast.Import | ast.ImportFrom):
                names = [n for n in statement.names if (n.asname or n.name) in wanted]
                statement.names = names
                imports += [ast.unparse(statement)] if names else []
    head = new_code_cell("\n".join(dict.fromkeys(imports)), id="imports")
    yield _marked(head, grade=False, solution=False, locked=True) if nbgrader else head


def _check_names(cells: list[Any], name: str) -> None:
    """No cell of the lesson may use a name that was last bound by a stub or a solution, but to
    `take` it: a stub leaves what stood there."""
    bound: set[str] = set()
    for i, cell in enumerate(cells):
        where = f"{name}, cell {i + 1}"
        if BEGIN in cell.source and not is_solution(cell):
            raise ValueError(f"{where}: a solution must be a code cell with the tag `solution`")
        if cell.cell_type != "code":
            continue
        try:
            made, used = _names(cell.source)
        except SyntaxError as error:
            raise ValueError(f"{where}: not Python: {error.msg}") from error
        if any(map(is_solution, cells[i : i + 2])):  # a stub or a solution
            bound |= made
        elif "take" not in used and (missing := sorted((used - made) & bound)):
            raise ValueError(
                f"{where}: uses {', '.join(missing)}, last bound by a stub or a solution; students "
                "have no solutions, so bind (or import) it in a cell of the lesson"
            )
        else:
            bound -= made


def _python(source: str) -> str:
    """A cell as Python, with its magics as Jupyter turns them into calls"""
    return TransformerManager().transform_cell(source)


def _names(source: str) -> tuple[set[str], set[str]]:
    return names_of(_python(source))
