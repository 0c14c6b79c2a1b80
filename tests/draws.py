"""What several tests draw, divide and sum: always the same."""

import torch

from diffenc_lite import Chain, elbo, fit, toy
from diffenc_lite.encoder import ENCODERS

F64 = torch.float64
KINDS = list(ENCODERS)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


POINTS = toy("gaussian", 2000, generator=seeded())


def even(steps: int) -> torch.Tensor:
    """The depths where equal steps end, (T+1,)."""
    return torch.arange(steps + 1, dtype=F64) / steps


def some_images(n: int, shape=(2,), levels: int = 256) -> torch.Tensor:
    return torch.randint(0, levels, (n, *shape), generator=seeded(1)).to(torch.uint8)


def mean_bound(model, images, steps, ratio=1.0, scale=None, grid=None, **options):
    """Of all steps, each with noise of its own: the noise that a fit with `seeded(1)` draws."""
    given = {"every_step": True, "generator": seeded(1), "noise_0": torch.zeros(images.shape)}
    chain = Chain(even(steps) if grid is None else grid, ratio, scale)
    return elbo(model, images, chain, **{**given, **options}).total.mean()


def best_ratios(model, images, steps, ratio="step"):
    """w* with the paper's mean, from the noise that `mean_bound` draws."""
    return fit(model, images, steps, scale=False, ratio=ratio, generator=seeded(1)).ratio


def cost_of(costs, path):
    return float(costs[path[:-1], path[1:]].sum())


def weights(module) -> dict[str, torch.Tensor]:
    return {name: weight.clone() for name, weight in module.state_dict().items()}


def same(one, other) -> bool:
    """Of two dictionaries of tensors"""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
