"""The full check of a device: `make gpu`, or `python -m diffenc_lite doctor --full`.

Each check prints its name and what it finds. If one fails, its error is printed, and the others
still run. doctor.json has all that was found, doctor.md the same as a table; both are written again
after each check.

CUDA and MPS are written to PyTorch's documentation and not measured yet: this measures them.
"""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from . import __version__
from .bound import elbo
from .data import ImageSet, load_named
from .evaluation import evaluate, evenly
from .files import PathLike, write_whole
from .model import ENCODERS, DiffEnc, ModelConfig, build
from .pretrained import load_pretrained
from .sampling import sample, sample_steps
from .schedule import low_discrepancy
from .training import State, TrainConfig, fast, train_steps, updates, with_bar

PRETRAINED = {name: f"mnist-{name}" for name in ENCODERS} | {"identity": "mnist-vdm"}
COMPARED = 16  # images whose bound and gradient are compared with those of the CPU
BATCH = 128  # images in an update
SAMPLES = 64  # images in a sampling step
WARM_UP, TIMED = 3, 20  # calls that are not timed, and those that are
SHORT: dict[str, Any] = {"updates": 8, "warmup": 0, "log_every": 1, "checkpoint_every": 4}
PASSED = {True: "passed", False: "**failed**"}


@dataclass(frozen=True)
class Found:
    """One thing that a check found; limit is what it may be at most."""

    name: str
    value: float | bool
    limit: float | None = None

    @property
    def passed(self) -> bool:
        return self.limit is None or self.value <= self.limit  # not a number has not passed

    @property
    def label(self) -> str:
        return self.name if self.limit is None else f"{self.name} (at most {self.limit:g})"

    def __str__(self) -> str:
        value = f"{self.value:.4g}" if isinstance(self.value, float) else str(self.value)
        return value if self.passed else f"**{value}**"


@dataclass
class Row:
    """A check of one encoder: what it found, and the error that ended it."""

    check: str
    encoder: str
    found: list[Found] = field(default_factory=list)
    error: str | None = None
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        return self.error is None and all(found.passed for found in self.found)


@dataclass(frozen=True)
class Subject:
    """What is checked, and with what: images uint8 (N, 1, 28, 28) on the device."""

    device: torch.device
    size: str
    minutes: float
    data: str
    root: PathLike | None
    train: ImageSet
    test: ImageSet

    def model(self, encoder: str) -> DiffEnc:
        torch.manual_seed(0)
        return build(ModelConfig(encoder, self.size)).to(self.device)


# --- the checks -----------------------------------------------------------------------------------


def check_loss(subject: Subject, encoder: str) -> Iterator[Found]:
    """Bound and gradient of a trained model: their relative distance from those of the CPU in
    float64, on the same draws.

    float32 has a wide limit because convolutions on CUDA take TF32 by default, with the 10 bits of
    float16; bf16 has 7. Gradients of a trained model are small differences of large ones.
    """
    images = evenly(subject.test.images, COMPARED)
    like, draws = torch.empty(images.shape), torch.Generator().manual_seed(0)
    t = low_discrepancy(len(images), like, draws)
    eps, eps_0 = (torch.randn(images.shape, generator=draws) for _ in range(2))

    def bound_and_gradient(model: DiffEnc) -> tuple[float, Tensor]:
        at_home = images.to(model.device)
        bits = elbo(model, at_home, t=t, noise=eps, noise_0=eps_0).bits_per_dim().mean()
        bits.backward()
        parts = [w.grad.flatten() for w in model.parameters() if w.grad is not None]
        return bits.item(), torch.cat(parts).cpu().double()

    expected, gradient = bound_and_gradient(load_pretrained(PRETRAINED[encoder]).double())
    limits = {"float64": (1e-9, 1e-6), "float32": (1e-3, 0.1), "as trained": (1e-2, 0.5)}
    for precision, (limit, gradient_limit) in limits.items():
        if precision == "float64" and subject.device.type == "mps":
            continue  # which has none
        model = load_pretrained(PRETRAINED[encoder], subject.device)
        model = model.double() if precision == "float64" else model
        bits, slope = bound_and_gradient(fast(model) if precision == "as trained" else model)
        yield Found(f"{precision}: bound off by", abs(bits / expected - 1), limit)
        off = (slope - gradient).norm() / gradient.norm()
        yield Found(f"{precision}: gradient off by", off.item(), gradient_limit)


def check_sampling(subject: Subject, encoder: str) -> Iterator[Found]:
    """Samples of a trained model against those of the CPU on the same draws; the time of a step."""
    dtype = torch.float32 if subject.device.type == "mps" else torch.float64
    here, expected = (
        sample(
            load_pretrained(PRETRAINED[encoder], device).to(dtype), 4, 20,
            generator=torch.Generator().manual_seed(0),
        ).cpu().int()
        for device in (subject.device, "cpu")
    )  # fmt: skip
    differing = ((here - expected).abs() > 1).double().mean().item()
    yield Found("pixels more than a level off, a fraction", differing, 0.01)

    steps = sample_steps(subject.model(encoder).eval(), SAMPLES, WARM_UP + TIMED + 1)
    with torch.no_grad():
        each = clock(subject.device, partial(next, steps))
    yield Found(f"ms a step of {SAMPLES} images", 1000 * each)


def check_speed(subject: Subject, encoder: str) -> Iterator[Found]:
    """Training as it is by default: bf16 and compiled, where `fast` says so."""
    model = subject.model(encoder)
    quick = fast(model)
    yield Found("bf16", quick is not model)
    yield Found("compiled", quick.denoiser._compiled_call_impl is not None)
    forget_memory(subject.device)
    first, each = update_seconds(subject, model)
    yield Found("s the first update", first)
    yield Found("images/s", BATCH / each)
    if (memory := gigabytes(subject.device)) is not None:
        yield Found("GB", memory)


def check_minutes(subject: Subject, encoder: str) -> Iterator[Found]:
    """What a training of so many minutes comes to, on test images, and that it learned."""
    each = update_seconds(subject, subject.model(encoder))[1]
    n = max(2, round(60 * subject.minutes / each))
    model = subject.model(encoder)
    few = evenly(subject.test.images, 256)
    before = evaluate(model, few, generator=torch.Generator().manual_seed(0)).total
    config = TrainConfig(n, batch=BATCH, warmup=min(100, n // 10))
    start = time.perf_counter()
    for progress in with_bar(train_steps(model, subject.train.images, config)):
        last = progress
    synchronize(subject.device)
    yield Found("updates", n)
    yield Found("minutes", (time.perf_counter() - start) / 60)
    draws = torch.Generator().manual_seed(0)
    result = evaluate(last.model, subject.test.images, generator=draws)
    yield Found("bits/dim", result.total)
    yield Found("standard error", result.standard_error)
    yield Found("over bits/dim before", result.total / before, 1.0)


def check_resume(subject: Subject, encoder: str) -> Iterator[Found]:
    """A training that is stopped in the middle and goes on ends like one that was not stopped: bit
    for bit on a CPU; elsewhere sums may come in another order."""
    with TemporaryDirectory() as folder:
        expected = short_run(subject, encoder, f"{folder}/whole")
        short_run(subject, encoder, f"{folder}/stopped", stop=SHORT["updates"] // 2)
        found = short_run(subject, encoder, f"{folder}/stopped")
    yield Found("metrics off by", difference(found, expected), tolerance(subject.device))


def check_torchrun(subject: Subject, encoder: str) -> Iterator[Found]:
    """The same training as one process of torchrun: with NCCL on CUDA, gloo on a CPU."""
    with TemporaryDirectory() as folder:
        expected = short_run(subject, encoder, f"{folder}/here")
        options = {**SHORT, "batch": BATCH, "encoder": encoder, "size": subject.size}
        options |= {"data": subject.data, "device": subject.device}
        options |= {} if subject.root is None else {"root": subject.root}
        done = subprocess.run(
            [
                *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
                *("--nproc-per-node=1", "-m", "diffenc_lite", "train", f"{folder}/torchrun"),
                *(f"--{name.replace('_', '-')}={value}" for name, value in options.items()),
            ],
            env={**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())},
            capture_output=True, text=True, timeout=1800,
        )  # fmt: skip
        if done.returncode:
            said = done.stderr.strip().splitlines()
            raise RuntimeError(next((s for s in said if s.startswith("error:")), said[-1]))
        found = totals(f"{folder}/torchrun")
    yield Found("metrics off by", difference(found, expected), tolerance(subject.device))


Check = Callable[[Subject, str], Iterator[Found]]
CHECKS: dict[str, tuple[Check, tuple[str, ...]]] = {
    "loss": (check_loss, ENCODERS),
    "sampling": (check_sampling, ENCODERS),
    "resume": (check_resume, ("learned",)),
    "torchrun": (check_torchrun, ("learned",)),
    "speed": (check_speed, ENCODERS),
    "minutes": (check_minutes, ENCODERS),
}


# --- what they share ------------------------------------------------------------------------------


def short_run(subject: Subject, encoder: str, folder: str, stop: int | None = None) -> list[float]:
    """A training of a few updates in a folder, perhaps stopped on the way; its metrics."""
    config = TrainConfig(**SHORT, batch=BATCH)
    run = train_steps(
        subject.model(encoder), subject.train.images, config, folder, subject.test.images
    )
    for progress in run:
        if progress.update == stop:
            break
    return totals(folder)


def totals(folder: PathLike) -> list[float]:
    """bits/dim of every line of the metrics."""
    lines = Path(folder, "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["total"] for line in lines]


def difference(found: list[float], expected: list[float]) -> float:
    """The largest relative one."""
    return max(abs(a / b - 1) for a, b in zip(found, expected, strict=True))


def tolerance(device: torch.device) -> float:
    return 0.0 if device.type == "cpu" else 1e-2


def update_seconds(subject: Subject, model: DiffEnc) -> tuple[float, float]:
    """The first update, with compiling, and one of those after it."""
    config = TrainConfig(1000, batch=BATCH)
    loop = updates(State(model, config), subject.train.images, config)
    start = time.perf_counter()
    next(loop)
    synchronize(subject.device)
    return time.perf_counter() - start, clock(subject.device, partial(next, loop))


def clock(device: torch.device, run: Callable[[], object]) -> float:
    """Seconds of a call, the mean over many."""
    for _ in range(WARM_UP):
        run()
    synchronize(device)
    start = time.perf_counter()
    for _ in range(TIMED):
        run()
    synchronize(device)
    return (time.perf_counter() - start) / TIMED


def synchronize(device: torch.device) -> None:
    """Wait until the device has done all that it was told; before a clock is read."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def forget_memory(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif device.type == "mps":
        torch.mps.empty_cache()


def gigabytes(device: torch.device) -> float | None:
    """On CUDA the peak of all tensors, the data set too; MPS tells only what it holds now, with the
    memory kept for later tensors. A CPU tells nothing."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e9
    return torch.mps.driver_allocated_memory() / 1e9 if device.type == "mps" else None


# --- all together ---------------------------------------------------------------------------------


def check_device(
    device: torch.device, folder: PathLike, size: str, minutes: float, root: PathLike | None = None
) -> bool:
    """Run all checks and write doctor.json and doctor.md into the folder; whether all passed.

    Args: size, of the networks; minutes, to train each encoder; root, a folder with MNIST/raw. The
        data are the full MNIST if it is there, else the bundled images; nothing is downloaded.
    Raises ValueError for minutes not above 0, FileNotFoundError if the root has no MNIST; OSError.
    """
    if not minutes > 0:
        raise ValueError(f"minutes must be above 0; got {minutes:g}")
    subject = _subject(device, size, minutes, root)
    head, rows = _head(subject), list[Row]()
    for name, (check, encoders) in CHECKS.items():
        if device.type == "mps" and check is check_torchrun:
            continue  # torch.distributed has no backend for it
        for encoder in encoders:
            print(f"{name}, {encoder} encoder", flush=True)
            rows.append(Row(name, encoder))
            _run(check, subject, rows[-1])
            _write(Path(folder), head, rows)
    failed = sum(not row.passed for row in rows)
    print(f"{len(rows)} checks, {failed} failed; {Path(folder, 'doctor.md')} has the table")
    return not failed


def _subject(device: torch.device, size: str, minutes: float, root: PathLike | None) -> Subject:
    def load(data: str) -> Subject:
        train, test = (
            load_named(data, split, root, device, download=False) for split in ("train", "test")
        )
        return Subject(device, size, minutes, data, root, train, test)

    try:
        return load("full")
    except FileNotFoundError:
        if root is not None:
            raise
        return load("bundled")


def _head(subject: Subject) -> dict[str, Any]:
    """What the numbers depend on."""
    device = subject.device
    on_cuda = device.type == "cuda"
    return {
        "diffenc_lite": __version__,
        "torch": torch.__version__,
        "cuda": torch.version.cuda if on_cuda else None,
        "device": str(device),
        "name": torch.cuda.get_device_name(device) if on_cuda else platform.machine(),
        "platform": platform.platform(),
        "data": f"{subject.train}, {subject.test}",
        "nets": subject.size,
        "batch": BATCH,
        "minutes": subject.minutes,
    }


def _run(check: Check, subject: Subject, row: Row) -> None:
    start = time.perf_counter()
    if subject.device.type == "cuda":
        torch.compiler.reset()  # or what is compiled for one batch size makes the next one slower
    try:
        for found in check(subject, row.encoder):
            row.found.append(found)
            print(f"    {found.label}: {found}", flush=True)
    except Exception as error:
        row.error = " ".join(f"{type(error).__name__}: {error}".split())
        print(f"    **failed**: {row.error}", flush=True)
    row.seconds = time.perf_counter() - start


def _write(folder: Path, head: dict[str, Any], rows: list[Row]) -> None:
    checks = [{**asdict(row), "passed": row.passed} for row in rows]
    for found in (found for check in checks for found in check["found"]):
        if not math.isfinite(found["value"]):
            found["value"] = str(found["value"])  # JSON has no NaN
    text = json.dumps({**head, "checks": checks}, indent=2)
    write_whole(folder / "doctor.json", text.encode() + b"\n")
    write_whole(folder / "doctor.md", _table(head, rows).encode())


def _table(head: dict[str, Any], rows: list[Row]) -> str:
    """Markdown: a column for each encoder, a block of lines for each check, the errors below."""
    lines = [f"# diffenc_lite on {head['name']}", ""]
    lines += [f"- {name}: {value}" for name, value in head.items() if value is not None]
    lines += ["", f"| check | {' | '.join(ENCODERS)} |", "|---" * (1 + len(ENCODERS)) + "|"]
    for check in dict.fromkeys(row.check for row in rows):
        here = {row.encoder: row for row in rows if row.check == check}
        told = {name: f"{PASSED[row.passed]}, {row.seconds:.0f} s" for name, row in here.items()}
        lines.append(_line(f"**{check}**", told))
        for label in dict.fromkeys(found.label for row in here.values() for found in row.found):
            values = {
                name: str(found)
                for name, row in here.items() for found in row.found if found.label == label
            }  # fmt: skip
            lines.append(_line(label, values))
    errors = [f"- {row.check}, {row.encoder}: {row.error}" for row in rows if row.error]
    return "\n".join([*lines, *(["", *errors] if errors else []), ""])


def _line(label: str, cells: dict[str, str]) -> str:
    return f"| {label} | {' | '.join(cells.get(encoder, '') for encoder in ENCODERS)} |"
