"""One step of training: draw a batch, follow the gradient of the bound, average the weights.

What is random in a step depends on the seed and the number of the step alone. So a training that
was stopped goes on as if nothing had happened, and needs no state of a generator for that.
"""

from __future__ import annotations

import copy
import importlib.util
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from .. import pixels, process
from ..bound import (
    diffusion_loss,
    drawn_step_loss,
    end_losses,
    low_discrepancy,
    spread_over_steps,
)
from ..model import DiffEnc
from .memory import keep_freed_memory

TERMS = ("prior", "reconstruction", "diffusion")
BATCH, DROPOUT, EVALUATION = range(3)  # what a seed is for


@dataclass(frozen=True)
class TrainConfig:
    """How to train. A run goes on only with the same configuration.

    steps: updates of the weights, each from `batch` images.
    lr: the learning rate rises to it linearly in `warmup` steps, while a cosine takes it down to
        a hundredth of it at the end.
    betas, weight_decay: of AdamW; only tensors of two or more axes decay (no biases, norms or end
        points of a schedule).
    ema: decay of the moving average of the weights; (1 + n)/(10 + n) in step n while that is less.
    ends: prior and reconstruction are measured on the first so many images of each batch: unbiased,
        and it saves the encodings at t = 0 and 1 and the softmax over all levels for the rest.
    log_every, evaluate_every, checkpoint_every: in steps; evaluate_images: how many of held_out.
    fast: the denoiser of images in bf16 where the processor has it (on a CPU 1.4 times as many
        images a second), and on CUDA compiled (not yet measured there). Not the encoder: with
        neither does torch's forward mode work.
    depth, ratio: the loss is the bound at infinite depth (L4), or at depth T with equal steps (L3),
        one drawn for each image; then with sigma_P^2 = sigma_Q^2 / w, the ratio w one number or one
        for each step: up to a constant, it weighs the squared error of its step (W3).
    """

    steps: int
    batch: int = 128
    lr: float = 1e-3
    warmup: int = 100
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.01
    ema: float = 0.999
    ends: int = 16
    seed: int = 0
    log_every: int = 50
    evaluate_every: int = 500
    evaluate_images: int = 1000
    checkpoint_every: int = 500
    fast: bool = True
    depth: int | None = None
    ratio: float | tuple[float, ...] = 1.0

    def __post_init__(self) -> None:
        smallest = dict.fromkeys(("steps", "batch", "ends", "log_every", "checkpoint_every"), 1)
        smallest |= {"evaluate_every": 1, "evaluate_images": 2, "warmup": 0, "seed": 0}
        for name, least in smallest.items():
            given = getattr(self, name)
            if not isinstance(given, int) or given < least:
                raise ValueError(f"{name} must be a whole number of at least {least}; got {given}")
        if self.ends > self.batch:
            raise ValueError(f"ends must be at most batch, {self.batch}; got {self.ends}")
        if not (self.lr > 0 and 0 <= self.ema < 1):
            raise ValueError(f"lr must be above 0, ema in [0, 1); got {self.lr} and {self.ema}")
        if not (all(0 <= beta < 1 for beta in self.betas) and self.weight_decay >= 0):
            raise ValueError(
                "betas must be in [0, 1), weight_decay at least 0; "
                f"got {self.betas} and {self.weight_decay}"
            )
        if self.depth is not None:
            if isinstance(self.depth, bool) or not isinstance(self.depth, int) or self.depth < 1:
                raise ValueError(f"depth must be None or a whole number >= 1; got {self.depth}")
            process.check_ratio(self.ratio, self.depth, torch.empty(()))
        elif self.ratio != 1:
            raise ValueError(
                f"ratio must be 1 at infinite depth (depth=None); got {self.ratio}. By W2 the loss "
                "would have no limit: give depth=T to use another ratio"
            )


def learning_rate(config: TrainConfig, step: int) -> float:
    """In update number `step`, counted from 0."""
    warm = min(1.0, (step + 1) / (config.warmup + 1))
    cosine = 0.5 * (1 + math.cos(math.pi * step / config.steps))
    return config.lr * warm * (0.01 + 0.99 * cosine)


class _Bf16(nn.Module):
    """A network in bf16 with its weights in float32."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, z: Tensor, gamma: Tensor) -> Tensor:
        with torch.autocast(z.device.type, torch.bfloat16):
            return self.network(z, gamma).to(z.dtype)


def fast(model: DiffEnc) -> DiffEnc:
    """The same model, its denoiser in bf16 if that is faster here, and compiled on CUDA."""
    cuda = model.device.type == "cuda"
    compiler = importlib.util.find_spec("triton")  # not in PyTorch for Windows
    images = model.shape is not None and len(model.shape) == 3 and model.dtype == torch.float32
    if not (cuda or (images and model.device.type == "cpu" and cpu_has_bf16())):
        return model
    denoiser = _Bf16(model.denoiser)
    if cuda and compiler:
        denoiser.compile()
    parts = (denoiser, model.encoder, model.schedule, model.levels, model.shape, model.centre)
    return DiffEnc(*parts)


def cpu_has_bf16() -> bool:
    tell = getattr(torch.cpu, "get_capabilities", None)  # which an older torch does not have
    capabilities = tell() if tell else {}
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


class _Loss(nn.Module):
    """The three terms of a batch in one forward pass, as DistributedDataParallel wants it."""

    def __init__(
        self, model: DiffEnc, depth: int | None = None, ratio: float | tuple[float, ...] = 1.0
    ):
        super().__init__()
        self.model, self.depth, self.ratio = model, depth, ratio

    def forward(self, images: Tensor, t: Tensor, noise: Tensor, noise_0: Tensor) -> Tensor:
        """-> prior, reconstruction and diffusion in bits per dimension, (3,)"""
        x = pixels.to_unit(images, self.model.levels, noise.dtype)
        if self.depth is None:
            diffusion = diffusion_loss(self.model, x, t, noise)
        else:
            grid = process.check_grid(None, self.depth, x)
            w = process.check_ratio(torch.as_tensor(self.ratio), self.depth, x)
            index = spread_over_steps(t, self.depth)
            diffusion = drawn_step_loss(self.model, x, index, noise, grid, w)
        prior, reconstruction = end_losses(self.model, images[: len(noise_0)], noise_0)
        nats = torch.stack([prior.mean(), reconstruction.mean(), diffusion.mean()])
        return pixels.bits_per_dim(nats, x[0].numel())


class Trainer:
    """`advance` makes one step; `state` and `load` are all that it needs to go on elsewhere.

    Args: model, trained in place, on its device; images uint8 (N, ...), drawn with replacement.
    If torch.distributed is initialised, each rank takes its part of every batch.
    """

    def __init__(self, model: DiffEnc, images: Tensor, config: TrainConfig):
        check_images("images", images, model)
        distributed = dist.is_available() and dist.is_initialized()
        self.rank, self.ranks = (dist.get_rank(), dist.get_world_size()) if distributed else (0, 1)
        if config.batch % self.ranks or config.ends % self.ranks:
            raise ValueError(
                f"batch and ends must be multiples of the number of processes, {self.ranks}; "
                f"got {config.batch} and {config.ends}"
            )
        if model.device.type == "cpu":
            keep_freed_memory()
        model.shape = tuple(images.shape[1:])
        self.model, self.config, self.images = model, config, images.to(model.device)
        self.step = 0  # steps made
        self.weights: list[Tensor] = list(model.parameters())
        groups: list[dict[str, Any]] = [
            {"params": [p for p in self.weights if p.ndim >= 2]},
            {"params": [p for p in self.weights if p.ndim < 2], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(
            groups, betas=config.betas, weight_decay=config.weight_decay, fused=True
        )
        model.train()
        loss = _Loss(fast(model) if config.fast else model, config.depth, config.ratio)
        self.loss = DistributedDataParallel(loss) if distributed else loss
        self.averaged = copy.deepcopy(model).requires_grad_(False).eval()
        self.averages: list[Tensor] = list(self.averaged.parameters())
        self.buffers = list(zip(self.averaged.buffers(), model.buffers(), strict=True))

    def advance(self) -> list[float]:
        """One step; the prior, reconstruction and diffusion of its batch, of all ranks together.

        Raises FloatingPointError, before it touches the weights, if loss or gradient is not finite.
        """
        batch, device = self._draw_batch(), self.model.device
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(self._seed(DROPOUT, self.step, self.rank))
            terms = self.loss(*batch)
        joined = terms.detach().clone()
        if self.ranks > 1:
            dist.all_reduce(joined)
        values = (joined / self.ranks).tolist()
        self._check_finite("loss", sum(values), values)
        self.optimizer.zero_grad()
        terms.sum().backward()
        norm = torch.nn.utils.get_total_norm([p.grad for p in self.weights if p.grad is not None])
        self._check_finite("gradient", norm.item(), values)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.config, self.step)
        self.optimizer.step()
        self._average()
        self.step += 1
        return values

    def state(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "model": self.model.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def load(self, state: dict[str, Any]) -> None:
        self.step = state["step"]
        self.model.load_state_dict(state["model"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])

    def _draw_batch(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """images, t, noise and noise_0 of this rank. All ranks draw all of it, and each takes every
        n-th: an even cover of t, and its part of the first `ends` images."""
        batch, ends, device = self.config.batch, self.config.ends, self.model.device
        draws = self.generator(BATCH, self.step)
        index = torch.randint(len(self.images), (batch,), generator=draws, device=device)
        noise = torch.randn(
            (batch + ends, *self.images.shape[1:]),
            generator=draws, dtype=self.model.dtype, device=device,
        )  # fmt: skip
        t = low_discrepancy(batch, noise, draws)
        mine = slice(self.rank, None, self.ranks)
        return self.images[index[mine]], t[mine], noise[:batch][mine], noise[batch:][mine]

    def _check_finite(self, what: str, value: float, terms: list[float]) -> None:
        if not math.isfinite(value):
            named = ", ".join(f"{n} {x:.4g}" for n, x in zip(TERMS, terms, strict=True))
            raise FloatingPointError(
                f"the {what} is not finite in step {self.step + 1} ({named} bits/dim); the weights "
                f"are those before it. Try a smaller lr (now {self.config.lr:g}), a longer warmup "
                f"(now {self.config.warmup}), or fast=False"
            )

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(self.averages, self.weights, 1 - decay)
        for kept, buffer in self.buffers:
            kept.copy_(buffer)

    def _seed(self, *purpose: int) -> int:
        mixed = np.random.SeedSequence([self.config.seed, *purpose])
        return int(mixed.generate_state(1, np.uint64)[0])

    def generator(self, *purpose: int) -> torch.Generator:
        return torch.Generator(self.model.device).manual_seed(self._seed(*purpose))


def check_images(name: str, images: Tensor, model: DiffEnc) -> None:
    if not isinstance(images, Tensor) or images.dtype != torch.uint8:
        given = images.dtype if isinstance(images, Tensor) else type(images).__name__
        raise TypeError(f"{name} must be a torch.uint8 tensor (N, ...); got {given}")
    fixed = model.shape if model.fixed_shape else None
    shape = tuple(images.shape[1:]) if fixed is None else fixed
    if images.dim() < 2 or not len(images) or tuple(images.shape[1:]) != shape:
        raise ValueError(
            f"{name} must have shape (N, {', '.join(map(str, shape))}) for this model, N >= 1; "
            f"got {tuple(images.shape)}"
        )
    pixels.to_unit(images.amax(), model.levels)  # raises if a level is too high
