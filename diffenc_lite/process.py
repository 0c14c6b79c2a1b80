"""The encoder process q and the generative process p as pure functions of tensors (F1-F3, G3-G5).

`s` and `t` are `Noise` at the two depths, s < t, already in a shape that broadcasts to the data
(`noise.like(x)`). Nothing here knows of networks, schedules or encoders.
"""

from typing import Any, NamedTuple

from torch import Tensor

from .arguments import as_floats, not_real
from .schedule import Noise, step_c


class Normal(NamedTuple):
    """N(mean, variance I); the variance broadcasts to the mean."""

    mean: Tensor
    variance: Tensor


# --- the encoder process q ---------------------------------------------------------------------


def marginal(x_t: Tensor, t: Noise) -> Normal:
    """F1: q(z_t | x) = N(alpha_t x_t, sigma_t^2 I)"""
    return Normal(t.alpha * x_t, t.sigma.square())


def add_noise(x_t: Tensor, eps: Tensor, t: Noise) -> Tensor:
    """F1: z_t = alpha_t x_t + sigma_t eps"""
    return t.alpha * x_t + t.sigma * eps


def transition(z_s: Tensor, x_change: Tensor, s: Noise, t: Noise) -> Normal:
    """F2: q(z_t | z_s, x) = N(alpha_{t|s} z_s + alpha_t (x_t - x_s), sigma_t^2 c I)

    Args: x_change = x_t - x_s.
    """
    return Normal(t.alpha / s.alpha * z_s + t.alpha * x_change, t.sigma.square() * step_c(s, t))


def _kept(z_t: Tensor, s: Noise, t: Noise) -> Tensor:
    """(alpha_{t|s} sigma_s^2 / sigma_t^2) z_t: what both processes keep of z_t."""
    return t.alpha / s.alpha * (s.sigma / t.sigma).square() * z_t


def posterior(z_t: Tensor, x_t: Tensor, x_change: Tensor, s: Noise, t: Noise) -> Normal:
    """F3: q(z_s | z_t, x) = N(mu_Q, sigma_Q^2 I), sigma_Q^2 = sigma_s^2 c,
    mu_Q = (alpha_{t|s} sigma_s^2 / sigma_t^2) z_t + alpha_s c x_t + alpha_s (x_s - x_t)

    Args: x_change = x_t - x_s.
    """
    c = step_c(s, t)
    mean = _kept(z_t, s, t) + s.alpha * (c * x_t - x_change)
    return Normal(mean, s.sigma.square() * c)


# --- the generative process p --------------------------------------------------------------------


Scale = Tensor | float | str | None  # of the mean of p: None, "folded" or numbers A / c


def check_scale(scale: Any, *wishes: str) -> None:
    """Raise ValueError for a bool, and for words but "folded" and the wishes."""
    words = ("folded", *wishes)
    if not_real(scale) or (isinstance(scale, str) and scale not in words):
        accepted = ", ".join(["None", *(f'"{word}"' for word in words)])
        raise ValueError(f"scale must be {accepted} or numbers A / c; got {scale!r}")


def scale_minus_one(counterterm: bool, s: Noise, t: Noise, scale: Scale = None) -> Tensor:
    """G5: A / c - 1, whatever way the scale is said

        None, the paper's (G3):  (gamma_t - gamma_s) sigma_t^2 / c, or 0 without a counterterm
        "folded":                sigma_t^2, or 0 without a counterterm
        numbers A / c:           A / c - 1

    All have one limit, since A / c tends to 1 + sigma_t^2 (and to 1 without a counterterm).
    Args: counterterm, whether u_hat is x_hat, or 0; scale, numbers that broadcast to the data.
    """
    check_scale(scale)
    if scale is None:
        return counterterm * ((t.gamma - s.gamma) * t.sigma.square() / step_c(s, t))
    if isinstance(scale, str):
        return counterterm * t.sigma.square()
    return as_floats("scale", scale).to(s.gamma) - 1


def generative_step(
    z_t: Tensor,
    x_hat: Tensor,
    u_hat: Tensor | float,
    s: Noise,
    t: Noise,
    ratio: Tensor | float = 1,
    scale: Scale = None,
) -> Normal:
    """G3, G5: p(z_s | z_t) = N(mu_P, sigma_P^2 I), sigma_P^2 = sigma_Q^2 / w,
    mu_P = (alpha_{t|s} sigma_s^2 / sigma_t^2) z_t + alpha_s c (x_hat + (A / c - 1) u_hat)

    With u_hat = x_hat the last term is alpha_s A x_hat; so it is with numbers as scale, whatever
    u_hat is.
    Args: ratio w, a positive number or a tensor that broadcasts to the data; scale as in
        `scale_minus_one`.
    """
    c, extra = step_c(s, t), scale_minus_one(True, s, t, scale)
    along = u_hat if scale is None or isinstance(scale, str) else x_hat
    mean = _kept(z_t, s, t) + s.alpha * (c * (x_hat + extra * along))
    return Normal(mean, s.sigma.square() * c / ratio)


def gap(v_error: Tensor | float, x_change: Tensor | float, s: Noise, t: Noise) -> Tensor:
    """L2: (mu_P - mu_Q) / sigma_Q for the mean with A = c; with another it is
    gap + scale_minus_one gap_slope

    mu_P - mu_Q = alpha_s [c (x_hat - x_t) + (x_t - x_s)], written with
    x_hat - x_t = sigma_t (v - v_hat), so that no two large numbers cancel.
    Args: v_error = v - v_hat; x_change = x_t - x_s.
    """
    c = step_c(s, t)
    return s.alpha / (s.sigma * c.sqrt()) * (c * t.sigma * v_error + x_change)


def gap_slope(x_hat: Tensor | float, s: Noise, t: Noise) -> Tensor:
    """L2, G5: what the gap gains as A / c grows by 1: alpha_s c x_hat / sigma_Q"""
    return s.alpha / s.sigma * step_c(s, t).sqrt() * x_hat


# --- three names for one prediction -------------------------------------------------------------


def v_from_eps(x_t: Tensor, eps: Tensor, t: Noise) -> Tensor:
    """v = alpha eps - sigma x_t"""
    return t.alpha * eps - t.sigma * x_t


def x_from_v(z_t: Tensor, v: Tensor, t: Noise) -> Tensor:
    """G4: x_t = alpha z_t - sigma v; with v_hat in place of v it is x_hat"""
    return t.alpha * z_t - t.sigma * v


def v_from_x(z_t: Tensor, x_t: Tensor, t: Noise) -> Tensor:
    """v = (alpha z_t - x_t) / sigma, G4 solved for v"""
    return (t.alpha * z_t - x_t) / t.sigma


def residual(v_error: Tensor, u_error: Tensor, t: Noise) -> Tensor:
    """L4: r = (v - v_hat) - sigma_t (u - u_hat): one residual for every encoder"""
    return v_error - t.sigma * u_error
