"""Exercises of notebook 15, Build it yourself: the eight pieces of a DiffEnc.

Each piece stands here in the library's words, under the name that the lesson gives it, so that who
is stuck goes on with it. All are of digits of 64 pixels with 17 levels, in nats.
"""

from collections.abc import Callable, Iterator
from itertools import chain, pairwise
from typing import Any

import torch
from torch import Generator, Tensor, nn

from ... import DiffEnc, Encoder, LearnedEncoder, LinearSchedule, Noise, elbo, gaussian, process
from ...bound import diffusion_loss, squared_gap
from ...schedule import gamma_min_for
from .answers import NotRight
from .forms import Exercise, Lesson, Program

EXERCISES: Lesson = {}
LEVELS, DIMS = 17, 64
Network = Callable[[Tensor, Tensor], Tensor]


def _schedule(levels: int = LEVELS) -> LinearSchedule:
    return LinearSchedule(gamma_min_for(levels), 5.0)


def _model(net: nn.Module, encoder: Encoder | None = None) -> DiffEnc:
    return DiffEnc(net, encoder, _schedule(), LEVELS, (DIMS,))


def to_x(levels: Tensor) -> Tensor:
    """The places of the levels in (-1, 1)"""
    return (2 * levels.long() + 1) / LEVELS - 1


def _few(generator: Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=generator)


def _size(generator: Generator, low: int = 3, high: int = 7) -> int:
    return int(torch.randint(low, high + 1, (), generator=generator))


def _times(parts: tuple[Tensor, ...], *factors: float | Tensor) -> tuple[Tensor, ...]:
    """Outputs with a mistake"""
    return tuple(part * factor for part, factor in zip(parts, factors, strict=True))


def _with_gradients(f: Callable[..., Any], net: nn.Module, *others: Any) -> Any:
    """What f returns, and the gradients of its sum by the weights of all networks"""
    if (given := f(net, *others)) is None or given is ...:
        return None
    several = isinstance(given, tuple | list) or getattr(given, "ndim", 0) == 2
    outputs = tuple(given) if several else (given,)
    nets = [part for part in (net, *others) if isinstance(part, nn.Module)]
    if not any(isinstance(part, Tensor) and part.requires_grad for part in outputs):
        raise NotRight(": no gradient reaches the network (no_grad, detach or item?)")
    weights = [weight for part in nets for weight in part.parameters()]
    total = torch.stack([part.sum() for part in outputs]).sum()
    gradients = torch.autograd.grad(total, weights, allow_unused=True)
    if any(gradient is None for gradient in gradients):
        raise NotRight(": no gradient reaches one of the networks (detach?)")
    return *(part.detach() for part in outputs), *gradients


def _network(generator: Generator) -> nn.Module:
    """Any function of z and gamma that is no good denoiser"""
    width = _size(generator, 20, 90)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Parameter(_few(generator, DIMS + 1, width) / 8)
            self.outer = nn.Parameter(_few(generator, width, DIMS) / 4)

        def forward(self, z: Tensor, gamma: Tensor) -> Tensor:
            return (torch.cat([z, gamma[:, None] / 9], 1) @ self.inner).tanh() @ self.outer

    return Net()


# --- 1: the noise ---------------------------------------------------------------------------------


def noise_at(t: Tensor, levels: int = LEVELS) -> tuple[Tensor, Tensor, Tensor]:
    """gamma, alpha and sigma at depth t, each in its shape"""
    at = _schedule(levels)(t)
    return at.gamma, at.alpha, at.sigma


EXERCISES["15.1"] = lambda: Exercise(
    question=r"""Write the schedule: $\gamma$ rises linearly from
    $\gamma_0=-13.3+2\ln(256/\text{levels})$ at $t=0$ to $5$ at $t=1$. Return $\gamma$, $\alpha$ and
    $\sigma$, with $\alpha^2=\mathrm{sigmoid}(-\gamma)$ and $\sigma^2=\mathrm{sigmoid}(\gamma)$.""",
    form=Program(
        "t (B,), levels",
        "three tensors (B,)",
        lambda generator: (torch.rand(5, generator=generator), _size(generator, 9, 33)),
        tolerance=2e-3,  # what 1 - alpha^2 loses in single precision
    ),
    answer=noise_at,
    hints=["The library's `torch.sigmoid` has both squares; which sign belongs to alpha, which is "
           "near 1 at t = 0?",
           "gamma = gamma_0 + (5 - gamma_0) * t, and a square root for alpha and for sigma."],
    mistakes={
        "this is the end for 256 levels; the levels must move it":
            lambda t, levels: noise_at(t, 256),
        "this is the end for 17 levels, whatever `levels` is": lambda t, levels: noise_at(t),
        "the two ends are exchanged: gamma must rise with t":
            lambda t, levels: noise_at(1 - t, levels),
        "alpha and sigma are exchanged: at t = 0 there is almost no noise":
            lambda t, levels: tuple(noise_at(t, levels)[k] for k in (0, 2, 1)),
        "alpha and sigma are still squared: take the roots":
            lambda t, levels: _times(noise_at(t, levels), 1, *noise_at(t, levels)[1:]),
        "gamma is minus the logarithm of the SNR, and this is the SNR itself":
            lambda t, levels: (torch.exp(-noise_at(t, levels)[0]), *noise_at(t, levels)[1:]),
    },
)  # fmt: skip


# --- 2: a rotation --------------------------------------------------------------------------------


def turn(a: Tensor, b: Tensor, gamma: Tensor, back: bool = False) -> tuple[Tensor, Tensor]:
    """(x, eps) -> (z, v), or back; gamma (B,)"""
    at = Noise.from_gamma(gamma).like(a)
    if back:
        return process.x_from_v(a, b, at), at.sigma * a + at.alpha * b
    return process.add_noise(a, b, at), process.v_from_eps(a, b, at)


def _turns(generator: Generator) -> tuple[Any, ...]:
    shape = _size(generator), _size(generator)
    gamma, back = 3 * _few(generator, shape[0]), bool(_size(generator, 0, 1))
    return _few(generator, *shape), _few(generator, *shape), gamma, back


EXERCISES["15.2"] = lambda: Exercise(
    question=r"""Write the noising and its inverse as one rotation. Forwards `a, b` are $x$ and
    $\varepsilon$, and $z=\alpha x+\sigma\varepsilon$, $v=\alpha\varepsilon-\sigma x$ come out. With
    `back=True` they are $z$ and $v$, and $x$ and $\varepsilon$ come out.""",
    form=Program("a (B, D), b (B, D), gamma (B,), back", "two tensors (B, D)", _turns, tries=6),
    answer=turn,
    hints=["gamma is (B,), the data are (B, D): `[:, None]` brings alpha and sigma into shape.",
           "A rotation by an angle is undone by the same rotation with the sine's sign changed."],
    mistakes={
        "right forwards; with back=True sigma changes its sign":
            lambda a, b, gamma, back: turn(a, b, gamma),
        "v has the other sign": lambda a, b, gamma, back: (
            turn(a, b, gamma, back) if back else (turn(a, b, gamma)[0], -turn(a, b, gamma)[1])),
        "alpha and sigma are exchanged: small gamma is little noise":
            lambda a, b, gamma, back: turn(a, b, -gamma, back),
    },
)  # fmt: skip


# --- 3: a network ---------------------------------------------------------------------------------


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


def _network_is_sound(make: Callable[[], Any], z: Tensor, gamma: Tensor) -> int | None:
    torch.manual_seed(0)
    if (net := make()) in (None, ...):  # a stub
        return None
    if not isinstance(net, nn.Module):
        raise NotRight(": give the class itself, a torch.nn.Module that is made without arguments")
    if any(isinstance(part, nn.modules.batchnorm._BatchNorm) for part in net.modules()):
        raise NotRight(": BatchNorm makes v_hat of an image depend on the others in the batch")
    net.eval()(z, gamma)  # layers that are made when they are first called
    for weight in net.parameters():  # one that starts at 0 hides what it depends on
        nn.init.normal_(weight, 0, 0.1)
    v_hat = net(z, gamma)
    if v_hat.shape != z.shape:
        raise NotRight(f": v_hat has shape {tuple(v_hat.shape)} in place of {tuple(z.shape)}")
    if torch.allclose(v_hat, net(z.flip(1), gamma)):
        raise NotRight(": v_hat does not depend on z")
    if torch.allclose(v_hat, net(z, gamma + 3)):
        raise NotRight(": v_hat does not depend on gamma, so it cannot know how much is noise")
    if not torch.allclose(v_hat[-1:], net(z[-1:], gamma[-1:]), atol=1e-4):
        raise NotRight(": v_hat of an image depends on the others in the batch, or on their gamma")
    v_hat.square().sum().backward()
    if all(weight.grad is None for weight in net.parameters()):
        raise NotRight(": no weight gets a gradient")
    return 1


EXERCISES["15.3"] = lambda: Exercise(
    question=r"""Write a network, a class without arguments: `net(z, gamma)` returns $\hat v$ in the
    shape of $z$. Any will do that reads $\gamma$. What helps: waves of $z$ as fine as the levels
    ($\sin\pi kz$ up to $k=17$), convolutions (a row of 64 is an image of 8 x 8:
    `unflatten(1, (8, 8))`), and $z$ added to the output.""",
    form=Program(
        "z (B, 64) and gamma (B,), as a class made without arguments,",
        "v_hat (B, 64)",
        lambda generator: (_few(generator, 4, DIMS), 3 * _few(generator, 4)),
        measure=_network_is_sound,
        tries=1,
    ),
    answer=Net,
    hints=["A network of one hidden layer on `torch.cat([z, gamma[:, None] / 10], 1)` passes, "
           "but it hardly beats no model.",
           "Stack z, sines, cosines and gamma as the channels of an image."],
)  # fmt: skip


# --- 4: the bound ---------------------------------------------------------------------------------


def bills(
    net: nn.Module, levels: Tensor, t: Tensor, eps: Tensor, eps_0: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """prior, reconstruction and diffusion of a VDM, each (B,)"""
    terms = elbo(_model(net), levels.byte(), t=t, noise=eps, noise_0=eps_0)
    return terms.prior, terms.reconstruction, terms.diffusion


def _for_bound(generator: Generator) -> tuple[Any, ...]:
    n = _size(generator)
    levels = torch.randint(LEVELS, (n, DIMS), generator=generator).byte()
    t = torch.rand(n, generator=generator)
    return _network(generator), levels, t, _few(generator, n, DIMS), _few(generator, n, DIMS)


EXERCISES["15.4"] = lambda: Exercise(
    question=r"""Write the three terms of the bound, in nats for each image. With
    $x=2(k+\tfrac12)/17-1$ of level $k$ and $\gamma'=5-\gamma_0$:

    - prior: $\tfrac12\sum(\alpha_1^2x^2+\sigma_1^2-1-\ln\sigma_1^2)$;
    - reconstruction: $-\ln p(x|z_0)$ with $z_0=\alpha_0x+\sigma_0\varepsilon_0$, the softmax over
      the 17 levels $l_k$ of $-\tfrac12e^{-\gamma_0}(z_0/\alpha_0-l_k)^2$, summed over pixels;
    - diffusion: $\tfrac12\gamma'\alpha_t^2\|v-\hat v\|^2$ at the depth $t$.""",
    form=Program(
        "net, levels (B, 64), t (B,), eps (B, 64), eps_0 (B, 64)",
        "prior, reconstruction, diffusion, each (B,)",
        _for_bound,
        tolerance=1e-3,
        absolute=1e-3,
        measure=_with_gradients,
    ),
    answer=bills,
    hints=["Do the three one by one: which of them is off? The prior has no network in it, and the "
           "reconstruction none either.",
           "`F.cross_entropy(logits.transpose(1, 2), levels.long(), reduction='none')` is the "
           "reconstruction of every pixel, for logits (B, 64, 17); gamma' is 5 - gamma_0."],
    mistakes={
        "these are means over the pixels; the bound is their sum":
            lambda *given: _times(bills(*given), *[1 / DIMS] * 3),
        "the diffusion loss has no gamma' = 5 - gamma_0":
            lambda *given: _times(bills(*given), 1, 1, 1 / (5 - gamma_min_for(LEVELS))),
        "the weight of ||v - v_hat||^2 is alpha^2, and this has sigma^2": lambda net, k, t, *eps:
            _times(bills(net, k, t, *eps), 1, 1, noise_at(t)[0].exp()),
        "the weight of ||v - v_hat||^2 is alpha^2; the SNR belongs to ||x - x_hat||^2":
            lambda net, k, t, *eps: _times(bills(net, k, t, *eps), 1, 1, noise_at(t)[2] ** -2),
        "alpha is squared in the weight":
            lambda net, k, t, *eps: _times(bills(net, k, t, *eps), 1, 1, 1 / noise_at(t)[1]),
        "z_0 has noise of its own, eps_0; this shares eps with z_t":
            lambda net, k, t, eps, _: bills(net, k, t, eps, eps),
    },
)  # fmt: skip


# --- 5: the loop ----------------------------------------------------------------------------------


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
    net, gradients, seen = nn.Linear(1, 1, bias=False), [], set[bytes]()
    nn.init.constant_(net.weight, 0.5)

    def loss(net: Any, batch: Tensor) -> Tensor:  # least where the weight is 0.4
        if batch.shape != (64, DIMS):
            raise NotRight(f": the loss gets {tuple(batch.shape)} in place of (64, {DIMS})")
        seen.update(image.numpy().tobytes() for image in batch)
        gradients.append(2 * (net.weight.item() - 0.4))
        return (net.weight - 0.4).square().sum()

    if (losses := loop(net, images, loss, updates)) in (None, ...):
        if gradients:
            raise NotRight(": yield each loss")
        raise NotImplementedError
    losses = [*losses]
    if len(gradients) != updates:
        raise NotRight(f": the loss was called {len(gradients)} times for {updates} updates")
    if len(seen) < len(images) / 2:
        raise NotRight(": it sees few of the images; draw others in every update")
    if len({*gradients}) == 1:
        raise NotRight(": the weights do not move: `backward`, then `step`")
    left = 0.0 if net.weight.grad is None else net.weight.grad.item()
    if left and abs(left + gradients[-1]) < 1e-3 < abs(left):
        raise NotRight(": this climbs; descend on the loss itself, not on minus the loss")
    if left and abs(left - gradients[-1]) > 1e-3:
        raise NotRight(": gradients of earlier updates add up: `zero_grad` in every update")
    if not abs(net.weight.item() - 0.4) < 0.08 or max(map(abs, gradients)) > 1:
        raise NotRight(": the loss rises; or its steps are far too small, or too large")
    if not all(isinstance(value, float) for value in losses):
        raise NotRight(": yield each loss as a number, by `item()`")
    return len(losses)


EXERCISES["15.5"] = lambda: Exercise(
    question=r"""Write the loop: in each of `updates` updates draw 64 images at random, descend on
    `loss(net, batch)`, and `yield` it as a number (so that who calls it can look on). Adam with a
    rate of 0.004 that falls to 0 at the end (`OneCycleLR`) serves.""",
    form=Program(
        "net, images (N, 64), loss, updates",
        "the losses, one by one",
        lambda generator: (torch.randint(LEVELS, (300, DIMS), generator=generator), 40),
        measure=_loop_is_sound,
        tries=1,
    ),
    answer=descend,
    hints=["Four calls make an update: the loss, `zero_grad`, `backward`, `step`.",
           "`images[torch.randint(len(images), (64,))]` are 64 images at random."],
)  # fmt: skip


# --- 6: the sampler -------------------------------------------------------------------------------


def sampler(net: Network, z: Tensor, noise: Tensor) -> Tensor:
    """z_1 -> z_0 / alpha_0 in len(noise) equal steps"""
    depths = torch.linspace(1, 0, len(noise) + 1)
    for k, eps in enumerate(noise):
        t, s = (Noise.from_gamma(noise_at(depths[i])[0]) for i in (k, k + 1))
        x_hat = turn(z, net(z, t.gamma.expand(len(z))), t.gamma[None], back=True)[0]
        p = process.generative_step(z, x_hat, 0.0, s, t)
        z = p.mean + p.variance.sqrt() * eps
    return z / s.alpha


def _for_draw(generator: Generator) -> tuple[Any, ...]:
    net, n = _network(generator).requires_grad_(False), _size(generator)
    return net, _few(generator, n, DIMS), _few(generator, _size(generator), n, DIMS)


def _wider(net: Network, z: Tensor, noise: Tensor) -> Tensor:
    sigma = noise_at(torch.linspace(1, 0, len(noise) + 1))[2][:, None, None]
    return sampler(net, z, noise * sigma[:-1] / sigma[1:])


EXERCISES["15.6"] = lambda: Exercise(
    question=r"""Write the sampler: `len(noise)` equal steps from $z_1$ at $t=1$ down to $t=0$. A
    step from $t$ to $s$ draws $z_s$ with mean
    $\frac{\alpha_t}{\alpha_s}\frac{\sigma_s^2}{\sigma_t^2}z_t+\alpha_sc\,\hat x$ and variance
    $\sigma_s^2c$, $c=1-e^{\gamma_s-\gamma_t}$; `noise[k]` is the noise of the step number $k$.
    Return $z_0/\alpha_0$.""",
    form=Program(
        "net, z (n, 64), noise (T, n, 64)", "z_0 / alpha_0, a tensor (n, 64)", _for_draw,
        tolerance=5e-5, absolute=1e-5,
    ),
    answer=sampler,
    hints=["x_hat comes from z and v_hat by the rotation back; `gamma.expand(len(z))` gives every "
           "image its gamma.",
           "c = -torch.expm1(gamma_s - gamma_t); the last step has noise too, and z_0 is divided "
           "by alpha_0 at the end."],
    mistakes={
        "the variance of a step is sigma_s^2 c, and this has sigma_t^2":
            _wider,
        "the last step has noise too: z_0 is still a latent": lambda net, z, noise: sampler(
            net, z, torch.cat([noise[:-1], 0 * noise[-1:]])),
        "this is z_0; divide it by alpha_0":
            lambda net, z, noise: sampler(net, z, noise) * noise_at(torch.zeros(()))[1],
        "this rotates z and v_hat further; rotate them back":
            lambda net, z, noise: sampler(lambda *given: -net(*given), z, noise),
        "noise[0] belongs to the first step, which starts at t = 1":
            lambda net, z, noise: sampler(net, z, noise.flip(0)),
        "v_hat is not x_hat: rotate back": lambda net, z, noise: sampler(
            lambda z, g: process.v_from_x(z, net(z, g), Noise.from_gamma(g).like(z)), z, noise),
    },
)  # fmt: skip


# --- 7: an encoder --------------------------------------------------------------------------------


def encoded(net: nn.Module, y: nn.Module, x: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """The diffusion loss of a DiffEnc with the encoder x_t = x + sigma_t^2 (y - x), (B,)"""
    return diffusion_loss(_model(net, LearnedEncoder(y)), x, t, eps)


class _Slope(nn.Module):
    """y with its derivative by gamma multiplied by a number at the depth t"""

    def __init__(self, y: nn.Module, t: Tensor, factor: float):
        super().__init__()
        self.y, self.gamma, self.factor = y, noise_at(t)[0], factor

    def forward(self, x: Tensor, gamma: Tensor) -> Tensor:
        return self.y(x, self.gamma + self.factor * (gamma - self.gamma))


def _for_encoder(generator: Generator) -> tuple[Any, ...]:
    net, levels, t, eps, _ = _for_bound(generator)
    return net, _network(generator), to_x(levels), t, eps


EXERCISES["15.7"] = lambda: Exercise(
    question=r"""Write the diffusion loss with a learned encoder. $x_t=x+\sigma_t^2(y-x)$ with
    $y=y(x,\gamma_t)$; $u=x_t-y-\partial y/\partial\gamma$, by one forward-mode derivative,
    `torch.func.jvp`; then $z,v$ from $x_t$, $\hat x$ from $z,\hat v$, and
    $\tfrac12\gamma'\alpha_t^2\|r\|^2$ with $r=(v-\hat v)-\sigma_t(u-\hat u)$,
    $\hat u=\hat x$ as in lesson 04, and $\gamma'=5-\gamma_0$.
    Nats, (B,).""",
    form=Program(
        "net, y, x (B, 64), t (B,), eps (B, 64)", "a tensor (B,)", _for_encoder,
        tolerance=1e-3, absolute=1e-3, measure=_with_gradients,
    ),
    answer=encoded,
    hints=["Everything that was x for the VDM is x_t now: in z, in v and in the target of x_hat.",
           "`y_t, slope = torch.func.jvp(lambda g: y(x, g), (gamma,), (torch.ones_like(gamma),))` "
           "gives y and its derivative in one pass."],
    mistakes={
        "u lacks the derivative of y":
            lambda net, y, x, t, eps: encoded(net, _Slope(y, t, 0), x, t, eps),
        "the derivative has the other sign: lambda = -gamma":
            lambda net, y, x, t, eps: encoded(net, _Slope(y, t, -1), x, t, eps),
        "the residual lacks u_hat = x_hat": lambda net, y, x, t, eps: diffusion_loss(
            _model(net, LearnedEncoder(y, counterterm=False)), x, t, eps),
        "this is the loss of a VDM at x_t: the residual lacks sigma (u - x_hat)":
            lambda net, y, x, t, eps: diffusion_loss(
                _model(net), LearnedEncoder(y).encode(x, noise_at(t)[0]).x_t, t, eps),
        "the mean over pixels; the loss is their sum": lambda *given: encoded(*given) / DIMS,
    },
)  # fmt: skip


# --- 8: eight steps -------------------------------------------------------------------------------


def ratios(net: nn.Module, x: Tensor, eps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """w* of len(eps) equal steps, and the diffusion loss with w = 1 and with w*, in nats"""
    model, n = _model(net), torch.ones(len(x))
    gaps = [
        squared_gap(model, x, n * i / len(eps), n * (i + 1) / len(eps), noise).mean()
        for i, noise in enumerate(eps)
    ]
    m = torch.stack(gaps)
    return gaussian.best_ratio(m), DIMS / 2 * m.sum(), gaussian.best_cost(m, DIMS).sum()


def _for_ratios(generator: Generator) -> tuple[Any, ...]:
    net, n = _network(generator).requires_grad_(False), _size(generator)
    return net, _few(generator, n, DIMS).tanh(), _few(generator, _size(generator), n, DIMS)


EXERCISES["15.8"] = lambda: Exercise(
    question=r"""Write what `len(eps)` equal steps cost a VDM, and their best ratios. Step $i$ goes
    from $t=(i+1)/T$ down to $s=i/T$ with the noise `eps[i]`. Its mean squared gap is
    $m=\mathbb E\|\alpha_sc\,\sigma_t(v-\hat v)\|^2/(d\,\sigma_s^2c)$; then $w^*=1/(1+m)$, and the
    step costs $\frac d2m$ with $w=1$ and $\frac d2\ln(1+m)$ with $w^*$. Return the $w^*$ (T,) and
    the two sums, in nats for an image.""",
    form=Program(
        "net, x (B, 64), eps (T, B, 64)", "w (T,) and two numbers", _for_ratios, tolerance=1e-3
    ),
    answer=ratios,
    hints=["One m a step: a mean over all images and pixels, before anything is inverted.",
           "c = -torch.expm1(gamma_s - gamma_t) again; the gap's sigma_Q^2 is sigma_s^2 c."],
    mistakes={
        "step 0 is the one at the data":
            lambda *given: (ratios(*given)[0].flip(0), *ratios(*given)[1:]),
    },
)  # fmt: skip
