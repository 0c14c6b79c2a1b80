"""What stands round the loop of a training: checks, resume, reports, interrupts and the bar."""

import inspect
import signal
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from ..bound import TERMS
from ..chain import as_chain
from ..checks import check_gamma, check_parts
from ..evaluation import Evaluation, check_clusters, evaluate, evenly_chosen
from ..files import PathLike
from ..model import DiffEnc, check_images
from ..pretrained.signature import disagreements, signature
from ..schedule import gamma_min_for
from .config import TrainConfig
from .draws import FOR_EVALUATION, rank_and_size, seed_for
from .folder import RunFolder, fingerprint
from .speed import bf16_if_faster, keep_freed_memory
from .state import TrainState


@dataclass(frozen=True)
class Progress:
    """How far the training is. The terms are in bits per dimension, each the mean over the updates
    since the last Progress; `model` is the averaged model, which goes on changing as the training
    does, and `evaluation` is of it, where one was due."""

    update: int
    updates: int
    prior: float
    reconstruction: float
    diffusion: float
    images_per_second: float
    evaluation: Evaluation | None
    model: DiffEnc = field(repr=False)

    @property
    def total(self) -> float:
        return self.prior + self.reconstruction + self.diffusion

    def __str__(self) -> str:
        terms = ", ".join(f"{name} {getattr(self, name):.4f}" for name in TERMS)
        text = f"update {self.update:,} of {self.updates:,}: {self.total:.4f} bits/dim ({terms})"
        return text if self.evaluation is None else f"{text}; held out: {self.evaluation}"


class Run:
    """What is the same in all updates of a training, and what happens after each: it starts, or
    goes on where it was stopped, and reports and saves. Arguments as in `train_steps`."""

    def __init__(
        self,
        model: DiffEnc,
        images: Tensor,
        config: TrainConfig,
        folder: PathLike | None,
        held_out: Tensor | None,
        bar: bool,
        clusters: Tensor | None,
    ):
        from tqdm.auto import tqdm

        _check(model, images, config, held_out, clusters)
        rank, ranks = rank_and_size()
        self.config, self.images = config, images.to(model.device)
        n = config.evaluate_images
        self.held_out = None if held_out is None else evenly_chosen(held_out, n)
        self.clusters = None if clusters is None else evenly_chosen(clusters, n)
        self.chain = None if config.loss_steps is None else as_chain(config.loss_steps)
        self.fast_model = bf16_if_faster(model, tuple(images.shape[1:])) if config.bf16 else model
        self.state = TrainState(model, config)
        self.state.averaged = self.state.averaged.with_parts(_card={})  # it told of the start
        self.sums = torch.zeros(4, dtype=torch.float64)  # of the terms, and of 1
        self.folder = None
        if folder is not None and rank == 0:  # the only process that reads and writes
            used = {"bf16": self.fast_model is not model}  # which depends on the processor too
            settings = config.as_dict() | used | fingerprint(model, self.images, self.held_out)
            self.folder = RunFolder(folder, settings)
        received = [None if self.folder is None else self.folder.restore()]
        if ranks > 1:
            dist.broadcast_object_list(received)
        if (saved := received[0]) is None:
            self.save()  # so that metrics never stand alone, and a full disk is noticed now
        else:
            self.sums = saved["window"]
            self.state.load(saved)
            here = {"gamma": signature(model)["gamma"]}  # with trained parts, only now
            if differing := disagreements({"gamma": saved["gamma"]}, here):
                raise ValueError(f"{folder} holds a run with another schedule: {differing[0]}")
        if model.device.type == "cpu":
            keep_freed_memory()
        self.restart_clock()
        self.bar = tqdm(
            total=config.updates, initial=self.state.update, unit="update",
            mininterval=0.5,  # a notebook loses messages when they are too many
            disable=not (bar and rank == 0),
        )  # fmt: skip

    def save(self) -> None:
        if self.folder is not None:
            gamma = signature(self.state.model)["gamma"]
            self.folder.save({**self.state.save(), "window": self.sums, "gamma": gamma})

    def restart_clock(self) -> None:
        self.since, self.clock = self.state.update, time.perf_counter()

    def _due(self, every: int) -> bool:
        return self.finished or self.state.update % every == 0

    @property
    def finished(self) -> bool:
        return self.state.update == self.config.updates

    def after_update(self, terms: list[float]) -> Progress | None:
        """Evaluate, log and save what is due. Args: terms of the loss, bits per dimension."""
        self.sums += torch.tensor([*terms, 1.0], dtype=torch.float64)
        self.bar.update()
        progress, evaluated = None, self._due(self.config.evaluate_every)
        if (evaluated and self.held_out is not None) or self._due(self.config.log_every):
            progress = self.report(evaluated)
            self.bar.set_postfix_str(f"{progress.total:.3f} bits/dim")
            if self.folder is not None:
                self.folder.log(progress)
            if not self.finished:  # else they are for a report when resumed
                self.sums.zero_()
        if self._due(self.config.checkpoint_every):
            self.save()
        return progress

    def report(self, evaluated: bool = True) -> Progress:
        """What happened since the last; evaluated, if there are images held out for it."""
        check_gamma(self.state.model)  # the terms are of that
        model, config, update = self.state.averaged, self.config, self.state.update
        evaluation = None
        if evaluated and self.held_out is not None:
            same = torch.Generator(model.device).manual_seed(seed_for(config, FOR_EVALUATION))
            evaluation = evaluate(
                model, self.held_out, self.chain, clusters=self.clusters, generator=same
            )
        prior, reconstruction, diffusion = (self.sums[:3] / self.sums[3]).tolist()
        speed = (update - self.since) * config.batch / (time.perf_counter() - self.clock)
        return Progress(
            update, config.updates, prior, reconstruction, diffusion, speed, evaluation, model
        )


@contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Hold SIGINT back until the end of the block: half an update is no state to save."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread gets signals
        return
    held: list[int] = []
    previous = signal.signal(signal.SIGINT, lambda number, _: held.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
    if held:
        signal.raise_signal(signal.SIGINT)  # now to its usual handler


def _check(model: Any, images: Any, config: Any, held_out: Any, clusters: Any) -> None:
    check_images(model, images)
    if not any(weight.requires_grad for weight in model.parameters()):
        raise ValueError("model must have weights to train; it has none that require a gradient")
    if not isinstance(config, TrainConfig):
        raise TypeError(f"config must be a TrainConfig, as TrainConfig(200) is; got {config!r}")
    if held_out is not None:
        check_images(model, held_out, "held_out")
        check_clusters(clusters, held_out, "held_out")
    elif clusters is not None:
        raise ValueError("clusters must be given with held_out; got no held_out")
    check_parts(model, images)
    _warn_of_misfits(model, images)
    ranks, ends = rank_and_size()[1], min(config.ends, config.batch)
    if config.batch % ranks or ends % ranks:
        wanted = f"multiples of the number of processes, {ranks}"
        raise ValueError(f"batch and ends must be {wanted}; got {config.batch} and {ends}")


def _warn_of_misfits(model: DiffEnc, images: Tensor) -> None:
    """Warn, at the line that calls for the training, if the images have less than a quarter of the
    levels; if gamma(0) is more than 1 from `gamma_min_for(levels)`; and if a network of this
    library reads gamma between others than the two ends of the schedule."""
    parts, levels, top, told = signature(model), model.levels, int(images.max()), []
    low, *_, high = parts["gamma"]
    if levels > 4 * (top + 1):
        meant = f"is levels={max(top + 1, 2)} meant?"
        told.append(f"images have levels 0 to {top} of {levels}: {meant}")
    if abs(low - gamma_min_for(levels)) > 1:
        right = f"{gamma_min_for(levels):.4g} is right (schedule.gamma_min_for)"
        told.append(f"the schedule begins at gamma = {low:.4g}; for {levels} levels {right}")
    for first, last in {*zip(parts["ends"][::2], parts["ends"][1::2], strict=True)}:
        if max(abs(first - low), abs(last - high)) > 1e-3:
            wanted = f"and the schedule goes from {low:.4g} to {high:.4g}: make it with that"
            told.append(f"a network reads gamma from {first:.4g} to {last:.4g}, {wanted}")
    folders = [Path(frame.filename).parent for frame in inspect.stack(0)]
    outside = next(i for i, folder in enumerate(folders) if folder != folders[0])
    for message in told:
        warnings.warn(message, stacklevel=outside + 1)
