"""Pictures: what is drawn is what was given, in colours that all can tell apart, no trace left."""

import io
import re
import runpy
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from PIL import Image

from diffenc_lite.course.show import drawing, painting, plots

GREY_STEPS = np.linspace(-1, 1, 16).reshape(1, 4, 4)


def all_figures() -> list:
    return [
        plots.curves([0, 1], {"a": [0, 1], "b": [1, 0]}, "t", "nats"),
        plots.bars({"prior": 0.1, "diffusion": 2.0}, "bits per dimension"),
        plots.image_grid([[GREY_STEPS] * 2] * 3, ["left", "right"], ["1", "2", "3"]),
        plots.encoding_panels([[GREY_STEPS] * 5], ["learned"], 1.0)[0],
    ]


# ---- style ---------------------------------------------------------------------------------------

# Machado, Oliveira, Fernandes (2009): how linear RGB looks without green or red cones.
DEUTAN = [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
]
PROTAN = [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
]
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def lab(colour: str, seen) -> np.ndarray:
    """A colour, as seen through a matrix, in CIE Lab, where distances are what an eye sees."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(np.array(seen) @ linear, 0, 1) / TO_XYZ.sum(1)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def closest(colours: list[str], seen) -> float:
    points = [lab(colour, seen) for colour in colours]
    return min(np.linalg.norm(p - q) for i, p in enumerate(points) for q in points[:i])


@pytest.mark.parametrize("seen", [np.eye(3), DEUTAN, PROTAN], ids=["usual", "deutan", "protan"])
def test_colours_can_be_told_apart(seen):
    encoders = [drawing.COLOURS[name] for name in ("identity", "scaling", "learned")]
    assert closest(encoders, seen) > 20
    assert closest(plots.STYLE["axes.prop_cycle"].by_key()["color"], seen) > 12


def test_lines_differ_without_colour():
    styles = plots.STYLE["axes.prop_cycle"].by_key()["linestyle"]
    assert len(set(styles)) == len(styles)


def test_style_and_pyplot_are_left_alone():
    before = dict(matplotlib.rcParams)
    all_figures()
    assert dict(matplotlib.rcParams) == before
    assert plt.get_fignums() == []


def test_a_lesson_begins_in_style_and_on_one_thread_but_a_users_number_stays(monkeypatch):
    threads = torch.get_num_threads()
    try:
        with matplotlib.rc_context():
            monkeypatch.setenv("OMP_NUM_THREADS", "3")
            torch.set_num_threads(3)
            plots.begin()
            assert torch.get_num_threads() == 3 and plt.rcParams["font.size"] == 13
            monkeypatch.delenv("OMP_NUM_THREADS")
            plots.begin()
            assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(threads)


# ---- figures as pictures -------------------------------------------------------------------------


# ---- drawing the same figure again ---------------------------------------------------------------


def stage():
    """A figure with all that a lesson changes in one, and what is in it by name."""
    figure, (left, right) = plots.subplots(1, 2, size=(4, 1.5))
    (curve,) = left.plot([0, 1, 2], [0, 1, 2], label="curve", clip_on=False)
    (dots,) = left.plot([0, 1, 2], [1, 1, 1], "o", ms=9)  # partly above the curve
    left.legend(loc="upper left")
    steps = right.stairs([1, 2], [0, 1, 2], fill=True, alpha=0.5)
    right.plot([0, 2], [0, 2])
    image = right.imshow(GREY_STEPS[0], extent=(0, 1, 0, 1), aspect="auto")
    left.set(xlim=(0, 2), ylim=(0, 2), xticks=[0, 2], yticks=[0, 2])
    right.set(xlim=(0, 2), ylim=(0, 2), xticks=[0, 2], yticks=[0, 2], xlabel="t")
    parts = {"left": left, "right": right, "curve": curve, "dots": dots, "steps": steps}
    parts |= {"image": image, "legend": left.get_legend(), "title": left.set_title(" ")}
    return figure, parts | {"top": figure.suptitle(" ", fontsize=13)}


CHANGES = {
    "a curve": lambda stage: stage["curve"].set_ydata([2, 1, 2]),
    "below the rest": lambda stage: stage["steps"].set_data([2, 1]),
    "an image": lambda stage: stage["image"].set_data(-GREY_STEPS[0]),
    "a title": lambda stage: stage["title"].set_text("x"),
    "over the figure": lambda stage: stage["top"].set_text("y"),
    "a colour": lambda stage: stage["dots"].set_color("red"),
    "hidden": lambda stage: stage["curve"].set_visible(False),
    "shown again": lambda stage: stage["curve"].set_visible(True),
    "inside the legend": lambda stage: stage["legend"].get_texts()[0].set_text("other"),
    "a label": lambda stage: stage["right"].set_xlabel("s"),
    "limits": lambda stage: stage["right"].set(xlim=(0, 3), ylim=(-1, 3)),
    "limits again": lambda stage: stage["right"].set(xlim=(-1, 2), ylim=(0, 2)),
    "one more": lambda stage: stage["left"].plot([0, 2], [2, 0]),
    "one less": lambda stage: stage["dots"].remove(),
    "limits from data": lambda stage: stage["right"].autoscale(),
    "nothing": lambda stage: None,
}


SERIES = [*[[name] for name in CHANGES], ["limits", "limits again"], list(CHANGES)]


@pytest.mark.parametrize("names", SERIES, ids="/".join)
def test_a_painter_draws_what_drawing_all_anew_would(names):
    (figure, parts), (other, other_parts) = stage(), stage()
    painter = painting.Painter(figure)
    painter.pixels(), plots.pixels(other)  # now their layouts are settled
    for name in names:
        CHANGES[name](parts), CHANGES[name](other_parts)
        np.testing.assert_array_equal(painter.pixels(), plots.pixels(other), err_msg=name)
    assert not any(artist.get_animated() for artist in figure.findobj())


def test_a_painter_draws_only_what_moves(monkeypatch):
    figure, parts = stage()
    painter = painting.Painter(figure)
    drawn = []
    for cls in (matplotlib.axis.XAxis, matplotlib.lines.Line2D):
        old = cls.draw

        def draw(self, renderer, old=old):
            drawn.append(self)
            return old(self, renderer)

        monkeypatch.setattr(cls, "draw", draw)
    for value in range(3):
        parts["curve"].set_ydata([value, 1, 0])
        del drawn[:]
        before = painter.pixels()
    legend_line = parts["legend"].get_lines()[0]
    assert set(drawn) == {parts["curve"], parts["dots"], legend_line}
    parts["curve"].set_ydata([0, 0, 0])
    assert (painter.pixels() != before).any()


# ---- curves --------------------------------------------------------------------------------------


def test_curves_draws_and_names_what_it_got():
    x, ys = [0.0, 0.5, 1.0], {"prior": [1, 2, 3], "diffusion": [3, 1, 2]}
    (ax,) = plots.curves(x, ys, "depth t", "nats", "losses").axes
    assert {line.get_label(): list(line.get_ydata()) for line in ax.lines} == ys
    assert all(list(line.get_xdata()) == x for line in ax.lines)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(ys)
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("depth t", "nats", "losses")


def test_bars_are_as_long_as_the_numbers_beside_them():
    figure = plots.bars({"prior": 0.0123, "diffusion": 2.0}, "bits per dimension", "terms")
    (ax,) = figure.axes
    plots.pixels(figure)
    assert [bar.get_width() for bar in ax.patches] == [0.0123, 2.0]
    assert [text.get_text() for text in ax.texts] == ["0.0123", "2.00"]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["prior", "diffusion"]
    assert ax.yaxis_inverted()  # the first on top
    assert (ax.get_xlabel(), ax.get_title()) == ("bits per dimension", "terms")


# ---- images --------------------------------------------------------------------------------------


RED, BLUE = (103, 0, 31), (5, 48, 97)  # the ends of the signed scale


@pytest.mark.parametrize(
    "value, signed, colour",
    [(-3, None, (0, 0, 0)), (0, None, (128, 128, 128)), (1, None, (255, 255, 255))]
    + [(0.5, 0.5, RED), (-0.5, 0.5, BLUE)],
)
def test_black_is_minus_one_and_red_is_above_zero(value, signed, colour):
    figure, ax = plots.subplots(size=(1, 1))
    plots.show_image(ax, np.full((1, 3, 3), value), signed)
    assert np.abs(plots.pixels(figure)[50, 50].astype(int) - colour).max() <= 1


def test_image_grid_refuses_what_is_no_table():
    with pytest.raises(ValueError, match="^images"):
        plots.image_grid([[GREY_STEPS] * 2, [GREY_STEPS]])
    with pytest.raises(ValueError, match="^columns"):
        plots.image_grid([[GREY_STEPS] * 2], columns=["a"])


def test_as_pixels():
    grey = np.arange(6.0).reshape(1, 2, 3)
    np.testing.assert_array_equal(plots.as_pixels(grey), grey[0])
    np.testing.assert_array_equal(plots.as_pixels(grey[0]), grey[0])
    colour = np.stack([np.full((2, 2), v) for v in (-1.0, 0.0, 5.0)])
    np.testing.assert_array_equal(plots.as_pixels(colour)[0, 0], [0, 0.5, 1])


def test_bytes_are_drawn_as_their_values_in_the_unit_interval():
    """What `sample` returns, as it is, and what `to_unit` makes of it: black 0, white 255."""
    images = np.array([0, 51, 255], np.uint8).reshape(3, 1, 1, 1).repeat(4, 2).repeat(4, 3)
    for given in (images, torch.from_numpy(images)):
        axes = plots.image_grid(given, columns=["a", "b", "c"]).axes
        values = [float(ax.images[0].get_array()[0, 0]) for ax in axes]
        assert values == pytest.approx([-1, -0.6, 1])
    colour = plots.as_pixels(np.array([0, 51, 255], np.uint8).reshape(3, 1, 1))
    assert colour.ravel().tolist() == pytest.approx([0, 0.2, 1])


def test_image_grid_puts_each_image_in_its_place():
    images = [[np.full((1, 2, 2), 0.1 * row + column) for column in range(3)] for row in range(2)]
    figure = plots.image_grid(images, ["a", "b", "c"], ["first", "second"])
    values = [float(ax.images[0].get_array()[0, 0]) for ax in figure.axes]
    assert values == pytest.approx([0, 1, 2, 0.1, 1.1, 2.1])
    assert [ax.get_title() for ax in figure.axes] == ["a", "b", "c", "", "", ""]
    assert [ax.get_ylabel() for ax in figure.axes] == ["first", "", "", "second", "", ""]


# ---- moving pictures -----------------------------------------------------------------------------


def test_a_gif_shows_each_picture_for_its_time():
    levels = (0, 85, 255)
    frames = [np.full((8, 12, 3), level, np.uint8) for level in levels]
    red = np.round(np.array(to_rgb(plots.RED)) * 255)
    for frame in frames:
        frame[:, 0] = red
    film = Image.open(io.BytesIO(plots.gif(frames, [100, 250, 900])))
    assert film.n_frames == 3 and film.info["loop"] == 0
    for k, (level, time) in enumerate(zip(levels, (100, 250, 900), strict=True)):
        film.seek(k)
        shown = np.asarray(film.convert("RGB")).astype(int)
        assert film.info["duration"] == time
        np.testing.assert_array_equal(shown[4, 6], level)
        np.testing.assert_array_equal(shown[4, 0], red)


@pytest.mark.parametrize("signed", [None, 1.0])
def test_a_gif_keeps_the_scales_of_images(signed):
    figure, ax = plots.subplots(size=(4, 1))
    plots.show_image(ax, np.linspace(-1, 1, 50).reshape(1, -1).repeat(10, 0), signed)
    frame = plots.pixels(figure)
    film = Image.open(io.BytesIO(plots.gif([frame], [100])))
    shown = np.asarray(film.convert("RGB")).astype(int)
    middle = shown[50, 20:-20], frame[50, 20:-20].astype(int)
    assert np.abs(middle[0] - middle[1]).max() <= 16


# ---- the README's figures ------------------------------------------------------------------------


def test_every_figure_of_the_readme_can_be_made_again():
    root = Path(__file__).resolve().parent.parent
    shown = re.findall(r"\]\(figures/([^)]+)\)", (root / "README.md").read_text(encoding="utf-8"))
    tool = runpy.run_path(str(root / "tools" / "make_figures.py"))
    drawn = {path.name for path in (root / "figures").iterdir() if path.suffix != ".svg"}
    assert shown and {name for name in shown if not name.endswith(".svg")} <= drawn
    assert drawn == set(tool["FIGURES"])  # the SVG files are badges, drawn by hand
    for name in tool["FIGURES"]:
        path = root / "figures" / name
        width, height = Image.open(path).size
        assert width > 600 and height > 250 and path.stat().st_size < 600_000


# ---- in words ------------------------------------------------------------------------------------


def test_a_figure_says_what_it_shows():
    figure, (left, right) = plots.subplots(1, 2)
    figure.suptitle("two worlds")
    left.plot([0, 1], [0, 1], label=r"exact, $\hat{x}_t\pm2\sigma_Q$")
    left.set(xlabel="steps $T$", ylabel="gap,\nnats", title="left")
    left.legend()
    plots.show_image(right, np.zeros((4, 4)))
    right.set_title("a digit")
    plot = "Plot: left; gap, nats against steps T; shown are exact, hat x_t ±2 sigma_Q."
    words = f"two worlds. {plot} Image: a digit."
    assert plots.describe(figure) == words
    assert figure._repr_png_()[1] == {"alt": words}


def test_the_signs_of_tex_are_read_out():
    figure, ax = plots.subplots()
    ax.set(
        xlabel=r"narrow $\leftarrow\ \sigma_p\ \rightarrow$ wide",
        ylabel=r"$\mathbb{E}[\hat{x}\sigma]$",
    )
    assert plots.describe(figure) == "E[hat x sigma] against narrow ← sigma_p → wide."


def test_a_figure_without_axes_says_the_words_in_it():
    assert plots.describe(plots.Picture()) == "A figure."
    figure, ax = drawing.canvas(title="a chain")
    ax.text(1, 1, r"$z_s\sim\mathcal{N}(0, I)$")
    assert plots.describe(figure) == "Drawing: a chain, z_s sim N(0, I)."
