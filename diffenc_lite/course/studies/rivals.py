"""What is an encoder for? Every rival, finished and tuned, on 29 photographs.

rivals.md says what was declared before the first run. Each picture is scored by two VDMs that were
trained without it: three folds of pictures, two seeds a fold (the second for the arms of TWICE
alone). From each VDM come forks, one an arm (fork.py); they are the frozen VDM below depth START,
so that the difference of two arms is one of two whole bounds, also where their noise ends at
another gamma. A fork is trained at a constant rate, its weights averaged over the last tenth of its
updates, and scored whenever their number has doubled. It ends where a doubling gains less than
FLAT; the last score with MOST updates or fewer counts, and those beyond are shown beside it.
"""

import io
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...data import load_mnist, photos
from ...encoder import Encoder
from ...evaluation import evaluate
from ...files import PathLike, write_whole
from ...model import DiffEnc, ModelConfig, build
from ...pretrained import save_model
from ...training import TrainConfig, TrainState, bf16_if_faster, keep_freed_memory, train
from . import fork
from .allowance import STILL, saved_by_normal_prior, with_width
from .purpose import BASES, VDMS, base
from .study import Job, Options, Results, Row, Study, load_arrays

DECLARATION = Path(__file__).with_suffix(".md")
FOLDS, SEEDS = range(3), range(2)
PASSES = 8  # of scoring
START = 0.6  # depth, gamma = -2.3: an encoder can do little below it
SAVE_EVERY = 400  # updates
FLAT = 0.0005  # bits per dimension
LEAST, MOST = 3200, 12_800  # updates of an arm: before it may end, and of those that count
ARMS = {  # where the noise ends, gamma_1, for each kind of fork
    "vdm": (2.0, 5.0),
    "image": (2.0,),
    "fade": (2.0,),
    "affine": (2.0,),
    "learned": (2.0,),
    "skip": (2.0,),  # the network, and the fade added to its output
    "inert": (2.0,),
    "unbounded": (2.0,),
}
GRID = (0.0005, 0.0015, 0.0045, 0.0135)  # of learning rates; one step further where the edge wins
RATE = 0.0015  # of every arm: the best of them for all but SLOWER (rivals.md, 10 to 15)
SLOWER = {"fade-2", "vdm-5"}  # trained with the first of GRID, too
AT_5 = "vdm", "learned", "affine"  # with the noise ending at 5, whatever a doubling gains (28)
ON_DIGITS = {"vdm": 5000, "image": 4400, "learned": 2800}  # updates that take equal time (28)
TWICE = {"learned-2", "image-2", "fade-2", "vdm-5"}  # run with both seeds: those of `primary`
MARGIN = 0.002  # bits per dimension; a smaller difference does not matter
ENCODERS = {"image-2", "fade-2", "affine-2", "learned-2", "skip-2", "unbounded-2"}


# ---- pictures ------------------------------------------------------------------------------------


def folds() -> list[list[str]]:
    """The pictures of each fold: the six old ones and the new ones dealt out in turn, each kind in
    an order that a generator with the seed 0 has drawn."""
    draws, names = np.random.default_rng(0), list(photos.SHA256)
    kinds = names[: len(photos.SIX)], names[len(photos.SIX) :]
    dealt = [name for kind in kinds for name in draws.permutation(sorted(kind))]
    return [[str(name) for name in dealt[k :: len(FOLDS)]] for k in FOLDS]


def split_of(fold: int) -> tuple[list[str], list[str], list[str]]:
    """Pictures for training, and of these those on which rates are chosen; pictures scored."""
    training = [name for k, names in enumerate(folds()) if k != fold for name in names]
    return training, training[::5], folds()[fold]


def training_patches(names: Iterable[str]) -> Tensor:
    """Those 3 pixels apart, (N, 3, 16, 16)."""
    return photos.patches(0.0, 1.0, 3, names)[0]


def scored_patches(names: Iterable[str]) -> tuple[Tensor, Tensor]:
    """Those that do not overlap, and the number of the picture of each."""
    return photos.patches(0.0, 1.0, photos.SIZE, names)


# ---- jobs ----------------------------------------------------------------------------------------


def _jobs(options: Options) -> list[Job]:
    """The VDMs, the rates, then all arms, those of the first seeds first; the budget `jobs` takes
    the first so many."""
    vdms = [{"fold": fold, "seed": seed} for seed in SEEDS for fold in FOLDS]
    arms = [{"arm": arm, "gamma_max": end} for arm, ends in ARMS.items() for end in ends]
    listed: list[Job] = [{"part": "vdm", **vdm} for vdm in vdms]
    listed += [{"part": "rate", **arm, "lr": lr} for arm in arms for lr in GRID]
    listed += [
        {"part": "arm", **vdm, **arm}
        for vdm in vdms
        for arm in arms
        if vdm["seed"] == 0 or kind(arm) in TWICE
    ]
    others = [{**vdm, **arm, "lr": GRID[0]} for vdm in vdms for arm in arms if kind(arm) in SLOWER]
    listed += [{"part": "slower", **job} for job in others]
    at_5 = [{"arm": arm, "gamma_max": 5.0} for arm in AT_5]
    listed += [{"part": "at 5", **vdm, **arm} for vdm in vdms if vdm["seed"] == 0 for arm in at_5]
    listed += [{"part": "digits", "vdm": vdm, "arm": arm} for vdm in VDMS for arm in ON_DIGITS]
    return listed[: options.budget["jobs"]]


def kind(arm: Job) -> str:
    """The name of an arm, with the gamma_1 where its noise ends."""
    return f"{arm['arm']}-{arm['gamma_max']:g}"


def _run(job: Job, options: Options) -> Row | Results:
    if job["part"] == "vdm":
        return _train_vdm(job, options)
    if job["part"] == "digits":
        return _on_digits(job, options)
    rate, budget = job["part"] == "rate", options.budget
    fold, seed = (0, 0) if rate else (job["fold"], job["seed"])
    training, held_back, scored = split_of(fold)
    if rate:
        training, scored = [name for name in training if name not in held_back], held_back
    lr, first = job.get("lr", RATE), budget["rate" if rate else "first"]
    keep_freed_memory()
    name = f"{kind(job)}-{fold}-{seed}"
    path = options.folder / f"{name}-{lr:g}-{first}.pt"

    def go_on(most: int, least: int) -> tuple[list[Row], Tensor, DiffEnc]:
        model = fork.make_fork(job["arm"], seed, _path(options, fold, seed), START)
        lengths = [first * 2**k for k in range(20) if first * 2**k <= most]
        return trained(
            model, training_patches(training), scored_patches(scored), job["gamma_max"], lr, seed,
            lengths, least, budget["batch"], path,
        )  # fmt: skip

    least = budget["most" if job["part"] == "at 5" else "least"]
    curve, total, last = go_on(first if rate else budget["most"], least)
    arrays = {name.replace("-", "_"): total.half().numpy()}
    network = kind(job) == "learned-2"
    if network:
        arrays[f"encoder_{fold}_{seed}"] = fork.packed(last)  # for lesson 11
    if job["part"] == "arm":  # the network goes on whatever a doubling gains (rivals.md, 18)
        least = budget["longest"] // 2 if network else budget["least"]
        curve, _, last = go_on(budget["longest"], least)
    if network:
        arrays[f"late_{fold}_{seed}"] = fork.packed(last)
    path.unlink(missing_ok=True)
    row = {**job, "lr": lr, "total": curve[-1]["total"], "scored": scored, "curve": curve}
    return Results([row], arrays) if job["part"] == "arm" else row


def trained(
    model: DiffEnc, images: Tensor, scored: tuple[Tensor, Tensor], end: float, lr: float, seed: int,
    lengths: list[int], least: int, batch: int, path: Path,
) -> tuple[list[Row], Tensor, DiffEnc]:  # fmt: skip
    """Train a fork whose noise ends at gamma `end`, at a constant rate, with the weights averaged
    over about the last tenth of the updates; stopped, it goes on from what `path` holds.

    Returns the curve, a row for each length; the last bounds of patches, above START; the averaged
    model. Args: scored, patches and the number of the picture of each; least, the length from
    which on it ends where a doubling gained less than FLAT.
    """
    # so many updates that the cosine stays where it is, and the average as it is in its warm-up
    config = fork.fork_config(100 * lengths[-1], batch, seed, lr)
    config = replace(config, ema=0.99999)
    state, quick = TrainState(model, config), bf16_if_faster(model)
    depth = fork.depth_of(end, model)
    curve: list[Row] = []
    if path.exists():
        saved = torch.load(path, weights_only=True)
        state.load(saved["state"])
        curve = saved["curve"]
    for length in lengths[len(curve) :]:
        if length > least and len(curve) > 1 and curve[-2]["total"] - curve[-1]["total"] < FLAT:
            break
        while state.update < length:
            fork.update(state, quick, images, depth, START)
            if state.update % SAVE_EVERY == 0:
                content = io.BytesIO()
                torch.save({"state": state.save(), "curve": curve}, content)
                write_whole(path, content.getvalue())
        losses = fork.score_fork(state.averaged, scored[0], depth, PASSES, START)
        model.train()
        prior, bits = (
            [loss[scored[1] == k].mean().item() for k in range(int(scored[1].max()) + 1)]
            for loss in losses
        )
        total = sum(bits) / len(bits)
        curve.append({"updates": length, "total": total, "priors": prior, "pictures": bits})
    return curve, losses[1], state.averaged


def vdm_of(fold: int) -> PathLike:
    """The name of a VDM of the first seed, which comes with the package."""
    return BASES / f"photos-{fold}"


def _path(options: Options, fold: int, seed: int) -> Path:
    return options.folder / f"vdm-{fold}-{seed}"


def _train_vdm(job: Job, options: Options) -> Row:
    """Train a VDM on two folds, and keep it in 16 bits; stopped, it goes on where it was."""
    fold, seed, budget = job["fold"], job["seed"], options.budget
    training, _, names = split_of(fold)
    torch.manual_seed(seed)
    model = build(ModelConfig("identity", "small", shape=(3, photos.SIZE, photos.SIZE)))
    config = TrainConfig(budget["vdm"], 64, lr=0.003, warmup=200, seed=seed)
    path = _path(options, fold, seed)
    model = train(model, training_patches(training), config, path).model.half().float()
    patches, clusters = scored_patches(names)
    draws = torch.Generator().manual_seed(0)
    scored = evaluate(model, patches, clusters=clusters, generator=draws)
    save_model(model.half(), path, {"pictures": training, "bits_per_dim": scored.total})
    return {**job, "total": scored.total, "scored": names}


def _on_digits(job: Job, options: Options) -> Row:
    """A fork of a VDM of digits, noise to 5, scored after a quarter, a half and all updates."""
    arm, vdm, batch = job["arm"], job["vdm"], options.budget["batch"]
    images, test = (load_mnist(split, "full").images for split in ("train", "test"))
    scored = test, torch.zeros(len(test), dtype=torch.long)  # as of one picture
    lengths = [ON_DIGITS[arm] // k for k in (4, 2, 1)]
    model, path = fork.make_fork(arm, 0, base(vdm), START), options.folder / f"{arm}-{vdm}.pt"
    curve, *_ = trained(model, images, scored, 5.0, RATE, 0, lengths, lengths[-1], batch, path)
    return {**job, "lr": RATE, "total": curve[-1]["total"], "curve": curve}


# ---- results -------------------------------------------------------------------------------------


def runs(rows: list[Row]) -> dict[str, list[Row]]:
    """The rows of each arm: of all VDMs."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        if row["part"] == "arm":
            found.setdefault(kind(row), []).append(row)
    return found


def scores(row: Row, updates: float | None = None) -> list[Row]:
    """The scores of an arm from one VDM after at most so many updates, or those that count: up to
    MOST, and to the end of the first doubling, from LEAST on, that gained less than FLAT."""
    if updates is None:
        late = ((a, b) for a, b in pairwise(row["curve"]) if b["updates"] >= LEAST)
        updates = min([MOST, *(b["updates"] for a, b in late if a["total"] - b["total"] < FLAT)])
    return [point for point in row["curve"] if point["updates"] <= updates]


def matched(rows: list[Row], first: str, second: str) -> list[Row]:
    """Two arms, each cut after the most updates that both have made from the same VDM, of those
    VDMs from which both were run."""
    of = [{(row["fold"], row["seed"]): row for row in runs(rows)[arm]} for arm in (first, second)]
    pairs = [(of[0][vdm], of[1][vdm]) for vdm in of[0] if vdm in of[1]]
    return [
        row | {"curve": scores(row, min(one["curve"][-1]["updates"] for one in pair))}
        for pair in pairs
        for row in pair
    ]


def at_5(rows: list[Row]) -> tuple[list[Row], int]:
    """Of each arm of AT_5 and each VDM the row with most updates, its part "arm"; and how many
    updates they all have made."""
    longest: dict[tuple[str, int], Row] = {}
    trained_so = [row | {"part": "arm"} for row in rows if row["part"] == "at 5"]
    for row in [row for row in runs(rows)["vdm-5"] if row["seed"] == 0] + trained_so:
        before = longest.setdefault((row["arm"], row["fold"]), row)
        if row["curve"][-1]["updates"] > before["curve"][-1]["updates"]:
            longest[row["arm"], row["fold"]] = row
    return [*longest.values()], min(row["curve"][-1]["updates"] for row in longest.values())


def bounds(
    rows: list[Row],
    seed: int,
    loss: str = "pictures",
    updates: float | None = None,
    width: bool = False,
) -> dict[str, dict[str, float]]:
    """Whole bounds above START of each arm, by picture, from the VDMs of one seed.

    Args: loss, "priors" for the prior loss alone; updates, the last score after at most so many,
        in place of that which counts; width, with the variance of p(z_1) that suits the pictures
        of the other folds, in place of 1.
    """
    found: dict[str, dict[str, float]] = {}
    for arm, of_arm in runs(rows).items():
        forks = [(row, scores(row, updates)[-1]) for row in of_arm if row["seed"] == seed]
        for row, score in forks:
            bits = np.array(score[loss])
            if width:
                others = np.concatenate([one["priors"] for _, one in forks if one is not score])
                bits += with_width(score["priors"], others, row["gamma_max"]) - score["priors"]
            found.setdefault(arm, {}).update(zip(row["scored"], bits.tolist(), strict=True))
    return found


def difference(
    rows: list[Row], first: str, second: str, seeds: Iterable[int] = SEEDS, **which: Any
) -> NDArray[np.float64]:
    """The first arm's bound minus the second's, from the same VDMs: one number a picture, by name.

    It is the mean over those of the seeds with which both arms were run. Args: which, as of
    `bounds`. Raises ValueError if there is no such seed.
    """
    each = [bounds(rows, seed, **which) for seed in seeds]
    pairs = [(of[first], of[second]) for of in each if first in of and second in of]
    if not pairs:
        raise ValueError(f"first and second must be arms of one seed; got {first!r}, {second!r}")
    return np.mean([[a[name] - b[name] for name in sorted(b)] for a, b in pairs], axis=0)


def with_normal_prior(
    rows: list[Row], arm: str, directions: Sequence[int]
) -> list[dict[str, float]]:
    """Bounds by picture of "vdm-2", "vdm-5" or "learned-2", from the VDMs of the first seed, with
    the normal p(z_1) of `saved_by_normal_prior` for pictures of the other folds: one for each of
    `directions`.
    """
    plain, arrays = bounds(rows, 0)[arm], load_arrays("rivals")
    end = runs(rows)[arm][0]["gamma_max"]
    found: list[dict[str, float]] = [{} for _ in directions]
    for fold in FOLDS:
        training, _, names = split_of(fold)
        patches, number = scored_patches(names)
        encoder: Encoder = STILL
        if arm == "learned-2":
            encoder = fork.load_encoder(arrays[f"encoder_{fold}_0"], vdm_of(fold), START)
        images = training_patches(training)[::10]
        saved = saved_by_normal_prior(images, patches, end, encoder, directions)
        for with_it, bits in zip(found, saved, strict=True):
            for k, name in enumerate(names):
                with_it[name] = plain[name] - bits[number == k].mean().item()
    return found


def best_encoder(rows: list[Row]) -> str:
    """The encoder at 2 whose bound, the mean over pictures, is lowest beside that of the VDM at 5,
    of those that were run."""
    return min(runs(rows).keys() & ENCODERS, key=lambda arm: difference(rows, arm, "vdm-5").mean())


def primary(rows: list[Row]) -> dict[str, tuple[str, str]]:
    """The arms of each primary comparison; less than 0 if the first of the two is better."""
    return {
        "learned - image": ("learned-2", "image-2"),
        "learned - fade": ("learned-2", "fade-2"),
        "best encoder - VDM at 5": (best_encoder(rows), "vdm-5"),
    }


def outcome(low: float, high: float) -> str:
    """What an interval of a difference says, by the rule that was declared."""
    if low > 0 or high < 0:
        return "seen" + (", beyond the margin" if low > MARGIN or high < -MARGIN else "")
    return "no difference" if -MARGIN < low and high < MARGIN else "open"


# Updates of a VDM, of a rate, and of an arm: its first score, the least and the most it makes.
BUDGET = {"vdm": 8000, "rate": 1600, "first": 200, "least": LEAST, "most": MOST, "batch": 64}
STUDY = Study(_jobs, _run, budget=BUDGET | {"longest": 8 * MOST, "jobs": 200})
