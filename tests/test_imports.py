"""The layout as a rule of import: the core is a house of floors, and no arrow runs back up.

A file imports only from rows above its own, and never from a higher floor. The core never imports
`course/`, nor what only the course needs; torchvision is imported inside functions.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "diffenc_lite"
COURSE = PACKAGE / "course"

# The order in which the core is read, each file with its floor.
CORE = {
    "gaussian": 0,
    "schedule": 0,
    "encoder": 0,
    "process": 1,
    "pixels": 0,
    "networks": 0,
    "model": 1,
    "bound": 2,
    "ratio": 3,
    "sampling": 2,
    "origins": 1,
    "data": 1,
    "checkpoint": 2,
    "evaluation": 3,
    "memory": 0,
    "trainer": 3,
    "runs": 3,
    "training": 3,
    "__main__": 4,
}
TEACHING = [
    "symbolic",
    "quadrature",
    "worlds",
    "exact",
    "likelihood",
    "probes",
    "questions",
    "exercises",
    "student",
    "plots",
    "widgets",
    "film",
    "paired",
    "judge",
    "studies",
]
ONLY_COURSE = {"matplotlib", "ipywidgets", "sympy", "IPython"}


def sources(folder: Path) -> list[Path]:
    """The Python files of one wing, without its __init__.py."""
    found = sorted(folder.rglob("*.py")) if folder == COURSE else sorted(folder.glob("*.py"))
    return [path for path in found if path != folder / "__init__.py"]


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


def parts_used(path: Path, prefix: str = "diffenc_lite") -> set[str]:
    """What a file imports of a package, by the first name after the prefix."""
    inside = {name for name in imported(path) if name.startswith(prefix + ".")}
    return {name.removeprefix(prefix + ".").split(".")[0] for name in inside}


@pytest.mark.parametrize("path", sources(PACKAGE), ids=lambda path: path.stem)
def test_core_imports_only_from_above(path):
    rows = list(CORE)
    assert path.stem in CORE, f"{path.name} needs a row and a floor in the layout"
    used = parts_used(path)
    if path.stem != "__main__":  # which alone may use the names that the package exports
        assert used <= set(rows), f"import {used - set(rows)} from the file that has it"
    for other in used & set(rows):
        assert rows.index(other) < rows.index(path.stem), f"{path.stem} is read before {other}"
        assert CORE[other] <= CORE[path.stem], f"{other} stands on a higher floor than {path.stem}"


@pytest.mark.parametrize("path", sources(PACKAGE), ids=lambda path: path.stem)
def test_core_leaves_the_course_and_its_libraries_alone(path):
    names = imported(path, only_at_import=path.stem == "__main__")  # its commands may teach
    assert not any(name.startswith("diffenc_lite.course") for name in names)
    assert not {name.split(".")[0] for name in names} & ONLY_COURSE
    assert "torchvision" not in {
        name.split(".")[0] for name in imported(path, only_at_import=True)
    }, "torchvision belongs inside the function that needs it"


@pytest.mark.parametrize("path", sources(COURSE), ids=lambda path: path.stem)
def test_course_imports_only_from_above(path):
    own = path.relative_to(COURSE).with_suffix("").parts[0]
    assert own in TEACHING, f"course/{own} needs a row in the layout"
    for other in parts_used(path, "diffenc_lite.course") & set(TEACHING) - {own}:
        assert TEACHING.index(other) < TEACHING.index(own), f"{own} is read before {other}"


@pytest.mark.parametrize(
    "path",
    [path for path in sources(COURSE) if "symbolic" in path.relative_to(COURSE).parts[0]],
    ids=lambda path: path.stem,
)
def test_the_ledger_imports_sympy_only(path):
    outside = {name.split(".")[0] for name in imported(path)} - set(sys.stdlib_module_names)
    assert outside <= {"sympy", "diffenc_lite"}
    assert parts_used(path) <= {"course"}


def test_importing_the_library_is_light():
    code = (
        "import sys, torch; before = set(sys.modules); import diffenc_lite;"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "diffenc_lite.model" in loaded
    assert not loaded & {"torchvision", "diffenc_lite.course", *ONLY_COURSE}
