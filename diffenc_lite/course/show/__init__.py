"""Pictures of the course: plots in one style, explorers with sliders, and a film."""

from . import plots
from .animation import film
from .explorers import Explorer, buttons, encode_and_noise, encoder_explorer, slider
from .in_the_plane import plane_explorer

__all__ = [
    "Explorer", "buttons", "encode_and_noise", "encoder_explorer", "film", "plane_explorer",
    "plots", "slider",
]  # fmt: skip
