"""Exercises of notebook 13, Neighbours."""

import math
from typing import Any

import torch

from ...schedule import Noise, value_and_slope
from .forms import Choice, Exercise, Formula, Lesson, Program

EXERCISES: Lesson = {}

EXERCISES["13.1"] = lambda: Exercise(
    question=r"""Pencil and paper. A VDM's network predicts
    $\hat\varepsilon=\mathbb E[\varepsilon\mid z_t]+\xi$, where $\xi$ is noise of its own,
    independent of everything, with mean 0 and variance $v$ in each dimension. For the best variance
    of a step Analytic-DPM takes $m_A=k\,(1-\mathbb E\|\hat\varepsilon\|^2/d)$, where
    $m=k\,\mathbb E\|\varepsilon-\hat\varepsilon\|^2/d$ is right, with $k=e^{\gamma_t-\gamma_s}-1$.
    By how much is $m_A$ **too small**: $m-m_A$? A formula in `v, gamma_t, gamma_s`.""",
    form=Formula({"v": (0.01, 0.5), "gamma_t": (0.5, 3.0), "gamma_s": (-3.0, 0.0)}),
    answer="2*v*(exp(gamma_t - gamma_s) - 1)",
    hints=["The noise enters twice: the true squared error, and the size of the prediction.",
           "What does it add to each?",
           "Analytic-DPM subtracts the second from one, where the first should be added."],
)


def _two_latents(generator: Any) -> tuple[Any, ...]:
    z, x_hat = torch.randn(2, 5, 3, dtype=torch.float64, generator=generator)
    gamma_s, step = torch.rand(2, dtype=torch.float64, generator=generator)
    return z, x_hat, 4 * gamma_s - 2, 4 * gamma_s - 2 + 0.3 + 2 * step


def answer_13_2(z: Any, x_hat: Any, gamma_s: Any, gamma_t: Any) -> Any:
    s, t = Noise.from_gamma(gamma_s), Noise.from_gamma(gamma_t)
    return s.alpha * x_hat + s.sigma / t.sigma * (z - t.alpha * x_hat)


EXERCISES["13.2"] = lambda: Exercise(
    question="""This is said to be the mean of a step of DDIM without noise, but its samples are
    pale:

    ```python
    def mean(z, x_hat, gamma_s, gamma_t):
        c = -torch.expm1(gamma_s - gamma_t)
        alpha_s, alpha_t = torch.sigmoid(-gamma_s).sqrt(), torch.sigmoid(-gamma_t).sqrt()
        share = torch.sigmoid(gamma_s) / torch.sigmoid(gamma_t)
        return alpha_t / alpha_s * share * z + alpha_s * c * x_hat
    ```

    Whose mean is it? Mend it.""",
    form=Program(
        "z (n, d), x_hat (n, d), gamma_s and gamma_t (tensors of one number)",
        "a tensor (n, d)",
        _two_latents),
    answer=answer_13_2,
    hints=["A step without noise draws nothing: what becomes of the noise that is in the latent?",
           "What the latent has beside the data at t is noise, of which size?",
           "No noise is added, so the old noise has to be given the size that noise has at s."],
)

EXERCISES["13.3"] = lambda: Exercise(
    question=r"""Two **correlated** standard normals, each with a schedule of its own, the same for
    all data. Which denoisers make the diffusion loss at infinite depth *independent of the path* of
    $(\gamma_1,\gamma_2)$ between its end points? Predict first.""",
    form=Choice({"a": "the posterior mean E[x|z]",
                 "b": "0.8 times the posterior mean",
                 "c": "the posterior mean of two independent standard normals",
                 "d": "the posterior mean as it would be if both gammas were equal to their mean"},
                many=True),
    answer="abc",
    hints=["A posterior mean will do, even of other data. Two of the four are none: is one of them "
           "near enough?",
           "Shrinking a prediction by a fixed factor mixes its error with a constant one.",
           "A constant error costs the same on every path, because the end points are fixed."],
)


def _three_points(generator: Any) -> tuple[Any, ...]:
    """E[x|z] of random data with three values, for z = sqrt(snr) x + eps; z (7,) and snr. In single
    precision: its slope keeps six digits, a difference quotient does not."""
    drawn = torch.rand(14, dtype=torch.float64, generator=generator)
    values, odds, share, z = drawn.split([3, 3, 1, 7])
    values, odds, snr = 2 * values - 1, 0.1 + odds, float(0.3 + 4 * share)

    def denoise(z: Any) -> Any:
        away = (z[..., None] - math.sqrt(snr) * values).square()
        return ((odds.log() - away / 2).softmax(-1) @ values).float().double()

    return denoise, 6 * z - 3, snr


EXERCISES["13.4"] = lambda: Exercise(
    question=r"""The variance that OCM needs, in one dimension and for any perfect denoiser:
    $\mathrm{Var}[x\mid z]=\frac1{\sqrt{\mathrm{SNR}}}\frac{d}{dz}\mathbb E[x\mid z]$, where
    $z=\sqrt{\mathrm{SNR}}\,x+\varepsilon$. `denoise` maps $z$ (n,) to $\mathbb E[x\mid z]$ (n,).
    Return the variance **exactly**: no difference quotient, no knowledge of the data.""",
    form=Program(
        "denoise (a function), z (n,) and snr (a number)",
        "a tensor (n,)",
        _three_points,
        tolerance=1e-6,
        absolute=1e-9),
    answer=lambda denoise, z, snr: value_and_slope(denoise, z)[1] / math.sqrt(snr),
    hints=["A difference quotient is not exact: what gives slopes without one?",
           "Forward mode, as in lesson 04, gives the slope at every z in one call."],
)
