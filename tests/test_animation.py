"""The film: there and back in as many frames, the way back from the model alone."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from diffenc_lite import DiffEnc, LearnedEncoder
from diffenc_lite.course.show.animation import FRAME_MS, LAST_FRAME_MS, film


class Zero(torch.nn.Module):
    def forward(self, z, gamma):
        return 0 * z


@pytest.fixture(scope="module")
def made():
    image = torch.arange(36, dtype=torch.uint8).reshape(1, 1, 6, 6) * 7
    model = DiffEnc(Zero(), LearnedEncoder(Zero()), shape=(1, 6, 6))
    return [film(model, image, frames=4, steps=6, seed=seed) for seed in (0, 0, 1)]


def pictures(content):
    film = Image.open(io.BytesIO(content))
    for k in range(film.n_frames):
        film.seek(k)
        yield np.asarray(film.convert("RGB")).astype(int), film.info["duration"]


def test_frames_and_times(made):
    frames, times = zip(*pictures(made[0]), strict=True)
    assert list(times) == 2 * [FRAME_MS, FRAME_MS, FRAME_MS, LAST_FRAME_MS]
    assert {frame.shape for frame in frames} == {(330, 640, 3)}


def marks(frames):
    """How far to the right the coloured mark below the images stands, in each frame."""
    for frame in frames:
        strip = frame[250:, :, :]
        columns = np.nonzero(((strip[..., 0] - strip[..., 2]) > 100).any(0))[0]
        yield columns.mean()


def test_the_mark_moves_there_and_back(made):
    frames, _ = zip(*pictures(made[0]), strict=True)
    where = list(marks(frames))
    assert np.all(np.diff(where[:4]) > 100) and np.all(np.diff(where[4:]) < -100)
    assert abs(where[0] - where[7]) < 2 and abs(where[3] - where[4]) < 2


def test_it_is_made_again_from_its_seed(made):
    assert made[0] == made[1] != made[2]


def test_steps_have_to_be_shown_evenly():
    with pytest.raises(ValueError, match="^steps"):
        film(DiffEnc(Zero(), shape=(1, 6, 6)), torch.zeros(1, 1, 6, 6).byte(), frames=4, steps=7)
