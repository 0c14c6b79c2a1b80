"""Exercises of notebook 15, Build it yourself: the eight pieces of a DiffEnc, and an encoder.

Each piece stands here in the library's words, under the name that the lesson gives it, so that who
is stuck goes on with it. All are of digits of 64 pixels with 17 levels, in nats.
"""

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, pairwise
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor, nn

from ... import DiffEnc, Encoder, LearnedEncoder, LinearSchedule, Noise, elbo, gaussian, process
from ...bound import diffusion_loss, squared_gap
from ...checks import check_parts
from ...schedule import gamma_min_for, step_c
from .answers import NotRight, refuse_stub
from .forms import Exercise, Lesson, Program

EXERCISES: Lesson = {}
LEVELS, DIMS = 17, 64
GAMMA_0 = gamma_min_for(LEVELS)
RATE = 5 - GAMMA_0  # gamma', at any depth
Network = Callable[[Tensor, Tensor], Tensor]


def _model(net: nn.Module, encoder: Encoder | None = None) -> DiffEnc:
    return DiffEnc(net, encoder, LinearSchedule(GAMMA_0, 5.0), LEVELS, (DIMS,))


def to_x(levels: Tensor) -> Tensor:
    """The places of the levels in (-1, 1)"""
    return (2 * levels.long() + 1) / LEVELS - 1


def _few(generator: Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=generator)


def _size(generator: Generator, low: int = 3, high: int = 7) -> int:
    return int(torch.randint(low, high + 1, (), generator=generator))


def _but(piece: Callable[..., Any], change: Callable[..., Any]) -> Callable[..., Any]:
    """The piece with a change of its results: a mistake"""
    return lambda *given: change(*piece(*given))


def _results(count: int, f: Callable[..., Any], *given: Any) -> tuple[Tensor, ...]:
    """What f returns, if these are so many tensors"""
    before = copy.deepcopy(given)
    try:
        found = f(*given)
    except IndexError as error:
        if "dimension 0" not in str(error):
            raise
        raise NotRight(f": {error}; `turn` takes gamma (1,), as `gamma[None]`") from None
    except RuntimeError as error:
        if "must match the size" not in str(error):
            raise
        places, image = "the 17 places need an axis: `[..., None]`", "one number an image, (B,),"
        cure = places if f"({LEVELS})" in str(error) else f"{image} needs `[:, None]`"
        raise NotRight(f": {error}; {cure}") from None
    if found is None and given[-1] is True:  # it returned something without
        raise NotRight(": with True as its last argument it returns nothing")
    refuse_stub(found, f)
    several = isinstance(found, tuple | list) or count > 1 and getattr(found, "ndim", 0) > 1
    results = tuple(found) if several else (found,)
    if len(results) != count:
        what = "one tensor" if isinstance(found, Tensor) else len(results)
        raise NotRight(f": it returns {what} in place of {count}")
    if not all(isinstance(result, Tensor | float) for result in results):
        raise NotRight(": it must return tensors, made by PyTorch")
    kept = [one for one in zip(given, before, strict=True) if isinstance(one[0], Tensor)]
    if not all(torch.equal(*one) for one in kept):
        raise NotRight(": it changes a tensor that it is given; make new ones")
    if any(one.requires_grad and not all(r.requires_grad for r in results) for one, _ in kept):
        raise NotRight(": no gradient comes through (no_grad, detach or item?)")
    return tuple(torch.as_tensor(result) for result in results)


def _learns(
    count: int, right: Callable[..., Any], f: Callable[..., Any], *given: Any
) -> tuple[Tensor, ...]:
    """The results; once they are right, their gradients by the weights of all networks must be"""
    both = _results(count, f, *given), _results(count, right, *given)
    if _close(*both):
        weights = [w for net in given if isinstance(net, nn.Module) for w in net.parameters()]
        sums = [torch.stack([part.sum() for part in parts]).sum() for parts in both]
        if not sums[0].requires_grad or not _close(
            *(torch.autograd.grad(total, weights, allow_unused=True) for total in sums)
        ):
            raise NotRight(": right numbers, wrong gradients (no_grad, detach or item?)")
    return tuple(part.detach() for part in both[0])


def _close(parts: Sequence[Tensor | None], others: Sequence[Tensor]) -> bool:
    return all(
        a is not None and a.shape == b.shape and bool(((a - b).abs() <= 1e-3 * b.abs().max()).all())
        for a, b in zip(parts, others, strict=True)
    )


def _network(generator: Generator, steep: float = 5) -> nn.Module:
    """Any function of z and gamma that is no good denoiser"""
    width = _size(generator, 20, 90)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Parameter(_few(generator, DIMS + 1, width) / 8)
            self.outer = nn.Parameter(_few(generator, width, DIMS) / 4)

        def forward(self, z: Tensor, gamma: Tensor) -> Tensor:
            read = torch.cat([z, torch.sin(steep * gamma)[:, None]], 1)
            return (read @ self.inner).tanh() @ self.outer

    return Net()


class _As(nn.Module):
    """A network that reads another gamma"""

    def __init__(self, net: nn.Module, change: Callable[[Tensor], Tensor]):
        super().__init__()
        self.net, self.change = net, change

    def forward(self, z: Tensor, gamma: Tensor) -> Tensor:
        return self.net(z, self.change(gamma))


def _depth(gamma: Tensor) -> Tensor:
    return (gamma - GAMMA_0) / RATE


def noise_at(t: Tensor, levels: int = LEVELS) -> tuple[Tensor, Tensor, Tensor]:
    """gamma, alpha and sigma at depth t, each in its shape"""
    return _noise(gamma_min_for(levels), t)


def _noise(start: float, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    at = LinearSchedule(start, 5.0)(t)
    return at.gamma, at.alpha, at.sigma


EXERCISES["15.1"] = lambda: Exercise(
    question=r"""Write the schedule: $\gamma$ rises linearly from
    $\gamma_0=-13.3+2\ln(256/\text{levels})$ at $t=0$ to $5$ at $t=1$. Return $\gamma$, $\alpha$ and
    $\sigma$, with $\alpha^2=\mathrm{sigmoid}(-\gamma)$ and $\sigma^2=\mathrm{sigmoid}(\gamma)$.""",
    form=Program(
        "t (B,), levels", "three tensors (B,)",
        lambda generator: (torch.rand(3, generator=generator), _size(generator, 9, 33)),
        tolerance=2e-3,  # what 1 - alpha^2 loses in single precision
        measure=partial(_results, 3),
        outputs={"gamma": "It starts at gamma_0, which the levels move, and ends at 5 for all",
                 "alpha": "Its square is sigmoid(-gamma)",
                 "sigma": "Its square is sigmoid(gamma)"},
    ),
    answer=noise_at,
    hints=["gamma: at t = 0 it is `-13.3 + 2 * math.log(256 / levels)`, and at t = 1 it is 5.",
           "gamma: gamma_0 + (5 - gamma_0) * t.",
           "`torch.sigmoid(-gamma)` is alpha^2, near 1 at t = 0.",
           "alpha^2 + sigma^2 = 1: sigma is the root of `torch.sigmoid(gamma)`."],
    mistakes={
        "this is the end for 256 levels; the levels must move it":
            lambda t, levels: noise_at(t, 256),
        "this is the end for 17 levels, whatever `levels` is": lambda t, levels: noise_at(t),
        "the ratio is upside down": lambda t, levels: _noise(-26.6 - gamma_min_for(levels), t),
        "the logarithm is to base 2; ln is asked for": lambda t, levels:
            _noise(-13.3 + 2 * math.log2(256 / levels), t),
        "gamma ends at gamma_0 + 5; it must rise by 5 - gamma_0": lambda t, levels:
            noise_at(t * 5 / (5 - gamma_min_for(levels)), levels),
        "gamma must rise with t: exchange its ends": lambda t, levels: noise_at(1 - t, levels),
        "alpha and sigma are exchanged: at t = 0 there is almost no noise":
            _but(noise_at, lambda gamma, alpha, sigma: (gamma, sigma, alpha)),
        "alpha and sigma are still squared: take the roots":
            _but(noise_at, lambda gamma, alpha, sigma: (gamma, alpha**2, sigma**2)),
        "gamma is minus the logarithm of the SNR, and this is the SNR itself":
            _but(noise_at, lambda gamma, *parts: (torch.exp(-gamma), *parts)),
    },
)


def turn(a: Tensor, b: Tensor, gamma: Tensor, back: bool = False) -> tuple[Tensor, Tensor]:
    """(x, eps) -> (z, v), or back; gamma (B,)"""
    at = Noise.from_gamma(gamma).like(a)
    if back:
        return process.x_from_v(a, b, at), at.sigma * a + at.alpha * b
    return process.add_noise(a, b, at), process.v_from_eps(a, b, at)


def _squared(a: Tensor, b: Tensor, gamma: Tensor, back: bool = False) -> tuple[Tensor, Tensor]:
    alpha, sigma = torch.sigmoid(-gamma)[:, None], (-1) ** back * torch.sigmoid(gamma)[:, None]
    return alpha * a + sigma * b, alpha * b - sigma * a


def _turns(generator: Generator) -> tuple[Any, ...]:
    shape = _size(generator), _size(generator)
    a, b = (_few(generator, *shape).requires_grad_() for _ in range(2))
    return a, b, 3 * _few(generator, shape[0])


EXERCISES["15.2"] = lambda: Exercise(
    question=r"""Write the noising and its inverse as one rotation. Forwards `a, b` are $x$ and
    $\varepsilon$, and $z=\alpha x+\sigma\varepsilon$, $v=\alpha\varepsilon-\sigma x$ come out. With
    `back=True` they are $z$ and $v$ (or $\hat v$), and $x$ and $\varepsilon$ (or $\hat x$ and
    $\hat\varepsilon$) come out.""",
    form=Program(
        "a (B, D), b (B, D), gamma (B,), back", "two tensors (B, D)", _turns,
        measure=lambda f, *given: (*_results(2, f, *given), *_results(2, f, *given, True)),
        outputs={"z": "It comes first; each row has its own gamma", "v": "alpha eps - sigma x",
                 "x, with back=True,": "The sum of z and v in which no eps is left",
                 "eps, with back=True,": "The sum of z and v in which no x is left"},
    ),
    answer=turn,
    hints=["(z, v) is (x, eps) turned by an angle; sigma with its sign changed turns it back.",
           "gamma is (B,), the data are (B, D): `[:, None]` brings alpha and sigma into shape."],
    mistakes={
        "right forwards; with back=True sigma changes its sign":
            lambda a, b, gamma, back=False: turn(a, b, gamma),
        "forwards z = alpha x + sigma eps: only with back=True is the sign another":
            lambda a, b, gamma, back=False: turn(a, b, gamma, True),
        "a and b are exchanged": lambda a, b, *given: turn(b, a, *given),
        "the two results are exchanged": _but(turn, lambda first, second: (second, first)),
        "alpha^2 = sigmoid(-gamma) and sigma^2 = sigmoid(gamma); their roots are missing": _squared,
        "alpha and sigma are exchanged: small gamma is little noise":
            lambda a, b, gamma, *back: turn(a, b, -gamma, *back),
    },
)


class Net(nn.Module):
    """v_hat(z, gamma): convolutions on z, its waves and gamma"""

    def __init__(self) -> None:
        super().__init__()
        widths = [12, 32, 32, 32, 32]
        layers = [(nn.Conv2d(a, b, 3, padding=1), nn.SiLU()) for a, b in pairwise(widths)]
        self.body = nn.Sequential(*chain(*layers), nn.Conv2d(32, 1, 3, padding=1))

    def forward(self, z: Tensor, gamma: Tensor) -> Tensor:
        waves = torch.pi * torch.tensor([1.0, 2, 4, 8.5, 17])[:, None, None] * z
        maps = [z, *waves.sin(), *waves.cos(), gamma[:, None].expand_as(z) / 10]
        return z + self.body(torch.stack(maps, 1).unflatten(2, (8, 8))).flatten(1)


def _module(make: Callable[[], Any]) -> nn.Module:
    torch.manual_seed(0)
    net = make if isinstance(make, nn.Module) else make()
    refuse_stub(net, make)
    if net is make or not isinstance(net, nn.Module):
        raise NotRight(": give the class itself, a torch.nn.Module that is made without arguments")
    if any(
        isinstance(kept, list | tuple | dict) and any(isinstance(part, nn.Module) for part in kept)
        for module in net.modules()
        for kept in vars(module).values()
    ):
        raise NotRight(": layers in a Python list are not trained; use nn.ModuleList")
    return net


def _all_learn(net: nn.Module, result: Tensor) -> None:
    if not [*net.parameters()]:
        raise NotRight(": it has no weights")
    if result.requires_grad:
        result.square().sum().backward()
    if any(weight.grad is None for weight in net.parameters()):
        raise NotRight(": a weight gets no gradient (detach, or a layer without use?)")


def _network_is_sound(make: Callable[[], Any], z: Tensor, gamma: Tensor) -> int:
    net = _module(make)
    if any(isinstance(part, nn.modules.batchnorm._BatchNorm) for part in net.modules()):
        raise NotRight(": BatchNorm makes v_hat of an image depend on the others in the batch")
    net.eval()(z, gamma)  # layers that are made when they are first called
    for weight in net.parameters():  # one that starts at 0 hides what it depends on
        nn.init.normal_(weight, 0, 0.1)
    if not isinstance(v_hat := net(z, gamma), Tensor):
        raise NotRight(": its forward returns no tensor")
    if v_hat.shape != z.shape:
        raise NotRight(f": v_hat has shape {tuple(v_hat.shape)} in place of {tuple(z.shape)}")
    if torch.allclose(v_hat, net(z.flip(1), gamma)):
        raise NotRight(": v_hat does not depend on z")
    if torch.allclose(v_hat, net(z, gamma + 3)):
        raise NotRight(": v_hat does not depend on gamma, so it cannot know how much is noise")
    if not torch.allclose(v_hat[-1:], net(z[-1:], gamma[-1:]), atol=1e-4):
        raise NotRight(": v_hat of an image depends on the others in the batch, or on their gamma")
    _all_learn(net, v_hat)
    return 1


EXERCISES["15.3"] = lambda: Exercise(
    question=r"""Write a network, a class without arguments: `net(z, gamma)` returns $\hat v$ in the
    shape of $z$. Any will do that reads $\gamma$. What helps: waves of $z$, some as fine as
    the levels ($\sin\pi kz$ and $\cos\pi kz$ for $k=1,2,4,8,17$), convolutions (a row of 64
    is an image of 8 x 8: `unflatten(1, (8, 8))`), and $z$ added to the output.""",
    form=Program(
        "z (B, 64) and gamma (B,), as a class made without arguments,", "v_hat (B, 64)",
        lambda generator: (_few(generator, 4, DIMS), 3 * _few(generator, 4)),
        measure=_network_is_sound, tries=1,
    ),
    answer=Net,
    hints=["One hidden layer on `torch.cat([z, gamma[:, None] / 10], 1)` passes.",
           "Stack z, sines, cosines and gamma as the channels of an image."],
)


def bills(
    net: nn.Module, levels: Tensor, t: Tensor, eps: Tensor, eps_0: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """prior, reconstruction and diffusion of a VDM, each (B,)"""
    terms = elbo(_model(net), levels.byte(), t=t, noise=eps, noise_0=eps_0)
    return terms.prior, terms.reconstruction, terms.diffusion


def _for_bound(generator: Generator) -> tuple[Any, ...]:
    n = _size(generator)
    greys = _size(generator, 9, LEVELS)  # an image need not have them all
    levels = torch.randint(greys, (n, DIMS), generator=generator).byte()
    t = torch.rand(n, generator=generator)
    return _network(generator), levels, t, _few(generator, n, DIMS), _few(generator, n, DIMS)


def _bills_by_hand(
    net: nn.Module, levels: Tensor, t: Tensor, eps: Tensor, eps_0: Tensor, off: float = 0,
    snr: float = math.exp(-GAMMA_0), weight: Callable[..., Any] = lambda g, alpha, s: alpha**2,
    target: Callable[..., Any] = lambda v, eps: v,
) -> tuple[Tensor, ...]:
    """As a student writes it: each keyword is a place for a mistake"""
    x, at_0, at = to_x(levels), noise_at(torch.zeros(())), noise_at(t)
    _, alpha, sigma = noise_at(torch.ones(()))
    prior = ((alpha * (x + off)) ** 2 + sigma**2 - 1 - 2 * sigma.log()).sum(1) / 2
    away = x + at_0[2] / at_0[1] * eps_0 - to_x(torch.arange(LEVELS))[:, None, None]
    log_p = (-snr / 2 * away**2).log_softmax(0).gather(0, levels.long()[None])[0]
    z, v = turn(x + off, eps, at[0])
    gap = target(v, eps) - net(z, at[0])
    return prior, -log_p.sum(1), RATE / 2 * weight(*at) * gap.square().sum(1)


EXERCISES["15.4"] = lambda: Exercise(
    question=r"""Write the three terms of the bound, in nats for each image. With
    $x=2(k+\tfrac12)/17-1$ of level $k$, which is `to_x(levels)`, and $\gamma'=5-\gamma_0$:

    - prior: $\tfrac12\sum(\alpha_1^2x^2+\sigma_1^2-1-\ln\sigma_1^2)$;
    - reconstruction: $-\ln p(x|z_0)$ with $z_0=\alpha_0x+\sigma_0\varepsilon_0$, summed over
      pixels; $p$ is a softmax over $k$ of $-\tfrac12e^{-\gamma_0}(z_0/\alpha_0-x_k)^2$, with $x_k$
      the 17 values that a pixel can have;
    - diffusion: $\tfrac12\gamma'\,\mathrm{SNR}(t)\,\|x-\hat x\|^2$ at the depth $t$ (lesson 03),
      with $x-\hat x=\sigma_t(\hat v-v)$ put in.""",
    form=Program(
        "net, levels (B, 64), t (B,), eps (B, 64), eps_0 (B, 64)",
        "prior, reconstruction, diffusion, each (B,)", _for_bound,
        tolerance=2e-4, absolute=3e-4, measure=partial(_learns, 3, bills),
        outputs={
            "prior": "No network, no noise: the KL divergence of q(z_1) from N(0, I)",
            "reconstruction": "No network: z_0 / alpha_0 is x and a little noise, eps_0, among 17 "
                              "places, those of x; the softmax has gamma_0",
            "diffusion": "Only here are t, eps and the network, which returns v_hat",
        },
    ),
    answer=bills,
    hints=["prior: alpha_1 and sigma_1 are those of `noise_at(torch.ones(1))`.",
           "prior: only x^2 differs from pixel to pixel, but the rest is in the sum 64 times too.",
           "reconstruction: `turn` makes z_0 from x and eps_0 with the gamma of t = 0.",
           "reconstruction: `F.cross_entropy(logits.transpose(1, 2), levels.long(), "
           "reduction='none')` is that of every pixel, for logits (B, 64, 17).",
           "diffusion: `turn` makes z and v with the gamma of t; gamma' is 5 - gamma_0.",
           "diffusion: SNR(t) sigma_t^2 is alpha_t^2, one for each image."],
    mistakes={
        "these are means over the pixels; the bound is their sum":
            _but(bills, lambda *terms: tuple(term / DIMS for term in terms)),
        "the diffusion loss has no gamma' = 5 - gamma_0":
            _but(bills, lambda a, b, c: (a, b, c / RATE)),
        "the weight of ||v - v_hat||^2 is alpha^2, and this has sigma^2":
            partial(_bills_by_hand, weight=lambda gamma, alpha, sigma: sigma**2),
        "the weight of ||v - v_hat||^2 is alpha^2; the SNR belongs to ||x - x_hat||^2":
            partial(_bills_by_hand, weight=lambda gamma, alpha, sigma: (-gamma).exp()),
        "the weight of ||v - v_hat||^2 lacks alpha^2": partial(_bills_by_hand, weight=lambda *_: 1),
        "the weight of ||v - v_hat||^2 is alpha^2, and this has alpha":
            partial(_bills_by_hand, weight=lambda gamma, alpha, sigma: alpha),
        "the network reads gamma, not t": lambda net, *given: bills(_As(net, _depth), *given),
        "z_0 has noise of its own, eps_0; this shares eps with z_t":
            lambda net, k, t, eps, _: bills(net, k, t, eps, eps),
        "prior and reconstruction are exchanged": _but(bills, lambda a, b, c: (b, a, c)),
        "reconstruction and diffusion are exchanged": _but(bills, lambda a, b, c: (a, c, b)),
        "the network predicts v, not eps": partial(_bills_by_hand, target=lambda v, eps: eps),
        "x is the middle of a level: k + 1/2": partial(_bills_by_hand, off=-1 / LEVELS),
        "gamma' is 5 - gamma_0, and this is that for 256 levels":
            _but(bills, lambda a, b, c: (a, b, c * 18.3 / RATE)),
        "the prior's -1 is missing": _but(bills, lambda a, b, c: (a + DIMS / 2, b, c)),
        "the prior has ln sigma_1^2, and this has ln sigma_1":
            _but(bills, lambda a, b, c: (a - DIMS / 4 * math.log1p(math.exp(-5)), b, c)),
        "the softmax has e^{-gamma_0}, the SNR, and this has the noise, e^{gamma_0}":
            partial(_bills_by_hand, snr=math.exp(GAMMA_0)),
        "the half is forgotten in the softmax":
            partial(_bills_by_hand, snr=2 * math.exp(-GAMMA_0)),
    },
)


def descend(
    net: nn.Module, images: Tensor, loss: Callable[[nn.Module, Tensor], Tensor], updates: int
) -> Iterator[float]:
    """Descend on loss(net, batch of 64); each loss as it comes"""
    optimizer = torch.optim.Adam(net.parameters(), 4e-3)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, updates)
    for _ in range(updates):
        value = loss(net, images[torch.randint(len(images), (64,))])
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        rate.step()
        yield value.item()


def _loop_is_sound(loop: Callable[..., Any], images: Tensor, updates: int) -> int:
    torch.manual_seed(0)
    net, path, want, seen = nn.Linear(1, 1), list[Tensor](), list[float](), set[bytes]()
    for weight in net.parameters():
        nn.init.constant_(weight, 0.5)

    def loss(net: Any, batch: Tensor) -> Tensor:  # least at 0.4, and for each batch a bit elsewhere
        if batch.shape != (64, DIMS):
            raise NotRight(f": the loss gets {tuple(batch.shape)} in place of (64, {DIMS})")
        seen.update(image.numpy().tobytes() for image in batch)
        k, off = len(path), torch.cat([w.flatten() - 0.4 for w in net.parameters()])
        errors = (off - 0.03 * torch.tensor([(-1) ** k, (-1) ** (k // 2)])).square()
        path.append(off.detach())
        want.append(errors.sum().item())
        return errors.sum()

    losses = loop(net, images, loss, updates)
    if not hasattr(losses, "__iter__"):
        if path:
            raise NotRight(": yield each loss")
        raise NotImplementedError
    if isinstance(losses, list | tuple):
        raise NotRight(": `yield` each loss in the loop; this returns all of them at its end")
    losses = [*losses]
    if len(path) != updates:
        raise NotRight(f": the loss was called {len(path)} times for {updates} updates")
    if len(seen) < len(images) / 2:
        raise NotRight(": it sees few of the images; draw others in every update")
    moves = torch.stack(path).diff(dim=0).abs()
    if not moves.any():
        raise NotRight(": the weights do not move: `zero_grad`, `backward`, `step`, in this order")
    if net.weight.item() == 0.5:
        raise NotRight(": it trains a copy of the network")
    gradient = 2 * path[-1][0].item() - 0.06 * (-1) ** (updates - 1)
    left = 0.0 if net.weight.grad is None else net.weight.grad.item()
    if left and abs(left + gradient) < 1e-3 < abs(left):
        raise NotRight(": this climbs; descend on the loss itself, not on minus the loss")
    if left and abs(left - gradient) > 1e-3:
        raise NotRight(": gradients of earlier updates add up: `zero_grad` in every update")
    if moves.max() > 0.05:
        raise NotRight(f": an update moves a weight by {moves.max():.2g}; the loss will not fall")
    if not abs(net.weight.item() - 0.4) < 0.08:
        raise NotRight(": the loss hardly falls: is the rate right, and does the schedule step?")
    if torch.allclose(moves[:, 0], moves[:, 1], rtol=0.03):
        raise NotRight(": an optimizer remembers earlier gradients; make it once, before the loop")
    if not all(isinstance(value, float) for value in losses):
        raise NotRight(": yield each loss as a number, by `item()`")
    if not np.allclose(losses, want, atol=1e-6):
        raise NotRight(": what it yields are not the losses")
    return len(losses)


EXERCISES["15.5"] = lambda: Exercise(
    question=r"""Write the loop: in each of `updates` updates draw 64 images at random, descend on
    `loss(net, batch)`, and `yield` it as a number, so that the caller can watch. Adam
    serves, with `OneCycleLR(adam, 0.004, total_steps=updates)` for its rate.""",
    form=Program(
        "net, images (N, 64), loss, updates", "the losses, one by one",
        lambda generator: (torch.randint(LEVELS, (300, DIMS), generator=generator), 40),
        measure=_loop_is_sound, tries=1,
    ),
    answer=descend,
    hints=["Four calls make an update: the loss, `zero_grad`, `backward`, `step`.",
           "`images[torch.randint(len(images), (64,))]` are 64 images at random."],
)


def sampler(net: Network, z: Tensor, noise: Tensor, moves: bool = False) -> Tensor:
    """z_1 -> z_0 / alpha_0 in len(noise) equal steps; of a DiffEnc's with moves"""
    return _draw(lambda *_: (1, 1, 1), net, z, noise, moves)


def _draw(
    factors: Callable[..., Any], net: Network, z: Tensor, noise: Tensor, moves: bool = False
) -> Tensor:
    """With factors of z_t, x_hat, the noise and u_hat in a step: other than 1 a mistake"""
    depths, c = torch.linspace(1, 0, len(noise) + 1), -math.expm1(-RATE / len(noise))
    for k, eps in enumerate(noise):
        t, s = (Noise.from_gamma(noise_at(depths[i])[0]) for i in (k, k + 1))
        x_hat = turn(z, net(z, t.gamma.expand(len(z))), t.gamma[None], back=True)[0]
        of_z, of_x, of_eps, of_u = (*factors(s, t, c), 1)[:4]
        p = process.generative_step(of_z * z, of_x * x_hat, moves * of_u * x_hat, s, t)
        z = p.mean + of_eps * p.variance.sqrt() * eps
    return z / s.alpha


def _for_draw(generator: Generator) -> tuple[Any, ...]:
    net, n = _network(generator).requires_grad_(False), _size(generator)
    return net, _few(generator, n, DIMS), _few(generator, _size(generator), n, DIMS)


def _in_steps(f: Callable[..., Any], *given: Any) -> tuple[Tensor, ...]:
    """Five results without moves, and two with it"""
    still, moving = _first_step(f, *given), _first_step(f, *given, True)
    return *still, moving[1], moving[-1]


def _first_step(f: Callable[..., Any], net: nn.Module, z: Tensor, *given: Any) -> Any:
    """What the first step is made of, what the network sees after it, and the end"""
    seen = list[tuple[Tensor, ...]]()
    net.register_forward_pre_hook(
        lambda _, given, named: seen.append((*map(torch.clone, (*given, *named.values())),)),
        with_kwargs=True,
    )
    end = _results(1, f, net, z, *given)
    if not (later := [a for a, *_ in seen if a.shape == z.shape and not torch.equal(a, z)]):
        raise NotRight(": the network must read all of z, and a new one in each step")
    T = len(given[0])
    for k in range(T):
        if torch.allclose(seen[0][-1], noise_at(torch.tensor(k / T))[0]):
            where = f": it starts at t = {k / T:.2g}; start at t = 1"
            raise NotRight(where if k < T - 1 else ": the network reads the gamma of t, not of s")
    if later[0].isnan().any():
        raise NotRight(": z is nan after the first step; c is 1 - e^{gamma_s - gamma_t}")
    gamma = noise_at(torch.ones(len(z)))[0]
    made_of = [z, turn(z, net(z, gamma), gamma, back=True)[0], given[0][0]]
    parts, z_s = (torch.stack(one).flatten(1).double().T for one in (made_of, later[:1]))
    factors = torch.linalg.lstsq(parts, z_s.nan_to_num(0, 0, 0)).solution
    if not torch.allclose(parts @ factors, z_s, atol=1e-4):  # made of something else
        return *(_first_step(sampler, net, z, *given)[:3]), later[0], *end
    return *factors.flatten(), later[0], *end


EXERCISES["15.6"] = lambda: Exercise(
    question=r"""Write the sampler: `len(noise)` equal steps from $z_1$ at $t=1$ down to $t=0$. A
    step from $t$ to $s$ draws $z_s$ with mean
    $\frac{\alpha_t}{\alpha_s}\frac{\sigma_s^2}{\sigma_t^2}z_t+\alpha_sc\,\hat x$ and variance
    $\sigma_s^2c$, $c=1-e^{\gamma_s-\gamma_t}$; `noise[0]` is the noise of the step from $t=1$.
    With `moves=True`, which an encoder needs (piece 7), the mean gets one more term,
    $\alpha_s(\gamma_t-\gamma_s)\,\sigma_t^2\,\hat x$. Return $z_0/\alpha_0$.""",
    form=Program(
        "net, z (n, 64), noise (T, n, 64), moves", "z_0 / alpha_0, a tensor (n, 64)", _for_draw,
        tolerance=5e-5, absolute=1e-5, measure=_in_steps,
        outputs={"the factor of z_t": "From t = 1 to 1 - 1/T: alpha_t/alpha_s sigma_s^2/sigma_t^2",
                 "the factor of x_hat": "That of z_t is right in the first step",
                 "the factor of noise[0]": "Those of z_t and x_hat are right in the first step",
                 "z after the first step": "Not a z_t + b x_hat + c noise[0]: is the noise yours?",
                 "z_0 / alpha_0": "The first step is right: look at the others, and at the end",
                 "with moves=True the factor of x_hat": "Right without: look at the new term",
                 "with moves=True z_0 / alpha_0": "Its first step is right: look at the others"},
    ),
    answer=sampler,
    hints=["z after the first step: x_hat comes from z and v_hat by the rotation back, with "
           "`gamma.expand(len(z))`.",
           "z_0 / alpha_0: the last step has noise too, and z_0 is divided by alpha_0.",
           "the factor of z_t: t is the noisier end; alpha_t / alpha_s and sigma_s / sigma_t < 1.",
           "c = -torch.expm1(gamma_s - gamma_t), and the step goes from t down to s.",
           "The mean is a z_t + b x_hat; add sigma_s c.sqrt() times the noise, and t becomes s."],
    mistakes={
        "the variance of a step is sigma_s^2 c, and this has sigma_t^2":
            partial(_draw, lambda s, t, c: (1, 1, t.sigma / s.sigma)),
        "the mean lacks c": partial(_draw, lambda s, t, c: (1, 1 / c, 1)),
        "each step has a noise of its own, and this has noise[0] in all":
            lambda net, z, noise, *more: sampler(net, z, noise[:1].expand_as(noise), *more),
        "the variance lacks c": partial(_draw, lambda s, t, c: (1, 1, c**-0.5)),
        "alpha_t / alpha_s is missing": partial(_draw, lambda s, t, c: (s.alpha / t.alpha, 1, 1)),
        "the noise has the root of the variance, and this has the variance":
            partial(_draw, lambda s, t, c: (1, 1, s.sigma * c**0.5)),
        "no step has noise": partial(_draw, lambda s, t, c: (1, 1, 0)),
        "T steps have T + 1 depths": lambda net, z, noise, *moves: sampler(
            net, z, noise[:-1], *moves),
        "the last step has noise too: z_0 is still a latent": lambda net, z, noise, *moves:
            sampler(net, z, torch.cat([noise[:-1], 0 * noise[-1:]]), *moves),
        "this is z_0; divide it by alpha_0":
            lambda *given: sampler(*given) * noise_at(torch.zeros(()))[1],
        "the new term is there without moves, too":
            lambda net, z, noise, *moves: sampler(net, z, noise, True),
        "with moves=True nothing changes": lambda net, z, noise, *moves: sampler(net, z, noise),
        "the new term has the other sign: gamma_t - gamma_s is above 0":
            partial(_draw, lambda s, t, c: (1, 1, 1, -1)),
        "the new term lacks alpha_s": partial(_draw, lambda s, t, c: (1, 1, 1, 1 / s.alpha)),
        "the new term lacks sigma_t^2": partial(_draw, lambda s, t, c: (1, 1, 1, t.sigma**-2)),
        "the new term has sigma_t^2, and this has sigma_s^2":
            partial(_draw, lambda s, t, c: (1, 1, 1, (s.sigma / t.sigma) ** 2)),
        "the noise has sqrt(c), not c": partial(_draw, lambda s, t, c: (1, 1, c**0.5)),
        "the network reads gamma, not t": lambda net, *given: sampler(_As(net, _depth), *given),
        "this rotates z and v_hat further; rotate them back":
            lambda net, *given: sampler(lambda *seen: -net(*seen), *given),
        "noise[0] belongs to the first step, which starts at t = 1":
            lambda net, z, noise, *moves: sampler(net, z, noise.flip(0), *moves),
        "this has eps_hat in place of x_hat": lambda net, *given: sampler(
            lambda z, g: process.v_from_x(
                z, turn(z, net(z, g), g, back=True)[1], Noise.from_gamma(g).like(z)), *given),
        "v_hat is not x_hat: rotate back": lambda net, *given: sampler(
            lambda z, g: process.v_from_x(z, net(z, g), Noise.from_gamma(g).like(z)), *given),
    },
)


def encoded(net: nn.Module, y: nn.Module, x: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """The diffusion loss of a DiffEnc with the encoder x_t = x + sigma_t^2 (y - x), (B,)"""
    return diffusion_loss(_model(net, LearnedEncoder(y)), x, t, eps)


def _by_hand(
    net: nn.Module, y: nn.Module, x: Tensor, t: Tensor, eps: Tensor, rate: Any = 1,
    share: Callable[..., Any] = lambda s: s**2, seen: Callable[..., Any] = lambda x_t, x: x_t,
    start: Callable[..., Any] = lambda x_t, x: x_t, weight: Callable[..., Any] = lambda s: -s,
    guess: Callable[..., Any] = lambda x_hat, x: x_hat,
) -> Tensor:
    """As a student writes it: each keyword is a place for a mistake"""
    gamma, alpha, sigma = noise_at(t)
    s, ones = sigma[:, None], torch.ones_like(gamma)
    y_t, slope = torch.func.jvp(lambda g: y(x, g), (gamma,), (ones,))[:2]
    x_t = x + share(s) * (y_t - x)
    z, v = turn(seen(x_t, x), eps, gamma)
    v_hat = net(z, gamma)
    u = start(x_t, x) - y_t - rate * slope
    r = v - v_hat + weight(s) * (u - guess(turn(z, v_hat, gamma, back=True)[0], x))
    return RATE / 2 * alpha**2 * r.square().sum(1)


def _for_encoder(generator: Generator) -> tuple[Any, ...]:
    net, levels, t, eps, _ = _for_bound(generator)
    return net, _network(generator, steep=40), to_x(levels), t, eps  # for quotients


def _in_motion(f: Callable[..., Any], net: nn.Module, y: nn.Module, *given: Tensor) -> Any:
    """The loss with y = 0, with y at gamma = 0, and with y itself"""
    none = copy.deepcopy(y)
    nn.init.zeros_([*none.parameters()][-1])
    still = _As(y, lambda g: 0 * g)
    found = [_results(1, f, net, one, *given)[0] for one in (none, still)]
    return *found, *_learns(1, encoded, f, net, y, *given)


EXERCISES["15.7"] = lambda: Exercise(
    question=r"""Write the diffusion loss with a learned encoder. $x_t=x+\sigma_t^2(y-x)$ with
    $y=y(x,\gamma_t)$; $u=\dot x_t/\sigma_t^2$, the dot by $\lambda=-\gamma$ (E3, lesson 04), needs
    the slope of $y$, which `torch.func.jvp` gives; then $z,v$ from $x_t$, $\hat x$ from
    $z,\hat v$, and $\tfrac12\gamma'\alpha_t^2\|r\|^2$ with $r=(v-\hat v)-\sigma_t(u-\hat u)$,
    $\hat u=\hat x$ as in lesson 04, and $\gamma'=5-\gamma_0$.
    Nats, (B,).""",
    form=Program(
        "net, y, x (B, 64), t (B,), eps (B, 64)", "a tensor (B,)", _for_encoder,
        tolerance=5e-4, absolute=1e-3, measure=_in_motion,
        outputs={
            "with y = 0 the loss": "Here u = x_t = alpha^2 x: look at x_t, at z and v, which come "
                                   "from x_t, at x_hat, the residual and its weight",
            "with a y that does not read gamma the loss": "Right for y = 0: look at x_t and u",
            "with a y that reads gamma the loss": "All is right but the slope: one derivative for "
                                                  "each pixel, by jvp; no differences, no sums",
        },
    ),
    answer=encoded,
    hints=["with y = 0 the loss: what was x for the VDM is x_t now: in z, in v, and for x_hat.",
           "with a y that reads gamma the loss: `y_t, slope = torch.func.jvp("
           "lambda g: y(x, g), (gamma,), (torch.ones_like(gamma),))` gives y and its derivative.",
           "with a y that reads gamma the loss: it has the shape of x; differences of two y "
           "lose digits, and the gradient of a sum adds up pixels.",
           "z, v = `turn(x_t, eps, gamma)`; x_hat is the first of `turn(z, v_hat, gamma, True)`.",
           "u is x_t minus what y tells: y itself, and its derivative by gamma."],
    mistakes={
        "u lacks the derivative of y": partial(_by_hand, rate=0),
        "the weight of ||r||^2 is alpha^2; the SNR belongs to ||x - x_hat||^2": lambda *given:
            encoded(*given) / noise_at(given[3])[2] ** 2,
        "the derivative has the other sign: lambda = -gamma": partial(_by_hand, rate=-1),
        "this is the derivative by t; u has that by gamma": partial(_by_hand, rate=RATE),
        "the residual lacks u_hat = x_hat": partial(_by_hand, guess=lambda x_hat, x: 0),
        "this is the loss of a VDM at x_t: the residual lacks sigma (u - x_hat)":
            partial(_by_hand, weight=lambda s: 0),
        "the residual has - sigma_t (u - x_hat), and this has a plus":
            partial(_by_hand, weight=lambda s: s),
        "the residual has sigma_t (u - x_hat), and this has sigma_t^2":
            partial(_by_hand, weight=lambda s: -(s**2)),
        "the residual has sigma_t (u - x_hat), and this lacks sigma_t":
            partial(_by_hand, weight=lambda s: -1),
        "the network reads gamma, not t": lambda net, *given: encoded(_As(net, _depth), *given),
        "y reads gamma, not t, and its derivative is by gamma": lambda net, y, *given:
            partial(_by_hand, rate=RATE)(net, _As(y, _depth), *given),
        "u has the slope of y itself, without sigma_t^2": lambda net, y, x, t, eps:
            _by_hand(net, y, x, t, eps, rate=noise_at(t)[2][:, None] ** 2),
        "u_hat is x_hat, and this has x": partial(_by_hand, guess=lambda x_hat, x: x),
        "x_t has sigma_t^2, and this has sigma_t": partial(_by_hand, share=lambda s: s),
        "x and y are exchanged in x_t": partial(_by_hand, share=lambda s: 1 - s**2),
        "z and v come from x_t, not from x": partial(_by_hand, seen=lambda x_t, x: x),
        "u starts from x_t, not from x; so does v": partial(_by_hand, start=lambda x_t, x: x),
        "the mean over pixels; the loss is their sum": lambda *given: encoded(*given) / DIMS,
        "the loss has no gamma' = 5 - gamma_0": lambda *given: encoded(*given) / RATE,
        "gamma' is 5 - gamma_0, and this is that for 256 levels":
            lambda *given: encoded(*given) * 18.3 / RATE,
        "the weight of ||r||^2 lacks alpha^2": lambda net, y, x, t, eps:
            encoded(net, y, x, t, eps) / noise_at(t)[1] ** 2,
        "the weight of ||r||^2 is alpha^2, and this has alpha": lambda net, y, x, t, eps:
            encoded(net, y, x, t, eps) / noise_at(t)[1],
    },
)


def ratios(net: nn.Module, x: Tensor, eps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """w* of len(eps) equal steps, and the diffusion loss with w = 1 and with w*, in nats"""
    return _ratios(lambda s, t, c: 1.0, net, x, eps)


def _ratios(
    factor: Callable[..., Any], net: nn.Module, x: Tensor, eps: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """With a factor in each m: other than 1 a mistake"""
    model, n, T = _model(net), torch.ones(len(x)), len(eps)
    gaps = [squared_gap(model, x, n * i / T, n * (i + 1) / T, eps[i]).mean() for i in range(T)]
    gamma = noise_at(torch.linspace(0, 1, T + 1))[0]
    s, t = Noise.from_gamma(gamma[:-1]), Noise.from_gamma(gamma[1:])
    m = torch.stack(gaps) * factor(s, t, step_c(s, t))
    return gaussian.best_ratio(m), DIMS / 2 * m.sum(), gaussian.best_cost(m, DIMS).sum()


def _in_range(f: Callable[..., Any], *given: Any) -> tuple[Tensor, ...]:
    found = _results(3, f, *given)
    if not ((found[0] > 0) & (found[0] <= 1)).all():
        raise NotRight(": w must lie in (0, 1): is it upside down? Look at c and s < t")
    return found


def _for_ratios(generator: Generator) -> tuple[Any, ...]:
    net, n = _network(generator).requires_grad_(False), _size(generator)
    return net, _few(generator, n, DIMS).tanh(), _few(generator, _size(generator), n, DIMS)


EXERCISES["15.8"] = lambda: Exercise(
    question=r"""Write what `len(eps)` equal steps cost a VDM, and their best ratios. Step $i$ goes
    from $t=(i+1)/T$ down to $s=i/T$ with the noise `eps[i]`. The squared gap of the model's
    mean to the posterior's, in units of the step's variance, averaged over images and pixels, is
    $m=\mathbb E\|\alpha_sc\,\sigma_t(v-\hat v)\|^2/(d\,\sigma_s^2c)$; with a
    ratio $w$ the step costs $\frac d2(wm+w-1-\ln w)$ (lesson 02). Return the best $w$ of each step,
    $w^*$ (T,), and the sums of the costs with $w=1$ and with $w^*$, in nats for an image.""",
    form=Program(
        "net, x (B, 64), eps (T, B, 64)", "w (T,) and two numbers", _for_ratios, tolerance=1e-3,
        measure=_in_range,
        outputs={"w": "Each step has one m, from its own s and t and its own noise eps[i]",
                 "the sum with w = 1": "The w are right, so m is", "the sum with w*": "m is right"},
    ),
    answer=ratios,
    hints=["w: One m a step: a mean over all images and pixels, before anything is inverted.",
           "w: the derivative of wm + w - 1 - ln w by w is 0 at the best w.",
           "w: c = -torch.expm1(gamma_s - gamma_t) again; the gap's sigma_Q^2 is sigma_s^2 c.",
           "A step costs d/2 m at w = 1; d is `x[0].numel()`, and the sum is over the steps.",
           "At w* = 1 / (1 + m) the first terms cancel: w* m + w* = 1."],
    mistakes={
        "the network reads gamma, not t": lambda net, *given: ratios(_As(net, _depth), *given),
        "the network reads the gamma of t, not of s": lambda net, x, eps:
            ratios(_As(net, lambda gamma: gamma - RATE / len(eps)), x, eps),
        "step i has the noise eps[i]": lambda net, x, eps: ratios(net, x, eps.flip(0)),
        "step i has the noise eps[i], and this has eps[0] in all":
            lambda net, x, eps: ratios(net, x, eps[:1].expand_as(eps)),
        "m is divided by d twice": partial(_ratios, lambda s, t, c: 1 / DIMS),
        "m is a mean over the pixels too: divide by d": partial(_ratios, lambda s, t, c: DIMS),
        "the variance of a step is sigma_s^2 c, and this has sigma_t^2":
            partial(_ratios, lambda s, t, c: (s.sigma / t.sigma) ** 2),
        "the variance of a step lacks c": partial(_ratios, lambda s, t, c: c),
        "the gap lacks c": partial(_ratios, lambda s, t, c: c**-2),
        "the gap lacks sigma_t": partial(_ratios, lambda s, t, c: t.sigma**-2),
        "the gap has alpha_s, and this has alpha_t":
            partial(_ratios, lambda s, t, c: (t.alpha / s.alpha) ** 2),
        "the mean over steps; their sum is asked for":
            _but(ratios, lambda w, a, b: (w, a / len(w), b / len(w))),
        "a step costs d times that: d is 64": _but(
            ratios, lambda w, a, b: (w, a / DIMS, b / DIMS)),
        "the two sums are exchanged": _but(ratios, lambda w, a, b: (w, b, a)),
        "each step has a logarithm of its own; this is that of the sum":
            _but(ratios, lambda w, a, b: (w, a, DIMS / 2 * torch.log1p(a * 2 / DIMS))),
        "step 0 is the one at the data":
            lambda *given: (ratios(*given)[0].flip(0), *ratios(*given)[1:]),
    },
)


class OwnEncoder(nn.Module):
    """y(x, gamma): x moved towards a learned picture"""

    def __init__(self) -> None:
        super().__init__()
        self.picture, self.share = nn.Parameter(torch.zeros(DIMS)), nn.Parameter(torch.zeros(2))

    def forward(self, x: Tensor, gamma: Tensor) -> Tensor:
        share = self.share[0] + self.share[1] * gamma / 10
        return x + share[:, None] * (self.picture - x)


def _encoder_is_sound(make: Callable[[], Any], levels: Tensor, gamma: Tensor) -> int:
    y, x = _module(make), to_x(levels)
    if not isinstance(start := y(x, gamma), Tensor) or start.shape != x.shape:
        raise NotRight(f": y must have the shape of x, {tuple(x.shape)}")
    if not torch.allclose(start, x, atol=1e-5):
        raise NotRight(": it must start as y = x, so that the model starts as the VDM")
    try:  # a wrong slope, or a jump, would take the bound below the truth
        check_parts(_model(_network(Generator().manual_seed(0)), LearnedEncoder(y)), levels)
    except ValueError as error:
        head, _, where = str(error).rpartition("; ")
        if "for an example alone" in head:
            head = "y of an image changes with the other images of the batch, or from call to call"
        elif "does not jump" in head:
            head = f"y jumps, or its gamma is detached: {where}"
        raise NotRight(f": {head}") from None
    _all_learn(y, start)
    if not any(weight.grad.any() for weight in y.parameters() if weight.grad is not None):
        raise NotRight(": no weight has a gradient at the start: let only one of two factors be 0")
    return 1


EXERCISES["15.9"] = lambda: Exercise(
    question=r"""Write an encoder of your own, a class without arguments: `y(x, gamma)` returns
    $y$ in the shape of $x$. It starts as $y=x$ (one weight or last layer is 0) and has no
    jumps in $\gamma$; $y$ of an image depends on no other image of the batch. The class knows
    no data: a mean picture is a weight.""",
    form=Program(
        "x (B, 64) and gamma (B,), as a class made without arguments,", "y (B, 64)",
        lambda generator: (
            torch.randint(LEVELS, (4, DIMS), generator=generator).byte(), 3 * _few(generator, 4)),
        measure=_encoder_is_sound, tries=1,
    ),
    answer=OwnEncoder,
    hints=["What could be known of a digit before it is seen? Its mean picture, its blur.",
           "`x - c * picture` or `x + c * (blur - x)`: c, a weight or a network, starts at 0."],
)
