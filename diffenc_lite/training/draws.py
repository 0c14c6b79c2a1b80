"""The random numbers of an update: they depend on the seed and the number of the update alone."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from ..chain import low_discrepancy
from ..model import DiffEnc
from .config import TrainConfig

FOR_BATCH, FOR_DROPOUT, FOR_EVALUATION = range(3)


def rank_and_size() -> tuple[int, int]:
    """The number of this process and how many train together: 0 and 1 without torch.distributed."""
    joined = dist.is_available() and dist.is_initialized()
    return (dist.get_rank(), dist.get_world_size()) if joined else (0, 1)


def draw_batch(
    model: DiffEnc, images: Tensor, config: TrainConfig, update: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """index of the images, draws in [0, 1) for their depths, eps and eps_0 of this process.

    All processes draw everything, and each takes every n-th: together they cover [0, 1) evenly, and
    each has its part of the first `ends` images."""
    rank, ranks = rank_and_size()
    batch, ends, device = config.batch, min(config.ends, config.batch), model.device
    generator = torch.Generator(device).manual_seed(seed_for(config, FOR_BATCH, update))
    index = torch.randint(len(images), (batch,), generator=generator, device=device)
    shape = (batch + ends, *images.shape[1:])
    eps = torch.randn(shape, generator=generator, dtype=model.dtype, device=device)
    depth_draws = low_discrepancy(batch, eps, generator)
    share = slice(rank, None, ranks)
    return index[share], depth_draws[share], eps[:batch][share], eps[batch:][share]


@contextmanager
def seeded_dropout(device: torch.device, config: TrainConfig, update: int) -> Iterator[None]:
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        # torch.manual_seed looks at all kinds of devices: a tenth of an update of a small network
        reseed = torch.default_generator.manual_seed if device.type == "cpu" else torch.manual_seed
        reseed(seed_for(config, FOR_DROPOUT, update, rank_and_size()[0]))
        yield


def seed_for(config: TrainConfig, *purpose: int) -> int:
    return int(np.random.SeedSequence([config.seed, *purpose]).generate_state(1, np.uint64)[0])
