"""The loop of training: draw, loss, backward, update, average, yield.

The random numbers of an update depend only on the seed and on the number of the update. So a
training that was stopped goes on as if nothing had happened, and no generator has to be saved.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from .. import bound, pixels
from ..chain import low_discrepancy
from ..model import DiffEnc
from .config import TrainConfig, learning_rate
from .precision import fast

TERMS = ("prior", "reconstruction", "diffusion")
BATCH, DROPOUT, EVALUATION = range(3)  # what a seed is for


class State:
    """All that a training changes: a model, its moving average, the optimiser, updates made so far.

    The model, mostly a DiffEnc, is trained in place, on its device.
    """

    def __init__(self, model: Any, config: TrainConfig):
        self.model, self.update = model, 0
        self.weights: list[Tensor] = list(model.parameters())
        groups: list[dict[str, Any]] = [
            {"params": [w for w in self.weights if w.ndim >= 2]},
            {"params": [w for w in self.weights if w.ndim < 2], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(
            groups, betas=config.betas, weight_decay=config.weight_decay, fused=True
        )
        self.averaged = copy.deepcopy(model).requires_grad_(False).eval()

    def save(self) -> dict[str, Any]:
        return {
            "update": self.update,
            "model": self.model.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def load(self, saved: dict[str, Any]) -> None:
        self.update = saved["update"]
        self.model.load_state_dict(saved["model"])
        self.averaged.load_state_dict(saved["averaged"])
        self.optimizer.load_state_dict(saved["optimizer"])

    @torch.no_grad()
    def average(self, ema: float) -> None:
        decay = min(ema, (1 + self.update) / (10 + self.update))
        averages: list[Tensor] = list(self.averaged.parameters())
        torch._foreach_lerp_(averages, self.weights, 1 - decay)
        for kept, buffer in zip(self.averaged.buffers(), self.model.buffers(), strict=True):
            kept.copy_(buffer)

    def use_gradients(self, config: TrainConfig) -> None:
        """One update, with the gradients that the weights have: the weights, then their average."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(config, self.update)
        self.optimizer.step()
        self.average(config.ema)
        self.update += 1


def minimise(
    state: State,
    config: TrainConfig,
    loss: Callable[[], Tensor],
    clip: float | None = None,
    names: tuple[str, ...] = ("loss",),
) -> Iterator[list[float]]:
    """One update after the other, from where the state stands to `config.updates`.

    Args: loss(), the terms of the loss of the next update, (K,), whose sum is minimised; clip, the
        greatest norm of the gradient, of all weights but single numbers; names of the terms.
    Yields the terms, averaged over all processes. Raises FloatingPointError, before it touches the
    weights, if loss or gradient is not finite.
    """
    state.model.train()
    clipped = [w for w in state.weights if w.ndim]
    while state.update < config.updates:
        terms = loss()
        values = over_processes(terms)
        named = dict(zip(names, values, strict=False))
        check_finite("loss", sum(values), named, state, config)

        state.optimizer.zero_grad()
        terms.sum().backward()
        del terms  # and with it the graph, before the next one is made
        if clip is None:
            grads = [w.grad for w in state.weights if w.grad is not None]
            norm = nn.utils.get_total_norm(grads)
        else:
            norm = nn.utils.clip_grad_norm_(clipped, clip)
        check_finite("gradient", norm.item(), named, state, config)

        state.use_gradients(config)
        yield values


def updates(state: State, images: Tensor, config: TrainConfig) -> Iterator[list[float]]:
    """`minimise` the bound: prior, reconstruction and diffusion of a batch, in bits per dimension.

    Args: images uint8 (N, ...), on the device of the model, drawn with replacement.
    """
    terms = loss_terms(state.model, config)

    def loss() -> Tensor:
        index, u, eps, eps_0 = draw(state, images, config)
        with seeded_dropout(state, config):
            return means(terms(images[index], u, eps, eps_0, config.chain))

    return minimise(state, config, loss, names=TERMS)


# --- what is drawn --------------------------------------------------------------------------------


def draw(
    state: State, images: Tensor, config: TrainConfig
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """index of the images, u in [0, 1) for their depths, eps and eps_0 of this process.

    All processes draw everything, and each takes every n-th: together they cover u evenly, and each
    has its part of the first `ends` images.
    """
    rank, ranks = process_of()
    batch, device = config.batch, state.model.device
    draws = generator(state.model, config, BATCH, state.update)
    index = torch.randint(len(images), (batch,), generator=draws, device=device)
    eps = torch.randn(
        (batch + config.first, *images.shape[1:]),
        generator=draws, dtype=state.model.dtype, device=device,
    )  # fmt: skip
    u = low_discrepancy(batch, eps, draws)
    share = slice(rank, None, ranks)
    return index[share], u[share], eps[:batch][share], eps[batch:][share]


@contextmanager
def seeded_dropout(state: State, config: TrainConfig) -> Iterator[None]:
    device = state.model.device
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed(config, DROPOUT, state.update, process_of()[0]))
        yield


def seed(config: TrainConfig, *purpose: int) -> int:
    mixed = np.random.SeedSequence([config.seed, *purpose])
    return int(mixed.generate_state(1, np.uint64)[0])


def generator(model: DiffEnc, config: TrainConfig, *purpose: int) -> torch.Generator:
    return torch.Generator(model.device).manual_seed(seed(config, *purpose))


# --- the loss -------------------------------------------------------------------------------------


def loss_terms(model: DiffEnc, config: TrainConfig) -> Callable[..., bound.Bound]:
    """`bound.terms` of the model, `fast` if the configuration says so. With several processes,
    gradients are averaged over them."""
    model = fast(model) if config.fast else model
    if not joined():
        return partial(bound.terms, model)
    return DistributedDataParallel(_Terms(model))


class _Terms(nn.Module):
    """`bound.terms` as a module, as DistributedDataParallel needs it."""

    def __init__(self, model: DiffEnc):
        super().__init__()
        self.model = model

    def forward(self, *arguments: Any) -> bound.Bound:
        return bound.terms(self.model, *arguments)


def means(terms: bound.Bound) -> Tensor:
    """Prior, reconstruction and diffusion of a batch in bits per dimension, (3,)."""
    losses = terms.prior, terms.reconstruction, terms.diffusion
    return pixels.bits_per_dim(torch.stack([loss.mean() for loss in losses]), terms.dims)


def check_finite(
    what: str, value: float, terms: dict[str, float], state: State, config: TrainConfig
) -> None:
    if not math.isfinite(value):
        named = ", ".join(f"{name} {term:.4g}" for name, term in terms.items())
        raise FloatingPointError(
            f"the {what} is not finite in update {state.update + 1} ({named}); the weights are "
            f"those before it. Try a smaller lr (now {config.lr:g}), a longer warmup (now "
            f"{config.warmup}), or fast=False"
        )


# --- several processes ----------------------------------------------------------------------------


def joined() -> bool:
    """Whether torch.distributed is initialised, be it with one process only."""
    return dist.is_available() and dist.is_initialized()


def process_of() -> tuple[int, int]:
    """The number of this process and how many there are: 0 and 1 without torch.distributed."""
    if joined():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


def over_processes(values: Tensor) -> list[float]:
    """The mean over all processes."""
    mean = values.detach() / process_of()[1]
    if joined():
        dist.all_reduce(mean)
    return mean.tolist()
