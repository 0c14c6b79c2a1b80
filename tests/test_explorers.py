"""Explorers: every position shows its own picture, moving costs no drawing and no network, and a
page without a kernel has a picture too."""

import base64
import html
import re

import ipywidgets
import numpy as np
import pytest
import torch

from diffenc_lite import DiffEnc, IdentityEncoder, ModelConfig, ScalingEncoder, build
from diffenc_lite.course.show.explorers import (
    CurveExplorer,
    FrameExplorer,
    buttons,
    encode_and_noise,
    encoder_explorer,
    plots,
    slider,
)
from diffenc_lite.pixels import to_unit

CAPTION = 28  # pixels above each picture of a strip


def picture(png: bytes) -> np.ndarray:
    return plots.read_png(png)


def drawer(size=(0.6, 0.5)):
    """draw(*values), a figure that shows a bar as high as the sum; and the values it was called
    with."""
    calls = []

    def draw(*values):
        calls.append(values)
        figure, ax = plots.subplots(size=size)
        ax.bar([0], [sum(values)])
        ax.set(ylim=(0, 10), xticks=[], yticks=[])
        return figure

    return draw, calls


# ---- controls ------------------------------------------------------------------------------------


def test_slider_starts_in_the_middle_or_near_start():
    assert slider("t", [0, 1, 2, 3, 4]).value == 2
    assert slider("t", np.linspace(0, 1, 11), start=0.72).value == pytest.approx(0.7)
    assert slider("t", [0, 0.5], text="{:.1f}").options == (("0.0", 0), ("0.5", 0.5))


@pytest.mark.parametrize("values", [[], [1.0], 3, [[1, 2], [3, 4]]])
def test_slider_refuses_what_cannot_slide(values):
    with pytest.raises(ValueError, match="values must be a list of at least 2 numbers"):
        slider("t", values)


def test_buttons_give_positions():
    control = buttons("digit", ["three", "eight"])
    assert control.value == 0
    control.index = 1
    assert control.value == 1


def test_an_explorer_needs_a_control():
    with pytest.raises(ValueError, match=r"controls must be one or more.*got none"):
        FrameExplorer(drawer()[0])


# ---- frames --------------------------------------------------------------------------------------


def test_each_frame_is_drawn_once_and_moving_draws_nothing():
    draw, calls = drawer()
    explorer = FrameExplorer(draw, slider("t", [1, 2, 3]), buttons("digit", ["a", "b"]))
    assert sorted(calls) == [(t, i) for t in (1, 2, 3) for i in (0, 1)]
    for t in range(3):
        for i in range(2):
            explorer.controls[0].index, explorer.controls[1].index = t, i
            expected = plots.pixels(drawer()[0](t + 1, i))
            np.testing.assert_array_equal(picture(explorer.image.value), expected)
    assert len(calls) == 6


def test_a_figure_that_is_drawn_again_gives_different_frames():
    figure, ax = plots.subplots(size=(1, 1))
    (line,) = ax.plot([0, 1], [0, 0])
    ax.set_ylim(0, 3)

    def draw(height):
        line.set_ydata([height, height])
        return figure

    explorer = FrameExplorer(draw, slider("height", [0, 1, 2]))
    assert len(set(explorer.frames.values())) == 3


# ---- curves --------------------------------------------------------------------------------------


def curve_explorer():
    figure, ax = plots.subplots(size=(2, 1.5))
    (line,) = ax.plot([0, 1], [0, 0])
    ax.set_ylim(0, 10)
    calls = []

    def update(slope, offset):
        calls.append((slope, offset))
        line.set_ydata([offset, offset + slope])

    controls = slider("slope", range(7), start=2), slider("offset", [0, 1, 2])
    return CurveExplorer(figure, update, *controls), line, calls


def test_curves_start_where_the_sliders_stand():
    explorer, line, _ = curve_explorer()
    assert list(line.get_ydata()) == [1, 3]
    np.testing.assert_array_equal(
        picture(explorer.image.value), picture(plots.png(plots.pixels(explorer.figure)))
    )


def test_curves_follow_the_sliders():
    explorer, line, calls = curve_explorer()
    start = explorer.image.value
    del calls[:]
    explorer.controls[0].index = 5
    assert calls == [(5, 1)] and list(line.get_ydata()) == [1, 6]
    assert explorer.image.value != start
    explorer.controls[1].value = 2
    assert calls == [(5, 1), (5, 2)] and list(line.get_ydata()) == [2, 7]
    explorer.controls[0].index, explorer.controls[1].index = 2, 1
    assert explorer.image.value == start


# ---- without a kernel ----------------------------------------------------------------------------


def test_a_page_without_a_kernel_gets_a_picture_and_a_fixed_text():
    first, second = (FrameExplorer(drawer()[0], slider("t", [1, 2, 3])) for _ in range(2))
    bundle, metadata = first._repr_mimebundle_()
    assert base64.b64decode(bundle["image/png"]) == first.strip
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/plain"] == "Explorer of t (3 positions). It moves where a kernel runs."
    assert second._repr_mimebundle_()[0]["text/plain"] == bundle["text/plain"]
    assert "t (3 positions)" in metadata["image/png"]["alt"]
    assert "text/html" not in bundle


@pytest.mark.parametrize("frames", [True, False])
def test_for_export_an_explorer_is_a_page_in_a_frame(monkeypatch, frames):
    explorer = FrameExplorer(drawer()[0], slider("t", [1, 2])) if frames else curve_explorer()[0]
    shown = explorer.image.value
    monkeypatch.setenv("DIFFENC_LITE_EXPORT", "1")
    bundle, _ = explorer._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html", "image/png"}
    (document,) = re.findall(r'srcdoc="([^"]*)"', bundle["text/html"])
    assert html.unescape(document) == explorer.page()
    assert explorer.image.value == shown


def test_an_explorer_shows_its_widget_with_ipywidgets_7_too(monkeypatch):
    """Colab has ipywidgets 7, whose widgets have no _repr_mimebundle_."""
    explorer = FrameExplorer(drawer()[0], slider("t", [1, 2, 3]))
    shown = "application/vnd.jupyter.widget-view+json"
    as_in_8 = explorer.widget._repr_mimebundle_()[shown]
    monkeypatch.delattr(ipywidgets.Widget, "_repr_mimebundle_")
    data, _ = explorer._repr_mimebundle_()
    assert data[shown] == as_in_8


@pytest.mark.parametrize("n, shown", [(9, [0, 2, 4, 6, 8]), (3, [0, 1, 2])])
@pytest.mark.parametrize("size", [(0.6, 0.5), (2.0, 0.5)], ids=["side by side", "stacked"])
def test_the_strip_is_five_frames_of_the_first_control(n, shown, size):
    draw, _ = drawer(size)
    values = np.linspace(0, 8, n)
    explorer = FrameExplorer(draw, slider("t", values), slider("shift", [0, 1, 2]))
    width, height = (round(100 * side) for side in size)
    strip = picture(explorer.strip)
    stacked = width > 1.5 * height
    rows, columns = (len(shown), 1) if stacked else (1, len(shown))
    assert strip.shape == (rows * (height + CAPTION), columns * width, 3)
    for place, i in enumerate(shown):
        top, left = (place * (height + CAPTION), 0) if stacked else (0, place * width)
        part = strip[top + CAPTION :, left:][:height, :width]
        expected = picture(explorer.frames[(i, 1)])  # the second control stays where it starts
        np.testing.assert_array_equal(part, expected)
        assert strip[top : top + CAPTION, left : left + width].min() < 128  # there is a caption


def test_stills_are_the_positions_given_and_fill_rows():
    draw, _ = drawer((4.0, 3.0))
    stills = [(0, 0), (2, 1), (1, 2)]
    explorer = FrameExplorer(draw, slider("t", [1, 2, 3]), slider("k", [0, 1, 2]), stills=stills)
    sheet, high = picture(explorer.strip), 300 + CAPTION
    assert sheet.shape == (2 * high, 800, 3)  # two of 400 pixels fit into a row
    for place, index in enumerate(stills):
        top, left = place // 2 * high + CAPTION, place % 2 * 400
        expected = picture(explorer.frames[index])
        np.testing.assert_array_equal(sheet[top : top + 300, left : left + 400], expected)
    assert (sheet[high:, 400:] == 255).all()  # an empty place


# ---- a digit, encoded and noised -----------------------------------------------------------------


class Echo(torch.nn.Module):
    """A denoiser with v_hat = z, so that x_hat = (alpha - sigma) z; it can be told to refuse."""

    def __init__(self):
        super().__init__()
        self.refuse = False

    def forward(self, z, gamma):
        assert not self.refuse, "a network ran"
        return z


@pytest.fixture
def images(generator):
    return torch.randint(0, 256, (2, 1, 6, 6), generator=generator).to(torch.uint8)


@pytest.mark.parametrize("encoder", [IdentityEncoder, ScalingEncoder])
def test_encode_and_noise(images, encoder):
    depths = [0.0, 0.4, 0.8, 1.0]
    model = DiffEnc(Echo(), encoder())
    path = encode_and_noise(model, images, depths, torch.Generator().manual_seed(1))
    x = to_unit(images).numpy()
    noises = []
    for i, t in enumerate(depths):
        at_t = model.schedule(torch.tensor(t))
        alpha, sigma = at_t.alpha.item(), at_t.sigma.item()
        scale = alpha**2 if encoder is ScalingEncoder else 1.0
        np.testing.assert_allclose(path.x_t[i], scale * x, atol=1e-6)
        np.testing.assert_allclose(path.change[i], (scale - 1) * x, atol=1e-6)
        y = 0 if encoder is ScalingEncoder else x
        np.testing.assert_allclose(path.y[i], np.broadcast_to(y, x.shape), atol=1e-6)
        np.testing.assert_allclose(path.x_hat[i], (alpha - sigma) * path.z_t[i], atol=1e-5)
        noises.append((path.z_t[i] - alpha * path.x_t[i]) / sigma)
    for eps in noises[1:]:
        np.testing.assert_allclose(eps, noises[-1], atol=1e-4)  # one noise for all depths
    assert np.abs(noises[-1]).max() > 1


def test_encoder_explorer_runs_no_network_when_moved(images):
    model = DiffEnc(Echo(), ScalingEncoder())
    depths = [0.0, 0.8, 1.0]
    explorer = encoder_explorer(model, images, ["3", "8"], depths=depths)
    assert [value for _, value in explorer.controls[0].options] == depths
    assert len(explorer.frames) == 6
    model.denoiser.refuse = True
    seen = set()
    for i in range(3):
        for j in range(2):
            explorer.controls[0].index, explorer.controls[1].index = i, j
            seen.add(explorer.image.value)
    assert len(seen) == 6


@pytest.mark.parametrize(
    ("shape", "names", "words"),
    [
        ((3, 2), None, r"images must be pictures, .*\(3, 2\)"),
        ((2, 1, 6, 6), ["3"], "names must have.* 2 images; got 1"),
        ((2, 1, 6, 6), ["3", "8", "9"], "names must have.* 2 images; got 3"),
    ],
)
def test_encoder_explorer_wants_pictures_with_a_name_each(shape, names, words):
    with pytest.raises(ValueError, match=words):
        encoder_explorer(DiffEnc(Echo()), torch.zeros(shape, dtype=torch.uint8), names)


def test_encoder_explorer_takes_colour_and_a_learned_encoder(generator):
    images = torch.randint(0, 256, (1, 3, 8, 8), generator=generator).to(torch.uint8)
    model = build(ModelConfig("learned", size="tiny", shape=(3, 8, 8)))
    explorer = encoder_explorer(model, images, depths=[0.5, 1.0])
    assert len(set(explorer.frames.values())) == 2


def test_y_is_what_the_network_says(generator):
    images = torch.randint(0, 256, (2, 1, 8, 8), generator=generator).to(torch.uint8)
    model = build(ModelConfig("learned", size="tiny", shape=(1, 8, 8)))
    torch.nn.init.normal_(model.encoder.network.out.weight, generator=generator)
    path = encode_and_noise(model, images, [0.0, 0.9], generator)
    for y, t in zip(path.y, (0.0, 0.9), strict=True):
        gamma = model.schedule(torch.full((2,), t)).gamma
        expected = model.encoder.y(to_unit(images), gamma).detach()
        assert expected.abs().max() > 0.1
        np.testing.assert_allclose(y, expected, atol=1e-5)


def test_a_model_beside_gets_a_row_with_the_same_noise(images, monkeypatch):
    drawn = {}

    def panels(images, rows, limit, real=plots.encoding_panels):
        drawn.update(images=images, rows=rows)
        return real(images, rows, limit)

    monkeypatch.setattr(plots, "encoding_panels", panels)
    vdm, scaling = DiffEnc(Echo()), DiffEnc(Echo(), ScalingEncoder())
    encoder_explorer(vdm, images, beside=scaling, depths=[0.0, 1.0])
    assert drawn["rows"] == ["identity", "scaling"]
    x_0, change_0, y_0, z_0, _ = drawn["images"][0]
    scaled, change, y, z, _ = drawn["images"][1]
    np.testing.assert_allclose(x_0, to_unit(images)[0], atol=1e-6)
    np.testing.assert_allclose(z, z_0, atol=1e-5)  # at t = 0 the two encodings are nearly one
    np.testing.assert_allclose([change_0, y], 0, atol=1e-6)
