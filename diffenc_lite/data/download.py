"""Find or download the files of a data set, and check that they are the right ones.

Below a root they lie where torchvision puts them, so each can read the other's folders.
Torchvision's own download is not used: it has no time limit, does not try the next mirror when a
download breaks off in the middle, and leaves folders behind when it fails.
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
from pathlib import Path
from typing import Any

from ..files import check
from .sets import PublishedSet

TIMEOUT = 5.0  # seconds a mirror has to answer


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
    published: PublishedSet,
    split: str,
    root: str | os.PathLike[str] | None,
    download: bool,
    try_again: bool,
) -> dict[Path, bytes]:
    """The split's files: from root if given, else from the cache, else from the web.

    They are compared with their published md5. Where there is none, only the archive that they came
    in was compared, when it was downloaded.
    Args: try_again, whether to go to the web even if that failed before in this process.
    Raises FileNotFoundError, whose first line says why and the next what was tried and what helps;
    ValueError if a file is not what it should be.
    """
    place = Path(os.path.expanduser(root)) if root is not None else cache_folder()
    folder = place / published.folder
    paths = [folder / file for file in published.splits[split]]
    # os.path.isfile, because Path.is_file raises where a folder may not be entered
    missing = [path.name for path in paths if not os.path.isfile(path)]
    if missing and root is not None:
        raise FileNotFoundError(
            f"root must be a folder with {published.title} in {published.folder}; got "
            f"{str(place)!r}, where there is no {', no '.join(missing)}"
        )
    if missing:
        why = f"no {published.title} {split} split in {folder}"
        advice = f"Go online and try again, or give root= a folder with {published.folder} in it."
        if not download:
            raise FileNotFoundError(f"{why}, and download is off\n{advice}")
        if published.title in _failed and not try_again:
            raise FileNotFoundError(f"{why}, and the download failed before\n{advice}")
        try:
            _download(published, place)
        except OSError as error:
            _failed.add(published.title)
            raise FileNotFoundError(f"{why}, and the download failed\n{error}\n{advice}") from error
    files = {path: path.read_bytes() for path in paths}
    for path, content in files.items():
        if path.name in published.md5:
            check(content, published.md5[path.name], path, "md5")
    return files


def _download(published: PublishedSet, place: Path) -> None:
    """Fetch, check and only then move below place. OSError says what failed, mirror by mirror."""
    folder = place / published.folder
    made = [path for path in (folder, *folder.parents) if not os.path.exists(path)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=place) as scratch:
            _fetch_all(published, Path(scratch))
            for path in _unpack(published, Path(scratch)):
                os.replace(path, folder / path.name)
    finally:
        for path in made:  # after a failure they are empty, and are removed
            with suppress(OSError):
                path.rmdir()


def _fetch_all(published: PublishedSet, scratch: Path) -> None:
    """All archives into scratch, from the first mirror that gives them whole."""
    problems = []
    for mirror in published.mirrors:
        try:
            for archive, md5 in published.archives.items():
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


def _unpack(published: PublishedSet, scratch: Path) -> list[Path]:
    """The data set's files in scratch, out of the archives there."""
    for archive in published.archives:
        packed = scratch / archive
        if archive.endswith(".tar.gz"):
            with tarfile.open(packed) as tar:
                for file in published.files:  # by name: nothing else in it is touched
                    member = tar.extractfile(f"{published.folder}/{file}")
                    assert member is not None, f"{archive} holds {file} as a plain file"
                    (scratch / file).write_bytes(member.read())
        else:
            packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
    return [scratch / file for file in published.files]
