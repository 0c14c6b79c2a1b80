"""A small classifier of MNIST digits, and two distances that measure samples with it.

The Frechet distance compares the classifier's features of samples with those of real images, as FID
does with the features of a network for photographs. Compare it only between sets of the same size:
a small set has a larger one even if its images are real. The kernel distance, as in KID, has no
such bias. README.md says how the classifier was trained.
"""

import json
import math
from pathlib import Path

import torch
from safetensors.torch import load
from torch import Tensor, nn

from ...files import verify
from ...pixels import to_unit

ASSET = Path(__file__).parent / "classifier"
BATCH = 500


class Largest(nn.Module):
    """The largest of each 2 x 2 pixels: nn.MaxPool2d(2), many times as fast on a CPU."""

    def forward(self, x: Tensor) -> Tensor:
        x = torch.maximum(x[..., ::2, :], x[..., 1::2, :])
        return torch.maximum(x[..., ::2], x[..., 1::2])


class Classifier(nn.Module):
    """images uint8 (B, 1, 28, 28) -> logits (B, 10), from 64 features averaged over the image. One
    convolution at 28 x 28 pixels, two at 14 x 14, two at 7 x 7: 70,000 weights."""

    def __init__(self) -> None:
        super().__init__()
        widths = (1, 16, 32, 32, 64, 64)
        layers: list[nn.Module] = []
        for i, (before, after) in enumerate(zip(widths[:-1], widths[1:], strict=True)):
            layers += [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after)]
            layers += [nn.ReLU()] + ([Largest()] if i in (0, 2) else [])
        self.layers = nn.Sequential(*layers)
        self.out = nn.Linear(widths[-1], 10)

    def features(self, images: Tensor) -> Tensor:
        """(B, 64): the last convolution, averaged over the image."""
        return self.layers(to_unit(images, dtype=torch.float32)).mean((2, 3))

    def forward(self, images: Tensor) -> Tensor:
        return self.out(self.features(images))


@torch.no_grad()
def features_of(images: Tensor, classifier: Classifier) -> Tensor:
    """Features (N, 64) in float64 of images uint8 (N, 1, 28, 28). Raises ValueError if they have
    another shape, TypeError if they are not uint8."""
    if images.dim() != 4 or tuple(images.shape[1:]) != (1, 28, 28) or not len(images):
        raise ValueError(f"images must be (N, 1, 28, 28) with N >= 1; got {tuple(images.shape)}")
    return torch.cat([classifier.features(batch) for batch in images.split(BATCH)]).double()


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """||m_a - m_b||^2 + tr(C_a + C_b - 2 (C_a^(1/2) C_b C_a^(1/2))^(1/2))

    The squared distance between two Gaussians with the means m and the covariances C of two sets of
    features. Args: a (N, D) and b (M, D), at least 2 rows each. Computed in float64.
    Source: D. Dowson and B. Landau, The Frechet distance between multivariate normal distributions,
    1982; for generated images M. Heusel et al., 2017.
    """
    _check_features(a, b)

    def root(features: Tensor) -> Tensor:  # R, where R^T R is the covariance
        return torch.linalg.qr(features - features.mean(0), "r").R / math.sqrt(len(features) - 1)

    a, b = a.double(), b.double()
    r_a, r_b = root(a), root(b)
    product = torch.linalg.matrix_norm(r_a @ r_b.T, "nuc")
    gap = (a.mean(0) - b.mean(0)).square().sum()
    return max(0.0, (gap + r_a.square().sum() + r_b.square().sum() - 2 * product).item())


def kernel_distance(a: Tensor, b: Tensor) -> float:
    """E k(a, a') + E k(b, b') - 2 E k(a, b), k(x, y) = (<x, y> / D + 1)^3, unbiased

    The squared distance of two distributions in the sense of this kernel. No row is compared with
    itself, so the mean over many sets is right however small they are, and 0 if both have the same
    distribution: it may be negative. Args: a (N, D) and b (M, D), at least 2 rows each.
    Source: M. Binkowski et al., Demystifying MMD GANs, 2018.
    """
    _check_features(a, b)

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        return (x.double() @ y.double().T / x.shape[1] + 1) ** 3

    def within(x: Tensor) -> Tensor:
        k = kernel(x, x)
        return (k.sum() - k.diagonal().sum()) / (len(x) * (len(x) - 1))

    return (within(a) + within(b) - 2 * kernel(a, b).mean()).item()


def _check_features(a: Tensor, b: Tensor) -> None:
    if a.dim() != 2 or b.dim() != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        got = f"{tuple(a.shape)} and {tuple(b.shape)}"
        raise ValueError(f"a and b must be (N, D) and (M, D) with N, M >= 2; got {got}")


# --- the trained classifier ----------------------------------------------------------------------


def load_classifier() -> Classifier:
    """The classifier that comes with the package, in eval mode; ASSET.json is its card. Raises
    ValueError if its file is damaged."""
    card = json.loads(ASSET.with_suffix(".json").read_bytes())
    weights = ASSET.with_suffix(".safetensors")
    content = verify(weights.read_bytes(), card["sha256"], weights.name)
    classifier = Classifier()
    classifier.load_state_dict(load(content))
    return classifier.eval()
