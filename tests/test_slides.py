"""Slides: which cell is which, by rule, and the decks."""

import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from diffenc_lite.course.slides import mark, mathjax, split, write_deck

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
    (new_markdown_cell("With pencil and paper:"), "subslide"),
    (new_code_cell('ask("04.2")', outputs=FIGURE), "-"),
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


@pytest.fixture
def deck(tmp_path):
    if mathjax() is None:
        pytest.skip("no sphinx-mathjax-offline")
    cells = [cell for cell, _ in CELLS]
    cells[0] = new_markdown_cell("# A lesson\n\n[![badge](https://x.org/a.svg)](https://x.org) $x$")
    nbformat.write(new_notebook(cells=cells), tmp_path / "lesson.ipynb")
    path = write_deck(tmp_path / "lesson.ipynb", tmp_path / "out")
    assert path == tmp_path / "out" / "lesson.slides.html"
    return path.read_text(encoding="utf-8")


def test_a_deck_is_a_section_a_slide(deck):
    kinds = [kind for _, kind in CELLS]
    assert deck.count("<section>") == kinds.count("slide") + kinds.count("subslide")
    assert deck.count('<aside class="notes">') == kinds.count("notes")
    assert "answer_04_2" not in deck


def test_a_deck_loads_nothing(deck):
    body, scripts = deck.split("<script>", 1)
    assert not re.findall(
        r"""(?:src|href|import|url)\W{1,2}https?://""", re.sub(r"<a [^>]*>", "", body)
    )
    assert "fonts.googleapis" not in deck and "mermaid" not in body
    assert "<script src" not in scripts
