"""The table of data sets: where each is, below a root and on the web, and what its files must be.

To add a set of IDX files, the format of MNIST, add one entry to `SETS`. `load_named`, the command
line and the checks follow.
"""

import math
import pickle
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Decoded = tuple[NDArray[np.uint8], NDArray[np.int64]]  # images (N, C, H, W) and labels (N,)

IDX_FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


def decode_idx(files: dict[Path, bytes], shape: tuple[int, ...]) -> Decoded:
    """A file of images and one of labels, both IDX, to images of this shape (N, 1, H, W).

    Raises ValueError if a header or a length is not that of N images of H x W, or of N labels.
    """
    (image_path, image_bytes), (label_path, label_bytes) = files.items()
    n, _, height, width = shape
    images = _idx_array(image_path, image_bytes, (n, height, width)).reshape(shape)
    return images, _idx_array(label_path, label_bytes, (n,)).astype(np.int64)


def _idx_array(path: Path, content: bytes, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """IDX: two zeros, 8 for uint8, the number of dimensions, each size in four bytes; the data."""
    header = struct.pack(f">{1 + len(shape)}I", 0x0800 + len(shape), *shape)
    found = content[: len(header)]
    if found != header:
        sizes = " x ".join(f"{size:,}" for size in shape)
        raise ValueError(
            f"{path} must start with the IDX header of {sizes} numbers of 8 bits, "
            f"{header.hex(' ', -4)}; got {found.hex(' ', -4) or 'an empty file'}"
        )
    length = len(header) + math.prod(shape)
    if len(content) != length:
        raise ValueError(f"{path} must have {length:,} bytes; got {len(content):,}")
    return np.frombuffer(content, np.uint8, offset=len(header)).reshape(shape).copy()


def decode_cifar(files: dict[Path, bytes], shape: tuple[int, ...]) -> Decoded:
    """Pickled batches to images of this shape (N, 3, 32, 32).

    Unpickling does whatever the bytes say: only for files whose checksum has been compared.
    """
    batches = [pickle.loads(content, encoding="latin1") for content in files.values()]
    images = np.concatenate([batch["data"] for batch in batches]).reshape(shape)
    return images, np.concatenate([batch["labels"] for batch in batches]).astype(np.int64)


@dataclass(frozen=True)
class PublishedSet:
    """A data set as it was published. The defaults are those of MNIST and of its relatives."""

    title: str
    folder: str  # below a root, where torchvision puts it
    mirrors: tuple[str, ...]
    archives: Mapping[str, str]  # what a mirror holds -> md5
    md5: Mapping[str, str] = field(default_factory=dict)  # of unpacked files, where it is published
    splits: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: IDX_FILES)
    sizes: Mapping[str, int] = field(default_factory=lambda: {"train": 60_000, "test": 10_000})
    shape: tuple[int, int, int] = (1, 28, 28)  # of an image
    decode: Callable[[dict[Path, bytes], tuple[int, ...]], Decoded] = decode_idx

    @property
    def files(self) -> list[str]:
        return [file for files in self.splits.values() for file in files]


SETS = {
    "mnist": PublishedSet(
        title="MNIST",
        folder="MNIST/raw",
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        archives={
            "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
            "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
            "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
        },
        md5={
            "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
            "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
            "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
            "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
        },
    ),
    "fashion-mnist": PublishedSet(
        title="Fashion-MNIST",
        folder="FashionMNIST/raw",
        mirrors=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
        archives={
            "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
            "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
            "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
        },
    ),
    "kmnist": PublishedSet(
        title="KMNIST",
        folder="KMNIST/raw",
        mirrors=("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
        archives={
            "train-images-idx3-ubyte.gz": "bdb82020997e1d708af4cf47b453dcf7",
            "train-labels-idx1-ubyte.gz": "e144d726b3acfaa3e44228e80efcd344",
            "t10k-images-idx3-ubyte.gz": "5c965bf0a639b31b8f53240b1b52f4d7",
            "t10k-labels-idx1-ubyte.gz": "7320c461ea6c1c855c0b718fb2a4b134",
        },
    ),
    "cifar10": PublishedSet(
        title="CIFAR-10",
        folder="cifar-10-batches-py",
        mirrors=("https://www.cs.toronto.edu/~kriz/",),
        archives={"cifar-10-python.tar.gz": "c58f30108f718f92721af3b95e74349a"},
        md5={
            "data_batch_1": "c99cafc152244af753f735de768cd75f",
            "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
            "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
            "data_batch_4": "634d18415352ddfa80567beed471001a",
            "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
            "test_batch": "40351d587109b95175f43aff81a1287e",
        },
        splits={
            "train": tuple(f"data_batch_{number}" for number in range(1, 6)),
            "test": ("test_batch",),
        },
        sizes={"train": 50_000, "test": 10_000},
        shape=(3, 32, 32),
        decode=decode_cifar,
    ),
}
