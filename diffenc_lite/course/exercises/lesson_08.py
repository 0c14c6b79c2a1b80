"""Exercises of notebook 08, Two-dimensional toys."""

from __future__ import annotations

import math

from .forms import ANY, UNIT, Exercise, Formula, Number


def _most_an_encoder_can_save() -> float:
    import torch

    from ...schedule import LinearSchedule
    from ..worlds import likelihood

    schedule, toy = LinearSchedule(), likelihood("mixture")
    at_1 = schedule(torch.ones(1, dtype=torch.float64))
    return (toy.perfect_vdm(schedule)[0] - toy.information(at_1)) / (2 * math.log(2))


EXERCISES = [
    Exercise(
        "08.1",
        "A toy puts equal probability on `n` of its $256 \\times 256$ cells, and none on the "
        "others. What is $H(x)$ in **bits per dimension**? A formula in `n`.",
        Formula({"n": (2.0, 65536.0)}),
        "log(n)/(2*log(2))",
        "each point has probability 1/n; a point has two dimensions, and a bit is ln 2 nats",
    ),
    Exercise(
        "08.2",
        "X5, for the mixture: by how many **bits per dimension** can an encoder beat the perfect "
        "VDM at most?",
        Number(0.01),
        _most_an_encoder_can_save,
        "it is the prior less what z_1 still tells about x: `perfect_vdm` has the first, "
        "`information` at t = 1 the second",
    ),
    Exercise(
        "08.3",
        "From $\\gamma = a$ to $\\gamma = b$ the denoiser of a VDM misses the perfect one by "
        "$E\\|\\hat x - E[x|z]\\|^2 = q\\,e^{\\gamma}$; elsewhere it is perfect. How many **nats** "
        "does that add to the bound? A formula in `q, a, b`.",
        Formula({"q": (0.01, 1.0), "a": (-12.0, -4.0), "b": (-3.0, 4.0)}),
        "q*(b - a)/2",
        "a squared error is weighted by SNR/2 per unit of gamma, and SNR = exp(-gamma)",
    ),
    Exercise(
        "08.4",
        "The scaling encoder in a process *without* the counterterm ($\\hat u = 0$), at infinite "
        "depth. Which $\\hat x$ makes L4 smallest? A formula in `m` $= E[x_t|z_t]$ and `sigma`.",
        Formula({"m": ANY, "sigma": UNIT}),
        "m*(1 + sigma**2)",
        "by G4, write v - v_hat in x_hat and x_t; then r = (v - v_hat) - sigma u, where u = x_t, "
        "should be zero on average over all x that may have led to z_t",
    ),
]
