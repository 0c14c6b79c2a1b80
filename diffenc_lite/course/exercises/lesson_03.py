"""Exercises of notebook 03, From finite to infinite depth."""

from __future__ import annotations

from .forms import POSITIVE, UNIT, Exercise, Formula, Number


def _gap_times_steps() -> float:
    from ..worlds import VDM, Exact, Gaussian

    steps = 10_000
    world = Exact(Gaussian(1.0), VDM)
    return steps * (world.total(steps) - world.entropy)


EXERCISES = [
    Exercise(
        "03.1",
        "With the identity encoder and $w=1$, one step costs $k\\,E\\|x-\\hat x\\|^2$. Give $k$ as "
        "a formula in `gamma_s, gamma_t`.",
        Formula({"gamma_s": (-5.0, 0.0), "gamma_t": (0.5, 5.0)}),
        "(exp(-gamma_s) - exp(-gamma_t)) / 2",
        "SNR = exp(-gamma), and going down from t to s the SNR rises",
    ),
    Exercise(
        "03.2",
        "The residual of L4 can be written with $v$ or with $\\epsilon$. For the identity encoder, "
        "$v - \\hat v = k\\,(\\epsilon - \\hat\\epsilon)$: give $k$ as a formula in `alpha`.",
        Formula({"alpha": UNIT}),
        "1/alpha",
        "z is known to both, so v and eps differ by a multiple of one another: use "
        "eps = sigma z + alpha v",
    ),
    Exercise(
        "03.3",
        "The data are $N(0, s_2)$ and the denoiser is exact. What is the diffusion loss at "
        "infinite depth, in nats per dimension? A formula in `s_2, gamma_0, gamma_1`.",
        Formula({"s_2": POSITIVE, "gamma_0": (-10.0, -1.0), "gamma_1": (0.0, 5.0)}),
        "log((1 + s_2*exp(-gamma_0))/(1 + s_2*exp(-gamma_1))) / 2",
        "integrate half the error of 02.5 over the SNR, from its value at t = 1 to that at t = 0",
    ),
    Exercise(
        "03.4",
        "In the world $N(0, 1)$ with the identity encoder and $w=1$ (X2), the gap of the bound "
        "with $T$ equal steps falls like $a/T$. What is $a$, in nats per dimension?",
        Number(5e-3),
        _gap_times_steps,
        "look at T times the gap for large T, or integrate the first neglected term of the series",
    ),
]
