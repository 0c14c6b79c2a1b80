"""Exercises of notebook 05, What an encoder can buy."""

from typing import Any

import torch

from .forms import POSITIVE, Choice, Exercise, Formula, Lesson, Program

EXERCISES: Lesson = {}

EXERCISES["05.1"] = lambda: Exercise(
    question=r"""A perfect VDM on data $N(0, s_2)$ can be beaten by an encoder by at most
    $\mathrm{KL}(q(z_1)\|N(0,1))$ per dimension (X5). Give it as a formula in `s_2, gamma_1`.""",
    form=Formula({"s_2": POSITIVE, "gamma_1": (-2.0, 5.0)}),
    answer="((s_2 - 1)/(1 + exp(gamma_1)) - log(1 + (s_2 - 1)/(1 + exp(gamma_1)))) / 2",
    hints=["Without $x$, $z_1$ is a Gaussian: find its variance, then take the divergence of "
           "lesson 01.",
           r"In $z_1=\alpha_1x+\sigma_1\varepsilon$ the two parts are independent.",
           "Both means are 0, so only the price of a wrong width is left."],
)


def _inputs_of_motion(generator: Any) -> tuple[Any, Any, Any]:
    """A factor f of lambda, the mmse of Gaussian data as a function, and values of gamma."""
    drawn = torch.rand(3, generator=generator, dtype=torch.float64)
    power, variance, share = (0.5 + drawn).tolist()
    gamma = 10 * torch.rand(6, generator=generator, dtype=torch.float64) - 5
    return (lambda lam: 1 - share / 2 + share / 2 * torch.sigmoid(power * lam),
            lambda eta: variance / (1 + variance * eta), gamma)


def answer_05_2(f: Any, mmse: Any, gamma: Any) -> Any:
    """What L4 charges less what is gained, each from its own formula (X4)."""
    value, slope = torch.func.jvp(f, (-gamma,), (torch.ones_like(gamma),))  # type: ignore[misc]
    error = mmse(torch.exp(-gamma) * value**2)
    charged = torch.exp(-gamma) * (value + slope) ** 2 * error / 2
    gained = torch.exp(-gamma) * (value**2 + 2 * value * slope) * error / 2
    return charged - gained


EXERCISES["05.2"] = lambda: Exercise(
    question=r"""Write a program for the price of moving. The encoder is $x_t=f(\lambda)\,x$, given
    as a function `f` of tensors; `mmse` is the smallest mean squared error of the data as a
    function of the signal-to-noise ratio about $x$. Return what the motion costs a perfect denoiser
    per unit of $\gamma$, $\frac12\mathrm{SNR}$ times the variance of the speed $dx_t/d\lambda$
    given $z_t$, at each of the given `gamma`.""",
    form=Program(
        "f (a function of lambda), mmse (a function of the SNR about x), gamma (n,)",
        "the price, (n,)",
        _inputs_of_motion),
    answer=answer_05_2,
    hints=["Is there a half, is the slope squared, and at which ratio is `mmse` read?",
           r"The signal in $z_t$ is $\alpha_tf\,x$: what is its ratio to the noise, about $x$?",
           r"`torch.func.jvp` gives $f$ and its slope, at $\lambda=-\gamma$."],
)

EXERCISES["05.3"] = lambda: Exercise(
    question=r"""Predict, then compute. An encoder turns the coin over: on the way from data to
    noise the factor $f$ in $x_t=f(\lambda)\,x$ goes smoothly from $1$ to $-1$, as
    $f=1-2\,\mathrm{sigmoid}(-2(\lambda-\lambda_0))$. It does so near the data ($\lambda_0=9$),
    where the toss is in plain view, or at $\lambda_0=0$. What does the motion cost a perfect
    denoiser?""",
    form=Choice({"a": "nothing in both places: to turn the coin over loses nothing",
                 "b": "nothing near the data, because there motion is free; something at 0",
                 "c": "something in both places, and more near the data than at 0",
                 "d": "something in both places, and more at 0 than near the data"}),
    answer="c",
    hints=["Where is $f=0$, what does $z_t$ tell there, and what stands before the variance of "
           "the speed in the price?",
           "Use your program of 05.2 with the coin, for both places."],
)

EXERCISES["05.4"] = lambda: Exercise(
    question="""An invented table, such as papers have. Two models, with the same fixed end points
    of the noise schedule and the same decoder, score test pictures (bits per dimension):

    | | prior | reconstruction | diffusion |
    |---|---|---|---|
    | A, a VDM | 0.0047 | 0.0105 | 2.6360 |
    | B, with an encoder | 0.0001 | 0.0105 | 2.6398 |

    Which conclusions follow from the table and lesson 05?""",
    form=Choice({"a": "B is the better model, because its latent (prior) loss is lower",
                 "b": "B has the lower bound, by 0.0008 bits per dimension",
                 "c": "A was not trained for long enough: more training would lower its prior "
                      "loss",
                 "d": "no encoder whose decoder fits as well can save a perfect VDM more than "
                      "0.0047 bits per dimension on these data",
                 "e": "no encoder can bring the bound below 2.6512 - 0.0047, with the same "
                      "reconstruction",
                 "f": "B's denoiser is worse than A's, because its diffusion loss is higher"},
                many=True),
    answer="bd",
    hints=["Add up each row; then ask what each sentence assumes. Is A perfect? Does the prior "
           "loss of a VDM depend on its network?",
           "Which two things raise the diffusion loss of an encoder even if its denoiser is "
           "perfect?"],
)
