"""A coin: data that is +1 or -1.                                                              X3"""

import math
from functools import cache

from ._language import *
from .information import eta, kernel, z
from .quadrature import GAMMA_0, GAMMA_1, integral, normal_mean
from .what_encoders_buy import xtilde

CERTAIN = 80.0  # an SNR from which on the coin is known: mmse < exp(-CERTAIN / 2)

m_z, rate_E1, rate_E2 = name("m_z"), name(r"\text{E1}"), name(r"\text{E2}")
prior_E1, prior_E2 = name(r"\text{E1: prior}"), name(r"\text{E2: prior}")
mmse = Symbol("mmse", positive=True)


@row("A coin", "05",
    r"For data $\pm1$ with equal odds, seen as $z=\sqrt\eta\,x+\varepsilon$: the mean of "
    r"$x$, given $z$; the integrands of L4 for each unit of $\gamma$, with $\eta=\alpha_t^2/"
    r"\sigma_t^2$ for E1 and $\alpha_t^6/\sigma_t^2$ for E2; and the prior losses.",
    claim={
        "mean": equation(m_z, tanh(sqrt(eta) * z)),
        "rate_E1": equation(rate_E1, (alpha_t / sigma_t) ** 2 * mmse / 2),
        "rate_E2": equation(rate_E2, alpha_t**6 / sigma_t**2 * (1 + sigma_t**2) ** 2 * mmse / 2),
        "prior_E1": equation(prior_E1, (alpha_1**2 + sigma_1**2 - log(sigma_1**2) - 1) / 2),
        "prior_E2": equation(prior_E2, (alpha_1**6 + sigma_1**2 - log(sigma_1**2) - 1) / 2),
    })
def X3(E2, L0, X4, X5) -> Steps:
    heads, tails = (kernel(side) / 2 for side in (1, -1))
    yield Line("bayes", "The mean is 1 and -1, weighted by what each side has of the density "
        "(Bayes),", equation(m_z, (heads - tails) / (heads + tails)))
    yield Line("mean", "a smooth version of the sign.")
    for tag, encoding_of_1 in (("E1", 1), ("E2", E2.u.subs({alpha_t: alpha_1, x: 1}))):
        yield Line(f"prior_{tag}", f"The prior of {tag} is L0 with $x^2=1$.",
            means=L0.one_dimension.subs(x_1, encoding_of_1))
    yield Line("rate_E1", "E1: the integrand of L4 is that of X5, half the error for each unit of "
        "SNR.", means=X5.rate.subs((x - xhat) ** 2, mmse) / gammaprime_t)
    yield Line("rate_E2", "E2 has the integrand of X4.",
        means=X4.scaling.subs((x - xtilde) ** 2, mmse) / gammaprime_t)
    total_E2, error_E2 = total("E2")
    yield Numbers("totals", r"The rest are integrals: the error $\mathrm{mmse}(\eta)=1-\mathbb "
        r"E[\tanh(\eta+\sqrt\eta\,\varepsilon)]$, its integral over $\gamma$ from $-13.3$ to 5, "
        r"and the reconstruction $\mathbb E[\ln(1+e^{-2\eta-2\sqrt\eta\,\varepsilon})]$ at "
        r"$\gamma_0$, which is 0 to all digits. In nats:",
        numbers=(
            Digits(r"\text{E1: prior}", "0.003358", _prior("E1")),
            Digits(r"\text{E1: in all}", "0.693147", *total("E1")),
            Digits(r"\text{E2: prior}", "0.0000114", _prior("E2")),
            Digits(r"\text{E2: in all, less}\ \ln2", "0.050976", total_E2 - math.log(2), error_E2),
        ))
    yield Words("moral", "A lower prior loss is not a better model: E2 pays more in all.")


def _prior(tag: str) -> float:
    return X3.lambdify(f"prior_{tag}", "math")(gamma_1=GAMMA_1)


def error(eta: float) -> float:
    """mmse: E[(x - E[x|z])^2] = 1 - E[tanh(eta + sqrt(eta) epsilon)]"""
    if eta > CERTAIN:
        return 0.0
    root = math.sqrt(eta)
    return 1 - normal_mean(lambda epsilon: math.tanh(eta + root * epsilon), steps=96)[0]


@cache
def total(tag: str) -> tuple[float, float]:
    """(the bound at infinite depth, its error)"""
    rate, power = X3.lambdify(f"rate_{tag}", "math"), {"E1": 1, "E2": 3}[tag]

    def at(gamma: float) -> float:
        alpha2 = 1 / (1 + math.exp(gamma))
        return rate(gamma_t=gamma, mmse=error(alpha2**power / (1 - alpha2)))

    diffusion, off = integral(at, GAMMA_0, GAMMA_1, steps=128)
    return _prior(tag) + diffusion, off
