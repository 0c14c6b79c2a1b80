"""Images to bytes and back: a file about as long as the bound on them, with the same chain.

    data = compress(model, images, load_fitted("mnist-vdm", 32))
    images = decompress(model, data)

Bits back (Townsend, Bird and Barber 2019; with a VDM Kingma et al. 2021): z_1, ..., z_0 are popped
from a stack with q, which lends their bits; then x is pushed with p(x | z_0), and each z_s with
p(z_s | z_t). What is left is the bound (L3), on average. Both ends must compute the same numbers:
in float64, one image at a time, what tables are made of rounded.
"""

import copy
import hashlib
import json
import math
import zlib
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .. import pixels, process
from ..chain import Chain, as_chain
from ..checks import check_parts
from ..files import verify
from ..model import DiffEnc, check_images, check_model
from ..pretrained.signature import signature

Table = NDArray[np.uint64]  # (n, K+1): for n symbols, 2^24 times the probability of being below k
Symbols = NDArray[np.int64]
TableFor = Callable[[Tensor | None], Table]  # that of q for an x, of p for None
PRECISION, LANES, LOW = 24, 64, 2**32  # bits of a probability; heads of a stack, all >= LOW
GOLDEN = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio, odd
FINE, REACH, MOST = 2, 16, 1024  # bins in sigma_Q; standard deviations, and bins, on either side
ROUND_MEAN, ROUND_LOGITS = 64, 1024  # what floats may differ by: part of the format
MAGIC = b"diffenc\x02"  # followed by the sha256 of all that comes after it


def stir(heads: NDArray[np.uint64]) -> None:
    """Flip the newest 24 bits of heads by a hash of the others (Fibonacci's; Knuth 1998, 6.4); a
    second call undoes it. Without it, where q is not p, they are not uniform: no pop is a draw."""
    heads ^= (heads >> PRECISION) * GOLDEN >> (64 - PRECISION)


class Stack:
    """Asymmetric numeral systems (Duda 2009): LANES heads of 32 to 64 bits on a pile of 32-bit
    words. An empty pile lends random words, the same in every new stack."""

    def __init__(self, content: bytes = b""):
        self._random, self.lent = np.random.PCG64(0), 0
        self._first = LOW + (self._random.random_raw(LANES) >> 32)
        content = content or self._first.tobytes()
        self.heads = np.frombuffer(content, np.uint64, LANES).copy()
        self.pile = np.frombuffer(content, np.uint32, offset=8 * LANES).tolist()

    def __bytes__(self) -> bytes:
        return self.heads.tobytes() + np.array(self.pile, np.uint32).tobytes()

    def bits(self) -> float:
        """Bits pushed, less bits popped: the net cost."""
        return float(np.log2(self.heads / self._first).sum()) + 32 * (len(self.pile) - self.lent)

    def push(self, table: Table, symbols: Symbols) -> None:
        """Add -log2 p bits for each symbol; the inverse of `pop`."""
        if (symbols < 0).any():
            raise ValueError("symbols must be bins, counted from 0")
        below, above = table[np.arange(len(table)), [symbols, symbols + 1]]
        for start in reversed(range(0, len(table), LANES)):
            low, high = below[start : start + LANES], above[start : start + LANES]
            heads, p = self.heads[: len(low)], high - low
            full = heads >> (64 - PRECISION) >= p
            self.pile += (heads[full] % LOW).tolist()
            heads[full] >>= 32
            heads[:] = (heads // p << PRECISION) + heads % p + low
            stir(heads)

    def pop(self, table: Table) -> Symbols:
        """Take n symbols, and -log2 p bits for each: if the bits are random, a draw from p."""
        parts = []
        for rows in np.split(table, range(LANES, len(table), LANES)):
            heads = self.heads[: len(rows)]
            stir(heads)
            place = heads % 2**PRECISION
            parts.append((rows[:, 1:] <= place[:, None]).sum(1))
            low, high = rows[np.arange(len(rows)), [parts[-1], parts[-1] + 1]]
            heads[:] = (high - low) * (heads >> PRECISION) + place - low
            for k in np.flatnonzero(heads < LOW)[::-1]:
                if not self.pile:
                    self.pile, self.lent = [int(self._random.random_raw()) >> 32], self.lent + 1
                heads[k] = heads[k] * LOW + self.pile.pop()
        return np.concatenate(parts)


def as_table(cumulative: Tensor) -> Table:
    """Cumulative probabilities (n, K), the last counting as 1 -> a table in which each symbol has
    at least 2^-24. Raises FloatingPointError if they are not finite."""
    if not bool(cumulative.isfinite().all()):
        raise FloatingPointError("the model's prediction for some image is not finite")
    count = cumulative.shape[1]
    # rounded, not cut: most are 1, which processors make 1 - 2^-53 in other places
    table = (cumulative * (2**PRECISION - count)).round().numpy() + np.arange(1, count + 1)
    table[:, -1] = 2**PRECISION
    return np.pad(table, ((0, 0), (1, 0))).astype(np.uint64)


def bins(mean: Tensor, width: Tensor | float, reach: int) -> Table:
    """N(mean, width^2), both in bins, over the bins -reach to reach; the outer two have the tails.
    Args: mean (n,) or any shape of n numbers; width, a number or (n, 1)."""
    edges = torch.arange(-reach, reach + 1, dtype=mean.dtype) + 0.5
    return as_table(torch.special.ndtr((edges - mean.reshape(-1, 1)) / width))


def latent(model: DiffEnc, chain: Chain, i: int, z: Tensor) -> tuple[Tensor, Tensor, TableFor]:
    """G1-G3: z_s of step i, given z_t; z_1 for i = T, where of z only the shape counts. Returns the
    mean of p, the size of a bin, sigma_Q / FINE, and the table of q for an x, or of p for None.
    Beyond REACH sigma_Q z is no draw from q, but comes back all the same."""
    s, t = (model.schedule(chain.grid[j : j + 1].to(z)) for j in (i, min(i + 1, chain.steps)))
    if i == chain.steps:
        mean, sigma, ratio = 0 * z, s.sigma, s.sigma.square()  # as p(z_1) has the variance 1
    else:
        step, x_hat = chain.step(i, z), process.x_from_v(z, model.v_hat(z, t.gamma), t)
        p = process.generative_step(z, x_hat, model.u_hat(x_hat), s, t, 1, step.scale)
        mean, sigma, ratio = p.mean, p.variance.sqrt(), step.ratio

    def table(x: Tensor | None) -> Table:
        width = FINE / ratio.reshape(-1, 1).sqrt()
        reach = min(math.ceil(REACH * max(FINE, float(width.max()))), MOST)
        if x is None:
            return bins(0 * mean, width, reach)
        x_t, moved = model.encode_step(x, s.gamma, t.gamma)
        q = process.posterior(z, x_t, moved, s, t) if i < chain.steps else process.marginal(x_t, t)
        return bins(((q.mean - mean) / sigma * FINE * ROUND_MEAN).round() / ROUND_MEAN, FINE, reach)

    return mean, sigma / FINE, table


def pop_latents(
    stack: Stack, model: DiffEnc, chain: Chain, z: Tensor, x: Tensor | None = None
) -> tuple[list[tuple[TableFor, Symbols]], Table]:
    """Take z_1, ..., z_0 off a stack: a sender with q for x, a receiver, who has no x yet, with p.
    Returns them and the table of p(x | z_0). Args: z, only for its shape, (1, ...)."""
    latents = []
    for i in reversed(range(chain.steps + 1)):
        mean, size, table_for = latent(model, chain, i, z)
        popped = stack.pop(table := table_for(x))
        latents.append((table_for, popped))
        z = mean + size * (torch.from_numpy(popped).view_as(z) - (table.shape[1] // 2 - 1))
    logits = pixels.level_logits(z, model.schedule(chain.grid[:1].to(z)), model.levels)
    p_levels = ((logits * ROUND_LOGITS).round() / ROUND_LOGITS).softmax(-1).flatten(0, -2)
    return latents, as_table(p_levels.cumsum(-1))


def push_image(stack: Stack, model: DiffEnc, chain: Chain, image: Tensor) -> None:
    """Add an image (1, ...) to a stack. Args: model, in float64, no gradients wanted."""
    x = model.to_unit(image).double()
    latents, levels = pop_latents(stack, model, chain, x, x)
    stack.push(levels, image.flatten().long().numpy())
    for table_for, popped in reversed(latents):
        stack.push(table_for(None), popped)
    stir(stack.heads)  # else the next pop would undo the last push's


def pop_image(stack: Stack, model: DiffEnc, chain: Chain, shape: list[int]) -> Tensor:
    """Take an image of this shape off a stack, (1, *shape): the inverse of `push_image`."""
    stir(stack.heads)
    latents, levels = pop_latents(stack, model, chain, torch.zeros(1, *shape, dtype=torch.float64))
    image = torch.from_numpy(stack.pop(levels)).byte().view(1, *shape)
    for table_for, popped in reversed(latents):
        stack.push(table_for(model.to_unit(image).double()), popped)
    return image


@torch.no_grad()
def compress(model: DiffEnc, images: Tensor, chain: Chain | int) -> bytes:
    """Images uint8 (N, ...) as a file, one after the other on one stack. Raises what `elbo` does,
    and ValueError for parts that `check_parts` refuses."""
    check_images(model, images)
    check_parts(model, images)
    images, (exact, digest) = images.cpu(), _exact(model)
    chain, stack = as_chain(chain, "chain"), Stack()
    for image in images.split(1):
        push_image(stack, exact, chain, image)
    of_chain = {name: chain.as_dict()[name] for name in ("grid", "ratio", "scale")}
    head = {"shape": images.shape, "levels": model.levels, "chain": of_chain, "model": digest}
    head["images"] = hashlib.sha256(images.numpy().tobytes()).hexdigest()[:16]
    text = zlib.compress(json.dumps(head).encode(), 9)
    content = len(text).to_bytes(4, "little") + text + bytes(stack)
    return MAGIC + hashlib.sha256(content).digest() + content


@torch.no_grad()
def decompress(model: DiffEnc, data: bytes) -> Tensor:
    """The images in a file of `compress`, uint8 (N, ...), on the CPU. Raises ValueError for data
    that are damaged, cut short or foreign, and for another model; FloatingPointError where floats
    differ so much that they make other images."""
    if not isinstance(data, bytes) or data[:8] != MAGIC:
        raise ValueError(f"data must be bytes that compress wrote; got {repr(data)[:40]}")
    content, (exact, digest) = verify(data[40:], data[8:40].hex(), "data"), _exact(model)
    end = 4 + int.from_bytes(content[:4], "little")
    head = json.loads(zlib.decompress(content[4:end]))
    if digest != head["model"]:
        told = f"{head['model']} with {head['levels']} levels"
        raise ValueError(f"model must be the one that wrote data, {told}; got {digest}")
    (n, *shape), chain, stack = head["shape"], Chain(**head["chain"]), Stack(content[end:])
    images = torch.cat([pop_image(stack, exact, chain, shape) for _ in range(n)][::-1])
    if hashlib.sha256(images.numpy().tobytes()).hexdigest()[:16] != head["images"]:
        raise FloatingPointError("not the images compressed: another model, or floats differ")
    return images


def _exact(model: DiffEnc) -> tuple[DiffEnc, str]:
    """A copy in float64 on the CPU, and a digest of its weights and of what they do not tell."""
    check_model(model)
    exact = copy.deepcopy(model).cpu().double().eval()
    told = signature(exact)
    told["ends"] = [f"{end:.6g}" for end in told["ends"]]  # of a learned schedule
    content = json.dumps(told, sort_keys=True).encode()
    for name, weight in exact.state_dict().items():
        content += name.encode() + weight.numpy().tobytes()
    return exact, hashlib.sha256(content).hexdigest()[:16]
