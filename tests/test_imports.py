"""The layout as two rules of import, and a few more.

1. The core never imports `course`, nor what only the course needs (matplotlib, ipywidgets, SymPy).
2. A file of the paper imports files of the paper only, each one those that are read before it;
   never the machinery: files, data, pretrained, training.

A folder of the package has one door: outside of it, names come from its __init__. torchvision is
imported inside functions, so that importing the library is light.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "diffenc_lite"

# In the order in which they are read.
PAPER = (
    "arguments gaussian schedule encoder process chain pixels networks model bound evaluation "
    "grid ratio sampling"
).split()
MACHINERY = ["files", "data", "pretrained", "training", "__main__"]
COURSE = ["lessons", "ledger", "worlds", "exercises", "show", "studies", "slides", "teaching"]
ONLY_COURSE = {"matplotlib", "ipywidgets", "sympy", "IPython", "nbformat"}


def sources(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if path != PACKAGE / "__init__.py")


def room(path: Path) -> tuple[str, ...]:
    """("bound",), ("training", "loop"), ("course", "show", "plots"): the dotted name of a file."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def imported(path: Path, only_at_import: bool = False) -> set[str]:
    """Full dotted names that a file imports; `from a import b` counts as a.b.

    With `only_at_import`, what stands inside functions is left out.
    """

    def visit(node: ast.AST) -> None:
        if only_at_import and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = [*base, *(node.module or "").split(".")] if node.module else base
            names.update(".".join([*base, alias.name]) for alias in node.names)
        for child in ast.iter_child_nodes(node):
            visit(child)

    names: set[str] = set()
    package = list(path.relative_to(PACKAGE.parent).parts[:-1])
    visit(ast.parse(path.read_text(encoding="utf-8")))
    return names


def inside(path: Path) -> set[tuple[str, ...]]:
    """What a file imports of the package itself, as tuples of names."""
    names = imported(path, only_at_import=path == PACKAGE / "__main__.py")
    return {tuple(n.split(".")[1:]) for n in names if n.startswith("diffenc_lite.")}


CORE_FILES = [path for path in sources(PACKAGE) if room(path)[0] != "course"]
PAPER_FILES = [PACKAGE / f"{name}.py" for name in PAPER]
COURSE_FILES = [path for path in sources(PACKAGE / "course") if len(room(path)) > 1]


def names(paths: list[Path]) -> list[str]:
    return [".".join(room(path)) for path in paths]


def test_every_file_has_its_place():
    assert {room(path)[0] for path in CORE_FILES} == {*PAPER, *MACHINERY}
    assert {room(path)[1] for path in COURSE_FILES} == {*COURSE}


@pytest.mark.parametrize("path", CORE_FILES, ids=names(CORE_FILES))
def test_the_core_leaves_the_course_and_its_libraries_alone(path):
    # the commands of __main__ may teach
    used = imported(path, only_at_import=path == PACKAGE / "__main__.py")
    assert not any(name.startswith("diffenc_lite.course") for name in used)
    assert not {name.split(".")[0] for name in used} & ONLY_COURSE
    at_import = {name.split(".")[0] for name in imported(path, only_at_import=True)}
    assert "torchvision" not in at_import, "it belongs inside the function that needs it"


def comes_before(used: str, here: str, order: list[str]) -> bool:
    return used == here or order.index(used) < order.index(here)


@pytest.mark.parametrize("path", CORE_FILES, ids=names(CORE_FILES))
def test_the_core_imports_what_comes_before(path):
    """The paper what is read before; never the machinery, which comes after it."""
    here = room(path)[0]
    for used, *_ in inside(path):
        if here in PAPER or used in MACHINERY:
            assert comes_before(used, here, PAPER + MACHINERY), f"{here} comes before {used}"


@pytest.mark.parametrize("path", COURSE_FILES, ids=names(COURSE_FILES))
def test_a_room_of_the_course_imports_from_those_before(path):
    here = room(path)[1]
    for wing, *rooms in inside(path):
        if wing == "course" and rooms and rooms[0] in COURSE:
            assert comes_before(rooms[0], here, COURSE), f"{here} comes before {rooms[0]}"


FOLDERS = {("data",), ("pretrained",), ("training",), *(("course", name) for name in COURSE)}


@pytest.mark.parametrize("path", sources(PACKAGE), ids=names(sources(PACKAGE)))
def test_a_folder_has_one_door(path):
    for used in inside(path):
        for folder in FOLDERS:
            behind = used[: len(folder)] == folder and len(used) > len(folder) + 1
            if behind and room(path)[: len(folder)] != folder:
                file = PACKAGE.joinpath(*used[: len(folder) + 1]).with_suffix(".py")
                assert not file.exists(), f"{'.'.join(used)} is behind the door of {folder}"


LEDGER_FILES = [path for path in COURSE_FILES if room(path)[1] == "ledger"]


@pytest.mark.parametrize("path", LEDGER_FILES, ids=names(LEDGER_FILES))
def test_the_ledger_imports_sympy_only(path):
    outside = {name.split(".")[0] for name in imported(path)} - set(sys.stdlib_module_names)
    assert outside <= {"sympy", "mpmath", "diffenc_lite"}  # mpmath computes for SymPy
    assert all(used[:2] == ("course", "ledger") for used in inside(path))


def test_importing_the_library_is_light():
    code = (
        "import sys, torch; before = set(sys.modules); import diffenc_lite;"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "diffenc_lite.model" in loaded
    assert not loaded & {"torchvision", "diffenc_lite.course", *ONLY_COURSE}
