"""Whether the noise of a model begins where its levels want it, and its networks know where."""

import warnings

import torch

from ..model import DiffEnc
from ..networks import GammaEmbedding
from ..schedule import end_points, gamma_min_for


@torch.no_grad()
def warn_of_ends(model: DiffEnc) -> None:
    """Warn if gamma(0) is more than 1 from `gamma_min_for(levels)`, and if a network of this
    library reads gamma between other ends than those of the schedule."""
    like, right = model.like_weights, gamma_min_for(model.levels)
    low, high = map(float, end_points(model.schedule, like))
    if abs(low - right) > 1:
        wanted = f"for {model.levels} levels {right:.4g} is right (schedule.gamma_min_for)"
        warnings.warn(f"the schedule begins at gamma = {low:.4g}; {wanted}", stacklevel=3)
    networks = [part for part in model.modules() if isinstance(part, GammaEmbedding)]
    for a, b in {tuple(map(float, network.end_points(like))) for network in networks}:
        if max(abs(a - low), abs(b - high)) > 1e-3:
            wanted = f"and the schedule goes from {low:.4g} to {high:.4g}: make it with that"
            warnings.warn(f"a network reads gamma from {a:.4g} to {b:.4g}, {wanted}", stacklevel=3)
