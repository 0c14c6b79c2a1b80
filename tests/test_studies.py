"""Studies: jobs that are done once, by whoever comes first; and the study of the encoders."""

import json
import shlex
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from diffenc_lite import __main__ as cli
from diffenc_lite.course import studies as door
from diffenc_lite.course.studies import (
    Results,
    Study,
    encoders,
    load_arrays,
    load_results,
    read_results,
    run_study,
)
from diffenc_lite.course.studies import runner as studies
from diffenc_lite.data import load_mnist
from diffenc_lite.training import State
from diffenc_lite.training.loop import draw

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def squares(monkeypatch):
    """A study of `toys` that squares its seeds, and the list of jobs that were run."""
    done = []

    def run(job, options):
        done.append(job["seed"])
        return [{**job, "square": job["seed"] ** 2, "power": p} for p in range(options.budget["n"])]

    study = Study(
        lambda options: [{"seed": seed} for seed in range(options.budget["seeds"])],
        run,
        budget={"seeds": 3, "n": 1},
        on_cuda={"n": 5},
    )
    for module in (studies, door):
        monkeypatch.setattr(module, "find", lambda name: study)
    return study, done


def test_all_jobs_then_none(squares, tmp_path):
    study, done = squares
    options = studies.options(study)
    path = run_study("toys", tmp_path, options)
    assert done == [0, 1, 2] and path == tmp_path / "results.json"
    before = path.read_bytes()
    assert run_study("toys", tmp_path, options) == path
    assert done == [0, 1, 2] and path.read_bytes() == before
    found = read_results(path)
    assert found["study"] == "toys" and found["budget"] == {"seeds": 3, "n": 1}
    assert found["command"].endswith("study toys FOLDER --budget seeds=3 n=1")
    assert load_results(path) == [{"seed": s, "square": s * s, "power": 0} for s in range(3)]


def test_what_was_interrupted_goes_on(squares, tmp_path, monkeypatch):
    study, done = squares

    def stop(job, options):
        if job["seed"] == 1:
            raise KeyboardInterrupt
        return study.run(job, options)

    monkeypatch.setattr(studies, "find", lambda name: replace(study, run=stop))
    with pytest.raises(KeyboardInterrupt):
        run_study("toys", tmp_path, studies.options(study))
    assert done == [0] and not (tmp_path / "results.json").exists()
    monkeypatch.setattr(studies, "find", lambda name: study)
    assert run_study("toys", tmp_path, studies.options(study))
    assert done == [0, 1, 2]


def test_seeds_may_grow_and_nothing_else_may_change(squares, tmp_path):
    study, done = squares
    run_study("toys", tmp_path, studies.options(study, budget={"seeds": 2}))
    path = run_study("toys", tmp_path, studies.options(study, budget={"seeds": 4}))
    assert done == [0, 1, 2, 3] and len(load_results(path)) == 4
    assert read_results(path)["budget"]["seeds"] == 4
    with pytest.raises(ValueError, match="Give another folder"):
        run_study("toys", tmp_path, studies.options(study, budget={"n": 2}))


def test_a_job_of_another_process_is_left_to_it(squares, tmp_path):
    study, done = squares
    with studies._claimed(tmp_path / "seed-1.json") as mine:
        assert mine
        assert run_study("toys", tmp_path, studies.options(study)) is None
        assert done == [0, 2] and not (tmp_path / "results.json").exists()
    assert run_study("toys", tmp_path, studies.options(study)) == tmp_path / "results.json"
    assert done == [0, 2, 1]


def test_the_lock_of_a_dead_process_is_free(tmp_path):
    code = (
        "import sys, time; from pathlib import Path\n"
        "from diffenc_lite.course.studies import runner as studies\n"
        "with studies._claimed(Path(sys.argv[1])) as mine: print(mine, flush=True); time.sleep(60)"
    )
    file = tmp_path / "job.json"
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(file)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None and process.stdout.readline() == "True\n"
        with studies._claimed(file) as mine:
            assert not mine
    finally:
        process.kill()
        process.communicate()
    with studies._claimed(file) as mine:
        assert mine


# ---- arrays --------------------------------------------------------------------------------------


@pytest.fixture
def lines(monkeypatch):
    """A study whose jobs return an array each, but for the first, and the list of jobs run."""
    done = []

    def run(job, options):
        seed = job["seed"]
        done.append(seed)
        arrays = {f"line_{seed}": np.arange(seed, dtype=np.uint8)} if seed else {}
        return Results([{**job}], arrays)

    study = Study(
        lambda options: [{"seed": s} for s in range(options.budget["seeds"])], run, {"seeds": 3}
    )
    monkeypatch.setattr(studies, "find", lambda name: study)
    return study, done


def test_arrays_lie_beside_the_rows_and_are_gathered(lines, tmp_path):
    study, done = lines
    path = run_study("toys", tmp_path, studies.options(study))
    assert load_results(path) == [{"seed": seed} for seed in range(3)]
    arrays = load_arrays(path)
    assert {name: a.tolist() for name, a in arrays.items()} == {"line_1": [0], "line_2": [0, 1]}
    assert arrays["line_2"].dtype == np.uint8
    names = {file.name for file in tmp_path.iterdir() if file.suffix != ".lock"}
    assert names == {
        *("seed-0.json", "seed-1.json", "seed-2.json", "seed-1.npz", "seed-2.npz"),
        *("results.json", "results.npz"),
    }
    before = (tmp_path / "results.npz").read_bytes()
    run_study("toys", tmp_path, studies.options(study))
    assert done == [0, 1, 2] and (tmp_path / "results.npz").read_bytes() == before


def test_a_job_is_done_only_when_its_arrays_are_written(lines, tmp_path, monkeypatch):
    study, done = lines

    def cut_off(path, content, write=studies.write_whole):
        if path.name == "seed-1.json":
            raise KeyboardInterrupt
        write(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(studies, "write_whole", cut_off)
        with pytest.raises(KeyboardInterrupt):
            run_study("toys", tmp_path, studies.options(study))
    assert (tmp_path / "seed-1.npz").exists() and not (tmp_path / "results.json").exists()
    path = run_study("toys", tmp_path, studies.options(study))
    assert done == [0, 1, 1, 2] and sorted(load_arrays(path)) == ["line_1", "line_2"]


@pytest.mark.parametrize("damage", [lambda b: b[:-30], lambda b: b"no", lambda b: b"", None])
def test_damaged_arrays_are_refused(lines, tmp_path, damage):
    study, _ = lines
    path = run_study("toys", tmp_path, studies.options(study))
    file = tmp_path / "seed-2.npz"
    content = file.read_bytes()
    file.unlink() if damage is None else file.write_bytes(damage(content))
    with pytest.raises(ValueError, match="seed-2.npz is missing, damaged or no npz file"):
        run_study("toys", tmp_path, studies.options(study))
    at = 50 + len("line_2.npy") + int.from_bytes(content[28:30], "little")  # among the data
    file.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    with pytest.raises(ValueError, match="seed-2.npz is missing, damaged or no npz file"):
        run_study("toys", tmp_path, studies.options(study))
    (tmp_path / "results.npz").write_bytes(content[:40])
    with pytest.raises(ValueError, match="results.npz is missing, damaged or no npz file"):
        load_arrays(path)


def test_arrays_of_another_job_are_refused(lines, tmp_path):
    study, _ = lines
    run_study("toys", tmp_path, studies.options(study))
    (tmp_path / "seed-2.npz").write_bytes((tmp_path / "seed-1.npz").read_bytes())
    with pytest.raises(ValueError, match=r"must have the arrays \['line_2'\]; it has \['line_1'\]"):
        run_study("toys", tmp_path, studies.options(study))


def test_two_jobs_may_not_name_an_array_alike(lines, tmp_path, monkeypatch):
    study, _ = lines
    run = lambda job, options: Results([job], {"line": np.zeros(1)})  # noqa: E731
    monkeypatch.setattr(studies, "find", lambda name: replace(study, run=run))
    with pytest.raises(ValueError, match=r"must differ in name; got \['line'\] twice"):
        run_study("toys", tmp_path, studies.options(study))


def test_results_without_arrays(squares, tmp_path):
    study, _ = squares
    path = run_study("toys", tmp_path, studies.options(study))
    with pytest.raises(FileNotFoundError, match="results.json have no arrays"):
        load_arrays(path)


# ---- options and files ---------------------------------------------------------------------------


def test_options(squares):
    study, _ = squares
    assert studies.options(study).budget == {"seeds": 3, "n": 1}
    assert studies.options(study, "cuda", budget={"seeds": 7}).budget == {"seeds": 7, "n": 5}
    with pytest.raises(ValueError, match="budget must name only seeds, n; got speed"):
        studies.options(study, budget={"speed": 2})


def test_errors_of_files(tmp_path):
    with pytest.raises(
        FileNotFoundError, match="name must be a file of results.*mnist_ratio.*nothing.json"
    ):
        load_results(tmp_path / "nothing.json")
    (tmp_path / "cut.json").write_text('{"rows": [{"a"')
    with pytest.raises(ValueError, match="is damaged or no results of a study"):
        load_results(tmp_path / "cut.json")
    with pytest.raises(ValueError, match="one of toys, .*sizes, purpose, ladder; got 'fly'"):
        studies.find("fly")


@pytest.mark.parametrize("name", [p.stem for p in sorted(studies.SHIPPED.glob("*.json"))])
def test_shipped_results(name):
    found = read_results(name)
    assert found["study"] == name and len(found["rows"]) > 1
    assert set(found["budget"]) == set(studies.find(name).budget)
    assert (studies.SHIPPED / f"{name}.json").stat().st_size < 200_000
    assert cli.parser().parse_args(shlex.split(found["command"])[3:]).run


@pytest.mark.parametrize("name", ["fork", "short", "sizes"])
def test_the_command_of_shipped_results_makes_these_rows(name):
    """Its number of jobs is that of the rows, and they are the first of the study, in its order."""
    found, study = read_results(name), studies.find(name)
    jobs = study.jobs(studies.options(study, budget=found["budget"]))
    assert [{key: row[key] for key in jobs[0]} for row in found["rows"]] == jobs


# ---- the command ---------------------------------------------------------------------------------


def test_command(squares, tmp_path, capsys):
    _, done = squares
    command = ["study", "toys", str(tmp_path), "--device", "cpu"]
    assert cli.main([*command, "--budget", "seeds=2", "n=3"]) == 0
    assert "results.json has all results" in capsys.readouterr().out and done == [0, 1]
    assert len(load_results(tmp_path / "results.json")) == 6
    assert cli.main([*command, "--budget", "speed=2"]) == 2
    assert "budget must name only seeds, n; got speed" in capsys.readouterr().err
    with studies._claimed(tmp_path / "seed-2.json"):
        assert cli.main([*command, "--budget", "n=3"]) == 0
    assert "still at work" in capsys.readouterr().out


def test_command_of_an_unknown_study(tmp_path, capsys):
    assert cli.main(["study", "fly", str(tmp_path), "--device", "cpu"]) == 2
    assert "fork, short, sizes, purpose, ladder; got 'fly'" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["study", "toys", str(tmp_path), "--budget", "seeds"])


# ---- the encoders --------------------------------------------------------------------------------


@pytest.fixture
def few(monkeypatch):
    """Options of runs of two steps, on 40 images in place of the full set."""

    def load(split, source, root, device):
        found = load_mnist(split, "bundled", device=device)
        return replace(found, images=found.images[:40], labels=found.labels[:40])

    monkeypatch.setattr(encoders, "load_mnist", load)
    encoders._images.cache_clear()
    yield studies.options(
        encoders.STUDY, budget={"updates": 2, "batch": 4, "seeds": 2, "images": 8}
    )
    encoders._images.cache_clear()


def test_jobs_are_whole_pairs_seed_by_seed(few):
    jobs = encoders.jobs(few)
    assert len(jobs) == 2 * (2 * 5 + 1) + 1
    assert len({studies._title(job) for job in jobs}) == len(jobs)
    assert [job.get("seed") for job in jobs] == [0] * 10 + [1] * 10 + [0, 1, None]


def test_one_run_is_what_its_row_says(few):
    job = {"kind": "run", "seed": 1, "variant": "learned", "ends": "learned"}
    row, again = encoders.run(job, few), encoders.run(job, few)
    assert row == again and json.loads(json.dumps(row)) == row
    assert row["total"] == pytest.approx(row["prior"] + row["reconstruction"] + row["diffusion"])
    assert row["images"] == 8 and len(row["train_total"]) == 2
    assert row["gamma_0"] != -13.3  # it has learned
    fixed = encoders.run({**job, "ends": "fixed"}, few)
    assert (fixed["gamma_0"], fixed["gamma_1"]) == pytest.approx((-13.3, 5.0))


def test_runs_of_a_seed_are_paired(few):
    """The same denoiser at the start, and the same images, depths and noise in each step."""
    images = encoders._images("train", None, few.device)
    models = {}
    for name in encoders.VARIANTS:
        torch.manual_seed(3)
        models[name] = encoders.make(name, "fixed", images)
    first = models["VDM"].denoiser.state_dict()
    for name in ("centred", "scaling", "learned"):
        there = models[name].denoiser.state_dict()
        assert all(torch.equal(first[key], there[key]) for key in first)
    mean = (2 * images.double() + 1).mean(0) / 256 - 1
    torch.testing.assert_close(models["centred"].encoder.centre.double(), mean, rtol=0, atol=1e-6)
    shifted = encoders.make("shifted", "fixed", images).encoder.centre.double()
    torch.testing.assert_close(shifted, mean.mean().expand_as(mean), rtol=0, atol=1e-6)
    config = encoders.training(few, 3)
    drawn = [draw(State(m, config), images, config) for m in models.values()]
    for other in drawn[1:]:
        assert all(torch.equal(a, b) for a, b in zip(drawn[0], other, strict=True))


def test_cost(few, monkeypatch):
    monkeypatch.setattr(encoders, "ROUNDS", 1)
    monkeypatch.setattr(encoders, "VARIANTS", ("VDM", "learned"))
    ballast = torch.ones(600_000_000, dtype=torch.uint8)  # of this process, not of those measured
    vdm, learned = encoders.run({"kind": "cost"}, few)
    del ballast
    assert vdm["step_ratio"] == vdm["sampling_ratio"] == 1.0
    assert learned["step_ms"] > 0 and learned["sampling_ms"] > 0
    assert learned["denoiser_parameters"] == vdm["parameters"] < learned["parameters"]
    if sys.platform == "linux":
        assert learned["rest_gb"] < encoders._gigabytes(few.device) - 0.3
        assert 0.1 < learned["rest_gb"] < learned["peak_gb"] < 8


def test_time_is_taken_by_turns(monkeypatch):
    monkeypatch.setattr(encoders, "ROUNDS", 2)
    order = []
    options = studies.Options(None, torch.device("cpu"), {})
    times = encoders._by_turns(
        {"a": lambda: order.append("a"), "b": lambda: order.append("b") or time.sleep(0.01)},
        options,
    )
    assert order == ["a", "b"] * 5 and len(times["a"]) == 2 and min(times["b"]) > 0.005
    assert encoders._ratio([1.0, 4.0, 6.0], [1.0, 2.0, 2.0]) == 2.0
