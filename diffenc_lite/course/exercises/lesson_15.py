"""Exercises of notebook 15, Build it yourself: the eight pieces of a DiffEnc.

Each piece stands here in the library's words, under the name that the lesson gives it, so that who
is stuck goes on with it. All are of digits of 64 pixels with 17 levels, in nats.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, pairwise
from typing import Any

import torch
from torch import Generator, Tensor, nn

from ... import DiffEnc, LearnedEncoder, LinearSchedule, Noise, elbo, gaussian, process
from ...bound import diffusion_loss, squared_gap
from ...schedule import gamma_min_for, value_and_slope
from .answers import NotRight
from .forms import Exercise, Lesson, Program

EXERCISES: Lesson = {}
LEVELS, DIMS, BIT = 17, 64, 0.69314718  # a bit in nats
Network = Callable[[Tensor, Tensor], Tensor]


def _schedule(levels: int = LEVELS) -> LinearSchedule:
    return LinearSchedule(gamma_min_for(levels), 5.0)


def _model(net: nn.Module, y: nn.Module | None = None) -> DiffEnc:
    encoder = None if y is None else LearnedEncoder(y)
    return DiffEnc(net, encoder, _schedule(), LEVELS, (DIMS,))


def to_x(levels: Tensor) -> Tensor:
    """The places of the levels in (-1, 1)"""
    return (2 * levels.long() + 1) / LEVELS - 1


def _few(generator: Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=generator)


def _with_gradients(f: Callable[..., Any], net: nn.Module, *others: Any) -> Any:
    """What f returns, and the gradients of its sum by the weights of all networks"""
    if (given := f(net, *others)) is None or given is ...:
        return None
    outputs = given if isinstance(given, tuple | list) else (given,)
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

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(_few(generator, DIMS + 1, DIMS) / 8)

        def forward(self, z: Tensor, gamma: Tensor) -> Tensor:
            return (torch.cat([z, gamma[:, None] / 9], 1) @ self.weight).tanh()

    return Net()


# --- 1: the noise ---------------------------------------------------------------------------------


def noise_at(t: Tensor, levels: int = LEVELS) -> tuple[Tensor, Tensor, Tensor]:
    """gamma, alpha and sigma at depth t, each in its shape"""
    at = _schedule(levels)(t)
    return at.gamma, at.alpha, at.sigma


def _with_gamma(change: Callable[[Tensor, Tensor, int], Tensor]) -> Callable[..., Any]:
    """noise_at with another gamma"""

    def other(t: Tensor, levels: int) -> tuple[Tensor, Tensor, Tensor]:
        at = Noise.from_gamma(change(noise_at(t, levels)[0], t, levels))
        return at.gamma, at.alpha, at.sigma

    return other


EXERCISES["15.1"] = lambda: Exercise(
    question=r"""Write the schedule: $\gamma$ rises linearly from
    $\gamma_0=-13.3+2\ln(256/\text{levels})$ at $t=0$ to $5$ at $t=1$. Return $\gamma$, $\alpha$ and
    $\sigma$, with $\alpha^2=\mathrm{sigmoid}(-\gamma)$ and $\sigma^2=\mathrm{sigmoid}(\gamma)$.""",
    form=Program(
        "t (B,), levels",
        "three tensors (B,)",
        lambda generator: (torch.rand(5, generator=generator), 17),
    ),
    answer=noise_at,
    hints=["The library's `torch.sigmoid` has both squares; which sign belongs to alpha, which is "
           "near 1 at t = 0?",
           "gamma = gamma_0 + (5 - gamma_0) * t, and a square root for alpha and for sigma."],
    mistakes={
        "this is the end for 256 levels; the levels must move it":
            _with_gamma(lambda g, t, levels: -13.3 + 18.3 * t),
        "the two ends are exchanged: gamma must rise with t":
            _with_gamma(lambda g, t, levels: noise_at(1 - t, levels)[0]),
        "alpha and sigma are exchanged: at t = 0 there is almost no noise":
            lambda t, levels: tuple(noise_at(t, levels)[k] for k in (0, 2, 1)),
        "alpha and sigma are still squared: take the roots":
            lambda t, levels: (noise_at(t)[0], *(part**2 for part in noise_at(t)[1:])),
        "gamma is minus the logarithm of the SNR, and this is the SNR itself":
            lambda t, levels: (torch.exp(-noise_at(t)[0]), *noise_at(t)[1:]),
        "this is the logarithm of the SNR; gamma has the other sign":
            lambda t, levels: (-noise_at(t)[0], *noise_at(t)[1:]),
        "ln, not log2, of 256 / levels":
            _with_gamma(lambda g, t, levels: t * 5 + (1 - t) * (-13.3 + 2 * 3.9125372)),
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
    gamma, back = 3 * _few(generator, 4), bool(torch.rand((), generator=generator) < 0.5)
    return _few(generator, 4, 3), _few(generator, 4, 3), gamma, back


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
    levels = torch.randint(LEVELS, (4, DIMS), generator=generator).byte()
    t = torch.rand(4, generator=generator)
    return _network(generator), levels, t, _few(generator, 4, DIMS), _few(generator, 4, DIMS)


def _changed(*changes: Any) -> Callable[..., Any]:
    """The bound with its three terms multiplied by numbers, or functions of t"""

    def other(net: nn.Module, levels: Tensor, t: Tensor, eps: Tensor, eps_0: Tensor) -> Any:
        terms = bills(net, levels, t, eps, eps_0)
        return tuple(
            term * (change(t) if callable(change) else change)
            for term, change in zip(terms, changes, strict=True)
        )

    return other


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
        "these are bits; the bound is in nats": _changed(*[1 / BIT] * 3),
        "these are means over the pixels; the bound is their sum": _changed(*[1 / DIMS] * 3),
        "the diffusion loss has a half": _changed(1, 1, 2),
        "the sign of the diffusion loss: gamma' is positive": _changed(1, 1, -1),
        "the diffusion loss has no gamma' = 5 - gamma_0":
            _changed(1, 1, 1 / (5 - gamma_min_for(LEVELS))),
        "the weight of ||v - v_hat||^2 is alpha^2, and this has sigma^2":
            _changed(1, 1, lambda t: noise_at(t)[0].exp()),
        "the weight of ||v - v_hat||^2 is alpha^2; the SNR belongs to ||x - x_hat||^2":
            _changed(1, 1, lambda t: noise_at(t)[2] ** -2),
        "alpha is squared in the weight": _changed(1, 1, lambda t: 1 / noise_at(t)[1]),
        "z_0 has noise of its own, eps_0; this shares eps with z_t":
            lambda net, levels, t, eps, eps_0: bills(net, levels, t, eps, eps),
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
    if not abs(net.weight.item() - 0.4) < 0.08:
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


def sampler(
    net: Network, z: Tensor, noise: Tensor, of_t: bool = False, keeps: bool = True
) -> Tensor:
    """z_1 -> z_0 / alpha_0 in len(noise) equal steps. Args: of_t, keeps: for two mistakes"""
    depths = torch.linspace(1, 0, len(noise) + 1)
    for k, eps in enumerate(noise):
        t, s = (Noise.from_gamma(noise_at(depths[i])[0]) for i in (k, k + 1))
        x_hat = turn(z, net(z, t.gamma.expand(len(z))), t.gamma[None], back=True)[0]
        p = process.generative_step(z if keeps else 0 * z, x_hat, 0.0, s, t)
        z = p.mean + p.variance.sqrt() * eps * (t.sigma / s.sigma if of_t else 1)
    return z / s.alpha


def _for_draw(generator: Generator) -> tuple[Any, ...]:
    net = _network(generator).requires_grad_(False)
    return net, _few(generator, 3, DIMS), _few(generator, 6, 3, DIMS)


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
            lambda net, z, noise: sampler(net, z, noise, of_t=True),
        "the last step has noise too: z_0 is still a latent": lambda net, z, noise: sampler(
            net, z, torch.cat([noise[:-1], 0 * noise[-1:]])),
        "this is z_0; divide it by alpha_0":
            lambda net, z, noise: sampler(net, z, noise) * noise_at(torch.zeros(()))[1],
        "the mean keeps a part of z_t": lambda net, z, noise: sampler(net, z, noise, keeps=False),
        "v_hat is not x_hat: rotate back": lambda net, z, noise: sampler(
            lambda z, g: process.v_from_x(z, net(z, g), Noise.from_gamma(g).like(z)), z, noise),
    },
)  # fmt: skip


# --- 7: an encoder --------------------------------------------------------------------------------


def encoded(net: nn.Module, y: nn.Module, x: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """The diffusion loss of a DiffEnc with the encoder x_t = x + sigma_t^2 (y - x), (B,)"""
    return diffusion_loss(_model(net, y), x, t, eps)


def _residual(
    net: nn.Module, y: nn.Module, x: Tensor, t: Tensor, eps: Tensor,
    slope: float = -1.0, counterterm: float = 1.0, speed: float = 1.0,
) -> Tensor:  # fmt: skip
    at = _schedule()(t)
    y_t, rise = value_and_slope(lambda g: y(x, g), at.gamma)
    on_x = at.like(x)
    x_t = x + on_x.sigma**2 * (y_t - x)
    z, v = turn(x_t, eps, at.gamma)
    v_hat = net(z, at.gamma)
    u = x_t - y_t + slope * rise
    x_hat = turn(z, v_hat, at.gamma, back=True)[0]
    r = v - v_hat - speed * on_x.sigma * (u - counterterm * x_hat)
    return 0.5 * at.rate * at.alpha**2 * gaussian.sum_dims(r**2)


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
        "u lacks the derivative of y": partial(_residual, slope=0.0),
        "the derivative has the other sign: lambda = -gamma":
            partial(_residual, slope=1.0),
        "the residual lacks u_hat = x_hat": partial(_residual, counterterm=0.0),
        "this is the loss of a VDM at x_t: the residual lacks sigma (u - x_hat)":
            partial(_residual, speed=0.0),
        "the speed has the other sign": partial(_residual, speed=-1.0),
        "these are bits": lambda *given: encoded(*given) / BIT,
        "the weight has a half": lambda *given: 2 * encoded(*given),
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
    net = _network(generator).requires_grad_(False)
    return net, _few(generator, 5, DIMS).tanh(), _few(generator, 8, 5, DIMS)


def _changed_ratios(of_w: Callable[[Tensor], Tensor], factor: float = 1.0) -> Callable[..., Any]:
    def other(net: nn.Module, x: Tensor, eps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        w, plain, best = ratios(net, x, eps)
        return of_w(w), factor * plain, factor * best

    return other


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
        "w is sigma_Q^2 / sigma_P^2, and this is its inverse": _changed_ratios(lambda w: 1 / w),
        "the sums are of d dimensions": _changed_ratios(lambda w: w, 1 / DIMS),
        "these are bits": _changed_ratios(lambda w: w, 1 / BIT),
        "step 0 is the one at the data": _changed_ratios(lambda w: w.flip(0)),
    },
)  # fmt: skip
