"""The cost of every step there could be, and the cheapest chain of them (W4), for a trained model.

costs = edge_costs(model, training_images, 128, "optimal")
grid = cheapest_path(costs, 8) / 128       # fit(..., resolution=128) does both
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from . import process
from .arguments import real, whole
from .chain import Chain
from .encoder import has_counterterm
from .gaussian import best_cost, best_scale, gap_with_scale, kl_ratio, standard_normal
from .model import DiffEnc, check_images, evaluating
from .process import Scale
from .schedule import Noise


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

    Args:
        images: uint8 (N, ...); one noise for each image and depth.
        ratio: a positive number for all steps, or "optimal", W1 for each step.
        batch: images at a time; they take 24 (N+1) batch d bytes of memory.
        scale: None, "folded", A / c for all steps (G5), or "optimal", W7 for each step.

    Raises TypeError for images that are not uint8; ValueError for images that do not fit the model,
    and for arguments that are none of these.
    """
    batches = unit_batches(model, images, batch)
    if ratio != "optimal":
        real("ratio", ratio, 'a positive number or "optimal"', lambda w: w > 0)
    resolution = whole("resolution", resolution)
    times = Chain.equal(resolution).grid.to(model.device, model.dtype)
    m = squared_gap_table(model, batches, times, generator, scale)
    d = images[0].numel()
    return best_cost(m, d) if isinstance(ratio, str) else kl_ratio(d * m, ratio, d)


def squared_gap_table(
    model: DiffEnc,
    batches: Iterable[Tensor],
    times: Tensor,
    generator: torch.Generator | None = None,
    scale: Scale = None,
) -> Tensor:
    """The mean squared gap m of every step between the depths `times` (L2, W4), from one pass over
    the data

    The gap of a step (`process.mean_gap`) is linear in v - v_hat, x_hat and x_t - x_s. So denoiser
    and encoder run once for each depth, and m of every pair follows from inner products.

    Args: batches of x (B, ...), floats, so that data need not be 8-bit; times (N+1,), increasing;
        scale as in `edge_costs`.
    Returns (N+1, N+1) in float64: row i, column j is the step from times[j] down to times[i], inf
    where i >= j.
    """
    if scale not in (None, "folded", "optimal"):
        real("scale", scale, 'None, "folded", "optimal" or a positive number', lambda a: a > 0)
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
    vv, vx, xx = at_t[:, t]  # inner products of v - v_hat (v), x_hat (x) and x_t - x_s (c)
    vc, xc, to_t = cross[:, t, t] - cross[:, t, s]
    cc = to_t + cross[2, s, s] - cross[2, t, s]
    # the gap is g + (A/c - 1) h with g = a (v - v_hat) + k (x_t - x_s) and h = b x_hat
    a = process.mean_gap(1.0, 0.0, 0.0, 0.0, *noises)
    b = process.gap_slope(1.0, *noises)
    k = process.mean_gap(0.0, 0.0, 0.0, 1.0, *noises)
    g2 = a * a * vv + k * k * cc + 2 * (a * k * vc)
    gh = b * (a * vx + k * xc)
    products = torch.stack([g2, gh, b.square() * xx], 1) / numbers
    if scale == "optimal":
        number = best_scale(products)
    else:
        number = process.scale_number(float(has_counterterm(model.encoder)), *noises, scale)
    table = torch.full((nodes, nodes), torch.inf, dtype=torch.float64)
    table[s, t] = gap_with_scale(products, number).clamp(min=0)
    return table


def _at_all_depths(
    model: DiffEnc, x: Tensor, times: Tensor, generator: torch.Generator | None
) -> tuple[Tensor, Tensor, Tensor]:
    """v - v_hat, x_hat and x_t - x at every depth, each (N+1, x.numel()) in float64. No step starts
    at the first depth: there the first two are 0."""
    v, x_hat, shift = torch.zeros(3, len(times), x.numel(), dtype=torch.float64)
    for i, t in enumerate(times):
        at = model.schedule(t.expand(len(x)))
        n, x_shift = at.like(x), model.shift(x, at.gamma)
        shift[i] = x_shift.flatten()
        if i > 0:
            x_t, eps = x + x_shift, standard_normal(x.shape, x, generator)
            z = process.add_noise(x_t, eps, n)
            v_hat = model.v_hat(z, at.gamma)
            v[i] = (process.v_from_eps(x_t, eps, n) - v_hat).flatten()
            x_hat[i] = process.x_from_v(z, v_hat, n).flatten()
    return v, x_hat, shift


def cheapest_path(costs: Tensor, steps: int) -> Tensor:
    """W4: the path 0 = i_0 < i_1 < ... < i_T = N with the smallest sum of costs[i_k, i_{k+1}]

    Best(k, j) = min_i Best(k - 1, i) + costs[i, j]: T N^2 operations, for (N - 1 choose T - 1)
    paths. Args: costs (N+1, N+1), inf where there is no edge; only i < j counts. Returns the nodes,
    int64 (T+1,). Raises ValueError if costs are not square or NaN, for steps below 1 or above N,
    and if no path is finite.
    """
    if costs.dim() != 2 or costs.shape[0] != costs.shape[1] or len(costs) < 2:
        raise ValueError(f"costs must have shape (N+1, N+1), N >= 1; got {tuple(costs.shape)}")
    last = len(costs) - 1
    whole("steps", steps, most=last)
    upward = torch.ones_like(costs, dtype=torch.bool).triu(1)
    costs = costs.masked_fill(~upward, torch.inf)
    if bool(costs.isnan().any()):
        raise ValueError("costs must be numbers or inf; got NaN")
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


def unit_batches(model: DiffEnc, images: Tensor, batch: int) -> Iterator[Tensor]:
    """x of so many images at a time, on the device of the model; all checked at once."""
    check_images(model, images)
    pieces = images.split(whole("batch", batch))
    return (model.to_unit(piece.to(model.device)) for piece in pieces)
