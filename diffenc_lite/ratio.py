"""Ratio, scale and time grid of the steps, fitted to data, for a trained model (W1, W4, W5, W7).

    w = optimal_ratio(model, training_images, 8)
    evaluate(model, test_images, 8, w)                  # never fitted on what it is scored on

    fit = optimal_step(model, training_images, 8)       # the scale of the mean too
    evaluate(model, test_images, 8, fit.ratio, scale=fit.scale)

    grid = best_time_grid(model, training_images, 8, scale="optimal")
    fit = optimal_step(model, training_images, 8, grid=grid)        # a fit belongs to one grid
    evaluate(model, test_images, 8, fit.ratio, grid=grid, scale=fit.scale)

Everything follows from one number, the mean squared gap m = E||mu_P - mu_Q||^2 / (d sigma_Q^2) of a
step, which by L2 costs (d/2)(w - 1 - ln w + w m) nats: (d/2) m if w = 1, (d/2) ln(1 + m) at best.
With a mean of the form A x_hat (G5), m is a parabola in A.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from numbers import Integral, Real

import torch
from torch import Tensor

from . import encoder, process
from .bound import prediction, scale_gap, step_gap
from .gaussian import best_cost, best_ratio, kl_ratio, standard_normal
from .model import DiffEnc, evaluating
from .process import Scale
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
    scale: Scale = None,
) -> Tensor:
    """W1: w* = 1 / (1 + m), m = E||mu_P - mu_Q||^2 / (d sigma_Q^2), of every step

    Returns (T,), row i for the step t = (i+1)/T; with per_dimension (T, ...), one w for each
    dimension of an example (W5). None is above 1. It goes into `elbo`, `evaluate` and `sample`.
    Arguments and errors as in `estimate_ratio`.
    """
    return estimate_ratio(
        model, images, steps, generator, grid, per_dimension, draws, batch, scale
    ).ratio


def estimate_ratio(
    model: DiffEnc,
    images: Tensor,
    steps: int,
    generator: torch.Generator | None = None,
    grid: Tensor | None = None,
    per_dimension: bool = False,
    draws: int = 1,
    batch: int = 250,
    scale: Scale = None,
) -> RatioEstimate:
    """W1, W5: w* = 1 / (1 + m) of every step, with se(w*) = w*^2 se(m) to first order

    Args:
        images: uint8 (N, ...). With per_dimension there are many ratios to fit: give many images.
        grid: (T+1,) increasing from 0 to 1, where the T steps end; equal steps by default.
        draws: of noise, for each image and step.
        batch: images at a time; it limits the memory.
        scale: of the mean of p, as in `elbo`.

    Raises TypeError for images that are not uint8; ValueError for images that do not fit the
    model, for steps, draws or batch below 1, and for a grid or scale that does not fit.
    """
    grid = process.check_grid(grid, steps, _like(model))
    batches = _batches(model, images, batch)
    mean, error = squared_gaps(model, batches, grid, generator, per_dimension, draws, scale)
    w = best_ratio(mean)
    return RatioEstimate(w.to(grid), (w.square() * error).to(grid))


def squared_gaps(
    model: DiffEnc,
    batches: Iterable[Tensor],
    grid: Tensor,
    generator: torch.Generator | None = None,
    per_dimension: bool = False,
    draws: int = 1,
    scale: Scale = None,
) -> tuple[Tensor, Tensor]:
    """L2, W1: m of every step of a grid, and its standard error over examples

    Args: batches of x (B, ...), floats, so that data need not be 8-bit; grid (T+1,); scale of the
        mean of p, as in `elbo`.
    Returns two tensors (T,), with per_dimension (T, ...), in float64.
    """

    def gap_of(x: Tensor, i: int, s: Tensor, t: Tensor, eps: Tensor) -> Tensor:
        rows = process.check_scale(scale, len(grid) - 1, x)
        return step_gap(model, x, s, t, eps, process.scale_of(rows, i))

    moments: list[Tensor | float] = [0.0] * (len(grid) - 1)  # sums of the gap and of its square
    n = 0
    for i, gap in _each_step(model, batches, grid, generator, draws, gap_of):
        n += len(gap) * (i == 0)
        gap = gap if per_dimension else gap.flatten(1).mean(1)
        gap = gap.cpu().double() / draws
        moments[i] = moments[i] + torch.stack([gap.sum(0), gap.square().sum(0)])
    mean, square = torch.stack([torch.as_tensor(m) for m in moments], 1) / n
    return mean, ((square - mean.square()).clamp(min=0) / (n - 1)).sqrt()


def _each_step(
    model: DiffEnc,
    batches: Iterable[Tensor],
    grid: Tensor,
    generator: torch.Generator | None,
    draws: int,
    of: Callable[[Tensor, int, Tensor, Tensor, Tensor], Tensor],
) -> Iterator[tuple[int, Tensor]]:
    """i and of(x, i, s, t, eps), summed over draws of eps, for every batch and step."""
    _check_whole("draws", draws)
    with evaluating(model):
        for x in batches:
            for i, (s, t) in enumerate(zip(grid[:-1], grid[1:], strict=True)):
                ends = s.expand(len(x)), t.expand(len(x))
                noise = (standard_normal(x.shape, x, generator) for _ in range(draws))
                yield i, torch.stack([of(x, i, *ends, eps) for eps in noise]).sum(0)


def constant_ratio(loss: float, steps: int, dims: int) -> float:
    """W1c: w = 1 / (1 + 2 L / (T d)), the best of the ratios that are the same for all T steps

    It is W1 for the chain as a whole: with this w the loss is (T d / 2) ln(1 + 2 L / (T d)).
    Args: loss L, the diffusion loss with w = 1 in nats per example; steps T; dims d.
    """
    _check_whole("steps", steps)
    _check_whole("dims", dims)
    return float(best_ratio(torch.tensor(2 * float(loss) / (steps * dims), dtype=torch.float64)))


# --- the scale and the ratio of every step -------------------------------------------------------

LEAST = 1e-6  # of A/c: with less the mean would turn x_hat around


@dataclass(frozen=True)
class StepEstimate:
    """A*/c and w* of T steps, each (T,), and their standard errors over images."""

    scale: Tensor
    ratio: Tensor
    scale_error: Tensor
    ratio_error: Tensor


def gap_with_scale(products: Tensor, scale: Tensor) -> Tensor:
    """L2, G5: the squared gap (g + (A/c - 1) h)^2 from the products g^2, g h, h^2 in dimension 1"""
    g2, gh, h2 = products.unbind(1)
    by = scale.to(products.dtype) - 1
    return g2 + 2 * by * gh + by.square() * h2


def best_scale(moments: Tensor) -> Tensor:
    """W7: A*/c = 1 - E[g h] / E[h^2], where the mean of `gap_with_scale` is least, at least 1e-6

    Args: the means of g^2, g h, h^2 of every step, (T, 3). Returns (T,).
    """
    return (1 - moments[:, 1] / moments[:, 2]).clamp(min=LEAST)


def optimal_step(
    model: DiffEnc,
    images: Tensor,
    steps: int,
    generator: torch.Generator | None = None,
    grid: Tensor | None = None,
    draws: int = 1,
    batch: int = 250,
) -> StepEstimate:
    """W7: A* = E<x_hat, tau> / E||x_hat||^2, tau = c x_t + (x_s - x_t); then m and w* (W1)

    The best mean of the form A x_hat (G5) at every step, and the best ratio given that mean. No
    encoder is needed to use them: `elbo(model, test, T, fit.ratio, scale=fit.scale)`, and `sample`
    likewise. For a VDM with a perfect denoiser A* = c. The standard errors are by the delta method.
    Where x_hat tells next to nothing, A*/c has a large one; it is at least 1e-6.

    In units of sigma_Q the gap is g + (A/c - 1) h (`bound.scale_gap`), so its mean square is a
    parabola in A, which all dimensions share. For a ratio of each dimension, fit the scale here,
    then `estimate_ratio(..., per_dimension=True, scale=fit.scale)`.
    Arguments and errors as in `estimate_ratio`.
    """
    grid = process.check_grid(grid, steps, _like(model))

    def products(x: Tensor, i: int, s: Tensor, t: Tensor, eps: Tensor) -> Tensor:
        g, h = scale_gap(model, x, s, t, eps)
        return torch.stack([g * g, g * h, h * h], 1).flatten(2).mean(2)  # (B, 3)

    seen: list[list[Tensor]] = [[] for _ in range(steps)]
    batches = _batches(model, images, batch)
    for i, each in _each_step(model, batches, grid, generator, draws, products):
        seen[i].append(each.cpu().double() / draws)
    of_images = torch.stack([torch.cat(parts) for parts in seen])  # (T, N, 3)
    moments = of_images.mean(1)
    h2 = moments[:, 2]
    scale = best_scale(moments)
    by = scale - 1
    w = best_ratio(gap_with_scale(moments, scale))
    # first order: how one image moves A*/c, and m (through A it does not: there m is least)
    one, none = torch.ones_like(by), torch.zeros_like(by)
    on_scale = torch.stack([none, -1 / h2, -by / h2], 1)
    on_m = torch.stack([one, 2 * by, by.square()], 1)
    spread = torch.stack([on_scale, on_m], 2)  # (T, 3, 2)
    scale_error, m_error = ((of_images @ spread).std(1) / len(images) ** 0.5).unbind(1)
    found = scale, w, scale_error, w.square() * m_error
    return StepEstimate(*(each.to(grid) for each in found))


# --- the cost of every step there could be -------------------------------------------------------


def edge_costs(
    model: DiffEnc,
    images: Tensor,
    resolution: int,
    ratio: float | str = 1.0,
    generator: torch.Generator | None = None,
    batch: int = 64,
    scale: float | str | None = None,
) -> Tensor:
    """L2, W4: E[L2] of every step between the depths i / N, N = resolution; nats per example

    Returns (N+1, N+1), float64: row i, column j is the step from t = j/N down to s = i/N, and inf
    where there is none, i >= j. The sum along a path from 0 to N is the diffusion loss (L3) of the
    chain that takes these steps.

    Args:
        images: uint8 (N, ...); one noise for each image and depth.
        ratio: a number for all steps, or "optimal", W1 for each step.
        batch: images at a time; they take 24 (N+1) batch d bytes of memory.
        scale: of the mean of p (G5): None, "folded", A / c for all steps, or "optimal", W7 for each
            step.

    Raises TypeError for images that are not uint8; ValueError for images that do not fit the
    model, resolution or batch below 1, a ratio that is neither positive nor "optimal", a scale that
    is none of these.
    """
    _check_whole("resolution", resolution)
    optimal = isinstance(ratio, str) and ratio == "optimal"
    if not optimal and not (isinstance(ratio, Real) and 0 < ratio < float("inf")):
        raise ValueError(f'ratio must be a positive number or "optimal"; got {ratio!r}')
    times = process.check_grid(None, resolution, _like(model))
    m = squared_gap_table(model, _batches(model, images, batch), times, generator, scale)
    d = images[0].numel()
    return best_cost(m, d) if isinstance(ratio, str) else kl_ratio(d * m, ratio, d)


def squared_gap_table(
    model: DiffEnc,
    batches: Iterable[Tensor],
    times: Tensor,
    generator: torch.Generator | None = None,
    scale: float | str | None = None,
) -> Tensor:
    """L2, W4: m of every step between the depths `times`, from one pass over the data

    The gap of a step (`process.mean_gap`) is a (v - v_hat) + b x_hat + k (x_t - x_s), and all in it
    that depends on the data is known at the two ends. So denoiser and encoder run once for each
    depth, and the mean square of the gap of every pair follows from inner products.

    Args: batches of x (B, ...), floats, so that data need not be 8-bit; times (N+1,), increasing;
        scale as in `edge_costs`. "optimal" is the b that makes the mean square of a pair least.
    Returns (N+1, N+1) in float64: row i, column j is the step from times[j] down to times[i], inf
    where i >= j.
    """
    optimal = isinstance(scale, str) and scale == "optimal"
    if not optimal and scale is not None and scale != "folded":
        if not (isinstance(scale, Real) and 0 < scale < float("inf")):
            accepted = 'None, "folded", "optimal" or a positive number'
            raise ValueError(f"scale must be {accepted}; got {scale!r}")
    nodes, numbers = len(times), 0
    own = torch.zeros(3, nodes, dtype=torch.float64)  # <v, v>, <v, x_hat>, <x_hat, x_hat> at t
    cross = torch.zeros(3, nodes, nodes, dtype=torch.float64)  # <v, x_s>, <x_hat, x_s>, <x_t, x_s>
    with evaluating(model):
        for x in batches:
            v, x_hat, shift = _at_all_depths(model, x, times, generator)
            own += torch.stack([v * v, v * x_hat, x_hat * x_hat]).sum(2)
            cross += torch.stack([v @ shift.T, x_hat @ shift.T, shift @ shift.T])
            numbers += x.numel()
        gamma = model.schedule(times).gamma.cpu().double()
    s, t = torch.triu_indices(nodes, nodes, 1)
    ends = Noise.from_gamma(gamma[s]), Noise.from_gamma(gamma[t])
    moved = float(encoder.has_counterterm(model.encoder))  # u_hat / x_hat
    a = process.mean_gap(1.0, 0.0, 0.0, 0.0, *ends)
    k = process.mean_gap(0.0, 0.0, 0.0, 1.0, *ends)
    v_change, x_hat_change, to_t = cross[:, t, t] - cross[:, t, s]  # <., x_t - x_s>
    change_change = to_t + cross[2, s, s] - cross[2, t, s]
    vv, vx, xx = own[:, t]
    if optimal:
        least = (LEAST - 1) * process.mean_gap(0.0, 1.0, 0.0, 0.0, *ends, scale=2.0)
        b = torch.maximum(-(a * vx + k * x_hat_change) / xx, least)
    else:
        b = process.mean_gap(0.0, 1.0, moved, 0.0, *ends, scale)
    square = a * a * vv + b * b * xx + k * k * change_change
    square += 2 * (a * b * vx + a * k * v_change + b * k * x_hat_change)
    table = torch.full((nodes, nodes), torch.inf, dtype=torch.float64)
    table[s, t] = (square / numbers).clamp(min=0)
    return table


def _at_all_depths(
    model: DiffEnc, x: Tensor, times: Tensor, generator: torch.Generator | None
) -> tuple[Tensor, Tensor, Tensor]:
    """v - v_hat, x_hat and x_t - x at every depth, each (N+1, x.numel()) in float64. No step starts
    at the first depth: there the first two are 0."""
    v, x_hat, shift = torch.zeros(3, len(times), x.numel(), dtype=torch.float64)
    for i, t in enumerate(times):
        at = model.schedule(t.expand(len(x)))
        x_shift = encoder.shift(model.encoder, x, at.gamma)
        shift[i] = x_shift.flatten()
        if i > 0:
            eps = standard_normal(x.shape, x, generator)
            v[i], x_hat[i] = (each.flatten() for each in prediction(model, x + x_shift, eps, at))
    return v, x_hat, shift


# --- the best grid --------------------------------------------------------------------------------


def best_time_grid(
    model: DiffEnc,
    images: Tensor,
    steps: int,
    resolution: int = 128,
    ratio: float | str = "optimal",
    generator: torch.Generator | None = None,
    batch: int = 64,
    scale: float | str | None = None,
) -> Tensor:
    """W4: the T + 1 of the depths i / resolution from 0 to 1 that make the diffusion loss smallest

    Exact, by dynamic programming over `edge_costs`; arguments as there. Returns (T+1,), increasing;
    give it to `elbo`, `evaluate`, `sample`, `optimal_ratio` and `optimal_step`. For several T,
    compute the costs once: `cheapest_path(costs, T) / resolution`.

    Raises ValueError for steps below 1 or above the resolution, and what `edge_costs` raises.
    """
    _check_whole("resolution", resolution)
    _check_whole("steps", steps, resolution)
    costs = edge_costs(model, images, resolution, ratio, generator, batch, scale)
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
