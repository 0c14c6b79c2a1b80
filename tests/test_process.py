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


# --- q --------------------------------------------------------------------------------------------


def test_transition_from_the_marginal_gives_the_marginal(at, world):
    """F2 with z_s ~ F1(s) marginalised out is F1(t)."""
    (s, t), (x_s, x_t, _) = at, world
    start, end = process.marginal(x_s, s), process.marginal(x_t, t)
    step = process.transition(start.mean, x_t - x_s, s, t)
    slope = process.transition(start.mean + 1, x_t - x_s, s, t).mean - step.mean
    close(step.mean, end.mean)
    close(slope**2 * start.variance + step.variance, end.variance.expand(N, 3))


def test_two_transitions_are_one(at, world, normal):
    (s, t), (x_s, x_t, z_s) = at, world
    middle, x_m = Noise.from_gamma((s.gamma + 2 * t.gamma) / 3), normal(N, 3)
    first = process.transition(z_s, x_m - x_s, s, middle)
    second = process.transition(first.mean, x_t - x_m, middle, t)
    whole = process.transition(z_s, x_t - x_s, s, t)
    slope = process.transition(first.mean + 1, x_t - x_m, middle, t).mean - second.mean
    close(second.mean, whole.mean)
    close(slope**2 * first.variance + second.variance, whole.variance.expand(N, 3))


def test_add_noise_draws_from_the_marginal(at, world):
    (_, t), (_, x_t, eps) = at, world
    q = process.marginal(x_t, t)
    close(process.add_noise(x_t, eps, t), q.mean + q.variance.sqrt() * eps)


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


# --- p --------------------------------------------------------------------------------------------


def test_generative_step_that_knows_the_data_is_the_posterior(at, world, normal):
    """G3 with x_hat = x_t and u_hat from (lambda_s - lambda_t) sigma_t^2 u_hat = x_s - x_t."""
    (s, t), (x_s, x_t, _), z_t = at, world, normal(N, 3)
    u_hat = (x_s - x_t) / ((t.gamma - s.gamma) * t.sigma**2)
    p = process.generative_step(z_t, x_t, u_hat, s, t)
    q = process.posterior(z_t, x_t, x_t - x_s, s, t)
    close(p.mean, q.mean)
    close(p.variance, q.variance)


def test_ratio_divides_the_variance_and_leaves_the_mean(at, world):
    (s, t), (x_hat, u_hat, z_t) = at, world
    one = process.generative_step(z_t, x_hat, u_hat, s, t)
    three = process.generative_step(z_t, x_hat, u_hat, s, t, ratio=3.0)
    close(three.mean, one.mean)
    close(3 * three.variance, one.variance)


def test_counterterm_cancels_the_shift_to_first_order(normal):
    """For E2, with x_hat = x_t and u_hat = u = x_t, halving the step quarters mu_P - mu_Q."""
    gamma_t, x, z_t = torch.tensor(0.7, dtype=torch.float64), normal(4), normal(4)
    t = Noise.from_gamma(gamma_t)
    x_t = t.alpha**2 * x

    def gap(step: float, u_hat):
        s = Noise.from_gamma(gamma_t - step)
        q = process.posterior(z_t, x_t, x_t - s.alpha**2 * x, s, t)
        return (process.generative_step(z_t, x_t, u_hat, s, t).mean - q.mean).norm().item()

    assert gap(1e-3, x_t) / gap(5e-4, x_t) == pytest.approx(4, rel=1e-2)
    assert gap(1e-3, 0.0) / gap(5e-4, 0.0) == pytest.approx(2, rel=1e-2)


def test_mean_gap_is_the_gap_of_the_two_means(at, world, normal):
    (s, t), (x_s, x_t, eps) = at, world
    v_hat, u_hat = normal(N, 3), normal(N, 3)
    z_t = process.add_noise(x_t, eps, t)
    q = process.posterior(z_t, x_t, x_t - x_s, s, t)
    p = process.generative_step(z_t, process.x_from_v(z_t, v_hat, t), u_hat, s, t)
    v_error = process.v_from_eps(x_t, eps, t) - v_hat
    x_hat = process.x_from_v(z_t, v_hat, t)
    gap = process.mean_gap(v_error, x_hat, u_hat, x_t - x_s, s, t)
    torch.testing.assert_close(gap, (p.mean - q.mean) / q.variance.sqrt(), rtol=1e-8, atol=1e-8)


# --- three names for one prediction ---------------------------------------------------------------


def test_round_trips(at, world):
    (_, t), (_, x_t, eps) = at, world
    z = process.add_noise(x_t, eps, t)
    v = process.v_from_eps(x_t, eps, t)
    close(process.x_from_v(z, v, t), x_t)
    close(process.eps_from_v(z, v, t), eps)
    close(process.v_from_x(z, x_t, t), v, rtol=1e-8, atol=1e-8)
    close(t.alpha * process.x_from_v(z, v, t) + t.sigma * process.eps_from_v(z, v, t), z)


def test_one_residual_for_every_encoder(at, world, normal):
    """L4: for E1 alpha r = eps - eps_hat; for E2 r = (1 + sigma^2) (v - v_hat)."""
    (_, t), (_, x_t, eps), v_hat = at, world, normal(N, 3)
    z, v = process.add_noise(x_t, eps, t), process.v_from_eps(x_t, eps, t)
    zero = torch.zeros_like(v)
    close(t.alpha * process.residual(v - v_hat, zero, t), eps - process.eps_from_v(z, v_hat, t))
    u_error = x_t - process.x_from_v(z, v_hat, t)
    close(process.residual(v - v_hat, u_error, t), (1 + t.sigma**2) * (v - v_hat))


# --- float32 --------------------------------------------------------------------------------------


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
            "eps_from_v": process.eps_from_v(z_t, v, t),
            "residual": process.residual(v - v_hat, u_hat, t),
        }

    low, high = results(torch.float32), results(torch.float64)
    for name, expected in high.items():
        assert low[name].dtype == torch.float32
        error = (low[name].double() - expected).norm(dim=1) / expected.norm(dim=1)
        assert error.max() < 1e-3, name
