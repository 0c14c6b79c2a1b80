"""The torch code computes what the ledger proves: both on the same random numbers, in float64.

`checks("F3", ...)` says which code a test holds against which row; the last test finds no row
without code and without a lesson.
"""

import inspect
import itertools
import math
import re
from typing import NamedTuple

import numpy as np
import pytest
import sympy
import torch
from draws import NOTEBOOKS, module_of
from scipy import integrate
from torch import Tensor, nn

from diffenc_lite import DiffEnc, Noise, bound, gaussian, pixels, process, sampling, schedule
from diffenc_lite.course import worlds
from diffenc_lite.course.ledger import LEDGER, TAGS, finer_ratios
from diffenc_lite.course.ledger import notation as n
from diffenc_lite.course.studies.mnist_fits import constant_ratio
from diffenc_lite.encoder import IdentityEncoder, LearnedEncoder, ScalingEncoder
from diffenc_lite.ratio import cheapest_path

B, D = 64, 3
CHECKED = set()


def checks(tag, *code):
    CHECKED.add(tag)
    return lambda test: test


def ledger(tag, form, **values):
    """One form of the ledger as a number for each entry; gamma (B,) is broadcast to (B, D). What
    the form does not have in it is left out."""
    function = LEDGER[tag].lambdify(form)
    given = {name: values[name] for name in inspect.signature(function).parameters}
    for name, value in given.items():
        if isinstance(value, Tensor):
            each = name.startswith("gamma") and value.dim() == 1
            given[name] = (value[:, None] if each else value).numpy()
    return torch.as_tensor(function(**given), dtype=torch.float64)


def same(actual, expected, rtol=1e-9, atol=1e-12):
    torch.testing.assert_close(actual, expected.expand_as(actual), rtol=rtol, atol=atol)


def same_normal(actual, tag, **values):
    """Mean and variance, the forms of this row"""
    same(actual.mean, ledger(tag, "mean", **values))
    same(actual.variance, ledger(tag, "variance", **values))


# --- random inputs -------------------------------------------------------------------------------


class Depths(NamedTuple):
    """Two depths s < t for each example: the times, and what the ledger calls them."""

    s: Tensor
    t: Tensor
    gamma_s: Tensor
    gamma_t: Tensor

    def noise(self, like):
        return Noise.from_gamma(self.gamma_s).like(like), Noise.from_gamma(self.gamma_t).like(like)

    @property
    def gammas(self):
        return {"gamma_s": self.gamma_s, "gamma_t": self.gamma_t}


@pytest.fixture
def depths(generator):
    s = 0.8 * torch.rand(B, dtype=torch.float64, generator=generator)
    t = s + 0.02 + (0.98 - s) * torch.rand(B, dtype=torch.float64, generator=generator)
    linear = schedule.LinearSchedule()
    return Depths(s, t, linear(s).gamma, linear(t).gamma)


@pytest.fixture
def x(generator):
    return 2 * torch.rand(B, D, dtype=torch.float64, generator=generator) - 1


# y(x, gamma) = tanh(2 x sin(gamma / 3) + x), once for torch and once for SymPy with its derivative
y_symbolic = sympy.tanh(2 * n.x * sympy.sin(n.gamma_t / 3) + n.x)
ydot_symbolic = sympy.lambdify([n.x, n.gamma_t], -sympy.diff(y_symbolic, n.gamma_t))

PROPOSAL = module_of(forward=lambda x, g: torch.tanh(2 * x * torch.sin(g[:, None] / 3) + x))
GUESS = module_of(  # a denoiser that is far from right
    of_dtype=nn.Parameter(torch.zeros(1, dtype=torch.float64)),
    forward=lambda z, gamma: torch.tanh(0.7 * z + torch.cos(gamma[:, None])),
)
ENCODERS = {"E1": IdentityEncoder(), "E2": ScalingEncoder(), "E3": LearnedEncoder(PROPOSAL)}


@pytest.fixture(params=ENCODERS)
def tag(request):
    return request.param


@pytest.fixture
def model(tag):
    return DiffEnc(GUESS, ENCODERS[tag])


def encoded(tag, x, gamma):
    """x_t and u by the ledger."""
    if tag == "E1":
        return {"x_t": x, "u": torch.zeros_like(x)}
    if tag == "E2":
        x_t = ledger("E2", "u", x=x, gamma_t=gamma)  # for E2, u is x_t
        return {"x_t": x_t, "u": x_t}
    y = PROPOSAL(x, gamma)
    ydot = torch.as_tensor(ydot_symbolic(x.numpy(), gamma[:, None].numpy()))
    at = {"x": x, "y": y, "gamma_t": gamma}
    return {"x_t": ledger("E3", "x_t", **at), "u": ledger("E3", "u", ydot=ydot, **at)}


def predicted(tag, x, gamma, eps):
    """All that stands in L2 and L4 at depth t, by the ledger; only v_hat is the network's."""
    at_t = encoded(tag, x, gamma)
    x_t = at_t["x_t"]
    spread = ledger("F1", "variance", gamma_t=gamma).sqrt()
    z_t = ledger("F1", "mean", x_t=x_t, gamma_t=gamma) + spread * eps
    vhat = GUESS(z_t, gamma)
    by_network = {"z_t": z_t, "v": vhat, "gamma_t": gamma}
    xhat = ledger("G4", "x_t", **by_network)
    return at_t | {
        "v": ledger("G4", "v", z_t=z_t, x_t=x_t, gamma_t=gamma),
        "vhat": vhat,
        "xhat": xhat,
        "uhat": torch.zeros_like(x) if tag == "E1" else xhat,
        "epsilon": eps,
        "epsilonhat": ledger("G4", "epsilon", **by_network),
        "gamma_t": gamma,
        "gammaprime_t": 18.3,
    }


# --- processes -----------------------------------------------------------------------------------


@checks("KL", gaussian.kl_to_standard, gaussian.kl_ratio)
def test_divergences(x, normal):
    variance = normal(B, 1).exp()
    kl = ledger("KL", "kl", mu_q=x, sigma_q=variance.sqrt(), mu_p=0.0, sigma_p=1.0)
    same(gaussian.kl_to_standard(x, variance), kl.sum(1))
    ratio = normal(B).exp()
    kl = ledger("KL", "kl", mu_q=x, sigma_q=1.0, mu_p=0.0, sigma_p=ratio[:, None] ** -0.5)
    same(gaussian.kl_ratio(x.square().sum(1), ratio, D), kl.sum(1))


@checks("F1", process.marginal, process.add_noise)
def test_marginal(x, depths, normal):
    _, t = depths.noise(x)
    q, eps = process.marginal(x, t), normal(B, D)
    same_normal(q, "F1", x_t=x, gamma_t=depths.gamma_t)
    same(process.add_noise(x, eps, t), q.mean + q.variance.sqrt() * eps)


@checks("F2", process.transition, schedule.step_c)
def test_transition(x, depths, normal):
    s, t = depths.noise(x)
    x_t, z_s = normal(B, D), normal(B, D)
    q = process.transition(z_s, x_t - x, s, t)
    same_normal(q, "F2", z_s=z_s, x_s=x, x_t=x_t, **depths.gammas)
    same(schedule.step_c(s, t), ledger("F2", "c", **depths.gammas))


@checks("F3", process.posterior)
def test_posterior(x, depths, normal):
    s, t = depths.noise(x)
    x_t, z_t = normal(B, D), normal(B, D)
    q = process.posterior(z_t, x_t, x_t - x, s, t)
    same_normal(q, "F3", z_t=z_t, x_s=x, x_t=x_t, **depths.gammas)


@checks("G1", process.marginal, sampling.sample_steps)
def test_start_of_generation(x):
    q = process.marginal(x, Noise.from_gamma(torch.full((B,), 80.0).double()).like(x))
    assert float(q.mean.abs().max()) < 1e-15 and float((q.variance - 1).abs().max()) < 1e-15
    model = DiffEnc(GUESS, shape=(D,))
    z_1 = next(sampling.sample_steps(model, 20_000, 1, generator=torch.Generator())).z
    entropy = -ledger("G1", "log_density", z_1=z_1)  # its mean is (1 + ln 2 pi) / 2, spread 0.71
    assert float(entropy.mean()) == pytest.approx((1 + math.log(2 * math.pi)) / 2, abs=0.015)
    assert float(z_1.mean()) == pytest.approx(0, abs=0.02)


@checks("G2", pixels.to_unit, pixels.level_logits)
@pytest.mark.parametrize("levels", [2, 256])
def test_levels(levels, x):
    every = torch.arange(levels, dtype=torch.uint8)
    l_k = pixels.to_unit(every, levels, torch.float64)
    same(l_k, ledger("G2", "level", k=every.double(), K=levels))
    gamma_0 = torch.linspace(-13.3, 1, B, dtype=torch.float64)
    logits = pixels.level_logits(x, Noise.from_gamma(gamma_0).like(x), levels)
    at = {"z_0": x[..., None], "gamma_0": gamma_0[:, None, None]}
    same(logits, ledger("G2", "logit", l_k=l_k, **at))
    odds = ledger("G2", "log_odds", l_k=l_k, l_j=l_k[:1], **at)
    same(logits - logits[..., :1], odds, atol=1e-7)


@checks("G3", process.generative_step)
def test_generative_step(x, depths, normal):
    s, t = depths.noise(x)
    z_t, u_hat, ratio = normal(B, D), normal(B, D), normal(B, 1).exp()
    p = process.generative_step(z_t, x, u_hat, s, t, ratio)
    same_normal(p, "G3", z_t=z_t, xhat=x, uhat=u_hat, w=ratio, **depths.gammas)


@checks("G4", process.v_from_eps, process.x_from_v, process.v_from_x)
def test_three_names_for_one_prediction(x, depths, normal):
    _, t = depths.noise(x)
    z_t, v = normal(B, D), normal(B, D)
    gamma_t = depths.gamma_t
    same(process.x_from_v(z_t, v, t), ledger("G4", "x_t", z_t=z_t, v=v, gamma_t=gamma_t))
    same(process.v_from_x(z_t, x, t), ledger("G4", "v", z_t=z_t, x_t=x, gamma_t=gamma_t))
    eps = normal(B, D)
    z_t = process.add_noise(x, eps, t)
    v = ledger("G4", "v", z_t=z_t, x_t=x, gamma_t=gamma_t)
    same(process.v_from_eps(x, eps, t), v, rtol=1e-7)


# --- encoders ------------------------------------------------------------------------------------


@checks("E1", IdentityEncoder)
@checks("E2", ScalingEncoder)
@checks("E3", LearnedEncoder)
@checks("X7", ScalingEncoder.shift, LearnedEncoder.shift)
def test_encoding(tag, x, depths):
    gamma_s, gamma_t = depths.gamma_s, depths.gamma_t
    model = DiffEnc(GUESS, ENCODERS[tag])
    encoding, shift = model.encode(x, gamma_t), model.shift(x, gamma_t)
    expected = encoded(tag, x, gamma_t)
    same(encoding.x_t, expected["x_t"])
    same(encoding.u, expected["u"])
    x_t, change = model.encode_step(x, gamma_s, gamma_t)
    same(x_t, expected["x_t"])
    if tag == "E1":
        assert not change.any() and not shift.any()
    if tag == "E2":
        same(change, ledger("E2", "change", x=x, **depths.gammas))
        same(shift, ledger("X7", "shift", x=x, y=torch.zeros_like(x), gamma_t=gamma_t))
    if tag == "E3":
        y_s, y_t = PROPOSAL(x, gamma_s), PROPOSAL(x, gamma_t)
        same(change, ledger("E3", "change", x=x, y_s=y_s, y_t=y_t, **depths.gammas))
        same(shift, ledger("X7", "shift", x=x, y=y_t, gamma_t=gamma_t))


@checks("X6", process.generative_step, process.residual)
def test_learned_encoder_with_y_equal_to_x_is_a_vdm(x, depths, normal):
    s, t = depths.noise(x)
    z_t, v, vhat, gamma_t = normal(B, D), normal(B, D), normal(B, D), depths.gamma_t
    vhat_e3 = ledger("X6", "vhat_E3", vhat=vhat, z_t=z_t, gamma_t=gamma_t)
    xhat_e3 = process.x_from_v(z_t, vhat_e3, t)
    same(process.residual(v - vhat_e3, -xhat_e3, t), v - vhat)
    vdm = process.generative_step(z_t, process.x_from_v(z_t, vhat, t), 0.0, s, t).mean
    folded = ledger("G5", "folded", **depths.gammas)
    same(ledger("G5", "mean", A=folded, z_t=z_t, xhat=xhat_e3, **depths.gammas), vdm)


@checks("G5", process.generative_step, process.posterior)
def test_other_forms_of_the_counterterm(x, depths, normal):
    s, t = depths.noise(x)
    z_t, xhat, gammas = normal(B, D), normal(B, D), depths.gammas
    with_counterterm = process.generative_step(z_t, xhat, xhat, s, t).mean
    at = {"xhat": xhat, "z_t": z_t} | gammas
    same(ledger("G5", "mean", A=ledger("G5", "G3", **gammas), **at), with_counterterm)
    x_t = x + ENCODERS["E2"].shift(x, depths.gamma_t)
    change = ENCODERS["E2"].change(x, depths.gamma_s, depths.gamma_t)
    exact = ledger("G5", "E2", **gammas)
    mean = ledger("G5", "mean", A=exact, z_t=z_t, xhat=x_t, **gammas)
    same(process.posterior(z_t, x_t, change, s, t).mean, mean)  # a perfect prediction is perfect
    c = ledger("F2", "c", **gammas)
    by_number = process.generative_step(z_t, xhat, 0.0, s, t, scale=exact / c).mean
    same(by_number, ledger("G5", "mean", A=exact, **at))
    by_name = process.generative_step(z_t, xhat, xhat, s, t, scale="folded").mean
    same(by_name, ledger("G5", "mean", A=ledger("G5", "folded", **gammas), **at))


# --- the bound -----------------------------------------------------------------------------------


@checks("L0", bound.prior_loss)
def test_prior(model, tag, x):
    gamma_1 = torch.full((B,), 5.0, dtype=torch.float64)
    x_1 = encoded(tag, x, gamma_1)["x_t"]
    each = ledger("L0", "one_dimension", x_1=x_1, gamma_1=gamma_1)
    actual = bound.prior_loss(model, x)
    same(actual, each.sum(1))
    whole = ledger("L0", "prior", d=D, x_1=x_1.T, gamma_1=gamma_1[0])
    same(actual, whole)


@checks("L1", bound.end_losses)
def test_reconstruction(model, tag, normal, generator):
    images = torch.randint(256, (B, D), generator=generator).to(torch.uint8)
    x, eps = pixels.to_unit(images, dtype=torch.float64), normal(B, D)
    gamma_0 = torch.full((B,), -13.3, dtype=torch.float64)
    at_0 = {"x": x, "x_0": encoded(tag, x, gamma_0)["x_t"], "epsilon": eps}
    each = {name: value[..., None] for name, value in at_0.items()}
    l_k = ledger("G2", "level", k=torch.arange(256.0).double(), K=256)
    exponents = ledger("L1", "exponent", l_k=l_k, gamma_0=-13.3, **each)
    prior, actual = bound.end_losses(model, images, eps)
    same(prior, bound.prior_loss(model, x))
    same(actual, exponents.logsumexp(-1).sum(1), rtol=1e-7)


@checks("L2", bound.squared_gap, bound.step_loss, process.gap, gaussian.kl_ratio)
@checks("L3", bound.step_loss)
def test_one_step(model, tag, x, depths, normal):
    eps, ratio = normal(B, D), normal(B).exp()
    values = predicted(tag, x, depths.gamma_t, eps)
    values |= {"x_s": encoded(tag, x, depths.gamma_s)["x_t"], "gamma_s": depths.gamma_s}
    at = x, depths.s, depths.t, eps
    same(bound.squared_gap(model, *at), ledger("L2", "gap_in_v", **values).square())
    gap, loss = ledger("L2", "gap", **values), bound.step_loss(model, *at, ratio)
    each = ledger("L2", "one_dimension", delta=gap, w=ratio[:, None], **depths.gammas)
    same(loss, each.sum(1))
    one = {"gamma_s": depths.gamma_s[0], "gamma_t": depths.gamma_t[0], "w": ratio[0]}
    same(loss[0], ledger("L2", "step", d=D, delta=gap[0], **one))
    if tag == "E1":
        same(bound.step_loss(model, *at), ledger("L3", "step", x=x, **values).sum(1))


@checks("L4", bound.diffusion_loss, process.residual, bound.step_loss)
def test_infinite_depth(model, tag, x, depths, normal):
    eps = normal(B, D)
    values = predicted(tag, x, depths.gamma_t, eps)
    r = ledger("L4", "residual", **values)
    _, t = depths.noise(x)
    same(process.residual(values["v"] - values["vhat"], values["u"] - values["uhat"], t), r)
    loss = bound.diffusion_loss(model, x, depths.t, eps)
    same(loss, ledger("L4", "integrand", r=r, **values).sum(1))
    if tag == "E1":
        same(loss, ledger("L4", "integrand_E1", **values).sum(1))


# --- the ratio -----------------------------------------------------------------------------------


@checks("W1", gaussian.best_ratio, gaussian.best_cost, gaussian.kl_ratio, process.generative_step)
def test_best_ratio(x, depths, normal):
    m = torch.cat([torch.tensor([1e-6]).double(), normal(B - 1).exp()])
    ratio, cost = gaussian.best_ratio(m), ledger("W1", "cost", m=m, d=D)
    same(ratio, ledger("W1", "ratio", m=m))
    same(gaussian.best_cost(m, D), cost)
    same(gaussian.kl_ratio(D * m, ratio, D), cost)
    s, t = depths.noise(x)
    variance = process.generative_step(x, x, 0.0, s, t, ratio[:, None]).variance
    same(variance, ledger("W1", "variance", m=m[:, None], **depths.gammas))


@checks("W2", gaussian.kl_ratio)
def test_ratio_at_great_depth(normal):
    ratio, none = normal(B).exp(), torch.zeros(B, dtype=torch.float64)
    same(1000 * gaussian.kl_ratio(none, ratio, D), ledger("W2", "excess", T=1000, w=ratio, d=D))
    kappa, steps = normal(B), 10**8
    price = steps * gaussian.kl_ratio(none, 1 + kappa / steps**0.5, D)
    same(price, ledger("W2", "root", kappa=kappa, d=D), rtol=1e-3)


@checks("W3", bound.step_loss)
def test_weighted_loss_is_a_bound(x, depths, normal):
    eps, ratio = normal(B, D), normal(B).exp()
    model = DiffEnc(GUESS, ScalingEncoder())
    bounded = bound.step_loss(model, x, depths.s, depths.t, eps, ratio)
    weighted = ratio * bound.step_loss(model, x, depths.s, depths.t, eps)
    constant = D * ledger("W3", "constant", w=ratio)
    same(bounded - weighted, constant, rtol=1e-6, atol=1e-6)

    model = DiffEnc(GUESS)  # the popular loss, with rho = 1
    values = predicted("E1", x, depths.gamma_t, eps)
    popular = (eps - values["epsilonhat"]).square()
    ratio = ledger("W3", "ratio_of_epsilon_loss", rho=1.0, **depths.gammas)
    gap = bound.squared_gap(model, x, depths.s, depths.t, eps)
    same(gap * ratio / 2, popular)


@checks("W5", gaussian.best_ratio, gaussian.kl_ratio)
def test_ratio_for_each_dimension(normal):
    m_j = normal(D).exp()
    shared = gaussian.kl_ratio(m_j.sum(), gaussian.best_ratio(m_j.mean()), D)
    single = gaussian.kl_ratio(m_j, gaussian.best_ratio(m_j), 1).sum()
    assert shared > single
    same(shared - single, ledger("W5", "gain", m=m_j, mbar=m_j.mean(), d=D))


@checks("X4", bound.diffusion_loss)
def test_scaling_against_a_vdm_with_its_marginals(x, depths, normal):
    model, eps = DiffEnc(GUESS, ScalingEncoder()), normal(B, D)
    values = predicted("E2", x, depths.gamma_t, eps)
    alpha2 = 1 - ledger("F1", "variance", **values)
    values |= {"x": x, "xtilde": values["xhat"] / alpha2}
    loss = bound.diffusion_loss(model, x, depths.t, eps)
    same(loss, ledger("X4", "scaling", **values).sum(1))
    ratio = ledger("X4", "ratio", **values)
    same(loss, (ratio * ledger("X4", "vdm", **values)).sum(1))
    same(ratio - 1, ledger("X4", "excess", **values), rtol=1e-4)
    same(ledger("X4", "ratio", gamma_t=torch.tensor([60.0]).double()), ledger("X4", "end"))


@checks("W1c", gaussian.kl_ratio, constant_ratio)
def test_best_constant_ratio(normal):
    errors = normal(7).exp()
    chain = {"L_T": float(D * errors.sum() / 2), "T": 7, "d": D}
    best = constant_ratio(chain["L_T"], 7, D)
    assert best == pytest.approx(float(ledger("W1c", "ratio", **chain)), rel=1e-12)
    cost = gaussian.kl_ratio(D * errors, torch.full_like(errors, best), D).sum()
    same(cost, ledger("W1c", "best", **chain))


@checks("W4", cheapest_path)
def test_cheapest_grid(generator):
    """Dynamic programming against every path that there is."""
    costs = torch.randint(100, (8, 8), generator=generator).double()
    for steps in range(1, 8):
        path = cheapest_path(costs, steps).tolist()
        paths = [(0, *inner, 7) for inner in itertools.combinations(range(1, 7), steps - 1)]
        prices = [sum(costs[i, j] for i, j in itertools.pairwise(path)) for path in paths]
        assert sum(costs[i, j] for i, j in itertools.pairwise(path)) == min(prices)
    with pytest.raises(ValueError, match="^costs allow no path"):
        cheapest_path(torch.full((4, 4), math.inf), 2)


@checks("W6", gaussian.kl_ratio, gaussian.best_ratio)
def test_ratio_that_depends_on_the_latent(normal):
    errors = normal(B).exp()
    mean = errors.mean()
    shared = gaussian.kl_ratio(D * errors, gaussian.best_ratio(mean).expand(B), D)
    saved = shared - gaussian.kl_ratio(D * errors, gaussian.best_ratio(errors), D)
    assert (saved >= 0).all()
    same(saved, ledger("W6", "pointwise", m_z=errors, mbar=float(mean), d=D))
    same(saved.mean(), ledger("W6", "mean", m=errors, mbar=float(mean), N=B, d=D))


@checks("W7", process.gap_slope, gaussian.best_scale, gaussian.squared_gap_from)
def test_best_multiple_of_a_prediction(depths, normal):
    s, t = Noise.from_gamma(depths.gamma_s[0]), Noise.from_gamma(depths.gamma_t[0])
    xhat, c = normal(B), schedule.step_c(s, t)
    tau = 0.3 * normal(B) + xhat
    h = process.gap_slope(xhat, s, t)
    g = s.alpha / (s.sigma * c.sqrt()) * (c * xhat - tau)  # with A = c
    products = torch.stack([g * g, g * h, h * h]).mean(1)[None]
    means = {
        finer_ratios.XX: (xhat * xhat).mean().item(),
        finer_ratios.XT: (xhat * tau).mean().item(),
        finer_ratios.TT: (tau * tau).mean().item(),
    }
    scale = gaussian.best_scale(products)
    assert float(c * scale) == pytest.approx(float(LEDGER["W7"].form("best").subs(means)))
    least = {finer_ratios.J: LEDGER["W7"].form("least")}
    m = n.in_gamma(LEDGER["W7"].form("m").subs(least)).subs(means)
    m = m.subs({n.gamma_s: float(s.gamma), n.gamma_t: float(t.gamma)})
    assert float(gaussian.squared_gap_from(products, scale)) == pytest.approx(float(m))


# --- the worlds ----------------------------------------------------------------------------------


ENDS = -13.3, 5.0


def normal_mean(f):
    """E[f(epsilon)] over N(0, 1), by SciPy"""
    bell = lambda e: f(e) * math.exp(-e * e / 2) / math.sqrt(2 * math.pi)  # noqa: E731
    return integrate.quad(bell, -12, 12, epsabs=1e-12, limit=200)[0]


@checks("L1", worlds.reconstruction_by_level)
@pytest.mark.parametrize(
    "form, below, above, x, bits",
    [
        ("E1", 12, 12, 0.0, "0.010453"),
        ("E1", 0, 12, 0.0, "0.005227"),
        ("E2", 0, 12, -255 / 256, "0.0052486"),
        ("E2", 12, 0, 255 / 256, "0.0052486"),
    ],
)
def test_what_a_level_costs(form, below, above, x, bits):
    """Levels more than 12 away weigh less than exp(-1000) together."""
    row = LEDGER["L1"]
    exponent = sympy.lambdify(("l_k", "x", "x_0", "epsilon", "gamma_0"), row.form("exponent"))
    alpha2 = 1 - float(ledger("F1", "variance", gamma_t=-13.3))
    x_0 = x if form == "E1" else alpha2 * x

    def cost(epsilon):
        levels = [x + 2 * n / 256 for n in range(-below, above + 1)]
        return float(np.logaddexp.reduce([exponent(k, x, x_0, epsilon, -13.3) for k in levels]))

    found = normal_mean(cost)
    assert f"{found / math.log(2):.{len(bits) - 2}f}" == bits
    nats = worlds.reconstruction_by_level(scale=1.0 if form == "E1" else alpha2)
    place = {(12, 12): 100, (0, 12): 0, (12, 0): -1}[below, above]
    assert float(nats[place]) == pytest.approx(found, abs=1e-8)
    if form == "E1":
        same(nats[1:-1], nats[100])


CONSTANT = {  # T: w = 1, 0.5, 2, for E1, above the entropy
    10: ("11.0612", "3.1730", "30.3033"),
    100: ("0.597150", "6.63261", "23.1836"),
    1000: ("0.056603", "93.2786", "160.186"),
    10000: ("0.005631", "962.415", "1540.92"),
}
FOR_E2 = {  # T: G3 and exact at w = 1, then at w*
    1: ("298590.1386", "298590.0701", "0.000011", "0.000011"),
    2: ("9341.5974", "4802.6553", "0.333915", "0.000063"),
    5: ("64.3665", "55.9023", "0.180327", "0.007239"),
    10: ("12.3826", "12.0829", "0.071627", "0.025916"),
    100: ("0.699764", "0.699195", "0.058210", "0.057738"),
    10000: ("0.067466", "0.067466", "0.061427", "0.061427"),
}


def as_claimed(number, claimed):
    return f"{number:.{len(claimed.partition('.')[2])}f}" == claimed


def steps_of(T):
    gammas = [-13.3 + 18.3 * k / T for k in range(T + 1)]
    return itertools.pairwise(gammas)


@checks("X2", worlds.Exact)
def test_gaussian_data_without_encoder():
    row, one = LEDGER["X2"], worlds.Exact(worlds.Gaussian(1.0))
    tight, error = row.lambdify("gap", "math"), row.lambdify("m", "math")
    for variance, claimed in ((1.0, "0.0"), (0.3, "0.0000055"), (2.5, "0.000025")):
        world = worlds.Exact(worlds.Gaussian(variance))
        found = tight(gamma_1=5.0, s_2=variance)
        assert as_claimed(found, claimed)
        assert found == pytest.approx(world.total(3, "best") - world.entropy, abs=1e-9)
    for T, claims in CONSTANT.items():
        errors = [error(gamma_s=s, gamma_t=t, s_2=1.0) for s, t in steps_of(T)]
        for w, claimed in zip((1.0, 0.5, 2.0), claims, strict=True):
            costs = [(w * (1 + m) - 1 - math.log(w) - math.log1p(m)) / 2 for m in errors]
            found = tight(gamma_1=5.0, s_2=1.0) + math.fsum(costs)  # with w* the gap is `tight`
            assert as_claimed(found, claimed)
            assert found == pytest.approx(one.total(T, w) - one.entropy, rel=1e-7, abs=1e-8)


@checks("G5", worlds.Exact)
def test_gaussian_data_with_the_scaling_encoder():
    """The exact denoiser errs by the spread of x; a scale that is not exact, by data besides."""
    one = worlds.Exact(worlds.Gaussian(1.0), worlds.SCALING)
    spread = LEDGER["X2"].lambdify("spread", "math")
    alpha2_0, alpha2_1 = (1 / (1 + math.exp(gamma)) for gamma in ENDS)
    prior = LEDGER["L0"].lambdify("one_dimension", "math")(x_1=alpha2_1, gamma_1=ENDS[1])
    ends = prior - math.log1p(alpha2_0**3 / (1 - alpha2_0)) / 2  # entropy of x given z_0, less h(x)
    factor = {form: LEDGER["G5"].lambdify(form, "math") for form in ("G3", "E2")}
    cases = list(itertools.product((1.0, "best"), (("G3", None), ("E2", "best"))))
    for T, claims in FOR_E2.items():
        for (w, (form, scale)), claimed in zip(cases, claims, strict=True):
            ms = []
            for s, t in steps_of(T):
                alpha2_s, alpha2_t = (1 / (1 + math.exp(gamma)) for gamma in (s, t))
                c = -math.expm1(s - t)
                known = spread(eta=alpha2_t**3 / (1 - alpha2_t), s_2=1.0)
                tau, A = c * alpha2_t + alpha2_s - alpha2_t, factor[form](gamma_s=s, gamma_t=t)
                error = tau**2 * known + (tau - A * alpha2_t) ** 2 * (1 - known)
                ms.append(alpha2_s / ((1 - alpha2_s) * c) * error)
            found = ends + math.fsum(m / 2 if w == 1.0 else math.log1p(m) / 2 for m in ms)
            assert as_claimed(found, claimed)
            assert found == pytest.approx(one.total(T, w, scale) - one.entropy, rel=1e-7, abs=1e-8)


@checks("X3", worlds.Exact)
@pytest.mark.parametrize(
    "encoder, prior, total",
    [(worlds.VDM, "0.003358", "0.693147"), (worlds.SCALING, "0.0000114", "0.744123")],
)
def test_coin(encoder, prior, total):
    """L4 by quadrature: both integrands are quadratic in the error, so its mean square counts."""
    vdm = LEDGER["L4"].lambdify("integrand_E1", "math")
    scaling = LEDGER["X4"].lambdify("scaling", "math")
    mean = LEDGER["X3"].lambdify("mean", "math")

    def at(gamma):
        alpha2 = 1 / (1 + math.exp(gamma))
        eta = alpha2 ** (3 if encoder == worlds.SCALING else 1) / (1 - alpha2)
        guess = lambda e: mean(eta=eta, z=math.sqrt(eta) + e)  # noqa: E731 (at x = 1)
        error = math.sqrt(max(0.0, 1 - normal_mean(guess))) if eta < 80 else 0.0
        if encoder == worlds.SCALING:
            return scaling(gamma_t=gamma, gammaprime_t=1, x=error, xtilde=0)
        return vdm(gammaprime_t=1, epsilon=error * math.exp(-gamma / 2), epsilonhat=0)

    x_1 = 1 / (1 + math.exp(ENDS[1])) if encoder == worlds.SCALING else 1.0
    first = LEDGER["L0"].lambdify("one_dimension", "math")(x_1=x_1, gamma_1=ENDS[1])
    found = first + integrate.quad(at, -5, 5, epsabs=1e-9)[0]  # below -5 the coin is known
    assert as_claimed(first, prior) and as_claimed(found, total)
    world = worlds.Exact(worlds.PlusMinus(), encoder)
    assert world.prior == pytest.approx(first, abs=1e-9)
    assert world.total() == pytest.approx(found, abs=1e-7)


@checks("X5", worlds.Exact)
def test_a_perfect_vdm_pays_the_divergence_of_its_last_latent():
    mixture = worlds.Mixture([[-0.6, 0.4], [0.1, 0.0], [0.9, -0.3]], [0.05, 0.1, 0.02])
    for world in (worlds.Gaussian(0.7), worlds.PlusMinus(), mixture):
        vdm = worlds.Exact(world, worlds.VDM, -9.0, 1.0)
        total = ledger("X5", "total", H=world.entropy, K_1=vdm.prior_gap, M=0.0)
        assert vdm.total() == pytest.approx(float(total), abs=1e-6)
        assert 0 < vdm.prior_gap < vdm.prior


def test_every_row_is_held_against_code_and_taught():
    assert {*TAGS} == CHECKED
    for tag, row in LEDGER.items():
        lesson = [path.read_text("utf-8") for path in NOTEBOOKS if path.name[:2] == row.notebook]
        assert re.search(rf"\b{tag}\b", "\n".join(lesson)), f"{row.notebook} does not mention {tag}"
