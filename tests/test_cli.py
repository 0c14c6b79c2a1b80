"""The command line: what a reader types, and what they are told when it cannot work."""

import functools
import inspect
import io
import json
from dataclasses import replace
from operator import attrgetter
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest
import torch

import diffenc_lite
from diffenc_lite import __main__ as cli
from diffenc_lite.course import lessons
from diffenc_lite.course.exercises import student
from diffenc_lite.course.studies import runner
from diffenc_lite.data import ImageSet, load_mnist, load_named
from diffenc_lite.evaluation import evaluate
from diffenc_lite.model import ModelConfig
from diffenc_lite.pretrained import load_model
from diffenc_lite.training import TrainConfig, load_resume

QUICK = "--size tiny --data bundled --batch 4 --ends 2 --evaluate-images 20 --device cpu".split()


@pytest.fixture(scope="module", autouse=True)
def few_images():
    """Each split has 40 images, so that an evaluation on all of them is quick."""

    @functools.wraps(load_named)
    def load(*arguments, **options):
        data = load_named(*arguments, **options)
        return replace(data, images=data.images[:40], labels=data.labels[:40])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli, "load_named", load)
        yield


@pytest.fixture(scope="module")
def run(few_images, tmp_path_factory):
    """A folder in which a tiny model has been trained for two updates."""
    folder = tmp_path_factory.mktemp("run")
    assert cli.main(["train", str(folder), "--encoder", "scaling", "--updates", "2", *QUICK]) == 0
    return folder


# What is typed for each argument, none of it a default, and where the library finds it.
SETTINGS = {
    "updates": 3, "batch": 5, "lr": 0.25, "warmup": 7, "optimizer": "adamw",
    "ema": 0.5, "ends": 4, "seed": 11,
    "log_every": 13, "evaluate_every": 17, "evaluate_images": 19, "checkpoint_every": 23,
}  # fmt: skip
TOYS = runner.STUDIES["toys"].budget


def shared(function):
    return {
        "model": ("mine", "load_model.path", "mine"),
        "--device": ("cuda:1", "load_model.device", "cuda:1"),
        "--seed": ("9", f"{function}.generator", (9, "cuda:1")),
        "--steps": ("3", f"{function}.steps", 3),
    }


ARRIVES = {
    "train": {
        **{
            f"--{name.replace('_', '-')}": (str(value), f"train_steps.config.{name}", value)
            for name, value in SETTINGS.items()
        },
        "folder": ("there", "train_steps.folder", "there"),
        "--encoder": ("scaling", "build.config.encoder", "scaling"),
        "--size": ("tiny", "build.config.size", "tiny"),
        "--schedule": ("learned", "build.config.schedule", "learned"),
        "--dropout": ("0.3", "build.config.dropout", 0.3),
        "--gamma-min": ("-9", "build.config.gamma_min", -9.0),
        "--gamma-max": ("3", "build.config.gamma_max", 3.0),
        "--data": ("bundled", "load_named.name", "bundled"),
        "--device": ("cuda:1", "load_named.device", "cuda:1"),
        "--start": ("mine", "start_from.path", "mine"),
    },
    "evaluate": {
        **shared("evaluate"),
        "--data": ("bundled", "load_named.name", "bundled"),
        "--split": ("train", "load_named.split", "train"),
        "--images": ("6", "evaluate.images", [0, 6, 13, 20, 26, 33]),
    },
    "sample": {
        **shared("sample"),
        "--n": ("5", "sample.n", 5),
        "--out": ("there.png", "write_whole.path", "there.png"),
    },
    "study": {
        "name": ("toys", "run_jobs.name", "toys"),
        "folder": ("there", "run_jobs.folder", "there"),
        "--job": ("2", "run_jobs.job", 2),
        "--budget": ("seeds=2", "run_jobs.options.budget", TOYS | {"seeds": 2}),
        "--device": ("cuda:1", "run_jobs.options.device", torch.device("cuda:1")),
    },
    "notebooks": {"out_dir": ("there", "copy_lessons.out_dir", "there")},
    "student": {
        "out_dir": ("there", "write_student_versions.out_dir", "there"),
        "--notebooks": ("mine", "write_student_versions.notebooks_dir", "mine"),
        "--for": ("nbgrader", "write_student_versions.nbgrader", True),
        "--exercises-only": (None, "write_student_versions.exercises_only", True),
        "--lab": (None, "write_student_versions.lab", True),
    },
}


@pytest.fixture
def seen(monkeypatch):
    """What the library is given: by function, its arguments by name; nothing is done."""
    all_seen = SimpleNamespace()

    def record(module, name, result=None):
        signature = inspect.signature(getattr(module, name))

        def stand_in(*arguments, **options):
            given = signature.bind(*arguments, **options)
            given.apply_defaults()
            seed = torch.initial_seed()  # of what draws without a generator
            setattr(all_seen, name, SimpleNamespace(**given.arguments, initial_seed=seed))
            return result

        monkeypatch.setattr(module, name, stand_in)

    images = torch.arange(40, dtype=torch.uint8).view(40, 1, 1, 1)
    record(cli, "load_named", ImageSet(images, torch.zeros(40), "forty", "of"))
    record(cli, "build", MagicMock())
    last = SimpleNamespace(update=SETTINGS["updates"], evaluation=MagicMock(), model=MagicMock())
    record(cli, "train_steps", (report for report in [last]))
    record(cli, "evaluate", MagicMock())
    record(cli.pretrained, "save_model")
    record(cli, "sample", images)
    record(cli, "write_whole")
    record(cli.pretrained, "load_model", MagicMock(shape=(1, 1, 1), levels=256))
    record(cli.pretrained, "start_from", MagicMock())
    record(runner, "run_jobs")
    record(lessons, "copy_lessons", [])
    record(student, "write_student_versions", [])
    monkeypatch.setattr(cli, "_device", lambda name: name)
    monkeypatch.setattr(cli, "_seeded", lambda *seed_and_device: seed_and_device)
    return all_seen


def plain(value):
    return value.flatten().tolist() if isinstance(value, torch.Tensor) else value


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_argument_arrives(command, seen):
    expected = ARRIVES[command]
    assert set(expected) == set(cli.COMMANDS[command][1].split())
    typed = [command]
    for name, (text, *_) in expected.items():
        typed += [text for text in (name if name.startswith("--") else None, text) if text]
    assert cli.main(typed) == 0
    for name, (_, place, value) in expected.items():
        assert plain(attrgetter(place)(seen)) == value, name


def test_the_first_weights_follow_the_seed(seen):
    assert cli.main(["train", "there", "--seed", "11"]) == 0
    assert seen.build.initial_seed == 11


def test_what_is_not_given_is_the_librarys_default(seen):
    assert cli.main(["train", "there"]) == 0
    assert (seen.train_steps.config, seen.build.config.shape) == (TrainConfig(2000), (1, 1, 1))
    assert seen.build.config == replace(ModelConfig(), shape=(1, 1, 1))
    assert cli.main(["sample", "mine"]) == 0
    assert (seen.sample.n, seen.sample.steps) == (64, 100)
    assert cli.main(["evaluate", "mine"]) == 0
    assert seen.evaluate.steps is None
    assert seen.evaluate.generator[0] == 0 and len(seen.evaluate.images) == 40
    assert seen.evaluate.clusters is None


def test_patches_are_evaluated_by_picture(seen, monkeypatch):
    pictures = torch.arange(40) // 10
    data = ImageSet(torch.zeros(40, 1, 1, 1), torch.zeros(40), "patches", "test", pictures)
    monkeypatch.setattr(cli, "load_named", lambda *_, **__: data)
    assert cli.main(["evaluate", "mine", "--images", "8"]) == 0
    assert seen.evaluate.clusters.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert cli.main(["train", "there", "--updates", str(SETTINGS["updates"])]) == 0
    assert seen.train_steps.clusters is pictures and seen.evaluate.clusters is pictures


def test_train_writes_a_model_with_its_card(run):
    names = "resume.pt metrics.jsonl model.safetensors model.json".split()
    assert {path.name for path in run.iterdir()} == {*names}
    model, test = load_model(run / "model"), load_mnist("test", "bundled").images[:40]
    assert model.card["data"] == "mnist-bundled train, 40 images"
    assert model.card["evaluated_on"] == "mnist-bundled test, 40 images, infinite depth"
    assert (model.card["updates"], model.card["seed"]) == (2, 0)
    assert model.card["training"]["batch"] == 4
    result = evaluate(model, test, generator=torch.Generator().manual_seed(0))
    assert model.card["bits_per_dim"] == result.total
    assert model.card["standard_error"] == result.standard_error
    averaged = load_resume(run / "resume.pt")["state"]["averaged"]
    assert all(torch.equal(averaged[name], w) for name, w in model.state_dict().items())


def test_train_from_a_model(run, tmp_path, capsys):
    """The card says where it began, and that one's too; a run that began elsewhere is another."""
    options = ["--encoder", "learned", "--updates", "1", *QUICK]
    begin = ["train", str(tmp_path), *options]
    assert cli.main([*begin, "--start", str(run / "model")]) == 0
    began, card = json.loads((run / "model.json").read_text()), tmp_path / "model.json"
    there = json.loads(card.read_text())["start"]
    assert there == {
        "encoder": "scaling", "updates": 2, "bits_per_dim": began["bits_per_dim"],
        "sha256": began["sha256"], "batch": 4,
    }  # fmt: skip
    assert cli.main(begin) == 2
    assert "start" in capsys.readouterr().err
    next_run = ["train", str(tmp_path / "next"), *options, "--start", str(tmp_path / "model")]
    assert cli.main(next_run) == 0
    last = json.loads((tmp_path / "next" / "model.json").read_text())["start"]
    assert (last["encoder"], last["updates"], last["start"]) == ("learned", 1, there)


def test_evaluate_says_what_was_scored(run, capsys):
    command = ["evaluate", str(run / "model"), "--data", "bundled", "--images", "30"]
    changes = {"": "test, infinite depth: ", "--split train --steps 4": "train, T = 4: "}
    scores = []
    for typed, words in changes.items():
        assert cli.main([*command, *typed.split()]) == 0
        said = capsys.readouterr().out
        assert f"mnist-bundled {words}" in said and "on 30 examples" in said
        scores.append(said.split(": ")[1].split()[0])
    assert len({*scores}) == len(changes)


def test_sample(tmp_path, capsys):
    from PIL import Image, ImageStat

    pictures = []
    for typed in ("", "", "--seed 1"):
        command = f"sample mnist-scaling --n 4 --steps 4 --out {tmp_path}/a.png {typed}"
        assert cli.main(command.split()) == 0
        pictures.append((tmp_path / "a.png").read_bytes())
    assert pictures[0] == pictures[1] and len({*pictures}) == 2
    sheet = Image.open(io.BytesIO(pictures[0])).convert("L")
    assert sheet.size == (62, 62)  # 2 x 2 of 28, frames of 2
    assert ImageStat.Stat(sheet.crop((2, 2, 30, 30))).mean[0] < 128  # digits are on black
    assert "4 samples of mnist-scaling, T = 4" in capsys.readouterr().out


def test_the_ending_of_a_picture_is_its_format(seen, tmp_path):
    from PIL import Image

    for ending, kind in {".png": "PNG", ".JPG": "JPEG", ".webp": "WEBP"}.items():
        assert cli.main(["sample", "mine", "--out", str(tmp_path / f"a{ending}")]) == 0
        assert Image.open(io.BytesIO(seen.write_whole.content)).format == kind


@pytest.mark.parametrize(
    "command, message",
    [
        ("sample nothing", "there is no model 'nothing'"),
        ("train {run}/x --updates 0 --data bundled", "--updates must be a whole number"),
        ("train {run}/x --log-every 0 --data bundled", "--log-every must be a whole number"),
        ("train {run}/model.json --data bundled --size tiny", "cannot write"),
        ("evaluate {run}/model --images 41 --data bundled", "--images must be a whole"),
        ("evaluate {run}/model --data photos", "--data must have the model's shape"),
        ("sample {run}/model --n 0", "--n must be a whole number"),
        ("sample {run}/model --steps 0", "--steps must be a Chain or a whole number, at least 1"),
        ("sample {run}/model --out {run}/model.json/x.png", "cannot write"),
        ("sample {run}/model --out {run}/no/folder/x.png", "cannot write"),
        ("sample {run}/model --out {run}/x.txt", "--out must end in .png"),
        ("sample {run}/model --device nowhere", "--device must be one that is here"),
        ("sample {run}/model --device cuda:99", "--device must be one that is here"),
        ("study nothing {run}/x", "NAME must be one of toys"),
        ("study toys {run}/x --budget dogs=1", "--budget must name only"),
        ("notebooks {run}/model.json", "OUT_DIR must be a folder"),
        ("student {run}/x --notebooks {run}", "--notebooks must hold notebooks"),
    ],
)
def test_errors_are_one_line_and_name_what_was_typed(run, capsys, command, message):
    before = {*run.iterdir()}
    assert cli.main(command.format(run=run).split()) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error and error.count("\n") == 1
    assert {*run.iterdir()} == before


def test_every_argument_has_help(capsys):
    (commands,) = (a for a in cli.parser()._actions if isinstance(a.choices, dict))
    for command in commands.choices.values():
        assert all(action.help.split(" (")[0] for action in command._actions)
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"diffenc_lite {diffenc_lite.__version__}\n"


def test_an_interrupt_is_told_in_one_line(seen, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "train_steps", interrupted)
    assert cli.main(["train", "there"]) == 130
    assert capsys.readouterr().err == "stopped; train and study go on by the same command\n"
