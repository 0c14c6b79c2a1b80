"""Images to bytes and back: a file about as long as the bound on them, with the same chain.

    data = compress(model, images, load_fitted("mnist-vdm", 32))
    images = decompress(model, data)

Bits back: z_1, ..., z_0 are popped from a stack with q, which lends their bits; then x is pushed
with p(x | z_0), and each z_s with p(z_s | z_t). What is left is the bound (L3), on average. Both
ends must compute the same numbers: in float64, one image at a time, the mean of q and the logits of
levels rounded. Sources: Townsend, Bird and Barber 2019 (bits back with asymmetric numeral systems);
Kingma et al. 2021 (with a VDM).
"""

import copy
import hashlib
import json
import math
import zlib
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .. import pixels, process
from ..chain import Chain, as_chain
from ..checks import check_parts
from ..files import verify
from ..model import DiffEnc, check_images, check_model
from ..schedule import Noise
from ..signature import signature

Table = NDArray[np.uint64]  # (n, K+1): for n symbols, 2^24 times the probability of being below k
Symbols = NDArray[np.int64]
PRECISION, LANES, LOW = 24, 64, 2**32  # bits of a probability; heads of a stack, all >= LOW
FINE, REACH = 2, 16  # bins in sigma_Q; standard deviations on either side of an alphabet
MAGIC = b"diffenc\x01"


class Stack:
    """Asymmetric numeral systems: LANES heads of 32 to 64 bits on a pile of 32-bit words. An empty
    pile lends random words, the same in every new stack."""

    def __init__(self, content: bytes = b""):
        self._random, self.lent = np.random.PCG64(0), 0
        self._first = LOW + (self._random.random_raw(LANES) >> 32)
        content = content or self._first.tobytes()
        self.heads = np.frombuffer(content, np.uint64, LANES).copy()
        self.pile = np.frombuffer(content, np.uint32, offset=8 * LANES).tolist()

    def __bytes__(self) -> bytes:
        return self.heads.tobytes() + np.array(self.pile, np.uint32).tobytes()

    def bits(self) -> float:
        """What has been pushed, less what was popped."""
        return float(np.log2(self.heads / self._first).sum()) + 32 * (len(self.pile) - self.lent)

    def stir(self) -> None:
        """Let older bits flip the newest 8 of each head; undone by a second call. Without it the
        noise of an image's z_1 is that of the image before, moved: it drifts to one side."""
        self.heads ^= ((self.heads >> PRECISION) % 256) << (PRECISION - 8)

    def push(self, table: Table, symbols: Symbols) -> None:
        """Add -log2 p bits for each symbol; the inverse of `pop`."""
        rows = np.arange(len(symbols))
        below = table[rows, symbols]
        p = table[rows, symbols + 1] - below
        for start in reversed(range(0, len(p), LANES)):
            part = slice(start, start + LANES)
            heads = self.heads[: len(p[part])]
            full = heads >= p[part] << (64 - PRECISION)
            self.pile += (heads[full] % LOW).tolist()
            heads[full] >>= 32
            times, rest = np.divmod(heads, p[part])
            heads[:] = (times << PRECISION) + below[part] + rest

    def pop(self, table: Table) -> Symbols:
        """Take n symbols, and -log2 p bits for each: if the bits are random, a draw from p."""
        parts = []
        for rows in np.split(table, range(LANES, len(table), LANES)):
            heads, lanes = self.heads[: len(rows)], np.arange(len(rows))
            place = heads % 2**PRECISION
            parts.append((rows[:, 1:] <= place[:, None]).sum(1))
            below, above = rows[lanes, parts[-1]], rows[lanes, parts[-1] + 1]
            heads[:] = (above - below) * (heads >> PRECISION) + place - below
            empty = heads < LOW
            if (missing := int(empty.sum()) - len(self.pile)) > 0:
                self.pile[:0] = (self._random.random_raw(missing) >> 32).tolist()[::-1]
                self.lent += missing
            top = len(self.pile) - int(empty.sum())
            heads[empty] = heads[empty] * LOW + np.array(self.pile[top:], np.uint64)
            del self.pile[top:]
        return np.concatenate(parts)


def as_table(p: Tensor) -> Table:
    """Probabilities of symbols 0 to k, (n, K-1), k < K - 1 -> a table in which each symbol has at
    least 2^-24. Raises FloatingPointError if they are not finite."""
    if not bool(p.isfinite().all()):
        raise FloatingPointError("the model's prediction for some image is not finite")
    table = np.zeros((len(p), p.shape[1] + 2), np.uint64)
    table[:, 1:-1] = (p * (2**PRECISION - p.shape[1] - 1)).numpy()
    table += np.arange(table.shape[1], dtype=np.uint64)
    table[:, -1] = 2**PRECISION
    return table


def bins(mean: Tensor, width: Tensor | float, reach: int) -> Table:
    """N(mean, width^2), in bins, over the bins -reach to reach; the outer two have the tails."""
    edges = torch.arange(-reach, reach, dtype=mean.dtype) + 0.5
    return as_table(torch.special.ndtr((edges - mean.reshape(-1, 1)) / width))


def descend(model: DiffEnc, chain: Chain, z: Tensor, choose: Callable[..., Symbols]) -> Table:
    """G1-G3: the table of p(x | z_0) after z_1, ..., z_0, each a bin that `choose` chooses, given
    the table of p and, as a function of x, that of q. Args: z, any of the shape, (1, ...)."""

    def latent(p_mean: Tensor, sigma_q: Tensor, w: Tensor, q_mean: Callable[..., Tensor]) -> Tensor:
        size, width = sigma_q / FINE, FINE / w.reshape(-1, 1).sqrt()
        reach = min(math.ceil(REACH * max(FINE, float(width.max()))), 1024)
        p = bins(torch.zeros_like(width), width, reach)  # one row, or with a w in each dimension d

        def q(x: Tensor) -> Table:
            return bins(((q_mean(x) - p_mean) / size * 64).round() / 64, FINE, reach)

        chosen = choose(np.resize(p, (z.numel(), p.shape[1])), q)
        return p_mean + size * (torch.from_numpy(chosen).view_as(z) - reach)

    noises = [model.schedule(depth.expand(1)) for depth in chain.grid.to(z)]
    sigma = noises[-1].like(z).sigma  # of q(z_1 | x), and 1 of p(z_1)
    z = latent(torch.zeros_like(z), sigma, sigma**2, partial(_q_mean, model, z, None, noises[-1]))
    for i in reversed(range(chain.steps)):
        (s, t), step = noises[i : i + 2], chain.step(i, z)
        at_s, at_t = s.like(z), t.like(z)
        x_hat = process.x_from_v(z, model.v_hat(z, t.gamma), at_t)
        p = process.generative_step(z, x_hat, model.u_hat(x_hat), at_s, at_t, 1, step.scale)
        z = latent(p.mean, p.variance.sqrt(), step.ratio, partial(_q_mean, model, z, s, t))
    logits = pixels.level_logits(z, noises[0].like(z), model.levels)
    below = ((logits * 1024).round() / 1024).softmax(-1).cumsum(-1)[..., :-1]
    return as_table(below.flatten(0, -2))


def _q_mean(model: DiffEnc, z_t: Tensor, s: Noise | None, t: Noise, x: Tensor) -> Tensor:
    """Of q(z_s | z_t, x) (F3) or, without s, of q(z_1 | x) (F1)"""
    if s is None:
        return process.marginal(x + model.shift(x, t.gamma), t.like(x)).mean
    x_t, x_change = model.encode_step(x, s.gamma, t.gamma)
    return process.posterior(z_t, x_t, x_change, s.like(x), t.like(x)).mean


def push_image(stack: Stack, model: DiffEnc, chain: Chain, image: Tensor) -> None:
    """Add an image (1, ...) to a stack. Args: model, in float64, no gradients wanted."""
    x, path = pixels.to_unit(image, model.levels, torch.float64), []

    def choose(p: Table, q: Callable[[Tensor], Table]) -> Symbols:
        path.append((p, stack.pop(q(x))))
        return path[-1][1]

    stack.push(descend(model, chain, x, choose), image.flatten().long().numpy())
    for p, chosen in reversed(path):
        stack.push(p, chosen)
    stack.stir()


def pop_image(stack: Stack, model: DiffEnc, chain: Chain, shape: list[int]) -> Tensor:
    """Take an image of this shape off a stack, (1, *shape): the inverse of `push_image`."""
    z, path = torch.zeros(1, *shape, dtype=torch.float64), []

    def choose(p: Table, q: Callable[[Tensor], Table]) -> Symbols:
        path.append((q, stack.pop(p)))
        return path[-1][1]

    stack.stir()
    levels = stack.pop(descend(model, chain, z, choose))
    image = torch.from_numpy(levels).byte().view_as(z)
    x = pixels.to_unit(image, model.levels, torch.float64)
    for q, chosen in reversed(path):
        stack.push(q(x), chosen)
    return image


@torch.no_grad()
def compress(model: DiffEnc, images: Tensor, chain: Chain | int) -> bytes:
    """Images uint8 (N, ...) as a file, one after the other on one stack

    Raises what `elbo` does, and ValueError for parts that `check_parts` refuses.
    """
    check_images(model, images)
    check_parts(model, images)
    images, chain, stack, (same, digest) = images.cpu(), as_chain(chain), Stack(), _exact(model)
    for image in images.split(1):
        push_image(stack, same, chain, image)
    of_chain = {name: chain.as_dict()[name] for name in ("grid", "ratio", "scale")}
    head = {"shape": images.shape, "levels": model.levels, "chain": of_chain, "model": digest}
    head["images"] = hashlib.sha256(images.numpy().tobytes()).hexdigest()[:16]
    text = zlib.compress(json.dumps(head).encode(), 9)
    content = len(text).to_bytes(4, "little") + text + bytes(stack)
    return MAGIC + hashlib.sha256(content).digest() + content


@torch.no_grad()
def decompress(model: DiffEnc, data: bytes) -> Tensor:
    """The images in a file of `compress`, uint8 (N, ...), on the CPU

    Raises ValueError for data that are damaged, cut short or no such file, and for another model;
    FloatingPointError where floats differ in their last digits and make other images.
    """
    start = len(MAGIC)
    if not isinstance(data, bytes) or data[:start] != MAGIC:
        raise ValueError(f"data must be bytes that compress wrote; got {repr(data)[:40]}")
    content = verify(data[start + 32 :], data[start : start + 32].hex(), "data")
    end = 4 + int.from_bytes(content[:4], "little")
    head, (same, digest) = json.loads(zlib.decompress(content[4:end])), _exact(model)
    if digest != head["model"]:
        raise ValueError(f"model must be the one that data are of, {head['model']}; got {digest}")
    (n, *shape), chain, stack = head["shape"], Chain(**head["chain"]), Stack(content[end:])
    images = torch.cat([pop_image(stack, same, chain, shape) for _ in range(n)][::-1])
    if hashlib.sha256(images.numpy().tobytes()).hexdigest()[:16] != head["images"]:
        raise FloatingPointError("data hold other images: floats differ here in their last digits")
    return images


def _exact(model: DiffEnc) -> tuple[DiffEnc, str]:
    """A copy in float64 on the CPU, and a digest of its weights and of what they do not tell."""
    check_model(model)
    same = copy.deepcopy(model).double().cpu().eval()
    told = signature(same)
    told["ends"] = [f"{end:.6g}" for end in told["ends"]]  # of a learned schedule
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for name, weight in same.state_dict().items():
        digest.update(name.encode() + weight.numpy().tobytes())
    return same, digest.hexdigest()[:16]
