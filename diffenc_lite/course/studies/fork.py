"""Forks of a trained VDM, with an encoder or none: all arms start as the same function.

The arms are the VDM, trained on as it is, and VDMs to which an encoder was added. By X6 a VDM is
also a model with an encoder, y = x, and
v_hat' = (v_hat + alpha sigma z) / (1 + sigma^2). Then r = (v - v_hat') - sigma (u - x_hat') of L4
is (v - v_hat) - sigma u. So an encoder with u_hat = 0 (`counterterm = False`) and the denoiser of
the VDM as it is are this model, and as long as it leaves x alone, r is the VDM's, bit by bit.

An encoder can do little where sigma_t^2 is small (X7). Here every encoder is the identity for
t <= START, and so is every change of the denoiser: there all arms are the frozen VDM. What differs,
and is trained and scored, is the prior loss and the diffusion loss over [START, end]. The
difference of two arms is therefore the difference of two whole bounds. x_t must not jump at START,
or the bound would be infinite: x_t = x + (sigma_t^2 - sigma_START^2) move(x, gamma_t), which is E3
with y = x + (1 - sigma_START^2 / sigma_t^2) move(x, gamma_t).

Arms of one seed see the same images, t and eps in the same updates, and are scored with the same
draws of t and eps.

"scaling" (E2) is no arm: its z_t has other marginals from the start, so it can't start as the same
function. "fade" takes its place: y = (1 + a(gamma)) x with a trained number a that starts at 0.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ... import pixels, process
from ...bound import diffusion_loss
from ...chain import low_discrepancy
from ...files import PathLike
from ...gaussian import kl_to_standard
from ...model import DiffEnc, ModelConfig, build, eval_mode
from ...networks import SIZES, GammaEmbedding, UNet, zero_
from ...pretrained import load_model, read_card
from ...schedule import AnySchedule
from ...training import TrainConfig, TrainState, seed_for

START = 0.4  # the depth below which all arms are the same frozen VDM
INERT = 0.1  # how far the negative control acts, in units of t
BATCH = 250  # images, when scoring


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


def score_fork(
    model: DiffEnc, images: Tensor, end: float, passes: int, start: float = START
) -> tuple[Tensor, Tensor]:
    """Prior loss, and with the diffusion loss over [start, end], of every image, in bits per
    dimension, (N,) each; with draws that are the same in every call.

    passes: depths of an image, equally spaced, so that images which belong together get all depths.
    """
    draws = torch.Generator(images.device).manual_seed(0)
    priors, totals = [], []
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
            totals.append(priors[-1] + (end - start) * torch.stack(of_batch).mean(0))
    return torch.cat(priors), torch.cat(totals)


# ---- keeping an encoder -------------------------------------------------------------------------


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
