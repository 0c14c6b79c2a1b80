"""Studies: experiments that take too long for a notebook, which reads their results instead.

    python -m diffenc_lite study encoders runs/encoders

runs the jobs of a study that are not done yet. Each job that is done has a file in the folder.
Several processes, for example one for each GPU, may run the same command at the same time: they
share the jobs. When all jobs are done, results.json has their rows and results.npz their arrays, if
they have any. The notebooks read copies of the two: results/NAME.json and results/NAME.npz.
"""

from __future__ import annotations

import importlib
import io
import json
import re
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...data import load_mnist
from ...evaluation import evenly
from ...files import PathLike, write_whole

NAMES = (  # modules here
    "toys", "encoders", "mnist_ratio", "ratio_samples", "fork", "short", "sizes", "purpose",
    "ladder",
)  # fmt: skip
COUNTS = ("seeds", "jobs")  # budgets that only set the number of jobs
SHIPPED = Path(__file__).with_name("results")

Job = dict[str, Any]  # flat; numbers, strings and None
Row = dict[str, Any]
Arrays = dict[str, NDArray[Any]]  # by name; in a study each name is used by one job only


class Results(NamedTuple):
    """What a job returns: rows of a table and, for what does not fit in a table, arrays."""

    rows: list[Row]
    arrays: Arrays


@dataclass(frozen=True)
class Options:
    """Where and how long a study runs.

    root: folder of the full MNIST, or None for the usual places; device; budget: by name, the
    numbers that decide how long the study takes and how precise it is. `seeds` and `jobs`, if a
    study has them, are different: they only set the number of jobs, so they may be raised later in
    the same folder.
    """

    root: str | None
    device: torch.device
    budget: Mapping[str, int]


@dataclass(frozen=True)
class Study:
    """What a study consists of.

    jobs: all jobs in the order in which they are run; two jobs must differ in some entry.
    run: does one job and returns its row, its rows, or rows and arrays (`Results`).
    budget: the numbers that can be set, with their defaults.
    """

    jobs: Callable[[Options], list[Job]]
    run: Callable[[Job, Options], Row | list[Row] | Results]
    budget: Mapping[str, int]


def find(name: str) -> Study:
    """The study of that name. Raises ValueError if there is none."""
    if name not in NAMES:
        raise ValueError(f"name must be one of {', '.join(NAMES)}; got {name!r}")
    return importlib.import_module(f".{name}", __package__).STUDY


def options(
    study: Study,
    device: torch.device | str = "cpu",
    root: str | None = None,
    budget: Mapping[str, int] | None = None,
) -> Options:
    """Options with the study's own values for what is not given.

    Raises ValueError for a name that the budget does not have.
    """
    chosen = {**study.budget, **(budget or {})}
    if unknown := sorted(chosen.keys() - study.budget.keys()):
        known = ", ".join(study.budget)
        raise ValueError(f"budget must name only {known}; got {', '.join(unknown)}")
    return Options(root, torch.device(device), chosen)


# ---- what jobs share -----------------------------------------------------------------------------


@cache
def mnist(root: str | None, device: torch.device, test_images: int) -> tuple[Tensor, Tensor]:
    """All training images of MNIST, and so many of its test images, evenly spaced."""
    train, test = (load_mnist(split, "full", root, device).images for split in ("train", "test"))
    return train, evenly(test, test_images)


def parameters(module: nn.Module) -> int:
    """The number of weights of a module."""
    return sum(weight.numel() for weight in module.parameters())


# ---- running -------------------------------------------------------------------------------------


def run_study(name: str, folder: PathLike, options: Options) -> Path | None:
    """Run the jobs that are not done and that no other process is running.

    Returns the path of results.json, or None if other processes still run jobs: then the last of
    them writes it. Raises ValueError if the folder has jobs of another study or another budget, or
    a damaged file; and what a job raises.
    """
    from tqdm.auto import tqdm

    study, folder = find(name), Path(folder)
    budget = dict(options.budget)
    settings = {"study": name, "budget": {k: n for k, n in budget.items() if k not in COUNTS}}
    jobs = study.jobs(options)
    files = [folder / f"{_title(job)}.json" for job in jobs]
    with tqdm(zip(jobs, files, strict=True), total=len(jobs), unit="job") as bar:
        for job, file in bar:
            bar.set_postfix_str(_title(job))
            if _done(file, settings):
                continue
            with _claimed(file) as mine:
                if mine and not _done(file, settings):  # another process may have just done it
                    results = study.run(job, options)
                    if not isinstance(results, Results):
                        results = Results(results if isinstance(results, list) else [results], {})
                    head = {"settings": settings, "job": job, "arrays": list(results.arrays)}
                    _write(file, head, results)
    if not all(_done(file, settings) for file in files):
        return None
    path = folder / "results.json"
    with _claimed(path) as mine:
        if mine:
            numbers = " ".join(f"{key}={number}" for key, number in budget.items())
            command = f"python -m diffenc_lite study {name} FOLDER --budget {numbers}"
            head = {**settings, "budget": budget, "command": command}
            _write(path, head, _gathered(files))
    return path


def _gathered(files: list[Path]) -> Results:
    """The rows and arrays of all jobs. Raises ValueError if a file is damaged or missing."""
    gathered = Results([], {})
    for file in files:
        content = _read(file)
        gathered.rows.extend(content["rows"])
        if names := content.get("arrays"):
            arrays = _read_arrays(file.with_suffix(".npz"), names)
            if twice := sorted(gathered.arrays.keys() & arrays.keys()):
                raise ValueError(f"arrays of two jobs must differ in name; got {twice} twice")
            gathered.arrays.update(arrays)
    return gathered


def _title(job: Job) -> str:
    """The name of the job's file: seed=0, encoder="learned" -> seed-0_encoder-learned"""
    words = (f"{name}-{value}" for name, value in job.items())
    return re.sub(r"[^\w.-]+", "-", "_".join(words))


def _done(file: Path, settings: dict[str, Any]) -> bool:
    if not file.exists():
        return False
    there = _read(file)["settings"]
    if there != settings:
        raise ValueError(
            f"folder must have no jobs with other settings than {settings}; {file} has {there}. "
            "Give another folder"
        )
    return True


@contextmanager
def _claimed(file: Path) -> Iterator[bool]:
    """True if this process alone may write this file inside the block.

    The operating system removes the lock of a process that ends, however it ends.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_suffix(".lock").open("a") as lock:
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_bytes())
        content["rows"]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{file} is damaged or no results of a study: {error!r}") from None
    return content


def _read_arrays(file: Path, names: list[str] | None = None) -> Arrays:
    """The arrays of an npz file, which must have these names if they are given."""
    try:
        with np.load(file) as stored:
            arrays = dict(stored)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{file} is missing, damaged or no npz file: {error!r}") from None
    if names is not None and sorted(arrays) != sorted(names):
        raise ValueError(f"{file} must have the arrays {sorted(names)}; it has {sorted(arrays)}")
    return arrays


def _write(file: Path, head: dict[str, Any], results: Results) -> None:
    """Arrays as npz, then head and rows as JSON. So if the JSON is there, the npz is complete."""
    if results.arrays:
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **results.arrays)  # type: ignore[arg-type]
        write_whole(file.with_suffix(".npz"), buffer.getvalue())
    text = json.dumps(head, indent=1).removesuffix("\n}")
    lines = ",\n".join("  " + json.dumps(row) for row in results.rows)  # easy to compare
    write_whole(file, f'{text},\n "rows": [\n{lines}\n ]\n}}\n'.encode())


# ---- results -------------------------------------------------------------------------------------


def read_results(name: PathLike) -> dict[str, Any]:
    """Everything in a file of results: study, budget, command and rows.

    Args: name of a study, for the results that come with the package; or the path of a
        results.json.
    Raises FileNotFoundError if there is no such file, ValueError if it is damaged.
    """
    return _read(_path(name))


def load_results(name: PathLike) -> list[Row]:
    """The rows of a study's results; arguments and errors as in `read_results`."""
    return read_results(name)["rows"]


def load_arrays(name: PathLike) -> Arrays:
    """The arrays of a study's results, by name; arguments and errors as in `read_results`."""
    path = _path(name).with_suffix(".npz")
    if not path.exists():
        raise FileNotFoundError(f"the results {name} have no arrays: there is no {path}")
    return _read_arrays(path)


def _path(name: PathLike) -> Path:
    path = SHIPPED / f"{name}.json" if name in NAMES else Path(name)
    if not path.exists():
        there = ", ".join(name for name in NAMES if (SHIPPED / f"{name}.json").exists()) or "none"
        raise FileNotFoundError(
            f"name must be a file of results, or one of those in the package ({there}); got {path}"
        )
    return path
