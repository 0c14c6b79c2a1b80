"""A coin: data that is +1 or -1.                                                              X3"""

from ._language import *
from .bound import KL_0
from .gaussian import z
from .gaussian_world import eta
from .infinite_depth import integrand
from .what_encoders_buy import SCALING, xtilde

m_z, rate_E1, rate_E2 = names("m_z", r"\text{E1: rate}", r"\text{E2: rate}")
mmse, mmse_2 = symbols("mmse mmse_2", nonnegative=True)


def kernel(side: Expr) -> Expr:
    """N(z; sqrt(eta) side, 1)"""
    return exp(-((z - sqrt(eta) * side) ** 2) / 2) / sqrt(2 * pi)


@row("A coin", "05",
    r"For data $\pm1$ with equal odds, seen as $z=\sqrt\eta\,x+\varepsilon$: the mean of "
    r"$x$, given $z$; the integrands of L4 for each unit of $\gamma$; and the prior losses. In all "
    r"(the tests add them up) E1 pays $\ln2$ and E2 0.051 nats more, although its prior loss is "
    "lower: a lower prior loss is not a better model.",
    forms="mean rate_E1 rate_E2 prior_E1 prior_E2")
def X3(D: Row) -> None:
    D.define("heads", "Both sides pay alike; take the side", x, 1)
    D.given("bayes", "Bayes' rule", "The mean is 1 and -1, weighted by what each side has of the "
        "density,", m_z, (kernel(1) - kernel(-1)) / (kernel(1) + kernel(-1)))
    D.step("mean", "a smooth version of the sign.", m_z, tanh(sqrt(eta) * z), uses="bayes")
    D.step("prior_E1", "The prior of E1 is L0 at that side,", KL_0,
        (alpha_1**2 + sigma_1**2 - log(sigma_1**2) - 1) / 2,
        uses="L0.one_dimension E1.x_t@1 heads")
    D.step("prior_E2", "and so is that of E2.", KL_0,
        (alpha_1**6 + sigma_1**2 - log(sigma_1**2) - 1) / 2,
        uses="L0.one_dimension E2.x_t@1 heads")
    D.define("mmse", "Over both sides, the mean squared error is", mmse, E((xhat - x_t) ** 2))
    D.define("E1", "and the integrand for each unit of $\\gamma$",
        rate_E1, E(integrand) / gammaprime_t)
    D.step("rate_E1", "is half the error, for E1, for each unit of SNR (L4).",
        rate_E1, (alpha_t / sigma_t) ** 2 * mmse / 2,
        uses="E1 mmse L4.integrand_E1 G4.noise_error G4.error")
    D.define("mmse_2", r"For E2, with $\tilde x$ for what it says of $x$,",
        mmse_2, E((xtilde - x) ** 2))
    D.define("E2", "the integrand", rate_E2, E(SCALING) / gammaprime_t)
    D.step("rate_E2", "is that of X4.", rate_E2,
        alpha_t**6 / sigma_t**2 * (1 + sigma_t**2) ** 2 * mmse_2 / 2, uses="E2 mmse_2 X4.scaling")
