"""The bound on -ln p(x): prior, reconstruction, and one step.                              L0-L2"""

from ._language import *
from .gaussian import kl, price
from .generation import COUNTERTERM
from .processes import at_1

mu_P, mu_Q, delta = symbols("mu_P mu_Q delta", real=True)
KL_1, KL_d = name(r"\mathrm{KL}_1"), name(r"\mathrm{KL}_d")
x_1j, delta_j = IndexedBase("x_1", real=True)[j], IndexedBase("delta", real=True)[j]
SQUARES = Sum(delta_j**2, (j, 1, d))  # of the gaps of the means


@row("The prior loss: how much of the data is left in the last latent", "02",
    r"$\mathrm{KL}(q(z_1|x)\,\|\,p(z_1))$ is, in one dimension and in $d$ of them,",
    claim={
        "one_dimension": equation(KL_1, (alpha_1**2 * x_1**2 + price(sigma_1**2)) / 2),
        "prior": equation(KL_d,
            alpha_1**2 / 2 * Sum(x_1j**2, (j, 1, d)) + d / 2 * price(sigma_1**2)),
    })
def L0(F1, G1, KL) -> Steps:
    mean, variance = at_1(F1.mean), at_1(F1.variance)
    one = kl(KL, mean, sqrt(variance), G1.mean, sqrt(G1.variance))
    yield Line("one_dimension", r"By F1 the latent at $t=1$ has mean $\alpha_1x_1$ and standard "
        r"deviation $\sigma_1$; generation starts from mean 0 and standard deviation 1 (G1). Put "
        "both into KL.", equation(KL_1, (expand(2 * one - sigma_1**2) + sigma_1**2) / 2), means=one)
    whole = Sum(one.subs(x_1, x_1j), (j, 1, d))
    yield Words("additive", "Given the data the dimensions are independent, in both: the "
        "divergences add.", for_=("prior",))
    yield Line("prior", "The first part is what is left of the data, the second what is missing "
        "of the noise.", equation(KL_d, collect(sum_apart(whole), d)), means=whole)


@row("The divergence of one step", "02",
    r"With $\delta=\mu_P-\mu_Q$, $\mathrm{KL}(q(z_s|z_t,x)\,\|\,p(z_s|z_t))$ is, in one "
    r"dimension and in $d$ of them,",
    claim={
        "one_dimension": equation(KL_1, price(w) / 2 + w / (2 * sigma_Q**2) * delta**2),
        "step": equation(KL_d, d / 2 * price(w) + w / (2 * sigma_Q**2) * SQUARES),
        "gap": equation(mu_P - mu_Q, alpha_s * (c * (xhat - x_t) + COUNTERTERM - (x_s - x_t))),
        "gap_in_v": equation((mu_P - mu_Q) / sigma_Q,
            alpha_s / sigma_Q * (c * sigma_t * (v - vhat) + COUNTERTERM - (x_s - x_t))),
    })
def L2(F3, G3, G4, KL) -> Steps:
    yield Define({
        x_t: G4.x_t, xhat: G4.x_t.subs(v, vhat), mu_Q: F3.mean, mu_P: G3.mean, delta: mu_P - mu_Q,
    })
    one = kl(KL, mu_Q, sigma_Q, mu_P, sqrt(G3.variance))
    yield Line("gaussians", r"Both processes step by a Gaussian: $q$ with $\mu_Q,\sigma_Q$ (F3), "
        r"$p$ with $\mu_P$ and $\sigma_P=\sigma_Q/\sqrt w$ (G3). Put them into KL.",
        equation(KL_1, one))
    one = expand(expand_log(one.subs(mu_Q, mu_P - delta)))
    yield Line("one_dimension", "The means enter by their difference, the variances as a ratio.")
    whole = Sum(one.subs(delta, delta_j), (j, 1, d))
    yield Words("additive", "Given $z_t$ the dimensions are independent, in both processes: the "
        "divergences add.", for_=("step",))
    yield Line("step", "All share $w$, so add up. The first part is the price of a wrong "
        "variance, to be paid even by a perfect prediction; the second is the price of a wrong "
        "mean.", equation(KL_d, collect(sum_apart(whole), d)), means=whole)
    gap = (G3.mean - F3.mean) / alpha_s
    gap = alpha_s * collect(expand(gap), (c, sigma_t**2 * uhat))
    yield Line("gap", "What both processes keep of $z_t$ is the same, and cancels in the "
        "difference of the means. What remains: a wrong guess of the encoding, the counterterm, "
        "and the movement of the encoding, which the counterterm is there to cancel.")
    yield Line("gap_in_v", r"For computing, use G4: $\hat x-x_t=\sigma_t(v-\hat v)$. Near the "
        r"data $\hat x$ and $x_t$ agree to many digits, and their difference would be mostly "
        r"rounding; that of $v$ and $\hat v$ is not.",
        equation((mu_P - mu_Q) / sigma_Q, gap.subs(xhat, x_t + G4.error) / sigma_Q))
