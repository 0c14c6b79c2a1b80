"""Two worlds of pictures whose VDM has a perfect denoiser, to tell the fault of a network from that
of a sampler: a list of pictures, and normal ones.
"""

import torch
from torch import Tensor, nn

from ... import process
from ...gaussian import best_ratio
from ...schedule import LinearSchedule, Noise


class PerfectDenoiser(nn.Module):
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


def drawn_variances(variances: Tensor, steps: int, ratio: Tensor | None = None) -> Tensor:
    """The variance of what a VDM with the perfect denoiser draws in T equal steps, along each
    principal direction of a normal world, exactly: each step is linear (G3)

    Args: variances (d,), of the world; ratio (T,), w of the steps, by default w* (W1).
    Returns (d,), float64.
    """
    gamma = LinearSchedule()(torch.arange(steps + 1, dtype=torch.float64) / steps).gamma
    drawn = torch.ones_like(variances, dtype=torch.float64)
    for i in reversed(range(steps)):
        s, t = Noise.from_gamma(gamma[i]), Noise.from_gamma(gamma[i + 1])
        of_z = t.alpha**2 * variances + t.sigma**2
        m = process.gap((variances / of_z).sqrt(), 0.0, s, t).square().mean()  # of v - v_hat
        w = best_ratio(m) if ratio is None else ratio[i].double()
        p = process.generative_step(torch.ones_like(of_z), t.alpha * variances / of_z, 0.0, s, t, w)
        drawn = p.mean.square() * drawn + p.variance  # the mean for z_t = 1
    return drawn / Noise.from_gamma(gamma[0]).alpha ** 2
