"""The settings of a training, and the learning rate that follows from them."""

from __future__ import annotations

import math
from dataclasses import InitVar, dataclass, fields
from typing import Any

from ..arguments import real, whole
from ..chain import Chain, as_chain


@dataclass(frozen=True)
class TrainConfig:
    """How to train. A stopped run goes on only with the same configuration.

    updates: how many updates of the weights, each from `batch` images.
    lr: the learning rate. It rises to this linearly in the first `warmup` updates, while a cosine
        takes it down to a hundredth at the end.
    betas, weight_decay: of AdamW; only tensors of two or more axes decay (no biases, norms or end
        points of a schedule).
    ema: decay of the moving average of the weights; (1 + n)/(10 + n) in update n while that is
        less.
    ends: how many images of each batch prior and reconstruction are measured on; by default 16, or
        all of a smaller batch. That is unbiased, and saves time for the diffusion loss.
    log_every, evaluate_every, checkpoint_every: in updates; evaluate_images: how many of held_out.
    fast: the denoiser of images in bf16 where the processor has it (on a CPU 1.4 times as many
        images a second), and on CUDA compiled (not yet measured there). The encoder is left
        as it is, because torch's forward mode works with neither.
    keep_memory: on a CPU under Linux, tell malloc to keep freed memory for the next update, for the
        whole process (`keep_freed_memory`).
    chain: None, the loss is the bound at infinite depth (L4). With a `Chain`, or a number T of
        equal steps, it is that of the chain (L3), one step drawn for each image; up to a constant,
        its ratio weights the squared error of a step (W3). steps: the same by another name.

    Raises ValueError, naming the field, for a value that makes no sense."""

    updates: int
    batch: int = 128
    lr: float = 1e-3
    warmup: int = 100
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.01
    ema: float = 0.999
    ends: int | None = None
    seed: int = 0
    log_every: int = 50
    evaluate_every: int = 500
    evaluate_images: int = 1000
    checkpoint_every: int = 500
    fast: bool = True
    keep_memory: bool = True
    chain: Chain | None = None  # given: an int too
    steps: InitVar[int | None] = None

    @property
    def first(self) -> int:
        """How many images of a batch prior and reconstruction are measured on: `ends`, if given."""
        return min(16, self.batch) if self.ends is None else self.ends

    def __post_init__(self, steps: int | None) -> None:
        smallest = dict.fromkeys(("updates", "batch", "log_every", "checkpoint_every"), 1)
        smallest |= {"evaluate_every": 1, "evaluate_images": 2, "warmup": 0, "seed": 0}
        smallest |= {} if self.ends is None else {"ends": 1}
        for name, least in smallest.items():
            object.__setattr__(self, name, whole(name, getattr(self, name), least))
        if self.first > self.batch:
            raise ValueError(f"ends must be at most batch, {self.batch}; got {self.ends}")
        for name, accepted, fits in (
            ("lr", "a number above 0", lambda lr: lr > 0),
            ("ema", "a number in [0, 1)", lambda ema: 0 <= ema < 1),
            ("weight_decay", "a number of at least 0", lambda decay: decay >= 0),
        ):
            object.__setattr__(self, name, real(name, getattr(self, name), accepted, fits))
        if not isinstance(self.betas, tuple | list) or len(self.betas) != 2:
            raise ValueError(f"betas must be two numbers in [0, 1); got {self.betas!r}")
        two = (real("betas", b, "two numbers in [0, 1)", lambda b: 0 <= b < 1) for b in self.betas)
        object.__setattr__(self, "betas", tuple(two))
        if steps is not None and self.chain is not None:
            raise ValueError(f"steps must not be given beside a chain; got {steps}, {self.chain}")
        chain = as_chain(self.chain if steps is None else steps)
        object.__setattr__(self, "chain", chain)

    def plain(self) -> dict[str, Any]:
        """The settings as plain values, for a card or to be compared."""
        settings = {field.name: getattr(self, field.name) for field in fields(self)}
        del settings["keep_memory"]  # it changes no result
        chain = self.chain and Chain(self.chain.grid, self.chain.ratio, self.chain.scale)
        return {**settings, "chain": chain and chain.lists()}  # its errors change no result


def learning_rate(config: TrainConfig, update: int) -> float:
    """The learning rate of an update; updates are counted from 0."""
    warm = min(1.0, (update + 1) / (config.warmup + 1))
    cosine = 0.5 * (1 + math.cos(math.pi * update / config.updates))
    return config.lr * warm * (0.01 + 0.99 * cosine)
