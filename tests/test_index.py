"""The index (further/00_index) against the lessons: where a term is bold, its definition stands.

Of lessons 00 to 06 and their companions; of the others, that they know the term."""

import re
from itertools import pairwise

import nbformat
import pytest
from draws import NOTEBOOKS, ROOT

FURTHER = ROOT / "notebooks" / "further"
ROW = re.compile(r"^\| (.+?) \| (.+?) \| (\[\d.+\)) \|$", re.MULTILINE)


def texts_of(path):
    return [cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "markdown"]


INDEX = "\n".join(texts_of(FURTHER / "00_index.ipynb"))
TERMS = ROW.findall(INDEX)


def words_of(text):
    """Those of five letters and more, without formulas and endings"""
    plain = re.sub(r"\$.*?\$", " ", text).lower()
    return {word[:5] for word in re.findall(r"[a-z]{5,}", plain)}


@pytest.mark.parametrize("term, says, lessons", TERMS, ids=[term for term, *_ in TERMS])
def test_a_term_is_defined_where_the_index_says_and_so(term, says, lessons):
    names = re.sub(r" \(.*\)", "", term).lower().split(", ")
    for number, target in re.findall(r"\[(\d\d)\]\((.*?)\)", lessons):
        texts = texts_of(FURTHER / target)
        if number > "06":
            assert all(name in "\n".join(texts).lower() for name in names)
            continue
        (name,) = names
        bold = [text for text in texts if re.search(rf"\*\*[^*]*{name}[^*]*\*\*", text.lower())]
        found = [words_of(says) & words_of(text) for text in bold]
        assert max(map(len, found), default=-1) >= len(words_of(says)) / 2, (number, found)


def test_terms_stand_in_order_and_every_companion_has_a_line():
    terms = [term.lower() for term, *_ in TERMS]
    assert len(terms) > 50 and all(a < b for a, b in pairwise(terms))
    companions = {path.name for path in NOTEBOOKS if path.parent == FURTHER} - {"00_index.ipynb"}
    assert companions == set(re.findall(r"^- \d\d: \[.*\]\((.*)\): \w", INDEX, re.MULTILINE))
