"""The noise variance ratio w, and what follows from leaving it free.                 W1, W1c, W2"""

from ._language import *
from .bound import SQUARES
from .gaussian import price

power, h = symbols("p h", positive=True)
m, mbar, L_T = symbols("m mbar L_T", nonnegative=True)
kappa, m_i = Symbol("kappa", real=True), IndexedBase("m", nonnegative=True)[i]
KL_w, KL_best, w_best = name(r"\mathrm{KL}(w)"), name(r"\mathrm{KL}^*"), name("w^*")
variance_best, m_name = name(r"\sigma_P^{*2}"), name("m(T)")
E_T, E_near = name("E_T(w)"), name(r"E_T(1+\kappa T^{-p})_{\text{leading}}")


def step_cost(L2, error: Expr) -> Expr:
    """L2 as a function of w, with `error` for m"""
    return L2.step.subs(SQUARES, d * sigma_Q**2 * error)


@row("The best ratio", "06",
    r"With $m=\mathbb E\|\mu_P-\mu_Q\|^2/(d\,\sigma_Q^2)$, the mean of L2 over the data, "
    r"as a function of $w$, has its minimum at $w^*$, where",
    claim={
        "ratio": equation(w_best, 1 / (1 + m)),
        "curvature": equation(Derivative(KL_w, (w, 2)), d / (2 * w**2)),
        "variance": equation(variance_best, sigma_Q**2 * (1 + m)),
        "cost": equation(KL_best, d / 2 * log(1 + m)),
        "below_one": equation(1 - w_best, m / (1 + m)),
    },
    nonnegative=("curvature", "below_one"),
)
def W1(G3, L2) -> Steps:
    cost = step_cost(L2, m)
    yield Words("averaged", "Average L2 over the data and the noise. An average of sums is the "
        "sum of the averages, and the squared gap enters linearly: only its mean counts.",
        for_=("ratio", "curvature", "variance", "cost", "below_one"))
    yield Line("average", r"Measure that mean for each dimension, in units of $\sigma_Q^2$.",
        equation(KL_w, d / 2 * (price(w) + w * m)), means=cost)
    yield Line("slope", "At the minimum the slope is 0.",
        equation(Derivative(KL_w, w), diff(cost, w)))
    (best,) = solve(diff(cost, w), w)
    yield Line("ratio", "There is one such place. A denoiser that errs should admit it: the more "
        "it errs, the smaller $w$.", equation(w_best, best))
    yield Line("zero", "Indeed,", equation(diff(cost, w).subs(w, w_best), 0))
    yield Line("curvature", "It is a minimum, and the only one, because the cost is convex in $w$.")
    yield Line("variance", "The variance that belongs to it: what $q$ has, plus the mean squared "
        "error of the mean.", means=G3.variance.subs(w, w_best))
    yield Line("cost", r"What the step then costs is a logarithm, where $w=1$ pays $\frac d2m$.",
        means=cost.subs(w, w_best))
    yield Line("below_one", "And $w^*$ is never more than 1: the generative step is never more "
        "certain than the posterior, which knows the data.")


@row("The best constant ratio", "06",
    r"One $w$ for all $T$ steps, with $L_T=\frac d2\sum_im_i$ the diffusion loss at $w=1$, "
    r"is best at $w^*$ and then costs $\mathrm{KL}^*$. The ratios of W1, one for each step, save "
    r"more, with $a_i=(1+m_i)/(1+\frac1T\sum_im_i)$:",
    claim={
        "cost": equation(KL_w, T * d / 2 * (w - 1 - log(w)) + w * L_T),
        "ratio": equation(w_best, 1 / (1 + 2 * L_T / (T * d))),
        "best": equation(KL_best, T * d / 2 * log(1 + 2 * L_T / (T * d))),
        "more": equation(KL_best - Sum(d / 2 * log(1 + m_i), (i, 1, T)),
            d / 2 * Sum(price((1 + m_i) / (1 + mbar)), (i, 1, T))),
        "below_one": equation(1 - w_best, 2 * L_T / (2 * L_T + T * d)),
    },
    nonnegative=("below_one",),
)
def W1c(L2, W1) -> Steps:
    yield Define({L_T: d / 2 * Sum(m_i, (i, 1, T)), mbar: Sum(m_i, (i, 1, T)) / T})
    total = sum_apart(Sum(step_cost(L2, m_i), (i, 1, T)))
    yield Line("cost", "Add up the steps of W1, each with its own error $m_i$, all with the same "
        "$w$. The errors enter by their sum only, and that is the diffusion loss at $w=1$.",
        equation(KL_w, expand(expand(total).subs(Sum(m_i, (i, 1, T)), 2 * L_T / d))), means=total)
    yield Line("mean_error", r"That is $T$ times the cost of W1 at the mean error $\bar "
        "m=2L_T/(Td)$,", equation(KL_w, T * step_cost(L2, mbar)))
    yield Line("ratio", "so that W1 has the best ratio,", means=W1.ratio.subs(m, mbar))
    slope = diff(T * step_cost(L2, mbar), w)
    yield Line("slope", "where the slope is 0,", equation(slope.subs(w, w_best), 0))
    yield Line("best", "the least cost, the logarithm of the mean error, $T$ times,",
        means=total.subs(w, w_best))
    yield Line("below_one", "and a ratio below 1.")
    yield Line("zero_sum", "One ratio for each step costs the sum of the logarithms instead. With "
        r"$\bar m$ the mean of the $m_i$, this sum is 0; times $\frac d{2(1+\bar m)}$ it may be "
        "added.", equation(Sum(m_i - mbar, (i, 1, T)), 0))
    own = Sum(W1.cost.subs(m, m_i), (i, 1, T))
    zero_sum = d / (2 * (1 + mbar)) * Sum(m_i - mbar, (i, 1, T))
    yield Line("more", r"Added, it makes every term an $a_i-1-\ln a_i$, which is never negative "
        "(L1).", equation(KL_best - own, T * W1.cost.subs(m, mbar) - own + zero_sum))


@row("At infinite depth the ratio must be 1", "06",
    r"In $T$ steps the first part of L2 is paid $T$ times, whatever the prediction. Call "
    r"this price $E_T(w)$; it is least, namely 0, at $w=1$ (W1 with $m=0$), and",
    claim={
        "excess": equation(E_T, T * d / 2 * (w - 1 - log(w))),
        "linear": equation(Limit(E_T / T, T, oo), d / 2 * (w - 1 - log(w))),
        "power": equation(E_near, d * kappa**2 / 4 * T ** (1 - 2 * power)),
        "root": equation(name(r"\lim E_T(1+\kappa/\sqrt T)"), d * kappa**2 / 4),
        "best": equation(name(r"\lim T(w^*-1)"), -gammaprime_t * alpha_t**2 * r**2 / d),
    })
def W2(L2, L4, W1) -> Steps:
    step = step_cost(L2, Integer(0))
    total = sum_apart(Sum(step, (i, 1, T)))
    yield Line("excess", "Suppose that the denoiser predicts the mean without error: in L2 only "
        "the price of the variance is left, the same in each of $T$ steps.", means=total)
    yield Line("linear", r"A fixed $w\ne1$ pays that price in every step: the bound grows "
        "linearly with the depth. (An imperfect denoiser pays $w$ times its own part of L2 "
        "besides, which stays bounded.)",
        equation(Limit(E_T / T, T, oo), expand(Limit(total / T, T, oo).doit())))
    near = series(step.subs(w, 1 + kappa * h), h, 0, 3)
    yield Line("near", r"How near to 1 must $w$ be? With $w=1+\kappa h$, $h$ small, the price of "
        "a step is quadratic in $h$, as it must be at a minimum:",
        equation(name(r"E_T(1+\kappa h)/T"), near), means=step.subs(w, 1 + kappa * h))
    yield Line("power", "With $h=T^{-p}$, $T$ times the leading term is",
        means=T * near.removeO().subs(h, T ** (-power)))
    yield Words("bounded", r"$T^{1-2p}$ stays bounded as $T$ grows if and only if $p\ge\frac12$, "
        "and what the series leaves out, of order $T^{1-3p}$, then vanishes: $w-1$ must shrink at "
        "least like $T^{-1/2}$.", for_=("power",))
    yield Line("root", r"On the border, $p=\frac12$, a constant remains.",
        means=Limit(total.subs(w, 1 + kappa / sqrt(T)), T, oo))
    yield Line("gap", r"Does the best ratio (W1) come near enough? At $w=1$ a step costs $\frac "
        "d2m$, and by L4 that tends to the integrand over $T$, so that, to leading order,",
        equation(m_name, 2 * L4.integrand / (d * T)))
    yield Words("leading", "What the leading order leaves out of $m$ falls like $1/T^2$ (L4), so "
        "$T$ times it vanishes, and it does not change the limit.", for_=("best",))
    yield Line("best", "$w^*$ tends to 1 like $1/T$, faster than needed. So in the limit $w=1$ is "
        "not only safe, but best.", means=Limit(T * (W1.ratio.subs(m, m_name) - 1), T, oo))
