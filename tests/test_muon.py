"""Muon: the orthogonalisation against singular values, a step by hand, which weights it moves."""

import math

import pytest
import torch
from draws import F64, seeded
from torch import nn

from diffenc_lite import DiffEnc, LearnedEncoder
from diffenc_lite.model import ENCODERS, ModelConfig, build
from diffenc_lite.training import TrainConfig, TrainState
from diffenc_lite.training.muon import Muon, inner_convolutions, orthogonal


@pytest.mark.parametrize("shape", [(6, 6), (4, 9), (9, 4)])
def test_singular_values_go_through_the_polynomial(shape):
    """and singular vectors stay as they are."""
    matrix = torch.randn(shape, generator=seeded(), dtype=F64)
    u, s, vt = torch.linalg.svd(matrix, full_matrices=False)
    s = s / (matrix.norm() + 1e-7)
    for _ in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    torch.testing.assert_close(orthogonal(matrix), u * s @ vt, rtol=1e-9, atol=1e-9)


def test_a_step_by_hand():
    """The second, so that there is momentum; the length does not depend on that of the gradient."""
    weight = torch.randn(4, 3, 3, 3, generator=seeded(), dtype=F64).requires_grad_()
    optimizer, expected, mean = Muon([weight], 0.5), weight.detach().clone(), 0.0
    for n in range(2):
        gradient = 10.0**n * torch.randn(weight.shape, generator=seeded(n), dtype=F64)
        weight.grad, optimizer.param_groups[0]["lr"] = gradient, 0.1
        optimizer.step()
        mean = 0.95 * mean + 0.05 * gradient
        moved = orthogonal((0.05 * gradient + 0.95 * mean).reshape(4, 27))
        expected = 0.95 * expected - 0.1 * 0.2 * math.sqrt(27) * moved.reshape(expected.shape)
    torch.testing.assert_close(weight.detach(), expected)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_it_moves_the_convolutions_between_the_first_and_the_last(encoder):
    model = build(ModelConfig(encoder, "tiny", shape=(1, 8, 8)))
    names = {id(weight): name for name, weight in model.named_parameters()}
    inner = {names[id(weight)] for weight in inner_convolutions(model)}
    networks = ("denoiser", "encoder.network")
    ends = {f"{network}.{end}.weight" for network in networks for end in ("stem", "out")}
    of_four_axes = {name for name, weight in model.named_parameters() if weight.ndim == 4}
    assert inner and inner == of_four_axes - ends
    (adamw, one), (muon, factor) = TrainState(model, TrainConfig(2)).optimizers
    owned = [[w for group in o.param_groups for w in group["params"]] for o in (adamw, muon)]
    assert {names[id(w)] for w in owned[1]} == inner and (one, factor) == (1.0, 20 / 3)
    assert "muon, at 20/3 of the learning rate" in TrainConfig.__doc__
    assert sorted(map(id, owned[0] + owned[1])) == sorted(names)
    assert len(TrainState(model, TrainConfig(2, optimizer="adamw")).optimizers) == 1
    model.denoiser.place = nn.Parameter(torch.zeros(1, 1, 8, 8))  # of four axes, no convolution
    assert {names[id(weight)] for weight in inner_convolutions(model)} == inner
    shared = DiffEnc(model.denoiser, LearnedEncoder(model.denoiser))
    assert len({*inner_convolutions(shared)}) == len(inner_convolutions(shared))
