"""Make the site in build/site: lessons, explorers, the ledger, the library, from what is here.

    pip install -e ".[notebooks,site]"
    python tools/make_site.py

Lessons show the outputs that their notebooks store. Only their explorers are made anew, by
executing the notebooks, two at a time, with DIFFENC_LITE_EXPORT set; that takes minutes, and none
where build/executed has them. The ledger is proved while its pages are written. Nothing is fetched
from the net, neither here nor by the pages, which can be opened from the file system.
"""

from __future__ import annotations

import ast
import base64
import gzip
import html
import inspect
import io
import os
import re
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from pathlib import Path
from types import ModuleType

import nbformat
from nbformat import NotebookNode
from PIL import Image
from run_notebooks import ROOT, executed, mathjax, without_remote_pictures
from sphinx.cmd.build import build_main

import diffenc_lite
from diffenc_lite import course
from diffenc_lite.course import ledger
from diffenc_lite.course.lessons import notebooks_in, place
from diffenc_lite.course.show import blueprint

DOCS, PAGES, SITE = ROOT / "docs", ROOT / "build" / "pages", ROOT / "build" / "site"
NOTEBOOKS = notebooks_in(ROOT / "notebooks")
CORE = {path.name[:2]: path for path in NOTEBOOKS if path.parent.name == "notebooks"}
OF_COURSE = ("worlds", "show", "exercises", "studies")


def write(name: str, text: str) -> None:
    path = PAGES / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


# ---- lessons -------------------------------------------------------------------------------------


def lesson(source: Path, fresh: NotebookNode) -> NotebookNode:
    """The stored notebook, with the explorers and the descriptions of figures of `fresh`."""
    notebook = nbformat.read(source, as_version=4)
    for cell, made in zip(notebook.cells, fresh.cells, strict=True):
        if cell.cell_type == "markdown":
            cell.source = local_links(without_remote_pictures(cell.source))
            continue
        if "solution" in cell.metadata.get("tags", []):
            cell.metadata.tags.append("hide-cell")
        for output, other in zip(pictures(cell), pictures(made), strict=True):
            output.metadata = other.metadata
            if html_of_explorer := other.data.get("text/html"):
                output.data = NotebookNode({"text/html": html_of_explorer})
        for output in cell.get("outputs", []):
            if "text/latex" in output.get("data", {}):
                text = output.data.pop("text/latex")
                output.data["text/markdown"] = displayed(text)
    return notebook


def pictures(cell: NotebookNode) -> list[NotebookNode]:
    return [o for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]


def displayed(text: str) -> str:
    """Text with formulas, as a notebook shows it, as Markdown: each $$...$$ is a paragraph."""
    return re.sub(r"\s*\$\$(.+?)\$\$\s*", r"\n\n$$\n\1\n$$\n\n", text, flags=re.DOTALL).strip()


def local_links(text: str) -> str:
    """Markdown without links to files that the site does not have; their words stay."""
    return re.sub(r"(?<!!)\[([^\]]*)\]\(\.\./(?!figures/|\d\d_)[^)]*\)", r"\1", text)


def title_of(notebook: NotebookNode) -> str:
    return notebook.cells[0].source.splitlines()[0].removeprefix("# ")


def companions_of(source: Path) -> list[Path]:
    return [path for path in NOTEBOOKS if path.name[:2] == source.name[:2] and path != source]


def write_lessons() -> dict[str, str]:
    """The lessons with companions below them, and each explorer as a page.

    Returns number of the lesson -> its title.
    """
    titles = {}
    gallery = []
    # the two kernels share the cores, instead of each taking all of them
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // 2)))
    with ProcessPoolExecutor(2) as pool:
        for source, fresh in zip(NOTEBOOKS, pool.map(executed, NOTEBOOKS), strict=True):
            notebook = lesson(source, fresh)
            page = f"lessons/{place(source).as_posix()}"
            frames = []
            for cell in notebook.cells:
                for output in cell.get("outputs", []):
                    text = output.get("data", {}).get("text/html", "")
                    if "srcdoc=" in text:
                        frames.append(of_its_own(text, f"{source.stem}.html"))
                        up = "../" * page.count("/")
                        output.data["text/html"] = frames[-1].replace("@UP@", up)
            if frames:
                gallery.append(f"## [{title_of(notebook)}]({page})\n")
            gallery += [f"```{{raw}} html\n{frame.replace('@UP@', '')}\n```\n" for frame in frames]
            if source in CORE.values():
                titles[source.name[:2]] = title_of(notebook)
                below = "\n".join(f"further/{path.stem}" for path in companions_of(source))
                tree = f"```{{toctree}}\n:hidden:\n\n{below}\n```"
                notebook.cells += [nbformat.v4.new_markdown_cell(tree)] if below else []
            write(page, nbformat.writes(notebook))
    write("explorers.md", (DOCS / "explorers.md").read_text(encoding="utf-8") + "\n".join(gallery))
    return titles


def of_its_own(text: str, name: str) -> str:
    """Write the page inside an iframe to a file; returns the iframe that shows it, below @UP@."""
    (document,) = re.findall(r'srcdoc="([^"]*)"', text)
    write(f"extra/explorers/{name}", html.unescape(document))
    frame = text[: text.index("</iframe>")] + "</iframe>"
    return re.sub(r'srcdoc="[^"]*"', f'src="@UP@explorers/{name}" loading="lazy"', frame)


# ---- the ledger ----------------------------------------------------------------------------------


def tags_in(text: str) -> set[str]:
    """The tags of the ledger that a text names; L0-L4 names five."""
    named: set[str] = set()
    for first, last in re.findall(r"(?<!\w)([FGELWX]\dc?|KL)(?:-([FGELWX]\d))?(?!\w)", text):
        numbers = range(int(first[1]), int(last[1]) + 1) if last else []
        named |= {first} | {f"{first[0]}{number}" for number in numbers}
    return named & set(ledger.TAGS)


def code_of_tags() -> dict[str, list[str]]:
    """Tag -> the functions and classes of the library whose docstring begins with it."""
    code: dict[str, list[str]] = {tag: [] for tag in ledger.TAGS}
    for path in sorted((ROOT / "diffenc_lite").glob("*.py")):
        for name, node in definitions(ast.parse(path.read_text(encoding="utf-8"))):
            first = (ast.get_docstring(node) or "").split("\n\n")[0]
            for tag in tags_in(first):
                code[tag].append(f"{path.stem}.{name}")
    return code


def definitions(
    tree: ast.Module | ast.ClassDef,
) -> Iterator[tuple[str, ast.FunctionDef | ast.ClassDef]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node.name, node
            if isinstance(node, ast.ClassDef):
                yield from ((f"{node.name}.{name}", inner) for name, inner in definitions(node))


def write_ledger(titles: dict[str, str]) -> None:
    code = code_of_tags()
    lines = []
    for tag, row in ledger.LEDGER.items():
        taught = f"[{titles[row.notebook]}](../lessons/{CORE[row.notebook].name})"
        names = [f"{{py:obj}}`{name} <diffenc_lite.{name}>`" for name in code[tag]]
        steps = [
            f"**{number}** · {step_text(step._repr_latex_())}"
            for number, step in enumerate(row.derive(), 1)
        ]
        page = [
            f"# {tag} · {row.title}",
            row.setting,
            f"$$\n{row.latex()}\n$$",
            f"Taught in {taught}.",
            f"In the code: {', '.join(names)}."
            if names
            else "No function of the library stands for it.",
            "## Derivation",
            *steps,
            "## Proof",
            linked(f"{row.prove()!r}."),
        ]
        write(f"ledger/{tag}.md", "\n\n".join(page) + "\n")
        lines.append(f"| [{tag}]({tag}.md) | {row.title} | {taught} | {', '.join(names)} |")
    drawn = io.StringIO()
    blueprint.picture("{}.html").savefig(drawn, format="svg", metadata={"Date": None})
    svg = "<svg" + drawn.getvalue().partition("<svg")[2].replace(' target="_blank"', "")
    svg = re.sub(r'width="\w+" height="\w+"', 'style="width: 100%"', svg, count=1)
    graph = f'<figure aria-label="{blueprint.in_words()}">\n{svg}</figure>'
    text = (DOCS / "ledger.md").read_text(encoding="utf-8").replace("@ROWS@", "\n".join(lines))
    text = text.replace("@GRAPH@", f"```{{raw}} html\n{graph}\n```\n\n{blueprint.in_words()}")
    write("ledger/index.md", text.replace("@TAGS@", "\n".join(ledger.TAGS)))


def linked(text: str) -> str:
    """Every tag in a text leads to its page."""
    return re.sub(rf"\b({'|'.join(ledger.TAGS)})\b", r"[\1](\1.md)", text)


def step_text(text: str) -> str:
    return displayed(text.replace(r"$$\displaystyle ", "$$"))


# ---- the library ---------------------------------------------------------------------------------


def write_api() -> None:
    """A page for each module, in the groups and the order of help(diffenc_lite)."""
    text = inspect.getdoc(diffenc_lite) or ""
    pages: list[str] = []
    index = ["# The library", text.split("\n\n")[0]]
    for block in re.findall(r"^(\S[^\n]*:)\n\n((?:    \S.*\n?)+)", text, re.MULTILINE):
        names = [line.split()[0] for line in block[1].strip().splitlines()]
        rows = [line.split(None, 1) for line in block[1].strip().splitlines()]
        index += [f"## {block[0].rstrip(':')}", *(f"- [{a}]({a}.md): {b}" for a, b in rows)]
        pages += names
    index.append("## The course")
    for name in OF_COURSE:
        module = import_module(f"{course.__name__}.{name}")
        index.append(f"- [course.{name}](course.{name}.md): {summary_of(module)}")
        pages.append(f"course.{name}")
    for name in pages:
        write(f"api/{name}.md", api_page(name))
    listed = "\n".join(pages)
    index.append(f"```{{toctree}}\n:hidden:\n\n{listed}\n```")
    write("api/index.md", "\n\n".join(index) + "\n")


def summary_of(module: ModuleType) -> str:
    return " ".join((inspect.getdoc(module) or "").split("\n\n")[0].split())


def api_page(name: str) -> str:
    module = import_module(f"diffenc_lite.{name}")
    lines = [f".. automodule:: diffenc_lite.{name}", ""]
    for member in members(module):
        thing = getattr(module, member)
        if inspect.ismodule(thing):
            lines += [f".. automodule:: {thing.__name__}", "    :members:", ""]
            continue
        where = f"{module.__name__}.{member}"
        if inspect.isclass(thing):
            lines += [f".. autoclass:: {where}", "    :members:", ""]
        elif inspect.isfunction(thing) or hasattr(thing, "__wrapped__"):
            lines += [f".. autofunction:: {where}", ""]
    return f"# {name}\n\n```{{eval-rst}}\n" + "\n".join(lines) + "\n```\n"


def members(module: ModuleType) -> list[str]:
    """What a door lets out, or what a file of the paper defines, in the order of the file."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    tree = ast.parse(inspect.getsource(module))
    return [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    ]


# ---- the whole -----------------------------------------------------------------------------------


def write_index(titles: dict[str, str]) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = ["| | what you see |", "|---|---|"]
    for source in CORE.values():
        (seen,) = re.findall(rf"\(notebooks/{source.name}\) \| (.*) \|", readme)
        rows.append(f"| [{titles[source.name[:2]]}](lessons/{source.name}) | {seen} |")
    lessons = "\n".join(f"lessons/{source.stem}" for source in CORE.values())
    written = {"index.md", "explorers.md", "ledger.md"}
    more = [path.stem for path in sorted(DOCS.glob("*.md")) if path.name not in written]
    for name in more:
        text = (DOCS / f"{name}.md").read_text(encoding="utf-8")
        write(f"{name}.md", of_docs(text))
    trees = {
        "Lessons": lessons,
        "Reference": "\n".join(["explorers", "ledger/index", "api/index", *more]),
    }
    toctrees = "\n\n".join(
        f"```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{pages}\n```"
        for caption, pages in trees.items()
    )
    text = (DOCS / "index.md").read_text(encoding="utf-8")
    text = text.replace("@LESSONS@", "\n".join(rows)).replace("@TOCTREES@", toctrees)
    write("index.md", text)


def of_docs(text: str) -> str:
    """A page of docs/: links to notebooks lead to lessons, others out of docs/ are words only."""
    text = re.sub(r"\]\(\.\./notebooks/([\w/]+\.ipynb)", r"](lessons/\1", text)
    return local_links(text)


def write_icons() -> None:
    """Put the few icons that the pages use into a style sheet, in place of 1.6 MB of script."""
    static = SITE / "_static"
    script = static / "scripts" / "fontawesome.js"
    drawn = re.findall(
        r'[,{]"?([a-z0-9-]+)"?:\[(\d+),(\d+),\[[^\]]*\],"\w+","(M[^"]+)"\]',
        script.read_text("utf-8"),
    )
    pages = [*SITE.rglob("*.html"), *(static / "scripts").glob("*theme.js")]
    used = set(re.findall(r"\bfa-([a-z-]+)", "".join(page.read_text("utf-8") for page in pages)))
    rules = [
        f".fa-{name} {{ --icon: url(\"data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' "
        f"viewBox='0 0 {width} {height}'><path d='{path}'/></svg>\"); }}"
        for name, width, height, path in {icon[0]: icon for icon in drawn}.values()
        if name in used
    ]
    with (static / "site.css").open("a", encoding="utf-8") as sheet:
        sheet.write("\n".join(["", *rules, ""]))
    script.write_text("", encoding="utf-8")
    sheet_of_theme = static / "styles" / "pydata-sphinx-theme.css"
    rules_of_font = r"(?:\.fa-[\w-]+,?)+\{--fa:[^}]*\}"
    sheet_of_theme.write_text(re.sub(rules_of_font, "", sheet_of_theme.read_text("utf-8")), "utf-8")
    for leftover in static.rglob("*.map"):
        leftover.unlink()


def lighten() -> None:
    """Pictures of lessons as lossless WebP, loaded when a reader comes near, with their sizes."""
    made = {}
    for path in (SITE / "_images").glob("*.png"):
        with Image.open(path) as picture:
            size = f'width="{picture.width}" height="{picture.height}"'
            picture.save(path.with_suffix(".webp"), "WEBP", lossless=True, quality=50, method=4)
        path.unlink()
        made[path.name] = f'_images/{path.stem}.webp" {size} loading="lazy"'
    for page in SITE.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        new = re.sub(r'_images/([^"/]+\.png)"', lambda found: made[found[1]], text)
        if new != text:
            page.write_text(new, encoding="utf-8")


# MathJax is the largest thing a page loads. Where it comes from a file, no server compresses it.
UNPACK = """\
window.mathjaxUnpacked = (async () => {
  const packed = Uint8Array.from(atob("@PACKED@"), letter => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.head.append(script);
})();
"""


def packed(script: str) -> str:
    """A script that unpacks the given one, and runs it."""
    data = base64.b64encode(gzip.compress(script.encode("utf-8"), mtime=0)).decode("ascii")
    return UNPACK.replace("@PACKED@", data)


def main() -> int:
    script = mathjax()
    if script is None:
        print('error: install the extra "site" first: pip install -e ".[site]"', file=sys.stderr)
        return 1
    shutil.rmtree(PAGES, ignore_errors=True)
    shutil.rmtree(SITE, ignore_errors=True)
    shutil.copytree(ROOT / "figures", PAGES / "figures")
    titles = write_lessons()
    write_ledger(titles)
    write_api()
    write_index(titles)
    write(f"extra/_static/{script.name}", packed(script.read_text(encoding="utf-8")))
    trees = str(PAGES.with_name("doctrees"))
    shutil.rmtree(trees, ignore_errors=True)
    options = ["-q", "-W", "--keep-going", "-c", str(DOCS), "-d", trees]
    failed = build_main([*options, str(PAGES), str(SITE)])
    if failed:
        return failed
    write_icons()
    lighten()
    for source in NOTEBOOKS:  # what a reader downloads
        shutil.copy(source, SITE / "_sources" / "lessons" / place(source))
    size = sum(path.stat().st_size for path in SITE.rglob("*") if path.is_file())
    print(f"Done: the site is in {SITE} ({size / 1e6:.0f} MB); open index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
