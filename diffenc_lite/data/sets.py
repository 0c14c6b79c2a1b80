"""The table of data sets, and their files: found, downloaded, checked, read.

A set lies below a root as torchvision lays it out, which also says where to download it and the md5
of an archive. A file comes there whole and checked, and is checked again whenever it is read.
"""

import gzip
import io
import math
import os
import pickle
import struct
import sys
import tarfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..files import PathLike, fetch, verify, write_whole
from . import photos

LENGTHS = {"train": 60_000, "test": 10_000}  # of MNIST and its relatives
# torchvision has the md5 of the archives only; of the relatives' files none is published.
MNIST_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}

Arrays = tuple[Tensor, ...]
Files = Iterator[tuple[str, bytes]]  # names and contents


def cache_folder() -> Path:
    """DIFFENC_LITE_DATA if that is set, else ~/.cache/diffenc_lite, on every platform."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get("DIFFENC_LITE_DATA") or f"{cache}/diffenc_lite").expanduser()


def _idx_set(name: str, split: str, root: PathLike | None, download: bool) -> Arrays:
    """MNIST or a relative of it: images (N, 1, 28, 28)."""
    dataset = _torchvision(name)

    def unpacked() -> Files:
        for archive, md5 in dataset.resources:
            content = _from_the_web([mirror + archive for mirror in dataset.mirrors], md5)
            yield archive.removesuffix(".gz"), gzip.decompress(content)

    files = [archive.removesuffix(".gz") for archive, _ in dataset.resources]
    wanted, arrays = files[:2] if split == "train" else files[2:], []
    for path in _find(name, f"{name}/raw", wanted, unpacked, root, download):
        content = path.read_bytes()
        if name == "MNIST":
            verify(content, MNIST_MD5[path.name], path, "md5")
        shape = (LENGTHS[split], 28, 28) if "images" in path.name else (LENGTHS[split],)
        # two zeros, 8 for uint8, the number of dimensions; each size in four bytes; the numbers
        header = struct.pack(f">{1 + len(shape)}I", 0x0800 + len(shape), *shape)
        length = len(header) + math.prod(shape)
        if not content.startswith(header) or len(content) != length:
            got = f"{len(content):,} bytes that start with {content[: len(header)].hex()!r}"
            due = f"{length:,} bytes and start with the IDX header {header.hex()}"
            raise ValueError(f"{path} must have {due}; got {got}")
        arrays.append(np.frombuffer(content, np.uint8, offset=len(header)).reshape(shape).copy())
    images, labels = map(torch.from_numpy, arrays)
    return images[:, None], labels.long()


def _cifar10(split: str, root: PathLike | None, download: bool) -> Arrays:
    """CIFAR-10: images (N, 3, 32, 32)."""
    dataset = _torchvision("CIFAR10")
    md5 = dict(dataset.train_list + dataset.test_list)

    def unpacked() -> Files:
        archive = io.BytesIO(_from_the_web([dataset.url], dataset.tgz_md5))
        with tarfile.open(fileobj=archive) as tar:
            for file in md5:
                yield file, tar.extractfile(f"{dataset.base_folder}/{file}").read()  # type: ignore

    wanted, batches = [file for file, _ in getattr(dataset, f"{split}_list")], []
    for path in _find("CIFAR10", dataset.base_folder, wanted, unpacked, root, download):
        content = verify(path.read_bytes(), md5[path.name], path, "md5")
        batches.append(pickle.loads(content, encoding="latin1"))  # safe after the check only
    images = np.concatenate([batch["data"] for batch in batches]).reshape(-1, 3, 32, 32)
    labels = np.concatenate([batch["labels"] for batch in batches])
    return torch.from_numpy(images), torch.from_numpy(labels).long()


# A set is a function (split, root, download) -> images (N, C, H, W) uint8 and labels (N,) int64;
# and clusters (N,), if images belong together. It raises FileNotFoundError if the set is not there,
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
    name: str,
    folder: str,
    files: list[str],
    unpacked: Callable[[], Files],
    root: PathLike | None,
    download: bool,
) -> list[Path]:
    """The files of a split: below root if given, else in the cache or, by download, from the web.

    Args: unpacked(), all files of the set, from the web.
    Raises FileNotFoundError, whose first line says why and the next what was tried and what helps.
    """
    place = (cache_folder() if root is None else Path(root).expanduser()) / folder
    # os.path.isfile, because Path.is_file raises where a folder may not be entered
    missing = [file for file in files if not os.path.isfile(place / file)]
    if missing and root is not None:
        got = f"{os.fspath(root)!r}, where there is no {', no '.join(missing)}"
        raise FileNotFoundError(f"root must be a folder with {name} in {folder}; got {got}")
    if missing:
        why = f"no {name} in {place}"
        advice = f"Go online and try again, or give root= a folder with {folder} in it."
        if not download:
            raise FileNotFoundError(f"{why}, and download is off\n{advice}")
        print(f"Fetching {name} into {place}", file=sys.stderr)
        try:
            for file, content in unpacked():
                write_whole(place / file, content)
        except OSError as error:
            raise FileNotFoundError(f"{why}, and the download failed\n{error}\n{advice}") from error
    return [place / file for file in files]


def _from_the_web(urls: list[str], md5: str) -> bytes:
    """The archive, from the first of the addresses that has it. Raises OSError if none has."""
    failures = []
    for url in urls:
        try:
            return verify(fetch(url), md5, url, "md5")
        except (OSError, ValueError) as error:
            failures.append(f"{url}: {error}")
    raise OSError("\n".join(failures))
