"""The bound: -log p(x) <= prior + reconstruction + diffusion, in nats per example (L0-L4).

`elbo` takes 8-bit images and checks its arguments. `terms` puts the three terms together; training
calls it too. Each term is also a function of its own, on x in (-1, 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from . import pixels, process
from .chain import Chain, low_discrepancy, takes_chain
from .gaussian import kl_ratio, kl_to_standard, standard_normal, sum_dims
from .model import DiffEnc, check_model
from .process import Scale
from .schedule import Noise


@dataclass(frozen=True)
class Bound:
    """The three terms in nats per example, each (B,), of data with `dims` dimensions."""

    prior: Tensor
    reconstruction: Tensor
    diffusion: Tensor
    dims: int

    @property
    def total(self) -> Tensor:
        return self.prior + self.reconstruction + self.diffusion

    def bits_per_dim(self) -> Tensor:
        """total / (d ln 2), shape (B,)."""
        return pixels.bits_per_dim(self.total, self.dims)


def terms(
    model: DiffEnc,
    images: Tensor,
    u: Tensor,
    eps: Tensor,
    eps_0: Tensor,
    chain: Chain | None = None,
) -> Bound:
    """L0-L4 with one depth for each example, as training minimises it and `elbo` reports it.

    Args:
        images: uint8 (B, ...), not checked.
        u: (B,), uniform in [0, 1): the depth t at infinite depth (L4); in a chain it chooses the
            step (L3), all being equally likely.
        eps: the noise in z_t, (B, ...).
        eps_0: the noise in z_0, (E, ...), E <= B: prior and reconstruction are those of the first E
            images.
    """
    x = pixels.to_unit(images, model.levels, model.dtype)
    if chain is None:
        diffusion = diffusion_loss(model, x, u, eps)
    else:
        diffusion = chain_loss(model, x, chain.step_of(u), eps, chain)
    return with_end_losses(model, images, eps_0, diffusion)


def with_end_losses(model: DiffEnc, images: Tensor, eps_0: Tensor, diffusion: Tensor) -> Bound:
    """The diffusion loss (B,), and L0 and L1 of the first E images; eps_0 (E, ...)."""
    prior, reconstruction = end_losses(model, images[: len(eps_0)], eps_0)
    return Bound(prior, reconstruction, diffusion, eps_0[0].numel())


# --- prior loss and reconstruction loss -----------------------------------------------------------


def prior_loss(model: DiffEnc, x: Tensor) -> Tensor:
    """L0: KL(q(z_1 | x) || N(0, I)) with x_1 the encoding at t = 1: (B, ...) -> nats (B,)"""
    at_1 = _noise_at(model, x, 1.0)
    return _prior(x + model.shift(x, at_1.gamma), at_1)


def _prior(x_1: Tensor, at_1: Noise) -> Tensor:
    q = process.marginal(x_1, at_1.like(x_1))
    return kl_to_standard(q.mean, q.variance)


def reconstruction_loss(model: DiffEnc, images: Tensor, eps_0: Tensor) -> Tensor:
    """L1: -log p(x | z_0), z_0 = alpha_0 x_0 + sigma_0 eps_0 with x_0 the encoding at t = 0

    Args: images uint8 (B, ...); eps_0 (B, ...). Returns nats (B,).
    """
    x = pixels.to_unit(images, model.levels, eps_0.dtype)
    at_0 = _noise_at(model, x, 0.0)
    x_0 = x + model.shift(x, at_0.gamma)
    return _reconstruction(model, images, x_0, eps_0, at_0)


def _reconstruction(
    model: DiffEnc, images: Tensor, x_0: Tensor, eps_0: Tensor, at_0: Noise
) -> Tensor:
    at_0 = at_0.like(x_0)
    return pixels.reconstruction_nats(
        images, process.add_noise(x_0, eps_0, at_0), at_0, model.levels
    )


def end_losses(model: DiffEnc, images: Tensor, eps_0: Tensor) -> tuple[Tensor, Tensor]:
    """(prior, reconstruction), with the encodings at t = 0 and t = 1 from one batched call."""
    x = pixels.to_unit(images, model.levels, eps_0.dtype)
    at_0, at_1 = _noise_at(model, x, 0.0), _noise_at(model, x, 1.0)
    both = torch.cat([at_0.gamma, at_1.gamma])
    shift_0, shift_1 = model.shift(torch.cat([x, x]), both).chunk(2)
    prior = _prior(x + shift_1, at_1)
    return prior, _reconstruction(model, images, x + shift_0, eps_0, at_0)


def _noise_at(model: DiffEnc, x: Tensor, depth: float) -> Noise:
    return model.schedule(torch.full((len(x),), depth, dtype=x.dtype, device=x.device))


# --- diffusion loss -------------------------------------------------------------------------------


def diffusion_loss(model: DiffEnc, x: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """L4: (1/2) gamma'(t) alpha_t^2 ||r||^2, r = (v - v_hat) - sigma_t (u - u_hat)

    Its mean over t ~ U(0, 1) and eps ~ N(0, I) is the diffusion loss at infinite depth.
    Args: x (B, ...); t (B,); eps (B, ...). Returns nats (B,).
    """
    return sum_dims(diffusion_density(model, x, t, eps))


def diffusion_density(model: DiffEnc, x: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """L4: (1/2) gamma'(t) alpha_t^2 r^2, the diffusion loss without its sum over dimensions

    Args: x (B, ...); t (B,); eps (B, ...). Returns nats (B, ...).
    """
    at = model.schedule(t)
    n = at.like(x)
    x_t, u = model.encode(x, at.gamma)
    v_error, x_hat = prediction(model, x_t, eps, at)
    r = process.residual(v_error, u - model.u_hat(x_hat), n)
    return 0.5 * n.rate * n.alpha.square() * r.square()


def prediction(model: DiffEnc, x_t: Tensor, eps: Tensor, at: Noise) -> tuple[Tensor, Tensor]:
    """v - v_hat and x_hat, from z_t = alpha_t x_t + sigma_t eps (G4)

    Args: x_t (B, ...), the encoding; eps (B, ...); at, the noise level of each example, (B,).
    """
    n = at.like(x_t)
    z = process.add_noise(x_t, eps, n)
    v_hat = model.v_hat(z, at.gamma)
    return process.v_from_eps(x_t, eps, n) - v_hat, process.x_from_v(z, v_hat, n)


def step_gap(
    model: DiffEnc, x: Tensor, s: Tensor, t: Tensor, eps: Tensor, scale: Scale = None
) -> Tensor:
    """(mu_P - mu_Q)^2 / sigma_Q^2 of one step from t down to s, for each dimension (L2)

    The ratio comes on top of it: see `gaussian.kl_ratio`.
    Args: x (B, ...); s < t, both (B,); eps (B, ...); scale as in `process.motion`, a number for all
        or one for each example, (B,). Returns (B, ...).
    """
    v_error, x_hat, x_change, at_s, at_t = _at_step(model, x, s, t, eps)
    u_hat, scale = model.u_hat(x_hat), _broadcast(x, scale)
    return process.mean_gap(v_error, x_hat, u_hat, x_change, at_s, at_t, scale).square()


def scale_gap(
    model: DiffEnc, x: Tensor, s: Tensor, t: Tensor, eps: Tensor
) -> tuple[Tensor, Tensor]:
    """(g, h): with the mean A x_hat of G5, the gap (mu_P - mu_Q) / sigma_Q is g + (A / c - 1) h

    Args: x (B, ...); s < t, both (B,); eps (B, ...). Returns two tensors (B, ...).
    """
    v_error, x_hat, x_change, at_s, at_t = _at_step(model, x, s, t, eps)
    return (
        process.mean_gap(v_error, x_hat, 0.0, x_change, at_s, at_t, scale=1.0),
        process.mean_gap(0.0, x_hat, 0.0, 0.0, at_s, at_t, scale=2.0),
    )


def _at_step(
    model: DiffEnc, x: Tensor, s: Tensor, t: Tensor, eps: Tensor
) -> tuple[Tensor, Tensor, Tensor, Noise, Noise]:
    """v - v_hat, x_hat, x_t - x_s, and the noise at s and t: what the gap of a step consists of."""
    if not bool((s < t).all()):
        raise ValueError(f"s must be smaller than t in every step; got s={s}, t={t}")
    at_s, at_t = model.schedule(s), model.schedule(t)
    x_t, x_change = model.change(x, at_s.gamma, at_t.gamma)
    return *prediction(model, x_t, eps, at_t), x_change, at_s.like(x), at_t.like(x)


def step_loss(
    model: DiffEnc,
    x: Tensor,
    s: Tensor,
    t: Tensor,
    eps: Tensor,
    ratio: Tensor | float = 1.0,
    scale: Scale = None,
) -> Tensor:
    """L2: KL(q(z_s | z_t, x) || p(z_s | z_t)) of one step, with ratio w: nats (B,)

    Args: x (B, ...); s < t, both (B,); eps (B, ...); ratio a number, (B,) or, with one for each
        dimension, (B, ...); scale as in `step_gap`.
    """
    w = _broadcast(x, torch.as_tensor(ratio, dtype=x.dtype, device=x.device))
    return sum_dims(kl_ratio(step_gap(model, x, s, t, eps, scale), w))


def _broadcast(x: Tensor, given: Any) -> Any:
    """One value for each example, (B,), in a shape that broadcasts to x; others as they are."""
    for_each = isinstance(given, Tensor) and given.dim() == 1
    return given.reshape(-1, *[1] * (x.dim() - 1)) if for_each else given


def chain_loss(model: DiffEnc, x: Tensor, step: Tensor, eps: Tensor, chain: Chain) -> Tensor:
    """L3, W3: T times L2 of one step for each example; its mean over the steps is the diffusion
    loss. Up to a constant, the ratio w weights the squared error of its step.

    Args: x (B, ...); step (B,), its number, 0 to T - 1; eps (B, ...). Returns nats (B,).
    """
    s, t, ratio, scale = chain.at(step, x)
    return chain.steps * step_loss(model, x, s, t, eps, ratio, scale)


# --- for images -----------------------------------------------------------------------------------


@takes_chain
def elbo(
    model: DiffEnc,
    images: Tensor,
    chain: Chain | None = None,
    *,
    every_step: bool = False,
    t: Tensor | None = None,
    noise: Tensor | None = None,
    noise_0: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Bound:
    """L0-L4: -log p(x) <= prior + reconstruction + diffusion, per example, in nats

        elbo(model, images)                                 # infinite depth (L4)
        elbo(model, images, 8)                              # eight equal steps (L3)
        elbo(model, images, fit(model, training_images, 8)) # each with its best scale and ratio

    Args:
        images: uint8 (B, ...), on any device.
        chain: a `Chain`, or a number T of equal steps; None is infinite depth. In its place also
            steps=T, ratio, grid and scale, as `Chain` takes them. Never fit a chain on the images
            that are scored.
        every_step: sum all T steps instead of drawing one for each example and multiplying by T.
        t: (B,) in [0, 1]; in a chain, the step that contains t. By default drawn with low
            discrepancy: one uniform offset, equally spaced modulo 1.
        noise, noise_0: eps for z_t and for z_0, in the shape of the images (with every_step the
            same noise serves each step). What is given is used; the rest is drawn from generator.

    Raises TypeError for images that are not uint8; ValueError for wrong levels or shapes, t
    outside [0, 1] or beside every_step, every_step at infinite depth, and what `Chain` refuses.
    """
    check_model(model)
    x = model.to_unit(images).to(model.device)
    images = images.to(model.device)
    eps_0 = _given_or_drawn("noise_0", noise_0, x, generator)
    if t is not None:
        _check_t(t, x)
    if not isinstance(every_step, bool):
        raise ValueError(f"every_step must be True or False; got {every_step!r}")
    if every_step and (chain is None or t is not None):
        raise ValueError(
            "every_step needs steps=T: infinite depth has no steps" if chain is None else
            "t must not be given with every_step=True, which takes all steps"
        )  # fmt: skip
    if chain is not None and every_step:
        losses = []
        for i in range(chain.steps):
            step = torch.full((len(x),), i, device=x.device)
            eps = _given_or_drawn("noise", noise, x, generator)
            losses.append(chain_loss(model, x, step, eps, chain))
        return with_end_losses(model, images, eps_0, torch.stack(losses).mean(0))
    u = low_discrepancy(len(x), x, generator) if t is None else t.to(x)
    eps = _given_or_drawn("noise", noise, x, generator)
    if chain is not None and t is not None:
        diffusion = chain_loss(model, x, chain.step_at(u), eps, chain)
        return with_end_losses(model, images, eps_0, diffusion)
    return terms(model, images, u, eps, eps_0, chain)


# --- arguments ------------------------------------------------------------------------------------


def _given_or_drawn(
    name: str, given: Tensor | None, x: Tensor, generator: torch.Generator | None
) -> Tensor:
    if given is None:
        return standard_normal(x.shape, x, generator)
    given = torch.as_tensor(given)
    if given.shape != x.shape:
        raise ValueError(
            f"{name} must have the shape of the images, {tuple(x.shape)}; got {tuple(given.shape)}"
        )
    return given.to(x)


def _check_t(t: Tensor, x: Tensor) -> None:
    if not isinstance(t, Tensor) or t.shape != (len(x),):
        got = tuple(t.shape) if isinstance(t, Tensor) else t
        raise ValueError(f"t must be a tensor of shape ({len(x)},), one per image; got {got}")
    if not bool(((t >= 0) & (t <= 1)).all()):
        raise ValueError(f"t must lie in [0, 1]; got {t.tolist()}")
