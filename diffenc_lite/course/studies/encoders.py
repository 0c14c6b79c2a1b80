"""Does the encoder help on MNIST? Five variants, each with fixed and with learned end points of
gamma, over several seeds; and what a step of each costs.

Runs of one seed are paired: they see the same images, t and eps in the same updates, start
from the same denoiser where the networks are the same, and are scored on all 10,000 test images
with the same draws.

Also run by itself, for the memory of one variant: python -m diffenc_lite.course.studies.encoders
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache, partial

import torch
from torch import Tensor, nn

from ... import pixels
from ...data import load_mnist
from ...encoder import Encoding
from ...evaluation import evaluate, evenly
from ...model import SCHEDULES, DiffEnc, ModelConfig, build
from ...networks import UNet, UNetConfig
from ...sampling import sample_steps
from ...schedule import Schedule, end_points
from ...training import State, TrainConfig, train_steps, updates
from .runner import Job, Options, Row, Study, parameters

VARIANTS = (
    "VDM",
    "centred",  # a VDM of x - c, c the mean image
    "matched",  # a VDM with as many parameters as learned
    "scaling",
    "learned",
)
# A VDM of x - c with c the mean grey level, one number. Added when the first seeds had shown that
# centring by the mean image does harm: fixed end points only, and no part of the test planned.
AFTERWARDS = ("shifted",)
MATCHED = UNetConfig((16, 32, 64), (1, 2, 4))
ENDS = ("fixed", "learned")
SAMPLES = 64  # in a step of sampling
ROUNDS = 15  # of timed steps
REST, PEAK = "rest", "peak"


def jobs(options: Options) -> list[Job]:
    """Seed by seed, so that a study cut short has whole pairs; the cost at the end."""
    seeds = range(options.budget["seeds"])

    def runs(variants: Iterable[str], all_ends: tuple[str, ...]) -> list[Job]:
        return [
            {"kind": "run", "seed": seed, "variant": variant, "ends": ends}
            for seed in seeds
            for ends in all_ends
            for variant in variants
        ]

    return [*runs(VARIANTS, ENDS), *runs(AFTERWARDS, ("fixed",)), {"kind": "cost"}]


def run(job: Job, options: Options) -> Row | list[Row]:
    return cost(options) if job["kind"] == "cost" else one_run(job, options)


# ---- a run ---------------------------------------------------------------------------------------


class Centred(nn.Module):
    """x_t = x - c, for all t but 0: a VDM of x - c. It has no counterterm, since c does not move.

    In a VDM of x - c, p(x | z_0) adds c again. Here x_0 = x instead: the same reconstruction loss.
    """

    counterterm = False

    centre: Tensor

    def __init__(self, centre: Tensor, schedule: Schedule):
        super().__init__()
        self.register_buffer("centre", centre)
        self._schedule = (schedule,)  # in a tuple: its parameters are the model's

    def shift(self, x: Tensor, gamma: Tensor) -> Tensor:
        moved = gamma > end_points(self._schedule[0], gamma)[0]
        return -moved.to(x).reshape(-1, *[1] * (x.dim() - 1)) * self.centre

    def forward(self, x: Tensor, gamma: Tensor) -> Encoding:
        return Encoding(x - self.centre, torch.zeros_like(x))


def make(variant: str, ends: str, images: Tensor) -> DiffEnc:
    """A variant before training; images are those that it will learn from, on its device."""
    if variant == "matched":
        return DiffEnc(UNet(MATCHED), schedule=SCHEDULES[ends]()).to(images.device)
    encoder = variant if variant in ("scaling", "learned") else "identity"
    model = build(ModelConfig(encoder, schedule=ends)).to(images.device)
    if variant in ("centred", "shifted"):
        c = pixels.to_unit(images).mean(0)
        c = c if variant == "centred" else c.mean().expand_as(c)
        return DiffEnc(model.denoiser, Centred(c, model.schedule), model.schedule)
    return model


def training(options: Options, seed: int) -> TrainConfig:
    """A short run: a high learning rate, an average over about the last fifth of it."""
    updates = options.budget["updates"]
    return TrainConfig(
        updates,
        batch=options.budget["batch"],
        lr=3e-3,
        ema=1 - 5 / max(updates, 5),
        ends=min(8, options.budget["batch"]),
        seed=seed,
        log_every=max(1, updates // 20),
    )


def one_run(job: Job, options: Options) -> Row:
    data = _images("train", options.root, options.device)
    test = _images("test", options.root, options.device)
    config = training(options, job["seed"])
    torch.manual_seed(config.seed)  # the denoiser's weights are drawn before the encoder's
    model = make(job["variant"], job["ends"], data)
    curve = []
    for progress in train_steps(model, data, config):
        curve.append(round(progress.total, 5))
        averaged = progress.model
    same_draws = torch.Generator(options.device).manual_seed(0)
    scored = evaluate(averaged, evenly(test, options.budget["images"]), generator=same_draws)
    ends = averaged.schedule(torch.tensor([0.0, 1.0], device=options.device)).gamma.tolist()
    return {
        **job,
        "prior": scored.prior,
        "reconstruction": scored.reconstruction,
        "diffusion": scored.diffusion,
        "total": scored.total,
        "standard_error": scored.standard_error,
        "images": scored.n,
        "gamma_0": ends[0],
        "gamma_1": ends[1],
        "train_every": config.log_every,  # updates; the mean of each so many in bits per dimension
        "train_total": curve,
    }


@cache
def _images(split: str, root: str | None, device: torch.device) -> Tensor:
    return load_mnist(split, "full", root, device).images


# ---- cost ----------------------------------------------------------------------------------------


def cost(options: Options) -> list[Row]:
    """Time of an update and of a sampling step, by turns, and their ratio to the VDM's in the
    same turn; peak memory, each variant in a process of its own; parameters."""
    runs = {name: _start(name, options) for name in VARIANTS}
    step = _by_turns({name: partial(next, loop) for name, (_, loop) in runs.items()}, options)
    samplers = {
        name: sample_steps(state.averaged, SAMPLES, ROUNDS + 10)
        for name, (state, _) in runs.items()
    }
    with torch.no_grad():
        draws = {name: partial(next, steps) for name, steps in samplers.items()}
        sampling = _by_turns(draws, options)
    rows = []
    for name, (state, _) in runs.items():
        memory = _memory_of(name, options)
        rows.append({
            "kind": "cost",
            "variant": name,
            "parameters": parameters(state.model),
            "denoiser_parameters": parameters(state.model.denoiser),
            "step_ms": 1000 * statistics.median(step[name]),
            "step_ratio": _ratio(step[name], step["VDM"]),
            "sampling_ms": 1000 * statistics.median(sampling[name]),
            "sampling_ratio": _ratio(sampling[name], sampling["VDM"]),
            "peak_gb": memory.get(PEAK),
            "rest_gb": memory.get(REST),
            "device": options.device.type,
        })  # fmt: skip
    return rows


def _start(variant: str, options: Options) -> tuple[State, Iterator[list[float]]]:
    """A training on random pictures, and its loop."""
    images = torch.randint(0, 256, (1000, 1, 28, 28), dtype=torch.uint8, device=options.device)
    config = replace(training(options, 0), updates=10_000)  # as many as are timed
    state = State(make(variant, "fixed", images), config)
    return state, updates(state, images, config)


def _by_turns(
    actions: Mapping[str, Callable[[], object]], options: Options
) -> dict[str, list[float]]:
    """Seconds of each action in each of ROUNDS turns, after three that do not count."""
    seconds: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(ROUNDS + 3):
        for name, action in actions.items():
            start = time.perf_counter()
            action()
            if options.device.type == "cuda":
                torch.cuda.synchronize(options.device)
            seconds[name].append(time.perf_counter() - start)
    return {name: times[3:] for name, times in seconds.items()}


def _ratio(times: list[float], reference: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(times, reference, strict=True))


def _memory_of(variant: str, options: Options) -> dict[str, float]:
    """Gigabytes of a process that trains this variant only: at rest before, and at the peak."""
    batch = str(options.budget["batch"])
    command = [sys.executable, "-m", __name__, variant, str(options.device), batch]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    words = done.stdout.split()
    return dict(zip(words[::2], map(float, words[1::2]), strict=True))


def _print_memory(variant: str, device: str, batch: str) -> None:
    options = Options(None, torch.device(device), {"updates": 100, "batch": int(batch)})
    _, loop = _start(variant, options)
    for what, number in ((REST, 0), (PEAK, 4)):
        for _ in range(number):
            next(loop)
        gigabytes = _gigabytes(options.device)
        if gigabytes is not None:
            print(what, gigabytes)


def _gigabytes(device: torch.device) -> float | None:
    """The most that this process, or on a GPU its tensors, have had so far, where it can be told.

    Not ru_maxrss on Linux, which is never below what the process had that started this one.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e9
    if sys.platform == "linux":
        with open("/proc/self/status") as status:
            peak = next(line for line in status if line.startswith("VmHWM"))
        return int(peak.split()[1]) * 1024 / 1e9
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e9
    return None


STUDY = Study(
    jobs,
    run,
    budget={"updates": 500, "batch": 64, "seeds": 5, "images": 10_000},
    on_cuda={"updates": 20_000, "batch": 128},
)

if __name__ == "__main__":
    _print_memory(*sys.argv[1:])
