"""What a device computes, against the CPU: `pytest --device cuda tests/test_device.py`.

Without the option the device is the CPU. CUDA and MPS are not measured yet.
"""

import copy
import json

import pytest
import torch
from draws import seeded

from diffenc_lite import DiffEnc, ModelConfig, build, elbo, fit, load_mnist, load_pretrained, sample
from diffenc_lite.course.show import encode_and_noise, film
from diffenc_lite.evaluation import evaluate, evenly_chosen
from diffenc_lite.training import TrainConfig, bf16_if_faster, train_steps

MODELS = ["mnist-vdm", "mnist-scaling", "mnist-learned"]
IMAGES = evenly_chosen(load_mnist("test", "bundled").images, 4)


@pytest.fixture(scope="session")
def device(request):
    name = request.config.getoption("device")
    try:
        torch.zeros(1, device=name)
    except (AssertionError, NotImplementedError, RuntimeError):
        pytest.exit(f"error: --device must be one of this machine; got {name}", returncode=2)
    return torch.device(name)


@pytest.fixture
def widest(device):
    """The most exact dtype that the device has"""
    return torch.float32 if device.type == "mps" else torch.float64


def bits_and_gradient(model):
    t = torch.linspace(0.02, 0.98, len(IMAGES))
    eps, eps_0 = torch.randn(2, *IMAGES.shape, generator=seeded())
    bound = elbo(model, IMAGES.to(model.device), t=t, noise=eps, noise_0=eps_0)
    bits = bound.bits_per_dim().mean()
    bits.backward()
    slopes = [w.grad.flatten() for w in model.parameters() if w.grad is not None]
    return bits.item(), torch.cat(slopes).cpu().double()


@pytest.mark.parametrize("name", MODELS)
def test_bound_and_gradient(name, device):
    """float32 has a wide limit since convolutions on CUDA have TF32's 10 bits by default; bf16 has
    7. Of a trained model gradients are small differences of large ones, so weights are moved."""

    def load(device):
        model = load_pretrained(name, device)
        with torch.no_grad():
            for weight in model.parameters():
                weight.mul_(0.9)
        return model

    expected, gradient = bits_and_gradient(load("cpu").double())
    precisions = {
        "float32": (DiffEnc.float, 1e-3, 0.02),
        "as in training": (bf16_if_faster, 1e-2, 0.1),
        "float64": (DiffEnc.double, 1e-9, 1e-6),
    }
    if device.type == "mps":
        del precisions["float64"]
    for precision, (converted, limit, gradient_limit) in precisions.items():
        bits, slope = bits_and_gradient(converted(load(device)))
        assert abs(bits / expected - 1) < limit, precision
        assert (slope - gradient).norm() < gradient_limit * gradient.norm(), precision


@pytest.mark.parametrize("name", MODELS)
def test_evaluation_fit_and_samples(name, device, widest):
    here, there = (load_pretrained(name, where).to(widest) for where in ("cpu", device))
    expected, score = (evaluate(m, IMAGES.to(m.device), generator=seeded()) for m in (here, there))
    assert score.total == pytest.approx(expected.total, rel=1e-3)
    expected, chain = (fit(m, IMAGES.to(m.device), 2, generator=seeded()) for m in (here, there))
    torch.testing.assert_close(chain.ratio.cpu(), expected.ratio, rtol=1e-2, atol=0)
    expected, pictures = (sample(m, 2, 5, generator=seeded()).cpu().int() for m in (here, there))
    assert ((pictures - expected).abs() > 1).double().mean() < 0.01


def run(model, device, folder, stop=None):
    """Ten updates in a folder, perhaps stopped on the way; the bound of each"""
    options = {"warmup": 0, "log_every": 1, "checkpoint_every": 5}
    config = TrainConfig(10, batch=4, **options)  # by Muon, and by AdamW what is no convolution
    steps = train_steps(copy.deepcopy(model), IMAGES.to(device), config, folder)
    next(progress for progress in steps if progress.update == (stop or 10))
    steps.close()
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["total"] for line in lines]


def test_ten_updates_stopped_and_resumed(device, tmp_path):
    """Bit for bit on a CPU; elsewhere sums may come in another order."""
    torch.manual_seed(0)
    model = build(ModelConfig("learned", size="tiny")).to(device)
    whole = run(model, device, tmp_path / "whole")
    assert len(whole) >= 10 and all(map(torch.isfinite, torch.tensor(whole)))
    run(model, device, tmp_path / "stopped", stop=5)
    resumed = run(model, device, tmp_path / "stopped")
    assert resumed == pytest.approx(whole, rel=0 if device.type == "cpu" else 1e-2, abs=0)


def test_explorer_and_film(device, widest):
    """What is drawn in lessons, of a model on the device"""

    def drawn(where):
        model = load_pretrained("mnist-learned", where).to(widest)
        path = encode_and_noise(model, IMAGES[:1], [0.0, 0.9], seeded())
        return path, len(film(model, IMAGES[:1], frames=3, steps=4))

    (path, length), (expected, expected_length) = drawn(device), drawn("cpu")
    assert length == expected_length
    for part, other in zip(path, expected, strict=True):
        torch.testing.assert_close(torch.as_tensor(part), torch.as_tensor(other), atol=1e-3, rtol=0)
