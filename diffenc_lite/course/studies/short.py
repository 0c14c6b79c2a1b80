"""How short may the noise be, and does a sampler need fewer steps? Forks whose noise ends early.

The arms are those of `fork`, trained in the same way: `matched` has no encoder, `image` adds one
picture for each depth, `learned` has the learned encoder. The noise ends at gamma_max = 5, 3, 2 or
1. Each arm is then a model of its own: generation starts from N(0, I) at that gamma_max. Its
samples are judged by the two distances of classifier.py, and its bound is taken with as many steps,
all of them for each image, with the same draws for all arms.

A shorter noise has narrower steps at the same T, also below START, where all arms are one network.
So arms with the same gamma_max are comparable, and between values of gamma_max a part of the
difference is that of the grid (W4). "one long step" is for that: `matched` with the noise up to 5,
but with one step only from 5 to 2, and the other T - 1 equal below.

"trained": gamma_max is trained too, from 2 on. It cannot go beyond 5, what the networks know, and
if it gets there it stays.

Exploratory throughout: one seed of training for most, nothing declared.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ...chain import Chain
from ...evaluation import each_image
from ...model import DiffEnc
from ...pixels import to_levels
from ...pretrained import load_pretrained
from ...sampling import sample_steps
from ...schedule import LinearSchedule
from ...training import fast, keep_freed_memory
from . import fork
from .classifier import classify, frechet_distance, kernel_distance, load_classifier
from .mnist_ratio.inputs import rounded, seeded
from .ratio_samples import SEEDS, SHEET, reference, sheet
from .runner import Job, Options, Results, Row, Study, mnist

ARMS = fork.DOSE_ARMS
DOSES = (5.0, 2.0, 1.0, 3.0)  # in this order; 3 was added when the others had been seen
STEPS = (4, 8, 16, 32)
FIXED, TRAINED, LONG = "fixed", "trained", "one long step"
SPEED = 60.0  # units of gamma for one of the trained number, which in 600 updates moves by 0.14


def jobs(options: Options) -> list[Job]:
    def job(arm: str, gamma_max: float, end: str = FIXED, seed: int = 0) -> Job:
        return {"arm": arm, "gamma_max": gamma_max, "end": end, "seed": seed}

    fixed = [job(arm, dose) for dose in DOSES for arm in ARMS]
    trained = [job(arm, DOSES[1], TRAINED) for arm in ARMS]
    listed = [*fixed[:6], *trained, job("matched", 5.0, LONG)]
    listed += [job(arm, 5.0, seed=1) for arm in ("matched", "learned")]
    return [*listed, *fixed[6:]][: options.budget["jobs"]]


class End(nn.Module):
    """A trained depth for the end of the noise, where gamma is gamma_max + SPEED number; the number
    is 0 at the start. It stays between START + 0.05 and 1."""

    def __init__(self, gamma_max: float, model: DiffEnc):
        super().__init__()
        low, high = model.schedule(torch.tensor([0.0, 1.0], device=model.device)).gamma.tolist()
        self.start, self.unit = fork.depth_of(gamma_max, model), SPEED / (high - low)
        self.number = nn.Parameter(torch.zeros((), device=model.device))

    def forward(self) -> Tensor:
        return (self.start + self.unit * self.number).clamp(fork.START + 0.05, 1.0)


class Joined(nn.Module):
    """The trained denoiser above START, the frozen one of the shipped VDM below."""

    def __init__(self, above: nn.Module, below: nn.Module, gamma: float):
        super().__init__()
        self.above, self.below, self.gamma = above, below, gamma

    def forward(self, z: Tensor, gamma: Tensor) -> Tensor:
        v_hat, deep = torch.empty_like(z), gamma > self.gamma
        for network, here in ((self.above, deep), (self.below, ~deep)):
            if here.any():
                v_hat[here] = network(z[here], gamma[here])
        return v_hat


def shortened(model: DiffEnc, end: float) -> DiffEnc:
    """A fork as a model of its own, its noise ending at that depth."""
    base = load_pretrained("mnist-vdm", model.device)
    ends = torch.tensor([0.0, fork.START, end], dtype=torch.float64, device=model.device)
    low, start, high = model.schedule(ends).gamma.tolist()
    denoiser = Joined(fast(model).denoiser, fast(base).denoiser, start)
    return DiffEnc(denoiser, model.encoder, LinearSchedule(low, high), shape=model.shape).eval()


def run(job: Job, options: Options) -> Results:
    keep_freed_memory()
    budget, trains = options.budget, job["end"] == TRAINED
    images, test = mnist(options.root, options.device, budget["images"])
    model = fork.make(job["arm"], job["seed"]).to(options.device)
    end: Any = fork.depth_of(job["gamma_max"], model)
    if trains:
        end = End(job["gamma_max"], model)
        model.add_module("end", end)  # so that its number is trained and averaged
    config = fork.training(budget["updates"], budget["batch"], job["seed"])
    trained, _ = fork.train(model, images, config, end)
    short = shortened(trained, trained.get_submodule("end")().item() if trains else end)
    bounds = torch.stack([bound(short, test, grid_of(job, model, t)) for t in STEPS])
    row: dict[str, Any] = {
        **job,
        "gamma_end": short.schedule(torch.tensor(1.0)).gamma.item(),
        "bounds": [round(value, 5) for value in bounds.mean(1).tolist()],
        "bound_errors": [round(v, 5) for v in (bounds.std(1) / len(test) ** 0.5).tolist()],
    }
    arrays = {array_name("bound", job): bounds.float().numpy()}
    for steps in STEPS:
        samples = draw(short, budget["n"], grid_of(job, model, steps))
        row[f"T={steps}"] = judged(samples, options)
        arrays[array_name("sheet", job, steps)] = sheet(samples[: SHEET**2]).numpy()
    return Results([row], arrays)


def array_name(what: str, job: Job, *steps: int) -> str:
    """The array "bound" (all T, images) or "sheet" (nine samples in one image, T = steps) of a job
    or of its row."""
    return "_".join(map(str, (what, job["arm"], job["gamma_max"], job["end"], job["seed"], *steps)))


def grid_of(job: Job, model: DiffEnc, steps: int) -> Tensor:
    """Equal steps, but for LONG."""
    if job["end"] != LONG:
        return torch.linspace(0, 1, steps + 1, device=model.device)
    early = torch.linspace(0, fork.depth_of(DOSES[1], model), steps, device=model.device)
    return torch.cat([early, early.new_ones(1)])


def bound(model: DiffEnc, images: Tensor, grid: Tensor) -> Tensor:
    """The bound (L0, L1, L3) of every image, at all steps of the grid, in bits per dimension."""
    draws = torch.Generator(images.device).manual_seed(0)
    terms = each_image(model, images, Chain(grid), batch=125, generator=draws, every_step=True)
    return terms.sum(0)


@torch.no_grad()
def draw(model: DiffEnc, n: int, grid: Tensor) -> Tensor:
    """n samples in eight sets; a seed gives the same draws of eps for all models."""
    sets = []
    for seed in range(SEEDS):
        *_, last = sample_steps(model, n // SEEDS, Chain(grid), generator=seeded(5, seed))
        sets.append(to_levels(last.x_hat).cpu())
    return torch.cat(sets)


def judged(images: Tensor, options: Options) -> Row:
    """The distances of all images; and lists for the eight sets of which they consist: the kernel
    distance of each, and the Frechet distance of all others, since it has a bias in small sets."""
    features, real = classify(load_classifier(), images).features, reference(options.root)
    sets = features.chunk(SEEDS)
    others = (torch.cat(sets[:k] + sets[k + 1 :]) for k in range(SEEDS))
    return {
        "n": len(images),
        "frechet": frechet_distance(features, real),
        "kernel": kernel_distance(features, real),
        "kernels": rounded([kernel_distance(drawn, real) for drawn in sets]),
        "frechets_of_others": rounded([frechet_distance(rest, real) for rest in others]),
    }


STUDY = Study(
    jobs, run, budget={"updates": 600, "batch": 64, "n": 2000, "images": 500, "jobs": 100}
)
