"""Two worlds of pictures whose VDM has a perfect denoiser, to tell the fault of a network from that
of a sampler: a list of pictures, and normal ones.
"""

import torch
from torch import Tensor, nn

from ... import process
from ...gaussian import best_ratio
from ...schedule import LinearSchedule, Noise


class OneOf(nn.Module):
    """The v_hat of E[x | z] where x is one of N pictures, each as likely as any other (G4)

    x_hat is their mean, weighted by softmax_n (alpha <z, x_n> - alpha^2 ||x_n||^2 / 2) / sigma^2.
    Args: x (N, C, H, W), in (-1, 1).
    """

    def __init__(self, x: Tensor):
        super().__init__()
        self.shape = tuple(x.shape[1:])
        self.x = nn.Parameter(x.flatten(1))

    def forward(self, z: Tensor, gamma: Tensor) -> Tensor:
        n = Noise.from_gamma(gamma).like(z)
        alpha, sigma = n.alpha.flatten(1), n.sigma.flatten(1)
        fits = alpha * (z.flatten(1) @ self.x.T) - 0.5 * alpha**2 * self.x.square().sum(1)
        x_hat = (fits / sigma**2).softmax(1) @ self.x
        return process.v_from_x(z, x_hat.view_as(z), n)


def drawn_variances(
    variances: Tensor, steps: int, share: float, error: Tensor | float = 0.0
) -> Tensor:
    """The variance of what a VDM draws in T equal steps, along each principal direction of a normal
    world, exactly: each step is linear (G3)

    Args: variances (d,), of the world; share of m, the mean squared gap, for which a step adds
        noise, w = 1 / (1 + share m): 0 is w = 1, 1 is w* (W1); error, of the denoiser: v_hat is off
        by error z_t, a number, one for each direction (d,), or for each step too, (T, d).
    Returns (d,), float64.
    """
    gamma = LinearSchedule()(torch.arange(steps + 1, dtype=torch.float64) / steps).gamma
    drawn = torch.ones_like(variances, dtype=torch.float64)
    errors = torch.as_tensor(error, dtype=torch.float64).expand(steps, len(variances))
    for i in reversed(range(steps)):
        s, t = Noise.from_gamma(gamma[i]), Noise.from_gamma(gamma[i + 1])
        of_z = t.alpha**2 * variances + t.sigma**2
        off = variances / of_z + errors[i] ** 2 * of_z
        m = process.gap(off.sqrt(), 0.0, s, t).square().mean()  # E (v - v_hat)^2 is off
        w = best_ratio(share * m)
        x_hat = t.alpha * variances / of_z - t.sigma * errors[i]  # of z_t = 1
        p = process.generative_step(torch.ones_like(of_z), x_hat, 0.0, s, t, w)
        drawn = p.mean.square() * drawn + p.variance
    return drawn / Noise.from_gamma(gamma[0]).alpha ** 2
