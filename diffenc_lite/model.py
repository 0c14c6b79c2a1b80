"""DiffEnc = schedule + encoder + denoiser. Composition, no formulas."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .encoder import Encoder, IdentityEncoder
from .schedule import LinearSchedule


class DiffEnc(nn.Module):
    """A diffusion model with a time-dependent encoder.

    Args:
        denoiser: any nn.Module with denoiser(z, gamma) -> v_hat; z (B, ...), gamma (B,).
        encoder: IdentityEncoder() (a VDM, the default), ScalingEncoder() or LearnedEncoder(net).
        schedule: LinearSchedule() by default, or LearnedSchedule().
        levels: number of levels of the data, at most 256.
        shape: of one example, e.g. (1, 28, 28). Only sampling needs it; by default it is
            `denoiser.shape` where there is one, else that of the first images the bound sees.
    """

    def __init__(
        self,
        denoiser: nn.Module,
        encoder: Encoder | None = None,
        schedule: LinearSchedule | None = None,
        levels: int = 256,
        shape: tuple[int, ...] | None = None,
    ):
        super().__init__()
        if not 2 <= levels <= 256:
            raise ValueError(f"levels must be between 2 and 256 (8-bit data); got {levels}")
        encoder = IdentityEncoder() if encoder is None else encoder
        if not isinstance(encoder, Encoder):
            raise TypeError(
                "encoder must be IdentityEncoder(), ScalingEncoder() or LearnedEncoder(network); "
                f"got {type(encoder).__name__}"
            )
        self.denoiser = denoiser
        self.encoder = encoder
        self.schedule = LinearSchedule() if schedule is None else schedule
        self.levels = levels
        shape = getattr(denoiser, "shape", None) if shape is None else shape
        self.shape = None if shape is None else tuple(shape)

    def v_hat(self, z: Tensor, gamma: Tensor) -> Tensor:
        """The denoiser's prediction of v, checked to have the shape of z."""
        v_hat = self.denoiser(z, gamma)
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
