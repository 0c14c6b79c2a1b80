"""The film: there and back in as many frames, the same each time."""

import io

import torch
from PIL import Image

from diffenc_lite import DiffEnc, LearnedEncoder
from diffenc_lite.course.show.animation import film


class Zero(torch.nn.Module):
    def forward(self, z, gamma):
        return 0 * z


def test_it_is_the_same_each_time():
    image = torch.arange(36, dtype=torch.uint8).reshape(1, 1, 6, 6) * 7
    model = DiffEnc(Zero(), LearnedEncoder(Zero()), shape=(1, 6, 6))
    made = [film(model, image, frames=4, steps=6) for _ in range(2)]
    assert made[0] == made[1]
    assert Image.open(io.BytesIO(made[0])).n_frames == 8
