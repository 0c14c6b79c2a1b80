"""The loop of training: draw, loss, update of the weights, report, save.

    last = train(model, images, TrainConfig(2000), held_out=test_images)    # last.model, averaged
    for progress in train_steps(model, images, TrainConfig(2000)):          # or step by step
        ...                                            # progress.model is the averaged model so far

The random numbers of an update depend only on the seed and on the number of the update. So a run
with a folder may be interrupted, or killed, at any moment. The same call goes on with it: on a CPU
to the same weights and the same metrics, bit by bit, as if nothing had happened.
"""

import os
import signal
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from .. import bound, pixels
from ..chain import as_chain
from ..checks import check_parts
from ..evaluation import Evaluation, check_clusters, evaluate, evenly_chosen
from ..files import PathLike
from ..model import DiffEnc, check_images
from ..signature import disagreements, signature
from .config import TrainConfig
from .draws import FOR_EVALUATION, draw_batch, rank_and_size, seeded, seeded_dropout
from .folder import RunFolder, fingerprint
from .speed import bf16_if_faster, keep_freed_memory
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
    model: DiffEnc = field(repr=False)

    @property
    def total(self) -> float:
        return self.prior + self.reconstruction + self.diffusion


def train(
    model: DiffEnc,
    images: Tensor,
    config: TrainConfig,
    folder: PathLike | None = None,
    held_out: Tensor | None = None,
) -> Progress:
    """Minimise L0 + L1 + L4 to the end, with a progress bar; the last Progress

    With `config.loss_steps` it is L3 instead of L4, and so in the evaluations.

    Args:
        model: its weights are trained in place, on its device; `progress.model` is the average.
        images: uint8 (N, ...), from which batches are drawn with replacement.
        folder: for resume.pt and metrics.jsonl (see folder.py). If a run with the same settings was
            stopped there, it goes on with the weights that it had.
        held_out: images to evaluate on; of these, `evaluate_images` evenly chosen ones.

    An interrupt waits for the end of the update, and of an evaluation that is due then, saves and
    leaves with KeyboardInterrupt. If torch.distributed is initialised, each process takes its part
    of a batch. To train a finished model further, start a new run with its weights (`start_from`).
    Raises ValueError for settings that do not fit the model, the images or the run in the folder,
    and for parts that `check_parts` refuses; FloatingPointError, before it touches the weights, if
    loss or gradient is not finite; OSError.
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
    Leaving the loop early saves, if there is a folder; a generator with a name, once it is closed.
    """
    from tqdm.auto import tqdm

    _check(model, images, config, folder, held_out, clusters)
    images = images.to(model.device)
    chain = None if config.loss_steps is None else as_chain(config.loss_steps)
    held_out, clusters = (
        None if given is None else evenly_chosen(given, config.evaluate_images)
        for given in (held_out, clusters)
    )
    fast_model = bf16_if_faster(model, tuple(images.shape[1:])) if config.bf16 else model
    state, sums = State(model, config), torch.zeros(4, dtype=torch.float64)  # of the terms, of 1
    state.averaged = state.averaged.with_parts(_card={})  # it told of the start
    is_main, run = rank_and_size()[0] == 0, None
    if folder is not None and is_main:  # the only process that reads and writes
        used = {"bf16": fast_model is not model}  # which depends on the processor too
        run = RunFolder(folder, config.as_dict() | used | fingerprint(model, images, held_out))

    def due(every: int) -> bool:
        return state.update == config.updates or state.update % every == 0

    def save() -> None:
        if run is not None:
            run.save({**state.save(), "window": sums, "gamma": signature(model)["gamma"]})

    def report(evaluated: bool) -> Progress:
        evaluation = None
        if evaluated and held_out is not None:
            generator = seeded(model.device, config, FOR_EVALUATION)  # always the same
            evaluation = evaluate(
                state.averaged, held_out, config.loss_steps, clusters=clusters, generator=generator
            )
        prior, reconstruction, diffusion = (sums[:3] / sums[3]).tolist()
        speed = (state.update - since) * config.batch / (time.perf_counter() - clock)
        return Progress(
            state.update, config.updates, prior, reconstruction, diffusion, speed, evaluation,
            state.averaged,
        )  # fmt: skip

    restored = [None if run is None else run.restore()]
    if rank_and_size()[1] > 1:
        dist.broadcast_object_list(restored)
    if (saved := restored[0]) is None:
        save()  # so that metrics never stand alone, and a full disk is noticed now
    else:
        sums = saved["window"]
        state.load(saved)
        told = {"gamma": signature(model)["gamma"]}  # with trained parts, only now
        if differing := disagreements({"gamma": saved["gamma"]}, told):
            raise ValueError(f"{folder} holds a run with another schedule: {differing[0]}")
    if model.device.type == "cpu":
        keep_freed_memory()
    since, clock = state.update, time.perf_counter()
    if state.update == config.updates:  # before: its last Progress again
        yield report(evaluated=True)
    shown = tqdm(
        total=config.updates, initial=state.update, unit="update",
        mininterval=0.5,  # a notebook loses messages when they are too many
        disable=not (bar and is_main),
    )  # fmt: skip
    try:
        while state.update < config.updates:
            with interrupts_held_back():
                index, depth_draws, eps, eps_0 = draw_batch(model, images, config, state.update)
                batch = images[index]
                with seeded_dropout(model.device, config, state.update):
                    losses = bound.bound_at(fast_model, batch, depth_draws, eps, eps_0, chain)
                terms = [losses.prior.mean(), losses.reconstruction.mean(), losses.diffusion.mean()]
                values = state.descend(pixels.bits_per_dim(torch.stack(terms), losses.dims))
                sums += torch.tensor([*values, 1.0], dtype=torch.float64)
                shown.update()
                evaluated, progress = held_out is not None and due(config.evaluate_every), None
                if evaluated or due(config.log_every):
                    progress = report(evaluated)
                    shown.set_postfix_str(f"{progress.total:.3f} bits/dim")
                    if run is not None:
                        run.log(progress)
                    if state.update < config.updates:  # else they are for a report when resumed
                        sums.zero_()
                if due(config.checkpoint_every):
                    save()
            if progress is not None:
                yield progress
                since, clock = state.update, time.perf_counter()
    except (KeyboardInterrupt, GeneratorExit):
        save()
        raise
    finally:
        shown.close()


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


def _check(model: Any, images: Any, config: Any, folder: Any, held_out: Any, clusters: Any) -> None:
    check_images(model, images)
    if folder is not None and not isinstance(folder, str | os.PathLike):
        raise TypeError(f"folder must be a path; got {type(folder).__name__}")
    if not any(weight.requires_grad for weight in model.parameters()):
        raise ValueError("model must have weights to train; it has none that require a gradient")
    if not isinstance(config, TrainConfig):
        raise TypeError(f"config must be a TrainConfig, as TrainConfig(200) is; got {config!r}")
    if held_out is not None:
        check_images(model, held_out, "held_out")
        if len(held_out) < 2:
            raise ValueError(f"held_out must have at least 2 images; got {len(held_out)}")
        check_clusters(clusters, held_out)
    elif clusters is not None:
        raise ValueError("clusters must be given with held_out; got no held_out")
    check_parts(model, images)
    ranks, ends = rank_and_size()[1], min(config.ends, config.batch)
    if config.batch % ranks or ends % ranks:
        wanted = f"multiples of the number of processes, {ranks}"
        raise ValueError(f"batch and ends must be {wanted}; got {config.batch} and {ends}")
