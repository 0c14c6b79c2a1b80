"""Why the bound is a bound, and why it has three terms.                                       L1"""

from ._language import *
from .gaussian import price
from .generation import ell_j, ell_k, l_j, l_k
from .processes import q_s, q_st, q_t, q_ts

a = Symbol("a", positive=True)  # a ratio of densities
h = Symbol("h", positive=True)
log_q, log_p, log_p_z = names(r"\ln q(z|x)", r"\ln p(x,z)", r"\ln p(z|x)")  # z: all latents
p_of_x, p_x, p_end = names(r"\ln p(x)", r"\ln p(x|z_0)", r"\ln p(z_1)")
m_i, q_i, f_i, p_i, KL_i = (Function(f, real=True) for f in ("m", "q", "f", "p", "KL"))
E_s = Function(r"\mathbb E_{z_s|z_t}", real=True)
ell_x = name(r"\ell_x", real=True)
AT_0 = {t: at_0 for t, at_0 in DEPTH_MAPS["0"].items() if t != epsilon}
BILLS = E(m_i(T) - p_end) - E(p_x) + Sum(E(KL_i(i)), (i, 1, T))


@row("The bound, its three terms, and the reconstruction loss", "02",
    r"$z$ stands for all latents $z_0\ldots z_1$, $\mathbb E$ averages over $q(z|x)$; $m(i)$ is "
    r"$\ln q(z_{i/T}|x)$; $f(i)$ the log density of the step of $q$ from depth $(i-1)/T$ to $i/T$, "
    r"$q(i)$ and $p(i)$ those of the steps back, $\mathrm{KL}(i)$ their divergence, $\ell_x$ the "
    "logit of the true level.",
    forms="never_negative gibbs bound telescoped three_terms averaged bills exponent")
def L1(D: Row) -> None:
    D.define("forwards", "The encoder process is a chain that is built forwards, from $z_0$, step "
        "by step;", log_q, m_i(0) + Sum(f_i(i), (i, 1, T)))
    D.define("model", "the model is a chain from $z_1$ down, with the data at its end.",
        log_p, p_end + Sum(p_i(i), (i, 1, T)) + p_x)
    # 1. the difference to -ln p(x) is a divergence, and that is not negative
    D.at_least("never_negative", "By how much does the logarithm lie below its tangent at 1? By "
        r"$\int_0^1\frac{(a-1)^2s}{1+s(a-1)}ds$, and that is not negative.", price(a),
        witness=Integral((a - 1) ** 2 * h / (1 + h * (a - 1)), (h, 0, 1)))
    D.given("total", "a density has total 1", r"Average $p/q$ under $q$: the total of $p$.",
        E(exp(log_p_z - log_q)), 1)
    D.at_least("gibbs", r"Put $a=p/q$ into the first line and average. What stands there is the "
        "divergence of $q$ from $p$, so no divergence is negative (Gibbs).", E(log_q - log_p_z),
        uses=["total", use("never_negative", {a: exp(log_p_z - log_q)})],
        witness=E(price(exp(log_p_z - log_q))))
    D.given("condition", "chain rule of densities", "With $p(x,z)=p(z|x)\\,p(x)$, that is,",
        log_p_z, log_p - p_of_x)
    D.given("fixed", "what is given comes out", r"and $\ln p(x)$ is, given $x$, a number.",
        E(p_of_x), p_of_x)
    D.at_least("bound", r"$-\ln p(x)\le\mathbb E_q[\ln q(z|x)-\ln p(x,z)]$: the evidence lower "
        "bound. What it exceeds by is a divergence.", E(log_q - log_p) + p_of_x,
        uses="gibbs condition fixed", witness=E(log_q - log_p_z))
    # 2. the chain q, which was built forwards, read backwards
    back = {q_st: q_i(i), q_ts: f_i(i), q_s: m_i(i - 1), q_t: m_i(i)}
    D.step("telescoped", "Read each step of $q$ backwards, by Bayes' rule (F3): in the sum over "
        "all steps the marginals telescope. It is the same chain, from $z_1$ down.",
        log_q, m_i(T) + Sum(q_i(i), (i, 1, T)), uses=["forwards", use("F3.bayes", back)])
    # 3. the difference, term by term
    D.step("three_terms", "Subtract, and pair each step of one chain with the same step of the "
        "other.", log_q - log_p, (m_i(T) - p_end) - p_x + Sum(q_i(i) - p_i(i), (i, 1, T)),
        uses="telescoped model")
    D.step("averaged", "An average of a sum is the sum of the averages.", E(log_q - log_p),
        E(m_i(T) - p_end) - E(p_x) + Sum(E(q_i(i) - p_i(i)), (i, 1, T)), uses="three_terms")
    # 4. the average of a log ratio is the average of a divergence
    D.given("tower", "tower rule", "Average over $z_s$ for a given $z_t$ first.",
        E(q_i(i) - p_i(i)), E(E_s(q_i(i) - p_i(i))))
    D.define("divergence", "That is the divergence of the step (L2),", KL_i(i),
        E_s(q_i(i) - p_i(i)))
    D.step("steps", "of which the average is left.", E(q_i(i) - p_i(i)), E(KL_i(i)),
        uses="tower divergence")
    D.at_least("bills", "So the bound has three bills: the prior (L0), the reconstruction, and the "
        "divergence of each step (L2).", BILLS + p_of_x, uses="bound averaged steps",
        witness=E(log_q - log_p) + p_of_x)
    # the reconstruction
    D.step("exponent", r"The reconstruction is the cost of a softmax (G2). It depends on $x$, on "
        r"its encoding and on $\gamma_0$, but on nothing learned besides.", ell_k - ell_x,
        exp(-gamma_0) * (l_k - x) * (x_0 - (l_k + x) / 2)
            + exp(-gamma_0 / 2) * (l_k - x) * epsilon,
        uses=[use("G2.log_odds", {l_j: x, ell_j: ell_x}), use("F1.latent", AT_0)])
