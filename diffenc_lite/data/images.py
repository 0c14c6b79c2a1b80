"""Pictures and points to learn from, as uint8 tensors that sit whole on the device.

`load_mnist` gives the full MNIST if it can: from the given root, the cache or the web, in this
order (see download.py). Else there are 5,000 images in the package: 4,000 "train" and 1,000 "test",
with equal classes.

All 5,000 come from MNIST's *training* set (the first 500 of each digit). A model trained on the
full training set, such as the checkpoints in this package, has therefore seen the bundled test
images too: hold it against the full test set. A model trained on the bundled train split has not.
"""

import io
import os
import pickle
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..files import check
from . import download as web

BUNDLE = Path(__file__).with_name("mnist_5k.npz")
BUNDLE_SHA256 = "2805c177c0db74e4248b0f7ce075fd9c18f084e9ab6d02980393d6320c98be61"
BUNDLE_TRAIN = 4000  # the first 4,000 are "train", the other 1,000 "test"


@dataclass(frozen=True, eq=False, repr=False)
class ImageSet:
    """Images (N, C, H, W) uint8 and labels (N,) int64 of one split, both on one device.

    Raises TypeError or ValueError if a tensor has another type or shape.
    """

    images: Tensor
    labels: Tensor
    name: str
    split: str

    def __post_init__(self) -> None:
        if self.images.dtype != torch.uint8 or self.labels.dtype != torch.int64:
            raise TypeError(
                "images must be torch.uint8 and labels torch.int64; "
                f"got {self.images.dtype} and {self.labels.dtype}"
            )
        if self.images.ndim != 4 or self.labels.shape != self.images.shape[:1] or not len(self):
            raise ValueError(
                "images must be (N, C, H, W) and labels (N,) with the same N >= 1; "
                f"got {tuple(self.images.shape)} and {tuple(self.labels.shape)}"
            )

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        shape = "x".join(str(size) for size in self.images.shape[1:])
        return f"ImageSet({self.name}, {self.split}: {len(self):,} images of {shape})"

    def to(self, device: torch.device | str) -> "ImageSet":
        return replace(self, images=self.images.to(device), labels=self.labels.to(device))


# ---- pictures ------------------------------------------------------------------------------------


def load_mnist(
    split: str = "train",
    source: str = "auto",
    root: str | os.PathLike[str] | None = None,
    device: torch.device | str = "cpu",
    download: bool = True,
) -> ImageSet:
    """MNIST as images (N, 1, 28, 28). Full: 60,000 train, 10,000 test; bundled: 4,000 and 1,000.

    Args:
        split: "train" or "test".
        source: "full", the whole set or an error; "bundled", the images in the package, all of them
            from MNIST's training set; "auto", the whole set, else the bundled images and a line on
            stderr that says so. The name of the result is "mnist" or "mnist-5k".
        root: a folder that holds MNIST/raw. If given, nowhere else is looked.
        download: fetch the whole set (11 MB) into `data.cache_folder()` if it is not there.

    Raises FileNotFoundError if the set is not found, saying what was tried; ValueError if a file is
    damaged, cut short or another one, and for an unknown split or source.
    Source: Y. LeCun and C. Cortes, The MNIST database of handwritten digits, CC BY-SA 3.0.
    """
    _one_of("split", split, ("train", "test"))
    _one_of("source", source, ("auto", "full", "bundled"))
    if source == "bundled":
        if root is not None:
            raise ValueError(f"root must be None with source='bundled'; got {os.fspath(root)!r}")
        return _bundled(split).to(device)
    try:
        files = web.read_split(web.MNIST, split, root, download, try_again=source == "full")
    except FileNotFoundError as error:
        if source == "full" or root is not None:
            raise
        bundled = _bundled(split)
        why = str(error).splitlines()[0]
        # One line on stderr: readers see it, and nbval does not compare it.
        print(
            f"Using the {len(bundled):,} bundled MNIST images: {why}. For the full set go online "
            "and ask for source='full', or give root= a folder with MNIST/raw in it.",
            file=sys.stderr,
        )
        return bundled.to(device)
    # IDX: four bytes, four more for each dimension, then the data
    images = np.frombuffer(files[0], np.uint8, offset=16).reshape(-1, 1, 28, 28).copy()
    labels = np.frombuffer(files[1], np.uint8, offset=8).astype(np.int64)
    return ImageSet(torch.from_numpy(images), torch.from_numpy(labels), "mnist", split).to(device)


def load_cifar10(
    split: str = "train",
    root: str | os.PathLike[str] | None = None,
    device: torch.device | str = "cpu",
    download: bool = True,
) -> ImageSet:
    """CIFAR-10 as images (N, 3, 32, 32): 50,000 train, 10,000 test. None of it is bundled.

    Args and errors: as `load_mnist(source="full")`; root holds cifar-10-batches-py, and there are
    170 MB to fetch.
    Source: A. Krizhevsky, Learning multiple layers of features from tiny images, 2009.
    """
    _one_of("split", split, ("train", "test"))
    files = web.read_split(web.CIFAR10, split, root, download, try_again=True)
    # Unpickling does whatever the bytes say, so it is only done to bytes with the right checksum.
    batches = [pickle.loads(content, encoding="latin1") for content in files]
    images = np.concatenate([batch["data"] for batch in batches]).reshape(-1, 3, 32, 32)
    labels = np.concatenate([batch["labels"] for batch in batches]).astype(np.int64)
    return ImageSet(torch.from_numpy(images), torch.from_numpy(labels), "cifar10", split).to(device)


def _bundled(split: str) -> ImageSet:
    content = check(BUNDLE.read_bytes(), BUNDLE_SHA256, BUNDLE)
    part = slice(None, BUNDLE_TRAIN) if split == "train" else slice(BUNDLE_TRAIN, None)
    with np.load(io.BytesIO(content)) as arrays:
        images = torch.from_numpy(arrays["images"][part, None])
        labels = torch.from_numpy(arrays["labels"][part].astype(np.int64))
    return ImageSet(images, labels, "mnist-5k", split)


def _one_of(argument: str, given: str, accepted: tuple[str, ...]) -> None:
    if given not in accepted:
        raise ValueError(f"{argument} must be one of {', '.join(accepted)}; got {given!r}")
