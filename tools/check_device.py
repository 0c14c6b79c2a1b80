"""Check and measure a CUDA or MPS device: `make gpu`, or `python tools/check_device.py`.

Each check prints its name and what it finds. If one fails, its error is printed, and the others
still run. doctor.json has all that was found, doctor.md the same as a table; both are written again
after each check. A check is a function that yields what it finds, with limits, and one entry of
CHECKS.

CUDA and MPS are written to PyTorch's documentation and not measured yet: this measures them.
"""

from __future__ import annotations

import argparse
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

from diffenc_lite import __version__, elbo, evaluate, load_pretrained, sample, sample_steps
from diffenc_lite.chain import low_discrepancy
from diffenc_lite.data import ImageSet, load_named
from diffenc_lite.evaluation import evenly
from diffenc_lite.files import PathLike, write_whole
from diffenc_lite.model import SIZES, DiffEnc, ModelConfig, build
from diffenc_lite.training import State, TrainConfig, fast, train_steps, updates, with_bar

PRETRAINED = {"identity": "mnist-vdm", "scaling": "mnist-scaling", "learned": "mnist-learned"}
COMPARED = 16  # images whose bound and gradient are compared with those of the CPU
BATCH = 128  # images in an update
SAMPLES = 64  # images in a sampling step
WARM_UP, TIMED = 3, 20  # calls that are not timed, and those that are
SHORT: dict[str, Any] = {"updates": 8, "warmup": 0, "log_every": 1, "checkpoint_every": 4}


@dataclass(frozen=True)
class Finding:
    """One thing that a check found; limit is what it may be at most."""

    name: str
    value: float | bool
    limit: float | None = None

    @property
    def passed(self) -> bool:
        return self.limit is None or self.value <= self.limit  # not a number has not passed

    def __str__(self) -> str:
        value = f"{self.value:.4g}" if isinstance(self.value, float) else str(self.value)
        limit = "" if self.limit is None else f" (at most {self.limit:g})"
        return f"{self.name}{limit} | {value if self.passed else f'**{value}**'}"


@dataclass
class Row:
    """A check of one encoder: what it found, and the error that ended it."""

    check: str
    encoder: str
    findings: list[Finding] = field(default_factory=list)
    error: str | None = None
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        return self.error is None and all(finding.passed for finding in self.findings)


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


def check_loss(subject: Subject, encoder: str) -> Iterator[Finding]:
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
        slopes = [w.grad.flatten() for w in model.parameters() if w.grad is not None]
        return bits.item(), torch.cat(slopes).cpu().double()

    expected, gradient = bound_and_gradient(load_pretrained(PRETRAINED[encoder]).double())
    limits = {"float64": (1e-9, 1e-6), "float32": (1e-3, 0.1), "as trained": (1e-2, 0.5)}
    for precision, (limit, gradient_limit) in limits.items():
        if precision == "float64" and subject.device.type == "mps":
            continue  # which has none
        model = load_pretrained(PRETRAINED[encoder], subject.device)
        model = model.double() if precision == "float64" else model
        bits, slope = bound_and_gradient(fast(model) if precision == "as trained" else model)
        yield Finding(f"{precision}: bound off by", abs(bits / expected - 1), limit)
        off = (slope - gradient).norm() / gradient.norm()
        yield Finding(f"{precision}: gradient off by", off.item(), gradient_limit)


def check_sampling(subject: Subject, encoder: str) -> Iterator[Finding]:
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
    yield Finding("pixels more than a level off, a fraction", differing, 0.01)

    steps = sample_steps(subject.model(encoder).eval(), SAMPLES, WARM_UP + TIMED + 1)
    with torch.no_grad():
        seconds = clock(subject.device, partial(next, steps))
    yield Finding(f"ms a step of {SAMPLES} images", 1000 * seconds)


def check_speed(subject: Subject, encoder: str) -> Iterator[Finding]:
    """Training as it is by default: bf16 and compiled, where `fast` says so."""
    model = subject.model(encoder)
    quick = fast(model)
    yield Finding("bf16", quick is not model)
    yield Finding("compiled", quick.denoiser._compiled_call_impl is not None)
    forget_memory(subject.device)
    first, later = update_seconds(subject, model)
    yield Finding("s the first update", first)
    yield Finding("images/s", BATCH / later)
    if (memory := gigabytes(subject.device)) is not None:
        yield Finding("GB", memory)


def check_minutes(subject: Subject, encoder: str) -> Iterator[Finding]:
    """What a training of so many minutes comes to, on test images, and that it learned."""
    seconds = update_seconds(subject, subject.model(encoder))[1]
    n = max(2, round(60 * subject.minutes / seconds))
    model = subject.model(encoder)
    few = evenly(subject.test.images, 256)
    before = evaluate(model, few, generator=torch.Generator().manual_seed(0)).total
    config = TrainConfig(n, batch=BATCH, warmup=min(100, n // 10))
    start = time.perf_counter()
    for progress in with_bar(train_steps(model, subject.train.images, config)):
        last = progress
    synchronize(subject.device)
    yield Finding("updates", n)
    yield Finding("minutes", (time.perf_counter() - start) / 60)
    draws = torch.Generator().manual_seed(0)
    result = evaluate(last.model, subject.test.images, generator=draws)
    yield Finding("bits/dim", result.total)
    yield Finding("standard error", result.standard_error)
    yield Finding("over bits/dim before", result.total / before, 1.0)


def check_resume(subject: Subject, encoder: str) -> Iterator[Finding]:
    """A training that is stopped in the middle and goes on ends like one that was not stopped: bit
    for bit on a CPU; elsewhere sums may come in another order."""
    with TemporaryDirectory() as folder:
        expected = short_run(subject, encoder, f"{folder}/whole")
        short_run(subject, encoder, f"{folder}/stopped", stop=SHORT["updates"] // 2)
        resumed = short_run(subject, encoder, f"{folder}/stopped")
    yield Finding("metrics off by", difference(resumed, expected), tolerance(subject.device))


def check_torchrun(subject: Subject, encoder: str) -> Iterator[Finding]:
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
        metrics = totals(f"{folder}/torchrun")
    yield Finding("metrics off by", difference(metrics, expected), tolerance(subject.device))


Check = Callable[[Subject, str], Iterator[Finding]]
CHECKS: dict[str, tuple[Check, tuple[str, ...]]] = {
    "loss": (check_loss, (*PRETRAINED,)),
    "sampling": (check_sampling, (*PRETRAINED,)),
    "resume": (check_resume, ("learned",)),
    "torchrun": (check_torchrun, ("learned",)),
    "speed": (check_speed, (*PRETRAINED,)),
    "minutes": (check_minutes, (*PRETRAINED,)),
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


def difference(values: list[float], expected: list[float]) -> float:
    """The largest relative one."""
    return max(abs(a / b - 1) for a, b in zip(values, expected, strict=True))


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
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


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
    """Run all checks and write doctor.json and doctor.md into the folder; whether all passed."""
    subject = load_subject(device, size, minutes, root)
    on_cuda = device.type == "cuda"
    head = {
        "diffenc_lite": __version__,
        "torch": torch.__version__,
        "cuda": torch.version.cuda if on_cuda else None,
        "device": str(device),
        "name": torch.cuda.get_device_name(device) if on_cuda else platform.machine(),
        "platform": platform.platform(),
        "data": f"{subject.train}, {subject.test}",
        "nets": size,
        "batch": BATCH,
        "minutes": minutes,
    }
    rows: list[Row] = []
    for name, (check, encoders) in CHECKS.items():
        if device.type == "mps" and check is check_torchrun:
            continue  # torch.distributed has no backend for it
        for encoder in encoders:
            print(f"{name}, {encoder} encoder", flush=True)
            rows.append(run_check(check, subject, Row(name, encoder)))
            write(Path(folder), head, rows)
    failed = sum(not row.passed for row in rows)
    print(f"{len(rows)} checks, {failed} failed; {Path(folder, 'doctor.md')} has the table")
    return not failed


def load_subject(device: torch.device, size: str, minutes: float, root: PathLike | None) -> Subject:
    """With the full MNIST if it is there, else the bundled images; nothing is downloaded."""

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


def run_check(check: Check, subject: Subject, row: Row) -> Row:
    start = time.perf_counter()
    if subject.device.type == "cuda":
        torch.compiler.reset()  # or what is compiled for one batch size makes the next one slower
    try:
        for finding in check(subject, row.encoder):
            row.findings.append(finding)
            print(f"    {finding}", flush=True)
    except Exception as error:
        row.error = " ".join(f"{type(error).__name__}: {error}".split())
        print(f"    **failed**: {row.error}", flush=True)
    row.seconds = time.perf_counter() - start
    return row


def write(folder: Path, head: dict[str, Any], rows: list[Row]) -> None:
    checks = [{**asdict(row), "passed": row.passed} for row in rows]
    for finding in (finding for check in checks for finding in check["findings"]):
        if not math.isfinite(finding["value"]):
            finding["value"] = str(finding["value"])  # JSON has no NaN
    text = json.dumps({**head, "checks": checks}, indent=2)
    write_whole(folder / "doctor.json", text.encode() + b"\n")
    lines = [f"# diffenc_lite on {head['name']}", ""]
    lines += [f"- {name}: {value}" for name, value in head.items() if value is not None]
    lines += ["", "| check | encoder | finding | value |", "|---|---|---|---|"]
    for row in rows:
        verdict = "passed" if row.passed else f"**failed** {row.error or ''}".strip()
        for text in (f"{row.seconds:.0f} s | {verdict}", *map(str, row.findings)):
            lines.append(f"| {row.check} | {row.encoder} | {text} |")
    write_whole(folder / "doctor.md", "\n".join([*lines, ""]).encode())


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0, or 1 if a check failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--device", help="cuda, cuda:1, mps or cpu; CUDA or MPS if not given")
    parser.add_argument("--size", choices=tuple(SIZES), default="small", help="of the networks")
    parser.add_argument("--minutes", type=float, default=5.0, help="to train each model")
    parser.add_argument("--root", help="folder that holds the full MNIST")
    parser.add_argument("--out", default="build/doctor", help="folder for the results")
    args = parser.parse_args(arguments)
    if not args.minutes > 0:
        parser.error(f"--minutes must be above 0; got {args.minutes:g}")
    if args.device is None and not torch.accelerator.is_available():
        print("there is no CUDA or MPS device here (--device cpu tries the checks themselves)")
        return 0
    device = torch.device(args.device or torch.accelerator.current_accelerator() or "cpu")
    return int(not check_device(device, args.out, args.size, args.minutes, args.root))


if __name__ == "__main__":
    sys.exit(main())
