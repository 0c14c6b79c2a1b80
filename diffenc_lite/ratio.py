"""Ratio, scale and grid of the steps, fitted to data, for a trained model (W1, W4, W5, W7).

    chain = fit(model, training_images, 8)                  # scale and ratio of eight equal steps
    evaluate(model, test_images, chain)                     # never fitted on what it is scored on

    chain = fit(model, training_images, 8, resolution=128)  # and the best of the grids (W4)
    chain = fit(model, training_images, 8, scale=None)      # the paper's mean, the best ratios

Everything follows from one number, the mean squared gap m = E||mu_P - mu_Q||^2 / (d sigma_Q^2) of a
step, which by L2 costs (d/2)(w - 1 - ln w + w m) nats: (d/2) m if w = 1, (d/2) ln(1 + m) at best.
With a mean of the form A x_hat (G5), m is a parabola in A, the same for all dimensions.
"""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from . import process
from .arguments import as_floats, as_real, as_whole, check_one_of
from .bound import gap_and_slope, squared_gap, v_error_and_x_hat
from .chain import Chain, Step, as_chain
from .checks import check_parts
from .gaussian import best_cost, best_ratio, best_scale, kl_ratio, squared_gap_from, standard_normal
from .model import DiffEnc, check_images, eval_mode
from .process import Scale, as_scale
from .schedule import Noise


def fit(
    model: DiffEnc,
    images: Tensor,
    steps: Chain | int,
    *,
    scale: Scale = "best",
    ratio: str = "step",
    resolution: int | None = None,
    generator: torch.Generator | None = None,
    batch: int = 250,
) -> Chain:
    """W1, W7: the chain with the best scale and ratio of every step, and their standard errors

    A* = E<x_hat, tau> / E||x_hat||^2, tau = c x_t + (x_s - x_t), is the best mean of the form
    A x_hat (G5), c for a VDM with a perfect denoiser; given it, w* = 1 / (1 + m). The errors are
    over images, to first order; NaN for one image.

    Args:
        images: uint8 (N, ...). Never those that the chain is scored on.
        steps: to fit, a `Chain` or a number T of equal steps.
        scale: "best"; or "keep", that of the chain; or any that a `Chain` takes.
        ratio: "step", one for each step (W1); "constant", one for all (W1c); "dimension", one for
            each step and dimension (W5), for which many images are needed.
        resolution: N replaces the grid by the best T of the depths i / N for a ratio in each step
            (W4); then the scale must be "best", None or "folded".
        batch: images at a time; with resolution they take as much memory as in `edge_costs`.
    Raises what `check_images`, `check_parts` and `Chain` do; ValueError for a resolution below T.
    """
    chain = as_chain(steps)
    batches = x_batches(model, images, batch)
    like = model.like_weights
    check_parts(model, images)
    scale = as_scale(scale, "best", "keep")
    check_one_of("ratio", ratio, ("step", "constant", "dimension"))
    best = scale == "best"
    if scale not in ("best", "keep"):
        chain = Chain(chain.grid, scale=scale)
    if resolution is not None:
        as_whole("resolution", resolution, chain.steps)
        if not best and isinstance(chain.scale, Tensor):
            raise ValueError('scale must be "best", None or "folded" for a grid; got numbers')
        wanted = "best" if best else chain.scale
        costs = edge_costs(model, images, resolution, "best", generator, batch, wanted)
        grid = Chain.equal(resolution).grid.to(model.dtype)[cheapest_path(costs, chain.steps)]
        chain = Chain(grid, scale=chain.scale)
    if best or ratio != "dimension":
        moments = gap_moments(model, batches, chain, generator)  # (T, N, 3)
        if not bool(moments.isfinite().all()):
            raise FloatingPointError("the gap of some image is not finite")
    if best:
        means = moments.mean(1)
        fitted = best_scale(means)
        # how one image moves A*/c, to first order
        by_image = (moments[..., 1] + (fitted - 1)[:, None] * moments[..., 2]) / means[:, 2:]
        error = _mean_error(by_image).to(like)
        chain = Chain(chain.grid, scale=fitted.to(like), scale_error=error)
    if ratio == "dimension":
        m, error = _gaps_by_dimension(model, images, batch, chain, generator)
    else:
        gaps = squared_gap_from(moments, scales_of(model, chain)[:, None])  # (T, N)
        # scale moves m at second order only: there m is least
        m, error = gaps.mean(1), _mean_error(gaps)
    w = best_ratio(m.mean() if ratio == "constant" else m)
    w_error = None if ratio == "constant" else (w.square() * error).to(like)
    return Chain(chain.grid, w.to(like), chain.scale, w_error, chain.scale_error)


def gap_moments(
    model: DiffEnc, batches: Iterable[Tensor], chain: Chain, generator: torch.Generator | None
) -> Tensor:
    """g^2, g h and h^2 of every step of a chain for every example, means over dimensions, (T, N, 3)
    in float64: in units of sigma_Q the gap is g + (A/c - 1) h (G5)"""
    parts: list[list[Tensor]] = [[] for _ in range(chain.steps)]
    with eval_mode(model):
        for i, x, step, eps in _each_step(batches, chain, generator):
            g, h = gap_and_slope(model, x, model.schedule(step.s), model.schedule(step.t), eps)
            moments = torch.stack([g * g, g * h, h * h], -1)  # (B, ..., 3)
            parts[i].append(moments.flatten(1, -2).mean(1).cpu().double())
    return torch.stack([torch.cat(part) for part in parts])


@torch.no_grad()
def scales_of(model: DiffEnc, chain: Chain) -> Tensor:
    """A / c of every step, however the chain says it, (T,) in float64."""
    gamma = model.schedule(chain.grid.to(model.like_weights)).gamma.cpu().double()
    at_s, at_t = Noise.from_gamma(gamma[:-1]), Noise.from_gamma(gamma[1:])
    return 1 + process.added_to_x_hat(1.0, model.u_hat(1.0), at_s, at_t, chain.scale)


def _mean_error(values: Tensor) -> Tensor:
    """The standard error of the means over examples, (T, N) -> (T,); NaN for one example."""
    n = values.shape[1]
    return values.std(1) / n**0.5 if n > 1 else torch.full_like(values[:, 0], torch.nan)


def _gaps_by_dimension(
    model: DiffEnc, images: Tensor, batch: int, chain: Chain, generator: torch.Generator | None
) -> tuple[Tensor, Tensor]:
    """m of every step and dimension (W5), and its standard error over examples, (T, ...), from
    sums: the gaps of all examples would not fit in memory."""
    n, batches = len(images), x_batches(model, images, batch)
    mean, square = torch.zeros(2, chain.steps, *images.shape[1:], dtype=torch.float64)
    with eval_mode(model):
        for i, x, step, eps in _each_step(batches, chain, generator):
            squared = squared_gap(model, x, step.s, step.t, eps, step.scale).cpu().double()
            mean[i] += squared.sum(0)
            square[i] += squared.square().sum(0)
    mean, square = mean / n, square / n
    return mean, ((square - mean.square()).clamp(min=0) / (n - 1)).sqrt()


def x_batches(model: DiffEnc, images: Tensor, batch: int) -> Iterator[Tensor]:
    """x of so many images at a time, on the device of the model; all checked at once."""
    check_images(model, images)
    return (model.to_unit(x.to(model.device)) for x in images.split(as_whole("batch", batch)))


def _each_step(
    batches: Iterable[Tensor], chain: Chain, generator: torch.Generator | None
) -> Iterator[tuple[int, Tensor, Step, Tensor]]:
    """i, x, step and eps, for every batch and step."""
    for x in batches:
        for i in range(chain.steps):
            step = chain.step(torch.full((len(x),), i, device=x.device), x)
            yield i, x, step, standard_normal(x.shape, x, generator)


# --- every step there could be, and the cheapest chain of them (W4) -------------------------------


def edge_costs(
    model: DiffEnc,
    images: Tensor,
    resolution: int,
    ratio: float | str = 1.0,
    generator: torch.Generator | None = None,
    batch: int = 64,
    scale: Scale = None,
) -> Tensor:
    """What every step between the depths i / N costs, N = resolution: E[L2], in nats per example

    Returns (N+1, N+1), float64: row i, column j is the step from t = j/N down to s = i/N, and inf
    where there is none, i >= j. The sum along a path from 0 to N is the diffusion loss (L3) of the
    chain that takes these steps.
    Args: images uint8, one noise for each image and depth; ratio, a positive number for all steps,
        or "best", W1 for each; batch, images at a time, which take 32 (N+1) batch d bytes; scale,
        None, "folded", A / c for all steps (G5), or "best", W7 for each. Errors as in `fit`.
    """
    batches = x_batches(model, images, batch)
    check_parts(model, images)
    if not (isinstance(ratio, str) and ratio == "best"):
        as_real("ratio", ratio, 'a positive number or "best"', lambda w: w > 0)
    if isinstance(as_scale(scale, "best"), Tensor):
        as_real("scale", scale, 'None, "folded", "best" or a positive number', lambda a: a > 0)
    resolution = as_whole("resolution", resolution)
    depths = Chain.equal(resolution).grid.to(model.device, model.dtype)
    m = mean_squared_gap_table(model, batches, depths, generator, scale)
    d = images[0].numel()
    return best_cost(m, d) if isinstance(ratio, str) else kl_ratio(d * m, ratio, d)


def mean_squared_gap_table(
    model: DiffEnc,
    batches: Iterable[Tensor],
    depths: Tensor,
    generator: torch.Generator | None = None,
    scale: Scale = None,
) -> Tensor:
    """The mean squared gap m of every step between `depths` (L2, W4), in one pass over the data

    The gap of a step is linear in v - v_hat, x_hat and x_t - x_s. So denoiser and encoder run once
    for each depth, and m of every pair follows from inner products.
    Args: batches of x (B, ...), floats, so that data need not be 8-bit; depths (N+1,), increasing;
        scale as in `edge_costs`. Returns (N+1, N+1) as there.
    """
    nodes, count = len(depths), 0
    # inner products of e = v - v_hat, p = x_hat and the shift x_t - x: <e, e>, <e, p>, <p, p> at
    # each depth, and <e, shift>, <p, shift>, <shift, shift> of each two
    inner_at = torch.zeros(3, nodes, dtype=torch.float64)
    inner_of_two = torch.zeros(3, nodes, nodes, dtype=torch.float64)
    with eval_mode(model):
        for x in batches:
            v_error, x_hat, shift = _at_all_depths(model, x, depths, generator)
            pairs = (v_error, v_error), (v_error, x_hat), (x_hat, x_hat)
            inner_at += torch.stack([(a * b).sum(1) for a, b in pairs])
            inner_of_two += torch.stack([v_error @ shift.T, x_hat @ shift.T, shift @ shift.T])
            count += x.numel()
        gamma = model.schedule(depths).gamma.cpu().double()
    i, j = torch.triu_indices(nodes, nodes, 1)  # of s and t
    at_s, at_t = Noise.from_gamma(gamma[i]), Noise.from_gamma(gamma[j])
    ee, ep, pp = inner_at[:, j]
    ed, pd, jd = inner_of_two[:, j, j] - inner_of_two[:, j, i]  # d = x_t - x_s
    dd = jd + inner_of_two[2, i, i] - inner_of_two[2, j, i]
    # the gap is g + (A/c - 1) h with g = a e + k d and h = b p
    a = process.gap(1.0, 0.0, at_s, at_t)
    b = process.gap_slope(1.0, at_s, at_t)
    k = process.gap(0.0, 1.0, at_s, at_t)
    g2 = a * a * ee + k * k * dd + 2 * (a * k * ed)
    gh = b * (a * ep + k * pd)
    moments = torch.stack([g2, gh, b.square() * pp], -1) / count
    if scale == "best":
        scales = best_scale(moments)
    else:
        scales = 1 + process.added_to_x_hat(1.0, model.u_hat(1.0), at_s, at_t, scale)
    table = torch.full((nodes, nodes), torch.inf, dtype=torch.float64)
    table[i, j] = squared_gap_from(moments, scales).clamp(min=0)
    return table


def _at_all_depths(
    model: DiffEnc, x: Tensor, depths: Tensor, generator: torch.Generator | None
) -> tuple[Tensor, Tensor, Tensor]:
    """v - v_hat, x_hat and x_t - x at every depth, each (N+1, x.numel()) in float64. No step starts
    at the first depth: there the first two are 0."""
    v_error, x_hat, shift = torch.zeros(3, len(depths), x.numel(), dtype=torch.float64)
    for i, t in enumerate(depths):
        at = model.schedule(t.expand(len(x)))
        x_shift = model.shift(x, at.gamma)
        shift[i] = x_shift.flatten()
        if i > 0:
            eps = standard_normal(x.shape, x, generator)
            both = v_error_and_x_hat(model, x + x_shift, eps, at)
            v_error[i], x_hat[i] = (part.flatten() for part in both)
    return v_error, x_hat, shift


def cheapest_path(costs: Tensor, steps: int) -> Tensor:
    """W4: the path 0 = i_0 < i_1 < ... < i_T = N with the smallest sum of costs[i_k, i_{k+1}]

    Best(k, j) = min_i Best(k - 1, i) + costs[i, j]: T N^2 operations, for (N - 1 choose T - 1)
    paths. Args: costs (N+1, N+1), inf where there is no edge; only i < j counts. Returns the nodes,
    int64 (T+1,). Raises ValueError if costs are not square or NaN, for steps below 1 or above N,
    and if no path is finite.
    """
    costs = as_floats("costs", costs).double()
    if costs.dim() != 2 or costs.shape[0] != costs.shape[1] or len(costs) < 2:
        raise ValueError(f"costs must have shape (N+1, N+1), N >= 1; got {tuple(costs.shape)}")
    last = len(costs) - 1
    as_whole("steps", steps, most=last)
    costs = costs.masked_fill(torch.ones_like(costs, dtype=torch.bool).tril(), torch.inf)
    if bool((costs.isnan() | costs.isneginf()).any()):
        raise ValueError("costs must be numbers or inf; got NaN or -inf")
    cheapest_to, nodes_before = costs[0], []  # with one edge more in each round
    for _ in range(steps - 1):
        cheapest_to, node_before = (cheapest_to[:, None] + costs).min(0)
        nodes_before.append(node_before)
    if bool(cheapest_to[last].isinf()):
        raise ValueError(f"costs allow no path of {steps} steps from the first node to the last")
    path = [last]
    for node_before in reversed(nodes_before):
        path.append(int(node_before[path[-1]]))
    return torch.tensor([0, *reversed(path)])
