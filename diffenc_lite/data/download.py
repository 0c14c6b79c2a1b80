"""Where the data sets come from: their files, their checksums, and how they get onto this machine.

Below a root they lie where torchvision puts them, so either can read the other's folders.
Torchvision's own download is not used: it has no time limit, skips the other mirrors when one
breaks off in the middle, and leaves folders behind when it fails.
"""

import gzip
import http.client
import os
import queue
import sys
import tarfile
import tempfile
import threading
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..files import check

TIMEOUT = 5.0  # seconds a mirror has to answer


@dataclass(frozen=True)
class Origin:
    """A data set below a root and on the web, with the md5 of all that is read or fetched."""

    name: str
    folder: str
    files: dict[str, str]  # file -> md5
    splits: dict[str, tuple[str, ...]]
    archives: dict[str, str]  # what a mirror holds -> md5
    mirrors: tuple[str, ...]


MNIST = Origin(
    name="MNIST",
    folder="MNIST/raw",
    files={
        "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    },
    splits={
        "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
        "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
    },
    archives={
        "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
    },
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
)

CIFAR10 = Origin(
    name="CIFAR-10",
    folder="cifar-10-batches-py",
    files={
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
    archives={"cifar-10-python.tar.gz": "c58f30108f718f92721af3b95e74349a"},
    mirrors=("https://www.cs.toronto.edu/~kriz/",),
)


def cache_folder() -> Path:
    """DIFFENC_LITE_DATA if that is set, else diffenc_lite in the platform's folder for caches."""
    if given := os.environ.get("DIFFENC_LITE_DATA"):
        return Path(os.path.expanduser(given))
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.path.expanduser(base)) / "diffenc_lite"


_failed: set[str] = set()  # data sets whose download failed in this process


def read_split(
    origin: Origin,
    split: str,
    root: str | os.PathLike[str] | None,
    download: bool,
    try_again: bool,
) -> list[bytes]:
    """The split's files, checked: from root if given, else from the cache, else from the web.

    Args: try_again, whether to go to the web though that failed before in this process.
    Raises FileNotFoundError, whose first line says why and the next what was tried and what helps;
    ValueError if a file is not what it should be.
    """
    place = Path(os.path.expanduser(root)) if root is not None else cache_folder()
    folder = place / origin.folder
    paths = [folder / file for file in origin.splits[split]]
    # os.path.isfile, because Path.is_file raises where a folder may not be entered
    missing = [path.name for path in paths if not os.path.isfile(path)]
    if missing and root is not None:
        raise FileNotFoundError(
            f"root must be a folder with {origin.name} in {origin.folder}; got {str(place)!r}, "
            f"where there is no {', no '.join(missing)}"
        )
    if missing:
        why = f"no {origin.name} {split} split in {folder}"
        advice = f"Go online and try again, or give root= a folder with {origin.folder} in it."
        if not download:
            raise FileNotFoundError(f"{why}, and download is off\n{advice}")
        if origin.name in _failed and not try_again:
            raise FileNotFoundError(f"{why}, and the download failed before\n{advice}")
        try:
            _download(origin, place)
        except OSError as error:
            _failed.add(origin.name)
            raise FileNotFoundError(f"{why}, and the download failed\n{error}\n{advice}") from error
    return [check(path.read_bytes(), origin.files[path.name], path, "md5") for path in paths]


def _download(origin: Origin, place: Path) -> None:
    """Fetch, check and only then move below place. OSError says what failed, mirror by mirror."""
    folder = place / origin.folder
    made = [path for path in (folder, *folder.parents) if not os.path.exists(path)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=place) as scratch:
            _fetch_all(origin, Path(scratch))
            for path in _unpack(origin, Path(scratch)):
                os.replace(path, folder / path.name)
    finally:
        for path in made:  # after a failure they are empty and go again
            with suppress(OSError):
                path.rmdir()


def _fetch_all(origin: Origin, scratch: Path) -> None:
    """All archives into scratch, from the first mirror that gives them whole."""
    problems = []
    for mirror in origin.mirrors:
        try:
            for archive, md5 in origin.archives.items():
                _fetch(mirror + archive, scratch / archive, md5)
            return
        except (OSError, http.client.HTTPException, ValueError) as error:
            problems.append(f"{mirror}: {error}")
    raise ConnectionError("\n".join(problems))


def _fetch(url: str, path: Path, md5: str) -> None:
    from tqdm.auto import tqdm

    with _open(url) as response, path.open("wb") as file:
        size, name = response.length, path.name
        with tqdm(total=size, desc=name, unit="B", unit_scale=True, leave=False) as bar:
            while chunk := response.read(1 << 16):
                file.write(chunk)
                bar.update(len(chunk))
    check(path.read_bytes(), md5, name, "md5")


def _open(url: str) -> http.client.HTTPResponse:
    """urlopen within TIMEOUT seconds. The clock is a thread's, because a socket's own limit neither
    covers the look-up of the host's name nor adds up over the host's addresses."""
    answers: queue.Queue[Any] = queue.Queue()

    def ask() -> None:
        try:
            answers.put(urllib.request.urlopen(url, timeout=TIMEOUT))
        except Exception as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=TIMEOUT)
    except queue.Empty:
        raise TimeoutError(f"no answer within {TIMEOUT:g} seconds") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _unpack(origin: Origin, scratch: Path) -> list[Path]:
    """The data set's files in scratch, out of the archives there."""
    for archive in origin.archives:
        packed = scratch / archive
        if archive.endswith(".tar.gz"):
            with tarfile.open(packed) as tar:
                for file in origin.files:  # by name: nothing else in it is touched
                    member = tar.extractfile(f"{origin.folder}/{file}")
                    assert member is not None, f"{archive} holds {file} as a plain file"
                    (scratch / file).write_bytes(member.read())
        else:
            packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
    return [scratch / file for file in origin.files]
