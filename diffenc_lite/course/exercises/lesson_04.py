"""Exercises of notebook 04, Adding an encoder."""

from __future__ import annotations

from .forms import ANY, UNIT, Exercise, Formula

EXERCISES = [
    Exercise(
        "04.1",
        "With the scaling encoder, what is the mean of $q(z_t|x)$? A formula in `alpha, x`.",
        Formula({"alpha": UNIT, "x": ANY}),
        "alpha**3*x",
        "the encoder scales x before the process scales x_t",
    ),
    Exercise(
        "04.2",
        "Seen from $x$, the scaling encoder is a noisier channel. What is the signal-to-noise "
        "ratio of $z_t$ about $x$ (not about $x_t$)? A formula in `gamma`.",
        Formula({"gamma": (-5.0, 5.0)}),
        "exp(-gamma)/(1 + exp(gamma))**2",
        "the squared factor of x in the mean, over the variance of the noise",
    ),
    Exercise(
        "04.3",
        "A toy encoder of the learned form has $y(x, \\gamma) = \\gamma x$. What is its $u$, with "
        "$dx_t/d\\lambda = \\sigma_t^2 u$? A formula in `x, gamma`.",
        Formula({"x": ANY, "gamma": (-5.0, 5.0)}),
        "-x*(1/(1 + exp(-gamma)) + gamma/(1 + exp(gamma)))",
        "put y into E3, and watch the sign of dy/dlambda: lambda = -gamma",
    ),
    Exercise(
        "04.4",
        "For the scaling encoder with its counterterm, $r = k\\,(v - \\hat v)$. Give $k$ as a "
        "formula in `sigma`.",
        Formula({"sigma": UNIT}),
        "1 + sigma**2",
        "u - u_hat is x_t - x_hat; how does that depend on v - v_hat?",
    ),
    Exercise(
        "04.5",
        "At finite depth the counterterm is only first order. For the scaling encoder, divide the "
        "true shift $x_s - x_t$ by what the counterterm puts for it, $(\\lambda_s-\\lambda_t)\\,"
        "\\sigma_t^2\\, x_t$ (with $\\hat x = x_t$). A formula in `gamma_s, gamma_t`.",
        Formula({"gamma_s": (-5.0, 0.0), "gamma_t": (0.5, 5.0)}),
        "(1/(1+exp(gamma_s)) - 1/(1+exp(gamma_t)))"
        " * (1+exp(gamma_t)) * (1+exp(-gamma_t)) / (gamma_t - gamma_s)",
        "x drops out; as gamma_s approaches gamma_t your formula must tend to 1",
    ),
]
