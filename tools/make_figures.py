"""Make all figures from the checkpoints in the package, the studies' results and fixed seeds.

    python tools/make_figures.py                 # figures of the notebooks, then of figures/
    python tools/make_figures.py hero.png        # only this one of figures/

The figures of the notebooks are stored in the notebooks.
"""

import contextlib
import re
import subprocess
import sys
import tempfile
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path

import numpy as np
import torch

from diffenc_lite import evenly_chosen, load_mnist, load_pretrained, sample
from diffenc_lite.course.show import encode_and_noise, film, plots
from diffenc_lite.course.studies import load_results
from diffenc_lite.course.studies.mnist_ratio import excess_figure
from diffenc_lite.data import load_named
from diffenc_lite.pixels import to_unit

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "figures"


def a_three() -> torch.Tensor:
    digits = load_mnist("test", source="bundled")
    return digits.images[digits.labels == 3][:1]


def encoding() -> bytes:
    """A digit encoded and noised from t = 0 to t = 1, then three samples from t = 1 to t = 0."""
    return film(load_pretrained("mnist-learned"), a_three())


def digits() -> bytes:
    """What the first lines of README's Python write."""
    code = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)[0]
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        exec(code, {})
        return Path("digits.png").read_bytes()


@plots.styled
def hero() -> bytes:
    """A digit encoded and noised at several t, and samples of the model."""
    model = load_pretrained("mnist-learned-medium")
    depths = [0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    path = encode_and_noise(model, a_three(), depths, torch.Generator().manual_seed(0))
    samples = sample(model, 15, steps=250, generator=torch.Generator().manual_seed(0))

    figure = plots.Picture(figsize=(13, 3.9), dpi=120, layout="constrained")
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=[8.2, 4.8])[0]
    plots.fill_grid(
        left,
        [path.x_t[:, 0], path.change[:, 0], path.z_t[:, 0]],
        columns=[f"$t = {t:g}$" for t in depths],
        rows=["encoded\n$x_t$", "changed\n$x_t - x$", "with noise\n$z_t$"],
        signed=[None, float(np.abs(path.change).max()), None],
    )
    left.suptitle("from data to noise: a digit, encoded and noised (mnist-learned-medium)")
    plots.fill_grid(right, to_unit(samples).reshape(3, 5, 1, 28, 28).numpy())
    right.suptitle("from noise to data: written by the model")
    return plots.png(plots.pixels(figure))


@plots.styled
def photos() -> bytes:
    """Test patches of the photographs, and patches written by the model of them."""
    model = load_pretrained("photos-vdm-medium")
    real = evenly_chosen(load_named("photos", "test").images, 24)
    written = sample(model, 24, steps=250, generator=torch.Generator().manual_seed(0))
    figure = plots.Picture(figsize=(13, 3.4), dpi=120, layout="constrained")
    parts = figure.subfigures(1, 2, squeeze=False)[0]
    titles = ("test patches of the photographs", "written by photos-vdm-medium")
    for part, title, images in zip(parts, titles, (real, written), strict=True):
        plots.fill_grid(part, to_unit(images).reshape(3, 8, 3, 16, 16).numpy())
        part.suptitle(title)
    return plots.png(plots.pixels(figure))


def ratio_mnist() -> bytes:
    """The bound above infinite depth against the number of steps, for scales and ratios
    (notebook 12)."""
    return plots.png(plots.pixels(excess_figure(load_results("mnist_ratio"))))


FIGURES = {
    "encoding.webp": encoding,
    "digits.png": digits,
    "hero.png": hero,
    "photos.png": photos,
    "ratio_mnist.png": ratio_mnist,
}


def main() -> None:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(FIGURES))
    names = parser.parse_args().names or list(FIGURES)
    if unknown := sorted(set(names) - set(FIGURES)):
        parser.error(f"no such figure: {', '.join(unknown)}; there are {', '.join(FIGURES)}")
    if names == list(FIGURES):
        run = ROOT / "tools" / "run_notebooks.py"
        subprocess.run([sys.executable, run, "--in-place"], check=True)
    FOLDER.mkdir(exist_ok=True)
    for name in names:
        (FOLDER / name).write_bytes(FIGURES[name]())
        print(f"figures/{name}")


if __name__ == "__main__":
    main()
