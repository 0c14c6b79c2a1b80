"""Whether parts of your own are what the bound takes them for, before time goes into them."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from .encoder import check_norms
from .gaussian import standard_normal
from .model import DiffEnc, eval_mode
from .schedule import check_schedule

Ask = Callable[[Tensor, Tensor], Tensor]


def check_parts(model: DiffEnc, images: Tensor) -> None:
    """Raise ValueError for a schedule that `check_schedule` refuses; for a network whose answer to
    an example depends on others in eval mode; and for an encoder whose encode, u or change is not
    what its shift says, or not finite. Tried on two images at five depths, the encoder as it is and
    with noise in its weights, since it may start at 0."""
    check_schedule(model.schedule, model.like_weights)
    check_norms("encoder", model.encoder)
    with eval_mode(model), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        x = model.to_unit(images[:2].to(model.device)).repeat_interleave(5, 0)
        gamma = model.schedule(torch.linspace(0.08, 0.93, 5).to(x).repeat(len(x) // 5)).gamma
        try:
            _check_alone("denoiser", "v_hat", model.v_hat, x, gamma)
        except (TypeError, RuntimeError) as error:
            raise ValueError(f"denoiser must work on z (B, ...) and gamma (B,): {error}") from error
        at_0 = model.schedule(gamma.new_zeros(len(x))).gamma
        try:
            if (far := model.shift(x, at_0).square().mean().sqrt()) > 0.3:
                wanted = "a shift near 0 at t = 0, which is x_t - x and not x_t"
                raise ValueError(f"encoder must have {wanted}; it is {far:.2g} (root mean square)")
            _check_encoder(model, x, gamma)
        except (TypeError, RuntimeError) as error:
            raise ValueError(f"encoder must work on x (B, ...) and gamma (B,): {error}") from error
        if isinstance(model.encoder, nn.Module) and [*model.encoder.parameters()]:
            encoder, draws = copy.deepcopy(model.encoder), torch.Generator().manual_seed(0)
            for weight in encoder.parameters():
                weight.add_(standard_normal(weight.shape, weight, draws), alpha=0.1)
            moved = model.with_parts(encoder=encoder)
            if bool(moved.shift(x, gamma).isfinite().all()):  # a positive weight may not be so now
                _check_encoder(moved, x, gamma)


def _check_encoder(model: DiffEnc, x: Tensor, gamma: Tensor) -> None:
    """At depths gamma, x (B, ...) and gamma (B,)."""
    (x_t, u), shift = model.encode(x, gamma), model.shift(x, gamma)
    slope = -torch.sigmoid(gamma).reshape(-1, *[1] * (x.dim() - 1)) * u  # dx_t/dgamma
    near = [(model.shift(x, gamma + h) - model.shift(x, gamma - h)) / (2 * h) for h in (1e-3, 1e-4)]
    further = gamma + 0.1
    x_change = model.shift(x, further) - shift
    follows = "that follows from its shift"
    _check_close("encoder", f"x_t {follows}", x_t, x + shift, x)
    why = "dx_t/dgamma = -sigma_t^2 u, no gamma detached"
    wanted = min(near, key=lambda of_h: (of_h - slope).norm())  # one step is too wide or too narrow
    _check_close("encoder", f"u {follows}: {why}", slope, wanted, x)
    x_t, given = model.encode_step(x, gamma, further)
    _check_close("encoder", f"change {follows}", given, x_change, x)
    _check_close("encoder", f"encode_step {follows}", x_t, x + shift + x_change, x)
    _check_alone("encoder", "shift", model.shift, x, gamma)


def _check_alone(part: str, answer: str, ask: Ask, x: Tensor, gamma: Tensor) -> None:
    before, alone, together = x.clone(), ask(x[-1:], gamma[-1:]), ask(x, gamma)[-1:]
    if not torch.equal(x, before):
        raise ValueError(f"{part} must leave its input as it is; it works in place")
    if bool(together.isfinite().all()):  # who meets it says what else is wrong
        rule = f"same {answer} for an example alone, without randomness in eval mode"
        _check_close(part, rule, alone, together, x)


def _check_close(part: str, rule: str, given: Tensor, wanted: Tensor, x: Tensor) -> None:
    off, size = (given - wanted).norm(), given.norm() + wanted.norm()
    if not bool(off <= 0.02 * size + 1e-3 * x.norm()):  # nor is NaN
        norms = f"{given.norm():.3g} and {wanted.norm():.3g}"
        raise ValueError(f"{part} must have the {rule}; it is off by {off:.3g}, of norms {norms}")
