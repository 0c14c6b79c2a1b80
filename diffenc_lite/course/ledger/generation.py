"""The generative process p: what it starts from, how it steps, how it ends.                G1-G4"""

from ._language import *
from .gaussian import log_density
from .processes import KEPT, mu_Q, q_0

l_k, l_j = symbols("l_k l_j", real=True)
sigma_P = Symbol("sigma_P", positive=True)
mu_P = Symbol("mu_P", real=True)
p_1, p_st, p_k = names(r"\ln p(z_1)", r"\ln p(z_s|z_t)", "p(l_k|z_0)")
ell_k, ell_j = names(r"\ell_k", r"\ell_j")
level_of = Function("l", real=True)  # the levels once more, as a function of their number
PERFECT = "a perfect denoiser"
COUNTERTERM = (lambda_s - lambda_t) * sigma_t**2 * uhat


def up_to(expression: Expr, power: int) -> Expr:
    """expression + O(Delta^power)"""
    return expression + Order(Delta**power)


@row("The start of generation: pure noise", "02", r"$p(z_1)=\mathcal N(0,1)$, that is,",
    forms="log_density")
def G1(D: Row) -> None:
    D.define("log_density", "Generation must start from something that is the same for all data, "
        r"as F1 at $t=1$ nearly is. What it costs that $\gamma_1$ is finite is the prior loss, L0.",
        p_1, log_density(z_1, 0, 1))


@row("The end of generation: from the last latent to a level", "02",
    r"$p(x|z_0)$ is, in each dimension, a softmax of $\ell_k$ over $K$ levels $l_k$, with",
    forms="level logit log_odds softmax")
def G2(D: Row) -> None:
    def density(level: Expr) -> Expr:
        """The logarithm of F1 at t = 0, with this level for the encoding"""
        return Subs(q_0, x_0, level)

    def share(logit: Callable[[Expr], Expr]) -> Expr:
        return exp(logit(k)) / Sum(exp(logit(j)), (j, 0, K - 1))

    D.define("middle", "$K$ levels, equally spaced, each in the middle of a cell, and the cells, "
        "of width $2/K$, fill $(-1,1)$: level $k$ stands at", l_k, -1 + 2 / K * k + 2 / K / 2)
    D.step("level", "that is,", l_k, (2 * k + 1) / K - 1, uses="middle")
    D.define("weight", "We see $z_0$. Each level weighs as much as its density F1 (the encoding "
        "at $t=0$ is almost the data), without the normaliser, which is common to all.",
        ell_k, density(l_k) + log(2 * pi * sigma_0**2) / 2)
    D.step("logit", r"$z_0/\alpha_0$ is the data with a little noise, and "
        r"$\alpha_0^2/\sigma_0^2=e^{-\gamma_0}$ says how far it can be trusted.",
        ell_k, -exp(-gamma_0) * (z_0 / alpha_0 - l_k) ** 2 / 2,
        uses="weight F1.density@0")
    D.step("log_odds", "Between two levels the odds are even half-way, and they change "
        "exponentially to either side of it.", ell_k - ell_j,
        exp(-gamma_0) * (l_k - l_j) * (z_0 / alpha_0 - (l_k + l_j) / 2),
        uses=["logit", use("logit", {l_k: l_j, ell_k: ell_j, k: j})])
    D.given("bayes", "Bayes' rule for K values", "With $l(k)$ for $l_k$, and odds $1/K$ before, "
        "the probability of level $k$ is its share of the density.",
        p_k, share(lambda n: density(level_of(n)) - log(K)))
    D.step("softmax", "The normaliser and $1/K$ cancel: probabilities are a softmax of the logits.",
        p_k, share(lambda n: -exp(-gamma_0) * (z_0 / alpha_0 - level_of(n)) ** 2 / 2),
        uses="bayes F1.density@0")


@row("The generative step, from t back to s, when the data is not known", "04",
    r"$p(z_s|z_t)=\mathcal N(\mu_P,\sigma_P^2)$ with",
    forms="mean variance first_order")
def G3(D: Row) -> None:
    D.step("first_order", "The posterior F3 asks for what generation does not know: the encoding "
        "$x_t$, and how it moves, $x_s-x_t$. To first order every smooth encoder moves like this:",
        mu_Q, up_to(KEPT + alpha_s * c * x_t + alpha_s * Delta * sigma_t**2 * u, 2),
        uses="F3.mean E1.encoding E1.ahead E1.speed")
    D.define("mean", "Two unknowns are left, $x_t$ and $u$; the denoiser has to say what they are. "
        r"The term with $\hat u$ is called the counterterm.",
        mu_P, KEPT + alpha_s * c * xhat + alpha_s * COUNTERTERM)
    D.define("variance", "Nor need generation be as sure as one who knows the data: leave its "
        r"variance free, and call the ratio $w=\sigma_Q^2/\sigma_P^2$.",
        sigma_P**2, sigma_Q**2 / w)
    D.define("density", "Its density is", p_st, log_density(z_s, mu_P, sigma_P**2))


@row("Three names for one prediction", "04",
    r"With $z_t=\alpha_tx_t+\sigma_t\varepsilon$, $v=\alpha_t\varepsilon-\sigma_tx_t$ and "
    r"$\hat x=\alpha_tz_t-\sigma_t\hat v$,",
    forms="x_t epsilon v error")
def G4(D: Row) -> None:
    D.define("turned", "Signal and noise are two numbers; $z_t$ (F1) and $v$ are two others, "
        r"turned by an angle whose cosine is $\alpha_t$ and whose sine is $\sigma_t$.",
        v, alpha_t * epsilon - sigma_t * x_t)
    D.step("x_t", r"As $\alpha_t^2+\sigma_t^2=1$, a turn has no stretch. Turn back: the signal is",
        x_t, alpha_t * z_t - sigma_t * v, uses="F1.latent turned")
    D.step("epsilon", "and the noise is", epsilon, sigma_t * z_t + alpha_t * v,
        uses="F1.latent turned")
    D.step("v", "Who knows $z_t$ and the signal knows $v$.", v, (alpha_t * z_t - x_t) / sigma_t,
        uses="F1.latent turned")
    D.define("guess", r"So a network that sees $z_t$ and guesses $v$ has guessed the signal,",
        xhat, alpha_t * z_t - sigma_t * vhat)
    D.define("noise_guess", "and the noise.", epsilonhat, sigma_t * z_t + alpha_t * vhat)
    D.step("error", r"The two errors differ by the factor $-\sigma_t$: it vanishes without noise, "
        "where $z_t$ gives the data away.", xhat - x_t, sigma_t * (v - vhat), uses="guess x_t")
    D.step("noise_error", r"That in the noise has the factor $\alpha_t$.",
        epsilon - epsilonhat, alpha_t * (v - vhat), uses="noise_guess epsilon")
