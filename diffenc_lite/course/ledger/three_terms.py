"""Why the bound is a bound, and why it has three terms.                                       L1"""

from ._language import *
from .bound import delta, mu_P, mu_Q
from .gaussian import log_density, price, standard_normal
from .generation import K, ell_k, l_j, l_k
from .processes import at_s

a = Symbol("a", positive=True)  # a ratio of densities
h = Symbol("h", nonnegative=True)
q_z, p_z = symbols("q p", positive=True)
p_zx, p_of_x = Symbol("p(z|x)", positive=True), Symbol("p(x)", positive=True)
q_1, p_1, p_x = symbols("q_1 p_1 p_x", real=True)
q_i, p_i = Function("q", real=True), Function("p", real=True)
m_i, f_i = Function("m", real=True), Function("f", real=True)
log_q, log_p = name(r"\ln q(z_0\ldots z_1|x)"), name(r"\ln p(x,z_0\ldots z_1)")
log_q_2 = name(r"\ln q(z_0,z_t,z_1|x)")
ell_x = name(r"\ell_x")
f_pq = name(r"f\left(\frac pq\right)")
logit = IndexedBase("ell", real=True)
AT = {  # what F1 to F3 call s and t, at the depths s, t, 0 and 1
    "s": (alpha_s, sigma_s, x_s, z_s), "t": (alpha_t, sigma_t, x_t, z_t),
    "0": (alpha_0, sigma_0, x_0, z_0), "1": (alpha_1, sigma_1, x_1, z_1),
}


def between(expression: Expr, s: str, t: str) -> Expr:
    """A formula for the depths s and t at two other depths"""
    moved = dict(zip(AT["s"] + AT["t"], AT[s] + AT[t], strict=True))
    return expression.subs(ABBREVIATIONS).subs(moved, simultaneous=True)


q_s, q_ts = name(r"\ln q(z_s|x)"), name(r"\ln q(z_t|z_s,x)")
q_t, q_st = name(r"\ln q(z_t|x)"), name(r"\ln q(z_s|z_t,x)")
q_0, q_t0, q_1t = (name(rf"\ln q({of})") for of in ("z_0|x", "z_t|z_0,x", "z_1|z_t,x"))
q_end, q_t1, q_0t = (name(rf"\ln q({of})") for of in ("z_1|x", "z_t|z_1,x", "z_0|z_t,x"))
ONE_STEP = log_density(z_s, mu_Q, sigma_Q**2) - log_density(z_s, mu_P, sigma_Q**2 / w)
ONE_STEP = expand(ONE_STEP.subs(z_s, mu_Q + sigma_Q * epsilon), log=True)
AVERAGE = Integral(ONE_STEP * standard_normal, (epsilon, -oo, oo))


@row("The bound, its three terms, and the reconstruction loss", "02",
    r"For densities $q,p$ at one place, $p(x,z)=p(z|x)\,p(x)$; $q_1,p_1$ for "
    r"$\ln q(z_1|x)$, $\ln p(z_1)$; $q(i),p(i)$ for the step from depth $i/T$ to $(i-1)/T$; $p_x$ "
    r"for $\ln p(x|z_0)$; and $\ell_x$ for the logit of the true level,",
    claim={
        "never_negative": Ge(price(a), 0, evaluate=False),
        "right": equation(Derivative(price(1 + h), h), h / (1 + h)),
        "left": equation(Derivative(price(1 / (1 + h)), h), h / (1 + h) ** 2),
        "divergence": equation(log(q_z / p_z), f_pq + 1 - p_z / q_z),
        "bound": equation(-log(p_of_x), log(q_z) - log(p_zx * p_of_x) - log(q_z / p_zx)),
        "reverse": equation(q_s + q_ts, q_t + q_st),
        "reverse_2": equation(log_q_2, q_end + q_t1 + q_0t),
        "telescoped": equation(m_i(0) + Sum(f_i(i), (i, 1, T)), m_i(T) + Sum(q_i(i), (i, 1, T))),
        "three_terms": equation(log_q - log_p, (q_1 - p_1) - p_x + Sum(q_i(i) - p_i(i), (i, 1, T))),
        "average": equation(AVERAGE, price(w) / 2 + w / (2 * sigma_Q**2) * (mu_P - mu_Q) ** 2),
        "exponent": equation(ell_k - ell_x, exp(-gamma_0) * (l_k - x) * (x_0 - (l_k + x) / 2)
            + exp(-gamma_0 / 2) * (l_k - x) * epsilon),
    },
    nonnegative=("right", "left"),
)
def L1(F1, F2, F3, G2, L2) -> Steps:
    # 1. the difference to -ln p(x) is a divergence, and that is not negative
    yield Define({
        f_pq: price(p_z / q_z), z_0: alpha_0 * x_0 + sigma_0 * epsilon,
        f_i(i): m_i(i) + q_i(i) - m_i(i - 1), ell_k: G2.logit, ell_x: G2.logit.subs(l_k, x),
    })
    yield Line("right", "By how much does the logarithm lie below its tangent at 1? By "
        r"$f(a)=a-1-\ln a$, which is 0 at $a=1$. Go to the right of 1, $a=1+h$: it grows,")
    yield Line("left", "and to the left, $a=1/(1+h)$: it grows as well.",
        equation(Derivative(price(1 / (1 + h)), h), simplify(diff(price(1 / (1 + h)), h))))
    yield Words("never_negative", "What starts at 0 and grows on both sides is never negative.")
    yield Line("divergence", r"Put the ratio $p/q$ of two densities into it.")
    yield Words("gibbs", "Average under $q$: on the left stands the divergence; the average of "
        "$p/q$ is the total of $p$, which is 1 (where $q$ is positive, at most 1). What is left "
        "is an average of $f$: no divergence is negative (Gibbs).", for_=("bound",))
    yield Line("bound", r"For the latents $z=z_0\ldots z_1$, and with $p(x,z)=p(z|x)\,p(x)$,")
    yield Words("averaged", "Average under $q(z|x)$. The left side is a number, and the last term "
        r"becomes the divergence of $q(z|x)$ from $p(z|x)$; leave it out. So $-\ln p(x)\le\mathbb "
        r"E_q[\ln q(z|x)-\ln p(x,z)]$.", for_=("bound",))
    # 2. the chain q, which was built forwards, read backwards
    marginal = log_density(z_t, F1.mean, F1.variance)
    forward = log_density(z_t, F2.mean, F2.variance)
    backward = log_density(z_s, F3.mean, F3.variance)
    first = at_s(marginal).subs(z_t, z_s)
    yield Line("densities", "The encoder process goes forwards, from $z_s$ to $z_t$; generation "
        "goes backwards. Write out the densities of F1 (twice), F2 and F3.", Tuple(
            equation(q_s, first), equation(q_ts, forward),
            equation(q_t, marginal), equation(q_st, backward),
        ))
    yield Line("reverse", "Bayes' rule for one step: both sides are the same, normalisers and all.")
    yield Line("forward_2", "Take two steps, from 0 over $t$ to 1: the chain forwards,", Tuple(
            equation(q_0, between(first, "0", "t")),
            equation(q_t0, between(forward, "0", "t")),
            equation(q_1t, between(forward, "t", "1")),
            equation(log_q_2, q_0 + q_t0 + q_1t),
        ))
    yield Line("backward_2", "and the same steps backwards, from 1.", Tuple(
            equation(q_end, between(marginal, "t", "1")),
            equation(q_t1, between(backward, "t", "1")),
            equation(q_0t, between(backward, "0", "t")),
        ))
    yield Line("reverse_2", "Bayes' rule, used for each of the two steps, makes them the same.")
    yield Line("bayes", r"The general step is the same: with $m(i)=\ln q(z_{i/T}|x)$, $f(i)$ for "
        "the step forwards and $q(i)$ for the step back, Bayes' rule says",
        equation(f_i(i), m_i(i) + q_i(i) - m_i(i - 1)))
    yield Line("telescoped", r"so that in the sum over all steps the marginals telescope.")
    # 3. the difference, term by term
    yield Line("log_q", "Now both processes are chains from $z_1$ down to $z_0$, so their log "
        "densities are sums,", equation(log_q, q_1 + Sum(q_i(i), (i, 1, T))))
    yield Line("log_p", "and $p$ has the data at its end.",
        equation(log_p, p_1 + Sum(p_i(i), (i, 1, T)) + p_x))
    yield Line("three_terms", "Subtract, and pair each step of one chain with the same step of "
        "the other. The averages of the three kinds of terms are the prior (L0), the "
        "reconstruction and the diffusion loss (L3).")
    # 4. the average of a log ratio is the average of a divergence
    yield Line("average", "Why a divergence for each step? Fix $z_t$, so that "
        r"$z_s=\mu_Q+\sigma_Q\varepsilon$, and average the log ratio over $\varepsilon$: that is "
        "the divergence of L2.",
        equation(AVERAGE, L2.one_dimension.subs(delta, mu_P - mu_Q)))
    yield Words("tower", "To average over all latents is to average over $z_s$ for a given $z_t$ "
        "first, then over $z_t$, in whatever order: the integrals are finite (Fubini). So the "
        "average of each log ratio is the average, over $z_t$, of that divergence.",
        for_=("three_terms",))
    # the reconstruction
    shares = exp(logit[n]) / Sum(exp(logit[k]), (k, 0, K - 1))
    yield Line("softmax", "The reconstruction $-p_x$ is the cost of a softmax (G2): for the true "
        "level, number $n$,",
        equation(-log(shares), log(Sum(exp(logit[k] - logit[n]), (k, 0, K - 1)))))
    yield Line("log_odds", r"It needs the differences to the true logit $\ell_x$ only. For the "
        "difference of two logits G2 has", equation(ell_k - ell_x, G2.log_odds.subs(l_j, x)))
    seen = expand((alpha_0 * x_0 + sigma_0 * epsilon) / alpha_0)
    seen = seen.subs(sigma_0, alpha_0 * exp(gamma_0 / 2))
    yield Line("seen", "What it sees is the encoding with noise of size "
        r"$\sigma_0/\alpha_0=e^{\gamma_0/2}$,", equation(z_0 / alpha_0, seen))
    yield Line("exponent", r"so the cost depends on $x$, on its encoding and on $\gamma_0$, but "
        "on nothing learned besides.",
        equation(ell_k - ell_x, simplify(G2.log_odds.subs({l_j: x, z_0: alpha_0 * seen}))))


def never_negative(L1, total: Expr) -> Ge:
    """total >= 0, for a total of terms a - 1 - ln a (L1)"""
    return Ge(total, L1.never_negative, evaluate=False)
