"""The standard error of a mean total, held against the spread of such means where that is known."""

import pytest
import torch
from draws import seeded

from diffenc_lite.evaluation import standard_error


@pytest.mark.parametrize("passes", [1, 3])
@pytest.mark.parametrize("luck", ["depth", "image", "noise"])
def test_each_kind_of_luck_is_reported(luck, passes):
    """Depths drawn by no rule, so that batches are uneven; a loss u^2 of the depth u alone; one of
    the image alone, which all passes share; and one of the noise alone."""
    g, n = seeded(passes), 2000
    variance = {"depth": 4 / 45 / passes, "image": 1.0, "noise": 1 / passes}[luck] / n
    squares = []
    for _ in range(200):
        uniform, noise = torch.rand(2, passes, n, generator=g, dtype=torch.float64)
        noise = (noise - 0.5) * 12**0.5
        loss = {"depth": uniform.square(), "image": noise[:1].expand(passes, n), "noise": noise}
        terms = torch.zeros(passes, 3, n, dtype=torch.float64)
        terms[:, 0 if luck == "image" else 2] = loss[luck]
        squares.append(standard_error(terms, uniform, 100, torch.arange(n), None) ** 2)
    limit = 0.1 if luck == "depth" else 0.03 / passes
    assert sum(squares) / 200 == pytest.approx(variance, rel=limit)
