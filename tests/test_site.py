"""The site: how a picture is named, where a lesson leads, what a browser finds wrong in a page."""

import importlib.util
from types import SimpleNamespace

import pytest
from draws import ROOT
from nbformat import NotebookNode

from diffenc_lite.course.show import Explorer, buttons, plots, slider

pytest.importorskip("sphinx")
pytest.importorskip("playwright")

import browser  # noqa: E402
import check_site  # noqa: E402
import make_site  # noqa: E402


def test_figures_and_explorers_are_numbered_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(make_site, "PAGES", tmp_path)
    data = {"text/plain": "a line.", "image/png": plots.curves([0, 1], {"a": [0, 1]}, "t", "nats")}
    data["image/png"] = data["image/png"]._repr_mimebundle_()["image/png"]
    for html, label in (("", "Figure 05.3"), ('<p class="explorer">', "Explorer 05.2")):
        output = NotebookNode(data=NotebookNode(data | {"text/html": html}))
        assert f"<b>{label}</b> a line." in make_site.shown("05_x", "plot()", output, 2, 3)


def test_a_lesson_leads_to_its_neighbours():
    spec = importlib.util.spec_from_file_location("site_conf", ROOT / "docs" / "conf.py")
    spec.loader.exec_module(conf := importlib.util.module_from_spec(spec))
    names = [f"lessons/0{k}" for k in range(3)]
    builder = SimpleNamespace(
        render_partial=lambda title: {"title": title}, get_relative_uri=lambda _, name: name
    )
    env = SimpleNamespace(found_docs={*names, "lessons/further/01"}, titles=dict.fromkeys(names))
    for page, sides in ((1, {"prev": 0, "next": 2}), (0, {"next": 1}), (2, {"prev": 1})):
        conf.neighbours(SimpleNamespace(env=env, builder=builder), names[page], "", context := {})
        assert {side: link["link"] for side, link in context.items()} == {
            side: names[there] for side, there in sides.items()
        }


@pytest.fixture
def page(tmp_path, monkeypatch):
    """faults(HTML of an article) -> what is found in it"""
    if not any(map(browser.shutil.which, browser.BROWSERS)):
        pytest.skip("no browser")
    monkeypatch.setattr(check_site, "SITE", tmp_path)
    monkeypatch.setattr(check_site, "OUT", tmp_path)
    axe = "window.axe = {run: async () => ({violations: []})}"

    def faults(article):
        text = f"<!doctype html><meta charset=utf-8><article class=bd-article>{article}</article>"
        (tmp_path / "index.html").write_text(text, encoding="utf-8")
        return check_site.read(opened, "index.html", axe)

    with browser.browser(offline=True) as context:
        opened = context.new_page()
        yield faults


def test_a_browser_finds_what_is_wrong(page):
    figure, ax = plots.subplots(size=(2, 2))
    (line,) = ax.plot([0, 1])

    def draw(t, k):
        line.set_ydata([t, k])
        return figure

    moving = Explorer(draw, slider("t", range(3), text="{}"), buttons("k", "ab")).page()
    assert page(moving) == []
    found = page(moving.replace('addEventListener("input"', 'addEventListener("gone"'))
    assert sorted(fault.split()[-1] for fault in found) == ["number", "picture", "picture"]
    for wrong, says in {
        r"<p>$\frac12$</p>": "TeX is left",
        '<img src="none.png" alt="none">': "empty or nameless",
        '<figure style="width: 3000px">wide</figure>': "sticks out",
        '<div style="width: 900px">wide</div>': "scrolls sideways",
    }.items():
        assert any(says in fault for fault in page(wrong)), wrong
