"""The study of codes without a network: prices of distributions, and contexts a decoder has."""

import numpy as np
import pytest

from diffenc_lite.course.studies import ladder, load_results
from diffenc_lite.data import load_mnist


@pytest.fixture(scope="module")
def images():
    return [load_mnist(s, "bundled").images[:, 0].numpy() for s in ("train", "test")]


def test_each_table_is_a_distribution(images):
    train = images[0][:600]
    price = ladder._table(ladder.neighbours(train), train, 7**4)
    assert np.allclose((2.0**-price).sum(1), 1)


def test_a_context_knows_only_what_comes_before(images):
    test, changed = images[1][:40], images[1][:40].copy()
    changed[:, 14, 10:] = 255 - changed[:, 14, 10:]
    changed[:, 15:] = 255 - changed[:, 15:]
    same = ladder.neighbours(test) == ladder.neighbours(changed)
    assert same[:, :14].all() and same[:, 14, :11].all()
    assert not same[:, 14, 11].all()


def test_a_histogram_costs_its_cross_entropy(images):
    """With hardly any counts borrowed: minus the mean log2 of the frequency in training."""
    train, test = images
    frequency = np.bincount(train.ravel(), minlength=256) / train.size
    expected = -np.log2(frequency[test]).sum((1, 2))
    assert np.allclose(ladder.CODES["one histogram"](train, test), expected, rtol=1e-4)


def test_shipped_results_are_all_codes_on_all_test_images(images):
    rows = {row["code"]: row for row in load_results("ladder")}
    assert list(rows) == list(ladder.CODES)
    assert {row["images"] for row in rows.values()} == {10_000}
    for code in ("PNG", "zlib", "lzma"):  # they see no training images: 1,000 give nearly the same
        bits = ladder.CODES[code](*images) / 784
        assert abs(bits.mean() - rows[code]["total"]) < 4 * bits.std() / 1000**0.5
