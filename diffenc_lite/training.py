"""Training: a generator of progress that notebooks and the command line share.

    for progress in show(train(model, images, TrainConfig(steps=2000), held_out=test_images)):
        ...                                            # progress.model is the averaged model so far

What is random in a step depends on the seed and the number of the step alone. So a run that was
stopped, or killed, goes on exactly as if nothing had happened, and needs no state of a generator.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import signal
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

from . import checkpoint, pixels
from .bound import diffusion_loss, elbo, end_losses, low_discrepancy
from .model import DiffEnc

Tensors = tuple[Tensor, ...] | list[Tensor]
TERMS = ("prior", "reconstruction", "diffusion")
RESUME, METRICS = "resume.pt", "metrics.jsonl"  # in the folder of a run
STEP, DROPOUT, EVALUATE = range(3)  # what a seed is for


@dataclass(frozen=True)
class TrainConfig:
    """How to train. Every number here changes the result, so a run goes on only with the same.

    steps: updates of the weights, each from `batch` images.
    lr: the learning rate rises to it linearly in `warmup` steps, while a cosine takes it down to
        lr * final_lr at the end.
    betas, weight_decay: of AdamW; only tensors of two or more axes decay (no biases, norms or end
        points of a schedule).
    ema: decay of the moving average of the weights; (1 + n)/(10 + n) in step n until then.
    ends: prior and reconstruction are measured on the first so many images of each batch: unbiased,
        and it saves the encodings at t = 0 and 1 and the softmax over all levels for the rest.
    log_every, evaluate_every, checkpoint_every: in steps. evaluate_images: how many of held_out.
    fast: on CUDA, bf16 autocast and a compiled denoiser (not yet measured). Not the encoder:
        torch.compile does not go through forward mode.
    """

    steps: int
    batch: int = 128
    lr: float = 1e-3
    warmup: int = 100
    final_lr: float = 0.01
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

    def __post_init__(self) -> None:
        object.__setattr__(self, "betas", tuple(self.betas))
        for name in ("steps", "batch", "ends", "log_every", "evaluate_every", "evaluate_images",
                     "checkpoint_every"):  # fmt: skip
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1; got {getattr(self, name)}")
        if self.ends > self.batch:
            raise ValueError(f"ends must be at most batch ({self.batch}); got {self.ends}")
        if not self.lr > 0:
            raise ValueError(f"lr must be positive; got {self.lr}")
        if self.seed < 0:
            raise ValueError(f"seed must be 0 or more; got {self.seed}")
        if not 0 <= self.ema < 1:
            raise ValueError(f"ema must be in [0, 1); got {self.ema}")


def learning_rate(config: TrainConfig, step: int) -> float:
    """In update number `step`, counted from 0."""
    warm = min(1.0, (step + 1) / max(1, config.warmup))
    cosine = 0.5 * (1 + math.cos(math.pi * step / config.steps))
    return config.lr * warm * (config.final_lr + (1 - config.final_lr) * cosine)


@dataclass(frozen=True)
class Evaluation:
    """Means over n images in bits per dimension, and the standard error of the total."""

    prior: float
    reconstruction: float
    diffusion: float
    total: float
    standard_error: float
    n: int


@torch.no_grad()
def evaluate(
    model: DiffEnc,
    images: Tensor,
    steps: int | None = None,
    ratio: float | Tensor = 1.0,
    passes: int = 1,
    batch: int = 250,
    generator: torch.Generator | None = None,
) -> Evaluation:
    """The bound on all images, at infinite depth or with `steps` steps                      L0-L4

    The standard error is over images, each first averaged over `passes` draws of t and noise.
    Within a batch t has low discrepancy: the mean is a little better than the error says.
    Args: images uint8 (N, ...); ratio, generator as in `elbo`. Raises as `elbo` does.
    """
    if passes < 1 or batch < 1:
        raise ValueError(f"passes and batch must be at least 1; got {passes} and {batch}")
    was_training = model.training
    model.eval()
    total = torch.zeros(3, len(images), dtype=torch.float64)
    for _ in range(passes):
        for start in range(0, len(images), batch):
            part = images[start : start + batch].to(model.device)
            bound = elbo(model, part, steps, ratio, generator=generator)
            nats = torch.stack([getattr(bound, term) for term in TERMS])
            total[:, start : start + len(part)] += pixels.bits_per_dim(nats, bound.dims).cpu()
    model.train(was_training)
    terms = total / passes  # (3, N)
    error = terms.sum(0).std() / math.sqrt(len(images))
    means = dict(zip(TERMS, terms.mean(1).tolist(), strict=True))
    return Evaluation(
        **means, total=sum(means.values()), standard_error=error.item(), n=len(images)
    )


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
    folder: str | os.PathLike[str] | None = None,
    held_out: Tensor | None = None,
) -> Generator[Progress, None, None]:
    """Minimise L0 + L1 + L4 by AdamW; yields a Progress every `log_every` steps, and at the end.

    Args:
        model: its weights are trained in place, on its device; `progress.model` is the average.
        images: uint8 (N, ...), from which batches are drawn with replacement.
        folder: where resume.pt and metrics.jsonl go. If a run with the same settings was stopped
            there, it goes on; on a CPU to the same weights and the same metrics, bit by bit.
        held_out: images to evaluate on, `evaluate_images` evenly chosen ones.

    An interrupt waits for the end of the step, saves and leaves with KeyboardInterrupt. Leaving the
    loop early saves too. If torch.distributed is initialised, each rank takes its part of a batch.
    Raises ValueError for settings that do not fit the model, the images or the run in the folder;
    FloatingPointError, before it touches the weights, if loss or gradient is not finite; OSError.
    """
    return _steps(_Run(model, images, config, folder, held_out))


def _steps(run: _Run) -> Generator[Progress, None, None]:
    try:
        while run.step < run.config.steps:
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
    if held and callable(previous):
        previous(signal.SIGINT, None)


class _Loss(nn.Module):
    """The three terms of a batch in one forward pass, as DistributedDataParallel wants it."""

    def __init__(self, model: DiffEnc, bf16: bool):
        super().__init__()
        self.model, self.bf16 = model, bf16

    def forward(self, images: Tensor, t: Tensor, noise: Tensor, noise_0: Tensor) -> Tensor:
        """-> prior, reconstruction and diffusion in bits per dimension, (3,)"""
        x = pixels.to_unit(images, self.model.levels, noise.dtype)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.bf16):
            diffusion = diffusion_loss(self.model, x, t, noise)
            prior, reconstruction = end_losses(self.model, images[: len(noise_0)], noise_0)
        nats = torch.stack([prior.mean(), reconstruction.mean(), diffusion.mean()])
        return pixels.bits_per_dim(nats, x[0].numel())


class _Run:
    """The state of a training: `advance` makes one step, `save` writes what it needs to go on."""

    def __init__(
        self,
        model: DiffEnc,
        images: Tensor,
        config: TrainConfig,
        folder: str | os.PathLike[str] | None,
        held_out: Tensor | None,
    ):
        _check_images("images", images, model)
        model.shape = tuple(images.shape[1:])
        if held_out is not None:
            _check_images("held_out", held_out, model)
            chosen = min(config.evaluate_images, len(held_out))
            held_out = held_out[torch.arange(chosen) * len(held_out) // chosen].to(model.device)
        distributed = dist.is_available() and dist.is_initialized()
        self.rank, self.ranks = (dist.get_rank(), dist.get_world_size()) if distributed else (0, 1)
        if config.batch % self.ranks or config.ends % self.ranks:
            raise ValueError(
                f"batch and ends must be multiples of the number of processes, {self.ranks}; "
                f"got {config.batch} and {config.ends}"
            )
        self.model, self.config, self.held_out = model, config, held_out
        self.images = images.to(model.device)
        self.folder = Path(folder) if folder is not None and self.rank == 0 else None
        self.step, self.reported, self.saved = 0, 0, -1  # now; at the last line; at the last save
        self.sums, self.timed, self.seconds = [0.0, 0.0, 0.0], 0, 0.0  # since the last line
        self.ema = AveragedModel(model.eval(), multi_avg_fn=self._average).requires_grad_(False)
        model.train()
        self.averaged: DiffEnc = self.ema.module  # type: ignore[assignment]
        self.weights = [p for p in model.parameters() if p.requires_grad]
        groups: list[dict[str, Any]] = [
            {"params": [p for p in self.weights if p.ndim >= 2]},
            {"params": [p for p in self.weights if p.ndim < 2], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(
            groups, betas=config.betas, weight_decay=config.weight_decay, fused=True
        )
        self._resume()
        fast = config.fast and model.device.type == "cuda"
        if fast:
            model.denoiser.compile()
        loss = _Loss(model, fast)
        self.loss = DistributedDataParallel(loss) if distributed else loss

    # ---- one step --------------------------------------------------------------------------------

    def advance(self) -> Progress | None:
        """One step, and what is due after it; the Progress if there is something to tell."""
        start = time.perf_counter()
        terms = self._update()
        self.sums = [a + b for a, b in zip(self.sums, terms, strict=True)]
        self.timed, self.seconds = self.timed + 1, self.seconds + time.perf_counter() - start

        config, last = self.config, self.step == self.config.steps
        evaluation = progress = None
        if self.held_out is not None and (last or self.step % config.evaluate_every == 0):
            draws = self._generator(EVALUATE)  # the same at every evaluation: a smoother curve
            evaluation = evaluate(self.averaged, self.held_out, generator=draws)
        if last or evaluation is not None or self.step % config.log_every == 0:
            progress = self._report(evaluation)
        if last or self.step % config.checkpoint_every == 0:
            self.save()
        return progress

    def _update(self) -> list[float]:
        batch = self._draw_batch()
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.config, self.step)
        self.optimizer.zero_grad()
        device = self.model.device
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(self._seed(DROPOUT, self.step, self.rank))
            terms = self.loss(*batch)
        joined = terms.detach().clone()
        if self.ranks > 1:
            dist.all_reduce(joined)
        values = (joined / self.ranks).tolist()
        self._check_finite("loss", sum(values), values)
        terms.sum().backward()
        norm = torch.nn.utils.get_total_norm([p.grad for p in self.weights if p.grad is not None])
        self._check_finite("gradient", norm.item(), values)
        self.optimizer.step()
        self.ema.update_parameters(self.model)
        self.step += 1
        return values

    def _draw_batch(self) -> tuple[Tensor, ...]:
        """images, t, noise and noise_0 of this rank. All ranks draw all of it, and each takes every
        n-th: its part of the first `ends` images too, and an even cover of t."""
        batch, ends, shape = self.config.batch, self.config.ends, self.images.shape[1:]
        draws, device = self._generator(STEP, self.step), self.model.device
        index = torch.randint(len(self.images), (batch,), generator=draws, device=device)
        noise = torch.randn(
            (batch + ends, *shape), generator=draws, dtype=self.model.dtype, device=device
        )
        t = low_discrepancy(batch, noise, draws)
        mine = slice(self.rank, None, self.ranks)
        return self.images[index[mine]], t[mine], noise[:batch][mine], noise[batch:][mine]

    def _check_finite(self, what: str, value: float, terms: list[float]) -> None:
        if not math.isfinite(value):
            named = ", ".join(f"{n} {x:.4g}" for n, x in zip(TERMS, terms, strict=True))
            raise FloatingPointError(
                f"the {what} is not finite in step {self.step + 1} ({named} bits/dim); the weights "
                f"are those before it. Try a smaller lr (now {self.config.lr:g}), a longer warmup "
                f"(now {self.config.warmup}), or fast=False on a GPU"
            )

    def _average(self, averaged: Tensors, weights: Tensors, n: Tensor | int) -> None:
        decay = min(self.config.ema, (1 + int(n)) / (10 + int(n)))
        torch._foreach_lerp_(averaged, weights, 1 - decay)

    def _seed(self, *numbers: int) -> int:
        mixed = np.random.SeedSequence([self.config.seed, *numbers])
        return int(mixed.generate_state(1, np.uint64)[0])

    def _generator(self, *numbers: int) -> torch.Generator:
        return torch.Generator(self.model.device).manual_seed(self._seed(*numbers))

    # ---- on disk ---------------------------------------------------------------------------------

    def _report(self, evaluation: Evaluation | None) -> Progress:
        """The Progress since the last one; its lines in the metrics, nothing in them that a second
        run would not repeat."""
        means = (total / (self.step - self.reported) for total in self.sums)
        terms = dict(zip(TERMS, means, strict=True))
        progress = Progress(
            step=self.step,
            steps=self.config.steps,
            **terms,
            images_per_second=self.timed * self.config.batch / self.seconds,
            evaluation=evaluation,
            model=self.averaged,
        )
        self.sums, self.reported, self.timed, self.seconds = [0.0, 0.0, 0.0], self.step, 0, 0.0
        if self.folder is not None:
            lines: list[dict[str, Any]]
            lines = [{"step": self.step, "split": "train", **terms, "total": progress.total}]
            if evaluation is not None:
                lines.append({"step": self.step, "split": "held out", **asdict(evaluation)})
            text = "".join(json.dumps(line) + "\n" for line in lines)
            path = self.folder / METRICS
            with checkpoint.writing(path), path.open("ab") as file:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
        return progress

    def save(self) -> None:
        """Write resume.pt, if there is a folder and anything new."""
        if self.folder is None or self.saved == self.step:
            return
        metrics = self.folder / METRICS
        state = {
            "settings": self._settings(),
            "step": self.step,
            "reported": self.reported,
            "sums": self.sums,
            "metrics": metrics.stat().st_size if metrics.exists() else 0,
            "model": self.model.state_dict(),
            "ema": self.ema.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        checkpoint.save_resume(self.folder / RESUME, state)
        self.saved = self.step

    def _resume(self) -> None:
        found = [None if self.folder is None else self._read_folder(self.folder)]
        if self.ranks > 1:
            dist.broadcast_object_list(found)
        state = found[0]
        if state is None:
            self.save()  # so that metrics never stand alone, and a full disk is noticed now
            return
        try:
            self.model.load_state_dict(state["model"])
            self.ema.load_state_dict(state["ema"])
            self.optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, ValueError) as error:
            raise ValueError(f"{RESUME} in the folder does not fit this model: {error}") from None
        self.step = self.saved = state["step"]
        self.reported, self.sums = state["reported"], state["sums"]

    def _read_folder(self, folder: Path) -> dict[str, Any] | None:
        """The state of the run in the folder, and its metrics cut back to what they were then."""
        metrics = folder / METRICS
        size = metrics.stat().st_size if metrics.exists() else 0
        if not (folder / RESUME).exists():
            if size:
                raise ValueError(f"folder has a {METRICS} but no {RESUME} to go on from: {folder}")
            return None
        state = checkpoint.load_resume(folder / RESUME)
        there, here = state["settings"], self._settings()
        if differing := [name for name in here if here[name] != there.get(name)]:
            pairs = "; ".join(f"{n} {there.get(n)!r} there, {here[n]!r} here" for n in differing)
            raise ValueError(
                f"folder holds a run with other settings ({pairs}). Give another folder, or the "
                f"same settings to go on: {folder}"
            )
        if size < state["metrics"]:
            raise ValueError(f"{metrics} is shorter than when {RESUME} was written: {size} bytes")
        if size > state["metrics"]:  # written after that, and to be written again
            with checkpoint.writing(metrics):
                os.truncate(metrics, state["metrics"])
        return state

    def _settings(self) -> dict[str, Any]:
        """What must be the same for a run to go on."""
        model = self.model
        return {
            **asdict(self.config),
            "encoder": type(model.encoder).__name__,
            "schedule": type(model.schedule).__name__,
            "parameters": sum(p.numel() for p in model.parameters()),
            "model": None if model.config is None else asdict(model.config),
            "images": _digest(self.images),
            "held_out": None if self.held_out is None else _digest(self.held_out),
        }


def _digest(images: Tensor) -> str:
    return hashlib.sha256(images.cpu().numpy().tobytes()).hexdigest()[:16]


def _check_images(name: str, images: Tensor, model: DiffEnc) -> None:
    if not isinstance(images, Tensor) or images.dtype != torch.uint8:
        given = images.dtype if isinstance(images, Tensor) else type(images).__name__
        raise TypeError(f"{name} must be a torch.uint8 tensor (N, ...); got {given}")
    shape = tuple(images.shape[1:]) if model.shape is None else model.shape
    if images.dim() < 2 or not len(images) or tuple(images.shape[1:]) != shape:
        raise ValueError(
            f"{name} must have shape (N, {', '.join(map(str, shape))}) for this model, with N >= 1;"
            f" got {tuple(images.shape)}"
        )
    pixels.to_unit(images.amax(), model.levels)  # raises if a level is too high


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
