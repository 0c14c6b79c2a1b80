"""Other finite forms of the counterterm.                                                      G5"""

from ._language import *
from .gaussian import price
from .generation import mu_P, up_to
from .processes import KEPT, mu_Q
from .three_terms import a

tau = Symbol("tau", real=True)
mu_A, A_G3, A_folded, A_E2 = names(
    r"\mu_P", r"A_{\text{G3}}", r"A_{\text{folded}}", r"A_{\text{E2}}")


@row("Other finite forms of the counterterm", "04",
    r"(Not in the paper.) With $\hat u=\hat x$ the prediction enters by one number, $A$; "
    r"what it should hit is $\tau=cx_t+(x_s-x_t)$. Any $A$ with $A/c\to1+\sigma_t^2$ leads to L4; "
    "here are three.",
    forms="mean gap target residual G3 G3_limit folded overshoot E2")
def G5(D: Row) -> None:
    D.define("mean", r"In G3 with $\hat u=\hat x$ the prediction stands in two places. Call what "
        r"stands before $\alpha_s\hat x$ in all $A$, and leave it free.",
        mu_A, KEPT + alpha_s * A * xhat)
    D.define("tau", "What the posterior has there is the encoding and its movement,",
        tau, c * x_t + (x_s - x_t))
    D.step("gap", r"so $A\hat x$ should hit $\tau$.", mu_A - mu_Q, alpha_s * (A * xhat - tau),
        uses="mean tau F3.mean")
    D.step("target", "In a short step the target is, to first order,",
        tau, up_to(Delta * (x_t + sigma_t**2 * u), 2), uses="tau E1.encoding E1.ahead E1.speed")
    D.step("residual", r"so that any $A=c\,(1+\sigma_t^2)+O(\Delta^2)$ leaves $\Delta$ times the "
        r"residual of L4 (for $\hat u=\hat x$), times $\sigma_t$.",
        (1 + sigma_t**2) * xhat - (x_t + sigma_t**2 * u),
        sigma_t * ((v - vhat) - sigma_t * (u - xhat)), uses="G4.error")
    D.define("share", "In the paper's choice, G3, this stands before the prediction:",
        A_G3, (mu_P - KEPT) / (alpha_s * xhat))
    D.step("G3", r"with $\hat u=\hat x$,", A_G3, c + (gamma_t - gamma_s) * sigma_t**2,
        uses="share G3.mean E2.counterterm")
    D.step("G3_limit", "Over $c$ it has the limit that it needs.",
        Limit(A_G3 / c, Delta, 0), 1 + sigma_t**2, uses="G3")
    D.define("fold", "Fold the counterterm into $c$: the same limit,",
        A_folded, c * Limit(A_G3 / c, Delta, 0))
    D.step("folded", "which is", A_folded, c * (1 + sigma_t**2), uses="fold G3_limit")
    D.at_least("overshoot", r"G3 is never less: it has $\sigma_t^2(a-1-\ln a)$ more (L1), with "
        r"$a=e^{-\Delta}$; long steps overshoot most.", A_G3 - A_folded, uses=["G3 folded",
            use("L1.never_negative", {a: exp(gamma_s - gamma_t)})],
        witness=sigma_t**2 * price(exp(gamma_s - gamma_t)))
    D.define("exact", "For E2 we know how the encoding moves. The target is a multiple of $x_t$,",
        A_E2, tau / x_t)
    D.step("E2", "by this. (For E3 the movement has $y$ in it, which generation does not know: "
        "there $A$ is to be fitted, W7.)",
        A_E2, c * (1 + sigma_t**2 * alpha_s**2 / alpha_t**2),
        uses="exact tau E2.x_t E2.x_s")
