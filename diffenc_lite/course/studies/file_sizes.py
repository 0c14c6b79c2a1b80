"""How many bytes the 1,000 bundled test digits take, in one file: others' and those of the course.

"one" is the length of a file of the first digit alone, which has the first bits, so that each other
digit adds (bytes - one) / 999. "bound" is that of the same digits with the same chain, in bits per
dimension. The steps are those of `mnist_ratio`, fitted on training digits.

Rows with "digits": what some of them cost on the stack, each on average, beside their bound, the
mean of four draws, in bits per dimension; "error" is the standard error of the difference. The
steps are `load_fitted`'s.
"""

import bz2
import io
import lzma
import math
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ...bound import elbo
from ...chain import Chain
from ...data import load_mnist
from ...model import DiffEnc
from ...pretrained import load_fitted, load_pretrained
from ..compression import Stack, compress, decompress, push_image
from .mnist_fits import BEST, CHEAPEST, EQUAL, FITTED, MODELS, ONE
from .study import Job, Options, Row, Study, load_results

Sheet = NDArray[np.uint8]  # (H, W)


def _image(sheet: Sheet, form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(sheet).save(file, form, **options)
    return file.getvalue()


OTHERS: dict[str, Callable[[Sheet], bytes]] = {
    "PNG": lambda sheet: _image(sheet, "PNG", optimize=True),
    "WebP": lambda sheet: _image(sheet, "WEBP", lossless=True, quality=100, method=6),
    "gzip": lambda sheet: zlib.compress(sheet.tobytes(), 9),
    "bzip2": lambda sheet: bz2.compress(sheet.tobytes()),
    "xz": lambda sheet: lzma.compress(sheet.tobytes(), preset=9 | lzma.PRESET_EXTREME),
}
OURS = [
    (32, ONE, EQUAL),
    (32, BEST, EQUAL),
    (32, BEST, CHEAPEST),
    (8, ONE, EQUAL),
    (8, BEST, EQUAL),
    (64, ONE, EQUAL),
    (64, BEST, EQUAL),
]
DIGITS, DRAWS = 64, 4  # held against the bound; draws of the bound


def chain_of(model: str, steps: int, ratio: str, grid: str) -> Chain:
    wanted = {"part": "fit", "model": model, "steps": steps, "scale": FITTED, "grid": grid}
    (row,) = (row for row in load_results("mnist_ratio") if wanted.items() <= row.items())
    return Chain.equal(steps) if ratio == ONE else Chain(row["t"], row["w"], row["A"])


def _jobs(options: Options) -> list[Job]:
    ours = [dict(zip(("steps", "ratio", "grid"), choice, strict=True)) for choice in OURS]
    held = [
        {"code": name, "steps": steps, "ratio": ratio, "digits": DIGITS}
        for steps in (32, 64)
        for name in MODELS
        for ratio in (ONE, BEST)
    ]
    files = [{"code": name} for name in OTHERS]
    return files + [{"code": "mnist-vdm", **choice} for choice in ours] + held


def _run(job: Job, options: Options) -> Row:
    images, name = load_mnist("test", "bundled").images[: options.budget["images"]], job["code"]
    if name in OTHERS:  # a sheet 20 digits wide; without pictures in it, each digit by itself
        rows = images.view(-1, 20, 28, 28).transpose(1, 2).reshape(-1, 560)
        sheet = rows if name in ("PNG", "WebP") else images.view(-1, 28)
        return {**job, "bytes": len(OTHERS[name](sheet.numpy()))}
    model, steps = load_pretrained(name), job["steps"]
    if "digits" in job:
        chain = Chain.equal(steps) if job["ratio"] == ONE else load_fitted(name, steps)
        return {**job, **_held(model, images[::15][: job["digits"]], chain)}
    chain = chain_of(name, steps, job["ratio"], job["grid"])
    data, one = compress(model, images, chain), compress(model, images[:1], chain)
    if not decompress(model, data).equal(images):
        raise ArithmeticError("the images did not come back")
    bound = _bound(model, images, chain, draws=1).mean()
    return {**job, "bytes": len(data), "one": len(one), "bound": round(float(bound), 4)}


@torch.no_grad()
def _bound(model: DiffEnc, images: Tensor, chain: Chain, draws: int) -> Tensor:
    noise = torch.Generator().manual_seed(0)
    bounds = [elbo(model, images, chain, every_step=True, generator=noise) for _ in range(draws)]
    return torch.stack([bound.bits_per_dim() for bound in bounds]).mean(0)


@torch.no_grad()
def _held(model: DiffEnc, images: Tensor, chain: Chain) -> Row:
    bound, stack, heights = _bound(model, images, chain, DRAWS), Stack(), [0.0]
    for image in images.split(1):
        push_image(stack, model.double(), chain, image)
        heights.append(stack.bits() / image.numel())
    net = torch.tensor(heights).diff()
    error = (net - bound).std() / math.sqrt(len(net))
    values = {"net": net.mean(), "bound": bound.mean(), "error": error}
    return {name: round(float(value), 4) for name, value in values.items()}


STUDY = Study(_jobs, _run, budget={"images": 1000})
