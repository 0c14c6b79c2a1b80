"""What a study is, and its stored results, which the notebooks read."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ...files import PathLike

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

    budget: by name, the numbers that decide how long the study takes and how precise it is.
    """

    device: torch.device
    budget: Mapping[str, int]
    folder: Path = Path()


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


def options(
    study: Study, device: torch.device | str = "cpu", budget: Mapping[str, int] | None = None
) -> Options:
    """Options with the study's own values for what is not given.

    Raises ValueError for a name that the budget does not have.
    """
    chosen = {**study.budget, **(budget or {})}
    if unknown := sorted(chosen.keys() - study.budget.keys()):
        known = ", ".join(study.budget)
        raise ValueError(f"budget must name only {known}; got {', '.join(unknown)}")
    return Options(torch.device(device), chosen)


def parameters(module: nn.Module) -> int:
    """The number of weights of a module."""
    return sum(weight.numel() for weight in module.parameters())


# ---- results -------------------------------------------------------------------------------------


def read_results(name: PathLike) -> dict[str, Any]:
    """Everything in a file of results: study, budget, command and rows.

    Args: name of a study whose results come with the package, or the path of a results.json.
    Raises FileNotFoundError if there is no such file.
    """
    return json.loads(_path(name).read_bytes())


def load_results(name: PathLike) -> list[Row]:
    """The rows of a study's results; arguments and errors as in `read_results`."""
    return read_results(name)["rows"]


def load_arrays(name: PathLike) -> Arrays:
    """The arrays of a study's results, by name; arguments and errors as in `read_results`."""
    with np.load(_path(name).with_suffix(".npz")) as stored:
        return dict(stored)


def _path(name: PathLike) -> Path:
    shipped = SHIPPED / f"{name}.json"
    path = shipped if shipped.exists() else Path(name)
    if not path.exists():
        there = ", ".join(sorted(file.stem for file in SHIPPED.glob("*.json")))
        raise FileNotFoundError(
            f"name must be a file of results, or one of those in the package ({there}); got {name}"
        )
    return path
