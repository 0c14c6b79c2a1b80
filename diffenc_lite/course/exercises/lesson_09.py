"""Exercises of notebook 09, Training on MNIST."""

import torch
from torch import Generator, Tensor

from .forms import Choice, Exercise, Formula, Lesson, Number, Program

EXERCISES: Lesson = {}


def _levels(generator: Generator) -> tuple[Tensor, ...]:
    """Levels of images to count and of images to score, each pixel with habits of its own"""
    habit = torch.randint(0, 250, (5,), generator=generator)
    jitter = [torch.randint(0, 6, (n, 5), generator=generator) for n in (40, 30)]
    return tuple(habit + part for part in jitter)


def answer_09_1(train: Tensor, test: Tensor) -> Tensor:
    counts = torch.stack([torch.bincount(seen, minlength=256) for seen in train.T]) + 1 / 8
    bits = -torch.log2(counts.double() / counts.sum(1, keepdim=True))
    return bits.gather(1, test.T).mean()


EXERCISES["09.1"] = lambda: Exercise(
    question="""*Independent pixels.* Give each pixel of the image a histogram of its own. Count
    the levels in the training images, add $1/8$ to each of the 256 counts, and turn counts into
    probabilities. Return what the test images cost, in bits per pixel.""",
    form=Program("train (n, d), test (m, d), levels from 0 to 255", "one number", _levels),
    answer=answer_09_1,
    hints=["Three things may go wrong here: the logarithm's base, what 1/8 is added to, and "
           "whose counts a pixel uses.",
           "Begin with one pixel, a column of train and of test: `torch.bincount` counts.",
           "The probabilities come from train alone; the mean is over the pixels of test."],
)

EXERCISES["09.2"] = lambda: Exercise(
    question=r"""An untrained network adds nothing, so $\hat v=z$. What does it pay in diffusion
    loss for a pixel with $x^2=1$, at infinite depth, in **nats**? Give it as a formula in
    `gamma_0, gamma_1`.""",
    form=Formula({"gamma_0": (-13.3, -2.0), "gamma_1": (-1.0, 6.0)}),
    answer="log(1 + exp(-gamma_0)) - log(1 + exp(-gamma_1))",
    hints=["First the mean of (v - z)^2 over the noise, then its weight in L4, then the "
           "integral.",
           r"$v-z=(\alpha-\sigma)\varepsilon-(\alpha+\sigma)x$. For $x^2=1$ the mean of its "
           "square is 2 at every depth, so only the weight is left to integrate.",
           r"The weight $\alpha^2$ is the sigmoid of $-\gamma$. What has it as its derivative?"],
)

EXERCISES["09.3"] = lambda: Exercise(
    question="""We take away the Fourier features, sines and cosines of $z$, the fastest of which
    goes through a whole period from one grey level to the next. Then we train again. Predict: where
    does the loss rise?""",
    form=Choice({"a": "at high noise",
                 "b": "at all depths, by the same factor",
                 "c": "at low noise",
                 "d": "in the reconstruction loss"}),
    answer="c",
    hints=["A network is a smooth function. At low noise the noise of a black pixel is $z$ minus "
           r"a known number, divided by a $\sigma$ down to 0.0013. How steep is that?",
           "Which of the terms has a network in it at all?"],
)

EXERCISES["09.4"] = lambda: Exercise(
    question=r"""Three trainings went wrong, each by one mistake. These are their bounds on held-out
    images, beside a healthy one:

    | | prior | reconstruction | diffusion | total |
    |---|---|---|---|---|
    | healthy | 0.0045 | 0.0061 | 1.006 | 1.017 |
    | A | 0.0031 | 0.0042 | 0.698 | 0.705 |
    | B | 0.0045 | 0.0061 | 18.20 | 18.21 |
    | C | 0.0045 | 3.55 | 0.39 | 3.94 |

    1. the learning rate is far too high
    2. nats are reported as if they were bits
    3. the images are scaled to $(0,1)$ instead of $(-1,1)$
    4. the moving average of the weights, which is what gets scored, has hardly moved yet
    5. the noise begins at $\gamma_0=-6$ instead of $-13.3$
    6. the noise ends at $\gamma_1=2$ instead of $5$

    Which mistake is it in A, in B and in C? Give three numbers.""",
    form=Number(tolerance=0.0, count=3),
    answer=lambda: [2, 4, 5],
    hints=["Ask of each term whether it is its price. Which can a network not change?",
           "In A, divide each term by the healthy one. In B, only one term is off: is its value "
           "known from somewhere?",
           "In C two terms are off, in opposite directions: what was taken from one and handed "
           "to the other?"],
)
