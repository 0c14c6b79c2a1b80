"""What is built from the project and installed: the sdist, the wheel, the editable install."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import diffenc_lite

ROOT = Path(__file__).resolve().parent.parent
NOT_SHIPPED = {".ci/run"}

pytest.importorskip("hatchling")


def build(target: str, project: Path, folder: Path) -> Path:
    """The one file that hatchling builds of this project, in the folder."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
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
        r"diffenc_lite/(pretrained/(mnist-scaling|mnist-vdm|photos-vdm)-medium"
        r"|course/studies/bases/mnist-.*)\.safetensors"
    )
    package = {n for n in files if n.startswith("diffenc_lite/") and not large.fullmatch(n)}
    assert any(map(large.fullmatch, files))
    lessons = {name for name in files if name.startswith("notebooks/")}
    assert package and lessons
    return package | {f"diffenc_lite/course/{name}" for name in lessons}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def run_from_wheel(wheel, tmp_path_factory):
    """Runs Python in a folder, with the wheel's files alone, and no checkout."""
    site = tmp_path_factory.mktemp("site")
    zipfile.ZipFile(wheel).extractall(site)

    def run(folder, *arguments, **variables):
        return subprocess.run(
            [sys.executable, *arguments], cwd=folder, capture_output=True, text=True,
            env=os.environ | {"PYTHONPATH": str(site)} | variables,
        )  # fmt: skip

    return run


def test_the_wheel_holds_the_package_with_the_lessons_and_nothing_else(wheel):
    assert held(wheel) == of_a_wheel(project_files())
    archive = zipfile.ZipFile(wheel)
    (described,) = {name.split("/")[0] for name in archive.namelist()} - {"diffenc_lite"}
    assert f"{described}/licenses/LICENSE" in archive.namelist()
    text = archive.read(f"{described}/METADATA").decode()
    assert f"\nVersion: {diffenc_lite.__version__}\n" in text
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    assert targets and all(target.startswith(("https://", "#")) for target in targets)
    assert f"/raw/v{diffenc_lite.__version__}/figures/encoding.gif)" in text
    assert f"/blob/v{diffenc_lite.__version__}/CHANGELOG.md)" in text


def test_the_lessons_are_copied_out_of_a_wheel(run_from_wheel, tmp_path):
    done = run_from_wheel(tmp_path, "-m", "diffenc_lite", "notebooks", "lessons")
    assert done.returncode == 0, done.stderr
    copies = {path for path in (tmp_path / "lessons").rglob("*") if path.is_file()}
    names = {path: path.relative_to(tmp_path / "lessons").as_posix() for path in copies}
    files = {name for name in project_files() if name.startswith("notebooks/")}
    assert {f"notebooks/{name}" for name in names.values()} == files
    for path, name in names.items():
        assert path.read_bytes() == (ROOT / "notebooks" / name).read_bytes()


def test_the_sdist_holds_the_project_and_the_wheel_can_be_built_from_it(tmp_path):
    sdist = build("sdist", ROOT, tmp_path / "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (project,) = (tmp_path / "unpacked").iterdir()
    files = {path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file()}
    assert files == project_files() - NOT_SHIPPED | {"PKG-INFO"}
    assert held(build("wheel", project, tmp_path / "wheel")) == of_a_wheel(files)


def test_an_editable_install_is_found_from_the_folder_above_a_clone(tmp_path):
    """The clone is called diffenc_lite, as the package in it is."""
    pytest.importorskip("pip")
    above, clone = tmp_path, tmp_path / "diffenc_lite"
    shutil.copytree(
        ROOT / "diffenc_lite", clone / "diffenc_lite", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, clone)

    # An environment of its own, since the package may be installed in this one. It gets the other
    # packages of this one by their path, which leaves out what is installed here as editable.
    home = tmp_path / "environment"
    venv.create(home, with_pip=False)
    python = home / ("Scripts" if os.name == "nt" else "bin") / "python"
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": home, "platbase": home}))
    here = {sysconfig.get_path(kind) for kind in ("purelib", "platlib")}
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    installed = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", python, "install", "--ignore-installed"),
            *("--no-deps", "--no-index", "--no-build-isolation", "--editable", clone),
        ],
        cwd=above, env=environment | {"PYTHONPATH": os.pathsep.join(here)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert installed.returncode == 0, installed.stdout + installed.stderr
    (packages / "others.pth").write_text("\n".join(here))

    code = "import diffenc_lite as d; print(d.__file__); d.load_mnist(source='bundled')"
    done = subprocess.run(
        [python, "-c", code], cwd=above, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()) == clone / "diffenc_lite" / "__init__.py"


def test_weights_that_the_wheel_lacks_are_asked_for_by_name(run_from_wheel, tmp_path):
    """Without a network the error says what to copy where; a copy there is then loaded."""
    program = (
        "import urllib.request as r, diffenc_lite as d\n"
        "def no(*a, **k): raise OSError('no network')\n"
        "r.urlopen = no\n"
        "print(type(d.load_pretrained('mnist-vdm-medium')).__name__)"
    )
    weights, cache = "diffenc_lite/pretrained/mnist-vdm-medium.safetensors", tmp_path / "cache"
    done = run_from_wheel(tmp_path, "-c", program, DIFFENC_LITE_DATA=str(cache))
    assert f"copy {weights} of a checkout to {cache}" in done.stderr
    (cache / "models").mkdir(parents=True)
    shutil.copy(ROOT / weights, cache / "models")
    done = run_from_wheel(tmp_path, "-c", program, DIFFENC_LITE_DATA=str(cache))
    assert done.stdout == "DiffEnc\n"
