"""The site: what a lesson becomes, and what its checks find."""

import io
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image

from diffenc_lite.course.show import CurveExplorer, buttons, plots, slider, standalone

pytest.importorskip("sphinx")
pytest.importorskip("playwright")
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import check_site  # noqa: E402
import make_site  # noqa: E402


def code(source, **metadata):
    return nbformat.v4.new_code_cell(source, metadata=metadata)


def test_what_is_said_to_tools_is_not_seen():
    cell = code(
        "### BEGIN SOLUTION\nf = lambda x: x  # noqa: E731\n### END SOLUTION", tags=["solution"]
    )
    make_site.fold(cell)
    assert cell.source == "f = lambda x: x"
    assert "hide-cell" in cell.metadata.tags


@pytest.mark.parametrize(
    ("source", "folds"),
    [
        ("figure, ax = plots.subplots()\nax.plot(x)\nax.set(title='')\nfigure", True),
        ("assert a\nassert b\nassert c\nprint(d)", True),
        ("def f(x):\n    y = x + 1\n    z = y * y\n    return z", False),
        ("lesson_06.one_step(1)", False),
    ],
)
def test_code_folds_where_it_draws_or_checks(source, folds):
    cell = code(source)
    make_site.fold(cell)
    assert ("hide-input" in cell.metadata.tags) is folds


def test_a_caption_is_what_the_drawing_function_says():
    assert make_site.caption("x = 1\nlesson_03.one_rectangle(x)", "A figure.").startswith(
        "One step:"
    )
    assert make_site.caption("figure", "Plot: the title, 6.2; y against x.") == "the title, 6.2."
    assert make_site.caption("lesson_04.moving_digit(x)", "").startswith("A digit under an encoder")


def a_film(frames):
    pictures = [Image.fromarray(np.full((4, 4), 9 * i, np.uint8)) for i in range(frames)]
    buffer = io.BytesIO()
    pictures[0].save(buffer, "GIF", save_all=True, append_images=pictures[1:])
    return buffer.getvalue()


def test_a_film_keeps_its_frames_and_has_a_still(tmp_path, monkeypatch):
    monkeypatch.setattr(make_site, "PAGES", tmp_path)
    shown = make_site.write_film(a_film(7), "film")
    assert Image.open(tmp_path / "extra/pictures/film.gif").n_frames == 7
    assert 'media="(prefers-reduced-motion: reduce)" srcset="@UP@pictures/film-still.webp"' in shown


# ---- the checks: each finds its fault ------------------------------------------------------------


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A site of one explorer, t at 0, 1 and 2, and the notebook that it is of."""
    figure, ax = plots.subplots(size=(2, 2))
    (line,) = ax.plot([0, 1])
    explorer = CurveExplorer(
        figure,
        lambda t, k: line.set_ydata([t, k]),
        slider("t", range(3), text="{}"),
        buttons("k", "ab"),
    )
    monkeypatch.setattr(check_site, "ROOT", tmp_path)
    (tmp_path / "notebooks").mkdir()
    for name, text in {
        "explorers/a.html": explorer.page(),
        "explorers.html": "",
        "index.html": "",
    }.items():
        path = tmp_path / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    text = explorer._repr_mimebundle_()[0]["text/plain"]
    output = nbformat.v4.new_output("display_data", {"text/plain": text})
    cell = nbformat.v4.new_code_cell("explorer", outputs=[output])
    says = nbformat.v4.new_markdown_cell("**Try this.** Go to $t=2$.")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# A"), cell, says])
    nbformat.write(notebook, tmp_path / "notebooks" / "a.ipynb")
    return tmp_path / "site"


def faults(check, site):
    report = check_site.Report()
    check(site, report)
    return report.faults


def frame(heading):
    return standalone.frame("", heading).replace('srcdoc=""', 'data-src="explorers/a.html"')


def test_a_title_must_be_that_of_the_controls(site):
    (site / "index.html").write_text(frame("Explorer of t (3 positions), k (2 positions)"))
    assert faults(check_site.check_explorers, site) == []
    (site / "index.html").write_text(frame("Explorer of T (13 positions), k (2 positions)"))
    assert "has the controls {'t': 3, 'k': 2}" in faults(check_site.check_explorers, site)[0]
    (site / "explorers" / "a.html").rename(site / "explorers.html")
    (site / "index.html").write_text("")
    assert "0, and the notebooks have 1" in faults(check_site.check_explorers, site)[0]


def test_a_position_that_the_text_names_must_be_there(site):
    assert faults(check_site.check_instructions, site) == []
    path = site.parent / "notebooks" / "a.ipynb"
    path.write_text(path.read_text().replace("$t=2$", "$t=0.25$"))
    assert "t = 0.25, which is missing" in faults(check_site.check_instructions, site)[0]
