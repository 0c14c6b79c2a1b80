"""The table of data sets, and their files: found, downloaded, checked, read.

A set lies below a root as torchvision lays it out, and torchvision downloads it and compares the
archives with their md5. What it lacks is here: a time limit, nothing left behind after a failure,
and a check of the unpacked files whenever they are read.
"""

import math
import os
import pickle
import socket
import struct
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import torch
from torch import Tensor

from ..files import PathLike, verify
from . import photos

TIMEOUT = 5.0  # seconds a server has to answer
SIZES = {"train": 60_000, "test": 10_000}  # of MNIST and its relatives
# torchvision has the md5 of the archives only; of the relatives' files none is published.
MNIST_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}

Arrays = tuple[Tensor, Tensor]


def cache_folder() -> Path:
    """DIFFENC_LITE_DATA if that is set, else diffenc_lite in the platform's folder for caches."""
    if given := os.environ.get("DIFFENC_LITE_DATA"):
        return Path(given).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "diffenc_lite"


def _idx_set(name: str, split: str, root: PathLike | None, download: bool) -> Arrays:
    """MNIST or a relative of it: images (N, 1, 28, 28)."""
    dataset = _torchvision(name)
    files = [archive.removesuffix(".gz") for archive, _ in dataset.resources]
    splits = {"train": files[:2], "test": files[2:]}
    arrays = []
    for path in _find(dataset, f"{name}/raw", splits, split, root, download):
        content = path.read_bytes()
        if name == "MNIST":
            verify(content, MNIST_MD5[path.name], path, "md5")
        shape = (SIZES[split], 28, 28) if "images" in path.name else (SIZES[split],)
        # two zeros, 8 for uint8, the number of dimensions; each size in four bytes; the numbers
        header = struct.pack(f">{1 + len(shape)}I", 0x0800 + len(shape), *shape)
        length = len(header) + math.prod(shape)
        if not content.startswith(header) or len(content) != length:
            raise ValueError(
                f"{path} must have {length:,} bytes and start with the IDX header {header.hex()}; "
                f"got {len(content):,} bytes that start with {content[: len(header)].hex()!r}"
            )
        arrays.append(np.frombuffer(content, np.uint8, offset=len(header)).reshape(shape).copy())
    images, labels = map(torch.from_numpy, arrays)
    return images[:, None], labels.long()


def _cifar10(split: str, root: PathLike | None, download: bool) -> Arrays:
    """CIFAR-10: images (N, 3, 32, 32)."""
    dataset = _torchvision("CIFAR10")
    md5 = dict(dataset.train_list + dataset.test_list)
    splits = {"train": [*dict(dataset.train_list)], "test": [*dict(dataset.test_list)]}
    batches = []
    for path in _find(dataset, dataset.base_folder, splits, split, root, download):
        content = verify(path.read_bytes(), md5[path.name], path, "md5")
        batches.append(pickle.loads(content, encoding="latin1"))  # safe after the check only
    images = np.concatenate([batch["data"] for batch in batches]).reshape(-1, 3, 32, 32)
    labels = np.concatenate([batch["labels"] for batch in batches])
    return torch.from_numpy(images), torch.from_numpy(labels).long()


# A set is a function (split, root, download) -> images (N, C, H, W) uint8 and labels (N,) int64,
# of torchvision's or of another source. It raises FileNotFoundError if the set is not there,
# ValueError if it is damaged.
SETS: dict[str, Callable[[str, PathLike | None, bool], Arrays]] = {
    "mnist": partial(_idx_set, "MNIST"),
    "fashion-mnist": partial(_idx_set, "FashionMNIST"),
    "kmnist": partial(_idx_set, "KMNIST"),
    "cifar10": _cifar10,
    "photos": photos.load,
}


def _torchvision(name: str) -> Any:
    from torchvision import datasets

    return getattr(datasets, name)


def _find(
    dataset: Any,
    folder: str,
    splits: dict[str, list[str]],
    split: str,
    root: PathLike | None,
    download: bool,
) -> list[Path]:
    """The split's files: below root if given, else in the cache or, by download, from the web.

    Raises FileNotFoundError, whose first line says why and the next what was tried and what helps.
    """
    name = dataset.__name__
    place = Path(root).expanduser() if root is not None else cache_folder()
    paths = [place / folder / file for file in splits[split]]
    # os.path.isfile, because Path.is_file raises where a folder may not be entered
    missing = [path.name for path in paths if not os.path.isfile(path)]
    if missing and root is not None:
        raise FileNotFoundError(
            f"root must be a folder with {name} in {folder}; got {str(place)!r}, where there is "
            f"no {', no '.join(missing)}"
        )
    if missing:
        why = f"no {name} {split} split in {place / folder}"
        advice = f"Go online and try again, or give root= a folder with {folder} in it."
        if not download:
            raise FileNotFoundError(f"{why}, and download is off\n{advice}")
        try:
            _download(dataset, place, [f"{folder}/{file}" for file in sum(splits.values(), [])])
        except (OSError, RuntimeError, HTTPException) as error:
            raise FileNotFoundError(f"{why}, and the download failed\n{error}\n{advice}") from error
    return paths


def _download(dataset: Any, place: Path, files: list[str]) -> None:
    """By torchvision into a folder of its own; moved below place when all is there and checked."""
    target = (place / files[0]).parent
    made = [path for path in (target, *target.parents) if not os.path.exists(path)]
    try:
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=place) as scratch:
            with _time_limit(getattr(dataset, "url", None) or dataset.mirrors[0]):
                dataset(scratch, download=True)
            for file in files:
                os.replace(Path(scratch, file), place / file)
    finally:
        for path in made:  # after a failure they are empty, and are removed
            with suppress(OSError):
                path.rmdir()


@contextmanager
def _time_limit(url: str) -> Iterator[None]:
    """For every socket that is opened inside. A socket's limit does not cover the look-up of the
    host's name, which a thread tries first."""
    host = urlsplit(url).hostname

    def look_up() -> None:
        with suppress(OSError):  # an unknown host is for the download to report
            socket.getaddrinfo(host, None)

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(TIMEOUT)
    if thread.is_alive():
        raise TimeoutError(f"{host}: no answer within {TIMEOUT:g} seconds")
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
