"""A chain of T steps: where they end, and the ratio and the scale of each (L3, G3, G5).

    chain = Chain.equal(8)                                # equal steps, w = 1, the paper's mean
    chain = Chain([0, 0.2, 0.5, 1], ratio=0.9, scale="folded")
    chain = fit(model, training_images, Chain.equal(8))   # the best scale and ratio of every step

    elbo(model, images, chain); evaluate(model, images, chain); sample(model, 64, chain)

None in the place of a chain is infinite depth (L4), a whole number T is `Chain.equal(T)`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import wraps
from typing import Any, TypeVar

import torch
from torch import Tensor

from .arguments import device_of_draws, whole
from .process import Scale

Values = Tensor | float | Sequence[Any]  # a number, or one for each step
Result = TypeVar("Result")


@dataclass(frozen=True, eq=False, repr=False)
class Chain:
    """T steps; row i of everything is the step from t = grid[i + 1] down to s = grid[i].

    grid: (T+1,), the depths where steps end, increasing from 0 to 1.
    ratio: w = sigma_Q^2 / sigma_P^2 > 0, a number, (T,) or, with one w for each dimension of an
        example (W5), (T, ...). Kept as (T,) or (T, ...).
    scale: of the mean of p (`process.motion`): None, the paper's (G3); "folded"; or A / c > 0, a
        number or (T,), kept as (T,).
    ratio_error, scale_error: standard errors over images, in the shapes of ratio and scale, if
        `fit` estimated them.

    Raises ValueError, naming the argument, for a grid, ratio or scale that is none of these.
    """

    grid: Tensor
    ratio: Tensor = 1.0  # type: ignore[assignment]  # any `Values`, a Tensor afterwards
    scale: Scale = None
    ratio_error: Tensor | None = None
    scale_error: Tensor | None = None

    @classmethod
    def equal(cls, steps: int, ratio: Values = 1.0, scale: Scale = None) -> Chain:
        """T = `steps` equal steps."""
        steps = whole("steps", steps)
        return cls(torch.arange(steps + 1, dtype=torch.float64) / steps, ratio, scale)  # type: ignore[arg-type]

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not isinstance(value, str):
                object.__setattr__(self, field.name, _floats(field.name, value))
        grid = self.grid
        if not isinstance(grid, Tensor) or grid.dim() != 1 or len(grid) < 2:
            raise ValueError(f"grid must have shape (T+1,), T >= 1; got {_shape(grid)}")
        if grid[0] != 0 or grid[-1] != 1 or not bool((grid.diff() > 0).all()):
            raise ValueError(f"grid must increase from 0 to 1; got {grid.tolist()}")
        for name, words in (("ratio", ""), ("scale", 'None, "folded", ')):
            value, error = getattr(self, name), getattr(self, f"{name}_error")
            if isinstance(value, Tensor):
                value = self._rows(name, value)
                object.__setattr__(self, name, value)
            elif name == "ratio" or value not in (None, "folded"):
                raise ValueError(
                    f'{name} must be {words}a number or a tensor ({self.steps},); got "{value}". '
                    "The best one is fitted on other images: fit(model, training_images, steps)"
                )
            if error is not None and _shape(error) != _shape(value):
                raise ValueError(f"{name}_error must have the shape of {name}; got {_shape(error)}")

    @property
    def steps(self) -> int:
        """T"""
        return len(self.grid) - 1

    def step_of(self, u: Tensor) -> Tensor:
        """u in [0, 1) -> the step that it falls in when all are equally likely, 0 to T - 1."""
        return (u * self.steps).long().clamp(max=self.steps - 1)

    def step_at(self, t: Tensor) -> Tensor:
        """t in [0, 1] -> the step with s < t <= its upper end. A t that rounding has put just above
        a depth of the grid counts as that depth."""
        rounded = t * (1 - 4 * torch.finfo(t.dtype).eps)
        return (torch.searchsorted(self.grid.to(t), rounded) - 1).clamp(0, self.steps - 1)

    def at(self, step: Tensor | int, like: Tensor) -> tuple[Tensor, Tensor, Tensor, Scale]:
        """s, t, ratio and scale of steps, (B,), for data `like`, (B, ...): its dtype, its device.

        Raises ValueError if the chain has a ratio for each dimension of data of another shape.
        """
        shape = tuple(like.shape[1:])
        if self.ratio.dim() > 1 and tuple(self.ratio.shape[1:]) != shape:
            raise ValueError(
                f"ratio must have shape ({self.steps},) or {(self.steps, *shape)}, with one for "
                f"each dimension of these data; got shape {tuple(self.ratio.shape)}"
            )
        grid = self.grid.to(like)
        return grid[step], grid[step + 1], self.ratio.to(like)[step], self.scale_at(step, like)

    def scale_at(self, step: Tensor | int, like: Tensor) -> Scale:
        """The scale of steps, as in `at`."""
        return self.scale.to(like)[step] if isinstance(self.scale, Tensor) else self.scale

    def lists(self) -> dict[str, Any]:
        """Plain values, for JSON; `Chain(**lists)` is the chain again."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {k: v.tolist() if isinstance(v, Tensor) else v for k, v in values.items()}

    def __repr__(self) -> str:
        grid = self.grid.tolist()
        equal = grid == [i / self.steps for i in range(self.steps + 1)]
        shown = [f"equal({self.steps}" if equal else f"({_brief(self.grid)}"]
        if not bool((self.ratio == 1).all()):
            shown.append(f"ratio={_brief(self.ratio)}")
        if self.scale is not None:
            scale = self.scale
            shown.append(f'scale="{scale}"' if isinstance(scale, str) else f"scale={_brief(scale)}")
        return f"Chain{'.' if equal else ''}{', '.join(shown)})"

    def _rows(self, name: str, values: Tensor) -> Tensor:
        """A number or one for each step -> (T,) or, of a ratio, (T, ...); all positive."""
        if values.dim() and (len(values) != self.steps or (values.dim() > 1 and name == "scale")):
            also = ", or (T, ...) with one for each dimension" if name == "ratio" else ""
            raise ValueError(
                f"{name} must be a number or have one entry for each step, shape ({self.steps},)"
                f"{also}; got shape {tuple(values.shape)}"
            )
        if not bool(((values > 0) & values.isfinite()).all()):
            raise ValueError(f"{name} must be positive and finite; got {values.tolist()}")
        return values if values.dim() else values.expand(self.steps)


def low_discrepancy(n: int, like: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """n depths in [0, 1), equally spaced modulo 1, from one uniform offset.

    Each is uniform by itself; together they cover [0, 1] evenly. Returns (n,), in the dtype and on
    the device of `like`.
    """
    device = device_of_draws(generator, like)
    offset = torch.rand((1,), generator=generator, dtype=like.dtype, device=device).to(like.device)
    return (offset + torch.arange(n, dtype=like.dtype, device=like.device) / n) % 1


def _floats(name: str, given: Any) -> Tensor:
    """A float tensor as it is; anything else in float64, so that no digit is lost."""
    if isinstance(given, Tensor) and given.is_floating_point():
        return given
    try:
        return torch.as_tensor(given, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"{name} must be numbers; got {given!r}") from None


def _shape(given: Any) -> Any:
    return tuple(given.shape) if isinstance(given, Tensor) else given


def _brief(values: Tensor | Any) -> str:
    numbers = [f"{value:.4g}" for value in values.flatten().tolist()]
    if len(set(numbers)) == 1:
        return numbers[0]
    return "[" + ", ".join(numbers if len(numbers) <= 9 else [*numbers[:8], "..."]) + "]"


# --- steps=, ratio=, grid= and scale= as a thin way to make one -----------------------------------


def as_chain(
    chain: Chain | int | None,
    ratio: Values | None = None,
    grid: Values | None = None,
    scale: Scale = None,
) -> Chain | None:
    """The chain itself, or T steps on a grid (equal if None) with this ratio and scale.

    None is infinite depth, where w must be 1 (W2) and the rest is refused.
    """
    if isinstance(chain, Chain):
        for name, value in (("ratio", ratio), ("grid", grid), ("scale", scale)):
            if value is not None:
                raise ValueError(f"{name} must be part of the chain, Chain(grid, ratio, scale)")
        return chain
    if chain is not None:
        steps = whole("steps", chain)
        made = Chain.equal(steps) if grid is None else Chain(grid)  # type: ignore[arg-type]
        if made.steps != steps:
            raise ValueError(
                f"grid must have shape ({steps + 1},), for {steps} steps; got ({made.steps + 1},)"
            )
        return Chain(made.grid, 1.0 if ratio is None else ratio, scale)  # type: ignore[arg-type]
    if grid is not None:
        raise ValueError("grid needs steps=T: infinite depth has no steps")
    if isinstance(ratio, str) or (ratio is not None and bool((_floats("ratio", ratio) != 1).any())):
        raise ValueError(
            f"ratio must be 1 at infinite depth (steps=None); got {ratio}. By W2 a constant w != 1 "
            "adds T (d/2)(w - 1 - ln w), which has no limit: give steps=T to use another ratio"
        )
    if scale is not None:
        raise ValueError(
            f"scale must be None at infinite depth (steps=None); got {scale}. By G5 every scale "
            "has the same limit there, A / c = 1 + sigma_t^2 (1 for a VDM), so the bound is L4 "
            "with each: give steps=T to use one"
        )
    return None


def takes_chain(function: Callable[..., Result]) -> Callable[..., Result]:
    """Let function(a, b, chain, *, ...) also be called with steps=T, ratio, grid and scale, by name
    or in their old places: `as_chain` makes the chain of them. The one place for these names."""
    names = [*inspect.signature(function).parameters, "scale", "steps"]
    names.insert(3, "ratio")
    names.insert(names.index("generator") + 1, "grid")
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    places = inspect.Signature([inspect.Parameter(name, kind, default=None) for name in names])

    @wraps(function)
    def called(*args: Any, **named: Any) -> Result:
        given = places.bind(*args, **named).arguments
        chain, steps = given.pop("chain", None), given.pop("steps", None)
        if steps is not None and chain is not None:
            raise ValueError(f"steps must not be given beside a chain; got {steps!r} and {chain!r}")
        others = [given.pop(name, None) for name in ("ratio", "grid", "scale")]
        return function(chain=as_chain(steps if chain is None else chain, *others), **given)

    return called
