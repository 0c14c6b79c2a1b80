"""The encoder process q: noise that is added, step by step and at once.                    F1-F3"""

from ._language import *
from .gaussian import log_density

q_t, q_s, q_0, q_1 = names(*(rf"\ln q(z_{at}|x)" for at in "ts01"))
q_ts, q_st, joint, led = names(r"\ln q(z_t|z_s,x)", r"\ln q(z_s|z_t,x)", r"\ln q(z_s,z_t|x)",
    r"\ln q'(z_t|x)")  # that to which the step leads
at_t = mu, variance, log_epsilon, noise = names(  # noise: that which leads to z_t
    r"\mu", r"\sigma^2", r"\ln p(\varepsilon)", r"\varepsilon(z_t)")
mu_Q = Symbol("mu_Q", real=True)
KEPT = alpha_ts * sigma_s**2 / sigma_t**2 * z_t  # of z_t, by both processes, on the way back to s
b, tau2 = Symbol("b", real=True), Symbol(r"\tau^2", positive=True)
rest = name(r"\text{rest}", real=True)
for depth, q_there in {"s": q_s, "0": q_0, "1": q_1}.items():
    there = names(rf"\mu_{depth}", rf"\sigma^2_{depth}", rf"\ln p(\varepsilon)_{depth}",
        rf"\varepsilon(z_{depth})", rf"\varepsilon_{depth}")
    DEPTH_MAPS[depth] |= dict(zip((*at_t, epsilon, q_t), (*there, q_there), strict=True))


@row("The marginal: all the noise at once", "01",
    r"If $z_t=\alpha_tx_t+\sigma_t\varepsilon$ with $\varepsilon\sim\mathcal N(0,1)$, then "
    r"$\ln q(z_t|x)=-\frac{(z_t-\mu)^2}{2\sigma^2}+\text{rest}$ with",
    forms="mean variance normaliser")
def F1(D: Row) -> None:
    D.define("latent", "The latent is the encoding, shrunk, with noise on top.",
        z_t, alpha_t * x_t + sigma_t * epsilon)
    D.define("noise", r"Which noise leads to a given $z_t$? The map is linear, so there is exactly "
        "one answer.", alpha_t * x_t + sigma_t * noise, z_t)
    D.define("standard", "The noise is standard normal;", log_epsilon, log_density(noise, 0, 1))
    D.given("carried", "change of variables", "a density is carried along by a map if we multiply "
        r"by the slope of the way back, $\partial\varepsilon/\partial z_t=1/\sigma_t$.",
        q_t, log_epsilon + log(Derivative(noise, z_t)))
    D.step("density", "So the logarithm is quadratic in $z_t$: $q$ is a Gaussian.",
        q_t, log_density(z_t, alpha_t * x_t, sigma_t**2), uses="carried standard noise")
    D.define("curvature", "Its variance is what its curvature says,",
        variance, -1 / Derivative(q_t, (z_t, 2)))
    D.define("top", "its mean is the place of its top, where the slope is 0,",
        mu, z_t + variance * Derivative(q_t, z_t))
    D.define("rest", "and what remains after the square is the normaliser.",
        rest, q_t + (z_t - mu) ** 2 / (2 * variance))
    D.step("variance", "The curvature gives", variance, sigma_t**2, uses="curvature density")
    D.step("mean", "the top is at", mu, alpha_t * x_t, uses="top variance density")
    D.step("normaliser", "and nothing else is left: the density has total 1.",
        rest, -log(2 * pi * sigma_t**2) / 2, uses="rest density mean variance")


@row("The forward step, from s to the noisier t", "01",
    r"The step $q(z_t|z_s,x)=\mathcal N(\alpha_{t|s}z_s+b,\tau^2)$, with "
    r"$\alpha_{t|s}=\alpha_t/\alpha_s$ and $c=1-\mathrm{SNR}(t)/\mathrm{SNR}(s)$, leads from F1 at "
    r"$s$ to F1 at $t$ for",
    forms="mean variance c leads")
def F2(D: Row) -> None:
    D.define("shift", r"The mean $\alpha_sx_s$ of F1 at $s$ becomes $\alpha_tx_s+b$, and has to be "
        "that of F1 at $t$: there is one such $b$.", alpha_t * x_s + b, alpha_t * x_t)
    D.define("missing", r"The noise that is there is shrunk as well; what is missing to "
        r"$\sigma_t^2$ has to be added: there is one such $\tau^2$.",
        alpha_ts**2 * sigma_s**2 + tau2, sigma_t**2)
    D.define("step", "So let the step be", q_ts, log_density(z_t, alpha_ts * z_s + b, tau2))
    D.step("mean", "It begins from the shrunk $z_s$ and makes up for the move of the encoding,",
        alpha_ts * z_s + b, alpha_ts * z_s + alpha_t * (x_t - x_s), uses="shift")
    D.step("variance", r"and adds the share $c$ of $\sigma_t^2$.", tau2, sigma_t**2 * c,
        uses="missing")
    D.step("c", r"As $\mathrm{SNR}=e^{-\gamma}$, only the difference of the $\gamma$ counts.",
        c, 1 - exp(gamma_s - gamma_t))
    D.step("density", "Written out, the step is", q_ts,
        log_density(z_t, alpha_ts * z_s + alpha_t * (x_t - x_s), sigma_t**2 * c),
        uses="step mean variance")
    # where it leads
    D.given("joint", "chain rule of densities", "Does it lead to F1 at $t$? The joint density of "
        "$z_s$ and $z_t$ is the product,", joint, q_s + q_ts)
    D.given("marginal", "total probability", "and where $z_t$ ends up is its integral over $z_s$.",
        led, log(Integral(exp(joint), (z_s, -oo, oo))))
    D.step("leads", "As a function of $z_s$ the exponent is a square, so this is the integral of a "
        "Gaussian, whatever its centre: what is left is F1 at $t$.",
        led, q_t, uses="marginal joint F1.density@s density F1.density")


@row("The posterior: from t back to s, when the data is known", "01",
    r"$q(z_s|z_t,x)=\mathcal N(\mu_Q,\sigma_Q^2)$ with",
    forms="variance mean density")
def F3(D: Row) -> None:
    D.given("bayes", "Bayes' rule", "Of $z_s$ we know where F1 expects it, and how likely each "
        "$z_s$ is to lead to $z_t$ (F2).", q_st, q_ts + q_s - q_t)
    D.define("curvature", "The logarithm is a sum of quadratics, so a quadratic: its curvature "
        "says what its variance is,", sigma_Q**2, -1 / Derivative(q_st, (z_s, 2)))
    D.define("top", "and its slope is 0 at the mean.",
        mu_Q, z_s + sigma_Q**2 * Derivative(q_st, z_s))
    D.step("precision", "What multiplies $z_s^2$ is minus half the precision, and precisions add: "
        "what F2 says about $z_s$, and what F1 says.",
        1 / sigma_Q**2, alpha_ts**2 / (sigma_t**2 * c) + 1 / sigma_s**2,
        uses="curvature bayes F2.density F1.density@s")
    D.step("variance", r"As $\alpha_{t|s}^2=(1-c)\,\sigma_t^2/\sigma_s^2$ by the definition of "
        "$c$, the two precisions become one fraction.",
        sigma_Q**2, sigma_s**2 * c, uses="precision")
    D.step("mean", "Sort the mean by what one has to know: a part of $z_t$ stays, there is a pull "
        "towards the encoding, and the encoding itself moves back from $x_t$ to $x_s$.",
        mu_Q, KEPT + alpha_s * c * x_t + alpha_s * (x_s - x_t),
        uses="top variance bayes F2.density F1.density@s")
    D.step("density", "With its normaliser it is that Gaussian: F1 at $t$ is what Bayes' rule "
        "divides by.", q_st, log_density(z_s, mu_Q, sigma_Q**2),
        uses="bayes F2.density F1.density@s F1.density mean variance")
