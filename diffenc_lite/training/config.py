"""The settings of a training, and the learning rate that follows from them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..arguments import as_real, as_whole, check_one_of
from ..chain import Chain, as_chain

OPTIMIZERS = ("muon", "adamw")


@dataclass(frozen=True)
class TrainConfig:
    """How to train. A stopped run goes on only with the same configuration.

    updates: of the weights.
    batch: images in an update.
    lr: the highest learning rate; a cosine takes it down to a hundredth at the end.
    warmup: updates in which it first rises linearly.
    optimizer: muon, at 20/3 of the learning rate, for the nn.Conv2d of each network but the first
        and the last in the order of its `__init__`, with AdamW for all else; or adamw for all.
    weight_decay: of tensors of two or more axes; no biases, norms or end points of a schedule.
    ema: decay of the moving average of the weights; in update n at most (1 + n)/(10 + n).
    ends: number of images of each batch on which the two ends of the bound, prior (t = 1) and
        reconstruction (t = 0), are measured. Fewer leave the gradient unbiased, and save time.
    loss_steps: None, the loss is the bound at infinite depth (L4). With a `Chain`, or a number T
        of equal steps, it is that of the chain (L3), one step drawn for each image; up to a
        constant, its ratio weights the squared error of a step (W3). Evaluations have the same.
    seed: of all draws.
    log_every: updates between two reports.
    evaluate_every: updates between evaluations on held-out images.
    evaluate_images: how many of them, evenly chosen; the command line's last score is on all.
    checkpoint_every: updates between writes of resume.pt.
    bf16: the denoiser of images computes in bf16 where the processor itself can, so the rounding
        depends on the processor: a run's folder says which it was, and goes on with the same only.
        The encoder stays in float32. With False all does.
    Raises ValueError, naming the field, for a value that makes no sense."""

    updates: int
    batch: int = 128
    lr: float = 1e-3
    warmup: int = 100
    optimizer: str = "muon"
    weight_decay: float = 0.01
    ema: float = 0.999
    ends: int = 16
    loss_steps: Chain | int | None = None
    seed: int = 0
    log_every: int = 50
    evaluate_every: int = 500
    evaluate_images: int = 1000
    checkpoint_every: int = 500
    bf16: bool = True

    def __post_init__(self) -> None:
        whole = ("updates", "batch", "ends", "log_every", "evaluate_every", "checkpoint_every")
        least = dict.fromkeys(whole, 1) | {"warmup": 0, "seed": 0, "evaluate_images": 2}
        numbers: dict[str, float] = {n: as_whole(n, getattr(self, n), least[n]) for n in least}
        numbers["lr"] = as_real("lr", self.lr, "a number above 0", lambda lr: lr > 0)
        numbers["ema"] = as_real("ema", self.ema, "a number in [0, 1)", lambda ema: 0 <= ema < 1)
        decay = self.weight_decay
        numbers["weight_decay"] = as_real("weight_decay", decay, "a number >= 0", lambda a: a >= 0)
        for name, number in numbers.items():
            object.__setattr__(self, name, number)  # NumPy's would not come back from a file
        if self.loss_steps is not None:
            as_chain(self.loss_steps, "loss_steps")
        check_one_of("bf16", self.bf16, (True, False))
        check_one_of("optimizer", self.optimizer, OPTIMIZERS)

    def as_dict(self) -> dict[str, Any]:
        """The settings as plain values, for a card or to be compared."""
        settings = {**vars(self)}
        if self.loss_steps is not None:
            chain = as_chain(self.loss_steps)  # without errors, which change no result
            settings["loss_steps"] = Chain(chain.grid, chain.ratio, chain.scale).as_dict()
        return settings


def learning_rate(config: TrainConfig, update: int) -> float:
    """The learning rate of an update; updates are counted from 0."""
    warm = min(1.0, (update + 1) / (config.warmup + 1))
    cosine = 0.5 * (1 + math.cos(math.pi * update / config.updates))
    return config.lr * warm * (0.01 + 0.99 * cosine)
