"""Probes: each finds what it can know, no more, and is judged on examples it has not seen."""

import pytest
import torch
import torch.nn.functional as F

from diffenc_lite.course.studies import regression

HIGH, WIDE = 5, 6


@pytest.fixture
def x(normal):
    return 0.7 + normal(400, 1, HIGH, WIDE)


@pytest.fixture
def x_new(x, normal):  # drawn after x, from the same generator
    return 0.7 + normal(100, 1, HIGH, WIDE)


def r2(make, x, x_new):
    y = make(x)
    return regression.explained(make(x_new), regression.pixelwise(x, y, x_new), y)


def line(x):
    slopes = torch.linspace(-1, 2, HIGH * WIDE, dtype=x.dtype).reshape(1, HIGH, WIDE)
    return slopes * x + 3


def blur(x):
    kernel = torch.tensor([[0.0, 1, 0], [2, 5, 0], [0, 0, -1]], dtype=x.dtype)
    return F.conv2d(x, kernel[None, None], padding=1) - 2


def test_r2_counts_from_the_mean_picture():
    y = torch.tensor([[0.0, 2.0], [2.0, 4.0]])  # mean (1, 3)
    new = torch.tensor([[2.0, 3.0], [1.0, 1.0]])  # squared distances 1 and 4
    assert regression.explained(new, new, y) == 1
    assert regression.explained(new, y.mean(0).expand(2, 2), y) == 0
    assert regression.explained(new, new + torch.tensor([1.0, 0.0]), y) == pytest.approx(1 - 2 / 5)
    assert regression.explained(new, new + 10, y) < 0
    with pytest.raises(ValueError, match="^y_new"):
        regression.explained(torch.ones(3, 2), torch.zeros(3, 2), torch.ones(5, 2))


def test_it_finds_what_a_pixel_can_know_and_no_more(x, x_new, normal):
    assert r2(line, x, x_new) > 0.99
    assert 0.5 < r2(blur, x, x_new) < 0.9  # 25 of 31 parts are its own
    unrelated = normal(500, 1, HIGH, WIDE)
    guess = regression.pixelwise(x, unrelated[:400], x_new)
    assert regression.explained(unrelated[400:], guess, unrelated[:400]) < 0.02


def test_a_pixel_that_never_changes_tells_nothing(x, x_new):
    x[:, :, 0, 0] = 0.5
    guess = regression.pixelwise(x, line(x), x_new)
    torch.testing.assert_close(guess[:, :, 0, 0], line(x)[:1, :, 0, 0].expand(100, 1))
