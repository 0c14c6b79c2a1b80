"""The three terms of the bound against closed forms, quadrature and one another.           L0-L4"""

import math

import pytest
import torch
from torch import nn
from torch.distributions import Normal, kl_divergence

from diffenc_lite import (
    DiffEnc,
    IdentityEncoder,
    LinearSchedule,
    ScalingEncoder,
    bound,
    elbo,
    pixels,
    process,
)
from diffenc_lite.gaussian import best_ratio, kl_ratio

KINDS = ("identity", "scaling", "learned")
F64 = torch.float64
SNR_0 = math.exp(13.3)


def grid_of(steps: int, examples: int):
    """(s, t), each (steps * examples,): every step of an equal grid, the examples innermost."""
    grid = torch.arange(steps + 1, dtype=F64) / steps
    return grid[:-1].repeat_interleave(examples), grid[1:].repeat_interleave(examples)


def repeated(a: torch.Tensor, times: int) -> torch.Tensor:
    return a.repeat(times, *[1] * (a.dim() - 1))


def finite_depth(model, x, noise, steps, ratio=1.0):
    """The sum of L2 over all steps, each with the same noise: (B,)."""
    s, t = grid_of(steps, len(x))
    losses = bound.step_loss(model, repeated(x, steps), s, t, repeated(noise, steps), ratio)
    return losses.reshape(steps, len(x)).sum(0)


def infinite_depth(model, x, noise, nodes=200):
    """The integral of L4 over t by the Gauss-Legendre rule, with the same noise at each t: (B,)."""
    t, weight = legendre(nodes)
    t_all = t.repeat_interleave(len(x))
    losses = bound.diffusion_loss(model, repeated(x, nodes), t_all, repeated(noise, nodes))
    return weight @ losses.reshape(nodes, len(x))


def legendre(nodes: int):
    """Nodes and weights on [0, 1], from the eigenvalues of the Jacobi matrix."""
    k = torch.arange(1, nodes, dtype=F64)
    off = k / (4 * k**2 - 1).sqrt()
    values, vectors = torch.linalg.eigh(torch.diag(off, 1) + torch.diag(off, -1))
    return (values + 1) / 2, vectors[0] ** 2


# --- prior and reconstruction ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_prior_is_the_divergence_of_the_end_of_the_encoder_process(kind, small_model, normal):
    model, x = small_model(kind), normal(4, 2)
    n = model.schedule(torch.ones(4, dtype=F64))
    x_1 = model.encoder(x, n.gamma).x_t
    q = Normal(n.alpha[:, None] * x_1, n.sigma[:, None])
    expected = kl_divergence(q, Normal(torch.zeros_like(x), 1.0)).sum(1)
    torch.testing.assert_close(bound.prior_loss(model, x), expected, rtol=1e-10, atol=0)


def test_prior_of_plus_and_minus_one():
    """X3: 0.003358 nats for E1, 0.0000114 for E2."""
    x = torch.tensor([[1.0], [-1.0]], dtype=F64)
    for encoder, nats, places in (
        (IdentityEncoder(), 0.003358, 5e-7),
        (ScalingEncoder(), 1.14e-5, 5e-8),
    ):
        model = DiffEnc(nn.Linear(1, 1).double(), encoder)
        assert bound.prior_loss(model, x).tolist() == pytest.approx([nats] * 2, abs=places)


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
    nats = bound.reconstruction_loss(small_model(kind), images, eps)
    mean = (density * nats).sum() * (20 / 2000)
    exact = {"abs": 6e-7} if kind == "identity" else {"rel": 0.016}
    assert pixels.bits_per_dim(mean, 2).item() == pytest.approx(bits, **exact)


@pytest.mark.parametrize("levels", [16, 256])
@pytest.mark.parametrize("kind", KINDS)
def test_reconstruction_is_the_price_of_the_levels_in_z_0(kind, levels, small_model, pictures):
    """L1: z_0 = alpha_0 x_0 + sigma_0 eps, with x_0 the encoding at t = 0."""
    (images, _, eps), model = pictures, small_model(kind, levels=levels)
    images = images // (256 // levels)
    x = (2 * images.double() + 1) / levels - 1
    n = model.schedule(torch.zeros(3, dtype=F64))
    z_0 = n.alpha[:, None] * model.encoder(x, n.gamma).x_t + n.sigma[:, None] * eps
    expected = pixels.reconstruction_nats(images, z_0, n.like(x), levels)
    found = bound.reconstruction_loss(model, images, eps)
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-30)


@pytest.mark.parametrize("kind", KINDS)
def test_the_ends_are_the_same_alone_and_together(kind, small_model, pictures):
    model, (images, _, noise_0) = small_model(kind), pictures
    prior, reconstruction = bound.end_losses(model, images, noise_0)
    x = pixels.to_unit(images, dtype=F64)
    torch.testing.assert_close(prior, bound.prior_loss(model, x), rtol=1e-12, atol=0)
    alone = bound.reconstruction_loss(model, images, noise_0)
    torch.testing.assert_close(reconstruction, alone, rtol=1e-9, atol=1e-15)


def test_the_encoder_runs_once_for_both_ends_and_once_for_the_rest(small_model, pictures):
    model, batches = small_model("learned"), []
    model.encoder.network.register_forward_hook(lambda _, args, out: batches.append(len(args[0])))
    elbo(model, pictures[0])
    assert batches == [3, 6]


# --- one step -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ratio", [1.0, 0.4, 2.5])
def test_step_loss_is_the_divergence_of_posterior_and_generative_step(
    kind, ratio, small_model, normal
):
    """L2, from the two Gaussians themselves."""
    model, x, noise = small_model(kind), normal(6, 2), normal(6, 2)
    s, t = grid_of(6, 1)
    at_s, at_t = model.schedule(s), model.schedule(t)
    n_s, n_t = at_s.like(x), at_t.like(x)
    x_s, x_t = model.encoder(x, at_s.gamma).x_t, model.encoder(x, at_t.gamma).x_t
    z_t = n_t.alpha * x_t + n_t.sigma * noise
    x_hat = n_t.alpha * z_t - n_t.sigma * model.denoiser(z_t, at_t.gamma)
    u_hat = torch.zeros_like(x) if kind == "identity" else x_hat
    q = process.posterior(z_t, x_t, x_t - x_s, n_s, n_t)
    p = process.generative_step(z_t, x_hat, u_hat, n_s, n_t, ratio)
    expected = kl_divergence(
        Normal(q.mean, q.variance.sqrt().expand(6, 2)), Normal(p.mean, p.variance.sqrt())
    ).sum(1)
    loss = bound.step_loss(model, x, s, t, noise, ratio)
    torch.testing.assert_close(loss, expected, rtol=1e-9, atol=1e-10)


def test_step_loss_of_a_vdm_is_half_the_change_of_snr_times_the_error(small_model, normal):
    """L3 with E1 and w = 1: (1/2)(SNR(s) - SNR(t)) ||x - x_hat||^2."""
    model, x, noise = small_model("identity"), normal(6, 2), normal(6, 2)
    s, t = grid_of(6, 1)
    gamma_s, gamma_t = -13.3 + 18.3 * s, -13.3 + 18.3 * t
    alpha, sigma = torch.sigmoid(-gamma_t).sqrt()[:, None], torch.sigmoid(gamma_t).sqrt()[:, None]
    z_t = alpha * x + sigma * noise
    x_hat = alpha * z_t - sigma * model.denoiser(z_t, gamma_t)
    expected = 0.5 * (torch.exp(-gamma_s) - torch.exp(-gamma_t)) * ((x - x_hat) ** 2).sum(1)
    torch.testing.assert_close(bound.step_loss(model, x, s, t, noise), expected, rtol=1e-9, atol=0)


# --- infinite depth -------------------------------------------------------------------------------


def test_diffusion_loss_of_a_vdm_is_the_weighted_error_of_eps(small_model, normal):
    """L4 for E1: (1/2) gamma' ||eps - eps_hat||^2."""
    model, x, noise, t = small_model("identity"), normal(6, 2), normal(6, 2), grid_of(6, 1)[1]
    n = model.schedule(t).like(x)
    z = n.alpha * x + n.sigma * noise
    eps_hat = n.sigma * z + n.alpha * model.denoiser(z, model.schedule(t).gamma)
    expected = 0.5 * 18.3 * ((noise - eps_hat) ** 2).sum(1)
    torch.testing.assert_close(
        bound.diffusion_loss(model, x, t, noise), expected, rtol=1e-10, atol=0
    )


def test_diffusion_loss_of_the_scaling_encoder(small_model, normal):
    """L4 for E2: r = (1 + sigma^2)(v - v_hat)."""
    model, x, noise, t = small_model("scaling"), normal(6, 2), normal(6, 2), grid_of(6, 1)[1]
    n = model.schedule(t).like(x)
    x_t = n.alpha**2 * x
    v_hat = model.denoiser(n.alpha * x_t + n.sigma * noise, model.schedule(t).gamma)
    r = (1 + n.sigma**2) * (n.alpha * noise - n.sigma * x_t - v_hat)
    expected = 0.5 * 18.3 * ((n.alpha * r) ** 2).sum(1)
    torch.testing.assert_close(
        bound.diffusion_loss(model, x, t, noise), expected, rtol=1e-10, atol=0
    )


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
    drawn = elbo(
        model,
        images[:1].expand(512, -1),
        noise=noise[:1].expand(512, -1),
        generator=generator,
    ).diffusion.mean()
    x = pixels.to_unit(images[:1], dtype=F64)
    assert drawn.item() == pytest.approx(infinite_depth(model, x, noise[:1]).item(), rel=3e-3)


# --- worlds with exact answers --------------------------------------------------------------------


@pytest.mark.parametrize(
    "steps, ratio, gap",
    [
        (10, 1.0, 11.0612),
        (10, 0.5, 3.1730),
        (10, 2.0, 30.3033),
        (100, 1.0, 0.597150),
        (100, 0.5, 6.63261),
        (100, 2.0, 23.1836),
        (1000, 1.0, 0.056603),
        (1000, 0.5, 93.2786),
        (1000, 2.0, 160.186),
        (1, "best", 0.0),
        (3, "best", 0.0),
        (100, "best", 0.0),
    ],
)
def test_x2_gap_of_the_bound_for_gaussian_data(steps, ratio, gap, gaussian_model):
    """prior + diffusion - I(x; z_0), in nats. All losses are quadratic in (x, eps), so their
    expectation under N(0, 1) is the mean over the four corners x, eps = +-1, exactly."""
    model = gaussian_model(0.0, 1.0)
    x = torch.tensor([[1.0], [1.0], [-1.0], [-1.0]], dtype=F64)
    noise = torch.tensor([[1.0], [-1.0], [1.0], [-1.0]], dtype=F64)
    s, t = grid_of(steps, 4)
    squared = bound.step_gap(model, repeated(x, steps), s, t, repeated(noise, steps))
    m = squared.reshape(steps, 4).mean(1)
    diffusion = kl_ratio(m, best_ratio(m) if ratio == "best" else ratio, 1).sum()
    prior = bound.prior_loss(model, x).mean()
    information = 0.5 * math.log1p(SNR_0)
    found = (prior + diffusion - information).item()
    assert found == pytest.approx(gap, rel=1e-5, abs=1e-10)
    if ratio != "best":  # step_loss is the same, summed one by one
        total = finite_depth(model, x, noise, steps, ratio).mean()
        assert total.item() == pytest.approx(diffusion.item(), rel=1e-10)


class PlusMinusOne(nn.Module):
    """The exact denoiser of data +1 or -1, encoded as x or as alpha_t^2 x."""

    def __init__(self, scaled: bool):
        super().__init__()
        self.scaled = scaled

    def forward(self, z, gamma):
        alpha2, sigma2 = torch.sigmoid(-gamma)[:, None], torch.sigmoid(gamma)[:, None]
        size = alpha2 if self.scaled else torch.ones_like(alpha2)
        x_hat = size * torch.tanh(alpha2.sqrt() * size * z / sigma2)
        return (alpha2.sqrt() * z - x_hat) / sigma2.sqrt()


@pytest.mark.parametrize("scaled, nats", [(False, 0.693147), (True, 0.693147 + 0.050976)])
def test_x3_total_for_plus_and_minus_one(scaled, nats):
    """prior + diffusion at infinite depth, by quadrature over t and eps; x = 1 by symmetry."""
    model = DiffEnc(PlusMinusOne(scaled), ScalingEncoder() if scaled else IdentityEncoder())
    t, weight = legendre(160)
    eps = torch.linspace(-9, 9, 361, dtype=F64)
    density = torch.exp(-0.5 * eps**2) / math.sqrt(2 * math.pi) * (18 / 360)
    x, noise = torch.ones(160 * 361, 1, dtype=F64), eps.repeat(160)[:, None]
    losses = bound.diffusion_loss(model, x, t.repeat_interleave(361), noise)
    diffusion = weight @ losses.reshape(160, 361) @ density
    total = diffusion + bound.prior_loss(model, x[:1])[0]
    assert total.item() == pytest.approx(nats, abs=1e-6)


# --- float32 --------------------------------------------------------------------------------------


def relative(low, high):
    return ((low.double() - high) / high).abs().max().item()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("steps", [1, 10, 100, 1000])
def test_float32_steps_agree_with_float64(kind, steps, small_model, normal):
    """Each of T steps, and their sum."""
    x, noise = normal(2, 2).clamp(-1, 1).float(), normal(2, 2).float()
    low, high = small_model(kind, dtype=torch.float32), small_model(kind, dtype=torch.float32)
    high = high.double()
    s, t = grid_of(steps, 2)
    x, noise = repeated(x, steps), repeated(noise, steps)
    for ratio in (1.0, 0.6, 1.5):
        a = bound.step_loss(low, x, s.float(), t.float(), noise, ratio)
        b = bound.step_loss(high, x.double(), s, t, noise.double(), ratio)
        assert relative(a, b) < 1e-3
        assert relative(a.sum(), b.sum()) < 1e-5


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("steps", [10, 1000])
def test_float32_steps_of_an_exact_denoiser(scaled, steps, gaussian_model, normal):
    """Where v - v_hat is small; the mean over examples of each step, down to 4e-9 nats."""
    x, noise = 0.5 * normal(64, 1), normal(64, 1)
    model = gaussian_model(0.0, 0.25, scaled)
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
        low = bound.prior_loss(DiffEnc(nn.Linear(1, 1), ScalingEncoder(), schedule), x)
        high = bound.prior_loss(DiffEnc(nn.Linear(1, 1), ScalingEncoder(), schedule), x.double())
        assert relative(low, high) < 1e-3
