"""The page for instructors: its syllabi hold, its notebooks exist (test_nbgrader has its code)."""

import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "instructors.md").read_text(encoding="utf-8")


def needs():
    """The lessons that each lesson names at its top, after "You need"."""
    named = {}
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        top = nbformat.read(path, 4).cells[0].source
        (sentence,) = re.findall(r"\*\*You need\*\*(.*?)\*\*(?:Run t|T)ime", top, re.DOTALL)
        named[path.name[:2]] = {*re.findall(r"\b\d\d\b", sentence)}
    return named


NEEDS = needs()


def test_lessons_say_what_they_need():
    assert NEEDS["04"] == {"01", "03"} and NEEDS["14"] == {"04", "05", "10"}
    assert all(max(needed, default="") < number for number, needed in NEEDS.items())


def test_readme_adds_up_the_times_of_the_lessons():
    minutes = 0
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        top = nbformat.read(path, 4).cells[0].source
        (time,) = re.findall(r"(?:\bTime:\*\*|exercises take) (\d+ minutes|an hour)\b", top)
        minutes += 60 if time == "an hour" else int(time.split()[0])
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"*{round(minutes / 60)} hours:*" in readme


@pytest.mark.parametrize("weeks", (4, 8, 12))
def test_a_syllabus_has_what_a_lesson_needs_before_it(weeks):
    (plan,) = re.findall(rf"^\| {weeks} \| ([\d,; ]+) \|$", PAGE, re.MULTILINE)
    assert plan.count(";") == weeks - 1
    order = re.findall(r"\d\d", plan)
    assert len(order) == len({*order})
    for place, number in enumerate(order):
        assert NEEDS[number] <= {*order[:place]}, number


def test_the_notebooks_it_names_exist():
    for name in re.findall(r"(?<!further/)\b\d\d_[a-z]\w+", PAGE):
        assert (ROOT / "notebooks" / f"{name}.ipynb").is_file()
