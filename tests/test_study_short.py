"""The study of short noise: forks as models of their own."""

import math

import pytest
import torch

from diffenc_lite import elbo, load_pretrained
from diffenc_lite.bound import diffusion_loss
from diffenc_lite.course.studies import fork, load_arrays, read_results, run_study, short
from diffenc_lite.course.studies import options as with_budget
from diffenc_lite.data import load_mnist


@pytest.fixture(scope="module")
def images():
    return load_mnist("test", "bundled").images[:12]


def bound(model, images, steps=5):
    with torch.no_grad():
        draws = torch.Generator().manual_seed(0)
        return elbo(model, images, steps, every_step=True, generator=draws).total


@pytest.mark.parametrize("arm", short.ARMS)
def test_an_untrained_fork_is_the_vdm(arm, images, monkeypatch):
    """X6: with u_hat = 0 and the VDM's denoiser, at five steps."""
    monkeypatch.setattr(short, "fast", lambda model: model)
    ours = bound(short.shortened(fork.make(arm), 1.0), images)
    assert torch.allclose(ours, bound(load_pretrained("mnist-vdm"), images), rtol=1e-4)


@pytest.mark.parametrize("arm", short.ARMS)
def test_a_short_fork_is_the_fork_above_and_the_vdm_below(arm, images, monkeypatch):
    """The loss for each unit of t is `end` times that of the long one, t being `end` times t."""
    monkeypatch.setattr(short, "fast", lambda model: model)
    model, vdm = fork.make(arm).eval(), load_pretrained("mnist-vdm")
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.02 * torch.randn_like(weight)
    end, x = fork.depth_of(2.0, model), model.to_unit(images)
    ended = short.shortened(model, end)
    eps = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    for there, low, high in ((model, fork.START + 0.01, end), (vdm, 0.01, fork.START - 0.01)):
        t = torch.linspace(low, high - 1e-3, len(x))
        with torch.no_grad():
            ours = diffusion_loss(ended, x, t / end, eps)
            expected = end * diffusion_loss(there, x, t, eps)
        torch.testing.assert_close(ours, expected, rtol=1e-3, atol=0)


def test_one_long_step():
    model = fork.make("vdm")
    job = {"arm": "matched", "gamma_max": 5.0, "end": short.LONG, "seed": 0}
    gamma = model.schedule(short.grid_of(job, model, 4)).gamma
    assert torch.allclose(gamma[-2:], torch.tensor([2.0, 5.0]), atol=1e-4)
    assert gamma[:-1].diff().std() < 1e-4 and len(gamma) == 5


def test_a_trained_end_starts_where_it_should_and_stays_between():
    model = fork.make("vdm")
    end = short.End(2.0, model)
    assert math.isclose(end().item(), fork.depth_of(2.0, model), rel_tol=1e-6)
    end.number.data += 1 / short.SPEED
    gamma = model.schedule(end()).gamma
    assert math.isclose(gamma.item(), 3.0, abs_tol=1e-4)
    gamma.backward()
    assert math.isclose(end.number.grad.item(), short.SPEED, rel_tol=1e-4)
    for number, depth in ((10.0, 1.0), (-10.0, fork.START + 0.05)):
        end.number.data.fill_(number)
        assert math.isclose(end().item(), depth, rel_tol=1e-6)


def test_the_gradient_of_a_trained_end(images):
    """Against a difference quotient; and a VDM pays less prior loss the later its noise ends."""
    model = fork.make("vdm").eval().double()
    end, x = short.End(0.0, model).double(), model.to_unit(images)
    generator = torch.Generator().manual_seed(0)
    eps = torch.randn(x.shape, generator=generator, dtype=torch.float64)
    u = torch.rand(len(x), generator=generator, dtype=torch.float64)

    def loss():
        last = end()
        prior, diffusion = fork.losses(model, x, fork.START + (last - fork.START) * u, eps, last)
        return prior.mean() + (last - fork.START) * diffusion.mean()

    loss().backward()
    with torch.no_grad():
        end.number += 1e-7
        up = loss()
        end.number -= 2e-7
        slope = ((up - loss()) / 2e-7).item()
    assert math.isclose(end.number.grad.item(), slope, rel_tol=1e-3) and slope < 0


def test_jobs_of_the_study(images, tmp_path, monkeypatch):
    monkeypatch.setattr(short, "mnist", lambda root, device, n: (images, images[:n]))
    monkeypatch.setattr(short, "STEPS", (2, 4))
    monkeypatch.setattr(short, "DOSES", (2.0, 1.0))
    monkeypatch.setattr(short, "ARMS", ("image",))
    monkeypatch.setattr(short, "judged", lambda images, _: {"n": len(images)})
    options = with_budget(
        short.STUDY, budget={"updates": 3, "batch": 4, "n": 16, "images": 6, "jobs": 3}
    )
    path = run_study("short", tmp_path, options)
    (fixed, _, trained), arrays = read_results(path)["rows"], load_arrays(path)
    assert math.isclose(fixed["gamma_end"], 2.0, abs_tol=1e-5)
    assert 1e-5 < abs(trained["gamma_end"] - 1.0) < 0.2  # the second dose
    for row in (fixed, trained):
        bounds = arrays[short.array_name("bound", row)]
        assert bounds.shape == (2, 6) and row["bounds"] == pytest.approx(bounds.mean(1), rel=1e-4)
        assert row["T=4"] == {"n": 16}
        assert arrays[short.array_name("sheet", row, 4)].shape == (84, 84)


def test_shipped_results():
    rows, arrays = read_results("short")["rows"], load_arrays("short")
    for row in rows:
        bounds = arrays[short.array_name("bound", row)]
        assert row["bounds"] == pytest.approx(bounds.mean(1), rel=1e-4)
        if row["end"] == short.TRAINED:
            assert -4.5 < row["gamma_end"] < 5.0001
        else:
            assert math.isclose(row["gamma_end"], row["gamma_max"], abs_tol=1e-4)
