"""What a level costs.                                                                         X1"""

from ._language import *
from .generation import ell_k, l_k
from .three_terms import ell_x

away = Symbol("n", integer=True)  # the difference of two level numbers
ell_n = name(r"\ell_{x+2n/K}", real=True)
OTHER = use("L1.exponent", {l_k: x + 2 * away / K, ell_k: ell_n})


@row("What a level costs", "02",
    r"Another level, $n$ levels away, has this logit, less that of the true level, for E1 and for "
    r"E2. The cost of a level is the mean over $\varepsilon$ of the logarithm of the sum of their "
    r"exponentials: with $\gamma_0=-13.3$ and $K=256$, 0.010453 bits for an inner level, whatever "
    "is learned (the tests compute it).",
    forms="E1 E2")
def X1(D: Row) -> None:
    D.step("E1", r"By L1, for the encoding $x_0=x$ (E1),", ell_n - ell_x,
        2 * away / K * exp(-gamma_0 / 2) * epsilon - 2 * (away / K) ** 2 * exp(-gamma_0),
        uses=[OTHER, "E1.x_t@0"])
    D.step("E2", r"and for $x_0=\alpha_0^2x=x-\sigma_0^2x$ (E2), with "
        r"$\sigma_0^2e^{-\gamma_0}=\alpha_0^2$.", ell_n - ell_x,
        2 * away / K * exp(-gamma_0 / 2) * epsilon - 2 * (away / K) ** 2 * exp(-gamma_0)
            - 2 * away / K * alpha_0**2 * x, uses=[OTHER, "E2.x_t@0"])
