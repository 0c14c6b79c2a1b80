"""The three terms of the bound against closed forms, quadrature and one another.           L0-L4"""

import math

import numpy as np
import pytest
import torch
from draws import F64, KINDS, even
from torch import nn
from torch.distributions import Normal, kl_divergence

from diffenc_lite import DiffEnc, LinearSchedule, ScalingEncoder, bound, elbo, pixels
from diffenc_lite.course.worlds import SCALING, VDM, Exact, Gaussian


def grid_of(steps: int, examples: int):
    """(s, t), each (steps * examples,): every step of an equal grid, the examples innermost."""
    grid = even(steps)
    return grid[:-1].repeat_interleave(examples), grid[1:].repeat_interleave(examples)


def repeated(a: torch.Tensor, times: int) -> torch.Tensor:
    return a.repeat(times, *[1] * (a.dim() - 1))


def finite_depth(model, x, noise, steps):
    """The sum of L2 over all steps, each with the same noise: (B,)."""
    s, t = grid_of(steps, len(x))
    losses = bound.step_loss(model, repeated(x, steps), s, t, repeated(noise, steps))
    return losses.reshape(steps, len(x)).sum(0)


def infinite_depth(model, x, noise, nodes=200):
    """The integral of L4 over t by the Gauss-Legendre rule, with the same noise at each t: (B,)."""
    t, weight = (torch.from_numpy(a) for a in np.polynomial.legendre.leggauss(nodes))
    t_all = (t + 1).repeat_interleave(len(x)) / 2
    losses = bound.diffusion_loss(model, repeated(x, nodes), t_all, repeated(noise, nodes))
    return weight @ losses.reshape(nodes, len(x)) / 2


# --- prior and reconstruction ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_prior_is_the_divergence_of_the_end_of_the_encoder_process(kind, small_model, pictures):
    """Alone, and from the one call for both ends."""
    model, (images, _, eps_0) = small_model(kind), pictures
    x, n = pixels.to_unit(images, dtype=F64), model.schedule(torch.ones(3, dtype=F64))
    q = Normal(n.alpha[:, None] * model.encode(x, n.gamma).x_t, n.sigma[:, None])
    expected = kl_divergence(q, Normal(torch.zeros_like(x), 1.0)).sum(1)
    for prior in (bound.prior_loss(model, x), bound.end_losses(model, images, eps_0)[0]):
        torch.testing.assert_close(prior, expected, rtol=1e-10, atol=0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("level, bits", [(0, 0.005227), (77, 0.010453)])
def test_x1_whatever_is_learned(kind, level, bits, small_model):
    """Reconstruction by quadrature over eps, two dimensions of the same grey level.

    An encoder moves x_0 by up to 2 sigma_0^2 (X7), which changes the odds of the next level by a
    factor of up to exp(4/256): exact for E1 only, and 1.6% for the rest.
    """
    eps = torch.linspace(-10, 10, 2001, dtype=F64)[:, None].expand(-1, 2)
    images = torch.full((2001, 2), level, dtype=torch.uint8)
    density = torch.exp(-0.5 * eps[:, 0] ** 2) / math.sqrt(2 * math.pi)
    nats = bound.end_losses(small_model(kind), images, eps)[1]
    mean = (density * nats).sum() * (20 / 2000)
    exact = {"abs": 6e-7} if kind == "identity" else {"rel": 0.016}
    assert pixels.bits_per_dim(mean, 2).item() == pytest.approx(bits, **exact)


def test_the_encoder_runs_once_for_both_ends_and_once_for_the_rest(small_model, pictures):
    model, batches = small_model("learned"), []
    model.encoder.network.register_forward_hook(lambda _, args, out: batches.append(len(args[0])))
    elbo(model, pictures[0])
    assert batches == [3, 6]


# --- infinite depth -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_finite_depth_tends_to_infinite_depth(kind, small_model, normal):
    """L3 -> L4: the error halves when T doubles, and Richardson's extrapolation leaves O(1/T^2)."""
    model, x, noise = small_model(kind), normal(2, 2), normal(2, 2)
    limit = infinite_depth(model, x, noise)
    depths = (64, 128, 256, 512, 1024)
    finite = [finite_depth(model, x, noise, T) for T in depths]
    errors = [value - limit for value in finite]
    for a, b in zip(errors[:-1], errors[1:], strict=True):
        torch.testing.assert_close(b / a, torch.full_like(a, 0.5), rtol=0.1, atol=0)
    extrapolated = 2 * finite[-1] - finite[-2]
    assert bool(((extrapolated - limit).abs() < 2e-2 * errors[-1].abs()).all())


def test_drawn_depths_integrate_over_t(small_model, pictures, generator):
    """512 equal images at infinite depth: low discrepancy makes their mean the integral."""
    model, (images, noise, _) = small_model("learned"), pictures
    images, noise_512 = images[:1].expand(512, -1), noise[:1].expand(512, -1)
    drawn = elbo(model, images, noise=noise_512, generator=generator).diffusion.mean()
    x = pixels.to_unit(images[:1], dtype=F64)
    assert drawn.item() == pytest.approx(infinite_depth(model, x, noise[:1]).item(), rel=3e-3)


# --- float32 --------------------------------------------------------------------------------------


def relative(low, high):
    return ((low.double() - high) / high).abs().max().item()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("steps", [1, 1000])
def test_float32_steps_agree_with_float64(kind, steps, small_model, normal):
    """Each of T steps, and their sum."""
    x, noise = normal(2, 2).clamp(-1, 1).float(), normal(2, 2).float()
    low, high = (small_model(kind, dtype=torch.float32) for _ in range(2))
    high = high.double()
    s, t = grid_of(steps, 2)
    x, noise = repeated(x, steps), repeated(noise, steps)
    a = bound.step_loss(low, x, s.float(), t.float(), noise, 0.6)
    b = bound.step_loss(high, x.double(), s, t, noise.double(), 0.6)
    assert relative(a, b) < 1e-3
    assert relative(a.sum(), b.sum()) < 1e-5


@pytest.mark.parametrize("encoder", [VDM, SCALING], ids=["identity", "scaling"])
@pytest.mark.parametrize("steps", [10, 1000])
def test_float32_steps_of_an_exact_denoiser(encoder, steps, normal):
    """Where v - v_hat is small; the mean over examples of each step, down to 4e-9 nats."""
    x, noise = 0.5 * normal(64, 1), normal(64, 1)
    model = Exact(Gaussian(0.25), encoder).model()
    s, t = grid_of(steps, 64)
    x, noise = repeated(x.float(), steps), repeated(noise.float(), steps)
    high = bound.step_loss(model, x.double(), s, t, noise.double()).reshape(steps, 64).mean(1)
    low = bound.step_loss(model.float(), x, s.float(), t.float(), noise).reshape(steps, 64).mean(1)
    assert relative(low, high) < 1e-3


def test_float32_prior_where_it_is_smallest():
    """E2 on data +-1: 1e-5 nats, from terms near 1 that cancel. Luck does not hold at 21 ends."""
    x = torch.tensor([[1.0], [-1.0], [0.004]])
    for i in range(21):
        schedule = LinearSchedule(-13.3, 4 + i / 20)
        model = DiffEnc(nn.Linear(1, 1), ScalingEncoder(), schedule)
        low, high = bound.prior_loss(model, x), bound.prior_loss(model, x.double())
        assert relative(low, high) < 1e-3
