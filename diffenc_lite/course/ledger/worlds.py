"""What an encoder can change, and what it cannot.                                     X4, X6, X7"""

from collections.abc import Iterator

from sympy import (
    Eq,
    Limit,
    Rational,
    Symbol,
    collect,
    exp,
    expand,
    factor,
    factor_terms,
    simplify,
    solve,
    symbols,
)

from ._identity import Step, identity
from .bound import L2
from .depth import L4
from .encoders import E2, E3, d_lambda, encoding_at_s
from .generation import G3, G4
from .notation import (
    Delta,
    alpha_s,
    alpha_t,
    c,
    equation,
    gammaprime_t,
    lambda_s,
    lambda_t,
    name,
    r,
    sigma_t,
    u,
    uhat,
    v,
    vhat,
    x,
    x_s,
    x_t,
    xddot_t,
    xhat,
    y,
)

xtilde = Symbol("xtilde", real=True)  # a prediction of x itself, where xhat is one of x_t
xhatprime = Symbol("xhatprime", real=True)
p, q = symbols("p q", nonnegative=True)


@identity(
    title="Why the scaling encoder does not pay",
    notebook="05",
    setting=r"Compare E2 with a VDM that has the same marginals "
    r"$\mathcal N(\alpha_t^3x,\sigma_t^2)$ and predicts $x$ with the same error $\tilde x-x$. "
    r"Signal-to-noise ratio, the two integrands "
    r"of L4, and the second over the first:",
    claim={
        "snr": equation(name(r"\mathrm{SNR}"), alpha_t**6 / sigma_t**2),
        "vdm": equation(
            name(r"\text{VDM}"),
            gammaprime_t * (1 + 2 * sigma_t**2) * alpha_t**6 / sigma_t**2 * (x - xtilde) ** 2 / 2,
        ),
        "scaling": equation(
            name(r"\text{E2}"),
            gammaprime_t * (1 + sigma_t**2) ** 2 * alpha_t**6 / sigma_t**2 * (x - xtilde) ** 2 / 2,
        ),
        "ratio": equation(
            name(r"\text{E2}/\text{VDM}"), (1 + sigma_t**2) ** 2 / (1 + 2 * sigma_t**2)
        ),
        "excess": equation(name(r"\text{E2}/\text{VDM}-1"), sigma_t**4 / (1 + 2 * sigma_t**2)),
        "end": equation(name(r"\text{E2}/\text{VDM at }\sigma_t=1"), Rational(4, 3)),
    },
    nonnegative=("excess",),
)
def X4() -> Iterator[Step]:
    snr = E2.form("mean").coeff(x) ** 2 / sigma_t**2
    yield Step(
        r"Whoever sees only the latents of E2 sees $\alpha_t^3x$ with noise $\sigma_t$.",
        equation(name(r"\mathrm{SNR}"), snr),
        proves="snr",
    )
    speed = snr * expand(simplify(d_lambda(snr) / snr)).subs(alpha_t**2, 1 - sigma_t**2)
    yield Step(
        r"A VDM with this ratio is charged, by L3, for its error in $x$ in proportion to the gain "
        r"in SNR; in the limit that is the derivative of SNR.",
        equation(name(r"\frac{d\,\mathrm{SNR}}{d\lambda}"), speed),
    )
    vdm = gammaprime_t * speed * (x - xtilde) ** 2 / 2
    yield Step(
        r"So this is its integrand.",
        equation(name(r"\text{VDM}"), vdm),
        proves="vdm",
    )
    (v_x,) = solve(Eq(alpha_t**2 * xtilde - alpha_t**2 * x, G4.form("error")), v)
    error = factor(v_x - vhat)
    yield Step(
        r"E2 predicts $\hat x=\alpha_t^2\tilde x$ where the encoding is $x_t=\alpha_t^2x$, so G4 "
        r"turns the same error into",
        equation(v - vhat, error),
    )
    scaling = L4.form("integrand").subs(r, L4.form("residual_E2")).subs(v, vhat + error)
    yield Step(
        r"and L4 charges, with $r=(1+\sigma_t^2)(v-\hat v)$,",
        equation(name(r"\text{E2}"), factor_terms(scaling)),
        proves="scaling",
    )
    ratio = simplify(scaling / vdm)
    yield Step(
        r"Data, schedule and error cancel.",
        equation(name(r"\text{E2}/\text{VDM}"), ratio),
        proves="ratio",
    )
    yield Step(
        r"More than 1 wherever there is noise, since $(1+\sigma^2)^2=1+2\sigma^2+\sigma^4$: "
        r"generation has to guess where the encoding goes, and pays for guessing it.",
        equation(name(r"\text{E2}/\text{VDM}-1"), factor(ratio - 1)),
        proves="excess",
    )
    yield Step(
        r"At the noisy end it is a third more.",
        equation(name(r"\text{E2}/\text{VDM at }\sigma_t=1"), ratio.subs(sigma_t, 1)),
        proves="end",
    )


@identity(
    title="What the counterterm is, and what it is not",
    notebook="04",
    setting=r"Write $\hat x'$ for the prediction of a network without counterterm that generates "
    r"the same $\mu_P$ as $\hat x$ does with $\hat u=\hat x$. With "
    r"$\Delta=\lambda_s-\lambda_t$, and up to $\Delta^3$ in the last two,",
    claim={
        "coefficient": equation(
            name(r"\frac{\partial\mu_P}{\partial\hat x}"),
            alpha_s * (c + (lambda_s - lambda_t) * sigma_t**2),
        ),
        "output": equation(xhatprime, (1 + Delta * sigma_t**2 / c) * xhat),
        "stretch": equation(
            name(r"\frac{\partial\hat x'}{\partial\hat x}-1"), Delta * sigma_t**2 / c
        ),
        "back": equation(xhat, c / (c + Delta * sigma_t**2) * xhatprime),
        "limit": equation(name(r"\lim_{\Delta\to0}\hat x'"), (1 + sigma_t**2) * xhat),
        "left_over": equation(
            name(r"\mu_P-\mu_Q|_{\hat x=x_t,\hat u=u}"), -alpha_s * Delta**2 * xddot_t / 2
        ),
        "left_over_E2": equation(
            name(r"\text{E2: }\mu_P-\mu_Q"),
            -alpha_s * Delta**2 / 2 * alpha_t**2 * sigma_t**2 * (sigma_t**2 - alpha_t**2) * x,
        ),
    },
    nonnegative=("stretch",),
)
def X6() -> Iterator[Step]:
    mean = G3.form("mean").subs(uhat, xhat)
    coefficient = expand(mean).coeff(xhat)
    yield Step(
        r"Put $\hat u=\hat x$ into G3. The prediction then stands in two places, both times with a "
        r"number before it:",
        equation(name(r"\frac{\partial\mu_P}{\partial\hat x}"), factor(coefficient)),
        proves="coefficient",
    )
    coefficient = coefficient.subs(lambda_s, lambda_t + Delta)
    (plain,) = solve(Eq(alpha_s * c * xhatprime, coefficient * xhat), xhatprime)
    yield Step(
        r"A network without counterterm has $\alpha_sc\,\hat x'$ there. It generates the same "
        r"if it says",
        equation(xhatprime, expand(plain)),
        proves="output",
    )
    yield Step(
        r"That is the other prediction, stretched by a known number, and by more than 1,",
        equation(name(r"\frac{\partial\hat x'}{\partial\hat x}-1"), expand(plain.diff(xhat)) - 1),
        proves="stretch",
    )
    (back,) = solve(Eq(xhatprime, plain), xhat)
    yield Step(
        r"so it can be undone. The counterterm changes what the network is asked to say, not what "
        r"the model can express: at any depth it is a change of output, not an approximation.",
        equation(xhat, back),
        proves="back",
    )
    stretch = Limit(plain.subs(c, 1 - exp(-Delta)), Delta, 0)
    yield Step(
        r"In the limit of short steps the stretch is the $1+\sigma_t^2$ of the residual (L4).",
        equation(name(r"\lim_{\Delta\to0}\hat x'"), factor(stretch.doit())),
        proves="limit",
    )
    gap = L2.form("gap").subs({xhat: x_t, x_s: encoding_at_s(3)})
    gap = expand(gap.subs(lambda_s, lambda_t + Delta))
    yield Step(
        r"What does it cancel? Let the prediction of the encoding be perfect, and see by how much "
        r"the means still differ.",
        equation(name(r"\mu_P-\mu_Q"), collect(gap, Delta)),
    )
    left = gap.subs(uhat, u)
    yield Step(
        r"If $\hat u$ is right as well, the first order goes, and with it all that the limit "
        r"keeps. At finite depth the second order stays: the bend in the path of the encoding.",
        equation(name(r"\mu_P-\mu_Q"), left),
        proves="left_over",
    )
    yield Step(
        r"For E2 we know the bend. It vanishes at both ends, where there is only signal or only "
        r"noise.",
        equation(name(r"\mu_P-\mu_Q"), left.subs(xddot_t, E2.form("acceleration"))),
        proves="left_over_E2",
    )


@identity(
    title="The encoder is nearly the identity where there is little noise",
    notebook="11",
    setting=r"With $|x|\le1$ and $|y|\le1$ the learned encoder obeys "
    r"$-2\sigma_t^2\le x_t-x\le2\sigma_t^2$, since (with $p,q\ge0$ the distances of $y$ and "
    r"$x$ from the nearer end of their range)",
    claim={
        "shift": equation(x_t - x, sigma_t**2 * (y - x)),
        "upper": equation(name(r"2\sigma_t^2-(x_t-x)"), sigma_t**2 * (p + q)),
        "lower": equation(name(r"2\sigma_t^2+(x_t-x)"), sigma_t**2 * (p + q)),
        "scaling": equation(name(r"\text{E2: }x_t-x"), -(sigma_t**2) * x),
    },
    nonnegative=("upper", "lower"),
)
def X7() -> Iterator[Step]:
    shift = expand(E3.form("x_t") - x).subs(alpha_t**2, 1 - sigma_t**2)
    shift = factor_terms(expand(shift))
    yield Step(
        r"How far does E3 move the data? By E3, and $\alpha_t^2-1=-\sigma_t^2$,",
        equation(x_t - x, shift),
        proves="shift",
    )
    yield Step(
        r"Upwards at most by $2\sigma_t^2$, since $y=1-p$ and $x=-1+q$ with $p,q\ge0$:",
        equation(
            name(r"2\sigma_t^2-(x_t-x)"),
            factor(expand(2 * sigma_t**2 - shift.subs({y: 1 - p, x: q - 1}))),
        ),
        proves="upper",
    )
    yield Step(
        r"Downwards the same, with $y=-1+p$ and $x=1-q$:",
        equation(
            name(r"2\sigma_t^2+(x_t-x)"),
            factor(expand(2 * sigma_t**2 + shift.subs({y: p - 1, x: 1 - q}))),
        ),
        proves="lower",
    )
    yield Step(
        r"No network is needed for half of that: E2 ($y=0$) moves the data as well. Whoever looks "
        r"at what an encoder has learned must look at E2 beside it.",
        equation(name(r"\text{E2: }x_t-x"), shift.subs(y, 0)),
        proves="scaling",
    )
