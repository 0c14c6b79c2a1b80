"""Exercises of notebook 08, Two-dimensional toys."""

import math
from typing import Any

import torch

from .forms import POSITIVE, Formula, Program

QUESTIONS = r"""
08.1: The data are $N(0, s_2)$, and $z=\sqrt\eta\,x+\varepsilon$ with $\eta=\mathrm{SNR}$. A timid
network says $\hat x=k\,\mathbb E[x|z]$. What does its mistake cost per unit of $\lambda$, in nats?
Give $\frac12\eta\,\mathbb E(\mathbb E[x|z]-\hat x)^2$ as a formula in `k, s_2, eta`.
Hint: The mistake is a multiple of $E[x|z]$: so how large is the mean square of $E[x|z]$?
Hint: It is the variance of $x$ less the smallest error, since the error is orthogonal to the guess.
Hint: The smallest error is one over a sum of precisions, $1/s_2$ and $\eta$.

08.2: This program should return the mean of a model's `scores` (one for each point) and its
standard error, with the luck of the draws taken off. `perfect` has the scores of the perfect VDM on
the same draws, and `truth` is what these are on average, known exactly. It runs without an error,
and two things in it are wrong. Mend it.

```python
def broken(scores, perfect, truth):
    luck = perfect - perfect.mean()
    better = scores - luck
    return better.mean(), better.std() / len(better)
```
Hint: In the broken program, what is the mean of `luck` over these draws? And how does the error of
a mean shrink with their number?
Hint: The luck of this set of draws is what differs from the true mean.

08.3: Ten VDMs and ten learned models, from ten seeds, are all scored on *one* set of 32,768 test
points, with one noise for each. For each seed you take the difference of the two gaps, and then
Student's interval of the mean over the ten seeds. Predict: which luck does this interval miss?
a: that of the first weights
b: that of the training points
c: that of the test points and their noise
d: none: ten seeds average all of it out
Hint: What is the same in all ten differences, and would be another if somebody repeated the whole
study?
Hint: The interval sees only what scatters from seed to seed.
"""

answer_08_1 = "eta**2 * s_2**2 * (1 - k)**2 / (2 * (1 + eta * s_2))"
answer_08_3 = "c"


def _scores(generator: Any) -> tuple[Any, ...]:
    """Of one model and of the perfect one, on the same draws; and what the latter is on average.

    So many that a deviation with n in it and one with n - 1 are both right."""
    luck, unshared = torch.randn(2, 20000, generator=generator, dtype=torch.float64)
    return 6.5 + 4 * luck + unshared, 6.4 + 4 * luck, 6.4


def answer_08_2(scores: Any, perfect: Any, truth: float) -> Any:
    better = scores - (perfect - truth)
    return better.mean(), better.std() / math.sqrt(len(better))


form_08_1 = Formula({"k": (0.0, 2.0), "s_2": POSITIVE, "eta": POSITIVE})
form_08_2 = Program("scores (n,), perfect (n,), truth", "two numbers", _scores)
