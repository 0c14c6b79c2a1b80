"""The evidence: each function looks into the ledger, an exact world, a model of the package or the
results of a study, anew each time, and returns what it found."""

from __future__ import annotations

import itertools
import math
from functools import cache

import numpy as np
import sympy
import torch
from numpy.typing import NDArray
from torch import Tensor

from .... import bound
from ....data import load_mnist
from ....gaussian import kl_ratio
from ....model import DiffEnc
from ....pretrained import load_pretrained
from ....ratio import best_time_grid
from ....sampling import sample
from ....schedule import LinearSchedule, Noise, step_c
from ... import ledger
from ...worlds import SCALING, Exact, Gaussian, PlusMinus
from .. import fork, statistics
from ..classifier import classify, frechet_distance, load_classifier
from ..runner import SHIPPED, Row, load_arrays, read_results
from .findings import Check, Counterexample, Measured, Proof, verdict

# ---- the ledger and exact worlds -----------------------------------------------------------------


SMOOTH = "a smooth gamma and encoder, bounded data, a v_hat that grows at most like a power of |z|"
FIXED = "a fixed gamma: with learned end points the hidden ratio and its price move"

TABLE = "a grid costs the sum of its steps; their prices come from some images, on a fine grid"


def proof(tag: str, form: str, *under: str) -> Proof:
    """Prove a row anew. `under`: conditions, besides what the row itself takes on trust."""
    row = ledger.LEDGER[tag]
    try:
        says, holds = repr(row.prove()), True
    except ledger.ProofError as error:
        says, holds = str(error), False
    line = sympy.latex(row.claim[form], ln_notation=True)
    return Proof(tag, holds, says, line, (*under, *row.trust))


def two_steps() -> Check:
    """F1, F2: the variance of z_t that comes by way of z_s"""
    s, t = (LinearSchedule()(torch.tensor(depth, dtype=torch.float64)) for depth in (0.4, 0.8))
    by_way_of_s = (t.alpha / s.alpha * s.sigma).square() + t.sigma.square() * step_c(s, t)
    return Check("variance of z_t by way of z_s", float(by_way_of_s), float(t.sigma.square()), 12)


def coin_total() -> Check:
    """X3: a VDM with the exact denoiser pays the entropy of a coin"""
    return Check("bound of a coin, nats", Exact(PlusMinus()).total(), math.log(2), 6)


def limit_of_the_loss() -> Check:
    """L3 to L4: 2 L_2T - L_T, in which the error of first order in 1/T is gone"""
    world = Exact(PlusMinus(), SCALING)
    at_1000, at_2000 = (world.diffusion(steps) for steps in (1000, 2000))
    return Check("E2 on a coin, T to infinity", 2 * at_2000 - at_1000, world.diffusion(), 4)


def left_over(gamma_s: float, gamma_t: float) -> float:
    """G5: the paper's factor of x_hat less that of a perfect step, for E2, over sigma_s"""
    s, t = (Noise.from_gamma(torch.tensor(g, dtype=torch.float64)) for g in (gamma_s, gamma_t))
    paper = step_c(s, t) + (t.gamma - s.gamma) * t.sigma.square()
    perfect = step_c(s, t) * (1 + (t.sigma * s.alpha / t.alpha).square())
    return float((paper - perfect) / s.sigma)


def order_of_the_left_over() -> Check:
    """X6: a step half as long leaves over a quarter"""
    order = math.log2(left_over(0.98, 1.0) / left_over(0.99, 1.0))
    return Check("order of what E2 leaves over", order, 2, 2)


def residual_by_hand() -> Check:
    """L4: the loss of the learned model at t = 0.9, from v and u as in E3 and G4"""
    model = load_pretrained("mnist-learned")
    x, t = digits(model, 8), torch.full((8,), 0.9)
    eps = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        at = model.schedule(t)
        alpha, sigma, (x_t, u) = at.alpha[0], at.sigma[0], model.encoder(x, at.gamma)
        z = alpha * x_t + sigma * eps
        v_hat = model.denoiser(z, at.gamma)
        r = alpha * eps - sigma * x_t - v_hat - sigma * (u - (alpha * z - sigma * v_hat))
        by_hand = 0.5 * at.rate[0] * alpha**2 * r.square().sum()
        found = bound.diffusion_loss(model, x, t, eps).sum()
    return Check("loss of 8 digits at t = 0.9, by hand", float(by_hand), float(found), 4)


def tight_in_one_step() -> Check:
    """X2: with w* the bound of a Gaussian is tight but for KL(q(z_1) || N(0, I)), even at T = 1"""
    world = Exact(Gaussian(0.3))
    return Check(
        "bound at T = 1 with w*, nats",
        world.total(1, "optimal"),
        world.entropy + world.prior_gap,
        6,
    )


def price_of_a_half() -> Check:
    """W2, L2: what w = 0.5 costs at T = 10,000, from the loss with w = 1"""
    world, w, steps = Exact(Gaussian(1.0)), 0.5, 10_000
    price = w * world.diffusion(steps) + steps * (w - 1 - math.log(w)) / 2
    return Check("diffusion at T = 10,000 with w = 0.5, nats", world.diffusion(steps, w), price, 6)


def same_gradient() -> Check:
    """W3: d/dtheta of a weighted loss, and of the bound with these weights as its ratios"""
    weights = torch.tensor([0.5, 1.0, 3.0], dtype=torch.float64)
    theta = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    squared = (torch.arange(1.0, 4.0, dtype=torch.float64) - theta).square()  # errors of 3 steps
    (weighted,) = torch.autograd.grad((weights * squared / 2).sum(), theta, retain_graph=True)
    (of_bound,) = torch.autograd.grad(kl_ratio(squared, weights).sum(), theta)
    return Check("gradient of a weighted loss", float(weighted), float(of_bound), 12)


def coin_moves_money() -> Counterexample:
    """X3: prior and diffusion loss of the scaling encoder on a coin, against a VDM's"""
    vdm, scaling = Exact(PlusMinus()), Exact(PlusMinus(), SCALING)
    rise = scaling.diffusion() - vdm.diffusion() if scaling.prior < vdm.prior else 0.0
    return Counterexample(
        "a coin, perfect denoisers, scaling encoder: diffusion rises by", rise, 0.0
    )


def any_encoder_must_pay() -> Counterexample:
    """X5: no total is below H(x), so who saves the prior loss of a coin pays all but prior_gap"""
    vdm = Exact(PlusMinus())
    return Counterexample(
        "a coin, perfect denoisers, any encoder with x_0 = x and prior loss 0: diffusion rises by",
        vdm.prior - vdm.prior_gap,
        0.0,
    )


# ---- models and studies --------------------------------------------------------------------------


def digits(model: DiffEnc, n: int) -> Tensor:
    """x of n test digits"""
    return model.to_unit(load_mnist("test", source="bundled").images[:n])


FORK = {"VDM": "vdm", "matched": "matched", "learned": "learned"}  # the arms of both studies


def forks() -> list[Row]:
    """Forks of one trained VDM, all trained as long: the declared comparison and its controls"""
    if not (SHIPPED / "fork.json").exists():
        return []
    return [row for row in read_results("fork")["rows"] if row["part"] in ("primary", "control")]


def forked(first: str, second: str) -> bool:
    """Are forks of both stored, for every seed of the declared comparison?"""
    if not {first, second} <= FORK.keys():
        return False
    seeds = {arm: {r["seed"] for r in forks() if r["arm"] == arm} for arm in FORK.values()}
    return bool(seeds["learned"]) and seeds[FORK[first]] == seeds[FORK[second]] == seeds["learned"]


def rival() -> str:
    """Whom the learned encoder has to beat: a VDM, or "matched" if only this one was forked"""
    only_matched = forked("learned", "matched") and not forked("learned", "VDM")
    return "matched" if only_matched else "VDM"


def scratch(first: str, second: str, term: str = "total") -> NDArray[np.float64]:
    """first - second of trainings from random weights, with fixed end points; as `pairs`"""
    rows = [row for row in read_results("encoders")["rows"] if row.get("ends") == "fixed"]
    return _paired_up({(row["variant"], row["seed"]): row[term] for row in rows}, first, second)


def _paired_up(found: dict[tuple[str, int], float], a: str, b: str) -> NDArray[np.float64]:
    seeds = sorted(seed for name, seed in found if name == a and (b, seed) in found)
    return np.array([found[a, seed] - found[b, seed] for seed in seeds])


def pairs(first: str, second: str, term: str = "total") -> NDArray[np.float64]:
    """first - second on MNIST, in bits per dimension: one number for each seed.

    From the forks where both are stored for all seeds, else from trainings from scratch.
    """
    if not forked(first, second):
        return scratch(first, second, term)
    found = {(row["arm"], row["seed"]): row[term] for row in forks()}
    return _paired_up(found, FORK[first], FORK[second])


def image_error(first: str, second: str, seeds: int) -> float:
    """The standard error over the test images of first - second, averaged over the seeds"""
    arrays = load_arrays("fork")
    first, second = (f"change_{FORK[name]}" for name in (first, second))
    gaps = [arrays[f"{first}_{k}"].astype(float) - arrays[f"{second}_{k}"] for k in range(seeds)]
    each = np.mean(gaps, axis=0)
    return float(each.std(ddof=1)) / math.sqrt(len(each))


def paired(first: str, second: str, term: str = "total") -> Measured:
    """The mean of `pairs` with Student's interval; claimed: fewer bits.

    For the totals of forks the error over the images is added, in quadrature, as declared there.
    """
    values = pairs(first, second, term)
    low, high = statistics.t_interval(values)
    reach, mean = (high - low) / 2, float(values.mean())
    if term == "total" and forked(first, second):
        reach = math.hypot(reach, 1.96 * image_error(first, second, len(values)))
    briefly = f"pairs of forks, {fork.PRIMARY['updates']} updates"
    how = briefly if forked(first, second) else "pairs from scratch"
    what = f"{term}, {first} - {second}, bits/dim, {len(values)} {how}"
    return Measured(what, mean, mean - reach, mean + reach, "below")


def against_a_vdm() -> Measured | None:
    """learned - VDM; None if only "matched" was forked: two kinds of pairs make no verdict"""
    return paired("learned", "VDM") if rival() == "VDM" else None


def from_scratch() -> str:
    """What trainings from scratch say where the verdict rests on forks"""
    if not forked("learned", "matched"):
        return ""
    low, high = statistics.t_interval(values := scratch("learned", "VDM"))
    return f"learned - VDM in {len(values)} pairs from scratch: {low:+.4f} to {high:+.4f} bits/dim"


def one_image() -> str:
    """What one image for each depth, the same for all digits, gains in the same time"""
    found = {(row["arm"], row["seed"]): row["total"] for row in forks()}
    gains = _paired_up(found, "image", "matched")
    if len(gains) < 2:
        return ""
    low, high = statistics.t_interval(gains)
    pairs = f"{len(gains)} pairs of forks, not declared"
    interval = f"{gains.mean():+.4f} ({low:+.4f} to {high:+.4f}; {pairs})"
    return f"one image for each depth - matched: {interval}"


def other_pairs() -> str:
    """What stands beside the declared comparison: another kind of pairs, and a simpler rival"""
    return "; ".join(filter(None, (from_scratch(), one_image())))


def latent_loss_as_a_report() -> str:
    """The same sentence about trained networks, which is what the paper says; with a verdict"""
    losses = [paired("learned", rival(), term) for term in ("prior", "diffusion")]
    return f"as a report on trained networks it is {verdict(losses)}"


def on_mnist(model: str, steps: int) -> dict[str, Row]:
    """Bounds of the study of the ratio: "w = 1", "w*", "w* and grid".

    With the paper's mean; on the best grid with a fitted one, if that is stored (a VDM has one).
    """
    found = {}
    for row in read_results("mnist_ratio")["rows"]:
        if (row["part"], row.get("model"), row.get("steps")) == ("bound", f"mnist-{model}", steps):
            if row.get("grid") == "best grid":
                found["w* and grid"] = row
            elif row.get("scale", "paper") == "paper":
                found[row.get("choice") or row["ratio"]] = row
    return found


def grid_on_mnist() -> Measured:
    """W4: what the best grid adds to w* at T = 16, on the test digits (VDM).

    The stored errors are those of either row minus w = 1; that of their difference is at most the
    sum.
    """
    grid, equal = (on_mnist("vdm", 16)[choice] for choice in ("w* and grid", "w*"))
    mean = grid["bits"] - equal["bits"]
    reach = 1.96 * (grid["gain_error"] + equal["gain_error"])
    what = f"best grid - equal steps, both with w*, T = 16, bits/dim, {grid['n']:,} digits"
    return Measured(what, mean, mean - reach, mean + reach, "below")


@cache
def best_grid() -> Tensor:
    """The cheapest 8 steps of the VDM, from a table of 32 training images: (9,)"""
    images = load_mnist("train", source="bundled").images[:32]
    draws = torch.Generator().manual_seed(0)
    return best_time_grid(load_pretrained("mnist-vdm"), images, 8, 64, generator=draws)


@cache
def samples_of_the_grid() -> str:
    """W4 and samples: Frechet distances of 100 samples of the VDM, on either grid, three times"""
    model, judge = load_pretrained("mnist-vdm"), load_classifier()
    real = classify(judge, load_mnist("test", source="bundled").images).features

    def distance(grid: Tensor | None) -> float:
        draws = [torch.Generator().manual_seed(seed) for seed in range(3)]
        drawn = [sample(model, 100, 8, generator=generator, grid=grid) for generator in draws]
        return sum(frechet_distance(classify(judge, images).features, real) for images in drawn)

    times = distance(best_grid()) / distance(None)
    return (
        f"for samples of 8 steps the best grid has at least {math.floor(times)} times the Fréchet "
        "distance of equal steps"
    )


def counterterm_at_few_steps() -> str:
    """G3 at T = 4 with w = 1: the learned model and the VDM"""
    learned, vdm = (on_mnist(name, 4)["w = 1"]["bits"] for name in ("learned", "vdm"))
    return f"at T = 4 the learned model pays {learned:.0f} bits/dim with it, a VDM {vdm:.0f}"


def costs() -> str:
    """What an update and a sampling step of the learned model take, in units of the VDM's"""
    rows = {r["variant"]: r for r in read_results("encoders")["rows"] if r["kind"] == "cost"}
    update, step = (rows["learned"][f"{what}_ratio"] for what in ("step", "sampling"))
    return (
        f"an update takes {update:.2f} times as long as a VDM's, a sampling step {step:.2f} times"
    )


PRINTED = {"VDMv-32": (2.641, 0.003), "DiffEnc-32-4": (2.620, 0.006)}  # CIFAR-10, three seeds each


def p_range(standard_error: bool, equal: bool, half: float = 0.0005) -> tuple[float, float]:
    """The least and the greatest p value that the printed figures allow, as they are rounded.

    Args: standard_error, whether +- is the error of a mean of three, or the spread of the three;
        equal, whether the test is Student's or Welch's; half, of the last digit: 0 takes the
        figures as they stand.
    """
    (a, spread_a), (b, spread_b) = PRINTED.values()
    scale = math.sqrt(3) if standard_error else 1.0
    ps = []
    for off in (-2 * half, 2 * half):
        for i, j in itertools.product((-half, half), repeat=2):
            spreads = (scale * (spread_a + i), scale * (spread_b + j))
            ps.append(statistics.two_sample_p((a + off, b), spreads, (3, 3), equal))
    return min(ps), max(ps)


def printed_p() -> Check:
    """Is p = 0.03 among those of the printed figures? Student, +- as standard error of a mean"""
    low, high = p_range(standard_error=True, equal=True)
    as_is, _ = p_range(standard_error=True, equal=True, half=0.0)
    what = f"p of the figures ({as_is:.3f}, with rounding {low:.3f} to {high:.3f})"
    return Check(what, min(max(0.03, low), high), 0.03, 2)


def push(model: DiffEnc, x: Tensor, depth: float) -> Tensor:
    """(x_t - x) / sigma_t^2: what an encoder does to x, without the factor that is built in (X7)"""
    gamma = model.schedule(torch.full((len(x),), depth)).gamma
    with torch.no_grad():
        return (model.encoder.shift(x, gamma) / torch.sigmoid(gamma)[0]).flatten(1).double()


def turned(model: DiffEnc) -> NDArray[np.float64]:
    """1 - cos^2 between the pushes at t = 0.6 and t = 1: the share of one not along the other"""
    x = digits(model, 64)
    cosine = torch.cosine_similarity(push(model, x, 0.6), push(model, x, 1.0))
    return (1 - cosine.square()).numpy()


def learned_encoders() -> dict[str, DiffEnc]:
    """The trained encoders that come with the package: two models, and the forks of one VDM"""
    found = {name: load_pretrained(f"mnist-{name}") for name in ("learned", "learned-medium")}
    for name, weights in load_arrays("fork").items():
        if name.startswith("encoder_"):
            model = load_pretrained("mnist-vdm")
            model.encoder = fork.load_encoder(weights)
            found[f"fork {name[-1]}"] = model
    return found


def acts_differently() -> Measured:
    """E3: the mean of `turned` over 64 test digits, for the encoder for which it is the least"""
    every = [turned(model) for model in learned_encoders().values()]
    values = min(every, key=lambda shares: shares.mean())
    low, high = statistics.t_interval(values)
    what = f"share of the change at t = 1 that is new since t = 0.6, least of {len(every)} encoders"
    return Measured(f"{what}, 64 digits", float(values.mean()), low, high, "above", 0.1)


def scaling_does_not() -> Check:
    """The control: E2 does the same at every t"""
    shared = 1 - turned(load_pretrained("mnist-scaling")).mean()
    return Check("scaling encoder: share that is not new", float(shared), 1, 5)


def calls_in_sampling(part: str, expected: int) -> Check:
    """How often a network of the learned model runs while it samples in 4 steps"""
    model = load_pretrained("mnist-learned")
    calls: list[int] = []
    hook = model.get_submodule(part).register_forward_hook(lambda *_: calls.append(1))
    sample(model, 1, 4, generator=torch.Generator().manual_seed(0))
    hook.remove()
    return Check(f"calls of {part} in 4 steps of sampling", len(calls), expected, math.inf)
