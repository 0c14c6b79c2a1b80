"""The bound: -log p(x) <= prior + reconstruction + diffusion, in nats per example.         L0-L4

`elbo` takes 8-bit images; the three terms are also functions of their own, on x in (-1, 1).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from . import pixels, process
from .gaussian import best_ratio, kl_ratio, kl_to_standard, sum_dims
from .model import DiffEnc
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


# --- prior loss ----------------------------------------------------------------------------------


def prior_loss(model: DiffEnc, x: Tensor) -> Tensor:
    """KL(q(z_1 | x) || N(0, I)) with x_1 the encoding at t = 1: (B, ...) -> nats (B,)         L0"""
    noise_1 = _noise_at(model, x, 1.0)
    return _prior(model, x + model.encoder.shift(x, noise_1.gamma), noise_1)


def _prior(model: DiffEnc, x_1: Tensor, noise_1: Noise) -> Tensor:
    from_centre = x_1 if model.centre is None else x_1 - model.centre  # p(z_1) = N(alpha_1 c, I)
    q = process.marginal(from_centre, noise_1.like(x_1))
    return kl_to_standard(q.mean, q.variance)


# --- reconstruction loss -------------------------------------------------------------------------


def reconstruction_loss(model: DiffEnc, images: Tensor, noise_0: Tensor) -> Tensor:
    """-log p(x | z_0), z_0 = alpha_0 x_0 + sigma_0 eps with x_0 the encoding at t = 0          L1

    Args: images uint8 (B, ...); noise_0 is eps, (B, ...). Returns nats (B,).
    """
    x = pixels.to_unit(images, model.levels, noise_0.dtype)
    at_0 = _noise_at(model, x, 0.0)
    return _reconstruction(model, images, x + model.encoder.shift(x, at_0.gamma), noise_0, at_0)


def _reconstruction(
    model: DiffEnc, images: Tensor, x_0: Tensor, eps: Tensor, at_0: Noise
) -> Tensor:
    at_0 = at_0.like(x_0)
    z_0 = process.add_noise(x_0, eps, at_0)
    return pixels.reconstruction_nats(images, z_0, at_0, model.levels)


def end_losses(model: DiffEnc, images: Tensor, noise_0: Tensor) -> tuple[Tensor, Tensor]:
    """(prior, reconstruction), with the encodings at t = 0 and t = 1 from one batched call."""
    x = pixels.to_unit(images, model.levels, noise_0.dtype)
    at_0, at_1 = _noise_at(model, x, 0.0), _noise_at(model, x, 1.0)
    shift = model.encoder.shift(torch.cat([x, x]), torch.cat([at_0.gamma, at_1.gamma]))
    shift_0, shift_1 = shift.chunk(2)
    prior = _prior(model, x + shift_1, at_1)
    return prior, _reconstruction(model, images, x + shift_0, noise_0, at_0)


# --- diffusion loss ------------------------------------------------------------------------------


def diffusion_loss(model: DiffEnc, x: Tensor, t: Tensor, noise: Tensor) -> Tensor:
    """(1/2) gamma'(t) alpha_t^2 ||r||^2, r = (v - v_hat) - sigma_t (u - u_hat)                 L4

    Its mean over t ~ U(0, 1) and eps is the diffusion loss at infinite depth.
    Args: x (B, ...); t (B,); noise is eps, (B, ...). Returns nats (B,).
    """
    return sum_dims(diffusion_density(model, x, t, noise))


def diffusion_density(model: DiffEnc, x: Tensor, t: Tensor, noise: Tensor) -> Tensor:
    """(1/2) gamma'(t) alpha_t^2 r^2, the diffusion loss without its sum over dimensions        L4

    Args: x (B, ...); t (B,); noise is eps, (B, ...). Returns nats (B, ...).
    """
    at = model.schedule(t)
    n = at.like(x)
    x_t, u = model.encoder(x, at.gamma)
    v_error, u_hat = prediction(model, x_t, noise, at)
    r = process.residual(v_error, u - u_hat, n)
    return 0.5 * n.rate * n.alpha.square() * r.square()


def prediction(
    model: DiffEnc, x_t: Tensor, noise: Tensor, at: Noise
) -> tuple[Tensor, Tensor | float]:
    """v - v_hat, and u_hat, which p puts for u; both from z_t = alpha_t x_t + sigma_t eps

    Args: x_t (B, ...), the encoding; noise is eps, (B, ...); at, the noise of each example.
    """
    n = at.like(x_t)
    z = process.add_noise(x_t, noise, n)
    v_hat = model.v_hat(z, at.gamma)
    v_error = process.v_from_eps(x_t, noise, n) - v_hat
    return v_error, model.u_hat(process.x_from_v(z, v_hat, n))


def step_gap(model: DiffEnc, x: Tensor, s: Tensor, t: Tensor, noise: Tensor) -> Tensor:
    """||mu_P - mu_Q||^2 / sigma_Q^2 of one step from t down to s, without its sum over dimensions

    All that L2 asks of the model; the ratio comes on top of it.
    Args: x (B, ...); s < t, both (B,); noise is eps, (B, ...). Returns (B, ...).
    """
    if not bool((s < t).all()):
        raise ValueError(f"s must be smaller than t in every step; got s={s}, t={t}")
    at_s, at_t = model.schedule(s), model.schedule(t)
    x_t, x_change = model.encoder.change(x, at_s.gamma, at_t.gamma)
    v_error, u_hat = prediction(model, x_t, noise, at_t)
    return process.mean_gap(v_error, u_hat, x_change, at_s.like(x), at_t.like(x)).square()


def step_loss(
    model: DiffEnc, x: Tensor, s: Tensor, t: Tensor, noise: Tensor, ratio: Tensor | float = 1.0
) -> Tensor:
    """KL(q(z_s | z_t, x) || p(z_s | z_t)) of one step, with ratio w: nats (B,)                 L2

    Args: x (B, ...); s < t, both (B,); noise is eps, (B, ...); ratio a number, (B,) or, with one
        for each dimension, (B, ...).
    """
    w = torch.as_tensor(ratio, dtype=x.dtype, device=x.device)
    if w.dim() == 1:
        w = w.reshape(-1, *[1] * (x.dim() - 1))
    return sum_dims(kl_ratio(step_gap(model, x, s, t, noise), w))


def drawn_step_loss(
    model: DiffEnc, x: Tensor, index: Tensor, noise: Tensor, grid: Tensor, ratio: Tensor
) -> Tensor:
    """T times L2 of one step for each example: its mean over the steps is the diffusion loss  L3

    Args: x (B, ...); index (B,), which step; noise is eps, (B, ...); grid (T+1,); ratio, a row for
        each step, as `check_ratio` returns it. Returns nats (B,).
    """
    one = step_loss(model, x, grid[index], grid[index + 1], noise, ratio[index])
    return len(ratio) * one


def spread_over_steps(u: Tensor, steps: int) -> Tensor:
    """u in [0, 1) -> the step that it falls in when all are equally likely, 0 to steps - 1"""
    return (u * steps).long().clamp(max=steps - 1)


# --- all together --------------------------------------------------------------------------------


def elbo(
    model: DiffEnc,
    images: Tensor,
    steps: int | None = None,
    ratio: float | Tensor | str = 1.0,
    every_step: bool = False,
    t: Tensor | None = None,
    noise: Tensor | None = None,
    noise_0: Tensor | None = None,
    generator: torch.Generator | None = None,
    grid: Tensor | None = None,
) -> Bound:
    """-log p(x) <= prior + reconstruction + diffusion, per example, in nats                 L0-L4

    Args:
        images: uint8 (B, ...).
        steps: None is infinite depth (L4); T is finite depth with T equal steps (L3).
        ratio: w = sigma_Q^2 / sigma_P^2 > 0: a number, a tensor (T,) whose row i is the step
            t = (i+1)/T, a tensor (T, ...) with one w for each dimension of an example too, or
            "optimal": W1 fitted on these very images (so it flatters; to score held-out images give
            `ratio=optimal_ratio(model, training_images, steps)`). At infinite depth it must be 1.
        every_step: sum all T steps instead of drawing one per example and multiplying by T.
        t: (B,) in [0, 1]; at finite depth, the step that contains t (every_step needs none). By
            default drawn with low discrepancy: one uniform offset, equally spaced modulo 1.
        noise, noise_0: eps for z_t and for z_0, in the shape of the images (with every_step the
            same noise serves each step). What is given is used; the rest is drawn from generator.
        grid: (T+1,) increasing from 0 to 1, where the T steps end; equal steps by default.

    Raises TypeError for images that are not uint8; ValueError for wrong levels or shapes, t
    outside [0, 1], a ratio <= 0 or of the wrong length, and a ratio other than 1 at infinite depth.
    """
    x = as_data(model, images)
    dims = x[0].numel()
    noise_0 = _given_or_drawn("noise_0", noise_0, x, generator)
    if t is not None:
        _check_t(t, x)

    if steps is None:
        _check_infinite_depth(ratio, every_step, grid)
        prior, reconstruction = end_losses(model, images, noise_0)
        t = low_discrepancy(len(x), x, generator) if t is None else t.to(x)
        diffusion = diffusion_loss(model, x, t, _given_or_drawn("noise", noise, x, generator))
        return Bound(prior, reconstruction, diffusion, dims)

    grid = process.check_grid(grid, steps, x)
    if isinstance(ratio, str):
        w = _fitted_ratios(model, x, grid, ratio, noise, generator)
    else:
        w = process.check_ratio(ratio, steps, x)
    prior, reconstruction = end_losses(model, images, noise_0)

    def at_step(index: Tensor) -> Tensor:
        eps = _given_or_drawn("noise", noise, x, generator)
        return drawn_step_loss(model, x, index, eps, grid, w)

    if every_step:
        every = torch.arange(steps, device=x.device)[:, None].expand(-1, len(x))
        diffusion = torch.stack([at_step(index) for index in every]).mean(0)
    else:
        if t is None:
            index = spread_over_steps(low_discrepancy(len(x), x, generator), steps)
        else:  # a t on the grid belongs to the step that starts there and leads down
            index = (torch.searchsorted(grid, t.to(x) - 1e-6) - 1).clamp(0, steps - 1)
        diffusion = at_step(index)
    return Bound(prior, reconstruction, diffusion, dims)


def low_discrepancy(n: int, like: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """n depths in [0, 1): one uniform offset, equally spaced modulo 1. Each is uniform by itself,
    together they cover [0, 1] evenly. Returns (n,) in the dtype and on the device of `like`."""
    offset = _draw(torch.rand, (1,), like, generator)
    return (offset + torch.arange(n, dtype=like.dtype, device=like.device) / n) % 1


def mean_gaps(
    model: DiffEnc,
    x: Tensor,
    grid: Tensor,
    generator: torch.Generator | None = None,
    noise: Tensor | None = None,
) -> Iterator[Tensor]:
    """`step_gap` of all of x, (B, ...), for each step of the grid; no gradient. The noise is
    fresh in each step if not given."""
    for s, t in zip(grid[:-1], grid[1:], strict=True):
        with torch.no_grad():
            eps = _given_or_drawn("noise", noise, x, generator)
            yield step_gap(model, x, s.expand(len(x)), t.expand(len(x)), eps)


# --- arguments -----------------------------------------------------------------------------------


def as_data(model: DiffEnc, images: Tensor) -> Tensor:
    """8-bit images (B, ...) -> x in (-1, 1), (B, ...), in the dtype of the model

    Raises TypeError for images that are not uint8; ValueError for no images, for levels too high,
    and for a shape that the model was not made for. One that takes any remembers it for sampling.
    """
    if not isinstance(images, Tensor):
        raise TypeError(f"images must be a torch.uint8 tensor; got {type(images).__name__}")
    if images.dim() < 2 or not len(images):
        raise ValueError(
            f"images must have shape (B, ...) with at least one example; got {tuple(images.shape)}"
        )
    x = pixels.to_unit(images, model.levels, model.dtype)
    shape = tuple(x.shape[1:])
    if not model.fixed_shape:
        model.shape = shape
    elif shape != model.shape:
        accepted = ", ".join(map(str, model.shape or ()))
        raise ValueError(
            f"images must have shape (B, {accepted}) for this model; got {tuple(images.shape)}"
        )
    return x


def _noise_at(model: DiffEnc, x: Tensor, depth: float) -> Noise:
    return model.schedule(torch.full((len(x),), depth, dtype=x.dtype, device=x.device))


def _draw(draw, shape, like: Tensor, generator: torch.Generator | None) -> Tensor:  # type: ignore[no-untyped-def]
    return draw(shape, generator=generator, dtype=like.dtype, device=like.device)


def _given_or_drawn(
    name: str, given: Tensor | None, x: Tensor, generator: torch.Generator | None
) -> Tensor:
    if given is None:
        return _draw(torch.randn, x.shape, x, generator)
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


def _check_infinite_depth(
    ratio: float | Tensor | str, every_step: bool, grid: Tensor | None
) -> None:
    if every_step or grid is not None:
        raise ValueError("every_step and grid need steps=T: infinite depth has no steps")
    if isinstance(ratio, str) or not bool((torch.as_tensor(ratio) == 1).all()):
        raise ValueError(
            f"ratio must be 1 at infinite depth (steps=None); got {ratio}. By W2 a constant w != 1 "
            "adds T (d/2)(w - 1 - ln w), which has no limit: give steps=T to use another ratio"
        )


def _fitted_ratios(
    model: DiffEnc,
    x: Tensor,
    grid: Tensor,
    ratio: str,
    noise: Tensor | None,
    generator: torch.Generator | None,
) -> Tensor:
    """w* of every step, fitted on x itself and on the noise if it is given, (T,)."""
    if ratio != "optimal":
        raise ValueError(f'ratio must be a number, a tensor (T,) or "optimal"; got "{ratio}"')
    gaps = mean_gaps(model, x, grid, generator, noise)
    return best_ratio(torch.stack([gap.mean() for gap in gaps]))
