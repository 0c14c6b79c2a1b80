"""Ratios for each dimension and each latent; the best multiple of a prediction.            W5-W7"""

from ._language import *
from .counterterm import mu_A, mu_Q
from .gaussian import price
from .three_terms import a
from .variance_ratio import KL_best, m, mbar, step_cost, w_best

N = Symbol("N", positive=True, integer=True)
m_j, m_n = (IndexedBase("m", nonnegative=True)[number] for number in (j, n))
w_j, w_n = (IndexedBase(r"{w^*}", positive=True)[number] for number in (j, n))
KL_j, KL_n = (IndexedBase(KL_best.name, real=True)[number] for number in (j, n))
KL_shared_n = IndexedBase(r"{\mathrm{KL}_{\text{shared}}}", real=True)[n]
m_z = Symbol("m_z", nonnegative=True)  # m for one z_t
gain, saved = names(r"\text{gain}", r"\text{saved}")
KL_shared, KL_own = names(r"\mathrm{KL}_{\text{shared}}", r"\mathrm{KL}_{\text{own}}")
w_shared, w_own = names(r"w_{\text{shared}}", r"w_{\text{own}}", positive=True)
XX = Symbol(r"{\mathbb E[\hat x^2]}", nonnegative=True)
XT = Symbol(r"{\mathbb E[\hat x\tau]}", real=True)
TT = Symbol(r"{\mathbb E[\tau^2]}", nonnegative=True)
J, A_best, J_best, m_A = names("J(A)", "A^*", "J(A^*)", "m(A)")
x_n, tau_n = IndexedBase("xhat", real=True)[n], IndexedBase("tau", real=True)[n]
mu_A_n, mu_Q_n, sigma_Q_n = (
    IndexedBase(of.name, **of.assumptions0)[n] for of in (mu_A, mu_Q, sigma_Q))
QUADRATIC = A**2 * XX - 2 * A * XT + TT


@row("A ratio for each dimension", "12",
    r"If dimension $j$ errs by $m_j$ and $\bar m=\frac1d\sum_jm_j$, then one ratio for "
    r"each dimension is better than one for all, by",
    forms="gain sign")
def W5(D: Row) -> None:
    D.define("mean", "The mean error:", mbar, Sum(m_j, (j, 1, d)) / d)
    D.define("shared", "A step with one ratio, less the sum of its dimensions, each with its own:",
        gain, KL_shared - Sum(KL_j, (j, 1, d)))
    best = use("W1.cost", {m: mbar, w_best: w_shared, KL_best: KL_shared})
    own = use("W1.cost", {m: m_j, w_best: w_j, KL_best: KL_j, d: 1})
    D.step("gain", r"The first costs $\frac d2\ln(1+\bar m)$ (W1), and a dimension is a step with "
        r"$d=1$. The $m_j-\bar m$ add up to 0. With $a_j=\frac{1+m_j}{1+\bar m}$ the gain is",
        gain, Sum(price((1 + m_j) / (1 + mbar)) / 2, (j, 1, d)),
        uses=["shared", best, own, "mean"])
    D.at_least("sign", "None of these terms is negative (L1), and each is 0 at $a_j=1$ only: the "
        "gain is 0 only if all dimensions err alike.", gain,
        uses=["gain", use("L1.never_negative", {a: (1 + m_j) / (1 + mbar)})],
        witness=Sum(price((1 + m_j) / (1 + mbar)), (j, 1, d)) / 2)


@row("A ratio that depends on the latent", "06",
    r"Let the error $m_z$ depend on $z_t$, with mean $\bar m$ over $N$ values of $z_t$. A ratio "
    r"that does so too saves, at one $z_t$ (with $a=\frac{1+m_z}{1+\bar m}$) and in the mean,",
    forms="pointwise mean sign")
def W6(D: Row) -> None:
    D.define("mbar", "The mean error over $N$ values of $z_t$:", mbar, Sum(m_n, (n, 1, N)) / N)
    D.define("shared", "With one ratio for all $z_t$, the best is that of the mean error (W1). At "
        "a $z_t$ with the error $m_z$ the step then costs",
        KL_shared, step_cost(m_z).subs(w, w_shared))
    D.step("pointwise", "With a ratio of its own it costs less, by $a-1-\\ln a$, times "
        r"$\frac d2$.", KL_shared - KL_own, d / 2 * price((1 + m_z) / (1 + mbar)),
        uses=["shared", use("W1.ratio", {m: mbar, w_best: w_shared}),
            use("W1.cost", {m: m_z, w_best: w_own, KL_best: KL_own})])
    each = {m_z: m_n, KL_shared: KL_shared_n, KL_own: KL_n, w_own: w_n}
    D.define("average", "In the mean, over all $N$,",
        saved, Sum(KL_shared_n - KL_n, (n, 1, N)) / N)
    D.step("mean", r"the one ratio costs $\frac d2\ln(1+\bar m)$, and this is saved:", saved,
        d / 2 * (log(1 + mbar) - Sum(log(1 + m_n), (n, 1, N)) / N),
        uses=["average", use("pointwise", each), "mbar"])
    D.at_least("sign", r"None of these is negative (L1), and each is 0 only where $m_z=\bar m$.",
        saved, uses=["average", use("pointwise", each),
            use("L1.never_negative", {a: (1 + m_n) / (1 + mbar)})],
        witness=d / 2 * Sum(price((1 + m_n) / (1 + mbar)), (n, 1, N)) / N)


@row("The best multiple of a prediction", "07",
    r"Given are $N$ numbers $\hat x_n$ and what they should hit, $\tau_n$ (G5: "
    r"$\tau=cx_t+(x_s-x_t)$). With $J(A)$ the mean of $(A\hat x_n-\tau_n)^2$, and $\mathbb E$ for "
    r"the mean over $n$,",
    forms="J best least never_less m E1")
def W7(D: Row) -> None:
    D.define("XX", "Three means:", XX, Sum(x_n**2, (n, 1, N)) / N)
    D.define("XT", "of products", XT, Sum(x_n * tau_n, (n, 1, N)) / N)
    D.define("TT", "and squares.", TT, Sum(tau_n**2, (n, 1, N)) / N)
    D.define("error", "The mean squared error of $A\\hat x$", J,
        Sum((A * x_n - tau_n) ** 2, (n, 1, N)) / N)
    D.step("J", "needs these only, and W4 has them for every pair of depths.", J, QUADRATIC,
        uses="error XX XT TT")
    D.define("flat", "At $A^*$ its slope is 0.", Subs(Derivative(QUADRATIC, A), A, A_best), 0)
    D.step("best", "There is one such place,", A_best, XT / XX, uses="flat")
    D.define("at_best", "and there it is", J_best, QUADRATIC.subs(A, A_best))
    D.step("least", "what is left of the target.", J_best, TT - XT**2 / XX, uses="at_best flat")
    D.at_least("never_less", "No other $A$ is better:", QUADRATIC - J_best, uses="least",
        witness=(A * XX - XT) ** 2 / XX)
    D.define("mean_gap", r"The mean squared gap, in units of $\sigma_Q^2$, is the $m$ of W1.",
        m_A, Sum(((mu_A_n - mu_Q_n) / sigma_Q_n) ** 2, (n, 1, N)) / N)
    D.step("m", "By G5 it is $J$ in other units, and least where $J$ is.",
        m_A, alpha_s**2 / sigma_Q**2 * J,
        uses="mean_gap G5.gap@n F3.variance@n F3.variance error")
    D.suppose("orthogonal", "E[x_hat (x - x_hat)] = 0", r"For E1, $\tau=cx$. A perfect denoiser, "
        r"$\hat x=\mathbb E[x|z_t]$, has $\mathbb E[\hat xx]=\mathbb E[\hat x^2]$ (tower rule): "
        "the three means are not free.", XT, c * XX)
    D.step("E1", "Put that into $A^*$: a VDM with a perfect denoiser is not to be stretched.",
        A_best, c, uses="flat orthogonal")
