"""Two things to know about Gaussians: their log density and their divergence.

All covariances in this course are multiples of the identity, so the dimensions are independent and
one of them is enough; losses are sums over dimensions.
"""

from ._language import *

mu_q, mu_p = symbols("mu_q mu_p", real=True)
sigma_q, sigma_p = symbols("sigma_q sigma_p", positive=True)
z = Symbol("z", real=True)
log_q, log_p, kl_name = names(r"\ln q(z)", r"\ln p(z)", r"\mathrm{KL}(q\,\|\,p)")


def log_density(z: Expr, mean: Expr, variance: Expr) -> Expr:
    """ln N(z; mean, variance)"""
    return -((z - mean) ** 2) / (2 * variance) - log(2 * pi * variance) / 2


def price(a: Expr) -> Expr:
    """By how much the logarithm lies below its tangent at 1 (never negative: L1)"""
    return a - 1 - log(a)


def kl(mean_q: Expr, sd_q: Expr, mean_p: Expr, sd_p: Expr) -> Expr:
    """KL(N(mean_q, sd_q^2) || N(mean_p, sd_p^2)): the row KL"""
    return (sd_q**2 + (mean_q - mean_p) ** 2) / (2 * sd_p**2) - log(sd_q / sd_p) - Rational(1, 2)


def divergence(kl: Expr, log_of_q: Expr, log_of_p: Expr, variable: Symbol) -> Use:
    """What it is of these two, both densities of this variable"""
    return use("KL.average", {kl_name: kl, log_q: log_of_q, log_p: log_of_p, z: variable})


@row("The divergence of two Gaussians", "01",
    r"For $q=\mathcal N(\mu_q,\sigma_q^2)$ and $p=\mathcal N(\mu_p,\sigma_p^2)$, in nats,",
    forms="kl")
def KL(D: Row) -> None:
    D.define("q", "The two log densities are", log_q, log_density(z, mu_q, sigma_q**2))
    D.define("p", "and", log_p, log_density(z, mu_p, sigma_p**2))
    D.define("average", "The divergence is the average, under $q$, of the logarithm of $q/p$.",
        kl_name, Integral(exp(log_q) * (log_q - log_p), (z, -oo, oo)))
    D.step("log_ratio", "The two normalisers differ only by their standard deviations: a quadratic "
        "in $z$, and a number.", log_q - log_p, (z - mu_p) ** 2 / (2 * sigma_p**2)
            - (z - mu_q) ** 2 / (2 * sigma_q**2) - log(sigma_q / sigma_p), uses="q p")
    D.step("kl", r"With $z=\mu_q+\sigma_q\varepsilon$ each power of $\varepsilon$ has its mean: 1, "
        "0, 1.", kl_name, kl(mu_q, sigma_q, mu_p, sigma_p), uses="average log_ratio p")
