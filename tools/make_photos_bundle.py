"""Remake diffenc_lite/data/photos: six photographs, each at half its width and height.

    pip download --no-deps scikit-image==0.26.0 scikit-learn==1.9.1
    unzip scikit_image-*.whl 'skimage/data/*'
    unzip scikit_learn-*.whl 'sklearn/datasets/images/*'
    python tools/make_photos_bundle.py .

Each pixel is the mean of 2 x 2, rounded: that makes the files small, and takes away most of what
JPEG has left in three of the pictures. The bytes of a file depend on the versions of the decoder of
JPEG and of zlib (made with Pillow 12). The sha256 printed stand in diffenc_lite/data/photos.py.
"""

import argparse
import hashlib
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from diffenc_lite.data.photos import FOLDER
from diffenc_lite.files import verify, write_whole

SOURCES = {  # by folder in the wheels
    "skimage/data": {
        "astronaut.png": "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
        "chelsea.png": "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
        "coffee.png": "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
        "rocket.jpg": "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c",
    },
    "sklearn/datasets/images": {
        "china.jpg": "8378025ad2519d649d02e32bd98990db4ab572357d9f09841c2fbfbb4fefad29",
        "flower.jpg": "a77f6ec41e353afdf8bdff2ea981b2955535d8d83294f8cfa49cf4e423dd5638",
    },
}


def halved(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W, 3) to (H // 2, W // 2, 3), the means of 2 x 2 pixels; what is over is cut off."""
    height, width = picture.shape[0] // 2, picture.shape[1] // 2
    blocks = picture[: 2 * height, : 2 * width].reshape(height, 2, width, 2, 3)
    return ((blocks.sum((1, 3), dtype=np.uint16) + 2) // 4).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description="Remake the photographs of the package.")
    parser.add_argument("wheels", type=Path, help="folder with the unpacked wheels")
    wheels = parser.parse_args().wheels
    for folder, files in SOURCES.items():
        for file, sha256 in files.items():
            content = verify((wheels / folder / file).read_bytes(), sha256, file)
            picture = Image.open(io.BytesIO(content)).convert("RGB")
            png = io.BytesIO()
            Image.fromarray(halved(np.asarray(picture))).save(png, "PNG", optimize=True)
            name = Path(file).stem
            write_whole(FOLDER / f"{name}.png", png.getvalue())
            print(f'    "{name}": "{hashlib.sha256(png.getvalue()).hexdigest()}",')


if __name__ == "__main__":
    main()
