"""Exercises of notebook 08, Two-dimensional toys."""

import math
from typing import Any

import torch

from .forms import POSITIVE, Choice, Exercise, Formula, Lesson, Program

EXERCISES: Lesson = {}

EXERCISES["08.1"] = lambda: Exercise(
    question=r"""The data are $N(0, s_2)$, and $z=\sqrt\eta\,x+\varepsilon$ with
    $\eta=\mathrm{SNR}$. A timid network says $\hat x=k\,\mathbb E[x|z]$. What does its mistake cost
    per unit of $\lambda$, in nats? Give $\frac12\eta\,\mathbb E(\mathbb E[x|z]-\hat x)^2$ as a
    formula in `k, s_2, eta`.""",
    form=Formula({"k": (0.0, 2.0), "s_2": POSITIVE, "eta": POSITIVE}),
    answer="eta**2 * s_2**2 * (1 - k)**2 / (2 * (1 + eta * s_2))",
    hints=["The mistake is a multiple of $E[x|z]$: so how large is the mean square of $E[x|z]$?",
           "It is the variance of $x$ less the smallest error, since the error is orthogonal to "
           "the guess.",
           r"The smallest error is one over a sum of precisions, $1/s_2$ and $\eta$."],
)


def _scores(generator: Any) -> tuple[Any, ...]:
    """Of one model and of the perfect one, on the same draws; and what the latter is on average.

    So many that a deviation with n in it and one with n - 1 are both right."""
    luck, unshared = torch.randn(2, 20000, generator=generator, dtype=torch.float64)
    return 6.5 + 4 * luck + unshared, 6.4 + 4 * luck, 6.4


def answer_08_2(scores: Any, perfect: Any, truth: float) -> Any:
    better = scores - (perfect - truth)
    return better.mean(), better.std() / math.sqrt(len(better))


EXERCISES["08.2"] = lambda: Exercise(
    question="""This program should return the mean of a model's `scores` (one for each point) and
    its standard error, with the luck of the draws taken off. `perfect` has the scores of the
    perfect VDM on the same draws, and `truth` is what these are on average, known exactly. It runs
    without an error, and two things in it are wrong. Mend it.

    ```python
    def broken(scores, perfect, truth):
        luck = perfect - perfect.mean()
        better = scores - luck
        return better.mean(), better.std() / len(better)
    ```""",
    form=Program("scores (n,), perfect (n,), truth", "two numbers", _scores),
    answer=answer_08_2,
    hints=["In the broken program, what is the mean of `luck` over these draws? And how does the "
           "error of a mean shrink with their number?",
           "The luck of this set of draws is what differs from the true mean."],
    mistakes={"the error of a mean is not the spread over $n$":
              lambda scores, perfect, truth: (
                  answer_08_2(scores, perfect, truth)[0], (scores - perfect).std() / len(scores)),
              "the luck is taken about its own mean, so the mean keeps it":
              lambda scores, perfect, truth: answer_08_2(scores, perfect, perfect.mean())},
)

EXERCISES["08.3"] = lambda: Exercise(
    question="""Ten VDMs and ten learned models, from ten seeds, are all scored on *one* set of
    32,768 test points, with one noise for each. For each seed you take the difference of the two
    gaps, and then Student's interval of the mean over the ten seeds. Predict: which luck does this
    interval miss?""",
    form=Choice({"a": "that of the first weights",
                 "b": "that of the training points",
                 "c": "that of the test points and their noise",
                 "d": "none: ten seeds average all of it out"}),
    answer="c",
    hints=["What is the same in all ten differences, and would be another if somebody repeated "
           "the whole study?",
           "The interval sees only what scatters from seed to seed."],
)
