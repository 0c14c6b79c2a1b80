"""How the best encoder dims or stretches one direction of Gaussian data: the bills of lesson 05.

x ~ N(0, s), x_t = f(gamma) x, a perfect denoiser, infinite depth. From gamma_0, where f = 1, to the
end of the noise, gamma_1, the direction pays in nats (X5 and the price of motion)

    start   (v - 1 - ln v) / 2,  v = alpha_1^2 f_1^2 s + sigma_1^2,
    motion  1/2 integral of SNR (df/dgamma)^2 s / (1 + s SNR f^2) dgamma.

With sinh q = sqrt(s SNR) f the motion is 1/2 integral of p^2 with p = dq/dgamma + tanh(q) / 2, and
v = sigma_1^2 cosh^2 q_1. The sum is least on a path with (Hamilton)

    dq/dgamma = p - tanh(q) / 2,  dp/dgamma = p / (2 cosh^2 q),
    p_1 = tanh q_1 - sigma_1^2 sinh q_1 cosh q_1.

On it k^2 = (dq/dgamma)^2 + 1 / (4 cosh^2 q) does not change, and y = sinh q obeys y'' = k^2 y. So f
is a sum of two powers of the SNR, -1/2 + k and -1/2 - k; each q_1 gives the path of one s.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor


def direction_bills(f: Tensor, s: Tensor, gamma: Tensor) -> tuple[Tensor, Tensor]:
    """Start and motion in nats of directions with the variances s (n,) and f (K, n) at gamma (K,).

    The motion is that of straight lines between the K points, by the midpoint rule.
    """
    alpha2 = torch.sigmoid(-gamma[-1])
    v = alpha2 * f[-1].square() * s + 1 - alpha2
    snr = torch.exp(-(gamma[1:] + gamma[:-1]) / 2)[:, None]
    width = gamma.diff()[:, None]
    doubt = s / (1 + s * snr * ((f[1:] + f[:-1]) / 2).square())  # mmse of x
    motion = 0.5 * snr * (f.diff(dim=0) / width).square() * doubt * width
    return (v - 1 - torch.log(v)) / 2, motion.sum(0)


def best_fade(s: Tensor, gamma: Tensor, mean: float = 0.0) -> Tensor:
    """f (K,) of one factor for all directions, and for the mean c of the data, for which the bills
    are least: those of `direction_bills`, and alpha_1^2 f_1^2 ||c||^2 / 2. Args: mean, ||c||^2."""
    rises = torch.zeros(len(gamma) - 1, dtype=torch.float64, requires_grad=True)
    stop: Any = {"max_iter": 300, "tolerance_grad": 1e-12, "tolerance_change": 0}
    search = torch.optim.LBFGS([rises], line_search_fn="strong_wolfe", **stop)

    def path() -> Tensor:
        return 1 + torch.cat([torch.zeros_like(rises[:1]), rises.cumsum(0)])

    def bill() -> Tensor:
        search.zero_grad()
        f = path()
        start, motion = direction_bills(f[:, None].expand(-1, len(s)), s, gamma)
        total = (start + motion).sum() + torch.sigmoid(-gamma[-1]) * f[-1].square() * mean / 2
        total.backward()
        return total.detach()

    search.step(bill)
    return path().detach()


def best_motion(s: Tensor, gamma: Tensor) -> Tensor:
    """f (K, n) for which start and motion are least; s (n,) > 0, and gamma (K,) increasing.

    Raises ValueError for an s that is not positive, or so large that no path was computed.
    """
    q = torch.logspace(-5, 0.5, 2000, dtype=torch.float64)
    speed = torch.tanh(q) / 2 - torch.sigmoid(gamma[-1]) * torch.sinh(q) * torch.cosh(q)
    k = (speed.square() + 0.25 / torch.cosh(q).square()).sqrt()
    way = k * (gamma - gamma[-1])[:, None]
    sinh_q = torch.sinh(q) * torch.cosh(way) + torch.cosh(q) * speed / k * torch.sinh(way)
    amplitude = sinh_q * torch.exp(gamma / 2)[:, None]
    first = amplitude[0]  # sqrt(s), as f = 1 there
    count = int((torch.isfinite(first) & (first < 1e3)).long().cumprod(0).sum())
    known, wanted = first[:count].log().numpy(), s.log().numpy() / 2
    if not ((wanted >= known[0]) & (wanted <= known[-1])).all():
        low, high = np.exp(2 * known[[0, -1]])
        raise ValueError(
            f"s must be in [{low:.1g}, {high:.1g}]; got {s.min():.3g} to {s.max():.3g}"
        )
    f = (amplitude / first)[:, :count].numpy()
    return torch.from_numpy(np.stack([np.interp(wanted, known, row) for row in f]))
