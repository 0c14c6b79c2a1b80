"""What is an encoder for? Learned against one image, at equal time, on digits and on photographs.

purpose.md says what was declared before the first run of the comparison. The arms are forks of
trained VDMs, as in fork.py. Here there are three VDMs for each set of data, trained separately, and
they are the unit of the statistics. All arms get the same processor time: their numbers of updates
follow from SECONDS, which the jobs of part "time" measured, and their learning rates, RATES, are
the best on images that were held back from the pilot's training (part "rate").
"""

import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...data import load_mnist, load_named, photos
from ...evaluation import evenly_chosen
from ...files import PathLike
from . import fork
from .allowance import allowance
from .statistics import t_interval
from .study import Job, Options, Results, Row, Study

BASES = Path(__file__).with_name("bases")
START = 0.6  # depth; an encoder can do little below it, while a denoiser would still learn there
VDMS = range(3)
GAMMA_MAX = {"mnist": 5.0, "photos": 2.0}  # of the primary comparisons
ARMS = ("image", "learned")  # learned minus image
OTHERS = ("vdm", "unbounded", "affine", "matched", "fade", "inert")
DOSES = (5.0, 3.0, 2.0, 1.0)
PASSES = {"mnist": 1, "photos": 3}  # of scoring: there are 10,000 test images and 3,335
VALIDATION = 5_000  # the last training images of MNIST

SECONDS = {  # of an update of 64 images
    "mnist": {
        "image": 0.0994, "learned": 0.1569, "vdm": 0.0874, "unbounded": 0.1529,
        "affine": 0.0998, "matched": 0.1079, "fade": 0.0975, "inert": 0.1574,
    },
    "photos": {
        "image": 0.0563, "learned": 0.0956, "vdm": 0.0452, "unbounded": 0.0914,
        "affine": 0.0586, "matched": 0.0608, "fade": 0.0631, "inert": 0.0947,
    },
}  # fmt: skip
RATES = {  # of learning: the best of GRID
    data: dict.fromkeys((*ARMS, *OTHERS), rate)
    for data, rate in (("mnist", 1.5e-3), ("photos", 4.5e-3))
}
GRID = (5e-4, 1.5e-3, 4.5e-3)  # of learning rates


def _jobs(options: Options) -> list[Job]:
    """Allowances and times; pilot and primary comparison of the photographs, then of the digits;
    then what is exploratory, the first VDM first. The budget `jobs` takes the first so many."""
    full = options.budget["updates"]

    def job(
        part: str, data: str, gamma_max: float, vdm: int, arm: str, n: int, lr: float | None = None
    ) -> Job:
        """n, the updates of `learned` in the same time."""
        n = round(n * SECONDS[data]["learned"] / SECONDS[data][arm])
        lr = lr or RATES[data][arm]
        return {
            "part": part, "data": data, "gamma_max": gamma_max, "vdm": vdm, "arm": arm,
            "updates": n, "lr": lr,
        }  # fmt: skip

    before: list[Job] = [
        {"part": "allowance", "data": data, "gamma_max": end} for data in GAMMA_MAX for end in DOSES
    ]
    before += [{"part": "time", "data": data} for data in GAMMA_MAX]

    def rates(data: str) -> list[Job]:
        return [
            job("rate", data, GAMMA_MAX[data], 0, arm, full // 3, lr) for arm in ARMS for lr in GRID
        ]

    def compared(part: str, data: str, end: float, arms: tuple[str, ...] = ARMS) -> list[Job]:
        return [job(part, data, end, vdm, arm, full) for vdm in VDMS for arm in arms]

    spread = [job("spread", "photos", 2.0, vdm, arm, full) for vdm in VDMS[:2] for arm in ARMS]
    listed = before + rates("photos") + spread + compared("primary", "photos", 2.0)
    listed += rates("mnist") + compared("primary", "mnist", 5.0)
    for end in (5.0, 3.0, 1.0):
        listed += compared("dose", "photos", end)
    for data in ("photos", "mnist"):
        listed += compared("control", data, GAMMA_MAX[data], OTHERS)
    listed += compared("dose", "mnist", 2.0)
    return listed[: options.budget["jobs"]]


# ---- data and VDMs -------------------------------------------------------------------------------


def base(data: str, vdm: int) -> PathLike:
    """The name of a VDM: the first of MNIST is one of the pretrained models."""
    return "mnist-vdm" if (data, vdm) == ("mnist", 0) else BASES / f"{data}-{vdm}"


@cache
def images_of(data: str, split: str, device: torch.device) -> Tensor:
    """Of "train" and "test"; of "rest" and "validation", into which the pilot divides "train"."""
    pilot = split in ("rest", "validation")
    if data == "photos":
        if pilot:
            pictures, _ = photos.patches(*((0.0, 0.64, 2) if split == "rest" else (0.64, 0.8, 4)))
            return pictures.to(device)
        return load_named("photos", split, device=device).images
    pictures = load_mnist("train" if pilot else split, "full", device=device).images
    if pilot:
        return pictures[:-VALIDATION] if split == "rest" else pictures[-VALIDATION:]
    return pictures


@cache
def _scored(data: str, split: str, n: int, device: torch.device) -> Tensor:
    """So many images, evenly spread."""
    return evenly_chosen(images_of(data, split, device), n)


# ---- jobs ----------------------------------------------------------------------------------------


def _run(job: Job, options: Options) -> Row | list[Row] | Results:
    device = options.device
    if job["part"] == "allowance":
        bounds = allowance(images_of(job["data"], "train", device), job["gamma_max"]).in_bits()
        return {**job, "prior": bounds.prior, "normal": bounds.normal, "mean": bounds.mean}
    if job["part"] == "time":
        return time_updates(job, options)
    pilot = job["part"] in ("rate", "spread")
    train, test = ("rest", "validation") if pilot else ("train", "test")
    test_images = _scored(job["data"], test, options.budget["images"], device)
    config = fork.fork_config(job["updates"], options.budget["batch"], job["vdm"], job["lr"])
    row, trained, change = fork.outcome(
        job, job["vdm"], images_of(job["data"], train, device), test_images, config,
        PASSES[job["data"]], base(job["data"], job["vdm"]), START,
    )  # fmt: skip
    arrays: dict[str, Any] = {}
    if job["part"] == "primary":
        name = f"{job['data']}_{job['vdm']}"
        arrays[f"change_{job['arm']}_{name}"] = change.half().cpu().numpy()
        if job["arm"] == "learned":
            arrays[f"encoder_{name}"] = fork.packed(trained)
    return Results([{**job, **row}], arrays)


def time_updates(job: Job, options: Options) -> list[Row]:
    """Processor seconds of an update of each arm, the median over rounds: a round trains all arms
    one after the other, so that what else the machine does slows them alike."""
    data = images_of(job["data"], "rest", options.device)
    batch, few, arms = options.budget["batch"], 10, (*ARMS, *OTHERS)
    seconds: dict[str, list[float]] = {arm: [] for arm in arms}
    for _ in range(options.budget["rounds"]):
        for arm in arms:
            model = fork.make_fork(arm, 0, base(job["data"], 0), START).to(options.device)
            began = time.process_time()
            fork.train_fork(model, data, fork.fork_config(few, batch, 0), 1.0, START)
            seconds[arm].append((time.process_time() - began) / few)
    return [{**job, "arm": arm, "seconds": float(np.median(s))} for arm, s in seconds.items()]


# ---- results -------------------------------------------------------------------------------------


def differences(
    rows: list[Row], part: str, data: str, gamma_max: float, arms: tuple[str, str] = ARMS
) -> list[float]:
    """Total of the second arm minus that of the first, for each VDM that has both."""

    def totals(arm: str) -> dict[int, float]:
        wanted = {"part": part, "data": data, "gamma_max": gamma_max, "arm": arm}
        return {row["vdm"]: row["total"] for row in rows if wanted.items() <= row.items()}

    first, second = (totals(arm) for arm in arms)
    return [second[vdm] - first[vdm] for vdm in sorted(first.keys() & second.keys())]


def comparisons(rows: list[Row]) -> list[Row]:
    """Learned minus image for each set of data whose primary comparison is complete, beside X5.

    A row: data; differences, one for each VDM; mean; low and high, its 95 % interval over VDMs; and
    left, all that X5 leaves to a network: minus the ceiling without the mean's share.
    """
    complete = []
    for data, end in GAMMA_MAX.items():
        pairs = differences(rows, "primary", data, end)
        if len(pairs) < len(VDMS):
            continue
        low, high = t_interval(pairs)
        wanted = {"part": "allowance", "data": data, "gamma_max": end}
        (bounds,) = (row for row in rows if wanted.items() <= row.items())
        complete.append({
            "data": data, "differences": pairs, "mean": sum(pairs) / len(pairs),
            "low": low, "high": high, "left": bounds["mean"] - bounds["prior"],
        })  # fmt: skip
    return complete


STUDY = Study(
    _jobs,
    _run,
    budget={"updates": 600, "batch": 64, "images": 10_000, "rounds": 5, "jobs": 200},
)
