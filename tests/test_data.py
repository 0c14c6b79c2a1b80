"""Data sets: what is in them, where they are looked for, and that nothing is taken on trust."""

import dataclasses
import functools
import gzip
import hashlib
import importlib.util
import io
import os
import pickle
import socket
import struct
import sys
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch

from diffenc_lite import __main__ as cli
from diffenc_lite.data import (
    ImageSet,
    data_names,
    download,
    load_cifar10,
    load_mnist,
    load_named,
    sets,
    toy,
    toys,
)
from diffenc_lite.data import images as data

PROJECT = Path(__file__).parents[1]
SIZES = {"train": 7, "test": 3}  # of the small stand-in for MNIST


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def full_root() -> Path:
    """The complete MNIST where this machine has it: DIFFENC_LITE_DATA or ../shared/data."""
    root = Path(os.environ.get("DIFFENC_LITE_DATA") or PROJECT / ".." / "shared" / "data")
    if not (root / "MNIST" / "raw").is_dir():
        pytest.skip("needs the complete MNIST below DIFFENC_LITE_DATA or ../shared/data")
    return root


class Web:
    """A loopback server: what it serves by path, and which paths it was asked for."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.release = threading.Event()  # /hang/ answers only after this
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.asked.append(self.path)
                if self.path.startswith("/hang/"):
                    web.release.wait()
                page = web.pages.get(self.path)
                self.send_response(404 if page is None else 200)
                page = page or b""
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                # pages below /cut/ and /stall/ break off halfway, the latter without an end
                half = self.path.startswith(("/cut/", "/stall/"))
                self.wfile.write(page[: len(page) // 2 if half else None])
                if self.path.startswith("/stall/"):
                    web.release.wait(5)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self.release.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def web():
    web = Web()
    yield web
    web.close()


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """An empty cache that does not exist yet, and no memory of failed downloads."""
    monkeypatch.setenv("DIFFENC_LITE_DATA", str(tmp_path / "deep" / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(download, "_failed", set())
    return tmp_path / "deep" / "cache"


def idx_files(shape: tuple[int, int] = (28, 28)) -> dict[str, bytes]:
    """The four files of a small set of random images, with the labels 0, 1, ..."""
    random = np.random.default_rng(0)
    files = {}
    for prefix, n in (("train", SIZES["train"]), ("t10k", SIZES["test"])):
        images, labels = random.bytes(n * shape[0] * shape[1]), bytes(range(n))
        files[f"{prefix}-images-idx3-ubyte"] = struct.pack(">4I", 2051, n, *shape) + images
        files[f"{prefix}-labels-idx1-ubyte"] = struct.pack(">2I", 2049, n) + labels
    return files


def serve(web: Web, files: dict[str, bytes]) -> dict[str, str]:
    """Packed files below /good/, spoilt ones elsewhere. Returns archive -> md5."""
    packed = {f"{name}.gz": gzip.compress(content) for name, content in files.items()}
    for mirror in ("good", "cut", "hang", "stall"):
        web.pages.update({f"/{mirror}/{name}": content for name, content in packed.items()})
    web.pages.update({f"/damaged/{name}": content[:-1] + b"?" for name, content in packed.items()})
    return {name: md5(content) for name, content in packed.items()}


@pytest.fixture
def small(cache, web, monkeypatch) -> dict[str, bytes]:
    """Seven and three random images in place of MNIST, served below /good/."""
    files = idx_files()
    published = dataclasses.replace(
        sets.SETS["mnist"],
        md5={name: md5(content) for name, content in files.items()},
        sizes=SIZES,
        archives=serve(web, files),
        mirrors=(f"{web.url}/absent/",),
    )
    monkeypatch.setitem(sets.SETS, "mnist", published)
    return files


def use_mirrors(monkeypatch, *mirrors: str, name: str = "mnist") -> None:
    published = dataclasses.replace(sets.SETS[name], mirrors=mirrors)
    monkeypatch.setitem(sets.SETS, name, published)


def put(root: Path, files: dict[str, bytes], folder: str = "MNIST/raw") -> Path:
    (root / folder).mkdir(parents=True)
    for name, content in files.items():
        (root / folder / name).write_bytes(content)
    return root


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


# ---- the bundled subset --------------------------------------------------------------------------


def images_of(split: str) -> set[bytes]:
    return {image.numpy().tobytes() for image in load_mnist(split, source="bundled").images}


@pytest.mark.parametrize(("split", "per_class", "round_"), [("train", 500, 10), ("test", 100, 20)])
def test_bundled_split_has_equal_classes_in_mixed_order(split, per_class, round_):
    images = load_mnist(split, source="bundled")
    assert (images.name, images.split) == ("mnist-bundled", split)
    assert images.images.shape == (10 * per_class, 1, 28, 28)
    assert images.images.dtype == torch.uint8 and images.labels.dtype == torch.int64
    rounds = images.labels.reshape(-1, round_)
    assert all(labels.bincount().tolist() == [round_ // 10] * 10 for labels in rounds)
    assert len({tuple(labels.tolist()) for labels in rounds}) > 0.9 * len(rounds)
    assert images.images.min() == 0 and images.images.max() == 255
    assert 0.1 < images.images.float().mean() / 255 < 0.16  # MNIST's mean is 0.1307


def test_bundled_splits_share_no_image():
    assert len(images_of("train")) == 5000 and len(images_of("test")) == 1000
    assert not images_of("train") & images_of("test")


def test_damaged_bundle_is_refused(tmp_path, monkeypatch):
    content = bytearray(data.BUNDLE.read_bytes())
    content[len(content) // 2] ^= 1
    copy = tmp_path / "mnist_bundled.npz"
    copy.write_bytes(content)
    monkeypatch.setattr(data, "BUNDLE", copy)
    with pytest.raises(ValueError, match="mnist_bundled.npz is damaged.*expected sha256.*found"):
        load_mnist(source="bundled")


# ---- the complete set, where there is one --------------------------------------------------------


def test_full_set_is_the_one_torchvision_reads():
    torchvision = pytest.importorskip("torchvision")
    root = full_root()
    for split, n in (("train", 60000), ("test", 10000)):
        ours = load_mnist(split, source="full", root=root)
        theirs = torchvision.datasets.MNIST(root, train=split == "train")
        assert (ours.name, len(ours)) == ("mnist", n)
        assert torch.equal(ours.images[:, 0], theirs.data)
        assert torch.equal(ours.labels, theirs.targets)


def test_bundled_images_are_of_the_split_that_they_are_named_after():
    """The train images are the first 500 of each digit; of the test images, and of each digit
    among them, one half is of each half of MNIST's test set."""
    full = load_mnist("train", root=full_root())
    rows = {image.numpy().tobytes(): row for row, image in enumerate(full.images)}
    first = {int(row) for digit in range(10) for row in (full.labels == digit).nonzero()[:500]}
    bundled = load_mnist("train", "bundled")
    found = [rows[image.numpy().tobytes()] for image in bundled.images]
    assert set(found) == first and torch.equal(full.labels[found], bundled.labels)
    full = load_mnist("test", root=full_root())
    rows = {image.numpy().tobytes(): row for row, image in enumerate(full.images)}
    bundled = load_mnist("test", "bundled")
    found = torch.tensor([rows[image.numpy().tobytes()] for image in bundled.images])
    assert torch.equal(full.labels[found], bundled.labels)
    groups = bundled.labels + 10 * (found >= 5000)
    assert groups.bincount().tolist() == [50] * 20
    assert all(part.bincount().tolist() == [1] * 20 for part in groups.reshape(-1, 20))


def test_the_bundle_is_made_again_by_its_tool(tmp_path, monkeypatch):
    """From the full set, whose first 500 of each digit are what the tool takes from elsewhere."""
    path = PROJECT / "tools" / "make_mnist_bundle.py"
    spec = importlib.util.spec_from_file_location("make_mnist_bundle", path)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    root = full_root()
    full = load_mnist("train", root=root)
    first = torch.cat([(full.labels == digit).nonzero()[:500, 0] for digit in range(10)])
    train = full.images[first, 0].numpy(), full.labels[first].numpy().astype(np.uint8)
    arrays = tool.arrange(*train, *tool.read_test(root))
    for split in ("train", "test"):
        bundled = load_mnist(split, "bundled")
        assert np.array_equal(arrays[f"{split}_images"], bundled.images[:, 0].numpy())
        assert np.array_equal(arrays[f"{split}_labels"], bundled.labels.numpy())
    again = [tmp_path / "once.npz", tmp_path / "twice.npz"]
    for file in again:
        tool.write_npz(file, arrays)
    assert again[0].read_bytes() == again[1].read_bytes()


# ---- where it is looked for ----------------------------------------------------------------------


def test_given_root_is_read(small, tmp_path):
    for split, prefix in (("train", "train"), ("test", "t10k")):
        images = load_mnist(split, root=put(tmp_path / split, small))
        assert images.images.numpy().tobytes() == small[f"{prefix}-images-idx3-ubyte"][16:]
        assert images.labels.tolist() == list(range(SIZES[split]))
        assert images.name == "mnist"


def test_given_root_without_mnist_is_an_error_though_the_cache_has_it(small, cache, tmp_path, web):
    put(cache, small)
    for source in ("auto", "full"):
        with pytest.raises(FileNotFoundError, match="root must .*train-images-idx3-ubyte"):
            load_mnist(source=source, root=tmp_path)
    assert not web.asked


def test_cache_comes_before_the_web(small, cache, web):
    put(cache, small)
    for source in ("auto", "full"):
        assert len(load_mnist(source=source)) == SIZES["train"]
    assert not web.asked


def test_web_comes_before_the_bundle_and_fills_the_cache(small, cache, web, monkeypatch, capfd):
    use_mirrors(monkeypatch, f"{web.url}/good/")
    assert len(load_mnist("train")) == SIZES["train"]
    assert tree(cache) == {"MNIST", str(Path("MNIST/raw"))} | {
        str(Path("MNIST/raw") / name) for name in small
    }
    asked = len(web.asked)
    assert len(load_mnist("test")) == SIZES["test"]
    assert len(web.asked) == asked == 4
    assert "bundled" not in capfd.readouterr().err


@pytest.mark.parametrize("bad", ["absent", "damaged", "cut", "hang", "stall"])
def test_bad_mirror_is_passed_over(bad, small, web, monkeypatch):
    if bad in ("hang", "stall"):
        monkeypatch.setattr(download, "TIMEOUT", 1.0)
    use_mirrors(monkeypatch, f"{web.url}/{bad}/", f"{web.url}/good/")
    assert len(load_mnist(source="full")) == SIZES["train"]
    assert web.asked[0].startswith(f"/{bad}/")


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("absent", "404"),
        ("damaged", "md5"),
        ("cut", "md5"),
        ("hang", "no answer|timed out"),
        ("stall", "no answer|timed out"),
    ],
)
def test_failed_download_says_what_was_tried_and_leaves_nothing(
    bad, reason, small, cache, tmp_path, web, monkeypatch
):
    if bad in ("hang", "stall"):
        monkeypatch.setattr(download, "TIMEOUT", 0.3)
    mirrors = [f"{web.url}/{bad}/", f"{web.url}/absent/"]
    use_mirrors(monkeypatch, *mirrors)
    with pytest.raises(FileNotFoundError, match=reason) as caught:
        load_mnist(source="full")
    for said in (str(cache), *mirrors):
        assert said in str(caught.value)
    assert tree(tmp_path) == set()


def test_time_limit_covers_the_look_up_of_the_host(small, web, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", 0.2)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: web.release.wait(5) and [])
    use_mirrors(monkeypatch, "http://mirror.invalid/")
    with pytest.raises(FileNotFoundError, match="mirror.invalid.*no answer within 0.2 seconds"):
        load_mnist(source="full")


def test_interrupted_download_leaves_nothing(small, tmp_path, web, monkeypatch):
    use_mirrors(monkeypatch, f"{web.url}/good/")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(download, "_unpack", interrupt)
    with pytest.raises(KeyboardInterrupt):
        load_mnist(source="full")
    assert tree(tmp_path) == set()


def test_fallback_says_so_in_one_line_each_time_but_asks_the_web_once(small, cache, web, capfd):
    for split, n in (("train", "5,000"), ("test", "1,000")):
        assert load_mnist(split).name == "mnist-bundled"
        out, err = capfd.readouterr()
        assert out == "" and err.count("\n") == 1
        assert n in err and "bundled" in err and str(cache) in err and "source='full'" in err
    assert len(web.asked) == 1


def test_full_asks_the_web_again_after_a_failure(small, web, monkeypatch):
    load_mnist()
    use_mirrors(monkeypatch, f"{web.url}/good/")
    assert load_mnist(source="full").name == "mnist"


def test_no_download_unless_allowed(small, web, capfd):
    assert load_mnist(download=False).name == "mnist-bundled"
    assert "download is off" in capfd.readouterr().err
    with pytest.raises(FileNotFoundError, match="download is off"):
        load_mnist(source="full", download=False)
    assert not web.asked


def test_bundled_looks_nowhere_else(small, cache, web, capfd):
    put(cache, small)
    assert load_mnist(source="bundled").name == "mnist-bundled"
    assert not web.asked and capfd.readouterr() == ("", "")


def in_the_way(cache: Path) -> None:
    cache.parent.mkdir()
    cache.write_text("a file where the folder should be")


def read_only(cache: Path) -> None:
    if sys.platform == "win32" or os.geteuid() == 0:
        pytest.skip("no folder is read-only to this user")
    cache.parent.mkdir()
    cache.parent.chmod(0o500)


@pytest.mark.parametrize("spoil", [in_the_way, read_only])
def test_cache_that_cannot_be_written(spoil, small, cache, web, monkeypatch, capfd):
    use_mirrors(monkeypatch, f"{web.url}/good/")
    spoil(cache)
    with pytest.raises(FileNotFoundError, match="the download failed\n.*cache"):
        load_mnist(source="full")
    assert load_mnist().name == "mnist-bundled"
    assert "bundled" in capfd.readouterr().err


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"])
@pytest.mark.parametrize(
    "harm",
    [
        lambda content: content[:-1],
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda content: b"",
    ],
    ids=["truncated", "damaged", "empty"],
)
@pytest.mark.parametrize("source", ["auto", "full"])
def test_wrong_file_is_refused_and_named(source, harm, name, small, cache, tmp_path, web):
    content = harm(small[name])
    for root in (None, tmp_path / "given"):  # None: the cache
        put(root or cache, small | {name: content})
        with pytest.raises(ValueError, match=name) as caught:
            load_mnist(source=source, root=root)
        assert md5(small[name]) in str(caught.value) and md5(content) in str(caught.value)
    assert not web.asked


def test_cache_folder_follows_the_platform(monkeypatch):
    monkeypatch.setenv("DIFFENC_LITE_DATA", os.path.join("~", "here"))
    assert download.cache_folder() == Path.home() / "here"
    monkeypatch.delenv("DIFFENC_LITE_DATA")
    for platform, variable in (("linux", "XDG_CACHE_HOME"), ("win32", "LOCALAPPDATA")):
        monkeypatch.setattr(sys, "platform", platform)
        monkeypatch.setenv(variable, str(Path("some", "where")))
        assert download.cache_folder() == Path("some", "where", "diffenc_lite")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert download.cache_folder() == Path.home() / "Library" / "Caches" / "diffenc_lite"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"split": "valid"}, "split must be one of train, test; got 'valid'"),
        ({"source": "web"}, "source must be one of auto, full, bundled; got 'web'"),
        ({"source": "bundled", "root": "x"}, "root must be None with source='bundled'; got 'x'"),
    ],
)
def test_bad_arguments(arguments, said):
    with pytest.raises(ValueError, match=said):
        load_mnist(**arguments)


# ---- a set of IDX files is one entry of the table ------------------------------------------------

SHAPE = (5, 4)  # of the images of a set that nobody has published
TRAIN = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")


@pytest.fixture
def odd(cache, web, monkeypatch) -> dict[str, bytes]:
    """The files of a new set, "odd", which is one entry and has no md5 of its unpacked files."""
    files = idx_files(SHAPE)
    entry = sets.PublishedSet(
        title="Odd",
        folder="Odd/raw",
        mirrors=(f"{web.url}/good/",),
        archives=serve(web, files),
        sizes=SIZES,
        shape=(1, *SHAPE),
    )
    monkeypatch.setitem(sets.SETS, "odd", entry)
    return files


@pytest.mark.parametrize("split", ["train", "test"])
def test_an_entry_is_all_that_a_new_set_needs(split, odd, tmp_path, web):
    images = load_named("odd", split, root=put(tmp_path, odd, "Odd/raw"))
    names = sets.IDX_FILES[split]
    assert images.images.shape == (SIZES[split], 1, *SHAPE)
    assert images.images.numpy().tobytes() == odd[names[0]][16:]
    assert images.labels.tolist() == list(range(SIZES[split]))
    assert (images.name, images.split) == ("odd", split)
    assert not web.asked
    assert "odd" in data_names()
    args = cli.parser().parse_args(["evaluate", "model", "--data", "odd"])
    args.root = tmp_path
    assert torch.equal(cli._load(args, split, torch.device("cpu")).images, images.images)


def test_a_new_set_is_downloaded_into_the_cache(odd, cache, web):
    assert len(load_named("odd")) == SIZES["train"] and len(load_named("odd", "test")) == 3
    assert tree(cache / "Odd" / "raw") == set(odd) and len(web.asked) == 4


def header(*numbers: int, order: str = ">") -> bytes:
    return struct.pack(f"{order}{len(numbers)}I", *numbers)


IMAGES_SAID = "start with the IDX header of 7 x 5 x 4 numbers of 8 bits, 00000803 .*; got "


@pytest.mark.parametrize(
    ("name", "harm", "said"),
    [
        (TRAIN[0], lambda c: c[:-1], "have 156 bytes; got 155"),
        (TRAIN[0], lambda c: c + b"?", "have 156 bytes; got 157"),
        (TRAIN[0], lambda c: b"", IMAGES_SAID + "an empty file"),
        (TRAIN[0], lambda c: c[:9], IMAGES_SAID + "00000803 00000007 00$"),
        (TRAIN[0], gzip.compress, IMAGES_SAID + "1f8b"),
        (TRAIN[0], lambda c: header(2051, 6, 5, 4) + c[16:], IMAGES_SAID),
        (TRAIN[0], lambda c: header(2051, 7, 4, 5) + c[16:], IMAGES_SAID),
        (TRAIN[0], lambda c: header(2051, 7, 5, 4, order="<") + c[16:], IMAGES_SAID),
        (TRAIN[0], lambda c: header(0x0D03, 7, 5, 4) + c[16:], IMAGES_SAID),  # of float32
        (TRAIN[1], lambda c: c[:-1], "have 15 bytes; got 14"),
        (TRAIN[1], lambda c: header(2049, 8) + c[8:], "start with the IDX header of 7 numbers"),
    ],
)
def test_a_file_with_another_header_or_size_is_refused(name, harm, said, odd, tmp_path, web):
    root = put(tmp_path, odd | {name: harm(odd[name])}, "Odd/raw")
    with pytest.raises(ValueError, match=f"{name} must .*{said}") as caught:
        load_named("odd", root=root)
    assert "\n" not in str(caught.value)
    assert len(load_named("odd", "test", root=root)) == SIZES["test"]  # whose files are whole
    assert not web.asked


def test_images_and_labels_in_each_others_place_are_refused(odd, tmp_path):
    swapped = odd | {TRAIN[0]: odd[TRAIN[1]], TRAIN[1]: odd[TRAIN[0]]}
    with pytest.raises(ValueError, match=f"{TRAIN[0]} must .*got 00000801"):
        load_named("odd", root=put(tmp_path, swapped, "Odd/raw"))


@pytest.mark.parametrize("bad", ["damaged", "cut"])
def test_a_damaged_archive_is_refused_and_leaves_nothing(bad, odd, cache, web, monkeypatch):
    use_mirrors(monkeypatch, f"{web.url}/{bad}/", name="odd")
    with pytest.raises(FileNotFoundError, match="download failed\n.*expected md5") as caught:
        load_named("odd")
    assert f"{web.url}/{bad}/" in str(caught.value)
    assert not cache.exists()
    use_mirrors(monkeypatch, f"{web.url}/{bad}/", f"{web.url}/good/", name="odd")
    assert len(load_named("odd")) == SIZES["train"]


def test_a_set_that_is_not_there_is_never_another_one(
    odd, cache, tmp_path, web, monkeypatch, capfd
):
    (tmp_path / "MNIST").mkdir()
    root = put(tmp_path / "half", {TRAIN[0]: odd[TRAIN[0]]}, "Odd/raw")
    for given, missing in ((tmp_path, TRAIN[0]), (root, TRAIN[1])):
        with pytest.raises(FileNotFoundError, match=f"root must .* Odd in Odd/raw; .*{missing}"):
            load_named("odd", root=given)
    with pytest.raises(FileNotFoundError, match="no Odd train split in .*download is off"):
        load_named("odd", download=False)
    assert not web.asked
    use_mirrors(monkeypatch, f"{web.url}/absent/", name="odd")
    for _ in range(2):  # the web is asked each time
        with pytest.raises(FileNotFoundError, match="no Odd train split.*failed\n.*404"):
            load_named("odd")
    assert len(web.asked) == 2
    assert "bundled" not in capfd.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("mnist",),
            "name must be one of auto, full, bundled, fashion-mnist, kmnist, cifar10, photos; "
            "got 'mnist'",
        ),
        (("kmnist", "valid"), "split must be one of train, test; got 'valid'"),
        (("bundled", "valid"), "split must be one of train, test; got 'valid'"),
        (("bundled", "train", "x"), "root must be None with source='bundled'; got 'x'"),
    ],
)
def test_bad_names(arguments, said):
    with pytest.raises(ValueError, match=said):
        load_named(*arguments)


def test_names_of_mnist_are_its_sources(small, cache, web):
    assert load_named("bundled").name == "mnist-bundled"
    assert load_named("auto", download=False).name == "mnist-bundled"
    with pytest.raises(FileNotFoundError, match="no MNIST train split"):
        load_named("full", download=False)
    put(cache, small)
    assert load_named("auto").name == load_named("full").name == "mnist"


TORCHVISION = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST", "kmnist": "KMNIST"}


def test_the_table_is_that_of_torchvision():
    theirs = pytest.importorskip("torchvision").datasets
    assert {*TORCHVISION, "cifar10"} == set(sets.SETS)
    for name, cls in TORCHVISION.items():
        ours, cls = sets.SETS[name], getattr(theirs, cls)
        assert dict(ours.archives) == dict(cls.resources)
        assert set(ours.mirrors) & set(cls.mirrors)
    ours, cls = sets.SETS["cifar10"], theirs.CIFAR10
    assert dict(ours.archives) == {cls.filename: cls.tgz_md5}
    assert dict(ours.md5) == dict(cls.train_list + cls.test_list)


@pytest.mark.parametrize("name", TORCHVISION)
def test_folders_go_to_torchvision_and_back(name, cache, web, monkeypatch, tmp_path):
    """It reads what was downloaded here, and what it reads is read here."""
    dataset = getattr(pytest.importorskip("torchvision").datasets, TORCHVISION[name])
    files = idx_files()
    small = dataclasses.replace(
        sets.SETS[name],
        mirrors=(f"{web.url}/good/",), archives=serve(web, files), md5={}, sizes=SIZES,
    )  # fmt: skip
    monkeypatch.setitem(sets.SETS, name, small)
    load = load_mnist if name == "mnist" else functools.partial(load_named, name)
    for split in ("train", "test"):
        ours, theirs = load(split), dataset(cache, train=split == "train")
        assert torch.equal(ours.images[:, 0], theirs.data)
        assert torch.equal(ours.labels, theirs.targets)
        raw = Path(theirs.raw_folder).relative_to(cache)
        again = load(split, root=put(tmp_path / split, files, str(raw)))
        assert torch.equal(again.images, ours.images) and torch.equal(again.labels, ours.labels)


# ---- CIFAR-10 through the same door --------------------------------------------------------------


@pytest.fixture
def small_cifar(cache, web, monkeypatch) -> dict[str, np.ndarray]:
    """Two random images a file, in one archive as the real one, which holds a stranger as well."""
    random = np.random.default_rng(0)
    arrays, files, buffer = {}, {}, io.BytesIO()
    for number, name in enumerate(sets.SETS["cifar10"].files):
        arrays[name] = random.integers(0, 256, (2, 3072), dtype=np.uint8)
        files[name] = pickle.dumps({"data": arrays[name], "labels": [number, 9]}, protocol=2)
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in [*files.items(), ("../stranger", b"?")]:
            entry = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    web.pages["/cifar/cifar-10-python.tar.gz"] = buffer.getvalue()
    published = dataclasses.replace(
        sets.SETS["cifar10"],
        md5={name: md5(content) for name, content in files.items()},
        sizes={"train": 10, "test": 2},
        archives={"cifar-10-python.tar.gz": md5(buffer.getvalue())},
        mirrors=(f"{web.url}/cifar/",),
    )
    monkeypatch.setitem(sets.SETS, "cifar10", published)
    return arrays


def test_cifar_is_fetched_once_and_read_in_order(small_cifar, cache, web):
    train, test = load_cifar10("train"), load_cifar10("test")
    assert train.images.shape == (10, 3, 32, 32) and test.images.shape == (2, 3, 32, 32)
    stored = np.concatenate([small_cifar[f"data_batch_{number}"] for number in range(1, 6)])
    assert np.array_equal(train.images.flatten(1).numpy(), stored)
    assert train.labels.tolist() == [0, 9, 1, 9, 2, 9, 3, 9, 4, 9]
    assert test.labels.tolist() == [5, 9] and test.name == "cifar10"
    assert len(web.asked) == 1
    folder = Path("cifar-10-batches-py")
    assert tree(cache.parent) == {"cache", str("cache" / folder)} | {
        str("cache" / folder / name) for name in small_cifar
    }


def test_cifar_has_no_fallback_and_reads_no_foreign_pickle(small_cifar, cache, tmp_path):
    with pytest.raises(FileNotFoundError, match="root must .*CIFAR-10"):
        load_cifar10(root=tmp_path)
    with pytest.raises(FileNotFoundError, match="no CIFAR-10 test split"):
        load_cifar10("test", download=False)
    load_cifar10()

    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("a file with the wrong checksum was unpickled",))

    (cache / "cifar-10-batches-py" / "test_batch").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ValueError, match="test_batch is damaged"):
        load_cifar10("test")


# ---- ImageSet ------------------------------------------------------------------------------------


@pytest.fixture
def numbered() -> ImageSet:
    """Image i is filled with i."""
    images = torch.arange(50, dtype=torch.uint8)[:, None, None, None].expand(50, 3, 2, 4)
    return ImageSet(images.clone(), torch.arange(50), "numbers", "train")


def test_to_moves_both_and_keeps_the_rest(numbered):
    moved = numbered.to("meta")
    assert moved.images.device.type == moved.labels.device.type == "meta"
    assert (moved.name, moved.split, len(moved)) == ("numbers", "train", 50)
    assert numbered.images.device.type == "cpu"
    assert load_mnist(source="bundled", device="meta").images.device.type == "meta"


def test_repr_is_short():
    assert repr(load_mnist(source="bundled")) == (
        "ImageSet(mnist-bundled, train: 5,000 images of 1x28x28)"
    )


@pytest.mark.parametrize(
    ("images", "labels", "error"),
    [
        (torch.zeros(2, 1, 4, 4), torch.zeros(2, dtype=torch.int64), TypeError),
        (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), torch.zeros(2), TypeError),
        (torch.zeros(2, 4, 4, dtype=torch.uint8), torch.zeros(2, dtype=torch.int64), ValueError),
        (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), torch.zeros(3).long(), ValueError),
        (torch.zeros(0, 1, 4, 4, dtype=torch.uint8), torch.zeros(0).long(), ValueError),
    ],
)
def test_image_set_refuses_other_types_and_shapes(images, labels, error):
    with pytest.raises(error, match="images must be"):
        ImageSet(images, labels, "wrong", "train")


# ---- points in the plane -------------------------------------------------------------------------

N = 40_000


def points(name: str, levels: int = 256) -> torch.Tensor:
    """In units of x, float64."""
    drawn = toy(name, N, levels, torch.Generator().manual_seed(0))
    assert drawn.dtype == torch.uint8 and drawn.shape == (N, 2) and int(drawn.max()) < levels
    return (2 * drawn.double() + 1) / levels - 1


def assert_moments(x: torch.Tensor, mean: torch.Tensor, covariance: torch.Tensor) -> None:
    """Within five standard errors; rounding to levels adds (2 / 256)^2 / 12 to the variance."""
    covariance = covariance + torch.eye(2) * (2 / 256) ** 2 / 12
    centred = x - mean
    assert ((x.mean(0) - mean).abs() < 5 * (covariance.diagonal() / N).sqrt()).all()
    products = centred[:, :, None] * centred[:, None, :]
    assert ((products.mean(0) - covariance).abs() < 5 * products.std(0) / N**0.5).all()


def test_gaussian_moments():
    x = points("gaussian")
    assert_moments(x, torch.zeros(2), torch.eye(2) * toys.GAUSSIAN_STD**2)
    kurtosis = (x[:, 0] ** 4).mean() / (x[:, 0] ** 2).mean() ** 2
    assert abs(kurtosis - 3) < 5 * (24 / N) ** 0.5


def test_mixture_moments_and_weights():
    means, stds = torch.tensor(toys.MIXTURE_MEANS), torch.tensor(toys.MIXTURE_STDS)
    weights = torch.tensor(toys.MIXTURE_WEIGHTS)
    assert weights.sum() == pytest.approx(1)
    x = points("mixture")
    mean = weights @ means
    spread = (weights[:, None, None] * means[:, :, None] * means[:, None, :]).sum(0)
    within = (weights * stds**2).sum() * torch.eye(2)
    assert_moments(x, mean, spread + within - mean[:, None] * mean)
    # the components lie in four different quadrants, all of them more than 2.9 deviations inside
    odds = torch.stack([((x * mean.sign()) > 0).all(1).double().mean() for mean in means])
    assert (odds - weights).abs().max() < 5 * (0.25 / N) ** 0.5 + 0.004


def test_gaussian_toys_keep_five_deviations_from_the_border():
    means, stds = torch.tensor(toys.MIXTURE_MEANS), torch.tensor(toys.MIXTURE_STDS)
    assert (means.abs() + 5 * stds[:, None]).max() <= 1 + 1e-6 and 5 * toys.GAUSSIAN_STD <= 1


@pytest.mark.parametrize("levels", [2, 16, 256])
def test_plus_minus_one_has_four_corners_with_equal_odds(levels):
    corners, counts = points("plus_minus_one", levels).unique(dim=0, return_counts=True)
    edge = 1 - 1 / levels
    assert corners.tolist() == [[-edge, -edge], [-edge, edge], [edge, -edge], [edge, edge]]
    assert ((counts / N - 0.25).abs() < 5 * (0.25 * 0.75 / N) ** 0.5).all()


def test_swirl_is_the_published_8_bit_example():
    """Levels floor(4 (p + 30)) with p = (2 a + pi)(cos a, sin a) + 0.25 eps, a = 3 pi sqrt(u)."""
    generator = torch.Generator().manual_seed(3)
    u = torch.rand(N, generator=generator).double().numpy()
    eps = torch.randn(N, 2, generator=generator).double().numpy()
    a = 3 * np.pi * np.sqrt(u)
    p = (2 * a + np.pi)[:, None] * np.stack([np.cos(a), np.sin(a)], 1) + 0.25 * eps
    expected = np.floor(4 * (p + 30))
    drawn = toy("swirl", N, generator=torch.Generator().manual_seed(3)).numpy()
    differ = drawn != expected
    assert differ.mean() < 1e-3  # float32 beside float64, at the edge of a level
    assert np.abs(drawn - expected).max() <= 1
    assert 20 < drawn.min() and drawn.max() < 220


@pytest.mark.parametrize("name", ["swirl", "mixture", "plus_minus_one", "gaussian"])
def test_toys_follow_the_generator(name):
    drawn = [toy(name, 100, generator=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])
    assert toy(name, 3, device="meta").device.type == "meta"
    assert toy(name, 1000, levels=8).max() <= 7


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("spiral", 5), "name must be one of swirl, mixture, plus_minus_one, gaussian"),
        (("swirl", 0), "n must be at least 1; got 0"),
        (("swirl", 5, 257), "levels must be from 2 to 256; got 257"),
        (("swirl", 5, 1), "levels must be from 2 to 256; got 1"),
    ],
)
def test_toy_refuses(arguments, said):
    with pytest.raises(ValueError, match=said):
        toy(*arguments)
