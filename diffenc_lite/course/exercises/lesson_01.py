"""Exercises of notebook 01, A Gaussian toolbox."""

from __future__ import annotations

import math
from typing import Any

from .forms import Choice, Exercise, Formula, Number, Program, Simulation


def _draw_a_step(generator: Any) -> tuple[Any, ...]:
    import torch

    z_s, x_s, x_t = torch.randn(3, 7, generator=generator, dtype=torch.float64)
    gamma_s, step = 2 * torch.rand(2, generator=generator, dtype=torch.float64)
    return z_s, x_s, x_t, gamma_s - 2, gamma_s - 2 + step + 0.1


def _stretch(z_s: Any, x_s: Any, x_t: Any, gamma_s: Any, gamma_t: Any) -> Any:
    alpha_s, alpha_t = (-gamma_s).sigmoid().sqrt(), (-gamma_t).sigmoid().sqrt()
    sigma_s, sigma_t = gamma_s.sigmoid().sqrt(), gamma_t.sigmoid().sqrt()
    return alpha_t * x_t + sigma_t / sigma_s * (z_s - alpha_s * x_s)


def _walk() -> dict[str, float]:
    def sigmoid(a: float) -> float:
        return 1 / (1 + math.exp(-a))

    carried = math.sqrt(sigmoid(-2) / sigmoid(1))  # alpha at gamma = 2 over alpha at gamma = -1
    return {
        "mean at the end": math.sqrt(sigmoid(-2)),
        "variance at the end": sigmoid(2),
        "covariance of middle and end": carried * sigmoid(-1),
    }


def _covariance(path: Any) -> Any:
    middle, end = path[3] - path[3].mean(), path[-1] - path[-1].mean()
    return (middle * end).mean()


EXERCISES = [
    Exercise(
        "01.1",
        "A step that adds no noise. Write the step with $h = \\sigma_t/\\sigma_s$: a function of "
        "`(z_s, x_s, x_t, gamma_s, gamma_t)`, all of them tensors, that returns $z_t$. If `z_s` "
        "follows F1 at $s$, what it returns must follow F1 at $t$. (Then use it for a few walks "
        "from $t = 0$ to $t = 1$, as in the opening picture. Do two of them ever cross?)",
        Program(
            "z_s (n,), x_s (n,), x_t (n,), gamma_s (), gamma_t ()",
            "a tensor (n,)",
            _draw_a_step,
        ),
        _stretch,
        "the noise that is in z_s is z_s - alpha_s x_s; which part of z_t must come from it, and "
        "which from x_t?",
    ),
    Exercise(
        "01.2",
        "Of the noise variance in $z_t$, the share $c = 1 - \\mathrm{SNR}(t)/\\mathrm{SNR}(s)$ "
        "came in on the step from $s$. Write $c$ as a function of `step` $= \\gamma_t - \\gamma_s$ "
        "that keeps six digits even for a step of $10^{-12}$.",
        Formula({"step": (1e-12, 10.0)}),
        "1 - exp(-step)",
        "if only tiny steps fail, two nearly equal numbers cancel: what is expm1 for?",
    ),
    Exercise(
        "01.3",
        "Mend a broken program. It should walk $n$ latents of the data point $x_t = 1$ from "
        "$\\gamma = -4$ to $\\gamma = 2$ by steps of F2, and return all seven depths, `(7, n)`:\n\n"
        "```python\n"
        "def answer_01_3(n, generator):\n"
        "    gammas = torch.linspace(-4, 2, 7)\n"
        "    alphas, sigmas = torch.sigmoid(-gammas).sqrt(), torch.sigmoid(gammas).sqrt()\n"
        "    noise = torch.randn(n, generator=generator)\n"
        "    path = [alphas[0] + sigmas[0] * noise]\n"
        "    for i in range(6):\n"
        "        c = -torch.expm1(gammas[i] - gammas[i + 1])\n"
        "        shrunk = alphas[i + 1] / alphas[i] * path[-1]\n"
        "        path.append(shrunk + sigmas[i + 1] * c.sqrt() * noise)\n"
        "    return torch.stack(path)\n"
        "```\n\n"
        "First predict: is the mean of the last row right? Is its variance too small, right, or "
        "too large? Run it and compare with F1; then repair it.",
        Simulation(
            "(n, generator)",
            "a tensor (7, n), the latents at the seven depths",
            lambda generator: (40_000, generator),
            {
                "mean at the end": lambda path: path[-1].mean(),
                "variance at the end": lambda path: path[-1].var(),
                "covariance of middle and end": _covariance,
            },
            tolerance=0.01,
            absolute=0.025,
        ),
        _walk,
        "each step must add noise that has nothing to do with the noise already there",
    ),
    Exercise(
        "01.4",
        "In the right panel of the opening picture the walks end at the data point, because F3 "
        "knows it. Suppose that `back` is given another data point: at every depth $-x_t$ in place "
        "of $x_t$. The walks start in the noise as before. Where do they end? Predict, then run "
        "it.",
        Choice(
            {
                "a": "at 2, as before",
                "b": "at -2",
                "c": "around 0, between the two",
                "d": "some at 2 and some at -2",
            }
        ),
        "b",
        "near t = 0, what does the mean of F3 keep of z_t, and what is its variance?",
    ),
    Exercise(
        "01.5",
        "How good is the check? Somebody draws noise whose standard deviation is 1 % too large. "
        "From how many draws on do you expect the variance of the sample to be 4 standard errors "
        "($\\sigma^2\\sqrt{2/n}$ each) above $\\sigma^2$?",
        Number(tolerance=0.02),
        lambda: 2 * (4 / (1.01**2 - 1)) ** 2,
        "by which share of itself is the variance too large? Set that equal to four times "
        "the root of 2/n",
    ),
]
