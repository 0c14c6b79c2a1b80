"""`photos`: patches of 16 x 16 pixels from six colour photographs that come with the package.

The package holds the pictures, 0.6 MB, and cuts the patches when they are loaded: so many patches,
which overlap, would be 45 MB. README.md in this folder names photographers and licences.
"""

import io
import os
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..files import PathLike, verify

FOLDER = Path(__file__).with_name("photos")
SHA256 = {
    "astronaut": "7f7078de41a0d6632ad9e7674ce1fa441323c84030bc6e1b1907fb004329715e",
    "chelsea": "80b0fc1b8d10e6af95934424305bd5cb70c86e23b652d2b6face976b5ba29e08",
    "coffee": "415df59a8eb542f74a0dc3f217b9132e63ea5b01c2b124d4315f675d8cb2d982",
    "rocket": "f90da6eb46ee21e1f4afa3cd92b8e5d87fb2a1c1a06384085019b1ec733e6845",
    "china": "6aa43bd256d7e2ba1a782b401832c810510dd9ef513733920c0b629fdb3ce7a6",
    "flower": "6fedd419ab231ca59a94ae8d9ebf13ca48f9b1ba3292afaf378fbcb4dddc4476",
}
SIZE = 16  # of a patch, in pixels

# From where to where a split reaches, in units of a picture's width, and the stride of its patches.
# The two splits have no pixel in common. Patches of one split overlap: moved by two pixels, a patch
# is a new one to a network, so it learns less by heart.
SPLITS = {"train": (0.0, 0.8, 2), "test": (0.8, 1.0, 4)}


def pictures() -> dict[str, NDArray[np.uint8]]:
    """The six pictures, (H, W, 3) by name. Raises ValueError if a file is damaged."""
    from PIL import Image  # torchvision brings it along

    arrays = {}
    for name, sha256 in SHA256.items():
        path = FOLDER / f"{name}.png"
        arrays[name] = np.asarray(Image.open(io.BytesIO(verify(path.read_bytes(), sha256, path))))
    return arrays


def patches(left: float, right: float, stride: int) -> tuple[Tensor, Tensor]:
    """All patches between two vertical lines of every picture, 0 its left side and 1 its right one.

    Returns: uint8 (N, 3, 16, 16), picture after picture, row after row; and the number of the
    picture of each, int64 (N,).
    """
    images, labels = [], []
    for number, picture in enumerate(pictures().values()):
        width = picture.shape[1]
        part = torch.tensor(picture[:, round(left * width) : round(right * width)])
        cut = part.unfold(0, SIZE, stride).unfold(1, SIZE, stride).flatten(0, 1)  # (n, 3, 16, 16)
        images.append(cut)
        labels.append(torch.full((len(cut),), number))
    return torch.cat(images), torch.cat(labels)


def load(split: str, root: PathLike | None, download: bool) -> tuple[Tensor, Tensor]:
    """The patches of a split and the picture of each, as an entry of SETS."""
    if root is not None:
        raise ValueError(f"root must be None with name='photos'; got {os.fspath(root)!r}")
    return patches(*SPLITS[split])
