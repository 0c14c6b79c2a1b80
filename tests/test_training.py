"""Training does what it says: the bound falls, steps are whole, and a run that was stopped, killed
or interrupted ends with the same weights and the same metrics as one that was not."""

import errno
import itertools
import json
import math
import os
import re
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch
from draws import POINTS, module_of, same, seeded, shaken, weights
from torch import nn

from diffenc_lite import Chain, DiffEnc, TrainConfig, bound, toy
from diffenc_lite.chain import as_chain
from diffenc_lite.evaluation import evaluate, evenly_chosen
from diffenc_lite.model import ENCODERS, ModelConfig, build
from diffenc_lite.training import (
    TrainState,
    draws,
    learning_rate,
    load_resume,
    run,
    train,
    train_steps,
)
from diffenc_lite.training.folder import RunFolder
from diffenc_lite.training.speed import has_bf16

HELD_OUT = POINTS[:100]
SHORT = TrainConfig(
    updates=20, batch=16, ends=4, log_every=3, evaluate_every=8, checkpoint_every=5, ema=0.9
)


def make(encoder="learned", **options):
    """A new model, the same each time."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return build(ModelConfig(encoder, "tiny", shape=(2,), **options))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nothing happened to: its trained and its averaged weights, and its metrics."""
    folder, model = tmp_path_factory.mktemp("whole"), make(schedule="learned", dropout=0.0)
    last = train(model, POINTS, SHORT, folder, HELD_OUT)
    return weights(model), weights(last.model), (folder / "metrics.jsonl").read_bytes()


def finish(folder, whole):
    """Go on in the folder to the end, with another first model, and compare."""
    model = make(schedule="learned")
    nn.init.ones_(model.denoiser.stem.weight)  # what the folder holds must count, not this
    last = train(model, POINTS, SHORT, folder, HELD_OUT)
    assert same(weights(model), whole[0])
    assert same(weights(last.model), whole[1])
    assert (folder / "metrics.jsonl").read_bytes() == whole[2]


def saved_update(folder):
    return load_resume(folder / "resume.pt")["state"]["update"]


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(autouse=True)
def ctrl_c():
    """SIGINT as in a terminal, also where the tests run in the background and it is ignored."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


# ---- learning ------------------------------------------------------------------------------------


def test_a_progress_in_words():
    """As it is printed: how far, the terms and, where there are images held out, their bound."""
    *_, last = train_steps(make("identity"), POINTS, TrainConfig(2, batch=8), held_out=HELD_OUT)
    told = re.match(
        r"update 2 of 2: (\S+) bits/dim \(prior (\S+), reconstr\S+ (\S+), diff", str(last)
    )
    wanted = last.total, last.prior, last.reconstruction
    assert told.groups() == tuple(f"{value:.4f}" for value in wanted)
    assert str(last).endswith(f"; held out: {last.evaluation}")


@pytest.mark.parametrize("encoder", ENCODERS)
def test_the_bound_falls_and_stays_above_the_entropy(encoder):
    corners = toy("plus_minus_one", 2000, generator=seeded())
    model, entropy = make(encoder), 1.0  # one bit in each dimension

    def bound(model):
        return evaluate(model, corners[:100], passes=20, generator=seeded())

    before = bound(model)
    config = TrainConfig(250, lr=3e-3, warmup=10, ema=0.95)
    after = bound(train(model, corners, config).model)
    assert after.total + 4 * after.standard_error > entropy  # X5
    assert after.total < entropy + 0.25 * (before.total - entropy)


def test_learning_rate():
    config = TrainConfig(updates=1000, lr=0.5, warmup=100)
    rates = [learning_rate(config, update) for update in range(1001)]
    assert 0 < rates[0] < 0.01
    assert all(a < b for a, b in zip(rates[:100], rates[1:101], strict=True))
    assert all(a > b for a, b in zip(rates[100:], rates[101:], strict=False))
    assert 0.48 < max(rates) < 0.5
    assert rates[1000] == pytest.approx(0.005)


def test_steps_are_a_chain_or_a_number():
    """The errors of a fitted chain change no result, so they do not make it another run."""
    assert TrainConfig(2).as_dict()["loss_steps"] is None
    three = (TrainConfig(2, loss_steps=steps).as_dict() for steps in (3, Chain.equal(3)))
    assert next(three) == next(three)
    chain = Chain([0, 0.3, 1], [0.5, 0.9], 1.0)
    fitted = Chain(chain.grid, chain.ratio, chain.scale, chain.ratio / 9, chain.scale / 9)
    assert TrainConfig(2, loss_steps=fitted).as_dict() == TrainConfig(2, loss_steps=chain).as_dict()


@pytest.mark.parametrize("steps", [None, 4, Chain.equal(4, (0.3, 1.0, 2.5, 0.8))])
def test_the_loss_is_the_bound_at_its_steps(steps, small_model):
    """Diffusion of the whole batch, both ends of its first images."""
    config = replace(SHORT, loss_steps=steps, log_every=1)
    progress = next(train_steps(small_model(), POINTS, config))
    model, chain = small_model(), steps and as_chain(steps)
    index, uniform, eps, eps_0 = draws.draw_batch(model, POINTS, SHORT, 0)
    x = model.to_unit(POINTS[index])
    diffusion = bound.diffusion_loss(model, x, uniform, eps)
    if chain is not None:
        s, t, ratio, scale = chain.step(chain.drawn_index(uniform), x)
        diffusion = chain.steps * bound.step_loss(model, x, s, t, eps, ratio, scale)
    prior, reconstruction = bound.end_losses(model, POINTS[index[:4]], eps_0)
    losses = {"prior": prior, "reconstruction": reconstruction, "diffusion": diffusion}
    for name, nats in losses.items():
        bits = nats.mean().item() / (2 * math.log(2))
        assert getattr(progress, name) == pytest.approx(bits, rel=1e-12)


def one_gradient(state, size):
    """A term of the loss whose gradient has this norm: all in the bias of the first layer."""
    bias = state.model.denoiser.first.bias
    return (bias * size / len(bias) ** 0.5).sum()[None]


def test_updates_are_as_long_as_the_learning_rate(small_model):
    """The first update of AdamW, which has all but convolutions, moves a weight by that rate."""
    state = TrainState(small_model("identity"), TrainConfig(updates=9, lr=0.01, warmup=3))
    before = state.model.denoiser.first.bias.clone()
    state.descend(one_gradient(state, 3.0))
    moved = (state.model.denoiser.first.bias - before).abs()
    rate = learning_rate(state.config, 0)
    assert torch.allclose(moved, torch.full_like(moved, rate), rtol=1e-6)
    for update in range(1, 9):
        state.descend(one_gradient(state, 3.0))
        rates = {group["lr"] for group in state.optimizers[0][0].param_groups}
        assert rates == {learning_rate(state.config, update)}


@pytest.mark.parametrize("clip, norm", [(None, 3.0), (1.0, 1.0), (5.0, 3.0)])
def test_clipping_shortens_a_long_gradient_and_no_other(clip, norm, small_model):
    state = TrainState(small_model("identity"), SHORT)
    assert state.descend(one_gradient(state, 3.0), clip)[0] != 0
    assert state.model.denoiser.first.bias.grad.norm().item() == pytest.approx(norm, rel=1e-5)


def test_the_average_follows_its_formula(small_model):
    state = TrainState(small_model("learned"), replace(SHORT, ema=0.5))
    for model in (state.model, state.averaged):
        model.register_buffer("seen", torch.zeros(1))
    expected = weights(state.model)
    for n in range(14):
        state.model.seen += 1
        state.descend(state.model.denoiser.last.weight.square().sum()[None])
        decay = min(0.5, (1 + n) / (10 + n))
        for name, weight in state.model.state_dict().items():
            expected[name] = decay * expected[name] + (1 - decay) * weight
    expected["seen"] = torch.tensor([14.0])  # buffers are those of the model
    for name, weight in state.averaged.state_dict().items():
        assert torch.allclose(weight, expected[name], rtol=1e-12)
    assert not any(module.training for module in state.averaged.modules())
    assert all(module.training for module in state.model.modules())


def test_averages_look_back_over_a_hundred_gradients_and_a_thousand_updates(small_model):
    """1 / (1 - decay); and the ends of a batch of 128 are an eighth of it: what the cards trained
    by default say."""
    state = TrainState(small_model(), replace(TrainConfig(9), optimizer="adamw"))
    state.descend(state.model.denoiser.last.weight.square().sum()[None])
    moments = state.optimizers[0][0].state[weight := state.model.denoiser.last.weight]
    assert torch.allclose(moments["exp_avg_sq"], weight.grad.square() / 100)
    assert torch.allclose(moments["exp_avg"], weight.grad / 10)
    assert 1 / (1 - state.config.ema) == pytest.approx(1000)
    assert state.config.ends * 8 == state.config.batch


def test_only_matrices_decay(small_model):
    """With no gradient, AdamW does nothing but decay."""
    model = small_model("learned", learned_schedule=True)
    state = TrainState(model, replace(SHORT, weight_decay=0.5, lr=0.1, warmup=0, updates=10**9))
    before = weights(model)
    state.descend(sum(0 * weight.sum() for weight in state.weights)[None])
    for name, weight in model.state_dict().items():
        factor = 0.95 if weight.ndim > 1 else 1.0
        assert torch.allclose(weight, factor * before[name]), name


def test_batches(small_model):
    """New ones in each update and for each seed, the same for the same; t covers [0, 1] evenly."""
    model = small_model("identity")

    def drawn(update, **changes):
        return draws.draw_batch(model, POINTS, replace(SHORT, **changes), update)

    first, again, second, other = drawn(0), drawn(0), drawn(1), drawn(0, seed=1)
    assert same(dict(enumerate(first)), dict(enumerate(again)))
    for another in (second, other):
        assert not any(torch.equal(a, b) for a, b in zip(first, another, strict=True))
    for index, t, eps, eps_0 in (first, second, other):
        assert index.shape == (16,) and eps.shape == (16, 2) and eps_0.shape == (4, 2)
        assert torch.allclose(t.sort().values.diff(), torch.tensor(1 / 16).double())
        assert 0 <= index.min() and index.max() < len(POINTS)
    assert len(drawn(0, ends=99)[3]) == 16  # all of the batch
    index = draws.draw_batch(model, POINTS[:3], replace(SHORT, batch=99), 0)[0]
    assert {*index.tolist()} == {0, 1, 2}


def test_dropout_is_another_one_in_each_update_and_leaves_the_global_generator_alone(
    small_model, monkeypatch
):
    seen, drawn = [], torch.get_rng_state()

    class Dropping(nn.Module):
        def __init__(self):
            super().__init__()
            self.network, self.dropout = small_model().denoiser, nn.Dropout(0.5)

        def forward(self, z, gamma):
            if self.training:
                seen.append(tuple(self.dropout(torch.ones(64)).tolist()))
            return self.network(z, gamma)

    for _ in range(2):
        list(train_steps(DiffEnc(Dropping()), POINTS, replace(SHORT, updates=3), held_out=HELD_OUT))
    assert torch.equal(torch.get_rng_state(), drawn)
    assert seen[:3] == seen[3:] and len(set(seen)) == 3
    monkeypatch.setattr(draws, "rank_and_size", lambda: (1, 2))  # and in each process
    with draws.seeded_dropout(torch.device("cpu"), SHORT, 0):
        assert tuple(nn.Dropout(0.5)(torch.ones(64)).tolist()) not in seen


def test_bf16_is_close_and_a_run_in_it_is_another(monkeypatch, tmp_path):
    """Only where the processor computes in bf16, and the weights stay in float32."""
    images = torch.randint(256, (16, 1, 8, 8), generator=seeded()).byte()
    memory_kept = []
    monkeypatch.setattr(run, "keep_freed_memory", lambda: memory_kept.append(True))

    def diffusion(has_bf16, bf16, folder):
        found = {"amx_bf16": has_bf16}
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found, raising=False)
        torch.manual_seed(0)
        model = shaken(build(ModelConfig("learned", "tiny", shape=(1, 8, 8))))
        last = train(model, images, TrainConfig(1, batch=16, bf16=bf16), tmp_path / folder)
        assert all(weight.dtype == torch.float32 for weight in model.parameters())
        return last.diffusion

    exact = diffusion(False, True, "older")
    assert diffusion(True, False, "slow") == exact
    close = diffusion(True, True, "bf16")
    assert close != exact and close == pytest.approx(exact, rel=0.05)
    with pytest.raises(ValueError, match="bf16 False there, True here"):
        diffusion(True, True, "slow")
    assert memory_kept == [True] * 3


@pytest.mark.parametrize("version, has", [((7, 5), False), ((8, 0), True), ((9, 0), True)])
def test_graphics_cards_compute_in_bf16_from_ampere_on(version, has, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: version)
    assert has_bf16(torch.device("cuda")) is has


# ---- what it tells -------------------------------------------------------------------------------


def test_progress_and_metrics(tmp_path):
    model = make("scaling")
    told = list(train_steps(model, POINTS, SHORT, tmp_path, HELD_OUT))
    assert [p.update for p in told] == [3, 6, 8, 9, 12, 15, 16, 18, 20]
    assert [p.update for p in told if p.evaluation] == [8, 16, 20]
    assert all(p.updates == 20 and p.images_per_second > 0 for p in told)
    same = torch.Generator(model.device).manual_seed(draws.seed_for(SHORT, draws.FOR_EVALUATION))
    assert told[-1].evaluation == evaluate(told[-1].model, HELD_OUT, generator=same)

    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    names, expected = ("update", "prior", "reconstruction", "diffusion", "total"), []
    for progress in told:
        trained = {name: getattr(progress, name) for name in names}
        expected.append({"split": "train", **trained})
        if progress.evaluation:
            held_out = {"update": progress.update, "split": "held out"}
            expected.append(held_out | vars(progress.evaluation))
            assert expected[-1].pop("levels") == 256  # the model's, and the same in every line
    assert lines == expected


def test_evaluations_have_draws_of_their_own():
    """All the same ones, and none that is trained on; the clusters of the images chosen, and the
    steps of the training."""
    config, clusters = replace(SHORT, evaluate_images=50, loss_steps=3), torch.arange(100) // 20
    reports = train_steps(make(), POINTS, config, held_out=HELD_OUT, clusters=clusters)
    evaluated = []
    for progress in (progress for progress in reports if progress.evaluation):
        same = torch.Generator().manual_seed(draws.seed_for(config, draws.FOR_EVALUATION))
        chosen = {"clusters": evenly_chosen(clusters, 50), "generator": same}
        again = evaluate(progress.model, evenly_chosen(HELD_OUT, 50), 3, **chosen)
        assert progress.evaluation == again
        evaluated.append(progress.update)
    assert evaluated == [8, 16, 20]
    purposes = itertools.product((draws.FOR_BATCH, draws.FOR_DROPOUT), range(SHORT.updates))
    trained = {draws.seed_for(SHORT, *purpose, 0) for purpose in purposes}
    assert len(trained) == 2 * SHORT.updates
    assert draws.seed_for(SHORT, draws.FOR_EVALUATION) not in trained


def test_terms_are_means_over_the_updates_since_the_last_progress(small_model):
    config = replace(SHORT, updates=10, log_every=4, evaluate_every=6)
    told = list(train_steps(small_model("learned"), POINTS, config, held_out=HELD_OUT))
    singly = train_steps(small_model("learned"), POINTS, replace(config, log_every=1))
    each = torch.tensor([[p.prior, p.reconstruction, p.diffusion] for p in singly])
    assert [progress.update for progress in told] == [4, 6, 8, 10]
    for progress, since_the_last in zip(told, each.split([4, 2, 2, 2]), strict=True):
        terms = torch.tensor([progress.prior, progress.reconstruction, progress.diffusion])
        assert torch.allclose(terms, since_the_last.mean(0), rtol=1e-5)


def test_the_bar_shows_all(small_model, capsys):
    train(small_model("identity"), POINTS, SHORT)
    assert "20/20" in capsys.readouterr().err
    list(train_steps(small_model("identity"), POINTS, SHORT))
    assert not capsys.readouterr().err


# ---- stopped, interrupted, killed ----------------------------------------------------------------


def test_leaving_the_loop_saves_and_the_next_call_goes_on(tmp_path, whole):
    for stop in (3, 8, 15):
        for progress in train_steps(make(schedule="learned"), POINTS, SHORT, tmp_path, HELD_OUT):
            torch.rand(1)  # what the reader draws must not count
            if progress.update == stop:
                break
        assert saved_update(tmp_path) == stop
    with (tmp_path / "metrics.jsonl").open("ab") as file:  # as after a kill: newer than resume.pt
        file.write(b'{"update": 18, "split": "train", "prior": 1.0}\n{"update": 20, "spl')
    finish(tmp_path, whole)


def test_a_loop_that_was_left_does_not_write_over_what_another_has_done(tmp_path, whole):
    left = train_steps(make(schedule="learned"), POINTS, SHORT, tmp_path, HELD_OUT)
    next(left)  # its name keeps it alive
    finish(tmp_path, whole)
    files = contents(tmp_path)
    with pytest.raises(RuntimeError, match="written by another run"):
        left.close()
    assert contents(tmp_path) == files


def test_a_finished_run_tells_its_end_again(tmp_path):
    first = train(make(), POINTS, SHORT, tmp_path, HELD_OUT)
    files = contents(tmp_path)
    (again,) = train_steps(make(), POINTS, SHORT, tmp_path, HELD_OUT)
    others = {"images_per_second": 0.0, "model": None}
    assert replace(again, **others) == replace(first, **others)
    assert same(weights(again.model), weights(first.model)) and contents(tmp_path) == files


@pytest.mark.parametrize("call", [1, 7, 9], ids=["first step", "a step", "evaluation"])
def test_an_interrupt_waits_for_the_step_and_saves(tmp_path, whole, call):
    """In the n-th call of the denoiser somebody presses Ctrl-C, three times."""
    handler, model, calls = signal.getsignal(signal.SIGINT), make(schedule="learned"), []

    def press(denoiser, _):
        if (tmp_path / "resume.pt").exists():  # not when parts are checked, before all else
            calls.append(denoiser.training)
        if len(calls) == call:
            for _ in range(3):
                signal.raise_signal(signal.SIGINT)

    model.denoiser.register_forward_pre_hook(press)
    with pytest.raises(KeyboardInterrupt):
        for _ in train_steps(model, POINTS, SHORT, tmp_path, HELD_OUT):
            assert signal.getsignal(signal.SIGINT) is handler  # the reader's own Ctrl-C works
    assert signal.getsignal(signal.SIGINT) is handler
    assert calls == ([True] * 8 + [False] * 7 if call == 9 else [True] * call)
    assert saved_update(tmp_path) == min(call, 8)
    finish(tmp_path, whole)


def test_it_trains_outside_the_main_thread(whole):
    model = make(schedule="learned")
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: list(train_steps(model, POINTS, SHORT))).result()
    assert same(weights(model), whole[0])


def test_killed_at_any_moment_it_ends_the_same(tmp_path, whole, monkeypatch):
    """A kill leaves in the folder what lies there before some operation on a file."""
    run, left = tmp_path / "run", []
    run.mkdir()

    def watch(name, real):
        def call(*arguments):
            left.append(shutil.copytree(run, tmp_path / str(len(left))))
            return real(*arguments)

        monkeypatch.setattr(os, name, call)

    watch("fsync", os.fsync)
    watch("replace", os.replace)
    train(make(schedule="learned"), POINTS, SHORT, run, HELD_OUT)
    monkeypatch.undo()
    assert len(left) > 15 and any(list(folder.glob("*.part")) for folder in left)
    for folder in {tuple(sorted(contents(folder).items())): folder for folder in left}.values():
        if (folder / "resume.pt").exists():
            finish(folder, whole)
        else:  # killed at its very start, and to be started again
            assert not (folder / "metrics.jsonl").exists()


# ---- what goes wrong -----------------------------------------------------------------------------


def broken(network, n, what):
    """Gives NaN, or a gradient that is infinite, in its n-th call."""
    zero, calls = nn.Parameter(torch.zeros(1)), itertools.count(1)

    def v_hat(z, gamma):
        if not torch.is_grad_enabled() or next(calls) != n:  # parts are checked without
            return network(z, gamma)
        return network(z, gamma) * (math.nan if what == "loss" else 1 + zero.sqrt())

    return module_of(network=network, zero=zero, forward=v_hat)


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_not_finite(tmp_path, what):
    model = DiffEnc(broken(make("identity").denoiser, 8, what))
    before = {}
    with pytest.raises(FloatingPointError) as caught:
        for progress in train_steps(model, POINTS, replace(SHORT, log_every=1), tmp_path):
            before = (progress.update, weights(model))
    assert before[0] == 7 and same(weights(model), before[1])
    message = str(caught.value)
    assert f"{what} is not finite in update 8" in message and "lr (now 0.001)" in message
    assert ("nan)" in message) == (what == "loss")
    assert saved_update(tmp_path) == 5


@pytest.mark.parametrize("file, call", [("resume", 7), ("metrics", 4)])
def test_full_disk_stops_with_one_error_and_loses_nothing(tmp_path, whole, monkeypatch, file, call):
    real, calls = os.fsync, itertools.count(1)

    def full(descriptor):
        if next(calls) == call:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=file):
        list(train_steps(make(schedule="learned"), POINTS, SHORT, tmp_path, HELD_OUT))
    monkeypatch.undo()
    assert not list(tmp_path.glob("*.part"))
    finish(tmp_path, whole)


def test_another_run_in_the_folder_is_refused(tmp_path):
    next(train_steps(make("scaling"), POINTS, SHORT, tmp_path, HELD_OUT))
    before, model = contents(tmp_path), make("scaling")
    started = model.with_parts(_card={"sha256": "another"})  # it would go on from another model
    for named, arguments in {
        "lr": (model, POINTS, replace(SHORT, lr=0.002), tmp_path, HELD_OUT),
        "seed": (model, POINTS, replace(SHORT, seed=4), tmp_path, HELD_OUT),
        "loss_steps": (model, POINTS, replace(SHORT, loss_steps=3), tmp_path, HELD_OUT),
        "images": (model, POINTS[1:], SHORT, tmp_path, HELD_OUT),
        "held_out": (model, POINTS, SHORT, tmp_path),
        "model": (make("identity"), POINTS, SHORT, tmp_path, HELD_OUT),
        "start": (started, POINTS, SHORT, tmp_path, HELD_OUT),
    }.items():
        with pytest.raises(ValueError, match=rf"other settings \({named} .* there, .* here\)"):
            train(*arguments)
    with pytest.raises(ValueError, match="model "):
        train(DiffEnc(make().denoiser), POINTS, SHORT, tmp_path, HELD_OUT)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("steps", [None, 3])
def test_a_run_that_calls_its_loss_steps_steps_goes_on(tmp_path, steps):
    """As runs did before; it ends as one that does not."""
    config = replace(SHORT, loss_steps=steps)
    for folder in ("old", "new"):
        next(train_steps(make(), POINTS, config, tmp_path / folder, HELD_OUT))
    run = RunFolder(tmp_path / "old", {})
    run.settings = load_resume(run.resume)["settings"]
    state = run.restore()
    run.settings = {("steps" if k == "loss_steps" else k): v for k, v in run.settings.items()}
    assert "loss_steps" not in run.settings
    run.save(state)
    old, new = (train(make(), POINTS, config, tmp_path / f, HELD_OUT) for f in ("old", "new"))
    assert same(weights(old.model), weights(new.model))
    with pytest.raises(ValueError, match="loss_steps"):
        train(make(), POINTS, replace(config, loss_steps=5), tmp_path / "old", HELD_OUT)


def test_damaged_folders_are_refused(tmp_path):
    next(train_steps(make(), POINTS, SHORT, tmp_path))
    metrics, resume = tmp_path / "metrics.jsonl", tmp_path / "resume.pt"
    text, content = metrics.read_bytes(), resume.read_bytes()
    for path, left, words in (
        (metrics, text[:-1], "metrics.jsonl is damaged"),
        (resume, content[:-100], "resume.pt is damaged"),
        (resume, content[:-1] + bytes([content[-1] ^ 1]), "resume.pt is damaged"),
        (resume, b"foreign", "of this version"),
        (resume, content.replace(b"resume 2", b"resume 1"), "of this version"),
        (resume, None, "metrics but no resume.pt"),
    ):
        metrics.write_bytes(text)
        path.write_bytes(left) if left else path.unlink()
        with pytest.raises(ValueError, match=words):
            train(make(), POINTS, SHORT, tmp_path)
    assert metrics.read_bytes() == text


def test_the_card_of_what_was_trained_is_not_that_of_its_start():
    start = make().with_parts(_card={"sha256": "start"})
    assert not train(start, POINTS, TrainConfig(1)).model.card and start.card
