"""The three encoders, and how fast each moves: dx_t/dlambda = sigma_t^2 u.                 E1-E3"""

from ._language import *
from .processes import at_s

SLOPE = alpha_t**2 * sigma_t**2  # of alpha_t^2 in lambda, proved in E2; sigma_t^2 has minus that
dx_dlambda = name(r"\frac{dx_t}{d\lambda}")
mean_name = name(r"\mathbb E[z_t|x]")
slope_name = name(r"\frac{d\alpha_t^2}{d\lambda}")
acceleration_name = name(r"\frac{d^2x_t}{d\lambda^2}")
start_name = name(r"u|_{y=\dot y=0}")
X, Y = Function("x"), Function("y")  # of lambda, for one and the same data
PATH = {  # what is said about any smooth encoder is said about X
    x_s: X(lambda_t + Delta),
    x_t: X(lambda_t),
    u: Derivative(X(lambda_t), lambda_t) / sigma_t**2,
    xddot_t: Derivative(X(lambda_t), (lambda_t, 2)),
}


def in_lambda(expression: Expr) -> Expr:
    """The noise at t through lambda, so that it can be differentiated"""
    alpha, sigma = (1 / sqrt(1 + exp(sign * lambda_t)) for sign in (-1, 1))
    return expression.subs({alpha_t: alpha, sigma_t: sigma})


def d_lambda(expression: Expr) -> Expr:
    """The derivative in lambda of something made of alpha_t^2, sigma_t^2, x (fixed) and y."""
    speeds = {alpha_t: SLOPE / (2 * alpha_t), sigma_t: -SLOPE / (2 * sigma_t), y: ydot}
    return expand(sum(diff(expression, moving) * speed for moving, speed in speeds.items()))


def encoding_at_s(terms: int) -> Expr:
    """x_s by Taylor's theorem around t, as a series in Delta = lambda_s - lambda_t.

    Nothing is asked of the encoder but that it is smooth: u stands for its first derivative
    (divided by sigma_t^2), xddot_t for its second.
    """
    here, ahead = X(lambda_t), X(lambda_t + Delta).series(Delta, 0, terms).removeO().doit()
    ahead = ahead.subs(Derivative(here, (lambda_t, 2)), xddot_t)
    return ahead.subs({Derivative(here, lambda_t): sigma_t**2 * u, here: x_t})


def up_to(expression: Expr, power: int) -> Expr:
    """expression + O(Delta^power)"""
    return expression + Order(Delta**power)


@row("The identity encoder: a variational diffusion model (VDM)", "04",
    r"With $x_t=x$ and $u$ defined by $\frac{dx_t}{d\lambda}=\sigma_t^2u$,",
    claim={"u": equation(u, 0), "mean": equation(mean_name, alpha_t * x)})
def E1(F1) -> Steps:
    yield Define({x_t: x, u: dx_dlambda / sigma_t**2})
    yield Line("speed", "An encoding that does not depend on the depth does not move.",
        equation(dx_dlambda, d_lambda(x)), means=Derivative(x, lambda_t))
    yield Line("u", "So there is nothing for $u$ to say.", equation(u, d_lambda(x) / sigma_t**2))
    yield Line("mean", r"The latent is the data itself, shrunk by $\alpha_t$ and with noise on "
        "top.", means=F1.mean.subs(x_t, x))


@row("The scaling encoder: nothing to train", "04",
    r"With $x_t=\alpha_t^2x$, $\alpha_t^2=\mathrm{sigmoid}(\lambda)$ and $u$ defined by "
    r"$\frac{dx_t}{d\lambda}=\sigma_t^2u$,",
    claim={
        "slope": equation(slope_name, alpha_t**2 * sigma_t**2),
        "u": equation(u, alpha_t**2 * x),
        "mean": equation(mean_name, alpha_t**3 * x),
        "change": equation(x_t - x_s, -(alpha_s**2) * sigma_t**2 * c * x),
        "acceleration": equation(acceleration_name,
            sigma_t**2 * (sigma_t**2 - alpha_t**2) * alpha_t**2 * x),
    })
def E2(F1) -> Steps:
    encoding = alpha_t**2 * x
    yield Define({x_t: encoding, x_s: at_s(encoding), u: dx_dlambda / sigma_t**2})
    sigmoid = 1 / (1 + exp(-lambda_t))
    yield Line("sigmoid", r"All the noise depends on $\lambda$ through a sigmoid, so start with "
        "its slope.", equation(Derivative(sigmoid, lambda_t), diff(sigmoid, lambda_t)))
    yield Line("slope", r"With $e^{-\lambda}=\sigma_t^2/\alpha_t^2$ and $\alpha_t^2+\sigma_t^2=1$ "
        r"it is the product of the two. ($\sigma_t^2=1-\alpha_t^2$ has the same slope with a "
        "minus.)", means=Derivative(in_lambda(alpha_t**2), lambda_t))
    yield Line("speed", "The data is fixed; only the scale moves.",
        equation(dx_dlambda, d_lambda(encoding)), means=Derivative(in_lambda(encoding), lambda_t))
    yield Line("u", r"Divide by $\sigma_t^2$: what is left is the encoding itself, $u=x_t$. An "
        "exponential grows in proportion to what it is; a sigmoid does so with the brake "
        r"$\sigma_t^2$.", equation(u, d_lambda(encoding) / sigma_t**2))
    yield Line("mean", "The latent shrinks what is already shrunk, hence the third power: "
        r"$q(z_t|x)=\mathcal N(\alpha_t^3x,\sigma_t^2)$.", means=F1.mean.subs(x_t, encoding))
    weight = alpha_s**2 * sigma_t**2 * c
    yield Line("weight", "How far does it move from $s$ to $t$? First rewrite a number that is "
        "easy to compute,", equation(weight, expand(weight.subs(ABBREVIATIONS))))
    yield Line("change", r"which by $\sigma^2=1-\alpha^2$ is $\alpha_s^2-\alpha_t^2$. The "
        r"encoding moves by minus that, times $x$. (Near the data $\alpha_s^2$ and $\alpha_t^2$ "
        "agree to many digits, and their difference is better computed as on the left.)",
        equation(x_t - x_s, encoding - at_s(encoding)))
    yield Line("acceleration", "Once more for the second derivative, which decides how well a "
        "straight line predicts the next encoding. It changes sign where there is as much noise "
        "as signal.", means=Derivative(in_lambda(encoding), (lambda_t, 2)))


@row("The learned encoder", "04",
    r"With $x_t=\alpha_t^2x+\sigma_t^2y$, where $y=y_\phi(x,\gamma_t)$ moves at the speed "
    r"$\dot y=\frac{dy}{d\lambda}$,",
    claim={
        "x_t": equation(x_t, alpha_t**2 * x + sigma_t**2 * y),
        "u": equation(u, alpha_t**2 * x + sigma_t**2 * y - y + ydot),
        "start": equation(start_name, alpha_t**2 * x),
        "change": equation(x_t - x_s,
            alpha_s**2 * sigma_t**2 * c * (y_t - x) + sigma_s**2 * (y_t - y_s)),
    })
def E3(E2) -> Steps:
    encoding = y + alpha_t**2 * (x - y)
    weighted = collect(expand(encoding), y).subs(1 - alpha_t**2, sigma_t**2)
    yield Define({
        y: Y(lambda_t), y_t: Y(lambda_t), y_s: Y(lambda_s), ydot: Derivative(Y(lambda_t), lambda_t),
        x_s: at_s(encoding).subs(y, y_s),
        dx_dlambda: Derivative(in_lambda(encoding).subs(y, Y(lambda_t)), lambda_t),
        u: dx_dlambda / sigma_t**2,
    })
    yield Define({x_t: encoding}, "path", "Go from what the network proposes, $y$, a part "
        r"$\alpha_t^2$ of the way to the data. Without noise ($\alpha_t=1$) that is the data, in "
        r"pure noise ($\alpha_t=0$) it is $y$.")
    yield Line("x_t", r"As $1-\alpha_t^2=\sigma_t^2$, it is a weighted mean of the two.")
    yield Line("speed", "Three things move: the weight of $x$, the weight of $y$ with the "
        "opposite sign, and $y$ itself.", equation(dx_dlambda, d_lambda(weighted)))
    rate = expand(d_lambda(weighted) / sigma_t**2)
    yield Line("rate", r"Divide by $\sigma_t^2$.", equation(u, rate))
    yield Line("u", r"In $-\alpha_t^2y=\sigma_t^2y-y$ hides the other half of the encoding, so "
        r"that $u=x_t-y+\dot y$.",
        equation(u, expand(rate.subs(alpha_t**2 * y, y - sigma_t**2 * y))))
    start = rate.subs({y: 0, ydot: 0})
    yield Line("start", "A network that starts at $y=0$ for every depth starts as the scaling "
        "encoder, E2.", equation(start_name, start))
    yield Line("as_E2", r"Indeed, there", equation(start_name, E2.u))
    yield Line("change", r"From $s$ to $t$ both weights change, by $\alpha_s^2\sigma_t^2c$ as in "
        "E2, and the network changes its mind from $y_s$ to $y_t$.",
        equation(x_t - x_s, weighted.subs(y, y_t) - at_s(weighted).subs(y, y_s)))
