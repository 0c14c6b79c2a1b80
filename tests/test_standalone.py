"""Explorers as pages: each position has its own picture; a page too long loses positions."""

import base64
import io
import json
import math
import re

import numpy as np
import pytest
from PIL import Image

from diffenc_lite.course.show import standalone
from diffenc_lite.course.show.standalone import Control

SLIDER = Control("t", [str(i) for i in range(9)], 3, True)
BUTTONS = Control("digit", ["three", "eight"], 0, False)


def painted(index):
    """A white picture with a bar whose place and colour tell the position."""
    picture = np.full((20, 40, 3), 255, np.uint8)
    picture[:, 3 * index[0] : 3 * index[0] + 3] = (index[0] * 20, index[-1] * 90, 7)
    return picture


def parts(page):
    (data,) = re.findall(r"= (\{.*\});\n", page)
    (base,) = re.findall(r"background: url\(data:image/webp;base64,([^)]*)\)", page)
    return json.loads(data), opened(base)


def opened(text):
    return Image.open(io.BytesIO(base64.b64decode(text))).convert("RGBA")


def test_every_position_has_its_picture_and_its_words():
    page = standalone.page([SLIDER, BUTTONS], painted, lambda index: f"at {index}")
    data, base = parts(page)
    assert data["positions"] == [list(SLIDER.names), list(BUTTONS.names)]
    places = [(i, j) for i in range(9) for j in range(2)]
    assert data["words"] == [f"at {place}" for place in places]
    for place, frame in zip(places, data["frames"], strict=True):
        whole = Image.alpha_composite(base, opened(frame)).convert("RGB")
        np.testing.assert_array_equal(np.asarray(whole), painted(place))


def test_the_page_starts_where_the_explorer_does():
    page = standalone.page([SLIDER, BUTTONS], painted, str)
    data, _ = parts(page)
    assert 'value="3" aria-valuetext="3"' in page
    assert f'src="data:image/webp;base64,{data["frames"][3 * 2]}"' in page
    assert 'alt="(3, 0)"' in page


def test_the_page_asks_for_nothing():
    page = standalone.page([SLIDER, BUTTONS], painted, str)
    assert not re.findall(r"https?:|(?:src|href)=\"(?!data:)", page)
    assert "@" not in re.sub(r"base64,[^\"]*", "", page)


def test_what_labels_and_words_say_is_text():
    sharp = Control("</script><b>", ["<i>", "&"], 0, False)
    page = standalone.page([sharp], painted, lambda index: '"</script>')
    assert page.count("</script>") == 1
    assert "<b>" not in page and "<i>" not in page
    assert parts(page)[0]["words"] == ['"</script>'] * 2


@pytest.mark.parametrize("most", [1000, 60, 37, 20, 8])
def test_sliders_lose_positions_and_keep_ends_and_start(most):
    controls = [Control("a", ["x"] * 16, 5, True), BUTTONS, Control("b", ["x"] * 33, 7, True)]
    kept = standalone.thin(controls, most)
    assert math.prod(map(len, kept)) <= most
    assert kept[1] == [0, 1]
    for control, positions in zip(controls, kept, strict=True):
        assert positions[0] == 0 and positions[-1] == len(control.names) - 1
        assert len(positions) == 2 or control.start in positions
        assert positions == sorted(set(positions))


def test_all_positions_stay_if_they_fit():
    assert standalone.thin([SLIDER, BUTTONS], 18) == [list(range(9)), [0, 1]]


def test_a_page_too_long_gets_fewer_positions_and_says_so(monkeypatch):
    def noise(index):
        return np.random.default_rng(index).integers(0, 256, (20, 40, 3), dtype=np.uint8)

    monkeypatch.setattr(standalone, "MAX_BYTES", 30_000)
    page = standalone.page([SLIDER, BUTTONS], noise, str)
    data, _ = parts(page)
    n = len(data["positions"][0])
    assert 2 < n < 9 and len(data["frames"]) == 2 * n
    assert f"Here are {n} of 9 positions of t." in page
    assert "The notebook has all." not in standalone.page([BUTTONS], noise, str)
