"""The exercises of the course: one entry each, to be shown by `ask` and judged by `check`.

A formula answer is SymPy text in the names of its form; a number answer is a function that computes
it, so that no answer is a figure copied from somewhere. Hints never contain the answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Number:
    """The answer is one number, right within this relative tolerance."""

    tolerance: float = 1e-3

    def describe(self) -> str:
        return "one number"


@dataclass(frozen=True)
class Formula:
    """The answer is a formula in these names, each tried between its two bounds (log-uniformly
    where they are positive and more than a factor of 1000 apart)."""

    ranges: dict[str, tuple[float, float]]

    def describe(self) -> str:
        names = ", ".join(self.ranges)
        if len(self.ranges) == 1:
            return f"a function of {names}, or a SymPy expression in the symbol {names}"
        return f"a function of ({names}) in this order, or a SymPy expression in these symbols"


@dataclass(frozen=True)
class Exercise:
    """number "NN.n" (NN is the notebook), question in Markdown, form, answer, hint."""

    number: str
    question: str
    form: Number | Formula
    answer: str | Callable[[], float]
    hint: str


def _gap_times_steps() -> float:
    from ..worlds import VDM, Exact, Gaussian

    steps = 10_000
    world = Exact(Gaussian(1.0), VDM)
    return steps * (world.total(steps) - world.entropy)


def _most_an_encoder_can_save() -> float:
    import torch

    from ...schedule import LinearSchedule
    from ..worlds import likelihood

    schedule, toy = LinearSchedule(), likelihood("mixture")
    at_1 = schedule(torch.ones(1, dtype=torch.float64))
    return (toy.perfect_vdm(schedule)[0] - toy.information(at_1)) / (2 * math.log(2))


def _price_of_scaling() -> float:
    from ..worlds import SCALING, Exact, PlusMinus

    world = Exact(PlusMinus(), SCALING)
    return world.total() - world.entropy


def _ratio_that_costs_a_nat() -> float:
    low, high = 1.0, 2.0
    for _ in range(60):
        w = (low + high) / 2
        low, high = (w, high) if 1000 * (w - 1 - math.log(w)) / 2 < 1 else (low, w)
    return low


def _middle_of_two_steps() -> float:
    snr_0, snr_1 = math.exp(13.3), math.exp(-5.0)
    snr = math.sqrt((1 + snr_0) * (1 + snr_1)) - 1
    return (13.3 - math.log(snr)) / 18.3


def _black_image_bits() -> float:
    from ..worlds import reconstruction_by_level

    return 784 * float(reconstruction_by_level()[0]) / math.log(2)


def _prior_of_black() -> float:
    x, alpha2 = 1 - 1 / 256, 1 / (1 + math.exp(5.0))
    sigma2 = 1 - alpha2
    return 0.5 * (alpha2 * x**2 + sigma2 - math.log(sigma2) - 1) / math.log(2)


def _untrained_diffusion() -> float:
    softplus = [math.log1p(math.exp(-gamma)) for gamma in (-13.3, 5.0)]
    return softplus[0] - softplus[1]


_POSITIVE = (0.1, 3.0)
_ANY = (-2.0, 2.0)
_UNIT = (0.05, 0.95)
_GAMMA_S, _GAMMA_T = (-12.0, -1.0), (0.0, 5.0)

_ALL = [
    # --- 00 Ten-minute tour ------------------------------------------------------------------
    Exercise(
        "00.1",
        "A bound says that one digit of $28 \\times 28$ pixels costs 1000 nats. "
        "How many **bits per dimension** is that?",
        Number(),
        lambda: 1000 / (784 * math.log(2)),
        "divide by the number of dimensions, and remember how many nats make a bit",
    ),
    Exercise(
        "00.2",
        "$\\gamma(t)$ runs linearly from $-13.3$ at $t=0$ to $5$ at $t=1$. "
        "At which $t$ do signal and noise have equal shares, $\\alpha_t^2 = \\sigma_t^2$?",
        Number(),
        lambda: 13.3 / 18.3,
        "equal shares mean a signal-to-noise ratio of 1; which gamma is that?",
    ),
    Exercise(
        "00.3",
        "Write the noisy latent $z_t$ in terms of the encoded data $x_t$, the noise $\\epsilon$ "
        "and $\\gamma_t$: a function `z(x_t, eps, gamma)`.",
        Formula({"x_t": (-1.0, 1.0), "eps": _ANY, "gamma": (-10.0, 5.0)}),
        "x_t / sqrt(1 + exp(gamma)) + eps / sqrt(1 + exp(-gamma))",
        "the squares of alpha and sigma are the logistic sigmoids of minus gamma and of gamma",
    ),
    # --- 01 A Gaussian toolbox ---------------------------------------------------------------
    Exercise(
        "01.1",
        "What is $\\mathrm{KL}\\big(N(m_1, v_1)\\,\\|\\,N(m_2, v_2)\\big)$ in one dimension, in "
        "nats? ($v$ is a variance.) A formula in `m_1, v_1, m_2, v_2`.",
        Formula({"m_1": _ANY, "v_1": _POSITIVE, "m_2": _ANY, "v_2": _POSITIVE}),
        "(v_1/v_2 + (m_1 - m_2)**2/v_2 - 1 - log(v_1/v_2)) / 2",
        "it must vanish when the two are the same, and it is not symmetric: look at which of the "
        "two variances divides",
    ),
    Exercise(
        "01.2",
        "A step from $t$ down to $s$ removes the share $c = 1 - \\mathrm{SNR}(t)/\\mathrm{SNR}(s)$ "
        "of the noise. Write $c$ as a function of `step` $= \\gamma_t - \\gamma_s$ that keeps six "
        "digits even for a step of $10^{-12}$.",
        Formula({"step": (1e-12, 10.0)}),
        "1 - exp(-step)",
        "if only tiny steps fail, two nearly equal numbers cancel: what is expm1 for?",
    ),
    Exercise(
        "01.3",
        "What is the variance $\\sigma_Q^2$ of $q(z_s | z_t, x)$? A formula in "
        "`alpha_s, sigma_s, alpha_t, sigma_t` (treat the four as free).",
        Formula(
            {"alpha_s": (0.8, 1.0), "sigma_s": _UNIT, "alpha_t": (0.1, 0.7), "sigma_t": (1.0, 2.0)}
        ),
        "sigma_s**2 * (1 - alpha_t**2*sigma_s**2/(alpha_s**2*sigma_t**2))",
        "precisions add: that of q(z_s | x) and that which z_t brings about z_s",
    ),
    Exercise(
        "01.4",
        "Somebody forgets the shift and moves by $q(z_t|z_s,x) = N(\\alpha_{t|s} z_s, "
        "\\sigma_{t|s}^2)$. Starting from $z_s \\sim q(z_s|x)$, what is then the mean of $z_t$ "
        "given $x$? A formula in `alpha_s, alpha_t, x_s, x_t`.",
        Formula({"alpha_s": _UNIT, "alpha_t": _UNIT, "x_s": _ANY, "x_t": _ANY}),
        "alpha_t*x_s",
        "take the mean of z_s first, then carry it by alpha_t / alpha_s",
    ),
    # --- 02 The bound and worlds with exact answers --------------------------------------------
    Exercise(
        "02.1",
        "What does the prior loss (L0) cost per dimension, in nats? A formula in `alpha_1` and "
        "`x_1`, the encoding at $t=1$ (variance preserving).",
        Formula({"alpha_1": _UNIT, "x_1": _ANY}),
        "(alpha_1**2*(x_1**2 - 1) - log(1 - alpha_1**2)) / 2",
        "it is the KL of 01.1 to N(0, 1), with sigma_1^2 = 1 - alpha_1^2 put in",
    ),
    Exercise(
        "02.2",
        "How many **bits** does reconstruction (L1) cost for an all-black image of $28 \\times 28$ "
        "pixels, with $\\gamma_0 = -13.3$ and 256 levels?",
        Number(),
        _black_image_bits,
        "black is the first level: it has a neighbour on one side only",
    ),
    Exercise(
        "02.3",
        "$N(\\mu_Q, \\sigma_Q^2 I)$ against $N(\\mu_P, \\sigma_Q^2/w\\, I)$ in $d$ dimensions: "
        "what is the KL in nats? A formula in `w`, `m` and `d`, with "
        "$m = \\|\\mu_P-\\mu_Q\\|^2/(d\\,\\sigma_Q^2)$.",
        Formula({"w": _POSITIVE, "m": _POSITIVE, "d": (1.0, 10.0)}),
        "d*(w - 1 - log(w) + w*m) / 2",
        "each dimension costs the same; m already holds the d",
    ),
    Exercise(
        "02.4",
        "The data are $+1$ or $-1$ with equal odds, and $z = \\alpha x + \\sigma\\epsilon$. What "
        "is the exact denoiser $E[x|z]$? A formula in `z, alpha, sigma`.",
        Formula({"z": _ANY, "alpha": _UNIT, "sigma": (0.3, 1.0)}),
        "tanh(alpha*z/sigma**2)",
        "weigh the two values by their Gaussian likelihoods and divide: which function has the "
        "form (e^a - e^-a) / (e^a + e^-a)?",
    ),
    Exercise(
        "02.5",
        "The data are $N(0, s_2)$. What is the smallest possible mean squared error of a denoiser "
        "at signal-to-noise ratio `snr` $= \\alpha^2/\\sigma^2$? A formula in `s_2, snr`.",
        Formula({"s_2": _POSITIVE, "snr": (1e-2, 1e2)}),
        "s_2/(1 + s_2*snr)",
        "precisions add: 1/s_2 from the data, snr from the observation",
    ),
    # --- 03 From finite to infinite depth -------------------------------------------------------
    Exercise(
        "03.1",
        "With the identity encoder and $w=1$, one step costs $k\\,E\\|x-\\hat x\\|^2$. Give $k$ as "
        "a formula in `gamma_s, gamma_t`.",
        Formula({"gamma_s": (-5.0, 0.0), "gamma_t": (0.5, 5.0)}),
        "(exp(-gamma_s) - exp(-gamma_t)) / 2",
        "SNR = exp(-gamma), and going down from t to s the SNR rises",
    ),
    Exercise(
        "03.2",
        "The residual of L4 can be written with $v$ or with $\\epsilon$. For the identity encoder, "
        "$v - \\hat v = k\\,(\\epsilon - \\hat\\epsilon)$: give $k$ as a formula in `alpha`.",
        Formula({"alpha": _UNIT}),
        "1/alpha",
        "z is known to both, so v and eps differ by a multiple of one another: use "
        "eps = sigma z + alpha v",
    ),
    Exercise(
        "03.3",
        "The data are $N(0, s_2)$ and the denoiser is exact. What is the diffusion loss at "
        "infinite depth, in nats per dimension? A formula in `s_2, gamma_0, gamma_1`.",
        Formula({"s_2": _POSITIVE, "gamma_0": (-10.0, -1.0), "gamma_1": (0.0, 5.0)}),
        "log((1 + s_2*exp(-gamma_0))/(1 + s_2*exp(-gamma_1))) / 2",
        "integrate half the error of 02.5 over the SNR, from its value at t = 1 to that at t = 0",
    ),
    Exercise(
        "03.4",
        "In the world $N(0, 1)$ with the identity encoder and $w=1$ (X2), the gap of the bound "
        "with $T$ equal steps falls like $a/T$. What is $a$, in nats per dimension?",
        Number(5e-3),
        _gap_times_steps,
        "look at T times the gap for large T, or integrate the first neglected term of the series",
    ),
    # --- 04 Adding an encoder ---------------------------------------------------------------------
    Exercise(
        "04.1",
        "With the scaling encoder, what is the mean of $q(z_t|x)$? A formula in `alpha, x`.",
        Formula({"alpha": _UNIT, "x": _ANY}),
        "alpha**3*x",
        "the encoder scales x before the process scales x_t",
    ),
    Exercise(
        "04.2",
        "Seen from $x$, the scaling encoder is a noisier channel. What is the signal-to-noise "
        "ratio of $z_t$ about $x$ (not about $x_t$)? A formula in `gamma`.",
        Formula({"gamma": (-5.0, 5.0)}),
        "exp(-gamma)/(1 + exp(gamma))**2",
        "the squared factor of x in the mean, over the variance of the noise",
    ),
    Exercise(
        "04.3",
        "A toy encoder of the learned form has $y(x, \\gamma) = \\gamma x$. What is its $u$, with "
        "$dx_t/d\\lambda = \\sigma_t^2 u$? A formula in `x, gamma`.",
        Formula({"x": _ANY, "gamma": (-5.0, 5.0)}),
        "-x*(1/(1 + exp(-gamma)) + gamma/(1 + exp(gamma)))",
        "put y into E3, and watch the sign of dy/dlambda: lambda = -gamma",
    ),
    Exercise(
        "04.4",
        "For the scaling encoder with its counterterm, $r = k\\,(v - \\hat v)$. Give $k$ as a "
        "formula in `sigma`.",
        Formula({"sigma": _UNIT}),
        "1 + sigma**2",
        "u - u_hat is x_t - x_hat; how does that depend on v - v_hat?",
    ),
    Exercise(
        "04.5",
        "At finite depth the counterterm is only first order. For the scaling encoder, divide the "
        "true shift $x_s - x_t$ by what the counterterm puts for it, $(\\lambda_s-\\lambda_t)\\,"
        "\\sigma_t^2\\, x_t$ (with $\\hat x = x_t$). A formula in `gamma_s, gamma_t`.",
        Formula({"gamma_s": (-5.0, 0.0), "gamma_t": (0.5, 5.0)}),
        "(1/(1+exp(gamma_s)) - 1/(1+exp(gamma_t)))"
        " * (1+exp(gamma_t)) * (1+exp(-gamma_t)) / (gamma_t - gamma_s)",
        "x drops out; as gamma_s approaches gamma_t your formula must tend to 1",
    ),
    # --- 05 What an encoder can buy ---------------------------------------------------------------
    Exercise(
        "05.1",
        "By which factor is the scaling encoder's diffusion loss, at one depth, larger than that "
        "of a VDM with the same marginals (X4)? A formula in `sigma`.",
        Formula({"sigma": _UNIT}),
        "(1 + sigma**2)**2/(1 + 2*sigma**2)",
        "the VDM's share is the slope of the log of the SNR about x, in lambda: 04.2 has that SNR",
    ),
    Exercise(
        "05.2",
        "The encoder $x_t = \\alpha_t^p\\, x$ has $u = k\\,x_t$. Give $k$ as a formula in `p`.",
        Formula({"p": (0.0, 6.0)}),
        "p/2",
        "differentiate the logarithm of alpha in lambda; p = 2 must give the scaling encoder",
    ),
    Exercise(
        "05.3",
        "A perfect VDM on data $N(0, s_2)$ can be beaten by an encoder by at most "
        "$\\mathrm{KL}(q(z_1)\\|N(0,1))$ per dimension (X5). Give it as a formula in "
        "`s_2, gamma_1`.",
        Formula({"s_2": _POSITIVE, "gamma_1": (-2.0, 5.0)}),
        "((s_2 - 1)/(1 + exp(gamma_1)) - log(1 + (s_2 - 1)/(1 + exp(gamma_1)))) / 2",
        "q(z_1) without x is a Gaussian: find its variance, then use 01.1",
    ),
    Exercise(
        "05.4",
        "Data $+1$ or $-1$, the scaling encoder, an exact denoiser, infinite depth: by how many "
        "nats does the bound exceed the entropy $\\ln 2$ (X3)?",
        Number(),
        _price_of_scaling,
        "the whole bound, prior and reconstruction included; `Exact(PlusMinus(), SCALING)` adds up "
        "all three",
    ),
    # --- 06 The noise variance ratio ----------------------------------------------------------
    Exercise(
        "06.1",
        "The data are $N(0, s_2)$, the encoder is the identity and the denoiser is exact. What is "
        "the best ratio $w^*$ of the step from $t$ down to $s$? A formula in "
        "`s_2, gamma_s, gamma_t`.",
        Formula({"s_2": _POSITIVE, "gamma_s": (-5.0, 0.0), "gamma_t": (0.5, 5.0)}),
        "(1 + s_2*exp(-gamma_t))/(1 + s_2*exp(-gamma_s))",
        "m is twice what 03.1 charges for the error of 02.5; then W1",
    ),
    Exercise(
        "06.2",
        "How much does the best ratio save in one step against $w=1$, in nats per dimension? A "
        "formula in `m`, the mean squared gap in units of $d\\,\\sigma_Q^2$.",
        Formula({"m": (1e-2, 1e3)}),
        "(m - log(1 + m))/2",
        "take the cost of the step at both ratios, and the difference; for small m it must go like "
        "the square of m",
    ),
    Exercise(
        "06.3",
        "A chain has 1000 steps. Which constant ratio $w > 1$ adds exactly **one nat per "
        "dimension** by the price of its variance alone, $T\\,\\frac12(w-1-\\ln w)$?",
        Number(),
        _ratio_that_costs_a_nat,
        "W2 with kappa = 2 comes near, but not within a thousandth of w - 1: solve the equation "
        "itself",
    ),
    Exercise(
        "06.4",
        "Two dimensions have gaps $m_1$ and $m_2$ in one step. How many nats does a ratio for each "
        "of them save against the best shared one (W5)? A formula in `m_1, m_2`.",
        Formula({"m_1": _POSITIVE, "m_2": _POSITIVE}),
        "log(1 + (m_1 + m_2)/2) - log(1 + m_1)/2 - log(1 + m_2)/2",
        "the shared ratio sees the mean of the two, and d = 2; if the two are equal nothing is "
        "saved",
    ),
    # --- 07 Weighted losses and inference schedules -----------------------------------------------
    Exercise(
        "07.1",
        "A VDM (E1) is trained with the plain $v$-loss, the sum of $\\|v-\\hat v\\|^2$ over the "
        "steps, all with weight 1. The bound of which ratio is that for the step from $\\gamma_t$ "
        "to $\\gamma_s$? A formula in `gamma_s, gamma_t`.",
        Formula({"gamma_s": _GAMMA_S, "gamma_t": _GAMMA_T}),
        "2*(1 + exp(gamma_t))/(exp(gamma_t - gamma_s) - 1)",
        "for the epsilon-loss it is in W3; and eps - eps_hat is alpha_t times v - v_hat",
    ),
    Exercise(
        "07.2",
        "The data are $N(0,1)$, the denoiser is exact, E1, $w=1$, and there are **two** steps. At "
        "which $t$ should the first one end? ($\\gamma$ runs linearly from $-13.3$ to $5$.)",
        Number(),
        _middle_of_two_steps,
        "1 + SNR is a geometric sequence on the best grid; from SNR to gamma to t",
    ),
    Exercise(
        "07.3",
        "A VDM (E1) has a squared error of `mse` per dimension at $z_t$. Which ratio is the best "
        "one for a step from $t$ down to $s$? A formula in `snr_s, snr_t, mse`.",
        Formula({"snr_s": (1.0, 1e4), "snr_t": (1e-2, 1.0), "mse": (1e-3, 1.0)}),
        "1/(1 + (snr_s - snr_t)*mse)",
        "by L3 the step costs half the gain of SNR times the error at w = 1, and that is m/2",
    ),
    Exercise(
        "07.4",
        "E1 and $w=1$. A step from $t$ to $u$ and one from $u$ to $s$ are replaced by one from $t$ "
        "to $s$, to save a call of the network. By how many nats per dimension does the bound "
        "rise? A formula in `snr_s, snr_u, mse_u, mse_t`, the errors being per dimension.",
        Formula(
            {"snr_s": (10.0, 1e3), "snr_u": (0.1, 10.0), "mse_u": (0.0, 0.5), "mse_t": (0.5, 1.0)}
        ),
        "(snr_s - snr_u)*(mse_t - mse_u)/2",
        "write down the three costs by L3; only the part from u to s is charged at another rate",
    ),
    # --- 08 Two-dimensional toys ------------------------------------------------------------------
    Exercise(
        "08.1",
        "A toy puts equal probability on `n` of its $256 \\times 256$ cells, and none on the "
        "others. What is $H(x)$ in **bits per dimension**? A formula in `n`.",
        Formula({"n": (2.0, 65536.0)}),
        "log(n)/(2*log(2))",
        "each point has probability 1/n; a point has two dimensions, and a bit is ln 2 nats",
    ),
    Exercise(
        "08.2",
        "X5, for the mixture: by how many **bits per dimension** can an encoder beat the perfect "
        "VDM at most?",
        Number(0.01),
        _most_an_encoder_can_save,
        "it is the prior less what z_1 still tells about x: `perfect_vdm` has the first, "
        "`information` at t = 1 the second",
    ),
    Exercise(
        "08.3",
        "From $\\gamma = a$ to $\\gamma = b$ the denoiser of a VDM misses the perfect one by "
        "$E\\|\\hat x - E[x|z]\\|^2 = q\\,e^{\\gamma}$; elsewhere it is perfect. How many **nats** "
        "does that add to the bound? A formula in `q, a, b`.",
        Formula({"q": (0.01, 1.0), "a": (-12.0, -4.0), "b": (-3.0, 4.0)}),
        "q*(b - a)/2",
        "a squared error is weighted by SNR/2 per unit of gamma, and SNR = exp(-gamma)",
    ),
    Exercise(
        "08.4",
        "The scaling encoder in a process *without* the counterterm ($\\hat u = 0$), at infinite "
        "depth. Which $\\hat x$ makes L4 smallest? A formula in `m` $= E[x_t|z_t]$ and `sigma`.",
        Formula({"m": _ANY, "sigma": _UNIT}),
        "m*(1 + sigma**2)",
        "by G4, write v - v_hat in x_hat and x_t; then r = (v - v_hat) - sigma u, where u = x_t, "
        "should be zero on average over all x that may have led to z_t",
    ),
    # --- 09 Training on MNIST ---------------------------------------------------------------------
    Exercise(
        "09.1",
        "Before training: what will the prior loss (L0) of a VDM be on a black pixel (level 0 of "
        "256) with $\\gamma_1 = 5$, in bits?",
        Number(),
        _prior_of_black,
        "use 02.1 with x = 1/256 - 1, and turn nats into bits",
    ),
    Exercise(
        "09.2",
        "Before training the network adds nothing, so $\\hat v = z$. What diffusion loss does that "
        "VDM have at infinite depth for a pixel with $x^2 = 1$, in **nats** "
        "($\\gamma$ from $-13.3$ to $5$)?",
        Number(),
        _untrained_diffusion,
        "v - z = (alpha - sigma) eps - (alpha + sigma) x: square it, take the mean over eps, and "
        "integrate over gamma",
    ),
    Exercise(
        "09.3",
        "The averaged weights keep $0.9999$ of themselves at each step. After how many steps is "
        "half of their content newer than the start?",
        Number(),
        lambda: math.log(2) / -math.log(0.9999),
        "after n steps the share of the start is 0.9999 to the power n",
    ),
    # --- 10 Does the encoder help? ----------------------------------------------------------------
    Exercise(
        "10.1",
        "A pixel has the mean $c$ over all images. By how many nats does the bound of a VDM with a "
        "**perfect** denoiser fall when the data is centred, $x-c$ in place of $x$? A formula in "
        "`c, gamma_1`.",
        Formula({"c": (-1.0, 1.0), "gamma_1": (-2.0, 5.0)}),
        "c**2/(2*(1 + exp(gamma_1)))",
        "by X5 it is the fall of KL(q(z_1) || N(0, 1)); all that changes in q(z_1) is its mean",
    ),
    Exercise(
        "10.2",
        "The totals of two models have the same standard deviation over seeds, and the correlation "
        "$\\rho$ when both have the same seed. By which factor does pairing shrink the standard "
        "deviation of their difference? A formula in `rho`, below 1 when pairing helps.",
        Formula({"rho": (-0.9, 0.99)}),
        "sqrt(1 - rho)",
        "Var(a - b) = Var(a) + Var(b) - 2 Cov(a, b), once with and once without the last term",
    ),
    Exercise(
        "10.3",
        "Eight differences are tested by flipping signs, and corrected by Holm. How many pairs "
        "must each have **at least** before the first of them can come below 5 %?",
        Number(),
        lambda: next(n for n in range(1, 99) if 8 * 2 ** (1 - n) < 0.05),
        "n pairs have 2^n sign patterns, of which two are as extreme as can be; Holm multiplies "
        "the smallest p value by eight",
    ),
    Exercise(
        "10.4",
        "The paper reports $2.641\\pm0.003$ and $2.620\\pm0.006$ bits per dimension, three seeds "
        "each. Suppose that $\\pm$ is the **standard error** of the mean. What is $t$?",
        Number(),
        lambda: (2.641 - 2.620) / math.hypot(0.003, 0.006),
        "the difference over its standard error; the squares of the two errors add up",
    ),
    # --- 11 What did the encoder learn? -----------------------------------------------------------
    Exercise(
        "11.1",
        "$\\gamma(t)$ runs linearly from $-13.3$ to $5$. Up to which $t$ is it certain, whatever "
        "the network $y$ with $|y|\\le1$, that the learned encoder moves no pixel by more than "
        "half a grey level ($1/256$ in units of $x$)?",
        Number(),
        lambda: (13.3 - math.log(511)) / 18.3,
        "X7 says how far a pixel can move at most; which sigma^2 makes that 1/256, and which gamma "
        "makes that sigma^2?",
    ),
    Exercise(
        "11.2",
        "What does the heat map $(x_t - x_s)/(t - s)$ of the **scaling** encoder show for a pixel "
        "$x$? $\\gamma$ is linear with $\\gamma'(t) = 18.3$. A formula in `x, gamma_s, gamma_t`.",
        Formula({"x": (-1.0, 1.0), "gamma_s": _GAMMA_S, "gamma_t": _GAMMA_T}),
        "183*x/10*(1/(1 + exp(gamma_t)) - 1/(1 + exp(gamma_s)))/(gamma_t - gamma_s)",
        "x_t is sigmoid(-gamma_t) times x; and how much depth lies between two values of gamma?",
    ),
    Exercise(
        "11.3",
        "From $x$ and its encoding $x_t$ at $\\gamma$ one can tell what the network of a learned "
        "encoder must have said. Give $y$ as a formula in `x, x_t, gamma`.",
        Formula({"x": (-1.0, 1.0), "x_t": (-1.0, 1.0), "gamma": (-4.0, 5.0)}),
        "x + (x_t - x)*(1 + exp(-gamma))",
        "solve E3 for y; it is a sum of x and something that vanishes when x_t = x",
    ),
    Exercise(
        "11.4",
        "The learned encoder, infinite depth. Suppose that $z_t$ tells the network the means "
        "$m = E[x_t\\,|\\,z_t]$ and $k = E[dy/d\\lambda - y\\,|\\,z_t]$ of one pixel. Which "
        "$\\hat x$ makes the loss smallest? A formula in `m, k, sigma`.",
        Formula({"m": (-1.0, 1.0), "k": (-1.0, 1.0), "sigma": _UNIT}),
        "m + sigma**2*k/(1 + sigma**2)",
        "a perfect network says the mean of x_t + sigma^2 u, over 1 + sigma^2; write u with x_t",
    ),
    # --- 12 The ratio on MNIST --------------------------------------------------------------------
    Exercise(
        "12.1",
        "With $w=1$ and $T$ steps a model's diffusion loss is $D$ **bits** per dimension. What is "
        "it with one constant $w$ at all steps, the network and the steps being the same? A "
        "formula in `w, T, D`.",
        Formula({"w": (0.2, 4.0), "T": (1.0, 1000.0), "D": _POSITIVE}),
        "w*D + T*(w - 1 - log(w))/(2*log(2))",
        "by L2 one part of a step's cost is proportional to w, and the other knows nothing of the "
        "data; mind the unit of that other part",
    ),
    Exercise(
        "12.2",
        "A chain of $T$ steps costs $L$ nats per dimension with $w=1$, and all its steps cost the "
        "same. What does it cost with $w^*$? A formula in `T, L`.",
        Formula({"T": (1.0, 1000.0), "L": _POSITIVE}),
        "T*log(1 + 2*L/T)/2",
        "find m of one step from its share of L, then W1",
    ),
    Exercise(
        "12.3",
        "In one step half of the pixels have $m_j=0$ (the black border, say) and the other half "
        "$m_j=2$. How many **bits** per dimension does a ratio for each pixel save against the "
        "best shared one (W5)?",
        Number(),
        lambda: (math.log(2) - math.log(3) / 2) / (2 * math.log(2)),
        "the shared ratio sees m = 1; 06.4 is the case of two pixels, in nats and for both",
    ),
    Exercise(
        "12.4",
        "A sampler takes the step with $w^*$ instead of $w=1$. By which factor does the standard "
        "deviation of the noise that it adds grow? A formula in `m`, the step's mean squared gap.",
        Formula({"m": (1e-2, 1e3)}),
        "sqrt(1 + m)",
        "the variance is sigma_Q^2 / w, and W1 has w*",
    ),
]

EXERCISES = {exercise.number: exercise for exercise in _ALL}
