"""What several derivations need, written without the package."""

import math


def answer(number):
    """The right program of an exercise, to be used wrongly"""
    from diffenc_lite.course.exercises import EXERCISES

    return EXERCISES[number].answer


def alpha2(gamma):
    return 1 / (1 + math.exp(gamma))


def sigma2(gamma):
    return 1 / (1 + math.exp(-gamma))


def kl(m, v, n, u):
    """KL(N(m, v) || N(n, u)) in nats."""
    return 0.5 * math.log(u / v) + ((m - n) ** 2 + v) / (2 * u) - 0.5
