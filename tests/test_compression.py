"""Compression: images come back bit for bit, a file is as long as the bound, others are refused."""

import math

import numpy as np
import pytest
import torch
from draws import F64, guessing, module_of, seeded, shaken, some_images
from hypothesis import given, settings
from hypothesis import strategies as st

from diffenc_lite import (
    Chain,
    DiffEnc,
    ModelConfig,
    ScalingEncoder,
    build,
    elbo,
    fit,
    load_fitted,
    load_mnist,
    load_pretrained,
)
from diffenc_lite.course import compression
from diffenc_lite.course.compression import Stack, compress, decompress, pop_image, push_image
from diffenc_lite.data import load_named

DIGITS = load_mnist("test", "bundled").images


def comes_back(model, images, chain) -> bool:
    return torch.equal(decompress(model, compress(model, images, chain)), images)


# ---- the stack -----------------------------------------------------------------------------------


@given(seed=st.integers(0, 10**6), n=st.integers(1, 150), symbols=st.integers(2, 300))
@settings(max_examples=20)
def test_pop_and_push_undo_each_other_at_the_price_of_the_probabilities(seed, n, symbols):
    draws = np.random.default_rng(seed)
    p = torch.from_numpy(draws.dirichlet(np.full(symbols, 0.3), n))
    table = compression.as_table(p.cumsum(1))
    counts = np.diff(table.astype(np.int64), axis=1)
    assert counts.min() >= 1 and (counts.sum(1) == 2**24).all()
    stack = Stack()
    stack.pop(table)  # so that heads and pile are anywhere
    bits, before = stack.bits(), bytes(stack)
    chosen = draws.integers(0, symbols, n)
    stack.push(table, chosen)
    price = 24 * n - np.log2(counts[np.arange(n), chosen]).sum()
    assert stack.bits() - bits == pytest.approx(price, abs=0.01 * n)
    assert (stack.pop(table) == chosen).all() and bytes(stack) == before
    stack.push(table, stack.pop(table))
    assert stack.bits() == pytest.approx(bits) and (stack.heads == Stack(before).heads).all()


def test_a_symbol_below_zero_is_refused():
    table = compression.bins(torch.zeros(3, dtype=F64), 2.0, 4)
    with pytest.raises(ValueError, match="counted from 0"):
        Stack().push(table, np.array([0, -1, 2]))


def test_what_is_popped_has_the_probabilities_of_the_table():
    mean = torch.full((20_000,), 0.3, dtype=F64)
    drawn = Stack().pop(compression.bins(mean, 2.0, 32)) - 32
    assert drawn.mean() == pytest.approx(0.3, abs=0.06)
    assert drawn.var() == pytest.approx(4 + 1 / 12, rel=0.05)  # Sheppard: a bin has a width


def test_bits_that_a_wrong_p_leaves_are_lent_as_random_ones():
    """q a standard deviation beside p: net is their divergence, on average; without `stir` a
    fifth more, since the noise is too wide and off to one side."""
    mean, stack, noise = torch.full((784,), 2.0, dtype=F64), Stack(), []
    q, p = compression.bins(mean, 2.0, 64), compression.bins(0 * mean, 2.0, 64)
    for _ in range(40):
        popped = [stack.pop(q) for _ in range(9)]
        for symbols in reversed(popped):
            stack.push(p, symbols)
        compression.stir(stack.heads)
        noise += [symbols - 66.0 for symbols in popped]
    of_q, of_p = np.diff(q[0].astype(float)), np.diff(p[0].astype(float))
    price = (of_q * np.log2(of_q / of_p)).sum() / 2**24
    assert stack.bits() / np.size(noise) == pytest.approx(price, rel=0.03)
    assert np.mean(noise) == pytest.approx(0, abs=0.02)
    assert np.var(noise) == pytest.approx(4 + 1 / 12, rel=0.02)


# ---- images --------------------------------------------------------------------------------------


@given(
    kind=st.sampled_from(("identity", "scaling", "learned")),
    shape=st.sampled_from(((2,), (3, 4, 4), (5, 7))),
    levels=st.sampled_from((2, 17, 256)),
    scale=st.sampled_from((None, "folded", 0.9)),
    steps=st.integers(1, 5),
    each=st.booleans(),
)
@settings(max_examples=12)
def test_images_come_back(small_model, kind, shape, levels, scale, steps, each):
    images = some_images(3, shape, levels)
    ratio = torch.linspace(0.2, 3, steps) if not each else torch.rand(steps, *shape) + 0.1
    grid = [0, *np.linspace(0.3, 1, steps)] if steps > 1 else [0, 1]
    model = small_model(kind, shape, levels=levels, dtype=torch.float32)
    assert comes_back(model, images, Chain(grid, ratio, scale))


def test_digits_photographs_and_other_levels_come_back():
    assert comes_back(DiffEnc(guessing(lambda z, n: 0 * z)), some_images(3, (65,), 256), 4)
    assert comes_back(load_pretrained("mnist-learned"), DIGITS[:2], load_fitted("mnist-learned", 8))
    photos = load_named("photos", "test").images[:2]
    with torch.random.fork_rng():
        assert comes_back(
            shaken(build(ModelConfig("learned", "tiny", shape=(3, 16, 16)))), photos, 4
        )
        small = build(ModelConfig("learned", "tiny", shape=(1, 8, 8), levels=17))
    assert comes_back(shaken(small), some_images(3, (1, 8, 8), 17), 6)


def test_what_was_lent_comes_back(small_model):
    model, images, stack = small_model("learned", (4, 4)), some_images(3, (4, 4)), Stack()
    with torch.no_grad():
        for image in images.split(1):
            push_image(stack, model, Chain.equal(3), image)
        popped = [pop_image(stack, model, Chain.equal(3), (4, 4)) for _ in images]
    assert torch.equal(torch.cat(popped[::-1]), images) and stack.lent > 0
    assert (stack.heads == Stack().heads).all() and len(stack.pile) == stack.lent
    assert stack.pile[::-1] == (Stack()._random.random_raw(stack.lent) >> 32).tolist()


@pytest.mark.parametrize("steps", (32, 64))
@pytest.mark.parametrize("encoder", (None, ScalingEncoder()), ids=("identity", "scaling"))
def test_a_file_is_as_long_as_the_bound(steps, encoder):
    """Data N(0, 0.25) and a denoiser that knows; of 3,000 dimensions, so that luck is small."""
    x = torch.randn(1, 3000, generator=seeded(), dtype=F64) / 2
    image = ((x + 1) * 128).clamp(0, 255).byte()
    denoiser = guessing(lambda z, n: n.alpha / 4 / (n.alpha**2 / 4 + n.sigma**2) * z)
    model, stack = DiffEnc(denoiser, encoder), Stack()
    with torch.no_grad():
        chain = fit(model, image, steps, generator=seeded(2))
        push_image(stack, model, chain, image)
        bound = elbo(model, image, chain, every_step=True, generator=seeded(1)).total.sum()
    assert stack.bits() == pytest.approx(bound.item() / math.log(2), rel=0.01)


def test_the_noise_of_many_images_does_not_drift(monkeypatch):
    """150 black images: without `stir` between them the noise of the first z_1 goes to -8."""
    first, pop = [], Stack.pop
    monkeypatch.setattr(
        Stack, "pop", lambda stack, table: first.append(pop(stack, table)) or first[-1]
    )
    model, stack, z_1 = DiffEnc(guessing(lambda z, n: 0 * z - 1)), Stack(), []
    with torch.no_grad():
        for _ in range(150):
            first.clear()
            push_image(stack, model, Chain.equal(1), torch.zeros(1, 64, dtype=torch.uint8))
            z_1.append(first[0].mean() - 33)  # of bins from -33 to 33
    assert abs(np.mean(z_1[100:])) < 0.5


# ---- what is refused -----------------------------------------------------------------------------


def test_images_chains_and_parts_that_do_not_fit_are_refused(small_model):
    model, images = small_model(levels=17), some_images(3, levels=17)
    with pytest.raises(TypeError, match="^images"):
        compress(model, images.float(), 2)
    for wrong in (images + 17, images[:0], some_images(3, (5,), 17)):
        with pytest.raises(ValueError, match="^images"):
            compress(model, wrong, 2)
    with pytest.raises(TypeError, match="^model must"):
        compress(torch.nn.Linear(2, 2), images, 2)
    with pytest.raises(ValueError, match="chain must be"):
        compress(model, images, 0)
    ahead = module_of(shift=lambda x, gamma: 0 * x + 1)  # at t = 0 too
    with pytest.raises(ValueError, match="^encoder"):
        compress(DiffEnc(model.denoiser, ahead, levels=17), images, 2)


def test_files_that_are_bent_cut_or_foreign_are_refused(small_model):
    model, draws = small_model(), np.random.default_rng(0)
    data = compress(model, some_images(3), 2)
    assert torch.equal(decompress(model, data), some_images(3))
    for _ in range(50):
        place, bit = int(draws.integers(len(data))), 1 << int(draws.integers(8))
        bent = data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :]
        for wrong in (bent, data[:place], data + bytes([bit])):
            with pytest.raises(ValueError, match="^data"):
                decompress(model, wrong)
    for wrong in (b"", b"\x89PNG\r\n\x1a\n" + data, bytearray(data), "text"):
        with pytest.raises(ValueError, match="^data must"):
            decompress(model, wrong)


def test_another_model_is_refused(small_model):
    data = compress(small_model(), some_images(3), 2)
    for other in (small_model(seed=1), small_model(levels=255), small_model("scaling")):
        with pytest.raises(ValueError, match="^model must"):
            decompress(other, data)
    with pytest.raises(TypeError, match="^model must"):
        decompress(torch.nn.Linear(2, 2), data)
    data = compress(small_model(dtype=torch.float32), some_images(3), 2)
    decompress(small_model(dtype=torch.float32).double(), data)  # it has the same weights


def test_a_probability_of_another_processor_makes_the_same_table():
    """Softmax and its sums differ in the last bit; most of the sums are 1."""
    logits = -(torch.arange(256) - 40.0).double().square() * torch.rand(64, 1).double() * 3
    cumulative = logits.softmax(1).cumsum(1)
    for end in (0.0, 2.0):
        other = cumulative.nextafter(torch.tensor(end).double())
        np.testing.assert_array_equal(compression.as_table(other), compression.as_table(cumulative))


def test_other_floats_are_survived_or_detected(small_model, monkeypatch):
    model, images, v_hat = small_model(shape=(50,)), some_images(4, (50,)), DiffEnc.v_hat
    data = compress(model, images, 4)
    monkeypatch.setattr(DiffEnc, "v_hat", lambda self, z, gamma: v_hat(self, z, gamma) + 1e-13)
    assert torch.equal(decompress(model, data), images)
    monkeypatch.setattr(DiffEnc, "v_hat", lambda self, z, gamma: v_hat(self, z, gamma) + 1e-3)
    with pytest.raises(FloatingPointError, match="not the images compressed"):
        decompress(model, data)
    monkeypatch.setattr(DiffEnc, "v_hat", lambda self, z, gamma: z * torch.nan)
    with pytest.raises(FloatingPointError, match="not finite"):
        decompress(model, data)
