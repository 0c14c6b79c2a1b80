"""Ratio, scale and time grid of the steps, fitted to data, for a trained model (W1, W4, W5, W7).

    chain = fit(model, training_images, 8)                  # scale and ratio of eight equal steps
    evaluate(model, test_images, chain)                     # never fitted on what it is scored on

    chain = fit(model, training_images, 8, resolution=128)  # and the best of the grids
    chain = fit(model, training_images, 8, scale=False)     # the paper's mean, the best ratios

Everything follows from one number, the mean squared gap m = E||mu_P - mu_Q||^2 / (d sigma_Q^2) of a
step, which by L2 costs (d/2)(w - 1 - ln w + w m) nats: (d/2) m if w = 1, (d/2) ln(1 + m) at best.
With a mean of the form A x_hat (G5), m is a parabola in A.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor

from . import encoder, process
from .arguments import real, whole
from .bound import prediction, scale_gap, step_gap
from .chain import Chain, as_chain
from .gaussian import best_cost, best_ratio, kl_ratio, standard_normal
from .model import DiffEnc, check_model, evaluating
from .process import Scale
from .schedule import Noise

# --- scale and ratio of every step ----------------------------------------------------------------

LEAST = 1e-6  # of A/c: with less the mean would turn x_hat around


def fit(
    model: DiffEnc,
    images: Tensor,
    chain: Chain | int,
    *,
    scale: bool = True,
    ratio: str = "step",
    resolution: int | None = None,
    generator: torch.Generator | None = None,
    draws: int = 1,
    batch: int = 250,
) -> Chain:
    """W1, W7: the chain with the best scale and ratio of every step, and their standard errors

    A* = E<x_hat, tau> / E||x_hat||^2, tau = c x_t + (x_s - x_t): the best mean of the form A x_hat
    (G5). Given that mean, w* = 1 / (1 + m). No encoder is needed to use them. For a VDM with a
    perfect denoiser A* = c. Where x_hat tells next to nothing, A*/c has a large error; it is at
    least 1e-6. The errors are over images, to first order; NaN for one image.

    Args:
        images: uint8 (N, ...). Never those that the chain is scored on.
        chain: the steps to fit, a `Chain` or a number T of equal steps.
        scale: False keeps the scale of the chain.
        ratio: "step", one for each step (W1); "constant", one for all (W1c); "dimension", one for
            each step and dimension (W5), for which many images are needed.
        resolution: N replaces the grid by the best T of the depths i / N (W4).
        draws: of noise, for each image and step; batch: images at a time.

    Raises TypeError for images that are not uint8; ValueError for images that do not fit the
    model, for draws or batch below 1, a resolution below T, and what `Chain` refuses.
    """
    chain, draws, batch = _steps(chain), whole("draws", draws), whole("batch", batch)
    if ratio not in ("step", "constant", "dimension"):
        raise ValueError(f"ratio must be one of step, constant, dimension; got {ratio!r}")
    if resolution is not None:
        kind = "optimal" if scale else _one_scale(chain)
        best = best_time_grid(
            model, images, chain.steps, resolution, generator=generator, batch=batch, scale=kind
        )
        chain = Chain(best, chain.ratio, None if scale else chain.scale)
    batches, like = _batches(model, images, batch), _like(model)
    if scale:
        chain = _with_scale(model, batches, chain, generator, draws, like)
        if ratio == "step":
            return chain
        batches = _batches(model, images, batch)
    mean, error = squared_gaps(model, batches, chain, generator, ratio == "dimension", draws)
    if ratio == "constant":
        loss = images[0].numel() / 2 * float(mean.sum())
        best_constant = torch.tensor(constant_ratio(loss, chain.steps, images[0].numel()))
        return Chain(chain.grid, best_constant, chain.scale, None, chain.scale_error)
    w = best_ratio(mean)
    w_error = w.square() * error  # se(w*) = w*^2 se(m) to first order
    return Chain(chain.grid, w.to(like), chain.scale, w_error.to(like), chain.scale_error)


def _with_scale(
    model: DiffEnc,
    batches: Iterable[Tensor],
    chain: Chain,
    generator: torch.Generator | None,
    draws: int,
    like: Tensor,
) -> Chain:
    """W7. In units of sigma_Q the gap is g + (A/c - 1) h (`bound.scale_gap`), so its mean square is
    a parabola in A, which all dimensions share."""

    def products(x: Tensor, i: int, eps: Tensor) -> Tensor:
        g, h = scale_gap(model, x, *_depths(chain, i, x), eps)
        return torch.stack([g * g, g * h, h * h], 1).flatten(2).mean(2)  # (B, 3)

    parts: list[list[Tensor]] = [[] for _ in range(chain.steps)]
    for i, summed in _each_step(model, batches, chain.steps, generator, draws, products):
        parts[i].append(summed.cpu().double() / draws)
    of_images = torch.stack([torch.cat(step) for step in parts])  # (T, N, 3)
    moments = of_images.mean(1)
    h2 = moments[:, 2]
    scale = best_scale(moments)
    extra = scale - 1
    w = best_ratio(gap_with_scale(moments, scale))
    # first order: how one image moves A*/c, and m (through A it does not: there m is least)
    one, none = torch.ones_like(extra), torch.zeros_like(extra)
    on_scale = torch.stack([none, -1 / h2, -extra / h2], 1)
    on_m = torch.stack([one, 2 * extra, extra.square()], 1)
    spread = torch.stack([on_scale, on_m], 2)  # (T, 3, 2)
    scale_error, m_error = ((of_images @ spread).std(1) / of_images.shape[1] ** 0.5).unbind(1)
    fitted = w, scale, w.square() * m_error, scale_error
    return Chain(chain.grid, *(values.to(like) for values in fitted))


def gap_with_scale(products: Tensor, scale: Tensor) -> Tensor:
    """L2, G5: the squared gap (g + (A/c - 1) h)^2 from the products g^2, g h, h^2 in dimension 1"""
    g2, gh, h2 = products.unbind(1)
    extra = scale.to(products.dtype) - 1
    return g2 + 2 * extra * gh + extra.square() * h2


def best_scale(moments: Tensor) -> Tensor:
    """W7: A*/c = 1 - E[g h] / E[h^2], where the mean of `gap_with_scale` is least, at least 1e-6

    Args: the means of g^2, g h, h^2 of every step, (T, 3). Returns (T,).
    """
    return (1 - moments[:, 1] / moments[:, 2]).clamp(min=LEAST)


def constant_ratio(loss: float, steps: int, dims: int) -> float:
    """W1c: w = 1 / (1 + 2 L / (T d)), the best of the ratios that are the same for all T steps

    It is W1 for the chain as a whole: with this w the loss is (T d / 2) ln(1 + 2 L / (T d)).
    Args: loss L, the diffusion loss with w = 1 in nats per example; steps T; dims d.
    """
    m = 2 * float(loss) / (whole("steps", steps) * whole("dims", dims))
    return float(best_ratio(torch.tensor(m, dtype=torch.float64)))


def squared_gaps(
    model: DiffEnc,
    batches: Iterable[Tensor],
    chain: Chain | int,
    generator: torch.Generator | None = None,
    per_dimension: bool = False,
    draws: int = 1,
) -> tuple[Tensor, Tensor]:
    """L2, W1: m of every step of a chain, and its standard error over examples

    Args: batches of x (B, ...), floats, so that data need not be 8-bit.
    Returns two tensors (T,), with per_dimension (T, ...), in float64.
    """
    check_model(model)
    chain = _steps(chain)

    def gap(x: Tensor, i: int, eps: Tensor) -> Tensor:
        return step_gap(model, x, *_depths(chain, i, x), eps, chain.scale_at(i, x))

    moments: list[Tensor | float] = [0.0] * chain.steps  # sums of the gap and of its square
    n = 0
    for i, squared in _each_step(model, batches, chain.steps, generator, draws, gap):
        n += len(squared) * (i == 0)
        squared = squared if per_dimension else squared.flatten(1).mean(1)
        squared = squared.cpu().double() / draws
        moments[i] = moments[i] + torch.stack([squared.sum(0), squared.square().sum(0)])
    mean, square = torch.stack([torch.as_tensor(m) for m in moments], 1) / n
    return mean, ((square - mean.square()).clamp(min=0) / (n - 1)).sqrt()


def _depths(chain: Chain, i: int, x: Tensor) -> tuple[Tensor, Tensor]:
    """s and t of step i for every example, (B,)."""
    grid = chain.grid.to(x)
    return grid[i].expand(len(x)), grid[i + 1].expand(len(x))


def _each_step(
    model: DiffEnc,
    batches: Iterable[Tensor],
    steps: int,
    generator: torch.Generator | None,
    draws: int,
    measure: Callable[[Tensor, int, Tensor], Tensor],
) -> Iterator[tuple[int, Tensor]]:
    """i and measure(x, i, eps), summed over draws of eps, for every batch and step."""
    with evaluating(model):
        for x in batches:
            for i in range(steps):
                noise = (standard_normal(x.shape, x, generator) for _ in range(draws))
                yield i, torch.stack([measure(x, i, eps) for eps in noise]).sum(0)


# --- parts of `fit`, by names of their own --------------------------------------------------------


def optimal_ratio(
    model: DiffEnc,
    images: Tensor,
    steps: int,
    generator: torch.Generator | None = None,
    grid: Tensor | None = None,
    scale: Scale = None,
) -> Tensor:
    """W1: w* = 1 / (1 + m) of every step, (T,), row i for the step t = (i+1)/T: `fit` without the
    scale. None is above 1. It goes into `elbo`, `evaluate` and `sample` as their ratio."""
    chain = _steps(as_chain(steps, grid=grid, scale=scale))
    return fit(model, images, chain, scale=False, generator=generator).ratio


def optimal_step(
    model: DiffEnc,
    images: Tensor,
    steps: int,
    generator: torch.Generator | None = None,
    grid: Tensor | None = None,
) -> Chain:
    """W7: `fit` of T steps: its .scale and .ratio, (T,), with .scale_error and .ratio_error"""
    return fit(model, images, _steps(as_chain(steps, grid=grid)), generator=generator)


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
    whole("resolution", resolution)
    if not isinstance(ratio, str) or ratio != "optimal":
        real("ratio", ratio, 'a positive number or "optimal"', lambda w: w > 0)
    times = Chain.equal(resolution).grid.to(_like(model))
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
    if scale is not None and not (isinstance(scale, str) and scale in ("folded", "optimal")):
        accepted = 'None, "folded", "optimal" or a positive number'
        real("scale", scale, accepted, lambda factor: factor > 0)
    nodes, numbers = len(times), 0
    at_t = torch.zeros(3, nodes, dtype=torch.float64)  # <v, v>, <v, x_hat>, <x_hat, x_hat>
    cross = torch.zeros(3, nodes, nodes, dtype=torch.float64)  # <v, x_s>, <x_hat, x_s>, <x_t, x_s>
    with evaluating(model):
        for x in batches:
            v, x_hat, shift = _at_all_depths(model, x, times, generator)
            at_t += torch.stack([v * v, v * x_hat, x_hat * x_hat]).sum(2)
            cross += torch.stack([v @ shift.T, x_hat @ shift.T, shift @ shift.T])
            numbers += x.numel()
        gamma = model.schedule(times).gamma.cpu().double()
    s, t = torch.triu_indices(nodes, nodes, 1)
    noises = Noise.from_gamma(gamma[s]), Noise.from_gamma(gamma[t])
    moved = float(encoder.has_counterterm(model.encoder))  # u_hat / x_hat
    a = process.mean_gap(1.0, 0.0, 0.0, 0.0, *noises)
    k = process.mean_gap(0.0, 0.0, 0.0, 1.0, *noises)
    v_change, x_hat_change, to_t = cross[:, t, t] - cross[:, t, s]  # <., x_t - x_s>
    change_change = to_t + cross[2, s, s] - cross[2, t, s]
    vv, vx, xx = at_t[:, t]
    if scale == "optimal":
        least = (LEAST - 1) * process.mean_gap(0.0, 1.0, 0.0, 0.0, *noises, scale=2.0)
        b = torch.maximum(-(a * vx + k * x_hat_change) / xx, least)
    else:
        b = process.mean_gap(0.0, 1.0, moved, 0.0, *noises, scale)
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
        x_shift = model.shift(x, at.gamma)
        shift[i] = x_shift.flatten()
        if i > 0:
            eps = standard_normal(x.shape, x, generator)
            v[i], x_hat[i] = (a.flatten() for a in prediction(model, x + x_shift, eps, at))
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

    Exact, by dynamic programming over `edge_costs`; arguments as there. Returns (T+1,), increasing.
    For several T, compute the costs once: `cheapest_path(costs, T) / resolution`.

    Raises ValueError for steps below 1 or above the resolution, and what `edge_costs` raises.
    """
    whole("resolution", resolution)
    whole("steps", steps, most=resolution)
    costs = edge_costs(model, images, resolution, ratio, generator, batch, scale)
    times = Chain.equal(resolution).grid.to(_like(model))
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
    whole("steps", steps, most=last)
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


def _steps(chain: Chain | int | None) -> Chain:
    made = as_chain(chain)
    if made is None:
        raise ValueError("chain must be a Chain or a number of steps, at least 1; got None")
    return made


def _one_scale(chain: Chain) -> float | str | None:
    """The scale of all steps alike, as the costs of a table need it."""
    if isinstance(chain.scale, Tensor) and bool((chain.scale != chain.scale[0]).any()):
        raise ValueError("scale must be one for all steps to fit a grid; give scale=True")
    return float(chain.scale[0]) if isinstance(chain.scale, Tensor) else chain.scale


def _like(model: DiffEnc) -> Tensor:
    check_model(model)
    return torch.empty((), dtype=model.dtype, device=model.device)


def _batches(model: DiffEnc, images: Tensor, batch: int) -> Iterator[Tensor]:
    whole("batch", batch)
    check_model(model)
    model.check(images)
    for start in range(0, len(images), batch):
        yield model.to_unit(images[start : start + batch].to(model.device))
