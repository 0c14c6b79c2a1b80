"""Information and error, and what no bound can beat.                                          X5"""

from ._language import *
from .infinite_depth import EXCHANGE

eta_0, eta_1, eta = symbols("eta_0 eta_1 eta", positive=True)  # signal-to-noise ratios
mmse = Function("mmse", nonnegative=True)
HALF = Integral(mmse(eta) / 2, (eta, eta_1, eta_0))
H, H_0, I_0, I_1, M, K_1 = symbols("H H_0 I_0 I_1 M K_1", real=True)
prior, diffusion, left, bound = names(
    *(rf"\text{{{of}}}" for of in ("prior", "diffusion", "reconstruction", "bound")))
q_x, q_z, q_zx, q_xz, p_z, p_xz = names(
    *(rf"\ln {of}" for of in ("q(x)", "q(z_1)", "q(z_1|x)", "q(x|z_0)", "p(z_1)", "p(x|z_0)")))


@row("Information and error, and what no bound can beat", "05",
    r"With $H$ the entropy of the data, $H_0$ that of $x$ given $z_0$, $I_0,I_1$ the information "
    r"of $z_0,z_1$, $K_1=\mathrm{KL}(q(z_1)\,\|\,p(z_1))$, and $M$ the divergence of the decoder "
    r"from $q(x|z_0)$: the bound of a VDM with a perfect denoiser. Its error is the mmse, and the "
    r"information $I(x;z)$ grows at half that rate in the SNR: the density of $z=\sqrt\eta\,x+"
    r"\varepsilon$ obeys a heat equation, "
    r"$\partial_\eta p_z=-\frac1{2\sqrt\eta}\partial_z(p_zm_z)$ "
    "with $m_z=\\mathbb E[x|z]$, and $-p_z\\ln p_z$ is integrated by parts. What no bound can "
    "beat: "
    r"a bound is at least the mean of $-\ln p(x)$, that is $H$ and a divergence; and by the chain "
    "rule it is not below $H+M$, with $M$ of its own decoder.",
    forms="total advantage")
def X5(D: Row) -> None:
    D.define("H", "The entropy of the data", H, -E(q_x))
    D.define("H_0", "and what of it is left once $z_0$ is seen.", H_0, -E(q_xz))
    D.define("I_0", "The information of $z_0$", I_0, E(q_xz - q_x))
    D.define("I_1", "and of $z_1$.", I_1, E(q_zx - q_z))
    D.define("K_1", "By how much the last latents differ from pure noise,", K_1, E(q_z - p_z))
    D.define("M", "and the decoder from the posterior.", M, E(q_xz - p_xz))
    D.define("prior_loss", "The mean of the prior loss (L0)", prior, E(q_zx - p_z))
    D.step("prior", "is the information of $z_1$, and $K_1$.", prior, I_1 + K_1,
        uses="prior_loss I_1 K_1")
    D.define("reconstruction_loss", "The mean of the reconstruction", left, -E(p_xz))
    D.step("reconstruction", "is what $z_0$ leaves open, and the mismatch.", left, H_0 + M,
        uses="reconstruction_loss H_0 M")
    D.step("known", "What $z_0$ leaves open is the rest of the entropy.", H_0, H - I_0,
        uses="H_0 H I_0")
    D.argue("paid", EXCHANGE, "By L4 a perfect denoiser, whose error is the mmse, pays half of it "
        "for each unit of SNR,", equation(diffusion, HALF), uses="L4.integrand_E1")
    D.given("i_mmse", "I-MMSE", "and that is the slope of the information: in all, what is gained "
        "between the ends.", HALF, I_0 - I_1)
    D.define("sum", "Add the three.", bound, prior + diffusion + left)
    D.step("total", "All information cancels.", bound, H + K_1 + M,
        uses="sum prior reconstruction paid i_mmse known")
    D.step("advantage", "So with the same $M$ an encoder can beat a perfect VDM by $K_1$ at most, "
        "which is the prior loss less $I_1$.", bound - (H + M), K_1, uses="total")
