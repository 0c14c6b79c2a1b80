"""The generative process p: what it starts from, how it steps, how it ends.                G1-G4"""

from collections.abc import Iterator

from sympy import (
    Eq,
    Function,
    Limit,
    Sum,
    Symbol,
    Tuple,
    exp,
    expand,
    factor,
    log,
    oo,
    pi,
    solve,
    symbols,
)

from ._identity import Step, identity
from .encoders import encoding_at_s
from .gaussian import log_density
from .notation import (
    Delta,
    alpha_0,
    alpha_1,
    alpha_s,
    alpha_t,
    alpha_ts,
    c,
    epsilon,
    equation,
    gamma_0,
    gamma_1,
    in_gamma,
    j,
    k,
    lambda_s,
    lambda_t,
    name,
    sigma_0,
    sigma_1,
    sigma_Q,
    sigma_s,
    sigma_t,
    u,
    uhat,
    v,
    vhat,
    w,
    x_1,
    x_s,
    x_t,
    xhat,
    z_0,
    z_1,
    z_t,
)
from .processes import F3

K = Symbol("K", positive=True, integer=True)
l_k, l_j = symbols("l_k l_j", real=True)
sigma_P = Symbol("sigma_P", positive=True)


@identity(
    title="The start of generation: pure noise",
    notebook="02",
    setting=r"$p(z_1)=\mathcal N(0,1)$ is what F1 tends to as the noise takes over, whatever the "
    r"data: ",
    claim={
        "mean": equation(name(r"\lim_{\gamma_1\to\infty}\alpha_1x_1"), 0),
        "variance": equation(name(r"\lim_{\gamma_1\to\infty}\sigma_1^2"), 1),
        "log_density": equation(name(r"\ln p(z_1)"), -(z_1**2) / 2 - log(2 * pi) / 2),
    },
)
def G1() -> Iterator[Step]:
    mean = Limit(in_gamma(alpha_1 * x_1), gamma_1, oo)
    yield Step(
        r"Generation cannot start from data. It must start from something that is the same for "
        r"all of them. Follow the mean of F1 at $t=1$, where $\alpha_1^2=1/(1+e^{\gamma_1})$ ...",
        equation(mean, mean.doit()),
        proves="mean",
    )
    variance = Limit(in_gamma(sigma_1**2), gamma_1, oo)
    yield Step(
        r"... and its variance: no data is left, and all noise is the same noise.",
        equation(variance, variance.doit()),
        proves="variance",
    )
    yield Step(
        r"So this is where we let generation start. What it costs that $\gamma_1$ is finite is the "
        r"prior loss, L0.",
        equation(name(r"\ln p(z_1)"), log_density(z_1, mean.doit(), variance.doit())),
        proves="log_density",
    )


@identity(
    title="The end of generation: from the last latent to a level",
    notebook="02",
    setting=r"$p(x|z_0)$ is, in each dimension, a softmax of $\ell_k$ over $K$ levels $l_k$, with",
    claim={
        "level": equation(l_k, (2 * k + 1) / K - 1),
        "logit": equation(name(r"\ell_k"), -exp(-gamma_0) * (z_0 / alpha_0 - l_k) ** 2 / 2),
        "log_odds": equation(
            name(r"\ell_k-\ell_j"), exp(-gamma_0) * (l_k - l_j) * (z_0 / alpha_0 - (l_k + l_j) / 2)
        ),
    },
)
def G2() -> Iterator[Step]:
    a, b = symbols("a b")
    cells = (Eq(b - a / 2, -1), Eq(a * (K - 1) + b + a / 2, 1))
    yield Step(
        r"$K$ levels, equally spaced, each in the middle of a cell, and the cells fill $(-1,1)$: "
        r"put level $k$ at $ak+b$; the first cell begins at $-1$, the last one ends at $1$.",
        Tuple(*cells),
    )
    slope = solve(cells, (a, b))
    yield Step(
        r"Two equations, two unknowns.",
        equation(l_k, expand((a * k + b).subs(slope))),
        proves="level",
    )
    exponent = -((z_0 - alpha_0 * l_k) ** 2) / (2 * sigma_0**2)
    yield Step(
        r"Now suppose that we see $z_0$ and that all levels were equally likely. By Bayes' rule "
        r"each has a probability proportional to its density F1 (the encoding at $t=0$ is almost "
        r"the data). The normaliser is common to all, so it drops out.",
        equation(name(r"\ell_k"), exponent),
    )
    zeta = Symbol("zeta")
    logit = factor(exponent.subs(z_0, alpha_0 * zeta)).subs(alpha_0, sigma_0 * exp(-gamma_0 / 2))
    yield Step(
        r"Take $\alpha_0$ out of the square: $z_0/\alpha_0$ is the data with a little noise, and "
        r"$\alpha_0^2/\sigma_0^2=\mathrm{SNR}=e^{-\gamma_0}$ says how far it can be trusted.",
        equation(name(r"\ell_k"), logit.subs(zeta, z_0 / alpha_0)),
        proves="logit",
    )
    odds = factor(logit - logit.subs(l_k, l_j)).subs(zeta, z_0 / alpha_0)
    yield Step(
        r"Between two levels the odds are even half-way, and they change exponentially to either "
        r"side of it.",
        equation(name(r"\ell_k-\ell_j"), odds),
        proves="log_odds",
    )
    ell = Function(r"\ell")
    yield Step(
        r"The softmax makes probabilities of the logits.",
        equation(name(r"p(l_k|z_0)"), exp(ell(k)) / Sum(exp(ell(j)), (j, 0, K - 1))),
    )


@identity(
    title="The generative step, from t back to s, when the data is not known",
    notebook="04",
    setting=r"$p(z_s|z_t)=\mathcal N(\mu_P,\sigma_P^2)$ with",
    claim={
        "mean": equation(
            name(r"\mu_P"),
            alpha_ts * sigma_s**2 / sigma_t**2 * z_t
            + alpha_s * c * xhat
            + alpha_s * (lambda_s - lambda_t) * sigma_t**2 * uhat,
        ),
        "variance": equation(sigma_P**2, sigma_Q**2 / w),
    },
)
def G3() -> Iterator[Step]:
    posterior = F3.form("mean")
    yield Step(
        r"The step that we would like to take is the posterior F3. It asks for two things that "
        r"generation does not know: the encoding $x_t$, and how it moves, $x_s-x_t$.",
        equation(name(r"\mu_Q"), posterior),
    )
    moved = encoding_at_s(2)
    yield Step(
        r"How it moves we know to first order, for every smooth encoder: with "
        r"$\Delta=\lambda_s-\lambda_t$ and $\frac{dx_t}{d\lambda}=\sigma_t^2u$, Taylor's theorem "
        r"gives, up to terms in $\Delta^2$,",
        equation(x_s, moved),
    )
    first_order = posterior.subs(x_s, moved).subs(Delta, lambda_s - lambda_t)
    yield Step(
        r"Put it in.",
        equation(name(r"\mu_Q"), first_order),
    )
    yield Step(
        r"Two unknowns are left, $x_t$ and $u$; the denoiser has to say what they are. The term "
        r"with $\hat u$ is called the counterterm.",
        equation(name(r"\mu_P"), first_order.subs({x_t: xhat, u: uhat})),
        proves="mean",
    )
    (variance,) = solve(Eq(w, sigma_Q**2 / Symbol("V")), Symbol("V"))
    yield Step(
        r"Nor need generation be as sure as one who knows the data: leave its variance free, and "
        r"call the ratio $w=\sigma_Q^2/\sigma_P^2$.",
        equation(sigma_P**2, variance),
        proves="variance",
    )


@identity(
    title="Three names for one prediction",
    notebook="04",
    setting=r"With $z_t=\alpha_tx_t+\sigma_t\varepsilon$, $v=\alpha_t\varepsilon-\sigma_tx_t$ and "
    r"$\hat x=\alpha_tz_t-\sigma_t\hat v$,",
    claim={
        "x_t": equation(x_t, alpha_t * z_t - sigma_t * v),
        "epsilon": equation(epsilon, sigma_t * z_t + alpha_t * v),
        "v": equation(v, (alpha_t * z_t - x_t) / sigma_t),
        "error": equation(xhat - x_t, sigma_t * (v - vhat)),
    },
)
def G4() -> Iterator[Step]:
    given = (
        Eq(z_t, alpha_t * x_t + sigma_t * epsilon),
        Eq(v, alpha_t * epsilon - sigma_t * x_t),
    )
    yield Step(
        r"Signal and noise are two numbers; $z_t$ and $v$ are two others, turned by an angle whose "
        r"cosine is $\alpha_t$ and whose sine is $\sigma_t$.",
        Tuple(*given),
    )
    solution = solve(given, (x_t, epsilon))
    yield Step(
        r"Turn back, that is, solve for the signal and the noise.",
        Tuple(*(equation(unknown, solution[unknown]) for unknown in (x_t, epsilon))),
    )
    unit = {alpha_t**2 + sigma_t**2: 1}
    signal, noise = (solution[unknown].subs(unit) for unknown in (x_t, epsilon))
    yield Step(
        r"As $\alpha_t^2+\sigma_t^2=1$, a turn has no stretch: the signal is",
        equation(x_t, signal),
        proves="x_t",
    )
    yield Step(r"and the noise is", equation(epsilon, noise), proves="epsilon")
    (turned,) = solve(Eq(x_t, signal), v)
    yield Step(
        r"Who knows $z_t$ and the signal knows $v$.",
        equation(v, turned),
        proves="v",
    )
    yield Step(
        r"Whoever sees $z_t$ and guesses $v$ has thereby guessed the signal. The two errors differ "
        r"by the factor $-\sigma_t$: it vanishes without noise, where $z_t$ gives the data away.",
        equation(xhat - x_t, factor(signal.subs(v, vhat) - signal)),
        proves="error",
    )
