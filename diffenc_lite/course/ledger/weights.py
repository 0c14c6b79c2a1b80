"""A weighted loss is a bound; the cheapest grid of depths.                                W3, W4"""

from ._language import *
from .bound import delta, mu_P, mu_Q

rho = Symbol("rho", positive=True)
KL_w, KL_1 = name(r"\mathrm{KL}_w"), name(r"\mathrm{KL}_1")
w_epsilon = name(r"w_\varepsilon")


@row("A weighted loss is a bound", "07",
    r"With $\mathrm{KL}_w$ for L2 as a function of $w$: to multiply the denoising term of a step "
    "by $w$ is to choose the ratio $w$ for it, up to a constant that no network can change,",
    claim={
        "constant": equation(KL_w - w * KL_1, (w - 1 - log(w)) / 2),
        "gradient": equation(Derivative(KL_w - w * KL_1, mu_P), 0),
        "ratio_of_epsilon_loss": equation(w_epsilon, 2 * rho / (exp(gamma_t - gamma_s) - 1)),
        "equal_steps": equation(Derivative(w_epsilon, gamma_s) + Derivative(w_epsilon, gamma_t), 0),
    })
def W3(L2, L3) -> Steps:
    step = L2.one_dimension.subs(delta, mu_P - mu_Q)
    yield Line("one_step", r"One step (L2), written out. The network's prediction is in $\mu_P$ "
        "and nowhere else.", equation(KL_w, step))
    yield Line("at_one", "At $w=1$ it is", equation(KL_1, step.subs(w, 1)))
    yield Line("constant", r"Compare it with $w$ times the same step at $w=1$.")
    yield Line("gradient", "The prediction is gone. So both have the same gradient in every "
        "parameter of the denoiser, and for any fixed positive weights $w_i$ on the steps, "
        "training with the weighted loss is training with the bound of the model that has "
        r"$\sigma_P^2=\sigma_Q^2/w_i$.")
    weight = rho / (L3.step_in_epsilon / (epsilon - epsilonhat) ** 2)
    yield Line("ratio_of_epsilon_loss", "For instance the popular loss "
        r"$\rho\,(\varepsilon-\hat\varepsilon)^2$, the same for all steps: its ratio is $\rho$ "
        "over what L3 (for E1, $w=1$) has before the square.", equation(w_epsilon, weight))
    yield Line("times_the_step", "Indeed, times the step of L3 it is that loss.",
        equation(w_epsilon * L3.step_in_epsilon, rho * (epsilon - epsilonhat) ** 2))
    yield Line("equal_steps", r"That depends on $\gamma_t-\gamma_s$ only: moving both changes "
        r"nothing. So with a fixed $\gamma$, linear in $t$, and equal steps all ratios are equal, "
        r"and with $\rho=\frac12(e^{\gamma_t-\gamma_s}-1)$ they are 1: up to a factor, the "
        r"popular loss is the bound itself. (Where the width of $\gamma$ is trained, the ratio "
        "moves with it, and so does its price.)")
