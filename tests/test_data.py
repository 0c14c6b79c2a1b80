"""Data sets: what is in them, where they are looked for, and that nothing is taken on trust."""

import functools
import gzip
import hashlib
import importlib
import os
import re
import socket
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from draws import seeded

from diffenc_lite.data import cache_folder, load_mnist, load_named, photos, toy, toys
from diffenc_lite.data import images as data

SIZES = {"train": 7, "test": 3}  # of the small stand-in for MNIST
PREFIXES = {"train": "train", "test": "t10k"}  # of the names of its files
IDX_SETS = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST", "kmnist": "KMNIST"}
IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


# ---- the bundled subset --------------------------------------------------------------------------


def test_the_bundle_has_equal_classes_in_mixed_order_and_no_image_twice():
    seen = set()
    for split, per_class, round_ in (("train", 500, 10), ("test", 100, 20)):
        found = load_mnist(split, source="bundled")
        assert (found.name, found.split) == ("mnist-bundled", split)
        assert found.images.shape == (10 * per_class, 1, 28, 28)
        assert found.images.dtype == torch.uint8 and found.labels.dtype == torch.int64
        rounds = found.labels.reshape(-1, round_)
        assert all(labels.bincount().tolist() == [round_ // 10] * 10 for labels in rounds)
        assert len({tuple(labels.tolist()) for labels in rounds}) > 0.9 * len(rounds)
        seen |= {image.numpy().tobytes() for image in found.images}
    assert len(seen) == 6000


def test_a_set_is_loaded_by_its_own_name():
    """With what its loader gives: images and labels, and clusters if images belong together."""
    for name in ("bundled", "photos"):
        found = load_named(name, "test")
        assert torch.equal(load_named(found.name, "test").images, found.images)


def test_a_loader_may_tell_what_belongs_together(monkeypatch):
    images, labels = torch.zeros(6, 1, 2, 2, dtype=torch.uint8), torch.arange(6)
    monkeypatch.setitem(data.SETS, "pairs", lambda *_: (images, labels, labels // 2))
    monkeypatch.setitem(data.SETS, "apart", lambda *_: (images, labels))
    assert load_named("pairs").clusters.tolist() == [0, 0, 1, 1, 2, 2]
    assert load_named("pairs", device="meta").clusters.device.type == "meta"
    assert load_named("apart").clusters is None
    with pytest.raises(ValueError, match="^root must be None for apart, in the package"):
        load_named("apart", root="there")  # its loader takes no root


@pytest.mark.parametrize(
    "name, file", [("bundled", data.BUNDLE), ("photos", photos.FOLDER / "coffee.png")]
)
def test_a_damaged_file_of_the_package_is_refused(name, file, monkeypatch):
    """By one bit"""
    read = Path.read_bytes

    def read_damaged(path):
        content = bytearray(read(path))
        content[len(content) // 2] ^= path == file
        return bytes(content)

    monkeypatch.setattr(Path, "read_bytes", read_damaged)
    with pytest.raises(ValueError, match=file.name):
        load_named(name)


# ---- the photographs -----------------------------------------------------------------------------


def test_patches_are_cut_from_the_pictures():
    for split, n in (("train", 63_585), ("test", 3_335)):
        found = load_named("photos", split)
        assert (found.name, found.split, len(found)) == ("photos", split, n)
        assert found.images.shape[1:] == (3, 16, 16) and found.images.is_contiguous()
        assert found.labels.unique().tolist() == list(range(6))
        assert found.clusters is found.labels
        left, _, stride = photos.SPLITS[split]
        for number, picture in enumerate(photos.pictures().values()):
            start = round(left * picture.shape[1])
            second = picture[:16, start + stride : start + stride + 16]
            assert np.array_equal(found.images[found.labels == number][1].permute(1, 2, 0), second)


# ---- where it is looked for ----------------------------------------------------------------------


@pytest.fixture
def small(cache, web, monkeypatch) -> dict[str, bytes]:
    """The files of a set of seven and three random images in place of MNIST and its relatives."""
    random, raw, sums = np.random.default_rng(0), {}, {}
    datasets = importlib.import_module("torchvision.datasets")  # slow
    for split, prefix in PREFIXES.items():
        n = SIZES[split]
        images = random.bytes(n * 784)
        raw[f"{prefix}-images-idx3-ubyte"] = struct.pack(">IIII", 0x0803, n, 28, 28) + images
        raw[f"{prefix}-labels-idx1-ubyte"] = struct.pack(">II", 0x0801, n) + bytes(range(n))
        sums[split] = hashlib.sha256(images + np.arange(n).tobytes()).hexdigest()
    monkeypatch.setattr(data, "MNIST_SHA256", sums)
    packed = {f"{name}.gz": gzip.compress(content) for name, content in raw.items()}
    for name, content in packed.items():
        (web.folder / name).write_bytes(content)
    for name in IDX_SETS.values():
        published = getattr(datasets, name)
        sums_of_archives = [(a, hashlib.md5(packed[a]).hexdigest()) for a, _ in published.resources]
        monkeypatch.setattr(published, "resources", sums_of_archives)
        monkeypatch.setattr(published, "mirrors", [web.url])
    return raw


def put(root: Path, files: dict[str, bytes], folder: str = "MNIST/raw") -> Path:
    (root / folder).mkdir(parents=True)
    for name, content in files.items():
        (root / folder / name).write_bytes(content)
    return root


@pytest.mark.parametrize("name", IDX_SETS)
def test_a_set_is_downloaded_once_and_read_as_torchvision_reads_it(name, small, cache, web, capfd):
    load = load_mnist if name == "mnist" else functools.partial(load_named, name)
    asked = 0
    for split, prefix in PREFIXES.items():
        images = load(split)
        published = getattr(importlib.import_module("torchvision.datasets"), IDX_SETS[name])
        theirs = published(cache, train=split == "train")
        assert (images.name, images.split, len(images)) == (name, split, SIZES[split])
        assert images.images.numpy().tobytes() == small[f"{prefix}-images-idx3-ubyte"][16:]
        assert images.images.shape[1:] == (1, 28, 28)
        assert torch.equal(images.images[:, 0], theirs.data)
        assert torch.equal(images.labels, theirs.targets)
        asked = asked or len(web.asked)
    assert len(web.asked) == asked > 0
    assert {path.name for path in cache.rglob("*ubyte") if path.is_file()} == set(small)
    assert "bundled" not in capfd.readouterr().err


def test_a_given_root_is_the_only_place(small, cache, tmp_path, web):
    root = put(tmp_path / "root", small)
    put(cache, small)
    for source in ("auto", "full"):
        assert len(load_mnist(source=source, root=root)) == SIZES["train"]
        with pytest.raises(FileNotFoundError, match="root must be a folder with MNIST"):
            load_mnist(source=source, root=tmp_path)
    assert not web.asked


def test_the_cache_comes_before_the_web_and_the_bundle(small, cache, web, capfd):
    put(cache, small)
    for source, name in (("auto", "mnist"), ("full", "mnist"), ("bundled", "mnist-bundled")):
        assert load_mnist(source=source).name == name
    assert not web.asked and capfd.readouterr() == ("", "")


@pytest.mark.parametrize("reason", ["404", "corrupted", "timed"])
def test_a_failed_download_says_why_and_auto_takes_the_bundle(
    reason, small, cache, web, silent, monkeypatch, capfd
):
    archive = web.folder / f"{IMAGES}.gz"
    if reason == "404":
        archive.unlink()
    elif reason == "corrupted":
        archive.write_bytes(archive.read_bytes()[:-1] + b"?")
    else:
        monkeypatch.setattr("torchvision.datasets.MNIST.mirrors", [silent])
    socket.setdefaulttimeout(60.0)  # of the process, whose it stays
    with pytest.raises(FileNotFoundError, match=f"download failed\n(.*\n)*.*{reason}") as caught:
        load_mnist(source="full")
    assert str(cache) in str(caught.value) and socket.getdefaulttimeout() == 60.0
    assert not list(cache.rglob("*-ubyte"))  # nothing unchecked
    assert load_mnist().name == "mnist-bundled"
    assert "download failed" in capfd.readouterr().err


def test_no_download_unless_allowed_and_never_another_set(small, web, tmp_path, capfd):
    assert load_mnist(download=False).name == "mnist-bundled"
    assert "download is off" in capfd.readouterr().err
    missing = {"full": "MNIST", "mnist": "MNIST", "kmnist": "KMNIST", "cifar10": "CIFAR10"}
    for name, called in missing.items():
        with pytest.raises(FileNotFoundError, match=f"no {called} in .*download is off"):
            load_named(name, download=False)
    with pytest.raises(FileNotFoundError, match="root must .*FashionMNIST"):
        load_named("fashion-mnist", root=put(tmp_path / "other", small))
    assert not web.asked


@pytest.mark.parametrize("file", [IMAGES, LABELS])
@pytest.mark.parametrize("name", ["auto", "full", "kmnist"])
def test_a_wrong_file_is_refused_and_named(name, file, small, cache, web):
    put(cache, small, folder := "KMNIST/raw" if name == "kmnist" else "MNIST/raw")
    content = small[file]
    for damaged in (
        content[:-1],
        content + b"?",
        content[:7] + bytes([content[7] - 1]) + content[8:],  # one image fewer
        bytes([0, 0, 13, content[3]]) + content[4:],  # of float32
    ):
        (cache / folder / file).write_bytes(damaged)
        for root in (None, cache):  # None: the cache
            with pytest.raises(ValueError, match="damaged"):
                load_named(name, root=root)
            assert len(load_named(name, "test", root)) == SIZES["test"]  # whose files are whole
    assert not web.asked


def test_a_changed_byte_of_mnist_is_refused_though_only_its_sum_tells(small, tmp_path):
    root = put(tmp_path, small | {IMAGES: small[IMAGES][:-1] + b"?"})
    with pytest.raises(ValueError, match=re.escape(f"{tmp_path} is damaged")):
        load_mnist(root=root)


def test_cache_folder(monkeypatch):
    monkeypatch.setenv("DIFFENC_LITE_DATA", os.path.join("~", "here"))
    assert cache_folder() == Path.home() / "here"
    monkeypatch.delenv("DIFFENC_LITE_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(Path("some", "where")))
    assert cache_folder() == Path("some", "where", "diffenc_lite")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "diffenc_lite"


def test_colours_come_first(monkeypatch):
    """torchvision, which checks its archive, has CIFAR-10 as (N, H, W, C)."""

    class Colours:
        data, targets = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3), [5, 9]

        def __init__(self, *_, **__):
            pass

    monkeypatch.setattr("torchvision.datasets.CIFAR10", Colours)
    found = load_named("cifar10", "test")
    assert np.array_equal(found.images.permute(0, 2, 3, 1).numpy(), Colours.data)
    assert found.labels.tolist() == [5, 9] and (found.name, found.split) == ("cifar10", "test")


# ---- points in the plane -------------------------------------------------------------------------

N = 40_000


def points(name: str, levels: int = 256) -> torch.Tensor:
    """In units of x, float64."""
    drawn = toy(name, N, levels, seeded())
    assert drawn.dtype == torch.uint8 and drawn.shape == (N, 2) and int(drawn.max()) < levels
    return (2 * drawn.double() + 1) / levels - 1


def test_gaussian_moments():
    """Within five standard errors; rounding to levels adds (2 / 256)^2 / 12 to the variance."""
    x, variance = points("gaussian"), toys.GAUSSIAN_STD**2 + (2 / 256) ** 2 / 12
    assert (x.mean(0).abs() < 5 * (variance / N) ** 0.5).all()
    error = (torch.cov(x.T) - variance * torch.eye(2)).abs()
    assert (error < 5 * variance * ((1 + torch.eye(2)) / N) ** 0.5).all()


def test_plus_minus_one_has_four_corners_with_equal_odds():
    for levels in (2, 256):
        corners, counts = points("plus_minus_one", levels).unique(dim=0, return_counts=True)
        edge = 1 - 1 / levels
        assert corners.tolist() == [[-edge, -edge], [-edge, edge], [edge, -edge], [edge, edge]]
        assert ((counts / N - 0.25).abs() < 5 * (0.25 * 0.75 / N) ** 0.5).all()


def test_swirl_is_the_published_8_bit_example():
    """Levels floor(4 (p + 30)) with p = (2 a + pi)(cos a, sin a) + 0.25 eps, a = 3 pi sqrt(u)."""
    generator = seeded(3)
    u = torch.rand(N, generator=generator).double().numpy()
    eps = torch.randn(N, 2, generator=generator).double().numpy()
    a = 3 * np.pi * np.sqrt(u)
    p = (2 * a + np.pi)[:, None] * np.stack([np.cos(a), np.sin(a)], 1) + 0.25 * eps
    expected = np.floor(4 * (p + 30))
    drawn = toy("swirl", N, generator=seeded(3)).numpy()
    differ = drawn != expected
    assert differ.mean() < 1e-3  # float32 beside float64, at the edge of a level
    assert np.abs(drawn - expected).max() <= 1
    assert 20 < drawn.min() and drawn.max() < 220


def test_toys_follow_the_generator():
    for name in ("swirl", "mixture", "plus_minus_one", "gaussian"):
        drawn = [toy(name, 100, generator=seeded(seed)) for seed in (1, 1, 2)]
        assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])
        assert toy(name, 3, device="meta").device.type == "meta"
        assert toy(name, 1000, levels=8).max() <= 7
