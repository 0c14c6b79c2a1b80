"""The counterterm as a change of the network's output.                                        X6"""

from ._language import *
from .counterterm import A_folded, mu_A
from .encoders import Y, lam
from .generation import PERFECT, mu_P, mu_Q, up_to

xhatprime, vhatprime = symbols("xhatprime vhatprime", real=True)
slope, x_3, u_3, mu_3, r_3 = names(
    r"\frac{\partial\mu_P}{\partial\hat x}", r"\hat x'", r"\hat u'", r"\mu_P'", "r'")
folded, vdm = names(*(rf"\text{{{of}: }}\mu_P" for of in ("folded", "VDM")))


@row("What the counterterm is, and what it is not", "04",
    r"Write $\hat x'$ for the prediction of a network without counterterm that generates "
    r"the same $\mu_P$ as $\hat x$ does with $\hat u=\hat x$, and $\Delta=\lambda_s-\lambda_t$. "
    r"For E3 with $y=x$, whose encoding is the data, the network $\hat v'$ makes the VDM with the "
    r"network $\hat v$: in L4 and, with the folded $A$ of G5, in every step.",
    forms="coefficient output second_order aim u_E3 vhat_E3 residual_E3 folded_E3")
def X6(D: Row) -> None:
    D.suppose("perfect", PERFECT, "What a perfect prediction is: of the encoding,", xhat, x_t)
    D.suppose("perfect_u", PERFECT, "and of its motion.", uhat, u)
    D.define("slope", "How does generation depend on the prediction?",
        slope, Derivative(mu_P, xhat))
    D.step("coefficient", r"Put $\hat u=\hat x$ into G3. The prediction then stands in two places, "
        "both times with a number before it:", slope,
        alpha_s * (c + (lambda_s - lambda_t) * sigma_t**2), uses="slope G3.mean E2.counterterm")
    D.define("same_step", r"A network without counterterm has $\alpha_sc\,\hat x'$ there. It "
        "generates the same if it says", xhatprime, slope * xhat / (alpha_s * c))
    D.step("output", "the other prediction, stretched by a known number, which can be undone: for "
        "a fixed step the counterterm is a change of output. (The number depends on $s$, which the "
        "network is not told.)", xhatprime, (1 + Delta * sigma_t**2 / c) * xhat,
        uses="same_step coefficient")
    # what it cancels
    D.step("second_order", "What does the counterterm cancel? For a perfect prediction all of "
        "first order (L4); of second order the bend in the path stays.",
        mu_P - mu_Q, up_to(-alpha_s * Delta**2 * xddot_t / 2, 3),
        uses="L2.gap perfect perfect_u E1.encoding E1.ahead E1.speed E1.bend")
    D.step("aim", r"Where is the residual of L4 0 for a learned encoder? Not where $\hat x$ is "
        "$x_t$, but beside it.",
        r, (1 + sigma_t**2) / sigma_t
            * (xhat - (x_t + sigma_t**2 * (ydot - y) / (1 + sigma_t**2))),
        uses="L4.residual_E3 G4.error")
    # E3 with y = x
    D.suppose("still", "y = x", "Now let the encoder of E3 say $y=x$.", Y(lam), x)
    D.step("u_E3", "Then it is the identity, which does not move.", u, 0,
        uses="E3.u E3.y E3.ydot still")
    D.define("vhat_E3", r"But $\hat u=\hat x$, as always: a counterterm that it does not need. Let "
        r"$\hat v$ be the network of a VDM, and give E3 the network",
        vhatprime, (vhat + alpha_t * sigma_t * z_t) / (1 + sigma_t**2))
    network = {vhat: vhatprime, xhat: x_3}
    guess = use("G4.guess", network)
    D.step("residual_E3", "L4 then has the residual of the VDM, at infinite depth they pay alike.",
        r_3, v - vhat,
        uses=[use("L4.residual", {**network, r: r_3, mu_P: mu_3, uhat: u_3}),
            "u_E3", use("E2.counterterm", {xhat: x_3, uhat: u_3}), guess, "vhat_E3"])
    same = {**network, mu_A: folded, A: A_folded}
    D.step("folded_E3", "In a step of finite length the VDM has $A=c$, and E3 with the folded $A$ "
        "of G5 does the same: the two are one model at every depth.", folded, vdm,
        uses=[use("G5.mean", same), guess, "vhat_E3", "G5.folded",
            use("G5.mean", {A: c, mu_A: vdm}), "G4.guess"])
