"""Files: written whole or not at all, read only if undamaged."""

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TIMEOUT = 10.0  # seconds a server has to answer
PathLike = str | os.PathLike[str]


@contextmanager
def writing(path: PathLike) -> Iterator[None]:
    """An OSError inside becomes one that names the file and the reason."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise OSError(error.errno, f"cannot write {os.fspath(path)}: {reason}") from error


def write_whole(path: PathLike, content: bytes) -> None:
    """Write under another name, flush to the disk, then rename: there is never half a file at
    `path`, and if writing fails, what was there still is. OSError names the file and the reason."""
    path = Path(os.path.realpath(path))  # a link stays a link
    part = path.with_name(path.name + ".part")
    with writing(path):
        if path.exists() and not path.is_file():
            raise OSError(errno.EINVAL, "it is there, and not a file")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        except BaseException:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise


def verify(content: bytes, expected: str, what: object) -> bytes:
    """The content itself if its sha256 is the expected one. Raises ValueError, naming what it is of
    and both checksums, if it is not."""
    digest = hashlib.sha256(content).hexdigest()
    if digest != expected:
        raise ValueError(
            f"{what} is damaged, cut short or another file: expected sha256 {expected}, "
            f"found {digest} ({len(content):,} bytes)"
        )
    return content
