"""The bound on a whole set of images, with its standard error."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .arguments import whole
from .bound import elbo
from .chain import Chain
from .model import DiffEnc, check_model, evaluating
from .pixels import bits_per_dim


@dataclass(frozen=True)
class Evaluation:
    """Means over n images in bits per dimension, and the standard error of the total."""

    prior: float
    reconstruction: float
    diffusion: float
    total: float
    standard_error: float
    n: int

    def __str__(self) -> str:
        parts = ((name, getattr(self, name)) for name in ("prior", "reconstruction", "diffusion"))
        terms = ", ".join(f"{name} {value:.4f}" for name, value in parts)
        whole = f"{self.total:.4f} +- {self.standard_error:.4f} bits/dim"
        return f"{whole} on {self.n:,} images ({terms})"


def evaluate(
    model: DiffEnc,
    images: Tensor,
    steps: Chain | int | None = None,
    *,
    passes: int = 1,
    batch: int = 250,
    generator: torch.Generator | None = None,
    every_step: bool = False,
) -> Evaluation:
    """L0-L4: The bound on all images, at infinite depth or in steps

    The standard error is over images, each first averaged over `passes` draws of t and noise.
    Within a batch t has low discrepancy, so the mean is a little better than this error says.
    Args: images uint8 (N, ...) with N >= 2; steps, fitted on other images if at all, generator and
        every_step as in `elbo`.
    Raises ValueError for fewer images, passes or batch below 1, and what `elbo` raises.
    """
    terms = each_image(
        model, images, steps,
        passes=passes, batch=batch, generator=generator, every_step=every_step,
    )  # fmt: skip
    prior, reconstruction, diffusion = terms.mean(1).tolist()
    total = terms.sum(0)
    error = total.std().item() / math.sqrt(len(images))
    return Evaluation(prior, reconstruction, diffusion, total.mean().item(), error, len(images))


def each_image(
    model: DiffEnc,
    images: Tensor,
    steps: Chain | int | None = None,
    *,
    passes: int = 1,
    batch: int = 250,
    generator: torch.Generator | None = None,
    every_step: bool = False,
) -> Tensor:
    """Prior, reconstruction and diffusion loss of each image in bits per dimension, (3, N), on the
    CPU. Arguments and errors as in `evaluate`, which has their means."""
    check_model(model)
    model.check(images)
    passes, batch = whole("passes", passes), whole("batch", batch)
    if len(images) < 2:
        raise ValueError(f"images must be at least 2, for a standard error; got {len(images)}")
    terms = torch.zeros(3, len(images), dtype=torch.float64)  # summed over the passes
    with evaluating(model):
        for _ in range(passes):
            for start in range(0, len(images), batch):
                scored = images[start : start + batch].to(model.device)
                bound = elbo(model, scored, steps, every_step=every_step, generator=generator)
                nats = torch.stack([bound.prior, bound.reconstruction, bound.diffusion])
                terms[:, start : start + len(scored)] += bits_per_dim(nats, bound.dims).cpu()
    return terms / passes


def evenly(images: Tensor, n: int) -> Tensor:
    """n of the images, evenly spaced, or all if there are fewer. Not the first n: the first half of
    MNIST's test images was written by other people than the second, and is easier.

    Raises ValueError for n below 1."""
    n = min(whole("n", n), len(images))
    return images[torch.arange(n, device=images.device) * len(images) // n]
