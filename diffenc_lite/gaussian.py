"""The closed forms for Gaussians that the bound consists of, in nats."""

import torch
from torch import Tensor

from .arguments import as_floats, brief, device_of_draws


def sum_dims(a: Tensor) -> Tensor:
    """Sum over everything but the batch: (B, ...) -> (B,)."""
    return a.flatten(1).sum(1)


def standard_normal(
    shape: tuple[int, ...], like: Tensor, generator: torch.Generator | None = None
) -> Tensor:
    """eps ~ N(0, I) of this shape, in the dtype and on the device of `like`."""
    device = device_of_draws(generator, like)
    return torch.randn(shape, generator=generator, dtype=like.dtype, device=device).to(like.device)


def kl_to_standard(mean: Tensor, variance: Tensor) -> Tensor:
    """L0: KL(N(mean, variance I) || N(0, I)) = (1/2) sum(mean^2 + variance - ln variance - 1)

    Args: mean (B, ...); variance, broadcastable to it. Returns nats, shape (B,).
    """
    excess = variance - 1  # near 0, where variance - 1 - ln(variance) would cancel
    return 0.5 * sum_dims(mean.square() + (excess - torch.log1p(excess)))


def kl_ratio(squared_gap: Tensor, ratio: Tensor | float, dims: int = 1) -> Tensor:
    """L2: KL(N(mu_Q, sigma_Q^2 I) || N(mu_P, (sigma_Q^2 / w) I))
    = (d/2) (w - 1 - ln w) + (w/2) ||mu_P - mu_Q||^2 / sigma_Q^2

    Args: squared_gap ||mu_P - mu_Q||^2 / sigma_Q^2, of any shape; ratio w = sigma_Q^2 / sigma_P^2,
        a number or a tensor that broadcasts to it; dims d, over which each squared_gap is summed.
    Returns nats, in the shape of squared_gap. Raises ValueError if a ratio is no positive number.
    """
    w = as_floats("ratio", ratio).to(squared_gap)
    if not bool((w > 0).all()):
        raise ValueError(f"ratio must be positive; got {brief(w)}")
    price = 0.5 * dims * (w - 1 - w.log())  # W2: of any w but 1, however near the means are
    return price + 0.5 * w * squared_gap


def best_ratio(mean_squared_gap: Tensor) -> Tensor:
    """W1: w* = 1 / (1 + m), the minimiser of L2 over w

    Args: mean_squared_gap m = E ||mu_P - mu_Q||^2 / (d sigma_Q^2), of any shape.
    """
    return 1 / (1 + mean_squared_gap)


def best_cost(mean_squared_gap: Tensor, dims: int = 1) -> Tensor:
    """W1: The mean of L2 with w*: (d/2) ln(1 + m)

    W5, W6: a ratio for each dimension or z_t costs best_cost(m).mean() <= best_cost(m.mean()).
    Args: m as in `best_ratio`. Returns nats, in its shape.
    """
    return 0.5 * dims * torch.log1p(mean_squared_gap)


def squared_gap_from(moments: Tensor, scale: Tensor) -> Tensor:
    """L2, G5: the squared gap (g + (A/c - 1) h)^2 from g^2, g h, h^2 in the last dimension"""
    g2, gh, h2 = moments.unbind(-1)
    extra = scale.to(moments.dtype) - 1
    return g2 + extra.square() * h2 + 2 * (extra * gh)


def best_scale(moments: Tensor) -> Tensor:
    """W7: A*/c = 1 - E[g h] / E[h^2], where `squared_gap_from` is least, at least 1e-6: with
    less the mean would turn x_hat around

    Args: the means of g^2, g h, h^2 of every step, (T, 3). Returns (T,).
    """
    return (1 - moments[..., 1] / moments[..., 2]).clamp(min=1e-6)
