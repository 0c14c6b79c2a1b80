"""How short may the noise be, and does a sampler need fewer steps? Forks whose noise ends early.

The arms are those of `fork`, trained in the same way: `matched` has no encoder, `image` adds one
picture for each depth, `learned` has the learned encoder. The noise ends at gamma_max = 5, 2 or 1;
for "learned" end points gamma_max is trained too, from 2 on. Each arm is then a model of its own:
generation starts from N(0, I) at that gamma_max. Its samples are judged by the two distances of
notebook 12, and its bound is taken with as many steps, all of them for each image, with the same
draws for all arms.

Exploratory throughout: one seed of training, nothing declared.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ... import pixels
from ...bound import elbo
from ...data import load_mnist
from ...evaluation import evenly
from ...model import DiffEnc, evaluating
from ...networks import GammaEmbedding
from ...pixels import to_levels
from ...pretrained import load_pretrained
from ...sampling import sample_steps
from ...schedule import LinearSchedule
from ...training import fast, keep_freed_memory
from . import fork
from .mnist_ratio.inputs import SEEDS, SHEET, seeded
from .mnist_ratio.pictures import sheet
from .mnist_ratio.samples import judged
from .runner import Job, Options, Results, Study

ARMS = fork.DOSE_ARMS
DOSES = (5.0, 2.0, 1.0)
STEPS = (4, 8, 16, 32)
FIXED, LEARNED = ENDS = ("fixed", "learned")
SPEED = 20.0  # units of gamma for a unit of the trained number: a few tenths of one in training


def jobs(options: Options) -> list[Job]:
    fixed = [{"arm": arm, "gamma_max": dose, "ends": FIXED} for dose in DOSES for arm in ARMS]
    learned = [{"arm": arm, "gamma_max": 2.0, "ends": LEARNED} for arm in ARMS]
    return [*fixed[:6], *learned, *fixed[6:]][: options.budget["jobs"]]


class End(nn.Module):
    """A trained depth for the end of the noise, where gamma is gamma_max + SPEED number, the number
    0 at the start. It stays between START and 1, the depths that the networks know."""

    def __init__(self, gamma_max: float, model: DiffEnc):
        super().__init__()
        self.start = fork.depth_of(gamma_max, model)
        self.unit = fork.depth_of(gamma_max, model) - fork.depth_of(gamma_max - SPEED, model)
        self.number = nn.Parameter(torch.zeros(()))

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
    ends = torch.tensor([0.0, fork.START, end], dtype=torch.float64)
    low, start, high = model.schedule(ends).gamma.tolist()
    denoiser = Joined(fast(model).denoiser, fast(base).denoiser, start)
    short = DiffEnc(denoiser, model.encoder, LinearSchedule(low, high), shape=model.shape)
    for module in short.modules():
        if isinstance(module, GammaEmbedding):
            module.condition_on(model.schedule)  # what they were trained with
    return short.eval()


def run(job: Job, options: Options) -> Results:
    keep_freed_memory()
    budget = options.budget
    data = {
        s: load_mnist(s, "full", options.root, options.device).images for s in ("train", "test")
    }
    model = fork.make(job["arm"]).to(options.device)
    config = fork.training(budget["updates"], budget["batch"], seed=0)
    end: Any = fork.depth_of(job["gamma_max"], model)
    if job["ends"] == LEARNED:
        end = End(job["gamma_max"], model).to(options.device)
        model.add_module("end", end)  # so that its number is trained and averaged
    trained = fork.train(model, data["train"], config, end).model
    last = trained.get_submodule("end")().item() if job["ends"] == LEARNED else end
    short = shortened(trained, last)
    bounds = torch.stack([bound(short, evenly(data["test"], budget["images"]), t) for t in STEPS])
    errors = bounds.std(1) / bounds.shape[1] ** 0.5
    row: dict[str, Any] = {
        **job,
        "gamma_end": short.schedule(torch.ones(1)).gamma.item(),
        "bounds": [round(value, 5) for value in bounds.mean(1).tolist()],
        "bound_errors": [round(value, 5) for value in errors.tolist()],
    }
    name = f"{job['arm']}_{job['gamma_max']}_{job['ends']}"
    arrays = {f"bound_{name}": bounds.float().cpu().numpy()}
    for steps in STEPS:
        images = draw(short, budget["n"], steps)
        found = judged(images, options)
        row[f"T={steps}"] = {key: found[key] for key in JUDGED}
        arrays[f"sheet_{name}_{steps}"] = sheet(images[: SHEET**2]).numpy()
    return Results([row], arrays)


JUDGED = ("kernel", "kernels", "frechet", "frechets_of_others", "imbalance")


def bound(model: DiffEnc, images: Tensor, steps: int, batch: int = 125) -> Tensor:
    """The bound (L0, L1, L3) of every image, at all steps, in bits per dimension."""
    draws, found = torch.Generator(images.device).manual_seed(0), []
    with evaluating(model):
        for some in images.split(batch):
            terms = elbo(model, some, steps, every_step=True, generator=draws)
            found.append(pixels.bits_per_dim(terms.total.double(), terms.dims))
    return torch.cat(found)


@torch.no_grad()
def draw(model: DiffEnc, n: int, steps: int) -> Tensor:
    """n samples in eight sets; a seed gives the same draws of eps for all models."""
    sets = []
    for seed in range(SEEDS):
        *_, last = sample_steps(model, n // SEEDS, steps, generator=seeded(5, seed))
        sets.append(to_levels(last.x_hat))
    return torch.cat(sets)


STUDY = Study(
    jobs, run, budget={"updates": 600, "batch": 64, "n": 2000, "images": 500, "jobs": 100}
)
