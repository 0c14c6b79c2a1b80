"""DiffEnc = schedule + encoder + denoiser.

`DiffEnc(...)` joins any parts; `build(ModelConfig(...))` makes the parts from names and sizes.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor, nn

from . import pixels
from .arguments import as_real, as_shape, as_whole, check_one_of, in_shape_of
from .encoder import ENCODERS, Encoder, Encoding, IdentityEncoder, at_both, drops, has_counterterm
from .networks import MLP, SIZES, UNet, UNetConfig
from .schedule import (
    GAMMA_MAX,
    SCHEDULES,
    AnySchedule,
    LinearSchedule,
    Noise,
    gamma_min_for,
    value_and_slope,
)
from .smooth import check_schedule


class DiffEnc(nn.Module):
    """A diffusion model with a time-dependent encoder. Its parts stay as they are.

    Args:
        denoiser: any nn.Module with denoiser(z, gamma) -> v_hat; z (B, ...), gamma (B,).
        encoder: any `Encoder`; IdentityEncoder(), a VDM, by default.
        schedule: any `Schedule`; LinearSchedule(gamma_min_for(levels)) by default. Networks of this
            library read gamma between the end points of a schedule: make them with this one.
        levels: number of levels of the data, at most 256.
        shape: of one example, e.g. (1, 28, 28); by default that of the denoiser, if it has one.
            Without either, images of any shape are accepted, and `sample` needs to be told.
    """

    def __init__(
        self,
        denoiser: nn.Module,
        encoder: Encoder | None = None,
        schedule: AnySchedule | None = None,
        levels: int = 256,
        shape: tuple[int, ...] | None = None,
    ):
        super().__init__()
        self.denoiser = denoiser
        self.encoder: Encoder = IdentityEncoder() if encoder is None else encoder
        self.levels = levels
        self.schedule = LinearSchedule(gamma_min_for(levels)) if schedule is None else schedule
        self.shape = getattr(denoiser, "shape", None) if shape is None else shape
        self._config: ModelConfig | None = None
        self._card: dict[str, Any] = {}
        self._checked_schedule: tuple[Any, ...] = ()  # a tuple, which registers no module twice
        self._checked_encoder: tuple[Any, float, float] = (None, 0.0, 0.0)  # and the ends of gamma
        self._check()

    def _check(self) -> None:
        """Raise TypeError or ValueError, naming the part, for one that cannot be used."""
        encoder = self.encoder
        if not isinstance(self.denoiser, nn.Module):
            raise TypeError(f"denoiser must be an nn.Module; got {type(self.denoiser).__name__}")
        if isinstance(encoder, type) or not callable(getattr(encoder, "shift", None)):
            got = encoder if isinstance(encoder, type | str) else type(encoder).__name__
            wanted = "an object with shift(x, gamma), as LearnedEncoder(network) is"
            raise TypeError(f"encoder must be {wanted}; got {got!r}")
        for name in ("u", "encode", "change", "encode_step"):
            if hasattr(encoder, name) and not callable(getattr(encoder, name)):
                raise TypeError(f"encoder.{name} must be a method, or have another name")
        has_counterterm(encoder)
        for name in ("denoiser", "encoder", "schedule"):
            part = getattr(self, name)
            holders = part.modules() if isinstance(part, nn.Module) else [part]
            held = _weights_in([getattr(holder, "__dict__", {}) for holder in holders])
            if not {*held} <= {*self.parameters()}:  # nothing would train or save them
                raise TypeError(f"{name} must be an nn.Module, and lists in it nn.ModuleLists")
        self.levels = as_whole("levels", self.levels, 2, 256)  # 8-bit data
        self.shape = None if self.shape is None else as_shape(self.shape)
        if isinstance(net := self.denoiser, MLP | UNet) and self.shape != net.shape:
            raise ValueError(f"shape must be that of the denoiser, {net.shape}; got {self.shape}")
        check_model(self)
        check_schedule(self.schedule, self.like_weights)

    @property
    def config(self) -> ModelConfig | None:
        """What `build` made it from; None if `with_parts` has exchanged a part."""
        return self._config

    @property
    def card(self) -> dict[str, Any]:
        """The card of the saved model that this is; empty for a new one."""
        return self._card

    def with_parts(self, **parts: Any) -> Self:
        """The same model, of its class, with some attributes replaced; the others are shared."""
        other = copy.copy(self)
        other._modules = dict(self._modules)
        if {*parts} != {"_card"}:  # another model than the saved one
            other._config, other._card = None, {}
        for name, part in parts.items():
            getattr(self, name)  # a misspelt one raises AttributeError
            if not isinstance(part, nn.Module):
                other._modules.pop(name, None)
            setattr(other, name, part)
        other._check()
        return other

    def shift(self, x: Tensor, gamma: Tensor) -> Tensor:
        """x_t - x, in the shape of x."""
        return in_shape_of("encoder.shift(x, gamma)", self.encoder.shift(x, gamma), x, "x")

    def encode(self, x: Tensor, gamma: Tensor) -> Encoding:
        """x_t = x + shift and u = -dx_t/dgamma / sigma_t^2 (E1-E3), by one forward-mode derivative
        unless the encoder has a formula; both in the shape of x."""
        if (both := getattr(self.encoder, "encode", None)) is not None:
            x_t, u = both(x, gamma)
        elif (formula := getattr(self.encoder, "u", None)) is not None:
            x_t, u = x + self.shift(x, gamma), formula(x, gamma)
        else:
            shift, slope = value_and_slope(lambda g: self.shift(x, g), gamma)
            x_t, u = x + shift, -slope / Noise.from_gamma(gamma).like(x).sigma.square()
        in_shape_of("x_t of the encoder", x_t, x, "x")
        return Encoding(x_t, in_shape_of("u of the encoder", u, x, "x"))

    def encode_step(self, x: Tensor, gamma_s: Tensor, gamma_t: Tensor) -> tuple[Tensor, Tensor]:
        """x_t and x_t - x_s, in the shape of x: the difference of two shifts, which in float32
        loses digits for short steps, unless the encoder has a formula."""
        if (both := getattr(self.encoder, "encode_step", None)) is not None:
            x_t, x_change = both(x, gamma_s, gamma_t)
        elif (formula := getattr(self.encoder, "change", None)) and not drops(self.encoder):
            x_t, x_change = x + self.shift(x, gamma_t), formula(x, gamma_s, gamma_t)
        else:
            shift_s, shift_t = at_both(self.shift, self.encoder, x, gamma_s, gamma_t)
            x_t, x_change = x + shift_t, shift_t - shift_s
        in_shape_of("x_t of the encoder", x_t, x, "x")
        return x_t, in_shape_of("encoder.change, x_t - x_s alone,", x_change, x, "x")

    def v_hat(self, z: Tensor, gamma: Tensor) -> Tensor:
        """The denoiser's prediction of v, checked to have the shape of z."""
        return in_shape_of("denoiser(z, gamma)", self.denoiser(z, gamma), z, "z")

    def u_hat(self, x_hat: Tensor | float) -> Tensor | float:
        """What the generative process uses in the place of u: x_hat, or 0 for a VDM (G3)."""
        return x_hat if has_counterterm(self.encoder) else 0.0

    def to_unit(self, images: Tensor) -> Tensor:
        """8-bit images (B, ...) -> x in (-1, 1), in the model's dtype; errors as `check_images`."""
        check_images(self, images)
        return pixels.to_unit(images, self.levels, self.dtype)

    @property
    def like_weights(self) -> Tensor:
        """An empty tensor of the dtype and on the device of the weights."""
        return next(self.parameters(), torch.empty(0)).new_empty(0)

    @property
    def device(self) -> torch.device:
        return self.like_weights.device

    @property
    def dtype(self) -> torch.dtype:
        return self.like_weights.dtype


def _weights_in(held: Any) -> list[Tensor]:
    """The weights to train among attributes, in lists and dictionaries too."""
    if isinstance(held, list | tuple | dict):
        each = held.values() if isinstance(held, dict) else held
        return [weight for one in each for weight in _weights_in(one)]
    tensors = held.parameters() if isinstance(held, nn.Module) else [held]
    return [w for w in tensors if isinstance(w, Tensor) and w.is_leaf and w.requires_grad]


# --- models by name ------------------------------------------------------------------------------


@dataclass(frozen=True)
class ModelConfig:
    """All that is needed to build a model again; plain values, so that it can be kept as JSON.

    encoder: what makes x_t, a name in ENCODERS; identity is a VDM.
    size: of the networks, a name in SIZES. small-fine is small with the larger, slower encoder
        network of `mnist-learned`; other encoders and points have the same networks in both.
    schedule: gamma(t), a name in SCHEDULES; learned is linear with trained end points.
    gamma_min: gamma at t = 0; -13.3 + 2 ln(256 / levels) if not given.
    gamma_max: gamma at t = 1.
    shape: of one example; (C, H, W) takes U-Nets, (D,) MLPs.
    levels: of the data.
    dropout: of the U-Nets; 0.1 in the paper.
    """

    encoder: str = "learned"
    size: str = "small"
    schedule: str = "linear"
    gamma_min: float | None = None
    gamma_max: float = GAMMA_MAX
    shape: tuple[int, ...] = (1, 28, 28)
    levels: int = 256
    dropout: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", as_shape(self.shape))  # JSON gives a list
        for name, accepted in (("encoder", ENCODERS), ("size", SIZES), ("schedule", SCHEDULES)):
            check_one_of(name, getattr(self, name), accepted)
        wanted, most = ("0 for points", 0) if len(self.shape) == 1 else ("a number in [0, 1)", 1)
        as_real("dropout", self.dropout, wanted, lambda p: p == 0 or 0 < p < most)
        if self.gamma_min is None:
            object.__setattr__(self, "gamma_min", gamma_min_for(self.levels))


def build(config: ModelConfig) -> DiffEnc:
    """The model of a configuration, kept as `model.config`. The one place where names are read."""
    if not isinstance(config, ModelConfig):
        raise TypeError(f"config must be a ModelConfig; got {config!r}")
    schedule = SCHEDULES[config.schedule](config.gamma_min, config.gamma_max)
    size = SIZES[config.size]

    def network(unet: UNetConfig, mlp: tuple[int, int], for_y: bool) -> nn.Module:
        if len(config.shape) == 1:
            return MLP(*mlp, config.shape, for_y, schedule)
        return UNet(replace(unet, dropout=config.dropout), config.shape, for_y, schedule)

    denoiser = network(size.denoiser, size.denoiser_mlp, False)
    make_encoder = ENCODERS[config.encoder]
    encoder = make_encoder(lambda: network(size.encoder, size.encoder_mlp, True), config)
    model = DiffEnc(denoiser, encoder, schedule, config.levels, config.shape)
    model._config = config
    return model


# --- what the other files ask of a model ----------------------------------------------------------


def check_model(model: Any, dtypes: Iterable[Any] = (torch.float32, torch.float64)) -> None:
    """Raise TypeError for what is no DiffEnc; ValueError for weights with too few digits."""
    if not isinstance(model, DiffEnc):
        raise TypeError(f"model must be a DiffEnc; got {type(model).__name__}")
    check_one_of("dtype of the weights", model.dtype, dtypes)


def check_images(model: DiffEnc, images: Tensor, name: str = "images") -> None:
    """Raise TypeError for what is no model, and for images that are not uint8; ValueError for no
    images, for a level that is too high, and for a shape that does not fit the model."""
    check_model(model)
    pixels.check_levels(images, model.levels, name)
    given = tuple(images.shape)
    if len(given) < 2 or not given[0] or given[1:] != (model.shape or given[1:]):
        axes = ", ".join(map(str, model.shape or ("...",)))
        raise ValueError(f"{name} must have the model's shape, (B, {axes}), B >= 1; got {given}")


@contextmanager
def eval_mode(model: DiffEnc) -> Iterator[None]:
    """No dropout and no gradients inside; afterwards every module has its mode back."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode
