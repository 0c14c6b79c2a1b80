"""The bound of each shipped model on fixed images, depths and noise, to 1e-4 bits per dimension.

Within the standard errors of its card a small fault in a network is not seen.
Written by the code at the release of the weights; a change of them changes the numbers.
"""

import pytest
import torch
from draws import seeded

from diffenc_lite import elbo, load_named, load_pretrained, pretrained_names
from diffenc_lite.pixels import bits_per_dim

# prior, reconstruction, diffusion at infinite depth, diffusion of one of 64 steps
GOLDEN = {
    "mnist-learned": (0.000860, 0.006326, 0.911453, 1.062642),
    "mnist-learned-medium": (0.000840, 0.006329, 0.849748, 0.986152),
    "mnist-scaling": (0.000016, 0.006340, 0.964026, 1.132506),
    "mnist-scaling-medium": (0.000016, 0.006340, 0.881738, 1.037121),
    "mnist-vdm": (0.004509, 0.006324, 0.920080, 1.064879),
    "mnist-vdm-medium": (0.000205, 0.001300, 0.831422, 0.987852),
    "photos-vdm-medium": (0.000705, 0.014710, 2.463905, 2.887208),
}


def test_every_shipped_model_has_its_numbers():
    assert sorted(GOLDEN) == pretrained_names()


@pytest.mark.parametrize("name", GOLDEN)
def test_the_bound_of_a_shipped_model(name):
    model = load_pretrained(name)
    data = load_named("photos" if "photos" in name else "bundled", "test")
    with torch.no_grad():
        deep, finite = (elbo(model, data.images[:8], T, generator=seeded(1)) for T in (None, 64))
    terms = deep.prior, deep.reconstruction, deep.diffusion, finite.diffusion
    bits = [bits_per_dim(nats.mean(), deep.dims).item() for nats in terms]
    assert bits == pytest.approx(GOLDEN[name], rel=0, abs=1e-4)
