"""A chain of T steps: where they end, and the ratio and the scale of each (L3, G3, G5).

    chain = Chain.equal(8)                                # equal steps, w = 1, the paper's mean
    chain = Chain([0, 0.2, 0.5, 1], ratio=0.9, scale="folded")

What takes `steps` takes a chain, a whole number T for `Chain.equal(T)`, or None for infinite depth
(L4), where the ratio is 1 (W2) and all scales are one (G5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .arguments import as_floats, as_whole, brief, device_of_draws, in_shape_of
from .process import Scale, as_scale


class Step(NamedTuple):
    """From depth t down to s, with the ratio w and the scale of p; one value, or (B,) of each."""

    s: Tensor
    t: Tensor
    ratio: Tensor
    scale: Scale


@dataclass(frozen=True, eq=False)
class Chain:
    """T steps; row i of everything is the step from t = grid[i + 1] down to s = grid[i].

    grid: (T+1,), the depths where steps end, increasing from 0 to 1.
    ratio: w = sigma_Q^2 / sigma_P^2 > 0, a number, (T,) or, with one w for each dimension of an
        example (W5), (T, ...). Kept as (T,) or (T, ...).
    scale: of the mean of p (`process.added_to_x_hat`): None, the paper's (G3); "folded"; or
        A / c > 0, a number or (T,), kept as (T,).
    ratio_error, scale_error: standard errors over images, as `fit` estimates them.
    Raises ValueError, naming the argument, for a grid, ratio or scale that is none of these.
    """

    grid: Tensor
    ratio: Tensor = 1.0  # type: ignore[assignment]  # numbers in any form, a Tensor afterwards
    scale: Scale = None
    ratio_error: Tensor | None = None
    scale_error: Tensor | None = None

    @classmethod
    def equal(
        cls, steps: int, ratio: Tensor | float | Sequence[Any] = 1.0, scale: Scale = None
    ) -> Chain:
        """T = `steps` equal steps."""
        steps = as_whole("steps", steps)
        return cls(torch.arange(steps + 1, dtype=torch.float64) / steps, ratio, scale)  # type: ignore[arg-type]

    def __post_init__(self) -> None:
        grid = as_floats("grid", self.grid)
        if grid.dim() != 1 or len(grid) < 2:
            wanted = "grid must have shape (T+1,), T >= 1, or say Chain.equal(T)"
            raise ValueError(f"{wanted}; got {tuple(grid.shape)}")
        if grid[0] != 0 or grid[-1] != 1 or not bool((grid.diff() > 0).all()):
            raise ValueError(f"grid must increase from 0 to 1; got {brief(grid)}")
        values: dict[str, Any] = {"grid": grid, "ratio": _rows("ratio", self.ratio, len(grid) - 1)}
        if isinstance(scale := as_scale(self.scale), Tensor):
            values["scale"] = _rows("scale", scale, len(grid) - 1)
        for of, error in (("ratio", self.ratio_error), ("scale", self.scale_error)):
            if error is not None:
                number, name = values.get(of, torch.empty(0)), f"{of}_error"
                values[name] = in_shape_of(name, as_floats(name, error), number, of)
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def steps(self) -> int:
        """T"""
        return len(self.grid) - 1

    def drawn_index(self, depth_draws: Tensor) -> Tensor:
        """Numbers in [0, 1] -> the steps that they fall in when all are equally likely."""
        return (depth_draws * self.steps).long().clamp(max=self.steps - 1)

    def index_at(self, t: Tensor) -> Tensor:
        """t in [0, 1] -> the steps with s < t <= their upper end. A t that rounding has put just
        above a depth of the grid counts as that depth."""
        rounded = t * (1 - 4 * torch.finfo(t.dtype).eps)
        return (torch.searchsorted(self.grid.to(t), rounded) - 1).clamp(0, self.steps - 1)

    def step(self, index: Tensor | int, x: Tensor) -> Step:
        """The steps of an index, (B,) or one, in dtype and on device of the data x, (B, ...).
        Raises ValueError if the chain has a ratio for each dimension of data of another shape."""
        if self.ratio.dim() > 1 and self.ratio.shape[1:] != x.shape[1:]:
            wanted = (self.steps, *x.shape[1:])
            raise ValueError(f"ratio must have shape {wanted}; got {tuple(self.ratio.shape)}")
        grid, scale = self.grid.to(x), self.scale
        scale = scale.to(x)[index] if isinstance(scale, Tensor) else scale
        return Step(grid[index], grid[index + 1], self.ratio.to(x)[index], scale)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; `Chain(**chain.as_dict())` is the chain again."""
        return {k: v.tolist() if isinstance(v, Tensor) else v for k, v in vars(self).items()}


def as_chain(steps: Chain | int, name: str = "steps") -> Chain:
    """The chain itself; T equal steps for a number. Raises ValueError for anything else."""
    if isinstance(steps, Chain):
        return steps
    return Chain.equal(as_whole(name, steps, kind="a Chain or a whole number"))


def low_discrepancy(n: int, like: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """n depths in [0, 1), equally spaced modulo 1, from one uniform offset: each is uniform by
    itself, and together they cover [0, 1] evenly. (n,), in dtype and on device of `like`."""
    device = device_of_draws(generator, like)
    offset = torch.rand((1,), generator=generator, dtype=like.dtype, device=device).to(like.device)
    return (offset + torch.arange(n, dtype=like.dtype, device=like.device) / n) % 1


def _rows(name: str, given: Any, steps: int) -> Tensor:
    """A number or one for each step -> (T,) or, of a ratio, (T, ...); all positive."""
    values = as_floats(name, given)
    if values.dim() and (len(values) != steps or (values.dim() > 1 and name == "scale")):
        raise ValueError(f"{name} must be a number or ({steps},); got {tuple(values.shape)}")
    if not bool(((values > 0) & values.isfinite()).all()):
        raise ValueError(f"{name} must be positive and finite; got {brief(values)}")
    return values if values.dim() else values.expand(steps)
