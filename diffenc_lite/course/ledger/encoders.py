"""The three encoders, and how fast each moves: dx_t/dlambda = sigma_t^2 u.                 E1-E3"""

from ._language import *
from .processes import mu

slope = name(r"\frac{d\alpha_t^2}{d\lambda}", real=True)
X, Y = Function("x", real=True), Function("y", real=True)  # of lambda, for one and the same data
lam = Symbol("lambda", real=True)


@row("The identity encoder: a variational diffusion model (VDM)", "04",
    r"Every encoder is a path in $\lambda$; its $u$ is defined by "
    r"$\frac{dx_t}{d\lambda}=\sigma_t^2u$. For $x_t=x$,",
    forms="u mean")
def E1(D: Row) -> None:
    D.define("encoding", r"For one and the same data an encoding is a path in $\lambda$. At $t$",
        x_t, X(lambda_t))
    D.define("ahead", r"and at $s$ it is", x_s, X(lambda_t + Delta))
    D.define("speed", "Its speed is written by $u$,", u, Derivative(X(lambda_t), lambda_t)
        / sigma_t**2)
    D.define("bend", "and this is how it bends.", xddot_t, Derivative(X(lambda_t), (lambda_t, 2)))
    D.define("path", "The path of E1 stays at the data.", X(lam), x)
    D.suppose("counterterm", "u_hat = 0", "So there is no motion to be guessed.", uhat, 0)
    D.step("x_t", "At every depth", x_t, x, uses="encoding path")
    D.step("x_s", "it is the data,", x_s, x, uses="ahead path")
    D.step("u", "and there is nothing for $u$ to say.", u, 0, uses="speed path")
    D.step("mean", r"The latent is the data itself, shrunk by $\alpha_t$ and with noise on top.",
        mu, alpha_t * x, uses="F1.mean x_t")


@row("The scaling encoder: nothing to train", "04",
    r"With $x_t=\alpha_t^2x$, $\alpha_t^2=\mathrm{sigmoid}(\lambda)$ and $u$ defined by "
    r"$\frac{dx_t}{d\lambda}=\sigma_t^2u$,",
    forms="slope u mean change")
def E2(D: Row) -> None:
    D.define("path", r"The path of E2 shrinks the data by a sigmoid of $\lambda$.",
        X(lam), x / (1 + exp(-lam)))
    D.suppose("counterterm", "u_hat = x_hat", "Generation guesses $u$ by its guess of $x_t$.",
        uhat, xhat)
    D.step("x_t", r"That is $\alpha_t^2$: at $t$", x_t, alpha_t**2 * x, uses="E1.encoding path")
    D.step("x_s", "and at $s$", x_s, alpha_s**2 * x, uses="E1.ahead path")
    D.define("rate", "How fast does the sigmoid grow?", slope, Derivative(alpha_t**2, lambda_t))
    D.step("slope", r"With $e^{-\lambda}=\sigma_t^2/\alpha_t^2$ and $\alpha_t^2+\sigma_t^2=1$ its "
        "slope is the product of the two.", slope, alpha_t**2 * sigma_t**2, uses="rate")
    D.step("u", r"An exponential grows in proportion to what it is; a sigmoid does so with the "
        r"brake $\sigma_t^2$. Divided by that, what is left is the encoding itself, $u=x_t$.",
        u, alpha_t**2 * x, uses="E1.speed path")
    D.step("mean", "The latent shrinks what is already shrunk, hence the third power: "
        r"$q(z_t|x)=\mathcal N(\alpha_t^3x,\sigma_t^2)$.", mu, alpha_t**3 * x, uses="F1.mean x_t")
    D.step("change", r"From $s$ to $t$ the encoding moves by $\alpha_t^2-\alpha_s^2$, times $x$: "
        "near the data it is better computed as on the right.", x_t - x_s,
        -(alpha_s**2) * sigma_t**2 * c * x, uses="x_t x_s")


@row("The learned encoder", "04",
    r"With $x_t=\alpha_t^2x+\sigma_t^2y$, where $y=y_\phi(x,\gamma_t)$ moves at the speed "
    r"$\dot y=\frac{dy}{d\lambda}$,",
    forms="x_t u change")
def E3(D: Row) -> None:
    D.define("path", "Go from what the network proposes, $y$, a part of the way to the data, the "
        r"sigmoid of $\lambda$. Without noise that is the data, in pure noise it is $y$.",
        X(lam), Y(lam) + (x - Y(lam)) / (1 + exp(-lam)))
    D.define("y", "Here $y$ is what the network says at $t$,", y, Y(lambda_t))
    D.define("y_s", "at $s$ it says", y_s, Y(lambda_t + Delta))
    D.define("ydot", r"and $\dot y$ is its speed.", ydot, Derivative(Y(lambda_t), lambda_t))
    D.step("x_t", r"As $1-\alpha_t^2=\sigma_t^2$, it is a weighted mean of the two.",
        x_t, alpha_t**2 * x + sigma_t**2 * y, uses="E1.encoding path y")
    D.step("u", "Three things move: the weight of $x$, the weight of $y$ with the opposite sign, "
        r"and $y$ itself. That is $u=x_t-y+\dot y$. (A network that starts at $y=0$ starts as E2.)",
        u, alpha_t**2 * x + sigma_t**2 * y - y + ydot, uses="E1.speed path y ydot")
    D.define("y_t", "From $s$ to $t$, with $y_t$ for $y$,", y_t, y)
    D.step("change", r"both weights change, by $\alpha_s^2\sigma_t^2c$ as in E2, and the network "
        "changes its mind from $y_s$ to $y_t$.", x_t - x_s,
        alpha_s**2 * sigma_t**2 * c * (y_t - x) + sigma_s**2 * (y_t - y_s),
        uses="x_t y_s y_t E1.ahead path")
