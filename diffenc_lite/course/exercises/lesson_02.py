"""Exercises of notebook 02, The bound."""

from typing import Any

import torch

from ..worlds import Gaussian
from .forms import ANY, UNIT, Choice, Exercise, Formula, Lesson, Program

EXERCISES: Lesson = {}

EXERCISES["02.1"] = lambda: Exercise(
    question=r"""The data are $-1$, $0$ or $+1$ with equal odds, and
    $z = \alpha x + \sigma\varepsilon$. What is the exact denoiser $E[x|z]$? A formula in
    `z, alpha, sigma`.""",
    form=Formula({"z": ANY, "alpha": UNIT, "sigma": UNIT}, absolute=1e-12, noise=True),
    answer="2*sinh(alpha*z/sigma**2)/(2*cosh(alpha*z/sigma**2) + exp(alpha**2/(2*sigma**2)))",
    hints=["The guess is an average of the three values, weighted by how likely each makes this "
           "$z$.",
           r"The weight of $x$ is $e^{-(z-\alpha x)^2/(2\sigma^2)}$; what all three share "
           "cancels.",
           "The value 0 adds nothing to the sum of weighted values, but something to the sum of "
           "weights."],
)


def _world_and_noise_levels(generator: Any) -> tuple[Any, ...]:
    first, *steps = torch.rand(13, generator=generator, dtype=torch.float64)
    return Gaussian(float(0.5 + first)).mmse, -6 + torch.stack(steps).cumsum(0)


def answer_02_2(mmse: Any, gamma: Any, look: slice = slice(1, None)) -> Any:
    snr = (-gamma).exp()
    return 0.5 * ((snr[:-1] - snr[1:]) * mmse(snr[look])).sum()


EXERCISES["02.2"] = lambda: Exercise(
    question=r"""This program is meant to compute the diffusion loss of a perfect VDM. For a coin
    and fifty steps it says too little: with the prior less than $\ln2$ nats, the entropy. `mmse` is
    a function of tensors of signal-to-noise ratios, `gamma` has the $T+1$ noise levels from data to
    noise. Find the mistake and write the right program.

    ```python
    def broken(mmse, gamma):
        snr = torch.exp(-gamma)
        return 0.5 * ((snr[:-1] - snr[1:]) * mmse(snr[:-1])).sum()
    ```""",
    form=Program(
        "mmse (a function), gamma (T+1,)", "the sum of the T rectangles", _world_and_noise_levels),
    answer=answer_02_2,
    hints=["At which end of its step does the denoiser look?",
           "The tensor `gamma` runs from data to noise: which end of a step is `snr[:-1]`?"],
    mistakes={"the denoiser looks at the end near the data of each step":
              lambda mmse, gamma: answer_02_2(mmse, gamma, slice(None, -1))},
)

EXERCISES["02.3"] = lambda: Exercise(
    question=r"""A VDM with $\gamma$ rising in a straight line from $-13.3$ to $5$ and 8-bit data is
    evaluated with so many draws that chance plays no part, in bits per dimension. At these ends no
    grey level of a pixel costs more than 0.0105 in the reconstruction. Which of these results point
    to a bug?""",
    form=Choice({"a": "on some pictures its prior loss is 0.006",
                 "b": "on some pictures its reconstruction loss is 0.0053",
                 "c": "on some pictures its reconstruction loss is 0.012",
                 "d": "trained anew on fair coin tosses, which have two levels, its bound is "
                      "0.98",
                 "e": "its bound with 10 steps is nearly three times its bound with 1000"},
                many=True),
    answer="acd",
    hints=["Look for the largest value that each term can take, and for the smallest that any "
           "bound can.",
           "The two ends have fixed prices: no picture pays more for a pixel than for the "
           "dearest grey level. For the prior that is black or white.",
           "How many bits is a fair coin, and what do few steps cost even a perfect model?"],
)
