"""The loop of training: draw, loss, update of the weights, report, save.

    last = train(model, images, TrainConfig(2000), held_out=test_images)    # last.model, averaged
    for progress in train_steps(model, images, TrainConfig(2000)):          # or step by step
        ...                                            # progress.model is the averaged model so far

The random numbers of an update depend only on the seed and on the number of the update. So a run
with a folder may be interrupted, or killed, at any moment. The same call goes on with it: on a CPU
to the same weights and the same metrics, bit by bit, as if nothing had happened.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from .. import bound, pixels
from ..chain import as_chain
from ..evaluation import Evaluation, check_clusters, evaluate, evenly_chosen
from ..files import PathLike
from ..model import DiffEnc, check_encoder, check_model
from .config import TrainConfig
from .draws import FOR_EVALUATION, draw_batch, seeded, seeded_dropout
from .folder import RunFolder, identity
from .ranks import process_of
from .speed import in_bf16, keep_freed_memory
from .state import State


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

    _check(model, images, config, held_out, clusters)
    images, chain = images.to(model.device), as_chain(config.steps)
    run = _Run(model, images, config, folder, held_out, clusters)
    state = run.state
    if run.finished:  # before: its last Progress again
        yield run.report(evaluated=True)
    shown = tqdm(
        total=config.updates, initial=state.update, unit="update",
        mininterval=0.5,  # a notebook loses messages when they are too many
        disable=not (bar and process_of()[0] == 0),
    )  # fmt: skip
    try:
        while not run.finished:
            with interrupts_held_back():
                index, uniform, eps, eps_0 = draw_batch(model, images, config, state.update)
                with seeded_dropout(model.device, config, state.update):
                    losses = bound.bound_at(run.quick, images[index], uniform, eps, eps_0, chain)
                terms = [losses.prior.mean(), losses.reconstruction.mean(), losses.diffusion.mean()]
                values = state.descend(pixels.bits_per_dim(torch.stack(terms), losses.dims))
                run.sums += torch.tensor([*values, 1.0], dtype=torch.float64)
                shown.update()
                if (progress := run.report_if_due()) is not None:
                    shown.set_postfix_str(f"{progress.total:.3f} bits/dim")
                if run.due(config.checkpoint_every):
                    run.save()
            if progress is not None:
                yield progress
                run.start_clock()
    except (KeyboardInterrupt, GeneratorExit):
        run.save()
        raise
    finally:
        shown.close()


class _Run:
    """A training under way: its state, its folder, and the sums for its next report.

    If a run was stopped in the folder, it stands where that stood.
    """

    def __init__(
        self,
        model: DiffEnc,
        images: Tensor,
        config: TrainConfig,
        folder: PathLike | None,
        held_out: Tensor | None,
        clusters: Tensor | None,
    ):
        self.config, self.state = config, State(model, config)
        self.quick = in_bf16(model, tuple(images.shape[1:])) if config.fast else model
        self.sums = torch.zeros(4, dtype=torch.float64)  # of the terms, and of 1
        self.held_out, self.clusters = (
            None if given is None else evenly_chosen(given, config.evaluate_images)
            for given in (held_out, clusters)
        )
        self.folder: RunFolder | None = None
        if folder is not None and process_of()[0] == 0:  # the only process that reads and writes
            used = {"fast": self.quick is not model}  # which depends on the processor too
            which = identity(model, images, self.held_out)
            self.folder = RunFolder(folder, {**config.plain(), **used, **which})
        self.state.averaged = self.state.averaged.with_parts(_card={})  # it told of the start
        saved = [None if self.folder is None else self.folder.load()]
        if process_of()[1] > 1:
            dist.broadcast_object_list(saved)
        if saved[0] is None:
            self.save()  # so that metrics never stand alone, and a full disk is noticed now
        else:
            self.sums = saved[0].pop("window")
            self.state.load(saved[0])
        if model.device.type == "cpu":
            keep_freed_memory()
        self.start_clock()

    def start_clock(self) -> None:
        self.since, self.clock = self.state.update, time.perf_counter()

    @property
    def finished(self) -> bool:
        return self.state.update == self.config.updates

    def due(self, every: int) -> bool:
        return self.finished or self.state.update % every == 0

    def save(self) -> None:
        if self.folder is not None:
            self.folder.save({**self.state.save(), "window": self.sums})

    def report_if_due(self) -> Progress | None:
        """The Progress, written to the folder too, if it is due; then the sums begin again."""
        evaluated = self.held_out is not None and self.due(self.config.evaluate_every)
        if not (evaluated or self.due(self.config.log_every)):
            return None
        progress = self.report(evaluated)
        if self.folder is not None:
            self.folder.log(progress)
        if not self.finished:  # the sums of a finished run are for its report when it is resumed
            self.sums.zero_()
        return progress

    def report(self, evaluated: bool) -> Progress:
        config, state = self.config, self.state
        speed = (state.update - self.since) * config.batch / (time.perf_counter() - self.clock)
        evaluation = None
        if evaluated and self.held_out is not None:
            evaluation = evaluate(
                state.averaged, self.held_out, config.steps, clusters=self.clusters,
                generator=seeded(state.model.device, config, FOR_EVALUATION),  # always the same
            )  # fmt: skip
        prior, reconstruction, diffusion = (self.sums[:3] / self.sums[3]).tolist()
        terms = prior, reconstruction, diffusion
        return Progress(state.update, config.updates, *terms, speed, evaluation, state.averaged)


# --- interrupts, arguments ------------------------------------------------------------------------


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


def _check(
    model: DiffEnc,
    images: Tensor,
    config: TrainConfig,
    held_out: Tensor | None,
    clusters: Tensor | None,
) -> None:
    check_model(model)
    if not any(weight.requires_grad for weight in model.parameters()):
        raise ValueError("model must have weights to train; it has none that require a gradient")
    if not isinstance(config, TrainConfig):
        raise TypeError(f"config must be a TrainConfig, as TrainConfig(200) is; got {config!r}")
    model.check(images)
    if held_out is not None:
        model.check(held_out, "held_out")
        if len(held_out) < 2:
            raise ValueError(f"held_out must have at least 2 images; got {len(held_out)}")
    if clusters is not None:
        check_clusters(clusters, images[:0] if held_out is None else held_out)
    check_encoder(model, images)
    ranks, ends = process_of()[1], min(config.ends, config.batch)
    if config.batch % ranks or ends % ranks:
        wanted = f"multiples of the number of processes, {ranks}"
        raise ValueError(f"batch and ends must be {wanted}; got {config.batch} and {ends}")
