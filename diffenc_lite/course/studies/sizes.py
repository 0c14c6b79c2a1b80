"""What a larger denoiser buys: bits per dimension against the operations of a training.

Denoisers of a VDM, trained from the beginning by one recipe until a given number of operations is
spent: those of its convolutions and products of matrices, a product and a sum as two, forward as
torch counts them, and backward twice as many (counted, it is 1.91 to 1.99 times). The recipe is
that of the shipped VDM of size small; its learning rate was not tuned for the other sizes. It goes
to its end in each training, so a point of the curve is a whole training, and no moment of a longer
one. Part "curve": three sizes. Part "change": the medium one with one thing changed, for as many
operations as one of its own points. (The width at full resolution is also that of the embedding
of gamma.)

All are scored on the same test images with the same draws of t and eps: the arrays have the total
of every image, for differences image by image. The noise of training is in none of the standard
errors; the medium one is trained with two seeds to show it.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ...evaluation import each_image
from ...model import SIZES, DiffEnc
from ...networks import UNet, UNetConfig
from ...training import TrainConfig, train
from .runner import Job, Options, Results, Study, mnist, parameters

MEDIUM = SIZES["medium"].denoiser
CURVE = {
    "narrow": UNetConfig((8, 16, 32), (1, 1, 2)),
    "small": SIZES["small"].denoiser,
    "medium": MEDIUM,
}
CHANGES = {
    "half the width at full resolution": replace(MEDIUM, channels=(16, 48, 64)),
    "batches of 32": MEDIUM,
    "half the learning rate": MEDIUM,
    (PLAIN := "features not passed on"): MEDIUM,  # v_hat = z + h_0
    "one block at full resolution": replace(MEDIUM, blocks=(1, 1, 4)),
    "Fourier powers of the paper": replace(MEDIUM, fourier=(6, 7)),
    "one block at the coarsest": replace(MEDIUM, blocks=(2, 1, 1)),
    "smooth upsampling": replace(MEDIUM, smooth=True),
    "four blocks at full resolution": replace(MEDIUM, blocks=(4, 1, 4)),
}
AHEAD = (  # by 0.01 or more at share 0.25; they go on to share 4.0
    "half the width at full resolution",
    "batches of 32",
    "one block at full resolution",
    "one block at the coarsest",
)
BATCH = {"batches of 32": 32}
RATE = {"half the learning rate": 1.5e-3}


class NotPassedOn(nn.Module):
    """A denoiser that leaves its features out of its output: v_hat = z + h_0."""

    def __init__(self, denoiser: UNet):
        super().__init__()
        self.denoiser, self.shape = denoiser, denoiser.shape

    def forward(self, z: Tensor, gamma: Tensor) -> Tensor:
        assert self.denoiser.features is not None
        inputs = self.denoiser.features(z, gamma).flatten(1, 2)
        return z + self.denoiser.body(inputs, self.denoiser.embed(gamma))[:, : self.shape[0]]


def jobs(options: Options) -> list[Job]:
    """What matters most comes first; the budget `jobs` takes the first so many.

    share: of the budget's teraops, 10^12 operations.
    """

    def job(part: str, name: str, share: float = 1.0, seed: int = 0) -> Job:
        return {"part": part, "name": name, "share": share, "seed": seed}

    short, whole = ([job("change", name, share) for name in CHANGES] for share in (0.25, 1.0))
    listed = [job("curve", "medium"), whole[0], job("curve", "small")]
    listed += [job("curve", "medium", 0.25), job("curve", "small", 0.25)]
    listed += [job("curve", "narrow", 0.0625), *short]
    listed += [job("curve", "narrow", share) for share in (0.25, 1.0)]
    listed += [*whole[1:2], job("curve", "medium", seed=1)]
    listed += [job("curve", name, 4.0) for name in ("medium", "small")]
    listed += [*(job("change", name, 4.0) for name in AHEAD), *whole[2:]]
    return listed[: options.budget["jobs"]]


def make(job: Job) -> DiffEnc:
    torch.manual_seed(job["seed"])
    denoiser = UNet({**CURVE, **CHANGES}[job["name"]])
    return DiffEnc(NotPassedOn(denoiser) if job["name"] == PLAIN else denoiser)


def operations(model: DiffEnc) -> int:
    """Of one image: a forward pass, and a backward pass of twice as many."""
    assert model.shape is not None
    zeros = partial(torch.zeros, device=model.device)
    with FlopCounterMode(display=False) as counter:
        model.v_hat(zeros(1, *model.shape), zeros(1))
    return 3 * counter.get_total_flops()


def run(job: Job, options: Options) -> Results:
    budget = options.budget
    images, test = mnist(options.root, options.device, budget["images"])
    model = make(job).to(options.device)
    batch, lr = BATCH.get(job["name"], 64), RATE.get(job["name"], 3e-3)
    of_update = batch * operations(model)
    updates = max(8, round(1e12 * budget["teraops"] * job["share"] / of_update))
    config = TrainConfig(
        updates, batch=batch, lr=lr, warmup=min(500, updates // 10), ema=0.9995, ends=8,
        seed=job["seed"],
    )  # fmt: skip
    began = time.process_time()
    trained = train(model, images, config).model
    seconds = time.process_time() - began
    draws = torch.Generator(options.device).manual_seed(0)
    terms = each_image(trained, test, generator=draws)
    total = terms.sum(0)
    prior, reconstruction, diffusion = terms.mean(1).tolist()
    row = {
        **job,
        "total": total.mean().item(),
        "standard_error": (total.std() / len(total) ** 0.5).item(),
        "prior": prior,
        "reconstruction": reconstruction,
        "diffusion": diffusion,
        "updates": updates,
        "batch": batch,
        "teraops": updates * of_update / 1e12,
        "parameters": parameters(model),
        "seconds": round(seconds, 1),  # of processor time, for the training
    }
    return Results([row], {array_name(job): total.half().numpy()})


def array_name(job: Job) -> str:
    """The array of the totals of all images, of a job or of its row."""
    return "_".join(["total", job["name"].replace(" ", "-"), str(job["share"]), str(job["seed"])])


STUDY = Study(jobs, run, budget={"teraops": 60, "images": 10_000, "jobs": 100})
