"""Exercises of notebook 11, What did the encoder learn?."""

import torch
from torch import Generator, Tensor

from .forms import Choice, Exercise, Formula, Lesson, Program

EXERCISES: Lesson = {}


def _encoded(generator: Generator) -> tuple[Tensor, Tensor, float]:
    """Data and encodings that are dimmed, shifted by one picture for all, and a little noisy."""
    x, picture = (torch.randn(n, 6, generator=generator, dtype=torch.float64) for n in (40, 1))
    noise = torch.randn(40, 6, generator=generator, dtype=torch.float64)
    sigma2 = 0.3 + 0.6 * float(torch.rand((), generator=generator))
    return 0.4 + x, 0.4 + x + sigma2 * (0.8 * picture - 0.6 * x + 0.3 * noise), sigma2


def answer_11_1(x: Tensor, x_t: Tensor, sigma2: float) -> tuple[Tensor, Tensor]:
    moved = x_t - x
    moved, x = moved - moved.mean(0), x - x.mean(0)
    slope = (moved * x).sum() / x.square().sum()
    return slope, 1 - (moved - slope * x).square().sum() / moved.square().sum()


EXERCISES["11.1"] = lambda: Exercise(
    question="""This probe of a learned encoder should return one slope, that of what the encoder
    changes on $x$, and the share $R^2$ that the slope explains of what differs from example to
    example. Two things in it are wrong. Mend it.

    ```python
    def broken(x, x_t, sigma2):
        y = x + (x_t - x) / sigma2
        slope = (y * x).sum() / x.square().sum()
        return slope, 1 - (y - slope * x).square().sum() / y.square().sum()
    ```""",
    form=Program("x (n, d), x_t (n, d), sigma2", "two numbers, slope and R^2", _encoded),
    answer=answer_11_1,
    hints=["Which slope and which share does it return for an encoder that has not moved?",
           "The change is x_t - x; y is not needed at all.",
           "A change that is the same for all examples has nothing to do with x: take the means "
           "over the examples out of both."],
)

EXERCISES["11.2"] = lambda: Exercise(
    question=r"""A direction of Gaussian data has the variance $s$, and an encoder multiplies it by
    a factor $f$ that changes with depth. A perfect denoiser pays $\frac12(v-1-\ln v)$ at the start,
    with $v=\alpha_1^2f_1^2s+\sigma_1^2$, and $\frac12\int\mathrm{SNR}\,\dot f^2\,\frac
    s{1+s\,\mathrm{SNR}f^2}\,d\lambda$ for the motion, $\dot f=df/d\lambda$. Let $s$ be so small
    that only the terms linear in $s$ count, and let $f$ be 1 at the data, where the SNR is very
    large. By which factor $f_1$ does the best encoder stretch the direction? A formula in
    `gamma_1`.""",
    form=Formula({"gamma_1": (-1.0, 5.0)}),
    answer="1 + exp(-gamma_1)",
    hints=["Both prices are parabolas in f_1. For the start take the first two terms of its Taylor "
           "series around v = sigma_1^2, which v is for s = 0.",
           "For small s the motion is s/2 times the integral of SNR (df/dlambda)^2. On the "
           "cheapest way SNR df/dlambda is constant, and the sum is s SNR_1 (f_1 - 1)^2 / 2.",
           "Start: -alpha_1^4 f_1^2 s / (2 sigma_1^2) and what has no f. Set the slope of the "
           "sum to 0."],
)

EXERCISES["11.3"] = lambda: Exercise(
    question=r"""Let the noise of the photographs end at $\gamma_1=5$ in place of 2. What do the two
    prices of 11.2 say, compared with $\gamma_1=2$? Removing the mean patch costs nothing.
    (`best_motion` of `diffenc_lite.course.worlds` computes the best factors.)""",
    form=Choice({"a": "the mean patch has a larger share of what can be saved",
                 "b": "a direction with $s=1$ is now dimmed",
                 "c": "fine detail is stretched less",
                 "d": "the grey of the whole patch, $s=174$, is dimmed more: the way is longer"},
                many=True),
    answer="ac",
    hints=["How do the starts of a mean and of a variance depend on a small alpha_1^2?",
           "For s = 1, v is 1 at every gamma_1.",
           "For s = 174 the start is (v - 1 - ln v)/2 with v = 1 + alpha_1^2 (s - 1): how much "
           "of it is left to save at gamma_1 = 5?"],
)
