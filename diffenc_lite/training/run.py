"""A training from outside: its progress, its folder, its interruptions.

    last = train(model, images, TrainConfig(2000), held_out=test_images)    # last.model, averaged
    for progress in train_steps(model, images, TrainConfig(2000)):          # or step by step
        ...                                            # progress.model is the averaged model so far

A run with a folder may be interrupted, or killed, at any moment. The same call goes on with it: on
a CPU to the same weights and the same metrics, bit by bit, as if nothing had happened.
"""

from __future__ import annotations

import hashlib
import signal
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import torch.distributed as dist
from torch import Tensor, nn

from ..evaluation import Evaluation, evaluate, evenly
from ..files import PathLike
from ..model import DiffEnc, check_model
from .config import TrainConfig
from .folder import RunFolder
from .loop import EVALUATION, TERMS, State, generator, process_of, updates
from .memory import keep_freed_memory


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
    """Minimise L0 + L1 + L4 by AdamW to the end, with a progress bar; the last Progress

    With `config.chain` it is L3 instead of L4, and so in the evaluations.

    Args:
        model: its weights are trained in place, on its device; `progress.model` is the average.
        images: uint8 (N, ...), from which batches are drawn with replacement.
        folder: for resume.pt and metrics.jsonl (see folder.py). If a run with the same settings was
            stopped there, it goes on: on the same CPU with as many threads to the same weights and
            metrics, bit by bit.
        held_out: images to evaluate on; of these, `evaluate_images` evenly chosen ones.

    An interrupt waits for the end of the update, saves and leaves with KeyboardInterrupt. If
    torch.distributed is initialised, each process takes its part of a batch.
    Raises ValueError for settings that do not fit the model, the images or the run in the folder;
    FloatingPointError, before it touches the weights, if loss or gradient is not finite; OSError.
    """
    for progress in with_bar(train_steps(model, images, config, folder, held_out)):
        last = progress
    return last


def train_steps(
    model: DiffEnc,
    images: Tensor,
    config: TrainConfig,
    folder: PathLike | None = None,
    held_out: Tensor | None = None,
) -> Generator[Progress, None, None]:
    """`train` from inside: yields a Progress every `log_every` updates and at the end

    Arguments are checked at once, but it trains only while it is looped over. Leaving the loop
    early saves, if there is a folder.
    """
    _check(model, images, config, held_out)
    return _Run(model, images, config, folder, held_out).progress()


class _Run:
    """A training with its window of terms and its folder."""

    def __init__(
        self,
        model: DiffEnc,
        images: Tensor,
        config: TrainConfig,
        folder: PathLike | None,
        held_out: Tensor | None,
    ):
        if held_out is not None:
            held_out = evenly(held_out, config.evaluate_images).to(model.device)
        if config.keep_memory and model.device.type == "cpu":
            keep_freed_memory()
        model.shape = tuple(images.shape[1:])
        self.config, self.held_out = config, held_out
        self.images, self.state = images.to(model.device), State(model, config)
        self.window = _Window()
        self.saved = -1  # the update of the last save
        self.folder = None
        if folder is not None and process_of()[0] == 0:  # the only one that reads and writes
            settings = {**config.plain(), **_identity(model, images, held_out)}
            self.folder = RunFolder(folder, settings)
        self._resume()

    def progress(self) -> Generator[Progress, None, None]:
        if self.state.update == self.config.updates:  # finished before: its last Progress again
            yield self._report()
            return
        loop = updates(self.state, self.images, self.config)
        try:
            while self.state.update < self.config.updates:
                with _no_interrupt():
                    if self._reports(self.state.update):  # reported before: a new window
                        self.window = _Window()
                    start = time.perf_counter()
                    terms = next(loop)  # one update
                    self.window.add(terms, time.perf_counter() - start)
                    progress = self._due()
                if progress is not None:
                    yield progress
        except (KeyboardInterrupt, GeneratorExit):
            self._save()
            raise

    # --- what is due after an update ---

    def _due(self) -> Progress | None:
        update, progress = self.state.update, None
        if self._reports(update):
            progress = self._report()
            if self.folder is not None:
                self.folder.log(_lines(progress))
        if update == self.config.updates or update % self.config.checkpoint_every == 0:
            self._save()
        return progress

    def _evaluates(self, update: int) -> bool:
        due = update == self.config.updates or update % self.config.evaluate_every == 0
        return due and self.held_out is not None

    def _reports(self, update: int) -> bool:
        last = update == self.config.updates
        return last or update % self.config.log_every == 0 or self._evaluates(update)

    def _report(self) -> Progress:
        update, evaluation = self.state.update, None
        if self.held_out is not None and self._evaluates(update):
            draws = generator(self.state.model, self.config, EVALUATION)  # the same every time
            chain = self.config.chain
            evaluation = evaluate(self.state.averaged, self.held_out, chain, generator=draws)
        prior, reconstruction, diffusion = self.window.means()
        return Progress(
            update=update,
            updates=self.config.updates,
            prior=prior,
            reconstruction=reconstruction,
            diffusion=diffusion,
            images_per_second=self.window.updates_per_second() * self.config.batch,
            evaluation=evaluation,
            model=self.state.averaged,
        )

    # --- the folder ---

    def _save(self) -> None:
        """Write resume.pt, if there is a folder and anything new."""
        if self.folder is not None and self.saved < self.state.update:
            window = {"sums": self.window.sums, "updates": self.window.updates}
            self.folder.save({**self.state.save(), "window": window})
            self.saved = self.state.update

    def _resume(self) -> None:
        states = [None if self.folder is None else self.folder.load()]
        if process_of()[1] > 1:
            dist.broadcast_object_list(states)
        if (saved := states[0]) is None:
            self._save()  # so that metrics never stand alone, and a full disk is noticed now
            return
        self.state.load(saved)
        self.window, self.saved = _Window(**saved["window"]), self.state.update


@dataclass
class _Window:
    """Sums of the three terms over so many updates, and the seconds that those made here took."""

    sums: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    updates: int = 0
    timed: int = 0
    seconds: float = 0.0

    def add(self, terms: list[float], seconds: float) -> None:
        self.seconds += seconds
        self.sums = [a + b for a, b in zip(self.sums, terms, strict=True)]
        self.updates, self.timed = self.updates + 1, self.timed + 1

    def means(self) -> list[float]:
        return [total / self.updates for total in self.sums]

    def updates_per_second(self) -> float:
        return self.timed / max(self.seconds, 1e-9)


@contextmanager
def _no_interrupt() -> Iterator[None]:
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
        raise TypeError(
            f"config must be a TrainConfig; got {config!r}. Write TrainConfig(200) for 200 updates"
        )
    model.check(images)
    if held_out is not None:
        model.check(held_out, "held_out")
        if len(held_out) < 2:
            raise ValueError(f"held_out must have at least 2 images; got {len(held_out)}")
    ranks = process_of()[1]
    if config.batch % ranks or config.first % ranks:
        raise ValueError(
            f"batch and ends must be multiples of the number of processes, {ranks}; "
            f"got {config.batch} and {config.first}"
        )


def _lines(progress: Progress) -> list[dict[str, Any]]:
    """Lines for the metrics: only what a second run would repeat exactly."""
    terms = {name: getattr(progress, name) for name in (*TERMS, "total")}
    lines = [{"update": progress.update, "split": "train", **terms}]
    if progress.evaluation is not None:
        evaluated = asdict(progress.evaluation)
        lines.append({"update": progress.update, "split": "held out", **evaluated})
    return lines


def _identity(model: DiffEnc, images: Tensor, held_out: Tensor | None) -> dict[str, str | None]:
    """What tells model, its start and data from others: a run goes on only with the same."""

    def digest(content: bytes) -> str:
        return hashlib.sha256(content).hexdigest()[:16]

    modules = [type(module).__name__ for module in model.modules()]
    shapes = {name: tuple(weight.shape) for name, weight in model.state_dict().items()}
    schedule, settings = model.schedule, model.settings()
    if isinstance(schedule, nn.Module) and next(schedule.parameters(), None) is not None:
        del settings["gamma"]  # it is trained
    unnamed = digest(repr((modules, shapes, settings)).encode())
    return {
        "model": repr(model.config) if model.config else unnamed,
        "start": getattr(model, "start", None),
        "images": digest(images.cpu().numpy().tobytes()),
        "held_out": None if held_out is None else digest(held_out.cpu().numpy().tobytes()),
    }


# ---- a bar ---------------------------------------------------------------------------------------


def with_bar(steps: Generator[Progress, None, None]) -> Iterator[Progress]:
    """What `train_steps` yields, with a bar beside it, in a notebook as a widget."""
    from tqdm.auto import tqdm

    with closing(steps), tqdm(unit="update") as bar:
        for progress in steps:
            bar.total = progress.updates
            bar.update(progress.update - bar.n)
            bar.set_postfix_str(f"{progress.total:.3f} bits/dim")
            yield progress
