"""Exercises of the lessons: answers derived a second time, without the package, and near misses.

RIGHT has those whose solution in the notebook is the answer once more; WRONG is about programs.
These two tables stand at the end; what they need comes in the same order.
"""

import math
from functools import partial

import numpy as np
import sympy as sp
import torch

from diffenc_lite.course.exercises import EXERCISES

ANSWER = {number: exercise.answer for number, exercise in EXERCISES.items()}  # to be used wrongly


def alpha2(gamma):
    return 1 / (1 + math.exp(gamma))


def sigma2(gamma):
    return 1 / (1 + math.exp(-gamma))


def usual_step_without_noise(z_s, x_s, x_t, gamma_s, gamma_t):
    shrink = ((1 + gamma_s.exp()) / (1 + gamma_t.exp())).sqrt()
    return shrink * z_s + (x_t - x_s) / (1 + gamma_t.exp()).sqrt()


def one_by_one(mmse, gamma):
    total = 0.0
    for g_s, g_t in zip(gamma[:-1], gamma[1:], strict=True):
        gain = math.exp(-g_s) - math.exp(-g_t)
        total += gain * mmse(torch.exp(-g_t)[None]).item() / 2
    return total


def by_differences(gamma, rate, t, h=1e-6, back=1.0):
    slope = (gamma(t + h) - gamma(t - back * h)) / ((1 + back) * h)
    return (slope * rate(gamma(t))).mean()


def slope_of(f, t):
    return torch.func.jvp(f, (t,), (torch.ones_like(t),))[1]


def sampler(z, noise, first=-13.3, last=True, A=lambda c, step, s2: c):
    """Number by number"""
    step = (5 - first) / len(noise)
    c = -math.expm1(-step)
    for k, eps in enumerate(noise):
        gamma = 5 - k * step
        (a_s, s_s), (a_t, s_t) = ((alpha2(g), sigma2(g)) for g in (gamma - step, gamma))
        x_hat = a_t**2.5 * z / (a_t**3 + s_t)
        kept = math.sqrt(a_t / a_s) * s_s / s_t
        mean = kept * z + math.sqrt(a_s) * A(c, step, s_t) * x_hat
        z = mean + math.sqrt(s_s * c) * eps * (last or k < len(noise) - 1)
    return z


def loss(x, y, ydot, eps, v_hat, gamma, counterterm=1.0, square=True):
    """With v_hat and u apart, as on the lesson's page."""
    alpha, sigma = torch.sigmoid(-gamma).sqrt()[:, None], torch.sigmoid(gamma).sqrt()[:, None]
    x_t = alpha**2 * x + sigma**2 * y
    x_hat = alpha * (alpha * x_t + sigma * eps) - sigma * v_hat
    r = alpha * eps - sigma * x_t - v_hat - sigma * (x_t - y + ydot - counterterm * x_hat)
    return ((alpha * r) ** 2).sum(1) / 2 if square else (alpha * r**2).sum(1) / 2


def price(f, mmse, gamma):
    """Half the SNR times the variance of the speed; the slope of f by a central difference."""
    h = 1e-6
    slope = (f(-gamma + h) - f(-gamma - h)) / (2 * h)
    return slope**2 * mmse(f(-gamma) ** 2 / gamma.exp()) / (2 * gamma.exp())


def broken_step(x_hat, x_t, x_s, gamma_s, gamma_t, moves=False, means=False):
    c = -torch.expm1(gamma_s - gamma_t)
    tau = c * x_t + (x_s - x_t if moves else 0)
    A = (tau * x_hat).mean() / (x_hat**2).mean() if means else (tau / x_hat).mean()
    m = torch.exp(-gamma_s) / c * (A * x_hat - tau).square().mean()
    return A / c, 1 / (1 + m)


def broken_control(scores, perfect, truth):
    better = scores - (perfect - perfect.mean())
    return better.mean(), better.std() / len(better)


def independent(train, test, extra=1 / 8, swap=False):
    """Bits per pixel, one level after another"""
    train, test = (test, train) if swap else (train, test)
    bits = 0.0
    for pixel in range(test.shape[1]):
        seen = train[:, pixel].tolist()
        for level in test[:, pixel].tolist():
            chance = (seen.count(level) + extra) / (len(seen) + 256 * extra)
            bits -= math.log2(chance)
    return bits / test.numel()


def by_softplus(gamma_0, gamma_1):
    """The integral of sigmoid(-gamma) is gamma - log(1 + e^gamma)"""
    at = [gamma - sp.log(1 + sp.exp(gamma)) for gamma in (gamma_0, gamma_1)]
    return at[1] - at[0]


def peeking(d):
    """One look after the other, as somebody would do it"""
    seen, total = torch.zeros(len(d)), torch.zeros(len(d))
    for k, difference in enumerate(d.T, start=1):
        total = total + difference
        seen[total.abs() > 1.96 * math.sqrt(k)] = 1.0
    return seen


def above(limit, d):
    return d.cumsum(1).abs() > limit * torch.arange(1, d.shape[1] + 1).sqrt()


def least_squares(x, x_t, _):
    """The slope by NumPy's least squares, and R^2 as a squared correlation."""
    x, moved = (np.asarray(v - v.mean(0)).ravel() for v in (x, x_t - x))
    slope = np.linalg.lstsq(x[:, None], moved, rcond=None)[0][0]
    share = (x @ moved) ** 2 / (x @ x) / (moved @ moved)  # no intercept: both have the mean 0
    return slope, share


def with_means(x, x_t, _):
    """The mean picture left in."""
    moved = x_t - x
    slope = (moved * x).sum() / x.square().sum()
    return slope, 1 - (moved - slope * x).square().sum() / moved.square().sum()


def by_regression(g, h):
    """A / c by least squares at each step, the price by the variance of the residual."""
    scales, ratios, bits = [], [], 0.0
    for step in range(g.shape[1]):
        target, by = g[:, step].reshape(-1, 1), h[:, step].reshape(-1, 1)
        slope = torch.linalg.lstsq(by, -target).solution.squeeze()
        variance = 1 + (target + slope * by).square().mean()  # of the step, over sigma_Q^2
        scales.append(1 + slope)
        ratios.append(1 / variance)
        bits += math.log2(variance.sqrt().item())
    return torch.stack(scales), torch.stack(ratios), bits


def near(g, h, each=False, moved=True, bits=True):
    over = 2 if each else (0, 2)
    ratio = (g * h).mean(over) / (h * h).mean(over)
    scale = 1 - (ratio.mean(0) if each else ratio)
    m = (g + (scale[:, None] - 1) * h * moved).square().mean((0, 2))
    return scale, 1 / (1 + m), 0.5 * torch.log1p(m).sum() / (math.log(2) if bits else 1)


def rotated(z, x_hat, gamma_s, gamma_t):
    """z = cos x_hat + sin eps_hat; turn the angle from t to s."""
    th_s, th_t = (math.atan(math.exp(float(g) / 2)) for g in (gamma_s, gamma_t))
    eps_hat = (z - math.cos(th_t) * x_hat) / math.sin(th_t)
    return math.cos(th_s) * x_hat + math.sin(th_s) * eps_hat


def pale(z, x_hat, gamma_s, gamma_t):
    g_s, g_t = float(gamma_s), float(gamma_t)
    keep = math.sqrt(alpha2(g_t) / alpha2(g_s)) * sigma2(g_s) / sigma2(g_t)
    return keep * z + math.sqrt(alpha2(g_s)) * -math.expm1(g_s - g_t) * x_hat


def variance(denoise, z, snr):
    """By the slope, backwards"""
    z = z.clone().requires_grad_()
    return torch.autograd.grad(denoise(z).sum(), z)[0] / snr**0.5


def variance_by_differences(denoise, z, snr, h):
    """Of the fourth order"""
    near, far = (denoise(z + k * h) - denoise(z - k * h) for k in (1, 2))
    return (8 * near - far) / (12 * h) / snr**0.5


RIGHT = {
    "01.2": lambda step: alpha2(step - 1) ** 0.5 / sigma2(step - 1) ** 0.5 / math.exp(0.5),
    "02.2": one_by_one,
    "03.3": by_differences,
    "04.4": loss,
    "04.5": sampler,
    "05.2": price,
    "09.1": independent,
    "09.2": by_softplus,
    "10.4": peeking,
    "11.1": least_squares,
    "12.1": by_regression,
    # true: 1 - R + v, believed: 1 - (R + v), both times k
    "13.1": lambda v, g_t, g_s: math.expm1(g_t - g_s) * ((1 - 0.4 + v) - (1 - (0.4 + v))),
    "13.2": rotated,
    "13.4": variance,
}

WRONG = {
    "01.1": [
        usual_step_without_noise,
        lambda z_s, x_s, x_t, *gammas: ANSWER["01.1"](z_s, x_s, x_s, *gammas),
    ],
    "03.3": [
        lambda gamma, rate, t: (18.3 * rate(gamma(t))).mean(),
        lambda gamma, rate, t: by_differences(gamma, rate, t) * torch.ones_like(t),
        # the next one calls `rate` twice
        lambda gamma, rate, t: (slope_of(gamma, t) * (rate(gamma(t)) + rate(gamma(t))) / 2).mean(),
        lambda gamma, rate, t: by_differences(gamma, rate, t, h=0.1),  # right for a parabola
        lambda gamma, rate, t: by_differences(gamma, rate, t, h=1e-3, back=0.0),
        lambda gamma, rate, t: slope_of(gamma, t).mean() * rate(gamma(t)).mean(),
    ],
    "04.4": [
        lambda *given: loss(*given, counterterm=0.0),
        lambda *given: loss(*given, square=False),
    ],
    "04.5": [
        lambda z, noise: sampler(z, noise, A=lambda c, step, s2: c + step * s2),  # G3
        lambda z, noise: sampler(z, noise, A=lambda c, step, s2: c * (1 + s2)),  # the folded form
        lambda z, noise: sampler(z, noise, A=lambda c, step, s2: step),
        lambda z, noise: sampler(1.1 * z, noise),
        lambda z, noise: sampler(z, noise[::2]),  # half of the steps
        lambda z, noise: sampler(z, noise, first=-13.0),
        lambda z, noise: sampler(z, noise, last=False),
    ],
    "05.2": [  # the ratio is about x_t
        lambda f, mmse, gamma: price(f, lambda eta: mmse(eta / f(-gamma) ** 2), gamma),
    ],
    "06.2": [lambda gaps: (1 / (1 + gaps.square().sum(2))).mean(1)],  # the rest in its mistakes
    "06.3": [
        lambda z, *gammas: ANSWER["06.3"](z, *gammas).mean().expand(len(z)),
        lambda z, gamma_s, gamma_t: 1 / (1 + (gamma_t - gamma_s) + 0 * z),
    ],
    "07.4": [lambda costs, price: float(costs.diagonal(1).sum()) + price * (len(costs) - 1)],
    "07.5": [
        broken_step,
        lambda *given: broken_step(*given, moves=True),
        lambda *given: broken_step(*given, means=True),
    ],
    "08.2": [broken_control],
    "09.1": [
        lambda *given: independent(*(seen.reshape(-1, 1) for seen in given)),  # one histogram
        lambda *given: independent(*given, extra=1),
        lambda *given: independent(*given, swap=True),
    ],
    "10.4": [
        lambda d: above(1.95, d).any(1),
        lambda d: above(2.0, d).any(1),
        lambda d: (d.cumsum(1) > 1.96 * torch.arange(1, d.shape[1] + 1).sqrt()).any(1),  # one side
        lambda d: above(1.96, d)[:, 1:].any(1),
        lambda d: above(1.96, d)[:, :-1].any(1),
        lambda d: above(1.96, d)[:, :5].any(1),  # five looks, whatever there are
        lambda d: above(1.96, d).sum(1),
        lambda d: above(1.96, d).any(1).double().mean(),  # their share
    ],
    "11.1": [with_means],
    "12.1": [
        lambda g, h: near(g, h, each=True),
        lambda g, h: near(g, h, moved=False),
        lambda g, h: near(g, h, bits=False),
    ],
    "13.2": [pale],
    "13.4": [
        *(partial(variance_by_differences, h=10.0**-k) for k in range(1, 5)),
        lambda denoise, z, snr: variance(denoise, z, snr) * snr**0.5,  # the slope itself
        lambda denoise, z, snr: 1 - denoise(z) ** 2,  # the coin's
        lambda denoise, z, snr: denoise(z) / z / snr**0.5,  # of a straight line
    ],
}
