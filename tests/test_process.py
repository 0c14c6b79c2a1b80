"""The processes q and p against linear algebra on their joint distribution.        F1-F3, G3-G4"""

import pytest
import torch

from diffenc_lite import LinearSchedule, Noise, process

N = 40  # depths s < t drawn at random


@pytest.fixture
def at(generator):
    """(s, t): Noise (N, 1) at random depths, s < t, from 1e-3 apart to almost 1 apart."""
    ends = torch.rand(N, 2, generator=generator, dtype=torch.float64).sort(1).values
    s, t = ends.unbind(1)
    schedule, data = LinearSchedule(), torch.zeros(N, 3)
    return schedule(s).like(data), schedule(t + 1e-3 * (1 - t)).like(data)


@pytest.fixture
def world(normal):
    """x_s, x_t, eps, each (N, 3) and unrelated: the formulas hold for any encoder."""
    return normal(N, 3), normal(N, 3), normal(N, 3)


def close(a, b, rtol=1e-10, atol=1e-11):
    torch.testing.assert_close(a, b, rtol=rtol, atol=atol)


def test_transition_from_the_marginal_gives_the_marginal(at, world):
    """F2 with z_s ~ F1(s) marginalised out is F1(t)."""
    (s, t), (x_s, x_t, _) = at, world
    start, end = process.marginal(x_s, s), process.marginal(x_t, t)
    step = process.transition(start.mean, x_t - x_s, s, t)
    slope = process.transition(start.mean + 1, x_t - x_s, s, t).mean - step.mean
    close(step.mean, end.mean)
    close(slope**2 * start.variance + step.variance, end.variance.expand(N, 3))


def test_posterior_is_brute_force_conditioning(normal):
    """F3 against conditioning the joint Gaussian of a chain (z_1, ..., z_5), one dimension of
    data, on its noisier members. The chain is built from alpha and sigma alone."""
    gamma = torch.tensor([-9.0, -5.0, -1.5, 0.2, 4.0], dtype=torch.float64)
    n, x = Noise.from_gamma(gamma), normal(5)  # x[i] is the encoding at depth i
    mean = n.alpha * x
    # z = mix @ (independent standard normals): z_i = (alpha_i / alpha_{i-1}) z_{i-1} + fresh noise
    mix = torch.zeros(5, 5, dtype=torch.float64)
    mix[0, 0] = n.sigma[0]
    for i in range(1, 5):
        keep = n.alpha[i] / n.alpha[i - 1]
        mix[i] = keep * mix[i - 1]
        mix[i, i] = (n.sigma[i] ** 2 - keep**2 * n.sigma[i - 1] ** 2).sqrt()
    cov = mix @ mix.T
    z = mean + mix @ normal(5)
    for i in range(4):
        for j in range(i + 1, 5):
            given = list(range(j, 5))  # z_j and all that is noisier: only z_j must matter
            weights = torch.linalg.solve(cov[given][:, given], cov[given, i])
            expected_mean = mean[i] + weights @ (z - mean)[given]
            expected_variance = cov[i, i] - weights @ cov[given, i]
            s, t = Noise.from_gamma(gamma[i]), Noise.from_gamma(gamma[j])
            q = process.posterior(z[j], x[j], x[j] - x[i], s, t)
            close(q.mean, expected_mean)
            close(q.variance, expected_variance)


def test_generative_step_that_knows_the_data_is_the_posterior(at, world, normal):
    """G3 with x_hat = x_t and u_hat from (lambda_s - lambda_t) sigma_t^2 u_hat = x_s - x_t."""
    (s, t), (x_s, x_t, _), z_t = at, world, normal(N, 3)
    u_hat = (x_s - x_t) / ((t.gamma - s.gamma) * t.sigma**2)
    p = process.generative_step(z_t, x_t, u_hat, s, t)
    q = process.posterior(z_t, x_t, x_t - x_s, s, t)
    close(p.mean, q.mean)
    close(p.variance, q.variance)


@pytest.mark.parametrize("steps", [1, 10, 100, 1000])
def test_float32_agrees_with_float64(steps, normal):
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
            "mean_gap": process.mean_gap(v - v_hat, x_s, u_hat, change, s, t),
            "mean_gap.scaled": process.mean_gap(v - v_hat, x_s, u_hat, change, s, t, 1.1),
            "v_from_x": process.v_from_x(z_t, x_t, t),
            "residual": process.residual(v - v_hat, u_hat, t),
        }

    low, high = results(torch.float32), results(torch.float64)
    for name, expected in high.items():
        assert low[name].dtype == torch.float32
        error = (low[name].double() - expected).norm(dim=1) / expected.norm(dim=1)
        assert error.max() < 1e-3, name
