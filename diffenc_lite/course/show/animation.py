"""A moving picture: a digit is encoded and noised, then the model generates digits from noise."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...model import DiffEnc
from ...sampling import sample_steps
from . import plots
from .explorers import encode_and_noise

FRAME_MS, LAST_FRAME_MS = 120, 1300


@torch.no_grad()
@plots.styled
def film(model: DiffEnc, image: Tensor, frames: int = 31, steps: int = 120) -> bytes:
    """A moving WebP of about ten seconds, from data to noise and from noise to data.

    First x_t, x_t - x and z_t of an image from t = 0 to t = 1; then three latents of the generative
    process from t = 1 to t = 0.
    Args: model, on any device; image uint8 (1, C, H, W); frames, in each direction; steps of
        sampling, a multiple of frames - 1: equally spaced ones are shown.
    """
    if steps % (frames - 1):
        raise ValueError(f"steps must be a multiple of frames - 1 = {frames - 1}; got {steps}")
    depths = np.linspace(0, 1, frames).tolist()
    path = encode_and_noise(model, image, depths, torch.Generator().manual_seed(0))
    change = path.change.mean(2, keepdims=True)
    generator = torch.Generator().manual_seed(0)
    latents = list(sample_steps(model, 3, steps, generator=generator))[:: steps // (frames - 1)]

    largest = float(np.abs(change).max())
    to_noise = _act(
        "from data to noise: a digit, encoded and noised",
        [("encoded, $x_t$", None), ("changed, $x_t - x$", largest), ("with noise, $z_t$", None)],
        zip(depths, zip(path.x_t[:, 0], change[:, 0], path.z_t[:, 0], strict=True), strict=True),
    )
    to_data = _act(
        "and from noise to data: the model writes",
        [("$z_t$", None)] * 3,
        ((step.t, step.z.cpu().numpy()) for step in latents),
    )
    times = [FRAME_MS] * (frames - 1) + [LAST_FRAME_MS]
    return plots.moving([*to_noise, *to_data], 2 * times)


def _act(
    heading: str, panels: Sequence[tuple[str, float | None]], scenes: Iterable[tuple[float, Any]]
) -> Iterator[NDArray[np.uint8]]:
    """The frames of one direction, one for each scene: a depth, and an image for each panel."""
    figure = plots.Picture(figsize=(6.4, 3.3), layout="constrained")
    axes = figure.subplot_mosaic([list("abc"), list("ttt")], height_ratios=[12, 1])
    figure.suptitle(heading, fontsize=16)
    axes["t"].set(xlim=(0, 1), yticks=[], xticks=[0, 0.25, 0.5, 0.75, 1], xlabel="depth $t$")
    axes["t"].set_xticklabels(["data, 0", "0.25", "0.5", "0.75", "1, noise"])
    axes["t"].spines[:].set_visible(False)
    axes["t"].axhline(0, color="0.6", lw=2)
    (mark,) = axes["t"].plot([0], [0], "o", ms=11, color=plots.RED, clip_on=False)
    shown, scenes = [], list(scenes)
    for name, (title, limit), image in zip("abc", panels, scenes[0][1], strict=True):
        shown.append(plots.show_image(axes[name], image, limit))
        axes[name].set_title(title, fontsize=15)
    for t, images in scenes:
        for picture, image in zip(shown, images, strict=True):
            picture.set_data(plots.as_pixels(image))
        mark.set_xdata([t])
        yield plots.pixels(figure)
