"""The jobs of the samples: drawn with a scale and a ratio, judged against real digits."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor, nn

from ....chain import Chain
from ....model import DiffEnc
from ....pixels import to_levels
from ....process import add_noise, v_from_x, x_from_v
from ....sampling import sample_steps
from ....schedule import Noise
from ..classifier import classify, frechet_distance, kernel_distance, load_classifier
from ..runner import Job, Options, Results, Row
from . import inputs
from .fits import fit_of
from .inputs import BEST, FOLDED, PAPER, PIXELS_UP_TO, SEEDS, SHEET, rounded, seeded
from .pictures import sheet


def real(job: Job, options: Options) -> Results:
    """Rows of real test images in the place of samples: what perfect samples would give.

    No image is in two sets, nor in the reference, so there are few sets.
    """
    n, others = options.budget["n"], inputs.images("test", options.root)[1::2]
    sets = [images for images in others.split(n) if len(images) == n][:10]
    return Results([{**job, **judged(images, options)} for images in sets], {})


def samples(job: Job, options: Options) -> Results:
    """A row, and one array: a sheet of samples. A seed gives the same draws of eps for all."""
    fitted = fit_of(job["model"], options.root, job["steps"], options.budget["fit"])
    scale, ratio = job["scale"], job["ratio"]
    w = fitted.ratio[scale, BEST] if ratio == BEST else ratio
    row, images = draw(job, options, inputs.loaded(job["model"]), w, fitted.scale[scale])
    name = f"sheet_{job['model']}_{job['steps']}_{scale}_{ratio}"
    return Results([row], {name: sheet(images[: SHEET**2]).numpy()})


def why(job: Job, options: Options) -> Results:
    """As `samples`, half as many, at T = 8 with w = 1, for other means: folded in the first steps
    only, the paper's in the rest; the two with x_hat kept in [-1, 1]; G5's exact one for E2."""
    model, (mean, *rest) = inputs.loaded(job["model"]), job["mean"].split()
    fitted = fit_of(job["model"], options.root, 8, options.budget["fit"])
    scale = fitted.scale[PAPER if mean == "paper" else FOLDED].clone()
    if mean == "exact":
        gamma = model.schedule(fitted.grid.double()).gamma
        s, t = Noise.from_gamma(gamma[:-1]), Noise.from_gamma(gamma[1:])
        scale = 1 + (t.sigma * s.alpha / t.alpha).square()
    elif rest[0] == "first":
        steps = int(rest[1])
        scale[:-steps] = fitted.scale[PAPER][:-steps]
    else:
        model = DiffEnc(
            Clipped(model.denoiser), model.encoder, model.schedule, model.levels, model.shape
        )
    row, _ = draw({**job, "steps": 8}, options, model, 1.0, scale, share=2)
    return Results([row], {})


class Clipped(nn.Module):
    """A denoiser whose x_hat is kept in [-1, 1]."""

    def __init__(self, denoiser: nn.Module):
        super().__init__()
        self.denoiser = denoiser

    def forward(self, z: Tensor, gamma: Tensor) -> Tensor:
        t = Noise.from_gamma(gamma).like(z)
        return v_from_x(z, x_from_v(z, self.denoiser(z, gamma), t).clamp(-1, 1), t)


@torch.no_grad()
def draw(
    job: Job, options: Options, model: DiffEnc, ratio: float | Tensor, scale: Tensor, share: int = 1
) -> tuple[Row, Tensor]:
    """A row, with lists for the eight seeds, and the samples.

    They are rounded to the nearest level, where `sample` would draw the level: at gamma_0 = -13.3
    the two hardly differ, and drawing takes as long as several steps.
    """
    each = options.budget["n"] // share // SEEDS
    sets, z2 = [], torch.zeros(job["steps"] + 1)
    chain = Chain.equal(job["steps"], ratio, scale)
    for seed in range(SEEDS):
        steps = sample_steps(model, each, chain, generator=seeded(5, seed))
        for i, step in enumerate(steps):  # from t = 1 to t = 0
            z2[i] += step.z.square().mean() / SEEDS
        sets.append(to_levels(step.x_hat))
    images = torch.cat(sets)
    row = {**job, **judged(images, options)}
    if job["steps"] <= PIXELS_UP_TO:
        row["z2"] = rounded(z2.flip(0))  # from t = 0 to t = 1
    return row, images


def latents(job: Job, options: Options) -> Results:
    """One row: what `draw` measures of z in samples at T = 8, for q(z_t | x) with test images:
    the mean squares at t = 0, 1/8, ..., 1."""
    model, generator = inputs.loaded(job["model"]), seeded(9)
    x = model.to_unit(inputs.images("test", options.root)[: options.budget["n"] // 4])
    z2 = []
    with torch.no_grad():
        for i in range(9):
            at = model.schedule(torch.full((len(x),), i / 8))
            x_t = x + model.shift(x, at.gamma)
            z = add_noise(x_t, torch.randn(x.shape, generator=generator), at.like(x))
            z2.append(z.square().mean().item())
    return Results([{**job, "z2": rounded(z2)}], {})


def judged(images: Tensor, options: Options) -> Row:
    """The distances of all images; and lists for the eight sets of which they consist: the kernel
    distance of each, and the Frechet distance of all others, since it has a bias in small sets."""
    found, real = classify(load_classifier(), images), reference(options.root)
    sets = found.features.chunk(SEEDS)
    others = (torch.cat(sets[:k] + sets[k + 1 :]) for k in range(SEEDS))
    return {
        "n": len(images),
        "frechet": frechet_distance(found.features, real),
        "kernel": kernel_distance(found.features, real),
        "kernels": rounded([kernel_distance(own, real) for own in sets]),
        "frechets_of_others": rounded([frechet_distance(rest, real) for rest in others]),
        "imbalance": found.imbalance,
    }


@cache
def reference(root: str | None) -> Tensor:
    """The features of every second test image."""
    return classify(load_classifier(), inputs.images("test", root)[::2]).features
