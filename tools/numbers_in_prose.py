"""List the measured numbers of the lessons' prose that nothing on their page holds.

    python tools/numbers_in_prose.py       # ends with 1 if there are any

A measured number is one with a decimal point, or a percentage, outside of formulas and code. It is
held if an output or the code of the notebook has the same value, to as many digits: then the cell
that printed it, or asserted it, changes when the number does, and `pytest --nbval` says so.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from diffenc_lite.course.lessons import notebooks_in

ROOT = Path(__file__).resolve().parent.parent


def prose(cell: dict[str, Any]) -> str:
    """The words of a Markdown cell: no formulas, code, pictures, addresses or marks."""
    text = "".join(cell["source"])
    for gone in (r"```.*?```", r"\$\$.*?\$\$", r"\$[^$]*\$", r"`[^`]*`", r"!\[[^\]]*\]\([^)]*\)"):
        text = re.sub(gone, " ", text, flags=re.DOTALL)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"<[^>]+>|[*_#>|]+|\b\d{4}\.\d{5}\b", " ", text)  # the last: of arXiv


def unheld(path: Path) -> Iterator[str]:
    """A line for each number of the prose that neither an output nor the code of the page has."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    values = set(map(float, re.findall(r"\d+(?:\.\d+)?", page_without_prose(cells))))
    values |= {round(100 * value, 9) for value in values}  # in per cent
    for index, cell in enumerate(cells):
        if cell["cell_type"] != "markdown":
            continue
        for number in re.findall(r"(?<![\w./-])(\d+\.\d+(?![.\d])(?: ?%)?|\d+ ?%)", prose(cell)):
            if float(number.rstrip(" %")) not in values:
                yield f"{path.name}, cell {index}: {number}"


def page_without_prose(cells: list[dict[str, Any]]) -> str:
    """The code of the cells, and their outputs other than pictures."""
    lines = []
    for cell in cells:
        if cell["cell_type"] == "code":
            lines += cell["source"]
            for output in cell["outputs"]:
                lines += output.get("text", [])
                data = output.get("data", {})
                lines += [line for kind in data if kind.startswith("text/") for line in data[kind]]
    return "\n".join(lines)


def main() -> int:
    loose = [line for path in notebooks_in(ROOT / "notebooks") for line in unheld(path)]
    print("\n".join(loose) or "every number of the prose is held by its page")
    return int(bool(loose))


if __name__ == "__main__":
    sys.exit(main())
