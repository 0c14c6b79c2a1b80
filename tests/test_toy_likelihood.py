"""The exact likelihood of the two-dimensional toys: against counts, closed forms and the bound."""

import math

import pytest
import torch
from draws import seeded

from diffenc_lite import LinearSchedule, Noise, elbo, toy
from diffenc_lite.course.worlds import SCALING, TOYS, Exact, Likelihood, Mixture, likelihood
from diffenc_lite.course.worlds.toy_likelihood import _in_cells
from diffenc_lite.data import MIXTURE_MEANS, MIXTURE_STDS, MIXTURE_WEIGHTS

EXACT = {name: likelihood(name) for name in TOYS}
MIXTURE = Mixture(MIXTURE_MEANS, [std**2 for std in MIXTURE_STDS], MIXTURE_WEIGHTS)


def at(gamma: float) -> Noise:
    return Noise.from_gamma(torch.tensor([gamma], dtype=torch.float64))


def coarse(levels: int) -> Likelihood:
    """A toy with few levels, for sums over all of it by hand."""
    p = torch.rand(levels, levels, generator=seeded(), dtype=torch.float64)
    return Likelihood("coarse", p / p.sum())


@pytest.mark.parametrize("name", TOYS)
def test_the_probabilities_are_those_of_drawn_points(name):
    """Counts in blocks of 8 x 8 cells against expectations: chi^2 has mean 1 per block."""
    n = 200_000
    points = toy(name, n, generator=seeded(1)).long()
    cells = torch.bincount(256 * points[:, 0] + points[:, 1], minlength=65536)
    counts = cells.reshape(32, 8, 32, 8).sum((1, 3)).double()
    expected = n * EXACT[name].probability.reshape(32, 8, 32, 8).sum((1, 3))
    likely = expected > 5
    chi2 = ((counts - expected).square() / expected)[likely].sum() / likely.sum()
    assert 0.7 < chi2 < 1.3 and likely.sum() > 50


def test_far_tails_keep_their_digits():
    """The upper tail is the mirror image of the lower one, twenty deviations out, where one minus
    something near one would be 0."""
    cells = _in_cells(torch.zeros(1).double(), torch.tensor([0.05]).double(), 256)[0]
    torch.testing.assert_close(cells, cells.flip(0), rtol=1e-9, atol=0)
    assert 0 < cells[0] < 1e-80


def test_the_posterior_mean_is_the_sum_over_all_points():
    toy_ = coarse(5)
    z = torch.randn(7, 2, generator=seeded(3), dtype=torch.float64)
    gamma = torch.linspace(-3, 2, 7, dtype=torch.float64)
    noise = Noise.from_gamma(gamma)
    x = torch.cartesian_prod(toy_.x, toy_.x)  # (25, 2)
    away = (z[:, None] - noise.alpha[:, None, None] * x) / noise.sigma[:, None, None]
    weight = toy_.probability.flatten() * torch.exp(-0.5 * away.square().sum(2))
    by_hand = weight @ x / weight.sum(1, keepdim=True)
    torch.testing.assert_close(toy_.posterior_mean(z, noise), by_hand)


def test_information_and_error_of_a_discrete_toy():
    """All of H(x) without noise, none of it without signal; dI/dSNR = mmse/2 in between."""
    toy_ = coarse(4)
    assert toy_.information(at(-9)) == pytest.approx(toy_.entropy, rel=1e-9)
    assert abs(toy_.information(at(20))) < 1e-8
    for gamma in (-2.0, 0.0, 3.0):
        slope = (toy_.information(at(gamma - 1e-3)) - toy_.information(at(gamma + 1e-3))) / 2e-3
        assert slope == pytest.approx(0.5 * math.exp(-gamma) * toy_.mmse(at(gamma)), rel=1e-5)


@pytest.mark.parametrize("name", TOYS)
def test_the_perfect_vdm_keeps_what_x5_allows(name):
    """H(x) < its bound < H(x) + a thousandth of a bit per dimension, and the prior's share of that
    is KL(q(z_1) || N(0, I)), at most the prior."""
    exact = EXACT[name]
    prior, reconstruction, diffusion = exact.perfect_vdm(LinearSchedule())
    excess = prior + reconstruction + diffusion - exact.entropy
    kept = prior - exact.information(at(5.0))
    assert 0 < kept < excess < 0.001 * 2 * math.log(2)
    if name == "mixture":
        assert kept == pytest.approx(Exact(MIXTURE).prior_gap, rel=1e-4)


def test_the_bound_of_the_perfect_model_is_what_quadrature_says():
    n, exact = 4096, EXACT["mixture"]
    points = toy("mixture", n, generator=seeded(4))
    model = exact.model()
    bound = elbo(model, points, generator=seeded(5))
    terms = (bound.prior, bound.reconstruction, bound.diffusion)
    for term, mean in zip(terms, exact.perfect_vdm(model.schedule), strict=True):
        assert abs(term.mean() - mean) < 4 * term.std() / math.sqrt(n)


def test_the_price_of_scaling_is_that_of_a_coarse_world():
    """X4: against the exact world of the same points, whose quadrature is another one."""
    p = torch.tensor([[0.5, 0.0], [0.0, 0.5]], dtype=torch.float64)
    two = Likelihood("two", p)  # (-0.5, -0.5) or (0.5, 0.5)
    world = Mixture([[-0.5, -0.5], [0.5, 0.5]], [0.0, 0.0])
    scaling, vdm = Exact(world, SCALING), Exact(world)
    price = scaling.total() - vdm.total() + vdm.prior_gap - scaling.prior_gap
    assert two.scaling_price(LinearSchedule()) == pytest.approx(price, abs=2e-5)
