"""The photographs of the package: their patches, their splits, their files."""

import shutil

import numpy as np
import pytest

from diffenc_lite.data import load_named, photos


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


def test_a_damaged_file_is_refused(tmp_path, monkeypatch):
    shutil.copytree(photos.FOLDER, tmp_path / "photos")
    monkeypatch.setattr(photos, "FOLDER", tmp_path / "photos")
    path = photos.FOLDER / "coffee.png"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="coffee.png"):
        load_named("photos")


def test_the_tool_halves_pictures():
    import make_photos_bundle as tool

    picture = np.zeros((3, 5, 3), np.uint8)
    picture[0, :2], picture[1, 2:4] = (255, 1, 0), (10, 4, 2)
    halved = tool.halved(picture)
    assert halved.tolist() == [[[128, 1, 0], [5, 2, 1]]]  # 0.5 is rounded up
