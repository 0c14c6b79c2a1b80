"""A chain of steps: what it keeps, where a depth falls, what it refuses."""

import json
import math

import numpy as np
import pytest
import torch
from draws import F64, seeded, some_images
from hypothesis import given, settings
from hypothesis import strategies as st

from diffenc_lite import Chain, elbo

NAN = math.nan


def test_equal_steps_and_what_is_filled_in():
    chain = Chain.equal(4, ratio=0.5)
    assert chain.steps == 4 and chain.grid.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert chain.ratio.tolist() == [0.5] * 4 and chain.scale is None
    chain = Chain([0, 0.3, 1], np.array([0.5, 2]), 1.1)
    assert (chain.grid.tolist(), chain.ratio.tolist()) == ([0, 0.3, 1], [0.5, 2])
    assert chain.scale.tolist() == [1.1, 1.1]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 6), st.sampled_from([None, "folded", "number"]), st.booleans())
def test_plain_values_are_the_chain_again(steps, scale, dimension):
    drawn = torch.rand(3, steps, 2, generator=seeded(steps), dtype=F64) + 0.1
    grid = torch.cat([torch.zeros(1), drawn[0, :, 0].cumsum(0) / drawn[0, :, 0].sum()])
    grid[-1] = 1
    ratio = drawn[1] if dimension else drawn[1, :, 0]
    scale = drawn[2, :, 0] if scale == "number" else scale
    of_scale = scale / 20 if isinstance(scale, torch.Tensor) else None
    chain = Chain(grid.double(), ratio, scale, ratio_error=ratio / 10, scale_error=of_scale)
    again = Chain(**json.loads(json.dumps(chain.as_dict())))
    for name, value in vars(chain).items():
        assert np.array_equal(getattr(again, name), value), name


@pytest.mark.parametrize("steps", [1, 7, 200_000])
@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_a_depth_of_the_grid_starts_its_own_step(steps, dtype):
    """However fine the grid; and an upper end that rounding moved by an ulp is still that end."""
    chain, every = Chain.equal(steps), torch.arange(steps)
    upper = chain.grid[1:].to(dtype)
    above = torch.nextafter(upper, torch.full_like(upper, 2.0)).clamp(max=1)
    for t in (upper, above, torch.linspace(0, 1, steps + 1, dtype=dtype)[1:]):
        assert torch.equal(chain.index_at(t), every)
    middle = (chain.grid[1:] + chain.grid[:-1]) / 2
    assert torch.equal(chain.index_at(middle), every)


def test_a_narrow_step_keeps_what_falls_in_it():
    chain = Chain([0, 1e-7, 5e-7, 1])
    t = torch.tensor([0.0, 5e-8, 1e-7, 2e-7, 5e-7, 6e-7])
    assert chain.index_at(t).tolist() == [0, 0, 0, 1, 1, 2]


def test_uniform_numbers_choose_all_steps_alike():
    uniform = (torch.arange(1000) + 0.5) / 1000
    assert Chain([0, 0.9, 0.95, 1]).drawn_index(uniform).bincount().tolist() == [333, 334, 333]


@pytest.mark.parametrize("name", ["ratio", "scale"])
@pytest.mark.parametrize(
    "value",
    [0.0, -1.0, NAN, math.inf, torch.tensor([1.0, 0.0, 2.0]), torch.ones(2), torch.ones(4, 2),
     "best", [[1], [1, 2]], np.array([1.0, 2.0]), True, False, np.True_, [1.0, True, 1.0],
     torch.ones(3, dtype=torch.bool), "keep"],
)  # fmt: skip
def test_ratio_and_scale_are_positive_numbers_one_for_each_step(name, value):
    with pytest.raises(ValueError, match=f"^{name} must"):
        Chain.equal(3, **{name: value})


@pytest.mark.parametrize("given", [{"ratio_error": [1, 2]}, {"scale_error": [1, 2, 3]}])
def test_an_error_has_the_shape_of_its_number(given):
    (name,) = given
    with pytest.raises(ValueError, match=f"^{name} must have the shape of {name[:5]}"):
        Chain([0, 0.2, 0.5, 1], **given)


@pytest.mark.parametrize("grid", [
    [0, 0.5, 0.5, 1], [1, 0.5, 0], [0.1, 1], [0, 0.9], [0, NAN, 1], [[0, 1]], 1.0, "even",
    [False, True], [0, 0.5, True],
])  # fmt: skip
def test_a_grid_increases_from_0_to_1(grid):
    with pytest.raises(ValueError, match="^grid must"):
        Chain(grid)


def test_the_ratio_of_each_dimension_belongs_to_data_of_one_shape(small_model):
    images, chain = some_images(3, (1, 2)), Chain.equal(2, torch.rand(2, 1, 2) + 0.5)
    assert elbo(small_model("learned", (1, 2)), images, chain).total.shape == (3,)
    with pytest.raises(ValueError, match="ratio"):
        elbo(small_model("learned"), some_images(3), chain)
