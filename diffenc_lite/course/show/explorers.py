"""Explorers: a picture with sliders above it. Without a kernel a still picture takes its place.

An explorer has one function, which gives the figure at a position of its controls. A slider that
moves calls it, and so do the stills that the notebook stores and the pages that move without a
kernel (see `page`). It runs no network: what needs one is computed before. Controls are made by
`slider` and `buttons`. All work from the keyboard: Tab goes to the next one, the arrow keys move a
slider, Enter presses a button.
"""

import base64
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import ipywidgets
import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ... import process
from ...gaussian import standard_normal
from ...model import DiffEnc
from . import plots
from .page import Index, exporting, page

CAPTION = 28  # pixels above each still
SHEET = 1040  # pixels: a sheet of stills has as many columns as this holds


def slider(
    label: str, values: ArrayLike, start: Any = None, text: str = "{:.2f}"
) -> ipywidgets.SelectionSlider:
    """A slider over the given values.

    Args: start, where it starts (at the value nearest to this; in the middle if not given); text,
        how a value is written, for str.format.
    """
    numbers = np.asarray(values)
    if numbers.ndim != 1 or len(numbers) < 2:
        raise ValueError(f"values must be a list of at least 2 numbers; got {values!r}")
    index = len(numbers) // 2 if start is None else int(np.abs(numbers - start).argmin())
    return ipywidgets.SelectionSlider(
        options=[(text.format(value), value) for value in numbers.tolist()],
        index=index,
        description=label,
        style={"description_width": "initial"},
        layout={"width": "520px", "max_width": "100%"},
    )


def buttons(label: str, names: Sequence[str]) -> ipywidgets.ToggleButtons:
    """One button for each name; the first is pressed. The value is the position in the list."""
    return ipywidgets.ToggleButtons(
        options=[(name, i) for i, name in enumerate(names)],
        description=label,
        style={"description_width": "initial", "button_width": "auto"},
    )


class Explorer:
    """Controls above a picture.

    Args: draw(value of the first control, value of the second, ...) -> the figure there, which may
        be the same one with other data in it (`line.set_data`, `title.set_text`). It runs each time
        a slider moves, so it must take milliseconds only; stills, the positions of the controls
        that a page without a kernel shows, or else five of the first control.

    An explorer that is the last line of a cell is shown. Its parts can be used in other widgets:
    `controls`, `image` (an ipywidgets.Image), and `widget`, which is both together.

    >>> figure, ax = plots.subplots()
    >>> (line,) = ax.plot(x, x)
    >>> def draw(k):
    ...     line.set_ydata(x**k)
    ...     return figure
    >>> Explorer(draw, slider("k", [1, 2, 3]))
    """

    def __init__(
        self, draw: Callable[..., Figure], *controls: Any, stills: Sequence[Index] = ()
    ) -> None:
        if not controls:
            raise ValueError("controls must be one or more of slider() and buttons(); got none")
        self.draw, self.controls = draw, controls
        layout = {"max_width": "100%", "align_self": "flex-start"}  # may shrink, never stretched
        self.image = ipywidgets.Image(format="png", layout=layout)
        self.widget = ipywidgets.VBox([*controls, self.image])
        self.strip = self._strip(stills)
        self._show()
        for control in controls:
            control.observe(self._show, names="index")

    def drawn(self, index: Index) -> Figure:
        """The figure as it is at one position of the controls."""
        return self.draw(*(c.options[i][1] for c, i in zip(self.controls, index, strict=True)))

    def frame(self, index: Index) -> bytes:
        """The PNG at one position of the controls."""
        return plots.png(plots.pixels(self.drawn(index)))

    def page(self) -> str:
        """The explorer as HTML, which needs no kernel and no network."""
        return page(self.controls, self.drawn)

    def _show(self, change: Any = None) -> None:
        self.image.value = self.frame(self._index())

    def _index(self) -> Index:
        return tuple(control.index for control in self.controls)

    def _strip(self, stills: Sequence[Index]) -> bytes:
        """One PNG of the given positions, as many side by side as fit into SHEET.

        None given: five positions of the first control, the others where they start.
        """
        n, here = len(self.controls[0].options), self._index()
        places = np.linspace(0, n - 1, min(5, n)).round().astype(int).tolist()
        pictures = []
        for index in stills or [(i, *here[1:]) for i in places]:
            picture = plots.pixels(self.drawn(index))
            pairs = zip(self.controls, index, strict=True)
            text = ", ".join(f"{c.description} = {c.options[k][0]}" for c, k in pairs)
            pictures.append(np.vstack([_caption(text, picture.shape[1]), picture]))
        columns = max(1, min(SHEET // pictures[0].shape[1], len(pictures)))
        pictures += [np.full_like(pictures[0], 255)] * (-len(pictures) % columns)
        rows = [np.hstack(pictures[i : i + columns]) for i in range(0, len(pictures), columns)]
        return plots.png(np.vstack(rows))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        moving = ", ".join(f"{c.description} ({len(c.options)} positions)" for c in self.controls)
        start = plots.describe(self.drawn(self._index()))
        data: dict[str, Any] = {
            "text/plain": f"Explorer of {moving}. At the start: {start}",
            "image/png": base64.b64encode(self.strip).decode(),
        }
        if exporting():
            data["text/html"] = self.page()
        else:  # ipywidgets 7, which Colab has, can't tell what shows a widget
            model = {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}
            data["application/vnd.jupyter.widget-view+json"] = model
        return data


def _caption(text: str, width: int) -> NDArray[np.uint8]:
    """One line of text, (CAPTION, width, 3), in smaller letters if it is long."""
    figure = Figure(figsize=(width / 100, CAPTION / 100), dpi=100)
    size = min(13, 1.2 * width / len(text))
    figure.text(0.5, 0.5, text, ha="center", va="center", size=size, weight="bold")
    return plots.pixels(figure)


# --- a digit, encoded and noised -----------------------------------------------------------------

# Denser where more happens; with the paper's nine depths (0, 0.7, 0.8, 0.9, 0.92, ..., 1).
DEPTHS = (
    *(0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75),
    *(0.8, 0.83, 0.85, 0.88, 0.9, 0.92, 0.94, 0.96, 0.98, 1.0),
)


class Path(NamedTuple):
    """Images at several depths from t = 0 to t = 1; each array is (depths, images, C, H, W)."""

    x_t: NDArray[np.float32]  # encoded
    change: NDArray[np.float32]  # x_t - x
    y: NDArray[np.float32]  # the image that x_t moves to: x_t = alpha_t^2 x + sigma_t^2 y
    z_t: NDArray[np.float32]  # encoded and noised
    x_hat: NDArray[np.float32]  # the denoiser's prediction from z_t


@torch.no_grad()
def encode_and_noise(
    model: DiffEnc, images: Tensor, depths: Sequence[float], generator: torch.Generator
) -> Path:
    """x_t, x_t - x, y, z_t and x_hat of images at each depth (F1, E1-E3, G4).

    y = x + (x_t - x) / sigma_t^2 (0 for E2, x for E1), z_t = alpha_t x_t + sigma_t eps and
    x_hat = alpha_t z_t - sigma_t v_hat. eps is the same at all depths, so that neighbouring depths
    look alike.
    Args: model and images uint8 (N, C, H, W), on any device; depths in [0, 1]; generator, on the
        CPU: then eps is the same for a model on another device.
    """
    x = model.to_unit(images.to(model.device))
    eps = standard_normal(x.shape, x, generator)
    steps = []
    for t in depths:
        at_t = model.schedule(x.new_full((len(x),), t))
        noise = at_t.like(x)
        change = model.encoder.shift(x, at_t.gamma)
        y = x + change / noise.sigma.square()
        z = process.add_noise(x + change, eps, noise)
        x_hat = process.x_from_v(z, model.v_hat(z, at_t.gamma), noise)
        steps.append((x + change, change, y, z, x_hat))
    return Path(*(torch.stack(part).cpu().numpy() for part in zip(*steps, strict=True)))


@plots.styled
def encoder_explorer(
    model: DiffEnc,
    images: Tensor,
    names: Sequence[str] | None = None,
    depths: Sequence[float] = DEPTHS,
) -> Explorer:
    """Slide t, choose an image: x, x_t, x_t - x, y, the latent z_t and the prediction x_hat.

    Everything is computed here, once. It starts at t = 0.85. In two rows: a phone is narrow.
    Args: images uint8 (N, C, H, W); names of the images for the buttons. The model and the images
        may be on any device.

    >>> encoder_explorer(load_pretrained("mnist-learned"), images)
    """
    if images.dim() != 4:
        raise ValueError(f"images must be pictures, (N, C, H, W); got shape {tuple(images.shape)}")
    names = [str(i) for i in range(len(images))] if names is None else list(names)
    if len(names) != len(images):
        raise ValueError(f"names must have one for each of {len(images)} images; got {len(names)}")
    depths = [float(t) for t in depths]
    path = encode_and_noise(model, images, depths, torch.Generator().manual_seed(0))
    path = path._replace(change=path.change.mean(2, keepdims=True))  # of the channels
    parts = np.broadcast_to(model.to_unit(images).cpu().numpy(), path.x_t.shape), *path
    titles = {
        "$x$: the data": None,
        "$x_t$: encoded": None,
        "$x_t-x$: change": max(0.1, float(np.abs(path.change).max())),
        "$y$: pulled towards": None,
        "$z_t$: with noise": None,
        r"$\hat x$: the guess": None,
    }
    figure, axes = plots.subplots(2, 3, size=(5.15, 4.0))
    panels = []
    for ax, pictures, (name, limit) in zip(axes.flat, parts, titles.items(), strict=True):
        panels.append(plots.show_image(ax, pictures[0, 0], limit))
        panels[-1].set_zorder(5)  # over its frame
        ax.set_title(name, fontsize=12)
    figure.colorbar(panels[2], ax=axes[0, 2], shrink=0.8)
    title = figure.suptitle(" ", fontsize=13)
    noise = model.schedule(torch.tensor(depths, dtype=model.dtype).to(model.device))
    alpha2 = noise.alpha.detach().square().tolist()

    def draw(t: float, image: int) -> Figure:
        depth = depths.index(t)
        title.set_text(f"t = {t:g}: α² = {alpha2[depth]:.1%}, σ² = {1 - alpha2[depth]:.1%}")
        for panel, pictures in zip(panels, parts, strict=True):
            panel.set_data(plots.as_pixels(pictures[depth, image]))
        return figure

    stills = [(depths.index(t), 0) for t in (0.5, 0.75, 0.9, 1.0) if t in depths]
    controls = slider("t", depths, start=0.85), buttons("digit", names)
    return Explorer(draw, *controls, stills=stills)
