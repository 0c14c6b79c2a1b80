"""What several tests draw and divide: always the same."""

import torch


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def even(steps: int) -> torch.Tensor:
    """The depths where equal steps end, (T+1,)."""
    return torch.arange(steps + 1, dtype=torch.float64) / steps


def some_images(n: int, shape=(2,), levels: int = 256) -> torch.Tensor:
    return torch.randint(0, levels, (n, *shape), generator=seeded(1)).to(torch.uint8)
