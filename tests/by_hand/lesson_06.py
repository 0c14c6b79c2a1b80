"""Exercises of notebook 06."""

from by_hand.tools import answer

every_latent = answer("06.3")

WRONG = {
    "06.2": [
        lambda gaps: (1 / (1 + gaps.square().sum(2))).mean(1),
        lambda gaps: (1 / (1 + gaps.square().mean(2))).mean(1),
        lambda gaps: 1 / (1 + gaps.square().sum(2).mean(1)),
    ],
    "06.3": [
        lambda z, gamma_s, gamma_t: every_latent(z, gamma_s, gamma_t).mean().expand(len(z)),
        lambda z, gamma_s, gamma_t: 1 / (1 + (gamma_t - gamma_s) + 0 * z),
    ],
}
