"""What the jobs share: names, models, images, random numbers."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ....data import load_mnist
from ....model import DiffEnc
from ....pretrained import load_model
from ....training import fast, keep_freed_memory

MODELS = ("mnist-vdm", "mnist-scaling", "mnist-learned")
STEPS = (2, 4, 8, 16, 32, 64, 128, 256, 1000)
PAPER, FOLDED, FITTED = SCALES = ("paper", "folded", "fitted")
ONE, CONSTANT, BEST, PIXELS = "w = 1", "constant w", "w*", "w* per pixel"
EQUAL, CHEAPEST = "equal steps", "best grid"
RESOLUTION = 256  # of the table from which the best grid is taken
GRID_UP_TO, PIXELS_UP_TO = 128, 16  # steps; with more there is no best grid, no ratio per pixel
SHOWN = 64  # with at most so many steps, the results contain the fits; above 16, the fitted scale's
PARTS = 128  # with more steps, those of each part of the depth share a fit
BATCH = 125


@cache
def loaded(name: str) -> DiffEnc:
    """The model of this name or path, its denoiser in bf16 if that is faster on this machine."""
    keep_freed_memory()
    return fast(load_model(name)).eval()


@cache
def images(split: str, root: str | None) -> Tensor:
    """The images in random order: the first half of MNIST's test set is easier than the second."""
    images = load_mnist(split, "full", root).images
    return images[torch.randperm(len(images), generator=seeded(6))]


def seeded(*numbers: int) -> torch.Generator:
    seed = np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(seed))


def rounded(values: Any) -> list[float]:
    return [float(f"{value:.4g}") for value in torch.as_tensor(values).tolist()]
