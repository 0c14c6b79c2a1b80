"""What the weights of a saved model, or of a run, do not tell of it."""

import hashlib
import math
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ..encoder import has_counterterm
from ..model import DiffEnc
from ..networks import GammaEmbedding


@torch.no_grad()
def signature(model: DiffEnc) -> dict[str, Any]:
    """The parts, levels and gamma of a model, in plain values; `disagreements` compares two."""
    like = model.like_weights
    gamma = model.schedule(torch.tensor([0.0, 0.3, 0.5, 1.0]).to(like)).gamma
    seen = [m.end_points for m in model.modules() if isinstance(m, GammaEmbedding)]
    ends = [float(end) for by_network in seen for end in by_network(like)]
    return {
        "denoiser": _described(model.denoiser), "encoder": _described(model.encoder),
        "counterterm": has_counterterm(model.encoder), "levels": model.levels,
        "gamma": [float(f"{value:.6g}") for value in gamma.tolist()], "ends": ends,
    }  # fmt: skip


def _described(part: Any) -> str:
    """The class of a part, the numbers and words that it keeps as attributes, and a digest of the
    same of all modules inside it."""
    kept = {}
    for name, value in getattr(part, "__dict__", {}).items():
        each = value if isinstance(value, tuple | list) else (value,)
        plain = all(isinstance(v, bool | int | float | str) for v in each)
        if plain and name[0] != "_" and name not in ("training", "counterterm"):
            kept[name] = value
        elif isinstance(value, Tensor) and value.numel():  # no buffer, so not among the weights
            kept[name] = [f"{v:.4g}" for v in (value.double().norm(), value.double().sum())]
    text = type(part).__name__ + (f" {kept}" if kept else "")
    if inside := [*part.named_children()] if isinstance(part, nn.Module) else []:
        lines = "\n".join(f"{name} {_described(module)}" for name, module in inside)
        text += " with " + hashlib.sha256(lines.encode()).hexdigest()[:12]
    return text


def disagreements(there: dict[str, Any], here: dict[str, Any]) -> list[str]:
    """What two signatures, or other plain values by name, disagree in; those of gamma may be
    rounded."""

    def same(a: Any, b: Any) -> bool:
        if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
            return all(map(partial(math.isclose, rel_tol=1e-3, abs_tol=1e-3), a, b))
        return bool(a == b)

    return [
        f"{name} {there.get(name)!r} there, {here.get(name)!r} here"
        for name in {**there, **here}
        if not same(there.get(name), here.get(name))
    ]
