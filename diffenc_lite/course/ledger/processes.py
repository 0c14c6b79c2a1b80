"""The encoder process q: noise that is added, step by step and at once.                    F1-F3"""

from ._language import *
from .gaussian import complete_square, log_density, standard_normal

mu, variance_name, rest_name = name(r"\mu"), name(r"\sigma^2"), name(r"\text{rest}")
mu_Q = name(r"\mu_Q")
KEPT = alpha_ts * sigma_s**2 / sigma_t**2 * z_t  # of z_t, by both processes, on the way back to s
b, tau2 = Symbol("b", real=True), Symbol(r"\tau^2", positive=True)


def at_s(expression: Expr) -> Expr:
    """What stands there for t, for s"""
    return expression.subs({alpha_t: alpha_s, sigma_t: sigma_s, x_t: x_s})


def at_1(expression: Expr) -> Expr:
    """At the end of the encoder process"""
    return expression.subs({alpha_t: alpha_1, sigma_t: sigma_1, x_t: x_1})


@row("The marginal: all the noise at once", "01",
    r"If $z_t=\alpha_tx_t+\sigma_t\varepsilon$ with $\varepsilon\sim\mathcal N(0,1)$, then "
    r"$\ln q(z_t|x)=-\frac{(z_t-\mu)^2}{2\sigma^2}+\text{rest}$ with",
    claim={
        "mean": equation(mu, alpha_t * x_t),
        "variance": equation(variance_name, sigma_t**2),
        "normaliser": equation(rest_name, -log(2 * pi * sigma_t**2) / 2),
    })
def F1() -> Steps:
    yield Define({z_t: alpha_t * x_t + sigma_t * epsilon})
    (noise,) = solve(equation(z_t, alpha_t * x_t + sigma_t * epsilon), epsilon)
    yield Line("noise", r"Which noise leads to $z_t$? The map from $\varepsilon$ to $z_t$ is "
        "linear, so there is exactly one answer.", equation(epsilon, noise))
    exponent = log(standard_normal.subs(epsilon, noise) * noise.diff(z_t))
    log_q, log_q_name = expand_log(exponent), name(r"\ln q(z_t|x)")
    yield Line("log_density", "A density is carried along by a map if we multiply by the slope of "
        r"the way back, $\partial\varepsilon/\partial z_t=1/\sigma_t$.",
        equation(log_q_name, log_q))
    mean, variance, rest = complete_square(expand(log_q), z_t)
    yield Line("mean", "The logarithm is quadratic in $z_t$, so $q$ is a Gaussian. Completing the "
        "square, the place of its top is the mean ...", equation(mu, mean))
    yield Line("variance", "... and its curvature gives the variance.",
        equation(variance_name, variance))
    yield Line("normaliser", "What remains after the square is the normaliser "
        r"$-\frac12\ln(2\pi\sigma_t^2)$, and nothing else: the density has total 1.",
        equation(rest_name, simplify(rest)))
    yield Line("together", "Together the three make up all of the logarithm.",
        equation(log_q_name, -((z_t - mu) ** 2) / (2 * variance_name) + rest_name))


@row("The forward step, from s to the noisier t", "01",
    r"Among the steps $q(z_t|z_s,x)=\mathcal N(\alpha_{t|s}z_s+b,\tau^2)$ with "
    r"$\alpha_{t|s}=\alpha_t/\alpha_s$, one and only one leads from F1 at $s$ to F1 at $t$; with "
    r"$c=1-\mathrm{SNR}(t)/\mathrm{SNR}(s)$ it has",
    claim={
        "mean": equation(alpha_ts * z_s + b, alpha_ts * z_s + alpha_t * (x_t - x_s)),
        "variance": equation(tau2, sigma_t**2 * c),
        "c": equation(c, 1 - exp(gamma_s - gamma_t)),
    })
def F2(F1) -> Steps:
    m, spread = Symbol("m", real=True), Symbol("V", positive=True)
    joint_name, log_q = name(r"\ln q(z_s,z_t|x)"), name(r"\ln q(z_t|x)")
    m_name, V, rest_of_s = name("m"), name("V"), name(r"\text{rest}_s")
    joint = log_density(z_t, alpha_ts * z_s + b, tau2)
    joint += log_density(z_s, at_s(F1.mean), at_s(F1.variance))
    yield Line("joint", r"We look for a step that shrinks $z_s$ by $\alpha_{t|s}$, moves it by "
        r"some $b$ and adds noise of some variance $\tau^2$. Start at $s$ with F1: the joint "
        "density of $z_s$ and $z_t$ is the product of the two.", equation(joint_name, joint))
    mean, variance, rest = complete_square(expand(joint, log=True), z_s)
    yield Line("inner_variance", "To see where $z_t$ ends up, integrate over all $z_s$. As a "
        "function of $z_s$ the exponent is a square, of variance", equation(V, simplify(variance)))
    yield Line("centre", "around some centre $m$, and a rest that is free of $z_s$.",
        Tuple(equation(m_name, simplify(mean)), equation(rest_of_s, rest)))
    yield Line("square", "Indeed they are all of the logarithm.",
        equation(joint_name, -((z_s - m_name) ** 2) / (2 * V) + rest_of_s))
    bell = Integral(exp(-((z_s - m) ** 2) / (2 * spread)), (z_s, -oo, oo))
    yield Line("bell", "The integral over such a square is known, wherever its centre $m$ is.",
        equation(bell, bell.doit()))
    marginal = rest + log(bell.doit()).subs(spread, variance)
    yield Line("integrated", "So what is left after the integral is the rest, and the logarithm "
        "of that number.", equation(log_q, rest_of_s + log(bell.doit()).subs(spread, V)))
    mean, variance, _ = complete_square(expand(marginal), z_t)
    mean, variance = simplify(mean), expand(simplify(variance))
    yield Line("marginal", "It depends on $z_t$ alone and is again the exponent of a Gaussian: "
        "complete the square once more, now in $z_t$, and read off mean and variance. (They add "
        "up as one would expect: shrunk, moved, and with both noises in it.)",
        Tuple(equation(mu, mean), equation(variance_name, variance)))
    yield Line("gaussian", "It is that Gaussian with its normaliser.",
        equation(log_q, log_density(z_t, mu, variance_name)))
    (shift,) = solve(equation(mean, F1.mean), b)
    shift = collect(expand(shift).subs(alpha_s * alpha_ts, alpha_t), alpha_t)
    yield Line("shift", "This has to be F1 at $t$. The means agree for one $b$ only: the encoding "
        "has moved from $x_s$ to $x_t$, and the step must make up for it.",
        equation(b, shift), gives=True)
    yield Line("mean", r"So the step begins from the shrunk $z_s$ and moves by that,")
    (missing,) = solve(equation(variance, F1.variance), tau2)
    yield Line("variance", r"The variances agree for one $\tau^2$ only: what is missing to "
        r"$\sigma_t^2$. It is the share $c$ of $\sigma_t^2$, since "
        r"$c=1-\mathrm{SNR}(t)/\mathrm{SNR}(s)$.", equation(tau2, missing), gives=True)
    yield Line("matched", "With these two, mean and variance are those of F1.",
        Tuple(equation(mu, F1.mean), equation(variance_name, F1.variance)))
    yield Line("c", r"As $\mathrm{SNR}=e^{-\gamma}$, only the difference of the $\gamma$ counts.")


@row("The posterior: from t back to s, when the data is known", "01",
    r"$q(z_s|z_t,x)=\mathcal N(\mu_Q,\sigma_Q^2)$ with",
    claim={
        "variance": equation(sigma_Q**2, sigma_s**2 * c),
        "mean": equation(mu_Q, KEPT + alpha_s * c * x_t + alpha_s * (x_s - x_t)),
    })
def F3(F1, F2) -> Steps:
    log_q = name(r"\ln q(z_s|z_t,x)")
    forward = -((z_t - F2.mean) ** 2) / (2 * F2.variance)
    before = -((z_s - at_s(F1.mean)) ** 2) / (2 * at_s(F1.variance))
    yield Line("bayes", "Bayes' rule: as a function of $z_s$, the posterior is proportional to "
        "the joint density, F2 times F1. Products of densities are sums of exponents.",
        equation(log_q, forward + before + name(r"\text{const}")))
    mean, variance, _ = complete_square(forward + before, z_s)
    precision = expand(1 / variance)
    yield Line("precision", "A sum of two quadratics is a quadratic; complete the square in "
        "$z_s$. What multiplies $z_s^2$ is minus half the precision, and precisions add: what F2 "
        "says about $z_s$, and what F1 says.", Tuple(equation(1 / sigma_Q**2, precision),
            equation(-Derivative(log_q, (z_s, 2)), precision)))
    yield Line("variance", r"As $\alpha_{t|s}^2=(1-c)\,\sigma_t^2/\sigma_s^2$ by the definition of "
        "$c$, the two precisions become one fraction.")
    weighted = expand(simplify(expand(mean / variance) * sigma_s**2 * c))
    yield Line("weighted", "The mean is what multiplies $z_s$, times that variance.",
        equation(mu_Q, weighted))
    weighted = weighted.subs(alpha_ts * alpha_t, alpha_s * (1 - c) * sigma_t**2 / sigma_s**2)
    yield Line("mean", "Use the same relation once more, now as "
        r"$\alpha_{t|s}\alpha_t=\alpha_s(1-c)\,\sigma_t^2/\sigma_s^2$, and sort: a part of $z_t$ "
        "stays, there is a pull towards the encoding, and the encoding itself moves back from "
        "$x_t$ to $x_s$.", equation(mu_Q, collect(expand(weighted), alpha_s)))
    yield Line("slope", "The slope of the logarithm is that of a Gaussian with this mean and this "
        "variance.", equation(Derivative(log_q, z_s), (mu_Q - z_s) / sigma_Q**2))
