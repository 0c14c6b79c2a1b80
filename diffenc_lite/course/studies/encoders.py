"""Does the encoder help on MNIST? Five variants, each with fixed and with learned end points of
gamma, over several seeds; and what a step of each costs.

Runs of one seed are paired: they see the same images, t and eps in the same updates, start
from the same denoiser where the networks are the same, and are scored on all 10,000 test images
with the same draws.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ... import pixels
from ...encoder import Encoding
from ...evaluation import evaluate
from ...model import SCHEDULES, DiffEnc, ModelConfig, build
from ...networks import UNet, UNetConfig
from ...sampling import sample_steps
from ...schedule import Schedule, end_points
from ...training import State, TrainConfig, train_steps, updates
from .runner import Job, Options, Row, Study, mnist, parameters

VARIANTS = (
    "VDM",
    "centred",  # a VDM of x - c, c the mean image
    "matched",  # a VDM with as many parameters as learned
    "scaling",
    "learned",
)
# A VDM of x - c with c the mean grey level, one number. Added when the first seeds had shown that
# centring by the mean image does harm: fixed end points only, and no part of the test planned.
AFTERWARDS = "shifted"
MATCHED = UNetConfig((16, 32, 64), (1, 2, 4))
ENDS = ("fixed", "learned")
SAMPLES = 64  # in a step of sampling
ROUNDS = 15  # of timed steps


def jobs(options: Options) -> list[Job]:
    """Seed by seed, so that a study cut short has whole pairs; the cost at the end."""
    seeds = range(options.budget["seeds"])
    runs = [
        *itertools.product(seeds, ENDS, VARIANTS),
        *((seed, "fixed", AFTERWARDS) for seed in seeds),
    ]
    return [
        *({"kind": "run", "seed": s, "variant": name, "ends": ends} for s, ends, name in runs),
        {"kind": "cost"},
    ]


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
        schedule = SCHEDULES[ends]()
        return DiffEnc(UNet(MATCHED, schedule=schedule), schedule=schedule).to(images.device)
    encoder = variant if variant in ("scaling", "learned") else "identity"
    model = build(ModelConfig(encoder, schedule=ends)).to(images.device)
    if variant in ("centred", AFTERWARDS):
        mean = pixels.to_unit(images).mean(0)
        centre = mean if variant == "centred" else torch.full_like(mean, mean.mean().item())
        return DiffEnc(model.denoiser, Centred(centre, model.schedule), model.schedule)
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
    images, test = mnist(options.root, options.device, options.budget["images"])
    config = training(options, job["seed"])
    torch.manual_seed(config.seed)  # the denoiser's weights are drawn before the encoder's
    model = make(job["variant"], job["ends"], images)
    curve = []
    for progress in train_steps(model, images, config):
        curve.append(round(progress.total, 5))
        averaged = progress.model
    same_draws = torch.Generator(options.device).manual_seed(0)
    scored = evaluate(averaged, test, generator=same_draws)
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


# ---- cost ----------------------------------------------------------------------------------------


def cost(options: Options) -> list[Row]:
    """Time of an update, on random pictures, and of a sampling step, by turns, and their ratio to
    the VDM's in the same turn; parameters."""
    images = torch.randint(0, 256, (1000, 1, 28, 28), dtype=torch.uint8, device=options.device)
    config = replace(training(options, 0), updates=10_000)  # as many as are timed
    states = {name: State(make(name, "fixed", images), config) for name in VARIANTS}
    step = _by_turns(
        {name: updates(state, images, config) for name, state in states.items()}, options
    )
    samplers = {
        name: sample_steps(state.averaged, SAMPLES, ROUNDS + 10) for name, state in states.items()
    }
    with torch.no_grad():
        sampling = _by_turns(samplers, options)
    return [
        {
            "kind": "cost",
            "variant": name,
            "parameters": parameters(state.model),
            "denoiser_parameters": parameters(state.model.denoiser),
            "step_ms": 1000 * float(np.median(step[name])),
            "step_ratio": float(np.median(step[name] / step["VDM"])),
            "sampling_ms": 1000 * float(np.median(sampling[name])),
            "sampling_ratio": float(np.median(sampling[name] / sampling["VDM"])),
            "device": options.device.type,
        }
        for name, state in states.items()
    ]


def _by_turns(
    loops: Mapping[str, Iterator[object]], options: Options
) -> dict[str, NDArray[np.float64]]:
    """Seconds of a step of each loop in each of ROUNDS turns, after three that do not count."""
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(ROUNDS + 3):
        for name, loop in loops.items():
            start = time.perf_counter()
            next(loop)
            if options.device.type == "cuda":
                torch.cuda.synchronize(options.device)
            seconds[name].append(time.perf_counter() - start)
    return {name: np.array(times[3:]) for name, times in seconds.items()}


STUDY = Study(jobs, run, budget={"updates": 500, "batch": 64, "seeds": 5, "images": 10_000})
