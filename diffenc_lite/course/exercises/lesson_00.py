"""Exercises of notebook 00, Ten-minute tour."""

import math

from .forms import Number

QUESTIONS = r"""
00.1: $\gamma(t)$ runs linearly from $-13.3$ at $t=0$ to $5$ at $t=1$. At which $t$ are the factors
of signal and noise equal, $\alpha_t^2 = \sigma_t^2$?
Hint: Equal factors mean a signal-to-noise ratio of 1.
Hint: The ratio is $e^{-\gamma_t}$: which $\gamma$ makes it 1?
Hint: In all $\gamma$ climbs by 18.3, in a straight line: how much of the climb is behind it there?

00.2: Suppose the file with the encoder's weights is lost, and the denoiser's is not. What can you
still do? Predict with the drawing of training and sampling.
a: write new digits
b: compute the bound of a digit
c: make one more update of the denoiser by the loss of the drawing
d: compute the guess $\hat x$ from a given $z_t$
Hint: Which of the four needs $x_t$, the encoded picture?
Hint: The cell above counted the calls of the encoder in two of these jobs.
Hint: A loss compares the guess with something: with what?

00.3: A bound says that one digit of $28 \times 28$ pixels costs 1000 nats. How many **bits per
dimension** is that?
Hint: Divide by the number of dimensions, and remember how many nats make a bit.
Hint: One bit is $\ln2$ nats, less than one: are there more bits or more nats?
"""

answer_00_2 = "ad"
form_00_1 = Number(tolerance=0.005)
form_00_3 = Number()


def answer_00_1() -> float:
    return 13.3 / 18.3


def answer_00_3() -> float:
    return 1000 / (784 * math.log(2))
