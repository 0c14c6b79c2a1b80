"""Gaussian data: every term of the bound in closed form.                                      X2"""

import math
from functools import cache
from itertools import pairwise

from ._language import *
from .counterterm import G5, A
from .finite_depth import snr_s, snr_t
from .gaussian import average, complete_square, kl, log_density, z
from .information import eta
from .quadrature import GAMMA_0, GAMMA_1
from .variance_ratio import m
from .what_encoders_buy import SNR_OF_E2

s2 = Symbol("s_2", positive=True)  # the variance of the data
S = Function("S", positive=True)  # SNR as a function of the number of the step
SNR_s, SNR_t = symbols("S_s S_t", positive=True)
xi = Symbol("xi", real=True)  # x over its standard deviation

spread, centre = name(r"\mathbb V[x|z]"), name(r"\mathbb E[x|z]")
m_E1, m_E2, m_exact = name(r"\text{E1: }m"), name(r"\text{E2: }m"), name(r"\text{E2, exact: }m")
prior, reconstruction, h_x = name(r"\text{prior}"), name(r"\text{reconstruction}"), name("h(x)")
gap, ends_E2 = name(r"\text{gap}"), name(r"\text{E2: prior}+\text{reconstruction}-h(x)")
log_joint = name(r"\ln p(x,z)")
V = s2 / (1 + s2 * eta)
V_E2, WEIGHT = V.subs(eta, SNR_OF_E2), alpha_s**2 / sigma_Q**2
JOINT = log_density(x, 0, s2) + log_density(z, sqrt(eta) * x, 1)
TARGET = c * alpha_t**2 + alpha_s**2 - alpha_t**2  # tau = TARGET x, for E2


def entropy(variance: Expr) -> Expr:
    """of a Gaussian"""
    return log(2 * pi * E * variance) / 2


@row("Gaussian data", "06",
    r"For data $\mathcal N(0,s_2)$ and the exact denoiser, with $S(i)$ the SNR after step "
    r"$i$ and $\eta$ that of $z=\sqrt\eta\,x+\varepsilon$. With E1 and $w^*$ the gap of the bound "
    r"to the entropy is $\mathrm{KL}(q(z_1)\,\|\,\mathcal N(0,1))$ at every $T$; E2 steps with "
    r"the $A$ of G5.",
    claim={
        "spread": equation(spread, s2 / (1 + s2 * eta)),
        "m_E1": equation(m_E1, (SNR_s - SNR_t) * s2 / (1 + s2 * SNR_t)),
        "logarithm": equation(1 + m_E1, (1 + s2 * SNR_s) / (1 + s2 * SNR_t)),
        "diffusion": equation(Sum(log((1 + s2 * S(i - 1)) / (1 + s2 * S(i))) / 2, (i, 1, T)),
            log((1 + s2 * S(0)) / (1 + s2 * S(T))) / 2),
        "gap": equation(gap,
            (alpha_1**2 * s2 + sigma_1**2 - 1 - log(alpha_1**2 * s2 + sigma_1**2)) / 2),
        "m_E2": equation(m_E2,
            WEIGHT * (TARGET**2 * V_E2 + (TARGET - A * alpha_t**2) ** 2 * (s2 - V_E2))),
        "m_exact": equation(m_exact, WEIGHT * TARGET**2 * V_E2),
        "ends_E2": equation(ends_E2, (alpha_1**6 * s2 + sigma_1**2 - log(sigma_1**2) - 1) / 2
            - log(1 + s2 * alpha_0**6 / sigma_0**2) / 2),
    })
def X2(E2, G5, KL, L0, L3, W1) -> Steps:
    yield Define({log_joint: JOINT, reconstruction: entropy(V.subs(eta, exp(-gamma_0)))})
    yield Line("joint", "The data and what is seen of it have the density",
        equation(log_joint, JOINT))
    mean, variance, _ = complete_square(expand(JOINT, log=True), x)
    yield Line("centre", "Complete the square in $x$: what is known of $x$ has the mean",
        equation(centre, simplify(mean)))
    yield Line("spread", "and the variance", equation(spread, simplify(variance)))
    yield Line("slope", "since the slope is that of a Gaussian.",
        equation(Derivative(log_joint, x), (centre - x) / spread))
    # E2
    root = E2.mean / (sigma_t * x)
    known = mean.subs(eta, root**2).subs(z, root * x + epsilon)  # z is z_t / sigma_t
    guess, target = E2.u / x * known, c * E2.u - E2.change  # of x_t, which is u, and of tau
    gap_of_means = (A * guess - target).subs(x, sqrt(s2) * xi)
    squared = average(average(gap_of_means**2).subs(xi, epsilon))
    yield Line("m_E2", r"E2: $\hat x=\alpha_t^2\,\mathbb E[x|z_t]$ should hit "
        r"$\tau=(c\,\alpha_t^2+\alpha_s^2-\alpha_t^2)\,x$ (G5), and what is seen has "
        r"$\eta=\alpha_t^6/\sigma_t^2$. Average the square over the noise and over the data.",
        equation(m_E2, WEIGHT * simplify(squared)), means=WEIGHT * squared)
    yield Line("m_exact", "With the exact $A$ of G5 only the spread of $x$ counts.",
        means=WEIGHT * simplify(squared).subs(A, G5.E2))
    eta_0 = (root**2).subs({alpha_t: alpha_0, sigma_t: sigma_0})
    prior_E2 = L0.one_dimension.subs(x_1, E2.u.subs(alpha_t, alpha_1)).subs(x**2, s2)
    yield Line("ends_E2", "The two ends, less the entropy, are",
        means=prior_E2 + entropy(V.subs(eta, eta_0)) - entropy(s2))
    # E1
    error = L3.step.subs({snr_s: SNR_s, snr_t: SNR_t})
    error = 2 * error.subs((x - xhat) ** 2, V.subs(eta, SNR_t))
    yield Line("m_E1", "The exact denoiser of E1 errs by the spread of $x$. By L3 a step with "
        r"$w=1$ costs $\frac12m$, so", means=error)
    yield Line("logarithm", r"and $w^*$ makes of it the logarithm (W1) of")
    cost = W1.cost.subs({d: 1, m: factor(error).subs({SNR_s: S(i - 1), SNR_t: S(i)})})
    telescoped = Sum((log(1 + s2 * S(i - 1)) - log(1 + s2 * S(i))) / 2, (i, 1, T)).doit()
    yield Line("diffusion", "which telescopes, whatever the steps.",
        equation(Sum(cost, (i, 1, T)), telescoped))
    ends = {S(0): (alpha_0 / sigma_0) ** 2, S(T): (alpha_1 / sigma_1) ** 2}
    yield Line("prior", "The other terms: the prior (L0), with $x^2$ for the mean of the square,",
        equation(prior, L0.one_dimension.subs(x_1**2, s2)))
    yield Line("reconstruction", "the best reconstruction, the entropy of what is left to know,",
        equation(reconstruction, entropy(V.subs(eta, ends[S(0)]))))
    yield Line("entropy", "and the entropy of the data.", equation(h_x, entropy(s2)))
    diffusion = log((1 + s2 * S(0)) / (1 + s2 * S(T))).subs(ends) / 2
    yield Line("gap", "The gap is their sum, with the diffusion loss, less that entropy: the "
        "divergence of two Gaussians with the mean 0, of $q(z_1)$ from the start of generation. "
        "It does not depend on $T$, nor on the depths in between.",
        equation(gap, kl(KL, 0, sqrt(alpha_1**2 * s2 + sigma_1**2), 0, 1)),
        means=prior + reconstruction + diffusion - h_x)
    yield Numbers("tight", r"In numbers, for $\gamma$ in a straight line from $-13.3$ to 5: the "
        "gap of E1 with $w^*$ (nats),",
        numbers=(
            Digits("s_2=1", "0.0000000", tight(1.0)),
            Digits("s_2=0.3", "5.5e-6", tight(0.3)),
            Digits("s_2=2.5", "2.5e-5", tight(2.5)),
        ))
    yield Numbers("constant", "of E1 with $s_2=1$ and a constant ratio,",
        numbers=tuple(
            Digits(f"T={steps},\\ w={w}", claimed, gap_E1(steps, w))
            for steps, row in CONSTANT.items()
            for w, claimed in zip((1, 0.5, 2), row, strict=True)
        ))
    yield Numbers("scaling", "and of E2 with $s_2=1$, for both forms of the counterterm, at $w=1$ "
        "and at $w^*$.",
        numbers=tuple(
            Digits(f"T={steps},\\ \\text{{{form}}},\\ {label}", claimed, gap_E2(steps, form, best))
            for steps, row in SCALING.items()
            for (form, best, label), claimed in zip(COLUMNS, row, strict=True)
        ))


CONSTANT = {  # w = 1, 0.5, 2
    10: ("11.0612", "3.1730", "30.3033"),
    100: ("0.597150", "6.63261", "23.1836"),
    1000: ("0.056603", "93.2786", "160.186"),
    10000: ("0.005631", "962.415", "1540.92"),
}
WS = ((False, "w=1"), (True, "w^*"))
COLUMNS = [(form, best, label) for best, label in WS for form in ("G3", "exact")]
SCALING = {
    1: ("298590.1386", "298590.0701", "0.000011", "0.000011"),
    2: ("9341.5974", "4802.6553", "0.333915", "0.000063"),
    5: ("64.3665", "55.9023", "0.180327", "0.007239"),
    10: ("12.3826", "12.0829", "0.071627", "0.025916"),
    100: ("0.699764", "0.699195", "0.058210", "0.057738"),
    10000: ("0.067466", "0.067466", "0.061427", "0.061427"),
}


# --- numbers -------------------------------------------------------------------------------------


def tight(variance: float) -> float:
    return X2.lambdify("gap", "math")(gamma_1=GAMMA_1, s_2=variance)


def depths(steps: int) -> list[tuple[float, float]]:
    """gamma at the two ends of every step"""
    gammas = [GAMMA_0 + (GAMMA_1 - GAMMA_0) * k / steps for k in range(steps + 1)]
    return list(pairwise(gammas))


@cache
def gap_E1(steps: int, w: float) -> float:
    """With w* the gap is 0 for s2 = 1, so this is what w costs beyond W1"""
    error = X2.lambdify("m_E1", "math")
    errors = [error(S_s=math.exp(-s), S_t=math.exp(-t), s_2=1.0) for s, t in depths(steps)]
    costs = ((w * (1 + m) - 1 - math.log(w)) / 2 for m in errors)  # one dimension of L2
    return tight(1.0) + math.fsum(costs) - math.fsum(math.log1p(m) / 2 for m in errors)


@cache
def gap_E2(steps: int, form: str, best: bool) -> float:
    error = X2.lambdify("m_E2", "math")
    factor = G5.lambdify("E2" if form == "exact" else form, "math")
    total = [X2.lambdify("ends_E2", "math")(gamma_0=GAMMA_0, gamma_1=GAMMA_1, s_2=1.0)]
    for s, t in depths(steps):
        m = error(A=factor(gamma_s=s, gamma_t=t), gamma_s=s, gamma_t=t, s_2=1.0)
        total.append(math.log1p(m) / 2 if best else m / 2)
    return math.fsum(total)
