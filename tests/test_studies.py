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
from diffenc_lite.training import draw

ROOT = Path(__file__).resolve().parent.parent


class Squares:
    """A study that squares its seeds, with an array for all but 0, the jobs that were run, and
    `go`, which runs it in the folder."""

    def __init__(self, folder: Path):
        self.folder, self.done = folder, []
        self.study = Study(
            lambda options: [{"seed": seed} for seed in range(options.budget["seeds"])],
            self.run,
            budget={"seeds": 3, "n": 1},
        )

    def run(self, job, options):
        seed = job["seed"]
        self.done.append(seed)
        rows = [{**job, "square": seed**2, "power": p} for p in range(options.budget["n"])]
        return Results(rows, {f"line_{seed}": np.arange(seed, dtype=np.uint8)}) if seed else rows

    def go(self, **budget):
        return run_study("toys", self.folder, studies.options(self.study, budget=budget))


@pytest.fixture
def squares(monkeypatch, tmp_path):
    """It takes the place of `toys`."""
    squares = Squares(tmp_path)
    for module in (studies, door):
        monkeypatch.setattr(module, "find", lambda name: squares.study)
    return squares


def test_all_jobs_then_none(squares, tmp_path):
    path = squares.go()
    assert squares.done == [0, 1, 2] and path == tmp_path / "results.json"
    results, arrays = read_results(path), load_arrays(path)
    assert results["study"] == "toys" and results["budget"] == {"seeds": 3, "n": 1}
    assert results["command"].endswith("study toys FOLDER --budget seeds=3 n=1")
    assert load_results(path) == [{"seed": s, "square": s * s, "power": 0} for s in range(3)]
    assert {name: a.tolist() for name, a in arrays.items()} == {"line_1": [0], "line_2": [0, 1]}
    assert arrays["line_2"].dtype == np.uint8
    names = {file.name for file in tmp_path.iterdir() if file.suffix != ".lock"}
    jobs = {"seed-0.json", "seed-1.json", "seed-2.json", "seed-1.npz", "seed-2.npz"}
    assert names == jobs | {"results.json", "results.npz"}
    before = [(tmp_path / name).read_bytes() for name in sorted(names)]
    assert squares.go() == path and squares.done == [0, 1, 2]
    assert [(tmp_path / name).read_bytes() for name in sorted(names)] == before


def test_an_interrupted_study_goes_on(squares, tmp_path, monkeypatch):
    """Jobs that are done are not run again; and one whose array was written, but no rows, is."""
    write = studies.write_whole

    def cut_off(path, content):
        if path.name == "seed-1.json":
            raise KeyboardInterrupt
        write(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(studies, "write_whole", cut_off)
        with pytest.raises(KeyboardInterrupt):
            squares.go()
    assert (tmp_path / "seed-1.npz").exists() and not (tmp_path / "results.json").exists()
    assert sorted(load_arrays(squares.go())) == ["line_1", "line_2"]
    assert squares.done == [0, 1, 1, 2]


def test_seeds_may_grow_and_nothing_else_may_change(squares):
    squares.go(seeds=2)
    path = squares.go(seeds=4)
    assert squares.done == [0, 1, 2, 3] and len(load_results(path)) == 4
    assert read_results(path)["budget"]["seeds"] == 4
    with pytest.raises(ValueError, match="Give another folder"):
        squares.go(n=2)


def test_a_job_of_another_process_is_left_to_it(squares, tmp_path):
    with studies._claimed(tmp_path / "seed-1.json") as mine:
        assert mine and squares.go() is None
        assert squares.done == [0, 2] and not (tmp_path / "results.json").exists()
    assert squares.go() == tmp_path / "results.json" and squares.done == [0, 2, 1]


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


# ---- damage --------------------------------------------------------------------------------------


def flipped(content: bytes) -> bytes:
    """One bit among the data is another."""
    place = 50 + len("line_2.npy") + int.from_bytes(content[28:30], "little")
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@pytest.mark.parametrize("damage", [lambda b: b[:-30], lambda b: b"no", lambda b: b"", flipped])
def test_damaged_arrays_are_refused(squares, tmp_path, damage):
    path = squares.go()
    for name in ("seed-2.npz", "results.npz"):
        (tmp_path / name).write_bytes(damage((tmp_path / name).read_bytes()))
    with pytest.raises(ValueError, match="seed-2.npz is missing, damaged or no npz file"):
        squares.go()
    with pytest.raises(ValueError, match="results.npz is missing, damaged or no npz file"):
        load_arrays(path)
    (tmp_path / "seed-2.npz").unlink()
    with pytest.raises(ValueError, match="seed-2.npz is missing, damaged or no npz file"):
        squares.go()


def test_arrays_of_another_job_are_refused(squares, tmp_path):
    squares.go()
    (tmp_path / "seed-2.npz").write_bytes((tmp_path / "seed-1.npz").read_bytes())
    with pytest.raises(ValueError, match=r"must have the arrays \['line_2'\]; it has \['line_1'\]"):
        squares.go()


def test_two_jobs_may_not_name_an_array_alike(squares):
    run = lambda job, options: Results([job], {"line": np.zeros(1)})  # noqa: E731
    squares.study = replace(squares.study, run=run)
    with pytest.raises(ValueError, match=r"must differ in name; got \['line'\] twice"):
        squares.go()


def test_errors_of_files(squares, tmp_path):
    with pytest.raises(FileNotFoundError, match="results.json have no arrays"):
        load_arrays(squares.go(seeds=1))
    with pytest.raises(
        FileNotFoundError, match="name must be a file of results.*mnist_ratio.*nothing.json"
    ):
        load_results(tmp_path / "nothing.json")
    (tmp_path / "cut.json").write_text('{"rows": [{"a"')
    with pytest.raises(ValueError, match="is damaged or no results of a study"):
        load_results(tmp_path / "cut.json")


# ---- the command, and what is shipped ------------------------------------------------------------


def test_command(squares, tmp_path, capsys):
    command = ["study", "toys", str(tmp_path), "--device", "cpu"]
    assert cli.main([*command, "--budget", "seeds=2", "n=3"]) == 0
    assert "results.json has all results" in capsys.readouterr().out and squares.done == [0, 1]
    assert len(load_results(tmp_path / "results.json")) == 6
    assert cli.main([*command, "--budget", "speed=2"]) == 2
    assert "budget must name only seeds, n; got speed" in capsys.readouterr().err
    with studies._claimed(tmp_path / "seed-2.json"):
        assert cli.main([*command, "--budget", "n=3"]) == 0
    assert "still at work" in capsys.readouterr().out


def test_command_of_an_unknown_study(tmp_path, capsys):
    assert cli.main(["study", "fly", str(tmp_path), "--device", "cpu"]) == 2
    assert "name must be one of toys, " in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["study", "toys", str(tmp_path), "--budget", "seeds"])


@pytest.mark.parametrize("name", [p.stem for p in sorted(studies.SHIPPED.glob("*.json"))])
def test_shipped_results(name):
    results, study = read_results(name), studies.find(name)
    assert results["study"] == name and len(results["rows"]) > 1
    assert set(results["budget"]) == set(study.budget)
    assert (studies.SHIPPED / f"{name}.json").stat().st_size < 200_000
    assert cli.parser().parse_args(shlex.split(results["command"])[3:]).run
    if name in ("fork", "short", "sizes"):  # the first jobs of the study, in its order
        jobs = study.jobs(studies.options(study, budget=results["budget"]))
        assert [{key: row[key] for key in jobs[0]} for row in results["rows"]] == jobs


# ---- the encoders --------------------------------------------------------------------------------


@pytest.fixture
def few(monkeypatch):
    """Options of runs of two steps, on 40 images in place of the full set."""
    images = load_mnist("train", "bundled").images[:40]
    monkeypatch.setattr(encoders, "mnist", lambda root, device, n: (images, images[:n]))
    return studies.options(
        encoders.STUDY, budget={"updates": 2, "batch": 4, "seeds": 2, "images": 8}
    )


def test_jobs_are_whole_pairs_seed_by_seed(few):
    jobs = encoders.jobs(few)
    assert len({studies._title(job) for job in jobs}) == len(jobs) == 2 * (2 * 5 + 1) + 1
    assert [job.get("seed") for job in jobs] == [0] * 10 + [1] * 10 + [0, 1, None]


@pytest.mark.parametrize("variant", ["learned", "shifted"])
def test_one_run_is_what_its_row_says(few, variant):
    job = {"kind": "run", "seed": 1, "variant": variant, "ends": "learned"}
    row, again = encoders.run(job, few), encoders.run(job, few)
    assert row == again and json.loads(json.dumps(row)) == row
    assert row["total"] == pytest.approx(row["prior"] + row["reconstruction"] + row["diffusion"])
    assert row["images"] == 8 and len(row["train_total"]) == 2
    assert row["gamma_0"] != -13.3  # it has learned
    fixed = encoders.run({**job, "ends": "fixed"}, few)
    assert (fixed["gamma_0"], fixed["gamma_1"]) == pytest.approx((-13.3, 5.0))


def test_runs_of_a_seed_are_paired(few):
    """The same denoiser at the start, and the same images, depths and noise in each step."""
    images, _ = encoders.mnist(None, few.device, 8)
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
    drawn = [draw(m, images, config, 0) for m in models.values()]
    for other in drawn[1:]:
        assert all(torch.equal(a, b) for a, b in zip(drawn[0], other, strict=True))


def test_cost(few, monkeypatch):
    monkeypatch.setattr(encoders, "ROUNDS", 1)
    monkeypatch.setattr(encoders, "VARIANTS", ("VDM", "learned"))
    vdm, learned = encoders.run({"kind": "cost"}, few)
    assert vdm["step_ratio"] == vdm["sampling_ratio"] == 1.0
    assert learned["step_ms"] > 0 and learned["sampling_ms"] > 0
    assert learned["denoiser_parameters"] == vdm["parameters"] < learned["parameters"]


def test_time_is_taken_by_turns(monkeypatch):
    monkeypatch.setattr(encoders, "ROUNDS", 2)
    order = []

    def loop(name, seconds):
        while True:
            time.sleep(seconds)
            yield order.append(name)

    loops = {"a": loop("a", 0), "b": loop("b", 0.01)}
    times = encoders._by_turns(loops, studies.Options(None, torch.device("cpu"), {}))
    assert order == ["a", "b"] * 5 and len(times["a"]) == 2 and min(times["b"]) > 0.005
