"""The lessons as files: where they are, and a copy of them to work in."""

from pathlib import Path

# The second and third say how `pytest --nbval` compares the notebooks beside them.
FILES = ("*.ipynb", "conftest.py", "sanitize.cfg")


def lessons_folder() -> Path:
    """The folder of the lessons: in the installed package, or at the top of a checkout."""
    installed = Path(__file__).parent / "notebooks"
    folder = installed if installed.is_dir() else Path(__file__).parents[2] / "notebooks"
    if not folder.is_dir():
        raise FileNotFoundError(
            f"the lessons are neither in the package, {installed}, nor beside it, {folder}"
        )
    return folder


def copy_lessons(out_dir: str | Path) -> list[Path]:
    """Copy the lessons into out_dir, which is made if it is new. Returns the paths of the copies.

    Nothing is overwritten, and nothing is copied if one file is in the way.
    Raises FileExistsError for such files, which it names, and for an out_dir that is a file.
    """
    folder, target = lessons_folder(), Path(out_dir).resolve()
    if target.exists() and not target.is_dir():
        raise FileExistsError(f"out_dir must be a folder, new or not; {target} is a file")
    copies = {target / path.name: path for name in FILES for path in sorted(folder.glob(name))}
    there = [copy.name for copy in copies if copy.exists()]
    if there:
        raise FileExistsError(
            f"out_dir already holds {', '.join(there)}, perhaps with your answers; nothing is "
            f"overwritten, so give another folder than {target}"
        )
    target.mkdir(parents=True, exist_ok=True)
    for copy, path in copies.items():
        with copy.open("xb") as file:
            file.write(path.read_bytes())
    return list(copies)
