"""A judge of samples: a small classifier of MNIST digits, trained here, and what it sees in them.

Samples are held against real images in the classifier's features (the Frechet distance between two
Gaussians, as FID does it in those of a network for photographs), by how evenly they fall into the
ten classes, and by how sure the classifier is. Its numbers are for comparing sets of the same size,
seen by this judge: a small set has a larger distance even if it is real. `tools/make_classifier.py`
makes the judge again.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...pixels import to_unit

ASSET = Path(__file__).parent / "classifier"
SHAPE = (1, 28, 28)
CLASSES = 10


class Judge(nn.Module):
    """images uint8 (B, 1, 28, 28) -> logits (B, 10), through 64 features averaged over the picture.

    One convolution at 28 pixels, two at 14, two at 7: 70,000 weights.
    """

    def __init__(self) -> None:
        super().__init__()
        widths = (1, 16, 32, 32, 64, 64)
        layers: list[nn.Module] = []
        for i, (before, after) in enumerate(zip(widths[:-1], widths[1:], strict=True)):
            layers += [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after)]
            layers += [nn.ReLU()] + ([nn.MaxPool2d(2)] if i in (0, 2) else [])
        self.layers = nn.Sequential(*layers)
        self.out = nn.Linear(widths[-1], CLASSES)
        self.card: dict[str, Any] = {}  # set by `load_judge`

    def features(self, images: Tensor) -> Tensor:
        """(B, 64): the last layer, averaged over the picture."""
        return self.layers(to_unit(images, dtype=torch.float32)).mean((2, 3))

    def forward(self, images: Tensor) -> Tensor:
        return self.out(self.features(images))


class Seen(NamedTuple):
    """What the judge sees in N images: features (N, 64) in float64, probabilities (N, 10)."""

    features: Tensor
    probabilities: Tensor

    @property
    def confidence(self) -> float:
        """The mean probability of the class that each image is put into."""
        return self.probabilities.amax(1).mean().item()

    @property
    def imbalance(self) -> float:
        """Half the sum of |share of a class - 1/10|, between 0 and 0.9: the share of the images
        that would have to be of another digit for all ten to be equally frequent."""
        shares = self.probabilities.argmax(1).bincount(minlength=CLASSES) / len(self.probabilities)
        return 0.5 * (shares - 1 / CLASSES).abs().sum().item()


@torch.no_grad()
def look(judge: Judge, images: Tensor, batch: int = 500) -> Seen:
    """Raises ValueError for images that are not (N, 1, 28, 28), TypeError if they are not uint8."""
    if images.dim() != 4 or tuple(images.shape[1:]) != SHAPE or not len(images):
        raise ValueError(f"images must be (N, 1, 28, 28) with N >= 1; got {tuple(images.shape)}")
    features = torch.cat([judge.features(part) for part in images.split(batch)])
    return Seen(features.double(), judge.out(features).softmax(1))


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """||m_a - m_b||^2 + tr(C_a + C_b - 2 (C_a^(1/2) C_b C_a^(1/2))^(1/2)), the squared distance
    between the Gaussians fitted to two sets of features.

    Args: a (N, D) and b (M, D), at least 2 rows each. Computed in float64.
    Source: D. Dowson and B. Landau, The Frechet distance between multivariate normal distributions,
    1982; for samples of networks M. Heusel et al., 2017.
    """
    if a.dim() != 2 or b.dim() != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ValueError(
            "a and b must be (N, D) and (M, D) with N, M >= 2; "
            f"got {tuple(a.shape)} and {tuple(b.shape)}"
        )
    a, b = a.double(), b.double()
    c_a, c_b = (torch.cov(features.T).reshape(a.shape[1], -1) for features in (a, b))
    root = _root(c_a)
    product = torch.linalg.eigvalsh(root @ c_b @ root).clamp(min=0).sqrt().sum()
    gap = (a.mean(0) - b.mean(0)).square().sum()
    return max(0.0, (gap + c_a.trace() + c_b.trace() - 2 * product).item())


def _root(covariance: Tensor) -> Tensor:
    """The symmetric square root of a symmetric matrix without negative eigenvalues."""
    values, vectors = torch.linalg.eigh(covariance)
    return vectors * values.clamp(min=0).sqrt() @ vectors.T


# --- the judge that comes with the package -------------------------------------------------------


def load_judge() -> Judge:
    """The trained judge in eval mode, its card as `judge.card`. Raises ValueError if damaged."""
    from safetensors.torch import load

    card = json.loads(ASSET.with_suffix(".json").read_bytes())
    content = ASSET.with_suffix(".safetensors").read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != card["sha256"]:
        raise ValueError(
            f"{ASSET.name}.safetensors is damaged or cut short: expected sha256 {card['sha256']}, "
            f"found {found} ({len(content):,} bytes)"
        )
    judge = Judge()
    judge.load_state_dict(load(content))
    judge.card = card
    return judge.eval()


def train_judge(images: Tensor, labels: Tensor, steps: int, seed: int, batch: int = 128) -> Judge:
    """A judge trained on images moved by up to two pixels, one-cycle learning rate up to 0.01."""
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        judge = Judge()
    optimizer = torch.optim.AdamW(judge.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=steps)
    for _ in range(steps):
        index = torch.randint(len(images), (batch,), generator=generator)
        right, down = torch.randint(5, (2,), generator=generator).tolist()
        moved = F.pad(images[index], (2, 2, 2, 2))[..., down : down + 28, right : right + 28]
        optimizer.zero_grad()
        F.cross_entropy(judge(moved), labels[index]).backward()
        optimizer.step()
        schedule.step()
    return judge.eval()


@torch.no_grad()
def accuracy(judge: Judge, images: Tensor, labels: Tensor) -> float:
    """The share of images put into their class."""
    chosen = look(judge, images).probabilities.argmax(1)
    return (chosen == labels).double().mean().item()
