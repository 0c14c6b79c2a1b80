"""Networks and models by name: shapes, their start, conditioning, forward mode."""

import copy
import math
from dataclasses import replace
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from draws import seeded, shaken
from torch import Tensor, nn

from diffenc_lite.encoder import ENCODERS, LearnedEncoder
from diffenc_lite.model import DiffEnc, ModelConfig, build
from diffenc_lite.networks import MLP, SIZES, Attention, Block, UNet, UNetConfig, halve
from diffenc_lite.schedule import SCHEDULES, LearnedSchedule, LinearSchedule

TINY = UNetConfig((8, 16), (1, 1))
MAKERS = (
    partial(UNet, TINY, (1, 8, 8)),
    partial(UNet, UNetConfig((8, 8, 8), (0, 1, 1), bilinear=True), (1, 7, 9)),
    partial(UNet, UNetConfig((8, 16), (0, 1)), (3, 6, 4)),
    partial(UNet, UNetConfig((8, 16), (0, 1), patch=2), (3, 7, 4)),
    partial(MLP, 16, 2, (2,)),
)


def draw(shape: tuple[int, ...], n: int = 3) -> tuple[Tensor, Tensor]:
    return torch.randn((n, *shape), generator=seeded(1)), torch.linspace(-13.3, 5, n)


@pytest.mark.parametrize("make", MAKERS)
def test_a_denoiser_starts_at_z_and_an_encoder_at_0(make):
    denoiser, encoder = make(), make(for_y=True)
    z, gamma = draw(denoiser.shape)
    assert torch.equal(denoiser(z, gamma), z)
    assert torch.equal(encoder(z, gamma), torch.zeros_like(z))
    y = shaken(encoder, 2)(z, gamma)
    assert y.abs().max() <= 1 and y.std() > 0.01


@pytest.mark.parametrize("make", MAKERS)
def test_conditioning_uses_the_end_points_as_they_are_now(make):
    schedule = LearnedSchedule(-13.3, 5.0)
    net = shaken(make(for_y=True, schedule=schedule))
    x, _ = draw(net.shape, 1)
    before = net(x, torch.tensor([-4.0]))  # at (-4 + 13.3) / 18.3
    with torch.no_grad():
        schedule.gamma_min += 1.0
        schedule.log_width += math.log(2.0)
    moved = schedule(torch.tensor([(-4.0 + 13.3) / 18.3])).gamma
    torch.testing.assert_close(net(x, moved), before, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(net(x, torch.tensor([-4.0])), before, rtol=1e-3)


def test_a_model_changes_no_network_and_holds_each_weight_once():
    model = shaken(build(ModelConfig("learned", "tiny", "learned", shape=(2,))))
    of_schedule = {name for name in model.state_dict() if "gamma" in name or "width" in name}
    assert of_schedule == {"schedule.gamma_min", "schedule.log_width"}
    z, gamma = draw((2,), 5)
    before = model.v_hat(z, gamma), *model.encode(z, gamma)
    second = DiffEnc(model.denoiser, model.encoder, LinearSchedule(-20, 9))
    for used in (model, second):
        after = used.v_hat(z, gamma), *used.encode(z, gamma)
        torch.testing.assert_close(after, before, rtol=0, atol=0)


def test_a_copy_of_a_model_is_conditioned_on_its_own_schedule():
    model = build(ModelConfig(size="tiny", schedule="learned", shape=(1, 8, 8)))
    shaken(model.denoiser)
    twin = copy.deepcopy(model)
    assert twin.schedule is not model.schedule
    z, gamma = draw((1, 8, 8))
    before = model.denoiser(z, gamma)
    with torch.no_grad():
        twin.schedule.gamma_min -= 5
    assert torch.equal(model.denoiser(z, gamma), before)
    assert not torch.allclose(twin.denoiser(z, gamma), before)


def slope_by_reverse(function, at: Tensor) -> Tensor:
    """df/da of f(a) by two reverse passes: the first is linear in what it starts from."""
    values = function(at := at.clone().requires_grad_())
    start = torch.zeros_like(values, requires_grad=True)
    (first,) = torch.autograd.grad(values, at, start, create_graph=True)
    return torch.autograd.grad(first, start, torch.ones_like(at), create_graph=True)[0]


@pytest.mark.parametrize("norm", [nn.GroupNorm(2, 6), nn.RMSNorm(6)])
def test_the_gradient_of_the_slope_of_an_allowed_norm(norm):
    """That of LayerNorm is wrong in forward mode of PyTorch 2.13, so encoders must not have it."""
    norm, x = norm.double(), torch.randn(5, 6).double().requires_grad_()
    at, weights = torch.randn(5, 6).double(), torch.randn(5, 6).double()
    forward = torch.func.jvp(lambda a: norm(x * a), (at,), (torch.ones_like(at),))[1]
    one, other = (
        torch.autograd.grad((weights * slope).sum(), [x, norm.weight])
        for slope in (forward, slope_by_reverse(lambda a: norm(x * a), at))
    )
    torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("make", MAKERS)
def test_forward_mode_goes_through_the_whole_network(make):
    net = shaken(make(for_y=True)).double()
    x, gamma = (a.double() for a in draw(net.shape))
    y, tangent = torch.func.jvp(lambda g: net(x, g), (gamma,), (torch.ones_like(gamma),))
    h = 1e-5
    torch.testing.assert_close(tangent, (net(x, gamma + h) - net(x, gamma - h)) / (2 * h),
                               rtol=1e-6, atol=1e-8)  # fmt: skip
    one, other = (
        torch.autograd.grad(slope.square().sum(), [*net.parameters()], materialize_grads=True)
        for slope in (tangent, slope_by_reverse(lambda g: net(x, g), gamma))
    )
    torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-10)


def test_dropout_has_one_mask_for_y_and_its_derivative():
    net = shaken(UNet(UNetConfig((8,), (2,), dropout=0.5), (1, 6, 6), True)).double().train()
    x, gamma = (a.double() for a in draw(net.shape))
    torch.manual_seed(3)
    x_t, u = LearnedEncoder(net).encode(x, gamma)
    h = 1e-5

    def y(g: Tensor) -> Tensor:
        torch.manual_seed(3)
        return net(x, g)

    derivative = (y(gamma + h) - y(gamma - h)) / (2 * h)
    torch.testing.assert_close(x_t - u - y(gamma), derivative, rtol=1e-5, atol=1e-7)
    assert not torch.allclose(y(gamma), net.eval()(x, gamma))


def test_attention_is_a_mean_of_values_weighted_by_the_scaled_products():
    """x + W sum_j softmax_j(q_i . k_j / sqrt(C)) v_j, i and j over the pixels."""
    attention, x = shaken(Attention(4, 2)).double(), torch.randn(2, 4, 3, 5).double()
    q, k, v = (part.mT for part in attention.qkv(attention.norm(x)).flatten(2).chunk(3, 1))
    values = F.scaled_dot_product_attention(q, k, v)
    expected = x + attention.out(values.mT.reshape(x.shape))
    torch.testing.assert_close(attention(x), expected, rtol=1e-10, atol=1e-12)
    assert (expected - x).abs().max() > 0.05
    assert (values - v.mean(1, keepdim=True)).abs().max() > 0.05  # the weights are not all alike


@pytest.mark.parametrize("size", [(6, 4), (7, 4), (4, 7), (5, 3), (1, 2), (1, 1)])
def test_halving_means_over_the_pixels_there_are(size):
    h = torch.randn(2, 3, *size)
    torch.testing.assert_close(halve(h), F.avg_pool2d(h, 2, ceil_mode=True))


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("encoder", ENCODERS)
def test_build_makes_what_the_configuration_says(encoder, schedule):
    shape = (2,) if schedule == "learned" else (1, 8, 8)
    config = ModelConfig(encoder, "tiny", schedule, shape=list(shape))
    model = build(config)
    assert model.config == config and model.shape == shape and model.card == {}
    assert type(model.encoder) is type(ENCODERS[encoder](nn.Identity, config))
    assert type(model.schedule) is SCHEDULES[schedule]
    z, gamma = draw(shape)
    assert model.v_hat(z, gamma).shape == z.shape
    assert model.encode(z, gamma).x_t.shape == z.shape
    with pytest.raises(AttributeError):
        model.config = None
    with pytest.raises(AttributeError):
        model.card = {}


def test_the_small_preset_is_for_a_laptop_and_the_paper_preset_has_66_blocks():
    def count(module: nn.Module) -> int:
        return sum(p.numel() for p in module.parameters())

    small = build(ModelConfig("learned", "small"))
    assert 0.4e6 < count(small.denoiser) < 0.6e6 and count(small.encoder) < 0.1e6
    with torch.device("meta"):
        paper = UNet(SIZES["paper"].denoiser, (3, 32, 32))
        sizes = []
        for block in paper.modules():
            if isinstance(block, Block):
                block.register_forward_hook(lambda _, given, made: sizes.append(made.shape[2:]))
        assert paper(torch.zeros(2, 3, 32, 32), torch.zeros(2)).shape == (2, 3, 32, 32)
    assert sizes == [(32, 32)] * (32 + 2 + 32) and paper.fourier.powers == (6, 7)


def test_layers_of_an_mlp_are_added_to_what_comes_in():
    mlp = shaken(MLP(8, 2))
    for layer in mlp.layers:
        nn.init.zeros_(layer[-1].weight)
        nn.init.zeros_(layer[-1].bias)
    inputs, features = torch.randn(3, mlp.channels_in), torch.randn(3, 8)
    assert torch.equal(mlp.body(inputs, features), mlp.out(F.silu(mlp.stem(inputs))))


def test_smooth_upsampling_interpolates():
    nets = [UNet(UNetConfig((8, 8), (0, 1), bilinear=s), (1, 7, 7), True) for s in (True, False)]
    nets[1].load_state_dict(shaken(nets[0]).state_dict())
    x, gamma = draw((1, 7, 7), 2)
    assert not torch.allclose(nets[0](x, gamma), nets[1](x, gamma), atol=1e-3)


def test_patches_as_channels_are_a_network_on_fewer_pixels():
    config = UNetConfig((8, 16), (0, 1), attention=False)
    net = shaken(UNet(replace(config, patch=2), (3, 8, 4), True))
    inside = UNet(config, (12, 4, 2), True)
    inside.load_state_dict(net.state_dict())
    x, gamma = draw((3, 8, 4), 2)
    found = F.pixel_shuffle(inside(F.pixel_unshuffle(x, 2), gamma), 2)
    torch.testing.assert_close(net(x, gamma), found)
    odd = UNet(replace(config, patch=2), (3, 7, 3), True)
    odd.load_state_dict(net.state_dict())
    cut = x[..., :7, :3]  # of which the last row and column are repeated
    whole = F.pad(cut, (0, 1, 0, 1), mode="replicate")
    torch.testing.assert_close(odd(cut, gamma), net(whole, gamma)[..., :7, :3])
