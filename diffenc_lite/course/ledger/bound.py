"""The bound on -ln p(x): prior, reconstruction, and one step.                    L0-L2"""

from collections.abc import Iterator

from sympy import (
    Function,
    IndexedBase,
    Sum,
    Symbol,
    Tuple,
    collect,
    exp,
    expand,
    expand_log,
    log,
    simplify,
    sqrt,
    symbols,
)

from ._identity import Step, identity
from .gaussian import kl
from .generation import G2, G3, G4, l_j, l_k
from .notation import (
    T,
    alpha_0,
    alpha_1,
    alpha_s,
    alpha_t,
    c,
    d,
    epsilon,
    equation,
    gamma_0,
    j,
    lambda_s,
    lambda_t,
    name,
    sigma_0,
    sigma_1,
    sigma_Q,
    sigma_t,
    sum_apart,
    uhat,
    v,
    vhat,
    w,
    x,
    x_0,
    x_1,
    x_s,
    x_t,
    xhat,
    z_0,
)
from .processes import F1, F3

mu_P, mu_Q, delta = symbols("mu_P mu_Q delta", real=True)
gap_name = name(r"\mu_P-\mu_Q")
i = Symbol("i", integer=True)
q_1, p_1, p_x = symbols("q_1 p_1 p_x", real=True)
q_i, p_i = Function("q"), Function("p")
x_1j, delta_j = IndexedBase("x_1", real=True)[j], IndexedBase("delta", real=True)[j]


@identity(
    title="The prior loss: how much of the data is left in the last latent",
    notebook="02",
    setting=r"$\mathrm{KL}(q(z_1|x)\,\|\,p(z_1))$ is, in one dimension and in $d$ of them,",
    claim={
        "one_dimension": equation(
            name(r"\mathrm{KL}_1"), (alpha_1**2 * x_1**2 + sigma_1**2 - log(sigma_1**2) - 1) / 2
        ),
        "prior": equation(
            name(r"\mathrm{KL}_d"),
            alpha_1**2 / 2 * Sum(x_1j**2, (j, 1, d)) + d / 2 * (sigma_1**2 - log(sigma_1**2) - 1),
        ),
    },
)
def L0() -> Iterator[Step]:
    mean = F1.form("mean").subs({alpha_t: alpha_1, x_t: x_1})
    one = kl(mean, sigma_1, 0, 1)
    yield Step(
        r"By F1 the latent at $t=1$ has mean $\alpha_1x_1$ and standard deviation $\sigma_1$; "
        r"generation starts from mean 0 and standard deviation 1 (G1). Put both into KL.",
        equation(name(r"\mathrm{KL}_1"), one),
        proves="one_dimension",
    )
    whole = Sum(expand(one.subs(x_1, x_1j)), (j, 1, d))
    yield Step(
        r"Independent dimensions: the divergences add.",
        equation(name(r"\mathrm{KL}_d"), whole),
    )
    yield Step(
        r"Take what is the same in all dimensions out of the sum. The first part is what is left "
        r"of the data, the second what is missing of the noise.",
        equation(name(r"\mathrm{KL}_d"), collect(sum_apart(whole), d)),
        proves="prior",
    )


@identity(
    title="The three terms, and the reconstruction loss",
    notebook="02",
    setting=r"With $q_1,p_1$ for $\ln q(z_1|x)$, $\ln p(z_1)$; $q_i,p_i$ for the step that ends at "
    r"depth $i/T$; $p_x$ for $\ln p(x|z_0)$; and $\ell_x$ for the logit of the true level,",
    claim={
        "three_terms": equation(
            name(r"\ln\frac{q(z_0\ldots z_1|x)}{p(x,z_0\ldots z_1)}"),
            (q_1 - p_1) - p_x + Sum(q_i(i) - p_i(i), (i, 1, T)),
        ),
        "exponent": equation(
            name(r"\ell_k-\ell_x"),
            exp(-gamma_0) * (l_k - x) * (x_0 - (l_k + x) / 2)
            + exp(-gamma_0 / 2) * (l_k - x) * epsilon,
        ),
    },
)
def L1() -> Iterator[Step]:
    up, down = q_1 + Sum(q_i(i), (i, 1, T)), p_1 + Sum(p_i(i), (i, 1, T)) + p_x
    yield Step(
        r"Both processes are chains from $z_1$ down to $z_0$, and $p$ has the data at its end, so "
        r"their log densities are sums. Under $q$ the average of $\ln q-\ln p$ is "
        r"$-\ln p(x)$ plus a divergence, and a divergence is never negative: so it is a bound.",
        Tuple(equation(name(r"\ln q"), up), equation(name(r"\ln p"), down)),
    )
    yield Step(
        r"Pair each step of one chain with the same step of the other. The averages of the three "
        r"kinds of terms are the prior (L0), the reconstruction (L1) and the diffusion loss (L3).",
        equation(name(r"\ln\frac{q}{p}"), (q_1 - p_1) + Sum(q_i(i) - p_i(i), (i, 1, T)) - p_x),
        proves="three_terms",
    )
    yield Step(
        r"The reconstruction $-p_x$ is the cost of a softmax (G2): "
        r"$\ln\sum_ke^{\ell_k-\ell_x}$. For the difference of two logits G2 has",
        equation(name(r"\ell_k-\ell_x"), G2.form("log_odds").subs(l_j, x)),
    )
    seen = expand((alpha_0 * x_0 + sigma_0 * epsilon) / alpha_0).subs(
        sigma_0, alpha_0 * exp(gamma_0 / 2)
    )
    yield Step(
        r"What it sees is the encoding with noise of size $\sigma_0/\alpha_0=e^{\gamma_0/2}$,",
        equation(z_0 / alpha_0, seen),
    )
    yield Step(
        r"so the cost depends on $x$, on its encoding and on $\gamma_0$, but on nothing learned "
        r"besides. With $\gamma_0=-13.3$ that noise is a sixth of the distance between two of 256 "
        r"levels.",
        equation(
            name(r"\ell_k-\ell_x"),
            simplify(G2.form("log_odds").subs({l_j: x, z_0: alpha_0 * seen})),
        ),
        proves="exponent",
    )


@identity(
    title="The divergence of one step",
    notebook="02",
    setting=r"With $\delta=\mu_P-\mu_Q$, $\mathrm{KL}(q(z_s|z_t,x)\,\|\,p(z_s|z_t))$ is, in one "
    r"dimension and in $d$ of them,",
    claim={
        "one_dimension": equation(
            name(r"\mathrm{KL}_1"), (w - 1 - log(w)) / 2 + w / (2 * sigma_Q**2) * delta**2
        ),
        "step": equation(
            name(r"\mathrm{KL}_d"),
            d / 2 * (w - 1 - log(w)) + w / (2 * sigma_Q**2) * Sum(delta_j**2, (j, 1, d)),
        ),
        "gap": equation(
            gap_name,
            alpha_s * (c * (xhat - x_t) + (lambda_s - lambda_t) * sigma_t**2 * uhat - (x_s - x_t)),
        ),
        "gap_in_v": equation(
            gap_name / sigma_Q,
            alpha_s
            / sigma_Q
            * (c * sigma_t * (v - vhat) + (lambda_s - lambda_t) * sigma_t**2 * uhat - (x_s - x_t)),
        ),
    },
)
def L2() -> Iterator[Step]:
    one = kl(mu_Q, sigma_Q, mu_P, sigma_Q / sqrt(w))
    yield Step(
        r"Both processes step by a Gaussian: $q$ with $\mu_Q,\sigma_Q$ (F3), $p$ with $\mu_P$ and "
        r"$\sigma_P=\sigma_Q/\sqrt w$ (G3). Put them into KL.",
        equation(name(r"\mathrm{KL}_1"), one),
    )
    one = expand(expand_log(one.subs(mu_Q, mu_P - delta)))
    yield Step(
        r"The means enter by their difference only, the variances by their ratio only.",
        equation(name(r"\mathrm{KL}_1"), one),
        proves="one_dimension",
    )
    whole = Sum(one.subs(delta, delta_j), (j, 1, d))
    yield Step(
        r"The dimensions are independent and share $w$: add up. The first part is the price of a "
        r"wrong variance, to be paid even by a perfect prediction; the second is the price of a "
        r"wrong mean.",
        equation(name(r"\mathrm{KL}_d"), collect(sum_apart(whole), d)),
        proves="step",
    )
    gap = (G3.form("mean") - F3.form("mean")) / alpha_s
    gap = alpha_s * collect(expand(gap), (c, sigma_t**2 * uhat))
    yield Step(
        r"What both processes keep of $z_t$ is the same, and cancels in the difference of the "
        r"means. What remains: a wrong guess of the encoding, the counterterm, and the movement of "
        r"the encoding, which the counterterm is there to cancel.",
        equation(gap_name, gap),
        proves="gap",
    )
    in_v = gap.subs(xhat, x_t + G4.form("error"))
    yield Step(
        r"For computing, use G4: $\hat x-x_t=\sigma_t(v-\hat v)$. Near the data $\hat x$ and $x_t$ "
        r"agree to many digits, and their difference would be mostly rounding; that of $v$ and "
        r"$\hat v$ is not.",
        equation(gap_name / sigma_Q, in_v / sigma_Q),
        proves="gap_in_v",
    )
