"""Networks for the denoiser v_hat(z, gamma) and for the encoder y(x, gamma).

An MLP for points, a U-Net for images. The two roles differ at the ends only: a denoiser sees
Fourier features of z and adds its output to z; an encoder sees x and ends in a tanh. Both start
from a zero-initialised output, and see gamma as a fraction of the way between the end points, as
they are now, of the schedule that they are made with: that of their model, or LinearSchedule(),
which is right for 256 levels.

    schedule = LearnedSchedule()
    model = DiffEnc(MLP(64, 2, schedule=schedule), schedule=schedule)
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .arguments import as_real, as_shape, as_whole, check_one_of
from .schedule import AnySchedule, LinearSchedule, Noise, end_points


@dataclass(frozen=True)
class UNetConfig:
    """channels, multiples of groups, and blocks: one of each per resolution, the finest first.

    Each resolution but the last has its blocks twice, on the way down and on the way up.
    attention: after the first block of the coarsest resolution.
    pool: halve height and width from one entry to the next; the paper's denoiser does not.
    fourier: the powers k of the sines and cosines of 2 pi 2^k z, for a denoiser; of K levels
        log2(K / 2) tells the most, 7 of 256. The paper has (6, 7). With more of them training is
        several times faster (2.8 instead of 7.4 bits/dim in updates 101 to 200 on MNIST).
    bilinear: on the way up interpolate between pixels instead of repeating each.
    patch: patch x patch pixels become the channels of one, which is faster and coarser; at an edge
        that does not divide, the last row and column are repeated.
    """

    channels: tuple[int, ...]
    blocks: tuple[int, ...]
    groups: int = 8
    pool: bool = True
    attention: bool = True
    dropout: float = 0.0
    fourier: tuple[float, ...] = (1, 3, 5, 6, 7)
    bilinear: bool = False
    patch: int = 1

    def __post_init__(self) -> None:
        if len(self.channels) != len(self.blocks) or min(self.blocks, default=-1) < 0:
            raise ValueError(f"channels and blocks must be of one length, none below 0; got {self}")
        as_real("dropout", self.dropout, "a number in [0, 1)", lambda p: 0 <= p < 1)
        for name in ("pool", "attention", "bilinear"):
            check_one_of(name, getattr(self, name), (True, False))


def zero_(module: nn.Conv2d | nn.Linear) -> nn.Conv2d | nn.Linear:
    for weight in module.parameters():
        nn.init.zeros_(weight)
    return module


class FourierFeatures(nn.Module):
    """z, and sin(f z / alpha) / (f sigma) and cos(f z / alpha) / (f sigma) for f = 2 pi 2^k:
    (B, C, ...) -> (B, 1 + 2K, C, ...)

    With k = 7 a sine has one period per level of 8-bit data. Divided by (f sigma), it tells how far
    z lies from the nearest level in units of the noise, which is what a denoiser has to find. Lower
    powers serve where the noise is too strong for the higher ones."""

    def __init__(self, powers: tuple[float, ...]):
        super().__init__()
        self.powers = powers

    def forward(self, z: Tensor, gamma: Tensor) -> Tensor:
        noise = Noise.from_gamma(gamma).like(z)
        features = [z]
        for k in self.powers:
            frequency = 2 * math.pi * 2**k
            angle, size = frequency / noise.alpha * z, 1 / (frequency * noise.sigma)
            features += [angle.sin() * size, angle.cos() * size]
        return torch.stack(features, 1)


class GammaEmbedding(nn.Module):
    """gamma (B,) -> (B, features): gamma as a fraction g, sines of pi 2^k g, then two layers."""

    def __init__(self, features: int, schedule: AnySchedule | None = None):
        super().__init__()
        # a function, not a submodule: the parameters of the schedule are the model's
        self.end_points = partial(end_points, LinearSchedule() if schedule is None else schedule)
        self.layers = nn.Sequential(
            nn.Linear(1 + 2 * 6, features), nn.SiLU(), nn.Linear(features, features), nn.SiLU()
        )

    def forward(self, gamma: Tensor) -> Tensor:
        low, high = self.end_points(gamma)
        g = ((gamma - low) / (high - low))[:, None]
        # one product, as each takes a third of a millisecond in forward mode, however small
        angles = g * (math.pi * torch.arange(-1, 5).to(g).exp2())
        return self.layers(torch.cat([g, angles.sin(), angles.cos()], 1))


class Network(nn.Module):
    """What MLP and UNet share: input and output. Between them is `body(inputs, gamma features)`.

    The body of a denoiser returns h_0, and a coefficient for each input, so that it can use one as
    it is: v_hat = z + h_0 + sum_f h_f input_f.
    """

    body: Callable[[Tensor, Tensor], Tensor]

    def __init__(
        self,
        shape: tuple[int, ...],
        for_y: bool,
        schedule: AnySchedule | None,
        fourier: tuple[float, ...],
        features: int,
    ):
        super().__init__()
        check_one_of("for_y", for_y, (True, False))
        self.shape = tuple(shape)
        self.fourier = None if for_y else FourierFeatures(fourier)
        self.channels_in = shape[0] * (1 if for_y else 1 + 2 * len(fourier))
        self.channels_out = shape[0] + (0 if for_y else self.channels_in)
        self.embed = GammaEmbedding(features, schedule)

    def forward(self, z: Tensor, gamma: Tensor) -> Tensor:
        if tuple(z.shape[1:]) != self.shape or gamma.shape != z.shape[:1]:
            given = f"{tuple(z.shape)}, {tuple(gamma.shape)}"
            axes = ", ".join(map(str, self.shape))
            raise ValueError(f"z and gamma must be (B, {axes}) and (B,); got {given}")
        if self.fourier is None:
            return self.body(z, self.embed(gamma)).tanh()
        inputs = self.fourier(z, gamma)  # (B, F, C, ...)
        h = self.body(inputs.flatten(1, 2), self.embed(gamma)).unflatten(1, (-1, self.shape[0]))
        return z + h[:, 0] + (h[:, 1:] * inputs).sum(1)


class MLP(Network):
    """For points: (B, D), gamma (B,) -> (B, D), residual `layers` of `width`.

    Args: shape (D,); for_y, whether it is the y of a learned encoder; schedule, the model's.
    """

    def __init__(
        self,
        width: int,
        layers: int,
        shape: tuple[int, ...] = (2,),
        for_y: bool = False,
        schedule: AnySchedule | None = None,
        fourier: tuple[float, ...] = (1, 3, 5, 6, 7),
    ):
        if len(as_shape(shape)) != 1:
            raise ValueError(f"shape must be (D,); got {shape}")
        layers = as_whole("layers", layers, 0)
        super().__init__(shape, for_y, schedule, fourier, width)
        self.stem = nn.Linear(self.channels_in, width)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
            for _ in range(layers)
        )
        self.conditions = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        self.out = zero_(nn.Linear(width, self.channels_out))

    def body(self, inputs: Tensor, features: Tensor) -> Tensor:
        h = self.stem(inputs)
        for layer, condition in zip(self.layers, self.conditions, strict=True):
            h = h + layer(h + condition(features))
        return self.out(F.silu(h))


class Block(nn.Module):
    """x + conv(silu(norm(conv(silu(norm(x))))), the second norm stretched and moved by gamma."""

    def __init__(self, channels: int, features: int, groups: int, dropout: float):
        super().__init__()
        self.norm_1 = nn.GroupNorm(groups, channels)
        self.conv_1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.condition = zero_(nn.Linear(features, 2 * channels))
        self.norm_2 = nn.GroupNorm(groups, channels)
        self.dropout = nn.Dropout(dropout)
        self.conv_2 = zero_(nn.Conv2d(channels, channels, 3, padding=1))

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        stretch, offset = self.condition(features).chunk(2, 1)  # each (B, C)
        h, norm, factor = self.conv_1(F.silu(self.norm_1(x))), self.norm_2, 1 + stretch
        weight, bias = factor * norm.weight, factor * norm.bias + offset
        # Seen as one image of B C channels, each example gets a weight and a bias of its own.
        h, groups = h.flatten(0, 1)[None], len(x) * norm.num_groups
        h = F.group_norm(h, groups, weight.flatten(), bias.flatten(), norm.eps).view_as(x)
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


def halve(h: Tensor) -> Tensor:
    """Means of 2 x 2 pixels, at an odd edge of those that are left: avg_pool2d(h, 2,
    ceil_mode=True), which takes three to four times as long in bf16 on a CPU."""
    for axis in (2, 3):
        if h.shape[axis] % 2:
            h = torch.cat([h, h.narrow(axis, -1, 1)], axis)
        first, second = h.unflatten(axis, (-1, 2)).unbind(axis + 1)
        h = torch.lerp(first, second, 0.5)
    return h


class UNet(Network):
    """(B, C, H, W), gamma (B,) -> (B, C, H, W).

    Args: shape (C, H, W); for_y, whether it is the y of a learned encoder; schedule, the model's.
    What goes in and out of each block on the way down is added at the same place on the way up.
    """

    def __init__(
        self,
        config: UNetConfig,
        shape: tuple[int, ...] = (1, 28, 28),
        for_y: bool = False,
        schedule: AnySchedule | None = None,
    ):
        if len(as_shape(shape)) != 3:
            raise ValueError(f"shape must be (C, H, W); got {shape}")
        first, last, features = config.channels[0], config.channels[-1], 4 * config.channels[0]
        super().__init__(shape, for_y, schedule, config.fourier, features)
        self.pool, self.upsampling = config.pool, "bilinear" if config.bilinear else "nearest"
        self._patch, pixels = config.patch, config.patch**2  # told by the stem's shape
        self.stem = nn.Conv2d(pixels * self.channels_in, first, 3, padding=1)

        def blocks(width: int, count: int) -> nn.ModuleList:
            made = (Block(width, features, config.groups, config.dropout) for _ in range(count))
            return nn.ModuleList(made)

        resolutions = [*zip(config.channels, config.blocks, strict=True)]
        to_coarser = [*pairwise(config.channels)]
        self.down = nn.ModuleList(blocks(*each) for each in resolutions[:-1])
        self.shrink = nn.ModuleList(nn.Conv2d(fine, coarse, 1) for fine, coarse in to_coarser)
        self.middle = blocks(*resolutions[-1])
        self.attention = Attention(last, config.groups) if config.attention else nn.Identity()
        self.grow = nn.ModuleList(nn.Conv2d(coarse, fine, 1) for fine, coarse in to_coarser)
        self.up = nn.ModuleList(blocks(*each) for each in resolutions[:-1])
        self.norm = nn.GroupNorm(config.groups, first)
        self.out = zero_(nn.Conv2d(first, pixels * self.channels_out, 3, padding=1))

    def body(self, inputs: Tensor, features: Tensor) -> Tensor:
        rows, columns = inputs.shape[-2:]
        border = (0, -columns % self._patch, 0, -rows % self._patch)
        inputs = F.pad(inputs, border, mode="replicate")
        h = self.stem(F.pixel_unshuffle(inputs, self._patch))
        skips, sizes = [], []
        for down, shrink in zip(self.down, self.shrink, strict=True):
            skips.append(h)
            for block in cast(nn.ModuleList, down):
                h = block(h, features)
                skips.append(h)
            sizes.append(h.shape[-2:])
            h = shrink(halve(h) if self.pool else h)
        for i, block in enumerate(self.middle):
            h = block(h, features)
            if i == 0:
                h = self.attention(h)
        for up, grow in zip(self.up[::-1], self.grow[::-1], strict=True):
            h = grow(h)
            if self.pool:
                h = F.interpolate(h, sizes.pop(), mode=self.upsampling)
            h = h + skips.pop()
            for block in cast(nn.ModuleList, up):
                h = block(h, features) + skips.pop()
        h = self.out(F.silu(self.norm(h)))
        return F.pixel_shuffle(h, self._patch)[..., :rows, :columns]


# --- networks by size ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Size:
    """The denoiser's and the encoder's U-Net, and (width, layers) of the MLPs for points."""

    denoiser: UNetConfig
    encoder: UNetConfig
    denoiser_mlp: tuple[int, int]
    encoder_mlp: tuple[int, int]


# for two CPU cores: about 0.5 M parameters
_SMALL = Size(
    UNetConfig((16, 32, 64), (1, 1, 4)),
    UNetConfig((16, 32), (0, 1), attention=False, patch=2),
    (128, 3),
    (64, 2),
)
SIZES = {
    # for tests: runs in milliseconds
    "tiny": Size(UNetConfig((8, 8), (1, 1)), UNetConfig((8, 8), (0, 1)), (32, 1), (16, 1)),
    "small": _SMALL,
    "small-fine": replace(_SMALL, encoder=UNetConfig((8, 16, 48), (0, 0, 1), attention=False)),
    # for an hour or two of a CPU core, or any GPU: as small-fine, with twice the channels and
    # blocks at full resolution, and an encoder that does not repeat pixels in squares
    "medium": Size(
        UNetConfig((32, 48, 64), (2, 1, 4)),
        UNetConfig((8, 16, 48), (0, 0, 1), attention=False, bilinear=True),
        (256, 3),
        (128, 2),
    ),
    # the paper's 32-block setting (its DiffEnc-32-4): to be trained on GPUs
    "paper": Size(
        UNetConfig((128, 128), (32, 2), groups=32, pool=False, fourier=(6, 7)),
        UNetConfig((64, 64, 64), (1, 1, 4), groups=32),
        (512, 6),
        (256, 4),
    ),
}
