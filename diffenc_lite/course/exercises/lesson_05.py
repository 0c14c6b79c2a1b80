"""Exercises of notebook 05, What an encoder can buy."""

from __future__ import annotations

from .forms import POSITIVE, UNIT, Exercise, Formula, Number


def _price_of_scaling() -> float:
    from ..worlds import SCALING, Exact, PlusMinus

    world = Exact(PlusMinus(), SCALING)
    return world.total() - world.entropy


EXERCISES = [
    Exercise(
        "05.1",
        "By which factor is the scaling encoder's diffusion loss, at one depth, larger than that "
        "of a VDM with the same marginals (X4)? A formula in `sigma`.",
        Formula({"sigma": UNIT}),
        "(1 + sigma**2)**2/(1 + 2*sigma**2)",
        "the VDM's share is the slope of the log of the SNR about x, in lambda: 04.2 has that SNR",
    ),
    Exercise(
        "05.2",
        "The encoder $x_t = \\alpha_t^p\\, x$ has $u = k\\,x_t$. Give $k$ as a formula in `p`.",
        Formula({"p": (0.0, 6.0)}),
        "p/2",
        "differentiate the logarithm of alpha in lambda; p = 2 must give the scaling encoder",
    ),
    Exercise(
        "05.3",
        "A perfect VDM on data $N(0, s_2)$ can be beaten by an encoder by at most "
        "$\\mathrm{KL}(q(z_1)\\|N(0,1))$ per dimension (X5). Give it as a formula in "
        "`s_2, gamma_1`.",
        Formula({"s_2": POSITIVE, "gamma_1": (-2.0, 5.0)}),
        "((s_2 - 1)/(1 + exp(gamma_1)) - log(1 + (s_2 - 1)/(1 + exp(gamma_1)))) / 2",
        "q(z_1) without x is a Gaussian: find its variance, then use 01.1",
    ),
    Exercise(
        "05.4",
        "Data $+1$ or $-1$, the scaling encoder, an exact denoiser, infinite depth: by how many "
        "nats does the bound exceed the entropy $\\ln 2$ (X3)?",
        Number(),
        _price_of_scaling,
        "the whole bound, prior and reconstruction included; `Exact(PlusMinus(), SCALING)` adds up "
        "all three",
    ),
]
