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
    """One look after the other, as somebody would do it; stops(total, k) is the rule."""

    def news(d):
        seen, total = torch.zeros(len(d)), torch.zeros(len(d))
        for k, difference in enumerate(d.T, start=1):
            total = total + difference
            seen[stops(total, k)] = 1.0
        return seen

    return news


def above(limit, d):
    return d.cumsum(1).abs() > limit * torch.arange(1, d.shape[1] + 1).sqrt()


RIGHT = {
    "10.1": left_to_a_network,
    "10.4": peeking(lambda total, k: total.abs() > 1.96 * math.sqrt(k)),
}
WRONG = {
    "10.4": [
        *(
            lambda d, limit=limit: above(limit, d).any(1)
            for limit in (1.645, 1.95, 2.0, 2.24, 2.576)
        ),
        peeking(lambda total, k: total.abs() / k > 1.96),  # the mean, not z
        peeking(lambda total, k: total.abs() > 1.96),  # the sum
        peeking(lambda total, k: total > 1.96 * math.sqrt(k)),  # one side
        lambda d: above(1.96, d)[:, -1],  # the last look only
        lambda d: above(1.96, d)[:, 0],
        lambda d: above(1.96, d)[:, 1:].any(1),
        lambda d: above(1.96, d)[:, :-1].any(1),
        lambda d: above(1.96, d)[:, :5].any(1),  # five looks, whatever there are
        lambda d: above(1.96, d).all(1),
        lambda d: above(1.96, d).sum(1),
        lambda d: (d.cumsum(1).abs() > 1.96 * math.sqrt(d.shape[1])).any(1),
        lambda d: (d.cumsum(1).abs() > 1.96 * torch.arange(d.shape[1]).sqrt()).any(1),
        lambda d: (d.abs() > 1.96).any(1),
        lambda d: ~above(1.96, d).any(1),
        lambda d: above(1.96, d).any(1).double().mean(),  # their share
        lambda d: torch.rand(len(d)) < 0.14,  # no simulation at all
    ],
}
