"""Information and error, and what no bound can beat.                                          X5"""

import math
from collections.abc import Iterator

from sympy import (
    Derivative,
    Expr,
    Function,
    IndexedBase,
    Sum,
    Symbol,
    Tuple,
    diff,
    exp,
    expand,
    log,
    pi,
    simplify,
    sqrt,
    symbols,
)

from ._row import row
from ._step import Number, Step
from .notation import equation, name, x
from .quadrature import integral

eta = Symbol("eta", positive=True)  # a signal-to-noise ratio
z = Symbol("z", real=True)
n, N = Symbol("n", integer=True), Symbol("N", positive=True, integer=True)
value, odds = IndexedBase("x", real=True)[n], IndexedBase("p", positive=True)[n]
p, m = Function("p", positive=True), Function("m", real=True)  # density of z, E[x|z]
density, weighted = name("p_z"), name("p_z m_z")
dI, mmse, bound = name(r"\frac{dI}{d\eta}"), name(r"\mathrm{mmse}"), name(r"\text{bound}")
Ex2 = Symbol(r"{\mathbb E[x^2]}", positive=True)
Em2 = Symbol(r"{\mathbb E[m_z^2]}", positive=True)
q_x, p_x, q_zx, q_z, p_z, q_xz, p_xz = symbols(
    "q_x p_x q_{z|x} q_z p_z q_{x|z} p_{x|z}", positive=True
)
H, H_0, I_0 = symbols("H H_0 I_0", real=True)  # of x, of x given z_0, of both
I_1, K_1, M = symbols("I_1 K_1 M", nonnegative=True)


def kernel(x: Expr) -> Expr:
    """N(z; sqrt(eta) x, 1)"""
    return exp(-((z - sqrt(eta) * x) ** 2) / 2) / sqrt(2 * pi)


K_X = kernel(x)


@row(
    title="Information and error, and what no bound can beat",
    notebook="05",
    setting=r"Let $z=\sqrt\eta\,x+\varepsilon$, with $p_z$ the density of $z$ and "
    r"$m_z=\mathbb E[x|z]$. Then the information $I(x;z)$ grows at half the rate of the mean "
    r"squared error. With $H$ the entropy of the data, $H_0$ that of $x$ given $z_0$, "
    r"$I_0,I_1$ the information of $z_0,z_1$, $K_1=\mathrm{KL}(q(z_1)\,\|\,p(z_1))$, and $M$ the "
    r"divergence of the decoder from $q(x|z_0)$, the bound of a VDM with a perfect denoiser is",
    where={
        density: Sum(odds * kernel(value), (n, 1, N)),
        weighted: Sum(odds * value * kernel(value), (n, 1, N)),
        I_0: H - H_0,
    },
    claim={
        "heat": equation(Derivative(density, eta), -Derivative(weighted, z) / (2 * sqrt(eta))),
        "score": equation(Derivative(density, z), sqrt(eta) * weighted - z * density),
        "parts": equation(
            (log(p(z)) + 1) * Derivative(m(z) * p(z), z),
            Derivative((log(p(z)) + 1) * m(z) * p(z), z) - m(z) * Derivative(p(z), z),
        ),
        "i_mmse": equation(dI, mmse / 2),
        "prior": equation(log(q_zx / p_z), log(q_zx / q_z) + log(q_z / p_z)),
        "reconstruction": equation(-log(p_xz), -log(q_xz) + log(q_xz / p_xz)),
        "total": equation(bound, H + K_1 + M),
        "entropy": equation(-log(p_x), -log(q_x) + log(q_x / p_x)),
        "advantage": equation(bound - (H + M), K_1),
    },
    nonnegative=("advantage",),
    trust=(
        "the exchange of derivative and integral in z, and that what is at the ends vanishes",
        "from data with N values to all data of finite variance (Guo, Shamai and Verdu, 2005)",
    ),
)
def X5() -> Iterator[Step]:
    # d I / d SNR = mmse / 2
    yield Step(
        r"A Gaussian around $\sqrt\eta\,x$ changes with $\eta$ by moving:",
        equation(Derivative(K_X, eta), -x / (2 * sqrt(eta)) * Derivative(K_X, z)),
        name="moves",
    )
    yield Step(
        "its slope is",
        equation(Derivative(K_X, z), simplify(diff(K_X, z) / K_X) * K_X),
        name="slope",
    )
    of_x = odds * kernel(value)
    yield Step(
        r"The density of $z$ is the average of these over the data. Let the data have $N$ values "
        r"$x_n$, with odds $p_n$; then $p_z$ and $p_zm_z$ are",
        Tuple(
            equation(density, Sum(of_x, (n, 1, N))),
            equation(weighted, Sum(value * of_x, (n, 1, N))),
        ),
        name="densities",
    )
    yield Step(
        "so that the density changes like this,",
        equation(Derivative(density, eta), -Derivative(weighted, z) / (2 * sqrt(eta))),
        proves="heat",
    )
    yield Step(
        "and has this slope.",
        equation(Derivative(density, z), sqrt(eta) * weighted - z * density),
        proves="score",
    )
    yield Step(
        r"$I(x;z)$ is the entropy of $z$ less that of the noise, which does not change. Under the "
        r"integral over $z$,",
        equation(
            Derivative(-p(z, eta) * log(p(z, eta)), eta),
            -(log(p(z, eta)) + 1) * Derivative(p(z, eta), eta),
        ),
        name="entropy_rate",
    )
    both = (log(p(z)) + 1) * m(z) * p(z)
    yield Step(
        r"Put the first line in: with $1/(2\sqrt\eta)$ before it, the integrand is",
        equation(
            (log(p(z)) + 1) * Derivative(m(z) * p(z), z),
            Derivative(both, z) - simplify(diff(log(p(z)), z) * p(z)) * m(z),
        ),
        proves="parts",
    )
    yield Step(
        r"The first part integrates to 0, as it vanishes at both ends. For the second there is the "
        r"slope, $p_z'=(\sqrt\eta\,m_z-z)\,p_z$, so that its integral is "
        r"$-\sqrt\eta\,\mathbb E[m_z^2]+\mathbb E[zm_z]$. And $\mathbb E[zm_z]=\mathbb E[zx]="
        r"\sqrt\eta\,\mathbb E[x^2]$, since $m_z$ is the mean of $x$ given $z$, and the noise has "
        r"the mean 0 given $x$.",
        name="integrated",
        in_words=True,
    )
    yield Step(
        "In all,",
        equation(dI, (-sqrt(eta) * Em2 + sqrt(eta) * Ex2) / (2 * sqrt(eta))),
        name="rate",
    )
    yield Step(
        r"The error is the mean of $(x-m_z)^2$, and $\mathbb E[xm_z]=\mathbb E[m_z^2]$:",
        equation(mmse, Ex2 - 2 * Em2 + Em2),
        name="mmse",
    )
    rate = ((-sqrt(eta) * Em2 + sqrt(eta) * Ex2) / (2 * sqrt(eta))).expand()
    half = simplify(rate / (Ex2 - Em2))
    yield Step("Half the error is the rate.", equation(dI, half * mmse), proves="i_mmse")
    yield Step(
        r"A check by quadrature, for the values $-1$, $0.2$, $1.5$ with odds 0.3, 0.5, 0.2 at "
        r"$\eta=0.7$:",
        name="check",
        numbers=_check(),
    )
    # what the bound of a perfect VDM is
    yield Step(
        r"Now the bound. The prior is the average of this: the information of $z_1$, and $K_1$.",
        equation(log(q_zx / p_z), log(q_zx / q_z) + log(q_z / p_z)),
        proves="prior",
    )
    yield Step(
        r"The reconstruction is the average of this: $H_0$, and the mismatch $M$.",
        equation(-log(p_xz), -log(q_xz) + log(q_xz / p_xz)),
        proves="reconstruction",
    )
    yield Step(
        r"The diffusion loss at infinite depth is half the integral of the error over SNR (L3, "
        r"L4): with the perfect denoiser $\frac12\int\mathrm{mmse}\,d\eta=I_0-I_1$. So the bound "
        r"is",
        equation(bound, (I_1 + K_1) + (H_0 + M) + (I_0 - I_1)),
        name="sum",
    )
    yield Step(
        r"and with $I_0=H-H_0$ all information cancels.",
        equation(bound, expand((I_1 + K_1) + (H_0 + M) + (H - H_0 - I_1))),
        proves="total",
    )
    yield Step(
        r"No bound, of whatever model, is below $H$: the average of this is $H$ and a divergence, "
        r"which is not negative (L1), and the bound is at least the average of $-\ln p(x)$.",
        equation(-log(p_x), -log(q_x) + log(q_x / p_x)),
        proves="entropy",
    )
    yield Step(
        r"Nor is it below $H+M$ with its own $M$: the divergence of the chains is at least that of "
        r"$x,z_0$. So with the same $M$ an encoder can beat a perfect VDM by $K_1$ at most, which "
        r"is the prior loss less $I_1$.",
        equation(bound - (H + M), K_1),
        proves="advantage",
    )


def _check() -> tuple[Number, ...]:
    """dI/deta by a difference, and mmse/2, for three values"""
    values, odds = (-1.0, 0.2, 1.5), (0.3, 0.5, 0.2)

    def parts(z: float, eta: float) -> list[float]:
        return [
            p * math.exp(-((z - math.sqrt(eta) * x) ** 2) / 2) / math.sqrt(2 * math.pi)
            for x, p in zip(values, odds, strict=True)
        ]

    def entropy(eta: float) -> float:
        return integral(lambda z: -sum(parts(z, eta)) * math.log(sum(parts(z, eta))), -12, 12)[0]

    def spread(z: float) -> float:
        each = parts(z, 0.7)
        first, second = (
            sum(p * x**power for p, x in zip(each, values, strict=True)) for power in (1, 2)
        )
        return second - first**2 / sum(each)

    h = 1e-2
    near, far = ((entropy(0.7 + k * h) - entropy(0.7 - k * h)) / (2 * k * h) for k in (1, 2))
    slope = near + (near - far) / 3
    half, error = integral(spread, -12, 12)
    return (
        Number(r"dI/d\eta", "0.246259", slope, abs(near - slope) / 10),
        Number(r"\mathrm{mmse}/2", "0.246259", half / 2, error),
    )
