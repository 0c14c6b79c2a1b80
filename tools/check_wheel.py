"""Build the wheel and run the first lesson out of it, outside a checkout, as a student would.

    python tools/check_wheel.py

It is installed into an environment of its own, which has the other packages of the one that runs
this program. Ends with 1 if anything fails.
"""

import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAX_MB = 25  # of the wheel


def run(*command: str | Path, folder: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(list(map(str, command)), cwd=folder, env=environment, check=True)


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, folder=ROOT)
        (wheel,) = folder.glob("*.whl")
        print(f"{wheel.name}: {(size := wheel.stat().st_size / 1e6):.1f} MB", flush=True)
        if size > MAX_MB:
            print(f"error: the wheel must have {MAX_MB} MB or less", file=sys.stderr)
            return 1
        run(sys.executable, "-m", "venv", "venv", folder=folder)
        python = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
        (packages,) = folder.glob("venv/[Ll]ib/**/site-packages")
        here = "\n".join({sysconfig.get_path(kind) for kind in ("purelib", "platlib")})
        (packages / "here.pth").write_text(here, encoding="utf-8")
        run(python, "-m", "pip", "install", "-q", "--no-deps", "--ignore-installed", wheel,
            folder=folder)  # fmt: skip
        run(python, "-m", "diffenc_lite", "notebooks", "lessons", folder=folder)
        (lesson,) = (folder / "lessons").glob("00_*.ipynb")
        run(python, "-m", "pytest", "-q", "--nbval", lesson, folder=folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
