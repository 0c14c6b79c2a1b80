"""Ratios for each dimension and each latent; the best multiple of a prediction.            W5-W7"""

from ._language import *
from .counterterm import A, tau
from .gaussian import price
from .three_terms import never_negative
from .variance_ratio import m, mbar, step_cost

N = Symbol("N", positive=True, integer=True)
m_j, m_n = (IndexedBase("m", nonnegative=True)[number] for number in (j, n))
m_z = Symbol("m_z", nonnegative=True)  # m for one z_t
gain, saved = name(r"\text{gain}"), name(r"\text{saved}")
KL_shared, KL_own = name(r"\mathrm{KL}_{\text{shared}}"), name(r"\mathrm{KL}_{\text{own}}")
x_bar = Symbol("xbar", real=True)  # E[x_t|z_t]
XX = Symbol(r"{\mathbb E[\hat x^2]}", positive=True)
XT = Symbol(r"{\mathbb E[\hat x\tau]}", real=True)
TT = Symbol(r"{\mathbb E[\tau^2]}", positive=True)
J, A_best, J_best, of_E1 = name("J(A)"), name("A^*"), name("J(A^*)"), name(r"\text{E1: }A^*")
m_A, m_best, w_best = name("m(A)"), name("m^*"), name("w^*")
x_n, tau_n = IndexedBase("xhat", real=True)[n], IndexedBase("tau", real=True)[n]


@row("A ratio for each dimension", "12",
    r"If dimension $j$ errs by $m_j$ and $\bar m=\frac1d\sum_jm_j$, then one ratio for "
    r"each dimension is better than one for all, by",
    claim={
        "gain": equation(gain, Sum(price((1 + m_j) / (1 + mbar)) / 2, (j, 1, d))),
        "sign": Ge(gain, 0, evaluate=False),
    })
def W5(L1, W1) -> Steps:
    yield Define({mbar: Sum(m_j, (j, 1, d)) / d})
    shared = W1.cost.subs(m, mbar)
    single = Sum(shared.subs({d: 1, mbar: m_j}), (j, 1, d))
    yield Line("costs", r"By W1 a step costs $\frac d2\ln(1+\bar m)$ with one ratio. With a ratio "
        "of its own, each dimension is such a step with $d=1$.", equation(gain, shared - single))
    yield Line("zero_sum", r"The $m_j$ have the mean $\bar m$, so this sum is 0. Times "
        r"$\frac1{2(1+\bar m)}$ it may be added.", equation(Sum(m_j - mbar, (j, 1, d)), 0))
    yield Line("gain", r"Add it. Since $\frac{m_j-\bar m}{1+\bar m}=\frac{1+m_j}{1+\bar m}-1$, "
        r"the gain is now a sum of terms $\frac12(a_j-1-\ln a_j)$ with $a_j=\frac{1+m_j}{1+\bar "
        "m}$.", equation(gain, shared - single + Sum(m_j - mbar, (j, 1, d)) / (2 * (1 + mbar))))
    yield Words("sign", "None of these terms is negative (L1), and each is 0 at $a_j=1$ only: the "
        "gain is 0 only if all dimensions err alike.", never_negative(L1, gain))


@row("A ratio that depends on the latent", "06",
    r"Let the error $m_z$ depend on $z_t$, with mean $\bar m$ over $N$ values of $z_t$ (or "
    r"over all of them). A ratio that may depend on $z_t$ saves, at one $z_t$ (with "
    r"$a=\frac{1+m_z}{1+\bar m}$) and in the mean,",
    claim={
        "pointwise": equation(KL_shared - KL_own, d / 2 * price((1 + m_z) / (1 + mbar))),
        "mean": equation(saved, d / 2 * (log(1 + mbar) - Sum(log(1 + m_n), (n, 1, N)) / N)),
        "sign": Ge(saved, 0, evaluate=False),
        "square": equation((xhat - x_t) ** 2,
            (x_bar - x_t) ** 2 + (xhat - x_bar) ** 2 + 2 * (x_bar - x_t) * (xhat - x_bar)),
    })
def W6(L1, L2, W1) -> Steps:
    yield Line("square", r"What is $m$ made of? With $\bar x$ for $\mathbb E[x_t|z_t]$, any "
        "prediction errs by",
        equation((xhat - x_t) ** 2, expand((xhat - x_bar + (x_bar - x_t)) ** 2)))
    yield Words("two_parts", "Given $z_t$ the last term has the mean 0. So for a VDM $m$ is the "
        "spread of $x_t$ given $z_t$, plus the error of the network (in units of "
        r"$\sigma_Q^2/(\alpha_sc)^2$). A variance that counts the first only is that of W1 if the "
        r"prediction is $\bar x$, and smaller if it is not. Analytic-DPM puts $d-\mathbb "
        r"E\|\hat\varepsilon\|^2$ in the place of $\mathbb E\|\varepsilon-\hat\varepsilon\|^2$. "
        r"That is W1 if and only if $\mathbb E\langle\varepsilon,\hat\varepsilon\rangle=\mathbb "
        r"E\|\hat\varepsilon\|^2$: for $\bar x$, but also for the best linear prediction.")
    yield Define({mbar: Sum(m_n, (n, 1, N)) / N})
    shared = step_cost(L2, m_z).subs(w, W1.ratio.subs(m, mbar))
    yield Line("shared", "With one ratio for all $z_t$, the best is that of the mean error (W1). "
        "At a $z_t$ with the error $m_z$ the step then costs (L2)", equation(KL_shared, shared))
    own = W1.cost.subs(m, m_z)
    yield Line("own", "With a ratio of its own it costs", equation(KL_own, own))
    yield Line("pointwise", r"The difference is $a-1-\ln a$, times $\frac d2$.")
    total = d / 2 * log(1 + mbar) - Sum(own.subs(m_z, m_n), (n, 1, N)) / N
    yield Line("mean", r"In the mean the one ratio costs $\frac d2\ln(1+\bar m)$, so that this is "
        "saved:", equation(saved, total), means=Sum((shared - own).subs(m_z, m_n), (n, 1, N)) / N)
    yield Words("sign", "It is the mean of the differences, none of which is negative (L1); each "
        r"is 0 only where $m_z=\bar m$.", never_negative(L1, saved))


@row("The best multiple of a prediction", "07",
    r"Given are $N$ numbers $\hat x_n$ and what they should hit, $\tau_n$ (G5: "
    r"$\tau=cx_t+(x_s-x_t)$). With $J(A)$ the mean of $(A\hat x_n-\tau_n)^2$, and $\mathbb E$ for "
    r"the mean over $n$,",
    claim={
        "J": equation(J, A**2 * XX - 2 * A * XT + TT),
        "best": equation(A_best, XT / XX),
        "curvature": equation(Derivative(J, (A, 2)), 2 * XX),
        "least": equation(J_best, TT - XT**2 / XX),
        "m": equation(m_best, alpha_s**2 / sigma_Q**2 * (TT - XT**2 / XX)),
        "E1": equation(of_E1, c),
    },
    nonnegative=("curvature",),
)
def W7(G5, W1) -> Steps:
    yield Define({
        XX: Sum(x_n**2, (n, 1, N)) / N, XT: Sum(x_n * tau_n, (n, 1, N)) / N,
        TT: Sum(tau_n**2, (n, 1, N)) / N, J: Sum((A * x_n - tau_n) ** 2, (n, 1, N)) / N,
    })
    square = expand((A * x_n - tau_n) ** 2)
    yield Line("squares", "Write out the square.", equation(J, Sum(square, (n, 1, N)) / N))
    products = {x_n**2: XX, x_n * tau_n: XT, tau_n**2: TT}
    quadratic = sum(square.coeff(product) * mean for product, mean in products.items())
    yield Line("J", "So $J$ needs three means only, and W4 has them for every pair of depths.",
        equation(J, quadratic))
    (best,) = solve(diff(quadratic, A), A)
    yield Line("slope", "Its slope,", equation(Derivative(J, A), diff(quadratic, A)))
    yield Line("best", "is 0 at one place,", equation(A_best, best))
    yield Line("zero", "indeed,", equation(diff(quadratic, A).subs(A, A_best), 0))
    yield Line("curvature", "and it is convex: that is the minimum.")
    yield Line("at_best", "There it is", equation(J_best, quadratic.subs(A, A_best)))
    yield Line("least", "which is")
    gap = G5.gap.subs({xhat: x_n, tau: tau_n})
    error = alpha_s**2 * J / sigma_Q**2
    yield Line("gap", r"By G5 the means differ by $\alpha_s(A\hat x-\tau)$; the mean of the "
        r"square, in units of $\sigma_Q^2$, is the $m$ of W1.",
        equation(m_A, error), means=Sum(gap**2, (n, 1, N)) / N / sigma_Q**2)
    yield Line("m", "So the best $A$ has", means=error.subs(J, J_best))
    yield Line("ratio", "and W1 the ratio that goes with it,",
        equation(w_best, sigma_Q**2 / (sigma_Q**2 + alpha_s**2 * J_best)),
        means=W1.ratio.subs(m, m_best))
    yield Words("tower", r"For E1, $\tau=cx$. If $\hat x=\mathbb E[x|z_t]$, then $\mathbb E[\hat "
        r"xx]=\mathbb E[\hat x^2]$ (average over $x$ given $z_t$ first): the three means are not "
        r"free, $\mathbb E[\hat x\tau]=c\,\mathbb E[\hat x^2]$.", for_=("E1",))
    yield Line("E1", "Put that into $A^*$: a VDM with a perfect denoiser is not to be stretched.",
        means=best.subs(XT, c * XX))
