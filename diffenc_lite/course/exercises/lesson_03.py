"""Exercises of notebook 03, From finite to infinite depth."""

from typing import Any

import torch

from .forms import POSITIVE, Choice, Exercise, Formula, Lesson, Program

EXERCISES: Lesson = {}

EXERCISES["03.1"] = lambda: Exercise(
    question="""Three denoisers. The squared error in $x$ of A falls as the noise falls, as for a
    perfect one; that of B is the same at every noise level; that of C *rises* as the noise falls,
    as for a network that was trained on heavy noise only. Predict: with ten steps, is the diffusion
    loss larger or smaller than with infinitely many?""",
    form=Choice({"a": "A larger, B equal, C smaller",
                 "b": "larger for all three",
                 "c": "A larger, B equal, C larger",
                 "d": "A larger, B smaller, C smaller"}),
    answer="a",
    hints=["Draw the three curves over the signal-to-noise ratio, and a rectangle that touches "
           "each at its noisy end.",
           "The noisy end is on the left: does the curve rise or fall from there?"],
)

EXERCISES["03.2"] = lambda: Exercise(
    question="""The data are $N(0, s_2)$, with the variance $s_2$, and the denoiser is exact. What
    is the diffusion loss at infinite depth, in nats per dimension? A formula in
    `s_2, gamma_0, gamma_1`.""",
    form=Formula({"s_2": POSITIVE, "gamma_0": (-10.0, -1.0), "gamma_1": (0.0, 5.0)}),
    answer="log((1 + s_2*exp(-gamma_0))/(1 + s_2*exp(-gamma_1))) / 2",
    hints=["First the mmse: precisions add, $1/s_2$ from the data and the SNR from the "
           "observation.",
           "Integrate half of it over the SNR, from its value at $t=1$ to that at $t=0$.",
           r"The integral is a logarithm, and $\mathrm{SNR}=e^{-\gamma}$ at both ends."],
)


def _schedule_rate_and_depths(generator: Any) -> tuple[Any, ...]:
    """No polynomial, whose slope a quotient of long differences would have; `rate` answers once."""
    bend, wave, scale = torch.rand(3, generator=generator, dtype=torch.float64).tolist()
    calls: list[None] = []

    def gamma(t: Any) -> Any:
        return -13.3 + 18.3 * (t + bend * t * (t - 1)) + (0.5 + wave) * torch.sin(7 * t + scale)

    def rate(at: Any) -> Any:
        if calls:
            raise RuntimeError("rate was called again")
        calls.append(None)
        return (1 + scale) * torch.sigmoid(-at)

    return gamma, rate, torch.rand(50, generator=generator, dtype=torch.float64)


def answer_03_3(gamma: Any, rate: Any, t: Any) -> Any:
    at, slope = torch.func.jvp(gamma, (t,), (torch.ones_like(t),))[:2]
    return (slope * rate(at)).mean()


EXERCISES["03.3"] = lambda: Exercise(
    question=r"""This program is meant to estimate the diffusion loss at infinite depth from random
    depths `t`. It is right for one schedule only. `rate` is the loss per unit of $\gamma$. Fix it,
    so that it is right for every smooth schedule `gamma` and still calls `rate` once.

    ```python
    def broken(gamma, rate, t):
        return (18.3 * rate(gamma(t))).mean()
    ```""",
    form=Program(
        "gamma (a function of t), rate (a function of gamma), t (n,)",
        "the estimate, one number",
        _schedule_rate_and_depths),
    answer=answer_03_3,
    hints=["Where does 18.3 come from, and what stands in its place in L4?",
           r"It is the slope $\gamma'(t)$ of one schedule; another one has another slope at each "
           "$t$.",
           "`torch.func.jvp` gives a function and its slope in one call."],
)
