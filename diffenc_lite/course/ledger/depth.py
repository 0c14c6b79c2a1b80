"""What T steps cost, and what is left of it when the steps get short.                     L3, L4"""

from ._language import *
from .bound import KL_1, mu_P, mu_Q
from .generation import up_to

snr_s, snr_t = (alpha_s / sigma_s) ** 2, (alpha_t / sigma_t) ** 2
(t, h), gamma = symbols("t h", positive=True), Function("gamma", real=True)  # h = 1/T
R, integrand, diffusion = names("R", r"\text{integrand}", r"\text{diffusion}")
SIZE = gamma(t) - gamma(t - h)
KL_one = name(r"\mathrm{KL}_{w=1}", real=True)
LOSS = Integral(E(integrand), (t, 0, 1))
EXCHANGE = "the limit of the sum over steps and of the average"


@row("Finite depth: T steps of a VDM", "02",
    "For E1 and $w=1$, what one step costs, in terms of the data and of the noise:",
    forms="step weight step_in_epsilon gain")
def L3(D: Row) -> None:
    D.define("one", "Let generation be as sure as the posterior.", KL_one, Subs(KL_1, w, 1))
    D.step("weight", r"What multiplies the squared error in L2 is $\mathrm{SNR}(s)\,c/2$, and by "
        "the definition of $c$ that is what is gained in signal-to-noise ratio.",
        snr_s - snr_t, c * snr_s)
    D.at_least("gain", r"As there is more noise at $t$ than at $s$, something is gained: $c$ is "
        "positive.", snr_s - snr_t, witness=c * snr_s)
    D.step("step", "L2 for an encoding at rest: the error is charged in proportion to the gain.",
        KL_one, (snr_s - snr_t) * (x - xhat) ** 2 / 2,
        uses="one L2.one_dimension L2.delta L2.gap F3.variance E1.x_t E1.x_s E1.counterterm")
    D.step("step_in_epsilon", "The same in terms of noise: both guesses explain the same $z_t$, so "
        r"$\alpha_t(\hat x-x)=\sigma_t(\varepsilon-\hat\varepsilon)$, and "
        r"$\mathrm{SNR}(s)/\mathrm{SNR}(t)=e^{\gamma_t-\gamma_s}$.",
        KL_one, (exp(gamma_t - gamma_s) - 1) * (epsilon - epsilonhat) ** 2 / 2,
        uses="step G4.guess G4.noise_guess F1.latent E1.x_t")


@row("Infinite depth: one residual for every encoder", "03",
    r"Take $w=1$, any encoder with three derivatives in $\lambda$, and a step of size "
    r"$\Delta=\lambda_s-\lambda_t=\gamma_t-\gamma_s$. It costs, up to terms in $\Delta^3$, "
    r"$\frac12\alpha_t^2r^2\Delta+R\Delta^2$ with $\ddot x_t=d^2x_t/d\lambda^2$. In $T\to\infty$ "
    "equal steps in $t$, $T$ times that tends to the integrand, the sum to its integral.",
    forms="residual neglected cost integrand loss integrand_E1 residual_E2 residual_E3")
def L4(D: Row) -> None:
    D.define("first", "The means differ by nothing in a step of no length. To first order in its "
        r"length they differ by $\alpha_s\sigma_t$ times a number, the residual,",
        r, Subs(Derivative((mu_P - mu_Q) / alpha_s, Delta), Delta, 0) / sigma_t)
    D.step("residual", "the error in $v$ (G4), corrected for what the counterterm gets wrong.",
        r, (v - vhat) - sigma_t * (u - uhat), uses="first L2.gap E1.ahead E1.speed G4.error")
    D.define("neglected", "With this number for the second order, in which the curvature "
        r"$\ddot x_t$ of the encoder's path comes in (the counterterm follows a straight line),",
        R, alpha_t**2 * r / 2 * (3 * r / 2 - (v - vhat) - xddot_t / sigma_t))
    D.step("at_1", r"a step costs (L2) $\frac1{2\sigma_Q^2}$ times the square of that difference.",
        KL_one, exp(Delta) * (alpha_t / sigma_t) ** 2 / (1 - exp(-Delta))
            * (c * (xhat - x_t) + Delta * sigma_t**2 * uhat - (x_s - x_t)) ** 2 / 2,
        uses="L3.one L2.one_dimension L2.delta L2.gap F3.variance")
    D.step("cost", r"Of the square one factor $\Delta$ is used up, one remains: the cost of a step "
        "is proportional to its size, so the sum of all has a limit.",
        KL_one, up_to(alpha_t**2 * r**2 / 2 * Delta + R * Delta**2, 3),
        uses="at_1 neglected residual E1.encoding E1.ahead E1.speed E1.bend G4.error")
    D.given("equal", "limits multiply", r"Of $T$ steps each has the length $h=1/T$ in $t$, and the "
        r"size $\Delta=\gamma(t)-\gamma(t-h)$: $T$ times the cost is the cost over $\Delta$, times "
        r"$\Delta/h$. Its limit, at one $t$, one $x$ and one draw of noise, is the integrand.",
        integrand, Limit(KL_one / Delta, Delta, 0) * Subs(Derivative(SIZE, h), h, 0))
    D.define("rate", "With the slope of the schedule", gammaprime_t, Derivative(gamma(t), t))
    D.step("integrand", "this is left of it. What is neglected falls like $1/T$.",
        integrand, gammaprime_t * alpha_t**2 * r**2 / 2, uses="equal rate cost neglected residual")
    D.argue("loss", EXCHANGE, r"The loss is its average over $x$, $\varepsilon$ and $t\sim U(0,1)$:"
        " the sum over the steps becomes one over $t$ (Riemann) if the integrand is continuous in "
        r"$t$ and the rest is bounded uniformly in $t$, as for a smooth $\gamma$ on $[0,1]$ "
        r"and a bounded third derivative of the encoding in $\lambda$; over $x$, $\varepsilon$ the "
        "costs need a bound with a finite average (dominated convergence), as for bounded data and "
        r"a $\hat v$ that grows at most like a power of $|z_t|$. For $d$ dimensions: $\|r\|^2$.",
        equation(diffusion, LOSS), uses="integrand")
    # the three encoders
    D.step("integrand_E1", r"E1 has $u=\hat u=0$, and by G4 an error in $v$ is one in the "
        r"noise, times $\alpha_t$: in a VDM that in the noise counts, weighted by $\gamma'$ only.",
        integrand, gammaprime_t * (epsilon - epsilonhat) ** 2 / 2,
        uses="integrand residual E1.u E1.counterterm G4.noise_error")
    D.step("residual_E2", r"E2 has $u=x_t$ and $\hat u=\hat x$. The same error counts twice, once "
        r"for where the encoding is and once, times $\sigma_t^2$, for where it goes.",
        r, (1 + sigma_t**2) * (v - vhat),
        uses="residual E2.u E2.counterterm E2.x_t G4.guess G4.turned F1.latent")
    D.step("residual_E3", r"E3 has $u=x_t-y+\dot y$, and $y-\dot y$ stays: to be paid for, unless "
        "the denoiser can tell it from $z_t$.",
        r, (1 + sigma_t**2) * (v - vhat) + sigma_t * (y - ydot),
        uses="residual E3.u E2.counterterm E3.x_t G4.guess G4.turned F1.latent")
