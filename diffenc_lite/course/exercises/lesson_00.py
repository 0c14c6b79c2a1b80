"""Exercises of notebook 00, Ten-minute tour."""

import math

from .forms import Choice, Exercise, Lesson, Number

EXERCISES: Lesson = {}

EXERCISES["00.1"] = lambda: Exercise(
    question=r"""$\gamma(t)$ runs linearly from $-13.3$ at $t=0$ to $5$ at $t=1$. At which $t$ are
    signal and noise equally strong, $\alpha_t^2 = \sigma_t^2$?""",
    form=Number(tolerance=0.005),
    answer=lambda: 13.3 / 18.3,
    hints=["Equally strong means a signal-to-noise ratio of 1.",
           r"The ratio is $e^{-\gamma_t}$: which $\gamma$ makes it 1?",
           r"In all $\gamma$ climbs by 18.3, in a straight line: how much of the climb is behind "
           "it there?"],
)

EXERCISES["00.2"] = lambda: Exercise(
    question="""In training, the encoder makes $x_t$ of a picture, noise makes $z_t$ of $x_t$, and
    the denoiser sees $z_t$ alone. In sampling, the denoiser leads step by step from pure noise to a
    picture. Suppose the file with the encoder's weights is lost, and the denoiser's is not. What
    can you still do? Predict.""",
    form=Choice({"a": "write new digits",
                 "b": "compute the loss of a digit, with this encoder",
                 "c": "make one more update of the denoiser by the same loss",
                 "d": r"compute the guess $\hat x$ from a given $z_t$"}, many=True),
    answer="ad",
    hints=["Which of the four needs $x_t$, the encoded picture?",
           "Where does sampling begin: is there a picture to encode?",
           "A loss compares the guess with something: with what?"],
)

EXERCISES["00.3"] = lambda: Exercise(
    question=r"""A bound says that one digit of $28 \times 28$ pixels costs 1000 nats. How many
    **bits per dimension** is that?""",
    form=Number(),
    answer=lambda: 1000 / (784 * math.log(2)),
    hints=["Divide by the number of dimensions, and remember how many nats make a bit.",
           r"One bit is $\ln2$ nats, less than one: are there more bits or more nats?"],
)
