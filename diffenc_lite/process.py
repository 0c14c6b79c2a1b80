"""The encoder process q and the generative process p as pure functions of tensors (F1-F3, G3-G5).

`s` and `t` are `Noise` at the two depths, s < t, already in a shape that broadcasts to the data
(`noise.like(x)`). Nothing here knows of networks, schedules or encoders.
"""

from dataclasses import dataclass
from numbers import Integral
from typing import NamedTuple

import torch
from torch import Tensor

from .schedule import Noise, step_c


class Gaussian(NamedTuple):
    """N(mean, variance I); the variance broadcasts to the mean."""

    mean: Tensor
    variance: Tensor


# --- the encoder process q ---------------------------------------------------------------------


def marginal(x_t: Tensor, t: Noise) -> Gaussian:
    """F1: q(z_t | x) = N(alpha_t x_t, sigma_t^2 I)"""
    return Gaussian(t.alpha * x_t, t.sigma.square())


def add_noise(x_t: Tensor, eps: Tensor, t: Noise) -> Tensor:
    """F1: z_t = alpha_t x_t + sigma_t eps"""
    return t.alpha * x_t + t.sigma * eps


def transition(z_s: Tensor, x_change: Tensor, s: Noise, t: Noise) -> Gaussian:
    """F2: q(z_t | z_s, x) = N(alpha_{t|s} z_s + alpha_t (x_t - x_s), sigma_t^2 c I)

    Args: x_change = x_t - x_s.
    """
    return Gaussian(t.alpha / s.alpha * z_s + t.alpha * x_change, t.sigma.square() * step_c(s, t))


def _carry(z_t: Tensor, s: Noise, t: Noise) -> Tensor:
    """(alpha_{t|s} sigma_s^2 / sigma_t^2) z_t: what both processes keep of z_t."""
    return t.alpha / s.alpha * (s.sigma / t.sigma).square() * z_t


def posterior(z_t: Tensor, x_t: Tensor, x_change: Tensor, s: Noise, t: Noise) -> Gaussian:
    """F3: q(z_s | z_t, x) = N(mu_Q, sigma_Q^2 I), sigma_Q^2 = sigma_s^2 c,
    mu_Q = (alpha_{t|s} sigma_s^2 / sigma_t^2) z_t + alpha_s c x_t + alpha_s (x_s - x_t)

    Args: x_change = x_t - x_s.
    """
    c = step_c(s, t)
    mean = _carry(z_t, s, t) + s.alpha * (c * x_t - x_change)
    return Gaussian(mean, s.sigma.square() * c)


# --- the generative process p --------------------------------------------------------------------


Scale = Tensor | float | str | None  # of the mean of p: see `motion`


def motion(
    x_hat: Tensor | float,
    u_hat: Tensor | float,
    s: Noise,
    t: Noise,
    scale: Scale = None,
    unit: Tensor | float = 1.0,
) -> Tensor:
    """G3, G5: what p expects of the encoding's motion x_s - x_t, (A - c) x_hat if u_hat = x_hat

        scale None, the paper:  (lambda_s - lambda_t) sigma_t^2 u_hat
        "folded":               c sigma_t^2 u_hat, so A = c (1 + sigma_t^2)
        a number A / c:         (A - c) x_hat, whatever u_hat is

    All have one limit, since A / c tends to 1 + sigma_t^2 (and to 1 where u_hat = 0).
    Args: scale, a number or a tensor that broadcasts to the data; unit, a factor of the result.
    """
    if scale is None:
        return unit * (t.gamma - s.gamma) * t.sigma.square() * u_hat
    if isinstance(scale, str):
        return unit * step_c(s, t) * t.sigma.square() * u_hat
    return unit * step_c(s, t) * (scale - 1) * x_hat


def generative_step(
    z_t: Tensor,
    x_hat: Tensor,
    u_hat: Tensor | float,
    s: Noise,
    t: Noise,
    ratio: Tensor | float = 1,
    scale: Scale = None,
) -> Gaussian:
    """G3, G5: p(z_s | z_t) = N(mu_P, sigma_P^2 I), sigma_P^2 = sigma_Q^2 / w,
    mu_P = (alpha_{t|s} sigma_s^2 / sigma_t^2) z_t + alpha_s (c x_hat + `motion`)

    Args: ratio w, a positive number or a tensor that broadcasts to the data; scale as in `motion`.
    """
    c = step_c(s, t)
    mean = _carry(z_t, s, t) + s.alpha * (c * x_hat + motion(x_hat, u_hat, s, t, scale))
    return Gaussian(mean, s.sigma.square() * c / ratio)


def mean_gap(
    v_error: Tensor | float,
    x_hat: Tensor | float,
    u_hat: Tensor | float,
    x_change: Tensor | float,
    s: Noise,
    t: Noise,
    scale: Scale = None,
) -> Tensor:
    """L2: (mu_P - mu_Q) / sigma_Q, the gap between the two means in units of sigma_Q

    mu_P - mu_Q = alpha_s [c (x_hat - x_t) + `motion` - (x_s - x_t)], written with
    x_hat - x_t = sigma_t (v - v_hat), so that no two large numbers cancel. It is linear in the
    first four arguments.

    Args: v_error = v - v_hat; x_change = x_t - x_s; scale as in `motion`.
    """
    c = step_c(s, t)
    unit = s.alpha / (s.sigma * c.sqrt())
    expected = motion(x_hat, u_hat, s, t, scale, unit)
    return unit * c * t.sigma * v_error + expected + unit * x_change


# --- three names for one prediction -------------------------------------------------------------


def v_from_eps(x_t: Tensor, eps: Tensor, t: Noise) -> Tensor:
    """v = alpha eps - sigma x_t"""
    return t.alpha * eps - t.sigma * x_t


def x_from_v(z_t: Tensor, v: Tensor, t: Noise) -> Tensor:
    """G4: x_t = alpha z_t - sigma v; with v_hat in place of v it is x_hat"""
    return t.alpha * z_t - t.sigma * v


def eps_from_v(z_t: Tensor, v: Tensor, t: Noise) -> Tensor:
    """G4: eps = sigma z_t + alpha v"""
    return t.sigma * z_t + t.alpha * v


def v_from_x(z_t: Tensor, x_t: Tensor, t: Noise) -> Tensor:
    """v = (alpha z_t - x_t) / sigma, G4 solved for v"""
    return (t.alpha * z_t - x_t) / t.sigma


def residual(v_error: Tensor, u_error: Tensor, t: Noise) -> Tensor:
    """L4: r = (v - v_hat) - sigma_t (u - u_hat): one residual for every encoder"""
    return v_error - t.sigma * u_error


# --- a chain of T steps ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Chain:
    """T steps: grid (T+1,), the depths where they end, from 0 to 1; ratio and scale of each step.

    ratio is (T, 1, ..., 1) or (T, ...), one w for each dimension: a row broadcasts to the data.
    scale is (T, 1, ..., 1), None or "folded" (`motion`).
    """

    grid: Tensor
    ratio: Tensor
    scale: Tensor | str | None = None

    @property
    def steps(self) -> int:
        return len(self.ratio)

    def step_of(self, u: Tensor) -> Tensor:
        """u in [0, 1) -> the step that it falls in when all are equally likely, 0 to T - 1."""
        return (u * self.steps).long().clamp(max=self.steps - 1)

    def step_at(self, t: Tensor) -> Tensor:
        """t in [0, 1] -> the step that contains this depth; on the grid, the one that starts there
        and leads down."""
        return (torch.searchsorted(self.grid, t - 1e-6) - 1).clamp(0, self.steps - 1)


def chain(
    steps: int,
    ratio: Tensor | float | tuple[float, ...],
    grid: Tensor | None,
    like: Tensor,
    scale: Scale = None,
) -> Chain:
    """A chain of T steps, its arguments checked.

    Args: steps T; ratio w > 0, a number, (T,) with row i for the i-th step counted from t = 0, or
        (T, ...) with one w for each dimension of an example; grid, equal steps if None; like
        (B, ...), data in the shape, dtype and on the device it is for; scale as in `check_scale`.
    """
    grid = check_grid(grid, steps, like)
    return Chain(grid, check_ratio(ratio, steps, like), check_scale(scale, steps, like))


def check_grid(grid: Tensor | None, steps: int, like: Tensor) -> Tensor:
    """The depths where T steps end, (T+1,), increasing from 0 to 1; equal steps if None."""
    if isinstance(steps, bool) or not isinstance(steps, Integral) or steps < 1:
        raise ValueError(f"steps must be a whole number >= 1; got {steps!r}")
    if grid is None:
        return torch.arange(steps + 1, dtype=like.dtype, device=like.device) / steps
    grid = torch.as_tensor(grid, dtype=like.dtype, device=like.device)
    if grid.shape != (steps + 1,):
        raise ValueError(
            f"grid must have shape ({steps + 1},), for {steps} steps; got {tuple(grid.shape)}"
        )
    if grid[0] != 0 or grid[-1] != 1 or not bool((grid.diff() > 0).all()):
        raise ValueError(f"grid must increase from 0 to 1; got {grid.tolist()}")
    return grid


def check_ratio(ratio: Tensor | float | tuple[float, ...], steps: int, like: Tensor) -> Tensor:
    """The ratio w of every step, row i for the step from the i-th depth of the grid to the next.

    Args: ratio, a number, (T,), or (T, ...) with one w for each dimension of an example; like
        (B, ...). Returns (T, 1, ..., 1) or (T, ...): each row broadcasts to the data.
    """
    if isinstance(ratio, str):
        raise ValueError(f'ratio must be a number or a tensor ({steps},) here; got "{ratio}"')
    each = (steps, *like.shape[1:])
    also = f", or {each} with one per dimension" if like.dim() > 1 else ""
    w = _positive("ratio", ratio, like, ((), (steps,), each), f"shape ({steps},){also}")
    return w if w.shape == each else _row_each(w, steps, like)


def check_scale(scale: Scale, steps: int, like: Tensor) -> Tensor | str | None:
    """The scale of every step (`motion`): None, "folded", or A / c as (T, 1, ..., 1).

    Args: scale, None, "folded", a number, or (T,) with row i for the step from the i-th depth of
        the grid to the next; like (B, ...).
    """
    if scale is None or (isinstance(scale, str) and scale == "folded"):
        return scale
    if isinstance(scale, str):
        raise ValueError(
            f'scale must be None, "folded", a number or a tensor ({steps},) here; got "{scale}". '
            "The best one is fitted on other images: optimal_step(model, training_images, steps)"
        )
    a = _positive("scale", scale, like, ((), (steps,)), f"shape ({steps},)")
    return _row_each(a, steps, like)


def scale_of(scale: Tensor | str | None, step: Tensor | int) -> Tensor | str | None:
    """The rows of a scale from `check_scale` that belong to these steps."""
    return scale[step] if isinstance(scale, Tensor) else scale


def _positive(
    name: str, given: object, like: Tensor, shapes: tuple[tuple[int, ...], ...], accepted: str
) -> Tensor:
    values = torch.as_tensor(given, dtype=like.dtype, device=like.device)
    if values.shape not in shapes:
        raise ValueError(
            f"{name} must be a number or have one entry per step, {accepted}; "
            f"got shape {tuple(values.shape)}"
        )
    if not bool(((values > 0) & values.isfinite()).all()):
        raise ValueError(f"{name} must be positive and finite; got {given}")
    return values


def _row_each(values: Tensor, steps: int, like: Tensor) -> Tensor:
    """A number or (T,) -> (T, 1, ..., 1), whose rows broadcast to the data."""
    return values.expand(steps).reshape(steps, *[1] * max(like.dim() - 1, 0))
