"""The files of the project, and what is built of them and installed: the sdist, the wheel."""

import re
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
from draws import ROOT, run_python

import diffenc_lite

pytest.importorskip("hatchling")


def build(target: str, project: Path, folder: Path) -> Path:
    """The one file that hatchling builds of this project, in the folder."""
    done = run_python("-m", "hatchling", "build", "-t", target, "-d", folder, cwd=project)
    assert done.returncode == 0, done.stderr
    (built,) = folder.iterdir()
    return built


def project_files() -> set[str]:
    """All that git does not ignore."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    return {name for name in listed.stdout.decode().split("\0") if (ROOT / name).is_file()}


def held(wheel: Path) -> set[str]:
    return {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}


def of_a_wheel(files: set[str]) -> set[str]:
    """The package, and the notebooks inside it."""
    large = re.compile(
        r"diffenc_lite/((pretrained/(mnist-scaling|mnist-vdm|photos-vdm)-medium"
        r"|course/studies/bases/mnist-.*)\.safetensors)"
    )
    package = {n for n in files if n.startswith("diffenc_lite/") and not large.fullmatch(n)}
    assert any(map(large.fullmatch, files))
    lessons = {name for name in files if name.startswith("notebooks/")}
    assert package and lessons
    return package | {f"diffenc_lite/course/{name}" for name in lessons}


# A path that holds on one machine only, but not a part of an address. (This line is none itself.)
MACHINE_PATH = re.compile(r"(?<![\w./~-])(?:/(?:work|root|home|tmp|Users)/\w|[A-Z]:\\Users\\\w)")


def test_no_machine_paths():
    for name in project_files():
        try:
            lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue  # a picture or an archive
        assert [f"{name}: {line}" for line in lines if MACHINE_PATH.search(line)] == []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


def test_the_wheel_holds_the_package_with_the_lessons_and_nothing_else(wheel):
    assert held(wheel) == of_a_wheel(project_files())
    archive = zipfile.ZipFile(wheel)
    (described,) = {name.split("/")[0] for name in archive.namelist()} - {"diffenc_lite"}
    assert f"{described}/licenses/LICENSE" in archive.namelist()
    text = archive.read(f"{described}/METADATA").decode()
    assert f"\nVersion: {diffenc_lite.__version__}\n" in text
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    assert targets and all(target.startswith(("https://", "#")) for target in targets)
    assert all("/raw/" in shown for shown in re.findall(r"!\[[^\]]*\]\(([^)]+)", text))
    tags = re.findall(r"/(?:blob|raw)/([^/]+)/", "\n".join(targets))
    assert set(tags) == {f"v{diffenc_lite.__version__}"}  # as release.yml asks a tag to be called


def test_the_sdist_holds_the_project_and_the_wheel_can_be_built_from_it(tmp_path):
    sdist = build("sdist", ROOT, tmp_path / "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (project,) = (tmp_path / "unpacked").iterdir()
    files = {path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file()}
    assert files == project_files() | {"PKG-INFO"}
    assert held(build("wheel", project, tmp_path / "wheel")) == of_a_wheel(files)


FROM_THE_WHEEL = """
import shutil, sys, urllib.request
import torch
before = set(sys.modules)
import diffenc_lite
print(*sorted(set(sys.modules) - before))
from diffenc_lite.__main__ import main
main(["notebooks", "lessons"])

def refuse(*_, **__): raise OSError("no network")
urllib.request.urlopen = refuse
weights, cache = sys.argv[1:]
try: diffenc_lite.load_pretrained("mnist-vdm-medium")
except Exception as error: print(error)
shutil.copy(weights, cache)
print(type(diffenc_lite.load_pretrained("mnist-vdm-medium")).__name__)
"""


def test_the_wheel_alone_imports_little_and_has_lessons_and_models(wheel, tmp_path):
    """Weights that it lacks are asked for by name, and found where the error says."""
    site, models = tmp_path / "site", tmp_path / "cache" / "models"
    models.mkdir(parents=True)
    zipfile.ZipFile(wheel).extractall(site)
    weights = "diffenc_lite/pretrained/mnist-vdm-medium.safetensors"
    places = {"PYTHONPATH": str(site), "DIFFENC_LITE_DATA": str(models.parent)}
    done = run_python("-c", FROM_THE_WHEEL, ROOT / weights, models, cwd=tmp_path, **places)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.splitlines()[0].split())
    assert "diffenc_lite.model" in loaded
    assert not loaded & {"torchvision", "diffenc_lite.course", "matplotlib", "sympy", "ipywidgets"}
    assert f"copy {weights} of a checkout to {models.parent}" in done.stdout
    assert done.stdout.endswith("DiffEnc\n")
    lessons = tmp_path / "lessons"
    copies = {f"notebooks/{path.relative_to(lessons).as_posix()}" for path in lessons.rglob("*.*")}
    assert copies == {name for name in project_files() if name.startswith("notebooks/")}
