"""Settings of the site. `make site` writes its sources into build/pages, then calls Sphinx."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

import diffenc_lite
from diffenc_lite.course.ledger import LEDGER, TAGS

project = "diffenc_lite"
author = copyright = "The diffenc_lite authors"
release = diffenc_lite.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "sphinx.ext.viewcode"]
exclude_patterns = ["extra"]
html_extra_path = ["../build/pages/extra"]  # pictures, cards, and the script that sets formulas

# Lessons show the outputs that are stored, and explorers as HTML.
nb_execution_mode = "off"
nb_mime_priority_overrides = [("html", "text/html", 0)]
nb_render_markdown_format = "myst"
nb_code_prompt_show = "Solution"
nb_code_prompt_hide = "Solution"
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence"]
myst_heading_anchors = 3
suppress_warnings = ["mystnb.unknown_mime_type", "myst.header"]

# Nothing comes from the net: one file of MathJax, copied beside the other scripts.
mathjax_path = "tex-svg.js"
mathjax3_config = {"options": {"enableMenu": False}, "startup": {"typeset": False}}  # site.js does
myst_mathjax_classes = "math|text_html"  # formulas of the text, and of outputs in HTML

html_theme = "sphinx_book_theme"
html_title = "DiffEnc, a course"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["cards.js", "site.js"]
html_search_scorer = str(Path(__file__).parent / "_static" / "scorer.js")
html_show_sphinx = False
html_show_search_summary = False  # it would be fetched, which a page opened from a disk may not
html_sourcelink_suffix = ""
html_context = {"default_mode": "auto"}  # light or dark as the reader's system
html_theme_options = {
    "home_page_in_toc": True,
    "show_toc_level": 2,
    "use_download_button": False,  # each lesson has a larger one
    "use_fullscreen_button": False,
    "navbar_persistent": [],  # the search stands in the sidebar
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 70


# ---- docstrings, which are plain text ------------------------------------------------------------


def as_rst(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Paragraphs as paragraphs, examples as code, whatever is indented line by line."""
    out: list[str] = []
    for block in re.split(r"\n\s*\n", "\n".join(lines).strip("\n")):
        rows = block.split("\n")
        if rows[0].lstrip().startswith(">>>"):
            out += [".. code-block:: python", "", *(f"    {row}" for row in rows), ""]
        elif len({len(row) - len(row.lstrip()) for row in rows}) == 1 and rows[0][:1] != " ":
            out += [escaped(" ".join(rows)), ""]
        else:
            out += [
                *(f"| {row[: len(row) - len(row.lstrip())]}{escaped(row.strip())}" for row in rows),
                "",
            ]
    first = "\n".join(lines).strip().split("\n\n")[0]
    tags = [tag for tag in TAGS if re.search(rf"(?<!\w){tag}(?!\w)", first)]
    formulas = [
        [".. math::", "", *(f"   {row}" for row in LEDGER[t].latex().split("\n")), ""] for t in tags
    ]
    after = out.index("") + 1 if "" in out else len(out)
    lines[:] = out[:after] + [row for formula in formulas for row in formula] + out[after:]


def escaped(text: str) -> str:
    """Plain text as reStructuredText: `names` as code, tags of the ledger as links to its pages."""
    pieces = re.split(r"`([^`]+)`", text)
    for i, piece in enumerate(pieces):
        if i % 2:
            pieces[i] = f"``{piece}``\\ "
            continue
        piece = re.sub(r"([\\*|_`<>])", r"\\\1", piece)
        pieces[i] = re.sub(rf"(?<!\w)({'|'.join(TAGS)})(?!\w)", r":doc:`\1 </ledger/\1>`\ ", piece)
    return "".join(pieces)


# ---- formulas and pictures -----------------------------------------------------------------------


class DisplayedFormulas(SphinxPostTransform):
    """A displayed formula as it stands: Sphinx would split it, and lose its tag."""

    default_priority = 900
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        for node in self.document.findall(nodes.math_block):
            if not node.get("no-wrap", node.get("nowrap", False)):
                body = re.sub(r"\n\s*\n", "\n", node.astext().strip())
                node[:] = [nodes.Text(rf"\[{body}\]")]
                node["no-wrap"] = node["nowrap"] = True


# ---- links in the prose --------------------------------------------------------------------------


class Links(SphinxPostTransform):
    """Tags of the ledger and names of the library lead to their pages."""

    default_priority = 5  # before references are resolved
    apart = (
        nodes.reference, nodes.title, nodes.literal_block, nodes.math, nodes.math_block,
        nodes.raw, addnodes.pending_xref,
    )  # fmt: skip

    def run(self, **kwargs: Any) -> None:
        if self.env.docname.startswith("api/"):
            return
        names = public_names(self.env.get_domain("py").data["objects"])
        tag = re.compile(rf"(?<![\w\-])({'|'.join(TAGS)})(?![\w\-])")
        for text in list(self.texts(self.document)):
            name = text.astext().removesuffix("()")
            if isinstance(text.parent, nodes.literal):
                if name in names:
                    text.parent.replace_self(self.link("py", "obj", names[name], text.parent))
            elif tag.search(text):
                new = [
                    self.link("std", "doc", f"/ledger/{part}", nodes.inline("", part))
                    if i % 2 else nodes.Text(part)
                    for i, part in enumerate(tag.split(text))
                ]  # fmt: skip
                text.parent.replace(text, new)

    def texts(self, node: nodes.Node) -> Iterator[nodes.Text]:
        if isinstance(node, nodes.Text):
            yield node
        for child in node.children if not isinstance(node, self.apart) else ():
            yield from self.texts(child)

    def link(self, domain: str, kind: str, target: str, shown: nodes.Node) -> nodes.Node:
        return addnodes.pending_xref(
            "", shown.deepcopy(), refdomain=domain, reftype=kind, reftarget=target,
            refexplicit=True, refdoc=self.env.docname, refwarn=False, classes=["known"],
        )  # fmt: skip


def public_names(objects: Iterable[str]) -> dict[str, str]:
    """What prose may call a thing of the library -> its full name."""
    parts = {full: full.split(".") for full in objects if full.count(".") == 2}
    names = {f"{module}.{name}": full for full, (_, module, name) in parts.items()}
    short = {name: full for full, (*_, name) in parts.items() if hasattr(diffenc_lite, name)}
    return names | short


# ---- previous and next ---------------------------------------------------------------------------


def neighbours(app: Sphinx, page: str, template: str, context: dict[str, Any], *_: Any) -> None:
    """A lesson leads to the lessons before and after it, past the companions in between."""
    lessons = sorted(name for name in app.env.found_docs if re.match(r"lessons/\d", name))
    if page not in lessons:
        return
    here = lessons.index(page)
    for side, there in (("prev", here - 1), ("next", here + 1)):
        if there in range(len(lessons)):
            title = app.builder.render_partial(app.env.titles[lessons[there]])["title"]
            link = app.builder.get_relative_uri(page, lessons[there])
            context[side] = {"link": link, "title": title}


def setup(app: Sphinx) -> None:
    app.connect("html-page-context", neighbours)
    app.connect("autodoc-process-docstring", as_rst)
    app.add_post_transform(DisplayedFormulas)
    app.add_post_transform(Links)
