"""Twenty exercises for assignments, in which each student has numbers of their own.

    from diffenc_lite.course.exercises import register
    from diffenc_lite.course.exercises.bank import bank

    register(*bank("a secret of yours"))              # in the file for `grade --exercises`

Each is a recipe: a function that draws numbers and returns the exercise. The answer is a formula in
these numbers, so the formula stands here, for all to read, and the numbers depend on your secret.
To have an exercise that nobody can look up, copy a recipe into a file of yours and change what it
asks; `docs/instructors.md` has the steps. `tests/test_bank.py` derives every answer a second time.

Notation: alpha^2 = sigmoid(-gamma), sigma^2 = sigmoid(gamma), SNR = e^-gamma; nats.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from .forms import Exercise, Form, Number, Variants, Vector

Recipe = Callable[[random.Random], Exercise]
Drawn = tuple[str, float | tuple[float, ...], str]  # question, value, hint
Draw = Callable[[random.Random], Drawn]
RECIPES: dict[str, Recipe] = {}


def recipe(number: str, reference: str) -> Callable[[Draw], Recipe]:
    """A function (dice) -> question, value, hint as the recipe of an exercise: numbers are judged
    to 0.2 %, lists number by number, for part of the points."""

    def add(draw: Draw) -> Recipe:
        def make(dice: random.Random) -> Exercise:
            question, value, hint = draw(dice)
            count = len(value) if isinstance(value, tuple) else 1
            form: Form = Vector((count,), tolerance=2e-3) if count > 1 else Number(tolerance=2e-3)
            return Exercise(
                number, question, form, lambda: value, hint,
                points=count, partial=count > 1, reference=reference,
            )  # fmt: skip

        RECIPES[number] = make
        return make

    return add


def bank(secret: str, *numbers: str) -> list[Variants]:
    """The exercises of these numbers, or all twenty."""
    return [Variants(n, RECIPES[n], secret) for n in numbers or RECIPES]


def _sigmoid(g: float) -> float:
    return 1 / (1 + math.exp(-g))


def _kl(m: float, v: float, n: float, u: float) -> float:
    """KL(N(m, v) || N(n, u)), in nats"""
    return 0.5 * (math.log(u / v) + ((m - n) ** 2 + v) / u - 1)


def _draw(dice: random.Random, low: float, high: float, digits: int = 1) -> float:
    """A number that prints short, and is not 0"""
    return round(dice.uniform(low, high), digits) or 10.0**-digits


# --- Gaussians (lesson 01) ------------------------------------------------------------------------


@recipe("B.1", "F2: lesson 01, the step")
def _new_noise(dice: random.Random) -> Drawn:
    g_s, g_t = _draw(dice, -6, -1), _draw(dice, 0, 4)
    question = (
        f"A step leads from $\\gamma_s={g_s}$ to $\\gamma_t={g_t}$ with the encoding at rest. "
        "Which share of the variance of the noise in $z_t$ is new in this step?"
    )
    return question, -math.expm1(g_s - g_t), "what of the noise in z_t was in z_s already?"


@recipe("B.2", "F2: lesson 01, exercise 01.2")
def _correlation(dice: random.Random) -> Drawn:
    step, v = _draw(dice, 0.4, 4), _draw(dice, 0.2, 0.9)
    g_s = _draw(dice, -3, 0)
    g_t = round(g_s + step, 1)
    a, b = _sigmoid(-g_s), _sigmoid(-g_t)
    c_ss, c_tt = a * v + 1 - a, b * v + 1 - b
    c_st = math.sqrt(b / a) * (a * v + 1 - a)
    question = (
        f"The data are $N(0, {v})$, the encoding is at rest, and $x$ is not known. What is the "
        f"correlation of $z_s$ and $z_t$ at $\\gamma_s={g_s}$ and $\\gamma_t={g_t}$?"
    )
    return question, c_st / math.sqrt(c_ss * c_tt), "z_t is a multiple of z_s plus new noise"


@recipe("B.3", "F3: lesson 01, the posterior")
def _posterior(dice: random.Random) -> Drawn:
    g_s, g_t = _draw(dice, -4, -1), _draw(dice, 0, 3)
    x, z = _draw(dice, -1, 1), _draw(dice, -2, 2)
    share = math.exp(g_s - g_t)
    a_s, a_t, s_s = _sigmoid(-g_s), _sigmoid(-g_t), _sigmoid(g_s)
    mean = math.sqrt(a_s / a_t) * share * z + math.sqrt(a_s) * (1 - share) * x
    question = (
        f"$x={x}$ is known, the encoding is at rest, and at $\\gamma_t={g_t}$ the latent is "
        f"$z_t={z}$. Give the mean and the variance of $z_s$ at $\\gamma_s={g_s}$, as a list."
    )
    return question, (mean, s_s * (1 - share)), "precisions add: one from x, one from z_t"


@recipe("B.4", "KL of two normal distributions: lesson 01")
def _divergence(dice: random.Random) -> Drawn:
    m, v, n, u = (_draw(dice, -1, 1), _draw(dice, 0.2, 2), _draw(dice, -1, 1), _draw(dice, 0.2, 2))
    value = (_kl(m, v, n, u), _kl(n, u, m, v))
    question = (
        f"Give $KL(p\\|q)$ and $KL(q\\|p)$, as a list, for $p=N({m}, {v})$ and $q=N({n}, {u})$."
    )
    return question, value, "the means enter by their squared distance, over one variance"


# --- the bound (lesson 02) ------------------------------------------------------------------------


@recipe("B.5", "L0: lesson 02, the prior loss")
def _prior(dice: random.Random) -> Drawn:
    g, m, v = _draw(dice, 2, 7), _draw(dice, 0.1, 0.9), _draw(dice, 0.1, 0.8)
    value = _kl(math.sqrt(_sigmoid(-g) * (m * m + v)), _sigmoid(g), 0, 1)
    question = (
        f"A pixel has the mean {m} and the variance {v} over the images. What is the mean prior "
        f"loss of a VDM on it with $\\gamma_1={g}$, in nats?"
    )
    return question, value, "the loss of one x is quadratic in x: take its mean"


@recipe("B.6", "L3: lesson 02; the mmse of a Gaussian")
def _few_steps(dice: random.Random) -> Drawn:
    v, g_0, g_1 = _draw(dice, 0.3, 2), _draw(dice, -8, -4), _draw(dice, 2, 6)
    steps = dice.randrange(2, 6)
    gamma = [g_0 + (g_1 - g_0) * i / steps for i in range(steps + 1)]
    snr = [math.exp(-g) for g in gamma]
    pairs = zip(snr[:-1], snr[1:], strict=True)
    value = sum(0.5 * (s - t) * v / (1 + v * t) for s, t in pairs)
    question = (
        f"The data are $N(0, {v})$ and the denoiser is exact. What is the diffusion loss of a VDM "
        f"with $T={steps}$ steps of equal length in $\\gamma$ from ${g_0}$ to ${g_1}$, with "
        "$w=1$, in nats?"
    )
    return question, value, "each step is charged the error at its noisy end"


@recipe("B.7", "L3, VLB of a coin: lesson 02")
def _worst_guess(dice: random.Random) -> Drawn:
    g_0, g_1, k = _draw(dice, -6, -2), _draw(dice, 1, 5), _draw(dice, 0.1, 0.9)
    value = 0.5 * (math.exp(-g_0) - math.exp(-g_1)) * (1 - k) ** 2
    question = (
        f"For a pixel with $x^2=1$, a VDM always guesses $\\hat x={k}\\,x$. What is its diffusion "
        f"loss at infinite depth from $\\gamma={g_0}$ to ${g_1}$, in nats?"
    )
    return question, value, "the squared error is the same at every depth"


@recipe("B.8", "L4: lesson 03, the limit")
def _limit(dice: random.Random) -> Drawn:
    v, g_0, g_1 = _draw(dice, 0.2, 2), _draw(dice, -9, -4), _draw(dice, 2, 6)
    bits = 0.5 * math.log((1 + v * math.exp(-g_0)) / (1 + v * math.exp(-g_1))) / math.log(2)
    question = (
        f"The data are $N(0, {v})$ and the denoiser is exact. What is the diffusion loss at "
        f"infinite depth from $\\gamma={g_0}$ to ${g_1}$, in **bits**?"
    )
    return question, bits, "integrate half of the mmse over the signal-to-noise ratio"


@recipe("B.9", "L3 to second order in 1/T: lesson 03")
def _gap(dice: random.Random) -> Drawn:
    v, g_0, g_1 = _draw(dice, 0.3, 2), _draw(dice, -8, -4), _draw(dice, 2, 5)
    y_0, y_1 = (v * math.exp(-g) / (1 + v * math.exp(-g)) for g in (g_0, g_1))
    area = math.log((1 + v * math.exp(-g_0)) / (1 + v * math.exp(-g_1)))
    question = (
        f"Data $N(0, {v})$, an exact denoiser, $T$ steps equal in $\\gamma$ from ${g_0}$ to "
        f"${g_1}$, $w=1$. For large $T$ the diffusion loss exceeds its limit by $k/T$. What is "
        "$k$?"
    )
    value = (g_1 - g_0) / 4 * (area - (y_0 - y_1))
    return question, value, "each step is charged for the fall of the mmse in it"


@recipe("B.10", "I-MMSE: lesson 02")
def _information(dice: random.Random) -> Drawn:
    v, g, d = _draw(dice, 0.2, 3), _draw(dice, -3, 2), dice.randrange(2, 30)
    question = (
        f"The data are {d} independent numbers $N(0, {v})$. How many nats does $z_t$ tell about "
        f"$x$ at $\\gamma_t={g}$?"
    )
    return question, d / 2 * math.log1p(v * math.exp(-g)), "one half of a logarithm for each"


# --- encoders (lessons 04, 05) --------------------------------------------------------------------


@recipe("B.11", "E2: lesson 04, the scaling encoder")
def _scaled(dice: random.Random) -> Drawn:
    g, x = _draw(dice, -3, 3), _draw(dice, 0.2, 1)
    a = _sigmoid(-g)
    question = (
        f"For the scaling encoder $x_t=\\alpha_t^2x$ with $x={x}$ give, at $\\gamma_t={g}$, the "
        "mean of $z_t$ and the counterterm $u=(dx_t/d\\lambda)/\\sigma_t^2$, as a list."
    )
    return question, (math.sqrt(a) * a * x, a * x), "the derivative of a sigmoid is s (1 - s)"


@recipe("B.12", "U: lesson 04, the counterterm")
def _power(dice: random.Random) -> Drawn:
    g, x, p = _draw(dice, -2, 2), _draw(dice, 0.3, 1), dice.randrange(3, 7)
    a = _sigmoid(-g)
    question = (
        f"An encoder is $x_t=\\alpha_t^{{{p}}}x$. What is $u=(dx_t/d\\lambda)/\\sigma_t^2$ at "
        f"$\\gamma_t={g}$ for $x={x}$?"
    )
    return question, p / 2 * a ** (p / 2) * x, "write it as a power of sigmoid(lambda)"


@recipe("B.13", "X5: lesson 05, what an encoder can buy")
def _allowance(dice: random.Random) -> Drawn:
    g, m, v = _draw(dice, 2, 6), _draw(dice, 0.2, 0.9), _draw(dice, 0.05, 0.5)
    d = dice.randrange(3, 90)
    question = (
        f"All {d} pixels have the mean {m} and the variance {v} over the images, and "
        f"$\\gamma_1={g}$. By how many nats does the prior loss fall when the mean is taken off "
        "the data?"
    )
    return question, d * _sigmoid(-g) * m * m / 2, "only the mean of z_1 changes"


@recipe("B.14", "L0 of a constant shift: lessons 04 and 05")
def _shift(dice: random.Random) -> Drawn:
    g, x, y = _draw(dice, 1, 5), _draw(dice, -1, 1), _draw(dice, -1, 1)
    a = _sigmoid(-g)
    x_1 = a * x + (1 - a) * y
    question = (
        f"The learned encoder $x_t=\\alpha_t^2x+\\sigma_t^2y$ has $y={y}$ for a pixel $x={x}$. "
        f"What is the prior loss of this pixel with $\\gamma_1={g}$, in nats?"
    )
    value = _kl(math.sqrt(a) * x_1, 1 - a, 0, 1)
    return question, value, "first x_1, then the divergence of z_1 from N(0, 1)"


# --- the ratio and schedules (lessons 06, 07) -----------------------------------------------------


@recipe("B.15", "W1: lesson 06, one step")
def _ratio(dice: random.Random) -> Drawn:
    m, w, d = _draw(dice, 0.1, 3), _draw(dice, 0.3, 0.9), dice.randrange(2, 50)
    best = 1 / (1 + m)
    saved = d / 2 * (w * (1 + m) - 1 - math.log(w)) - d / 2 * math.log1p(m)
    question = (
        f"A step in {d} dimensions has the mean squared gap $m={m}$. Give the best ratio $w^*$, "
        f"and how many nats it saves against $w={w}$, as a list."
    )
    return question, (best, saved), "with w* the step costs d/2 ln(1 + m)"


@recipe("B.16", "W1c: lesson 06, one ratio for the chain")
def _one_ratio(dice: random.Random) -> Drawn:
    loss, steps, d = _draw(dice, 2, 40), dice.randrange(2, 20), dice.randrange(1, 9)
    n = steps * d / 2
    question = (
        f"A chain of {steps} steps in {d} dimensions has the diffusion loss {loss} nats at $w=1$. "
        "Give the best common ratio, and the loss with it, as a list."
    )
    return question, (1 / (1 + loss / n), n * math.log1p(loss / n)), "minimise over one w"


@recipe("B.17", "W2: lesson 06, why w = 1 in the limit")
def _rent(dice: random.Random) -> Drawn:
    w, d = _draw(dice, 0.5, 0.95, 2), dice.randrange(2, 20)
    steps = dice.randrange(100, 900)
    value = steps * d / 2 * (w - 1 - math.log(w))
    question = (
        f"A perfect guess has no gap in any step. What does it cost, in nats, to have $w={w}$ in "
        f"all {steps} steps in {d} dimensions?"
    )
    return question, value, "w - 1 - ln w is above 0 unless w is 1"


@recipe("B.18", "L3, W4: lesson 07, exercise 07.1")
def _middle(dice: random.Random) -> Drawn:
    v, g_0, g_1 = _draw(dice, 0.3, 2), _draw(dice, -6, -2), _draw(dice, 1, 4)
    near, far = 1 + v * math.exp(-g_0), 1 + v * math.exp(-g_1)
    middle = (math.sqrt(near * far) - 1) / v
    question = (
        f"Data $N(0, {v})$, an exact denoiser, $w=1$. Two steps lead from $\\gamma={g_1}$ to "
        f"${g_0}$. At which $\\gamma$ should they meet?"
    )
    return question, -math.log(middle), "find the best SNR between the two first"


@recipe("B.19", "L4: lesson 03, weighted losses in lesson 07")
def _weighted(dice: random.Random) -> Drawn:
    g_0, g_1, x = _draw(dice, -5, -1), _draw(dice, 1, 5), _draw(dice, 0.2, 1)
    question = (
        "A loss weighs the squared error in $x$ by $\\frac12$ for each unit of $\\gamma$ from "
        f"${g_0}$ to ${g_1}$. What does a model pay that always guesses 0, for $x={x}$?"
    )
    return question, x * x / 2 * (g_1 - g_0), "the error is the same everywhere"


@recipe("B.20", "statistics of paired trainings: lesson 10")
def _paired(dice: random.Random) -> Drawn:
    a = [round(1.05 + 0.01 * dice.gauss(0, 1), 4) for _ in range(4)]
    b = [round(y - 0.004 + 0.003 * dice.gauss(0, 1), 4) for y in a]
    differences = [y - x for x, y in zip(a, b, strict=True)]
    mean = sum(differences) / 4
    spread = math.sqrt(sum((d - mean) ** 2 for d in differences) / 3)
    question = (
        f"Four pairs of seeds end at {a} and {b} bits per dimension. Give the standard error of "
        "the mean difference, second less first, from the pairs."
    )
    return question, spread / 2, "a difference for each seed, then the spread of the four"
