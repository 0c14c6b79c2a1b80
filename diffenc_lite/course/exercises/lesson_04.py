"""Exercises of notebook 04, Adding an encoder."""

import torch
from torch import Generator, Tensor

from ... import process
from ...schedule import Noise
from .forms import ANY, Choice, Exercise, Formula, Lesson, Program

EXERCISES: Lesson = {}

EXERCISES["04.1"] = lambda: Exercise(
    question=r"""With pencil and paper: the learned encoder is $x_t=\alpha_t^2x+\sigma_t^2y$, and
    $y$ changes with $\lambda$ too; write `ydot` for $\dot y=dy/d\lambda$. Differentiate, divide by
    $\sigma_t^2$, and give $u$ as a formula in `x`, `y`, `ydot` and `gamma`.""",
    form=Formula({"x": ANY, "y": ANY, "ydot": ANY, "gamma": (-5.0, 5.0)}),
    answer="(x - y)/(1 + exp(gamma)) + ydot",
    hints=[r"Three things change with $\lambda$: $\alpha^2$, $\sigma^2$ and $y$.",
           r"The derivative of $\alpha_t^2$ is $\alpha_t^2\sigma_t^2$, and that of $\sigma_t^2$ "
           "is minus that.",
           r"The product $\sigma_t^2y$ has two derivatives; divide all three terms by "
           r"$\sigma_t^2$."],
)

EXERCISES["04.2"] = lambda: Exercise(
    question=r"""Seen from $x$, the scaling encoder $x_t=\alpha_t^2x$ is a noisier channel. What is
    the signal-to-noise ratio of $z_t$ about $x$ (not about $x_t$)? A formula in `gamma`.""",
    form=Formula({"gamma": (-5.0, 5.0)}),
    answer="exp(-gamma)/(1 + exp(gamma))**2",
    hints=["The squared factor of $x$ in the mean of $z_t$, over the variance of the noise.",
           r"The mean is $\alpha_tx_t$, and $x_t$ is a multiple of $x$ itself.",
           r"Put in $\alpha_t^2=1/(1+e^\gamma)$ and $\sigma_t^2=1/(1+e^{-\gamma})$."],
)

EXERCISES["04.3"] = lambda: Exercise(
    question=r"""Predict. Leave the counterterm out: $\hat u=0$ in the loss and in the sampler.
    Train again at infinite depth, with networks as good as networks can be. What is different
    now?""",
    form=Choice({"a": "the smallest loss",
                 "b": r"what the denoiser's $\hat x$ stands for",
                 "c": "the samples of a chain of four steps",
                 "d": "how often sampling calls the encoder"}, many=True),
    answer="bc",
    hints=["Write both aims, with the counterterm and without, beside the one target.",
           "A perfect network makes its aim the same conditional mean in both cases: which "
           r"$\hat x$ does that take?",
           "Put both into the mean of a step and ask what its length has to do with it."],
)


def _inputs_of_loss(generator: Generator) -> tuple[Tensor, ...]:
    parts = torch.randn(5, 4, 3, generator=generator, dtype=torch.float64)
    return *parts, 4 * torch.rand(4, generator=generator, dtype=torch.float64) - 2


def answer_04_4(
    x: Tensor, y: Tensor, ydot: Tensor, eps: Tensor, v_hat: Tensor, gamma: Tensor
) -> Tensor:
    """By the residual of E3, (1 + sigma^2)(v - v_hat) + sigma (y - ydot)."""
    t = Noise.from_gamma(gamma).like(x)
    v = process.v_from_eps(t.alpha**2 * x + t.sigma**2 * y, eps, t)
    r = (1 + t.sigma**2) * (v - v_hat) + t.sigma * (y - ydot)
    return 0.5 * (t.alpha * r).square().sum(1)


EXERCISES["04.4"] = lambda: Exercise(
    question=r"""Write the loss of one training step of the learned encoder, at $\gamma'(t)=1$:
    $\frac12\alpha_t^2\|r\|^2$ for each example, where $r=(v-\hat v)-\sigma_t(u-\hat x)$,
    $x_t=\alpha_t^2x+\sigma_t^2y$ and $u=x_t-y+\dot y$. The networks' outputs are given: `y`,
    its derivative `ydot` $=\dot y$, and `v_hat`, the denoiser's output for $z_t$.""",
    form=Program(
        "x, y, ydot, eps, v_hat (n, d), gamma (n,)", "the losses, a tensor (n,)", _inputs_of_loss),
    answer=answer_04_4,
    hints=[r"$v=\alpha_t\varepsilon-\sigma_tx_t$, and $\hat x$ is to $x_t$ what $\hat v$ is to "
           "$v$.",
           r"One line each, in this order: $x_t$, $u$, $z_t$, $v$, $\hat x$, $r$.",
           r"$\hat x=\alpha_tz_t-\sigma_t\hat v$; `[:, None]` makes factors of shape (n, 1)."],
)


def _start_and_noise(generator: Generator) -> tuple[Tensor, ...]:
    """Of chains of 3 to 200 steps: in a short one a wrong start is still seen at the end"""
    steps = (3, 20, 200)[int(torch.randint(3, (), generator=generator))]
    start, *noise = torch.randn(1 + steps, 6, generator=generator, dtype=torch.float64)
    return start, torch.stack(noise)


def answer_04_5(z: Tensor, noise: Tensor) -> Tensor:
    gamma = torch.linspace(5, -13.3, len(noise) + 1, dtype=torch.float64)
    for gamma_t, gamma_s, eps in zip(gamma, gamma[1:], noise, strict=False):
        s, t = Noise.from_gamma(gamma_s), Noise.from_gamma(gamma_t)
        x_hat = t.alpha**5 * z / (t.alpha**6 + t.sigma**2)
        p = process.generative_step(z, x_hat, 0.0, s, t)
        z = p.mean + p.variance.sqrt() * eps
    return z


EXERCISES["04.5"] = lambda: Exercise(
    question=r"""Data $N(0,1)$ and the scaling encoder. The perfect denoiser, trained with the
    counterterm, is known: $\hat x=\alpha_t^5\,z_t/(\alpha_t^6+\sigma_t^2)$. Write the sampler
    **without** the counterterm ($\hat u=0$, $w=1$). It takes $z_1$ and the noise, one row for each
    of its equal steps, the first from $t=1$; $\gamma$ is linear from $-13.3$ to $5$. It returns
    $z_0$. (With the counterterm the variance of many such $z_0$, each of 200 steps, would be 0.96.
    What is it here?)""",
    form=Program(
        "z (n,), noise (T, n)", "z_0, a tensor (n,)", _start_and_noise, absolute=1e-5, tries=6),
    answer=answer_04_5,
    hints=["It is the sampler with $A = c$: every step adds noise, the last too.",
           r"The mean keeps $\alpha_{t|s}\sigma_s^2/\sigma_t^2$ of $z_t$, and $\hat x$ comes in "
           r"with the factor $\alpha_sc$.",
           r"The new noise has the variance $\sigma_s^2c$, with $c=1-e^{\gamma_s-\gamma_t}$."],
)
