"""The bound on a whole set of images, with its standard error."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .arguments import whole
from .bound import elbo
from .chain import Chain, as_chain
from .model import DiffEnc, check_encoder, check_model, evaluating
from .pixels import bits_per_dim
from .standard_error import standard_error


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
        total = f"{self.total:.4f} +- {self.standard_error:.4f} bits/dim"
        return f"{total} on {self.n:,} images ({terms})"


def evaluate(
    model: DiffEnc,
    images: Tensor,
    steps: Chain | int | None = None,
    *,
    clusters: Tensor | None = None,
    passes: int = 1,
    batch: int = 250,
    generator: torch.Generator | None = None,
    every_step: bool = False,
) -> Evaluation:
    """L0-L4: The bound on all images, at infinite depth or in steps

    The standard error is that of images and noise (`standard_error`); the depths of a batch are
    equally spaced.
    Args: images uint8 (N, ...) with N >= 2, unsorted (neighbours have neighbouring depths) unless
        clusters say what belongs together: (N,), the number of the group that an image was sampled
        with, such as the picture of a patch; steps, fitted on other images if at all, generator and
        every_step as in `elbo`; passes, draws of t and noise.
    Raises TypeError for what is no model or no tensor; ValueError for fewer images or clusters than
    2, passes or batch below 1, an encoder that `check_encoder` refuses, and what `elbo` raises.
    """
    check_model(model)
    model.check(images)
    batch = whole("batch", batch)
    if clusters is not None:
        check_clusters(clusters, images)
    terms, uniform = bounds_of_each(
        model, images, steps,
        passes=passes, batch=batch, generator=generator, every_step=every_step,
    )  # fmt: skip
    chain = as_chain(steps)
    choices = None if chain is None else 1 if every_step else chain.steps
    error = standard_error(terms, uniform, batch, clusters, choices)
    if not math.isfinite(error):
        raise FloatingPointError("the bound of some image is not finite")
    each = terms.sum(0) / passes
    prior, reconstruction, diffusion = each.mean(1).tolist()
    total = each.sum(0).mean().item()
    return Evaluation(prior, reconstruction, diffusion, total, error, len(images))


def bounds_of_each(
    model: DiffEnc, images: Tensor, steps: Chain | int | None = None, *, passes: int = 1,
    batch: int = 250, generator: torch.Generator | None = None, every_step: bool = False,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Prior, reconstruction and diffusion loss of each draw in bits per dimension, (passes, 3, N),
    and where it lay in [0, 1) (`Bound.uniform`), (passes, N), zeros with every_step; on the CPU.
    Arguments and errors as in `evaluate`, which has their means."""
    passes, batch = whole("passes", passes), whole("batch", batch)
    if len(images) < 2:
        raise ValueError(f"images must be at least 2, for a standard error; got {len(images)}")
    check_encoder(model, images)
    terms = torch.zeros(passes, 3, len(images), dtype=torch.float64)
    uniform = torch.zeros(passes, len(images), dtype=torch.float64)
    with evaluating(model):
        for of_pass, depths in zip(terms, uniform, strict=True):
            for start in range(0, len(images), batch):
                part = slice(start, start + batch)
                scored = images[part].to(model.device)
                bound = elbo(model, scored, steps, every_step=every_step, generator=generator)
                nats = torch.stack([bound.prior, bound.reconstruction, bound.diffusion])
                of_pass[:, part] = bits_per_dim(nats, bound.dims).cpu()
                if bound.uniform is not None:
                    depths[part] = bound.uniform.cpu()
    return terms, uniform


def evenly_chosen(images: Tensor, n: int) -> Tensor:
    """n of the images, evenly spaced, or all if there are fewer. Not the first n: the first half of
    MNIST's test images was written by other people than the second, and is easier.

    Raises ValueError for n below 1."""
    n = min(whole("n", n), len(images))
    return images[torch.arange(n, device=images.device) * len(images) // n]


def check_clusters(clusters: Tensor, images: Tensor) -> None:
    if not isinstance(clusters, Tensor):
        raise TypeError(f"clusters must be a tensor; got {type(clusters).__name__}")
    found = len(clusters.unique())
    if clusters.shape != images.shape[:1] or found < 2:
        got = f"{tuple(clusters.shape)}, {found} of them"
        raise ValueError(f"clusters must be ({len(images)},), at least 2 of them; got {got}")
