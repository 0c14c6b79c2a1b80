"""Finite depth: what T steps cost.                                                            L3"""

from ._language import *
from .bound import delta

m = Symbol("m", nonnegative=True)
SNR = Function("S", positive=True)
snr_s, snr_t = (alpha_s / sigma_s) ** 2, (alpha_t / sigma_t) ** 2
KL = name(r"\mathrm{KL}")


@row("Finite depth: T steps of a VDM", "03",
    r"For E1 and $w=1$, one step, in terms of the data and of the noise, and $T$ steps "
    r"with the same squared error $m$ and $S(i)=\mathrm{SNR}(i/T)$, cost",
    claim={
        "step": equation(KL, (snr_s - snr_t) * (x - xhat) ** 2 / 2),
        "weight": equation(snr_s - snr_t, c * snr_s),
        "step_in_epsilon": equation(KL,
            (exp(gamma_t - gamma_s) - 1) * (epsilon - epsilonhat) ** 2 / 2),
        "ends": equation(Sum((SNR(i - 1) - SNR(i)) * m / 2, (i, 1, T)), (SNR(0) - SNR(T)) * m / 2),
    },
    nonnegative=("weight",),
)
def L3(L2) -> Steps:
    of_data = {x_t: x, x_s: x, z_t: alpha_t * x + sigma_t * epsilon}
    yield Define(of_data | {xhat: x + sigma_t * (epsilon - epsilonhat) / alpha_t})
    yield Define({v: (alpha_t * z_t - x) / sigma_t, vhat: (alpha_t * z_t - xhat) / sigma_t})
    gap = L2.gap.subs({x_s: x, x_t: x, uhat: 0})
    cost = L2.one_dimension.subs({w: 1, delta: gap}).subs(sigma_Q, sigma_s * sqrt(c))
    yield Line("cost", "Take L2 with $w=1$, an encoding that stays where it is, no counterterm, "
        r"and $\sigma_Q^2=\sigma_s^2c$. One factor $c$ cancels.", equation(KL, cost))
    yield Line("weight", r"What multiplies the squared error is $\mathrm{SNR}(s)\,c/2$, and by "
        "the definition of $c$ that is what is gained in signal-to-noise ratio. It is positive.")
    step = cost.subs(c, (snr_s - snr_t) / snr_s)
    yield Line("step", "So a step is charged for its error in proportion to the gain.",
        equation(KL, step))
    same_z = Eq(alpha_t * x + sigma_t * epsilon, alpha_t * xhat + sigma_t * epsilonhat)
    in_noise = expand(step.subs(xhat, solve(same_z, xhat)[0]))
    for alpha, sigma, gamma in DEPTHS[:2]:
        in_noise = in_noise.subs(alpha, sigma * exp(-gamma / 2))
    yield Line("step_in_epsilon", "The same in terms of noise: both guesses explain the same "
        r"$z_t$, so $\alpha_t(\hat x-x)=\sigma_t(\varepsilon-\hat\varepsilon)$, and "
        r"$\mathrm{SNR}(s)/\mathrm{SNR}(t)=e^{\gamma_t-\gamma_s}$.", equation(KL, factor(in_noise)))
    yield Line("ends", "Were the error the same in all steps, the gains would telescope and only "
        "the two ends would count. It is not: the more signal, the smaller the error. That is "
        "what finer steps profit from.")
