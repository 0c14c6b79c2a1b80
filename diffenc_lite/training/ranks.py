"""How many processes train together: one, unless torch.distributed is initialised."""

from __future__ import annotations

import torch.distributed as dist
from torch import Tensor


def joined() -> bool:
    """Whether torch.distributed is initialised, be it with one process only."""
    return dist.is_available() and dist.is_initialized()


def process_of() -> tuple[int, int]:
    """The number of this process and how many there are: 0 and 1 without torch.distributed."""
    return (dist.get_rank(), dist.get_world_size()) if joined() else (0, 1)


def over_processes(values: Tensor) -> Tensor:
    """values, which become their mean over all processes"""
    if joined():
        dist.all_reduce(values.div_(dist.get_world_size()))
    return values
