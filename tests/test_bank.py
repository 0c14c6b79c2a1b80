"""The bank: every answer is derived a second time, from the numbers that the question prints."""

import math
import re

import numpy as np
import pytest

from diffenc_lite.course.exercises import Exercise, judge
from diffenc_lite.course.exercises.bank import RECIPES, bank
from diffenc_lite.course.exercises.comparing import tried


def alpha2(g):
    return 1 / (1 + math.exp(g))


def integral(f, low, high, n=200_001):
    x = np.linspace(low, high, n)
    return float(np.trapezoid(f(x), x))


def covariance(*gammas):
    """Of z at these gammas, given x: built by adding independent noise from step to step"""
    a, noise = [alpha2(g) for g in gammas], np.zeros((len(gammas), len(gammas)))
    for i, g in enumerate(gammas):
        for j in range(i, len(gammas)):
            noise[i, j] = noise[j, i] = math.sqrt(a[j] / a[i]) * (1 - alpha2(g))
    return np.array(a), noise


def step_new(g_s, g_t):
    a, c = covariance(g_s, g_t)
    return 1 - c[0, 1] ** 2 / c[0, 0] / c[1, 1]


def correlation(v, g_s, g_t):
    a, c = covariance(g_s, g_t)
    c = c + v * np.sqrt(np.outer(a, a))
    return c[0, 1] / math.sqrt(c[0, 0] * c[1, 1])


def posterior(x, g_t, z, g_s):
    a, c = covariance(g_s, g_t)
    mean = math.sqrt(a[0]) * x + c[0, 1] / c[1, 1] * (z - math.sqrt(a[1]) * x)
    return [mean, c[0, 0] - c[0, 1] ** 2 / c[1, 1]]


def density(x, m, v):
    return np.exp(-((x - m) ** 2) / (2 * v)) / math.sqrt(2 * math.pi * v)


def kl(m, v, n, u):
    def at(x):
        p, q = density(x, m, v), density(x, n, u)
        return p * (np.log(p) - np.log(q))

    return integral(at, m - 11 * math.sqrt(v), m + 11 * math.sqrt(v))


def prior(m, v, g):
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    x = m + math.sqrt(v) * nodes
    losses = [kl(math.sqrt(alpha2(g)) * point, 1 - alpha2(g), 0, 1) for point in x]
    return float(np.dot(weights, losses) / weights.sum())


def mmse(v, snr):
    return 1 / (1 / v + snr)


def steps(v, T, g_0, g_1):
    snr = np.exp(-np.linspace(g_0, g_1, int(T) + 1))
    return float(((snr[:-1] - snr[1:]) * mmse(v, snr[1:])).sum() / 2)


def limit(v, g_0, g_1):
    return integral(lambda g: np.exp(-g) * mmse(v, np.exp(-g)) / 2, g_0, g_1)


def gap(v, g_0, g_1):
    excess = [T * (steps(v, T, g_0, g_1) - limit(v, g_0, g_1)) for T in (2000, 4000)]
    return 2 * excess[1] - excess[0]


def slope(x_t, g):
    """u of x_t(gamma), by differences: dx_t/dlambda over sigma^2"""
    return -(x_t(g + 1e-5) - x_t(g - 1e-5)) / 2e-5 / (1 - alpha2(g))


def best(cost):
    w = np.linspace(1e-3, 1.2, 1_200_001)
    i = int(np.argmin(cost(w)))
    return w[i], cost(w)[i]


def one_step(d, m, w):
    def cost(w):
        return d / 2 * (w * (1 + m) - 1 - np.log(w))

    ratio, least = best(cost)
    return [ratio, cost(w) - least]


def common(T, d, loss):
    return best(lambda w: T * d / 2 * (w - 1 - np.log(w)) + w * loss)


def meeting(v, g_1, g_0):
    g = np.linspace(g_0, g_1, 200_001)[1:-1]
    ends = np.exp(-np.array([g_0, g_1]))
    cost = (ends[0] - np.exp(-g)) * mmse(v, np.exp(-g)) + (np.exp(-g) - ends[1]) * mmse(v, ends[1])
    return g[np.argmin(cost)]


def paired(*scores):
    differences = np.array(scores[4:]) - np.array(scores[:4])
    return differences.std(ddof=1) / 2


AGAIN = {
    "B.1": step_new,
    "B.2": correlation,
    "B.3": posterior,
    "B.4": lambda m, v, n, u: [kl(m, v, n, u), kl(n, u, m, v)],
    "B.5": prior,
    "B.6": steps,
    "B.7": lambda k, g_0, g_1: integral(lambda g: np.exp(-g) * (1 - k) ** 2 / 2, g_0, g_1),
    "B.8": lambda v, g_0, g_1: limit(v, g_0, g_1) / math.log(2),
    "B.9": gap,
    "B.10": lambda d, v, g: d * limit(v, g, 60),  # I-MMSE
    "B.11": lambda x, g: [
        math.sqrt(alpha2(g)) * alpha2(g) * x,
        slope(lambda gamma: alpha2(gamma) * x, g),
    ],
    "B.12": lambda p, g, x: slope(lambda gamma: alpha2(gamma) ** (p / 2) * x, g),
    "B.13": lambda d, m, v, g: d * (prior(m, v, g) - prior(0, v, g)),
    "B.14": lambda y, x, g: kl(
        math.sqrt(alpha2(g)) * (alpha2(g) * x + (1 - alpha2(g)) * y), 1 - alpha2(g), 0, 1
    ),
    "B.15": one_step,
    "B.16": common,
    "B.17": lambda w, T, d: T * d * kl(0, 1, 0, 1 / w),
    "B.18": meeting,
    "B.19": lambda g_0, g_1, x: integral(lambda g: 0.5 * x**2 + 0 * g, g_0, g_1),
    "B.20": paired,
}


def numbers(question):
    """Those that vary: with a point, in braces of a power, or before a word that counts"""
    decimal = r"-?\d+\.\d+"
    counted = r"(?<=in )\d+(?= dim)|(?<=All )\d+|(?<=are )\d+(?= ind)|(?<=T=)\d+|(?<=\{)\d+(?=\})"
    counted += r"|\d+(?= steps)"
    return [float(n) for n in re.findall(f"{decimal}|{counted}", question)]


def test_there_are_twenty_with_references():
    assert list(RECIPES) == [f"B.{i}" for i in range(1, 21)] == list(AGAIN)
    assert all(v.for_student("ada").reference and v.for_student("ada").hints for v in bank("x"))


@pytest.mark.parametrize("number", RECIPES)
def test_the_answer_follows_from_the_numbers_of_the_question(number):
    for student in ("ada", "bob", "cyd"):
        (variants,) = bank("secret", number)
        exercise = variants.for_student(student)
        tried(exercise)
        value = AGAIN[number](*numbers(exercise.question))
        assert judge(exercise, value).right, (exercise.question, value, exercise.answer())


@pytest.mark.parametrize("number", RECIPES)
def test_the_answer_of_another_student_is_wrong(number):
    (variants,) = bank("secret", number)
    ada, bob = variants.for_student("ada"), variants.for_student("bob")
    assert ada.question != bob.question
    assert not judge(ada, bob.answer()).right
    assert variants.for_student("ada").question == ada.question  # the same in every run
    assert bank("another", number)[0].for_student("ada").question != ada.question
    assert isinstance(ada, Exercise) and ada.number == number
