"""Settings of the site. `make site` writes its sources into build/pages, then calls Sphinx."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from myst_nb.core.render import NbElementRenderer
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

import diffenc_lite
from diffenc_lite.course.ledger import TAGS

project = "diffenc_lite"
author = copyright = "The diffenc_lite authors"
release = diffenc_lite.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "sphinx.ext.viewcode"]
exclude_patterns = ["extra"]
html_extra_path = ["../build/pages/extra"]  # explorers, and the script that sets formulas

# Lessons show the outputs that are stored, and explorers as HTML.
nb_execution_mode = "off"
nb_mime_priority_overrides = [("html", "text/html", 0)]
nb_render_markdown_format = "myst"
nb_code_prompt_show = "Show the solution"
nb_code_prompt_hide = "Hide the solution"
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence"]
myst_heading_anchors = 3
suppress_warnings = ["mystnb.unknown_mime_type", "myst.header"]

# Nothing comes from the net: one file of MathJax, copied beside the other scripts.
mathjax_path = "tex-svg.js"
mathjax3_config = {"options": {"enableMenu": False}}
myst_mathjax_classes = "math|text_html"  # formulas of the text, and of outputs in HTML

html_theme = "sphinx_book_theme"
html_title = "DiffEnc, a course"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_show_sphinx = False
html_show_search_summary = False  # would be fetched, which a page from the file system may not do
html_sourcelink_suffix = ""
html_context = {"default_mode": "auto"}  # light or dark as the reader's system
html_theme_options = {
    "home_page_in_toc": True,
    "show_toc_level": 2,
    "use_download_button": True,
    "use_fullscreen_button": False,
    "navbar_persistent": [],  # the search stands in the sidebar
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"


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
    lines[:] = out


def escaped(text: str) -> str:
    """Plain text as reStructuredText: `names` as code, tags of the ledger as links to its pages."""
    parts = re.split(r"`([^`]+)`", text)
    for i, part in enumerate(parts):
        if i % 2:
            parts[i] = f"``{part}``\\ "
            continue
        part = re.sub(r"([\\*|_`<>])", r"\\\1", part)
        parts[i] = re.sub(rf"(?<!\w)({'|'.join(TAGS)})(?!\w)", r":doc:`\1 </ledger/\1>`\ ", part)
    return "".join(parts)


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


def with_alternative_text() -> None:
    """A picture of a lesson has the description that its output carries."""
    plain = NbElementRenderer.render_image

    def render_image(self: Any, data: Any) -> list[nodes.Element]:
        images = plain(self, data)
        alt = data.output_metadata.get(data.mime_type, {}).get("alt")
        for image in images:
            if alt:
                image["alt"] = alt
        return images

    NbElementRenderer.render_image = render_image


def setup(app: Sphinx) -> None:
    with_alternative_text()
    app.connect("autodoc-process-docstring", as_rst)
    app.add_post_transform(DisplayedFormulas)
