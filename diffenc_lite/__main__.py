"""The command line: python -m diffenc_lite COMMAND ...; --help lists the commands."""

from __future__ import annotations

import argparse
import io
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from . import __version__, pretrained
from .chain import Chain
from .data import ImageSet, data_names, load_mnist, load_named
from .evaluation import Evaluation, evaluate, evenly
from .files import write_whole
from .model import ENCODERS, SCHEDULES, SIZES, ModelConfig, build
from .sampling import sample
from .training import TrainConfig, train_steps

# ---- what a command is ---------------------------------------------------------------------------

Option = tuple[tuple[str, ...], dict[str, Any]]  # of ArgumentParser.add_argument
Run = Callable[[argparse.Namespace], int | None]
COMMANDS: dict[str, tuple[Run, str, str, tuple[Option, ...], str]] = {}


def option(*names: str, **about: Any) -> Option:
    return names, about


def command(
    text: str, example: str, *options: Option, after_interrupt: str = ""
) -> Callable[[Run], Run]:
    """A function run_NAME(args) as the command NAME, with what --help says and its options."""

    def add(run: Run) -> Run:
        name = run.__name__.removeprefix("run_")
        COMMANDS[name] = (run, text, example, options, after_interrupt)
        return run

    return add


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser("python -m diffenc_lite", description=__doc__)
    commands = top.add_subparsers(required=True, metavar=" | ".join(COMMANDS))
    for name, (run, text, example, options, after_interrupt) in COMMANDS.items():
        added = commands.add_parser(
            name,
            help=text.partition(". ")[0],
            description=text,
            epilog=f"example: python -m diffenc_lite {name} {example}".rstrip(),
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )
        added.set_defaults(run=run, after_interrupt=after_interrupt)
        for names, about in options:
            added.add_argument(*names, **about)
    return top


def number_or(*words: str) -> Callable[[str], float | str]:
    """The type of an argument that is a number or one of the words."""

    def read(text: str) -> float | str:
        return text if text in words else float(text)

    read.__name__ = f"number or {' or '.join(words)}"
    return read


DEVICE = option("--device", default="auto", help="cpu, cuda, cuda:1, mps")
DATA = (
    option("--data", choices=data_names(), default="auto",
           help="auto, full, bundled: MNIST; or another set by its name"),
    option("--root", help="folder that holds the data set"),
)  # fmt: skip
MODEL = option("model", help="a .safetensors file, or the name of a pretrained model")
STEPS = (
    option("--ratio", type=number_or("fitted"), default=1, metavar="W",
           help='w, 1 at infinite depth. "fitted": as it comes with a pretrained model and T = 4, '
           "8, 16, 32 or 64"),
    option("--scale", type=number_or("folded", "fitted"), metavar="A/c",
           help="of the mean: a number, folded, or fitted; the paper's mean if not given"),
)  # fmt: skip
OUT = option("out", metavar="OUT", help="folder to write to; no file in it is overwritten")
TRAIN_OPTIONS = {  # of TrainConfig, which has their types and defaults
    "batch": "images in an update",
    "lr": "highest learning rate",
    "warmup": "updates until it is reached",
    "ema": "decay of the averaged weights",
    "ends": "images of a batch for prior and reconstruction; 16, or all, if not given",
    "seed": "of the first weights and of all draws",
    "log_every": "updates between lines of metrics",
    "evaluate_every": "updates between evaluations on test images",
    "evaluate_images": "test images for that; at the end, all",
    "checkpoint_every": "updates between writes of resume.pt",
}


def train_options() -> Iterator[Option]:
    defaults = {field.name: field.default for field in fields(TrainConfig)}
    for name, text in TRAIN_OPTIONS.items():
        default: Any = defaults[name]
        kind = type(default or 1)
        yield option(f"--{name.replace('_', '-')}", type=kind, default=default, help=text)


# ---- commands ------------------------------------------------------------------------------------


@command(
    "Train a model; the same command goes on with a run that was stopped.",
    "runs/learned --encoder learned --data full --updates 20000",
    option("folder", help="for resume.pt, metrics.jsonl and the model with its card"),
    option("--encoder", choices=ENCODERS, default="learned", help="what makes x_t"),
    option("--size", choices=tuple(SIZES), default="small", help="of the networks"),
    option("--schedule", choices=tuple(SCHEDULES), default="fixed", help="of gamma"),
    option("--dropout", type=float, default=0.0, help="of the U-Nets; 0.1 in the paper"),
    option("--start", metavar="MODEL",
           help="begin with its weights: a .safetensors file, or the name of a pretrained model"),
    option("--updates", type=int, default=2000, help="of the weights"),
    *train_options(),
    option("--steps", type=int, help="T of the loss; infinite depth if not given"),
    option("--ratio", type=float, nargs="+", metavar="W",
           help="with --steps: w, one number or one for each of its steps; 1 if not given"),
    option("--no-fast", action="store_true", help="no bf16, and on CUDA nothing compiled"),
    *DATA, DEVICE,
    after_interrupt="; all is saved, and the same command goes on",
)  # fmt: skip
def run_train(args: argparse.Namespace) -> None:
    with _torchrun(args.device) as rank:
        device = _device(args.device)
        data, test = _load(args, "train", device), _load(args, "test", device)
        options = {name: getattr(args, name) for name in TRAIN_OPTIONS}
        ratio = args.ratio[0] if args.ratio and len(args.ratio) == 1 else args.ratio
        config = TrainConfig(
            args.updates, **options, steps=_steps(args.steps, ratio), fast=not args.no_fast
        )
        shape = tuple(data.images.shape[1:])
        torch.manual_seed(config.seed)
        model = build(
            ModelConfig(args.encoder, args.size, args.schedule, shape=shape, dropout=args.dropout)
        ).to(device)
        if args.start is not None:
            model = pretrained.start_from(model, args.start)
        steps = train_steps(model, data.images, config, args.folder, test.images, bar=True)
        path = Path(args.folder) / "model"
        with closing(steps):
            for progress in steps:
                # the first process speaks and writes for all
                if rank == 0 and (evaluation := progress.evaluation) is not None:
                    if progress.update == config.updates:
                        evaluation = evaluate(
                            progress.model, test.images, config.steps, generator=_seeded(0, device)
                        )
                    card = _card(config, data, test, progress.update, evaluation) | model.card
                    pretrained.save_model(progress.model, path, card)
                    _say(f"update {progress.update}: {evaluation}")
        if rank == 0:
            _say(f"{path}.safetensors holds the averaged model, {path}.json its card")


@command(
    "The bound in bits per dimension, with its standard error.",
    "mnist-learned --data full --steps 100",
    MODEL,
    option("--split", choices=("train", "test"), default="test", help="of the data"),
    option("--images", type=int, help="evenly chosen; all if not given"),
    option("--steps", type=int, help="finite depth T; infinite if not given"),
    *STEPS,
    option("--passes", type=int, default=1, help="draws of t and noise for each image"),
    option("--seed", type=int, default=0, help="of these draws"),
    *DATA,
    DEVICE,
)
def run_evaluate(args: argparse.Namespace) -> None:
    device = _device(args.device)
    model, data = pretrained.load_model(args.model, device), _load(args, args.split, device)
    images = evenly(data.images, len(data) if args.images is None else args.images)
    generator = _seeded(args.seed, device)
    result = evaluate(model, images, _chain(args), passes=args.passes, generator=generator)
    depth = "infinite depth" if args.steps is None else _described(args)
    print(f"{args.model} on {data.name} {data.split}, {depth}: {result}")


@command(
    "Draw samples into a picture.",
    "mnist-learned --n 64 --steps 100 --out samples.png",
    MODEL,
    option("--out", default="samples.png", help="the picture, a PNG"),
    option("--n", type=int, default=64, help="samples"),
    option("--steps", type=int, default=100, help="T"),
    *STEPS,
    option("--seed", type=int, default=0, help="of the draws"),
    DEVICE,
)
def run_sample(args: argparse.Namespace) -> None:
    from torchvision.utils import make_grid, save_image

    device = _device(args.device)
    model = pretrained.load_model(args.model, device)
    if model.shape is None or len(model.shape) != 3:
        raise ValueError(f"sample draws pictures (C, H, W); {args.model} makes {model.shape}")
    images = sample(model, args.n, _chain(args) or args.steps, generator=_seeded(args.seed, device))
    grid = make_grid(images.cpu() / (model.levels - 1), round(args.n**0.5), pad_value=0.5)
    png = io.BytesIO()
    save_image(grid, png, format="png")
    write_whole(args.out, png.getvalue())
    print(f"{args.out}: {args.n} samples of {args.model}, {_described(args)}")


def name_and_number(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    return name, int(number)


@command(
    "Run a study of the course, or what is left of it.",
    "toys runs/toys --job 3",
    option("name", metavar="NAME", help="toys, mnist_ratio, ratio_samples, fork, purpose"),
    option("folder", help="for a file of each finished job, and results.json"),
    option("--job", type=int, metavar="K",
           help="run job number K only, counted from 0; if not given, all that are missing"),
    option("--root", help="folder that holds the full MNIST"),
    option("--budget", type=name_and_number, nargs="*", default=[], metavar="NAME=NUMBER",
           help="numbers that trade time for precision"),
    DEVICE,
    after_interrupt="; the same command goes on",
)  # fmt: skip
def run_study(args: argparse.Namespace) -> None:
    from .course.studies import options, runner

    chosen = options(
        runner.find_study(args.name), _device(args.device), args.root, dict(args.budget)
    )
    print(runner.run_jobs(args.name, args.folder, chosen, args.job))


@command("Copy the lessons into a folder of yours.", "lessons", OUT)
def run_notebooks(args: argparse.Namespace) -> None:
    from .course.lessons import copy_lessons

    lessons = [path for path in copy_lessons(args.out) if path.suffix == ".ipynb"]
    print(f"{args.out}: {len(lessons)} lessons; to open them: jupyter lab {args.out}")


@command(
    "Write the notebooks for students, or the source of an nbgrader course.",
    "build/students",
    OUT,
    option("--notebooks", help="folder of lessons; those of the package if not given"),
    option("--for", dest="grader", choices=("nbgrader",), help="the source of its course"),
    option("--exercises-only", action="store_true", help="imports and exercises, no lesson"),
)  # fmt: skip
def run_student(args: argparse.Namespace) -> None:
    from .course.exercises.student import write_student_versions
    from .course.lessons import lessons_folder

    folder = args.notebooks or lessons_folder()
    nbgrader = args.grader is not None
    written = write_student_versions(folder, args.out, nbgrader, args.exercises_only)
    what = "WITH their solutions, which nbgrader takes out" if nbgrader else "without solutions"
    print(f"{args.out}: {len(written)} notebooks {what}")


@command(
    "Versions, device, data, time of an update.",
    "--size tiny",
    option("--size", choices=tuple(SIZES), default="small", help="of the networks"),
    DEVICE,
)
def run_doctor(args: argparse.Namespace) -> None:
    import numpy
    import torchvision

    device = _device(args.device)
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else "no CUDA"
    print(f"diffenc_lite {__version__}, Python {platform.python_version()}, {platform.platform()}")
    print(f"torch {torch.__version__}, torchvision {torchvision.__version__}", end=", ")
    print(f"numpy {numpy.__version__}")
    print(f"device: {device} ({gpu}), {torch.get_num_threads()} threads on the CPU")
    for source in ("full", "bundled"):
        try:
            data: object = load_mnist("train", source, device=device, download=False)
        except (OSError, ValueError) as error:
            data = f"not found: {error}"
        print(f"data, {source}: {data}")
    print(f"pretrained: {', '.join(pretrained.pretrained_names()) or 'none'}")
    images = load_mnist("train", "bundled", device=device).images
    for encoder in ENCODERS:
        config = TrainConfig(2, log_every=1)
        loop = train_steps(build(ModelConfig(encoder, args.size)).to(device), images, config)
        next(loop)  # the first update is slower
        _synchronize(device)
        start = time.perf_counter()
        next(loop)
        _synchronize(device)
        seconds = time.perf_counter() - start
        print(
            f"one update, {args.size} net, {encoder} encoder: {1000 * seconds:.0f} ms for "
            f"{config.batch} images"
        )


# ---- what they share -----------------------------------------------------------------------------


@contextmanager
def _torchrun(device: str) -> Iterator[int]:
    """The rank of this process: 0, or what torchrun says, with the processes joined."""
    if "LOCAL_RANK" not in os.environ:
        yield 0
        return
    on_cuda = torch.cuda.is_available() and device != "cpu"
    if on_cuda:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if on_cuda else "gloo")
    try:
        yield dist.get_rank()
    finally:
        dist.destroy_process_group()


def _device(name: str) -> torch.device:
    if name != "auto":
        try:
            device = torch.device(name)
        except RuntimeError:
            raise ValueError(f"--device must be auto, cpu, cuda, cuda:1, mps; got {name}") from None
        available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
        if not available.get(device.type, True):
            raise ValueError(f"--device {name}: torch finds no such device here; try --device auto")
        return device
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _synchronize(device: torch.device) -> None:
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def _seeded(seed: int, device: torch.device) -> torch.Generator:
    return torch.Generator(device).manual_seed(seed)


def _chain(args: argparse.Namespace) -> Chain | None:
    """The chain of --steps, --ratio and --scale; what is "fitted" is read."""
    ratio, scale = args.ratio, args.scale
    if "fitted" in (ratio, scale):
        fitted = pretrained.load_fitted(args.model, args.steps)
        ratio = fitted.ratio if ratio == "fitted" else ratio
        scale = fitted.scale if scale == "fitted" else scale
    return _steps(args.steps, ratio, scale)


def _steps(steps: int | None, ratio: Any = None, scale: Any = None) -> Chain | None:
    if steps is not None:
        return Chain.equal(steps, 1.0 if ratio is None else ratio, scale)
    if ratio not in (None, 1.0) or scale is not None:
        raise ValueError("--ratio and --scale need --steps: without, the depth is infinite")
    return None


def _described(args: argparse.Namespace) -> str:
    scale = "" if args.scale is None else f", scale {args.scale}"
    return f"T = {args.steps}, w = {args.ratio}{scale}"


def _load(args: argparse.Namespace, split: str, device: torch.device) -> ImageSet:
    return load_named(args.data, split, args.root, device)


def _card(
    config: TrainConfig, data: ImageSet, test: ImageSet, update: int, evaluation: Evaluation
) -> dict[str, Any]:
    depth = "infinite depth" if config.steps is None else str(config.steps)
    return {
        "data": f"{data.name} {data.split}, {len(data)} images",
        "evaluated_on": f"{test.name} {test.split}, {evaluation.n} images, {depth}",
        "bits_per_dim": evaluation.total,
        "standard_error": evaluation.standard_error,
        "terms": {
            name: getattr(evaluation, name) for name in ("prior", "reconstruction", "diffusion")
        },
        "updates": update,
        "seed": config.seed,
        "training": config.plain(),
    }


def _say(line: str) -> None:
    from tqdm.auto import tqdm

    tqdm.write(line)  # above the bar


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0, 2 after an error (told in one line), 130 after an interrupt."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # names that the terminal cannot show
        sys.stdout.reconfigure(errors="replace")
    args = parser().parse_args(arguments)
    try:
        return args.run(args) or 0
    except KeyboardInterrupt:
        print("stopped" + args.after_interrupt, file=sys.stderr)
        return 130
    except (OSError, ValueError, TypeError, ArithmeticError, RuntimeError, ImportError) as error:
        print("error:", " ".join(str(error).split()), file=sys.stderr)  # in one line
        return 2


if __name__ == "__main__":
    sys.exit(main())
