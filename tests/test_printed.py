"""Numbers that lessons 10, 11 and 12 print, computed again from stored results and pictures.

By NumPy, SciPy and Pillow alone: nothing here is imported from the package."""

import json
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import stats

ROOT = Path(__file__).parents[1]
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


@cache
def by_picture(arm, end, seed, loss="pictures", most=None):
    """The last bounds of an arm, in the order of the pictures' names; none if it was not run.

    They are those after at most so many updates, or those that were declared to count."""
    found = {}
    for row in rows_of("rivals"):
        of = [row.get(name) for name in ("part", "arm", "gamma_max", "seed")]
        if of == ["arm", arm, end, seed]:
            t, updates = [point["total"] for point in row["curve"]], most
            if most is None:
                k = next((k for k in range(4, len(t)) if t[k - 1] - t[k] < 0.0005), 6)
                updates = 200 * 2 ** min(k, 6)
            *_, last = (point for point in row["curve"] if point["updates"] <= updates)
            found.update(zip(row["scored"], last[loss], strict=True))
    return np.array([found[name] for name in sorted(found)])


def gap(first, second, **which):
    """The first arm minus the second, the mean over the seeds in which both were run."""
    pairs = [[by_picture(*arm, s, **which) for arm in (first, second)] for s in (0, 1)]
    return np.mean([a - b for a, b in pairs if len(a) and len(b)], axis=0)


ARMS = sorted({(r["arm"], r["gamma_max"]) for r in rows_of("rivals") if r["part"] == "arm"})


def test_the_declared_differences():
    for arm in ("image", "fade"):
        found = numbers("10", f"learned - {arm}   ")[:3]
        np.testing.assert_allclose(found, interval(gap(("learned", 2.0), (arm, 2.0))), atol=6e-5)
        found = numbers("10", f"up to 51,200: learned - {arm}")[:3]
        long = gap(("learned", 2.0), (arm, 2.0), most=51_200)
        np.testing.assert_allclose(found, interval(long), atol=6e-5)
    encoders = [gap(arm, ("vdm", 5.0)) for arm in ARMS if arm[0] not in ("vdm", "inert")]
    found = numbers("10", "best encoder - VDM at 5")[:3]
    np.testing.assert_allclose(found, interval(min(encoders, key=np.mean)), atol=6e-5)


@pytest.mark.parametrize("arm, end", ARMS)
def test_whole_bounds_above_the_depth(arm, end):
    prior, total = (by_picture(arm, end, 0, loss) for loss in ("priors", "pictures"))
    wanted = [prior.mean(), (total - prior).mean(), total.mean()]
    wanted += interval(total - by_picture("vdm", 5.0, 0)) if (arm, end) != ("vdm", 5.0) else []
    found = numbers("10", f"{arm}-{end:g} ")
    np.testing.assert_allclose(found[: len(wanted)], wanted, atol=6e-5)


def test_patches_look_surer_than_pictures():
    arrays = np.load(RESULTS / "rivals.npz")
    folds = [arrays[f"learned_2_{k}_0"] - arrays[f"image_2_{k}_0"].astype(float) for k in range(3)]
    each = np.concatenate(folds)
    count, half = numbers("10", "learned - image,")[:2]
    assert count == len(each) == 9553
    assert half == pytest.approx(1.96 * stats.sem(each), abs=6e-5)
    _, low, high = interval(by_picture("learned", 2.0, 0) - by_picture("image", 2.0, 0))
    assert numbers("10", "29 pictures:")[-1] == pytest.approx((high - low) / 2, abs=6e-5)


@cache
def patches(name, stride=16):
    """Of a photograph, so many pixels apart, in (-1, 1): (n, 768)"""
    (path,) = PHOTOS.rglob(f"{name}.png")
    windows = np.lib.stride_tricks.sliding_window_view(Image.open(path), (16, 16), (0, 1))
    return (windows[::stride, ::stride].reshape(-1, 768) + 0.5) / 128 - 1


FOLDS = [row["scored"] for row in rows_of("rivals") if row["part"] == "vdm" and row["seed"] == 0]


def test_a_last_latent_with_mean_and_covariance():
    """From patches of the other pictures that are 8 pixels apart, not from those of the lesson."""
    saved, share = {}, 1 / (1 + np.exp(2))  # alpha_1^2
    for names in FOLDS:
        x = np.concatenate([patches(n, 8) for n in sum(FOLDS, []) if n not in names])
        covariance = share * np.cov(x.T) + (1 - share) * np.eye(768)
        precision, volume = np.linalg.inv(covariance), np.linalg.slogdet(covariance)[1]
        for name in names:
            y = patches(name)
            d = share**0.5 * (y - x.mean(0))
            nats = volume + (1 - share) * precision.trace() + (d @ precision * d).sum(1).mean()
            saved[name] = (1 - share + share * (y**2).mean() - nats / 768) / 2 / np.log(2)
    saved = np.array([saved[name] for name in sorted(saved)])
    for arm, end in (("vdm", 5.0), ("affine", 2.0), ("learned", 2.0)):
        wanted = interval(by_picture("vdm", 2.0, 0) - saved - by_picture(arm, end, 0))
        found = numbers("10", f"p(z_1) minus {arm}-{end:g} ")[:3]
        np.testing.assert_allclose(found, wanted, atol=1e-4)


def of_digits(arm, loss):
    found = {r["vdm"]: r[loss] for r in rows_of("purpose")
             if r["part"] in ("primary", "control") and r["arm"] == arm}  # fmt: skip
    return np.array([found[vdm] for vdm in range(3)])


@pytest.mark.parametrize("arm", ["image", "affine", "fade", "matched"])
def test_digits(arm):
    gains = [
        np.mean(of_digits(arm, loss) - of_digits("vdm", loss))
        for loss in ("prior", "diffusion", "total")
    ]
    wanted = gains + interval(of_digits(arm, "total") - of_digits("learned", "total"))
    np.testing.assert_allclose(numbers("10", f"{arm} ")[-6:], wanted, atol=6e-6)


@pytest.mark.parametrize("gamma", [5, 3, 2, 1])
def test_what_may_be_gained_on_photographs(gamma):
    x, alpha2 = np.concatenate([*map(patches, sum(FOLDS, []))]), 1 / (1 + np.exp(gamma))
    assert len(x) == 9553
    prior = (alpha2 * ((x**2).mean() - 1) - np.log(1 - alpha2)) / 2 / np.log(2)
    mean = alpha2 * (x.mean(0) ** 2).mean() / 2 / np.log(2)
    _, *found = numbers("10", f"photographs  {gamma:7}")
    np.testing.assert_allclose(found[:2], [prior, mean], atol=6e-5)


@pytest.mark.parametrize("arm", ["image", "fade", "affine", "learned"])
def test_what_was_saved_beside_theory(arm):
    gains = {"photographs ": -gap((arm, 2.0), ("vdm", 2.0))}
    gains["digits      "] = of_digits("vdm", "total") - of_digits(arm, "total")
    for data, gain in gains.items():
        found = numbers("11", f"{data} {arm}   ")[1:]
        np.testing.assert_allclose(found, interval(gain), atol=6e-5)


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
