"""The counterterm as a change of the network's output.                                        X6"""

from ._language import *
from .counterterm import ALPHA2_S
from .counterterm import A as any_A
from .encoders import PATH, encoding_at_s, up_to

xhatprime, vhatprime = symbols("xhatprime vhatprime", real=True)
slope_name = name(r"\frac{\partial\mu_P}{\partial\hat x}")
gap_name, perfect_name = name(r"\mu_P-\mu_Q"), name(r"\mu_P-\mu_Q|_{\hat u=u}")
left_over = name(r"[\mu_P-\mu_Q|_{\hat u=u}]_2")
left_over_E2 = name(r"\text{E2: }[\mu_P-\mu_Q]_2")
x_E3, u_E3 = name("x_t|_{y=x}"), name(r"u|_{y=x,\dot y=0}")
residual, excess = name("r|_{y=x}"), name(r"\text{G3: }\mu_P-\mu_P^{\text{VDM}}")
folded, vdm = name(r"\text{folded: }\mu_P"), name(r"\mu_P^{\text{VDM}}")
SIGNAL, GUESS = alpha_t * z_t - sigma_t * vhatprime, alpha_t * z_t - sigma_t * vhat


def stepped(G5, A: Expr, prediction: Expr) -> Expr:
    """mu_P of G5"""
    return G5.mean.subs({any_A: A, xhat: prediction})


@row("What the counterterm is, and what it is not", "04",
    r"Write $\hat x'$ for the prediction of a network without counterterm that generates "
    r"the same $\mu_P$ as $\hat x$ does with $\hat u=\hat x$, and $\Delta=\lambda_s-\lambda_t$. "
    r"For E3 with $y=x$, whose encoding is the data, the network $\hat v'$ makes the VDM with the "
    r"network $\hat v$: in L4 and, with the folded $A$ of G5, in every step.",
    claim={
        "coefficient": equation(slope_name, alpha_s * (c + (lambda_s - lambda_t) * sigma_t**2)),
        "output": equation(xhatprime, (1 + Delta * sigma_t**2 / c) * xhat),
        "stretch": equation(Derivative(xhatprime, xhat) - 1, Delta * sigma_t**2 / c),
        "back": equation(xhat, c / (c + Delta * sigma_t**2) * xhatprime),
        "left_over": equation(left_over, -alpha_s * Delta**2 * xddot_t / 2),
        "left_over_E2": equation(left_over_E2,
            -alpha_s * Delta**2 / 2 * alpha_t**2 * sigma_t**2 * (sigma_t**2 - alpha_t**2) * x),
        "encoding_E3": equation(x_E3, x),
        "u_E3": equation(u_E3, 0),
        "vhat_E3": equation(vhatprime, (vhat + alpha_t * sigma_t * z_t) / (1 + sigma_t**2)),
        "xhat_E3": equation((1 + sigma_t**2) * SIGNAL, GUESS),
        "residual_E3": equation(residual, v - vhat),
        "folded_E3": equation(folded, vdm),
        "G3_E3": equation(excess,
            alpha_s * sigma_t**2 * (gamma_t - gamma_s - c) / (1 + sigma_t**2) * GUESS),
    },
    nonnegative=("stretch",),
)
def X6(E2, E3, G3, G5, L2, L4) -> Steps:
    perfect = L2.gap.subs(xhat, x_t)
    yield Define(PATH | {gap_name: perfect, perfect_name: perfect.subs(uhat, u)})
    yield Define({slope_name: Derivative(G3.mean.subs(uhat, xhat), xhat)})
    coefficient = expand(G3.mean.subs(uhat, xhat)).coeff(xhat)
    yield Line("coefficient", r"Put $\hat u=\hat x$ into G3. The prediction then stands in two "
        "places, both times with a number before it:",
        equation(slope_name, factor(coefficient)))
    in_delta = coefficient.subs(lambda_s, lambda_t + Delta)
    (plain,) = solve(Eq(alpha_s * c * xhatprime, in_delta * xhat), xhatprime)
    yield Line("output", r"A network without counterterm has $\alpha_sc\,\hat x'$ there. It "
        "generates the same if it says", equation(xhatprime, expand(plain)), gives=True)
    yield Line("same_step", "Indeed,", equation(alpha_s * c * xhatprime, slope_name * xhat))
    yield Line("stretch", "That is the other prediction, stretched by a known number above 1,")
    yield Line("back", "so it can be undone. The counterterm changes what the network is asked to "
        "say, not what the model can express: for a fixed step it is a change of output, at any "
        "depth. The change depends on $s$, which the network is not told. (In the limit of short "
        r"steps the stretch is the $1+\sigma_t^2$ of the residual: G5.)")
    # what it cancels
    gap = expand(perfect.subs(x_s, encoding_at_s(3)).subs(lambda_s, lambda_t + Delta))
    yield Line("difference", "What does it cancel? Let the prediction of the encoding be perfect, "
        "and see by how much the means still differ (L2), with Taylor's theorem for $x_s$.",
        equation(gap_name, up_to(collect(gap, Delta), 3)))
    left = gap.subs(uhat, u)
    yield Line("left_over", r"If $\hat u$ is right as well, the first order goes, and with it all "
        r"that the limit keeps. At finite depth the second order stays (written $[\,]_2$): the "
        "bend in the path.", equation(left_over, left))
    yield Line("second_order", "That is,", equation(perfect_name, up_to(left_over, 3)))
    left = left.subs(xddot_t, E2.acceleration)
    yield Line("left_over_E2", "For E2 we know the bend. It vanishes at both ends, where there is "
        "only signal or only noise.", equation(left_over_E2, left))
    exact = Delta * sigma_t**2 * E2.u - (ALPHA2_S - alpha_t**2) * x
    yield Line("E2_exact", "It agrees with how E2 moves in truth, "
        r"$\alpha_s^2=1/(1+e^{\gamma_t-\Delta})$.",
        equation(alpha_s * exact, up_to(left_over_E2, 3)))
    # E3 with y = x
    still = {y: x, ydot: 0}
    yield Line("encoding_E3", "Now let the encoder of E3 say $y=x$. Then it is the identity,",
        means=E3.x_t.subs(still))
    yield Line("u_E3", r"which does not move, so $u=0$;", means=E3.u.subs(still))
    yield Line("vhat_E3", r"but E3 has $\hat u=\hat x$, as always. So it is a VDM with a "
        r"counterterm that it does not need. Let $\hat v$ be the network of a VDM, and give E3 "
        r"the network $\hat v'$ with $(1+\sigma_t^2)\,\hat x'=\hat x$:",
        equation(vhatprime, *solve(Eq((1 + sigma_t**2) * SIGNAL, GUESS), vhatprime)), gives=True)
    yield Line("xhat_E3", "that is,")
    yield Line("residual_E3", "L4 then has the residual of the VDM: the two pay the same at "
        "infinite depth.",
        means=L4.residual.subs({vhat: vhatprime, u: E3.u.subs(still), uhat: SIGNAL}))
    yield Line("vdm_step", "In a step of finite length the VDM has $A=c$ (G3 without counterterm),",
        equation(vdm, stepped(G5, c, GUESS)))
    yield Line("folded_E3", r"and E3 with the folded $A=c\,(1+\sigma_t^2)$ of G5 does the same: "
        "the two are one model at every depth.", means=stepped(G5, G5.folded, SIGNAL))
    over_guess = factor(G5.G3 / (1 + sigma_t**2) - c)
    yield Line("G3_E3", "With G3 the means differ by a multiple of the prediction:",
        equation(excess, alpha_s * over_guess * GUESS), means=stepped(G5, G5.G3, SIGNAL) - vdm)
    yield Line("second_order_again", "of second order in the step, but all that there is to pay "
        "at few steps.", equation(Delta - c, up_to(Delta**2 / 2, 3)))
    yield Words("exact_in_the_limit", r"In the loss $\frac{dx_t}{d\lambda}$ is exact. So L4 is "
        "the bound of this model, not an approximation to it; only at finite $T$ does the "
        "counterterm cancel the movement of the encoding to first order.")
