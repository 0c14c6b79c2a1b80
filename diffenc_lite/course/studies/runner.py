"""Studies: experiments too long for a notebook, which reads their results instead.

    python -m diffenc_lite study encoders runs/encoders

runs all jobs of a study, or the rest of them: each finished job is a file in the folder. Several
processes, one for each GPU say, may run the same command at once and share the jobs. When all are
done, results.json has their rows. What the notebooks read is a copy of it in the package.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ...files import PathLike, write_whole

NAMES = ("toys", "encoders", "mnist_ratio")  # each a file in this folder, with its STUDY
SHIPPED = Path(__file__).with_name("results")

Job = dict[str, Any]  # flat, what JSON can hold
Row = dict[str, Any]


@dataclass(frozen=True)
class Options:
    """root: folder of the full MNIST, None to look in the usual places; device; budget: the numbers
    of the study that trade time for precision, by name. `seeds`, where a study has it, says only
    how many jobs there are: it may be raised later, in the same folder."""

    root: str | None
    device: torch.device
    budget: Mapping[str, int]


@dataclass(frozen=True)
class Study:
    """jobs: all there is to do, in the order of work; what a job says is its identity.
    run: one job -> its row or rows.
    budget: the numbers that can be set, with their defaults; on_cuda: other defaults there.
    """

    jobs: Callable[[Options], list[Job]]
    run: Callable[[Job, Options], Row | list[Row]]
    budget: Mapping[str, int]
    on_cuda: Mapping[str, int] = field(default_factory=dict)


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
    """What is not given is as the study has it. Raises ValueError for an unknown name."""
    device, given = torch.device(device), dict(budget or {})
    known = {**study.budget, **(study.on_cuda if device.type == "cuda" else {})}
    if unknown := sorted(set(given) - set(known)):
        raise ValueError(f"budget has {', '.join(known)}; got {', '.join(unknown)}")
    return Options(root, device, {**known, **given})


# ---- running -------------------------------------------------------------------------------------


def parameters(module: nn.Module) -> int:
    """How many numbers it learns."""
    return sum(weight.numel() for weight in module.parameters())


def run_study(name: str, folder: PathLike, options: Options) -> Path | None:
    """Do the jobs that nobody has done or is doing. Returns the file of all results, or None if
    other processes are still at work: the last of them will write it.

    Raises ValueError if the folder holds jobs of another study or budget; what a job raises.
    """
    from tqdm.auto import tqdm

    study, folder = find(name), Path(folder)
    budget = dict(options.budget)
    settings = {"study": name, "budget": {k: n for k, n in budget.items() if k != "seeds"}}
    jobs = study.jobs(options)
    files = [folder / f"{_title(job)}.json" for job in jobs]
    with tqdm(zip(jobs, files, strict=True), total=len(jobs), unit="job") as bar:
        for job, file in bar:
            bar.set_postfix_str(_title(job))
            if _done(file, settings):
                continue
            with _claimed(file) as mine:
                if mine and not _done(file, settings):  # or was done just before it was claimed
                    rows = study.run(job, options)
                    rows = rows if isinstance(rows, list) else [rows]
                    _write(file, {"settings": settings, "job": job, "rows": rows})
    if not all(_done(file, settings) for file in files):
        return None
    path = folder / "results.json"
    numbers = " ".join(f"{key}={number}" for key, number in budget.items())
    command = f"python -m diffenc_lite study {name} FOLDER --budget {numbers}"
    rows = [row for file in files for row in _read(file)["rows"]]
    with _claimed(path) as mine:
        if mine:
            _write(path, {**settings, "budget": budget, "command": command, "rows": rows})
    return path


def _title(job: Job) -> str:
    """A name for a file: seed=0, encoder="learned" -> seed-0_encoder-learned"""
    words = (f"{name}-{value}" for name, value in job.items())
    return re.sub(r"[^\w.-]+", "-", "_".join(words))


def _done(file: Path, settings: dict[str, Any]) -> bool:
    if not file.exists():
        return False
    there = _read(file)["settings"]
    if there != settings:
        raise ValueError(f"{file} is of {there}, not of {settings}; give another folder")
    return True


@contextmanager
def _claimed(file: Path) -> Iterator[bool]:
    """Whether the job of this file is ours for the block. The system lets go of the lock of a
    process that has died, whatever it died of."""
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


def _write(file: Path, content: dict[str, Any]) -> None:
    rows = content.pop("rows")  # one a line: to be read, and to be compared, by people too
    head = json.dumps(content, indent=1).removesuffix("\n}")
    lines = ",\n".join("  " + json.dumps(row) for row in rows)
    write_whole(file, f'{head},\n "rows": [\n{lines}\n ]\n}}\n'.encode())


# ---- results -------------------------------------------------------------------------------------


def read_results(name: PathLike) -> dict[str, Any]:
    """All that a file of results says: study, budget, command and rows.

    Args: name of a study, for what comes with the package; or the path of a results.json.
    Raises FileNotFoundError if there is no such file, ValueError if it is damaged.
    """
    path = SHIPPED / f"{name}.json" if name in NAMES else Path(name)
    if not path.exists():
        there = ", ".join(name for name in NAMES if (SHIPPED / f"{name}.json").exists()) or "none"
        raise FileNotFoundError(f"there are no results {path}; with the package come: {there}")
    return _read(path)


def load_results(name: PathLike) -> list[Row]:
    """The rows of a study's results; args and errors as `read_results`."""
    return read_results(name)["rows"]
