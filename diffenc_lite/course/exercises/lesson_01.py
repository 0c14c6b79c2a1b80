"""Exercises of notebook 01, A Gaussian toolbox."""

import torch
from torch import Generator, Tensor

from ...schedule import Noise
from .forms import Choice, Exercise, Formula, Lesson, Program

EXERCISES: Lesson = {}


def _draw_a_step(generator: Generator) -> tuple[Tensor, ...]:
    z_s, x_s, x_t = torch.randn(3, 7, generator=generator, dtype=torch.float64)
    gamma_s, step = 2 * torch.rand(2, generator=generator, dtype=torch.float64)
    return z_s, x_s, x_t, gamma_s - 2, gamma_s - 2 + step + 0.1


def answer_01_1(z_s: Tensor, x_s: Tensor, x_t: Tensor, gamma_s: Tensor, gamma_t: Tensor) -> Tensor:
    s, t = Noise.from_gamma(gamma_s), Noise.from_gamma(gamma_t)
    return t.alpha * x_t + t.sigma / s.sigma * (z_s - s.alpha * x_s)


EXERCISES["01.1"] = lambda: Exercise(
    question=r"""A step that adds no noise: it keeps $h=\sigma_t/\sigma_s$ times the noise that is
    in $z_s$. Write it as a function of `(z_s, x_s, x_t, gamma_s, gamma_t)`, all of them tensors,
    that returns $z_t$. If `z_s` follows F1 at $s$, what it returns must follow F1 at $t$. (Then use
    it for a few walks from $t=0$ to $t=1$. Do two of them ever cross?)""",
    form=Program(
        "z_s (n,), x_s (n,), x_t (n,), gamma_s (), gamma_t ()", "a tensor (n,)", _draw_a_step),
    answer=answer_01_1,
    hints=[r"The noise in $z_s$ is what is left without its signal, $\alpha_s x_s$.",
           "Times $h$, it is as strong as the noise in $z_t$ has to be.",
           "Add the signal that F1 asks for at $t$."],
)

EXERCISES["01.2"] = lambda: Exercise(
    question=r"""With pencil and paper: the data point $x$ is known. What is the correlation of
    $z_s$ and $z_t$, that is, their covariance over the product of their standard deviations? A
    formula in `step` $= \gamma_t - \gamma_s$, nothing else.""",
    form=Formula({"step": (0.01, 10.0)}),
    answer="exp(-step/2)",
    hints=["F2 writes $z_t$ as a multiple of $z_s$ plus noise that is new: so what is their "
           "covariance?",
           r"It is that multiple times the variance of $z_s$; now divide by $\sigma_s\sigma_t$.",
           r"Collect $\alpha_t/\sigma_t$ and $\alpha_s/\sigma_s$: each is the root of a "
           "signal-to-noise ratio."],
)

EXERCISES["01.3"] = lambda: Exercise(
    question="""Walks that start in the noise and take a hundred short steps back, each drawn from
    the posterior (F3) of the data point 2, end at 2, because F3 knows it. Suppose that F3 is given
    another data point: at every depth $-x_t$ in place of $x_t$. The walks start in the noise as
    before. Where do they end? Predict, then run it.""",
    form=Choice({"a": "at 2, as before",
                 "b": "at -2",
                 "c": "around 0, between the two",
                 "d": "some at 2 and some at -2"}),
    answer="b",
    hints=["Each step keeps a share of $z_t$. Multiply the shares of all steps: how much of the "
           "first latent is left?",
           "F3's mean keeps a share of $z_t$, is pulled to the data, and follows their motion: "
           "which of these three get the new point?"],
)
