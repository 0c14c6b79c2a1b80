"""Make the site in build/site: lessons, explorers, the ledger, the library, from what is here.

    pip install -e ".[notebooks,site]"
    python tools/make_site.py
    python tools/make_site.py notebooks/06_*.ipynb     # explorers and figures of these lessons only

Lessons show the outputs that their notebooks store. Only explorers and figures are made anew, by
executing the notebooks, two at a time, with DIFFENC_LITE_EXPORT set; that takes minutes, and none
where build/executed has them. The ledger is proved while its pages are written. Nothing is fetched
from the net, neither here nor by the pages, which can be opened from the file system.
"""

import ast
import base64
import html
import inspect
import io
import json
import os
import re
import shutil
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from PIL import Image
from run_notebooks import (
    ROOT,
    caption,
    description,
    executed,
    mathjax,
    pictures,
    without_remote_pictures,
)
from sphinx.cmd.build import build_main

import diffenc_lite
from diffenc_lite.course import ledger
from diffenc_lite.course.lessons import notebooks_in, place
from diffenc_lite.course.show import blueprint

DOCS, PAGES, SITE = ROOT / "docs", ROOT / "build" / "pages", ROOT / "build" / "site"
NOTEBOOKS = notebooks_in(ROOT / "notebooks")
CORE = {path.name[:2]: path for path in NOTEBOOKS if path.parent.name == "notebooks"}
OF_COURSE = ("worlds", "show", "exercises", "studies")


def title_of(source: Path) -> str:
    return nbformat.read(source, as_version=4).cells[0].source.splitlines()[0].removeprefix("# ")


TITLES = {number: title_of(path) for number, path in CORE.items()}


def write(name: str, text: str) -> None:
    path = PAGES / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def raw(text: str) -> str:
    """HTML in a page of Markdown"""
    return f"```{{raw}} html\n{text}\n```"


def toctree(pages: Iterable[str], caption: str = "") -> str:
    named = f":caption: {caption}\n" if caption else ""
    return f"```{{toctree}}\n:hidden:\n{named}\n" + "\n".join(pages) + "\n```"


# ---- lessons -------------------------------------------------------------------------------------

DRAWS = r"(?<!lesson)\b(?:plots|ax|axes|figure|upper|lower|left|right)\b[.(\[]"
NOT_SEEN = r"  # (?:noqa|fmt: skip|type: ignore).*$|^### (?:BEGIN|END) SOLUTION\n?"
NOT_SEEN += r"|^# Ignore this cell .*\n"


def fold(cell: NotebookNode) -> None:
    """Fold solutions, and code that draws or checks; take out what is said to tools only."""
    tags = cell.metadata.setdefault("tags", [])
    cell.source = re.sub(NOT_SEEN, "", cell.source, flags=re.MULTILINE).strip("\n")
    rows = [row for row in cell.source.splitlines() if row.strip()]
    checks = sum(row.startswith(("assert ", "print(", "ask(", "check(")) for row in rows)
    draws = sum(bool(re.search(DRAWS, row)) for row in rows)
    hidden = cell.metadata.get("jupyter", {}).get("source_hidden")
    if "solution" in tags:
        tags.append("hide-cell")
    elif len(rows) > 3 and (hidden or 2 * max(checks, draws) > len(rows)):
        tags.append("hide-input")
        cell.metadata["mystnb"] = {"code_prompt_show": "Code", "code_prompt_hide": "Code"}


def write_image(content: bytes, name: str, alt: str) -> str:
    """Write an image as lossless WebP, or a film as it is; returns how a page shows it."""
    with Image.open(io.BytesIO(content)) as picture:
        name += ".webp"
        path = PAGES / "extra" / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if getattr(picture, "is_animated", False):
            path.write_bytes(content)
        else:
            picture.convert("RGB").save(path, "WEBP", lossless=True, quality=50, method=4)
        size = f'width="{picture.width}" height="{picture.height}"'
    return f'<img src="@UP@pictures/{name}" {size} alt="{html.escape(alt)}" loading="lazy">'


def shown(name: str, code: str, output: NotebookNode, explorers: int, figures: int) -> str:
    """A picture as HTML, with number and caption: as its notebook exports it, or else its image."""
    says, alt = caption(code, output), description(code, output)
    text = output.data.get("text/html", "")
    moves = 'class="explorer"' in text
    number = f"{name[:2]}.{explorers if moves else figures}"
    label = f"<b>{'Explorer' if moves else 'Figure'} {number}</b> {html.escape(says)}"
    image = base64.b64decode(output.data["image/png"])
    drawn = text or write_image(image, f"{name}-{figures}", alt)
    more = "" if moves else '<button class="enlarge" type="button">Enlarge</button>'
    return f"<figure>{drawn}<figcaption>{label} {more}</figcaption></figure>"


def local_links(text: str) -> str:
    """Markdown without links to files that the site does not have; their words stay."""
    return re.sub(r"(?<!!)\[([^\]]*)\]\(\.\./(?!figures/|\d\d_)[^)]*\)", r"\1", text)


def displayed(text: str) -> str:
    """Text with formulas, as a notebook shows it, as Markdown: each $$...$$ is a paragraph."""
    return re.sub(r"\s*\$\$(.+?)\$\$\s*", r"\n\n$$\n\1\n$$\n\n", text, flags=re.DOTALL).strip()


def write_lesson(source: Path, fresh: NotebookNode) -> list[str]:
    """A notebook as a page: the outputs it stores, its pictures from `fresh`; its explorers."""
    notebook, page = nbformat.read(source, as_version=4), f"lessons/{place(source).as_posix()}"
    up, figures, moving = "../" * page.count("/"), 0, list[str]()
    for cell, made in zip(notebook.cells, fresh.cells, strict=True):
        if cell.cell_type == "markdown":
            cell.source = local_links(without_remote_pictures(cell.source))
            continue
        fold(cell)
        for output, other in zip(pictures(cell), pictures(made), strict=True):
            moves = 'class="explorer"' in other.data.get("text/html", "")
            figures += not moves
            text = shown(source.stem, made.source, other, len(moving) + 1, figures)
            moving += [text] if moves else []
            output.data = NotebookNode({"text/html": text.replace("@UP@", up)})
        for output in cell.get("outputs", []):
            for kind in {"text/latex", "text/markdown"} & output.get("data", {}).keys():
                output.data["text/markdown"] = displayed(output.data.pop(kind))
    path = " ".join(
        f'<a href="{up}lessons/{core.stem}.html" title="{TITLES[number]}"'
        f"{' aria-current=page' if core == source else ''}>{number}</a>"
        for number, core in CORE.items()
    )
    heading, *rest = notebook.cells[0].source.split("\n")
    top = f'<nav class="path" aria-label="Lessons">{path}</nav>\n'
    top += f'<p><a class="button" download href="{up}_sources/{page}">Download notebook</a></p>'
    notebook.cells[0].source = f"{heading}\n\n{raw(top)}\n" + "\n".join(rest)
    below = [
        f"further/{p.stem}" for p in NOTEBOOKS if p.name[:2] == source.name[:2] and p != source
    ]
    if below and source in CORE.values():
        notebook.cells.append(nbformat.v4.new_markdown_cell(toctree(below)))
    write(page, nbformat.writes(notebook))
    return moving


def write_lessons(anew: list[Path]) -> str:
    """The lessons with companions below them, and all explorers on a page; the first of these."""
    gallery, first = [(DOCS / "explorers.md").read_text(encoding="utf-8")], ""
    # the two kernels share the cores, instead of each taking all of them
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // 2)))
    with ProcessPoolExecutor(2) as pool:
        made = dict(zip(anew, pool.map(executed, anew), strict=True))
    for source in NOTEBOOKS:
        fresh = made.get(source) or nbformat.read(source, as_version=4)
        if moving := write_lesson(source, fresh):
            first = first or moving[0]
            gallery.append(f"## [{title_of(source)}](lessons/{place(source).as_posix()})\n")
            gallery += [raw(text) + "\n" for text in moving]
    write("explorers.md", "\n".join(gallery))
    return first


# ---- the ledger ----------------------------------------------------------------------------------


def tags_in(text: str) -> set[str]:
    """The tags of the ledger that a text names; L0-L4 names five."""
    named: set[str] = set()
    for first, last in re.findall(r"(?<!\w)([FGELWX]\dc?|KL)(?:-([FGELWX]\d))?(?!\w)", text):
        numbers = range(int(first[1]), int(last[1]) + 1) if last else []
        named |= {first} | {f"{first[0]}{number}" for number in numbers}
    return named & set(ledger.TAGS)


def first_lines(name: str, scope: ast.Module | ast.ClassDef) -> dict[str, str]:
    """The name of each public function, class and method in a scope -> how its docstring begins."""
    lines = {}
    for node in scope.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            inner = f"{name}.{node.name}"
            lines[inner] = " ".join((ast.get_docstring(node) or "").split("\n\n")[0].split())
            if isinstance(node, ast.ClassDef):
                lines |= first_lines(inner, node)
    return lines


def write_ledger() -> None:
    """A page for each formula, and what a link to one, or to a function, says under the pointer."""
    first: dict[str, str] = {}
    for path in sorted((ROOT / "diffenc_lite").glob("[!_]*.py")):
        first |= first_lines(path.stem, ast.parse(path.read_text(encoding="utf-8")))
    code = {name: tags_in(text) for name, text in first.items()}
    lines, cards = [], {}
    for tag, row in ledger.LEDGER.items():
        taught = f"[{TITLES[row.notebook]}](../lessons/{CORE[row.notebook].name})"
        names = [f"{{py:obj}}`{name} <diffenc_lite.{name}>`" for name in code if tag in code[name]]
        texts = (step._repr_latex_().replace(r"$$\displaystyle ", "$$") for step in row.derive())
        page = [
            f"# {tag} · {row.title}",
            row.setting,
            f"$$\n{row.latex()}\n$$",
            f"Taught in {taught}.",
            f"In the code: {', '.join(names)}."
            if names
            else "No function of the library stands for it.",
            "## Derivation",
            *(f"**{number}** · {displayed(text)}" for number, text in enumerate(texts, 1)),
            "## Proof",
            re.sub(rf"\b({'|'.join(ledger.TAGS)})\b", r"[\1](\1.md)", f"{row.prove()!r}."),
        ]
        write(f"ledger/{tag}.md", "\n\n".join(page) + "\n")
        lines.append(f"| [{tag}]({tag}.md) | {row.title} | {taught} | {', '.join(names)} |")
        cards[f"ledger/{tag}.html"] = [f"{tag} · {row.title}", rf"\[{row.latex()}\]"]
    cards |= {
        f"api/{n.split('.')[0]}.html#diffenc_lite.{n}": [n, t[:300]] for n, t in first.items()
    }
    write("extra/_static/cards.js", f"window.cards = {json.dumps(cards, ensure_ascii=False)};\n")
    drawn = io.StringIO()
    blueprint.picture("{}.html").savefig(drawn, format="svg", metadata={"Date": None})
    svg = "<svg" + drawn.getvalue().partition("<svg")[2].replace(' target="_blank"', "")
    svg = re.sub(r'width="\w+" height="\w+"', 'style="width: 100%"', svg, count=1)
    graph = f'<figure aria-label="{blueprint.in_words()}">\n{svg}</figure>'
    head = ["| tag | what it says | lesson | code |", "|---|---|---|---|"]
    parts = {"ROWS": "\n".join([*head, *lines]), "LAWS": ledger.laws()._repr_markdown_()}
    parts |= {"GRAPH": f"{raw(graph)}\n\n{blueprint.in_words()}", "TAGS": toctree(ledger.TAGS)}
    write("ledger/index.md", filled("ledger.md", parts))


# ---- the library and the rest --------------------------------------------------------------------


def write_api() -> None:
    """A page for each module, in the groups and the order of help(diffenc_lite)."""
    text = inspect.getdoc(diffenc_lite) or ""
    index, pages = ["# The library", text.split("\n\n")[0]], []
    for heading, listed in re.findall(r"^(\S[^\n]*):\n\n((?:    \S.*\n?)+)", text, re.MULTILINE):
        rows = [line.split(None, 1) for line in listed.strip().splitlines()]
        index += [f"## {heading}", *(f"- [{name}]({name}.md): {says}" for name, says in rows)]
        pages += [name for name, _ in rows]
    index.append("## The course")
    for name in (f"course.{part}" for part in OF_COURSE):
        first = (inspect.getdoc(import_module(f"diffenc_lite.{name}")) or "").partition("\n\n")[0]
        index.append(f"- [{name}]({name}.md): {' '.join(first.split())}")
        pages.append(name)
    for name in pages:
        module = import_module(f"diffenc_lite.{name}")
        things = [getattr(module, public) for public in getattr(module, "__all__", [])]
        modules = [module, *filter(inspect.ismodule, things)]
        lines = [f".. automodule:: {each.__name__}\n    :members:\n" for each in modules]
        write(f"api/{name}.md", f"# {name}\n\n```{{eval-rst}}\n" + "\n".join(lines) + "\n```\n")
    write("api/index.md", "\n\n".join([*index, toctree(pages)]) + "\n")


def filled(name: str, parts: Mapping[str, str]) -> str:
    """A page of docs with each "<!-- PART -->what a repository shows<!-- end -->" filled in."""
    text = (DOCS / name).read_text(encoding="utf-8")
    return re.sub(r"(?s)<!-- (\w+) -->.*?<!-- end -->", lambda part: parts[part[1]], text)


def write_index(explorer: str) -> None:
    """The landing page: how README begins, with the tour's explorer in place of the film."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = ["| lesson | what you see |", "|---|---|"]
    for number, source in CORE.items():
        (seen,) = re.findall(rf"\(notebooks/{source.name}\) \| (.*) \|", readme)
        rows.append(f"| [{TITLES[number]}](lessons/{source.name}) | {seen} |")
    written = {"index.md", "explorers.md", "ledger.md"}
    more = [path.stem for path in sorted(DOCS.glob("*.md")) if path.name not in written]
    for name in more:
        write(f"{name}.md", of_docs((DOCS / f"{name}.md").read_text(encoding="utf-8")))
    lessons = toctree((f"lessons/{source.stem}" for source in CORE.values()), "Lessons")
    reference = toctree(["explorers", "ledger/index", "api/index", *more], "Reference")
    first = readme.partition("# diffenc_lite\n")[2].partition("<!-- end of the landing page -->")[0]
    first = re.sub(r"(?s)!\[A film.*?\n\n", "@EXPLORER@\n\n" if explorer else r"\g<0>", first)
    first = of_docs(first, "")
    parts = {"FIRST": first, "LESSONS": "\n".join(rows), "TOCTREES": f"{lessons}\n\n{reference}"}
    write("index.md", filled("index.md", parts).replace("@EXPLORER@", raw(explorer)))


def of_docs(text: str, up: str = "../") -> str:
    """A page of docs/: links to notebooks lead to lessons, others out of docs/ are words only."""
    text = re.sub(rf"\]\({re.escape(up)}notebooks/([\w/]+\.ipynb)", r"](lessons/\1", text)
    text = re.sub(rf"\]\({re.escape(up)}docs/([\w]+\.md)", r"](\1", text)
    keep = r"lessons/|https?:|#|\w+\.md[)#]|ledger/|api/"
    text = text.replace("](../figures/", "](figures/")
    return re.sub(rf"(?<!!)\[([^\]]*)\]\((?!{keep})[^)]*\)", r"\1", text)


def main() -> int:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all")
    anew = [path.resolve() for path in parser.parse_args().notebooks] or NOTEBOOKS
    script = mathjax()
    if script is None:
        print('error: install the extra "site" first: pip install -e ".[site]"', file=sys.stderr)
        return 1
    trees = PAGES.with_name("doctrees")
    for folder in (PAGES, SITE, trees):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "figures", PAGES / "figures")
    write_index(write_lessons(anew))
    write_ledger()
    write_api()
    shutil.copy(script, PAGES / "extra" / "_static")
    options = ["-q", "-W", "--keep-going", "-c", str(DOCS), "-d", str(trees)]
    if failed := build_main([*options, str(PAGES), str(SITE)]):
        return failed
    for source in NOTEBOOKS:  # what a reader downloads
        shutil.copy(source, SITE / "_sources" / "lessons" / place(source))
    size = sum(path.stat().st_size for path in SITE.rglob("*") if path.is_file())
    print(f"Done: the site is in {SITE} ({size / 1e6:.0f} MB); open index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
