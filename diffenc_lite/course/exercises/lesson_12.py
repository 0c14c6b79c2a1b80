"""Exercises of notebook 12, The ratio on MNIST, and of its companion on files."""

import math

import torch
from torch import Generator, Tensor

from ..compression import Stack, Symbols, Table, bins
from .forms import Formula, Number, Program

QUESTIONS = r"""
12.1: Build the fit. `g` and `h` are the gap with $A=c$ and what one more unit of $A/c$ adds to it,
both in units of $\sigma_Q$, of $n$ images at all $T$ steps. Return the best scale $A^*/c$ of every
step, the ratio $w^*$ that goes with it, and the price of the whole chain with both, in **bits** per
dimension.
Hint: One scale serves all images and all pixels of a step: average first, divide then.
Hint: The gap with the best scale is $g+(A^*/c-1)h$; its mean square is $m$.
Hint: The steps add up, each with $\frac12\ln(1+m)$ nats per dimension.

12.2: Predict. Eight equal steps, the best mean. In which of them is $w^*$ smallest, so that the
step is widened by the largest factor?
a: in the steps from almost pure noise, where the network can only guess
b: in the middle, where the digit takes shape
c: in the steps near the data, where the digit is already plain to see
d: nearly the same in all eight
Hint: The error counts in units of $\sigma_Q$, the noise that the step adds anyway.
Hint: At the data that unit is less than a grey level. Does the network know every grey level?

12.3: Pencil and paper. With $w=1$ a chain of $T$ steps loses $L$ nats per dimension in all, the
same in every step. For large $T$, how much less does it lose with $w^*$? Only the leading term, as
a formula in `L, T`.
Hint: What is $m$, if each of $T$ steps costs $m/2$ and all of them $L$?
Hint: One step saves $\frac12(m-\ln(1+m))$; expand the logarithm to second order.
Hint: There are $T$ such steps.

12.4: Pencil and paper. In the world of the coin, a sender pops $z$ with another $q$: the two values
are equally likely, whatever $x$ is. How many bits does $x$ cost net, on average?
Hint: Two values of $z$ are equally likely. Add up what each costs.
Hint: What is lent is $-\log_2q=1$ bit in both cases; what is pushed is $-\log_2p(x|z)$ and 1 bit.

12.5: Build one step. `stack` has methods `pop(table)` and `push(table, symbols)`, and `bits()`, its
height. Pop with the table `q` the bins of one latent, one bin a dimension, and push them with the
table `p`. Return the bins, and how many bits per dimension the step has added net.
Hint: The bins that are popped are those that are pushed.
Hint: `len(bins)` is the number of dimensions.

12.6: Predict. The model has a learned encoder. Who must call it?
a: only the sender
b: the sender and the receiver
c: only the receiver
d: the sender, the receiver, and whoever draws samples
Hint: Which of the three use $q$?
Hint: The receiver has to give back the very bits that were lent.
"""

answer_12_2 = "c"
answer_12_3 = "L**2/T"
answer_12_6 = "b"


def answer_12_4() -> float:
    return sum(-math.log2(p) + 1 - 1 for p in (3 / 4, 1 / 4)) / 2


def _gaps(generator: Generator) -> tuple[Tensor, Tensor]:
    g, h = torch.randn(2, 5, 3, 4, generator=generator, dtype=torch.float64)
    sizes = 1 + torch.rand(5, 1, 1, generator=generator, dtype=torch.float64)
    return sizes * (g - 0.3 * h), sizes * h


def answer_12_1(g: Tensor, h: Tensor) -> tuple[Tensor, ...]:
    gh, h2 = (g * h).mean((0, 2)), (h * h).mean((0, 2))
    scale = 1 - gh / h2
    m = (g + (scale[:, None] - 1) * h).square().mean((0, 2))
    return scale, 1 / (1 + m), 0.5 * (1 + m).log2().sum()


def _one_step(generator: Generator) -> tuple[Stack, Table, Table]:
    mean = torch.randn(300, generator=generator, dtype=torch.float64)
    return Stack(), bins(mean, 2.0, 40), bins(0 * mean, 2.5, 40)


def answer_12_5(stack: Stack, q: Table, p: Table) -> tuple[Symbols, float]:
    before = stack.bits()
    chosen = stack.pop(q)
    stack.push(p, chosen)
    return chosen, (stack.bits() - before) / len(chosen)


form_12_1 = Program("g (n, T, d), h (n, T, d)", "A / c (T,), w (T,) and one number", _gaps)
form_12_3 = Formula({"L": (0.2, 2.0), "T": (4.0, 1000.0)})
form_12_4 = Number()
form_12_5 = Program("stack, q (n, K+1), p (n, K+1)", "bins (n,) and one number", _one_step)
