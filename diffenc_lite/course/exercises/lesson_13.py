"""Exercises of notebook 13, Neighbours."""

from __future__ import annotations

import math
from typing import Any

from .forms import Choice, Exercise, Formula, Number, Program


def _three_points(generator: Any) -> tuple[Any, ...]:
    """E[x|z] of random data with three values, for z = sqrt(snr) x + eps; z (7,) and snr."""
    import torch

    def draw(*shape: int) -> Any:
        return torch.rand(shape, dtype=torch.float64, generator=generator)

    values, odds, snr = 2 * draw(3) - 1, 0.1 + draw(3), float(0.3 + 4 * draw())

    def denoise(z: Any) -> Any:
        away = (z[..., None] - math.sqrt(snr) * values).square()
        return (odds.log() - away / 2).softmax(-1) @ values

    return denoise, 6 * draw(7) - 3, snr


def _slope_of(denoise: Any, z: Any, snr: float) -> Any:
    import torch

    return torch.func.jvp(denoise, (z,), (torch.ones_like(z),))[1] / math.sqrt(snr)


def _steps_that_keep_the_spread() -> float:
    total = math.atan(math.exp(5.0 / 2)) - math.atan(math.exp(-13.3 / 2))
    return next(T for T in range(1, 10_000) if math.cos(total / T) ** T >= 0.99)


def _two_latents(generator: Any) -> tuple[Any, ...]:
    import torch

    z, x_hat = torch.randn(2, 5, 3, dtype=torch.float64, generator=generator)
    gamma_s, step = torch.rand(2, dtype=torch.float64, generator=generator)
    return z, x_hat, 4 * gamma_s - 2, 4 * gamma_s - 2 + 0.3 + 2 * step


def _ddim(z: Any, x_hat: Any, gamma_s: Any, gamma_t: Any) -> Any:
    (alpha_s, sigma_s), (alpha_t, sigma_t) = (
        ((-gamma).sigmoid().sqrt(), gamma.sigmoid().sqrt()) for gamma in (gamma_s, gamma_t)
    )
    return alpha_s * x_hat + sigma_s / sigma_t * (z - alpha_t * x_hat)


EXERCISES = [
    Exercise(
        "13.1",
        "A network without an encoder predicts $\\hat\\varepsilon=\\mathbb E[\\varepsilon|z_t]"
        "+\\xi$, where $\\xi$ is a noise of its own, independent of everything, with mean 0 and "
        "variance $v$ in each dimension. By how much is Analytic-DPM's $m_A$ **too small**: "
        "$m-m_A$? A formula in `v, gamma_t, gamma_s`.",
        Formula({"v": (0.01, 0.5), "gamma_t": (0.5, 3.0), "gamma_s": (-3.0, 0.0)}),
        "2*v*(exp(gamma_t - gamma_s) - 1)",
        "the noise adds v to the true error, and v to the mean square of the prediction; "
        "Analytic-DPM counts the second with the wrong sign",
    ),
    Exercise(
        "13.2",
        "The variance of OCM in one dimension, for any perfect denoiser. `denoise` maps $z$ "
        "(n,) to $\\mathbb E[x|z]$ (n,), where $z=\\sqrt{\\mathrm{SNR}}\\,x+\\varepsilon$. Return "
        "$\\mathrm{Var}[x|z]$, **exactly**: no difference quotient, and no knowledge of the data.",
        Program(
            "denoise (a function), z (n,) and snr (a number)",
            "a tensor (n,)",
            _three_points,
            tolerance=1e-6,
            absolute=1e-9,
        ),
        _slope_of,
        "forward mode (notebook 04) gives the slope of the denoiser at every z in one call",
    ),
    Exercise(
        "13.3",
        "Standard normal data, the exact denoiser, DDIM without noise ($\\rho=0$), and steps of "
        "**equal angle** from $\\gamma=5$ to $-13.3$. How many steps does it take until the "
        "standard deviation of the samples is at least 0.99?",
        Number(),
        _steps_that_keep_the_spread,
        "each step multiplies by the cosine of its angle; the whole angle is the difference of "
        "two arctangents of exp(gamma/2)",
    ),
    Exercise(
        "13.4",
        "Two **correlated** standard normals, each with a schedule of its own, the same for all "
        "data. Which denoisers make the diffusion loss at infinite depth *independent of the path* "
        "of $(\\gamma_1,\\gamma_2)$ between its end points?",
        Choice(
            {
                "a": "the posterior mean E[x|z]",
                "b": "0.8 times the posterior mean",
                "c": "the posterior mean of two independent standard normals",
                "d": "the posterior mean as it would be if both gammas were equal to their mean",
            },
            many=True,
        ),
        "abc",
        "for one of them write its squared error as a mixture of that of the posterior mean and "
        "of a constant; for another ask which distribution it believes in",
    ),
    Exercise(
        "13.5",
        "This is said to be the mean of a step of DDIM without noise, but its samples are pale:\n\n"
        "```python\n"
        "def mean(z, x_hat, gamma_s, gamma_t):\n"
        "    c = -torch.expm1(gamma_s - gamma_t)\n"
        "    alpha_s, alpha_t = torch.sigmoid(-gamma_s).sqrt(), torch.sigmoid(-gamma_t).sqrt()\n"
        "    share = torch.sigmoid(gamma_s) / torch.sigmoid(gamma_t)\n"
        "    return alpha_t / alpha_s * share * z + alpha_s * c * x_hat\n"
        "```\n\n"
        "Say to yourself which sampler it is, and mend it.",
        Program(
            "z (n, d), x_hat (n, d), gamma_s and gamma_t (tensors of one number)",
            "a tensor (n, d)",
            _two_latents,
        ),
        _ddim,
        "with no noise added, what is left of z - alpha_t x_hat has to be given the size that "
        "noise has at s",
    ),
]
