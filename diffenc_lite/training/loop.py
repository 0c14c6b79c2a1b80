"""The loop of training: draw, loss, update of the weights, report, save.

    last = train(model, images, TrainConfig(2000), held_out=test_images)    # last.model, averaged
    for progress in train_steps(model, images, TrainConfig(2000)):          # or step by step
        ...                                            # progress.model is the averaged model so far

The random numbers of an update depend only on the seed and on the number of the update. So a run
with a folder may be interrupted, or killed, at any moment. The same call goes on with it: on a CPU
to the same weights and the same metrics, bit by bit, as if nothing had happened.
"""

from __future__ import annotations

import copy
import math
import signal
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from .. import bound, pixels
from ..chain import as_chain, low_discrepancy
from ..evaluation import Evaluation, evaluate, evenly_chosen
from ..files import PathLike
from ..model import DiffEnc, check_encoder, check_model
from .config import TrainConfig, learning_rate
from .folder import RunFolder, identity
from .muon import Muon, inner_convolutions
from .speed import in_bf16, keep_freed_memory

SEED_FOR_BATCH, SEED_FOR_DROPOUT, SEED_FOR_EVALUATION = range(3)
ADAMW_RATE, MUON_RATE = 1.0, 20 / 3  # of the learning rate: 0.02 where AdamW has 0.003


@dataclass(frozen=True)
class Progress:
    """How far the training is. The terms are in bits per dimension, each the mean over the updates
    since the last Progress; `evaluation` is of the averaged model, where one was due.

    model: the averaged model. It goes on changing as the training does.
    """

    update: int
    updates: int
    prior: float
    reconstruction: float
    diffusion: float
    images_per_second: float
    evaluation: Evaluation | None
    model: DiffEnc

    @property
    def total(self) -> float:
        return self.prior + self.reconstruction + self.diffusion

    def __repr__(self) -> str:
        evaluated = "" if self.evaluation is None else f", held out {self.evaluation.total:.4f}"
        return (
            f"Progress(update {self.update} of {self.updates}: {self.total:.4f} bits/dim"
            f"{evaluated}, {self.images_per_second:.0f} images/s)"
        )


def train(
    model: DiffEnc,
    images: Tensor,
    config: TrainConfig,
    folder: PathLike | None = None,
    held_out: Tensor | None = None,
) -> Progress:
    """Minimise L0 + L1 + L4 to the end, with a progress bar; the last Progress

    With `config.steps` it is L3 instead of L4, and so in the evaluations.

    Args:
        model: its weights are trained in place, on its device; `progress.model` is the average.
        images: uint8 (N, ...), from which batches are drawn with replacement.
        folder: for resume.pt and metrics.jsonl (see folder.py). If a run with the same settings was
            stopped there, it goes on.
        held_out: images to evaluate on; of these, `evaluate_images` evenly chosen ones.

    An interrupt waits for the end of the update, saves and leaves with KeyboardInterrupt. If
    torch.distributed is initialised, each process takes its part of a batch.
    Raises ValueError for settings that do not fit the model, the images or the run in the folder,
    and for an encoder that `check_encoder` refuses;
    FloatingPointError, before it touches the weights, if loss or gradient is not finite; OSError.
    """
    with closing(train_steps(model, images, config, folder, held_out, bar=True)) as reports:
        for progress in reports:
            last = progress
    return last


def train_steps(
    model: DiffEnc,
    images: Tensor,
    config: TrainConfig,
    folder: PathLike | None = None,
    held_out: Tensor | None = None,
    bar: bool = False,
    clusters: Tensor | None = None,
) -> Generator[Progress, None, None]:
    """`train` from inside: yields a Progress every `log_every` updates and at the end

    Args: bar, whether to show a progress bar, in a notebook as a widget; clusters, of held_out, as
        in `evaluate`; the others as in `train`.
    Leaving the loop early saves, if there is a folder.
    """
    from tqdm.auto import tqdm

    _check(model, images, config, held_out)
    if clusters is not None and len(clusters) != len(() if held_out is None else held_out):
        raise ValueError(f"clusters must be those of held_out, one each; got {len(clusters)}")
    rank, ranks = process_of()
    device, chain = model.device, as_chain(config.steps)
    images, state, run = images.to(device), State(model, config), None
    quick = in_bf16(model, tuple(images.shape[1:])) if config.fast else model
    window = torch.zeros(4, dtype=torch.float64)  # sums of the terms since a report, and of 1
    if held_out is not None:
        n = config.evaluate_images
        held_out = evenly_chosen(held_out, n).to(device)
        clusters = None if clusters is None else evenly_chosen(clusters, n)
    if folder is not None and rank == 0:  # the only process that reads and writes
        used = {"fast": quick is not model}  # which depends on the processor too
        run = RunFolder(folder, {**config.plain(), **used, **identity(model, images, held_out)})

    def save() -> None:
        if run is not None:
            run.save({**state.save(), "window": window})

    def due(every: int) -> bool:
        return state.update % every == 0 or state.update == config.updates

    def report(evaluated: bool) -> Progress:
        speed = (state.update - since) * config.batch / (time.perf_counter() - clock)
        evaluation = None
        if evaluated and held_out is not None:
            generator = seeded(device, config, SEED_FOR_EVALUATION)  # the same every time
            evaluation = evaluate(
                state.averaged, held_out, chain, clusters=clusters, generator=generator
            )
        prior, reconstruction, diffusion = (window[:3] / window[3]).tolist()
        terms = prior, reconstruction, diffusion
        return Progress(state.update, config.updates, *terms, speed, evaluation, state.averaged)

    saved = [None if run is None else run.load()]
    if ranks > 1:
        dist.broadcast_object_list(saved)
    if saved[0] is None:
        save()  # so that metrics never stand alone, and a full disk is noticed now
    else:
        window = saved[0].pop("window")
        state.load(saved[0])
    if device.type == "cpu":
        keep_freed_memory()
    since, clock = state.update, time.perf_counter()
    if state.update == config.updates:  # finished before: its last Progress again
        yield report(evaluated=True)
    hidden = {} if bar and rank == 0 else {"disable": True}
    # twice a second: a notebook loses messages when they are too many
    shown = tqdm(total=config.updates, initial=since, unit="update", mininterval=0.5, **hidden)
    try:
        while state.update < config.updates:
            with interrupts_held_back():
                index, uniform, eps, eps_0 = draw_batch(model, images, config, state.update)
                with seeded_dropout(device, config, state.update):
                    losses = bound.terms(quick, images[index], uniform, eps, eps_0, chain)
                terms = [losses.prior.mean(), losses.reconstruction.mean(), losses.diffusion.mean()]
                values = state.descend(pixels.bits_per_dim(torch.stack(terms), losses.dims))
                window += torch.tensor([*values, 1.0], dtype=torch.float64)
                shown.update()

                evaluated = held_out is not None and due(config.evaluate_every)
                if reported := evaluated or due(config.log_every):
                    progress = report(evaluated)
                    shown.set_postfix_str(f"{progress.total:.3f} bits/dim")
                    if run is not None:
                        run.log(progress)
                    if state.update < config.updates:
                        window.zero_()
                if due(config.checkpoint_every):
                    save()
            if reported:
                yield progress
                since, clock = state.update, time.perf_counter()
    except (KeyboardInterrupt, GeneratorExit):
        save()
        raise
    finally:
        shown.close()


class State:
    """All that a training changes: a model, its moving average, the optimiser, updates made so far.

    The model, mostly a DiffEnc, is trained in place, on its device.
    """

    def __init__(self, model: Any, config: TrainConfig):
        self.model, self.config, self.update = model.train(), config, 0
        self.weights: list[Tensor] = list(model.parameters())
        if joined():
            for tensor in model.state_dict().values():
                dist.broadcast(tensor, 0)
        convolutions = inner_convolutions(model) if config.optimizer == "muon" else []
        for_muon = {*convolutions}  # of tensors, which are told apart by identity
        others = [w for w in self.weights if w not in for_muon]
        groups: list[dict[str, Any]] = [
            {"params": [w for w in others if w.ndim >= 2]},
            {"params": [w for w in others if w.ndim < 2], "weight_decay": 0.0},
        ]
        decay = config.weight_decay
        adamw = torch.optim.AdamW(groups, betas=(0.9, 0.99), weight_decay=decay, fused=True)
        self.optimizers: list[tuple[torch.optim.Optimizer, float]] = [(adamw, ADAMW_RATE)]
        if convolutions:
            self.optimizers.append((Muon(convolutions, decay), MUON_RATE))
        self.averaged = copy.deepcopy(model).requires_grad_(False).eval()

    def descend(self, terms: Tensor, clip: float | None = None) -> list[float]:
        """One update: backward, clip, step, average

        Args: terms of the loss, (K,), whose sum is minimised; clip, the greatest norm of the
            gradient.
        Returns the terms, averaged over all processes. Raises FloatingPointError, before it touches
        the weights, if loss or gradient is not finite.
        """
        values = over_processes(terms.detach().clone()).tolist()
        self._check_finite("loss", sum(values), values)
        for weight in self.weights:
            weight.grad = None
        terms.sum().backward()
        gradients = [over_processes(w.grad) for w in self.weights if w.grad is not None]
        norm = nn.utils.get_total_norm(gradients)
        self._check_finite("gradient", norm.item(), values)
        if clip is not None:
            nn.utils.clip_grads_with_norm_(self.weights, clip, norm)

        for optimizer, factor in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = factor * learning_rate(self.config, self.update)
            optimizer.step()
        with torch.no_grad():
            decay = min(self.config.ema, (1 + self.update) / (10 + self.update))
            averages: list[Tensor] = list(self.averaged.parameters())
            torch._foreach_lerp_(averages, self.weights, 1 - decay)
            for average, buffer in zip(self.averaged.buffers(), self.model.buffers(), strict=True):
                average.copy_(buffer)
        self.update += 1
        return values

    def _check_finite(self, what: str, value: float, terms: list[float]) -> None:
        if not math.isfinite(value):
            shown = ", ".join(f"{term:.4g}" for term in terms)
            raise FloatingPointError(
                f"the {what} is not finite in update {self.update + 1} (terms of the loss: "
                f"{shown}); the weights are those before it. Try a smaller lr (now "
                f"{self.config.lr:g}), a longer warmup (now {self.config.warmup}), or "
                "TrainConfig(fast=False)"
            )

    def save(self) -> dict[str, Any]:
        return {
            "update": self.update,
            "model": self.model.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer, _ in self.optimizers],
        }

    def load(self, saved: dict[str, Any]) -> None:
        self.update = saved["update"]
        self.model.load_state_dict(saved["model"])
        self.averaged.load_state_dict(saved["averaged"])
        for (optimizer, _), state in zip(self.optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(state)


# --- what is drawn --------------------------------------------------------------------------------


def draw_batch(
    model: DiffEnc, images: Tensor, config: TrainConfig, update: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """index of the images, uniform draws in [0, 1) for their depths, eps and eps_0 of this process.

    All processes draw everything, and each takes every n-th: together they cover [0, 1) evenly, and
    each has its part of the first `ends` images.
    """
    rank, ranks = process_of()
    batch, ends, device = config.batch, min(config.ends, config.batch), model.device
    generator = seeded(device, config, SEED_FOR_BATCH, update)
    index = torch.randint(len(images), (batch,), generator=generator, device=device)
    eps = torch.randn(
        (batch + ends, *images.shape[1:]), generator=generator, dtype=model.dtype, device=device
    )
    uniform = low_discrepancy(batch, eps, generator)
    share = slice(rank, None, ranks)
    return index[share], uniform[share], eps[:batch][share], eps[batch:][share]


@contextmanager
def seeded_dropout(device: torch.device, config: TrainConfig, update: int) -> Iterator[None]:
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        # torch.manual_seed looks at all kinds of devices: a tenth of an update of a small network
        reseed = torch.default_generator.manual_seed if device.type == "cpu" else torch.manual_seed
        reseed(seed_for(config, SEED_FOR_DROPOUT, update, process_of()[0]))
        yield


def seed_for(config: TrainConfig, *purpose: int) -> int:
    mixed = np.random.SeedSequence([config.seed, *purpose])
    return int(mixed.generate_state(1, np.uint64)[0])


def seeded(device: torch.device, config: TrainConfig, *purpose: int) -> torch.Generator:
    return torch.Generator(device).manual_seed(seed_for(config, *purpose))


# --- several processes, interrupts, arguments -----------------------------------------------------


def joined() -> bool:
    """Whether torch.distributed is initialised, be it with one process only."""
    return dist.is_available() and dist.is_initialized()


def process_of() -> tuple[int, int]:
    """The number of this process and how many there are: 0 and 1 without torch.distributed."""
    return (dist.get_rank(), dist.get_world_size()) if joined() else (0, 1)


def over_processes(values: Tensor) -> Tensor:
    """values, which become their mean over all processes"""
    if joined():
        dist.all_reduce(values.div_(dist.get_world_size()))
    return values


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


def _check(model: DiffEnc, images: Tensor, config: TrainConfig, held_out: Tensor | None) -> None:
    check_model(model)
    if not isinstance(config, TrainConfig):
        raise TypeError(f"config must be a TrainConfig, as TrainConfig(200) is; got {config!r}")
    model.check(images)
    if held_out is not None:
        model.check(held_out, "held_out")
        if len(held_out) < 2:
            raise ValueError(f"held_out must have at least 2 images; got {len(held_out)}")
    check_encoder(model, images)
    ranks, ends = process_of()[1], min(config.ends, config.batch)
    if config.batch % ranks or ends % ranks:
        wanted = f"multiples of the number of processes, {ranks}"
        raise ValueError(f"batch and ends must be {wanted}; got {config.batch} and {ends}")
