"""The bound: -log p(x) <= prior + reconstruction + diffusion, in nats per example (L0-L4).

`elbo` takes 8-bit images and checks its arguments. `bound_at` puts the three terms together, for
training too. Each term is also a function of its own, on x in (-1, 1).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from . import pixels, process
from .arguments import as_floats, brief, check_one_of, in_shape_of
from .chain import Chain, as_chain, low_discrepancy
from .checks import check_gamma, check_slope
from .gaussian import kl_ratio, kl_to_standard, standard_normal, sum_dims
from .model import DiffEnc, check_images
from .process import Scale
from .schedule import Noise

TERMS = ("prior", "reconstruction", "diffusion")


@dataclass(frozen=True)
class Bound:
    """The three terms and their `total` in nats per example, each (B,), of data with `dims`
    dimensions; in bits per dimension the total is `bits_per_dim()`.

    depth_draws: (B,), the numbers in [0, 1] that chose the depths (see `bound_at`); None if all
        steps count, or t chose them.
    """

    prior: Tensor
    reconstruction: Tensor
    diffusion: Tensor
    dims: int
    depth_draws: Tensor | None = None

    @property
    def total(self) -> Tensor:
        return self.prior + self.reconstruction + self.diffusion

    def bits_per_dim(self) -> Tensor:
        """total / (d ln 2), shape (B,)."""
        return pixels.bits_per_dim(self.total, self.dims)


def bound_at(
    model: DiffEnc,
    images: Tensor,
    depth_draws: Tensor,
    eps: Tensor,
    eps_0: Tensor,
    chain: Chain | None = None,
) -> Bound:
    """L0-L4 with one depth for each example, as training minimises it and `elbo` reports it.

    Args: images uint8 (B, ...); depth_draws (B,) in [0, 1], the depth t (L4) or, in a chain, what
        chooses the step (L3); eps in z_t, (B, ...); eps_0 in z_0, (E, ...), E <= B: prior and
        reconstruction are those of the first E images.
    """
    x = pixels.to_unit(images, model.levels, model.dtype)
    if chain is None:
        diffusion = diffusion_loss(model, x, depth_draws, eps)
    else:
        s, t, ratio, scale = chain.step(chain.drawn_index(depth_draws), x)
        diffusion = chain.steps * step_loss(model, x, s, t, eps, ratio, scale)
    prior, reconstruction = end_losses(model, images[: len(eps_0)], eps_0)
    return Bound(prior, reconstruction, diffusion, x[0].numel(), depth_draws)


def end_losses(model: DiffEnc, images: Tensor, eps_0: Tensor) -> tuple[Tensor, Tensor]:
    """L0, L1: the prior loss KL(q(z_1 | x) || N(0, I)) and the reconstruction loss -log p(x | z_0),
    z_0 = alpha_0 x_0 + sigma_0 eps_0, with both encodings x_0 and x_1 from one batched call

    Args: images uint8 (B, ...); eps_0 (B, ...). Returns nats (B,), twice.
    """
    x = pixels.to_unit(images, model.levels, eps_0.dtype)
    at_0, at_1 = (model.schedule(t.expand(len(x))) for t in x.new_tensor([0.0, 1.0]))
    shift_0, shift_1 = model.shift(torch.cat([x, x]), torch.cat([at_0.gamma, at_1.gamma])).chunk(2)
    at_0, at_1 = at_0.like(x), at_1.like(x)
    q = process.marginal(x + shift_1, at_1)
    z_0 = process.add_noise(x + shift_0, eps_0, at_0)
    return (
        kl_to_standard(q.mean, q.variance),
        pixels.reconstruction_nats(images, z_0, at_0, model.levels),
    )


def prior_loss(model: DiffEnc, x: Tensor) -> Tensor:
    """L0: KL(q(z_1 | x) || N(0, I)) alone, with x_1 the encoding at t = 1: (B, ...) -> nats (B,)"""
    at_1 = model.schedule(x.new_ones(len(x)))
    q = process.marginal(x + model.shift(x, at_1.gamma), at_1.like(x))
    return kl_to_standard(q.mean, q.variance)


def diffusion_loss(
    model: DiffEnc, x: Tensor, t: Tensor, eps: Tensor, per_dimension: bool = False
) -> Tensor:
    """L4: (1/2) gamma'(t) alpha_t^2 ||r||^2, r = (v - v_hat) - sigma_t (u - u_hat)

    Its mean over t ~ U(0, 1) and eps ~ N(0, I) is the diffusion loss at infinite depth.
    Args: x (B, ...); t (B,); eps (B, ...). Returns nats (B,) or, per dimension, (B, ...).
    """
    at = model.schedule(t)
    at_t = at.like(x)
    x_t, u = model.encode(x, at.gamma)
    v_error, x_hat = v_error_and_x_hat(model, x_t, eps, at)
    r = process.residual(v_error, u - model.u_hat(x_hat), at_t)
    nats = 0.5 * at_t.rate * at_t.alpha.square() * r.square()
    return nats if per_dimension else sum_dims(nats)


def v_error_and_x_hat(model: DiffEnc, x_t: Tensor, eps: Tensor, at: Noise) -> tuple[Tensor, Tensor]:
    """v - v_hat and x_hat for z_t = alpha_t x_t + sigma_t eps. Args: at, the noise levels, (B,)."""
    at_t = at.like(x_t)
    z_t = process.add_noise(x_t, eps, at_t)
    v_hat = model.v_hat(z_t, at.gamma)
    return process.v_from_eps(x_t, eps, at_t) - v_hat, process.x_from_v(z_t, v_hat, at_t)


def gap_and_slope(
    model: DiffEnc, x: Tensor, at_s: Noise, at_t: Noise, eps: Tensor
) -> tuple[Tensor, Tensor]:
    """(g, h): with the mean A x_hat of G5, the gap (mu_P - mu_Q) / sigma_Q is g + (A / c - 1) h

    Args: at_s, at_t, the noise levels of s < t, (B,); x, eps (B, ...), as both that it returns.
    """
    x_t, x_change = model.encode_step(x, at_s.gamma, at_t.gamma)
    v_error, x_hat = v_error_and_x_hat(model, x_t, eps, at_t)
    at_s, at_t = at_s.like(x), at_t.like(x)
    return process.gap(v_error, x_change, at_s, at_t), process.gap_slope(x_hat, at_s, at_t)


def squared_gap(
    model: DiffEnc, x: Tensor, s: Tensor, t: Tensor, eps: Tensor, scale: Scale = None
) -> Tensor:
    """L2: (mu_P - mu_Q)^2 / sigma_Q^2 of one step from t down to s, for each dimension

    Args: x (B, ...); s < t, both (B,); eps (B, ...); scale as in `process.added_to_x_hat`,
        a number for all or one for each example, (B,). Returns (B, ...).
    """
    if not bool((s < t).all()):
        raise ValueError(f"s must be smaller than t in every step; got s={brief(s)}, t={brief(t)}")
    at_s, at_t = model.schedule(s), model.schedule(t)
    g, h = gap_and_slope(model, x, at_s, at_t, eps)
    extra = process.added_to_x_hat(1.0, model.u_hat(1.0), at_s, at_t, scale)  # A / c - 1
    return (g + _per_example(extra, x) * h).square()


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

    T times its mean over the T steps of a chain is the diffusion loss at finite depth (L3, W3).
    Args: x (B, ...); s < t, both (B,); eps (B, ...); ratio a number, (B,) or, with one for each
        dimension, (B, ...); scale as in `squared_gap`.
    """
    w = _per_example(as_floats("ratio", ratio).to(x), x)
    return sum_dims(kl_ratio(squared_gap(model, x, s, t, eps, scale), w))


def _per_example(values: Tensor, x: Tensor) -> Tensor:
    """(B,) -> (B, 1, ..., 1), one for each example; others as they are."""
    return values.reshape(-1, *[1] * (x.dim() - 1)) if values.dim() == 1 else values


def elbo(
    model: DiffEnc,
    images: Tensor,
    steps: Chain | int | None = None,
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
        steps: a `Chain`, or a number T of equal steps; None is infinite depth. Never fit a chain on
            the images that are scored.
        every_step: sum all T steps instead of drawing one for each example and multiplying by T.
        t: (B,) in [0, 1]; in a chain, the step that contains t. By default `low_discrepancy`.
        noise, noise_0: eps for z_t and for z_0, in the shape of the images (with every_step the
            same noise serves each step). What is not given is drawn from generator.
    Gradients flow, and dropout acts if the model is in training mode; `evaluate` turns both off.

    Raises what `check_images`, `check_gamma` and `Chain` do; ValueError for t outside [0, 1] or
    beside every_step, every_step at infinite depth, and there for an encoder that jumps
    (`check_slope`; `check_parts` checks more, and not here).
    """
    check_images(model, images)
    check_one_of("every_step", every_step, (True, False))
    chain = None if steps is None else as_chain(steps)
    images = images.to(model.device)
    like = model.like_weights
    if every_step and (chain is None or t is not None):
        raise ValueError(f"every_step needs steps and no t; got steps={steps!r} and t={t}")
    if t is not None:
        in_shape_of("t", t, images.flatten(1)[:, 0], "the batch")
        if not bool(((t >= 0) & (t <= 1)).all()):
            raise ValueError(f"t must lie in [0, 1]; got {brief(t)}")
    check_gamma(model)
    if chain is None:
        check_slope(model, images)

    def draw(name: str, given: Tensor | None) -> Tensor:
        if given is None:
            return standard_normal(images.shape, like, generator)
        return in_shape_of(name, given, images, "the images").to(like)

    eps_0 = draw("noise_0", noise_0)
    if chain is not None and (every_step or t is not None):
        x = pixels.to_unit(images, model.levels, model.dtype)
        every = (torch.full((len(x),), i, device=x.device) for i in range(chain.steps))
        chosen = every if t is None else [chain.index_at(t.to(like))]
        nats = []
        for s, t, ratio, scale in (chain.step(index, x) for index in chosen):
            eps = draw("noise", noise)
            nats.append(chain.steps * step_loss(model, x, s, t, eps, ratio, scale))
        prior, reconstruction = end_losses(model, images, eps_0)
        return Bound(prior, reconstruction, torch.stack(nats).mean(0), x[0].numel())
    depth_draws = low_discrepancy(len(images), like, generator) if t is None else t.to(like)
    return bound_at(model, images, depth_draws, draw("noise", noise), eps_0, chain)
