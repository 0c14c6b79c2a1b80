"""What several tests draw, divide and sum: always the same."""

import torch
from torch import nn

from diffenc_lite import Chain, elbo, toy
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


def shaken(module: nn.Module, seed: int = 0, size: float = 0.2) -> nn.Module:
    """With no weight at zero, so that everything matters."""
    generator = seeded(seed)
    with torch.no_grad():
        for weight in module.parameters():
            weight += size * torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
    return module


def module_of(**attributes) -> nn.Module:
    """A network or an encoder by its functions, its weights and the modules it consists of."""
    module = nn.Module()
    for name, attribute in attributes.items():
        setattr(module, name, attribute)
    return module


def weights(module) -> dict[str, torch.Tensor]:
    return {name: weight.clone() for name, weight in module.state_dict().items()}


def same(one, other) -> bool:
    """Of two dictionaries of tensors"""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
