"""Exercises of notebook 02, The bound and worlds with exact answers."""

from __future__ import annotations

import math

from .forms import ANY, POSITIVE, UNIT, Exercise, Formula, Number


def _black_image_bits() -> float:
    from ..worlds import reconstruction_by_level

    return 784 * float(reconstruction_by_level()[0]) / math.log(2)


EXERCISES = [
    Exercise(
        "02.1",
        "What does the prior loss (L0) cost per dimension, in nats? A formula in `alpha_1` and "
        "`x_1`, the encoding at $t=1$ (variance preserving).",
        Formula({"alpha_1": UNIT, "x_1": ANY}),
        "(alpha_1**2*(x_1**2 - 1) - log(1 - alpha_1**2)) / 2",
        "it is the KL of 01.1 to N(0, 1), with sigma_1^2 = 1 - alpha_1^2 put in",
    ),
    Exercise(
        "02.2",
        "How many **bits** does reconstruction (L1) cost for an all-black image of $28 \\times 28$ "
        "pixels, with $\\gamma_0 = -13.3$ and 256 levels?",
        Number(),
        _black_image_bits,
        "black is the first level: it has a neighbour on one side only",
    ),
    Exercise(
        "02.3",
        "$N(\\mu_Q, \\sigma_Q^2 I)$ against $N(\\mu_P, \\sigma_Q^2/w\\, I)$ in $d$ dimensions: "
        "what is the KL in nats? A formula in `w`, `m` and `d`, with "
        "$m = \\|\\mu_P-\\mu_Q\\|^2/(d\\,\\sigma_Q^2)$.",
        Formula({"w": POSITIVE, "m": POSITIVE, "d": (1.0, 10.0)}),
        "d*(w - 1 - log(w) + w*m) / 2",
        "each dimension costs the same; m already holds the d",
    ),
    Exercise(
        "02.4",
        "The data are $+1$ or $-1$ with equal odds, and $z = \\alpha x + \\sigma\\epsilon$. What "
        "is the exact denoiser $E[x|z]$? A formula in `z, alpha, sigma`.",
        Formula({"z": ANY, "alpha": UNIT, "sigma": (0.3, 1.0)}),
        "tanh(alpha*z/sigma**2)",
        "weigh the two values by their Gaussian likelihoods and divide: which function has the "
        "form (e^a - e^-a) / (e^a + e^-a)?",
    ),
    Exercise(
        "02.5",
        "The data are $N(0, s_2)$. What is the smallest possible mean squared error of a denoiser "
        "at signal-to-noise ratio `snr` $= \\alpha^2/\\sigma^2$? A formula in `s_2, snr`.",
        Formula({"s_2": POSITIVE, "snr": (1e-2, 1e2)}),
        "s_2/(1 + s_2*snr)",
        "precisions add: 1/s_2 from the data, snr from the observation",
    ),
]
