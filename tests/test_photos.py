"""The photographs of the package: their patches, their splits, their files."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from diffenc_lite.data import data_names, load_named, photos

SIZES = {"train": 63_585, "test": 3_335}


@pytest.mark.parametrize("split", ["train", "test"])
def test_patches_are_cut_from_the_pictures(split):
    found = load_named("photos", split)
    assert (found.name, found.split, len(found)) == ("photos", split, SIZES[split])
    assert found.images.shape[1:] == (3, 16, 16) and found.images.is_contiguous()
    assert found.labels.unique().tolist() == list(range(6))
    left, _, stride = photos.SPLITS[split]
    for number, picture in enumerate(photos.pictures().values()):
        start = round(left * picture.shape[1])
        second = picture[:16, start + stride : start + stride + 16]
        assert np.array_equal(found.images[found.labels == number][1].permute(1, 2, 0), second)


def test_splits_have_no_pixel_in_common(monkeypatch):
    """Seen with pictures whose pixels are their own addresses: row, column, picture."""

    def addresses():
        for number, picture in enumerate(load().values()):
            row, column = np.indices(picture.shape[:2])
            yield str(number), np.stack([row, column, np.full_like(row, number)], 2)

    load = photos.pictures
    monkeypatch.setattr(photos, "pictures", lambda: dict(addresses()))
    pixels = {}
    for split, cut in photos.SPLITS.items():
        images, _ = photos.patches(*cut)
        address = images.permute(0, 2, 3, 1).reshape(-1, 3) @ torch.tensor([1000 * 10, 10, 1])
        pixels[split] = set(address.unique().tolist())
    assert pixels["train"] and pixels["test"] and not pixels["train"] & pixels["test"]


def test_files_are_small_and_a_damaged_one_is_refused(tmp_path, monkeypatch):
    shutil.copytree(photos.FOLDER, tmp_path / "photos")
    monkeypatch.setattr(photos, "FOLDER", tmp_path / "photos")
    assert sum(path.stat().st_size for path in photos.FOLDER.iterdir()) < 1e6
    assert {path.stem for path in photos.FOLDER.iterdir()} == set(photos.SHA256)
    path = photos.FOLDER / "coffee.png"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"coffee.png is damaged.*expected sha256.*found"):
        load_named("photos")


def test_a_root_is_refused(tmp_path):
    assert "photos" in data_names()
    with pytest.raises(ValueError, match="root must be None with name='photos'; got"):
        load_named("photos", root=tmp_path)


def test_the_tool_halves_pictures(load_tool):
    tool = load_tool("make_photos_bundle")
    picture = np.zeros((3, 5, 3), np.uint8)
    picture[0, :2], picture[1, 2:4] = (255, 1, 0), (10, 4, 2)
    assert tool.halved(picture).tolist() == [[[128, 1, 0], [5, 2, 1]]]  # 0.5 is rounded up
    assert [Path(file).stem for files in tool.SOURCES.values() for file in files] == list(
        photos.SHA256
    )
