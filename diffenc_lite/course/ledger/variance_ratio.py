"""The noise variance ratio w, and what follows from leaving it free.                 W1, W1c, W2"""

from ._language import *
from .bound import SQUARES, KL_d
from .gaussian import price
from .three_terms import a

m, mbar = symbols("m mbar", nonnegative=True)
L_T = Symbol("L_T", nonnegative=True)
KL_w, KL_best, KL_chain, KL_const = names(
    r"\mathrm{KL}(w)", r"\mathrm{KL}^*", r"\mathrm{KL}_T(w)", r"\mathrm{KL}_T^*")
w_best, w_T, w_const = names("w^*", "w^*(T)", r"w_{\text{const}}", positive=True)
kappa, m_i = Symbol("kappa", real=True), IndexedBase("m", nonnegative=True)[i]
KL_i, KL_best_i = (IndexedBase(of.name, real=True)[i] for of in (KL_w, KL_best))
variance_best, m_T = name(r"\sigma_P^{*2}", real=True), name("m(T)", nonnegative=True)
E_T, E_root, limit_best = names(
    "E_T(w)", r"\lim E_T(1+\kappa/\sqrt T)", r"\lim T(w^*-1)")


def step_cost(error: Expr) -> Expr:
    """W1: a step with ratio w and this mean error"""
    return d / 2 * (price(w) + w * error)


@row("The best ratio", "06",
    r"With $m=\mathbb E\|\mu_P-\mu_Q\|^2/(d\,\sigma_Q^2)$, the mean of L2 over data and noise, "
    r"as a function of $w$, has its minimum at $w^*$, where",
    forms="average ratio curvature variance at_ratio cost least")
def W1(D: Row) -> None:
    D.define("error", r"The mean squared gap of the means, for each dimension, in units of "
        r"$\sigma_Q^2$;", m, E(SQUARES) / (d * sigma_Q**2))
    D.define("mean", "and the mean of the divergence of a step.", KL_w, E(KL_d))
    D.step("average", "The squared gap enters L2 linearly, so only its mean counts.",
        KL_w, step_cost(m), uses="mean error L2.step F3.variance")
    D.define("flat", "Now for any $m$: at $w^*$ the slope is 0.",
        Subs(Derivative(step_cost(m), w), w, w_best), 0)
    D.step("ratio", "There is one such place. A denoiser that errs should admit it: the more it "
        "errs, the smaller $w$.", w_best, 1 / (1 + m), uses="flat")
    D.define("at_best", "There a step costs", KL_best, step_cost(m).subs(w, w_best))
    D.step("at_ratio", "(that is the mean divergence at $w^*$)", Subs(KL_w, w, w_best), KL_best,
        uses="at_best average")
    D.step("cost", r"a logarithm, where $w=1$ pays $\frac d2m$.", KL_best, d / 2 * log(1 + m),
        uses="at_best flat")
    D.at_least("least", "No other $w$ is better: what it costs more is "
        r"$\frac d2(a-1-\ln a)$ with $a=w(1+m)$, which is never negative (L1).",
        KL_w - KL_best, uses=["average cost", use("L1.never_negative", {a: w * (1 + m)})],
        witness=d / 2 * price(w * (1 + m)))
    D.step("curvature", "(The cost is convex in $w$.)", Derivative(KL_w, (w, 2)), d / (2 * w**2),
        uses="average")
    D.define("wider", "The variance that belongs to it", variance_best, sigma_Q**2 / w_best)
    D.step("variance", "is what $q$ has, plus the mean squared error of the mean.",
        variance_best, sigma_Q**2 * (1 + m), uses="wider flat")


@row("The best constant ratio", "06",
    r"One $w$ for all $T$ steps, with $L_T=\frac d2\sum_im_i$ the diffusion loss at $w=1$, "
    r"is best at $w_{\text{const}}$ and then costs $\mathrm{KL}_T^*$. The ratios of W1, one for "
    r"each step, save more, with $\bar m=2L_T/(Td)$ the mean of the $m_i$:",
    forms="cost ratio at_ratio best sign")
def W1c(D: Row) -> None:
    D.define("chain", "The cost of all steps with the same $w$,", KL_chain, Sum(KL_i, (i, 1, T)))
    D.define("loss", "and that at $w=1$,", L_T, Subs(KL_chain, w, 1))
    D.step("errors", "add up W1, in each step with its own noise and error:",
        L_T, d / 2 * Sum(m_i, (i, 1, T)), uses="loss chain W1.average@i")
    D.step("cost", "the errors enter by their sum only.", KL_chain,
        T * d / 2 * (w - 1 - log(w)) + w * L_T, uses="chain errors W1.average@i")
    D.define("mean_error", "With the mean error,", mbar, 2 * L_T / (T * d))
    best = {m: mbar, w_best: w_const, KL_best: KL_const}
    D.step("ratio", "this is $T$ times the cost of W1, so W1 has the best ratio,",
        w_const, 1 / (1 + 2 * L_T / (T * d)),
        uses=[use("W1.ratio", best), "mean_error"])
    D.step("at_ratio", "and with it the steps cost", Subs(KL_chain, w, w_const), T * KL_const,
        uses=["cost mean_error", use("W1.at_best", best)])
    D.step("best", "the logarithm of the mean error, $T$ times.", T * KL_const,
        T * d / 2 * log(1 + 2 * L_T / (T * d)), uses=[use("W1.cost", best), "mean_error"])
    D.at_least("sign", "One ratio for each step costs the sum of the logarithms instead, and that "
        "is never more: the difference is a sum of $a_i-1-\\ln a_i$, $a_i=(1+m_i)/(1+\\bar m)$.",
        T * KL_const - Sum(KL_best_i, (i, 1, T)), uses=[use("W1.cost", best), "W1.cost@i",
            "mean_error errors", use("L1.never_negative", {a: (1 + m_i) / (1 + mbar)})],
        witness=d / 2 * Sum(price((1 + m_i) / (1 + mbar)), (i, 1, T)))


@row("At infinite depth the ratio must be 1", "06",
    r"In $T$ steps the first part of L2 is paid $T$ times, whatever the prediction. Call "
    r"this price $E_T(w)$; it is least, namely 0, at $w=1$ (W1 with $m=0$), and",
    forms="excess root best")
def W2(D: Row) -> None:
    D.define("price", "Suppose that the denoiser predicts the mean without error: of the cost of "
        "a step, $T$ times, only the price of the variance is left.",
        E_T, T * Subs(KL_w, m, 0))
    D.step("excess", r"A fixed $w\ne1$ pays it in each of $T$ steps: the bound grows linearly with "
        "the depth. (An imperfect denoiser pays $w$ times its own part of L2 besides, which stays "
        "bounded.)", E_T, T * d / 2 * (w - 1 - log(w)), uses=["price", "W1.average"])
    D.define("near", r"How near to 1 must $w$ be? With $w=1+\kappa/\sqrt T$,",
        E_root, Limit(Subs(E_T, w, 1 + kappa / sqrt(T)), T, oo))
    D.step("root", "a constant remains. (Nothing does if $w$ tends to 1 faster; if slower, "
        "there is no limit.)", E_root, d * kappa**2 / 4, uses="near excess")
    D.argue("leading", "the leading order of m", r"Does the best ratio (W1) come near enough? At "
        r"$w=1$ a step costs $\frac d2m$, and by L4 that tends to the integrand over $T$; what is "
        "left out falls like $1/T^2$, so $T$ times it vanishes.",
        equation(m_T, gammaprime_t * alpha_t**2 * r**2 / (d * T)), uses="L4.loss W1.average")
    D.define("tends", "So", limit_best, Limit(T * (w_T - 1), T, oo))
    D.step("best", "$w^*$ tends to 1 like $1/T$, faster than needed: in the limit $w=1$ is not "
        "only safe, but best.", limit_best, -gammaprime_t * alpha_t**2 * r**2 / d,
        uses=["tends", use("W1.ratio", {m: m_T, w_best: w_T}), "leading"])
