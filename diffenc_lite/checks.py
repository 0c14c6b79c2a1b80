"""Whether parts of your own are what the bound takes them for, before time goes into them."""

import copy
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from .encoder import RIGHT_NORMS
from .gaussian import standard_normal
from .model import DiffEnc, eval_mode
from .schedule import end_points
from .smooth import check_increase, check_schedule, find_jump


def check_parts(model: DiffEnc, images: Tensor) -> None:
    """Raise ValueError for a schedule that `check_schedule` refuses; for a network whose answer to
    an example depends on others, or on what the encoder has seen; for an encoder whose encode or
    change is not what its shift says, or not finite; and for what `check_slope` refuses. Tried on
    two images at five depths, with noise in the weights, since a part may start at 0."""
    check_schedule(model.schedule, model.like_weights)
    with eval_mode(model), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        x = model.to_unit(images[:2].to(model.device)).repeat_interleave(5, 0)
        depths = torch.zeros(5), torch.linspace(0.08, 0.93, 5), torch.linspace(0.1, 1, 5)
        at_0, gamma, further = (model.schedule(t.to(x).repeat(len(x) // 5)).gamma for t in depths)

        def v_hat(z: Tensor, gamma: Tensor) -> Tensor:
            other = z if len(z) > 1 else -z  # another x, lest the encoder tells the denoiser
            model.encode(other, gamma), model.encode_step(other, gamma, gamma)
            model.shift(other, gamma)
            return model.v_hat(z, gamma)

        asked = "encoder must work on x"
        try:
            if (far := model.shift(x, at_0).square().mean().sqrt()) > 0.3:
                wanted = "a shift near 0 at t = 0, which is x_t - x and not x_t"
                raise ValueError(f"encoder must have {wanted}; it is {far:.2g} (root mean square)")
            moved = _with_noise_in_weights(model, x, gamma)
            _check_alone("encoder", "shift", moved.shift, x, gamma)
            shift, x_shift = moved.shift(x, gamma), moved.shift(x, further)
            follows = "that follows from its shift"
            _check_close("encoder", f"x_t {follows}", moved.encode(x, gamma).x_t, x + shift, x)
            x_t, x_change = moved.encode_step(x, gamma, further)
            _check_close("encoder", f"change {follows}", x_change, x_shift - shift, x)
            _check_close("encoder", f"encode_step {follows}", x_t, x + x_shift, x)
            asked = "denoiser must work on z"
            _check_alone("denoiser", "v_hat, whatever the encoder has seen,", v_hat, x, gamma)
            _check_alone("denoiser", "v_hat", _with_noise(model.denoiser, model), x, gamma)
        except (TypeError, RuntimeError) as error:
            takes = "(B, ...) and gamma (B,), which Noise.from_gamma(gamma).like(x) brings to x"
            raise ValueError(f"{asked} {takes}: {error}") from error
    check_slope(model, images)


def check_gamma(model: DiffEnc) -> None:
    """Raise ValueError for a schedule that was exchanged for one that `check_schedule` refuses, and
    for one whose gamma has ceased to increase since it was checked, as by training."""
    checked = model._checked_schedule == (model.schedule,)
    (check_increase if checked else check_schedule)(model.schedule, model.like_weights)
    model._checked_schedule = (model.schedule,)


@torch.no_grad()
def check_slope(model: DiffEnc, images: Tensor) -> None:
    """Raise ValueError unless x_t is the integral of its slope dx_t/dgamma = -sigma_t^2 u, which it
    is not if u is wrong, or if x_t jumps. At infinite depth only the slope counts, so the bound
    would be too low; in T steps the cost of a jump grows with T.

    Tried by `find_jump` on two images, which may not show all, with noise in the encoder's weights,
    once for an encoder, until an end of gamma has moved by 1.
    """
    low, high = map(float, end_points(model.schedule, model.like_weights))
    encoder, low_then, high_then = model._checked_encoder
    if encoder is model.encoder and max(abs(low_then - low), abs(high_then - high)) < 1:
        return
    with eval_mode(model), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        x = model.to_unit(images[:2].to(model.device))
        moved = _with_noise_in_weights(model, x, torch.linspace(low, high, len(x)).to(x))

        def curve(gamma: Tensor) -> tuple[Tensor, Tensor]:  # x_t and its slope, (P, B d)
            batches = (one.expand(len(gamma), *one.shape).clone() for one in x)
            encodings = zip(*(moved.encode(one, gamma) for one in batches), strict=True)
            x_t, u = (torch.cat([a.flatten(1) for a in each], 1) for each in encodings)
            return x_t, -torch.sigmoid(gamma)[:, None] * u

        if jump := find_jump(curve, low, high, x):
            where = f"near gamma = {jump[0]:.4g} x_t is off by {jump[1]:.2g}"
            raise ValueError(
                "encoder must have the u that follows from its shift, which does not jump: "
                f"dx_t/dgamma = -sigma_t^2 u, no gamma detached; {where}"
            )
    model._checked_encoder = model.encoder, low, high


class RefusedNorms(TorchFunctionMode):
    """Inside, ValueError for BatchNorm: an example would depend on others, and forward mode does
    not go through it; and for LayerNorm and InstanceNorm: PyTorch's forward mode has the right
    slope of them and a wrong gradient of that slope (2.13; pytorch/pytorch issue 196700)."""

    def __torch_function__(self, function: Any, _: Any, args: Any = (), named: Any = None) -> Any:
        if function in (F.batch_norm, F.layer_norm, F.instance_norm):
            raise ValueError(f"encoder must have {RIGHT_NORMS}; it calls {function.__name__}")
        return function(*args, **(named or {}))


def _with_noise_in_weights(model: DiffEnc, x: Tensor, gamma: Tensor) -> DiffEnc:
    """The model with its encoder moved so, unless x_t is then not finite: a weight that must be
    positive may not be so now. Raises what `RefusedNorms` does."""
    if not isinstance(model.encoder, nn.Module):
        return model
    moved = model.with_parts(encoder=_with_noise(model.encoder, model))
    with RefusedNorms():
        return moved if bool(moved.encode(x, gamma).x_t.isfinite().all()) else model


def _with_noise(part: nn.Module, model: DiffEnc) -> nn.Module:
    shared, draws = {id(model.schedule): model.schedule}, torch.Generator().manual_seed(0)
    part = copy.deepcopy(part, shared)  # networks may ask the schedule for its ends
    for weight in part.parameters():
        weight.add_(standard_normal(weight.shape, weight, draws), alpha=0.1)
    return part


def _check_alone(
    part: str, answer: str, ask: Callable[[Tensor, Tensor], Tensor], x: Tensor, gamma: Tensor
) -> None:
    before, together = x.clone(), ask(x, gamma)
    rule = f"same {answer} for an example alone, without randomness in eval mode"
    for row in (slice(0, 1), slice(-1, None)):  # with little noise, and with much
        alone = ask(x[row], gamma[row])
        if not torch.equal(x, before):
            raise ValueError(f"{part} must leave its input as it is; it works in place")
        if bool(together.isfinite().all()):  # who meets it says what else is wrong
            _check_close(part, rule, alone, together[row], x)


def _check_close(part: str, rule: str, given: Tensor, wanted: Tensor, x: Tensor) -> None:
    off, size = (given - wanted).norm(), given.norm() + wanted.norm()
    if not bool(off <= 0.02 * size + 1e-3 * x.norm()):  # nor is NaN
        norms = f"{given.norm():.3g} and {wanted.norm():.3g}"
        raise ValueError(f"{part} must have the {rule}; it is off by {off:.3g}, of norms {norms}")
