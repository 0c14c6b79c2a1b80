"""Whether a curve jumps, `find_jump`, and whether a schedule is one, `check_schedule`."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from .arguments import brief, in_shape_of
from .schedule import AnySchedule, Noise, Schedule, end_points, value_and_slope

PIECES, CUTS = 64, 12  # of `find_jump`: pieces of a range, and ranges that are cut at most
DEPTHS = 1001  # at which `check_schedule` looks, evenly spaced on [0, 1]


def find_jump(
    curve: Callable[[Tensor], tuple[Tensor, Tensor]], low: float, high: float, like: Tensor
) -> tuple[float, float] | None:
    """Where a curve on [low, high] is not the integral of its slope, which knows nothing of jumps,
    and by how much; None if it is.

    By Simpson's rule on 64 pieces. A piece that is off by 1/500 of the way is cut into 64, and so
    are the worst until the others come to 1/200 together: many kinks, as of ReLU, come to more.
    Where two cuts do not help, the curve jumps: a turn within 1/100,000 of the range counts as one.
    Not seen: less than that, one there and back within a piece, what 12 cuts do not reach.
    Args: curve, (P,) -> values and slopes, (P, K); like, a tensor of the dtype and device.
    """
    to_cut, allowed = [(low, high, math.inf)], 0.0
    for _ in range(CUTS):
        first, last, before = to_cut.pop()
        at = torch.linspace(first, last, 2 * PIECES + 1).to(like)
        values, slopes = curve(at)
        moves = values[::2].diff(dim=0)
        means = (slopes[:-1:2] + 4 * slopes[1::2] + slopes[2::2]) / 6
        left = moves - means * at[::2].diff()[:, None]
        allowed = allowed or max(0.1, float(moves.abs().sum(0).max())) / 500
        off, order = left.abs().amax(1).sort(descending=True)
        rests = left[order].flip(0).cumsum(0).flip(0).abs().amax(1)  # without the worst 0, 1, ...
        limit = min(before / 2, 2.5 * allowed)
        if last - first > (high - low) / 1000:
            bad = ((off > allowed) | (rests > limit)).nonzero().flatten().tolist()
            for k in reversed(range(bad[-1] + 1 if bad else 0)):  # the worst is cut next
                to_cut.append((float(at[2 * order[k]]), float(at[2 * order[k] + 2]), float(off[k])))
        elif rests[0] > limit:
            return float(at[2 * order[0]]), float(rests[0])
        if not to_cut:
            break
    return None


def _gamma(schedule: AnySchedule) -> Callable[[Tensor], Tensor]:
    return schedule.gamma if isinstance(schedule, Schedule) else lambda t: schedule(t).gamma


def _gamma_and_slope(function: Callable[[Tensor], Tensor], t: Tensor) -> tuple[Tensor, Tensor]:
    """As `value_and_slope`, but backwards: forward mode takes seconds to load in a process."""
    try:
        with torch.enable_grad():
            at = t.clone().requires_grad_()
            gamma = function(at) + 0 * at  # so that there is a slope, 0, where t is detached
            return gamma.detach(), torch.autograd.grad(gamma.sum(), at)[0]
    except RuntimeError:  # no way back: in inference mode, or where t is changed in place
        return value_and_slope(function, t)


@torch.no_grad()
def check_increase(schedule: AnySchedule, like: Tensor) -> None:
    """Raise ValueError unless gamma, as it is now, increases from end to end. For each bound."""
    t = torch.linspace(0, 1, DEPTHS).to(like)
    gamma, (low, high) = _gamma(schedule)(t), map(float, end_points(schedule, t))
    rises, off = gamma.diff() > 0, max(abs(float(gamma[0]) - low), abs(float(gamma[-1]) - high))
    if not (rises.all() and off <= 1e-3):  # NaN does not rise
        got = brief(gamma[::250])
        if not rises.all():
            got += f", which does not after t = {t[int((~rises).nonzero()[0])]:.3f}"
        raise ValueError(f"schedule(t).gamma must increase from {low:g} to {high:g}; got {got}")


@torch.no_grad()
def check_schedule(schedule: AnySchedule, like: Tensor) -> None:
    """Call the schedule on all of [0, 1], in the dtype and on the device of `like`.

    Raises TypeError if it does not return a Noise of tensors; ValueError if one of them has another
    shape than t or is another than follows from gamma, and if gamma is not finite, does not
    increase, jumps or misses the end points.
    """
    t = torch.linspace(0, 1, DEPTHS).to(like)
    usable = callable(schedule) and not isinstance(schedule, type)
    try:
        noise = schedule(t) if usable else schedule
        if not isinstance(noise, Noise):
            got = type(noise).__name__
            raise TypeError(f"schedule must be a Schedule, or a function t -> Noise; got {got}")
        for name, value in vars(noise).items():
            in_shape_of(f"schedule(t).{name}", value, t, "t")
        gamma = _gamma(schedule)
        halves = (_gamma_and_slope(gamma, half) for half in t.chunk(2))  # each t depends on itself
        follows = Noise.from_gamma(*map(torch.cat, zip(*halves, strict=True)))
    except NotImplementedError as error:
        raise TypeError(f"{type(schedule).__name__} must have a method gamma(t)") from error
    except RuntimeError as error:
        raise ValueError(f"gamma(t) must consist of torch operations: {error}") from error
    check_increase(schedule, like)
    for name, wanted in vars(follows).items():
        given = getattr(noise, name)
        right = (given - wanted).abs() <= 1e-3 * (1 + wanted.abs())  # neither NaN nor inf is
        if not bool(right.all()):
            i = int((~right).nonzero()[0])
            raise ValueError(
                f"schedule(t) must have the {name} that follows from gamma(t), finite, of each t "
                f"alone; near t = {t[i]:.3f} it is {given[i]:g}, and from gamma(t) {wanted[i]:g}"
            )
    jump = find_jump(lambda t: (schedule(t).gamma[:, None], schedule(t).rate[:, None]), 0, 1, t)
    if jump:
        where = f"near t = {jump[0]:.4g} gamma is off by {jump[1]:.2g}"
        raise ValueError(f"schedule(t).rate must be dgamma/dt, and gamma must not jump; {where}")
