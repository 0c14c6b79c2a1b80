"""Pictures to learn from, as uint8 tensors that sit whole on the device.

torchvision fetches MNIST, its relatives and CIFAR-10, and compares archives with their published
md5. The package has 5,000 digits of MNIST's training set and 1,000 of its test set, 500 from each
half, as many of each kind: a bound on these has about three times the whole set's standard error.
"""

import inspect
import io
import os
import re
import socket
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .. import files
from ..arguments import check_one_of
from ..files import PathLike, verify
from . import photos

BUNDLE = Path(__file__).with_name("mnist_bundled.npz")
BUNDLE_SHA256 = "94ca7512447f655899365d9778cdbadeebeb079071de79f3b07b6a07bbbf06be"
MNIST_SHA256 = {  # of images and labels: torchvision has the md5 of its archives only
    "train": "d18cfd466eb143ac1097fde604dba9eec4116885869d04cc648b510949f9e88c",
    "test": "a0863a96c44e5666edbb30c4071ee79ca0514c621e6349c5967fc78e7305c891",
}
SOURCES = {"auto": "mnist", "full": "mnist", "bundled": "mnist-bundled"}  # of MNIST: their sets


@dataclass(frozen=True, eq=False, repr=False)
class ImageSet:
    """Images (N, C, H, W) uint8 and labels (N,) int64 of one split, on one device.

    clusters: what belongs together, (N,), for `evaluate`; None for separate images.
    """

    images: Tensor
    labels: Tensor
    name: str
    split: str
    clusters: Tensor | None = None

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        shape = "x".join(str(size) for size in self.images.shape[1:])
        return f"ImageSet({self.name}, {self.split}: {len(self):,} images of {shape})"

    def to(self, device: torch.device | str) -> "ImageSet":
        images, labels = self.images.to(device), self.labels.to(device)
        clusters = None if self.clusters is None else self.clusters.to(device)
        return replace(self, images=images, labels=labels, clusters=clusters)


def cache_folder() -> Path:
    """DIFFENC_LITE_DATA if that is set, else ~/.cache/diffenc_lite, on every platform."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get("DIFFENC_LITE_DATA") or f"{cache}/diffenc_lite").expanduser()


def _torchvision(
    name: str, split: str, root: PathLike | None, download: bool
) -> tuple[Tensor, Tensor]:
    """A class of torchvision with `data` (N, H, W) or (N, H, W, C), and `targets`."""
    from torchvision import datasets

    place = cache_folder() if root is None else Path(root).expanduser()
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(files.TIMEOUT)  # torchvision would wait for ever
    try:
        with redirect_stdout(sys.stderr):
            download = download and root is None
            found = getattr(datasets, name)(place, train=split == "train", download=download)
    except Exception as error:  # a damaged file may raise anything
        if not (isinstance(error, OSError) or re.search("not found|downloading", str(error))):
            raise ValueError(f"{name} in {place} is damaged: remove it there") from error
        if root is not None:
            wanted = f"a folder with {name} as torchvision lays it out"
            raise FileNotFoundError(f"root must be {wanted}; got {os.fspath(root)!r}") from error
        why = "the download failed" if download else "download is off"
        advice = f"Go online and try again, or give root= a folder with {name} in it."
        raise FileNotFoundError(f"no {name} in {place}, and {why}\n{error}\n{advice}") from error
    finally:
        socket.setdefaulttimeout(timeout)
    images, labels = torch.as_tensor(found.data), torch.as_tensor(found.targets)
    images = images[:, None] if images.dim() == 3 else images.permute(0, 3, 1, 2).contiguous()
    if name == "MNIST":
        verify(images.numpy().tobytes() + labels.numpy().tobytes(), MNIST_SHA256[split], place)
    return images, labels


def _bundled(split: str) -> tuple[Tensor, Tensor]:
    with np.load(io.BytesIO(verify(BUNDLE.read_bytes(), BUNDLE_SHA256, BUNDLE))) as arrays:
        images = torch.from_numpy(arrays[f"{split}_images"][:, None])
        return images, torch.from_numpy(arrays[f"{split}_labels"].astype(np.int64))


# A set is a function -> images (N, C, H, W) uint8 and labels (N,) int64; and clusters (N,), if
# images belong together. It takes (split) if the package has the set, else (split, root, download),
# and raises FileNotFoundError if the set is not there, ValueError if it is damaged.
SETS: dict[str, Callable[..., tuple[Tensor, ...]]] = {
    "mnist": partial(_torchvision, "MNIST"),
    "mnist-bundled": _bundled,
    "fashion-mnist": partial(_torchvision, "FashionMNIST"),
    "kmnist": partial(_torchvision, "KMNIST"),
    "cifar10": partial(_torchvision, "CIFAR10"),
    "photos": photos.load,
}


def data_names() -> tuple[str, ...]:
    """The names that `load_named` knows: the sources of MNIST, and the sets of the table."""
    return (*SOURCES, *SETS)


def load_named(
    name: str,
    split: str = "train",
    root: PathLike | None = None,
    device: torch.device | str = "cpu",
    download: bool = True,
) -> ImageSet:
    """A data set by its name, one of `data_names()`, as --data on the command line.

    Args:
        name: "full" or "mnist", the whole MNIST or an error; "bundled" or "mnist-bundled", its
            images in the package; "auto", the whole set, else the bundled images and a line on
            stderr that says so. The others, of `SETS`, come whole or not at all; "photos" are
            patches (N, 3, 16, 16) of photographs in the package, labelled by the picture.
        split: "train" or "test".
        root: the only folder to look in, as torchvision lays it out: FashionMNIST/raw and so on.
        download: fetch the data set into `data.cache_folder()` if it is not there.

    Raises FileNotFoundError if the set is not found, saying what was tried; ValueError if a file is
    damaged, cut short or another one, and for an unknown name or split.
    Who made them, and their licences: docs/data.md.
    """
    check_one_of("name", name, data_names())
    check_one_of("split", split, ("train", "test"))
    check_one_of("download", download, (True, False))
    set_name = SOURCES.get(name, name)
    packaged = "root" not in inspect.signature(SETS[set_name]).parameters
    if root is not None and packaged:
        raise ValueError(f"root must be None for {name}, in the package; got {os.fspath(root)!r}")
    try:
        tensors = SETS[set_name](split, *(() if packaged else (root, download)))
    except FileNotFoundError as error:
        if name != "auto" or root is not None:
            raise
        set_name, tensors, why = "mnist-bundled", _bundled(split), str(error).splitlines()[0]
        advice = "go online and ask for 'full', or give root= a folder with MNIST/raw in it."
        # one line on stderr: readers see it, and nbval does not compare it
        used = f"Using the {len(tensors[0]):,} bundled MNIST images: {why}"
        print(f"{used}. For the full set {advice}", file=sys.stderr)
    images, labels, *clusters = tensors
    return ImageSet(images, labels, set_name, split, *clusters).to(device)


def load_mnist(
    split: str = "train",
    source: str = "auto",
    root: PathLike | None = None,
    device: torch.device | str = "cpu",
    download: bool = True,
) -> ImageSet:
    """MNIST as images (N, 1, 28, 28). Full: 60,000 train, 10,000 test; bundled: 5,000 and 1,000.

    Args: source, "full", "bundled" or "auto"; the others as in `load_named`. The result is called
        "mnist" or "mnist-bundled".
    """
    check_one_of("source", source, SOURCES)
    return load_named(source, split, root, device, download)
