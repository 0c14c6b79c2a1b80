"""Slides: which cell is which, by rule, and the decks."""

import subprocess
import sys
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from make_slides import mark, split, write_deck  # noqa: E402

FIGURE = [new_output("display_data", data={"image/png": "", "text/plain": "Figure"})]
TEXT = [new_output("stream", text="1.5\n")]
VERSIONS = [new_output("stream", text="diffenc_lite 0.1.0\n")]
SOLUTION = {"tags": ["solution"]}
LONG = "word " * 80

CELLS = [
    (new_markdown_cell("# A lesson\n\n" + LONG), "slide"),
    (new_code_cell("import math", outputs=VERSIONS), "skip"),
    (new_markdown_cell("## A part\n\nA few words."), "slide"),
    (new_code_cell("draw()", outputs=FIGURE), "-"),
    (new_markdown_cell(LONG), "notes"),
    (new_code_cell("draw()", outputs=FIGURE), "subslide"),
    (new_markdown_cell("A few words."), "subslide"),
    (new_code_cell("print(3 / 2)", outputs=TEXT), "-"),
    (new_code_cell("print(3 / 2)", outputs=TEXT), "subslide"),
    (new_markdown_cell(LONG + "\n\n$$x$$\n\n" + LONG), "subslide"),
    (new_code_cell("draw()", outputs=FIGURE), "subslide"),
    (new_markdown_cell("A few words."), "subslide"),
    (new_code_cell("x = 1"), "skip"),
    (new_markdown_cell("### A smaller part\n\n" + LONG), "subslide"),
    (new_markdown_cell("Solutions are below.", metadata=SOLUTION), "skip"),
    (new_code_cell('ask("04.2")', outputs=FIGURE), "slide"),
    (new_code_cell("answer_04_2 = ...", outputs=TEXT), "skip"),
    (new_code_cell("answer_04_2 = 1", outputs=TEXT, metadata=SOLUTION), "skip"),
]


def types(notebook):
    return [cell.metadata.slideshow.slide_type for cell in notebook.cells]


def test_each_cell_has_the_type_of_its_rule():
    notebook = new_notebook(cells=[cell for cell, _ in CELLS])
    mark(notebook)
    assert types(notebook) == [kind for _, kind in CELLS]


def test_a_heading_anywhere_begins_a_slide():
    texts = ["Before.\n\n## One", "### Two\n\n## Three", "## Four", "#five, " + LONG]
    notebook = new_notebook(cells=[new_markdown_cell(text) for text in texts])
    mark(notebook)
    assert types(notebook) == ["slide", "subslide", "slide", "notes"]


def test_a_text_with_two_headings_becomes_two_and_no_word_is_lost():
    text = "Before.\n\n## One\n\nText # not a heading.\n\n### Two\n\n- a list\n\n#### small print"
    code = new_code_cell("# a comment\nx = 1", id="b")
    notebook = new_notebook(cells=[new_markdown_cell(text, id="a"), code])
    split(notebook)
    assert [cell.id for cell in notebook.cells] == ["a", "a-2", "a-3", "b"]
    assert "\n\n".join(cell.source for cell in notebook.cells[:3]) == text
    assert notebook.cells[3] == code
    mark(notebook)
    assert types(notebook) == ["subslide", "slide", "subslide", "skip"]
    nbformat.validate(notebook)


def test_nbconvert_makes_a_deck_of_it(tmp_path):
    """A section a slide."""
    notebook = new_notebook(cells=[cell for cell, _ in CELLS])
    mark(notebook)
    nbformat.write(notebook, tmp_path / "lesson.ipynb")
    command = [sys.executable, "-m", "nbconvert", "--to", "slides", "lesson.ipynb"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "lesson.slides.html").read_text(encoding="utf-8")
    kinds = [kind for _, kind in CELLS]
    assert page.count("<section>") == 2 * kinds.count("slide") + kinds.count("subslide")
    assert page.count('<aside class="notes">') == kinds.count("notes")
    assert "answer_04_2" not in page


def test_our_own_decks_load_what_lies_beside_them(tmp_path, monkeypatch):
    monkeypatch.setattr("make_slides.OUT", tmp_path)
    notebook = new_notebook(cells=[new_markdown_cell("# A lesson\n\n## A part")])
    nbformat.write(notebook, tmp_path / "lesson.ipynb")
    urls = {"reveal_url_prefix": "beside/reveal.js", "mathjax_url": "beside/MathJax.js"}
    page = write_deck(tmp_path / "lesson.ipynb", urls).read_text(encoding="utf-8")
    assert '"beside/reveal.js/dist/reveal.js"' in page and "beside/MathJax.js" in page
    assert page.count("<section>") == 4
    assert page.count("ResizeObserver") == 1  # which makes a slide fit
