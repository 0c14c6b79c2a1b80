"""The command line: python -m diffenc_lite COMMAND ...; --help lists the commands."""

import argparse
import io
import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from tqdm import tqdm

from . import __version__, pretrained
from .arguments import as_whole
from .bound import TERMS
from .data import data_names, load_named
from .evaluation import evaluate, evenly_chosen
from .files import write_whole
from .model import ENCODERS, ModelConfig, build
from .networks import SIZES
from .sampling import sample
from .schedule import SCHEDULES
from .training import OPTIMIZERS, TrainConfig, train_steps

# Type and default of what is a field of a configuration.
FIELDS: dict[str, dict[str, Any]] = {
    one.name: {"type": type(one.default), "default": one.default}
    for one in (*fields(TrainConfig), *fields(ModelConfig))
}


def name_and_number(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    return name, int(number)


# By name, with underscores: help, and more of what argparse gets.
OPTIONS: dict[str, dict[str, Any]] = {
    "folder": {"help": "where it is kept; made if it is new"},
    "updates": {"type": int, "default": 2000, "help": "of the weights"},
    "batch": {"help": "images in an update"},
    "lr": {"help": "highest learning rate; a cosine takes it down to a hundredth"},
    "warmup": {"help": "updates in which the rate first rises"},
    "optimizer": {"choices": OPTIMIZERS, "help": "muon, for the inner convolutions; or adamw"},
    "ema": {"help": "decay of the moving average of the weights"},
    "ends": {"help": "images of a batch that prior and reconstruction are measured on"},
    "seed": {"help": "of all draws"},
    "log_every": {"help": "updates between two reports"},
    "evaluate_every": {"help": "updates between evaluations on held-out images"},
    "evaluate_images": {"help": "how many of them, or all if there are fewer; the last score: all"},
    "checkpoint_every": {"help": "updates between writes of resume.pt"},
    "start": {"help": "begin with the weights of this .safetensors file or pretrained model"},
    "encoder": {"choices": ENCODERS, "help": "identity is a VDM"},
    "size": {"choices": SIZES, "help": "of the networks"},
    "schedule": {"choices": SCHEDULES, "help": "gamma(t); learned is linear, with trained ends"},
    "gamma_min": {"type": float, "help": "gamma at t = 0; by default -13.3, for 256 levels"},
    "gamma_max": {"help": "gamma at t = 1"},
    "dropout": {"help": "of the networks of images; 0.1 in the paper"},
    "model": {"help": "a .safetensors file or the name of a pretrained model"},
    "data": {"default": "auto", "choices": data_names(), "help": "auto, full, bundled: MNIST"},
    "split": {"default": "test", "choices": ("train", "test"), "help": "of the data"},
    "images": {"type": int, "help": "how many, evenly chosen; all if not given"},
    "steps": {"type": int, "help": "T; if not given, evaluate takes infinite depth and sample 100"},
    "out": {"default": "samples.png", "help": "the picture, in the format of its ending"},
    "n": {"type": int, "default": 64, "help": "samples"},
    "device": {"default": "auto", "help": "cpu, cuda, cuda:1, mps"},
    "name": {"help": "toys, for one; another name is told which there are"},
    "job": {"type": int, "help": "number of one job, from 0; all that are missing if not given"},
    "budget": {
        "type": name_and_number, "nargs": "*", "default": [],
        "help": "NAME=NUMBER, numbers that trade time for precision",
    },
    "out_dir": {"help": "a folder for the copies; made if it is new"},
    "notebooks": {"help": "folder of lessons; those of the package if not given"},
    "for": {"choices": ("nbgrader",), "help": "write the source of its course, with solutions"},
    "exercises_only": {"action": "store_true", "help": "imports and exercises, no lesson"},
    "lab": {"action": "store_true", "help": "lesson 15 for marks, with hidden tests and points"},
}  # fmt: skip


# ---- commands ------------------------------------------------------------------------------------


def run_train(args: argparse.Namespace) -> None:
    """Train a model in a folder; the same command goes on with a run that was stopped."""
    with _torchrun(args.device) as rank:
        device = _device(args.device)
        data, test = (load_named(args.data, split, device=device) for split in ("train", "test"))
        config = _configured(TrainConfig, args)
        torch.manual_seed(config.seed)
        model = build(_configured(ModelConfig, args, shape=tuple(data.images.shape[1:]))).to(device)
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
                card = {
                    "data": f"{data.name} {data.split}, {len(data)} images",
                    "evaluated_on": f"{test.name} {test.split}, {result.n} images, infinite depth",
                    "bits_per_dim": result.total,
                    "standard_error": result.standard_error,
                    "terms": {name: getattr(result, name) for name in TERMS},
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
    n = len(data) if args.images is None else as_whole("--images", args.images, 2, len(data))
    clusters = None if data.clusters is None else evenly_chosen(data.clusters, n)
    images, generator = evenly_chosen(data.images, n), _seeded(args.seed, device)
    result = evaluate(model, images, args.steps, clusters=clusters, generator=generator)
    depth = "infinite depth" if args.steps is None else f"T = {args.steps}"
    print(f"{args.model} on {data.name} {data.split}, {depth}: {result}")


def run_sample(args: argparse.Namespace) -> None:
    """Draw samples into a picture."""
    from PIL import Image
    from torchvision.utils import make_grid, save_image

    out, device = Path(args.out), _device(args.device)
    if (kind := Image.registered_extensions().get(out.suffix.lower())) not in Image.SAVE:
        raise ValueError(f"--out must end in .png, .jpg or what else Pillow writes; got {out}")
    if not out.parent.is_dir():
        raise FileNotFoundError(f"cannot write {out}: there is no folder {out.parent}")
    steps = 100 if args.steps is None else args.steps
    model = pretrained.load_model(args.model, device)
    images = sample(model, args.n, steps, generator=_seeded(args.seed, device))
    grid = make_grid(images.cpu() / (model.levels - 1), round(args.n**0.5), pad_value=0.5)
    picture = io.BytesIO()
    save_image(grid, picture, format=kind)
    write_whole(args.out, picture.getvalue())
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

    lessons = [path for path in copy_lessons(args.out_dir) if path.suffix == ".ipynb"]
    print(f"{args.out_dir}: {len(lessons)} lessons; to open them: jupyter lab {args.out_dir}")


def run_student(args: argparse.Namespace) -> None:
    """Write the notebooks for students, without solutions, or the source of an nbgrader course."""
    from .course.exercises.student import write_student_versions
    from .course.lessons import lessons_folder

    lessons, nbgrader = args.notebooks or lessons_folder(), vars(args)["for"] == "nbgrader"
    written = write_student_versions(lessons, args.out_dir, nbgrader, args.exercises_only, args.lab)
    what = "WITH their solutions, which nbgrader takes out" if nbgrader else "without solutions"
    print(f"{args.out_dir}: {len(written)} notebooks {what}")


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
    try:
        return torch.zeros(1, device=name).device  # with its index
    except (AssertionError, RuntimeError) as error:  # which of them depends on the build of PyTorch
        why = str(error).splitlines()[0]
        raise ValueError(f"--device must be one that is here; got {name!r}: {why}") from error


def _configured(config: Any, args: argparse.Namespace, **others: Any) -> Any:
    given = {key: value for key, value in vars(args).items() if key in config.__dataclass_fields__}
    return config(**given, **others)


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
    "notebooks": (run_notebooks, "out_dir"),
    "student": (run_student, "out_dir --notebooks --for --exercises-only --lab"),
}


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser("python -m diffenc_lite", description=__doc__)
    top.add_argument("--version", action="version", version=f"diffenc_lite {__version__}")
    commands = top.add_subparsers(required=True, metavar=" | ".join(COMMANDS))
    for command_name, (run, arguments) in COMMANDS.items():
        added = commands.add_parser(command_name, help=run.__doc__, description=run.__doc__)
        typed = {"images": "--data", "notebooks_dir": "--notebooks"}  # by the library's names
        for name in arguments.split():
            key = name.strip("-").replace("-", "_")
            settings = FIELDS.get(key, {}) | OPTIONS[key]
            if settings.get("default") not in (None, []):
                settings = settings | {"help": settings["help"] + " (default: %(default)s)"}
            if not name.startswith("--"):
                settings, name = settings | {"metavar": name.upper()}, key
            typed.setdefault(key, settings.get("metavar", name))
            added.add_argument(name, **settings)
        added.set_defaults(run=run, typed=typed)
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
        first, *words = str(error).split() or [type(error).__name__]  # an argument, mostly
        print("error:", args.typed.get(first, first), *words, file=sys.stderr)  # in one line
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
