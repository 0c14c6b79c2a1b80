"""Exercises of notebook 01, A Gaussian toolbox."""

from __future__ import annotations

from .forms import ANY, POSITIVE, UNIT, Exercise, Formula

EXERCISES = [
    Exercise(
        "01.1",
        "What is $\\mathrm{KL}\\big(N(m_1, v_1)\\,\\|\\,N(m_2, v_2)\\big)$ in one dimension, in "
        "nats? ($v$ is a variance.) A formula in `m_1, v_1, m_2, v_2`.",
        Formula({"m_1": ANY, "v_1": POSITIVE, "m_2": ANY, "v_2": POSITIVE}),
        "(v_1/v_2 + (m_1 - m_2)**2/v_2 - 1 - log(v_1/v_2)) / 2",
        "it must vanish when the two are the same, and it is not symmetric: look at which of the "
        "two variances divides",
    ),
    Exercise(
        "01.2",
        "A step from $t$ down to $s$ removes the share $c = 1 - \\mathrm{SNR}(t)/\\mathrm{SNR}(s)$ "
        "of the noise. Write $c$ as a function of `step` $= \\gamma_t - \\gamma_s$ that keeps six "
        "digits even for a step of $10^{-12}$.",
        Formula({"step": (1e-12, 10.0)}),
        "1 - exp(-step)",
        "if only tiny steps fail, two nearly equal numbers cancel: what is expm1 for?",
    ),
    Exercise(
        "01.3",
        "What is the variance $\\sigma_Q^2$ of $q(z_s | z_t, x)$? A formula in "
        "`alpha_s, sigma_s, alpha_t, sigma_t` (treat the four as free).",
        Formula(
            {"alpha_s": (0.8, 1.0), "sigma_s": UNIT, "alpha_t": (0.1, 0.7), "sigma_t": (1.0, 2.0)}
        ),
        "sigma_s**2 * (1 - alpha_t**2*sigma_s**2/(alpha_s**2*sigma_t**2))",
        "precisions add: that of q(z_s | x) and that which z_t brings about z_s",
    ),
    Exercise(
        "01.4",
        "Somebody forgets the shift and moves by $q(z_t|z_s,x) = N(\\alpha_{t|s} z_s, "
        "\\sigma_{t|s}^2)$. Starting from $z_s \\sim q(z_s|x)$, what is then the mean of $z_t$ "
        "given $x$? A formula in `alpha_s, alpha_t, x_s, x_t`.",
        Formula({"alpha_s": UNIT, "alpha_t": UNIT, "x_s": ANY, "x_t": ANY}),
        "alpha_t*x_s",
        "take the mean of z_s first, then carry it by alpha_t / alpha_s",
    ),
]
