"""DiffEnc = schedule + encoder + denoiser. Composition, no formulas.

`DiffEnc(...)` joins any parts; `build(ModelConfig(...))` makes the parts from names and sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from .encoder import Encoder, IdentityEncoder, LearnedEncoder, ScalingEncoder
from .networks import MLP, UNet, UNetConfig
from .schedule import LearnedSchedule, LinearSchedule, Noise


class DiffEnc(nn.Module):
    """A diffusion model with a time-dependent encoder.

    Args:
        denoiser: any nn.Module with denoiser(z, gamma) -> v_hat; z (B, ...), gamma (B,).
        encoder: IdentityEncoder() (a VDM, the default), ScalingEncoder() or LearnedEncoder(net).
        schedule: LinearSchedule() by default, or LearnedSchedule().
        levels: number of levels of the data, at most 256.
        centre: c, a point of the data's space, (...), for a VDM (E1). It then diffuses x - c: in
            terms of x itself, p(z_1) = N(alpha_1 c, I) and the denoiser sees z - alpha c.
        shape: of one example, e.g. (1, 28, 28). Only sampling needs it; by default it is
            `denoiser.shape` where there is one. If neither is given, any shape will do, and
            sampling takes that of the last images seen.
    """

    def __init__(
        self,
        denoiser: nn.Module,
        encoder: Encoder | None = None,
        schedule: LinearSchedule | None = None,
        levels: int = 256,
        shape: tuple[int, ...] | None = None,
        centre: Tensor | None = None,
    ):
        super().__init__()
        if not isinstance(levels, int) or not 2 <= levels <= 256:
            raise ValueError(
                f"levels must be a whole number from 2 to 256 (8-bit data); got {levels}"
            )
        encoder = IdentityEncoder() if encoder is None else encoder
        if not isinstance(encoder, Encoder):
            raise TypeError(
                "encoder must be IdentityEncoder(), ScalingEncoder() or LearnedEncoder(network); "
                f"got {type(encoder).__name__}"
            )
        if not isinstance(schedule, LinearSchedule | None):
            raise TypeError(
                "schedule must be LinearSchedule() or LearnedSchedule(); "
                f"got {type(schedule).__name__}"
            )
        if centre is not None and encoder.counterterm:
            raise ValueError(
                f"centre needs IdentityEncoder(), got {type(encoder).__name__}: another encoder "
                "moves x, and c would have to move with it"
            )
        self.denoiser = denoiser
        self.encoder = encoder
        self.schedule = LinearSchedule() if schedule is None else schedule
        self.levels = levels
        self.centre: Tensor | None
        self.register_buffer("centre", centre)
        shape = getattr(denoiser, "shape", None) if shape is None else shape
        self.shape = None if shape is None else tuple(shape)
        self.fixed_shape = shape is not None
        self.config: ModelConfig | None = None  # set by `build`

    def v_hat(self, z: Tensor, gamma: Tensor) -> Tensor:
        """The denoiser's prediction of v, checked to have the shape of z.

        With a centre c the denoiser knows x - c only: from z - alpha c it predicts v + sigma c.
        """
        if self.centre is None:
            v_hat = self.denoiser(z, gamma)
        else:
            at = Noise.from_gamma(gamma).like(z)
            v_hat = self.denoiser(z - at.alpha * self.centre, gamma) - at.sigma * self.centre
        if v_hat.shape != z.shape:
            raise ValueError(
                f"denoiser(z, gamma) must return the shape of z, {tuple(z.shape)}; "
                f"got {tuple(v_hat.shape)}"
            )
        return v_hat

    def u_hat(self, x_hat: Tensor) -> Tensor | float:
        """What the generative process puts for u: x_hat, or 0 for a VDM (G3)."""
        return x_hat if self.encoder.counterterm else 0.0

    @property
    def device(self) -> torch.device:
        parameter = next(self.parameters(), None)
        return torch.device("cpu") if parameter is None else parameter.device

    @property
    def dtype(self) -> torch.dtype:
        parameter = next(self.parameters(), None)
        return torch.get_default_dtype() if parameter is None else parameter.dtype


@contextmanager
def evaluating(model: DiffEnc) -> Iterator[None]:
    """No dropout and no gradients inside; afterwards the model is as it was."""
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(was_training)


# --- models by name ------------------------------------------------------------------------------

ENCODERS = ("identity", "scaling", "learned")
SCHEDULES: dict[str, type[LinearSchedule]] = {"fixed": LinearSchedule, "learned": LearnedSchedule}


@dataclass(frozen=True)
class Size:
    """One preset: the denoiser's and the encoder's U-Net, and (width, depth) of the two MLPs that
    stand in for them when the data are points."""

    denoiser: UNetConfig
    encoder: UNetConfig
    denoiser_mlp: tuple[int, int]
    encoder_mlp: tuple[int, int]


SIZES = {
    # for tests: runs in milliseconds
    "tiny": Size(UNetConfig((8, 8), (1, 1)), UNetConfig((8, 8), (0, 1)), (32, 1), (16, 1)),
    # for two CPU cores: about 0.5 M parameters
    "small": Size(
        UNetConfig((16, 32, 64), (1, 1, 4)),
        UNetConfig((8, 16, 48), (0, 0, 1), attention=False),
        (128, 3),
        (64, 2),
    ),
    # "small", the denoiser given the parameters of the learned encoder: for a VDM of that capacity
    "small-matched": Size(
        UNetConfig((16, 32, 64), (1, 2, 4)),
        UNetConfig((8, 16, 48), (0, 0, 1), attention=False),
        (128, 3),
        (64, 2),
    ),
    # the paper's 32-block setting (its DiffEnc-32-4): to be trained on GPUs
    "paper": Size(
        UNetConfig((128, 128), (32, 2), groups=32, pool=False, fourier=(6, 7)),
        UNetConfig((64, 64, 64), (1, 1, 4), groups=32),
        (512, 6),
        (256, 4),
    ),
}


@dataclass(frozen=True)
class ModelConfig:
    """All that is needed to build a model again; plain values, so that it can be kept as JSON.

    encoder: "identity" (a VDM), "scaling" or "learned"; size: a name in SIZES;
    schedule: "fixed" or "learned" end points; shape (C, H, W) takes U-Nets, (D,) MLPs.
    dropout: of the U-Nets, 0.1 in the paper.
    centred: the VDM has a centre, 0 at first: `model.centre.copy_(mean of the training images)`.
    """

    encoder: str = "learned"
    size: str = "small"
    schedule: str = "fixed"
    gamma_min: float = -13.3
    gamma_max: float = 5.0
    shape: tuple[int, ...] = (1, 28, 28)
    levels: int = 256
    dropout: float = 0.0
    centred: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(self.shape))  # JSON gives a list
        for name, given, accepted in (
            ("encoder", self.encoder, ENCODERS),
            ("size", self.size, tuple(SIZES)),
            ("schedule", self.schedule, tuple(SCHEDULES)),
        ):
            if given not in accepted:
                raise ValueError(f"{name} must be one of {', '.join(accepted)}; got {given!r}")
        if len(self.shape) not in (1, 3) or min(self.shape) < 1:
            raise ValueError(f"shape must be (C, H, W) or (D,); got {self.shape}")


def build(config: ModelConfig) -> DiffEnc:
    """The model of a configuration, kept as `model.config`. The one place where names are read."""
    schedule = SCHEDULES[config.schedule](config.gamma_min, config.gamma_max)
    size = SIZES[config.size]

    def network(unet: UNetConfig, mlp: tuple[int, int], encoder: bool) -> nn.Module:
        if len(config.shape) == 1:
            return MLP(*mlp, config.shape, encoder, schedule.normalise)
        unet = replace(unet, dropout=config.dropout)
        return UNet(unet, config.shape, encoder, schedule.normalise)

    encoders: dict[str, Callable[[], Encoder]] = {
        "identity": IdentityEncoder,
        "scaling": ScalingEncoder,
        "learned": lambda: LearnedEncoder(network(size.encoder, size.encoder_mlp, True)),
    }
    denoiser = network(size.denoiser, size.denoiser_mlp, False)
    centre = torch.zeros(config.shape) if config.centred else None
    encoder = encoders[config.encoder]()
    model = DiffEnc(denoiser, encoder, schedule, config.levels, config.shape, centre)
    model.config = config
    return model
