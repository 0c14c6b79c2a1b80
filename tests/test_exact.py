"""The exact worlds: against closed forms and printed figures, and the library against them."""

import math

import pytest
import torch
from draws import F64, even, guessing, seeded

from diffenc_lite import Chain, DiffEnc, Noise, fit, sample_steps
from diffenc_lite.bound import diffusion_loss, prior_loss, step_loss
from diffenc_lite.course.worlds import SCALING, VDM, Exact, Gaussian, Mixture, PlusMinus, World
from diffenc_lite.course.worlds.best_motion import best_fade, best_motion, direction_bills
from diffenc_lite.course.worlds.exact import reconstruction_by_level, stretch
from diffenc_lite.course.worlds.integrals import integrate, mean_over_normal, normal_nodes
from diffenc_lite.course.worlds.pictures import PerfectDenoiser, drawn_variances
from diffenc_lite.gaussian import best_ratio
from diffenc_lite.process import x_from_v

HALF = stretch(lambda lam: 0.5 + 0.5 * torch.sigmoid(lam - 1))
RISING = stretch(lambda lam: torch.exp(0.4 * torch.sigmoid(-lam)))  # c grows with the noise
ENCODERS = {"identity": VDM, "scaling": SCALING, "half": HALF, "rising": RISING}
SKEWED = Mixture([[-0.8], [0.1], [0.7]], [0.05, 0.2, 0.02], [0.5, 0.3, 0.2])
FLAT = Mixture([[-0.5, -0.4], [0.6, 0.3]], [0.05, 0.1], [0.3, 0.7])


def gammas(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=F64)


# --- quadrature -----------------------------------------------------------------------------------


def test_normal_mean_refuses_what_does_not_converge():
    with pytest.raises(ArithmeticError, match="did not converge"):
        mean_over_normal(lambda eps: (eps[:, 0] > 0.377).double()[None])


def test_integrate_handles_kinks_and_refuses_poles():
    exact = (0.3**2 + 1.7**2) / 2
    assert integrate(lambda a: (a - 0.3).abs(), 0.0, 2.0, 1e-10) == pytest.approx(exact, abs=1e-9)
    with pytest.raises(ArithmeticError, match=r"near 0\.(3|2999)"):
        integrate(lambda a: 1 / (a - 0.3).abs(), 0.0, 2.0)


@pytest.mark.parametrize("gamma_0", [-6.0, -2.0, 1.0])
def test_x1_is_the_lost_information_where_levels_are_equally_likely(gamma_0):
    """With equal odds p(x | z_0) is the posterior, so the mean cost is H(x) - I(x; z_0), which a
    world of 8 points knows in another way."""
    points = Mixture([[(2 * k + 1) / 8 - 1] for k in range(8)], [0.0] * 8)
    mean = float(reconstruction_by_level(gamma_0, levels=8).mean())
    assert mean == pytest.approx(Exact(points, gamma_min=gamma_0).reconstruction, abs=1e-8)


# --- worlds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("variance", [0.2, 1.0, 3.0])
def test_gaussian_against_its_closed_forms(variance):
    world, snr = Gaussian(variance), torch.logspace(-3, 6, 10, dtype=F64)
    torch.testing.assert_close(world.mmse(snr), variance / (1 + variance * snr))
    torch.testing.assert_close(world.information(snr), 0.5 * torch.log1p(variance * snr))
    assert world.entropy == pytest.approx(0.5 * math.log(2 * math.pi * math.e * variance))
    plane, grid = Mixture([[0.0, 0.0]], [variance]), gammas(0, 0.3, 1)
    torch.testing.assert_close(plane.mmse(snr), 2 * world.mmse(snr))
    torch.testing.assert_close(plane.information(snr), 2 * world.information(snr))
    both = (Exact(each, SCALING).mean_squared_gaps(grid) for each in (plane, world))
    torch.testing.assert_close(*both)


@pytest.mark.parametrize("world", [PlusMinus(), PlusMinus(0.5), SKEWED], ids=str)
def test_mmse_is_twice_the_slope_of_the_information(world):
    """dI/d eta = mmse / 2: two quadratures that share nothing but the posterior."""
    for low, high in [(0.1, 1.0), (1.0, 12.0), (12.0, 200.0)]:
        gained = world.information(gammas(high)) - world.information(gammas(low))
        summed = integrate(lambda eta: world.mmse(eta) / 2, low, high)
        assert summed == pytest.approx(float(gained), abs=1e-8)


@pytest.mark.parametrize("world", [SKEWED, FLAT], ids=["1-D", "2-D"])
def test_density_adds_to_one_and_gives_the_entropy(world):
    line = torch.arange(-4.0, 4.0, 0.02, dtype=F64)
    x = torch.cartesian_prod(*[line] * world.dims).reshape(-1, world.dims)
    log_p = world.log_density(x)
    cell = 0.02**world.dims
    assert float(log_p.exp().sum() * cell) == pytest.approx(1, abs=1e-7)
    assert float(-(log_p.exp() * log_p).sum() * cell) == pytest.approx(world.entropy, abs=1e-6)


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: PlusMinus(-1.0), "^value"),
        (lambda: Mixture([[0.0, 1.0, 2.0]], [1.0]), "^means"),
        (lambda: Mixture([[0.0], [1.0]], [1.0, 0.0]), "^variances"),
        (lambda: Mixture([[0.0], [0.0]], [0.0, 0.0]), "^means"),
        (lambda: Mixture([[0.0], [1.0]], [1.0, 1.0], [0.5, 0.6]), "^weights"),
        (lambda: Exact(Gaussian()).diffusion(ratio=torch.tensor([1.0, 0.5])), "ratio"),
        (lambda: Exact(Gaussian()).diffusion(10, "optimal"), "^ratio"),
        (lambda: Exact(Gaussian(), stretch(lambda lam: lam)).diffusion(), "c\\(lambda\\)"),
    ],
)
def test_bad_input_is_named(make, words):
    with pytest.raises(ValueError, match=words):
        make()


# --- the library agrees ---------------------------------------------------------------------------


def everything(world: World) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """x (N, 1), eps (N, 1) and weights (N,) that make means over data and noise quadratures."""
    odds, means, variances = world.components
    nodes, normal = normal_nodes(0.4) if variances.any() else (torch.zeros(1, 1), torch.ones(1))
    nodes_x = (means[:, None] + variances[:, None, None].sqrt() * nodes).reshape(-1, 1)
    weights_x = (odds[:, None] * normal).flatten()
    fine, weights_fine = normal_nodes(0.2)
    x = nodes_x.repeat_interleave(len(fine), 0)
    weights = (weights_x[:, None] * weights_fine).flatten()
    return x, fine.repeat(len(nodes_x), 1), weights


@pytest.mark.parametrize("encoder", ENCODERS.values(), ids=ENCODERS)
@pytest.mark.parametrize("world", [Gaussian(0.7), PlusMinus(), SKEWED], ids=["N", "+-1", "mix"])
def test_the_pieces_of_the_library_agree(world, encoder):
    """L0, L4 at five depths, and L2 on a coarse grid with a ratio, all without sampling error."""
    exact = Exact(world, encoder)
    model = exact.model()
    x, eps, weights = everything(world)
    assert float(weights @ prior_loss(model, x)) == pytest.approx(exact.prior, rel=1e-9)

    for depth in (0.1, 0.6, 0.7, 0.8, 1.0):
        at = torch.full((len(x),), depth, dtype=F64)
        rate = 18.3 * float(exact.diffusion_rate(gammas(-13.3 + 18.3 * depth)))
        assert float(weights @ diffusion_loss(model, x, at, eps)) == pytest.approx(rate, rel=1e-5)

    ratio = gammas(0.3, 0.7, 1.0, 1.2)
    total = 0.0
    for i, w in enumerate(ratio):
        s, t = (torch.full((len(x),), edge / 4, dtype=F64) for edge in (i, i + 1))
        total += float(weights @ step_loss(model, x, s, t, eps, w))
    assert total == pytest.approx(exact.diffusion(4, ratio), rel=1e-5)


def test_the_exact_denoiser_works_on_independent_dimensions_of_any_shape():
    denoiser = Exact(PlusMinus(0.5), SCALING).model().denoiser
    z, gamma = torch.randn(3, 2, 4, generator=seeded(1)), gammas(-3, 0, 2)
    one_by_one = denoiser(z.double().reshape(-1, 1), gamma.repeat_interleave(8))
    torch.testing.assert_close(denoiser(z.double(), gamma), one_by_one.reshape(3, 2, 4))
    with pytest.raises(ValueError, match="^z "):
        Exact(FLAT).model().denoiser(torch.zeros(3, 5).double(), gamma)


# --- the best motion of a Gaussian direction -----------------------------------------------------

GAMMA = torch.linspace(-2.32, 2.0, 81, dtype=F64)
S = torch.tensor([1e-6, 0.05, 1.0, 10.0, 150.0], dtype=F64)


def test_it_starts_as_the_data_and_leaves_unit_variance_alone():
    f = best_motion(S, GAMMA)
    assert f.shape == (81, 5)
    torch.testing.assert_close(f[0], torch.ones(5, dtype=F64))
    torch.testing.assert_close(f[:, 2], torch.ones(81, dtype=F64), atol=1e-5, rtol=0)
    assert (f[-1, :2] > 1).all() and (f[-1, 3:] < 1).all()


def test_a_direction_without_variance_is_stretched_by_a_known_factor():
    """s -> 0: f' ~ e^gamma, and alpha_1^2 f_1 (1 - e^(gamma_0 - gamma_1)) = f_1 - 1"""
    alpha2 = 1 / (1 + math.exp(2.0))
    expected = 1 / (1 - alpha2 * (1 - math.exp(-4.32)))
    assert best_motion(S[:1], GAMMA)[-1, 0].item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("bump", [1.0, -1.0])
@pytest.mark.parametrize("power", [1, 3])
def test_no_neighbour_pays_less(bump, power):
    f = best_motion(S, GAMMA)
    t = torch.linspace(0, 1, 81, dtype=F64)[:, None]
    best, other = (sum(direction_bills(g, S, GAMMA)) for g in (f, f + 0.03 * bump * t**power))
    assert (other > best + 1e-5 * S.clamp(max=1)).all()


def test_one_factor_for_one_direction_is_the_best_motion():
    for k, s in enumerate(S):
        found = best_fade(s[None], GAMMA)
        torch.testing.assert_close(found, best_motion(S, GAMMA)[:, k], atol=2e-3, rtol=0)


def test_one_factor_for_many_pays_least_with_a_mean_that_moves_for_free():
    f, alpha2 = best_fade(S, GAMMA, mean=20.0), 1 / (1 + math.exp(2.0))

    def bill(f):
        of_directions = direction_bills(f[:, None].expand(-1, len(S)), S, GAMMA)
        return sum(of_directions).sum() + alpha2 * f[-1] ** 2 * 20 / 2

    assert f[-1] < best_fade(S, GAMMA)[-1]
    for power in (1, 3):
        bump = 0.03 * torch.linspace(0, 1, 81, dtype=F64) ** power
        assert min(bill(f + bump), bill(f - bump)) > bill(f)


def test_the_bills_are_those_of_the_exact_world():
    f = torch.linspace(1, 0.4, 81, dtype=F64)[:, None]
    start, motion = direction_bills(f, torch.tensor([3.0]).double(), GAMMA)
    dimmed = stretch(lambda lam: 1 - 0.6 * (2.32 - lam) / 4.32)
    exact = Exact(Gaussian(3.0), dimmed, gamma_min=-2.32, gamma_max=2.0)
    assert start.item() == pytest.approx(exact.prior_gap)
    above = exact.total() - exact.entropy  # start and motion (lesson 05)
    assert motion.item() == pytest.approx(above - exact.prior_gap, rel=1e-3)


# --- worlds of pictures: perfect denoisers, and what they draw ------------------------------------

VARIANCES = torch.tensor([0.06, 0.02, 1e-3], dtype=F64)


def test_one_of_some_pictures_is_guessed_as_bayes_would(normal):
    x, z, gamma = normal(4, 1, 2, 3), normal(5, 1, 2, 3), torch.linspace(-3, 3, 5, dtype=F64)
    n = Noise.from_gamma(gamma).like(z)
    x_hat = x_from_v(z, PerfectDenoiser(x)(z, gamma), n)
    likelihood = torch.stack([(-0.5 * ((z - n.alpha * one) / n.sigma) ** 2).sum((1, 2, 3)).exp()
                              for one in x], 1)  # fmt: skip
    share = likelihood / likelihood.sum(1, keepdim=True)
    torch.testing.assert_close(x_hat, torch.einsum("bn,nchw->bchw", share, x))


def perfect_guess(z, n):
    """That of the perfect denoiser of a normal world."""
    return n.alpha * VARIANCES / (n.alpha**2 * VARIANCES + n.sigma**2) * z


@pytest.mark.parametrize("steps", [2, 7])
def test_a_normal_world_is_drawn_with_these_variances(steps):
    """And w*, the default, is the ratio that `fit` finds."""
    model = DiffEnc(guessing(perfect_guess), shape=(3,))
    x = torch.randn(20_000, 3, generator=seeded(1), dtype=F64) * VARIANCES.sqrt()
    images = ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    best = fit(model, images, steps, scale="keep", generator=seeded(2)).ratio
    quarter = 1 / (1 + (1 / best - 1) / 4)  # another in each step
    gaps = [Exact(Gaussian(v)).mean_squared_gaps(even(steps)) for v in VARIANCES.tolist()]
    of_each = best_ratio(torch.stack(gaps, 1))  # with which the variances are right (X2)
    for ratio, expected in (
        (torch.ones(steps), drawn_variances(VARIANCES, steps, torch.ones(steps))),
        (quarter, drawn_variances(VARIANCES, steps, quarter)),
        (best, drawn_variances(VARIANCES, steps, None)),
        (of_each, VARIANCES + math.exp(-13.3)),
    ):
        with torch.no_grad():
            *_, last = sample_steps(model, 20_000, Chain.equal(steps, ratio), generator=seeded(3))
        assert last.x_hat.var(0).tolist() == pytest.approx(expected.tolist(), rel=0.05)
