"""Sheets of exercises of a lecturer's own, one a student, each with the numbers of this student."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from ...files import write_whole
from .checking import question
from .comparing import right_value
from .registry import EXERCISES
from .reports import csv_of, read_roster

IMPORTS = "import math\n\nimport numpy as np\nimport sympy as sp\nimport torch"


def write_sheets(
    exercises: str | Path, roster: str | Path, out_dir: str | Path, title: str = "Exercises"
) -> list[Path]:
    """Write OUT/STUDENT/sheet.ipynb for each student, without answers, and OUT/answers.csv.

    exercises: a Python file that registers them. answers.csv, which is not for students, has each
    student's right values and where they are derived. Raises FileExistsError for an OUT that has
    sheets already, ValueError for a file that registers nothing.
    """
    import nbformat

    target, before = Path(out_dir), set(EXERCISES)
    runpy.run_path(str(exercises))
    numbers = [number for number in EXERCISES if number not in before]
    if not numbers:
        raise ValueError(f"{exercises} must register exercises; it registers none")
    students = [student.student for student in read_roster(roster)]
    paths = {student: target / student / "sheet.ipynb" for student in students}
    if there := [str(path) for path in paths.values() if path.exists()]:
        raise FileExistsError(f"out_dir already holds {there[0]}; nothing is overwritten")
    lines: list[list[Any]] = [["student", "exercise", "answer", "reference"]]
    for student, path in paths.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(sheet(numbers, student, title), path)
        for number in numbers:
            exercise = EXERCISES[number].for_student(student)
            lines.append([student, number, right_value(exercise), exercise.reference])
    write_whole(target / "answers.csv", csv_of(lines).encode("utf-8"))
    return list(paths.values())


def sheet(numbers: list[str], student: str, title: str) -> Any:
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

    cells = [new_markdown_cell(f"# {title}\n\n{student}"), new_code_cell(IMPORTS)]
    for number in numbers:
        exercise = EXERCISES[number].for_student(student)
        points = f" *{exercise.points} points.*" if exercise.points > 1 else ""
        cells.append(new_markdown_cell(question(exercise) + points))
        cells.append(new_code_cell(f"{exercise.name} = ...  # your answer here"))
    return new_notebook(cells=cells)
