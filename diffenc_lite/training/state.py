"""What a training changes, and the update that changes it."""

import copy
import math
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from .config import TrainConfig, learning_rate
from .draws import rank_and_size
from .muon import Muon, inner_convolutions

MUON_RATE = 20 / 3  # of the learning rate, which AdamW has: 0.02 where that is 0.003


class TrainState:
    """All that a training changes: a model, mostly a DiffEnc, in place, on its device; its moving
    average, the optimisers, the number of updates made so far."""

    def __init__(self, model: Any, config: TrainConfig):
        self.model, self.config, self.update = model.train(), config, 0
        self.weights: list[Tensor] = list(model.parameters())
        if rank_and_size()[1] > 1:
            for tensor in model.state_dict().values():
                dist.broadcast(tensor, 0)
        convolutions = inner_convolutions(model) if config.optimizer == "muon" else []
        for_muon = {*convolutions}  # of tensors, which are told apart by identity
        others = [w for w in self.weights if w not in for_muon]
        groups: list[dict[str, Any]] = [
            {"params": [w for w in others if w.ndim >= 2]},
            {"params": [w for w in others if w.ndim < 2], "weight_decay": 0.0},
        ]
        decay = config.weight_decay
        adamw = torch.optim.AdamW(groups, betas=(0.9, 0.99), weight_decay=decay, fused=True)
        self.optimizers: list[tuple[torch.optim.Optimizer, float]] = [(adamw, 1.0)]
        if convolutions:
            self.optimizers.append((Muon(convolutions, decay), MUON_RATE))
        self.averaged = copy.deepcopy(model).requires_grad_(False).eval()

    def descend(self, terms: Tensor, clip: float | None = None) -> list[float]:
        """One update: backward, clip, step, average

        Args: terms of the loss, (K,), whose sum is minimised; clip, the gradient's greatest norm.
        Returns the terms, averaged over all processes. Raises FloatingPointError, before it touches
        the weights, if loss or gradient is not finite.
        """
        values = over_processes(terms.detach().clone()).tolist()
        self._check_finite("loss", sum(values), values)
        for weight in self.weights:
            weight.grad = None
        terms.sum().backward()
        gradients = [over_processes(w.grad) for w in self.weights if w.grad is not None]
        norm = nn.utils.get_total_norm(gradients)
        self._check_finite("gradient", norm.item(), values)
        if clip is not None:
            nn.utils.clip_grads_with_norm_(self.weights, clip, norm)
        for optimizer, factor in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = factor * learning_rate(self.config, self.update)
            optimizer.step()
        with torch.no_grad():
            decay = min(self.config.ema, (1 + self.update) / (10 + self.update))
            averages: list[Tensor] = list(self.averaged.parameters())
            torch._foreach_lerp_(averages, self.weights, 1 - decay)
            for average, buffer in zip(self.averaged.buffers(), self.model.buffers(), strict=True):
                average.copy_(buffer)
        self.update += 1
        return values

    def _check_finite(self, what: str, value: float, terms: list[float]) -> None:
        if not math.isfinite(value):
            shown, config = ", ".join(f"{term:.4g}" for term in terms), self.config
            raise FloatingPointError(
                f"the {what} is not finite in update {self.update + 1} (terms of the loss: {shown})"
                f"; the weights are those before it. Try a smaller lr (now {config.lr:g}), a "
                f"longer warmup (now {config.warmup}), or TrainConfig(bf16=False)"
            )

    def save(self) -> dict[str, Any]:
        return {
            "update": self.update,
            "model": self.model.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer, _ in self.optimizers],
        }

    def load(self, saved: dict[str, Any]) -> None:
        self.update = saved["update"]
        self.model.load_state_dict(saved["model"])
        self.averaged.load_state_dict(saved["averaged"])
        for (optimizer, _), state in zip(self.optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(state)


def over_processes(values: Tensor) -> Tensor:
    """values, which become their mean over all processes"""
    if (processes := rank_and_size()[1]) > 1:
        dist.all_reduce(values.div_(processes))
    return values
