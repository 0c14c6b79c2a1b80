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
SHA256 = {
    "astronaut": "7f7078de41a0d6632ad9e7674ce1fa441323c84030bc6e1b1907fb004329715e",
    "chelsea": "80b0fc1b8d10e6af95934424305bd5cb70c86e23b652d2b6face976b5ba29e08",
    "coffee": "415df59a8eb542f74a0dc3f217b9132e63ea5b01c2b124d4315f675d8cb2d982",
    "rocket": "f90da6eb46ee21e1f4afa3cd92b8e5d87fb2a1c1a06384085019b1ec733e6845",
    "china": "6aa43bd256d7e2ba1a782b401832c810510dd9ef513733920c0b629fdb3ce7a6",
    "flower": "6fedd419ab231ca59a94ae8d9ebf13ca48f9b1ba3292afaf378fbcb4dddc4476",
    "abstract-spiral": "50eb25bd2b2a28080f218cdbe54b90598b423a3b307a8ecd3626e35439acf59a",
    "aitzgorri": "566e2f29423d21dff53dd2d7eafd935572e7d449540bf68f6fb76c29a76a10bc",
    "beacon-street-sunset": "d7d6ea4b9c988789626b9c91710b5694eded25954200156e6f70c4cb1add5647",
    "blue-periwinkle": "29261b518fb9cf8a7d7a9dcc954cf3a6c60548e932a96d6c2b38b9ddf793e099",
    "canyon-wren": "0b12a0099a408120fd16281b1c743752a1a4e7b4809f9b6d5c23b808e711bfd4",
    "casa-mila": "3fd507487724adb9aa61e024ed2cc05994ab296be787097bee531fd7931c13ec",
    "extreme-desert-hike": "a7ff74b47de5a59cc85ab9cef4b1bda45a9332f3d216bb032c3203448632ddfd",
    "friends": "866d8b7aae3c62b2450bd03241c48f8e7d40b2b72b4585006b09f5d2654a13ab",
    "high-trestle-trail": "3556a58280e96578b67f7754f721c2b6c07729c0aacd9d8b5424dbe1ee8edbab",
    "lake-sherburne": "d8200cfbd68743557f6eaacd188acebe198b197c463c3925d1939c149fe9ad57",
    "life": "6b8c2c47f4077cb0e401deb2a4517208baffcbe227ce25320188ce43fa951ab5",
    "oakland-zoo-otters": "5008589162c54f4ed047bee90dd2a3d52a78bd1cf72fc9c7bda00538c83c240b",
    "perched-osprey": "66ac933d23230a293a4b8e0702a393c0d92ded9f520a3650c240f08461f088d7",
    "piazza-gae-aulenti": "1cc4b935b91ab2f510b5296c34a4560cf1b193bfead6bfbcfc745f05e1406b96",
    "picosdeeuropa": "2aff3c76039cb4e259c5de9d39eb76c02d528cd96d4da36f66301f55b23dd829",
    "picture_0b": "5cb30ed4661fb3a75673c0d91152026cacdaa108ba01f30ea226e41d234500a1",
    "picture_1a": "cd059aedd846d66f67d83576e8fbed402af5ab0080bb79531ae2f78e85a7a16b",
    "roman-colosseum": "d0dc24239384966e878932f191b0f769205adf194a44cafcdab51e4aee8533c6",
    "seeding": "f49c7b9cf2f66855556d98c7b9eb9c93790b9081791f314ec0e411987a909224",
    "singaporean-cityscape": "906d4a1325ac75a5e7b409735a596d6d0b18006a00e3102d82318f9ca95ea7d7",
    "sunset": "10d0df01c33239e16d6dca00531f0ab6dd6ab3b8f5584ba43e40dcdc605a1ecd",
    "tea-gardens": "bdb8e61ad5172dbf54259fa83cc64f733730a789ba42e92a8da32144f78baa89",
    "wine": "9854d9b93e4c09486fcf4096c33cf0765bff28175cf620f87415c20917be30c8",
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
