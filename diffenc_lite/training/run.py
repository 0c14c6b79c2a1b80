"""Training: a generator of progress that notebooks and the command line share.

    for progress in show(train(model, images, TrainConfig(steps=2000), held_out=test_images)):
        ...                                            # progress.model is the averaged model so far

A run with a folder may be interrupted, or killed, at any moment; the same call goes on with it, on
a CPU to the same weights and the same metrics, bit by bit, as if nothing had happened.
"""

from __future__ import annotations

import hashlib
import signal
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from ..evaluation import Evaluation, evaluate, evenly
from ..files import PathLike
from ..model import DiffEnc
from .folder import RunFolder
from .loop import EVALUATION, TERMS, TrainConfig, Trainer, check_images


@dataclass(frozen=True)
class Progress:
    """How far the training is. The terms are in bits per dimension, each the mean over the steps
    since the last Progress; `evaluation` is of the averaged model, where one was due.

    model: the averaged model. It goes on changing as the training does.
    """

    step: int
    steps: int
    prior: float
    reconstruction: float
    diffusion: float
    images_per_second: float
    evaluation: Evaluation | None
    model: DiffEnc

    @property
    def total(self) -> float:
        return self.prior + self.reconstruction + self.diffusion


def train(
    model: DiffEnc,
    images: Tensor,
    config: TrainConfig,
    folder: PathLike | None = None,
    held_out: Tensor | None = None,
) -> Generator[Progress, None, None]:
    """Minimise L0 + L1 + L4 by AdamW; yields a Progress every `log_every` steps, and at the end.

    With `config.depth` it is L3 instead of L4 (and so in the evaluations), with `config.ratio`.

    Args:
        model: its weights are trained in place, on its device; `progress.model` is the average.
        images: uint8 (N, ...), from which batches are drawn with replacement.
        folder: for resume.pt and metrics.jsonl (see folder.py). If a run with the same settings was
            stopped there, it goes on: on the same CPU with as many threads to the same weights and
            metrics, bit by bit.
        held_out: images to evaluate on; of these, `evaluate_images` evenly chosen ones.

    An interrupt waits for the end of the step, saves and leaves with KeyboardInterrupt. Leaving the
    loop early saves too. If torch.distributed is initialised, each rank takes its part of a batch.
    Raises ValueError for settings that do not fit the model, the images or the run in the folder;
    FloatingPointError, before it touches the weights, if loss or gradient is not finite; OSError.
    """
    return _steps(_Run(model, images, config, folder, held_out))


def _steps(run: _Run) -> Generator[Progress, None, None]:
    if run.trainer.step == run.config.steps:  # finished before: tell the end again
        yield run.progress()
    try:
        while run.trainer.step < run.config.steps:
            with _whole():
                progress = run.advance()
            if progress is not None:
                yield progress
    except (KeyboardInterrupt, GeneratorExit):
        run.save()
        raise


@contextmanager
def _whole() -> Iterator[None]:
    """Hold SIGINT back until the end of the block: half a step is no state to save."""
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
        signal.raise_signal(signal.SIGINT)  # now to whoever handles it otherwise


class _Run:
    """What is due when: `advance` makes one step, reports, evaluates and saves."""

    def __init__(
        self,
        model: DiffEnc,
        images: Tensor,
        config: TrainConfig,
        folder: PathLike | None,
        held_out: Tensor | None,
    ):
        if held_out is not None:
            check_images("held_out", held_out, model)
            held_out = evenly(held_out, config.evaluate_images).to(model.device)
        self.trainer = Trainer(model, images, config)
        self.config, self.held_out = config, held_out
        self.saved = -1  # the step of the last save
        self.sums, self.since = [0.0, 0.0, 0.0], 0  # of the terms, over the steps after `since`
        self.timed, self.seconds = 0, 0.0  # how many of these were made here, and how long it took
        self.folder = None
        if folder is not None and self.trainer.rank == 0:  # the only one that reads and writes
            settings = {**asdict(config), **_identity(model, images, held_out)}
            self.folder = RunFolder(folder, settings)
        self._resume()

    def advance(self) -> Progress | None:
        """One step, and what is due after it; the Progress if there is something to tell."""
        if self._tells(self.trainer.step):
            self.sums, self.since = [0.0, 0.0, 0.0], self.trainer.step
            self.timed, self.seconds = 0, 0.0
        start = time.perf_counter()
        terms = self.trainer.advance()
        self.sums = [a + b for a, b in zip(self.sums, terms, strict=True)]
        self.timed, self.seconds = self.timed + 1, self.seconds + time.perf_counter() - start

        step, progress = self.trainer.step, None
        if self._tells(step):
            progress = self.progress()
            if self.folder is not None:
                self.folder.log(_lines(progress))
        if step == self.config.steps or step % self.config.checkpoint_every == 0:
            self.save()
        return progress

    def _evaluates(self, step: int) -> bool:
        due = step == self.config.steps or step % self.config.evaluate_every == 0
        return due and self.held_out is not None

    def _tells(self, step: int) -> bool:
        last = step == self.config.steps
        return last or step % self.config.log_every == 0 or self._evaluates(step)

    def progress(self) -> Progress:
        """After a step that tells."""
        step, evaluation = self.trainer.step, None
        if self.held_out is not None and self._evaluates(step):
            draws = self.trainer.generator(EVALUATION)  # the same every time: a smoother curve
            depth, ratio = self.config.depth, torch.as_tensor(self.config.ratio)
            model = self.trainer.averaged
            evaluation = evaluate(model, self.held_out, depth, ratio, generator=draws)
        prior, reconstruction, diffusion = (total / (step - self.since) for total in self.sums)
        return Progress(
            step=step,
            steps=self.config.steps,
            prior=prior,
            reconstruction=reconstruction,
            diffusion=diffusion,
            images_per_second=self.timed * self.config.batch / max(self.seconds, 1e-9),
            evaluation=evaluation,
            model=self.trainer.averaged,
        )

    def save(self) -> None:
        """Write resume.pt, if there is a folder and anything new."""
        if self.folder is not None and self.saved < self.trainer.step:
            window = {"sums": self.sums, "since": self.since}
            self.folder.save({"trainer": self.trainer.state(), **window})
            self.saved = self.trainer.step

    def _resume(self) -> None:
        found = [None if self.folder is None else self.folder.load()]
        if self.trainer.ranks > 1:
            dist.broadcast_object_list(found)
        if (state := found[0]) is None:
            self.save()  # so that metrics never stand alone, and a full disk is noticed now
            return
        self.trainer.load(state["trainer"])
        self.sums, self.since, self.saved = state["sums"], state["since"], self.trainer.step


def _lines(progress: Progress) -> list[dict[str, Any]]:
    """For the metrics: what would be the same in a second run."""
    terms = {name: getattr(progress, name) for name in (*TERMS, "total")}
    lines = [{"step": progress.step, "split": "train", **terms}]
    if progress.evaluation is not None:
        lines.append({"step": progress.step, "split": "held out", **asdict(progress.evaluation)})
    return lines


def _identity(model: DiffEnc, images: Tensor, held_out: Tensor | None) -> dict[str, str | None]:
    """What model and data they are: must be the same, besides the configuration, to go on."""

    def digest(content: bytes) -> str:
        return hashlib.sha256(content).hexdigest()[:16]

    parts = [type(part).__name__ for part in model.modules()]
    shapes = {name: tuple(weight.shape) for name, weight in model.state_dict().items()}
    return {
        "model": repr(model.config) if model.config else digest(repr((parts, shapes)).encode()),
        "images": digest(images.cpu().numpy().tobytes()),
        "held_out": None if held_out is None else digest(held_out.cpu().numpy().tobytes()),
    }


# ---- a bar ---------------------------------------------------------------------------------------


def show(run: Generator[Progress, None, None]) -> Iterator[Progress]:
    """The same Progress one after the other, with a bar beside them, in a notebook as a widget."""
    from tqdm.auto import tqdm

    with closing(run), tqdm(unit="step") as bar:
        for progress in run:
            bar.total = progress.steps
            bar.update(progress.step - bar.n)
            bar.set_postfix_str(f"{progress.total:.3f} bits/dim")
            yield progress
