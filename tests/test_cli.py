"""The command line: what a reader types, and what they are told when it cannot work."""

import io
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from diffenc_lite import Chain
from diffenc_lite import __main__ as cli
from diffenc_lite.data import load_mnist, load_named
from diffenc_lite.evaluation import evaluate
from diffenc_lite.pretrained import load_model
from diffenc_lite.training.folder import load_resume

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
def test_help_has_an_example_that_parses(command, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main([command, "--help"])
    assert left.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    example = text.partition("example: python -m diffenc_lite ")[2]
    assert example.startswith(command)
    assert cli.parser().parse_args(shlex.split(example)).run


def test_help_names_all_commands(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    assert set(cli.COMMANDS) <= set(capsys.readouterr().out.split())


def test_train_writes_a_model_with_its_card(run):
    assert {path.name for path in run.iterdir()} == {
        "resume.pt", "metrics.jsonl", "model.safetensors", "model.json",
    }  # fmt: skip
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
    start = ["--start", str(run / "model")]
    assert cli.main([*begin, *start]) == 0
    began, card = json.loads((run / "model.json").read_text()), tmp_path / "model.json"
    there = json.loads(card.read_text())["start"]
    assert there == {
        "encoder": "scaling", "updates": 2, "bits_per_dim": began["bits_per_dim"],
        "sha256": began["sha256"], "batch": began["training"]["batch"],
    }  # fmt: skip
    assert cli.main([*begin, *start]) == 0
    assert cli.main(begin) == 2
    assert "start" in capsys.readouterr().err
    next_run = ["train", str(tmp_path / "next"), *options, "--start", str(tmp_path / "model")]
    assert cli.main(next_run) == 0
    last = json.loads((tmp_path / "next" / "model.json").read_text())["start"]
    assert (last["encoder"], last["updates"], last["start"]) == ("learned", 1, there)


def test_train_with_depth_and_ratio(tmp_path):
    for ratio, shown in ((["0.5"], "0.5"), (["0.5", "1", "0.7"], "[0.5, 1, 0.7]")):
        options = ["--updates", "1", "--encoder", "identity", *QUICK, "--steps", "3", "--ratio"]
        assert cli.main(["train", str(tmp_path / shown), *options, *ratio]) == 0
        card = json.loads((tmp_path / shown / "model.json").read_text())
        assert card["evaluated_on"].endswith(f"40 images, Chain.equal(3, ratio={shown})")
        assert set(Chain(**card["training"]["steps"]).ratio.tolist()) == set(map(float, ratio))


def test_train_again_goes_on_or_refuses(run, capsys):
    metrics = (run / "metrics.jsonl").read_bytes()
    options = ["--encoder", "scaling", "--updates", "2", *QUICK]
    assert cli.main(["train", str(run), *options]) == 0
    assert cli.main(["train", str(run), *options, "--lr", "0.5"]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ") and "lr 0.001 there, 0.5 here" in error
    assert (run / "metrics.jsonl").read_bytes() == metrics


@pytest.mark.parametrize("options, depth", [
    ([], "infinite depth"), (["--steps", "4", "--ratio", "0.5", "--passes", "2"], "T = 4, w = 0.5"),
    (["--steps", "4", "--scale", "folded"], "T = 4, w = 1, scale folded"),
    (["--steps", "4", "--scale", "1.1"], "T = 4, w = 1, scale 1.1"),
])  # fmt: skip
def test_evaluate(run, capsys, options, depth):
    command = ["evaluate", str(run / "model"), "--data", "bundled", "--images", "30", *options]
    assert cli.main(command) == 0
    out = capsys.readouterr().out
    assert f"mnist-bundled test, {depth}: " in out and "bits/dim on 30 images" in out
    assert cli.main([*command, "--seed", "1"]) == 0
    assert capsys.readouterr().out != out


def test_sample(run, tmp_path, capsys):
    from PIL import Image

    for name, seed in (("a.png", "0"), ("b.png", "0"), ("c.png", "1")):
        command = ["sample", str(run / "model.safetensors"), "--n", "4", "--steps", "2"]
        assert cli.main([*command, "--out", str(tmp_path / name), "--seed", seed]) == 0
    pictures = {name: (tmp_path / f"{name}.png").read_bytes() for name in "abc"}
    assert pictures["a"] == pictures["b"] != pictures["c"]
    assert Image.open(io.BytesIO(pictures["a"])).size == (62, 62)  # 2 x 2 of 28, frames of 2
    assert "4 samples of" in capsys.readouterr().out


def test_sample_with_the_fitted_step(tmp_path, capsys):
    pictures = []
    for words in ("--ratio fitted --scale fitted", "--scale folded", ""):
        command = f"sample mnist-scaling --n 1 --steps 4 --out {tmp_path}/a.png {words}"
        assert cli.main(command.split()) == 0
        pictures.append((tmp_path / "a.png").read_bytes())
    assert len(set(pictures)) == 3
    assert "T = 4, w = fitted, scale fitted" in capsys.readouterr().out


def test_doctor(capsys):
    assert cli.main(["doctor", "--size", "tiny", "--device", "cpu"]) == 0
    out = capsys.readouterr().out
    for word in (torch.__version__, "device: cpu", "bundled: ImageSet", "full: ", "pretrained: "):
        assert word in out
    assert out.count("one update, tiny net") == 3


@pytest.mark.parametrize(
    "command, message",
    [
        ("sample nothing", "there is no model 'nothing'"),
        ("evaluate nothing", "there is no model 'nothing'"),
        ("train {run}/x --updates 0 --data bundled", "updates must be a whole number"),
        ("train {run}/x --steps 3 --ratio 0.5 1 --data bundled", "ratio must be a number or have"),
        ("train {run}/x --root {run} --data full", "MNIST"),
        ("train {run}/model.json --data bundled --size tiny", "cannot write"),
        ("evaluate {run}/model --data bundled --ratio 2", "ratio must be 1 at infinite depth"),
        ("evaluate {run}/model --data bundled --scale folded", "scale must be None at infinite"),
        ("evaluate {run}/model --data bundled --steps 4 --scale -1", "scale must be positive"),
        ("sample {run}/model --steps 4 --scale fitted", "there are fitted steps for mnist-learned"),
        ("sample mnist-vdm --steps 5 --ratio fitted", "got 'mnist-vdm' with T = 5"),
        ("evaluate {run}/model --data bundled --images 1", "images must be at least 2"),
        ("evaluate {run}/model --data kmnist --root {run}", "root must be a folder with KMNIST in"),
        ("sample {run}/model --steps 0", "steps must be a whole number, at least 1"),
        ("sample {run}/model --out {run}/model.json/x.png --n 1 --steps 1", "cannot write"),
        ("sample {run}/model --device nowhere", "--device must be auto, cpu"),
        *[("doctor --device cuda", "finds no such device here")] * (not torch.cuda.is_available()),
    ],
)
def test_errors_are_one_line(run, capsys, command, message):
    assert cli.main(command.format(run=run).split()) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error and error.count("\n") == 1


def test_a_name_that_the_terminal_cannot_show_stops_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "ascii"))
    assert cli.main(["guide", str(tmp_path / "\u0141")]) == 0


def test_an_error_of_two_lines_is_told_in_one(capsys, monkeypatch):
    def fail(_):
        raise ValueError("first line\n  second line")

    monkeypatch.setitem(cli.COMMANDS, "doctor", (fail, *cli.COMMANDS["doctor"][1:]))
    assert cli.main(["doctor"]) == 2
    assert capsys.readouterr().err == "error: first line second line\n"


@pytest.mark.parametrize("command", [[], ["fly"], ["train"], ["sample", "m", "--steps", "many"]])
def test_wrong_usage(command, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(command)
    assert left.value.code == 2
    assert "usage: python -m diffenc_lite" in capsys.readouterr().err


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
    assert "stopped; all is saved" in error and "Traceback" not in error
    lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    assert load_resume(tmp_path / "resume.pt")["state"]["update"] == lines[-1]["update"]
