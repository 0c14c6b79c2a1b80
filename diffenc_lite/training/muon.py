"""Muon: momentum whose matrices are made orthogonal before they are added to the weights.

Source: K. Jordan and others, Muon: an optimizer for hidden layers in neural networks, 2024; the
factor 0.2 sqrt(max(rows, columns)), which makes an update about as long as one of AdamW: J. Liu and
others, Muon is scalable for LLM training, 2025.
"""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn


def inner_convolutions(model: nn.Module) -> list[Tensor]:
    """The weights of all convolutions but the first and the last that each network lists."""
    layers = [[m for m in net.modules() if isinstance(m, nn.Conv2d)] for net in model.children()]
    inner = [layer.weight for of_network in layers for layer in of_network[1:-1]]
    return [*dict.fromkeys(inner)]  # two networks may share weights


def orthogonal(matrix: Tensor) -> Tensor:
    """U S V^T -> U p(S / ||S||) V^T, (M, N): singular values that were not tiny come near 1

    p is five steps of Newton and Schulz, each s -> 3.4445 s - 4.7750 s^3 + 2.0315 s^5.
    """
    x = matrix / (matrix.norm() + 1e-7)
    x = x.T if len(x) > x.shape[1] else x  # the smaller product
    for _ in range(5):
        square = x @ x.T
        x = 3.4445 * x + (2.0315 * square @ square - 4.7750 * square) @ x
    return x.T if len(matrix) > matrix.shape[1] else x


class Muon(torch.optim.Optimizer):
    """W <- (1 - lr decay) W - 0.2 sqrt(max(M, N)) lr orthogonal(momentum), W seen as (M, N)

    The momentum is Nesterov's. Args: weights of at least two axes; a convolution is (out, in * 9).
    """

    def __init__(self, weights: Iterable[Tensor], weight_decay: float):
        super().__init__(weights, {"lr": 0.0, "weight_decay": weight_decay, "momentum": 0.95})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        for group in self.param_groups:
            lr, momentum = group["lr"], group["momentum"]
            for weight in (w for w in group["params"] if w.grad is not None):
                if weight not in self.state:
                    self.state[weight] = {"mean": torch.zeros_like(weight)}
                mean = self.state[weight]["mean"]
                mean.lerp_(weight.grad, 1 - momentum)
                update = orthogonal(weight.grad.lerp(mean, momentum).flatten(1))
                length = 0.2 * math.sqrt(max(update.shape))
                weight.mul_(1 - lr * group["weight_decay"])
                weight.add_(update.view_as(weight), alpha=-lr * length)
