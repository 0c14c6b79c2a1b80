"""The lessons as files, in two layers: NN_*.ipynb, and their companions further/NN_*.ipynb."""

from pathlib import Path

BESIDE = ("conftest.py", "sanitize.cfg")  # how `pytest --nbval` compares the notebooks


def lessons_folder() -> Path:
    """The folder of the lessons: in the installed package, or at the top of a checkout."""
    installed = Path(__file__).parent / "notebooks"
    folder = installed if installed.is_dir() else Path(__file__).parents[2] / "notebooks"
    if not folder.is_dir():
        raise FileNotFoundError(
            f"the lessons are neither in the package, {installed}, nor beside it, {folder}"
        )
    return folder


def notebooks_in(folder: str | Path) -> list[Path]:
    """The notebooks of a folder of lessons: the core in order, then the companions in order."""
    layers = Path(folder), Path(folder, "further")
    return [path for layer in layers for path in sorted(layer.glob("*.ipynb"))]


def place(notebook: Path) -> Path:
    """Where a notebook stands in a folder of lessons: NAME, or further/NAME for a companion."""
    return Path("further" if notebook.parent.name == "further" else "", notebook.name)


def copy_lessons(out_dir: str | Path) -> list[Path]:
    """Copy the lessons into out_dir, which is made if it is new. Returns the paths of the copies.

    Nothing is overwritten, and nothing is copied if one file is in the way.
    Raises FileExistsError for such files, which it names, and for an out_dir that is a file.
    """
    folder, target = lessons_folder(), Path(out_dir).resolve()
    if target.exists() and not target.is_dir():
        raise FileExistsError(f"out_dir must be a folder, new or not; {target} is a file")
    copies = {target / place(path): path for path in notebooks_in(folder)}
    copies |= {target / name: folder / name for name in BESIDE}
    there = [copy.name for copy in copies if copy.exists()]
    if there:
        raise FileExistsError(
            f"out_dir already holds {', '.join(there)}, perhaps with your answers; nothing is "
            f"overwritten, so give another folder than {target}"
        )
    for copy, path in copies.items():
        copy.parent.mkdir(parents=True, exist_ok=True)
        with copy.open("xb") as file:
            file.write(path.read_bytes())
    return list(copies)
