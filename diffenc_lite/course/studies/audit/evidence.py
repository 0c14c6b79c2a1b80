"""The evidence: each function looks into the ledger, an exact world, a model of the package or the
results of a study, anew each time, and returns what it found."""

import math
import tomllib
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .... import bound
from ....data import load_mnist
from ....gaussian import kl_ratio
from ....model import DiffEnc
from ....pretrained import load_pretrained
from ....sampling import sample
from ....schedule import LinearSchedule, Noise, step_c
from ... import ledger
from ...worlds import SCALING, Exact, Gaussian, PlusMinus
from .. import fork, purpose, rivals, statistics
from ..study import Row, load_arrays, read_results
from .findings import Check, Counterexample, Measured, Proof, Quoted

DATA: dict[str, Any] = tomllib.loads(Path(__file__).with_name("claims.toml").read_text("utf-8"))

# ---- the ledger and exact worlds -----------------------------------------------------------------

SMOOTH = "a smooth schedule and encoder, bounded data, a network bounded by a power of z"


def proof(key: str, *under: str) -> Proof:
    """Prove a row anew, and read off what the ledger says of the forms that the claim needs, say
    "F1 mean variance"; with the tag alone, of all. `under`: conditions beside what it supposes."""
    tag, _, forms = key.partition(" ")
    row, needed = ledger.LEDGER[tag], forms.split()
    try:
        says = repr(row.prove())
    except ledger.ProofError as error:
        return Proof(key, False, str(error))
    under += row.behind("supposed", *needed)
    return Proof(key, True, says, row.word(*needed), under, row.behind("argued", *needed))


def two_steps() -> Check:
    """F1, F2: the variance of z_t that comes by way of z_s"""
    s, t = (LinearSchedule()(torch.tensor(depth, dtype=torch.float64)) for depth in (0.4, 0.8))
    by_way_of_s = (t.alpha / s.alpha * s.sigma).square() + t.sigma.square() * step_c(s, t)
    return Check("variance of z_t by way of z_s", float(by_way_of_s), float(t.sigma.square()), 12)


def coin_total() -> Check:
    """X5: a VDM with the exact denoiser pays the entropy of a coin"""
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


def tight_in_one_step() -> Check:
    """X2: with w* the bound of a Gaussian is tight but for KL(q(z_1) || N(0, I)), even at T = 1"""
    world = Exact(Gaussian(0.3))
    floor = world.entropy + world.prior_gap
    return Check("bound at T = 1 with w*, nats", world.total(1, "best"), floor, 6)


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


def scaling_in_a_world(name: str) -> Measured:
    """X4: the exact diffusion loss of the scaling encoder less that of a VDM, both perfect"""
    world = {"coin": PlusMinus(), "Gaussian": Gaussian(1.0)}[name]
    rise = Exact(world, SCALING).diffusion() - Exact(world).diffusion()
    return Measured(f"diffusion of a {name}, scaling - VDM, nats", rise, rise, rise, "above")


def law_of_the_latent_loss() -> list[Counterexample]:
    """X5: the law that nobody stated. No total is below H(x), and a coin's VDM pays H(x) and
    KL(q(z_1) || N(0, I)). Whose prior loss is no larger than that of the scaling encoder, with the
    same reconstruction loss, has a diffusion loss that is larger by the rest at least."""
    vdm, scaling = Exact(PlusMinus()), Exact(PlusMinus(), SCALING)
    saved = vdm.prior - scaling.prior
    rises = {
        "the scaling encoder": scaling.diffusion() - vdm.diffusion() if saved > 0 else 0.0,
        "any encoder with no more prior loss than that": saved - vdm.prior_gap,
    }
    what = "a coin, {}: diffusion rises by at least"
    return [Counterexample(what.format(who), rise) for who, rise in rises.items()]


# ---- models --------------------------------------------------------------------------------------


def digits(model: DiffEnc, n: int) -> Tensor:
    """x of n test digits"""
    return model.to_unit(load_mnist("test", source="bundled").images[:n])


def residual_by_hand() -> Check:
    """L4: the loss of the learned model at t = 0.9, from v and u as in E3 and G4"""
    model = load_pretrained("mnist-learned")
    x, t = digits(model, 8), torch.full((8,), 0.9)
    eps = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        at = model.schedule(t)
        alpha, sigma, (x_t, u) = at.alpha[0], at.sigma[0], model.encode(x, at.gamma)
        z = alpha * x_t + sigma * eps
        v_hat = model.denoiser(z, at.gamma)
        r = alpha * eps - sigma * x_t - v_hat - sigma * (u - (alpha * z - sigma * v_hat))
        by_hand = 0.5 * at.rate[0] * alpha**2 * r.square().sum()
        loss = bound.diffusion_loss(model, x, t, eps).sum()
    return Check("loss of 8 digits at t = 0.9, by hand", float(by_hand), float(loss), 4)


def starts_as_a_vdm() -> Check:
    """X6: a model with a learned encoder, y = x at the start, has the loss of the VDM"""
    models = fork.make_fork("learned"), load_pretrained("mnist-vdm")
    x, t = digits(models[1], 4), torch.full((4,), 0.9)
    eps = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        ours, of_vdm = (float(bound.diffusion_loss(m.eval(), x, t, eps).sum()) for m in models)
    return Check("loss with an encoder that is y = x, of 4 digits", ours, of_vdm, 6)


def calls_in_sampling(part: str, expected: int) -> Check:
    """How often a network of the learned model runs while it samples in 4 steps"""
    model = load_pretrained("mnist-learned")
    calls: list[int] = []
    hook = model.get_submodule(part).register_forward_hook(lambda *_: calls.append(1))
    sample(model, 1, 4, generator=torch.Generator().manual_seed(0))
    hook.remove()
    return Check(f"calls of {part} in 4 steps of sampling", len(calls), expected, math.inf)


def shift(model: DiffEnc, x: Tensor, depth: float) -> Tensor:
    """x_t - x"""
    with torch.no_grad():
        return model.encoder.shift(x, model.schedule(torch.full((len(x),), depth)).gamma).double()


def turned(model: DiffEnc) -> NDArray[np.float64]:
    """1 - cos^2 between x_t - x at t = 0.6 and at t = 1: the share of one not along the other.

    The factor sigma_t^2, which is built in (X7), does not change it."""
    x = digits(model, 64)
    before, at_1 = (shift(model, x, t).flatten(1) for t in (0.6, 1.0))
    return (1 - torch.cosine_similarity(before, at_1).square()).numpy()


def coarse(picture: Tensor, with_mean: bool = False) -> Tensor:
    """The share of a picture's power in waves of at most 1.5 cycles across it: (B,)

    Args: with_mean, whether the mean counts as such a wave, or is taken out, as it has no scale.
    """
    size = picture.shape[-1]
    power = torch.fft.fft2(picture).abs().square()
    power[..., 0, 0] *= with_mean
    wave = torch.fft.fftfreq(size, 1 / size)
    kept = torch.hypot(wave[:, None], wave) <= 1.5
    return (power * kept).sum((-3, -2, -1)) / power.sum((-3, -2, -1))


def coarser(model: DiffEnc, start: float, end: float) -> NDArray[np.float64]:
    """How much coarser x_t changes at the second depth than at the first, over a tenth of depth"""
    x = digits(model, 64)
    first, last = (coarse(shift(model, x, t) - shift(model, x, t - 0.1)) for t in (start, end))
    return (last - first).numpy()


def encoders() -> dict[str, DiffEnc]:
    """The learned encoders of digits: of two models trained from scratch, of five forks of a VDM"""
    models = {name: load_pretrained(f"mnist-{name}") for name in ("learned", "learned-medium")}
    for name, weights in load_arrays("fork").items():
        if name.startswith("encoder_"):
            vdm, encoder = load_pretrained("mnist-vdm"), fork.load_encoder(weights)
            models[f"fork {name[-1]}"] = DiffEnc(vdm.denoiser, encoder, vdm.schedule)
    return models


def least(what: str, measure: Any, than: float = 0.0) -> Measured:
    """The mean of `measure` over 64 digits for the encoder where it is least; claimed: above"""
    every = [measure(model) for model in encoders().values()]
    values, above = min(every, key=np.mean), sum(value.mean() > than for value in every)
    low, high = statistics.t_interval(values)
    what = f"{what}, 64 digits, above in {above} of {len(every)} encoders; the least"
    return Measured(what, float(values.mean()), low, high, "above", than)


# ---- studies -------------------------------------------------------------------------------------

HOW = {  # what a pair of trainings is, in each study
    "fork": "pairs of forks of one VDM, {updates} updates",
    "encoders": "pairs from scratch, 500 updates",
    "purpose": "VDMs of digits, equal time",
}
WANTED: dict[str, Row] = {
    "fork": {"gamma_max": 5.0, "updates": 600},
    "encoders": {"kind": "run", "ends": "fixed"},
    "purpose": {},
}


def pairs(study: str, first: str, second: str, term: str, **only: Any) -> NDArray[np.float64]:
    """first - second in bits per dimension, one number for each pair of trainings of a study"""
    rows, wanted = read_results(study)["rows"], {**WANTED[study], **only}
    if study == "purpose":
        return purpose.by_vdm(rows, first, term) - purpose.by_vdm(rows, second, term)
    arm = "variant" if study == "encoders" else "arm"
    losses = {(r[arm], r["seed"]): r[term] for r in rows if wanted.items() <= r.items()}
    units = sorted(k for name, k in losses if name == first and (second, k) in losses)
    return np.array([losses[first, k] - losses[second, k] for k in units])


def measured(
    study: str, first: str, second: str, term: str = "total", claimed: str = "below", **only: Any
) -> Measured:
    """The mean of `pairs` with Student's interval; claimed: below 0, fewer bits.

    Over the declared forks the error over the images is added, in quadrature, as declared there.
    """
    values = pairs(study, first, second, term, **only)
    low, high = statistics.t_interval(values)
    reach, mean = (high - low) / 2, float(values.mean())
    if (study, term) == ("fork", "total") and not only:
        arrays = load_arrays("fork")
        changes = [
            np.subtract(arrays[f"change_{first}_{k}"], arrays[f"change_{second}_{k}"], dtype=float)
            for k in range(len(values))
        ]
        of_images = np.mean(changes, axis=0)
        reach = math.hypot(reach, 1.96 * float(of_images.std(ddof=1)) / math.sqrt(len(of_images)))
    how = HOW[study].format(**{**WANTED[study], **only})
    what = f"{term}, {first} - {second}, bits/dim, {len(values)} {how}"
    return Measured(what, mean, mean - reach, mean + reach, claimed)


def over_pictures(first: str, second: str, term: str = "total") -> Measured:
    """The mean of first - second over the photographs, with Student's interval; claimed: below 0"""
    rows = read_results("rivals")["rows"]
    total, prior = (
        rivals.difference(rows, first, second, loss=loss) for loss in ("pictures", "priors")
    )
    values = {"total": total, "prior": prior, "diffusion": total - prior}[term]
    what = f"{term}, {first} - {second}, bits/dim, {len(values)} pictures"
    return Measured(what, float(values.mean()), *statistics.t_interval(values))


def best_encoder_and_noise() -> Measured:
    """The best encoder at 2 less the VDM at 5, as declared"""
    return over_pictures(rivals.best_encoder(read_results("rivals")["rows"]), "vdm-5")


def stored_bound(model: str, steps: int, ratio: str, grid: str, scale: str) -> Row:
    """The row of a bound in the study of the ratio"""
    wanted = {"model": model, "steps": steps, "ratio": ratio, "grid": grid, "scale": scale}
    rows = [row for row in read_results("mnist_ratio")["rows"] if row["part"] == "bound"]
    return next(row for row in rows if wanted.items() <= row.items())


def grid_on_mnist() -> Measured:
    """W4: what the best grid adds to w* at T = 16, on the test digits (VDM).

    The stored errors are those of either row minus w = 1; that of their difference is at most the
    sum.
    """
    grids = ("best grid", "equal steps")
    best, equal = (stored_bound("mnist-vdm", 16, "w*", grid, "fitted") for grid in grids)
    mean = best["bits"] - equal["bits"]
    reach = 1.96 * (best["gain_error"] + equal["gain_error"])
    what = f"best grid - equal steps, both with w*, T = 16, bits/dim, {best['n']:,} digits"
    return Measured(what, mean, mean - reach, mean + reach)


# ---- figures that readers quote from the paper ---------------------------------------------------

QUOTED: dict[str, tuple[str, ...]] = {name: tuple(row) for name, row in DATA["quoted"].items()}
READINGS = tuple(product(("deviation", "error"), ("Student", "Welch"), ("two-sided", "one-sided")))


def numbers(name: str) -> list[tuple[float, float]]:
    """Each quoted figure as a number, and half a unit of its last digit."""
    if not all(isinstance(text, str) for text in QUOTED[name]):
        raise TypeError(f"{name} must be text, as '2.620'; got {QUOTED[name]!r}")
    return [(float(text), 0.5 * 10.0 ** -len(text.partition(".")[2])) for text in QUOTED[name]]


def no_gain(name: str, *less: str) -> Quoted:
    """Is DiffEnc minus VDM, less that of other figures, 0 as far as the rounding tells?"""
    first, *others = (numbers(each) for each in (name, *less))
    mean = first[1][0] - first[0][0] - sum(ours - vdm for (vdm, _), (ours, _) in others)
    room = sum(half for pair in (first, *others) for _, half in pair)
    what = " less ".join((name, *(each.split(", ")[-1] for each in less)))
    return Quoted(f"{what}, DiffEnc - VDM, bits/dim", mean - room, mean + room, 0.0)


def p_values(spread: str, test: str, sides: str) -> tuple[float, float, float]:
    """The least p value that the quoted figures allow, as rounded; p as they stand; the greatest.

    Args: spread, whether +- is the standard "deviation" of a run or the standard "error" of a mean;
        test, "Student" or "Welch"; sides, "two-sided" or "one-sided": that DiffEnc is better.
    """
    figures = numbers("CIFAR-10, large") + numbers("CIFAR-10, large, ±")
    n, m = (int(seeds) for seeds, _ in numbers("seeds"))
    roots = (math.sqrt(n), math.sqrt(m)) if spread == "error" else (1.0, 1.0)
    ps = []
    for vdm, ours, of_vdm, of_ours in product(*((v, v - half, v + half) for v, half in figures)):
        sds = roots[0] * of_vdm, roots[1] * of_ours
        p = statistics.two_sample_p((vdm, ours), sds, (n, m), test == "Student")
        if sides == "one-sided":
            p = p / 2 if ours < vdm else 1 - p / 2
        ps.append(p)
    return min(ps), ps[0], max(ps)  # the figures as they stand came first


def quoted_p() -> Quoted:
    """Is the quoted p among those of the quoted figures? In the reading that comes nearest."""
    said, _ = numbers("p")[0]
    reading = min(READINGS, key=lambda reading: abs(p_values(*reading)[1] - said))
    low, as_is, high = p_values(*reading)
    what = f"p, {', '.join(reading)}, {as_is:.3f} as the figures stand"
    return Quoted(what, low, high, said)
