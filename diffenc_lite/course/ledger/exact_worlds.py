"""Data for which the denoiser is known: a Gaussian and a coin.                            X2, X3"""

from ._language import *
from .bound import KL_0
from .depth import KL_one, snr_s, snr_t
from .gaussian import kl, log_density, z
from .generation import PERFECT
from .variance_ratio import KL_best, w_best
from .variance_ratio import m as error

S = Function("S", positive=True)  # SNR as a function of the number of the step
spread, guess, p_plus = names(r"\mathbb V[x|z]", r"\hat x(z)", "p(1|z)")
log_x, log_zx, log_xz, log_z = names(*(rf"\ln p({of})" for of in ("x", "z|x", "x|z", "z")))
GAUSSIAN = "Gaussian data"
left, diffusion, h_x, gap, mean = names(r"\text{reconstruction}", r"\text{diffusion}",
    "h(x)", r"\text{gap}", r"\mathbb E[x|z]")
m, w_E1 = names(r"m_{\text{E1}}", r"w^*_{\text{E1}}", positive=True)
KL_E1 = name(r"\mathrm{KL}^*_{\text{E1}}", real=True)
KL_i, alpha_s_i, alpha_t_i, sigma_s_i, sigma_t_i = (IndexedBase(of.name, **of.assumptions0)[i]
    for of in (KL_E1, alpha_s, alpha_t, sigma_s, sigma_t))
SNR_0, SNR_1 = (alpha_0 / sigma_0) ** 2, (alpha_1 / sigma_1) ** 2


@row("Gaussian data", "06",
    r"For data $\mathcal N(0,s_2)$, E1 and the exact denoiser, with $S(i)$ the SNR after step "
    r"$i$ and $\eta$ that of $z=\sqrt\eta\,x+\varepsilon$. With $w^*$ the gap of the bound to the "
    r"entropy is $\mathrm{KL}(q(z_1)\,\|\,\mathcal N(0,1))$ at every $T$.",
    forms="spread m logarithm diffusion gap")
def X2(D: Row) -> None:
    D.suppose("data", GAUSSIAN, "The data have this density,", log_x, log_density(x, 0, s2))
    D.suppose("variance", GAUSSIAN, "so the variance $s_2$,", E(x**2), s2)
    D.define("seen", "and are seen with noise.", log_zx, log_density(z, sqrt(eta) * x, 1))
    D.given("bayes", "Bayes' rule", "What is known of $x$, once $z$ is seen,",
        log_xz, log_zx + log_x - log_z)
    D.given("total", "total probability", "if $z$ has the density",
        log_z, log(Integral(exp(log_zx + log_x), (x, -oo, oo))))
    D.step("posterior", "is a Gaussian.", log_xz,
        log_density(x, s2 * sqrt(eta) * z / (1 + s2 * eta), s2 / (1 + s2 * eta)),
        uses="bayes total data seen")
    D.suppose("perfect", PERFECT, "The exact denoiser says its mean,", guess,
        Integral(exp(log_xz) * x, (x, -oo, oo)))
    D.define("error", "and errs by",
        spread, Integral(exp(log_xz) * (x - guess) ** 2, (x, -oo, oo)))
    D.step("spread", "which is, at every $z$,", spread, s2 / (1 + s2 * eta),
        uses="error perfect posterior")
    D.given("tower", "tower rule", "So it errs at depth $t$ (over $x$ given $z_t$ first) by",
        E((x - xhat) ** 2), E(Subs(spread, eta, snr_t)))
    D.define("cost", "Twice the mean cost of a step with $w=1$ (L3)", m, 2 * E(KL_one))
    D.step("m", "is", m, (snr_s - snr_t) * s2 / (1 + s2 * snr_t),
        uses="cost L3.step tower spread")
    D.step("logarithm", r"and with $w^*$ (W1) the step costs a logarithm.", KL_E1,
        log((1 + s2 * snr_s) / (1 + s2 * snr_t)) / 2,
        uses=[use("W1.cost", {error: m, d: 1, w_best: w_E1, KL_best: KL_E1}), "m"])
    D.define("before", "With the noise of step $i$ written by $S$, at its start", alpha_s_i,
        sqrt(S(i - 1)) * sigma_s_i)
    D.define("after", "and at its end,", alpha_t_i, sqrt(S(i)) * sigma_t_i)
    D.define("first", "the first at depth 0", S(0), SNR_0)
    D.define("last", "and the last at depth 1,", S(T), SNR_1)
    D.define("steps", "the diffusion loss", diffusion, Sum(KL_i, (i, 1, T)))
    D.step("diffusion", "telescopes: what is left are the two ends, whatever the steps.", diffusion,
        log((1 + s2 * S(0)) / (1 + s2 * S(T))) / 2, uses="steps logarithm@i before after")
    D.define("entropy", "The data have the entropy",
        h_x, -Integral(exp(log_x) * log_x, (x, -oo, oo)))
    D.step("entropy_is", "which is", h_x, log(2 * pi * s2) / 2 + Rational(1, 2),
        uses="entropy data")
    D.define("left", "The best reconstruction costs the entropy of what is left to know,",
        left, -Subs(Integral(exp(log_xz) * log_xz, (x, -oo, oo)), eta, SNR_0))
    D.step("left_is", "which is", left,
        log(2 * pi * s2 / (1 + s2 * SNR_0)) / 2 + Rational(1, 2), uses="left posterior")
    D.define("sum", "The gap is these and the mean of the prior loss (L0), less the entropy:",
        gap, E(KL_0) + left + diffusion - h_x)
    D.step("gap", "the divergence of two Gaussians with the mean 0, of $q(z_1)$ from the start of "
        "generation. It does not depend on $T$, nor on the depths in between.",
        gap, kl(0, sqrt(alpha_1**2 * s2 + sigma_1**2), 0, 1),
        uses="sum left_is diffusion first last entropy_is variance L0.one_dimension E1.x_t@1")


@row("A coin", "02",
    r"For data $\pm1$ with equal odds, seen as $z=\sqrt\eta\,x+\varepsilon$, the mean of $x$ is",
    forms="mean")
def X3(D: Row) -> None:
    up, down = (exp(log_density(z, sqrt(eta) * side, 1)) for side in (1, -1))
    D.given("bayes", "Bayes' rule for K values", "1 and -1 are weighted by what each has of the "
        "density.", p_plus, up / (up + down))
    D.define("average", "So the mean is", mean, p_plus - (1 - p_plus))
    D.step("mean", "a smooth version of the sign.", mean, tanh(sqrt(eta) * z), uses="bayes average")
