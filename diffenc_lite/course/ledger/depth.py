"""From finite to infinite depth: what T steps cost, and what is left when they get short.  L3-L4"""

from collections.abc import Iterator

from sympy import (
    Derivative,
    Eq,
    Function,
    Integral,
    Sum,
    Symbol,
    collect,
    exp,
    expand,
    factor,
    limit,
    series,
    solve,
    sqrt,
    symbols,
)

from ._identity import Step, identity
from .bound import L2, delta
from .encoders import E2, encoding_at_s
from .generation import G4
from .notation import (
    Delta,
    T,
    alpha_s,
    alpha_t,
    c,
    epsilon,
    epsilonhat,
    equation,
    gamma_s,
    gamma_t,
    gammaprime_t,
    lambda_s,
    lambda_t,
    name,
    r,
    sigma_Q,
    sigma_s,
    sigma_t,
    u,
    uhat,
    v,
    vhat,
    w,
    x,
    x_s,
    x_t,
    xddot_t,
    xhat,
    y,
    ydot,
)
from .processes import F3

i, m = Symbol("i", integer=True), Symbol("m", nonnegative=True)
SNR = Function("S")
e = Symbol("e", real=True)  # v - vhat
t, h = symbols("t h", positive=True)  # h = 1/T
gamma, F = Function("gamma"), Function("F")
depth_integral = Integral((F(gamma(t)) / 2).diff(t), (t, 0, 1))


@identity(
    title="Finite depth: T steps of a VDM",
    notebook="03",
    setting=r"For E1 and $w=1$, one step, in terms of the data and of the noise, and $T$ steps "
    r"with the same squared error $m$ and $S(i)=\mathrm{SNR}(i/T)$, cost",
    claim={
        "step": equation(
            name(r"\mathrm{KL}"),
            ((alpha_s / sigma_s) ** 2 - (alpha_t / sigma_t) ** 2) * (x - xhat) ** 2 / 2,
        ),
        "weight": equation(name(r"\mathrm{SNR}(s)-\mathrm{SNR}(t)"), c * (alpha_s / sigma_s) ** 2),
        "step_in_epsilon": equation(
            name(r"\mathrm{KL}"), (exp(gamma_t - gamma_s) - 1) * (epsilon - epsilonhat) ** 2 / 2
        ),
        "ends": equation(Sum((SNR(i - 1) - SNR(i)) * m / 2, (i, 1, T)), (SNR(0) - SNR(T)) * m / 2),
    },
    nonnegative=("weight",),
)
def L3() -> Iterator[Step]:
    gap = L2.form("gap").subs({x_s: x, x_t: x, uhat: 0})
    cost = L2.form("one_dimension").subs({w: 1, delta: gap}).subs(sigma_Q, sigma_s * sqrt(c))
    yield Step(
        r"Take L2 with $w=1$, an encoding that stays where it is, no counterterm, and "
        r"$\sigma_Q^2=\sigma_s^2c$. One factor $c$ cancels.",
        equation(name(r"\mathrm{KL}"), cost),
    )
    snr_s, snr_t = (alpha_s / sigma_s) ** 2, (alpha_t / sigma_t) ** 2
    difference = expand(snr_s * (1 - snr_t / snr_s))
    yield Step(
        r"What multiplies the squared error is $\mathrm{SNR}(s)\,c/2$, and by the definition of "
        r"$c$ that is what is gained in signal-to-noise ratio. It is positive: less noise, more "
        r"signal.",
        equation(difference, snr_s * c),
        proves="weight",
    )
    step = cost.subs(c, difference / snr_s)
    yield Step(
        r"So a step is charged for its error in proportion to the gain.",
        equation(name(r"\mathrm{KL}"), step),
        proves="step",
    )
    same_z = Eq(alpha_t * x + sigma_t * epsilon, alpha_t * xhat + sigma_t * epsilonhat)
    in_noise = expand(step.subs(xhat, solve(same_z, xhat)[0]))
    in_noise = in_noise.subs(alpha_s, sigma_s * exp(-gamma_s / 2))
    in_noise = in_noise.subs(alpha_t, sigma_t * exp(-gamma_t / 2))
    yield Step(
        r"The same in terms of noise: both guesses explain the same $z_t$, so $\alpha_t(\hat x-x)="
        r"\sigma_t(\varepsilon-\hat\varepsilon)$, and $\mathrm{SNR}(s)/\mathrm{SNR}(t)="
        r"e^{\gamma_t-\gamma_s}$.",
        equation(name(r"\mathrm{KL}"), factor(in_noise)),
        proves="step_in_epsilon",
    )
    total = Sum((SNR(i - 1) - SNR(i)) * m / 2, (i, 1, T))
    yield Step(
        r"Were the error the same in all steps, the gains would telescope and only the two ends "
        r"would count. It is not: the more signal, the smaller the error. That is what finer "
        r"steps profit from.",
        equation(total, m / 2 * Sum(SNR(i - 1) - SNR(i), (i, 1, T)).doit()),
        proves="ends",
    )


@identity(
    title="Infinite depth: one residual for every encoder",
    notebook="03",
    setting=r"Take $w=1$, any smooth encoder, and a step of size "
    r"$\Delta=\lambda_s-\lambda_t=\gamma_t-\gamma_s$. It costs, up to terms in $\Delta^3$, "
    r"$\frac12\alpha_t^2r^2\Delta+R\Delta^2$, and $T\to\infty$ equal steps in $t$ leave the "
    r"integrand (with $\ddot x_t=d^2x_t/d\lambda^2$)",
    claim={
        "residual": equation(r, (v - vhat) - sigma_t * (u - uhat)),
        "neglected": equation(
            name("R"), alpha_t**2 * r / 2 * (3 * r / 2 - (v - vhat) - xddot_t / sigma_t)
        ),
        "integrand": equation(
            name(r"\lim T\cdot\text{cost}"), gammaprime_t * alpha_t**2 * r**2 / 2
        ),
        "integrand_E1": equation(
            name(r"\text{E1: }\lim T\cdot\text{cost}"),
            gammaprime_t * (epsilon - epsilonhat) ** 2 / 2,
        ),
        "neglected_E1": equation(name(r"\text{E1: }R"), alpha_t**2 * (v - vhat) ** 2 / 4),
        "residual_E2": equation(name(r"\text{E2: }r"), (1 + sigma_t**2) * (v - vhat)),
        "neglected_E2": equation(
            name(r"\text{E2: }R"),
            alpha_t**2
            * (1 + sigma_t**2)
            * (v - vhat)
            / 4
            * ((1 + 3 * sigma_t**2) * (v - vhat) - 2 * sigma_t * (sigma_t**2 - alpha_t**2) * x_t),
        ),
        "residual_E3": equation(
            name(r"\text{E3: }r"), (1 + sigma_t**2) * (v - vhat) + sigma_t * (y - ydot)
        ),
        "ends": equation(depth_integral, (F(gamma(1)) - F(gamma(0))) / 2),
    },
)
def L4() -> Iterator[Step]:
    ahead = encoding_at_s(3)
    yield Step(
        r"In a short step any smooth encoder moves almost along a straight line. Taylor's theorem "
        r"in $\lambda$, with $\frac{dx_t}{d\lambda}=\sigma_t^2u$, says how it moves:",
        equation(x_s, ahead),
    )
    bracket = (L2.form("gap_in_v") * sigma_Q / alpha_s).subs(x_s, ahead)
    bracket = bracket.subs({lambda_s: lambda_t + Delta, c: 1 - exp(-Delta)})
    yield Step(
        r"Put this into the difference of the means (L2), with $c=1-e^{-\Delta}$.",
        equation(name(r"\frac{\mu_P-\mu_Q}{\alpha_s}"), bracket),
    )
    bracket = collect(expand(series(bracket, Delta, 0, 3).removeO()), Delta)
    yield Step(
        r"Sort by powers of $\Delta$. Nothing is left of order 0: two processes that agree in the "
        r"limit.",
        equation(name(r"\frac{\mu_P-\mu_Q}{\alpha_s}"), bracket),
    )
    first = expand(bracket.coeff(Delta, 1) / sigma_t)
    yield Step(
        r"All of the first order is one number, times $\sigma_t$. We call it the residual: the "
        r"error in $v$, corrected for what the counterterm gets wrong.",
        equation(r, collect(first, sigma_t)),
        proves="residual",
    )
    bracket = collect(expand(bracket.subs(uhat, u - (v - vhat - r) / sigma_t)), Delta)
    before = (alpha_s / sigma_Q) ** 2
    before = before.subs(sigma_Q, sqrt(F3.form("variance"))).subs(c, 1 - exp(-Delta))
    before = before.subs(alpha_s, sigma_s * exp(Delta / 2) * alpha_t / sigma_t)
    yield Step(
        r"A step costs $\frac{\alpha_s^2}{2\sigma_Q^2}$ times the square of that. What stands "
        r"before the square is $\mathrm{SNR}(s)/c$, large for a short step; with "
        r"$\mathrm{SNR}(s)=e^\Delta\,\mathrm{SNR}(t)$ it is",
        equation(name(r"\frac{\alpha_s^2}{\sigma_Q^2}"), before),
    )
    cost = series(before * bracket**2 / 2, Delta, 0, 3)
    in_order = collect(expand(cost.removeO()), Delta, factor)
    leading, second = (in_order.coeff(Delta, power) for power in (1, 2))
    second = leading / r * expand(second * r / leading)
    yield Step(
        r"Multiply the two series. One factor $\Delta$ of the square is used up, one remains: the "
        r"cost of a step is proportional to its size, so the sum of all of them has a limit.",
        equation(name(r"\text{cost}"), in_order + cost.getO()),
    )
    yield Step(
        r"The first term that the limit neglects. Here, and only here, the curvature $\ddot x_t$ "
        r"of the encoder's path comes in: the counterterm follows a straight line.",
        equation(name("R"), second),
        proves="neglected",
    )
    size = (gamma(t) - gamma(t - h)).series(h, 0, 3).removeO().doit()
    yield Step(
        r"Now $T$ steps, each of length $h=1/T$ in $t$. Their sizes are",
        equation(Delta, size),
    )
    rate = limit(expand((leading * Delta + second * Delta**2).subs(Delta, size) / h), h, 0)
    rate = rate.subs(gamma(t).diff(t), gammaprime_t)
    yield Step(
        r"so $T$ times the cost of the step at $t$ tends to the integrand below, and the mean over "
        r"the $T$ steps to the mean over $t\sim U(0,1)$. What is neglected falls like $1/T$.",
        equation(name(r"\lim_{h\to0}\frac{\text{cost}}{h}"), rate),
        proves="integrand",
    )
    # the three encoders
    noise_error = G4.form("epsilon") - G4.form("epsilon").subs(v, vhat)
    yield Step(
        r"E1 has $u=\hat u=0$, so $r=v-\hat v$; and by G4 an error in $v$ is an error in the "
        r"noise, times $\alpha_t$:",
        equation(epsilon - epsilonhat, factor(noise_error)),
    )
    in_noise = rate.subs(r, first.subs({u: 0, uhat: 0})).subs(
        v, vhat + (epsilon - epsilonhat) / alpha_t
    )
    yield Step(
        r"which makes the integrand of a VDM the error in the noise, unweighted but for "
        r"$\gamma'$.",
        equation(name(r"\lim T\cdot\text{cost}"), factor(in_noise)),
        proves="integrand_E1",
    )
    yield Step(
        r"It stands still, $\ddot x_t=0$: what finite depth adds is a positive share of the error.",
        equation(name("R"), factor(second.subs(xddot_t, 0).subs(r, v - vhat))),
        proves="neglected_E1",
    )
    signal, guess = G4.form("x_t"), G4.form("x_t").subs(v, vhat)
    bend = E2.form("acceleration").subs(x, x_t / alpha_t**2)
    doubled = first.subs({u: signal, uhat: guess})
    yield Step(
        r"E2 has $u=x_t$ and $\hat u=\hat x$. The same error counts twice, once for where the "
        r"encoding is and once, times $\sigma_t^2$, for where it goes.",
        equation(r, factor(doubled)),
        proves="residual_E2",
    )
    yield Step(
        r"It moves, so what finite depth adds depends on the data as well.",
        equation(name("R"), second.subs({r: factor(doubled), xddot_t: bend})),
        proves="neglected_E2",
    )
    learned = first.subs({u: x_t - y + ydot, uhat: guess}).subs(x_t, signal)
    yield Step(
        r"E3 has $u=x_t-y+\dot y$. The counterterm knows nothing of $y$, so $y-\dot y$ stays in "
        r"the residual: to be paid for, unless the denoiser can tell it from $z_t$.",
        equation(r, collect(expand(learned.subs(v, vhat + e)), (e, sigma_t)).subs(e, v - vhat)),
        proves="residual_E3",
    )
    # the schedule
    inner = F(gamma(t)) / 2
    yield Step(
        r"Last, the schedule. For E1 the mean squared error depends on $t$ through $\gamma$ alone; "
        r"write it as $F'(\gamma)$. By the chain rule the integrand is a derivative in $t$,",
        equation(inner.diff(t), Derivative(inner, t)),
    )
    yield Step(
        r"so the integral depends on $\gamma(0)$ and $\gamma(1)$ only, not on the path between.",
        equation(depth_integral, inner.subs(t, 1) - inner.subs(t, 0)),
        proves="ends",
    )
