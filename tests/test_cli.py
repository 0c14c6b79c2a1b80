"""The command line: what a reader types, and what they are told when it cannot work."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from diffenc_lite import __main__ as cli
from diffenc_lite.data import load_mnist, load_named
from diffenc_lite.evaluation import evaluate
from diffenc_lite.pretrained import load_model
from diffenc_lite.training import TrainConfig, load_resume

ROOT = Path(__file__).resolve().parent.parent
QUICK = "--size tiny --data bundled --batch 4 --ends 2 --evaluate-images 20 --device cpu".split()


@pytest.fixture(scope="module", autouse=True)
def few_images():
    """Each split has 40 images, so that an evaluation on all of them is quick."""

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


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_help_names_every_option(command, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main([command, "--help"])
    assert left.value.code == 0
    said = capsys.readouterr().out
    assert all(argument in said for argument in cli.COMMANDS[command][1])


def test_every_setting_of_a_training_arrives(monkeypatch, tmp_path):
    """An option goes to the setting of its name; the others keep the defaults of TrainConfig."""
    seen = []

    def train_steps(model, images, config, *more, **options):
        seen.append((model, config))
        yield from ()

    monkeypatch.setattr(cli, "train_steps", train_steps)
    given = {
        "updates": 3, "batch": 5, "lr": 0.25, "warmup": 7, "ema": 0.5, "ends": 4, "seed": 11,
        "log_every": 13, "evaluate_every": 17, "evaluate_images": 19, "checkpoint_every": 23,
    }  # fmt: skip
    assert set(given) == set(cli.TRAINING)
    options = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
    model = "--encoder scaling --size tiny --dropout 0.3 --data bundled --device cpu".split()
    assert cli.main(["train", str(tmp_path), *options, *model]) == 0
    assert cli.main(["train", str(tmp_path), "--updates=3", *model]) == 0
    assert [config for _, config in seen] == [TrainConfig(**given), TrainConfig(3)]
    configuration = seen[0][0].config
    assert (configuration.encoder, configuration.size) == ("scaling", "tiny")
    assert configuration.dropout == 0.3


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


def test_train_again_goes_on_or_refuses(run, capsys):
    metrics = (run / "metrics.jsonl").read_bytes()
    options = ["--encoder", "scaling", "--updates", "2", *QUICK]
    assert cli.main(["train", str(run), *options]) == 0
    assert cli.main(["train", str(run), *options, "--lr", "0.5"]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ") and "lr 0.001 there, 0.5 here" in error
    assert (run / "metrics.jsonl").read_bytes() == metrics


def test_evaluate(run, capsys):
    """Every option changes the score or the line that says what was scored."""
    command = ["evaluate", str(run / "model"), "--data", "bundled"]
    changes = (
        "", "--split train", "--images 30", "--seed 1", "--passes 2", "--steps 4",
        "--steps 4 --ratio 0.5", "--steps 4 --scale folded", "--steps 4 --scale 1.1",
    )  # fmt: skip
    said = []
    for words in changes:
        assert cli.main([*command, *words.split()]) == 0
        said.append(capsys.readouterr().out)
    assert "mnist-bundled test, infinite depth: " in said[0] and "on 40 images" in said[0]
    assert "mnist-bundled train" in said[1] and "on 30 images" in said[2]
    assert "T = 4, w = 0.5: " in said[6] and "T = 4, w = 1, scale 1.1: " in said[8]
    scores = [text.split(": ")[1].split()[0] for text in said]
    assert len({*scores}) == len(changes)


def test_sample(tmp_path, capsys):
    from PIL import Image

    changes = (
        "", "", "--seed 1", "--steps 5", "--scale folded", "--ratio 0.5",
        "--ratio fitted --scale fitted",
    )  # fmt: skip
    pictures = []
    for words in changes:
        command = f"sample mnist-scaling --n 4 --steps 4 --out {tmp_path}/a.png {words}"
        assert cli.main(command.split()) == 0
        pictures.append((tmp_path / "a.png").read_bytes())
    assert pictures[0] == pictures[1] and len({*pictures}) == len(changes) - 1
    assert Image.open(io.BytesIO(pictures[0])).size == (62, 62)  # 2 x 2 of 28, frames of 2
    assert "4 samples of mnist-scaling, T = 4, w = fitted, scale fitted" in capsys.readouterr().out


@pytest.mark.parametrize(
    "command, message",
    [
        ("sample nothing", "there is no model 'nothing'"),
        ("train {run}/x --updates 0 --data bundled", "updates must be a whole number"),
        ("train {run}/model.json --data bundled --size tiny", "cannot write"),
        ("evaluate {run}/model --data bundled --ratio 2", "--ratio and --scale need --steps"),
        ("evaluate {run}/model --data bundled --steps 4 --scale -1", "scale must be positive"),
        ("sample {run}/model --steps 4 --scale fitted", "there are fitted steps for mnist-learned"),
        ("sample {run}/model --steps 0", "steps must be a whole number, at least 1"),
        ("sample {run}/model --out {run}/model.json/x.png --n 1 --steps 1", "cannot write"),
        ("sample {run}/model --device nowhere", "--device must be auto, cpu"),
    ],
)
def test_errors_are_one_line(run, capsys, command, message):
    assert cli.main(command.format(run=run).split()) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error and error.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for another process")
def test_interrupt_saves_and_leaves(tmp_path):
    previous = signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored where tests run in background
    process = subprocess.Popen(
        [sys.executable, "-m", "diffenc_lite", "train", str(tmp_path), "--updates", "100000",
         "--log-every", "1", "--encoder", "identity", *QUICK],
        cwd=ROOT, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    signal.signal(signal.SIGINT, previous)
    metrics = tmp_path / "metrics.jsonl"
    try:
        while process.poll() is None and not (metrics.exists() and metrics.stat().st_size > 300):
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        error = process.communicate(timeout=120)[1]
    finally:
        process.kill()
    assert process.returncode == 130, error
    assert "stopped; train and study go on" in error and "Traceback" not in error
    lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    assert load_resume(tmp_path / "resume.pt")["state"]["update"] == lines[-1]["update"]
