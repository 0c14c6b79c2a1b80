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
    copies = {place(path): path.read_bytes() for path in notebooks_in(folder)}
    copies |= {Path(name): (folder / name).read_bytes() for name in BESIDE}
    return write_new(target, copies)


def write_new(out_dir: Path, files: dict[Path, bytes]) -> list[Path]:
    """Write files into a folder. Returns their paths.

    Raises FileExistsError, before anything is written, for those in the way, which it names, and
    for a folder that is a file.
    """
    if out_dir.exists() and not out_dir.is_dir():
        raise FileExistsError(f"out_dir must be a folder, new or not; {out_dir} is a file")
    paths = [out_dir / path for path in files]
    if there := [path.name for path in paths if path.exists()]:
        raise FileExistsError(
            f"out_dir already holds {', '.join(there)}, perhaps with somebody's answers; nothing "
            f"is overwritten, so give another folder than {out_dir}"
        )
    for path, content in zip(paths, files.values(), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return paths
