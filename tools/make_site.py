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
import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from pathlib import Path

import badges
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
TITLES: dict[str, str] = {}  # number of a lesson -> its title
FIRST: list[str] = []  # the explorer of the tour, for the landing page
OF_COURSE = ("worlds", "show", "exercises", "studies")


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
EXPLORER = """\
<iframe class="explorer" title="{heading}" data-src="{up}explorers/{name}.html"></iframe>
<noscript><a href="{up}explorers/{name}.html">{heading}</a></noscript>"""
FILM = "A film: a digit is encoded and noised; then out of noise the model writes digits"


class Lesson:
    """A notebook as a page: the outputs it stores, with what moves and stacks from `fresh`."""

    def __init__(self, source: Path, fresh: NotebookNode):
        self.source, self.number = source, source.name[:2]
        self.page = f"lessons/{place(source).as_posix()}"
        self.up = "../" * self.page.count("/")
        self.notebook = nbformat.read(source, as_version=4)
        self.title = title_of(self.notebook)
        self.figures = 0
        self.explorers: list[str] = []  # as HTML, below @UP@
        for cell, made in zip(self.notebook.cells, fresh.cells, strict=True):
            if cell.cell_type == "markdown":
                cell.source = local_links(without_remote_pictures(cell.source))
                continue
            fold(cell)
            for output, other in zip(pictures(cell), pictures(made), strict=True):
                shown = self.shown(cell.source, other.data, other.metadata)
                output.data = NotebookNode({"text/html": shown.replace("@UP@", self.up)})
            for output in cell.get("outputs", []):
                if "text/latex" in output.get("data", {}):
                    text = output.data.pop("text/latex")
                    output.data["text/markdown"] = displayed(text)

    def shown(self, code: str, data: NotebookNode, metadata: NotebookNode) -> str:
        """A picture as HTML: an explorer, a film, panels or an image, with number and caption."""
        alt = metadata.get("image/png", {}).get("alt") or FILM
        says = caption(code, alt)
        image = base64.b64decode(data["image/png"])
        text = data.get("text/html", "")
        if "srcdoc=" in text:
            number = len(self.explorers) + 1
            name = f"{self.source.stem}{f'-{number}' * (number > 1)}"
            (heading,) = re.findall(r'title="([^"]*)"', text)
            (document,) = re.findall(r'srcdoc="([^"]*)"', text)
            write(f"extra/explorers/{name}.html", html.unescape(document))
            still = write_image(image, name, alt).replace("<img ", '<img class="still" ')
            frame = EXPLORER.format(up="@UP@", name=name, heading=heading)
            label = f"<b>Explorer {self.number}.{number}</b> {says}".strip()
            figure = f"<figure>{frame}\n{still}<figcaption>{label}</figcaption></figure>"
            self.explorers.append(figure)
            return figure
        self.figures += 1
        name = f"{self.source.stem}-{self.figures}"
        label = f"<b>Figure {self.number}.{self.figures}</b> {says}".strip()
        if image.startswith(b"GIF"):
            return f"<figure>{write_film(image, name)}<figcaption>{label}</figcaption></figure>"
        if alt == "A figure.":
            alt = says or alt
        drawn = text if 'class="picture"' in text else write_image(image, name, alt)
        drawn = re.sub(r"<style>.*?</style>\s*", "", drawn, flags=re.DOTALL)  # once, in site.css
        drawn = drawn.replace('aria-label="A figure."', f'aria-label="{html.escape(alt)}"')
        more = '<button class="enlarge" type="button">Enlarge</button>'
        return f"<figure>{drawn}<figcaption>{label} {more}</figcaption></figure>"


def fold(cell: NotebookNode) -> None:
    """Fold solutions, and code that draws or checks; take out what is said to tools only."""
    tags = cell.metadata.setdefault("tags", [])
    cell.source = re.sub(NOT_SEEN, "", cell.source, flags=re.MULTILINE).strip("\n")
    rows = [row for row in cell.source.splitlines() if row.strip()]
    checks = sum(row.startswith(("assert ", "print(", "ask(", "check(")) for row in rows)
    draws = sum(bool(re.search(DRAWS, row)) for row in rows)
    if "solution" in tags:
        tags.append("hide-cell")
    elif len(rows) > 3 and (
        cell.metadata.get("jupyter", {}).get("source_hidden") or 2 * max(checks, draws) > len(rows)
    ):
        tags.append("hide-input")
        cell.metadata["mystnb"] = {"code_prompt_show": "Code", "code_prompt_hide": "Code"}


def pictures(cell: NotebookNode) -> list[NotebookNode]:
    return [o for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]


def caption(code: str, alt: str) -> str:
    """What a figure shows: its title, or the first sentence of what draws it."""
    last = code.strip().splitlines()[-1]
    if called := re.match(r"(lesson_\d\d|main_line|blueprint)\.(\w+)\(", last):
        module = import_module(f"{course.__name__}.show.{called[1]}")
        text = " ".join((inspect.getdoc(getattr(module, called[2])) or "").replace("`", "").split())
        text = re.sub(r",?(?: each)? \((?:[\dnBT]+, ?)+[\dnBT]*\)", "", text)  # shapes of arrays
        return html.escape(re.split(r"(?<=\w\.)\s| Args:", text)[0].rstrip(".") + ".")
    if alt == FILM:
        return html.escape(FILM + ".")
    titles = re.findall(r"(?:Plot|Image): (.+?)(?:;|\.(?!\d))", alt.partition("At the start:")[0])
    return html.escape(titles[0] + ".") if len(titles) == 1 else ""


def write_image(content: bytes, name: str, alt: str) -> str:
    """Write an image as lossless WebP; returns how a page shows it, below @UP@."""
    path = PAGES / "extra" / "pictures" / f"{name}.webp"
    path.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(io.BytesIO(content)) as picture:
        picture.convert("RGB").save(path, "WEBP", lossless=True, quality=50, method=4)
        size = f'width="{picture.width}" height="{picture.height}"'
    where = f'src="@UP@pictures/{path.name}"'
    return f'<img {where} {size} alt="{html.escape(alt)}" loading="lazy">'


def write_film(content: bytes, name: str) -> str:
    """A film, and its frame in the middle for readers who asked their system for less motion."""
    with Image.open(io.BytesIO(content)) as film:
        film.seek(getattr(film, "n_frames", 1) // 4)
        buffer = io.BytesIO()
        film.convert("RGB").save(buffer, "PNG")
    still = write_image(buffer.getvalue(), f"{name}-still", FILM)
    path = PAGES / "extra" / "pictures" / f"{name}.gif"
    path.write_bytes(content)
    (source,) = re.findall(r'src="([^"]*)"', still)
    moving = still.replace(source, f"@UP@pictures/{path.name}")
    less = f'<source media="(prefers-reduced-motion: reduce)" srcset="{source}">'
    paper = f'<source media="print" srcset="{source}">'
    return f"<picture>{less}{paper}{moving}</picture>"


def displayed(text: str) -> str:
    """Text with formulas, as a notebook shows it, as Markdown: each $$...$$ is a paragraph."""
    return re.sub(r"\s*\$\$(.+?)\$\$\s*", r"\n\n$$\n\1\n$$\n\n", text, flags=re.DOTALL).strip()


def local_links(text: str) -> str:
    """Markdown without links to files that the site does not have; their words stay."""
    return re.sub(r"(?<!!)\[([^\]]*)\]\(\.\./(?!figures/|\d\d_)[^)]*\)", r"\1", text)


def title_of(notebook: NotebookNode) -> str:
    return notebook.cells[0].source.splitlines()[0].removeprefix("# ")


def with_top(lesson: Lesson) -> None:
    """Below the title: where the lesson stands, and how to have it."""
    first = lesson.notebook.cells[0]
    heading, *rest = first.source.split("\n")
    launch = [row for row in rest if badges.COLAB in row]
    rest = [row for row in rest if row not in launch]
    path = " ".join(
        f'<a href="{lesson.up}lessons/{source.stem}.html" title="{TITLES[number]}"'
        f"{' aria-current=page' if source == lesson.source else ''}>{number}</a>"
        for number, source in CORE.items()
    )
    links = [
        f'<a class="button" download href="{lesson.up}_sources/{lesson.page}">Download notebook</a>'
    ]
    if badges.PUBLISHED:
        links += [
            f'<a class="button" href="{address}">{label}</a>'
            for row in launch
            for label, address in re.findall(r"\[(Open in \w+)\]\(([^)]*)\)", row)
        ]
    top = f'<nav class="path" aria-label="Lessons">{path}</nav>\n<p>{" ".join(links)}</p>'
    body = "\n".join(rest).strip("\n")
    first.source = f"{heading}\n\n{raw(top)}\n\n{body}"


def write_lessons() -> None:
    """The lessons with companions below them, and each explorer as a page."""
    gallery = []
    # the two kernels share the cores, instead of each taking all of them
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // 2)))
    with ProcessPoolExecutor(2) as pool:
        for source, fresh in zip(NOTEBOOKS, pool.map(executed, NOTEBOOKS), strict=True):
            lesson = Lesson(source, fresh)
            with_top(lesson)
            if lesson.explorers:
                gallery.append(f"## [{lesson.title}]({lesson.page})\n")
            gallery += [raw(figure.replace("@UP@", "")) + "\n" for figure in lesson.explorers]
            others = [path for path in NOTEBOOKS if path.name[:2] == lesson.number]
            below = [f"further/{path.stem}" for path in others if path != source]
            if below and source in CORE.values():
                lesson.notebook.cells.append(nbformat.v4.new_markdown_cell(toctree(below)))
            write(lesson.page, nbformat.writes(lesson.notebook))
            if lesson.number == "00" and lesson.explorers:
                FIRST.append(lesson.explorers[0].replace("@UP@", ""))
    write("explorers.md", (DOCS / "explorers.md").read_text(encoding="utf-8") + "\n".join(gallery))


# ---- the ledger ----------------------------------------------------------------------------------


def tags_in(text: str) -> set[str]:
    """The tags of the ledger that a text names; L0-L4 names five."""
    named: set[str] = set()
    for first, last in re.findall(r"(?<!\w)([FGELWX]\dc?|KL)(?:-([FGELWX]\d))?(?!\w)", text):
        numbers = range(int(first[1]), int(last[1]) + 1) if last else []
        named |= {first} | {f"{first[0]}{number}" for number in numbers}
    return named & set(ledger.TAGS)


def first_lines() -> dict[str, str]:
    """module.name of what the library's pages describe -> how its docstring begins."""
    lines = {}
    for path in sorted((ROOT / "diffenc_lite").glob("[!_]*.py")):
        for name, node in definitions(ast.parse(path.read_text(encoding="utf-8"))):
            first = (ast.get_docstring(node) or "").split("\n\n")[0]
            lines[f"{path.stem}.{name}"] = " ".join(first.split())
    return lines


def definitions(
    tree: ast.Module | ast.ClassDef,
) -> Iterator[tuple[str, ast.FunctionDef | ast.ClassDef]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node.name, node
            if isinstance(node, ast.ClassDef):
                yield from ((f"{node.name}.{name}", inner) for name, inner in definitions(node))


def write_ledger() -> None:
    code = {name: tags_in(first) for name, first in first_lines().items()}
    lines = []
    for tag, row in ledger.LEDGER.items():
        taught = f"[{TITLES[row.notebook]}](../lessons/{CORE[row.notebook].name})"
        names = [f"{{py:obj}}`{name} <diffenc_lite.{name}>`" for name in code if tag in code[name]]
        texts = (step._repr_latex_().replace(r"$$\displaystyle ", "$$") for step in row.derive())
        steps = [f"**{number}** · {displayed(text)}" for number, text in enumerate(texts, 1)]
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
            re.sub(rf"\b({'|'.join(ledger.TAGS)})\b", r"[\1](\1.md)", f"{row.prove()!r}."),
        ]
        write(f"ledger/{tag}.md", "\n\n".join(page) + "\n")
        lines.append(f"| [{tag}]({tag}.md) | {row.title} | {taught} | {', '.join(names)} |")
    drawn = io.StringIO()
    blueprint.picture("{}.html").savefig(drawn, format="svg", metadata={"Date": None})
    svg = "<svg" + drawn.getvalue().partition("<svg")[2].replace(' target="_blank"', "")
    svg = re.sub(r'width="\w+" height="\w+"', 'style="width: 100%"', svg, count=1)
    graph = f'<figure aria-label="{blueprint.in_words()}">\n{svg}</figure>'
    text = (DOCS / "ledger.md").read_text(encoding="utf-8").replace("@ROWS@", "\n".join(lines))
    text = text.replace("@GRAPH@", f"{raw(graph)}\n\n{blueprint.in_words()}")
    write("ledger/index.md", text.replace("@TAGS@", "\n".join(ledger.TAGS)))


# ---- the library ---------------------------------------------------------------------------------


def write_api() -> None:
    """A page for each module, in the groups and the order of help(diffenc_lite)."""
    text = inspect.getdoc(diffenc_lite) or ""
    index = ["# The library", text.split("\n\n")[0]]
    pages: list[str] = []
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
        lines = [f".. automodule:: {shown.__name__}\n    :members:\n" for shown in modules]
        write(f"api/{name}.md", f"# {name}\n\n```{{eval-rst}}\n" + "\n".join(lines) + "\n```\n")
    write("api/index.md", "\n\n".join([*index, toctree(pages)]) + "\n")


# ---- the whole -----------------------------------------------------------------------------------


def write_index() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = ["| lesson | what you see |", "|---|---|"]
    for source in CORE.values():
        (seen,) = re.findall(rf"\(notebooks/{source.name}\) \| (.*) \|", readme)
        rows.append(f"| [{TITLES[source.name[:2]]}](lessons/{source.name}) | {seen} |")
    written = {"index.md", "explorers.md", "ledger.md"}
    more = [path.stem for path in sorted(DOCS.glob("*.md")) if path.name not in written]
    for name in more:
        write(f"{name}.md", of_docs((DOCS / f"{name}.md").read_text(encoding="utf-8")))
    lessons = toctree((f"lessons/{source.stem}" for source in CORE.values()), "Lessons")
    reference = toctree(["explorers", "ledger/index", "api/index", *more], "Reference")
    # The first screen is README's, with the explorer of the tour in place of the film.
    first = readme.partition("# diffenc_lite\n")[2].partition("<!-- end of the first screen -->")[0]
    first = re.sub(r"!\[A film[^\n]*\n", "@EXPLORER@\n", first)
    first = first.replace("(#the-notebooks)", "(#the-lessons)")
    first = first.replace("(#ten-lines)", "(api/index.md)")
    text = (DOCS / "index.md").read_text(encoding="utf-8").replace("@FIRST@", of_docs(first, ""))
    text = text.replace("@EXPLORER@", raw("".join(FIRST))).replace("@LESSONS@", "\n".join(rows))
    write("index.md", text.replace("@TOCTREES@", f"{lessons}\n\n{reference}"))


def of_docs(text: str, up: str = "../") -> str:
    """A page of docs/: links to notebooks lead to lessons, others out of docs/ are words only."""
    text = re.sub(rf"\]\({re.escape(up)}notebooks/([\w/]+\.ipynb)", r"](lessons/\1", text)
    text = re.sub(rf"\]\({re.escape(up)}docs/([\w]+\.md)", r"](\1", text)
    keep = r"lessons/|https?:|#|\w+\.md\)|ledger/|api/"
    text = text.replace("](../figures/", "](figures/")
    return re.sub(rf"(?<!!)\[([^\]]*)\]\((?!{keep})[^)]*\)", r"\1", text)


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


# ---- cards and excerpts --------------------------------------------------------------------------


def write_cards() -> None:
    """What a link to a formula or to a function says when the pointer rests on it."""
    cards = {}
    for tag, row in ledger.LEDGER.items():
        cards[f"ledger/{tag}.html"] = [f"{tag} · {row.title}", rf"\[{row.latex()}\]"]
    for name, first in first_lines().items():
        cards[f"api/{name.split('.')[0]}.html#diffenc_lite.{name}"] = [name, first[:300]]
    text = json.dumps(cards, ensure_ascii=False)
    write("extra/_static/cards.js", f"window.cards = {text};\n")


def mend() -> None:
    """What Sphinx writes and readers of screens stumble over: lists of arguments, empty headers."""
    for page in SITE.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        new = re.sub(r'<th class="head">\s*(?:<p>\s*</p>)?\s*</th>', '<td class="head"></td>', text)
        new = re.sub(
            r'<dl>\s*(<dd><em class="sig-param".*?)</dl>',
            lambda match: re.sub(r"<(/?)dd>", r"<\1div>", f'<div class="params">{match[1]}</div>'),
            new,
            flags=re.DOTALL,
        )
        if new != text:
            page.write_text(new, encoding="utf-8")


def write_excerpts() -> None:
    """The text of each page, for the search: a page opened from a disk may not read another."""
    texts = {}
    for page in SITE.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        article = text.partition('<article class="bd-article">')[2].partition("</article")[0]
        apart = r'<(script|style|svg|pre|figure)\b.*?</\1>|<a class="headerlink".*?</a>|\\\[.*?\\\]'
        article = re.sub(apart, " ", article, flags=re.DOTALL)
        text = html.unescape(re.sub(r"<[^>]+>", " ", article))
        text = re.sub(r"\\[td]?frac(\d)(\d)", r"\1/\2", text)
        text = re.sub(r"\\([(),;|]|(?:math[a-z]+|text|q?quad|[bB]igg?[lr]?)\b)|[\\{}]", "", text)
        text = " ".join(text.split())
        texts[page.relative_to(SITE).with_suffix("").as_posix()] = text[:20_000]
    text = json.dumps(texts, ensure_ascii=False)
    (SITE / "_static" / "excerpts.js").write_text(f"window.excerpts = {text};\n", encoding="utf-8")


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
    for number, source in CORE.items():
        TITLES[number] = title_of(nbformat.read(source, as_version=4))
    write_lessons()
    write_ledger()
    write_api()
    write_index()
    write_cards()
    style = (Path(blueprint.__file__).parent / "panels.css").read_text(encoding="utf-8")
    write("extra/_static/panels.css", style)
    write(f"extra/_static/{script.name}", packed(script.read_text(encoding="utf-8")))
    trees = str(PAGES.with_name("doctrees"))
    shutil.rmtree(trees, ignore_errors=True)
    options = ["-q", "-W", "--keep-going", "-c", str(DOCS), "-d", trees]
    failed = build_main([*options, str(PAGES), str(SITE)])
    if failed:
        return failed
    write_icons()
    mend()
    write_excerpts()
    for source in NOTEBOOKS:  # what a reader downloads
        shutil.copy(source, SITE / "_sources" / "lessons" / place(source))
    size = sum(path.stat().st_size for path in SITE.rglob("*") if path.is_file())
    print(f"Done: the site is in {SITE} ({size / 1e6:.0f} MB); open index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
