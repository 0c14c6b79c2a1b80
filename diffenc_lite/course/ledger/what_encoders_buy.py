"""What an encoder can change, and what it cannot.                                         X4, X7"""

from ._language import *
from .infinite_depth import EXCHANGE, integrand
from .processes import mu

xtilde = Symbol("xtilde", real=True)  # a prediction of x itself, where xhat is one of x_t
S = Function("S", positive=True)  # a signal-to-noise ratio, as a function of lambda
SNR, dSNR = names(r"\mathrm{SNR}", r"\frac{d\,\mathrm{SNR}}{d\lambda}")
short, VDM, SCALING, ratio = names(
    r"\text{VDM, pointwise}", r"\text{VDM}", r"\text{E2}", r"\text{E2}/\text{VDM}")
SNR_OF_E2 = alpha_t**6 / sigma_t**2  # of its latents, as a signal of x: X4


@row("Why the scaling encoder does not pay", "05",
    r"Compare E2 with a VDM that has the same marginals $\mathcal N(\alpha_t^3x,\sigma_t^2)$ and "
    r"predicts $x$ with the same error $\tilde x-x$. Signal-to-noise ratio, the two integrands of "
    "L4, and the second over the first:",
    forms="snr speed vdm error scaling ratio excess end")
def X4(D: Row) -> None:
    D.define("signal", r"The latents of E2 are $\alpha_t^3x$ with noise $\sigma_t$.",
        SNR, Derivative(mu, x) ** 2 / sigma_t**2)
    D.step("snr", "So their signal-to-noise ratio is", SNR, SNR_OF_E2, uses="signal E2.mean")
    D.define("grows", "How fast does it grow?", dSNR, Derivative(SNR, lambda_t))
    D.step("speed", "Like this:", dSNR, (1 + 2 * sigma_t**2) * alpha_t**6 / sigma_t**2,
        uses="grows snr")
    D.define("tilde", r"Let E2's guess of $x$ be", xtilde, xhat / alpha_t**2)
    D.define("same", "Let the ratio of a VDM grow alike.", Derivative(S(lambda_t), lambda_t), dSNR)
    D.define("short", r"A VDM with a ratio $S(\lambda)$ is charged in each step, by L3, for its "
        r"error in $x$ in proportion to the gain in the ratio; $T$ short steps have "
        r"$T\Delta\to\gamma'$.", short,
        gammaprime_t * Derivative(S(lambda_t), lambda_t) * (x - xtilde) ** 2 / 2)
    D.argue("exchange", EXCHANGE, "Exchange the limit with sum and average, as in L4.",
        equation(VDM, short), uses="short same L3.weight")
    D.step("vdm", "So this is its integrand.", VDM,
        gammaprime_t * (1 + 2 * sigma_t**2) * SNR_OF_E2 * (x - xtilde) ** 2 / 2,
        uses="exchange short same speed")
    D.step("error", r"The same error of $x$ is for E2, by G4,",
        v - vhat, alpha_t**2 * (xtilde - x) / sigma_t,
        uses="tilde G4.guess G4.turned F1.latent E2.x_t")
    D.define("E2", "and L4 charges", SCALING, integrand)
    D.step("scaling", r"with $r=(1+\sigma_t^2)(v-\hat v)$.", SCALING,
        gammaprime_t * (1 + sigma_t**2) ** 2 * SNR_OF_E2 * (x - xtilde) ** 2 / 2,
        uses="E2 L4.integrand L4.residual_E2 error")
    D.define("over", "Divide:", ratio, SCALING / VDM)
    D.step("ratio", "data, schedule and error cancel.", ratio,
        (1 + sigma_t**2) ** 2 / (1 + 2 * sigma_t**2), uses="over scaling vdm")
    D.step("excess", "It is more than 1 wherever there is noise, since "
        r"$(1+\sigma^2)^2=1+2\sigma^2+\sigma^4$: generation pays for guessing where $x_t$ goes.",
        ratio - 1, sigma_t**4 / (1 + 2 * sigma_t**2), uses="ratio")
    D.step("end", "At the noisy end it is a third more.", Limit(ratio, gamma_t, oo),
        Rational(4, 3), uses="ratio")


@row("The encoder is nearly the identity where there is little noise", "11",
    r"The learned encoder moves the data by this much; with $x$ and $y$ in $[-1,1]$ by at most "
    r"$2\sigma_t^2$ either way.",
    forms="shift most least scaling")
def X7(D: Row) -> None:
    D.step("shift", r"How far does E3 move the data? By E3, and $\alpha_t^2-1=-\sigma_t^2$,",
        x_t - x, sigma_t**2 * (y - x), uses="E3.x_t")
    for letter, value in {"x": x, "y": y}.items():
        D.given(f"{letter}_least", "values in [-1, 1]", f"Of ${letter}$ we know this", 1 + value)
        D.given(f"{letter}_most", "values in [-1, 1]", "and this.", 1 - value)
    D.at_least("most", r"Upwards at most by $2\sigma_t^2$: what is missing to that is $\sigma_t^2$ "
        "times $(1-y)+(1+x)$, and neither bracket is negative.", 2 * sigma_t**2 - (x_t - x),
        uses="shift x_least y_most", witness=sigma_t**2 * (1 - y) + sigma_t**2 * (1 + x))
    D.at_least("least", "Downwards the same, with $(1+y)+(1-x)$.", 2 * sigma_t**2 + (x_t - x),
        uses="shift x_most y_least", witness=sigma_t**2 * (1 + y) + sigma_t**2 * (1 - x))
    D.step("scaling", "No network is needed for half of that: E2 moves the data as well, by as "
        "much as E3 with $y=0$. Whoever looks at what an encoder has learned must look at E2 "
        "beside it.", x_t - x, -(sigma_t**2) * x, uses="E2.x_t")
