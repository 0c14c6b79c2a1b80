"""Does the encoder help? All arms are forks of one trained VDM: they start as the same function.

From the shipped VDM, with its v_hat, come an arm that is trained on as it is, arms with more
parameters, and arms with an encoder. By X6 a VDM is also a model with an encoder, y = x, and
v_hat' = (v_hat + alpha sigma z) / (1 + sigma^2). Then r = (v - v_hat') - sigma (u - x_hat') of L4
is (v - v_hat) - sigma u. So an encoder with u_hat = 0 (`counterterm = False`) and the denoiser of
the VDM as it is are this model, and as long as it leaves x alone, r is the VDM's, bit by bit.

An encoder can do little where sigma_t^2 is small (X7). Here every encoder is the identity for
t <= START, and so is every change of the denoiser: there all arms are the frozen VDM. What differs,
and is trained and scored, is the prior loss and the diffusion loss over [START, end]. The
difference of two arms is therefore the difference of two whole bounds. x_t must not jump at START,
or the bound would be infinite: x_t = x + (sigma_t^2 - sigma_START^2) move(x, gamma_t), which is E3
with y = x + (1 - sigma_START^2 / sigma_t^2) move(x, gamma_t).

Arms of one seed see the same images, t and eps in the same updates. All are scored on the 10,000
test images with the same draws of t and eps.

DECLARED BEFORE THE FIRST RUN. One primary comparison: total of "learned" minus total of "matched",
PRIMARY["seeds"] seeds, PRIMARY["updates"] updates of PRIMARY["batch"] images, gamma_max = 5; no
seed is added or left out afterwards. Its interval is that of Student's t over the seeds, and the
normal one over the images (differences averaged over the seeds), added in quadrature. Everything
else is exploratory. Why so many: in a pilot with no matched arm, two seeds gave -0.00217 and
-0.00186, a standard deviation of about 0.0002 (from one degree of freedom). X5 allows 0.0044. To
see a tenth of that, the half width has to be 0.0005 at most; with five seeds it is 1.24 standard
deviations, so this holds up to a standard deviation of 0.0004, twice the pilot's. 600 updates: a
run takes minutes, and the pilot's difference was there. What a longer training does to the
difference is looked at separately, and is exploratory.

DECLARED LATER, when 8 times the updates had been run and before 16 times: the length is doubled
until a doubling moves the difference by less than 0.0002. At 600 updates the difference has a
standard deviation of 0.00014 over the seeds; a change between two lengths, if they have nothing in
common, one of 0.0002.

"scaling" (E2) is no arm: its z_t has other marginals from the start, so it can't start as the same
function. "fade" takes its place: y = (1 + a(gamma)) x with a trained number a that starts at 0.
"""

import itertools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ... import pixels, process
from ...bound import diffusion_loss
from ...chain import low_discrepancy
from ...data import load_mnist
from ...evaluation import evenly_chosen
from ...files import PathLike
from ...gaussian import kl_to_standard
from ...model import SIZES, DiffEnc, ModelConfig, build, eval_mode
from ...networks import GammaEmbedding, UNet, zero_
from ...pretrained import load_model, read_card
from ...schedule import AnySchedule
from ...training import TrainConfig, TrainState, bf16_if_faster, seed_for
from .study import Job, Options, Results, Study

START = 0.4  # the depth below which all arms are the same frozen VDM
INERT = 0.1  # how far the negative control acts, in units of t
GAMMA_MAX = 5.0
ARMS = ("matched", "learned")  # of the primary comparison: learned minus matched
PRIMARY = {"updates": 600, "batch": 64, "seeds": 5}
CONTROLS = (
    "vdm",  # trained on, nothing added
    "image",  # y = x + one image for each gamma
    "affine",  # y = affine in x
    "fade",  # y = (1 + a(gamma)) x
    "inert",  # negative control: an encoder that acts from START on for INERT only
)
LENGTHS = (0.5, 2, 4, 8, 16)  # in units of the updates of the primary comparison
LENGTH_ARMS = (*ARMS, "image")  # and affine at the longest
BATCH = 250  # images, when scoring


def _jobs(options: Options) -> list[Job]:
    """The primary comparison first, then the exploratory parts; the budget `jobs` takes the first
    so many."""
    budget, seeds = options.budget, range(options.budget["seeds"])
    parts: list[tuple[str, range, Sequence[float], Sequence[str]]] = [
        ("primary", seeds, [1], ARMS),
        ("control", seeds, [1], CONTROLS),
        ("length", seeds[:2], LENGTHS, LENGTH_ARMS),
        ("length", seeds[:2], LENGTHS[-1:], ["affine"]),
    ]
    listed = [
        {
            "part": part, "arm": arm, "seed": seed, "gamma_max": GAMMA_MAX,
            "updates": int(length * budget["updates"]),
        }
        for part, of, lengths, arms in parts
        for seed, length, arm in itertools.product(of, lengths, arms)
    ]  # fmt: skip
    return listed[: budget["jobs"]]


# ---- the arms ------------------------------------------------------------------------------------


class Moving(nn.Module):
    """x_t = x + g move(x, gamma_t), g = (sigma_t^2 - sigma_START^2), 0 below START (E3).

    Args: move(x, gamma), a picture; start, the depth START; until: None, or the depth where g is
        back at 0, by the factor (1 - sigma_t^2 / sigma_until^2).
    The counterterm is in the denoiser (X6), so u_hat = 0.
    """

    counterterm = False

    def __init__(self, move: nn.Module, model: DiffEnc, start: float, until: float | None = None):
        super().__init__()
        self.move = move
        ends = torch.tensor([start, 1.0 if until is None else until], dtype=torch.float64)
        self.start, end = model.schedule(ends).sigma.square().tolist()
        self.end = math.inf if until is None else end

    def gate(self, gamma: Tensor) -> Tensor:
        sigma2 = torch.sigmoid(gamma)
        return (sigma2 - self.start).clamp(min=0) * (1 - sigma2 / self.end).clamp(min=0)

    def shift(self, x: Tensor, gamma: Tensor) -> Tensor:
        return self.gate(gamma).reshape(-1, *[1] * (x.dim() - 1)) * self.move(x, gamma)


class Affine(nn.Module):
    """move(x, gamma) = b(gamma) + a(gamma) x + B diag(s(gamma)) A x, 0 at the start.

    Args: shape of an image; schedule of the model; picture, number: whether there are b and a; rank
        of B and A, or 0.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        schedule: AnySchedule,
        picture: bool = False,
        number: bool = False,
        rank: int = 0,
    ):
        super().__init__()
        features, dims = 55, math.prod(shape)
        self.embed = GammaEmbedding(features, schedule)
        self.picture = zero_(nn.Linear(features, dims)) if picture else None
        self.number = zero_(nn.Linear(features, 1)) if number else None
        self.rank = rank
        if rank:
            self.scales = nn.Linear(features, rank)
            self.first = nn.Linear(dims, rank, bias=False)
            self.last = zero_(nn.Linear(rank, dims))

    def forward(self, x: Tensor, gamma: Tensor) -> Tensor:
        h, flat = self.embed(gamma), x.flatten(1)
        move = torch.zeros_like(flat)
        if self.picture is not None:
            move = move + self.picture(h)
        if self.number is not None:
            move = move + self.number(h) * flat
        if self.rank:
            move = move + self.last(self.scales(h) * self.first(flat))
        return move.view_as(x)


class Sum(nn.ModuleList):
    """The sum of what several networks make of (x, gamma)."""

    def forward(self, x: Tensor, gamma: Tensor) -> Tensor:
        return torch.stack([network(x, gamma) for network in self]).sum(0)


class CorrectedDenoiser(nn.Module):
    """v_hat + net(z, v_hat, gamma): the parameters of an encoder, given to the denoiser instead.

    The network is the encoder's, with two inputs and the sum of two outputs, 0 at the start.
    """

    def __init__(self, denoiser: nn.Module, shape: tuple[int, ...], schedule: AnySchedule):
        super().__init__()
        self.denoiser, twice = denoiser, (2 * shape[0], *shape[1:])
        self.net = UNet(SIZES["small-fine"].encoder, twice, True, schedule)

    def forward(self, z: Tensor, gamma: Tensor) -> Tensor:
        v_hat = self.denoiser(z, gamma)
        return v_hat + self.net(torch.cat([z, v_hat], 1), gamma).unflatten(1, (2, -1)).sum(1)


class Unbounded(UNet):
    """An encoder's U-Net without the tanh at its end."""

    def forward(self, x: Tensor, gamma: Tensor) -> Tensor:
        return self.body(x, self.embed(gamma))


def make_fork(
    arm: str, seed: int = 0, base_name: PathLike = "mnist-vdm", start: float = START
) -> DiffEnc:
    """A fork of a trained VDM before training; the seed is for the new weights."""
    return _fork_of(load_model(base_name).train(), arm, seed, start)


def _fork_of(base: DiffEnc, arm: str, seed: int, start: float) -> DiffEnc:
    shape = base.shape
    assert shape is not None
    torch.manual_seed(seed)
    if arm == "vdm":
        return base
    if arm == "matched":
        second = CorrectedDenoiser(base.denoiser, shape, base.schedule)
        return DiffEnc(second, None, base.schedule, shape=shape)
    unet = partial(UNet, SIZES["small-fine"].encoder, shape, True, base.schedule)
    affine = partial(Affine, shape, base.schedule)
    moves: dict[str, Callable[[], nn.Module]] = {
        "learned": unet,
        "inert": unet,
        "unbounded": partial(Unbounded, *unet.args),
        "image": partial(affine, picture=True),
        "fade": partial(affine, number=True),
        "skip": lambda: Sum([unet(), affine(number=True)]),
        "affine": partial(affine, picture=True, number=True, rank=32),
    }
    encoder = Moving(moves[arm](), base, start, start + INERT if arm == "inert" else None)
    return DiffEnc(base.denoiser, encoder, base.schedule, shape=shape)


# ---- training ------------------------------------------------------------------------------------


def depth_of(gamma_max: float, model: DiffEnc) -> float:
    """The depth where gamma = gamma_max: the noise ends there. The denoiser knows gamma, not t, so
    a VDM whose noise ends earlier is the same network on a part of its depths."""
    low, high = model.schedule(torch.tensor([0.0, 1.0], dtype=torch.float64)).gamma.tolist()
    return min(1.0, (gamma_max - low) / (high - low))


def _losses(model: DiffEnc, x: Tensor, t: Tensor, eps: Tensor, end: float) -> tuple[Tensor, Tensor]:
    """Prior loss with the noise ending at depth `end`, and the diffusion loss at t for each unit
    of t: times (end - start) its mean over t in [start, end] is the part of L4 between them.

    In bits per dimension, (B,) each.
    """
    last = model.schedule(torch.full_like(t, end))
    q = process.marginal(x + model.shift(x, last.gamma), last.like(x))
    nats = kl_to_standard(q.mean, q.variance), diffusion_loss(model, x, t, eps)
    prior, diffusion = (pixels.bits_per_dim(loss, x[0].numel()) for loss in nats)
    return prior, diffusion


def fork_config(updates: int, batch: int, seed: int, lr: float = 5e-4) -> TrainConfig:
    """The settings of a training, the same for all arms."""
    return TrainConfig(  # AdamW, as all stored results
        updates, batch, lr, warmup=50, optimizer="adamw", ema=0.995, ends=1, seed=seed
    )


def update(state: TrainState, quick: DiffEnc, images: Tensor, end: float, start: float) -> None:
    """One update of a fork, of the prior loss and the diffusion loss over the depths [start, end].

    Args: quick, the model as `bf16_if_faster` returns it.

    Images, depths and eps are those of the seed and the number of the update, for every arm.
    """
    draws = torch.Generator(images.device).manual_seed(seed_for(state.config, state.update))
    batch = state.config.batch
    index = torch.randint(len(images), (batch,), generator=draws, device=images.device)
    eps = torch.randn((batch, *images.shape[1:]), generator=draws, device=images.device)
    x, t = quick.to_unit(images[index]), start + (end - start) * low_discrepancy(batch, eps, draws)
    prior, diffusion = _losses(quick, x, t, eps, end)
    loss = prior.mean() + (end - start) * diffusion.mean()
    state.descend(loss[None], clip=1.0)


# ---- scoring -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Score:
    """Of every image, in bits per dimension: prior (N,), and for each pass the diffusion loss for
    each unit of t, (P, N)."""

    prior: Tensor
    diffusion: Tensor
    start: float  # of the depths
    end: float

    @property
    def total(self) -> Tensor:
        return self.prior + (self.end - self.start) * self.diffusion.mean(0)


def score_fork(
    model: DiffEnc, images: Tensor, end: float, passes: int, start: float = START
) -> Score:
    """Prior and diffusion loss over [start, end], with draws that are the same in every call.

    passes: depths of an image, equally spaced, so that images which belong together get all depths.
    """
    draws = torch.Generator(images.device).manual_seed(0)
    priors, diffusions = [], []
    with eval_mode(model):
        for batch in images.split(BATCH):
            x, of_batch = model.to_unit(batch), []
            uniform = low_discrepancy(len(x), x, draws)
            for k in range(passes):
                t = start + (end - start) * ((uniform + k / passes) % 1)
                eps = torch.randn(x.shape, generator=draws, device=x.device)
                prior, diffusion = _losses(model, x, t, eps, end)
                of_batch.append(diffusion.double())
            priors.append(prior.double())
            diffusions.append(torch.stack(of_batch))
    return Score(torch.cat(priors), torch.cat(diffusions, 1), start, end)


# ---- a job ---------------------------------------------------------------------------------------


@cache
def mnist(device: torch.device, test_images: int) -> tuple[Tensor, Tensor]:
    """All training images of MNIST, and so many of its test images, evenly spaced."""
    train, test = (load_mnist(split, "full", device=device).images for split in ("train", "test"))
    return train, evenly_chosen(test, test_images)


@cache
def _before(test: Tensor, passes: int) -> Score:
    """The score that all forks have at the start; `test` is a key by its identity."""
    return score_fork(make_fork("vdm").to(test.device), test, 1.0, passes)


def _run(job: Job, options: Options) -> Results:
    """Train the fork of a job and score it; keep the change of the total of each test image."""
    budget, seed = options.budget, job["seed"]
    images, test = mnist(options.device, budget["images"])
    model = make_fork(job["arm"], seed).to(test.device)
    before = _before(test, budget["passes"])
    began = time.process_time()
    state = TrainState(model, fork_config(job["updates"], budget["batch"], seed))
    quick, trained = bf16_if_faster(model), state.averaged
    while state.update < job["updates"]:
        update(state, quick, images, before.end, START)
    seconds = time.process_time() - began
    after = score_fork(trained, test, before.end, budget["passes"])
    change = after.total - before.total
    row = {
        "prior": after.prior.mean().item(),
        "diffusion": (before.end - START) * after.diffusion.mean().item(),
        "total": after.total.mean().item(),
        "start_prior": before.prior.mean().item(),
        "start_total": before.total.mean().item(),
        "seconds": round(seconds, 1),  # of processor time, for the training
    }
    arrays = {}
    if job["part"] in ("primary", "control"):
        arrays[f"change_{job['arm']}_{seed}"] = change.half().cpu().numpy()
    if job["part"] == "primary" and isinstance(trained.encoder, Moving):
        arrays[f"encoder_{seed}"] = packed(trained)
    return Results([{**job, **row}], arrays)


def packed(fork: DiffEnc) -> NDArray[np.float16]:
    """The weights of the encoder in 16 bits, for `load_encoder`."""
    assert isinstance(fork.encoder, Moving)
    weights = nn.utils.parameters_to_vector(fork.encoder.parameters())
    return weights.detach().half().cpu().numpy()


def load_encoder(weights: Any, base_name: PathLike = "mnist-vdm", start: float = START) -> Moving:
    """A learned encoder of a fork of that VDM from its weights, as `packed` returns them.

    start: the depth from which it acts, which the weights do not tell.
    """
    untrained = build(ModelConfig(**read_card(base_name)["configuration"]))  # its schedule will do
    encoder = _fork_of(untrained, "learned", 0, start).encoder
    assert isinstance(encoder, Moving)
    nn.utils.vector_to_parameters(torch.as_tensor(weights).float(), encoder.parameters())
    return encoder.eval().requires_grad_(False)


STUDY = Study(_jobs, _run, budget=PRIMARY | {"images": 10_000, "passes": 3, "jobs": 100})
