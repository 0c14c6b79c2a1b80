"""Answers of lesson 10, derived a second time: by hand, in Python or as a figure."""

import math

import torch
from by_hand.tools import alpha2, kl, sigma2


def left_to_a_network(s_2, gamma):
    """Of a pixel that is 0.3 + r or 0.3 - r, r^2 = s_2, equally often."""
    values = 0.3 + math.sqrt(s_2), 0.3 - math.sqrt(s_2)
    prior = sum(kl(math.sqrt(alpha2(gamma)) * x, sigma2(gamma), 0, 1) for x in values) / 2
    return prior - alpha2(gamma) * 0.3**2 / 2


def peeking(stops):
    """One study after the other, as somebody would do it; stops(total, k) is the rule."""

    def simulate(studies, looks, generator):
        news = torch.zeros(studies)
        total = torch.zeros(studies)
        for k in range(1, looks + 1):
            total = total + torch.randn(studies, generator=generator)
            news[stops(total, k)] = 1.0
        return news

    return simulate


def only_the_last(studies, looks, generator):
    d = torch.randn(studies, looks, generator=generator)
    return (d.sum(1).abs() > 1.96 * math.sqrt(looks)).float()


RIGHT = {
    "10.1": left_to_a_network,
    "10.4": peeking(lambda total, k: total.abs() > 1.96 * math.sqrt(k)),
}
WRONG = {
    "10.4": [
        only_the_last,
        peeking(lambda total, k: total.abs() / k > 1.96),  # the mean, not z
        peeking(lambda total, k: total > 1.96 * math.sqrt(k)),  # one side
    ],
}
