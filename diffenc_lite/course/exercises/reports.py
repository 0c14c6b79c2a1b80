"""What a lecturer gets: a table of marks, files for Moodle and Canvas, feedback pages."""

from __future__ import annotations

import csv
import html
import io
import math
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ...files import write_whole
from .grading import Marks
from .levels import LEVELS
from .registry import EXERCISES


@dataclass(frozen=True)
class Student:
    """A row of the roster. student: what the folder or the file of the hand-in is called."""

    student: str
    name: str = ""
    id: str = ""
    email: str = ""
    login: str = ""
    section: str = ""
    due: str = ""  # a deadline of their own
    handed_in: str | None = None  # "": in time; None: by the times of the files

    @property
    def aliases(self) -> set[str]:
        """How a learning platform may call a hand-in of theirs, as `_plain` makes it"""
        first, _, last = self.name.rpartition(" ")
        names = (self.student, self.id, self.email, self.login, self.name, f"{last}{first}")
        return {_plain(name) for name in names if name}


@dataclass(frozen=True)
class Lateness:
    """due: the deadline, local time; free: days that cost nothing; percent: of the sum, for each
    further day that has begun."""

    due: datetime | None = None
    free: int = 0
    percent: float = 10.0

    def days(self, student: Student, marks: Marks) -> int:
        due = datetime.fromisoformat(student.due) if student.due else self.due
        seconds, given = marks.handed_in, student.handed_in
        if given is not None:
            seconds = datetime.fromisoformat(given).timestamp() if given else None
        if due is None or seconds is None:
            return 0
        return max(0, math.ceil((seconds - due.timestamp()) / 86400))

    def kept(self, days: int) -> float:
        """The share of the sum that is left"""
        return max(0.0, 1 - self.percent / 100 * max(0, days - self.free))


@dataclass
class Row:
    """One student's marks."""

    student: Student
    points: dict[str, float | None]  # None where the exercise itself is at fault
    days: int
    total: float
    about: list[str]  # the hand-in: late, missing, not to be read
    wrong: list[str]  # why exercises have not all of their points
    private: list[str]  # for the lecturer alone


def read_roster(path: str | Path) -> list[Student]:
    """The students of a CSV with the column `student`, and any of name, id, email, login, section,
    due and handed_in (2026-11-20T23:59). Raises ValueError."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = [{k.strip().lower(): (v or "").strip() for k, v in row.items() if k}
                for row in csv.DictReader(file)]  # fmt: skip
    known = Student.__dataclass_fields__
    if not rows or "student" not in rows[0]:
        raise ValueError(f"the roster {path} must have rows and a column `student`")
    students = [Student(**{k: v for k, v in row.items() if k in known}) for row in rows]
    names = [student.student for student in students]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"the roster {path} has two rows for {', '.join(twice)}")
    for student in students:
        for time in filter(None, (student.due, student.handed_in)):
            datetime.fromisoformat(time)
    return students


def known_as(folder: str, roster: list[Student]) -> str:
    """The student of a hand-in called so: by any entry of the roster, alone or before a `_`."""
    for plain in (_plain(folder), _plain(folder.partition("_")[0])):
        matches = [student.student for student in roster if plain in student.aliases]
        if len(matches) == 1:
            return matches[0]
    return folder


def rows(
    students: dict[str, Marks], roster: list[Student] | None = None, late: Lateness = Lateness()
) -> list[Row]:
    """In the order of the roster; then, with a note, those who are not in it."""
    columns = _columns(students)
    listed = {student.student: student for student in roster or ()}
    everybody = [*listed, *(name for name in students if name not in listed)]
    made = []
    for name in everybody:
        marks = students.get(name, Marks())
        student = listed.get(name, Student(name))
        points = {
            n: None if n in marks.faults else round(EXERCISES[n].points * marks.shares.get(n, 0), 2)
            for n in columns
        }
        days = late.days(student, marks)
        total = round(sum(p or 0 for p in points.values()) * late.kept(days), 2)
        about = [f"days late: {days}, {late.kept(days):.0%} kept"] if days else []
        wrong = [f"{n}: {_text(marks, n)}" for n in columns if marks.shares.get(n, 0) < 1]
        if name not in students:
            about, wrong = ["nothing handed in"], []
        about += marks.complaints
        private = ["not in the roster"] if roster and name not in listed else []
        private += marks.suspicions
        made.append(Row(student, points, days, total, about, wrong, private))
    return made


def _columns(students: dict[str, Marks]) -> list[str]:
    """All exercises of the lessons that anybody has answered one of; proof levels only where they
    are answered."""
    answered = {number for marks in students.values() for number in marks.shares | marks.faults}
    lessons = {number.split(".")[0] for number in answered}
    return [
        number
        for number in EXERCISES
        if number in answered or (number.split(".")[0] in lessons and number not in LEVELS)
    ]


def _text(marks: Marks, number: str) -> str:
    """The verdict on an exercise, in words"""
    return marks.faults.get(number) or marks.texts.get(number, "no answer of that name")


# --- files ----------------------------------------------------------------------------------------


def table(made: list[Row], with_roster: bool = False, with_days: bool = False) -> str:
    """The CSV: who, a column an exercise, the sum, days late, and why not."""
    who = ["name", "id"] if with_roster else []
    columns = list(made[0].points) if made else []
    days = ["days late"] if with_days else []
    lines: list[list[Any]] = [["student", *who, *columns, "sum", *days, "notes"]]
    for row in made:
        points = ["" if p is None else _short(p) for p in row.points.values()]
        about = [row.student.name, row.student.id] if with_roster else []
        late = [row.days] if with_days else []
        notes = " | ".join([*row.private, *row.about, *row.wrong])
        lines.append([row.student.student, *about, *points, _short(row.total), *late, notes])
    return csv_of(lines)


def for_moodle(made: list[Row], title: str) -> str:
    """For Grades > Import > CSV file: map the ID number or the email address to the user.

    Where that is blank, Moodle stops, or gives the marks to the student above: what the roster does
    not say of everybody is no column. Moodle reads the feedback as HTML.
    """
    ways = {"ID number": "id", "Email address": "email", "Username": "login"}
    known = {head: [getattr(row.student, key) for row in made] for head, key in ways.items()}
    known = {head: column for head, column in known.items() if all(column)}
    lines = [[*known, "Full name", title, f"{title} (feedback)"]]
    for row, *who in zip(made, *known.values(), strict=True):
        name = row.student.name or row.student.student
        notes = html.escape(" | ".join(row.about + row.wrong), quote=False)
        lines.append([*who, name, _short(row.total), notes])
    return csv_of(lines)


def for_canvas(made: list[Row], title: str) -> str:
    """For Grades > Import: the columns that Canvas's own export begins with."""
    lines = [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", title],
        ["    Points Possible", "", "", "", "", _short(possible(made[0])) if made else "0"],
    ]
    for row in made:
        s = row.student
        login = s.login or s.email
        lines.append([s.name or s.student, "", s.id, login, s.section, _short(row.total)])
    return csv_of(lines)


def possible(row: Row) -> float:
    return sum(EXERCISES[number].points for number in row.points)


def feedback(row: Row, marks: Marks, title: str) -> str:
    """One page, which needs no network."""
    e = html.escape
    cells = []
    for number, points in row.points.items():
        share = marks.shares.get(number, 0.0)
        kind = "right" if share == 1 else "part" if share else "wrong"
        reached = "-" if points is None else _short(points)
        cells.append(
            f'<tr class="{kind}"><th scope="row">{e(number)}</th><td>{reached} of '
            f"{EXERCISES[number].points}</td><td>{e(_text(marks, number))}</td></tr>"
        )
    about = "".join(f"<p>{e(note)}</p>" for note in row.about)
    name = e(row.student.name or row.student.student)
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{e(title)}: {name}</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto;
  padding: 0 1rem }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ text-align: left; vertical-align: top; padding: .4rem .8rem;
  border-bottom: 1px solid #ccc; white-space: nowrap }}
td:last-child {{ white-space: normal; overflow-wrap: anywhere; width: 100% }}
.right th {{ border-left: .4rem solid #1a7f37 }} .part th {{ border-left: .4rem solid #9a6700 }}
.wrong th {{ border-left: .4rem solid #cf222e }}
</style>
<h1>{e(title)}</h1>
<p>{name}: <strong>{_short(row.total)} of {_short(possible(row))} points</strong></p>{about}
<table><tr><th>Exercise</th><th>Points</th><th>Verdict</th></tr>{"".join(cells)}</table>
"""


def write_reports(
    students: dict[str, Marks],
    marks_file: str | Path,
    roster: list[Student] | None = None,
    late: Lateness = Lateness(),
    pages: str | Path | None = None,
    title: str = "Exercises",
) -> list[Row]:
    """Write the table, with a roster also NAME_moodle.csv and NAME_canvas.csv of those in it, and a
    page a student into `pages`."""
    made, target = rows(students, roster, late), Path(marks_file)
    texts = {target: table(made, roster is not None, late.due is not None)}
    if roster:
        listed = [row for row in made if row.student in roster]
        texts[target.with_name(f"{target.stem}_moodle.csv")] = for_moodle(listed, title)
        texts[target.with_name(f"{target.stem}_canvas.csv")] = for_canvas(listed, title)
    if pages:
        for row in made:
            name = row.student.student
            file = re.sub(r"[^\w. -]", "_", name)
            texts[Path(pages, f"{file}.html")] = feedback(row, students.get(name, Marks()), title)
    for path, text in texts.items():
        write_whole(path, text.encode("utf-8", "replace"))
    return made


def csv_of(lines: Iterable[Iterable[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(map(_harmless, line) for line in lines)
    return text.getvalue()


def _harmless(value: Any) -> Any:
    """A text that no spreadsheet takes for a formula."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t")):
        return "'" + value
    return value


def _short(points: float) -> str:
    return f"{points:g}"


def _plain(name: str) -> str:
    """Letters and digits, without accents: file systems write ë in two ways"""
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKD", name)).lower()
