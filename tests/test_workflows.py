"""The workflows for GitHub: as its schema has them, safe, and of this project.

The schema comes with check-jsonschema. zizmor and actionlint say more, where they are installed.
"""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def load(name: str) -> dict:
    text = (ROOT / ".github" / "workflows" / name).read_text(encoding="utf-8")
    return yaml.load(text, Loader=yaml.BaseLoader)  # `on` is a word here, not true


def commands(workflow: dict) -> str:
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    return "\n".join(step["run"] for step in steps if "run" in step)


def check_schema(schema: str, *paths: Path) -> None:
    pytest.importorskip("check_jsonschema")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    done = subprocess.run([*command, *map(str, paths)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_workflows_follow_the_schema():
    assert {path.stem for path in WORKFLOWS} == {"tests", "site", "release"}
    check_schema("github-workflows", *WORKFLOWS)


def test_the_citation_follows_the_schema():
    check_schema("citation-file-format", ROOT / "CITATION.cff")


@pytest.mark.parametrize("tool", [("zizmor", "--offline"), ("actionlint",)], ids=lambda t: t[0])
def test_the_linters_find_nothing(tool):
    if shutil.which(tool[0]) is None:
        pytest.skip(f"{tool[0]} is not installed")
    done = subprocess.run([*tool, *map(str, WORKFLOWS)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_tests_run_on_every_python_of_the_package():
    matrix = load("tests.yml")["jobs"]["tests"]["strategy"]["matrix"]
    name = "Programming Language :: Python :: "
    classifiers = PROJECT["classifiers"]
    assert matrix["python"] == [c.removeprefix(name) for c in classifiers if c.startswith(name)]
    assert {system.split("-")[0] for system in matrix["system"]} == {"ubuntu", "macos", "windows"}


def test_the_commands_of_make_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^(\w+):", makefile, re.MULTILINE))
    named = set(re.findall(r"\bmake (\w+)", "\n".join(commands(load(p.name)) for p in WORKFLOWS)))
    assert {"site", "lint"} <= named <= targets


@pytest.mark.parametrize("name", [path.name for path in WORKFLOWS])
def test_only_one_job_of_a_workflow_may_write(name):
    workflow = load(name)
    assert workflow["permissions"] == {"contents": "read"}
    jobs = {
        n for n, job in workflow["jobs"].items() if "write" in job.get("permissions", {}).values()
    }
    assert jobs == {"tests.yml": set(), "site.yml": {"deploy"}, "release.yml": {"publish"}}[name]
