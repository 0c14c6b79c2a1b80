"""What surrounds the code: package, environment, README, docs, notebooks, workflows for GitHub."""

import json
import re
import shlex
import tomllib
from collections import defaultdict
from pathlib import Path
from urllib.parse import unquote

import numbers_in_prose as tool
import numpy as np
import pytest
import torch
import yaml
from draws import NOTEBOOKS, README, ROOT, differ
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import diffenc_lite
from diffenc_lite.__main__ import parser
from diffenc_lite.course.exercises import EXERCISES, lab
from diffenc_lite.course.studies import budgets, load_results, options
from diffenc_lite.course.studies.purpose import BASES
from diffenc_lite.data import photos
from diffenc_lite.pretrained import load_pretrained, pretrained_names, read_card
from diffenc_lite.schedule import end_points

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CORE = [path for path in NOTEBOOKS if path.parent.name == "notebooks"]


def cells_of(path: Path, kind: str = "") -> list[dict]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"].startswith(kind)]


def joined(cells: list[dict]) -> str:
    return "\n".join("".join(cell["source"]) for cell in cells)


def linked(path: Path) -> set[Path]:
    """Where the Markdown and HTML of a notebook lead, but for addresses in the web"""
    text = joined(cells_of(path))
    targets = re.findall(r"\]\(([^)#\s]+)", text) + re.findall(r'(?:src|href)="([^"#]+)"', text)
    local = (unquote(target) for target in targets if not re.match(r"[a-z]+:", target))
    return {(path.parent / target).resolve() for target in local}


# ---- the package and its environments ------------------------------------------------------------


def bounds(requirements: list[str]) -> dict[str, SpecifierSet]:
    return {one.name: one.specifier for one in map(Requirement, requirements)}


def test_environment_and_package_agree():
    """What a student needs: library, notebooks and what `pytest --nbval` takes."""
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    python, pip, *specs, others = environment["dependencies"]
    version = re.fullmatch(r"python =(3\.\d+)", python)[1]  # as Binder reads it
    assert version in SpecifierSet(PROJECT["requires-python"]) and pip == "pip"
    assert others == {"pip": ["-e ."]}
    extras = PROJECT["optional-dependencies"]
    compare = [spec for spec in extras["test"] if re.match("nbval|pytest", spec)]
    wanted = bounds(PROJECT["dependencies"] + extras["notebooks"] + compare)
    wanted["pytorch"] = wanted.pop("torch")  # the others have one name everywhere
    assert bounds(specs) == wanted


@pytest.mark.parametrize("name", ["constraints", "lowest"])
def test_what_ci_installs_is_what_the_package_allows(name):
    """Any versions that are allowed, or of each the lowest; their first lines make both anew."""
    lines = (ROOT / ".github" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    pinned = defaultdict(list)
    for one in (Requirement(line) for line in lines if line[0] not in "# "):
        pinned[one.name] += [each.version for each in one.specifier]
    extras = PROJECT["optional-dependencies"]
    lists = [extras[x] for x in extras if name == "constraints" or x in ("notebooks", "test")]
    for package, allowed in bounds(sum(lists, PROJECT["dependencies"])).items():
        assert pinned[package] and all(version in allowed for version in pinned[package])
        (bound,) = allowed
        assert name != "lowest" or pinned[package][0].startswith(bound.version), package


def test_what_the_help_names_can_be_imported():
    named = {*re.findall(r"\b[a-z]{2,}_[a-z_]+|\b[A-Z][a-z]+[A-Z]\w+", diffenc_lite.__doc__)}
    assert len(named) > 20
    others = {name for name in named if not hasattr(diffenc_lite, name)}
    assert others == {"diffenc_lite", "bits_per_dim"}
    paper = re.findall(r"^    ([a-z]+) ", diffenc_lite.__doc__.split("on each:")[1], re.MULTILINE)
    files = [ROOT / "diffenc_lite" / f"{name}.py" for name in paper[:12]]
    (said,) = re.findall(r"twelve files in `diffenc_lite/`, ([\d,]+)<!-- .*? --> lines", README)
    count = sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)
    assert abs(int(said.replace(",", "")) - count) <= 100


# ---- the README ----------------------------------------------------------------------------------

EXAMPLES = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", README, re.DOTALL)
NUMBER = r"\d+(?:\.\d+)?"
MODELS = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


@pytest.mark.parametrize(("code", "said"), EXAMPLES, ids=["first screen", "own network"])
def test_readme_examples_print_what_it_says(code, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    printed = capsys.readouterr().out
    assert re.sub(NUMBER, "#", printed) == re.sub(NUMBER, "#", said)
    ours, theirs = ([float(x) for x in re.findall(NUMBER, text)] for text in (printed, said))
    assert ours == pytest.approx(theirs, rel=0.1, abs=2e-3)
    for drawn in tmp_path.glob("*.png"):
        assert not differ(drawn, ROOT / "figures" / drawn.name)


def test_a_rival_of_the_readme_leads_by_the_difference_of_two_numbers():
    rows = re.findall(r"^\| (.*) \|$", re.sub(r"<!--.*?-->", "", README), re.MULTILINE)
    told = [re.findall(r"[-−]?\d+\.\d+", row) for row in rows]
    leads = [[float(n.replace("−", "-")) for n in row[:3]] for row in told if len(row) > 2]
    assert len(leads) == 4
    for network, rival, lead in leads:
        assert lead == pytest.approx(rival - network, abs=1.5e-4)


def test_readme_says_what_fit_does_in_its_own_numbers():
    assert len(EXAMPLES) == README.count("```python")
    _, before, after = (float(line.split()[0]) for line in EXAMPLES[0][1].splitlines())
    words = " ".join(README.split())
    assert f"`fit` takes the bound from {before:.2f} to {after:.2f}" in words
    files = [round(row["bytes"] / 1000) for row in load_results("file_sizes") if "bytes" in row]
    xz, w_1, fitted, best = files[4:8]
    assert (
        f"{w_1} bytes a digit, {fitted} fitted, and {best} fitted on the best grid (xz {xz})"
        in words
    )


def test_readme_maps_every_notebook():
    for notebook in CORE:
        assert f"](notebooks/{notebook.name})" in README, f"{notebook.name} is not in the map"


def test_a_lesson_points_at_nothing_outside_its_folder():
    """A copy of the folder must do: Markdown links and pictures, and paths in code."""
    folders = {notebook.parent for notebook in NOTEBOOKS}
    for path in NOTEBOOKS:
        assert {target.parent for target in linked(path)} <= folders, path.name
        assert {target for target in linked(path) if target.suffix == ".ipynb"} <= {*NOTEBOOKS}
        text = joined(cells_of(path))
        assert "../" not in (text if path in CORE else text.replace("](../", "](")), path.name


def test_notebooks_link_back_and_forward():
    for i, path in enumerate(CORE):
        companions = {other for other in NOTEBOOKS if other.name[:2] == path.name[:2]} - {path}
        missing = {*CORE[max(i - 1, 0) : i], *CORE[i + 1 : i + 2], *companions}
        missing -= linked(path)
        assert not missing, f"{path.name} does not link to {missing}"


def test_companions_belong_to_a_lesson_and_link_back_to_it():
    lessons = {path.name[:2]: path for path in CORE}
    for path in NOTEBOOKS[len(CORE) :]:
        assert lessons[path.name[:2]] in linked(path)
    assert len({path.name for path in NOTEBOOKS}) == len(NOTEBOOKS)  # graders have one folder


def test_docs_have_the_numbers_of_the_cards():
    rows = {row.split("`")[1]: row for row in MODELS.splitlines() if row.startswith("| `")}
    assert sorted(rows) == pretrained_names()
    for name, row in rows.items():
        card = read_card(name)
        score = f"{card['bits_per_dim']:.4f} ± {card['standard_error']:.4f}"
        terms = [f"{bits:.4f}" for bits in card["terms"].values()]
        assert [column.strip() for column in row.split("|")][3:-1] == [score, *terms]


def test_readme_has_the_score_of_each_model_of_digits():
    names = [name for name in pretrained_names() if name.startswith("mnist")]
    for name in names:
        (score,) = re.findall(rf"`{name}`[^\d`]*(?:`[^`]*`[^\d`]*)?(\d\.\d{{3}})", README)
        assert score == f"{read_card(name)['bits_per_dim']:.3f}"


def test_docs_have_the_numbers_of_the_study_of_optimizers():
    """For each length: AdamW, Muon, and Muon in as many minutes, three seeds each."""
    rows = load_results("budgets")
    totals, seconds = (
        np.reshape([row[key] for row in rows if row["part"] == "pair"], (3, 2, 3))  # seed, length
        for key in ("total", "seconds")
    )
    for updates, arms in zip(("2,000", "10,000"), totals.transpose(1, 2, 0), strict=True):
        cells = " | ".join(", ".join(f"{total:.3f}" for total in arm) for arm in arms)
        assert f"| {updates} | {cells}" in MODELS
    said = " ".join(MODELS.split())
    assert least_to_most(seconds[..., 2] / seconds[..., 0], 2) in said
    other = {
        part: np.reshape([row["total"] for row in rows if row["part"] == part], (-1, 2))
        for part in ("holds", "encoder")
    }
    assert f"twice the rate, by {least_to_most(-np.diff(other['holds']), 3)}" in said
    gains = -np.diff(other["encoder"])
    assert (
        f"{least_to_most(gains[:3], 3)} lower on digits, and {least_to_most(gains[3:], 3)} on photo"
        in said
    )


def test_the_study_of_optimizers_trains_as_docs_say(monkeypatch):
    """As the line that trained the small models, but for what is compared."""

    def stop(model, images, config, folder):
        raise InterruptedError(config)

    monkeypatch.setattr(budgets, "train", stop)
    job = {"data": "photos", "encoder": "identity", "size": "tiny", "lr": 0.003} | {
        "optimizer": "muon", "updates": 2000, "seed": 0
    }  # fmt: skip
    with pytest.raises(InterruptedError) as told:
        budgets.STUDY.run(job, options(budgets.STUDY))
    (line,) = re.findall(r"^python -m diffenc_lite (train runs/small .*)$", MODELS, re.MULTILINE)
    typed = vars(parser().parse_args(shlex.split(line)))
    config = vars(told.value.args[0])
    for name in ("batch", "lr", "warmup", "ema", "ends", "seed"):
        assert config[name] == typed[name], name


def least_to_most(values, digits):
    return f"{np.min(values):.{digits}f} to {np.max(values):.{digits}f}"


def test_docs_have_the_trained_end_points():
    schedule = load_pretrained("mnist-vdm-medium").schedule
    low, high = (float(end.detach()) for end in end_points(schedule, torch.empty(0)))
    assert f"γ from {low:.1f} to {high:.1f}" in MODELS


def parts_of(card: dict) -> list[tuple[int, int]]:
    """(updates, batch) of a training and of those that it started from, the last first."""
    before = card.get("start")
    batch = card["batch"] if "batch" in card else card["training"]["batch"]
    return [(card["updates"], batch), *(parts_of(before) if before else [])]


def test_training_lines_are_those_of_the_cards():
    text = MODELS + (BASES.parent / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^# (.*)\n((?:python -m diffenc_lite train .*\n)+)", text, re.MULTILINE)
    lines = {
        re.split("[,;]", title)[0]: [
            parser().parse_args(shlex.split(line)[3:]) for line in block.splitlines()
        ]
        for title, block in blocks
    }
    for name, like in {
        "mnist-learned": "", "mnist-vdm": "mnist-learned", "mnist-scaling": "mnist-learned",
        "photos-vdm-medium": "", "mnist-vdm-medium": "", "mnist-1": "",
    }.items():  # fmt: skip
        card = read_card(BASES / name if name == "mnist-1" else name)
        typed = [vars(line) for line in lines[like or name]]
        trained = {"optimizer": "adamw"} | card["training"] | card["configuration"]
        compared = "updates batch lr warmup optimizer ema ends seed schedule"
        for key in compared.split() + ([] if like else ["encoder", "size"]):
            assert typed[-1][key] == trained[key], (name, key)
        assert [(line["updates"], line["batch"]) for line in typed[::-1]] == parts_of(card)
        assert card["data"].startswith(typed[-1]["data"].replace("full", "mnist"))
    rows = re.findall(r"^\| (scaling|learned) \| .*`runs/\S+`.* \| (.*) \|$", MODELS, re.MULTILINE)
    assert len(rows) == 2
    for encoder, parts in rows:
        card = read_card(f"mnist-{encoder}-medium")
        typed = [
            [int(x.replace(",", "")) for x in re.findall(r"\d[\d,]*\d|\d", part)]
            for part in parts.split("; then ")
        ]
        assert typed[-1][2] == card["seed"]
        assert [tuple(part[:2]) for part in typed[::-1]] == parts_of(card)[: len(typed)]
    vdm = [(line.updates, line.batch) for line in lines["a VDM"]]
    assert vdm[::-1] == parts_of(read_card("mnist-scaling-medium"))[2:]


def test_every_measured_number_of_a_page_is_held():
    """And one that is not is found: with a line that has another, after a minus, at an end."""
    assert [line for page in tool.PAGES for line in tool.loose_in_page(page)] == []
    held = tool.numbers(["learned - image -0.0160 (-0.0200 to -0.0120), 12.5 %"])
    assert tool.loose("By -0.0160, or 0.0160. It is 12.5 % of $0.3$ and `0.4`.", held) == []
    assert tool.loose("By -0.0260, or 0.0450. It is 3 %.", held) == ["0.0260", "0.0450", "3 %"]


def test_a_number_in_a_hint_stands_in_its_lesson():
    texts = defaultdict(list)
    for path in NOTEBOOKS:
        texts[path.name[:2]].append(joined(cells_of(path)))
    for number, exercise in EXERCISES.items():
        hinted = map(float, re.findall(r"\d+\.\d+", " ".join(exercise.hints)))
        assert {*hinted} <= tool.numbers([exercise.question, *texts[number[:2]]]), number


@pytest.mark.parametrize("noun, counts", [
    ("photographs", {len(photos.SHA256), len(photos.SIX)}), ("notebooks", {len(CORE)}),
    ("models come", {len(pretrained_names())}),
])  # fmt: skip
def test_pages_count_what_there_is(noun, counts):
    words, text = {"six": 6, "seven": 7, "sixteen": 16}, "".join(p.read_text() for p in tool.PAGES)
    found = re.findall(rf"(\d+|{'|'.join(words)})(?: colour)? {noun}", text.lower())
    assert {int(words.get(count, count)) for count in found} == counts


def test_citation_and_readme_cite_the_same_paper():
    (paper,) = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))["references"]
    bibtex = dict(re.findall(r"^  (\w+) += {(.*)}", README, re.MULTILINE))
    names = [f"{one['family-names']}, {one['given-names']}" for one in paper["authors"]]
    told = [paper["title"], " and ".join(names), str(paper["year"]), paper["url"]]
    cited = [re.sub("[{}]", "", bibtex[field]) for field in ("title", "author", "year", "url")]
    assert told == cited and paper["conference"]["name"] == bibtex["booktitle"]
    assert paper["identifiers"][0]["value"].removeprefix("arXiv:") in paper["url"]


def test_make_test_compares_what_notebooks_store():
    (recipe,) = re.findall(r"^test: .*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert all(re.search(f"pytest {what}/ ", recipe) for what in ("tests", "--nbval notebooks"))
    made = re.findall(r"^ *make (\w+)", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert made == "lint test wheel browser sitecheck coursework".split()


def test_readme_commands_exist():
    targets = set(re.findall(r"^(\w+):", MAKEFILE, re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z]+)", "\n".join(re.findall(r"`{1,3}[^`]+`", README))))
    assert {"notebooks", "test", "lab"} <= named <= targets


def test_command_lines_are_understood():
    pages = ("README.md", "docs/models.md", "docs/instructors.md")
    text = "".join((ROOT / page).read_text(encoding="utf-8") for page in pages)
    lines = re.findall(r"^python -m diffenc_lite (.*?)(?:  +#.*)?$", text, re.MULTILINE)
    assert len(lines) >= 12
    for line in lines:
        parser().parse_args(shlex.split(line))  # ends in SystemExit if not


# ---- the notebooks -------------------------------------------------------------------------------


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_stored_clean(path):
    assert "widgets" not in json.loads(path.read_text(encoding="utf-8"))["metadata"]
    code = cells_of(path, "code")
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    tags = [tag for cell in code for tag in cell["metadata"].get("tags", [])]
    assert tags.count("nbval-ignore-output") <= len(code) / 3 and "nbval-skip" not in tags
    assert "error" not in {output["output_type"] for cell in code for output in cell["outputs"]}


# ---- the page for instructors (test_nbgrader has its code), and the times of the lessons ---------

PAGE = (ROOT / "docs" / "instructors.md").read_text(encoding="utf-8")
TOPS = {path.name[:2]: joined(cells_of(path)[:1]) for path in CORE}


def needs_of(top: str) -> set[str]:
    """The lessons that a lesson names at its top, after "You need"."""
    (sentence,) = re.findall(r"\*\*You need\*\*(.*?)\*\*(?:Run t|T)ime", top, re.DOTALL)
    return {*re.findall(r"\b\d\d\b", sentence)}


NEEDS = {number: needs_of(top) for number, top in TOPS.items()}


def test_lessons_say_what_they_need():
    assert NEEDS["04"] == {"01", "03"} and NEEDS["14"] == {"04", "05", "10"}
    assert all(max(needed, default="") < number for number, needed in NEEDS.items())


def test_readme_adds_up_the_times_of_the_lessons():
    minutes = 0
    for top in TOPS.values():
        (time,) = re.findall(r"(?:\bTime:\*\*|exercises take) (\d+ minutes|an hour)\b", top)
        minutes += 60 if time == "an hour" else int(time.split()[0])
    assert f"*{round(minutes / 60)} hours:*" in README


@pytest.mark.parametrize("weeks", (4, 8, 12))
def test_a_syllabus_has_what_a_lesson_needs_before_it(weeks):
    (plan,) = re.findall(rf"^\| {weeks} \| ([\d,; ]+) \|$", PAGE, re.MULTILINE)
    assert plan.count(";") == weeks - 1
    order = re.findall(r"\d\d", plan)
    assert len(order) == len({*order})
    for place, number in enumerate(order):
        assert NEEDS[number] <= {*order[:place]}, number


def test_its_table_of_the_lab_has_the_points_that_are_given():
    points = re.findall(r"^\| (?:\d )?[a-z ]+ \| (\d) \| \d+ \|", PAGE, re.MULTILINE)
    assert list(map(int, points)) == [*lab.POINTS.values(), lab.BY_HAND]
    by_hand = re.findall(r"^\| (\d) \| ", PAGE.partition("The question by hand")[2], re.MULTILINE)
    assert sum(map(int, by_hand)) == lab.BY_HAND


def test_the_notebooks_it_names_exist():
    for name in re.findall(r"(?<!further/)\b\d\d_[a-z]\w+", PAGE):
        assert (ROOT / "notebooks" / f"{name}.ipynb").is_file()


# ---- the workflows for GitHub --------------------------------------------------------------------


FLOWS = {path.stem: path.read_text("utf-8") for path in (ROOT / ".github/workflows").glob("*.yml")}
JOBS = {name: yaml.safe_load(text)["jobs"] for name, text in FLOWS.items()}


def test_only_one_job_of_a_workflow_may_write():
    found = {name: [job for job in JOBS[name] if "write" in str(JOBS[name][job].get("permissions"))]
             for name in JOBS}  # fmt: skip
    assert found == {"check": [], "tests": [], "site": ["deploy"], "release": ["publish"]}
    for text in FLOWS.values():
        assert yaml.safe_load(text)["permissions"] == {"contents": "read"}


def test_workflows_take_actions_by_their_commit_and_packages_from_one_index():
    for action in re.findall(r"uses: (.*)", "\n".join(FLOWS.values())):
        assert re.match(r"\./|[\w/-]+@[0-9a-f]{40}  # v\d", action), action
    assert "EXTRA_INDEX" not in "".join(FLOWS.values()).upper().replace("-", "_")
    assert "run: .ci/run" in FLOWS["check"] and "pytest tests" in FLOWS["tests"]
    assert "check_wheel" in FLOWS["tests"]
    for text in FLOWS.values():
        assert text.count("actions/checkout@") == text.count("persist-credentials: false")


@pytest.mark.parametrize("name, job, needed", [
    ("site", "deploy", ["check"]), ("release", "build", ["check", "tests"]),
])  # fmt: skip
def test_nothing_is_published_untested_or_under_another_version(name, job, needed):
    assert JOBS[name][job]["needs"] == needed
    assert all(JOBS[name][x]["uses"] == f"./.github/workflows/{x}.yml" for x in needed)
    assert JOBS["release"]["publish"]["needs"] == "build"
    steps = [step.get("run", "") for step in JOBS["release"]["build"]["steps"]]
    assert any('test "$GITHUB_REF_NAME" = "v$(' in step for step in steps)
