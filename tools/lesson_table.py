"""The tables of docs/instructors.md that are counted: hours of each notebook, and of three syllabi.

    python tools/lesson_table.py            # print them
    python tools/lesson_table.py --write    # put them into the page

Words, lines of code and exercises are counted in the notebooks; needs and run time are what each
says of itself. Hours follow from the counts by the rates below. Only the difficulty is an opinion.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat

from diffenc_lite.course.lessons import notebooks_in, place

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "instructors.md"
WORDS_A_MINUTE = 100  # of mathematical prose, pencil in hand
LINES_A_MINUTE = 8  # of code, read and run
MINUTES_AN_EXERCISE = 20
DIFFICULTY = {  # 1: a first course; 2: probability and a little calculus; 3: proofs, or statistics
    "00": 1, "01": 1, "02": 2, "03": 3, "04": 3, "05": 3, "06": 2, "07": 3,
    "08": 2, "09": 1, "10": 3, "11": 2, "12": 2, "13": 2, "14": 2,
}  # fmt: skip
SYLLABI = {  # a row a week
    4: [["00", "01", "02"], ["03", "04"], ["05", "09"], ["10", "11"]],
    8: [["00", "01"], ["02"], ["03"], ["04"], ["05"], ["06", "07"], ["08", "09"],
        ["10", "11", "12", "14"]],
    12: [["00", "01"], ["02"], ["03"], ["04"], ["05"], ["06"], ["07"], ["08"], ["09"], ["10"],
         ["11", "12"], ["13", "14"]],
}  # fmt: skip


@dataclass(frozen=True)
class Lesson:
    number: str
    title: str
    file: Path
    words: int
    lines: int
    exercises: int
    needs: str
    run_time: str

    @property
    def is_core(self) -> bool:
        return self.file.parent == Path()

    @property
    def reading(self) -> float:
        """Hours."""
        return (self.words / WORDS_A_MINUTE + self.lines / LINES_A_MINUTE) / 60

    @property
    def working(self) -> float:
        """Hours."""
        return self.exercises * MINUTES_AN_EXERCISE / 60


def lessons() -> list[Lesson]:
    """The core lessons, each followed by its companions."""
    return [_count(path) for path in sorted(notebooks_in(ROOT / "notebooks"), key=_by_lesson)]


def _by_lesson(path: Path) -> tuple[str, bool, str]:
    return path.name[:2], path.parent.name == "further", path.name


def _count(path: Path) -> Lesson:
    cells = [
        cell
        for cell in nbformat.read(path, as_version=4).cells
        if "solution" not in cell.metadata.get("tags", [])
    ]
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    (title,) = re.findall(r"^# (?:\d\d · )?(.+)$", prose, re.MULTILINE)[:1]
    return Lesson(
        path.name[:2],
        title,
        place(path),
        len(prose.split()),
        sum(bool(line.strip()) for source in code for line in source.splitlines()),
        len(re.findall(r"^ask\(", "\n".join(code), re.MULTILINE)),
        _needs(prose),
        "".join(re.findall(r"\*\*Run time:\*\* (?:about )?([\w ]+?) on two", prose)[:1]) or "?",
    )


def _needs(prose: str) -> str:
    """Numbers of notebooks in the paragraph that begins with "You need"."""
    text = "".join(re.findall(r"\*\*You need\*\*(.*?)\*\*Run time", prose, re.DOTALL)[:1])
    text = re.sub(r"\([\w./]*\d\d_\w+\.ipynb\)", "", text)  # links name each twice
    text = re.sub(
        r"(\d\d) to (\d\d)",
        lambda ends: " ".join(f"{n:02}" for n in range(int(ends[1]), int(ends[2]) + 1)),
        text,
    )
    found = re.findall(r"\b\d\d\b", text)
    return ", ".join(number for number in dict.fromkeys(found) if number != "00") or "-"


# --- tables ---------------------------------------------------------------------------------------


def tables() -> dict[str, str]:
    """By the name of its place in the page."""
    found = lessons()
    return {"lessons": lesson_table(found), "syllabi": syllabus_tables(found)}


def lesson_table(found: list[Lesson]) -> str:
    rows = [
        "| lesson | words | lines of code | exercises | reading | working | difficulty | needs "
        "| runs in |",
        "|---|--:|--:|--:|--:|--:|:-:|---|---|",
    ]
    rows += [
        f"| [{one.number if one.is_core else '↳'} {one.title}](../notebooks/{one.file.as_posix()}) "
        f"| {_counts([one])} | {DIFFICULTY[one.number]} | {one.needs} | {one.run_time} |"
        for one in found
    ]
    rows.append(f"| core together | {_counts([one for one in found if one.is_core])} | | | |")
    rows.append(f"| all together | {_counts(found)} | | | |")
    return "\n".join(rows)


def _counts(found: list[Lesson]) -> str:
    words, lines, exercises, reading, working = (
        sum(getattr(one, name) for one in found)
        for name in ("words", "lines", "exercises", "reading", "working")
    )
    return f"{words:,} | {lines:,} | {exercises} | {reading:.1f} h | {working:.1f} h"


def syllabus_tables(found: list[Lesson]) -> str:
    by_number = {one.number: one for one in found if one.is_core}
    parts = []
    for weeks, plan in SYLLABI.items():
        rows = [f"**{weeks} weeks**", "", "| week | lessons | hours |", "|--:|---|--:|"]
        for week, numbers in enumerate(plan, 1):
            there = [by_number[number] for number in numbers]
            titles = "; ".join(f"{one.number} {one.title}" for one in there)
            hours = sum(one.reading + one.working for one in there)
            rows.append(f"| {week} | {titles} | {hours:.1f} |")
        parts.append("\n".join(rows))
    return "\n\n".join(parts)


def filled(page: str) -> str:
    """The page with its tables as they are now."""
    for name, table in tables().items():
        begin, end = f"<!-- begin {name}: tools/lesson_table.py -->", f"<!-- end {name} -->"
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = f"{before}{begin}\n\n{table}\n\n{end}{after}"
    return page


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="put them into docs/instructors.md")
    if parser.parse_args().write:
        PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        print("\n\n".join(tables().values()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
