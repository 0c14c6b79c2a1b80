"""Exercises of notebook 06, The noise variance ratio."""

import torch
from torch import Generator, Tensor

from ...schedule import Noise
from .forms import Exercise, Formula, Lesson, Program

EXERCISES: Lesson = {}

EXERCISES["06.1"] = lambda: Exercise(
    question=r"""With one ratio for all $T$ steps, a chain whose diffusion loss is $L_T$ at $w=1$
    costs at best $\frac{Td}2\ln\big(1+\frac{2L_T}{Td}\big)$ (W1c). Now take two ratios: the $T/2$
    steps near the data share one, the other $T/2$ share another. The two halves have the diffusion
    losses $L_1$ and $L_2$ at $w=1$ (nats). What does the chain cost with the best two? A formula in
    `L_1, L_2, T, d`.""",
    form=Formula({"L_1": (0.1, 30.0), "L_2": (0.1, 30.0), "T": (2.0, 60.0), "d": (1.0, 9.0)}),
    answer="T*d/4*(log(1 + 4*L_1/(T*d)) + log(1 + 4*L_2/(T*d)))",
    hints=["The halves do not meet: minimise each by itself, as in W1c.",
           "Each half is a chain of $T/2$ steps with a loss of its own.",
           "For $L_1=L_2$ the sum must be W1c with $L_T=L_1+L_2$."],
)


def _inputs_of_fit(generator: Generator) -> tuple[Tensor]:
    sizes = torch.tensor([0.2, 1.0, 3.0], dtype=torch.float64)[:, None, None]
    return (sizes * torch.randn(3, 7, 4, generator=generator, dtype=torch.float64),)


EXERCISES["06.2"] = lambda: Exercise(
    question=r"""This program should return $w^*$ of every step, from raw differences
    $(\mu_P-\mu_Q)/\sigma_Q$ of $n$ examples with $d$ dimensions, a tensor (T, n, d). Two things in
    it are wrong. Fix it.

    ```python
    def broken(gaps):
        squared = gaps.square().sum(2)  # (T, n)
        return (1 / (1 + squared)).mean(1)
    ```""",
    form=Program("gaps (T, n, d)", "the ratios, (T,)", _inputs_of_fit),
    answer=lambda gaps: 1 / (1 + gaps.square().mean((1, 2))),
    hints=["Hold the program against the definition of $m$: what is averaged, and over what?",
           "The mean in $m$ is over examples and over dimensions.",
           "Is the ratio of a mean the mean of ratios?"],
    mistakes={"the ratios are averaged: average first, and take the ratio then":
              lambda gaps: (1 / (1 + gaps.square().mean(2))).mean(1),
              "the dimensions are summed: $m$ is a mean over them too":
              lambda gaps: 1 / (1 + gaps.square().sum(2).mean(1))},
)


def _inputs_of_latents(generator: Generator) -> tuple[Tensor, Tensor, Tensor]:
    z = 1.5 * torch.randn(7, generator=generator, dtype=torch.float64)
    gamma_s, step = 3 * torch.rand(2, generator=generator, dtype=torch.float64)
    return z, gamma_s - 2, gamma_s + step - 1.5


def answer_06_3(z: Tensor, gamma_s: Tensor, gamma_t: Tensor) -> Tensor:
    """From the spread of three values with equal odds."""
    x, t = torch.tensor([-1.0, 0.0, 1.0], dtype=z.dtype), Noise.from_gamma(gamma_t)
    share = (-0.5 * ((z[:, None] - t.alpha * x) / t.sigma).square()).softmax(1)
    spread = share @ x**2 - (share @ x) ** 2
    return 1 / (1 + (torch.exp(-gamma_s) - torch.exp(-gamma_t)) * spread)


EXERCISES["06.3"] = lambda: Exercise(
    question=r"""Fit a ratio for each $z_t$. The data are $x\in\{-1,0,1\}$ with equal odds, the
    model is a VDM with the perfect denoiser. Write a program that returns the best ratio of the
    step from `gamma_t` down to `gamma_s`, for each of the given latents `z` $=z_t$.""",
    form=Program("z (n,), gamma_s (), gamma_t ()", "the ratios, (n,)", _inputs_of_latents),
    answer=answer_06_3,
    hints=["For one $z_t$, $m$ is an average over what $z_t$ leaves open about $x$.",
           r"It is $\mathrm{SNR}(s)-\mathrm{SNR}(t)$ times the variance of $x$ given $z_t$.",
           "Bayes' rule: the three probabilities are a softmax of "
           r"$-(z-\alpha_tx)^2/(2\sigma_t^2)$."],
)
