"""What several tests need: the places of the project, draws, networks and sums, always the same."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import torch
from PIL import Image, ImageSequence
from torch import nn

from diffenc_lite import Noise, toy
from diffenc_lite.course.lessons import notebooks_in
from diffenc_lite.process import v_from_x

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
NOTEBOOKS = notebooks_in(ROOT / "notebooks")

F64 = torch.float64
KINDS = ["identity", "scaling", "learned"]  # of encoders, the paper's


def run_python(*arguments, cwd=ROOT, **environment) -> subprocess.CompletedProcess[str]:
    command, env = [sys.executable, *map(str, arguments)], os.environ | environment
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=600, env=env)


def differ(*files) -> bool:
    """Two pictures or films, each frame as the stored pictures of notebooks are compared"""
    rule = runpy.run_path(str(ROOT / "notebooks" / "conftest.py"))["_differ"]
    frames = (ImageSequence.all_frames(Image.open(file)) for file in files)
    return any(rule(*(each.convert("RGB") for each in pair)) for pair in zip(*frames, strict=True))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


POINTS = toy("gaussian", 2000, generator=seeded())


def even(steps: int) -> torch.Tensor:
    """The depths where equal steps end, (T+1,)."""
    return torch.arange(steps + 1, dtype=F64) / steps


def some_images(n: int, shape=(2,), levels: int = 256) -> torch.Tensor:
    return torch.randint(0, levels, (n, *shape), generator=seeded(1)).to(torch.uint8)


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


def guessing(x_hat) -> nn.Module:
    """A denoiser in float64 by its prediction x_hat(z, noise)."""

    def v_hat(z, gamma):
        n = Noise.from_gamma(gamma).like(z)
        return v_from_x(z, x_hat(z, n), n)

    return module_of(of_dtype=nn.Parameter(torch.zeros(1, dtype=F64)), forward=v_hat)


def weights(module) -> dict[str, torch.Tensor]:
    return {name: weight.clone() for name, weight in module.state_dict().items()}


def same(one, other) -> bool:
    """Of two dictionaries of tensors"""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
