"""What float32 loses of each formula, of each step and of the bound, against float64.     L0-L4"""

import pytest
import torch
from draws import KINDS, even
from torch import nn

from diffenc_lite import Chain, DiffEnc, LinearSchedule, ScalingEncoder, bound, elbo, process
from diffenc_lite.course.worlds import SCALING, VDM, Exact, Gaussian
from diffenc_lite.gaussian import kl_ratio


@pytest.mark.parametrize("steps", [1, 10, 100, 1000])
def test_the_processes(steps, normal):
    """Every function, along all steps of a chain, to 1e-3 of its size at each step."""
    data = [normal(steps, 8) for _ in range(5)]

    def results(dtype):
        x_s, x_t, eps, v_hat, u_hat = (a.float().to(dtype) for a in data)
        grid = torch.arange(steps + 1, dtype=dtype) / steps
        s, t = (LinearSchedule()(end).like(x_t) for end in (grid[:-1], grid[1:]))
        z_t = process.add_noise(x_t, eps, t)
        change = x_t - x_s
        v = process.v_from_eps(x_t, eps, t)
        gaussians = {
            "marginal": process.marginal(x_t, t),
            "transition": process.transition(z_t, change, s, t),
            "posterior": process.posterior(z_t, x_t, change, s, t),
            "generative_step": process.generative_step(z_t, v_hat, u_hat, s, t, 0.7),
        }
        out = {f"{name}.mean": g.mean for name, g in gaussians.items()}
        out |= {f"{name}.variance": g.variance for name, g in gaussians.items()}
        return out | {
            "step_c": process.step_c(s, t),
            "gap": process.gap(v - v_hat, change, s, t),
            "gap_slope": process.gap_slope(x_s, s, t),
            "counterterm": process.added_to_x_hat(x_s, u_hat, s, t),
            "counterterm.folded": process.added_to_x_hat(x_s, u_hat, s, t, "folded"),
            "v_from_x": process.v_from_x(z_t, x_t, t),
            "residual": process.residual(v - v_hat, u_hat, t),
        }

    low, high = results(torch.float32), results(torch.float64)
    for name, expected in high.items():
        assert low[name].dtype == torch.float32
        error = (low[name].double() - expected).norm(dim=1) / expected.norm(dim=1)
        assert error.max() < 1e-3, name


def test_the_divergence_near_a_ratio_of_one():
    """w - 1 - ln w = e^2 / 2 - e^3 / 3 for w = 1 + e; no digit is lost to 1."""
    w = 1 + torch.tensor([2.0**-12, -(2.0**-13), 2.0**-16])
    e = w.double() - 1
    nats = kl_ratio(torch.zeros(3), w).double()
    torch.testing.assert_close(nats, e**2 / 4 - e**3 / 6, rtol=1e-3, atol=0)


@pytest.mark.parametrize("encoder", [VDM, SCALING], ids=["identity", "scaling"])
@pytest.mark.parametrize("steps", [10, 1000])
def test_steps_of_an_exact_denoiser(encoder, steps, normal):
    """Where v - v_hat is small; the mean over examples of each step, down to 4e-9 nats."""
    x, noise = 0.5 * normal(64, 1), normal(64, 1)
    model = Exact(Gaussian(0.25), encoder).model()
    s, t = (ends.repeat_interleave(64) for ends in (even(steps)[:-1], even(steps)[1:]))
    x, noise = (a.float().repeat(steps, 1) for a in (x, noise))
    high = bound.step_loss(model, x.double(), s, t, noise.double()).reshape(steps, 64).mean(1)
    low = bound.step_loss(model.float(), x, s.float(), t.float(), noise).reshape(steps, 64).mean(1)
    torch.testing.assert_close(low.double(), high, rtol=1e-3, atol=0)


def test_the_prior_where_it_is_smallest():
    """E2 on data +-1: 1e-5 nats, from terms near 1 that cancel. Luck does not hold at 21 ends."""
    x = torch.tensor([[1.0], [-1.0], [0.004]])
    for i in range(21):
        schedule = LinearSchedule(-13.3, 4 + i / 20)
        model = DiffEnc(nn.Linear(1, 1), ScalingEncoder(), schedule)
        low, high = bound.prior_loss(model, x), bound.prior_loss(model, x.double())
        torch.testing.assert_close(low.double(), high, rtol=1e-3, atol=0)


@pytest.mark.parametrize("steps", [None, Chain.equal(1, 1e-8), Chain.equal(7, 1.0, 1.1)])
@pytest.mark.parametrize("kind", KINDS)
def test_the_terms_of_the_bound(kind, steps, small_model, generator):
    """With one step and a moving encoder w* is about 1e-8."""
    images = torch.randint(0, 256, (200, 2), generator=generator).to(torch.uint8)
    noise, noise_0 = (torch.randn(200, 2, generator=generator) for _ in range(2))
    given = {"t": torch.linspace(0, 1, 200), "noise": noise, "noise_0": noise_0, "steps": steps}
    low = elbo(small_model(kind, dtype=torch.float32), images, **given)
    high = elbo(small_model(kind, dtype=torch.float32).double(), images, **given)
    for name in ("prior", "reconstruction", "diffusion", "total"):
        assert getattr(low, name).dtype == torch.float32
        close, exact = getattr(low, name).double(), getattr(high, name)
        torch.testing.assert_close(close, exact, rtol=1e-3, atol=0, msg=name)
