"""The noise variance ratio w, and what follows from leaving it free.                   W1-W3, W5"""

from collections.abc import Iterator

from sympy import (
    Derivative,
    IndexedBase,
    Limit,
    Sum,
    Symbol,
    diff,
    exp,
    expand,
    factor,
    log,
    oo,
    series,
    simplify,
    solve,
    sqrt,
    symbols,
)

from ._identity import Step, identity
from .bound import L2, delta, mu_P, mu_Q
from .depth import L3, L4, i
from .notation import (
    T,
    alpha_t,
    d,
    epsilon,
    epsilonhat,
    equation,
    gamma_s,
    gamma_t,
    gammaprime_t,
    j,
    name,
    r,
    sigma_Q,
    sum_apart,
    w,
)

m, mbar = symbols("m mbar", nonnegative=True)
kappa = Symbol("kappa", real=True)
rho, h = symbols("rho h", positive=True)
m_j = IndexedBase("m", nonnegative=True)[j]
excess = (w - 1 - log(w)) / 2  # the price of a wrong variance, for each dimension and step


@identity(
    title="The best ratio",
    notebook="06",
    setting=r"With $m=\mathbb E\|\mu_P-\mu_Q\|^2/(d\,\sigma_Q^2)$, the mean of L2 over the data, "
    r"as a function of $w$, has its minimum at $w^*$, where",
    claim={
        "ratio": equation(name("w^*"), 1 / (1 + m)),
        "curvature": equation(name(r"\frac{d^2\mathrm{KL}}{dw^2}"), d / (2 * w**2)),
        "variance": equation(name(r"\sigma_P^{*2}"), sigma_Q**2 * (1 + m)),
        "cost": equation(name(r"\mathrm{KL}^*"), d / 2 * log(1 + m)),
        "below_one": equation(name("1-w^*"), m / (1 + m)),
    },
    nonnegative=("curvature", "below_one"),
)
def W1() -> Iterator[Step]:
    cost = d * L2.form("one_dimension").subs(delta, sigma_Q * sqrt(m))
    yield Step(
        r"Average L2 over the data. The squared gap enters linearly, so only its mean counts; "
        r"measure it for each dimension, in units of $\sigma_Q^2$.",
        equation(name(r"\mathrm{KL}(w)"), cost),
    )
    yield Step(
        r"At the minimum the slope is 0.",
        equation(Derivative(name(r"\mathrm{KL}"), w), diff(cost, w)),
    )
    (best,) = solve(diff(cost, w), w)
    yield Step(
        r"There is one such place. A denoiser that errs should admit it: the more it errs, the "
        r"smaller $w$.",
        equation(name("w^*"), best),
        proves="ratio",
    )
    yield Step(
        r"It is a minimum, and the only one, because the cost is convex in $w$.",
        equation(name(r"\frac{d^2\mathrm{KL}}{dw^2}"), simplify(diff(cost, w, 2))),
        proves="curvature",
    )
    yield Step(
        r"The variance that belongs to it: what $q$ has, plus the mean squared error of the mean. "
        r"(Of all Gaussians, the closest to a spread of them has their total variance.)",
        equation(name(r"\sigma_P^{*2}"), factor(sigma_Q**2 / best)),
        proves="variance",
    )
    yield Step(
        r"What the step then costs: a logarithm, where $w=1$ pays $\frac d2m$.",
        equation(name(r"\mathrm{KL}^*"), simplify(cost.subs(w, best))),
        proves="cost",
    )
    yield Step(
        r"And $w^*$ is never more than 1: generation is never surer than one who knows the data.",
        equation(name("1-w^*"), factor(1 - best)),
        proves="below_one",
    )


@identity(
    title="At infinite depth the ratio must be 1",
    notebook="06",
    setting=r"In $T$ steps the first part of L2 is paid $T$ times, whatever the prediction. Call "
    r"this price $E_T(w)$; then",
    claim={
        "excess": equation(name("E_T(w)"), T * d / 2 * (w - 1 - log(w))),
        "least": equation(name(r"\operatorname{argmin}_wE_T"), 1),
        "minimum": equation(name(r"\min_wE_T"), 0),
        "curvature": equation(name(r"\frac{d^2E_T}{dw^2}"), T * d / (2 * w**2)),
        "linear": equation(name(r"\lim E_T(w)/T"), d / 2 * (w - 1 - log(w))),
        "root": equation(name(r"\lim E_T(1+\kappa/\sqrt T)"), d * kappa**2 / 4),
        "power": equation(name(r"E_T(1+\kappa h)/T+O(h^3)"), d * kappa**2 * h**2 / 4),
        "best": equation(name(r"\lim T(w^*-1)"), -gammaprime_t * alpha_t**2 * r**2 / d),
    },
    nonnegative=("curvature",),
)
def W2() -> Iterator[Step]:
    step = d * L2.form("one_dimension").subs(delta, 0)
    total = sum_apart(Sum(step, (i, 1, T)))
    yield Step(
        r"Suppose that the denoiser is perfect: in L2 only the price of the variance is left, the "
        r"same in each of $T$ steps.",
        equation(name("E_T(w)"), factor(total)),
        proves="excess",
    )
    (least,) = solve(diff(total, w), w)
    yield Step(
        r"Where is it least? Where its slope is 0, which is",
        equation(name(r"\operatorname{argmin}_wE_T"), least),
        proves="least",
    )
    yield Step(
        r"There nothing is paid,",
        equation(name(r"\min_wE_T"), total.subs(w, least)),
        proves="minimum",
    )
    yield Step(
        r"and it is convex: any other $w$ costs something.",
        equation(name(r"\frac{d^2E_T}{dw^2}"), simplify(diff(total, w, 2))),
        proves="curvature",
    )
    per_step = Limit(total / T, T, oo)
    yield Step(
        r"A fixed $w\ne1$ pays that price in every step: the bound grows linearly with the depth. "
        r"(An imperfect denoiser pays $w$ times its own part of L2 besides, which stays bounded.)",
        equation(name(r"\lim E_T(w)/T"), expand(per_step.doit())),
        proves="linear",
    )
    near = series(step.subs(w, 1 + kappa * h), h, 0, 3)
    yield Step(
        r"How near to 1 must $w$ be? With $w=1+\kappa h$, $h$ small, the price of a step is",
        equation(name(r"E_T(1+\kappa h)/T"), near),
    )
    yield Step(
        r"quadratic in $h$, as it must be at a minimum. With $h=T^{-p}$ the total is of order "
        r"$T^{1-2p}$: bounded if and only if $p\ge\frac12$.",
        equation(name(r"E_T(1+\kappa h)/T+O(h^3)"), near.removeO()),
        proves="power",
    )
    root = Limit(total.subs(w, 1 + kappa / sqrt(T)), T, oo)
    yield Step(
        r"On the border, $p=\frac12$, a constant remains.",
        equation(name(r"\lim E_T(1+\kappa/\sqrt T)"), root.doit()),
        proves="root",
    )
    gap = 2 * L4.form("integrand") / (d * T)
    yield Step(
        r"Does the best ratio (W1) come near enough? At $w=1$ a step costs $\frac d2m$, and by L4 "
        r"that tends to the integrand over $T$, so that, to leading order,",
        equation(m, gap),
    )
    best = Limit(T * (W1.form("ratio").subs(m, gap) - 1), T, oo)
    yield Step(
        r"and $w^*$ tends to 1 like $1/T$, faster than needed. So in the limit $w=1$ is not only "
        r"safe, but best.",
        equation(name(r"\lim T(w^*-1)"), best.doit()),
        proves="best",
    )


@identity(
    title="A weighted loss is a bound",
    notebook="07",
    setting=r"With $\mathrm{KL}_w$ for L2 as a function of $w$: to multiply the denoising term of "
    r"a step by $w$ is to choose the ratio $w$ for it, up to a constant that no network can "
    r"change,",
    claim={
        "constant": equation(name(r"\mathrm{KL}_w-w\,\mathrm{KL}_1"), (w - 1 - log(w)) / 2),
        "gradient": equation(
            name(r"\frac{\partial}{\partial\mu_P}(\mathrm{KL}_w-w\,\mathrm{KL}_1)"), 0
        ),
        "ratio_of_epsilon_loss": equation(
            name(r"w_\varepsilon"), 2 * rho / (exp(gamma_t - gamma_s) - 1)
        ),
        "equal_steps": equation(
            name(
                r"\frac{\partial w_\varepsilon}{\partial\gamma_s}+\frac{\partial w_\varepsilon}"
                r"{\partial\gamma_t}"
            ),
            0,
        ),
    },
)
def W3() -> Iterator[Step]:
    one = L2.form("one_dimension").subs(delta, mu_P - mu_Q)
    yield Step(
        r"One step (L2), written out. The network's prediction is in $\mu_P$ and nowhere else.",
        equation(name(r"\mathrm{KL}_w"), one),
    )
    constant = expand(one - w * one.subs(w, 1))
    yield Step(
        r"Compare it with $w$ times the same step at $w=1$.",
        equation(name(r"\mathrm{KL}_w-w\,\mathrm{KL}_1"), constant),
        proves="constant",
    )
    yield Step(
        r"The prediction is gone. So both have the same gradient in every parameter of the "
        r"denoiser, and for any positive weights $w_i$ on the steps, training with the weighted "
        r"loss is training with the bound of the model that has $\sigma_P^2=\sigma_Q^2/w_i$.",
        equation(
            name(r"\frac{\partial}{\partial\mu_P}(\mathrm{KL}_w-w\,\mathrm{KL}_1)"),
            diff(constant, mu_P),
        ),
        proves="gradient",
    )
    weight = rho / (L3.form("step_in_epsilon") / (epsilon - epsilonhat) ** 2)
    yield Step(
        r"For instance the popular loss $\rho\,(\varepsilon-\hat\varepsilon)^2$, the same for all "
        r"steps: its ratio is $\rho$ over what L3 (for E1, $w=1$) has before the square.",
        equation(name(r"w_\varepsilon"), weight),
        proves="ratio_of_epsilon_loss",
    )
    yield Step(
        r"That depends on $\gamma_t-\gamma_s$ only: moving both changes nothing. So with $\gamma$ "
        r"linear in $t$ and equal steps all ratios are equal, and with "
        r"$\rho=\frac12(e^{\gamma_t-\gamma_s}-1)$ they are 1: up to a factor, the popular loss is "
        r"the bound itself.",
        equation(
            name(
                r"\frac{\partial w_\varepsilon}{\partial\gamma_s}+\frac{\partial w_\varepsilon}"
                r"{\partial\gamma_t}"
            ),
            simplify(diff(weight, gamma_s) + diff(weight, gamma_t)),
        ),
        proves="equal_steps",
    )


@identity(
    title="A ratio for each dimension",
    notebook="12",
    setting=r"If dimension $j$ errs by $m_j$ and the mean of $m_j$ is $\bar m$, then one ratio for "
    r"each dimension is better than one for all, by",
    claim={
        "gain": equation(
            name(r"\tfrac d2\ln(1+\bar m)-\tfrac12\sum_j\ln(1+m_j)"),
            Sum(((1 + m_j) / (1 + mbar) - 1 - log((1 + m_j) / (1 + mbar))) / 2, (j, 1, d)),
        ),
        "least": equation(name(r"\min_w(w-1-\ln w)"), 0),
        "curvature": equation(name(r"(w-1-\ln w)''"), w**-2),
    },
    nonnegative=("curvature",),
)
def W5() -> Iterator[Step]:
    shared = W1.form("cost").subs(m, mbar)
    single = Sum(shared.subs({d: 1, mbar: m_j}), (j, 1, d))
    yield Step(
        r"By W1 a step costs $\frac d2\ln(1+\bar m)$ with one ratio. With a ratio of its own, each "
        r"dimension is such a step with $d=1$.",
        equation(name(r"\text{gain}"), shared - single),
    )
    mean_is_m = Sum((m_j - mbar) / (1 + mbar), (j, 1, d)) / 2
    yield Step(
        r"The $m_j$ have the mean $\bar m$, so this sum is 0 and may be added.",
        equation(mean_is_m, 0),
    )
    yield Step(
        r"Add it. Since $\frac{m_j-\bar m}{1+\bar m}=\frac{1+m_j}{1+\bar m}-1$, the gain is now a "
        r"sum of terms $\frac12(w_j-1-\ln w_j)$ with $w_j=\frac{1+m_j}{1+\bar m}$.",
        equation(name(r"\text{gain}"), shared - single + mean_is_m),
        proves="gain",
    )
    price = 2 * excess
    (least,) = solve(diff(price, w), w)
    yield Step(
        r"That is the price of a wrong variance in L2: what dimension $j$ pays for a ratio that is "
        r"not its own. At its lowest it is",
        equation(name(r"\min_w(w-1-\ln w)"), price.subs(w, least)),
        proves="least",
    )
    yield Step(
        r"and it is convex. So the gain is never negative, and 0 only if all dimensions err alike.",
        equation(name(r"(w-1-\ln w)''"), simplify(diff(price, w, 2))),
        proves="curvature",
    )
