"""Information and error, and what no bound can beat.                                          X5"""

from ._language import *
from .gaussian import log_density, standard_normal, z
from .infinite_depth import F, gamma
from .processes import at_1
from .three_terms import never_negative, p_1, q_1
from .three_terms import p_x as p_of_x

eta = Symbol("eta", positive=True)  # a signal-to-noise ratio
N = Symbol("N", positive=True, integer=True)
value, odds = IndexedBase("x", real=True)[n], IndexedBase("p", positive=True)[n]
p, m = Function("p", positive=True), Function("m", real=True)  # density of z, E[x|z]
density, weighted = name("p_z"), name("p_z m_z")
dI, mmse, bound = name(r"\frac{dI}{d\eta}"), name(r"\mathrm{mmse}"), name(r"\text{bound}")
Ex2 = Symbol(r"{\mathbb E[x^2]}", positive=True)
Em2 = Symbol(r"{\mathbb E[m_z^2]}", positive=True)
q_x, p_x, q_zx, q_z, p_z = symbols("q_x p_x q_{z|x} q_z p_z", positive=True)
q_xz, p_xz = symbols("q_{x|z} p_{x|z}", positive=True)
H, H_0 = symbols("H H_0", real=True)  # of x, of x given z_0
I_0, I_1 = symbols("I_0 I_1", real=True)  # the information of z_0 and z_1
K_1, M = symbols("K_1 M", nonnegative=True)
info = Function("I", real=True)  # I(x; z) as a function of the SNR
of_vdm, diffusion, L_any = name(r"\text{rate}"), name(r"\text{diffusion}"), name("L")


def kernel(x: Expr) -> Expr:
    """N(z; sqrt(eta) x, 1)"""
    return exp(-((z - sqrt(eta) * x) ** 2) / 2) / sqrt(2 * pi)


K_X = kernel(x)
DENSITY, WEIGHTED = (Sum(odds * e * kernel(value), (n, 1, N)) for e in (1, value))
I_MMSE = ("i_mmse", "diffusion", "total", "advantage")  # the forms that use it


@row("Information and error, and what no bound can beat", "05",
    r"Let $x$ have finitely many values and $z=\sqrt\eta\,x+\varepsilon$, with $p_z$ the density "
    r"of $z$ and $m_z=\mathbb E[x|z]$. Then the information $I(x;z)$ grows at half the rate of the "
    r"mean squared error. With $H$ the entropy of the data, $H_0$ that of $x$ given $z_0$, "
    r"$I_0,I_1$ the information of $z_0,z_1$, $K_1=\mathrm{KL}(q(z_1)\,\|\,p(z_1))$, and $M$ the "
    r"divergence of the decoder from $q(x|z_0)$, the bound of a VDM with a perfect denoiser is",
    claim={
        "heat": equation(Derivative(density, eta), -Derivative(weighted, z) / (2 * sqrt(eta))),
        "score": equation(Derivative(density, z), sqrt(eta) * weighted - z * density),
        "parts": equation((log(p(z)) + 1) * Derivative(m(z) * p(z), z),
            Derivative((log(p(z)) + 1) * m(z) * p(z), z) - m(z) * Derivative(p(z), z)),
        "i_mmse": equation(dI, mmse / 2),
        "prior": equation(log(q_zx / p_z), log(q_zx / q_z) + log(q_z / p_z)),
        "reconstruction": equation(-log(p_xz), -log(q_xz) + log(q_xz / p_xz)),
        "rate": equation(of_vdm, gammaprime_t * exp(-gamma_t) * (x - xhat) ** 2 / 2),
        "diffusion": equation(diffusion, I_0 - I_1),
        "total": equation(bound, H + K_1 + M),
        "entropy": equation(-log(p_x), -log(q_x) + log(q_x / p_x)),
        "above_entropy": Ge(L_any - H, 0, evaluate=False),
        "above_mismatch": Ge(L_any - (H + M), 0, evaluate=False),
        "advantage": equation(bound - (H + M), K_1),
    },
    nonnegative=("advantage",),
)
def X5(F1, G1, L0, L1, L3, L4) -> Steps:
    # d I / d SNR = mmse / 2
    yield Define({density: DENSITY, weighted: WEIGHTED})
    yield Define({I_0: info(exp(-gamma(0))), I_1: info(exp(-gamma(1))), H: H_0 + I_0})
    yield Line("moves", r"A Gaussian around $\sqrt\eta\,x$ changes with $\eta$ by moving:",
        equation(Derivative(K_X, eta), -x / (2 * sqrt(eta)) * Derivative(K_X, z)))
    yield Line("slope", "its slope is",
        equation(Derivative(K_X, z), simplify(diff(K_X, z) / K_X) * K_X))
    yield Line("densities", "The density of $z$ is the average of these over the data. Let the "
        "data have $N$ values $x_n$, with odds $p_n$; then $p_z$ and $p_zm_z$ are",
        Tuple(equation(density, DENSITY), equation(weighted, WEIGHTED)))
    yield Line("heat", "so that the density changes like this,")
    yield Line("score", "and has this slope.")
    yield Line("entropy_rate", "$I(x;z)$ is the entropy of $z$ less that of the noise, which does "
        "not change. Under the integral over $z$,",
        equation(Derivative(-p(z, eta) * log(p(z, eta)), eta),
            -(log(p(z, eta)) + 1) * Derivative(p(z, eta), eta)))
    yield Words("exchanged", r"Derivative and integral may be exchanged. Near any $\eta>0$ the "
        r"derivative of $p_z$ is a finite sum of Gaussians, times powers of $z$, and $\ln p_z$ "
        "grows no faster than $z^2$: one function whose integral is finite bounds them all.",
        for_=I_MMSE)
    yield Line("parts", r"Put the first line in: with $1/(2\sqrt\eta)$ before it, the integrand is")
    yield Words("integrated", "The first part integrates to 0, as it vanishes at both ends. For "
        r"the second there is the slope, $p_z'=(\sqrt\eta\,m_z-z)\,p_z$, so that its integral is "
        r"$-\sqrt\eta\,\mathbb E[m_z^2]+\mathbb E[zm_z]$. And $\mathbb E[zm_z]=\mathbb "
        r"E[zx]=\sqrt\eta\,\mathbb E[x^2]$, since $m_z$ is the mean of $x$ given $z$, and the "
        "noise has the mean 0 given $x$.", for_=I_MMSE)
    yield Line("in_all", "In all,",
        equation(dI, (-sqrt(eta) * Em2 + sqrt(eta) * Ex2) / (2 * sqrt(eta))))
    yield Line("mmse", r"The error is the mean of $(x-m_z)^2$, and $\mathbb E[xm_z]=\mathbb "
        "E[m_z^2]$:", equation(mmse, Ex2 - 2 * Em2 + Em2))
    yield Line("i_mmse", "Half the error is the rate.")
    yield Words("all_data", "It holds for all data of finite variance (Guo, Shamai, Verdu, 2005).")
    # what no bound can beat
    yield Line("entropy", r"What is the least that any bound can be? The average of this")
    yield Words("above_entropy", "is $H$ and a divergence, which is not negative (L1); and a "
        r"bound $L$, of whatever model, is at least the average of $-\ln p(x)$ (L1).",
        never_negative(L1, L_any - H))
    yield Words("above_mismatch", "Nor is it below $H+M$, with $M$ for the divergence of its own "
        "decoder: by the chain rule the divergence of the chains is that of the pairs $(x,z_0)$ "
        "and one more, of the other latents given these, which is not negative (the data "
        "processing inequality).", never_negative(L1, L_any - (H + M)))
    # what the bound of a perfect VDM is
    mean, variance = at_1(F1.mean), at_1(F1.variance)
    log_ratio = log_density(z_1, mean, variance) - G1.log_density
    log_ratio = expand(log_ratio.subs(z_1, mean + sqrt(variance) * epsilon), log=True)
    yield Line("prior_loss", r"Now the bound (L1). For one $x$, the average of $\ln "
        "q(z_1|x)/p(z_1)$ over the noise is the prior loss (L0).",
        equation(Integral(log_ratio * standard_normal, (epsilon, -oo, oo)), L0.one_dimension))
    yield Line("prior", r"Averaged over the data, it is the information of $z_1$, and $K_1$.")
    yield Line("reconstruction", "The average is the reconstruction: $H_0$ and the mismatch $M$.")
    yield Words("averages", r"By definition $I_1$ is the average of $\ln q(z_1|x)/q(z_1)$, and $H$ "
        r"and $H_0$ are those of $-\ln q(x)$ and $-\ln q(x|z_0)$. The average of a sum is the sum "
        "of the averages.", for_=("prior", "reconstruction", "entropy", "total", "advantage"))
    snr = exp(-gamma_t)
    short = L3.step.subs(alpha_s, sigma_s * exp((Delta - gamma_t) / 2))
    short = Limit(short.subs(alpha_t, sigma_t * exp(-gamma_t / 2)) / Delta, Delta, 0)
    yield Line("short_step", "A short step of a VDM costs half the error times the SNR for each "
        r"unit of $\gamma$ (L3),", equation(short, snr * (x - xhat) ** 2 / 2))
    yield Line("rate", "and the loss at infinite depth (L4) has the same integrand: the error in "
        "the noise is that in $x$, times the root of the SNR.",
        means=L4.integrand_E1.subs(epsilon, epsilonhat + alpha_t * (xhat - x) / sigma_t))
    yield Line("speed", r"By I-MMSE half the error of the perfect denoiser is $I'(\eta)$, so this "
        r"is the speed at which $-I(e^{-\gamma})$ grows,",
        equation(Derivative(-info(snr), gamma_t), snr * Subs(Derivative(info(eta), eta), eta, snr)))
    yield Line("diffusion", "and what it is between depth 0 and 1 depends on the two ends only "
        "(L4).", means=L4.ends.replace(F, lambda g: -2 * info(exp(-g))))
    averages = {q_1: p_1 + I_1 + K_1, p_of_x: -(H_0 + M)}
    yield Line("sum", "Put the three averages into the three terms of L1.",
        equation(bound, L1.three_terms.subs(averages).replace(Sum, lambda *_: diffusion)))
    yield Line("total", r"With $I_0=H-H_0$ all information cancels.")
    yield Line("advantage", "So with the same $M$ an encoder can beat a perfect VDM by $K_1$ at "
        "most, which is the prior loss less $I_1$.")
