"""Build the wheel and run the first lesson out of it, outside a checkout, as a student would.

    python tools/check_wheel.py        # with each of Python 3.11 to 3.13 that is installed

Each gets an environment of its own. That of the Python that runs this program has the packages of
the environment it runs in; the others install everything. Ends with 1 if anything fails.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VERSIONS = ("3.11", "3.12", "3.13")
MAX_MB = 25  # of the wheel


def run(*command: str | Path, folder: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(list(map(str, command)), cwd=folder, env=environment, check=True)


def try_wheel(wheel: Path, version: str, folder: Path) -> str:
    """Install the wheel, copy the lessons out of it, and compare the first with what is stored."""
    this_python = version == f"{sys.version_info.major}.{sys.version_info.minor}"
    run(sys.executable if this_python else f"python{version}", "-m", "venv", "venv", folder=folder)
    scripts = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
    pip: list[str | Path] = [scripts / "python", "-m", "pip", "install", "-q"]
    if this_python:
        (packages,) = folder.glob("venv/[Ll]ib/**/site-packages")
        here = "\n".join({sysconfig.get_path(kind) for kind in ("purelib", "platlib")})
        (packages / "here.pth").write_text(here, encoding="utf-8")
        run(*pip, "--no-deps", "--ignore-installed", wheel, folder=folder)
    else:
        try:
            run(*pip, f"{wheel}[notebooks]", "pytest", "nbval", folder=folder)
        except subprocess.CalledProcessError:
            return "not tried, since pip could not get what it needs"
    run(scripts / "python", "-m", "diffenc_lite", "notebooks", "lessons", folder=folder)
    (lesson,) = (folder / "lessons").glob("00_*.ipynb")
    run(scripts / "python", "-m", "pytest", "-q", "--nbval", lesson, folder=folder)
    return "installed, and the first lesson is as stored"


def answers(python: str) -> bool:
    """Whether it runs; a version manager may have the name and no Python behind it."""
    found = shutil.which(python)
    return found is not None and not subprocess.run([found, "-V"], capture_output=True).returncode


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        made = Path(name)
        run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", made, folder=ROOT)
        (wheel,) = made.glob("*.whl")
        size = wheel.stat().st_size / 1e6
        print(f"{wheel.name}: {size:.1f} MB", flush=True)
        if size > MAX_MB:
            print(f"error: the wheel must have {MAX_MB} MB or less", file=sys.stderr)
            return 1
        tried = [v for v in VERSIONS if sys.version.startswith(v) or answers(f"python{v}")]
        for version in tried:
            folder = made / version
            folder.mkdir()
            print(f"Python {version}: {try_wheel(wheel, version, folder)}", flush=True)
        if missing := [version for version in VERSIONS if version not in tried]:
            print(f"not tried, since not installed here: Python {', '.join(missing)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
