"""The generative process p: what it starts from, how it steps, how it ends.                G1-G4"""

from ._language import *
from .encoders import PATH, encoding_at_s, up_to
from .gaussian import log_density
from .processes import KEPT, at_1, mu_Q

K = Symbol("K", positive=True, integer=True)
l_k, l_j = symbols("l_k l_j", real=True)
sigma_P = Symbol("sigma_P", positive=True)
a, b = symbols("a b", real=True)
ell_k, ell_j, p_k = name(r"\ell_k"), name(r"\ell_j"), name("p(l_k|z_0)")
level_of = Function("l", real=True)  # the levels once more, as a function of their number
NORMALISER = -log(2 * pi * sigma_0**2) / 2
mu_P = name(r"\mu_P")
COUNTERTERM = (lambda_s - lambda_t) * sigma_t**2 * uhat
V_FORM = {  # what z_t, v and xhat are made of
    z_t: alpha_t * x_t + sigma_t * epsilon,
    v: alpha_t * epsilon - sigma_t * x_t,
    xhat: alpha_t * z_t - sigma_t * vhat,
}


def share(log_weight: Expr) -> Expr:
    """exp(log_weight) over the sum of the same for all levels; log_weight has k in it"""
    return exp(log_weight) / Sum(exp(log_weight.subs(k, j)), (j, 0, K - 1))


@row("The start of generation: pure noise", "02",
    r"$p(z_1)=\mathcal N(0,1)$ is what F1 tends to as the noise takes over, whatever the data: ",
    claim={
        "mean": equation(Limit(in_gamma(alpha_1 * x_1), gamma_1, oo), 0),
        "variance": equation(Limit(in_gamma(sigma_1**2), gamma_1, oo), 1),
        "log_density": equation(name(r"\ln p(z_1)"), -(z_1**2) / 2 - log(2 * pi) / 2),
    })
def G1(F1) -> Steps:
    mean, variance = (Limit(in_gamma(at_1(e)), gamma_1, oo) for e in (F1.mean, F1.variance))
    yield Line("mean", "Generation cannot start from data. It must start from something that is "
        "the same for all of them. Follow the mean of F1 at $t=1$, where "
        r"$\alpha_1^2=1/(1+e^{\gamma_1})$ ...", equation(mean, mean.doit()))
    yield Line("variance", "... and its variance: no data is left, and all noise is the same "
        "noise.", equation(variance, variance.doit()))
    yield Define({name(r"\ln p(z_1)"): log_density(z_1, mean.doit(), variance.doit())},
        "log_density", r"So this is where we let generation start. What it costs that $\gamma_1$ "
        "is finite is the prior loss, L0.")


@row("The end of generation: from the last latent to a level", "02",
    r"$p(x|z_0)$ is, in each dimension, a softmax of $\ell_k$ over $K$ levels $l_k$, with",
    claim={
        "level": equation(l_k, (2 * k + 1) / K - 1),
        "logit": equation(ell_k, -exp(-gamma_0) * (z_0 / alpha_0 - l_k) ** 2 / 2),
        "log_odds": equation(ell_k - ell_j,
            exp(-gamma_0) * (l_k - l_j) * (z_0 / alpha_0 - (l_k + l_j) / 2)),
        "softmax": equation(p_k, exp(-exp(-gamma_0) * (z_0 / alpha_0 - level_of(k)) ** 2 / 2)
            / Sum(exp(-exp(-gamma_0) * (z_0 / alpha_0 - level_of(j)) ** 2 / 2), (j, 0, K - 1))),
    })
def G2(F1) -> Steps:
    def density(level: Expr) -> Expr:
        """The logarithm of F1 at t = 0"""
        at_0 = {alpha_t: alpha_0, sigma_t: sigma_0, x_t: level}
        return log_density(z_0, F1.mean.subs(at_0), F1.variance.subs(at_0))

    yield Define({a: 2 / K, b: 1 / K - 1, ell_j: density(l_j) - NORMALISER})
    cells = (Eq(b - a / 2, -1), Eq(a * (K - 1) + b + a / 2, 1))
    yield Line("cells", "$K$ levels, equally spaced, each in the middle of a cell, and the cells "
        "fill $(-1,1)$: put level $k$ at $ak+b$; the first cell begins at $-1$, the last one ends "
        "at $1$.", Tuple(*cells))
    slope = solve(cells, (a, b))
    yield Line("unknowns", "Two equations, two unknowns.",
        Tuple(equation(a, slope[a]), equation(b, slope[b])))
    level = expand((a * k + b).subs(slope))
    yield Line("level", "So level $k$ is", equation(l_k, level), gives=True)
    yield Line("middle", "which is in the middle of the cell from $-1+2k/K$ to $-1+2(k+1)/K$.",
        equation(l_k, ((2 * k / K - 1) + (2 * (k + 1) / K - 1)) / 2))
    exponent = density(l_k) - NORMALISER
    yield Line("bayes", "Now suppose that we see $z_0$ and that all levels were equally likely. "
        "By Bayes' rule each has a probability proportional to its density F1 (the encoding at "
        "$t=0$ is almost the data). The normaliser is common to all, so leave it out.",
        equation(ell_k, exponent))
    zeta = Symbol("zeta")
    logit = factor(exponent.subs(z_0, alpha_0 * zeta)).subs(alpha_0, sigma_0 * exp(-gamma_0 / 2))
    yield Line("logit", r"Take $\alpha_0$ out of the square: $z_0/\alpha_0$ is the data with a "
        r"little noise, and $\alpha_0^2/\sigma_0^2=\mathrm{SNR}=e^{-\gamma_0}$ says how far it "
        "can be trusted.", equation(ell_k, logit.subs(zeta, z_0 / alpha_0)))
    odds = factor(logit - logit.subs(l_k, l_j)).subs(zeta, z_0 / alpha_0)
    yield Line("log_odds", "Between two levels the odds are even half-way, and they change "
        "exponentially to either side of it.", equation(ell_k - ell_j, odds))
    yield Line("share", "Bayes' rule in full, with $l(k)$ for $l_k$: with odds $1/K$ beforehand, "
        "the probability of level $k$ is its share of the density.",
        equation(p_k, share(density(level_of(k)) - log(K))))
    logit = logit.subs({zeta: z_0 / alpha_0, l_k: level_of(k)})
    yield Line("softmax", "The normaliser and $1/K$ cancel. What makes probabilities of the "
        "logits is the softmax.", equation(p_k, share(logit)))


@row("The generative step, from t back to s, when the data is not known", "04",
    r"$p(z_s|z_t)=\mathcal N(\mu_P,\sigma_P^2)$ with",
    claim={
        "mean": equation(mu_P, KEPT + alpha_s * c * xhat + alpha_s * COUNTERTERM),
        "variance": equation(sigma_P**2, sigma_Q**2 / w),
    })
def G3(F3) -> Steps:
    yield Define(PATH | {mu_Q: F3.mean})
    yield Define({v: (alpha_t * z_t - x_t) / sigma_t, vhat: (alpha_t * z_t - xhat) / sigma_t})
    yield Line("posterior", "The step that we would like to take is the posterior F3. It asks for "
        "two things that generation does not know: the encoding $x_t$, and how it moves, "
        "$x_s-x_t$.", equation(mu_Q, F3.mean))
    moved = encoding_at_s(2)
    yield Line("taylor", "How it moves we know to first order, for every smooth encoder: with "
        r"$\Delta=\lambda_s-\lambda_t$ and $\frac{dx_t}{d\lambda}=\sigma_t^2u$, Taylor's theorem "
        "gives", equation(x_s, up_to(moved, 2)))
    first_order = F3.mean.subs(x_s, moved).subs(Delta, lambda_s - lambda_t)
    yield Line("first_order", r"Put it in.", equation(mu_Q, up_to(first_order, 2)))
    yield Define({mu_P: first_order.subs({x_t: xhat, u: uhat})}, "mean", "Two unknowns are left, "
        r"$x_t$ and $u$; the denoiser has to say what they are. The term with $\hat u$ is called "
        "the counterterm.")
    yield Define({sigma_P**2: sigma_Q**2 / w}, "variance", "Nor need generation be as sure as one "
        "who knows the data: leave its variance free, and call the ratio "
        r"$w=\sigma_Q^2/\sigma_P^2$.")


@row("Three names for one prediction", "04",
    r"With $z_t=\alpha_tx_t+\sigma_t\varepsilon$, $v=\alpha_t\varepsilon-\sigma_tx_t$ and "
    r"$\hat x=\alpha_tz_t-\sigma_t\hat v$,",
    claim={
        "x_t": equation(x_t, alpha_t * z_t - sigma_t * v),
        "epsilon": equation(epsilon, sigma_t * z_t + alpha_t * v),
        "v": equation(v, (alpha_t * z_t - x_t) / sigma_t),
        "error": equation(xhat - x_t, sigma_t * (v - vhat)),
    })
def G4() -> Steps:
    yield Define(V_FORM)
    given = (Eq(z_t, alpha_t * x_t + sigma_t * epsilon), Eq(v, alpha_t * epsilon - sigma_t * x_t))
    yield Line("turn", "Signal and noise are two numbers; $z_t$ and $v$ are two others, turned by "
        r"an angle whose cosine is $\alpha_t$ and whose sine is $\sigma_t$.", Tuple(*given))
    solution = solve(given, (x_t, epsilon))
    yield Line("turned_back", "Turn back, that is, solve for the signal and the noise.",
        Tuple(*(equation(unknown, solution[unknown]) for unknown in (x_t, epsilon))))
    yield Line("x_t", r"As $\alpha_t^2+\sigma_t^2=1$, a turn has no stretch: the signal is")
    yield Line("epsilon", r"and the noise is")
    of_v = solve(equation(x_t, alpha_t * z_t - sigma_t * v), v)
    yield Line("v", r"Who knows $z_t$ and the signal knows $v$.", equation(v, *of_v))
    yield Line("error", "Whoever sees $z_t$ and guesses $v$ has thereby guessed the signal. The "
        r"two errors differ by the factor $-\sigma_t$: it vanishes without noise, where $z_t$ "
        "gives the data away.")
