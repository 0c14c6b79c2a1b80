"""The class, late days, the tables that learning platforms take, feedback pages, sheets."""

import csv
import io
import os
from datetime import datetime
from html.parser import HTMLParser

import nbformat
import pytest

from diffenc_lite.__main__ import main
from diffenc_lite.course.exercises import Exercise, Variants, Vector, judge, register
from diffenc_lite.course.exercises.grading import Marks
from diffenc_lite.course.exercises.reports import (
    Lateness,
    Student,
    feedback,
    for_moodle,
    known_as,
    read_roster,
    rows,
    table,
    write_reports,
)

ROSTER = """student,Name,ID,email,due
ada,Ada Lovelace,1815,ada@x.org,
bob,Bob Byron,1788,bob@x.org,2026-11-25T12:00
cyd,"=Cyd, Ö.",1900,cyd@x.org,
"""
DUE = datetime.fromisoformat("2026-11-20T12:00")
OWN = """
from diffenc_lite.course.exercises import register
from diffenc_lite.course.exercises.bank import bank

register(*bank("a secret", "B.3", "B.10"))
"""


def at(text):
    return datetime.fromisoformat(text).timestamp()


@pytest.fixture
def roster(tmp_path):
    (tmp_path / "roster.csv").write_text(ROSTER, encoding="utf-8")
    return read_roster(tmp_path / "roster.csv")


@pytest.fixture
def students():
    right = dict.fromkeys(("01.1", "01.2", "01.3"), 1.0)
    texts = dict.fromkeys(right, "right.")
    late = Marks(right | {"01.3": 0.0}, texts | {"01.3": "<b>not</b> right"})
    ada = Marks(right, texts, handed_in=at("2026-11-20T11:59"))
    late.handed_in = at("2026-11-22T13:00")
    stranger = Marks(dict(right), dict(texts), handed_in=at("2026-11-20T12:01"))
    return {"bob": late, "ada": ada, "mallory": stranger}


def read(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_everybody_of_the_roster_has_a_row_and_strangers_are_told(roster, students):
    made = read(table(rows(students, roster), with_roster=True))
    assert [row["student"] for row in made] == ["ada", "bob", "cyd", "mallory"]
    assert [row["sum"] for row in made] == ["3", "2", "0", "3"]
    assert [row["id"] for row in made] == ["1815", "1788", "1900", ""]
    assert made[2]["name"] == "'=Cyd, Ö." and made[2]["notes"] == "nothing handed in"
    assert made[3]["notes"] == "not in the roster"


def test_late_days_cost_what_was_said_and_a_deadline_of_ones_own_counts(roster, students):
    late = Lateness(DUE, free=0, percent=20.0)
    made = {row.student.student: row for row in rows(students, roster, late)}
    assert [made[n].days for n in ("ada", "bob", "cyd", "mallory")] == [0, 0, 0, 1]
    assert made["mallory"].total == 2.4
    late = Lateness(DUE, free=1, percent=60.0)
    no_extension = [Student(s.student) for s in roster]
    made = {row.student.student: row for row in rows(students, no_extension, late)}
    assert made["bob"].days == 3 and made["bob"].total == 0  # two days beyond the free one
    assert made["mallory"].days == 1 and made["mallory"].total == 3


def test_the_times_of_the_roster_count_before_those_of_the_files(tmp_path, students):
    text = "student,handed_in\nada,2026-11-21T13:00\nbob,\n"
    (tmp_path / "r.csv").write_text(text)
    made = rows(students, read_roster(tmp_path / "r.csv"), Lateness(DUE))
    assert [row.days for row in made] == [2, 0, 1]
    assert made[0].about == ["days late: 2, 80% kept"]


def test_moodle_and_canvas_find_their_columns(tmp_path, roster, students):
    write_reports(students, tmp_path / "m.csv", roster, title="Sheet 1")
    moodle, canvas = (
        read((tmp_path / f"m_{name}.csv").read_text(encoding="utf-8"))
        for name in ("moodle", "canvas")
    )
    columns = ["ID number", "Email address", "Full name", "Sheet 1", "Sheet 1 (feedback)"]
    assert list(moodle[0]) == columns  # and no stranger, who would stop the import
    assert [row["Sheet 1"] for row in moodle] == ["3", "2", "0"]
    assert moodle[1]["Sheet 1 (feedback)"] == "01.3: &lt;b&gt;not&lt;/b&gt; right"
    columns = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Sheet 1"]
    assert list(canvas[0]) == columns and len(canvas) == 4
    assert canvas[0]["Student"].strip() == "Points Possible" and canvas[0]["Sheet 1"] == "3"
    assert canvas[1]["SIS Login ID"] == "ada@x.org" and canvas[1]["Sheet 1"] == "3"


def test_moodle_never_sees_a_blank_id(students):
    made = rows(students, [Student("ada", id="1815", email="a@x.org"), Student("bob", id="1788")])
    assert list(read(for_moodle(made[:2], "S"))[0]) == [
        "ID number",
        "Full name",
        "S",
        "S (feedback)",
    ]


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.words = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)


def test_a_feedback_page_needs_no_network_and_escapes_all(roster, students):
    students["bob"].suspicions.append("look at it")
    (row,) = [row for row in rows(students, roster) if row.student.student == "bob"]
    page = feedback(row, students["bob"], "Sheet 1")
    seen = Tags()
    seen.feed(page)
    assert not [tag for tag, about in seen.tags if "src" in about or "href" in about]
    assert "http" not in page and "b" not in [tag for tag, _ in seen.tags]
    assert "look at it" in table([row]) and "look at it" not in page
    assert "<b>not</b> right" in seen.words and "2 of 3" in " ".join(" ".join(seen.words).split())


def test_a_file_for_each(tmp_path, roster, students):
    write_reports(students, tmp_path / "m.csv", roster, pages=tmp_path / "pages")
    assert {p.name for p in tmp_path.glob("m*.csv")} == {"m.csv", "m_moodle.csv", "m_canvas.csv"}
    pages = {path.name for path in (tmp_path / "pages").iterdir()}
    assert pages == {"ada.html", "bob.html", "cyd.html", "mallory.html"}


@pytest.mark.parametrize(
    "folder, student",
    [
        ("ada", "ada"),
        ("1788", "bob"),
        ("Ada Lovelace_12345_assignsubmission_file_", "ada"),  # Moodle
        ("lovelaceada_LATE_345_678_sheet", "ada"),  # Canvas
        ("bob@x.org", "bob"),
        ("O\u0308 Cyd_12_assignsubmission_file", "cyd"),  # Ö in two letters
        ("nobody", "nobody"),
    ],
)
def test_hand_ins_are_known_as_platforms_call_them(roster, folder, student):
    assert known_as(folder, roster) == student


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name\nAda\n",
        "student\nada\nada\n",
        "student,due\na,soon\n",
        "student,handed_in\na,5 pm\n",
    ],
)
def test_a_roster_with_a_mistake_is_refused(tmp_path, text):
    (tmp_path / "r.csv").write_text(text)
    with pytest.raises(ValueError):
        read_roster(tmp_path / "r.csv")


# --- sheets with numbers of one's own -------------------------------------------------------------


def test_each_student_is_marked_by_the_numbers_of_their_sheet(tmp_path, own_numbers, capsys):
    (tmp_path / "roster.csv").write_text(ROSTER, encoding="utf-8")
    (tmp_path / "own.py").write_text(OWN)
    own, roster = ["--exercises", str(tmp_path / "own.py")], str(tmp_path / "roster.csv")
    assert main(["sheets", str(tmp_path / "out"), *own, "--roster", roster]) == 0
    key = read((tmp_path / "out" / "answers.csv").read_text(encoding="utf-8"))
    assert len(key) == 6 and all(row["reference"] for row in key)
    right = {(row["student"], row["exercise"]): row["answer"] for row in key}
    for student, answers_of in {"ada": "ada", "bob": "ada"}.items():  # bob copies
        sheet = nbformat.read(tmp_path / "out" / student / "sheet.ipynb", as_version=4)
        assert right[student, "B.10"] not in str(sheet)
        for cell in sheet.cells:
            for number in ("B.3", "B.10"):
                name = f"answer_{number.replace('.', '_')} = ..."
                if cell.source.startswith(name):
                    cell.source = f"{name[:-3]}{right[answers_of, number]}"
        sheet.cells.append(nbformat.v4.new_code_cell("answer_00_1 = 1"))  # counts for nobody
        (tmp_path / "in" / student).mkdir(parents=True)
        nbformat.write(sheet, tmp_path / "in" / student / "sheet.ipynb")
    for number in ("B.3", "B.10"):
        del own_numbers[number]  # another command would start without them
    command = ["grade", str(tmp_path / "in"), *own, "--roster", roster, "--csv"]
    assert main([*command, str(tmp_path / "m.csv"), "--feedback", str(tmp_path / "pages")]) == 0
    made = {row["student"]: row for row in read((tmp_path / "m.csv").read_text("utf-8"))}
    assert [made[s]["sum"] for s in ("ada", "bob", "cyd")] == ["3", "0", "0"]
    assert "nothing handed in" in (tmp_path / "pages" / "cyd.html").read_text("utf-8")


def test_a_part_of_several_numbers_is_worth_its_share(own_numbers):
    register(
        Variants("P.1", lambda dice: Exercise("P.1", "", Vector((4,)), lambda: [1.0, 2, 3, 4], "?",
                                              points=2, partial=True)),
        Exercise("P.2", "", Vector((4,)), lambda: [1.0, 2, 3, 4], "?", points=2),
    )  # fmt: skip
    marks = Marks()
    for number in ("P.1", "P.2"):
        verdict = judge(number, [1, 2, 3, 5])
        assert verdict.share == 0.75 and not verdict.right
        marks.note(number, verdict)
    (row,) = rows({"ada": marks})
    assert row.points == {"P.1": 1.5, "P.2": 0} and row.total == 1.5


def test_an_exercise_that_refuses_its_own_answer_is_not_registered(own_numbers):
    from diffenc_lite.course.exercises import ExerciseError, Program

    answers = iter(range(99))
    drifting = Exercise("P.3", "", Program("x", "y", lambda generator: (1.0,)),
                        lambda x: next(answers), "?")  # fmt: skip
    with pytest.raises(ExerciseError, match="it refuses its own answer"):
        register(drifting)


def test_the_guide_and_the_samples_come_with_the_package(tmp_path):
    assert main(["guide", str(tmp_path / "guide")]) == 0
    names = {"instructors.md", "Containerfile", *(f"assignment_{i}.py" for i in (1, 2, 3))}
    assert set(os.listdir(tmp_path / "guide")) == names
    assert main(["guide", str(tmp_path / "guide")]) == 2
