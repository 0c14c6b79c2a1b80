"""Finite depth: what T steps cost.                                                            L3"""

from ._language import *
from .bound import KL_1

m = Symbol("m", nonnegative=True)
SNR = Function("S", positive=True)
snr_s, snr_t = (alpha_s / sigma_s) ** 2, (alpha_t / sigma_t) ** 2


@row("Finite depth: T steps of a VDM", "02",
    r"For E1 and $w=1$, one step, in terms of the data and of the noise, and $T$ steps "
    r"with the same squared error $m$ and $S(i)=\mathrm{SNR}(i/T)$, cost",
    forms="step weight step_in_epsilon ends gain")
def L3(D: Row) -> None:
    D.define("one", "Let generation be as sure as the posterior.", w, 1)
    D.step("weight", r"What multiplies the squared error in L2 is $\mathrm{SNR}(s)\,c/2$, and by "
        "the definition of $c$ that is what is gained in signal-to-noise ratio.",
        snr_s - snr_t, c * snr_s)
    D.at_least("gain", "It is positive.", snr_s - snr_t, witness=c * snr_s)
    D.step("step", "Take L2 with an encoding that stays where it is and no counterterm: a step is "
        "charged for its error in proportion to the gain.",
        KL_1, (snr_s - snr_t) * (x - xhat) ** 2 / 2,
        uses="L2.one_dimension L2.delta L2.gap F3.variance one E1.x_t E1.x_s E1.counterterm")
    D.step("step_in_epsilon", "The same in terms of noise: both guesses explain the same $z_t$, so "
        r"$\alpha_t(\hat x-x)=\sigma_t(\varepsilon-\hat\varepsilon)$, and "
        r"$\mathrm{SNR}(s)/\mathrm{SNR}(t)=e^{\gamma_t-\gamma_s}$.",
        KL_1, (exp(gamma_t - gamma_s) - 1) * (epsilon - epsilonhat) ** 2 / 2,
        uses="step G4.guess G4.noise_guess F1.latent E1.x_t")
    D.step("ends", "Were the error the same in all steps, the gains would telescope and only the "
        "two ends would count. It is not: the more signal, the smaller the error. That is what "
        "finer steps profit from.",
        Sum((SNR(i - 1) - SNR(i)) * m / 2, (i, 1, T)), (SNR(0) - SNR(T)) * m / 2)
