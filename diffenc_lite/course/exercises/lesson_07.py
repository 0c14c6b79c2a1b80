"""Exercises of notebook 07, Weighted losses and inference schedules."""

from __future__ import annotations

import math

from .forms import Exercise, Formula, Number

GAMMA_S = (-12.0, -1.0)
GAMMA_T = (0.0, 5.0)


def _middle_of_two_steps() -> float:
    snr_0, snr_1 = math.exp(13.3), math.exp(-5.0)
    snr = math.sqrt((1 + snr_0) * (1 + snr_1)) - 1
    return (13.3 - math.log(snr)) / 18.3


EXERCISES = [
    Exercise(
        "07.1",
        "A VDM (E1) is trained with the plain $v$-loss, the sum of $\\|v-\\hat v\\|^2$ over the "
        "steps, all with weight 1. The bound of which ratio is that for the step from $\\gamma_t$ "
        "to $\\gamma_s$? A formula in `gamma_s, gamma_t`.",
        Formula({"gamma_s": GAMMA_S, "gamma_t": GAMMA_T}),
        "2*(1 + exp(gamma_t))/(exp(gamma_t - gamma_s) - 1)",
        "for the epsilon-loss it is in W3; and eps - eps_hat is alpha_t times v - v_hat",
    ),
    Exercise(
        "07.2",
        "The data are $N(0,1)$, the denoiser is exact, E1, $w=1$, and there are **two** steps. At "
        "which $t$ should the first one end? ($\\gamma$ runs linearly from $-13.3$ to $5$.)",
        Number(),
        _middle_of_two_steps,
        "1 + SNR is a geometric sequence on the best grid; from SNR to gamma to t",
    ),
    Exercise(
        "07.3",
        "A VDM (E1) has a squared error of `mse` per dimension at $z_t$. Which ratio is the best "
        "one for a step from $t$ down to $s$? A formula in `snr_s, snr_t, mse`.",
        Formula({"snr_s": (1.0, 1e4), "snr_t": (1e-2, 1.0), "mse": (1e-3, 1.0)}),
        "1/(1 + (snr_s - snr_t)*mse)",
        "by L3 the step costs half the gain of SNR times the error at w = 1, and that is m/2",
    ),
    Exercise(
        "07.4",
        "E1 and $w=1$. A step from $t$ to $u$ and one from $u$ to $s$ are replaced by one from $t$ "
        "to $s$, to save a call of the network. By how many nats per dimension does the bound "
        "rise? A formula in `snr_s, snr_u, mse_u, mse_t`, the errors being per dimension.",
        Formula(
            {"snr_s": (10.0, 1e3), "snr_u": (0.1, 10.0), "mse_u": (0.0, 0.5), "mse_t": (0.5, 1.0)}
        ),
        "(snr_s - snr_u)*(mse_t - mse_u)/2",
        "write down the three costs by L3; only the part from u to s is charged at another rate",
    ),
]
