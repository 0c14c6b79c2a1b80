"""The command line: python -m diffenc_lite COMMAND ...; --help lists the commands."""

import argparse
import inspect
import io
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from tqdm import tqdm

from . import pretrained
from .data import data_names, load_named
from .evaluation import evaluate, evenly_chosen
from .files import write_whole
from .model import ENCODERS, SIZES, ModelConfig, build
from .sampling import sample
from .schedule import SCHEDULES
from .training import OPTIMIZERS, TrainConfig, train_steps

# ---- what can be given --------------------------------------------------------------------------

TYPES = {"int": int, "float": float, "float | None": float, "str": str}
CHOICES: dict[str, Iterable[str]] = {
    "encoder": ENCODERS, "size": SIZES, "schedule": SCHEDULES, "optimizer": OPTIMIZERS,
}  # fmt: skip


def options_of(config: type) -> dict[str, dict[str, Any]]:
    """Options for the fields of a configuration, with their types, defaults and docstrings."""
    doc = inspect.cleandoc(config.__doc__ or "")  # Python 3.13 has taken the margin away itself
    described = dict(re.findall(r"^(\w+): (.*(?:\n {4}.*)*)", doc, re.MULTILINE))
    return {
        field.name: {
            "type": TYPES[str(field.type)],
            "default": field.default,
            "choices": CHOICES.get(field.name),
            "help": " ".join(described.get(field.name, "").split()),
        }
        for field in fields(config)
        if field.type in TYPES
    }


def name_and_number(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    return name, int(number)


# By name, with underscores: more of what argparse gets.
OPTIONS: dict[str, dict[str, Any]] = {
    **options_of(TrainConfig),
    **options_of(ModelConfig),
    "updates": {"type": int, "default": 2000, "help": "of the weights."},
    "start": {"help": "begin with the weights of this .safetensors file or pretrained model"},
    "data": {
        "default": "auto", "choices": data_names(),
        "help": "auto, full (or mnist) and (mnist-)bundled are MNIST",
    },
    "device": {"default": "auto", "help": "cpu, cuda, cuda:1, mps"},
    "split": {"default": "test", "choices": ("train", "test"), "help": "of the data"},
    "images": {"type": int, "help": "how many, evenly chosen; all if not given"},
    "steps": {"type": int, "help": "T; if not given, evaluate takes infinite depth and sample 100"},
    "out": {"default": "samples.png", "help": "the picture, a PNG"},
    "n": {"type": int, "default": 64, "help": "samples"},
    "name": {"help": "toys, for one; another name is told which there are"},
    "job": {"type": int, "help": "number of one job, from 0; all that are missing if not given"},
    "budget": {
        "type": name_and_number, "nargs": "*", "default": [],
        "help": "NAME=NUMBER, numbers that trade time for precision",
    },
    "notebooks": {"help": "folder of lessons; those of the package if not given"},
    "for": {"choices": ("nbgrader",), "help": "write the source of its course, with solutions"},
    "exercises_only": {"action": "store_true", "help": "imports and exercises, no lesson"},
}  # fmt: skip


# ---- commands ------------------------------------------------------------------------------------


def run_train(args: argparse.Namespace) -> None:
    """Train a model in a folder; the same command goes on with a run that was stopped."""
    with _torchrun(args.device) as rank:
        device = _device(args.device)
        data, test = (load_named(args.data, split, device=device) for split in ("train", "test"))
        config = _made(TrainConfig, args)
        torch.manual_seed(config.seed)
        model = build(_made(ModelConfig, args, shape=tuple(data.images.shape[1:]))).to(device)
        if args.start is not None:
            model = pretrained.start_from(model, args.start)
        path = Path(args.folder) / "model"
        reports = train_steps(
            model, data.images, config, args.folder, test.images, bar=True, clusters=test.clusters
        )
        with closing(reports):
            for progress in reports:
                result = progress.evaluation
                if rank > 0 or result is None:  # the first process speaks and writes for all
                    continue
                if progress.update == config.updates:
                    result = evaluate(
                        progress.model, test.images, clusters=test.clusters,
                        generator=_seeded(0, device),
                    )  # fmt: skip
                terms = ("prior", "reconstruction", "diffusion")
                card = {
                    "data": f"{data.name} {data.split}, {len(data)} images",
                    "evaluated_on": f"{test.name} {test.split}, {result.n} images, infinite depth",
                    "bits_per_dim": result.total,
                    "standard_error": result.standard_error,
                    "terms": {name: getattr(result, name) for name in terms},
                    "updates": progress.update,
                    "seed": config.seed,
                    "training": config.as_dict(),
                }
                pretrained.save_model(progress.model, path, card | model.card)
                tqdm.write(f"update {progress.update}: {result}")  # above the bar
        if rank == 0:
            tqdm.write(f"{path}.safetensors holds the averaged model, {path}.json its card")


def run_evaluate(args: argparse.Namespace) -> None:
    """The bound in bits per dimension, with its standard error."""
    device = _device(args.device)
    model = pretrained.load_model(args.model, device)
    data = load_named(args.data, args.split, device=device)
    n = len(data) if args.images is None else args.images
    clusters = None if data.clusters is None else evenly_chosen(data.clusters, n)
    result = evaluate(
        model, evenly_chosen(data.images, n), args.steps, clusters=clusters,
        generator=_seeded(args.seed, device),
    )  # fmt: skip
    depth = "infinite depth" if args.steps is None else f"T = {args.steps}"
    print(f"{args.model} on {data.name} {data.split}, {depth}: {result}")


def run_sample(args: argparse.Namespace) -> None:
    """Draw samples into a picture."""
    from torchvision.utils import make_grid, save_image

    device, steps = _device(args.device), 100 if args.steps is None else args.steps
    model = pretrained.load_model(args.model, device)
    images = sample(model, args.n, steps, generator=_seeded(args.seed, device))
    grid = make_grid(images.cpu() / (model.levels - 1), round(args.n**0.5), pad_value=0.5)
    png = io.BytesIO()
    save_image(grid, png, format="png")
    write_whole(args.out, png.getvalue())
    print(f"{args.out}: {args.n} samples of {args.model}, T = {steps}")


def run_study(args: argparse.Namespace) -> None:
    """Run a study of the course, or what is left of it, in a folder."""
    from .course.studies import options, runner

    study, device = runner.find_study(args.name), _device(args.device)
    chosen = options(study, device, budget=dict(args.budget))
    print(runner.run_jobs(args.name, args.folder, chosen, args.job))


def run_notebooks(args: argparse.Namespace) -> None:
    """Copy the lessons into a folder of yours."""
    from .course.lessons import copy_lessons

    lessons = [path for path in copy_lessons(args.folder) if path.suffix == ".ipynb"]
    print(f"{args.folder}: {len(lessons)} lessons; to open them: jupyter lab {args.folder}")


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
        found = torch.accelerator.is_available()
        name = str(torch.accelerator.current_accelerator()) if found else "cpu"
    return torch.zeros(1, device=name).device  # with its index


def _made(config: type, args: argparse.Namespace, **others: Any) -> Any:
    return config(**{k: v for k, v in vars(args).items() if k in options_of(config)}, **others)


def _seeded(seed: int, device: torch.device) -> torch.Generator:
    return torch.Generator(device).manual_seed(seed)


# By name: what it runs, whose docstring is its help, and its arguments.
COMMANDS = {
    "train": (
        run_train,
        "folder --data --encoder --size --schedule --gamma-min --gamma-max --dropout "
        "--start --updates --batch --lr --warmup --optimizer --ema --ends --seed --device "
        "--log-every --evaluate-every --evaluate-images --checkpoint-every",
    ),
    "evaluate": (run_evaluate, "model --data --split --images --steps --seed --device"),
    "sample": (run_sample, "model --out --n --steps --seed --device"),
    "study": (run_study, "name folder --job --budget --device"),
    "notebooks": (run_notebooks, "folder"),
    "student": (run_student, "folder --notebooks --for --exercises-only"),
}


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser("python -m diffenc_lite", description=__doc__)
    commands = top.add_subparsers(required=True, metavar=" | ".join(COMMANDS))
    formatter = argparse.ArgumentDefaultsHelpFormatter
    for command_name, (run, arguments) in COMMANDS.items():
        added = commands.add_parser(
            command_name, help=run.__doc__, description=run.__doc__, formatter_class=formatter
        )
        added.set_defaults(run=run)
        for name in arguments.split():
            added.add_argument(name, **OPTIONS.get(name.strip("-").replace("-", "_"), {}))
    return top


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0, 2 after an error, which is one line, 130 after an interrupt."""
    args = parser().parse_args(arguments)
    try:
        args.run(args)
    except KeyboardInterrupt:
        print("stopped; train and study go on by the same command", file=sys.stderr)
        return 130
    except (OSError, ValueError, ArithmeticError, RuntimeError, ImportError) as error:
        print("error:", " ".join(str(error).split()), file=sys.stderr)  # in one line
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
