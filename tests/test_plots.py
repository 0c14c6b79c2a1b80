"""Pictures: what is drawn is what was given, and no trace is left."""

import io
import re

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from draws import README, ROOT, differ, module_of
from make_figures import FIGURES
from PIL import Image

from diffenc_lite import DiffEnc, LearnedEncoder
from diffenc_lite.course.show import film, plots
from diffenc_lite.course.show.reading import number

GREY_STEPS = np.linspace(-1, 1, 16).reshape(1, 4, 4)


def test_style_and_pyplot_are_left_alone():
    before = dict(matplotlib.rcParams)
    plots.curves([0, 1], {"a": [0, 1], "b": [1, 0]}, "t", "nats")
    plots.image_grid([[GREY_STEPS] * 5])
    assert dict(matplotlib.rcParams) == before
    assert plt.get_fignums() == []


def test_a_lesson_begins_in_style_and_on_one_thread_but_a_users_number_stays(monkeypatch):
    threads = torch.get_num_threads()
    try:
        with matplotlib.rc_context():
            monkeypatch.setenv("OMP_NUM_THREADS", "3")
            torch.set_num_threads(3)
            plots.begin()
            assert torch.get_num_threads() == 3
            monkeypatch.delenv("OMP_NUM_THREADS")
            plots.begin()
            assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(threads)


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


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("seen", [{0: -1, 51: -0.6, 255: 1}, {0: -1, 4: -0.5, 16: 1}])
def test_levels_are_drawn_from_black_to_white(seen, channels):
    """What `sample` returns, as it is: black is 0, white the last of 256 levels or of 17."""
    images = torch.tensor([*seen], dtype=torch.uint8).reshape(3, 1, 1, 1).expand(3, channels, 4, 4)
    values = [value if channels == 1 else (value + 1) / 2 for value in seen.values()]
    for given in (images, images.numpy(), [list(images)]):
        axes = plots.image_grid(given, columns=["a", "b", "c"], levels=max(seen) + 1).axes
        shown = [float(np.ravel(ax.images[0].get_array())[0]) for ax in axes]
        assert shown == pytest.approx(values)
    with pytest.raises(ValueError, match=f"^images must have levels 0 to .*; got {max(seen)}"):
        plots.image_grid(images, levels=max(seen))


def test_image_grid_puts_each_image_in_its_place():
    images = [[np.full((1, 2, 2), 0.1 * row + column) for column in range(3)] for row in range(2)]
    figure = plots.image_grid(images)
    values = [float(ax.images[0].get_array()[0, 0]) for ax in figure.axes]
    assert values == pytest.approx([0, 1, 2, 0.1, 1.1, 2.1])


def test_a_moving_picture_shows_each_frame_for_its_time():
    frames = np.random.default_rng(0).integers(0, 256, (3, 8, 12, 3), np.uint8)
    film = Image.open(io.BytesIO(plots.moving(frames, [100, 250, 900])))
    assert film.n_frames == 3 and film.info["loop"] == 0
    for k, time in enumerate((100, 250, 900)):
        film.seek(k)
        np.testing.assert_array_equal(np.asarray(film.convert("RGB")), frames[k])
        assert film.info["duration"] == time


def test_a_film_goes_there_and_back_and_is_the_same_each_time():
    image = torch.arange(36, dtype=torch.uint8).reshape(1, 1, 6, 6) * 7
    zero = module_of(forward=lambda z, gamma: 0 * z)
    model = DiffEnc(zero, LearnedEncoder(zero), shape=(1, 6, 6))
    made = [film(model, image, frames=4, steps=6) for _ in range(2)]
    assert made[0] == made[1] and Image.open(io.BytesIO(made[0])).n_frames == 8


def test_every_figure_of_the_readme_can_be_made_again():
    shown = re.findall(r"\]\(figures/([^)]+)\)", README)
    drawn = {path.name for path in (ROOT / "figures").iterdir() if path.suffix != ".svg"}
    assert shown and {name for name in shown if not name.endswith(".svg")} <= drawn
    assert drawn == set(FIGURES)  # the SVG files are badges, drawn by hand


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_what_is_made_now(name):
    stored = ROOT / "figures" / name
    assert np.asarray(Image.open(stored).convert("L")).std() > 20  # it is not blank
    assert not differ(io.BytesIO(FIGURES[name]()), stored)


# ---- in words ------------------------------------------------------------------------------------


def test_a_picture_says_what_is_drawn_before_it_is_drawn():
    x, ys = [0.0, 0.5, 1.0], {r"exact, $\hat{x}_t\pm2\sigma_Q$": [1, 2, 3], "other": [3, 1, 2.5]}
    data = plots.curves(x, ys, "steps $T$", "gap,\nnats", "left")._repr_mimebundle_()
    said = """left.
steps T -0.05 to 1.05; gap, nats 0.9 to 3.1
- blue line (exact, hat x_t ±2 sigma_Q): (0, 1) (0.5, 2) (1, 3)
- red dashed line (other): (0, 3) (0.5, 1) (1, 2.5)"""
    assert data["text/plain"] == said and set(data) == {"text/plain", "image/png"}


def picture():
    """Every kind of thing whose numbers are said"""
    figure, (left, right) = plots.subplots(1, 2)
    left.plot(np.linspace(0, 9, 30), np.linspace(0, 3, 30) ** 2, label="a long line")
    left.errorbar([2, 4], [1, 2], [0.02, 0.03], fmt="o")
    left.fill_between([0, 1, 2, 9], [4, 4, 4, 4], [4.1, 4.2, 4.3, 4.4], alpha=0.3)
    left.bar(["p", "q"], [3, 8])
    left.set(title="a", xlabel="t", yscale="symlog")
    left.text(1, 2, "beside")
    plots.show_image(right, np.arange(64).reshape(8, 8) / 64, 1.0)
    right.set(title="b", ylabel="row")
    return figure


CHANGES = {  # what is changed, and in which line of the words it is seen
    "long line": lambda f: f.axes[0].lines[0].set_ydata(np.linspace(0, 9, 30)),
    "blue line": lambda f: f.axes[0].lines[0].set_color(plots.GREEN),
    "intervals": lambda f: (
        f.axes[0].collections[0].set_segments([[(2, 0.99), (2, 1.01)], [(4, 1.985), (4, 2.015)]])
    ),
    "share": lambda f: f.axes[0].collections[1].set_verts([[(0, 4), (9, 4), (9, 4.2), (0, 4.1)]]),
    "shape": lambda f: f.axes[0].patches[1].set_height(7),
    "t -": lambda f: f.axes[0].set_xlim(-3, 9),
    "a;": lambda f: f.axes[0].set_title("c"),
    "1 q": lambda f: f.axes[0].set_xticks([0, 1], ["q", "p"]),
    "beside": lambda f: f.axes[0].texts[0].set_text("above"),
    "quarters": lambda f: f.axes[1].images[0].set_data(np.arange(64).reshape(8, 8).T / 64),
    "RdBu_r -1 to 1": lambda f: f.axes[1].images[0].set_clim(-2, 2),
    "row": lambda f: f.axes[1].set_ylabel("column"),
}


@pytest.mark.parametrize("seen", CHANGES)
def test_the_words_change_with_each_kind_of_number(seen):
    figure = picture()
    before = plots.describe(figure).splitlines()
    CHANGES[seen](figure)
    after = plots.describe(figure).splitlines()
    gone = [line for line in before if line not in after]
    assert any(seen in line for line in gone), gone


@pytest.mark.parametrize("unit", [0.1, None])
def test_no_round_number_stands_where_the_last_bits_decide(unit):
    for value in (0.25, 0.35, 1.05, 9.95, 0.115, 0.99, 25.5):
        ends = {number(value * (1 + bits), unit) for bits in (-1e-9, 0, 1e-9)}
        assert len(ends) == 1
    assert number(-1e-18, 0.1) == "0" and number(-0.25, 0.1) == "-0.3"


def test_what_varies_says_names_and_shapes_only():
    figure = plots.curves([0, 1], {"loss 2": [1.5, 0.25]}, "updates", "bits", "trained")
    figure.varies = True
    assert plots.describe(figure).splitlines()[-1] == "- blue line (loss #): (#, #) (#, #)"
