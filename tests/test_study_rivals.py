"""The study of rivals: its pictures, its declaration, its jobs on a few patches."""

import hashlib

import numpy as np
import pytest
import torch

from diffenc_lite.course.studies import fork, load_arrays, load_results, options, rivals, runner
from diffenc_lite.course.studies.allowance import with_width
from diffenc_lite.data import photos

SMALL = {"vdm": 3, "rate": 4, "first": 2, "least": 4, "most": 8, "longest": 16, "batch": 4}


RIVALS = "6444820da116c9036372164c54bccd4ad9e0e7844dbe93409a4b833817318084"
SAMPLES = "20f2a0c8a605052784dabda29c1f372ed3a0a242f45d99ee6f644e1f05c18078"


@pytest.mark.parametrize("study, size, sha256", [("rivals", 22843, RIVALS),
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


def test_differences_are_over_pictures_and_seeds():
    def row(arm, fold, seed, totals):
        points = (1, [9.0, 8.0]), (2, totals)
        curve = [{"updates": n, "pictures": bits, "priors": [0.1, n]} for n, bits in points]
        names = [f"{fold}a", f"{fold}b"]
        job = {"part": "arm", "arm": arm, "gamma_max": 2.0, "fold": fold, "seed": seed}
        return {**job, "scored": names, "curve": curve}

    rows = [row("learned", k, s, [1.0 + k, 2.0 + s]) for k in (0, 1) for s in (0, 1)]
    rows += [row("image", k, s, [1.0, 1.0]) for k in (0, 1) for s in (0, 1)]
    rows += [row("fade", k, 0, [1.0, 1.0]) for k in (0, 1)]
    assert rivals.bounds(rows, 1)["learned-2"] == {"0a": 1.0, "0b": 3.0, "1a": 2.0, "1b": 3.0}
    assert rivals.difference(rows, "learned-2", "image-2").tolist() == [0.0, 1.5, 1.0, 1.5]
    assert rivals.difference(rows, "learned-2", "image-2", [1]).tolist() == [0.0, 2.0, 1.0, 2.0]
    # the seed that both have
    assert rivals.difference(rows, "learned-2", "fade-2").tolist() == [0.0, 1.0, 1.0, 1.0]
    with pytest.raises(ValueError, match="first and second must be arms of one seed; got 'x'"):
        rivals.difference(rows, "x", "fade-2")
    priors = rivals.bounds(rows, 0, loss="priors")["image-2"]
    assert priors == {"0a": 0.1, "0b": 2.0, "1a": 0.1, "1b": 2.0}
    early = rivals.bounds(rows, 0, updates=1)
    assert early["learned-2"]["1b"] == 8.0 and early["image-2"]["1b"] == 8.0
    # the width is fitted on the other fold: here both have the same prior losses
    wide = rivals.bounds(rows, 0, width=True)["image-2"]
    expected = np.array([1.0, 1.0]) - [0.1, 2.0] + with_width([0.1, 2.0], [0.1, 2.0], 2.0)
    assert [wide["0a"], wide["0b"]] == pytest.approx(expected)


def test_a_normal_prior_is_that_of_the_other_folds(monkeypatch):
    """In each fold the bound falls by what is saved there, at the arm's own end of the noise."""
    rows, given = load_results("rivals"), []

    def saved(images, patches, *which):
        given.append((len(images), *which))
        return torch.arange(2.0)[:, None] + torch.zeros(len(patches))

    monkeypatch.setattr(rivals, "training_patches", lambda names: torch.zeros(10 * len(names)))
    monkeypatch.setattr(rivals, "saved_by_normal_prior", saved)
    for arm, end, updates in (("vdm-5", 5.0, None), ("learned-2", 2.0, np.inf)):
        plain = rivals.bounds(rows, 0, updates=updates)[arm]
        same, one_less = rivals.with_normal_prior(rows, arm, (1, 2), updates is not None)
        assert same == plain and one_less == {name: bits - 1 for name, bits in plain.items()}
        others = [len(rivals.split_of(fold)[0]) for fold in rivals.FOLDS]
        assert [call[:2] for call in given[-3:]] == [(count, end) for count in others]
    weights = torch.nn.utils.parameters_to_vector(given[-1][2].parameters())
    np.testing.assert_array_equal(weights, load_arrays("rivals")["late_2_0"].astype("f4"))


def test_matched_are_the_most_updates_that_both_made_from_a_vdm():
    def row(arm, fold, seed, lengths):
        job = {"part": "arm", "arm": arm, "gamma_max": 2.0, "fold": fold, "seed": seed}
        return job | {"curve": [{"updates": n, "total": 1.0} for n in lengths]}

    rows = [row("learned", 0, 0, [1, 2, 4]), row("learned", 1, 0, [1]), row("fade", 0, 0, [1, 2])]
    rows += [row("fade", 1, 0, [1, 2]), row("learned", 0, 1, [1, 2]), row("image", 0, 0, [1])]
    found = rivals.matched(rows, "learned-2", "fade-2")
    made = [(cut["arm"], cut["fold"], len(cut["curve"])) for cut in found]
    assert not any(cut["seed"] for cut in found)
    assert made == [("learned", 0, 2), ("fade", 0, 2), ("learned", 1, 1), ("fade", 1, 1)]


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
