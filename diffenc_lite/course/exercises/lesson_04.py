"""Exercises of notebook 04, Adding an encoder."""

from __future__ import annotations

import math
from typing import Any

from .forms import Choice, Exercise, Formula, Program, Simulation, Vector

_BROKEN = """
```python
def broken(x, gamma):
    y, dy = torch.func.jvp(lambda g: torch.sin(x + g[:, None]), (gamma,), (torch.ones_like(gamma),))
    alpha, sigma = torch.sigmoid(-gamma)[:, None], torch.sigmoid(gamma)[:, None]
    x_t = alpha**2 * x + sigma**2 * y
    return x_t, x_t - y + dy
```
"""


def _inputs_of_encoder(generator: Any) -> tuple[Any, Any]:
    import torch

    x = torch.randn(5, 3, generator=generator, dtype=torch.float64)
    return x, 6 * torch.rand(5, generator=generator, dtype=torch.float64) - 3


def _encoder(x: Any, gamma: Any) -> tuple[Any, Any]:
    """x_t, and u as the derivative of the whole encoding in lambda, over sigma_t^2."""
    import torch

    def encoding(minus_gamma: Any) -> Any:
        lam = minus_gamma[:, None]
        return torch.sigmoid(lam) * x + torch.sigmoid(-lam) * torch.sin(x - lam)

    x_t, slope = torch.func.jvp(encoding, (-gamma,), (torch.ones_like(gamma),))  # type: ignore[misc]
    return x_t, slope / torch.sigmoid(gamma)[:, None]


def _variance_without_counterterm() -> float:
    """Of z_0: every step is linear in z_t, with noise added."""
    variance, steps = 1.0, 200
    gamma = [-13.3 + 18.3 * i / steps for i in range(steps + 1)]
    alpha2 = [1 / (1 + math.exp(g)) for g in gamma]
    for s, t in zip(range(steps - 1, -1, -1), range(steps, 0, -1), strict=True):
        c = -math.expm1(gamma[s] - gamma[t])
        keep = math.sqrt(alpha2[t] / alpha2[s]) * math.exp(gamma[s] - gamma[t])
        keep *= alpha2[s] / alpha2[t]  # sigma_s^2 / sigma_t^2
        x_hat = alpha2[t] ** 2.5 / (alpha2[t] ** 3 + 1 - alpha2[t])
        slope = keep + math.sqrt(alpha2[s]) * c * x_hat
        variance = slope**2 * variance + (1 - alpha2[s]) * c
    return variance


EXERCISES = [
    Exercise(
        "04.1",
        "Data $x=\\pm1$, and a learned encoder whose network says the opposite of the data, "
        "$y(x,\\gamma)=-x$. At which $\\gamma$ does the latent $z_t=\\alpha_tx_t+\\sigma_t"
        "\\varepsilon$ have the smallest power $\\mathbb E z_t^2$, and what is it? Predict first "
        "where $x_t=0$ and whether the minimum is there; then compute. (Three digits are enough.)",
        Vector((2,), tolerance=2e-3),
        lambda: [-math.log(2), 11 / 27],
        "the power is alpha^2 x_t^2 + sigma^2 with x_t = (alpha^2 - sigma^2) x: a polynomial in "
        "alpha^2, or a curve to scan",
    ),
    Exercise(
        "04.2",
        "Seen from $x$, the scaling encoder is a noisier channel. What is the signal-to-noise "
        "ratio of $z_t$ about $x$ (not about $x_t$)? A formula in `gamma`.",
        Formula({"gamma": (-5.0, 5.0)}),
        "exp(-gamma)/(1 + exp(gamma))**2",
        "the squared factor of x in the mean, over the variance of the noise",
    ),
    Exercise(
        "04.3",
        "This program should return $x_t$ and $u$ of a learned encoder with $y(x,\\gamma)="
        "\\sin(x+\\gamma)$, for `x` of shape (n, d) and `gamma` of shape (n,). It runs without an "
        f"error, and two things in it are wrong. Mend it.\n{_BROKEN}",
        Program(
            "x (n, d), gamma (n,)",
            "two tensors (n, d), x_t and u",
            _inputs_of_encoder,
        ),
        _encoder,
        "what is the sigmoid of -gamma: alpha or its square? And d/dlambda is which d/dgamma?",
    ),
    Exercise(
        "04.4",
        "Data $N(0,1)$ and the scaling encoder. The perfect denoiser, trained with the "
        "counterterm, is known: $\\hat x=\\alpha_t^5\\,z_t/(\\alpha_t^6+\\sigma_t^2)$. Write the "
        "sampler **without** the counterterm ($\\hat u=0$, $w=1$): 200 equal steps, $\\gamma$ "
        "linear from $-13.3$ to $5$. It takes `n` and a generator and returns `n` values of "
        "$z_0$. (With the counterterm their variance would be 0.96.)",
        Simulation(
            "(n, generator)",
            "n draws of z_0, a tensor (n,)",
            lambda generator: (20_000, generator),
            {"mean": lambda z: z.mean(), "variance": lambda z: z.var()},
            tolerance=0.05,
            absolute=0.03,
        ),
        lambda: {"mean": 0.0, "variance": _variance_without_counterterm()},
        "Algorithm 2 with A = c; start from randn(n), add randn(n) in each step, the last too",
    ),
    Exercise(
        "04.5",
        "Make the number of steps of your sampler of 04.4 an argument, run it with 50, 200 and "
        "2,000 steps, and look at the variance of $z_0$, which should be 1. Which sentence "
        "describes the damage?",
        Choice(
            {
                "a": "the samples are too narrow, and more steps repair it",
                "b": "the samples are too narrow, and more steps do not repair it",
                "c": "the samples are too wide, and more steps repair it",
                "d": "the samples are too wide, and more steps do not repair it",
            }
        ),
        "b",
        "look at the variances of the three runs: do they tend to 1?",
    ),
]
