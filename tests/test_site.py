"""The site: what a cell becomes in a page, and what a browser finds wrong with one."""

import pytest

from diffenc_lite.course.show import Explorer, buttons, plots, slider

pytest.importorskip("sphinx")
pytest.importorskip("playwright")

import browser  # noqa: E402
import check_site  # noqa: E402


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
    assert len(page(moving.replace('addEventListener("input"', 'addEventListener("gone"'))) == 2
    for wrong, says in {
        r"<p>$\frac12$</p>": "TeX is left",
        '<img src="none.png" alt="none">': "empty or nameless",
        '<figure style="width: 3000px">wide</figure>': "sticks out",
        '<div style="width: 900px">wide</div>': "scrolls sideways",
    }.items():
        assert any(says in fault for fault in page(wrong)), wrong
