"""The study of short noise: forks as models of their own."""

import math

import pytest
import torch
from torch import nn

from diffenc_lite import elbo, load_pretrained
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
    """X6: with u_hat = 0 and the VDM's denoiser, at any number of steps."""
    monkeypatch.setattr(short, "fast", lambda model: model)
    ours = bound(short.shortened(fork.make(arm), 1.0), images)
    assert torch.allclose(ours, bound(load_pretrained("mnist-vdm"), images), rtol=1e-4)


def test_the_network_knows_gamma_and_not_the_depth(monkeypatch):
    monkeypatch.setattr(short, "fast", lambda model: model)
    model = fork.make("vdm").eval()
    z, gamma = torch.randn(5, 1, 28, 28), torch.linspace(-12, 2, 5)
    ended = short.shortened(model, fork.depth_of(2.0, model))
    assert math.isclose(ended.schedule(torch.ones(())).gamma.item(), 2.0, abs_tol=1e-5)
    with torch.no_grad():
        there, here = load_pretrained("mnist-vdm").v_hat(z, gamma), ended.v_hat(z, gamma)
    assert torch.allclose(here, there, rtol=1e-3, atol=1e-3)


def test_joined_is_the_one_above_and_the_other_below():
    class Constant(nn.Module):
        def __init__(self, value):
            super().__init__()
            self.value = value

        def forward(self, z, gamma):
            return torch.full_like(z, self.value)

    joined = short.Joined(Constant(1.0), Constant(2.0), gamma=-6.0)
    z, gamma = torch.randn(3, 1, 4, 4), torch.tensor([-7.0, -6.0, -5.0])
    assert joined(z, gamma).mean((1, 2, 3)).tolist() == [2.0, 2.0, 1.0]


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


def test_a_vdm_pays_less_prior_the_later_its_noise_ends(images):
    """So the gradient of its end is negative where the prior is large: at gamma_max = 0."""
    model = fork.make("vdm").eval()
    end = short.End(0.0, model)
    x = model.to_unit(images)
    eps, u = torch.randn(x.shape, generator=torch.Generator().manual_seed(0)), torch.rand(len(x))
    last = end()
    prior, diffusion = fork.losses(model, x, fork.START + (last - fork.START) * u, eps, last)
    (prior.mean() + (last - fork.START) * diffusion.mean()).backward()
    assert end.number.grad.item() < 0


def test_jobs_of_the_study(tmp_path, monkeypatch):
    monkeypatch.setattr(short, "load_mnist", lambda *_: load_mnist("test", "bundled"))
    monkeypatch.setattr(short, "STEPS", (2, 4))
    monkeypatch.setattr(short, "DOSES", (2.0,))
    monkeypatch.setattr(short, "ARMS", ("image",))
    monkeypatch.setattr(short, "judged", lambda *_: dict.fromkeys(short.JUDGED, 0.0))
    options = with_budget(
        short.STUDY, budget={"updates": 3, "batch": 4, "n": 16, "images": 6, "jobs": 9}
    )
    path = run_study("short", tmp_path, options)
    (fixed, learned), arrays = read_results(path)["rows"], load_arrays(path)
    assert math.isclose(fixed["gamma_end"], 2.0, abs_tol=1e-5)
    assert 1e-5 < abs(learned["gamma_end"] - 2.0) < 0.1
    for row, ends in ((fixed, "fixed"), (learned, "learned")):
        each = arrays[f"bound_image_2.0_{ends}"].astype(float)
        assert each.shape == (2, 6)
        assert row["bounds"] == pytest.approx(each.mean(1), rel=1e-4)
        assert arrays[f"sheet_image_2.0_{ends}_4"].shape == (84, 84)


def test_shipped_results():
    rows, arrays = read_results("short")["rows"], load_arrays("short")
    for row in rows:
        name = f"{row['arm']}_{row['gamma_max']}_{row['ends']}"
        each = arrays[f"bound_{name}"].astype(float).mean(1)
        assert all(
            math.isclose(a, b, rel_tol=1e-3) for a, b in zip(each, row["bounds"], strict=True)
        )
        if row["ends"] == short.FIXED:
            assert math.isclose(row["gamma_end"], row["gamma_max"], abs_tol=1e-4)
        else:
            assert -4.5 < row["gamma_end"] < 5.0001
