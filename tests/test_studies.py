"""Studies: jobs that are run once, the stored results, and what companions read of removed ones."""

import shlex

import numpy as np
import pytest

from diffenc_lite import __main__ as cli
from diffenc_lite import load_mnist
from diffenc_lite.course import studies
from diffenc_lite.course.studies import image_codes, load_arrays, read_results, runner


class Squares:
    """A study that squares its seeds, with an array for all but 0; and the seeds that were run."""

    def __init__(self, folder):
        self.folder, self.done = folder, []
        self.study = studies.Study(
            lambda given: [{"seed": seed} for seed in range(given.budget["seeds"])],
            self.run,
            budget={"seeds": 3, "n": 1},
        )

    def run(self, job, given):
        seed = job["seed"]
        self.done.append(seed)
        rows = [{**job, "square": seed**2, "power": p} for p in range(given.budget["n"])]
        if not seed:
            return rows
        return studies.Results(rows, {f"line_{seed}": np.arange(seed, dtype=np.uint8)})

    def go(self, job=None, **budget):
        return runner.run_jobs("toys", self.folder, studies.options(self.study, budget=budget), job)


@pytest.fixture
def squares(monkeypatch, tmp_path):
    squares = Squares(tmp_path)
    monkeypatch.setattr(runner, "find_study", lambda name: squares.study)
    return squares


def test_all_jobs_then_none(squares, tmp_path):
    path = squares.go()
    assert squares.done == [0, 1, 2] and path == tmp_path / "results.json"
    results, arrays = read_results(path), load_arrays(path)
    assert results["study"] == "toys" and results["budget"] == {"seeds": 3, "n": 1}
    rows = [{"seed": seed, "square": seed**2, "power": 0} for seed in range(3)]
    assert studies.load_results(path) == rows
    assert {name: a.tolist() for name, a in arrays.items()} == {"line_1": [0], "line_2": [0, 1]}
    before = path.read_bytes()
    assert squares.go().read_bytes() == before and squares.done == [0, 1, 2]


def test_jobs_can_be_shared_out_by_number(squares, tmp_path):
    assert squares.go(2) == tmp_path / "seed-2.json" and squares.done == [2]
    assert not (tmp_path / "results.json").exists()
    assert len(studies.load_results(squares.go())) == 3 and squares.done == [2, 0, 1]
    with pytest.raises(ValueError, match="^job"):
        squares.go(3)


def test_a_job_whose_rows_were_not_written_is_run_again(squares, monkeypatch):
    write = runner.write_whole

    def cut_off(path, content):
        if path.name == "seed-1.json":
            raise KeyboardInterrupt
        write(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(runner, "write_whole", cut_off)
        with pytest.raises(KeyboardInterrupt):
            squares.go()
    assert sorted(load_arrays(squares.go())) == ["line_1", "line_2"]
    assert squares.done == [0, 1, 1, 2]


def test_seeds_may_grow_and_nothing_else_may_change(squares):
    squares.go(seeds=2)
    path = squares.go(seeds=4)
    assert squares.done == [0, 1, 2, 3] and read_results(path)["budget"]["seeds"] == 4
    with pytest.raises(ValueError, match="Give another folder"):
        squares.go(n=2)


@pytest.mark.parametrize("name", sorted(runner.STUDIES))
def test_stored_results_are_those_of_their_command(name):
    results, study = read_results(name), runner.find_study(name)
    read = cli.parser().parse_args(shlex.split(results["command"])[3:])
    assert read.name == name == results["study"] and dict(read.budget) == results["budget"]
    jobs = study.jobs(studies.options(study, budget=results["budget"]))
    assert len({runner._title(job) for job in jobs}) == len(jobs)
    if name in ("budgets", "ratio_samples"):  # one row a job
        assert [{key: row[key] for key in jobs[0]} for row in results["rows"]] == jobs
    assert (studies.SHIPPED / f"{name}.json").stat().st_size < 200_000


# ---- studies whose code is gone ------------------------------------------------------------------


def test_a_table_of_counts_is_a_distribution_given_what_comes_before():
    images = load_mnist("train", "bundled").images[:600, 0].numpy()
    price = image_codes._table(image_codes.neighbours(images), images, 7**4)
    assert np.allclose((2.0**-price).sum(1), 1)
    changed = images[:40].copy()
    changed[:, 14, 10:] = 255 - changed[:, 14, 10:]
    changed[:, 15:] = 255 - changed[:, 15:]
    same = image_codes.neighbours(images[:40]) == image_codes.neighbours(changed)
    assert same[:, :14].all() and same[:, 14, :11].all() and not same[:, 14, 11].all()


def test_a_histogram_costs_its_cross_entropy():
    train, test = (load_mnist(s, "bundled").images[:, 0].numpy() for s in ("train", "test"))
    frequency = np.bincount(train.ravel(), minlength=256) / train.size
    expected = -np.log2(frequency[test]).sum((1, 2))
    assert np.allclose(image_codes.CODES["one histogram"](train, test), expected, rtol=1e-4)
