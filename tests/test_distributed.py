"""Two gloo processes do what one does on the joined batch, and torchrun starts them."""

import json
import os
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from draws import POINTS, run_python, shaken, some_images

from diffenc_lite import Chain
from diffenc_lite import __main__ as cli
from diffenc_lite.model import ENCODERS, ModelConfig, build
from diffenc_lite.training import TrainConfig, draw_batch, train, train_steps

CONFIG = TrainConfig(updates=6, batch=8, ends=4, log_every=2, evaluate_every=4, checkpoint_every=4)

pytestmark = pytest.mark.skipif(not dist.is_gloo_available(), reason="needs gloo")

IMAGES = some_images(50, (1, 4, 4))
TRAININGS = [*((encoder, "adamw") for encoder in ENCODERS), ("learned", "muon")]


def make(encoder: str, seed: int = 1, shape=(2,)):
    torch.manual_seed(seed)
    model = build(ModelConfig(encoder, "tiny", "learned", shape=shape)).double()
    shaken(model.denoiser)
    return model


def two_updates(encoder: str, optimizer: str, seed: int = 1) -> dict[str, object]:
    """How many images, the terms, the last gradient, and the weights after it: of points, or with
    Muon, which is for convolutions, of images."""
    data = POINTS if optimizer == "adamw" else IMAGES
    model = make(encoder, seed, tuple(data.shape[1:]))
    steps = Chain.equal(3, (0.5, 1.0, 0.8)) if encoder == "scaling" else None  # W3
    config = replace(CONFIG, updates=2, loss_steps=steps, log_every=1, optimizer=optimizer)
    terms = [(p.prior, p.reconstruction, p.diffusion) for p in train_steps(model, data, config)]
    gradient = {name: weight.grad for name, weight in model.named_parameters()}
    share = [len(drawn) for drawn in draw_batch(model, data, config, 0)]
    return {"share": share, "terms": terms, "gradient": gradient, "weights": model.state_dict()}


def process(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    store = dist.FileStore(os.path.join(folder, "store"), 2)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=2)
    seed = 1 + rank  # the first weights of the first process count
    result: dict[str, object] = {name: two_updates(*name, seed) for name in TRAININGS}
    for stop in (4, None):  # stopped, then gone on with; only the first process may write
        run = Path(folder) / "run"
        for progress in train_steps(make("learned"), POINTS, CONFIG, run, POINTS[:50]):
            if progress.update == stop:
                break
    result["end"] = progress.model.state_dict()
    try:
        train(make("identity"), POINTS, replace(CONFIG, batch=7, ends=3))
    except ValueError as error:
        result["error"] = str(error)
    torch.save(result, os.path.join(folder, f"{rank}.pt"))
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """The folder, and what the two processes found."""
    folder = tmp_path_factory.mktemp("two")
    mp.spawn(process, (str(folder),), nprocs=2)
    return folder, [torch.load(folder / f"{rank}.pt") for rank in (0, 1)]


close = partial(torch.testing.assert_close, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("training", TRAININGS, ids=" ".join)
def test_gradients_and_weights_are_those_of_one_process(two, training):
    alone = two_updates(*training)
    assert any(gradient.abs().max() > 1e-3 for gradient in alone["gradient"].values())
    assert alone["share"] == [8, 8, 8, 4]  # images, t, noise, noise_0
    for result in two[1]:
        assert result[training]["share"] == [4, 4, 4, 2]
        for name in ("terms", "gradient", "weights"):
            close(result[training][name], alone[name])


def test_a_run_that_was_stopped_ends_as_one_process_does(two, tmp_path):
    last = train(make("learned"), POINTS, CONFIG, tmp_path, POINTS[:50])
    for result in two[1]:
        close(result["end"], last.model.state_dict())
    lines = [path.joinpath("metrics.jsonl").read_text() for path in (two[0] / "run", tmp_path)]
    one, other = ([json.loads(line) for line in text.splitlines()] for text in lines)
    assert [line["update"] for line in one] == [line["update"] for line in other] == [2, 4, 4, 6, 6]
    for ours, theirs in zip(one, other, strict=True):
        assert ours["total"] == pytest.approx(theirs["total"], rel=1e-6)


def test_a_batch_that_cannot_be_shared_is_refused(two):
    for result in two[1]:
        assert "multiples of the number of processes, 2; got 7 and 3" in result["error"]


@pytest.mark.parametrize("has_cuda, device, backend", [
    (True, "auto", "nccl"), (True, "cuda", "nccl"), (True, "cpu", "gloo"), (False, "auto", "gloo"),
])  # fmt: skip
def test_torchrun_takes_the_backend_of_the_device(has_cuda, device, backend, monkeypatch):
    chosen, backends = [], []
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_cuda)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setattr(dist, "init_process_group", backends.append)
    monkeypatch.setattr(dist, "get_rank", lambda: 1)
    monkeypatch.setattr(dist, "destroy_process_group", lambda: None)
    with cli._torchrun(device) as rank:
        assert rank == 1
    assert backends == [backend] and chosen == ([1] if backend == "nccl" else [])


def test_torchrun(tmp_path):
    start = "-m torch.distributed.run --standalone --nproc-per-node=2 -m diffenc_lite train"
    options = "--encoder scaling --size tiny --data bundled --batch 4 --ends 2 --updates 2"
    quick = "--evaluate-images 20 --device cpu"
    command = (*start.split(), tmp_path, *options.split(), *quick.split())
    done = run_python(*command, OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("holds the averaged model") == 1
    assert {path.name for path in tmp_path.iterdir()} == {
        "resume.pt", "metrics.jsonl", "model.safetensors", "model.json",
    }  # fmt: skip
