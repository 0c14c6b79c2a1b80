"""A sample solution of assignment 1: an encoder that takes a trained share of the mean off.

    python assignment_1.py                                   # full Fashion-MNIST
    python assignment_1.py --data bundled --updates 200      # a first look, minutes

The encoder.  x_t = x - k sigma_t^2 c, with c the mean image of the training set and one trained
number k. At t = 0 it is x (nearly), at t = 1 nearly x - k c: the data slowly centred.

Derivation of u.  d sigma_t^2/dlambda = -alpha_t^2 sigma_t^2, so dx_t/dlambda = k alpha_t^2
sigma_t^2 c, and dx_t/dlambda = sigma_t^2 u (U) gives u = k alpha_t^2 c.

Prediction, before training.  Only the prior loss can fall, since c is known to a perfect denoiser.
By X5 the total falls by at most the fall of the prior: alpha_1^2/2 times the sum over the pixels of
m_i^2 - (m_i - c_i)^2, m the mean of the data, which is alpha_1^2/2 |c|^2 for k near 1. The program
prints this number in bits per dimension before it trains.

The comparison.  Both denoisers start from the same weights (the same seed), and see the same
images, depths and noise, for the same number of updates. A third model is the control for what else
differs: the same encoder with k fixed at 1, so without the additional parameter.
"""

import argparse

import torch
from torch import nn

from diffenc_lite import DiffEnc, ModelConfig, Noise, TrainConfig, build, evaluate, train
from diffenc_lite.course.studies import statistics
from diffenc_lite.data import load_named


class Centred(nn.Module):
    """x_t = x - k sigma_t^2 c, u = k alpha_t^2 c."""

    def __init__(self, mean, trained):
        super().__init__()
        self.register_buffer("mean", mean)
        self.k = nn.Parameter(torch.ones(()), requires_grad=trained)

    def shift(self, x, gamma):
        return -self.k * Noise.from_gamma(gamma).like(x).sigma.square() * self.mean.to(x)

    def u(self, x, gamma):
        u = self.k * Noise.from_gamma(gamma).like(x).alpha.square() * self.mean.to(x)
        return u.expand_as(x)


def check(encoder):
    """dx_t/dlambda = sigma_t^2 u, by forward mode, to many digits"""
    x, gamma = torch.rand(5, *encoder.mean.shape).double(), torch.linspace(-9, 4, 5).double()
    encoding, slope = torch.func.jvp(
        lambda g: x + encoder.shift(x, g), (gamma,), (torch.ones_like(gamma),)
    )
    sigma2 = Noise.from_gamma(gamma).like(x).sigma.square()
    torch.testing.assert_close(-slope, sigma2 * encoder.u(x, gamma), rtol=1e-12, atol=1e-12)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default="fashion-mnist")
    parser.add_argument("--size", default="small")
    parser.add_argument("--images", type=int, default=60000)
    parser.add_argument("--updates", type=int, default=2000)
    parser.add_argument("--pairs", type=int, default=3)
    options = parser.parse_args()
    images = load_named(options.data, "train").images[: options.images]
    test = load_named(options.data, "test").images[:2000]
    mean = ((images.float().mean(0) + 0.5) / 128 - 1).double()
    check(Centred(mean, True).double())
    alpha2 = torch.sigmoid(torch.tensor(-5.0))
    allowed = (alpha2 / 2 * mean.square().mean() / torch.tensor(2.0).log()).item()
    print(f"predicted: a fall of at most {allowed:.5f} bits/dim, all of it of the prior loss")

    differences = {"k trained": [], "k = 1": []}
    for seed in range(options.pairs):
        plain = None
        for name in ("VDM", *differences):
            torch.manual_seed(seed)
            model = build(ModelConfig("identity", options.size))
            if name != "VDM":
                model = DiffEnc(model.denoiser, Centred(mean.float(), name == "k trained"))
            last = train(model, images, TrainConfig(options.updates, seed=seed))
            # the same depths and noise for all three
            score = evaluate(last.model, test, generator=torch.Generator().manual_seed(1))
            if plain is None:
                plain = score
                print(f"seed {seed}: VDM {plain.total:.5f}")
                continue
            differences[name].append(score.total - plain.total)
            print(
                f"seed {seed}: {name} {score.total - plain.total:+.5f}, of it prior "
                f"{score.prior - plain.prior:+.5f}; k = {last.model.encoder.k.item():.3f}"
            )
    for name, values in differences.items():
        low, high = statistics.t_interval(values)
        print(f"{name} less VDM: {sum(values) / len(values):+.5f}, 95 % [{low:+.5f}, {high:+.5f}]")
    print(
        "Shown: how far the prior falls, which is the predicted amount. Not shown, if the interval "
        "of the total holds 0: that the total falls. More pairs would decide it, and longer "
        "trainings."
    )


if __name__ == "__main__":
    main()
