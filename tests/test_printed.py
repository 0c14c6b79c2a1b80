"""Numbers that lessons 10, 11 and 12 print, computed again from stored results and pictures.

By NumPy, SciPy and Pillow alone; of the package only a stored encoder is called."""

import json
import re
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats

from diffenc_lite.course.studies import fork, rivals

ROOT = Path(__file__).parents[1]
DECLARED = "further/10_what"  # the companion of lesson 10 with what was declared
RESULTS = ROOT / "diffenc_lite/course/studies/results"
PHOTOS = ROOT / "diffenc_lite/data/photos"


@cache
def rows_of(study):
    return json.loads((RESULTS / f"{study}.json").read_bytes())["rows"]


@cache
def printed(lesson):
    (path,) = (ROOT / "notebooks").glob(f"{lesson}_*.ipynb")
    cells = json.loads(path.read_bytes())["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return "\n".join("".join(o["text"]) for o in outputs if o["output_type"] == "stream")


def numbers(lesson, start):
    """Those of the line that starts so, after its start."""
    (line,) = (x for x in printed(lesson).splitlines() if x.strip().startswith(start))
    found = re.findall(r"(?<![\w.-])[+-]?\d[\d,]*\.?\d*", line[line.index(start) + len(start) :])
    return [float(number.replace(",", "")) for number in found]


def interval(values):
    reach = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return [np.mean(values), np.mean(values) - reach, np.mean(values) + reach]


def half(values):
    """The mean and half its interval, as they are printed with a plus-minus"""
    mean, low, high = interval(values)
    return [mean, (high - low) / 2]


@cache
def by_picture(arm, end, seed, loss="pictures", most=None):
    """The last bounds of an arm, in the order of the pictures' names; none if it was not run.

    They are those after at most so many updates, in one number or by fold, or those that were
    declared to count."""
    found = {}
    for row in rows_of("rivals"):
        of = [row.get(name) for name in ("part", "arm", "gamma_max", "seed")]
        if of == ["arm", arm, end, seed]:
            t, updates = [point["total"] for point in row["curve"]], most
            if most is None:
                k = next((k for k in range(4, len(t)) if t[k - 1] - t[k] < 0.0005), 6)
                updates = 200 * 2 ** min(k, 6)
            end_of = updates[row["fold"]] if isinstance(updates, tuple) else updates
            *_, last = (point for point in row["curve"] if point["updates"] <= end_of)
            found.update(zip(row["scored"], last[loss], strict=True))
    return np.array([found[name] for name in sorted(found)])


def gap(first, second, **which):
    """The first arm minus the second, the mean over the seeds in which both were run."""
    pairs = [[by_picture(*arm, s, **which) for arm in (first, second)] for s in (0, 1)]
    return np.mean([a - b for a, b in pairs if len(a) and len(b)], axis=0)


CALLED = {"vdm": "VDM", "learned": "network", "fade": "number"}
FOLDS = [row["scored"] for row in rows_of("rivals") if row["part"] == "vdm" and row["seed"] == 0]
ARMS = sorted({(r["arm"], r["gamma_max"]) for r in rows_of("rivals") if r["part"] == "arm"})


def test_the_declared_differences():
    for name, arm in (("image", "image"), ("number", "fade")):
        found = numbers(DECLARED, f"network - {name}   ")[:3]
        np.testing.assert_allclose(found, interval(gap(("learned", 2.0), (arm, 2.0))), atol=6e-5)
        long = interval(gap(("learned", 2.0), (arm, 2.0), most=51_200))
        (line,) = re.findall(rf"network - {name} +to 51,200 +(.*) +rank", printed(DECLARED))
        found = [float(number) for number in re.findall(r"[+-]\d\.\d+", line)]
        np.testing.assert_allclose(found, long, atol=6e-5)
    encoders = [gap(arm, ("vdm", 5.0)) for arm in ARMS if arm[0] not in ("vdm", "inert")]
    found = numbers(DECLARED, "affine - noise to 5")[:3]
    np.testing.assert_allclose(found, interval(min(encoders, key=np.mean)), atol=6e-5)


@pytest.mark.parametrize("arm", [arm for arm, end in ARMS if end == 2])
def test_whole_bounds_beside_noise_to_5(arm):
    plain = by_picture(arm, 2.0, 0) - by_picture("vdm", 5.0, 0)
    width = with_width(arm, 2.0) - with_width("vdm", 5.0)
    found = numbers(DECLARED, f"{CALLED.get(arm, arm):17}")
    np.testing.assert_allclose([found[:2], found[3:5]], [half(plain), half(width)], atol=6e-5)


def with_width(arm, end, most=None):
    """Bounds with the best p(z_1) = N(0, v I) of the pictures of the other folds"""
    total, prior = (by_picture(arm, end, 0, loss, most) for loss in ("pictures", "priors"))
    s, names = 1 / (1 + np.exp(-end)), np.array(sorted(sum(FOLDS, [])))
    square = 2 * np.log(2) * prior - (s - 1 - np.log(s))
    v = np.empty_like(total)
    for fold in FOLDS:
        own = np.isin(names, fold)
        v[own] = s + square[~own].mean()
    return total - prior + ((s + square) / v - 1 - np.log(s / v)) / 2 / np.log(2)


@pytest.mark.parametrize("way, arm, most", [
    ("VDM at 2, width", "vdm", None), ("image, width", "image", None),
    ("number, width", "fade", None), ("affine, width", "affine", None),
    ("network, width", "learned", None), ("network + number, width", "skip", None),
    ("network late, width", "learned", 102_400),
    ("network equal, width", "learned", (25_600, 102_400, 3200)),
])  # fmt: skip
def test_the_table_with_a_width(way, arm, most):
    minus = with_width(arm, 2.0, most) - with_width("vdm", 5.0, most)
    _, *found = numbers("10", way)[:6]
    by_vdm = [10_000 * minus[np.isin(sorted(sum(FOLDS, [])), fold)].mean() for fold in FOLDS]
    np.testing.assert_allclose(found[:2], half(minus), atol=6e-5)
    np.testing.assert_allclose(found[2:], by_vdm, atol=0.6)
    (line,) = (x for x in printed("10").splitlines() if x.startswith(way))
    assert line.split()[-1] == f"{stats.wilcoxon(minus, method='exact').pvalue:.0e}"


def test_who_is_ahead_with_a_standard_normal():
    plain = [(by_picture(x, 2.0, 0) - by_picture("vdm", 5.0, 0)).mean() for x in ("affine", "vdm")]
    np.testing.assert_allclose(numbers("10", "with N(0, I):")[::2], plain, atol=6e-5)


def test_the_most_updates_that_both_made():
    most = (25_600, 102_400, 3200)
    minus = with_width("learned", 2.0, most) - with_width("vdm", 5.0, most)
    *_, mean, reach, _, first, second, third = numbers(DECLARED, f"{CALLED['learned']:17}")
    np.testing.assert_allclose([mean, reach], half(minus), atol=6e-5)
    assert (first, second, third) == most


def test_encoders_where_the_noise_runs_on():
    made, stored = {}, ("arm", "vdm", 5.0, 0)
    for row in rows_of("rivals"):
        is_stored = stored == tuple(row.get(k) for k in ("part", "arm", "gamma_max", "seed"))
        if row["part"] == "at 5" or is_stored:
            made.setdefault((row["arm"], row["fold"]), []).append(row)
    made = {k: max(rows, key=lambda row: row["curve"][-1]["updates"]) for k, rows in made.items()}
    count = min(row["curve"][-1]["updates"] for row in made.values())
    assert len(made) == 9
    bits = {arm: {} for arm in ("vdm", "affine", "learned")}
    for (arm, _), row in made.items():
        (point,) = (point for point in row["curve"] if point["updates"] == count)
        bits[arm].update(zip(row["scored"], point["pictures"], strict=True))
    for name, arm in (("affine", "affine"), ("network", "learned")):
        minus = [bits[arm][name] - bits["vdm"][name] for name in bits["vdm"]]
        found = numbers("10", f"both at 5, {count:,} updates each, {name} minus VDM:")
        np.testing.assert_allclose(found, half(minus), atol=6e-5)
        found = numbers(DECLARED, f"{name:8}minus VDM, both at 5, 3,200 updates:")[:3]
        np.testing.assert_allclose(found, interval(minus), atol=6e-5)
    minus = [bits["affine"][name] - bits["learned"][name] for name in bits["vdm"]]
    found = numbers(DECLARED, "photographs at 5: affine minus network:")
    np.testing.assert_allclose(found, half(minus), atol=6e-5)


def test_patches_look_surer_than_pictures():
    arrays = np.load(RESULTS / "rivals.npz")
    folds = [arrays[f"learned_2_{k}_0"] - arrays[f"image_2_{k}_0"].astype(float) for k in range(3)]
    each = np.concatenate(folds)
    count, reach = numbers("10", "network - image,")[:2]
    assert count == len(each) == 9553
    assert reach == pytest.approx(1.96 * stats.sem(each), abs=6e-5)
    _, wide = half(by_picture("learned", 2.0, 0) - by_picture("image", 2.0, 0))
    found = numbers("10", "29 pictures:")
    assert found == [pytest.approx(wide, abs=6e-5), round(wide / (1.96 * stats.sem(each)))]


@cache
def patches(name, stride=16):
    """Of a photograph, so many pixels apart, in (-1, 1): (n, 768)"""
    (path,) = PHOTOS.rglob(f"{name}.png")
    windows = np.lib.stride_tricks.sliding_window_view(Image.open(path), (16, 16), (0, 1))
    return (windows[::stride, ::stride].reshape(-1, 768) + 0.5) / 128 - 1


def encoded(x, fold):
    """At gamma = 2, by the network of the scores that count"""
    weights = np.load(RESULTS / "rivals.npz")[f"encoder_{fold}_0"]
    encoder = fork.load_encoder(weights, rivals.vdm_of(fold), rivals.START)
    x = torch.as_tensor(x).float().view(-1, 3, 16, 16)
    with torch.no_grad():
        y = torch.cat([part + encoder.shift(part, torch.full((len(part),), 2.0))
                       for part in x.split(500)])  # fmt: skip
    return y.flatten(1).double().numpy()


def test_the_table_with_directions():
    """From patches of the other pictures that are 8 pixels apart, not from those of the lesson."""
    saved = {}
    for number, names in enumerate(FOLDS):
        others = np.concatenate([patches(n, 8) for n in sum(FOLDS, []) if n not in names])
        for arm, end in (("vdm", 2.0), ("vdm", 5.0), ("learned", 2.0)):
            at_end = (lambda x: x) if arm == "vdm" else partial(encoded, fold=number)
            x = at_end(others if arm == "vdm" else others[::4])
            values, vectors = np.linalg.eigh(np.cov(x.T))
            for name in names:
                share, y = 1 / (1 + np.exp(end)), at_end(patches(name))  # share: alpha_1^2
                plain = 1 - share + share * (y**2).mean()
                along = (1 - share + share * ((y - x.mean(0)) @ vectors) ** 2).mean(0)[::-1]
                for k in (0, 1, 2, 8):
                    v = 1 - share + share * values[::-1]
                    v[k:] = v[k:].mean()
                    less = (plain - (along / v + np.log(v)).mean()) / 2 / np.log(2)
                    saved[arm, end, k, name] = less
    for k, what in ((0, "and mean"), (1, "1 direction"), (2, "2 directions"), (8, "8 directions")):
        at_2, at_5, network = (
            by_picture(arm, end, 0) - [saved[arm, end, k, name] for name in sorted(sum(FOLDS, []))]
            for arm, end in (("vdm", 2.0), ("vdm", 5.0), ("learned", 2.0))
        )
        count, *found = numbers("10", f"VDM at 2, {what}")
        assert count == 768 * (k + 1) + 1
        np.testing.assert_allclose(found[:2], half(at_2 - at_5), atol=1e-4)
        if k == 2:
            found = numbers("10", f"network, {what}")[1:3]
            np.testing.assert_allclose(found, half(network - at_5), atol=1e-4)
            gained = [(with_width("vdm", 2.0) - bits).mean() for bits in (at_2, network)]
            found = numbers("10", "gained on VDM at 2, width, by 2 directions:")
            np.testing.assert_allclose(found, gained, atol=1e-4)
            found = numbers(DECLARED, "photographs at 2, two directions: VDM minus network:")
            np.testing.assert_allclose(found, half(at_2 - network), atol=1e-4)
    gained = [-saved["vdm", 5.0, 2, name] for name in sum(FOLDS, [])]
    found = numbers("10", "p(z_1) of two directions at 5, no training:")
    np.testing.assert_allclose(found, half(gained), atol=1e-4)


def of_digits(arm, loss):
    found = {r["vdm"]: r[loss] for r in rows_of("purpose")
             if r["part"] in ("primary", "control") and r["arm"] == arm}  # fmt: skip
    return np.array([found[vdm] for vdm in range(3)])


@pytest.mark.parametrize("name, arm", [("image", "image"), ("network", "learned")])
def test_digits(name, arm):
    wanted = np.mean(of_digits(arm, "total") - of_digits("vdm", "total"))
    found = numbers("10", f"{name} minus VDM, equal time, three VDMs:")
    np.testing.assert_allclose(found, [wanted], atol=6e-5)
    if name == "image":
        found = numbers(DECLARED, "digits, equal time, three VDMs: image minus network:")
        behind = half(of_digits("image", "total") - of_digits("learned", "total"))
        np.testing.assert_allclose(found, behind, atol=6e-5)


def test_digits_after_a_long_training():
    ends = {(r["updates"], r["seed"], r["arm"]): r for r in rows_of("fork")}
    rows = [ends[9600, 0, arm] for arm in ("matched", "affine", "learned")]
    matched, affine, network = (row["total"] for row in rows)
    found = numbers("10", "minus matched, 9,600 updates:")
    wanted = [network - matched, affine - matched, network - affine]
    wanted.append(rows[2]["diffusion"] - rows[1]["diffusion"])
    np.testing.assert_allclose(found, wanted, atol=6e-5)


def test_digits_in_few_steps():
    rows = {(r["arm"], r["gamma_max"], r["end"], r["seed"]): r for r in rows_of("short")}
    bounds = {k: np.array(row["bounds"][:4]) for k, row in rows.items()}
    second = bounds["matched", 5.0, "fixed", 1] - bounds["learned", 5.0, "fixed", 1]
    for end, name, arm in ((5, "network", "learned"), (2, "network", "learned"),
                           (2, "image", "image")):  # fmt: skip
        at_4, *_, at_32 = (
            bounds["matched", float(end), "fixed", 0] - bounds[arm, float(end), "fixed", 0]
        )
        wanted = [at_4, 4, at_32, 32, second[0], second[3]] if end == 5 else [at_32, 32]
        found = numbers("10", f"noise to {end}, {name} gained:")
        np.testing.assert_allclose(found, wanted, atol=6e-3)
    steps = [f"T={steps}" for steps in (4, 8, 16, 32)]
    for arm in ("matched", "image", "learned"):
        early = [rows[arm, 3.0, "fixed", 0][T]["frechet"] for T in steps]
        base = [rows["matched", 5.0, "fixed", 0][T]["frechet"] for T in steps]
        found = numbers(DECLARED, f"{CALLED.get(arm, arm):8} noise to 3")[:4]
        np.testing.assert_allclose(found, 100 * (np.divide(early, base) - 1), atol=0.6)
    for arm, rival in [("learned", "vdm"), ("learned", "matched"), ("affine", "vdm")]:
        far = {
            name: [[rows[name, 5.0, "fixed", k][T]["frechet"] for T in steps[1:]] for k in (0, 1)]
            for name in (arm, rival)
        }
        change = 100 * (np.divide(far[arm], far[rival]) - 1)
        found = numbers("10", f"samples in 8 to 32 steps, distance of {arm} beside {rival}")
        np.testing.assert_allclose(found, [change.min(), change.max()], atol=0.6)
    for T in (4, 8, 16):
        apart = [r for r in rows_of("ratio_samples") if (r["steps"], r["arm"]) == (T, "w = 1")]
        vdms, networks = (
            [r["frechet"] for r in apart if r["model"] == kind and r["training"] in small]
            for kind, small in (("mnist-vdm", (0, 1, 2)), ("mnist-learned", (0, 2)))
        )
        wanted = 100 * (np.mean(networks) / np.mean(vdms) - 1)
        found = numbers("10", f"trained separately, {T} steps:")
        np.testing.assert_allclose(found, [wanted], atol=0.6)


def test_the_start_of_photographs():
    x, share = np.concatenate([*map(patches, sum(FOLDS, []))]), 1 / (1 + np.exp(2))
    assert len(x) == 9553
    v = 1 - share + share * np.linalg.eigvalsh(np.cov(x.T))
    charge = (np.array([*v, 1 - share]) - 1 - np.log([*v, 1 - share])) / 2 / np.log(2)
    mean, width = share * (x.mean(0) ** 2).mean() / 2 / np.log(2), charge[-1]
    wanted = [mean, width, charge[:-1].mean() - width]
    (path,) = (ROOT / "notebooks").glob("10_*.ipynb")
    (start,) = re.findall(r"written: .*; (.*) = ", path.read_text(encoding="utf-8"))
    np.testing.assert_allclose([float(part) for part in start.split(" + ")], wanted, atol=6e-5)


@pytest.mark.parametrize("name, arm", [("image", "image"), ("number", "fade"),
                                       ("affine", "affine"), ("network", "learned")])  # fmt: skip
def test_what_was_saved_beside_theory(name, arm):
    gains = {"photographs ": -gap((arm, 2.0), ("vdm", 2.0))}
    gains["digits      "] = of_digits("vdm", "total") - of_digits(arm, "total")
    for data, gain in gains.items():
        found = numbers("11", f"{data} {name:8}")[1:]
        np.testing.assert_allclose(found, interval(gain), atol=6e-5)


def test_a_colour_late_and_by_picture():
    x = [patches(name) for name in sorted(sum(FOLDS, []))]
    mean = np.mean([of.mean(0) for of in x], axis=0)
    vectors = np.linalg.eigh(np.mean([(of - mean).T @ (of - mean) / len(of) for of in x], axis=0))[
        1
    ]
    has = np.array([(((of - mean) @ vectors) ** 2).mean(0)[::-1] for of in x])
    arm = "learned", 2.0
    for what, loss in (("prior loss", "priors"), ("whole bound", "pictures")):
        then, now = ([by_picture(*arm, s, loss, m) for s in (0, 1)] for m in (None, 102_400))
        fell = np.mean(then, axis=0) - np.mean(now, axis=0)
        wanted = [fell.mean(), np.corrcoef(fell, has[:, 1])[0, 1]]
        found = numbers("11", f"late fall of the {what}:")
        np.testing.assert_allclose(found, wanted, atol=6e-3)
        assert found[0] == pytest.approx(wanted[0], abs=6e-5)
    at = sorted(sum(FOLDS, [])).index("tea-gardens")
    late, equal = (gap(arm, ("fade", 2.0), most=most)[at] for most in (51_200, 3_200))
    found = numbers("11", "tea-gardens, network minus number:")[:2]
    assert found == pytest.approx([late, equal], abs=6e-5)


def bound(model, steps, ratio):
    wanted = {"part": "bound", "model": model, "steps": steps, "scale": "fitted", "ratio": ratio}
    rows = [row for row in rows_of("mnist_ratio") if wanted.items() <= row.items()]
    return next(row for row in rows if row["grid"] == "equal steps")


@pytest.mark.parametrize("steps", [4, 8, 16, 64, 1000])
def test_bounds_with_and_without_the_best_ratio(steps):
    models = ("mnist-vdm", "mnist-learned")
    found = [bound(model, steps, ratio) for model in models for ratio in ("w = 1", "w*")]
    wanted = [number for row in found for number in (row["bits"], 2 * row["error"])]
    np.testing.assert_allclose(numbers("12", f"{steps} "), wanted, atol=6e-5)
