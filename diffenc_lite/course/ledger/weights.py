"""A weighted loss is a bound.                                                                 W3"""

from ._language import *
from .bound import KL_1, mu_P
from .depth import KL_one

rho = Symbol("rho", positive=True)
w_epsilon = name(r"w_\varepsilon", real=True)


@row("A weighted loss is a bound", "07",
    r"With $\mathrm{KL}_1$ of L2 as a function of $w$: to multiply the denoising term of a step "
    "by $w$ is to choose the ratio $w$ for it, up to a constant that no network can change,",
    forms="constant gradient ratio_of_epsilon_loss")
def W3(D: Row) -> None:
    D.step("constant", r"The prediction is in $\mu_P$ and nowhere else. Compare one step (L2) with "
        "$w$ times the same step at $w=1$:", KL_1 - w * KL_one, (w - 1 - log(w)) / 2,
        uses="L3.one L2.one_dimension")
    D.step("gradient", "the prediction is gone. So both have the same gradient in every parameter: "
        "to train with any fixed positive weights $w_i$ on the steps is to train with the bound of "
        r"the model that has $\sigma_P^2=\sigma_Q^2/w_i$.",
        Derivative(KL_1 - w * KL_one, mu_P), 0, uses="constant")
    D.define("popular", "For instance the popular loss "
        r"$\rho\,(\varepsilon-\hat\varepsilon)^2$, the same for all steps: its ratio is that loss "
        "over the step of L3.", w_epsilon, rho * (epsilon - epsilonhat) ** 2 / KL_one)
    D.step("ratio_of_epsilon_loss", r"It depends on $\gamma_t-\gamma_s$ only. So with a fixed "
        r"$\gamma$, linear in $t$, and equal steps all ratios are equal: up to a factor, the "
        r"popular loss is the bound itself. (Where the width of $\gamma$ is trained, the ratio "
        "moves with it.)", w_epsilon, 2 * rho / (exp(gamma_t - gamma_s) - 1),
        uses="popular L3.step_in_epsilon")
