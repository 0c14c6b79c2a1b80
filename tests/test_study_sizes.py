"""The study of sizes: what a training costs, what its scores mean, and what is shipped."""

import math

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from diffenc_lite import DiffEnc, UNet, UNetConfig
from diffenc_lite.course.studies import load_arrays, read_results, run_study, sizes
from diffenc_lite.course.studies import options as with_budget
from diffenc_lite.data import load_mnist


def stirred(denoiser):
    torch.manual_seed(0)
    for weight in denoiser.parameters():
        nn.init.normal_(weight, std=0.1)
    return denoiser


def test_each_change_changes_one_thing():
    medium = sizes.MEDIUM
    for name, config in sizes.CHANGES.items():
        fields = [
            f for f in medium.__dataclass_fields__ if getattr(config, f) != getattr(medium, f)
        ]
        of_recipe = (name in sizes.BATCH) + (name in sizes.RATE) + (name == sizes.PLAIN)
        assert len(fields) + of_recipe == 1, name
    made = {name: sizes.make({"name": name, "seed": 0}).denoiser for name in sizes.CHANGES}
    assert [n for n, net in made.items() if isinstance(net, sizes.NotPassedOn)] == [sizes.PLAIN]


def test_sizes_and_changes_meet_the_medium_one_at_the_same_lengths():
    """Which is trained with two seeds."""
    jobs = sizes.jobs(with_budget(sizes.STUDY))
    shares = {name: set() for name in (*sizes.CURVE, *sizes.CHANGES)}
    for job in jobs:
        shares[job["name"]].add(job["share"])
    assert all(lengths >= {0.25, 1.0} for lengths in shares.values())
    for name in sizes.CHANGES:
        assert shares[name] <= shares["medium"] and (4.0 in shares[name]) == (name in sizes.AHEAD)
    assert {job["seed"] for job in jobs if job["name"] == "medium"} == {0, 1}


def test_what_goes_on_was_ahead():
    early = {
        row["name"]: row["total"] for row in read_results("sizes")["rows"] if row["share"] == 0.25
    }
    ahead = {name for name in sizes.CHANGES if early[name] < early["medium"] - 0.01}
    assert ahead == set(sizes.AHEAD)


def test_operations_are_those_of_convolutions_and_products():
    """2 for each weight and pixel of a convolution, 2 for each weight of a layer, three times."""
    model = DiffEnc(UNet(UNetConfig((8,), (1,), attention=False)))
    counted = 0
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            counted += 2 * module.weight.numel() * 28 * 28
        elif isinstance(module, nn.Linear):
            counted += 2 * module.weight.numel()
    assert sizes.operations(model) == 3 * counted


@pytest.mark.parametrize("name", sizes.CURVE)
def test_a_backward_pass_takes_nearly_two_forward_passes(name):
    model = DiffEnc(UNet(sizes.CURVE[name]))
    with FlopCounterMode(display=False) as counter:
        model.v_hat(torch.zeros(1, 1, 28, 28), torch.zeros(1)).sum().backward()
    assert 0.95 < counter.get_total_flops() / sizes.operations(model) <= 1


def test_features_not_passed_on():
    """It is the U-Net whose last layer has zeros where it weights the features."""
    denoiser = stirred(UNet(UNetConfig((8, 8), (1, 1)), (1, 8, 8)))
    z, gamma = torch.randn(3, 1, 8, 8), torch.tensor([-9.0, -1.0, 4.0])
    short = sizes.NotPassedOn(denoiser)(z, gamma)
    assert not torch.allclose(short, denoiser(z, gamma))
    with torch.no_grad():
        denoiser.out.weight[1:] = 0
        denoiser.out.bias[1:] = 0
    assert torch.allclose(short, denoiser(z, gamma), atol=1e-6)


def test_jobs_of_the_study(tmp_path, monkeypatch):
    images = load_mnist("test", "bundled").images
    monkeypatch.setattr(sizes, "mnist", lambda root, device, n: (images, images[:n]))
    monkeypatch.setattr(sizes, "CURVE", {"medium": UNetConfig((8, 8), (1, 1))})
    monkeypatch.setattr(sizes, "operations", lambda model: 1e12 / 640)
    monkeypatch.setattr(sizes, "CHANGES", {"batches of 32": sizes.CURVE["medium"]})
    options = with_budget(sizes.STUDY, budget={"teraops": 1, "images": 40, "jobs": 2})
    path = run_study("sizes", tmp_path, options)
    (row, small), arrays = read_results(path)["rows"], load_arrays(path)
    assert (small["batch"], small["updates"]) == (32, 20)
    assert row["updates"] == 10 and row["teraops"] == 1.0
    totals = arrays["total_medium_1.0_0"].astype(float)
    assert len(totals) == 40 and math.isclose(totals.mean(), row["total"], rel_tol=1e-3)


def test_shipped_results():
    study, arrays = read_results("sizes"), load_arrays("sizes")
    rows = study["rows"]
    assert {row["name"] for row in rows if row["part"] == "curve"} == set(sizes.CURVE)
    for row in rows:
        terms = row["prior"] + row["reconstruction"] + row["diffusion"]
        assert math.isclose(terms, row["total"], rel_tol=1e-9) and row["total"] < 2
        assert math.isclose(row["teraops"], study["budget"]["teraops"] * row["share"], rel_tol=0.01)
        totals = arrays[sizes.array_name(row)].astype(float)
        assert len(totals) == 10_000 and math.isclose(totals.mean(), row["total"], abs_tol=2e-4)
