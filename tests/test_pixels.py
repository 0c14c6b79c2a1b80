"""8-bit data <-> (-1, 1), and p(x | z_0).                                                   G2"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diffenc_lite import Noise, pixels


def noise_at(gamma: float, like: torch.Tensor) -> Noise:
    return Noise.from_gamma(torch.tensor([gamma], dtype=like.dtype)).like(like)


@pytest.mark.parametrize("levels", [2, 3, 16, 255, 256])
def test_levels_sit_in_the_middle_of_equal_cells(levels):
    images = torch.arange(levels).to(torch.uint8)
    x = pixels.to_unit(images, levels, torch.float64)
    edges = torch.linspace(-1, 1, levels + 1, dtype=torch.float64)
    torch.testing.assert_close(x, (edges[:-1] + edges[1:]) / 2, rtol=0, atol=1e-14)
    assert -1 < x.min() and x.max() < 1
    assert torch.equal(pixels.to_levels(x, levels), images)
    assert torch.equal(pixels.to_levels(pixels.to_unit(images, levels), levels), images)


@given(st.floats(-1.5, 1.5), st.integers(2, 256))
def test_to_levels_is_the_nearest_level(x, levels):
    grid = pixels.to_unit(torch.arange(levels).to(torch.uint8), levels, torch.float64)
    nearest = pixels.to_levels(torch.tensor(x, dtype=torch.float64), levels)
    distance = (grid - x).abs()
    assert distance[int(nearest)] <= distance.min() + 1e-12


@pytest.mark.parametrize("gamma", [-13.3, -8.0, -4.0, 0.0, 5.0])
def test_float32_agrees_with_float64(gamma, normal, generator):
    """Also where most pixels cost 1e-8 to 1e-4 nats, near their level: each is right to 1e-3."""
    images = torch.randint(0, 256, (5000, 1), generator=generator).to(torch.uint8)
    eps = normal(5000, 1).float()

    def nats(dtype):
        n = noise_at(gamma, eps.to(dtype))
        z_0 = n.alpha * pixels.to_unit(images, dtype=dtype) + n.sigma * eps.to(dtype)
        return pixels.reconstruction_nats(images, z_0, n).double()

    torch.testing.assert_close(nats(torch.float32), nats(torch.float64), rtol=1e-3, atol=1e-30)
    z_0 = eps[:300]
    low = pixels.reconstruction_nats(images[:300], z_0, noise_at(gamma, z_0))
    high = pixels.reconstruction_nats(images[:300], z_0.double(), noise_at(gamma, z_0.double()))
    torch.testing.assert_close(low.double(), high, rtol=1e-3, atol=0)


def test_levels_are_drawn_in_pieces(generator, monkeypatch):
    """Otherwise samples of 400 digits take 0.7 GB; the pieces draw what the whole would."""
    z_0, calls, multinomial = torch.randn(50, 400, generator=generator), [], torch.multinomial
    monkeypatch.setattr(torch, "multinomial", lambda p, *a, **b: (
        calls.append(p.numel()), multinomial(p, *a, **b))[1])  # fmt: skip
    n, seed = noise_at(-8.0, z_0), torch.Generator().manual_seed
    drawn = pixels.draw_levels(z_0, n, generator=seed(1))
    assert len(calls) > 1 and max(calls) <= 2**22
    whole = multinomial(pixels.level_logits(z_0, n).softmax(-1).flatten(0, 1), 1, generator=seed(1))
    assert torch.equal(drawn.flatten().long(), whole.flatten())


@pytest.mark.parametrize("levels", [2, 5, 100, 256])
@pytest.mark.parametrize("gamma_0", [-16.0, -13.3, -9.0, -4.0, 0.0])
def test_levels_left_out_of_the_reconstruction_do_not_count(levels, gamma_0, generator):
    images = torch.randint(0, levels, (8, 50), generator=generator).to(torch.uint8)
    noise = Noise.from_gamma(torch.full((8, 1), gamma_0, dtype=torch.float64))
    # Also far outside what a level and the noise would give: z_0 is anything.
    far = 3 * torch.randn((8, 50), generator=generator, dtype=torch.float64)
    near = pixels.to_unit(images, levels, torch.float64) + noise.sigma * far
    for z_0 in (noise.alpha * near, noise.alpha * far):
        z_0.requires_grad_()
        log_p = pixels.level_logits(z_0, noise, levels).log_softmax(-1)
        all_levels = -log_p.gather(-1, images.long()[..., None])[..., 0].sum(1)
        nats = pixels.reconstruction_nats(images, z_0, noise, levels)
        torch.testing.assert_close(nats, all_levels, rtol=1e-9, atol=1e-9)
        gradients = (torch.autograd.grad(a.sum(), z_0)[0] for a in (nats, all_levels))
        torch.testing.assert_close(*gradients, rtol=1e-7, atol=1e-7)
