"""List the measured numbers of lessons, README and docs that nothing holds.

    python tools/numbers_in_prose.py       # ends with 1 if there are any

A measured number is one with a decimal point, or a percentage, outside of formulas and code. That
of a lesson is held if an output or the code of the notebook has the same value, to as many digits:
`pytest --nbval` runs it. On a page numbers with a comma, as 10,000, are measured too. They are held
by the cards of the models, by the sizes of their networks in millions, by how many digits the
package has, by what the page's own code prints, or by a comment after them, in their paragraph:

    <!-- 10: learned - image -->                a line of lesson 10 that has these words
    <!-- by tests/test_project.py -->           something else
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from diffenc_lite.course.lessons import notebooks_in
from diffenc_lite.data import load_mnist
from diffenc_lite.model import ModelConfig, build
from diffenc_lite.pretrained import pretrained_names, read_card

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES += [ROOT / "CITATION.cff", ROOT / "diffenc_lite" / "data" / "README.md"]
NO_PROSE = (
    r"```.*?```", r"\$\$.*?\$\$", r"\$[^$]*\$", r"`[^`]*`", r"!\[[^\]]*\]\([^)]*\)",
    r"\bPython 3[\d., or]*", r"(CC BY(-SA)?|ShareAlike|version) \d\.\d",
    r"\b\d{4}\.\d{5}\b",  # of arXiv
)  # fmt: skip


def prose(text: str) -> str:
    """The words of Markdown: no formulas, code, pictures, addresses or marks."""
    text = re.sub("|".join(NO_PROSE), " ", text, flags=re.DOTALL)
    return re.sub(r"<[^>]+>|[*_#>|]+", " ", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text))


def loose(text: str, held: set[float]) -> list[str]:
    """The measured numbers of Markdown that are none of these, nor in per cent."""
    number = r"\d+\.\d+(?!\.?\d)(?: ?%)?|\d+(?= to \d+ ?%)|\d+ ?%"
    found = re.findall(rf"(?<![\w./])(?<!\w-)({number})", prose(text))
    by_unit = {False: held, True: held | {round(100 * value, 9) for value in held}}
    return [n for n in found if float(n.rstrip(" %")) not in by_unit["%" in n]]


def numbers(lines: Iterable[str]) -> set[float]:
    return set(map(float, re.findall(r"\d+(?:\.\d+)?", "\n".join(lines))))


def lines_of(notebook: Path) -> list[str]:
    """The code of its cells, and their outputs other than pictures."""
    lines: list[str] = []
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        lines += cell["source"] if cell["cell_type"] == "code" else []
        for output in cell.get("outputs", []):
            lines += output.get("text", [])
            data = output.get("data", {})
            lines += [line for kind in data if kind.startswith("text/") for line in data[kind]]
    return lines


def loose_in_notebook(path: Path) -> Iterator[str]:
    held = numbers(lines_of(path))
    for index, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
        if cell["cell_type"] == "markdown":
            for number in loose("".join(cell["source"]), held):
                yield f"{path.name}, cell {index}: {number}"


@cache
def of_package() -> set[float]:
    """The scores of the cards to three and four digits, and their numbers from 1,000; millions of
    weights to two digits; how many digits the package has."""
    cards = [read_card(name) for name in pretrained_names()]
    scores = [c[key] for c in cards for key in ("bits_per_dim", "standard_error")]
    scores += [loss for card in cards for loss in card["terms"].values()]
    models = [build(ModelConfig(size=size)) for size in ("small", "small-fine", "medium")]
    parts = [part for model in models for part in model.children()]
    found = {round(sum(w.numel() for w in part.parameters()) / 1e6, 2) for part in parts}
    found |= {round(score, digits) for score in scores for digits in (3, 4)}
    told = {number for number in numbers(map(json.dumps, cards)) if number >= 1000}
    digits = [len(load_mnist(split, "bundled")) for split in ("train", "test")]
    return found | told | {*digits, sum(digits)}


def loose_in_page(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    printed = numbers(re.findall(r"```text\n(.*?)```", text, re.DOTALL))
    own = of_package() | printed | {round(value, 2) for value in printed}
    text = re.sub(r"\d+(?:,\d{3})+(?!\d)", lambda m: m[0].replace(",", "") + ".0", text)
    for paragraph in re.split(r"\n\n|\n(?=- )", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        *parts, rest = re.split(r"<!-- (by |[\w/]+: )(.*?) -->", paragraph)
        for words, kind, line in zip(*[iter(parts)] * 3, strict=True):
            if kind != "by ":
                (notebook,) = (ROOT / "notebooks").glob(f"{kind.rstrip(': ')}_*.ipynb")
                held = numbers([x for x in lines_of(notebook) if line in x])
                yield from (f"{path.name}, {kind}{line}: {n}" for n in loose(words, own | held))
        yield from (f"{path.name}, {rest.strip()[:40]}: {n}" for n in loose(rest, own))


def main() -> int:
    lines = [x for path in notebooks_in(ROOT / "notebooks") for x in loose_in_notebook(path)]
    lines += [line for path in PAGES for line in loose_in_page(path)]
    print("\n".join(lines) or "every number of the prose is held")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
