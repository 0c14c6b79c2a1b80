"""Exercises of notebook 12, The ratio on MNIST, and of its companion on files."""

import math

import torch
from torch import Generator, Tensor

from ..compression import Stack, Symbols, Table, bins
from .forms import Choice, Exercise, Formula, Lesson, Number, Program

EXERCISES: Lesson = {}


def _gaps(generator: Generator) -> tuple[Tensor, Tensor]:
    g, h = torch.randn(2, 5, 3, 4, generator=generator, dtype=torch.float64)
    sizes = 1 + torch.rand(5, 1, 1, generator=generator, dtype=torch.float64)
    return sizes * (g - 0.3 * h), sizes * h


def answer_12_1(g: Tensor, h: Tensor) -> tuple[Tensor, ...]:
    gh, h2 = (g * h).mean((0, 2)), (h * h).mean((0, 2))
    scale = 1 - gh / h2
    m = (g + (scale[:, None] - 1) * h).square().mean((0, 2))
    return scale, 1 / (1 + m), 0.5 * (1 + m).log2().sum()


EXERCISES["12.1"] = lambda: Exercise(
    question=r"""Build the fit. `g` and `h` are the gap with $A=c$ and what one more unit of $A/c$
    adds to it, both in units of $\sigma_Q$, of $n$ images at all $T$ steps. Return the best scale
    $A^*/c$ of every step, the ratio $w^*$ that goes with it, and the price of the whole chain with
    both, in **bits** per dimension.""",
    form=Program("g (n, T, d), h (n, T, d)", "A / c (T,), w (T,) and one number", _gaps),
    answer=answer_12_1,
    hints=["One scale serves all images and all pixels of a step: average first, divide then.",
           "The gap with the best scale is $g+(A^*/c-1)h$; its mean square is $m$.",
           r"The steps add up, each with $\frac12\ln(1+m)$ nats per dimension."],
)

EXERCISES["12.2"] = lambda: Exercise(
    question="""Predict. Eight equal steps, the best mean. In which of them is $w^*$ smallest, so
    that the step is widened by the largest factor?""",
    form=Choice({"a": "in the steps from almost pure noise, where the network can only guess",
                 "b": "in the middle, where the digit takes shape",
                 "c": "in the steps near the data, where the digit is already plain to see",
                 "d": "nearly the same in all eight"}),
    answer="c",
    hints=[r"The error counts in units of $\sigma_Q$, the noise that the step adds anyway.",
           "At the data that unit is less than a grey level. Does the network know every grey "
           "level?"],
)

EXERCISES["12.3"] = lambda: Exercise(
    question="""Pencil and paper. With $w=1$ a chain of $T$ steps loses $L$ nats per dimension in
    all, the same in every step. For large $T$, how much less does it lose with $w^*$? Only the
    leading term, as a formula in `L, T`.""",
    form=Formula({"L": (0.2, 2.0), "T": (4.0, 1000.0)}),
    answer="L**2/T",
    hints=["What is $m$, if each of $T$ steps costs $m/2$ and all of them $L$?",
           r"One step saves $\frac12(m-\ln(1+m))$; expand the logarithm to second order.",
           "There are $T$ such steps."],
)

EXERCISES["12.4"] = lambda: Exercise(
    question="""Pencil and paper. In the world of the coin, the sender pops $z$ with another $q$:
    both values are equally likely, whatever $x$ is. How many bits does $x$ cost net, on
    average?""",
    form=Number(),
    answer=lambda: (math.log2(4 / 3) + math.log2(4)) / 2,  # z is lent a bit, and pushed with one
    hints=["Two values of $z$ are equally likely. What does each of them cost?",
           r"In both cases $-\log_2q=1$ bit is lent, and $-\log_2p(z)=1$ bit is pushed."],
)


def _one_step(generator: Generator) -> tuple[Stack, Table, Table]:
    mean = torch.randn(300, generator=generator, dtype=torch.float64)
    stack, q, p = Stack(), bins(mean, 2.0, 40), bins(0 * mean, 2.5, 40)
    stack.push(p, stack.pop(q))
    return stack, q, p


def answer_12_5(stack: Stack, q: Table, p: Table) -> tuple[Symbols, float]:
    found = stack.pop(p)
    low = stack.bits()
    stack.push(q, found)
    return found, (stack.bits() - low) / len(found)


EXERCISES["12.5"] = lambda: Exercise(
    question="""Write the receiver's step. The sender has popped the bins of one latent with the
    table `q`, and pushed them with `p`; `stack` is as she left it. `stack.pop(table)` returns bins,
    one a dimension, `stack.push(table, bins)` puts them back, and `stack.bits()` is its height.
    Take the bins off, and give the bits back that were lent. Return the bins, and how many bits per
    dimension you gave back.""",
    form=Program("stack, q (n, K+1), p (n, K+1)", "bins (n,) and one number", _one_step),
    answer=answer_12_5,
    hints=["What was pushed comes off with the table that pushed it.",
           "The lent bits come back when the bins are pushed with the table that popped them."],
)

EXERCISES["12.6"] = lambda: Exercise(
    question="""Predict. Several images lie on one stack, and the model has a learned encoder. Who
    must call it?""",
    form=Choice({"a": "only the sender",
                 "b": "the sender and the receiver",
                 "c": "only the receiver",
                 "d": "the sender, the receiver, and whoever draws samples"}),
    answer="b",
    hints=["Which of the three use $q$?",
           "$q$ is centred by $x_t$ and $x_s$."],
)
