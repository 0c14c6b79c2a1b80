"""Three things to know about Gaussians: their log density, the completed square, the divergence.

All covariances in this course are multiples of the identity, so the dimensions are independent and
one of them is enough; losses are sums over dimensions.
"""

from ._language import *

mu_q, mu_p = symbols("mu_q mu_p", real=True)
sigma_q, sigma_p = symbols("sigma_q sigma_p", positive=True)
z = Symbol("z", real=True)
standard_normal = exp(-(epsilon**2) / 2) / sqrt(2 * pi)
log_ratio_name = name(r"\ln\frac{q(z)}{p(z)}")
kl_name = name(r"\mathrm{KL}(q\,\|\,p)")


def log_density(z: Expr, mean: Expr, variance: Expr) -> Expr:
    """ln N(z; mean, variance)"""
    return -((z - mean) ** 2) / (2 * variance) - log(2 * pi * variance) / 2


def price(a: Expr) -> Expr:
    """By how much the logarithm lies below its tangent at 1 (never negative: L1)"""
    return a - 1 - log(a)


def complete_square(exponent: Expr, z: Symbol) -> tuple[Expr, Expr, Expr]:
    """(mean, variance, rest) with exponent = -(z - mean)^2 / (2 variance) + rest

    The exponent must be quadratic in z. What multiplies z^2 gives the variance, what multiplies z
    the mean, and the rest is free of z: this is all of Gaussian conditioning.
    """
    a, b, constant = Poly(exponent, z).all_coeffs()
    return -b / (2 * a), -1 / (2 * a), constant - b**2 / (4 * a)


def average(polynomial: Expr) -> Expr:
    """E[polynomial(epsilon)] over epsilon ~ N(0, 1): each power is integrated over the line"""
    return sum(
        factor * integrate(epsilon**power * standard_normal, (epsilon, -oo, oo))
        for (power,), factor in Poly(expand(polynomial), epsilon).terms()
    )


LOG_RATIO = log_density(z, mu_q, sigma_q**2) - log_density(z, mu_p, sigma_p**2)
OVER_Q = LOG_RATIO.subs(z, mu_q + sigma_q * epsilon)


@row("The divergence of two Gaussians", "01",
    r"For $q=\mathcal N(\mu_q,\sigma_q^2)$ and $p=\mathcal N(\mu_p,\sigma_p^2)$, in nats,",
    claim={
        "kl": equation(kl_name, (sigma_q**2 + (mu_q - mu_p) ** 2) / (2 * sigma_p**2)
            - log(sigma_q / sigma_p) - Rational(1, 2)),
    })
def KL() -> Steps:
    yield Define({
        z: mu_q + sigma_q * epsilon, log_ratio_name: LOG_RATIO,
        kl_name: Integral(expand(OVER_Q) * standard_normal, (epsilon, -oo, oo)),
    })
    log_ratio = expand_log(LOG_RATIO)
    yield Line("log_ratio", "The divergence is the average, under $q$, of the logarithm of $q/p$. "
        "That logarithm is a quadratic in $z$: the two normalisers differ only by their standard "
        "deviations.", equation(log_ratio_name, log_ratio))
    standardised = log_ratio.subs(z, mu_q + sigma_q * epsilon)
    yield Line("standardised", r"To average under $q$, write $z=\mu_q+\sigma_q\varepsilon$ with "
        r"$\varepsilon$ standard normal.", equation(log_ratio_name, standardised))
    moments = [Integral(epsilon**n * standard_normal, (epsilon, -oo, oo)) for n in range(3)]
    yield Line("moments", r"That has powers of $\varepsilon$ up to the second, so what is left "
        "are three integrals over the real line: the total, the mean and the variance of a "
        "standard normal.", Tuple(*[equation(moment, moment.doit()) for moment in moments]))
    gap = Symbol("delta")
    mean = expand(average(standardised.subs(mu_q, mu_p + gap)))
    yield Line("kl", r"Replace each power of $\varepsilon$ by its mean 1, 0, 1.",
        equation(kl_name, mean.subs(gap, mu_q - mu_p)))


def kl(KL, mean_q: Expr, sd_q: Expr, mean_p: Expr, sd_p: Expr) -> Expr:
    """KL(N(mean_q, sd_q^2) || N(mean_p, sd_p^2)), by the row KL"""
    values = {mu_q: mean_q, sigma_q: sd_q, mu_p: mean_p, sigma_p: sd_p}
    return KL.kl.subs(values, simultaneous=True)
