"""The bound on -ln p(x): prior, reconstruction, and one step.                              L0-L2"""

from ._language import *
from .gaussian import divergence, price
from .generation import COUNTERTERM, mu_P, p_1, p_st
from .processes import mu_Q, q_1, q_st

delta = Symbol("delta", real=True)
KL_0, KL_prior, KL_1, KL_d = names(*(rf"\mathrm{{KL}}{of}" for of in ("_{z_1}", "", "_1", "_d")))
x_1j, delta_j = IndexedBase("x_1", real=True)[j], IndexedBase("delta", real=True)[j]
KL_0j, KL_1j = (IndexedBase(of.name, real=True)[j] for of in (KL_0, KL_1))
SQUARES = Sum(delta_j**2, (j, 1, d))  # of the gaps of the means


@row("The prior loss: how much of the data is left in the last latent", "02",
    r"$\mathrm{KL}(q(z_1|x)\,\|\,p(z_1))$ is, in one dimension and in $d$ of them,",
    forms="one_dimension prior")
def L0(D: Row) -> None:
    D.step("one_dimension", r"By F1 the latent at $t=1$ has mean $\alpha_1x_1$ and standard "
        r"deviation $\sigma_1$; generation starts from mean 0 and standard deviation 1 (G1).",
        KL_0, (alpha_1**2 * x_1**2 + price(sigma_1**2)) / 2,
        uses=[divergence(KL_0, q_1, p_1, z_1), "F1.density@1 G1.log_density"])
    D.given("additive", "products of densities", "Given the data the dimensions are independent, "
        "in both: the divergences add.", KL_prior, Sum(KL_0j, (j, 1, d)))
    D.step("prior", "The first part is what is left of the data, the second what noise is missing.",
        KL_prior, alpha_1**2 / 2 * Sum(x_1j**2, (j, 1, d)) + d / 2 * price(sigma_1**2),
        uses="additive one_dimension@j")


@row("The divergence of one step", "02",
    r"With $\delta=\mu_P-\mu_Q$, $\mathrm{KL}(q(z_s|z_t,x)\,\|\,p(z_s|z_t))$ is, in one "
    r"dimension and in $d$ of them,",
    forms="one_dimension step gap gap_in_v")
def L2(D: Row) -> None:
    D.define("delta", "The means enter by their difference.", delta, mu_P - mu_Q)
    D.step("one_dimension", "The first part is the price of a wrong variance, to be paid even by "
        "a perfect prediction; the second is the price of a wrong mean.",
        KL_1, price(w) / 2 + w / (2 * sigma_Q**2) * delta**2,
        uses=[divergence(KL_1, q_st, p_st, z_s),
            "delta F3.density F3.mean F3.variance G3.density G3.variance"])
    D.given("additive", "products of densities", "Given $z_t$ the dimensions are independent, in "
        "both processes: the divergences add.", KL_d, Sum(KL_1j, (j, 1, d)))
    D.step("step", "All have the variance of F3, and share $w$, so add up.",
        KL_d, d / 2 * price(w) + w / (2 * sigma_Q**2) * SQUARES,
        uses="additive one_dimension@j F3.variance F3.variance@j")
    D.step("gap", "What both processes keep of $z_t$ cancels. What remains: a wrong guess of the "
        "encoding, the counterterm, and the movement that it is there to cancel.", mu_P - mu_Q,
        alpha_s * (c * (xhat - x_t) + COUNTERTERM - (x_s - x_t)), uses="G3.mean F3.mean")
    D.step("gap_in_v", r"Computed with G4: near the data $\hat x-x_t$ would be mostly rounding, "
        r"and $v-\hat v$ is not.", (mu_P - mu_Q) / sigma_Q,
        alpha_s / sigma_Q * (c * sigma_t * (v - vhat) + COUNTERTERM - (x_s - x_t)),
        uses="gap G4.error")
