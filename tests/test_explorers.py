"""Explorers: every position shows its own picture, in a kernel, in a page and as a still; moving
runs no network."""

import base64
import gzip
import io
import itertools
import json
import re

import ipywidgets
import numpy as np
import pytest
import torch
from draws import module_of
from PIL import Image

from diffenc_lite import DiffEnc, LearnedEncoder, ScalingEncoder
from diffenc_lite.course.show import Explorer, buttons, page, plots, slider
from diffenc_lite.course.show.explorers import CAPTION, encode_and_noise, encoder_explorer
from diffenc_lite.pixels import to_unit


def picture(png):
    """(H, W, 3)"""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def bend(**options):
    """An explorer of one figure, whose curve, words and image tell the position."""
    figure, (ax, image) = plots.subplots(1, 2, size=(4, 3))
    (line,) = ax.plot([0, 1, 2], [0, 0, 0])
    ax.set(xlim=(0, 2), ylim=(-9, 9), title=" ")
    shown = plots.show_image(image, np.zeros((2, 2)))

    def draw(slope, grey):
        line.set_ydata([-slope, 0, slope])
        ax.set_title(f"slope {slope}")
        ax.set_ylim(-9, 9 + 9 * (slope > 6))  # other ticks at some positions
        shown.set_data(np.full((2, 2), grey))
        return figure

    controls = slider("s", range(9), start=3, text="{}"), buttons("grey", ["black", "white"])
    return Explorer(draw, *controls, **options), figure


def test_slider_starts_in_the_middle_or_near_start():
    assert slider("t", [0, 1, 2, 3, 4]).value == 2
    assert slider("t", np.linspace(0, 1, 11), start=0.72).value == pytest.approx(0.7)
    assert slider("t", [0, 0.5], text="{:.1f}").options == (("0.0", 0), ("0.5", 0.5))


# ---- in a kernel ---------------------------------------------------------------------------------


def test_every_position_shows_what_drawing_anew_would():
    explorer, figure = bend()
    for s, grey in [(3, 0), (8, 0), (8, 1), (0, 1), (3, 0)]:
        explorer.controls[0].index, explorer.controls[1].index = s, grey
        shown = picture(explorer.image.value)
        np.testing.assert_array_equal(shown, plots.pixels(figure))
        assert figure.axes[0].get_title() == f"slope {s}"


def test_new_figures_are_shown_too():
    explorer = Explorer(lambda t: plots.bars({"t": t}, "nats"), slider("t", [1, 2, 3]))
    explorer.controls[0].index = 2
    new = plots.pixels(plots.bars({"t": 3}, "nats"))
    np.testing.assert_array_equal(picture(explorer.image.value), new)


# ---- without a kernel ----------------------------------------------------------------------------


def test_a_page_without_a_kernel_gets_a_picture_and_a_fixed_text(monkeypatch):
    explorer, _ = bend()
    view = "application/vnd.jupyter.widget-view+json"
    as_in_8 = explorer.widget._repr_mimebundle_()[view]
    monkeypatch.delattr(ipywidgets.Widget, "_repr_mimebundle_")  # as with ipywidgets 7, on Colab
    bundle = explorer._repr_mimebundle_()
    assert base64.b64decode(bundle["image/png"]) == explorer.strip and bundle[view] == as_in_8
    said = bundle["text/plain"]
    assert "s (9 positions)" in said and "At the start: slope 3" in said and "(2, 3)" in said
    assert "text/html" not in bundle


def test_stills_are_the_positions_given_and_fill_rows():
    explorer, _ = bend(stills=[(0, 0), (8, 1), (2, 1)])
    sheet, high = picture(explorer.strip), 300 + CAPTION
    assert sheet.shape == (2 * high, 800, 3)  # two of 400 pixels fit into a row
    for place, index in enumerate([(0, 0), (8, 1), (2, 1)]):
        top, left = place // 2 * high + CAPTION, place % 2 * 400
        part = sheet[top : top + 300, left : left + 400]
        np.testing.assert_array_equal(part, picture(explorer.frame(index)))


# ---- in a page -----------------------------------------------------------------------------------


def drawn_at(text):
    """position -> the SVG of the figure there, and its words"""
    (packed,) = re.findall(r'atob\("([^"]*)"', text)
    data = json.loads(gzip.decompress(base64.b64decode(packed)))
    names = [range(len(each)) for each in data["positions"]]
    for k, place in enumerate(itertools.product(*names)):
        words, *parts = (texts[at[k] if at else 0] for texts, at in data["slots"])
        yield place, "".join(f"<g>{part}</g>" for part in parts), words


def test_every_position_of_a_page_has_its_curve_words_and_image(monkeypatch):
    explorer, figure = bend()
    before = explorer.image.value
    monkeypatch.setenv("DIFFENC_LITE_EXPORT", "1")
    text = explorer._repr_mimebundle_()["text/html"]
    assert explorer.image.value == before
    images, axes = set(), figure.axes[0]
    for (slope, grey), svg, words in drawn_at(text):
        (outline,) = re.findall(rf'd="([^"]*)"[^>]*stroke: {plots.BLUE.lower()}', svg)
        ends = np.array(re.findall(r"-?[\d.]+", outline), dtype=float).reshape(-1, 2)[[0, -1], 1]
        axes.set_ylim(-9, 9 + 9 * (slope > 6))
        tops = axes.transData.transform([(0, -slope), (0, slope)])[:, 1]
        np.testing.assert_allclose(ends, 0.72 * (figure.bbox.height - tops), atol=0.2)
        assert f">slope {slope}</text>" in svg and f"slope {slope}" in words
        images.add((grey, re.search(r'href="(data[^"]*)"', svg)[1]))
        if (slope, grey) == (3, 0):  # where it starts
            assert svg in text and f'aria-label="{words}"' in text
    assert len(images) == 2
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)|@[A-Z]+@", text)


def test_what_labels_and_words_say_is_text():
    figure, ax = plots.subplots(size=(2, 2))
    ax.set_title("</script><b>")
    text = page.page([buttons("</script><b>", ["<i>", "&"])], lambda index: figure)
    assert text.count("</script>") == 1 and "<b>" not in text and "<i>" not in text


# ---- a digit, encoded and noised -----------------------------------------------------------------

ECHO = module_of(forward=lambda z, gamma: z)  # v_hat = z, so that x_hat = (alpha - sigma) z
WAVES = module_of(forward=lambda x, gamma: torch.sin(3 * x + gamma[:, None, None, None]))


@pytest.fixture
def images(generator):
    return torch.randint(0, 256, (2, 1, 6, 6), generator=generator).to(torch.uint8)


def test_encode_and_noise(images):
    depths = [0.0, 0.4, 0.8, 1.0]
    model = DiffEnc(ECHO, LearnedEncoder(WAVES))
    path = encode_and_noise(model, images, depths, torch.Generator().manual_seed(1))
    x = to_unit(images)
    noises = []
    for t, x_t, change, y, z_t, x_hat in zip(depths, *path, strict=True):
        at = model.schedule(torch.tensor(t))
        expected = torch.sin(3 * x + at.gamma)
        np.testing.assert_allclose(change, at.sigma**2 * (expected - x), atol=1e-6)
        np.testing.assert_allclose(x_t, x + change, atol=1e-6)
        np.testing.assert_allclose(y, expected, atol=1e-6)
        np.testing.assert_allclose(x_hat, (at.alpha - at.sigma) * z_t, atol=1e-5)
        noises.append((z_t - at.alpha.numpy() * x_t) / at.sigma.numpy())
    for eps in noises[1:]:
        np.testing.assert_allclose(eps, noises[-1], atol=1e-4)  # one noise for all depths
    assert np.abs(noises[-1]).max() > 1


def test_encoder_explorer_runs_no_network_when_moved(images, monkeypatch):
    model, depths = DiffEnc(ECHO, ScalingEncoder()), [0.0, 0.8, 1.0]
    explorer = encoder_explorer(model, images, ["3", "8"], depths=depths)
    assert [value for _, value in explorer.controls[0].options] == depths
    monkeypatch.setattr(ECHO, "forward", None)  # what calls it now fails
    seen = set()
    for index in itertools.product(range(3), range(2)):
        explorer.controls[0].index, explorer.controls[1].index = index
        seen.add(explorer.image.value)
    assert len(seen) == 6
