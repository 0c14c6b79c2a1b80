"""The best motion of a Gaussian direction, held against limits and against its neighbours."""

import math

import pytest
import torch

from diffenc_lite.course.worlds import Exact, Gaussian, best_motion, direction_bills, stretch

GAMMA = torch.linspace(-2.32, 2.0, 81, dtype=torch.float64)
S = torch.tensor([1e-6, 0.05, 1.0, 10.0, 150.0], dtype=torch.float64)


def test_it_starts_as_the_data_and_leaves_unit_variance_alone():
    f = best_motion(S, GAMMA)
    assert f.shape == (81, 5)
    torch.testing.assert_close(f[0], torch.ones(5, dtype=torch.float64))
    torch.testing.assert_close(f[:, 2], torch.ones(81, dtype=torch.float64), atol=1e-5, rtol=0)
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
    t = torch.linspace(0, 1, 81, dtype=torch.float64)[:, None]
    best, other = (sum(direction_bills(g, S, GAMMA)) for g in (f, f + 0.03 * bump * t**power))
    assert (other > best + 1e-5 * S.clamp(max=1)).all()


def test_the_bills_are_those_of_the_exact_world():
    f = torch.linspace(1, 0.4, 81, dtype=torch.float64)[:, None]
    start, motion = direction_bills(f, torch.tensor([3.0]).double(), GAMMA)
    dimmed = stretch(lambda lam: 1 - 0.6 * (2.32 - lam) / 4.32)
    exact = Exact(Gaussian(3.0), dimmed, gamma_min=-2.32, gamma_max=2.0)
    assert start.item() == pytest.approx(exact.prior_gap)
    above = exact.total() - exact.entropy  # start and motion (lesson 05)
    assert motion.item() == pytest.approx(above - exact.prior_gap, rel=1e-3)
