"""The three terms of the bound against closed forms, quadrature and one another.           L0-L4"""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.distributions import Normal, kl_divergence

from diffenc_lite import DiffEnc, IdentityEncoder, ScalingEncoder, bound, elbo, pixels, process
from diffenc_lite.gaussian import best_ratio, kl_ratio, kl_to_standard, sum_dims

KINDS = ("identity", "scaling", "learned")
F64 = torch.float64
SNR_0, SNR_1 = math.exp(13.3), math.exp(-5.0)


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


@pytest.fixture
def pictures(generator):
    """images, noise, noise_0 for 3 points in the plane."""
    images = torch.randint(0, 256, (3, 2), generator=generator).to(torch.uint8)
    draw = [torch.randn(3, 2, generator=generator, dtype=F64) for _ in range(2)]
    return images, *draw


# --- closed forms of Gaussians --------------------------------------------------------------------


def test_kl_to_standard(normal):
    mean, sd = normal(5, 3), normal(5, 3).exp()
    expected = kl_divergence(Normal(mean, sd), Normal(torch.zeros_like(mean), 1.0)).sum(1)
    torch.testing.assert_close(kl_to_standard(mean, sd**2), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("ratio", [0.2, 1.0, 3.0])
def test_kl_ratio(ratio, normal):
    mean_q, mean_p, sd_q = normal(5, 3), normal(5, 3), normal(5, 1).exp().expand(5, 3)
    p = Normal(mean_p, sd_q / math.sqrt(ratio))
    expected = kl_divergence(Normal(mean_q, sd_q), p).sum(1)
    squared = sum_dims(((mean_p - mean_q) / sd_q) ** 2)
    torch.testing.assert_close(kl_ratio(squared, ratio, 3), expected, rtol=1e-12, atol=1e-12)


def test_best_ratio_is_the_minimum_and_costs_the_logarithm():
    """W1: no other w is cheaper, w* <= 1, and the step then costs (d/2) ln(1 + m)."""
    m, dims = torch.tensor([1e-6, 0.3, 1.0, 40.0], dtype=F64), 5
    best = kl_ratio(dims * m, best_ratio(m), dims)
    assert bool((best_ratio(m) <= 1).all())
    torch.testing.assert_close(best, 0.5 * dims * torch.log1p(m), rtol=1e-9, atol=0)
    for factor in (0.5, 0.99, 1.01, 2.0):
        assert bool((kl_ratio(dims * m, factor * best_ratio(m), dims) > best).all())


def test_a_constant_ratio_diverges_and_one_that_closes_in_does_not():
    """W2: T (d/2)(w - 1 - ln w) grows with T; w = 1 + kappa/sqrt(T) gives d kappa^2/4 at last."""
    nothing, kappa, dims = torch.zeros(1, dtype=F64), 0.8, 6
    constant = [T * kl_ratio(nothing, 2.0, dims).item() for T in (10, 1000)]
    assert constant == pytest.approx([30 * (1 - math.log(2)), 3000 * (1 - math.log(2))])
    closing = 10**6 * kl_ratio(nothing, 1 + kappa / 10**3, dims).item()
    assert closing == pytest.approx(dims * kappa**2 / 4, rel=1e-3)


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
    assert batches == [6, 3]


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


# --- elbo: one step, every step, ratios, grids ----------------------------------------------------


def test_low_discrepancy_covers_the_unit_interval(generator):
    like = torch.zeros(1, dtype=F64)
    for n in (1, 2, 7, 128):
        t = bound.low_discrepancy(n, like, generator).sort().values
        assert t.shape == (n,) and t.min() >= 0 and t.max() < 1
        around = torch.cat([t, t[:1] + 1]).diff()
        torch.testing.assert_close(around, torch.full_like(around, 1 / n), rtol=1e-9, atol=0)


def test_each_depth_is_uniform_by_itself(generator):
    """Kolmogorov-Smirnov at 0.1% for each coordinate."""
    like, draws = torch.zeros(1, dtype=F64), 4000
    t = torch.stack([bound.low_discrepancy(4, like, generator) for _ in range(draws)])
    ranks = torch.arange(draws, dtype=F64)[:, None] / draws
    assert (t.sort(0).values - ranks).abs().max() < 1.95 / math.sqrt(draws)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [{}, {"steps": 5}, {"steps": 5, "every_step": True}])
def test_elbo_is_a_function_of_what_is_given(kind, options, small_model, pictures, generator):
    """With t, noise and noise_0 given nothing is drawn, not even for an optimal ratio."""
    model, (images, noise, noise_0) = small_model(kind), pictures
    given = {"t": torch.tensor([0.1, 0.5, 0.9]), "noise": noise, "noise_0": noise_0}
    ratios = (1.0, "optimal") if "steps" in options else (1.0,)
    for ratio in ratios:
        before = generator.get_state()
        first = elbo(model, images, ratio=ratio, generator=generator, **given, **options)
        assert torch.equal(generator.get_state(), before)
        assert torch.equal(elbo(model, images, ratio=ratio, **given, **options).total, first.total)


def test_elbo_draws_from_its_generator_only(small_model, pictures):
    model, images = small_model("learned"), pictures[0]
    state = torch.get_rng_state()

    def total(seed, **options):
        return elbo(model, images, generator=torch.Generator().manual_seed(seed), **options).total

    for options in ({}, {"steps": 4}, {"steps": 4, "every_step": True, "ratio": "optimal"}):
        assert torch.equal(total(1, **options), total(1, **options))
        assert bool((total(1, **options) != total(2, **options)).all())
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("kind", KINDS)
def test_elbo_is_made_of_its_pieces(kind, small_model, pictures):
    model, (images, noise, noise_0) = small_model(kind), pictures
    x, t = pixels.to_unit(images, dtype=F64), torch.tensor([0.2, 0.5, 0.95], dtype=F64)
    found = elbo(model, images, t=t, noise=noise, noise_0=noise_0)
    prior, reconstruction = bound.end_losses(model, images, noise_0)
    assert torch.equal(found.prior, prior) and torch.equal(found.reconstruction, reconstruction)
    assert torch.equal(found.diffusion, bound.diffusion_loss(model, x, t, noise))
    total = prior + reconstruction + found.diffusion
    assert torch.equal(found.total, total)
    torch.testing.assert_close(found.bits_per_dim(), total / (2 * math.log(2)), rtol=1e-12, atol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_every_step_is_the_mean_of_single_steps(kind, small_model, pictures):
    """t in the middle of step i, or at its upper end, picks step i, which counts T times."""
    model, (images, noise, noise_0) = small_model(kind), pictures
    ratio = torch.tensor([0.5, 1.0, 2.0, 0.8], dtype=F64)
    given = {"steps": 4, "ratio": ratio, "noise": noise, "noise_0": noise_0}
    whole = elbo(model, images, every_step=True, **given).diffusion
    for place in (0.5, 1.0):
        t = [torch.full((3,), (i + place) / 4) for i in range(4)]
        single = torch.stack([elbo(model, images, t=t_i, **given).diffusion for t_i in t])
        torch.testing.assert_close(single.mean(0), whole, rtol=1e-12, atol=0)


def test_drawn_steps_are_spread_evenly(small_model, pictures):
    """As many equal images as steps: each step is drawn once, so the mean is the whole sum."""
    model, (images, noise, _) = small_model("learned"), pictures
    images, noise = images[:1].expand(6, -1), noise[:1].expand(6, -1)
    whole = elbo(model, images, steps=6, every_step=True, noise=noise).diffusion
    for _ in range(3):
        drawn = elbo(model, images, steps=6, noise=noise).diffusion
        torch.testing.assert_close(drawn.mean(), whole[0], rtol=1e-10, atol=0)


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


def test_row_i_of_the_ratio_belongs_to_step_i(small_model, pictures):
    model, (images, noise, _) = small_model("scaling"), pictures
    x = pixels.to_unit(images, dtype=F64)
    ratio = [0.3, 0.9, 1.7]
    for i, w in enumerate(ratio):
        t = torch.full((3,), (i + 0.5) / 3)
        found = elbo(model, images, steps=3, ratio=torch.tensor(ratio), t=t, noise=noise)
        s, end = torch.full((3,), i / 3, dtype=F64), torch.full((3,), (i + 1) / 3, dtype=F64)
        expected = 3 * bound.step_loss(model, x, s, end, noise, w)
        torch.testing.assert_close(found.diffusion, expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_the_optimal_ratio_beats_every_fixed_one(kind, small_model, pictures):
    """W1, the same noise on both sides; the mean over the batch is what it minimises."""
    model, (images, noise, noise_0) = small_model(kind), pictures
    given = {"steps": 5, "every_step": True, "noise": noise, "noise_0": noise_0}
    best = elbo(model, images, ratio="optimal", **given).total.mean()
    for ratio in (0.02, 0.1, 0.5, 0.9, 1.0, 1.1, 2.0):
        assert best < elbo(model, images, ratio=ratio, **given).total.mean()


def test_the_optimal_ratio_makes_each_step_cost_the_logarithm(small_model, pictures):
    """W1: (d/2) ln(1 + m), m the mean over batch and dimensions."""
    model, (images, noise, _) = small_model("learned"), pictures
    x, grid = pixels.to_unit(images, dtype=F64), torch.arange(4, dtype=F64) / 3
    m = torch.stack([gap.mean() for gap in bound.mean_gaps(model, x, grid, noise=noise)])
    found = elbo(model, images, steps=3, every_step=True, ratio="optimal", noise=noise)
    expected = torch.log1p(m).sum()  # d = 2
    torch.testing.assert_close(found.diffusion.mean(), expected, rtol=1e-10, atol=0)


def test_a_grid_of_equal_steps_changes_nothing_and_another_does(small_model, pictures):
    model, (images, noise, noise_0) = small_model("learned"), pictures
    given = {"steps": 4, "every_step": True, "noise": noise, "noise_0": noise_0}
    plain = elbo(model, images, **given).diffusion
    equal = elbo(model, images, grid=torch.linspace(0, 1, 5, dtype=F64), **given).diffusion
    assert torch.equal(plain, equal)
    grid = torch.tensor([0, 0.1, 0.4, 0.7, 1], dtype=F64)
    x = pixels.to_unit(images, dtype=F64)
    by_hand = sum(
        bound.step_loss(model, x, s.expand(3), t.expand(3), noise)
        for s, t in zip(grid[:-1], grid[1:], strict=True)
    )
    found = elbo(model, images, grid=grid, **given).diffusion
    torch.testing.assert_close(found, by_hand, rtol=1e-12, atol=0)
    assert bool((found != plain).all())


# --- gradients ------------------------------------------------------------------------------------

MODES = {
    "infinite": {},
    "one step": {"steps": 4, "ratio": torch.tensor([0.5, 1.0, 2.0, 0.8], dtype=F64)},
    "every step": {"steps": 3, "every_step": True, "ratio": 0.7},
    "optimal": {"steps": 3, "every_step": True, "ratio": "optimal"},  # envelope theorem
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_gradient_of_the_bound_in_every_parameter(kind, mode, small_model, pictures):
    """Against central differences: denoiser, encoder network and both end points of gamma."""
    model, (images, noise, noise_0) = small_model(kind, learned_schedule=True), pictures
    t = torch.tensor([0.15, 0.45, 0.8], dtype=F64)

    def loss():
        return elbo(model, images, t=t, noise=noise, noise_0=noise_0, **MODES[mode]).total.mean()

    parameters = dict(model.named_parameters())
    assert {"schedule.gamma_min", "schedule.log_width"} < parameters.keys()
    gradients = torch.autograd.grad(loss(), list(parameters.values()))
    with torch.no_grad():
        for (name, parameter), gradient in zip(parameters.items(), gradients, strict=True):
            values, expected, h = (
                parameter.view(-1),
                torch.zeros(parameter.numel(), dtype=F64),
                1e-5,
            )
            for i in range(len(values)):
                kept = values[i].clone()
                values[i] = kept + h
                above = loss()
                values[i] = kept - h
                expected[i] = (above - loss()) / (2 * h)
                values[i] = kept
            torch.testing.assert_close(
                gradient.view(-1), expected, rtol=1e-5, atol=1e-5, msg=lambda m, n=name: f"{n}: {m}"
            )
            assert bool((gradient != 0).all()), name


# --- shapes, dtypes, float32 ----------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    shape=st.sampled_from([(2,), (1, 28, 28), (3, 32, 32), (28, 28, 1)]),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    batch=st.integers(1, 3),
    levels=st.sampled_from([2, 16, 256]),
    options=st.sampled_from(
        [{}, {"steps": 1}, {"steps": 3, "every_step": True}, {"steps": 3, "ratio": "optimal"}]
    ),
)
def test_shapes_and_dtypes(small_model, kind, shape, dtype, batch, levels, options):
    """Any shape gives what the flattened data give, per example, in the dtype of the model."""
    g = torch.Generator().manual_seed(0)
    images = torch.randint(0, levels, (batch, *shape), generator=g).to(torch.uint8)
    model = small_model(kind, shape, dtype, levels=levels)
    flat = small_model(kind, (images[0].numel(),), dtype, levels=levels)
    a = elbo(model, images, generator=torch.Generator().manual_seed(1), **options)
    b = elbo(flat, images.flatten(1), generator=torch.Generator().manual_seed(1), **options)
    for name in ("prior", "reconstruction", "diffusion", "total"):
        term = getattr(a, name)
        assert term.shape == (batch,) and term.dtype == dtype and bool(term.isfinite().all())
        torch.testing.assert_close(term, getattr(b, name), rtol=1e-4, atol=0)
    assert a.bits_per_dim().shape == (batch,) and a.dims == images[0].numel()


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


@pytest.mark.parametrize("kind", KINDS)
def test_float32_terms_agree_with_float64(kind, small_model, generator):
    images = torch.randint(0, 256, (200, 2), generator=generator).to(torch.uint8)
    noise, noise_0 = (torch.randn(200, 2, generator=generator) for _ in range(2))
    given = {"t": torch.linspace(0, 1, 200), "noise": noise, "noise_0": noise_0}
    low = elbo(small_model(kind, dtype=torch.float32), images, **given)
    high = elbo(small_model(kind, dtype=torch.float32).double(), images, **given)
    for name in ("prior", "reconstruction", "diffusion", "total"):
        assert getattr(low, name).dtype == torch.float32
        assert relative(getattr(low, name), getattr(high, name)) < 1e-3, name


def test_float32_prior_where_it_is_smallest():
    """E2 on data +-1: 1e-5 nats, from terms near 1 that cancel."""
    x = torch.tensor([[1.0], [-1.0], [0.004]])
    model = DiffEnc(nn.Linear(1, 1), ScalingEncoder())
    assert relative(bound.prior_loss(model, x), bound.prior_loss(model.double(), x.double())) < 1e-3
