"""The encoder process q and the generative process p as pure functions of tensors (F1-F3, G3-G5).

In this package `s` and `t` are depths, s < t, and `at_s` and `at_t` the `Noise` there; here it has
a shape that broadcasts to the data (`noise.like(x)`). x_change is x_t - x_s, v_error v - v_hat.
Nothing here knows of networks, schedules or encoders.
"""

from typing import Any, NamedTuple

from torch import Tensor

from .arguments import as_floats
from .schedule import Noise, step_c


class Normal(NamedTuple):
    """N(mean, variance I); the variance broadcasts to the mean."""

    mean: Tensor
    variance: Tensor


# --- the encoder process q ---------------------------------------------------------------------


def marginal(x_t: Tensor, at_t: Noise) -> Normal:
    """F1: q(z_t | x) = N(alpha_t x_t, sigma_t^2 I)"""
    return Normal(at_t.alpha * x_t, at_t.sigma.square())


def add_noise(x_t: Tensor, eps: Tensor, at_t: Noise) -> Tensor:
    """F1: z_t = alpha_t x_t + sigma_t eps"""
    return at_t.alpha * x_t + at_t.sigma * eps


def transition(z_s: Tensor, x_change: Tensor, at_s: Noise, at_t: Noise) -> Normal:
    """F2: q(z_t | z_s, x) = N(alpha_{t|s} z_s + alpha_t (x_t - x_s), sigma_t^2 c I)"""
    mean = at_t.alpha / at_s.alpha * z_s + at_t.alpha * x_change
    return Normal(mean, at_t.sigma.square() * step_c(at_s, at_t))


def _kept(z_t: Tensor, at_s: Noise, at_t: Noise) -> Tensor:
    """(alpha_{t|s} sigma_s^2 / sigma_t^2) z_t: what both processes keep of z_t."""
    return at_t.alpha / at_s.alpha * (at_s.sigma / at_t.sigma).square() * z_t


def posterior(z_t: Tensor, x_t: Tensor, x_change: Tensor, at_s: Noise, at_t: Noise) -> Normal:
    """F3: q(z_s | z_t, x) = N(mu_Q, sigma_Q^2 I), sigma_Q^2 = sigma_s^2 c,
    mu_Q = (alpha_{t|s} sigma_s^2 / sigma_t^2) z_t + alpha_s c x_t + alpha_s (x_s - x_t)"""
    c = step_c(at_s, at_t)
    mean = _kept(z_t, at_s, at_t) + at_s.alpha * (c * x_t - x_change)
    return Normal(mean, at_s.sigma.square() * c)


# --- the generative process p --------------------------------------------------------------------


Scale = Tensor | float | str | None  # of the mean of p: None, "folded" or numbers A / c


def as_scale(scale: Any, *wishes: str) -> Tensor | str | None:
    """None, "folded" and the wishes of a fit as they are, numbers as a tensor; else ValueError."""
    words = ("folded", *wishes)
    if scale is None or (isinstance(scale, str) and scale in words):
        return scale
    accepted = ", ".join(["None", *(f'"{word}"' for word in words)])
    return as_floats("scale", scale, f"{accepted} or numbers A / c")


def added_to_x_hat(
    x_hat: Tensor | float, u_hat: Tensor | float, at_s: Noise, at_t: Noise, scale: Scale = None
) -> Tensor:
    """G3, G5: what the mean of p adds to x_hat. Here, and nowhere else, a scale becomes a number:

        None, the paper's (G3):  (gamma_t - gamma_s) sigma_t^2 / c  u_hat
        "folded":                sigma_t^2 u_hat
        numbers A / c:           (A / c - 1) x_hat

    With u_hat = x_hat all are (A / c - 1) x_hat, and have one limit: A / c tends to 1 + sigma_t^2.
    Args: scale, numbers that broadcast to the data; x_hat = 1 and u_hat = `model.u_hat(1.0)` give
        A / c - 1 alone.
    """
    scale = as_scale(scale)
    if scale is None:
        return (at_t.gamma - at_s.gamma) * at_t.sigma.square() / step_c(at_s, at_t) * u_hat
    if isinstance(scale, str):
        return at_t.sigma.square() * u_hat
    return (scale.to(at_s.gamma) - 1) * x_hat


def generative_step(
    z_t: Tensor,
    x_hat: Tensor,
    u_hat: Tensor | float,
    at_s: Noise,
    at_t: Noise,
    ratio: Tensor | float = 1,
    scale: Scale = None,
) -> Normal:
    """G3, G5: p(z_s | z_t) = N(mu_P, sigma_P^2 I), sigma_P^2 = sigma_Q^2 / w,
    mu_P = (alpha_{t|s} sigma_s^2 / sigma_t^2) z_t + alpha_s c (x_hat + added_to_x_hat)

    With u_hat = x_hat the last term is alpha_s A x_hat.
    Args: ratio w, a positive number or a tensor that broadcasts to the data; scale as in
        `added_to_x_hat`.
    """
    c = step_c(at_s, at_t)
    added = added_to_x_hat(x_hat, u_hat, at_s, at_t, scale)
    mean = _kept(z_t, at_s, at_t) + at_s.alpha * (c * (x_hat + added))
    return Normal(mean, at_s.sigma.square() * c / ratio)


def gap(v_error: Tensor | float, x_change: Tensor | float, at_s: Noise, at_t: Noise) -> Tensor:
    """L2: (mu_P - mu_Q) / sigma_Q where A = c; with another A it is gap + (A / c - 1) gap_slope

    mu_P - mu_Q = alpha_s [c (x_hat - x_t) + (x_t - x_s)], written with
    x_hat - x_t = sigma_t (v - v_hat), so that no two large numbers cancel."""
    c = step_c(at_s, at_t)
    return at_s.alpha / (at_s.sigma * c.sqrt()) * (c * at_t.sigma * v_error + x_change)


def gap_slope(x_hat: Tensor | float, at_s: Noise, at_t: Noise) -> Tensor:
    """L2, G5: what the gap gains as A / c grows by 1: alpha_s c x_hat / sigma_Q"""
    return at_s.alpha / at_s.sigma * step_c(at_s, at_t).sqrt() * x_hat


# --- three names for one prediction -------------------------------------------------------------


def v_from_eps(x_t: Tensor, eps: Tensor, at_t: Noise) -> Tensor:
    """v = alpha eps - sigma x_t"""
    return at_t.alpha * eps - at_t.sigma * x_t


def x_from_v(z_t: Tensor, v: Tensor, at_t: Noise) -> Tensor:
    """G4: x_t = alpha z_t - sigma v; with v_hat in place of v it is x_hat"""
    return at_t.alpha * z_t - at_t.sigma * v


def v_from_x(z_t: Tensor, x_t: Tensor, at_t: Noise) -> Tensor:
    """v = (alpha z_t - x_t) / sigma, G4 solved for v"""
    return (at_t.alpha * z_t - x_t) / at_t.sigma


def residual(v_error: Tensor, u_error: Tensor, at_t: Noise) -> Tensor:
    """L4: r = (v - v_hat) - sigma_t (u - u_hat): one residual for every encoder"""
    return v_error - at_t.sigma * u_error
