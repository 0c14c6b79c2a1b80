"""What an encoder can change, and what it cannot.                                     X4, X5, X7"""

from ._language import *
from .depth import EXCHANGE, LOSS, diffusion, integrand
from .gaussian import price
from .processes import mu
from .three_terms import a

xtilde = Symbol("xtilde", real=True)  # a prediction of x itself, where xhat is one of x_t
S = Function("S", positive=True)  # a signal-to-noise ratio, as a function of lambda
SNR, dSNR = names(r"\mathrm{SNR}", r"\frac{d\,\mathrm{SNR}}{d\lambda}")
VDM, SCALING, ratio = names(r"\text{VDM}", r"\text{E2}", r"\text{E2}/\text{VDM}")
SNR_OF_E2 = alpha_t**6 / sigma_t**2  # of its latents, as a signal of x: X4
eta_0, eta_1 = symbols("eta_0 eta_1", positive=True)  # signal-to-noise ratios
mmse = Function("mmse", nonnegative=True)
HALF = Integral(mmse(eta) / 2, (eta, eta_1, eta_0))
H, H_0, I_0, I_1, M, K_1 = symbols("H H_0 I_0 I_1 M K_1", real=True)
prior, left, bound, any_bound = names(
    *(rf"\text{{{of}}}" for of in ("prior", "reconstruction", "bound", "any bound")))
q_x, q_z, q_zx, q_xz, p_z, p_xz, q_all, q_allx, q_xall, p_all = names(
    *(rf"\ln {of}" for of in ("q(x)", "q(z_1)", "q(z_1|x)", "q(x|z_0)", "p(z_1)", "p(x|z_0)",
        "q(z)", "q(z|x)", "q(x|z)", "p(z)")))


@row("Why the scaling encoder does not pay", "05",
    r"Compare E2 with a VDM that has the same marginals $\mathcal N(\alpha_t^3x,\sigma_t^2)$ and "
    r"predicts $x$ with the same error $\tilde x-x$. Signal-to-noise ratio, the two integrands, "
    "and the second over the first:",
    forms="snr speed vdm error scaling ratio excess end")
def X4(D: Row) -> None:
    D.define("signal", r"The latents of E2 are $\alpha_t^3x$ with noise $\sigma_t$.",
        SNR, Derivative(mu, x) ** 2 / sigma_t**2)
    D.step("snr", "So their signal-to-noise ratio is", SNR, SNR_OF_E2, uses="signal E2.mean")
    D.define("grows", "How fast does it grow?", dSNR, Derivative(SNR, lambda_t))
    D.step("speed", "Like this:", dSNR, (1 + 2 * sigma_t**2) * SNR_OF_E2,
        uses="grows snr")
    D.define("tilde", r"Let E2's guess of $x$ be", xtilde, xhat / alpha_t**2)
    D.suppose("same", "equal marginals", "Let the ratio of a VDM grow alike.",
        Derivative(S(lambda_t), lambda_t), dSNR)
    D.argue("exchange", EXCHANGE, r"A VDM is charged in each step (L3) for its error in $x$ in "
        r"proportion to the gain in the ratio; $T$ short steps have $T\Delta\to\gamma'$. So its "
        "loss is, by the words of L4, the integral of", equation(VDM,
            gammaprime_t * Derivative(S(lambda_t), lambda_t) * (x - xtilde) ** 2 / 2),
        uses="L3.weight L4.loss")
    D.step("vdm", "that is, of", VDM,
        gammaprime_t * (1 + 2 * sigma_t**2) * SNR_OF_E2 * (x - xtilde) ** 2 / 2,
        uses="exchange same speed")
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


@row("Information and error, and what no bound can beat", "05",
    r"With $H$ the entropy of the data, $H_0$ that of $x$ given $z_0$, $I_0,I_1$ the information "
    r"of $z_0,z_1$, $K_1=\mathrm{KL}(q(z_1)\,\|\,p(z_1))$, and $M$ the divergence of the decoder "
    r"from $q(x|z_0)$: no bound is below $H+M$ (with the $M$ of its own decoder); the bound of a "
    "VDM with a perfect denoiser, and by how much it exceeds that.",
    forms="no_less total advantage")
def X5(D: Row) -> None:
    D.define("H", "The entropy of the data", H, -E(q_x))
    D.define("H_0", "and what of it is left once $z_0$ is seen.", H_0, -E(q_xz))
    D.define("I_0", "The information of $z_0$", I_0, E(q_xz - q_x))
    D.define("I_1", "and of $z_1$.", I_1, E(q_zx - q_z))
    D.define("K_1", "By how much the last latents differ from pure noise,", K_1, E(q_z - p_z))
    D.define("M", "and the decoder from the posterior.", M, E(q_xz - p_xz))
    # what no bound can beat
    D.define("any", "Average the bound (L1) of any model over the data; $z$ are all its latents.",
        any_bound, E(q_allx - p_all - p_xz))
    D.given("bayes", "Bayes' rule", "Read backwards,", q_xall, q_allx + q_x - q_all)
    for of, q, p in ("z", q_all, p_all), ("x", q_xall, q_xz):
        D.given(f"total_{of}", "a density has total 1", "as in L1", E(exp(p - q)), 1)
        D.at_least(f"gibbs_{of}", "no divergence is negative:", E(q - p),
            uses=[f"total_{of}", use("L1.never_negative", {a: exp(p - q)})],
            witness=E(price(exp(p - q))))
    D.at_least("no_less", "it exceeds $H+M$ by two of them, of the latents from the model's and of "
        "what all latents tell of $x$ from what $z_0$ does.", any_bound - (H + M),
        uses="any H M bayes gibbs_z gibbs_x", witness=E(q_all - p_all) + E(q_xall - q_xz))
    # a VDM with a perfect denoiser
    D.define("prior_loss", "The mean of the prior loss (L0)", prior, E(q_zx - p_z))
    D.step("prior", "is the information of $z_1$, and $K_1$.", prior, I_1 + K_1,
        uses="prior_loss I_1 K_1")
    D.define("reconstruction_loss", "The mean of the reconstruction", left, -E(p_xz))
    D.step("reconstruction", "is what $z_0$ leaves open, and the mismatch.", left, H_0 + M,
        uses="reconstruction_loss H_0 M")
    D.argue("paid", "the loss as an integral over SNR", "By L4 a perfect denoiser, whose mean "
        "squared error is the mmse, pays half of it for each unit of SNR,",
        equation(LOSS, HALF), uses="L4.integrand_E1")
    D.given("i_mmse", "I-MMSE", "and that is the slope of the information: in all, what is gained "
        "between the ends.", HALF, I_0 - I_1)
    D.define("sum", "Add the three.", bound, prior + diffusion + left)
    D.step("total", "All information cancels.", bound, H + K_1 + M,
        uses="sum prior reconstruction L4.loss paid i_mmse H_0 H I_0")
    D.step("advantage", "So with the same $M$ an encoder can beat a perfect VDM by $K_1$ at most, "
        "which is the prior loss less $I_1$.", bound - (H + M), K_1, uses="total")


@row("The encoder is nearly the identity where there is little noise", "11",
    r"The learned encoder moves the data by this much; with $x$ and $y$ in $[-1,1]$ by at most "
    r"$2\sigma_t^2$ either way.",
    forms="shift most least")
def X7(D: Row) -> None:
    D.step("shift", r"How far does E3 move the data? As $\alpha_t^2-1=-\sigma_t^2$, this far "
        "(half of the way without a network: E2 moves it as E3 does with $y=0$).",
        x_t - x, sigma_t**2 * (y - x), uses="E3.x_t")
    for value, whose in {x: "Data", y: "What a network says that ends in a tanh"}.items():
        D.suppose(f"{value}_least", "x, y in [-1, 1]", f"{whose} is at least -1", 1 + value)
        D.suppose(f"{value}_most", "x, y in [-1, 1]", "and at most 1.", 1 - value)
    D.at_least("most", r"Upwards at most by $2\sigma_t^2$: what is missing to that is $\sigma_t^2$ "
        "times $(1-y)+(1+x)$, and neither bracket is negative.", 2 * sigma_t**2 - (x_t - x),
        uses="shift x_least y_most", witness=sigma_t**2 * (1 - y) + sigma_t**2 * (1 + x))
    D.at_least("least", "Downwards the same, with $(1+y)+(1-x)$.", 2 * sigma_t**2 + (x_t - x),
        uses="shift x_most y_least", witness=sigma_t**2 * (1 + y) + sigma_t**2 * (1 - x))
