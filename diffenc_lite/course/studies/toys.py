"""Two-dimensional toys whose likelihood is known: what an encoder saves, by the denoiser's width.

    python -m diffenc_lite study toys runs/toys

Notebook 08 reads the results. The data never run out, so there is nothing to overfit: what a model
pays beyond the exact answer is the price of its size and of a short training. Runs of one seed are
paired: the denoisers of one width start from the same weights, and all see the same points, depths
and noise.

toys.md has the question of the test, written down before the runs that answer it.
"""

import math
from collections.abc import Sequence
from functools import cache, partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from ... import bound
from ...bound import elbo
from ...chain import low_discrepancy
from ...data import toy
from ...encoder import Encoder, IdentityEncoder, LearnedEncoder, ScalingEncoder
from ...model import DiffEnc
from ...networks import MLP
from ...pixels import bits_per_dim
from ...schedule import LinearSchedule
from ...training import TrainConfig, TrainState
from ..worlds import TOYS, likelihood
from .study import Job, Options, Row, Study, parameters

WIDTHS = (8, 16, 32, 64)  # of the denoiser
FRESH = 100  # the first seed of the test
TESTED = ("learned", "vdm")
LEVEL = 1 - 0.05 / len(TOYS)  # of the test's intervals
DENOISER = partial(MLP, layers=2, fourier=(7,))  # one pair of waves, a period to a level
ENCODER = partial(MLP, 32, 1, for_y=True)  # the encoder's network: width and residual layers
MODELS = ("vdm", "scaling", "learned", "learned-off", "matched")


# ---- the models ----------------------------------------------------------------------------------


def make(name: str, width: int, seed: int = 0) -> DiffEnc:
    """One model with first weights from the seed.

    "vdm", "scaling" and "learned" are E1, E2 and E3. "learned-off": E3 in a generative process
    without the counterterm, u_hat = 0 in training and evaluation (still a bound: X6). "matched": a
    VDM whose denoiser is so wide that it has the parameters of "learned" in all.
    """
    if name not in MODELS:
        raise ValueError(f"name must be one of {', '.join(MODELS)}; got {name!r}")
    torch.manual_seed(seed)
    if name == "matched":
        aim = parameters(DENOISER(width)) + parameters(ENCODER())
        width = min(range(width, width + 32), key=lambda w: abs(parameters(DENOISER(w)) - aim))
    denoiser = DENOISER(width)
    encoder: Encoder = ScalingEncoder() if name == "scaling" else IdentityEncoder()
    if name.startswith("learned"):
        encoder = LearnedEncoder(ENCODER(), counterterm=name == "learned")
    return DiffEnc(denoiser, encoder, LinearSchedule())


# ---- training, all seeds at once -----------------------------------------------------------------


def train_config(updates: int, batch: int, seed: int = 0) -> TrainConfig:
    return TrainConfig(
        updates, batch=batch, ends=min(32, batch), lr=0.02, weight_decay=0.0, ema=0.99, seed=seed
    )


class _Loss(nn.Module):
    """L0 + L1 + L4 of one batch, as a module: `functional_call` can then put weights into it."""

    def __init__(self, model: DiffEnc):
        super().__init__()
        self.model = model

    def forward(self, points: Tensor, t: Tensor, eps: Tensor, eps_0: Tensor) -> Tensor:
        b = bound.bound_at(self.model, points, t, eps, eps_0)
        return b.prior.mean() + b.reconstruction.mean() + b.diffusion.mean()


class _Together(nn.Module):
    """Models of one kind, their weights stacked; forward: the loss of each on its own batch."""

    def __init__(self, models: list[DiffEnc]):
        super().__init__()
        stacks, _ = stack_module_state([_Loss(model) for model in models])  # no buffers
        self.names, self.stacks = list(stacks), nn.ParameterList(stacks.values())
        self.one = (_Loss(models[0]),)  # in a tuple: its own weights are not trained

    def forward(self, points: Tensor, t: Tensor, eps: Tensor, eps_0: Tensor) -> Tensor:
        def loss(weights: dict[str, Tensor], *batch: Tensor) -> Tensor:
            return functional_call(self.one[0], weights, batch)

        weights = dict(zip(self.names, self.stacks, strict=True))
        return vmap(loss, in_dims=(0, 0, None, 0, 0))(weights, points, t, eps, eps_0)


def train_together(models: list[DiffEnc], points: Tensor, config: TrainConfig) -> None:
    """Train models of one kind side by side, each on its own points; leaves the averaged weights.

    Nets as small as these leave a processor idle between one call and the next, so the weights are
    stacked and `vmap` makes one call for all: for five models that is two to three times as fast.
    Only the depths t are common to all. Args: points uint8 (models, updates * batch, 2), each
    used once; the seed of config is that of the first model's noise, the second has the next one.
    """
    together = _Together(models)
    state = TrainState(together, config)
    generators = [_seeded(10**5 + config.seed + i) for i in range(len(models))]

    def draw(n: int) -> Tensor:
        return torch.stack([torch.randn(n, 2, generator=generator) for generator in generators])

    for batch in points.split(config.batch, 1):
        t = low_discrepancy(config.batch, state.weights[0], generators[0])
        state.descend(together(batch, t, draw(config.batch), draw(config.ends)))
    for i, model in enumerate(models):
        averages = zip(together.names, state.averaged.stacks, strict=True)
        _Loss(model).load_state_dict({name: average[i] for name, average in averages})


# ---- scoring -------------------------------------------------------------------------------------


class Draws(NamedTuple):
    """Points, and all that is random in the bound on them."""

    points: Tensor
    t: Tensor
    eps: Tensor
    eps_0: Tensor


@cache
def draws(name: str, n: int, seed: int = 0) -> Draws:
    """Points and noise to score models of one seed on, the same for every model of that seed."""
    generator = _seeded(10**6 + seed)
    points = toy(name, n, generator=generator)
    eps, eps_0 = torch.randn(2, n, 2, generator=generator)
    return Draws(points, low_discrepancy(n, eps, generator), eps, eps_0)


@torch.no_grad()
def terms_in_bits(model: DiffEnc, test: Draws) -> Tensor:
    """Prior, reconstruction and diffusion of every point in bits per dimension, (3, n)"""
    parts = []
    for points, t, eps, eps_0 in zip(*(a.split(2048) for a in test), strict=True):
        bound = elbo(model, points, t=t, noise=eps, noise_0=eps_0)
        parts.append(torch.stack([bound.prior, bound.reconstruction, bound.diffusion]))
    return bits_per_dim(torch.cat(parts, 1).double(), 2)


@cache
def perfect_terms(name: str, n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """The terms of the perfect VDM on these draws, (3, n), and what they are on average, (3, 1)."""
    exact = likelihood(name)
    mean = torch.tensor(exact.perfect_vdm(LinearSchedule()), dtype=torch.float64)
    return terms_in_bits(exact.model(), draws(name, n, seed)), bits_per_dim(mean, 2)[:, None]


def score(model: DiffEnc, name: str, n: int, seed: int = 0) -> Row:
    """Bits per dimension on n fresh points: the bound, its three terms and its gap to H(x).

    A bound with one depth and one noise for a point is a noisy thing. But the perfect VDM has most
    of that noise in common with any good model, and what it is on average is known exactly: taking
    its luck off leaves the mean as it is and most of the noise out. `error` is what is left of it.
    """
    perfect, mean = perfect_terms(name, n, seed)
    scored = terms_in_bits(model, draws(name, n, seed)) - (perfect - mean)
    total, terms = scored.sum(0), ("prior", "reconstruction", "diffusion")
    bits = dict(zip(terms, scored.mean(1).tolist(), strict=True)) | {
        "total": total.mean().item(),
        "gap": total.mean().item() - likelihood(name).entropy / (2 * math.log(2)),
        "error": total.std().item() / math.sqrt(n),
    }
    return {term: round(value, 6) for term, value in bits.items()}


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# ---- the study -----------------------------------------------------------------------------------


def _jobs(options: Options) -> list[Job]:
    """All seeds of a kind of model are one job, since they train side by side."""
    tested_and_explored = (
        (TESTED, FRESH, options.budget["test_seeds"]),
        (MODELS, 0, options.budget["seeds"]),
    )
    return [
        {"toy": name, "model": model, "width": width, "first": first, "seeds": seeds}
        for models, first, seeds in tested_and_explored
        for model in models
        for width in WIDTHS
        for name in TOYS
    ]


def _run(job: Job, options: Options) -> list[Row]:
    """A row for each seed: what `score` says on draws of its own, and the number of parameters."""
    name, budget, first = job["toy"], options.budget, job["first"]
    seeds = range(first, first + job["seeds"])
    config = train_config(budget["updates"], budget["batch"], first)
    models = [make(job["model"], job["width"], seed) for seed in seeds]
    points = [toy(name, config.updates * config.batch, generator=_seeded(k)) for k in seeds]
    train_together(models, torch.stack(points), config)
    return [
        {
            **{key: job[key] for key in ("toy", "model", "width")},
            "seed": seed,
            **score(model, name, budget["points"], seed),
            "denoiser_parameters": parameters(model.denoiser),
            "encoder_parameters": parameters(model) - parameters(model.denoiser),
        }
        for seed, model in zip(seeds, models, strict=True)
    ]


BUDGET = {"updates": 1000, "seeds": 5, "test_seeds": 10, "batch": 512, "points": 32768}
STUDY = Study(_jobs, _run, budget=BUDGET)


# ---- reading the rows ----------------------------------------------------------------------------


def pooled(
    rows: list[Row],
    toy: str,
    first: str,
    second: str,
    fresh: bool = False,
    widths: Sequence[int] = WIDTHS,
) -> NDArray[np.float64]:
    """log2(gap of the first model / gap of the second), averaged over the widths: one number for
    each seed, 0 where they are equal. With `fresh` and TESTED, the statistic of the test.

    Args: fresh, the seeds of the test; else those before FRESH. The test has all widths.
    """
    gaps = {
        (row["model"], row["width"], row["seed"]): row["gap"]
        for row in rows
        if row["toy"] == toy and (row["seed"] >= FRESH) == fresh
    }
    seeds = sorted({seed for model, _, seed in gaps if model == first})
    ratios = [[gaps[first, w, seed] / gaps[second, w, seed] for seed in seeds] for w in widths]
    return np.log2(ratios).mean(0)
