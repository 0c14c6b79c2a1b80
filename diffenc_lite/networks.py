"""Networks for the denoiser v_hat(z, gamma) and for the encoder y(x, gamma).

An MLP for points, a U-Net for images. The two roles differ at the ends only: a denoiser sees
Fourier features of z and adds its output to z; an encoder sees x and ends in a tanh. Both start
from a zero-initialised output, and are conditioned on gamma as a fraction of the way between the
schedule's end points *as they are now* (`normalise`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .schedule import LinearSchedule

Normalise = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class UNetConfig:
    """channels and blocks, one entry per resolution from the finest to the coarsest.

    Each resolution but the last has its blocks twice, on the way down and on the way up.
    pool: halve height and width from one entry to the next; the paper's denoiser does not.
    fourier: the frequencies 2^k of sin and cos(2 pi 2^k z), for a denoiser.
    """

    channels: tuple[int, ...]
    blocks: tuple[int, ...]
    groups: int = 8
    pool: bool = True
    dropout: float = 0.0
    fourier: tuple[int, ...] = (6, 7)


def zero_(module: nn.Conv2d | nn.Linear) -> nn.Conv2d | nn.Linear:
    nn.init.zeros_(module.weight)
    assert module.bias is not None
    nn.init.zeros_(module.bias)
    return module


def _check_inputs(z: Tensor, gamma: Tensor, shape: tuple[int, ...]) -> None:
    if tuple(z.shape[1:]) != shape or gamma.shape != z.shape[:1]:
        raise ValueError(
            f"this network takes data of shape (B, {', '.join(map(str, shape))}) and gamma (B,); "
            f"got {tuple(z.shape)} and {tuple(gamma.shape)}"
        )


class FourierFeatures(nn.Module):
    """z -> (z, sin(2 pi 2^k z), cos(2 pi 2^k z)) along axis 1: (B, C, ...) -> (B, C (1 + 2K), ...)

    With 2^7 a sine runs through one period per level of 8-bit data: the network can see how far z
    lies from the nearest level.
    """

    def __init__(self, powers: tuple[int, ...]):
        super().__init__()
        self.powers = powers

    def forward(self, z: Tensor) -> Tensor:
        if not self.powers:
            return z
        angles = torch.cat([2 * math.pi * 2**k * z for k in self.powers], 1)
        return torch.cat([z, angles.sin(), angles.cos()], 1)


class GammaEmbedding(nn.Module):
    """gamma (B,) -> (B, features): sines of the normalised gamma at frequencies 1/2 to 2^4 pi,
    then two layers."""

    def __init__(self, features: int, normalise: Normalise):
        super().__init__()
        self.normalise = normalise
        self.layers = nn.Sequential(
            nn.Linear(1 + 2 * 6, features), nn.SiLU(), nn.Linear(features, features), nn.SiLU()
        )

    def forward(self, gamma: Tensor) -> Tensor:
        g = self.normalise(gamma)[:, None]
        angles = torch.cat([math.pi * 2.0**k * g for k in range(-1, 5)], 1)
        return self.layers(torch.cat([g, angles.sin(), angles.cos()], 1))


class MLP(nn.Module):
    """For points: (B, D), gamma (B,) -> (B, D), `depth` residual layers of `width`.

    Args: shape (D,); encoder=True gives the network y of a learned encoder.
    """

    def __init__(
        self,
        width: int,
        depth: int,
        shape: tuple[int, ...] = (2,),
        encoder: bool = False,
        normalise: Normalise | None = None,
        fourier: tuple[int, ...] = (0, 1, 2, 3),
    ):
        super().__init__()
        normalise = LinearSchedule().normalise if normalise is None else normalise
        self.shape, self.encoder = tuple(shape), encoder
        self.features = FourierFeatures(() if encoder else fourier)
        inputs = shape[0] * (1 if encoder else 1 + 2 * len(fourier))
        self.stem = nn.Linear(inputs, width)
        self.embed = GammaEmbedding(width, normalise)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
            for _ in range(depth)
        )
        self.conditions = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.out = zero_(nn.Linear(width, shape[0]))

    def forward(self, z: Tensor, gamma: Tensor) -> Tensor:
        _check_inputs(z, gamma, self.shape)
        features = self.embed(gamma)
        h = self.stem(self.features(z))
        for layer, condition in zip(self.layers, self.conditions, strict=True):
            h = h + layer(h + condition(features))
        h = self.out(F.silu(h))
        return h.tanh() if self.encoder else z + h


class Block(nn.Module):
    """x + conv(silu(norm(conv(silu(norm(x))))), the second norm scaled and shifted by gamma."""

    def __init__(self, channels: int, features: int, groups: int, dropout: float):
        super().__init__()
        self.norm_1 = nn.GroupNorm(groups, channels)
        self.conv_1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.condition = zero_(nn.Linear(features, 2 * channels))
        self.norm_2 = nn.GroupNorm(groups, channels)
        self.dropout = nn.Dropout(dropout)
        self.conv_2 = zero_(nn.Conv2d(channels, channels, 3, padding=1))

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        scale, shift = self.condition(features)[..., None, None].chunk(2, 1)
        h = self.conv_1(F.silu(self.norm_1(x)))
        h = torch.addcmul(shift, self.norm_2(h), 1 + scale)
        return x + self.conv_2(self.dropout(F.silu(h)))


class Attention(nn.Module):
    """One head of self-attention over the pixels. No fused kernel: forward mode must go through."""

    def __init__(self, channels: int, groups: int):
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = zero_(nn.Conv2d(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(self.norm(x)).flatten(2).chunk(3, 1)  # each (B, C, H W)
        weights = (q.transpose(1, 2) @ k / math.sqrt(x.shape[1])).softmax(-1)
        return x + self.out((v @ weights.transpose(1, 2)).reshape(x.shape))


class UNet(nn.Module):
    """(B, C, H, W), gamma (B,) -> (B, C, H, W).

    Args: shape (C, H, W); encoder=True gives the network y of a learned encoder.
    Every block on the way down hands its output to its partner on the way up, by addition;
    attention comes after the first block of the coarsest resolution, and nowhere else.
    """

    def __init__(
        self,
        config: UNetConfig,
        shape: tuple[int, ...] = (1, 28, 28),
        encoder: bool = False,
        normalise: Normalise | None = None,
    ):
        super().__init__()
        normalise = LinearSchedule().normalise if normalise is None else normalise
        if len(config.channels) != len(config.blocks):
            raise ValueError(
                "UNetConfig needs one entry per resolution in channels and in blocks; "
                f"got channels={config.channels}, blocks={config.blocks}"
            )
        self.shape, self.encoder, self.pool = tuple(shape), encoder, config.pool
        first, last, features = config.channels[0], config.channels[-1], 4 * config.channels[0]
        self.features = FourierFeatures(() if encoder else config.fourier)
        inputs = shape[0] if encoder else shape[0] * (1 + 2 * len(config.fourier))
        self.stem = nn.Conv2d(inputs, first, 3, padding=1)
        self.embed = GammaEmbedding(features, normalise)

        def blocks(level: int) -> nn.ModuleList:
            width = config.channels[level]
            make = lambda: Block(width, features, config.groups, config.dropout)  # noqa: E731
            return nn.ModuleList(make() for _ in range(config.blocks[level]))

        fine = range(len(config.channels) - 1)
        self.down = nn.ModuleList(blocks(i) for i in fine)
        self.shrink = nn.ModuleList(
            nn.Conv2d(config.channels[i], config.channels[i + 1], 1) for i in fine
        )
        self.middle = blocks(-1)
        self.attention = Attention(last, config.groups)
        self.grow = nn.ModuleList(
            nn.Conv2d(config.channels[i + 1], config.channels[i], 1) for i in fine
        )
        self.up = nn.ModuleList(blocks(i) for i in fine)
        self.norm = nn.GroupNorm(config.groups, first)
        self.out = zero_(nn.Conv2d(first, shape[0], 3, padding=1))

    def forward(self, z: Tensor, gamma: Tensor) -> Tensor:
        _check_inputs(z, gamma, self.shape)
        features = self.embed(gamma)
        h = self.stem(self.features(z))
        skips, sizes = [], []
        for down, shrink in zip(self.down, self.shrink, strict=True):
            for block in cast(nn.ModuleList, down):
                h = block(h, features)
                skips.append(h)
            sizes.append(h.shape[-2:])
            h = shrink(F.avg_pool2d(h, 2, ceil_mode=True) if self.pool else h)
        for i, block in enumerate(self.middle):
            h = block(h, features)
            if i == 0:
                h = self.attention(h)
        for up, grow in zip(self.up[::-1], self.grow[::-1], strict=True):
            h = grow(h)
            if self.pool:
                h = F.interpolate(h, sizes.pop(), mode="nearest")
            for block in cast(nn.ModuleList, up):
                h = block(h + skips.pop(), features)
        h = self.out(F.silu(self.norm(h)))
        return h.tanh() if self.encoder else z + h
