"""The noise variance ratio and the time grid, fitted to data, for a trained model (W1, W4, W5).

    w = optimal_ratio(model, training_images, 8)
    evaluate(model, test_images, 8, w)                  # never fitted on what it is scored on

    grid = best_time_grid(model, training_images, 8)
    w = optimal_ratio(model, training_images, 8, grid=grid)
    evaluate(model, test_images, 8, w, grid=grid)       # a ratio belongs to one grid

Everything follows from one number, the mean squared gap m = E||mu_P - mu_Q||^2 / (d sigma_Q^2) of a
step, which by L2 costs (d/2)(w - 1 - ln w + w m) nats: (d/2) m if w = 1, (d/2) ln(1 + m) at best.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from numbers import Integral, Real

import torch
from torch import Tensor

from . import encoder, process
from .bound import prediction, step_gap
from .gaussian import best_cost, best_ratio, kl_ratio, standard_normal
from .model import DiffEnc, evaluating
from .schedule import Noise

# --- the ratio of every step ---------------------------------------------------------------------


@dataclass(frozen=True)
class RatioEstimate:
    """w* of T steps, (T,), or of each of their dimensions, (T, ...), and its standard error over
    images: how far another draw of images would move it (NaN if there is only one image)."""

    ratio: Tensor
    standard_error: Tensor


def optimal_ratio(
    model: DiffEnc,
    images: Tensor,
    steps: int,
    generator: torch.Generator | None = None,
    grid: Tensor | None = None,
    per_dimension: bool = False,
    draws: int = 1,
    batch: int = 250,
) -> Tensor:
    """W1: w* = 1 / (1 + m), m = E||mu_P - mu_Q||^2 / (d sigma_Q^2), of every step

    Returns (T,), row i for the step t = (i+1)/T; with per_dimension (T, ...), one w for each
    dimension of an example (W5). None is above 1. It goes into `elbo`, `evaluate` and `sample`.
    Arguments and errors as in `estimate_ratio`.
    """
    return estimate_ratio(model, images, steps, generator, grid, per_dimension, draws, batch).ratio


def estimate_ratio(
    model: DiffEnc,
    images: Tensor,
    steps: int,
    generator: torch.Generator | None = None,
    grid: Tensor | None = None,
    per_dimension: bool = False,
    draws: int = 1,
    batch: int = 250,
) -> RatioEstimate:
    """W1, W5: w* = 1 / (1 + m) of every step, with se(w*) = w*^2 se(m) to first order

    Args:
        images: uint8 (N, ...). With per_dimension there are many ratios to fit: give many images.
        grid: (T+1,) increasing from 0 to 1, where the T steps end; equal steps by default.
        draws: of noise, for each image and step.
        batch: images at a time; it limits the memory.

    Raises TypeError for images that are not uint8; ValueError for images that do not fit the
    model, for steps, draws or batch below 1, and for a grid that does not fit.
    """
    grid = process.check_grid(grid, steps, _like(model))
    batches = _batches(model, images, batch)
    mean, error = squared_gaps(model, batches, grid, generator, per_dimension, draws)
    w = best_ratio(mean)
    return RatioEstimate(w.to(grid), (w.square() * error).to(grid))


def squared_gaps(
    model: DiffEnc,
    batches: Iterable[Tensor],
    grid: Tensor,
    generator: torch.Generator | None = None,
    per_dimension: bool = False,
    draws: int = 1,
) -> tuple[Tensor, Tensor]:
    """L2, W1: m of every step of a grid, and its standard error over examples

    Args: batches of x (B, ...), floats, so that data need not be 8-bit; grid (T+1,).
    Returns two tensors (T,), with per_dimension (T, ...), in float64.
    """
    _check_whole("draws", draws)
    moments: list[Tensor | float] = [0.0] * (len(grid) - 1)  # sums of the gap and of its square
    n = 0
    with evaluating(model):
        for x in batches:
            n += len(x)
            for i, (s, t) in enumerate(zip(grid[:-1], grid[1:], strict=True)):
                gap = torch.zeros_like(x)
                for _ in range(draws):
                    eps = standard_normal(x.shape, x, generator)
                    gap += step_gap(model, x, s.expand(len(x)), t.expand(len(x)), eps)
                gap = gap if per_dimension else gap.flatten(1).mean(1)
                gap = gap.cpu().double() / draws
                moments[i] = moments[i] + torch.stack([gap.sum(0), gap.square().sum(0)])
    mean, square = torch.stack([torch.as_tensor(m) for m in moments], 1) / n
    return mean, ((square - mean.square()).clamp(min=0) / (n - 1)).sqrt()


# --- the cost of every step there could be -------------------------------------------------------


def edge_costs(
    model: DiffEnc,
    images: Tensor,
    resolution: int,
    ratio: float | str = 1.0,
    generator: torch.Generator | None = None,
    batch: int = 64,
) -> Tensor:
    """L2, W4: E[L2] of every step between the depths i / N, N = resolution; nats per example

    Returns (N+1, N+1), float64: row i, column j is the step from t = j/N down to s = i/N, and inf
    where there is none, i >= j. The sum along a path from 0 to N is the diffusion loss (L3) of the
    chain that takes these steps.

    Args:
        images: uint8 (N, ...); one noise for each image and depth.
        ratio: a number for all steps, or "optimal", W1 for each step.
        batch: images at a time; they take 24 (N+1) batch d bytes of memory.

    Raises TypeError for images that are not uint8; ValueError for images that do not fit the
    model, resolution or batch below 1, a ratio that is neither positive nor "optimal".
    """
    _check_whole("resolution", resolution)
    optimal = isinstance(ratio, str) and ratio == "optimal"
    if not optimal and not (isinstance(ratio, Real) and 0 < ratio < float("inf")):
        raise ValueError(f'ratio must be a positive number or "optimal"; got {ratio!r}')
    times = process.check_grid(None, resolution, _like(model))
    m = squared_gap_table(model, _batches(model, images, batch), times, generator)
    d = images[0].numel()
    return best_cost(m, d) if isinstance(ratio, str) else kl_ratio(d * m, ratio, d)


def squared_gap_table(
    model: DiffEnc,
    batches: Iterable[Tensor],
    times: Tensor,
    generator: torch.Generator | None = None,
) -> Tensor:
    """L2, W4: m of every step between the depths `times`, from one pass over the data

    In the gap a (v - v_hat) + b u_hat + c (x_t - x_s) of a step (`process.mean_gap`), all that
    depends on the data is known at the two ends. So denoiser and encoder run once for each depth,
    and the mean square of the gap of every pair follows from inner products.

    Args: batches of x (B, ...), floats, so that data need not be 8-bit; times (N+1,), increasing.
    Returns (N+1, N+1) in float64: row i, column j is the step from times[j] down to times[i], inf
    where i >= j.
    """
    nodes, numbers = len(times), 0
    own = torch.zeros(3, nodes, dtype=torch.float64)  # <v, v>, <v, u>, <u, u> at t
    cross = torch.zeros(3, nodes, nodes, dtype=torch.float64)  # <v, x_s>, <u, x_s>, <x_t, x_s>
    with evaluating(model):
        for x in batches:
            v, u, shift = _at_all_depths(model, x, times, generator)
            own += torch.stack([v * v, v * u, u * u]).sum(2)
            cross += torch.stack([v @ shift.T, u @ shift.T, shift @ shift.T])
            numbers += x.numel()
        gamma = model.schedule(times).gamma.cpu().double()
    s, t = torch.triu_indices(nodes, nodes, 1)
    a, b, c = process.gap_weights(Noise.from_gamma(gamma[s]), Noise.from_gamma(gamma[t]))
    v_change, u_change, to_t = cross[:, t, t] - cross[:, t, s]  # <., x_t - x_s>
    change_change = to_t + cross[2, s, s] - cross[2, t, s]
    vv, vu, uu = own[:, t]
    square = a * a * vv + b * b * uu + c * c * change_change
    square += 2 * (a * b * vu + a * c * v_change + b * c * u_change)
    table = torch.full((nodes, nodes), torch.inf, dtype=torch.float64)
    table[s, t] = (square / numbers).clamp(min=0)
    return table


def _at_all_depths(
    model: DiffEnc, x: Tensor, times: Tensor, generator: torch.Generator | None
) -> tuple[Tensor, Tensor, Tensor]:
    """v - v_hat, u_hat and x_t - x at every depth, each (N+1, x.numel()) in float64. No step starts
    at the first depth: there the first two are 0."""
    v, u, shift = torch.zeros(3, len(times), x.numel(), dtype=torch.float64)
    for i, t in enumerate(times):
        at = model.schedule(t.expand(len(x)))
        x_shift = encoder.shift(model.encoder, x, at.gamma)
        shift[i] = x_shift.flatten()
        if i > 0:
            eps = standard_normal(x.shape, x, generator)
            v_error, u_hat = prediction(model, x + x_shift, eps, at)
            v[i] = v_error.flatten()
            u[i] = torch.as_tensor(u_hat).flatten()
    return v, u, shift


# --- the best grid --------------------------------------------------------------------------------


def best_time_grid(
    model: DiffEnc,
    images: Tensor,
    steps: int,
    resolution: int = 128,
    ratio: float | str = "optimal",
    generator: torch.Generator | None = None,
    batch: int = 64,
) -> Tensor:
    """W4: the T + 1 of the depths i / resolution from 0 to 1 that make the diffusion loss smallest

    Exact, by dynamic programming over `edge_costs`; arguments as there. Returns (T+1,), increasing;
    give it to `elbo`, `evaluate`, `sample` and `optimal_ratio`. For several T, compute
    the costs once: `cheapest_path(costs, T) / resolution`.

    Raises ValueError for steps below 1 or above the resolution, and what `edge_costs` raises.
    """
    _check_whole("resolution", resolution)
    _check_whole("steps", steps, resolution)
    costs = edge_costs(model, images, resolution, ratio, generator, batch)
    times = process.check_grid(None, resolution, _like(model))
    return times[cheapest_path(costs, steps).to(times.device)]


def cheapest_path(costs: Tensor, steps: int) -> Tensor:
    """W4: the path 0 = i_0 < i_1 < ... < i_T = N with the smallest sum of costs[i_k, i_{k+1}]

    Best(k, j) = min_i Best(k - 1, i) + costs[i, j]: T N^2 operations; brute force would compare
    (N - 1 choose T - 1) paths. Args: costs (N+1, N+1); inf where there is no edge, only i < j
    counts. Returns the nodes, int64 (T+1,). Raises ValueError if costs are not square or NaN, for
    steps below 1 or above N, and if no path is finite.
    """
    if costs.dim() != 2 or costs.shape[0] != costs.shape[1] or len(costs) < 2:
        raise ValueError(f"costs must have shape (N+1, N+1), N >= 1; got {tuple(costs.shape)}")
    last = len(costs) - 1
    _check_whole("steps", steps, last)
    upward = torch.ones_like(costs, dtype=torch.bool).triu(1)
    costs = costs.masked_fill(~upward, torch.inf)
    if bool(costs.isnan().any()):
        raise ValueError("costs must be numbers or inf; got NaN")
    best, before = costs[0], []  # of the cheapest path with k edges from 0 to each node
    for _ in range(steps - 1):
        best, previous = (best[:, None] + costs).min(0)
        before.append(previous)
    if bool(best[last].isinf()):
        raise ValueError(f"costs allow no path of {steps} steps from the first node to the last")
    path = [last]
    for previous in reversed(before):
        path.append(int(previous[path[-1]]))
    return torch.tensor([0, *reversed(path)])


# --- arguments ------------------------------------------------------------------------------------


def _like(model: DiffEnc) -> Tensor:
    return torch.empty((), dtype=model.dtype, device=model.device)


def _batches(model: DiffEnc, images: Tensor, batch: int) -> Iterator[Tensor]:
    _check_whole("batch", batch)
    model.check(images)
    for start in range(0, len(images), batch):
        yield model.to_unit(images[start : start + batch].to(model.device))


def _check_whole(name: str, given: int, most: int | None = None) -> None:
    whole = isinstance(given, Integral) and not isinstance(given, bool)
    if not whole or given < 1 or (most is not None and given > most):
        limit = "" if most is None else f" and at most {most}, the resolution"
        raise ValueError(f"{name} must be a whole number, at least 1{limit}; got {given!r}")
