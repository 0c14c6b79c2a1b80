"""The command line: python -m diffenc_lite COMMAND ...; --help lists the commands."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from . import pretrained
from .chain import Chain
from .data import data_names, load_named
from .evaluation import evaluate, evenly
from .files import write_whole
from .model import ENCODERS, SIZES, ModelConfig, build
from .sampling import sample
from .training import TrainConfig, train_steps

# ---- what a command is ---------------------------------------------------------------------------


def number_or_folded(text: str) -> float | str:
    return text if text == "folded" else float(text)


def name_and_number(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    return name, int(number)


TRAINING = {  # settings of TrainConfig, which has their types and defaults
    "updates": "of the weights",
    "batch": "images in an update",
    "lr": "highest learning rate",
    "warmup": "updates until it is reached",
    "optimizer": "adamw, or muon for the inner convolutions",
    "ema": "decay of the averaged weights",
    "ends": "images of a batch for prior and reconstruction",
    "seed": "of all draws, and of the first weights",
    "log_every": "updates between lines of metrics",
    "evaluate_every": "updates between evaluations on test images",
    "evaluate_images": "test images for that; at the end, all",
    "checkpoint_every": "updates between writes of resume.pt",
}
DEFAULTS = {field.name: field.default for field in fields(TrainConfig)} | {"updates": 2000}
# By name: the default, or a type if there is none; what --help says; what it may be.
OPTIONS: dict[str, tuple[Any, ...]] = {
    **{name: (DEFAULTS[name], text) for name, text in TRAINING.items()},
    "encoder": ("learned", "what makes x_t", ENCODERS),
    "size": ("small", "of the networks", SIZES),
    "dropout": (0.0, "of the U-Nets; 0.1 in the paper"),
    "start": (str, "begin with the weights of this .safetensors file or pretrained model"),
    "data": ("auto", "auto, full (or mnist) and bundled are MNIST", data_names()),
    "device": ("auto", "cpu, cuda, cuda:1, mps"),
    "split": ("test", "of the data", ("train", "test")),
    "images": (int, "how many, evenly chosen; all if not given"),
    "steps": (int, "T; if not given, evaluate takes infinite depth and sample 100"),
    "ratio": (float, "w; 1 if not given"),
    "scale": (number_or_folded, "A/c or folded; that of the paper if not given"),
    "fitted": (False, "ratio and scale as they were fitted for a pretrained model"),
    "passes": (1, "draws of t and noise for each image"),
    "out": ("samples.png", "the picture, a PNG"),
    "n": (64, "samples"),
    "job": (int, "the number of one job, from 0; all that are missing if not given"),
    "root": (str, "folder that holds the full MNIST"),
    "budget": (name_and_number, "NAME=NUMBER, numbers that trade time for precision"),
    "notebooks": (str, "folder of lessons; those of the package if not given"),
    "for": (str, "write the source of its course, with solutions", ("nbgrader",)),
    "exercises_only": (False, "imports and exercises, no lesson"),
}
Run = Callable[[argparse.Namespace], None]
COMMANDS: dict[str, tuple[Run, list[str]]] = {}


def command(arguments: str) -> Callable[[Run], Run]:
    """A function run_NAME(args) as the command NAME. Its docstring is what --help says."""

    def add(run: Run) -> Run:
        COMMANDS[run.__name__.removeprefix("run_")] = run, arguments.split()
        return run

    return add


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser("python -m diffenc_lite", description=__doc__)
    commands = top.add_subparsers(required=True, metavar=" | ".join(COMMANDS))
    formatter = argparse.ArgumentDefaultsHelpFormatter
    for command_name, (run, arguments) in COMMANDS.items():
        added = commands.add_parser(
            command_name, help=run.__doc__, description=run.__doc__, formatter_class=formatter
        )
        added.set_defaults(run=run)
        for name in arguments:
            if not name.startswith("--"):
                added.add_argument(name)
                continue
            key = name.removeprefix("--").replace("-", "_")
            default, text, *choices = OPTIONS[key]
            about: dict[str, Any] = {"help": text}
            if default is False:
                about["action"] = "store_true"
            elif callable(default):
                about["type"] = default
            else:
                about |= {"type": type(default), "default": default}
            if choices:
                about["choices"] = tuple(choices[0])
            if default is name_and_number:
                about |= {"nargs": "*", "default": []}
            added.add_argument(name, **about)
    return top


# ---- commands ------------------------------------------------------------------------------------


@command(
    "folder --encoder --size --data --updates --batch --lr --warmup --optimizer --ema --ends "
    "--seed --dropout --device --start --log-every --evaluate-every --evaluate-images "
    "--checkpoint-every"
)
def run_train(args: argparse.Namespace) -> None:
    """Train a model in a folder; the same command goes on with a run that was stopped."""
    with _torchrun(args.device) as rank:
        device = _device(args.device)
        data, test = (load_named(args.data, split, device=device) for split in ("train", "test"))
        config = TrainConfig(**{name: getattr(args, name) for name in TRAINING})
        shape = tuple(data.images.shape[1:])
        torch.manual_seed(config.seed)
        model = build(ModelConfig(args.encoder, args.size, shape=shape, dropout=args.dropout))
        model = model.to(device)
        if args.start is not None:
            model = pretrained.start_from(model, args.start)
        path = Path(args.folder) / "model"
        steps = train_steps(model, data.images, config, args.folder, test.images, bar=True)
        with closing(steps):
            for progress in steps:
                result = progress.evaluation
                if rank > 0 or result is None:  # the first process speaks and writes for all
                    continue
                if progress.update == config.updates:
                    result = evaluate(progress.model, test.images, generator=_seeded(0, device))
                card = {
                    "data": f"{data.name} {data.split}, {len(data)} images",
                    "evaluated_on": f"{test.name} {test.split}, {result.n} images, infinite depth",
                    "bits_per_dim": result.total,
                    "standard_error": result.standard_error,
                    "terms": {
                        "prior": result.prior,
                        "reconstruction": result.reconstruction,
                        "diffusion": result.diffusion,
                    },
                    "updates": progress.update,
                    "seed": config.seed,
                    "training": config.plain(),
                }
                pretrained.save_model(progress.model, path, card | model.card)
                _say(f"update {progress.update}: {result}")
        if rank == 0:
            _say(f"{path}.safetensors holds the averaged model, {path}.json its card")


@command("model --data --split --images --steps --ratio --scale --fitted --passes --seed --device")
def run_evaluate(args: argparse.Namespace) -> None:
    """The bound in bits per dimension, with its standard error."""
    device = _device(args.device)
    model = pretrained.load_model(args.model, device)
    data = load_named(args.data, args.split, device=device)
    images = evenly(data.images, len(data) if args.images is None else args.images)
    generator, chain = _seeded(args.seed, device), _chain(args)
    result = evaluate(model, images, chain, passes=args.passes, generator=generator)
    print(f"{args.model} on {data.name} {data.split}, {_described(args)}: {result}")


@command("model --out --n --steps --ratio --scale --fitted --seed --device")
def run_sample(args: argparse.Namespace) -> None:
    """Draw samples into a picture."""
    from torchvision.utils import make_grid, save_image

    device = _device(args.device)
    model = pretrained.load_model(args.model, device)
    if model.shape is None or len(model.shape) != 3:
        raise ValueError(f"sample draws pictures (C, H, W); {args.model} makes {model.shape}")
    args.steps = 100 if args.steps is None else args.steps
    chain = _chain(args) or args.steps
    images = sample(model, args.n, chain, generator=_seeded(args.seed, device))
    grid = make_grid(images.cpu() / (model.levels - 1), round(args.n**0.5), pad_value=0.5)
    png = io.BytesIO()
    save_image(grid, png, format="png")
    write_whole(args.out, png.getvalue())
    print(f"{args.out}: {args.n} samples of {args.model}, {_described(args)}")


@command("name folder --job --root --budget --device")
def run_study(args: argparse.Namespace) -> None:
    """Run a study of the course, or what is left of it, in a folder."""
    from .course.studies import options, runner

    chosen = options(
        runner.find_study(args.name), _device(args.device), args.root, dict(args.budget)
    )
    print(runner.run_jobs(args.name, args.folder, chosen, args.job))


@command("folder")
def run_notebooks(args: argparse.Namespace) -> None:
    """Copy the lessons into a folder of yours."""
    from .course.lessons import copy_lessons

    lessons = [path for path in copy_lessons(args.folder) if path.suffix == ".ipynb"]
    print(f"{args.folder}: {len(lessons)} lessons; to open them: jupyter lab {args.folder}")


@command("folder --notebooks --for --exercises-only")
def run_student(args: argparse.Namespace) -> None:
    """Write the notebooks for students, without solutions, or the source of an nbgrader course."""
    from .course.exercises.student import write_student_versions
    from .course.lessons import lessons_folder

    lessons, nbgrader = args.notebooks or lessons_folder(), vars(args)["for"] == "nbgrader"
    written = write_student_versions(lessons, args.folder, nbgrader, args.exercises_only)
    what = "WITH their solutions, which nbgrader takes out" if nbgrader else "without solutions"
    print(f"{args.folder}: {len(written)} notebooks {what}")


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
    if name == "auto":
        mps = "mps" if torch.backends.mps.is_available() else "cpu"
        name = "cuda" if torch.cuda.is_available() else mps
    try:
        return torch.zeros(1, device=name).device  # with its index
    except (RuntimeError, AssertionError):
        raise ValueError(
            f"--device must be auto, cpu, cuda, cuda:1 or mps, and torch must find it; got {name}"
        ) from None


def _seeded(seed: int, device: torch.device) -> torch.Generator:
    return torch.Generator(device).manual_seed(seed)


def _chain(args: argparse.Namespace) -> Chain | None:
    """That of --steps, --ratio, --scale and --fitted; None is infinite depth."""
    own = (args.ratio, args.scale) != (None, None)
    if args.steps is None:
        if own or args.fitted:
            raise ValueError("--ratio, --scale and --fitted need --steps: else depth is infinite")
        return None
    if args.fitted:
        if own:
            raise ValueError("--fitted has a ratio and a scale; give neither --ratio nor --scale")
        return pretrained.load_fitted(args.model, args.steps)
    return Chain.equal(args.steps, 1.0 if args.ratio is None else args.ratio, args.scale)


def _described(args: argparse.Namespace) -> str:
    if args.steps is None:
        return "infinite depth"
    if args.fitted:
        return f"T = {args.steps}, fitted"
    scale = "" if args.scale is None else f", scale {args.scale}"
    return f"T = {args.steps}, w = {1 if args.ratio is None else args.ratio}{scale}"


def _say(line: str) -> None:
    from tqdm.auto import tqdm

    tqdm.write(line)  # above the bar


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0, 2 after an error (told in one line), 130 after an interrupt."""
    args = parser().parse_args(arguments)
    try:
        args.run(args)
    except KeyboardInterrupt:
        print("stopped; train and study go on by the same command", file=sys.stderr)
        return 130
    except (OSError, ValueError, TypeError, ArithmeticError, RuntimeError, ImportError) as error:
        print("error:", " ".join(str(error).split()), file=sys.stderr)  # in one line
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
