"""What MNIST costs without a network: file formats and tables of counts, image by image.

The tables are counted on the training images, which no file format sees. CUTS and BORROWED were
chosen by counting on the first 50,000 training images and scoring the other 10,000.
"""

import io
import lzma
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Images = NDArray[np.uint8]  # (N, H, W)
Bits = NDArray[np.float64]  # of each image, (N,)
CUTS = (1, 32, 96, 160, 224, 250)  # between the classes of a neighbour's level
BORROWED = 16  # counts that each table borrows from the histogram of all pixels


def _table(contexts: NDArray[Any], train: Images, tables: int) -> NDArray[np.float64]:
    """-log2 p(level | context), (tables, 256), from counts and some borrowed ones"""
    overall = np.bincount(train.ravel(), minlength=256) + 1 / 256
    pairs = np.bincount((contexts.astype(np.int64) * 256 + train).ravel(), minlength=tables * 256)
    counts = pairs.reshape(tables, 256) + BORROWED * overall / overall.sum()
    return np.asarray(-np.log2(counts / counts.sum(1, keepdims=True)))


def neighbours(images: Images) -> NDArray[Any]:
    """One number for the classes of four neighbours that come before a pixel: (N, H, W)

    The pixel to the left, and the three above. Outside of the image all is black.
    """
    padded = np.pad(np.digitize(images, CUTS), ((0, 0), (1, 0), (1, 1)))
    left, above = padded[:, 1:, :-2], padded[:, :-1, 1:-1]
    before, after = padded[:, :-1, :-2], padded[:, :-1, 2:]
    base = len(CUTS) + 1
    return np.asarray(((left * base + above) * base + before) * base + after)


def _counted(context: Callable[[Images], Any], tables: int) -> Callable[[Images, Images], Bits]:
    def bits(train: Images, test: Images) -> Bits:
        price = _table(context(train), train, tables)
        return np.asarray(price[context(test), test].sum((1, 2)))

    return bits


def _filed(size: Callable[[Images], int]) -> Callable[[Images, Images], Bits]:
    return lambda train, test: np.array([8.0 * size(image) for image in test])


def _png(image: Images) -> int:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG", optimize=True)
    return file.tell()


RAW: Any = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": 4096}]
CODES: dict[str, Callable[[Images, Images], Bits]] = {
    "PNG": _filed(_png),
    "zlib": _filed(lambda image: len(zlib.compress(image.tobytes(), 9))),
    "lzma": _filed(lambda image: len(lzma.compress(image.tobytes(), lzma.FORMAT_RAW, filters=RAW))),
    "one histogram": _counted(lambda images: np.zeros(images.shape, np.int64), 1),
    "a histogram for each pixel": _counted(lambda images: np.arange(784).reshape(28, 28), 784),
    "four neighbours": _counted(neighbours, (len(CUTS) + 1) ** 4),
}
