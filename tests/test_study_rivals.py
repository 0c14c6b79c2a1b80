"""The study of rivals: its pictures, its declaration, its jobs on a few patches.

What lessons read of its results, `test_printed.py` computes again."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch

from diffenc_lite.course.studies import fork, load_arrays, load_results, options, rivals, runner
from diffenc_lite.data import load_mnist, photos

SMALL = {"vdm": 3, "rate": 4, "first": 2, "least": 4, "most": 8, "longest": 16, "batch": 4}


RIVALS = "05402253918c8bd17f981f166b1dc6dab5ab67374ae94b5907ab4eb867ab0aea"
SAMPLES = "20f2a0c8a605052784dabda29c1f372ed3a0a242f45d99ee6f644e1f05c18078"


@pytest.mark.parametrize("study, size, sha256", [("rivals", 23347, RIVALS),
                                                 ("ratio_samples", 1994, SAMPLES)])  # fmt: skip
def test_a_declaration_only_grows(study, size, sha256):
    """New words may follow those declared, and those that tell what was changed; these stay."""
    text = rivals.DECLARATION.with_stem(study).read_text("utf-8")
    assert hashlib.sha256(text.encode()[:size]).hexdigest() == sha256


def test_every_picture_is_scored_once_by_those_who_have_not_seen_it():
    scored = [name for fold in rivals.FOLDS for name in rivals.split_of(fold)[2]]
    assert sorted(scored) == sorted(photos.SHA256) and len(scored) == 29
    for fold in rivals.FOLDS:
        training, held_back, names = rivals.split_of(fold)
        assert not set(training) & set(names) and set(held_back) < set(training)
        assert sum(name in photos.SIX for name in names) == 2


def test_scored_patches_do_not_overlap(monkeypatch):
    """Seen with pictures whose pixels are their own addresses."""
    address = np.arange(48 * 40 * 3).reshape(48, 40, 3) % 251
    monkeypatch.setattr(photos, "pictures", lambda names: {n: address.astype("u1") for n in names})
    images, numbers = rivals.scored_patches(["a", "b"])
    assert images.shape == (12, 3, 16, 16) and numbers.tolist() == [0] * 6 + [1] * 6
    whole = torch.tensor(address[:, :32]).permute(2, 0, 1)
    corners = [(y, x) for y in (0, 16, 32) for x in (0, 16)]
    for image, (y, x) in zip(images, corners, strict=False):
        assert torch.equal(image.long(), whole[:, y : y + 16, x : x + 16])


@pytest.fixture
def few(monkeypatch, tmp_path):
    """A few patches, scored twice, and rates that are known."""
    every = rivals.scored_patches
    monkeypatch.setattr(rivals, "scored_patches", lambda names: [a[::120] for a in every(names)])
    monkeypatch.setattr(rivals, "training_patches", lambda names: every(names)[0][::7])
    monkeypatch.setattr(rivals, "PASSES", 2)
    monkeypatch.setattr(rivals, "ON_DIGITS", {"image": 4})
    digits = load_mnist("test", "bundled")
    monkeypatch.setattr(
        rivals, "load_mnist", lambda *which: replace(digits, images=digits.images[:9])
    )
    given = options(rivals.STUDY, budget=SMALL)
    return lambda part, **wanted: [
        runner.read_results(runner.run_jobs("rivals", tmp_path, given, number))["rows"][0]
        for number, job in enumerate(rivals.STUDY.jobs(given))
        if job["part"] == part and wanted.items() <= job.items()
    ], tmp_path


def test_jobs_of_the_study(few):
    run, folder = few
    (vdm,) = run("vdm", fold=0, seed=0)
    (rate,) = run("rate", arm="fade", lr=0.0045)
    assert set(rate["scored"]) < set(rivals.split_of(0)[0])
    rows = run("arm", fold=0, seed=0)
    assert len({row["arm"] for row in rows}) == len(rivals.ARMS) == 8
    for row in rows:
        assert row["scored"] == rivals.split_of(0)[2] == vdm["scored"]
        gains = -np.diff([point["total"] for point in row["curve"]])
        ended = next((k for k in (0, 1) if gains[k] < rivals.FLAT), 2)
        assert [point["updates"] for point in row["curve"]] == [2, 4, 8, 16][: ended + 2]
        assert row["total"] == pytest.approx(np.mean(row["curve"][-1]["pictures"]))
        for point in row["curve"]:
            parts = zip(point["priors"], point["pictures"], strict=True)
            assert all(0 < prior < total for prior, total in parts)
    assert rivals.best_encoder(rows) in rivals.ENCODERS
    (slower,) = run("slower", fold=0, seed=0, arm="fade")
    assert slower["lr"] == 0.0005 < rows[3]["lr"] and slower["curve"] != rows[3]["curve"]
    (to_5,) = run("at 5", fold=0, arm="affine")
    assert [point["updates"] for point in to_5["curve"]] == [2, 4, 8]  # whatever a doubling gains
    (digits,) = run("digits", vdm=1, arm="image")
    assert [point["updates"] for point in digits["curve"]] == [1, 2, 4]  # the rule is off
    jobs = [job for job in rivals.STUDY.jobs(options(rivals.STUDY)) if job["part"] == "arm"]
    assert [sum(job["seed"] == seed for job in jobs) for seed in rivals.SEEDS] == [27, 12]
    (file,) = folder.glob("*seed-0_arm-skip*.json")
    assert load_arrays(file)["skip_2_0_0"].shape == (len(rivals.scored_patches(vdm["scored"])[0]),)


def test_arms_differ_once_they_have_learned_and_the_sum_is_a_sum(few):
    run, folder = few
    run("vdm", fold=0, seed=0)
    x, gamma = torch.rand(2, 3, 16, 16) - 0.5, torch.full((2,), 1.0)
    model = fork.make_fork("skip", 0, folder / "vdm-0-0", rivals.START)
    network, fade = model.encoder.move
    torch.nn.init.ones_(fade.number.bias)
    torch.nn.init.ones_(network.out.bias)
    moved = model.encoder.move(x, gamma)
    torch.testing.assert_close(moved, np.tanh(1.0) + x)


def test_arms_that_no_seed_has_both_are_no_pair():
    with pytest.raises(ValueError, match="first and second must be arms of one seed; got 'x'"):
        rivals.difference(load_results("rivals"), "x", "fade-2")


def test_arms_at_5_are_held_against_the_longest_training_of_the_vdm():
    def row(part, arm, fold, updates, end=5.0, seed=0):
        job = {"part": part, "arm": arm, "gamma_max": end, "fold": fold, "seed": seed}
        return job | {"curve": [{"updates": updates}]}

    rows = [row("arm", "vdm", 0, 8), row("arm", "vdm", 1, 2), row("arm", "vdm", 0, 16, seed=1)]
    rows += [row("at 5", "vdm", 0, 4), row("at 5", "vdm", 1, 4), row("arm", "learned", 0, 16, 2.0)]
    rows += [row("at 5", arm, k, 8) for arm in ("learned", "affine") for k in (0, 1)]
    found, most = rivals.at_5(rows)
    assert most == 4 and {row["part"] for row in found} == {"arm"}
    made = {(row["arm"], row["fold"]): row["curve"][0]["updates"] for row in found}
    assert made == {("vdm", 0): 8, ("vdm", 1): 4} | {
        (arm, k): 8 for arm in ("learned", "affine") for k in (0, 1)
    }


@pytest.mark.parametrize("totals, last", [([3, 2.9, 2.9, 2], 6400), ([3, 3, 2, 1], 3200),
                                          ([3, 2, 1, 0], 12_800)])  # fmt: skip
def test_a_score_counts_up_to_the_end_by_the_rule(totals, last):
    lengths = (1600, 3200, 6400, 12_800, 25_600)
    curve = [{"updates": n, "total": b} for n, b in zip(lengths, [*totals, -1], strict=True)]
    assert rivals.scores({"curve": curve})[-1]["updates"] == last
    assert rivals.scores({"curve": curve}, 12_800)[-1]["updates"] == 12_800


def test_a_fork_that_was_stopped_goes_on(few, monkeypatch):
    run, folder = few
    run("vdm", fold=0, seed=0)
    update, count = fork.update, iter(range(99))
    monkeypatch.setattr(rivals, "SAVE_EVERY", 1)

    def stop_in_the_fourth(*arguments):
        ema = arguments[0].config.ema
        assert ema > (1 + rivals.MOST) / (10 + rivals.MOST)  # of a tenth of the updates to the end
        if next(count) == 3:
            raise KeyboardInterrupt
        return update(*arguments)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(fork, "update", stop_in_the_fourth)
        run("arm", fold=0, seed=0, arm="fade")
    first = run("arm", fold=0, seed=0, arm="fade")
    assert not [*folder.glob("*.pt")]
    for file in folder.glob("part-arm*"):
        file.unlink()
    again = run("arm", fold=0, seed=0, arm="fade")
    assert first == again


@pytest.mark.parametrize("flat, lengths", [(1.0, [2, 4]), (-1.0, [2, 4, 8, 16])])
def test_an_arm_that_still_gains_goes_on(few, monkeypatch, flat, lengths):
    """Beyond what counts, too; what is kept by patch is what counts."""
    run, folder = few
    run("vdm", fold=0, seed=1)
    monkeypatch.setattr(rivals, "FLAT", flat)
    (row,) = run("arm", fold=0, seed=1, arm="fade")
    assert [point["updates"] for point in row["curve"]] == lengths
    (file,) = folder.glob("*arm-fade*.json")
    of_first = load_arrays(file)["fade_2_0_1"][rivals.scored_patches(row["scored"])[1] == 0]
    means = np.array([point["pictures"][0] for point in row["curve"]])
    assert lengths[np.abs(means - of_first.astype(float).mean()).argmin()] == min(lengths[-1], 8)


@pytest.mark.parametrize(
    "low, high, says",
    [
        (-0.004, -0.0021, "seen, beyond the margin"),
        (0.0021, 0.004, "seen, beyond the margin"),
        (-0.004, -0.0019, "seen"),
        (0.0001, 0.0003, "seen"),
        (-0.0019, 0.0019, "no difference"),
        (-0.0021, 0.0001, "open"),
    ],
)
def test_what_an_interval_says(low, high, says):
    assert rivals.outcome(low, high) == says
