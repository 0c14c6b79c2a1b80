"""What an encoder can change, and what it cannot.                                         X4, X7"""

from ._language import *
from .encoders import in_lambda, up_to
from .finite_depth import snr_s, snr_t

xtilde = Symbol("xtilde", real=True)  # a prediction of x itself, where xhat is one of x_t
p, q, pbar, qbar = symbols("p q pbar qbar", nonnegative=True)
S = Function("S", positive=True)  # a signal-to-noise ratio, as a function of lambda
SNR, dSNR = name(r"\mathrm{SNR}"), name(r"\frac{d\,\mathrm{SNR}}{d\lambda}")
VDM, SCALING, step_name = name(r"\text{VDM}"), name(r"\text{E2}"), name(r"\mathrm{KL}")
ratio_name, end_name = name(r"\text{E2}/\text{VDM}"), name(r"\text{E2}/\text{VDM at }\sigma_t=1")
of_E2 = name(r"\text{E2: }x_t-x")
SNR_OF_E2 = alpha_t**6 / sigma_t**2  # of its latents, as a signal of x: X4


@row("Why the scaling encoder does not pay", "05",
    r"Compare E2 with a VDM that has the same marginals $\mathcal N(\alpha_t^3x,\sigma_t^2)$ and "
    r"predicts $x$ with the same error $\tilde x-x$. Signal-to-noise ratio, the two integrands of "
    "L4, and the second over the first:",
    claim={
        "snr": equation(SNR, alpha_t**6 / sigma_t**2),
        "speed": equation(dSNR, (1 + 2 * sigma_t**2) * alpha_t**6 / sigma_t**2),
        "vdm": equation(VDM,
            gammaprime_t * (1 + 2 * sigma_t**2) * SNR_OF_E2 * (x - xtilde) ** 2 / 2),
        "error": equation(v - vhat, alpha_t**2 * (xtilde - x) / sigma_t),
        "scaling": equation(SCALING,
            gammaprime_t * (1 + sigma_t**2) ** 2 * SNR_OF_E2 * (x - xtilde) ** 2 / 2),
        "ratio": equation(ratio_name, (1 + sigma_t**2) ** 2 / (1 + 2 * sigma_t**2)),
        "excess": equation(ratio_name - 1, sigma_t**4 / (1 + 2 * sigma_t**2)),
        "end": equation(end_name, Rational(4, 3)),
    },
    nonnegative=("excess",),
)
def X4(E2, G4, L3, L4) -> Steps:
    snr = E2.mean.coeff(x) ** 2 / sigma_t**2
    yield Define({x_t: E2.u, z_t: alpha_t * x_t + sigma_t * epsilon})  # of E2, u is x_t
    v_of_E2 = (alpha_t * z_t - alpha_t**2 * xtilde) / sigma_t
    yield Define({v: alpha_t * epsilon - sigma_t * x_t, vhat: v_of_E2})
    yield Line("snr", r"The latents of E2 are $\alpha_t^3x$ with noise $\sigma_t$.", means=snr)
    speed = Derivative(in_lambda(snr), lambda_t)
    yield Line("speed", r"How fast does this ratio grow?", means=speed)
    (v_x,) = solve(Eq(alpha_t**2 * xtilde - alpha_t**2 * x, G4.error), v)
    yield Line("error", r"E2 predicts $\hat x=\alpha_t^2\tilde x$ where the encoding is "
        r"$x_t=\alpha_t^2x$, so G4 turns the same error into",
        equation(v - vhat, factor(v_x - vhat)))
    step = L3.step.subs({snr_s: S(lambda_t + Delta), snr_t: S(lambda_t)}).subs(xhat, xtilde)
    yield Line("vdm_step", r"A VDM with such a ratio $S(\lambda)$ is charged in each step, by L3, "
        "for its error in $x$ in proportion to the gain in the ratio.", equation(step_name, step))
    short = Derivative(S(lambda_t), lambda_t) * Delta * (x - xtilde) ** 2 / 2
    yield Line("short_step", "In a short step that is", equation(step_name, up_to(short, 2)))
    yield Line("vdm", r"and $T$ steps have $T\Delta\to\gamma'$. So this is its integrand; L4 has "
        r"the same, with $-\ln S$ in the place of $\gamma$.", means=L4.integrand_E1.subs({
            epsilon: epsilonhat + sqrt(snr) * (x - xtilde),
            gammaprime_t: gammaprime_t * X4.form("speed") / snr,
        }))
    yield Line("residual", r"and L4 charges, with $r=(1+\sigma_t^2)(v-\hat v)$,",
        equation(SCALING, L4.integrand.subs(r, L4.residual_E2)))
    yield Line("scaling", "which is")
    yield Line("ratio", r"Data, schedule and error cancel.", means=SCALING / VDM)
    yield Line("excess", "More than 1 wherever there is noise, since "
        r"$(1+\sigma^2)^2=1+2\sigma^2+\sigma^4$: generation pays for guessing where $x_t$ goes.")
    in_the_limit = Limit(in_gamma(X4.form("ratio")), gamma_t, oo)
    yield Line("end", r"At the noisy end it is a third more.", means=in_the_limit)


@row("The encoder is nearly the identity where there is little noise", "11",
    r"With $|x|\le1$ and $|y|\le1$ the learned encoder obeys "
    r"$-2\sigma_t^2\le x_t-x\le2\sigma_t^2$, since (with $p=1-y$, $q=1+x$, $\bar p=1+y$ and "
    r"$\bar q=1-x$, all of them at least 0)",
    claim={
        "shift": equation(x_t - x, sigma_t**2 * (y - x)),
        "upper": equation(2 * sigma_t**2 - (x_t - x), sigma_t**2 * (p + q)),
        "lower": equation(2 * sigma_t**2 + (x_t - x), sigma_t**2 * (pbar + qbar)),
        "scaling": equation(of_E2, -(sigma_t**2) * x),
    },
    nonnegative=("upper", "lower"),
)
def X7(E2, E3) -> Steps:
    yield Define({x_t: E3.x_t, p: 1 - y, q: 1 + x, pbar: 1 + y, qbar: 1 - x})
    yield Line("shift", r"How far does E3 move the data? By E3, and $\alpha_t^2-1=-\sigma_t^2$,")
    yield Line("upper", r"Upwards at most by $2\sigma_t^2$: put $y=1-p$, $x=-1+q$, $p,q\ge0$.")
    yield Line("lower", r"Downwards the same, with $y=-1+\bar p$ and $x=1-\bar q$:")
    yield Line("scaling_encoder", "No network is needed for half of that: E2 ($y=0$) moves the "
        "data as well,", equation(of_E2, E2.u - x))
    yield Line("scaling", "by as much as E3 with $y=0$. Whoever looks at what an encoder has "
        "learned must look at E2 beside it.")
