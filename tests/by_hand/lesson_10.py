"""Answers of lesson 10, derived a second time: by hand, in Python or as a figure."""

import math

import torch
from by_hand.tools import alpha2, kl, sigma2


def left_to_a_network(s_2, gamma):
    """Of a pixel that is 0.3 + r or 0.3 - r, r^2 = s_2, equally often."""
    values = 0.3 + math.sqrt(s_2), 0.3 - math.sqrt(s_2)
    prior = sum(kl(math.sqrt(alpha2(gamma)) * x, sigma2(gamma), 0, 1) for x in values) / 2
    return prior - alpha2(gamma) * 0.3**2 / 2


def peeking(d):
    """One look after the other, as somebody would do it"""
    seen, total = torch.zeros(len(d)), torch.zeros(len(d))
    for k, difference in enumerate(d.T, start=1):
        total = total + difference
        seen[total.abs() > 1.96 * math.sqrt(k)] = 1.0
    return seen


def above(limit, d):
    return d.cumsum(1).abs() > limit * torch.arange(1, d.shape[1] + 1).sqrt()


RIGHT = {"10.1": left_to_a_network, "10.4": peeking}
WRONG = {
    "10.4": [
        lambda d: above(1.95, d).any(1),
        lambda d: above(2.0, d).any(1),
        lambda d: (d.cumsum(1) > 1.96 * torch.arange(1, d.shape[1] + 1).sqrt()).any(1),  # one side
        lambda d: above(1.96, d)[:, 1:].any(1),
        lambda d: above(1.96, d)[:, :-1].any(1),
        lambda d: above(1.96, d)[:, :5].any(1),  # five looks, whatever there are
        lambda d: above(1.96, d).sum(1),
        lambda d: above(1.96, d).any(1).double().mean(),  # their share
    ],
}
