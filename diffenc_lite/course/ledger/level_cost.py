"""What a level costs.                                                                         X1"""

import math

from ._language import *
from .generation import K, l_k
from .quadrature import GAMMA_0, normal_mean

LEVELS, NEAR = 256, 12
away = Symbol("n", integer=True)  # the difference of two level numbers
exponent_E1, exponent_E2 = (name(rf"\text{{{E}: }}\ell_{{x+2n/K}}-\ell_x") for E in ("E1", "E2"))


@row("What a level costs", "02",
    r"With $\gamma_0=-13.3$ and $K=256$ levels the reconstruction loss, in bits, is that "
    r"of the table, whatever is learned. Another level, $n$ levels away, has the logit",
    claim={
        "E1": equation(exponent_E1,
            2 * away / K * exp(-gamma_0 / 2) * epsilon - 2 * (away / K) ** 2 * exp(-gamma_0)),
        "E2": equation(exponent_E2, 2 * away / K * exp(-gamma_0 / 2) * epsilon
            - 2 * (away / K) ** 2 * exp(-gamma_0) - 2 * away / K * alpha_0**2 * x),
    })
def X1(E2, L1) -> Steps:
    exponent = L1.exponent.subs(l_k, x + 2 * away / K)
    yield Line("E1", r"By L1, for the encoding $x_0=x$ (E1),", means=exponent.subs(x_0, x))
    yield Line("E2", r"and for $x_0=\alpha_0^2x=x-\sigma_0^2x$ (E2); "
        r"$\sigma_0^2e^{-\gamma_0}=\alpha_0^2$.",
        means=exponent.subs(x_0, E2.u.subs(alpha_t, alpha_0)))
    last = 1 - 1 / LEVELS
    yield Numbers("bits", r"The cost is the mean over $\varepsilon$ of $\ln\sum_ne^{\ldots}$ over "
        "all levels that there are. In bits, by quadrature:",
        numbers=(
            _bits(r"\text{E1, a level with others on both sides}", "0.010453", "E1", NEAR, NEAR),
            _bits(r"\text{E1, the first or the last}", "0.005227", "E1", 0, NEAR),
            _bits(r"\text{E2, the first}", "0.0052486", "E2", 0, NEAR, -last),
            _bits(r"\text{E2, the last}", "0.0052486", "E2", NEAR, 0, last),
        ))


def _bits(what: str, claimed: str, form: str, below: int, above: int, x: float = 0.0) -> Digits:
    """E[ln sum_n exp(exponent)] / ln 2, with so many levels below and above the true one.

    Levels more than 12 away are left out: together they weigh less than exp(-1000).
    """
    exponent = X1.lambdify(form, "math")
    fixed = {"K": LEVELS, "gamma_0": GAMMA_0} | ({"x": x} if form == "E2" else {})

    def cost(epsilon: float) -> float:
        logits = [exponent(n=n, epsilon=epsilon, **fixed) for n in range(-below, above + 1)]
        top = max(logits)
        return top + math.log(math.fsum(math.exp(value - top) for value in logits))

    value, error = normal_mean(cost)
    return Digits(what, claimed, value / math.log(2), error)
