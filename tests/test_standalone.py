"""Explorers as pages: each position has its own drawing, from the arrays of its figure."""

import base64
import gzip
import itertools
import json
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.path import Path

from diffenc_lite.course.show import plots, scene, standalone
from diffenc_lite.course.show.explorers import CurveExplorer, FrameExplorer, buttons, slider


def bend(figure_size=(4, 3)):
    """An explorer whose curve and title tell the position: slope s through the middle."""
    figure, (ax, image) = plots.subplots(1, 2, size=figure_size)
    (line,) = ax.plot([0, 1, 2], [0, 0, 0])
    ax.set(xlim=(0, 2), ylim=(-9, 9), title=" ")
    shown = plots.show_image(image, np.zeros((2, 2)))

    def update(slope, grey):
        line.set_ydata([-slope, 0, slope])
        ax.set_title(f"$x_t$ = {slope}")
        shown.set_data(np.full((2, 2), grey))

    controls = slider("s", range(9), start=3, text="{}"), buttons("grey", ["black", "white"])
    return CurveExplorer(figure, update, *controls), ax


def data_of(page):
    (packed,) = re.findall(r'atob\("([^"]*)"', page)
    return json.loads(gzip.decompress(base64.b64decode(packed)))


def at(slot, position):
    texts, places = slot
    return texts[places[position]] if places else texts[0]


def ends(svg):
    """First and last point of the blue curve in a drawing."""
    (outline,) = re.findall(rf'stroke="{plots.BLUE.lower()}"[^>]* d="([^"]*)"', svg)
    numbers = [float(number) for number in re.findall(r"-?[\d.]+", outline)]
    points = np.cumsum(np.reshape(numbers, (-1, 2)), axis=0)  # after the first, steps
    return points[0], points[-1]


def test_every_position_has_its_curve_words_and_image():
    explorer, ax = bend()
    page = explorer.page()
    data = data_of(page)
    assert data["positions"] == [[str(s) for s in range(9)], ["black", "white"]]
    images = set()
    for position, (slope, grey) in enumerate(itertools.product(range(9), range(2))):
        svg = "".join(at(slot, position) for slot in data["slots"])
        for point, value in zip(ends(svg), (-slope, slope), strict=True):
            height = explorer.figure.bbox.height - ax.transData.transform((0, value))[1]
            assert point[1] == pytest.approx(height, abs=0.11)
        assert f"x_t = {slope}" in at(data["words"], position)
        images |= {(grey, re.search(r'href="([^"]*)"', svg)[1])}
        assert re.search(rf"x</tspan>.* = {slope}</text>", svg)
    assert len(images) == 2


def test_the_page_starts_where_the_explorer_does():
    page = bend()[0].page()
    data, start = data_of(page), 3 * 2
    assert 'value="3" aria-valuetext="3"' in page
    assert "".join(f"<g>{at(slot, start)}</g>" for slot in data["slots"]) in re.sub(
        r"</svg>\s*<svg[^>]*>", "", page
    )
    assert f'aria-label="{at(data["words"], start)}"' in page


def test_the_drawings_are_svg_and_ask_for_nothing():
    page = bend()[0].page()
    for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        ElementTree.fromstring(svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1))
    assert not re.findall(r"https?:|(?:src|href)=\"(?!data:)", page)
    assert not re.findall(r"@[A-Z]+@", page)


def test_what_labels_and_words_say_is_text():
    figure, ax = plots.subplots(size=(2, 2))
    ax.set_title("</script><b>")
    page = standalone.page([buttons("</script><b>", ["<i>", "&"])], lambda index: figure)
    assert page.count("</script>") == 1 and "<b>" not in page and "<i>" not in page


def test_axes_are_panels_and_a_twin_shares_one():
    figure, axes = plots.subplots(1, 3, size=(6, 2))
    axes[1].twinx().plot([0, 1])
    panels = scene.Scene(figure, {}).panels()
    assert list(panels) == [0, 1, 2]
    figure.colorbar(plots.show_image(axes[0], np.eye(2)), ax=axes[0])
    assert list(scene.Scene(figure, {}).panels()) == [0, 1, 2]


def test_frames_of_new_figures_are_drawn_too():
    def draw(height):
        figure, ax = plots.subplots(size=(1, 1))
        ax.bar([0], [height])
        ax.set_ylim(0, 9)
        return figure

    data = data_of(FrameExplorer(draw, slider("height", [1, 2, 3])).page())
    assert max(len(slot[0]) for slot in data["slots"]) == 3


@pytest.mark.parametrize("n", [200, 2000])
def test_a_thinned_curve_is_where_it_was(n):
    x = np.linspace(0, 300, n)
    points = np.stack([x, 100 * np.sin(x / 20) * (x < 200)], 1)
    codes = np.r_[Path.MOVETO, np.full(n - 1, Path.LINETO)].astype(np.uint8)
    thin = scene._thinned(Path(points, codes)).vertices
    assert len(thin) < 0.6 * n
    assert np.abs(np.interp(x, *thin.T) - points[:, 1]).max() < 0.5


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a < b", "a &lt; b"), (r"$\sigma_t^2$", "σt\u200b2\u200b"), (r"$-1$", "\u22121")],
)
def test_simple_formulas_are_words(text, shown):
    assert re.sub(r"<[^>]*>", "", scene._math_in(text)) == shown


def test_other_formulas_are_shapes():
    assert scene._math_in(r"$\frac{1}{2}$") is None and scene._math_in(r"$\hat x$") is None


def test_a_figure_in_a_page_is_panels_unless_it_has_many(monkeypatch):
    few, many = (plots.subplots(1, n)[0] for n in (2, 9))
    assert few._repr_html_() is None
    monkeypatch.setenv(standalone.VARIABLE, "1")
    assert few._repr_html_().count("<svg") == 3  # with that of the clipped areas
    assert many._repr_html_() is None
