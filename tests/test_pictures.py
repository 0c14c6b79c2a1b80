"""Worlds of pictures: their denoisers are perfect, and what they draw is what a sampler draws."""

import pytest
import torch
from draws import F64, seeded
from torch import nn

from diffenc_lite import Chain, DiffEnc, Noise, fit, sample_steps
from diffenc_lite.course.worlds import OneOf, drawn_variances
from diffenc_lite.process import x_from_v

VARIANCES = torch.tensor([0.06, 0.02, 1e-3], dtype=F64)
ERROR = torch.tensor([0.4, -0.3, 0.2], dtype=F64)


def test_one_of_some_pictures_is_guessed_as_bayes_would(normal):
    x, z, gamma = normal(4, 1, 2, 3), normal(5, 1, 2, 3), torch.linspace(-3, 3, 5, dtype=F64)
    n = Noise.from_gamma(gamma).like(z)
    x_hat = x_from_v(z, OneOf(x)(z, gamma), n)
    likelihood = torch.stack([(-0.5 * ((z - n.alpha * one) / n.sigma) ** 2).sum((1, 2, 3)).exp()
                              for one in x], 1)  # fmt: skip
    share = likelihood / likelihood.sum(1, keepdim=True)
    torch.testing.assert_close(x_hat, torch.einsum("bn,nchw->bchw", share, x))


class Linear(nn.Module):
    """v_hat of the perfect denoiser of a normal world, and off by ERROR z."""

    def __init__(self, size):
        super().__init__()
        self.size, self.dtype_of_model = size, nn.Parameter(torch.zeros(1, dtype=F64))

    def forward(self, z, gamma):
        n = Noise.from_gamma(gamma).like(z)
        x_hat = n.alpha * VARIANCES / (n.alpha**2 * VARIANCES + n.sigma**2) * z
        return (n.alpha * z - x_hat) / n.sigma + self.size * ERROR * z


@pytest.mark.parametrize("size", [0.0, 1.0])
@pytest.mark.parametrize("steps", [2, 7])
def test_a_normal_world_is_drawn_with_these_variances(steps, size):
    """And w* is the ratio that `fit` finds."""
    model = DiffEnc(Linear(size), shape=(3,))
    x = torch.randn(20_000, 3, generator=seeded(1), dtype=F64) * VARIANCES.sqrt()
    images = ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    best = fit(model, images, steps, scale=False, generator=seeded(2)).ratio
    for share, ratio in ((0.0, 1.0), (0.25, 1 / (1 + (1 / best - 1) / 4)), (1.0, best)):
        with torch.no_grad():
            *_, last = sample_steps(model, 20_000, Chain.equal(steps, ratio), generator=seeded(3))
        expected = drawn_variances(VARIANCES, steps, share, size * ERROR)
        assert last.x_hat.var(0).tolist() == pytest.approx(expected.tolist(), rel=0.05)
