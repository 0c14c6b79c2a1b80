"""Infinite depth: what is left of the cost when the steps get short.                          L4"""

from ._language import *
from .encoders import PATH, encoding_at_s, up_to

t, h, b = symbols("t h b", positive=True)  # h = 1/T
gamma, F = Function("gamma", real=True), Function("F", real=True)
inner = F(gamma(t)) / 2
depth_integral = Integral(inner.diff(t), (t, 0, 1))
gap_name = name(r"\frac{\mu_P-\mu_Q}{\alpha_s}")
cost_name, R = name(r"\text{cost}"), name("R")
limit_name = name(r"\lim T\cdot\text{cost}")
of_E1, of_E2 = name(r"\text{E1: }\lim T\cdot\text{cost}"), name(r"\text{E2: }r")
R_E1, R_E2, of_E3 = name(r"\text{E1: }R"), name(r"\text{E2: }R"), name(r"\text{E3: }r")


@row("Infinite depth: one residual for every encoder", "03",
    r"Take $w=1$, any encoder with three derivatives in $\lambda$, and a step of size "
    r"$\Delta=\lambda_s-\lambda_t=\gamma_t-\gamma_s$. It costs, up to terms in $\Delta^3$, "
    r"$\frac12\alpha_t^2r^2\Delta+R\Delta^2$, and $T\to\infty$ equal steps in $t$ leave the "
    r"integrand (with $\ddot x_t=d^2x_t/d\lambda^2$)",
    claim={
        "residual": equation(r, (v - vhat) - sigma_t * (u - uhat)),
        "neglected": equation(R, alpha_t**2 * r / 2 * (3 * r / 2 - (v - vhat) - xddot_t / sigma_t)),
        "integrand": equation(limit_name, gammaprime_t * alpha_t**2 * r**2 / 2),
        "integrand_E1": equation(of_E1, gammaprime_t * (epsilon - epsilonhat) ** 2 / 2),
        "neglected_E1": equation(R_E1, alpha_t**2 * (v - vhat) ** 2 / 4),
        "residual_E2": equation(of_E2, (1 + sigma_t**2) * (v - vhat)),
        "neglected_E2": equation(R_E2, alpha_t**2 * (1 + sigma_t**2) * (v - vhat) / 4
            * ((1 + 3 * sigma_t**2) * (v - vhat) - 2 * sigma_t * (sigma_t**2 - alpha_t**2) * x_t)),
        "residual_E3": equation(of_E3, (1 + sigma_t**2) * (v - vhat) + sigma_t * (y - ydot)),
        "ends": equation(depth_integral, (F(gamma(1)) - F(gamma(0))) / 2),
    })
def L4(E1, E2, E3, F3, G4, L2) -> Steps:
    yield Define(PATH | {v: G4.v, vhat: G4.v.subs(x_t, xhat)})
    yield Define({epsilon: G4.epsilon, epsilonhat: G4.epsilon.subs(v, vhat)})
    yield Define({gammaprime_t: Derivative(gamma(t), t)})
    ahead = encoding_at_s(3)
    yield Line("taylor", "In a short step an encoder moves almost along a line. With three "
        r"derivatives in $\lambda$, and $\frac{dx_t}{d\lambda}=\sigma_t^2u$, Taylor's theorem says "
        "how it moves:", equation(x_s, up_to(ahead, 3)))
    in_x, exact = (
        gap.subs(lambda_s, lambda_t + Delta).subs(c, 1 - exp(-Delta))
        for gap in (L2.gap / alpha_s, L2.gap_in_v * sigma_Q / alpha_s)
    )
    yield Line("gap", r"Take the difference of the means (L2), with $c=1-e^{-\Delta}$,",
        equation(gap_name, exact), means=in_x)
    bracket = exact.subs(x_s, ahead)
    bracket = collect(expand(series(bracket, Delta, 0, 3).removeO()), Delta)
    yield Line("powers", r"put Taylor's line into it, and sort by powers of $\Delta$. Nothing is "
        "left of order 0: two processes that agree in the limit.",
        equation(gap_name, up_to(bracket, 3)))
    first = expand(bracket.coeff(Delta, 1) / sigma_t)
    yield Line("residual", r"All of the first order is one number, times $\sigma_t$. We call it "
        "the residual: the error in $v$, corrected for what the counterterm gets wrong.",
        equation(r, collect(first, sigma_t)), gives=True)
    bracket = collect(expand(bracket.subs(uhat, u - (v - vhat - r) / sigma_t)), Delta)
    yield Line("powers_in_r", "With it,", equation(gap_name, up_to(bracket, 3)))
    before = (alpha_s / sigma_Q) ** 2
    before = before.subs(sigma_Q, sqrt(F3.variance)).subs(c, 1 - exp(-Delta))
    before = before.subs(alpha_s, sigma_s * exp(Delta / 2) * alpha_t / sigma_t)
    yield Line("before", r"A step costs $\frac{\alpha_s^2}{2\sigma_Q^2}$ times the square of "
        r"that. What stands before the square is $\mathrm{SNR}(s)/c$, large for a short step; "
        r"with $\mathrm{SNR}(s)=e^\Delta\,\mathrm{SNR}(t)$ it is",
        equation(alpha_s**2 / sigma_Q**2, before))
    in_order = series(before * bracket**2 / 2, Delta, 0, 3).removeO()
    in_order = collect(expand(in_order), Delta, factor)
    leading, second = (in_order.coeff(Delta, power) for power in (1, 2))
    second = leading / r * expand(second * r / leading)
    yield Line("cost", r"Multiply the two series. One factor $\Delta$ of the square is used up, "
        "one remains: the cost of a step is proportional to its size, so the sum of all of them "
        "has a limit.", equation(cost_name, up_to(in_order, 3)), means=before * gap_name**2 / 2)
    yield Line("neglected", "The first term that the limit neglects. Here, and only here, the "
        r"curvature $\ddot x_t$ of the encoder's path comes in: the counterterm follows a "
        "straight line.", equation(R, second))
    yield Line("two_terms", "In short,",
        equation(cost_name, up_to(leading * Delta + R * Delta**2, 3)))
    size = (gamma(t) - gamma(t - h)).series(h, 0, 3).removeO().doit()
    yield Line("sizes", "Now $T$ steps, each of length $h=1/T$ in $t$. Their sizes are",
        equation(gamma(t) - gamma(t - h), size + Order(h**3)))
    rate = Limit(expand((leading * Delta + R * Delta**2).subs(Delta, size) / h), h, 0)
    limit, rate = rate, rate.doit().subs(gamma(t).diff(t), gammaprime_t)
    yield Line("integrand", "so that, without what is of third order in $h$, $T$ times the cost "
        "of the step at $t$ tends to the integrand. What is neglected falls like $1/T$.",
        means=limit)
    yield Words("riemann", r"This limit is pointwise: for one $t$, one $x$ and one $\varepsilon$. "
        r"For the mean over the $T$ steps to become the mean over $t\sim U(0,1)$ (a Riemann sum), "
        "the integrand has to be continuous in $t$, and the neglected terms have to be bounded "
        r"uniformly in $t$: so it is for a smooth $\gamma$ on $[0,1]$ and an encoder with a "
        r"bounded third derivative in $\lambda$.", for_=("integrand", "integrand_E1"))
    yield Words("dominated", r"To exchange the limit with the average over $x$ and $\varepsilon$, "
        "the costs need a common bound whose average is finite (dominated convergence): so it is "
        r"for bounded data and encodings and a $\hat v$ that grows at most like a power of "
        "$|z_t|$.", for_=("integrand", "integrand_E1"))
    yield Words("dimensions", "In $d$ dimensions the costs add (L2), each with its own residual: "
        r"$r^2$ becomes $\|r\|^2$.", for_=("integrand", "integrand_E1"))
    # the three encoders
    noise_error = G4.epsilon - G4.epsilon.subs(v, vhat)
    yield Line("noise_error", r"E1 has $u=\hat u=0$, so $r=v-\hat v$; and by G4 an error in $v$ "
        r"is an error in the noise, times $\alpha_t$:",
        equation(epsilon - epsilonhat, factor(noise_error)))
    yield Line("integrand_E1", "which makes the integrand of a VDM the error in the noise, "
        r"unweighted but for $\gamma'$.", means=rate.subs(r, first.subs({u: E1.u, uhat: 0})))
    yield Line("neglected_E1", r"It stands still, $\ddot x_t=0$: what finite depth adds is a "
        "positive share of the error.",
        means=second.subs(xddot_t, 0).subs(r, first.subs({u: E1.u, uhat: 0})))
    signal, guess = G4.x_t, G4.x_t.subs(v, vhat)
    bend = E2.acceleration.subs(x, x_t / alpha_t**2)
    doubled = first.subs({u: E2.u.subs(x, signal / alpha_t**2), uhat: guess})
    yield Line("residual_E2", r"E2 has $u=x_t$ and $\hat u=\hat x$. The same error counts twice, "
        r"once for where the encoding is and once, times $\sigma_t^2$, for where it goes.",
        means=doubled)
    yield Line("neglected_E2", "It moves, so what finite depth adds depends on the data as well.",
        equation(R_E2, factor(second.subs({r: factor(doubled), xddot_t: bend}))),
        means=second.subs({r: of_E2, xddot_t: bend}))
    data = (signal - sigma_t**2 * y) / alpha_t**2  # x, of x_t of E3
    yield Line("residual_E3", r"E3 has $u=x_t-y+\dot y$. The counterterm knows nothing of $y$, so "
        r"$y-\dot y$ stays in the residual: to be paid for, unless the denoiser can tell it from "
        "$z_t$.", means=first.subs({u: E3.u.subs(x, data), uhat: guess}))
    # the schedule
    yield Line("chain_rule", "Last, the schedule. For E1 the mean squared error depends on $t$ "
        r"through $\gamma$ alone; write it as $F'(\gamma)$. By the chain rule the integrand is a "
        "derivative in $t$,", equation(inner.diff(t), Derivative(inner, t)))
    yield Line("up_to_b", "so up to any depth $b$ the integral is what that has gained: both are "
        "0 at $b=0$, and they have the same slope in $b$.",
        equation(Integral(inner.diff(t), (t, 0, b)), inner.subs(t, b) - inner.subs(t, 0)))
    yield Line("ends", r"At $b=1$ it depends on $\gamma(0)$ and $\gamma(1)$ only, not on the path "
        "between.", case={b: 1})
