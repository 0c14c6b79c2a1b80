"""A chain of steps: what it keeps, where a depth falls, what it refuses, and its old keywords."""

import math

import pytest
import torch
from draws import F64, seeded, some_images
from hypothesis import given, settings
from hypothesis import strategies as st

from diffenc_lite import (
    Chain,
    TrainConfig,
    elbo,
    evaluate,
    fit,
    load_chain,
    optimal_ratio,
    optimal_step,
    sample,
    save_chain,
)

NAN = math.nan


def test_equal_steps_and_what_is_filled_in():
    chain = Chain.equal(4, ratio=0.5)
    assert chain.steps == 4 and chain.grid.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert chain.ratio.tolist() == [0.5] * 4 and chain.scale is None
    chain = Chain([0, 0.3, 1], [0.5, 2], 1.1)
    assert (chain.grid.tolist(), chain.ratio.tolist()) == ([0, 0.3, 1], [0.5, 2])
    assert chain.scale.tolist() == [1.1, 1.1]
    assert str(Chain.equal(3)) == "Chain.equal(3)"
    assert str(Chain([0, 0.3, 1], 0.9, "folded")) == 'Chain([0, 0.3, 1], ratio=0.9, scale="folded")'


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 6), st.sampled_from([None, "folded", "number"]), st.booleans())
def test_plain_values_and_a_file_are_the_chain_again(tmp_path_factory, steps, scale, dimension):
    drawn = torch.rand(3, steps, 2, generator=seeded(steps), dtype=F64) + 0.1
    grid = torch.cat([torch.zeros(1), drawn[0, :, 0].cumsum(0) / drawn[0, :, 0].sum()])
    grid[-1] = 1
    ratio = drawn[1] if dimension else drawn[1, :, 0]
    scale = drawn[2, :, 0] if scale == "number" else scale
    chain = Chain(grid.double(), ratio, scale, ratio_error=ratio / 10)
    path = tmp_path_factory.mktemp("chain") / "chain.json"
    save_chain(chain, path)
    for again in (Chain(**chain.lists()), load_chain(path)):
        assert again.lists() == chain.lists() and str(again) == str(chain)


def test_a_damaged_chain_is_refused(tmp_path):
    path = tmp_path / "chain.json"
    save_chain(Chain.equal(3), path)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ValueError, match="chain.json is damaged or not a chain"):
        load_chain(path)
    with pytest.raises(TypeError, match=r"chain must be a Chain.*got 3"):
        save_chain(3, path)


# --- where a depth falls --------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 7, 1000, 200_000])
@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_a_depth_of_the_grid_starts_its_own_step(steps, dtype):
    """However fine the grid; and an upper end that rounding moved by an ulp is still that end."""
    chain, every = Chain.equal(steps), torch.arange(steps)
    upper = chain.grid[1:].to(dtype)
    above = torch.nextafter(upper, torch.full_like(upper, 2.0)).clamp(max=1)
    for t in (upper, above, torch.linspace(0, 1, steps + 1, dtype=dtype)[1:]):
        assert torch.equal(chain.step_at(t), every)
    middle = (chain.grid[1:] + chain.grid[:-1]) / 2
    assert torch.equal(chain.step_at(middle), every)


def test_a_narrow_step_keeps_what_falls_in_it():
    chain = Chain([0, 1e-7, 5e-7, 1])
    assert chain.step_at(torch.tensor([0.0, 5e-8, 1e-7, 2e-7, 5e-7, 6e-7])).tolist() == [
        0, 0, 0, 1, 1, 2,
    ]  # fmt: skip


def test_uniform_numbers_choose_all_steps_alike():
    u = (torch.arange(1000) + 0.5) / 1000
    assert Chain([0, 0.9, 0.95, 1]).step_of(u).bincount().tolist() == [333, 334, 333]


# --- what takes a chain, and the keywords that make one -------------------------------------------


@pytest.mark.parametrize("kind", ["identity", "scaling", "learned"])
def test_keywords_are_a_thin_way_to_make_one(kind, small_model):
    model, images = small_model(kind), some_images(6)
    grid, ratio = torch.tensor([0, 0.2, 0.7, 1]), torch.tensor([0.5, 0.8, 1.2])
    chain = Chain(grid, ratio, "folded")
    keywords = {"steps": 3, "ratio": ratio, "grid": grid, "scale": "folded"}

    def results(*place, **by_name):
        bound = elbo(model, images, *place, generator=seeded(1), **by_name).total
        score = evaluate(model, images, *place, generator=seeded(2), **by_name).total
        return bound, torch.tensor(score), sample(model, 3, *place, generator=seeded(3), **by_name)

    expected = results(chain)
    positional = {k: keywords[k] for k in ("grid", "scale")}
    for bounds in (results(**keywords), results(3, ratio, **positional)):
        for one, other in zip(bounds, expected, strict=True):
            assert torch.equal(one, other)
    old = sample(model, 3, 3, ratio, seeded(3), grid, "folded")
    assert torch.equal(old, sample(model, 3, chain, generator=seeded(3)))
    old = elbo(model, images, 3, ratio, False, None, None, None, seeded(3), grid, "folded").total
    assert torch.equal(old, elbo(model, images, chain, generator=seeded(3)).total)
    old = evaluate(model, images, 3, ratio, 2, 3, seeded(3), grid, False, "folded")
    assert old == evaluate(model, images, chain, passes=2, batch=3, generator=seeded(3))
    assert TrainConfig(2, steps=3).plain() == TrainConfig(2, steps=Chain.equal(3)).plain()


def test_errors_of_a_chain_that_are_not_numbers_do_not_make_it_another_one():
    """A run compares its settings with those it had before, and NaN is not NaN."""
    chain = Chain([0, 0.3, 1], [0.5, 0.9], 1.0)
    fitted = Chain(**chain.lists() | {"ratio_error": [NAN, NAN], "scale_error": [NAN, NAN]})
    assert TrainConfig(2, steps=fitted).plain() == TrainConfig(2, steps=chain).plain()
    assert TrainConfig(2).plain()["steps"] is None


def test_the_ratio_of_each_dimension_belongs_to_data_of_one_shape(small_model):
    images, chain = some_images(3, (1, 2)), Chain.equal(2, torch.rand(2, 1, 2) + 0.5)
    assert elbo(small_model("learned", (1, 2)), images, chain).total.shape == (3,)
    with pytest.raises(ValueError, match=r"ratio.*\(2,\) or \(2, 2\).*got shape \(2, 1, 2\)"):
        elbo(small_model("learned"), some_images(3), chain)


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options, words",
    [
        *[({"steps": n}, f"steps must be a whole number, at least 1; got {n!r}")
          for n in (0, -1, 1.5, 3.0, True, "3")],
        ({"steps": torch.tensor(True)}, "steps must be a whole number"),
        *[({"ratio": w}, "ratio must be positive and finite; got")
          for w in (0.0, -1.0, NAN, math.inf, torch.tensor([1.0, 0.0, 2.0]))],
        *[({"scale": a}, "scale must be positive and finite; got")
          for a in (0.0, -1.0, NAN, math.inf, torch.tensor([1, 0, 2]))],
        ({"ratio": torch.ones(2)}, r"ratio must.*\(3,\), or \(T, ...\).*got shape \(2,\)"),
        ({"ratio": torch.ones(4, 2)}, r"ratio must.*\(3,\).*got shape \(4, 2\)"),
        ({"scale": torch.ones(2)}, r"scale must.*\(3,\); got shape \(2,\)"),
        ({"scale": torch.ones(3, 2)}, r"scale must.*\(3,\); got shape \(3, 2\)"),
        ({"ratio": "optimal"}, r'got "optimal".*fit\(model, training_images, steps\)'),
        ({"scale": "best"}, r'scale must be None, "folded".*got "best".*fit\(model'),
        *[({"grid": torch.tensor(grid)}, "grid must increase from 0 to 1; got")
          for grid in ([0, 0.5, 0.5, 1], [0, 0.7, 0.5, 1], [1, 0.7, 0.5, 0], [0.1, 0.5, 0.7, 1],
                       [0, 0.5, 0.7, 0.9], [0, NAN, 0.7, 1])],
        ({"grid": torch.linspace(0, 1, 5)}, r"grid must have shape \(4,\), for 3 steps; got \(5,"),
        ({"grid": torch.ones(2, 2)}, r"grid must have shape \(T\+1,\)"),
        ({"grid": "even"}, "grid must have shape"),
        ({"ratio": [[1], [1, 2]]}, "ratio must be numbers"),
    ],
)  # fmt: skip
def test_bad_chains(options, words, small_model):
    model, images = small_model(dtype=torch.float32), some_images(3)
    options = {"steps": 3, **options}
    for call, data in ((elbo, images), (evaluate, images), (sample, 2)):
        with pytest.raises(ValueError, match=words):
            call(model, data, **options)
    if options.keys() == {"steps"}:
        with pytest.raises(ValueError, match=words):
            TrainConfig(2, **options)


@pytest.mark.parametrize(
    "options, words",
    [
        ({"ratio": 0.5}, r"ratio must be 1 at infinite.*got 0.5.*T \(d/2\)\(w - 1 - ln w\).*=T"),
        ({"ratio": torch.tensor([1.0, 0.9])}, "ratio must be 1 at infinite depth"),
        ({"ratio": "optimal"}, "ratio must be 1 at infinite depth.*got optimal"),
        ({"scale": "folded"}, "scale must be None at infinite.*same limit"),
        ({"scale": torch.ones(2)}, "scale must be None at infinite depth"),
        ({"grid": torch.linspace(0, 1, 3)}, "grid needs steps=T: infinite depth has no steps"),
    ],
)
def test_infinite_depth_has_no_steps(options, words, small_model):
    """The error explains W2 and what to do."""
    model, images = small_model(dtype=torch.float32), some_images(3)
    for call in (elbo, evaluate):
        with pytest.raises(ValueError, match=words):
            call(model, images, **options)
    with pytest.raises(ValueError, match="infinite|steps must be"):
        sample(model, 2, **options)


def test_nothing_is_said_twice(small_model):
    model, images, chain = small_model(), some_images(3), Chain.equal(2)
    for options in ({"ratio": 0.5}, {"grid": chain.grid}, {"scale": 1.0}):
        with pytest.raises(ValueError, match=f"{next(iter(options))} must be part of the chain"):
            elbo(model, images, chain, **options)
    with pytest.raises(ValueError, match="steps must not be given beside a chain"):
        elbo(model, images, chain, steps=2)
    with pytest.raises(ValueError, match="t must not be given with every_step"):
        elbo(model, images, 2, every_step=True, t=torch.full((3,), 0.5))
    with pytest.raises(ValueError, match="every_step needs steps=T"):
        elbo(model, images, every_step=True)
    with pytest.raises(TypeError, match="multiple values for argument 'ratio'"):
        elbo(model, images, 2, 1.0, ratio=0.5)
    with pytest.raises(TypeError, match="too many positional arguments"):
        sample(model, 2, 2, 1.0, None, None, None, 2, 2)


def test_standard_errors_have_the_shape_of_what_they_belong_to():
    for options in (
        {"ratio_error": torch.ones(3)},
        {"scale": 1.0, "scale_error": torch.ones(1)},
        {"scale_error": torch.ones(2)},
        {"ratio_error": "small"},
    ):
        with pytest.raises(ValueError, match="_error must have the shape of"):
            Chain([0, 0.3, 1], **options)
    with pytest.raises(ValueError, match='ratio must be a number.*got "None"'):
        Chain([0, 0.3, 1], None)


@pytest.mark.parametrize("call", [fit, optimal_ratio, optimal_step])
def test_a_fit_needs_steps(call, small_model):
    for steps in (0, None, 2.5):
        with pytest.raises(ValueError, match="must be a"):
            call(small_model(), some_images(3), steps)
