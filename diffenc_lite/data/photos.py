"""`photos`: patches of 16 x 16 pixels from colour photographs that come with the package.

The package holds 29 pictures, 3.9 MB, and cuts the patches when they are loaded. `load` has those
of the first SIX, a study takes all. README.md names photographers and licences.
"""

import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..files import verify

FOLDER = Path(__file__).with_name("photos")
SHA256 = {  # by name, from the lines of sha256sum
    Path(file).stem: digest
    for digest, file in map(str.split, (FOLDER / "SHA256SUMS").read_text().splitlines())
}
SIX = tuple(SHA256)[:6]
SIZE = 16  # of a patch, in pixels

# From where to where a split reaches, in units of a picture's width, and the stride of its patches.
# The two splits have no pixel in common. Patches of one split overlap: moved by two pixels, a patch
# is a new one to a network, so it learns less by heart.
SPLITS = {"train": (0.0, 0.8, 2), "test": (0.8, 1.0, 4)}


def pictures(names: Iterable[str] = SIX) -> dict[str, NDArray[np.uint8]]:
    """Pictures, (H, W, 3) by name. Raises ValueError if a file is damaged."""
    from PIL import Image  # torchvision brings it along

    arrays = {}
    for name in names:
        path = FOLDER / ("" if name in SIX else "more") / f"{name}.png"
        content = verify(path.read_bytes(), SHA256[name], path)
        arrays[name] = np.asarray(Image.open(io.BytesIO(content)))
    return arrays


def patches(
    left: float, right: float, stride: int, names: Iterable[str] = SIX
) -> tuple[Tensor, Tensor]:
    """All patches between two vertical lines of every picture, 0 its left side and 1 its right one.

    Returns: uint8 (N, 3, 16, 16), picture after picture, row after row; and the number of the
    picture of each, int64 (N,).
    """
    images, labels = [], []
    for number, picture in enumerate(pictures(names).values()):
        width = picture.shape[1]
        part = torch.tensor(picture[:, round(left * width) : round(right * width)])
        cut = part.unfold(0, SIZE, stride).unfold(1, SIZE, stride).flatten(0, 1)  # (n, 3, 16, 16)
        images.append(cut)
        labels.append(torch.full((len(cut),), number))
    return torch.cat(images), torch.cat(labels)


def load(split: str) -> tuple[Tensor, Tensor, Tensor]:
    """The patches of a split and the picture of each, as label and as cluster: an entry of SETS."""
    images, numbers = patches(*SPLITS[split])
    return images, numbers, numbers
