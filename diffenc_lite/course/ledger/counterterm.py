"""Other finite forms of the counterterm.                                                      G5"""

from ._language import *
from .encoders import PATH, encoding_at_s, up_to
from .generation import mu_P
from .processes import KEPT, mu_Q

A, kappa = Symbol("A", real=True), Symbol("kappa", real=True)
tau, gap_E2 = name(r"\tau"), name(r"\text{E2: }\mu_P-\mu_Q")
A_G3, A_folded, A_E2 = name(r"A_{\text{G3}}"), name(r"A_{\text{folded}}"), name(r"A_{\text{E2}}")

SHARE = 1 - exp(-Delta)  # c
ALPHA2_S = 1 / (1 + exp(gamma_t - Delta))  # alpha_s^2
G3_OVER_C = 1 + Delta * sigma_t**2 / SHARE
E2_OVER_C = 1 + sigma_t**2 * ALPHA2_S / alpha_t**2


@row("Other finite forms of the counterterm", "04",
    r"(Not in the paper.) With $\hat u=\hat x$ the prediction enters by one number, $A$; "
    r"what it should hit is $\tau=cx_t+(x_s-x_t)$. Any $A$ with $A/c\to1+\sigma_t^2$ leads to L4; "
    r"here are three.",
    claim={
        "mean": equation(mu_P, KEPT + alpha_s * A * xhat),
        "gap": equation(mu_P - mu_Q, alpha_s * (A * xhat - tau)),
        "residual": equation((1 + sigma_t**2) * xhat - (x_t + sigma_t**2 * u),
            sigma_t * ((v - vhat) - sigma_t * (u - xhat))),
        "G3": equation(A_G3, c + (gamma_t - gamma_s) * sigma_t**2),
        "G3_limit": equation(Limit(G3_OVER_C, Delta, 0), 1 + sigma_t**2),
        "folded": equation(A_folded, c * (1 + sigma_t**2)),
        "kappa": equation(kappa, c / (gamma_t - gamma_s)),
        "E2": equation(A_E2, c * (1 + sigma_t**2 * alpha_s**2 / alpha_t**2)),
        "E2_limit": equation(Limit(E2_OVER_C, Delta, 0), 1 + sigma_t**2),
        "E2_gap": equation(gap_E2, alpha_s * A_E2 * (xhat - x_t)),
    })
def G5(E2, F3, G3, L4) -> Steps:
    yield Define(PATH | {xhat: x_t + sigma_t * (v - vhat), tau: c * x_t + x_s - x_t, mu_Q: F3.mean})
    mean = expand(G3.mean.subs(uhat, xhat))
    coefficient = mean.coeff(xhat)
    yield Line("mean", r"In G3 with $\hat u=\hat x$ the prediction stands in two places, both "
        r"times with a number before it. Call what stands before $\alpha_s\hat x$ in all $A$, and "
        "leave it free.", equation(mu_P, mean - coefficient * xhat + alpha_s * A * xhat))
    gap = simplify((mean - coefficient * xhat - F3.mean) / alpha_s)
    yield Line("difference", r"The means then differ by this: $A\hat x$ should hit $\tau$.",
        equation(mu_P - mu_Q, alpha_s * (A * xhat + gap)))
    target = expand(-gap)
    yield Line("tau", r"where $\tau$ has the encoding and its movement.", equation(tau, target))
    yield Line("gap", "So")
    first = expand(series(target.subs({x_s: encoding_at_s(2), c: SHARE}), Delta, 0, 2).removeO())
    yield Line("target", "In a short step the target is, to first order,",
        equation(tau, up_to(first, 2)))
    yield Line("residual", r"so that any $A=c\,(1+\sigma_t^2)+O(\Delta^2)$ leaves $\Delta$ times "
        r"the residual of L4 (for $\hat u=\hat x$), times $\sigma_t$.",
        equation((1 + sigma_t**2) * xhat - first.coeff(Delta, 1),
            sigma_t * L4.residual.subs(uhat, xhat)))
    yield Line("G3", "The paper's choice, G3, is", equation(A_G3, factor(coefficient / alpha_s)))
    yield Line("G3_over_c", r"and over $c$, with $\gamma_t-\gamma_s=\Delta$,",
        equation(A_G3 / c, G3_OVER_C))
    yield Line("G3_limit", "it has the limit that it needs, from above: long steps overshoot most.")
    yield Line("folded", "Fold the counterterm into $c$: the same limit, and no overshoot.",
        equation(A_folded, c * Limit(G3_OVER_C, Delta, 0).doit()))
    (weaker,) = solve(Eq(c + kappa * (gamma_t - gamma_s) * sigma_t**2, c * (1 + sigma_t**2)), kappa)
    yield Line("kappa", r"It is a counterterm that is weaker by the factor $\kappa$, in "
        r"$A=c+\kappa\,(\gamma_t-\gamma_s)\,\sigma_t^2$:", equation(kappa, weaker), gives=True)
    yield Line("weaker", "Indeed,",
        equation(c + kappa * (gamma_t - gamma_s) * sigma_t**2, A_folded))
    at_s = x_t - E2.change.subs(x, x_t / alpha_t**2)
    exact = expand(target.subs(x_s, at_s)).coeff(x_t)
    yield Line("E2", "For E2 we know how the encoding moves: "
        r"$x_s-x_t=\frac{\alpha_s^2}{\alpha_t^2}\sigma_t^2c\,x_t$ (E2). The target is a multiple "
        "of $x_t$, by", equation(A_E2, factor(exact)))
    over_c = expand(exact / c).subs(alpha_s**2, ALPHA2_S)
    yield Line("E2_over_c", r"Over $c$, with $\alpha_s^2=1/(1+e^{\gamma_t-\Delta})$,",
        equation(A_E2 / c, over_c.subs(Delta, gamma_t - gamma_s)))
    yield Line("E2_limit", "it has the same limit again.",
        equation(Limit(over_c, Delta, 0), over_c.subs(Delta, 0)))
    yield Line("E2_means", "With that number the means differ by nothing but the error of the "
        "prediction:", equation(gap_E2, KEPT + alpha_s * exact * xhat - F3.mean.subs(x_s, at_s)))
    yield Line("E2_gap", "What both keep of $z_t$ cancels, and so does the movement.")
    yield Words("best_mean", r"So a denoiser that predicts $\hat x=\mathbb E[x_t|z_t]$ generates "
        r"with the mean of $\mu_Q$ given $z_t$: no other function of $z_t$ is nearer to $\mu_Q$ "
        "in the mean square.")
    yield Words("learned", r"For E3, $x_s-x_t=\alpha_s^2\sigma_t^2c\,(x-y_t)+\sigma_s^2(y_s-y_t)$ "
        "(E3) has $y$ in it, which generation does not know: there $A$ is to be fitted (W7).")
