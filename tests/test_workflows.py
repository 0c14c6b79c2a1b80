"""The workflows for GitHub: as its schema has them, with few rights, and of this project."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def load(path: Path) -> dict:
    # `on` is a word here, not true
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)


@pytest.mark.parametrize(
    ("schema", "paths"),
    [("github-workflows", WORKFLOWS), ("citation-file-format", [ROOT / "CITATION.cff"])],
    ids=["workflows", "citation"],
)
def test_it_follows_the_schema(schema, paths):
    main = pytest.importorskip("check_jsonschema").main
    arguments = ["--builtin-schema", f"vendor.{schema}", *map(str, paths)]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output


def test_only_one_job_of_a_workflow_may_write():
    may_write = {"tests": set(), "site": {"deploy"}, "release": {"publish"}}
    assert {path.stem for path in WORKFLOWS} == set(may_write)
    for path in WORKFLOWS:
        workflow = load(path)
        assert workflow["permissions"] == {"contents": "read"}
        jobs = workflow["jobs"].items()
        writers = {name for name, job in jobs if "write" in job.get("permissions", {}).values()}
        assert writers == may_write[path.stem]
