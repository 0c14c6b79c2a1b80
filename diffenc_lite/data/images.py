"""Pictures to learn from, as uint8 tensors that sit whole on the device.

`load_named` loads each data set by its name. `load_mnist` gives the full MNIST if it can: from the
given root, the cache or the web, in this order (see sets.py). If it cannot, it gives the images
in the package, the same number of each digit: 5,000 of MNIST's training set, and 1,000 of its test
set, 500 from each half.

A model trained on MNIST's training set, such as the checkpoints in this package, has never seen the
bundled test images. They are a tenth of the test set: a bound on them has about three times the
standard error.
"""

import io
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..files import PathLike, verify
from .sets import SETS

BUNDLE = Path(__file__).with_name("mnist_bundled.npz")
BUNDLE_SHA256 = "94ca7512447f655899365d9778cdbadeebeb079071de79f3b07b6a07bbbf06be"

SOURCES = ("auto", "full", "bundled")  # of MNIST
_download_failed = False  # of the full MNIST, in this process


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


def data_names() -> tuple[str, ...]:
    """The names that `load_named` knows: the sources of MNIST, and the other sets of the table."""
    return (*SOURCES, *(name for name in SETS if name != "mnist"))


def load_named(
    name: str,
    split: str = "train",
    root: PathLike | None = None,
    device: torch.device | str = "cpu",
    download: bool = True,
) -> ImageSet:
    """A data set by its name, one of `data_names()`, as --data on the command line.

    Args:
        name: "auto", "full" and "bundled" are MNIST from that source (see `load_mnist`); the others
            are sets of the table in sets.py, and come whole or not at all; "photos" are patches
            (N, 3, 16, 16) of photographs in the package, labelled by the picture (see photos.py).
        split: "train" or "test".
        root: a folder that holds, say, FashionMNIST/raw, as torchvision lays it out. If given,
            nowhere else is looked.
        download: fetch the data set into `data.cache_folder()` if it is not there.

    Raises FileNotFoundError if the set is not found, saying what was tried; ValueError if a file is
    damaged, cut short or another one, and for an unknown name or split.
    Sources: H. Xiao, K. Rasul and R. Vollgraf, Fashion-MNIST, 2017 (MIT licence); T. Clanuwat et
    al., Deep learning for classical Japanese literature, 2018 (KMNIST, CC BY-SA 4.0).
    """
    _one_of("name", name, data_names())
    if name in SOURCES:
        return load_mnist(split, name, root, device, download)
    return _load(name, split, root, download).to(device)


def load_mnist(
    split: str = "train",
    source: str = "auto",
    root: PathLike | None = None,
    device: torch.device | str = "cpu",
    download: bool = True,
) -> ImageSet:
    """MNIST as images (N, 1, 28, 28). Full: 60,000 train, 10,000 test; bundled: 5,000 and 1,000.

    Args:
        split: "train" or "test", as in MNIST itself, whatever the source.
        source: "full", the whole set or an error; "bundled", the images in the package; "auto", the
            whole set, else the bundled images and a line on stderr that says so. The name of the
            result is "mnist" or "mnist-bundled".
        root: a folder that holds MNIST/raw. If given, nowhere else is looked.
        download: fetch the whole set (11 MB) into `data.cache_folder()` if it is not there.

    Raises FileNotFoundError if the set is not found, saying what was tried; ValueError if a file is
    damaged, cut short or another one, and for an unknown split or source.
    Source: Y. LeCun and C. Cortes, The MNIST database of handwritten digits, CC BY-SA 3.0.
    """
    _one_of("source", source, SOURCES)
    if source == "bundled":
        if root is not None:
            raise ValueError(f"root must be None with source='bundled'; got {os.fspath(root)!r}")
        return _bundled(split).to(device)
    global _download_failed  # "auto" goes to the web once a process, and does not wait again
    ask = download and (source == "full" or not _download_failed)
    try:
        return _load("mnist", split, root, ask).to(device)
    except FileNotFoundError as error:
        if source == "full" or root is not None:
            raise
        bundled = _bundled(split)
        why = str(error).splitlines()[0]
        if download and not ask:
            why = "the download failed before"
        _download_failed |= download
        # One line on stderr: readers see it, and nbval does not compare it.
        print(
            f"Using the {len(bundled):,} bundled MNIST images: {why}. For the full set go online "
            "and ask for source='full', or give root= a folder with MNIST/raw in it.",
            file=sys.stderr,
        )
        return bundled.to(device)


def load_cifar10(
    split: str = "train",
    root: PathLike | None = None,
    device: torch.device | str = "cpu",
    download: bool = True,
) -> ImageSet:
    """CIFAR-10 as images (N, 3, 32, 32): 50,000 train, 10,000 test. None of it is bundled.

    Args and errors: as `load_named`; root holds cifar-10-batches-py, and there are 170 MB to fetch.
    Source: A. Krizhevsky, Learning multiple layers of features from tiny images, 2009.
    """
    return load_named("cifar10", split, root, device, download)


def _load(name: str, split: str, root: PathLike | None, download: bool) -> ImageSet:
    _one_of("split", split, ("train", "test"))
    return ImageSet(*SETS[name](split, root, download), name, split)


def _bundled(split: str) -> ImageSet:
    _one_of("split", split, ("train", "test"))
    content = verify(BUNDLE.read_bytes(), BUNDLE_SHA256, BUNDLE)
    with np.load(io.BytesIO(content)) as arrays:
        images = torch.from_numpy(arrays[f"{split}_images"][:, None])
        labels = torch.from_numpy(arrays[f"{split}_labels"].astype(np.int64))
    return ImageSet(images, labels, "mnist-bundled", split)


def _one_of(argument: str, given: str, accepted: tuple[str, ...]) -> None:
    if given not in accepted:
        raise ValueError(f"{argument} must be one of {', '.join(accepted)}; got {given!r}")
