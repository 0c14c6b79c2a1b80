"""Make every figure of the README again, from the shipped checkpoints and fixed seeds.

python tools/make_figures.py        # into figures/
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from diffenc_lite import load_mnist, load_pretrained, sample
from diffenc_lite.course import plots
from diffenc_lite.course.widgets import encode_and_noise
from diffenc_lite.pixels import to_unit

FOLDER = Path(__file__).resolve().parent.parent / "figures"


@plots.styled
def hero() -> plots.Picture:
    """A digit encoded and noised over t, and digits that the model wrote."""
    model = load_pretrained("mnist-learned")
    digits = load_mnist("test", source="bundled")
    three = digits.images[digits.labels == 3][:1]
    depths = [0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    path = encode_and_noise(model, three, depths, torch.Generator().manual_seed(0))
    written = sample(model, 15, steps=250, generator=torch.Generator().manual_seed(0))

    figure = plots.Picture(figsize=(13, 3.9), dpi=120, layout="constrained")
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=[8.2, 4.8])[0]
    plots.fill_grid(
        left,
        [path.x_t[:, 0], path.change[:, 0], path.z_t[:, 0]],
        columns=[f"$t = {t:g}$" for t in depths],
        rows=["encoded\n$x_t$", "changed\n$x_t - x$", "with noise\n$z_t$"],
        signed=[None, float(np.abs(path.change).max()), None],
    )
    left.suptitle("from data to noise: a digit, encoded and noised")
    plots.fill_grid(right, to_unit(written).reshape(3, 5, 1, 28, 28).numpy())
    right.suptitle("from noise to data: written by the model")
    return figure


FIGURES = {"hero.png": hero}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, make in FIGURES.items():
        (FOLDER / name).write_bytes(plots.png(plots.pixels(make())))
        print(f"figures/{name}")


if __name__ == "__main__":
    main()
