"""Exercises of notebook 12, The ratio on MNIST."""

from __future__ import annotations

import math
from typing import Any

from .forms import Exercise, Formula, Number, Program

_BROKEN = """
```python
def broken(a, b):
    def kernel(x, y):
        return (x @ y.T / x.shape[1] + 1) ** 3

    return kernel(a, a).mean() + kernel(b, b).mean() - kernel(a, b).mean()
```
"""


def _features(generator: Any) -> tuple[Any, Any]:
    import torch

    a = torch.randn(6, 4, generator=generator, dtype=torch.float64)
    return a, torch.randn(5, 4, generator=generator, dtype=torch.float64) + 0.5


def _kernel_distance(a: Any, b: Any) -> Any:
    def kernel(x: Any, y: Any) -> Any:
        return (x @ y.T / x.shape[1] + 1) ** 3

    def within(x: Any) -> Any:
        k = kernel(x, x)
        return (k.sum() - k.diagonal().sum()) / (len(x) * (len(x) - 1))

    return within(a) + within(b) - 2 * kernel(a, b).mean()


def _exact_over_folded() -> float:
    gamma_s, gamma_t = -13.3 + 18.3 * 0.75, 5.0
    alpha2_s, alpha2_t = (1 / (1 + math.exp(gamma)) for gamma in (gamma_s, gamma_t))
    sigma2_t = 1 - alpha2_t
    return (1 + sigma2_t * alpha2_s / alpha2_t) / (1 + sigma2_t)


EXERCISES = [
    Exercise(
        "12.1",
        "With $w=1$ and $T$ steps a model's diffusion loss is $D$ **bits** per dimension. How "
        "large must $D$ be for the constant ratio $w=\\frac12$ to give a smaller one, the network "
        "and the steps being the same? A formula in `T`: the $D$ at which the two are equal.",
        Formula({"T": (1.0, 1000.0)}),
        "T*(1 - 1/(2*log(2)))",
        "by L2 one part of the loss is proportional to w, and the other knows nothing of the data; "
        "mind the unit of that other part",
    ),
    Exercise(
        "12.2",
        "In one step half of the pixels have $m_j=0$ (the black border, say) and the other half "
        "$m_j=2$. How many **bits** per dimension does a ratio for each pixel save against the "
        "best shared one (W5)?",
        Number(),
        lambda: (math.log(2) - math.log(3) / 2) / (2 * math.log(2)),
        "the shared ratio sees m = 1; each pixel its own",
    ),
    Exercise(
        "12.3",
        "This program should return the unbiased kernel distance of two sets of features: 0 on "
        "average if both sets come from the same distribution, however small they are. Two things "
        f"in it are wrong. Mend it.\n{_BROKEN}",
        Program("a (n, d), b (m, d)", "one number, a tensor without dimensions", _features),
        _kernel_distance,
        "E k(a, a') is about two different draws; and how often is <p, q> in ||p - q||^2?",
    ),
    Exercise(
        "12.4",
        "The scaling encoder, $T=4$, $\\gamma$ linear from $-13.3$ to $5$. In the first step of "
        "the sampler, from $t=1$, the folded mean takes $A=c\\,(1+\\sigma_t^2)$ times $\\hat x$. "
        "How many times larger is the $A$ that brings a perfect prediction $\\hat x=x_1$ to the "
        "right place for $x_s=\\alpha_s^2x$?",
        Number(1e-2),
        _exact_over_folded,
        "tau = c x_t + (x_s - x_t) as a multiple of x_t; alpha_s^2 - alpha_t^2 = alpha_s^2 "
        "sigma_t^2 c",
    ),
]
