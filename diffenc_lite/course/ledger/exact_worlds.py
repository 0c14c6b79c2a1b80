"""Data for which the denoiser is known: a Gaussian and a coin.                            X2, X3"""

from ._language import *
from .bound import KL_0, KL_1
from .depth import snr_s, snr_t
from .gaussian import kl, log_density, z
from .variance_ratio import KL_best, w_best
from .variance_ratio import m as error

S = Function("S", positive=True)  # SNR as a function of the number of the step
spread, log_post, log_z = names(r"\mathbb V[x|z]", r"\ln p(x|z)", r"\ln p(z)")
left, diffusion, h_x, gap, mean = names(r"\text{reconstruction}", r"\text{diffusion}",
    "h(x)", r"\text{gap}", r"\mathbb E[x|z]")
m, w_E1 = names(r"m_{\text{E1}}", r"w^*_{\text{E1}}", positive=True)
KL_E1 = name(r"\mathrm{KL}^*_{\text{E1}}", real=True)
KL_i, alpha_s_i, alpha_t_i, sigma_s_i, sigma_t_i = (IndexedBase(of.name, **of.assumptions0)[i]
    for of in (KL_E1, alpha_s, alpha_t, sigma_s, sigma_t))
SNR_0, SNR_1 = (alpha_0 / sigma_0) ** 2, (alpha_1 / sigma_1) ** 2


def entropy(variance: Expr) -> Expr:
    """of a Gaussian"""
    return log(2 * pi * variance) / 2 + Rational(1, 2)


@row("Gaussian data", "06",
    r"For data $\mathcal N(0,s_2)$, E1 and the exact denoiser, with $S(i)$ the SNR after step "
    r"$i$ and $\eta$ that of $z=\sqrt\eta\,x+\varepsilon$. With $w^*$ the gap of the bound to the "
    r"entropy is $\mathrm{KL}(q(z_1)\,\|\,\mathcal N(0,1))$ at every $T$.",
    forms="spread m logarithm diffusion gap")
def X2(D: Row) -> None:
    D.define("data", r"The data have the variance $s_2$,", E(x**2), s2)
    D.given("bayes", "Bayes' rule", "What is known of $x$, given what is seen of it, has the log "
        "density", log_post, log_density(x, 0, s2) + log_density(z, sqrt(eta) * x, 1) - log_z)
    D.define("curvature", "a quadratic: its curvature says how much $x$ still varies,",
        spread, -1 / Derivative(log_post, (x, 2)))
    D.step("spread", "which is", spread, s2 / (1 + s2 * eta), uses="curvature bayes")
    D.given("exact", "tower rule", "The exact denoiser errs by that spread.",
        E((x - xhat) ** 2), Subs(spread, eta, snr_t))
    D.define("error", "Twice the mean cost of a step with $w=1$ (L3)", m, 2 * E(KL_1))
    D.step("m", "is", m, (snr_s - snr_t) * s2 / (1 + s2 * snr_t),
        uses="error L3.step exact spread")
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
    D.define("left", "The best reconstruction costs the entropy of what is left to know.",
        left, entropy(Subs(spread, eta, SNR_0)))
    D.define("entropy", "The data have the entropy", h_x, entropy(s2))
    D.define("sum", "The gap is these and the mean of the prior loss (L0), less the entropy:",
        gap, E(KL_0) + left + diffusion - h_x)
    D.step("gap", "the divergence of two Gaussians with the mean 0, of $q(z_1)$ from the start of "
        "generation. It does not depend on $T$, nor on the depths in between.",
        gap, kl(0, sqrt(alpha_1**2 * s2 + sigma_1**2), 0, 1),
        uses="sum left diffusion first last entropy spread data L0.one_dimension E1.x_t@1")


@row("A coin", "02",
    r"For data $\pm1$ with equal odds, seen as $z=\sqrt\eta\,x+\varepsilon$, the mean of $x$ is",
    forms="mean")
def X3(D: Row) -> None:
    up, down = (exp(log_density(z, sqrt(eta) * side, 1)) for side in (1, -1))
    D.given("bayes", "Bayes' rule", "1 and -1 are weighted by what each has of the density.",
        mean, (up - down) / (up + down))
    D.step("mean", "That is a smooth version of the sign.", mean, tanh(sqrt(eta) * z), uses="bayes")
