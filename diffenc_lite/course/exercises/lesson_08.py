"""Exercises of notebook 08, Two-dimensional toys."""

from __future__ import annotations

import math
from typing import Any

from .forms import Choice, Exercise, Number, Program

BROKEN_CONTROL = """
```python
def broken(scores, perfect, truth):
    luck = perfect - perfect.mean()
    better = scores - luck
    return better.mean(), better.std() / len(better)
```
"""


def _most_an_encoder_can_save() -> float:
    import torch

    from ...schedule import LinearSchedule
    from ..worlds import likelihood

    schedule, toy = LinearSchedule(), likelihood("mixture")
    at_1 = schedule(torch.ones(1, dtype=torch.float64))
    return (toy.perfect_vdm(schedule)[0] - toy.information(at_1)) / (2 * math.log(2))


def _scores(generator: Any) -> tuple[Any, ...]:
    """Of one model and of the perfect one, on the same draws; and what the latter is on average"""
    import torch

    luck = 4 * torch.randn(200, generator=generator, dtype=torch.float64)
    own = torch.randn(200, generator=generator, dtype=torch.float64)
    return 6.5 + luck + own, 6.4 + luck, 6.4


def _with_control(scores: Any, perfect: Any, truth: float) -> Any:
    better = scores - (perfect - truth)
    return better.mean(), better.std() / math.sqrt(len(better))


def _gaps(generator: Any) -> tuple[Any, ...]:
    import torch

    first, second = torch.rand(2, 10, 4, generator=generator, dtype=torch.float64) + 0.2
    return 1.3 * first, second


def _pooled_interval(first: Any, second: Any) -> Any:
    logs = (first / second).log2().mean(1)
    reach = 2.685 * logs.std() / math.sqrt(len(logs))
    centre = logs.mean()
    return 2**centre, 2 ** (centre - reach), 2 ** (centre + reach)


EXERCISES = [
    Exercise(
        "08.1",
        "This program should return the mean of a model's `scores` (one for each point) and its "
        "standard error, with the luck of the draws taken off. `perfect` has the scores of the "
        "perfect VDM on the same draws, and `truth` is what these are on average, known exactly. "
        f"It runs without an error, and two things in it are wrong. Mend it.\n{BROKEN_CONTROL}",
        Program("scores (n,), perfect (n,), truth", "two numbers", _scores),
        _with_control,
        "the luck of this set of draws is what differs from the true mean, and in the broken "
        "program it sums to zero; and how does an error shrink with n?",
    ),
    Exercise(
        "08.2",
        "X5, for the mixture: by how many **bits per dimension** can an encoder beat the perfect "
        "VDM at most?",
        Number(0.01),
        _most_an_encoder_can_save,
        "it is the prior less what z_1 still tells about x: `perfect_vdm` has the first, "
        "`information` at t = 1 the second",
    ),
    Exercise(
        "08.3",
        "Write the test. Given are the gaps of two kinds of model, each of shape (10, 4): ten "
        "seeds, four widths. Return three factors: the pooled ratio of the gaps (first over "
        "second) and the two ends of its interval. For ten seeds and 97.5 % Student's t is 2.685.",
        Program("first (10, 4), second (10, 4)", "three numbers", _gaps),
        _pooled_interval,
        "one number for each seed, the mean of log2 over its widths; an interval for the mean of "
        "the ten; the power of 2 at the very end",
    ),
    Exercise(
        "08.4",
        "At $T=8$ the learned model of this lesson has a larger bound than the VDM of this lesson. "
        "You want to know how much of it is due to the *factor* of its steps, and nothing else. "
        "Which comparison says so?",
        Choice(
            {
                "a": "the learned model against the VDM, both at infinite depth",
                "b": "the learned model with the paper's factor against a learned model that was "
                "trained without a counterterm",
                "c": "the learned model with the paper's factor against the same weights with the "
                "fitted factor, on the same points and noise",
                "d": "the learned model with the fitted factor against the VDM",
            }
        ),
        "c",
        "what else differs between the two sides of each comparison?",
    ),
]
