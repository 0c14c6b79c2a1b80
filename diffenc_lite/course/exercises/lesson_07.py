"""Exercises of notebook 07, Weighted losses and inference schedules."""

from typing import Any

import torch

from ...ratio import cheapest_path
from ..worlds import Exact, Gaussian, stretch
from .forms import Choice, Exercise, Formula, Lesson, Number, Program

EXERCISES: Lesson = {}

EXERCISES["07.1"] = lambda: Exercise(
    question="""Pencil and paper. For data $N(0,1)$ the perfect denoiser of a VDM has the error
    $1/(1+S)$ where the signal-to-noise ratio is $S$. With $w=1$, two neighbouring steps lead from
    $S_t$ to $S_r$ and on to $S_s$, with $S_t<S_r<S_s$. At which $S_r$ do the two together cost
    least? A formula in `S_s, S_t`.""",
    form=Formula({"S_s": (4.0, 60.0), "S_t": (0.05, 3.0)}),
    answer="sqrt((1 + S_s)*(1 + S_t)) - 1",
    hints=["The sum of the two costs (L3), as a function of $S_r$, has one place where its slope "
           "is 0.",
           "Each step is charged the error at its noisy end: one at $S_t$, the other at $S_r$.",
           "Write it in $1+S$, and the condition becomes short."],
)

EXERCISES["07.2"] = lambda: Exercise(
    question=r"""A VDM (E1), $w=1$, linear $\gamma$, and the best grid of $T=4$ steps. Which of
    these changes leave the $\gamma$ of its nodes where they are, whatever the data? Predict first;
    a to c can be tried in a line or two.""",
    form=Choice({"a": "all costs are doubled",
                 "b": "$w^*$ is used in place of $w=1$",
                 "c": "one nat is added to the cost of every step, long or short",
                 "d": "another schedule with the same end points takes the place of the linear "
                      "one, and the grid is chosen anew"}, many=True),
    answer="acd",
    hints=["All grids that are compared have four steps: which change can reverse the order of "
           r"two sums? And what does L3 know of $t$, beside $\gamma$?",
           "If one sum is the smaller one, is the sum of the logarithms smaller too?"],
)

EXERCISES["07.3"] = lambda: Exercise(
    question=r"""Let the learned encoder say $y=x$: then $x_t=x$ stands still, but the counterterm
    is there. The network with the smallest loss at infinite depth says
    $\hat x=\mathbb E[x|z_t]/(1+\sigma_t^2)$ (lesson 04, X6). Data $N(0,1)$, $\gamma$
    linear from $-13.3$ to $5$, $T=4$ equal steps, the paper's scale,
    $A=c+(\gamma_t-\gamma_s)\sigma_t^2$. By how many nats is the diffusion loss above that of the
    VDM, with $w=1$ for both and with $w^*$ for both? Predict how much of it $w^*$ saves, then
    compute both. (With the folded scale both are 0: why?)""",
    form=Number(count=2),
    answer=lambda: [  # E3 with y = x in the paper's form, less the VDM; N(0, 1), T = 4 (X6, X2)
        Exact(Gaussian(), stretch(torch.ones_like)).diffusion(4, w)
        - Exact(Gaussian()).diffusion(4, w) for w in (1.0, "best")],
    hints=["Two things make up $m$: what $z_t$ leaves open about $x$, which the VDM pays too, "
           "and how far the mean is off.",
           r"Here $\tau=c\,x$ and $\mathbb E[x|z_t]=\alpha_tz_t$; the variance of $x$ given $z_t$ "
           r"is $\sigma_t^2$.",
           r"The mean is off by $A/(1+\sigma_t^2)-c$ times $\mathbb E[x|z_t]$, whose mean square "
           r"is $\alpha_t^2$."],
)


def _costs_and_fee(generator: Any) -> tuple[Any, float]:
    """Costs that grow with the length of a step, as those of a model do"""
    last = int(torch.randint(6, 12, (), generator=generator))
    i = torch.arange(last + 1, dtype=torch.float64)
    costs = (i - i[:, None]) ** 2 * (0.2 + torch.rand(last + 1, last + 1, generator=generator))
    costs = costs.masked_fill(i <= i[:, None], torch.inf)
    return costs, float(0.3 + 3 * torch.rand((), generator=generator))


EXERCISES["07.4"] = lambda: Exercise(
    question="""A call of the network is not free: let each step cost `fee` nats more, and let
    the number of steps be free. Write a dynamic program that returns the smallest sum that any path
    from the first node to the last can have, costs and fees together. `costs[i, j]` is the step
    from node $j$ down to node $i<j$, and infinite elsewhere.""",
    form=Program(
        "costs (N+1, N+1), fee", "one number, in nats", _costs_and_fee, tolerance=1e-6),
    answer=lambda costs, fee: min(
        float(costs[path[:-1], path[1:]].sum()) + fee * (len(path) - 1)
        for path in (cheapest_path(costs, steps) for steps in range(1, len(costs)))),
    hints=["One list will do: the best sum from node 0 to node $j$, over any number of steps, "
           "each with its own cost and one fee.",
           "The last step to $j$ comes from some $i<j$; what came before must be cheapest "
           "itself.",
           "The list starts with 0."],
)


def _one_step(generator: Any) -> tuple[Any, ...]:
    x_t, moved, error = torch.randn(3, 50, 3, generator=generator, dtype=torch.float64)
    gamma_s = torch.rand((), generator=generator, dtype=torch.float64) - 2
    return 0.8 * x_t + 0.5 * error, x_t, x_t + 0.3 * moved, gamma_s, gamma_s + 1.5


def answer_07_5(x_hat: Any, x_t: Any, x_s: Any, gamma_s: Any, gamma_t: Any) -> Any:
    kept = torch.exp(gamma_s - gamma_t)  # 1 - c
    tau = x_s - kept * x_t
    factor = (x_hat * tau).sum() / (x_hat * x_hat).sum()
    gap = (factor * x_hat - tau).square().mean() * torch.exp(-gamma_s) / (1 - kept)
    return factor / (1 - kept), 1 / (1 + gap)


EXERCISES["07.5"] = lambda: Exercise(
    question=r"""This program should return the best scale $A^*/c$ (W7) of one step and the ratio
    $w^*$ that goes with it, from predictions, encodings and the two $\gamma$. It runs without an
    error, and two things in it are wrong. Mend it.

    ```python
    def broken(x_hat, x_t, x_s, gamma_s, gamma_t):
        c = -torch.expm1(gamma_s - gamma_t)
        tau = c * x_t
        A = (tau / x_hat).mean()
        m = torch.exp(-gamma_s) / c * (A * x_hat - tau).square().mean()
        return A / c, 1 / (1 + m)
    ```""",
    form=Program(
        "x_hat (n, d), x_t (n, d), x_s (n, d), gamma_s, gamma_t", "two numbers, A / c and w",
        _one_step),
    answer=answer_07_5,
    hints=["One line is wrong for a VDM too: is it a mean of quotients or a quotient of means? "
           "The other one is wrong where the encoding moves.",
           "The parabola in $A$ has means as coefficients, so where is its lowest point?",
           r"What does the target hold beside $c\,x_t$ when the encoding moves?"],
)
